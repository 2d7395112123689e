// SPDX-License-Identifier: Apache-2.0
// Reading stats.json back. Keys may be added within version 1 of the format: those that this program does not know are let pass, and components that it knows and the file
// does not are 0; the sum of all must still be the total.
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json_read.h"
#include "sj_file.h"

static void energy_at(sj_json_reader *r, const json_t *o, const char *key, sj_energy *e) {
    const json_t *energy = sj_json_object_at(r, o, key);
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        e->component_pj[c] = json_object_get(energy, sj_component_names[c]) != NULL ? sj_json_real_at(r, energy, sj_component_names[c]) : 0.0;
    }
    e->total_pj = sj_json_real_at(r, energy, "total");
    double sum = 0.0;  // with the components that only another version knows
    for (void *at = json_object_iter((json_t *)(uintptr_t)energy); at != NULL; at = json_object_iter_next((json_t *)(uintptr_t)energy, at)) {
        sum += strcmp(json_object_iter_key(at), "total") != 0 ? json_number_value(json_object_iter_value(at)) : 0.0;
    }
    if (!(fabs(sum - e->total_pj) <= 1e-9 * fabs(sum))) {
        sj_json_miss(r, key, "components that sum to their total");
    }
}

// The sources of error: of the first total that is read; the others must name the same ones.
static void read_spread(sj_json_reader *r, const json_t *o, sj_stats *run, sj_spread *s) {
    const json_t *all = json_object_get(o, "energy_pj_spread");
    const bool first = run->variant_count == 1;
    if (all == NULL && (first || run->source_count == 0)) {
        return;  // a file of before spreads were written
    }
    if (!json_is_object(all) || json_object_size(all) > SJ_SOURCE_MAX || (!first && (int)json_object_size(all) != run->source_count)) {
        sj_json_miss(r, "energy_pj_spread", "an object of the same sources in each total");
        return;
    }
    int i = 0;
    for (void *at = json_object_iter((json_t *)(uintptr_t)all); at != NULL && r->status == SJ_OK; at = json_object_iter_next((json_t *)(uintptr_t)all, at), i++) {
        const char *name = json_object_iter_key(at);
        if (!json_is_object(json_object_iter_value(at)) || strlen(name) >= SJ_SOURCE_NAME || (!first && strcmp(name, run->source_names[i]) != 0)) {
            sj_json_miss(r, "energy_pj_spread", "an object of the same sources in each total");
            return;
        }
        strcpy(run->source_names[i], name);
        for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
            const json_t *ends = json_object_get(json_object_iter_value(at), sj_component_names[c]);
            if (ends != NULL && (json_array_size(ends) != 2 || !json_is_number(json_array_get(ends, 0)) || !json_is_number(json_array_get(ends, 1)))) {
                sj_json_miss(r, "energy_pj_spread", "two numbers for each component");
            }
            s->pj[i][c][0] = json_number_value(json_array_get(ends, 0));
            s->pj[i][c][1] = json_number_value(json_array_get(ends, 1));
        }
    }
    run->source_count = i;
}

static void read_stat(sj_json_reader *r, const json_t *o, sj_stat *s) {
    s->cycles = sj_json_count_at(r, o, "cycles");
    const json_t *busy = sj_json_object_at(r, o, "busy"), *macs = sj_json_object_at(r, o, "macs"), *counts = sj_json_object_at(r, o, "counts"), *density = sj_json_object_at(r, o, "density");
    for (int i = 0; i < SJ_LIMIT_COUNT; i++) {
        s->busy[i] = sj_json_count_at(r, busy, sj_limit_names[i]);
    }
    s->macs_total = sj_json_count_at(r, macs, "total");
    s->macs_active = sj_json_count_at(r, macs, "active");
    s->macs_zero = sj_json_count_at(r, macs, "zero");
    s->macs_gated = sj_json_count_at(r, macs, "gated");
    s->macs_skipped = sj_json_count_at(r, macs, "skipped");
    s->macs_padding = sj_json_count_at(r, macs, "padding");
    s->macs_uncompacted = sj_json_count_at(r, o, "uncompacted_macs");
#define SJ_X(id, name, unit, meaning) s->counts.id = sj_json_count_at(r, counts, name);
    SJ_COUNTERS(SJ_X)
#undef SJ_X
    energy_at(r, o, "energy_pj", &s->energy[SJ_TYPICAL]);
    energy_at(r, o, "energy_pj_low", &s->energy[SJ_LOW]);
    energy_at(r, o, "energy_pj_high", &s->energy[SJ_HIGH]);
    s->density_a = sj_json_number_at(r, density, "a");
    s->density_b = sj_json_number_at(r, density, "b");
    s->density_out = sj_json_number_at(r, density, "out");
    s->density_before_a = s->density_before_b = (double)NAN;
    s->quantised = json_object_get(o, "quantised_zeros") != NULL;
    if (s->quantised) {
        const json_t *zeros = sj_json_object_at(r, o, "quantised_zeros"), *before = sj_json_object_at(r, o, "density_before");
        s->quantised_zeros_a = sj_json_count_at(r, zeros, "a");
        s->quantised_zeros_b = sj_json_count_at(r, zeros, "b");
        s->density_before_a = sj_json_number_at(r, before, "a");
        s->density_before_b = sj_json_number_at(r, before, "b");
    }
}

