// SPDX-License-Identifier: Apache-2.0
// Reads what a store is about. Counts are checked before memory is taken for them, all content by its check value at the end.
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "store_internal.h"

struct sj_store_piece {
    sj_store_piece *next;
    max_align_t data[];
};

static const char doing[] = "read what the sweep is about";

void sj_store_free_about(sj_store *s) {
    for (sj_store_piece *p = s->pieces; p != NULL;) {
        sj_store_piece *next = p->next;
        free(p);
        p = next;
    }
    s->pieces = NULL;
}

static sj_status damaged(const sj_store *s, const char *what, sj_error *err) {
    return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: damaged or changed by hand: %s", s->path, what);
}

// Zeroed memory that lives as long as the store; count is within the limits of the tables.
static sj_status take(sj_store *s, int64_t count, size_t size, void **out, sj_error *err) {
    sj_store_piece *p = calloc(1, sizeof *p + (size_t)count * size);
    if (p == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for what the sweep is about", s->path);
    }
    p->next = s->pieces;
    s->pieces = p;
    *out = p->data;
    return SJ_OK;
}

static sj_status take_text(sj_store *s, sqlite3_stmt *q, int column, char **out, sj_error *err) {
    const unsigned char *text = sqlite3_column_text(q, column);
    const size_t length = text != NULL ? strlen((const char *)text) : 0;
    void *copy = NULL;
    SJ_TRY(take(s, (int64_t)length + 1, 1, &copy, err));
    if (length > 0) {
        memcpy(copy, text, length);
    }
    *out = copy;
    return SJ_OK;
}

static sj_status want_row(sj_store *s, sqlite3_stmt *q, const char *missing, sj_error *err) {
    bool row = false;
    SJ_TRY(sj_store_step(s, q, doing, &row, err));
    return row ? SJ_OK : damaged(s, missing, err);
}

static sj_status read_key(sj_store *s, sqlite3_stmt *q, const char *key, char **text, int64_t *number, sj_error *err) {
    sj_store_binder b = sj_store_bind(q);
    sj_store_bind_text(&b, key);
    if (b.code != SQLITE_OK) {
        return sj_store_fail(s, b.code, doing, err);
    }
    SJ_TRY(want_row(s, q, "a row of its table about is missing", err));
    if (text != NULL) {
        SJ_TRY(take_text(s, q, 0, text, err));
    } else {
        *number = sqlite3_column_int64(q, 0);
    }
    (void)sqlite3_reset(q);
    return SJ_OK;
}

static sj_status read_keys(sj_store *s, sqlite3_stmt *q, sj_error *err) {
    char *text = NULL;
    int64_t total = 0;
    SJ_TRY(read_key(s, q, "name", &text, NULL, err));
    s->about.name = text;
    SJ_TRY(read_key(s, q, "version", &text, NULL, err));
    s->about.version = text;
    SJ_TRY(read_key(s, q, "config", &text, NULL, err));
    s->about.config = text;
    SJ_TRY(read_key(s, q, "identity", &text, NULL, err));
    s->about.identity = text;
    SJ_TRY(read_key(s, q, "total", NULL, &total, err));
    s->about.total = (uint64_t)total;
    return SJ_OK;
}

static sj_status read_objectives(sj_store *s, sqlite3_stmt *q, sj_error *err) {
    int value = 0;
    for (bool row = true;;) {
        SJ_TRY(sj_store_step(s, q, doing, &row, err));
        if (!row) {
            return SJ_OK;
        }
        const char *name = (const char *)sqlite3_column_text(q, 0);
        for (value = 0; value < SJ_SWEEP_VALUE_COUNT && (name == NULL || strcmp(name, sj_sweep_value_names[value]) != 0); value++) {
        }
        if (value == SJ_SWEEP_VALUE_COUNT || s->about.objective_count == SJ_SWEEP_VALUE_COUNT) {
            return damaged(s, "an objective that there is not", err);
        }
        s->about.objectives[s->about.objective_count++] = value;
    }
}

