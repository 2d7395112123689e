// SPDX-License-Identifier: Apache-2.0
// Sensitivities, front and best points against sums worked out by hand and naive ones.
#include "test_analysis_fixture.h"

static const char *const letters[] = {"x", "y", "z"};

static void test_sensitivities_of_a_hand_made_grid(void **state) {
    sweep s = {0};
    add_numbers(&s, "a", 2);
    add_axis(&s, "b", 2, letters);
    fill(&s);
    set_values(&s, SJ_SWEEP_energy_pj, (double[]){1, 4, 4, 16});
    set_values(&s, SJ_SWEEP_cycles, (double[]){1, 4, 4, 1});  // both axes together alone
    sj_analysis a;
    analyse(&s, &a);
    assert_true(a.full_grid);
    assert_int_equal(a.sensitivity_count, 4);
    for (int axis = 0; axis < 2; axis++) {
        const sj_sensitivity *e = sensitivity(&a, axis, SJ_SWEEP_energy_pj), *c = sensitivity(&a, axis, SJ_SWEEP_cycles);
        assert_false(e->plain);
        assert_near(e->means[0], 2.0, 1e-12);
        assert_near(e->means[1], 8.0, 1e-12);
        assert_near(e->effect, 4.0, 1e-12);
        assert_near(e->share, 0.5, 1e-12);
        assert_int_equal(e->points, 4);
        assert_int_equal(e->counts[0], 2);
        assert_int_equal(e->least, 0);
        assert_int_equal(e->most, 1);
        assert_near(c->share, 0.0, 1e-12);
        assert_near(c->effect, 1.0, 1e-12);
        assert_near(c->means[1], 2.0, 1e-12);
    }
    assert_true(sj_analysis_varies(&a, 1));
    sj_analysis_free(&a);
    sweep_free(&s);
}

// Axis a splits the variance of log 1 2 | 8 16 | - by hand: logs (base 2) 0 1 | 3 4, mean 2, squares 4 + 1 + 1 + 4 = 10, between 2 x 1.5^2 x 2 = 9.
static void test_a_sample_by_hand_and_a_value_without_points(void **state) {
    sweep s = {0};
    add_numbers(&s, "a", 3);
    add_axis(&s, "b", 2, letters);
    fill(&s);
    set_values(&s, SJ_SWEEP_energy_pj, (double[]){1, 2, 8, 16, 5, 5});
    set_invalid(&s.points[4], "too large");
    set_invalid(&s.points[5], "too large");
    sj_analysis a;
    analyse(&s, &a);
    const sj_sensitivity *e = sensitivity(&a, 0, SJ_SWEEP_energy_pj);
    assert_false(a.full_grid);
    assert_near(e->share, 0.9, 1e-12);
    assert_near(e->effect, 8.0, 1e-12);
    assert_true(isnan(e->means[2]));
    assert_int_equal(e->counts[2], 0);
    assert_int_equal(e->points, 4);
    sj_analysis_free(&a);
    sweep_free(&s);
}

// dram_bytes 0 0 4 8: plain values; mean 3, squares 9 + 9 + 1 + 25 = 44, between 2 x 9 + 2 x 9 = 36 for the first axis, 2 x 1 + 2 x 1 = 4 for the second.
static void test_an_objective_that_is_zero_is_taken_plain(void **state) {
    sweep s = {0};
    add_numbers(&s, "a", 2);
    add_axis(&s, "b", 2, letters);
    fill(&s);
    s.about.objectives[0] = SJ_SWEEP_dram_bytes;
    set_values(&s, SJ_SWEEP_dram_bytes, (double[]){0, 0, 4, 8});
    sj_analysis a;
    analyse(&s, &a);
    const sj_sensitivity *first = sensitivity(&a, 0, SJ_SWEEP_dram_bytes), *second = sensitivity(&a, 1, SJ_SWEEP_dram_bytes);
    assert_true(first->plain && second->plain);
    assert_false(sensitivity(&a, 0, SJ_SWEEP_cycles)->plain);
    assert_near(first->share, 36.0 / 44.0, 1e-12);
    assert_near(second->share, 4.0 / 44.0, 1e-12);
    assert_true(isinf(first->effect) && first->effect > 0);
    assert_near(second->effect, 2.0, 1e-12);
    assert_true(first->means[0] == 0.0);
    assert_near(first->means[1], 6.0, 1e-12);
    assert_near(second->means[1], 4.0, 1e-12);
    assert_true(sj_analysis_over_best(&a, 0, 0) == 1.0);
    assert_true(isnan(sj_analysis_over_best(&a, 2, 0)));
    sj_analysis_free(&a);

    set_values(&s, SJ_SWEEP_dram_bytes, (double[]){0, 0, 0, 0});
    analyse(&s, &a);
    first = sensitivity(&a, 0, SJ_SWEEP_dram_bytes);
    assert_true(first->effect == 1.0 && first->share == 0.0 && first->means[0] == 0.0);
    assert_false(sj_analysis_varies(&a, 0));
    sj_analysis_free(&a);
    sweep_free(&s);
}

