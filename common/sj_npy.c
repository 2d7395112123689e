// SPDX-License-Identifier: Apache-2.0
#include "sj_npy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"

enum { MAGIC_BYTES = 6, WORD_MAX = 64, RANK_MAX = 32, ALIGNMENT = 64 };
static const char magic[MAGIC_BYTES + 1] = "\x93NUMPY";

typedef struct header {
    const char *path, *at, *end;  // what is left of the dictionary
    char descr[WORD_MAX];
    bool fortran, has_descr, has_order, has_shape;
    int rank;
    int64_t shape[RANK_MAX];
} header;

static sj_status bad_header(const header *h, const char *what, sj_error *err) { return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: its NumPy header is damaged: %s", h->path, what); }

static void skip_blanks(header *h) {
    while (h->at < h->end && (*h->at == ' ' || *h->at == '\t' || *h->at == '\n')) {
        h->at++;
    }
}

// Takes c, with blanks before it.
static bool take(header *h, char c) {
    skip_blanks(h);
    const bool found = h->at < h->end && *h->at == c;
    h->at += found;
    return found;
}

static sj_status take_text(header *h, char out[WORD_MAX], sj_error *err) {
    skip_blanks(h);
    const char quote = h->at < h->end ? *h->at : '\0';
    const char *close = quote == '\'' || quote == '"' ? memchr(h->at + 1, quote, (size_t)(h->end - h->at - 1)) : NULL;
    if (close == NULL || close - h->at > WORD_MAX) {
        return bad_header(h, "a quoted word is missing", err);
    }
    const size_t length = (size_t)(close - h->at - 1);
    memcpy(out, h->at + 1, length);
    out[length] = '\0';
    h->at = close + 1;
    return SJ_OK;
}

static sj_status take_order(header *h, sj_error *err) {
    static const char *const words[2] = {"False", "True"};
    skip_blanks(h);
    for (int i = 0; i < 2; i++) {
        const size_t length = strlen(words[i]);
        if ((size_t)(h->end - h->at) >= length && memcmp(h->at, words[i], length) == 0) {
            h->at += length;
            h->fortran = i == 1;
            return SJ_OK;
        }
    }
    return bad_header(h, "fortran_order is neither True nor False", err);
}

static sj_status take_shape(header *h, sj_error *err) {
    if (!take(h, '(')) {
        return bad_header(h, "shape is no tuple", err);
    }
    while (!take(h, ')')) {
        int64_t size = 0;
        const char *first = h->at;
        for (; h->at < h->end && *h->at >= '0' && *h->at <= '9'; h->at++) {
            if (__builtin_mul_overflow(size, 10, &size) || __builtin_add_overflow(size, *h->at - '0', &size)) {
                return bad_header(h, "a dimension does not fit 64 bits", err);
            }
        }
        if (h->at == first || h->rank == RANK_MAX) {
            return bad_header(h, "shape is no tuple of whole numbers", err);
        }
        h->shape[h->rank++] = size;
        if (!take(h, ',')) {
            if (!take(h, ')')) {
                return bad_header(h, "shape is no tuple of whole numbers", err);
            }
            return SJ_OK;
        }
    }
    return SJ_OK;
}

static sj_status take_entry(header *h, sj_error *err) {
    char key[WORD_MAX];
    SJ_TRY(take_text(h, key, err));
    bool *const seen = strcmp(key, "descr") == 0 ? &h->has_descr : strcmp(key, "fortran_order") == 0 ? &h->has_order : strcmp(key, "shape") == 0 ? &h->has_shape : NULL;
    if (seen == NULL || *seen || !take(h, ':')) {
        return bad_header(h, "its keys are not descr, fortran_order and shape, each once", err);
    }
    *seen = true;
    if (seen == &h->has_order) {
        return take_order(h, err);
    }
    if (seen == &h->has_shape) {
        return take_shape(h, err);
    }
    skip_blanks(h);
    if (h->at < h->end && *h->at == '[') {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: its values are records with fields; float32 ('<f4') or int8 ('|i1') is needed", h->path);
    }
    return take_text(h, h->descr, err);
}

static sj_status read_dictionary(header *h, sj_error *err) {
    if (!take(h, '{')) {
        return bad_header(h, "it is no dictionary", err);
    }
    while (!take(h, '}')) {
        SJ_TRY(take_entry(h, err));
        if (!take(h, ',')) {
            if (!take(h, '}')) {
                return bad_header(h, "it is no dictionary", err);
            }
            break;
        }
    }
    skip_blanks(h);
    if (h->at != h->end) {
        return bad_header(h, "something stands behind the dictionary", err);
    }
    return h->has_descr && h->has_order && h->has_shape ? SJ_OK : bad_header(h, "its keys are not descr, fortran_order and shape, each once", err);
}

static uint64_t little(const char *bytes, int count) {
    uint64_t v = 0;
    for (int i = count - 1; i >= 0; i--) {
        v = v << 8 | (unsigned char)bytes[i];
    }
    return v;
}

// Sets the dictionary's place in the file; *data is where the values begin.
static sj_status find_dictionary(header *h, const char *file, size_t bytes, size_t *data, sj_error *err) {
    if (bytes < MAGIC_BYTES || memcmp(file, magic, MAGIC_BYTES) != 0) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: not a NumPy file (.npy)", h->path);
    }
    if (bytes < MAGIC_BYTES + 4) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: it ends within the NumPy header", h->path);
    }
    const int major = (unsigned char)file[MAGIC_BYTES], minor = (unsigned char)file[MAGIC_BYTES + 1];
    if (major < 1 || major > 3 || minor != 0) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: NumPy format %d.%d; this program reads 1.0, 2.0 and 3.0", h->path, major, minor);
    }
    const int width = major == 1 ? 2 : 4;
    const size_t start = MAGIC_BYTES + 2 + (size_t)width;
    if (bytes < start || bytes - start < little(file + MAGIC_BYTES + 2, width)) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: it ends within the NumPy header", h->path);
    }
    *data = start + little(file + MAGIC_BYTES + 2, width);
    h->at = file + start;
    h->end = file + *data;
    return SJ_OK;
}

