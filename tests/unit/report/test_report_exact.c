// SPDX-License-Identifier: Apache-2.0
// CSV and JSON hold exactly what was put into a report; what was built wrongly is told when it is written.
#include <inttypes.h>
#include <jansson.h>

#include "report_fixture.h"

static uint64_t seed;

// ---- Round trips

static void assert_same(double got, double wanted) {
    if (got != wanted) {
        fail_msg("%.17g was written as %.17g", wanted, got);
    }
}

static void assert_csv_cell(const char *got, const input *in) {
    char *end;
    switch (in->kind) {
        case SJ_CELL_TEXT: assert_string_equal(got, in->text); break;
        case SJ_CELL_INTEGER:
            assert_int_equal(strtoull(got, &end, 10), in->integer);
            assert_true(*end == '\0' && *got != '\0');
            break;
        case SJ_CELL_NUMBER:
            assert_same(strtod(got, &end), in->number);
            assert_true(*end == '\0' && *got != '\0' && signbit(strtod(got, NULL)) == signbit(in->number));
            break;
        default: assert_string_equal(got, "");
    }
}

static void csv_reads_back_equal(void **state) {
    for (int i = 0; i < 300; i++) {
        sj_random r = sj_random_stream(seed, (uint64_t)i);
        inputs *in = malloc(sizeof *in);
        assert_non_null(in);
        random_inputs(&r, in);
        char *text = written(sj_report_write_csv, in->report, NULL);
        table t = read_csv(text);
        assert_int_equal(t.columns, in->columns);
        assert_int_equal(t.rows, in->rows + 1);
        for (int c = 0; c < in->columns; c++) {
            assert_string_equal(field(&t, 0, c), in->keys[c]);
            for (int row = 0; row < in->rows; row++) {
                assert_csv_cell(field(&t, row + 1, c), &in->cells[row][c]);
            }
        }
        free_table(&t);
        free(text);
        sj_report_free(in->report);
        free(in);
    }
}

static void assert_json_cell(const json_t *got, const input *in) {
    switch (in->kind) {
        case SJ_CELL_TEXT: assert_string_equal(json_string_value(got), in->text); break;
        case SJ_CELL_INTEGER:
            assert_true(json_is_integer(got));
            assert_int_equal(json_integer_value(got), in->integer);
            break;
        case SJ_CELL_NUMBER:
            assert_true(json_is_number(got));
            assert_same(json_number_value(got), in->number);
            assert_true(signbit(json_number_value(got)) == signbit(in->number));
            break;
        default: assert_true(json_is_null(got));
    }
}

static json_t *read_json(const char *text) {
    json_error_t error;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        fail_msg("line %d: %s in:\n%s", error.line, error.text, text);
    }
    return root;
}

static void json_reads_back_equal(void **state) {
    for (int i = 0; i < 300; i++) {
        sj_random r = sj_random_stream(seed, (uint64_t)i);
        inputs *in = malloc(sizeof *in);
        assert_non_null(in);
        random_inputs(&r, in);
        char *text = written(sj_report_write_json, in->report, NULL);
        assert_null(strchr(text, '<'));  // may stand in a <script>
        json_t *root = read_json(text), *data = json_object_get(json_object_get(root, "tables"), "data");
        json_t *columns = json_object_get(data, "columns"), *rows = json_object_get(data, "rows");
        assert_string_equal(json_string_value(json_object_get(root, "title")), sj_report_title(in->report));
        assert_string_equal(json_string_value(json_array_get(json_object_get(root, "notes"), 0)), sj_report_note_at(in->report, 0));
        assert_string_equal(json_string_value(json_array_get(json_object_get(data, "notes"), 0)), sj_table_note_at(in->table, 0));
        assert_int_equal(json_array_size(columns), in->columns);
        assert_int_equal(json_array_size(rows), in->rows);
        for (int c = 0; c < in->columns; c++) {
            const json_t *column = json_array_get(columns, (size_t)c);
            assert_string_equal(json_string_value(json_object_get(column, "key")), in->keys[c]);
            assert_string_equal(json_string_value(json_object_get(column, "title")), in->titles[c]);
            for (int row = 0; row < in->rows; row++) {
                assert_int_equal(json_array_size(json_array_get(rows, (size_t)row)), in->columns);
                assert_json_cell(json_array_get(json_array_get(rows, (size_t)row), (size_t)c), &in->cells[row][c]);
            }
        }
        json_decref(root);
        free(text);
        sj_report_free(in->report);
        free(in);
    }
}

