// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "trace_internal.h"

enum { PLACE_MAX = 2 * SJ_NAME_MAX + 48 };

// One link of /steps: its name must be a decimal number. Failures end the iteration.
typedef struct step_list {
    sj_trace *trace;
    int capacity;
    sj_error *err;
} step_list;

static bool parse_number(const char *name, int64_t *number) {
    const size_t digits = strspn(name, "0123456789");
    *number = digits > 0 && digits < 19 && name[digits] == '\0' ? strtoll(name, NULL, 10) : -1;
    return *number >= 0 && (name[0] != '0' || digits == 1);
}

static herr_t add_step(hid_t group, const char *name, const H5L_info_t *info, void *context) {
    (void)group;
    (void)info;
    step_list *list = context;
    sj_trace *t = list->trace;
    int64_t number;
    if (!parse_number(name, &number)) {
        SJ_FAIL(list->err, SJ_ERR_FORMAT, "\"/steps/%s\": the name of a step is a decimal number without leading zeros", name);
        return -1;
    }
    if (t->step_count == list->capacity) {
        list->capacity = list->capacity == 0 ? 16 : 2 * list->capacity;
        sj_step_info *larger = realloc(t->steps, (size_t)list->capacity * sizeof *larger);
        if (larger == NULL) {
            SJ_FAIL(list->err, SJ_ERR_MEMORY, "no memory for its steps");
            return -1;
        }
        t->steps = larger;
    }
    t->steps[t->step_count++] = (sj_step_info){.number = number};
    return 0;
}

static int compare_steps(const void *a, const void *b) {
    const sj_step_info *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

static sj_status read_step(hid_t group, sj_step_info *s, sj_error *err) {
    char mode[16];
    SJ_TRY(sj_h5_get_string(group, "mode", mode, sizeof mode, err));
    if (strcmp(mode, "train") != 0 && strcmp(mode, "eval") != 0) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "attribute \"mode\" is \"%s\"; it must be \"train\" or \"eval\"", mode);
    }
    s->mode = strcmp(mode, "train") == 0 ? SJ_MODE_TRAIN : SJ_MODE_EVAL;
    SJ_TRY(sj_h5_get_int(group, "epoch", &s->epoch, err));
    SJ_TRY(sj_h5_get_int(group, "iteration", &s->iteration, err));
    SJ_TRY(sj_h5_get_float(group, "loss", &s->loss, err));
    return sj_h5_get_string(group, "method_state", s->method_state, sizeof s->method_state, err);
}

static sj_status read_steps(sj_trace *t, sj_error *err) {
    const hid_t group = sj_h5_exists(t->file, "steps") ? H5Gopen2(t->file, "steps", H5P_DEFAULT) : H5I_INVALID_HID;
    if (group < 0) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "group \"/steps\" is missing");
    }
    step_list list = {.trace = t, .err = err};
    SJ_FAIL(err, SJ_ERR_FORMAT, "group \"/steps\" cannot be read: the file is damaged");
    hsize_t index = 0;
    const bool listed = H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &index, add_step, &list) >= 0;
    H5Gclose(group);
    if (!listed) {
        return err->status;
    }
    if (t->step_count > 1) {
        qsort(t->steps, (size_t)t->step_count, sizeof *t->steps, compare_steps);
    }
    for (int i = 0; i < t->step_count; i++) {
        char place[48];
        snprintf(place, sizeof place, "steps/%" PRId64, t->steps[i].number);
        const hid_t step = H5Gopen2(t->file, place, H5P_DEFAULT);
        const sj_status status = step >= 0 ? read_step(step, &t->steps[i], err) : SJ_FAIL(err, SJ_ERR_FORMAT, "it is not a group");
        if (step >= 0) {
            H5Gclose(step);
        }
        if (status != SJ_OK) {
            return sj_error_prefix(err, "step %" PRId64, t->steps[i].number);
        }
    }
    return SJ_OK;
}

static sj_status open_file(sj_trace *t, sj_error *err) {
    char unfinished[SJ_UNFINISHED_MAX];
    FILE *probe = fopen(t->path, "rb");  // HDF5 would not say why
    if (probe == NULL) {
        const int why = errno;
        sj_trace_unfinished(t->path, unfinished);
        return SJ_FAIL(err, SJ_ERR_IO, "cannot open: %s%s", strerror(why), unfinished);
    }
    char first;
    const bool readable = fread(&first, 1, 1, probe) == 1 || !ferror(probe);
    const int cause = errno;
    fclose(probe);
    if (!readable) {
        char inside[4096];
        const bool is_run = cause == EISDIR && snprintf(inside, sizeof inside, "%s/trace.h5", t->path) < (int)sizeof inside && sj_path_exists(inside);
        sj_trace_unfinished(t->path, unfinished);
        return is_run ? SJ_FAIL(err, SJ_ERR_IO, "it is a folder; its trace is %s", inside) : SJ_FAIL(err, SJ_ERR_IO, "cannot read: %s%s", strerror(cause), unfinished);
    }
    if (H5Fis_hdf5(t->path) <= 0) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "not a trace: it is not an HDF5 file");
    }
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    t->file = H5Fopen(t->path, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    return t->file >= 0 ? SJ_OK : SJ_FAIL(err, SJ_ERR_FORMAT, "an HDF5 file that cannot be opened: it is truncated, or still being written");
}

