// SPDX-License-Identifier: Apache-2.0
// What stands in for the simulator: grids of 4,096 points with formulas that have a machine's character. Objectives: energy_pj, cycles, area_mm2, the first two or all.
#ifndef NSGA2_STANDINS_H
#define NSGA2_STANDINS_H

#include <math.h>

#include "sj_random.h"
#include "sj_space.h"

enum { GRID = 4096 };

typedef struct standin {
    const char *name;
    int axes, values[12];
    unsigned categorical;  // a bit an axis
    int objectives;
    bool (*evaluate)(const int32_t *index, double figures[3]);  // false: not valid
} standin;

typedef struct machine {
    double rows, lanes, slots, k_tile, buffer_kib, banks, vector_lanes;
    int dram;
} machine;

// Five products of a small CNN on an array with zero skipping: cycles of whole tiles, a pipeline to fill, bank conflicts; DRAM traffic by what the buffer holds; energy of MACs,
// buffer, DRAM and of leaking on.
static inline void run(const machine *m, double figures[3]) {
    static const double products[5][4] = {{3136, 64, 576, 0.55}, {784, 128, 1152, 0.45}, {196, 256, 2304, 0.35}, {49, 512, 4608, 0.3}, {1, 1000, 512, 0.5}};  // m, n, k, part of operands not zero
    static const double bytes_per_cycle[8] = {3, 5, 8, 12, 16, 20, 26, 32}, byte_pj[8] = {5, 16, 14, 11, 9, 12, 7, 6}, idle_pj[8] = {4, 8, 16, 25, 40, 36, 80, 140};
    const double area = m->rows * m->lanes * (0.0009 + 0.0005 * m->slots) + m->buffer_kib * 0.004 + m->banks * 0.012 + m->vector_lanes * 0.003;
    double energy = 0.0, cycles = 0.0;
    for (int i = 0; i < 5; i++) {
        const double *p = products[i], macs = p[0] * p[1] * p[2], room = m->buffer_kib * 512.0;
        const double faster = fmin(1.0 + 0.7 * (m->slots - 1.0), 1.0 / (p[3] + 0.15));
        const double conflicts = 1.0 + 0.3 * fmax(0.0, m->lanes / (m->banks * 4.0) - 1.0);
        const double tiles = ceil(p[0] / m->rows) * ceil(p[1] / m->lanes) * ceil(p[2] / m->k_tile);
        const double compute = tiles * (m->k_tile * conflicts / faster + 4.0) + p[0] * p[1] / m->vector_lanes;
        const double a = p[0] * p[2] * 0.4, b = p[1] * p[2] * 2.0, passes = fmin(ceil(a / room), ceil(b / room));
        const double traffic = a + b + (passes - 1.0) * fmin(a, b) + p[0] * p[1] * 2.0;
        const double t = fmax(compute, traffic / bytes_per_cycle[m->dram]);
        const double reads = macs / m->lanes + macs / m->rows;
        const double mac_pj = 0.6 + 0.12 * m->slots * m->slots + 0.02 * (m->rows + m->lanes) + 0.01 * m->banks;
        energy += macs * p[3] * mac_pj + reads * (0.5 + 0.09 * sqrt(m->buffer_kib)) + traffic * byte_pj[m->dram] + t * (area * 14.0 + idle_pj[m->dram]);
        cycles += t;
    }
    figures[0] = energy;
    figures[1] = cycles;
    figures[2] = area;
}

// Six axes of four values.
static inline machine array_of(const int32_t *i) {
    return (machine){.rows = 4 << i[0], .lanes = 4 << i[1], .slots = i[2] + 1, .k_tile = 64, .buffer_kib = 32 << i[3], .dram = 2 * i[4], .banks = 4, .vector_lanes = 4 << i[5]};
}

static inline bool run_array(const int32_t *i, double figures[3]) {
    const machine m = array_of(i);
    run(&m, figures);
    return true;
}

// A third of the points too large, or with operands that the buffer does not hold.
static inline bool run_limited(const int32_t *i, double figures[3]) {
    const machine m = array_of(i);
    run(&m, figures);
    return figures[2] <= 1.8 && (m.rows + m.lanes) * m.slots <= m.buffer_kib * 1.2;
}

// Five axes, of 8, 4, 4, 8 and 4 values.
static inline bool run_mixed(const int32_t *i, double figures[3]) {
    const machine m = {.rows = 4 * (i[0] + 1), .lanes = 8 << i[1], .slots = i[2] + 1, .k_tile = 64, .buffer_kib = 24 + 40 * i[3], .dram = 3, .banks = 4 << i[4], .vector_lanes = 16};
    run(&m, figures);
    return true;
}

