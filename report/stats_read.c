// SPDX-License-Identifier: Apache-2.0
// Reading stats.json back. Keys may be added within version 1 of the format: those that this program does not know are let pass, and components that it knows and the file
// does not are 0; the sum of all must still be the total.
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "sj_stats.h"

// The first problem stays; after it every getter returns 0.
typedef struct reader {
    const char *path;
    sj_error *err;
    sj_status status;
} reader;

static void fail(reader *r, const char *key, const char *wanted) {
    if (r->status == SJ_OK) {
        r->status = SJ_FAIL(r->err, SJ_ERR_FORMAT, "%s: key \"%s\" is missing or not %s", r->path, key, wanted);
    }
}

static const json_t *object_at(reader *r, const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    if (!json_is_object(v)) {
        fail(r, key, "an object");
    }
    return v;
}

static uint64_t count_at(reader *r, const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    if (!json_is_integer(v) || json_integer_value(v) < 0) {
        fail(r, key, "an integer of at least 0");
        return 0;
    }
    return (uint64_t)json_integer_value(v);
}

static double real_at(reader *r, const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    if (!json_is_number(v)) {
        fail(r, key, "a number");
    }
    return json_number_value(v);
}

static double density_at(reader *r, const json_t *o, const char *key) {
    return json_is_null(json_object_get(o, key)) ? (double)NAN : real_at(r, o, key);
}

// Absent: false.
static bool flag_at(reader *r, const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    if (v != NULL && !json_is_boolean(v)) {
        fail(r, key, "true or false");
    }
    return json_is_true(v);
}

static void text_at(reader *r, const json_t *o, const char *key, bool required, char *out, size_t size) {
    const json_t *v = json_object_get(o, key);
    if ((required && !json_is_string(v)) || (json_is_string(v) && json_string_length(v) >= size)) {
        fail(r, key, "a text of the allowed length");
        return;
    }
    snprintf(out, size, "%s", json_is_string(v) ? json_string_value(v) : "");
}

// Absent: none, or a file of before it was written.
static sj_penalty_work penalty_at(reader *r, const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    if (v == NULL) {
        return SJ_PENALTY_WORK_NONE;
    }
    for (int i = SJ_PENALTY_WORK_NONE + 1; i < SJ_PENALTY_WORK_COUNT && json_is_string(v); i++) {
        if (strcmp(json_string_value(v), sj_penalty_work_names[i]) == 0) {
            return (sj_penalty_work)i;
        }
    }
    if (json_is_string(v) && r->status == SJ_OK) {
        r->status = SJ_FAIL(r->err, SJ_ERR_FORMAT, "%s: key \"%s\" is \"%.64s\"; it must be \"%s\" or \"%s\"", r->path, key, json_string_value(v),
                            sj_penalty_work_names[SJ_PENALTY_WORK_CHARGED], sj_penalty_work_names[SJ_PENALTY_WORK_LEFT_OUT]);
    }
    fail(r, key, "a text");
    return SJ_PENALTY_WORK_NONE;
}

static void energy_at(reader *r, const json_t *o, const char *key, sj_energy *e) {
    const json_t *energy = object_at(r, o, key);
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        e->component_pj[c] = json_object_get(energy, sj_component_names[c]) != NULL ? real_at(r, energy, sj_component_names[c]) : 0.0;
    }
    e->total_pj = real_at(r, energy, "total");
    double sum = 0.0;  // with the components that only another version knows
    for (void *at = json_object_iter((json_t *)(uintptr_t)energy); at != NULL; at = json_object_iter_next((json_t *)(uintptr_t)energy, at)) {
        sum += strcmp(json_object_iter_key(at), "total") != 0 ? json_number_value(json_object_iter_value(at)) : 0.0;
    }
    if (!(fabs(sum - e->total_pj) <= 1e-9 * fabs(sum))) {
        fail(r, key, "components that sum to their total");
    }
}

// The sources of error: of the first total that is read; the others must name the same ones.
static void read_spread(reader *r, const json_t *o, sj_stats *run, sj_spread *s) {
    const json_t *all = json_object_get(o, "energy_pj_spread");
    const bool first = run->variant_count == 1;
    if (all == NULL && (first || run->source_count == 0)) {
        return;  // a file of before spreads were written
    }
    if (!json_is_object(all) || json_object_size(all) > SJ_SOURCE_MAX || (!first && (int)json_object_size(all) != run->source_count)) {
        fail(r, "energy_pj_spread", "an object of the same sources in each total");
        return;
    }
    int i = 0;
    for (void *at = json_object_iter((json_t *)(uintptr_t)all); at != NULL && r->status == SJ_OK; at = json_object_iter_next((json_t *)(uintptr_t)all, at), i++) {
        const char *name = json_object_iter_key(at);
        if (!json_is_object(json_object_iter_value(at)) || strlen(name) >= SJ_SOURCE_NAME || (!first && strcmp(name, run->source_names[i]) != 0)) {
            fail(r, "energy_pj_spread", "an object of the same sources in each total");
            return;
        }
        strcpy(run->source_names[i], name);
        for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
            const json_t *ends = json_object_get(json_object_iter_value(at), sj_component_names[c]);
            if (ends != NULL && (json_array_size(ends) != 2 || !json_is_number(json_array_get(ends, 0)) || !json_is_number(json_array_get(ends, 1)))) {
                fail(r, "energy_pj_spread", "two numbers for each component");
            }
            s->pj[i][c][0] = json_number_value(json_array_get(ends, 0));
            s->pj[i][c][1] = json_number_value(json_array_get(ends, 1));
        }
    }
    run->source_count = i;
}

