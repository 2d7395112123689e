// SPDX-License-Identifier: Apache-2.0
// A step of a model into a trace (traces/FORMAT.md), and its row in the ledger.
#ifndef SJ_EXPORT_H
#define SJ_EXPORT_H

#include "sj_model.h"

typedef struct sj_export {
    sj_trace_writer *writer;
    sj_type type;              // of x, w and dy; per-channel parameters are always float32
    int64_t image_count;
    const int64_t *images;     // which images of the batch are stored, ascending
    const sj_eat *eat;         // whose penalty a training step bears; NULL: none
} sj_export;

// Chooses `count` of `batch` images, ascending.
void sj_export_choose(uint64_t seed, uint64_t stream, int64_t batch, int64_t count, int64_t *images);

// Everything the step's kinds need; call after forward (eval) or backward (train), before the update. `images`: of the batch, for the full batch's counts.
sj_status sj_export_step(const sj_export *e, sj_model *m, const sj_step_info *step, int64_t images, sj_error *err);

// A step that GradSamp skipped: the weights of conv and linear layers as they are now, and nothing else.
sj_status sj_export_skipped(const sj_export *e, sj_model *m, const sj_step_info *step, sj_error *err);

// Densities of the whole batch: nonzero once rounded to bfloat16, as the last step counted them (options.count). Arrays of layer_count; NaN where a layer has no such tensor.
typedef struct sj_batch_density {
    float *x, *dy, *kept;
} sj_batch_density;
void sj_measure_density(const sj_model *m, const sj_batch_density *out);

#endif
