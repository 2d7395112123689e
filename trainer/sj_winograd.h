// SPDX-License-Identifier: Apache-2.0
// Winograd's 3x3 convolutions with stride 1 for AVX-512, one thread: F(4x4, 3x3), a quarter of the multiplications. oneDNN has one, too, but it writes all transformed weights to memory in
// each call and all tiles besides; this one keeps what it works on in the second-level cache: two to three times faster for 256 channels and more, where a chunk has few tiles.
//
// Activations are float, or bfloat16, in blocks of 16 channels, both channel counts multiples of 16 (padding counted, whose weights are 0). Weights: (K / 16, C, 3, 3, 16),
// the 16 of K innermost.
// Scheme: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016, with the points 0, +-a, +-b and infinity.
#ifndef SJ_WINOGRAD_H
#define SJ_WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sj_winograd {
    int64_t images;
    int64_t in_c, in_h, in_w;     // of x
    int64_t out_c, out_h, out_w;  // of y: in + 2 * padding - 2
    int64_t padding;              // 0, 1 or 2
    int64_t bias_c;               // values of bias: out_c, or less where the last block is padded
    bool bf16;                    // x, y and dy are sj_bf16; computed in float all the same, and rounded when written
} sj_winograd;

bool sj_winograd_fits(const sj_winograd *g);
// Bytes of scratch that a call needs, for the larger of both calls.
size_t sj_winograd_scratch(const sj_winograd *g);

// y = x * w + bias (K; NULL: none). rotated: w's taps are read in reverse: with w as (C / 16, K, 3, 3, 16), x = dy and padding 2 - p this is the backward pass by data.
void sj_winograd_forward(const sj_winograd *g, const void *x, const float *w, bool rotated, const float *bias, void *y, void *scratch);
// dw = the gradient, in the layout of w. Written, not added.
void sj_winograd_weights(const sj_winograd *g, const void *x, const void *dy, float *dw, void *scratch);

#endif
