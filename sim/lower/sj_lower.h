// SPDX-License-Identifier: Apache-2.0
// Lowering: from a trace's layers (or one matrix product) to jobs. Shared by all fidelities; docs/lowering.md says what becomes what.
#ifndef SJ_LOWER_H
#define SJ_LOWER_H

#include <math.h>

#include "sj_accel.h"
#include "sj_job.h"
#include "sj_trace.h"

#ifdef __cplusplus
extern "C" {
#endif

// One product of row-major matrices a (M x K) and b (K x N): sj_bf16 or int8_t as accel->dtype says. They are borrowed until sj_job_free.
sj_status sj_lower_gemm(const sj_accel *accel, int64_t m, int64_t k, int64_t n, const void *a, const void *b, bool array_only, sj_job **out, sj_error *err);

// Maps a product whose a, b, m, n, k, out_bytes and streams 0 (A), 1 (B), 2 (out) are set: fills blocks and segments. The one mapping of all methods and variants.
sj_status sj_map_product(const sj_accel *accel, sj_job *job, sj_error *err);

// One step of a trace. A unit is what a line of the result stands for: a layer in a phase, made of one or more jobs that run one after the other.
typedef struct sj_unit {
    const char *layer;
    sj_kind kind;
    sj_phase phase;
    int layer_index;
} sj_unit;

// Reporting only: share of nonzeros of the operands (in-range values, dropped channels left out) and of the result where it is known; NAN where there is none.
typedef struct sj_densities {
    double a, b, out;
    // What --quantise changed, over the same stored values: shares of nonzeros before (a, b where nothing was quantised), and the values that became zero. Not a method's merit.
    double a_before, b_before;
    int64_t quantised_zeros_a, quantised_zeros_b;
} sj_densities;

static inline sj_densities sj_densities_none(void) {
    const double none = (double)NAN;
    return (sj_densities){none, none, none, none, none, 0, 0};
}

typedef struct sj_lower_options {
    int64_t batch;  // images; the stored images repeat in turn
    bool fuse;      // eval steps: fold batch norm, fuse ReLU and pooling on the output path. false: passes of their own, nothing on the output path
    bool quantise;  // an int8 accelerator takes floating-point tensors, rounded by sj_quantise.h, one scale a tensor over its stored images; without it they are an error
    bool skipped;   // a training step as if GradSamp had skipped it: the update by a sampled step alone, which follows from the network
    struct sj_map_memo *memo;  // mappings found before (sj_map_memo.h), borrowed; NULL: none are kept
} sj_lower_options;

typedef struct sj_lowering sj_lowering;
sj_status sj_lowering_open(sj_trace *trace, int step_index, const sj_accel *accel, const sj_lower_options *options, sj_lowering **out, sj_error *err);
void sj_lowering_close(sj_lowering *l);
int sj_lowering_unit_count(const sj_lowering *l);
const sj_unit *sj_lowering_unit(const sj_lowering *l, int unit);
// Jobs of later calls are for this accelerator, which is borrowed like the one of the open; tensors read so far stay. Its dtype must be that of the one before (SJ_ERR_INTERNAL).
sj_status sj_lowering_set_accel(sj_lowering *l, const sj_accel *accel, sj_error *err);
// Reads the unit's tensors and builds its jobs; valid until the next call on l or its close. Values of tensors stay where they are as long as calls are for the same unit.
sj_status sj_lowering_jobs(sj_lowering *l, int unit, sj_job *const **jobs, int *count, sj_densities *densities, sj_error *err);

#ifdef __cplusplus
}
#endif
#endif
