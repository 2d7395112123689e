// SPDX-License-Identifier: Apache-2.0
// Which layers are units of their own and which ride along: docs/lowering.md, "Chains".
#include <stdlib.h>

#include "lowering_internal.h"

int sj_lowering_consumer(const sj_lowering *l, int layer, int nth, int *input_index) {
    for (int j = layer + 1; j < l->net->layer_count; j++) {
        for (int i = 0; i < l->net->layers[j].input_count; i++) {
            if (l->net->layers[j].inputs[i] == layer && nth-- == 0) {
                *input_index = i;
                return j;
            }
        }
    }
    return -1;
}

static int64_t volume(sj_dims d) { return d.h * d.w * d.c; }

int64_t sj_lowering_forward_ops(const sj_layer_info *l, bool folded) {
    switch (l->kind) {
    case SJ_KIND_BN:
        return folded ? 0 : 2 * volume(l->out);  // multiply, add
    case SJ_KIND_MAXPOOL:
    case SJ_KIND_AVGPOOL:
        return volume(l->out) * l->kernel_h * l->kernel_w;
    case SJ_KIND_SOFTMAX_CE:
        return 4 * volume(l->in);  // maximum, exponential, sum, divide
    case SJ_KIND_RELU:
    case SJ_KIND_DROPOUT:
        return volume(l->out);
    case SJ_KIND_ADD:
        return volume(l->out) * (l->input_count - 1);
    default:
        return 0;
    }
}

static bool is_filter(sj_kind kind) { return kind == SJ_KIND_CONV || kind == SJ_KIND_LINEAR; }

static bool is_product(sj_kind kind) { return is_filter(kind) || kind == SJ_KIND_MATMUL; }

static void join(const sj_lowering *l, sj_chain *c, int layer) {
    const sj_layer_info *info = &l->net->layers[layer];
    const bool pools = info->kind == SJ_KIND_MAXPOOL || info->kind == SJ_KIND_AVGPOOL;
    c->tail = layer;
    c->has_bn |= info->kind == SJ_KIND_BN;
    c->has_relu |= info->kind == SJ_KIND_RELU;
    c->has_maxpool |= info->kind == SJ_KIND_MAXPOOL;
    c->has_avgpool |= info->kind == SJ_KIND_AVGPOOL;
    c->pooled_values += pools ? volume(info->in) : 0;
    c->forward_ops += sj_lowering_forward_ops(info, is_filter(l->net->layers[c->head].kind));
}

static bool may_follow(const sj_chain *c, sj_kind kind, sj_kind head) {
    const bool pooled = c->has_maxpool || c->has_avgpool;
    switch (kind) {
    case SJ_KIND_BN:
        return is_filter(head) && !c->has_bn && !c->has_relu && !pooled;
    case SJ_KIND_RELU:
        return !c->has_relu && !pooled;
    case SJ_KIND_MAXPOOL:
        return !pooled;
    case SJ_KIND_AVGPOOL:
        return !pooled && (is_product(head) || c->has_bn);  // the backward pass finds its mask in the batch norm's input; without one the chain ends before
    default:
        return false;
    }
}

static sj_chain grow(sj_lowering *l, int head, bool may_grow) {
    const sj_kind head_kind = l->net->layers[head].kind;
    sj_chain c = {.head = head, .tail = head};
    join(l, &c, head);
    while (may_grow && l->consumer_count[c.tail] == 1) {
        int input = 0;
        const int next = sj_lowering_consumer(l, c.tail, 0, &input);
        if (l->net->layers[next].input_count != 1 || !may_follow(&c, l->net->layers[next].kind, head_kind)) {
            break;
        }
        join(l, &c, next);
        l->absorbed[next] = true;
    }
    return c;
}

static void add_unit(sj_lowering *l, int layer, sj_phase phase, sj_chain chain) {
    const sj_layer_info *info = &l->net->layers[layer];
    l->units[l->unit_count++] = (sj_unit_plan){{info->name, info->kind, phase, layer}, chain};
}

