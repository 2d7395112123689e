// SPDX-License-Identifier: Apache-2.0
#include "sj_estimate_facts.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>

double sj_layer_macs(const sj_layer_info *l) {
    const double outputs = (double)l->out.h * (double)l->out.w * (double)l->out.c;
    switch (l->kind) {
        case SJ_KIND_CONV: return outputs * (double)l->kernel_h * (double)l->kernel_w * (double)l->in.c / (double)l->groups;
        case SJ_KIND_LINEAR: return (double)l->in.h * (double)l->in.w * (double)l->in.c * (double)l->out.c;
        case SJ_KIND_MATMUL: return outputs * (double)l->in.c;
        default: return 0.0;
    }
}

double sj_layer_backward_macs(const sj_layer_info *l) { return sj_layer_macs(l) * (l->needs_dx ? 2.0 : 1.0); }

static double parameters_of(const sj_layer_info *l) {
    const double bias = l->has_bias ? (double)l->out.c : 0.0;
    switch (l->kind) {
        case SJ_KIND_CONV: return (double)l->out.c * (double)l->kernel_h * (double)l->kernel_w * (double)l->in.c / (double)l->groups + bias;
        case SJ_KIND_LINEAR: return sj_layer_macs(l) + bias;
        case SJ_KIND_BN: return 2.0 * (double)l->out.c;
        default: return 0.0;
    }
}

static double price_of(const sj_prices *prices, size_t offset) {
    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
        if (sj_counter_table[i].offset == offset) {
            return prices->pj[i][SJ_TYPICAL];
        }
    }
    return 0.0;
}

#define PRICE(prices, counter) price_of((prices), offsetof(sj_counters, counter))

static double watts(double pj_a_cycle, const sj_accel *accel) { return pj_a_cycle * 1e-12 * accel->clock_mhz * 1e6; }

static double idle_w(const sj_accel *accel, const sj_prices *p) {
    const double refreshes = 1e3 / (accel->clock_mhz * (double)accel->dram->refresh_interval_ns);  // a cycle
    return watts(PRICE(p, leakage) + PRICE(p, clock) + PRICE(p, dram_background) + refreshes * PRICE(p, dram_refresh), accel);
}

static double peak_w(const sj_accel *accel, const sj_prices *p, double dram_bytes_per_s) {
    const double rows = (double)accel->rows, macs = rows * (double)accel->lanes, bursts = dram_bytes_per_s / 64.0 / (accel->clock_mhz * 1e6);
    return idle_w(accel, p) + watts(macs * PRICE(p, mac_active) + rows * (PRICE(p, a_pad_read) + PRICE(p, b_pad_read)) + bursts * PRICE(p, dram_read), accel);
}

sj_run_facts sj_run_facts_of(const sj_network *net, const sj_accel *accel, const sj_prices *const prices[3]) {
    sj_run_facts f = {.known = true, .slots = accel->slots, .vector_lanes = accel->vector_lanes, .buffer_kib = accel->buffer_kib, .value_bytes = sj_accel_value_bytes(accel), .codec = accel->codec};
    for (int i = 0; i < net->layer_count; i++) {
        const sj_layer_info *l = &net->layers[i];
        const double macs = sj_layer_macs(l);
        f.forward_macs += macs;
        f.grad_weight_macs += macs;
        f.grad_input_macs += l->needs_dx ? macs : 0.0;
        f.parameters += parameters_of(l);
        f.activations += (double)l->out.h * (double)l->out.w * (double)l->out.c;
        if (f.image_c == 0 && l->input_count > 0 && (l->inputs[0] == SJ_INPUT_NETWORK || l->inputs[0] == SJ_INPUT_OWN)) {
            f.image_h = l->in.h;
            f.image_w = l->in.w;
            f.image_c = l->in.c;
        }
    }
    snprintf(f.dram, sizeof f.dram, "%s", accel->dram->name);
    f.dram_bytes_per_s = 64.0 * (double)accel->dram->clock_khz * 1e3 / (double)accel->dram->burst_ticks * (double)accel->dram_channels;
    f.dram_gib = (double)(accel->dram->mib * accel->dram_channels) / 1024.0;
    for (int m = 0; m < 3; m++) {
        f.idle_w[m] = prices[m] != NULL ? idle_w(accel, prices[m]) : (double)NAN;
        f.peak_w[m] = prices[m] != NULL ? peak_w(accel, prices[m], f.dram_bytes_per_s) : (double)NAN;
    }
    return f;
}