static sj_status find_type(const header *h, sj_npy *out, sj_error *err) {
    static const char *const i8[] = {"|i1", "<i1", ">i1", "=i1"};  // one byte has no order
    for (int i = 0; i < 4; i++) {
        if (strcmp(h->descr, i8[i]) == 0) {
            out->type = SJ_NPY_I8;
            return SJ_OK;
        }
    }
    if (strcmp(h->descr, "<f4") == 0) {
        out->type = SJ_NPY_F32;
        return SJ_OK;
    }
    if (strcmp(h->descr, ">f4") == 0) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: its values are big-endian ('>f4'); float32 ('<f4') or int8 ('|i1') is needed", h->path);
    }
    return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: its values are of type '%s'; float32 ('<f4') or int8 ('|i1') is needed", h->path, h->descr);
}

static sj_status find_shape(const header *h, sj_npy *out, sj_error *err) {
    if (h->rank != 2) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: its array is %d-dimensional; a matrix has 2 dimensions", h->path, h->rank);
    }
    out->rows = h->shape[0];
    out->columns = h->shape[1];
    int64_t bytes;
    if (__builtin_mul_overflow(out->rows, out->columns, &bytes) || __builtin_mul_overflow(bytes, 4, &bytes)) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: a matrix of %" PRId64 " x %" PRId64 " values does not fit 64 bits", h->path, out->rows, out->columns);
    }
    return SJ_OK;
}

static size_t value_bytes(sj_npy_type type) { return type == SJ_NPY_I8 ? 1 : 4; }

static void copy_values(const sj_npy *m, bool fortran, const char *from) {
    const size_t each = value_bytes(m->type), rows = (size_t)m->rows, columns = (size_t)m->columns;
    if (!fortran) {
        memcpy(m->data, from, rows * columns * each);
        return;
    }
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < columns; c++) {
            memcpy((char *)m->data + (r * columns + c) * each, from + (c * rows + r) * each, each);
        }
    }
}

static sj_status read_matrix(header *h, const char *file, size_t bytes, sj_npy *out, sj_error *err) {
    size_t data = 0;
    SJ_TRY(find_dictionary(h, file, bytes, &data, err));
    SJ_TRY(read_dictionary(h, err));
    SJ_TRY(find_type(h, out, err));
    SJ_TRY(find_shape(h, out, err));
    const size_t wanted = (size_t)out->rows * (size_t)out->columns * value_bytes(out->type), met = bytes - data;
    if (met != wanted) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: %s: %zu bytes stand behind the header, a matrix of %" PRId64 " x %" PRId64 " %s values has %zu", h->path,
                       met < wanted ? "it is cut off" : "something stands behind the matrix", met, out->rows, out->columns, out->type == SJ_NPY_I8 ? "int8" : "float32", wanted);
    }
    SJ_TRY(sj_alloc(&out->data, wanted + 1, 1, h->path, err));
    copy_values(out, h->fortran, file + data);
    return SJ_OK;
}

sj_status sj_npy_read(const char *path, sj_npy *out, sj_error *err) {
    memset(out, 0, sizeof *out);
    char *file;
    size_t bytes;
    SJ_TRY(sj_read_file(path, &file, &bytes, err));
    header h = {.path = path};
    const sj_status status = read_matrix(&h, file, bytes, out, err);
    free(file);
    return status;
}

void sj_npy_free(sj_npy *m) {
    free(m->data);
    memset(m, 0, sizeof *m);
}

sj_status sj_npy_write(const char *path, sj_npy_type type, int64_t rows, int64_t columns, const void *data, sj_error *err) {
    static const char *const descr[] = {[SJ_NPY_F32] = "<f4", [SJ_NPY_I8] = "|i1", [SJ_NPY_I32] = "<i4"};
    char head[2 * ALIGNMENT + 64];
    const size_t start = MAGIC_BYTES + 4;
    memset(head, ' ', sizeof head);
    memcpy(head, magic, MAGIC_BYTES);
    const int length = snprintf(head + start, sizeof head - start, "{'descr': '%s', 'fortran_order': False, 'shape': (%" PRId64 ", %" PRId64 "), }", descr[type], rows, columns);
    head[start + (size_t)length] = ' ';
    const size_t total = (start + (size_t)length + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;  // the values begin at a multiple of 64
    head[total - 1] = '\n';
    head[MAGIC_BYTES] = 1;
    head[MAGIC_BYTES + 1] = 0;
    head[MAGIC_BYTES + 2] = (char)((total - start) & 0xff);
    head[MAGIC_BYTES + 3] = (char)((total - start) >> 8);
    sj_atomic_file f;
    SJ_TRY(sj_atomic_open(&f, path, err));
    const size_t bytes = (size_t)rows * (size_t)columns * value_bytes(type);
    errno = 0;
    if (fwrite(head, 1, total, f.stream) != total || fwrite(data, 1, bytes, f.stream) != bytes) {
        SJ_FAIL(err, SJ_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
        sj_atomic_abandon(&f);
        return err->status;
    }
    return sj_atomic_commit(&f, err);
}
