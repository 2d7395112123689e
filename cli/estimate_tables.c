// SPDX-License-Identifier: Apache-2.0
// What `estimate` says of single runs, and the parts that its tables share.
#include <math.h>
#include <stdlib.h>

#include "sj_estimate_cli.h"
#include "sj_file.h"

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

void sj_estimate_columns(sj_report_table *t, const sj_column *columns, int count) {
    for (int i = 0; i < count; i++) {
        sj_table_column(t, columns[i]);
    }
}

void sj_estimate_run_columns(sj_report_table *t) {
    static const sj_column columns[] = {{"run", "run", SJ_QUANTITY_TEXT, NULL, "as it was named", false},
                                        {"network", "network", SJ_QUANTITY_TEXT, NULL, NULL, false},
                                        {"method", "method", SJ_QUANTITY_TEXT, NULL, NULL, false},
                                        {"dataset", "data set", SJ_QUANTITY_TEXT, NULL, NULL, false},
                                        {"accel", "accelerator", SJ_QUANTITY_TEXT, NULL, NULL, false}};
    sj_estimate_columns(t, columns, COUNT_OF(columns));
}

void sj_estimate_run_cells(sj_report_table *t, const sj_estimate_run *run) {
    sj_table_text(t, run->label);
    sj_table_text(t, run->network);
    sj_table_text(t, run->method);
    sj_table_text(t, run->dataset);
    sj_table_text(t, run->accel);
}

void sj_estimate_error_table(sj_report *r, const char *key, const char *title, const sj_estimator *which, const sj_errors *errors, int count, sj_report_table **out) {
    static const sj_column columns[] = {{"estimator", "estimator", SJ_QUANTITY_TEXT, NULL, NULL, false},
                                        {"sees", "sees of a run", SJ_QUANTITY_TEXT, NULL, "what of the run that it predicts it knows, besides its configuration", false},
                                        {"fitted", "fitted on other runs", SJ_QUANTITY_TEXT, NULL, NULL, false},
                                        {"rmse_pj", "RMSE", SJ_QUANTITY_ENERGY_PJ, NULL, "root mean square of predicted - integrated", false},
                                        {"mape", "MAPE", SJ_QUANTITY_SHARE, NULL, "mean of |predicted - integrated| / integrated", false},
                                        {"r2", "R2", SJ_QUANTITY_NUMBER, NULL, "1 - sum of squared errors / sum of squares about the mean", false},
                                        {"bias", "bias", SJ_QUANTITY_SHARE, NULL, "mean of (predicted - integrated) / integrated", false},
                                        {"worst", "worst", SJ_QUANTITY_SHARE, NULL, "the largest (predicted - integrated) / integrated in magnitude", false}};
    sj_report_table *t = sj_report_add(r, key, title, NULL);
    sj_estimate_columns(t, columns, COUNT_OF(columns));
    for (int i = 0; i < count; i++) {
        sj_table_text(t, sj_estimators[which[i]].name);
        sj_table_text(t, sj_estimators[which[i]].sees);
        sj_table_text(t, sj_estimators[which[i]].fits);
        sj_table_number(t, errors[i].rmse);
        sj_table_number(t, errors[i].mape);
        sj_table_number(t, errors[i].r2);
        sj_table_number(t, errors[i].bias);
        sj_table_number(t, errors[i].worst);
    }
    *out = t;
}

// ---- STEP

static const sj_column step_columns[] = {{"epochs", "epochs", SJ_QUANTITY_INTEGER, NULL, "of the whole run", false},
                                         {"simulated", "simulated", SJ_QUANTITY_SHARE, NULL, "iterations that were simulated and not interpolated", false},
                                         {"period", "period", SJ_QUANTITY_INTEGER, NULL, "of the method, epochs; none: none is seen in the first epochs", false},
                                         {"start", "start", SJ_QUANTITY_INTEGER, NULL, "first epoch of the window", false},
                                         {"window", "window", SJ_QUANTITY_INTEGER, NULL, "epochs of the window", false},
                                         {"predicted_pj", "predicted", SJ_QUANTITY_ENERGY_PJ, NULL, NULL, false},
                                         {"energy_pj", "integrated", SJ_QUANTITY_ENERGY_PJ, NULL, "full integration", false},
                                         {"error", "error", SJ_QUANTITY_SHARE, NULL, "(predicted - integrated) / integrated", false}};

static void step_cells(sj_report_table *t, const sj_estimate_run *run, const sj_step_result *s) {
    sj_estimate_run_cells(t, run);
    sj_table_integer(t, (uint64_t)run->epochs.count);
    sj_table_number(t, run->simulated);
    if (s->period > 0) {
        sj_table_integer(t, (uint64_t)s->period);
    } else {
        sj_table_none(t);
    }
    if (s->stable) {
        sj_table_integer(t, (uint64_t)s->start);
        sj_table_integer(t, (uint64_t)s->window);
    } else {
        sj_table_none(t);
        sj_table_none(t);
    }
    sj_table_number(t, s->stable ? s->energy_pj : (double)NAN);
    sj_table_number(t, run->energy_pj);
    sj_table_number(t, s->stable ? s->energy_pj / run->energy_pj - 1.0 : (double)NAN);
}

// Predictions and truths, of all runs and of those that were simulated in every iteration.
typedef struct step_values {
    int count, whole;
    double *step, *last, *truth, *whole_step, *whole_last, *whole_truth;
} step_values;

