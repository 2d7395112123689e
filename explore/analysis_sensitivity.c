// SPDX-License-Identifier: Apache-2.0
// Main effects of every axis on every objective: the additive model (a constant and a term for each value of each axis) of least squares over the points. On a full grid its terms are the deviations of the values' own
// means, and its shares eta squared. Where points are missing, means by themselves would tell the axes that happen to be beside: a value that only small machines survive would look good or bad for their sake.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis_internal.h"
#include "sj_file.h"

// Results that would be equal but for the order of their sums differ by some 1e-15 of themselves.
static const double rounding = 1e-12;

enum { ROUNDS_MAX = 200 };
static const double settled = 1e-11;  // a term of a logarithm that moves by less
static const double unsettled = 1e-9;  // what the fit may leave where axes are met unevenly

static double value_at(const sj_analysis *a, int64_t row, int objective) { return a->rows[row].values[a->objectives[objective]]; }

static double least_of(const sj_analysis *a, int objective) { return a->row_count > 0 ? value_at(a, a->best[objective], objective) : 0.0; }

bool sj_analysis_varies(const sj_analysis *a, int objective) { return a->largest[objective] - least_of(a, objective) > rounding * a->largest[objective]; }

// An objective as the sums take it: log(value / unit), or value / unit where it is plain. The least value becomes exactly 0 (the largest 1), equal ones stay equal, and no square overflows.
typedef struct scaled {
    bool plain;
    double unit, mean, squares;  // squares: sum of (x - mean)^2
    double *x;                   // [row]
} scaled;

// log(v / least) to the last digits also where both are nearly equal.
static double log_ratio(double v, double least) { return v < 2.0 * least ? log1p((v - least) / least) : log(v) - log(least); }

static void scale(const sj_analysis *a, int objective, scaled *s) {
    s->plain = least_of(a, objective) == 0.0;
    s->unit = s->plain ? fmax(a->largest[objective], 0x1p-1000) : least_of(a, objective);
    s->mean = s->squares = 0.0;
    for (int64_t i = 0; i < a->row_count; i++) {
        const double v = value_at(a, i, objective);
        s->x[i] = s->plain ? v / s->unit : log_ratio(v, s->unit);
        s->mean += s->x[i];
    }
    s->mean /= fmax((double)a->row_count, 1.0);
    for (int64_t i = 0; i < a->row_count; i++) {
        s->squares += (s->x[i] - s->mean) * (s->x[i] - s->mean);
    }
}

// How often each value of the axis is met.
static void count_values(const sj_analysis *a, sj_sensitivity *out) {
    for (int64_t i = 0; i < a->row_count; i++) {
        out->counts[sj_axis_value_of(a->about->space, out->axis, a->rows[i].id)]++;
    }
}

// One axis against what the others leave: rest[row] is x without the constant and all terms. Returns the largest change of a term.
static double refit(const sj_analysis *a, sj_sensitivity *s, double *rest, double *sums) {
    const sj_space *space = a->about->space;
    const int values = space->axes[s->axis].value_count;
    double largest = 0.0;
    memset(sums, 0, (size_t)values * sizeof *sums);
    for (int64_t i = 0; i < a->row_count; i++) {
        sums[sj_axis_value_of(space, s->axis, a->rows[i].id)] += rest[i];
    }
    for (int v = 0; v < values; v++) {
        sums[v] = s->counts[v] > 0 ? sums[v] / (double)s->counts[v] : 0.0;
        s->means[v] += sums[v];
        largest = fmax(largest, fabs(sums[v]));
    }
    for (int64_t i = 0; i < a->row_count; i++) {
        rest[i] -= sums[sj_axis_value_of(space, s->axis, a->rows[i].id)];
    }
    return largest;
}

// Axis by axis, until no term moves: the least squares. means: the terms, of mean 0 over the points. A full grid is done in one round.
static void fit(const sj_analysis *a, const scaled *s, sj_sensitivity *of_axes, double *rest, double *sums) {
    const int axes = a->about->space->axis_count;
    for (int64_t i = 0; i < a->row_count; i++) {
        rest[i] = s->x[i] - s->mean;
    }
    double moved = INFINITY;
    for (int round = 0; round < ROUNDS_MAX && moved > settled; round++) {
        moved = 0.0;
        for (int axis = 0; axis < axes; axis++) {
            moved = fmax(moved, refit(a, &of_axes[axis], rest, sums));
        }
        moved = a->full_grid ? 0.0 : moved;
    }
}

static void find_ends(const sj_analysis *a, const scaled *s, sj_sensitivity *out) {
    out->least = out->most = -1;
    for (int v = 0; v < a->about->space->axes[out->axis].value_count; v++) {
        if (out->counts[v] == 0) {
            out->means[v] = (double)NAN;
            continue;
        }
        out->means[v] += s->mean;
        out->least = out->least < 0 || out->means[v] < out->means[out->least] ? v : out->least;
        out->most = out->most < 0 || out->means[v] > out->means[out->most] ? v : out->most;
    }
}

