// SPDX-License-Identifier: Apache-2.0
// A unit's passes of the vector unit. docs/lowering.md says why each byte moves.
#include "lowering_internal.h"

static int64_t volume(sj_dims d) { return d.h * d.w * d.c; }

sj_status sj_lowering_push_pass(sj_lowering *l, const sj_pass *pass, sj_error *err) {
    sj_job *job = NULL;
    SJ_TRY(sj_lower_pass(l->accel, pass, &job, err));
    return sj_lowering_push(l, job, err);
}

// An opaque layer's tensor may be anything, or not there: then its bytes move plain.
static bool is_known(const sj_lowering *l, int layer, const char *name) {
    sj_type type;
    return sj_trace_type(l->trace, l->step, layer, name, &type) && (type == SJ_TYPE_BF16 || type == SJ_TYPE_F32 || type == SJ_TYPE_I8);
}

static sj_status head_inputs(sj_lowering *l, const sj_chain *c, sj_pass *pass, sj_error *err) {
    const sj_layer_info *head = &l->net->layers[c->head];
    for (int i = 0; i < head->input_count; i++) {
        sj_plane *plane = &pass->read[pass->read_count++];
        plane->dims = i == 0 ? head->in : sj_network_input_dims(l->net, c->head, i);
        char name[16];
        sj_lowering_input_name(head, i, name);
        if (head->kind != SJ_KIND_OPAQUE || is_known(l, c->head, name)) {
            SJ_TRY(sj_lowering_input(l, c->head, i, &plane->tensor, err));
        }
    }
    return SJ_OK;
}

// What the backward pass needs beside tensors: a byte a pooled value says where its maximum stood, a bit a value whether dropout let it pass.
static int64_t note_bytes(const sj_lowering *l, const sj_chain *c) {
    const int64_t indices = c->has_maxpool ? l->options.batch * volume(l->net->layers[c->tail].out) : 0;
    const int64_t mask = l->net->layers[c->head].kind == SJ_KIND_DROPOUT ? sj_ceil_div(l->options.batch * volume(l->net->layers[c->head].out), 8) : 0;
    return indices + mask;
}

static sj_status forward_pass(sj_lowering *l, const sj_chain *c, sj_pass pass, sj_densities *d, sj_error *err) {
    SJ_TRY(head_inputs(l, c, &pass, err));
    SJ_TRY(sj_lowering_output_plane(l, c->tail, &pass.written[0], err));
    pass.written_count = 1;
    pass.raw_written_bytes = l->train ? note_bytes(l, c) : 0;
    const bool statistics = l->train && sj_lowering_feeds_batch_norm(l, c->tail);  // sum; square and sum
    pass.vector_ops = l->options.batch * (c->forward_ops + (statistics ? 3 * volume(l->net->layers[c->tail].out) : 0)) + sj_lowering_chain_terms(l, c).value_ops +
                      sj_lowering_input_value_ops(l, c->head);
    *d = sj_lowering_densities(l, pass.read[0].tensor, NULL, NULL, NULL, pass.written[0].tensor);
    return sj_lowering_push_pass(l, &pass, err);
}

static sj_status gradient_in(sj_lowering *l, const sj_chain *c, sj_pass *pass, sj_error *err) {
    pass->read[0].dims = l->net->layers[c->tail].out;
    SJ_TRY(sj_lowering_dy(l, c->tail, &pass->read[0].tensor, err));
    pass->read_count = 1;
    pass->raw_read_bytes = note_bytes(l, c);
    return SJ_OK;
}

// ssProp scores every channel of dy (magnitude, sum) where dy is written: by the backward pass of the chain behind a conv layer that has a choice of channels.
static int64_t score_ops(const sj_lowering *l, int head) {
    const int producer = l->net->layers[head].inputs[0];
    const bool scored = producer >= 0 && sj_trace_has(l->trace, l->step, producer, "keep");
    return scored ? 2 * l->options.batch * volume(l->net->layers[producer].out) : 0;
}

