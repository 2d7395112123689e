// SPDX-License-Identifier: Apache-2.0
// IDX files (MNIST and its relatives): big-endian magic 0x00000803 (images) or 0x00000801 (labels), the dimensions, then bytes. zlib reads plain files, too.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "sj_dataset.h"
#include "sj_file.h"

#define IMAGES_MAGIC 0x803U
#define LABELS_MAGIC 0x801U
#define SIDE_MAX 1024
#define COUNT_MAX 10000000

static sj_status open_plain_or_gz(const char *path, gzFile *file, char actual[4096], sj_error *err) {
    const char *suffix = sj_path_exists(path) ? "" : ".gz";
    if ((size_t)snprintf(actual, 4096, "%s%s", path, suffix) >= 4096U) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: the path is too long", path);
    }
    errno = 0;
    *file = gzopen(actual, "rb");
    if (*file == NULL) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s (or %s.gz): cannot open: %s", path, path, errno != 0 ? strerror(errno) : "out of memory");
    }
    return SJ_OK;
}

// Reads up to `bytes`; *got says how many there were.
static sj_status read_bytes(gzFile file, const char *path, void *data, uint64_t bytes, uint64_t *got, sj_error *err) {
    *got = 0;
    while (*got < bytes) {
        const uint64_t left = bytes - *got;
        const int n = gzread(file, (char *)data + *got, (unsigned)(left > (1U << 30) ? 1U << 30 : left));
        if (n < 0) {
            int code;
            return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: cannot decompress after %llu bytes: %s", path, (unsigned long long)*got, gzerror(file, &code));
        }
        if (n == 0) {
            int code;
            const char *why = gzerror(file, &code);
            return code == Z_OK || code == Z_STREAM_END ? SJ_OK
                                                        : SJ_FAIL(err, SJ_ERR_FORMAT, "%s: cannot decompress after %llu bytes: %s", path, (unsigned long long)*got, why);
        }
        *got += (uint64_t)n;
    }
    return SJ_OK;
}

static uint32_t big_endian(const unsigned char *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3]; }

static sj_status read_header(gzFile file, const char *path, uint32_t magic, int words, uint32_t *header, sj_error *err) {
    unsigned char raw[16];
    uint64_t got;
    SJ_TRY(read_bytes(file, path, raw, 4U * (uint64_t)words, &got, err));
    if (got >= 4 && big_endian(raw) != magic) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: not an IDX file of %s: it starts with 0x%08x, expected 0x%08x", path, magic == IMAGES_MAGIC ? "images" : "labels",
                       big_endian(raw), magic);
    }
    if (got < 4U * (uint64_t)words) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: %llu bytes; an IDX header has %d", path, (unsigned long long)got, 4 * words);
    }
    for (int i = 0; i < words; i++) {
        header[i] = big_endian(raw + 4 * i);
    }
    return SJ_OK;
}

// The body must have exactly `expected` bytes; the first `wanted` are kept.
static sj_status read_body(gzFile file, const char *path, int header_bytes, uint64_t expected, uint64_t wanted, uint8_t **out, sj_error *err) {
    uint64_t got, total;
    SJ_TRY(sj_alloc((void **)out, wanted, 1, path, err));
    SJ_TRY(read_bytes(file, path, *out, wanted, &got, err));
    total = got;
    unsigned char rest[65536];
    while (got > 0 && total <= expected) {
        SJ_TRY(read_bytes(file, path, rest, sizeof rest, &got, err));
        total += got;
    }
    if (total != expected) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: %s%llu bytes after decompression; its header asks for %llu", path, total > expected ? "at least " : "",
                       (unsigned long long)(total + (uint64_t)header_bytes), (unsigned long long)(expected + (uint64_t)header_bytes));
    }
    return SJ_OK;
}

static sj_status read_images(gzFile file, const char *path, int64_t limit, sj_dims *dims, int64_t *total, sj_images *out, sj_error *err) {
    uint32_t h[4] = {0};
    SJ_TRY(read_header(file, path, IMAGES_MAGIC, 4, h, err));
    if (h[1] == 0 || h[1] > COUNT_MAX || h[2] == 0 || h[2] > SIDE_MAX || h[3] == 0 || h[3] > SIDE_MAX) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: its header says %u images of %ux%u; allowed are 1 to %d images and sides from 1 to %d", path, h[1], h[2], h[3], COUNT_MAX,
                       SIDE_MAX);
    }
    *dims = (sj_dims){(int64_t)h[2], (int64_t)h[3], 1};
    *total = (int64_t)h[1];
    out->count = limit > 0 && limit < *total ? limit : *total;
    const uint64_t each = (uint64_t)h[2] * h[3];
    return read_body(file, path, 16, h[1] * each, (uint64_t)out->count * each, &out->pixels, err);
}

static sj_status read_labels(gzFile file, const char *path, const char *images_path, int64_t total, sj_images *out, sj_error *err) {
    uint32_t h[2] = {0};
    SJ_TRY(read_header(file, path, LABELS_MAGIC, 2, h, err));
    if ((int64_t)h[1] != total) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: %u labels; %s has %lld images", path, h[1], images_path, (long long)total);
    }
    uint8_t *bytes = NULL;
    sj_status status = read_body(file, path, 8, h[1], (uint64_t)out->count, &bytes, err);
    if (status == SJ_OK) {
        status = sj_alloc((void **)&out->labels, (uint64_t)out->count, sizeof *out->labels, "IDX labels", err);
    }
    for (int64_t i = 0; i < out->count && status == SJ_OK; i++) {
        out->labels[i] = bytes[i];
    }
    free(bytes);
    return status;
}

sj_status sj_idx_read(const char *images_path, const char *labels_path, int64_t limit, sj_dims *dims, sj_images *out, sj_error *err) {
    memset(out, 0, sizeof *out);
    gzFile file;
    char actual[4096];
    int64_t total = 0;
    SJ_TRY(open_plain_or_gz(images_path, &file, actual, err));
    sj_status status = read_images(file, actual, limit, dims, &total, out, err);
    (void)gzclose(file);
    if (status == SJ_OK) {
        status = open_plain_or_gz(labels_path, &file, actual, err);
        if (status == SJ_OK) {
            status = read_labels(file, actual, images_path, total, out, err);
            (void)gzclose(file);
        }
    }
    if (status != SJ_OK) {
        sj_images_free(out);
    }
    return status;
}
