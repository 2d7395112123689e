// SPDX-License-Identifier: Apache-2.0
// What a sweep finds out about a point: the figures that can be objectives or stand in limits.
#ifndef SJ_SWEEP_VALUE_H
#define SJ_SWEEP_VALUE_H

#include <stdbool.h>
#include <stdint.h>

// X(id, unit, meaning). All are sums over the traces, each times its weight, but area_mm2 and edp_pj_s. Every one is better when smaller.
#define SJ_SWEEP_VALUES(X)                                                                                  \
    X(energy_pj, "pJ", "energy, run to completion: dynamic and leakage, typical figures")                   \
    X(energy_low_pj, "pJ", "low end of its interval")                                                       \
    X(energy_high_pj, "pJ", "high end of its interval")                                                     \
    X(cycles, "cycles", "cycles of the machine's clock")                                                    \
    X(seconds, "s", "cycles over the clock")                                                                \
    X(area_mm2, "mm2", "silicon of the machine, typical, DRAM left out")                                    \
    X(edp_pj_s, "pJ s", "energy_pj x seconds")                                                              \
    X(dram_bytes, "bytes", "bytes moved from and to DRAM, whole bursts")

enum {
#define SJ_X(id, unit, meaning) SJ_SWEEP_##id,
    SJ_SWEEP_VALUES(SJ_X)
#undef SJ_X
    SJ_SWEEP_VALUE_COUNT
};
extern const char *const sj_sweep_value_names[SJ_SWEEP_VALUE_COUNT + 1];  // "energy_pj", ..., NULL
extern const char *const sj_sweep_value_units[SJ_SWEEP_VALUE_COUNT];
extern const char *const sj_sweep_value_meanings[SJ_SWEEP_VALUE_COUNT];

// A layer in a phase, on one trace.
typedef struct sj_unit_result {
    uint64_t cycles, dram_bytes;
    double energy_pj;  // typical
} sj_unit_result;

typedef struct sj_point_result {
    uint64_t id;
    bool valid;
    char reason[512];                      // why a point is not valid: the constraint it breaks, or what the machine cannot do; "" where it is
    double values[SJ_SWEEP_VALUE_COUNT];   // 0 where it is not valid, but area_mm2 where that is known
    int64_t unit_count;                    // of all traces, one after the other; 0 where it is not valid
    sj_unit_result *units;                 // owned by whoever made the result
} sj_point_result;

#endif
