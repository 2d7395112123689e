// SPDX-License-Identifier: Apache-2.0
// Points go in and come out.
#include "store_case.h"

#include <math.h>

typedef struct walk {
    bool *there, *kept;
    uint64_t next, seen;
    sj_store *s;
    uint64_t stop_after;
} walk;

static sj_status step_walk(void *context, const sj_point_result *p, sj_error *e) {
    walk *w = context;
    while (w->next < p->id) {
        assert_false(w->there[w->next++]);
    }
    assert_true(w->there[w->next++]);
    sj_point_result want;
    fixture_result(&f, p->id, false, NULL, &want);
    assert_same_point(p, &want);
    assert_int_equal(p->unit_count, 0);
    if (w->s != NULL) {  // other points may be read meanwhile
        bool done = false;
        assert_stored(&f, w->s, p->id, w->kept[p->id]);
        assert_int_equal(sj_store_has(w->s, &p->id, 1, &done, e), SJ_OK);
        assert_true(done);
    }
    w->seen++;
    return w->seen == w->stop_after ? SJ_FAIL(e, SJ_ERR_INTERRUPTED, "stopped") : SJ_OK;
}

// An array of what was put is the oracle: after random batches with repetitions, in the process that wrote and in a later one.
static void points_come_back_as_put(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(1));
    static bool there[20000], kept[20000];
    for (int mode = SJ_STORE_SHARED; mode <= SJ_STORE_ROLLBACK; mode++) {
        memset(there, 0, sizeof there);
        sj_store_close(made());
        sj_store *s = NULL;
        uint64_t points = 0, valid = 0;
        assert_int_equal(sj_store_open_as("a.db", &f.about, (sj_store_mode)mode, &s, &err), SJ_OK);
        for (int batch = 0; batch < 30; batch++) {
            uint64_t ids[40];
            const int64_t count = sj_test_between(&r, 0, 40);
            const bool keep = sj_random_below(&r, 2) == 0;
            for (int64_t i = 0; i < count; i++) {
                ids[i] = sj_random_below(&r, 3) != 0 ? sj_random_below(&r, f.space.size) : sj_random_below(&r, 50);
                sj_point_result p;
                fixture_result(&f, ids[i], false, NULL, &p);
                points += !there[ids[i]];
                valid += !there[ids[i]] && p.valid;
                kept[ids[i]] = there[ids[i]] ? kept[ids[i]] : keep;
                there[ids[i]] = true;
            }
            assert_int_equal(fixture_put(&f, s, ids, count, keep, &err), SJ_OK);
        }
        for (int time = 0; time < 2; time++) {
            sj_store_counts counts;
            assert_int_equal(sj_store_count(s, &counts, &err), SJ_OK);
            assert_int_equal(counts.points, points);
            assert_int_equal(counts.valid, valid);
            walk w = {.there = there, .kept = kept, .s = s};
            assert_int_equal(sj_store_each(s, step_walk, &w, &err), SJ_OK);
            assert_int_equal(w.seen, points);
            for (uint64_t id = 0; id < f.space.size; id++) {
                bool done = !there[id];
                assert_int_equal(sj_store_has(s, &id, 1, &done, &err), SJ_OK);
                assert_int_equal(done, there[id]);
            }
            sj_store_close(s);
            s = opened(time == 0 ? NULL : &f.about);
        }
        sj_store_close(s);
        assert_int_equal(unlink("a.db"), 0);
    }
}

static void has_answers_many_at_once(void **state) {
    sj_store *s = made();
    const uint64_t put[] = {0, 7, f.space.size - 1}, asked[] = {7, 8, f.space.size - 1, 0, f.space.size, INT64_MAX, UINT64_MAX, 7};
    const bool want[] = {true, false, true, true, false, false, false, true};
    bool done[8];
    assert_int_equal(fixture_put(&f, s, put, 3, true, &err), SJ_OK);
    assert_int_equal(sj_store_has(s, asked, 8, done, &err), SJ_OK);
    assert_memory_equal(done, want, sizeof want);
    for (int i = 0; i < 8; i++) {
        sj_point_result p;
        bool found = !want[i];
        assert_int_equal(sj_store_get(s, asked[i], &p, &found, &err), SJ_OK);
        assert_int_equal(found, want[i]);
    }
    sj_store_close(s);
}

