// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <omp.h>
#include <string.h>

#include "sj_engine.h"
#include "sj_random.h"

static void bn_running(sj_model *m) {
    for (int i = 0; i < m->layer_count; i++) {
        const sj_layer *l = &m->layers[i];
        if (l->info->kind == SJ_KIND_BN) {
            memcpy(l->mean, l->running_mean, (size_t)l->info->in.c * sizeof *l->mean);
            memcpy(l->variance, l->running_variance, (size_t)l->info->in.c * sizeof *l->variance);
            sj_bn_vectors(m, i);
        }
    }
}

static void pool_forward(const sj_model *m, int layer, int64_t first, int64_t images) {
    const sj_layer_info *l = m->layers[layer].info;
    const int source = sj_source_of(m, layer, 0);
    const sj_layout *in = sj_source_layout(m, source), *out = &m->layers[layer].layout;
    if (l->kind == SJ_KIND_MAXPOOL) {
        sj_pool_max_forward(l, in, out, images, sj_source_at(m, source, first), sj_source_at(m, layer, first));
    } else {
        sj_pool_avg_forward(l, in, out, images, sj_source_at(m, source, first), sj_source_at(m, layer, first));
    }
}

static void dropout_forward(const sj_model *m, int layer, int64_t first, int64_t images) {
    const sj_layout *l = &m->layers[layer].layout;
    const void *x = sj_source_at(m, sj_source_of(m, layer, 0), first);
    void *y = sj_source_at(m, layer, first);
    if (m->engine->mode == SJ_MODE_EVAL) {
        memcpy(y, x, (size_t)(images * sj_layout_bytes(l)));
        return;
    }
    sj_random stream = sj_random_stream(m->options.seed, (uint64_t)m->engine->forward_options->iteration);
    stream = sj_random_stream(sj_random_u64(&stream), (uint64_t)layer);
    uint8_t *mask = m->engine->nodes[layer].mask + first * sj_dims_count(m->layers[layer].info->out);
    sj_dropout_mask(l, images, sj_random_u64(&stream), first, sj_dropout_rate(m, layer), mask);
    sj_dropout_apply(l, images, mask, sj_dropout_rate(m, layer), x, y);
}

// A flattened tensor in the layout of a vector.
static void unfold(const sj_model *m, int layer, int lane, int64_t first, int64_t images) {
    const int source = sj_source_of(m, layer, 0);
    const sj_layout *in = sj_source_layout(m, source), *out = &m->layers[layer].layout;
    float *image = m->engine->scratch[2 * lane + 1];
    for (int64_t i = first; i < first + images; i++) {
        sj_layout_to_nhwc(in, 1, sj_source_at(m, source, i), image);
        sj_layout_from_nhwc(out, 1, image, sj_source_at(m, layer, i));
    }
}

static void loss_forward(const sj_model *m, int layer, int64_t chunk, int64_t first, int64_t images) {
    sj_engine *e = m->engine;
    const int source = sj_source_of(m, layer, 0);
    const double smoothing = e->mode == SJ_MODE_TRAIN ? e->forward_options->label_smoothing : 0.0;
    const int64_t valid = e->images - first < images ? e->images - first : images;
    float *probabilities = e->probabilities + first * m->layers[layer].info->in.c;
    e->losses[chunk] = sj_softmax_forward(sj_source_layout(m, source), valid, sj_source_at(m, source, first), m->labels + first, smoothing, probabilities, &e->correct[chunk]);
}

static int product_forward(sj_model *m, int layer, int lane, int64_t first) {
    const sj_layer *l = &m->layers[layer];
    const float *bias = l->info->has_bias ? l->params[1].value : NULL;
    return sj_product_forward(m->engine->nodes[layer].product, lane, sj_source_at(m, sj_source_of(m, layer, 0), first), bias, sj_source_at(m, layer, first));
}

static void count_stored(sj_model *m, int layer, int64_t first, int64_t images) {
    if (m->engine->forward_options->count) {
        sj_count_add(&m->layers[layer].y_nonzero, sj_count_stored(&m->layers[layer].layout, images, sj_source_at(m, layer, first)));
    }
}

