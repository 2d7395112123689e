// SPDX-License-Identifier: Apache-2.0
// A run in and out of checkpoint.bin. Sections beside the model's (sj_state.h): "config" (the resolved text without the data folder), "data" and "network" (hashes of what was trained on, and of the network's file), "arithmetic" (what computed), "position", "rows" (metrics.csv), "ledger",
// and of GradSamp "gradsamp/last", "gradsamp/before". Traced steps lie in trace.partial.h5, which is replaced before checkpoint.bin is: a process that
// ends between the two leaves steps there that are traced again.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#include "sj_file.h"
#include "sj_run.h"
#include "sj_state.h"

enum { ARITHMETIC_MAX = SJ_PRODUCT_LIBRARY_MAX + 128 };

static sj_status config_text(const sj_run *r, char **out, sj_error *err) {
    sj_train_config c = sj_train_resolved(r->config, r->result);  // so that a run's own config.cfg resumes it
    c.data_dir[0] = '\0';  // the data may have moved; their hash tells whether they are the same
    return sj_train_config_text(&c, out, err);
}

static sj_status add_text(sj_checkpoint_writer *w, const char *name, const char *text, sj_error *err) { return sj_checkpoint_add(w, name, text, strlen(text), err); }

static sj_status add_ledger(sj_run *r, sj_checkpoint_writer *w, sj_error *err) {
    void *rows;
    size_t bytes;
    SJ_TRY(sj_trace_ledger_pack(r->trace, &rows, &bytes, err));
    const sj_status status = sj_checkpoint_add(w, "ledger", rows, bytes, err);
    free(rows);
    return status;
}

// What computes: another processor, program or library may round otherwise; GradSamp and schedules take log, cos and pow from the C library.
static const char *arithmetic(const sj_run *r, char text[ARITHMETIC_MAX]) {
    char library[SJ_PRODUCT_LIBRARY_MAX];
#ifdef __GLIBC__
    const char *libc = gnu_get_libc_version();
#else
    const char *libc = "unknown";
#endif
    (void)snprintf(text, ARITHMETIC_MAX, "skipjoule %.32s, %s, kernels %s, C library %.16s", r->options->version, sj_product_library(library), sj_kernels_name(), libc);
    return text;
}

static sj_status add_all(sj_run *r, sj_checkpoint_writer *w, const char *config, sj_error *err) {
    char text[ARITHMETIC_MAX];
    SJ_TRY(add_text(w, "config", config, err));
    SJ_TRY(sj_checkpoint_add(w, "data", &r->data_hash, sizeof r->data_hash, err));
    SJ_TRY(sj_checkpoint_add(w, "network", r->model_hash, sizeof r->model_hash, err));
    SJ_TRY(add_text(w, "arithmetic", arithmetic(r, text), err));
    SJ_TRY(sj_checkpoint_add(w, "position", &r->at, sizeof r->at, err));
    SJ_TRY(sj_checkpoint_add(w, "rows", r->rows, r->row_bytes, err));
    if (r->trace != NULL) {  // a finished run's is in trace.h5
        SJ_TRY(add_ledger(r, w, err));
    }
    if (r->samples.last != NULL) {
        const size_t bytes = (size_t)r->samples.count * sizeof *r->samples.last;
        SJ_TRY(sj_checkpoint_add(w, "gradsamp/last", r->samples.last, bytes, err));
        SJ_TRY(sj_checkpoint_add(w, "gradsamp/before", r->samples.before, bytes, err));
    }
    return sj_state_add_model(w, r->model, err);
}

static sj_status write_checkpoint(sj_run *r, const char *config, sj_error *err) {
    char path[SJ_RUN_PATH_MAX];
    sj_checkpoint_writer *w;
    SJ_TRY(sj_checkpoint_create(sj_run_path(r, "checkpoint.bin", path), &w, err));
    const sj_status status = add_all(r, w, config, err);
    if (status != SJ_OK) {
        sj_checkpoint_abandon(w);
        return status;
    }
    return sj_checkpoint_commit(w, err);
}

