// SPDX-License-Identifier: Apache-2.0
// Text fits the width that is asked for, loses no number, and shows roundings of what was put in.
#include <inttypes.h>

#include "report_fixture.h"
#include "report_utf8.h"
#include "sj_units.h"

static uint64_t seed;

// ---- Characters

static void widths_are_those_of_terminals(void **state) {
    static const struct {
        const char *text;
        int width;
    } cases[] = {{"", 0}, {"abc", 3}, {"Gr\xc3\xbc\xc3\x9f" "e", 5}, {"\xe7\xbd\x91\xe7\xbb\x9c", 4}, {"e\xcc\x81", 1}, {"\xf0\x9f\x98\x80", 2}, {"\xef\xbc\xa1", 2}, {"\xe2\x80\x8b", 0}, {"\xef\xbf\xbd", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(sj_utf8_width(cases[i].text), cases[i].width);
    }
}

static void names_are_shortened_in_the_middle(void **state) {
    static const struct {
        const char *text;
        int width;
        const char *out;
    } cases[] = {{"abcdefghij", 10, "abcdefghij"}, {"abcdefghij", 9, "abc...hij"}, {"abcdefghij", 8, "abc...ij"}, {"abcdefghij", 3, "..."}, {"\xe7\xbd\x91\xe7\xbb\x9c\xe7\xbd\x91", 5, "..."},
                 {"abcde\xcc\x81" "fg", 6, "ab...g"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *out = sj_utf8_shorten(cases[i].text, cases[i].width);
        assert_string_equal(out, cases[i].out);
        assert_true(sj_utf8_width(out) <= cases[i].width);
        free(out);
    }
    sj_random r = sj_random_seed(seed);
    for (int i = 0; i < 20000; i++) {
        char text[256];
        random_text(&r, text);
        const int width = (int)sj_test_between(&r, 3, 40);
        char *out = sj_utf8_shorten(text, width), *clean = sj_utf8_clean(out);
        assert_true(sj_utf8_width(out) <= width);
        assert_string_equal(out, clean);  // no character was cut in two
        assert_true(sj_utf8_width(text) > width || strcmp(out, text) == 0);
        free(out);
        free(clean);
    }
}

// ---- Width

// No line is wider, ends in a blank or holds a character that a terminal would obey.
static void check_lines(const char *text, int width) {
    for (const char *line = text; *line != '\0';) {
        const char *end = strchr(line, '\n');
        assert_non_null(end);
        char *one = strndup(line, (size_t)(end - line));
        if (width > 0 && sj_utf8_width(one) > width) {
            fail_msg("wider than %d: \"%s\" in\n%s", width, one, text);
        }
        for (int i = 0; one[i] != '\0'; i++) {
            const unsigned char a = (unsigned char)one[i], b = (unsigned char)one[i + 1];
            assert_true(a >= 0x20 && a != 0x7f && !(a == 0xc2 && b < 0xa0));
        }
        assert_null(strstr(one, "\xe2\x80\xae"));
        assert_true(end == line || end[-1] != ' ');
        free(one);
        line = end + 1;
    }
}

static void text_is_never_wider_than_asked(void **state) {
    for (int width = SJ_REPORT_WIDTH_MIN; width <= 200; width++) {
        for (int i = 0; i < 6; i++) {
            sj_random r = sj_random_stream(seed, (uint64_t)(width * 6 + i));
            inputs *in = malloc(sizeof *in);
            assert_non_null(in);
            random_inputs(&r, in);
            const sj_report_view view = {.width = i == 5 ? 0 : width, .top = sj_test_between(&r, 0, 8), .shares = sj_random_below(&r, 2) == 0};
            char *text = written(sj_report_write_text, in->report, &view);
            check_lines(text, view.width);
            free(text);
            sj_report_free(in->report);
            free(in);
        }
    }
}

// The widest numbers beside long names, wide numbers, or a wide number alone in front.
static void the_widest_numbers_fit(void **state) {
    for (int width = SJ_REPORT_WIDTH_MIN; width <= 100; width++) {
        for (int first = 0; first < 3; first++) {
            sj_report *r = sj_report_new("wide");
            sj_report_table *t = sj_report_add(r, "data", "", NULL);
            for (int c = 0; c < 4; c++) {
                char key[16];
                snprintf(key, sizeof key, "c%d", c);
                sj_table_column(t, (sj_column){.key = key, .title = "a title that is a long one", .quantity = c < first ? SJ_QUANTITY_TEXT : SJ_QUANTITY_INTEGER, .total = c > first});
            }
            for (int i = 0; i < 12; i++) {
                i % 4 < first ? sj_table_text(t, "a_name_that_is_far_too_long_for_such_a_table") : sj_table_integer(t, UINT64_MAX);
            }
            char *text = written(sj_report_write_text, r, &(sj_report_view){.width = width, .top = 2});
            check_lines(text, width);
            int numbers = 0;
            for (const char *p = text; (p = strstr(p, "18,446,744,073,709,551,615")) != NULL; p++) {
                numbers++;
            }
            assert_true(numbers >= 2 * (4 - first));
            free(text);
            sj_report_free(r);
        }
    }
}

// No block begins with shares whose column stands in the one before.
static void shares_stand_beside_their_column(void **state) {
    sj_report *r = sj_report_new("shares");
    sj_report_table *t = sj_report_add(r, "data", "", NULL);
    sj_table_column(t, (sj_column){.key = "name", .title = "name"});
    for (int c = 0; c < 9; c++) {
        char key[16];
        snprintf(key, sizeof key, "c%d", c);
        sj_table_column(t, (sj_column){.key = key, .title = "count", .quantity = SJ_QUANTITY_INTEGER, .total = true});
    }
    sj_table_text(t, "x");
    for (int c = 0; c < 9; c++) {
        sj_table_integer(t, 123456);
    }
    for (int width = SJ_REPORT_WIDTH_MIN; width <= 200; width++) {
        char *text = written(sj_report_write_text, r, &(sj_report_view){.width = width, .shares = true});
        for (const char *head = text; (head = strstr(head, "name")) != NULL; head++) {
            const char *next = head + 4 + strspn(head + 4, " ");
            assert_int_equal(strncmp(next, "count", 5), 0);
        }
        free(text);
    }
    sj_report_free(r);
}

// Lines of a sentence hold as many whole words as fit, in their order.
static void sentences_break_at_blanks(void **state) {
    sj_random r = sj_random_seed(seed);
    for (int i = 0; i < 500; i++) {
        const int width = (int)sj_test_between(&r, SJ_REPORT_WIDTH_MIN, 90);
        char note[1024] = "";
        for (int64_t words = sj_test_between(&r, 1, 40); words > 0; words--) {
            const int length = (int)sj_test_between(&r, 1, 12);
            char word[16];
            snprintf(word, sizeof word, "%.*s%s", length, "abcdefghijkl", words > 1 ? " " : "");
            strcat(note, word);
        }
        sj_report *report = sj_report_new("");
        sj_report_note(report, "%s", note);
        char *text = written(sj_report_write_text, report, &(sj_report_view){.width = width});
        check_lines(text, width);
        char joined[1024] = "";
        for (char *line = text; *line != '\0';) {
            char *end = strchr(line, '\n');
            *end = '\0';
            if (end[1] != '\0') {
                assert_true((int)strlen(line) + 1 + (int)strcspn(end + 1, " \n") > width);
            }
            strcat(strcat(joined, joined[0] != '\0' ? " " : ""), line);
            line = end + 1;
        }
        assert_string_equal(joined, note);
        free(text);
        sj_report_free(report);
    }
}

// ---- No number is lost where a table is folded

enum { WIDE_COLUMNS_MAX = 30, WIDE_ROWS_MAX = 12 };

// The numbers of each line that begins with a row's name, in the order of the blocks.
static int numbers_of(const char *text, const char *name, char numbers[WIDE_COLUMNS_MAX + 1][32]) {
    int count = 0;
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ' ') {
            for (const char *p = line + strlen(name); *p != '\n';) {
                p += strspn(p, " ");
                const size_t length = strcspn(p, " \n");
                assert_true(count <= WIDE_COLUMNS_MAX && length < 32);
                snprintf(numbers[count++], 32, "%.*s", (int)length, p);
                p += length;
            }
        }
    }
    return count;
}

