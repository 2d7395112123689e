// SPDX-License-Identifier: Apache-2.0
// Reading run.json back. Keys that this program does not know are let pass, so that version 1 may gain some.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json_read.h"
#include "sj_file.h"
#include "sj_whole_run.h"
#include "whole_run_check.h"
#include "whole_run_facts.h"

// Sizes that products of two do not overflow. No run that was trained comes near.
static const uint64_t iterations_max = UINT64_C(1) << 40, batch_max = UINT64_C(1) << 31;

static int64_t size_at(sj_json_reader *r, const json_t *o, const char *key, uint64_t most) {
    const uint64_t size = sj_json_count_at(r, o, key);
    if (size > most) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "at most %llu", (unsigned long long)most);
        sj_json_miss(r, key, wanted);
        return 0;
    }
    return (int64_t)size;
}

// How many iterations there are, and how many of them were traced.
static void read_iterations(sj_json_reader *r, const json_t *o, const char *traced_key, int64_t *iterations, int64_t *traced) {
    *iterations = size_at(r, o, "iterations", iterations_max);
    *traced = size_at(r, o, traced_key, iterations_max);
    if (*traced > *iterations) {
        sj_json_miss(r, traced_key, "at most iterations");
    }
}

static double share_at(sj_json_reader *r, const json_t *o, const char *key) {
    const double share = sj_json_number_at(r, o, key);
    if (share < 0.0 || share > 1.0) {  // never of NAN
        sj_json_miss(r, key, "between 0 and 1");
    }
    return share;
}

static void read_phases(sj_json_reader *r, const json_t *o, const char *key, double values[SJ_PHASE_COUNT]) {
    const json_t *all = sj_json_object_at(r, o, key);
    for (int p = 0; p < SJ_PHASE_COUNT; p++) {
        values[p] = sj_json_number_at(r, all, sj_phase_name((sj_phase)p));
    }
}

// Components that only this program knows are 0; those that only another version knows are a part of the sum.
static void read_components(sj_json_reader *r, const json_t *o, double energy_pj, double values[SJ_COMPONENT_COUNT]) {
    const json_t *all = sj_json_object_at(r, o, "component_pj");
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        values[c] = json_object_get(all, sj_component_names[c]) != NULL ? sj_json_real_at(r, all, sj_component_names[c]) : 0.0;
    }
    double sum = 0.0;
    for (void *at = json_object_iter((json_t *)(uintptr_t)all); at != NULL; at = json_object_iter_next((json_t *)(uintptr_t)all, at)) {
        sum += json_number_value(json_object_iter_value(at));
    }
    if (!sj_whole_run_near(sum, energy_pj)) {
        sj_json_miss(r, "component_pj", "parts that sum to energy_pj");
    }
}

static void read_sum(sj_json_reader *r, const json_t *o, sj_run_sum *s) {
    s->energy_pj = sj_json_real_at(r, o, "energy_pj");
    if (!(s->energy_pj >= 0.0)) {
        sj_json_miss(r, "energy_pj", "at least 0");
    }
    s->cycles = sj_json_real_at(r, o, "cycles");
    read_phases(r, o, "phase_pj", s->phase_pj);
    read_phases(r, o, "phase_cycles", s->phase_cycles);
    read_components(r, o, s->energy_pj, s->component_pj);
    const json_t *bytes = sj_json_object_at(r, o, "dram_bytes");
    s->dram_read_bytes = sj_json_real_at(r, bytes, "read");
    s->dram_write_bytes = sj_json_real_at(r, bytes, "write");
}

// One sum an epoch or a state: as many as the head has.
static sj_run_sum *read_sums(sj_json_reader *r, const json_t *o, const char *key, int count) {
    const json_t *list = sj_json_array_at(r, o, key);
    if ((int)json_array_size(list) != count) {
        sj_json_miss(r, key, "a list as long as the run's");
    }
    sj_run_sum *sums = sj_json_room(r, (size_t)count, sizeof *sums);
    for (int i = 0; i < count && r->status == SJ_OK; i++) {
        read_sum(r, json_array_get(list, (size_t)i), &sums[i]);
    }
    return sums;
}

static void read_layer(sj_json_reader *r, const json_t *o, sj_run_layer *l) {
    sj_json_text_at(r, o, "name", true, l->name, sizeof l->name);
    sj_json_text_at(r, o, "kind", true, l->kind, sizeof l->kind);
    l->phase = sj_json_phase_at(r, o, "phase");
    l->energy_pj = sj_json_real_at(r, o, "energy_pj");
    l->cycles = sj_json_real_at(r, o, "cycles");
    read_components(r, o, l->energy_pj, l->component_pj);
}

static void read_error(sj_json_reader *r, const json_t *o, sj_run_error *e) {
    e->steps = (int64_t)sj_json_count_at(r, o, "steps");
    e->mean = sj_json_number_at(r, o, "mean");
    e->rms = sj_json_number_at(r, o, "rms");
    e->worst = sj_json_number_at(r, o, "worst");
    e->total = sj_json_number_at(r, o, "total");
    read_phases(r, o, "phase_rms", e->phase_rms);
}

