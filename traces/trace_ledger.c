// SPDX-License-Identifier: Apache-2.0
// /ledger: a dataset a column, written at the end.
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "trace_internal.h"

enum { CHUNK_ROWS = 256, DEFLATE_LEVEL = 4 };

typedef enum ledger_column { EPOCH, ITERATION, SKIPPED, LOSS, STATE, X_DENSITY, DY_DENSITY, KEPT_FRACTION, COLUMN_COUNT } ledger_column;

// Where the column's pointer stands in sj_ledger, and the bytes of a value; per_layer: a value a layer.
static const struct {
    const char *name;
    size_t place, bytes;
    bool per_layer;
} columns[COLUMN_COUNT] = {
    [EPOCH] = {"epoch", offsetof(sj_ledger, epoch), sizeof(int64_t), false},
    [ITERATION] = {"iteration", offsetof(sj_ledger, iteration), sizeof(int64_t), false},
    [SKIPPED] = {"skipped", offsetof(sj_ledger, skipped), 1, false},
    [LOSS] = {"loss", offsetof(sj_ledger, loss), sizeof(double), false},
    [STATE] = {"method_state", offsetof(sj_ledger, method_state), SJ_STATE_MAX, false},
    [X_DENSITY] = {"x_density", offsetof(sj_ledger, x_density), sizeof(float), true},
    [DY_DENSITY] = {"dy_density", offsetof(sj_ledger, dy_density), sizeof(float), true},
    [KEPT_FRACTION] = {"kept_fraction", offsetof(sj_ledger, kept_fraction), sizeof(float), true},
};

static void *column_data(const sj_ledger *l, ledger_column c) {
    void *data;
    memcpy(&data, (const char *)l + columns[c].place, sizeof data);
    return data;
}

static void set_column_data(sj_ledger *l, ledger_column c, void *data) { memcpy((char *)l + columns[c].place, &data, sizeof data); }

static size_t row_bytes(const sj_ledger *l, ledger_column c) { return columns[c].bytes * (columns[c].per_layer ? (size_t)l->layers : 1); }

static hid_t column_type(ledger_column c) {
    switch (c) {
        case EPOCH:
        case ITERATION: return H5Tcopy(H5T_STD_I64LE);
        case SKIPPED: return H5Tcopy(H5T_STD_U8LE);
        case LOSS: return H5Tcopy(H5T_IEEE_F64LE);
        case STATE: return sj_h5_string_type(SJ_STATE_MAX);
        default: return H5Tcopy(H5T_IEEE_F32LE);
    }
}

static bool write_column(hid_t group, const sj_ledger *l, ledger_column c) {
    const int rank = columns[c].per_layer ? 2 : 1;
    const hsize_t layers = (hsize_t)l->layers, dims[2] = {(hsize_t)l->rows, layers}, limit[2] = {H5S_UNLIMITED, layers}, chunk[2] = {CHUNK_ROWS, layers};
    const hid_t type = column_type(c), space = H5Screate_simple(rank, dims, limit), properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(properties, false);
    H5Pset_chunk(properties, rank, chunk);
    H5Pset_shuffle(properties);
    H5Pset_deflate(properties, DEFLATE_LEVEL);
    const hid_t set = H5Dcreate2(group, columns[c].name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    bool good = set >= 0 && (l->rows == 0 || H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, column_data(l, c)) >= 0);
    good = (set < 0 || H5Dclose(set) >= 0) && good;
    H5Pclose(properties);
    H5Sclose(space);
    H5Tclose(type);
    return good;
}

