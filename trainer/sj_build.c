// SPDX-License-Identifier: Apache-2.0
// Buffers, products and scratch of a model, or in a dry run their sizes alone.
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sj_engine.h"
#include "sj_file.h"
#include "sj_random.h"

enum { CACHE_LINE = 64, HUGE_PAGE = 2 << 20 };

sj_status sj_engine_alloc(sj_engine *e, void **out, int64_t count, size_t size, const char *what, sj_error *err) {
    const size_t needed = (size_t)(count > 0 ? count : 1) * size, align = needed >= 2 * HUGE_PAGE ? HUGE_PAGE : CACHE_LINE;
    const size_t bytes = (needed + align - 1) / align * align;
    *out = NULL;
    e->bytes += (int64_t)needed;
    if (e->dry) {
        return SJ_OK;
    }
    if (count < 0 || (uint64_t)count > SIZE_MAX / 2 / size || (*out = aligned_alloc(align, bytes)) == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: %lld values of %zu bytes could not be allocated", what, (long long)count, size);
    }
    if (align == HUGE_PAGE) {
        (void)madvise(*out, bytes, MADV_HUGEPAGE);
    }
    memset(*out, 0, bytes);
    return SJ_OK;
}

sj_status sj_engine_grow(sj_engine *e, float **values, int64_t *count, int64_t needed, sj_error *err) {
    free(*values);
    e->bytes -= *count * (int64_t)sizeof **values;
    *count = 0;
    SJ_TRY(sj_engine_alloc(e, (void **)values, needed, sizeof **values, "scratch", err));
    *count = needed;
    return SJ_OK;
}

int sj_engine_threads(const sj_model *m) {
    const int most = omp_get_max_threads();
    return most < m->engine->lanes ? most : m->engine->lanes;
}

static int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }

static sj_status alloc_floats(sj_model *m, float **out, int64_t count, const sj_layer *l, sj_error *err) {
    return sj_engine_alloc(m->engine, (void **)out, count, sizeof(float), l->info->name, err);
}

static sj_status add_param(sj_model *m, sj_layer *l, const char *name, int64_t count, float initial, sj_error *err) {
    const sj_optimizer_config kind = {.kind = m->options.optimizer, .momentum = 1.0};
    sj_param *p = &l->params[l->param_count++];
    p->name = name;
    p->count = count;
    SJ_TRY(alloc_floats(m, &p->value, count, l, err));
    SJ_TRY(alloc_floats(m, &p->grad, count, l, err));
    for (int s = 0; s < sj_optimizer_state_count(&kind); s++) {
        SJ_TRY(alloc_floats(m, &p->state[s], count, l, err));
    }
    for (int64_t i = 0; i < count && p->value != NULL; i++) {
        p->value[i] = initial;
    }
    return SJ_OK;
}

static void init_he(sj_param *w, int64_t fan_in, uint64_t seed, int layer) {
    sj_random r = sj_random_stream(seed, 1000U + (uint64_t)layer);
    const double deviation = sqrt(2.0 / (double)fan_in);
    for (int64_t i = 0; i < w->count && w->value != NULL; i++) {
        const double radius = sqrt(-2.0 * log(1.0 - sj_random_unit(&r)));  // Box and Muller
        w->value[i] = (float)(deviation * radius * cos(6.283185307179586 * sj_random_unit(&r)));
    }
}

static sj_product_shape shape_of(const sj_model *m, int layer) {
    const sj_layer *l = &m->layers[layer];
    const sj_layer_info *i = l->info;
    const sj_arithmetic bf16 = m->options.native_bf16 ? SJ_ARITHMETIC_BF16_NATIVE : SJ_ARITHMETIC_BF16_ROUNDED;
    return (sj_product_shape){.images = m->engine->nodes[layer].chunk, .in = *sj_source_layout(m, sj_source_of(m, layer, 0)), .out = l->layout, .kernel_h = i->kernel_h,
                              .kernel_w = i->kernel_w, .stride = i->stride, .padding = i->padding, .linear = i->kind == SJ_KIND_LINEAR, .has_bias = i->has_bias, .forward = true,
                              .needs_dx = i->needs_dx, .needs_dw = true, .arithmetic = m->options.bf16 ? bf16 : SJ_ARITHMETIC_F32, .algorithm = m->options.algorithm,
                              .dry = m->engine->dry};
}

sj_status sj_model_product(sj_model *m, int layer, const sj_layout *out, sj_product **product, sj_error *err) {
    sj_product_shape shape = shape_of(m, layer);
    if (out != NULL) {  // for some of the channels, backward alone
        shape.out = *out;
        shape.forward = false;
        shape.has_bias = false;
    }
    const sj_status status = sj_product_create(&shape, product, err);
    return status == SJ_OK ? SJ_OK : sj_error_prefix(err, "layer %s", m->layers[layer].info->name);
}

