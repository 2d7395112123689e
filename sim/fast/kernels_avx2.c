// SPDX-License-Identifier: Apache-2.0
// AVX2 with POPCNT: Haswell, Zen and later.
#include "kernels_issue.h"
#include "kernels_rows.h"
#include "kernels_x86.h"

#ifdef SJ_FAST_X86
#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("avx2,bmi,bmi2,popcnt,lzcnt")))

bool sj_fast_has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt"); }

TARGET static __m256i load(const void *from) { return _mm256_loadu_si256(from); }

// 32 values: words of 16 bits become bytes of all ones or zeros, in order.
TARGET static uint32_t pack_32(const uint16_t *v) {
    const __m256i exponent = _mm256_set1_epi16(0x7f80), zero = _mm256_setzero_si256();
    const __m256i low = _mm256_cmpeq_epi16(_mm256_and_si256(load(v), exponent), zero), high = _mm256_cmpeq_epi16(_mm256_and_si256(load(v + 16), exponent), zero);
    return ~(uint32_t)_mm256_movemask_epi8(_mm256_permute4x64_epi64(_mm256_packs_epi16(low, high), 0xd8));
}

TARGET static void pack_bf16(const uint16_t *values, int64_t n, uint64_t *to) {
    int64_t i = 0;
    for (; i + 64 <= n; i += 64) {
        to[i / 64] = (uint64_t)pack_32(values + i) | (uint64_t)pack_32(values + i + 32) << 32;
    }
    if (i < n) {
        sj_fast_portable_kernels.pack_bf16(values + i, n - i, to + i / 64);
    }
}

TARGET static uint32_t pack_32_bytes(const int8_t *v) { return ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(load(v), _mm256_setzero_si256())); }

TARGET static void pack_int8(const int8_t *values, int64_t n, uint64_t *to) {
    int64_t i = 0;
    for (; i + 64 <= n; i += 64) {
        to[i / 64] = (uint64_t)pack_32_bytes(values + i) | (uint64_t)pack_32_bytes(values + i + 32) << 32;
    }
    if (i < n) {
        sj_fast_portable_kernels.pack_int8(values + i, n - i, to + i / 64);
    }
}

// Swaps the halves of `half` bits of words `half` apart, four words at a time.
TARGET static void transpose(const uint64_t from[64], uint64_t to[64]) {
    uint64_t low = UINT64_C(0x00000000ffffffff);
    memcpy(to, from, 64 * sizeof *to);
    for (int half = 32; half >= 4; half >>= 1, low ^= low << half) {
        const __m256i keep = _mm256_set1_epi64x((long long)low);
        for (int i = 0; i < 64; i = ((i | half) + 4) & ~half) {
            const __m256i a = load(to + i), b = load(to + (i | half));
            const __m256i swap = _mm256_and_si256(_mm256_xor_si256(_mm256_srl_epi64(a, _mm_cvtsi32_si128(half)), b), keep);
            _mm256_storeu_si256((void *)(to + i), _mm256_xor_si256(a, _mm256_sll_epi64(swap, _mm_cvtsi32_si128(half))));
            _mm256_storeu_si256((void *)(to + (i | half)), _mm256_xor_si256(b, swap));
        }
    }
    for (int half = 2; half != 0; half >>= 1, low ^= low << half) {
        for (int i = 0; i < 64; i = ((i | half) + 1) & ~half) {
            const uint64_t swap = ((to[i] >> half) ^ to[i | half]) & low;
            to[i] ^= swap << half;
            to[i | half] ^= swap;
        }
    }
}

TARGET static uint64_t popcount(const uint64_t *words, int64_t n) {
    uint64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        count += (uint64_t)_mm_popcnt_u64(words[i]);
    }
    return count;
}

TARGET static void word_counts(const uint64_t *words, int64_t n, uint8_t *counts) {
    for (int64_t i = 0; i < n; i++) {
        counts[i] = (uint8_t)_mm_popcnt_u64(words[i]);
    }
}

TARGET static void add_weighted(const uint64_t *words, int64_t n, uint32_t weight, uint32_t *counts) {
    const __m256i add = _mm256_set1_epi32((int)weight), lanes = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    for (int64_t i = 0; i < n; i++) {
        for (int byte = 0; byte < 8 && words[i] != 0; byte++) {
            __m256i *to = (__m256i *)(void *)(counts + 64 * i + 8 * byte);
            const __m256i bits = _mm256_and_si256(_mm256_set1_epi32((int)(words[i] >> (8 * byte) & 255)), lanes);
            const __m256i set = _mm256_cmpeq_epi32(bits, lanes);
            _mm256_storeu_si256(to, _mm256_add_epi32(load(to), _mm256_and_si256(set, add)));
        }
    }
}

static inline __attribute__((always_inline)) TARGET uint64_t deal_words(const uint64_t *a, int64_t rows, const uint64_t *b, int64_t words, int64_t physical, uint32_t *count) {
    uint64_t visited = 0;
    memset(count, 0, (size_t)physical * sizeof *count);
    for (int64_t first = 0; first < rows; first += physical) {
        const int64_t dealt = rows - first < physical ? rows - first : physical;
        for (int64_t r = 0; r < dealt; r++) {
            uint64_t issued = 0;
            for (int64_t w = 0; w < words; w++) {
                issued += (uint64_t)_mm_popcnt_u64(a[w * rows + first + r] & b[w]);
            }
            count[r] += (uint32_t)issued;
            visited += issued != 0;
        }
    }
    return visited;
}

TARGET static uint64_t deal(const uint64_t *a, int64_t rows, const uint64_t *b, int64_t words, int64_t physical, uint32_t *count) {
    return words == 1 ? deal_words(a, rows, b, 1, physical, count) : deal_words(a, rows, b, words, physical, count);
}

