// SPDX-License-Identifier: Apache-2.0
// Portable kernels, and the choice.
#include "kernels.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "kernels_issue.h"
#include "kernels_rows.h"
#include "kernels_x86.h"

static void pack_bf16(const uint16_t *values, int64_t n, uint64_t *to) {
    for (int64_t first = 0; first < n; first += 64) {
        uint64_t word = 0;
        for (int64_t j = 0; j < 64 && first + j < n; j++) {
            word |= (uint64_t)((values[first + j] & 0x7f80u) != 0) << j;
        }
        to[first / 64] = word;
    }
}

static void pack_int8(const int8_t *values, int64_t n, uint64_t *to) {
    for (int64_t first = 0; first < n; first += 64) {
        uint64_t word = 0;
        for (int64_t j = 0; j < 64 && first + j < n; j++) {
            word |= (uint64_t)(values[first + j] != 0) << j;
        }
        to[first / 64] = word;
    }
}

static void transpose(const uint64_t from[64], uint64_t to[64]) {
    memcpy(to, from, 64 * sizeof *to);
    uint64_t low = UINT64_C(0x00000000ffffffff);
    for (int half = 32; half != 0; half >>= 1, low ^= low << half) {
        for (int i = 0; i < 64; i = ((i | half) + 1) & ~half) {
            const uint64_t swap = ((to[i] >> half) ^ to[i | half]) & low;
            to[i] ^= swap << half;
            to[i | half] ^= swap;
        }
    }
}

// Without the processor's own instruction, which nothing here may assume.
static uint64_t ones(uint64_t w) {
    w -= w >> 1 & UINT64_C(0x5555555555555555);
    w = (w & UINT64_C(0x3333333333333333)) + (w >> 2 & UINT64_C(0x3333333333333333));
    return ((w + (w >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f)) * UINT64_C(0x0101010101010101) >> 56;
}

static uint64_t popcount(const uint64_t *words, int64_t n) {
    uint64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        count += ones(words[i]);
    }
    return count;
}

static void word_counts(const uint64_t *words, int64_t n, uint8_t *counts) {
    for (int64_t i = 0; i < n; i++) {
        counts[i] = (uint8_t)ones(words[i]);
    }
}

static void add_weighted(const uint64_t *words, int64_t n, uint32_t weight, uint32_t *counts) {
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < 64; j++) {
            counts[64 * i + j] += weight * (uint32_t)(words[i] >> j & 1);
        }
    }
}

static uint64_t deal(const uint64_t *a, int64_t rows, const uint64_t *b, int64_t words, int64_t physical, uint32_t *count) {
    uint64_t visited = 0;
    memset(count, 0, (size_t)physical * sizeof *count);
    for (int64_t row = 0; row < rows; row++) {
        uint64_t issued = 0;
        for (int64_t w = 0; w < words; w++) {
            issued += ones(a[w * rows + row] & b[w]);
        }
        count[row % physical] += (uint32_t)issued;
        visited += issued != 0;
    }
    return visited;
}

static void settle(uint32_t *count, int64_t n, uint64_t *sum, uint64_t *largest) {
    uint32_t most = 0;
    for (int64_t r = 0; r < n; r++) {
        count[r] = count[r] > 0 ? count[r] : 1;
        *sum += count[r];
        most = most > count[r] ? most : count[r];
    }
    *largest += most;
}

static void issue(sj_fast_issues *i, const uint64_t *b, int64_t b_pitch, int64_t tiles, uint32_t *work, int64_t work_pitch, uint32_t *vectors) {
    sj_fast_issue_by(&sj_fast_portable_kernels, i, b, b_pitch, tiles, work, work_pitch, vectors);
}

static uint64_t any(const uint64_t *words, int64_t n) {
    uint64_t out = 0;
    for (int64_t i = 0; i < n; i++) {
        out |= words[i];
    }
    return out;
}

