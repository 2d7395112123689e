// SPDX-License-Identifier: Apache-2.0
// bfloat16: the upper half of an IEEE binary32. In Skipjoule a value is nonzero when its exponent is not 0: denormals and -0 are zeros.
#ifndef SJ_BF16_H
#define SJ_BF16_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef uint16_t sj_bf16;

static inline uint32_t sj_f32_bits(float v) {
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static inline float sj_bits_f32(uint32_t bits) {
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

// Round to nearest even; results with exponent 0 become +0. NaN and infinity pass (a NaN stays a NaN).
static inline sj_bf16 sj_bf16_from_f32(float v) {
    const uint32_t bits = sj_f32_bits(v);
    if ((bits & 0x7f800000u) == 0x7f800000u) {
        const sj_bf16 high = (sj_bf16)(bits >> 16);
        return (bits & 0x007fffffu) != 0 ? (sj_bf16)(high | 0x40u) : high;
    }
    const uint32_t rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
    return (rounded & 0x7f800000u) == 0 ? (sj_bf16)0 : (sj_bf16)(rounded >> 16);
}

static inline float sj_bf16_to_f32(sj_bf16 v) { return sj_bits_f32((uint32_t)v << 16); }

static inline bool sj_bf16_nonzero(sj_bf16 v) { return (v & 0x7f80u) != 0; }

static inline bool sj_bf16_finite(sj_bf16 v) { return (v & 0x7f80u) != 0x7f80u; }

#endif
