// SPDX-License-Identifier: Apache-2.0
// Simulated steps in, a whole run out.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "whole_run_internal.h"

// ---- sums

double sj_run_energy(const sj_prices *prices, const double counts[SJ_COUNTER_COUNT]) {
    double sum = 0.0;
    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
        sum += counts[i] * prices->pj[i][SJ_TYPICAL];
    }
    return sum;
}

static int counter_at(size_t offset) { return (int)(offset / sizeof(uint64_t)); }

#define COUNT(counts, id) ((counts)[counter_at(offsetof(sj_counters, id))])

static void add_components(double component_pj[SJ_COMPONENT_COUNT], const sj_prices *prices, const double counts[SJ_COUNTER_COUNT]) {
    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
        component_pj[sj_counter_component(i)] += counts[i] * prices->pj[i][SJ_TYPICAL];
    }
}

void sj_run_sum_add(sj_run_sum *s, const sj_prices *prices, sj_phase phase, const double counts[SJ_COUNTER_COUNT]) {
    const double energy = sj_run_energy(prices, counts), cycles = COUNT(counts, clock);
    s->energy_pj += energy;
    s->phase_pj[phase] += energy;
    s->cycles += cycles;
    s->phase_cycles[phase] += cycles;
    s->dram_read_bytes += 64.0 * COUNT(counts, dram_read);
    s->dram_write_bytes += 64.0 * COUNT(counts, dram_write);
    add_components(s->component_pj, prices, counts);
}

static void sum_up(sj_run_sum *to, const sj_run_sum *from) {
    to->energy_pj += from->energy_pj;
    to->cycles += from->cycles;
    for (int p = 0; p < SJ_PHASE_COUNT; p++) {
        to->phase_pj[p] += from->phase_pj[p];
        to->phase_cycles[p] += from->phase_cycles[p];
    }
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        to->component_pj[c] += from->component_pj[c];
    }
    to->dram_read_bytes += from->dram_read_bytes;
    to->dram_write_bytes += from->dram_write_bytes;
}

// ---- simulated steps

const float *sj_run_counts(const sj_run_fit *f, int step, int unit, int variant) {
    const run_step *s = &f->steps[step];
    return unit < s->unit_count ? &s->counts[((size_t)unit * (size_t)f->o.variant_count + (size_t)variant) * SJ_COUNTER_COUNT] : NULL;
}

sj_status sj_run_fit_step(sj_run_fit *f, int step, const float *x_density, const float *dy_density, sj_error *err) {
    run_step *s = &f->steps[step];
    const size_t layers = (size_t)f->o.network->layer_count;
    void *memory;
    SJ_TRY(sj_alloc(&memory, 2 * layers + 1, sizeof(float), "the densities of a step", err));
    free(s->x);
    s->x = memory;
    s->dy = s->x + layers;
    memcpy(s->x, x_density, layers * sizeof *s->x);
    memcpy(s->dy, dy_density, layers * sizeof *s->dy);
    return SJ_OK;
}

// Of elementwise work: the layer that reads what the chain behind this one makes; its input's density is the result's.
static int reader_behind(const sj_network *net, int layer) {
    for (int i = layer + 1; i < net->layer_count; i++) {
        const sj_kind kind = net->layers[i].kind;
        if (net->layers[i].inputs[0] == layer) {
            const bool on_the_way = kind == SJ_KIND_RELU || kind == SJ_KIND_MAXPOOL || kind == SJ_KIND_AVGPOOL || kind == SJ_KIND_DROPOUT || kind == SJ_KIND_FLATTEN;
            return on_the_way ? reader_behind(net, i) : i;
        }
    }
    return -1;
}

static sj_status grow_units(sj_run_fit *f, sj_error *err) {
    const int capacity = 2 * f->unit_capacity + 16;
    const size_t old = (size_t)f->unit_capacity * SJ_COUNTER_COUNT, new = (size_t)capacity * SJ_COUNTER_COUNT;
    void *units, *counts;
    SJ_TRY(sj_alloc(&units, (uint64_t)capacity, sizeof *f->units, "the units of a run", err));
    if (sj_alloc(&counts, (uint64_t)f->o.variant_count, new * sizeof *f->unit_counts, "the units of a run", err) != SJ_OK) {
        free(units);
        return err->status;
    }
    for (int v = 0; v < f->o.variant_count && old > 0; v++) {
        memcpy((double *)counts + (size_t)v * new, f->unit_counts + (size_t)v * old, old * sizeof *f->unit_counts);
    }
    if (f->unit_count > 0) {
        memcpy(units, f->units, (size_t)f->unit_count * sizeof *f->units);
    }
    free(f->units);
    free(f->unit_counts);
    f->units = units;
    f->unit_counts = counts;
    f->unit_capacity = capacity;
    return SJ_OK;
}

