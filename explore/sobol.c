// SPDX-License-Identifier: Apache-2.0
#include "sobol.h"

#include <string.h>

const sj_sobol_numbers sj_sobol_table[SJ_SOBOL_DIMENSIONS - 1] = {
    {1, 0, {1}},
    {2, 1, {1, 3}},
    {3, 1, {1, 3, 1}},
    {3, 2, {1, 1, 1}},
    {4, 1, {1, 1, 3, 3}},
    {4, 4, {1, 3, 5, 13}},
    {5, 2, {1, 1, 5, 5, 17}},
    {5, 4, {1, 1, 5, 5, 5}},
    {5, 7, {1, 1, 7, 11, 19}},
    {5, 11, {1, 1, 5, 1, 1}},
    {5, 13, {1, 1, 1, 3, 11}},
    {5, 14, {1, 3, 5, 5, 31}},
    {6, 1, {1, 3, 3, 9, 7, 49}},
    {6, 13, {1, 1, 1, 15, 21, 21}},
    {6, 16, {1, 3, 1, 13, 27, 49}},
    {6, 19, {1, 1, 1, 15, 7, 5}},
    {6, 22, {1, 3, 1, 15, 13, 25}},
    {6, 25, {1, 1, 5, 5, 19, 61}},
    {7, 1, {1, 3, 7, 11, 23, 15, 103}},
    {7, 4, {1, 3, 7, 13, 13, 15, 69}},
    {7, 7, {1, 1, 3, 13, 7, 35, 63}},
    {7, 8, {1, 3, 5, 9, 1, 25, 53}},
    {7, 14, {1, 3, 1, 13, 9, 35, 107}},
    {7, 19, {1, 3, 1, 5, 27, 61, 31}},
    {7, 21, {1, 1, 5, 11, 19, 41, 61}},
    {7, 28, {1, 3, 5, 3, 3, 13, 69}},
    {7, 31, {1, 1, 7, 13, 1, 19, 1}},
    {7, 32, {1, 3, 7, 5, 13, 19, 59}},
    {7, 37, {1, 1, 3, 9, 25, 29, 41}},
    {7, 41, {1, 3, 5, 13, 23, 1, 55}},
    {7, 42, {1, 3, 7, 3, 13, 59, 17}},
};

// The recurrence over fractions: v_i = m_i / 2^i, where a multiple 2^k of m is the same as v moved k digits on; so v_i = c_1 v_(i-1) ^ ... ^ c_(s-1) v_(i-s+1) ^ v_(i-s) ^
// v_(i-s) / 2^s.
static void direct(const sj_sobol_numbers *n, uint64_t direction[64]) {
    for (int i = 0; i < 64; i++) {
        if (i < n->degree) {
            direction[i] = (uint64_t)n->first[i] << (63 - i);
            continue;
        }
        direction[i] = direction[i - n->degree] ^ (direction[i - n->degree] >> n->degree);
        for (int k = 1; k < n->degree; k++) {
            if (((n->inner >> (n->degree - 1 - k)) & 1u) != 0) {
                direction[i] ^= direction[i - k];
            }
        }
    }
}

sj_status sj_sobol_start(sj_sobol *s, int dimensions, const uint64_t *shift, sj_error *err) {
    if (dimensions < 1 || dimensions > SJ_SOBOL_DIMENSIONS) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "a Sobol sequence over %d axes; there are direction numbers for 1 to %d", dimensions, SJ_SOBOL_DIMENSIONS);
    }
    *s = (sj_sobol){.dimensions = dimensions};
    for (int i = 0; i < 64; i++) {
        s->direction[0][i] = (uint64_t)1 << (63 - i);  // van der Corput
    }
    for (int d = 1; d < dimensions; d++) {
        direct(&sj_sobol_table[d - 1], s->direction[d]);
    }
    if (shift != NULL) {
        memcpy(s->point, shift, (size_t)dimensions * sizeof *shift);
    }
    return SJ_OK;
}

void sj_sobol_next(sj_sobol *s, uint64_t fractions[]) {
    memcpy(fractions, s->point, (size_t)s->dimensions * sizeof *fractions);
    const int changed = __builtin_ctzll(~s->index);  // the one bit in which the Gray codes of index and index + 1 differ
    s->index++;
    for (int d = 0; d < s->dimensions; d++) {
        s->point[d] ^= s->direction[d][changed];
    }
}
