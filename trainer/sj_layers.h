// SPDX-License-Identifier: Apache-2.0
// Layers without products: plain C over NHWC float32. Each function works on a run of whole images and touches nothing else, so that runs may go side by side;
// what a run computes does not depend on the threads. Sums over the batch are made per run and added up in order by the caller.
#ifndef SJ_LAYERS_H
#define SJ_LAYERS_H

#include <stdbool.h>
#include <stdint.h>

#include "sj_trace.h"

// y = max(x, 0); dx = dy where x > 0, else 0.
void sj_relu_forward(int64_t count, const float *x, float *y);
void sj_relu_backward(int64_t count, const float *x, const float *dy, float *dx);

// The first maximum of a window in row order wins, as a machine that scans the window would choose; padding never wins. dx is written whole.
void sj_maxpool_forward(const sj_layer_info *l, int64_t images, const float *x, float *y);
void sj_maxpool_backward(const sj_layer_info *l, int64_t images, const float *x, const float *y, const float *dy, float *dx);  // y: of the forward pass

// The mean over kernel_h * kernel_w, padding included as zeros.
void sj_avgpool_forward(const sj_layer_info *l, int64_t images, const float *x, float *y);
void sj_avgpool_backward(const sj_layer_info *l, int64_t images, const float *dy, float *dx);

// Batch norm over `pixels` = images * H * W. sums and squares: per channel, written.
void sj_bn_sums(int64_t pixels, int64_t channels, const float *x, double *sums, double *squares);
// y = scale[c] * (x - mean[c]) + shift[c]
void sj_bn_forward(int64_t pixels, int64_t channels, const float *x, const float *mean, const float *scale, const float *shift, float *y);
// sum of dy, and of dy * (x - mean) * inverse_std; written
void sj_bn_backward_sums(int64_t pixels, int64_t channels, const float *x, const float *dy, const float *mean, const float *inverse_std, double *dy_sums,
                         double *dy_x_sums);
// dx = scale * inverse_std * (dy - a - xhat * b), a and b the means of dy and of dy * xhat over the batch
void sj_bn_backward(int64_t pixels, int64_t channels, const float *x, const float *dy, const float *mean, const float *inverse_std, const float *gamma,
                    const float *a, const float *b, float *dx);

// p = softmax(x) and the sum of -log p[label]; correct counts where the first largest x is the label.
double sj_softmax_ce_forward(int64_t images, int64_t classes, const float *x, const uint16_t *labels, float *p, int64_t *correct);
// dx = (p - onehot) / batch
void sj_softmax_ce_backward(int64_t images, int64_t classes, const float *p, const uint16_t *labels, int64_t batch, float *dx);

// Column sums of rows x channels; written.
void sj_column_sums(int64_t rows, int64_t channels, const float *v, double *sums);
void sj_column_abs_sums(int64_t rows, int64_t channels, const float *v, double *sums);

// Values that are nonzero once rounded to bfloat16 (sj_bf16.h).
int64_t sj_count_nonzero(int64_t count, const float *v);

#endif
