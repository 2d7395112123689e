// SPDX-License-Identifier: Apache-2.0
// Data sets of one file an image: which files, in which order, and their decoding into one block of memory. For sj_dataset.c and its parts.
#ifndef SJ_PICTURE_LIST_H
#define SJ_PICTURE_LIST_H

#include <stdbool.h>

#include "sj_dataset.h"
#include "sj_picture.h"

typedef struct sj_listed {
    char *path;
    uint16_t label;
    int64_t w, h;   // as an annotation says; 0: none
    sj_box box;     // what to cut out, with an annotation
} sj_listed;

typedef struct sj_picture_list {
    int64_t count, capacity;
    sj_listed *items;
} sj_picture_list;

// Copies the item and its path.
sj_status sj_picture_list_add(sj_picture_list *list, const sj_listed *item, sj_error *err);
// From label after label to one of each label in turn, as long as there are any: so the first n images hold all classes.
sj_status sj_picture_list_take_turns(sj_picture_list *list, int64_t classes, sj_error *err);
void sj_picture_list_free(sj_picture_list *list);

typedef sj_status sj_picture_reader(const char *path, sj_picture *out, sj_error *err);
// Reads the first `limit` (0: all) pictures. dims->c = 0: the first picture says what dims are (with `resize`: c alone). `resize`: each is brought to dims->h, w; else all must have them.
// Of several faults the first picture's is told.
sj_status sj_picture_list_load(const sj_picture_list *list, sj_picture_reader *read, int64_t limit, bool resize, sj_dims *dims, sj_images *out, sj_error *err);

// Entries of a folder in the order of their bytes; names that start with a dot are left out.
typedef struct sj_folder {
    int64_t count;
    char **names;
} sj_folder;
sj_status sj_folder_read(const char *path, sj_folder *out, sj_error *err);
void sj_folder_free(sj_folder *folder);
bool sj_is_folder(const char *path);
// snprintf that refuses what does not fit.
sj_status sj_path_make(char path[4096], sj_error *err, const char *format, ...) __attribute__((format(printf, 3, 4)));

// The listings. 43 classes; the test images' annotation lies in dir, else beside them.
#define SJ_GTSRB_TEST "GT-final_test.csv"
sj_status sj_gtsrb_list(const char *dir, bool training, sj_picture_list *out, sj_error *err);
// dir/train or dir/test: <class>/*.png; both must have the same classes.
sj_status sj_png_folder_list(const char *dir, bool training, int64_t *classes, sj_picture_list *out, sj_error *err);

#endif
