// SPDX-License-Identifier: Apache-2.0
// Writes what a new store is about.
#include <inttypes.h>
#include <string.h>

#include "store_internal.h"

static const char doing[] = "write what the sweep is about";

static sj_status write_keys(sj_store *s, const sj_sweep_about *about, sqlite3_stmt *q, sj_error *err) {
    const struct {
        const char *key, *text;
        int64_t number;
    } rows[] = {{"name", about->name, 0},
                {"version", about->version, 0},
                {"config", about->config, 0},
                {"identity", about->identity, 0},
                {"total", NULL, (int64_t)about->total},
                {"space_size", NULL, (int64_t)about->space->size},
                {"checksum", NULL, (int64_t)sj_check_about(about)}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sj_store_binder b = sj_store_bind(q);
        sj_store_bind_text(&b, rows[i].key);
        if (rows[i].text != NULL) {
            sj_store_bind_text(&b, rows[i].text);
        } else {
            sj_store_bind_int(&b, rows[i].number);
        }
        SJ_TRY(sj_store_run_bound(s, &b, doing, err));
    }
    return sj_store_exec(s, "INSERT INTO about VALUES('created', strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))", doing, err);
}

sj_status sj_store_write_objectives(sj_store *s, const sj_sweep_about *about, sqlite3_stmt *q, sj_error *err) {
    for (int o = 0; o < about->objective_count; o++) {
        sj_store_binder b = sj_store_bind(q);
        sj_store_bind_int(&b, o);
        sj_store_bind_text(&b, sj_sweep_value_names[about->objectives[o]]);
        SJ_TRY(sj_store_run_bound(s, &b, doing, err));
    }
    return SJ_OK;
}

static sj_status write_axes(sj_store *s, const sj_sweep_about *about, sqlite3_stmt *q, sj_error *err) {
    for (int a = 0; a < about->space->axis_count; a++) {
        const sj_axis *axis = &about->space->axes[a];
        sj_store_binder b = sj_store_bind(q);
        sj_store_bind_int(&b, a);
        sj_store_bind_text(&b, axis->name);
        sj_store_bind_int(&b, axis->path_count);
        sj_store_bind_int(&b, axis->value_count);
        sj_store_bind_int(&b, axis->numeric);
        SJ_TRY(sj_store_run_bound(s, &b, doing, err));
    }
    return SJ_OK;
}

static sj_status write_paths(sj_store *s, const sj_sweep_about *about, sqlite3_stmt *q, sj_error *err) {
    for (int a = 0; a < about->space->axis_count; a++) {
        for (int p = 0; p < about->space->axes[a].path_count; p++) {
            sj_store_binder b = sj_store_bind(q);
            sj_store_bind_int(&b, a);
            sj_store_bind_int(&b, p);
            sj_store_bind_text(&b, about->space->axes[a].paths[p]);
            SJ_TRY(sj_store_run_bound(s, &b, doing, err));
        }
    }
    return SJ_OK;
}

static sj_status write_values(sj_store *s, const sj_sweep_about *about, sqlite3_stmt *q, sj_error *err) {
    for (int a = 0; a < about->space->axis_count; a++) {
        const sj_axis *axis = &about->space->axes[a];
        for (int64_t i = 0; i < (int64_t)axis->value_count * axis->path_count; i++) {
            sj_store_binder b = sj_store_bind(q);
            sj_store_bind_int(&b, a);
            sj_store_bind_int(&b, i / axis->path_count);
            sj_store_bind_int(&b, i % axis->path_count);
            sj_store_bind_text(&b, axis->values[i]);
            SJ_TRY(sj_store_run_bound(s, &b, doing, err));
        }
    }
    return SJ_OK;
}

static sj_status write_labels(sj_store *s, const sj_sweep_about *about, sqlite3_stmt *q, sj_error *err) {
    for (int a = 0; a < about->space->axis_count; a++) {
        const sj_axis *axis = &about->space->axes[a];
        for (int v = 0; v < axis->value_count; v++) {
            sj_store_binder b = sj_store_bind(q);
            sj_store_bind_int(&b, a);
            sj_store_bind_int(&b, v);
            sj_store_bind_text(&b, axis->labels[v]);
            if (axis->numeric) {
                sj_store_bind_real(&b, axis->numbers[v]);
            } else {
                sj_store_bind_text(&b, NULL);
            }
            SJ_TRY(sj_store_run_bound(s, &b, doing, err));
        }
    }
    return SJ_OK;
}

