// SPDX-License-Identifier: Apache-2.0
// Opening a sweep: what it is about, and its folder.
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sj_file.h"
#include "sj_hash.h"
#include "sj_sweep_internal.h"

static const char store_name[] = "results.sqlite";

// ---- what it is about

static sj_status phase_of(const char *name, const char *path, int *phase, sj_error *err) {
    const char *names[SJ_PHASE_COUNT];
    *phase = -1;
    for (int p = 0; p < SJ_PHASE_COUNT; p++) {
        names[p] = sj_phase_name((sj_phase)p);
        if (name != NULL && strcmp(name, names[p]) == 0) {
            *phase = p;
        }
    }
    if (name == NULL || *phase >= 0) {
        return SJ_OK;
    }
    const char *nearest = sj_nearest_name(name, names, SJ_PHASE_COUNT);
    return SJ_FAIL(err, SJ_ERR_CONFIG, "%s: phase: \"%s\"; allowed: forward, grad_input, grad_weight, elementwise, update%s%s%s", path, name, nearest != NULL ? "; did you mean \"" : "",
                   nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
}

sj_status sj_sweep_open_evaluator(const sj_sweep *s, bool (*stopped)(void *context), void *context, sj_evaluator **out, sj_error *err) {
    const sj_sweep_config *c = &s->config;
    sj_evaluator_options o = {.trace_count = s->request->trace_count, .traces = s->request->traces, .weights = s->weights, .step = c->step, .batch = c->batch, .fuse = c->fuse, .quantise = c->quantise,
                              .stopped = stopped, .context = context};
    o.selection = (sj_selection){c->layer_count, (const char *const *)c->layers, -1};
    o.batch_varies = sj_space_find(&c->space, "batch") >= 0;
    SJ_TRY(phase_of(c->phase, c->path, &o.selection.phase, err));
    const sj_status status = sj_evaluator_open(&o, out, err);
    if (status != SJ_ERR_USAGE) {
        return status;
    }
    (void)sj_error_prefix(err, "%s", c->path);  // step and layers stand in the file, not in the call
    return err->status = SJ_ERR_CONFIG;
}

static sj_status set_weights(sj_sweep *s, sj_error *err) {
    const int traces = s->request->trace_count;
    if (traces < 1 || traces > SJ_SWEEP_TRACES_MAX) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "%d traces; allowed: 1 to %d", traces, SJ_SWEEP_TRACES_MAX);
    }
    if (s->config.weight_count != 0 && s->config.weight_count != traces) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "%s: weights: one number a trace is allowed; there are %d for %d", s->config.path, s->config.weight_count, traces);
    }
    for (int t = 0; t < traces; t++) {
        s->weights[t] = s->config.weight_count != 0 ? s->config.weights[t] : 1.0;
    }
    return SJ_OK;
}

// The units' names live as long as the sweep: copies of pointers into the copy of the evaluator's networks would not.
static sj_status name_units(sj_sweep_trace *t, const sj_evaluator *e, int trace, sj_error *err) {
    const int64_t count = sj_evaluator_unit_count(e, trace);
    void *memory;
    SJ_TRY(sj_alloc(&memory, 3 * (uint64_t)count, sizeof(char *), "the layers of a trace", err));
    const char **names = memory;
    t->unit_layers = names;
    t->unit_kinds = names + count;
    t->unit_phases = names + 2 * count;
    t->unit_count = count;
    for (int64_t u = 0; u < count; u++) {
        const sj_unit *unit = sj_evaluator_unit(e, trace, u);
        names[u] = strdup(unit->layer);
        names[count + u] = sj_kind_name(unit->kind);
        names[2 * count + u] = sj_phase_name(unit->phase);
        if (names[u] == NULL) {
            return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for the layers of a trace");
        }
    }
    return SJ_OK;
}

static sj_status describe_trace(sj_sweep *s, const sj_evaluator *e, int trace, sj_error *err) {
    sj_sweep_trace *t = &s->traces[trace];
    char *whole = realpath(s->request->traces[trace], NULL);  // a report's commands are run anywhere
    s->trace_paths[trace] = whole;
    t->path = whole != NULL ? whole : s->request->traces[trace];
    t->weight = s->weights[trace];
    s->trace_texts[trace] = strdup(sj_evaluator_describe(e, trace));
    t->describe = s->trace_texts[trace];
    if (t->describe == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for the description of a trace");
    }
    SJ_TRY(sj_file_hash(t->path, t->hash, err));
    return name_units(t, e, trace, err);
}

