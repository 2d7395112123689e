// SPDX-License-Identifier: Apache-2.0
// Tables that are there for their charts: density, and accuracy against energy.
#include <math.h>
#include <string.h>

#include "views_internal.h"

#define NONE ((double)NAN)

// ---- density

static void density_columns(sj_report_table *t, const sj_views *v) {
    const char *time = v->whole_count == v->run_count ? "epoch" : v->whole_count == 0 ? "step" : "epoch or step";
    const sj_column columns[] = {
        {"run", "run", SJ_QUANTITY_TEXT, NULL, "folder of the run", false},
        {"layer", "layer", SJ_QUANTITY_TEXT, NULL, NULL, false},
        {"epoch", time, SJ_QUANTITY_INTEGER, NULL, "of whole runs the epoch, of others the step of the training", false},
        {"x_density", "density of x", SJ_QUANTITY_SHARE, NULL, "nonzeros of the layer's input", false},
        {"dy_density", "density of dy", SJ_QUANTITY_SHARE, NULL, "nonzeros of its output's gradient", false},
    };
    SJ_VIEW_COLUMNS(t, columns);
}

// x is the operand a of a layer's forward product, dy that of its grad_input: the first layer has none, and its dy is not known.
static double density_of(const sj_stats_variant *v, const char *layer, sj_phase phase) {
    for (int i = 0; i < v->layer_count; i++) {
        if (v->layers[i].phase == phase && v->layers[i].macs_total > 0 && strcmp(v->layers[i].name, layer) == 0) {
            return v->layers[i].density_a;
        }
    }
    return NONE;
}

static bool has_density(const sj_stats *run) {
    return !sj_view_is_skipped(run) && strcmp(run->mode, "gemm") != 0;
}

// Each step of a RUN once, whatever batches it was simulated at; its training rather than an inference after the same step, which has no gradients.
static bool is_repeated(const sj_compared *c, int i) {
    const bool trains = strcmp(c->runs[i].mode, "train") == 0;
    for (int j = 0; j < c->count; j++) {
        const bool other_trains = strcmp(c->runs[j].mode, "train") == 0;
        if (j != i && c->runs[j].step == c->runs[i].step && (other_trains == trains ? j < i : other_trains)) {
            return true;
        }
    }
    return false;
}

// These count the rows; NULL takes none.
static int density_of_step(sj_report_table *t, const char *label, const sj_stats *run) {
    const sj_stats_variant *v = &run->variants[0];
    int rows = 0;
    for (int i = 0; i < v->layer_count; i++) {
        const sj_stat *s = &v->layers[i];
        if (s->phase == SJ_PHASE_FORWARD && s->macs_total > 0) {
            sj_table_text(t, label);
            sj_table_text(t, s->name);
            sj_table_integer(t, (uint64_t)run->step);
            sj_table_number(t, s->density_a);
            sj_table_number(t, density_of(v, s->name, SJ_PHASE_GRAD_INPUT));
            rows++;
        }
    }
    return rows;
}

static int density_of_whole(sj_report_table *t, const char *label, const sj_whole_run *w) {
    int rows = 0;
    for (int e = 0; e < w->epoch_count; e++) {
        for (int i = 0; i < w->layer_count; i++) {
            const double x = (double)w->x_density[e * w->layer_count + i], dy = (double)w->dy_density[e * w->layer_count + i];
            if (isnan(x) && isnan(dy)) {
                continue;
            }
            sj_table_text(t, label);
            sj_table_text(t, w->layer_names[i]);
            sj_table_integer(t, (uint64_t)w->epochs[e].epoch);
            sj_table_number(t, x);
            sj_table_number(t, dy);
            rows++;
        }
    }
    return rows;
}

static int all_densities(sj_report_table *t, const sj_views *v) {
    int rows = 0;
    for (int r = 0; r < v->run_count; r++) {
        const sj_compared *c = v->runs[r].steps;
        for (int i = 0; c != NULL && i < c->count; i++) {
            rows += has_density(&c->runs[i]) && !is_repeated(c, i) ? density_of_step(t, v->runs[r].label, &c->runs[i]) : 0;
        }
        rows += v->runs[r].whole != NULL ? density_of_whole(t, v->runs[r].label, v->runs[r].whole) : 0;
    }
    return rows;
}

sj_status sj_view_density(const sj_views *v, sj_error *err) {
    (void)err;
    if (all_densities(NULL, v) == 0) {
        return SJ_OK;
    }
    sj_report_table *t = sj_report_add(v->report, "density", "Nonzeros of activations and gradients", "density_map");
    density_columns(t, v);
    all_densities(t, v);
    sj_table_note(t, "Of steps: the stored images' operands as simulated, by step; of whole runs: means over each epoch's iterations, of whole batches.");
    return SJ_OK;
}

// ---- accuracy against energy

static const sj_column accuracy_columns[] = {
    {"run", "run", SJ_QUANTITY_TEXT, NULL, "folder of the run", false},
    {"method", "method", SJ_QUANTITY_TEXT, NULL, "how it was trained", false},
    SJ_VIEW_VARIANT,
    {"energy_pj", "energy", SJ_QUANTITY_ENERGY_PJ, NULL, "of what the note says", false},
    SJ_VIEW_ENERGY_ENDS,
    {"accuracy", "accuracy", SJ_QUANTITY_SHARE, NULL, "on the test set, after the last epoch", false},
    {"macro_f1", "macro F1", SJ_QUANTITY_SHARE, NULL, "on the test set, after the last epoch", false},
};

