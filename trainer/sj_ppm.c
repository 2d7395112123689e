// SPDX-License-Identifier: Apache-2.0
// Binary PPM: "P6", width, height, 255 with white space and comments between, one white space, then the bytes.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "sj_picture.h"

typedef struct text {
    const char *data;
    size_t bytes, at;
} text;

static void skip_space_and_comments(text *t) {
    bool comment = false;
    for (; t->at < t->bytes; t->at++) {
        const char c = t->data[t->at];
        if (comment) {
            comment = c != '\n';
        } else if (c == '#') {
            comment = true;
        } else if (!isspace((unsigned char)c)) {
            return;
        }
    }
}

// A number of the header; -1 where there is none. Stops growing far above what is allowed.
static int64_t read_number(text *t) {
    skip_space_and_comments(t);
    int64_t value = -1;
    for (; t->at < t->bytes && isdigit((unsigned char)t->data[t->at]); t->at++) {
        value = value < 0 ? 0 : value;
        value = value > 1000000000 ? value : value * 10 + (t->data[t->at] - '0');
    }
    return value;
}

static sj_status parse(text *t, const char *path, sj_picture *out, sj_error *err) {
    if (t->bytes < 2 || memcmp(t->data, "P6", 2) != 0) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: not a binary PPM image: it does not start with P6", path);
    }
    t->at = 2;
    const int64_t w = read_number(t), h = read_number(t), top = read_number(t);
    if (w < 1 || w > SJ_PICTURE_SIDE_MAX || h < 1 || h > SJ_PICTURE_SIDE_MAX || top != 255) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: its PPM header says %lld x %lld pixels and values to %lld; sides from 1 to %d and values to 255 are read", path, (long long)w, (long long)h,
                       (long long)top, SJ_PICTURE_SIDE_MAX);
    }
    if (t->at >= t->bytes || !isspace((unsigned char)t->data[t->at])) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: no white space behind its PPM header", path);
    }
    t->at++;
    const size_t expected = (size_t)(w * h * 3), found = t->bytes - t->at;
    if (found != expected) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: %zu bytes of pixels; %lld x %lld pixels have %zu", path, found, (long long)w, (long long)h, expected);
    }
    *out = (sj_picture){h, w, 3, NULL};
    SJ_TRY(sj_alloc((void **)&out->pixels, expected, 1, path, err));
    memcpy(out->pixels, t->data + t->at, expected);
    return SJ_OK;
}

sj_status sj_ppm_read(const char *path, sj_picture *out, sj_error *err) {
    memset(out, 0, sizeof *out);
    char *data;
    text t = {0};
    SJ_TRY(sj_read_file(path, &data, &t.bytes, err));
    t.data = data;
    const sj_status status = parse(&t, path, out, err);
    free(data);
    return status;
}
