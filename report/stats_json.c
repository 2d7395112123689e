// SPDX-License-Identifier: Apache-2.0
// Writing stats.json and provenance.json. The keys' order is fixed, so that equal runs give equal bytes.
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "json_write.h"
#include "sj_saving.h"
#include "sj_stats.h"

static json_t *macs_json(const sj_stat *s, sj_json_maker *m) {
    json_t *o = json_object();
    sj_json_put(m, o, "total", sj_json_count(s->macs_total, m));
    sj_json_put(m, o, "active", sj_json_count(s->macs_active, m));
    sj_json_put(m, o, "zero", sj_json_count(s->macs_zero, m));
    sj_json_put(m, o, "gated", sj_json_count(s->macs_gated, m));
    sj_json_put(m, o, "skipped", sj_json_count(s->macs_skipped, m));
    sj_json_put(m, o, "padding", sj_json_count(s->macs_padding, m));
    return o;
}

static json_t *counts_json(const sj_counters *counts, sj_json_maker *m) {
    json_t *o = json_object();
#define SJ_X(id, name, unit, meaning) sj_json_put(m, o, name, sj_json_count(counts->id, m));
    SJ_COUNTERS(SJ_X)
#undef SJ_X
    return o;
}

static json_t *busy_json(const sj_stat *s, sj_json_maker *m) {
    json_t *o = json_object();
    for (int i = 0; i < SJ_LIMIT_COUNT; i++) {
        sj_json_put(m, o, sj_limit_names[i], sj_json_count(s->busy[i], m));
    }
    return o;
}

static json_t *energy_json(const sj_energy *e, sj_json_maker *m) {
    json_t *o = json_object();
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        sj_json_put(m, o, sj_component_names[c], json_real(e->component_pj[c]));
    }
    sj_json_put(m, o, "total", json_real(e->total_pj));
    return o;
}

// Source: component: [change when it is low, when it is high]; what a source does not touch is left out.
static json_t *spread_json(const sj_stats *run, const sj_spread *spread, sj_json_maker *m) {
    json_t *all = json_object();
    for (int i = 0; i < run->source_count; i++) {
        json_t *one = json_object();
        for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
            const double *ends = spread->pj[i][c];
            if (ends[0] != 0.0 || ends[1] != 0.0) {
                sj_json_put(m, one, sj_component_names[c], json_pack("[f, f]", ends[0], ends[1]));
            }
        }
        sj_json_put(m, all, run->source_names[i], one);
    }
    return all;
}

// The total's energy by each account. At fixed throughput the machine stays powered for `cycles`, those of the slowest machine with this codec.
static json_t *accounts_json(const sj_stats *run, const sj_stats_variant *v, sj_json_maker *m) {
    json_t *o = json_object();
    const uint64_t reference = sj_reference_cycles(run, v->variant.codec);
    for (int a = 0; a < SJ_ACCOUNT_COUNT; a++) {
        const sj_account_energy e = sj_energy_by_account(sj_priced_total(run, v), reference, (sj_account)a);
        json_t *one = json_pack("{s:f, s:o, s:o}", "energy_pj", e.pj, "energy_pj_low", sj_json_number(e.low_pj), "energy_pj_high", sj_json_number(e.high_pj));
        if (a == SJ_ACCOUNT_THROUGHPUT) {
            sj_json_put(m, one, "cycles", sj_json_count(reference, m));
        }
        sj_json_put(m, o, sj_account_names[a], one);
    }
    return o;
}

// The keys that layers and totals share.
static void stat_into(json_t *o, const sj_stats *run, const sj_stat *s, sj_json_maker *m) {
    sj_json_put(m, o, "cycles", sj_json_count(s->cycles, m));
    sj_json_put(m, o, "bound", json_string(sj_limit_names[sj_stat_bound(s)]));
    sj_json_put(m, o, "busy", busy_json(s, m));
    sj_json_put(m, o, "macs", macs_json(s, m));
    sj_json_put(m, o, "uncompacted_macs", sj_json_count(s->macs_uncompacted, m));
    sj_json_put(m, o, "counts", counts_json(&s->counts, m));
    sj_json_put(m, o, "energy_pj", energy_json(&s->energy[SJ_TYPICAL], m));
    sj_json_put(m, o, "energy_pj_low", energy_json(&s->energy[SJ_LOW], m));
    sj_json_put(m, o, "energy_pj_high", energy_json(&s->energy[SJ_HIGH], m));
    sj_json_put(m, o, "density", json_pack("{s:o, s:o, s:o}", "a", sj_json_number(s->density_a), "b", sj_json_number(s->density_b), "out", sj_json_number(s->density_out)));
    if (s->quantised) {
        sj_json_put(m, o, "quantised_zeros", json_pack("{s:o, s:o}", "a", sj_json_count(s->quantised_zeros_a, m), "b", sj_json_count(s->quantised_zeros_b, m)));
        sj_json_put(m, o, "density_before", json_pack("{s:o, s:o}", "a", sj_json_number(s->density_before_a), "b", sj_json_number(s->density_before_b)));
    }
    sj_json_put(m, o, "utilization", json_real(sj_stat_utilization(run, s)));
    uint64_t read_bytes, write_bytes;
    m->overflow = __builtin_mul_overflow(s->counts.dram_read, (uint64_t)64, &read_bytes) || m->overflow;
    m->overflow = __builtin_mul_overflow(s->counts.dram_write, (uint64_t)64, &write_bytes) || m->overflow;
    sj_json_put(m, o, "dram_bytes", json_pack("{s:o, s:o}", "read", sj_json_count(read_bytes, m), "write", sj_json_count(write_bytes, m)));
}

