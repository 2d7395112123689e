// SPDX-License-Identifier: Apache-2.0
// The engine behind kind nsga2; nsga2.c says what it does.
#ifndef NSGA2_H
#define NSGA2_H

#include "strategy_internal.h"

// What is done beyond the paper; each can be left out, to measure what it is worth.
typedef struct sj_nsga2_variant {
    bool sobol;         // the first generation is of a Sobol sequence; else random
    double neighbours;  // probability that a child is a neighbour of the front of all points so far
} sj_nsga2_variant;
extern const sj_nsga2_variant sj_nsga2_usual, sj_nsga2_plain;

typedef struct sj_nsga2 sj_nsga2;
// total: points to be asked for, at most the size of the space.
sj_status sj_nsga2_open(const sj_strategy_options *options, const sj_space *space, uint64_t total, const sj_nsga2_variant *variant, sj_nsga2 **out, sj_error *err);
void sj_nsga2_close(sj_nsga2 *n);  // NULL is allowed
// As sj_strategy_ask and sj_strategy_tell.
sj_status sj_nsga2_ask(sj_nsga2 *n, uint64_t *ids, int64_t max, int64_t *count, sj_error *err);
sj_status sj_nsga2_tell(sj_nsga2 *n, const sj_point_result *result, sj_error *err);

#endif
