// SPDX-License-Identifier: Apache-2.0
// fast = systemc (= rtl): cycles, every counter, energy, and results against the C reference product, on random cases. Case i depends on the seed and on i alone.
// Usage: test_exact systemc CASES                  any array, fast and systemc
//        test_exact slice|all CASES [FIRST]        arrays of shapes.h in turn, at all three; slice: the first few of them
//        test_exact gemm CASES                     the same as slice, plain products alone
#include <math.h>

#include "exactness.h"
#include "shapes.h"
#include "sj_price.h"

typedef sj_status (*cycle_level)(const sj_accel *, sj_variant, const sj_job *, sj_outcome *, void *, sj_error *);

static const char *mode;
static int64_t first_case, case_count;
static sj_tech *tech;

static void check_results(const exact_case *c, const char *fidelity, const uint32_t *results, const uint32_t *expected) {
    for (int64_t i = 0; i < exact_result_count(c->job); i++) {
        if (results[i] != expected[i]) {
            fail_msg("%s: output %lld is %08x, the reference product says %08x; %s", fidelity, (long long)i, results[i], expected[i], exact_describe(c));
        }
    }
}

static void check_energy(const exact_case *c, const char *fidelity, const sj_outcome *fast, const sj_outcome *other) {
    sj_error err = {0};
    sj_prices prices;
    if (sj_tech_prices(tech, &c->accel, c->variant.machine, &prices, &err) != SJ_OK) {
        fail_msg("%s; %s", err.message, exact_describe(c));
    }
    for (int bound = 0; bound < SJ_BOUND_COUNT; bound++) {
        const sj_energy a = sj_price(&prices, &fast->counts, (sj_bound)bound);
        const sj_energy b = sj_price(&prices, &other->counts, (sj_bound)bound);
        if (a.total_pj != b.total_pj || !(a.total_pj > 0.0 || fast->cycles == 0)) {
            fail_msg("energy: fast %.17g pJ, %s %.17g pJ; %s", a.total_pj, fidelity, b.total_pj, exact_describe(c));
        }
    }
}

static void compare_case(const exact_case *c, int64_t number, const char *name, cycle_level fidelity, const sj_outcome *fast, const uint32_t *expected) {
    sj_error err = {0};
    sj_outcome other = {0};
    uint32_t *results = c->job->is_product ? malloc((size_t)exact_result_count(c->job) * sizeof *results + 1) : NULL;
    if (fidelity(&c->accel, c->variant, c->job, &other, results, &err) != SJ_OK) {
        fail_msg("case %lld: %s: %s; %s", (long long)number, name, err.message, exact_describe(c));
    }
    const char *difference = exact_difference(fast, &other);
    if (difference != NULL) {
        fail_msg("case %lld: fast against %s: %s; %s", (long long)number, name, difference, exact_describe(c));
    }
    check_energy(c, name, fast, &other);
    if (results != NULL) {
        check_results(c, name, results, expected);
    }
    free(results);
}

static uint32_t *reference(const exact_case *c) {
    if (!c->job->is_product) {
        return NULL;
    }
    sj_error err = {0};
    uint32_t *expected = malloc((size_t)exact_result_count(c->job) * sizeof *expected + 1);
    assert_non_null(expected);
    if (sj_reference_product(c->job, expected, &err) != SJ_OK) {
        fail_msg("reference product: %s; %s", err.message, exact_describe(c));
    }
    return expected;
}

static void run_case(const exact_case *c, int64_t number, exact_coverage *coverage) {
    sj_error err = {0};
    sj_outcome fast = {0};
    if (sj_fast_run(&c->accel, c->variant, c->job, &fast, &err) != SJ_OK) {
        fail_msg("case %lld: fast: %s; %s", (long long)number, err.message, exact_describe(c));
    }
    uint32_t *expected = reference(c);
    compare_case(c, number, "systemc", sj_systemc_run, &fast, expected);
    if (strcmp(mode, "systemc") != 0) {
        compare_case(c, number, "rtl", sj_rtl_run, &fast, expected);
    }
    free(expected);
    exact_cover(coverage, c, &fast);
}

static void count_shape(exact_coverage *coverage, int chosen, int shapes) {
    for (int i = 0; i < shapes; i++) {
        const exact_shape_entry *s = &exact_shapes[i];
        char name[40];
        snprintf(name, sizeof name, "%dx%d slots %d KT %d acc %d %s", s->rows, s->lanes, s->slots, s->k_tile, s->acc_banks, s->dtype == SJ_DTYPE_BF16 ? "bf16" : "int8");
        exact_count(coverage, "shape", name, i == chosen);
    }
}

static void the_fidelities_agree(void **state) {
    (void)state;
    const uint64_t seed = sj_test_seed(2026);
    const int shapes = strcmp(mode, "systemc") == 0 ? 0 : strcmp(mode, "all") == 0 ? EXACT_SHAPES : EXACT_SLICE;
    exact_coverage coverage = {0};
    for (int64_t i = first_case; i < first_case + case_count; i++) {
        sj_random r = sj_random_stream(seed, (uint64_t)i);
        sj_accel shape = {0};
        if (shapes > 0) {
            exact_shape(&shape, (int)(i % shapes));
        }
        exact_case c = exact_case_make(&r, shapes > 0 ? &shape : NULL, strcmp(mode, "gemm") == 0 ? EXACT_GEMM : -1);
        run_case(&c, i, &coverage);
        count_shape(&coverage, (int)(i % (shapes > 0 ? shapes : 1)), shapes);
        exact_case_free(&c);
    }
    exact_print(&coverage);
}

static int open_tech(void **state) {
    (void)state;
    sj_error err = {0};
    return sj_tech_open(SJ_SOURCE_DIR "/configs/tech/45nm.cfg", NULL, 0, &tech, &err) == SJ_OK ? 0 : -1;
}

static int close_tech(void **state) {
    (void)state;
    sj_tech_close(tech);
    return 0;
}

static bool known_mode(const char *text) {
    return strcmp(text, "systemc") == 0 || strcmp(text, "slice") == 0 || strcmp(text, "all") == 0 || strcmp(text, "gemm") == 0;
}

int main(int argc, char **argv) {
    if (argc < 3 || argc > 4 || !known_mode(argv[1]) || strtoll(argv[2], NULL, 10) < 1) {
        fprintf(stderr, "usage: test_exact systemc|slice|all|gemm CASES [FIRST]\n");
        return 2;
    }
    mode = argv[1];
    case_count = strtoll(argv[2], NULL, 10);
    first_case = argc > 3 ? strtoll(argv[3], NULL, 10) : 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_fidelities_agree)};
    return cmocka_run_group_tests(tests, open_tech, close_tech);
}
