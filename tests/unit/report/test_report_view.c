// SPDX-License-Identifier: Apache-2.0
// Which tables and rows are written, in what order, and sums of those that are left out.
#include "report_fixture.h"

static uint64_t seed;

// ---- Sorting

// NONE behind everything, otherwise by value; 0: equal.
static int order_of(const input *a, const input *b, bool down) {
    if (a->kind == SJ_CELL_NONE || b->kind == SJ_CELL_NONE) {
        return (a->kind == SJ_CELL_NONE) - (b->kind == SJ_CELL_NONE);
    }
    int order = 0;
    if (a->kind == SJ_CELL_TEXT) {
        order = strcmp(a->text, b->text);
    } else {
        const long double x = a->kind == SJ_CELL_INTEGER ? (long double)a->integer : (long double)a->number, y = b->kind == SJ_CELL_INTEGER ? (long double)b->integer : (long double)b->number;
        order = (x > y) - (x < y);
    }
    return down ? -order : order;
}

// Few different values, so that many rows are equal; the last column numbers the rows as built.
static void sortable(sj_random *r, inputs *in) {
    static const char *const texts[] = {"", "a", "A", "b", "\xc3\xa4", "conv10", "conv2"};
    static const sj_quantity quantities[] = {SJ_QUANTITY_TEXT, SJ_QUANTITY_INTEGER, SJ_QUANTITY_NUMBER, SJ_QUANTITY_CYCLES};
    *in = (inputs){.report = sj_report_new("sorted"), .columns = 4, .rows = (int)sj_test_between(r, 0, INPUT_ROWS_MAX)};
    in->table = sj_report_add(in->report, "data", "data", NULL);
    for (int c = 0; c < in->columns; c++) {
        snprintf(in->keys[c], sizeof in->keys[c], "key_%d", c);
        sj_table_column(in->table, (sj_column){.key = in->keys[c], .title = "x", .quantity = quantities[c]});
    }
    sj_table_column(in->table, (sj_column){.key = "row", .title = "row", .quantity = SJ_QUANTITY_INTEGER});
    for (int row = 0; row < in->rows; row++) {
        for (int c = 0; c < in->columns; c++) {
            input *cell = &in->cells[row][c];
            const bool integer = quantities[c] == SJ_QUANTITY_INTEGER || (quantities[c] == SJ_QUANTITY_CYCLES && sj_random_below(r, 2) == 0);
            cell->kind = sj_random_below(r, 5) == 0 ? SJ_CELL_NONE : quantities[c] == SJ_QUANTITY_TEXT ? SJ_CELL_TEXT : integer ? SJ_CELL_INTEGER : SJ_CELL_NUMBER;
            snprintf(cell->text, sizeof cell->text, "%s", texts[sj_random_below(r, 7)]);
            cell->integer = (quantities[c] == SJ_QUANTITY_INTEGER ? UINT64_MAX : 3) - sj_random_below(r, 4);  // doubles could not tell the large ones apart
            cell->number = (double)sj_test_between(r, -3, 3) / 2.0;
            add_input(in->table, cell);
        }
        sj_table_integer(in->table, (uint64_t)row);
    }
}

static void rows_are_sorted_stably_with_none_last(void **state) {
    for (int i = 0; i < 400; i++) {
        sj_random r = sj_random_stream(seed, (uint64_t)i);
        inputs *in = malloc(sizeof *in);
        assert_non_null(in);
        sortable(&r, in);
        const int by = i % in->columns;
        const bool down = (i / in->columns) % 2 == 1;
        char sort[16];
        snprintf(sort, sizeof sort, "%skey_%d", down ? "-" : "", by);
        char *text = written(sj_report_write_csv, in->report, &(sj_report_view){.sort = sort, .top = 3});  // top is for people alone
        table t = read_csv(text);
        assert_int_equal(t.rows, in->rows + 1);
        int previous = -1;
        bool seen[INPUT_ROWS_MAX] = {false};
        for (int row = 1; row < t.rows; row++) {
            const int built = atoi(field(&t, row, in->columns));
            assert_false(seen[built]);
            seen[built] = true;
            if (previous >= 0) {
                const int order = order_of(&in->cells[previous][by], &in->cells[built][by], down);
                assert_true(order < 0 || (order == 0 && previous < built));
            }
            previous = built;
        }
        free_table(&t);
        free(text);
        sj_report_free(in->report);
        free(in);
    }
}

