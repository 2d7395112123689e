// SPDX-License-Identifier: Apache-2.0
// Writing run.json. The keys' order is fixed, so that equal runs give equal bytes; doubles stand with the 17 digits that bring them back.
#include "json_write.h"
#include "sj_whole_run.h"
#include "whole_run_facts.h"

static json_t *integer(int64_t n) { return json_integer((json_int_t)n); }

static json_t *by_phase(const double values[SJ_PHASE_COUNT], sj_json_maker *m) {
    json_t *o = json_object();
    for (int p = 0; p < SJ_PHASE_COUNT; p++) {
        sj_json_put(m, o, sj_phase_name((sj_phase)p), sj_json_number(values[p]));
    }
    return o;
}

static json_t *by_component(const double values[SJ_COMPONENT_COUNT], sj_json_maker *m) {
    json_t *o = json_object();
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        sj_json_put(m, o, sj_component_names[c], json_real(values[c]));
    }
    return o;
}

static json_t *sum_json(const sj_run_sum *s, sj_json_maker *m) {
    json_t *o = json_object();
    sj_json_put(m, o, "energy_pj", json_real(s->energy_pj));
    sj_json_put(m, o, "cycles", json_real(s->cycles));
    sj_json_put(m, o, "phase_pj", by_phase(s->phase_pj, m));
    sj_json_put(m, o, "phase_cycles", by_phase(s->phase_cycles, m));
    sj_json_put(m, o, "component_pj", by_component(s->component_pj, m));
    sj_json_put(m, o, "dram_bytes", json_pack("{s:f, s:f}", "read", s->dram_read_bytes, "write", s->dram_write_bytes));
    return o;
}

static json_t *sums_json(const sj_run_sum *sums, int count, sj_json_maker *m) {
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        sj_json_append(m, list, sum_json(&sums[i], m));
    }
    return list;
}

static json_t *layer_json(const sj_run_layer *l, sj_json_maker *m) {
    json_t *o = json_pack("{s:s, s:s, s:s, s:f, s:f}", "name", l->name, "kind", l->kind, "phase", sj_phase_name(l->phase), "energy_pj", l->energy_pj, "cycles", l->cycles);
    sj_json_put(m, o, "component_pj", by_component(l->component_pj, m));
    return o;
}

static json_t *error_json(const sj_run_error *e, sj_json_maker *m) {
    json_t *o = json_object();
    sj_json_put(m, o, "steps", integer(e->steps));
    sj_json_put(m, o, "mean", sj_json_number(e->mean));
    sj_json_put(m, o, "rms", sj_json_number(e->rms));
    sj_json_put(m, o, "worst", sj_json_number(e->worst));
    sj_json_put(m, o, "total", sj_json_number(e->total));
    sj_json_put(m, o, "phase_rms", by_phase(e->phase_rms, m));
    return o;
}

static json_t *variant_json(const sj_run_variant *v, sj_json_maker *m) {
    json_t *o = json_object(), *layers = json_array();
    sj_json_put(m, o, "total", sum_json(&v->total, m));
    sj_json_put(m, o, "energy_pj_low", sj_json_number(v->low_pj));
    sj_json_put(m, o, "energy_pj_high", sj_json_number(v->high_pj));
    sj_json_put(m, o, "energy_pj_synthetic", sj_json_number(v->synthetic_pj));
    sj_json_put(m, o, "error", error_json(&v->error, m));
    sj_json_put(m, o, "epochs", sums_json(v->epochs, v->epoch_count, m));
    sj_json_put(m, o, "states", sums_json(v->states, v->state_count, m));
    for (int i = 0; i < v->layer_count; i++) {
        sj_json_append(m, layers, layer_json(&v->layers[i], m));
    }
    sj_json_put(m, o, "layers", layers);
    return o;
}

static json_t *variants_json(const sj_whole_run *w, sj_json_maker *m) {
    json_t *o = json_object();
    for (int v = 0; v < w->variant_count; v++) {
        char name[24];
        sj_variant_name(w->variants[v].variant, name);
        sj_json_put(m, o, name, variant_json(&w->variants[v], m));
    }
    return o;
}

