// SPDX-License-Identifier: Apache-2.0
// Inside a lowering: the units of a step and the tensors of the unit at hand.
#ifndef SJ_LOWERING_INTERNAL_H
#define SJ_LOWERING_INTERNAL_H

#include "lower_internal.h"

enum { TENSORS_MAX = 32 };

// A tensor of the trace in the machine's data type (held.c).
typedef struct sj_held {
    uint64_t id;             // of the stored object: hard links share
    uint64_t used;           // clock of the unit that used it last
    sj_tensor tensor;
    int64_t channels;        // innermost dimension; 1 of a vector
    int64_t *nonzeros;       // a channel
    int64_t *before;         // a channel, before quantising; NULL: nothing was quantised
} sj_held;

typedef struct sj_view {
    sj_tensor tensor;        // shape as the unit sees it; borrowed data
    const sj_held *held;
} sj_view;

// A run of layers that one pass (or one product with its output path) does: head, ..., tail.
typedef struct sj_chain {
    int head, tail;
    bool has_bn, has_relu, has_maxpool, has_avgpool;
    int64_t forward_ops;   // vector operations an image
    int64_t pooled_values; // an image's values in front of the pool
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
    bool train, skipped;  // skipped: a GradSamp step without data
    int unit_count;
    sj_unit_plan *units;
    bool *absorbed;       // a layer: done by the chain of an earlier one
    int *consumer_count;  // a layer
    sj_penalty_kind *penalties;       // a layer: on its output
    sj_penalty_kind input_penalty;    // on the network's input
    int input_reader, input_index;    // the first layer that reads it and with which of its inputs; -1: there is no penalty on it, or nobody reads it
    // The unit at hand.
    uint64_t clock;
    int view_count;
    sj_view views[TENSORS_MAX];
    sj_tensor keep;
    int job_count;
    sj_job *jobs[JOBS_MAX];
    // Tensors of this and of earlier units.
    int held_count, held_room;
    sj_held **held;
    int64_t held_bytes_max;  // of tensors that the unit at hand does not use
    int64_t reads;        // tensors read from the file so far
};

// held.c
sj_status sj_lowering_hold(sj_lowering *l, int layer, const char *name, const sj_held **out, sj_error *err);
void sj_lowering_forget(sj_lowering *l);
sj_status sj_lowering_check_type(const sj_lowering *l, int layer, const char *name, sj_type type, sj_error *err);
sj_status sj_tensor_quantise(sj_tensor *t, sj_error *err);  // bf16 or float32, in place

// chains.c
sj_status sj_lowering_plan(sj_lowering *l, sj_error *err);
// Vector operations of a layer's forward pass on one image. folded: a batch norm that went into the weights before it.
int64_t sj_lowering_forward_ops(const sj_layer_info *l, bool folded);
int sj_lowering_consumer(const sj_lowering *l, int layer, int nth, int *input_index);  // -1 when there are fewer

// penalties.c: operations are those of the batch
sj_status sj_lowering_read_penalties(sj_lowering *l, sj_error *err);
int64_t sj_lowering_value_ops(const sj_lowering *l, int layer);  // of one value of a layer's output, forward
// The terms of all layers of a chain.
typedef struct sj_chain_terms {
    int64_t value_ops, slope_ops;  // forward; backward
    int64_t again_ops;             // backward: outputs that are stored nowhere, computed once more
    bool inside, on_tail;          // there is one on an output that is never stored; on the chain's own
} sj_chain_terms;
sj_chain_terms sj_lowering_chain_terms(const sj_lowering *l, const sj_chain *c);
// The slope of the output of the product in front of a layer, which the layer's backward pass adds to the gradient that it writes; 0: there is none, or another pass adds it.
int64_t sj_lowering_front_ops(const sj_lowering *l, int layer);
// The network's input: in the forward pass of a layer that reads it, or a pass of its own.
int64_t sj_lowering_input_value_ops(const sj_lowering *l, int layer);
bool sj_lowering_needs_input_pass(const sj_lowering *l, int layer);
sj_status sj_lowering_input_pass(sj_lowering *l, int layer, sj_pass pass, sj_densities *d, sj_error *err);
// A product whose output's gradient no pass writes: a pass that reads it and the output, adds the slope and writes it.
bool sj_lowering_needs_slope_pass(const sj_lowering *l, int layer);
sj_status sj_lowering_slope_pass(sj_lowering *l, int layer, sj_pass pass, sj_densities *d, sj_error *err);

// tensors.c
void sj_lowering_input_name(const sj_layer_info *info, int index, char name[16]);  // "x", or "x1" where there are several
// A missing or misshapen tensor is an error that names it.
sj_status sj_lowering_tensor(sj_lowering *l, int layer, const char *name, sj_dims dims, const sj_tensor **out, sj_error *err);
sj_status sj_lowering_input(sj_lowering *l, int layer, int index, const sj_tensor **out, sj_error *err);
sj_status sj_lowering_weights(sj_lowering *l, int layer, const sj_tensor **out, sj_error *err);
sj_status sj_lowering_keep(sj_lowering *l, int layer, const sj_tensor **out, sj_error *err);  // NULL when absent
sj_status sj_lowering_dy(sj_lowering *l, int layer, const sj_tensor **out, sj_error *err);
// The layer's output, or the gradient that leaves through its input: values unknown (plain) where the trace does not hold them.
sj_status sj_lowering_output_plane(sj_lowering *l, int layer, sj_plane *out, sj_error *err);
sj_status sj_lowering_dx_plane(sj_lowering *l, int layer, int input, sj_plane *out, sj_error *err);

typedef struct sj_share {
    double density, before;   // before quantising
    int64_t quantised_zeros;
} sj_share;
sj_share sj_lowering_share(const sj_lowering *l, const sj_tensor *t, const sj_tensor *keep);  // of a tensor of the unit at hand; NAN, NAN, 0 for NULL
sj_densities sj_lowering_densities(const sj_lowering *l, const sj_tensor *a, const sj_tensor *keep_a, const sj_tensor *b, const sj_tensor *keep_b, const sj_tensor *out);
void sj_lowering_release(sj_lowering *l);

// layer_jobs.c: products
sj_status sj_lowering_push(sj_lowering *l, sj_job *job, sj_error *err);  // takes the job, also on failure
bool sj_lowering_feeds_batch_norm(const sj_lowering *l, int layer);
sj_status sj_lowering_product_unit(sj_lowering *l, const sj_unit_plan *u, sj_densities *d, sj_error *err);
// pass_jobs.c
sj_status sj_lowering_push_pass(sj_lowering *l, const sj_pass *pass, sj_error *err);
sj_status sj_lowering_pass_unit(sj_lowering *l, const sj_unit_plan *u, sj_densities *d, sj_error *err);
// update_jobs.c
sj_status sj_lowering_update_unit(sj_lowering *l, const sj_unit_plan *u, sj_error *err);

#endif