// Batch norm backward: one pass for the two sums (x-hat: subtract, multiply; sum dy; multiply, add), one that reads the same and writes dx (two multiplies, two adds).
// With slopes to add, the first writes the gradient that it has summed and the second reads that: computing it again would take sixteen vector lanes longer than DRAM takes to move it.
static sj_status batch_norm_backward(sj_lowering *l, const sj_chain *c, sj_pass pass, int64_t shared_ops, sj_error *err) {
    const sj_layer_info *head = &l->net->layers[c->head];
    const int64_t values = l->options.batch * volume(head->out);
    const sj_chain_terms t = sj_lowering_chain_terms(l, c);
    const bool keeps = (t.inside || t.on_tail) && head->needs_dx;
    SJ_TRY(gradient_in(l, c, &pass, err));
    pass.read[1].dims = head->in;
    SJ_TRY(sj_lowering_input(l, c->head, 0, &pass.read[1].tensor, err));
    pass.read_count = 2;
    pass.written[0] = (sj_plane){NULL, head->out};
    pass.written_count = keeps ? 1 : 0;
    pass.vector_ops = 5 * values + shared_ops;
    SJ_TRY(sj_lowering_push_pass(l, &pass, err));
    if (!head->needs_dx) {
        return SJ_OK;
    }
    if (keeps) {
        pass.read[0] = pass.written[0];
        pass.raw_read_bytes = 0;
    }
    SJ_TRY(sj_lowering_dx_plane(l, c->head, 0, &pass.written[0], err));
    pass.written_count = 1;
    pass.vector_ops = 4 * values + (keeps ? 0 : shared_ops) + score_ops(l, c->head) + sj_lowering_front_ops(l, c->head);
    return sj_lowering_push_pass(l, &pass, err);
}

static sj_status other_backward(sj_lowering *l, const sj_chain *c, sj_pass pass, int64_t shared_ops, sj_error *err) {
    const sj_layer_info *head = &l->net->layers[c->head];
    const sj_chain_terms t = sj_lowering_chain_terms(l, c);
    const int64_t front_ops = sj_lowering_front_ops(l, c->head);
    if (!head->needs_dx || (head->kind == SJ_KIND_ADD && !c->has_relu && !t.on_tail)) {
        return SJ_OK;  // an addition hands its gradient on as it is
    }
    SJ_TRY(gradient_in(l, c, &pass, err));
    if (c->has_relu || t.on_tail) {  // the mask: where the stored output is not zero; and what a slope on it is taken of
        SJ_TRY(sj_lowering_output_plane(l, c->tail, &pass.read[pass.read_count++], err));
    }
    if (t.inside || front_ops > 0) {
        SJ_TRY(head_inputs(l, c, &pass, err));
    }
    if (head->kind == SJ_KIND_ADD) {
        pass.written[0].dims = head->out;
        SJ_TRY(sj_lowering_dy(l, c->head, &pass.written[0].tensor, err));
    } else {
        SJ_TRY(sj_lowering_dx_plane(l, c->head, 0, &pass.written[0], err));
    }
    pass.written_count = 1;
    pass.vector_ops = shared_ops + score_ops(l, c->head) + front_ops;
    return sj_lowering_push_pass(l, &pass, err);
}

