// SPDX-License-Identifier: Apache-2.0
// Classes of whole rows, for steps whose lanes are alike: one text, built for each kind of processor.
#ifndef SJ_FAST_KERNELS_ROWS_H
#define SJ_FAST_KERNELS_ROWS_H

#include "kernels.h"

// The class of the issue before an issue is what an adder carries into its bit: an active issue generates a carry, no issue passes it on, any other issue ends it.
static inline __attribute__((always_inline)) void sj_fast_rows_of_word(const uint64_t *restrict present, const uint64_t *restrict nonzero, uint64_t any, uint64_t lanes, int64_t n, sj_fast_rows *out, uint64_t *restrict changes) {
    uint64_t *restrict issued = out->issued, *restrict first = out->first, *restrict last = out->last;
    for (int64_t r = 0; r < n; r++) {
        const uint64_t i = present[r] & any, active = i & nonzero[r] & lanes, passes = active | ~i, sum = passes + active + (last[r] & 1);
        changes[r] = i & (sum ^ passes);
        first[r] |= (active & i & (~i + 1)) != 0 ? ~issued[r] : 0;
        last[r] = 0 - ((active | (passes & ~sum)) >> 63);
        issued[r] |= i != 0 ? UINT64_MAX : 0;
    }
}

// Words of changes, [slots * words][physical], each row's first issue a change where it is active; returns how many words.
static inline __attribute__((always_inline)) int64_t sj_fast_rows_by(const sj_fast_classes *c, sj_fast_rows *out, uint64_t *changes) {
    const int64_t taking_part = c->rows < c->physical ? c->rows : c->physical;
    int64_t count = 0;
    for (int64_t r = 0; r < taking_part; r++) {
        out->issued[r] = out->first[r] = out->last[r] = 0;
    }
    for (int64_t m = 0; m < c->rows; m += c->physical) {
        const int64_t n = c->rows - m < c->physical ? c->rows - m : c->physical;
        for (int64_t w = 0; w < c->words; w++) {
            sj_fast_rows_of_word(c->present + w * c->rows + m, c->nonzero + w * c->rows + m, c->any[w], c->lanes[w], n, out, changes + count);
            count += n;
        }
    }
    return count;
}

// Rows whose first issue is active: counted above as though the row had not been active before.
static inline __attribute__((always_inline)) uint64_t sj_fast_rows_active_first(const sj_fast_classes *c, const sj_fast_rows *rows) {
    uint64_t count = 0;
    for (int64_t r = 0; r < c->physical && r < c->rows; r++) {
        count += rows->first[r] & 1;
    }
    return count;
}

#endif
