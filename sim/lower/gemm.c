// SPDX-License-Identifier: Apache-2.0
#include "lower_internal.h"

static void set_operands(const sj_accel *accel, sj_job *job, sj_tap *taps, const void *a, const void *b) {
    job->a = (sj_operand){.kind = SJ_OPERAND_WINDOW,
                          .values = {accel->dtype, a},
                          .tap_count = 1,
                          .taps = taps,
                          .channel_count = job->k,
                          .images = job->m,
                          .stored_images = job->m,
                          .grid_h = 1,
                          .grid_w = 1,
                          .stride = 1,
                          .source_h = 1,
                          .source_w = 1,
                          .source_c = job->k};
    job->b = (sj_operand){.kind = SJ_OPERAND_WEIGHT,
                          .values = {accel->dtype, b},
                          .tap_count = 1,
                          .taps = taps,
                          .channel_count = job->k,
                          .u_stride = 1,
                          .channel_stride = job->n,
                          .u_count = job->n};
}

static sj_status fill_gemm(const sj_accel *accel, sj_job *job, const void *a, const void *b, sj_error *err) {
    void *taps = NULL;
    SJ_TRY(sj_arena_take(sj_job_arena(job), 1, sizeof(sj_tap), &taps, err));
    set_operands(accel, job, taps, a, b);
    job->out_bytes = accel->dtype == SJ_DTYPE_BF16 ? 2 : 4;
    job->uncompacted_macs = (uint64_t)job->m * (uint64_t)job->n * (uint64_t)job->k;
    job->streams[0] = sj_stream_of_operand(accel, &job->a);
    job->streams[1] = sj_stream_of_operand(accel, &job->b);
    job->streams[2] = sj_stream_raw(job->m * job->n, job->out_bytes);
    sj_job_place_streams(job);
    return sj_map_product(accel, job, err);
}

sj_status sj_lower_gemm(const sj_accel *accel, int64_t m, int64_t k, int64_t n, const void *a, const void *b, bool array_only, sj_job **out, sj_error *err) {
    *out = NULL;
    const int64_t limit = INT64_C(1) << 31;
    int64_t products = 0;
    if (m < 1 || n < 1 || k < 0 || m > limit || n > limit || k > limit) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "gemm: M = %lld, K = %lld, N = %lld; allowed: M and N from 1, K from 0, each to 2^31", (long long)m, (long long)k, (long long)n);
    }
    if (__builtin_mul_overflow(m * n, k, &products)) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "gemm: M*K*N of %lld x %lld x %lld passes 2^63", (long long)m, (long long)k, (long long)n);
    }
    sj_job *job = NULL;
    SJ_TRY(sj_job_create("gemm", SJ_PHASE_FORWARD, 3, &job, err));
    job->is_product = true;
    job->m = m;
    job->n = n;
    job->k = k;
    job->array_only = array_only;
    if (fill_gemm(accel, job, a, b, err) != SJ_OK) {
        sj_job_free(job);
        return err->status;
    }
    *out = job;
    return SJ_OK;
}
