// SPDX-License-Identifier: Apache-2.0
// Which tensor is how sparse, and which tensors belong together.
#include <math.h>

#include "synth_internal.h"

uint64_t sj_synth_stream(int layer, sj_synth_purpose purpose, int number) { return ((uint64_t)(layer + 1) << 16) + ((uint64_t)purpose << 8) + (uint64_t)number; }

int sj_synth_source(const sj_network *net, int from) {
    while (from >= 0 && net->layers[from].kind == SJ_KIND_FORK) {
        from = net->layers[from].inputs[0];
    }
    return from;
}

// The layer that made the values: a flatten moves none.
static int maker(const sj_network *net, int from) {
    while (from >= 0 && (net->layers[from].kind == SJ_KIND_FORK || net->layers[from].kind == SJ_KIND_FLATTEN)) {
        from = net->layers[from].inputs[0];
    }
    return from;
}

static bool feeds_relu(const sj_network *net, int made_by) {
    for (int i = made_by + 1; i < net->layer_count; i++) {
        if (net->layers[i].kind == SJ_KIND_RELU && maker(net, net->layers[i].inputs[0]) == made_by) {
            return true;
        }
    }
    return false;
}

// Zeros of activations come from ReLUs. What they made passes pools, dropout and sums of nothing else.
static bool is_rectified(const sj_network *net, int from) {
    const int m = maker(net, from);
    if (m < 0) {
        return m == SJ_INPUT_OWN;
    }
    const sj_layer_info *l = &net->layers[m];
    switch (l->kind) {
        case SJ_KIND_RELU: return true;
        case SJ_KIND_MAXPOOL:
        case SJ_KIND_AVGPOOL:
        case SJ_KIND_DROPOUT: return is_rectified(net, l->inputs[0]);
        case SJ_KIND_ADD:
            for (int i = 0; i < l->input_count; i++) {
                if (!is_rectified(net, l->inputs[i])) {
                    return false;
                }
            }
            return true;
        default: return false;
    }
}

// A ReLU's output is drawn from the stream of its input.
static uint64_t value_stream(const sj_network *net, int from) {
    int m = maker(net, from);
    while (m >= 0 && net->layers[m].kind == SJ_KIND_RELU) {
        m = maker(net, net->layers[m].inputs[0]);
    }
    return sj_synth_stream(m, SJ_SYNTH_VALUE, 0);
}

sj_synth_recipe sj_synth_value(const sj_network *net, const sj_synth_options *o, int layer, int input) {
    const int from = net->layers[layer].inputs[input];
    sj_synth_recipe r = {.stream = from == SJ_INPUT_OWN ? sj_synth_stream(layer, SJ_SYNTH_OWN_INPUT, input) : value_stream(net, from), .density = o->x, .sign = SJ_SYNTH_POSITIVE};
    if (!is_rectified(net, from)) {
        const bool relu = feeds_relu(net, maker(net, from));
        r.density = relu ? o->x : 1.0;
        r.sign = relu ? SJ_SYNTH_BEFORE : SJ_SYNTH_RANDOM;
    }
    return r;
}

sj_synth_recipe sj_synth_weights(const sj_synth_options *o, int layer) {
    return (sj_synth_recipe){.stream = sj_synth_stream(layer, SJ_SYNTH_WEIGHT, 0), .density = o->w};
}

// The one layer that reads an output; -1 where there is none, or more than one.
static int only_reader(const sj_network *net, int layer) {
    int reader = -1;
    for (int i = layer + 1; i < net->layer_count; i++) {
        for (int j = 0; j < net->layers[i].input_count; j++) {
            if (net->layers[i].inputs[j] == layer) {
                if (reader >= 0) {
                    return -1;
                }
                reader = i;
            }
        }
    }
    return reader;
}

static bool is_product(sj_kind kind) { return kind == SJ_KIND_CONV || kind == SJ_KIND_LINEAR || kind == SJ_KIND_MATMUL; }

// Is its gradient drawn by itself, whatever stands behind it?
static bool stands_alone(const sj_synth_options *o, sj_kind kind) { return is_product(kind) && !o->dy_follows; }

// A penalty's slope comes on top of the gradient from behind, wherever the output is not 0.
static bool bears(const sj_synth_options *o, int layer) { return o->dy_follows && o->penalties != NULL && o->penalties[1 + layer] != SJ_PENALTY_NONE; }

int sj_synth_gradient_source(const sj_network *net, const sj_synth_options *o, int layer) {
    for (;;) {
        if (bears(o, layer)) {
            return layer;
        }
        const int reader = stands_alone(o, net->layers[layer].kind) ? -1 : only_reader(net, layer);
        if (reader < 0 || (net->layers[reader].kind != SJ_KIND_ADD && net->layers[reader].kind != SJ_KIND_FORK)) {
            return layer;
        }
        layer = reader;
    }
}

static double pixels(sj_dims d) { return (double)d.h * (double)d.w; }

// ReLUs behind each other have the same mask.
static void add_mask(sj_synth_recipe *r, uint64_t stream) {
    for (int i = 0; i < r->mask_count && i < SJ_SYNTH_MASKS_MAX; i++) {
        if (r->masks[i] == stream) {
            return;
        }
    }
    if (r->mask_count < SJ_SYNTH_MASKS_MAX) {
        r->masks[r->mask_count] = stream;
    }
    r->mask_count++;
}

// What comes from behind; `layer` is a source.
static sj_synth_recipe from_behind(const sj_network *net, const sj_synth_options *o, int layer) {
    const bool alone = stands_alone(o, net->layers[layer].kind);
    sj_synth_recipe own = {.stream = sj_synth_stream(layer, SJ_SYNTH_GRADIENT, 0), .density = alone ? o->dy : 1.0};
    const int reader = alone ? -1 : only_reader(net, layer);
    if (reader < 0) {
        return own;
    }
    const sj_layer_info *next = &net->layers[reader];
    if (next->kind == SJ_KIND_FLATTEN) {
        return sj_synth_gradient(net, o, reader);
    }
    if (next->kind == SJ_KIND_RELU) {
        sj_synth_recipe r = sj_synth_gradient(net, o, reader);
        add_mask(&r, value_stream(net, reader));
        r.mask_density = o->x;
        return r;
    }
    if (next->kind == SJ_KIND_MAXPOOL) {  // one position of a window gets the gradient
        const double share = pixels(next->out) / pixels(next->in);
        const sj_synth_recipe pooled = sj_synth_gradient(net, o, reader);
        own.density = pooled.density * pow(pooled.mask_density, pooled.mask_count) * (share < 1.0 ? share : 1.0);
    }
    return own;
}

sj_synth_recipe sj_synth_gradient(const sj_network *net, const sj_synth_options *o, int layer) {
    layer = sj_synth_gradient_source(net, o, layer);
    const sj_synth_recipe behind = from_behind(net, o, layer);
    if (!bears(o, layer)) {
        return behind;
    }
    sj_synth_recipe r = {.stream = sj_synth_stream(layer, SJ_SYNTH_GRADIENT, 0), .density = 1.0};
    if (is_rectified(net, layer) && (behind.mask_count > 0 || behind.density < 1.0)) {  // what comes from behind at zeros of a ReLU's output, mostly nothing, is left out
        add_mask(&r, value_stream(net, layer));
        r.mask_density = o->x;
    }
    return r;
}
