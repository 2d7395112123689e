// SPDX-License-Identifier: Apache-2.0
// layers.csv and stats.txt.
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "sj_saving.h"
#include "sj_stats.h"
#include "sj_csv.h"

static const char *const energy_names[SJ_BOUND_COUNT] = {"energy_pj_low", "energy_pj", "energy_pj_high"};

static void csv_text(FILE *f, const char *text) {
    sj_csv_field(f, text);
    fputc(',', f);
}

static void csv_density(FILE *f, double v) {
    if (!isnan(v)) {
        fprintf(f, "%.17g", v);
    }
    fputc(',', f);
}

static void csv_head(FILE *f) {
    fputs("mode,step,batch,machine,codec,layer,kind,phase,cycles,bound,utilization,density_a,density_b,density_out,macs_total,macs_active,macs_zero,macs_gated,macs_skipped,"
          "macs_padding,uncompacted_macs,dram_read_bytes,dram_write_bytes",
          f);
    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
        fprintf(f, ",%s", sj_counter_table[i].name);
    }
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        fprintf(f, ",energy_pj.%s", sj_component_names[c]);
    }
    fputs(",energy_pj,energy_pj_low,energy_pj_high\n", f);
}

static void csv_layer(FILE *f, const sj_stats *run, sj_variant v, const sj_stat *s) {
    fprintf(f, "%s,%" PRId64 ",%" PRId64 ",%s,%s,", run->mode, run->step, run->batch, sj_machine_name(v.machine), sj_codec_name(v.codec));
    csv_text(f, s->name);
    fprintf(f, "%s,%s,%" PRIu64 ",%s,%.17g,", s->kind, sj_phase_name(s->phase), s->cycles, sj_limit_names[sj_stat_bound(s)], sj_stat_utilization(run, s));
    csv_density(f, s->density_a);
    csv_density(f, s->density_b);
    csv_density(f, s->density_out);
    fprintf(f, "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, s->macs_total, s->macs_active, s->macs_zero,
            s->macs_gated, s->macs_skipped, s->macs_padding, s->macs_uncompacted, 64 * s->counts.dram_read, 64 * s->counts.dram_write);
#define SJ_X(id, name, unit, meaning) fprintf(f, ",%" PRIu64, s->counts.id);
    SJ_COUNTERS(SJ_X)
#undef SJ_X
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        fprintf(f, ",%.17g", s->energy[SJ_TYPICAL].component_pj[c]);
    }
    fprintf(f, ",%.17g,%.17g,%.17g\n", s->energy[SJ_TYPICAL].total_pj, s->energy[SJ_LOW].total_pj, s->energy[SJ_HIGH].total_pj);
}

void sj_stats_write_csv(FILE *f, const sj_stats *runs, int count) {
    csv_head(f);
    for (int r = 0; r < count; r++) {
        for (int v = 0; v < runs[r].variant_count; v++) {
            for (int i = 0; i < runs[r].variants[v].layer_count; i++) {
                csv_layer(f, &runs[r], runs[r].variants[v].variant, &runs[r].variants[v].layers[i]);
            }
        }
    }
}

static void line_count(FILE *f, const char *prefix, const char *name, uint64_t value, const char *meaning, const char *unit) {
    fprintf(f, "%s.%s %" PRIu64 " # %s (%s)\n", prefix, name, value, meaning, unit);
}

static void line_real(FILE *f, const char *prefix, const char *name, double value, const char *meaning, const char *unit) {
    fprintf(f, "%s.%s %.17g # %s (%s)\n", prefix, name, value, meaning, unit);
}

static void text_energy(FILE *f, const char *prefix, const sj_stat *s) {
    static const char *const of_component[SJ_BOUND_COUNT] = {"its part at the low end of the total", "typical figures", "its part at the high end of the total"};
    static const char *const of_total[SJ_BOUND_COUNT] = {"low end of the interval", "typical figures", "high end of the interval"};
    char name[64], meaning[96];
    for (int b = 0; b < SJ_BOUND_COUNT; b++) {
        for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
            snprintf(name, sizeof name, "%s.%s", energy_names[b], sj_component_names[c]);
            snprintf(meaning, sizeof meaning, "energy of the component %s, %s", sj_component_names[c], of_component[b]);
            line_real(f, prefix, name, s->energy[b].component_pj[c], meaning, "pJ");
        }
        snprintf(name, sizeof name, "%s.total", energy_names[b]);
        snprintf(meaning, sizeof meaning, "energy, sum of the components, %s", of_total[b]);
        line_real(f, prefix, name, s->energy[b].total_pj, meaning, "pJ");
    }
}

