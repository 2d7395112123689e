// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "lower_internal.h"

typedef struct piece {
    struct piece *next;
    max_align_t data[];
} piece;

struct sj_arena {
    piece *pieces;
};

sj_status sj_arena_create(sj_arena **out, sj_error *err) {
    *out = calloc(1, sizeof **out);
    return *out != NULL ? SJ_OK : SJ_FAIL(err, SJ_ERR_MEMORY, "out of memory for a job");
}

void sj_arena_destroy(sj_arena *arena) {
    if (arena == NULL) {
        return;
    }
    for (piece *p = arena->pieces; p != NULL;) {
        piece *next = p->next;
        free(p);
        p = next;
    }
    free(arena);
}

sj_status sj_arena_take(sj_arena *arena, int64_t count, size_t size, void **out, sj_error *err) {
    size_t bytes = 0;
    *out = NULL;
    if (count < 0 || __builtin_mul_overflow((size_t)count, size, &bytes) || bytes > (size_t)PTRDIFF_MAX - sizeof(piece)) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "a job of %lld elements of %zu bytes is too large", (long long)count, size);
    }
    piece *p = calloc(1, sizeof *p + bytes);
    if (p == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "out of memory for %zu bytes of a job", bytes);
    }
    p->next = arena->pieces;
    arena->pieces = p;
    *out = p->data;
    return SJ_OK;
}
