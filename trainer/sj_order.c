// SPDX-License-Identifier: Apache-2.0
// The order of work. A level ends where something needs the whole batch: batch norm's statistics, their counterparts in the backward pass, ssProp's scores. What lies between is done
// chunk by chunk, so all of it has chunks of one size: places that hand a tensor on within a level are joined.
#include <omp.h>

#include "sj_engine.h"
#include "sj_file.h"

static int root_of(const sj_engine *e, int place) {
    while (e->parents[place] != place) {
        place = e->parents[place];
    }
    return place;
}

static void join(sj_engine *e, int a, int b) {
    const int first = root_of(e, a), second = root_of(e, b);
    e->parents[first > second ? first : second] = first > second ? second : first;
}

static int place_of(sj_op_kind kind, int layer, int term) {
    const sj_op_kind own = kind == SJ_OP_PRODUCT_SCORE || kind == SJ_OP_PRODUCT_BACK ? SJ_OP_PRODUCT : kind;
    return (layer * SJ_OP_KINDS + (int)own) * SJ_TERMS_MAX + term;
}

int64_t sj_order_chunk(const sj_model *m, sj_op_kind kind, int layer, int term) { return m->engine->chunks[place_of(kind, layer, term)]; }

// Adds an op that reads what `reads` made, at the level `level` at least; returns where and when it makes its own.
static sj_made add_at(sj_model *m, sj_plan *plan, sj_op_kind kind, int layer, int term, int place, int level) {
    sj_op *op = &plan->ops[plan->count++];
    *op = (sj_op){kind, layer, term, level, place, m->engine->chunks[place], NULL};
    return (sj_made){level, place};
}

static sj_made add(sj_model *m, sj_plan *plan, sj_op_kind kind, int layer, int term, int level) {
    return add_at(m, plan, kind, layer, term, place_of(kind, layer, term), level);
}

// Within a level, a maker and its user share their chunks.
static void hand_on(sj_engine *e, sj_made from, sj_made to) {
    if (from.level == to.level && from.place >= 0) {
        join(e, from.place, to.place);
    }
}

static sj_made value_made(const sj_model *m, int source) { return source < 0 ? (sj_made){0, -1} : m->engine->values[source]; }

static void sort_by_level(sj_engine *e, sj_plan *plan) {
    int last = 0, done = 0;
    for (int i = 0; i < plan->count; i++) {
        e->unsorted[i] = plan->ops[i];
        last = plan->ops[i].level > last ? plan->ops[i].level : last;
    }
    for (int level = 0; level <= last; level++) {
        for (int i = 0; i < plan->count; i++) {
            if (e->unsorted[i].level == level) {
                plan->ops[done++] = e->unsorted[i];
            }
        }
    }
}

int sj_order_run_end(const sj_plan *plan, int first) {
    int end = first + 1;
    while (end < plan->count && plan->ops[end].level == plan->ops[first].level && plan->ops[end].chunk == plan->ops[first].chunk) {
        end++;
    }
    return end;
}

// ---- Forward.
static void order_sum(sj_model *m, int i) {
    sj_engine *e = m->engine;
    const sj_fusion *f = &e->nodes[i].fusion;
    int level = 0;
    for (int t = 0; t < f->term_count; t++) {
        const int at = value_made(m, f->terms[t].source).level + (f->terms[t].bn >= 0 ? 1 : 0);
        level = at > level ? at : level;
    }
    e->values[i] = add(m, &e->forward, SJ_OP_SUM, i, 0, level);
    for (int t = 0; t < f->term_count; t++) {
        hand_on(e, value_made(m, f->terms[t].source), e->values[i]);
    }
}

static void order_layer(sj_model *m, int i) {
    static const sj_op_kind ops[SJ_KIND_COUNT] = {[SJ_KIND_CONV] = SJ_OP_PRODUCT, [SJ_KIND_LINEAR] = SJ_OP_PRODUCT, [SJ_KIND_MAXPOOL] = SJ_OP_POOL, [SJ_KIND_AVGPOOL] = SJ_OP_POOL,
                                                  [SJ_KIND_FLATTEN] = SJ_OP_UNFOLD, [SJ_KIND_DROPOUT] = SJ_OP_DROPOUT, [SJ_KIND_SOFTMAX_CE] = SJ_OP_LOSS};
    sj_engine *e = m->engine;
    const sj_node *n = &e->nodes[i];
    const sj_kind kind = m->layers[i].info->kind;
    if (kind == SJ_KIND_BN) {
        const sj_made x = value_made(m, sj_source_of(m, i, 0));
        hand_on(e, x, add(m, &e->forward, SJ_OP_MOMENTS, i, 0, x.level));
    }
    if (n->fusion.term_count > 0) {
        order_sum(m, i);
    } else if (n->role == SJ_ROLE_STORED || n->role == SJ_ROLE_LOSS) {
        const sj_made x = value_made(m, sj_source_of(m, i, 0));
        e->values[i] = add(m, &e->forward, ops[kind], i, 0, x.level);
        hand_on(e, x, e->values[i]);
    }
}

