// SPDX-License-Identifier: Apache-2.0
// The arrays that are built for rtl and small enough for thousands of random cases (rtl/CMakeLists.txt).
#ifndef EXACT_SHAPES_H
#define EXACT_SHAPES_H

#include "sj_accel.h"

enum { EXACT_SHAPES = 2 };

static inline void exact_shape(sj_accel *a, int i) {
    static const int64_t built[EXACT_SHAPES][5] = {{4, 4, 2, 16, 1}, {3, 5, 3, 8, 3}};  // rows, lanes, slots, k_tile, acc_banks
    a->rows = built[i][0];
    a->lanes = built[i][1];
    a->slots = built[i][2];
    a->k_tile = built[i][3];
    a->acc_banks = built[i][4];
    a->dtype = SJ_DTYPE_BF16;
}

#endif
