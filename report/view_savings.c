// SPDX-License-Identifier: Apache-2.0
// Savings: the comparison with gating and with the first run, by what energy is saved, and what skipping saves by phase and account.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "views_internal.h"

#define NONE ((double)NAN)

// ---- comparison

static const sj_column comparison_columns[] = {
    SJ_VIEW_HEAD,
    SJ_VIEW_VARIANT,
    {"method", "method", SJ_QUANTITY_TEXT, NULL, NULL, false},
    SJ_VIEW_BATCH,
    {"step", "step", SJ_QUANTITY_INTEGER, NULL, "of the training", false},
    {"seed", "seed", SJ_QUANTITY_INTEGER, NULL, "of the training", false},
    {"accuracy", "accuracy", SJ_QUANTITY_SHARE, NULL, "on the test set, after the last epoch", false},
    {"asic_ratio", "asic_ratio", SJ_QUANTITY_NUMBER, NULL, "EAT's metric, where the training counted it", false},
    {"cycles", "cycles", SJ_QUANTITY_CYCLES, NULL, NULL, false},
    {"seconds", "time", SJ_QUANTITY_SECONDS, NULL, NULL, false},
    {"energy_pj", "energy", SJ_QUANTITY_ENERGY_PJ, NULL, "run to completion", false},
    SJ_VIEW_ENERGY_ENDS,
    SJ_VIEW_SAVING("saving_vs_gate", "vs gate", "less energy than the gating machine of the same run and codec, run to completion"),
    SJ_VIEW_SAVING("saving_vs_first", "vs first", "less energy than the first run with the same machine and codec, whatever its accelerator and tech file, run to completion"),
    {"accel", "accelerator", SJ_QUANTITY_TEXT, NULL, NULL, false},
    {"method_state", "state", SJ_QUANTITY_TEXT, NULL, "what the method was doing in this step, where that is more than its name", false},
};

static void comparison_row(sj_report_table *t, const char *label, const sj_comparison *c) {
    const sj_stats *run = c->run;
    const sj_stat *total = &c->variant->total;
    sj_view_head(t, label, run->mode);
    sj_view_variant(t, c->variant->variant);
    sj_view_text_or_none(t, run->method);
    sj_view_batch(t, run->batch);
    sj_table_integer(t, (uint64_t)run->step);
    if (run->provenance.has_seed && run->provenance.seed >= 0) {
        sj_table_integer(t, (uint64_t)run->provenance.seed);
    } else {
        sj_table_none(t);
    }
    sj_table_number(t, c->source->accuracy);
    sj_table_number(t, c->source->asic_ratio);
    sj_table_integer(t, total->cycles);
    sj_table_number(t, sj_stat_seconds(run, total));
    sj_view_interval(t, run, total->energy);
    sj_view_saving(t, &c->vs_gate);
    sj_view_saving(t, &c->vs_baseline);
    sj_view_text_or_none(t, run->accel);
    sj_view_text_or_none(t, run->method_state);
}

// The runs with steps, one after the other, as sj_compare takes them; of[i] is the i-th one's place among all.
typedef struct compared_runs {
    sj_compared *runs;  // copies: what they point to is borrowed
    int *of, count;
} compared_runs;

static sj_status gather(const sj_views *v, compared_runs *c, sj_error *err) {
    void *memory;
    memset(c, 0, sizeof *c);
    SJ_TRY(sj_alloc(&memory, (uint64_t)v->run_count + 1, sizeof(sj_compared), "the runs", err));
    c->runs = memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)v->run_count + 1, sizeof(int), "the runs", err));
    c->of = memory;
    for (int r = 0; r < v->run_count; r++) {
        if (v->runs[r].steps != NULL) {
            c->of[c->count] = r;
            c->runs[c->count++] = *v->runs[r].steps;
        }
    }
    return SJ_OK;
}

static void add_comparison(const sj_views *v, const compared_runs *c, const sj_comparison_list *l) {
    sj_report_table *t = sj_report_add(v->report, "comparison", "Savings against gating and against the first run", NULL);
    bool open = false, any = false, techs = false;
    SJ_VIEW_COLUMNS(t, comparison_columns);
    for (int i = 0; i < l->count; i++) {
        const sj_comparison *row = &l->rows[i];
        comparison_row(t, v->runs[c->of[row->source - c->runs]].label, row);
        open = open || sj_saving_sign_is_open(&row->vs_gate) || sj_saving_sign_is_open(&row->vs_baseline);
        any = any || !isnan(row->vs_gate.low) || !isnan(row->vs_baseline.low);
        techs = techs || row->other_tech;
    }
    if (any) {
        sj_table_note(t, "Low and high: the saving's own interval, from the tech file's figures; a source of error moves in both results at once.%s",
                      open ? " Where it holds zero, which of the two takes less is not certain." : "");
    }
    if (v->whole_count > 0) {
        sj_table_note(t, "The first run with simulated steps, %s, is the baseline.", v->runs[c->of[0]].label);
    }
    sj_table_note(t, "Each result is compared with the first run's of the same mode, batch, network, data set and layers, whatever accelerator and tech file either has.");
    if (techs) {
        sj_table_note(t, "Of results priced by different tech files the saving has no interval: their figures' errors are not the same ones.");
    }
    sj_view_note_states(t, v);
}