static void accuracy_head(sj_report_table *t, const char *label, const char *method, sj_variant variant) {
    sj_table_text(t, label);
    sj_view_text_or_none(t, method);
    sj_view_variant(t, variant);
}

static void accuracy_of_whole(sj_report_table *t, const char *label, const sj_whole_run *w) {
    for (int i = 0; i < w->variant_count; i++) {
        accuracy_head(t, label, w->method, w->variants[i].variant);
        sj_table_number(t, w->variants[i].total.energy_pj);
        sj_table_number(t, w->variants[i].low_pj);
        sj_table_number(t, w->variants[i].high_pj);
        sj_table_number(t, sj_view_whole_accuracy(w));
        sj_table_number(t, sj_view_whole_macro_f1(w));
    }
}

static void accuracy_of_step(sj_report_table *t, const sj_view_result *r) {
    for (int i = 0; i < r->stats->variant_count; i++) {
        accuracy_head(t, r->run->label, r->stats->method, r->stats->variants[i].variant);
        sj_view_interval(t, r->stats, r->stats->variants[i].total.energy);
        sj_table_number(t, r->run->steps->accuracy);
        sj_table_number(t, r->run->steps->macro_f1);
    }
}

// An accuracy belongs to all layers and phases: beside the energy of some it would say nothing.
static bool has_whole_accuracy(const sj_whole_run *w) { return w != NULL && w->selection[0] == '\0' && !isnan(sj_view_whole_accuracy(w)); }
static bool has_step_accuracy(const sj_view_result *r) { return r->stats->selection[0] == '\0' && !isnan(r->run->steps->accuracy); }

// The kind of result that is shown: of the first RUN with an accuracy, a training step where there is one.
static const sj_stats *shown_kind(const sj_views *v) {
    const sj_stats *kind = NULL;
    for (int i = 0; i < v->result_count; i++) {
        const sj_view_result *r = &v->results[i];
        if (has_step_accuracy(r) && (kind == NULL || (strcmp(kind->mode, "train") != 0 && strcmp(r->stats->mode, "train") == 0))) {
            kind = r->stats;
        }
    }
    return kind;
}

static const char *dataset_of(const sj_views *v, int r) { return v->runs[r].whole != NULL ? v->runs[r].whole->dataset : v->runs[r].steps->runs[0].dataset; }

// Accuracies on different data sets are no scale to compare on.
static bool datasets_differ(const sj_views *v) {
    const char *first = NULL;
    for (int r = 0; r < v->run_count; r++) {
        const bool counts = v->whole_count == 0 || v->runs[r].whole != NULL;
        if (counts && first != NULL && strcmp(first, dataset_of(v, r)) != 0) {
            return true;
        }
        first = counts && first == NULL ? dataset_of(v, r) : first;
    }
    return false;
}

static bool any_whole_accuracy(const sj_views *v) {
    bool any = false;
    for (int r = 0; r < v->run_count; r++) {
        any = any || has_whole_accuracy(v->runs[r].whole);
    }
    return any;
}

static void note_left_out(sj_report_table *t, const sj_views *v, bool of_whole) {
    for (int r = 0; r < v->run_count; r++) {
        const sj_whole_run *w = v->runs[r].whole;
        if (of_whole && w != NULL && w->selection[0] != '\0') {
            sj_table_note(t, "%s is left out: it is only %s.", v->runs[r].label, w->selection);
        } else if (of_whole && w != NULL && !has_whole_accuracy(w)) {
            sj_table_note(t, "%s is left out: its accuracy is not known.", v->runs[r].label);
        }
    }
    for (int i = 0; i < v->result_count && !of_whole; i++) {
        if (v->results[i].stats->selection[0] != '\0') {
            sj_table_note(t, "%s is left out: it is only %s.", v->results[i].run->label, v->results[i].stats->selection);
        }
    }
}

sj_status sj_view_accuracy_energy(const sj_views *v, sj_error *err) {
    (void)err;
    const bool of_whole = any_whole_accuracy(v);
    const sj_stats *kind = of_whole || v->whole_count > 0 ? NULL : shown_kind(v);
    if (!of_whole && kind == NULL) {
        return SJ_OK;
    }
    if (datasets_differ(v)) {
        sj_report_note(v->report, "The table accuracy_energy is left out. The runs are of different data sets.");
        return SJ_OK;
    }
    sj_report_table *t = sj_report_add(v->report, "accuracy_energy", "Accuracy and energy", "accuracy_energy");
    SJ_VIEW_COLUMNS(t, accuracy_columns);
    for (int r = 0; r < v->run_count && of_whole; r++) {
        if (has_whole_accuracy(v->runs[r].whole)) {
            accuracy_of_whole(t, v->runs[r].label, v->runs[r].whole);
        }
    }
    for (int i = 0; i < v->result_count && !of_whole; i++) {
        const sj_view_result *r = &v->results[i];
        if (strcmp(r->stats->mode, kind->mode) == 0 && r->stats->batch == kind->batch && has_step_accuracy(r)) {
            accuracy_of_step(t, r);
        }
    }
    if (of_whole) {
        sj_table_note(t, "Energy of the whole training.");
    } else {
        sj_table_note(t, "Energy of %s at batch %lld, not of the whole training, which `sim --whole-run` gives.", strcmp(kind->mode, "eval") == 0 ? "an inference" : "one training step", (long long)kind->batch);
    }
    note_left_out(t, v, of_whole);
    return SJ_OK;
}
