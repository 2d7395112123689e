// SPDX-License-Identifier: Apache-2.0
// Inside of whole_run*.c only.
#ifndef SJ_WHOLE_RUN_INTERNAL_H
#define SJ_WHOLE_RUN_INTERNAL_H

#include "sj_whole_run_fit.h"

enum { RUN_FEATURES = 3, RUN_PARTS = 2, RUN_NEAR = 2 };

// What the method's states of a ledger come to (whole_run_states.c).
typedef struct run_states {
    int class_count, state_count;
    int *class_of_row, *state_of_row;   // [row]
    char (*class_names)[128];           // words alone: "eat ssprop"
    char (*state_names)[128];           // for people
} run_states;

sj_status sj_run_states_find(const sj_ledger *l, run_states *out, sj_error *err);
void sj_run_states_free(run_states *s);

// A simulated step.
typedef struct run_step {
    int64_t row;        // of the ledger; -1: a skipped step that stands for the ledger's
    bool skipped;
    int state, class;   // of the row; -1 where row is
    float *x, *dy;      // [layer] of the stored images
    int unit_count;     // units that `counts` has room for
    float *counts;      // [unit][variant][counter]
} run_step;

typedef struct run_unit {
    int layer, out_layer;  // out_layer: the layer that reads what this one's chain makes; -1: none
    char name[64], kind[24];
    sj_phase phase;
} run_unit;

// Iterations of one epoch in one state: sums are built of these.
typedef struct run_cell {
    int epoch, state;
    int64_t first, count;  // in rows_by_cell
} run_cell;

struct sj_run_fit {
    sj_run_fit_options o;
    run_states states;
    run_step *steps;
    int *step_of_row;          // -1: none
    int epoch_count, cell_count, unit_count, unit_capacity;
    int64_t *epochs;           // [epoch] its number
    run_cell *cells;
    int *cell_of_row;
    int64_t *rows_by_cell;
    run_unit *units;
    double *mean_kept;         // [row] over the layers that have a kept fraction; 1 where none has
    sj_run_sum *sums;          // [variant][cell]
    double *simulated_pj;      // [variant][state]: of the sums, what was simulated
    double *unit_counts;       // [variant][unit][counter], over the run
    double *given_pj;          // [variant][state][step]: what the interpolated iterations of a state have from a step, slopes left aside
    // Leaving steps out: [variant][step][phase], pJ. left[step]: it could be.
    double *left_out_pj, *own_pj;
    bool *left;
};

// ---- groups of one unit (whole_run_groups.c): simulated steps of one class and kept fraction, by time
typedef struct run_group {
    int class;
    double kept;
    int first, count;                 // in order
    bool used[RUN_FEATURES];          // features that every step of it has, and that vary
    double mean[RUN_FEATURES], deviation[RUN_FEATURES], low[RUN_FEATURES], high[RUN_FEATURES];  // low, high: the range that features are held in
} run_group;

typedef struct run_groups {
    const sj_run_fit *fit;
    const run_unit *unit;
    int count;
    run_group *groups;                // by class, then kept
    int *order;                       // steps, by group and time
    double *features;                 // [place in order][feature]; NAN: none
} run_groups;

// Where a row's value comes from.
typedef struct run_plan {
    int parts;
    struct {
        int group, near;
        double weight, share[RUN_NEAR];
        int place[RUN_NEAR];          // in order
    } part[RUN_PARTS];
} run_plan;

double sj_run_kept(const sj_run_fit *f, const run_unit *unit, int64_t row);
// x, dy: by layer; NULL where they are not known yet.
void sj_run_features(const run_unit *unit, const float *x, const float *dy, double out[RUN_FEATURES]);
sj_status sj_run_groups_build(const sj_run_fit *f, const run_unit *unit, run_groups *out, sj_error *err);
void sj_run_groups_free(run_groups *g);
// without: a place that may not be used; -1: all may. false: nothing covers the row.
bool sj_run_plan_row(const run_groups *g, int class, double kept, int64_t row, int without, run_plan *out);
// How far the features are from those of the steps near by, held in the group's range; 0 where a feature is not used or not known.
void sj_run_offset(const run_groups *g, const run_plan *plan, int part, const double features[RUN_FEATURES], double out[RUN_FEATURES]);

// ---- slopes of one group (whole_run_slopes.c)
#define RUN_NO_SLOPE (-1.0)           // a ridge that leaves none

// Sums of a group's standardised features and one value, from which one step can be taken out again.
typedef struct run_moments {
    double n, y, f[RUN_FEATURES], ff[RUN_FEATURES][RUN_FEATURES], fy[RUN_FEATURES];
} run_moments;
void sj_run_moments_add(run_moments *m, const run_group *g, const double *features, double y, double sign);
void sj_run_moments_slopes(const run_moments *m, const run_group *g, double ridge, double slopes[RUN_FEATURES]);
// Energies by place in order. The ridge that predicts steps left out best.
double sj_run_ridge(const run_groups *g, int group, const double *energy);
// The step at this place from the others of its group (slopes without it); slopes: [group][feature] of all groups for what another group gives. NAN: it cannot be.
double sj_run_leave_out(const run_groups *g, const double *energy, const run_moments *moments, const double *ridges, const double (*slopes)[RUN_FEATURES], int place);

// ---- one unit over the run (whole_run_unit.c)
sj_status sj_run_unit_finish(sj_run_fit *f, int unit, sj_error *err);
// Adds counts of a unit's phase: to a cell's sum.
void sj_run_sum_add(sj_run_sum *s, const sj_prices *prices, sj_phase phase, const double counts[SJ_COUNTER_COUNT]);
double sj_run_energy(const sj_prices *prices, const double counts[SJ_COUNTER_COUNT]);
const float *sj_run_counts(const sj_run_fit *f, int step, int unit, int variant);  // NULL: the step has no such unit

// ---- the ledger (whole_run_ledger.c)
// Which row each step is: -1 for a skipped step with iteration -1.
sj_status sj_run_match(const char *path, const sj_ledger *l, const sj_step_info *steps, int step_count, int64_t *row_of_step, sj_error *err);
double sj_run_mean_kept(const sj_ledger *l, int64_t row);
// Every row must be covered by a step of its class and of its kept fractions.
sj_status sj_run_check_cover(const sj_run_fit *f, sj_error *err);
// Epochs, states and densities of the result.
sj_status sj_run_ledger_describe(const sj_run_fit *f, sj_whole_run *out, sj_error *err);

// ---- error (whole_run_error.c)
void sj_run_error_prepare(sj_run_fit *f);  // which of the steps that could be left out count
void sj_run_error_find(const sj_run_fit *f, int variant, const sj_run_variant *v, sj_run_error *out);

#endif
