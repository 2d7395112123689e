// SPDX-License-Identifier: Apache-2.0
// Fronts, ranks, crowding and hypervolume, each against what its definition says word for word.
#include <math.h>

#include "sj_pareto.h"
#include "sj_test.h"

enum { ROWS_MAX = 400, OBJECTIVES_MAX = 8 };

static sj_error err;

// Small whole numbers: ties and equal rows are frequent.
static void fill(sj_random *r, double *rows, int64_t count, int objectives, int64_t most) {
    for (int64_t i = 0; i < count * objectives; i++) {
        rows[i] = (double)sj_test_between(r, 0, most);
    }
}

static bool beaten(const double *rows, const bool *left, int64_t count, int objectives, int64_t row) {
    for (int64_t i = 0; i < count; i++) {
        bool no_worse = true, better = false;
        for (int j = 0; j < objectives; j++) {
            no_worse &= rows[i * objectives + j] <= rows[row * objectives + j];
            better |= rows[i * objectives + j] < rows[row * objectives + j];
        }
        if (left[i] && no_worse && better) {
            return true;
        }
    }
    return false;
}

// Ranks by their definition: the front, then the front of what is left, and so on.
static void peel(const double *rows, int64_t count, int objectives, int32_t *ranks) {
    bool left[ROWS_MAX];
    int64_t rest = count;
    memset(left, true, sizeof left);
    for (int32_t rank = 0; rest > 0; rank++) {
        bool taken[ROWS_MAX] = {false};
        for (int64_t i = 0; i < count; i++) {
            taken[i] = left[i] && !beaten(rows, left, count, objectives, i);
        }
        for (int64_t i = 0; i < count; i++) {
            if (taken[i]) {
                ranks[i] = rank;
                left[i] = false;
                rest--;
            }
        }
    }
}

static void test_front_and_ranks(void **state) {
    static double rows[ROWS_MAX * OBJECTIVES_MAX];
    sj_random r = sj_random_seed(sj_test_seed(1));
    for (int round = 0; round < 400; round++) {
        const int64_t count = sj_test_between(&r, 0, round % 20 == 0 ? ROWS_MAX : 60);
        const int objectives = (int)sj_test_between(&r, 1, OBJECTIVES_MAX);
        int32_t ranks[ROWS_MAX], expected[ROWS_MAX];
        bool front[ROWS_MAX];
        fill(&r, rows, count, objectives, sj_test_between(&r, 1, 12));
        peel(rows, count, objectives, expected);
        assert_int_equal(sj_pareto_front(rows, count, objectives, front, &err), SJ_OK);
        assert_int_equal(sj_pareto_ranks(rows, count, objectives, ranks, &err), SJ_OK);
        for (int64_t i = 0; i < count; i++) {
            assert_int_equal(ranks[i], expected[i]);
            assert_int_equal(front[i], expected[i] == 0);
        }
    }
}

static void test_dominates(void **state) {
    const double a[] = {1.0, 2.0, 3.0}, b[] = {1.0, 2.0, 4.0}, c[] = {0.0, 9.0, 3.0};
    assert_true(sj_dominates(a, b, 3));
    assert_false(sj_dominates(b, a, 3));
    assert_false(sj_dominates(a, a, 3));
    assert_false(sj_dominates(a, b, 2));  // equal where it is looked at
    assert_false(sj_dominates(a, c, 3));
    assert_false(sj_dominates(c, a, 3));
    assert_true(sj_dominates(c, a, 1));
}

// A front of a hundred thousand rows, all of them on it or none but one.
static void test_long_fronts(void **state) {
    const int64_t count = 100000;
    double *rows = malloc((size_t)count * 2 * sizeof *rows);
    bool *front = malloc((size_t)count * sizeof *front);
    assert_non_null(rows);
    assert_non_null(front);
    for (int64_t i = 0; i < count; i++) {
        rows[2 * i] = (double)i;
        rows[2 * i + 1] = (double)(count - i);
    }
    assert_int_equal(sj_pareto_front(rows, count, 2, front, &err), SJ_OK);
    for (int64_t i = 0; i < count; i++) {
        assert_true(front[i]);
        rows[2 * i + 1] = (double)i;
    }
    assert_int_equal(sj_pareto_front(rows, count, 2, front, &err), SJ_OK);
    for (int64_t i = 0; i < count; i++) {
        assert_int_equal(front[i], i == 0);
    }
    free(rows);
    free(front);
}

