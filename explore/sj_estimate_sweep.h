// SPDX-License-Identifier: Apache-2.0
// The points of a sweep as a second kind of data for PRE: the energy of what the sweep simulated (a step, a sum of steps) by the parameters of the machine.
#ifndef SJ_ESTIMATE_SWEEP_H
#define SJ_ESTIMATE_SWEEP_H

#include "sj_estimate.h"
#include "sj_sweep_store.h"

#ifdef __cplusplus
extern "C" {
#endif

// Adds every valid point, in the order of ids, as a run without epochs: label "rows=16 ...", energy energy_pj, a training of its own, flops and samples 1. Features: of each axis its paths whose values are all numbers, as
// base-2 logarithms where all are above 0 ("log2 array.rows"), else as they are; and of an axis with a path of texts one for each value, 1 where the point has it ("dram.type=hbm2-2000-1x128").
// SJ_ERR_RANGE: more than SJ_FEATURES_MAX features, or no valid point.
sj_status sj_estimate_data_add_sweep(sj_estimate_data *d, sj_store *store, sj_error *err);

// `wanted` of the data's runs, drawn by seed, ascending in rows; all where there are no more. chosen: [d->count]. Returns how many.
int sj_estimate_sample(const sj_estimate_data *d, int wanted, uint64_t seed, bool *chosen, int *rows);

#ifdef __cplusplus
}
#endif
#endif
