// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "sj_bf16.h"
#include "sj_trace.h"

int sj_type_bytes(sj_type type) {
    switch (type) {
        case SJ_TYPE_BF16: return 2;
        case SJ_TYPE_F32:
        case SJ_TYPE_I32: return 4;
        case SJ_TYPE_I8:
        case SJ_TYPE_U8: return 1;
    }
    return 0;
}

int64_t sj_tensor_count(const sj_tensor *t) {
    int64_t count = 1;
    for (int i = 0; i < t->rank; i++) {
        count *= t->dims[i];
    }
    return count;
}

int64_t sj_tensor_nonzero(const sj_tensor *t) {
    const int64_t count = sj_tensor_count(t);
    int64_t n = 0;
    if (t->type == SJ_TYPE_BF16) {
        const sj_bf16 *v = t->data;
        for (int64_t i = 0; i < count; i++) {
            n += sj_bf16_nonzero(v[i]);
        }
    } else if (t->type == SJ_TYPE_F32) {
        const float *v = t->data;
        for (int64_t i = 0; i < count; i++) {
            n += (sj_f32_bits(v[i]) & 0x7f800000u) != 0;
        }
    } else if (t->type == SJ_TYPE_I32) {
        const int32_t *v = t->data;
        for (int64_t i = 0; i < count; i++) {
            n += v[i] != 0;
        }
    } else {
        const uint8_t *v = t->data;
        for (int64_t i = 0; i < count; i++) {
            n += v[i] != 0;
        }
    }
    return n;
}

void sj_tensor_free(sj_tensor *t) {
    free(t->data);
    memset(t, 0, sizeof *t);
}
