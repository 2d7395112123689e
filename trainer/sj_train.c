// SPDX-License-Identifier: Apache-2.0
#include "sj_train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "sj_metrics.h"
#include "sj_random.h"
#include "sj_state.h"

enum { STREAM_IMAGES = 1 << 22 };
static const uint64_t STREAM_CHANNELS = (uint64_t)1 << 40;

typedef struct run {
    const sj_train_config *config;
    const sj_train_options *options;
    sj_dataset data;
    sj_model *model;
    sj_trace_writer *trace;
    sj_atomic_file metrics;
    int64_t *order, *stored;
    float *densities;
    sj_batch_density density;
    int64_t iterations_per_epoch, iteration, steps;
    char method_state[128];
} run;

static char *path_in(const run *r, const char *name, char buffer[SJ_TRAIN_PATH_MAX + 32]) {
    (void)snprintf(buffer, SJ_TRAIN_PATH_MAX + 32, "%s/%s", r->options->run_dir, name);
    return buffer;
}

static sj_status check_sizes(const run *r, sj_error *err) {
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

// What a configuration can ask for and this loop does not do.
static sj_status check_supported(const sj_train_config *c, sj_error *err) {
    const struct {
        bool asked;
        const char *key;
    } missing[] = {{c->gradsamp.on, "method.gradsamp"}, {c->asic_ratio, "evaluate.asic_ratio"}, {c->evaluate_every != 1, "evaluate.every"},
                   {!c->trace_densities, "trace.densities = false"}};
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
        if (missing[i].asked) {
            return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "%s: this version cannot train with it", missing[i].key);
        }
    }
    return SJ_OK;
}

static sj_status load(run *r, sj_error *err) {
    const sj_train_config *c = r->config;
    const sj_dataset_request request = {c->data_name, c->data_dir[0] != '\0' ? c->data_dir : NULL, c->train_images, c->test_images, c->data_seed, c->image_h, c->image_w};
    sj_net net;
    SJ_TRY(check_supported(c, err));
    SJ_TRY(sj_dataset_load(&request, &r->data, err));
    SJ_TRY(check_sizes(r, err));
    SJ_TRY(sj_net_read(r->options->model_path, r->data.dims, r->data.classes, c->width, &net, err));
    const sj_model_options options = {.batch = c->batch_size, .seed = c->seed, .bf16 = c->bf16, .native_bf16 = sj_cpu_has_bf16(), .algorithm = c->algorithm, .optimizer = c->optimizer.kind,
                                      .gather = !c->ssprop.mask};
    SJ_TRY(sj_model_create(&net, r->data.dims, &options, &r->model, err));
    const uint64_t layers = (uint64_t)r->model->layer_count;
    SJ_TRY(sj_alloc((void **)&r->order, (uint64_t)r->data.train.count, sizeof *r->order, "the order of the images", err));
    SJ_TRY(sj_alloc((void **)&r->stored, (uint64_t)c->trace_images, sizeof *r->stored, "the stored images", err));
    SJ_TRY(sj_alloc((void **)&r->densities, 3 * layers, sizeof *r->densities, "densities", err));
    r->density = (sj_batch_density){r->densities, r->densities + layers, r->densities + 2 * layers};
    r->iterations_per_epoch = r->data.train.count / c->batch_size;  // a last, smaller batch is left out
    return sj_train_config_fits(c, &r->model->net.network, r->iterations_per_epoch, err);
}

static sj_status open_outputs(run *r, sj_error *err) {
    char path[SJ_TRAIN_PATH_MAX + 32];
    const sj_train_config *c = r->config;
    sj_trace_meta meta = {.seed = c->seed, .batch_size = c->batch_size, .images = c->trace_images};
    (void)snprintf(meta.producer, sizeof meta.producer, "skipjoule %s", r->options->version);
    (void)snprintf(meta.network, sizeof meta.network, "%s", r->model->net.network.name);
    (void)snprintf(meta.dataset, sizeof meta.dataset, "%s", r->data.name);
    (void)snprintf(meta.method, sizeof meta.method, "%s", sj_train_method_name(c));
    SJ_TRY(sj_trace_create(path_in(r, "trace.h5", path), &meta, &r->model->net.network, &r->trace, err));
    SJ_TRY(sj_atomic_open(&r->metrics, path_in(r, "metrics.csv", path), err));
    sj_metrics_header(r->metrics.stream);
    return SJ_OK;
}

