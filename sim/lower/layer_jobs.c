// SPDX-License-Identifier: Apache-2.0
// A unit's jobs: products of conv and linear layers, passes of the vector unit, parameter updates. docs/lowering.md says why each byte moves.
#include <math.h>
#include <stdlib.h>

#include "lowering_internal.h"

static int64_t volume(sj_dims d) { return d.h * d.w * d.c; }

static sj_status push(sj_lowering *l, sj_job *job, sj_error *err) {
    if (l->job_count == JOBS_MAX) {
        sj_job_free(job);
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: a layer needs more than %d products; its stride is too large", sj_trace_path(l->trace), JOBS_MAX);
    }
    l->jobs[l->job_count++] = job;
    return SJ_OK;
}

static bool feeds_batch_norm(const sj_lowering *l, int layer) {
    int input = 0;
    const int next = sj_lowering_consumer(l, layer, 0, &input);
    return next >= 0 && l->net->layers[next].kind == SJ_KIND_BN;
}

static sj_status forward_unit(sj_lowering *l, const sj_unit_plan *u, sj_conv_case *c, sj_densities *d, sj_error *err) {
    SJ_TRY(sj_lowering_input(l, u->unit.layer_index, 0, &c->x, err));
    SJ_TRY(sj_lowering_output_plane(l, u->chain.tail, &c->result, err));
    const int64_t statistics = l->train && feeds_batch_norm(l, u->unit.layer_index) ? 3 : 0;  // sum; square and sum
    c->out_ops = sj_ceil_div(u->chain.forward_ops, volume(c->info->out)) + statistics;
    sj_job *job = NULL;
    SJ_TRY(sj_lower_forward(l->accel, c, &job, err));
    *d = (sj_densities){sj_tensor_density(c->x, NULL), sj_tensor_density(c->w, NULL), sj_tensor_density(c->result.tensor, NULL)};
    return push(l, job, err);
}

static sj_status grad_input_unit(sj_lowering *l, const sj_unit_plan *u, sj_conv_case *c, sj_densities *d, sj_error *err) {
    SJ_TRY(sj_lowering_dx_plane(l, u->unit.layer_index, &c->result, err));
    sj_job **jobs = NULL;
    int count = 0;
    SJ_TRY(sj_lower_grad_input(l->accel, c, &jobs, &count, err));
    sj_status status = SJ_OK;
    for (int i = 0; i < count; i++) {
        if (status == SJ_OK) {
            status = push(l, jobs[i], err);
        } else {
            sj_job_free(jobs[i]);
        }
    }
    free(jobs);
    *d = (sj_densities){sj_tensor_density(c->dy, c->keep), sj_tensor_density(c->w, NULL), sj_tensor_density(c->result.tensor, NULL)};
    return status;
}

static sj_status grad_weight_unit(sj_lowering *l, const sj_unit_plan *u, sj_conv_case *c, sj_densities *d, sj_error *err) {
    SJ_TRY(sj_lowering_input(l, u->unit.layer_index, 0, &c->x, err));
    c->dense_gradient = feeds_batch_norm(l, u->unit.layer_index);
    c->dense_input = c->info->inputs[0] < 0;
    sj_job *job = NULL;
    SJ_TRY(sj_lower_grad_weight(l->accel, c, &job, err));
    const double gradient = sj_tensor_density(c->dy, c->keep);
    const double input = sj_tensor_density(c->x, NULL);
    const bool swapped = job->a.values.data == c->x->data;
    *d = (sj_densities){swapped ? input : gradient, swapped ? gradient : input, NAN};
    return push(l, job, err);
}

sj_status sj_lowering_product_unit(sj_lowering *l, const sj_unit_plan *u, sj_densities *d, sj_error *err) {
    const int layer = u->unit.layer_index;
    sj_conv_case c = {.layer = u->unit.layer, .info = &l->net->layers[layer], .batch = l->options.batch};
    SJ_TRY(sj_lowering_weights(l, layer, &c.w, err));
    if (u->unit.phase == SJ_PHASE_FORWARD) {
        return forward_unit(l, u, &c, d, err);
    }
    SJ_TRY(sj_lowering_dy(l, layer, &c.dy, err));
    SJ_TRY(sj_lowering_keep(l, layer, &c.keep, err));
    return u->unit.phase == SJ_PHASE_GRAD_INPUT ? grad_input_unit(l, u, &c, d, err) : grad_weight_unit(l, u, &c, d, err);
}

