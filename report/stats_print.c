// SPDX-License-Identifier: Apache-2.0
// The tables of `skipjoule sim` and `gemm`.
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "sj_saving.h"
#include "sj_stats.h"
#include "sj_synth.h"
#include "sj_table.h"

#define MACHINES 3

// Savings that stand in the tables and lines, for the note that explains their brackets and question marks.
typedef struct shown {
    bool interval, open;
} shown;

// What a run holds, in the order of the columns.
typedef struct layout {
    const sj_stats *run;
    int codec_count, machine_count;
    sj_codec codecs[SJ_CODEC_COUNT], cycles_codec;  // cycles are shown for one codec: the accelerator's own where it was run
    sj_machine machines[MACHINES];
    sj_energy_unit unit;
    shown *marks;
} layout;

static layout layout_of(const sj_stats *run) {
    layout l;
    memset(&l, 0, sizeof l);
    l.run = run;
    double largest = 0.0;
    for (int c = 0; c < SJ_CODEC_COUNT; c++) {
        bool any = false;
        for (int m = 0; m < MACHINES; m++) {
            const sj_stats_variant *v = sj_stats_find(run, (sj_machine)m, (sj_codec)c);
            any = any || v != NULL;
            largest = v != NULL ? fmax(largest, v->total.energy[SJ_TYPICAL].total_pj) : largest;
        }
        if (any) {
            l.codecs[l.codec_count++] = (sj_codec)c;
        }
    }
    for (int m = 0; m < MACHINES; m++) {
        for (int c = 0; c < SJ_CODEC_COUNT; c++) {
            if (sj_stats_find(run, (sj_machine)m, (sj_codec)c) != NULL) {
                l.machines[l.machine_count++] = (sj_machine)m;
                break;
            }
        }
    }
    l.cycles_codec = l.codecs[l.codec_count - 1];
    for (int c = 0; c < l.codec_count; c++) {
        l.cycles_codec = l.codecs[c] == run->codec ? run->codec : l.cycles_codec;
    }
    l.unit = sj_energy_unit_for(largest / 100.0);  // up to five digits for the total, so that small layers keep theirs
    return l;
}

static bool has(const layout *l, sj_machine m) {
    for (int i = 0; i < l->machine_count; i++) {
        if (l->machines[i] == m) {
            return true;
        }
    }
    return false;
}

static bool has_savings(const layout *l) { return has(l, SJ_MACHINE_GATE) && has(l, SJ_MACHINE_SKIP); }

static void cell_share(sj_table *t, double share) {
    if (isnan(share)) {
        sj_table_cell(t, "-");
    } else {
        sj_table_cell(t, "%.2f", share);
    }
}

static void cell_saving(sj_table *t, double before, double after) {
    char text[64];
    const sj_saving bare = {before > 0.0 ? 1.0 - after / before : (double)NAN, (double)NAN, (double)NAN};  // the layers' table has no room for intervals
    sj_format_saving(text, &bare);
    sj_table_cell(t, "%s", text);
}

// Column of the per-layer numbers of variant v: index of the layer, or -1 for the sum over a phase.
typedef struct row_source {
    int layer;
    const sj_stat *sums;  // one per variant of the run, where layer is -1
} row_source;

static const sj_stat *stat_of(const layout *l, const row_source *row, sj_machine m, sj_codec c) {
    const sj_stats_variant *v = sj_stats_find(l->run, m, c);
    if (v == NULL) {
        return NULL;
    }
    return row->layer >= 0 ? &v->layers[row->layer] : &row->sums[v - l->run->variants];
}

// The machine that bound and utilization are shown for.
static sj_machine shown_machine(const layout *l) { return l->machines[l->machine_count - 1]; }

static void numbers(sj_table *t, const layout *l, const row_source *row) {
    char text[24];
    for (int m = 0; m < l->machine_count; m++) {
        const sj_stat *s = stat_of(l, row, l->machines[m], l->cycles_codec);
        sj_format_count(text, s != NULL ? (double)s->cycles : 0.0);
        sj_table_cell(t, "%s", text);
    }
    for (int c = 0; c < l->codec_count; c++) {
        for (int m = 0; m < l->machine_count; m++) {
            const sj_stat *s = stat_of(l, row, l->machines[m], l->codecs[c]);
            sj_format_energy(text, s != NULL ? s->energy[SJ_TYPICAL].total_pj : 0.0, l->unit);
            sj_table_cell(t, "%s", text);
        }
    }
    for (int c = 0; has_savings(l) && c < l->codec_count; c++) {
        const sj_stat *gate = stat_of(l, row, SJ_MACHINE_GATE, l->codecs[c]), *skip = stat_of(l, row, SJ_MACHINE_SKIP, l->codecs[c]);
        cell_saving(t, gate->energy[SJ_TYPICAL].total_pj, skip->energy[SJ_TYPICAL].total_pj);
    }
    const sj_stat *told = stat_of(l, row, shown_machine(l), l->cycles_codec);
    sj_table_cell(t, "%s", sj_limit_names[sj_stat_bound(told)]);
    sj_table_cell(t, "%.2f", sj_stat_utilization(l->run, told));
}

