// SPDX-License-Identifier: Apache-2.0
// How a unit's counts follow the densities: least squares over the steps of a group, with a ridge that is chosen by how well it predicts steps that were left out.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "whole_run_internal.h"

// Of standardised features, ascending; the last one leaves no slope.
static const double ridges[] = {1e-12, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, RUN_NO_SLOPE};
enum { RIDGE_COUNT = (int)(sizeof ridges / sizeof ridges[0]), LEFT_OUT_MAX = 256 };
static const double unjudged = 1e-3;
static const double near_best = 1.1;  // a larger ridge that predicts nearly as well is taken

void sj_run_moments_add(run_moments *m, const run_group *g, const double *features, double y, double sign) {
    double f[RUN_FEATURES];
    m->n += sign;
    m->y += sign * y;
    for (int i = 0; i < RUN_FEATURES; i++) {
        f[i] = g->used[i] ? (features[i] - g->mean[i]) / g->deviation[i] : 0.0;
        m->f[i] += sign * f[i];
        m->fy[i] += sign * f[i] * y;
        for (int j = 0; j <= i; j++) {
            m->ff[i][j] += sign * f[i] * f[j];
        }
    }
}

// a x = b of a symmetric positive a, whose lower half is given, by Cholesky's decomposition.
static void solve(double a[RUN_FEATURES][RUN_FEATURES], double b[RUN_FEATURES]) {
    for (int i = 0; i < RUN_FEATURES; i++) {
        for (int j = 0; j <= i; j++) {
            double sum = a[i][j];
            for (int k = 0; k < j; k++) {
                sum -= a[i][k] * a[j][k];
            }
            a[i][j] = i == j ? sqrt(fmax(sum, 1e-14)) : sum / a[j][j];
        }
        for (int k = 0; k < i; k++) {
            b[i] -= a[i][k] * b[k];
        }
        b[i] /= a[i][i];
    }
    for (int i = RUN_FEATURES - 1; i >= 0; i--) {
        for (int k = i + 1; k < RUN_FEATURES; k++) {
            b[i] -= a[k][i] * b[k];
        }
        b[i] /= a[i][i];
    }
}

// A feature that does not vary among the steps there are has no slope.
static bool varies(const run_moments *m, const run_group *g, int i) { return g->used[i] && m->ff[i][i] / m->n - m->f[i] / m->n * (m->f[i] / m->n) > 1e-9; }

void sj_run_moments_slopes(const run_moments *m, const run_group *g, double ridge, double slopes[RUN_FEATURES]) {
    double a[RUN_FEATURES][RUN_FEATURES];
    memset(slopes, 0, RUN_FEATURES * sizeof *slopes);
    if (ridge < 0.0 || m->n < 1.5) {
        return;
    }
    for (int i = 0; i < RUN_FEATURES; i++) {
        const bool used = varies(m, g, i);
        for (int j = 0; j <= i; j++) {
            a[i][j] = used && varies(m, g, j) ? m->ff[i][j] / m->n - m->f[i] / m->n * (m->f[j] / m->n) : 0.0;
        }
        a[i][i] += used ? ridge : 1.0;
        slopes[i] = used ? m->fy[i] / m->n - m->f[i] / m->n * (m->y / m->n) : 0.0;
    }
    solve(a, slopes);
    for (int i = 0; i < RUN_FEATURES; i++) {
        slopes[i] = g->used[i] ? slopes[i] / g->deviation[i] : 0.0;
    }
}

static run_moments moments_of(const run_groups *g, int group, const double *energy) {
    run_moments m = {0};
    const run_group *of = &g->groups[group];
    for (int i = of->first; i < of->first + of->count; i++) {
        sj_run_moments_add(&m, of, &g->features[i * RUN_FEATURES], energy[i], 1.0);
    }
    return m;
}

static double near_by(const run_plan *plan, int part, const double *energy) {
    double sum = 0.0;
    for (int i = 0; i < plan->part[part].near; i++) {
        sum += plan->part[part].share[i] * energy[plan->part[part].place[i]];
    }
    return sum;
}

static int group_of(const run_groups *g, int place) {
    int group = 0;
    while (place >= g->groups[group].first + g->groups[group].count) {
        group++;
    }
    return group;
}

static double predict(const run_groups *g, const run_plan *plan, int part, const double *energy, const double *features, const double *slopes) {
    double offset[RUN_FEATURES], sum = near_by(plan, part, energy);
    sj_run_offset(g, plan, part, features, offset);
    for (int k = 0; k < RUN_FEATURES; k++) {
        sum += slopes[k] * offset[k];
    }
    return sum;
}

