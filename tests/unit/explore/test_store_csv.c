// SPDX-License-Identifier: Apache-2.0
// The CSV read back by a small RFC 4180 reader, and the views asked as a person would.
#include "store_case.h"

#include "sj_file.h"

// The next field of a CSV text, quotes taken off; *last: it ends its line. NULL at the end of the text.
static const char *read_field(const char **at, char *out, size_t size, bool *last) {
    const char *c = *at;
    size_t length = 0;
    if (*c == '\0') {
        return NULL;
    }
    const bool quoted = *c == '"';
    for (c += quoted; *c != '\0'; c++) {
        if (quoted && *c == '"' && *++c != '"') {
            break;
        }
        if (!quoted && (*c == ',' || *c == '\n')) {
            break;
        }
        assert_true(quoted || (*c != '"' && *c != '\r'));
        assert_true(length + 1 < size);
        out[length++] = *c;
    }
    out[length] = '\0';
    assert_true(*c == ',' || *c == '\n');
    *last = *c == '\n';
    *at = c + 1;
    return out;
}

static void assert_field(const char **at, const char *want, bool want_last) {
    char got[1024];
    bool last = false;
    assert_non_null(read_field(at, got, sizeof got, &last));
    assert_string_equal(got, want);
    assert_int_equal(last, want_last);
}

static char *write_csv(sj_store *s) {
    FILE *file = fopen("a.csv", "w");
    assert_non_null(file);
    assert_int_equal(sj_store_write_csv(s, file, &err), SJ_OK);
    assert_int_equal(fclose(file), 0);
    char *text = NULL;
    size_t bytes = 0;
    assert_int_equal(sj_read_file("a.csv", &text, &bytes, &err), SJ_OK);
    return text;
}

static void assert_csv_line(const char **at, uint64_t id) {
    sj_point_result p;
    fixture_result(&f, id, false, NULL, &p);
    char text[1024];
    bool last = false;
    (void)snprintf(text, sizeof text, "%" PRIu64, id);
    assert_field(at, text, false);
    uint64_t rest = id;
    const char *labels[SJ_AXES_MAX];
    for (int a = f.space.axis_count - 1; a >= 0; a--) {  // the last axis is the fastest
        labels[a] = f.space.axes[a].labels[rest % (uint64_t)f.space.axes[a].value_count];
        rest /= (uint64_t)f.space.axes[a].value_count;
    }
    for (int a = 0; a < f.space.axis_count; a++) {
        assert_field(at, labels[a], false);
    }
    assert_field(at, p.valid ? "1" : "0", false);
    assert_field(at, p.reason, false);
    for (int v = 0; v < SJ_SWEEP_VALUE_COUNT; v++) {
        assert_non_null(read_field(at, text, sizeof text, &last));
        assert_int_equal(last, v == SJ_SWEEP_VALUE_COUNT - 1);
        if (!p.valid && !(v == SJ_SWEEP_area_mm2 && p.values[v] > 0.0)) {
            assert_string_equal(text, "");
            continue;
        }
        char *end = NULL;
        const double value = strtod(text, &end);
        assert_true(*end == '\0' && end != text);
        assert_memory_equal(&value, &p.values[v], sizeof value);  // to the last bit
    }
}

static void csv_reads_back_as_what_was_put(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(3));
    for (int round = 0; round < 10; round++) {
        fixture_start(&f);
        const int axes = (int)sj_test_between(&r, 1, 5);
        for (int a = 0; a < axes; a++) {
            const char *const names[] = {"array.rows", "a, \"b\"", "two\nlines", "plain", "x y"};
            fixture_axis(&f, names[a], (int)sj_test_between(&r, 1, 2), (int)sj_test_between(&r, 1, 6), false);
        }
        fixture_trace(&f, 2, 1);
        sj_store *s = NULL;
        assert_int_equal(sj_store_create("a.db", &f.about, &s, &err), SJ_OK);
        uint64_t count = 0;
        static uint64_t ids[8000];
        for (uint64_t id = 0; id < f.space.size; id++) {
            if (sj_random_below(&r, 3) == 0) {
                ids[count++] = id;
            }
        }
        assert_int_equal(fixture_put(&f, s, ids, (int64_t)count, true, &err), SJ_OK);
        char *text = write_csv(s);
        const char *at = text;
        assert_field(&at, "id", false);
        for (int a = 0; a < axes; a++) {
            assert_field(&at, f.space.axes[a].name, false);
        }
        assert_field(&at, "valid", false);
        assert_field(&at, "reason", false);
        for (int v = 0; v < SJ_SWEEP_VALUE_COUNT; v++) {
            assert_field(&at, sj_sweep_value_names[v], v == SJ_SWEEP_VALUE_COUNT - 1);
        }
        for (uint64_t i = 0; i < count; i++) {
            assert_csv_line(&at, ids[i]);
        }
        assert_int_equal(*at, '\0');
        free(text);
        sj_store_close(s);
        assert_int_equal(unlink("a.db"), 0);
    }
}

static void csv_onto_a_full_disk_is_told(void **state) {
    sj_store *s = NULL;
    assert_int_equal(sj_store_create("a.db", &f.about, &s, &err), SJ_OK);
    assert_int_equal(fixture_put(&f, s, (uint64_t[]){1, 2, 3}, 3, true, &err), SJ_OK);
    FILE *file = fopen("/dev/full", "w");
    if (file != NULL) {
        assert_int_equal(sj_store_write_csv(s, file, &err), SJ_ERR_IO);
        assert_string_equal(err.message, "a.db: cannot write its points as CSV: No space left on device");
        (void)fclose(file);
    }
    sj_store_close(s);
}