// An opaque layer: the gradient and the inputs come in, the inputs' gradients go out.
static sj_status opaque_backward(sj_lowering *l, const sj_chain *c, sj_pass pass, int64_t shared_ops, sj_error *err) {
    const sj_layer_info *head = &l->net->layers[c->head];
    if (!head->needs_dx) {
        return SJ_OK;
    }
    pass.read[0].dims = l->net->layers[c->tail].out;
    pass.read_count = 1;
    if (c->tail != c->head || is_known(l, c->tail, "dy")) {
        SJ_TRY(sj_lowering_dy(l, c->tail, &pass.read[0].tensor, err));
    }
    SJ_TRY(head_inputs(l, c, &pass, err));
    if (sj_lowering_chain_terms(l, c).on_tail) {
        SJ_TRY(sj_lowering_output_plane(l, c->tail, &pass.read[pass.read_count++], err));
    }
    pass.raw_read_bytes = note_bytes(l, c);
    SJ_TRY(sj_lowering_dx_plane(l, c->head, 0, &pass.written[0], err));
    pass.written_count = 1;
    for (int i = 1; i < head->input_count; i++) {
        pass.raw_written_bytes += l->options.batch * volume(sj_network_input_dims(l->net, c->head, i)) * sj_accel_value_bytes(l->accel);
    }
    pass.vector_ops = shared_ops;
    return sj_lowering_push_pass(l, &pass, err);
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
    const int64_t front_ops = sj_lowering_front_ops(l, u->unit.layer_index);
    if (front_ops > 0) {
        SJ_TRY(head_inputs(l, &u->chain, &pass, err));
    }
    SJ_TRY(sj_lowering_dx_plane(l, u->unit.layer_index, 0, &pass.written[0], err));
    pass.written_count = 1;
    pass.vector_ops = (branches - 1) * l->options.batch * volume(info->out) + front_ops;
    return sj_lowering_push_pass(l, &pass, err);
}

static sj_status loss_pass(sj_lowering *l, const sj_unit_plan *u, sj_pass pass, sj_densities *d, sj_error *err) {
    const sj_layer_info *info = &l->net->layers[u->unit.layer_index];
    SJ_TRY(head_inputs(l, &u->chain, &pass, err));
    SJ_TRY(sj_lowering_dx_plane(l, u->unit.layer_index, 0, &pass.written[0], err));
    pass.written_count = 1;
    pass.vector_ops = l->options.batch * (u->chain.forward_ops + volume(info->in)) + sj_lowering_front_ops(l, u->unit.layer_index);  // and the subtraction of the gradient
    *d = sj_lowering_densities(l, pass.read[0].tensor, NULL, NULL, NULL, pass.written[0].tensor);
    return sj_lowering_push_pass(l, &pass, err);
}

static sj_status chain_passes(sj_lowering *l, const sj_unit_plan *u, const sj_pass *blank, sj_densities *d, sj_error *err) {
    const sj_chain *c = &u->chain;
    SJ_TRY(forward_pass(l, c, *blank, d, err));
    if (!l->train) {
        return SJ_OK;
    }
    const int64_t inside = volume(l->net->layers[c->head].out);
    const int masks = (c->has_relu ? 1 : 0) + (u->unit.kind == SJ_KIND_DROPOUT ? 1 : 0);
    const sj_chain_terms terms = sj_lowering_chain_terms(l, c);
    const int64_t shared_ops = l->options.batch * (masks * inside + c->pooled_values) + terms.slope_ops + terms.again_ops;  // apply the masks; spread the pooled gradient
    if (u->unit.kind == SJ_KIND_OPAQUE) {
        return opaque_backward(l, c, *blank, shared_ops, err);
    }
    return c->has_bn ? batch_norm_backward(l, c, *blank, shared_ops, err) : other_backward(l, c, *blank, shared_ops, err);
}

sj_status sj_lowering_pass_unit(sj_lowering *l, const sj_unit_plan *u, sj_densities *d, sj_error *err) {
    const int layer = u->unit.layer_index;
    const sj_pass blank = {.layer = u->unit.layer, .phase = SJ_PHASE_ELEMENTWISE, .batch = l->options.batch};
    if (sj_lowering_needs_input_pass(l, layer)) {
        SJ_TRY(sj_lowering_input_pass(l, layer, blank, d, err));
    }
    switch (u->unit.kind) {
    case SJ_KIND_FORK:
        return fork_sum(l, u, blank, err);
    case SJ_KIND_SOFTMAX_CE:
        return loss_pass(l, u, blank, d, err);
    case SJ_KIND_CONV:
    case SJ_KIND_LINEAR:
    case SJ_KIND_MATMUL:
    case SJ_KIND_FLATTEN:  // here for a penalty's sake alone
        return sj_lowering_needs_slope_pass(l, layer) ? sj_lowering_slope_pass(l, layer, blank, d, err) : SJ_OK;
    default:
        return chain_passes(l, u, &blank, d, err);
    }
}