static void folding_loses_no_number(void **state) {
    for (int i = 0; i < 400; i++) {
        sj_random r = sj_random_stream(seed, (uint64_t)i);
        const int columns = (int)sj_test_between(&r, 1, WIDE_COLUMNS_MAX), rows = (int)sj_test_between(&r, 1, WIDE_ROWS_MAX), digits = (int)sj_test_between(&r, 0, 63);
        sj_report *report = sj_report_new("wide");
        sj_report_table *t = sj_report_add(report, "data", "", NULL);
        sj_table_column(t, (sj_column){.key = "name", .title = "name"});
        for (int c = 0; c < columns; c++) {
            char key[16], title[64] = "a column with a title of some length, of which some is left out";
            snprintf(key, sizeof key, "c%d", c);
            title[sj_random_below(&r, 60)] = '\0';
            sj_table_column(t, (sj_column){.key = key, .title = title, .quantity = SJ_QUANTITY_INTEGER});
        }
        uint64_t values[WIDE_ROWS_MAX][WIDE_COLUMNS_MAX];
        for (int row = 0; row < rows; row++) {
            char name[16];
            snprintf(name, sizeof name, "row_%c", 'a' + row);
            sj_table_text(t, name);
            for (int c = 0; c < columns; c++) {
                sj_table_integer(t, values[row][c] = sj_random_u64(&r) >> digits);
            }
        }
        const sj_report_view view = {.width = (int)sj_test_between(&r, SJ_REPORT_WIDTH_MIN, 200), .top = sj_test_between(&r, 0, rows)};
        const int shown = view.top == 0 ? rows : (int)view.top;
        char *text = written(sj_report_write_text, report, &view);
        check_lines(text, view.width);
        const char *more = strstr(text, " more\n");
        assert_true((more != NULL) == (shown < rows) && (more == NULL || strstr(more + 1, " more\n") == NULL));  // told once
        for (int row = 0; row < shown; row++) {
            char name[16], numbers[WIDE_COLUMNS_MAX + 1][32], wanted[64];
            snprintf(name, sizeof name, "row_%c", 'a' + row);
            assert_int_equal(numbers_of(text, name, numbers), columns);
            for (int c = 0; c < columns; c++) {
                sj_count_format(wanted, values[row][c]);
                assert_string_equal(numbers[c], wanted);
            }
        }
        free(text);
        sj_report_free(report);
    }
}

