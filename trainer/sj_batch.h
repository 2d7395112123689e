// SPDX-License-Identifier: Apache-2.0
// Batches: the order of the images, augmentation and normalisation. What a batch holds depends on seed, epoch and image alone: not on threads, on the layout or on what was made before.
#ifndef SJ_BATCH_H
#define SJ_BATCH_H

#include "sj_dataset.h"
#include "sj_layout.h"
#include "sj_model.h"
#include "sj_train_config.h"

typedef struct sj_augment {
    uint64_t seed;
    bool normalise;  // (pixel / 255 - mean) / deviation, a channel; false: pixel / 255
    bool flip;       // mirror at random
    int64_t crop;    // shift by up to this many pixels at random; what comes in is 0
} sj_augment;

static inline sj_augment sj_batch_augment(const sj_train_config *c) { return (sj_augment){c->seed, c->normalise, c->flip, c->crop}; }

// A seeded permutation of 0..count-1, another one each epoch.
void sj_batch_order(uint64_t seed, int64_t epoch, int64_t count, int64_t *order);

// Training images list[0], list[1], ... into out, as `layout` (its dims the data set's) says: bfloat16 is the float rounded to the nearest even; padding channels are 0. On the calling thread.
void sj_batch_train_images(const sj_layout *layout, const sj_dataset *data, const sj_augment *augment, int64_t epoch, const int64_t *list, int64_t count, void *out, uint16_t *labels);
// Test images first, first + 1, ...: neither shifted nor mirrored.
void sj_batch_test_images(const sj_layout *layout, const sj_dataset *data, bool normalise, int64_t first, int64_t count, void *out, uint16_t *labels);

// Memory for `images` images and labels, zeroed; the input lies on a 64-byte boundary. Release both with free().
sj_status sj_batch_alloc(const sj_layout *layout, int64_t images, void **input, uint16_t **labels, sj_error *err);

#endif