sj_status sj_trace_open(const char *path, sj_trace **out, sj_error *err) {
    *out = NULL;
    sj_h5_silence();
    void *memory;
    SJ_TRY(sj_alloc(&memory, 1, sizeof(sj_trace), path, err));
    sj_trace *t = memory;
    t->file = -1;
    t->path = strdup(path);
    sj_status status = t->path != NULL ? open_file(t, err) : SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for its name");
    if (status == SJ_OK) {
        status = sj_trace_get_table(t->file, &t->meta, &t->net, err);
    }
    if (status == SJ_OK) {
        status = read_steps(t, err);
    }
    if (status != SJ_OK) {
        sj_error_prefix(err, "%s", path);
        sj_trace_close(t);
        return status;
    }
    *out = t;
    return SJ_OK;
}

void sj_trace_close(sj_trace *t) {
    if (t == NULL) {
        return;
    }
    if (t->file >= 0) {
        H5Fclose(t->file);
    }
    sj_network_free(&t->net);
    free(t->steps);
    free(t->path);
    free(t);
}

const char *sj_trace_path(const sj_trace *t) { return t->path; }

const sj_trace_meta *sj_trace_get_meta(const sj_trace *t) { return &t->meta; }

const sj_network *sj_trace_get_network(const sj_trace *t) { return &t->net; }

int sj_trace_step_count(const sj_trace *t) { return t->step_count; }

const sj_step_info *sj_trace_get_step(const sj_trace *t, int index) { return index >= 0 && index < t->step_count ? &t->steps[index] : NULL; }

static bool place_of(const sj_trace *t, int step_index, int layer, const char *name, char place[PLACE_MAX]) {
    if (step_index < 0 || step_index >= t->step_count || layer < 0 || layer >= t->net.layer_count || strlen(name) >= SJ_NAME_MAX) {
        return false;
    }
    snprintf(place, PLACE_MAX, "steps/%" PRId64 "/%s/%s", t->steps[step_index].number, t->net.layers[layer].name, name);
    return true;
}

bool sj_trace_has(const sj_trace *t, int step_index, int layer, const char *name) {
    char place[PLACE_MAX];
    return place_of(t, step_index, layer, name, place) && sj_h5_exists(t->file, place);
}

bool sj_trace_type(const sj_trace *t, int step_index, int layer, const char *name, sj_type *type) {
    char place[PLACE_MAX];
    if (!place_of(t, step_index, layer, name, place) || !sj_h5_exists(t->file, place)) {
        return false;
    }
    const hid_t set = H5Dopen2(t->file, place, H5P_DEFAULT);
    const hid_t stored = set >= 0 ? H5Dget_type(set) : H5I_INVALID_HID;
    const bool known = stored >= 0 && sj_h5_type_of(stored, type);
    if (stored >= 0) {
        H5Tclose(stored);
    }
    if (set >= 0) {
        H5Dclose(set);
    }
    return known;
}

uint64_t sj_trace_object_id(const sj_trace *t, int step_index, int layer, const char *name) {
    char place[PLACE_MAX];
    H5O_info_t info;
    if (!place_of(t, step_index, layer, name, place) || !sj_h5_exists(t->file, place) || H5Oget_info_by_name(t->file, place, &info, H5P_DEFAULT) < 0) {
        return 0;
    }
    return (uint64_t)info.addr;
}

static sj_status read_shape(hid_t set, sj_tensor *out, sj_error *err) {
    const hid_t type = H5Dget_type(set), space = H5Dget_space(set);
    hsize_t dims[H5S_MAX_RANK] = {0};
    const int rank = space >= 0 ? H5Sget_simple_extent_dims(space, dims, NULL) : -1;
    const bool known = type >= 0 && sj_h5_type_of(type, &out->type);
    if (space >= 0) {
        H5Sclose(space);
    }
    if (type >= 0) {
        H5Tclose(type);
    }
    if (!known) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "its type is none of bfloat16, float32, int8, int32, uint8 (little-endian)");
    }
    if (rank < 1 || rank > 4) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "it has %d dimensions; 1 to 4 are allowed", rank);
    }
    out->rank = rank;
    int64_t count = 1;
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 1 || dims[i] > INT32_MAX || __builtin_mul_overflow(count, (int64_t)dims[i], &count) || count > INT64_MAX / 8) {
            return SJ_FAIL(err, SJ_ERR_FORMAT, "dimension %d is %" PRIu64 "; every dimension must be between 1 and %d, and their product fit", i, (uint64_t)dims[i], INT32_MAX);
        }
        out->dims[i] = (int64_t)dims[i];
    }
    return SJ_OK;
}

