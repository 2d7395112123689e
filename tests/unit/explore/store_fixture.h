// SPDX-License-Identifier: Apache-2.0
// What the tests of the store share: a sweep to store, results that follow from the point's id alone, and SQL past the store.
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include <inttypes.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sj_test.h"
#include "sj_test_folder.h"
#include "store_internal.h"

enum { FIXTURE_TRACES_MAX = 3, FIXTURE_UNITS_MAX = 256 };

// A sweep; every pointer of `about` leads into it.
typedef struct fixture {
    sj_space space;
    sj_sweep_trace traces[FIXTURE_TRACES_MAX];
    char texts[4096][48];
    int text_count;
    char *cells[8][256];   // values of an axis
    char *labels[8][256];
    double numbers[8][256];
    const char *units[FIXTURE_TRACES_MAX][3][FIXTURE_UNITS_MAX];
    int64_t unit_count;
    sj_sweep_about about;
} fixture;

static inline char *fixture_text(fixture *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline char *fixture_text(fixture *f, const char *format, ...) {
    assert_true(f->text_count < 4096);
    char *text = f->texts[f->text_count++];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof f->texts[0], format, args);
    va_end(args);
    return text;
}

// An axis of `values` values over `paths` paths: numeric where it has one path and `numeric` is set, else words.
static inline void fixture_axis(fixture *f, const char *name, int paths, int values, bool numeric) {
    const int a = f->space.axis_count++;
    sj_axis *axis = &f->space.axes[a];
    assert_true(values * paths <= 256);
    *axis = (sj_axis){.name = fixture_text(f, "%s", name), .path_count = paths, .value_count = values, .values = f->cells[a], .labels = f->labels[a], .numeric = numeric};
    axis->numbers = numeric ? f->numbers[a] : NULL;
    for (int p = 0; p < paths; p++) {
        axis->paths[p] = fixture_text(f, "path%d.of%d", p, a);
    }
    for (int v = 0; v < values; v++) {
        f->numbers[a][v] = 0.5 * (v + 1);
        f->labels[a][v] = numeric ? fixture_text(f, "%g", f->numbers[a][v]) : fixture_text(f, "word%d, \"%d\"", v, a);
        for (int p = 0; p < paths; p++) {
            f->cells[a][v * paths + p] = numeric ? f->labels[a][v] : fixture_text(f, "cell%d-%d", v, p);
        }
    }
    f->space.size *= (uint64_t)values;
}

static inline void fixture_trace(fixture *f, int64_t units, double weight) {
    const int t = f->about.trace_count++;
    f->traces[t] = (sj_sweep_trace){.path = fixture_text(f, "trace%d.h5", t), .weight = weight, .describe = fixture_text(f, "trace %d, \"plain\"", t), .unit_count = units};
    (void)snprintf(f->traces[t].hash, sizeof f->traces[t].hash, "%016x", 0xabc + t);
    for (int64_t u = 0; u < units; u++) {
        f->units[t][0][u] = fixture_text(f, "conv%" PRId64, u / 2);
        f->units[t][1][u] = "conv";
        f->units[t][2][u] = u % 2 == 0 ? "forward" : "dw";
    }
    f->traces[t].unit_layers = f->units[t][0];
    f->traces[t].unit_kinds = f->units[t][1];
    f->traces[t].unit_phases = f->units[t][2];
    f->unit_count += units;
}

static inline void fixture_start(fixture *f) {
    *f = (fixture){.space.size = 1};
    f->about = (sj_sweep_about){.name = "edge", .version = "0.1.0", .config = "name = \"edge\";\naxes = ();\n", .identity = "0123456789abcdef", .space = &f->space, .total = 99};
    f->about.traces = f->traces;
    f->about.objective_count = 2;
    f->about.objectives[0] = SJ_SWEEP_cycles;
    f->about.objectives[1] = SJ_SWEEP_energy_pj;
}

// 12 x 7 x 200 points over two traces of 5 and 3 layers and phases.
static inline void fixture_make(fixture *f) {
    fixture_start(f);
    fixture_axis(f, "array.rows", 1, 12, true);
    fixture_axis(f, "shape", 2, 7, false);
    fixture_axis(f, "batch", 1, 200, true);
    fixture_trace(f, 5, 1.0);
    fixture_trace(f, 3, 0.25);
}

