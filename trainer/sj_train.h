// SPDX-License-Identifier: Apache-2.0
// A training run: data, network, epochs, metrics, trace, checkpoints.
#ifndef SJ_TRAIN_H
#define SJ_TRAIN_H

#include <stdbool.h>

#include "sj_train_config.h"

// All members have 64 bits: they lie in checkpoints as they are. NAN where a value does not exist: training figures of a skipped epoch, test figures of one that is not followed by a test.
typedef struct sj_epoch_metrics {
    int64_t epoch;
    int64_t skipped;                    // 1: GradSamp processed no data
    double train_loss, train_accuracy;  // running, over the epoch's batches; cross entropy with label smoothing, without penalties
    double test_loss, test_accuracy, macro_f1;
    double asic_ratio;                  // sj_asic_ratio.h; NAN where it is not asked for
    double x_density, dy_density;       // mean over the epoch's iterations and the conv and linear layers; NAN without trace.densities
    double penalty;                     // EAT's or L1's term, mean over the iterations; 0 elsewhere
    double lr, kept_fraction;           // lr at the epoch's first iteration; kept_fraction: mean over iterations and the layers that ssProp may select on, NAN without one
} sj_epoch_metrics;

typedef struct sj_train_progress {
    int64_t epoch, epochs, iteration, iterations;  // iteration of the epoch, done
    double loss;
    const sj_epoch_metrics *finished;              // not NULL: the epoch has just ended
} sj_train_progress;

typedef struct sj_train_result {
    sj_epoch_metrics last;
    int64_t parameters, iterations;            // iterations that processed data, of the whole run
    int64_t skipped_epochs;                    // by GradSamp
    int64_t width, train_images, test_images;  // what a 0 in the configuration stood for
    int64_t resumed_epoch, resumed_iteration;  // where this call took over; -1: at the start
    int64_t iterations_now;                    // of this call
    bool was_finished;                         // resumed, and there was nothing left to do
} sj_train_result;

// The configuration with what its zeros stood for: width and numbers of images. Training it is training the same run.
sj_train_config sj_train_resolved(const sj_train_config *config, const sj_train_result *result);

typedef struct sj_train_options {
    const char *model_path;  // models/<name>.cfg
    const char *run_dir;     // an existing folder
    const char *version;     // of the program, for the trace
    bool resume;             // go on from run_dir/checkpoint.bin; where there is none, from the start
    // A checkpoint has just been written; result tells widths and counts. Failing ends the run. May be NULL.
    sj_status (*saved)(void *context, const sj_train_result *result, sj_error *err);
    bool (*progress)(void *context, const sj_train_progress *p);  // false: stop with SJ_ERR_INTERRUPTED. May be NULL
    bool (*go_on)(void *context);  // sj_train_plan: asked at every iteration and every layer of a step; false: stop with SJ_ERR_INTERRUPTED. May be NULL
    void *context;
} sj_train_options;

// Writes metrics.csv after each epoch, checkpoint.bin and trace.partial.h5 as the configuration says, trace.h5 at the end; each of them whole or not at all. Interrupted, it writes a checkpoint
// and returns SJ_ERR_INTERRUPTED. After any other failure the last checkpoint stays. Needs more memory than there is: SJ_ERR_MEMORY before the first step.
sj_status sj_train_run(const sj_train_config *config, const sj_train_options *options, sj_train_result *result, sj_error *err);

// The run that a configuration describes, without training anything: run_dir/trace.h5, whole or not at all, of method SJ_SYNTH_PLAN and the method's name. Its ledger has every iteration, with skipped epochs, states
// and kept fractions as they would come, no densities and no loss; its steps are synthetic ones (sj_synth_untrained), of loss NAN, one for each of sj_synth_kinds
// that the run has: one, two or three. Data are read for their sizes. Refuses the configurations that sj_train_run refuses, but for memory, which it does not need. SJ_ERR_EXISTS where run_dir has files of a training or a
// simulated run, or a trace.h5 that is not a plan's; a plan's is replaced. `resume`, `saved` and `progress` are not used; of the result parameters, iterations, skipped epochs, width and numbers of images are set.
sj_status sj_train_plan(const sj_train_config *config, const sj_train_options *options, sj_train_result *result, sj_error *err);

#endif
