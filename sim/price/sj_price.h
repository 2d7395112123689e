// SPDX-License-Identifier: Apache-2.0
// Pricing: the one function from uint64 counters to energy. docs/energy.md.
#ifndef SJ_PRICE_H
#define SJ_PRICE_H

#include "sj_accel.h"
#include "sj_counters.h"

#ifdef __cplusplus
extern "C" {
#endif

// Components in which energy is reported.
#define SJ_COMPONENTS(X) X(mac) X(acc) X(pads) X(mask) X(codec) X(transpose) X(buffer) X(bus) X(dram) X(vector) X(rng) X(clock) X(leakage)

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
// Reads configs/tech/NAME.cfg (or a path); `overrides` are "PATH=VALUE" with tech. taken off.
sj_status sj_tech_open(const char *path, const char *const *overrides, int override_count, sj_tech **out, sj_error *err);
void sj_tech_close(sj_tech *t);

// Energy per action of each counter for this accelerator and machine (pJ a count), low, typical, high.
typedef struct sj_prices {
    double pj[SJ_COUNTER_COUNT][SJ_BOUND_COUNT];  // order of sj_counter_table
} sj_prices;
sj_status sj_tech_prices(const sj_tech *t, const sj_accel *accel, sj_machine machine, sj_prices *out, sj_error *err);

sj_energy sj_price(const sj_prices *prices, const sj_counters *counts, sj_bound bound);

#ifdef __cplusplus
}
#endif
#endif
