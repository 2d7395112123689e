// SPDX-License-Identifier: Apache-2.0
// Limits: which points stay, what names mean, and what is refused.
#include "test_analysis_fixture.h"

enum { LIMITS_MAX = 4 };

typedef struct limits {
    sj_expr *list[LIMITS_MAX];
    sj_analysis_options options;
} limits;

static void parse(limits *l, int count, const char *const *texts) {
    sj_error err;
    *l = (limits){0};
    for (int i = 0; i < count; i++) {
        if (sj_expr_parse(texts[i], &l->list[i], &err) != SJ_OK) {
            fail_msg("%s", err.message);
        }
    }
    l->options.limit_count = count;
    l->options.limits = l->list;
}

static void release(limits *l) {
    for (int i = 0; i < LIMITS_MAX; i++) {
        sj_expr_free(l->list[i]);
    }
}

// The values of a linked axis, quoted as a sweep file's are.
static void add_linked(sweep *s) {
    static const char *const values[] = {"4", "\"ddr4 \\\"a\\\" \\\\ x\"", "true", "8L", "plain", "false"};
    sj_axis *a = &s->space.axes[s->space.axis_count++];
    *a = (sj_axis){.name = copy_of("shape"), .path_count = 3, .value_count = 2};
    static const char *const paths[] = {"array.rows", "dram.type", "fuse"}, *const labels[] = {"4xddr4xtrue", "8xplainxfalse"};
    a->values = calloc(6, sizeof *a->values);
    a->labels = calloc(2, sizeof *a->labels);
    for (int p = 0; p < 3; p++) {
        a->paths[p] = copy_of(paths[p]);
    }
    for (int i = 0; i < 6; i++) {
        a->values[i] = copy_of(values[i]);
    }
    for (int v = 0; v < 2; v++) {
        a->labels[v] = copy_of(labels[v]);
    }
    s->space.size = (s->space.size == 0 ? 1 : s->space.size) * 2;
}

// lanes 4, 8, 12; codec none, 16; shape two: energy_pj = id.
static void make(sweep *s) {
    static const char *const codecs[] = {"none", "bitmask"};
    *s = (sweep){0};
    add_numbers(s, "lanes", 3);
    add_axis(s, "codec", 2, codecs);
    add_linked(s);
    fill(s);
    for (int64_t i = 0; i < s->count; i++) {
        s->points[i].values[SJ_SWEEP_energy_pj] = (double)i;
    }
}

// Which of the 12 points are within, as bits.
static unsigned within(const sweep *s, int count, const char *const *texts) {
    limits l;
    parse(&l, count, texts);
    sj_analysis a;
    analyse_with(s, &l.options, &a);
    unsigned bits = 0;
    for (int64_t i = 0; i < a.row_count; i++) {
        bits |= 1u << a.rows[i].id;
    }
    assert_int_equal(a.within, a.row_count);
    assert_int_equal(a.valid, 12);
    assert_int_equal(a.limit_count, count);
    for (int i = 0; i < count; i++) {
        assert_string_equal(a.limits[i], texts[i]);
    }
    assert_int_equal(a.full_grid, bits == 0xfff);
    sj_analysis_free(&a);
    release(&l);
    return bits;
}

static unsigned within_one(const sweep *s, const char *text) { return within(s, 1, &text); }

static void test_limits_over_values_numbers_and_texts(void **state) {
    sweep s;
    make(&s);
    assert_int_equal(within(&s, 0, NULL), 0xfff);
    assert_int_equal(within_one(&s, "energy_pj <= 4"), 0x01f);
    assert_int_equal(within_one(&s, "energy_pj < 4"), 0x00f);
    assert_int_equal(within_one(&s, "lanes > 4"), 0xff0);
    assert_int_equal(within_one(&s, "lanes * 2 == 16"), 0x0f0);
    assert_int_equal(within_one(&s, "codec == \"none\""), 0x333);
    assert_int_equal(within_one(&s, "codec != \"none\" and lanes == 12"), 0xc00);
    assert_int_equal(within_one(&s, "shape == \"4xddr4xtrue\""), 0x555);
    assert_int_equal(within_one(&s, "array.rows == 8"), 0xaaa);
    assert_int_equal(within_one(&s, "dram.type == \"plain\""), 0xaaa);
    assert_int_equal(within_one(&s, "dram.type != \"plain\""), 0x555);
    assert_int_equal(within_one(&s, "fuse"), 0x555);
    assert_int_equal(within_one(&s, "array.rows * lanes + energy_pj <= 40"), 0x05f);
    assert_int_equal(within_one(&s, "energy_pj < 0"), 0);
    static const char *const both[] = {"lanes > 4", "codec == \"none\""};
    assert_int_equal(within(&s, 2, both), 0x330);
    sweep_free(&s);
}

