// SPDX-License-Identifier: Apache-2.0
// Markdown holds every name as it is, whatever signs it has.
#include "report_fixture.h"
#include "report_utf8.h"

static uint64_t seed;

static void names_survive(void **state) {
    for (int i = 0; i < 300; i++) {
        sj_random r = sj_random_stream(seed, (uint64_t)i);
        inputs *in = malloc(sizeof *in);
        assert_non_null(in);
        random_inputs(&r, in);
        char *text = written(sj_report_write_md, in->report, NULL);
        assert_null(strchr(text, '<'));
        assert_null(strchr(text, '>'));
        table t = read_md(text, 0);
        const bool labelled = in->rows > 0 && in->specs[0].total;
        assert_int_equal(t.columns, in->columns + labelled);
        assert_int_equal(t.rows, 1 + in->rows + (in->rows > 0 && sj_table_has_totals(in->table)));
        for (int row = 0; row < in->rows; row++) {
            for (int c = 0; c < in->columns; c++) {
                const char *got = field(&t, row + 1, c + labelled);
                if (in->cells[row][c].kind == SJ_CELL_TEXT) {
                    char *printable = sj_utf8_printable(in->cells[row][c].text);
                    assert_string_equal(got, printable);
                    free(printable);
                } else {
                    assert_true((strcmp(got, "-") == 0) == (in->cells[row][c].kind == SJ_CELL_NONE));
                }
            }
        }
        free_table(&t);
        free(text);
        sj_report_free(in->report);
        free(in);
    }
}

static void signs_are_escaped(void **state) {
    static const struct {
        const char *in, *out;
    } cases[] = {{"a|b", "a\\|b"},       {"*x* _y_ `z`", "\\*x\\* \\_y\\_ \\`z\\`"}, {"[a](b)", "\\[a\\](b)"}, {"<b>&amp;", "&lt;b&gt;&amp;amp;"}, {"a\\|b", "a\\\\\\|b"}, {"two\nlines\x1b[1m", "two lines \\[1m"},
                 {"# head", "\\# head"}, {"- item", "\\- item"},                     {"+ item", "\\+ item"},   {"12. item", "12\\. item"},          {"12) item", "12\\) item"}, {"12 items", "12 items"},
                 {"    code", "code"},   {"~~~", "\\~\\~\\~"},                       {"$x$", "\\$x\\$"},       {"1.5 times", "1\\.5 times"},        {"---", "\\---"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sj_report *r = sj_report_new("t");
        sj_report_note(r, "%s", cases[i].in);
        char *text = written(sj_report_write_md, r, NULL), wanted[128];
        snprintf(wanted, sizeof wanted, "# t\n\n%s\n\n", cases[i].out);
        assert_string_equal(text, wanted);
        free(text);
        sj_report_free(r);
    }
}

static void a_table_looks_like_this(void **state) {
    sj_report *r = sj_report_new("Two runs");
    sj_report_table *t = sj_report_add(r, "layers", "By layer", "bars");
    sj_table_column(t, (sj_column){.key = "layer", .title = "layer"});
    sj_table_column(t, (sj_column){.key = "energy_pj", .title = "energy", .quantity = SJ_QUANTITY_ENERGY_PJ, .total = true});
    sj_table_text(t, "conv|1");
    sj_table_number(t, 1.5e6);
    sj_table_text(t, "fc");
    sj_table_number(t, 0.25e6);
    sj_table_note(t, "A note.");
    sj_report_add(r, "empty", "Empty", NULL);
    char *text = written(sj_report_write_md, r, NULL);
    assert_string_equal(text, "# Two runs\n\n## By layer\n\n| layer | energy (uJ) |\n|---|--:|\n| conv\\|1 | 1.500 |\n| fc | 0.250 |\n| total | 1.750 |\n\nA note.\n\n## Empty\n\n");
    free(text);
    sj_report_free(r);
}

// What is left out is no row of a table without sums.
static void rows_left_out_are_told_below(void **state) {
    for (int rows = 1; rows <= 4; rows++) {
        sj_report *r = sj_report_new("t");
        sj_report_table *t = sj_report_add(r, "runs", "Runs", NULL);
        sj_table_column(t, (sj_column){.key = "run", .title = "run"});
        for (int i = 0; i < rows; i++) {
            sj_table_text(t, "a");
        }
        const sj_report_view view = {.top = 2};
        char *text = written(sj_report_write_md, r, &view), wanted[128];
        snprintf(wanted, sizeof wanted, "# t\n\n## Runs\n\n| run |\n|---|\n| a |\n%s\n%s", rows > 1 ? "| a |\n" : "", rows == 3 ? "1 more row.\n\n" : rows == 4 ? "2 more rows.\n\n" : "");
        assert_string_equal(text, wanted);
        free(text);
        sj_report_free(r);
    }
}

static void a_value_and_its_ends_share_a_unit(void **state) {
    static const char *const keys[] = {"energy_pj", "energy_low_pj", "energy_high_pj", "energy_cumulative_pj", "energy_lowest_pj", "other_high_pj", "never_pj"};
    static const double values[] = {340.9e9, 10.6e9, 1023.4e9, 42e15, 2e12, 3e12, (double)NAN};
    sj_report *r = sj_report_new("t");
    sj_report_table *t = sj_report_add(r, "runs", "Runs", NULL);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        sj_table_column(t, (sj_column){.key = keys[i], .title = "e", .quantity = SJ_QUANTITY_ENERGY_PJ});
    }
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        sj_table_number(t, values[i]);
    }
    char *text = written(sj_report_write_md, r, NULL);
    assert_non_null(strstr(text, "| e (mJ) | e (mJ) | e (mJ) | e (mJ) | e (J) | e (J) | e |\n"));
    assert_non_null(strstr(text, "| 340.9 | 10.60 | 1023.4 | 42000000.0 | 2.000 | 3.000 | - |\n"));
    free(text);
    sj_report_free(r);
}

int main(void) {
    seed = sj_test_seed(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_survive),
        cmocka_unit_test(signs_are_escaped),
        cmocka_unit_test(a_table_looks_like_this),
        cmocka_unit_test(rows_left_out_are_told_below),
        cmocka_unit_test(a_value_and_its_ends_share_a_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