sj_status sj_view_comparison(const sj_views *v, sj_error *err) {
    compared_runs c;
    sj_status status = gather(v, &c, err);
    if (status == SJ_OK && c.count > 0) {
        sj_comparison_list list = {NULL, 0, NULL};
        sj_error why;
        status = sj_compare(c.runs, c.count, &list, &why);
        if (status == SJ_OK) {
            add_comparison(v, &c, &list);
            sj_comparison_free(&list);
        } else if (status == SJ_ERR_RANGE) {
            sj_report_note(v->report, "The table comparison is left out. %s.", why.message);
            status = SJ_OK;
        } else {
            *err = why;
        }
    }
    free(c.runs);
    free(c.of);
    return status;
}

// ---- by what energy is saved

#define ACCOUNT_COLUMN                                                                                                                                                                        \
    {"account", "account", SJ_QUANTITY_TEXT, NULL,                                                                                                                                            \
     "completion: all energy, each machine for as long as it runs; dynamic: without what passes with time; fixed_throughput: both stay powered for the longer of their times", false}

static const sj_column source_columns[] = {
    SJ_VIEW_HEAD,
    {"source", "saved by", SJ_QUANTITY_TEXT, NULL, "codec: values stored and moved compressed; gating: operands held at MACs with a zero; skipping: these MACs not issued", false},
    {"codec", "codec", SJ_QUANTITY_TEXT, NULL, "of the machine with it", false},
    {"before", "from", SJ_QUANTITY_TEXT, NULL, "machine/codec without it", false},
    {"after", "to", SJ_QUANTITY_TEXT, NULL, "machine/codec with it", false},
    ACCOUNT_COLUMN,
    SJ_VIEW_BATCH,
    SJ_VIEW_SAVING("saving", "saving", "of the energy without it"),
};

typedef struct saving_source {
    const char *name;
    sj_variant before, after;
} saving_source;

enum { SOURCES = 3 };

// The codec is looked at on the machine that skips, or else on the one that gates, or on the dense one.
static sj_machine codec_machine(const bool has[3]) { return has[SJ_MACHINE_SKIP] ? SJ_MACHINE_SKIP : has[SJ_MACHINE_GATE] ? SJ_MACHINE_GATE : SJ_MACHINE_DENSE; }

// Of one codec. What the codec none saves against itself is no row: `before` and `after` are the same then.
static void sources_of_codec(sj_codec codec, const bool has[3], saving_source sources[SOURCES]) {
    const sj_machine machine = codec_machine(has);
    sources[0] = (saving_source){"codec", {machine, SJ_CODEC_NONE}, {machine, codec}};
    sources[1] = (saving_source){"gating", {SJ_MACHINE_DENSE, codec}, {SJ_MACHINE_GATE, codec}};
    sources[2] = (saving_source){"skipping", {SJ_MACHINE_GATE, codec}, {SJ_MACHINE_SKIP, codec}};
}

static void source_row(sj_report_table *t, const char *label, const char *mode, int64_t batch, const saving_source *s, sj_account account, const sj_saving *saved) {
    sj_view_head(t, label, mode);
    sj_table_text(t, s->name);
    sj_table_text(t, sj_codec_name(s->after.codec));
    sj_view_variant(t, s->before);
    sj_view_variant(t, s->after);
    sj_table_text(t, sj_account_names[account]);
    sj_view_batch(t, batch);
    sj_view_saving(t, saved);
}

// Both count the rows; NULL takes none.
static int sources_of_step(sj_report_table *t, const sj_view_result *r, sj_codec codec) {
    const sj_stats *run = r->stats;
    bool has[3] = {false, false, false};
    saving_source sources[SOURCES];
    int rows = 0;
    for (int i = 0; i < run->variant_count; i++) {
        has[run->variants[i].variant.machine] = true;
    }
    sources_of_codec(codec, has, sources);
    for (int i = 0; i < SOURCES; i++) {
        const sj_stats_variant *before = sj_stats_find(run, sources[i].before.machine, sources[i].before.codec), *after = sj_stats_find(run, sources[i].after.machine, sources[i].after.codec);
        for (int a = 0; a < SJ_ACCOUNT_COUNT && before != NULL && after != NULL && before != after; a++, rows++) {
            const sj_saving saved = sj_saving_between(sj_priced_total(run, before), sj_priced_total(run, after), (sj_account)a);
            source_row(t, r->run->label, run->mode, run->batch, &sources[i], (sj_account)a, &saved);
        }
    }
    return rows;
}