// A quoted string reads as it was meant.
static void test_a_quoted_value_is_its_string(void **state) {
    sweep s;
    make(&s);
    sj_limits l;
    sj_error err;
    sj_expr *e;
    assert_int_equal(sj_expr_parse("dram.type == \"plain\"", &e, &err), SJ_OK);
    assert_int_equal(sj_limits_open(&l, &e, 1, &s.space, &err), SJ_OK);
    assert_int_equal(l.count, 1);
    assert_string_equal(l.names[0].by_value[0].text, "ddr4 \"a\" \\ x");
    assert_string_equal(l.names[0].by_value[1].text, "plain");
    sj_limits_close(&l);
    sj_expr_free(e);
    sweep_free(&s);
}

// Values as a sweep file's reader leaves them: numbers long and short, quoted strings, true and false, alone and linked.
static void test_limits_over_axes_that_were_read(void **state) {
    sweep s = {0};
    sj_config *c;
    sj_error err;
    assert_int_equal(sj_config_parse("axes = ({ path = \"a\"; values = [\"x\", \"4\"]; }, { path = \"b\"; values = [4294967296L, 2L]; }, "
                                     "{ name = \"both\"; paths = [\"c\", \"d\"]; values = ((true, \"q\\\"r\"), (false, \"s\")); });",
                                     "sweep", &c, &err),
                     SJ_OK);
    sj_space_read(c, &s.space);
    if (sj_config_finish(c, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    sj_config_close(c);
    fill(&s);
    static const struct {
        const char *limit;
        unsigned within;  // of 8: a, b (ascending), both
    } cases[] = {{"a == \"4\"", 0xf0}, {"a != \"4\"", 0x0f}, {"b == 2", 0x33}, {"b > 4e9", 0xcc}, {"c", 0x55}, {"not c", 0xaa}, {"d == \"q\\\"r\"", 0x55}, {"both == \"falsexs\"", 0xaa}, {"d == \"s\" and b == 2", 0x22}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        limits l;
        parse(&l, 1, &cases[i].limit);
        sj_analysis a;
        analyse_with(&s, &l.options, &a);
        unsigned bits = 0;
        for (int64_t row = 0; row < a.row_count; row++) {
            bits |= 1u << a.rows[row].id;
        }
        assert_int_equal(bits, cases[i].within);
        sj_analysis_free(&a);
        release(&l);
    }
    free(s.points);
    sj_space_free(&s.space);
}

static void refused(const sweep *s, const char *text, const char *first, const char *second) {
    limits l;
    parse(&l, 1, &text);
    sj_analysis a;
    sj_error err;
    assert_int_equal(sj_analyse_points(&s->about, s->points, s->count, &l.options, &a, &err), SJ_ERR_CONFIG);
    if (strstr(err.message, first) == NULL || strstr(err.message, second) == NULL) {
        fail_msg("\"%s\" and \"%s\" are not in: %s", first, second, err.message);
    }
    release(&l);
}

static void test_unknown_names_and_wrong_types_are_refused(void **state) {
    sweep s;
    make(&s);
    refused(&s, "area_mm <= 2", "limit \"area_mm <= 2\": \"area_mm\" is no axis", "did you mean \"area_mm2\"?");
    refused(&s, "lane <= 2", "\"lane\"", "did you mean \"lanes\"?");
    refused(&s, "array.row <= 2", "\"array.row\"", "did you mean \"array.rows\"?");
    refused(&s, "1 == 1 or voltage <= 2", "\"voltage\" is no axis of the sweep and no value of a point", "");
    refused(&s, "codec <= 2", "limit at point 0 (lanes=4 codec=none", "codec <= 2");
    refused(&s, "lanes + 1", "limit at point 0", "lanes + 1");
    s.count = 0;
    refused(&s, "lane <= 2", "did you mean \"lanes\"?", "");  // though there is no point to try it on
    free(s.space.axes[0].name);
    s.space.axes[0].name = copy_of("cycles");
    refused(&s, "cycles <= 2", "\"cycles\" is an axis of the sweep and a value of a point as well", "");
    sweep_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits_over_values_numbers_and_texts),
        cmocka_unit_test(test_a_quoted_value_is_its_string),
        cmocka_unit_test(test_limits_over_axes_that_were_read),
        cmocka_unit_test(test_unknown_names_and_wrong_types_are_refused),
    };
    return cmocka_run_group_tests_name("analysis-limits", tests, NULL, NULL);
}
