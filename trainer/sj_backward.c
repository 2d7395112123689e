// SPDX-License-Identifier: Apache-2.0
#include <omp.h>
#include <string.h>

#include "sj_engine.h"

void *sj_dx_at(const sj_model *m, sj_slot slot, int64_t first) {
    void *dx = m->engine->nodes[slot.layer].dx[slot.input];
    return dx == NULL ? NULL : sj_layout_at(sj_source_layout(m, sj_source_of(m, slot.layer, slot.input)), dx, first);
}

const void *sj_slots_at(const sj_model *m, const sj_layout *l, const sj_slot *slots, int count, int64_t first, int64_t images, void *scratch) {
    const void *parts[SJ_TERMS_MAX];
    for (int s = 0; s < count; s++) {
        parts[s] = sj_dx_at(m, slots[s], first);
    }
    if (count == 1) {
        return parts[0];
    }
    sj_add_tensors(l, images, parts, count, scratch);
    return scratch;
}

const void *sj_gradient_at(const sj_model *m, int layer, int64_t first, int64_t images, void *scratch) {
    const sj_node *n = &m->engine->nodes[layer];
    const sj_layout *l = &m->layers[layer].layout;
    const void *sum = sj_slots_at(m, l, n->slots, n->slot_count, first, images, scratch);
    if (n->penalty.kind == SJ_PENALTY_NONE || n->penalty_in_slot) {
        return sum;
    }
    if (sum != scratch) {
        memcpy(scratch, sum, (size_t)(images * sj_layout_bytes(l)));
    }
    sj_penalty_add(l, images, &n->penalty, sj_source_at(m, layer, first), scratch);
    return scratch;
}

// ---- Products.
static int product_back(sj_model *m, const sj_op *op, int lane, int64_t chunk, int64_t first) {
    const sj_layer *l = &m->layers[op->layer];
    const sj_node *n = &m->engine->nodes[op->layer];
    const sj_gathered *gathered = sj_select_gathered(m, op->layer);
    sj_product *p = gathered != NULL ? gathered->product : n->product;
    const sj_layout *layout = gathered != NULL ? &gathered->layout : &l->layout;
    const void *dy = sj_gradient_at(m, op->layer, first, op->chunk, m->engine->scratch[2 * lane]);
    if (m->engine->backward_options->count && !n->penalty_in_slot) {
        sj_count_add(&m->layers[op->layer].dy_nonzero, sj_count_stored(&l->layout, op->chunk, dy));
    }
    dy = sj_select_apply(m, op->layer, lane, op->chunk, dy);
    if (l->info->has_bias) {
        sj_channel_sums(layout, op->chunk, dy, n->sums + chunk * sj_layout_channels(layout));
    }
    const int status = sj_product_backward_weights(p, lane, sj_source_at(m, sj_source_of(m, op->layer, 0), first), dy, op->partials + chunk * sj_product_partial_values(p));
    return status == 0 && n->dx[0] != NULL ? sj_product_backward_data(p, lane, dy, sj_dx_at(m, (sj_slot){op->layer, 0}, first)) : status;
}

static sj_status product_gradients(sj_model *m, const sj_op *op, int64_t chunks, sj_error *err) {
    sj_layer *l = &m->layers[op->layer];
    const sj_node *n = &m->engine->nodes[op->layer];
    const sj_gathered *gathered = sj_select_gathered(m, op->layer);
    const int64_t stored = sj_layout_channels(gathered != NULL ? &gathered->layout : &l->layout);
    for (int64_t k = 0; l->info->has_bias && k < (gathered != NULL ? l->kept_count : l->info->out.c); k++) {
        double sum = 0.0;
        for (int64_t c = 0; c < chunks; c++) {
            sum += n->sums[c * stored + k];
        }
        l->params[1].grad[gathered != NULL ? n->kept_list[k] : k] = (float)sum;
    }
    return sj_select_reduce(m, op->layer, op->partials, chunks, err);
}

// ---- The others.
static void plain_back(sj_model *m, const sj_op *op, int lane, int64_t first) {
    const sj_layer *l = &m->layers[op->layer];
    const int source = sj_source_of(m, op->layer, 0);
    const sj_layout *in = sj_source_layout(m, source);
    void *dx = sj_dx_at(m, (sj_slot){op->layer, 0}, first);
    if (op->kind == SJ_OP_LOSS_BACK) {
        sj_softmax_backward(in, op->chunk, m->engine->probabilities + first * l->info->in.c, m->labels + first, m->engine->label_smoothing, m->batch, dx);
        return;
    }
    const void *dy = sj_gradient_at(m, op->layer, first, op->chunk, m->engine->scratch[2 * lane]);
    if (m->engine->backward_options->count && !m->engine->nodes[op->layer].penalty_in_slot) {
        sj_count_add(&m->layers[op->layer].dy_nonzero, sj_count_stored(&l->layout, op->chunk, dy));
    }
    if (op->kind == SJ_OP_DROPOUT_BACK) {
        const uint8_t *mask = m->engine->nodes[op->layer].mask + first * sj_dims_count(l->info->out);
        sj_dropout_apply(&l->layout, op->chunk, mask, sj_dropout_rate(m, op->layer), dy, dx);
    } else if (op->kind == SJ_OP_UNFOLD_BACK) {
        float *image = m->engine->scratch[2 * lane + 1];
        for (int64_t i = 0; i < op->chunk; i++) {
            sj_layout_to_nhwc(&l->layout, 1, sj_layout_at(&l->layout, dy, i), image);
            sj_layout_from_nhwc(in, 1, image, sj_layout_at(in, dx, i));
        }
    } else if (l->info->kind == SJ_KIND_MAXPOOL) {
        sj_pool_max_backward(l->info, in, &l->layout, op->chunk, sj_source_at(m, source, first), sj_source_at(m, op->layer, first), dy, dx);
    } else {
        sj_pool_avg_backward(l->info, in, &l->layout, op->chunk, dy, dx);
    }
}

