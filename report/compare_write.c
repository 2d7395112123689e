// SPDX-License-Identifier: Apache-2.0
// The comparison as text, JSON, CSV and Markdown, all from the same rows.
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "sj_compare.h"
#include "sj_csv.h"
#include "sj_synth.h"
#include "sj_table.h"

const char *sj_step_of_schedule(const char *method_state) { return strstr(method_state, "ssprop") != NULL ? "; of a schedule that alternates, the whole run tells (sim --whole-run)" : ""; }

const char *const sj_report_format_names[SJ_REPORT_FORMAT_COUNT] = {"text", "json", "csv", "md"};

static void percent(char text[24], double share) {
    if (isnan(share)) {
        strcpy(text, "-");
    } else {
        snprintf(text, 24, "%.1f%%", 100.0 * share);
    }
}

static double largest_energy(const sj_comparison_list *l, int group) {
    double largest = 0.0;
    for (int i = 0; i < l->count; i++) {
        largest = l->group[i] == group ? fmax(largest, l->rows[i].variant->total.energy[SJ_TYPICAL].total_pj) : largest;
    }
    return largest;
}

#define COLUMNS 13
static const char *const heads[COLUMNS] = {"run", "accel", "method", "seed", "accuracy", "asic_ratio", "machine/codec", "time", "energy", "low", "high", "vs gate", "vs first"};

// The cells of a row as people read them.
static void cells_of(const sj_comparison *c, sj_energy_unit unit, char cells[COLUMNS][256]) {
    char text[24];
    snprintf(cells[0], 256, "%s", c->source->path);
    snprintf(cells[1], 256, "%s", c->run->accel);
    snprintf(cells[2], 256, "%s%s%s", c->run->method[0] != '\0' ? c->run->method : "-", c->run->no_fuse ? ", not fused" : "", c->run->quantised ? ", quantised" : "");
    if (c->run->provenance.has_seed) {
        snprintf(cells[3], 256, "%" PRId64, c->run->provenance.seed);
    } else {
        strcpy(cells[3], "-");
    }
    percent(text, c->source->accuracy);
    snprintf(cells[4], 256, "%s", text);
    if (isnan(c->source->asic_ratio)) {
        strcpy(cells[5], "-");
    } else {
        snprintf(cells[5], 256, "%.4f", c->source->asic_ratio);
    }
    sj_variant_name(c->variant->variant, text);
    snprintf(cells[6], 256, "%s", text);
    sj_format_seconds(text, sj_stat_seconds(c->run, &c->variant->total));
    snprintf(cells[7], 256, "%s", text);
    static const sj_bound order[SJ_BOUND_COUNT] = {SJ_TYPICAL, SJ_LOW, SJ_HIGH};
    for (int b = 0; b < SJ_BOUND_COUNT; b++) {
        sj_format_energy(text, c->variant->total.energy[order[b]].total_pj, unit);
        const bool known = order[b] == SJ_TYPICAL || c->run->source_count > 0;  // else the ends are of another kind: all figures low, all high
        snprintf(cells[8 + b], 256, "%s", known ? text : "-");
    }
    sj_format_saving(cells[11], &c->vs_gate);
    sj_format_saving(cells[12], &c->vs_baseline);
}

// The tech file of all runs of a group; NULL where they differ.
static const char *common_tech(const sj_comparison_list *l, int first, int end) {
    for (int i = first + 1; i < end; i++) {
        if (strcmp(l->rows[i].run->tech, l->rows[first].run->tech) != 0) {
            return NULL;
        }
    }
    return l->rows[first].run->tech;
}

static void title(FILE *f, const char *prefix, const sj_comparison_list *l, int first, int end, sj_energy_unit unit) {
    const sj_stats *run = l->rows[first].run;
    const char *tech = common_tech(l, first, end);
    fprintf(f, "%s%s%s%s%s at batch %" PRId64 "%s%s, energy in %s, tech %s\n\n", prefix, run->network, run->dataset[0] != '\0' ? " on " : "", run->dataset,
            strcmp(run->mode, "train") == 0  ? ": a training step"
            : strcmp(run->mode, "eval") == 0 ? ": an inference"
                                             : "gemm",
            run->batch, run->selection[0] != '\0' ? ", only " : "", run->selection, unit.name, tech != NULL ? tech : "by run: below");
}

