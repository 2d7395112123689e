// SPDX-License-Identifier: Apache-2.0
#include "sj_stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const sj_limit_names[SJ_LIMIT_COUNT] = {"work", "a", "b", "drain", "dram"};
const char *const sj_penalty_work_names[SJ_PENALTY_WORK_COUNT] = {"", "charged", "left out"};
const char sj_plan_note[] = "nothing was trained, and the steps are synthetic. It tells about what a training takes, and not what skipping or a method saves: the zeros are not a training's (docs/estimate.md, section 2)";
const char sj_penalty_left_out[] = "the trace does not say which outputs bear the penalty of this training step, so that its own work is not charged (docs/lowering.md)";

void sj_stats_free(sj_stats *s) {
    for (int v = 0; v < s->variant_count; v++) {
        free(s->variants[v].layers);
    }
    memset(s, 0, sizeof *s);
}

static bool add(uint64_t *sum, uint64_t value) { return !__builtin_add_overflow(*sum, value, sum); }

static bool add_counts(sj_counters *sum, const sj_counters *counts) {
    bool fits = true;
#define SJ_X(id, name, unit, meaning) fits = add(&sum->id, counts->id) && fits;
    SJ_COUNTERS(SJ_X)
#undef SJ_X
    return fits;
}

sj_status sj_stat_add(sj_stat *s, const sj_outcome *o, uint64_t uncompacted_macs, sj_error *err) {
    bool fits = add(&s->cycles, o->cycles);
    fits = add(&s->busy[SJ_LIMIT_WORK], o->busy_work) && fits;
    fits = add(&s->busy[SJ_LIMIT_A], o->busy_a) && fits;
    fits = add(&s->busy[SJ_LIMIT_B], o->busy_b) && fits;
    fits = add(&s->busy[SJ_LIMIT_DRAIN], o->busy_drain) && fits;
    fits = add(&s->busy[SJ_LIMIT_DRAM], o->busy_dram) && fits;
    fits = add(&s->macs_total, o->macs_total) && fits;
    fits = add(&s->macs_active, o->macs_active) && fits;
    fits = add(&s->macs_zero, o->macs_zero) && fits;
    fits = add(&s->macs_gated, o->macs_gated) && fits;
    fits = add(&s->macs_skipped, o->macs_skipped) && fits;
    fits = add(&s->macs_padding, o->macs_padding) && fits;
    fits = add(&s->macs_uncompacted, uncompacted_macs) && fits;
    fits = add_counts(&s->counts, &o->counts) && fits;
    return fits ? SJ_OK : SJ_FAIL(err, SJ_ERR_RANGE, "layer %s: a counter passes 64 bits", s->name);
}

void sj_stat_price(sj_stat *s, const sj_prices *prices) {
    for (int b = 0; b < SJ_BOUND_COUNT; b++) {
        s->energy[b] = sj_price(prices, &s->counts, (sj_bound)b);
    }
}

static void add_energy(sj_energy *sum, const sj_energy *e) {
    sum->total_pj = 0.0;
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        sum->component_pj[c] += e->component_pj[c];
        sum->total_pj += sum->component_pj[c];
    }
}

sj_status sj_stat_accumulate(sj_stat *sum, const sj_stat *layer, sj_error *err) {
    bool fits = add(&sum->cycles, layer->cycles);
    for (int i = 0; i < SJ_LIMIT_COUNT; i++) {
        fits = add(&sum->busy[i], layer->busy[i]) && fits;
    }
    fits = add(&sum->macs_total, layer->macs_total) && fits;
    fits = add(&sum->macs_active, layer->macs_active) && fits;
    fits = add(&sum->macs_zero, layer->macs_zero) && fits;
    fits = add(&sum->macs_gated, layer->macs_gated) && fits;
    fits = add(&sum->macs_skipped, layer->macs_skipped) && fits;
    fits = add(&sum->macs_padding, layer->macs_padding) && fits;
    fits = add(&sum->macs_uncompacted, layer->macs_uncompacted) && fits;
    fits = add_counts(&sum->counts, &layer->counts) && fits;
    add_energy(&sum->energy[SJ_TYPICAL], &layer->energy[SJ_TYPICAL]);
    return fits ? SJ_OK : SJ_FAIL(err, SJ_ERR_RANGE, "the sum over the layers passes 64 bits at layer %s", layer->name);
}

sj_status sj_stats_total(sj_stats *s, sj_error *err) {
    for (int v = 0; v < s->variant_count; v++) {
        sj_stat *total = &s->variants[v].total;
        memset(total, 0, sizeof *total);
        strcpy(total->name, "total");
        total->density_a = total->density_b = total->density_out = (double)NAN;
        for (int i = 0; i < s->variants[v].layer_count; i++) {
            SJ_TRY(sj_stat_accumulate(total, &s->variants[v].layers[i], err));
        }
        if (s->prices != NULL) {  // spreads add up over layers, as counts do
            sj_price_spread(&s->prices[s->variants[v].variant.machine], &total->counts, &s->variants[v].spread);
            total->energy[SJ_LOW] = sj_energy_end(&total->energy[SJ_TYPICAL], &s->variants[v].spread, SJ_LOW);
            total->energy[SJ_HIGH] = sj_energy_end(&total->energy[SJ_TYPICAL], &s->variants[v].spread, SJ_HIGH);
        }
    }
    return SJ_OK;
}

sj_limit sj_stat_bound(const sj_stat *s) {
    int largest = 0;
    for (int i = 1; i < SJ_LIMIT_COUNT; i++) {
        if (s->busy[i] > s->busy[largest]) {
            largest = i;
        }
    }
    return (sj_limit)largest;
}

double sj_stat_utilization(const sj_stats *run, const sj_stat *s) {
    const double issues = (double)s->macs_active + (double)s->macs_zero + (double)s->macs_gated;
    return s->cycles == 0 ? 0.0 : issues / ((double)s->cycles * (double)run->rows * (double)run->lanes);
}

double sj_stat_seconds(const sj_stats *run, const sj_stat *s) { return (double)s->cycles / (run->clock_mhz * 1e6); }

const sj_stats_variant *sj_stats_find(const sj_stats *s, sj_machine machine, sj_codec codec) {
    for (int v = 0; v < s->variant_count; v++) {
        if (s->variants[v].variant.machine == machine && s->variants[v].variant.codec == codec) {
            return &s->variants[v];
        }
    }
    return NULL;
}

void sj_variant_name(sj_variant v, char name[24]) { snprintf(name, 24, "%s/%s", sj_machine_name(v.machine), sj_codec_name(v.codec)); }
