// SPDX-License-Identifier: Apache-2.0
// Spaces: what the file gives as values, whether it comes back by --set, and ids against counting.
#include "sj_test.h"

#include <math.h>

#include "sj_space.h"

static sj_error err;
static sj_space space;

static sj_status read_axes(const char *axes) {
    const size_t size = strlen(axes) + 32;
    char *text = malloc(size);
    assert_non_null(text);
    snprintf(text, size, "axes = (%s);\n", axes);
    sj_config *c;
    err.message[0] = '\0';
    sj_status status = sj_config_parse(text, "s.cfg", &c, &err);
    free(text);
    if (status == SJ_OK) {
        sj_space_read(c, &space);
        status = sj_config_finish(c, &err);
        sj_config_close(c);
    }
    return status;
}

static void take(const char *axes) {
    if (read_axes(axes) != SJ_OK) {
        fail_msg("%s", err.message);
    }
}

static void refuse(const char *axes, const char *message) {
    assert_int_equal(read_axes(axes), SJ_ERR_CONFIG);
    assert_string_equal(err.message, message);
    sj_space_free(&space);
}

// The texts of all values of all paths of the first axis, or the labels, with blanks between.
static void assert_joined(char **texts, int count, const char *wanted) {
    char joined[1024] = "";
    for (int i = 0; i < count; i++) {
        assert_true(strlen(joined) + strlen(texts[i]) + 2 < sizeof joined);
        strcat(strcat(joined, i > 0 ? " " : ""), texts[i]);
    }
    assert_string_equal(joined, wanted);
}

static void assert_axis(const char *axis, const char *values, const char *labels, bool numeric) {
    char text[512];
    snprintf(text, sizeof text, "{ %s }", axis);
    take(text);
    assert_int_equal(space.axis_count, 1);
    const sj_axis *a = &space.axes[0];
    assert_joined(a->values, a->value_count * a->path_count, values);
    assert_joined(a->labels, a->value_count, labels);
    assert_int_equal(a->numeric, numeric);
    assert_int_equal(a->numbers != NULL, numeric);
    for (int i = 0; i < a->value_count && numeric; i++) {
        assert_true(a->numbers[i] == strtod(a->labels[i], NULL));
        assert_true(i == 0 || a->numbers[i] > a->numbers[i - 1]);
    }
    assert_int_equal(space.size, (uint64_t)a->value_count);
    sj_space_free(&space);
    assert_int_equal(space.axis_count, 0);
}

static void values_stand_as_set_takes_them(void **state) {
    assert_axis("path = \"array.rows\"; values = [16, 4, -8];", "-8 4 16", "-8 4 16", true);
    assert_axis("path = \"x\"; values = (2147483647, 2147483648L, 5L, -2147483648, -2147483649L);", "-2147483649L -2147483648 5 2147483647 2147483648L", "-2147483649 -2147483648 5 2147483647 2147483648",
                true);
    assert_axis("path = \"clock_mhz\"; values = [500.0, 0.1, 2.5, 1.0e20, -0.0];", "0.0 0.1 2.5 500.0 1.0e+20", "0 0.1 2.5 500 1e+20", true);
    assert_axis("path = \"dram.type\"; values = [\"b\", \"a b\", \"true\", \"16\", \"q\\\"\\\\\"];", "\"b\" \"a b\" \"true\" \"16\" \"q\\\"\\\\\"", "b a b true 16 q\"\\", false);
    assert_axis("path = \"flag\"; values = [true, false];", "true false", "true false", false);
    assert_axis("name = \"shape\"; paths = [\"array.rows\", \"array.lanes\"]; values = ([16, 4], [4, 16], [8, 8]);", "16 4 4 16 8 8", "16x4 4x16 8x8", false);
    assert_axis("name = \"m\"; paths = [\"a\", \"b\", \"c\"]; values = ((1, \"s\", 0.5), (1, \"t\", 2.0));", "1 \"s\" 0.5 1 \"t\" 2.0", "1xsx0.5 1xtx2", false);
    assert_axis("name = \"n\"; path = \"array.rows\"; values = [1];", "1", "1", true);
}