static void keep(step_values *v, const sj_estimate_run *run, const sj_step_result *s) {
    const double last = s->last_epoch_pj * run->epochs.count;
    v->step[v->count] = s->energy_pj;
    v->last[v->count] = last;
    v->truth[v->count++] = run->energy_pj;
    if (run->simulated == 1.0) {
        v->whole_step[v->whole] = s->energy_pj;
        v->whole_last[v->whole] = last;
        v->whole_truth[v->whole++] = run->energy_pj;
    }
}

static void step_errors(const step_values *v, sj_report *r) {
    static const sj_estimator which[] = {SJ_ESTIMATOR_STEP, SJ_ESTIMATOR_LAST_EPOCH};
    const sj_errors all[] = {sj_errors_of(v->step, v->truth, v->count), sj_errors_of(v->last, v->truth, v->count)};
    const sj_errors whole[] = {sj_errors_of(v->whole_step, v->whole_truth, v->whole), sj_errors_of(v->whole_last, v->whole_truth, v->whole)};
    sj_report_table *t;
    sj_estimate_error_table(r, "errors", "Errors over these runs", which, all, 2, &t);
    sj_table_note(t, "%d runs. Both go by the same epochs: the last one is the last of the window.", v->count);
    if (v->whole < v->count) {
        sj_table_note(t, "%d of them were interpolated, each epoch from simulated steps of the whole run: what they say of STEP is a little kinder than an integration of the first epochs alone would be.", v->count - v->whole);
    }
    if (v->whole > 0 && v->whole < v->count) {
        sj_estimate_error_table(r, "errors_simulated", "Errors over the runs whose every iteration was simulated", which, whole, 2, &t);
        sj_table_note(t, "%d runs, in which no epoch owes anything to a later one.", v->whole);
    }
}

static sj_status step_rows(const sj_estimate_options *o, const sj_estimate_data *d, sj_report *r, step_values *v, sj_error *err) {
    sj_report_table *t = sj_report_add(r, "step", "Runs", NULL);
    sj_estimate_run_columns(t);
    sj_estimate_columns(t, step_columns, COUNT_OF(step_columns));
    for (int i = 0; i < d->count; i++) {
        const sj_estimate_run *run = &d->runs[i];
        sj_step_result s;
        SJ_TRY(sj_step_predict(run->label, &run->epochs, &o->step, &s, err));
        step_cells(t, run, &s);
        if (s.stable) {
            keep(v, run, &s);
        }
    }
    if (v->count < d->count) {
        sj_table_note(t, "%d of %d runs have no window whose energy is within %g of the one before it, and no prediction.", d->count - v->count, d->count, o->step.tolerance);
    }
    step_errors(v, r);
    return SJ_OK;
}

sj_status sj_estimate_show_step(const sj_estimate_options *o, const sj_estimate_data *d, sj_report *r, sj_error *err) {
    void *memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)d->count * 6, sizeof(double), "predictions", err));
    double *values = memory;
    step_values v = {0, 0, values, values + d->count, values + 2 * d->count, values + 3 * d->count, values + 4 * d->count, values + 5 * d->count};
    const sj_status status = step_rows(o, d, r, &v, err);
    free(memory);
    return status;
}

// ---- pairs

sj_status sj_estimate_show_pairs(const sj_estimate_options *o, const sj_estimate_data *d, sj_report *r, sj_error *err) {
    static const sj_column columns[] = {{"parameters", "parameters", SJ_QUANTITY_INTEGER, NULL, "trained values of the network", false},
                                        {"trainings", "trainings", SJ_QUANTITY_INTEGER, NULL, "of the network on the accelerator that are good enough; the run is the cheapest", false},
                                        {"macro_f1", "macro F1", SJ_QUANTITY_SHARE, NULL, "of the last epoch that was tested", false},
                                        {"best_f1", "best F1", SJ_QUANTITY_SHARE, NULL, "of all runs on the data set", false},
                                        {"energy_pj", "energy", SJ_QUANTITY_ENERGY_PJ, NULL, "of the training, full integration", false},
                                        {"relative", "to cheapest", SJ_QUANTITY_NUMBER, NULL, "energy / that of the data set's cheapest pair", false},
                                        {"saved", "saved", SJ_QUANTITY_SHARE, NULL, "1 - energy / that of the training with the best F1 where it takes most", false}};
    sj_pairs pairs;
    SJ_TRY(sj_pairs_find(d, o->within, &pairs, err));
    sj_report_table *t = sj_report_add(r, "pairs", "Pairs", NULL);
    sj_estimate_run_columns(t);
    sj_estimate_columns(t, columns, COUNT_OF(columns));
    for (int i = 0; i < pairs.count; i++) {
        const sj_pair *p = &pairs.pairs[i];
        sj_estimate_run_cells(t, p->run);
        if (p->run->facts) {
            sj_table_integer(t, (uint64_t)p->run->parameters);
        } else {
            sj_table_none(t);
        }
        sj_table_integer(t, (uint64_t)p->trainings);
        sj_table_number(t, p->run->macro_f1);
        sj_table_number(t, p->best_f1);
        sj_table_number(t, p->run->energy_pj);
        sj_table_number(t, p->share);
        sj_table_number(t, p->saved);
    }
    sj_table_note(t, "Trainings whose macro F1 is at least %g times the best of their data set; networks of one name and as many parameters are one network.", 1.0 - o->within);
    sj_pairs_free(&pairs);
    return SJ_OK;
}
