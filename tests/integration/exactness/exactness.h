// SPDX-License-Identifier: Apache-2.0
// Random cases for the exactness rule, the comparison of outcomes, and a count of what the cases met.
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

enum { EXACT_GEMM, EXACT_ARRAY_ONLY, EXACT_FORWARD, EXACT_GRAD_INPUT, EXACT_GRAD_WEIGHT, EXACT_INSTANCES, EXACT_ELEMENTWISE, EXACT_KINDS };
extern const char *const exact_kind_names[EXACT_KINDS];

// shape: NULL (any), or an accelerator whose array (rows, lanes, slots, k_tile, acc_banks, dtype) is kept. kind < 0: random.
exact_case exact_case_make(sj_random *r, const sj_accel *shape, int kind);
void exact_case_free(exact_case *c);
static inline int64_t exact_result_count(const sj_job *j) { return sj_job_instances(j) * j->m * j->n; }

// NULL when equal; else a text that names the first field that differs and both values (static storage).
const char *exact_difference(const sj_outcome *a, const sj_outcome *b);
// One line about the case, for a failure's message (static storage).
const char *exact_describe(const exact_case *c);

// What the cases met, so that a run can be shown to have looked at every class. A class is a name and a count.
enum { EXACT_CLASSES_MAX = 80 };
typedef struct exact_coverage {
    int count;
    struct {
        char name[48];
        int64_t cases;
    } classes[EXACT_CLASSES_MAX];
} exact_coverage;
void exact_count(exact_coverage *v, const char *group, const char *name, bool met);  // adds the class when it is new, also when not met
void exact_cover(exact_coverage *v, const exact_case *c, const sj_outcome *o);
// "coverage <class>: <cases>", a line each: scripts/exactness.sh adds them up over processes.
void exact_print(const exact_coverage *v);

#ifdef __cplusplus
}
#endif
#endif