double sj_run_leave_out(const run_groups *g, const double *energy, const run_moments *moments, const double *group_ridges, const double (*slopes)[RUN_FEATURES], int place) {
    run_plan plan;
    const int own = group_of(g, place);
    const run_group *of = &g->groups[own];
    const double *features = &g->features[place * RUN_FEATURES];
    if (!sj_run_plan_row(g, of->class, of->kept, g->fit->steps[g->order[place]].row, place, &plan)) {
        return (double)NAN;
    }
    double sum = 0.0;
    for (int p = 0; p < plan.parts; p++) {
        double without[RUN_FEATURES];
        const int group = plan.part[p].group;
        if (group == own) {
            run_moments m = moments[own];
            sj_run_moments_add(&m, of, features, energy[place], -1.0);
            sj_run_moments_slopes(&m, of, group_ridges[own], without);
        }
        sum += plan.part[p].weight * predict(g, &plan, p, energy, features, group == own ? without : slopes[group]);
    }
    return sum;
}

// The two lowest and the two highest of a feature in a group: what the others' range is without one step.
typedef struct ends {
    double low[2], high[2];
} ends;

static void note_end(double of[2], double v, double sign) {
    if (sign * v < sign * of[0]) {
        of[1] = of[0];
        of[0] = v;
    } else if (sign * v < sign * of[1]) {
        of[1] = v;
    }
}

static void find_ends(const run_groups *g, const run_group *of, ends out[RUN_FEATURES]) {
    for (int k = 0; k < RUN_FEATURES; k++) {
        out[k] = (ends){{INFINITY, INFINITY}, {-INFINITY, -INFINITY}};
        for (int i = of->first; i < of->first + of->count; i++) {
            note_end(out[k].low, g->features[i * RUN_FEATURES + k], 1.0);
            note_end(out[k].high, g->features[i * RUN_FEATURES + k], -1.0);
        }
    }
}

// Would the step, left out, lie where the other steps of its group say something? Else no ridge could be judged by it.
static bool is_among_others(const run_groups *g, const run_group *of, const ends range[RUN_FEATURES], int place) {
    for (int k = 0; k < RUN_FEATURES; k++) {
        const double own = g->features[place * RUN_FEATURES + k];
        const double low = range[k].low[own <= range[k].low[0]], high = range[k].high[own >= range[k].high[0]];
        if (of->used[k] && (own < low - (high - low) || own > high + (high - low))) {
            return false;
        }
    }
    return true;
}

// Steps of the group that ridges are judged by; of many some, evenly.
typedef struct judges {
    int count, places[LEFT_OUT_MAX];
} judges;

static void choose_judges(const run_groups *g, const run_group *of, judges *j) {
    const int steps = of->count < LEFT_OUT_MAX ? of->count : LEFT_OUT_MAX;
    ends range[RUN_FEATURES];
    j->count = 0;
    find_ends(g, of, range);
    for (int i = 0; i < steps; i++) {
        const int place = of->first + (int)((int64_t)i * of->count / steps);
        if (is_among_others(g, of, range, place)) {
            j->places[j->count++] = place;
        }
    }
}

// Sum of squares of what leaving the judges out in turn is wrong by, at a ridge.
static double left_out_squares(const run_groups *g, int group, const judges *j, const double *energy, const run_moments *m, double ridge) {
    const run_group *of = &g->groups[group];
    double squares = 0.0;
    for (int i = 0; i < j->count; i++) {
        const int place = j->places[i];
        const double *features = &g->features[place * RUN_FEATURES];
        double slopes[RUN_FEATURES];
        run_moments without = *m;
        run_plan plan;
        sj_run_moments_add(&without, of, features, energy[place], -1.0);
        sj_run_moments_slopes(&without, of, ridge, slopes);
        if (sj_run_plan_row(g, of->class, of->kept, g->fit->steps[g->order[place]].row, place, &plan)) {
            const double d = predict(g, &plan, 0, energy, features, slopes) - energy[place];
            squares += d * d;
        }
    }
    return squares;
}

double sj_run_ridge(const run_groups *g, int group, const double *energy) {
    const run_group *of = &g->groups[group];
    const bool any = of->used[0] || of->used[1] || of->used[2];
    double squares[RIDGE_COUNT], least = INFINITY;
    judges j;
    if (of->count < 2 || !any) {
        return RUN_NO_SLOPE;
    }
    choose_judges(g, of, &j);
    if (of->count == 2 || j.count == 0) {  // nothing to judge by: the plane through what there is; features are held in range, so that it cannot lead far
        return unjudged;
    }
    const run_moments m = moments_of(g, group, energy);
    for (int i = 0; i < RIDGE_COUNT; i++) {
        squares[i] = left_out_squares(g, group, &j, energy, &m, ridges[i]);
        least = fmin(least, squares[i]);
    }
    int best = RIDGE_COUNT - 1;
    while (best > 0 && squares[best] > near_best * least) {
        best--;
    }
    return ridges[best];
}
