// SPDX-License-Identifier: Apache-2.0
// Tables with a row a layer: layers, components, roofline; and joules, their sums over layers.
#include <math.h>
#include <string.h>

#include "views_internal.h"

#define NONE ((double)NAN)

// ---- layers

static const sj_column layer_columns[] = {
    SJ_VIEW_HEAD,
    SJ_VIEW_VARIANT,
    {"layer", "layer", SJ_QUANTITY_TEXT, NULL, NULL, false},
    {"kind", "kind", SJ_QUANTITY_TEXT, NULL, NULL, false},
    {"phase", "phase", SJ_QUANTITY_TEXT, NULL, NULL, false},
    SJ_VIEW_BATCH,
    {"cycles", "cycles", SJ_QUANTITY_CYCLES, NULL, NULL, false},
    {"energy_pj", "energy", SJ_QUANTITY_ENERGY_PJ, NULL, "run to completion", false},
    SJ_VIEW_ENERGY_ENDS,
    {"saving", "skip saves", SJ_QUANTITY_SHARE, NULL, "of the gating machine's energy at the same codec: of the rows of skip", false},
    {"bound", "bound", SJ_QUANTITY_TEXT, NULL, "what is busy longest: work (the array or the vector unit), the A or B bus, drain, dram", false},
    {"utilization", "utilization", SJ_QUANTITY_SHARE, NULL, "MACs that were issued in range, of the array's lanes in all cycles", false},
    {"density_a", "density a", SJ_QUANTITY_SHARE, NULL, "nonzeros of operand a as mapped: x in forward, dy in grad_input, x or dy in grad_weight", false},
    {"density_b", "density b", SJ_QUANTITY_SHARE, NULL, "nonzeros of operand b as mapped", false},
    {"macs_active", "nonzero MACs", SJ_QUANTITY_INTEGER, NULL, "MACs of two nonzeros", false},
    {"dram_bytes", "DRAM traffic", SJ_QUANTITY_BYTES, NULL, "read and written, whole bursts", false},
};

// NAN where it is not a row of skip, or gate was not run.
static double saving_of_layer(const sj_stats *run, const sj_stats_variant *v, int i) {
    const sj_stats_variant *gate = v->variant.machine == SJ_MACHINE_SKIP ? sj_stats_find(run, SJ_MACHINE_GATE, v->variant.codec) : NULL;
    const double before = gate != NULL && i < gate->layer_count ? gate->layers[i].energy[SJ_TYPICAL].total_pj : 0.0;
    return before > 0.0 ? 1.0 - v->layers[i].energy[SJ_TYPICAL].total_pj / before : NONE;
}

static void layer_row(sj_report_table *t, const sj_view_result *r, const sj_stats_variant *v, int i) {
    const sj_stat *s = &v->layers[i];
    sj_view_head(t, r->run->label, r->stats->mode);
    sj_view_variant(t, v->variant);
    sj_table_text(t, s->name);
    sj_table_text(t, s->kind);
    sj_table_text(t, sj_phase_name(s->phase));
    sj_view_batch(t, r->stats->batch);
    sj_table_integer(t, s->cycles);
    sj_view_interval(t, r->stats, s->energy);
    sj_table_number(t, saving_of_layer(r->stats, v, i));
    sj_table_text(t, sj_limit_names[sj_stat_bound(s)]);
    sj_table_number(t, sj_stat_utilization(r->stats, s));
    sj_table_number(t, s->density_a);
    sj_table_number(t, s->density_b);
    sj_table_integer(t, s->macs_active);
    sj_view_dram_bytes(t, s);
}

static double saving_of_run_layer(const sj_whole_run *w, const sj_run_variant *v, int i) {
    const sj_run_variant *gate = v->variant.machine == SJ_MACHINE_SKIP ? sj_whole_run_find(w, SJ_MACHINE_GATE, v->variant.codec) : NULL;
    const double before = gate != NULL && i < gate->layer_count ? gate->layers[i].energy_pj : 0.0;
    return before > 0.0 ? 1.0 - v->layers[i].energy_pj / before : NONE;
}

