// SPDX-License-Identifier: Apache-2.0
// The dense products of the trainer: convolution and linear, forward and backward, on oneDNN 2.6 (C API). The only file pair that knows oneDNN.
//
// A product works on a fixed chunk of `images` images and never starts threads of its own: the caller runs chunks side by side, each call in a lane of its own.
// What a chunk computes does not depend on the number of lanes, so equal inputs give equal bits at every thread count.
#ifndef SJ_DNN_H
#define SJ_DNN_H

#include <stdbool.h>
#include <stdint.h>

#include "sj_error.h"

typedef struct sj_dnn_shape {
    int64_t images;                    // of a chunk
    int64_t in_h, in_w, in_c, out_h, out_w, out_c;
    int64_t kernel_h, kernel_w, stride, padding;
    bool linear;                       // in 1 x 1 x in_c, kernel 1 x 1: an inner product
    bool has_bias;
} sj_dnn_shape;

typedef struct sj_dnn_product sj_dnn_product;

// Number of lanes that may call at the same time: lane = omp_get_thread_num() of a parallel region with at most this many threads.
int sj_dnn_lanes(void);

// needs_dx: false leaves the primitive for backward_data out.
sj_status sj_dnn_create(const sj_dnn_shape *shape, bool needs_dx, sj_dnn_product **out, sj_error *err);
void sj_dnn_destroy(sj_dnn_product *p);  // NULL is allowed

// w: (K, R, S, C), linear (K, C). Copied into oneDNN's own layouts; call again whenever w has changed.
sj_status sj_dnn_set_weights(sj_dnn_product *p, const float *w, sj_error *err);

// The three products of one chunk. x (N, H, W, C), y and dy (N, P, Q, K), dx like x, bias (K) or NULL, dw like w (written, not added to).
// They return 0, or oneDNN's status: the caller, outside of its parallel region, turns it into an error with sj_dnn_fail.
int sj_dnn_forward(sj_dnn_product *p, int lane, const float *x, const float *bias, float *y);
int sj_dnn_backward_data(sj_dnn_product *p, int lane, const float *dy, float *dx);
int sj_dnn_backward_weights(sj_dnn_product *p, int lane, const float *x, const float *dy, float *dw);

sj_status sj_dnn_fail(int dnnl_status, const char *layer, sj_error *err);

#endif
