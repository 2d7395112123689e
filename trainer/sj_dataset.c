// SPDX-License-Identifier: Apache-2.0
#include "sj_dataset.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_config.h"
#include "sj_file.h"

static const char *const names[] = {"glyphs", "idx", "mnist", "fashion-mnist", "cifar10"};
enum { NAME_COUNT = sizeof names / sizeof names[0], GLYPHS_TRAIN = 8000, GLYPHS_TEST = 2000, CLASSES = 10 };

static sj_status load_glyphs(const sj_dataset_request *r, sj_dataset *out, sj_error *err) {
    out->dims = (sj_dims){32, 32, 3};
    SJ_TRY(sj_glyphs_make(2 * r->seed, r->train_images > 0 ? r->train_images : GLYPHS_TRAIN, &out->train, err));
    return sj_glyphs_make(2 * r->seed + 1, r->test_images > 0 ? r->test_images : GLYPHS_TEST, &out->test, err);
}

static sj_status load_idx_part(const sj_dataset_request *r, const char *part, int64_t limit, sj_dims *dims, sj_images *out, sj_error *err) {
    char images[4096], labels[4096];
    if ((size_t)snprintf(images, sizeof images, "%s/%s-images-idx3-ubyte", r->dir, part) >= sizeof images) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "data folder: the path is longer than %zu characters", sizeof images);
    }
    (void)snprintf(labels, sizeof labels, "%s/%s-labels-idx1-ubyte", r->dir, part);
    return sj_idx_read(images, labels, limit, dims, out, err);
}

static sj_status load_idx(const sj_dataset_request *r, sj_dataset *out, sj_error *err) {
    sj_dims test_dims;
    SJ_TRY(load_idx_part(r, "train", r->train_images, &out->dims, &out->train, err));
    SJ_TRY(load_idx_part(r, "t10k", r->test_images, &test_dims, &out->test, err));
    if (test_dims.h != out->dims.h || test_dims.w != out->dims.w) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: test images are %lldx%lld, training images %lldx%lld; both must be equal", r->dir, (long long)test_dims.h,
                       (long long)test_dims.w, (long long)out->dims.h, (long long)out->dims.w);
    }
    return SJ_OK;
}

static const char *const cifar_train[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"};
static const char *const cifar_test[] = {"test_batch.bin"};

static sj_status load_cifar(const sj_dataset_request *r, sj_dataset *out, sj_error *err) {
    out->dims = (sj_dims){32, 32, 3};
    SJ_TRY(sj_cifar_read(r->dir, cifar_train, 5, r->train_images, &out->train, err));
    return sj_cifar_read(r->dir, cifar_test, 1, r->test_images, &out->test, err);
}

// Mean and deviation of each channel over the training images, from integer sums: exact in any order.
static void normalise(sj_dataset *d) {
    const int64_t channels = d->dims.c, values = d->train.count * d->dims.h * d->dims.w * channels;
    uint64_t sums[4] = {0}, squares[4] = {0};
    for (int64_t i = 0; i < values; i++) {
        const uint64_t v = d->train.pixels[i];
        sums[i % channels] += v;
        squares[i % channels] += v * v;
    }
    const double count = (double)(values / channels);
    for (int64_t c = 0; c < channels; c++) {
        const double mean = (double)sums[c] / count / 255.0, variance = (double)squares[c] / count / 65025.0 - mean * mean;
        d->mean[c] = (float)mean;
        d->inverse_std[c] = (float)(variance > 1e-8 ? 1.0 / sqrt(variance) : 1.0);
    }
}

// `part` is "training" or "test"; `wanted` images were asked for under `key`.
static sj_status check_images(const sj_dataset *d, const sj_images *images, const char *part, const char *key, int64_t wanted, sj_error *err) {
    if (wanted > images->count) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "%s: %lld; data set %s has %lld %s images (0 takes all)", key, (long long)wanted, d->name, (long long)images->count, part);
    }
    for (int64_t i = 0; i < images->count; i++) {
        if (images->labels[i] >= d->classes) {
            return SJ_FAIL(err, SJ_ERR_FORMAT, "data set %s: label %d of %s image %lld; labels are 0 to %lld", d->name, images->labels[i], part, (long long)i,
                           (long long)d->classes - 1);
        }
    }
    return SJ_OK;
}

static sj_status load(const sj_dataset_request *r, sj_dataset *out, sj_error *err) {
    if (strcmp(r->name, "glyphs") == 0) {
        return r->dir == NULL ? load_glyphs(r, out, err)
                              : SJ_FAIL(err, SJ_ERR_CONFIG, "data set glyphs is drawn by the program and reads no folder; leave out --data or data.dir (%s), or give another data.name",
                                        r->dir);
    }
    if (r->dir == NULL) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "data set %s is read from a folder: give it with --data DIR or data.dir", r->name);
    }
    return strcmp(r->name, "cifar10") == 0 ? load_cifar(r, out, err) : load_idx(r, out, err);
}

static bool is_known(const char *name) {
    for (int i = 0; i < NAME_COUNT; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

sj_status sj_dataset_load(const sj_dataset_request *request, sj_dataset *out, sj_error *err) {
    memset(out, 0, sizeof *out);
    if (!is_known(request->name)) {
        const char *nearest = sj_nearest_name(request->name, names, NAME_COUNT);
        return SJ_FAIL(err, SJ_ERR_CONFIG, "data.name: unknown data set \"%s\"%s%s%s; allowed: glyphs, idx, mnist, fashion-mnist, cifar10", request->name,
                       nearest != NULL ? " (did you mean \"" : "", nearest != NULL ? nearest : "", nearest != NULL ? "\"?)" : "");
    }
    (void)snprintf(out->name, sizeof out->name, "%.*s", SJ_NAME_MAX - 1, request->name);
    out->classes = CLASSES;
    sj_status status = load(request, out, err);
    if (status == SJ_OK) {
        status = check_images(out, &out->train, "training", "data.train_images", request->train_images, err);
    }
    if (status == SJ_OK) {
        status = check_images(out, &out->test, "test", "data.test_images", request->test_images, err);
    }
    if (status != SJ_OK) {
        sj_dataset_free(out);
        return status;
    }
    normalise(out);
    return SJ_OK;
}

bool sj_dataset_file(const char *name, const char *dir, int i, char path[4096]) {
    static const char *const idx[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    if (strcmp(name, "glyphs") == 0) {
        return false;
    }
    const bool cifar = strcmp(name, "cifar10") == 0;
    if (i >= (cifar ? 6 : 4)) {
        return false;
    }
    (void)snprintf(path, 4096, "%s/%s", dir, cifar ? (i < 5 ? cifar_train[i] : cifar_test[0]) : idx[i]);
    if (!cifar && !sj_path_exists(path)) {
        (void)snprintf(path, 4096, "%s/%s.gz", dir, idx[i]);
    }
    return true;
}

void sj_images_free(sj_images *images) {
    free(images->pixels);
    free(images->labels);
    memset(images, 0, sizeof *images);
}

void sj_dataset_free(sj_dataset *d) {
    sj_images_free(&d->train);
    sj_images_free(&d->test);
}
