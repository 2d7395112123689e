// SPDX-License-Identifier: Apache-2.0
// What the tests of the kernels share: random layouts, tensors as they are stored and as NHWC floats, comparisons.
#ifndef KERNEL_CASE_H
#define KERNEL_CASE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sj_bf16.h"
#include "sj_kernels.h"
#include "sj_random.h"

static inline uint64_t case_seed(uint64_t fallback) {
    const char *text = getenv("SJ_TEST_SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : fallback;
    printf("SJ_TEST_SEED=%llu, kernels %s\n", (unsigned long long)seed, sj_kernels_name());
    return seed;
}

static inline int64_t case_between(sj_random *r, int64_t low, int64_t high) { return low + (int64_t)sj_random_below(r, (uint64_t)(high - low + 1)); }

static inline float case_value(sj_random *r) { return (float)(sj_random_unit(r) + sj_random_unit(r) + sj_random_unit(r) - 1.5); }

// Blocks 1, 8, 16, NHWC and odd ones; channels that fill the last block and channels that do not.
static inline sj_layout case_layout(sj_random *r, int64_t pixels_most) {
    static const int64_t channels[] = {1, 2, 3, 8, 10, 16, 24, 32, 37, 48, 64, 100};
    sj_layout l = {.dims = {case_between(r, 1, pixels_most), case_between(r, 1, pixels_most), channels[sj_random_below(r, 12)]}, .bf16 = sj_random_below(r, 2) == 0};
    const int64_t blocks[] = {1, 8, 16, l.dims.c, case_between(r, 1, 40)};
    l.block = blocks[sj_random_below(r, 5)];
    return l;
}

static inline int64_t case_count(const sj_layout *l, int64_t images) { return images * l->dims.h * l->dims.w * l->dims.c; }

// Memory of exactly the stored size, filled with what nobody should leave: NaN with odd bits.
static inline void *case_blank(const sj_layout *l, int64_t images) {
    void *data = malloc((size_t)(images * sj_layout_bytes(l)));
    assert_non_null(data);
    memset(data, 0x7f, (size_t)(images * sj_layout_bytes(l)));
    return data;
}

// Stored values of `nhwc`, which is then rounded as they are.
static inline void *case_store(const sj_layout *l, int64_t images, float *nhwc) {
    void *data = case_blank(l, images);
    sj_layout_from_nhwc(l, images, nhwc, data);
    sj_layout_to_nhwc(l, images, data, nhwc);
    return data;
}

static inline float *case_floats(int64_t count) {
    float *v = malloc((size_t)count * sizeof *v);
    assert_non_null(v);
    return v;
}

// A random tensor with `density` nonzeros; *nhwc: the same as floats.
static inline void *case_tensor(sj_random *r, const sj_layout *l, int64_t images, double density, float **nhwc) {
    *nhwc = case_floats(case_count(l, images));
    for (int64_t i = 0; i < case_count(l, images); i++) {
        (*nhwc)[i] = sj_random_unit(r) < density ? case_value(r) : 0.0F;
    }
    return case_store(l, images, *nhwc);
}

// A random vector of the channels, 0 in the padding.
static inline float *case_vector(sj_random *r, const sj_layout *l, float around) {
    float *v = calloc((size_t)sj_layout_channels(l), sizeof *v);
    assert_non_null(v);
    for (int64_t c = 0; c < l->dims.c; c++) {
        v[c] = around + 0.5F * case_value(r);
    }
    return v;
}

// The padding of the last block holds +0, bit for bit.
static inline void case_padding_zero(const sj_layout *l, int64_t images, const void *data) {
    const int64_t plane = sj_layout_pixels(l) * l->block, valid = l->dims.c - (sj_layout_blocks(l) - 1) * l->block, size = l->bf16 ? 2 : 4;
    static const unsigned char zeros[4];
    for (int64_t image = 0; image < images; image++) {
        const unsigned char *last = (const unsigned char *)sj_layout_at(l, data, image) + (sj_layout_blocks(l) - 1) * plane * size;
        for (int64_t i = 0; i < plane; i++) {
            if (i % l->block >= valid) {
                assert_memory_equal(last + i * size, zeros, (size_t)size);
            }
        }
    }
}

// What is stored, as NHWC floats; the padding is checked.
static inline float *case_read(const sj_layout *l, int64_t images, const void *data) {
    float *nhwc = case_floats(case_count(l, images));
    case_padding_zero(l, images, data);
    sj_layout_to_nhwc(l, images, data, nhwc);
    return nhwc;
}

static inline void case_near(double found, double expected, double tolerance, const char *what, int64_t at) {
    if (!(fabs(found - expected) <= tolerance)) {
        fail_msg("%s at %lld: %.9g, expected %.9g within %.3g", what, (long long)at, found, expected, tolerance);
    }
}

// Stored values against doubles: rounded once at the end, single precision on the way.
static inline void case_equal(const sj_layout *l, int64_t images, const void *data, const double *expected, double slack, const char *what) {
    float *found = case_read(l, images, data);
    for (int64_t i = 0; i < case_count(l, images); i++) {
        case_near((double)found[i], expected[i], (l->bf16 ? 0x1.01p-8 : 0.0) * fabs(expected[i]) + slack * (1.0 + fabs(expected[i])), what, i);
    }
    free(found);
}

static inline bool case_nonzero(float v) { return sj_bf16_nonzero(sj_bf16_from_f32(v)); }

static inline double case_penalty(const sj_penalty *p, double x) {
    return p->kind == SJ_PENALTY_EAT ? x * x / (x * x + (double)p->sigma) : p->kind == SJ_PENALTY_L1 ? fabs(x) : 0.0;
}

static inline double case_penalty_slope(const sj_penalty *p, double x) {
    const double s = (double)p->sigma;
    const double slope = p->kind == SJ_PENALTY_EAT ? 2.0 * s * x / ((x * x + s) * (x * x + s)) : p->kind == SJ_PENALTY_L1 ? (double)((x > 0.0) - (x < 0.0)) : 0.0;
    return (double)p->scale * slope;
}

static inline sj_penalty case_random_penalty(sj_random *r, double chance) {
    const bool on = sj_random_unit(r) < chance;
    return (sj_penalty){on ? (sj_random_below(r, 3) == 0 ? SJ_PENALTY_L1 : SJ_PENALTY_EAT) : SJ_PENALTY_NONE, (float)(0.01 + sj_random_unit(r)), (float)(0.1 + sj_random_unit(r))};
}

#endif
