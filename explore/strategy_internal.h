// SPDX-License-Identifier: Apache-2.0
// What the strategies share: which points were met, numbers without bias, one generator beside the other.
#ifndef STRATEGY_INTERNAL_H
#define STRATEGY_INTERNAL_H

#include "sj_random.h"
#include "sj_strategy.h"

// Ids of points, each with a value of 64 bits. Zeroed: an empty one.
typedef struct sj_id_map {
    uint64_t *keys, *values;  // keys: UINT64_MAX where a slot is free, which no id is
    uint64_t slots, count;    // slots: 0 or a power of two, at least twice count
} sj_id_map;

bool sj_id_map_get(const sj_id_map *m, uint64_t id, uint64_t *value);  // value may be NULL
sj_status sj_id_map_put(sj_id_map *m, uint64_t id, uint64_t value, sj_error *err);
void sj_id_map_free(sj_id_map *m);

// Uniform in [0, bound), bound > 0, without any bias: sj_random_below alone favours some numbers by up to a half where the bound comes near 2^63.
uint64_t sj_strategy_below(sj_random *r, uint64_t bound);

// The first id from `id` on, cyclically, that is not in the map. There must be one.
uint64_t sj_strategy_unmet(const sj_id_map *m, const sj_space *space, uint64_t id);

// Streams of sj_random_stream: what is drawn for one purpose does not depend on how much another draws. The Sobol shifts take one an axis.
enum { SJ_STREAM_DRAWS = 1, SJ_STREAM_EVOLUTION = 2, SJ_STREAM_SHIFTS = 1000 };

// Different points of a shifted Sobol sequence: kind sobol, and how nsga2 starts.
typedef struct sj_sobol_points sj_sobol_points;
sj_status sj_sobol_points_open(const sj_space *space, uint64_t seed, sj_sobol_points **out, sj_error *err);
void sj_sobol_points_close(sj_sobol_points *p);  // NULL is allowed
// There must be a point left.
sj_status sj_sobol_points_next(sj_sobol_points *p, uint64_t *id, sj_error *err);

#endif
