// SPDX-License-Identifier: Apache-2.0
// What leaving each simulated step out says about the interpolated ones. docs/whole-run.md, "How far off".
#include <math.h>
#include <stdlib.h>

#include "whole_run_internal.h"

enum { LEAST_TO_LEAVE_ENDS = 5 };  // steps of a state: three are left

typedef struct residuals {
    int64_t count;
    double sum, squares, worst;
} residuals;

static void note(residuals *r, double residual) {
    r->count++;
    r->sum += residual;
    r->squares += residual * residual;
    r->worst = fabs(residual) > fabs(r->worst) ? residual : r->worst;
}

// (interpolated - simulated) / simulated, of a step's energy or that of a phase of it; NAN where it was not left out or has none.
static double residual_of(const sj_run_fit *f, int variant, int step, int phase) {
    const size_t at = ((size_t)variant * (size_t)f->o.step_count + (size_t)step) * SJ_PHASE_COUNT;
    double there = 0.0, own = 0.0;
    for (int p = phase < 0 ? 0 : phase; p < (phase < 0 ? SJ_PHASE_COUNT : phase + 1); p++) {
        there += f->left_out_pj[at + (size_t)p];
        own += f->own_pj[at + (size_t)p];
    }
    return f->left[step] && own > 0.0 ? (there - own) / own : (double)NAN;
}

// A state's first and last step are left out like the others only where iterations beyond them are interpolated, or steps are few: else nothing of the run is had from so far away.
static bool is_end(const sj_run_fit *f, int step) {
    const run_step *s = &f->steps[step];
    bool before = false, behind = false;
    int steps = 0;
    for (int i = 0; i < f->o.step_count; i++) {
        const bool same = !f->steps[i].skipped && f->steps[i].state == s->state;
        steps += same;
        before = before || (same && f->steps[i].row < s->row);
        behind = behind || (same && f->steps[i].row > s->row);
    }
    if ((before && behind) || steps < LEAST_TO_LEAVE_ENDS) {
        return false;
    }
    for (int64_t row = before ? s->row + 1 : 0; row < (before ? f->o.ledger->rows : s->row); row++) {
        if (f->states.state_of_row[row] == s->state) {
            return false;
        }
    }
    return true;
}

static residuals gather(const sj_run_fit *f, int variant, int phase, int state) {
    residuals r = {0};
    for (int s = 0; s < f->o.step_count; s++) {
        const double one = residual_of(f, variant, s, phase);
        if (!isnan(one) && (state < 0 || f->steps[s].state == state)) {
            note(&r, one);
        }
    }
    return r;
}

// Iterations of a state that are interpolated; GradSamp's skipped ones are known.
static int64_t interpolated_of(const sj_run_fit *f, int state) {
    int64_t count = 0;
    for (int64_t row = 0; row < f->o.ledger->rows; row++) {
        count += f->states.state_of_row[row] == state && f->step_of_row[row] < 0 && f->o.ledger->skipped[row] == 0;
    }
    return count;
}

// Student's: what two standard errors are where so many degrees of freedom stand behind them (two-sided, 95 %), never less than 2.
static double width_of(int64_t freedom) {
    static const double widths[] = {12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13};
    const int64_t known = (int64_t)(sizeof widths / sizeof widths[0]);
    return freedom < 1 ? widths[0] : freedom <= known ? widths[freedom - 1] : freedom <= 40 ? 2.1 : 2.0;
}

// As how many steps of equal weight those count that stand for a state's interpolated iterations: one where all hangs on one, however many others there are.
static double steps_behind(const sj_run_fit *f, int variant, int state) {
    const double *given = &f->given_pj[((size_t)variant * (size_t)f->states.state_count + (size_t)state) * ((size_t)f->o.step_count + 1)];
    double sum = 0.0, squares = 0.0;
    for (int s = 0; s < f->o.step_count; s++) {
        sum += given[s];
        squares += given[s] * given[s];
    }
    return squares > 0.0 ? sum * sum / squares : 1.0;
}

// Two standard errors of the run's energy. The means of a state's residuals add up over states; their scatter is independent from step to step, of the simulated ones and of the interpolated.
static double total_error(const sj_run_fit *f, int variant, const sj_run_variant *v, double pooled_squares) {
    double bias = 0.0, scatter = 0.0;
    int64_t freedom = 0;
    for (int s = 0; s < f->states.state_count; s++) {
        const int64_t interpolated = interpolated_of(f, s);
        if (interpolated == 0) {
            continue;
        }
        const residuals r = gather(f, variant, -1, s);
        const double share = (v->states[s].energy_pj - f->simulated_pj[variant * f->states.state_count + s]) / v->total.energy_pj;
        const double count = (double)r.count, mean = r.count >= 2 ? r.sum / count : 0.0;
        const double variance = r.count >= 2 ? fmax(r.squares - count * mean * mean, 0.0) / (count - 1.0) : pooled_squares;
        freedom += r.count >= 2 ? r.count - 1 : 0;
        bias += share * mean;
        scatter += share * share * variance * (1.0 / steps_behind(f, variant, s) + 1.0 / (double)interpolated);
    }
    return width_of(freedom) * sqrt(bias * bias + scatter);
}

void sj_run_error_prepare(sj_run_fit *f) {
    for (int s = 0; s < f->o.step_count; s++) {
        f->left[s] = f->left[s] && !f->steps[s].skipped && !is_end(f, s);
    }
}

void sj_run_error_find(const sj_run_fit *f, int variant, const sj_run_variant *v, sj_run_error *out) {
    const double none = (double)NAN;
    const residuals all = gather(f, variant, -1, -1);
    int64_t interpolated = 0;
    for (int s = 0; s < f->states.state_count; s++) {
        interpolated += interpolated_of(f, s);
    }
    *out = (sj_run_error){.steps = all.count, .mean = none, .rms = none, .worst = none, .total = interpolated == 0 ? 0.0 : none};
    const double n = (double)all.count;
    if (all.count >= 2) {
        out->mean = all.sum / n;
        out->rms = sqrt(all.squares / n);
        out->worst = all.worst;
        out->total = interpolated == 0 ? 0.0 : total_error(f, variant, v, all.squares / n);
    }
    for (int p = 0; p < SJ_PHASE_COUNT; p++) {
        const residuals r = gather(f, variant, p, -1);
        out->phase_rms[p] = r.count >= 2 ? sqrt(r.squares / (double)r.count) : none;
    }
}
