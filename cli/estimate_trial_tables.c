// SPDX-License-Identifier: Apache-2.0
// What `estimate` says over all runs: baselines, the comparison.
#include <stdlib.h>
#include <string.h>

#include "sj_estimate_cli.h"
#include "sj_file.h"

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

// ---- baselines

static sj_status all_rows(const sj_estimate_options *o, const sj_estimate_data *d, double *seconds, int *rows, sj_error *err) {
    for (int i = 0; i < d->count; i++) {
        const sj_estimate_run *r = &d->runs[i];
        sj_step_result s;
        SJ_TRY(sj_step_predict(r->label, &r->epochs, &o->step, &s, err));
        if (!s.stable) {
            return SJ_FAIL(err, SJ_ERR_RANGE, "%s: --detect finds no stable window; give --start instead", r->label);
        }
        seconds[i] = s.seconds;
        rows[i] = i;
    }
    return SJ_OK;
}

static void constants_table(const sj_estimate_data *d, const sj_baselines *b, sj_report *r) {
    static const sj_column columns[] = {{"accel", "accelerator", SJ_QUANTITY_TEXT, NULL, NULL, false},
                                        {"tech", "tech", SJ_QUANTITY_TEXT, NULL, NULL, false},
                                        {"pj_per_flop", "energy per FLOP", SJ_QUANTITY_OTHER, "pJ", "geometric mean over the runs; two FLOPs a dense MAC, dropped channels left out", false},
                                        {"tdp_w", "TDP", SJ_QUANTITY_OTHER, "W", "geometric mean of energy / time over the runs", false},
                                        {"synthetic", "factor of synthetic steps", SJ_QUANTITY_NUMBER, NULL, "geometric mean of energy / that of the run out of synthetic steps", false},
                                        {"peak_w", "peak power", SJ_QUANTITY_OTHER, "W", "of the machine's figures: all lanes and the DRAM bus busy", false},
                                        {"dram_gb", "DRAM", SJ_QUANTITY_OTHER, "GB", NULL, false}};
    sj_report_table *t = sj_report_add(r, "constants", "Constants", NULL);
    sj_estimate_columns(t, columns, COUNT_OF(columns));
    for (int m = 0; m < d->machine_count; m++) {
        const sj_estimate_run *run = d->runs;
        while (run->machine != m) {
            run++;
        }
        sj_table_text(t, run->accel);
        sj_table_text(t, run->tech);
        sj_table_number(t, b->pj_per_flop[m]);
        sj_table_number(t, b->tdp_w[m]);
        sj_table_number(t, b->synthetic_factor[m]);
        sj_table_number(t, run->peak_w);
        sj_table_number(t, run->dram_gb);
    }
    sj_table_note(t, "Green Algorithms: utilisation %.3f of peak power, over all accelerators, and %g W per GB of DRAM; both fitted: %.3f, %.4g W per GB.", b->utilisation, SJ_GREEN_W_PER_GB,
                  b->free_utilisation, b->free_w_per_gb);
}

static void baseline_rows(const sj_estimate_data *d, const sj_baselines *b, const double *seconds, sj_report *r) {
    static const sj_column columns[] = {{"energy_pj", "integrated", SJ_QUANTITY_ENERGY_PJ, NULL, "full integration", false},
                                        {"seconds", "time", SJ_QUANTITY_SECONDS, NULL, "projected from the first epochs", false},
                                        {"flops_pj", "FLOPs", SJ_QUANTITY_ENERGY_PJ, NULL, NULL, false},
                                        {"tdp_pj", "TDP x time", SJ_QUANTITY_ENERGY_PJ, NULL, NULL, false},
                                        {"green_pj", "Green Algorithms", SJ_QUANTITY_ENERGY_PJ, NULL, NULL, false},
                                        {"green_free_pj", "W/GB fitted", SJ_QUANTITY_ENERGY_PJ, NULL, NULL, false},
                                        {"synthetic_fitted_pj", "synthetic steps, fitted", SJ_QUANTITY_ENERGY_PJ, NULL, NULL, false}};
    sj_report_table *t = sj_report_add(r, "baselines", "Runs", NULL);
    sj_estimate_run_columns(t);
    sj_estimate_columns(t, columns, COUNT_OF(columns));
    for (int i = 0; i < d->count; i++) {
        const sj_estimate_run *run = &d->runs[i];
        sj_estimate_run_cells(t, run);
        sj_table_number(t, run->energy_pj);
        sj_table_number(t, seconds[i]);
        for (int w = 0; w < SJ_BASELINE_COUNT; w++) {
            sj_table_number(t, sj_baseline_predict(b, (sj_baseline)w, run, seconds[i]));
        }
    }
    sj_table_note(t, "The constants were fitted on these very runs: 'skipjoule estimate compare' has errors on runs that are not in the fit.");
}

