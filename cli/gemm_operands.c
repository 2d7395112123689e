// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdlib.h>

#include "sj_bf16.h"
#include "sj_file.h"
#include "sj_gemm.h"
#include "sj_npy.h"
#include "sj_quantise.h"

static uint16_t random_value(sj_random *r, double density, sj_dtype dtype) {
    const bool nonzero = sj_random_unit(r) < density;
    const uint64_t bits = sj_random_u64(r);
    if (!nonzero) {
        return 0;
    }
    if (dtype == SJ_DTYPE_BF16) {
        const unsigned exponent = 120u + (unsigned)((bits >> 8 & 0xffffffffu) * 15u >> 32);
        return (uint16_t)((bits >> 63) << 15 | exponent << 7 | (bits & 0x7fu));
    }
    const int magnitude = 1 + (int)((bits >> 8 & 0xffffffffu) * 127u >> 32);
    return (uint16_t)(uint8_t)(int8_t)((bits >> 63) != 0 ? -magnitude : magnitude);
}

static sj_status allocate(sj_gemm_matrix *m, sj_dtype dtype, sj_error *err) {
    return sj_alloc(&m->values, (uint64_t)(m->rows * m->columns) + 1, dtype == SJ_DTYPE_BF16 ? 2 : 1, "an operand", err);
}

static void set_density(sj_gemm_matrix *m, sj_dtype dtype) {
    const int64_t count = m->rows * m->columns;
    int64_t nonzero = 0;
    for (int64_t i = 0; i < count; i++) {
        nonzero += dtype == SJ_DTYPE_BF16 ? sj_bf16_nonzero(((const sj_bf16 *)m->values)[i]) : ((const int8_t *)m->values)[i] != 0;
    }
    m->density = count > 0 ? (double)nonzero / (double)count : (double)NAN;
}

sj_status sj_gemm_random(int64_t rows, int64_t columns, double density, sj_dtype dtype, sj_random r, sj_gemm_matrix *out, sj_error *err) {
    *out = (sj_gemm_matrix){.rows = rows, .columns = columns};
    SJ_TRY(allocate(out, dtype, err));
    for (int64_t i = 0; i < rows * columns; i++) {
        const uint16_t v = random_value(&r, density, dtype);
        if (dtype == SJ_DTYPE_BF16) {
            ((sj_bf16 *)out->values)[i] = v;
        } else {
            ((int8_t *)out->values)[i] = (int8_t)(uint8_t)v;
        }
    }
    set_density(out, dtype);
    return SJ_OK;
}

static sj_status check_finite(const char *path, const sj_npy *m, sj_error *err) {
    const float *v = m->data;
    for (int64_t i = 0; i < m->rows * m->columns; i++) {
        if (!isfinite(v[i])) {
            return SJ_FAIL(err, SJ_ERR_NUMERIC, "%s: value [%lld][%lld] is %s", path, (long long)(i / m->columns), (long long)(i % m->columns), isnan(v[i]) ? "NaN" : "infinite");
        }
    }
    return SJ_OK;
}

static sj_status round_values(const char *path, const sj_npy *from, sj_gemm_matrix *to, sj_error *err) {
    const float *v = from->data;
    sj_bf16 *rounded = to->values;
    for (int64_t i = 0; i < from->rows * from->columns; i++) {
        rounded[i] = sj_bf16_from_f32(v[i]);
        if (!sj_bf16_finite(rounded[i])) {
            return SJ_FAIL(err, SJ_ERR_NUMERIC, "%s: value [%lld][%lld] is %.9g, which is too large for bfloat16", path, (long long)(i / from->columns), (long long)(i % from->columns),
                           (double)v[i]);
        }
    }
    return SJ_OK;
}

static void quantise_values(const sj_npy *from, sj_gemm_matrix *to) {
    const float *v = from->data;
    const int64_t count = from->rows * from->columns;
    to->quantised = true;
    to->scale = sj_quantise_scale(v, count);
    for (int64_t i = 0; i < count; i++) {
        const int8_t q = sj_quantise_int8(v[i], to->scale);
        ((int8_t *)to->values)[i] = q;
        to->zeros_made += q == 0 && (sj_f32_bits(v[i]) & 0x7f800000u) != 0;  // a denormal is a zero already
    }
}

static sj_status convert(const char *path, const sj_npy *from, const sj_accel *accel, bool quantise, sj_gemm_matrix *to, sj_error *err) {
    const bool float_machine = accel->dtype == SJ_DTYPE_BF16;
    if (from->type == SJ_NPY_I8) {
        if (float_machine) {
            return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "%s: its values are int8, and accelerator \"%s\" computes bf16: give a float32 matrix, or an int8 accelerator (--set dtype=int8)", path, accel->name);
        }
        SJ_TRY(allocate(to, accel->dtype, err));
        for (int64_t i = 0; i < from->rows * from->columns; i++) {
            ((int8_t *)to->values)[i] = ((const int8_t *)from->data)[i];
        }
        return SJ_OK;
    }
    if (!float_machine && !quantise) {
        return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "%s: its values are float32, and accelerator \"%s\" computes int8: give --quantise, an int8 matrix, or a bf16 accelerator", path, accel->name);
    }
    SJ_TRY(check_finite(path, from, err));
    SJ_TRY(allocate(to, accel->dtype, err));
    if (float_machine) {
        return round_values(path, from, to, err);
    }
    quantise_values(from, to);
    return SJ_OK;
}

sj_status sj_gemm_load(const char *path, const sj_accel *accel, bool quantise, sj_gemm_matrix *out, sj_error *err) {
    *out = (sj_gemm_matrix){.rows = 0};
    sj_npy m;
    SJ_TRY(sj_npy_read(path, &m, err));
    out->rows = m.rows;
    out->columns = m.columns;
    const sj_status status = convert(path, &m, accel, quantise, out, err);
    if (status == SJ_OK) {
        set_density(out, accel->dtype);
    }
    sj_npy_free(&m);
    return status;
}
