// SPDX-License-Identifier: Apache-2.0
#include "whole_run_check.h"

#include <math.h>

static const double share_off = 1e-9;  // that rounding may take; it takes far less

typedef struct check {
    sj_json_reader *r;
    const char *variant;
} check;

bool sj_whole_run_near(double sum, double total) { return fabs(sum - total) <= share_off * fabs(total); }

static void miss(const check *c, const char *where, const char *key, const char *wanted) {
    char path[160];
    snprintf(path, sizeof path, "variants.%s.%s%s", c->variant, where, key);
    sj_json_miss(c->r, path, wanted);
}

static void not_negative(const check *c, const char *where, const char *key, double value) {
    if (!(isfinite(value) && value >= 0.0)) {
        miss(c, where, key, "finite and at least 0");
    }
}

// Parts that are none of them negative and sum to `total`.
static void parts(const check *c, const char *where, const char *key, const double *values, int count, double total) {
    double sum = 0.0;
    for (int i = 0; i < count; i++) {
        not_negative(c, where, key, values[i]);
        sum += values[i];
    }
    if (!sj_whole_run_near(sum, total)) {
        miss(c, where, key, "parts that sum to their total");
    }
}

static void one_sum(const check *c, const char *where, const sj_run_sum *s) {
    not_negative(c, where, "energy_pj", s->energy_pj);
    not_negative(c, where, "cycles", s->cycles);
    not_negative(c, where, "dram_bytes.read", s->dram_read_bytes);
    not_negative(c, where, "dram_bytes.write", s->dram_write_bytes);
    parts(c, where, "phase_pj", s->phase_pj, SJ_PHASE_COUNT, s->energy_pj);
    parts(c, where, "phase_cycles", s->phase_cycles, SJ_PHASE_COUNT, s->cycles);
    for (int i = 0; i < SJ_COMPONENT_COUNT; i++) {
        not_negative(c, where, "component_pj", s->component_pj[i]);
    }
}

// Epochs or states: each by itself, and all of them.
static void all_sums(const check *c, const char *key, const sj_run_sum *sums, int count, const sj_run_sum *total) {
    double energy = 0.0, cycles = 0.0;
    for (int i = 0; i < count; i++) {
        char where[48];
        snprintf(where, sizeof where, "%s[%d].", key, i);
        one_sum(c, where, &sums[i]);
        energy += sums[i].energy_pj;
        cycles += sums[i].cycles;
    }
    if (!sj_whole_run_near(energy, total->energy_pj) || !sj_whole_run_near(cycles, total->cycles)) {
        miss(c, "", key, "sums whose energies and cycles are together those of total");
    }
}

static void layers(const check *c, const sj_run_variant *v) {
    double energy = 0.0, cycles = 0.0;
    for (int i = 0; i < v->layer_count; i++) {
        char where[48];
        snprintf(where, sizeof where, "layers[%d].", i);
        not_negative(c, where, "energy_pj", v->layers[i].energy_pj);
        not_negative(c, where, "cycles", v->layers[i].cycles);
        for (int k = 0; k < SJ_COMPONENT_COUNT; k++) {
            not_negative(c, where, "component_pj", v->layers[i].component_pj[k]);
        }
        energy += v->layers[i].energy_pj;
        cycles += v->layers[i].cycles;
    }
    if (v->layer_count > 0 && (!sj_whole_run_near(energy, v->total.energy_pj) || !sj_whole_run_near(cycles, v->total.cycles))) {
        miss(c, "", "layers", "layers whose energies and cycles are together those of total");
    }
}

static void interval(const check *c, const sj_run_variant *v) {
    const double most_off = share_off * v->total.energy_pj;
    if (!isnan(v->low_pj) && !(v->low_pj >= 0.0 && v->low_pj <= v->total.energy_pj + most_off)) {
        miss(c, "", "energy_pj_low", "between 0 and the total's energy_pj");
    }
    if (!isnan(v->high_pj) && !(isfinite(v->high_pj) && v->high_pj >= v->total.energy_pj - most_off)) {
        miss(c, "", "energy_pj_high", "finite and at least the total's energy_pj");
    }
}

void sj_whole_run_check(sj_json_reader *r, const char *name, const sj_run_variant *v) {
    const check c = {r, name};
    if (r->status != SJ_OK) {
        return;
    }
    one_sum(&c, "total.", &v->total);
    interval(&c, v);
    all_sums(&c, "epochs", v->epochs, v->epoch_count, &v->total);
    all_sums(&c, "states", v->states, v->state_count, &v->total);
    layers(&c, v);
}
