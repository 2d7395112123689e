// SPDX-License-Identifier: Apache-2.0
// Root attributes and /network: one dataset a column, one row a layer.
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "sj_config.h"
#include "sj_file.h"
#include "trace_internal.h"

#define LAYERS_MAX 65536

// An integer column: `width` int64 numbers that stand together in sj_layer_info.
typedef struct column {
    const char *name;
    size_t offset;
    int64_t width;
} column;

static const column columns[] = {
    {"in", offsetof(sj_layer_info, in), 3},           {"out", offsetof(sj_layer_info, out), 3},         {"kernel", offsetof(sj_layer_info, kernel_h), 2},
    {"stride", offsetof(sj_layer_info, stride), 1},   {"padding", offsetof(sj_layer_info, padding), 1}, {"groups", offsetof(sj_layer_info, groups), 1},
};

_Static_assert(sizeof(sj_dims) == 3 * sizeof(int64_t), "h, w, c stand together");
_Static_assert(offsetof(sj_layer_info, kernel_w) == offsetof(sj_layer_info, kernel_h) + sizeof(int64_t), "kernel_h, kernel_w stand together");

#define COLUMN_COUNT (sizeof columns / sizeof *columns)
#define WIDTH_MAX SJ_INPUTS_MAX

static sj_status put_meta(hid_t file, const sj_trace_meta *m, sj_error *err) {
    SJ_TRY(sj_h5_put_string(file, "format", SJ_TRACE_FORMAT, err));
    SJ_TRY(sj_h5_put_int(file, "version", SJ_TRACE_VERSION, err));
    SJ_TRY(sj_h5_put_string(file, "producer", m->producer, err));
    SJ_TRY(sj_h5_put_string(file, "network", m->network, err));
    SJ_TRY(sj_h5_put_string(file, "dataset", m->dataset, err));
    SJ_TRY(sj_h5_put_string(file, "method", m->method, err));
    SJ_TRY(sj_h5_put_uint(file, "seed", m->seed, err));
    SJ_TRY(sj_h5_put_int(file, "batch_size", m->batch_size, err));
    SJ_TRY(sj_h5_put_string(file, "optimizer", sj_optimizer_name(m->optimizer), err));
    return sj_h5_put_int(file, "images", m->images, err);
}

static sj_status put_names(hid_t group, const sj_network *net, char *rows, sj_error *err) {
    for (int i = 0; i < net->layer_count; i++) {
        memcpy(rows + (size_t)i * SJ_NAME_MAX, net->layers[i].name, SJ_NAME_MAX);
    }
    const hid_t name_type = sj_h5_string_type(SJ_NAME_MAX), kind_type = sj_h5_string_type(SJ_KIND_MAX);
    sj_status status = sj_h5_write_column(group, "name", name_type, name_type, net->layer_count, 0, rows, err);
    memset(rows, 0, (size_t)net->layer_count * SJ_NAME_MAX);
    for (int i = 0; i < net->layer_count; i++) {
        const char *kind = sj_kind_name(net->layers[i].kind);
        memcpy(rows + (size_t)i * SJ_KIND_MAX, kind, strlen(kind));
    }
    if (status == SJ_OK) {
        status = sj_h5_write_column(group, "kind", kind_type, kind_type, net->layer_count, 0, rows, err);
    }
    H5Tclose(name_type);
    H5Tclose(kind_type);
    return status;
}

static sj_status put_numbers(hid_t group, const sj_network *net, int64_t *rows, sj_error *err) {
    for (size_t k = 0; k < COLUMN_COUNT; k++) {
        const size_t width = (size_t)columns[k].width;
        for (int i = 0; i < net->layer_count; i++) {
            memcpy(rows + (size_t)i * width, (const char *)&net->layers[i] + columns[k].offset, width * sizeof *rows);
        }
        SJ_TRY(sj_h5_write_column(group, columns[k].name, H5T_STD_I64LE, H5T_NATIVE_INT64, net->layer_count, columns[k].width > 1 ? columns[k].width : 0, rows, err));
    }
    for (int i = 0; i < net->layer_count; i++) {
        rows[i] = net->layers[i].input_count;
    }
    SJ_TRY(sj_h5_write_column(group, "input_count", H5T_STD_I64LE, H5T_NATIVE_INT64, net->layer_count, 0, rows, err));
    for (int i = 0; i < net->layer_count; i++) {
        for (int j = 0; j < SJ_INPUTS_MAX; j++) {
            rows[i * SJ_INPUTS_MAX + j] = j < net->layers[i].input_count ? net->layers[i].inputs[j] : -1;
        }
    }
    SJ_TRY(sj_h5_write_column(group, "inputs", H5T_STD_I64LE, H5T_NATIVE_INT64, net->layer_count, SJ_INPUTS_MAX, rows, err));
    for (int i = 0; i < net->layer_count; i++) {
        rows[i] = net->layers[i].needs_dx;
    }
    SJ_TRY(sj_h5_write_column(group, "needs_dx", H5T_STD_U8LE, H5T_NATIVE_INT64, net->layer_count, 0, rows, err));
    for (int i = 0; i < net->layer_count; i++) {
        rows[i] = net->layers[i].has_bias;
    }
    return sj_h5_write_column(group, "has_bias", H5T_STD_U8LE, H5T_NATIVE_INT64, net->layer_count, 0, rows, err);
}

