// SPDX-License-Identifier: Apache-2.0
// The tables of a store, version 1. PRAGMA application_id is 0x534a7377 ("SJsw"), PRAGMA user_version the version of the tables.
//
//   about(key, value)            name, version (of the program that made it), config (the sweep file, overrides applied), identity, total (points that the strategy wants at most),
//                                space_size, created (UTC), checksum
//   objectives(objective, name)  in their order, from 0; name is a column of points
//   axes(axis, name, path_count, value_count, numeric)   in their order, from 0, the first the slowest
//   axis_paths(axis, path, text)                         path: 0 .. path_count - 1; text: the config path that it sets
//   axis_values(axis, value, path, text)                 what value index `value` sets path `path` to, as --set takes it
//   axis_labels(axis, value, label, number)              what people see of a value; number: NULL where the axis is not numeric
//   traces(trace, path, hash, weight, describe, unit_count)   in the order of the command line, from 0; hash: FNV-1a 64 of the file
//   units(unit, trace, layer, kind, phase)               a layer in a phase of a trace; `unit` counts from 0 over all traces
//   points(id, valid, reason, VALUES, layer_count, layer_check, checksum, run)
//                                id: sj_space.h; valid: 1 or 0; reason: why it is not valid, else ''; VALUES: a column each of SJ_SWEEP_VALUES (sj_sweep_value.h); layer_count: its rows
//                                in layers, 0 where they were not kept; run: the row of runs that found it, NULL where none was begun
//   layers(point, unit, cycles, energy_pj, dram_bytes)   energy_pj: typical, dynamic and leakage; not weighted
//   claims(chunk, state, host, pid, start, seen)         work shared by processes: state 'taken' or 'done'; seen: seconds since 1970 of the owner's last sign of life
//   runs(run, uid, host, pid, version, command, began, ended, points, outcome)
//                                a row for each process that worked on the sweep; times in UTC; points: that it added; ended NULL: still at work, or killed
//
//   VIEW results        id, a column an axis (of the axis's name: the number where the axis is numeric, else the label), VALUES, valid, reason
//   VIEW layer_results  point, a column an axis, unit, trace (its path), layer, kind, phase, cycles, energy_pj, dram_bytes
//                       An axis that is named as another column of the view is called "axis NAME" there.
//                           SELECT "array.rows", min(energy_pj) FROM results WHERE valid GROUP BY 1;
//
// Check values (store_check.c), as signed 64-bit integers: points.checksum over id, valid, reason, VALUES, layer_count and layer_check; points.layer_check over cycles, energy_pj and
// dram_bytes of its rows of layers by ascending unit; about's over name, version, config, identity, total, objectives, axes, axis_..., traces and units. Reading a point, its layers or a
// store whose content does not fit them fails: who changes a store by hand damages it. Claims and runs have none: a wrong bit there makes work be done twice, or a wrong note, no wrong
// result.
//
// Journal: while a store is open to write, WAL on local file systems, a rollback journal on all others (WAL needs memory shared by all that hold the file). The last one that closes it
// puts the file back to a rollback journal, so that a closed store is one file that can be read anywhere. A killed process leaves STORE-wal or STORE-journal behind, which belong to the
// store: move or copy them together. The next one that opens it recovers from them every point that was put.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "store_internal.h"

#define VALUE_COLUMN(id, unit, meaning) ", " #id " REAL NOT NULL"
static const char tables[] =
    "CREATE TABLE about(key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE objectives(objective INTEGER PRIMARY KEY, name TEXT NOT NULL);"
    "CREATE TABLE axes(axis INTEGER PRIMARY KEY, name TEXT NOT NULL, path_count INTEGER NOT NULL, value_count INTEGER NOT NULL, numeric INTEGER NOT NULL);"
    "CREATE TABLE axis_paths(axis INTEGER NOT NULL, path INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY(axis, path)) WITHOUT ROWID;"
    "CREATE TABLE axis_values(axis INTEGER NOT NULL, value INTEGER NOT NULL, path INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY(axis, value, path)) WITHOUT ROWID;"
    "CREATE TABLE axis_labels(axis INTEGER NOT NULL, value INTEGER NOT NULL, label TEXT NOT NULL, number NUMERIC, PRIMARY KEY(axis, value)) WITHOUT ROWID;"
    "CREATE TABLE traces(trace INTEGER PRIMARY KEY, path TEXT NOT NULL, hash TEXT NOT NULL, weight REAL NOT NULL, describe TEXT NOT NULL, unit_count INTEGER NOT NULL);"
    "CREATE TABLE units(unit INTEGER PRIMARY KEY, trace INTEGER NOT NULL, layer TEXT NOT NULL, kind TEXT NOT NULL, phase TEXT NOT NULL);"
    "CREATE TABLE points(id INTEGER PRIMARY KEY, valid INTEGER NOT NULL, reason TEXT NOT NULL" SJ_SWEEP_VALUES(VALUE_COLUMN)
    ", layer_count INTEGER NOT NULL, layer_check INTEGER NOT NULL, checksum INTEGER NOT NULL, run INTEGER);"
    "CREATE TABLE layers(point INTEGER NOT NULL, unit INTEGER NOT NULL, cycles INTEGER NOT NULL, energy_pj REAL NOT NULL, dram_bytes INTEGER NOT NULL,"
    " PRIMARY KEY(point, unit)) WITHOUT ROWID;"
    "CREATE TABLE claims(chunk INTEGER PRIMARY KEY, state TEXT NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL, start TEXT NOT NULL, seen REAL NOT NULL);"
    "CREATE TABLE runs(run INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, host TEXT NOT NULL, pid INTEGER NOT NULL, version TEXT, command TEXT NOT NULL,"
    " began TEXT NOT NULL, ended TEXT, points INTEGER NOT NULL, outcome TEXT);";

