// SPDX-License-Identifier: Apache-2.0
// Tables of whole training runs: totals, epochs, states of the method, and what it takes to reach an accuracy.
#include <math.h>
#include <string.h>

#include "views_internal.h"

#define NONE ((double)NAN)

double sj_view_whole_seconds(const sj_whole_run *w, double cycles) { return cycles / (w->clock_mhz * 1e6); }

static double last_known(const sj_whole_run *w, bool f1) {
    double last = NONE;
    for (int e = 0; e < w->epoch_count; e++) {
        last = isnan(w->epochs[e].test_accuracy) ? last : f1 ? w->epochs[e].macro_f1 : w->epochs[e].test_accuracy;
    }
    return last;
}

double sj_view_whole_accuracy(const sj_whole_run *w) { return last_known(w, false); }
double sj_view_whole_macro_f1(const sj_whole_run *w) { return last_known(w, true); }

#define EACH_VARIANT(v, r, i) \
    for (int r = 0; r < (v)->run_count; r++) \
        for (int i = 0; (v)->runs[r].whole != NULL && i < (v)->runs[r].whole->variant_count; i++)

// ---- totals

static const sj_column whole_columns[] = {
    {"run", "run", SJ_QUANTITY_TEXT, NULL, "folder of the run", false},
    SJ_VIEW_VARIANT,
    {"method", "method", SJ_QUANTITY_TEXT, NULL, "how it was trained", false},
    {"energy_pj", "energy", SJ_QUANTITY_ENERGY_PJ, NULL, "of all training iterations, run to completion; tests between epochs are not in it", false},
    SJ_VIEW_ENERGY_ENDS,
    {"energy_kwh", "energy", SJ_QUANTITY_OTHER, "kWh", "the same", false},
    {"seconds", "time", SJ_QUANTITY_SECONDS, NULL, "of all training iterations", false},
    {"error", "error of interpolation", SJ_QUANTITY_SHARE, NULL, "two standard errors of the energy, from traced steps that were left out in turn", false},
    {"error_worst", "worst step", SJ_QUANTITY_SHARE, NULL, "the largest error of one traced step that was left out", false},
    {"saving_vs_gate", "vs gate", SJ_QUANTITY_SHARE, NULL, "less energy than the gating machine at the same codec", false},
    {"saving_vs_first", "vs first", SJ_QUANTITY_SHARE, NULL, "less energy than the first whole run on the same machine and codec, where network and data set are the same", false},
    {"epochs", "epochs", SJ_QUANTITY_INTEGER, NULL, NULL, false},
    {"iterations", "iterations", SJ_QUANTITY_INTEGER, NULL, NULL, false},
    {"traced_steps", "simulated", SJ_QUANTITY_INTEGER, NULL, "iterations that were simulated; the others are interpolated", false},
    {"batch", "batch", SJ_QUANTITY_INTEGER, NULL, NULL, false},
    {"accuracy", "accuracy", SJ_QUANTITY_SHARE, NULL, "on the test set, after the last epoch that was tested", false},
    {"macro_f1", "macro F1", SJ_QUANTITY_SHARE, NULL, NULL, false},
};
static const sj_column emission_column = {"gco2e_g", "emissions", SJ_QUANTITY_OTHER, "g CO2e", "kWh times the intensity that was given", false};

static double less_than(const sj_run_variant *before, const sj_run_variant *after) {
    return before != NULL && before->total.energy_pj > 0.0 ? 1.0 - after->total.energy_pj / before->total.energy_pj : NONE;
}

// There is one where this is asked.
static int first_whole(const sj_views *v) {
    int r = 0;
    while (v->runs[r].whole == NULL) {
        r++;
    }
    return r;
}

static bool is_like(const sj_whole_run *a, const sj_whole_run *b) {
    return strcmp(a->network, b->network) == 0 && strcmp(a->dataset, b->dataset) == 0 && strcmp(a->selection, b->selection) == 0;
}

static double saved_against_gate(const sj_whole_run *w, const sj_run_variant *variant) {
    return variant->variant.machine == SJ_MACHINE_SKIP ? less_than(sj_whole_run_find(w, SJ_MACHINE_GATE, variant->variant.codec), variant) : NONE;
}

