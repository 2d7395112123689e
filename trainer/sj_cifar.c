// SPDX-License-Identifier: Apache-2.0
// CIFAR, binary versions: records of the labels (CIFAR-10: one; CIFAR-100: coarse, fine) and three planes (red, green, blue) of 32 x 32 bytes.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sj_dataset.h"
#include "sj_file.h"

enum { SIDE = 32, PLANE = SIDE * SIDE, CHANNELS = 3, PIXELS = CHANNELS * PLANE, LABELS_MAX = 2 };

static void take_planes(const uint8_t *planes, uint8_t *pixels) {
    for (int i = 0; i < PLANE; i++) {
        for (int c = 0; c < CHANNELS; c++) {
            pixels[i * CHANNELS + c] = planes[c * PLANE + i];
        }
    }
}

static sj_status read_records(FILE *f, const char *path, const sj_cifar *kind, sj_images *out, int64_t first, sj_error *err) {
    const size_t record_bytes = (size_t)kind->labels + PIXELS;
    const long expected = (long)record_bytes * kind->records;
    if (fseek(f, 0, SEEK_END) != 0) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot seek: %s", path, strerror(errno));
    }
    struct stat info;
    if (fstat(fileno(f), &info) == 0 && S_ISDIR(info.st_mode)) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: a folder, not a file", path);
    }
    const long bytes = ftell(f);
    if (bytes != expected) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: %ld bytes; this file of %s has %ld (%d records of %zu)", path, bytes, kind->name, expected, kind->records, record_bytes);
    }
    rewind(f);
    uint8_t record[LABELS_MAX + PIXELS];
    for (int64_t i = first; i < first + kind->records && i < out->count; i++) {
        if (fread(record, 1, record_bytes, f) != record_bytes) {
            return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot read record %lld", path, (long long)(i - first));
        }
        out->labels[i] = record[kind->labels - 1];
        take_planes(record + kind->labels, out->pixels + i * PIXELS);
    }
    return SJ_OK;
}

static sj_status read_file(const char *dir, const char *name, const sj_cifar *kind, sj_images *out, int64_t first, sj_error *err) {
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, name) >= sizeof path) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "data folder: the path is longer than %zu characters", sizeof path);
    }
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    }
    const sj_status status = read_records(f, path, kind, out, first, err);
    (void)fclose(f);
    return status;
}

sj_status sj_cifar_read(const char *dir, const sj_cifar *kind, const char *const *files, int count, int64_t limit, sj_images *out, sj_error *err) {
    memset(out, 0, sizeof *out);
    const int64_t all = (int64_t)count * kind->records;
    out->count = limit > 0 && limit < all ? limit : all;
    sj_status status = sj_alloc((void **)&out->pixels, (uint64_t)out->count, PIXELS, "CIFAR images", err);
    if (status == SJ_OK) {
        status = sj_alloc((void **)&out->labels, (uint64_t)out->count, sizeof *out->labels, "CIFAR labels", err);
    }
    for (int i = 0; i < count && status == SJ_OK; i++) {  // every file is checked, also where the limit needs fewer
        status = read_file(dir, files[i], kind, out, (int64_t)i * kind->records, err);
    }
    if (status != SJ_OK) {
        sj_images_free(out);
    }
    return status;
}