static json_t *epochs_json(const sj_whole_run *w, sj_json_maker *m) {
    json_t *list = json_array();
    for (int i = 0; i < w->epoch_count; i++) {
        const sj_run_epoch *e = &w->epochs[i];
        json_t *o = json_object();
        sj_json_put(m, o, "epoch", integer(e->epoch));
        sj_json_put(m, o, "iterations", integer(e->iterations));
        sj_json_put(m, o, "traced", integer(e->traced));
        sj_json_put(m, o, "skipped", json_boolean(e->skipped));
        sj_json_put(m, o, "state", integer(e->state));
        sj_json_put(m, o, "loss", sj_json_number(e->loss));
        sj_json_put(m, o, "test_accuracy", sj_json_number(e->test_accuracy));
        sj_json_put(m, o, "macro_f1", sj_json_number(e->macro_f1));
        sj_json_put(m, o, "x_density", sj_json_number(e->x_density));
        sj_json_put(m, o, "dy_density", sj_json_number(e->dy_density));
        sj_json_put(m, o, "kept_fraction", sj_json_number(e->kept_fraction));
        sj_json_put(m, o, "backward_macs", sj_json_number(e->backward_macs));
        sj_json_append(m, list, o);
    }
    return list;
}

static json_t *states_json(const sj_whole_run *w, sj_json_maker *m) {
    json_t *list = json_array();
    for (int i = 0; i < w->state_count; i++) {
        const sj_run_state *s = &w->states[i];
        sj_json_append(m, list, json_pack("{s:s, s:I, s:I}", "name", s->name, "iterations", (json_int_t)s->iterations, "traced", (json_int_t)s->traced));
    }
    return list;
}

// A list an epoch of a number a layer.
static json_t *densities(const sj_whole_run *w, const float *values, sj_json_maker *m) {
    json_t *list = json_array();
    for (int e = 0; e < w->epoch_count; e++) {
        json_t *row = json_array();
        for (int l = 0; l < w->layer_count; l++) {
            sj_json_append(m, row, sj_json_number((double)values[(size_t)e * (size_t)w->layer_count + (size_t)l]));
        }
        sj_json_append(m, list, row);
    }
    return list;
}

static json_t *density_json(const sj_whole_run *w, sj_json_maker *m) {
    json_t *o = json_object(), *names = json_array();
    for (int l = 0; l < w->layer_count; l++) {
        sj_json_append(m, names, json_string(w->layer_names[l]));
    }
    sj_json_put(m, o, "layers", names);
    sj_json_put(m, o, "x", densities(w, w->x_density, m));
    sj_json_put(m, o, "dy", densities(w, w->dy_density, m));
    return o;
}

static void head_into(json_t *o, const sj_whole_run *w, sj_json_maker *m) {
    sj_json_put(m, o, "accel", json_string(w->accel));
    sj_json_put(m, o, "tech", json_string(w->tech));
    sj_json_put(m, o, "clock_mhz", json_real(w->clock_mhz));
    sj_json_put(m, o, "array", json_pack("{s:I, s:I}", "rows", (json_int_t)w->rows, "lanes", (json_int_t)w->lanes));
    sj_json_put_text(m, o, "fidelity", w->fidelity);
    sj_json_put_text(m, o, "network", w->network);
    sj_json_put_text(m, o, "method", w->method);
    sj_json_put_text(m, o, "dataset", w->dataset);
    sj_json_put_text(m, o, "penalty", sj_penalty_work_names[w->penalty]);
    sj_json_put_text(m, o, "selection", w->selection);
    if (w->quantised) {
        sj_json_put(m, o, "quantised", json_true());
    }
    sj_json_put(m, o, "batch", integer(w->batch));
    sj_json_put(m, o, "images", integer(w->images));
    sj_json_put(m, o, "iterations", integer(w->iterations));
    sj_json_put(m, o, "traced_steps", integer(w->traced_steps));
}

sj_status sj_whole_run_write_json(FILE *f, const sj_whole_run *w, sj_error *err) {
    sj_json_maker m = {false, false};
    json_t *root = json_object();
    sj_json_put(&m, root, "format", json_string("skipjoule-whole-run"));
    sj_json_put(&m, root, "version", json_integer(1));
    head_into(root, w, &m);
    sj_json_put(&m, root, "epochs", epochs_json(w, &m));
    sj_json_put(&m, root, "states", states_json(w, &m));
    sj_json_put(&m, root, "density", density_json(w, &m));
    sj_json_put(&m, root, "variants", variants_json(w, &m));
    if (w->facts.known) {
        sj_json_put(&m, root, "facts", sj_run_facts_json(&w->facts, &m));
    }
    sj_json_put(&m, root, "provenance", sj_json_provenance(&w->provenance, &m));
    return sj_json_dump(f, root, &m, err);
}

sj_status sj_whole_run_write_provenance(FILE *f, const sj_whole_run *w, sj_error *err) {
    sj_json_maker m = {false, false};
    json_t *root = sj_json_provenance(&w->provenance, &m);
    sj_json_put_text(&m, root, "fidelity", w->fidelity);
    sj_json_put(&m, root, "traced_steps", integer(w->traced_steps));
    return sj_json_dump(f, root, &m, err);
}