static void run_layer_row(sj_report_table *t, const char *label, const sj_whole_run *w, const sj_run_variant *v, int i) {
    const sj_run_layer *l = &v->layers[i];
    sj_view_head(t, label, SJ_WHOLE_MODE);
    sj_view_variant(t, v->variant);
    sj_table_text(t, l->name);
    sj_table_text(t, l->kind);
    sj_table_text(t, sj_phase_name(l->phase));
    sj_view_batch(t, w->batch);
    sj_table_number(t, l->cycles);
    sj_table_number(t, l->energy_pj);
    sj_table_none(t);
    sj_table_none(t);
    sj_table_number(t, saving_of_run_layer(w, v, i));
    for (int none = 0; none < 6; none++) {
        sj_table_none(t);
    }
}

sj_status sj_view_layers(const sj_views *v, sj_error *err) {
    (void)err;
    sj_report_table *t = sj_report_add(v->report, "layers", "Layer by layer", NULL);
    SJ_VIEW_COLUMNS(t, layer_columns);
    for (int i = 0; i < v->result_count; i++) {
        const sj_stats *run = v->results[i].stats;
        for (int k = 0; k < run->variant_count; k++) {
            for (int l = 0; l < run->variants[k].layer_count; l++) {
                layer_row(t, &v->results[i], &run->variants[k], l);
            }
        }
    }
    for (int r = 0; r < v->run_count; r++) {
        const sj_whole_run *w = v->runs[r].whole;
        for (int k = 0; w != NULL && k < w->variant_count; k++) {
            for (int l = 0; l < w->variants[k].layer_count; l++) {
                run_layer_row(t, v->runs[r].label, w, &w->variants[k], l);
            }
        }
    }
    sj_table_note(t, "The intervals of layers do not add up to that of their sum: errors of different sources partly cancel.");
    return SJ_OK;
}

// ---- components

static const sj_column component_columns[] = {
    SJ_VIEW_HEAD,
    SJ_VIEW_VARIANT,
    {"layer", "layer", SJ_QUANTITY_TEXT, NULL, NULL, false},
    {"phase", "phase", SJ_QUANTITY_TEXT, NULL, NULL, false},
    {"component", "component", SJ_QUANTITY_TEXT, NULL, "what takes the energy", false},
    SJ_VIEW_BATCH,
    {"energy_pj", "energy", SJ_QUANTITY_ENERGY_PJ, NULL, "run to completion; what is 0 is left out", false},
};

typedef struct part {
    const char *label, *mode;
    int64_t batch;
    sj_variant variant;
    const char *layer;  // NULL: of all layers, a table without the column, and with shares of the total
    sj_phase phase;
    double total_pj;
} part;

static void component_rows(sj_report_table *t, const part *p, const double component_pj[SJ_COMPONENT_COUNT]) {
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        if (component_pj[c] == 0.0) {
            continue;
        }
        sj_view_head(t, p->label, p->mode);
        sj_view_variant(t, p->variant);
        if (p->layer != NULL) {
            sj_table_text(t, p->layer);
        }
        sj_table_text(t, sj_phase_name(p->phase));
        sj_table_text(t, sj_component_names[c]);
        sj_view_batch(t, p->batch);
        sj_table_number(t, component_pj[c]);
        if (p->layer == NULL) {
            sj_table_number(t, component_pj[c] / p->total_pj);
        }
    }
}

static void components_of_step(sj_report_table *t, const sj_view_result *r) {
    for (int k = 0; k < r->stats->variant_count; k++) {
        const sj_stats_variant *v = &r->stats->variants[k];
        for (int i = 0; i < v->layer_count; i++) {
            component_rows(t, &(part){r->run->label, r->stats->mode, r->stats->batch, v->variant, v->layers[i].name, v->layers[i].phase, 0.0}, v->layers[i].energy[SJ_TYPICAL].component_pj);
        }
    }
}

