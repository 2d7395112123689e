// SPDX-License-Identifier: Apache-2.0
#include "sj_train.h"

#include <stdio.h>
#include <stdlib.h>

#include "sj_file.h"
#include "sj_memory.h"
#include "sj_run.h"

static sj_model_options model_options(const sj_train_config *c) {
    return (sj_model_options){.batch = c->batch_size, .seed = c->seed, .bf16 = c->bf16, .native_bf16 = c->bf16 && sj_cpu_has_bf16(), .algorithm = c->algorithm,
                              .optimizer = c->optimizer.kind, .gather = !c->ssprop.mask};
}

static sj_status refuse_memory(const sj_run *r, const sj_net *net, double bytes, int64_t available, sj_error *err) {
    return SJ_FAIL(err, SJ_ERR_MEMORY, "network %s at batch_size %lld needs about %.4g GiB of memory, and %.4g GiB are available; a smaller batch_size or network.width needs less",
                   net->network.name, (long long)r->config->batch_size, bytes * 0x1p-30, (double)available * 0x1p-30);
}

// Weights three times (value, gradient, one in oneDNN's layout) and outputs once: below what a model holds, and told without making a product, which by itself might be too large.
static double least_bytes(const sj_net *net, int64_t batch, bool bf16) {
    double bytes = 0.0;
    for (int i = 0; i < net->network.layer_count; i++) {
        const sj_layer_info *l = &net->network.layers[i];
        const bool product = l->kind == SJ_KIND_CONV || l->kind == SJ_KIND_LINEAR;
        if (product) {
            bytes += 3.0 * sizeof(float) * (double)l->out.c * (double)l->kernel_h * (double)l->kernel_w * (double)l->in.c;
            bytes += (bf16 ? 2.0 : 4.0) * (double)batch * (double)sj_dims_count(l->out);
        }
    }
    return bytes;
}

// Of the model alone; docs/training.md section 5 tells what is not foreseen.
static sj_status check_memory(const sj_net *net, const sj_run *r, sj_error *err) {
    const sj_model_options options = model_options(r->config);
    const int64_t available = sj_memory_available_bytes("");
    const double least = least_bytes(net, options.batch, options.bf16);
    if (available >= 0 && least > (double)available) {
        return refuse_memory(r, net, least, available, err);
    }
    int64_t need = 0;
    SJ_TRY(sj_model_foresee_bytes(net, r->data.dims, &options, &need, err));
    return available >= 0 && need > available ? refuse_memory(r, net, (double)need, available, err) : SJ_OK;
}

static sj_status make_model(sj_run *r, sj_error *err) {
    const sj_model_options options = model_options(r->config);
    sj_net net;
    SJ_TRY(sj_run_read_net(r, &net, err));
    const sj_status status = check_memory(&net, r, err);
    if (status != SJ_OK) {
        sj_net_free(&net);
        return status;
    }
    return sj_model_create(&net, r->data.dims, &options, &r->model, err);
}

static sj_status list_arrays(sj_run *r, sj_error *err) {
    for (int i = 0; i < r->model->layer_count; i++) {
        r->array_count += r->model->layers[i].param_count;
    }
    SJ_TRY(sj_alloc((void **)&r->arrays, (uint64_t)r->array_count, sizeof *r->arrays, "the list of parameters", err));
    int n = 0;
    for (int i = 0; i < r->model->layer_count; i++) {
        const sj_layer *l = &r->model->layers[i];
        for (int j = 0; j < l->param_count; j++) {
            r->arrays[n++] = (sj_gradsamp_array){i, l->info->kind == SJ_KIND_BN, l->params[j].count, l->params[j].value};
        }
    }
    return r->config->gradsamp.on ? sj_gradsamp_create(r->arrays, r->array_count, &r->samples, err) : SJ_OK;
}

static sj_status load(sj_run *r, sj_error *err) {
    const sj_train_config *c = r->config;
    SJ_TRY(sj_run_load_data(r, err));
    r->data_hash = sj_dataset_fingerprint(&r->data);
    SJ_TRY(sj_file_hash(r->options->model_path, r->model_hash, err));
    SJ_TRY(make_model(r, err));
    const uint64_t layers = (uint64_t)r->model->layer_count;
    SJ_TRY(sj_batch_alloc(&r->model->input_layout, c->batch_size, &r->input, &r->labels, err));
    SJ_TRY(sj_alloc((void **)&r->stored, (uint64_t)c->trace_images, sizeof *r->stored, "the stored images", err));
    SJ_TRY(sj_alloc((void **)&r->densities, 3 * layers, sizeof *r->densities, "densities", err));
    r->density = (sj_batch_density){r->densities, r->densities + layers, r->densities + 2 * layers};
    return list_arrays(r, err);
}

static sj_status start_rows(sj_run *r, sj_error *err) {
    FILE *f = open_memstream(&r->rows, &r->row_bytes);
    if (f == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "out of memory for metrics.csv");
    }
    sj_metrics_header(f);
    return fclose(f) == 0 ? SJ_OK : SJ_FAIL(err, SJ_ERR_MEMORY, "out of memory for metrics.csv");
}

