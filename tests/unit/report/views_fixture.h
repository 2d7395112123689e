// SPDX-License-Identifier: Apache-2.0
// Runs for the tests of a report's tables, and what stands in these.
#ifndef VIEWS_FIXTURE_H
#define VIEWS_FIXTURE_H

#include "report_internal.h"
#include "sj_views.h"
#include "stats_fixture.h"

// ---- cells

static inline const sj_report_table *table_of(const sj_report *r, const char *key) {
    const sj_report_table *t = sj_report_find(r, key);
    if (t == NULL) {
        fail_msg("no table %s", key);
    }
    return t;
}

static inline const sj_report_cell *cell(const sj_report_table *t, int64_t row, const char *column) {
    const int c = sj_table_column_find(t, column);
    if (c < 0) {
        fail_msg("table %s has no column %s", sj_table_key(t), column);
    }
    return sj_table_cell_at(t, row, c);
}

static inline bool has_number(const sj_report_table *t, int64_t row, const char *column) {
    const sj_cell_kind kind = cell(t, row, column)->kind;
    return kind == SJ_CELL_NUMBER || kind == SJ_CELL_INTEGER;
}

static inline double number(const sj_report_table *t, int64_t row, const char *column) {
    const sj_report_cell *c = cell(t, row, column);
    assert_true(c->kind == SJ_CELL_NUMBER || c->kind == SJ_CELL_INTEGER);
    return c->kind == SJ_CELL_NUMBER ? c->number : (double)c->integer;
}

static inline const char *word(const sj_report_table *t, int64_t row, const char *column) {
    const sj_report_cell *c = cell(t, row, column);
    assert_true(c->kind == SJ_CELL_TEXT || c->kind == SJ_CELL_NONE);
    return c->kind == SJ_CELL_TEXT ? c->text : "";
}

// Are the texts of these columns (NULL-terminated) the same in both rows?
static inline bool same_words(const sj_report_table *a, int64_t i, const sj_report_table *b, int64_t j, const char *const *columns) {
    for (; *columns != NULL; columns++) {
        if (strcmp(word(a, i, *columns), word(b, j, *columns)) != 0) {
            return false;
        }
    }
    return true;
}

// The sum of t's energies in the rows whose words are those of a row of another table.
static inline double sum_like(const sj_report_table *t, const sj_report_table *other, int64_t row, const char *const *columns) {
    double sum = 0.0;
    for (int64_t i = 0; i < sj_table_rows(t); i++) {
        sum += same_words(t, i, other, row, columns) ? number(t, i, "energy_pj") : 0.0;
    }
    return sum;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NEAR(a, b) assert_true(fabs((a) - (b)) <= 1e-9 * fmax(fabs(a), fabs(b)))

static inline bool any_note(const sj_report *r, const char *part) {
    for (int i = 0; i < sj_report_note_count(r); i++) {
        if (strstr(sj_report_note_at(r, i), part) != NULL) {
            return true;
        }
    }
    return false;
}

static inline bool table_says(const sj_report_table *t, const char *part) {
    for (int i = 0; i < sj_table_note_count(t); i++) {
        if (strstr(sj_table_note_at(t, i), part) != NULL) {
            return true;
        }
    }
    return false;
}

// ---- runs

// `count` results, whose labels are the caller's.
static inline sj_compared random_steps(sj_random *r, int count) {
    sj_compared c = {.path = strdup("nowhere"), .runs = calloc((size_t)count, sizeof(sj_stats)), .count = count, .accuracy = sj_random_unit(r), .macro_f1 = sj_random_unit(r), .asic_ratio = (double)NAN, .epochs = 7};
    assert_non_null(c.runs);
    for (int i = 0; i < count; i++) {
        c.runs[i] = random_run(r);
        c.runs[i].step = 10 * (i + 1);
    }
    return c;
}

static inline void *room(size_t count, size_t size) {
    void *memory = calloc(count, size);
    assert_non_null(memory);
    return memory;
}

enum { RUN_EPOCHS = 6, RUN_LAYERS = 3 };

// A variant whose sums hold: layers, components, epochs and states each add up to the total.
static inline sj_run_variant random_whole_variant(sj_random *r, sj_machine machine, sj_codec codec) {
    sj_run_variant v = {.variant = {machine, codec}, .epoch_count = RUN_EPOCHS, .layer_count = RUN_LAYERS, .state_count = 2};
    v.epochs = room(RUN_EPOCHS, sizeof *v.epochs);
    v.layers = room(RUN_LAYERS, sizeof *v.layers);
    v.states = room(2, sizeof *v.states);
    for (int i = 0; i < RUN_LAYERS; i++) {
        sj_run_layer *l = &v.layers[i];
        snprintf(l->name, sizeof l->name, "layer%d", i);
        strcpy(l->kind, "conv");
        l->phase = (sj_phase)i;
        for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
            l->component_pj[c] = c % 3 == 0 ? 0.0 : 1e12 * sj_random_unit(r);
            l->energy_pj += l->component_pj[c];
            v.total.component_pj[c] += l->component_pj[c];
        }
        v.total.phase_pj[l->phase] += l->energy_pj;
        v.total.energy_pj += l->energy_pj;
        v.total.cycles += 1e9;
    }
    for (int e = 0; e < RUN_EPOCHS; e++) {
        v.epochs[e] = (sj_run_sum){.energy_pj = v.total.energy_pj / RUN_EPOCHS, .cycles = v.total.cycles / RUN_EPOCHS};
        v.states[e % 2].energy_pj += v.epochs[e].energy_pj;
        v.states[e % 2].cycles += v.epochs[e].cycles;
    }
    v.low_pj = 0.8 * v.total.energy_pj;
    v.high_pj = 2.0 * v.total.energy_pj;
    v.error = (sj_run_error){.steps = 5, .mean = 0.001, .rms = 0.01, .worst = -0.02, .total = 0.004};
    return v;
}