static sj_backward_options method_now(run *r, int64_t epoch) {
    const sj_train_config *c = r->config;
    sj_backward_options o = {.keep = sj_ssprop_keep(&c->ssprop, epoch, c->epochs, r->iteration), .select_linear = c->ssprop.linear, .random = c->ssprop.random, .count = true};
    sj_random stream = sj_random_stream(c->seed, STREAM_CHANNELS + (uint64_t)r->iteration);
    o.random_stream = sj_random_u64(&stream);
    if (c->eat_on) {
        o.eat = &c->eat;
        o.lambda = sj_eat_lambda(&c->eat, (double)r->iteration / (double)r->iterations_per_epoch);
    }
    sj_train_method_state(c, o.lambda, o.keep, false, r->method_state);
    return o;
}

static sj_status export_step(run *r, sj_mode mode, int64_t epoch, double loss, int64_t images, sj_error *err) {
    sj_step_info step = {.number = r->steps++, .mode = mode, .epoch = epoch, .iteration = r->iteration, .loss = loss};
    (void)snprintf(step.method_state, sizeof step.method_state, "%s", r->method_state);
    sj_export_choose(r->config->seed, STREAM_IMAGES + (uint64_t)step.number, images, r->config->trace_images, r->stored);
    const sj_export e = {r->trace, r->config->trace_type, r->config->trace_images, r->stored};
    return sj_export_step(&e, r->model, &step, images, err);
}

static sj_status write_ledger(run *r, int64_t epoch, double loss, sj_error *err) {
    sj_ledger_row row = {.epoch = epoch, .iteration = r->iteration, .loss = loss, .x_density = r->density.x, .dy_density = r->density.dy, .kept_fraction = r->density.kept};
    (void)snprintf(row.method_state, sizeof row.method_state, "%s", r->method_state);
    return sj_trace_ledger(r->trace, &row, err);
}

static double learning_rate(const run *r) {
    return sj_schedule_lr(&r->config->schedule, r->iteration, r->iterations_per_epoch, r->config->epochs * r->iterations_per_epoch);
}

static sj_status train_batch(run *r, int64_t epoch, int64_t batch, sj_epoch_sums *sums, sj_error *err) {
    const sj_train_config *c = r->config;
    sj_forward_result result;
    double penalty;
    sj_batch_fill(r->model, &r->data, c, true, epoch, r->order, batch * c->batch_size, c->batch_size);
    const sj_backward_options method = method_now(r, epoch);
    const sj_forward_options forward = {.label_smoothing = c->label_smoothing, .iteration = r->iteration, .count = true};
    SJ_TRY(sj_model_forward(r->model, SJ_MODE_TRAIN, c->batch_size, &forward, &result, err));
    SJ_TRY(sj_model_backward(r->model, &method, &penalty, err));
    sj_measure_density(r->model, &r->density);
    sj_metrics_add(sums, r->model, &r->density, &result, penalty);
    SJ_TRY(write_ledger(r, epoch, result.loss, err));
    if (sj_train_is_traced(c, epoch, batch, r->iterations_per_epoch)) {
        SJ_TRY(export_step(r, SJ_MODE_TRAIN, epoch, result.loss, c->batch_size, err));
    }
    sj_model_update(r->model, &c->optimizer, learning_rate(r), ++r->iteration);
    const sj_train_progress p = {epoch, c->epochs, batch + 1, r->iterations_per_epoch, result.loss, NULL};
    if (r->options->progress != NULL && !r->options->progress(r->options->context, &p)) {
        return SJ_FAIL(err, SJ_ERR_INTERRUPTED, "training was interrupted; nothing was written");
    }
    return SJ_OK;
}

