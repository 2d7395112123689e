// SPDX-License-Identifier: Apache-2.0
// Float to int8, the one way everywhere: symmetric, one scale a tensor, scale = max|v| / 127, rounded to nearest even. Zero stays zero; small values may become zero.
#ifndef SJ_QUANTISE_H
#define SJ_QUANTISE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The scale of `count` finite values; 1 where all are zero.
float sj_quantise_scale(const float *values, int64_t count);

// nearest even of value / scale, between -127 and 127. scale > 0.
int8_t sj_quantise_int8(float value, float scale);

#ifdef __cplusplus
}
#endif
#endif
