// SPDX-License-Identifier: Apache-2.0
#ifndef PARETO_INTERNAL_H
#define PARETO_INTERNAL_H

#include "sj_pareto.h"

// SJ_ERR_NUMERIC: a value is NaN or infinite. SJ_ERR_RANGE: no objective. members: the rows meant; NULL: all of the first `count`.
sj_status sj_rows_check(const double *rows, int objectives, const int64_t *members, int64_t count, sj_error *err);

// Positions 0..count-1, of members or else of rows, sorted ascending by objective `first`, then by those behind it and, cyclically, before it, then by position. order: room for count.
void sj_rows_order(const double *rows, int objectives, const int64_t *members, int64_t count, int first, int64_t *order);

#endif