static void doubles_have_no_more_digits_than_they_need(void **state) {
    static const struct {
        double v;
        const char *text;
    } cases[] = {{0.1, "0.1"}, {1.0, "1"}, {0.0, "0"}, {-0.0, "-0.0"}, {1e22, "1e+22"}, {0.1 + 0.2, "0.30000000000000004"}, {1.0 / 3.0, "0.3333333333333333"}, {5e-324, "4.94065645841247e-324"},
                 {1.7976931348623157e308, "1.7976931348623157e+308"}, {-123.5, "-123.5"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32];
        sj_exact_double(text, cases[i].v);
        assert_string_equal(text, cases[i].text);
    }
    sj_random r = sj_random_seed(seed);
    for (int i = 0; i < 100000; i++) {
        const double v = random_double(&r);
        char text[32], shorter[32] = "";
        sj_exact_double(text, v);
        assert_same(strtod(text, NULL), v);
        for (int digits = 15; v != 0.0 && strtod(shorter, NULL) != v; digits++) {
            snprintf(shorter, sizeof shorter, "%.*g", digits, v);
        }
        assert_true(v == 0.0 || strcmp(text, shorter) == 0);
    }
}

static sj_report *small_report(sj_report_table **t) {
    sj_report *r = sj_report_new("small");
    *t = sj_report_add(r, "data", "Data", "bars");
    sj_table_column(*t, (sj_column){.key = "name", .title = "name"});
    sj_table_column(*t, (sj_column){.key = "count", .title = "count", .quantity = SJ_QUANTITY_INTEGER, .total = true, .meaning = "how many"});
    sj_table_column(*t, (sj_column){.key = "energy_pj", .title = "energy", .quantity = SJ_QUANTITY_ENERGY_PJ});
    return r;
}

static void files_look_as_documented(void **state) {
    sj_report_table *t;
    sj_report *r = small_report(&t);
    sj_report_note(r, "of %d runs", 2);
    sj_table_text(t, "a<b");
    sj_table_integer(t, UINT64_MAX);
    sj_table_number(t, 0.1);
    sj_table_none(t);
    sj_table_none(t);
    sj_table_number(t, NAN);
    char *json = written(sj_report_write_json, r, NULL), *csv = written(sj_report_write_csv, r, NULL);
    assert_string_equal(json, "{\"format\": \"skipjoule-report\", \"version\": 1, \"title\": \"small\",\n\"notes\": [\"of 2 runs\"],\n\"tables\": {\n"
                              " \"data\": {\"title\": \"Data\", \"chart\": \"bars\", \"notes\": [],\n  \"columns\": [\n"
                              "   {\"key\": \"name\", \"title\": \"name\", \"quantity\": \"text\", \"unit\": null, \"meaning\": null, \"total\": false},\n"
                              "   {\"key\": \"count\", \"title\": \"count\", \"quantity\": \"integer\", \"unit\": null, \"meaning\": \"how many\", \"total\": true},\n"
                              "   {\"key\": \"energy_pj\", \"title\": \"energy\", \"quantity\": \"energy\", \"unit\": \"pJ\", \"meaning\": null, \"total\": false}],\n"
                              "  \"rows\": [\n   [\"a\\u003cb\", 18446744073709551615, 0.1],\n   [null, null, null]]}}}\n");
    assert_string_equal(csv, "name,count,energy_pj\na<b,18446744073709551615,0.1\n,,\n");
    free(json);
    free(csv);
    sj_report_free(r);
}

// A reader that skips empty lines, as most do, still finds every row; an empty text is not the same as none.
static void empty_cells_in_csv(void **state) {
    sj_report *r = sj_report_new("empty");
    sj_report_table *t = sj_report_add(r, "one", "One", NULL), *u = sj_report_add(r, "two", "Two", NULL);
    sj_table_column(t, (sj_column){.key = "a", .title = "a"});
    sj_table_none(t);
    sj_table_text(t, "");
    sj_table_column(u, (sj_column){.key = "a", .title = "a"});
    sj_table_column(u, (sj_column){.key = "b", .title = "b"});
    sj_table_none(u);
    sj_table_text(u, "");
    const char *const names[] = {"one", "two"};
    char *one = written(sj_report_write_csv, r, &(sj_report_view){.tables = &names[0], .table_count = 1}), *two = written(sj_report_write_csv, r, &(sj_report_view){.tables = &names[1], .table_count = 1});
    assert_string_equal(one, "a\n\"\"\n\"\"\n");
    assert_string_equal(two, "a,b\n,\"\"\n");
    free(one);
    free(two);
    sj_report_free(r);
}

