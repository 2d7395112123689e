// SPDX-License-Identifier: Apache-2.0
#include "sj_estimate_step.h"

#include <math.h>

enum { FIRST_PERIODIC = 2 };

// Two epochs in which the method does the same.
static bool is_alike(const sj_epochs *e, int64_t a, int64_t b) {
    return e->skipped[a] == e->skipped[b] && (e->skipped[a] || fabs(e->kept[a] - e->kept[b]) <= 1e-6);
}

static bool repeats(const sj_epochs *e, int64_t seen, int64_t period) {
    bool yes = true;
    for (int64_t i = FIRST_PERIODIC; i + period < seen && yes; i++) {
        yes = is_alike(e, i, i + period);
    }
    return yes;
}

// 0: none.
static int64_t period_of(const sj_epochs *e, int64_t seen) {
    for (int64_t period = 1; 2 * period <= seen - FIRST_PERIODIC; period++) {
        if (repeats(e, seen, period)) {
            return period;
        }
    }
    return 0;
}

static int64_t rounded_up(int64_t window, int64_t period) { return period > 1 ? (window + period - 1) / period * period : window; }

static double sum(const double *values, int64_t from, int64_t count) {
    double total = 0.0;
    for (int64_t i = from; i < from + count; i++) {
        total += values[i];
    }
    return total;
}

static double project(const double *values, int64_t start, int64_t window, int64_t count) {
    return sum(values, 0, start) + sum(values, start, window) * (double)(count - start) / (double)window;
}

static void fill(const sj_epochs *e, sj_step_result *r) {
    r->stable = true;
    r->measured = r->start + r->window;
    r->energy_pj = project(e->energy_pj, r->start, r->window, e->count);
    r->seconds = project(e->seconds, r->start, r->window, e->count);
    r->last_epoch_pj = e->energy_pj[r->measured - 1];
}

static void detect(const sj_epochs *e, const sj_step_options *o, sj_step_result *r) {
    for (r->start = o->window; r->start + o->window <= e->count && !r->stable; r->start++) {
        r->period = period_of(e, r->start + o->window);
        r->window = rounded_up(o->window, r->period);
        if (r->start < r->window || r->start + r->window > e->count) {
            continue;
        }
        const double now = sum(e->energy_pj, r->start, r->window), before = sum(e->energy_pj, r->start - r->window, r->window);
        if (fabs(now - before) <= o->tolerance * now) {
            fill(e, r);
            return;
        }
    }
}

sj_status sj_step_predict(const char *label, const sj_epochs *e, const sj_step_options *o, sj_step_result *r, sj_error *err) {
    *r = (sj_step_result){.start = o->start};
    const int64_t start = o->detect ? o->window : o->start;
    if (e->count < start + o->window) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: it has %d epochs; STEP with --start %lld and --window %lld measures %lld%s", label, e->count, (long long)start, (long long)o->window,
                       (long long)(start + o->window), o->detect ? " at least (--detect starts behind a first window)" : "");
    }
    if (o->detect) {
        detect(e, o, r);
        return SJ_OK;
    }
    r->period = period_of(e, start + o->window);
    r->window = rounded_up(o->window, r->period);
    if (e->count < start + r->window) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: it has %d epochs; its method repeats every %lld, so that the window is %lld epochs and STEP measures %lld", label, e->count, (long long)r->period,
                       (long long)r->window, (long long)(start + r->window));
    }
    fill(e, r);
    return SJ_OK;
}