static sj_status describe_traces(sj_sweep *s, sj_error *err) {
    const uint64_t count = (uint64_t)s->request->trace_count;
    void *memory;
    sj_evaluator *e;
    SJ_TRY(sj_alloc(&memory, count, sizeof *s->traces, "traces", err));
    s->traces = memory;
    SJ_TRY(sj_alloc(&memory, count, sizeof *s->trace_texts, "traces", err));
    s->trace_texts = memory;
    SJ_TRY(sj_alloc(&memory, count, sizeof *s->trace_paths, "traces", err));
    s->trace_paths = memory;
    SJ_TRY(sj_sweep_open_evaluator(s, NULL, NULL, &e, err));
    sj_status status = SJ_OK;
    for (int t = 0; t < s->request->trace_count && status == SJ_OK; t++) {
        status = describe_trace(s, e, t, err);
    }
    sj_evaluator_close(e);
    return status;
}

sj_status sj_sweep_identify(sj_builder *builder, const sj_sweep_trace *traces, int trace_count, const char *version, char identity[17], sj_error *err) {
    uint64_t hash;
    SJ_TRY(sj_builder_identity(builder, &hash, err));
    for (int t = 0; t < trace_count; t++) {
        char text[64];
        snprintf(text, sizeof text, "%s %.17g", traces[t].hash, traces[t].weight);
        hash = sj_hash_bytes(hash, text, strlen(text));
    }
    hash = sj_hash_bytes(hash, version, strlen(version));
    snprintf(identity, 17, "%016llx", (unsigned long long)hash);
    return SJ_OK;
}

static sj_status count_points(sj_sweep *s, sj_error *err) {
    sj_strategy *strategy;
    SJ_TRY(sj_strategy_open(&s->config.strategy, &s->config.space, &strategy, err));
    s->about.total = sj_strategy_total(strategy);
    sj_strategy_close(strategy);
    return SJ_OK;
}

static sj_status tell_about(sj_sweep *s, sj_error *err) {
    SJ_TRY(set_weights(s, err));
    SJ_TRY(describe_traces(s, err));
    SJ_TRY(sj_sweep_identify(s->builder, s->traces, s->request->trace_count, s->request->version, s->identity, err));
    s->about = (sj_sweep_about){.name = s->config.name, .version = s->request->version, .config = s->config.text, .identity = s->identity, .space = &s->config.space,
                                .objective_count = s->config.objective_count, .trace_count = s->request->trace_count, .traces = s->traces};
    memcpy(s->about.objectives, s->config.objectives, sizeof s->about.objectives);
    return count_points(s, err);
}

// ---- opening

static sj_status name_store(sj_sweep *s, sj_error *err) {
    const size_t size = strlen(s->request->dir) + sizeof store_name + 1;
    s->store_path = malloc(size);
    if (s->store_path == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for a file's name", s->request->dir);
    }
    snprintf(s->store_path, size, "%s/%s", s->request->dir, store_name);
    return SJ_OK;
}

sj_status sj_sweep_open(const sj_sweep_request *request, sj_sweep **out, sj_error *err) {
    void *memory;
    *out = NULL;
    SJ_TRY(sj_alloc(&memory, 1, sizeof(sj_sweep), "a sweep", err));
    sj_sweep *s = memory;
    s->request = request;
    s->lock = -1;
    sj_status status = sj_sweep_config_open(request->config, request->overrides, request->override_count, &s->config, err);
    status = status == SJ_OK ? name_store(s, err) : status;
    status = status == SJ_OK ? sj_builder_open(&s->config, request->find, &s->builder, err) : status;
    status = status == SJ_OK ? tell_about(s, err) : status;
    if (status != SJ_OK) {
        sj_sweep_close(s);
        return status;
    }
    *out = s;
    return SJ_OK;
}

void sj_sweep_close(sj_sweep *s) {
    if (s == NULL) {
        return;
    }
    for (int t = 0; t < s->request->trace_count; t++) {
        if (s->trace_texts != NULL) {
            free(s->trace_texts[t]);
        }
        if (s->trace_paths != NULL) {
            free(s->trace_paths[t]);
        }
        for (int64_t u = 0; s->traces != NULL && u < s->traces[t].unit_count; u++) {
            free((void *)(uintptr_t)s->traces[t].unit_layers[u]);
        }
        if (s->traces != NULL) {
            free((void *)(uintptr_t)s->traces[t].unit_layers);
        }
    }
    free(s->trace_texts);
    free(s->trace_paths);
    free(s->traces);
    free(s->store_path);
    if (s->lock >= 0) {
        close(s->lock);
    }
    sj_builder_close(s->builder);
    sj_sweep_config_close(&s->config);
    free(s);
}

const sj_sweep_config *sj_sweep_get_config(const sj_sweep *s) { return &s->config; }

const sj_sweep_about *sj_sweep_get_about(const sj_sweep *s) { return &s->about; }

