// SPDX-License-Identifier: Apache-2.0
// Tables with a row a result or a variant of it: summary, machines, steps.
#include <math.h>
#include <string.h>

#include "views_internal.h"
#include "sj_synth.h"

#define NONE ((double)NAN)

// ---- summary

static const sj_column summary_columns[] = {
    {"run", "run", SJ_QUANTITY_TEXT, NULL, "folder of the run", false},
    {"network", "network", SJ_QUANTITY_TEXT, NULL, NULL, false},
    {"dataset", "data set", SJ_QUANTITY_TEXT, NULL, NULL, false},
    {"method", "method", SJ_QUANTITY_TEXT, NULL, "how it was trained", false},
    {"accel", "accelerator", SJ_QUANTITY_TEXT, NULL, NULL, false},
    {"tech", "tech", SJ_QUANTITY_TEXT, NULL, "technology file", false},
    {"fidelity", "fidelity", SJ_QUANTITY_TEXT, NULL, "fast, systemc and rtl give the same figures", false},
    {"mode", "mode", SJ_QUANTITY_TEXT, NULL, "train: a training step; eval: an inference; whole run: a whole training", false},
    {"step", "step", SJ_QUANTITY_INTEGER, NULL, "of the training", false},
    {"batch", "batch", SJ_QUANTITY_INTEGER, NULL, "images processed together", false},
    {"method_state", "state", SJ_QUANTITY_TEXT, NULL, "what the method was doing in this step, where that is more than its name", false},
    {"selection", "only", SJ_QUANTITY_TEXT, NULL, "layer or phase that alone was simulated", false},
    {"penalty", "penalty", SJ_QUANTITY_TEXT, NULL, "work of the loss's penalty: charged, or left out, and the energy is a lower bound", false},
    {"quantised", "quantised", SJ_QUANTITY_TEXT, NULL, "int8 made of the trace's values", false},
    {"fused", "fused", SJ_QUANTITY_TEXT, NULL, "batch norm and ReLU as part of the product before them (inference)", false},
    {"epochs", "epochs", SJ_QUANTITY_INTEGER, NULL, "of the training", false},
    {"accuracy", "accuracy", SJ_QUANTITY_SHARE, NULL, "on the test set, after the last epoch", false},
    {"macro_f1", "macro F1", SJ_QUANTITY_SHARE, NULL, "on the test set, after the last epoch", false},
    {"asic_ratio", "asic_ratio", SJ_QUANTITY_NUMBER, NULL, "EAT's metric, where the training counted it", false},
};

static void summary_of_step(sj_report_table *t, const sj_view_result *r) {
    const sj_stats *s = r->stats;
    const sj_compared *c = r->run->steps;
    const char *const texts[] = {s->network, s->dataset, s->method, s->accel, s->tech, s->fidelity, s->mode};
    sj_table_text(t, r->run->label);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        sj_view_text_or_none(t, texts[i]);
    }
    sj_table_integer(t, (uint64_t)s->step);
    sj_table_integer(t, (uint64_t)s->batch);
    sj_view_text_or_none(t, s->method_state);
    sj_view_text_or_none(t, s->selection);
    sj_view_text_or_none(t, sj_penalty_work_names[s->penalty]);
    sj_table_text(t, s->quantised ? "yes" : "no");
    sj_view_text_or_none(t, strcmp(s->mode, "eval") != 0 ? "" : s->no_fuse ? "no" : "yes");
    if (c->epochs > 0) {
        sj_table_integer(t, (uint64_t)c->epochs);
    } else {
        sj_table_none(t);
    }
    sj_table_number(t, c->accuracy);
    sj_table_number(t, c->macro_f1);
    sj_table_number(t, c->asic_ratio);
}

static void summary_of_whole(sj_report_table *t, const char *label, const sj_whole_run *w) {
    const char *const texts[] = {w->network, w->dataset, w->method, w->accel, w->tech, w->fidelity, SJ_WHOLE_MODE};
    sj_table_text(t, label);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        sj_view_text_or_none(t, texts[i]);
    }
    sj_table_none(t);
    sj_table_integer(t, (uint64_t)w->batch);
    sj_table_none(t);
    sj_view_text_or_none(t, w->selection);
    sj_view_text_or_none(t, sj_penalty_work_names[w->penalty]);
    sj_table_text(t, w->quantised ? "yes" : "no");
    sj_table_none(t);
    sj_table_integer(t, (uint64_t)w->epoch_count);
    sj_table_number(t, sj_view_whole_accuracy(w));
    sj_table_number(t, sj_view_whole_macro_f1(w));
    sj_table_none(t);
}