static void rules_give_their_values(void **state) {
    assert_axis("path = \"p\"; range = { from = 64; to = 200; step = 64; };", "64 128 192", "64 128 192", true);
    assert_axis("path = \"p\"; range = { from = 64; to = 192; step = 64; };", "64 128 192", "64 128 192", true);
    assert_axis("path = \"p\"; range = { from = 10; to = -5; step = -5; };", "-5 0 5 10", "-5 0 5 10", true);
    assert_axis("path = \"p\"; range = { from = 3; to = 3; step = 1; };", "3", "3", true);
    assert_axis("path = \"p\"; range = { from = 0.1; to = 0.9; step = 0.1; };", "0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9", "0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9", true);
    assert_axis("path = \"p\"; range = { from = -0.3; to = 0.3; step = 0.1; };", "-0.3 -0.2 -0.1 0.0 0.1 0.2 0.3", "-0.3 -0.2 -0.1 0 0.1 0.2 0.3", true);
    assert_axis("path = \"p\"; range = { from = 1.0e-140; to = 3.0e-140; step = 1.0e-140; };", "1.0e-140 2.0e-140 3.0e-140", "1e-140 2e-140 3e-140", true);
    assert_axis("path = \"p\"; range = { from = 1.0e140; to = 3.0e140; step = 1.0e140; };", "1.0e+140 2.0e+140 3.0e+140", "1e+140 2e+140 3e+140", true);
    assert_axis("path = \"p\"; range = { from = 1; to = 3; step = 0.75; };", "1.0 1.75 2.5", "1 1.75 2.5", true);
    assert_axis("path = \"p\"; range = { from = 1.0; to = 3; step = 1; };", "1.0 2.0 3.0", "1 2 3", true);
    assert_axis("path = \"p\"; range = { from = 2147483646; to = 2147483648L; step = 1; };", "2147483646 2147483647 2147483648L", "2147483646 2147483647 2147483648", true);
    assert_axis("path = \"p\"; powers_of_two = { from = 4; to = 64; };", "4 8 16 32 64", "4 8 16 32 64", true);
    assert_axis("path = \"p\"; powers_of_two = { from = 1; to = 1; };", "1", "1", true);
    assert_axis("path = \"p\"; linear = { from = 0; to = 1; points = 5; };", "0.0 0.25 0.5 0.75 1.0", "0 0.25 0.5 0.75 1", true);
    assert_axis("path = \"p\"; linear = { from = 0.9; to = 0.1; points = 2; };", "0.1 0.9", "0.1 0.9", true);
    assert_axis("path = \"p\"; logarithmic = { from = 1; to = 1000; points = 4; };", "1.0 10.0 100.0 1000.0", "1 10 100 1000", true);
}