static sj_status unit_of(sj_run_fit *f, int layer, const sj_stat *stat, int *unit, sj_error *err) {
    for (*unit = 0; *unit < f->unit_count; (*unit)++) {
        if (f->units[*unit].layer == layer && f->units[*unit].phase == stat->phase) {
            return SJ_OK;
        }
    }
    SJ_TRY(f->unit_count == f->unit_capacity ? grow_units(f, err) : SJ_OK);
    run_unit *new = &f->units[f->unit_count++];
    *new = (run_unit){.layer = layer, .out_layer = reader_behind(f->o.network, layer), .phase = stat->phase};
    memcpy(new->name, stat->name, sizeof new->name);
    memcpy(new->kind, stat->kind, sizeof new->kind);
    return SJ_OK;
}

static sj_status room_for(const sj_run_fit *f, run_step *s, int unit, sj_error *err) {
    if (unit < s->unit_count) {
        return SJ_OK;
    }
    const int wanted = f->unit_count > unit + 1 ? f->unit_count : 2 * unit + 2;  // later steps know the number at once
    const size_t one = (size_t)f->o.variant_count * SJ_COUNTER_COUNT;
    void *memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)wanted, one * sizeof *s->counts, "the counts of a step", err));
    if (s->unit_count > 0) {
        memcpy(memory, s->counts, (size_t)s->unit_count * one * sizeof *s->counts);
    }
    free(s->counts);
    s->counts = memory;
    s->unit_count = wanted;
    return SJ_OK;
}

static void add_exact(sj_run_fit *f, int variant, int unit, int64_t row, double times, const double counts[SJ_COUNTER_COUNT]) {
    const sj_prices *prices = &f->o.prices[f->o.variants[variant].machine];
    double *sum = &f->unit_counts[((size_t)variant * (size_t)f->unit_capacity + (size_t)unit) * SJ_COUNTER_COUNT], scaled[SJ_COUNTER_COUNT];
    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
        scaled[i] = times * counts[i];
        sum[i] += scaled[i];
    }
    sj_run_sum_add(&f->sums[(size_t)variant * (size_t)f->cell_count + (size_t)f->cell_of_row[row]], prices, f->units[unit].phase, scaled);
    f->simulated_pj[variant * f->states.state_count + f->states.state_of_row[row]] += sj_run_energy(prices, scaled);
}

// What was simulated goes into the sums as it is; a copy in single precision is what other iterations are interpolated from.
sj_status sj_run_fit_add(sj_run_fit *f, int step, int variant, int layer, const sj_stat *stat, sj_error *err) {
    run_step *s = &f->steps[step];
    int unit;
    double counts[SJ_COUNTER_COUNT];
    SJ_TRY(unit_of(f, layer, stat, &unit, err));
    SJ_TRY(room_for(f, s, unit, err));
    float *copy = &s->counts[((size_t)unit * (size_t)f->o.variant_count + (size_t)variant) * SJ_COUNTER_COUNT];
    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
        counts[i] = (double)*(const uint64_t *)((const char *)&stat->counts + sj_counter_table[i].offset);
        copy[i] = (float)counts[i];
    }
    if (s->row >= 0) {
        add_exact(f, variant, unit, s->row, 1.0, counts);
    }
    return SJ_OK;
}

// GradSamp's skipped iterations all take the same: that of a skipped step that was simulated.
static void add_skipped(sj_run_fit *f, int step, int64_t row) {
    for (int u = 0; u < f->unit_count; u++) {
        for (int v = 0; v < f->o.variant_count; v++) {
            const float *from = sj_run_counts(f, step, u, v);
            double counts[SJ_COUNTER_COUNT];
            for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
                counts[i] = from != NULL ? (double)from[i] : 0.0;
            }
            add_exact(f, v, u, row, 1.0, counts);
        }
    }
}

static void add_all_skipped(sj_run_fit *f) {
    int skipped = -1;
    for (int s = 0; s < f->o.step_count && skipped < 0; s++) {
        skipped = f->steps[s].skipped ? s : -1;
    }
    for (int64_t row = 0; row < f->o.ledger->rows; row++) {
        if (f->o.ledger->skipped[row] != 0 && f->step_of_row[row] < 0) {
            add_skipped(f, skipped, row);
        }
    }
}

// ---- results

