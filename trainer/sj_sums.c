// SPDX-License-Identifier: Apache-2.0
// Fused sums, forward and backward, and batch norm's statistics, which they read.
//
// The gradient behind a sum's ReLU is read by the passes of all its terms, twice by a batch-normalised one. Where several terms want it, it is made once, in the
// buffer of one term's dx: for a term as it is, that is what dx is; a batch-normalised one is done last and overwrites it. With bfloat16 it is rounded there, as a machine would store it.
#include <math.h>

#include "sj_engine.h"

// scale, shift and inverse_std from mean, variance, gamma and beta.
void sj_bn_vectors(sj_model *m, int bn) {
    const sj_layer *l = &m->layers[bn];
    const sj_node *n = &m->engine->nodes[bn];
    for (int64_t c = 0; c < l->info->in.c; c++) {
        n->inverse_std[c] = (float)(1.0 / sqrt((double)l->variance[c] + m->net.bn_eps));
        n->scale[c] = l->params[0].value[c] * n->inverse_std[c];
        n->shift[c] = l->params[1].value[c];
    }
}

// The batch's mean and biased variance from the chunks' sums; the running ones follow (the variance unbiased).
void sj_bn_statistics(sj_model *m, int bn, int64_t chunks) {
    const sj_layer *l = &m->layers[bn];
    const double *sums = m->engine->nodes[bn].sums;
    const int64_t stored = sj_layout_channels(&l->layout);
    const double count = (double)(m->batch * sj_layout_pixels(&l->layout)), momentum = m->net.bn_momentum;
    for (int64_t k = 0; k < l->info->in.c; k++) {
        double sum = 0.0, square = 0.0;
        for (int64_t c = 0; c < chunks; c++) {
            sum += sums[c * 2 * stored + k];
            square += sums[c * 2 * stored + stored + k];
        }
        const double mean = sum / count, variance = fmax(square / count - mean * mean, 0.0);
        const double unbiased = count > 1.0 ? variance * count / (count - 1.0) : variance;
        l->mean[k] = (float)mean;
        l->variance[k] = isfinite(square) ? (float)variance : NAN;
        l->running_mean[k] = (float)((1.0 - momentum) * (double)l->running_mean[k] + momentum * mean);
        l->running_variance[k] = (float)((1.0 - momentum) * (double)l->running_variance[k] + momentum * unbiased);
    }
    sj_bn_vectors(m, bn);
}

void sj_sum_terms(const sj_model *m, int root, int64_t first, sj_term terms[SJ_TERMS_MAX]) {
    const sj_fusion *f = &m->engine->nodes[root].fusion;
    for (int t = 0; t < f->term_count; t++) {
        const int bn = f->terms[t].bn;
        terms[t] = (sj_term){sj_source_at(m, f->terms[t].source, first), NULL, NULL, NULL};
        if (bn >= 0) {
            terms[t].mean = m->layers[bn].mean;
            terms[t].scale = m->engine->nodes[bn].scale;
            terms[t].shift = m->engine->nodes[bn].shift;
        }
    }
}

void sj_count_add(int64_t *count, int64_t more) {
#pragma omp atomic
    *count += more;
}

void sj_sum_run(sj_model *m, int root, int64_t first, int64_t images) {
    const sj_fusion *f = &m->engine->nodes[root].fusion;
    sj_term terms[SJ_TERMS_MAX];
    int64_t counts[SJ_TERMS_MAX + 2] = {0};
    const bool count = m->engine->forward_options->count;
    sj_sum_terms(m, root, first, terms);
    sj_sum_forward(&m->layers[root].layout, images, terms, f->term_count, f->relu, sj_source_at(m, root, first), count ? counts : NULL);
    for (int t = 0; t < f->term_count && count; t++) {
        if (f->terms[t].bn >= 0 && f->terms[t].bn != root) {
            sj_count_add(&m->layers[f->terms[t].bn].y_nonzero, counts[t]);
        }
    }
    if (count && f->add >= 0 && f->add != root) {
        sj_count_add(&m->layers[f->add].y_nonzero, counts[f->term_count]);
    }
    if (count) {
        sj_count_add(&m->layers[root].y_nonzero, counts[f->term_count + 1]);
    }
}

// ---- Backward.
void sj_sum_back_of(const sj_model *m, int root, int term, int64_t first, sj_sum_back *out) {
    const sj_node *n = &m->engine->nodes[root];
    const sj_fused_term *t = &n->fusion.terms[term];
    sj_term terms[SJ_TERMS_MAX];
    sj_sum_terms(m, root, first, terms);
    *out = (sj_sum_back){.dy_count = n->slot_count, .y = sj_source_at(m, root, first), .relu = n->fusion.relu, .term = terms[term]};
    for (int s = 0; s < n->slot_count; s++) {
        out->dy[s] = sj_dx_at(m, n->slots[s], first);
    }
    if (t->bn != root) {
        out->on_y = n->penalty;
    }
    if (t->bn >= 0) {
        const int x = m->layers[t->bn].info->inputs[0];
        out->inverse_std = m->engine->nodes[t->bn].inverse_std;
        out->on_v = m->engine->nodes[t->bn].penalty;
        if (x >= 0 && m->engine->nodes[x].penalty_in_slot) {
            out->on_x = m->engine->nodes[x].penalty;
        }
    }
}

