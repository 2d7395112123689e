// SPDX-License-Identifier: Apache-2.0
// The reference product: B is gathered a strip of k at a time into a plain matrix; each A row then adds its nonzeros' rows of it, k ascending.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sj_counters.h"
#include "sj_file.h"

#define STRIP_BYTES (INT64_C(1) << 22)  // of gathered B

#define EXPONENT 0x7f800000u

typedef union cell {
    float f;
    uint32_t i;  // int8 products wrap in two's complement
} cell;

// The value at (u,k); zeros, denormals and padding are +0.
static cell value_at(const sj_operand *o, int64_t u, int64_t k) {
    const int64_t offset = sj_operand_offset(o, u, k);
    cell out = {.i = 0};
    if (offset == SJ_PADDING || !sj_values_nonzero(&o->values, offset)) {
        return out;
    }
    if (o->values.dtype == SJ_DTYPE_BF16) {
        out.f = sj_bf16_to_f32(((const sj_bf16 *)o->values.data)[offset]);
    } else {
        out.i = (uint32_t)((const int8_t *)o->values.data)[offset];
    }
    return out;
}

static uint32_t flushed(uint32_t bits) { return (bits & EXPONENT) == 0 ? 0 : bits; }

// A product of two bf16 has 16 significant bits: exact in fp32 wherever it is not flushed, and below the smallest normal it cannot round up to it.
static void add_row_bf16(float a, const cell *b, cell *sum, int64_t n) {
    for (int64_t j = 0; j < n; j++) {
        const float product = sj_bits_f32(flushed(sj_f32_bits(a * b[j].f)));
        sum[j].i = flushed(sj_f32_bits(sum[j].f + product));
    }
}

static void add_row_int8(uint32_t a, const cell *b, cell *sum, int64_t n) {
    for (int64_t j = 0; j < n; j++) {
        sum[j].i += a * b[j].i;
    }
}

static void add_strip(const sj_job *job, int64_t m, int64_t k0, int64_t k1, const cell *b, cell *sum) {
    for (int64_t k = k0; k < k1; k++) {
        const cell a = value_at(&job->a, m, k);
        if (a.i == 0) {
            continue;
        }
        if (job->a.values.dtype == SJ_DTYPE_BF16) {
            add_row_bf16(a.f, b + (k - k0) * job->n, sum, job->n);
        } else {
            add_row_int8(a.i, b + (k - k0) * job->n, sum, job->n);
        }
    }
}

// A sum that became infinite stays infinite or turns into a NaN, so looking at the end is enough.
static sj_status check_finite(const sj_job *job, const float *results, sj_error *err) {
    for (int64_t i = 0; i < job->m * job->n; i++) {
        if (!isfinite(results[i])) {
            return SJ_FAIL(err, SJ_ERR_NUMERIC, "%s %s: the fp32 sum of output row %lld, column %lld overflows", job->layer, sj_phase_name(job->phase), (long long)(i / job->n),
                           (long long)(i % job->n));
        }
    }
    return SJ_OK;
}

// One instance; operands are plain.
static sj_status run_instance(const sj_job *job, cell *sums, sj_error *err) {
    const int64_t row_bytes = job->n * (int64_t)sizeof(cell), fit = row_bytes > 0 ? STRIP_BYTES / row_bytes : 1;
    const int64_t strip = fit < 1 ? 1 : fit < job->k ? fit : job->k;
    cell *b = NULL;
    SJ_TRY(sj_alloc((void **)&b, (uint64_t)(strip * job->n), sizeof *b, "B of the reference product", err));
#pragma omp parallel if (job->m * job->n * job->k > 1048576)
    for (int64_t k0 = 0; k0 < job->k; k0 += strip) {
        const int64_t k1 = k0 + strip < job->k ? k0 + strip : job->k;
#pragma omp for schedule(static)
        for (int64_t k = k0; k < k1; k++) {
            for (int64_t n = 0; n < job->n; n++) {
                b[(k - k0) * job->n + n] = value_at(&job->b, n, k);
            }
        }
#pragma omp for schedule(dynamic, 8)
        for (int64_t m = 0; m < job->m; m++) {
            add_strip(job, m, k0, k1, b, sums + m * job->n);
        }
    }
    free(b);
    return job->a.values.dtype == SJ_DTYPE_BF16 ? check_finite(job, (const float *)sums, err) : SJ_OK;
}

sj_status sj_reference_product(const sj_job *job, void *results, sj_error *err) {
    if (!job->is_product) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s %s: not a product", job->layer, sj_phase_name(job->phase));
    }
    const int64_t count = job->m * job->n;
    cell *sums = NULL;
    SJ_TRY(sj_alloc((void **)&sums, (uint64_t)count, sizeof *sums, "sums of the reference product", err));
    sj_status status = SJ_OK;
    for (int64_t i = 0; i < sj_job_instances(job) && status == SJ_OK; i++) {
        sj_job view = *job;
        view.a = sj_operand_instance(&job->a, i);
        view.b = sj_operand_instance(&job->b, i);
        memset(sums, 0, (size_t)count * sizeof *sums);
        status = run_instance(&view, sums, err);
        memcpy((cell *)results + i * count, sums, (size_t)count * sizeof *sums);
    }
    free(sums);
    return status;
}