static void each_stops_where_it_is_told(void **state) {
    sj_store *s = made();
    static bool there[20000];
    uint64_t ids[20];
    for (uint64_t i = 0; i < 20; i++) {
        ids[i] = i * 3;
        there[i * 3] = true;
    }
    assert_int_equal(fixture_put(&f, s, ids, 20, false, &err), SJ_OK);
    walk w = {.there = there, .stop_after = 6};
    assert_int_equal(sj_store_each(s, step_walk, &w, &err), SJ_ERR_INTERRUPTED);
    assert_string_equal(err.message, "stopped");
    assert_int_equal(w.seen, 6);
    assert_int_equal(fixture_put(&f, s, (uint64_t[]){1}, 1, false, &err), SJ_OK);  // no lock is left
    sj_store_close(s);
}

static void a_point_that_is_there_stays(void **state) {
    sj_store *s = made();
    uint64_t id = 0;
    sj_point_result p = {.valid = false};
    sj_unit_result units[8];
    for (; !p.valid; id++) {
        fixture_result(&f, id, true, units, &p);
    }
    id = p.id;
    assert_int_equal(fixture_put(&f, s, &id, 1, true, &err), SJ_OK);
    p.values[SJ_SWEEP_cycles] += 1;
    units[0].cycles = 12;
    assert_int_equal(sj_store_put(s, &p, 1, &err), SJ_OK);
    assert_stored(&f, s, id, true);
    sj_store_close(s);
}

static void assert_put_refused(sj_store *s, const sj_point_result *bad, sj_status status, const char *part) {
    sj_point_result batch[2] = {{.id = 3}, *bad};
    (void)snprintf(batch[0].reason, sizeof batch[0].reason, "no");
    assert_int_equal(sj_store_put(s, batch, 2, &err), status);
    assert_message(&err, status, part);
    sj_store_counts counts;
    assert_int_equal(sj_store_count(s, &counts, &err), SJ_OK);
    assert_int_equal(counts.points, 0);  // nothing of the batch
}

