// SPDX-License-Identifier: Apache-2.0
// From tech entries to pJ a count, for one accelerator and machine. docs/energy.md sections 3 and 4.
#include <math.h>
#include <string.h>

#include "sj_tech_keys.h"

// Mean route of a bit over a square of side s, entering in the middle of an edge: s/2 in depth and s/4 along the edge. A broadcast runs the whole side to reach every row.
#define SJ_ROUTE_TO_BANK 0.75
#define SJ_ROUTE_TO_ROW 0.5
#define SJ_ROUTE_BROADCAST 1.0
#define SJ_MASK_BUFFERS 4  // steps whose masks and flags stand in the array at once (docs/timing.md section 10)

#define SJ_KIB 1024.0

static double pads_kib(const sj_accel *a) {
    const double vb = (double)sj_accel_value_bytes(a);
    const double a_pad = 2.0 * (double)(a->slots * a->k_tile) * vb;
    const double b_pad = 2.0 * (double)(a->k_tile * a->lanes) * vb;
    const double acc = 4.0 * (double)(a->acc_banks * a->slots * a->lanes);
    return (double)a->rows * (a_pad + b_pad + acc) / SJ_KIB;
}

static double masks_kib(const sj_accel *a) {
    const double row_masks = (double)(a->rows * a->slots * a->k_tile) / 8.0;
    const double flags = (double)a->k_tile / 8.0;
    return SJ_MASK_BUFFERS * (row_masks + flags) / SJ_KIB;
}

sj_floorplan sj_tech_floorplan(const sj_tech *t, const sj_accel *accel, sj_machine machine) {
    sj_floorplan f;
    memset(&f, 0, sizeof f);
    const bool skip = machine == SJ_MACHINE_SKIP;
    const sj_tech_value *pe = accel->dtype == SJ_DTYPE_BF16 ? &t->area_bf16_pe : &t->area_int8_pe;
    f.buffer_kib = (double)accel->buffer_kib;
    f.mask_plane_kib = skip ? f.buffer_kib / (8.0 * (double)sj_accel_value_bytes(accel)) : 0.0;
    f.regfile_kib = pads_kib(accel) + (skip ? masks_kib(accel) : 0.0);
    f.buffer_mm2 = (f.buffer_kib + f.mask_plane_kib) * t->area_sram.at[SJ_TYPICAL];
    f.array_mm2 = (double)(accel->rows * accel->lanes) * pe->at[SJ_TYPICAL] + f.regfile_kib * t->area_regfile.at[SJ_TYPICAL];
    if (skip) {
        f.array_mm2 += (double)(accel->rows * accel->k_tile) * t->area_scan_bit.at[SJ_TYPICAL];
    }
    f.vector_mm2 = (double)accel->vector_lanes * t->area_vector_lane.at[SJ_TYPICAL];
    const double array_side = sqrt(f.array_mm2);
    f.buffer_wire_mm = SJ_ROUTE_TO_BANK * sqrt(f.buffer_mm2);
    f.a_wire_mm = SJ_ROUTE_TO_ROW * array_side;
    f.b_wire_mm = SJ_ROUTE_BROADCAST * array_side;
    f.o_wire_mm = SJ_ROUTE_TO_ROW * array_side;
    return f;
}

// A line of `bits` from its 32 KiB bank: linear between the tabled widths, several banks side by side beyond the widest, the narrowest below.
static double sram_pj(const sj_tech_value *w64, const sj_tech_value *w128, const sj_tech_value *w256, double bits, sj_bound b) {
    if (bits <= 64.0) {
        return w64->at[b];
    }
    if (bits <= 128.0) {
        return w64->at[b] + (w128->at[b] - w64->at[b]) * (bits - 64.0) / 64.0;
    }
    if (bits <= 256.0) {
        return w128->at[b] + (w256->at[b] - w128->at[b]) * (bits - 128.0) / 128.0;
    }
    return w256->at[b] * bits / 256.0;
}

// 1 mW for 1/MHz is 1e-3 W x 1e-6 s = 1000 pJ.
static double pj_a_cycle(double mw, const sj_accel *accel) { return mw * 1000.0 / accel->clock_mhz; }

// One action of each counter, as a struct with the counters' own names.
typedef struct action_pj {
#define SJ_X(id, name, unit, meaning) double id;
    SJ_COUNTERS(SJ_X)
#undef SJ_X
} action_pj;

