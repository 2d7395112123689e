// SPDX-License-Identifier: Apache-2.0
#include "sj_bf16.h"
#include "synth_internal.h"

// 2^-7 up to 2^8: sums of products of two such values stay far inside fp32, and no value rounds to zero or infinity.
enum { EXPONENT_FIRST = 120, EXPONENT_COUNT = 15, INT8_COUNT = 127 };

static unsigned below(uint64_t bits, unsigned bound) { return (unsigned)((bits >> 8 & 0xffffffffU) * bound >> 32); }

// Sign in bit 63, exponent from bits 8 to 39, mantissa from bits 40 to 62: bfloat16 has its upper seven.
static uint32_t float_bits(uint64_t bits, bool negative) {
    return (uint32_t)negative << 31 | (EXPONENT_FIRST + below(bits, EXPONENT_COUNT)) << 23 | (uint32_t)(bits >> 40 & 0x7fffffU);
}

static void put(sj_type type, void *out, int64_t i, uint64_t bits, bool nonzero, bool negative) {
    if (type == SJ_TYPE_I8) {
        const int magnitude = nonzero ? 1 + (int)below(bits, INT8_COUNT) : 0;
        ((int8_t *)out)[i] = (int8_t)(negative ? -magnitude : magnitude);
    } else {
        const uint32_t v = nonzero ? float_bits(bits, negative) : 0;
        if (type == SJ_TYPE_BF16) {
            ((sj_bf16 *)out)[i] = (sj_bf16)(v >> 16);
        } else {
            ((float *)out)[i] = sj_bits_f32(v);
        }
    }
}

static bool passes(sj_random *masks, const sj_synth_recipe *r) {
    bool all = true;
    for (int i = 0; i < r->mask_count; i++) {
        all &= sj_random_unit(&masks[i]) < r->mask_density;
        (void)sj_random_u64(&masks[i]);  // a value's second draw
    }
    return all;
}

void sj_synth_fill(const sj_synth_recipe *r, const sj_synth_options *o, int64_t count, int64_t each, void *out, int64_t *nonzero) {
    sj_random random = sj_random_stream(o->seed, r->stream), masks[SJ_SYNTH_MASKS_MAX];
    for (int i = 0; i < r->mask_count; i++) {
        masks[i] = sj_random_stream(o->seed, r->masks[i]);
    }
    int64_t found = 0;
    for (int64_t i = 0; i < count; i++) {
        const bool chosen = sj_random_unit(&random) < r->density;
        const uint64_t bits = sj_random_u64(&random);
        const bool present = passes(masks, r) && (chosen || r->sign == SJ_SYNTH_BEFORE);
        const bool negative = r->sign == SJ_SYNTH_RANDOM ? bits >> 63 != 0 : r->sign == SJ_SYNTH_BEFORE && !chosen;
        put(o->type, out, i, bits, present, negative);
        found += present;
        if ((i + 1) % each == 0) {
            nonzero[i / each] = found;
            found = 0;
        }
    }
}
