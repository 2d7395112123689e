// SPDX-License-Identifier: Apache-2.0
// From shards to one store, and what is missing then.
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sj_file.h"
#include "sj_sweep_internal.h"

// ---- shards

// "12.sqlite" is task 12; -1: another file.
static int64_t task_of(const char *name) {
    char *end;
    errno = 0;
    const long long task = strtoll(name, &end, 10);
    return errno == 0 && end != name && name[0] >= '0' && name[0] <= '9' && strcmp(end, ".sqlite") == 0 ? (int64_t)task : -1;
}

static sj_status put_away(const char *shard, const char *why, sj_sweep_merged *out, sj_error *err) {
    char aside[SJ_SWEEP_PATH_MAX + 16];
    snprintf(aside, sizeof aside, "%.*s.corrupt", (int)(strlen(shard) - strlen(".sqlite")), shard);
    if (out->corrupt++ == 0) {
        snprintf(out->why_corrupt, sizeof out->why_corrupt, "%.*s", (int)sizeof out->why_corrupt - 1, why);
    }
    return rename(shard, aside) == 0 ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "%s: cannot be renamed to %s: %s", shard, aside, strerror(errno));
}

static sj_status merge_one(const sj_sweep *s, sj_store *store, int64_t task, sj_sweep_merged *out, sj_error *err) {
    char shard[SJ_SWEEP_PATH_MAX];
    SJ_TRY(sj_sweep_file(s, shard, err, "shards/%lld.sqlite", (long long)task));
    const sj_status status = sj_store_merge(store, shard, NULL, err);
    if (status == SJ_ERR_FORMAT || status == SJ_ERR_CONFIG) {  // damaged, or of another sweep: its task counts as missing
        return put_away(shard, err->message, out, err);
    }
    SJ_TRY(status);
    out->shards++;
    return unlink(shard) == 0 ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "%s: cannot be removed: %s", shard, strerror(errno));
}

static sj_status merge_all(const sj_sweep *s, sj_store *store, sj_sweep_merged *out, sj_error *err) {
    char folder[SJ_SWEEP_PATH_MAX];
    SJ_TRY(sj_sweep_file(s, folder, err, "shards"));
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return errno == ENOENT ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "%s: cannot be read: %s", folder, strerror(errno));
    }
    sj_status status = SJ_OK;
    for (struct dirent *entry; status == SJ_OK && (entry = readdir(dir)) != NULL;) {
        const int64_t task = task_of(entry->d_name);
        status = task >= 0 ? merge_one(s, store, task, out, err) : SJ_OK;
    }
    closedir(dir);
    return status;
}

// ---- what is missing

typedef struct search {
    sj_store *store;
    sj_sweep_merged *out;
    int64_t room;
} search;

static sj_status look(void *context, int64_t task, const uint64_t *ids, int64_t count, sj_error *err) {
    search *f = context;
    sj_sweep_merged *out = f->out;
    bool done[SJ_CHUNK_MAX], all = true;
    if (out->missing_count > 0 && out->missing[out->missing_count - 1] == task) {
        return SJ_OK;
    }
    SJ_TRY(sj_store_has(f->store, ids, count, done, err));
    for (int64_t i = 0; i < count; i++) {
        all = all && done[i];
    }
    if (all) {
        return SJ_OK;
    }
    if (out->missing_count == f->room) {
        const int64_t room = f->room == 0 ? 64 : 2 * f->room;
        int64_t *larger = realloc(out->missing, (size_t)room * sizeof *larger);
        if (larger == NULL) {
            return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for the tasks that are missing");
        }
        out->missing = larger;
        f->room = room;
    }
    out->missing[out->missing_count++] = task;
    return SJ_OK;
}

static sj_status merge_and_look(sj_sweep *s, sj_sweep_merged *out, sj_error *err) {
    sj_store *store;
    SJ_TRY(sj_store_open(s->store_path, &s->about, &store, err));
    search f = {store, out, 0};
    sj_status status = merge_all(s, store, out, err);
    status = status == SJ_OK ? sj_sweep_each_chunk(s, look, &f, err) : status;
    sj_store_close(store);
    return status;
}

sj_status sj_sweep_merge(sj_sweep *s, sj_sweep_merged *out, sj_error *err) {
    int lock = -1;
    memset(out, 0, sizeof *out);
    char folder[SJ_SWEEP_PATH_MAX];
    SJ_TRY(sj_sweep_file(s, folder, err, "shards"));
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot be made: %s", folder, strerror(errno));
    }
    SJ_TRY(sj_lock_dir(folder, &lock, err));  // not the sweep's folder, which whoever watches shares
    const sj_status status = merge_and_look(s, out, err);
    if (lock >= 0) {
        close(lock);
    }
    if (status != SJ_OK) {
        free(out->missing);
        memset(out, 0, sizeof *out);
    }
    return status;
}
