// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sj_config.h"
#include "sj_random.h"

static sj_error err;

static sj_config *parse(const char *text) {
    sj_config *c;
    assert_int_equal(sj_config_parse(text, "t.cfg", &c, &err), SJ_OK);
    return c;
}

static void set(sj_config *c, const char *assignment) {
    if (sj_config_override(c, assignment, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
}

static void refuse(sj_config *c, const char *assignment, const char *message) {
    assert_int_equal(sj_config_override(c, assignment, &err), SJ_ERR_CONFIG);
    assert_string_equal(err.message, message);
}

static void values_replace_those_of_the_file(void **state) {
    sj_config *c = parse("rows = 4; array = { lanes = 8; }; name = \"a\"; list = (1, 2); f = 1.5;");
    set(c, "rows=5");
    set(c, "array.lanes=9");
    set(c, "name=ddr4-3200-4x16");
    set(c, "list.[1]=7");
    set(c, "f=3");
    set(c, "new.deep.flag=true");
    set(c, "big=5000000000L");
    set(c, "text=\"5 apples; all = good\"");
    assert_int_equal(sj_config_int(c, "rows", SJ_REQUIRED, 0, 0, 9), 5);
    assert_int_equal(sj_config_int(c, "array.lanes", SJ_REQUIRED, 0, 0, 9), 9);
    assert_string_equal(sj_config_string(c, "name", SJ_REQUIRED, NULL), "ddr4-3200-4x16");
    assert_int_equal(sj_config_int(c, "list.[0]", SJ_REQUIRED, 0, 0, 9), 1);
    assert_int_equal(sj_config_int(c, "list.[1]", SJ_REQUIRED, 0, 0, 9), 7);
    assert_true(sj_config_float(c, "f", SJ_REQUIRED, 0, 0, 9) == 3.0);
    assert_true(sj_config_bool(c, "new.deep.flag", SJ_REQUIRED, false));
    assert_int_equal(sj_config_int(c, "big", SJ_REQUIRED, 0, 0, INT64_MAX), 5000000000);
    assert_string_equal(sj_config_string(c, "text", SJ_REQUIRED, NULL), "5 apples; all = good");
    assert_int_equal(sj_config_finish(c, &err), SJ_OK);
    sj_config_close(c);
}

static void wrong_assignments_are_refused(void **state) {
    sj_config *c = parse("rows = 4; list = (1, 2);");
    refuse(c, "rows", "--set rows: it must be PATH=VALUE, for example array.rows=8");
    refuse(c, "=5", "--set =5: it must be PATH=VALUE, for example array.rows=8");
    refuse(c, "rows=", "--set rows=: it must be PATH=VALUE, for example array.rows=8");
    refuse(c, "rows=5000000000", "--set rows=5000000000: integer 5000000000 does not fit 32 bits; write 5000000000L");
    refuse(c, "rows={", "--set rows={: syntax error");
    refuse(c, "rows=1;lanes=2", "--set rows=1;lanes=2: more than one value");
    refuse(c, "rows.deep=2", "--set rows.deep=2: \"rows.deep\" is not a key of a group, nor an element of the value's type");
    refuse(c, "list.[5]=2", "--set list.[5]=2: \"list.[5]\" is not a key of a group, nor an element of the value's type");
    refuse(c, "5x=2", "--set 5x=2: \"5x\" is not a valid key");
    assert_int_equal(sj_config_int(c, "rows", SJ_REQUIRED, 0, 0, 9), 4);
    sj_config_close(c);
}

static void errors_of_set_values_name_the_argument(void **state) {
    sj_config *c = parse("rows = 4;");
    set(c, "rows=0");
    set(c, "lanez=3");
    sj_config_int(c, "rows", SJ_REQUIRED, 0, 1, 9);
    sj_config_int(c, "lanes", SJ_OPTIONAL, 1, 1, 9);
    assert_int_equal(sj_config_finish(c, &err), SJ_ERR_CONFIG);
    assert_string_equal(err.message, "--set lanez=3: unknown key \"lanez\"; did you mean \"lanes\"?\n--set rows=0: \"rows\" is 0; it must be between 1 and 9");
    sj_config_close(c);
}

// Every key of a group may be optional: without this a scalar in its place would leave all of them at their defaults, in silence.
static void a_group_that_nobody_knows_is_named_with_the_nearest(void **state) {
    sj_config *c = parse("array = { rows = 4; };");
    set(c, "arry.rows=4");
    sj_config_int(c, "array.rows", SJ_REQUIRED, 0, 1, 9);
    assert_int_equal(sj_config_finish(c, &err), SJ_ERR_CONFIG);
    assert_string_equal(err.message, "--set arry.rows=4: unknown key \"arry\"; did you mean \"array\"?");
    sj_config_close(c);
}

static void a_scalar_in_place_of_a_group_is_refused(void **state) {
    sj_config *c = parse("array = { rows = 4; };");
    set(c, "array=3");
    assert_int_equal(sj_config_int(c, "array.rows", SJ_OPTIONAL, 1, 1, 9), 1);
    assert_int_equal(sj_config_finish(c, &err), SJ_ERR_CONFIG);
    assert_string_equal(err.message, "--set array=3: \"array\" is an integer; it must be a group");
    sj_config_close(c);
    c = parse("rows = 4;\narray = \"x\";");
    sj_config_int(c, "rows", SJ_REQUIRED, 0, 1, 9);
    sj_config_int(c, "array.rows", SJ_REQUIRED, 0, 1, 9);
    assert_int_equal(sj_config_finish(c, &err), SJ_ERR_CONFIG);
    assert_non_null(strstr(err.message, ":2: \"array\" is a string; it must be a group"));
    sj_config_close(c);
}

static void text_reads_back_as_the_same(void **state) {
    sj_config *c = parse("a = 1; b = 5000000000L; c = 1.0e-12; d = \"q\\\"\\\\\\n\\t\"; e = ( { x = true; }, [1.5, 2.5], () ); f = { }; g = -0.1;");
    set(c, "h.i=3");
    char *text, *again;
    assert_int_equal(sj_config_text(c, &text, &err), SJ_OK);
    sj_config_close(c);
    c = parse(text);
    assert_int_equal(sj_config_text(c, &again, &err), SJ_OK);
    assert_string_equal(text, again);
    assert_true(sj_config_float(c, "c", SJ_REQUIRED, 0, 0, 1) == 1.0e-12);
    assert_true(sj_config_float(c, "e.[1].[1]", SJ_REQUIRED, 0, 0, 9) == 2.5);
    assert_string_equal(sj_config_string(c, "d", SJ_REQUIRED, NULL), "q\"\\\n\t");
    assert_int_equal(sj_config_int(c, "h.i", SJ_REQUIRED, 0, 0, 9), 3);
    sj_config_close(c);
    free(text);
    free(again);
}

static void floats_survive_text_bit_for_bit(void **state) {
    const char *seed_text = getenv("SJ_TEST_SEED");
    const uint64_t seed = seed_text != NULL ? strtoull(seed_text, NULL, 10) : 20240601;
    print_message("seed %" PRIu64 "\n", seed);
    sj_random r = sj_random_seed(seed);
    for (int i = 0; i < 500; i++) {
        const uint64_t bits = sj_random_u64(&r);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) {
            continue;
        }
        char assignment[64];
        snprintf(assignment, sizeof assignment, "v=%.17e", value);
        sj_config *c = parse("");
        set(c, assignment);
        char *text;
        assert_int_equal(sj_config_text(c, &text, &err), SJ_OK);
        sj_config_close(c);
        c = parse(text);
        const double back = sj_config_float(c, "v", SJ_REQUIRED, 0, -HUGE_VAL, HUGE_VAL);
        assert_memory_equal(&back, &value, sizeof value);
        free(text);
        sj_config_close(c);
    }
}

static void numbers_and_strings_are_written_as_they_are_read(void **state) {
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.0, "0.0"}, {1.0, "1.0"}, {-0.1, "-0.1"}, {1e20, "1.0e+20"}, {1.5e-7, "1.5e-07"}, {0.30000000000000004, "0.30000000000000004"}, {-1.7976931348623157e308, "-1.7976931348623157e+308"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[SJ_CONFIG_FLOAT_MAX];
        sj_config_float_text(cases[i].value, text);
        assert_string_equal(text, cases[i].text);
    }
    char *quoted = sj_config_quote("a \"b\" \\ \n \x01");
    assert_string_equal(quoted, "\"a \\\"b\\\" \\\\ \\n \\x01\"");
    free(quoted);
}