static void read_stat(reader *r, const json_t *o, sj_stat *s) {
    s->cycles = count_at(r, o, "cycles");
    const json_t *busy = object_at(r, o, "busy"), *macs = object_at(r, o, "macs"), *counts = object_at(r, o, "counts"), *density = object_at(r, o, "density");
    for (int i = 0; i < SJ_LIMIT_COUNT; i++) {
        s->busy[i] = count_at(r, busy, sj_limit_names[i]);
    }
    s->macs_total = count_at(r, macs, "total");
    s->macs_active = count_at(r, macs, "active");
    s->macs_zero = count_at(r, macs, "zero");
    s->macs_gated = count_at(r, macs, "gated");
    s->macs_skipped = count_at(r, macs, "skipped");
    s->macs_padding = count_at(r, macs, "padding");
    s->macs_uncompacted = count_at(r, o, "uncompacted_macs");
#define SJ_X(id, name, unit, meaning) s->counts.id = count_at(r, counts, name);
    SJ_COUNTERS(SJ_X)
#undef SJ_X
    energy_at(r, o, "energy_pj", &s->energy[SJ_TYPICAL]);
    energy_at(r, o, "energy_pj_low", &s->energy[SJ_LOW]);
    energy_at(r, o, "energy_pj_high", &s->energy[SJ_HIGH]);
    s->density_a = density_at(r, density, "a");
    s->density_b = density_at(r, density, "b");
    s->density_out = density_at(r, density, "out");
    s->density_before_a = s->density_before_b = (double)NAN;
    s->quantised = json_object_get(o, "quantised_zeros") != NULL;
    if (s->quantised) {
        const json_t *zeros = object_at(r, o, "quantised_zeros"), *before = object_at(r, o, "density_before");
        s->quantised_zeros_a = count_at(r, zeros, "a");
        s->quantised_zeros_b = count_at(r, zeros, "b");
        s->density_before_a = density_at(r, before, "a");
        s->density_before_b = density_at(r, before, "b");
    }
}

static void read_layer(reader *r, const json_t *o, sj_stat *s) {
    char phase[24] = "";
    text_at(r, o, "name", true, s->name, sizeof s->name);
    text_at(r, o, "kind", true, s->kind, sizeof s->kind);
    text_at(r, o, "phase", true, phase, sizeof phase);
    int p = 0;
    while (p < SJ_PHASE_COUNT && strcmp(phase, sj_phase_name((sj_phase)p)) != 0) {
        p++;
    }
    if (p == SJ_PHASE_COUNT) {
        fail(r, "phase", "the name of a phase");
        p = 0;
    }
    s->phase = (sj_phase)p;
    read_stat(r, o, s);
}

static void read_codec(reader *r, const char *name, sj_codec *codec) {
    for (int c = 0; c < SJ_CODEC_COUNT; c++) {
        if (strcmp(name, sj_codec_name((sj_codec)c)) == 0) {
            *codec = (sj_codec)c;
            return;
        }
    }
    fail(r, name, "a codec");
}

static void read_variant_name(reader *r, const char *name, sj_variant *v) {
    for (int m = 0; m <= SJ_MACHINE_SKIP; m++) {
        const char *machine = sj_machine_name((sj_machine)m);
        if (strncmp(name, machine, strlen(machine)) == 0 && name[strlen(machine)] == '/') {
            v->machine = (sj_machine)m;
            read_codec(r, name + strlen(machine) + 1, &v->codec);
            return;
        }
    }
    fail(r, name, "machine/codec");
}

