// SPDX-License-Identifier: Apache-2.0
// STEP, the stable training epoch projection (arXiv 2307.05520): some epochs are measured, the rest is projected from a window of them.
//   total = sum of the epochs before s + sum of the window's w epochs x (N - s) / w
// w is rounded up to a multiple of the method's period (GradSamp's skipped epochs, ssProp's sparse ones), which is taken from the epochs before s + w: the smallest p, at least twice in them, with which skipped and
// kept fraction repeat from epoch 2 on (epochs 0 and 1 are never skipped). No epoch behind the window is read.
#ifndef SJ_ESTIMATE_STEP_H
#define SJ_ESTIMATE_STEP_H

#include "sj_estimate.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sj_step_options {
    int64_t start, window;  // s >= 0, w >= 1
    bool detect;            // s is found: the first, w or later, at which the window's sum differs from that of the w epochs before it by at most `tolerance` of its own
    double tolerance;
} sj_step_options;

static inline sj_step_options sj_step_defaults(void) { return (sj_step_options){10, 5, false, 0.01}; }

typedef struct sj_step_result {
    bool stable;           // false: detection found no start; nothing else but `period` is set then
    int64_t start, window, period;  // period 0: none was found, w is as asked for
    int64_t measured;      // epochs: start + window
    double energy_pj, seconds;
    double last_epoch_pj;  // of the window: what "last epoch x N" goes by
} sj_step_result;

// SJ_ERR_RANGE: fewer epochs than s + w.
sj_status sj_step_predict(const char *label, const sj_epochs *epochs, const sj_step_options *options, sj_step_result *out, sj_error *err);

#ifdef __cplusplus
}
#endif
#endif