static void what_cannot_come_back_is_refused(void **state) {
    sj_store *s = made();
    sj_unit_result units[9] = {{0}};
    assert_put_refused(s, &(sj_point_result){.id = f.space.size}, SJ_ERR_RANGE, "a.db: there is no point 16800 in a space of 16800");
    assert_put_refused(s, &(sj_point_result){.id = UINT64_MAX}, SJ_ERR_RANGE, "no point 18446744073709551615");
    assert_put_refused(s, &(sj_point_result){.valid = true, .unit_count = 9, .units = units}, SJ_ERR_INTERNAL, "point 0 comes with 9 layers and phases");
    assert_put_refused(s, &(sj_point_result){.valid = false, .unit_count = 8, .units = units}, SJ_ERR_INTERNAL, "it is not valid");
    const double bad[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    for (int i = 0; i < 3; i++) {
        sj_point_result p = {.id = 4, .valid = true};
        p.values[SJ_SWEEP_seconds] = bad[i];
        assert_put_refused(s, &p, SJ_ERR_NUMERIC, "seconds of point 4 is ");
        units[2].energy_pj = bad[i];
        assert_put_refused(s, &(sj_point_result){.id = 4, .valid = true, .unit_count = 8, .units = units}, SJ_ERR_NUMERIC, "layer and phase 2");
        units[2].energy_pj = 0;
    }
    units[7].cycles = (uint64_t)INT64_MAX + 1;
    assert_put_refused(s, &(sj_point_result){.valid = true, .unit_count = 8, .units = units}, SJ_ERR_RANGE, "has 9223372036854775808 cycles and 0 DRAM bytes in layer and phase 7");
    units[7] = (sj_unit_result){.dram_bytes = UINT64_MAX};
    assert_put_refused(s, &(sj_point_result){.valid = true, .unit_count = 8, .units = units}, SJ_ERR_RANGE, "0 cycles and 18446744073709551615 DRAM bytes");
    sj_point_result endless = {.id = 4};
    memset(endless.reason, 'x', sizeof endless.reason);
    assert_put_refused(s, &endless, SJ_ERR_INTERNAL, "the reason of point 4 has no end");
    // The other side of each limit.
    units[7] = (sj_unit_result){.cycles = INT64_MAX, .dram_bytes = INT64_MAX, .energy_pj = -1e308};
    endless.reason[511] = '\0';
    sj_point_result good[2] = {{.id = f.space.size - 1, .valid = true, .unit_count = 8, .units = units}, endless}, got;
    good[0].values[0] = -0.0;
    good[0].values[1] = 5e-324;
    good[0].values[2] = 1.7976931348623157e308;
    bool found = false;
    assert_int_equal(sj_store_put(s, good, 2, &err), SJ_OK);
    assert_int_equal(sj_store_get(s, f.space.size - 1, &got, &found, &err), SJ_OK);
    good[0].values[0] = 0.0;
    assert_same_point(&got, &good[0]);
    sj_unit_result back[8];
    assert_int_equal(sj_store_units(s, f.space.size - 1, back, 8, &err), SJ_OK);
    assert_memory_equal(back, units, sizeof back);
    assert_int_equal(sj_store_get(s, 4, &got, &found, &err), SJ_OK);
    assert_string_equal(got.reason, endless.reason);
    sj_store_close(s);
}

static void layers_that_are_not_there_are_told(void **state) {
    sj_store *s = made();
    sj_point_result batch[2] = {{.id = 1, .valid = true}, {.id = 2, .reason = "too large"}};
    sj_unit_result units[8];
    assert_int_equal(sj_store_put(s, batch, 2, &err), SJ_OK);
    assert_int_equal(sj_store_units(s, 0, units, 8, &err), SJ_ERR_RANGE);
    assert_string_equal(err.message, "a.db: point 0 is not there");
    assert_int_equal(sj_store_units(s, 1, units, 8, &err), SJ_ERR_RANGE);
    assert_string_equal(err.message, "a.db: point 1 has no layers: they were not kept");
    assert_int_equal(sj_store_units(s, 2, units, 8, &err), SJ_ERR_RANGE);
    assert_string_equal(err.message, "a.db: point 2 has no layers: too large");
    assert_int_equal(sj_store_units(s, 1, units, 7, &err), SJ_ERR_INTERNAL);
    sj_store_close(s);
}

// Around the number of layers that one statement writes.
static void any_number_of_layers_comes_back(void **state) {
    static const int64_t counts[] = {0, 1, SJ_STORE_LAYERS_AT_ONCE - 1, SJ_STORE_LAYERS_AT_ONCE, SJ_STORE_LAYERS_AT_ONCE + 1, 2 * SJ_STORE_LAYERS_AT_ONCE, 3 * SJ_STORE_LAYERS_AT_ONCE + 7};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        fixture_start(&f);
        fixture_axis(&f, "array.rows", 1, 10, true);
        fixture_trace(&f, counts[i], 1);
        sj_store *s = made();
        assert_int_equal(fixture_put(&f, s, (uint64_t[]){9, 0, 1, 2, 3, 4, 5, 6, 7, 8}, 10, true, &err), SJ_OK);
        for (uint64_t id = 0; id < 10; id++) {
            sj_point_result p;
            sj_unit_result units[FIXTURE_UNITS_MAX];
            fixture_result(&f, id, true, units, &p);
            if (p.valid) {
                assert_stored(&f, s, id, true);
            }
        }
        sj_store_close(s);
        assert_int_equal(query_number("a.db", "SELECT count(*) FROM layers"), counts[i] * query_number("a.db", "SELECT sum(valid) FROM points"));
        assert_int_equal(unlink("a.db"), 0);
    }
}

