// SPDX-License-Identifier: Apache-2.0
// All estimators against full integration, on the same folds: every run is predicted once, by what was fitted on the runs of the other folds.
#ifndef SJ_ESTIMATE_TRIAL_H
#define SJ_ESTIMATE_TRIAL_H

#include "sj_estimate_baselines.h"
#include "sj_estimate_errors.h"
#include "sj_estimate_pre.h"
#include "sj_estimate_step.h"

#ifdef __cplusplus
extern "C" {
#endif

// X(identifier, name, what it sees of the run that it predicts, what is fitted)
#define SJ_ESTIMATORS(X)                                                                                           \
    X(STEP, "STEP", "energy of the first epochs", "nothing")                                                       \
    X(LAST_EPOCH, "last epoch x N", "energy of one epoch", "nothing")                                              \
    X(PRE, "PRE", "nothing", "kernel ridge regression")                                                            \
    X(PRE_FEATURES, "PRE without synthetic steps", "nothing", "kernel ridge regression")                           \
    X(SYNTHETIC, "synthetic steps", "nothing", "nothing")                                                          \
    X(SYNTHETIC_FITTED, "synthetic steps, fitted", "nothing", "a factor of the accelerator")                       \
    X(FLOPS, "FLOPs", "nothing", "pJ per FLOP of the accelerator")                                                 \
    X(TDP, "TDP x time (ML CO2)", "time of the first epochs", "TDP of the accelerator")                            \
    X(GREEN, "Green Algorithms", "time of the first epochs", "utilisation over all accelerators")                        \
    X(GREEN_FREE, "Green Algorithms, W/GB fitted", "time of the first epochs", "utilisation and W per GB")

typedef enum sj_estimator {
#define SJ_X(id, name, sees, fits) SJ_ESTIMATOR_##id,
    SJ_ESTIMATORS(SJ_X)
#undef SJ_X
    SJ_ESTIMATOR_COUNT
} sj_estimator;

typedef struct sj_estimator_info {
    const char *name, *sees, *fits;
} sj_estimator_info;
extern const sj_estimator_info sj_estimators[SJ_ESTIMATOR_COUNT];

// PRE_FEATURES (PRE by --target flop), SYNTHETIC and SYNTHETIC_FITTED stand beside a PRE of target synthetic; with another target runs need no synthetic steps, and these three are left out.
bool sj_estimator_is_used(sj_estimator e, sj_pre_target target);

typedef struct sj_trial_options {
    bool by_network;  // a fold for each network; else `folds` folds that keep the runs of a training together
    int folds;
    uint64_t seed;
    sj_pre_target target;
    sj_step_options step;
} sj_trial_options;

typedef struct sj_trial {
    int folds, count;
    sj_pre_target target;
    int *fold;                              // [count] in which the run was predicted
    double *predicted[SJ_ESTIMATOR_COUNT];  // [count] pJ; of one that is not used nothing is filled, nor its errors
    double *truth;                          // [count] pJ
    sj_errors errors[SJ_ESTIMATOR_COUNT];   // over all runs
} sj_trial;

// Caller: sj_trial_free. SJ_ERR_RANGE: too few trainings, networks or epochs, or a run that STEP's detection finds not stable.
sj_status sj_trial_run(const sj_estimate_data *d, const sj_trial_options *options, sj_trial *out, sj_error *err);
void sj_trial_free(sj_trial *t);

#ifdef __cplusplus
}
#endif
#endif
