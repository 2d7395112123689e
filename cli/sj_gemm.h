// SPDX-License-Identifier: Apache-2.0
// The operands of `skipjoule gemm`.
#ifndef SJ_GEMM_H
#define SJ_GEMM_H

#include "sj_accel.h"
#include "sj_error.h"
#include "sj_random.h"

#define SJ_GEMM_SIZE_MAX (1 << 24)  // M, K and N, of words and of files

typedef struct sj_gemm_matrix {
    int64_t rows, columns;
    void *values;          // sj_bf16 or int8_t, row-major; owned
    double density;        // share of nonzeros; NAN where there are no values
    bool quantised;
    float scale;           // quantised: value = scale * stored
    int64_t zeros_made;    // quantised: nonzero values that became 0
} sj_gemm_matrix;

// Two numbers drawn a value, used or not: a smaller density at the same seed keeps a part of the same values.
sj_status sj_gemm_random(int64_t rows, int64_t columns, double density, sj_dtype dtype, sj_random r, sj_gemm_matrix *out, sj_error *err);

// A .npy file: float32 rounded to bf16 (to nearest even, denormals to +0) for a bf16 machine; int8 as it is for an int8 machine, float32 there only with `quantise`.
sj_status sj_gemm_load(const char *path, const sj_accel *accel, bool quantise, sj_gemm_matrix *out, sj_error *err);

#endif
