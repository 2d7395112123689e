// SPDX-License-Identifier: Apache-2.0
#include "sj_quantise.h"

#include <float.h>
#include <math.h>

float sj_quantise_scale(const float *values, int64_t count) {
    float largest = 0.0f;
    for (int64_t i = 0; i < count; i++) {
        largest = fmaxf(largest, fabsf(values[i]));
    }
    if (largest == 0.0f) {
        return 1.0f;
    }
    return fmaxf(largest / 127.0f, FLT_MIN);  // a denormal scale would be flushed where denormals are
}

int8_t sj_quantise_int8(float value, float scale) {
    const double steps = nearbyint((double)value / (double)scale);  // the rounding mode is never changed from nearest even
    return (int8_t)fmax(-127.0, fmin(127.0, steps));
}