// A folder that a run was killed in before its first checkpoint holds none of these.
static sj_status check_nothing_is_lost(const sj_run *r, sj_error *err) {
    static const char *const others[] = {"trace.h5", "config.cfg", "provenance.json"};
    char path[SJ_RUN_PATH_MAX];
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (sj_path_exists(sj_run_path(r, others[i], path))) {
            return SJ_FAIL(err, SJ_ERR_EXISTS, "%s exists, but no checkpoint.bin beside it to resume from; --force starts anew and replaces what is there", path);
        }
    }
    return SJ_OK;
}

static sj_status begin(sj_run *r, sj_train_result *result, sj_error *err) {
    char path[SJ_RUN_PATH_MAX];
    const sj_trace_meta meta = sj_run_trace_meta(r, &r->model->net.network);
    bool found = false;
    (void)clock_gettime(CLOCK_MONOTONIC, &r->last_checkpoint);
    SJ_TRY(start_rows(r, err));
    SJ_TRY(sj_run_remove_leftovers(r, err));
    if (r->options->resume) {
        SJ_TRY(sj_run_restore(r, &meta, &found, err));
        SJ_TRY(found ? SJ_OK : check_nothing_is_lost(r, err));
    }
    if (found) {
        result->resumed_epoch = r->at.epoch;
        result->resumed_iteration = r->at.batch;
        result->was_finished = r->at.finished != 0;
        return SJ_OK;
    }
    r->replaces = true;
    return sj_trace_create(sj_run_path(r, "trace.h5", path), &meta, &r->model->net.network, &r->trace, err);
}

sj_status sj_run_write_metrics(sj_run *r, sj_error *err) {
    char path[SJ_RUN_PATH_MAX];
    sj_run_replace(r);
    sj_atomic_file f;
    SJ_TRY(sj_atomic_open(&f, sj_run_path(r, "metrics.csv", path), err));
    (void)fwrite(r->rows, 1, r->row_bytes, f.stream);  // errors stay in the stream until the commit
    return sj_atomic_commit(&f, err);
}

// The trace first: a run whose checkpoint says that it is finished has all its files.
static sj_status finish(sj_run *r, sj_error *err) {
    if (r->config->trace_eval) {
        SJ_TRY(sj_run_trace_inference(r, err));
    }
    sj_run_replace(r);
    sj_trace_writer *trace = r->trace;
    r->trace = NULL;
    SJ_TRY(sj_trace_commit(trace, err));
    r->at.finished = 1;
    return sj_run_save(r, err);
}

static sj_status interrupted(sj_run *r, sj_error *err) {
    SJ_TRY(sj_run_save(r, err));
    return SJ_FAIL(err, SJ_ERR_INTERRUPTED, "training was interrupted in epoch %lld before its iteration %lld; %s/checkpoint.bin has all that was done, and --resume goes on", (long long)r->at.epoch,
                   (long long)r->at.batch, r->options->run_dir);
}

static void describe(const sj_run *r, sj_train_result *result) {
    for (int i = 0; i < r->array_count; i++) {
        result->parameters += r->arrays[i].count;
    }
    result->width = r->model->net.width;
    result->train_images = r->data.train.count;
    result->test_images = r->data.test.count;
}

sj_train_config sj_train_resolved(const sj_train_config *config, const sj_train_result *result) {
    sj_train_config c = *config;
    c.width = result->width;
    c.train_images = result->train_images;
    c.test_images = result->test_images;
    return c;
}

static sj_status train(sj_run *r, sj_train_result *result, sj_error *err) {
    SJ_TRY(load(r, err));
    describe(r, result);
    SJ_TRY(begin(r, result, err));
    const int64_t updates = r->at.updates;
    while (r->at.finished == 0 && r->at.epoch < r->config->epochs) {
        const sj_status status = sj_run_epoch(r, err);
        if (status != SJ_OK) {
            return status == SJ_ERR_INTERRUPTED ? interrupted(r, err) : status;
        }
    }
    result->last = r->at.last;
    result->iterations = r->at.updates;
    result->skipped_epochs = r->at.epoch - r->at.real_epochs;
    result->iterations_now = r->at.updates - updates;
    SJ_TRY(r->at.finished != 0 ? SJ_OK : finish(r, err));
    char path[SJ_RUN_PATH_MAX];
    (void)remove(sj_run_path(r, SJ_RUN_PARTIAL, path));  // also behind a process that was killed before it could
    return SJ_OK;
}

sj_status sj_train_run(const sj_train_config *config, const sj_train_options *options, sj_train_result *result, sj_error *err) {
    sj_run r;
    SJ_TRY(sj_run_start(&r, config, options, result, err));
    const sj_status status = train(&r, result, err);
    sj_run_free(&r);
    return status;
}