sj_status sj_estimate_show_baselines(const sj_estimate_options *o, const sj_estimate_data *d, sj_report *r, sj_error *err) {
    void *memory;
    sj_baselines b;
    SJ_TRY(sj_alloc(&memory, (uint64_t)d->count, sizeof(double) + sizeof(int), "the runs' times", err));
    double *seconds = memory;
    int *rows = (int *)(void *)(seconds + d->count);
    sj_status status = all_rows(o, d, seconds, rows, err);
    status = status == SJ_OK ? sj_baselines_fit(d, seconds, rows, d->count, &b, err) : status;
    if (status == SJ_OK) {
        constants_table(d, &b, r);
        baseline_rows(d, &b, seconds, r);
        sj_baselines_free(&b);
    }
    free(memory);
    return status;
}

// ---- the comparison

static sj_estimator best_by(const sj_trial *t, double (*loss)(const sj_errors *e)) {
    int best = 0;
    for (int e = 1; e < SJ_ESTIMATOR_COUNT; e++) {
        best = sj_estimator_is_used((sj_estimator)e, t->target) && loss(&t->errors[e]) < loss(&t->errors[best]) ? e : best;
    }
    return (sj_estimator)best;
}

static double rmse_of(const sj_errors *e) { return e->rmse; }

static double mape_of(const sj_errors *e) { return e->mape; }

// What beats STEP or PRE, by which measure.
static void tell_losses(const sj_trial *t, sj_report_table *table) {
    static const sj_estimator ours[] = {SJ_ESTIMATOR_STEP, SJ_ESTIMATOR_PRE};
    for (int o = 0; o < COUNT_OF(ours); o++) {
        for (int e = 0; e < SJ_ESTIMATOR_COUNT; e++) {
            const bool ours_too = e == SJ_ESTIMATOR_STEP || e == SJ_ESTIMATOR_PRE;
            const bool rmse = t->errors[e].rmse < t->errors[ours[o]].rmse, mape = t->errors[e].mape < t->errors[ours[o]].mape;
            if (!ours_too && sj_estimator_is_used((sj_estimator)e, t->target) && (rmse || mape)) {
                sj_table_note(table, "%s beats %s by %s.", sj_estimators[e].name, sj_estimators[ours[o]].name, rmse && mape ? "RMSE and MAPE" : rmse ? "RMSE" : "MAPE");
            }
        }
    }
}

static void error_table(const sj_trial *t, const char *key, const char *title, const char *folds, sj_report *r) {
    sj_estimator which[SJ_ESTIMATOR_COUNT];
    sj_errors errors[SJ_ESTIMATOR_COUNT];
    sj_report_table *table;
    int used = 0;
    for (int e = 0; e < SJ_ESTIMATOR_COUNT; e++) {
        if (sj_estimator_is_used((sj_estimator)e, t->target)) {
            errors[used] = t->errors[e];
            which[used++] = (sj_estimator)e;
        }
    }
    sj_estimate_error_table(r, key, title, which, errors, used, &table);
    sj_table_note(table, "%d runs in %d folds: %s. Least RMSE: %s; least MAPE: %s.", t->count, t->folds, folds, sj_estimators[best_by(t, rmse_of)].name, sj_estimators[best_by(t, mape_of)].name);
    tell_losses(t, table);
}