// Of the means of x; an axis that moves nothing has no best value and no worst.
static void set_effect(sj_sensitivity *s, bool full_grid) {
    const double least = s->least < 0 ? 0.0 : s->means[s->least], most = s->least < 0 ? 0.0 : s->means[s->most];
    s->effect = 1.0;
    if (most - least <= (full_grid ? rounding : unsettled)) {
        s->most = s->least;
    } else if (!s->plain) {
        s->effect = exp(most - least);
    } else {
        s->effect = least == 0.0 ? (double)INFINITY : most / least;
    }
}

static double share_of(const scaled *scale_of, const sj_sensitivity *s, int values) {
    double between = 0.0;
    for (int v = 0; v < values; v++) {
        if (s->counts[v] > 0) {
            between += (double)s->counts[v] * (s->means[v] - scale_of->mean) * (s->means[v] - scale_of->mean);
        }
    }
    return fmin(between / scale_of->squares, 1.0);
}

static sj_status start(const sj_analysis *a, int objective, int axis, const scaled *s, sj_sensitivity *out, sj_error *err) {
    const int values = a->about->space->axes[axis].value_count;
    *out = (sj_sensitivity){.axis = axis, .objective = a->objectives[objective], .plain = s->plain, .points = a->row_count};
    SJ_TRY(sj_alloc((void **)&out->means, (uint64_t)values, sizeof *out->means, "an axis's means", err));
    SJ_TRY(sj_alloc((void **)&out->counts, (uint64_t)values, sizeof *out->counts, "an axis's counts", err));
    count_values(a, out);
    return SJ_OK;
}

static void finish(const sj_analysis *a, const scaled *s, sj_sensitivity *out) {
    const int values = a->about->space->axes[out->axis].value_count;
    find_ends(a, s, out);
    set_effect(out, a->full_grid);
    out->share = out->least != out->most ? share_of(s, out, values) : 0.0;
    for (int v = 0; v < values; v++) {
        out->means[v] = s->plain ? s->unit * out->means[v] : s->unit * exp(out->means[v]);
    }
}

static int by_share(const void *a, const void *b) {
    const sj_sensitivity *x = a, *y = b;
    if (x->share != y->share) {
        return x->share > y->share ? -1 : 1;
    }
    if (x->effect != y->effect) {
        return x->effect > y->effect ? -1 : 1;
    }
    return x->axis - y->axis;
}

typedef struct room {
    double *rest;  // [row]
    double *sums;  // [values of the longest axis]
} room;

static sj_status fill(sj_analysis *a, scaled *s, const room *r, sj_error *err) {
    const int axes = a->about->space->axis_count;
    for (int o = 0; o < a->objective_count; o++) {
        scale(a, o, s);
        sj_sensitivity *of_objective = &a->sensitivities[o * axes];
        for (int axis = 0; axis < axes; axis++) {
            a->sensitivity_count = o * axes + axis + 1;  // before it is filled: what it allocates is freed with the rest
            SJ_TRY(start(a, o, axis, s, &of_objective[axis], err));
        }
        fit(a, s, of_objective, r->rest, r->sums);
        for (int axis = 0; axis < axes; axis++) {
            finish(a, s, &of_objective[axis]);
        }
        qsort(of_objective, (size_t)axes, sizeof *of_objective, by_share);
    }
    return SJ_OK;
}

static sj_status fill_with_room(sj_analysis *a, scaled *s, room *r, sj_error *err) {
    int longest = 1;
    for (int axis = 0; axis < a->about->space->axis_count; axis++) {
        longest = a->about->space->axes[axis].value_count > longest ? a->about->space->axes[axis].value_count : longest;
    }
    SJ_TRY(sj_alloc((void **)&s->x, (uint64_t)a->row_count + 1, sizeof *s->x, "an objective of all points", err));
    SJ_TRY(sj_alloc((void **)&r->rest, (uint64_t)a->row_count + 1, sizeof *r->rest, "an objective of all points", err));
    SJ_TRY(sj_alloc((void **)&r->sums, (uint64_t)longest, sizeof *r->sums, "an axis's means", err));
    return fill(a, s, r, err);
}

sj_status sj_sensitivities(sj_analysis *a, sj_error *err) {
    scaled s = {0};
    room r = {0};
    SJ_TRY(sj_alloc((void **)&a->sensitivities, (uint64_t)(a->objective_count * a->about->space->axis_count) + 1, sizeof *a->sensitivities, "the sensitivities", err));
    const sj_status status = fill_with_room(a, &s, &r, err);
    free(s.x);
    free(r.rest);
    free(r.sums);
    return status;
}

double sj_analysis_interactions(const sj_analysis *a, int objective) {
    const int axes = a->about->space->axis_count;
    double shares = 0.0;
    for (int i = 0; i < axes; i++) {
        shares += a->sensitivities[objective * axes + i].share;
    }
    return a->full_grid && sj_analysis_varies(a, objective) ? fmax(1.0 - shares, 0.0) : (double)NAN;
}