// The result of a point: a pure function of its id. units: room for unit_count; may be NULL where units are not kept.
static inline void fixture_result(const fixture *f, uint64_t id, bool keep, sj_unit_result *units, sj_point_result *out) {
    sj_random r = sj_random_stream(17, id);
    *out = (sj_point_result){.id = id, .valid = sj_random_below(&r, 5) != 0};
    if (!out->valid) {
        (void)snprintf(out->reason, sizeof out->reason, "array.rows <= %d, \"broken\"\nby point %" PRIu64, (int)sj_random_below(&r, 9), id);
        out->values[SJ_SWEEP_area_mm2] = sj_random_unit(&r);
        return;
    }
    for (int v = 0; v < SJ_SWEEP_VALUE_COUNT; v++) {
        out->values[v] = sj_random_below(&r, 3) == 0 ? (double)sj_random_below(&r, 1000000) : sj_random_unit(&r) * 1e18;
    }
    if (keep) {
        out->unit_count = f->unit_count;
        out->units = units;
        for (int64_t u = 0; u < f->unit_count; u++) {
            units[u] = (sj_unit_result){.cycles = sj_random_u64(&r) >> (1 + sj_random_below(&r, 63)), .dram_bytes = sj_random_u64(&r) >> 20, .energy_pj = sj_random_unit(&r) * 1e9};
        }
    }
}

static inline sj_status fixture_put(const fixture *f, sj_store *s, const uint64_t *ids, int64_t count, bool keep, sj_error *err) {
    sj_point_result *results = calloc((size_t)count + 1, sizeof *results);
    sj_unit_result *units = calloc((size_t)(count * f->unit_count) + 1, sizeof *units);
    assert_true(results != NULL && units != NULL);
    for (int64_t i = 0; i < count; i++) {
        fixture_result(f, ids[i], keep, units + i * f->unit_count, &results[i]);
    }
    const sj_status status = sj_store_put(s, results, count, err);
    free(results);
    free(units);
    return status;
}

static inline void assert_same_point(const sj_point_result *got, const sj_point_result *want) {
    assert_int_equal(got->id, want->id);
    assert_int_equal(got->valid, want->valid);
    assert_string_equal(got->reason, want->reason);
    assert_memory_equal(got->values, want->values, sizeof want->values);
}

// The point and its layers, where they were kept, are what was put.
static inline void assert_stored(const fixture *f, sj_store *s, uint64_t id, bool keep) {
    static sj_unit_result want_units[FIXTURE_TRACES_MAX * FIXTURE_UNITS_MAX], got_units[FIXTURE_TRACES_MAX * FIXTURE_UNITS_MAX];
    sj_error err;
    sj_point_result want, got;
    bool found = false;
    fixture_result(f, id, keep, want_units, &want);
    assert_int_equal(sj_store_get(s, id, &got, &found, &err), SJ_OK);
    assert_true(found);
    assert_same_point(&got, &want);
    const sj_status status = sj_store_units(s, id, got_units, f->unit_count, &err);
    assert_int_equal(status, want.unit_count == f->unit_count ? SJ_OK : SJ_ERR_RANGE);
    for (int64_t u = 0; u < want.unit_count; u++) {
        assert_int_equal(got_units[u].cycles, want_units[u].cycles);
        assert_int_equal(got_units[u].dram_bytes, want_units[u].dram_bytes);
        assert_memory_equal(&got_units[u].energy_pj, &want_units[u].energy_pj, sizeof(double));
    }
}

// SQL past the store, as a person would use it.
static inline void run_sql(const char *path, const char *sql) {
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    (void)sqlite3_busy_timeout(db, 60000);
    char *why = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
        fail_msg("%s: %s", sql, why);
    }
    (void)sqlite3_close(db);
}

// The first column of the first row; "" where there is none.
static inline void query_sql(const char *path, const char *sql, char *out, size_t size) {
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    }
    out[0] = '\0';
    if (sqlite3_step(q) == SQLITE_ROW && sqlite3_column_text(q, 0) != NULL) {
        (void)snprintf(out, size, "%s", (const char *)sqlite3_column_text(q, 0));
    }
    (void)sqlite3_finalize(q);
    (void)sqlite3_close(db);
}

static inline int64_t query_number(const char *path, const char *sql) {
    char text[64];
    query_sql(path, sql, text, sizeof text);
    return strtoll(text, NULL, 10);
}

static inline void assert_message(const sj_error *err, sj_status status, const char *part) {
    if (err->status != status || strstr(err->message, part) == NULL) {
        fail_msg("expected status %s and \"%s\", got %s and \"%s\"", sj_status_name(status), part, sj_status_name(err->status), err->message);
    }
}

static inline void assert_child_well(pid_t child) {
    int state = 0;
    assert_int_equal(waitpid(child, &state, 0), child);
    assert_true(WIFEXITED(state));
    assert_int_equal(WEXITSTATUS(state), 0);
}

#endif
