// SPDX-License-Identifier: Apache-2.0
// AVX-512 as of Skylake-X, and with VPOPCNTDQ as of Ice Lake.
#include "kernels_issue.h"
#include "kernels_rows.h"
#include "kernels_x86.h"

#ifdef SJ_FAST_X86
#include <immintrin.h>
#include <string.h>

#define FEATURES "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi,bmi2,popcnt,lzcnt,prefer-vector-width=512"
#define TARGET __attribute__((target(FEATURES)))
#define TARGET_POPCNT __attribute__((target(FEATURES ",avx512vpopcntdq")))

bool sj_fast_has_avx512(void) {
    return sj_fast_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

bool sj_fast_has_avx512_popcnt(void) { return sj_fast_has_avx512() && __builtin_cpu_supports("avx512vpopcntdq"); }

#define AHEAD 1024  // values: the processor's own prefetching stops at each page

// The first n lanes.
TARGET static __mmask8 first_8(int64_t n) { return (__mmask8)(n >= 8 ? 255u : (1u << n) - 1u); }
TARGET static __mmask16 first_16(int64_t n) { return (__mmask16)(n >= 16 ? 65535u : (1u << n) - 1u); }
TARGET static __mmask32 first_32(int64_t n) { return n >= 32 ? UINT32_MAX : (__mmask32)((UINT32_C(1) << n) - 1); }

TARGET static void pack_bf16(const uint16_t *values, int64_t n, uint64_t *to) {
    const __m512i exponent = _mm512_set1_epi16(0x7f80);
    const uintptr_t address = (uintptr_t)values;  // what is fetched ahead may lie beyond the array, where no pointer may point
    int64_t i = 0;
    for (; i + 64 <= n; i += 64) {
        _mm_prefetch((const void *)(address + 2 * (uintptr_t)(i + AHEAD)), _MM_HINT_T0);
        _mm_prefetch((const void *)(address + 2 * (uintptr_t)(i + AHEAD + 32)), _MM_HINT_T0);
        const uint64_t low = _mm512_test_epi16_mask(_mm512_loadu_si512(values + i), exponent), high = _mm512_test_epi16_mask(_mm512_loadu_si512(values + i + 32), exponent);
        to[i / 64] = low | high << 32;
    }
    if (i < n) {
        const int64_t left = n - i;
        uint64_t word = _mm512_test_epi16_mask(_mm512_maskz_loadu_epi16(first_32(left), values + i), exponent);
        if (left > 32) {
            word |= (uint64_t)_mm512_test_epi16_mask(_mm512_maskz_loadu_epi16(first_32(left - 32), values + i + 32), exponent) << 32;
        }
        to[i / 64] = word;
    }
}

TARGET static void pack_int8(const int8_t *values, int64_t n, uint64_t *to) {
    for (int64_t i = 0; i < n; i += 64) {
        const __mmask64 valid = n - i >= 64 ? UINT64_MAX : (UINT64_C(1) << (n - i)) - 1;
        const __m512i v = _mm512_maskz_loadu_epi8(valid, values + i);
        to[i / 64] = _mm512_test_epi8_mask(v, v);
    }
}

// One stage of the transposition on 8 vectors of 8 words: halves of `half` bits of words `half` apart change places.
TARGET static __m512i swapped(__m512i own, __m512i other, int half, uint64_t low, __mmask8 upper) {
    // words whose bit `half` is 0 keep their low half and take the other's low half up; the others keep their high half and take the other's high half down
    const __m512i keep = _mm512_mask_blend_epi64(upper, _mm512_set1_epi64((long long)low), _mm512_set1_epi64((long long)~low));
    const __m512i up = _mm512_slli_epi64(other, (unsigned)half), down = _mm512_srli_epi64(other, (unsigned)half);
    return _mm512_ternarylogic_epi64(keep, own, _mm512_mask_blend_epi64(upper, up, down), 0xca);
}

TARGET static void far_stage(__m512i v[8], int half, uint64_t low) {
    const int apart = half / 8;
    for (int i = 0; i < 8; i++) {
        if ((i & apart) == 0) {
            const __m512i a = v[i], b = v[i + apart];
            v[i] = swapped(a, b, half, low, 0);
            v[i + apart] = swapped(b, a, half, low, 0xff);
        }
    }
}

TARGET static void transpose(const uint64_t from[64], uint64_t to[64]) {
    __m512i v[8];
    for (int i = 0; i < 8; i++) {
        v[i] = _mm512_loadu_si512(from + 8 * i);
    }
    far_stage(v, 32, UINT64_C(0x00000000ffffffff));
    far_stage(v, 16, UINT64_C(0x0000ffff0000ffff));
    far_stage(v, 8, UINT64_C(0x00ff00ff00ff00ff));
    for (int i = 0; i < 8; i++) {
        v[i] = swapped(v[i], _mm512_shuffle_i64x2(v[i], v[i], 0x4e), 4, UINT64_C(0x0f0f0f0f0f0f0f0f), 0xf0);
        v[i] = swapped(v[i], _mm512_shuffle_i64x2(v[i], v[i], 0xb1), 2, UINT64_C(0x3333333333333333), 0xcc);
        v[i] = swapped(v[i], _mm512_shuffle_epi32(v[i], _MM_PERM_BADC), 1, UINT64_C(0x5555555555555555), 0xaa);
        _mm512_storeu_si512(to + 8 * i, v[i]);
    }
}

TARGET static uint64_t popcount(const uint64_t *words, int64_t n) {
    uint64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        count += (uint64_t)_mm_popcnt_u64(words[i]);
    }
    return count;
}

