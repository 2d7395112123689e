// SPDX-License-Identifier: Apache-2.0
// A whole run out of synthetic steps: what it takes as far as it can be told before it, without a single trained tensor.
// A synthetic step (sj_synth_untrained of traces/sj_synth.h) has the run's network, batch size, optimizer, penalty and kept channels, and tensors with the zeros that a network of this shape can be expected to have.
#ifndef SJ_SYNTHETIC_RUN_H
#define SJ_SYNTHETIC_RUN_H

#include "sj_synth.h"
#include "sj_trace.h"

#ifdef __cplusplus
extern "C" {
#endif

// Of which steps the run's iterations are made up.
typedef struct sj_synthetic_mix {
    sj_synth_kinds kinds;               // rows of the ledger
    double iterations[SJ_SYNTH_KINDS];  // that count as such a step
    double skipped;                     // iterations of epochs that GradSamp skips
} sj_synthetic_mix;
sj_synthetic_mix sj_synthetic_mix_of(const sj_ledger *l);

// What stands for the steps of one kind. layer_keep: [layers of the ledger], filled and referred to by the result.
sj_synth_options sj_synthetic_options(const sj_ledger *l, const sj_trace_meta *meta, int64_t row, float *layer_keep, const sj_penalty_kind *penalties);

// Which penalty each output bears: of the first training step that notes one, else SJ_PENALTY_NONE. penalties: [1 + layers], the network's input first.
sj_status sj_synthetic_penalties(const sj_trace *t, sj_penalty_kind *penalties, sj_error *err);

#ifdef __cplusplus
}
#endif
#endif