// Every byte that is no UTF-8 becomes U+FFFD, in all formats.
static void bytes_that_are_no_utf8_are_replaced(void **state) {
    static const struct {
        const char *in, *out;
    } cases[] = {{"a\xff" "b", "a\xef\xbf\xbd" "b"}, {"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"}, {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, {"x\xe2\x82", "x\xef\xbf\xbd\xef\xbf\xbd"},
                 {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, {"\xe0\x9f\xbf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, {"\xf4\x8f\xbf\xbf\xed\x9f\xbf", "\xf4\x8f\xbf\xbf\xed\x9f\xbf"},
                 {"\xe0\xa0\x80\xf0\x90\x80\x80", "\xe0\xa0\x80\xf0\x90\x80\x80"}, {"\x80", "\xef\xbf\xbd"}, {"\xed\xbf\xbf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, {"\xee\x80\x80", "\xee\x80\x80"}, {"\xc3(", "\xef\xbf\xbd("}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sj_report *r = sj_report_new(cases[i].in);
        sj_report_table *t = sj_report_add(r, "data", "", NULL);
        sj_table_column(t, (sj_column){.key = "a", .title = cases[i].in});
        sj_table_text(t, cases[i].in);
        char *csv = written(sj_report_write_csv, r, NULL), *json = written(sj_report_write_json, r, NULL), wanted[64];
        snprintf(wanted, sizeof wanted, "a\n%s\n", cases[i].out);
        assert_string_equal(csv, wanted);
        json_t *root = read_json(json);
        assert_string_equal(json_string_value(json_object_get(root, "title")), cases[i].out);
        json_decref(root);
        free(csv);
        free(json);
        sj_report_free(r);
    }
}

// ---- What was built wrongly

static void refuse(sj_report *r, sj_status status, const char *part) {
    static const report_writer writers[] = {sj_report_write_text, sj_report_write_md, sj_report_write_csv, sj_report_write_json};
    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
        assert_has(refused(writers[i], r, NULL, status), part);
    }
    sj_report_free(r);
}

static void add_column(sj_report_table *t, const char *key, sj_quantity quantity, const char *unit, bool total) {
    sj_table_column(t, (sj_column){.key = key, .title = "x", .quantity = quantity, .unit = unit, .total = total});
}

static void wrong_calls_are_told(void **state) {
    sj_report_table *t;
    sj_report *r;
    static const struct {
        const char *key, *unit, *part;
        sj_quantity quantity;
        bool total;
    } columns[] = {{"Name", NULL, "column \"Name\" has no key", SJ_QUANTITY_TEXT, false},
                   {"", NULL, "has no key", SJ_QUANTITY_TEXT, false},
                   {NULL, NULL, "has no key", SJ_QUANTITY_TEXT, false},
                   {"name", NULL, "stands there twice", SJ_QUANTITY_TEXT, false},
                   {"rate", NULL, "must name a unit", SJ_QUANTITY_OTHER, false},
                   {"rate", "GMAC/s", "must name a unit", SJ_QUANTITY_NUMBER, false},
                   {"text", NULL, "has no total", SJ_QUANTITY_TEXT, true},
                   {"odd", NULL, "has no quantity", (sj_quantity)(SJ_QUANTITY_OTHER + 1), false}};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        r = small_report(&t);
        add_column(t, columns[i].key, columns[i].quantity, columns[i].unit, columns[i].total);
        refuse(r, SJ_ERR_INTERNAL, columns[i].part);
    }
    r = small_report(&t);
    sj_table_text(t, "x");
    add_column(t, "late", SJ_QUANTITY_NUMBER, NULL, false);
    refuse(r, SJ_ERR_INTERNAL, "comes after the first cell");
    r = small_report(&t);
    sj_table_text(t, "x");
    sj_table_integer(t, 1);
    refuse(r, SJ_ERR_INTERNAL, "2 of 3 cells");
    r = small_report(&t);
    (void)sj_report_add(r, "data", "again", NULL);
    refuse(r, SJ_ERR_INTERNAL, "another one has already");
    r = small_report(&t);
    (void)sj_report_add(r, "Data!", "again", NULL);
    refuse(r, SJ_ERR_INTERNAL, "\"Data!\", which is none");
    r = sj_report_new("x");
    sj_table_none(sj_report_add(r, "data", "x", NULL));
    refuse(r, SJ_ERR_INTERNAL, "before the first column");
    refuse(NULL, SJ_ERR_MEMORY, "no memory");
}

// Of every quantity: the kinds that it takes, and no other.
static void cells_have_the_type_of_their_column(void **state) {
    static const char *const takes[] = {[SJ_QUANTITY_TEXT] = "t",   [SJ_QUANTITY_INTEGER] = "i", [SJ_QUANTITY_NUMBER] = "n",  [SJ_QUANTITY_SHARE] = "n", [SJ_QUANTITY_ENERGY_PJ] = "n",
                                        [SJ_QUANTITY_SECONDS] = "n", [SJ_QUANTITY_BYTES] = "in", [SJ_QUANTITY_CYCLES] = "in", [SJ_QUANTITY_OTHER] = "n"};
    for (int quantity = 0; quantity <= SJ_QUANTITY_OTHER; quantity++) {
        for (int kind = 0; kind < 3; kind++) {
            sj_report *r = sj_report_new("x");
            sj_report_table *t = sj_report_add(r, "data", "x", NULL);
            add_column(t, "it", (sj_quantity)quantity, quantity == SJ_QUANTITY_OTHER ? "m" : NULL, false);
            sj_table_none(t);
            kind == 0 ? sj_table_text(t, "x") : kind == 1 ? sj_table_integer(t, 1) : sj_table_number(t, 1.5);
            if (strchr(takes[quantity], "tin"[kind]) != NULL) {
                free(written(sj_report_write_json, r, NULL));
                sj_report_free(r);
            } else {
                refuse(r, SJ_ERR_INTERNAL, "does not take");
            }
        }
    }
}

static void infinite_numbers_are_told(void **state) {
    for (int sign = -1; sign <= 1; sign += 2) {
        sj_report *r = sj_report_new("x");
        sj_report_table *t = sj_report_add(r, "data", "x", NULL);
        add_column(t, "ratio", SJ_QUANTITY_NUMBER, NULL, false);
        sj_table_number(t, sign * (double)INFINITY);
        sj_table_number(t, 1.0);
        refuse(r, SJ_ERR_NUMERIC, "column \"ratio\" is infinite");
    }
}

static void calls_on_nothing_do_nothing(void **state) {
    sj_report_note(NULL, "%d", 1);
    assert_null(sj_report_add(NULL, "a", "b", NULL));
    sj_table_note(NULL, "%d", 1);
    sj_table_column(NULL, (sj_column){.key = "a", .title = "a"});
    sj_table_text(NULL, "x");
    sj_table_number(NULL, INFINITY);
    sj_table_integer(NULL, 1);
    sj_table_none(NULL);
    sj_report_free(NULL);
    assert_int_equal(sj_report_table_count(NULL), 0);
    assert_null(sj_report_find(NULL, "a"));
}

static void a_full_disk_is_an_error(void **state) {
    sj_report_table *t;
    sj_report *r = small_report(&t);
    sj_error err;
    FILE *f = fopen("/dev/full", "w");
    assert_non_null(f);
    setvbuf(f, NULL, _IONBF, 0);
    assert_int_equal(sj_report_write_json(f, r, NULL, &err), SJ_ERR_IO);
    fclose(f);
    sj_report_free(r);
}

int main(void) {
    seed = sj_test_seed(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_reads_back_equal),
        cmocka_unit_test(json_reads_back_equal),
        cmocka_unit_test(doubles_have_no_more_digits_than_they_need),
        cmocka_unit_test(files_look_as_documented),
        cmocka_unit_test(empty_cells_in_csv),
        cmocka_unit_test(bytes_that_are_no_utf8_are_replaced),
        cmocka_unit_test(wrong_calls_are_told),
        cmocka_unit_test(cells_have_the_type_of_their_column),
        cmocka_unit_test(infinite_numbers_are_told),
        cmocka_unit_test(calls_on_nothing_do_nothing),
        cmocka_unit_test(a_full_disk_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
