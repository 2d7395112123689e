// SPDX-License-Identifier: Apache-2.0
// Weights into oneDNN's layouts, their gradients out of them. Outside of parallel regions these use all threads, inside of one the caller alone.
#include <omp.h>

#include "sj_product_internal.h"

int64_t sj_product_partial_values(const sj_product *p) { return (int64_t)(p->pass[PASS_WEIGHTS].w_bytes / sizeof(float)); }

// Rounded weights, where the arithmetic wants them, are made in the same scratch.
static size_t rounded_bytes(const sj_product *p) { return p->shape.arithmetic != SJ_ARITHMETIC_F32 ? dnnl_memory_desc_get_size(&p->user_w) : 0; }

int64_t sj_product_scratch_bytes(const sj_product *p) { return (int64_t)(p->scratch_bytes > rounded_bytes(p) ? p->scratch_bytes : rounded_bytes(p)); }

int64_t sj_product_memory_bytes(const sj_product *p) {
    size_t bytes = sizeof *p + (size_t)p->lane_count * sizeof *p->lanes;
    for (int pass = 0; pass < PASS_WEIGHTS; pass++) {
        bytes += p->pass[pass].w_bytes;
    }
    return (int64_t)bytes;
}

static dnnl_status_t reorder(const sj_product *p, int pass, const void *user, dnnl_memory_t own) {
    dnnl_memory_t memory = NULL;
    DNN_TRY(dnnl_memory_create(&memory, &p->user_w, p->engine, (void *)(uintptr_t)user));
    const bool gradient = pass == PASS_WEIGHTS;
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, gradient ? own : memory}, {DNNL_ARG_TO, gradient ? memory : own}};
    const int threads = omp_get_max_threads();
    omp_set_num_threads(sj_product_is_small(p) ? 1 : threads);
    dnnl_status_t status = dnnl_primitive_execute(p->pass[pass].weights_reorder, p->lanes[0].stream, 2, args);
    if (status == dnnl_success) {
        status = dnnl_stream_wait(p->lanes[0].stream);
    }
    omp_set_num_threads(threads);
    dnnl_memory_destroy(memory);
    return status;
}

enum { SPAN = 1 << 14 };  // values a thread takes at a time: 64 KiB of each operand

static int64_t span_length(int64_t count, int64_t first) { return count - first < SPAN ? count - first : SPAN; }

sj_status sj_product_set_weights(sj_product *p, const float *w, sj_error *err) {
    const float *source = w;
    if (p->shape.arithmetic != SJ_ARITHMETIC_F32) {
        const int64_t count = (int64_t)(rounded_bytes(p) / sizeof(float));
        float *rounded = sj_product_scratch(rounded_bytes(p));
        if (rounded == NULL) {
            return SJ_FAIL(err, SJ_ERR_MEMORY, "out of memory for %lld rounded weights", (long long)count);
        }
#pragma omp parallel for schedule(static) if (!sj_product_is_small(p))
        for (int64_t first = 0; first < count; first += SPAN) {
            sj_product_round(w + first, rounded + first, span_length(count, first));
        }
        source = rounded;
    }
    for (int pass = 0; pass < PASS_WEIGHTS; pass++) {
        if (p->pass[pass].wanted) {
            const dnnl_status_t status = reorder(p, pass, source, p->pass[pass].weights);
            if (status != dnnl_success) {
                return sj_product_fail((int)status, "weights", err);
            }
        }
    }
    return SJ_OK;
}

SJ_WIDE static void add(float *restrict sum, const float *restrict v, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        sum[i] += v[i];
    }
}

sj_status sj_product_reduce_weights(sj_product *p, float *partials, int64_t count, float *dw, sj_error *err) {
    const int64_t values = sj_product_partial_values(p);
#pragma omp parallel for schedule(static) if (!sj_product_is_small(p))
    for (int64_t first = 0; first < values; first += SPAN) {
        for (int64_t c = 1; c < count; c++) {
            add(partials + first, partials + c * values + first, span_length(values, first));
        }
    }
    dnnl_status_t status = dnnl_memory_set_data_handle(p->lanes[0].partial, partials);
    if (status == dnnl_success) {
        status = reorder(p, PASS_WEIGHTS, dw, p->lanes[0].partial);
    }
    return status == dnnl_success ? SJ_OK : sj_product_fail((int)status, "weight gradients", err);
}