static inline sj_whole_run random_whole(sj_random *r) {
    sj_whole_run w = {.accel = "edge16", .tech = "45nm", .fidelity = "fast", .network = "cnn8", .method = "ssprop", .dataset = "glyphs", .batch = 64, .images = 8, .iterations = 600, .traced_steps = 12,
                      .clock_mhz = 500.0, .rows = 16, .lanes = 16, .epoch_count = RUN_EPOCHS, .state_count = 2, .variant_count = 2, .layer_count = 2};
    w.epochs = room(RUN_EPOCHS, sizeof *w.epochs);
    w.states = room(2, sizeof *w.states);
    w.layer_names = room(2, sizeof *w.layer_names);
    w.x_density = room(2 * RUN_EPOCHS, sizeof *w.x_density);
    w.dy_density = room(2 * RUN_EPOCHS, sizeof *w.dy_density);
    strcpy(w.states[0].name, "plain");
    strcpy(w.states[1].name, "ssprop keep=0.2");
    strcpy(w.layer_names[0], "conv1");
    strcpy(w.layer_names[1], "<script>alert(1)</script>");
    for (int e = 0; e < RUN_EPOCHS; e++) {
        w.epochs[e] = (sj_run_epoch){.epoch = e, .iterations = 100, .traced = 2, .loss = 1.0 / (e + 1), .test_accuracy = e == RUN_EPOCHS - 1 ? (double)NAN : 0.1 * (e + 1), .macro_f1 = 0.1 * e,
                                     .x_density = 0.5, .dy_density = 0.4, .kept_fraction = 1.0, .state = e % 2};
        for (int l = 0; l < 2; l++) {
            w.x_density[2 * e + l] = (float)sj_random_unit(r);
            w.dy_density[2 * e + l] = l == 0 ? NAN : (float)sj_random_unit(r);
        }
        w.states[e % 2].iterations += 100;
    }
    w.variants[0] = random_whole_variant(r, SJ_MACHINE_GATE, SJ_CODEC_BITMASK);
    w.variants[1] = random_whole_variant(r, SJ_MACHINE_SKIP, SJ_CODEC_BITMASK);
    return w;
}

// ---- reports

static inline sj_report *report_with(const sj_view_run *runs, int count, const sj_view_options *options) {
    sj_report *r = sj_report_new("test");
    OK(sj_views_add(r, runs, count, options, &err));
    OK(sj_report_check(r, &err));
    return r;
}

static const sj_view_options no_options = {(double)NAN, (double)NAN};

#endif
