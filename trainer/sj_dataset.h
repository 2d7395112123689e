// SPDX-License-Identifier: Apache-2.0
// Labelled images in 8 bits, NHWC. Data sets:
//   glyphs        drawn by the program, 32 x 32 x 3, 10 classes
//   idx, mnist, fashion-mnist   a folder with the four IDX files, plain or .gz; 10 classes
//   cifar10       data_batch_1.bin .. data_batch_5.bin and test_batch.bin of the binary version
//   cifar100      train.bin and test.bin of the binary version; the 100 fine labels
//   gtsrb         Final_Training/Images/00000 .. 00042/ (*.ppm, GT-000nn.csv), Final_Test/Images/ (*.ppm) and GT-final_test.csv there or in the folder itself; each image is cut to its
//                 region of interest (columns X1 .. X2 - 1, rows Y1 .. Y2 - 1) and brought to 32 x 32, or to the size asked for
//   png-folder    train/<class>/*.png and test/<class>/*.png; classes in the order of their names' bytes, files too, names with a dot in front left out; all images of one size, or
//                 brought to the size asked for
// Where there is a file an image, training images come from one class after the other in turn, in the order of the files: the first n hold all classes. So do a png-folder's test images;
// gtsrb's stand in the order of their annotation.
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
    int64_t image_h, image_w;  // gtsrb and png-folder: bring all images to this size, 1 to 1024 each; 0, 0: none asked for. Else refused
} sj_dataset_request;

// Names the folder and file, what was met and what is expected.
sj_status sj_dataset_load(const sj_dataset_request *request, sj_dataset *out, sj_error *err);
void sj_dataset_free(sj_dataset *d);
// The i-th file or folder that a data set is read from, as found (".gz"); false when there is none (any more).
bool sj_dataset_file(const char *name, const char *dir, int i, char path[4096]);
// As sj_file_hash; of a folder: over the names and the hashes of all that it holds, in the order of the names' bytes, without names that start with a dot.
sj_status sj_dataset_hash(const char *path, char hex[17], sj_error *err);
// Of what is in memory: sizes, pixels, labels, in their order. For a run that goes on: are these the data that it began with?
uint64_t sj_dataset_fingerprint(const sj_dataset *d);

// The parts, for sj_dataset_load and tests.
// Image i of a glyphs stream: 32 x 32 x 3, label i % 10. Integer and IEEE basic operations only: the same bytes on every machine.
void sj_glyphs_draw(uint64_t seed, int64_t index, uint8_t pixels[32 * 32 * 3]);
sj_status sj_glyphs_make(uint64_t seed, int64_t count, sj_images *out, sj_error *err);
// images: IDX3 of unsigned bytes; labels: IDX1. Paths without ".gz": the plain file, else path.gz.
sj_status sj_idx_read(const char *images_path, const char *labels_path, int64_t limit, sj_dims *dims, sj_images *out, sj_error *err);
// `count` files of kind->records records (labels, the last of which counts, and 3 planes of 32 x 32) each.
typedef struct sj_cifar {
    const char *name;
    int labels, records;  // labels: 1 or 2
} sj_cifar;
sj_status sj_cifar_read(const char *dir, const sj_cifar *kind, const char *const *files, int count, int64_t limit, sj_images *out, sj_error *err);
void sj_images_free(sj_images *images);

#endif