static double saved_against_first(const sj_views *v, const sj_whole_run *w, const sj_run_variant *variant) {
    const sj_whole_run *first = v->runs[first_whole(v)].whole;
    return w != first && is_like(first, w) ? less_than(sj_whole_run_find(first, variant->variant.machine, variant->variant.codec), variant) : NONE;
}

static void whole_row(sj_report_table *t, const sj_views *v, int r, const sj_run_variant *variant) {
    const sj_whole_run *w = v->runs[r].whole;
    sj_table_text(t, v->runs[r].label);
    sj_view_variant(t, variant->variant);
    sj_view_text_or_none(t, w->method);
    sj_table_number(t, variant->total.energy_pj);
    sj_table_number(t, variant->low_pj);
    sj_table_number(t, variant->high_pj);
    sj_table_number(t, sj_kwh(variant->total.energy_pj));
    sj_table_number(t, sj_view_whole_seconds(w, variant->total.cycles));
    sj_table_number(t, variant->error.total);
    sj_table_number(t, variant->error.worst);
    sj_table_number(t, saved_against_gate(w, variant));
    sj_table_number(t, saved_against_first(v, w, variant));
    sj_table_integer(t, (uint64_t)w->epoch_count);
    sj_table_integer(t, (uint64_t)w->iterations);
    sj_table_integer(t, (uint64_t)w->traced_steps);
    sj_table_integer(t, (uint64_t)w->batch);
    sj_table_number(t, sj_view_whole_accuracy(w));
    sj_table_number(t, sj_view_whole_macro_f1(w));
    if (!isnan(v->options->gco2_per_kwh)) {
        sj_table_number(t, sj_kwh(variant->total.energy_pj) * v->options->gco2_per_kwh);
    }
}

sj_status sj_view_whole(const sj_views *v, sj_error *err) {
    (void)err;
    if (v->whole_count == 0) {
        return SJ_OK;
    }
    sj_report_table *t = sj_report_add(v->report, "whole", "Whole training runs", NULL);
    SJ_VIEW_COLUMNS(t, whole_columns);
    if (!isnan(v->options->gco2_per_kwh)) {
        sj_table_column(t, emission_column);
    }
    bool unlike = false, plans = false;
    EACH_VARIANT(v, r, i) {
        plans = plans || sj_whole_run_is_plan(v->runs[r].whole);
        whole_row(t, v, r, &v->runs[r].whole->variants[i]);
        unlike = unlike || !is_like(v->runs[first_whole(v)].whole, v->runs[r].whole);
    }
    sj_table_note(t, "Low and high are what the tech file leaves open; the error of interpolation stands beside them and is not in them.");
    if (plans) {
        sj_table_note(t, "A method synthetic+... is of a plan: %s.", sj_plan_note);
    }
    sj_view_note_parts(t, v, false, true);
    if (v->whole_count < v->run_count) {
        sj_table_note(t, "The first whole run, %s, is the baseline.", v->runs[first_whole(v)].label);
    }
    if (unlike) {
        sj_table_note(t, "Runs of another network or data set, or other layers or phases, than the first whole run's are not compared with it.");
    }
    if (!isnan(v->options->gco2_per_kwh)) {
        sj_table_note(t, "Emissions at %.17g g CO2e a kWh, of the accelerator and its DRAM alone: no host, no cooling, no manufacture.", v->options->gco2_per_kwh);
    }
    return SJ_OK;
}

// ---- epochs

static const sj_column epoch_columns[] = {
    {"run", "run", SJ_QUANTITY_TEXT, NULL, "folder of the run", false},
    SJ_VIEW_VARIANT,
    {"epoch", "epoch", SJ_QUANTITY_INTEGER, NULL, "from 0", false},
    {"method_state", "state", SJ_QUANTITY_TEXT, NULL, "what the method was doing, in the epoch's first iteration", false},
    {"energy_pj", "energy", SJ_QUANTITY_ENERGY_PJ, NULL, "of the epoch's iterations", false},
    {"energy_cumulative_pj", "energy so far", SJ_QUANTITY_ENERGY_PJ, NULL, "of this epoch and all before it", false},
    {"seconds", "time", SJ_QUANTITY_SECONDS, NULL, "of the epoch's iterations", false},
    {"loss", "loss", SJ_QUANTITY_NUMBER, NULL, "mean over the epoch", false},
    {"test_accuracy", "accuracy", SJ_QUANTITY_SHARE, NULL, "on the test set, after the epoch", false},
    {"x_density", "density x", SJ_QUANTITY_SHARE, NULL, "nonzeros of the layers' inputs, mean", false},
    {"dy_density", "density dy", SJ_QUANTITY_SHARE, NULL, "nonzeros of their outputs' gradients, mean", false},
};