// What the methods were doing in each run's step, where that is more than the method's name: an ssProp step may be dense or sparse. And whose energy lacks a part that others' may have.
static void write_states(FILE *f, const sj_comparison_list *l, int first, int end, const char *prefix) {
    const bool one_tech = common_tech(l, first, end) != NULL;
    for (int i = first; i < end; i++) {
        const sj_stats *run = l->rows[i].run;
        if (i > first && l->rows[i].source == l->rows[i - 1].source) {
            continue;
        }
        if (!one_tech) {
            fprintf(f, "%s%s: tech %s\n", prefix, l->rows[i].source->path, run->tech);
        }
        if (run->method_state[0] != '\0') {
            fprintf(f, "%s%s: the step is %s%s\n", prefix, l->rows[i].source->path, run->method_state, sj_step_of_schedule(run->method_state));
        }
        if (sj_synth_is_plan(run->method)) {
            fprintf(f, "%s%s: a plan: %s\n", prefix, l->rows[i].source->path, sj_plan_note);
        }
        if (run->penalty == SJ_PENALTY_WORK_LEFT_OUT) {
            fprintf(f, "%s%s: a lower bound: %s\n", prefix, l->rows[i].source->path, sj_penalty_left_out);
        }
    }
}

// What the brackets behind a saving mean, where there are any, and the question mark.
static void write_bracket_note(FILE *f, const sj_comparison_list *l, int first, int end, const char *prefix) {
    bool any = false, uncertain = false, techs = false;
    for (int i = first; i < end; i++) {
        const sj_comparison *c = &l->rows[i];
        any = any || !isnan(c->vs_gate.low) || !isnan(c->vs_baseline.low);
        uncertain = uncertain || sj_saving_sign_is_open(&c->vs_gate) || sj_saving_sign_is_open(&c->vs_baseline);
        techs = techs || c->other_tech;
    }
    if (any) {
        fprintf(f, "%s(low, high): the saving's own interval, from the tech file's figures; a source of error moves in both runs at once.%s\n", prefix,
                uncertain ? " ?: it holds zero: which takes less is not certain." : "");
    }
    if (techs) {
        fprintf(f, "%svs first: no interval between runs of different tech files, whose figures' errors are not the same ones.\n", prefix);
    }
}

static double share_of(const sj_energy *e, int component) { return 100.0 * e->component_pj[component] / e->total_pj; }

// Of one run against the first: what asic_ratio says of its zeros, and what the machine makes of them.
static void write_asic_row(FILE *f, const sj_comparison *first, const sj_comparison *c, const char *prefix) {
    char variant[24], saved[64];
    sj_variant_name(c->variant->variant, variant);
    sj_format_saving(saved, &c->vs_baseline);
    fprintf(f, "%s%s: asic_ratio %.4f against %.4f saves %.1f%%; %s saves %s of the energy.\n", prefix, c->source->path, c->source->asic_ratio, first->source->asic_ratio,
            100.0 * (1.0 - c->source->asic_ratio / first->source->asic_ratio), variant, saved);
}

// Where the first run's energy goes, and what asic_ratio counts instead.
static void write_asic_reason(FILE *f, const sj_comparison *first, const char *prefix) {
    const sj_energy *e = &first->variant->total.energy[SJ_TYPICAL];
    fprintf(f, "%sasic_ratio counts nonzeros of the whole test set, of all leaf modules, at 3.7 pJ a computation and 1950 pJ a value, as if each value came from DRAM once and nothing else took energy: no reuse in the "
               "buffer, nothing that passes with time, no zeros that a codec or a row cannot use, and the dense outputs in front of batch norm, which a machine that fuses them never stores. Of the first run's energy there, "
               "%.1f%% is MACs, %.1f%% pads and accumulators, %.1f%% buffer and bus, %.1f%% DRAM accesses, %.1f%% passes with time.\n",
            prefix, share_of(e, SJ_COMPONENT_mac), share_of(e, SJ_COMPONENT_pads) + share_of(e, SJ_COMPONENT_acc), share_of(e, SJ_COMPONENT_buffer) + share_of(e, SJ_COMPONENT_bus),
            share_of(e, SJ_COMPONENT_dram), 100.0 * (sj_standing_pj(e) + e->component_pj[SJ_COMPONENT_clock]) / e->total_pj);
}

// Why the metric and the machine differ, with these runs' figures: for each later run that has an asic_ratio, as the first one must, on skip with the first one's own codec.
static void write_asic_note(FILE *f, const sj_comparison_list *l, int first, int end, const char *prefix) {
    const sj_comparison *base = NULL;
    int told = 0;
    for (int i = first; i < end && !isnan(l->rows[first].source->asic_ratio); i++) {
        const sj_comparison *c = &l->rows[i];
        if (c->variant->variant.machine != SJ_MACHINE_SKIP || c->variant->variant.codec != l->rows[first].run->codec) {
            continue;
        }
        if (c->source == l->rows[first].source) {
            base = c;
        } else if (base != NULL && !isnan(c->source->asic_ratio)) {
            write_asic_row(f, base, c, prefix);
            told++;
        }
    }
    if (told > 0) {
        write_asic_reason(f, base, prefix);
    }
}

