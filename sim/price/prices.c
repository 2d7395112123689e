// SPDX-License-Identifier: Apache-2.0
// From tech entries to pJ a count, for one accelerator and machine. With all figures typical, at one end, or one source of error moved. docs/energy.md sections 1 and 4.
#include <math.h>
#include <string.h>

#include "sj_tech_keys.h"

// 1 mW for 1/MHz is 1e-3 W x 1e-6 s = 1000 pJ.
static double pj_a_cycle(double mw, const sj_accel *accel) { return mw * 1000.0 / accel->clock_mhz; }

// One action of each counter, as a struct with the counters' own names.
typedef struct action_pj {
#define SJ_X(id, name, unit, meaning) double id;
    SJ_COUNTERS(SJ_X)
#undef SJ_X
} action_pj;

static sj_sram_array array_of(const sj_tech_point *t, const sj_store *store) { return sj_sram_array_of(t->sram, store->capacity_bytes, store->width_bits); }

static void price_array(const sj_tech_point *t, const sj_accel *accel, const sj_floorplan *f, sj_machine machine, action_pj *p) {
    const bool bf16 = accel->dtype == SJ_DTYPE_BF16;
    const double mask_bits = (double)accel->k_tile;
    sj_store stores[SJ_STORE_COUNT];
    sj_stores_of(accel, machine, stores);
    const sj_sram_array a_pad = array_of(t, &stores[SJ_STORE_a_pad]), b_pad = array_of(t, &stores[SJ_STORE_b_pad]), acc = array_of(t, &stores[SJ_STORE_accumulators]);
    p->mac_active = (bf16 ? t->mac_bf16_active : t->mac_int8_active);
    p->mac_zero = (bf16 ? t->mac_bf16_zero : t->mac_int8_zero);
    p->mac_gated = (bf16 ? t->mac_bf16_gated : t->mac_int8_gated);
    p->mac_idle = (bf16 ? t->mac_bf16_idle : t->mac_int8_idle);
    p->mac_change = (bf16 ? t->mac_bf16_change : t->mac_int8_change);
    p->acc_read = t->regfile_energy * acc.read_pj;
    p->acc_write = t->regfile_energy * acc.write_pj;
    p->a_pad_read = t->regfile_energy * a_pad.read_pj;
    p->a_pad_write = t->regfile_energy * a_pad.write_pj;
    p->b_pad_read = t->regfile_energy * b_pad.read_pj;
    p->b_pad_write = t->regfile_energy * b_pad.write_pj;
    if (machine == SJ_MACHINE_SKIP) {
        p->mask_scan = t->mask_scan * mask_bits;
        p->mask_read = t->sram_energy * array_of(t, &stores[SJ_STORE_mask_plane]).read_pj + t->wire * f->buffer_wire_mm * mask_bits;
        p->mask_write = (t->mask_register_write + t->mask_prefix) * mask_bits;
    }
    p->bus_a = 8.0 * (double)accel->a_bytes * t->wire * f->a_wire_mm;
    p->bus_b = 8.0 * (double)accel->b_bytes * t->wire * f->b_wire_mm;
    p->bus_o = 8.0 * (double)accel->o_bytes * t->wire * f->o_wire_mm;
}

static void price_storage(const sj_tech_point *t, const sj_accel *accel, const sj_floorplan *f, sj_machine machine, action_pj *p) {
    const double line_bits = 8.0 * (double)accel->line_bytes, line_wire = line_bits * t->wire * f->buffer_wire_mm;
    sj_store stores[SJ_STORE_COUNT];
    sj_stores_of(accel, machine, stores);
    const sj_sram_array bank = array_of(t, &stores[SJ_STORE_buffer]), tile = array_of(t, &stores[SJ_STORE_transposer]);
    const double tile_lines = ceil(8.0 * stores[SJ_STORE_transposer].capacity_bytes / stores[SJ_STORE_transposer].width_bits);
    const double burst_io = 512.0 * t->dram.io;
    p->buffer_read = t->sram_energy * bank.read_pj + line_wire;
    p->buffer_write = t->sram_energy * bank.write_pj + line_wire;
    p->codec_decode = t->codec_decode;
    p->codec_encode = t->codec_encode;
    p->transpose = t->sram_energy * tile_lines * (tile.write_pj + tile.read_pj);
    p->dram_activate = t->dram.activate;
    p->dram_read = t->dram.read_burst + burst_io;
    p->dram_write = t->dram.write_burst + burst_io;
    p->dram_refresh = t->dram.refresh;
    p->dram_background = pj_a_cycle(t->dram.background, accel);
}