static void epoch_rows(sj_report_table *t, const char *label, const sj_whole_run *w, const sj_run_variant *variant) {
    double so_far = 0.0;
    for (int e = 0; e < variant->epoch_count && e < w->epoch_count; e++) {
        const sj_run_epoch *epoch = &w->epochs[e];
        so_far += variant->epochs[e].energy_pj;
        sj_table_text(t, label);
        sj_view_variant(t, variant->variant);
        sj_table_integer(t, (uint64_t)epoch->epoch);
        sj_view_text_or_none(t, epoch->state >= 0 && epoch->state < w->state_count ? w->states[epoch->state].name : "");
        sj_table_number(t, variant->epochs[e].energy_pj);
        sj_table_number(t, so_far);
        sj_table_number(t, sj_view_whole_seconds(w, variant->epochs[e].cycles));
        sj_table_number(t, epoch->loss);
        sj_table_number(t, epoch->test_accuracy);
        sj_table_number(t, epoch->x_density);
        sj_table_number(t, epoch->dy_density);
    }
}

sj_status sj_view_epochs(const sj_views *v, sj_error *err) {
    (void)err;
    if (v->whole_count == 0) {
        return SJ_OK;
    }
    sj_report_table *t = sj_report_add(v->report, "epochs", "Energy by epoch", "epochs");
    SJ_VIEW_COLUMNS(t, epoch_columns);
    EACH_VARIANT(v, r, i) { epoch_rows(t, v->runs[r].label, v->runs[r].whole, &v->runs[r].whole->variants[i]); }
    sj_table_note(t, "Epochs count from 0.");
    sj_view_note_parts(t, v, false, true);
    return SJ_OK;
}

// ---- states of the method

static const sj_column state_columns[] = {
    {"run", "run", SJ_QUANTITY_TEXT, NULL, "folder of the run", false},
    SJ_VIEW_VARIANT,
    {"method_state", "state", SJ_QUANTITY_TEXT, NULL, "what the method was doing", false},
    {"iterations", "iterations", SJ_QUANTITY_INTEGER, NULL, NULL, false},
    {"traced", "simulated", SJ_QUANTITY_INTEGER, NULL, "iterations that were simulated", false},
    {"energy_pj", "energy", SJ_QUANTITY_ENERGY_PJ, NULL, "of all iterations of this state", false},
    {"energy_per_iteration_pj", "an iteration", SJ_QUANTITY_ENERGY_PJ, NULL, "mean energy of one iteration", false},
    {"share", "share", SJ_QUANTITY_SHARE, NULL, "of the whole run's energy", false},
    {"seconds", "time", SJ_QUANTITY_SECONDS, NULL, NULL, false},
};

static void state_rows(sj_report_table *t, const char *label, const sj_whole_run *w, const sj_run_variant *variant) {
    for (int s = 0; s < variant->state_count && s < w->state_count; s++) {
        const double energy_pj = variant->states[s].energy_pj;
        sj_table_text(t, label);
        sj_view_variant(t, variant->variant);
        sj_view_text_or_none(t, w->states[s].name);
        sj_table_integer(t, (uint64_t)w->states[s].iterations);
        sj_table_integer(t, (uint64_t)w->states[s].traced);
        sj_table_number(t, energy_pj);
        sj_table_number(t, w->states[s].iterations > 0 ? energy_pj / (double)w->states[s].iterations : NONE);
        sj_table_number(t, variant->total.energy_pj > 0.0 ? energy_pj / variant->total.energy_pj : NONE);
        sj_table_number(t, sj_view_whole_seconds(w, variant->states[s].cycles));
    }
}

sj_status sj_view_states(const sj_views *v, sj_error *err) {
    (void)err;
    if (v->whole_count == 0) {
        return SJ_OK;
    }
    sj_report_table *t = sj_report_add(v->report, "states", "Energy by state of the method", NULL);
    SJ_VIEW_COLUMNS(t, state_columns);
    EACH_VARIANT(v, r, i) { state_rows(t, v->runs[r].label, v->runs[r].whole, &v->runs[r].whole->variants[i]); }
    sj_view_note_parts(t, v, false, true);
    return SJ_OK;
}