sj_status sj_run_save(sj_run *r, sj_error *err) {
    char path[SJ_RUN_PATH_MAX], *config;
    sj_run_replace(r);
    if (r->trace != NULL && r->at.traced > 0) {
        SJ_TRY(sj_trace_save(r->trace, sj_run_path(r, SJ_RUN_PARTIAL, path), err));
    }
    SJ_TRY(config_text(r, &config, err));
    const sj_status status = write_checkpoint(r, config, err);
    free(config);
    (void)clock_gettime(CLOCK_MONOTONIC, &r->last_checkpoint);
    return status == SJ_OK && r->options->saved != NULL ? r->options->saved(r->options->context, r->result, err) : status;
}

bool sj_run_checkpoint_is_due(const sj_run *r) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    const double seconds = (double)(now.tv_sec - r->last_checkpoint.tv_sec) + 1e-9 * (double)(now.tv_nsec - r->last_checkpoint.tv_nsec);
    return r->config->checkpoint_minutes > 0.0 && seconds >= 60.0 * r->config->checkpoint_minutes;
}

static sj_status refuse_config(const char *path, const char *now, const char *then, sj_error *err) {
    sj_config *a = NULL, *b = NULL;
    sj_config_change change = {"", "", ""};
    sj_status status = sj_config_parse(then, path, &a, err);
    status = status == SJ_OK ? sj_config_parse(now, "the configuration", &b, err) : status;
    if (status == SJ_OK) {
        (void)sj_config_difference(a, b, &change);
        status = SJ_FAIL(err, SJ_ERR_CONFIG, "%s was made with %s = %s, and the configuration now has %s; a run goes on as it was started, or another one is written elsewhere", path, change.path,
                         change.a[0] != '\0' ? change.a : "nothing", change.b[0] != '\0' ? change.b : "nothing");
    }
    sj_config_close(a);
    sj_config_close(b);
    return status;
}

static sj_status check_config(const sj_run *r, const sj_checkpoint *c, const char *path, sj_error *err) {
    char *now, *then = NULL;
    const int64_t bytes = sj_checkpoint_size(c, "config");
    SJ_TRY(config_text(r, &now, err));
    sj_status status = sj_alloc((void **)&then, (uint64_t)(bytes > 0 ? bytes : 0) + 1, 1, "the checkpoint's configuration", err);
    if (status == SJ_OK) {
        status = sj_checkpoint_get(c, "config", then, (size_t)(bytes > 0 ? bytes : 0), err);
    }
    if (status == SJ_OK && strcmp(now, then) != 0) {
        status = refuse_config(path, now, then, err);
    }
    free(then);
    free(now);
    return status;
}

static sj_status check_data(const sj_run *r, const sj_checkpoint *c, const char *path, sj_error *err) {
    uint64_t hash;
    SJ_TRY(sj_checkpoint_get(c, "data", &hash, sizeof hash, err));
    if (hash != r->data_hash) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "%s was made from other data: images and labels of %s then hashed to %016llx, now to %016llx", path, r->config->data_name,
                       (unsigned long long)hash, (unsigned long long)r->data_hash);
    }
    return SJ_OK;
}

static sj_status check_network(const sj_run *r, const sj_checkpoint *c, const char *path, sj_error *err) {
    char hash[sizeof r->model_hash];
    SJ_TRY(sj_checkpoint_get(c, "network", hash, sizeof hash, err));
    return memcmp(hash, r->model_hash, sizeof hash) == 0 ? SJ_OK
                                                         : SJ_FAIL(err, SJ_ERR_CONFIG, "%s was made with another version of %s: its content then hashed to %.16s, now to %s", path,
                                                                   r->options->model_path, hash, r->model_hash);
}