TARGET static void add_weighted(const uint64_t *words, int64_t n, uint32_t weight, uint32_t *counts) {
    const __m512i add = _mm512_set1_epi32((int)weight);
    for (int64_t i = 0; i < n; i++) {
        uint32_t *to = counts + 64 * i;
        for (int part = 0; part < 4 && words[i] != 0; part++) {
            const __m512i old = _mm512_loadu_si512(to + 16 * part);
            _mm512_storeu_si512(to + 16 * part, _mm512_mask_add_epi32(old, (__mmask16)(words[i] >> (16 * part)), old, add));
        }
    }
}

// Ones of each byte.
TARGET static __m512i byte_ones(__m512i v) {
    const __m512i table = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4)), nibble = _mm512_set1_epi8(15);
    return _mm512_add_epi8(_mm512_shuffle_epi8(table, _mm512_and_si512(v, nibble)), _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(v, 4), nibble)));
}

TARGET static void word_counts(const uint64_t *words, int64_t n, uint8_t *counts) {
    for (int64_t i = 0; i < n; i += 8) {
        const __mmask8 valid = first_8(n - i);
        const __m512i sums = _mm512_sad_epu8(byte_ones(_mm512_maskz_loadu_epi64(valid, words + i)), _mm512_setzero_si512());
        _mm512_mask_cvtepi64_storeu_epi8(counts + i, valid, sums);
    }
}

// Physical rows [8p, 8p+8) of a tile of one word a row whose rows fill whole groups of 8: their slots' counts add up in bytes (at most 31 slots of 8 bits fit).
TARGET static uint64_t deal_column(const uint64_t *a, int64_t rows, __m512i b, int64_t physical, uint32_t *count) {
    __m512i bytes = _mm512_setzero_si512(), visited = _mm512_setzero_si512();
    for (int64_t row = 0; row < rows; row += physical) {
        const __m512i issued = _mm512_and_si512(_mm512_loadu_si512(a + row), b);
        bytes = _mm512_add_epi8(bytes, byte_ones(issued));
        visited = _mm512_mask_sub_epi64(visited, _mm512_test_epi64_mask(issued, issued), visited, _mm512_set1_epi64(-1));
    }
    _mm256_storeu_si256((void *)count, _mm512_cvtepi64_epi32(_mm512_sad_epu8(bytes, _mm512_setzero_si512())));
    return (uint64_t)_mm512_reduce_add_epi64(visited);
}

TARGET static uint64_t deal(const uint64_t *a, int64_t rows, const uint64_t *b, int64_t words, int64_t physical, uint32_t *count) {
    if (words != 1 || physical % 8 != 0 || rows % physical != 0 || rows / physical > 31) {
        return sj_fast_avx2_kernels.deal(a, rows, b, words, physical, count);
    }
    uint64_t visited = 0;
    for (int64_t r = 0; r < physical; r += 8) {
        visited += deal_column(a + r, rows, _mm512_set1_epi64((long long)b[0]), physical, count + r);
    }
    return visited;
}