static void read_variant(sj_json_reader *r, const char *name, const json_t *o, sj_whole_run *w, sj_run_variant *v) {
    v->variant = sj_json_variant(r, name);
    v->epoch_count = w->epoch_count;
    v->state_count = w->state_count;
    read_sum(r, sj_json_object_at(r, o, "total"), &v->total);
    v->low_pj = sj_json_number_at(r, o, "energy_pj_low");
    v->high_pj = sj_json_number_at(r, o, "energy_pj_high");
    v->synthetic_pj = json_object_get(o, "energy_pj_synthetic") != NULL ? sj_json_number_at(r, o, "energy_pj_synthetic") : (double)NAN;
    if (v->synthetic_pj < 0.0) {  // never of NAN
        sj_json_miss(r, "energy_pj_synthetic", "at least 0");
    }
    read_error(r, sj_json_object_at(r, o, "error"), &v->error);
    v->epochs = read_sums(r, o, "epochs", v->epoch_count);
    v->states = read_sums(r, o, "states", v->state_count);
    const json_t *layers = sj_json_array_at(r, o, "layers");
    v->layer_count = (int)json_array_size(layers);
    v->layers = sj_json_room(r, json_array_size(layers), sizeof *v->layers);
    for (int i = 0; i < v->layer_count && r->status == SJ_OK; i++) {
        read_layer(r, json_array_get(layers, (size_t)i), &v->layers[i]);
    }
    sj_whole_run_check(r, name, v);
}

static void read_variants(sj_json_reader *r, const json_t *o, sj_whole_run *w) {
    const json_t *variants = sj_json_object_at(r, o, "variants");
    if (json_object_size(variants) < 1 || json_object_size(variants) > SJ_VARIANTS_MAX) {
        sj_json_miss(r, "variants", "an object of at least one variant, and no more than there are");
        return;
    }
    void *at = json_object_iter((json_t *)(uintptr_t)variants);
    for (; at != NULL && r->status == SJ_OK; at = json_object_iter_next((json_t *)(uintptr_t)variants, at)) {
        sj_run_variant *v = &w->variants[w->variant_count++];
        read_variant(r, json_object_iter_key(at), json_object_iter_value(at), w, v);
    }
}

static void read_epoch(sj_json_reader *r, const json_t *o, const sj_whole_run *w, sj_run_epoch *e) {
    e->epoch = (int64_t)sj_json_count_at(r, o, "epoch");
    read_iterations(r, o, "traced", &e->iterations, &e->traced);
    e->skipped = sj_json_flag_at(r, o, "skipped");
    const uint64_t state = sj_json_count_at(r, o, "state");
    if (state >= (uint64_t)w->state_count) {
        sj_json_miss(r, "state", "the number of one of the run's states");
    }
    e->state = (int)(state & INT32_MAX);
    e->loss = sj_json_number_at(r, o, "loss");
    e->test_accuracy = share_at(r, o, "test_accuracy");
    e->macro_f1 = share_at(r, o, "macro_f1");
    e->x_density = share_at(r, o, "x_density");
    e->dy_density = share_at(r, o, "dy_density");
    e->kept_fraction = share_at(r, o, "kept_fraction");
    e->backward_macs = json_object_get(o, "backward_macs") != NULL ? sj_json_number_at(r, o, "backward_macs") : (double)NAN;
}

static void read_epochs(sj_json_reader *r, const json_t *o, sj_whole_run *w) {
    const json_t *list = sj_json_array_at(r, o, "epochs");
    w->epochs = sj_json_room(r, json_array_size(list), sizeof *w->epochs);
    w->epoch_count = w->epochs != NULL ? (int)json_array_size(list) : 0;
    for (int i = 0; i < w->epoch_count && r->status == SJ_OK; i++) {
        read_epoch(r, json_array_get(list, (size_t)i), w, &w->epochs[i]);
        if (i > 0 && w->epochs[i].epoch <= w->epochs[i - 1].epoch) {
            sj_json_miss(r, "epoch", "above that of the epoch before it");
        }
    }
}

static void read_states(sj_json_reader *r, const json_t *o, sj_whole_run *w) {
    const json_t *list = sj_json_array_at(r, o, "states");
    w->states = sj_json_room(r, json_array_size(list), sizeof *w->states);
    w->state_count = w->states != NULL ? (int)json_array_size(list) : 0;
    for (int i = 0; i < w->state_count && r->status == SJ_OK; i++) {
        const json_t *state = json_array_get(list, (size_t)i);
        sj_json_text_at(r, state, "name", true, w->states[i].name, sizeof w->states[i].name);
        read_iterations(r, state, "traced", &w->states[i].iterations, &w->states[i].traced);
    }
}