static sj_status make_product(sj_model *m, int layer, sj_error *err) {
    sj_layer *l = &m->layers[layer];
    sj_node *n = &m->engine->nodes[layer];
    const sj_layer_info *i = l->info;
    const int64_t fan_in = i->kernel_h * i->kernel_w * i->in.c;
    n->chunk = m->engine->chunks[m->engine->values[layer].place];
    SJ_TRY(add_param(m, l, "w", i->out.c * fan_in, 0.0F, err));
    init_he(&l->params[0], fan_in, m->options.seed, layer);
    if (i->has_bias) {
        SJ_TRY(add_param(m, l, "bias", i->out.c, 0.0F, err));
    }
    SJ_TRY(sj_engine_alloc(m->engine, (void **)&l->kept, i->out.c, 1, i->name, err));
    SJ_TRY(sj_engine_alloc(m->engine, (void **)&n->kept_list, i->out.c, sizeof *n->kept_list, i->name, err));
    SJ_TRY(sj_engine_alloc(m->engine, (void **)&n->sums, m->batch / n->chunk * sj_layout_channels(&l->layout), sizeof(double), i->name, err));
    l->kept_count = i->out.c;
    if (l->kept != NULL) {
        memset(l->kept, 1, (size_t)i->out.c);
    }
    SJ_TRY(sj_model_product(m, layer, NULL, &n->product, err));
    n->partial_values = sj_product_partial_values(n->product);
    m->engine->bytes += sj_product_memory_bytes(n->product);
    m->engine->product_scratch = max_of(m->engine->product_scratch, sj_product_scratch_bytes(n->product));
    if (m->engine->dry) {  // one at a time
        sj_product_destroy(n->product);
        n->product = NULL;
    }
    return SJ_OK;
}

static sj_status make_bn(sj_model *m, int layer, sj_error *err) {
    sj_layer *l = &m->layers[layer];
    sj_node *n = &m->engine->nodes[layer];
    const int64_t channels = l->info->in.c, stored = sj_layout_channels(&l->layout);
    float **const vectors[] = {&l->mean, &l->variance, &l->running_mean, &l->running_variance, &n->scale, &n->shift, &n->inverse_std, &n->a_mean, &n->b_mean};
    SJ_TRY(add_param(m, l, "gamma", channels, 1.0F, err));
    SJ_TRY(add_param(m, l, "beta", channels, 0.0F, err));
    for (size_t v = 0; v < sizeof vectors / sizeof vectors[0]; v++) {
        SJ_TRY(alloc_floats(m, vectors[v], stored, l, err));
    }
    for (int64_t c = 0; c < channels && l->running_variance != NULL; c++) {
        l->running_variance[c] = 1.0F;
    }
    const int64_t forward = sj_order_chunk(m, SJ_OP_MOMENTS, layer, 0), backward = sj_order_chunk(m, SJ_OP_SUM_MOMENTS, n->root, n->term);
    n->chunk = forward < backward ? forward : backward;
    return sj_engine_alloc(m->engine, (void **)&n->sums, m->batch / n->chunk * 2 * stored, sizeof(double), l->info->name, err);
}

static sj_status make_layer(sj_model *m, int layer, sj_error *err) {
    sj_layer *l = &m->layers[layer];
    sj_node *n = &m->engine->nodes[layer];
    const sj_kind kind = l->info->kind;
    l->y_nonzero = l->dy_nonzero = -1;
    if (n->role == SJ_ROLE_STORED) {
        SJ_TRY(sj_engine_alloc(m->engine, &n->y, m->batch, (size_t)sj_layout_bytes(&l->layout), l->info->name, err));
    }
    for (int j = 0; j < l->info->input_count && n->role != SJ_ROLE_ALIAS; j++) {
        const int from = l->info->inputs[j];
        const bool inside = from >= 0 && m->engine->nodes[from].role == SJ_ROLE_INTERIOR;
        if (!inside && sj_input_wants_gradient(m, layer, j)) {
            const sj_layout *in = sj_source_layout(m, sj_source_of(m, layer, j));
            SJ_TRY(sj_engine_alloc(m->engine, &n->dx[j], m->batch, (size_t)sj_layout_bytes(in), l->info->name, err));
        }
    }
    SJ_TRY(sj_engine_alloc(m->engine, (void **)&n->penalty_sums, m->batch, sizeof(double), l->info->name, err));
    if (kind == SJ_KIND_DROPOUT) {
        SJ_TRY(sj_engine_alloc(m->engine, (void **)&n->mask, m->batch, (size_t)sj_dims_count(l->info->out), l->info->name, err));
    }
    return kind == SJ_KIND_BN ? make_bn(m, layer, err) : sj_is_product(kind) ? make_product(m, layer, err) : SJ_OK;
}