static sj_status write_traces(sj_store *s, const sj_sweep_about *about, sqlite3_stmt *q, sj_error *err) {
    for (int t = 0; t < about->trace_count; t++) {
        const sj_sweep_trace *trace = &about->traces[t];
        sj_store_binder b = sj_store_bind(q);
        sj_store_bind_int(&b, t);
        sj_store_bind_text(&b, trace->path);
        sj_store_bind_text(&b, trace->hash);
        sj_store_bind_real(&b, trace->weight);
        sj_store_bind_text(&b, trace->describe);
        sj_store_bind_int(&b, trace->unit_count);
        SJ_TRY(sj_store_run_bound(s, &b, doing, err));
    }
    return SJ_OK;
}

static sj_status write_units(sj_store *s, const sj_sweep_about *about, sqlite3_stmt *q, sj_error *err) {
    int64_t unit = 0;
    for (int t = 0; t < about->trace_count; t++) {
        const sj_sweep_trace *trace = &about->traces[t];
        for (int64_t u = 0; u < trace->unit_count; u++) {
            sj_store_binder b = sj_store_bind(q);
            sj_store_bind_int(&b, unit++);
            sj_store_bind_int(&b, t);
            sj_store_bind_text(&b, trace->unit_layers[u]);
            sj_store_bind_text(&b, trace->unit_kinds[u]);
            sj_store_bind_text(&b, trace->unit_phases[u]);
            SJ_TRY(sj_store_run_bound(s, &b, doing, err));
        }
    }
    return SJ_OK;
}

// What the tables cannot hold or sj_store_read_about would refuse.
static sj_status check_limits(const sj_store *s, const sj_sweep_about *about, sj_error *err) {
    if (about->total > INT64_MAX || about->space->size > INT64_MAX) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: a store holds fewer than 2^63 points; this sweep has a space of %" PRIu64 " and wants %" PRIu64, s->path, about->space->size, about->total);
    }
    for (int t = 0; t < about->trace_count; t++) {
        if (about->traces[t].unit_count < 0 || about->traces[t].unit_count > SJ_STORE_UNITS_MAX) {
            return SJ_FAIL(err, SJ_ERR_RANGE, "%s: a store holds at most %d layers and phases of a trace; %s has %" PRId64, s->path, SJ_STORE_UNITS_MAX, about->traces[t].path,
                           about->traces[t].unit_count);
        }
    }
    return SJ_OK;
}

sj_status sj_store_write_about(sj_store *s, const sj_sweep_about *about, sj_error *err) {
    static const struct {
        const char *sql;
        sj_status (*write)(sj_store *, const sj_sweep_about *, sqlite3_stmt *, sj_error *);
    } parts[] = {{"INSERT INTO about VALUES(?, ?)", write_keys},
                 {"INSERT INTO objectives VALUES(?, ?)", sj_store_write_objectives},
                 {"INSERT INTO axes VALUES(?, ?, ?, ?, ?)", write_axes},
                 {"INSERT INTO axis_paths VALUES(?, ?, ?)", write_paths},
                 {"INSERT INTO axis_values VALUES(?, ?, ?, ?)", write_values},
                 {"INSERT INTO axis_labels VALUES(?, ?, ?, ?)", write_labels},
                 {"INSERT INTO traces VALUES(?, ?, ?, ?, ?, ?)", write_traces},
                 {"INSERT INTO units VALUES(?, ?, ?, ?, ?)", write_units}};
    sj_status status = check_limits(s, about, err);
    for (size_t i = 0; i < sizeof parts / sizeof *parts && status == SJ_OK; i++) {
        sqlite3_stmt *q = NULL;
        status = sj_store_prepare(s, parts[i].sql, &q, err);
        status = status == SJ_OK ? parts[i].write(s, about, q, err) : status;
        (void)sqlite3_finalize(q);
    }
    return status;
}
