// SPDX-License-Identifier: Apache-2.0
// Building and freeing a model; sj_forward.c and sj_backward.c run it.
#include "sj_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "sj_random.h"

#define CHUNK_MAX 8

static sj_status alloc_floats(float **out, int64_t count, const sj_layer_info *l, sj_error *err) {
    return sj_alloc((void **)out, (uint64_t)count, sizeof(float), l->name, err);
}

static sj_status add_param(sj_layer *l, const char *name, int64_t count, float initial, sj_error *err) {
    sj_param *p = &l->params[l->param_count++];
    p->name = name;
    p->count = count;
    SJ_TRY(alloc_floats(&p->value, count, l->info, err));
    SJ_TRY(alloc_floats(&p->grad, count, l->info, err));
    SJ_TRY(alloc_floats(&p->velocity, count, l->info, err));
    for (int64_t i = 0; i < count; i++) {
        p->value[i] = initial;
    }
    return SJ_OK;
}

static void init_he(sj_param *w, int64_t fan_in, uint64_t seed, int layer) {
    sj_random r = sj_random_stream(seed, 1000U + (uint64_t)layer);
    const double deviation = sqrt(2.0 / (double)fan_in);
    for (int64_t i = 0; i < w->count; i++) {
        const double radius = sqrt(-2.0 * log(1.0 - sj_random_unit(&r)));  // Box and Muller
        w->value[i] = (float)(deviation * radius * cos(6.283185307179586 * sj_random_unit(&r)));
    }
}

static sj_status make_product(sj_model *m, sj_layer *l, uint64_t seed, int layer, sj_error *err) {
    const sj_layer_info *i = l->info;
    const int64_t fan_in = i->kernel_h * i->kernel_w * i->in.c;
    const sj_dnn_shape shape = {m->chunk, i->in.h, i->in.w, i->in.c, i->out.h, i->out.w, i->out.c, i->kernel_h, i->kernel_w, i->stride, i->padding,
                                i->kind == SJ_KIND_LINEAR, i->has_bias};
    SJ_TRY(add_param(l, "w", i->out.c * fan_in, 0.0F, err));
    init_he(&l->params[0], fan_in, seed, layer);
    if (i->has_bias) {
        SJ_TRY(add_param(l, "bias", i->out.c, 0.0F, err));
    }
    SJ_TRY(sj_alloc((void **)&l->kept, (uint64_t)i->out.c, 1, i->name, err));
    memset(l->kept, 1, (size_t)i->out.c);
    l->kept_count = i->out.c;
    return sj_dnn_create(&shape, i->needs_dx, &l->product, err);
}

static sj_status make_bn(sj_layer *l, sj_error *err) {
    const int64_t channels = l->info->in.c;
    SJ_TRY(add_param(l, "gamma", channels, 1.0F, err));
    SJ_TRY(add_param(l, "beta", channels, 0.0F, err));
    SJ_TRY(alloc_floats(&l->mean, channels, l->info, err));
    SJ_TRY(alloc_floats(&l->variance, channels, l->info, err));
    SJ_TRY(alloc_floats(&l->running_mean, channels, l->info, err));
    SJ_TRY(alloc_floats(&l->running_variance, channels, l->info, err));
    for (int64_t c = 0; c < channels; c++) {
        l->running_variance[c] = 1.0F;
    }
    return SJ_OK;
}

static sj_status make_layer(sj_model *m, int index, uint64_t seed, sj_error *err) {
    sj_layer *l = &m->layers[index];
    l->info = &m->net.network.layers[index];
    const sj_kind kind = l->info->kind;
    const bool learns = kind == SJ_KIND_CONV || kind == SJ_KIND_LINEAR || kind == SJ_KIND_BN;
    const int64_t count = m->batch * sj_model_out_count(l);
    for (int j = 0; j < l->info->input_count; j++) {
        const int from = l->info->inputs[j];
        if (from >= 0 && m->layers[from].info->kind == SJ_KIND_FORK) {
            sj_layer *fork = &m->layers[from];
            if (fork->branch_count == SJ_INPUTS_MAX) {
                return SJ_FAIL(err, SJ_ERR_RANGE, "layer %s: more than %d readers of a fork", fork->info->name, SJ_INPUTS_MAX);
            }
            l->branch_of[j] = fork->branch_count++;
            if (fork->info->needs_dx) {
                SJ_TRY(alloc_floats(&fork->branches[l->branch_of[j]], m->batch * sj_model_out_count(fork), fork->info, err));
            }
        }
    }
    l->owns_y = kind != SJ_KIND_FORK && kind != SJ_KIND_FLATTEN;
    if (l->owns_y) {
        SJ_TRY(alloc_floats(&l->y, count, l->info, err));
    } else {
        l->y = l->info->inputs[0] < 0 ? m->input : m->layers[l->info->inputs[0]].y;
    }
    if ((learns || l->info->needs_dx) && kind != SJ_KIND_FORK && kind != SJ_KIND_SOFTMAX_CE) {
        SJ_TRY(alloc_floats(&l->dy, count, l->info, err));
    }
    if (kind == SJ_KIND_BN) {
        return make_bn(l, err);
    }
    return learns ? make_product(m, l, seed, index, err) : SJ_OK;
}

