// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

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

void sj_tensor_free(sj_tensor *t) {
    free(t->data);
    memset(t, 0, sizeof *t);
}