// Two lines of headings above the columns that numbers() fills.
static void number_heads(sj_table *t, const layout *l, int first) {
    char text[64];
    snprintf(text, sizeof text, "cycles, %s", sj_codec_name(l->cycles_codec));
    sj_table_span(t, l->machine_count, text);
    sj_table_gap(t, first);
    int column = first + l->machine_count;
    for (int c = 0; c < l->codec_count; c++, column += l->machine_count) {
        snprintf(text, sizeof text, "%s, codec %s", l->unit.name, sj_codec_name(l->codecs[c]));
        sj_table_span(t, l->machine_count, text);
        sj_table_gap(t, column);
    }
    if (has_savings(l)) {
        sj_table_span(t, l->codec_count, "skip saves");
        sj_table_gap(t, column);
        column += l->codec_count;
    }
    sj_table_span(t, 2, sj_machine_name(shown_machine(l)));
    sj_table_gap(t, column);
}

static void number_subheads(sj_table *t, const layout *l) {
    for (int group = 0; group <= l->codec_count; group++) {
        for (int m = 0; m < l->machine_count; m++) {
            sj_table_cell(t, "%s", sj_machine_name(l->machines[m]));
        }
    }
    for (int c = 0; has_savings(l) && c < l->codec_count; c++) {
        sj_table_cell(t, "%s", l->codecs[c] == SJ_CODEC_BITMASK ? "bitm." : sj_codec_name(l->codecs[c]));
    }
    sj_table_cell(t, "bound");
    sj_table_cell(t, "util");
}

static int number_columns(const layout *l) { return l->machine_count * (1 + l->codec_count) + (has_savings(l) ? l->codec_count : 0) + 2; }

static bool phase_runs(const sj_stats *run, int phase) {
    for (int i = 0; i < run->variants[0].layer_count; i++) {
        if ((int)run->variants[0].layers[i].phase == phase) {
            return true;
        }
    }
    return false;
}

static int phase_count(const sj_stats *run) {
    int count = 0;
    for (int p = 0; p < SJ_PHASE_COUNT; p++) {
        count += phase_runs(run, p);
    }
    return count;
}

// Sums of a phase (or of all, phase = SJ_PHASE_COUNT), one per variant.
static sj_status phase_sums(const sj_stats *run, int phase, sj_stat sums[SJ_VARIANTS_MAX], sj_error *err) {
    memset(sums, 0, SJ_VARIANTS_MAX * sizeof *sums);
    for (int v = 0; v < run->variant_count; v++) {
        for (int i = 0; i < run->variants[v].layer_count; i++) {
            const sj_stat *layer = &run->variants[v].layers[i];
            if (phase == SJ_PHASE_COUNT || (int)layer->phase == phase) {
                SJ_TRY(sj_stat_accumulate(&sums[v], layer, err));
            }
        }
    }
    return SJ_OK;
}

static sj_status phase_row(sj_table *t, const layout *l, int phase, const char *name, sj_error *err) {
    void *memory;
    SJ_TRY(sj_alloc(&memory, SJ_VARIANTS_MAX, sizeof(sj_stat), "the sums of a phase", err));
    sj_stat *sums = memory;
    const sj_status status = phase_sums(l->run, phase, sums, err);
    if (status == SJ_OK) {
        sj_table_cell(t, "%s", phase == SJ_PHASE_COUNT ? "total" : "all layers");
        sj_table_cell(t, "%s", name);
        sj_table_cell(t, "%s", "");
        sj_table_cell(t, "%s", "");
        numbers(t, l, &(row_source){-1, sums});
    }
    free(memory);
    return status;
}

