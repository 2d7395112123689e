// SPDX-License-Identifier: Apache-2.0
// What EAT's and L1's terms cost a training step: docs/lowering.md, "Penalties".
#include <stdlib.h>

#include "lowering_internal.h"

static int64_t volume(sj_dims d) { return d.h * d.w * d.c; }

sj_status sj_lowering_read_penalties(sj_lowering *l, sj_error *err) {
    l->input_reader = -1;
    l->penalties = calloc((size_t)l->net->layer_count + 1, sizeof *l->penalties);
    if (l->penalties == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "out of memory for the penalties of %d layers", l->net->layer_count);
    }
    SJ_TRY(sj_trace_read_penalty(l->trace, l->step, SJ_INPUT_NETWORK, &l->input_penalty, err));
    for (int i = 0; i < l->net->layer_count; i++) {
        SJ_TRY(sj_trace_read_penalty(l->trace, l->step, i, &l->penalties[i], err));
        for (int k = 0; k < l->net->layers[i].input_count && l->input_reader < 0 && l->input_penalty != SJ_PENALTY_NONE; k++) {
            l->input_reader = l->net->layers[i].inputs[k] == SJ_INPUT_NETWORK ? i : -1;
            l->input_index = k;
        }
    }
    return SJ_OK;
}

// EAT's term is 1 - sigma / (x^2 + sigma): x^2; + sigma; the reciprocal, one Newton step from a table (multiply, subtract, multiply); into the sum. L1: magnitude, into the sum.
static int64_t value_ops(sj_penalty_kind kind) {
    static const int64_t ops[] = {[SJ_PENALTY_NONE] = 0, [SJ_PENALTY_EAT] = 6, [SJ_PENALTY_L1] = 2};
    return ops[kind];
}

// EAT: x^2; + sigma; the reciprocal (3); its square; times x; times 2 sigma scale; into the gradient. L1: scale with the sign of x; into the gradient.
static int64_t slope_ops(sj_penalty_kind kind) {
    static const int64_t ops[] = {[SJ_PENALTY_NONE] = 0, [SJ_PENALTY_EAT] = 9, [SJ_PENALTY_L1] = 2};
    return ops[kind];
}

int64_t sj_lowering_value_ops(const sj_lowering *l, int layer) { return value_ops(l->penalties[layer]); }

// A ReLU or a maximum right behind a layer that bears EAT's penalty as well: its values are that layer's or zero, and so are their terms and slopes.
static bool shares(const sj_lowering *l, int layer, int before) {
    const sj_kind kind = l->net->layers[layer].kind;
    return before >= 0 && (kind == SJ_KIND_RELU || kind == SJ_KIND_MAXPOOL) && l->penalties[layer] == SJ_PENALTY_EAT && l->penalties[before] == SJ_PENALTY_EAT;
}

// Shared, a value is picked and summed; a slope is added where the ReLU's mask has yet to come, or picked by the maximum's place and added.
static void add_terms(const sj_lowering *l, int layer, int before, sj_chain_terms *t) {
    const int64_t values = l->options.batch * volume(l->net->layers[layer].out);
    const bool relu = l->net->layers[layer].kind == SJ_KIND_RELU, shared = shares(l, layer, before);
    t->value_ops += (shared ? 2 : value_ops(l->penalties[layer])) * values;
    t->slope_ops += (shared ? relu ? 1 : 2 : slope_ops(l->penalties[layer])) * values;
}

sj_chain_terms sj_lowering_chain_terms(const sj_lowering *l, const sj_chain *c) {
    sj_chain_terms t = {0};
    int64_t again = 0;
    for (int layer = c->head, before = -1, ignored = 0;; before = layer, layer = sj_lowering_consumer(l, layer, 0, &ignored)) {
        const bool bears = l->penalties[layer] != SJ_PENALTY_NONE;
        // A maximum's place is noted, so that only what it was chosen from is wanted again.
        again += l->net->layers[layer].kind == SJ_KIND_MAXPOOL ? 0 : l->options.batch * sj_lowering_forward_ops(&l->net->layers[layer], false);
        add_terms(l, layer, before, &t);
        if (bears && (layer != c->tail || c->has_bn)) {  // a batch norm's backward pass has its input at hand, so that it need not read the chain's output
            t.again_ops = again;
        }
        t.on_tail |= bears && layer == c->tail;
        t.inside |= bears && layer != c->tail;
        if (layer == c->tail) {
            return t;
        }
    }
}

