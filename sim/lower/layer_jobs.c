// SPDX-License-Identifier: Apache-2.0
// A unit's products: conv, linear and matmul layers. docs/lowering.md says why each byte moves.
#include <stdlib.h>

#include "lowering_internal.h"

static int64_t volume(sj_dims d) { return d.h * d.w * d.c; }

sj_status sj_lowering_push(sj_lowering *l, sj_job *job, sj_error *err) {
    if (l->job_count == JOBS_MAX) {
        sj_job_free(job);
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: a layer needs more than %d products; its stride is too large", sj_trace_path(l->trace), JOBS_MAX);
    }
    l->jobs[l->job_count++] = job;
    return SJ_OK;
}

bool sj_lowering_feeds_batch_norm(const sj_lowering *l, int layer) {
    int input = 0;
    const int next = sj_lowering_consumer(l, layer, 0, &input);
    return next >= 0 && l->net->layers[next].kind == SJ_KIND_BN;
}

// A result: what the fused tail does to it, or the sums that a batch norm behind wants (sum; square and sum) and a penalty's term. A fused batch norm is in the weights.
static int64_t output_path_ops(const sj_lowering *l, const sj_unit_plan *u) {
    const int64_t statistics = l->train && sj_lowering_feeds_batch_norm(l, u->unit.layer_index) ? 3 : 0;
    return sj_ceil_div(u->chain.forward_ops, volume(l->net->layers[u->unit.layer_index].out)) + statistics + sj_lowering_value_ops(l, u->unit.layer_index);
}

static sj_status forward_unit(sj_lowering *l, const sj_unit_plan *u, sj_conv_case *c, sj_densities *d, sj_error *err) {
    SJ_TRY(sj_lowering_input(l, u->unit.layer_index, 0, &c->x, err));
    SJ_TRY(sj_lowering_output_plane(l, u->chain.tail, &c->result, err));
    c->out_ops = output_path_ops(l, u);
    sj_job *job = NULL;
    SJ_TRY(sj_lower_forward(l->accel, c, &job, err));
    *d = sj_lowering_densities(l, c->x, NULL, c->w, NULL, c->result.tensor);
    return sj_lowering_push(l, job, err);
}

static sj_status grad_input_unit(sj_lowering *l, const sj_unit_plan *u, sj_conv_case *c, sj_densities *d, sj_error *err) {
    SJ_TRY(sj_lowering_dx_plane(l, u->unit.layer_index, 0, &c->result, err));
    sj_job **jobs = NULL;
    int count = 0;
    SJ_TRY(sj_lower_grad_input(l->accel, c, &jobs, &count, err));
    sj_status status = SJ_OK;
    for (int i = 0; i < count; i++) {
        if (status == SJ_OK) {
            status = sj_lowering_push(l, jobs[i], err);
        } else {
            sj_job_free(jobs[i]);
        }
    }
    free(jobs);
    *d = sj_lowering_densities(l, c->dy, c->keep, c->w, NULL, c->result.tensor);
    return status;
}

static sj_status grad_weight_unit(sj_lowering *l, const sj_unit_plan *u, sj_conv_case *c, sj_densities *d, sj_error *err) {
    SJ_TRY(sj_lowering_input(l, u->unit.layer_index, 0, &c->x, err));
    sj_job *job = NULL;
    SJ_TRY(sj_lower_grad_weight(l->accel, c, &job, err));
    const bool swapped = job->a.values.data == c->x->data;
    *d = swapped ? sj_lowering_densities(l, c->x, NULL, c->dy, c->keep, NULL) : sj_lowering_densities(l, c->dy, c->keep, c->x, NULL, NULL);
    return sj_lowering_push(l, job, err);
}

static sj_status matmul_forward(sj_lowering *l, const sj_unit_plan *u, sj_matmul_case *c, sj_densities *d, sj_error *err) {
    SJ_TRY(sj_lowering_output_plane(l, u->chain.tail, &c->result, err));
    c->out_ops = output_path_ops(l, u);
    sj_job *job = NULL;
    SJ_TRY(sj_lower_matmul(l->accel, c, &job, err));
    *d = sj_lowering_densities(l, c->x0, NULL, c->x1, NULL, c->result.tensor);
    return sj_lowering_push(l, job, err);
}

// Both inputs' gradients: dy x1^T, then x0^T dy. The densities are the first one's.
static sj_status matmul_backward(sj_lowering *l, int layer, sj_matmul_case *c, sj_densities *d, sj_error *err) {
    SJ_TRY(sj_lowering_dy(l, layer, &c->dy, err));
    SJ_TRY(sj_lowering_dx_plane(l, layer, 0, &c->result, err));
    sj_job *job = NULL;
    SJ_TRY(sj_lower_matmul_grad_x0(l->accel, c, &job, err));
    SJ_TRY(sj_lowering_push(l, job, err));
    *d = sj_lowering_densities(l, c->dy, NULL, c->x1, NULL, c->result.tensor);
    SJ_TRY(sj_lowering_dx_plane(l, layer, 1, &c->result, err));
    SJ_TRY(sj_lower_matmul_grad_x1(l->accel, c, &job, err));
    return sj_lowering_push(l, job, err);
}

static sj_status matmul_unit(sj_lowering *l, const sj_unit_plan *u, sj_densities *d, sj_error *err) {
    const int layer = u->unit.layer_index;
    const sj_layer_info *info = &l->net->layers[layer];
    sj_matmul_case c = {.layer = u->unit.layer, .batch = l->options.batch, .memo = l->options.memo, .rows = info->in.h * info->in.w, .inner = info->in.c, .columns = info->out.c};
    SJ_TRY(sj_lowering_input(l, layer, 0, &c.x0, err));
    SJ_TRY(sj_lowering_input(l, layer, 1, &c.x1, err));
    return u->unit.phase == SJ_PHASE_FORWARD ? matmul_forward(l, u, &c, d, err) : matmul_backward(l, layer, &c, d, err);
}

sj_status sj_lowering_product_unit(sj_lowering *l, const sj_unit_plan *u, sj_densities *d, sj_error *err) {
    const int layer = u->unit.layer_index;
    if (u->unit.kind == SJ_KIND_MATMUL) {
        return matmul_unit(l, u, d, err);
    }
    sj_conv_case c = {.layer = u->unit.layer, .info = &l->net->layers[layer], .batch = l->options.batch, .memo = l->options.memo};
    c.dense_gradient = sj_lowering_feeds_batch_norm(l, layer);
    c.dense_input = c.info->inputs[0] == SJ_INPUT_NETWORK;
    if (u->unit.phase != SJ_PHASE_GRAD_WEIGHT) {
        SJ_TRY(sj_lowering_weights(l, layer, &c.w, err));
    }
    if (u->unit.phase == SJ_PHASE_FORWARD) {
        return forward_unit(l, u, &c, d, err);
    }
    SJ_TRY(sj_lowering_dy(l, layer, &c.dy, err));
    SJ_TRY(sj_lowering_keep(l, layer, &c.keep, err));
    return u->unit.phase == SJ_PHASE_GRAD_INPUT ? grad_input_unit(l, u, &c, d, err) : grad_weight_unit(l, u, &c, d, err);
}
