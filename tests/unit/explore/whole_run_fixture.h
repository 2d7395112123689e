// SPDX-License-Identifier: Apache-2.0
// Runs that never were: a ledger of random densities, and counts that are a known function of them.
#ifndef WHOLE_RUN_FIXTURE_H
#define WHOLE_RUN_FIXTURE_H

#include <math.h>
#include <stdbool.h>

#include "sj_test.h"
#include "sj_whole_run_fit.h"

static sj_error err;

#define OK(expr)                                    \
    do {                                            \
        if ((expr) != SJ_OK) {                      \
            fail_msg("%s: %s", #expr, err.message); \
        }                                           \
    } while (0)

enum { LAYERS = 3, ROWS_MAX = 2000, STEPS_MAX = 2001, VARIANTS = 2 };  // conv, relu, conv

static inline sj_network made_network(void) {
    static sj_layer_info layers[LAYERS];
    static const char *const names[LAYERS] = {"conv1", "relu1", "conv2"};
    for (int i = 0; i < LAYERS; i++) {
        layers[i] = (sj_layer_info){.kind = i == 1 ? SJ_KIND_RELU : SJ_KIND_CONV, .input_count = 1, .inputs = {i - 1}, .needs_dx = i > 0};
        strcpy(layers[i].name, names[i]);
    }
    return (sj_network){.name = "made", .layer_count = LAYERS, .layers = layers};
}

typedef struct made_run {
    sj_network net;
    sj_ledger ledger;
    sj_prices prices[3];
    sj_variant variants[VARIANTS];
    sj_step_info steps[STEPS_MAX];
    int step_count;
    float stored_x[STEPS_MAX][LAYERS], stored_dy[STEPS_MAX][LAYERS];
    double truth_pj[VARIANTS];             // every iteration, as it would have been simulated
    double truth_phase_pj[VARIANTS][SJ_PHASE_COUNT];
    uint64_t truth_cycles[VARIANTS];
} made_run;

static inline void *made_room(size_t count, size_t size) {
    void *memory = calloc(count, size);
    assert_non_null(memory);
    return memory;
}

// Rows of epochs of `per_epoch` iterations; states, densities and kept fractions are the test's to set.
static inline made_run *made_rows(sj_random *r, int64_t rows, int64_t per_epoch) {
    made_run *m = made_room(1, sizeof *m);
    m->net = made_network();
    m->ledger = (sj_ledger){.rows = rows, .layers = LAYERS};
    m->ledger.epoch = made_room((size_t)rows, sizeof *m->ledger.epoch);
    m->ledger.iteration = made_room((size_t)rows, sizeof *m->ledger.iteration);
    m->ledger.skipped = made_room((size_t)rows, sizeof *m->ledger.skipped);
    m->ledger.loss = made_room((size_t)rows, sizeof *m->ledger.loss);
    m->ledger.method_state = made_room((size_t)rows, sizeof *m->ledger.method_state);
    m->ledger.x_density = made_room((size_t)rows * LAYERS, sizeof(float));
    m->ledger.dy_density = made_room((size_t)rows * LAYERS, sizeof(float));
    m->ledger.kept_fraction = made_room((size_t)rows * LAYERS, sizeof(float));
    for (int64_t row = 0; row < rows; row++) {
        m->ledger.epoch[row] = row / per_epoch;
        m->ledger.iteration[row] = row;
        strcpy(m->ledger.method_state[row], "plain");
        for (int i = 0; i < LAYERS; i++) {
            m->ledger.x_density[row * LAYERS + i] = (float)(0.2 + 0.5 * sj_random_unit(r));
            m->ledger.dy_density[row * LAYERS + i] = (float)(0.1 + 0.8 * sj_random_unit(r));
            m->ledger.kept_fraction[row * LAYERS + i] = i == 1 ? NAN : 1.0f;
        }
    }
    m->variants[0] = (sj_variant){SJ_MACHINE_GATE, SJ_CODEC_NONE};
    m->variants[1] = (sj_variant){SJ_MACHINE_SKIP, SJ_CODEC_BITMASK};
    for (int p = 0; p < 3; p++) {
        m->prices[p].source_count = 1;
        strcpy(m->prices[p].source_names[0], "all");
        for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
            const double price = 0.1 + sj_random_unit(r);
            m->prices[p].pj[i][SJ_TYPICAL] = price;
            m->prices[p].deviation_pj[0][i][0] = -0.5 * price;
            m->prices[p].deviation_pj[0][i][1] = price;
        }
    }
    return m;
}

