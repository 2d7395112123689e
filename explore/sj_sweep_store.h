// SPDX-License-Identifier: Apache-2.0
// A sweep's results: one SQLite file. Several processes of one machine may hold it open and write (WAL or rollback journal, a lock is waited for up to a minute, every batch one transaction); processes of several machines
// write a store each (shards), which are merged. store_schema.c describes the tables.
// A store is used by one thread at a time, and by the process that opened it: after a fork the child may neither use it nor open the same file itself while the parent has it open (locks of SQLite are a process's), unless it
// calls exec. So: close, fork, open on both sides. A process that is killed at any moment loses nothing that was put.
#ifndef SJ_SWEEP_STORE_H
#define SJ_SWEEP_STORE_H

#include <stdio.h>

#include "sj_space.h"
#include "sj_sweep_value.h"

// What a store is about. Two stores of equal `identity` hold points of the same sweep: what one found is true of the other.
typedef struct sj_sweep_trace {
    const char *path;    // as given
    char hash[17];       // sj_file_hash
    double weight;
    const char *describe;  // "resnet18, plain on cifar10: train step 1171, batch 16"
    int64_t unit_count;
    const char *const *unit_layers;   // [unit]
    const char *const *unit_kinds;    // "conv", ...
    const char *const *unit_phases;   // "forward", ...
} sj_sweep_trace;

typedef struct sj_sweep_about {
    const char *name;          // of the sweep
    const char *version;       // of the program
    const char *config;        // the sweep file, overrides applied
    const char *identity;      // hex hash of all that a result depends on: axes, fixed settings, base files, constraints, weights, trace hashes, version of the format
    const sj_space *space;
    int objective_count;
    int objectives[SJ_SWEEP_VALUE_COUNT];
    int trace_count;
    const sj_sweep_trace *traces;
    uint64_t total;            // points that the strategy wants at most
} sj_sweep_about;

typedef struct sj_store sj_store;

// Makes a new store. SJ_ERR_EXISTS where there is one (of several makers one succeeds), or where the log of a store is left that is itself gone.
sj_status sj_store_create(const char *path, const sj_sweep_about *about, sj_store **out, sj_error *err);
// Opens an existing one. about NULL: to read. Otherwise it must be of the same sweep: SJ_ERR_CONFIG says what differs: which trace by its hash ("trace.h5: its content changed since the sweep began ..."), which axis, or that fixed
// settings do. SJ_ERR_FORMAT: no store, a damaged one (PRAGMA quick_check), or one of a later version. SJ_ERR_IO: there is no such file, or about is given and it cannot be written to.
sj_status sj_store_open(const char *path, const sj_sweep_about *about, sj_store **out, sj_error *err);
// What a sweep that goes on may change: its name, file, objectives and number of points become those of `about`. s itself keeps saying what it said when it was opened.
sj_status sj_store_renew(sj_store *s, const sj_sweep_about *about, sj_error *err);
void sj_store_close(sj_store *s);
const char *sj_store_path(const sj_store *s);

// Writes all results in one transaction; a point that is there already is left as it is. unit_count: 0 (layers are not kept) or that of all traces. SJ_ERR_IO: disk full, a lock that was not given within a minute;
// SJ_ERR_RANGE: an id outside the space, a count of 2^63 or more; SJ_ERR_NUMERIC: a value that is not finite. Nothing of the batch is written then.
sj_status sj_store_put(sj_store *s, const sj_point_result *results, int64_t count, sj_error *err);
// done[i]: whether ids[i] is there.
sj_status sj_store_has(sj_store *s, const uint64_t *ids, int64_t count, bool *done, sj_error *err);
// Without units (unit_count 0). *found false where it is not there. Here and below: SJ_ERR_FORMAT names a point that does not fit its check value.
sj_status sj_store_get(sj_store *s, uint64_t id, sj_point_result *out, bool *found, sj_error *err);
typedef struct sj_store_counts {
    uint64_t points, valid;
} sj_store_counts;
sj_status sj_store_count(sj_store *s, sj_store_counts *out, sj_error *err);
// All points, by ascending id, without units, as they were when it began. Stops at the first status of `each` that is not SJ_OK. `each` may read the store, not write to it.
sj_status sj_store_each(sj_store *s, sj_status (*each)(void *context, const sj_point_result *point, sj_error *err), void *context, sj_error *err);
// Energies by unit of one valid point; units: unit_count of all traces, one after the other. SJ_ERR_RANGE where the point is not there or its layers were not kept.
sj_status sj_store_units(sj_store *s, uint64_t id, sj_unit_result *units, int64_t unit_count, sj_error *err);

// What the store says of itself. The pointers live as long as the store; `space` is rebuilt from its tables.
const sj_sweep_about *sj_store_about(const sj_store *s);

// ---- Work shared by processes of one machine: chunks, numbered by the callers from 0. A chunk is free, taken by a living process, or done.
typedef enum sj_claim { SJ_CLAIM_TAKEN, SJ_CLAIM_MINE, SJ_CLAIM_DONE } sj_claim;
// Takes the chunk if it is free, or its owner died (no such process, or one of another start time; on another host: no sign of life for `lease_seconds`).
sj_status sj_store_claim(sj_store *s, int64_t chunk, double lease_seconds, sj_claim *out, sj_error *err);
sj_status sj_store_finish(sj_store *s, int64_t chunk, sj_error *err);  // after its points are written
sj_status sj_store_alive(sj_store *s, sj_error *err);                  // a sign of life on all chunks this process holds

// ---- Provenance: a row for each process that worked on the sweep: host, pid, version, command, began, ended, points.
sj_status sj_store_begin_run(sj_store *s, const char *command, sj_error *err);
sj_status sj_store_end_run(sj_store *s, const char *outcome, sj_error *err);

// ---- Shards
// Adds all points of the shard that are not there yet, and its runs. SJ_ERR_FORMAT: damaged; SJ_ERR_CONFIG: of another sweep, or s itself; s is unchanged then. *added may be NULL.
// The shard is only read, also while a process writes it and after one was killed (its "-wal" file must stand beside it); but a half-written rollback journal of a killed process is taken back first.
sj_status sj_store_merge(sj_store *s, const char *shard_path, uint64_t *added, sj_error *err);

// ---- CSV: a line a point, ascending id: id, an axis a column, valid, reason, every value of sj_sweep_value_names, in as many digits as read back the same. RFC 4180 quoting.
sj_status sj_store_write_csv(sj_store *s, FILE *f, sj_error *err);

#endif
