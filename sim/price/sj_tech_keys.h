// SPDX-License-Identifier: Apache-2.0
// The entries of a tech file, each declared once: X(key, unit). docs/energy.md says what each stands for. Only sim/price includes this.
#ifndef SJ_TECH_KEYS_H
#define SJ_TECH_KEYS_H

#include "sj_price.h"
#include "sj_sram.h"

#define SJ_TECH_KEYS(X)                \
    X(mac_bf16_active, "pJ")           \
    X(mac_bf16_zero, "pJ")             \
    X(mac_bf16_gated, "pJ")            \
    X(mac_bf16_idle, "pJ")             \
    X(mac_bf16_change, "pJ")           \
    X(mac_int8_active, "pJ")           \
    X(mac_int8_zero, "pJ")             \
    X(mac_int8_gated, "pJ")            \
    X(mac_int8_idle, "pJ")             \
    X(mac_int8_change, "pJ")           \
    X(sram_energy, "factor")           \
    X(regfile_energy, "factor")        \
    X(sram_leakage, "factor")          \
    X(sram_area, "factor")             \
    X(regfile_area, "factor")          \
    X(mask_scan, "pJ/bit")             \
    X(mask_register_write, "pJ/bit")   \
    X(mask_prefix, "pJ/bit")           \
    X(codec_decode, "pJ/line")         \
    X(codec_encode, "pJ/line")         \
    X(wire, "pJ/bit/mm")               \
    X(vector_op, "pJ")                 \
    X(rng_sample, "pJ")                \
    X(clock_bf16_pe, "pJ/cycle")       \
    X(clock_int8_pe, "pJ/cycle")       \
    X(clock_mask_bit, "pJ/cycle")      \
    X(clock_mask_store, "pJ/cycle")    \
    X(control_row, "pJ/cycle")         \
    X(clock_wire, "pJ/mm")             \
    X(leakage_logic, "mW/mm2")         \
    X(area_flipflop, "mm2/bit")        \
    X(area_bf16_pe, "mm2")             \
    X(area_int8_pe, "mm2")             \
    X(area_scan_bit, "mm2")            \
    X(area_vector_lane, "mm2")

// The entries of a DRAM type's group, "dram.<type>.<key>".
#define SJ_TECH_DRAM_KEYS(X)  \
    X(activate, "pJ")         \
    X(read_burst, "pJ")       \
    X(write_burst, "pJ")      \
    X(io, "pJ/bit")           \
    X(refresh, "pJ")          \
    X(background, "mW")

typedef struct sj_tech_value {
    double at[SJ_BOUND_COUNT];
    char source[SJ_SOURCE_NAME];  // its group, or its own key
} sj_tech_value;

typedef struct sj_tech_dram {
    const char *type;  // of sj_dram_names; NULL where the file has no group for it
#define SJ_X(key, unit) sj_tech_value key;
    SJ_TECH_DRAM_KEYS(SJ_X)
#undef SJ_X
} sj_tech_dram;

#define SJ_TECH_DRAM_MAX 16

// One figure of every entry: the file at its typical figures, or with some of them at an end.
typedef struct sj_tech_point {
    const sj_sram *sram;  // the rows themselves; factors move them
#define SJ_X(key, unit) double key;
    SJ_TECH_KEYS(SJ_X)
#undef SJ_X
    struct {
#define SJ_X(key, unit) double key;
        SJ_TECH_DRAM_KEYS(SJ_X)
#undef SJ_X
    } dram;
} sj_tech_point;

// The table of SRAM arrays; what is wrong is kept in c.
void sj_tech_read_sram(sj_config *c, sj_sram *s);
// One action of each counter at these figures, pJ.
void sj_price_point(const sj_tech_point *t, const sj_accel *accel, sj_machine machine, double pj[SJ_COUNTER_COUNT]);
// The group of the accelerator's DRAM type; SJ_ERR_UNSUPPORTED where the file has none.
sj_status sj_tech_find_dram(const sj_tech *t, const sj_accel *accel, const sj_tech_dram **out, sj_error *err);
// All entries at their typical figures, or all at one end.
sj_tech_point sj_tech_point_at(const sj_tech *t, const sj_tech_dram *dram, sj_bound bound);
sj_floorplan sj_floorplan_at(const sj_tech_point *t, const sj_accel *accel, sj_machine machine);

struct sj_tech {
    char *path, *name, *text;
    int dram_count;
    sj_tech_dram dram[SJ_TECH_DRAM_MAX];
    sj_sram sram;
#define SJ_X(key, unit) sj_tech_value key;
    SJ_TECH_KEYS(SJ_X)
#undef SJ_X
};

#endif
