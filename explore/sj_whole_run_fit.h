// SPDX-License-Identifier: Apache-2.0
// The energy of a whole training run from the steps of it that were simulated: docs/whole-run.md has the method and its formulas.
//
// A training run's ledger has a row for every iteration, with the densities of its whole batch; a trace has some of these iterations as steps, with the tensors of some images. Each simulated step is taken as
// it was simulated; every other iteration is interpolated, layer by layer and phase by phase, from the simulated steps of its class. A class: the words of the method's state ("eat ssprop" of
// "eat lambda=0.1 sigma=1 ssprop keep=0.2"), skipped or not; within it the kept fraction, of the layer for gradients, of the network for elementwise work.
#ifndef SJ_WHOLE_RUN_FIT_H
#define SJ_WHOLE_RUN_FIT_H

#include "sj_price.h"
#include "sj_trace.h"
#include "sj_whole_run.h"

// One method_state with what varies taken together: a key's values beyond this many distinct ones become "key=least..most".
#define SJ_RUN_STATE_VALUES_MAX 8

typedef struct sj_run_fit sj_run_fit;

typedef struct sj_run_fit_options {
    const char *path;              // of the trace, for messages
    const sj_ledger *ledger;       // all of these are borrowed until sj_run_fit_free
    const sj_network *network;
    int variant_count;
    const sj_variant *variants;
    const sj_prices *prices;       // by machine
    int step_count;
    const sj_step_info *steps;     // training steps that will be simulated, in any order. One with iteration -1 must be a skipped one, and stands for all of the ledger's
} sj_run_fit_options;

// Finds each step's row and whether every row can be had from them: SJ_ERR_FORMAT where the ledger is empty or has no row of a step; SJ_ERR_RANGE where a class of the ledger has no step, naming it, an
// epoch of it and what to trace. Nothing need have been simulated so far.
sj_status sj_run_fit_create(const sj_run_fit_options *options, sj_run_fit **out, sj_error *err);
void sj_run_fit_free(sj_run_fit *f);  // NULL is allowed

// Does the ledger have skipped rows and the steps no skipped one? Then one must be simulated beside them.
bool sj_run_needs_skipped(const sj_ledger *ledger, const sj_step_info *steps, int step_count);

// The densities of the images that step `step` of the options stores, by layer; NAN where there are none. Copied.
sj_status sj_run_fit_step(sj_run_fit *f, int step, const float *x_density, const float *dy_density, sj_error *err);
// A unit (layer, phase) of that step on a variant; its name, kind, phase and counts are read. Each step has its units in any order.
sj_status sj_run_fit_add(sj_run_fit *f, int step, int variant, int layer, const sj_stat *unit, sj_error *err);

// Fills what follows from ledger and steps: iterations, traced_steps, epochs but for their tests, states, densities, variants but for synthetic_pj (NAN). The head (accel, network, ..., provenance, metrics) is the caller's, and is
// left as it is. Caller: sj_whole_run_free, also after an error.
sj_status sj_run_fit_finish(sj_run_fit *f, sj_whole_run *out, sj_error *err);

// Of the training steps, `wanted` ones evenly over states and time, at least two of each state (all where it has no more): keep[i] = true. Skipped steps are kept and not counted. Fewer than two a state,
// and more than there are, are SJ_ERR_RANGE.
sj_status sj_run_fit_choose(const sj_ledger *ledger, const sj_step_info *steps, int step_count, int wanted, bool *keep, sj_error *err);

#endif