TARGET_POPCNT static uint64_t deal_column_popcnt(const uint64_t *a, int64_t rows, __m512i b, int64_t physical, uint32_t *count) {
    __m512i sum = _mm512_setzero_si512(), visited = _mm512_setzero_si512();
    for (int64_t row = 0; row < rows; row += physical) {
        const __m512i issued = _mm512_and_si512(_mm512_loadu_si512(a + row), b);
        sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(issued));
        visited = _mm512_mask_sub_epi64(visited, _mm512_test_epi64_mask(issued, issued), visited, _mm512_set1_epi64(-1));
    }
    _mm256_storeu_si256((void *)count, _mm512_cvtepi64_epi32(sum));
    return (uint64_t)_mm512_reduce_add_epi64(visited);
}

TARGET_POPCNT static uint64_t deal_popcnt(const uint64_t *a, int64_t rows, const uint64_t *b, int64_t words, int64_t physical, uint32_t *count) {
    if (words != 1 || physical % 8 != 0 || rows % physical != 0) {
        return sj_fast_avx2_kernels.deal(a, rows, b, words, physical, count);
    }
    uint64_t visited = 0;
    for (int64_t r = 0; r < physical; r += 8) {
        visited += deal_column_popcnt(a + r, rows, _mm512_set1_epi64((long long)b[0]), physical, count + r);
    }
    return visited;
}

TARGET static void settle(uint32_t *count, int64_t n, uint64_t *sum, uint64_t *largest) {
    const __m512i one = _mm512_set1_epi32(1);
    __m512i all = _mm512_setzero_si512(), most = _mm512_setzero_si512();
    for (int64_t r = 0; r < n; r += 16) {
        const __mmask16 valid = first_16(n - r);
        const __m512i work = _mm512_maskz_max_epu32(valid, _mm512_maskz_loadu_epi32(valid, count + r), one);
        _mm512_mask_storeu_epi32(count + r, valid, work);
        most = _mm512_max_epu32(most, work);
        all = _mm512_add_epi64(all, _mm512_add_epi64(_mm512_and_si512(work, _mm512_set1_epi64(0xffffffff)), _mm512_srli_epi64(work, 32)));
    }
    *sum += (uint64_t)_mm512_reduce_add_epi64(all);
    *largest += _mm512_reduce_max_epu32(most);
}

// Works of 16 physical rows from the counts of rows 0..7 and 8..15.
TARGET static inline void settle_16(__m512i low, __m512i high, uint32_t *work, __m512i *sum, __m512i *longest) {
    const __m512i all = _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi64_epi32(low)), _mm512_cvtepi64_epi32(high), 1);
    const __m512i at_least_1 = _mm512_max_epu32(all, _mm512_set1_epi32(1));
    _mm512_storeu_si512(work, at_least_1);
    *sum = _mm512_add_epi32(*sum, at_least_1);
    *longest = _mm512_add_epi64(*longest, _mm512_set1_epi64((long long)_mm512_reduce_max_epu32(at_least_1)));
}

#define SLOTS 8  // of the shape below