static void test_what_rounding_makes_of_equal_results_is_no_effect(void **state) {
    sweep s = {0};
    add_numbers(&s, "a", 2);
    fill(&s);
    set_values(&s, SJ_SWEEP_energy_pj, (double[]){3e9, 3e9 * (1 + 4e-16)});
    set_values(&s, SJ_SWEEP_cycles, (double[]){3e9, 3e9 * (1 + 1e-11)});
    assert_true(s.points[0].values[SJ_SWEEP_energy_pj] != s.points[1].values[SJ_SWEEP_energy_pj]);
    sj_analysis a;
    analyse(&s, &a);
    const sj_sensitivity *e = sensitivity(&a, 0, SJ_SWEEP_energy_pj);
    assert_true(e->share == 0.0 && e->effect == 1.0 && e->least == e->most);
    assert_false(sj_analysis_varies(&a, 0));
    assert_true(sj_analysis_varies(&a, 1));
    assert_near(sensitivity(&a, 0, SJ_SWEEP_cycles)->share, 1.0, 1e-4);
    sj_analysis_free(&a);
    sweep_free(&s);
}

// 2.9e9 + 0 1 | 3 4: as the sample above, all but for 1e-9; a difference of logarithms would keep five digits of it.
static void test_nearly_equal_values_keep_their_digits(void **state) {
    sweep s = {0};
    add_numbers(&s, "a", 2);
    add_axis(&s, "b", 2, letters);
    fill(&s);
    set_values(&s, SJ_SWEEP_energy_pj, (double[]){2.9e9, 2.9e9 + 1, 2.9e9 + 3, 2.9e9 + 4});
    sj_analysis a;
    analyse(&s, &a);
    assert_near(sensitivity(&a, 0, SJ_SWEEP_energy_pj)->share, 0.9, 1e-7);
    assert_near(sensitivity(&a, 1, SJ_SWEEP_energy_pj)->share, 0.1, 1e-7);
    sj_analysis_free(&a);
    sweep_free(&s);
}

static void test_an_axis_of_one_value_moves_nothing(void **state) {
    sweep s = {0};
    add_numbers(&s, "a", 1);
    add_numbers(&s, "b", 3);
    fill(&s);
    set_values(&s, SJ_SWEEP_energy_pj, (double[]){1.1, 2.3, 7.7});
    sj_analysis a;
    analyse(&s, &a);
    const sj_sensitivity *one = sensitivity(&a, 0, SJ_SWEEP_energy_pj);
    assert_true(one->effect == 1.0 && one->share == 0.0);
    assert_int_equal(a.sensitivities[0].axis, 1);  // the larger share first
    assert_near(sensitivity(&a, 1, SJ_SWEEP_energy_pj)->share, 1.0, 1e-12);
    sj_analysis_free(&a);
    sweep_free(&s);
}

static void add_random_axes(sweep *s, sj_random *r) {
    static const char *const names[] = {"a", "b", "c", "d"};
    const int axes = (int)sj_test_between(r, 1, 4);
    for (int i = 0; i < axes; i++) {
        add_numbers(s, names[i], (int)sj_test_between(r, 1, 5));
    }
}

// Two passes over long doubles, each group found by scanning all points.
static double naive_share(const sweep *s, int axis, int value, bool plain) {
    long double mean = 0.0L, total = 0.0L, between = 0.0L;
    int64_t count = 0;
    for (int64_t i = 0; i < s->count; i++) {
        mean += !s->points[i].valid ? 0.0L : plain ? (long double)s->points[i].values[value] : logl((long double)s->points[i].values[value]);
        count += s->points[i].valid;
    }
    mean /= (long double)count;
    for (int v = 0; v < s->space.axes[axis].value_count; v++) {
        long double sum = 0.0L;
        int64_t members = 0;
        for (int64_t i = 0; i < s->count; i++) {
            int32_t index[SJ_AXES_MAX];
            sj_space_indexes(&s->space, s->points[i].id, index);
            if (s->points[i].valid && index[axis] == v) {
                const long double x = plain ? (long double)s->points[i].values[value] : logl((long double)s->points[i].values[value]);
                sum += x;
                members++;
                total += (x - mean) * (x - mean);
            }
        }
        between += members > 0 ? (sum / (long double)members - mean) * (sum / (long double)members - mean) * (long double)members : 0.0L;
    }
    return total > 0.0L ? (double)(between / total) : 0.0;
}