static sj_status write_text_group(FILE *f, const sj_comparison_list *l, int first, int end, sj_error *err) {
    const sj_energy_unit unit = sj_energy_unit_for(largest_energy(l, l->group[first]));
    char cells[COLUMNS][256];
    title(f, first > 0 ? "\n" : "", l, first, end, unit);
    sj_table *t = sj_table_new(COLUMNS, 3);
    for (int k = 0; k < COLUMNS; k++) {
        sj_table_cell(t, "%s", heads[k]);
    }
    for (int i = first; i < end; i++) {
        if (i == first || l->rows[i].source != l->rows[i - 1].source) {
            sj_table_rule(t);
        }
        cells_of(&l->rows[i], unit, cells);
        for (int k = 0; k < COLUMNS; k++) {
            sj_table_cell(t, "%s", cells[k]);
        }
    }
    SJ_TRY(sj_table_print(t, f, err));
    write_states(f, l, first, end, "");
    write_bracket_note(f, l, first, end, "");
    write_asic_note(f, l, first, end, "");
    return SJ_OK;
}

static void md_text(FILE *f, const char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '|') {
            fputc('\\', f);
        }
        fputc(*text, f);
    }
}

static sj_status write_md_group(FILE *f, const sj_comparison_list *l, int first, int end, sj_error *err) {
    (void)err;
    const sj_energy_unit unit = sj_energy_unit_for(largest_energy(l, l->group[first]));
    char cells[COLUMNS][256];
    title(f, first > 0 ? "\n### " : "### ", l, first, end, unit);
    for (int k = 0; k < COLUMNS; k++) {
        fprintf(f, "| %s ", heads[k]);
    }
    fputs("|\n|---|---|---|--:|--:|--:|---|--:|--:|--:|--:|--:|--:|\n", f);
    for (int i = first; i < end; i++) {
        cells_of(&l->rows[i], unit, cells);
        for (int k = 0; k < COLUMNS; k++) {
            fputs("| ", f);
            md_text(f, cells[k]);
            fputc(' ', f);
        }
        fputs("|\n", f);
    }
    write_states(f, l, first, end, "\n");
    write_bracket_note(f, l, first, end, "\n");
    write_asic_note(f, l, first, end, "\n");
    return SJ_OK;
}

static void csv_number(FILE *f, double v) {
    if (isnan(v)) {
        fputc(',', f);
    } else {
        fprintf(f, ",%.17g", v);
    }
}

static void write_csv(FILE *f, const sj_comparison_list *l) {
    fputs("run,accel,network,dataset,method,mode,step,batch,selection,epochs,accuracy,macro_f1,machine,codec,cycles,seconds,energy_pj,energy_pj_low,energy_pj_high,"
          "saving_vs_gate,saving_vs_baseline,seed,no_fuse,quantised,method_state,saving_vs_gate_low,saving_vs_gate_high,saving_vs_baseline_low,saving_vs_baseline_high,asic_ratio,tech,penalty\n",
          f);
    for (int i = 0; i < l->count; i++) {
        const sj_comparison *c = &l->rows[i];
        const sj_stats *run = c->run;
        const char *const texts[] = {c->source->path, run->accel, run->network, run->dataset, run->method, run->mode};
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
            sj_csv_field(f, texts[k]);
            fputc(',', f);
        }
        fprintf(f, "%" PRId64 ",%" PRId64 ",", run->step, run->batch);
        sj_csv_field(f, run->selection);
        fprintf(f, ",%" PRId64, c->source->epochs);
        csv_number(f, c->source->accuracy);
        csv_number(f, c->source->macro_f1);
        fprintf(f, ",%s,%s,%" PRIu64, sj_machine_name(c->variant->variant.machine), sj_codec_name(c->variant->variant.codec), c->variant->total.cycles);
        csv_number(f, sj_stat_seconds(run, &c->variant->total));
        csv_number(f, c->variant->total.energy[SJ_TYPICAL].total_pj);
        csv_number(f, c->variant->total.energy[SJ_LOW].total_pj);
        csv_number(f, c->variant->total.energy[SJ_HIGH].total_pj);
        csv_number(f, c->vs_gate.share);
        csv_number(f, c->vs_baseline.share);
        fputc(',', f);
        if (run->provenance.has_seed) {
            fprintf(f, "%" PRId64, run->provenance.seed);
        }
        fprintf(f, ",%d,%d,", run->no_fuse, run->quantised);
        sj_csv_field(f, run->method_state);
        csv_number(f, c->vs_gate.low);
        csv_number(f, c->vs_gate.high);
        csv_number(f, c->vs_baseline.low);
        csv_number(f, c->vs_baseline.high);
        csv_number(f, c->source->asic_ratio);
        fputc(',', f);
        sj_csv_field(f, run->tech);
        fprintf(f, ",%s\n", sj_penalty_work_names[run->penalty]);
    }
}

