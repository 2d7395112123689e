// SPDX-License-Identifier: Apache-2.0
// Layers without products on activations in any layout (sj_layout.h). Every function works on a run of whole images, touches nothing else and starts no threads; what a run computes
// does not depend on the threads, nor on the processor: all builds of a kernel (portable, AVX2, AVX-512, chosen at run time) give the same bits. Sums over the batch are made per run
// and added up in order by the caller. Per-channel vectors have sj_layout_channels values, those of the padding 0. Values are computed in f32 and rounded where they are stored.
#ifndef SJ_KERNELS_H
#define SJ_KERNELS_H

#include "sj_layout.h"

// A penalty on activations: EAT's x^2 / (x^2 + sigma), whose derivative is 2 sigma x / (x^2 + sigma)^2, or L1's |x| with sign(x) (0 at 0). Gradients are times `scale`.
typedef struct sj_penalty {
    sj_penalty_kind kind;
    float sigma, scale;
} sj_penalty;

// ---- Fused sums: y = act(t0 + t1 + ...), a term being a tensor as it is or batch-normalised: scale * (x - mean) + shift. Batch norm, ReLU, add and their chains are all of this form.
#define SJ_TERMS_MAX 8
typedef struct sj_term {
    const void *x;
    const float *mean, *scale, *shift;  // all NULL: x as it is
} sj_term;

// counts (NULL: none; else added to): of nonzeros, [t] of term t's value, [term_count] of the sum before act, [term_count + 1] of y. Nonzero as sj_count_floats says.
void sj_sum_forward(const sj_layout *l, int64_t images, const sj_term *terms, int term_count, bool relu, void *y, int64_t *counts);

// Backward of one term. The gradient of y is dy[0] + dy[1] + ... (in this order) + on_y'(y); behind a ReLU it is kept where y > 0; that of the term's value v is this + on_v'(v).
typedef struct sj_sum_back {
    const void *dy[SJ_TERMS_MAX];
    int dy_count;
    const void *y;            // needed with relu or on_y
    bool relu;
    sj_penalty on_y, on_v, on_x;  // on y; on the value of a batch-normalised term; on its x (a convolution's output)
    sj_term term;
    const float *inverse_std; // of a batch-normalised term: 1 / sqrt(variance + eps)
} sj_sum_back;

// Sums over the run, a channel, written: of g = the gradient of the term's value, and of g * (x - mean) * inverse_std. Batch-normalised terms only.
void sj_sum_backward_sums(const sj_layout *l, int64_t images, const sj_sum_back *b, double *g_sums, double *gx_sums);
// Gradient of the term's x: g for a term as it is; else scale * (g - a - xhat * b) + on_x'(x), with a and b the batch's means of g and of g * xhat, scale the term's.
// counts (NULL: none; else added to): nonzeros of [0] the gradient of y (all dy and on_y, before the ReLU), [1] behind the ReLU, [2] of the term's value, [3] of dx.
void sj_sum_backward(const sj_layout *l, int64_t images, const sj_sum_back *b, const float *a_mean, const float *b_mean, void *dx, int64_t *counts);
// The intermediate gradients by themselves, for traces: of the sum (behind the ReLU), of the term's value (plus on_v').
void sj_sum_gradient(const sj_layout *l, int64_t images, const sj_sum_back *b, bool of_term, void *out);

// Per channel, written: sums and sums of squares of x.
void sj_channel_moments(const sj_layout *l, int64_t images, const void *x, double *sums, double *squares);
// Per channel, written: sums of v; of |v|.
void sj_channel_sums(const sj_layout *l, int64_t images, const void *v, double *sums);
void sj_channel_abs_sums(const sj_layout *l, int64_t images, const void *v, double *sums);

// ---- Penalties. The sum of the penalty function over the run's values; dx += its gradient at x.
double sj_penalty_sum(const sj_layout *l, int64_t images, const sj_penalty *p, const void *x);
void sj_penalty_add(const sj_layout *l, int64_t images, const sj_penalty *p, const void *x, void *dx);
// The same of a batch-normalised term's value, which is not stored.
double sj_penalty_sum_term(const sj_layout *l, int64_t images, const sj_penalty *p, const sj_term *term);

// ---- Pools. info gives kernel, stride, padding. Max: the first maximum of a window in row order wins; padding never wins. Average: over kernel_h * kernel_w, padding included as zeros.
// dx is written whole.
void sj_pool_max_forward(const sj_layer_info *info, const sj_layout *in, const sj_layout *out, int64_t images, const void *x, void *y);
void sj_pool_max_backward(const sj_layer_info *info, const sj_layout *in, const sj_layout *out, int64_t images, const void *x, const void *y, const void *dy, void *dx);
void sj_pool_avg_forward(const sj_layer_info *info, const sj_layout *in, const sj_layout *out, int64_t images, const void *x, void *y);
void sj_pool_avg_backward(const sj_layer_info *info, const sj_layout *in, const sj_layout *out, int64_t images, const void *dy, void *dx);

// ---- Dropout: a value stays with probability 1 - p and is then times 1 / (1 - p). mask: a byte a stored value, 1 where it stays, from (seed, first_image + i, place in NHWC order) alone,
// so that layouts agree. mask is written in NHWC order, h * w * c bytes an image. x and y, dy and dx may be the same.
void sj_dropout_mask(const sj_layout *l, int64_t images, uint64_t seed, int64_t first_image, float p, uint8_t *mask);
void sj_dropout_apply(const sj_layout *l, int64_t images, const uint8_t *mask, float p, const void *x, void *y);

// ---- Loss. Targets are 1 - smoothing on the label plus smoothing / classes everywhere. probabilities: float32, (images, classes). Returns the sum of the images' losses; `correct`
// counts where the first largest x is the label. Backward: dx = (p - target) / batch.
double sj_softmax_forward(const sj_layout *l, int64_t images, const void *x, const uint16_t *labels, double smoothing, float *probabilities, int64_t *correct);
void sj_softmax_backward(const sj_layout *l, int64_t images, const float *probabilities, const uint16_t *labels, double smoothing, int64_t batch, void *dx);

// ---- Channels. out has the kept channels of v alone, in their order (out->dims.c of them, listed in `channels`); mask: v with the others 0 (kept[c] = 1: stays).
void sj_gather_channels(const sj_layout *in, const sj_layout *out, int64_t images, const int32_t *channels, const void *v, void *gathered);
void sj_mask_channels(const sj_layout *l, int64_t images, const uint8_t *kept, const void *v, void *out);

// Sum of tensors, in order; dx may be tensors[0].
void sj_add_tensors(const sj_layout *l, int64_t images, const void *const *tensors, int count, void *dx);
// Stored values that are nonzero once rounded to bfloat16 (sj_bf16.h); of floats.
int64_t sj_count_stored(const sj_layout *l, int64_t images, const void *v);
int64_t sj_count_floats(int64_t count, const float *v);

// "portable", "avx2", "avx512": the build in use. SJ_KERNELS in the environment forces one that the processor has (for tests, which look at this name: another one is the best there is).
const char *sj_kernels_name(void);

#endif