// ---- All of it.
static int run_op(sj_model *m, const sj_op *op, int lane, int64_t chunk) {
    const int64_t first = chunk * op->chunk;
    switch (op->kind) {
        case SJ_OP_PRODUCT_SCORE:
            sj_select_score(m, op->layer, lane, chunk, op->chunk);
            return 0;
        case SJ_OP_PRODUCT_BACK:
            return product_back(m, op, lane, chunk, first);
        case SJ_OP_SUM_GATE:
        case SJ_OP_SUM_MOMENTS:
        case SJ_OP_SUM_BACK:
            sj_sum_back_run(m, op, lane, chunk);
            return 0;
        case SJ_OP_PENALTY:
            sj_penalty_chunk(m, op, chunk, first);
            return 0;
        default:
            plain_back(m, op, lane, first);
            return 0;
    }
}

static sj_status finish_op(sj_model *m, const sj_op *op, int64_t chunks, sj_error *err) {
    switch (op->kind) {
        case SJ_OP_PRODUCT_SCORE:
            return sj_select_by_score(m, op->layer, chunks, err);
        case SJ_OP_PRODUCT_BACK:
            return product_gradients(m, op, chunks, err);
        case SJ_OP_SUM_MOMENTS:
            sj_bn_gradients(m, m->engine->nodes[op->layer].fusion.terms[op->term].bn, chunks);
            return SJ_OK;
        default:
            return SJ_OK;
    }
}

// Where the chunks' weight gradients of a run of ops go.
static sj_status place_partials(sj_model *m, int begin, int end, sj_error *err) {
    sj_engine *e = m->engine;
    for (int64_t needed = 0, pass = 0; pass < 2; pass++) {
        needed = 0;
        for (int i = begin; i < end; i++) {
            sj_op *op = &e->backward.ops[i];
            if (op->kind == SJ_OP_PRODUCT_BACK) {
                const sj_gathered *g = sj_select_gathered(m, op->layer);
                op->partials = e->partials + needed;
                needed += sj_line_floats(m->batch / op->chunk * sj_product_partial_values(g != NULL ? g->product : e->nodes[op->layer].product));
            }
        }
        if (needed > e->partial_values) {  // ssProp has brought products together that are apart without it
            SJ_TRY(sj_engine_grow(e, &e->partials, &e->partial_values, needed, err));
        }
    }
    return SJ_OK;
}

static sj_status run_ops(sj_model *m, int begin, int end, sj_error *err) {
    const sj_plan *plan = &m->engine->backward;
    const int64_t chunks = m->batch / plan->ops[begin].chunk;
    SJ_TRY(place_partials(m, begin, end, err));
    SJ_TRY(sj_order_run(m, plan, begin, end, chunks, run_op, err));
    for (int i = begin; i < end; i++) {
        SJ_TRY(finish_op(m, &plan->ops[i], chunks, err));
    }
    return SJ_OK;
}

static void start(sj_model *m, const sj_backward_options *options) {
    m->engine->backward_options = options;
    for (int i = 0; i < m->layer_count; i++) {
        const sj_node *n = &m->engine->nodes[i];
        m->layers[i].dy_nonzero = options->count && n->wants_gradient && n->role != SJ_ROLE_ALIAS ? 0 : -1;
    }
    sj_penalties_set(m, options);
}

// A flattened tensor whose pixels stay apart has no op of its own. Nor has a fork, but its gradient is its input's.
static void count_aliases(sj_model *m) {
    for (int i = 0; i < m->layer_count && m->engine->backward_options->count; i++) {
        sj_layer *l = &m->layers[i];
        const sj_node *n = &m->engine->nodes[i];
        if (l->info->kind != SJ_KIND_FLATTEN || n->role != SJ_ROLE_ALIAS || !n->wants_gradient) {
            continue;
        }
        int64_t nonzero = 0;
#pragma omp parallel for schedule(static) num_threads(sj_engine_threads(m)) reduction(+ : nonzero)
        for (int64_t image = 0; image < m->batch; image++) {
            nonzero += sj_count_stored(&l->layout, 1, sj_slots_at(m, &l->layout, n->slots, n->slot_count, image, 1, m->engine->scratch[2 * omp_get_thread_num()]));
        }
        l->dy_nonzero = nonzero;
    }
}

sj_status sj_model_backward(sj_model *m, const sj_backward_options *options, double *penalty, sj_error *err) {
    const sj_plan *plan = &m->engine->backward;
    start(m, options);
    SJ_TRY(sj_select_start(m, options, err));
    sj_order_backward(m, options);
    for (int first = 0; first < plan->count; first = sj_order_run_end(plan, first)) {
        SJ_TRY(run_ops(m, first, sj_order_run_end(plan, first), err));
    }
    count_aliases(m);
    *penalty = sj_penalties_value(m, options);
    return sj_culprit_gradient(m, err);
}
