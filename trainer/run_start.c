// SPDX-License-Identifier: Apache-2.0
// What a training and its plan (sj_train_plan.c) begin with, so that they refuse the same configurations: data, network, the trace's description, files.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "sj_run.h"

char *sj_run_path(const sj_run *r, const char *name, char buffer[SJ_RUN_PATH_MAX]) {
    (void)snprintf(buffer, SJ_RUN_PATH_MAX, "%s/%s", r->options->run_dir, name);
    return buffer;
}

sj_status sj_run_start(sj_run *r, const sj_train_config *config, const sj_train_options *options, sj_train_result *result, sj_error *err) {
    *r = (sj_run){.config = config, .options = options, .result = result};
    *result = (sj_train_result){.resumed_epoch = -1, .resumed_iteration = -1};
    if (strlen(options->run_dir) >= SJ_TRAIN_PATH_MAX) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: the path has more than %d characters", options->run_dir, SJ_TRAIN_PATH_MAX - 1);
    }
    return SJ_OK;
}

static sj_status check_sizes(const sj_run *r, sj_error *err) {
    const sj_train_config *c = r->config;
    if (r->data.train.count < c->batch_size) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "batch_size: %lld; data set %s has %lld training images, and a batch cannot be larger", (long long)c->batch_size, c->data_name,
                       (long long)r->data.train.count);
    }
    if (c->trace_eval && r->data.test.count < c->trace_images) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "trace.images: %lld; data set %s has only %lld test images", (long long)c->trace_images, c->data_name, (long long)r->data.test.count);
    }
    return SJ_OK;
}

sj_status sj_run_load_data(sj_run *r, sj_error *err) {
    const sj_train_config *c = r->config;
    const sj_dataset_request request = {.name = c->data_name, .dir = c->data_dir[0] != '\0' ? c->data_dir : NULL, .train_images = c->train_images, .test_images = c->test_images,
                                        .seed = c->data_seed, .image_h = c->image_h, .image_w = c->image_w};
    SJ_TRY(sj_dataset_load(&request, &r->data, err));
    return check_sizes(r, err);
}

sj_status sj_run_read_net(sj_run *r, sj_net *net, sj_error *err) {
    const sj_train_config *c = r->config;
    SJ_TRY(sj_net_read(r->options->model_path, r->data.dims, r->data.classes, c->width, net, err));
    r->per_epoch = r->data.train.count / c->batch_size;  // a last, smaller batch is left out
    sj_status status = sj_train_config_fits(c, &net->network, r->per_epoch, err);
    status = status == SJ_OK ? sj_train_spread(c, r->per_epoch, &r->spread, &r->spread_count, err) : status;
    if (status != SJ_OK) {
        sj_net_free(net);
    }
    return status;
}

sj_trace_meta sj_run_trace_meta(const sj_run *r, const sj_network *network) {
    const sj_train_config *c = r->config;
    sj_trace_meta meta = {.seed = c->seed, .batch_size = c->batch_size, .images = c->trace_images,
                          .optimizer = c->optimizer.kind == SJ_OPTIMIZER_KIND_ADAM ? SJ_OPTIMIZER_ADAM : SJ_OPTIMIZER_SGD};
    (void)snprintf(meta.producer, sizeof meta.producer, "skipjoule %s", r->options->version);
    (void)snprintf(meta.network, sizeof meta.network, "%s", network->name);
    (void)snprintf(meta.dataset, sizeof meta.dataset, "%s", r->data.name);
    (void)snprintf(meta.method, sizeof meta.method, "%s", sj_train_method_name(c));
    return meta;
}

static const char *const file_names[] = {"checkpoint.bin", SJ_RUN_PARTIAL, "trace.h5", "metrics.csv", "config.cfg", "provenance.json"};

sj_status sj_run_remove_leftovers(const sj_run *r, sj_error *err) {
    for (size_t i = 0; i < sizeof file_names / sizeof file_names[0]; i++) {
        char path[SJ_RUN_PATH_MAX];
        SJ_TRY(sj_remove_leftovers(sj_run_path(r, file_names[i], path), err));
    }
    return SJ_OK;
}

void sj_run_replace(sj_run *r) {
    char path[SJ_RUN_PATH_MAX];
    for (size_t i = 0; r->replaces && i < sizeof file_names / sizeof file_names[0]; i++) {
        (void)remove(sj_run_path(r, file_names[i], path));
    }
    r->replaces = false;
}

void sj_run_free(sj_run *r) {
    sj_trace_abandon(r->trace);
    sj_model_free(r->model);
    sj_dataset_free(&r->data);
    sj_gradsamp_free(&r->samples);
    free(r->input);
    free(r->labels);
    free(r->stored);
    free(r->densities);
    free(r->arrays);
    free(r->rows);
    free(r->spread);
}
