// SPDX-License-Identifier: Apache-2.0
// Estimators of a whole training run's energy: the runs that they are held against, and what they may see of them. docs/estimate.md has the formulas with their sources.
#ifndef SJ_ESTIMATE_H
#define SJ_ESTIMATE_H

#include "sj_whole_run.h"

#ifdef __cplusplus
extern "C" {
#endif

// What is known of a run before it, each a feature of PRE. X(identifier, key, meaning). Sizes enter as base-2 logarithms, for energies are products of powers of them.
#define SJ_FEATURES(X)                                                                                                      \
    X(batch, "log2_batch", "images a batch")                                                                                \
    X(samples, "log2_samples_an_epoch", "training images processed in an epoch")                                            \
    X(forward, "log2_forward_gflop", "dense operations of an image's forward pass, two a MAC, 1e9")                         \
    X(backward, "log2_backward_gflop", "the same of its backward pass, dropped channels left out")                          \
    X(parameters, "log2_parameters", "trained values of the network")                                                       \
    X(activations, "log2_activations", "values of all layers' outputs of an image")                                         \
    X(reuse, "log2_flop_a_batch_per_parameter", "operations of a batch / parameters: how often a weight that was loaded is used") \
    X(image, "log2_image_values", "values of an image: height x width x channels")                                          \
    X(kept, "kept_fraction", "channels kept in the backward pass / channels, mean over the epochs that are not skipped")    \
    X(skipped, "skipped_share", "skipped epochs / epochs (GradSamp)")                                                       \
    X(penalty, "penalty", "1: the loss has a penalty on outputs (EAT, L1)")                                                 \
    X(rows, "log2_rows", "rows of the array")                                                                               \
    X(lanes, "log2_lanes", "lanes of a row")                                                                                \
    X(slots, "log2_slots", "accumulators of a lane")                                                                        \
    X(vector_lanes, "log2_vector_lanes", "lanes of the vector unit")                                                        \
    X(buffer, "log2_buffer_kib", "buffer, KiB")                                                                             \
    X(clock, "log2_clock_mhz", "clock, MHz")                                                                                \
    X(dram, "log2_dram_gb_per_s", "peak bandwidth of the DRAM, 1e9 bytes a second")                                         \
    X(value, "log2_value_bytes", "bytes of a value: 2 (bf16), 1 (int8)")                                                    \
    X(idle, "log2_idle_w", "power of leakage, clock and DRAM standby, W")

enum {
#define SJ_X(id, key, meaning) SJ_FEATURE_##id,
    SJ_FEATURES(SJ_X)
#undef SJ_X
    SJ_FEATURE_COUNT
};
extern const char *const sj_feature_names[SJ_FEATURE_COUNT];
extern const char *const sj_feature_meanings[SJ_FEATURE_COUNT];

// Features of a data set: of whole runs those above; of a sweep's points its axes (sj_estimate_data_add_sweep).
enum { SJ_FEATURES_MAX = 64, SJ_FEATURE_NAME = 128 };

// The epochs of a run, as they follow each other. Nobody but the comparison with the truth reads epochs that an estimator has not measured.
typedef struct sj_epochs {
    int count;
    double *energy_pj, *seconds;
    double *kept;   // kept fraction; 1 where there is none
    bool *skipped;  // GradSamp
} sj_epochs;

// One run on one variant of its accelerator.
typedef struct sj_estimate_run {
    char *label;                 // as the user named it
    char network[64], method[64], dataset[64], accel[64], tech[64];
    sj_variant variant;
    uint64_t training_key;       // equal for all runs of one training
    char machine_key[384];       // equal for runs on one machine
    int training, network_index, machine;  // numbers from 0; set by sj_estimate_data_finish
    sj_epochs epochs;
    double energy_pj;            // the truth: full integration
    double simulated;            // share of the run's iterations that were simulated and not interpolated. 1: no epoch's energy owes anything to another epoch
    double accuracy, macro_f1;   // of the last epoch that was tested; NAN
    bool penalty_left_out;       // its work is not in the energy
    // known before the run; where `facts` is true
    bool facts;
    double features[SJ_FEATURES_MAX];
    double samples;              // images processed in the whole run
    double flops;                // 2 x dense MACs of the whole run, dropped channels left out
    double parameters, peak_w, dram_gb;
    bool planned;                // nothing was trained (train --plan): energy_pj and the epochs are synthetic steps', and no truth
    double synthetic_pj;         // were each step a synthetic one (sj_whole_run.h); NAN: not known
} sj_estimate_run;

typedef struct sj_estimate_choice {
    bool any;            // the skipping machine with the accelerator's own codec
    sj_variant variant;  // !any
    bool needs_facts;    // runs without facts are refused
    bool needs_synthetic;  // runs without synthetic_pj are refused
    bool takes_plans;      // else a run that was only planned is refused
} sj_estimate_choice;

typedef struct sj_estimate_data {
    int count, capacity;
    int feature_count;           // set by the first run that is added
    char feature_names[SJ_FEATURES_MAX][SJ_FEATURE_NAME];
    char workload[17];           // of a sweep: a hash of its traces' contents, steps, batches and weights, in any order, and of what it holds fixed (accel, set, machine, layers, ...); empty: of whole runs
    sj_estimate_run *runs;  // after finish sorted by data set, network, method, training, machine: the order they were given in changes no result
    int training_count, network_count, machine_count;
} sj_estimate_data;

// Adds a run; `w` may be freed then. SJ_ERR_RANGE: the variant was not run (those that were are named), only some layers were, it has no facts, no energy or no epochs.
sj_status sj_estimate_data_add(sj_estimate_data *d, const char *label, const sj_whole_run *w, const sj_estimate_choice *choice, sj_error *err);
// Sorts and numbers. SJ_ERR_RANGE: two runs of the same training on the same machine.
sj_status sj_estimate_data_finish(sj_estimate_data *d, sj_error *err);
void sj_estimate_data_free(sj_estimate_data *d);
sj_status sj_estimate_data_room(sj_estimate_data *d, sj_error *err);  // for one more run

#ifdef __cplusplus
}
#endif
#endif