void sj_bn_gradients(sj_model *m, int bn, int64_t chunks) {
    const sj_layer *l = &m->layers[bn];
    const sj_node *n = &m->engine->nodes[bn];
    const int64_t stored = sj_layout_channels(&l->layout);
    const double count = (double)(m->batch * sj_layout_pixels(&l->layout));
    for (int64_t k = 0; k < l->info->in.c; k++) {
        double g = 0.0, gx = 0.0;
        for (int64_t c = 0; c < chunks; c++) {
            g += n->sums[c * 2 * stored + k];
            gx += n->sums[c * 2 * stored + stored + k];
        }
        l->params[0].grad[k] = (float)gx;
        l->params[1].grad[k] = (float)g;
        n->a_mean[k] = (float)(g / count);
        n->b_mean[k] = (float)(gx / count);
    }
}

// The same for a term's pass: from the gradient that is kept, if one is.
static void kept_back_of(const sj_model *m, const sj_op *op, int64_t first, sj_sum_back *out) {
    const sj_fusion *f = &m->engine->nodes[op->layer].fusion;
    sj_sum_back_of(m, op->layer, op->term, first, out);
    if (f->gate >= 0) {
        out->dy[0] = sj_dx_at(m, f->terms[f->gate].dx, first);
        out->dy_count = 1;
        out->relu = false;
        out->on_y.kind = SJ_PENALTY_NONE;
    }
}

// What all terms share: the gradients of the root and, behind its ReLU, of the add.
static void count_shared(sj_model *m, int root, const int64_t counts[4]) {
    const sj_fusion *f = &m->engine->nodes[root].fusion;
    if (m->layers[root].info->kind != SJ_KIND_BN) {
        sj_count_add(&m->layers[root].dy_nonzero, counts[0]);
    }
    if (f->add >= 0 && f->add != root) {
        sj_count_add(&m->layers[f->add].dy_nonzero, counts[1]);
    }
}

static void count_term(sj_model *m, int bn, const int64_t counts[4]) {
    const int x = m->layers[bn].info->inputs[0];
    sj_count_add(&m->layers[bn].dy_nonzero, counts[2]);
    if (x >= 0 && m->engine->nodes[x].penalty_in_slot && m->engine->nodes[x].wants_gradient) {
        sj_count_add(&m->layers[x].dy_nonzero, counts[3]);
    }
}

static void gate(sj_model *m, const sj_op *op, int64_t first) {
    const bool count = m->engine->backward_options->count;
    int64_t counts[4] = {0};
    sj_sum_back b;
    sj_sum_back_of(m, op->layer, op->term, first, &b);
    b.term = (sj_term){NULL, NULL, NULL, NULL};
    b.on_v.kind = b.on_x.kind = SJ_PENALTY_NONE;
    sj_sum_backward(&m->layers[op->layer].layout, op->chunk, &b, NULL, NULL, sj_dx_at(m, m->engine->nodes[op->layer].fusion.terms[op->term].dx, first), count ? counts : NULL);
    if (count) {
        count_shared(m, op->layer, counts);
    }
}

static void moments(const sj_model *m, const sj_op *op, int64_t chunk, int64_t first) {
    sj_sum_back b;
    const int bn = m->engine->nodes[op->layer].fusion.terms[op->term].bn;
    const int64_t stored = sj_layout_channels(&m->layers[bn].layout);
    double *sums = m->engine->nodes[bn].sums + chunk * 2 * stored;
    kept_back_of(m, op, first, &b);
    sj_sum_backward_sums(&m->layers[op->layer].layout, op->chunk, &b, sums, sums + stored);
}

static int first_pass(const sj_fusion *f) {
    int t = 0;
    while (f->terms[t].bn < 0 && !f->terms[t].needs_dx) {
        t++;
    }
    return t;
}

static void back(sj_model *m, const sj_op *op, int lane, int64_t first) {
    const sj_fusion *f = &m->engine->nodes[op->layer].fusion;
    const sj_fused_term *t = &f->terms[op->term];
    const sj_node *bn = t->bn >= 0 ? &m->engine->nodes[t->bn] : NULL;
    const bool count = m->engine->backward_options->count;
    int64_t counts[4] = {0};
    sj_sum_back b;
    void *dx = sj_dx_at(m, t->dx, first);
    if (dx == NULL && !count) {
        return;
    }
    kept_back_of(m, op, first, &b);
    sj_sum_backward(&m->layers[op->layer].layout, op->chunk, &b, bn != NULL ? bn->a_mean : NULL, bn != NULL ? bn->b_mean : NULL, dx != NULL ? dx : m->engine->scratch[2 * lane],
                    count ? counts : NULL);
    if (count && f->gate < 0 && op->term == first_pass(f)) {
        count_shared(m, op->layer, counts);
    }
    if (count && t->bn >= 0) {
        count_term(m, t->bn, counts);
    }
}

void sj_sum_back_run(sj_model *m, const sj_op *op, int lane, int64_t chunk) {
    const int64_t first = chunk * op->chunk;
    if (op->kind == SJ_OP_SUM_GATE) {
        gate(m, op, first);
    } else if (op->kind == SJ_OP_SUM_MOMENTS) {
        moments(m, op, chunk, first);
    } else {
        back(m, op, lane, first);
    }
}
