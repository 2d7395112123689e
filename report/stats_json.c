// SPDX-License-Identifier: Apache-2.0
// Writing stats.json and provenance.json. The keys' order is fixed, so that equal runs give equal bytes.
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "sj_saving.h"
#include "sj_stats.h"

// What went wrong on the way.
typedef struct maker {
    bool overflow, memory;
} maker;

static void put(maker *m, json_t *object, const char *key, json_t *value) { m->memory = json_object_set_new(object, key, value) != 0 || m->memory; }

static void append(maker *m, json_t *array, json_t *value) { m->memory = json_array_append_new(array, value) != 0 || m->memory; }

// Counts pass INT64_MAX only by an error: JSON readers would not take them.
static json_t *count_json(uint64_t n, maker *m) {
    m->overflow = m->overflow || n > INT64_MAX;
    return json_integer((json_int_t)(n & INT64_MAX));
}

static json_t *density_json(double v) { return isnan(v) ? json_null() : json_real(v); }

static json_t *macs_json(const sj_stat *s, maker *m) {
    json_t *o = json_object();
    put(m, o, "total", count_json(s->macs_total, m));
    put(m, o, "active", count_json(s->macs_active, m));
    put(m, o, "zero", count_json(s->macs_zero, m));
    put(m, o, "gated", count_json(s->macs_gated, m));
    put(m, o, "skipped", count_json(s->macs_skipped, m));
    put(m, o, "padding", count_json(s->macs_padding, m));
    return o;
}

static json_t *counts_json(const sj_counters *counts, maker *m) {
    json_t *o = json_object();
#define SJ_X(id, name, unit, meaning) put(m, o, name, count_json(counts->id, m));
    SJ_COUNTERS(SJ_X)
#undef SJ_X
    return o;
}

static json_t *busy_json(const sj_stat *s, maker *m) {
    json_t *o = json_object();
    for (int i = 0; i < SJ_LIMIT_COUNT; i++) {
        put(m, o, sj_limit_names[i], count_json(s->busy[i], m));
    }
    return o;
}

static json_t *energy_json(const sj_energy *e, maker *m) {
    json_t *o = json_object();
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        put(m, o, sj_component_names[c], json_real(e->component_pj[c]));
    }
    put(m, o, "total", json_real(e->total_pj));
    return o;
}

// Source: component: [change when it is low, when it is high]; what a source does not touch is left out.
static json_t *spread_json(const sj_stats *run, const sj_spread *spread, maker *m) {
    json_t *all = json_object();
    for (int i = 0; i < run->source_count; i++) {
        json_t *one = json_object();
        for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
            const double *ends = spread->pj[i][c];
            if (ends[0] != 0.0 || ends[1] != 0.0) {
                put(m, one, sj_component_names[c], json_pack("[f, f]", ends[0], ends[1]));
            }
        }
        put(m, all, run->source_names[i], one);
    }
    return all;
}

static json_t *real_or_null(double v) { return isnan(v) ? json_null() : json_real(v); }

// The total's energy by each account. At fixed throughput the machine stays powered for `cycles`, those of the slowest machine with this codec.
static json_t *accounts_json(const sj_stats *run, const sj_stats_variant *v, maker *m) {
    json_t *o = json_object();
    const uint64_t reference = sj_reference_cycles(run, v->variant.codec);
    for (int a = 0; a < SJ_ACCOUNT_COUNT; a++) {
        const sj_account_energy e = sj_energy_by_account(sj_priced_total(run, v), reference, (sj_account)a);
        json_t *one = json_pack("{s:f, s:o, s:o}", "energy_pj", e.pj, "energy_pj_low", real_or_null(e.low_pj), "energy_pj_high", real_or_null(e.high_pj));
        if (a == SJ_ACCOUNT_THROUGHPUT) {
            put(m, one, "cycles", count_json(reference, m));
        }
        put(m, o, sj_account_names[a], one);
    }
    return o;
}