sj_builder *sj_sweep_get_builder(sj_sweep *s) { return s->builder; }

// ---- the folder

static sj_status remove_file(const char *path, sj_error *err) {
    return unlink(path) == 0 || errno == ENOENT ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "%s: cannot be removed: %s", path, strerror(errno));
}

// Of an earlier sweep: the store with SQLite's own files beside it, and what a cluster's jobs have left.
static sj_status remove_earlier(const sj_sweep *s, sj_error *err) {
    static const char *const names[] = {"results.sqlite", "results.sqlite-wal", "results.sqlite-shm", "results.sqlite-journal", "slurm/complete", "slurm/failed", "slurm/cancelled", "slurm/jobs"};
    char path[SJ_SWEEP_PATH_MAX];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        SJ_TRY(sj_sweep_file(s, path, err, "%s", names[i]));
        SJ_TRY(remove_file(path, err));
    }
    SJ_TRY(sj_sweep_file(s, path, err, "shards"));
    DIR *dir = opendir(path);
    sj_status status = SJ_OK;
    for (struct dirent *entry; dir != NULL && status == SJ_OK && (entry = readdir(dir)) != NULL;) {
        const bool shard = strstr(entry->d_name, ".sqlite") != NULL || strstr(entry->d_name, ".corrupt") != NULL;
        status = shard ? sj_sweep_file(s, path, err, "shards/%s", entry->d_name) : SJ_OK;
        status = shard && status == SJ_OK ? remove_file(path, err) : status;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return status;
}

static sj_status write_config(const sj_sweep *s, sj_error *err) {
    char path[SJ_SWEEP_PATH_MAX];
    sj_atomic_file f;
    SJ_TRY(sj_sweep_file(s, path, err, "config.cfg"));
    SJ_TRY(sj_atomic_open(&f, path, err));
    fputs(s->config.text, f.stream);
    return sj_atomic_commit(&f, err);
}

// Jobs of a cluster that may still be in its queue would write into the new sweep.
static sj_status check_cluster(const sj_sweep *s, sj_error *err) {
    static const char *const ends[] = {"complete", "cancelled", "failed"};
    char path[SJ_SWEEP_PATH_MAX];
    SJ_TRY(sj_sweep_file(s, path, err, "slurm/jobs"));
    bool open = sj_path_exists(path);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        SJ_TRY(sj_sweep_file(s, path, err, "slurm/%s", ends[i]));
        open = open && !sj_path_exists(path);
    }
    return open ? SJ_FAIL(err, SJ_ERR_EXISTS, "%s: jobs of a sweep may be in a cluster's queue; --launcher slurm --cancel it first", s->request->dir) : SJ_OK;
}

static sj_status begin_locked(sj_sweep *s, bool force, sj_error *err) {
    sj_store *store;
    SJ_TRY(check_cluster(s, err));
    SJ_TRY(sj_make_run_dir(s->request->dir, force, err));
    SJ_TRY(remove_earlier(s, err));
    SJ_TRY(write_config(s, err));
    SJ_TRY(sj_sweep_write_provenance(s, err));
    SJ_TRY(sj_store_create(s->store_path, &s->about, &store, err));
    sj_store_close(store);
    return SJ_OK;
}

// Nobody else may be at work there; from then on this process is one of those who are.
sj_status sj_sweep_begin(sj_sweep *s, bool force, sj_error *err) {
    int alone = -1;
    if (!force && sj_path_exists(s->store_path)) {
        return SJ_FAIL(err, SJ_ERR_EXISTS, "%s: there is a sweep already; --resume goes on with it, --force begins anew", s->request->dir);
    }
    if (sj_path_exists(s->request->dir) && sj_lock_dir(s->request->dir, &alone, err) != SJ_OK) {
        return err->status == SJ_ERR_EXISTS ? SJ_FAIL(err, SJ_ERR_EXISTS, "%s: another process works on the sweep there; --resume joins it", s->request->dir) : err->status;
    }
    const sj_status status = begin_locked(s, force, err);
    if (alone >= 0) {
        close(alone);
    }
    return status == SJ_OK ? sj_share_dir(s->request->dir, &s->lock, err) : status;
}

sj_status sj_sweep_resume(sj_sweep *s, sj_error *err) {
    sj_store *store;
    if (!sj_path_exists(s->store_path)) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: there is no sweep to resume; without --resume a new one begins", s->request->dir);
    }
    SJ_TRY(s->lock < 0 ? sj_share_dir(s->request->dir, &s->lock, err) : SJ_OK);
    SJ_TRY(sj_store_open(s->store_path, &s->about, &store, err));
    const sj_status status = sj_store_renew(store, &s->about, err);
    sj_store_close(store);
    return status == SJ_OK ? write_config(s, err) : status;
}