// The distance by its definition, where no two members have the same value: then the neighbours in an objective are the nearest above and below.
static double spread(const double *rows, int objectives, const int64_t *members, int64_t count, int64_t which) {
    double sum = 0.0;
    for (int j = 0; j < objectives; j++) {
        const double own = rows[members[which] * objectives + j];
        double above = HUGE_VAL, below = -HUGE_VAL, most = -HUGE_VAL, least = HUGE_VAL;
        for (int64_t i = 0; i < count; i++) {
            const double value = rows[members[i] * objectives + j];
            most = fmax(most, value);
            least = fmin(least, value);
            above = value > own ? fmin(above, value) : above;
            below = value < own ? fmax(below, value) : below;
        }
        sum += (above - below) / (most - least);
    }
    return sum;
}

static void test_crowding(void **state) {
    static double rows[ROWS_MAX * OBJECTIVES_MAX];
    sj_random r = sj_random_seed(sj_test_seed(2));
    for (int round = 0; round < 200; round++) {
        const int objectives = (int)sj_test_between(&r, 1, 4);
        const int64_t count = sj_test_between(&r, 3, 40);
        int64_t members[64];
        double distance[64];
        for (int64_t i = 0; i < ROWS_MAX * objectives; i++) {
            rows[i] = sj_random_unit(&r) * 1000.0;
        }
        for (int64_t i = 0; i < count; i++) {
            members[i] = (i * 7) % ROWS_MAX;
        }
        assert_int_equal(sj_crowding(rows, objectives, members, count, distance, &err), SJ_OK);
        for (int64_t i = 0; i < count; i++) {
            const double expected = spread(rows, objectives, members, count, i);
            assert_true(isinf(expected) ? isinf(distance[i]) : fabs(distance[i] - expected) < 1e-9);
        }
    }
}

static void test_crowding_of_few_and_equal(void **state) {
    const double rows[] = {3.0, 5.0, 3.0, 5.0, 3.0, 5.0, 3.0, 6.0};
    const int64_t members[] = {0, 1, 2, 3};
    double distance[4];
    assert_int_equal(sj_crowding(rows, 2, members, 0, distance, &err), SJ_OK);
    assert_int_equal(sj_crowding(rows, 2, members, 2, distance, &err), SJ_OK);
    assert_true(isinf(distance[0]) && isinf(distance[1]));
    assert_int_equal(sj_crowding(rows, 2, members, 3, distance, &err), SJ_OK);  // all alike: no end, nothing between
    assert_true(distance[0] == 0.0 && distance[1] == 0.0 && distance[2] == 0.0);
    assert_int_equal(sj_crowding(rows, 2, members, 4, distance, &err), SJ_OK);  // alike in the first objective alone
    assert_true(isinf(distance[0]) && distance[1] == 0.0 && distance[2] == 1.0 && isinf(distance[3]));
}

// Unit cells of a grid that a row is at or below in every objective.
static double count_cells(const double *rows, int64_t count, int objectives, const double *reference, int64_t most) {
    int64_t cells = 1, covered = 0;
    for (int j = 0; j < objectives; j++) {
        cells *= most;
    }
    for (int64_t cell = 0; cell < cells; cell++) {
        bool hit = false;
        for (int64_t i = 0; i < count && !hit; i++) {
            int64_t rest = cell;
            hit = true;
            for (int j = 0; j < objectives; j++, rest /= most) {
                const double at = (double)(rest % most);
                hit &= rows[i * objectives + j] <= at && at < reference[j];
            }
        }
        covered += hit;
    }
    return (double)covered;
}

static void test_hypervolume(void **state) {
    static const int64_t most[] = {0, 50, 12, 8, 6, 5, 4, 3, 3};
    static double rows[ROWS_MAX * OBJECTIVES_MAX];
    sj_random r = sj_random_seed(sj_test_seed(3));
    for (int round = 0; round < 240; round++) {
        const int objectives = 1 + round % OBJECTIVES_MAX;
        const int64_t count = sj_test_between(&r, 0, 40), size = most[objectives];
        double reference[OBJECTIVES_MAX], volume = -1.0;
        fill(&r, rows, count, objectives, size);
        for (int j = 0; j < objectives; j++) {
            reference[j] = (double)sj_test_between(&r, size / 2, size);
        }
        assert_int_equal(sj_hypervolume(rows, count, objectives, reference, &volume, &err), SJ_OK);
        assert_true(volume == count_cells(rows, count, objectives, reference, size));  // sums and products of small whole numbers: exact
    }
}

