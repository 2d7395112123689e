// SPDX-License-Identifier: Apache-2.0
// Windows of pools.
#ifndef SJ_KERNELS_WINDOW_H
#define SJ_KERNELS_WINDOW_H

#include "sj_trace.h"

typedef struct window {
    int64_t first, end;
} window;

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// The inputs, of `size` along an axis, that output `at` sees.
static inline window inputs_of(int64_t at, int64_t kernel, int64_t stride, int64_t padding, int64_t size) {
    const int64_t first = at * stride - padding;
    return (window){first < 0 ? 0 : first, least(first + kernel, size)};
}

// The outputs, of `size` along an axis, that see input `at`.
static inline window outputs_of(int64_t at, int64_t kernel, int64_t stride, int64_t padding, int64_t size) {
    const int64_t before = at + padding - kernel;  // the last input that the first output's window does not reach beyond
    return (window){before < 0 ? 0 : before / stride + 1, least((at + padding) / stride + 1, size)};
}

#endif