static float *read_table(sj_json_reader *r, const json_t *o, const char *key, const sj_whole_run *w) {
    const json_t *rows = sj_json_array_at(r, o, key);
    float *values = sj_json_room(r, (size_t)w->epoch_count * (size_t)w->layer_count, sizeof *values);
    for (int e = 0; e < w->epoch_count && r->status == SJ_OK; e++) {
        const json_t *row = json_array_get(rows, (size_t)e);
        if ((int)json_array_size(rows) != w->epoch_count || (int)json_array_size(row) != w->layer_count) {
            sj_json_miss(r, key, "a list an epoch of a number a layer");
        }
        for (int l = 0; l < w->layer_count && r->status == SJ_OK; l++) {
            const json_t *v = json_array_get(row, (size_t)l);
            if (!json_is_null(v) && !json_is_number(v)) {
                sj_json_miss(r, key, "a list an epoch of a number a layer");
            }
            values[(size_t)e * (size_t)w->layer_count + (size_t)l] = json_is_null(v) ? NAN : (float)json_number_value(v);
        }
    }
    return values;
}

static void read_densities(sj_json_reader *r, const json_t *o, sj_whole_run *w) {
    const json_t *density = sj_json_object_at(r, o, "density"), *names = sj_json_array_at(r, density, "layers");
    w->layer_names = sj_json_room(r, json_array_size(names), sizeof *w->layer_names);
    w->layer_count = w->layer_names != NULL ? (int)json_array_size(names) : 0;
    for (int l = 0; l < w->layer_count && r->status == SJ_OK; l++) {
        const json_t *name = json_array_get(names, (size_t)l);
        if (!json_is_string(name) || json_string_length(name) >= sizeof w->layer_names[l]) {
            sj_json_miss(r, "layers", "a list of layers' names");
        } else {
            strcpy(w->layer_names[l], json_string_value(name));
        }
    }
    w->x_density = read_table(r, density, "x", w);
    w->dy_density = read_table(r, density, "dy", w);
}

static void read_head(sj_json_reader *r, const json_t *o, sj_whole_run *w) {
    sj_json_text_at(r, o, "accel", true, w->accel, sizeof w->accel);
    sj_json_text_at(r, o, "tech", true, w->tech, sizeof w->tech);
    sj_json_text_at(r, o, "fidelity", false, w->fidelity, sizeof w->fidelity);
    sj_json_text_at(r, o, "network", false, w->network, sizeof w->network);
    sj_json_text_at(r, o, "method", false, w->method, sizeof w->method);
    sj_json_text_at(r, o, "dataset", false, w->dataset, sizeof w->dataset);
    sj_json_text_at(r, o, "selection", false, w->selection, sizeof w->selection);
    w->penalty = sj_json_penalty_at(r, o, "penalty");
    w->quantised = sj_json_flag_at(r, o, "quantised");
    w->batch = size_at(r, o, "batch", batch_max);
    w->images = size_at(r, o, "images", batch_max);
    read_iterations(r, o, "traced_steps", &w->iterations, &w->traced_steps);
    w->clock_mhz = sj_json_real_at(r, o, "clock_mhz");
    const json_t *array = sj_json_object_at(r, o, "array");
    w->rows = (int64_t)sj_json_count_at(r, array, "rows");
    w->lanes = (int64_t)sj_json_count_at(r, array, "lanes");
    if (!(w->clock_mhz > 0.0) || w->rows == 0 || w->lanes == 0) {
        sj_json_miss(r, "clock_mhz, array.rows or array.lanes", "above 0");
    }
}

static void read_run(sj_json_reader *r, const json_t *o, sj_whole_run *w) {
    const json_t *format = json_object_get(o, "format");
    if (!json_is_string(format) || strcmp(json_string_value(format), "skipjoule-whole-run") != 0) {
        sj_json_miss(r, "format", "\"skipjoule-whole-run\"");
        return;
    }
    if (sj_json_count_at(r, o, "version") != 1) {
        sj_json_miss(r, "version", "1, the one this program reads");
        return;
    }
    read_head(r, o, w);
    read_states(r, o, w);
    read_epochs(r, o, w);
    read_densities(r, o, w);
    sj_json_read_provenance(r, sj_json_object_at(r, o, "provenance"), &w->provenance);
    read_variants(r, o, w);
    if (json_object_get(o, "facts") != NULL) {
        sj_run_facts_read(r, sj_json_object_at(r, o, "facts"), &w->facts);
    }
}

sj_status sj_whole_run_read(const char *path, sj_whole_run *w, sj_error *err) {
    memset(w, 0, sizeof *w);
    json_t *root;
    SJ_TRY(sj_json_open(path, &root, err));
    sj_json_reader r = {path, err, SJ_OK};
    read_run(&r, root, w);
    json_decref(root);
    if (r.status != SJ_OK) {
        sj_whole_run_free(w);
    }
    return r.status;
}
