// SPDX-License-Identifier: Apache-2.0
// Sets of objective vectors, all to be minimised. Pure functions over rows of `objectives` doubles.
#ifndef SJ_PARETO_H
#define SJ_PARETO_H

#include <stdbool.h>
#include <stdint.h>

#include "sj_error.h"

// a is no worse in every objective and better in one.
bool sj_dominates(const double *a, const double *b, int objectives);

// front[i]: row i is dominated by none. Equal rows are all on the front. O(n log n) for two objectives.
sj_status sj_pareto_front(const double *rows, int64_t count, int objectives, bool *front, sj_error *err);

// Rank of each row by non-dominated sorting, 0 the front (Deb et al. 2002).
sj_status sj_pareto_ranks(const double *rows, int64_t count, int objectives, int32_t *ranks, sj_error *err);

// Crowding distance of the rows listed in `members` (one front), each objective scaled by its extent among them; infinite at the ends.
sj_status sj_crowding(const double *rows, int objectives, const int64_t *members, int64_t count, double *distance, sj_error *err);

// Volume that the rows dominate below `reference`; rows that are not below it in every objective add nothing. Exact, 1 to 8 objectives.
sj_status sj_hypervolume(const double *rows, int64_t count, int objectives, const double *reference, double *volume, sj_error *err);

#endif
