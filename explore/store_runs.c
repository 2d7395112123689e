// SPDX-License-Identifier: Apache-2.0
// Provenance: a row for each process that worked on the sweep.
#define _GNU_SOURCE  // clock_gettime
#include <inttypes.h>
#include <time.h>

#include "store_internal.h"

static sj_status insert_run(sj_store *s, const char *command, sj_error *err) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    char uid[512];  // tells this run from every other in every shard
    (void)snprintf(uid, sizeof uid, "%s/%" PRId64 "/%s/%lld.%09ld", s->owner.host, s->owner.pid, s->owner.start, (long long)now.tv_sec, now.tv_nsec);
    sqlite3_stmt *q = NULL;
    SJ_TRY(sj_store_query_of(s, SJ_QUERY_RUN_BEGIN, &q, err));
    sj_store_binder b = sj_store_bind(q);
    sj_store_bind_text(&b, uid);
    sj_store_bind_text(&b, s->owner.host);
    sj_store_bind_int(&b, s->owner.pid);
    sj_store_bind_text(&b, s->program);
    sj_store_bind_text(&b, command);
    return sj_store_run_bound(s, &b, "begin a run", err);
}

sj_status sj_store_begin_run(sj_store *s, const char *command, sj_error *err) {
    if (s->run != 0) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s: a run is begun while another one is not ended", s->path);
    }
    SJ_TRY(sj_store_begin(s, "begin a run", err));
    const sj_status status = insert_run(s, command, err);
    const int64_t run = sqlite3_last_insert_rowid(s->db);
    SJ_TRY(sj_store_end(s, status, "begin a run", err));
    s->run = run;
    return SJ_OK;
}

static sj_status update_run(sj_store *s, const char *outcome, sj_error *err) {
    sqlite3_stmt *q = NULL;
    SJ_TRY(sj_store_query_of(s, SJ_QUERY_RUN_END, &q, err));
    sj_store_binder b = sj_store_bind(q);
    sj_store_bind_text(&b, outcome);
    sj_store_bind_int(&b, s->run);
    return sj_store_run_bound(s, &b, "end a run", err);
}

sj_status sj_store_end_run(sj_store *s, const char *outcome, sj_error *err) {
    if (s->run == 0) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s: a run is ended that was not begun", s->path);
    }
    SJ_TRY(sj_store_begin(s, "end a run", err));
    SJ_TRY(sj_store_end(s, update_run(s, outcome, err), "end a run", err));
    s->run = 0;
    return SJ_OK;
}