// The shape of most machines: 16 physical rows, 8 slots, one word a row. The step's masks stay in registers over all column tiles.
#define ISSUE_16X8(name, target, counts_of, sum_of)                                                                                                   \
    target static void name(sj_fast_issues *i, const uint64_t *b, int64_t b_pitch, int64_t tiles, uint32_t *work, int64_t work_pitch, uint32_t *vectors) { \
        const __m512i one = _mm512_set1_epi64(1);                                                                                                     \
        __m512i visited = _mm512_setzero_si512(), works = _mm512_setzero_si512(), longest = _mm512_setzero_si512(), a[2 * SLOTS];                     \
        for (int s = 0; s < 2 * SLOTS; s++) {                                                                                                         \
            a[s] = _mm512_loadu_si512(i->a + 8 * s);                                                                                                  \
        }                                                                                                                                             \
        for (int64_t tile = 0; tile < tiles; tile++, b += b_pitch, work += work_pitch) {                                                              \
            const __m512i any_b = _mm512_set1_epi64((long long)b[0]);                                                                                 \
            __m512i low = _mm512_setzero_si512(), high = _mm512_setzero_si512();                                                                      \
            for (int s = 0; s < 2 * SLOTS; s += 2) {                                                                                                  \
                low = counts_of(low, _mm512_and_si512(a[s], any_b));                                                                                  \
                high = counts_of(high, _mm512_and_si512(a[s + 1], any_b));                                                                            \
                visited = _mm512_mask_add_epi64(visited, _mm512_test_epi64_mask(a[s], any_b), visited, one);                                          \
                visited = _mm512_mask_add_epi64(visited, _mm512_test_epi64_mask(a[s + 1], any_b), visited, one);                                      \
            }                                                                                                                                         \
            settle_16(sum_of(low), sum_of(high), work, &works, &longest);                                                                             \
            vectors[tile] = (uint32_t)_mm_popcnt_u64(i->any[0] & b[0]);                                                                               \
        }                                                                                                                                             \
        i->visited += (uint64_t)_mm512_reduce_add_epi64(visited);                                                                                     \
        i->work += (uint64_t)_mm512_reduce_add_epi64(_mm512_add_epi64(_mm512_and_si512(works, _mm512_set1_epi64(0xffffffff)), _mm512_srli_epi64(works, 32))); \
        i->longest += (uint64_t)_mm_cvtsi128_si64(_mm512_castsi512_si128(longest));                                                                   \
    }

TARGET static inline __m512i add_bytes(__m512i sum, __m512i v) { return _mm512_add_epi8(sum, byte_ones(v)); }
TARGET static inline __m512i bytes_sum(__m512i v) { return _mm512_sad_epu8(v, _mm512_setzero_si512()); }
TARGET_POPCNT static inline __m512i add_ones(__m512i sum, __m512i v) { return _mm512_add_epi64(sum, _mm512_popcnt_epi64(v)); }
TARGET static inline __m512i as_is(__m512i v) { return v; }

ISSUE_16X8(issue_16x8, TARGET, add_bytes, bytes_sum)
ISSUE_16X8(issue_16x8_popcnt, TARGET_POPCNT, add_ones, as_is)

#define TILES_MAX (INT64_C(1) << 20)  // before 32 bits of work a row might not hold

static void issue(sj_fast_issues *i, const uint64_t *b, int64_t b_pitch, int64_t tiles, uint32_t *work, int64_t work_pitch, uint32_t *vectors) {
    if (i->words == 1 && i->physical == 16 && i->rows == 16 * SLOTS && tiles < TILES_MAX) {
        issue_16x8(i, b, b_pitch, tiles, work, work_pitch, vectors);
    } else {
        sj_fast_issue_by(&sj_fast_avx512_kernels, i, b, b_pitch, tiles, work, work_pitch, vectors);
    }
}

static void issue_popcnt(sj_fast_issues *i, const uint64_t *b, int64_t b_pitch, int64_t tiles, uint32_t *work, int64_t work_pitch, uint32_t *vectors) {
    if (i->words == 1 && i->physical == 16 && i->rows == 16 * SLOTS && tiles < TILES_MAX) {
        issue_16x8_popcnt(i, b, b_pitch, tiles, work, work_pitch, vectors);
    } else {
        sj_fast_issue_by(&sj_fast_avx512_popcnt_kernels, i, b, b_pitch, tiles, work, work_pitch, vectors);
    }
}

TARGET static uint64_t any(const uint64_t *words, int64_t n) {
    __m512i out = _mm512_setzero_si512();
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) {
        out = _mm512_or_si512(out, _mm512_loadu_si512(words + i));
    }
    if (i < n) {
        out = _mm512_or_si512(out, _mm512_maskz_loadu_epi64(first_8(n - i), words + i));
    }
    return (uint64_t)_mm512_reduce_or_epi64(out);
}