static void price_array(const sj_tech *t, const sj_accel *accel, const sj_floorplan *f, sj_machine machine, sj_bound b, action_pj *p) {
    const bool bf16 = accel->dtype == SJ_DTYPE_BF16;
    const double value_bits = 8.0 * (double)sj_accel_value_bytes(accel), vector_bits = (double)accel->lanes * value_bits, sum_bits = 32.0 * (double)accel->lanes;
    const double mask_bits = (double)accel->k_tile;
    p->mac_active = (bf16 ? t->mac_bf16_active : t->mac_int8_active).at[b];
    p->mac_zero = (bf16 ? t->mac_bf16_zero : t->mac_int8_zero).at[b];
    p->mac_gated = (bf16 ? t->mac_bf16_gated : t->mac_int8_gated).at[b];
    p->mac_idle = (bf16 ? t->mac_bf16_idle : t->mac_int8_idle).at[b];
    p->acc_read = t->acc_read.at[b] * sum_bits;
    p->acc_write = t->acc_write.at[b] * sum_bits;
    p->a_pad_read = t->a_pad_read.at[b] * value_bits;
    p->a_pad_write = t->a_pad_write.at[b] * value_bits;
    p->b_pad_read = t->b_pad_read.at[b] * vector_bits;
    p->b_pad_write = t->b_pad_write.at[b] * vector_bits;
    if (machine == SJ_MACHINE_SKIP) {
        p->mask_scan = t->mask_scan.at[b] * mask_bits;
        p->mask_read = (t->mask_plane_read.at[b] + t->wire.at[b] * f->buffer_wire_mm) * mask_bits;
        p->mask_write = t->mask_register_write.at[b] * mask_bits;
    }
    p->bus_a = 8.0 * (double)accel->a_bytes * t->wire.at[b] * f->a_wire_mm;
    p->bus_b = 8.0 * (double)accel->b_bytes * t->wire.at[b] * f->b_wire_mm;
    p->bus_o = 8.0 * (double)accel->o_bytes * t->wire.at[b] * f->o_wire_mm;
}

static void price_storage(const sj_tech *t, const sj_accel *accel, const sj_floorplan *f, const sj_tech_dram *dram, sj_bound b, action_pj *p) {
    const double line_bits = 8.0 * (double)accel->line_bytes, line_wire = line_bits * t->wire.at[b] * f->buffer_wire_mm;
    const double tile_bits = 8.0 * (double)(accel->k_tile * accel->k_tile * sj_accel_value_bytes(accel));
    const double burst_io = 512.0 * dram->io.at[b];
    p->buffer_read = sram_pj(&t->sram_read_64b, &t->sram_read_128b, &t->sram_read_256b, line_bits, b) + line_wire;
    p->buffer_write = sram_pj(&t->sram_write_64b, &t->sram_write_128b, &t->sram_write_256b, line_bits, b) + line_wire;
    p->codec_decode = t->codec_decode.at[b];
    p->codec_encode = t->codec_encode.at[b];
    p->transpose = t->transpose.at[b] * tile_bits;
    p->dram_activate = dram->activate.at[b];
    p->dram_read = dram->read_burst.at[b] + burst_io;
    p->dram_write = dram->write_burst.at[b] + burst_io;
    p->dram_refresh = dram->refresh.at[b];
    p->dram_background = pj_a_cycle(dram->background.at[b], accel);
}

static void price_time(const sj_tech *t, const sj_accel *accel, const sj_floorplan *f, sj_machine machine, sj_bound b, action_pj *p) {
    const double pe_clock = (accel->dtype == SJ_DTYPE_BF16 ? t->clock_bf16_pe : t->clock_int8_pe).at[b];
    p->vector_op = t->vector_op.at[b];
    p->rng_sample = t->rng_sample.at[b];
    p->clock = (double)(accel->rows * accel->lanes) * pe_clock;
    if (machine == SJ_MACHINE_SKIP) {
        p->clock += (double)(accel->rows * accel->k_tile) * t->clock_mask_bit.at[b];
    }
    const double regfile_mm2 = f->regfile_kib * t->area_regfile.at[SJ_TYPICAL];
    const double sram_mw = (f->buffer_kib + f->mask_plane_kib) * t->leakage_sram.at[b];
    const double regfile_mw = f->regfile_kib * t->leakage_regfile.at[b];
    const double logic_mw = (f->array_mm2 - regfile_mm2 + f->vector_mm2) * t->leakage_logic.at[b];
    p->leakage = pj_a_cycle(sram_mw + regfile_mw + logic_mw, accel);
}

static const sj_tech_dram *find_dram(const sj_tech *t, const char *type) {
    for (int i = 0; i < t->dram_count; i++) {
        if (strcmp(t->dram[i].type, type) == 0) {
            return &t->dram[i];
        }
    }
    return NULL;
}

sj_status sj_tech_prices(const sj_tech *t, const sj_accel *accel, sj_machine machine, sj_prices *out, sj_error *err) {
    const sj_tech_dram *dram = find_dram(t, accel->dram->name);
    if (dram == NULL) {
        return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "%s: no group dram.%s, but the accelerator \"%s\" has this DRAM", t->path, accel->dram->name, accel->name);
    }
    const sj_floorplan f = sj_tech_floorplan(t, accel, machine);
    for (int b = 0; b < SJ_BOUND_COUNT; b++) {
        action_pj p;
        memset(&p, 0, sizeof p);
        price_array(t, accel, &f, machine, (sj_bound)b, &p);
        price_storage(t, accel, &f, dram, (sj_bound)b, &p);
        price_time(t, accel, &f, machine, (sj_bound)b, &p);
        int i = 0;
#define SJ_X(id, name, unit, meaning) out->pj[i++][b] = p.id;
        SJ_COUNTERS(SJ_X)
#undef SJ_X
    }
    return SJ_OK;
}
