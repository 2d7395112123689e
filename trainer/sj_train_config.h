// SPDX-License-Identifier: Apache-2.0
// The configuration of a training run (configs/train/*.cfg). Epochs and iterations count from 0 everywhere.
#ifndef SJ_TRAIN_CONFIG_H
#define SJ_TRAIN_CONFIG_H

#include "sj_config.h"
#include "sj_eat.h"
#include "sj_ssprop.h"
#include "sj_trace.h"

#define SJ_TRAIN_PATH_MAX 1024
#define SJ_TRACED_EPOCHS_MAX 64

typedef enum sj_method { SJ_METHOD_PLAIN, SJ_METHOD_EAT, SJ_METHOD_SSPROP } sj_method;
typedef enum sj_schedule { SJ_SCHEDULE_CONSTANT, SJ_SCHEDULE_EXPONENTIAL } sj_schedule;

typedef struct sj_train_config {
    uint64_t seed;                          // seed: weights, order of the images, augmentation, which images a trace stores
    // data
    char data_name[SJ_NAME_MAX];            // data.name
    char data_dir[SJ_TRAIN_PATH_MAX];       // data.dir: "" for none
    int64_t train_images, test_images;      // data.train_images, data.test_images: 0 for all
    uint64_t data_seed;                     // data.seed: what glyphs draws
    bool normalise;                         // data.normalise: subtract the training mean, divide by the deviation, a channel; false: pixel / 255
    bool flip;                              // data.flip: mirror at random
    int64_t crop;                           // data.crop: shift by up to this many pixels at random, zeros come in
    // network
    char model[SJ_TRAIN_PATH_MAX];          // network.model: a shipped name or a file
    int64_t width;                          // network.width: 0 for the model's own
    int64_t batch_size, epochs;
    // optimizer
    double lr, momentum, weight_decay, decay;
    sj_schedule schedule;                   // exponential: lr * decay^epoch
    // method
    sj_method method;
    sj_eat eat;
    sj_ssprop ssprop;
    // trace
    int64_t trace_images;                   // trace.images: stored images a step
    sj_type trace_type;                     // trace.dtype: bf16 | float32
    int traced_epoch_count;
    int64_t traced_epochs[SJ_TRACED_EPOCHS_MAX];  // trace.epochs: their last iteration is a step; default the last epoch
    bool trace_eval;                        // trace.eval: one more step with test images
} sj_train_config;

// Reads every key and finishes: all errors of the file are reported.
sj_status sj_train_config_read(sj_config *c, sj_train_config *out, sj_error *err);
// As a file with every value; caller frees.
sj_status sj_train_config_text(const sj_train_config *config, char **out, sj_error *err);

const char *sj_method_name(sj_method method);

#endif
