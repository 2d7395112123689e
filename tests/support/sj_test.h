// SPDX-License-Identifier: Apache-2.0
// What the tests share: cmocka's includes, a printed seed, random values, random layers and accelerators.
#ifndef SJ_TEST_H
#define SJ_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sj_accel.h"
#include "sj_bf16.h"
#include "sj_random.h"
#include "sj_test_seed.h"
#include "sj_trace.h"

static inline int64_t sj_test_between(sj_random *r, int64_t low, int64_t high) { return low + (int64_t)sj_random_below(r, (uint64_t)(high - low + 1)); }

// Small integers as bf16: their sums are exact, so that any order of addition gives the same.
static inline sj_bf16 sj_test_small(sj_random *r, double density) {
    if (sj_random_unit(r) >= density) {
        return 0;
    }
    const int64_t magnitude = sj_test_between(r, 1, 8);
    return sj_bf16_from_f32((float)(sj_random_below(r, 2) == 0 ? magnitude : -magnitude));
}

// A bf16 NHWC (KRSC) tensor of small integers; data is malloc'd.
static inline sj_tensor sj_test_tensor(sj_random *r, int64_t n, int64_t h, int64_t w, int64_t c, double density) {
    sj_tensor t = {.type = SJ_TYPE_BF16, .rank = 4, .dims = {n, h, w, c}, .scale = 1.0F};
    sj_bf16 *values = malloc((size_t)(n * h * w * c) * sizeof *values + 1);
    assert_non_null(values);
    for (int64_t i = 0; i < n * h * w * c; i++) {
        values[i] = sj_test_small(r, density);
    }
    t.data = values;
    return t;
}

static inline float sj_test_at(const sj_tensor *t, int64_t a, int64_t b, int64_t c, int64_t d) {
    return sj_bf16_to_f32(((const sj_bf16 *)t->data)[((a * t->dims[1] + b) * t->dims[2] + c) * t->dims[3] + d]);
}

// A small random accelerator; every number within the limits that the reader allows.
static inline sj_accel sj_test_accel(sj_random *r) {
    static const int64_t k_tiles[] = {8, 16, 24, 32, 64};
    sj_accel a = {.name = "random", .tech = "45nm", .dtype = SJ_DTYPE_BF16, .clock_mhz = 500.0, .dram_channels = 1, .codec = SJ_CODEC_BITMASK};
    a.rows = sj_test_between(r, 1, 6);
    a.lanes = sj_test_between(r, 1, 8);
    a.slots = sj_test_between(r, 1, 4);
    a.k_tile = k_tiles[sj_random_below(r, 5)];
    a.acc_banks = sj_test_between(r, 1, 4);
    a.a_bytes = sj_test_between(r, 1, 64);
    a.b_bytes = sj_test_between(r, 1, 64);
    a.o_bytes = sj_test_between(r, 1, 64);
    a.buffer_kib = sj_test_between(r, 8, 64);
    a.bank_kib = 32;
    a.line_bytes = sj_test_between(r, 1, 64);
    a.a_banks = sj_test_between(r, 1, 4);
    int dram_types = 0;
    const char *const *dram_names = sj_dram_names(&dram_types);
    a.dram = sj_dram_find(dram_names[sj_random_below(r, (uint64_t)dram_types)]);
    a.vector_lanes = sj_test_between(r, 1, 16);
    a.swap = (sj_swap)sj_random_below(r, 3);
    return a;
}

#endif
