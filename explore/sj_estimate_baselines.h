// SPDX-License-Identifier: Apache-2.0
// What others go by, each with its constant fitted on the same runs as PRE:
//   FLOPs              energy = e x FLOPs                     e (pJ per FLOP) of the accelerator
//   TDP x time         energy = TDP x T                       TDP (W) of the accelerator: ML CO2 (arXiv 1910.09700)
//   Green Algorithms   energy = (P x u + g x M) x T           u fitted over all accelerators, g = 0.3725 W/GB; P the machine's peak power, M its DRAM: Green Algorithms (arXiv 2007.07610)
//   the same, g fitted, too: 0.3725 W/GB is a server's memory
//   synthetic steps    energy = c x E                         c of the accelerator; E that of the run out of synthetic steps. Ours, and no baseline of others: it tells what PRE's regression adds to the simulation before it
//   last epoch x N     energy = E(s + w - 1) x N              nothing to fit
// T is the time that STEP projects from the epochs that it measured, so that all see as much of a run's duration. Constants are fitted in the logarithm, as PRE is: a constant of an accelerator is the geometric mean of
// energy / quantity over its runs; u, and u with g, is at the least sum of squared logarithms. An accelerator of which no run is in the fit takes the constant over all runs.
#ifndef SJ_ESTIMATE_BASELINES_H
#define SJ_ESTIMATE_BASELINES_H

#include "sj_estimate.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SJ_GREEN_W_PER_GB 0.3725

typedef struct sj_baselines {
    int machine_count;
    double *pj_per_flop, *tdp_w, *synthetic_factor;  // by machine; NAN: no run of it. One allocation, pj_per_flop
    double pj_per_flop_all, tdp_w_all, synthetic_factor_all;  // factors: NAN where a run has no synthetic steps
    double utilisation;                     // of peak power
    double free_utilisation, free_w_per_gb;  // both fitted
} sj_baselines;

typedef enum sj_baseline { SJ_BASELINE_FLOPS, SJ_BASELINE_TDP, SJ_BASELINE_GREEN, SJ_BASELINE_GREEN_FREE, SJ_BASELINE_SYNTHETIC, SJ_BASELINE_COUNT } sj_baseline;

// rows: indices into d->runs, count of them at least 1. seconds: [d->count] the projected time of each run; those of other rows are not read.
sj_status sj_baselines_fit(const sj_estimate_data *d, const double *seconds, const int *rows, int count, sj_baselines *out, sj_error *err);
void sj_baselines_free(sj_baselines *b);
double sj_baseline_predict(const sj_baselines *b, sj_baseline which, const sj_estimate_run *run, double seconds);  // pJ

#ifdef __cplusplus
}
#endif
#endif
