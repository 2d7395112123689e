// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <math.h>

#include "analysis_internal.h"

const char *const sj_value_titles[SJ_SWEEP_VALUE_COUNT] = {
    [SJ_SWEEP_energy_pj] = "energy", [SJ_SWEEP_energy_low_pj] = "energy low", [SJ_SWEEP_energy_high_pj] = "energy high", [SJ_SWEEP_cycles] = "cycles",
    [SJ_SWEEP_seconds] = "time",     [SJ_SWEEP_area_mm2] = "area",            [SJ_SWEEP_edp_pj_s] = "EDP",               [SJ_SWEEP_dram_bytes] = "DRAM",
};
_Static_assert(SJ_SWEEP_VALUE_COUNT == 8, "a new value needs a title, and units");

typedef struct step {
    const char *name;
    double size, from;  // of the unit; the least that is told in it
} step;

enum { STEPS_MAX = 7 };

// Rising; the first is taken for whatever is smaller.
static const step energy[STEPS_MAX] = {{"pJ", 1.0, 1.0}, {"nJ", 1e3, 1e3}, {"uJ", 1e6, 1e6}, {"mJ", 1e9, 1e9}, {"J", 1e12, 1e12}};
static const step energy_delay[STEPS_MAX] = {{"fJ s", 1e-3, 1e-3}, {"pJ s", 1.0, 1.0}, {"nJ s", 1e3, 1e3}, {"uJ s", 1e6, 1e6}, {"mJ s", 1e9, 1e9}, {"J s", 1e12, 1e12}};
static const step cycles[STEPS_MAX] = {{"", 1.0, 1.0}, {"M", 1e6, 1e9}, {"G", 1e9, 1e12}};  // plain up to 999,999,999
static const step seconds[STEPS_MAX] = {{"ns", 1e-9, 1e-9}, {"us", 1e-6, 1e-6}, {"ms", 1e-3, 1e-3}, {"s", 1.0, 1.0}};
static const step area[STEPS_MAX] = {{"mm2", 1.0, 1.0}};
static const step bytes[STEPS_MAX] = {{"B", 1.0, 1.0}, {"KiB", 0x1p10, 0x1p10}, {"MiB", 0x1p20, 0x1p20}, {"GiB", 0x1p30, 0x1p30}, {"TiB", 0x1p40, 0x1p40}};

static const step *steps_of(int value) {
    switch (value) {
        case SJ_SWEEP_cycles: return cycles;
        case SJ_SWEEP_seconds: return seconds;
        case SJ_SWEEP_area_mm2: return area;
        case SJ_SWEEP_edp_pj_s: return energy_delay;
        case SJ_SWEEP_dram_bytes: return bytes;
        default: return energy;
    }
}

sj_value_unit sj_value_unit_for(int value, double least, double largest) {
    const step *s = steps_of(value);
    for (int i = 1; i < STEPS_MAX && s[1].name != NULL && largest >= s[1].from; i++) {
        s++;
    }
    sj_value_unit unit = {.name = s->name, .size = s->size, .grouped = value == SJ_SWEEP_cycles && s->size == 1.0};
    const bool whole = unit.grouped || (value == SJ_SWEEP_dram_bytes && s->size == 1.0);
    unit.decimals = whole ? 0 : least > 0.0 ? (int)fmin(fmax(3.0 - floor(log10(least / s->size)), 0.0), 6.0) : 3;
    return unit;
}

void sj_count_format(char text[64], uint64_t count) {
    char digits[32];
    const int length = snprintf(digits, sizeof digits, "%" PRIu64, count);
    int at = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) {
            text[at++] = ',';
        }
        text[at++] = digits[i];
    }
    text[at] = '\0';
}

void sj_value_format(char text[64], double v, sj_value_unit unit) {
    if (isnan(v)) {
        snprintf(text, 64, "-");
    } else if (unit.grouped) {
        sj_count_format(text, (uint64_t)(v + 0.5));
    } else {
        snprintf(text, 64, v / unit.size < 1e15 ? "%.*f" : "%.*e", unit.decimals, v / unit.size);
    }
}