static sj_status print_layers(FILE *f, const layout *l, sj_error *err) {
    sj_table *t = sj_table_new(4 + number_columns(l), 2);
    sj_table_span(t, 2, "");
    sj_table_span(t, 2, "density");
    number_heads(t, l, 4);
    sj_table_cell(t, "layer");
    sj_table_cell(t, "phase");
    sj_table_cell(t, "a");
    sj_table_cell(t, "b");
    number_subheads(t, l);
    sj_table_rule(t);
    const sj_stats_variant *first = &l->run->variants[0];
    for (int i = 0; i < first->layer_count; i++) {
        sj_table_cell(t, "%s", first->layers[i].name);
        sj_table_cell(t, "%s", sj_phase_name(first->layers[i].phase));
        cell_share(t, first->layers[i].density_a);
        cell_share(t, first->layers[i].density_b);
        numbers(t, l, &(row_source){i, NULL});
    }
    sj_table_rule(t);
    sj_status status = SJ_OK;
    const bool several = phase_count(l->run) > 1;
    for (int p = 0; p < SJ_PHASE_COUNT && status == SJ_OK && several; p++) {
        if (phase_runs(l->run, p)) {
            status = phase_row(t, l, p, sj_phase_name((sj_phase)p), err);
        }
    }
    status = status == SJ_OK ? phase_row(t, l, SJ_PHASE_COUNT, "", err) : status;
    if (status != SJ_OK) {
        sj_table_free(t);
        return status;
    }
    return sj_table_print(t, f, err);
}

static void format_shown(char text[64], const sj_saving *s, shown *marks) {
    sj_format_saving(text, s);
    marks->interval = marks->interval || !isnan(s->low);
    marks->open = marks->open || sj_saving_sign_is_open(s);
}

static void gain_cell(sj_table *t, const layout *l, sj_variant before, const sj_stats_variant *after, bool is_gain) {
    const sj_stats_variant *v = is_gain ? sj_stats_find(l->run, before.machine, before.codec) : NULL;
    if (v == NULL) {
        sj_table_cell(t, "%s", "");
    } else {
        char text[64];
        const sj_saving saved = sj_saving_between(sj_priced_total(l->run, v), sj_priced_total(l->run, after), SJ_ACCOUNT_COMPLETION);
        format_shown(text, &saved, l->marks);
        sj_table_cell(t, "%s", text);
    }
}

// Each row's own gain alone: gating on gate rows, skipping on skip rows, the codec on rows that have one.
static void total_row(sj_table *t, const layout *l, const sj_stats_variant *v, sj_energy_unit unit) {
    const sj_machine m = v->variant.machine;
    const sj_codec c = v->variant.codec;
    char name[24], text[24];
    sj_variant_name(v->variant, name);
    sj_table_cell(t, "%s", name);
    sj_table_cell(t, "%" PRIu64, v->total.cycles);
    const double seconds = sj_stat_seconds(l->run, &v->total);
    sj_format_seconds(text, seconds);
    sj_table_cell(t, "%s", text);
    for (int i = 0; i < SJ_BOUND_COUNT; i++) {
        static const sj_bound order[SJ_BOUND_COUNT] = {SJ_TYPICAL, SJ_LOW, SJ_HIGH};
        sj_format_energy(text, v->total.energy[order[i]].total_pj, unit);
        sj_table_cell(t, "%s", text);
    }
    if (seconds > 0.0) {
        sj_table_cell(t, "%.0f", v->total.energy[SJ_TYPICAL].total_pj * 1e-9 / seconds);
    } else {
        sj_table_cell(t, "-");
    }
    gain_cell(t, l, (sj_variant){SJ_MACHINE_GATE, c}, v, m == SJ_MACHINE_SKIP);
    gain_cell(t, l, (sj_variant){SJ_MACHINE_DENSE, c}, v, m == SJ_MACHINE_GATE);
    gain_cell(t, l, (sj_variant){m, SJ_CODEC_NONE}, v, c != SJ_CODEC_NONE);
}

static sj_status print_totals(FILE *f, const layout *l, sj_error *err) {
    const sj_energy_unit unit = l->unit;
    sj_table *t = sj_table_new(10, 1);
    sj_table_span(t, 3, "");
    char text[64];
    snprintf(text, sizeof text, "energy, %s", unit.name);
    sj_table_span(t, 3, text);
    sj_table_span(t, 1, "power");
    sj_table_span(t, 3, "saved by");
    static const char *const heads[] = {"machine/codec", "cycles", "time", "typical", "low", "high", "mW", "skipping", "gating", "codec"};
    for (int i = 0; i < 10; i++) {
        sj_table_cell(t, "%s", heads[i]);
    }
    sj_table_gap(t, 3);
    sj_table_gap(t, 6);
    sj_table_gap(t, 7);
    sj_table_rule(t);
    for (int v = 0; v < l->run->variant_count; v++) {
        total_row(t, l, &l->run->variants[v], unit);
    }
    return sj_table_print(t, f, err);
}

