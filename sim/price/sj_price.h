// SPDX-License-Identifier: Apache-2.0
// Pricing: the one function from uint64 counters to energy. docs/energy.md.
#ifndef SJ_PRICE_H
#define SJ_PRICE_H

#include "sj_accel.h"
#include "sj_counters.h"

#ifdef __cplusplus
extern "C" {
#endif

// Components in which energy is reported. dram: rows opened and bursts moved; dram_standby: background and refresh, which pass with time.
#define SJ_COMPONENTS(X) X(mac) X(acc) X(pads) X(mask) X(codec) X(transpose) X(buffer) X(bus) X(dram) X(dram_standby) X(vector) X(rng) X(clock) X(leakage)

enum {
#define SJ_X(id) SJ_COMPONENT_##id,
    SJ_COMPONENTS(SJ_X)
#undef SJ_X
    SJ_COMPONENT_COUNT
};
extern const char *const sj_component_names[SJ_COMPONENT_COUNT];

typedef enum sj_bound { SJ_LOW, SJ_TYPICAL, SJ_HIGH, SJ_BOUND_COUNT } sj_bound;

typedef struct sj_energy {
    double component_pj[SJ_COMPONENT_COUNT];
    double total_pj;  // the sum of the components, in their order
} sj_energy;

typedef struct sj_tech sj_tech;
// Reads a tech file; `overrides` are "PATH=VALUE" with tech. taken off. Every entry is { low, typical, high, unit, source } and optionally group: a negative or
// unordered number, another unit than the entry's own, an empty source, a group that is no name, and unknown keys are SJ_ERR_CONFIG, each with its line.
sj_status sj_tech_open(const char *path, const char *const *overrides, int override_count, sj_tech **out, sj_error *err);
void sj_tech_close(sj_tech *t);  // NULL is allowed
const char *sj_tech_name(const sj_tech *t);
const char *sj_tech_text(const sj_tech *t);  // the file with its overrides applied, as libconfig text

// Sources of error: a tech file's groups, whose entries are wrong together, and its entries without a group, each by itself. docs/energy.md section 1.
#define SJ_SOURCE_MAX 48  // no fewer than entries, one DRAM type's among them
#define SJ_SOURCE_NAME 32

// Energy per action of each counter for this accelerator and machine.
typedef struct sj_prices {
    double pj[SJ_COUNTER_COUNT][SJ_BOUND_COUNT];  // pJ a count, order of sj_counter_table; SJ_LOW, SJ_HIGH: with every figure of the file at that end
    int source_count;                             // the same sources in the same order on all machines
    char source_names[SJ_SOURCE_MAX][SJ_SOURCE_NAME];
    double deviation_pj[SJ_SOURCE_MAX][SJ_COUNTER_COUNT][2];  // what the typical price changes by when this source alone is low [0], high [1]
} sj_prices;
// SJ_ERR_UNSUPPORTED when the tech file has no entries for the accelerator's DRAM, or knows no SRAM as large or as fast as one of the machine's arrays.
sj_status sj_tech_prices(const sj_tech *t, const sj_accel *accel, sj_machine machine, sj_prices *out, sj_error *err);

// The names of the tech file's entries that each counter's price depends on, as "buffer.read": "sram_energy, sram_area, wire". Found by changing each entry in turn, so true by construction.
#define SJ_ENTRIES_MAX 256
typedef struct sj_price_entries {
    char of[SJ_COUNTER_COUNT][SJ_ENTRIES_MAX];  // order of sj_counter_table; "" where the machine pays nothing for it
} sj_price_entries;
// SJ_ERR_UNSUPPORTED as sj_tech_prices.
sj_status sj_tech_price_entries(const sj_tech *t, const sj_accel *accel, sj_machine machine, sj_price_entries *out, sj_error *err);

// What the prices are derived from: silicon and wires of one machine, by the typical figures. docs/energy.md section 3.
typedef struct sj_floorplan {
    double buffer_mm2, mask_plane_mm2;  // the plane, on skip alone, is a part of buffer_mm2
    double pe_mm2, regfile_mm2, scan_mm2, mask_register_mm2, array_mm2;  // array_mm2: the sum of those before it; scan and mask registers on skip alone
    double transposer_mm2, vector_mm2;
    double store_leakage_mw;  // of all SRAM arrays
    double buffer_wire_mm, a_wire_mm, b_wire_mm, o_wire_mm;  // mean length a bit travels
    double clock_tree_mm;  // all its branches, down to the PEs
} sj_floorplan;
sj_floorplan sj_tech_floorplan(const sj_tech *t, const sj_accel *accel, sj_machine machine);

// Silicon of a machine, by what it is for. mask_plane, mask_registers, scan: on skip alone. regfile: pads and accumulators. DRAM is another chip; control, the codecs and wires have no area
// (docs/energy.md section 3).
#define SJ_AREAS(X) X(buffer) X(mask_plane) X(pe) X(regfile) X(mask_registers) X(scan) X(transposer) X(vector)

enum {
#define SJ_X(id) SJ_AREA_##id,
    SJ_AREAS(SJ_X)
#undef SJ_X
    SJ_AREA_COUNT
};
extern const char *const sj_area_names[SJ_AREA_COUNT];

typedef struct sj_area {
    double component_mm2[SJ_AREA_COUNT];  // typical
    double total_mm2[SJ_BOUND_COUNT];     // low, high: all areas of the file at that end
} sj_area;
sj_area sj_tech_area(const sj_tech *t, const sj_accel *accel, sj_machine machine);

// What an energy changes by when one source of error alone is at an end: [source][component][0 low, 1 high], pJ. It adds up over layers, as counts do; intervals do not.
typedef struct sj_spread {
    double pj[SJ_SOURCE_MAX][SJ_COMPONENT_COUNT][2];
} sj_spread;
void sj_price_spread(const sj_prices *prices, const sj_counters *counts, sj_spread *out);

// SJ_TYPICAL: the sum of count x price. SJ_LOW, SJ_HIGH: the ends of its interval, sj_energy_end of the same counts.
sj_energy sj_price(const sj_prices *prices, const sj_counters *counts, sj_bound bound);
// The low or high end: the total is off by the root of the sum of the sources' squared deviations; a component by its part in that, so that components sum to the total here, too. None falls below zero.
sj_energy sj_energy_end(const sj_energy *typical, const sj_spread *spread, sj_bound bound);
// The component that a counter's energy belongs to: an index of sj_component_names.
int sj_counter_component(int counter);

#ifdef __cplusplus
}
#endif
#endif
