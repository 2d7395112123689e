// SPDX-License-Identifier: Apache-2.0
// `estimate pre`: training a model and predicting by it.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sj_estimate_cli.h"
#include "sj_estimate_sweep.h"
#include "sj_file.h"

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

static void model_table(const sj_pre_model *m, sj_report *r) {
    static const sj_column columns[] = {{"target", "target", SJ_QUANTITY_TEXT, NULL, "what energy is taken per", false},
                                        {"variant", "variant", SJ_QUANTITY_TEXT, NULL, "own: skip with each accelerator's codec", false},
                                        {"runs", "runs", SJ_QUANTITY_INTEGER, NULL, NULL, false},
                                        {"trainings", "trainings", SJ_QUANTITY_INTEGER, NULL, NULL, false},
                                        {"networks", "networks", SJ_QUANTITY_INTEGER, NULL, NULL, false},
                                        {"machines", "accelerators", SJ_QUANTITY_INTEGER, NULL, NULL, false},
                                        {"lambda", "lambda", SJ_QUANTITY_NUMBER, NULL, "ridge", false},
                                        {"gamma", "gamma", SJ_QUANTITY_NUMBER, NULL, "of the kernel", false},
                                        {"inner_rms", "error in ln", SJ_QUANTITY_NUMBER, NULL, "root mean square of ln(predicted / integrated) over the folds by which lambda and gamma were chosen: optimistic", false}};
    sj_report_table *t = sj_report_add(r, "model", "Model", NULL);
    sj_estimate_columns(t, columns, COUNT_OF(columns));
    sj_table_text(t, sj_pre_target_names[m->target]);
    sj_table_text(t, m->variant);
    sj_table_integer(t, (uint64_t)m->count);
    sj_table_integer(t, (uint64_t)m->trainings);
    sj_table_integer(t, (uint64_t)m->networks);
    sj_table_integer(t, (uint64_t)m->machines);
    sj_table_number(t, m->lambda);
    sj_table_number(t, m->gamma);
    sj_table_number(t, m->inner_rms);
}

static void feature_table(const sj_pre_model *m, sj_report *r) {
    static const sj_column columns[] = {{"feature", "feature", SJ_QUANTITY_TEXT, NULL, NULL, false},       {"meaning", "meaning", SJ_QUANTITY_TEXT, NULL, NULL, false},
                                        {"low", "lowest", SJ_QUANTITY_NUMBER, NULL, NULL, false},          {"high", "highest", SJ_QUANTITY_NUMBER, NULL, NULL, false},
                                        {"mean", "mean", SJ_QUANTITY_NUMBER, NULL, NULL, false},           {"deviation", "deviation", SJ_QUANTITY_NUMBER, NULL, "0: constant, not used", false}};
    sj_report_table *t = sj_report_add(r, "features", "Features", NULL);
    sj_estimate_columns(t, columns, COUNT_OF(columns));
    for (int j = 0; j < m->features; j++) {
        const bool known = j < SJ_FEATURE_COUNT && strcmp(m->names[j], sj_feature_names[j]) == 0;
        sj_table_text(t, m->names[j]);
        sj_table_text(t, known ? sj_feature_meanings[j] : "of an axis of the sweep");
        sj_table_number(t, m->low[j]);
        sj_table_number(t, m->high[j]);
        sj_table_number(t, m->mean[j]);
        sj_table_number(t, m->deviation[j]);
    }
}

static sj_status save(const sj_estimate_options *o, const sj_pre_model *m, sj_error *err) {
    sj_atomic_file file;
    SJ_TRY(sj_atomic_open(&file, o->model, err));
    const sj_status status = sj_pre_write(file.stream, m, err);
    if (status != SJ_OK) {
        sj_atomic_abandon(&file);
        return status;
    }
    return sj_atomic_commit(&file, err);
}

// What the model says of the points that it has not learnt from.
static sj_status held_out(const sj_pre_model *m, const sj_estimate_data *d, const bool *chosen, sj_report *r, sj_error *err) {
    const sj_estimator which = SJ_ESTIMATOR_PRE;
    sj_report_table *t;
    void *values;
    int count = 0;
    SJ_TRY(sj_alloc(&values, (uint64_t)d->count * 2, sizeof(double), "predictions", err));
    double *predicted = values, *truth = predicted + d->count;
    for (int i = 0; i < d->count; i++) {
        if (!chosen[i]) {
            predicted[count] = sj_pre_predict(m, &d->runs[i]);
            truth[count++] = d->runs[i].energy_pj;
        }
    }
    const sj_errors errors = sj_errors_of(predicted, truth, count);
    sj_estimate_error_table(r, "errors", "Errors over the other points of the sweep", &which, &errors, 1, &t);
    sj_table_note(t, "%d of %d valid points are in the fit, %d tell the error.", d->count - count, d->count, count);
    free(values);
    return SJ_OK;
}