TARGET static void settle(uint32_t *count, int64_t n, uint64_t *sum, uint64_t *largest) {
    const __m256i one = _mm256_set1_epi32(1);
    __m256i all = _mm256_setzero_si256(), most = _mm256_setzero_si256();
    int64_t r = 0;
    for (; r + 8 <= n; r += 8) {
        const __m256i work = _mm256_max_epu32(load(count + r), one);
        _mm256_storeu_si256((void *)(count + r), work);
        most = _mm256_max_epu32(most, work);
        all = _mm256_add_epi64(all, _mm256_add_epi64(_mm256_cvtepu32_epi64(_mm256_castsi256_si128(work)), _mm256_cvtepu32_epi64(_mm256_extracti128_si256(work, 1))));
    }
    uint32_t lanes[8];
    uint64_t sums[4], rest = 0;
    _mm256_storeu_si256((void *)lanes, most);
    _mm256_storeu_si256((void *)sums, all);
    sj_fast_portable_kernels.settle(count + r, n - r, sum, &rest);
    for (int i = 0; i < 8; i++) {
        rest = rest > lanes[i] ? rest : lanes[i];
    }
    *sum += sums[0] + sums[1] + sums[2] + sums[3];
    *largest += rest;
}

static void issue(sj_fast_issues *i, const uint64_t *b, int64_t b_pitch, int64_t tiles, uint32_t *work, int64_t work_pitch, uint32_t *vectors) {
    sj_fast_issue_by(&sj_fast_avx2_kernels, i, b, b_pitch, tiles, work, work_pitch, vectors);
}

TARGET static uint64_t any(const uint64_t *words, int64_t n) {
    uint64_t out = 0;
    for (int64_t i = 0; i < n; i++) {
        out |= words[i];
    }
    return out;
}

TARGET static uint64_t advance(uint64_t *end, uint64_t ready, const uint32_t *work, int64_t n) {
    uint64_t largest = 0;
    for (int64_t r = 0; r < n; r++) {
        end[r] = (end[r] > ready ? end[r] : ready) + work[r];
        largest = largest > end[r] ? largest : end[r];
    }
    return largest;
}

// Ones of each byte.
TARGET static __m256i byte_ones(__m256i v) {
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4), nibble = _mm256_set1_epi8(15);
    return _mm256_add_epi8(_mm256_shuffle_epi8(table, _mm256_and_si256(v, nibble)), _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(v, 4), nibble)));
}

TARGET static __m256i bits_apart(uint64_t bits) { return _mm256_setr_epi64x((long long)(bits & 1), (long long)(bits >> 1 & 1), (long long)(bits >> 2 & 1), (long long)(bits >> 3 & 1)); }

// Four lanes of a row; as the portable one, four words at a time. `carry`: 0 or 1 a lane.
TARGET static __m256i four_lanes(const sj_fast_classes *c, int64_t r, int64_t lane, __m256i *carry) {
    const __m256i zero = _mm256_setzero_si256();
    __m256i count = zero;
    for (int64_t m = r; m < c->rows; m += c->physical) {
        for (int64_t w = 0; w < c->words; w++) {
            const uint64_t issued = c->present[w * c->rows + m] & c->any[w];
            const __m256i i = _mm256_set1_epi64x((long long)issued), a = _mm256_set1_epi64x((long long)(issued & c->nonzero[w * c->rows + m]));
            const __m256i active = _mm256_and_si256(a, load(c->lanes + w * c->lane_count + lane));
            const __m256i passes = _mm256_or_si256(active, _mm256_xor_si256(i, _mm256_set1_epi64x(-1)));
            const __m256i sum = _mm256_add_epi64(_mm256_add_epi64(passes, active), *carry);
            count = _mm256_add_epi64(count, _mm256_sad_epu8(byte_ones(_mm256_and_si256(i, _mm256_xor_si256(sum, passes))), zero));
            *carry = _mm256_srli_epi64(_mm256_or_si256(active, _mm256_andnot_si256(sum, passes)), 63);
        }
    }
    return count;
}

TARGET static uint64_t changes(const sj_fast_classes *c, uint64_t *last, int64_t pitch) {
    __m256i all = _mm256_setzero_si256();
    const int64_t whole = c->lane_count / 4 * 4;
    for (int64_t r = 0; r < c->physical && r < c->rows; r++) {
        for (int64_t lane = 0; lane < whole; lane += 4) {
            uint64_t *word = &last[lane / 64 * pitch + r];
            __m256i carry = bits_apart(*word >> (lane % 64));
            all = _mm256_add_epi64(all, four_lanes(c, r, lane, &carry));
            const uint64_t after = (uint64_t)_mm256_movemask_pd(_mm256_castsi256_pd(_mm256_slli_epi64(carry, 63)));
            *word = (*word & ~(UINT64_C(15) << (lane % 64))) | after << (lane % 64);
        }
    }
    uint64_t sums[4];
    _mm256_storeu_si256((void *)sums, all);
    return sums[0] + sums[1] + sums[2] + sums[3] + sj_fast_portable_changes(c, whole, last, pitch);
}

TARGET static uint64_t row_changes(const sj_fast_classes *c, sj_fast_rows *out, uint64_t *scratch) {
    const int64_t words = sj_fast_rows_by(c, out, scratch);
    return popcount(scratch, words) - sj_fast_rows_active_first(c, out);
}

static void test(const uint64_t *words, int64_t n, uint64_t bits, uint64_t *to) { sj_fast_portable_kernels.test(words, n, bits, to); }

const sj_fast_kernels sj_fast_avx2_kernels = {"avx2", pack_bf16, pack_int8, transpose, popcount, word_counts, add_weighted, deal, settle, issue, any, advance, changes, row_changes, test};
#endif