static int run_op(sj_model *m, const sj_op *op, int lane, int64_t chunk) {
    const int64_t first = chunk * op->chunk, left = m->engine->images - first, images = left < op->chunk ? left : op->chunk;  // a test may end within a chunk; products fill it
    const int layer = op->layer;
    int status = 0;
    switch (op->kind) {
        case SJ_OP_MOMENTS:
            if (m->engine->mode == SJ_MODE_TRAIN) {
                const int64_t stored = sj_layout_channels(&m->layers[layer].layout);
                double *sums = m->engine->nodes[layer].sums + chunk * 2 * stored;
                sj_channel_moments(&m->layers[layer].layout, images, sj_source_at(m, sj_source_of(m, layer, 0), first), sums, sums + stored);
            }
            return 0;
        case SJ_OP_COUNT_INPUT:
            if (m->engine->forward_options->count) {
                sj_count_add(&m->input_nonzero, sj_count_stored(&m->input_layout, images, sj_source_at(m, -1, first)));
            }
            return 0;
        case SJ_OP_LOSS:
            loss_forward(m, layer, chunk, first, images);
            return 0;
        case SJ_OP_SUM:
            sj_sum_run(m, layer, first, images);
            return 0;
        case SJ_OP_PRODUCT:
            status = product_forward(m, layer, lane, first);
            break;
        case SJ_OP_POOL:
            pool_forward(m, layer, first, images);
            break;
        case SJ_OP_DROPOUT:
            dropout_forward(m, layer, first, images);
            break;
        default:
            unfold(m, layer, lane, first, images);
            break;
    }
    count_stored(m, layer, first, images);
    return status;
}

static sj_status run_ops(sj_model *m, int begin, int end, sj_error *err) {
    const sj_plan *plan = &m->engine->forward;
    const int64_t chunk = plan->ops[begin].chunk, chunks = (m->engine->images + chunk - 1) / chunk;
    SJ_TRY(sj_order_run(m, plan, begin, end, chunks, run_op, err));
    for (int i = begin; i < end && m->engine->mode == SJ_MODE_TRAIN; i++) {
        if (plan->ops[i].kind == SJ_OP_MOMENTS) {
            sj_bn_statistics(m, plan->ops[i].layer, chunks);
        }
    }
    return SJ_OK;
}

// Weights go into oneDNN's layouts, products side by side.
static sj_status set_weights(sj_model *m, sj_error *err) {
    sj_status status = SJ_OK;
#pragma omp parallel for schedule(dynamic, 1) num_threads(sj_engine_threads(m))
    for (int i = m->layer_count - 1; i >= 0; i--) {  // the largest come last in most networks
        static _Thread_local sj_error own;
        sj_product *p = m->engine->nodes[i].product;
        if (p != NULL && sj_product_set_weights(p, m->layers[i].params[0].value, &own) != SJ_OK) {
#pragma omp critical
            {
                *err = own;
                status = own.status;
            }
        }
    }
    return status;
}

static void start_counts(sj_model *m) {
    const bool count = m->engine->forward_options->count;
    m->input_nonzero = count ? 0 : -1;
    for (int i = 0; i < m->layer_count; i++) {
        m->layers[i].y_nonzero = count && m->engine->nodes[i].role != SJ_ROLE_LOSS ? 0 : -1;
    }
}

// What passes a tensor on has its counts.
static void finish_counts(sj_model *m) {
    for (int i = 0; i < m->layer_count && m->engine->forward_options->count; i++) {
        if (m->engine->nodes[i].role == SJ_ROLE_ALIAS) {
            const int source = m->engine->nodes[i].source;
            m->layers[i].y_nonzero = source < 0 ? m->input_nonzero : m->layers[source].y_nonzero;
        }
    }
}

sj_status sj_model_forward(sj_model *m, sj_mode mode, int64_t images, const sj_forward_options *options, sj_forward_result *out, sj_error *err) {
    sj_engine *e = m->engine;
    const sj_plan *plan = &e->forward;
    e->mode = mode;
    e->images = images;
    e->forward_options = options;
    e->label_smoothing = options->label_smoothing;
    start_counts(m);
    if (mode == SJ_MODE_EVAL) {
        bn_running(m);
    }
    SJ_TRY(set_weights(m, err));
    for (int first = 0; first < plan->count; first = sj_order_run_end(plan, first)) {
        SJ_TRY(run_ops(m, first, sj_order_run_end(plan, first), err));
    }
    finish_counts(m);
    const int64_t chunk = plan->ops[plan->count - 1].chunk;
    *out = (sj_forward_result){0.0, 0};
    for (int64_t c = 0; c * chunk < images; c++) {
        out->loss += e->losses[c];
        out->correct += e->correct[c];
    }
    out->loss /= (double)images;
    return isfinite(out->loss) ? SJ_OK : sj_culprit_value(m, images, out->loss, err);
}