// ---- Numbers

static const struct {
    sj_quantity quantity;
    const char *unit;
    double least, most;  // powers of ten of the values
} kinds[] = {{SJ_QUANTITY_NUMBER, NULL, -3, 6},   {SJ_QUANTITY_SHARE, NULL, -5, 1},  {SJ_QUANTITY_ENERGY_PJ, NULL, -2, 24}, {SJ_QUANTITY_SECONDS, NULL, -10, 6},
             {SJ_QUANTITY_BYTES, NULL, 0, 17},    {SJ_QUANTITY_CYCLES, NULL, 0, 14}, {SJ_QUANTITY_OTHER, "GMAC/s", -2, 4}};
enum { KINDS = sizeof kinds / sizeof *kinds, NUMBER_ROWS = 20 };

// What a head's unit is in the exact value's. Written apart from the program's.
static double size_of(const char *head) {
    static const struct {
        const char *name;
        double size;
    } units[] = {{"(pJ)", 1},     {"(nJ)", 1e3},       {"(uJ)", 1e6},          {"(mJ)", 1e9},             {"(J)", 1e12},                  {"(kJ)", 1e15},                 {"(MJ)", 1e18},  {"(GJ)", 1e21},
                 {"(ns)", 1e-9},  {"(us)", 1e-6},      {"(ms)", 1e-3},         {"(s)", 1},                {"(min)", 60},                  {"(h)", 3600},                  {"(B)", 1},      {"(KiB)", 1024},
                 {"(MiB)", 1048576}, {"(GiB)", 1073741824.0}, {"(TiB)", 1099511627776.0}, {"(PiB)", 1125899906842624.0}, {"(M)", 1e6}, {"(G)", 1e9}, {"(GMAC/s)", 1}};
    const char *unit = strchr(head, '(');
    for (size_t i = 0; unit != NULL && i < sizeof units / sizeof *units; i++) {
        if (strcmp(unit, units[i].name) == 0) {
            return units[i].size;
        }
    }
    assert_null(unit);
    return 1.0;
}

// A field of a line where two blanks or more stand between fields; returns what is behind it.
static const char *read_field(const char *line, char out[64]) {
    line += strspn(line, " ");
    size_t length = 0;
    while (line[length] != '\n' && strncmp(line + length, "  ", 2) != 0) {
        length++;
    }
    assert_true(length < 64);
    snprintf(out, 64, "%.*s", (int)length, line);
    return line + length;
}

