// SPDX-License-Identifier: Apache-2.0
// One unit over the run: what its simulated steps weigh in each cell, what the densities change, and what leaving a step out would have given.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "whole_run_internal.h"

typedef double slope_row[RUN_FEATURES];
typedef double count_row[SJ_COUNTER_COUNT];

// Room for one unit.
typedef struct work {
    sj_run_fit *f;
    int unit;
    run_groups groups;
    double *energies;      // [variant][place in order]
    double *energy;        // of them those of the variant at hand
    double *ridges;        // [group]
    run_moments *moments;  // [group]
    slope_row *slopes;     // [group] of energy
    count_row *count_slopes;  // [variant][group][feature]
    // Of the cell at hand
    double *weights;       // [place]
    slope_row *offsets;    // [group]
    int *places, place_count;  // with a weight
    bool *has_place;
} work;

static sj_status make_room(work *w, sj_error *err) {
    const uint64_t steps = (uint64_t)w->f->o.step_count + 1, groups = (uint64_t)w->groups.count + 1;
    const struct {
        void **to;
        uint64_t count;
        size_t size;
    } rooms[] = {{(void **)&w->energies, steps * (uint64_t)w->f->o.variant_count, sizeof *w->energies},
                 {(void **)&w->ridges, groups, sizeof *w->ridges},
                 {(void **)&w->moments, groups, sizeof *w->moments},
                 {(void **)&w->slopes, groups, sizeof *w->slopes},
                 {(void **)&w->count_slopes, groups * (uint64_t)w->f->o.variant_count * RUN_FEATURES, sizeof *w->count_slopes},
                 {(void **)&w->weights, steps, sizeof *w->weights},
                 {(void **)&w->offsets, groups, sizeof *w->offsets},
                 {(void **)&w->places, steps, sizeof *w->places},
                 {(void **)&w->has_place, steps, sizeof *w->has_place}};
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        SJ_TRY(sj_alloc(rooms[i].to, rooms[i].count, rooms[i].size, "the interpolation of a run", err));
    }
    return SJ_OK;
}

static void free_work(work *w) {
    sj_run_groups_free(&w->groups);
    free(w->energies);
    free(w->ridges);
    free(w->moments);
    free(w->slopes);
    free(w->count_slopes);
    free(w->weights);
    free(w->offsets);
    free(w->places);
    free(w->has_place);
}

static const sj_prices *prices_of(const sj_run_fit *f, int variant) { return &f->o.prices[f->o.variants[variant].machine]; }

static double count_of(const work *w, int place, int variant, int counter) {
    const float *counts = sj_run_counts(w->f, w->groups.order[place], w->unit, variant);
    return counts != NULL ? (double)counts[counter] : 0.0;
}

static void counts_at(const work *w, int place, int variant, double out[SJ_COUNTER_COUNT]) {
    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
        out[i] = count_of(w, place, variant, i);
    }
}

// ---- slopes, and steps left out

// The slopes of each counter of a variant in a group, by the ridge that its energy chose: so that the energy's slope is the counters' slopes priced.
static void find_count_slopes(work *w, int variant, int group) {
    const run_group *of = &w->groups.groups[group];
    count_row *out = &w->count_slopes[((size_t)variant * (size_t)w->groups.count + (size_t)group) * RUN_FEATURES];
    memset(out, 0, RUN_FEATURES * sizeof *out);
    for (int i = 0; i < SJ_COUNTER_COUNT && w->ridges[group] >= 0.0; i++) {
        run_moments m = {0};
        double slopes[RUN_FEATURES];
        for (int place = of->first; place < of->first + of->count; place++) {
            sj_run_moments_add(&m, of, &w->groups.features[place * RUN_FEATURES], count_of(w, place, variant, i), 1.0);
        }
        sj_run_moments_slopes(&m, of, w->ridges[group], slopes);
        for (int k = 0; k < RUN_FEATURES; k++) {
            out[k][i] = slopes[k];
        }
    }
}

static double *energies_of(const work *w, int variant) { return w->energies + (size_t)variant * ((size_t)w->f->o.step_count + 1); }

static void fit_variant(work *w, int variant) {
    w->energy = energies_of(w, variant);
    for (int g = 0; g < w->groups.count; g++) {
        const run_group *of = &w->groups.groups[g];
        run_moments m = {0};
        for (int place = of->first; place < of->first + of->count; place++) {
            double counts[SJ_COUNTER_COUNT];
            counts_at(w, place, variant, counts);
            w->energy[place] = sj_run_energy(prices_of(w->f, variant), counts);
            sj_run_moments_add(&m, of, &w->groups.features[place * RUN_FEATURES], w->energy[place], 1.0);
        }
        w->moments[g] = m;
        w->ridges[g] = sj_run_ridge(&w->groups, g, w->energy);
        sj_run_moments_slopes(&m, of, w->ridges[g], w->slopes[g]);
        find_count_slopes(w, variant, g);
    }
}

// A step that cannot be left out of one unit is left out of none.
static void leave_out(work *w, int variant, int steps) {
    const sj_phase phase = w->f->units[w->unit].phase;
    for (int place = 0; place < steps; place++) {
        const int step = w->groups.order[place];
        const size_t at = ((size_t)variant * (size_t)w->f->o.step_count + (size_t)step) * SJ_PHASE_COUNT + (size_t)phase;
        const double there = sj_run_leave_out(&w->groups, w->energy, w->moments, w->ridges, (const double (*)[RUN_FEATURES])w->slopes, place);
        if (isnan(there)) {
            w->f->left[step] = false;
        } else {
            w->f->left_out_pj[at] += there;
            w->f->own_pj[at] += w->energy[place];
        }
    }
}

