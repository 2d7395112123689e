// SPDX-License-Identifier: Apache-2.0
#include "analysis_internal.h"

const char *const sj_value_titles[SJ_SWEEP_VALUE_COUNT] = {
    [SJ_SWEEP_energy_pj] = "energy", [SJ_SWEEP_energy_low_pj] = "energy low", [SJ_SWEEP_energy_high_pj] = "energy high", [SJ_SWEEP_cycles] = "cycles",
    [SJ_SWEEP_seconds] = "time",     [SJ_SWEEP_area_mm2] = "area",            [SJ_SWEEP_edp_pj_s] = "EDP",               [SJ_SWEEP_dram_bytes] = "DRAM",
};
_Static_assert(SJ_SWEEP_VALUE_COUNT == 8, "a new value needs a title, and units");

static sj_scale scale_of(int value) {
    switch (value) {
        case SJ_SWEEP_cycles: return SJ_SCALE_CYCLES;
        case SJ_SWEEP_seconds: return SJ_SCALE_SECONDS;
        case SJ_SWEEP_area_mm2: return SJ_SCALE_AREA_MM2;
        case SJ_SWEEP_edp_pj_s: return SJ_SCALE_ENERGY_DELAY_PJ_S;
        case SJ_SWEEP_dram_bytes: return SJ_SCALE_BYTES;
        default: return SJ_SCALE_ENERGY_PJ;
    }
}

sj_unit sj_value_unit_for(int value, double least, double largest) {
    sj_unit unit = sj_unit_for(scale_of(value), largest);
    unit.decimals = unit.grouped ? 0 : least > 0.0 ? sj_unit_decimals(least / unit.size, 4) : 3;
    return unit;
}
