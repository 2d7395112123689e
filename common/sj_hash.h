// SPDX-License-Identifier: Apache-2.0
// FNV-1a, 64 bits (Fowler, Noll, Vo: http://www.isthe.com/chongo/tech/comp/fnv/): h = SJ_HASH_START, then a step for each piece.
#ifndef SJ_HASH_H
#define SJ_HASH_H

#include <stddef.h>
#include <stdint.h>

#define SJ_HASH_START 0xcbf29ce484222325ull

static inline uint64_t sj_hash_bytes(uint64_t hash, const void *data, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        hash = (hash ^ ((const unsigned char *)data)[i]) * 0x100000001b3ull;
    }
    return hash;
}

// A whole number in one step: faster than its bytes and not FNV's own value; the shift brings what its high bits changed down to the low ones, by which tables choose.
static inline uint64_t sj_hash_number(uint64_t hash, uint64_t number) {
    hash = (hash ^ number) * 0x100000001b3ull;
    return hash ^ hash >> 29;
}

#endif