// The keys that layers and totals share.
static void stat_into(json_t *o, const sj_stats *run, const sj_stat *s, maker *m) {
    put(m, o, "cycles", count_json(s->cycles, m));
    put(m, o, "bound", json_string(sj_limit_names[sj_stat_bound(s)]));
    put(m, o, "busy", busy_json(s, m));
    put(m, o, "macs", macs_json(s, m));
    put(m, o, "uncompacted_macs", count_json(s->macs_uncompacted, m));
    put(m, o, "counts", counts_json(&s->counts, m));
    put(m, o, "energy_pj", energy_json(&s->energy[SJ_TYPICAL], m));
    put(m, o, "energy_pj_low", energy_json(&s->energy[SJ_LOW], m));
    put(m, o, "energy_pj_high", energy_json(&s->energy[SJ_HIGH], m));
    put(m, o, "density", json_pack("{s:o, s:o, s:o}", "a", density_json(s->density_a), "b", density_json(s->density_b), "out", density_json(s->density_out)));
    if (s->quantised) {
        put(m, o, "quantised_zeros", json_pack("{s:o, s:o}", "a", count_json(s->quantised_zeros_a, m), "b", count_json(s->quantised_zeros_b, m)));
        put(m, o, "density_before", json_pack("{s:o, s:o}", "a", density_json(s->density_before_a), "b", density_json(s->density_before_b)));
    }
    put(m, o, "utilization", json_real(sj_stat_utilization(run, s)));
    uint64_t read_bytes, write_bytes;
    m->overflow = __builtin_mul_overflow(s->counts.dram_read, (uint64_t)64, &read_bytes) || m->overflow;
    m->overflow = __builtin_mul_overflow(s->counts.dram_write, (uint64_t)64, &write_bytes) || m->overflow;
    put(m, o, "dram_bytes", json_pack("{s:o, s:o}", "read", count_json(read_bytes, m), "write", count_json(write_bytes, m)));
}

static json_t *layer_json(const sj_stats *run, const sj_stat *s, maker *m) {
    json_t *o = json_object();
    put(m, o, "name", json_string(s->name));
    put(m, o, "kind", json_string(s->kind));
    put(m, o, "phase", json_string(sj_phase_name(s->phase)));
    stat_into(o, run, s, m);
    return o;
}

static json_t *variants_json(const sj_stats *run, maker *m) {
    json_t *o = json_object();
    for (int v = 0; v < run->variant_count; v++) {
        json_t *total = json_object(), *layers = json_array(), *variant = json_object();
        char name[24];
        stat_into(total, run, &run->variants[v].total, m);
        put(m, total, "accounts", accounts_json(run, &run->variants[v], m));
        if (run->source_count > 0) {
            put(m, total, "energy_pj_spread", spread_json(run, &run->variants[v].spread, m));
        }
        for (int i = 0; i < run->variants[v].layer_count; i++) {
            append(m, layers, layer_json(run, &run->variants[v].layers[i], m));
        }
        put(m, variant, "total", total);
        put(m, variant, "layers", layers);
        sj_variant_name(run->variants[v].variant, name);
        put(m, o, name, variant);
    }
    return o;
}

// By machine: its parts, and the total with its ends.
static json_t *area_json(const sj_stats *run, maker *m) {
    json_t *all = json_object();
    for (int machine = 0; machine < 3; machine++) {
        if (run->has_area[machine]) {
            json_t *o = json_object();
            for (int c = 0; c < SJ_AREA_COUNT; c++) {
                put(m, o, sj_area_names[c], json_real(run->area[machine].component_mm2[c]));
            }
            put(m, o, "total", json_real(run->area[machine].total_mm2[SJ_TYPICAL]));
            put(m, o, "total_low", json_real(run->area[machine].total_mm2[SJ_LOW]));
            put(m, o, "total_high", json_real(run->area[machine].total_mm2[SJ_HIGH]));
            put(m, all, sj_machine_name((sj_machine)machine), o);
        }
    }
    return all;
}

static void text_into(json_t *o, const char *key, const char *text, maker *m) {
    if (text[0] != '\0') {
        put(m, o, key, json_string(text));
    }
}

