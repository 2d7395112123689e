// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "sj_random.h"
#include "sj_run.h"

enum { STREAM_IMAGES = 1 << 22, STREAM_CHANNELS = 1 << 23, AHEAD = 2 };

static int64_t iteration_of(const sj_run *r) { return r->at.epoch * r->per_epoch + r->at.batch; }

static int compare_iterations(const void *left, const void *right) {
    const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return a < b ? -1 : a > b;
}

static bool is_traced(const sj_run *r, int64_t batch) {
    const int64_t iteration = r->at.epoch * r->per_epoch + batch;
    return r->spread != NULL ? bsearch(&iteration, r->spread, (size_t)r->spread_count, sizeof iteration, compare_iterations) != NULL
                             : sj_train_is_traced(r->config, r->at.epoch, batch, r->per_epoch);
}

static sj_backward_options method_now(sj_run *r) {
    const sj_train_config *c = r->config;
    const double epochs_done = (double)iteration_of(r) / (double)r->per_epoch;
    sj_backward_options o = {.keep = sj_ssprop_keep(&c->ssprop, r->at.epoch, c->epochs, iteration_of(r)), .count = c->trace_densities};
    o.eat = c->eat_on ? &c->eat : NULL;
    o.lambda = c->eat_on ? sj_eat_lambda(&c->eat, epochs_done) : 0.0;
    o.select_linear = c->ssprop.linear;
    o.random = c->ssprop.random;
    sj_random channels = sj_random_stream(c->seed, STREAM_CHANNELS + (uint64_t)iteration_of(r));
    o.random_stream = sj_random_u64(&channels);
    sj_train_method_state(c, o.lambda, o.keep, false, r->method_state);
    return o;
}

static sj_status export_step(sj_run *r, sj_mode mode, int64_t epoch, double loss, int64_t images, sj_error *err) {
    sj_step_info step = {.number = r->at.traced++, .mode = mode, .epoch = epoch, .iteration = mode == SJ_MODE_TRAIN ? iteration_of(r) : r->config->epochs * r->per_epoch, .loss = loss};
    (void)snprintf(step.method_state, sizeof step.method_state, "%s", r->method_state);
    sj_export_choose(r->config->seed, STREAM_IMAGES + (uint64_t)step.number, images, r->config->trace_images, r->stored);
    const sj_export e = {r->trace, r->config->trace_type, r->config->trace_images, r->stored, r->config->eat_on ? &r->config->eat : NULL};
    return sj_step_is_skipped(&step) ? sj_export_skipped(&e, r->model, &step, err) : sj_export_step(&e, r->model, &step, images, err);
}

static sj_status write_ledger(sj_run *r, bool skipped, double loss, sj_error *err) {
    sj_ledger_row row = {.epoch = r->at.epoch, .iteration = iteration_of(r), .skipped = skipped, .loss = loss, .x_density = r->density.x, .dy_density = r->density.dy,
                         .kept_fraction = r->density.kept};
    (void)snprintf(row.method_state, sizeof row.method_state, "%s", r->method_state);
    return sj_trace_ledger(r->trace, &row, err);
}

static void clear_densities(sj_run *r) {
    for (int i = 0; i < 3 * r->model->layer_count; i++) {
        r->densities[i] = NAN;
    }
}

static bool report(sj_run *r, double loss, const sj_epoch_metrics *finished) {
    const sj_train_progress p = {finished != NULL ? finished->epoch : r->at.epoch, r->config->epochs, finished != NULL ? r->per_epoch : r->at.batch, r->per_epoch, loss, finished};
    return r->options->progress == NULL || r->options->progress(r->options->context, &p);
}

static sj_status train_batch(sj_run *r, sj_error *err) {
    const sj_train_config *c = r->config;
    const int64_t iteration = iteration_of(r);
    const sj_forward_options forward = {.label_smoothing = c->label_smoothing, .iteration = iteration, .count = c->trace_densities};
    const sj_backward_options method = method_now(r);
    sj_forward_result result;
    double penalty;
    SJ_TRY(sj_model_forward(r->model, SJ_MODE_TRAIN, c->batch_size, &forward, &result, err));
    SJ_TRY(sj_model_backward(r->model, &method, &penalty, err));
    sj_measure_density(r->model, &r->density);
    sj_metrics_add(&r->at.sums, r->model, &r->density, &result, penalty, r->config->ssprop.linear);
    SJ_TRY(write_ledger(r, false, result.loss, err));
    if (is_traced(r, r->at.batch)) {
        SJ_TRY(export_step(r, SJ_MODE_TRAIN, r->at.epoch, result.loss, c->batch_size, err));
    }
    sj_model_update(r->model, &c->optimizer, sj_schedule_lr(&c->schedule, iteration, r->per_epoch, c->epochs * r->per_epoch), ++r->at.state_updates);
    r->at.updates++;
    r->at.batch++;
    return report(r, result.loss, NULL) ? SJ_OK : SJ_FAIL(err, SJ_ERR_INTERRUPTED, "interrupted");
}