static sj_status print_components(FILE *f, const layout *l, sj_error *err) {
    sj_table *t = sj_table_new(1 + l->run->variant_count, 1);
    char name[24];
    const sj_energy_unit unit = l->unit;
    sj_table_cell(t, "component, %s", unit.name);
    for (int v = 0; v < l->run->variant_count; v++) {
        sj_variant_name(l->run->variants[v].variant, name);
        sj_table_cell(t, "%s", name);
    }
    sj_table_rule(t);
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        double any = 0.0;
        for (int v = 0; v < l->run->variant_count; v++) {
            any = fmax(any, l->run->variants[v].total.energy[SJ_TYPICAL].component_pj[c]);
        }
        if (any == 0.0) {
            continue;
        }
        sj_table_cell(t, "%s", sj_component_names[c]);
        for (int v = 0; v < l->run->variant_count; v++) {
            sj_format_energy(name, l->run->variants[v].total.energy[SJ_TYPICAL].component_pj[c], unit);
            sj_table_cell(t, "%s", name);
        }
    }
    return sj_table_print(t, f, err);
}

typedef struct phase_sum {
    sj_stat sum;
    sj_spread spread;
} phase_sum;

static sj_status sum_phase(const sj_stats *run, int phase, const sj_stats_variant *v, phase_sum *out, sj_error *err) {
    memset(out, 0, sizeof *out);
    for (int i = 0; i < v->layer_count; i++) {
        if ((int)v->layers[i].phase == phase) {
            SJ_TRY(sj_stat_accumulate(&out->sum, &v->layers[i], err));
        }
    }
    sj_price_spread(&run->prices[v->variant.machine], &out->sum.counts, &out->spread);
    return SJ_OK;
}

// What skipping saves in each phase, where there are several.
static sj_status print_phase_savings(FILE *f, const layout *l, const sj_stats_variant *gate, const sj_stats_variant *skip, sj_error *err) {
    void *memory;
    SJ_TRY(sj_alloc(&memory, 2, sizeof(phase_sum), "the sums of a phase", err));
    phase_sum *sums = memory;
    sj_status status = SJ_OK;
    int told = 0;
    for (int p = 0; p < SJ_PHASE_COUNT && status == SJ_OK; p++) {
        if (!phase_runs(l->run, p)) {
            continue;
        }
        status = sum_phase(l->run, p, gate, &sums[0], err);
        status = status == SJ_OK ? sum_phase(l->run, p, skip, &sums[1], err) : status;
        if (status == SJ_OK) {
            char text[64];
            const sj_saving saved = sj_saving_between((sj_priced){l->run, &sums[0].sum, &sums[0].spread}, (sj_priced){l->run, &sums[1].sum, &sums[1].spread}, SJ_ACCOUNT_COMPLETION);
            format_shown(text, &saved, l->marks);
            fprintf(f, "%s %s %s", told++ > 0 ? "," : "  By phase, run to completion:", sj_phase_name((sj_phase)p), text);
        }
    }
    fputs(".\n", f);
    free(memory);
    return status;
}

static sj_status print_headline(FILE *f, const layout *l, sj_error *err) {
    static const char *const accounts[SJ_ACCOUNT_COUNT] = {"run to completion", "dynamic energy alone", "at fixed throughput"};
    for (int c = 0; c < l->codec_count && has_savings(l); c++) {
        const sj_stats_variant *gate = sj_stats_find(l->run, SJ_MACHINE_GATE, l->codecs[c]), *skip = sj_stats_find(l->run, SJ_MACHINE_SKIP, l->codecs[c]);
        fprintf(f, "Skipping saves, against gating at codec %s:", sj_codec_name(l->codecs[c]));
        for (int a = 0; a < SJ_ACCOUNT_COUNT; a++) {
            char text[64];
            const sj_saving saved = sj_saving_between(sj_priced_total(l->run, gate), sj_priced_total(l->run, skip), (sj_account)a);
            format_shown(text, &saved, l->marks);
            fprintf(f, "%s %s %s", a > 0 ? ";" : "", accounts[a], text);
        }
        fputs(".\n", f);
        if (phase_count(l->run) > 1 && l->run->prices != NULL) {
            SJ_TRY(print_phase_savings(f, l, gate, skip, err));
        }
    }
    if (l->marks->interval) {
        fprintf(f, "In brackets: the interval, each source of error of the tech file moved to its ends in both results at once, what it changes added in quadrature.%s\n",
                l->marks->open ? " ?: the interval holds zero, so which takes less is not certain." : "");
    }
    if (l->codec_count > 0 && has_savings(l)) {
        fprintf(f, "Run to completion counts leakage and DRAM standby for as long as a machine runs, and stands in the tables; at fixed throughput both machines stay powered for the longer of their times.\n"
                   "a, b: the operands as mapped; in grad_weight, a is the one whose zeros can be skipped (x, or dy).\n");
    }
    return SJ_OK;
}