static json_t *provenance_json(const sj_provenance *p, maker *m) {
    json_t *o = json_object();
    text_into(o, "version", p->version, m);
    text_into(o, "host", p->host, m);
    put(m, o, "wall_seconds", json_real(p->wall_seconds));
    if (p->has_seed) {
        put(m, o, "seed", json_integer((json_int_t)p->seed));
    }
    text_into(o, "input", p->input, m);
    text_into(o, "input_hash", p->input_hash, m);
    text_into(o, "accel_file", p->accel_file, m);
    text_into(o, "tech_file", p->tech_file, m);
    text_into(o, "check", p->check, m);
    return o;
}

static json_t *run_json(const sj_stats *run, maker *m) {
    json_t *o = json_object();
    put(m, o, "format", json_string("skipjoule-stats"));
    put(m, o, "version", json_integer(1));
    put(m, o, "accel", json_string(run->accel));
    put(m, o, "tech", json_string(run->tech));
    put(m, o, "clock_mhz", json_real(run->clock_mhz));
    put(m, o, "array", json_pack("{s:I, s:I}", "rows", (json_int_t)run->rows, "lanes", (json_int_t)run->lanes));
    put(m, o, "codec", json_string(sj_codec_name(run->codec)));
    put(m, o, "fidelity", json_string(run->fidelity));
    put(m, o, "mode", json_string(run->mode));
    text_into(o, "network", run->network, m);
    text_into(o, "method", run->method, m);
    text_into(o, "dataset", run->dataset, m);
    text_into(o, "method_state", run->method_state, m);
    text_into(o, "penalty", sj_penalty_work_names[run->penalty], m);
    text_into(o, "selection", run->selection, m);
    if (run->no_fuse) {
        put(m, o, "no_fuse", json_true());
    }
    if (run->quantised) {
        put(m, o, "quantised", json_true());
    }
    put(m, o, "step", json_integer((json_int_t)run->step));
    put(m, o, "images", json_integer((json_int_t)run->images));
    put(m, o, "batch", json_integer((json_int_t)run->batch));
    if (run->has_area[0] || run->has_area[1] || run->has_area[2]) {
        put(m, o, "area_mm2", area_json(run, m));
    }
    put(m, o, "variants", variants_json(run, m));
    put(m, o, "provenance", provenance_json(&run->provenance, m));
    return o;
}

// Takes root.
static sj_status dump(FILE *f, json_t *root, const maker *m, sj_error *err) {
    sj_status status = SJ_OK;
    if (m->overflow) {
        status = SJ_FAIL(err, SJ_ERR_RANGE, "a counter passes 2^63 - 1 and cannot stand in JSON");
    } else if (root == NULL || m->memory) {
        status = SJ_FAIL(err, SJ_ERR_MEMORY, "no memory to write the results as JSON");
    } else if (json_dumpf(root, f, JSON_INDENT(1)) != 0 || fputc('\n', f) == EOF) {
        status = SJ_FAIL(err, SJ_ERR_IO, "cannot write the results as JSON: %s", strerror(errno));
    }
    json_decref(root);
    return status;
}

sj_status sj_stats_write_json(FILE *f, const sj_stats *runs, int count, sj_error *err) {
    maker m = {false, false};
    if (count == 1) {
        json_t *root = run_json(&runs[0], &m);
        return dump(f, root, &m, err);
    }
    json_t *root = json_object(), *list = json_array();
    for (int i = 0; i < count; i++) {
        append(&m, list, run_json(&runs[i], &m));
    }
    put(&m, root, "format", json_string("skipjoule-stats-list"));
    put(&m, root, "version", json_integer(1));
    put(&m, root, "runs", list);
    return dump(f, root, &m, err);
}

sj_status sj_stats_write_provenance(FILE *f, const sj_stats *runs, int count, sj_error *err) {
    maker m = {false, false};
    json_t *root = provenance_json(&runs[0].provenance, &m), *steps = json_array();
    double wall_seconds = 0.0;
    for (int i = 0; i < count; i++) {
        wall_seconds += runs[i].provenance.wall_seconds;
        append(&m, steps, json_pack("{s:s, s:s, s:I, s:I}", "fidelity", runs[i].fidelity, "mode", runs[i].mode, "step", (json_int_t)runs[i].step, "batch",
                                    (json_int_t)runs[i].batch));
    }
    put(&m, root, "wall_seconds", json_real(wall_seconds));
    put(&m, root, "runs", steps);
    return dump(f, root, &m, err);
}
