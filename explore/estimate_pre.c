// SPDX-License-Identifier: Apache-2.0
#include "sj_estimate_pre.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sj_estimate_folds.h"
#include "sj_file.h"

const char *const sj_pre_target_names[SJ_PRE_TARGET_COUNT + 1] = {"synthetic", "flop", "image", "run", NULL};

void sj_pre_free(sj_pre_model *m) {
    free(m->z);
    memset(m, 0, sizeof *m);
}

static double quantity(const sj_estimate_run *r, sj_pre_target target) {
    switch (target) {
        case SJ_PRE_PER_SYNTHETIC: return r->synthetic_pj;
        case SJ_PRE_PER_FLOP: return r->flops;
        case SJ_PRE_PER_IMAGE: return r->samples;
        default: return 1.0;
    }
}

static double log_energy(const sj_estimate_run *r, sj_pre_target target) { return log(r->energy_pj / quantity(r, target)); }

static int count_distinct(const sj_estimate_data *d, const int *rows, int count, int (*number)(const sj_estimate_run *)) {
    int distinct = 0;
    for (int i = 0; i < count; i++) {
        int j = 0;
        while (j < i && number(&d->runs[rows[j]]) != number(&d->runs[rows[i]])) {
            j++;
        }
        distinct += j == i;
    }
    return distinct;
}

static int training_of(const sj_estimate_run *r) { return r->training; }

static int network_of(const sj_estimate_run *r) { return r->network_index; }

static int machine_of(const sj_estimate_run *r) { return r->machine; }

// ---- features

static void standardise(const double *x, const sj_pre_model *m, double *z) {
    for (int j = 0; j < m->features; j++) {
        z[j] = m->deviation[j] > 0.0 ? (x[j] - m->mean[j]) / m->deviation[j] : 0.0;
    }
}

static double *z_of(const sj_pre_model *m, int run) { return m->z + (size_t)run * (size_t)m->features; }

static void learn_features(const sj_estimate_data *d, const int *rows, int count, sj_pre_model *m) {
    m->features = d->feature_count;
    memcpy(m->workload, d->workload, sizeof m->workload);
    memcpy(m->names, d->feature_names, sizeof m->names);
    for (int j = 0; j < m->features; j++) {
        double sum = 0.0, squares = 0.0;
        m->low[j] = INFINITY;
        m->high[j] = -INFINITY;
        for (int i = 0; i < count; i++) {
            const double x = d->runs[rows[i]].features[j];
            sum += x;
            m->low[j] = fmin(m->low[j], x);
            m->high[j] = fmax(m->high[j], x);
        }
        m->mean[j] = sum / count;
        for (int i = 0; i < count; i++) {
            const double off = d->runs[rows[i]].features[j] - m->mean[j];
            squares += off * off;
        }
        m->deviation[j] = m->low[j] < m->high[j] ? sqrt(squares / count) : 0.0;  // by the ends: rounding of the mean makes no deviation
    }
    for (int i = 0; i < count; i++) {
        standardise(d->runs[rows[i]].features, m, z_of(m, i));
    }
}

static double kernel(const sj_pre_model *m, const double *a, const double *b) {
    double squares = 0.0;
    int features = 0;
    for (int j = 0; j < m->features; j++) {
        squares += (a[j] - b[j]) * (a[j] - b[j]);
        features += m->deviation[j] > 0.0;
    }
    return features > 0 ? exp(-m->gamma * squares / features) : 1.0;
}

// ---- fit

static sj_status solve(sj_pre_model *m, sj_error *err) {
    void *memory;
    const size_t n = (size_t)m->count;
    SJ_TRY(sj_alloc(&memory, (uint64_t)n * n, sizeof(double), "the kernel matrix", err));
    double *k = memory;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            k[i * n + j] = kernel(m, z_of(m, (int)i), z_of(m, (int)j)) + (i == j ? m->lambda : 0.0);
        }
    }
    const sj_status status = sj_cholesky_solve(k, m->count, m->alpha, err);
    free(k);
    return status;
}

sj_status sj_pre_fit(const sj_estimate_data *d, const int *rows, int count, sj_pre_target target, double lambda, double gamma, sj_pre_model *m, sj_error *err) {
    void *memory;
    *m = (sj_pre_model){.target = target, .lambda = lambda, .gamma = gamma, .inner_rms = (double)NAN, .count = count};
    SJ_TRY(sj_alloc(&memory, (uint64_t)count * ((uint64_t)d->feature_count + 1), sizeof(double), "a PRE model", err));
    m->z = memory;
    m->alpha = m->z + (size_t)count * (size_t)d->feature_count;
    m->trainings = count_distinct(d, rows, count, training_of);
    m->networks = count_distinct(d, rows, count, network_of);
    m->machines = count_distinct(d, rows, count, machine_of);
    learn_features(d, rows, count, m);
    for (int i = 0; i < count; i++) {
        m->target_mean += log_energy(&d->runs[rows[i]], target) / count;
    }
    for (int i = 0; i < count; i++) {
        m->alpha[i] = log_energy(&d->runs[rows[i]], target) - m->target_mean;
    }
    const sj_status status = solve(m, err);
    if (status != SJ_OK) {
        sj_pre_free(m);
    }
    return status;
}

static double predict_log(const sj_pre_model *m, const sj_estimate_run *run) {
    double z[SJ_FEATURES_MAX], y = m->target_mean;
    standardise(run->features, m, z);
    for (int i = 0; i < m->count; i++) {
        y += m->alpha[i] * kernel(m, z, z_of(m, i));
    }
    return y;
}