static sj_report *two_tables(void) {
    sj_report *r = sj_report_new("two");
    static const char *const keys[] = {"layers", "phases"};
    for (int i = 0; i < 2; i++) {
        sj_report_table *t = sj_report_add(r, keys[i], keys[i], NULL);
        sj_table_column(t, (sj_column){.key = "name", .title = "name"});
        sj_table_column(t, (sj_column){.key = i == 0 ? "energy_pj" : "cycles", .title = "value", .quantity = SJ_QUANTITY_CYCLES});
        for (uint64_t row = 0; row < 3; row++) {
            sj_table_text(t, (const char *[]){"b", "c", "a"}[row]);
            sj_table_integer(t, row + 10 * (uint64_t)i);
        }
    }
    return r;
}

static void assert_order(const char *text, const char *first, const char *second) {
    const char *a = strstr(text, first), *b = strstr(text, second);
    if (a == NULL || b == NULL || a > b) {
        fail_msg("\"%s\" does not stand before \"%s\" in:\n%s", first, second, text);
    }
}

static void tables_stand_in_the_order_asked_for(void **state) {
    static const report_writer writers[] = {sj_report_write_text, sj_report_write_md, sj_report_write_json};
    sj_report *r = two_tables();
    const char *const turned[] = {"phases", "layers"};
    for (int i = 0; i < 3; i++) {
        char *all = written(writers[i], r, NULL), *other = written(writers[i], r, &(sj_report_view){.tables = turned, .table_count = 2}),
             *one = written(writers[i], r, &(sj_report_view){.tables = turned, .table_count = 1});
        assert_order(all, "layers", "phases");
        assert_order(other, "phases", "layers");
        assert_has(one, "phases");
        assert_null(strstr(one, "layers"));
        free(all);
        free(other);
        free(one);
    }
    sj_report_free(r);
}

// By a column that one table has: the other stays as it was built.
static void only_tables_with_the_column_are_sorted(void **state) {
    sj_report *r = two_tables();
    char *text = written(sj_report_write_text, r, &(sj_report_view){.sort = "-cycles"});
    const char *phases = strstr(text, "phases");
    assert_non_null(phases);
    assert_order(text, "b         0", "c         1");
    assert_order(text, "c         1", "a         2");
    assert_order(phases, "a        12", "c        11");
    assert_order(phases, "c        11", "b        10");
    free(text);
    sj_report_free(r);
}

static void wrong_views_are_refused_with_the_nearest_name(void **state) {
    static const report_writer writers[] = {sj_report_write_text, sj_report_write_md, sj_report_write_json};
    sj_report *r = two_tables();
    const char *const wrong[] = {"layer", "nothing_like_it", "layers", "layers"};
    for (int i = 0; i < 3; i++) {
        assert_has(refused(writers[i], r, &(sj_report_view){.tables = &wrong[0], .table_count = 1}, SJ_ERR_USAGE), "no table \"layer\"; did you mean \"layers\"? It has layers, phases");
        assert_has(refused(writers[i], r, &(sj_report_view){.tables = &wrong[1], .table_count = 1}, SJ_ERR_USAGE), "no table \"nothing_like_it\"; it has layers, phases");
        assert_has(refused(writers[i], r, &(sj_report_view){.tables = &wrong[2], .table_count = 2}, SJ_ERR_USAGE), "\"layers\" is asked for twice");
        assert_has(refused(writers[i], r, &(sj_report_view){.sort = "energy"}, SJ_ERR_USAGE), "cannot sort by \"energy\"");
        assert_has(refused(writers[i], r, &(sj_report_view){.sort = "-cycle"}, SJ_ERR_USAGE), "cannot sort by \"cycle\": no table that is shown has such a column; did you mean \"cycles\"?");
        assert_has(refused(writers[i], r, &(sj_report_view){.tables = &wrong[2], .table_count = 1, .sort = "cycles"}, SJ_ERR_USAGE), "cannot sort by \"cycles\"");
        assert_has(refused(writers[i], r, &(sj_report_view){.top = -1}, SJ_ERR_USAGE), "-1 rows: it must be at least 1, or 0 for all");
        assert_has(refused(writers[i], r, &(sj_report_view){.width = SJ_REPORT_WIDTH_MIN - 1}, SJ_ERR_USAGE), "39 characters wide: it must be at least 40");
    }
    assert_has(refused(sj_report_write_csv, r, NULL, SJ_ERR_USAGE), "CSV holds one table; choose one of layers, phases");
    sj_report_free(r);
    r = sj_report_new("none");
    assert_has(refused(sj_report_write_csv, r, NULL, SJ_ERR_USAGE), "the report has none");
    sj_report_free(r);
}

