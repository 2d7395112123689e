// SPDX-License-Identifier: Apache-2.0
// What a resumed sweep may change of itself: its name, its file, its objectives, how many points it wants.
#include <string.h>

#include "store_internal.h"

static const char doing[] = "write what the resumed sweep is about";

static bool same_plan(const sj_sweep_about *a, const sj_sweep_about *b) {
    const bool same_objectives = a->objective_count == b->objective_count && memcmp(a->objectives, b->objectives, (size_t)a->objective_count * sizeof *a->objectives) == 0;
    return same_objectives && a->total == b->total && strcmp(a->name, b->name) == 0 && strcmp(a->config, b->config) == 0;
}

static sj_status write_key(sj_store *s, sqlite3_stmt *q, const char *key, const char *text, int64_t number, sj_error *err) {
    sj_store_binder b = sj_store_bind(q);
    if (text != NULL) {
        sj_store_bind_text(&b, text);
    } else {
        sj_store_bind_int(&b, number);
    }
    sj_store_bind_text(&b, key);
    return sj_store_run_bound(s, &b, doing, err);
}

static sj_status write_keys(sj_store *s, const sj_sweep_about *about, sqlite3_stmt *q, sj_error *err) {
    SJ_TRY(write_key(s, q, "name", about->name, 0, err));
    SJ_TRY(write_key(s, q, "config", about->config, 0, err));
    SJ_TRY(write_key(s, q, "total", NULL, (int64_t)about->total, err));
    return write_key(s, q, "checksum", NULL, (int64_t)sj_check_about(about), err);
}

static sj_status prepare_and(sj_store *s, const char *sql, sj_status (*write)(sj_store *, const sj_sweep_about *, sqlite3_stmt *, sj_error *), const sj_sweep_about *about, sj_error *err) {
    sqlite3_stmt *q = NULL;
    sj_status status = sj_store_prepare(s, sql, &q, err);
    status = status == SJ_OK ? write(s, about, q, err) : status;
    (void)sqlite3_finalize(q);
    return status;
}

static sj_status renew(sj_store *s, const sj_sweep_about *about, sj_error *err) {
    SJ_TRY(prepare_and(s, "UPDATE about SET value = ? WHERE key = ?", write_keys, about, err));
    SJ_TRY(sj_store_exec(s, "DELETE FROM objectives", doing, err));
    return prepare_and(s, "INSERT INTO objectives VALUES(?, ?)", sj_store_write_objectives, about, err);
}

sj_status sj_store_renew(sj_store *s, const sj_sweep_about *about, sj_error *err) {
    sj_sweep_about next = s->about;  // paths of traces stay as they are
    if (same_plan(&s->about, about)) {
        return SJ_OK;
    }
    next.name = about->name;
    next.config = about->config;
    next.total = about->total;
    next.objective_count = about->objective_count;
    memcpy(next.objectives, about->objectives, sizeof next.objectives);
    SJ_TRY(sj_store_begin(s, doing, err));
    return sj_store_end(s, renew(s, &next, err), doing, err);
}
