// SPDX-License-Identifier: Apache-2.0
// The dense products of the trainer: convolution and linear, forward and backward, on oneDNN 2.6 (C API). The only files that know oneDNN.
//
// A product works on a fixed chunk of `images` images and never starts threads of its own: the caller runs chunks side by side, each call in a lane of its own.
// What a chunk computes does not depend on the number of lanes, so equal inputs give equal bits at every thread count.
#ifndef SJ_PRODUCT_H
#define SJ_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sj_error.h"
#include "sj_layout.h"

// With bf16 layouts: `native` takes oneDNN's bf16 primitives (f32 sums), `rounded` converts a chunk to f32 in the lane's scratch, multiplies in f32 and rounds the result. Both round
// operands (weights too) and results to bfloat16; weight gradients are f32. oneDNN runs bf16 primitives also where the processor has no bf16, three times slower than f32.
typedef enum sj_arithmetic { SJ_ARITHMETIC_F32, SJ_ARITHMETIC_BF16_ROUNDED, SJ_ARITHMETIC_BF16_NATIVE } sj_arithmetic;
// Winograd F(4x4, 3x3) (sj_winograd.h) does a quarter of the multiplications of a 3x3 convolution with stride 1 and rounds otherwise (about 1e-6 of the sum of magnitudes instead of
// 1e-7); where it does not apply (blocks of 16, channels in sixteens, AVX-512), direct is taken. auto: Winograd where it has been measured to win (sj_product_make.c tells where).
typedef enum sj_algorithm { SJ_ALGORITHM_DIRECT, SJ_ALGORITHM_WINOGRAD, SJ_ALGORITHM_AUTO } sj_algorithm;

typedef struct sj_product_shape {
    int64_t images;                    // of a chunk
    sj_layout in, out;                 // of x and dx; of y and dy. A linear layer's in.dims may be any H x W x C (a flattened tensor)
    int64_t kernel_h, kernel_w, stride, padding;
    bool linear;                       // an inner product over all of in: out is 1 x 1 x K
    bool has_bias;
    bool forward, needs_dx, needs_dw;  // which passes are wanted
    bool dry;                          // for its sizes alone: it has no weights and cannot be called
    sj_arithmetic arithmetic;
    sj_algorithm algorithm;
} sj_product_shape;

typedef struct sj_product sj_product;

// Number of lanes that may call at the same time: lane = omp_get_thread_num() of a parallel region with at most this many threads.
int sj_product_lanes(void);

// Name, version and instruction set of the library, for checkpoints: equal bits need all of them equal. Writes and returns text.
#define SJ_PRODUCT_LIBRARY_MAX 96
const char *sj_product_library(char text[SJ_PRODUCT_LIBRARY_MAX]);

sj_status sj_product_create(const sj_product_shape *shape, sj_product **out, sj_error *err);
void sj_product_destroy(sj_product *p);  // NULL is allowed
// What it holds alone: weights in oneDNN's layouts. And what a call needs besides, in scratch that all products of a thread share (it grows to the largest, and lives as long as the thread).
int64_t sj_product_memory_bytes(const sj_product *p);
int64_t sj_product_scratch_bytes(const sj_product *p);

// w: (K, R, S, C) float32; linear (K, H * W * C), NHWC order. Copied (and rounded) into oneDNN's own layouts; call again whenever w has changed.
sj_status sj_product_set_weights(sj_product *p, const float *w, sj_error *err);

// The three products of one chunk, x and y in the shape's layouts (images of a 64-byte aligned array), bias (K) float32 or NULL. A weight gradient goes, written and not added, into `partial`: sj_product_partial_values
// floats, 64-byte aligned, in oneDNN's layout. They return 0, or oneDNN's status: the caller, outside of its parallel region, turns it into an error with sj_product_fail.
int sj_product_forward(sj_product *p, int lane, const void *x, const float *bias, void *y);
int sj_product_backward_data(sj_product *p, int lane, const void *dy, void *dx);
int sj_product_backward_weights(sj_product *p, int lane, const void *x, const void *dy, float *partial);
int64_t sj_product_partial_values(const sj_product *p);

// dw (K, R, S, C) float32 = the sum of `count` partials, partial c at partials + c * sj_product_partial_values, added in this order whatever the threads. Starts threads; partials are spent.
sj_status sj_product_reduce_weights(sj_product *p, float *partials, int64_t count, float *dw, sj_error *err);

sj_status sj_product_fail(int dnnl_status, const char *layer, sj_error *err);

#endif
