// SPDX-License-Identifier: Apache-2.0
// The HTML page: whatever a user named, it stays text; its numbers are the report's. tests/html opens pages in a browser.
#define _GNU_SOURCE  // strcasestr
#include "report_fixture.h"
#include "report_utf8.h"

static uint64_t seed;

static sj_status write_page(FILE *f, const sj_report *r, const sj_report_view *view, sj_error *err) {
    (void)view;
    return sj_report_write_html(f, r, err);
}

static char *page_of(const sj_report *r) {
    FILE *f = tmpfile();
    sj_error err = {0};
    const sj_status status = sj_report_write_html(f, r, &err);
    fclose(f);
    if (status == SJ_ERR_UNSUPPORTED) {
        assert_has(err.message, "libjs-vega");
        print_message("built without Vega: nothing to test\n");
        exit(77);
    }
    return written(write_page, r, NULL);
}

static int count_of(const char *text, const char *part) {
    int count = 0;
    for (const char *p = strcasestr(text, part); p != NULL; p = strcasestr(p + 1, part)) {
        count++;
    }
    return count;
}

// ---- A reader of the page, stricter than browsers: each tag is one that the writer uses, closed in its turn, attributes are quoted, and "<" stands in tags alone.
typedef struct reader {
    const char *at;
    char open[32][16];
    int depth, scripts;
} reader;

static const char *const tags[] = {"html", "head", "title", "style", "body", "div", "header", "h1", "h2", "p", "button", "nav", "ol", "li", "a", "main", "section", "details", "summary", "table", "thead", "tbody", "tfoot", "tr", "th", "td", "script"};
static const char *const empty_tags[] = {"meta", "link"};

