// SPDX-License-Identifier: Apache-2.0
// A random convolution with its tensors.
#ifndef SJ_TEST_LAYER_H
#define SJ_TEST_LAYER_H

#include "lower_internal.h"
#include "sj_test.h"

typedef struct sj_test_layer {
    sj_layer_info info;
    sj_tensor x, w, dy, dx, keep;
    bool has_keep;
    int64_t batch;
} sj_test_layer;

// channels_max: of a group.
static inline sj_test_layer sj_test_layer_make_grouped(sj_random *r, int64_t groups, int64_t channels_max, int64_t size_max) {
    sj_test_layer t = {0};
    sj_layer_info *l = &t.info;
    snprintf(l->name, sizeof l->name, "conv");
    l->kind = SJ_KIND_CONV;
    l->groups = groups;
    l->needs_dx = true;
    do {
        l->kernel_h = sj_test_between(r, 1, 3);
        l->kernel_w = sj_test_between(r, 1, 3);
        l->stride = sj_test_between(r, 1, 3);
        l->padding = sj_test_between(r, 0, 2);
        l->in = (sj_dims){sj_test_between(r, 1, size_max), sj_test_between(r, 1, size_max), groups * sj_test_between(r, 1, channels_max)};
        l->out.h = (l->in.h + 2 * l->padding - l->kernel_h) / l->stride + 1;
        l->out.w = (l->in.w + 2 * l->padding - l->kernel_w) / l->stride + 1;
    } while (l->in.h + 2 * l->padding < l->kernel_h || l->in.w + 2 * l->padding < l->kernel_w);
    l->out.c = groups * sj_test_between(r, 1, channels_max);
    const int64_t stored = sj_test_between(r, 1, 2);
    t.batch = sj_test_between(r, 1, 3);
    const double density = sj_random_unit(r);
    t.x = sj_test_tensor(r, stored, l->in.h, l->in.w, l->in.c, density);
    t.dx = sj_test_tensor(r, stored, l->in.h, l->in.w, l->in.c, density);
    t.w = sj_test_tensor(r, l->out.c, l->kernel_h, l->kernel_w, l->in.c / groups, sj_random_below(r, 4) == 0 ? 0.5 : 1.0);
    t.dy = sj_test_tensor(r, stored, l->out.h, l->out.w, l->out.c, sj_random_below(r, 8) == 0 ? 0.0 : sj_random_unit(r));
    t.has_keep = groups == 1 && sj_random_below(r, 2) == 0;
    int32_t *kept = malloc((size_t)l->out.c * sizeof *kept);
    assert_non_null(kept);
    int64_t count = 0;
    for (int32_t c = 0; c < (int32_t)l->out.c; c++) {
        if (sj_random_below(r, 2) == 0 || (c + 1 == l->out.c && count == 0)) {
            kept[count++] = c;
        }
    }
    t.keep = (sj_tensor){.type = SJ_TYPE_I32, .rank = 1, .dims = {count}, .data = kept};
    return t;
}

static inline sj_test_layer sj_test_layer_make(sj_random *r, int64_t channels_max, int64_t size_max) { return sj_test_layer_make_grouped(r, 1, channels_max, size_max); }

static inline void sj_test_layer_free(sj_test_layer *t) {
    free(t->x.data);
    free(t->dx.data);
    free(t->w.data);
    free(t->dy.data);
    free(t->keep.data);
}

static inline sj_conv_case sj_test_layer_case(const sj_test_layer *t) {
    return (sj_conv_case){.layer = "conv", .info = &t->info, .batch = t->batch, .x = &t->x, .w = &t->w, .dy = &t->dy, .keep = t->has_keep ? &t->keep : NULL};
}

static inline bool sj_test_kept(const sj_test_layer *t, int64_t channel) {
    for (int64_t i = 0; t->has_keep && i < t->keep.dims[0]; i++) {
        if (((const int32_t *)t->keep.data)[i] == channel) {
            return true;
        }
    }
    return !t->has_keep;
}

#endif