sj_status sj_ledger_write(hid_t file, const sj_ledger *rows, sj_error *err) {
    errno = 0;
    const hid_t group = H5Gcreate2(file, "ledger", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    bool good = group >= 0;
    for (int c = 0; c < COLUMN_COUNT && good; c++) {
        good = write_column(group, rows, (ledger_column)c);
    }
    good = (group < 0 || H5Gclose(group) >= 0) && good;
    return good ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "cannot write the ledger%s%s", errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
}

// Room for so many rows; what there is stays.
static sj_status reserve(sj_ledger *l, int64_t rows, sj_error *err) {
    for (int c = 0; c < COLUMN_COUNT; c++) {
        const size_t bytes = row_bytes(l, (ledger_column)c);
        void *larger = (uint64_t)rows < (uint64_t)PTRDIFF_MAX / bytes ? realloc(column_data(l, (ledger_column)c), (size_t)rows * bytes + 1) : NULL;
        if (larger == NULL) {
            return SJ_FAIL(err, SJ_ERR_MEMORY, "ledger: no memory for %" PRId64 " rows", rows);
        }
        set_column_data(l, (ledger_column)c, larger);
    }
    return SJ_OK;
}

void sj_ledger_free(sj_ledger *l) {
    for (int c = 0; c < COLUMN_COUNT; c++) {
        free(column_data(l, (ledger_column)c));
    }
    memset(l, 0, sizeof *l);
}

void sj_ledger_writer_free(sj_ledger_writer *w) { sj_ledger_free(&w->rows); }

sj_status sj_ledger_append(sj_ledger_writer *w, const sj_ledger_row *row, sj_error *err) {
    sj_ledger *l = &w->rows;
    if (l->rows == w->capacity) {
        const int64_t capacity = w->capacity == 0 ? CHUNK_ROWS : 2 * w->capacity;
        SJ_TRY(reserve(l, capacity, err));
        w->capacity = capacity;
    }
    const size_t i = (size_t)l->rows++, layers = (size_t)l->layers;
    l->epoch[i] = row->epoch;
    l->iteration[i] = row->iteration;
    l->skipped[i] = row->skipped;
    l->loss[i] = row->loss;
    memset(l->method_state[i], 0, SJ_STATE_MAX);
    memcpy(l->method_state[i], row->method_state, strnlen(row->method_state, SJ_STATE_MAX - 1));
    memcpy(l->x_density + i * layers, row->x_density, layers * sizeof(float));
    memcpy(l->dy_density + i * layers, row->dy_density, layers * sizeof(float));
    memcpy(l->kept_fraction + i * layers, row->kept_fraction, layers * sizeof(float));
    return SJ_OK;
}

int64_t sj_trace_ledger_rows(const sj_trace_writer *w) { return w->ledger.rows.rows; }

// rows and layers as two int64, then the columns one behind another.
sj_status sj_trace_ledger_pack(const sj_trace_writer *w, void **data, size_t *bytes, sj_error *err) {
    const sj_ledger *l = &w->ledger.rows;
    const int64_t head[2] = {l->rows, l->layers};
    *bytes = sizeof head;
    for (int c = 0; c < COLUMN_COUNT; c++) {
        *bytes += (size_t)l->rows * row_bytes(l, (ledger_column)c);
    }
    SJ_TRY(sj_alloc(data, *bytes, 1, "the packed ledger", err));
    char *to = *data;
    memcpy(to, head, sizeof head);
    to += sizeof head;
    for (int c = 0; c < COLUMN_COUNT && l->rows > 0; c++) {
        const size_t size = (size_t)l->rows * row_bytes(l, (ledger_column)c);
        memcpy(to, column_data(l, (ledger_column)c), size);
        to += size;
    }
    return SJ_OK;
}

static sj_status unpack(sj_ledger_writer *w, const char *data, size_t bytes, sj_error *err) {
    sj_ledger *l = &w->rows;
    int64_t head[2] = {0};
    uint64_t one = 0;
    if (l->rows != 0) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "a packed ledger can only begin a ledger; this one has %" PRId64 " rows", l->rows);
    }
    for (int c = 0; c < COLUMN_COUNT; c++) {
        one += row_bytes(l, (ledger_column)c);
    }
    if (bytes < sizeof head) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "a packed ledger has %zu bytes at least; these are %zu", sizeof head, bytes);
    }
    memcpy(head, data, sizeof head);
    if (head[1] != l->layers || head[0] < 0 || (uint64_t)head[0] > bytes / one || (uint64_t)head[0] * one + sizeof head != bytes) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "a packed ledger of %zu bytes says %" PRId64 " rows of %" PRId64 " layers; the network has %d layers, a row %" PRIu64 " bytes", bytes, head[0], head[1],
                       l->layers, one);
    }
    SJ_TRY(reserve(l, head[0], err));
    data += sizeof head;
    for (int c = 0; c < COLUMN_COUNT; c++) {
        const size_t size = (size_t)head[0] * row_bytes(l, (ledger_column)c);
        memcpy(column_data(l, (ledger_column)c), data, size);
        data += size;
    }
    for (int64_t i = 0; i < head[0]; i++) {
        l->method_state[i][SJ_STATE_MAX - 1] = '\0';
    }
    l->rows = w->capacity = head[0];
    return SJ_OK;
}

sj_status sj_trace_ledger_unpack(sj_trace_writer *w, const void *data, size_t bytes, sj_error *err) {
    return unpack(&w->ledger, data, bytes, err) == SJ_OK ? SJ_OK : sj_error_prefix(err, "%s", w->path);
}

static sj_status read_rows(hid_t group, sj_ledger *l, sj_error *err) {
    SJ_TRY(sj_h5_read_column(group, "epoch", H5T_NATIVE_INT64, l->rows, 0, l->epoch, err));
    SJ_TRY(sj_h5_read_column(group, "iteration", H5T_NATIVE_INT64, l->rows, 0, l->iteration, err));
    SJ_TRY(sj_h5_read_column(group, "skipped", H5T_NATIVE_UINT8, l->rows, 0, l->skipped, err));
    SJ_TRY(sj_h5_read_column(group, "loss", H5T_NATIVE_DOUBLE, l->rows, 0, l->loss, err));
    SJ_TRY(sj_h5_read_strings(group, "method_state", l->rows, (char *)l->method_state, SJ_STATE_MAX, err));
    SJ_TRY(sj_h5_read_column(group, "x_density", H5T_NATIVE_FLOAT, l->rows, l->layers, l->x_density, err));
    SJ_TRY(sj_h5_read_column(group, "dy_density", H5T_NATIVE_FLOAT, l->rows, l->layers, l->dy_density, err));
    return sj_h5_read_column(group, "kept_fraction", H5T_NATIVE_FLOAT, l->rows, l->layers, l->kept_fraction, err);
}

sj_status sj_trace_read_ledger(sj_trace *t, sj_ledger *out, sj_error *err) {
    *out = (sj_ledger){.layers = t->net.layer_count};
    if (!sj_h5_exists(t->file, "ledger")) {
        return SJ_OK;  // FORMAT.md: optional
    }
    const int64_t rows = sj_h5_rows(t->file, "ledger/epoch");
    if (rows < 0) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: ledger: dataset \"epoch\" is missing or no vector", t->path);
    }
    out->rows = rows;
    const hid_t group = H5Gopen2(t->file, "ledger", H5P_DEFAULT);
    sj_status status = group >= 0 ? reserve(out, rows, err) : SJ_FAIL(err, SJ_ERR_FORMAT, "it is not a group");
    if (status == SJ_OK) {
        status = read_rows(group, out, err);
    }
    if (group >= 0) {
        H5Gclose(group);
    }
    if (status != SJ_OK) {
        sj_ledger_free(out);
        sj_error_prefix(err, "%s: ledger", t->path);
    }
    return status;
}
