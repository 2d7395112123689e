// SPDX-License-Identifier: Apache-2.0
// Which points of a space are looked at, in which order. The same options and results give the same points, in every process that asks: so a sweep is resumed, and shared by processes, by asking again.
//
//   grid     every point, by ascending id
//   random   `points` different ones, uniformly drawn without replacement
//   sobol    `points` different ones of a Sobol sequence with a random digital shift (Joe and Kuo's direction numbers, 2008), a dimension an axis; draws that meet a point again are passed over
//   nsga2    NSGA-II (Deb, Pratap, Agarwal, Meyarivan, IEEE Trans. Evol. Comp. 6(2), 2002) over value indexes; at most `points` different points, invalid ones included
#ifndef SJ_STRATEGY_H
#define SJ_STRATEGY_H

#include "sj_space.h"
#include "sj_sweep_value.h"

typedef enum sj_strategy_kind { SJ_STRATEGY_GRID, SJ_STRATEGY_RANDOM, SJ_STRATEGY_SOBOL, SJ_STRATEGY_NSGA2, SJ_STRATEGY_COUNT } sj_strategy_kind;
extern const char *const sj_strategy_names[SJ_STRATEGY_COUNT + 1];

typedef struct sj_strategy_options {
    sj_strategy_kind kind;
    uint64_t points;       // random, sobol, nsga2: 1..; where the space is smaller, all of it
    uint64_t seed;
    int population;        // nsga2: 4..10000, even
    double crossover;      // nsga2: probability that two parents are mixed, 0..1
    double mutation;       // nsga2: probability that an axis of a child is changed, 0..1; 0: 1 / axes
    int objective_count;   // nsga2: 1..SJ_SWEEP_VALUE_COUNT
    int objectives[SJ_SWEEP_VALUE_COUNT];  // indexes of sj_sweep_value_names
} sj_strategy_options;

// Reads the group "strategy" of a sweep file: kind = "grid" | "random" | "sobol" | "nsga2"; points, seed (1); nsga2: population, crossover (0.9), mutation (1 / axes). A key that the kind does not use is refused.
// Left out: grid. Objectives are set by the caller.
void sj_strategy_read(sj_config *c, sj_strategy_options *out);

typedef struct sj_strategy sj_strategy;
// The space must outlive the strategy. SJ_ERR_RANGE: sobol over more axes than there are direction numbers.
sj_status sj_strategy_open(const sj_strategy_options *options, const sj_space *space, sj_strategy **out, sj_error *err);
void sj_strategy_close(sj_strategy *s);

// The next points, in order; 0 when there are no more. grid, random, sobol: at most `max`. nsga2: a generation's points not yet looked at, at most `max` at a time; once all of a generation are handed out, all of
// them must be told before the next ask (SJ_ERR_INTERNAL). ids: room for max.
sj_status sj_strategy_ask(sj_strategy *s, uint64_t *ids, int64_t max, int64_t *count, sj_error *err);
bool sj_strategy_needs_results(const sj_strategy *s);  // nsga2
// nsga2: the result of a point that was asked for, in any order (the order of telling must not change what follows).
sj_status sj_strategy_tell(sj_strategy *s, const sj_point_result *result, sj_error *err);
// Points of the whole sweep: all of them for grid, else the most there can be.
uint64_t sj_strategy_total(const sj_strategy *s);

#endif
