// SPDX-License-Identifier: Apache-2.0
#include "power_bins.h"

#include <string.h>

// The unit whose busy cycles an action falls into. A counter that is added to SJ_COUNTERS and not here does not compile.
enum {
    UNIT_mac_active = SJ_TRACK_ROW,
    UNIT_mac_zero = SJ_TRACK_ROW,
    UNIT_mac_gated = SJ_TRACK_ROW,
    UNIT_mac_idle = SJ_TRACK_ROW,
    UNIT_mac_change = SJ_TRACK_ROW,
    UNIT_acc_read = SJ_TRACK_ROW,
    UNIT_acc_write = SJ_TRACK_ROW,
    UNIT_a_pad_read = SJ_TRACK_ROW,
    UNIT_a_pad_write = SJ_TRACK_LOADER,
    UNIT_b_pad_read = SJ_TRACK_ROW,
    UNIT_b_pad_write = SJ_TRACK_LOADER,
    UNIT_mask_scan = SJ_TRACK_ROW,
    UNIT_mask_read = SJ_TRACK_LOADER,
    UNIT_mask_write = SJ_TRACK_LOADER,
    UNIT_codec_decode = SJ_TRACK_DRAM,
    UNIT_codec_encode = SJ_TRACK_DRAM,
    UNIT_transpose = SJ_TRACK_DRAM,
    UNIT_buffer_read = SJ_TRACK_LOADER,
    UNIT_buffer_write = SJ_TRACK_DRAM,
    UNIT_bus_a = SJ_TRACK_LOADER,
    UNIT_bus_b = SJ_TRACK_LOADER,
    UNIT_bus_o = SJ_TRACK_OBUS,
    UNIT_dram_activate = SJ_TRACK_DRAM,
    UNIT_dram_read = SJ_TRACK_DRAM,
    UNIT_dram_write = SJ_TRACK_DRAM,
    UNIT_dram_refresh = SJ_SPREAD_ALWAYS,
    UNIT_dram_background = SJ_SPREAD_ALWAYS,
    UNIT_vector_op = SJ_TRACK_VECTOR,
    UNIT_rng_sample = SJ_TRACK_VECTOR,
    UNIT_clock = SJ_SPREAD_ALWAYS,
    UNIT_leakage = SJ_SPREAD_ALWAYS
};

static const int unit_of[SJ_COUNTER_COUNT] = {
#define SJ_X(id, name, unit, meaning) UNIT_##id,
    SJ_COUNTERS(SJ_X)
#undef SJ_X
};

// Where the unit of an action had nothing to do: a product's vector work stands on its drains, an elementwise pass reads the buffer as DRAM moves.
static const int instead[SJ_SPREAD_COUNT] = {[SJ_TRACK_DRAM] = SJ_SPREAD_ALWAYS, [SJ_TRACK_LOADER] = SJ_TRACK_DRAM, [SJ_TRACK_ROW] = SJ_SPREAD_ALWAYS,
                                             [SJ_TRACK_OBUS] = SJ_SPREAD_ALWAYS, [SJ_TRACK_VECTOR] = SJ_TRACK_OBUS, [SJ_SPREAD_ALWAYS] = SJ_SPREAD_ALWAYS};

void sj_power_bins_start(sj_power_bins *p) {
    memset(p, 0, sizeof *p);
    p->width = 1;
}

static void double_width(sj_power_bins *p) {
    p->width *= 2;
    for (int i = 0; i < SJ_TIMELINE_BINS_MAX; i++) {
        const bool filled = i < SJ_TIMELINE_BINS_MAX / 2;
        for (int s = 0; s < SJ_SPREAD_COUNT; s++) {
            p->busy[s][i] = filled ? p->busy[s][2 * i] + p->busy[s][2 * i + 1] : 0;
        }
        for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
            p->energy_pj[c][i] = filled ? p->energy_pj[c][2 * i] + p->energy_pj[c][2 * i + 1] : 0.0;
        }
    }
}

void sj_power_bins_busy(sj_power_bins *p, int spread, uint64_t begin, uint64_t end) {
    while (end > p->width * SJ_TIMELINE_BINS_MAX) {
        double_width(p);
    }
    for (uint64_t at = begin; at < end;) {
        const uint64_t bin = at / p->width, next = (bin + 1) * p->width, stop = next < end ? next : end;
        p->busy[spread][bin] += stop - at;
        at = stop;
    }
}

static uint64_t busy_cycles(const sj_power_bins *p, int spread, uint64_t first, uint64_t last) {
    uint64_t sum = 0;
    for (uint64_t i = first; i <= last; i++) {
        sum += p->busy[spread][i];
    }
    return sum;
}

void sj_power_bins_job(sj_power_bins *p, const sj_prices *prices, const sj_outcome *outcome, uint64_t begin, uint64_t end) {
    sj_power_bins_busy(p, SJ_SPREAD_ALWAYS, begin, end);
    if (end == begin) {
        return;
    }
    const uint64_t first = begin / p->width, last = (end - 1) / p->width;
    uint64_t cycles[SJ_SPREAD_COUNT];
    for (int s = 0; s < SJ_SPREAD_COUNT; s++) {
        cycles[s] = busy_cycles(p, s, first, last);
    }
    double energy[SJ_SPREAD_COUNT][SJ_COMPONENT_COUNT];
    memset(energy, 0, sizeof energy);
    for (int k = 0; k < SJ_COUNTER_COUNT; k++) {
        int spread = unit_of[k];
        while (cycles[spread] == 0) {
            spread = instead[spread];
        }
        const double pj = (double)*(const uint64_t *)((const char *)&outcome->counts + sj_counter_table[k].offset) * prices->pj[k][SJ_TYPICAL];
        energy[spread][sj_counter_component(k)] += pj;
        p->met[sj_counter_component(k)] = p->met[sj_counter_component(k)] || pj > 0.0;
    }
    for (int s = 0; s < SJ_SPREAD_COUNT; s++) {
        for (uint64_t i = first; i <= last && cycles[s] > 0; i++) {
            const double share = (double)p->busy[s][i] / (double)cycles[s];
            for (int c = 0; c < SJ_COMPONENT_COUNT && share > 0.0; c++) {
                p->energy_pj[c][i] += share * energy[s][c];
            }
        }
        memset(&p->busy[s][first], 0, (size_t)(last - first + 1) * sizeof p->busy[s][0]);
    }
}