// On a front of fractions: neither dominated rows nor the order of rows change it, and an objective that is the same in all rows is a factor.
static void test_hypervolume_of_fractions(void **state) {
    static double rows[200 * 4], other[200 * 4], wide[200 * 5];
    sj_random r = sj_random_seed(sj_test_seed(4));
    for (int objectives = 2; objectives <= 4; objectives++) {
        const double reference[] = {1.0, 1.0, 1.0, 1.0, 1.0};
        double volume, again, wider;
        for (int64_t i = 0; i < 100; i++) {
            for (int j = 0; j < objectives; j++) {
                const double value = sj_random_unit(&r);
                other[(199 - i) * objectives + j] = rows[i * objectives + j] = value;
                other[i * objectives + j] = value + (1.0 - value) * sj_random_unit(&r);  // dominated
            }
        }
        for (int64_t i = 0; i < 100; i++) {
            memcpy(wide + i * (objectives + 1) + 1, rows + i * objectives, (size_t)objectives * sizeof *wide);
            wide[i * (objectives + 1)] = 0.25;
        }
        assert_int_equal(sj_hypervolume(rows, 100, objectives, reference, &volume, &err), SJ_OK);
        assert_int_equal(sj_hypervolume(other, 200, objectives, reference, &again, &err), SJ_OK);
        assert_int_equal(sj_hypervolume(wide, 100, objectives + 1, reference, &wider, &err), SJ_OK);
        assert_true(fabs(again - volume) < 1e-12 && fabs(wider - 0.75 * volume) < 1e-12);
        assert_true(volume > 0.0 && volume < 1.0);
    }
}

static void test_refusals(void **state) {
    double rows[] = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0}, distance[3], volume;
    const double reference[] = {9.0, 9.0, 9.0}, endless[] = {9.0, HUGE_VAL, 9.0}, huge[] = {1e200, 1e200, 1e200};
    const int64_t members[] = {0, 1, 2};
    int32_t ranks[3];
    bool front[3];
    for (int i = 0; i < 2; i++) {
        rows[7] = i == 0 ? (double)NAN : HUGE_VAL;
        assert_int_equal(sj_pareto_front(rows, 3, 3, front, &err), SJ_ERR_NUMERIC);
        assert_non_null(strstr(err.message, i == 0 ? "objective 1 of row 2 is nan" : "objective 1 of row 2 is inf"));
        assert_int_equal(sj_pareto_ranks(rows, 3, 3, ranks, &err), SJ_ERR_NUMERIC);
        assert_int_equal(sj_crowding(rows, 3, members, 3, distance, &err), SJ_ERR_NUMERIC);
        assert_int_equal(sj_hypervolume(rows, 3, 3, reference, &volume, &err), SJ_ERR_NUMERIC);
        assert_int_equal(sj_pareto_front(rows, 2, 3, front, &err), SJ_OK);  // row 2 is not among them
    }
    assert_int_equal(sj_hypervolume(rows, 2, 3, endless, &volume, &err), SJ_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "objective 1 of the reference point is inf"));
    assert_int_equal(sj_hypervolume(rows, 2, 3, huge, &volume, &err), SJ_ERR_NUMERIC);
    assert_int_equal(sj_hypervolume(rows, 0, 9, reference, &volume, &err), SJ_ERR_RANGE);
    assert_non_null(strstr(err.message, "9 objectives; 1 to 8"));
    assert_int_equal(sj_hypervolume(rows, 1, 0, reference, &volume, &err), SJ_ERR_RANGE);
    assert_int_equal(sj_pareto_front(rows, 1, 0, front, &err), SJ_ERR_RANGE);
    assert_int_equal(sj_pareto_ranks(rows, 1, 0, ranks, &err), SJ_ERR_RANGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dominates),       cmocka_unit_test(test_front_and_ranks),           cmocka_unit_test(test_long_fronts),
        cmocka_unit_test(test_crowding),        cmocka_unit_test(test_crowding_of_few_and_equal), cmocka_unit_test(test_hypervolume),
        cmocka_unit_test(test_hypervolume_of_fractions), cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
