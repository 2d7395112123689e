// SPDX-License-Identifier: Apache-2.0
// Simulated steps of one unit by class, kept fraction and time; which of them stand for an iteration.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "whole_run_internal.h"

static const double same_kept = 1e-6;     // kept fractions are counts of channels / channels: equal or not
static const double kept_slack = 0.05;    // so far outside of what was simulated the nearest kept fraction stands for another one
static const double least_deviation = 1e-6;

// The kept fraction that the unit's work depends on.
double sj_run_kept(const sj_run_fit *f, const run_unit *unit, int64_t row) {
    if (unit->phase == SJ_PHASE_ELEMENTWISE) {  // ssProp's scores, where gradients are written
        return f->mean_kept[row];
    }
    const double kept = (double)f->o.ledger->kept_fraction[row * f->o.ledger->layers + unit->layer];
    return (unit->phase == SJ_PHASE_GRAD_INPUT || unit->phase == SJ_PHASE_GRAD_WEIGHT) && !isnan(kept) ? kept : 1.0;
}

// What a unit reads and writes: its input, its gradient and, of elementwise work, its result.
void sj_run_features(const run_unit *unit, const float *x, const float *dy, double out[RUN_FEATURES]) {
    const bool elementwise = unit->phase == SJ_PHASE_ELEMENTWISE, update = unit->phase == SJ_PHASE_UPDATE;
    out[0] = out[1] = out[2] = (double)NAN;
    if (x == NULL) {  // not known yet
        return;
    }
    out[0] = unit->phase == SJ_PHASE_GRAD_INPUT || update ? (double)NAN : (double)x[unit->layer];
    out[1] = unit->phase == SJ_PHASE_FORWARD || update ? (double)NAN : (double)dy[unit->layer];
    out[2] = elementwise && unit->out_layer >= 0 ? (double)x[unit->out_layer] : (double)NAN;
}

typedef struct simulated {
    int step, class;
    double kept;
    int64_t row;
} simulated;

static int compare_places(const void *left, const void *right) {
    const simulated *a = left, *b = right;
    if (a->class != b->class) {
        return a->class < b->class ? -1 : 1;
    }
    if (fabs(a->kept - b->kept) > same_kept) {
        return a->kept < b->kept ? -1 : 1;
    }
    return a->row < b->row ? -1 : a->row > b->row;
}

static sj_status sort_steps(const sj_run_fit *f, const run_unit *unit, simulated **out, int *count, sj_error *err) {
    void *memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)f->o.step_count + 1, sizeof **out, "the simulated steps", err));
    *out = memory;
    *count = 0;
    for (int s = 0; s < f->o.step_count; s++) {
        if (!f->steps[s].skipped) {
            (*out)[(*count)++] = (simulated){s, f->steps[s].class, sj_run_kept(f, unit, f->steps[s].row), f->steps[s].row};
        }
    }
    qsort(*out, (size_t)*count, sizeof **out, compare_places);
    return SJ_OK;
}

// Does the ledger have the feature where the group's steps stand? Else nothing that is interpolated follows it, and leaving steps out must not either.
static bool is_in_ledger(const run_groups *g, const run_group *group, int feature) {
    const sj_ledger *l = g->fit->o.ledger;
    bool there = true;
    for (int i = group->first; i < group->first + group->count; i++) {
        const int64_t row = g->fit->steps[g->order[i]].row;
        double features[RUN_FEATURES];
        sj_run_features(g->unit, &l->x_density[row * l->layers], &l->dy_density[row * l->layers], features);
        there = there && !isnan(features[feature]);
    }
    return there;
}

static void describe_feature(const run_groups *g, run_group *group, int feature) {
    double sum = 0.0, squares = 0.0, low = INFINITY, high = -INFINITY;
    for (int i = group->first; i < group->first + group->count; i++) {
        const double v = g->features[i * RUN_FEATURES + feature];
        sum += v;  // NAN, and the feature is not used
        low = fmin(low, v);
        high = fmax(high, v);
    }
    const double mean = sum / group->count;
    for (int i = group->first; i < group->first + group->count; i++) {
        const double d = g->features[i * RUN_FEATURES + feature] - mean;
        squares += d * d;
    }
    group->mean[feature] = mean;
    group->deviation[feature] = sqrt(squares / group->count);
    group->used[feature] = group->deviation[feature] > least_deviation && is_in_ledger(g, group, feature);
    group->low[feature] = low - (high - low);
    group->high[feature] = high + (high - low);
}