// ---- until an accuracy is reached

static const sj_column target_columns[] = {
    {"run", "run", SJ_QUANTITY_TEXT, NULL, "folder of the run", false},
    SJ_VIEW_VARIANT,
    {"reached", "reached", SJ_QUANTITY_TEXT, NULL, "whether the test accuracy was at least the target after any epoch; unknown: no accuracy stands in run.json", false},
    {"epoch", "epoch", SJ_QUANTITY_INTEGER, NULL, "the first after which it was, from 0", false},
    {"test_accuracy", "accuracy", SJ_QUANTITY_SHARE, NULL, "after that epoch; of a run that never reached it, the best", false},
    {"energy_pj", "energy", SJ_QUANTITY_ENERGY_PJ, NULL, "up to and with that epoch", false},
    {"energy_kwh", "energy", SJ_QUANTITY_OTHER, "kWh", "the same", false},
    {"seconds", "time", SJ_QUANTITY_SECONDS, NULL, "up to and with that epoch", false},
};

static double best_accuracy(const sj_whole_run *w) {
    double best = NONE;
    for (int e = 0; e < w->epoch_count; e++) {
        best = fmax(best, w->epochs[e].test_accuracy);  // fmax passes over NAN
    }
    return best;
}

static void target_row(sj_report_table *t, const char *label, const sj_whole_run *w, const sj_run_variant *variant, double target) {
    const int reached = sj_whole_run_reaches(w, target);
    double energy_pj = 0.0, cycles = 0.0;
    for (int e = 0; e <= reached && e < variant->epoch_count; e++) {
        energy_pj += variant->epochs[e].energy_pj;
        cycles += variant->epochs[e].cycles;
    }
    sj_table_text(t, label);
    sj_view_variant(t, variant->variant);
    sj_table_text(t, reached >= 0 ? "yes" : isnan(best_accuracy(w)) ? "unknown" : "never");
    if (reached < 0) {
        sj_table_none(t);
        sj_table_number(t, best_accuracy(w));
        sj_table_none(t);
        sj_table_none(t);
        sj_table_none(t);
        return;
    }
    sj_table_integer(t, (uint64_t)w->epochs[reached].epoch);
    sj_table_number(t, w->epochs[reached].test_accuracy);
    sj_table_number(t, energy_pj);
    sj_table_number(t, sj_kwh(energy_pj));
    sj_table_number(t, sj_view_whole_seconds(w, cycles));
}

static bool any_of_all_layers(const sj_views *v) {
    bool any = false;
    for (int r = 0; r < v->run_count; r++) {
        any = any || (v->runs[r].whole != NULL && v->runs[r].whole->selection[0] == '\0');
    }
    return any;
}

// Of a RUN whose row tells no energy, or that has none: why. NULL: no whole run.
static void note_target(sj_report_table *t, const char *label, const sj_whole_run *w, double target) {
    if (w != NULL && w->selection[0] != '\0') {
        sj_table_note(t, "%s is left out: it is only %s.", label, w->selection);
    } else if (w != NULL && isnan(best_accuracy(w))) {
        sj_table_note(t, "%s: whether it reaches it is not known: there was no metrics.csv beside its trace.", label);
    } else if (w != NULL && sj_whole_run_reaches(w, target) < 0) {
        sj_table_note(t, "%s never reaches it.", label);
    }
}

sj_status sj_view_target(const sj_views *v, sj_error *err) {
    (void)err;
    const double target = v->options->target_accuracy;
    if (isnan(target) || !any_of_all_layers(v)) {
        return SJ_OK;
    }
    sj_report_table *t = sj_report_add(v->report, "target", "Until the accuracy is reached", NULL);
    SJ_VIEW_COLUMNS(t, target_columns);
    EACH_VARIANT(v, r, i) {
        if (v->runs[r].whole->selection[0] == '\0') {
            target_row(t, v->runs[r].label, v->runs[r].whole, &v->runs[r].whole->variants[i], target);
        }
    }
    sj_table_note(t, "Target: a test accuracy of %.6g %%. Epochs count from 0.", 100.0 * target);
    for (int r = 0; r < v->run_count; r++) {
        note_target(t, v->runs[r].label, v->runs[r].whole, target);
    }
    return SJ_OK;
}