static void numbers_are_roundings_in_the_unit_of_their_head(void **state) {
    for (int i = 0; i < 500; i++) {
        sj_random r = sj_random_stream(seed, (uint64_t)i);
        sj_report *report = sj_report_new("numbers");
        sj_report_table *t = sj_report_add(report, "data", "data", NULL);
        double values[NUMBER_ROWS][KINDS];
        for (int k = 0; k < KINDS; k++) {
            char key[16];
            snprintf(key, sizeof key, "k%d", k);
            sj_table_column(t, (sj_column){.key = key, .title = "title", .quantity = kinds[k].quantity, .unit = kinds[k].unit});
        }
        double scale[KINDS];
        for (int k = 0; k < KINDS; k++) {
            scale[k] = kinds[k].least + (kinds[k].most - kinds[k].least) * sj_random_unit(&r);
        }
        for (int row = 0; row < NUMBER_ROWS; row++) {
            for (int k = 0; k < KINDS; k++) {
                const int special = (int)sj_random_below(&r, 12);
                values[row][k] = special == 0 ? 0.0 : special == 1 ? (double)NAN : pow(10.0, scale[k] - 4.0 * sj_random_unit(&r)) * (special == 2 ? -1.0 : 1.0);
                sj_table_number(t, values[row][k]);
            }
        }
        char *text = written(sj_report_write_text, report, NULL), fields[64];
        const char *at = strstr(text, "\n\ndata\n") + 7;
        double sizes[KINDS];
        for (int k = 0; k < KINDS; k++) {
            at = read_field(at, fields);
            sizes[k] = kinds[k].quantity == SJ_QUANTITY_SHARE ? 0.01 : size_of(fields);
        }
        at = strchr(at + 1, '\n') + 1;
        for (int row = 0; row < NUMBER_ROWS; row++) {
            for (int k = 0; k < KINDS; k++) {
                at = read_field(at, fields);
                if (isnan(values[row][k])) {
                    assert_string_equal(fields, "-");
                    continue;
                }
                assert_true((kinds[k].quantity == SJ_QUANTITY_SHARE) == (strstr(fields, " %") != NULL));
                assert_rounding(fields, values[row][k] / sizes[k]);
            }
            assert_int_equal(*at++, '\n');
        }
        assert_int_equal(*at, '\0');
        free(text);
        sj_report_free(report);
    }
}

static void a_table_looks_like_this(void **state) {
    sj_report *r = sj_report_new("Energy of two runs");
    sj_report_note(r, "The first is the baseline, to which the others are compared one by one.");
    sj_report_table *t = sj_report_add(r, "layers", "By layer", NULL);
    sj_table_column(t, (sj_column){.key = "layer", .title = "layer"});
    sj_table_column(t, (sj_column){.key = "energy_pj", .title = "energy", .quantity = SJ_QUANTITY_ENERGY_PJ, .total = true});
    sj_table_column(t, (sj_column){.key = "macs", .title = "MACs", .quantity = SJ_QUANTITY_INTEGER, .total = true});
    sj_table_column(t, (sj_column){.key = "saving", .title = "saving", .quantity = SJ_QUANTITY_SHARE});
    sj_table_column(t, (sj_column){.key = "rate", .title = "rate", .quantity = SJ_QUANTITY_OTHER, .unit = "GMAC/s"});
    static const char *const names[] = {"conv1", "a_layer_with_a_very_long_name_indeed", "fc"};
    for (int i = 0; i < 3; i++) {
        sj_table_text(t, names[i]);
        sj_table_number(t, 1.5e9 * (i + 1));
        sj_table_integer(t, 1000000 * (uint64_t)(i + 1));
        sj_table_number(t, i == 1 ? (double)NAN : 0.193);
        sj_table_number(t, 12.345);
    }
    sj_table_note(t, "Savings are against gating.");
    char *text = written(sj_report_write_text, r, &(sj_report_view){.width = 40, .sort = "-energy_pj", .top = 2, .shares = true});
    assert_string_equal(text, "Energy of two runs\n"
                              "The first is the baseline, to which the\n"
                              "others are compared one by one.\n"
                              "\n"
                              "By layer\n"
                              "layer          energy (mJ)    share\n"
                              "-----------------------------------\n"
                              "fc                   4.500   50.0 %\n"
                              "a_lay...ndeed        3.000   33.3 %\n"
                              "1 more               1.500   16.7 %\n"
                              "-----------------------------------\n"
                              "total                9.000  100.0 %\n"
                              "\n"
                              "layer               MACs    share\n"
                              "---------------------------------\n"
                              "fc             3,000,000   50.0 %\n"
                              "a_lay...ndeed  2,000,000   33.3 %\n"
                              "1 more         1,000,000   16.7 %\n"
                              "---------------------------------\n"
                              "total          6,000,000  100.0 %\n"
                              "\n"
                              "layer          saving  rate (GMAC/s)\n"
                              "------------------------------------\n"
                              "fc             19.3 %          12.35\n"
                              "a_lay...ndeed       -          12.35\n"
                              "Savings are against gating.\n");
    free(text);
    sj_report_free(r);
}

int main(void) {
    seed = sj_test_seed(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(widths_are_those_of_terminals),
        cmocka_unit_test(names_are_shortened_in_the_middle),
        cmocka_unit_test(text_is_never_wider_than_asked),
        cmocka_unit_test(the_widest_numbers_fit),
        cmocka_unit_test(shares_stand_beside_their_column),
        cmocka_unit_test(sentences_break_at_blanks),
        cmocka_unit_test(folding_loses_no_number),
        cmocka_unit_test(numbers_are_roundings_in_the_unit_of_their_head),
        cmocka_unit_test(a_table_looks_like_this),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
