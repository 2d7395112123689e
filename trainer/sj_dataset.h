// SPDX-License-Identifier: Apache-2.0
// Labelled images in 8 bits, NHWC. Data sets: "glyphs" (drawn by the program), "idx", "mnist", "fashion-mnist" (a folder with the four IDX files, plain or .gz),
// "cifar10" (a folder with the binary batches).
#ifndef SJ_DATASET_H
#define SJ_DATASET_H

#include <stdbool.h>
#include <stdint.h>

#include "sj_error.h"
#include "sj_trace.h"

typedef struct sj_images {
    int64_t count;
    uint8_t *pixels;  // (count, H, W, C)
    uint16_t *labels; // (count), each below classes
} sj_images;

typedef struct sj_dataset {
    char name[SJ_NAME_MAX];
    sj_dims dims;
    int64_t classes;
    sj_images train, test;
    float mean[4], inverse_std[4];  // of the training pixels / 255, a channel; at most 4 channels
} sj_dataset;

typedef struct sj_dataset_request {
    const char *name;
    const char *dir;        // folder of the files; NULL for glyphs, where a folder is refused
    int64_t train_images;   // 0: all (glyphs: 8000); else the first ones; more than there are is refused
    int64_t test_images;    // 0: all (glyphs: 2000)
    uint64_t seed;          // glyphs: what is drawn
} sj_dataset_request;

// Names the folder and file, what was met and what is expected.
sj_status sj_dataset_load(const sj_dataset_request *request, sj_dataset *out, sj_error *err);
void sj_dataset_free(sj_dataset *d);
// Path of the i-th file that a data set is read from, as found (".gz"); false when there is none (any more).
bool sj_dataset_file(const char *name, const char *dir, int i, char path[4096]);

// The parts, for sj_dataset_load and tests.
// Image i of a glyphs stream: 32 x 32 x 3, label i % 10. Integer and IEEE basic operations only: the same bytes on every machine.
void sj_glyphs_draw(uint64_t seed, int64_t index, uint8_t pixels[32 * 32 * 3]);
sj_status sj_glyphs_make(uint64_t seed, int64_t count, sj_images *out, sj_error *err);
// images: IDX3 of unsigned bytes; labels: IDX1. Paths without ".gz": the plain file, else path.gz.
sj_status sj_idx_read(const char *images_path, const char *labels_path, int64_t limit, sj_dims *dims, sj_images *out, sj_error *err);
// `count` files of 10000 records (label, 3 planes of 32 x 32) each.
sj_status sj_cifar_read(const char *dir, const char *const *files, int count, int64_t limit, sj_images *out, sj_error *err);
void sj_images_free(sj_images *images);

#endif
