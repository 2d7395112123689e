// SPDX-License-Identifier: Apache-2.0
// CIFAR-10, binary version: records of one label and three planes (red, green, blue) of 32 x 32 bytes.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sj_dataset.h"
#include "sj_file.h"

enum { SIDE = 32, PLANE = SIDE * SIDE, CHANNELS = 3, RECORD = 1 + CHANNELS * PLANE, RECORDS = 10000 };

static void take_record(const uint8_t *record, uint16_t *label, uint8_t *pixels) {
    *label = record[0];
    for (int i = 0; i < PLANE; i++) {
        for (int c = 0; c < CHANNELS; c++) {
            pixels[i * CHANNELS + c] = record[1 + c * PLANE + i];
        }
    }
}

static sj_status read_records(FILE *f, const char *path, sj_images *out, int64_t first, sj_error *err) {
    const long expected = (long)RECORD * RECORDS;
    if (fseek(f, 0, SEEK_END) != 0) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot seek: %s", path, strerror(errno));
    }
    const long bytes = ftell(f);
    if (bytes != expected) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: %ld bytes; a CIFAR-10 batch has %ld (%d records of %d)", path, bytes, expected, RECORDS, RECORD);
    }
    rewind(f);
    uint8_t record[RECORD];
    for (int64_t i = first; i < first + RECORDS && i < out->count; i++) {
        if (fread(record, 1, RECORD, f) != RECORD) {
            return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot read record %lld", path, (long long)(i - first));
        }
        take_record(record, &out->labels[i], out->pixels + i * CHANNELS * PLANE);
    }
    return SJ_OK;
}

static sj_status read_file(const char *dir, const char *name, sj_images *out, int64_t first, sj_error *err) {
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, name) >= sizeof path) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "data folder: the path is longer than %zu characters", sizeof path);
    }
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    }
    const sj_status status = read_records(f, path, out, first, err);
    (void)fclose(f);
    return status;
}

sj_status sj_cifar_read(const char *dir, const char *const *files, int count, int64_t limit, sj_images *out, sj_error *err) {
    memset(out, 0, sizeof *out);
    const int64_t all = (int64_t)count * RECORDS;
    out->count = limit > 0 && limit < all ? limit : all;
    sj_status status = sj_alloc((void **)&out->pixels, (uint64_t)out->count, CHANNELS * PLANE, "CIFAR-10 images", err);
    if (status == SJ_OK) {
        status = sj_alloc((void **)&out->labels, (uint64_t)out->count, sizeof *out->labels, "CIFAR-10 labels", err);
    }
    for (int i = 0; i < count && status == SJ_OK; i++) {  // every file is checked, also where the limit needs fewer
        status = read_file(dir, files[i], out, (int64_t)i * RECORDS, err);
    }
    if (status != SJ_OK) {
        sj_images_free(out);
    }
    return status;
}