static void read_layer(sj_json_reader *r, const json_t *o, sj_stat *s) {
    sj_json_text_at(r, o, "name", true, s->name, sizeof s->name);
    sj_json_text_at(r, o, "kind", true, s->kind, sizeof s->kind);
    s->phase = sj_json_phase_at(r, o, "phase");
    read_stat(r, o, s);
}

static void read_variant(sj_json_reader *r, const char *name, const json_t *o, sj_stats *run, sj_stats_variant *v) {
    v->variant = sj_json_variant(r, name);
    strcpy(v->total.name, "total");
    read_stat(r, sj_json_object_at(r, o, "total"), &v->total);
    read_spread(r, sj_json_object_at(r, o, "total"), run, &v->spread);
    const json_t *layers = json_object_get(o, "layers");
    if (!json_is_array(layers)) {
        sj_json_miss(r, "layers", "a list");
        return;
    }
    void *memory;
    const sj_status status = sj_alloc(&memory, json_array_size(layers) + 1, sizeof(sj_stat), "the layers of a run", r->err);
    if (status != SJ_OK) {
        r->status = r->status == SJ_OK ? status : r->status;
        return;
    }
    v->layers = memory;
    v->layer_count = (int)json_array_size(layers);
    for (int i = 0; i < v->layer_count && r->status == SJ_OK; i++) {
        read_layer(r, json_array_get(layers, (size_t)i), &v->layers[i]);
    }
}

static void read_head(sj_json_reader *r, const json_t *o, sj_stats *run) {
    char codec[16] = "";
    sj_json_text_at(r, o, "accel", true, run->accel, sizeof run->accel);
    sj_json_text_at(r, o, "tech", true, run->tech, sizeof run->tech);
    sj_json_text_at(r, o, "fidelity", true, run->fidelity, sizeof run->fidelity);
    sj_json_text_at(r, o, "mode", true, run->mode, sizeof run->mode);
    if (strcmp(run->mode, "train") != 0 && strcmp(run->mode, "eval") != 0 && strcmp(run->mode, "gemm") != 0) {
        sj_json_miss(r, "mode", "train, eval or gemm");
    }
    sj_json_text_at(r, o, "network", false, run->network, sizeof run->network);
    sj_json_text_at(r, o, "method", false, run->method, sizeof run->method);
    sj_json_text_at(r, o, "dataset", false, run->dataset, sizeof run->dataset);
    sj_json_text_at(r, o, "method_state", false, run->method_state, sizeof run->method_state);
    run->penalty = sj_json_penalty_at(r, o, "penalty");
    sj_json_text_at(r, o, "selection", false, run->selection, sizeof run->selection);
    run->no_fuse = sj_json_flag_at(r, o, "no_fuse");
    run->quantised = sj_json_flag_at(r, o, "quantised");
    sj_json_text_at(r, o, "codec", true, codec, sizeof codec);
    run->codec = sj_json_codec(r, codec);
    run->step = (int64_t)sj_json_count_at(r, o, "step");
    run->images = (int64_t)sj_json_count_at(r, o, "images");
    run->batch = (int64_t)sj_json_count_at(r, o, "batch");
    run->clock_mhz = sj_json_real_at(r, o, "clock_mhz");
    const json_t *array = sj_json_object_at(r, o, "array");
    run->rows = (int64_t)sj_json_count_at(r, array, "rows");
    run->lanes = (int64_t)sj_json_count_at(r, array, "lanes");
    if (!(run->clock_mhz > 0.0) || run->rows == 0 || run->lanes == 0) {
        sj_json_miss(r, "clock_mhz, array.rows or array.lanes", "above 0");
    }
}