static sj_status read_axes(sj_store *s, sqlite3_stmt *q, sj_error *err) {
    s->space.size = 1;
    for (bool row = true;;) {
        SJ_TRY(sj_store_step(s, q, doing, &row, err));
        if (!row) {
            return s->space.axis_count > 0 ? SJ_OK : damaged(s, "it has no axes", err);
        }
        const int64_t paths = sqlite3_column_int64(q, 1), values = sqlite3_column_int64(q, 2);
        const bool fits = s->space.axis_count < SJ_AXES_MAX && paths >= 1 && paths <= SJ_AXIS_PATHS_MAX && values >= 1 && values <= SJ_AXIS_VALUES_MAX;
        if (!fits || __builtin_mul_overflow(s->space.size, (uint64_t)values, &s->space.size) || s->space.size > INT64_MAX) {
            return damaged(s, "its axes are none that a sweep can have", err);
        }
        sj_axis *axis = &s->space.axes[s->space.axis_count++];
        *axis = (sj_axis){.path_count = (int)paths, .value_count = (int)values, .numeric = sqlite3_column_int64(q, 3) != 0};
        SJ_TRY(take_text(s, q, 0, &axis->name, err));
    }
}

static sj_status read_paths(sj_store *s, sqlite3_stmt *q, sj_error *err) {
    for (int a = 0; a < s->space.axis_count; a++) {
        for (int p = 0; p < s->space.axes[a].path_count; p++) {
            SJ_TRY(want_row(s, q, "paths of its axes are missing", err));
            SJ_TRY(take_text(s, q, 0, &s->space.axes[a].paths[p], err));
        }
    }
    return SJ_OK;
}

static sj_status read_values(sj_store *s, sqlite3_stmt *q, sj_error *err) {
    for (int a = 0; a < s->space.axis_count; a++) {
        sj_axis *axis = &s->space.axes[a];
        const int64_t count = (int64_t)axis->value_count * axis->path_count;
        void *values = NULL;
        SJ_TRY(take(s, count, sizeof *axis->values, &values, err));
        axis->values = values;
        for (int64_t i = 0; i < count; i++) {
            SJ_TRY(want_row(s, q, "values of its axes are missing", err));
            SJ_TRY(take_text(s, q, 0, &axis->values[i], err));
        }
    }
    return SJ_OK;
}

static sj_status read_labels(sj_store *s, sqlite3_stmt *q, sj_error *err) {
    for (int a = 0; a < s->space.axis_count; a++) {
        sj_axis *axis = &s->space.axes[a];
        void *labels = NULL, *numbers = NULL;
        SJ_TRY(take(s, axis->value_count, sizeof *axis->labels, &labels, err));
        SJ_TRY(take(s, axis->value_count, sizeof *axis->numbers, &numbers, err));
        axis->labels = labels;
        axis->numbers = axis->numeric ? numbers : NULL;
        for (int v = 0; v < axis->value_count; v++) {
            SJ_TRY(want_row(s, q, "labels of its axes are missing", err));
            SJ_TRY(take_text(s, q, 0, &axis->labels[v], err));
            if (axis->numeric) {
                axis->numbers[v] = sqlite3_column_double(q, 1);
            }
        }
    }
    return SJ_OK;
}

static sj_status read_trace(sj_store *s, sqlite3_stmt *q, sj_sweep_trace *t, sj_error *err) {
    char *text = NULL;
    SJ_TRY(take_text(s, q, 0, &text, err));
    t->path = text;
    SJ_TRY(take_text(s, q, 1, &text, err));
    (void)snprintf(t->hash, sizeof t->hash, "%s", text);
    t->weight = sqlite3_column_double(q, 2);
    SJ_TRY(take_text(s, q, 3, &text, err));
    t->describe = text;
    t->unit_count = sqlite3_column_int64(q, 4);
    if (t->unit_count < 0 || t->unit_count > SJ_STORE_UNITS_MAX) {
        return damaged(s, "a trace with an impossible number of layers", err);
    }
    s->unit_count += t->unit_count;
    return SJ_OK;
}

