// SPDX-License-Identifier: Apache-2.0
// The arrays on which rtl is compared: the first EXACT_SLICE of them in every test run, all of them in scripts/exactness.sh. Shapes that the program does not ship are Verilated on demand.
#ifndef EXACT_SHAPES_H
#define EXACT_SHAPES_H

#include "sj_accel.h"

typedef struct exact_shape_entry {
    int rows, lanes, slots, k_tile, acc_banks;
    sj_dtype dtype;
} exact_shape_entry;

static const exact_shape_entry exact_shapes[] = {
    {4, 4, 2, 16, 1, SJ_DTYPE_BF16},   {3, 5, 3, 8, 3, SJ_DTYPE_BF16},    {4, 4, 2, 16, 2, SJ_DTYPE_INT8},  {1, 1, 1, 8, 1, SJ_DTYPE_BF16},
    {5, 7, 3, 32, 2, SJ_DTYPE_BF16},   {1, 8, 1, 64, 2, SJ_DTYPE_INT8},   {8, 2, 4, 24, 4, SJ_DTYPE_BF16},  {6, 3, 5, 40, 2, SJ_DTYPE_INT8},
    {2, 16, 3, 128, 1, SJ_DTYPE_BF16}, {7, 1, 8, 256, 3, SJ_DTYPE_INT8},  {8, 8, 1, 32, 8, SJ_DTYPE_BF16},  {16, 16, 8, 64, 2, SJ_DTYPE_INT8},
    {16, 16, 8, 64, 2, SJ_DTYPE_BF16}, {8, 32, 16, 64, 2, SJ_DTYPE_BF16},
};
enum { EXACT_SHAPES = sizeof exact_shapes / sizeof *exact_shapes, EXACT_SLICE = 3 };

static inline void exact_shape(sj_accel *a, int i) {
    const exact_shape_entry *s = &exact_shapes[i];
    a->rows = s->rows;
    a->lanes = s->lanes;
    a->slots = s->slots;
    a->k_tile = s->k_tile;
    a->acc_banks = s->acc_banks;
    a->dtype = s->dtype;
}

#endif