static void prediction_table(const sj_estimate_data *d, const sj_trial *t, const char *key, const char *title, sj_report *r) {
    static const char *const keys[SJ_ESTIMATOR_COUNT] = {"step_pj", "last_epoch_pj", "pre_pj", "pre_features_pj", "synthetic_pj", "synthetic_fitted_pj", "flops_pj", "tdp_pj", "green_pj", "green_free_pj"};
    sj_report_table *table = sj_report_add(r, key, title, NULL);
    sj_estimate_run_columns(table);
    sj_table_column(table, (sj_column){"fold", "fold", SJ_QUANTITY_INTEGER, NULL, "in which the run was left out", false});
    sj_table_column(table, (sj_column){"energy_pj", "integrated", SJ_QUANTITY_ENERGY_PJ, NULL, "full integration", false});
    for (int e = 0; e < SJ_ESTIMATOR_COUNT; e++) {
        if (sj_estimator_is_used((sj_estimator)e, t->target)) {
            sj_table_column(table, (sj_column){keys[e], sj_estimators[e].name, SJ_QUANTITY_ENERGY_PJ, NULL, NULL, false});
        }
    }
    for (int i = 0; i < d->count; i++) {
        sj_estimate_run_cells(table, &d->runs[i]);
        sj_table_integer(table, (uint64_t)t->fold[i]);
        sj_table_number(table, t->truth[i]);
        for (int e = 0; e < SJ_ESTIMATOR_COUNT; e++) {
            if (sj_estimator_is_used((sj_estimator)e, t->target)) {
                sj_table_number(table, t->predicted[e][i]);
            }
        }
    }
}

// The name of a network without which runs of fewer than two trainings are left; NULL: there is none.
static const char *not_to_be_left_out(const sj_estimate_data *d) {
    for (int n = 0; n < d->network_count; n++) {
        const char *name = "";
        int first = -1;
        bool two = false;
        for (int i = 0; i < d->count; i++) {
            if (d->runs[i].network_index == n) {
                name = d->runs[i].network;
            } else {
                two = two || (first >= 0 && d->runs[i].training != first);
                first = first < 0 ? d->runs[i].training : first;
            }
        }
        if (!two) {
            return name;
        }
    }
    return NULL;
}

sj_status sj_estimate_show_compare(const sj_estimate_options *o, const sj_estimate_data *d, sj_report *r, sj_error *err) {
    sj_trial_options options = {.by_network = false, .folds = o->folds, .seed = o->seed, .target = o->target, .step = o->step};
    sj_trial trainings, networks;
    if (d->training_count < o->folds) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "--folds %d of %d trainings: their runs stay together, so that there may be at most as many folds as trainings%s", o->folds, d->training_count,
                       d->training_count < 2 ? "; one training alone cannot be compared" : "");
    }
    SJ_TRY(sj_trial_run(d, &options, &trainings, err));
    const char *needed = not_to_be_left_out(d);
    const bool by_network = d->network_count > 1 && needed == NULL;
    options.by_network = true;
    if (by_network && sj_trial_run(d, &options, &networks, err) != SJ_OK) {
        sj_trial_free(&trainings);
        return err->status;
    }
    sj_report_note(r, "%d runs: %d trainings of %d networks on %d accelerators. Each run is predicted by what was fitted on runs of other folds; --part predictions lists them.", d->count, d->training_count, d->network_count,
                   d->machine_count);
    error_table(&trainings, "errors", "Trainings left out", "all runs of a training, on whichever accelerator, are in the same one", r);
    if (by_network) {
        error_table(&networks, "errors_networks", "Whole networks left out", "all runs of a network are in the same one", r);
    } else if (d->network_count == 1) {
        sj_report_note(r, "All runs are of one network: there is no table that leaves whole networks out.");
    } else {
        sj_report_note(r, "Networks cannot be left out, and there is no table that does: without %s one training is left, and PRE wants two.", needed);
    }
    prediction_table(d, &trainings, "predictions", "Runs, trainings left out", r);
    sj_trial_free(&trainings);
    if (by_network) {
        prediction_table(d, &networks, "predictions_networks", "Runs, whole networks left out", r);
        sj_trial_free(&networks);
    }
    return SJ_OK;
}