#define QUOTED_NAME(id, unit, meaning) #id,
static const char *const result_columns[] = {"id", SJ_SWEEP_VALUES(QUOTED_NAME) "valid", "reason", NULL};
static const char *const layer_columns[] = {"point", "unit", "trace", "layer", "kind", "phase", "cycles", "energy_pj", "dram_bytes", NULL};

static bool is_taken(const sj_space *space, int axis, const char *const *columns) {
    bool taken = false;
    for (int i = 0; columns[i] != NULL; i++) {
        taken |= strcasecmp(space->axes[axis].name, columns[i]) == 0;
    }
    for (int a = 0; a < axis; a++) {
        taken |= strcasecmp(space->axes[axis].name, space->axes[a].name) == 0;  // SQL does not tell A from a
    }
    return taken;
}

// The axes' columns of a view; `id` is the SQL of the point's id.
static void write_axis_columns(FILE *f, const sj_space *space, const char *id, const char *const *columns) {
    uint64_t stride = space->size;
    for (int a = 0; a < space->axis_count; a++) {
        const sj_axis *axis = &space->axes[a];
        stride /= (uint64_t)axis->value_count;
        fprintf(f, ", (SELECT %s FROM axis_labels WHERE axis = %d AND value = %s / %llu %% %d) AS \"", axis->numeric ? "number" : "label", a, id, (unsigned long long)stride,
                axis->value_count);
        if (is_taken(space, a, columns)) {
            fputs("axis ", f);
        }
        for (const char *c = axis->name; *c != '\0'; c++) {
            fputs(*c == '"' ? "\"\"" : (char[]){*c, '\0'}, f);
        }
        fputc('"', f);
    }
}

// A point that is not valid has no figures but, where its machine could be read, an area.
#define POINT_COLUMN(id, unit, meaning) ", CASE WHEN p.valid OR ('" #id "' = 'area_mm2' AND p.area_mm2 > 0) THEN p." #id " END AS " #id
static sj_status make_views(sj_store *s, const sj_space *space, sj_error *err) {
    char *sql = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&sql, &size);
    if (f == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for its views", s->path);
    }
    fputs("CREATE VIEW results AS SELECT p.id AS id", f);
    write_axis_columns(f, space, "p.id", result_columns);
    fputs(SJ_SWEEP_VALUES(POINT_COLUMN) ", p.valid AS valid, p.reason AS reason FROM points AS p;", f);
    fputs("CREATE VIEW layer_results AS SELECT l.point AS point", f);
    write_axis_columns(f, space, "l.point", layer_columns);
    fputs(", l.unit AS unit, t.path AS trace, u.layer AS layer, u.kind AS kind, u.phase AS phase, l.cycles AS cycles, l.energy_pj AS energy_pj, l.dram_bytes AS dram_bytes "
          "FROM layers AS l JOIN units AS u ON u.unit = l.unit JOIN traces AS t ON t.trace = u.trace;", f);
    const bool failed = ferror(f) != 0;
    const bool whole = fclose(f) == 0 && !failed;
    const sj_status status = whole ? sj_store_exec(s, sql, "make its views", err) : SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for its views", s->path);
    free(sql);
    return status;
}

sj_status sj_store_make_tables(sj_store *s, const sj_sweep_about *about, sj_error *err) {
    char head[96];
    (void)snprintf(head, sizeof head, "PRAGMA application_id = %d; PRAGMA user_version = %d;", SJ_STORE_APPLICATION, SJ_STORE_VERSION);
    SJ_TRY(sj_store_exec(s, head, "make its tables", err));
    SJ_TRY(sj_store_exec(s, tables, "make its tables", err));
    return make_views(s, about->space, err);
}