static bool known(const char *name, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void read_attributes(reader *in) {
    while (*in->at == ' ') {
        in->at += 1 + strspn(in->at + 1, "abcdefghijklmnopqrstuvwxyz-");
        if (*in->at == '=') {
            assert_int_equal(in->at[1], '"');
            const char *end = strpbrk(in->at + 2, "\"<>");
            assert_non_null(end);
            assert_int_equal(*end, '"');
            in->at = end + 1;
        }
    }
    assert_int_equal(*in->at, '>');
    in->at++;
}

static void read_tag(reader *in) {
    char name[16] = "";
    const bool closes = in->at[1] == '/';
    in->at += closes ? 2 : 1;
    const size_t length = strspn(in->at, "abcdefghijklmnopqrstuvwxyz0123456789");
    assert_in_range(length, 1, sizeof name - 1);
    memcpy(name, in->at, length);
    in->at += length;
    read_attributes(in);
    if (closes) {
        assert_true(in->depth > 0);
        assert_string_equal(in->open[--in->depth], name);
    } else if (!known(name, empty_tags, 2)) {
        assert_true(known(name, tags, sizeof tags / sizeof *tags));
        assert_true(in->depth < 32);
        strcpy(in->open[in->depth++], name);
        if (strcmp(name, "script") == 0 || strcmp(name, "style") == 0) {  // what stands in it ends at the first end tag
            in->scripts += strcmp(name, "script") == 0;
            in->at = strcasestr(in->at, name[1] == 'c' ? "</script" : "</style");
            assert_non_null(in->at);
        }
    }
}

static int read_page(const char *page) {
    static const char doctype[] = "<!DOCTYPE html>";
    assert_memory_equal(page, doctype, sizeof doctype - 1);
    reader in = {.at = page + sizeof doctype - 1};
    while (*in.at != '\0') {
        if (*in.at == '<') {
            read_tag(&in);
        } else {
            assert_int_not_equal(*in.at, '>');
            in.at++;
        }
    }
    assert_int_equal(in.depth, 0);
    return in.scripts;
}

// The text up to the next tag, with its entities resolved; caller frees.
static char *plain_text(const char *html) {
    static const struct {
        const char *entity;
        char as;
    } entities[] = {{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&#39;", '\''}};
    char *out = calloc(strcspn(html, "<") + 1, 1);
    size_t length = 0;
    while (*html != '<' && *html != '\0') {
        size_t i = 0;
        while (i < 5 && strncmp(html, entities[i].entity, strlen(entities[i].entity)) != 0) {
            i++;
        }
        assert_true(*html != '&' || i < 5);
        out[length++] = i < 5 ? entities[i].as : *html;
        html += i < 5 ? strlen(entities[i].entity) : 1;
    }
    return out;
}

// One <td> of the page against what was put in; returns what is behind it.
static const char *check_cell(const char *at, const input *in) {
    at = strstr(at, "<td");
    assert_non_null(at);
    const char *end = strchr(at, '>');
    char *text = plain_text(end + 1);
    const char *value = strstr(at, " data-value=\"");
    if (in->kind == SJ_CELL_NUMBER || in->kind == SJ_CELL_INTEGER) {
        assert_true(value != NULL && value < end);
        value += strlen(" data-value=\"");
        if (in->kind == SJ_CELL_NUMBER) {
            assert_true(strtod(value, NULL) == in->number);
        } else {
            assert_true(strtoull(value, NULL, 10) == in->integer);
        }
    } else {
        assert_true(value == NULL || value > end);
        char *printable = in->kind == SJ_CELL_TEXT ? sj_utf8_printable(in->text) : strdup("\u2013");
        assert_string_equal(text, printable);
        free(printable);
    }
    free(text);
    return end;
}

// Behind the first column's total stand labels, in a column of their own; a column without any value is left out.
static void check_rows(const char *page, const inputs *in) {
    const char *at = strstr(page, "<tbody>");
    bool shown[INPUT_COLUMNS_MAX] = {false};
    int count = 0;
    for (int c = 0; c < in->columns; c++) {
        for (int row = 0; row < in->rows; row++) {
            shown[c] = shown[c] || in->cells[row][c].kind != SJ_CELL_NONE;
        }
        count += shown[c];
        char head[64];
        snprintf(head, sizeof head, "data-key=\"%s\"", in->keys[c]);
        assert_int_equal(count_of(page, head), shown[c] || in->rows == 0);
    }
    bool extra = false;
    if (in->rows > 0) {
        const char *row_end = strstr(at, "</tr>");
        int cells = 0;
        for (const char *p = strstr(at, "<td"); p != NULL && p < row_end; p = strstr(p + 1, "<td")) {
            cells++;
        }
        extra = cells == count + 1;
        assert_true(extra || cells == count);
    }
    for (int row = 0; row < in->rows; row++) {
        at = strstr(at, "<tr>");
        assert_non_null(at);
        at = extra ? strstr(strstr(at, "<td"), "</td>") : at;
        for (int c = 0; c < in->columns; c++) {
            at = shown[c] ? check_cell(at, &in->cells[row][c]) : at;
        }
    }
}

static void texts_stay_texts_and_numbers_are_exact(void **state) {
    sj_random r = sj_random_seed(seed);
    int scripts = -1;
    for (int i = 0; i < 100; i++) {
        inputs in;
        random_inputs(&r, &in);
        char *page = page_of(in.report), *json = written(sj_report_write_json, in.report, NULL);
        const int found = read_page(page);
        assert_true(scripts < 0 || found == scripts);
        scripts = found;
        assert_has(page, json);  // the data of the page's scripts are the JSON report
        check_rows(page, &in);
        free(page);
        free(json);
        sj_report_free(in.report);
    }
}

static void page_asks_for_nothing(void **state) {
    sj_report *r = sj_report_new("http://127.0.0.1/ <img src=x>");
    sj_report_table *t = sj_report_add(r, "machines", "<link href=//x>", "machines");
    sj_table_column(t, (sj_column){.key = "run", .title = "<style>@import url(x)</style>", .quantity = SJ_QUANTITY_TEXT});
    sj_table_text(t, "<iframe src=//x>");
    char *page = page_of(r);
    read_page(page);
    assert_has(page, "content=\"default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:;");
    assert_int_equal(count_of(page, " src=\""), 0);
    assert_int_equal(count_of(page, "<link"), 1);
    assert_has(page, "<link rel=\"icon\" href=\"data:,\">");
    assert_int_equal(count_of(page, "sourceMappingURL"), 0);
    assert_has(page, "BSD 3-Clause");  // the licences of what it brings along, and whose they are
    assert_has(page, "internmap: Copyright 2021 Mike Bostock");
    assert_has(page, "GeographicLib");
    assert_has(page, "THE SOFTWARE IS PROVIDED \"AS IS\" AND THE AUTHOR DISCLAIMS ALL WARRANTIES");
    assert_int_equal(count_of(page, "id=\"chart-machines\""), 1);
    assert_int_equal(count_of(page, "id=\"chart-pareto\""), 0);
    free(page);
    sj_report_free(r);
}

static char *page_of_rows(const char *key, const char *chart, int rows) {
    sj_report *r = sj_report_new("long");
    sj_report_table *t = sj_report_add(r, key, "data", chart);
    sj_table_column(t, (sj_column){.key = "n", .title = "n", .quantity = SJ_QUANTITY_INTEGER});
    for (int i = 0; i < rows; i++) {
        sj_table_integer(t, (uint64_t)i);
    }
    char *page = page_of(r);
    sj_report_free(r);
    return page;
}

static void long_tables_are_cut_and_say_so(void **state) {
    static const int sizes[] = {1000, 1001};
    for (int i = 0; i < 2; i++) {
        char *page = page_of_rows("data", NULL, sizes[i]);
        assert_int_equal(count_of(page, "<td"), 1000);
        assert_int_equal(count_of(page, "the first 1000 of them here, all in the CSV"), sizes[i] > 1000);
        free(page);
    }
}

// Of a table with a chart, or of where results come from, the chart or nothing is seen at first; one that stands alone is what people look for.
static void tables_of_few_rows_are_open(void **state) {
    for (int rows = 15; rows <= 42; rows++) {
        char *charted = page_of_rows("data", "machines", rows), *alone = page_of_rows("data", NULL, rows), *provenance = page_of_rows("provenance", NULL, rows);
        assert_int_equal(count_of(charted, "<details open "), rows <= 16);
        assert_int_equal(count_of(provenance, "<details open "), rows <= 16);
        assert_int_equal(count_of(alone, "<details open "), rows <= 40);
        free(charted);
        free(alone);
        free(provenance);
    }
}

// Behind the names of a row: savings and accuracy, then the rest in its order.
static void what_is_looked_for_stands_first(void **state) {
    static const char *const keys[] = {"run", "batch", "energy_pj", "accuracy", "saving_vs_gate", "state"}, *const wanted[] = {"run", "accuracy", "saving_vs_gate", "batch", "energy_pj", "state"};
    sj_report *r = sj_report_new("order");
    sj_report_table *t = sj_report_add(r, "data", "data", NULL);
    for (int c = 0; c < 6; c++) {
        sj_table_column(t, (sj_column){.key = keys[c], .title = keys[c], .quantity = c == 0 || c == 5 ? SJ_QUANTITY_TEXT : SJ_QUANTITY_NUMBER});
    }
    char *page = page_of(r);
    const char *at = page;
    for (int c = 0; c < 6; c++) {
        char head[64];
        snprintf(head, sizeof head, "data-key=\"%s\"", wanted[c]);
        at = strstr(at, head);
        assert_non_null(at);
    }
    free(page);
    sj_report_free(r);
}

static void unknown_charts_are_refused(void **state) {
    sj_report *r = sj_report_new("report");
    sj_report_free(r);
    r = sj_report_new("report");
    sj_table_column(sj_report_add(r, "data", "data", "pie"), (sj_column){.key = "n", .title = "n", .quantity = SJ_QUANTITY_INTEGER});
    assert_has(refused(write_page, r, NULL, SJ_ERR_INTERNAL), "the chart pie, which there is not");
    sj_report_free(r);
    refused(write_page, NULL, NULL, SJ_ERR_MEMORY);
}

int main(void) {
    seed = sj_test_seed(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_stay_texts_and_numbers_are_exact),
        cmocka_unit_test(page_asks_for_nothing),
        cmocka_unit_test(long_tables_are_cut_and_say_so),
        cmocka_unit_test(tables_of_few_rows_are_open),
        cmocka_unit_test(what_is_looked_for_stands_first),
        cmocka_unit_test(unknown_charts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