static void text_stat(FILE *f, const char *prefix, const sj_stats *run, const sj_stat *s) {
    line_count(f, prefix, "cycles", s->cycles, "core cycles from start to end", "cycle");
    line_real(f, prefix, "seconds", sj_stat_seconds(run, s), "cycles at the accelerator's clock", "s");
    for (int i = 0; i < SJ_LIMIT_COUNT; i++) {
        char name[32];
        snprintf(name, sizeof name, "busy.%s", sj_limit_names[i]);
        line_count(f, prefix, name, s->busy[i], "cycles that this resource is needed for; the largest names the bound", "cycle");
    }
    line_real(f, prefix, "utilization", sj_stat_utilization(run, s), "active + zero + gated MACs over cycles x rows x lanes", "share");
    line_count(f, prefix, "macs.total", s->macs_total, "pairs whose two sides are in range", "MAC");
    line_count(f, prefix, "macs.active", s->macs_active, "of these: issued, both operands nonzero", "MAC");
    line_count(f, prefix, "macs.zero", s->macs_zero, "of these: issued, an operand zero, not gated", "MAC");
    line_count(f, prefix, "macs.gated", s->macs_gated, "of these: issued, an operand zero, gated", "MAC");
    line_count(f, prefix, "macs.skipped", s->macs_skipped, "of these: never issued", "MAC");
    line_count(f, prefix, "macs.padding", s->macs_padding, "pairs with a side outside of the image; not in the total", "MAC");
    line_count(f, prefix, "uncompacted_macs", s->macs_uncompacted, "the product before dropped channels were left out, padding included", "MAC");
    if (!isnan(s->density_a)) {
        line_real(f, prefix, "density.a", s->density_a, "nonzero share of operand A", "share");
    }
    if (!isnan(s->density_b)) {
        line_real(f, prefix, "density.b", s->density_b, "nonzero share of operand B", "share");
    }
    if (!isnan(s->density_out)) {
        line_real(f, prefix, "density.out", s->density_out, "nonzero share of the result", "share");
    }
    if (s->quantised) {
        line_count(f, prefix, "quantised_zeros.a", s->quantised_zeros_a, "stored values of operand A that quantising made zero", "value");
        line_count(f, prefix, "quantised_zeros.b", s->quantised_zeros_b, "stored values of operand B that quantising made zero", "value");
    }
#define SJ_X(id, name, unit, meaning) line_count(f, prefix, "counts." name, s->counts.id, meaning, unit);
    SJ_COUNTERS(SJ_X)
#undef SJ_X
    line_count(f, prefix, "dram_bytes.read", 64 * s->counts.dram_read, "bytes of the bursts read", "byte");
    line_count(f, prefix, "dram_bytes.write", 64 * s->counts.dram_write, "bytes of the bursts written", "byte");
    text_energy(f, prefix, s);
}

static void text_accounts(FILE *f, const char *prefix, const sj_stats *run, const sj_stats_variant *v) {
    static const char *const meanings[SJ_ACCOUNT_COUNT] = {"everything, for as long as the machine runs", "without leakage and DRAM standby", "everything, powered for the time of the slowest machine with this codec"};
    for (int a = 0; a < SJ_ACCOUNT_COUNT; a++) {
        const sj_account_energy e = sj_energy_by_account(sj_priced_total(run, v), sj_reference_cycles(run, v->variant.codec), (sj_account)a);
        const double ends[SJ_BOUND_COUNT] = {[SJ_LOW] = e.low_pj, [SJ_TYPICAL] = e.pj, [SJ_HIGH] = e.high_pj};
        for (int b = 0; b < SJ_BOUND_COUNT; b++) {
            char name[64];
            snprintf(name, sizeof name, "accounts.%s.%s", sj_account_names[a], energy_names[b]);
            if (!isnan(ends[b])) {
                line_real(f, prefix, name, ends[b], meanings[a], "pJ");
            }
        }
    }
}

static void text_area(FILE *f, const char *base, const sj_stats *run) {
    for (int m = 0; m < 3; m++) {
        char prefix[128];
        snprintf(prefix, sizeof prefix, "%s.area_mm2.%s", base, sj_machine_name((sj_machine)m));
        for (int c = 0; run->has_area[m] && c < SJ_AREA_COUNT; c++) {
            line_real(f, prefix, sj_area_names[c], run->area[m].component_mm2[c], "silicon, typical", "mm2");
        }
        if (run->has_area[m]) {
            line_real(f, prefix, "total", run->area[m].total_mm2[SJ_TYPICAL], "silicon, sum of the parts", "mm2");
            line_real(f, prefix, "total_low", run->area[m].total_mm2[SJ_LOW], "silicon, all areas low", "mm2");
            line_real(f, prefix, "total_high", run->area[m].total_mm2[SJ_HIGH], "silicon, all areas high", "mm2");
        }
    }
}

void sj_stats_write_text(FILE *f, const sj_stats *runs, int count) {
    for (int r = 0; r < count; r++) {
        const sj_stats *run = &runs[r];
        char base[96], variant[24], prefix[256];
        snprintf(base, sizeof base, "%s.step%" PRId64 ".batch%" PRId64, run->mode, run->step, run->batch);
        line_real(f, base, "clock_mhz", run->clock_mhz, "core clock", "MHz");
        if (run->penalty != SJ_PENALTY_WORK_NONE) {
            line_count(f, base, "penalty_charged", run->penalty == SJ_PENALTY_WORK_CHARGED, "1: with the penalty's own work; 0: without it, as the trace does not say which outputs bear it: energies are lower bounds", "flag");
        }
        text_area(f, base, run);
        for (int v = 0; v < run->variant_count; v++) {
            sj_variant_name(run->variants[v].variant, variant);
            snprintf(prefix, sizeof prefix, "%s.%s.total", base, variant);
            text_stat(f, prefix, run, &run->variants[v].total);
            text_accounts(f, prefix, run, &run->variants[v]);
            for (int i = 0; i < run->variants[v].layer_count; i++) {
                const sj_stat *s = &run->variants[v].layers[i];
                snprintf(prefix, sizeof prefix, "%s.%s.%s.%s", base, variant, s->name, sj_phase_name(s->phase));
                text_stat(f, prefix, run, s);
            }
        }
    }
}
