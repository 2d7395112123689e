// SPDX-License-Identifier: Apache-2.0
#ifndef NSGA2_INTERNAL_H
#define NSGA2_INTERNAL_H

#include "nsga2.h"

// A point that was handed out, or stands in the generation that is being handed out.
typedef struct sj_met_point {
    uint64_t id;
    bool told, valid;
} sj_met_point;

// A point that selection weighs, by its place among those met.
typedef struct sj_candidate {
    int64_t place;
    int32_t rank;  // INT32_MAX: not valid; every valid one dominates it
    double crowding;
} sj_candidate;

struct sj_nsga2 {
    sj_strategy_options options;
    sj_nsga2_variant variant;
    const sj_space *space;
    uint64_t total;
    sj_random random;
    sj_sobol_points *start;
    sj_id_map places;          // id -> place
    sj_met_point *met;         // [place] in the order of handing out
    double *rows;              // [place][objective]
    int64_t count, room;       // of met
    int64_t handed, told;      // of met, so many
    int64_t born;              // first place of the last generation
    sj_candidate *population;  // best first; room for twice options.population: what selection weighs
    int64_t size;
    int64_t *front;            // places of the points that none met so far dominates
    int64_t front_count;
};

// Of the population and the generation that came of it, the best; and the front of all.
sj_status sj_nsga2_select(sj_nsga2 *n, sj_error *err);
// A point of the next generation that was not met yet. There must be one.
uint64_t sj_nsga2_child(sj_nsga2 *n);

#endif
