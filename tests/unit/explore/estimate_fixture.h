// SPDX-License-Identifier: Apache-2.0
// Whole runs of which everything is known, for the tests of estimators.
#ifndef SJ_ESTIMATE_FIXTURE_H
#define SJ_ESTIMATE_FIXTURE_H

#include <math.h>

#include "sj_estimate.h"
#include "sj_test.h"

enum { FIXTURE_MACHINES = 3 };

static sj_error err;

typedef struct fixture_training {
    int network;
    const char *method;  // "gradsamp": every third epoch skipped; "ssprop": every second sparse
    int64_t batch, iterations;
    double macs, parameters, f1;
    int epochs;
    uint64_t seed;  // of its losses
} fixture_training;

static inline bool fixture_skipped(const fixture_training *t, int e) { return strcmp(t->method, "gradsamp") == 0 && e % 3 == 2; }

static inline double fixture_kept(const fixture_training *t, int e) { return strcmp(t->method, "ssprop") == 0 && e % 2 == 1 ? 0.25 : 1.0; }

static inline sj_run_facts fixture_facts(const fixture_training *t, int machine) {
    static const int64_t slots[] = {8, 16, 16}, kib[] = {512, 512, 2048}, vector[] = {16, 16, 64};
    sj_run_facts f = {.known = true, .forward_macs = t->macs, .grad_input_macs = 0.75 * t->macs, .grad_weight_macs = t->macs, .parameters = t->parameters, .activations = 3.0 * t->parameters, .image_h = 12, .image_w = 10, .image_c = 3,
                      .slots = slots[machine], .vector_lanes = vector[machine], .buffer_kib = kib[machine], .value_bytes = 2, .codec = SJ_CODEC_BITMASK, .dram = "ddr4-3200-4x16",
                      .dram_bytes_per_s = 25.6e9, .dram_gib = 4.0};
    for (int m = 0; m < 3; m++) {
        f.idle_w[m] = 0.3 + 0.1 * machine;
        f.peak_w[m] = 1.0 + machine;
    }
    return f;
}

static inline double fixture_epoch_flops(const fixture_training *t, int e) {
    return fixture_skipped(t, e) ? 0.0 : 2.0 * (double)(t->batch * t->iterations) * t->macs * (1.0 + 1.75 * fixture_kept(t, e));
}

// What a file must have beside epochs' energies and cycles: their phases and components, the total, and one state.
static inline void fixture_fill_sums(sj_run_variant *v) {
    v->total = (sj_run_sum){0};
    for (int e = 0; e < v->epoch_count; e++) {
        v->epochs[e].phase_pj[0] = v->epochs[e].component_pj[0] = v->epochs[e].energy_pj;
        v->epochs[e].phase_cycles[0] = v->epochs[e].cycles;
        v->total.energy_pj += v->epochs[e].energy_pj;
        v->total.cycles += v->epochs[e].cycles;
    }
    v->total.phase_pj[0] = v->total.component_pj[0] = v->total.energy_pj;
    v->total.phase_cycles[0] = v->total.cycles;
    v->states[0] = v->total;
    v->low_pj = v->high_pj = (double)NAN;
}

// A run on edge16, edge256 or mobile, of variant skip/bitmask; energy(t, machine, e) in pJ, cycles(...) in cycles.
static inline sj_whole_run fixture_run(const fixture_training *t, int machine, double (*energy)(const fixture_training *, int, int), double (*cycles)(const fixture_training *, int, int)) {
    static const char *const accels[FIXTURE_MACHINES] = {"edge16", "edge256", "mobile"};
    static const int64_t rows[] = {16, 8, 32}, lanes[] = {16, 32, 32};
    sj_whole_run w = {.tech = "45nm", .dataset = "glyphs", .batch = t->batch, .clock_mhz = 500.0, .rows = rows[machine], .lanes = lanes[machine], .epoch_count = t->epochs, .variant_count = 1};
    sj_run_variant *v = &w.variants[0];
    sj_random r = sj_random_seed(t->seed);
    snprintf(w.accel, sizeof w.accel, "%s", accels[machine]);
    snprintf(w.network, sizeof w.network, "net%d", t->network);
    snprintf(w.method, sizeof w.method, "%s", t->method);
    w.facts = fixture_facts(t, machine);
    w.epochs = calloc((size_t)t->epochs, sizeof *w.epochs);
    *v = (sj_run_variant){.variant = {SJ_MACHINE_SKIP, SJ_CODEC_BITMASK}, .epoch_count = t->epochs, .epochs = calloc((size_t)t->epochs, sizeof *v->epochs)};
    assert_true(w.epochs != NULL && v->epochs != NULL);
    for (int e = 0; e < t->epochs; e++) {
        const bool skipped = fixture_skipped(t, e);
        w.epochs[e] = (sj_run_epoch){.epoch = e, .iterations = skipped ? 1 : t->iterations, .traced = skipped || e % 2 == 0 ? 1 : 0, .skipped = skipped, .loss = skipped ? 0.0 : sj_random_unit(&r), .test_accuracy = (double)NAN, .macro_f1 = (double)NAN,
                                     .kept_fraction = skipped ? (double)NAN : fixture_kept(t, e), .backward_macs = skipped ? (double)NAN : 1.75 * t->macs * fixture_kept(t, e)};
        v->epochs[e].energy_pj = energy(t, machine, e);
        v->epochs[e].cycles = cycles(t, machine, e);
        v->total.energy_pj += v->epochs[e].energy_pj;
        v->total.cycles += v->epochs[e].cycles;
        v->synthetic_pj += 0.5 * fixture_epoch_flops(t, e);
    }
    w.epochs[t->epochs - 1].macro_f1 = t->f1;
    return w;
}

