// SPDX-License-Identifier: Apache-2.0
// PRE, the pre-training regression-based estimation (arXiv 2307.05520): kernel ridge regression with an RBF kernel on z-scored features that are known before a run.
//   z_j = (x_j - mean_j) / deviation_j over the runs of the fit; a feature that is constant there teaches nothing and is left out
//   k(a, b) = exp(-gamma x |z_a - z_b|^2 / d), d features left
//   alpha = (K + lambda I)^-1 (y - mean y);  y(x) = mean y + sum_i alpha_i k(x, x_i);  energy = q x e^y
// y = ln(energy / q): energies span orders of magnitude and are products of sizes, so that the logarithm makes errors relative and the function nearly additive. q is what energy is taken to be proportional to where
// nothing better is known, far from all runs of the fit: the energy of the run out of synthetic steps (the default: what is learnt is how far training differs from that), a FLOP (the FLOPs baseline is then PRE with
// a constant), an image processed, or the run.
// lambda (1 to 1e-8 by tens) and gamma (2^-10 to 2^4 by twos): the pair with the least mean squared error of y over inner folds of the runs of the fit; ties to more smoothing. Nothing is taken from a run that is not in the fit.
#ifndef SJ_ESTIMATE_PRE_H
#define SJ_ESTIMATE_PRE_H

#include "sj_estimate.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum sj_pre_target { SJ_PRE_PER_SYNTHETIC, SJ_PRE_PER_FLOP, SJ_PRE_PER_IMAGE, SJ_PRE_PER_RUN, SJ_PRE_TARGET_COUNT } sj_pre_target;
extern const char *const sj_pre_target_names[SJ_PRE_TARGET_COUNT + 1];  // "synthetic", "flop", "image", "run", NULL

typedef struct sj_pre_model {
    sj_pre_target target;
    char workload[17];  // sj_estimate_data.workload
    char variant[24];  // of the runs of the fit: "skip/bitmask"; "own": the skipping machine with each accelerator's codec; "sweep"
    double lambda, gamma;
    double inner_rms;  // root mean square error of y over the inner folds at this lambda and gamma; NAN: they were given
    int features;
    char names[SJ_FEATURES_MAX][SJ_FEATURE_NAME];
    double mean[SJ_FEATURES_MAX], deviation[SJ_FEATURES_MAX];  // deviation 0: constant
    double low[SJ_FEATURES_MAX], high[SJ_FEATURES_MAX];        // of the runs of the fit
    double target_mean;
    int count, trainings, networks, machines;  // of the fit
    double *z;         // [count][features], 0 where constant
    double *alpha;     // [count]; shares the allocation of z
} sj_pre_model;

void sj_pre_free(sj_pre_model *m);

// rows: indices into d->runs, whose facts are known; count at least 1.
sj_status sj_pre_fit(const sj_estimate_data *d, const int *rows, int count, sj_pre_target target, double lambda, double gamma, sj_pre_model *out, sj_error *err);

typedef struct sj_pre_inner {
    bool by_network;  // inner folds leave one network out (where the rows have two or more); else trainings stay together
    int folds;        // !by_network: at most so many, and at most as many as there are trainings
    uint64_t seed;
} sj_pre_inner;
// Selects lambda and gamma, then fits. SJ_ERR_RANGE: rows of fewer than two trainings.
sj_status sj_pre_train(const sj_estimate_data *d, const int *rows, int count, sj_pre_target target, const sj_pre_inner *inner, sj_pre_model *out, sj_error *err);

double sj_pre_predict(const sj_pre_model *m, const sj_estimate_run *run);  // pJ
// How many features of the run lie outside of what the fit has seen, where the kernel falls back to the mean.
int sj_pre_outside(const sj_pre_model *m, const sj_estimate_run *run);

// The model file: JSON, {"format": "skipjoule-pre", "version": 1, ...}; doubles in 17 digits, so that what is read predicts bit for bit what was written.
sj_status sj_pre_write(FILE *f, const sj_pre_model *m, sj_error *err);
// SJ_ERR_FORMAT names file and key. Caller: sj_pre_free.
sj_status sj_pre_read(const char *path, sj_pre_model *out, sj_error *err);
// SJ_ERR_RANGE where the data has other features than the model, naming the first: a model of whole runs does not predict a sweep's points; and where it is a sweep of another workload. `path`: of the model, for the message.
sj_status sj_pre_fits(const char *path, const sj_pre_model *m, const sj_estimate_data *d, sj_error *err);

// Solves A x = b for a symmetric positive definite A: [n][n], whose lower half is overwritten with its Cholesky factor; b becomes x. SJ_ERR_NUMERIC: a pivot is not above 0.
// Ours, not LAPACK's: n is the number of runs, below a thousand, where it takes milliseconds, and equal inputs give equal bits whatever library or number of threads there is, which a saved model needs.
sj_status sj_cholesky_solve(double *a, int n, double *b, sj_error *err);

#ifdef __cplusplus
}
#endif
#endif