static void order_forward(sj_model *m) {
    m->engine->forward.count = 0;
    for (int i = 0; i < m->layer_count; i++) {
        order_layer(m, i);
    }
    sj_plan *plan = &m->engine->forward;
    sort_by_level(m->engine, plan);
    (void)add_at(m, plan, SJ_OP_COUNT_INPUT, 0, 0, plan->ops[0].place, plan->ops[0].level);
    sort_by_level(m->engine, plan);
}

// ---- Backward.
static sj_made gradient_made(const sj_model *m, int layer) {
    const sj_node *n = &m->engine->nodes[layer];
    sj_made last = {0, -1};
    for (int s = 0; s < n->slot_count; s++) {
        const sj_made at = m->engine->gradients[n->slots[s].layer * SJ_INPUTS_MAX + n->slots[s].input];
        last = at.level > last.level || last.place < 0 ? at : last;
    }
    return last;
}

static void take_gradient(const sj_model *m, int layer, sj_made by) {
    const sj_node *n = &m->engine->nodes[layer];
    for (int s = 0; s < n->slot_count; s++) {
        hand_on(m->engine, m->engine->gradients[n->slots[s].layer * SJ_INPUTS_MAX + n->slots[s].input], by);
    }
}

static void penalise(sj_model *m, int layer, sj_made host) {
    if (layer >= 0 && m->engine->nodes[layer].penalty.kind != SJ_PENALTY_NONE) {
        (void)add_at(m, &m->engine->backward, SJ_OP_PENALTY, layer, 0, host.place, host.level);
    }
}

static void order_sum_backward(sj_model *m, int i) {
    sj_engine *e = m->engine;
    const sj_fusion *f = &e->nodes[i].fusion;
    const int level = gradient_made(m, i).level;
    sj_made host = {level, place_of(SJ_OP_SUM, i, 0)};
    if (e->nodes[i].wants_gradient && f->gate >= 0) {
        host = add(m, &e->backward, SJ_OP_SUM_GATE, i, f->gate, level);
        take_gradient(m, i, host);
    }
    const sj_made gate = host;
    for (int n = 0; n < f->term_count && e->nodes[i].wants_gradient; n++) {
        const int t = f->gate < 0 ? n : (f->gate + 1 + n) % f->term_count;  // the gate's term is the last one
        const sj_fused_term *term = &f->terms[t];
        sj_made *made = &e->gradients[term->dx.layer * SJ_INPUTS_MAX + term->dx.input];
        if (term->bn >= 0) {
            host = add(m, &e->backward, SJ_OP_SUM_MOMENTS, i, t, level);
            penalise(m, term->bn != i ? term->bn : -1, host);
            *made = add(m, &e->backward, SJ_OP_SUM_BACK, i, t, level + 1);
        } else if (t == f->gate) {
            *made = gate;
        } else if (term->needs_dx) {
            host = *made = add(m, &e->backward, SJ_OP_SUM_BACK, i, t, level);
        }
        if (f->gate >= 0) {
            hand_on(e, gate, host);
        } else {
            take_gradient(m, i, host);
        }
    }
    penalise(m, i, host);
}

static void order_layer_backward(sj_model *m, int i, const sj_backward_options *options) {
    static const sj_op_kind ops[SJ_KIND_COUNT] = {[SJ_KIND_CONV] = SJ_OP_PRODUCT_BACK, [SJ_KIND_LINEAR] = SJ_OP_PRODUCT_BACK, [SJ_KIND_MAXPOOL] = SJ_OP_POOL_BACK,
                                                  [SJ_KIND_AVGPOOL] = SJ_OP_POOL_BACK, [SJ_KIND_FLATTEN] = SJ_OP_UNFOLD_BACK, [SJ_KIND_DROPOUT] = SJ_OP_DROPOUT_BACK,
                                                  [SJ_KIND_SOFTMAX_CE] = SJ_OP_LOSS_BACK};
    sj_engine *e = m->engine;
    const sj_node *n = &e->nodes[i];
    const sj_kind kind = m->layers[i].info->kind;
    if (n->fusion.term_count > 0) {
        order_sum_backward(m, i);
        return;
    }
    if (n->role != SJ_ROLE_STORED && n->role != SJ_ROLE_LOSS) {
        return;
    }
    sj_made made = {gradient_made(m, i).level, e->values[i].place};
    if (m->layers[i].info->needs_dx || sj_is_product(kind)) {
        if (options != NULL && !options->random && sj_selects(m, options, i)) {
            take_gradient(m, i, add(m, &e->backward, SJ_OP_PRODUCT_SCORE, i, 0, made.level));
            made.level++;
        }
        made = add(m, &e->backward, ops[kind], i, 0, made.level);
        take_gradient(m, i, made);
        e->gradients[i * SJ_INPUTS_MAX] = made;
    }
    penalise(m, i, made);
}