static void wrong_axes_are_told(void **state) {
    refuse("", "s.cfg:1: \"axes\" is empty; at least one axis is needed");
    refuse("3", "s.cfg:1: \"axes.[0]\" is an integer; it must be a group");
    refuse("{ values = [1]; }", "s.cfg:1: missing key \"axes.[0].path\"");
    refuse("{ path = \"p\"; }", "s.cfg:1: \"axes.[0]\" has no values: one of values, range, powers_of_two, linear, logarithmic is needed");
    refuse("{ path = \"p\"; valeus = [1]; }", "s.cfg:1: unknown key \"axes.[0].valeus\"; did you mean \"values\"?");
    refuse("{ path = \"p\"; values = [1]; nmae = \"x\"; }", "s.cfg:1: unknown key \"axes.[0].nmae\"; did you mean \"name\"?");
    refuse("{ path = \"p\";\n range = { from = 1; to = 2; steps = 1; }; }", "s.cfg:2: unknown key \"axes.[0].range.steps\"; did you mean \"step\"?");
    refuse("{ path = \"p\"; values = [1]; linear = { from = 1; to = 2; points = 2; }; }", "s.cfg:1: \"axes.[0]\" has 2 of values, range, powers_of_two, linear, logarithmic; exactly one is needed");
    refuse("{ name = \"n\"; paths = [\"a\", \"b\"]; range = { from = 1; to = 2; step = 1; }; }", "s.cfg:1: \"axes.[0]\" has paths with range, which gives one number at a time; paths need values");
    refuse("{ name = \"n\"; path = \"c\"; paths = [\"a\", \"b\"]; values = ([1, 2]); }", "s.cfg:1: \"axes.[0]\" has both path and paths; exactly one of them is needed");
    refuse("{ paths = [\"a\", \"b\"]; values = ([1, 2]); }", "s.cfg:1: missing key \"axes.[0].name\"");
    refuse("{ name = \"n\"; paths = [\"a\"]; values = ([1]); }", "s.cfg:1: \"axes.[0].paths\" has 1 paths; it must have between 2 and 8 (one alone is \"path\")");
    refuse("{ name = \"n\"; paths = [\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\", \"i\"]; values = ([1]); }", "s.cfg:1: \"axes.[0].paths\" has 9 paths; it must have between 2 and 8 (one alone is \"path\")");
    refuse("{ name = \"n\"; paths = [\"a\", \"a\"]; values = ([1, 2]); }", "s.cfg:1: \"axes.[0].paths.[1]\" is \"a\" again; an axis sets a path once");
    refuse("{ path = \"a=3\"; values = [1]; }", "s.cfg:1: \"axes.[0].path\" is \"a=3\"; it must have 1 to 255 letters, digits, or _ - * . [ ]");
    refuse("{ path = \"\"; values = [1]; }", "s.cfg:1: \"axes.[0].path\" is \"\"; it must have 1 to 255 letters, digits, or _ - * . [ ]");
    refuse("{ path = 3; values = [1]; }", "s.cfg:1: \"axes.[0].path\" is an integer; it must be a string");
    refuse("{ path = \"p\"; name = \"two words\"; values = [1]; }", "s.cfg:1: \"axes.[0].name\" is \"two words\"; it must have 1 to 63 letters, digits, or _ - * . [ ]");
    refuse("{ path = \"p\"; range = 3; }", "s.cfg:1: \"axes.[0].range\" is an integer; it must be a group");
    refuse("{ path = \"p\"; values = { a = 1; }; }", "s.cfg:1: \"axes.[0].values\" is a group; it must be a list");
}

static void wrong_values_are_told(void **state) {
    refuse("{ path = \"p\"; values = []; }", "s.cfg:1: \"axes.[0].values\" has 0 values; it must have between 1 and 100000");
    refuse("{ path = \"p\"; values = [1,\n2,\n1]; }", "s.cfg:3: \"axes.[0].values.[2]\" is 1, as \"axes.[0].values.[0]\" is; a value may stand once");
    refuse("{ path = \"p\"; values = [0.0, -0.0]; }", "s.cfg:1: \"axes.[0].values.[1]\" is 0, as \"axes.[0].values.[0]\" is; a value may stand once");
    refuse("{ path = \"p\"; values = [\"b\", \"a\", \"b\"]; }", "s.cfg:1: \"axes.[0].values.[2]\" is b, as \"axes.[0].values.[0]\" is; a value may stand once");
    refuse("{ name = \"n\"; paths = [\"a\", \"b\"]; values = ([1, 2], [2, 1], [1, 2]); }", "s.cfg:1: \"axes.[0].values.[2]\" is 1x2, as \"axes.[0].values.[0]\" is; a value may stand once");
    refuse("{ path = \"p\"; values = (1,\n\"a\", \"b\"); }",
           "s.cfg:2: \"axes.[0].values.[1]\" is a string, and what stands before it an integer; the values of a path must be of one type");
    refuse("{ path = \"p\"; values = (1, 2.0); }", "s.cfg:1: \"axes.[0].values.[1]\" is a float, and what stands before it an integer; the values of a path must be of one type");
    refuse("{ name = \"n\"; paths = [\"a\", \"b\"]; values = ((1, true), (true, 2)); }",
           "s.cfg:1: \"axes.[0].values.[1].[0]\" is true or false, and what stands before it an integer; the values of a path must be of one type\n"
           "s.cfg:1: \"axes.[0].values.[1].[1]\" is an integer, and what stands before it true or false; the values of a path must be of one type");
    refuse("{ name = \"n\"; paths = [\"a\", \"b\"]; values = ([1, 2], [1], 3); }",
           "s.cfg:1: \"axes.[0].values.[2]\" is an integer; it must be a list\ns.cfg:1: \"axes.[0].values.[1]\" has 1 values; there are 2 paths");
    refuse("{ path = \"p\"; values = (1, [2]); }", "s.cfg:1: \"axes.[0].values.[1]\" is an array; it must be a number, a string, true or false");
    refuse("{ path = \"p\"; values = (9007199254740993L); }", "s.cfg:1: \"axes.[0].values.[0]\" is 9007199254740993; it must be between -2^53 and 2^53");
    refuse("{ path = \"p\"; values = (1.0e400); }", "s.cfg:1: \"axes.[0].values.[0]\" is inf; it must be a finite number");
    take("{ path = \"p\"; values = (9007199254740992L, -9007199254740992L); }");
    sj_space_free(&space);
}