static int sources_of_whole(sj_report_table *t, const char *label, const sj_whole_run *w, sj_codec codec) {
    bool has[3] = {false, false, false};
    saving_source sources[SOURCES];
    int rows = 0;
    for (int i = 0; i < w->variant_count; i++) {
        has[w->variants[i].variant.machine] = true;
    }
    sources_of_codec(codec, has, sources);
    for (int i = 0; i < SOURCES; i++) {
        const sj_run_variant *before = sj_whole_run_find(w, sources[i].before.machine, sources[i].before.codec), *after = sj_whole_run_find(w, sources[i].after.machine, sources[i].after.codec);
        if (before != NULL && after != NULL && before != after && before->total.energy_pj > 0.0) {
            const sj_saving saved = {1.0 - after->total.energy_pj / before->total.energy_pj, NONE, NONE};
            source_row(t, label, SJ_WHOLE_MODE, w->batch, &sources[i], SJ_ACCOUNT_COMPLETION, &saved);
            rows++;
        }
    }
    return rows;
}

static int all_sources(sj_report_table *t, const sj_views *v) {
    int rows = 0;
    for (int i = 0; i < v->result_count * SJ_CODEC_COUNT; i++) {
        rows += sources_of_step(t, &v->results[i / SJ_CODEC_COUNT], (sj_codec)(i % SJ_CODEC_COUNT));
    }
    for (int i = 0; i < v->run_count * SJ_CODEC_COUNT; i++) {
        const sj_view_run *run = &v->runs[i / SJ_CODEC_COUNT];
        rows += run->whole != NULL ? sources_of_whole(t, run->label, run->whole, (sj_codec)(i % SJ_CODEC_COUNT)) : 0;
    }
    return rows;
}

sj_status sj_view_saving_sources(const sj_views *v, sj_error *err) {
    (void)err;
    if (all_sources(NULL, v) == 0) {
        return SJ_OK;
    }
    sj_report_table *t = sj_report_add(v->report, "saving_sources", "By what energy is saved", "saving_sources");
    SJ_VIEW_COLUMNS(t, source_columns);
    all_sources(t, v);
    sj_table_note(t, "The shares are of different energies, and so do not add up. Below zero: it takes more than it saves.");
    sj_view_note_states(t, v);
    return SJ_OK;
}

// ---- what skipping saves, by phase and account

static const sj_column saving_columns[] = {
    SJ_VIEW_HEAD,
    {"codec", "codec", SJ_QUANTITY_TEXT, NULL, "of both machines", false},
    {"phase", "phase", SJ_QUANTITY_TEXT, NULL, "total: of all phases", false},
    ACCOUNT_COLUMN,
    SJ_VIEW_BATCH,
    SJ_VIEW_SAVING("saving", "saving", "of the gating machine's energy, by skipping"),
};

typedef struct phase_sum {
    sj_stat sum;
    sj_spread spread;
    bool any;
} phase_sum;

static sj_status sum_phase(const sj_stats_variant *v, int phase, phase_sum *out, sj_error *err) {
    memset(out, 0, sizeof *out);
    for (int i = 0; i < v->layer_count; i++) {
        if ((int)v->layers[i].phase == phase) {
            out->any = true;
            SJ_TRY(sj_stat_accumulate(&out->sum, &v->layers[i], err));
        }
    }
    return SJ_OK;
}

static void saving_rows(sj_report_table *t, const sj_view_result *r, sj_codec codec, const char *phase, sj_priced before, sj_priced after, bool has_spread) {
    for (int a = 0; a < SJ_ACCOUNT_COUNT; a++) {
        sj_saving saved = sj_saving_between(before, after, (sj_account)a);
        if (!has_spread) {
            saved.low = saved.high = NONE;
        }
        sj_view_head(t, r->run->label, r->stats->mode);
        sj_table_text(t, sj_codec_name(codec));
        sj_table_text(t, phase);
        sj_table_text(t, sj_account_names[a]);
        sj_view_batch(t, r->stats->batch);
        sj_view_saving(t, &saved);
    }
}

