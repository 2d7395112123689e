// SPDX-License-Identifier: Apache-2.0
// Inside a lowering: the units of a step and the tensors of the unit at hand.
#ifndef SJ_LOWERING_INTERNAL_H
#define SJ_LOWERING_INTERNAL_H

#include "lower_internal.h"

enum { TENSORS_MAX = 32, JOBS_MAX = 64 };

// A run of layers that one pass (or one product with its output path) does: head, ..., tail.
typedef struct sj_chain {
    int head, tail;
    bool has_bn, has_relu, has_maxpool, has_avgpool;
    int64_t forward_ops;  // vector operations an image
} sj_chain;

typedef struct sj_unit_plan {
    sj_unit unit;
    sj_chain chain;
} sj_unit_plan;

struct sj_lowering {
    sj_trace *trace;
    int step;
    const sj_network *net;
    const sj_accel *accel;
    sj_lower_options options;
    bool train;
    int unit_count;
    sj_unit_plan *units;
    bool *absorbed;       // a layer: done by the chain of an earlier one
    int *consumer_count;  // a layer
    // The unit at hand.
    int tensor_count;
    sj_tensor tensors[TENSORS_MAX];
    int job_count;
    sj_job *jobs[JOBS_MAX];
};

// chains.c
sj_status sj_lowering_plan(sj_lowering *l, sj_error *err);
int sj_lowering_consumer(const sj_lowering *l, int layer, int nth, int *input_index);  // -1 when there are fewer

// tensors.c. A missing or misshapen tensor is an error that names it.
sj_status sj_lowering_tensor(sj_lowering *l, int layer, const char *name, sj_dims dims, const sj_tensor **out, sj_error *err);
sj_status sj_lowering_input(sj_lowering *l, int layer, int index, const sj_tensor **out, sj_error *err);
sj_status sj_lowering_weights(sj_lowering *l, int layer, const sj_tensor **out, sj_error *err);
sj_status sj_lowering_keep(sj_lowering *l, int layer, const sj_tensor **out, sj_error *err);  // NULL when absent
sj_status sj_lowering_dy(sj_lowering *l, int layer, const sj_tensor **out, sj_error *err);
// The layer's output, or the gradient that leaves through its input: values unknown (plain) where the trace does not hold them.
sj_status sj_lowering_output_plane(sj_lowering *l, int layer, sj_plane *out, sj_error *err);
sj_status sj_lowering_dx_plane(sj_lowering *l, int layer, sj_plane *out, sj_error *err);
double sj_tensor_density(const sj_tensor *t, const sj_tensor *keep);  // NAN for NULL
void sj_lowering_release(sj_lowering *l);

// layer_jobs.c
sj_status sj_lowering_product_unit(sj_lowering *l, const sj_unit_plan *u, sj_densities *d, sj_error *err);
sj_status sj_lowering_pass_unit(sj_lowering *l, const sj_unit_plan *u, sj_densities *d, sj_error *err);
sj_status sj_lowering_update_unit(sj_lowering *l, const sj_unit_plan *u, sj_error *err);

#endif