static sj_status check_arithmetic(const sj_run *r, const sj_checkpoint *c, const char *path, sj_error *err) {
    char now[ARITHMETIC_MAX];
    const int64_t bytes = sj_checkpoint_size(c, "arithmetic");
    const char *then = sj_checkpoint_data(c, "arithmetic");
    (void)arithmetic(r, now);
    if (then == NULL || bytes != (int64_t)strlen(now) || memcmp(then, now, (size_t)bytes) != 0) {
        return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "%s was computed by %.*s, and here it would be %s, which rounds otherwise: the run cannot go on bit for bit", path,
                       then != NULL ? (int)bytes : 7, then != NULL ? then : "nothing", now);
    }
    return SJ_OK;
}

static sj_status get_rows(sj_run *r, const sj_checkpoint *c, sj_error *err) {
    const int64_t bytes = sj_checkpoint_size(c, "rows");
    char *rows = NULL;
    SJ_TRY(sj_alloc((void **)&rows, (uint64_t)(bytes > 0 ? bytes : 0) + 1, 1, "metrics.csv", err));
    const sj_status status = sj_checkpoint_get(c, "rows", rows, (size_t)(bytes > 0 ? bytes : 0), err);
    if (status != SJ_OK) {
        free(rows);
        return status;
    }
    free(r->rows);
    r->rows = rows;
    r->row_bytes = (size_t)bytes;
    return SJ_OK;
}

static sj_status get_gradsamp(sj_run *r, const sj_checkpoint *c, sj_error *err) {
    if (r->samples.last == NULL) {
        return SJ_OK;
    }
    const size_t bytes = (size_t)r->samples.count * sizeof *r->samples.last;
    SJ_TRY(sj_checkpoint_get(c, "gradsamp/last", r->samples.last, bytes, err));
    return sj_checkpoint_get(c, "gradsamp/before", r->samples.before, bytes, err);
}

static sj_status open_trace(sj_run *r, const sj_checkpoint *c, const sj_trace_meta *meta, sj_error *err) {
    char partial[SJ_RUN_PATH_MAX], final[SJ_RUN_PATH_MAX];
    (void)sj_run_path(r, "trace.h5", final);
    if (r->at.traced > 0) {
        SJ_TRY(sj_trace_resume(sj_run_path(r, SJ_RUN_PARTIAL, partial), final, meta, &r->model->net.network, r->at.traced, &r->trace, err));
    } else {
        SJ_TRY(sj_trace_create(final, meta, &r->model->net.network, &r->trace, err));
    }
    const int64_t bytes = sj_checkpoint_size(c, "ledger");
    return sj_trace_ledger_unpack(r->trace, sj_checkpoint_data(c, "ledger"), (size_t)(bytes > 0 ? bytes : 0), err);
}

static sj_status restore(sj_run *r, const sj_checkpoint *c, const sj_trace_meta *meta, const char *path, sj_error *err) {
    SJ_TRY(check_config(r, c, path, err));
    SJ_TRY(check_data(r, c, path, err));
    SJ_TRY(check_network(r, c, path, err));
    SJ_TRY(check_arithmetic(r, c, path, err));
    SJ_TRY(sj_checkpoint_get(c, "position", &r->at, sizeof r->at, err));
    SJ_TRY(get_rows(r, c, err));
    SJ_TRY(get_gradsamp(r, c, err));
    SJ_TRY(sj_state_get_model(c, r->model, err));
    return r->at.finished != 0 ? SJ_OK : open_trace(r, c, meta, err);
}

sj_status sj_run_restore(sj_run *r, const sj_trace_meta *meta, bool *found, sj_error *err) {
    char path[SJ_RUN_PATH_MAX];
    *found = sj_path_exists(sj_run_path(r, "checkpoint.bin", path));
    if (!*found) {
        return SJ_OK;
    }
    sj_checkpoint *c;
    SJ_TRY(sj_checkpoint_open(path, &c, err));
    const sj_status status = restore(r, c, meta, path, err);
    sj_checkpoint_close(c);
    return status;
}