static void components_of_whole(sj_report_table *t, const char *label, const sj_whole_run *w) {
    for (int k = 0; k < w->variant_count; k++) {
        const sj_run_variant *v = &w->variants[k];
        for (int i = 0; i < v->layer_count; i++) {
            component_rows(t, &(part){label, SJ_WHOLE_MODE, w->batch, v->variant, v->layers[i].name, v->layers[i].phase, 0.0}, v->layers[i].component_pj);
        }
    }
}

// Calls one of the two for each result and each whole run.
static void each(const sj_views *v, sj_report_table *t, void (*of_step)(sj_report_table *, const sj_view_result *), void (*of_whole)(sj_report_table *, const char *, const sj_whole_run *)) {
    for (int i = 0; i < v->result_count; i++) {
        of_step(t, &v->results[i]);
    }
    for (int r = 0; r < v->run_count; r++) {
        if (v->runs[r].whole != NULL) {
            of_whole(t, v->runs[r].label, v->runs[r].whole);
        }
    }
}

sj_status sj_view_components(const sj_views *v, sj_error *err) {
    (void)err;
    sj_report_table *t = sj_report_add(v->report, "components", "Energy by layer and component", "layers_stacked");
    SJ_VIEW_COLUMNS(t, component_columns);
    each(v, t, components_of_step, components_of_whole);
    return SJ_OK;
}

// ---- joules

static const sj_column joule_columns[] = {
    SJ_VIEW_HEAD,
    SJ_VIEW_VARIANT,
    {"phase", "phase", SJ_QUANTITY_TEXT, NULL, NULL, false},
    {"component", "component", SJ_QUANTITY_TEXT, NULL, "what takes the energy", false},
    SJ_VIEW_BATCH,
    {"energy_pj", "energy", SJ_QUANTITY_ENERGY_PJ, NULL, "of all layers, run to completion; what is 0 is left out", false},
    {"share", "share", SJ_QUANTITY_SHARE, NULL, "of the variant's energy", false},
};

typedef double phase_components[SJ_PHASE_COUNT][SJ_COMPONENT_COUNT];

static void add_components(phase_components sums, sj_phase phase, const double component_pj[SJ_COMPONENT_COUNT]) {
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        sums[phase][c] += component_pj[c];
    }
}

static void joule_rows(sj_report_table *t, part p, const phase_components sums) {
    for (int phase = 0; phase < SJ_PHASE_COUNT; phase++) {
        p.phase = (sj_phase)phase;
        component_rows(t, &p, sums[phase]);
    }
}

static void joules_of_step(sj_report_table *t, const sj_view_result *r) {
    for (int k = 0; k < r->stats->variant_count; k++) {
        const sj_stats_variant *v = &r->stats->variants[k];
        phase_components sums;
        memset(sums, 0, sizeof sums);
        for (int i = 0; i < v->layer_count; i++) {
            add_components(sums, v->layers[i].phase, v->layers[i].energy[SJ_TYPICAL].component_pj);
        }
        joule_rows(t, (part){.label = r->run->label, .mode = r->stats->mode, .batch = r->stats->batch, .variant = v->variant, .total_pj = v->total.energy[SJ_TYPICAL].total_pj}, sums);
    }
}

static void joules_of_whole(sj_report_table *t, const char *label, const sj_whole_run *w) {
    for (int k = 0; k < w->variant_count; k++) {
        const sj_run_variant *v = &w->variants[k];
        phase_components sums;
        memset(sums, 0, sizeof sums);
        for (int i = 0; i < v->layer_count; i++) {
            add_components(sums, v->layers[i].phase, v->layers[i].component_pj);
        }
        joule_rows(t, (part){.label = label, .mode = SJ_WHOLE_MODE, .batch = w->batch, .variant = v->variant, .total_pj = v->total.energy_pj}, sums);
    }
}

