// SPDX-License-Identifier: Apache-2.0
// Scratch of the calling thread, and the conversions that go through it.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sj_bf16.h"
#include "sj_product_internal.h"

// One for all products of a thread: Winograd needs 80 MB for 512 channels, and what the last product left in the cache is overwritten first.
typedef struct scratch {
    size_t bytes;
    void *data;
} scratch;

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
static bool scratch_ready;

static void free_scratch(void *of_thread) {
    scratch *s = of_thread;
    free(s->data);
    free(s);
}

static void make_key(void) { scratch_ready = pthread_key_create(&scratch_key, free_scratch) == 0; }

void *sj_product_scratch(size_t bytes) {
    pthread_once(&scratch_once, make_key);
    if (!scratch_ready) {
        return NULL;
    }
    scratch *s = pthread_getspecific(scratch_key);
    if (s == NULL) {
        s = calloc(1, sizeof *s);
        if (s == NULL || pthread_setspecific(scratch_key, s) != 0) {
            free(s);
            return NULL;
        }
    }
    if (s->bytes < bytes || s->data == NULL) {
        const size_t page = 1u << 21;  // large pages, where the system has them: the transforms touch 36 places at a time
        free(s->data);
        s->bytes = (bytes / page + 1) * page;
        s->data = aligned_alloc(page, s->bytes);
        if (s->data == NULL) {
            s->bytes = 0;
        } else {
            (void)madvise(s->data, s->bytes, MADV_HUGEPAGE);
        }
    }
    return s->data;
}

SJ_WIDE static void widen(const sj_bf16 *restrict from, float *restrict to, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        to[i] = sj_bf16_to_f32(from[i]);
    }
}

// sj_bf16_from_f32 without branches.
static inline uint32_t rounded_bits(float v) {
    const uint32_t bits = sj_f32_bits(v), rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
    const uint32_t finite = (rounded & 0x7f800000u) == 0 ? 0u : rounded & 0xffff0000u;
    const uint32_t nan = (bits & 0xffff0000u) | 0x400000u;
    return (bits & 0x7fffffffu) > 0x7f800000u ? nan : finite;
}

SJ_WIDE static void narrow(const float *restrict from, sj_bf16 *restrict to, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        to[i] = (sj_bf16)(rounded_bits(from[i]) >> 16);
    }
}

SJ_WIDE void sj_product_round(const float *restrict from, float *restrict to, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        to[i] = sj_bits_f32(rounded_bits(from[i]));
    }
}

// A linear layer's y is (images, K) for oneDNN: rows without padding. Everything else keeps its layout, and is one row here.
static void rows_of(const sj_product *p, int role, int64_t *rows, int64_t *used, int64_t *stride) {
    const sj_layout *l = role == ROLE_X ? &p->shape.in : &p->shape.out;
    const bool linear_y = p->shape.linear && role == ROLE_Y;
    *rows = linear_y ? p->shape.images : 1;
    *stride = linear_y ? sj_layout_channels(l) : p->shape.images * sj_layout_values(l);
    *used = linear_y ? l->dims.c : *stride;
}

void sj_product_load(const sj_product *p, int role, const void *data, void *converted) {
    const size_t bytes = (role == ROLE_X ? p->shape.in.bf16 : p->shape.out.bf16) ? 2 : 4;
    const bool widens = bytes == 2 && p->type == dnnl_f32;
    int64_t rows, used, stride;
    rows_of(p, role, &rows, &used, &stride);
    for (int64_t r = 0; r < rows; r++) {
        const char *from = (const char *)data + (size_t)(r * stride) * bytes;
        if (widens) {
            widen((const sj_bf16 *)(const void *)from, (float *)converted + r * used, used);
        } else {
            memcpy((char *)converted + (size_t)(r * used) * bytes, from, (size_t)used * bytes);
        }
    }
}

void sj_product_store(const sj_product *p, int role, const void *converted, void *data) {
    const size_t bytes = (role == ROLE_X ? p->shape.in.bf16 : p->shape.out.bf16) ? 2 : 4;
    const bool narrows = bytes == 2 && p->type == dnnl_f32;
    int64_t rows, used, stride;
    rows_of(p, role, &rows, &used, &stride);
    for (int64_t r = 0; r < rows; r++) {
        char *to = (char *)data + (size_t)(r * stride) * bytes;
        if (narrows) {
            narrow((const float *)converted + r * used, (sj_bf16 *)(void *)to, used);
        } else {
            memcpy(to, (const char *)converted + (size_t)(r * used) * bytes, (size_t)used * bytes);
        }
        memset(to + (size_t)used * bytes, 0, (size_t)(stride - used) * bytes);
    }
}
