// SPDX-License-Identifier: Apache-2.0
// EAT's and L1's terms: each hooked output's part of the loss and the factor of its gradient, which whoever makes or loads that output's gradient adds (sj_engine.h).
#include "sj_engine.h"

static double reduce_weight(const sj_model *m, const sj_eat *eat) {
    const int modules = sj_eat_modules(eat, &m->net.network);
    return eat->reduce == SJ_EAT_MEAN && modules > 0 ? 1.0 / (double)modules : 1.0;
}

void sj_penalties_set(sj_model *m, const sj_backward_options *o) {
    const double weight = o->eat != NULL ? o->lambda * reduce_weight(m, o->eat) : 0.0;
    for (int i = 0; i < m->layer_count; i++) {
        sj_penalty *p = &m->engine->nodes[i].penalty;
        *p = (sj_penalty){SJ_PENALTY_NONE, 0.0F, 0.0F};
        if (o->eat != NULL && sj_eat_hooked(o->eat, &m->net.network, i)) {
            const double values = (double)(m->batch * sj_dims_count(m->layers[i].info->out));
            *p = (sj_penalty){o->eat->kind == SJ_EAT_L1 ? SJ_PENALTY_L1 : SJ_PENALTY_EAT, (float)o->eat->sigma, (float)(weight / values)};
        }
    }
}

void sj_penalty_chunk(const sj_model *m, const sj_op *op, int64_t chunk, int64_t first) {
    const sj_node *n = &m->engine->nodes[op->layer];
    const sj_layout *l = &m->layers[op->layer].layout;
    sj_term terms[SJ_TERMS_MAX];
    if (n->role == SJ_ROLE_INTERIOR) {  // a batch norm inside of a sum
        sj_sum_terms(m, n->root, first, terms);
        n->penalty_sums[chunk] = sj_penalty_sum_term(l, op->chunk, &n->penalty, &terms[n->term]);
    } else {
        n->penalty_sums[chunk] = sj_penalty_sum(l, op->chunk, &n->penalty, sj_source_at(m, op->layer, first));
    }
}

// The input's s_k has no gradient, but it is one of the sum.
static double input_penalty(const sj_model *m, const sj_eat *eat) {
    const sj_penalty p = {eat->kind == SJ_EAT_L1 ? SJ_PENALTY_L1 : SJ_PENALTY_EAT, (float)eat->sigma, 0.0F};
    double *sums = m->engine->input_penalty_sums, sum = 0.0;
#pragma omp parallel for schedule(static) num_threads(sj_engine_threads(m))
    for (int64_t i = 0; i < m->batch; i++) {
        sums[i] = sj_penalty_sum(&m->input_layout, 1, &p, sj_source_at(m, -1, i));
    }
    for (int64_t i = 0; i < m->batch; i++) {
        sum += sums[i];
    }
    return sum / (double)(m->batch * sj_dims_count(m->input_dims));
}

double sj_penalties_value(const sj_model *m, const sj_backward_options *o) {
    if (o->eat == NULL) {
        return 0.0;
    }
    double total = sj_eat_hooked(o->eat, &m->net.network, SJ_INPUT_NETWORK) ? input_penalty(m, o->eat) : 0.0;
    const sj_plan *plan = &m->engine->backward;
    for (int i = 0; i < plan->count; i++) {
        const sj_op *op = &plan->ops[i];
        double sum = 0.0;
        for (int64_t c = 0; op->kind == SJ_OP_PENALTY && c < m->batch / op->chunk; c++) {
            sum += m->engine->nodes[op->layer].penalty_sums[c];
        }
        total += sum / (double)(m->batch * sj_dims_count(m->layers[op->layer].info->out));
    }
    return o->lambda * reduce_weight(m, o->eat) * total;
}