static sj_status read_traces(sj_store *s, sqlite3_stmt *q, sj_error *err) {
    int64_t count = 0;
    SJ_TRY(sj_store_number(s, "SELECT count(*) FROM traces", doing, &count, err));
    if (count > INT32_MAX) {
        return damaged(s, "an impossible number of traces", err);
    }
    void *memory = NULL;
    SJ_TRY(take(s, count, sizeof(sj_sweep_trace), &memory, err));
    sj_sweep_trace *traces = memory;
    s->about.traces = traces;
    s->about.trace_count = (int)count;
    for (int t = 0; t < (int)count; t++) {
        SJ_TRY(want_row(s, q, "traces are missing", err));
        SJ_TRY(read_trace(s, q, &traces[t], err));
    }
    return SJ_OK;
}

static sj_status read_units(sj_store *s, sqlite3_stmt *q, sj_error *err) {
    sj_sweep_trace *traces = (sj_sweep_trace *)(uintptr_t)s->about.traces;  // ours: read_traces
    for (int t = 0; t < s->about.trace_count; t++) {
        const int64_t count = traces[t].unit_count;
        void *memory = NULL;
        SJ_TRY(take(s, 3 * count, sizeof(char *), &memory, err));
        char **texts = memory;
        traces[t].unit_layers = (const char *const *)texts;
        traces[t].unit_kinds = (const char *const *)(texts + count);
        traces[t].unit_phases = (const char *const *)(texts + 2 * count);
        for (int64_t u = 0; u < count; u++) {
            SJ_TRY(want_row(s, q, "layers of its traces are missing", err));
            for (int part = 0; part < 3; part++) {
                SJ_TRY(take_text(s, q, part, &texts[part * count + u], err));
            }
        }
    }
    return SJ_OK;
}

static sj_status read_checksum(sj_store *s, sqlite3_stmt *q, sj_error *err) {
    int64_t check = 0;
    SJ_TRY(read_key(s, q, "checksum", NULL, &check, err));
    if ((uint64_t)check != sj_check_about(&s->about)) {
        return damaged(s, "what it says of the sweep does not fit its check value", err);
    }
    uint64_t stride = s->space.size;
    for (int a = 0; a < s->space.axis_count; a++) {
        stride /= (uint64_t)s->space.axes[a].value_count;
        s->strides[a] = stride;
    }
    return SJ_OK;
}

static sj_status read_parts(sj_store *s, sj_error *err) {
    static const char key[] = "SELECT value FROM about WHERE key = ?";
    static const struct {
        const char *sql;
        sj_status (*read)(sj_store *, sqlite3_stmt *, sj_error *);
    } parts[] = {{key, read_keys},
                 {"SELECT name FROM objectives ORDER BY objective", read_objectives},
                 {"SELECT name, path_count, value_count, numeric FROM axes ORDER BY axis", read_axes},
                 {"SELECT text FROM axis_paths ORDER BY axis, path", read_paths},
                 {"SELECT text FROM axis_values ORDER BY axis, value, path", read_values},
                 {"SELECT label, number FROM axis_labels ORDER BY axis, value", read_labels},
                 {"SELECT path, hash, weight, describe, unit_count FROM traces ORDER BY trace", read_traces},
                 {"SELECT layer, kind, phase FROM units ORDER BY unit", read_units},
                 {key, read_checksum}};
    s->about.space = &s->space;
    sj_status status = SJ_OK;
    for (size_t i = 0; i < sizeof parts / sizeof *parts && status == SJ_OK; i++) {
        sqlite3_stmt *q = NULL;
        status = sj_store_prepare(s, parts[i].sql, &q, err);
        status = status == SJ_OK ? parts[i].read(s, q, err) : status;
        (void)sqlite3_finalize(q);
    }
    return status;
}

// As one transaction, which only reads: another process may renew the sweep between two of the tables.
sj_status sj_store_read_about(sj_store *s, sj_error *err) {
    SJ_TRY(sj_store_exec(s, "BEGIN", doing, err));
    return sj_store_end(s, read_parts(s, err), doing, err);
}

const char *sj_store_label(const sj_store *s, uint64_t id, int axis) {
    const sj_axis *a = &s->space.axes[axis];
    return a->labels[id / s->strides[axis] % (uint64_t)a->value_count];
}