static bool has_pass(const sj_lowering *l, const sj_layer_info *info) {
    switch (info->kind) {
    case SJ_KIND_FLATTEN:
        return false;
    case SJ_KIND_FORK:
    case SJ_KIND_SOFTMAX_CE:
        return l->train;  // an inference needs the largest logit only
    case SJ_KIND_DROPOUT:
        return l->train;
    default:
        return true;
    }
}

static sj_status plan_forward(sj_lowering *l, sj_error *err) {
    for (int i = 0; i < l->net->layer_count; i++) {
        const sj_layer_info *info = &l->net->layers[i];
        if (info->groups > 1 && sj_trace_has(l->trace, l->step, i, "keep")) {
            return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "%s: step %lld, layer \"%s\": \"keep\" (channels that ssProp chose) of a convolution with groups = %lld; allowed: keep where groups = 1",
                           sj_trace_path(l->trace), (long long)sj_trace_get_step(l->trace, l->step)->number, info->name, (long long)info->groups);
        }
        if (is_product(info->kind)) {
            add_unit(l, i, SJ_PHASE_FORWARD, grow(l, i, !l->train && l->options.fuse));
        }
        if (is_product(info->kind) || info->kind == SJ_KIND_FLATTEN) {
            if (sj_lowering_needs_input_pass(l, i) || sj_lowering_needs_slope_pass(l, i)) {
                add_unit(l, i, SJ_PHASE_ELEMENTWISE, (sj_chain){.head = i, .tail = i});
            }
        } else if (!l->absorbed[i] && has_pass(l, info)) {
            add_unit(l, i, SJ_PHASE_ELEMENTWISE, grow(l, i, info->kind != SJ_KIND_FORK && info->kind != SJ_KIND_SOFTMAX_CE));
        }
    }
    return SJ_OK;
}

static void plan_backward(sj_lowering *l) {
    for (int i = l->net->layer_count - 1; i >= 0; i--) {
        if (!is_product(l->net->layers[i].kind)) {
            continue;
        }
        const sj_chain alone = {.head = i, .tail = i};
        if (l->net->layers[i].needs_dx) {
            add_unit(l, i, SJ_PHASE_GRAD_INPUT, alone);
        }
        if (is_filter(l->net->layers[i].kind)) {
            add_unit(l, i, SJ_PHASE_GRAD_WEIGHT, alone);
        }
    }
}

static void plan_update(sj_lowering *l) {
    for (int i = 0; i < l->net->layer_count; i++) {
        const sj_kind kind = l->net->layers[i].kind;
        if (is_filter(kind) || kind == SJ_KIND_BN) {
            add_unit(l, i, SJ_PHASE_UPDATE, (sj_chain){.head = i, .tail = i});
        }
    }
}

sj_status sj_lowering_plan(sj_lowering *l, sj_error *err) {
    const int count = l->net->layer_count;
    l->units = calloc((size_t)count * 5 + 1, sizeof *l->units);
    l->absorbed = calloc((size_t)count + 1, sizeof *l->absorbed);
    l->consumer_count = calloc((size_t)count + 1, sizeof *l->consumer_count);
    if (l->units == NULL || l->absorbed == NULL || l->consumer_count == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "out of memory for the units of %d layers", count);
    }
    for (int j = 0; j < count; j++) {
        for (int i = 0; i < l->net->layers[j].input_count; i++) {
            if (l->net->layers[j].inputs[i] >= 0) {
                l->consumer_count[l->net->layers[j].inputs[i]]++;
            }
        }
    }
    if (l->skipped) {  // no data went through
        plan_update(l);
        return SJ_OK;
    }
    SJ_TRY(plan_forward(l, err));
    if (l->train) {
        plan_backward(l);
        plan_update(l);
    }
    return SJ_OK;
}
