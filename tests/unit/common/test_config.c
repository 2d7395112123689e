// SPDX-License-Identifier: Apache-2.0
#include <float.h>
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

static sj_error err;

static sj_config *parse(const char *text) {
    sj_config *c;
    err.message[0] = '\0';
    assert_int_equal(sj_config_parse(text, "t.cfg", &c, &err), SJ_OK);
    return c;
}

static void assert_finishes(sj_config *c) {
    if (sj_config_finish(c, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    sj_config_close(c);
}

static void assert_finish_says(sj_config *c, const char *message) {
    assert_int_equal(sj_config_finish(c, &err), SJ_ERR_CONFIG);
    assert_string_equal(err.message, message);
    sj_config_close(c);
}

static void assert_parse_says(const char *text, const char *message) {
    sj_config *c;
    assert_int_equal(sj_config_parse(text, "t.cfg", &c, &err), SJ_ERR_CONFIG);
    assert_null(c);
    assert_string_equal(err.message, message);
}

// Read without its L it is what was meant, and an error all the same.
static void assert_wide(const char *text, int64_t value, const char *message) {
    sj_config *c = parse(text);
    assert_int_equal(sj_config_int(c, "a", SJ_REQUIRED, 0, INT64_MIN, INT64_MAX), value);
    assert_finish_says(c, message);
}

static void integer_beyond_32_bits_needs_an_l(void **state) {
    assert_wide("a = 5000000000;", 5000000000, "t.cfg:1: integer 5000000000 does not fit 32 bits; write 5000000000L");
    assert_wide("\na = 2147483648;", 2147483648, "t.cfg:2: integer 2147483648 does not fit 32 bits; write 2147483648L");
    assert_wide("a = -2147483649;", -2147483649, "t.cfg:1: integer -2147483649 does not fit 32 bits; write -2147483649L");
    assert_wide("a = 0x80000000;", 0x80000000, "t.cfg:1: integer 0x80000000 does not fit 32 bits; write 0x80000000L");
    assert_parse_says("a = 9223372036854775808L;", "t.cfg:1: integer 9223372036854775808L does not fit 64 bits with a sign (up to 9223372036854775807)");
    assert_parse_says("a = [1, 5000000000];\nb = { c = 6000000000; };", "t.cfg:1: integer 5000000000 does not fit 32 bits; write 5000000000L\n"
                                                                       "t.cfg:2: integer 6000000000 does not fit 32 bits; write 6000000000L");
}

static void integer_beyond_32_bits_hides_no_other_error(void **state) {
    sj_config *c = parse("a = 5000000000; b = 6000000000;\nunrelated = 7;\nd = \"x\";\n");
    sj_config_int(c, "a", SJ_REQUIRED, 0, 1, 4096);
    sj_config_int(c, "b", SJ_REQUIRED, 0, 1, INT64_MAX);
    sj_config_int(c, "d", SJ_REQUIRED, 0, 1, 4);
    sj_config_int(c, "e", SJ_REQUIRED, 0, 1, 4);
    assert_finish_says(c, "t.cfg:1: integer 5000000000 does not fit 32 bits; write 5000000000L\n"
                          "t.cfg:1: integer 6000000000 does not fit 32 bits; write 6000000000L\n"
                          "t.cfg:2: unknown key \"unrelated\"; known here: \"a\", \"b\", \"d\", \"e\"\n"
                          "t.cfg:3: \"d\" is a string; it must be an integer\n"
                          "t.cfg:1: \"a\" is 5000000000; it must be between 1 and 4096\n"
                          "t.cfg:1: missing key \"e\"");
    assert_parse_says("a = 5000000000;\nb = ;", "t.cfg:1: integer 5000000000 does not fit 32 bits; write 5000000000L\nt.cfg:2: syntax error");
}

static void integers_up_to_the_limits_are_read_as_written(void **state) {
    sj_config *c = parse("a = 2147483647; b = -2147483648; c = 5000000000L; d = 9223372036854775807L; e = 0x7fffffff; f = -5000000000L;");
    assert_int_equal(sj_config_int(c, "a", SJ_REQUIRED, 0, INT64_MIN, INT64_MAX), INT32_MAX);
    assert_int_equal(sj_config_int(c, "b", SJ_REQUIRED, 0, INT64_MIN, INT64_MAX), INT32_MIN);
    assert_int_equal(sj_config_int(c, "c", SJ_REQUIRED, 0, INT64_MIN, INT64_MAX), 5000000000);
    assert_int_equal(sj_config_int(c, "d", SJ_REQUIRED, 0, INT64_MIN, INT64_MAX), INT64_MAX);
    assert_int_equal(sj_config_int(c, "e", SJ_REQUIRED, 0, INT64_MIN, INT64_MAX), INT32_MAX);
    assert_int_equal(sj_config_int(c, "f", SJ_REQUIRED, 0, INT64_MIN, INT64_MAX), -5000000000);
    assert_finishes(c);
}

static void digits_in_strings_comments_names_and_floats_are_no_integers(void **state) {
    sj_config *c = parse("// 5000000000\n# 5000000000\n/* 5000000000\n5000000000 */ s = \"5000000000 \\\" 5000000000\";\n"
                         "a5000000000 = 1; b-5000000000 = 2; f = 5000000000.0; g = 5000000000.5e3;");
    assert_string_equal(sj_config_string(c, "s", SJ_REQUIRED, NULL), "5000000000 \" 5000000000");
    assert_int_equal(sj_config_int(c, "a5000000000", SJ_REQUIRED, 0, 0, 9), 1);
    assert_int_equal(sj_config_int(c, "b-5000000000", SJ_REQUIRED, 0, 0, 9), 2);
    assert_true(sj_config_float(c, "f", SJ_REQUIRED, 0, 0, 1e12) == 5e9);
    assert_true(sj_config_float(c, "g", SJ_REQUIRED, 0, 0, 1e13) == 5000000000.5e3);
    assert_finishes(c);
    c = parse("s = \"a\n/*\";\nt = 5000000000;");
    assert_string_equal(sj_config_string(c, "s", SJ_REQUIRED, NULL), "a\n/*");
    assert_int_equal(sj_config_int(c, "t", SJ_REQUIRED, 0, 0, INT64_MAX), 5000000000);
    assert_finish_says(c, "t.cfg:3: integer 5000000000 does not fit 32 bits; write 5000000000L");
}

static void a_float_accepts_an_integer_and_never_the_reverse(void **state) {
    sj_config *c = parse("a = 3; b = 5000000000L; c = 3.5;");
    assert_true(sj_config_float(c, "a", SJ_REQUIRED, 1.0, 0.0, 10.0) == 3.0);
    assert_true(sj_config_float(c, "b", SJ_REQUIRED, 1.0, 0.0, 1e10) == 5e9);
    assert_true(sj_config_float(c, "c", SJ_REQUIRED, 1.0, 0.0, 10.0) == 3.5);
    assert_finishes(c);
    c = parse("a = 3.0;");
    assert_int_equal(sj_config_int(c, "a", SJ_REQUIRED, 0, 1, 9), 1);
    assert_finish_says(c, "t.cfg:1: \"a\" is a float; it must be an integer");
}

static void ranges_hold_at_both_ends(void **state) {
    sj_config *c = parse("a = 1; b = 4;");
    assert_int_equal(sj_config_int(c, "a", SJ_REQUIRED, 0, 1, 4), 1);
    assert_int_equal(sj_config_int(c, "b", SJ_REQUIRED, 0, 1, 4), 4);
    assert_finishes(c);
    c = parse("a = 0;\nb = 5;\nc = -1;\nd = 0.49;\ne = 1.0e400;");
    sj_config_int(c, "a", SJ_REQUIRED, 0, 1, 4);
    sj_config_int(c, "b", SJ_REQUIRED, 0, 1, 4);
    sj_config_int(c, "c", SJ_REQUIRED, 0, 0, INT64_MAX);
    sj_config_float(c, "d", SJ_REQUIRED, 0, 0.5, 1.0);
    sj_config_float(c, "e", SJ_REQUIRED, 0, 0.0, HUGE_VAL);
    assert_finish_says(c, "t.cfg:1: \"a\" is 0; it must be between 1 and 4\n"
                          "t.cfg:2: \"b\" is 5; it must be between 1 and 4\n"
                          "t.cfg:3: \"c\" is -1; it must be at least 0\n"
                          "t.cfg:4: \"d\" is 0.49; it must be between 0.5 and 1\n"
                          "t.cfg:5: \"e\" is inf; it must be a finite number of at least 0");
}

static void where_one_value_is_allowed_it_is_named_alone(void **state) {
    static const char *const engines[] = {"row", NULL};
    sj_config *c = parse("a = 1;\ne = \"row\";");
    assert_int_equal(sj_config_int(c, "a", SJ_REQUIRED, 0, 1, 1), 1);
    assert_int_equal(sj_config_enum(c, "e", SJ_REQUIRED, 0, engines), 0);
    assert_finishes(c);
    c = parse("a = 2;\nb = 0;\ne = \"rows\";");
    sj_config_int(c, "a", SJ_REQUIRED, 0, 1, 1);
    sj_config_int(c, "b", SJ_REQUIRED, 0, 1, 1);
    sj_config_enum(c, "e", SJ_REQUIRED, 0, engines);
    assert_finish_says(c, "t.cfg:1: \"a\" is 2; only 1 is supported\n"
                          "t.cfg:2: \"b\" is 0; only 1 is supported\n"
                          "t.cfg:3: \"e\" is \"rows\"; the only one allowed is \"row\"");
}

static void all_errors_come_together_in_order(void **state) {
    static const char *const dtypes[] = {"bf16", "int8", NULL};
    sj_config *c = parse("rows = 0;\nclock = \"fast\";\narray = { lanez = 4; };\ndtype = \"bf6\";\nodd = 1;\nflag = 1;\n");
    sj_config_int(c, "rows", SJ_REQUIRED, 0, 1, 4);
    sj_config_float(c, "clock", SJ_REQUIRED, 0, 0, 4);
    sj_config_int(c, "array.lanes", SJ_REQUIRED, 0, 1, 4);
    sj_config_enum(c, "dtype", SJ_REQUIRED, 0, dtypes);
    sj_config_bool(c, "flag", SJ_REQUIRED, false);
    sj_config_string(c, "name", SJ_REQUIRED, NULL);
    sj_config_int(c, "bus.a", SJ_REQUIRED, 0, 1, 4);
    sj_config_int(c, "bus.b", SJ_REQUIRED, 0, 1, 4);
    assert_finish_says(c, "t.cfg:3: unknown key \"array.lanez\"; did you mean \"lanes\"?\n"
                          "t.cfg:5: unknown key \"odd\"; known here: \"rows\", \"clock\", \"array\", \"dtype\", \"flag\", \"name\", \"bus\"\n"
                          "t.cfg:2: \"clock\" is a string; it must be a number\n"
                          "t.cfg:6: \"flag\" is an integer; it must be true or false\n"
                          "t.cfg:1: \"rows\" is 0; it must be between 1 and 4\n"
                          "t.cfg:4: \"dtype\" is \"bf6\"; allowed are \"bf16\", \"int8\"; did you mean \"bf16\"?\n"
                          "t.cfg:1: missing key \"name\"\n"
                          "t.cfg:1: missing group \"bus\"");  // and not array.lanes, which was misspelt
}

static void a_key_in_the_wrong_group_is_told_its_place(void **state) {
    sj_config *c = parse("array = { rows = 4; };\nlanes = 3;");
    sj_config_int(c, "array.rows", SJ_REQUIRED, 0, 1, 4);
    sj_config_int(c, "array.lanes", SJ_OPTIONAL, 2, 1, 4);
    assert_finish_says(c, "t.cfg:2: unknown key \"lanes\"; did you mean \"array.lanes\"?");
}

static void a_known_name_elsewhere_goes_before_a_near_one_and_case_does_not_matter(void **state) {
    sj_config *c = parse("eat = 1;\nLanes = 3;");
    sj_config_int(c, "data", SJ_OPTIONAL, 2, 1, 4);
    sj_config_int(c, "lanes", SJ_REQUIRED, 2, 1, 4);
    sj_config_group(c, "method.eat");
    assert_finish_says(c, "t.cfg:1: unknown key \"eat\"; did you mean \"method.eat\"?\nt.cfg:2: unknown key \"Lanes\"; did you mean \"lanes\"?");
}

static void lists_and_groups_say_what_they_want(void **state) {
    sj_config *c = parse("numbers = 3;\nmethod = \"eat\";\nempty = ();\ninner = { a = 1; };");
    assert_int_equal(sj_config_list(c, "numbers", SJ_OPTIONAL), -1);
    assert_int_equal(sj_config_list(c, "numbers", SJ_OPTIONAL), -1);  // and is told once
    assert_int_equal(sj_config_list(c, "empty", SJ_REQUIRED), 0);
    assert_int_equal(sj_config_list(c, "inner", SJ_REQUIRED), -1);
    assert_false(sj_config_group(c, "method"));
    assert_false(sj_config_group(c, "absent"));
    assert_true(sj_config_failed(c, "numbers"));
    assert_false(sj_config_failed(c, "empty"));
    assert_finish_says(c, "t.cfg:1: \"numbers\" is an integer; it must be a list\n"
                          "t.cfg:2: \"method\" is a string; it must be a group\n"
                          "t.cfg:4: \"inner\" is a group; it must be a list");
}

static void a_group_where_a_number_should_be_is_one_error(void **state) {
    sj_config *c = parse("rows = { a = 1; b = (1, 2); };");
    sj_config_int(c, "rows", SJ_REQUIRED, 0, 1, 4);
    assert_finish_says(c, "t.cfg:1: \"rows\" is a group; it must be an integer");
}

static void lists_are_read_by_index_and_unread_elements_are_reported(void **state) {
    sj_config *c = parse("layers = (\n{ name = \"a\"; },\n{ name = \"b\"; nam = 1; },\n{ name = \"c\"; } );");
    assert_int_equal(sj_config_length(c, "layers", SJ_REQUIRED), 3);
    assert_string_equal(sj_config_string(c, "layers.[0].name", SJ_REQUIRED, NULL), "a");
    assert_string_equal(sj_config_string(c, "layers.[1].name", SJ_REQUIRED, NULL), "b");
    assert_finish_says(c, "t.cfg:3: unknown key \"layers.[1].nam\"; did you mean \"name\"?\nt.cfg:4: unknown key \"layers.[2]\"");
}

static void children_of_groups_have_names(void **state) {
    sj_config *c = parse("tech = { mac = 1; add = 2; };");
    assert_int_equal(sj_config_length(c, "tech", SJ_REQUIRED), 2);
    assert_string_equal(sj_config_child_name(c, "tech", 1), "add");
    assert_null(sj_config_child_name(c, "tech", 2));
    assert_int_equal(sj_config_int(c, "tech.mac", SJ_REQUIRED, 0, 0, 9) + sj_config_int(c, "tech.add", SJ_REQUIRED, 0, 0, 9), 3);
    assert_finishes(c);
}

static void a_value_of_several_types_tells_which(void **state) {
    sj_config *c = parse("i = 3; l = 5000000000L; f = 3.0; b = true; s = \"x\";\ng = { a = ( 1 ); };");
    assert_int_equal(sj_config_scalar_at(c, "i"), SJ_CONFIG_INT);
    assert_int_equal(sj_config_scalar_at(c, "l"), SJ_CONFIG_INT);
    assert_int_equal(sj_config_scalar_at(c, "f"), SJ_CONFIG_FLOAT);
    assert_int_equal(sj_config_scalar_at(c, "b"), SJ_CONFIG_BOOL);
    assert_int_equal(sj_config_scalar_at(c, "s"), SJ_CONFIG_STRING);
    assert_int_equal(sj_config_scalar_at(c, "absent"), SJ_CONFIG_NONE);
    assert_int_equal(sj_config_scalar_at(c, "g"), SJ_CONFIG_NONE);
    assert_finish_says(c, "t.cfg:2: \"g\" is a group; it must be a number, a string, true or false");
}

static void what_is_accepted_is_not_unknown(void **state) {
    sj_config *c = parse("g = { a = 1; h = { b = ( 1, { c = 2; } ); }; };\nodd = 1;");
    sj_config_accept(c, "g");
    sj_config_accept(c, "even");  // is known, though it is not there
    assert_finish_says(c, "t.cfg:2: unknown key \"odd\"; known here: \"g\", \"even\"");
}

static void a_reader_without_memory_fails(void **state) {
    sj_config *c = parse("a = 1;");
    sj_config_no_memory(c);
    sj_config_accept(c, "a");
    assert_int_equal(sj_config_finish(c, &err), SJ_ERR_MEMORY);
    assert_string_equal(err.message, "t.cfg: no memory to read it");
    sj_config_close(c);
}

static void an_absent_optional_key_gives_its_fallback(void **state) {
    static const char *const names[] = {"x", "y", NULL};
    sj_config *c = parse("");
    assert_false(sj_config_has(c, "a"));
    assert_int_equal(sj_config_int(c, "a", SJ_OPTIONAL, 7, 0, 9), 7);
    assert_true(sj_config_float(c, "b", SJ_OPTIONAL, 0.5, 0, 9) == 0.5);
    assert_true(sj_config_bool(c, "c", SJ_OPTIONAL, true));
    assert_null(sj_config_string(c, "d", SJ_OPTIONAL, NULL));
    assert_int_equal(sj_config_enum(c, "e", SJ_OPTIONAL, 1, names), 1);
    assert_int_equal(sj_config_length(c, "f", SJ_OPTIONAL), 0);
    assert_finishes(c);
}

static void syntax_errors_name_the_line(void **state) {
    assert_parse_says("a = 1;\nb == 2;\n", "t.cfg:2: syntax error");
    assert_parse_says("a = 1;\na = 2;\n", "t.cfg:2: duplicate setting name");
    assert_parse_says("\n@include \"other.cfg\"\n", "t.cfg:2: @include is not supported; put the settings into this file");
}

static void too_many_errors_are_counted(void **state) {
    char text[16384] = "";
    for (int i = 0; i < 400; i++) {
        snprintf(text + strlen(text), 32, "unknown_key_%d = 1;\n", i);
    }
    sj_config *c = parse(text);
    assert_int_equal(sj_config_finish(c, &err), SJ_ERR_CONFIG);
    const char *rest = strstr(err.message, "\n(and ");
    assert_non_null(rest);
    int told = 0, more = 0;
    for (const char *p = err.message; p < rest; p++) {
        told += *p == '\n';
    }
    assert_int_equal(sscanf(rest, "\n(and %d more errors)", &more), 1);
    assert_int_equal(told + 1 + more, 400);
    sj_config_close(c);
}

static void own_errors_stand_at_the_line_of_their_path(void **state) {
    sj_config *c = parse("a = 1;\nb = 2;\n");
    sj_config_int(c, "a", SJ_REQUIRED, 0, 0, 9);
    sj_config_int(c, "b", SJ_REQUIRED, 0, 0, 9);
    sj_config_error(c, SJ_CFG_RANGE, "b", "\"b\" must be odd, as %d is", 1);
    assert_finish_says(c, "t.cfg:2: \"b\" must be odd, as 1 is");
}

static void the_nearest_name_is_near(void **state) {
    static const char *const names[] = {"rows", "lanes", "slots"};
    assert_string_equal(sj_nearest_name("row", names, 3), "rows");
    assert_string_equal(sj_nearest_name("lnes", names, 3), "lanes");
    assert_string_equal(sj_nearest_name("slats", names, 3), "slots");
    assert_null(sj_nearest_name("frequency", names, 3));
    // the limit is 1 + length/3: for 6 letters 3 edits
    static const char *const one[] = {"abcdef"};
    assert_string_equal(sj_nearest_name("abcxyz", one, 1), "abcdef");
    assert_null(sj_nearest_name("abwxyz", one, 1));
    assert_null(sj_nearest_name("x", names, 0));
}

static void error_messages_take_prefixes_and_never_overflow(void **state) {
    SJ_FAIL(&err, SJ_ERR_IO, "cannot open %d", 3);
    assert_int_equal(sj_error_prefix(&err, "layer \"%s\"", "conv1"), SJ_ERR_IO);
    assert_string_equal(err.message, "layer \"conv1\": cannot open 3");
    assert_int_equal(SJ_FAIL(&err, SJ_ERR_RANGE, "again: %s", err.message), SJ_ERR_RANGE);
    assert_string_equal(err.message, "again: layer \"conv1\": cannot open 3");
    char long_text[2 * SJ_ERROR_MESSAGE_MAX];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    SJ_FAIL(&err, SJ_ERR_RANGE, "%s", long_text);
    sj_error_prefix(&err, "%s", long_text);
    assert_int_equal(strlen(err.message), SJ_ERROR_MESSAGE_MAX - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integer_beyond_32_bits_needs_an_l), cmocka_unit_test(integer_beyond_32_bits_hides_no_other_error),
        cmocka_unit_test(integers_up_to_the_limits_are_read_as_written),
        cmocka_unit_test(digits_in_strings_comments_names_and_floats_are_no_integers),
        cmocka_unit_test(a_float_accepts_an_integer_and_never_the_reverse),
        cmocka_unit_test(ranges_hold_at_both_ends),
        cmocka_unit_test(where_one_value_is_allowed_it_is_named_alone),
        cmocka_unit_test(all_errors_come_together_in_order),
        cmocka_unit_test(a_key_in_the_wrong_group_is_told_its_place),
        cmocka_unit_test(a_known_name_elsewhere_goes_before_a_near_one_and_case_does_not_matter), cmocka_unit_test(lists_and_groups_say_what_they_want),
        cmocka_unit_test(a_group_where_a_number_should_be_is_one_error),
        cmocka_unit_test(lists_are_read_by_index_and_unread_elements_are_reported),
        cmocka_unit_test(children_of_groups_have_names),
        cmocka_unit_test(a_value_of_several_types_tells_which), cmocka_unit_test(what_is_accepted_is_not_unknown), cmocka_unit_test(a_reader_without_memory_fails),
        cmocka_unit_test(an_absent_optional_key_gives_its_fallback),
        cmocka_unit_test(syntax_errors_name_the_line),
        cmocka_unit_test(too_many_errors_are_counted),
        cmocka_unit_test(own_errors_stand_at_the_line_of_their_path),
        cmocka_unit_test(the_nearest_name_is_near),
        cmocka_unit_test(error_messages_take_prefixes_and_never_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
