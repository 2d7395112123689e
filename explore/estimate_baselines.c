// SPDX-License-Identifier: Apache-2.0
#include "sj_estimate_baselines.h"

#include <math.h>
#include <stdlib.h>

#include "sj_file.h"

static const double pj_per_joule = 1e12;

void sj_baselines_free(sj_baselines *b) {
    free(b->pj_per_flop);
    *b = (sj_baselines){0};
}

static double flops_of(const sj_estimate_run *r, double seconds) {
    (void)seconds;
    return r->flops;
}

static double picojoules_a_watt(const sj_estimate_run *r, double seconds) {
    (void)r;
    return seconds * pj_per_joule;
}

static double synthetic_of(const sj_estimate_run *r, double seconds) {
    (void)seconds;
    return r->synthetic_pj;
}

// The geometric mean of energy / quantity over the rows on one machine (-1: all); NAN where there is none.
static double geometric_mean(const sj_estimate_data *d, const double *seconds, const int *rows, int count, int machine, double (*quantity)(const sj_estimate_run *, double)) {
    double sum = 0.0;
    int seen = 0;
    for (int i = 0; i < count; i++) {
        const sj_estimate_run *r = &d->runs[rows[i]];
        if (machine < 0 || r->machine == machine) {
            sum += log(r->energy_pj / quantity(r, seconds[rows[i]]));
            seen++;
        }
    }
    return seen > 0 ? exp(sum / seen) : (double)NAN;
}

static double green_pj(const sj_estimate_run *r, double seconds, double utilisation, double w_per_gb) { return (r->peak_w * utilisation + w_per_gb * r->dram_gb) * seconds * pj_per_joule; }

// What a fit of Green Algorithms goes by.
typedef struct green {
    const sj_estimate_data *d;
    const double *seconds;
    const int *rows;
    int count;
} green;

static double log_off(const green *g, int i, double utilisation, double w_per_gb) {
    const sj_estimate_run *r = &g->d->runs[g->rows[i]];
    return log(green_pj(r, g->seconds[g->rows[i]], utilisation, w_per_gb) / r->energy_pj);
}

static double mean_log_off(const green *g, double utilisation, double w_per_gb) {
    double sum = 0.0;
    for (int i = 0; i < g->count; i++) {
        sum += log_off(g, i, utilisation, w_per_gb);
    }
    return sum / g->count;
}

static double squares_about(const green *g, double utilisation, double w_per_gb, double centre) {
    double sum = 0.0;
    for (int i = 0; i < g->count; i++) {
        const double off = log_off(g, i, utilisation, w_per_gb) - centre;
        sum += off * off;
    }
    return sum;
}

static double loss_at_utilisation(const green *g, double log_utilisation) { return squares_about(g, exp(log_utilisation), SJ_GREEN_W_PER_GB, 0.0); }

// Of both constants only their ratio is searched for, as an angle; what scales them is known then: it takes the mean logarithm away.
static double loss_at_angle(const green *g, double angle) { return squares_about(g, cos(angle), sin(angle), mean_log_off(g, cos(angle), sin(angle))); }

// The loss need not have one valley: the best of a fine grid, then golden section between its neighbours.
static double least(const green *g, double (*loss)(const green *, double), double from, double to) {
    static const double golden = 0.6180339887498949;
    const double step = (to - from) / 256.0;
    double best = from, best_loss = INFINITY;
    for (int i = 0; i <= 256; i++) {
        const double x = from + i * step, here = loss(g, x);
        best = here < best_loss ? x : best;
        best_loss = fmin(best_loss, here);
    }
    double low = fmax(from, best - step), high = fmin(to, best + step);
    for (int i = 0; i < 80; i++) {
        const double a = high - golden * (high - low), b = low + golden * (high - low);
        const bool left = loss(g, a) <= loss(g, b);
        high = left ? b : high;
        low = left ? low : a;
    }
    const double middle = 0.5 * (low + high);
    return loss(g, middle) <= best_loss ? middle : best;
}

static void fit_green(const green *g, sj_baselines *b) {
    const double angle = least(g, loss_at_angle, 0.0, acos(0.0));
    b->utilisation = exp(least(g, loss_at_utilisation, -14.0, 3.0));
    const double shift = mean_log_off(g, cos(angle), sin(angle));
    b->free_utilisation = cos(angle) * exp(-shift);
    b->free_w_per_gb = sin(angle) * exp(-shift);
}

sj_status sj_baselines_fit(const sj_estimate_data *d, const double *seconds, const int *rows, int count, sj_baselines *b, sj_error *err) {
    void *memory;
    *b = (sj_baselines){0};
    SJ_TRY(sj_alloc(&memory, (uint64_t)d->machine_count * 3, sizeof(double), "the baselines' constants", err));
    b->machine_count = d->machine_count;
    b->pj_per_flop = memory;
    b->tdp_w = b->pj_per_flop + d->machine_count;
    b->synthetic_factor = b->tdp_w + d->machine_count;
    for (int m = 0; m < d->machine_count; m++) {
        b->pj_per_flop[m] = geometric_mean(d, seconds, rows, count, m, flops_of);
        b->tdp_w[m] = geometric_mean(d, seconds, rows, count, m, picojoules_a_watt);
        b->synthetic_factor[m] = geometric_mean(d, seconds, rows, count, m, synthetic_of);
    }
    b->pj_per_flop_all = geometric_mean(d, seconds, rows, count, -1, flops_of);
    b->tdp_w_all = geometric_mean(d, seconds, rows, count, -1, picojoules_a_watt);
    b->synthetic_factor_all = geometric_mean(d, seconds, rows, count, -1, synthetic_of);
    fit_green(&(green){d, seconds, rows, count}, b);
    return SJ_OK;
}

static double either(double own, double all) { return isnan(own) ? all : own; }

double sj_baseline_predict(const sj_baselines *b, sj_baseline which, const sj_estimate_run *r, double seconds) {
    switch (which) {
        case SJ_BASELINE_FLOPS: return either(b->pj_per_flop[r->machine], b->pj_per_flop_all) * r->flops;
        case SJ_BASELINE_TDP: return either(b->tdp_w[r->machine], b->tdp_w_all) * seconds * pj_per_joule;
        case SJ_BASELINE_SYNTHETIC: return either(b->synthetic_factor[r->machine], b->synthetic_factor_all) * r->synthetic_pj;
        case SJ_BASELINE_GREEN: return green_pj(r, seconds, b->utilisation, SJ_GREEN_W_PER_GB);
        default: return green_pj(r, seconds, b->free_utilisation, b->free_w_per_gb);
    }
}