// Every point of a small space; the axes' names are the worst there can be.
static void make_small(void) {
    fixture_start(&f);
    fixture_axis(&f, "array.rows", 1, 3, true);
    fixture_axis(&f, "Energy_PJ", 1, 2, false);  // the name of a value
    fixture_axis(&f, "say \"x\"", 2, 4, false);
    fixture_axis(&f, "ARRAY.rows", 1, 2, true);
    fixture_trace(&f, 2, 1);
    fixture_trace(&f, 1, 1);
    sj_store *s = NULL;
    assert_int_equal(sj_store_create("a.db", &f.about, &s, &err), SJ_OK);
    uint64_t ids[48];
    for (uint64_t id = 0; id < 48; id++) {
        ids[id] = id;
    }
    assert_int_equal(fixture_put(&f, s, ids, 48, true, &err), SJ_OK);
    sj_store_close(s);
}

static void assert_cell(const char *column, uint64_t id, const char *want) {
    char query[256], got[256];
    (void)snprintf(query, sizeof query, "SELECT %s FROM results AS r WHERE id = %" PRIu64, column, id);
    query_sql("a.db", query, got, sizeof got);
    assert_string_equal(got, want);
}

static void the_view_of_results_names_axes(void **state) {
    make_small();
    assert_int_equal(f.space.size, 48);
    for (uint64_t id = 0; id < 48; id++) {
        char text[64];
        assert_cell("\"array.rows\"", id, f.space.axes[0].labels[id / 16]);
        assert_cell("\"axis Energy_PJ\"", id, f.space.axes[1].labels[id / 8 % 2]);
        assert_cell("\"say \"\"x\"\"\"", id, f.space.axes[2].labels[id / 2 % 4]);
        assert_cell("\"axis ARRAY.rows\"", id, f.space.axes[3].labels[id % 2]);
        sj_point_result p;
        fixture_result(&f, id, false, NULL, &p);
        assert_cell("reason", id, p.reason);
        (void)snprintf(text, sizeof text, "%d", p.valid);
        assert_cell("valid", id, text);
        assert_cell("(SELECT r.energy_pj = p.energy_pj AND r.dram_bytes = p.dram_bytes AND r.edp_pj_s = p.edp_pj_s FROM points AS p WHERE p.id = r.id)", id, p.valid ? "1" : "");
        assert_cell("r.area_mm2 IS NULL", id, p.valid || p.values[SJ_SWEEP_area_mm2] > 0.0 ? "0" : "1");
    }
    assert_int_equal(query_number("a.db", "SELECT count(*) FROM results WHERE \"array.rows\" < 1.1"), 32);  // numbers, not texts: 0.5 and 1
    assert_int_equal(query_number("a.db", "SELECT count(*) FROM pragma_table_info('results')"), 1 + 4 + SJ_SWEEP_VALUE_COUNT + 2);
}

static void the_view_of_layers_names_them(void **state) {
    make_small();
    uint64_t id = 0;
    sj_point_result p = {.valid = false};
    sj_unit_result units[3];
    for (; !p.valid || id < 9; id++) {
        fixture_result(&f, id, true, units, &p);
    }
    for (int64_t u = 0; u < 3; u++) {
        char sql[512], want[256];
        (void)snprintf(sql, sizeof sql,
                       "SELECT trace || '|' || layer || '|' || kind || '|' || phase || '|' || cycles || '|' || dram_bytes || '|' || \"array.rows\" || '|' || \"axis Energy_PJ\" "
                       "FROM layer_results WHERE point = %" PRIu64 " AND unit = %" PRId64, p.id, u);
        (void)snprintf(want, sizeof want, "trace%d.h5|conv0|conv|%s|%" PRIu64 "|%" PRIu64 "|", u == 2, u == 1 ? "dw" : "forward", units[u].cycles, units[u].dram_bytes);
        char got[512];
        query_sql("a.db", sql, got, sizeof got);
        assert_memory_equal(got, want, strlen(want));
        assert_string_equal(strrchr(got, '|') + 1, f.space.axes[1].labels[p.id / 8 % 2]);
        assert_true(strtod(got + strlen(want), NULL) == f.numbers[0][p.id / 16]);  // NOLINT: exact
    }
}

// As many axes as a sweep can have.
static void the_views_take_all_axes(void **state) {
    static sj_space space;
    static char one[] = "1", two[] = "2", *values[2] = {one, two};
    static char names[SJ_AXES_MAX][32];
    space = (sj_space){.axis_count = SJ_AXES_MAX, .size = 1ull << SJ_AXES_MAX};
    for (int a = 0; a < SJ_AXES_MAX; a++) {
        (void)snprintf(names[a], sizeof names[a], "axis%d", a);
        space.axes[a] = (sj_axis){.name = names[a], .path_count = 1, .paths = {names[a]}, .value_count = 2, .values = values, .labels = values};
    }
    f.about.space = &space;
    sj_store *s = NULL;
    assert_int_equal(sj_store_create("a.db", &f.about, &s, &err), SJ_OK);
    const sj_point_result p = {.id = 0xdeadbeef, .valid = true};
    assert_int_equal(sj_store_put(s, &p, 1, &err), SJ_OK);
    for (int a = 0; a < SJ_AXES_MAX; a++) {
        char sql[64];
        (void)snprintf(sql, sizeof sql, "SELECT axis%d FROM results", a);
        assert_int_equal(query_number("a.db", sql), 1 + (0xdeadbeef >> (SJ_AXES_MAX - 1 - a) & 1));
    }
    sj_store_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(csv_reads_back_as_what_was_put),
        IN_FOLDER(csv_onto_a_full_disk_is_told),
        IN_FOLDER(the_view_of_results_names_axes),
        IN_FOLDER(the_view_of_layers_names_them),
        IN_FOLDER(the_views_take_all_axes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