// What least squares are: at every value of every axis, what the terms leave of the points sums to nothing.
static void check_least_squares(const sweep *s, const sj_analysis *a, double tolerance) {
    const sj_sensitivity *of[SJ_AXES_MAX];
    const bool plain = a->sensitivities[0].plain;
    const double unit = plain ? fmax(a->largest[0], 1e-300) : 1.0;
    double mean = 0.0;
    for (int axis = 0; axis < s->space.axis_count; axis++) {
        of[axis] = sensitivity(a, axis, SJ_SWEEP_energy_pj);
    }
    for (int64_t i = 0; i < a->row_count; i++) {
        mean += plain ? a->rows[i].values[SJ_SWEEP_energy_pj] / unit : log(a->rows[i].values[SJ_SWEEP_energy_pj]);
    }
    mean /= (double)a->row_count;
    for (int axis = 0; axis < s->space.axis_count; axis++) {
        double left[5] = {0};
        for (int64_t i = 0; i < a->row_count; i++) {
            int32_t index[SJ_AXES_MAX];
            sj_space_indexes(&s->space, a->rows[i].id, index);
            double rest = (plain ? a->rows[i].values[SJ_SWEEP_energy_pj] / unit : log(a->rows[i].values[SJ_SWEEP_energy_pj])) - mean;
            for (int other = 0; other < s->space.axis_count; other++) {
                rest -= (plain ? of[other]->means[index[other]] / unit : log(of[other]->means[index[other]])) - mean;
            }
            left[index[axis]] += rest;
        }
        for (int v = 0; v < s->space.axes[axis].value_count; v++) {
            assert_near(left[v] / fmax((double)a->row_count, 1.0), 0.0, tolerance);
        }
    }
}

// An axis that does nothing shows no effect, and the others show their own, although machines are missing for the sake of both.
static void test_what_a_missing_machine_does_not_move(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(7));
    for (int round = 0; round < 100; round++) {
        sweep s = {0};
        add_numbers(&s, "a", 5);
        add_numbers(&s, "b", 4);
        add_numbers(&s, "c", 3);
        fill(&s);
        int missing = 0;
        for (int64_t i = 0; i < s.count; i++) {
            int32_t index[SJ_AXES_MAX];
            sj_space_indexes(&s.space, s.points[i].id, index);
            s.points[i].values[SJ_SWEEP_energy_pj] = 1e9 * pow(1.3, index[0]) * pow(0.7, index[1]);
            // Small a survive with high c mostly: by their own means, c would seem to make it dear.
            if (sj_random_below(&r, 10) < (uint64_t)(index[2] == 0 && index[0] > 2 ? 8 : 2)) {
                set_invalid(&s.points[i], "no");
                missing++;
            }
        }
        sj_analysis a;
        analyse(&s, &a);
        const sj_sensitivity *nothing = sensitivity(&a, 2, SJ_SWEEP_energy_pj), *up = sensitivity(&a, 0, SJ_SWEEP_energy_pj);
        assert_true(missing > 0);
        assert_true(nothing->effect == 1.0 && nothing->share == 0.0 && nothing->least == nothing->most);
        if (up->counts[0] > 0 && up->counts[4] > 0) {
            assert_near(up->effect, pow(1.3, 4), 1e-6);
        }
        sj_analysis_free(&a);
        sweep_free(&s);
    }
}

