// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sj_units.h"

typedef struct step {
    const char *name;
    double size, from;  // of the unit; the least that is told in it
} step;

enum { STEPS_MAX = 9 };

// Rising; the first is taken for whatever is smaller.
static const step scales[SJ_SCALE_COUNT][STEPS_MAX] = {
    [SJ_SCALE_NONE] = {{"", 1.0, 0.0}},
    [SJ_SCALE_PER_CENT] = {{"%", 0.01, 0.0}},
    [SJ_SCALE_ENERGY_PJ] = {{"pJ", 1.0, 1.0}, {"nJ", 1e3, 1e3}, {"uJ", 1e6, 1e6}, {"mJ", 1e9, 1e9}, {"J", 1e12, 1e12}, {"kJ", 1e15, 1e15}, {"MJ", 1e18, 1e18}, {"GJ", 1e21, 1e21}},
    [SJ_SCALE_ENERGY_DELAY_PJ_S] = {{"fJ s", 1e-3, 1e-3}, {"pJ s", 1.0, 1.0}, {"nJ s", 1e3, 1e3}, {"uJ s", 1e6, 1e6}, {"mJ s", 1e9, 1e9}, {"J s", 1e12, 1e12}},
    [SJ_SCALE_CYCLES] = {{"", 1.0, 1.0}, {"M", 1e6, 1e9}, {"G", 1e9, 1e12}},
    [SJ_SCALE_SECONDS] = {{"ns", 1e-9, 1e-9}, {"us", 1e-6, 1e-6}, {"ms", 1e-3, 1e-3}, {"s", 1.0, 1.0}, {"min", 60.0, 600.0}, {"h", 3600.0, 7200.0}},
    [SJ_SCALE_AREA_MM2] = {{"mm2", 1.0, 1.0}},
    [SJ_SCALE_BYTES] = {{"B", 1.0, 1.0}, {"KiB", 0x1p10, 0x1p10}, {"MiB", 0x1p20, 0x1p20}, {"GiB", 0x1p30, 0x1p30}, {"TiB", 0x1p40, 0x1p40}, {"PiB", 0x1p50, 0x1p50}},
};

sj_unit sj_unit_for(sj_scale scale, double largest) {
    const step *s = scales[scale];
    for (int i = 1; i < STEPS_MAX && s[1].name != NULL && largest >= s[1].from; i++) {
        s++;
    }
    return (sj_unit){.name = s->name, .size = s->size, .grouped = (scale == SJ_SCALE_CYCLES || scale == SJ_SCALE_BYTES) && s->size == 1.0};
}

int sj_unit_decimals(double magnitude, int digits) { return (int)fmin(fmax(digits - 1 - floor(log10(magnitude)), 0.0), 6.0); }

sj_unit sj_unit_for_column(sj_scale scale, double least, double largest) { return sj_unit_for_columns(scale, largest, least, largest); }

sj_unit sj_unit_for_columns(sj_scale scale, double of_unit, double least, double largest) {
    sj_unit unit = sj_unit_for(scale, of_unit);
    const double most = largest / unit.size;
    if (unit.grouped || largest == 0.0) {
        unit.decimals = 0;
    } else if (scale == SJ_SCALE_PER_CENT) {
        unit.decimals = least > 0.0 && least <= 0.05 * unit.size ? (int)fmin(sj_unit_decimals(least / unit.size, 1), 3.0) : 1;
    } else if (most < 1e-3 || most >= 1e9) {
        unit.decimals = SJ_UNIT_FOUR_DIGITS;
    } else {
        const int of_least = sj_unit_decimals(least / unit.size, 2), of_most = sj_unit_decimals(most, 4);
        unit.decimals = of_least <= of_most ? of_most : of_least <= 3 ? of_least : of_most > 3 ? of_most : 3;
    }
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

void sj_unit_format(char text[64], double value, sj_unit unit) {
    const double v = value / unit.size + 0.0, magnitude = fabs(v);  // + 0.0: -0 is shown as 0
    if (isnan(v)) {
        snprintf(text, 64, "-");
    } else if (unit.decimals == SJ_UNIT_FOUR_DIGITS) {
        snprintf(text, 64, v != 0.0 && (magnitude < 1e-3 || magnitude >= 1e4) ? "%.3e" : "%.4g", v);
    } else if (v != 0.0 && magnitude <= 0.5 * pow(10.0, -unit.decimals)) {
        snprintf(text, 64, "%.2g", v);
    } else if (unit.grouped && magnitude < 0x1p63) {
        text[0] = '-';
        sj_count_format(text + (v < 0.0), (uint64_t)round(magnitude));
    } else {
        snprintf(text, 64, magnitude < 1e15 ? "%.*f" : "%.*e", magnitude < 1e15 ? unit.decimals : 3, v);
    }
}
