// SPDX-License-Identifier: Apache-2.0
#include "room.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"

enum { ALIGNMENT = 64, KEPT_MAX = 64 };  // a header takes one cache line; how many blocks wait for their next user
#ifdef __SANITIZE_ADDRESS__
#define SMALL_BYTES UINT64_MAX           // nothing waits: what is given back must not be touched
#else
#define SMALL_BYTES 16384                // below: malloc does as well
#endif
#define KEPT_BYTES (UINT64_C(64) << 20)  // of all waiting blocks

typedef struct header {
    uint64_t bytes;  // behind the header
} header;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static header *kept[KEPT_MAX];
static int kept_count;
static uint64_t kept_bytes;

// The smallest waiting block that fits and is not four times too large.
static header *take_kept(uint64_t bytes) {
    int best = -1;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < kept_count; i++) {
        if (kept[i]->bytes >= bytes && kept[i]->bytes / 4 <= bytes && (best < 0 || kept[i]->bytes < kept[best]->bytes)) {
            best = i;
        }
    }
    header *found = best >= 0 ? kept[best] : NULL;
    if (found != NULL) {
        kept_bytes -= found->bytes;
        kept[best] = kept[--kept_count];
    }
    pthread_mutex_unlock(&lock);
    return found;
}

static sj_status take(void **out, uint64_t count, size_t size, const char *what, sj_error *err) {
    *out = NULL;
    if (size != 0 && count > (UINT64_MAX >> 1) / size) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: %llu elements are more than any memory holds", what, (unsigned long long)count);
    }
    const uint64_t bytes = (count * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    header *block = bytes >= SMALL_BYTES ? take_kept(bytes) : NULL;
    if (block == NULL) {
        block = aligned_alloc(ALIGNMENT, ALIGNMENT + bytes);
        if (block == NULL) {
            return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for %s: %llu bytes", what, (unsigned long long)bytes);
        }
        block->bytes = bytes;
    }
    *out = (char *)block + ALIGNMENT;
    return SJ_OK;
}

// Byte by byte: a pointer of another type is no void *.
static void assign(void *out, const void *memory) { memcpy(out, &memory, sizeof memory); }

sj_status sj_fast_take(void *out, uint64_t count, size_t size, const char *what, sj_error *err) {
    void *memory;
    const sj_status status = take(&memory, count, size, what, err);
    assign(out, memory);
    return status;
}

sj_status sj_fast_take_zeroed(void *out, uint64_t count, size_t size, const char *what, sj_error *err) {
    void *memory;
    const sj_status status = take(&memory, count, size, what, err);
    if (status == SJ_OK) {
        memset(memory, 0, count * size);
    }
    assign(out, memory);
    return status;
}

void sj_fast_give_back(void *memory) {
    if (memory == NULL) {
        return;
    }
    header *block = (header *)(void *)((char *)memory - ALIGNMENT);
    if (block->bytes >= SMALL_BYTES) {
        pthread_mutex_lock(&lock);
        if (kept_count < KEPT_MAX && kept_bytes + block->bytes <= KEPT_BYTES) {
            kept_bytes += block->bytes;
            kept[kept_count++] = block;
            block = NULL;
        }
        pthread_mutex_unlock(&lock);
    }
    free(block);
}
