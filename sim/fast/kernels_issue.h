// SPDX-License-Identifier: Apache-2.0
// The issues of a step by a set's own simpler kernels; for the sets themselves.
#ifndef SJ_FAST_KERNELS_ISSUE_H
#define SJ_FAST_KERNELS_ISSUE_H

#include "kernels.h"

static inline void sj_fast_issue_by(const sj_fast_kernels *k, sj_fast_issues *i, const uint64_t *b, int64_t b_pitch, int64_t tiles, uint32_t *work, int64_t work_pitch, uint32_t *vectors) {
    for (int64_t tile = 0; tile < tiles; tile++, b += b_pitch, work += work_pitch) {
        vectors[tile] = 0;
        for (int64_t w = 0; w < i->words; w++) {
            const uint64_t both = i->any[w] & b[w];
            vectors[tile] += (uint32_t)k->popcount(&both, 1);
        }
        i->visited += k->deal(i->a, i->rows, b, i->words, i->physical, work);
        k->settle(work, i->rows < i->physical ? i->rows : i->physical, &i->work, &i->longest);
    }
}

#endif
