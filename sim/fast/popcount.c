// SPDX-License-Identifier: Apache-2.0
// The two inner loops. Compiled for several processors, chosen at load time; the sanitizers' run time is not up when that choice is made, so they get the plain one.
#include <string.h>

#include "sj_fast_internal.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__)
#define SJ_CLONES __attribute__((target_clones("arch=icelake-server", "popcnt", "default")))
#else
#define SJ_CLONES
#endif

#define COLUMN_ROWS_MAX 256
#define PLANES 9  // counts up to 256

static inline __attribute__((always_inline)) uint64_t deal(const uint64_t *a, int64_t rows, const uint64_t *b, int64_t words, int64_t physical, uint32_t *count) {
    uint64_t visited = 0;
    for (int64_t first = 0; first < rows; first += physical) {
        const int64_t dealt = rows - first < physical ? rows - first : physical;
        for (int64_t r = 0; r < dealt; r++) {
            uint64_t issued = 0;
            for (int64_t w = 0; w < words; w++) {
                issued += (uint64_t)__builtin_popcountll(a[w * rows + first + r] & b[w]);
            }
            count[r] += (uint32_t)issued;
            visited += issued != 0;
        }
    }
    return visited;
}

SJ_CLONES uint64_t sj_fast_deal_counts(const uint64_t *a, int64_t rows, const uint64_t *b, int64_t words, int64_t physical, uint32_t *count) {
    return words == 1 ? deal(a, rows, b, 1, physical, count) : deal(a, rows, b, words, physical, count);
}

// Bit-sliced counters: plane p holds bit p of 64 counts; adding a row ripples its carries.
SJ_CLONES void sj_fast_count_columns(const uint64_t *columns, int64_t rows, int64_t column_count, uint32_t *counts) {
    for (int64_t c = 0; c < column_count; c++) {
        uint64_t plane[PLANES] = {0};
        for (int64_t row = 0; row < rows; row++) {
            uint64_t carry = columns[c * rows + row];
            for (int p = 0; carry != 0 && p < PLANES; p++) {
                const uint64_t sum = plane[p] ^ carry;
                carry &= plane[p];
                plane[p] = sum;
            }
        }
        for (int p = 0; p < PLANES && (1 << p) <= rows; p++) {
            for (int bit = 0; bit < 64; bit++) {
                counts[64 * c + bit] += (uint32_t)((plane[p] >> bit) & 1u) << p;
            }
        }
    }
}