static void wrong_rules_are_told(void **state) {
    refuse("{ path = \"p\"; range = { from = 1; to = 5; step = 0; }; }", "s.cfg:1: \"axes.[0].range\" has steps of 0 from 1, which never come to 5");
    refuse("{ path = \"p\"; range = { from = 1; to = 5; step = -1; }; }", "s.cfg:1: \"axes.[0].range\" has steps of -1 from 1, which never come to 5");
    refuse("{ path = \"p\"; range = { from = 1; to = 100001; step = 1; }; }", "s.cfg:1: \"axes.[0].range\" gives 100001 values; at most 100000 are allowed");
    refuse("{ path = \"p\"; range = { from = 1; to = 5; step = \"a\"; }; }", "s.cfg:1: \"axes.[0].range.step\" is a string; it must be a number");
    refuse("{ path = \"p\"; range = { from = 1; to = 5; }; }", "s.cfg:1: missing key \"axes.[0].range.step\"");
    refuse("{ path = \"p\"; range = { from = 1.0e15; to = 1000000000000001.0; step = 0.01; }; }", "s.cfg:1: \"axes.[0]\" gives 1e+15 twice; its ends are the same, or its steps too small");
    refuse("{ path = \"p\"; powers_of_two = { from = 3; to = 8; }; }", "s.cfg:1: \"axes.[0].powers_of_two.from\" is 3; it must be a power of two");
    refuse("{ path = \"p\"; powers_of_two = { from = 4; to = 12; }; }", "s.cfg:1: \"axes.[0].powers_of_two.to\" is 12; it must be a power of two");
    refuse("{ path = \"p\"; powers_of_two = { from = 8; to = 4; }; }", "s.cfg:1: \"axes.[0].powers_of_two\" goes from 8 to 4; from may not be larger than to");
    refuse("{ path = \"p\"; powers_of_two = { from = 0; to = 4; }; }", "s.cfg:1: \"axes.[0].powers_of_two.from\" is 0; it must be between 1 and 9007199254740992");
    refuse("{ path = \"p\"; powers_of_two = { from = 0.5; to = 4; }; }", "s.cfg:1: \"axes.[0].powers_of_two.from\" is a float; it must be an integer");
    refuse("{ path = \"p\"; linear = { from = 1; to = 2; points = 1; }; }", "s.cfg:1: \"axes.[0].linear.points\" is 1; it must be between 2 and 100000");
    refuse("{ path = \"p\"; linear = { from = 2; to = 2; points = 3; }; }", "s.cfg:1: \"axes.[0]\" gives 2 twice; its ends are the same, or its steps too small");
    refuse("{ path = \"p\"; linear = { from = 0; to = 0; points = 3; }; }", "s.cfg:1: \"axes.[0]\" gives 0 twice; its ends are the same, or its steps too small");
    refuse("{ path = \"p\"; logarithmic = { from = 0; to = 2; points = 3; }; }", "s.cfg:1: \"axes.[0].logarithmic\" goes from 0 to 2; both must be greater than 0 (at least 1e-150)");
    refuse("{ path = \"p\"; logarithmic = { from = 1; to = -2; points = 3; }; }", "s.cfg:1: \"axes.[0].logarithmic\" goes from 1 to -2; both must be greater than 0 (at least 1e-150)");
    take("{ path = \"p\"; range = { from = 1; to = 100000; step = 1; }; }");
    assert_int_equal(space.size, 100000);
    assert_string_equal(space.axes[0].values[99999], "100000");
    sj_space_free(&space);
    take("{ path = \"p\"; logarithmic = { from = 1.0e-150; to = 1.0e150; points = 3; }; }");
    assert_string_equal(space.axes[0].values[1], "1.0");
    sj_space_free(&space);
}

