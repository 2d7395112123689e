// SPDX-License-Identifier: Apache-2.0
#include "sj_price.h"

#include <math.h>
#include <string.h>

const char *const sj_component_names[SJ_COMPONENT_COUNT] = {
#define SJ_X(id) #id,
    SJ_COMPONENTS(SJ_X)
#undef SJ_X
};

// Component of each counter: a counter that is added to SJ_COUNTERS and not here does not compile.
enum {
    COMPONENT_mac_active = SJ_COMPONENT_mac,
    COMPONENT_mac_zero = SJ_COMPONENT_mac,
    COMPONENT_mac_gated = SJ_COMPONENT_mac,
    COMPONENT_mac_idle = SJ_COMPONENT_mac,
    COMPONENT_mac_change = SJ_COMPONENT_mac,
    COMPONENT_acc_read = SJ_COMPONENT_acc,
    COMPONENT_acc_write = SJ_COMPONENT_acc,
    COMPONENT_a_pad_read = SJ_COMPONENT_pads,
    COMPONENT_a_pad_write = SJ_COMPONENT_pads,
    COMPONENT_b_pad_read = SJ_COMPONENT_pads,
    COMPONENT_b_pad_write = SJ_COMPONENT_pads,
    COMPONENT_mask_scan = SJ_COMPONENT_mask,
    COMPONENT_mask_read = SJ_COMPONENT_mask,
    COMPONENT_mask_write = SJ_COMPONENT_mask,
    COMPONENT_codec_decode = SJ_COMPONENT_codec,
    COMPONENT_codec_encode = SJ_COMPONENT_codec,
    COMPONENT_transpose = SJ_COMPONENT_transpose,
    COMPONENT_buffer_read = SJ_COMPONENT_buffer,
    COMPONENT_buffer_write = SJ_COMPONENT_buffer,
    COMPONENT_bus_a = SJ_COMPONENT_bus,
    COMPONENT_bus_b = SJ_COMPONENT_bus,
    COMPONENT_bus_o = SJ_COMPONENT_bus,
    COMPONENT_dram_activate = SJ_COMPONENT_dram,
    COMPONENT_dram_read = SJ_COMPONENT_dram,
    COMPONENT_dram_write = SJ_COMPONENT_dram,
    COMPONENT_dram_refresh = SJ_COMPONENT_dram_standby,
    COMPONENT_dram_background = SJ_COMPONENT_dram_standby,
    COMPONENT_vector_op = SJ_COMPONENT_vector,
    COMPONENT_rng_sample = SJ_COMPONENT_rng,
    COMPONENT_clock = SJ_COMPONENT_clock,
    COMPONENT_leakage = SJ_COMPONENT_leakage
};

static const int component_of[SJ_COUNTER_COUNT] = {
#define SJ_X(id, name, unit, meaning) COMPONENT_##id,
    SJ_COUNTERS(SJ_X)
#undef SJ_X
};

int sj_counter_component(int counter) { return component_of[counter]; }

static void add_up(sj_energy *e) {
    e->total_pj = 0.0;
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        e->total_pj += e->component_pj[c];
    }
}

void sj_price_spread(const sj_prices *prices, const sj_counters *counts, sj_spread *out) {
    memset(out, 0, sizeof *out);
    for (int s = 0; s < prices->source_count; s++) {
        for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
            const double count = (double)*(const uint64_t *)((const char *)counts + sj_counter_table[i].offset);
            for (int end = 0; end < 2; end++) {
                out->pj[s][component_of[i]][end] += count * prices->deviation_pj[s][i][end];
            }
        }
    }
}

// No energy is below zero: where the sources together say so of a component, what is too much is taken from the others by what they have left.
static void keep_positive(const sj_energy *typical, double part[SJ_COMPONENT_COUNT]) {
    double sum = 0.0, excess = 0.0, left = 0.0;
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        sum += part[c];
    }
    const double scale = sum > typical->total_pj ? typical->total_pj / sum : 1.0;
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        part[c] *= scale;
        excess += fmax(part[c] - typical->component_pj[c], 0.0);
        left += fmax(typical->component_pj[c] - part[c], 0.0);
    }
    for (int c = 0; c < SJ_COMPONENT_COUNT && excess > 0.0; c++) {
        const double own = fmax(typical->component_pj[c] - part[c], 0.0);
        part[c] = fmin(part[c], typical->component_pj[c]) + (left > excess ? excess * own / left : own);
    }
}

sj_energy sj_energy_end(const sj_energy *typical, const sj_spread *spread, sj_bound bound) {
    if (bound == SJ_TYPICAL) {
        return *typical;
    }
    const int end = bound == SJ_HIGH;
    double part[SJ_COMPONENT_COUNT] = {0.0}, squares = 0.0;
    for (int s = 0; s < SJ_SOURCE_MAX; s++) {
        double all = 0.0;
        for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
            all += spread->pj[s][c][end];
        }
        squares += all * all;
        for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
            part[c] += spread->pj[s][c][end] * all;
        }
    }
    sj_energy e = *typical;
    if (squares > 0.0) {
        for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
            part[c] /= sqrt(squares);
        }
        if (end == 0) {
            keep_positive(typical, part);
        }
        for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
            e.component_pj[c] = end == 1 ? e.component_pj[c] + part[c] : fmax(e.component_pj[c] - part[c], 0.0);  // but for rounding no less than 0
        }
    }
    add_up(&e);
    return e;
}

sj_energy sj_price(const sj_prices *prices, const sj_counters *counts, sj_bound bound) {
    sj_energy e;
    memset(&e, 0, sizeof e);
    int i = 0;
#define SJ_X(id, name, unit, meaning)                                                  \
    e.component_pj[component_of[i]] += (double)counts->id * prices->pj[i][SJ_TYPICAL]; \
    i++;
    SJ_COUNTERS(SJ_X)
#undef SJ_X
    add_up(&e);
    if (bound == SJ_TYPICAL) {
        return e;
    }
    sj_spread spread;
    sj_price_spread(prices, counts, &spread);
    return sj_energy_end(&e, &spread, bound);
}