static const sj_estimate_choice fixture_choice = {.any = true, .needs_facts = true};

static inline void fixture_add(sj_estimate_data *d, const char *label, const fixture_training *t, int machine, double (*energy)(const fixture_training *, int, int),
                               double (*cycles)(const fixture_training *, int, int)) {
    sj_whole_run w = fixture_run(t, machine, energy, cycles);
    assert_int_equal(sj_estimate_data_add(d, label, &w, &fixture_choice, &err), SJ_OK);
    sj_whole_run_free(&w);
}

static inline fixture_training fixture_draw(sj_random *r, int network, int epochs) {
    static const char *const methods[] = {"plain", "eat", "ssprop", "gradsamp"};
    const double scale = (double)sj_test_between(r, 1, 4);
    return (fixture_training){.network = network, .method = methods[sj_random_below(r, 4)], .batch = 16 << sj_random_below(r, 3), .iterations = sj_test_between(r, 5, 30), .macs = 1e5 * (network + 1) * scale * scale,
                              .parameters = 1000.0 * (network + 1) * scale, .f1 = 0.9 + 0.01 * sj_random_unit(r), .epochs = epochs, .seed = sj_random_u64(r)};
}

// `networks` x `trainings`, each on all machines, added in an order drawn by `order`; labels "n-t-m".
static inline sj_estimate_data fixture_data(uint64_t seed, uint64_t order, int networks, int trainings, double (*energy)(const fixture_training *, int, int), double (*cycles)(const fixture_training *, int, int)) {
    enum { MOST = 512 };
    sj_random r = sj_random_seed(seed), shuffle = sj_random_seed(order);
    static fixture_training all[MOST];
    int places[MOST];
    const int count = networks * trainings * FIXTURE_MACHINES;
    sj_estimate_data d = {0};
    assert_true(count <= MOST);
    for (int i = 0; i < networks * trainings; i++) {
        all[i] = fixture_draw(&r, i / trainings, 30);
    }
    for (int i = 0; i < count; i++) {
        const int j = (int)sj_random_below(&shuffle, (uint64_t)i + 1);
        places[i] = i;
        places[i] = places[j];
        places[j] = i;
    }
    for (int i = 0; i < count; i++) {
        char label[64];
        const int training = places[i] / FIXTURE_MACHINES, machine = places[i] % FIXTURE_MACHINES;
        snprintf(label, sizeof label, "%d-%d", training, machine);
        fixture_add(&d, label, &all[training], machine, energy, cycles);
    }
    assert_int_equal(sj_estimate_data_finish(&d, &err), SJ_OK);
    return d;
}

// ---- laws

static inline double fixture_cycles(const fixture_training *t, int machine, int e) { return 5000.0 + fixture_epoch_flops(t, e) / (256.0 * (1 + machine)) * 1.3; }

// Proportional to FLOPs, by accelerator.
static inline double fixture_flops_pj(const fixture_training *t, int machine, int e) { return fixture_epoch_flops(t, e) * (1.5 + 0.25 * machine); }

// A product of powers of sizes, and a little for a skipped epoch: what no baseline is.
static inline double fixture_power_pj(const fixture_training *t, int machine, int e) {
    return (fixture_skipped(t, e) ? 10.0 * t->parameters : 3.0 * pow(fixture_epoch_flops(t, e), 0.92)) * pow((double)t->batch, -0.15) * (1.0 - 0.1 * machine);
}

#endif