static void names_and_paths_are_those_of_one_axis(void **state) {
    refuse("{ path = \"a\"; values = [1]; },\n{ path = \"b\"; values = [1]; },\n{ path = \"a\"; values = [2]; }",
           "s.cfg:3: \"axes.[0]\" and \"axes.[2]\" both have \"a\"; one axis may set a path, and have a name");
    refuse("{ path = \"a\"; values = [1]; }, { name = \"n\"; paths = [\"b\", \"a\"]; values = ([1, 2]); }", "s.cfg:1: \"axes.[0]\" and \"axes.[1]\" both have \"a\"; one axis may set a path, and have a name");
    refuse("{ path = \"a\"; name = \"b\"; values = [1]; }, { path = \"b\"; values = [2]; }", "s.cfg:1: \"axes.[0]\" and \"axes.[1]\" both have \"b\"; one axis may set a path, and have a name");
    refuse("{ path = \"a\"; name = \"n\"; values = [1]; }, { path = \"b\"; name = \"n\"; values = [2]; }", "s.cfg:1: \"axes.[0]\" and \"axes.[1]\" both have \"n\"; one axis may set a path, and have a name");
    take("{ path = \"a\"; values = [1]; }, { name = \"shape\"; paths = [\"b\", \"c\"]; values = ([1, 2]); }, { path = \"d\"; name = \"depth\"; values = [1]; }");
    static const char *const names[] = {"a", "shape", "b", "c", "d", "depth", "e", ""};
    static const int axes[] = {0, 1, 1, 1, 2, 2, -1, -1};
    for (int i = 0; i < 8; i++) {
        assert_int_equal(sj_space_find(&space, names[i]), axes[i]);
    }
    sj_space_free(&space);
}

static void all_errors_of_a_file_come_together(void **state) {
    refuse("{ path = \"a\"; values = [1, 1]; },\n{ path = 5; values = [3, 3]; },\n{ path = \"b\"; range = { from = 1; to = 0; step = 1; }; odd = 1; }",
           "s.cfg:3: unknown key \"axes.[2].odd\"; known here: \"range\", \"powers_of_two\", \"linear\", \"logarithmic\", \"name\", \"paths\", \"path\", \"values\"\n"
           "s.cfg:2: \"axes.[1].path\" is an integer; it must be a string\n"
           "s.cfg:1: \"axes.[0].values.[1]\" is 1, as \"axes.[0].values.[0]\" is; a value may stand once\n"
           "s.cfg:2: \"axes.[1].values.[1]\" is 3, as \"axes.[1].values.[0]\" is; a value may stand once\n"
           "s.cfg:3: \"axes.[2].range\" has steps of 1 from 1, which never come to 0");
}

