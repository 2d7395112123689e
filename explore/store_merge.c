// SPDX-License-Identifier: Apache-2.0
// Merging of shards. A shard is read through a connection of its own that cannot write, all of it in one snapshot; every row goes through our check values before it goes into the
// store, so that what is damaged in a way that SQLite does not see is not taken over. A shard that a killed process left is complete with its STORE-wal beside it; that log counts up to
// its first damaged record, so that points behind it are missing, not wrong. Only a half-written rollback journal must be taken back in the shard itself before it can be read.
#include <stdlib.h>
#include <sys/stat.h>

#include "sj_file.h"
#include "store_internal.h"

typedef struct run_map {
    int64_t from, to;
} run_map;

typedef struct merge {
    sj_store *s, *shard;
    run_map *runs;          // ascending `from`
    int64_t run_count;
    sj_unit_result *units;  // room for all layers of a point
    uint64_t added;
} merge;

static sj_status check_shard(const merge *m, sj_error *err) {
    char text[2048];
    int trace = 0;
    switch (sj_store_compare(&m->shard->about, &m->s->about, &trace, text, sizeof text)) {
        case SJ_SAME_SWEEP:
            return SJ_OK;
        case SJ_OTHER_CONTENT:
            return SJ_FAIL(err, SJ_ERR_CONFIG, "%s: the shard is of another sweep than %s: trace %s has another content (hash %s there, %s here)", m->shard->path, m->s->path,
                           m->s->about.traces[trace].path, m->shard->about.traces[trace].hash, m->s->about.traces[trace].hash);
        default:
            return SJ_FAIL(err, SJ_ERR_CONFIG, "%s: the shard is of another sweep than %s: %s", m->shard->path, m->s->path, text);
    }
}

static int64_t map_run(const merge *m, int64_t from) {
    int64_t low = 0, high = m->run_count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (m->runs[middle].from < from) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < m->run_count && m->runs[low].from == from ? m->runs[low].to : 0;
}

// Writes the run that `from` stands on, or brings it up to date, and finds its row.
static sj_status copy_run(merge *m, sqlite3_stmt *from, int64_t *to, sj_error *err) {
    sqlite3_stmt *q = NULL;
    SJ_TRY(sj_store_query_of(m->s, SJ_QUERY_RUN_COPY, &q, err));
    int code = SQLITE_OK;
    for (int column = 0; column < 9 && code == SQLITE_OK; column++) {
        code = sqlite3_bind_value(q, column + 1, sqlite3_column_value(from, column + 1));
    }
    SJ_TRY(code == SQLITE_OK ? sj_store_run(m->s, q, "copy runs", err) : sj_store_fail(m->s, code, "copy runs", err));
    SJ_TRY(sj_store_query_of(m->s, SJ_QUERY_RUN_FIND, &q, err));
    code = sqlite3_bind_value(q, 1, sqlite3_column_value(from, 1));
    bool row = false;
    SJ_TRY(code == SQLITE_OK ? sj_store_step(m->s, q, "copy runs", &row, err) : sj_store_fail(m->s, code, "copy runs", err));
    *to = row ? sqlite3_column_int64(q, 0) : 0;
    (void)sqlite3_reset(q);
    return SJ_OK;
}

static sj_status copy_runs(merge *m, sj_error *err) {
    int64_t count = 0;
    void *memory = NULL;
    SJ_TRY(sj_store_number(m->shard, "SELECT count(*) FROM runs", "read runs", &count, err));
    SJ_TRY(sj_alloc(&memory, (uint64_t)count, sizeof *m->runs, m->shard->path, err));
    m->runs = memory;
    sqlite3_stmt *q = NULL;
    SJ_TRY(sj_store_prepare(m->shard, "SELECT run, uid, host, pid, version, command, began, ended, points, outcome FROM runs ORDER BY run", &q, err));
    sj_status status = SJ_OK;
    while (status == SJ_OK && m->run_count < count) {
        bool more = false;
        status = sj_store_step(m->shard, q, "read runs", &more, err);
        if (status != SJ_OK || !more) {
            break;
        }
        run_map *run = &m->runs[m->run_count++];
        run->from = sqlite3_column_int64(q, 0);
        status = copy_run(m, q, &run->to, err);
    }
    (void)sqlite3_finalize(q);
    return status;
}

// The layers are read of every point, also of those that are not copied: a shard is whole or it is not.
static sj_status copy_point(merge *m, sqlite3_stmt *q, sj_error *err) {
    sj_store_row row;
    SJ_TRY(sj_store_read_point(m->shard, q, &row, err));
    if (row.point.id >= m->shard->space.size || (row.layer_count != 0 && row.layer_count != m->shard->unit_count)) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: damaged: point %llu is none of its sweep", m->shard->path, (unsigned long long)row.point.id);
    }
    SJ_TRY(sj_store_read_layers(m->shard, &row, m->units, err));
    row.point.unit_count = row.layer_count;
    row.point.units = m->units;
    bool added = false;
    SJ_TRY(sj_store_write_point(m->s, &row.point, map_run(m, row.run), &added, err));
    m->added += added;
    return SJ_OK;
}

static sj_status copy_points(merge *m, sj_error *err) {
    sqlite3_stmt *q = NULL;
    SJ_TRY(sj_store_prepare(m->shard, "SELECT " SJ_STORE_POINT_COLUMNS " FROM points ORDER BY id", &q, err));
    sj_status status = SJ_OK;
    for (bool more = true; status == SJ_OK;) {
        status = sj_store_step(m->shard, q, "read points", &more, err);
        if (status != SJ_OK || !more) {
            break;
        }
        status = copy_point(m, q, err);
    }
    (void)sqlite3_finalize(q);
    return status;
}

static sj_status copy_all(merge *m, sj_error *err) {
    void *units = NULL;
    SJ_TRY(sj_alloc(&units, (uint64_t)m->shard->unit_count, sizeof *m->units, m->shard->path, err));
    m->units = units;
    SJ_TRY(sj_store_begin(m->s, "merge a shard", err));
    sj_status status = copy_runs(m, err);
    status = status == SJ_OK ? copy_points(m, err) : status;
    return sj_store_end(m->s, status, "merge a shard", err);
}

static bool is_same_file(const char *a, const char *b) {
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

sj_status sj_store_merge(sj_store *s, const char *shard_path, uint64_t *added, sj_error *err) {
    if (is_same_file(s->path, shard_path)) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "%s: is the store itself, no shard of it", shard_path);
    }
    merge m = {.s = s};
    SJ_TRY(sj_store_open_as(shard_path, NULL, SJ_STORE_READ, &m.shard, err));
    sj_status status = check_shard(&m, err);
    status = status == SJ_OK ? sj_store_exec(m.shard, "BEGIN", "read the shard", err) : status;  // one snapshot; ends with the connection
    status = status == SJ_OK ? copy_all(&m, err) : status;
    sj_store_close(m.shard);
    free(m.runs);
    free(m.units);
    if (status == SJ_OK && added != NULL) {
        *added = m.added;
    }
    return status;
}