// ---- Top and totals

typedef struct summed {
    sj_report *report;
    int rows;
    uint64_t counts[INPUT_ROWS_MAX];
} summed;

static void make_summed(sj_random *r, summed *s) {
    *s = (summed){.report = sj_report_new("sums"), .rows = (int)sj_test_between(r, 0, INPUT_ROWS_MAX)};
    sj_report_table *t = sj_report_add(s->report, "data", "data", NULL);
    sj_table_column(t, (sj_column){.key = "name", .title = "name"});
    sj_table_column(t, (sj_column){.key = "count", .title = "count", .quantity = SJ_QUANTITY_INTEGER, .total = true});
    sj_table_column(t, (sj_column){.key = "ratio", .title = "ratio", .quantity = SJ_QUANTITY_NUMBER});
    sj_table_column(t, (sj_column){.key = "energy_pj", .title = "energy", .quantity = SJ_QUANTITY_ENERGY_PJ, .total = true});
    const double scale = pow(10.0, 12.0 * sj_random_unit(r));
    for (int i = 0; i < s->rows; i++) {
        char name[16];
        snprintf(name, sizeof name, "row_%d", i);
        s->counts[i] = sj_random_u64(r) >> 8;
        sj_table_text(t, name);
        sj_table_integer(t, s->counts[i]);
        sj_table_number(t, 1.5);
        sj_table_number(t, sj_random_below(r, 6) == 0 ? (double)NAN : scale * sj_random_unit(r));
    }
}

static uint64_t read_count(const char *text) {
    uint64_t v = 0;
    for (; *text != '\0'; text++) {
        v = *text == ',' ? v : 10 * v + (uint64_t)(*text - '0');
    }
    return v;
}

// Adds to *error what rounding may have moved.
static double shown_energy(const char *cell, double *error) {
    double half = 0.0;
    const double v = strcmp(cell, "-") == 0 ? 0.0 : read_shown(cell, &half);
    *error += half;
    return v;
}

// What is shown, what is left out and the total, as md shows them: whole numbers exactly, others within what rounding each of them may move.
static void rows_shown_and_left_out_add_up_to_the_total(void **state) {
    for (int i = 0; i < 300; i++) {
        sj_random r = sj_random_stream(seed, (uint64_t)i);
        summed s;
        make_summed(&r, &s);
        const int top = (int)sj_test_between(&r, 0, s.rows + 2), shown = top == 0 || top > s.rows ? s.rows : top;
        char *text = written(sj_report_write_md, s.report, &(sj_report_view){.top = top, .sort = i % 2 == 0 ? "-count" : "energy_pj"});
        table t = read_md(text, 0);
        assert_int_equal(t.rows, 1 + shown + (shown < s.rows) + (s.rows > 0));
        uint64_t count = 0;
        double energy = 0.0, error = 0.0;
        for (int row = 1; row < t.rows - 1; row++) {
            const char *cell = field(&t, row, 3);
            count += read_count(field(&t, row, 1));
            energy += shown_energy(cell, &error);
            if (row > shown) {
                char more[32];
                snprintf(more, sizeof more, "%d more", s.rows - shown);
                assert_string_equal(field(&t, row, 0), more);
                assert_string_equal(field(&t, row, 2), "");
            } else {
                assert_int_equal(strncmp(field(&t, row, 0), "row_", 4), 0);
                assert_string_equal(field(&t, row, 2), "1.500");
            }
        }
        if (s.rows > 0) {
            uint64_t all = 0;
            for (int row = 0; row < s.rows; row++) {
                all += s.counts[row];
            }
            assert_string_equal(field(&t, t.rows - 1, 0), "total");
            assert_string_equal(field(&t, t.rows - 1, 2), "");
            assert_int_equal(read_count(field(&t, t.rows - 1, 1)), all);
            assert_int_equal(count, all);
            const double got = shown_energy(field(&t, t.rows - 1, 3), &error);
            assert_true(fabs(got - energy) <= error + 1e-9 * got);
        }
        free_table(&t);
        free(text);
        sj_report_free(s.report);
    }
}