double sj_pre_predict(const sj_pre_model *m, const sj_estimate_run *run) { return quantity(run, m->target) * exp(predict_log(m, run)); }

int sj_pre_outside(const sj_pre_model *m, const sj_estimate_run *run) {
    int outside = 0;
    for (int j = 0; j < m->features; j++) {
        outside += run->features[j] < m->low[j] || run->features[j] > m->high[j];
    }
    return outside;
}

sj_status sj_pre_fits(const char *path, const sj_pre_model *m, const sj_estimate_data *d, sj_error *err) {
    for (int j = 0; j < m->features || j < d->feature_count; j++) {
        const char *own = j < m->features ? m->names[j] : "no such feature", *other = j < d->feature_count ? d->feature_names[j] : "no such feature";
        if (j >= m->features || j >= d->feature_count || strcmp(own, other) != 0) {
            return SJ_FAIL(err, SJ_ERR_RANGE, "%s: feature %d is %s, and what it is to predict has %s there: it was trained on something else", path, j, own, other);
        }
    }
    if (m->workload[0] == '\0' && d->workload[0] != '\0') {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: it does not say which sweep's workload it was trained on (a file of an older version); train it anew", path);
    }
    if (strcmp(m->workload, d->workload) != 0) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: it was trained on a sweep of other traces, steps, batches, weights or fixed settings (accel, set, machine, layers, phase, ...): what it knows of machines it knows of that workload", path);
    }
    return SJ_OK;
}

// ---- selection of lambda and gamma

typedef struct inner_folds {
    int *fold, folds;  // by row
    int *train;        // rows of one fold's fit
} inner_folds;

static sj_status divide(const sj_estimate_data *d, const int *rows, int count, const sj_pre_inner *inner, inner_folds *out, sj_error *err) {
    int *groups = out->train;  // not used yet
    const int networks = count_distinct(d, rows, count, network_of), trainings = count_distinct(d, rows, count, training_of);
    const bool by_network = inner->by_network && networks > 1;
    if (trainings < 2) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "PRE chooses lambda and gamma by leaving trainings out of its fit, which wants runs of at least 2 trainings; here it has those of %d (more --folds leave more trainings to each fit)", trainings);
    }
    for (int i = 0; i < count; i++) {
        groups[i] = by_network ? network_of(&d->runs[rows[i]]) : training_of(&d->runs[rows[i]]);
    }
    if (by_network) {
        return sj_folds_leave_one(groups, count, d->network_count, "networks", out->fold, &out->folds, err);
    }
    out->folds = trainings < inner->folds ? trainings : inner->folds;
    return sj_folds_grouped(groups, count, d->training_count, out->folds, inner->seed, "trainings", out->fold, err);
}

// The sum of squared errors of y over the rows that each inner fold leaves out.
static sj_status inner_loss(const sj_estimate_data *d, const int *rows, int count, sj_pre_target target, double lambda, double gamma, const inner_folds *f, double *loss, sj_error *err) {
    *loss = 0.0;
    for (int fold = 0; fold < f->folds; fold++) {
        int train = 0;
        for (int i = 0; i < count; i++) {
            if (f->fold[i] != fold) {
                f->train[train++] = rows[i];
            }
        }
        sj_pre_model m;
        SJ_TRY(sj_pre_fit(d, f->train, train, target, lambda, gamma, &m, err));
        for (int i = 0; i < count; i++) {
            const sj_estimate_run *run = &d->runs[rows[i]];
            const double off = f->fold[i] == fold ? predict_log(&m, run) - log_energy(run, target) : 0.0;
            *loss += off * off;
        }
        sj_pre_free(&m);
    }
    return SJ_OK;
}

// From the smoothest on, so that a tie stays with it.
static sj_status search(const sj_estimate_data *d, const int *rows, int count, sj_pre_target target, const inner_folds *f, sj_pre_model *best, sj_error *err) {
    double least = INFINITY;
    for (int l = 0; l >= -8; l--) {  // rounding takes up to count^2 x 2^-52 off an eigenvalue: for a thousand runs far below the least lambda
        for (int g = -10; g <= 4; g++) {
            double loss;
            SJ_TRY(inner_loss(d, rows, count, target, pow(10.0, l), ldexp(1.0, g), f, &loss, err));
            if (loss < least) {
                least = loss;
                best->lambda = pow(10.0, l);
                best->gamma = ldexp(1.0, g);
            }
        }
    }
    best->inner_rms = sqrt(least / count);
    return isfinite(least) ? SJ_OK : SJ_FAIL(err, SJ_ERR_NUMERIC, "PRE: no lambda and gamma of the grid gives a finite error over %d runs", count);
}

sj_status sj_pre_train(const sj_estimate_data *d, const int *rows, int count, sj_pre_target target, const sj_pre_inner *inner, sj_pre_model *out, sj_error *err) {
    void *memory;
    sj_pre_model best = {0};
    memset(out, 0, sizeof *out);
    SJ_TRY(sj_alloc(&memory, (uint64_t)count * 2, sizeof(int), "PRE's folds", err));
    inner_folds f = {.fold = memory, .train = (int *)memory + count};
    sj_status status = divide(d, rows, count, inner, &f, err);
    status = status == SJ_OK ? search(d, rows, count, target, &f, &best, err) : status;
    status = status == SJ_OK ? sj_pre_fit(d, rows, count, target, best.lambda, best.gamma, out, err) : status;
    out->inner_rms = best.inner_rms;
    free(memory);
    return status;
}
