// SPDX-License-Identifier: Apache-2.0
// A store says what the points that went into it say.
#include "sj_test_folder.h"
#include "test_analysis_fixture.h"

static char folder[SJ_TEST_FOLDER_MAX];

static int enter(void **state) { return sj_test_enter_folder(folder) ? 0 : -1; }

static int leave(void **state) { return sj_test_leave_folder(folder) ? 0 : -1; }

static void make(sweep *s, sj_random *r) {
    static const char *const types[] = {"ddr4", "lpddr5", "say \"hbm\", twice"};
    *s = (sweep){0};
    add_numbers(s, "array.rows", (int)sj_test_between(r, 2, 9));
    add_axis(s, "dram.type", 3, types);
    add_numbers(s, "array.lanes", (int)sj_test_between(r, 1, 9));
    fill(s);
    sample(s, r, 0.8);
    for (int64_t i = 0; i < s->count; i++) {
        for (int v = 0; v < SJ_SWEEP_VALUE_COUNT; v++) {
            s->points[i].values[v] = sj_random_unit(r) * 1e9;
        }
        if (sj_random_below(r, 5) == 0) {
            set_invalid(&s->points[i], "array.rows * array.lanes = 64 > 32");
        }
    }
}

static sj_store *stored(const sweep *s, const char *path) {
    sj_store *store;
    sj_error err;
    if (sj_store_create(path, &s->about, &store, &err) != SJ_OK || sj_store_put(store, s->points, s->count, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    sj_store_close(store);
    if (sj_store_open(path, NULL, &store, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    return store;
}

static void written(const sj_analysis *a, int part, sj_analysis_format format, char **text) {
    size_t size;
    sj_error err;
    FILE *f = open_memstream(text, &size);
    assert_non_null(f);
    bool parts[SJ_PART_COUNT] = {false};
    parts[part] = true;
    if (sj_analysis_write(f, a, parts, format, 0, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    fclose(f);
}

static void compare(const sj_analysis *a, const sj_analysis *b) {
    for (int format = 0; format < SJ_ANALYSIS_FORMAT_COUNT; format++) {
        for (int part = format == SJ_ANALYSIS_CSV ? SJ_PART_PARETO : SJ_PART_SUMMARY; part < SJ_PART_COUNT; part++) {
            char *x, *y;
            written(a, part, (sj_analysis_format)format, &x);
            written(b, part, (sj_analysis_format)format, &y);
            assert_string_equal(x, y);
            free(x);
            free(y);
        }
    }
}

static void test_every_report_of_a_store_is_that_of_its_points(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(8));
    sj_expr *limit;
    sj_error err;
    assert_int_equal(sj_expr_parse("dram.type != \"ddr4\" and array.rows <= 24 and cycles < 9e8", &limit, &err), SJ_OK);
    for (int round = 0; round < 10; round++) {
        sweep s;
        make(&s, &r);
        char path[32];
        snprintf(path, sizeof path, "%d.db", round);
        sj_store *store = stored(&s, path);
        for (int limited = 0; limited < 2; limited++) {
            const sj_analysis_options options = {.limit_count = limited, .limits = &limit};
            sj_analysis of_points, of_store;
            analyse_with(&s, &options, &of_points);
            if (sj_analyse(store, &options, &of_store, &err) != SJ_OK) {
                fail_msg("%s", err.message);
            }
            assert_int_equal(of_store.points, s.count);
            compare(&of_points, &of_store);
            sj_analysis_free(&of_points);
            sj_analysis_free(&of_store);
        }
        sj_store_close(store);
        sweep_free(&s);
    }
    sj_expr_free(limit);
}

static void test_an_unknown_name_is_refused_and_the_store_stays_open(void **state) {
    sj_random r = sj_random_seed(1);
    sweep s;
    make(&s, &r);
    sj_store *store = stored(&s, "refused.db");
    sj_expr *limit;
    sj_error err;
    sj_analysis a;
    assert_int_equal(sj_expr_parse("dram.typ == \"ddr4\"", &limit, &err), SJ_OK);
    assert_int_equal(sj_analyse(store, &(sj_analysis_options){.limit_count = 1, .limits = &limit}, &a, &err), SJ_ERR_CONFIG);
    assert_non_null(strstr(err.message, "did you mean \"dram.type\"?"));
    assert_int_equal(sj_analyse(store, &(sj_analysis_options){0}, &a, &err), SJ_OK);
    sj_analysis_free(&a);
    sj_expr_free(limit);
    sj_store_close(store);
    sweep_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_report_of_a_store_is_that_of_its_points),
        cmocka_unit_test(test_an_unknown_name_is_refused_and_the_store_stays_open),
    };
    return cmocka_run_group_tests_name("analysis-store", tests, enter, leave);
}