static uint64_t advance(uint64_t *end, uint64_t ready, const uint32_t *work, int64_t n) {
    uint64_t largest = 0;
    for (int64_t r = 0; r < n; r++) {
        end[r] = (end[r] > ready ? end[r] : ready) + work[r];
        largest = largest > end[r] ? largest : end[r];
    }
    return largest;
}

// The class of the issue before is what an adder carries into an issue's bit: an active issue generates, no issue passes on, any other issue ends it.
static uint64_t lane_changes(const sj_fast_classes *c, int64_t r, int64_t lane, uint64_t *carry) {
    uint64_t count = 0;
    for (int64_t m = r; m < c->rows; m += c->physical) {
        for (int64_t w = 0; w < c->words; w++) {
            const uint64_t issued = c->present[w * c->rows + m] & c->any[w], active = issued & c->nonzero[w * c->rows + m] & c->lanes[w * c->lane_count + lane];
            const uint64_t passes = active | ~issued, sum = passes + active + *carry;
            count += ones(issued & (sum ^ passes));
            *carry = (active | (passes & ~sum)) >> 63;
        }
    }
    return count;
}

uint64_t sj_fast_portable_changes(const sj_fast_classes *c, int64_t first_lane, uint64_t *last, int64_t pitch) {
    uint64_t count = 0;
    for (int64_t r = 0; r < c->physical && r < c->rows; r++) {
        for (int64_t lane = first_lane; lane < c->lane_count; lane++) {
            uint64_t *word = &last[lane / 64 * pitch + r], carry = *word >> (lane % 64) & 1;
            count += lane_changes(c, r, lane, &carry);
            *word = (*word & ~(UINT64_C(1) << (lane % 64))) | carry << (lane % 64);
        }
    }
    return count;
}

static uint64_t changes(const sj_fast_classes *c, uint64_t *last, int64_t pitch) { return sj_fast_portable_changes(c, 0, last, pitch); }

static uint64_t row_changes(const sj_fast_classes *c, sj_fast_rows *out, uint64_t *scratch) {
    const int64_t words = sj_fast_rows_by(c, out, scratch);
    return popcount(scratch, words) - sj_fast_rows_active_first(c, out);
}

static void test(const uint64_t *words, int64_t n, uint64_t bits, uint64_t *to) {
    for (int64_t i = 0; i < n; i++) {
        to[i / 64] = (i % 64 == 0 ? 0 : to[i / 64]) | (uint64_t)((words[i] & bits) != 0) << (i % 64);
    }
}

const sj_fast_kernels sj_fast_portable_kernels = {"portable", pack_bf16, pack_int8, transpose, popcount, word_counts, add_weighted, deal, settle, issue, any, advance, changes, row_changes, test};

const sj_fast_kernels *sj_fast_kernels_at(int i) {
    if (i == 0) {
        return &sj_fast_portable_kernels;
    }
#ifdef SJ_FAST_X86
    static const sj_fast_kernels *const all[] = {&sj_fast_avx2_kernels, &sj_fast_avx512_kernels, &sj_fast_avx512_popcnt_kernels};
    const int count = !sj_fast_has_avx2() ? 0 : !sj_fast_has_avx512() ? 1 : !sj_fast_has_avx512_popcnt() ? 2 : 3;
    return i <= count ? all[i - 1] : NULL;
#else
    return NULL;
#endif
}

static const sj_fast_kernels *best(void) {
    const sj_fast_kernels *found = NULL;
    for (int i = 0; sj_fast_kernels_at(i) != NULL; i++) {
        found = sj_fast_kernels_at(i);
    }
    return found;
}

static _Atomic(const sj_fast_kernels *) chosen;

const sj_fast_kernels *sj_fast_kernels_now(void) {
    const sj_fast_kernels *k = atomic_load(&chosen);
    if (k == NULL) {
        k = best();
        atomic_store(&chosen, k);
    }
    return k;
}

void sj_fast_use_kernels(const sj_fast_kernels *kernels) { atomic_store(&chosen, kernels); }