// ---- cells

static void add_row(work *w, int64_t row) {
    const sj_run_fit *f = w->f;
    const sj_ledger *l = f->o.ledger;
    const run_unit *unit = &f->units[w->unit];
    run_plan plan;
    double features[RUN_FEATURES];
    sj_run_features(unit, &l->x_density[row * l->layers], &l->dy_density[row * l->layers], features);
    (void)sj_run_plan_row(&w->groups, f->states.class_of_row[row], sj_run_kept(f, unit, row), row, -1, &plan);  // that it can be was found at the beginning
    for (int p = 0; p < plan.parts; p++) {
        const int group = plan.part[p].group;
        double offset[RUN_FEATURES];
        sj_run_offset(&w->groups, &plan, p, features, offset);
        for (int k = 0; k < RUN_FEATURES; k++) {
            w->offsets[group][k] += plan.part[p].weight * offset[k];
        }
        for (int i = 0; i < plan.part[p].near; i++) {
            const int place = plan.part[p].place[i];
            if (!w->has_place[place]) {
                w->has_place[place] = true;
                w->places[w->place_count++] = place;
            }
            w->weights[place] += plan.part[p].weight * plan.part[p].share[i];
        }
    }
}

static void cell_counts(const work *w, int variant, double counts[SJ_COUNTER_COUNT]) {
    memset(counts, 0, SJ_COUNTER_COUNT * sizeof *counts);
    for (int i = 0; i < w->place_count; i++) {
        const float *from = sj_run_counts(w->f, w->groups.order[w->places[i]], w->unit, variant);
        for (int c = 0; from != NULL && c < SJ_COUNTER_COUNT; c++) {
            counts[c] += w->weights[w->places[i]] * (double)from[c];
        }
    }
    for (int g = 0; g < w->groups.count; g++) {
        const count_row *slopes = &w->count_slopes[((size_t)variant * (size_t)w->groups.count + (size_t)g) * RUN_FEATURES];
        for (int k = 0; k < RUN_FEATURES; k++) {
            for (int c = 0; c < SJ_COUNTER_COUNT && w->offsets[g][k] != 0.0; c++) {
                counts[c] += slopes[k][c] * w->offsets[g][k];
            }
        }
    }
    for (int c = 0; c < SJ_COUNTER_COUNT; c++) {
        counts[c] = fmax(counts[c], 0.0);
    }
}

// How much of the cell hangs on each step: how far off the run is follows from it.
static void note_given(work *w, int variant, int state) {
    double *given = &w->f->given_pj[((size_t)variant * (size_t)w->f->states.state_count + (size_t)state) * ((size_t)w->f->o.step_count + 1)];
    for (int i = 0; i < w->place_count; i++) {
        given[w->groups.order[w->places[i]]] += w->weights[w->places[i]] * energies_of(w, variant)[w->places[i]];
    }
}

static void clear_cell(work *w) {
    for (int i = 0; i < w->place_count; i++) {
        w->weights[w->places[i]] = 0.0;
        w->has_place[w->places[i]] = false;
    }
    w->place_count = 0;
    memset(w->offsets, 0, (size_t)w->groups.count * sizeof *w->offsets);
}

static void add_cell(work *w, int cell) {
    sj_run_fit *f = w->f;
    for (int64_t i = f->cells[cell].first; i < f->cells[cell].first + f->cells[cell].count; i++) {
        const int64_t row = f->rows_by_cell[i];
        if (f->step_of_row[row] < 0 && f->o.ledger->skipped[row] == 0) {
            add_row(w, row);
        }
    }
    for (int v = 0; v < f->o.variant_count && w->place_count > 0; v++) {
        double counts[SJ_COUNTER_COUNT];
        cell_counts(w, v, counts);
        note_given(w, v, f->cells[cell].state);
        sj_run_sum_add(&f->sums[(size_t)v * (size_t)f->cell_count + (size_t)cell], prices_of(f, v), f->units[w->unit].phase, counts);
        double *unit = &f->unit_counts[((size_t)v * (size_t)f->unit_capacity + (size_t)w->unit) * SJ_COUNTER_COUNT];
        for (int c = 0; c < SJ_COUNTER_COUNT; c++) {
            unit[c] += counts[c];
        }
    }
    clear_cell(w);
}

sj_status sj_run_unit_finish(sj_run_fit *f, int unit, sj_error *err) {
    work w = {.f = f, .unit = unit};
    SJ_TRY(sj_run_groups_build(f, &f->units[unit], &w.groups, err));
    const sj_status status = make_room(&w, err);
    if (status == SJ_OK) {
        int steps = 0;
        for (int g = 0; g < w.groups.count; g++) {
            steps += w.groups.groups[g].count;
        }
        for (int v = 0; v < f->o.variant_count; v++) {
            fit_variant(&w, v);
            leave_out(&w, v, steps);
        }
        for (int c = 0; c < f->cell_count; c++) {
            add_cell(&w, c);
        }
    }
    free_work(&w);
    return status;
}