static sj_status push_pass(sj_lowering *l, const sj_pass *pass, sj_error *err) {
    sj_job *job = NULL;
    SJ_TRY(sj_lower_pass(l->accel, pass, &job, err));
    return push(l, job, err);
}

static sj_status head_inputs(sj_lowering *l, const sj_chain *c, sj_pass *pass, sj_error *err) {
    const sj_layer_info *head = &l->net->layers[c->head];
    for (int i = 0; i < head->input_count; i++) {
        pass->read[i].dims = head->in;
        SJ_TRY(sj_lowering_input(l, c->head, i, &pass->read[i].tensor, err));
    }
    pass->read_count = head->input_count;
    return SJ_OK;
}

// One byte a pooled value says where its maximum stood.
static int64_t index_bytes(const sj_lowering *l, const sj_chain *c) { return c->has_maxpool ? l->options.batch * volume(l->net->layers[c->tail].out) : 0; }

static sj_status forward_pass(sj_lowering *l, const sj_chain *c, sj_pass pass, sj_densities *d, sj_error *err) {
    SJ_TRY(head_inputs(l, c, &pass, err));
    SJ_TRY(sj_lowering_output_plane(l, c->tail, &pass.written[0], err));
    pass.written_count = 1;
    pass.raw_written_bytes = l->train ? index_bytes(l, c) : 0;
    pass.vector_ops = c->forward_ops * l->options.batch;
    *d = (sj_densities){sj_tensor_density(pass.read[0].tensor, NULL), NAN, sj_tensor_density(pass.written[0].tensor, NULL)};
    return push_pass(l, &pass, err);
}

static sj_status gradient_in(sj_lowering *l, const sj_chain *c, sj_pass *pass, sj_error *err) {
    pass->read[0].dims = l->net->layers[c->tail].out;
    SJ_TRY(sj_lowering_dy(l, c->tail, &pass->read[0].tensor, err));
    pass->read_count = 1;
    pass->raw_read_bytes = index_bytes(l, c);
    return SJ_OK;
}

// ssProp scores every channel of dy (magnitude, sum) where dy is written: by the backward pass of the chain behind a conv layer that has a choice of channels.
static int64_t score_ops(const sj_lowering *l, int head) {
    const int producer = l->net->layers[head].inputs[0];
    const bool scored = producer >= 0 && sj_trace_has(l->trace, l->step, producer, "keep");
    return scored ? 2 * l->options.batch * volume(l->net->layers[producer].out) : 0;
}

// Batch norm backward: one pass for the two sums (x-hat: subtract, multiply; sum dy; multiply, add), one that reads the same and writes dx (two multiplies, two adds).
static sj_status batch_norm_backward(sj_lowering *l, const sj_chain *c, sj_pass pass, int64_t shared_ops, sj_error *err) {
    const int64_t values = l->options.batch * volume(l->net->layers[c->head].out);
    SJ_TRY(gradient_in(l, c, &pass, err));
    pass.read[1].dims = l->net->layers[c->head].in;
    SJ_TRY(sj_lowering_input(l, c->head, 0, &pass.read[1].tensor, err));
    pass.read_count = 2;
    pass.vector_ops = 5 * values + shared_ops;
    SJ_TRY(push_pass(l, &pass, err));
    if (!l->net->layers[c->head].needs_dx) {
        return SJ_OK;
    }
    SJ_TRY(sj_lowering_dx_plane(l, c->head, &pass.written[0], err));
    pass.written_count = 1;
    pass.vector_ops = 4 * values + shared_ops + score_ops(l, c->head);
    return push_pass(l, &pass, err);
}

static sj_status other_backward(sj_lowering *l, const sj_chain *c, sj_pass pass, int64_t shared_ops, sj_error *err) {
    const sj_layer_info *head = &l->net->layers[c->head];
    if (!head->needs_dx || (head->kind == SJ_KIND_ADD && !c->has_relu)) {
        return SJ_OK;  // an addition hands its gradient on as it is
    }
    SJ_TRY(gradient_in(l, c, &pass, err));
    if (c->has_relu) {  // the mask: where the stored output is not zero
        SJ_TRY(sj_lowering_output_plane(l, c->tail, &pass.read[pass.read_count++], err));
    }
    if (head->kind == SJ_KIND_ADD) {
        pass.written[0].dims = head->out;
        SJ_TRY(sj_lowering_dy(l, c->head, &pass.written[0].tensor, err));
    } else {
        SJ_TRY(sj_lowering_dx_plane(l, c->head, &pass.written[0], err));
    }
    pass.written_count = 1;
    pass.vector_ops = shared_ops + score_ops(l, c->head);
    return push_pass(l, &pass, err);
}

