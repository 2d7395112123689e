// SPDX-License-Identifier: Apache-2.0
#include "evaluate_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"

// Of masks and what follows from them: one process a core, each with its own.
static const uint64_t shared_bytes_max = UINT64_C(256) << 20;

// ---- opening

static sj_status choose_batch(const sj_evaluator_options *o, const char *path, const sj_trace *trace, const sj_step_info *step, int64_t *batch, sj_error *err) {
    *batch = o->batch;
    if (o->batch == 0 && !o->batch_varies && step->mode != SJ_MODE_TRAIN) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "%s: step %lld is an inference, whose batch must be said: batch = 1, or any number of images up to 65536", path, (long long)step->number);
    }
    if (o->batch == 0) {
        *batch = sj_trace_get_meta(trace)->batch_size;
    }
    return SJ_OK;
}

// The units of a step follow from its network alone: any accelerator may ask for them. One that takes the tensors as they are, so that opening does not refuse them.
static sj_status list_units(const sj_evaluator *e, eval_trace *t, sj_error *err) {
    static const sj_accel any = {.name = "any", .dtype = SJ_DTYPE_INT8};
    const sj_lower_options options = {.batch = 1, .fuse = e->options.fuse, .quantise = true};
    sj_lowering *lowering;
    SJ_TRY(sj_lowering_open(t->trace, t->step, &any, &options, &lowering, err));
    const int count = sj_lowering_unit_count(lowering);
    void *memory = NULL;
    sj_status status = sj_alloc(&memory, (uint64_t)count + 1, sizeof *t->units, "the layers of a trace", err);
    t->units = memory;
    for (int u = 0; u < count && status == SJ_OK; u++) {
        const sj_unit *unit = sj_lowering_unit(lowering, u);
        if (sj_selection_has(&e->options.selection, unit)) {
            t->units[t->unit_count++] = (eval_unit){*unit, u};
        }
    }
    sj_lowering_close(lowering);
    if (status == SJ_OK && t->unit_count == 0) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: step %lld has nothing of the layers and the phase that are chosen", sj_trace_path(t->trace), (long long)sj_trace_get_step(t->trace, t->step)->number);
    }
    return status;
}

static sj_status open_trace(sj_evaluator *e, int index, sj_error *err) {
    const char *path = e->options.traces[index];
    eval_trace *t = &e->traces[index];
    SJ_TRY(sj_trace_open(path, &t->trace, err));
    SJ_TRY(sj_selection_step("step", t->trace, e->options.step, &t->step, err));
    SJ_TRY(sj_selection_check("layers", e->options.selection.layers, e->options.selection.layer_count, t->trace, err));
    const sj_step_info *step = sj_trace_get_step(t->trace, t->step);
    const sj_trace_meta *meta = sj_trace_get_meta(t->trace);
    SJ_TRY(choose_batch(&e->options, path, t->trace, step, &t->batch, err));
    if (!e->options.fuse && step->mode == SJ_MODE_TRAIN) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "%s: fuse = false: step %lld is a training step, which fuses nothing; it goes with an inference", path, (long long)step->number);
    }
    snprintf(t->describe, sizeof t->describe, "%s, %s on %s: %s step %lld, batch %lld", meta->network, meta->method, meta->dataset, step->mode == SJ_MODE_TRAIN ? "train" : "eval",
             (long long)step->number, (long long)t->batch);
    return list_units(e, t, err);
}

sj_status sj_evaluator_open(const sj_evaluator_options *options, sj_evaluator **out, sj_error *err) {
    void *memory;
    *out = NULL;
    SJ_TRY(sj_alloc(&memory, 1, sizeof(sj_evaluator), "an evaluator", err));
    sj_evaluator *e = memory;
    e->options = *options;
    sj_status status = sj_alloc(&memory, (uint64_t)options->trace_count, sizeof *e->traces, "traces", err);
    e->traces = memory;
    status = status == SJ_OK ? sj_fast_shared_create(shared_bytes_max, &e->shared, err) : status;
    status = status == SJ_OK ? sj_map_memo_create(&e->memo, err) : status;
    for (int i = 0; i < options->trace_count && status == SJ_OK; i++) {
        status = open_trace(e, i, err);
    }
    if (status != SJ_OK) {
        sj_evaluator_close(e);
        return status;
    }
    *out = e;
    return SJ_OK;
}

void sj_evaluator_close(sj_evaluator *e) {
    if (e == NULL) {
        return;
    }
    sj_lowering_close(e->lowering);
    for (int i = 0; e->traces != NULL && i < e->options.trace_count; i++) {
        sj_trace_close(e->traces[i].trace);
        free(e->traces[i].units);
    }
    sj_fast_shared_free(e->shared);
    sj_map_memo_free(e->memo);
    free(e->traces);
    free(e);
}

int64_t sj_evaluator_unit_count(const sj_evaluator *e, int trace) { return e->traces[trace].unit_count; }

const sj_unit *sj_evaluator_unit(const sj_evaluator *e, int trace, int64_t unit) { return &e->traces[trace].units[unit].unit; }

int64_t sj_evaluator_unit_total(const sj_evaluator *e) {
    int64_t total = 0;
    for (int i = 0; i < e->options.trace_count; i++) {
        total += e->traces[i].unit_count;
    }
    return total;
}

const char *sj_evaluator_describe(const sj_evaluator *e, int trace) { return e->traces[trace].describe; }
