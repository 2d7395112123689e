// SPDX-License-Identifier: Apache-2.0
// A network in training: parameters, activations, gradients. What a step needs to be exported stays in place until the next forward pass, or can be computed from what stays.
//
// Activations lie in the layouts of sj_layout.h. Batch norm, ReLU and add are fused into sums (sj_kernels.h): the outputs of a batch norm or an add in front of a ReLU are never stored;
// sj_model_value and sj_model_gradient make them when a trace wants them, from the same operations, so with the same bits. (With bfloat16 they give what is inside of a sum rounded, as a machine
// would store it; the fused pass itself keeps it in float32.)
// Work is cut into chunks of images; how many depends on the shapes alone, never on the threads. Chunks run side by side, sums over the batch are made per chunk and added in order:
// equal seeds give equal bits at any number of threads.
#ifndef SJ_MODEL_H
#define SJ_MODEL_H

#include "sj_eat.h"
#include "sj_kernels.h"
#include "sj_net.h"
#include "sj_optimizer.h"
#include "sj_product.h"
#include "sj_ssprop.h"

typedef struct sj_param {
    const char *name;  // "w", "bias", "gamma", "beta"
    int64_t count;
    float *value, *grad;
    float *state[SJ_OPTIMIZER_STATES];  // the optimizer's: momentum; Adam: m, v. NULL where the optimizer has none
} sj_param;

typedef struct sj_layer {
    const sj_layer_info *info;
    sj_layout layout;              // of the output
    sj_param params[2];
    int param_count;
    float *mean, *variance;        // bn: what the last forward pass used (the batch's, biased; in eval mode the running ones)
    float *running_mean, *running_variance;
    uint8_t *kept;                 // conv, linear: output channels kept in the last backward pass
    int64_t kept_count;
    bool selected;                 // ssProp selected in the last backward pass
    int64_t y_nonzero, dy_nonzero; // of the whole batch, in the last training step; -1 where there is none (or not counted)
} sj_layer;

typedef struct sj_model_options {
    int64_t batch;
    uint64_t seed;                 // weights; dropout together with the iteration
    bool bf16;                     // activations and their gradients in bfloat16, products as `arithmetic` says; parameters stay float32
    bool native_bf16;              // sj_cpu_has_bf16(), or to be forced by tests
    sj_algorithm algorithm;
    int64_t block;                 // 0: sj_cpu_block(native_bf16); else 1 .. 64, or -1: NHWC. For tests
    sj_optimizer_kind optimizer;   // which states parameters have
    bool gather;                   // ssProp multiplies the kept channels alone; else dropped channels are zeroed and multiplied
} sj_model_options;

typedef struct sj_model {
    sj_net net;
    int layer_count;
    sj_layer *layers;
    sj_model_options options;
    int64_t batch;
    sj_layout input_layout;        // block 1 or C
    void *input;                   // the batch; the caller fills it (or swaps the pointer with sj_model_swap_input)
    uint16_t *labels;              // (batch)
    sj_dims input_dims;
    int64_t input_nonzero;         // as y_nonzero
    struct sj_engine *engine;      // sj_engine.h
} sj_model;

typedef struct sj_forward_options {
    double label_smoothing;        // training loss only
    int64_t iteration;             // which dropout masks
    bool count;                    // y_nonzero
} sj_forward_options;

typedef struct sj_forward_result {
    double loss;      // mean cross entropy over the images (with label smoothing in training mode)
    int64_t correct;
} sj_forward_result;

typedef struct sj_backward_options {
    const sj_eat *eat;             // NULL: none. Also L1 (sj_eat.h)
    double lambda;                 // its strength, now
    double keep;                   // ssProp: fraction of channels kept; 1: no selection
    bool select_linear;            // ssProp on linear layers, too
    bool random;                   // the control: channels drawn from (seed, iteration, layer), scores not looked at
    uint64_t random_stream;
    bool count;                    // dy_nonzero
} sj_backward_options;

// What a model of this network will need, scratch of all threads included, before its buffers are allocated: products are made one at a time to ask for theirs. Errors: as sj_model_create.
sj_status sj_model_foresee_bytes(const sj_net *net, sj_dims input, const sj_model_options *options, int64_t *bytes, sj_error *err);

// Takes the network over, also on failure. Weights: He (normal, variance 2 / fan-in), biases 0, gamma 1, beta 0.
sj_status sj_model_create(sj_net *net, sj_dims input, const sj_model_options *options, sj_model **out, sj_error *err);
void sj_model_free(sj_model *m);  // NULL is allowed

// Exchanges input and labels for others of the same size (the input pipeline's); 64-byte aligned.
void sj_model_swap_input(sj_model *m, void **input, uint16_t **labels);

// Runs the first `images` of input and labels. Training mode needs images = batch and updates the running statistics. A loss that is not finite fails with SJ_ERR_NUMERIC, naming the first
// layer whose output is not finite.
sj_status sj_model_forward(sj_model *m, sj_mode mode, int64_t images, const sj_forward_options *options, sj_forward_result *out, sj_error *err);
// Gradients of the mean loss (and of EAT's term, whose value is *penalty) by every parameter, into grad. After a forward pass in training mode. A gradient of a parameter that is not finite
// fails with SJ_ERR_NUMERIC, naming layer and parameter.
sj_status sj_model_backward(sj_model *m, const sj_backward_options *options, double *penalty, sj_error *err);
// All parameters, also where ssProp made a gradient 0. `step` counts from 1 (Adam's bias correction).
void sj_model_update(sj_model *m, const sj_optimizer_config *optimizer, double lr, int64_t step);

// The last step's tensors as NHWC floats of images first .. first + count - 1. Of layer's output (-1: the network's input); of the gradient with respect to the output of a layer,
// before ssProp's selection: `branch` is -1, or the n-th reader of a fork. SJ_ERR_RANGE where there is none.
sj_status sj_model_value(sj_model *m, int layer, int64_t first, int64_t count, float *nhwc, sj_error *err);
sj_status sj_model_gradient(sj_model *m, int layer, int branch, int64_t first, int64_t count, float *nhwc, sj_error *err);
// Dropout's mask of the last training step, NHWC; probabilities of softmax_ce, (batch, classes).
const uint8_t *sj_model_mask(const sj_model *m, int layer, int64_t image);
const float *sj_model_probabilities(const sj_model *m, int64_t image);

#endif
