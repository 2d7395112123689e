// SPDX-License-Identifier: Apache-2.0
// The configuration of a training run (configs/train/*.cfg). Epochs and iterations count from 0 everywhere.
//
// Keys with their ranges; (x) is the default, no default: required. A key that has no meaning with what else is chosen is refused, not ignored.
//   seed 0..; batch_size 1..65536; epochs 1..100000; data.*_images up to 1e9
//   data       name; dir (""); train_images, test_images (0: all); seed (1; glyphs alone); normalise (true); flip (false); crop 0..16 (0);
//              image = [H, W], each 1..1024 (none): data sets of image files are brought to it
//   network    model; width 0..4096 (0: the model's own)
//   compute    dtype "f32" | "bf16" (f32); algorithm "auto" | "direct" | "winograd" (auto)
//   optimizer  name "sgd" | "adam" (sgd); lr 0..1000; weight_decay 0..1; decay_norm (true); warmup_epochs 0..1e5 (0); label_smoothing [0, 1) (0)
//              sgd: momentum [0, 1), nesterov (false)       adam: beta1 (0.9), beta2 (0.999) in [0, 1), eps 1e-15..1 (1e-8)
//              schedule "constant" | "exponential" (decay 1e-6..1) | "step" (decay, milestones: up to 32 ascending epochs, 1..100000) | "cosine" (final_lr 0..lr (0))
//   method     groups, each one method that is on; none (or no method) is plain training. eat and l1 are rivals: one of them
//     eat        lambda 0..1e6; sigma 1e-12..1e6; reduce "mean" | "sum"; warmup_epochs 0..1e6; kinds = ["input", "conv", "bn", "relu", "maxpool", "avgpool", "linear"] (all of them)
//                or modules = [names of layers, "input"], up to 128
//     l1         the same without sigma
//     ssprop     keep 1e-6..1; schedule "constant" | "linear" | "cosine" | "bar" | "interleaved"; by "epoch" | "iteration" (epoch; none with constant); period 2..1e9 (linear, cosine, bar by iteration); second_keep (bar);
//                select "score" | "random" (score); mode "gather" | "mask" (gather); linear (false)
//     gradsamp   schedule "periodic" (period 2..100000) | "random" (probability [0, 1)); fit "tensor" | "layer" | "global" (tensor); norm "keep" | "sample" (sample: every parameter moves);
//                momentum "keep" | "reset" (keep)
//   evaluate   every 1..100000 (1; the last epoch always is evaluated); asic_ratio (false), and where it is true: asic_batch 1..65536 (512); inplace_relu (false)
//   trace      images 1..batch_size; dtype "bf16" | "float32" (bf16); eval (true); epochs = [..] (the last that GradSamp does not skip); iterations = [..] of each traced epoch, negative ones from its end ([-1]); up to 64 of each;
//              or spread 2..1e9 in place of epochs and iterations: so many training steps evenly over the run, at least two of each state of ssprop, and a skipped epoch of gradsamp;
//              densities (true): in the ledger, of every iteration
//   checkpoint minutes 0..1e6 (10; 0: not by time); each_epoch (true)
#ifndef SJ_TRAIN_CONFIG_H
#define SJ_TRAIN_CONFIG_H

#include "sj_config.h"
#include "sj_eat.h"
#include "sj_gradsamp.h"
#include "sj_optimizer.h"
#include "sj_product.h"
#include "sj_ssprop.h"
#include "sj_trace.h"

#define SJ_TRAIN_PATH_MAX 1024
#define SJ_TRACED_EPOCHS_MAX 64
#define SJ_TRACED_ITERATIONS_MAX 64

typedef struct sj_train_config {
    uint64_t seed;                          // weights, order of the images, augmentation, which images a trace stores
    // data
    char data_name[SJ_NAME_MAX];
    char data_dir[SJ_TRAIN_PATH_MAX];       // "" for none
    int64_t train_images, test_images;      // 0 for all
    uint64_t data_seed;                     // what glyphs draws
    bool normalise;                         // subtract the training mean, divide by the deviation, a channel; false: pixel / 255
    bool flip;                              // mirror at random
    int64_t crop;                           // shift by up to this many pixels at random, zeros come in
    int64_t image_h, image_w;               // data.image; 0, 0: none
    // network
    char model[SJ_TRAIN_PATH_MAX];          // a shipped name or a file
    int64_t width;                          // 0 for the model's own
    // compute
    bool bf16;
    sj_algorithm algorithm;
    int64_t batch_size, epochs;
    sj_optimizer_config optimizer;
    sj_schedule schedule;
    double label_smoothing;
    // method
    bool eat_on;                            // method.eat or method.l1 (eat.kind tells which)
    sj_eat eat;
    sj_ssprop ssprop;
    sj_gradsamp gradsamp;
    // evaluate
    int64_t evaluate_every;
    bool asic_ratio;
    int64_t asic_batch;
    bool inplace_relu;
    // trace
    int64_t trace_images;                   // stored images a step
    sj_type trace_type;                     // bf16 | float32
    int traced_epoch_count, traced_iteration_count;
    int64_t traced_epochs[SJ_TRACED_EPOCHS_MAX];
    int64_t traced_iterations[SJ_TRACED_ITERATIONS_MAX];
    int64_t trace_spread;                   // 0: epochs and iterations; else both lists are empty
    bool trace_eval;                        // one more step with test images
    bool trace_densities;                   // the ledger has densities of every iteration
    // checkpoint
    double checkpoint_minutes;
    bool checkpoint_each_epoch;
} sj_train_config;

// Reads every key and finishes: all errors of the file are reported.
sj_status sj_train_config_read(sj_config *c, sj_train_config *out, sj_error *err);
// As a file with every value that is in force, which reads back to the same; caller frees.
sj_status sj_train_config_text(const sj_train_config *config, char **out, sj_error *err);

// What only the network and the data set can tell: modules of eat and l1 are there, trace.iterations lie in an epoch of so many iterations.
sj_status sj_train_config_fits(const sj_train_config *config, const sj_network *net, int64_t iterations_per_epoch, sj_error *err);
// Is this iteration (of the epoch) a step of the trace?
bool sj_train_is_traced(const sj_train_config *config, int64_t epoch, int64_t iteration, int64_t iterations_per_epoch);
// trace.spread: the iterations of the whole run that are steps of the trace, ascending; a skipped epoch stands for its first one. SJ_ERR_CONFIG where it asks for too few. Caller frees *out (NULL where the
// configuration has no spread).
sj_status sj_train_spread(const sj_train_config *config, int64_t iterations_per_epoch, int64_t **out, int64_t *count, sj_error *err);
// Is this epoch followed by a test?
bool sj_train_is_evaluated(const sj_train_config *config, int64_t epoch);

// "plain", or the methods that are on, joined by '+' in the order eat, l1, ssprop, gradsamp.
const char *sj_train_method_name(const sj_train_config *config);

// A step's method_state: "plain", or what each method is doing, joined by ' ': "eat lambda=.. sigma=..", "l1 lambda=..", "ssprop keep=..", "gradsamp"; lambda and keep are those of the iteration.
// A skipped epoch: "gradsamp skipped" alone, for the others have nothing to do in it.
#define SJ_METHOD_STATE_MAX 128
void sj_train_method_state(const sj_train_config *config, double lambda, double keep, bool skipped, char out[SJ_METHOD_STATE_MAX]);

#endif