static json_t *layer_json(const sj_stats *run, const sj_stat *s, sj_json_maker *m) {
    json_t *o = json_object();
    sj_json_put(m, o, "name", json_string(s->name));
    sj_json_put(m, o, "kind", json_string(s->kind));
    sj_json_put(m, o, "phase", json_string(sj_phase_name(s->phase)));
    stat_into(o, run, s, m);
    return o;
}

static json_t *variants_json(const sj_stats *run, sj_json_maker *m) {
    json_t *o = json_object();
    for (int v = 0; v < run->variant_count; v++) {
        json_t *total = json_object(), *layers = json_array(), *variant = json_object();
        char name[24];
        stat_into(total, run, &run->variants[v].total, m);
        sj_json_put(m, total, "accounts", accounts_json(run, &run->variants[v], m));
        if (run->source_count > 0) {
            sj_json_put(m, total, "energy_pj_spread", spread_json(run, &run->variants[v].spread, m));
        }
        for (int i = 0; i < run->variants[v].layer_count; i++) {
            sj_json_append(m, layers, layer_json(run, &run->variants[v].layers[i], m));
        }
        sj_json_put(m, variant, "total", total);
        sj_json_put(m, variant, "layers", layers);
        sj_variant_name(run->variants[v].variant, name);
        sj_json_put(m, o, name, variant);
    }
    return o;
}

// By machine: its parts, and the total with its ends.
static json_t *area_json(const sj_stats *run, sj_json_maker *m) {
    json_t *all = json_object();
    for (int machine = 0; machine < 3; machine++) {
        if (run->has_area[machine]) {
            json_t *o = json_object();
            for (int c = 0; c < SJ_AREA_COUNT; c++) {
                sj_json_put(m, o, sj_area_names[c], json_real(run->area[machine].component_mm2[c]));
            }
            sj_json_put(m, o, "total", json_real(run->area[machine].total_mm2[SJ_TYPICAL]));
            sj_json_put(m, o, "total_low", json_real(run->area[machine].total_mm2[SJ_LOW]));
            sj_json_put(m, o, "total_high", json_real(run->area[machine].total_mm2[SJ_HIGH]));
            sj_json_put(m, all, sj_machine_name((sj_machine)machine), o);
        }
    }
    return all;
}

static json_t *run_json(const sj_stats *run, sj_json_maker *m) {
    json_t *o = json_object();
    sj_json_put(m, o, "format", json_string("skipjoule-stats"));
    sj_json_put(m, o, "version", json_integer(1));
    sj_json_put(m, o, "accel", json_string(run->accel));
    sj_json_put(m, o, "tech", json_string(run->tech));
    sj_json_put(m, o, "clock_mhz", json_real(run->clock_mhz));
    sj_json_put(m, o, "array", json_pack("{s:I, s:I}", "rows", (json_int_t)run->rows, "lanes", (json_int_t)run->lanes));
    sj_json_put(m, o, "codec", json_string(sj_codec_name(run->codec)));
    sj_json_put(m, o, "fidelity", json_string(run->fidelity));
    sj_json_put(m, o, "mode", json_string(run->mode));
    sj_json_put_text(m, o, "network", run->network);
    sj_json_put_text(m, o, "method", run->method);
    sj_json_put_text(m, o, "dataset", run->dataset);
    sj_json_put_text(m, o, "method_state", run->method_state);
    sj_json_put_text(m, o, "penalty", sj_penalty_work_names[run->penalty]);
    sj_json_put_text(m, o, "selection", run->selection);
    if (run->no_fuse) {
        sj_json_put(m, o, "no_fuse", json_true());
    }
    if (run->quantised) {
        sj_json_put(m, o, "quantised", json_true());
    }
    sj_json_put(m, o, "step", json_integer((json_int_t)run->step));
    sj_json_put(m, o, "images", json_integer((json_int_t)run->images));
    sj_json_put(m, o, "batch", json_integer((json_int_t)run->batch));
    if (run->has_area[0] || run->has_area[1] || run->has_area[2]) {
        sj_json_put(m, o, "area_mm2", area_json(run, m));
    }
    sj_json_put(m, o, "variants", variants_json(run, m));
    sj_json_put(m, o, "provenance", sj_json_provenance(&run->provenance, m));
    return o;
}

sj_status sj_stats_write_json(FILE *f, const sj_stats *runs, int count, sj_error *err) {
    sj_json_maker m = {false, false};
    if (count == 1) {
        json_t *root = run_json(&runs[0], &m);
        return sj_json_dump(f, root, &m, err);
    }
    json_t *root = json_object(), *list = json_array();
    for (int i = 0; i < count; i++) {
        sj_json_append(&m, list, run_json(&runs[i], &m));
    }
    sj_json_put(&m, root, "format", json_string("skipjoule-stats-list"));
    sj_json_put(&m, root, "version", json_integer(1));
    sj_json_put(&m, root, "runs", list);
    return sj_json_dump(f, root, &m, err);
}

sj_status sj_stats_write_provenance(FILE *f, const sj_stats *runs, int count, sj_error *err) {
    sj_json_maker m = {false, false};
    json_t *root = sj_json_provenance(&runs[0].provenance, &m), *steps = json_array();
    double wall_seconds = 0.0;
    for (int i = 0; i < count; i++) {
        wall_seconds += runs[i].provenance.wall_seconds;
        sj_json_append(&m, steps, json_pack("{s:s, s:s, s:I, s:I}", "fidelity", runs[i].fidelity, "mode", runs[i].mode, "step", (json_int_t)runs[i].step, "batch",
                                    (json_int_t)runs[i].batch));
    }
    sj_json_put(&m, root, "wall_seconds", json_real(wall_seconds));
    sj_json_put(&m, root, "runs", steps);
    return sj_json_dump(f, root, &m, err);
}