// Four axes of eight values, rows and lanes not powers of two: tiles that fit badly.
static inline bool run_tiles(const int32_t *i, double figures[3]) {
    static const double k_tiles[8] = {8, 16, 24, 32, 48, 64, 96, 128};
    const machine m = {.rows = 3 * (i[0] + 1), .lanes = 5 * (i[1] + 1), .slots = 2, .k_tile = k_tiles[i[2]], .buffer_kib = 128, .dram = i[3], .banks = 8, .vector_lanes = 16};
    run(&m, figures);
    return true;
}

static inline double chance(uint64_t a, uint64_t b) {
    sj_random r = sj_random_stream(a, b);
    return sj_random_unit(&r);
}

// Products of effects, in which every axis pulls energy and cycles apart, bends, and changes what every other one does; a categorical one at random.
static inline void entangle(uint64_t key, int axes, const int *values, unsigned categorical, const int32_t *index, double figures[3]) {
    for (uint64_t j = 0; j < 3; j++) {
        double sum = 0.0;
        for (int a = 0; a < axes; a++) {
            const uint64_t own = key + 100 * (uint64_t)a;
            const double t = (double)index[a] / (values[a] - 1);
            const double pull = (chance(own, 1) < 0.5) == (j == 0) ? 1.0 : -1.0;
            if (((categorical >> a) & 1u) != 0) {
                sum += 1.2 * (chance(own, 1000 + 10 * (uint64_t)index[a] + j) - 0.5);
            } else {
                sum += pull * t * (0.3 + 1.2 * chance(own, 10 + j)) + 2.5 * (t - 0.5) * (t - 0.5) * (chance(own, 20 + j) - 0.3);
            }
            for (int b = a + 1; b < axes; b++) {
                const double u = (double)index[b] / (values[b] - 1);
                sum += 2.0 * (t - 0.5) * (u - 0.5) * (chance(own + (uint64_t)b + 1, 30 + j) - 0.5);
            }
        }
        figures[j] = 1e6 * exp(sum);
    }
}

static inline bool run_entangled(const int32_t *i, double figures[3]) {
    entangle(70000, 6, (const int[]){4, 4, 4, 4, 4, 4}, 1u << 4, i, figures);
    return true;
}

static inline bool run_switches(const int32_t *i, double figures[3]) {
    entangle(80000, 12, (const int[]){2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2}, 0, i, figures);
    return true;
}

// A third of the combinations of the first two axes is not valid, in stripes.
static inline bool run_stripes(const int32_t *i, double figures[3]) {
    entangle(90000, 5, (const int[]){8, 4, 4, 8, 4}, 1u << 2, i, figures);
    return (i[0] + i[1]) % 3 != 0;
}

static const standin standins[] = {
    {"array", 6, {4, 4, 4, 4, 4, 4}, 1u << 4, 2, run_array},
    {"array, 3 objectives", 6, {4, 4, 4, 4, 4, 4}, 1u << 4, 3, run_array},
    {"array, a third invalid", 6, {4, 4, 4, 4, 4, 4}, 1u << 4, 2, run_limited},
    {"the same, 3 objectives", 6, {4, 4, 4, 4, 4, 4}, 1u << 4, 3, run_limited},
    {"8 x 4 x 4 x 8 x 4", 5, {8, 4, 4, 8, 4}, 0, 2, run_mixed},
    {"the same, 3 objectives", 5, {8, 4, 4, 8, 4}, 0, 3, run_mixed},
    {"8^4, odd tiles", 4, {8, 8, 8, 8}, 1u << 3, 2, run_tiles},
    {"the same, 3 objectives", 4, {8, 8, 8, 8}, 1u << 3, 3, run_tiles},
    {"entangled", 6, {4, 4, 4, 4, 4, 4}, 1u << 4, 2, run_entangled},
    {"entangled, 2^12", 12, {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2}, 0, 2, run_switches},
    {"entangled, stripes", 5, {8, 4, 4, 8, 4}, 1u << 2, 2, run_stripes},
    {"the same, 3 objectives", 5, {8, 4, 4, 8, 4}, 1u << 2, 3, run_stripes},
};
enum { STANDINS = sizeof standins / sizeof *standins };

static inline sj_space space_of(const standin *s) {
    sj_space space = {.axis_count = s->axes, .size = 1};
    for (int i = 0; i < s->axes; i++) {
        space.axes[i].value_count = s->values[i];
        space.axes[i].numeric = ((s->categorical >> i) & 1u) == 0;
        space.size *= (uint64_t)s->values[i];
    }
    return space;
}

#endif