// A lane's scratch: the gradient of one layer's chunk, twice; or an image as floats.
static int64_t scratch_bytes(const sj_model *m) {
    const sj_plan *plan = &m->engine->backward;
    int64_t most = (int64_t)sizeof(float) * sj_dims_count(m->input_dims);
    for (int i = 0; i < plan->count; i++) {
        const sj_layer *l = &m->layers[plan->ops[i].layer];
        const int64_t chunk = m->engine->chunks[plan->ops[i].place] * sj_layout_bytes(&l->layout), image = (int64_t)sizeof(float) * sj_dims_count(l->info->out);
        most = max_of(most, max_of(chunk, image));
    }
    return most;
}

static int64_t partials_needed(const sj_model *m) {
    const sj_plan *plan = &m->engine->backward;
    int64_t most = 1;
    for (int first = 0; first < plan->count; first = sj_order_run_end(plan, first)) {
        int64_t values = 0;
        for (int i = first; i < sj_order_run_end(plan, first); i++) {
            const sj_op *op = &plan->ops[i];
            values += op->kind == SJ_OP_PRODUCT_BACK ? sj_line_floats(m->batch / op->chunk * m->engine->nodes[op->layer].partial_values) : 0;
        }
        most = max_of(most, values);
    }
    return most;
}

static sj_status make_scratch(sj_model *m, sj_error *err) {
    sj_engine *e = m->engine;
    const int64_t classes = m->layers[m->layer_count - 1].info->in.c;
    int64_t weights = 1;
    e->lanes = sj_product_lanes();
    e->bytes += e->lanes * e->product_scratch;
    sj_order_backward(m, NULL);
    e->scratch_bytes = scratch_bytes(m);
    e->partial_values = partials_needed(m);
    for (int i = 0; i < m->layer_count && m->options.gather; i++) {
        const int64_t count = sj_is_product(m->layers[i].info->kind) ? m->layers[i].params[0].count : 0;
        weights = max_of(weights, count);
    }
    SJ_TRY(sj_alloc((void **)&e->scratch, 2U * (uint64_t)e->lanes, sizeof *e->scratch, "scratch", err));
    for (int i = 0; i < 2 * e->lanes; i++) {
        SJ_TRY(sj_engine_alloc(e, &e->scratch[i], e->scratch_bytes, 1, "scratch", err));
    }
    SJ_TRY(sj_engine_alloc(e, (void **)&e->partials, e->partial_values, sizeof(float), "weight gradients", err));
    SJ_TRY(sj_engine_alloc(e, (void **)&e->gathered_weights, weights, sizeof(float), "kept weights", err));
    SJ_TRY(sj_engine_alloc(e, (void **)&e->gathered_grad, weights, sizeof(float), "kept weights", err));
    SJ_TRY(sj_engine_alloc(e, (void **)&e->losses, m->batch, sizeof(double), "losses", err));
    SJ_TRY(sj_engine_alloc(e, (void **)&e->correct, m->batch, sizeof(int64_t), "losses", err));
    SJ_TRY(sj_engine_alloc(e, (void **)&e->input_penalty_sums, m->batch, sizeof(double), "losses", err));
    return sj_engine_alloc(e, (void **)&e->probabilities, m->batch * classes, sizeof(float), "probabilities", err);
}

sj_status sj_engine_build(sj_model *m, sj_error *err) {
    SJ_TRY(sj_alloc((void **)&m->layers, (uint64_t)m->layer_count, sizeof(sj_layer), "layers", err));
    SJ_TRY(sj_alloc((void **)&m->engine->nodes, (uint64_t)m->layer_count, sizeof(sj_node), "layers", err));
    for (int i = 0; i < m->layer_count; i++) {
        m->layers[i].info = &m->net.network.layers[i];
    }
    SJ_TRY(sj_plan_nodes(m, err));
    SJ_TRY(sj_order_create(m, err));
    SJ_TRY(sj_engine_alloc(m->engine, &m->input, m->batch, (size_t)sj_layout_bytes(&m->input_layout), "the input batch", err));
    SJ_TRY(sj_engine_alloc(m->engine, (void **)&m->labels, m->batch, sizeof *m->labels, "labels", err));
    for (int i = 0; i < m->layer_count; i++) {
        SJ_TRY(make_layer(m, i, err));
    }
    return make_scratch(m, err);
}