static void sizes_stay_below_two_to_the_63(void **state) {
    char text[8192] = "";
    for (int i = 0; i < 4; i++) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "{ path = \"p%d\"; range = { from = 1; to = 32768; step = 1; }; },", i);
    }
    char with[8400];
    snprintf(with, sizeof with, "%s { path = \"q\"; range = { from = 1; to = 7; step = 1; }; }", text);
    take(with);  // four axes of 2^15 values, and one of 7
    assert_true(space.size == 7 * (UINT64_C(1) << 60));
    int32_t index[SJ_AXES_MAX];
    sj_space_indexes(&space, space.size - 1, index);
    assert_int_equal(index[0], 32767);
    assert_int_equal(index[4], 6);
    assert_true(sj_space_id(&space, index) == space.size - 1);
    sj_space_free(&space);
    snprintf(with, sizeof with, "%s { path = \"q\"; range = { from = 1; to = 8; step = 1; }; }", text);
    refuse(with, "s.cfg:1: \"axes\" make a space of 2^63 points or more; fewer axes or values are needed");
    snprintf(with, sizeof with, "%s { path = \"q\"; range = { from = 1; to = 65536; step = 1; }; }", text);  // 2^76 wraps to 0 in 64 bits
    refuse(with, "s.cfg:1: \"axes\" make a space of 2^63 points or more; fewer axes or values are needed");
}

static void axes_have_a_limit(void **state) {
    char text[8192] = "";
    for (int i = 0; i < SJ_AXES_MAX; i++) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s{ path = \"p%d\"; values = [%d]; }", i > 0 ? "," : "", i, i);
    }
    take(text);
    assert_int_equal(space.axis_count, SJ_AXES_MAX);
    assert_int_equal(space.size, 1);
    sj_space_free(&space);
    strcat(text, ", { path = \"more\"; values = [1, \"a\"]; }");
    assert_int_equal(read_axes(text), SJ_ERR_CONFIG);  // [1, "a"] is no array
    strcpy(strstr(text, "[1, \"a\"]"), "(1, \"a\"); }");
    assert_int_equal(read_axes(text), SJ_ERR_CONFIG);
    assert_non_null(strstr(err.message, "\"axes\" has 33 axes; at most 32 are allowed"));
    assert_non_null(strstr(err.message, "\"axes.[32].values.[1]\" is a string"));
    sj_space_free(&space);
}

// The most values that an axis may have, one by one, and one more; one error stands for a whole list of wrong ones.
static void lists_of_values_have_a_limit(void **state) {
    const size_t size = (SJ_AXIS_VALUES_MAX + 1) * 8 + 64;
    char *text = malloc(size), *end = text;
    assert_non_null(text);
    end += sprintf(end, "{ path = \"p\"; values = [");
    for (int i = SJ_AXIS_VALUES_MAX; i > 0; i--) {
        end += sprintf(end, "%d,", i);
    }
    strcpy(end - 1, "]; }");
    take(text);
    assert_int_equal(space.size, SJ_AXIS_VALUES_MAX);
    assert_string_equal(space.axes[0].values[0], "1");
    sj_space_free(&space);
    strcpy(end - 1, ",0]; }");
    refuse(text, "s.cfg:1: \"axes.[0].values\" has 100001 values; it must have between 1 and 100000");
    *strchr(text, '[') = '(';
    memcpy(strchr(text, '(') + 1, "\"abcd\"", 6);  // in place of 100000
    strcpy(end - 1, "); }");
    refuse(text, "s.cfg:1: \"axes.[0].values.[1]\" is an integer, and what stands before it a string; the values of a path must be of one type");
    free(text);
}

// Ids count the points with the last axis fastest, and come back from the indexes.
static void ids_count_with_the_last_axis_fastest(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(5));
    for (int round = 0; round < 100; round++) {
        char text[1024] = "";
        int counts[5], axes = (int)sj_test_between(&r, 1, 5);
        for (int i = 0; i < axes; i++) {
            counts[i] = (int)sj_test_between(&r, 1, 5);
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s{ path = \"p%d\"; range = { from = 1; to = %d; step = 1; }; }", i > 0 ? "," : "", i, counts[i]);
        }
        take(text);
        int32_t counter[SJ_AXES_MAX] = {0}, index[SJ_AXES_MAX];
        for (uint64_t id = 0; id < space.size; id++) {
            sj_space_indexes(&space, id, index);
            assert_memory_equal(index, counter, (size_t)axes * sizeof *index);
            assert_true(sj_space_id(&space, counter) == id);
            for (int i = axes - 1; i >= 0 && ++counter[i] == counts[i]; i--) {
                counter[i] = 0;
            }
        }
        for (int i = 0; i < axes; i++) {
            assert_int_equal(counter[i], 0);  // all of them were counted
        }
        sj_space_free(&space);
    }
}