static void price_time(const sj_tech_point *t, const sj_accel *accel, const sj_floorplan *f, sj_machine machine, action_pj *p) {
    const double pe_clock = (accel->dtype == SJ_DTYPE_BF16 ? t->clock_bf16_pe : t->clock_int8_pe);
    p->vector_op = t->vector_op;
    p->rng_sample = t->rng_sample;
    p->clock = (double)(accel->rows * accel->lanes) * pe_clock + t->clock_wire * f->clock_tree_mm + (double)accel->rows * t->control_row;
    if (machine == SJ_MACHINE_SKIP) {
        p->clock += (double)(accel->rows * accel->k_tile) * t->clock_mask_bit + f->mask_register_bits * t->clock_mask_store;
    }
    const double logic_mw = (f->pe_mm2 + f->scan_mm2 + f->mask_register_mm2 + f->vector_mm2) * t->leakage_logic;
    p->leakage = pj_a_cycle(f->store_leakage_mw + logic_mw, accel);
}

sj_status sj_tech_find_dram(const sj_tech *t, const sj_accel *accel, const sj_tech_dram **out, sj_error *err) {
    for (int i = 0; i < t->dram_count; i++) {
        if (strcmp(t->dram[i].type, accel->dram->name) == 0) {
            *out = &t->dram[i];
            return SJ_OK;
        }
    }
    return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "%s: no group dram.%s, but the accelerator \"%s\" has this DRAM", t->path, accel->dram->name, accel->name);
}

// How the entries stand: every source at `base`, and source number `moved` (-1: none) at `end`.
typedef struct setting {
    const sj_prices *sources;
    sj_bound base, end;
    int moved;
} setting;

static double figure_at(const sj_tech_value *v, const setting *s) {
    const bool moved = s->moved >= 0 && strcmp(v->source, s->sources->source_names[s->moved]) == 0;
    return v->at[moved ? s->end : s->base];
}

static sj_tech_point point_at(const sj_tech *t, const sj_tech_dram *dram, const setting *s) {
    sj_tech_point p;
    p.sram = &t->sram;
#define SJ_X(key, unit) p.key = figure_at(&t->key, s);
    SJ_TECH_KEYS(SJ_X)
#undef SJ_X
#define SJ_X(key, unit) p.dram.key = figure_at(&dram->key, s);
    SJ_TECH_DRAM_KEYS(SJ_X)
#undef SJ_X
    return p;
}

void sj_price_point(const sj_tech_point *t, const sj_accel *accel, sj_machine machine, double pj[SJ_COUNTER_COUNT]) {
    const sj_floorplan f = sj_floorplan_at(t, accel, machine);
    action_pj p;
    memset(&p, 0, sizeof p);
    price_array(t, accel, &f, machine, &p);
    price_storage(t, accel, &f, machine, &p);
    price_time(t, accel, &f, machine, &p);
    int i = 0;
#define SJ_X(id, name, unit, meaning) pj[i++] = p.id;
    SJ_COUNTERS(SJ_X)
#undef SJ_X
}

static void add_source(sj_prices *p, const sj_tech_value *v) {
    for (int s = 0; s < p->source_count; s++) {
        if (strcmp(p->source_names[s], v->source) == 0) {
            return;
        }
    }
    strcpy(p->source_names[p->source_count++], v->source);
}

#define SJ_X(key, unit) +1
_Static_assert(0 SJ_TECH_KEYS(SJ_X) SJ_TECH_DRAM_KEYS(SJ_X) <= SJ_SOURCE_MAX, "each entry may be a source of its own");
#undef SJ_X

static void list_sources(const sj_tech *t, const sj_tech_dram *dram, sj_prices *p) {
#define SJ_X(key, unit) add_source(p, &t->key);
    SJ_TECH_KEYS(SJ_X)
#undef SJ_X
#define SJ_X(key, unit) add_source(p, &dram->key);
    SJ_TECH_DRAM_KEYS(SJ_X)
#undef SJ_X
}

sj_tech_point sj_tech_point_at(const sj_tech *t, const sj_tech_dram *dram, sj_bound bound) {
    const setting all = {NULL, bound, bound, -1};
    return point_at(t, dram, &all);
}

sj_status sj_tech_prices(const sj_tech *t, const sj_accel *accel, sj_machine machine, sj_prices *out, sj_error *err) {
    const sj_tech_dram *dram;
    SJ_TRY(sj_tech_find_dram(t, accel, &dram, err));
    SJ_TRY(sj_stores_check(&t->sram, t->path, accel, machine, err));
    memset(out, 0, sizeof *out);
    list_sources(t, dram, out);
    double pj[SJ_COUNTER_COUNT];
    for (int b = 0; b < SJ_BOUND_COUNT; b++) {
        const sj_tech_point p = sj_tech_point_at(t, dram, (sj_bound)b);
        sj_price_point(&p, accel, machine, pj);
        for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
            out->pj[i][b] = pj[i];
        }
    }
    for (int s = 0; s < out->source_count; s++) {
        for (int end = 0; end < 2; end++) {
            const sj_tech_point p = point_at(t, dram, &(setting){out, SJ_TYPICAL, end == 0 ? SJ_LOW : SJ_HIGH, s});
            sj_price_point(&p, accel, machine, pj);
            for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
                out->deviation_pj[s][i][end] = pj[i] - out->pj[i][SJ_TYPICAL];
            }
        }
    }
    return SJ_OK;
}