TARGET static uint64_t advance(uint64_t *end, uint64_t ready, const uint32_t *work, int64_t n) {
    const __m512i floor = _mm512_set1_epi64((long long)ready);
    __m512i largest = _mm512_setzero_si512();
    for (int64_t r = 0; r < n; r += 8) {
        const __mmask8 valid = first_8(n - r);
        const __m512i begin = _mm512_max_epu64(_mm512_maskz_loadu_epi64(valid, end + r), floor);
        const __m512i after = _mm512_add_epi64(begin, _mm512_cvtepu32_epi64(_mm256_maskz_loadu_epi32(valid, work + r)));
        _mm512_mask_storeu_epi64(end + r, valid, after);
        largest = _mm512_mask_max_epu64(largest, valid, largest, after);
    }
    return (uint64_t)_mm512_reduce_max_epu64(largest);
}

// ---- changes

// Adds up a, b and c by bit: ones stay in *a, returns the carries.
TARGET static inline __m512i carries(__m512i *a, __m512i b, __m512i c) {
    const __m512i out = _mm512_ternarylogic_epi64(*a, b, c, 0xe8);
    *a = _mm512_ternarylogic_epi64(*a, b, c, 0x96);
    return out;
}

// Ones of n words of eight lanes, n a multiple of 8: eight of them become one word of eights, so that bytes are looked up once in eight words (Harley and Seal).
TARGET static uint64_t ones_of(const __m512i *v, int64_t n) {
    __m512i ones = _mm512_setzero_si512(), twos = ones, fours = ones, all = ones;
    for (int64_t i = 0; i < n; i += 8) {
        const __m512i a = carries(&ones, v[i], v[i + 1]), b = carries(&ones, v[i + 2], v[i + 3]), c = carries(&ones, v[i + 4], v[i + 5]), d = carries(&ones, v[i + 6], v[i + 7]);
        const __m512i e = carries(&twos, a, b), f = carries(&twos, c, d);
        all = _mm512_add_epi64(all, bytes_sum(byte_ones(carries(&fours, e, f))));
    }
    const __m512i twice = _mm512_add_epi64(bytes_sum(byte_ones(twos)), _mm512_slli_epi64(bytes_sum(byte_ones(fours)), 1));
    const __m512i sum = _mm512_add_epi64(_mm512_add_epi64(_mm512_slli_epi64(all, 3), _mm512_slli_epi64(twice, 1)), bytes_sum(byte_ones(ones)));
    return (uint64_t)_mm512_reduce_add_epi64(sum);
}

enum { ROW_MAX = 64, MASKS_MAX = 4096, WAITING_MAX = 256 };  // words of a row, of all rows; changes that wait to be counted

typedef struct step_masks {
    uint64_t issued[MASKS_MAX], active[MASKS_MAX];  // [words][rows]
} step_masks;

typedef struct eight_lanes {
    __m512i b;
    __mmask8 valid, carry;
} eight_lanes;

// As the portable one, eight words at a time, the carry a bit a lane.
TARGET static inline __attribute__((always_inline)) __m512i changes_of_eight(eight_lanes *e, __m512i issued, __m512i active_a) {
    const __m512i active = _mm512_and_epi64(e->b, active_a), passes = _mm512_ternarylogic_epi64(active, issued, issued, 0xf3), both = _mm512_add_epi64(passes, active);
    const __m512i sum = _mm512_mask_add_epi64(both, e->carry, both, _mm512_set1_epi64(1));
    e->carry = _mm512_movepi64_mask(_mm512_ternarylogic_epi64(active, passes, sum, 0xf4));
    return _mm512_ternarylogic_epi64(issued, sum, passes, 0x60);
}

// Sixteen lanes of row r, the second eight of them perhaps beyond the last lane. Returns how many words it wrote.
TARGET static inline __attribute__((always_inline)) int64_t changes_of_row(const sj_fast_classes *c, int64_t words, const step_masks *masks, int64_t r, int64_t lane, eight_lanes *low, eight_lanes *high, __m512i *to) {
    eight_lanes l = *low, h = *high;
    int64_t n = 0;
    l.b = _mm512_maskz_loadu_epi64(l.valid, c->lanes + lane);
    h.b = _mm512_maskz_loadu_epi64(h.valid, c->lanes + lane + 8);
    for (int64_t m = r; m < c->rows; m += c->physical) {
        for (int64_t w = 0; w < words; w++) {
            if (words > 1) {
                l.b = _mm512_maskz_loadu_epi64(l.valid, c->lanes + w * c->lane_count + lane);
                h.b = _mm512_maskz_loadu_epi64(h.valid, c->lanes + w * c->lane_count + lane + 8);
            }
            const int64_t at = words > 1 ? w * c->rows + m : m;
            const __m512i issued = _mm512_set1_epi64((long long)masks->issued[at]), active = _mm512_set1_epi64((long long)masks->active[at]);
            to[n] = changes_of_eight(&l, issued, active);
            to[n + 1] = changes_of_eight(&h, issued, active);
            n += 2;
        }
    }
    low->carry = l.carry & l.valid;
    high->carry = h.carry & h.valid;
    return n;
}