// A line a machine: what it is made of. Parts that are not there are left out.
static void print_area(FILE *f, const sj_stats *run) {
    for (int m = 0; m < MACHINES; m++) {
        const sj_area *a = &run->area[m];
        const char *separator = ": ";
        if (!run->has_area[m]) {
            continue;
        }
        fprintf(f, "Silicon of %s: %.2f mm2 (%.2f, %.2f)", sj_machine_name((sj_machine)m), a->total_mm2[SJ_TYPICAL], a->total_mm2[SJ_LOW], a->total_mm2[SJ_HIGH]);
        for (int c = 0; c < SJ_AREA_COUNT; c++) {
            if (a->component_mm2[c] > 0.0) {
                fprintf(f, "%s%s %.3f", separator, sj_area_names[c], a->component_mm2[c]);
                separator = ", ";
            }
        }
        fputs(".\n", f);
    }
}

// The work itself, the same on all machines; what ssProp left out stands beside it.
static void print_macs(FILE *f, const layout *l) {
    const sj_stat *total = &l->run->variants[0].total;
    char in_range[24], padding[24], active[24], whole[24];
    sj_format_count(in_range, (double)total->macs_total);
    sj_format_count(padding, (double)total->macs_padding);
    sj_format_count(active, (double)total->macs_active);
    sj_format_count(whole, (double)total->macs_uncompacted);
    fprintf(f, "MACs: %s in range, of these %s of two nonzeros; %s of padding apart", in_range, active, padding);
    if (total->macs_uncompacted != total->macs_total + total->macs_padding) {
        fprintf(f, "; before dropped channels were left out the product had %s", whole);
    }
    fputs(".\n", f);
}

// What --quantise did to the operands of the products: the mean of a layer's share of nonzeros that became zero, and the layer with the most.
static void print_quantised(FILE *f, const layout *l) {
    const sj_stats_variant *v = &l->run->variants[0];
    double sum[2] = {0.0, 0.0}, most = -1.0;
    uint64_t zeros[2] = {0, 0};
    int count = 0;
    const sj_stat *worst = NULL;
    for (int i = 0; i < v->layer_count; i++) {
        const sj_stat *s = &v->layers[i];
        if (!s->quantised || !(s->density_before_a > 0.0) || !(s->density_before_b > 0.0)) {
            continue;
        }
        const double lost[2] = {1.0 - s->density_a / s->density_before_a, 1.0 - s->density_b / s->density_before_b};
        const double larger = fmax(lost[0], lost[1]);
        zeros[0] += s->quantised_zeros_a;
        zeros[1] += s->quantised_zeros_b;
        sum[0] += lost[0];
        sum[1] += lost[1];
        worst = larger > most ? s : worst;
        most = fmax(larger, most);
        count++;
    }
    if (count > 0) {
        fprintf(f, "Quantising to int8 made zeros, which are no method's merit: %" PRIu64 " stored values as operands a, %" PRIu64 " as b (a tensor counts in each product that takes it), on average %.2f %% and %.2f %% of a layer's nonzeros; most in %s %s, %.2f %%.\n",
                zeros[0], zeros[1], 100.0 * sum[0] / count, 100.0 * sum[1] / count, worst->name, sj_phase_name(worst->phase), 100.0 * most);
    }
}

sj_status sj_stats_print(FILE *f, const sj_stats *run, sj_error *err) {
    if (run->variant_count == 0) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "a run without a variant");
    }
    shown marks = {false, false};
    layout l = layout_of(run);
    l.marks = &marks;
    SJ_TRY(print_layers(f, &l, err));
    fputc('\n', f);
    SJ_TRY(print_totals(f, &l, err));
    fputc('\n', f);
    SJ_TRY(print_components(f, &l, err));
    fputc('\n', f);
    print_macs(f, &l);
    SJ_TRY(print_headline(f, &l, err));
    print_area(f, run);
    print_quantised(f, &l);
    if (sj_synth_is_plan(run->method)) {
        fprintf(f, "A plan: %s.\n", sj_plan_note);
    }
    if (run->penalty == SJ_PENALTY_WORK_LEFT_OUT) {
        fprintf(f, "A lower bound: %s.\n", sj_penalty_left_out);
    }
    return SJ_OK;
}
