// SPDX-License-Identifier: Apache-2.0
#include "sj_estimate_trial.h"

#include <stdlib.h>
#include <string.h>

#include "sj_estimate_folds.h"
#include "sj_file.h"

const sj_estimator_info sj_estimators[SJ_ESTIMATOR_COUNT] = {
#define SJ_X(id, name, sees, fits) {name, sees, fits},
    SJ_ESTIMATORS(SJ_X)
#undef SJ_X
};

bool sj_estimator_is_used(sj_estimator e, sj_pre_target target) {
    return target == SJ_PRE_PER_SYNTHETIC || (e != SJ_ESTIMATOR_PRE_FEATURES && e != SJ_ESTIMATOR_SYNTHETIC && e != SJ_ESTIMATOR_SYNTHETIC_FITTED);
}

void sj_trial_free(sj_trial *t) {
    free(t->fold);
    free(t->truth);
    memset(t, 0, sizeof *t);
}

// One block for all columns: truth, seconds that STEP projects, one an estimator.
static sj_status make_room(int count, sj_trial *t, double **seconds, sj_error *err) {
    void *memory;
    *t = (sj_trial){.count = count};
    SJ_TRY(sj_alloc(&memory, (uint64_t)count, 2 * sizeof(int), "folds", err));
    t->fold = memory;  // and behind it the groups
    SJ_TRY(sj_alloc(&memory, (uint64_t)count * (SJ_ESTIMATOR_COUNT + 2), sizeof(double), "predictions", err));
    t->truth = memory;
    *seconds = t->truth + count;
    for (int e = 0; e < SJ_ESTIMATOR_COUNT; e++) {
        t->predicted[e] = t->truth + (size_t)(e + 2) * (size_t)count;
    }
    return SJ_OK;
}

static sj_status make_folds(const sj_estimate_data *d, const sj_trial_options *o, sj_trial *t, sj_error *err) {
    int *groups = t->fold + t->count;
    for (int i = 0; i < d->count; i++) {
        groups[i] = o->by_network ? d->runs[i].network_index : d->runs[i].training;
    }
    t->folds = o->folds;
    return o->by_network ? sj_folds_leave_one(groups, d->count, d->network_count, "networks", t->fold, &t->folds, err)
                         : sj_folds_grouped(groups, d->count, d->training_count, o->folds, o->seed, "trainings", t->fold, err);
}

// What needs no other run.
static sj_status project(const sj_estimate_data *d, const sj_trial_options *o, sj_trial *t, double *seconds, sj_error *err) {
    for (int i = 0; i < d->count; i++) {
        const sj_estimate_run *r = &d->runs[i];
        sj_step_result step;
        SJ_TRY(sj_step_predict(r->label, &r->epochs, &o->step, &step, err));
        if (!step.stable) {
            return SJ_FAIL(err, SJ_ERR_RANGE, "%s: STEP's detection finds no window whose energy is within %g of the one before it; give --start instead", r->label, o->step.tolerance);
        }
        t->truth[i] = r->energy_pj;
        seconds[i] = step.seconds;
        t->predicted[SJ_ESTIMATOR_STEP][i] = step.energy_pj;
        t->predicted[SJ_ESTIMATOR_LAST_EPOCH][i] = step.last_epoch_pj * r->epochs.count;
    }
    return SJ_OK;
}

static void predict(const sj_estimate_run *r, const sj_pre_model *pre, const sj_baselines *b, double seconds, int i, sj_trial *t) {
    t->predicted[SJ_ESTIMATOR_PRE][i] = sj_pre_predict(pre, r);
    t->predicted[SJ_ESTIMATOR_SYNTHETIC][i] = r->synthetic_pj;
    t->predicted[SJ_ESTIMATOR_SYNTHETIC_FITTED][i] = sj_baseline_predict(b, SJ_BASELINE_SYNTHETIC, r, seconds);
    t->predicted[SJ_ESTIMATOR_FLOPS][i] = sj_baseline_predict(b, SJ_BASELINE_FLOPS, r, seconds);
    t->predicted[SJ_ESTIMATOR_TDP][i] = sj_baseline_predict(b, SJ_BASELINE_TDP, r, seconds);
    t->predicted[SJ_ESTIMATOR_GREEN][i] = sj_baseline_predict(b, SJ_BASELINE_GREEN, r, seconds);
    t->predicted[SJ_ESTIMATOR_GREEN_FREE][i] = sj_baseline_predict(b, SJ_BASELINE_GREEN_FREE, r, seconds);
}

// What PRE would say of the fold's runs by its features alone.
static sj_status predict_by_features(const sj_estimate_data *d, const sj_pre_inner *inner, int fold, const int *rows, int count, sj_trial *t, sj_error *err) {
    sj_pre_model pre;
    const sj_status status = sj_pre_train(d, rows, count, SJ_PRE_PER_FLOP, inner, &pre, err);
    for (int i = 0; i < d->count && status == SJ_OK; i++) {
        if (t->fold[i] == fold) {
            t->predicted[SJ_ESTIMATOR_PRE_FEATURES][i] = sj_pre_predict(&pre, &d->runs[i]);
        }
    }
    sj_pre_free(&pre);
    return status;
}

// The runs of a fold, by what the others teach.
static sj_status predict_fold(const sj_estimate_data *d, const sj_trial_options *o, int fold, const double *seconds, int *rows, sj_trial *t, sj_error *err) {
    const sj_pre_inner inner = {o->by_network, o->by_network ? d->training_count : o->folds, o->seed};
    sj_baselines baselines;
    sj_pre_model pre;
    int count = 0;
    for (int i = 0; i < d->count; i++) {
        if (t->fold[i] != fold) {
            rows[count++] = i;
        }
    }
    SJ_TRY(sj_baselines_fit(d, seconds, rows, count, &baselines, err));
    sj_status status = sj_pre_train(d, rows, count, o->target, &inner, &pre, err);
    for (int i = 0; i < d->count && status == SJ_OK; i++) {
        if (t->fold[i] == fold) {
            predict(&d->runs[i], &pre, &baselines, seconds[i], i, t);
        }
    }
    sj_pre_free(&pre);
    sj_baselines_free(&baselines);
    return status == SJ_OK && sj_estimator_is_used(SJ_ESTIMATOR_PRE_FEATURES, o->target) ? predict_by_features(d, &inner, fold, rows, count, t, err) : status;
}

static sj_status run(const sj_estimate_data *d, const sj_trial_options *o, double *seconds, sj_trial *t, sj_error *err) {
    t->target = o->target;
    SJ_TRY(project(d, o, t, seconds, err));
    SJ_TRY(make_folds(d, o, t, err));
    int *rows = t->fold + t->count;  // the groups are no longer needed
    for (int fold = 0; fold < t->folds; fold++) {
        SJ_TRY(predict_fold(d, o, fold, seconds, rows, t, err));
    }
    for (int e = 0; e < SJ_ESTIMATOR_COUNT; e++) {
        if (sj_estimator_is_used((sj_estimator)e, o->target)) {
            t->errors[e] = sj_errors_of(t->predicted[e], t->truth, t->count);
        }
    }
    return SJ_OK;
}

sj_status sj_trial_run(const sj_estimate_data *d, const sj_trial_options *o, sj_trial *t, sj_error *err) {
    double *seconds = NULL;
    sj_status status = make_room(d->count, t, &seconds, err);
    status = status == SJ_OK ? run(d, o, seconds, t, err) : status;
    if (status != SJ_OK) {
        sj_trial_free(t);
    }
    return status;
}
