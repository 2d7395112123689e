// SPDX-License-Identifier: Apache-2.0
// Simulates many machines on the same traces. The loop over layers and phases stands outside, the loop over machines inside: tensors are read and masks packed once for all machines, what follows from an array's
// geometry once for all machines with that geometry, and machines that differ in prices alone are simulated once. Results are those of `skipjoule sim`, to the last bit.
#ifndef SJ_EVALUATE_H
#define SJ_EVALUATE_H

#include "sj_accel.h"
#include "sj_price.h"
#include "sj_selection.h"
#include "sj_sweep_value.h"
#include "sj_trace.h"

typedef struct sj_evaluator sj_evaluator;

typedef struct sj_evaluator_options {
    int trace_count;
    const char *const *traces;  // paths
    const double *weights;      // [trace] > 0
    const char *step;           // as sj_selection_step; NULL: its default
    sj_selection selection;
    int64_t batch;              // of points that set none; 0: the trace's batch size for a training step, an error for an inference
    bool batch_varies;          // every point sets its own batch: none need be said here
    bool fuse, quantise;
    bool (*stopped)(void *context);  // asked between jobs; NULL: never
    void *context;
} sj_evaluator_options;

// A machine to be simulated.
typedef struct sj_eval_point {
    sj_accel accel;
    sj_machine machine;         // the codec is accel.codec
    int64_t batch;              // 0: as the options say
    const sj_prices *prices;    // of this machine; borrowed
    double area_mm2;
} sj_eval_point;

// Opens the traces and checks step, layers and batch. `options` is copied; what it points at must outlive the evaluator.
sj_status sj_evaluator_open(const sj_evaluator_options *options, sj_evaluator **out, sj_error *err);
void sj_evaluator_close(sj_evaluator *e);

// Units of a trace that are simulated, in the order of the results.
int64_t sj_evaluator_unit_count(const sj_evaluator *e, int trace);
const sj_unit *sj_evaluator_unit(const sj_evaluator *e, int trace, int64_t unit);
int64_t sj_evaluator_unit_total(const sj_evaluator *e);  // of all traces
// "resnet18, plain on cifar10: train step 1171, batch 128"
const char *sj_evaluator_describe(const sj_evaluator *e, int trace);

// results[i] of points[i]; id is the caller's and kept, and so is `units`, which must have room for sj_evaluator_unit_total (NULL: not wanted). What a machine cannot do (SJ_ERR_RANGE, SJ_ERR_UNSUPPORTED, SJ_ERR_CONFIG of
// lowering, mapping or timing) makes its point invalid, with the reason; every other error ends the call.
sj_status sj_evaluator_run(sj_evaluator *e, const sj_eval_point *points, int64_t count, sj_point_result *results, sj_error *err);

#endif