static sj_status fork_sum(sj_lowering *l, const sj_unit_plan *u, sj_pass pass, sj_error *err) {
    const sj_layer_info *info = &l->net->layers[u->unit.layer_index];
    const int branches = l->consumer_count[u->unit.layer_index];
    if (branches > SJ_INPUTS_MAX) {
        return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "%s: layer \"%s\" has %d branches; allowed: up to %d", sj_trace_path(l->trace), info->name, branches, SJ_INPUTS_MAX);
    }
    if (branches < 2 || !info->needs_dx) {
        return SJ_OK;
    }
    for (int i = 0; i < branches; i++) {
        pass.read[i] = (sj_plane){NULL, info->out};
    }
    pass.read_count = branches;
    SJ_TRY(sj_lowering_dx_plane(l, u->unit.layer_index, &pass.written[0], err));
    pass.written_count = 1;
    pass.vector_ops = (branches - 1) * l->options.batch * volume(info->out);
    return push_pass(l, &pass, err);
}

static sj_status loss_pass(sj_lowering *l, const sj_unit_plan *u, sj_pass pass, sj_densities *d, sj_error *err) {
    const sj_layer_info *info = &l->net->layers[u->unit.layer_index];
    SJ_TRY(head_inputs(l, &u->chain, &pass, err));
    SJ_TRY(sj_lowering_dx_plane(l, u->unit.layer_index, &pass.written[0], err));
    pass.written_count = 1;
    pass.vector_ops = l->options.batch * (u->chain.forward_ops + volume(info->in));  // and the subtraction of the gradient
    *d = (sj_densities){sj_tensor_density(pass.read[0].tensor, NULL), NAN, sj_tensor_density(pass.written[0].tensor, NULL)};
    return push_pass(l, &pass, err);
}

sj_status sj_lowering_pass_unit(sj_lowering *l, const sj_unit_plan *u, sj_densities *d, sj_error *err) {
    const sj_chain *c = &u->chain;
    const sj_pass blank = {.layer = u->unit.layer, .phase = SJ_PHASE_ELEMENTWISE, .batch = l->options.batch};
    if (u->unit.kind == SJ_KIND_FORK) {
        return fork_sum(l, u, blank, err);
    }
    if (u->unit.kind == SJ_KIND_SOFTMAX_CE) {
        return loss_pass(l, u, blank, d, err);
    }
    SJ_TRY(forward_pass(l, c, blank, d, err));
    if (!l->train || u->unit.kind == SJ_KIND_OPAQUE) {
        return SJ_OK;
    }
    const int64_t inside = l->options.batch * volume(l->net->layers[c->head].out);
    const int64_t shared_ops = (c->has_relu ? inside : 0) + (c->has_maxpool || c->has_avgpool ? inside : 0);  // apply the mask; spread the pooled gradient
    return c->has_bn ? batch_norm_backward(l, c, blank, shared_ops, err) : other_backward(l, c, blank, shared_ops, err);
}

// SGD with momentum: fp32 w, m and gradient read; w, m written, and the bf16 weights in both layouts. Operations: decay (multiply, add), momentum (multiply, add), step (multiply,
// subtract), two conversions.
sj_status sj_lowering_update_unit(sj_lowering *l, const sj_unit_plan *u, sj_error *err) {
    const sj_layer_info *info = &l->net->layers[u->unit.layer_index];
    const bool batch_norm = info->kind == SJ_KIND_BN;
    const int64_t weights = batch_norm ? 0 : info->out.c * info->kernel_h * info->kernel_w * info->in.c;
    const int64_t parameters = batch_norm ? 2 * info->out.c : weights + (info->has_bias ? info->out.c : 0);
    const sj_pass pass = {.layer = u->unit.layer, .phase = SJ_PHASE_UPDATE, .batch = l->options.batch, .raw_read_bytes = 12 * parameters,
                          .raw_written_bytes = 8 * parameters + 2 * 2 * weights, .vector_ops = 6 * parameters + 2 * weights};
    return push_pass(l, &pass, err);
}