static inline void made_free(made_run *m) {
    sj_ledger_free(&m->ledger);
    free(m);
}

// The row becomes a step. Its stored images are those of the batch, or a sample with other densities.
static inline void made_step(made_run *m, sj_random *r, int64_t row, double sampling) {
    const int s = m->step_count++;
    assert_true(s < STEPS_MAX);
    m->steps[s] = (sj_step_info){.number = s, .mode = SJ_MODE_TRAIN, .epoch = m->ledger.epoch[row], .iteration = m->ledger.iteration[row]};
    memcpy(m->steps[s].method_state, m->ledger.method_state[row], sizeof m->steps[s].method_state);
    for (int i = 0; i < LAYERS; i++) {
        m->stored_x[s][i] = m->ledger.x_density[row * LAYERS + i] + (float)(sampling * (sj_random_unit(r) - 0.5));
        m->stored_dy[s][i] = m->ledger.dy_density[row * LAYERS + i] + (float)(sampling * (sj_random_unit(r) - 0.5));
    }
}

// Four units: forward and grad_weight of conv2, elementwise of relu1, update of conv2. Counts of a unit at densities and a kept fraction; noise is a factor.
typedef uint64_t (*made_count)(const void *context, int unit, int variant, int counter, double x, double dy, double out, double kept);
enum { UNITS = 4 };
static const sj_phase made_phases[UNITS] = {SJ_PHASE_FORWARD, SJ_PHASE_GRAD_WEIGHT, SJ_PHASE_ELEMENTWISE, SJ_PHASE_UPDATE};
static const int made_layers[UNITS] = {2, 2, 1, 2};

static inline sj_stat made_stat(const made_run *m, made_count count, const void *context, int unit, int variant, bool skipped, const float *x, const float *dy, double kept, double noise) {
    sj_stat s;
    memset(&s, 0, sizeof s);
    const int layer = made_layers[unit];
    strcpy(s.name, m->net.layers[layer].name);
    strcpy(s.kind, sj_kind_name(m->net.layers[layer].kind));
    s.phase = made_phases[unit];
    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
        const double v = skipped ? 1000.0 : (double)count(context, unit, variant, i, (double)x[layer], (double)dy[layer], (double)x[2], kept) * noise;
        *(uint64_t *)((char *)&s.counts + sj_counter_table[i].offset) = (uint64_t)(v + 0.5);
    }
    s.cycles = s.counts.clock;
    return s;
}

static inline bool made_has(int unit, bool skipped) { return !skipped || made_phases[unit] == SJ_PHASE_UPDATE; }

static inline void made_truth(made_run *m, int variant, const sj_stat *s) {
    const double energy = sj_price(&m->prices[m->variants[variant].machine], &s->counts, SJ_TYPICAL).total_pj;
    m->truth_pj[variant] += energy;
    m->truth_phase_pj[variant][s->phase] += energy;
    m->truth_cycles[variant] += s->cycles;
}

static inline sj_run_fit_options made_options(const made_run *m) {
    return (sj_run_fit_options){.path = "made.h5", .ledger = &m->ledger, .network = &m->net, .variant_count = VARIANTS, .variants = m->variants, .prices = m->prices, .step_count = m->step_count, .steps = m->steps};
}

static inline double made_noise(sj_random *r, double noise) {
    double sum = 0.0;
    for (int i = 0; i < 12; i++) {
        sum += sj_random_unit(r);
    }
    return 1.0 + noise * (sum - 6.0);
}