sj_status sj_trace_put_table(hid_t file, const sj_trace_meta *meta, const sj_network *net, sj_error *err) {
    SJ_TRY(put_meta(file, meta, err));
    void *rows;
    SJ_TRY(sj_alloc(&rows, (uint64_t)net->layer_count, WIDTH_MAX * sizeof(int64_t), "layer table", err));
    const hid_t group = H5Gcreate2(file, "network", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    sj_status status = group >= 0 ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "cannot write group \"network\"");
    if (status == SJ_OK) {
        status = put_names(group, net, rows, err);
    }
    if (status == SJ_OK) {
        status = put_numbers(group, net, rows, err);
    }
    if (group >= 0) {
        H5Gclose(group);
    }
    free(rows);
    return status;
}

static const char *const optimizer_names[] = {[SJ_OPTIMIZER_SGD] = "sgd", [SJ_OPTIMIZER_ADAM] = "adam"};
enum { OPTIMIZER_COUNT = sizeof optimizer_names / sizeof *optimizer_names };

const char *sj_optimizer_name(sj_optimizer optimizer) { return optimizer_names[optimizer]; }

static sj_status get_optimizer(hid_t file, sj_optimizer *out, sj_error *err) {
    *out = SJ_OPTIMIZER_SGD;
    if (H5Aexists(file, "optimizer") <= 0) {
        return SJ_OK;
    }
    char met[64];
    SJ_TRY(sj_h5_get_string(file, "optimizer", met, sizeof met, err));
    for (int i = 0; i < OPTIMIZER_COUNT; i++) {
        if (strcmp(met, optimizer_names[i]) == 0) {
            *out = (sj_optimizer)i;
            return SJ_OK;
        }
    }
    const char *nearest = sj_nearest_name(met, optimizer_names, OPTIMIZER_COUNT);
    return SJ_FAIL(err, SJ_ERR_FORMAT, "attribute \"optimizer\" is \"%s\"; it must be \"sgd\" or \"adam\"%s%s%s", met, nearest != NULL ? "; did you mean \"" : "",
                   nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
}

static sj_status get_meta(hid_t file, sj_trace_meta *m, sj_error *err) {
    char format[64] = "";
    int64_t version;
    if (sj_h5_get_string(file, "format", format, sizeof format, err) != SJ_OK) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "an HDF5 file, but not a Skipjoule trace: it has no root attribute \"format\"; expected \"" SJ_TRACE_FORMAT "\"");
    }
    if (strcmp(format, SJ_TRACE_FORMAT) != 0) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "an HDF5 file, but not a Skipjoule trace: its root attribute \"format\" is \"%s\"; expected \"" SJ_TRACE_FORMAT "\"", format);
    }
    SJ_TRY(sj_h5_get_int(file, "version", &version, err));
    if (version != SJ_TRACE_VERSION) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "trace version %" PRId64 "; this program reads version %d", version, SJ_TRACE_VERSION);
    }
    SJ_TRY(sj_h5_get_string(file, "producer", m->producer, sizeof m->producer, err));
    SJ_TRY(sj_h5_get_string(file, "network", m->network, sizeof m->network, err));
    SJ_TRY(sj_h5_get_string(file, "dataset", m->dataset, sizeof m->dataset, err));
    SJ_TRY(sj_h5_get_string(file, "method", m->method, sizeof m->method, err));
    SJ_TRY(sj_h5_get_uint(file, "seed", &m->seed, err));
    SJ_TRY(sj_h5_get_int(file, "batch_size", &m->batch_size, err));
    SJ_TRY(sj_h5_get_int(file, "images", &m->images, err));
    SJ_TRY(get_optimizer(file, &m->optimizer, err));
    if (m->images < 1 || m->images > INT32_MAX || m->batch_size < 1 || m->batch_size > INT32_MAX) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "attributes \"images\" (%" PRId64 ") and \"batch_size\" (%" PRId64 ") must lie between 1 and %d", m->images, m->batch_size, INT32_MAX);
    }
    return SJ_OK;
}

