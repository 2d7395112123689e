// SPDX-License-Identifier: Apache-2.0
// The last step's tensors as NHWC floats, made anew where they are not stored.
#include <stdlib.h>
#include <string.h>

#include "sj_engine.h"

enum { PORTION = 8 };  // images at a time

static float *floats_at(const sj_model *m, int layer, float *nhwc, int64_t image) { return nhwc + image * (layer < 0 ? sj_dims_count(m->input_dims) : sj_dims_count(m->layers[layer].info->out)); }

// One or all terms of a sum before its ReLU, as the fused pass computed them.
static void value_inside(const sj_model *m, int layer, int64_t first, int64_t count, void *out) {
    const sj_node *n = &m->engine->nodes[layer];
    sj_term terms[SJ_TERMS_MAX];
    sj_sum_terms(m, n->root, first, terms);
    const bool add = m->layers[layer].info->kind == SJ_KIND_ADD;
    sj_sum_forward(&m->layers[layer].layout, count, add ? terms : &terms[n->term], add ? m->engine->nodes[n->root].fusion.term_count : 1, false, out, NULL);
}

// One portion; scratch holds it in the layer's layout.
static void value_portion(const sj_model *m, int layer, int64_t first, int64_t count, void *scratch, float *nhwc) {
    const sj_node *n = layer < 0 ? NULL : &m->engine->nodes[layer];
    if (n != NULL && n->role == SJ_ROLE_INTERIOR) {
        value_inside(m, layer, first, count, scratch);
        sj_layout_to_nhwc(&m->layers[layer].layout, count, scratch, nhwc);
    } else {
        const int source = n == NULL ? -1 : n->source;
        sj_layout_to_nhwc(sj_source_layout(m, source), count, sj_source_at(m, source, first), nhwc);
    }
}

// `slots`: of a fork's branch; NULL: of the layer, with its penalty.
static void gradient_portion(const sj_model *m, int layer, const sj_slot *slots, int slot_count, int64_t first, int64_t count, void *scratch, float *nhwc) {
    const sj_node *n = &m->engine->nodes[layer];
    const sj_layout *l = &m->layers[layer].layout;
    const void *stored = scratch;
    if (slots != NULL) {
        stored = sj_slots_at(m, l, slots, slot_count, first, count, scratch);
    } else if (n->root < 0) {
        stored = sj_gradient_at(m, layer, first, count, scratch);
    } else {
        sj_sum_back b;
        const bool of_term = m->layers[layer].info->kind == SJ_KIND_BN;
        sj_sum_back_of(m, n->root, of_term ? n->term : 0, first, &b);
        b.relu = b.relu && layer != n->root;  // a ReLU's own gradient is the one before it
        sj_sum_gradient(l, count, &b, of_term, scratch);
    }
    sj_layout_to_nhwc(l, count, stored, nhwc);
}

static sj_status make_scratch(const sj_model *m, int layer, void **out, sj_error *err) {
    const int64_t bytes = (PORTION * sj_layout_bytes(sj_source_layout(m, layer)) + 63) / 64 * 64;
    *out = aligned_alloc(64, (size_t)bytes);
    return *out != NULL ? SJ_OK : SJ_FAIL(err, SJ_ERR_MEMORY, "out of memory: %lld bytes for images of layer %s", (long long)bytes, layer < 0 ? "input" : m->layers[layer].info->name);
}

sj_status sj_model_value(sj_model *m, int layer, int64_t first, int64_t count, float *nhwc, sj_error *err) {
    if (layer >= 0 && m->engine->nodes[layer].role == SJ_ROLE_LOSS) {
        memcpy(nhwc, sj_model_probabilities(m, first), (size_t)(count * m->layers[layer].info->out.c) * sizeof *nhwc);
        return SJ_OK;
    }
    void *scratch;
    SJ_TRY(make_scratch(m, layer, &scratch, err));
    for (int64_t i = 0; i < count; i += PORTION) {
        value_portion(m, layer, first + i, count - i < PORTION ? count - i : PORTION, scratch, floats_at(m, layer, nhwc, i));
    }
    free(scratch);
    return SJ_OK;
}

sj_status sj_model_gradient(sj_model *m, int layer, int branch, int64_t first, int64_t count, float *nhwc, sj_error *err) {
    sj_slot slots[SJ_TERMS_MAX];
    const int slot_count = branch >= 0 ? sj_branch_slots(m, layer, branch, slots) : 0;
    if (!m->engine->nodes[layer].wants_gradient || m->engine->mode != SJ_MODE_TRAIN || slot_count < 0) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "layer %s has no such gradient in this step", m->layers[layer].info->name);
    }
    void *scratch;
    SJ_TRY(make_scratch(m, layer, &scratch, err));
    for (int64_t i = 0; i < count; i += PORTION) {
        const int64_t images = count - i < PORTION ? count - i : PORTION;
        gradient_portion(m, layer, branch >= 0 ? slots : NULL, slot_count, first + i, images, scratch, floats_at(m, layer, nhwc, i));
    }
    free(scratch);
    return SJ_OK;
}

const uint8_t *sj_model_mask(const sj_model *m, int layer, int64_t image) {
    const uint8_t *mask = m->engine->nodes[layer].mask;
    return mask == NULL ? NULL : mask + image * sj_dims_count(m->layers[layer].info->out);
}

const float *sj_model_probabilities(const sj_model *m, int64_t image) { return m->engine->probabilities + image * m->layers[m->layer_count - 1].info->out.c; }
