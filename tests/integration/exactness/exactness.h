// SPDX-License-Identifier: Apache-2.0
// Random cases for the exactness rule, and the comparison of outcomes.
#ifndef EXACTNESS_H
#define EXACTNESS_H

#include "lower_internal.h"
#include "sj_counters.h"
#include "sj_test.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct exact_case {
    sj_accel accel;
    sj_variant variant;
    int kind;  // EXACT_GEMM, ...
    sj_job *job;
    void *storage;
} exact_case;

enum { EXACT_GEMM, EXACT_ARRAY_ONLY, EXACT_FORWARD, EXACT_GRAD_INPUT, EXACT_GRAD_WEIGHT, EXACT_ELEMENTWISE, EXACT_KINDS };
extern const char *const exact_kind_names[EXACT_KINDS];

// shape: NULL (any), or an accelerator whose array (rows, lanes, slots, k_tile, acc_banks, dtype) is kept. kind < 0: random.
exact_case exact_case_make(sj_random *r, const sj_accel *shape, int kind);
void exact_case_free(exact_case *c);

// NULL when equal; else a text that names the first field that differs and both values (static storage).
const char *exact_difference(const sj_outcome *a, const sj_outcome *b);
// One line about the case, for a failure's message (static storage).
const char *exact_describe(const exact_case *c);

// What the cases met, so that a run can be shown to have looked at every class.
typedef struct exact_coverage {
    int64_t cases, kinds[EXACT_KINDS], machines[3], codecs[2], bounds[5];
    int64_t k_split, m_tails, n_tails, k_tails, empty, k_zero, many_blocks, dropped;
} exact_coverage;
void exact_cover(exact_coverage *v, const exact_case *c, const sj_outcome *o);
void exact_print(const exact_coverage *v);

#ifdef __cplusplus
}
#endif
#endif