static void a_point_is_described_and_cut(void **state) {
    take("{ path = \"array.rows\"; values = [4, 16]; }, { name = \"shape\"; paths = [\"a\", \"b\"]; values = ((1, \"x\"), (2, \"y\")); }, { path = \"dram.type\"; values = [\"hbm2\"]; }");
    static const char whole[] = "array.rows=16 shape=1xx dram.type=hbm2";
    char text[64];
    sj_space_describe(&space, 2, text, sizeof text);
    assert_string_equal(text, whole);
    for (size_t size = 1; size <= sizeof whole; size++) {
        memset(text, '#', sizeof text);
        sj_space_describe(&space, 2, text, size);
        assert_int_equal(strlen(text), size - 1);
        assert_memory_equal(text, whole, size - 1);
        assert_int_equal(text[size], '#');
    }
    text[0] = '#';
    sj_space_describe(&space, 2, text, 0);
    assert_int_equal(text[0], '#');
    sj_space_free(&space);
}

// ---- Random values, each set by --set as its axis has it, and read back.
static sj_config *set_on_empty(const char *value) {
    sj_config *c;
    assert_int_equal(sj_config_parse("", "e.cfg", &c, &err), SJ_OK);
    const size_t size = strlen(value) + 8;
    char *assignment = malloc(size);
    assert_non_null(assignment);
    snprintf(assignment, size, "v=%s", value);
    if (sj_config_override(c, assignment, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    free(assignment);
    return c;
}

static void any_string_comes_back(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(9));
    for (int round = 0; round < 2000; round++) {
        char string[64];
        const int length = (int)sj_test_between(&r, 0, 40);
        for (int i = 0; i < length; i++) {
            string[i] = (char)(sj_random_below(&r, 3) == 0 ? "\"\\\n\t{};=,x#/*@ "[sj_random_below(&r, 15)] : (int)sj_test_between(&r, 1, 255));
        }
        string[length] = '\0';
        char *quoted = sj_config_quote(string), text[512];
        assert_non_null(quoted);
        snprintf(text, sizeof text, "{ path = \"p\"; values = [%s]; }", quoted);
        free(quoted);
        take(text);
        assert_string_equal(space.axes[0].labels[0], string);
        sj_config *c = set_on_empty(space.axes[0].values[0]);
        assert_string_equal(sj_config_string(c, "v", SJ_REQUIRED, NULL), string);
        sj_config_close(c);
        sj_space_free(&space);
    }
}

static void any_number_comes_back_with_its_type(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(10));
    for (int round = 0; round < 3000; round++) {
        const int64_t integer = sj_test_between(&r, -(INT64_C(1) << 53), INT64_C(1) << 53) >> sj_random_below(&r, 54);
        double number;
        do {
            const uint64_t bits = sj_random_u64(&r);
            memcpy(&number, &bits, sizeof number);
        } while (!isfinite(number));
        char text[256];
        snprintf(text, sizeof text, "{ path = \"i\"; values = (%lldL); }, { path = \"f\"; values = [%.17e]; }", (long long)integer, number);
        take(text);
        sj_config *c = set_on_empty(space.axes[0].values[0]);
        assert_true(sj_config_int(c, "v", SJ_REQUIRED, 0, INT64_MIN, INT64_MAX) == integer);
        assert_int_equal(sj_config_finish(c, &err), SJ_OK);
        sj_config_close(c);
        assert_int_equal(strchr(space.axes[0].values[0], 'L') != NULL, integer != (int32_t)integer);
        c = set_on_empty(space.axes[1].values[0]);
        assert_int_equal(sj_config_scalar_at(c, "v"), SJ_CONFIG_FLOAT);
        assert_true(sj_config_float(c, "v", SJ_REQUIRED, 0.0, -HUGE_VAL, HUGE_VAL) == number);
        sj_config_close(c);
        assert_true(space.axes[0].numbers[0] == (double)integer && space.axes[1].numbers[0] == number);
        sj_space_free(&space);
    }
}

