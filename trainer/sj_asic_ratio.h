// SPDX-License-Identifier: Apache-2.0
// asic_ratio, the metric that EAT's paper reports (after Shumailov et al., "Sponge Examples", arXiv 2006.03463). Of one forward pass over all leaf modules, with P, I, O the numbers of
// parameters and buffers, of inputs, of outputs, * the nonzero ones among them, and C the computations:
//   E_opt = 1950 (P* + I* + O*) + 3.7 C (P*/P) (I*/I)     E_worst = 1950 (P + I + O) + 3.7 C     [pJ]     ratio = E_opt / E_worst, the mean over batches of asic_batch images.
// C: conv outputs x kernel x input channels; linear weights x images; pools outputs x kernel (of an average over the whole image, and of adaptive windows of one size, the inputs); bn 4 x inputs; others 0.
//
// Chosen where the definition leaves it open:
// - Modules are conv, linear, bn, relu, maxpool, avgpool and dropout (an identity in a test: its tensors count, it computes nothing). Sums, forks, flatten and the loss are no modules: in PyTorch they are
//   operations, or outside of the network.
// - P of bn: gamma, beta, running mean, running variance, and one more for the counter of batches that PyTorch keeps as a buffer; it counts as nonzero. The authors' code counts the running
//   statistics a second time; here they count once.
// - inplace_relu: a ReLU's input counts as its output does, since it was overwritten when the module's tensors are counted. The module that made the input was counted before: its output stays.
// - input: the normaliser of the images is a module, too: its output counts; its input, 8-bit pixels, and its constants do not.
// - A last batch with fewer images is a batch like the others in the mean, as it is with the authors.
// - Nonzero is |x| > 2^-126, for which a value's exponent not 0 stands once it is rounded to bfloat16, as everywhere here: they differ for |x| from 2^-126 (1 - 2^-9) to 2^-126 alone.
#ifndef SJ_ASIC_RATIO_H
#define SJ_ASIC_RATIO_H

#include <stdbool.h>
#include <stdint.h>

#include "sj_error.h"
#include "sj_trace.h"

typedef struct sj_asic_options {
    int64_t batch;      // images of a batch: asic_batch; above 0
    bool inplace_relu, input;
} sj_asic_options;

// P, P*, ... of one batch.
typedef struct sj_asic_sums {
    int64_t parameters, parameters_nonzero, inputs, inputs_nonzero, outputs, outputs_nonzero, computations;
} sj_asic_sums;

bool sj_asic_is_module(sj_kind kind);
int64_t sj_asic_parameters(const sj_layer_info *l);                      // P of a layer
int64_t sj_asic_computations(const sj_layer_info *l, int64_t images);    // C of a layer
double sj_asic_optimal_pj(const sj_asic_sums *s);
double sj_asic_worst_pj(const sj_asic_sums *s);

// Activations of `images` images, added to the sums. y_nonzero: of each layer's output over these images (of a fork or a flatten it is not looked at); input_nonzero: of the network's input.
void sj_asic_add_activations(const sj_network *net, const sj_asic_options *o, int64_t images, const int64_t *y_nonzero, int64_t input_nonzero, sj_asic_sums *sums);
// Parameters and buffers, once a batch. parameter_nonzero: of each layer's weights, bias, gamma, beta and running statistics together.
void sj_asic_add_parameters(const sj_network *net, const int64_t *parameter_nonzero, sj_asic_sums *sums);

// The mean over a test set. A forward pass may hold fewer images than a batch; it may not reach into the next batch: sj_asic_room tells how many images it may have.
typedef struct sj_asic_mean {
    sj_asic_options options;
    int64_t images;     // of the batch that is being filled
    sj_asic_sums batch;
    double ratios;      // sum over the batches that are full
    int64_t batches;
} sj_asic_mean;

sj_asic_mean sj_asic_begin(const sj_asic_options *options);
int64_t sj_asic_room(const sj_asic_mean *m);  // 1 .. options.batch
sj_status sj_asic_add(sj_asic_mean *m, const sj_network *net, int64_t images, const int64_t *y_nonzero, int64_t input_nonzero, const int64_t *parameter_nonzero, sj_error *err);
// NaN where no image was added.
double sj_asic_finish(sj_asic_mean *m);

#endif