static sj_status make_scratch(sj_model *m, sj_error *err) {
    int64_t weights = 1, out = 1;
    m->channels_max = 1;
    for (int i = 0; i < m->layer_count; i++) {
        const sj_layer *l = &m->layers[i];
        m->channels_max = l->info->out.c > m->channels_max ? l->info->out.c : m->channels_max;
        if (l->product != NULL) {
            weights = l->params[0].count > weights ? l->params[0].count : weights;
            out = sj_model_out_count(l) > out ? sj_model_out_count(l) : out;
        }
    }
    const int64_t chunks = m->batch / m->chunk, per_channel = 3 * m->channels_max;  // batch norm keeps three vectors in masked_dy
    const int64_t masked = m->batch * out > per_channel ? m->batch * out : per_channel;
    SJ_TRY(sj_alloc((void **)&m->chunk_dw, (uint64_t)(chunks * weights), sizeof(float), "weight gradients", err));
    SJ_TRY(sj_alloc((void **)&m->masked_dy, (uint64_t)masked, sizeof(float), "ssProp's gradient", err));
    return sj_alloc((void **)&m->chunk_sums, (uint64_t)(chunks * 2 * m->channels_max), sizeof(double), "sums over the batch", err);
}

static sj_status build(sj_model *m, uint64_t seed, sj_error *err) {
    SJ_TRY(sj_alloc((void **)&m->layers, (uint64_t)m->layer_count, sizeof(sj_layer), "layers", err));
    SJ_TRY(sj_alloc((void **)&m->input, (uint64_t)(m->batch * sj_dims_count(m->input_dims)), sizeof(float), "the input batch", err));
    SJ_TRY(sj_alloc((void **)&m->labels, (uint64_t)m->batch, sizeof *m->labels, "labels", err));
    for (int i = 0; i < m->layer_count; i++) {
        SJ_TRY(make_layer(m, i, seed, err));
    }
    return make_scratch(m, err);
}

sj_status sj_model_create(sj_net *net, sj_dims input, int64_t batch, uint64_t seed, sj_model **out, sj_error *err) {
    *out = NULL;
    sj_model *m = NULL;
    if (sj_alloc((void **)&m, 1, sizeof *m, "the model", err) != SJ_OK) {
        sj_net_free(net);
        return err->status;
    }
    m->net = *net;
    memset(net, 0, sizeof *net);
    m->layer_count = m->net.network.layer_count;
    m->input_dims = input;
    m->batch = batch;
    m->chunk = CHUNK_MAX;
    while (batch % m->chunk != 0) {
        m->chunk--;
    }
    const sj_status status = build(m, seed, err);
    if (status != SJ_OK) {
        sj_model_free(m);
        return status;
    }
    *out = m;
    return SJ_OK;
}

static void free_layer(sj_layer *l) {
    if (l->owns_y) {
        free(l->y);
    }
    free(l->dy);
    for (int i = 0; i < SJ_INPUTS_MAX; i++) {
        free(l->branches[i]);
    }
    sj_dnn_destroy(l->product);
    for (int i = 0; i < l->param_count; i++) {
        free(l->params[i].value);
        free(l->params[i].grad);
        free(l->params[i].velocity);
    }
    free(l->mean);
    free(l->variance);
    free(l->running_mean);
    free(l->running_variance);
    free(l->kept);
}

void sj_model_free(sj_model *m) {
    if (m == NULL) {
        return;
    }
    for (int i = 0; i < m->layer_count && m->layers != NULL; i++) {
        free_layer(&m->layers[i]);
    }
    free(m->layers);
    free(m->input);
    free(m->labels);
    free(m->chunk_dw);
    free(m->masked_dy);
    free(m->chunk_sums);
    sj_net_free(&m->net);
    free(m);
}

const float *sj_model_x(const sj_model *m, int layer, int j) {
    const int from = m->layers[layer].info->inputs[j];
    return from < 0 ? m->input : m->layers[from].y;
}

float *sj_model_dx(const sj_model *m, int layer, int j) {
    const sj_layer *l = &m->layers[layer];
    const int from = l->info->inputs[j];
    if (from < 0) {
        return NULL;
    }
    const sj_layer *producer = &m->layers[from];
    return producer->info->kind == SJ_KIND_FORK ? producer->branches[l->branch_of[j]] : producer->dy;
}

void sj_model_update(sj_model *m, double lr, double momentum, double weight_decay) {
    const float rate = (float)lr, keep = (float)momentum, decay = (float)weight_decay;
    for (int i = 0; i < m->layer_count; i++) {
        for (int j = 0; j < m->layers[i].param_count; j++) {
            const sj_param *p = &m->layers[i].params[j];
            for (int64_t k = 0; k < p->count; k++) {
                p->velocity[k] = keep * p->velocity[k] + (p->grad[k] + decay * p->value[k]);
                p->value[k] -= rate * p->velocity[k];
            }
        }
    }
}
