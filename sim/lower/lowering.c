// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "lowering_internal.h"

static const int64_t held_bytes_max = INT64_C(192) << 20;  // beyond the largest unit; the rest of 300 MiB is for jobs and masks

static sj_status check_request(sj_trace *trace, int step, const sj_accel *accel, const sj_lower_options *options, sj_error *err) {
    if (step < 0 || step >= sj_trace_step_count(trace)) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: step index %d; the trace holds %d steps", sj_trace_path(trace), step, sj_trace_step_count(trace));
    }
    if (options->batch < 1 || options->batch > 65536) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "batch of %lld images; allowed: 1 to 65536", (long long)options->batch);
    }
    return SJ_OK;
}

// Before anything runs: every operand's type against the accelerator's.
static sj_status check_types(const sj_lowering *l, sj_error *err) {
    for (int i = 0; i < l->net->layer_count; i++) {
        char name[16];
        for (int k = -2; k < l->net->layers[i].input_count; k++) {
            sj_type type;
            if (k < 0) {
                snprintf(name, sizeof name, "%s", k == -2 ? "w" : "dy");
            } else {
                sj_lowering_input_name(&l->net->layers[i], k, name);
            }
            if (l->net->layers[i].kind != SJ_KIND_OPAQUE && sj_trace_type(l->trace, l->step, i, name, &type)) {
                SJ_TRY(sj_lowering_check_type(l, i, name, type, err));
            }
        }
    }
    return SJ_OK;
}

sj_status sj_lowering_open(sj_trace *trace, int step_index, const sj_accel *accel, const sj_lower_options *options, sj_lowering **out, sj_error *err) {
    *out = NULL;
    SJ_TRY(check_request(trace, step_index, accel, options, err));
    sj_lowering *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "out of memory for a lowering");
    }
    l->trace = trace;
    l->held_bytes_max = held_bytes_max;
    l->step = step_index;
    l->net = sj_trace_get_network(trace);
    l->accel = accel;
    l->options = *options;
    l->train = sj_trace_get_step(trace, step_index)->mode == SJ_MODE_TRAIN;
    l->skipped = l->train && (options->skipped || sj_step_is_skipped(sj_trace_get_step(trace, step_index)));
    if (check_types(l, err) != SJ_OK || sj_lowering_read_penalties(l, err) != SJ_OK || sj_lowering_plan(l, err) != SJ_OK) {
        sj_lowering_close(l);
        return err->status;
    }
    *out = l;
    return SJ_OK;
}

void sj_lowering_close(sj_lowering *l) {
    if (l != NULL) {
        sj_lowering_release(l);
        sj_lowering_forget(l);
        free(l->units);
        free(l->absorbed);
        free(l->consumer_count);
        free(l->penalties);
        free(l);
    }
}

int sj_lowering_unit_count(const sj_lowering *l) { return l->unit_count; }

const sj_unit *sj_lowering_unit(const sj_lowering *l, int unit) { return &l->units[unit].unit; }

sj_status sj_lowering_set_accel(sj_lowering *l, const sj_accel *accel, sj_error *err) {
    if (accel->dtype != l->accel->dtype) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s: tensors are held in the data type of \"%s\"; \"%s\" has another one", sj_trace_path(l->trace), l->accel->name, accel->name);
    }
    sj_lowering_release(l);
    l->accel = accel;
    return SJ_OK;
}

sj_status sj_lowering_jobs(sj_lowering *l, int unit, sj_job *const **jobs, int *count, sj_densities *densities, sj_error *err) {
    sj_lowering_release(l);
    const sj_unit_plan *u = &l->units[unit];
    *densities = sj_densities_none();
    switch (u->unit.phase) {
    case SJ_PHASE_ELEMENTWISE:
        SJ_TRY(sj_lowering_pass_unit(l, u, densities, err));
        break;
    case SJ_PHASE_UPDATE:
        SJ_TRY(sj_lowering_update_unit(l, u, err));
        break;
    default:
        SJ_TRY(sj_lowering_product_unit(l, u, densities, err));
        break;
    }
    *jobs = l->jobs;
    *count = l->job_count;
    return SJ_OK;
}
