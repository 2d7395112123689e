// SPDX-License-Identifier: Apache-2.0
// The tables of a sweep's page hold the analysis: every point once, the front first, values to the last bit, keys that are keys whatever an axis is called.
#include "report_internal.h"
#include "test_analysis_fixture.h"

static const char *const nasty[] = {"<script>", "a|b", "say \"x\"", "*"};

static void make(sweep *s, sj_random *r, int rows, int lanes) {
    *s = (sweep){0};
    add_numbers(s, "array.rows", rows);
    add_numbers(s, "Array Rows", lanes);
    add_axis(s, "energy_pj", 3, (const char *const[]){"0.5", "1.5", "2"});
    add_axis(s, "\xc3\xa4<b>", 4, nasty);
    fill(s);
    for (int64_t i = 0; i < s->count; i++) {
        for (int v = 0; v < SJ_SWEEP_VALUE_COUNT; v++) {
            s->points[i].values[v] = 1e9 * (0.1 + sj_random_unit(r));
        }
        if (i > 0 && sj_random_below(r, 5) == 0) {
            set_invalid(&s->points[i], "too small");
        }
    }
    s->about.objectives[0] = SJ_SWEEP_area_mm2;
    s->about.objectives[1] = SJ_SWEEP_energy_pj;
}

static const sj_report_table *table_of(const sj_report *r, const char *key) {
    const sj_report_table *t = sj_report_find(r, key);
    assert_non_null(t);
    return t;
}

static const sj_report_cell *cell(const sj_report_table *t, int64_t row, const char *column) {
    const int c = sj_table_column_find(t, column);
    assert_true(c >= 0);
    return sj_table_cell_at(t, row, c);
}

static sj_report *report_of(const sj_analysis *a) {
    sj_report *r = NULL;
    sj_error err;
    if (sj_analysis_report(a, &r, &err) != SJ_OK || sj_report_check(r, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    return r;
}

static void every_valid_point_stands_once(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(5));
    for (int repeat = 0; repeat < 10; repeat++) {
        sweep s;
        sj_analysis a;
        make(&s, &r, (int)sj_test_between(&r, 1, 6), (int)sj_test_between(&r, 1, 6));
        analyse(&s, &a);
        sj_report *report = report_of(&a);
        const sj_report_table *t = table_of(report, "pareto");
        bool *seen = calloc((size_t)s.count, sizeof *seen);
        assert_int_equal(sj_table_rows(t), a.row_count);
        uint64_t last_front = 1;
        for (int64_t i = 0; i < sj_table_rows(t); i++) {
            const uint64_t id = cell(t, i, "point")->integer, front = cell(t, i, "front")->integer;
            assert_true(id < (uint64_t)s.count && !seen[id] && s.points[id].valid && front <= last_front);
            seen[id] = true;
            last_front = front;
            for (int v = 0; v < SJ_SWEEP_VALUE_COUNT; v++) {
                assert_true(cell(t, i, sj_sweep_value_names[v])->number == s.points[id].values[v]);
            }
            assert_int_equal(cell(t, i, "array_rows")->integer, 4 * (sj_axis_value_of(&s.space, 0, id) + 1));
            assert_int_equal(cell(t, i, "array_rows_2")->integer, 4 * (sj_axis_value_of(&s.space, 1, id) + 1));
            assert_true(cell(t, i, "energy_pj_2")->number == s.space.axes[2].numbers[sj_axis_value_of(&s.space, 2, id)]);
            assert_string_equal(cell(t, i, "___b_")->text, nasty[sj_axis_value_of(&s.space, 3, id)]);
        }
        assert_int_equal(sj_table_columns(t), 2 + 4 + SJ_SWEEP_VALUE_COUNT);
        assert_int_equal(sj_table_columns(table_of(report, "parallel")), 2 + 4 + 2);
        assert_int_equal(sj_table_rows(table_of(report, "sensitivity")), a.sensitivity_count);
        assert_int_equal(sj_table_rows(table_of(report, "best")), 2);
        assert_string_equal(sj_report_note_at(report, 0), "Fixed: machine skip; codec as the accelerator's file has it; accelerator (not named).");
        assert_string_equal(sj_report_note_at(report, sj_report_note_count(report) - 1), "Trace: resnet18.h5: resnet18, plain on cifar10: train step 1171, batch 16.");
        for (int i = 0; i < a.objective_count; i++) {
            double shares = 0.0;
            for (int axis = 0; axis < 4; axis++) {
                shares += a.sensitivities[4 * i + axis].share;
            }
            const double left = sj_analysis_interactions(&a, i);
            assert_true(isnan(left) ? !a.full_grid || !sj_analysis_varies(&a, i) : left >= 0.0 && fabs(left + shares - 1.0) < 1e-9);
        }
        free(seen);
        sj_report_free(report);
        sj_analysis_free(&a);
        sweep_free(&s);
    }
}

// More than 2,000 points: parallel keeps the whole front, and the ends of the others.
static void many_points_are_thinned_and_told(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(6));
    sweep s;
    sj_analysis a;
    make(&s, &r, 20, 16);
    analyse(&s, &a);
    assert_true(a.row_count > 2000);
    sj_report *report = report_of(&a);
    const sj_report_table *all = table_of(report, "pareto"), *some = table_of(report, "parallel");
    uint64_t fronts[2] = {0, 0};
    assert_int_equal(sj_table_rows(some), 2000);
    assert_int_equal(sj_table_note_count(some), 1);
    assert_int_equal(sj_table_note_count(all), 0);
    for (int64_t i = 0; i < sj_table_rows(all); i++) {
        fronts[0] += cell(all, i, "front")->integer;
        fronts[1] += i < sj_table_rows(some) ? cell(some, i, "front")->integer : 0;
    }
    assert_true(fronts[0] > 0 && fronts[0] == fronts[1]);
    const int64_t last = sj_table_rows(all) - 1, first = (int64_t)fronts[0];
    assert_int_equal(cell(some, first, "point")->integer, cell(all, first, "point")->integer);
    assert_int_equal(cell(some, 1999, "point")->integer, cell(all, last, "point")->integer);
    sj_report_free(report);
    sj_analysis_free(&a);
    sweep_free(&s);
}

static void no_point_is_no_page(void **state) {
    sj_random r = sj_random_seed(1);
    sweep s;
    sj_analysis a;
    sj_report *report;
    sj_error err;
    make(&s, &r, 2, 2);
    for (int64_t i = 0; i < s.count; i++) {
        set_invalid(&s.points[i], "too small");
    }
    analyse(&s, &a);
    assert_int_equal(sj_analysis_report(&a, &report, &err), SJ_ERR_RANGE);
    sj_analysis_free(&a);
    sweep_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_valid_point_stands_once), cmocka_unit_test(many_points_are_thinned_and_told), cmocka_unit_test(no_point_is_no_page)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