static void split(run_groups *g, const simulated *places, int count) {
    for (int i = 0; i < count; i++) {
        const bool first = i == 0 || places[i].class != places[i - 1].class || fabs(places[i].kept - places[i - 1].kept) > same_kept;
        if (first) {
            g->groups[g->count++] = (run_group){.class = places[i].class, .kept = places[i].kept, .first = i};
        }
        g->groups[g->count - 1].count++;
        const run_step *step = &g->fit->steps[places[i].step];
        g->order[i] = places[i].step;
        sj_run_features(g->unit, step->x, step->dy, &g->features[i * RUN_FEATURES]);
    }
    for (int i = 0; i < g->count; i++) {
        for (int k = 0; k < RUN_FEATURES; k++) {
            describe_feature(g, &g->groups[i], k);
        }
    }
}

sj_status sj_run_groups_build(const sj_run_fit *f, const run_unit *unit, run_groups *g, sj_error *err) {
    *g = (run_groups){.fit = f, .unit = unit};
    simulated *places;
    int count;
    void *memory = NULL;
    SJ_TRY(sort_steps(f, unit, &places, &count, err));
    sj_status status = sj_alloc(&memory, (uint64_t)count + 1, sizeof *g->groups, "the simulated steps", err);
    g->groups = memory;
    memory = NULL;
    status = status == SJ_OK ? sj_alloc(&memory, (uint64_t)count + 1, sizeof *g->order, "the simulated steps", err) : status;
    g->order = memory;
    memory = NULL;
    status = status == SJ_OK ? sj_alloc(&memory, (uint64_t)count + 1, RUN_FEATURES * sizeof *g->features, "the simulated steps", err) : status;
    g->features = memory;
    if (status == SJ_OK) {
        split(g, places, count);
    } else {
        sj_run_groups_free(g);
    }
    free(places);
    return status;
}

void sj_run_groups_free(run_groups *g) {
    free(g->groups);
    free(g->order);
    free(g->features);
    memset(g, 0, sizeof *g);
}

// ---- the plan of a row

static int64_t row_at(const run_groups *g, int place) { return g->fit->steps[g->order[place]].row; }

// The first place of the group whose row is not before this one.
static int first_behind(const run_groups *g, const run_group *group, int64_t row) {
    int low = group->first, high = group->first + group->count;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (row_at(g, middle) < row) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

// The step before and the step behind, each the more the nearer it is; beyond the ends the nearest.
static void plan_part(const run_groups *g, int group, double weight, int64_t row, int without, run_plan *out) {
    const run_group *of = &g->groups[group];
    int behind = first_behind(g, of, row), before = behind - 1;
    behind += behind == without;
    before -= before == without;
    const bool has_before = before >= of->first, has_behind = behind < of->first + of->count;
    const int p = out->parts++;
    out->part[p].group = group;
    out->part[p].weight = weight;
    out->part[p].near = has_before && has_behind ? 2 : 1;
    out->part[p].place[0] = has_before ? before : behind;
    out->part[p].place[1] = behind;
    out->part[p].share[0] = 1.0;
    if (has_before && has_behind) {
        const double whole = (double)(row_at(g, behind) - row_at(g, before));
        out->part[p].share[1] = (double)(row - row_at(g, before)) / whole;
        out->part[p].share[0] = 1.0 - out->part[p].share[1];
    }
}

static bool has_steps(const run_group *group, int without) {
    return group->count > (without >= group->first && without < group->first + group->count ? 1 : 0);
}

bool sj_run_plan_row(const run_groups *g, int class, double kept, int64_t row, int without, run_plan *out) {
    int below = -1, above = -1;  // groups of the nearest kept fractions
    out->parts = 0;
    for (int i = 0; i < g->count; i++) {
        if (g->groups[i].class != class || !has_steps(&g->groups[i], without)) {
            continue;
        }
        if (g->groups[i].kept <= kept + same_kept) {
            below = i;
        } else if (above < 0) {
            above = i;
        }
    }
    if (below >= 0 && (g->groups[below].kept >= kept - same_kept || (above < 0 && g->groups[below].kept >= kept - kept_slack))) {
        plan_part(g, below, 1.0, row, without, out);
    } else if (below >= 0 && above >= 0) {
        const double share = (kept - g->groups[below].kept) / (g->groups[above].kept - g->groups[below].kept);
        plan_part(g, below, 1.0 - share, row, without, out);
        plan_part(g, above, share, row, without, out);
    } else if (above >= 0 && g->groups[above].kept <= kept + kept_slack) {
        plan_part(g, above, 1.0, row, without, out);
    }
    return out->parts > 0;
}

void sj_run_offset(const run_groups *g, const run_plan *plan, int part, const double features[RUN_FEATURES], double out[RUN_FEATURES]) {
    const run_group *group = &g->groups[plan->part[part].group];
    for (int k = 0; k < RUN_FEATURES; k++) {
        double near = 0.0;
        for (int i = 0; i < plan->part[part].near; i++) {
            near += plan->part[part].share[i] * g->features[plan->part[part].place[i] * RUN_FEATURES + k];
        }
        out[k] = group->used[k] && !isnan(features[k]) ? fmin(fmax(features[k], group->low[k]), group->high[k]) - near : 0.0;
    }
}