static json_t *number_or_null(double v) { return isnan(v) ? json_null() : json_real(v); }

static json_t *row_json(const sj_comparison *c) {
    const sj_stat *total = &c->variant->total;
    char name[24];
    sj_variant_name(c->variant->variant, name);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:b, s:b, s:I, s:I, s:o, s:o, s:o, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "run", c->source->path, "accel", c->run->accel, "tech", c->run->tech, "method", c->run->method, "method_state", c->run->method_state, "penalty", sj_penalty_work_names[c->run->penalty], "seed",
                     c->run->provenance.has_seed ? json_integer((json_int_t)c->run->provenance.seed) : json_null(), "no_fuse", c->run->no_fuse, "quantised", c->run->quantised, "step",
                     (json_int_t)c->run->step, "epochs", (json_int_t)c->source->epochs, "accuracy", number_or_null(c->source->accuracy), "macro_f1",
                     number_or_null(c->source->macro_f1), "asic_ratio", number_or_null(c->source->asic_ratio), "variant", name, "cycles", (json_int_t)total->cycles, "seconds", json_real(sj_stat_seconds(c->run, total)), "energy_pj",
                     json_real(total->energy[SJ_TYPICAL].total_pj), "energy_pj_low", json_real(total->energy[SJ_LOW].total_pj), "energy_pj_high",
                     json_real(total->energy[SJ_HIGH].total_pj), "saving_vs_gate", number_or_null(c->vs_gate.share), "saving_vs_gate_low",
                     number_or_null(c->vs_gate.low), "saving_vs_gate_high", number_or_null(c->vs_gate.high), "saving_vs_baseline", number_or_null(c->vs_baseline.share),
                     "saving_vs_baseline_low", number_or_null(c->vs_baseline.low), "saving_vs_baseline_high", number_or_null(c->vs_baseline.high));
}

static json_t *group_json(const sj_comparison_list *l, int first, int end) {
    const sj_stats *run = l->rows[first].run;
    json_t *rows = json_array();
    for (int i = first; i < end; i++) {
        if (json_array_append_new(rows, row_json(&l->rows[i])) != 0) {
            json_decref(rows);
            return NULL;
        }
    }
    return json_pack("{s:s, s:I, s:s, s:s, s:s, s:o}", "mode", run->mode, "batch", (json_int_t)run->batch, "network", run->network, "dataset", run->dataset, "selection", run->selection,
                     "rows", rows);
}

// End of the group that begins at `first`.
static int group_end(const sj_comparison_list *l, int first) {
    int end = first + 1;
    while (end < l->count && l->group[end] == l->group[first]) {
        end++;
    }
    return end;
}

static sj_status write_json(FILE *f, const sj_comparison_list *l, sj_error *err) {
    json_t *groups = json_array();
    bool made = groups != NULL;
    for (int i = 0; i < l->count && made; i = group_end(l, i)) {
        made = json_array_append_new(groups, group_json(l, i, group_end(l, i))) == 0;
    }
    json_t *root = json_pack("{s:s, s:i, s:o}", "format", "skipjoule-report", "version", 1, "groups", groups);
    made = made && root != NULL;
    const bool written = made && json_dumpf(root, f, JSON_INDENT(1)) == 0 && fputc('\n', f) != EOF;
    json_decref(root);
    if (!made) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory to write the comparison as JSON");
    }
    return written ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "cannot write the comparison as JSON");
}

sj_status sj_comparison_write(FILE *f, const sj_comparison_list *l, sj_report_format format, sj_error *err) {
    if (format == SJ_REPORT_JSON) {
        return write_json(f, l, err);
    }
    if (format == SJ_REPORT_CSV) {
        write_csv(f, l);
        return SJ_OK;
    }
    for (int i = 0; i < l->count; i = group_end(l, i)) {
        SJ_TRY((format == SJ_REPORT_MD ? write_md_group : write_text_group)(f, l, i, group_end(l, i), err));
    }
    return SJ_OK;
}