// Absent in a file of before areas were written.
static void read_area(sj_json_reader *r, const json_t *o, sj_stats *run) {
    const json_t *all = json_object_get(o, "area_mm2");
    for (int machine = 0; machine < 3 && all != NULL; machine++) {
        const json_t *area = json_object_get(all, sj_machine_name((sj_machine)machine));
        if (area == NULL) {
            continue;
        }
        run->has_area[machine] = true;
        for (int c = 0; c < SJ_AREA_COUNT; c++) {
            run->area[machine].component_mm2[c] = sj_json_real_at(r, area, sj_area_names[c]);
        }
        run->area[machine].total_mm2[SJ_TYPICAL] = sj_json_real_at(r, area, "total");
        run->area[machine].total_mm2[SJ_LOW] = sj_json_real_at(r, area, "total_low");
        run->area[machine].total_mm2[SJ_HIGH] = sj_json_real_at(r, area, "total_high");
    }
}

static void read_run(sj_json_reader *r, const json_t *o, sj_stats *run) {
    const json_t *format = json_object_get(o, "format");
    if (!json_is_string(format) || strcmp(json_string_value(format), "skipjoule-stats") != 0) {
        sj_json_miss(r, "format", "\"skipjoule-stats\"");
        return;
    }
    if (sj_json_count_at(r, o, "version") != 1) {
        sj_json_miss(r, "version", "1, the one this program reads");
        return;
    }
    read_head(r, o, run);
    sj_json_read_provenance(r, sj_json_object_at(r, o, "provenance"), &run->provenance);
    read_area(r, o, run);
    const json_t *variants = sj_json_object_at(r, o, "variants");
    if (json_object_size(variants) < 1 || json_object_size(variants) > SJ_VARIANTS_MAX) {
        char wanted[48];
        snprintf(wanted, sizeof wanted, "an object of 1 to %d variants", SJ_VARIANTS_MAX);
        sj_json_miss(r, "variants", wanted);
        return;
    }
    void *at = json_object_iter((json_t *)(uintptr_t)variants);
    for (; at != NULL && r->status == SJ_OK; at = json_object_iter_next((json_t *)(uintptr_t)variants, at)) {
        sj_stats_variant *v = &run->variants[run->variant_count++];
        read_variant(r, json_object_iter_key(at), json_object_iter_value(at), run, v);
    }
}

static bool is_list(const json_t *root) {
    const json_t *format = json_object_get(root, "format");
    return json_is_string(format) && strcmp(json_string_value(format), "skipjoule-stats-list") == 0;
}

static sj_status read_root(sj_json_reader *r, const json_t *root, sj_stats **runs, int *count) {
    const json_t *list = is_list(root) ? json_object_get(root, "runs") : NULL;
    if (is_list(root) && (!json_is_array(list) || json_array_size(list) == 0)) {
        sj_json_miss(r, "runs", "a list of runs");
        return r->status;
    }
    const int wanted = list != NULL ? (int)json_array_size(list) : 1;
    void *memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)wanted, sizeof(sj_stats), "the runs", r->err));
    *runs = memory;
    *count = wanted;
    for (int i = 0; i < wanted && r->status == SJ_OK; i++) {
        read_run(r, list != NULL ? json_array_get(list, (size_t)i) : root, &(*runs)[i]);
    }
    return r->status;
}

sj_status sj_stats_read(const char *path, sj_stats **runs, int *count, sj_error *err) {
    *runs = NULL;
    *count = 0;
    json_t *root;
    SJ_TRY(sj_json_open(path, &root, err));
    sj_json_reader r = {path, err, SJ_OK};
    const sj_status status = read_root(&r, root, runs, count);
    json_decref(root);
    for (int i = 0; status != SJ_OK && i < *count; i++) {
        sj_stats_free(&(*runs)[i]);
    }
    if (status != SJ_OK) {
        free(*runs);
        *runs = NULL;
        *count = 0;
    }
    return status;
}
