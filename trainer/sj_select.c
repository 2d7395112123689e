// SPDX-License-Identifier: Apache-2.0
// ssProp in the backward pass of a product: scores, the choice of channels, and the products of the kept ones. mask: the others are zeroed and multiplied. gather: they are left out; a
// product of the kept channels alone is made for each number of them that is met.
#include <string.h>

#include "sj_engine.h"

bool sj_selects(const sj_model *m, const sj_backward_options *o, int layer) {
    const sj_kind kind = m->layers[layer].info->kind;
    return o->keep < 1.0 && (kind == SJ_KIND_CONV || (kind == SJ_KIND_LINEAR && o->select_linear));
}

void sj_select_score(sj_model *m, int layer, int lane, int64_t chunk, int64_t images) {
    const sj_layout *l = &m->layers[layer].layout;
    const void *dy = sj_gradient_at(m, layer, chunk * images, images, m->engine->scratch[2 * lane]);
    sj_channel_abs_sums(l, images, dy, m->engine->nodes[layer].sums + chunk * sj_layout_channels(l));
}

sj_gathered *sj_select_gathered(const sj_model *m, int layer) {
    const sj_layer *l = &m->layers[layer];
    for (int g = 0; m->options.gather && l->selected && g < SJ_GATHERED_MAX; g++) {
        sj_gathered *gathered = &m->engine->nodes[layer].gathered[g];
        if (gathered->product != NULL && gathered->count == l->kept_count) {
            return gathered;
        }
    }
    return NULL;
}

// The one that has rested longest makes room.
static sj_status make_gathered(sj_model *m, int layer, sj_error *err) {
    sj_node *n = &m->engine->nodes[layer];
    const sj_layout *own = &m->layers[layer].layout;
    sj_gathered *place = &n->gathered[0];
    for (int g = 1; g < SJ_GATHERED_MAX; g++) {
        place = n->gathered[g].last_used < place->last_used ? &n->gathered[g] : place;
    }
    sj_product_destroy(place->product);
    place->product = NULL;
    place->count = m->layers[layer].kept_count;
    place->layout = (sj_layout){{own->dims.h, own->dims.w, place->count}, sj_block_of(m, place->count), own->bf16};
    return sj_model_product(m, layer, &place->layout, &place->product, err);
}

static int64_t taps_of(const sj_layer *l) { return l->params[0].count / l->info->out.c; }

// After `kept` has been set.
static sj_status prepare(sj_model *m, int layer, sj_error *err) {
    sj_layer *l = &m->layers[layer];
    const sj_node *n = &m->engine->nodes[layer];
    const int64_t taps = taps_of(l);
    int64_t count = 0;
    l->selected = true;
    for (int64_t k = 0; k < l->info->out.c; k++) {
        if (l->kept[k] != 0) {
            n->kept_list[count++] = (int32_t)k;
        }
    }
    if (!m->options.gather) {
        return SJ_OK;
    }
    if (sj_select_gathered(m, layer) == NULL) {
        SJ_TRY(make_gathered(m, layer, err));
    }
    sj_gathered *gathered = sj_select_gathered(m, layer);
    gathered->last_used = ++m->engine->backward_clock;
    for (int64_t k = 0; k < count; k++) {
        memcpy(m->engine->gathered_weights + k * taps, l->params[0].value + n->kept_list[k] * taps, (size_t)taps * sizeof(float));
    }
    return sj_product_set_weights(gathered->product, m->engine->gathered_weights, err);
}

sj_status sj_select_by_score(sj_model *m, int layer, int64_t chunks, sj_error *err) {
    sj_layer *l = &m->layers[layer];
    double *sums = m->engine->nodes[layer].sums;
    const int64_t stored = sj_layout_channels(&l->layout);
    const double count = (double)(m->batch * sj_layout_pixels(&l->layout));
    for (int64_t k = 0; k < l->info->out.c; k++) {
        for (int64_t c = 1; c < chunks; c++) {
            sums[k] += sums[c * stored + k];
        }
        sums[k] /= count;  // mean |dy[:, k]|
    }
    sj_ssprop_select(l->info->out.c, sums, l->kept_count, l->kept);
    return prepare(m, layer, err);
}

sj_status sj_select_start(sj_model *m, const sj_backward_options *o, sj_error *err) {
    for (int i = 0; i < m->layer_count; i++) {
        sj_layer *l = &m->layers[i];
        if (l->kept == NULL) {
            continue;
        }
        l->selected = false;
        l->kept_count = l->info->out.c;
        memset(l->kept, 1, (size_t)l->kept_count);
        if (sj_selects(m, o, i)) {
            l->kept_count = sj_ssprop_count(o->keep, l->info->out.c);
            if (o->random) {
                sj_ssprop_select_random(l->info->out.c, l->kept_count, o->random_stream, (uint64_t)i, l->kept);
                SJ_TRY(prepare(m, i, err));
            }
        }
    }
    return SJ_OK;
}

const void *sj_select_apply(sj_model *m, int layer, int lane, int64_t images, const void *dy) {
    const sj_layer *l = &m->layers[layer];
    const sj_gathered *gathered = sj_select_gathered(m, layer);
    void *out = m->engine->scratch[2 * lane + 1];
    if (!l->selected) {
        return dy;
    }
    if (gathered != NULL) {
        sj_gather_channels(&l->layout, &gathered->layout, images, m->engine->nodes[layer].kept_list, dy, out);
    } else {
        sj_mask_channels(&l->layout, images, l->kept, dy, out);
    }
    return out;
}

sj_status sj_select_reduce(sj_model *m, int layer, float *partials, int64_t count, sj_error *err) {
    const sj_layer *l = &m->layers[layer];
    const sj_node *n = &m->engine->nodes[layer];
    const sj_gathered *gathered = sj_select_gathered(m, layer);
    const size_t row = (size_t)taps_of(l);
    float *grad = l->params[0].grad;
    if (gathered != NULL) {
        SJ_TRY(sj_product_reduce_weights(gathered->product, partials, count, m->engine->gathered_grad, err));
        for (int64_t k = 0; k < l->kept_count; k++) {
            memcpy(grad + (size_t)n->kept_list[k] * row, m->engine->gathered_grad + (size_t)k * row, row * sizeof *grad);
        }
    } else {
        SJ_TRY(sj_product_reduce_weights(n->product, partials, count, grad, err));
    }
    for (int64_t k = 0; l->selected && k < l->info->out.c; k++) {
        if (l->kept[k] == 0) {
            memset(grad + (size_t)k * row, 0, row * sizeof *grad);
            if (l->info->has_bias) {
                l->params[1].grad[k] = 0.0F;
            }
        }
    }
    return SJ_OK;
}