static sj_status train(const sj_estimate_options *o, const sj_estimate_data *d, bool sweep, int *rows, bool *chosen, sj_report *r, sj_error *err) {
    const sj_pre_inner inner = {false, o->folds, o->seed};
    const int count = sj_estimate_sample(d, sweep ? o->points : d->count, o->seed, chosen, rows);
    sj_pre_model m;
    SJ_TRY(sj_pre_train(d, rows, count, sweep ? SJ_PRE_PER_RUN : o->target, &inner, &m, err));
    strcpy(m.variant, sweep ? "sweep" : "own");
    if (!sweep && !o->choice.any) {
        sj_variant_name(o->choice.variant, m.variant);
    }
    sj_status status = save(o, &m, err);
    model_table(&m, r);
    feature_table(&m, r);
    status = status == SJ_OK && count < d->count ? held_out(&m, d, chosen, r, err) : status;
    sj_pre_free(&m);
    return status;
}

sj_status sj_estimate_show_train(const sj_estimate_options *o, const sj_estimate_data *d, bool sweep, sj_report *r, sj_error *err) {
    void *memory;
    if (!o->force && sj_path_exists(o->model)) {
        return SJ_FAIL(err, SJ_ERR_EXISTS, "%s exists; --force replaces it", o->model);
    }
    if (sweep && o->target_given) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "estimate pre train: --target goes with whole runs; of a sweep's points the energy itself is learnt");
    }
    SJ_TRY(sj_alloc(&memory, (uint64_t)d->count, sizeof(int) + sizeof(bool), "the runs", err));
    int *rows = memory;
    const sj_status status = train(o, d, sweep, rows, (bool *)(rows + d->count), r, err);
    free(memory);
    return status;
}

sj_status sj_estimate_show_predict(const sj_estimate_options *o, const sj_pre_model *m, const sj_estimate_data *d, bool sweep, sj_report *r, sj_error *err) {
    const sj_column columns[] = {{"predicted_pj", "predicted", SJ_QUANTITY_ENERGY_PJ, NULL, NULL, false},
                                 {"synthetic_pj", "synthetic steps", SJ_QUANTITY_ENERGY_PJ, NULL, "what they alone would say", false},
                                 {"energy_pj", sweep ? "simulated" : "integrated", SJ_QUANTITY_ENERGY_PJ, NULL, NULL, false},
                                 {"error", "error", SJ_QUANTITY_SHARE, NULL, "predicted / energy_pj - 1", false},
                                 {"outside", "outside", SJ_QUANTITY_INTEGER, NULL, "features beyond what the model was trained on, where it knows little", false}};
    void *values;
    SJ_TRY(sj_alloc(&values, (uint64_t)d->count * 2, sizeof(double), "predictions", err));
    double *predicted = values, *truth = predicted + d->count;
    sj_report_table *t = sj_report_add(r, "predictions", "Runs", NULL);
    if (sweep) {
        sj_table_column(t, (sj_column){"point", "point", SJ_QUANTITY_INTEGER, NULL, NULL, false});
        sj_table_column(t, (sj_column){"machine", "machine", SJ_QUANTITY_TEXT, NULL, "value of each axis", false});
    } else {
        sj_estimate_run_columns(t);
    }
    for (int c = 0; c < COUNT_OF(columns); c++) {
        if (!sweep || strcmp(columns[c].key, "synthetic_pj") != 0) {
            sj_table_column(t, columns[c]);
        }
    }
    int known = 0;
    for (int i = 0; i < d->count; i++) {
        const double energy_pj = sj_pre_predict(m, &d->runs[i]), integrated_pj = d->runs[i].planned ? (double)NAN : d->runs[i].energy_pj;
        predicted[known] = energy_pj;
        truth[known] = integrated_pj;
        known += d->runs[i].planned ? 0 : 1;
        if (sweep) {
            sj_table_integer(t, d->runs[i].training_key);
            sj_table_text(t, d->runs[i].label);
        } else {
            sj_estimate_run_cells(t, &d->runs[i]);
        }
        sj_table_number(t, energy_pj);
        if (!sweep) {
            sj_table_number(t, d->runs[i].synthetic_pj);
        }
        sj_table_number(t, integrated_pj);
        sj_table_number(t, energy_pj / integrated_pj - 1.0);
        sj_table_integer(t, (uint64_t)sj_pre_outside(m, &d->runs[i]));
    }
    if (known < d->count) {
        sj_table_note(t, "%d of %d runs are plans: nothing was trained, and there is no energy to tell an error by.", d->count - known, d->count);
    }
    if (known > 0) {
        const sj_estimator which = SJ_ESTIMATOR_PRE;
        const sj_errors errors = sj_errors_of(predicted, truth, known);
        sj_estimate_error_table(r, "errors", "Errors over these runs", &which, &errors, 1, &t);
        sj_table_note(t, "Of runs that %s was trained on these are no errors of prediction.", o->model);
    }
    free(values);
    return SJ_OK;
}