TARGET static uint64_t changes_of_lanes(const sj_fast_classes *c, const step_masks *masks, int64_t lane, uint64_t *last) {
    const int64_t rows = c->physical < c->rows ? c->physical : c->rows, left = c->lane_count - lane;
    eight_lanes low = {.valid = first_8(left)}, high = {.valid = left > 8 ? first_8(left - 8) : 0};
    const uint64_t valid = (uint64_t)low.valid | (uint64_t)high.valid << 8;
    __m512i waiting[WAITING_MAX];
    uint64_t total = 0;
    int64_t count = 0;
    for (int64_t r = 0; r < rows; r++) {
        const uint64_t before = last[r] >> (lane % 64);
        low.carry = (__mmask8)before & low.valid;
        high.carry = (__mmask8)(before >> 8) & high.valid;
        count += c->words == 1 ? changes_of_row(c, 1, masks, r, lane, &low, &high, waiting + count) : changes_of_row(c, c->words, masks, r, lane, &low, &high, waiting + count);
        last[r] = (last[r] & ~(valid << (lane % 64))) | ((uint64_t)low.carry | (uint64_t)high.carry << 8) << (lane % 64);
        if (count > WAITING_MAX - 2 * ROW_MAX || r + 1 == rows) {
            while (count % 8 != 0) {
                waiting[count++] = _mm512_setzero_si512();
            }
            total += ones_of(waiting, count);
            count = 0;
        }
    }
    return total;
}

TARGET static uint64_t changes(const sj_fast_classes *c, uint64_t *last, int64_t pitch) {
    step_masks masks;
    if (c->rows * c->words > MASKS_MAX || (c->rows + c->physical - 1) / c->physical * c->words > ROW_MAX) {
        return sj_fast_avx2_kernels.changes(c, last, pitch);
    }
    for (int64_t w = 0; w < c->words; w++) {
        for (int64_t m = w * c->rows; m < (w + 1) * c->rows; m++) {
            masks.issued[m] = c->present[m] & c->any[w];
            masks.active[m] = masks.issued[m] & c->nonzero[m];
        }
    }
    uint64_t total = 0;
    for (int64_t lane = 0; lane < c->lane_count; lane += 16) {
        total += changes_of_lanes(c, &masks, lane, last + lane / 64 * pitch);
    }
    return total;
}

TARGET static void test(const uint64_t *words, int64_t n, uint64_t bits, uint64_t *to) {
    const __m512i mask = _mm512_set1_epi64((long long)bits);
    for (int64_t i = 0; i < n; i += 8) {
        const __mmask8 valid = first_8(n - i);
        to[i / 64] = (i % 64 == 0 ? 0 : to[i / 64]) | (uint64_t)_mm512_test_epi64_mask(_mm512_maskz_loadu_epi64(valid, words + i), mask) << (i % 64);
    }
}

TARGET static uint64_t row_changes(const sj_fast_classes *c, sj_fast_rows *out, uint64_t *scratch) {
    const int64_t words = sj_fast_rows_by(c, out, scratch);
    return popcount(scratch, words) - sj_fast_rows_active_first(c, out);
}

const sj_fast_kernels sj_fast_avx512_kernels = {"avx512", pack_bf16, pack_int8, transpose, popcount, word_counts, add_weighted, deal, settle, issue, any, advance, changes, row_changes, test};
const sj_fast_kernels sj_fast_avx512_popcnt_kernels = {"avx512 with vpopcntdq", pack_bf16, pack_int8, transpose, popcount, word_counts, add_weighted, deal_popcnt, settle, issue_popcnt, any, advance, changes, row_changes, test};
#endif
