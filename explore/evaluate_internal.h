// SPDX-License-Identifier: Apache-2.0
// Inside of the evaluator only.
#ifndef SJ_EVALUATE_INTERNAL_H
#define SJ_EVALUATE_INTERNAL_H

#include "sj_evaluate.h"
#include "sj_fast_shared.h"
#include "sj_lower.h"
#include "sj_map_memo.h"
#include "sj_stats.h"

typedef struct eval_unit {
    sj_unit unit;  // its names live as long as the trace
    int index;     // among the units of a lowering
} eval_unit;

typedef struct eval_trace {
    sj_trace *trace;
    int step;
    int64_t batch, unit_count;
    eval_unit *units;
    char describe[256];
} eval_trace;

struct sj_evaluator {
    sj_evaluator_options options;
    eval_trace *traces;
    sj_fast_shared *shared;
    sj_map_memo *memo;
    // The lowering of the last group: with one trace the next call finds its tensors in memory.
    sj_lowering *lowering;
    const eval_trace *lowering_of;
    int64_t lowering_batch;
    sj_dtype lowering_dtype;
    sj_accel resting;  // what it is for between two calls, whose machines are gone
};

// Points with equal cycles and counters: they differ in prices alone, or (dense and gate) in the name of a counter.
typedef struct eval_timing {
    const sj_eval_point *point;  // one of them
    int64_t batch;
    bool failed;
    sj_stat stat;                // of the unit at hand, as gate counts where the machine does not skip
} eval_timing;

// Orders machines so that those that share most stand side by side; 0: the same cycles and counters.
int sj_eval_compare_timing(const sj_eval_point *a, int64_t batch_a, const sj_eval_point *b, int64_t batch_b);

#endif
