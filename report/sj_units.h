// SPDX-License-Identifier: Apache-2.0
// Numbers for people: one unit a column, as many decimals as its values need.
#ifndef SJ_UNITS_H
#define SJ_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum sj_scale {      // what a number is of, in its base unit
    SJ_SCALE_NONE,           // shown as it is
    SJ_SCALE_PER_CENT,       // of shares: 1 is 100 %
    SJ_SCALE_ENERGY_PJ,      // pJ to GJ
    SJ_SCALE_ENERGY_DELAY_PJ_S,
    SJ_SCALE_CYCLES,         // whole up to 999,999,999, then millions or thousands of millions
    SJ_SCALE_SECONDS,        // ns to h
    SJ_SCALE_AREA_MM2,
    SJ_SCALE_BYTES,          // B to PiB
    SJ_SCALE_COUNT
} sj_scale;

typedef struct sj_unit {
    const char *name;        // "mJ"; "" for plain numbers
    double size;             // of one, in the base unit
    int decimals;            // SJ_UNIT_FOUR_DIGITS: four digits a value, with an exponent where it needs one
    bool grouped;            // whole numbers with a comma every three digits
} sj_unit;
enum { SJ_UNIT_FOUR_DIGITS = -1 };

// The unit in which `largest` (a magnitude) has 1 to 1023 units, if there is one; decimals: 0.
sj_unit sj_unit_for(sj_scale scale, double largest);
// With decimals for a column whose magnitudes go from `least` (the least that is not 0; 0: all are 0) to `largest`: four digits of the largest, two of the least as long as three decimals show them.
// Shares: one decimal, up to three where the least needs them to be told from 0.
sj_unit sj_unit_for_column(sj_scale scale, double least, double largest);
// The same in the unit that suits another magnitude: columns that belong together, as an energy and its low and high ends, share it.
sj_unit sj_unit_for_columns(sj_scale scale, double of_unit, double least, double largest);
// Decimals with which a magnitude shows so many digits: 0 to 6.
int sj_unit_decimals(double magnitude, int digits);
// "-" for NAN. What is not 0 is never shown as 0: where the decimals do not reach, with two digits of its own.
void sj_unit_format(char text[64], double value, sj_unit unit);
void sj_count_format(char text[64], uint64_t count);  // 1,234,567

#ifdef __cplusplus
}
#endif
#endif