// `sums`: of gate and of skip.
static sj_status savings_of_codec(sj_report_table *t, const sj_view_result *r, sj_codec codec, phase_sum sums[2], sj_error *err) {
    const sj_stats *run = r->stats;
    const sj_stats_variant *gate = sj_stats_find(run, SJ_MACHINE_GATE, codec), *skip = sj_stats_find(run, SJ_MACHINE_SKIP, codec);
    if (gate == NULL || skip == NULL) {
        return SJ_OK;
    }
    for (int p = 0; p < SJ_PHASE_COUNT; p++) {
        SJ_TRY(sum_phase(gate, p, &sums[0], err));
        SJ_TRY(sum_phase(skip, p, &sums[1], err));
        const bool has_spread = sj_view_spread(r->machine, SJ_MACHINE_GATE, &sums[0].sum.counts, &sums[0].spread) && sj_view_spread(r->machine, SJ_MACHINE_SKIP, &sums[1].sum.counts, &sums[1].spread);
        if (sums[0].any) {
            saving_rows(t, r, codec, sj_phase_name((sj_phase)p), (sj_priced){run, &sums[0].sum, &sums[0].spread}, (sj_priced){run, &sums[1].sum, &sums[1].spread}, has_spread);
        }
    }
    saving_rows(t, r, codec, "total", sj_priced_total(run, gate), sj_priced_total(run, skip), true);
    return SJ_OK;
}

static void whole_saving_row(sj_report_table *t, const char *label, const sj_whole_run *w, sj_codec codec, const char *phase, double gate_pj, double skip_pj) {
    if (gate_pj > 0.0) {
        const sj_saving saved = {1.0 - skip_pj / gate_pj, NONE, NONE};
        sj_view_head(t, label, SJ_WHOLE_MODE);
        sj_table_text(t, sj_codec_name(codec));
        sj_table_text(t, phase);
        sj_table_text(t, sj_account_names[SJ_ACCOUNT_COMPLETION]);
        sj_view_batch(t, w->batch);
        sj_view_saving(t, &saved);
    }
}

static void savings_of_whole(sj_report_table *t, const char *label, const sj_whole_run *w) {
    for (int c = 0; c < SJ_CODEC_COUNT; c++) {
        const sj_run_variant *gate = sj_whole_run_find(w, SJ_MACHINE_GATE, (sj_codec)c), *skip = sj_whole_run_find(w, SJ_MACHINE_SKIP, (sj_codec)c);
        for (int p = 0; p < SJ_PHASE_COUNT && gate != NULL && skip != NULL; p++) {
            whole_saving_row(t, label, w, (sj_codec)c, sj_phase_name((sj_phase)p), gate->total.phase_pj[p], skip->total.phase_pj[p]);
        }
        if (gate != NULL && skip != NULL) {
            whole_saving_row(t, label, w, (sj_codec)c, "total", gate->total.energy_pj, skip->total.energy_pj);
        }
    }
}

static void note_missing_prices(sj_report_table *t, const sj_views *v) {
    for (int r = 0; r < v->run_count; r++) {
        if (v->runs[r].steps != NULL && v->runs[r].steps->runs[0].source_count > 0 && !v->machines[r].priced) {
            sj_table_note(t, "%s: no intervals by phase: %s.", v->runs[r].label, v->machines[r].why);
        }
    }
}

static bool any_saving(const sj_views *v) {
    bool any = false;
    for (int c = 0; c < SJ_CODEC_COUNT; c++) {
        for (int i = 0; i < v->result_count; i++) {
            const sj_stats *run = v->results[i].stats;
            any = any || (sj_stats_find(run, SJ_MACHINE_GATE, (sj_codec)c) != NULL && sj_stats_find(run, SJ_MACHINE_SKIP, (sj_codec)c) != NULL);
        }
        for (int r = 0; r < v->run_count; r++) {
            const sj_whole_run *w = v->runs[r].whole;
            any = any || (w != NULL && sj_whole_run_find(w, SJ_MACHINE_GATE, (sj_codec)c) != NULL && sj_whole_run_find(w, SJ_MACHINE_SKIP, (sj_codec)c) != NULL);
        }
    }
    return any;
}

sj_status sj_view_savings(const sj_views *v, sj_error *err) {
    void *memory;
    if (!any_saving(v)) {
        return SJ_OK;
    }
    SJ_TRY(sj_alloc(&memory, 2, sizeof(phase_sum), "the sums of a phase", err));
    sj_report_table *t = sj_report_add(v->report, "savings", "What skipping saves, against gating", "savings");
    sj_status status = SJ_OK;
    SJ_VIEW_COLUMNS(t, saving_columns);
    for (int i = 0; i < v->result_count; i++) {
        for (int c = 0; c < SJ_CODEC_COUNT && status == SJ_OK; c++) {
            status = savings_of_codec(t, &v->results[i], (sj_codec)c, memory, err);
        }
    }
    for (int r = 0; r < v->run_count; r++) {
        if (v->runs[r].whole != NULL) {
            savings_of_whole(t, v->runs[r].label, v->runs[r].whole);
        }
    }
    note_missing_prices(t, v);
    sj_view_note_states(t, v);
    free(memory);
    return status;
}
