// SPDX-License-Identifier: Apache-2.0
// DIR/train/<class>/*.png and DIR/test/<class>/*.png; the names of the class folders in the order of their bytes are labels 0, 1, ...
#include <string.h>
#include <strings.h>

#include "sj_picture_list.h"

#define CLASSES_MAX 65536

static sj_status list_class(const char *path, uint16_t label, sj_picture_list *out, sj_error *err) {
    sj_folder files;
    if (!sj_is_folder(path)) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: not a folder; a png-folder has one folder a class there, and nothing else", path);
    }
    SJ_TRY(sj_folder_read(path, &files, err));
    sj_status status = files.count > 0 ? SJ_OK : SJ_FAIL(err, SJ_ERR_FORMAT, "%s: a class without images", path);
    for (int64_t i = 0; i < files.count && status == SJ_OK; i++) {
        char file[4096];
        status = sj_path_make(file, err, "%s/%s", path, files.names[i]);
        const size_t length = strlen(files.names[i]);
        if (status == SJ_OK && (length < 5 || strcasecmp(files.names[i] + length - 4, ".png") != 0)) {
            status = SJ_FAIL(err, SJ_ERR_FORMAT, "%s: the name does not end in .png; a class folder holds PNG images, and nothing else", file);
        }
        if (status == SJ_OK) {
            status = sj_picture_list_add(out, &(sj_listed){.path = file, .label = label}, err);
        }
    }
    sj_folder_free(&files);
    return status;
}

// The class that only one of two sorted lists has; NULL where they are equal.
static const char *odd_one(const sj_folder *a, const sj_folder *b, bool *in_a) {
    for (int64_t i = 0; i < a->count || i < b->count; i++) {
        const int order = i >= a->count ? 1 : i >= b->count ? -1 : strcmp(a->names[i], b->names[i]);
        if (order != 0) {
            *in_a = order < 0;
            return *in_a ? a->names[i] : b->names[i];
        }
    }
    return NULL;
}

static sj_status check_classes(const char *dir, const sj_folder *train, const sj_folder *test, sj_error *err) {
    if (train->count < 2 || train->count > CLASSES_MAX) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s/train: %lld class folders; allowed are 2 to %d", dir, (long long)train->count, CLASSES_MAX);
    }
    bool in_train = false;
    const char *odd = odd_one(train, test, &in_train);
    return odd == NULL ? SJ_OK
                       : SJ_FAIL(err, SJ_ERR_FORMAT, "%s/%s/%s: %s/%s has no class of this name; both must have the same classes", dir, in_train ? "train" : "test", odd, dir,
                                 in_train ? "test" : "train");
}

static sj_status list_classes(const char *dir, const char *part, const sj_folder *classes, sj_picture_list *out, sj_error *err) {
    for (int64_t i = 0; i < classes->count; i++) {
        char path[4096];
        SJ_TRY(sj_path_make(path, err, "%s/%s/%s", dir, part, classes->names[i]));
        SJ_TRY(list_class(path, (uint16_t)i, out, err));
    }
    return sj_picture_list_take_turns(out, classes->count, err);
}

sj_status sj_png_folder_list(const char *dir, bool training, int64_t *classes, sj_picture_list *out, sj_error *err) {
    char train_path[4096], test_path[4096];
    sj_folder train, test;
    SJ_TRY(sj_path_make(train_path, err, "%s/train", dir));
    SJ_TRY(sj_path_make(test_path, err, "%s/test", dir));
    SJ_TRY(sj_folder_read(train_path, &train, err));
    sj_status status = sj_folder_read(test_path, &test, err);
    if (status == SJ_OK) {
        status = check_classes(dir, &train, &test, err);
        if (status == SJ_OK) {
            *classes = train.count;
            status = list_classes(dir, training ? "train" : "test", training ? &train : &test, out, err);
        }
        sj_folder_free(&test);
    }
    sj_folder_free(&train);
    return status;
}