static bool has_plan(const sj_views *v) {
    bool plan = false;
    for (int i = 0; i < v->result_count; i++) {
        plan = plan || sj_synth_is_plan(v->results[i].stats->method);
    }
    for (int r = 0; r < v->run_count; r++) {
        plan = plan || (v->runs[r].whole != NULL && sj_whole_run_is_plan(v->runs[r].whole));
    }
    return plan;
}

static bool leaves_penalty_out(const sj_views *v) {
    bool any = false;
    for (int i = 0; i < v->result_count; i++) {
        any = any || v->results[i].stats->penalty == SJ_PENALTY_WORK_LEFT_OUT;
    }
    for (int r = 0; r < v->run_count; r++) {
        any = any || (v->runs[r].whole != NULL && v->runs[r].whole->penalty == SJ_PENALTY_WORK_LEFT_OUT);
    }
    return any;
}

sj_status sj_view_summary(const sj_views *v, sj_error *err) {
    (void)err;
    sj_report_table *t = sj_report_add(v->report, "summary", "What was run", NULL);
    SJ_VIEW_COLUMNS(t, summary_columns);
    for (int i = 0; i < v->result_count; i++) {
        summary_of_step(t, &v->results[i]);
    }
    for (int r = 0; r < v->run_count; r++) {
        if (v->runs[r].whole != NULL) {
            summary_of_whole(t, v->runs[r].label, v->runs[r].whole);
        }
    }
    if (has_plan(v)) {
        sj_table_note(t, "A method synthetic+... is of a plan: %s.", sj_plan_note);
    }
    if (leaves_penalty_out(v)) {
        sj_table_note(t, "Penalty left out: a lower bound: %s.", sj_penalty_left_out);
    }
    return SJ_OK;
}

// ---- machines

static const sj_column machine_columns[] = {
    SJ_VIEW_HEAD,
    SJ_VIEW_VARIANT,
    SJ_VIEW_BATCH,
    {"energy_pj", "energy", SJ_QUANTITY_ENERGY_PJ, NULL, "run to completion: dynamic energy, leakage and DRAM standby", false},
    SJ_VIEW_ENERGY_ENDS,
    {"cycles", "cycles", SJ_QUANTITY_CYCLES, NULL, "of the machine's clock", false},
    {"seconds", "time", SJ_QUANTITY_SECONDS, NULL, "cycles over the clock", false},
    {"power_w", "power", SJ_QUANTITY_OTHER, "W", "energy over time", false},
    {"utilization", "utilization", SJ_QUANTITY_SHARE, NULL, "MACs that were issued in range, of the array's lanes in all cycles", false},
    {"area_mm2", "silicon", SJ_QUANTITY_OTHER, "mm2", "typical, DRAM left out", false},
    {"dram_bytes", "DRAM traffic", SJ_QUANTITY_BYTES, NULL, "read and written, whole bursts", false},
};

static void machines_of_step(sj_report_table *t, const sj_view_result *r) {
    const sj_stats *s = r->stats;
    for (int i = 0; i < s->variant_count; i++) {
        const sj_stats_variant *variant = &s->variants[i];
        const sj_stat *total = &variant->total;
        const double seconds = sj_stat_seconds(s, total);
        sj_view_head(t, r->run->label, s->mode);
        sj_view_variant(t, variant->variant);
        sj_view_batch(t, s->batch);
        sj_view_interval(t, s, total->energy);
        sj_table_integer(t, total->cycles);
        sj_table_number(t, seconds);
        sj_table_number(t, seconds > 0.0 ? total->energy[SJ_TYPICAL].total_pj * 1e-12 / seconds : NONE);
        sj_table_number(t, sj_stat_utilization(s, total));
        sj_table_number(t, s->has_area[variant->variant.machine] ? s->area[variant->variant.machine].total_mm2[SJ_TYPICAL] : NONE);
        sj_view_dram_bytes(t, total);
    }
}

