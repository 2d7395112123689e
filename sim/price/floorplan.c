// SPDX-License-Identifier: Apache-2.0
// Silicon of one machine and the lengths of its wires. docs/energy.md section 3.
#include <math.h>
#include <string.h>

#include "sj_tech_keys.h"

// Mean route of a bit over a square of side s, entering in the middle of an edge: s/2 in depth and s/4 along the edge. A broadcast runs the whole side to reach every row.
#define SJ_ROUTE_TO_BANK 0.75
#define SJ_ROUTE_TO_ROW 0.5
#define SJ_ROUTE_BROADCAST 1.0
#define SJ_MASK_BUFFERS 4  // steps whose masks and flags stand in the array at once (docs/timing.md section 10)

// Bits of the masks and flags in the array's flip-flops (skip).
static double mask_register_bits(const sj_accel *a) { return (double)(SJ_MASK_BUFFERS * (a->rows * a->slots * a->k_tile + a->k_tile)); }

static double area_of(const sj_sram_array *arrays, const sj_store *stores, int store) { return (double)stores[store].count * arrays[store].area_mm2; }

static void place_stores(const sj_tech_point *t, const sj_accel *accel, sj_machine machine, sj_floorplan *f) {
    sj_store stores[SJ_STORE_COUNT];
    sj_sram_array arrays[SJ_STORE_COUNT];
    sj_stores_of(accel, machine, stores);
    for (int i = 0; i < SJ_STORE_COUNT; i++) {
        arrays[i] = sj_sram_array_of(t->sram, stores[i].capacity_bytes, stores[i].width_bits);
        f->store_leakage_mw += t->sram_leakage * (double)stores[i].count * arrays[i].leakage_mw;
    }
    f->mask_plane_mm2 = t->sram_area * area_of(arrays, stores, SJ_STORE_mask_plane);
    f->buffer_mm2 = t->sram_area * area_of(arrays, stores, SJ_STORE_buffer) + f->mask_plane_mm2;
    f->transposer_mm2 = t->sram_area * area_of(arrays, stores, SJ_STORE_transposer);
    f->regfile_mm2 = t->regfile_area * (area_of(arrays, stores, SJ_STORE_a_pad) + area_of(arrays, stores, SJ_STORE_b_pad) + area_of(arrays, stores, SJ_STORE_accumulators));
}

sj_floorplan sj_floorplan_at(const sj_tech_point *t, const sj_accel *accel, sj_machine machine) {
    sj_floorplan f;
    memset(&f, 0, sizeof f);
    const bool skip = machine == SJ_MACHINE_SKIP;
    const double pe_mm2 = accel->dtype == SJ_DTYPE_BF16 ? t->area_bf16_pe : t->area_int8_pe;
    place_stores(t, accel, machine, &f);
    f.pe_mm2 = (double)(accel->rows * accel->lanes) * pe_mm2;
    f.scan_mm2 = skip ? (double)(accel->rows * accel->k_tile) * t->area_scan_bit : 0.0;
    f.mask_register_mm2 = skip ? mask_register_bits(accel) * t->area_flipflop : 0.0;
    f.array_mm2 = f.pe_mm2 + f.regfile_mm2 + f.scan_mm2 + f.mask_register_mm2;
    f.vector_mm2 = (double)accel->vector_lanes * t->area_vector_lane;
    const double array_side = sqrt(f.array_mm2);
    f.buffer_wire_mm = SJ_ROUTE_TO_BANK * sqrt(f.buffer_mm2);
    f.a_wire_mm = SJ_ROUTE_TO_ROW * array_side;
    f.b_wire_mm = SJ_ROUTE_BROADCAST * array_side;
    f.o_wire_mm = SJ_ROUTE_TO_ROW * array_side;
    // An H-tree over n leaves in a square of side s: 4^i times an H of 3 s/2^(i+1) at level i, in all 1.5 s (sqrt(n) - 1).
    f.clock_tree_mm = 1.5 * array_side * (sqrt((double)(accel->rows * accel->lanes)) - 1.0);
    return f;
}

static const sj_tech_dram none;  // a floorplan has no DRAM

sj_floorplan sj_tech_floorplan(const sj_tech *t, const sj_accel *accel, sj_machine machine) {
    const sj_tech_point p = sj_tech_point_at(t, &none, SJ_TYPICAL);
    return sj_floorplan_at(&p, accel, machine);
}

const char *const sj_area_names[SJ_AREA_COUNT] = {
#define SJ_X(id) #id,
    SJ_AREAS(SJ_X)
#undef SJ_X
};

sj_area sj_tech_area(const sj_tech *t, const sj_accel *accel, sj_machine machine) {
    sj_area a;
    for (int b = 0; b < SJ_BOUND_COUNT; b++) {
        const sj_tech_point p = sj_tech_point_at(t, &none, (sj_bound)b);
        const sj_floorplan f = sj_floorplan_at(&p, accel, machine);
        const double components[SJ_AREA_COUNT] = {[SJ_AREA_buffer] = f.buffer_mm2 - f.mask_plane_mm2, [SJ_AREA_mask_plane] = f.mask_plane_mm2, [SJ_AREA_pe] = f.pe_mm2,
                                                  [SJ_AREA_regfile] = f.regfile_mm2, [SJ_AREA_mask_registers] = f.mask_register_mm2, [SJ_AREA_scan] = f.scan_mm2,
                                                  [SJ_AREA_transposer] = f.transposer_mm2, [SJ_AREA_vector] = f.vector_mm2};
        a.total_mm2[b] = 0.0;
        for (int c = 0; c < SJ_AREA_COUNT; c++) {
            a.total_mm2[b] += components[c];
        }
        if (b == SJ_TYPICAL) {
            memcpy(a.component_mm2, components, sizeof components);
        }
    }
    return a;
}
