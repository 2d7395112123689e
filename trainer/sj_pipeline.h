// SPDX-License-Identifier: Apache-2.0
// A thread that prepares the next batches of one epoch while the engine computes. The batches are those of sj_batch_order and sj_batch_train_images, bit for bit, in the order of the
// iterations, whatever the threads do. One consumer.
//
// Use:  sj_batch_alloc(&layout, batch, &input, &labels, err);                     // the buffer that goes in when the first one comes out
//       sj_pipeline_start(&options, &p, err);
//       for (each iteration from options.first_iteration) {
//           SJ_TRY(sj_pipeline_next(p, &input, &labels, err));                     // a full one against the one given
//           sj_model_swap_input(m, &input, &labels);
//           ...
//       }
//       sj_pipeline_stop(p);
#ifndef SJ_PIPELINE_H
#define SJ_PIPELINE_H

#include "sj_batch.h"

#define SJ_PIPELINE_DEPTH_MAX 16

typedef struct sj_pipeline_options {
    const sj_dataset *data;    // stays as it is until the stop
    sj_augment augment;
    sj_layout layout;          // of the batches; dims are the data set's
    int64_t batch;             // images, 1 .. training images; a last, smaller batch is left out
    int depth;                 // batches made ahead, 1 .. SJ_PIPELINE_DEPTH_MAX; 2 where a batch is cheap beside a step
    int64_t epoch;
    int64_t first_iteration;   // within the epoch, below training images / batch: above 0 where a run goes on in the middle of one
} sj_pipeline_options;

typedef struct sj_pipeline sj_pipeline;

// Allocates `depth` batches and starts the thread. Signals stay with the program's other threads.
sj_status sj_pipeline_start(const sj_pipeline_options *options, sj_pipeline **out, sj_error *err);
// Waits for the next batch and exchanges it for the buffers given, which must be of the same size, from sj_batch_alloc or an earlier call, and not NULL: they are filled again, and
// belong to the pipeline from then on. After the epoch's last batch: SJ_ERR_RANGE, nothing exchanged.
sj_status sj_pipeline_next(sj_pipeline *p, void **input, uint16_t **labels, sj_error *err);
// At any time: ends the thread (after at most one batch) and frees what the pipeline holds. NULL is allowed.
void sj_pipeline_stop(sj_pipeline *p);

#endif