void sj_order_backward(sj_model *m, const sj_backward_options *options) {
    m->engine->backward.count = 0;
    for (int i = m->layer_count - 1; i >= 0; i--) {
        order_layer_backward(m, i, options);
    }
    sort_by_level(m->engine, &m->engine->backward);
}

// ---- Chunks.
static void weigh(sj_model *m, const sj_plan *plan) {
    for (int i = 0; i < plan->count; i++) {
        int64_t *pixels = &m->engine->pixels[root_of(m->engine, plan->ops[i].place)];
        const int64_t own = sj_layout_pixels(&m->layers[plan->ops[i].layer].layout);
        *pixels = own > *pixels ? own : *pixels;
    }
}

// By the largest output. Measured on two cores: few images where they are large, for a chunk's activations shall stay in the second-level cache; more where they are small, for each chunk
// transforms the weights and writes a weight gradient. At least two chunks, all of one size.
static int64_t chunk_of(const sj_model *m, int64_t pixels) {
    const int64_t wanted = pixels >= 1024 ? 4 : pixels >= 256 ? 8 : pixels >= 64 ? 16 : 32, half = (m->batch + 1) / 2;
    int64_t chunk = wanted < half ? wanted : half;
    while (m->batch % chunk != 0) {
        chunk--;
    }
    return chunk;
}

sj_status sj_order_create(sj_model *m, sj_error *err) {
    sj_engine *e = m->engine;
    int64_t ops = 8;
    for (int i = 0; i < m->layer_count; i++) {
        ops += 6 + 2 * (int64_t)m->layers[i].info->input_count;
    }
    e->places = m->layer_count * SJ_OP_KINDS * SJ_TERMS_MAX;
    SJ_TRY(sj_alloc((void **)&e->parents, (uint64_t)e->places, sizeof *e->parents, "the plan", err));
    SJ_TRY(sj_alloc((void **)&e->pixels, (uint64_t)e->places, sizeof *e->pixels, "the plan", err));
    SJ_TRY(sj_alloc((void **)&e->chunks, (uint64_t)e->places, sizeof *e->chunks, "the plan", err));
    SJ_TRY(sj_alloc((void **)&e->values, (uint64_t)m->layer_count, sizeof *e->values, "the plan", err));
    SJ_TRY(sj_alloc((void **)&e->gradients, (uint64_t)m->layer_count * SJ_INPUTS_MAX, sizeof *e->gradients, "the plan", err));
    SJ_TRY(sj_alloc((void **)&e->unsorted, (uint64_t)ops, sizeof *e->unsorted, "the plan", err));
    SJ_TRY(sj_alloc((void **)&e->forward.ops, (uint64_t)ops, sizeof *e->forward.ops, "the plan", err));
    SJ_TRY(sj_alloc((void **)&e->backward.ops, (uint64_t)ops, sizeof *e->backward.ops, "the plan", err));
    for (int p = 0; p < e->places; p++) {
        e->parents[p] = p;
    }
    order_forward(m);
    sj_order_backward(m, NULL);
    weigh(m, &e->forward);
    weigh(m, &e->backward);
    for (int p = 0; p < e->places; p++) {
        e->chunks[p] = chunk_of(m, e->pixels[root_of(e, p)]);
    }
    order_forward(m);  // with the chunks
    return SJ_OK;
}

sj_status sj_order_run(sj_model *m, const sj_plan *plan, int begin, int end, int64_t chunks, sj_op_work work, sj_error *err) {
    int failure = 0, culprit = 0;
#pragma omp parallel for schedule(dynamic, 1) num_threads(sj_engine_threads(m))
    for (int64_t c = 0; c < chunks; c++) {
        for (int i = begin; i < end; i++) {
            const int status = work(m, &plan->ops[i], omp_get_thread_num(), c);
            if (status != 0) {
#pragma omp critical
                {
                    failure = status;
                    culprit = plan->ops[i].layer;
                }
            }
        }
    }
    return failure == 0 ? SJ_OK : sj_product_fail(failure, m->layers[culprit].info->name, err);
}
