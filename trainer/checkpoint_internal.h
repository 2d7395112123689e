// SPDX-License-Identifier: Apache-2.0
// What the sj_checkpoint*.c files share; nobody else includes this.
#ifndef SJ_CHECKPOINT_INTERNAL_H
#define SJ_CHECKPOINT_INTERNAL_H

#include <string.h>

#include "sj_checkpoint.h"

#define SJ_CHECKPOINT_MAGIC "SJCHKPT"  // with its NUL 8 bytes

typedef struct sj_checkpoint_header {
    char magic[8];
    uint64_t version, bytes, table, sections, hash, zero[2];
} sj_checkpoint_header;

typedef struct sj_checkpoint_entry {
    char name[SJ_CHECKPOINT_NAME_MAX];
    uint64_t place, bytes;
} sj_checkpoint_entry;

_Static_assert(sizeof(sj_checkpoint_header) == 64 && sizeof(sj_checkpoint_entry) == 144, "as the file has them");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are written as they lie in memory");

// Both halves of a step (xor and an odd factor; a shift folded in) are one to one, so that two different words never lead from one state to the same next one.
static inline uint64_t sj_checkpoint_mix(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
    return hash ^ (hash >> 29);
}

// `bytes` is a multiple of 8.
static inline uint64_t sj_checkpoint_hash_bytes(uint64_t hash, const void *data, size_t bytes) {
    for (size_t i = 0; i < bytes; i += 8) {
        uint64_t word;
        memcpy(&word, (const char *)data + i, 8);
        hash = sj_checkpoint_mix(hash, word);
    }
    return hash;
}

// The header comes last, its own hash field left out.
static inline uint64_t sj_checkpoint_hash_header(uint64_t hash, const sj_checkpoint_header *h) {
    sj_checkpoint_header without = *h;
    without.hash = 0;
    return sj_checkpoint_hash_bytes(hash, &without, sizeof without);
}

static inline size_t sj_checkpoint_padding(uint64_t bytes) { return (size_t)(8 - bytes % 8) % 8; }

#endif
