// SPDX-License-Identifier: Apache-2.0
// A sweep cut into tasks, each of which leaves a shard: a store of its own.
#include <errno.h>
#include <omp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sj_file.h"
#include "sj_sweep_internal.h"

enum { CHUNK = 64, COPY_BYTES = 1 << 20 };

// ---- which points

static int64_t chunks_a_task(const sj_sweep *s) { return (s->config.slurm.points_per_task + CHUNK - 1) / CHUNK; }

static int64_t points_a_chunk(const sj_sweep *s) { return (s->config.slurm.points_per_task + chunks_a_task(s) - 1) / chunks_a_task(s); }

sj_status sj_sweep_each_chunk(const sj_sweep *s, sj_status (*each)(void *context, int64_t task, const uint64_t *ids, int64_t count, sj_error *err), void *context, sj_error *err) {
    sj_plan *plan;
    if (s->config.strategy.kind == SJ_STRATEGY_NSGA2) {
        return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "%s: strategy.kind = \"nsga2\" chooses its points by results and runs on one machine; a cluster takes grid, random or sobol", s->config.path);
    }
    SJ_TRY(sj_plan_open(&s->config.strategy, &s->config.space, points_a_chunk(s), &plan, err));
    sj_status status = SJ_OK;
    for (int64_t chunk = 0; status == SJ_OK; chunk++) {
        uint64_t ids[SJ_CHUNK_MAX];
        int64_t count = 0;
        bool waits = false;
        status = sj_plan_next(plan, ids, &count, &waits, err);
        if (status != SJ_OK || count == 0) {
            break;
        }
        status = each(context, chunk / chunks_a_task(s), ids, count, err);
    }
    sj_plan_close(plan);
    return status;
}

static sj_status count_task(void *context, int64_t task, const uint64_t *ids, int64_t count, sj_error *err) {
    (void)ids;
    (void)count;
    (void)err;
    *(int64_t *)context = task + 1;
    return SJ_OK;
}

sj_status sj_sweep_task_count(sj_sweep *s, int64_t *count, sj_error *err) {
    *count = 0;
    return sj_sweep_each_chunk(s, count_task, count, err);
}

// ---- one task

typedef struct task_work {
    sj_worker worker;
    int64_t task, points;
} task_work;

static sj_status work_in_task(void *context, int64_t task, const uint64_t *ids, int64_t count, sj_error *err) {
    task_work *w = context;
    if (task != w->task) {
        return SJ_OK;
    }
    w->points += count;
    return sj_work_on(&w->worker, ids, count, err);
}

static bool is_stopped(void *context) {
    const sj_sweep *s = context;
    return s->request->stopped != NULL && s->request->stopped();
}

static sj_status fill(sj_sweep *s, int64_t task, const char *path, sj_error *err) {
    task_work w = {.worker = {.sweep = s}, .task = task};
    omp_set_num_threads(1);
    SJ_TRY(sj_store_create(path, &s->about, &w.worker.store, err));
    sj_status status = sj_store_begin_run(w.worker.store, s->request->command, err);
    status = status == SJ_OK ? sj_sweep_open_evaluator(s, is_stopped, s, &w.worker.evaluator, err) : status;
    status = status == SJ_OK ? sj_sweep_each_chunk(s, work_in_task, &w, err) : status;
    status = status == SJ_OK ? sj_store_end_run(w.worker.store, "done", err) : status;
    sj_evaluator_close(w.worker.evaluator);
    sj_store_close(w.worker.store);
    if (status == SJ_OK && w.points == 0) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "task %lld: the sweep has fewer tasks", (long long)task);
    }
    return status;
}

static sj_status copy_bytes(FILE *from, const char *name, sj_atomic_file *to, sj_error *err) {
    char *buffer = malloc(COPY_BYTES);
    if (buffer == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory to copy it", name);
    }
    size_t bytes;
    bool written = true;
    while (written && (bytes = fread(buffer, 1, COPY_BYTES, from)) > 0) {
        written = fwrite(buffer, 1, bytes, to->stream) == bytes;
    }
    free(buffer);
    if (ferror(from)) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot be read: %s", name, strerror(errno));
    }
    return written ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "%s: cannot be written: %s", to->path, strerror(errno));
}

static sj_status copy_file(const char *from, const char *to, sj_error *err) {
    FILE *f = fopen(from, "rb");
    sj_atomic_file out;
    if (f == NULL) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot be opened: %s", from, strerror(errno));
    }
    sj_status status = sj_atomic_open(&out, to, err);
    if (status == SJ_OK) {
        status = copy_bytes(f, from, &out, err);
        if (status == SJ_OK) {
            status = sj_atomic_commit(&out, err);
        } else {
            sj_atomic_abandon(&out);
        }
    }
    fclose(f);
    return status;
}

sj_status sj_sweep_file(const sj_sweep *s, char path[SJ_SWEEP_PATH_MAX], sj_error *err, const char *format, ...) {
    va_list arguments;
    const int used = snprintf(path, SJ_SWEEP_PATH_MAX, "%s/", s->request->dir);
    va_start(arguments, format);
    const int more = used < SJ_SWEEP_PATH_MAX ? vsnprintf(path + used, (size_t)(SJ_SWEEP_PATH_MAX - used), format, arguments) : SJ_SWEEP_PATH_MAX;
    va_end(arguments);
    return used + more < SJ_SWEEP_PATH_MAX ? SJ_OK : SJ_FAIL(err, SJ_ERR_RANGE, "%s: a path of more than %d bytes", s->request->dir, SJ_SWEEP_PATH_MAX - 1);
}

static void remove_local(const char *path) {
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    char file[SJ_SWEEP_PATH_MAX + 16];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(file, sizeof file, "%s%s", path, ends[i]);
        unlink(file);
    }
}

sj_status sj_sweep_run_task(sj_sweep *s, int64_t task, sj_error *err) {
    const char *folder = getenv("TMPDIR");
    char local[SJ_SWEEP_PATH_MAX], shard[SJ_SWEEP_PATH_MAX];
    if (snprintf(local, sizeof local, "%s/skipjoule-%ld-%lld.sqlite", folder != NULL && *folder != '\0' ? folder : "/tmp", (long)getpid(), (long long)task) >= (int)sizeof local) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "TMPDIR: a path of more than %d bytes", SJ_SWEEP_PATH_MAX - 1);
    }
    SJ_TRY(sj_sweep_file(s, shard, err, "shards"));
    if (mkdir(shard, 0777) != 0 && errno != EEXIST) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot be made: %s", shard, strerror(errno));
    }
    SJ_TRY(sj_sweep_file(s, shard, err, "shards/%lld.sqlite", (long long)task));
    // Of this sweep, as it is now? And has the task left its shard before, started again without need?
    sj_store *store;
    SJ_TRY(sj_store_open(s->store_path, &s->about, &store, err));
    sj_store_close(store);
    sj_error ignored;
    if (sj_path_exists(shard) && sj_store_open(shard, &s->about, &store, &ignored) == SJ_OK) {
        sj_store_close(store);
        return SJ_OK;
    }
    remove_local(local);  // of a process of the same number that was killed
    sj_status status = fill(s, task, local, err);
    status = status == SJ_OK ? copy_file(local, shard, err) : status;
    remove_local(local);
    return status;
}
