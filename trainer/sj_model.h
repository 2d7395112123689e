// SPDX-License-Identifier: Apache-2.0
// A network in training: parameters, activations, gradients. All of a step's tensors stay in place until the next forward pass, so that they can be exported.
//
// Work is cut into chunks of `chunk` images, the largest divisor of the batch up to 8; chunks may run side by side, and sums over the batch are made per chunk and added in
// order. So equal seeds give equal bits whatever the number of threads.
#ifndef SJ_MODEL_H
#define SJ_MODEL_H

#include "sj_dnn.h"
#include "sj_eat.h"
#include "sj_net.h"

typedef struct sj_param {
    const char *name;  // "w", "bias", "gamma", "beta"
    int64_t count;
    float *value, *grad, *velocity;
} sj_param;

typedef struct sj_layer {
    const sj_layer_info *info;
    float *y;                      // (batch, out); flatten and fork: their input's
    float *dy;                     // (batch, out), before ssProp's selection; NULL where nothing before the layer learns, and in a fork
    float *branches[SJ_INPUTS_MAX];  // fork: the gradient from each reader, in the order of layers and inputs
    int branch_count;
    int branch_of[SJ_INPUTS_MAX];  // of each input that is a fork: this layer's number among its readers
    sj_dnn_product *product;
    sj_param params[2];
    int param_count;
    float *mean, *variance;        // bn: what the last forward pass used (the batch's, biased; in eval mode the running ones)
    float *running_mean, *running_variance;
    uint8_t *kept;                 // conv: channels kept in the last backward pass
    int64_t kept_count;
    bool selected;                 // ssProp selected in the last backward pass
    bool owns_y;
} sj_layer;

typedef struct sj_model {
    sj_net net;
    int layer_count;
    sj_layer *layers;
    int64_t batch, chunk;
    float *input;                  // (batch, H, W, C)
    sj_dims input_dims;
    uint16_t *labels;              // (batch)
    float *chunk_dw;               // scratch: a weight gradient a chunk
    float *masked_dy;              // scratch: dy of one convolution without its dropped channels
    double *chunk_sums;            // scratch: two sums a channel and chunk
    int64_t channels_max;
} sj_model;

typedef struct sj_forward_result {
    double loss;      // mean cross entropy over the images
    int64_t correct;
} sj_forward_result;

typedef struct sj_backward_options {
    const sj_eat *eat;  // NULL: none
    double lambda;      // EAT's, now
    double keep;        // ssProp: fraction of channels kept; 1: no selection
} sj_backward_options;

// Takes the network over, also on failure. Weights: He (normal, variance 2 / fan-in), biases 0, gamma 1, beta 0.
sj_status sj_model_create(sj_net *net, sj_dims input, int64_t batch, uint64_t seed, sj_model **out, sj_error *err);
void sj_model_free(sj_model *m);  // NULL is allowed

// Runs the first `images` of input and labels. Training mode needs images = batch and updates the running statistics. A loss that is not finite fails, naming the first layer
// whose output is not finite.
sj_status sj_model_forward(sj_model *m, sj_mode mode, int64_t images, sj_forward_result *out, sj_error *err);
// Gradients of the mean loss (and of EAT's term, whose value is *penalty) by every parameter, into grad. After a forward pass in training mode.
sj_status sj_model_backward(sj_model *m, const sj_backward_options *options, double *penalty, sj_error *err);

// velocity = momentum * velocity + grad + weight_decay * value; value -= lr * velocity. All parameters decay, also where ssProp made a gradient 0.
void sj_model_update(sj_model *m, double lr, double momentum, double weight_decay);

// The input j of a layer; its gradient's place, NULL where it is not needed.
const float *sj_model_x(const sj_model *m, int layer, int j);
float *sj_model_dx(const sj_model *m, int layer, int j);

static inline int64_t sj_model_in_count(const sj_layer *l) { return sj_dims_count(l->info->in); }
static inline int64_t sj_model_out_count(const sj_layer *l) { return sj_dims_count(l->info->out); }

#endif