static sj_status allocate_variant(const sj_run_fit *f, sj_run_variant *v, sj_error *err) {
    void *memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)f->epoch_count + 1, sizeof *v->epochs, "the results of a run", err));
    v->epochs = memory;
    v->epoch_count = f->epoch_count;
    SJ_TRY(sj_alloc(&memory, (uint64_t)f->states.state_count + 1, sizeof *v->states, "the results of a run", err));
    v->states = memory;
    v->state_count = f->states.state_count;
    SJ_TRY(sj_alloc(&memory, (uint64_t)f->unit_count + 1, sizeof *v->layers, "the results of a run", err));
    v->layers = memory;
    v->layer_count = f->unit_count;
    return SJ_OK;
}

// The interval's ends: the run's counts, priced as a step's are. Counts of a long run pass what a counter holds, so they are scaled first.
static void find_interval(const sj_prices *prices, const double counts[SJ_COUNTER_COUNT], sj_run_variant *v) {
    double largest = 0.0;
    sj_counters scaled;
    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
        largest = fmax(largest, counts[i]);
    }
    const double scale = largest > 0.0 ? 1e15 / largest : 1.0;
    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
        *(uint64_t *)((char *)&scaled + sj_counter_table[i].offset) = (uint64_t)(counts[i] * scale + 0.5);
    }
    v->synthetic_pj = (double)NAN;
    v->low_pj = sj_price(prices, &scaled, SJ_LOW).total_pj / scale;
    v->high_pj = sj_price(prices, &scaled, SJ_HIGH).total_pj / scale;
}

static void fill_layers(const sj_run_fit *f, int variant, sj_run_variant *v) {
    const sj_prices *prices = &f->o.prices[v->variant.machine];
    double all[SJ_COUNTER_COUNT] = {0.0};
    for (int u = 0; u < f->unit_count; u++) {
        const double *counts = &f->unit_counts[((size_t)variant * (size_t)f->unit_capacity + (size_t)u) * SJ_COUNTER_COUNT];
        sj_run_layer *layer = &v->layers[u];
        memcpy(layer->name, f->units[u].name, sizeof layer->name);
        memcpy(layer->kind, f->units[u].kind, sizeof layer->kind);
        layer->phase = f->units[u].phase;
        layer->energy_pj = sj_run_energy(prices, counts);
        layer->cycles = COUNT(counts, clock);
        add_components(layer->component_pj, prices, counts);
        for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
            all[i] += counts[i];
        }
    }
    find_interval(prices, all, v);
}

static sj_status fill_variant(const sj_run_fit *f, int variant, sj_run_variant *v, sj_error *err) {
    v->variant = f->o.variants[variant];
    SJ_TRY(allocate_variant(f, v, err));
    for (int c = 0; c < f->cell_count; c++) {
        const sj_run_sum *sum = &f->sums[(size_t)variant * (size_t)f->cell_count + (size_t)c];
        sum_up(&v->epochs[f->cells[c].epoch], sum);
        sum_up(&v->states[f->cells[c].state], sum);
        sum_up(&v->total, sum);
    }
    fill_layers(f, variant, v);
    sj_run_error_find(f, variant, v, &v->error);
    return SJ_OK;
}

static sj_status interpolate(sj_run_fit *f, sj_error *err) {
    const uint64_t all = (uint64_t)f->o.variant_count * (uint64_t)f->o.step_count * SJ_PHASE_COUNT;
    void *memory;
    SJ_TRY(sj_alloc(&memory, all + 1, sizeof *f->left_out_pj, "steps that are left out", err));
    f->left_out_pj = memory;
    SJ_TRY(sj_alloc(&memory, all + 1, sizeof *f->own_pj, "steps that are left out", err));
    f->own_pj = memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)f->o.step_count + 1, sizeof *f->left, "steps that are left out", err));
    f->left = memory;
    for (int s = 0; s < f->o.step_count; s++) {
        f->left[s] = !f->steps[s].skipped;
    }
    for (int u = 0; u < f->unit_count; u++) {
        SJ_TRY(sj_run_unit_finish(f, u, err));
    }
    add_all_skipped(f);
    return SJ_OK;
}

sj_status sj_run_fit_finish(sj_run_fit *f, sj_whole_run *out, sj_error *err) {
    SJ_TRY(interpolate(f, err));
    sj_run_error_prepare(f);
    SJ_TRY(sj_run_ledger_describe(f, out, err));
    for (int v = 0; v < f->o.variant_count; v++) {
        out->variant_count = v + 1;
        SJ_TRY(fill_variant(f, v, &out->variants[v], err));
    }
    return SJ_OK;
}
