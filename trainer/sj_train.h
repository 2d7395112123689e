// SPDX-License-Identifier: Apache-2.0
// A training run: data, network, epochs, metrics, trace, checkpoint.
#ifndef SJ_TRAIN_H
#define SJ_TRAIN_H

#include <stdbool.h>

#include "sj_train_config.h"

typedef struct sj_epoch_metrics {
    int64_t epoch;
    double train_loss, train_accuracy;  // running, over the epoch's batches; cross entropy alone
    double test_loss, test_accuracy, macro_f1;
    double x_density, dy_density;       // mean over the epoch's iterations and the conv and linear layers
    double penalty;                     // EAT's term, mean over the iterations; 0 elsewhere
    double lr, kept_fraction;           // kept_fraction: mean over convolutions and iterations
} sj_epoch_metrics;

typedef struct sj_train_progress {
    int64_t epoch, epochs, iteration, iterations;  // iteration of the epoch, done
    double loss;
    const sj_epoch_metrics *finished;              // not NULL: the epoch has just ended
} sj_train_progress;

typedef struct sj_train_options {
    const char *model_path;  // models/<name>.cfg
    const char *run_dir;     // an existing folder: metrics.csv, trace.h5 and checkpoint.bin are put there at the end, all of them whole or none
    const char *version;     // of the program, for the trace
    bool (*progress)(void *context, const sj_train_progress *p);  // false: stop with SJ_ERR_INTERRUPTED. May be NULL
    void *context;
} sj_train_options;

typedef struct sj_train_result {
    sj_epoch_metrics last;
    int64_t parameters, iterations;
    int64_t width, train_images, test_images;  // what a 0 in the configuration stood for
} sj_train_result;

sj_status sj_train_run(const sj_train_config *config, const sj_train_options *options, sj_train_result *result, sj_error *err);

#endif