// Simulates the steps, finishes, and sums the truth over all rows; a step's iteration is its own truth.
static inline void made_finish(made_run *m, sj_random *r, made_count count, const void *context, double noise, sj_whole_run *out) {
    sj_run_fit *fit;
    const sj_run_fit_options options = made_options(m);
    memset(out, 0, sizeof *out);
    OK(sj_run_fit_create(&options, &fit, &err));
    bool *is_step = made_room((size_t)m->ledger.rows, sizeof *is_step);
    for (int s = 0; s < m->step_count; s++) {
        const int64_t row = m->steps[s].iteration;
        const bool skipped = sj_step_is_skipped(&m->steps[s]);
        OK(sj_run_fit_step(fit, s, m->stored_x[s], m->stored_dy[s], &err));
        for (int u = 0; u < UNITS; u++) {
            const double factor = made_noise(r, noise);
            for (int v = 0; v < VARIANTS && made_has(u, skipped); v++) {
                const sj_stat stat = made_stat(m, count, context, u, v, skipped, m->stored_x[s], m->stored_dy[s], row >= 0 ? (double)m->ledger.kept_fraction[row * LAYERS + 2] : 1.0, factor);
                OK(sj_run_fit_add(fit, s, v, made_layers[u], &stat, &err));
                if (row >= 0) {
                    made_truth(m, v, &stat);
                }
            }
        }
        if (row >= 0) {
            is_step[row] = true;
        }
    }
    for (int64_t row = 0; row < m->ledger.rows; row++) {
        const bool skipped = m->ledger.skipped[row] != 0;
        for (int u = 0; u < UNITS && !is_step[row]; u++) {
            const double factor = made_noise(r, noise);
            for (int v = 0; v < VARIANTS && made_has(u, skipped); v++) {
                const sj_stat stat = made_stat(m, count, context, u, v, skipped, &m->ledger.x_density[row * LAYERS], &m->ledger.dy_density[row * LAYERS],
                                               (double)m->ledger.kept_fraction[row * LAYERS + 2], factor);
                made_truth(m, v, &stat);
            }
        }
    }
    free(is_step);
    OK(sj_run_fit_finish(fit, out, &err));
    sj_run_fit_free(fit);
}

// Sums agree with each other, whatever they are of.
static inline void assert_adds_up(const sj_whole_run *w) {
    for (int v = 0; v < w->variant_count; v++) {
        const sj_run_variant *of = &w->variants[v];
        double epochs = 0.0, states = 0.0, layers = 0.0, phases = 0.0, components = 0.0, cycles = 0.0;
        for (int i = 0; i < of->epoch_count; i++) {
            epochs += of->epochs[i].energy_pj;
            cycles += of->epochs[i].cycles;
        }
        for (int i = 0; i < of->state_count; i++) {
            states += of->states[i].energy_pj;
        }
        for (int i = 0; i < of->layer_count; i++) {
            layers += of->layers[i].energy_pj;
        }
        for (int p = 0; p < SJ_PHASE_COUNT; p++) {
            phases += of->total.phase_pj[p];
        }
        for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
            components += of->total.component_pj[c];
        }
        const double sums[] = {epochs, states, layers, phases, components};
        for (int i = 0; i < 5; i++) {
            assert_true(fabs(sums[i] / of->total.energy_pj - 1.0) < 1e-12);
        }
        assert_true(fabs(cycles / of->total.cycles - 1.0) < 1e-12);
        assert_true(of->low_pj < of->total.energy_pj && of->total.energy_pj < of->high_pj);
    }
}

static inline void assert_is_truth(const made_run *m, const sj_whole_run *w, double tolerance) {
    assert_adds_up(w);
    for (int v = 0; v < VARIANTS; v++) {
        const double off = w->variants[v].total.energy_pj / m->truth_pj[v] - 1.0;
        if (!(fabs(off) <= tolerance)) {
            fail_msg("variant %d is off by %g; allowed: %g", v, off, tolerance);
        }
        if (!(fabs(w->variants[v].total.cycles / (double)m->truth_cycles[v] - 1.0) <= tolerance)) {
            fail_msg("variant %d has %.17g cycles, not %llu", v, w->variants[v].total.cycles, (unsigned long long)m->truth_cycles[v]);
        }
        for (int p = 0; p < SJ_PHASE_COUNT; p++) {
            assert_true(fabs(w->variants[v].total.phase_pj[p] - m->truth_phase_pj[v][p]) <= tolerance * m->truth_phase_pj[v][p]);
        }
    }
}

#endif
