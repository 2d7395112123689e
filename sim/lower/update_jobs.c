// SPDX-License-Identifier: Apache-2.0
// What a training step does to the parameters. docs/lowering.md, "The update".
#include "lowering_internal.h"

typedef struct rule {
    int64_t read_bytes, written_bytes;  // a parameter, fp32
    int64_t operations;                 // a parameter
    int64_t samples;
} rule;

// sgd: decay (multiply, add), momentum (multiply, add; Nesterov's look ahead is the same sum in another order), step (multiply, subtract).
static const rule sgd = {12, 8, 6, 0};
// adam: decay (multiply, add), m (two multiplies, add), v (three multiplies, add), root, + eps, divide, step (multiply, subtract). Both bias corrections are in the step's factor.
static const rule adam = {16, 12, 14, 0};
// gradsamp's skipped iteration: w + mu + s * sample (multiply, add: mu stands in the sample's mean).
static const rule sample = {4, 4, 2, 1};

static const rule *rule_of(const sj_lowering *l) {
    if (l->skipped) {
        return &sample;
    }
    return sj_trace_get_meta(l->trace)->optimizer == SJ_OPTIMIZER_ADAM ? &adam : &sgd;
}

// Weights go out in both layouts as well, each with a conversion: for forward, and rotated for grad_input.
sj_status sj_lowering_update_unit(sj_lowering *l, const sj_unit_plan *u, sj_error *err) {
    const sj_layer_info *info = &l->net->layers[u->unit.layer_index];
    const rule *r = rule_of(l);
    const bool batch_norm = info->kind == SJ_KIND_BN;
    const int64_t weights = batch_norm ? 0 : info->out.c * info->kernel_h * info->kernel_w * (info->in.c / info->groups);
    const int64_t parameters = batch_norm ? 2 * info->out.c : weights + (info->has_bias ? info->out.c : 0);
    const sj_pass pass = {.layer = u->unit.layer,
                          .phase = SJ_PHASE_UPDATE,
                          .batch = l->options.batch,
                          .raw_read_bytes = r->read_bytes * parameters,
                          .raw_written_bytes = r->written_bytes * parameters + 2 * sj_accel_value_bytes(l->accel) * weights,
                          .vector_ops = r->operations * parameters + 2 * weights,
                          .rng_samples = r->samples * parameters};
    return sj_lowering_push_pass(l, &pass, err);
}
