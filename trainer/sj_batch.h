// SPDX-License-Identifier: Apache-2.0
// Batches: the order of the images, augmentation and normalisation.
#ifndef SJ_BATCH_H
#define SJ_BATCH_H

#include "sj_dataset.h"
#include "sj_model.h"
#include "sj_train_config.h"

// A seeded permutation of 0..count-1, another one each epoch.
void sj_batch_order(uint64_t seed, int64_t epoch, int64_t count, int64_t *order);

// Fills input and labels with `count` images: order[first], order[first+1], ... (order NULL: first, first+1, ...). Training images are augmented as the configuration says.
void sj_batch_fill(sj_model *m, const sj_dataset *data, const sj_train_config *config, bool training, int64_t epoch, const int64_t *order, int64_t first, int64_t count);

#endif
