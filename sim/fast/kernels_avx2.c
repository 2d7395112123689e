// SPDX-License-Identifier: Apache-2.0
// AVX2 with POPCNT: Haswell, Zen and later.
#include "kernels_issue.h"
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

const sj_fast_kernels sj_fast_avx2_kernels = {"avx2", pack_bf16, pack_int8, transpose, popcount, word_counts, add_weighted, deal, settle, issue, any, advance};
#endif
