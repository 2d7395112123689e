// SPDX-License-Identifier: Apache-2.0
// fast = systemc (= rtl on the built shapes): cycles, every counter, and results against the C reference product, on random cases.
// Usage: test_exact systemc|rtl CASES     jobs of every kind
//        test_exact gemm CASES            products alone, each at fast, systemc and rtl
#include "exactness.h"

typedef sj_status (*cycle_level)(const sj_accel *, sj_variant, const sj_job *, sj_outcome *, void *, sj_error *);

static cycle_level fidelity;
static const char *fidelity_name;
static bool all_three;
static int64_t case_count;

static void check_results(const exact_case *c, const void *results) {
    sj_error err = {0};
    const int64_t count = c->job->m * c->job->n;
    uint32_t *expected = malloc((size_t)count * sizeof *expected + 1);
    assert_non_null(expected);
    const sj_status status = sj_reference_product(c->job, expected, &err);
    if (status != SJ_OK) {
        fail_msg("reference product: %s", err.message);
    }
    for (int64_t i = 0; i < count; i++) {
        const uint32_t got = ((const uint32_t *)results)[i];
        if (got != expected[i]) {
            fail_msg("%s: output %lld is %08x, the reference product says %08x; %s", fidelity_name, (long long)i, got, expected[i], exact_describe(c));
        }
    }
    free(expected);
}

static void compare_case(const exact_case *c, int64_t number, const sj_outcome *fast) {
    sj_error err = {0};
    sj_outcome other = {0};
    uint32_t *results = c->job->is_product ? malloc((size_t)(c->job->m * c->job->n) * sizeof *results + 1) : NULL;
    if (fidelity(&c->accel, c->variant, c->job, &other, results, &err) != SJ_OK) {
        fail_msg("%s: %s; %s", fidelity_name, err.message, exact_describe(c));
    }
    const char *difference = exact_difference(fast, &other);
    if (difference != NULL) {
        fail_msg("case %lld: fast against %s: %s; %s", (long long)number, fidelity_name, difference, exact_describe(c));
    }
    if (results != NULL) {
        check_results(c, results);
    }
    free(results);
}

static void run_case(const exact_case *c, exact_coverage *coverage) {
    sj_error err = {0};
    sj_outcome fast = {0};
    if (sj_fast_run(&c->accel, c->variant, c->job, &fast, &err) != SJ_OK) {
        fail_msg("fast: %s; %s", err.message, exact_describe(c));
    }
    if (all_three) {
        fidelity = sj_systemc_run;
        fidelity_name = "systemc";
        compare_case(c, coverage->cases, &fast);
        fidelity = sj_rtl_run;
        fidelity_name = "rtl";
    }
    compare_case(c, coverage->cases, &fast);
    exact_cover(coverage, c, &fast);
}

#include "shapes.h"

static void fast_equals_the_cycle_level_machine(void **state) {
    (void)state;
    sj_random r = sj_random_seed(sj_test_seed(2026));
    exact_coverage coverage = {0};
    for (int64_t i = 0; i < case_count; i++) {
        sj_accel shape = {0};
        const bool built_only = fidelity == sj_rtl_run;
        if (built_only) {
            exact_shape(&shape, (int)(i % EXACT_SHAPES));
        }
        exact_case c = exact_case_make(&r, built_only ? &shape : NULL, all_three ? EXACT_GEMM : -1);
        run_case(&c, &coverage);
        exact_case_free(&c);
    }
    exact_print(&coverage);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: test_exact systemc|rtl|gemm CASES\n");
        return 2;
    }
    fidelity_name = argv[1];
    fidelity = strcmp(argv[1], "systemc") == 0 ? sj_systemc_run : sj_rtl_run;
    all_three = strcmp(argv[1], "gemm") == 0;
    case_count = strtoll(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {cmocka_unit_test(fast_equals_the_cycle_level_machine)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