sj_status sj_view_joules(const sj_views *v, sj_error *err) {
    (void)err;
    sj_report_table *t = sj_report_add(v->report, "joules", "Where each joule went", "joules");
    SJ_VIEW_COLUMNS(t, joule_columns);
    each(v, t, joules_of_step, joules_of_whole);
    return SJ_OK;
}

// ---- roofline

static const sj_column roofline_columns[] = {
    SJ_VIEW_HEAD,
    SJ_VIEW_VARIANT,
    {"layer", "layer", SJ_QUANTITY_TEXT, NULL, NULL, false},
    {"phase", "phase", SJ_QUANTITY_TEXT, NULL, NULL, false},
    {"bound", "bound", SJ_QUANTITY_TEXT, NULL, "what is busy longest", false},
    SJ_VIEW_BATCH,
    {"macs_per_byte", "MACs a byte", SJ_QUANTITY_OTHER, "MAC/byte", "MACs of two nonzeros over bytes from and to DRAM", false},
    {"macs_per_second", "MACs a second", SJ_QUANTITY_OTHER, "MAC/s", "MACs of two nonzeros over the time of the layer", false},
    {"peak_macs_per_second", "peak of the array", SJ_QUANTITY_OTHER, "MAC/s", "rows x lanes x clock", false},
    {"bytes_per_second_peak", "peak of the DRAM", SJ_QUANTITY_OTHER, "byte/s", "64 bytes a burst, one after the other", false},
};

static void roofline_of_step(sj_report_table *t, const sj_view_result *r) {
    const sj_stats *run = r->stats;
    const sj_dram_type *dram = r->machine->priced ? r->machine->accel.dram : NULL;
    for (int k = 0; k < run->variant_count; k++) {
        const sj_stats_variant *v = &run->variants[k];
        for (int i = 0; i < v->layer_count; i++) {
            const sj_stat *s = &v->layers[i];
            const double bytes = 64.0 * ((double)s->counts.dram_read + (double)s->counts.dram_write), seconds = sj_stat_seconds(run, s), macs = (double)s->macs_active;
            if (s->macs_total == 0) {
                continue;
            }
            sj_view_head(t, r->run->label, run->mode);
            sj_view_variant(t, v->variant);
            sj_table_text(t, s->name);
            sj_table_text(t, sj_phase_name(s->phase));
            sj_table_text(t, sj_limit_names[sj_stat_bound(s)]);
            sj_view_batch(t, run->batch);
            sj_table_number(t, bytes > 0.0 ? macs / bytes : NONE);
            sj_table_number(t, seconds > 0.0 ? macs / seconds : NONE);
            sj_table_number(t, (double)run->rows * (double)run->lanes * run->clock_mhz * 1e6);
            sj_table_number(t, dram != NULL ? 64.0 * (double)dram->clock_khz * 1e3 / (double)dram->burst_ticks : NONE);
        }
    }
}

sj_status sj_view_roofline(const sj_views *v, sj_error *err) {
    (void)err;
    bool products = false;
    for (int i = 0; i < v->result_count; i++) {
        products = products || v->results[i].stats->variants[0].total.macs_total > 0;
    }
    if (!products) {
        return SJ_OK;
    }
    sj_report_table *t = sj_report_add(v->report, "roofline", "Products beneath the roofs of array and DRAM", "roofline");
    SJ_VIEW_COLUMNS(t, roofline_columns);
    for (int i = 0; i < v->result_count; i++) {
        roofline_of_step(t, &v->results[i]);
    }
    sj_table_note(t, "MACs of two nonzeros are the same on all machines, so a machine that skips rises by the time that it saves. A layer's zeros keep it below the roof on dense and gate.");
    for (int r = 0; r < v->run_count; r++) {
        if (v->runs[r].steps != NULL && !v->machines[r].priced) {
            sj_table_note(t, "%s: the peak of its DRAM is not known: %s.", v->runs[r].label, v->machines[r].why);
        }
    }
    return SJ_OK;
}