static void test_random_samples_have_the_least_squares(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(1));
    for (int round = 0; round < 200; round++) {
        sweep s = {0};
        add_random_axes(&s, &r);
        fill(&s);
        const double spread = pow(10.0, (double)sj_test_between(&r, -6, 2));
        const bool zeros = sj_random_below(&r, 4) == 0;
        for (int64_t i = 0; i < s.count; i++) {
            s.points[i].values[SJ_SWEEP_energy_pj] = zeros && sj_random_below(&r, 3) == 0 ? 0.0 : 4e11 * exp(spread * (sj_random_unit(&r) - 0.5));
            if (sj_random_below(&r, 5) == 0 && i > 0) {
                set_invalid(&s.points[i], "no");
            }
        }
        sj_analysis a;
        analyse(&s, &a);
        const double largest = a.largest[0];
        for (int axis = 0; axis < s.space.axis_count; axis++) {
            const sj_sensitivity *e = sensitivity(&a, axis, SJ_SWEEP_energy_pj);
            if (a.full_grid || s.space.axis_count == 1) {  // then the terms are the values' own means, and the share is eta squared
                assert_near(e->share, a.row_count > 1 ? naive_share(&s, axis, SJ_SWEEP_energy_pj, e->plain) : 0.0, 1e-7);
                assert_true(e->least < 0 || e->means[e->most] <= largest * (1 + 1e-12));
            }
        }
        check_least_squares(&s, &a, 1e-7 * fmax(spread, 1e-3));
        sj_analysis_free(&a);
        sweep_free(&s);
    }
}

static void test_shares_of_a_grid_whose_effects_multiply_sum_to_one(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(2));
    for (int round = 0; round < 200; round++) {
        sweep s = {0};
        add_random_axes(&s, &r);
        fill(&s);
        double factor[4][5], widest[4][2] = {{0}};
        for (int axis = 0; axis < s.space.axis_count; axis++) {
            widest[axis][0] = INFINITY;
            for (int v = 0; v < s.space.axes[axis].value_count; v++) {
                factor[axis][v] = exp(3.0 * (sj_random_unit(&r) - 0.5));
                widest[axis][0] = fmin(widest[axis][0], factor[axis][v]);
                widest[axis][1] = fmax(widest[axis][1], factor[axis][v]);
            }
        }
        for (int64_t i = 0; i < s.count; i++) {
            int32_t index[SJ_AXES_MAX];
            sj_space_indexes(&s.space, (uint64_t)i, index);
            s.points[i].values[SJ_SWEEP_energy_pj] = 7e10;
            for (int axis = 0; axis < s.space.axis_count; axis++) {
                s.points[i].values[SJ_SWEEP_energy_pj] *= factor[axis][index[axis]];
            }
        }
        sj_analysis a;
        analyse(&s, &a);
        double sum = 0.0;
        for (int axis = 0; axis < s.space.axis_count; axis++) {
            const sj_sensitivity *e = sensitivity(&a, axis, SJ_SWEEP_energy_pj);
            sum += e->share;
            assert_near(e->effect, widest[axis][1] / widest[axis][0], 1e-9 * e->effect);
        }
        assert_near(sum, a.row_count > 1 ? 1.0 : 0.0, 1e-9);
        sj_analysis_free(&a);
        sweep_free(&s);
    }
}

static bool naive_dominates(const double *a, const double *b, const sj_analysis *of) {
    bool better = false;
    for (int i = 0; i < of->objective_count; i++) {
        if (a[of->objectives[i]] > b[of->objectives[i]]) {
            return false;
        }
        better = better || a[of->objectives[i]] < b[of->objectives[i]];
    }
    return better;
}

// Few different values: ties and equal points are frequent.
static void test_front_and_best_of_random_samples_against_brute_force(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(3));
    for (int round = 0; round < 200; round++) {
        sweep s = {0};
        add_random_axes(&s, &r);
        fill(&s);
        sample(&s, &r, 0.7);
        const int64_t kinds = sj_test_between(&r, 1, 12);
        for (int64_t i = 0; i < s.count; i++) {
            for (int v = 0; v < SJ_SWEEP_VALUE_COUNT; v++) {
                s.points[i].values[v] = (double)sj_test_between(&r, 0, kinds);
            }
        }
        sj_analysis_options options = {.objective_count = (int)sj_test_between(&r, 1, 4), .objectives = {SJ_SWEEP_area_mm2, SJ_SWEEP_energy_pj, SJ_SWEEP_dram_bytes, SJ_SWEEP_seconds}};
        sj_analysis a;
        analyse_with(&s, &options, &a);
        for (int64_t i = 0; i < a.row_count; i++) {
            bool dominated = false;
            for (int64_t k = 0; k < a.row_count; k++) {
                dominated = dominated || naive_dominates(a.rows[k].values, a.rows[i].values, &a);
            }
            assert_int_equal(a.front[i], !dominated);
            for (int o = 0; o < a.objective_count; o++) {
                const double *best = a.rows[a.best[o]].values, *row = a.rows[i].values;
                assert_true(best[a.objectives[o]] <= row[a.objectives[o]]);
                const bool ties = best[a.objectives[o]] == row[a.objectives[o]];
                int k = 0;
                while (k < a.objective_count && best[a.objectives[k]] == row[a.objectives[k]]) {
                    k++;
                }
                assert_true(!ties || (k == a.objective_count ? a.best[o] <= i : best[a.objectives[k]] < row[a.objectives[k]]));
            }
        }
        for (int o = 0; o < a.objective_count; o++) {
            assert_true(a.front[a.best[o]]);
        }
        sj_analysis_free(&a);
        sweep_free(&s);
    }
}