// Ranges against the numbers that they are made of: tenths of integers, whose values are known.
static void random_ranges_have_no_gap_and_no_end_missing(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(11));
    for (int round = 0; round < 2000; round++) {
        static const int64_t scales[] = {1, 10, 1000};
        const int64_t scale = scales[sj_random_below(&r, 3)], from = sj_test_between(&r, -2000, 2000), step = sj_test_between(&r, 1, 300) * (sj_random_below(&r, 2) == 0 ? 1 : -1);
        const int64_t steps = sj_test_between(&r, 0, 200), beyond = sj_test_between(&r, 0, llabs(step) - 1) * (step > 0 ? 1 : -1), to = from + steps * step + beyond;
        char text[256];
        const double s = (double)scale;
        if (scale == 1) {
            snprintf(text, sizeof text, "{ path = \"p\"; range = { from = %lld; to = %lld; step = %lld; }; }", (long long)from, (long long)to, (long long)step);
        } else {
            snprintf(text, sizeof text, "{ path = \"p\"; range = { from = %.3f; to = %.3f; step = %.3f; }; }", (double)from / s, (double)to / s, (double)step / s);
        }
        take(text);
        const sj_axis *a = &space.axes[0];
        assert_int_equal(a->value_count, steps + 1);
        for (int64_t i = 0; i <= steps; i++) {
            const int64_t k = step > 0 ? i : steps - i;
            const double wanted = (double)(from + k * step) / s;  // the double nearest to the decimal
            if (a->numbers[i] != wanted) {
                fail_msg("%s: %.17g and not %.17g", text, a->numbers[i], wanted);
            }
            assert_int_equal(strchr(a->values[i], '.') != NULL, scale != 1);
        }
        sj_space_free(&space);
    }
}

static void random_points_lie_evenly_between_their_ends(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(12));
    for (int round = 0; round < 500; round++) {
        const bool logarithmic = sj_random_below(&r, 2) == 0;
        const double from = 1e-3 + sj_random_unit(&r), to = from * (1.5 + 1e4 * sj_random_unit(&r));
        const int points = (int)sj_test_between(&r, 2, 60);
        char text[256];
        snprintf(text, sizeof text, "{ path = \"p\"; %s = { from = %.17e; to = %.17e; points = %d; }; }", logarithmic ? "logarithmic" : "linear", from, to, points);
        take(text);
        const sj_axis *a = &space.axes[0];
        assert_int_equal(a->value_count, points);
        assert_true(a->numbers[0] == from && a->numbers[points - 1] == to);
        for (int i = 1; i < points - 1; i++) {
            const double before = a->numbers[i - 1], here = a->numbers[i], behind = a->numbers[i + 1];
            const double middle = logarithmic ? sqrt(before * behind) : (before + behind) / 2.0;
            assert_true(fabs(here - middle) <= 1e-13 * (logarithmic ? behind : to));
        }
        sj_space_free(&space);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_stand_as_set_takes_them), cmocka_unit_test(rules_give_their_values), cmocka_unit_test(wrong_axes_are_told), cmocka_unit_test(wrong_values_are_told),
        cmocka_unit_test(wrong_rules_are_told), cmocka_unit_test(names_and_paths_are_those_of_one_axis), cmocka_unit_test(all_errors_of_a_file_come_together),
        cmocka_unit_test(sizes_stay_below_two_to_the_63), cmocka_unit_test(axes_have_a_limit), cmocka_unit_test(lists_of_values_have_a_limit), cmocka_unit_test(ids_count_with_the_last_axis_fastest),
        cmocka_unit_test(a_point_is_described_and_cut), cmocka_unit_test(any_string_comes_back), cmocka_unit_test(any_number_comes_back_with_its_type),
        cmocka_unit_test(random_ranges_have_no_gap_and_no_end_missing), cmocka_unit_test(random_points_lie_evenly_between_their_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