static void what_it_is_about_comes_back(void **state) {
    sj_store_close(made());
    sj_store *s = opened(NULL);
    const sj_sweep_about *a = sj_store_about(s);
    assert_string_equal(sj_store_path(s), "a.db");
    assert_string_equal(a->name, "edge");
    assert_string_equal(a->version, "0.1.0");
    assert_string_equal(a->config, f.about.config);
    assert_string_equal(a->identity, f.about.identity);
    assert_int_equal(a->total, 99);
    assert_int_equal(a->objective_count, 2);
    assert_int_equal(a->objectives[0], SJ_SWEEP_cycles);
    assert_int_equal(a->objectives[1], SJ_SWEEP_energy_pj);
    assert_int_equal(a->space->size, 16800);
    assert_int_equal(a->space->axis_count, 3);
    const sj_axis *axis = &a->space->axes[1];
    assert_string_equal(axis->name, "shape");
    assert_int_equal(axis->path_count, 2);
    assert_string_equal(axis->paths[1], "path1.of1");
    assert_string_equal(axis->values[6 * 2 + 1], "cell6-1");
    assert_string_equal(axis->labels[6], "word6, \"1\"");
    assert_true(!axis->numeric && axis->numbers == NULL && a->space->axes[2].numeric);
    assert_true(a->space->axes[2].numbers[3] == 2.0);  // NOLINT: exact
    assert_int_equal(a->trace_count, 2);
    assert_string_equal(a->traces[1].path, "trace1.h5");
    assert_string_equal(a->traces[1].hash, f.traces[1].hash);
    assert_true(a->traces[1].weight == 0.25);  // NOLINT: exact
    assert_string_equal(a->traces[1].describe, "trace 1, \"plain\"");
    assert_int_equal(a->traces[1].unit_count, 3);
    assert_string_equal(a->traces[1].unit_layers[2], "conv1");
    assert_string_equal(a->traces[1].unit_phases[1], "dw");
    assert_int_equal(sj_check_about(a), sj_check_about(&f.about));  // and all the rest
    sj_store_close(s);
}

static void a_lock_that_is_not_given_is_told(void **state) {
    for (int mode = SJ_STORE_SHARED; mode <= SJ_STORE_ROLLBACK; mode++) {
        sj_store_close(made());
        sj_store *s = NULL;
        assert_int_equal(sj_store_open_as("a.db", &f.about, (sj_store_mode)mode, &s, &err), SJ_OK);
        sqlite3 *db = NULL;
        assert_int_equal(sqlite3_open("a.db", &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
        s->patience_ms = 100;
        assert_int_equal(sqlite3_busy_timeout(s->db, 100), SQLITE_OK);
        assert_int_equal(fixture_put(&f, s, (uint64_t[]){1, 2}, 2, true, &err), SJ_ERR_IO);
        assert_string_equal(err.message, "a.db: cannot write results: another process held its lock for 0.1 s");
        assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        assert_int_equal(fixture_put(&f, s, (uint64_t[]){2, 3}, 2, true, &err), SJ_OK);
        sj_store_counts counts;
        assert_int_equal(sj_store_count(s, &counts, &err), SJ_OK);
        assert_int_equal(counts.points, 2);
        sj_store_close(s);
        assert_int_equal(unlink("a.db"), 0);
    }
}

static void a_closed_store_is_one_file(void **state) {
    sj_store *s = made();
    assert_int_equal(fixture_put(&f, s, (uint64_t[]){1, 2}, 2, true, &err), SJ_OK);
    sj_store *second = opened(&f.about), *reader = opened(NULL);
    assert_stored(&f, reader, 2, true);
    sj_store_close(s);
    assert_int_equal(fixture_put(&f, second, (uint64_t[]){3}, 1, true, &err), SJ_OK);
    sj_store_close(second);
    assert_stored(&f, reader, 3, true);
    sj_store_close(reader);
    assert_int_equal(sj_test_entries(), 1);
    char mode[16];
    query_sql("a.db", "PRAGMA journal_mode", mode, sizeof mode);
    assert_string_equal(mode, "delete");
    assert_int_equal(sj_store_open_as("a.db", NULL, SJ_STORE_READ, &s, &err), SJ_OK);
    assert_stored(&f, s, 1, true);
    assert_int_equal(fixture_put(&f, s, (uint64_t[]){5}, 1, true, &err), SJ_ERR_IO);
    assert_message(&err, SJ_ERR_IO, "a.db: cannot write results: the file or its folder may not be written to");
    sj_store_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(points_come_back_as_put),
        IN_FOLDER(has_answers_many_at_once),
        IN_FOLDER(each_stops_where_it_is_told),
        IN_FOLDER(a_point_that_is_there_stays),
        IN_FOLDER(what_cannot_come_back_is_refused),
        IN_FOLDER(layers_that_are_not_there_are_told),
        IN_FOLDER(any_number_of_layers_comes_back),
        IN_FOLDER(what_it_is_about_comes_back),
        IN_FOLDER(a_lock_that_is_not_given_is_told),
        IN_FOLDER(a_closed_store_is_one_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