static void test_order_is_by_the_first_objective_and_thinning_is_even(void **state) {
    sweep s = {0};
    add_numbers(&s, "a", 100);
    fill(&s);
    for (int64_t i = 0; i < 100; i++) {
        s.points[i].values[SJ_SWEEP_energy_pj] = (double)(100 - i);
        s.points[i].values[SJ_SWEEP_cycles] = (double)(i + 1);
    }
    sj_analysis a;
    analyse(&s, &a);
    int64_t *order, count;
    sj_error err;
    assert_int_equal(sj_analysis_order(&a, true, &order, &count, &err), SJ_OK);
    assert_int_equal(count, 100);
    for (int64_t i = 0; i < 100; i++) {
        assert_int_equal(order[i], 99 - i);
    }
    assert_int_equal(sj_analysis_thin(order, count, 4), 4);
    assert_int_equal(order[0], 99);
    assert_int_equal(order[1], 66);
    assert_int_equal(order[2], 33);
    assert_int_equal(order[3], 0);
    assert_int_equal(sj_analysis_thin(order, 4, 1), 1);
    assert_int_equal(order[0], 99);
    assert_int_equal(sj_analysis_thin(order, 4, 0), 4);
    assert_int_equal(sj_analysis_thin(order, 4, 4), 4);
    free(order);
    sj_analysis_free(&a);

    for (int64_t i = 0; i < 100; i++) {
        s.points[i].values[SJ_SWEEP_energy_pj] = s.points[i].values[SJ_SWEEP_cycles] = 1.0;
    }
    analyse(&s, &a);
    assert_int_equal(sj_analysis_order(&a, true, &order, &count, &err), SJ_OK);
    assert_int_equal(count, 100);
    for (int64_t i = 0; i < 100; i++) {
        assert_int_equal(order[i], i);  // equal ones by id
    }
    free(order);
    sj_analysis_free(&a);
    sweep_free(&s);
}

static void test_no_point_and_no_valid_point_are_no_errors(void **state) {
    sweep s = {0};
    add_numbers(&s, "a", 3);
    fill(&s);
    for (int round = 0; round < 2; round++) {
        for (int64_t i = 0; i < 3; i++) {
            set_invalid(&s.points[i], "too large");
        }
        s.count = round == 0 ? 0 : 3;
        sj_analysis a;
        analyse(&s, &a);
        assert_int_equal(a.points, s.count);
        assert_int_equal(a.valid, 0);
        assert_int_equal(a.row_count, 0);
        assert_int_equal(a.best[0], -1);
        assert_int_equal(a.best[1], -1);
        assert_int_equal(a.reason_count, round);
        assert_int_equal(sensitivity(&a, 0, SJ_SWEEP_cycles)->least, -1);
        sj_analysis_free(&a);
    }
    sweep_free(&s);
}

static void test_reasons_are_kinds_without_their_numbers(void **state) {
    sweep s = {0};
    add_numbers(&s, "a", 12);
    fill(&s);
    static const char *const reasons[] = {"lanes = 16 > 8", "area_mm2 1.5e+01 > 2.25", "lanes = 32 > 8", "a buffer of 64 KiB", "lanes=-4", "lanes=4", "conv1: no", "conv2: no", "a - 3", "lanes = 7 > 1", "", ""};
    for (int64_t i = 0; i < 12; i++) {
        set_invalid(&s.points[i], reasons[i]);
    }
    s.points[11].reason[0] = 'e';  // a power without a number
    sj_analysis a;
    analyse(&s, &a);
    static const struct {
        const char *text;
        uint64_t points;
    } wanted[] = {{"lanes = 16 > 8", 3}, {"lanes=-4", 2}, {"conv1: no", 2}, {"area_mm2 1.5e+01 > 2.25", 1}, {"a buffer of 64 KiB", 1}, {"a - 3", 1}, {"", 1}, {"e", 1}};
    assert_int_equal(a.reason_count, 8);
    for (int i = 0; i < 8; i++) {
        assert_string_equal(a.reasons[i].text, wanted[i].text);
        assert_int_equal(a.reasons[i].points, wanted[i].points);
    }
    sj_analysis_free(&a);
    sweep_free(&s);
}

