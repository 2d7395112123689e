// SPDX-License-Identifier: Apache-2.0
// Groups of 16 values as SJ_NV vectors of SJ_LANES lanes, so that every build does the same operations in the same order on every lane.
#ifndef SJ_KERNELS_VECTOR_H
#define SJ_KERNELS_VECTOR_H

#include <stdint.h>
#include <string.h>

#include "sj_bf16.h"
#include "table.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif

#define SJ_INLINE static inline __attribute__((always_inline))
#define SJ_UNROLL _Pragma("GCC unroll 16")
enum { SJ_NV = SJ_GROUP / SJ_LANES };

typedef float vf __attribute__((vector_size(4 * SJ_LANES)));
typedef int32_t vi __attribute__((vector_size(4 * SJ_LANES)));
typedef uint32_t vu __attribute__((vector_size(4 * SJ_LANES)));
typedef uint16_t vh __attribute__((vector_size(2 * SJ_LANES)));

SJ_INLINE vf load_f32(const float *from) {
    vf v;
    memcpy(&v, from, sizeof v);
    return v;
}

SJ_INLINE void store_f32(float *to, vf v) { memcpy(to, &v, sizeof v); }

#if SJ_LANES == 16 && defined(__AVX512F__)
// By hand, as the compiler takes twice the instructions: words to the upper halves, and sj_bf16_from_f32.
SJ_INLINE vf load_bf16(const sj_bf16 *from) {
    const __m512i places = _mm512_set_epi16(15, 15, 14, 14, 13, 13, 12, 12, 11, 11, 10, 10, 9, 9, 8, 8, 7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0);
    const __m256i words = _mm256_loadu_si256((const void *)from);
    return (vf)_mm512_maskz_permutexvar_epi16(0xaaaaaaaaU, places, _mm512_castsi256_si512(words));
}

SJ_INLINE void store_bf16(sj_bf16 *to, vf v) {
    const vu bits = (vu)v, rounded = bits + 0x7fffU + (bits >> 16 & 1U);
    const __m512i high = _mm512_maskz_srli_epi32(_mm512_test_epi32_mask((__m512i)rounded, _mm512_set1_epi32(0x7f800000)), (__m512i)rounded, 16);
    const __m512i out = _mm512_mask_srli_epi32(high, _mm512_cmp_ps_mask((__m512)v, (__m512)v, _CMP_UNORD_Q), (__m512i)(bits | 0x400000U), 16);
    _mm256_storeu_si256((void *)to, _mm512_cvtepi32_epi16(out));
}
#else
SJ_INLINE vf load_bf16(const sj_bf16 *from) {
#if SJ_LANES == 8 && defined(__AVX2__)  // here, too, the compiler goes by halves
    return (vf)((vu)_mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)from)) << 16);
#else
    vh v;
    memcpy(&v, from, sizeof v);
    return (vf)(__builtin_convertvector(v, vu) << 16);
#endif
}

// sj_bf16_from_f32 without branches.
SJ_INLINE void store_bf16(sj_bf16 *to, vf v) {
    const vu bits = (vu)v, rounded = bits + 0x7fffU + (bits >> 16 & 1U);
    const vu nan = (vu)(v != v), normal = (vu)((vi)(rounded & 0x7f800000U) != 0);
    const vu high = (~nan & normal & rounded) | (nan & (bits | 0x400000U));
#if SJ_LANES == 8 && defined(__AVX2__)
    const __m256i words = (__m256i)(high >> 16);
    _mm_storeu_si128((void *)to, _mm_packus_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
#else
    const vh out = __builtin_convertvector(high >> 16, vh);
    memcpy(to, &out, sizeof out);
#endif
}
#endif

// The same of one value.
SJ_INLINE sj_bf16 one_bf16(float v) {
    const uint32_t bits = sj_f32_bits(v), rounded = bits + 0x7fffU + (bits >> 16 & 1U);
    const uint32_t normal = (rounded & 0x7f800000U) != 0 ? rounded : 0;
    return (sj_bf16)((v != v ? bits | 0x400000U : normal) >> 16);
}

SJ_INLINE vf keep(vi where, vf v) { return (vf)(where & (vi)v); }

// Not above 0: +0. A NaN stays, so that it is seen at the end.
SJ_INLINE vf rectified(vf v) { return keep(~(v <= 0.0F), v); }

// One more in each lane whose value is nonzero once rounded to bfloat16: nearest, ties to even.
SJ_INLINE vi count_nonzero(vi count, vf v) {
    const vi magnitude = (vi)v & 0x7fffffff;
#if SJ_LANES == 16 && defined(__AVX512F__)  // the compiler makes a vector of the mask first
    return (vi)_mm512_mask_add_epi32((__m512i)count, _mm512_cmpgt_epi32_mask((__m512i)magnitude, _mm512_set1_epi32(0x007f7fff)), (__m512i)count, _mm512_set1_epi32(1));
#else
    return count - (magnitude > 0x007f7fff);
#endif
}

SJ_INLINE int64_t count_of(const vi counts[SJ_NV]) {
    int32_t lanes[SJ_GROUP];
    memcpy(lanes, counts, sizeof lanes);
    int64_t sum = 0;
    for (int i = 0; i < SJ_GROUP; i++) {
        sum += lanes[i];
    }
    return sum;
}

// 2 sigma x / (x^2 + sigma)^2 * scale; no product overflows before the result would (a square that does gives 0).
SJ_INLINE vf eat_gradient(float sigma, float factor, vf x) {
    const vf inverse = 1.0F / (x * x + sigma);
    return (x * inverse) * (inverse * factor);
}

SJ_INLINE vf penalty_gradient(const sj_penalty *p, vf x) {
    if (p->kind == SJ_PENALTY_EAT) {
        return eat_gradient(p->sigma, (float)(2.0 * (double)p->sigma * (double)p->scale), x);
    }
    const vf zero = {0.0F};
    return keep(x > 0.0F, zero + p->scale) - keep(x < 0.0F, zero + p->scale);
}

SJ_INLINE vf penalty_value(const sj_penalty *p, vf x) {
    if (p->kind == SJ_PENALTY_EAT) {
        const vf square = x * x, most = (vf){0.0F} + 1e38F;
        const vi above = square > most;
        const vf bounded = (vf)((above & (vi)most) | (~above & (vi)square));
        return bounded / (bounded + p->sigma);
    }
    return (vf)((vi)x & 0x7fffffff);
}

#endif