static void shares_are_of_the_whole_column(void **state) {
    sj_report *r = sj_report_new("shares");
    sj_report_table *t = sj_report_add(r, "data", "data", NULL);
    sj_table_column(t, (sj_column){.key = "count", .title = "count", .quantity = SJ_QUANTITY_INTEGER, .total = true});
    sj_table_column(t, (sj_column){.key = "part", .title = "part", .quantity = SJ_QUANTITY_SHARE});
    for (uint64_t i = 1; i <= 4; i++) {
        sj_table_integer(t, i);
        sj_table_number(t, 0.25);
    }
    char *text = written(sj_report_write_text, r, &(sj_report_view){.shares = true, .top = 2});  // the first column is a total's: labels stand before it
    assert_has(text, "        count    share    part\n"
                     "------------------------------\n"
                     "            1   10.0 %  25.0 %\n"
                     "            2   20.0 %  25.0 %\n"
                     "2 more      7   70.0 %\n"
                     "------------------------------\n"
                     "total      10  100.0 %\n");
    free(text);
    sj_report_free(r);
}

// Sums past 2^64 are no integers any more, and shares of nothing none.
static void sums_have_limits(void **state) {
    sj_report *r = sj_report_new("limits");
    sj_report_table *t = sj_report_add(r, "data", "data", NULL);
    sj_table_column(t, (sj_column){.key = "name", .title = "name"});
    sj_table_column(t, (sj_column){.key = "count", .title = "count", .quantity = SJ_QUANTITY_INTEGER, .total = true});
    sj_table_column(t, (sj_column){.key = "zero", .title = "zero", .quantity = SJ_QUANTITY_INTEGER, .total = true});
    sj_table_column(t, (sj_column){.key = "none", .title = "none", .quantity = SJ_QUANTITY_BYTES, .total = true});
    for (int i = 0; i < 2; i++) {
        sj_table_text(t, "x");
        sj_table_integer(t, i == 0 ? UINT64_MAX : 1);
        sj_table_integer(t, 0);
        sj_table_none(t);
    }
    char *text = written(sj_report_write_md, r, &(sj_report_view){.shares = true});
    assert_has(text, "| x | 18,446,744,073,709,551,615 | 100.0 % | 0 | - | - | - |\n");
    assert_has(text, "| total | 1.845e+19 | 100.0 % | 0 | - | - | - |\n");
    const int64_t first = 0;
    assert_int_equal(sj_table_sum(t, 1, &first, 1).kind, SJ_CELL_INTEGER);
    assert_int_equal(sj_table_sum(t, 1, &first, 1).integer, UINT64_MAX);
    assert_int_equal(sj_table_sum(t, 1, NULL, 2).kind, SJ_CELL_NUMBER);
    assert_int_equal(sj_table_sum(t, 3, NULL, 2).kind, SJ_CELL_NONE);
    assert_int_equal(sj_table_sum(t, 2, NULL, 0).kind, SJ_CELL_NONE);
    free(text);
    sj_report_free(r);
}

int main(void) {
    seed = sj_test_seed(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_sorted_stably_with_none_last),
        cmocka_unit_test(tables_stand_in_the_order_asked_for),
        cmocka_unit_test(only_tables_with_the_column_are_sorted),
        cmocka_unit_test(wrong_views_are_refused_with_the_nearest_name),
        cmocka_unit_test(rows_shown_and_left_out_add_up_to_the_total),
        cmocka_unit_test(shares_are_of_the_whole_column),
        cmocka_unit_test(sums_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
