// SPDX-License-Identifier: Apache-2.0
// Looking at a configuration without reading it: what stands at a path, and which paths a reader knows.
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

static void assert_number(const sj_config *c, const char *path, double number) {
    const sj_config_value v = sj_config_peek(c, path);
    assert_int_equal(v.type, SJ_PEEK_NUMBER);
    assert_true(v.number == number);
    assert_null(v.text);
    assert_false(v.truth);
}

static void assert_text(const sj_config *c, const char *path, const char *text) {
    const sj_config_value v = sj_config_peek(c, path);
    assert_int_equal(v.type, SJ_PEEK_TEXT);
    assert_string_equal(v.text, text);
}

static void assert_bool(const sj_config *c, const char *path, bool truth) {
    const sj_config_value v = sj_config_peek(c, path);
    assert_int_equal(v.type, SJ_PEEK_BOOL);
    assert_int_equal(v.truth, truth);
}

static void assert_type(const sj_config *c, const char *path, sj_config_peek_type type) { assert_int_equal(sj_config_peek(c, path).type, type); }

static void every_type_is_told(void **state) {
    sj_config *c = parse("i = 4; neg = -7; wide = 9007199254740992L; hex = 0x10; f = 0.1; t = true; n = false; s = \"a \\\"b\\\"\"; empty = \"\"; number = \"45\";\n"
                         "g = { deep = { x = 3; }; }; none = { }; l = (1, \"two\", { y = false; }); a = [1.5, 2.5];");
    assert_number(c, "i", 4.0);
    assert_number(c, "neg", -7.0);
    assert_number(c, "wide", 9007199254740992.0);
    assert_number(c, "hex", 16.0);
    assert_number(c, "f", 0.1);
    assert_bool(c, "t", true);
    assert_bool(c, "n", false);
    assert_text(c, "s", "a \"b\"");
    assert_text(c, "empty", "");
    assert_text(c, "number", "45");
    assert_number(c, "g.deep.x", 3.0);
    assert_number(c, "l.[0]", 1.0);
    assert_text(c, "l.[1]", "two");
    assert_bool(c, "l.[2].y", false);
    assert_number(c, "a.[1]", 2.5);
    static const char *const aggregates[] = {"g", "g.deep", "none", "l", "l.[2]", "a", ""}, *const nothing[] = {"x", "i.x", "g.x", "g.deep.x.y", "l.[3]", "a.[2]", "deep", "G"};
    for (size_t i = 0; i < sizeof aggregates / sizeof *aggregates; i++) {
        assert_type(c, aggregates[i], SJ_PEEK_AGGREGATE);
    }
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
        assert_type(c, nothing[i], SJ_PEEK_NOTHING);
    }
    sj_config_close(c);
}

static void overrides_are_seen(void **state) {
    sj_config *c = parse("i = 4; s = \"a\";");
    assert_int_equal(sj_config_override(c, "i=5", &err), SJ_OK);
    assert_int_equal(sj_config_override(c, "s=ddr4-3200", &err), SJ_OK);
    assert_int_equal(sj_config_override(c, "new.deep=true", &err), SJ_OK);
    assert_number(c, "i", 5.0);
    assert_text(c, "s", "ddr4-3200");
    assert_bool(c, "new.deep", true);
    assert_type(c, "new", SJ_PEEK_AGGREGATE);
    sj_config_close(c);
}

// A key that was looked at and never read is still an unknown one.
static void a_look_makes_no_key_known(void **state) {
    sj_config *c = parse("rows = 4;\nlanez = 3;");
    sj_config_int(c, "rows", SJ_REQUIRED, 0, 1, 9);
    sj_config_int(c, "lanes", SJ_OPTIONAL, 1, 1, 9);
    assert_number(c, "lanez", 3.0);
    assert_type(c, "lane", SJ_PEEK_NOTHING);
    assert_false(sj_config_is_known(c, "lanez"));
    assert_false(sj_config_is_known(c, "lane"));
    assert_int_equal(sj_config_finish(c, &err), SJ_ERR_CONFIG);
    assert_string_equal(err.message, "t.cfg:2: unknown key \"lanez\"; did you mean \"lanes\"?");
    sj_config_close(c);
}

static void what_was_asked_for_is_known(void **state) {
    sj_config *c = parse("array = { rows = 4; lanes = 1; }; dtype = \"bf16\"; list = (1);");
    assert_false(sj_config_is_known(c, "array.rows"));
    assert_null(sj_config_nearest_known(c, "array.rows"));
    sj_config_int(c, "array.rows", SJ_REQUIRED, 0, 1, 9);
    sj_config_string(c, "dtype", SJ_REQUIRED, "");
    sj_config_bool(c, "mapping.oracle", SJ_OPTIONAL, false);  // asked for, and not there
    sj_config_list(c, "list", SJ_REQUIRED);
    static const char *const known[] = {"array.rows", "dtype", "mapping.oracle", "list"}, *const unknown[] = {"array.lanes", "array", "rows", "mapping", "array.row", "array.rowss", "Dtype", "", "list.[0]"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_true(sj_config_is_known(c, known[i]));
        assert_string_equal(sj_config_nearest_known(c, known[i]), known[i]);
    }
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        assert_false(sj_config_is_known(c, unknown[i]));
    }
    assert_string_equal(sj_config_nearest_known(c, "array.row"), "array.rows");
    assert_string_equal(sj_config_nearest_known(c, "maping.orcale"), "mapping.oracle");
    assert_string_equal(sj_config_nearest_known(c, "type"), "dtype");
    assert_null(sj_config_nearest_known(c, "slurm.partition"));
    sj_config_close(c);
}

// The nearest is that of sj_nearest_name over all paths asked for, however many and in whatever order; each is known, its neighbours are not.
static void many_paths_are_known(void **state) {
    const char *seed_text = getenv("SJ_TEST_SEED");
    const uint64_t seed = seed_text != NULL ? strtoull(seed_text, NULL, 10) : 20240602;
    print_message("SJ_TEST_SEED=%llu\n", (unsigned long long)seed);
    sj_random r = sj_random_seed(seed);
    enum { COUNT = 300 };
    char names[COUNT][24];
    const char *list[COUNT];
    sj_config *c = parse("");
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "g%d.key%d", (int)sj_random_below(&r, 10), (int)sj_random_below(&r, 100000));
        list[i] = names[i];
        sj_config_int(c, names[i], SJ_OPTIONAL, 0, 0, 9);
        char word[32];
        snprintf(word, sizeof word, "g%d.kye%d", (int)sj_random_below(&r, 10), (int)sj_random_below(&r, 100000));
        const char *wanted = sj_nearest_name(word, list, i + 1), *met = sj_config_nearest_known(c, word);
        assert_int_equal(wanted == NULL, met == NULL);
        if (wanted != NULL) {
            assert_string_equal(met, wanted);
        }
        assert_false(sj_config_is_known(c, word));
    }
    for (int i = 0; i < COUNT; i++) {
        assert_true(sj_config_is_known(c, names[i]));
    }
    sj_config_close(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_told),          cmocka_unit_test(overrides_are_seen),  cmocka_unit_test(a_look_makes_no_key_known),
        cmocka_unit_test(what_was_asked_for_is_known), cmocka_unit_test(many_paths_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
