// SPDX-License-Identifier: Apache-2.0
// Folds never split a group, are as even as can be, and do not depend on anything but seed and groups. Errors by hand.
#include "sj_estimate_errors.h"
#include "sj_estimate_folds.h"
#include "sj_test.h"

#include <math.h>

enum { MOST = 200 };

static sj_error err;

static int distinct_in(const int *groups, const int *fold, int count, int of) {
    bool seen[MOST] = {false};
    int distinct = 0;
    for (int i = 0; i < count; i++) {
        if (fold[i] == of && !seen[groups[i]]) {
            seen[groups[i]] = true;
            distinct++;
        }
    }
    return distinct;
}

static void test_groups_stay_together(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(7));
    for (int round = 0; round < 500; round++) {
        const int count = (int)sj_test_between(&r, 2, MOST), group_count = (int)sj_test_between(&r, 2, MOST);
        int groups[MOST], fold[MOST], again[MOST], present = 0, most = 0, least = MOST;
        bool there[MOST] = {false};
        for (int i = 0; i < count; i++) {
            groups[i] = (int)sj_random_below(&r, (uint64_t)group_count);  // some groups have no run
            present += !there[groups[i]];
            there[groups[i]] = true;
        }
        const int folds = (int)sj_test_between(&r, 2, 8);
        const uint64_t seed = sj_random_u64(&r);
        const sj_status status = sj_folds_grouped(groups, count, group_count, folds, seed, "trainings", fold, &err);
        assert_int_equal(status, present < folds ? SJ_ERR_RANGE : SJ_OK);
        if (status != SJ_OK) {
            continue;
        }
        for (int i = 0; i < count; i++) {
            assert_in_range(fold[i], 0, folds - 1);
            for (int j = 0; j < i; j++) {
                assert_true(groups[i] != groups[j] || fold[i] == fold[j]);
            }
        }
        for (int f = 0; f < folds; f++) {
            const int size = distinct_in(groups, fold, count, f);
            most = size > most ? size : most;
            least = size < least ? size : least;
        }
        assert_true(least >= 1 && most - least <= 1);
        assert_int_equal(sj_folds_grouped(groups, count, group_count, folds, seed, "trainings", again, &err), SJ_OK);
        assert_memory_equal(fold, again, (size_t)count * sizeof *fold);
    }
    (void)state;
}

static void test_seeds_differ(void **state) {
    int groups[60], first[60], fold[60];
    bool differs = false;
    for (int i = 0; i < 60; i++) {
        groups[i] = i / 3;
    }
    assert_int_equal(sj_folds_grouped(groups, 60, 20, 5, 1, "trainings", first, &err), SJ_OK);
    for (uint64_t seed = 2; seed < 6; seed++) {
        assert_int_equal(sj_folds_grouped(groups, 60, 20, 5, seed, "trainings", fold, &err), SJ_OK);
        differs = differs || memcmp(first, fold, sizeof fold) != 0;
    }
    assert_true(differs);
    (void)state;
}

static void test_leave_one(void **state) {
    const int groups[] = {4, 2, 4, 7, 2}, expected[] = {1, 0, 1, 2, 0}, alone[] = {3, 3};
    int fold[5], folds;
    assert_int_equal(sj_folds_leave_one(groups, 5, 9, "networks", fold, &folds, &err), SJ_OK);
    assert_int_equal(folds, 3);
    assert_memory_equal(fold, expected, sizeof expected);
    assert_int_equal(sj_folds_leave_one(alone, 2, 4, "networks", fold, &folds, &err), SJ_ERR_RANGE);
    assert_int_equal(sj_folds_grouped(groups, 5, 9, 1, 1, "trainings", fold, &err), SJ_ERR_RANGE);
    (void)state;
}

// Predictions 1, 4, 9 of 2, 4, 6: off by -1, 0, 3: RMSE sqrt(10/3), MAPE (1/2 + 0 + 1/2) / 3, R2 1 - 10/8.
static void test_errors_by_hand(void **state) {
    const double predicted[] = {1.0, 4.0, 9.0}, truth[] = {2.0, 4.0, 6.0}, equal[] = {2.0, 2.0, 2.0};
    sj_errors e = sj_errors_of(predicted, truth, 3);
    assert_true(fabs(e.rmse - sqrt(10.0 / 3.0)) < 1e-15 && fabs(e.mape - 1.0 / 3.0) < 1e-15 && fabs(e.r2 + 0.25) < 1e-15 && fabs(e.bias) < 1e-15);
    assert_true(fabs(fabs(e.worst) - 0.5) < 1e-15);
    e = sj_errors_of(truth, truth, 3);
    assert_true(e.rmse == 0.0 && e.mape == 0.0 && e.r2 == 1.0 && e.worst == 0.0);
    e = sj_errors_of(predicted, equal, 3);
    assert_true(isnan(e.r2) && e.rmse > 0.0);
    e = sj_errors_of(predicted, truth, 0);
    assert_true(isnan(e.rmse) && isnan(e.mape) && isnan(e.r2) && isnan(e.worst));
    (void)state;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_groups_stay_together), cmocka_unit_test(test_seeds_differ), cmocka_unit_test(test_leave_one), cmocka_unit_test(test_errors_by_hand)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