static sj_status read_attributes(hid_t set, sj_tensor *out, sj_error *err) {
    out->scale = 1.0f;
    SJ_TRY(sj_h5_get_int(set, "full_nonzero", &out->full_nonzero, err));
    SJ_TRY(sj_h5_get_int(set, "full_count", &out->full_count, err));
    if (out->full_nonzero < 0 || out->full_nonzero > out->full_count || out->full_count < sj_tensor_count(out)) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "full_nonzero %" PRId64 " and full_count %" PRId64 " cannot be the whole batch's counts, with %" PRId64 " values stored", out->full_nonzero,
                       out->full_count, sj_tensor_count(out));
    }
    if (out->type == SJ_TYPE_I8) {
        double scale;
        SJ_TRY(sj_h5_get_float(set, "scale", &scale, err));
        out->scale = (float)scale;
        if (!isfinite(out->scale) || out->scale <= 0.0f) {
            return SJ_FAIL(err, SJ_ERR_FORMAT, "attribute \"scale\" is %g; it must be above 0", scale);
        }
    }
    return SJ_OK;
}

// Denormals and -0 that another producer wrote: zeros to the machine, and so +0 here.
static void flush_zeros(sj_tensor *t) {
    sj_bf16 *v = t->data;
    const int64_t count = sj_tensor_count(t);
    for (int64_t i = 0; i < count; i++) {
        v[i] = sj_bf16_nonzero(v[i]) ? v[i] : 0;
    }
}

static sj_status read_values(hid_t set, const sj_rule *rule, sj_type as, sj_tensor *out, sj_error *err) {
    SJ_TRY(sj_alloc(&out->data, (uint64_t)sj_tensor_count(out), (size_t)sj_type_bytes(out->type), "tensor", err));
    const hid_t type = sj_h5_file_type(out->type);  // the stored type is little-endian as this memory is: no conversion
    const bool read = H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out->data) >= 0;
    H5Tclose(type);
    if (!read) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "its values cannot be read: the file is damaged");
    }
    int64_t nonzero;
    SJ_TRY(sj_trace_look_at_values(rule, out, &nonzero, err));
    if (nonzero > out->full_nonzero) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%" PRId64 " nonzeros are stored, but full_nonzero is %" PRId64, nonzero, out->full_nonzero);
    }
    if (as != SJ_TYPE_BF16) {
        return SJ_OK;
    }
    if (out->type == SJ_TYPE_BF16) {
        flush_zeros(out);
    } else if (out->type == SJ_TYPE_F32) {
        sj_bf16 *rounded;
        SJ_TRY(sj_trace_round(out->data, sj_tensor_count(out), &rounded, err));
        free(out->data);
        out->data = rounded;
        out->type = SJ_TYPE_BF16;
    }
    return SJ_OK;
}

static sj_status read_tensor(const sj_trace *t, const char *place, int layer, const char *name, sj_type as, sj_tensor *out, sj_error *err) {
    sj_rule rule;
    if (!sj_trace_rule(&t->net, layer, name, t->meta.images, &rule)) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "a layer of kind %s has no such tensor", sj_kind_name(t->net.layers[layer].kind));
    }
    if (!sj_h5_exists(t->file, place)) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "it is missing");
    }
    const hid_t set = H5Dopen2(t->file, place, H5P_DEFAULT);
    if (set < 0) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "it is not a dataset");
    }
    sj_status status = read_shape(set, out, err);
    if (status == SJ_OK) {
        status = sj_trace_obey(&rule, out, err);
    }
    if (status == SJ_OK) {
        status = read_attributes(set, out, err);
    }
    if (status == SJ_OK) {
        status = read_values(set, &rule, as, out, err);
    }
    H5Dclose(set);
    return status;
}

sj_status sj_trace_read(sj_trace *t, int step_index, int layer, const char *name, sj_type as, sj_tensor *out, sj_error *err) {
    char place[PLACE_MAX];
    memset(out, 0, sizeof *out);
    if (!place_of(t, step_index, layer, name, place)) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s: there is no tensor \"%s\" of layer number %d in step number %d", t->path, name, layer, step_index);
    }
    const sj_status status = read_tensor(t, place, layer, name, as, out, err);
    if (status != SJ_OK) {
        sj_tensor_free(out);
        sj_error_prefix(err, "%s: step %" PRId64 ", layer \"%s\", tensor \"%s\"", t->path, t->steps[step_index].number, t->net.layers[layer].name, name);
    }
    return status;
}