static void machines_of_whole(sj_report_table *t, const char *label, const sj_whole_run *w) {
    for (int i = 0; i < w->variant_count; i++) {
        const sj_run_variant *variant = &w->variants[i];
        const double seconds = sj_view_whole_seconds(w, variant->total.cycles);
        sj_view_head(t, label, SJ_WHOLE_MODE);
        sj_view_variant(t, variant->variant);
        sj_view_batch(t, w->batch);
        sj_table_number(t, variant->total.energy_pj);
        sj_table_number(t, variant->low_pj);
        sj_table_number(t, variant->high_pj);
        sj_table_number(t, variant->total.cycles);
        sj_table_number(t, seconds);
        sj_table_number(t, seconds > 0.0 ? variant->total.energy_pj * 1e-12 / seconds : NONE);
        sj_table_none(t);
        sj_table_none(t);
        sj_table_number(t, variant->total.dram_read_bytes + variant->total.dram_write_bytes);
    }
}

sj_status sj_view_machines(const sj_views *v, sj_error *err) {
    (void)err;
    sj_report_table *t = sj_report_add(v->report, "machines", "Machines side by side", "machines");
    SJ_VIEW_COLUMNS(t, machine_columns);
    for (int i = 0; i < v->result_count; i++) {
        machines_of_step(t, &v->results[i]);
    }
    for (int r = 0; r < v->run_count; r++) {
        if (v->runs[r].whole != NULL) {
            machines_of_whole(t, v->runs[r].label, v->runs[r].whole);
        }
    }
    sj_table_note(t, "Low and high: each source of error of the tech file moved to its ends, what that changes added in quadrature. Intervals of two machines move together: which of them takes less is what the "
                     "interval of the saving says, not the overlap of these.");
    sj_view_note_parts(t, v, true, true);
    sj_view_note_states(t, v);
    return SJ_OK;
}

// ---- steps

static const sj_column step_columns[] = {
    SJ_VIEW_HEAD,
    SJ_VIEW_VARIANT,
    {"method_state", "state", SJ_QUANTITY_TEXT, NULL, "what the method was doing, where that is more than its name", false},
    SJ_VIEW_BATCH,
    {"step", "step", SJ_QUANTITY_INTEGER, NULL, "of the training", false},
    {"energy_pj", "energy", SJ_QUANTITY_ENERGY_PJ, NULL, "run to completion", false},
    SJ_VIEW_ENERGY_ENDS,
    {"cycles", "cycles", SJ_QUANTITY_CYCLES, NULL, NULL, false},
    {"seconds", "time", SJ_QUANTITY_SECONDS, NULL, NULL, false},
    {"macs_active", "nonzero MACs", SJ_QUANTITY_INTEGER, NULL, "MACs of two nonzeros", false},
    {"dram_bytes", "DRAM traffic", SJ_QUANTITY_BYTES, NULL, NULL, false},
};

static void rows_of_step(sj_report_table *t, const char *label, const sj_stats *s) {
    for (int i = 0; i < s->variant_count; i++) {
        const sj_stat *total = &s->variants[i].total;
        sj_view_head(t, label, s->mode);
        sj_view_variant(t, s->variants[i].variant);
        sj_view_text_or_none(t, s->method_state);
        sj_view_batch(t, s->batch);
        sj_table_integer(t, (uint64_t)s->step);
        sj_view_interval(t, s, total->energy);
        sj_table_integer(t, total->cycles);
        sj_table_number(t, sj_stat_seconds(s, total));
        sj_table_integer(t, total->macs_active);
        sj_view_dram_bytes(t, total);
    }
}

sj_status sj_view_steps(const sj_views *v, sj_error *err) {
    (void)err;
    bool several = false;
    for (int i = 0; i < v->result_count; i++) {
        several = several || v->results[i].alike > 1;
    }
    if (!several) {
        return SJ_OK;
    }
    sj_report_table *t = sj_report_add(v->report, "steps", "All steps", NULL);
    SJ_VIEW_COLUMNS(t, step_columns);
    for (int r = 0; r < v->run_count; r++) {
        for (int i = 0; v->runs[r].steps != NULL && i < v->runs[r].steps->count; i++) {
            rows_of_step(t, v->runs[r].label, &v->runs[r].steps->runs[i]);
        }
    }
    return SJ_OK;
}