static bool is_filter(sj_kind kind) { return kind == SJ_KIND_CONV || kind == SJ_KIND_LINEAR; }

// A pass that writes the gradient of this product's output, and nothing else's: it can add the slope.
static bool pass_adds_slope(const sj_lowering *l, int layer) {
    int input = 0;
    const int next = sj_lowering_consumer(l, layer, 0, &input);
    if (l->consumer_count[layer] != 1 || !l->net->layers[next].needs_dx) {
        return false;
    }
    switch (l->net->layers[next].kind) {
    case SJ_KIND_BN:
    case SJ_KIND_RELU:
    case SJ_KIND_MAXPOOL:
    case SJ_KIND_AVGPOOL:
    case SJ_KIND_DROPOUT:
    case SJ_KIND_SOFTMAX_CE:
        return true;
    case SJ_KIND_FORK:
        return l->consumer_count[next] > 1;
    default:
        return false;
    }
}

int64_t sj_lowering_front_ops(const sj_lowering *l, int layer) {
    const int producer = l->net->layers[layer].inputs[0];
    if (producer < 0 || !is_filter(l->net->layers[producer].kind) || l->penalties[producer] == SJ_PENALTY_NONE || !pass_adds_slope(l, producer)) {
        return 0;
    }
    return slope_ops(l->penalties[producer]) * l->options.batch * volume(l->net->layers[producer].out);
}

bool sj_lowering_needs_slope_pass(const sj_lowering *l, int layer) {
    return is_filter(l->net->layers[layer].kind) && l->penalties[layer] != SJ_PENALTY_NONE && !pass_adds_slope(l, layer);
}

// Passes over the whole of one input of a layer.
static bool reads_input_in_a_pass(sj_kind kind) {
    switch (kind) {
    case SJ_KIND_CONV:
    case SJ_KIND_LINEAR:
    case SJ_KIND_MATMUL:
    case SJ_KIND_FLATTEN:
    case SJ_KIND_FORK:
    case SJ_KIND_SOFTMAX_CE:
        return false;
    default:
        return true;
    }
}

static int64_t input_ops(const sj_lowering *l) {
    const sj_layer_info *reader = &l->net->layers[l->input_reader];
    const sj_dims dims = l->input_index == 0 ? reader->in : sj_network_input_dims(l->net, l->input_reader, l->input_index);
    return value_ops(l->input_penalty) * l->options.batch * volume(dims);
}

int64_t sj_lowering_input_value_ops(const sj_lowering *l, int layer) {
    return layer == l->input_reader && reads_input_in_a_pass(l->net->layers[layer].kind) ? input_ops(l) : 0;
}

bool sj_lowering_needs_input_pass(const sj_lowering *l, int layer) { return layer == l->input_reader && !reads_input_in_a_pass(l->net->layers[layer].kind); }

sj_status sj_lowering_input_pass(sj_lowering *l, int layer, sj_pass pass, sj_densities *d, sj_error *err) {
    const int index = l->input_index;
    pass.read[0].dims = index == 0 ? l->net->layers[layer].in : sj_network_input_dims(l->net, layer, index);
    SJ_TRY(sj_lowering_input(l, layer, index, &pass.read[0].tensor, err));
    pass.read_count = 1;
    pass.vector_ops = input_ops(l);
    *d = sj_lowering_densities(l, pass.read[0].tensor, NULL, NULL, NULL, NULL);
    return sj_lowering_push_pass(l, &pass, err);
}

sj_status sj_lowering_slope_pass(sj_lowering *l, int layer, sj_pass pass, sj_densities *d, sj_error *err) {
    pass.read[0].dims = l->net->layers[layer].out;
    SJ_TRY(sj_lowering_dy(l, layer, &pass.read[0].tensor, err));
    SJ_TRY(sj_lowering_output_plane(l, layer, &pass.read[1], err));
    pass.read_count = 2;
    pass.written[0] = pass.read[0];
    pass.written_count = 1;
    pass.vector_ops = slope_ops(l->penalties[layer]) * l->options.batch * volume(l->net->layers[layer].out);
    *d = sj_lowering_densities(l, pass.read[1].tensor, NULL, NULL, NULL, pass.written[0].tensor);
    return sj_lowering_push_pass(l, &pass, err);
}