static void read_variant(reader *r, const char *name, const json_t *o, sj_stats *run, sj_stats_variant *v) {
    read_variant_name(r, name, &v->variant);
    strcpy(v->total.name, "total");
    read_stat(r, object_at(r, o, "total"), &v->total);
    read_spread(r, object_at(r, o, "total"), run, &v->spread);
    const json_t *layers = json_object_get(o, "layers");
    if (!json_is_array(layers)) {
        fail(r, "layers", "a list");
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

static void read_provenance(reader *r, const json_t *o, sj_provenance *p) {
    p->wall_seconds = real_at(r, o, "wall_seconds");
    p->has_seed = json_is_integer(json_object_get(o, "seed"));
    p->seed = json_integer_value(json_object_get(o, "seed"));
    text_at(r, o, "version", false, p->version, sizeof p->version);
    text_at(r, o, "host", false, p->host, sizeof p->host);
    text_at(r, o, "input", false, p->input, sizeof p->input);
    text_at(r, o, "input_hash", false, p->input_hash, sizeof p->input_hash);
    text_at(r, o, "accel_file", false, p->accel_file, sizeof p->accel_file);
    text_at(r, o, "tech_file", false, p->tech_file, sizeof p->tech_file);
    text_at(r, o, "check", false, p->check, sizeof p->check);
}

static void read_head(reader *r, const json_t *o, sj_stats *run) {
    char codec[16] = "";
    text_at(r, o, "accel", true, run->accel, sizeof run->accel);
    text_at(r, o, "tech", true, run->tech, sizeof run->tech);
    text_at(r, o, "fidelity", true, run->fidelity, sizeof run->fidelity);
    text_at(r, o, "mode", true, run->mode, sizeof run->mode);
    if (strcmp(run->mode, "train") != 0 && strcmp(run->mode, "eval") != 0 && strcmp(run->mode, "gemm") != 0) {
        fail(r, "mode", "train, eval or gemm");
    }
    text_at(r, o, "network", false, run->network, sizeof run->network);
    text_at(r, o, "method", false, run->method, sizeof run->method);
    text_at(r, o, "dataset", false, run->dataset, sizeof run->dataset);
    text_at(r, o, "method_state", false, run->method_state, sizeof run->method_state);
    run->penalty = penalty_at(r, o, "penalty");
    text_at(r, o, "selection", false, run->selection, sizeof run->selection);
    run->no_fuse = flag_at(r, o, "no_fuse");
    run->quantised = flag_at(r, o, "quantised");
    text_at(r, o, "codec", true, codec, sizeof codec);
    read_codec(r, codec, &run->codec);
    run->step = (int64_t)count_at(r, o, "step");
    run->images = (int64_t)count_at(r, o, "images");
    run->batch = (int64_t)count_at(r, o, "batch");
    run->clock_mhz = real_at(r, o, "clock_mhz");
    const json_t *array = object_at(r, o, "array");
    run->rows = (int64_t)count_at(r, array, "rows");
    run->lanes = (int64_t)count_at(r, array, "lanes");
    if (!(run->clock_mhz > 0.0) || run->rows == 0 || run->lanes == 0) {
        fail(r, "clock_mhz, array.rows or array.lanes", "above 0");
    }
}

// Absent in a file of before areas were written.
static void read_area(reader *r, const json_t *o, sj_stats *run) {
    const json_t *all = json_object_get(o, "area_mm2");
    for (int machine = 0; machine < 3 && all != NULL; machine++) {
        const json_t *area = json_object_get(all, sj_machine_name((sj_machine)machine));
        if (area == NULL) {
            continue;
        }
        run->has_area[machine] = true;
        for (int c = 0; c < SJ_AREA_COUNT; c++) {
            run->area[machine].component_mm2[c] = real_at(r, area, sj_area_names[c]);
        }
        run->area[machine].total_mm2[SJ_TYPICAL] = real_at(r, area, "total");
        run->area[machine].total_mm2[SJ_LOW] = real_at(r, area, "total_low");
        run->area[machine].total_mm2[SJ_HIGH] = real_at(r, area, "total_high");
    }
}

static void read_run(reader *r, const json_t *o, sj_stats *run) {
    const json_t *format = json_object_get(o, "format");
    if (!json_is_string(format) || strcmp(json_string_value(format), "skipjoule-stats") != 0) {
        fail(r, "format", "\"skipjoule-stats\"");
        return;
    }
    if (count_at(r, o, "version") != 1) {
        fail(r, "version", "1, the one this program reads");
        return;
    }
    read_head(r, o, run);
    read_provenance(r, object_at(r, o, "provenance"), &run->provenance);
    read_area(r, o, run);
    const json_t *variants = object_at(r, o, "variants");
    if (json_object_size(variants) < 1 || json_object_size(variants) > SJ_VARIANTS_MAX) {
        char wanted[48];
        snprintf(wanted, sizeof wanted, "an object of 1 to %d variants", SJ_VARIANTS_MAX);
        fail(r, "variants", wanted);
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

static sj_status read_root(reader *r, const json_t *root, sj_stats **runs, int *count) {
    const json_t *list = is_list(root) ? json_object_get(root, "runs") : NULL;
    if (is_list(root) && (!json_is_array(list) || json_array_size(list) == 0)) {
        fail(r, "runs", "a list of runs");
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
    char *text;
    size_t bytes;
    SJ_TRY(sj_read_file(path, &text, &bytes, err));
    json_error_t where;
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &where);
    free(text);
    if (root == NULL) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s:%d: not JSON: %s", path, where.line, where.text);
    }
    reader r = {path, err, SJ_OK};
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
