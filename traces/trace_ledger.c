// SPDX-License-Identifier: Apache-2.0
// /ledger: extendable datasets, appended to in batches of rows.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "trace_internal.h"

enum { BATCH_ROWS = 256, CHUNK_ROWS = 256, DEFLATE_LEVEL = 4 };

typedef enum ledger_column { EPOCH, ITERATION, SKIPPED, LOSS, STATE, X_DENSITY, DY_DENSITY, KEPT_FRACTION, COLUMN_COUNT } ledger_column;

static const char *const column_names[COLUMN_COUNT] = {"epoch", "iteration", "skipped", "loss", "method_state", "x_density", "dy_density", "kept_fraction"};

struct sj_ledger_writer {
    hid_t sets[COLUMN_COUNT], types[COLUMN_COUNT];
    int64_t stored;
    sj_ledger batch;  // batch.rows of BATCH_ROWS
};

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

static bool per_layer(ledger_column c) { return c >= X_DENSITY; }

static const void *column_data(const sj_ledger *l, ledger_column c) {
    const void *const data[COLUMN_COUNT] = {l->epoch, l->iteration, l->skipped, l->loss, l->method_state, l->x_density, l->dy_density, l->kept_fraction};
    return data[c];
}

static hid_t create_column(hid_t group, ledger_column c, hid_t type, int layers) {
    const int rank = per_layer(c) ? 2 : 1;
    const hsize_t dims[2] = {0, (hsize_t)layers}, limit[2] = {H5S_UNLIMITED, (hsize_t)layers}, chunk[2] = {CHUNK_ROWS, (hsize_t)layers};
    const hid_t space = H5Screate_simple(rank, dims, limit), properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(properties, false);
    H5Pset_chunk(properties, rank, chunk);
    H5Pset_shuffle(properties);
    H5Pset_deflate(properties, DEFLATE_LEVEL);
    const hid_t set = H5Dcreate2(group, column_names[c], type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    H5Pclose(properties);
    H5Sclose(space);
    return set;
}

static sj_status alloc_rows(sj_ledger *l, int64_t rows, int layers, sj_error *err) {
    *l = (sj_ledger){.layers = layers};
    void *m[COLUMN_COUNT];
    const size_t sizes[COLUMN_COUNT] = {sizeof(int64_t), sizeof(int64_t), 1, sizeof(double), SJ_STATE_MAX, sizeof(float) * (size_t)layers, sizeof(float) * (size_t)layers, sizeof(float) * (size_t)layers};
    for (int c = 0; c < COLUMN_COUNT; c++) {
        if (sj_alloc(&m[c], (uint64_t)rows, sizes[c], "ledger", err) != SJ_OK) {
            while (c-- > 0) {
                free(m[c]);
            }
            return err->status;
        }
    }
    l->epoch = m[EPOCH];
    l->iteration = m[ITERATION];
    l->skipped = m[SKIPPED];
    l->loss = m[LOSS];
    l->method_state = m[STATE];
    l->x_density = m[X_DENSITY];
    l->dy_density = m[DY_DENSITY];
    l->kept_fraction = m[KEPT_FRACTION];
    return SJ_OK;
}

void sj_ledger_free(sj_ledger *l) {
    free(l->epoch);
    free(l->iteration);
    free(l->skipped);
    free(l->loss);
    free(l->method_state);
    free(l->x_density);
    free(l->dy_density);
    free(l->kept_fraction);
    memset(l, 0, sizeof *l);
}

sj_status sj_ledger_create(hid_t file, int layers, sj_ledger_writer **out, sj_error *err) {
    void *memory;
    SJ_TRY(sj_alloc(&memory, 1, sizeof(sj_ledger_writer), "ledger", err));
    sj_ledger_writer *w = memory;
    *out = w;
    for (int c = 0; c < COLUMN_COUNT; c++) {
        w->sets[c] = w->types[c] = -1;
    }
    SJ_TRY(alloc_rows(&w->batch, BATCH_ROWS, layers, err));
    const hid_t group = H5Gcreate2(file, "ledger", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    bool good = group >= 0;
    for (int c = 0; c < COLUMN_COUNT && good; c++) {
        w->types[c] = column_type((ledger_column)c);
        w->sets[c] = create_column(group, (ledger_column)c, w->types[c], layers);
        good = w->sets[c] >= 0;
    }
    if (group >= 0) {
        H5Gclose(group);
    }
    return good ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "cannot write group \"ledger\"");
}

static bool append_column(const sj_ledger_writer *w, ledger_column c) {
    const int rank = per_layer(c) ? 2 : 1;
    const hsize_t layers = (hsize_t)w->batch.layers, rows = (hsize_t)w->batch.rows;
    const hsize_t extent[2] = {(hsize_t)w->stored + rows, layers}, start[2] = {(hsize_t)w->stored, 0}, count[2] = {rows, layers};
    if (H5Dset_extent(w->sets[c], extent) < 0) {
        return false;
    }
    const hid_t target = H5Dget_space(w->sets[c]), source = H5Screate_simple(rank, count, NULL);
    bool good = target >= 0 && H5Sselect_hyperslab(target, H5S_SELECT_SET, start, NULL, count, NULL) >= 0;
    good = good && H5Dwrite(w->sets[c], w->types[c], source, target, H5P_DEFAULT, column_data(&w->batch, c)) >= 0;
    H5Sclose(source);
    if (target >= 0) {
        H5Sclose(target);
    }
    return good;
}

sj_status sj_ledger_flush(sj_ledger_writer *w, sj_error *err) {
    errno = 0;
    bool good = true;
    for (int c = 0; c < COLUMN_COUNT && w->batch.rows > 0 && good; c++) {
        good = append_column(w, (ledger_column)c);
    }
    if (!good) {
        return SJ_FAIL(err, SJ_ERR_IO, "cannot write the ledger%s%s", errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
    }
    w->stored += w->batch.rows;
    w->batch.rows = 0;
    return SJ_OK;
}

sj_status sj_ledger_append(sj_ledger_writer *w, const sj_ledger_row *row, sj_error *err) {
    if (w->batch.rows == BATCH_ROWS) {
        SJ_TRY(sj_ledger_flush(w, err));
    }
    sj_ledger *l = &w->batch;
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

void sj_ledger_writer_free(sj_ledger_writer *w) {
    if (w == NULL) {
        return;
    }
    for (int c = 0; c < COLUMN_COUNT; c++) {
        if (w->types[c] >= 0) {
            H5Tclose(w->types[c]);
        }
    }
    sj_ledger_free(&w->batch);  // the datasets were closed with the file
    free(w);
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
    SJ_TRY(alloc_rows(out, rows, t->net.layer_count, err));
    out->rows = rows;
    const hid_t group = H5Gopen2(t->file, "ledger", H5P_DEFAULT);
    const sj_status status = group >= 0 ? read_rows(group, out, err) : SJ_FAIL(err, SJ_ERR_FORMAT, "it is not a group");
    if (group >= 0) {
        H5Gclose(group);
    }
    if (status != SJ_OK) {
        sj_ledger_free(out);
        sj_error_prefix(err, "%s: ledger", t->path);
    }
    return status;
}
