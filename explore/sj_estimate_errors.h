// SPDX-License-Identifier: Apache-2.0
// How far predictions are from the truth: RMSE = sqrt(mean (p - t)^2), MAPE = mean |p - t| / t, R2 = 1 - sum (p - t)^2 / sum (t - mean t)^2.
#ifndef SJ_ESTIMATE_ERRORS_H
#define SJ_ESTIMATE_ERRORS_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sj_errors {
    int count;
    double rmse;   // in the unit of the values
    double mape;   // a share
    double worst;  // (p - t) / t of the largest magnitude
    double bias;   // mean of (p - t) / t
    double r2;     // NAN where all truths are equal
} sj_errors;

// truth: above 0. All NAN where count is 0.
sj_errors sj_errors_of(const double *predicted, const double *truth, int count);

#ifdef __cplusplus
}
#endif
#endif
