// SPDX-License-Identifier: Apache-2.0
#include "sj_asic_ratio.h"

#include <math.h>

#include "sj_net.h"

static const double dram_pj = 1950.0, computation_pj = 3.7;

bool sj_asic_is_module(sj_kind kind) {
    switch (kind) {
        case SJ_KIND_CONV:
        case SJ_KIND_LINEAR:
        case SJ_KIND_BN:
        case SJ_KIND_RELU:
        case SJ_KIND_MAXPOOL:
        case SJ_KIND_AVGPOOL:
        case SJ_KIND_DROPOUT: return true;
        default: return false;
    }
}

int64_t sj_asic_parameters(const sj_layer_info *l) {
    const int64_t bias = l->has_bias ? l->out.c : 0;
    switch (l->kind) {
        case SJ_KIND_CONV: return l->out.c * l->kernel_h * l->kernel_w * (l->in.c / l->groups) + bias;
        case SJ_KIND_LINEAR: return l->out.c * l->in.c + bias;
        case SJ_KIND_BN: return 4 * l->in.c + 1;
        default: return 0;
    }
}

int64_t sj_asic_computations(const sj_layer_info *l, int64_t images) {
    const int64_t window = l->kernel_h * l->kernel_w, outputs = images * sj_dims_count(l->out);
    switch (l->kind) {
        case SJ_KIND_CONV: return outputs * window * l->in.c;
        case SJ_KIND_LINEAR: return l->out.c * l->in.c * images;
        case SJ_KIND_MAXPOOL:
        case SJ_KIND_AVGPOOL: return outputs * window;
        case SJ_KIND_BN: return 4 * images * sj_dims_count(l->in);
        default: return 0;
    }
}

static double share(int64_t nonzero, int64_t count) { return count > 0 ? (double)nonzero / (double)count : 1.0; }

double sj_asic_optimal_pj(const sj_asic_sums *s) {
    return dram_pj * (double)(s->parameters_nonzero + s->inputs_nonzero + s->outputs_nonzero) +
           computation_pj * (double)s->computations * share(s->parameters_nonzero, s->parameters) * share(s->inputs_nonzero, s->inputs);
}

double sj_asic_worst_pj(const sj_asic_sums *s) { return dram_pj * (double)(s->parameters + s->inputs + s->outputs) + computation_pj * (double)s->computations; }

// Nonzeros of the tensor that `layer` makes (SJ_INPUT_NETWORK: the network's input): forks and flattens hand on what they read.
static int64_t nonzero_of(const sj_network *net, int layer, const int64_t *y_nonzero, int64_t input_nonzero) {
    while (layer >= 0 && (net->layers[layer].kind == SJ_KIND_FORK || net->layers[layer].kind == SJ_KIND_FLATTEN)) {
        layer = net->layers[layer].inputs[0];
    }
    return layer >= 0 ? y_nonzero[layer] : input_nonzero;
}

void sj_asic_add_activations(const sj_network *net, const sj_asic_options *o, int64_t images, const int64_t *y_nonzero, int64_t input_nonzero, sj_asic_sums *sums) {
    if (o->input) {
        sums->outputs += images * sj_dims_count(net->layers[0].in);
        sums->outputs_nonzero += input_nonzero;
    }
    for (int i = 0; i < net->layer_count; i++) {
        const sj_layer_info *l = &net->layers[i];
        if (!sj_asic_is_module(l->kind)) {
            continue;
        }
        const bool overwritten = l->kind == SJ_KIND_RELU && o->inplace_relu;
        sums->inputs += images * sj_dims_count(l->in);
        sums->inputs_nonzero += overwritten ? y_nonzero[i] : nonzero_of(net, l->inputs[0], y_nonzero, input_nonzero);
        sums->outputs += images * sj_dims_count(l->out);
        sums->outputs_nonzero += y_nonzero[i];
        sums->computations += sj_asic_computations(l, images);
    }
}

void sj_asic_add_parameters(const sj_network *net, const int64_t *parameter_nonzero, sj_asic_sums *sums) {
    for (int i = 0; i < net->layer_count; i++) {
        sums->parameters += sj_asic_parameters(&net->layers[i]);
        sums->parameters_nonzero += parameter_nonzero[i] + (net->layers[i].kind == SJ_KIND_BN ? 1 : 0);  // the counter of batches
    }
}

sj_asic_mean sj_asic_begin(const sj_asic_options *options) { return (sj_asic_mean){.options = *options}; }

int64_t sj_asic_room(const sj_asic_mean *m) { return m->options.batch - m->images; }

static void end_batch(sj_asic_mean *m) {
    m->ratios += sj_asic_optimal_pj(&m->batch) / sj_asic_worst_pj(&m->batch);
    m->batches++;
    m->images = 0;
    m->batch = (sj_asic_sums){0};
}

sj_status sj_asic_add(sj_asic_mean *m, const sj_network *net, int64_t images, const int64_t *y_nonzero, int64_t input_nonzero, const int64_t *parameter_nonzero, sj_error *err) {
    if (images < 1 || images > sj_asic_room(m)) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "asic_ratio: a forward pass of %lld images, where the batch takes 1 to %lld more", (long long)images, (long long)sj_asic_room(m));
    }
    for (int i = 0; i < net->layer_count; i++) {
        if (sj_asic_is_module(net->layers[i].kind) && (y_nonzero[i] < 0 || y_nonzero[i] > images * sj_dims_count(net->layers[i].out))) {
            return SJ_FAIL(err, SJ_ERR_INTERNAL, "asic_ratio: layer \"%s\": %lld nonzero outputs were counted, of %lld", net->layers[i].name, (long long)y_nonzero[i],
                           (long long)(images * sj_dims_count(net->layers[i].out)));
        }
    }
    if (m->images == 0) {
        sj_asic_add_parameters(net, parameter_nonzero, &m->batch);
    }
    sj_asic_add_activations(net, &m->options, images, y_nonzero, input_nonzero, &m->batch);
    m->images += images;
    if (m->images == m->options.batch) {
        end_batch(m);
    }
    return SJ_OK;
}

double sj_asic_finish(sj_asic_mean *m) {
    if (m->images > 0) {
        end_batch(m);
    }
    return m->batches > 0 ? m->ratios / (double)m->batches : (double)NAN;
}