static void the_first_difference_is_named_with_both_values(void **state) {
    static const struct {
        const char *a, *b, *path, *a_value, *b_value;
    } cases[] = {
        {"x = 1; g = { y = 2; };", "g = { y = 2; }; x = 1;", NULL, "", ""},
        {"x = 1; g = { y = 2; z = 3; };", "x = 1; g = { y = 2; z = 4; };", "g.z", "3", "4"},
        {"x = 1;", "x = 1.0;", "x", "1", "1.0"},
        {"x = 1; g = { y = 2; };", "x = 1;", "g", "a group", ""},
        {"g = { y = 2; };", "g = { y = 2; h = { w = \"a\"; }; };", "g.h", "", "a group"},
        {"g = { h = { w = \"a\"; }; };", "g = { h = { w = \"b\"; }; };", "g.h.w", "\"a\"", "\"b\""},
        {"g = { y = 2; };", "g = 5;", "g", "a group", "5"},
        {"x = [1, 2];", "x = [1, 2, 3];", "x", "[1, 2]", "[1, 2, 3]"},
        {"x = 0.1;", "x = 0.1; y = true;", "y", "", "true"},
        {"", "", NULL, "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sj_config *a = parse(cases[i].a), *b = parse(cases[i].b);
        sj_config_change change;
        assert_int_equal(sj_config_difference(a, b, &change), cases[i].path != NULL);
        if (cases[i].path != NULL) {
            assert_string_equal(change.path, cases[i].path);
            assert_string_equal(change.a, cases[i].a_value);
            assert_string_equal(change.b, cases[i].b_value);
        }
        sj_config_close(a);
        sj_config_close(b);
    }
}

typedef struct taken {
    char paths[256];
    int left;  // how many more are wanted
} taken;

static bool take(void *context, const sj_config_change *change) {
    taken *t = context;
    strcat(t->paths, change->path);
    strcat(t->paths, " ");
    return --t->left > 0;
}

static void all_differences_are_handed_over_until_enough(void **state) {
    sj_config *a = parse("x = 1; g = { y = 2; h = { w = 1; v = 2; }; only = 3; }; z = 5;"), *b = parse("g = { y = 3; h = { v = 2; w = 2; }; new = 4; }; z = 5; x = 2; last = 1;");
    static const char *const wanted[] = {"x ", "x g.y ", "x g.y g.h.w ", "x g.y g.h.w g.only ", "x g.y g.h.w g.only g.new ", "x g.y g.h.w g.only g.new last "};
    for (int most = 1; most <= 7; most++) {
        taken t = {.paths = "", .left = most};
        sj_config_differences(a, b, take, &t);
        assert_string_equal(t.paths, wanted[most <= 6 ? most - 1 : 5]);
    }
    sj_config_close(a);
    sj_config_close(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_replace_those_of_the_file), cmocka_unit_test(wrong_assignments_are_refused), cmocka_unit_test(errors_of_set_values_name_the_argument),
        cmocka_unit_test(a_scalar_in_place_of_a_group_is_refused), cmocka_unit_test(a_group_that_nobody_knows_is_named_with_the_nearest),
        cmocka_unit_test(text_reads_back_as_the_same),      cmocka_unit_test(floats_survive_text_bit_for_bit),
        cmocka_unit_test(numbers_and_strings_are_written_as_they_are_read),
        cmocka_unit_test(the_first_difference_is_named_with_both_values),
        cmocka_unit_test(all_differences_are_handed_over_until_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
