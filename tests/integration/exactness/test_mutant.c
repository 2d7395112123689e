// SPDX-License-Identifier: Apache-2.0
// Does the equality test bite? One side is built (or chosen) with one constant changed; within CASES random cases the outcomes must part.
// Usage: test_mutant NAME CASES     NAME: fast, systemc (linked against the mutant), or rtl-1, rtl-2, rtl-3
#include "exactness.h"
#include "mutant_rtl.h"

static const char *name;
static int64_t case_count;

static sj_status run_other(const exact_case *c, sj_outcome *out, sj_error *err) {
    if (strncmp(name, "rtl-", 4) == 0) {
        return exact_run_mutant_rtl(name[4] - '0', &c->accel, c->variant, c->job, out, err);
    }
    return sj_systemc_run(&c->accel, c->variant, c->job, out, NULL, err);
}

static void the_change_is_seen(void **state) {
    (void)state;
    sj_random r = sj_random_seed(sj_test_seed(31));
    int64_t seen = 0;
    for (int64_t i = 0; i < case_count; i++) {
        sj_accel shape = {0};
        exact_mutant_shape(&shape);
        exact_case c = exact_case_make(&r, &shape, (int)(i % EXACT_KINDS));
        if (strncmp(name, "rtl-", 4) == 0) {
            c.variant.machine = SJ_MACHINE_SKIP;  // the mutants are built for it alone
            c.accel.issue_padding = false;
        }
        sj_error err = {0};
        sj_outcome fast = {0};
        sj_outcome other = {0};
        if (sj_fast_run(&c.accel, c.variant, c.job, &fast, &err) != SJ_OK) {
            fail_msg("%s; %s", err.message, exact_describe(&c));
        }
        const char *difference = NULL;
        const sj_status status = run_other(&c, &other, &err);
        if (status == SJ_ERR_INTERNAL) {  // the system holds the array to its protocol: a late drain stops the run
            difference = err.message;
        } else if (status == SJ_OK) {
            difference = exact_difference(&fast, &other);
        } else {
            fail_msg("%s; %s", err.message, exact_describe(&c));
        }
        if (difference != NULL && seen++ == 0) {
            printf("mutant %s: first seen in case %lld: %s; %s\n", name, (long long)i, difference, exact_describe(&c));
        }
        exact_case_free(&c);
    }
    printf("mutant %s: seen in %lld of %lld cases\n", name, (long long)seen, (long long)case_count);
    assert_true(seen > 0);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: test_mutant NAME CASES\n");
        return 2;
    }
    name = argv[1];
    case_count = strtoll(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_change_is_seen)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