static sj_status train_batches(sj_run *r, sj_error *err) {
    const sj_train_config *c = r->config;
    if (r->at.batch == r->per_epoch) {  // resumed behind the last batch
        return SJ_OK;
    }
    const sj_pipeline_options options = {&r->data, sj_batch_augment(c), r->model->input_layout, c->batch_size, AHEAD, r->at.epoch, r->at.batch};
    sj_pipeline *pipeline;
    SJ_TRY(sj_pipeline_start(&options, &pipeline, err));
    sj_status status = SJ_OK;
    while (status == SJ_OK && r->at.batch < r->per_epoch) {
        status = sj_pipeline_next(pipeline, &r->input, &r->labels, err);
        if (status != SJ_OK) {
            break;
        }
        sj_model_swap_input(r->model, &r->input, &r->labels);
        const int64_t iteration = iteration_of(r);
        status = train_batch(r, err);
        if (status == SJ_OK && sj_run_checkpoint_is_due(r)) {
            status = sj_run_save(r, err);
        } else if (status != SJ_OK && status != SJ_ERR_INTERRUPTED) {
            status = sj_error_prefix(err, "epoch %lld, iteration %lld", (long long)r->at.epoch, (long long)iteration);
        }
    }
    sj_pipeline_stop(pipeline);
    return status;
}

static void clear_optimizer(const sj_model *m) {
    for (int i = 0; i < m->layer_count; i++) {
        for (int j = 0; j < m->layers[i].param_count; j++) {
            const sj_param *p = &m->layers[i].params[j];
            for (int k = 0; k < SJ_OPTIMIZER_STATES; k++) {
                if (p->state[k] != NULL) {
                    memset(p->state[k], 0, (size_t)p->count * sizeof *p->state[k]);
                }
            }
        }
    }
}

// GradSamp: every parameter takes a sampled step; no data is seen.
static sj_status skip_epoch(sj_run *r, sj_error *err) {
    const sj_train_config *c = r->config;
    sj_train_method_state(c, 0.0, 1.0, true, r->method_state);
    sj_gradsamp_sample(&c->gradsamp, &r->samples, c->seed, r->at.epoch, r->arrays, r->array_count);
    if (c->gradsamp.momentum == SJ_GRADSAMP_MOMENTUM_RESET) {
        clear_optimizer(r->model);
        r->at.state_updates = 0;  // Adam's correction of its averages' beginning starts anew, too
    }
    clear_densities(r);
    SJ_TRY(write_ledger(r, true, 0.0, err));
    for (int64_t i = 0; i < r->per_epoch; i++) {
        if (is_traced(r, i)) {
            return export_step(r, SJ_MODE_TRAIN, r->at.epoch, 0.0, c->batch_size, err);
        }
    }
    return SJ_OK;
}

static sj_status append_row(sj_run *r, const sj_epoch_metrics *e, sj_error *err) {
    char *grown = NULL;
    size_t bytes = 0;
    FILE *f = open_memstream(&grown, &bytes);
    if (f == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "out of memory for metrics.csv");
    }
    (void)fwrite(r->rows, 1, r->row_bytes, f);
    sj_metrics_row(f, e);
    if (fclose(f) != 0) {
        free(grown);
        return SJ_FAIL(err, SJ_ERR_MEMORY, "out of memory for metrics.csv");
    }
    free(r->rows);
    r->rows = grown;
    r->row_bytes = bytes;
    return SJ_OK;
}

static sj_status finish_epoch(sj_run *r, bool skipped, sj_error *err) {
    const sj_train_config *c = r->config;
    const int64_t first = r->at.epoch * r->per_epoch;
    sj_epoch_metrics e = sj_metrics_none(r->at.epoch);
    e.skipped = skipped;
    e.lr = sj_schedule_lr(&c->schedule, first, r->per_epoch, c->epochs * r->per_epoch);
    if (!skipped) {
        sj_metrics_finish(&r->at.sums, &e);
    }
    if (sj_train_is_evaluated(c, r->at.epoch)) {
        const sj_status status = sj_metrics_test(r->model, &r->data, c, &e, err);
        if (status != SJ_OK) {
            return sj_error_prefix(err, "after epoch %lld", (long long)r->at.epoch);
        }
    }
    SJ_TRY(append_row(r, &e, err));
    r->at.last = e;
    r->at.sums = (sj_epoch_sums){0};
    r->at.epoch++;
    r->at.batch = 0;
    return SJ_OK;
}

sj_status sj_run_epoch(sj_run *r, sj_error *err) {
    const sj_train_config *c = r->config;
    const bool skipped = r->at.batch == 0 && sj_gradsamp_skips(&c->gradsamp, c->seed, r->at.epoch, r->at.real_epochs);
    SJ_TRY(skipped ? skip_epoch(r, err) : train_batches(r, err));
    if (!skipped) {
        r->at.real_epochs++;
        if (c->gradsamp.on) {
            sj_gradsamp_record(&r->samples, r->arrays, r->array_count);
        }
    }
    SJ_TRY(finish_epoch(r, skipped, err));
    SJ_TRY(sj_run_write_metrics(r, err));
    if (r->config->checkpoint_each_epoch || sj_run_checkpoint_is_due(r)) {
        SJ_TRY(sj_run_save(r, err));
    }
    return report(r, r->at.last.train_loss, &r->at.last) ? SJ_OK : SJ_FAIL(err, SJ_ERR_INTERRUPTED, "interrupted");
}

sj_status sj_run_trace_inference(sj_run *r, sj_error *err) {
    const int64_t count = r->data.test.count < r->model->batch ? r->data.test.count : r->model->batch;
    const sj_forward_options forward = {.count = true};
    sj_forward_result result;
    (void)snprintf(r->method_state, sizeof r->method_state, "%s", sj_train_method_name(r->config));
    sj_batch_test_images(&r->model->input_layout, &r->data, r->config->normalise, 0, count, r->model->input, r->model->labels);
    SJ_TRY(sj_model_forward(r->model, SJ_MODE_EVAL, count, &forward, &result, err));
    return export_step(r, SJ_MODE_EVAL, r->config->epochs - 1, result.loss, count, err);
}