static sj_status get_names(hid_t group, sj_network *net, char *rows, sj_error *err) {
    SJ_TRY(sj_h5_read_strings(group, "name", net->layer_count, rows, SJ_NAME_MAX, err));
    for (int i = 0; i < net->layer_count; i++) {
        memcpy(net->layers[i].name, rows + (size_t)i * SJ_NAME_MAX, SJ_NAME_MAX);
    }
    SJ_TRY(sj_h5_read_strings(group, "kind", net->layer_count, rows, SJ_NAME_MAX, err));
    for (int i = 0; i < net->layer_count; i++) {
        const char *kind = rows + (size_t)i * SJ_NAME_MAX;
        if (!sj_kind_from_name(kind, &net->layers[i].kind)) {
            return SJ_FAIL(err, SJ_ERR_FORMAT, "layer \"%s\": unknown kind \"%s\"; what is no known kind is \"opaque\"", net->layers[i].name, kind);
        }
    }
    return SJ_OK;
}

static sj_status get_inputs(hid_t group, sj_network *net, int64_t *rows, sj_error *err) {
    SJ_TRY(sj_h5_read_column(group, "input_count", H5T_NATIVE_INT64, net->layer_count, 0, rows, err));
    for (int i = 0; i < net->layer_count; i++) {
        if (rows[i] < 1 || rows[i] > SJ_INPUTS_MAX) {
            return SJ_FAIL(err, SJ_ERR_FORMAT, "layer \"%s\": it has %" PRId64 " inputs; 1 to %d are allowed", net->layers[i].name, rows[i], SJ_INPUTS_MAX);
        }
        net->layers[i].input_count = (int)rows[i];
    }
    SJ_TRY(sj_h5_read_column(group, "inputs", H5T_NATIVE_INT64, net->layer_count, SJ_INPUTS_MAX, rows, err));
    for (int i = 0; i < net->layer_count; i++) {
        for (int j = 0; j < SJ_INPUTS_MAX; j++) {
            const int64_t from = rows[i * SJ_INPUTS_MAX + j];
            net->layers[i].inputs[j] = from < SJ_INPUT_OWN || from > INT32_MAX ? INT32_MAX : (int)from;  // sj_network_check refuses what is too large
        }
    }
    return SJ_OK;
}

static sj_status get_numbers(hid_t group, sj_network *net, int64_t *rows, sj_error *err) {
    for (size_t k = 0; k < COLUMN_COUNT; k++) {
        const size_t width = (size_t)columns[k].width;
        SJ_TRY(sj_h5_read_column(group, columns[k].name, H5T_NATIVE_INT64, net->layer_count, columns[k].width > 1 ? columns[k].width : 0, rows, err));
        for (int i = 0; i < net->layer_count; i++) {
            memcpy((char *)&net->layers[i] + columns[k].offset, rows + (size_t)i * width, width * sizeof *rows);
        }
    }
    SJ_TRY(sj_h5_read_column(group, "needs_dx", H5T_NATIVE_INT64, net->layer_count, 0, rows, err));
    for (int i = 0; i < net->layer_count; i++) {
        net->layers[i].needs_dx = rows[i] != 0;
    }
    SJ_TRY(sj_h5_read_column(group, "has_bias", H5T_NATIVE_INT64, net->layer_count, 0, rows, err));
    for (int i = 0; i < net->layer_count; i++) {
        net->layers[i].has_bias = rows[i] != 0;
    }
    return SJ_OK;
}

sj_status sj_trace_get_table(hid_t file, sj_trace_meta *meta, sj_network *net, sj_error *err) {
    SJ_TRY(get_meta(file, meta, err));
    const int64_t rows = sj_h5_rows(file, "network/name");
    if (rows < 1 || rows > LAYERS_MAX) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "dataset \"network/name\" must be a vector of 1 to %d layer names", LAYERS_MAX);
    }
    memcpy(net->name, meta->network, sizeof net->name);
    net->layer_count = (int)rows;
    void *layers, *buffer;
    SJ_TRY(sj_alloc(&layers, (uint64_t)rows, sizeof *net->layers, "layer table", err));
    net->layers = layers;
    SJ_TRY(sj_alloc(&buffer, (uint64_t)rows, WIDTH_MAX * sizeof(int64_t), "layer table", err));
    const hid_t group = H5Gopen2(file, "network", H5P_DEFAULT);
    sj_status status = group >= 0 ? get_names(group, net, buffer, err) : SJ_FAIL(err, SJ_ERR_FORMAT, "\"network\" is not a group");
    if (status == SJ_OK) {
        status = get_inputs(group, net, buffer, err);
    }
    if (status == SJ_OK) {
        status = get_numbers(group, net, buffer, err);
    }
    if (group >= 0) {
        H5Gclose(group);
    }
    free(buffer);
    return status == SJ_OK ? sj_network_check(net, err) : status;
}