static sj_status train_epoch(run *r, int64_t epoch, sj_epoch_metrics *out, sj_error *err) {
    const sj_train_config *c = r->config;
    sj_epoch_sums sums = {0};
    *out = (sj_epoch_metrics){.epoch = epoch, .lr = learning_rate(r)};
    sj_batch_order(c->seed, epoch, r->data.train.count, r->order);
    for (int64_t batch = 0; batch < r->iterations_per_epoch; batch++) {
        const sj_status status = train_batch(r, epoch, batch, &sums, err);
        if (status != SJ_OK) {
            return status == SJ_ERR_INTERRUPTED ? status : sj_error_prefix(err, "epoch %lld, iteration %lld", (long long)epoch, (long long)r->iteration);
        }
    }
    sj_metrics_finish(&sums, out);
    const sj_status status = sj_metrics_test(r->model, &r->data, c, out, err);
    if (status != SJ_OK) {
        return sj_error_prefix(err, "after epoch %lld", (long long)epoch);
    }
    sj_metrics_row(r->metrics.stream, out);
    const sj_train_progress p = {epoch, c->epochs, r->iterations_per_epoch, r->iterations_per_epoch, out->train_loss, out};
    if (r->options->progress != NULL && !r->options->progress(r->options->context, &p)) {
        return SJ_FAIL(err, SJ_ERR_INTERRUPTED, "training was interrupted; nothing was written");
    }
    return SJ_OK;
}

// The test images' first batch.
static sj_status trace_inference(run *r, sj_error *err) {
    const int64_t count = r->data.test.count < r->model->batch ? r->data.test.count : r->model->batch;
    sj_forward_result result;
    sj_batch_fill(r->model, &r->data, r->config, false, 0, NULL, 0, count);
    const sj_forward_options options = {0};
    SJ_TRY(sj_model_forward(r->model, SJ_MODE_EVAL, count, &options, &result, err));
    return export_step(r, SJ_MODE_EVAL, r->config->epochs - 1, result.loss, count, err);
}

// All three files, or none of them.
static sj_status commit(run *r, sj_error *err) {
    char trace_path[SJ_TRAIN_PATH_MAX + 32], checkpoint_path[SJ_TRAIN_PATH_MAX + 32];
    sj_trace_writer *trace = r->trace;
    r->trace = NULL;
    SJ_TRY(sj_trace_commit(trace, err));
    sj_status status = sj_checkpoint_save_model(path_in(r, "checkpoint.bin", checkpoint_path), r->model, r->config->seed, r->config->epochs, r->iteration, err);
    if (status == SJ_OK) {
        status = sj_atomic_commit(&r->metrics, err);
        if (status != SJ_OK) {
            (void)remove(checkpoint_path);
        }
    }
    if (status != SJ_OK) {
        (void)remove(path_in(r, "trace.h5", trace_path));
    }
    return status;
}

static sj_status train(run *r, sj_train_result *result, sj_error *err) {
    SJ_TRY(load(r, err));
    SJ_TRY(open_outputs(r, err));
    for (int64_t epoch = 0; epoch < r->config->epochs; epoch++) {
        SJ_TRY(train_epoch(r, epoch, &result->last, err));
    }
    if (r->config->trace_eval) {
        SJ_TRY(trace_inference(r, err));
    }
    for (int i = 0; i < r->model->layer_count; i++) {
        for (int j = 0; j < r->model->layers[i].param_count; j++) {
            result->parameters += r->model->layers[i].params[j].count;
        }
    }
    result->iterations = r->iteration;
    result->width = r->model->net.width;
    result->train_images = r->data.train.count;
    result->test_images = r->data.test.count;
    return commit(r, err);
}

sj_status sj_train_run(const sj_train_config *config, const sj_train_options *options, sj_train_result *result, sj_error *err) {
    run r = {.config = config, .options = options};
    memset(result, 0, sizeof *result);
    if (strlen(options->run_dir) >= SJ_TRAIN_PATH_MAX) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: the path has more than %d characters", options->run_dir, SJ_TRAIN_PATH_MAX - 1);
    }
    const sj_status status = train(&r, result, err);
    sj_trace_abandon(r.trace);
    if (r.metrics.stream != NULL || r.metrics.path != NULL) {
        sj_atomic_abandon(&r.metrics);
    }
    sj_model_free(r.model);
    sj_dataset_free(&r.data);
    free(r.order);
    free(r.stored);
    free(r.densities);
    return status;
}