// More kinds than the table begins with; each keeps its count.
static void test_many_kinds_of_reasons(void **state) {
    sj_reason_kinds kinds = {0};
    sj_error err;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 1000; i++) {
            char reason[64];
            snprintf(reason, sizeof reason, "%c%c%c is %d", 'a' + i / 100, 'a' + i / 10 % 10, 'a' + i % 10, round);
            if (round < 2 || i == 777) {
                assert_int_equal(sj_reasons_add(&kinds, reason, &err), SJ_OK);
            }
        }
    }
    int count;
    sj_invalid_reason *reasons;
    assert_int_equal(sj_reasons_finish(&kinds, &count, &reasons, &err), SJ_OK);
    sj_reasons_free(&kinds);
    assert_int_equal(count, 1000);
    assert_string_equal(reasons[0].text, "hhh is 0");
    assert_int_equal(reasons[0].points, 3);
    assert_string_equal(reasons[1].text, "aaa is 0");
    for (int i = 1; i < count; i++) {
        assert_int_equal(reasons[i].points, 2);
    }
    for (int i = 0; i < count; i++) {
        free(reasons[i].text);
    }
    free(reasons);
}

static void refused(const sweep *s, const sj_analysis_options *options, sj_status status, const char *part) {
    sj_analysis a;
    sj_error err;
    assert_int_equal(sj_analyse_points(&s->about, s->points, s->count, options, &a, &err), status);
    if (strstr(err.message, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, err.message);
    }
    assert_null(a.rows);
    assert_int_equal(a.row_count, 0);
}

static void test_what_is_refused(void **state) {
    sweep s = {0};
    add_numbers(&s, "a", 2);
    fill(&s);
    refused(&s, &(sj_analysis_options){.objective_count = 3, .objectives = {SJ_SWEEP_cycles, SJ_SWEEP_area_mm2, SJ_SWEEP_cycles}}, SJ_ERR_CONFIG, "cycles is given twice");
    refused(&s, &(sj_analysis_options){.objective_count = 1, .objectives = {SJ_SWEEP_VALUE_COUNT}}, SJ_ERR_INTERNAL, "objective 8");
    s.points[1].values[SJ_SWEEP_seconds] = (double)NAN;
    refused(&s, &(sj_analysis_options){0}, SJ_ERR_FORMAT, "point 1: seconds is nan");
    s.points[1].values[SJ_SWEEP_seconds] = -1.0;
    refused(&s, &(sj_analysis_options){0}, SJ_ERR_FORMAT, "point 1: seconds is -1");
    s.points[1].values[SJ_SWEEP_seconds] = 0.0;
    s.points[1].id = 2;
    refused(&s, &(sj_analysis_options){0}, SJ_ERR_FORMAT, "point 2: the space has points 0 to 1");
    s.points[1].id = 0;
    refused(&s, &(sj_analysis_options){0}, SJ_ERR_INTERNAL, "ascending id");
    sweep_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sensitivities_of_a_hand_made_grid),
        cmocka_unit_test(test_a_sample_by_hand_and_a_value_without_points),
        cmocka_unit_test(test_an_objective_that_is_zero_is_taken_plain),
        cmocka_unit_test(test_what_rounding_makes_of_equal_results_is_no_effect),
        cmocka_unit_test(test_nearly_equal_values_keep_their_digits),
        cmocka_unit_test(test_an_axis_of_one_value_moves_nothing),
        cmocka_unit_test(test_random_samples_have_the_least_squares),
        cmocka_unit_test(test_what_a_missing_machine_does_not_move),
        cmocka_unit_test(test_shares_of_a_grid_whose_effects_multiply_sum_to_one),
        cmocka_unit_test(test_front_and_best_of_random_samples_against_brute_force),
        cmocka_unit_test(test_order_is_by_the_first_objective_and_thinning_is_even),
        cmocka_unit_test(test_no_point_and_no_valid_point_are_no_errors),
        cmocka_unit_test(test_reasons_are_kinds_without_their_numbers),
        cmocka_unit_test(test_many_kinds_of_reasons),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests_name("analysis", tests, NULL, NULL);
}
