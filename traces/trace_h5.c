// SPDX-License-Identifier: Apache-2.0
// Small steps over the HDF5 C interface. Failures are our own sentences, without a location: the caller puts file, step, layer before them.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace_internal.h"

#define PATH_MAX_BYTES 512

void sj_h5_silence(void) { H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }

hid_t sj_h5_bf16_type(void) {
    const hid_t type = H5Tcopy(H5T_IEEE_F32LE);
    H5Tset_fields(type, 15, 7, 8, 0, 7);  // sign bit; exponent at bit 7, 8 bits; mantissa at bit 0, 7 bits
    H5Tset_size(type, 2);
    H5Tset_ebias(type, 127);
    return type;
}

hid_t sj_h5_file_type(sj_type type) {
    switch (type) {
        case SJ_TYPE_BF16: return sj_h5_bf16_type();
        case SJ_TYPE_F32: return H5Tcopy(H5T_IEEE_F32LE);
        case SJ_TYPE_I8: return H5Tcopy(H5T_STD_I8LE);
        case SJ_TYPE_I32: return H5Tcopy(H5T_STD_I32LE);
        case SJ_TYPE_U8: return H5Tcopy(H5T_STD_U8LE);
    }
    return H5I_INVALID_HID;
}

bool sj_h5_type_of(hid_t type, sj_type *out) {
    for (int i = SJ_TYPE_BF16; i <= SJ_TYPE_U8; i++) {
        const hid_t known = sj_h5_file_type((sj_type)i);
        const bool same = H5Tequal(type, known) > 0;
        H5Tclose(known);
        if (same) {
            *out = (sj_type)i;
            return true;
        }
    }
    return false;
}

bool sj_h5_exists(hid_t place, const char *path) {
    char part[PATH_MAX_BYTES];
    if (strlen(path) >= sizeof part) {
        return false;
    }
    for (const char *end = path; *end != '\0';) {
        end = *end == '/' ? end + 1 : end;
        end += strcspn(end, "/");
        memcpy(part, path, (size_t)(end - path));
        part[end - path] = '\0';
        if (H5Lexists(place, part, H5P_DEFAULT) <= 0) {
            return false;
        }
    }
    return H5Oexists_by_name(place, path, H5P_DEFAULT) > 0;
}

static sj_status write_failed(const char *what, const char *name, sj_error *err) {
    return SJ_FAIL(err, SJ_ERR_IO, "cannot write %s \"%s\"%s%s", what, name, errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
}

// Makes a scalar attribute of the type and writes it from memory of the same type.
static sj_status put_attribute(hid_t object, const char *name, hid_t file_type, hid_t memory_type, const void *value, sj_error *err) {
    errno = 0;
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t attribute = H5Acreate2(object, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT);
    const bool written = attribute >= 0 && H5Awrite(attribute, memory_type, value) >= 0;
    const bool closed = attribute >= 0 && H5Aclose(attribute) >= 0;
    H5Sclose(space);
    return written && closed ? SJ_OK : write_failed("attribute", name, err);
}

sj_status sj_h5_put_string(hid_t object, const char *name, const char *value, sj_error *err) {
    const hid_t type = H5Tcopy(H5T_C_S1);  // variable length: h5py gives it as str
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    const sj_status status = put_attribute(object, name, type, type, &value, err);
    H5Tclose(type);
    return status;
}

sj_status sj_h5_put_int(hid_t object, const char *name, int64_t value, sj_error *err) {
    return put_attribute(object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &value, err);
}

sj_status sj_h5_put_uint(hid_t object, const char *name, uint64_t value, sj_error *err) {
    return put_attribute(object, name, H5T_STD_U64LE, H5T_NATIVE_UINT64, &value, err);
}

sj_status sj_h5_put_float(hid_t object, const char *name, double value, sj_error *err) {
    return put_attribute(object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value, err);
}

// Opens a scalar (or one-element) attribute; on failure nothing stays open.
static sj_status open_attribute(hid_t object, const char *name, hid_t *attribute, hid_t *type, sj_error *err) {
    if (H5Aexists(object, name) <= 0) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "attribute \"%s\" is missing", name);
    }
    *attribute = H5Aopen(object, name, H5P_DEFAULT);
    *type = *attribute >= 0 ? H5Aget_type(*attribute) : H5I_INVALID_HID;
    const hid_t space = *attribute >= 0 ? H5Aget_space(*attribute) : H5I_INVALID_HID;
    const bool one = *type >= 0 && space >= 0 && H5Sget_simple_extent_npoints(space) == 1;
    if (space >= 0) {
        H5Sclose(space);
    }
    if (!one) {
        if (*type >= 0) {
            H5Tclose(*type);
        }
        if (*attribute >= 0) {
            H5Aclose(*attribute);
        }
        return SJ_FAIL(err, SJ_ERR_FORMAT, "attribute \"%s\" must be one value", name);
    }
    return SJ_OK;
}

static sj_status get_number(hid_t object, const char *name, bool integer, hid_t memory_type, void *out, sj_error *err) {
    hid_t attribute = H5I_INVALID_HID, type = H5I_INVALID_HID;
    SJ_TRY(open_attribute(object, name, &attribute, &type, err));
    const H5T_class_t cls = H5Tget_class(type);
    const bool right = cls == H5T_INTEGER || (!integer && cls == H5T_FLOAT);
    const bool done = right && H5Aread(attribute, memory_type, out) >= 0;
    H5Tclose(type);
    H5Aclose(attribute);
    return done ? SJ_OK : SJ_FAIL(err, SJ_ERR_FORMAT, "attribute \"%s\" must be %s", name, integer ? "an integer" : "a number");
}

sj_status sj_h5_get_int(hid_t object, const char *name, int64_t *out, sj_error *err) { return get_number(object, name, true, H5T_NATIVE_INT64, out, err); }

sj_status sj_h5_get_uint(hid_t object, const char *name, uint64_t *out, sj_error *err) { return get_number(object, name, true, H5T_NATIVE_UINT64, out, err); }

sj_status sj_h5_get_float(hid_t object, const char *name, double *out, sj_error *err) { return get_number(object, name, false, H5T_NATIVE_DOUBLE, out, err); }

// A string of at most `length` bytes, maybe without a NUL, into `size` bytes.
static sj_status copy_string(const char *from, size_t length, char *out, size_t size, const char *name, sj_error *err) {
    const size_t used = strnlen(from, length);
    if (used >= size) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "\"%s\" holds a string of %zu bytes; it may have %zu", name, used, size - 1);
    }
    memset(out, 0, size);
    memcpy(out, from, used);
    return SJ_OK;
}

sj_status sj_h5_get_string(hid_t object, const char *name, char *out, size_t size, sj_error *err) {
    hid_t attribute = H5I_INVALID_HID, type = H5I_INVALID_HID;
    SJ_TRY(open_attribute(object, name, &attribute, &type, err));
    sj_status status = SJ_OK;
    char *text = NULL;
    const bool is_string = H5Tget_class(type) == H5T_STRING, variable = is_string && H5Tis_variable_str(type) > 0;
    const size_t length = H5Tget_size(type);
    if (variable && H5Aread(attribute, type, &text) >= 0) {
        status = copy_string(text != NULL ? text : "", text != NULL ? strlen(text) : 0, out, size, name, err);
        H5free_memory(text);
    } else if (is_string && !variable && length < 65536 && (text = calloc(1, length + 1)) != NULL && H5Aread(attribute, type, text) >= 0) {
        status = copy_string(text, length, out, size, name, err);
        free(text);
    } else {
        status = SJ_FAIL(err, SJ_ERR_FORMAT, "attribute \"%s\" must be a string", name);
        free(variable ? NULL : text);
    }
    H5Tclose(type);
    H5Aclose(attribute);
    return status;
}

int64_t sj_h5_rows(hid_t place, const char *name) {
    if (!sj_h5_exists(place, name)) {
        return -1;
    }
    const hid_t set = H5Dopen2(place, name, H5P_DEFAULT);
    const hid_t space = set >= 0 ? H5Dget_space(set) : H5I_INVALID_HID;
    hsize_t dims[2] = {0, 0};
    const int rank = space >= 0 ? H5Sget_simple_extent_ndims(space) : 0;
    const bool fits = (rank == 1 || rank == 2) && H5Sget_simple_extent_dims(space, dims, NULL) == rank && dims[0] <= INT32_MAX;
    if (space >= 0) {
        H5Sclose(space);
    }
    if (set >= 0) {
        H5Dclose(set);
    }
    return fits ? (int64_t)dims[0] : -1;
}

static bool has_extents(hid_t set, int64_t rows, int64_t columns) {
    const hid_t space = H5Dget_space(set);
    const int rank = columns > 0 ? 2 : 1;
    hsize_t dims[2] = {0, 0};
    bool same = space >= 0 && H5Sget_simple_extent_ndims(space) == rank && H5Sget_simple_extent_dims(space, dims, NULL) == rank && dims[0] == (hsize_t)rows;
    same = same && (columns == 0 || dims[1] == (hsize_t)columns);
    if (space >= 0) {
        H5Sclose(space);
    }
    return same;
}

// Opens a dataset and its type, with extents checked; on failure nothing stays open.
static sj_status open_column(hid_t place, const char *name, int64_t rows, int64_t columns, hid_t *set, hid_t *type, sj_error *err) {
    *set = sj_h5_exists(place, name) ? H5Dopen2(place, name, H5P_DEFAULT) : H5I_INVALID_HID;
    if (*set < 0) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "dataset \"%s\" is missing", name);
    }
    *type = H5Dget_type(*set);
    if (has_extents(*set, rows, columns) && *type >= 0) {
        return SJ_OK;
    }
    if (*type >= 0) {
        H5Tclose(*type);
    }
    H5Dclose(*set);
    return columns > 0 ? SJ_FAIL(err, SJ_ERR_FORMAT, "dataset \"%s\" must be %" PRId64 "x%" PRId64, name, rows, columns)
                       : SJ_FAIL(err, SJ_ERR_FORMAT, "dataset \"%s\" must be a vector of %" PRId64, name, rows);
}

sj_status sj_h5_read_column(hid_t place, const char *name, hid_t memory_type, int64_t rows, int64_t columns, void *out, sj_error *err) {
    hid_t set = H5I_INVALID_HID, type = H5I_INVALID_HID;
    SJ_TRY(open_column(place, name, rows, columns, &set, &type, err));
    const bool right = H5Tget_class(type) == H5Tget_class(memory_type);
    const bool done = right && H5Dread(set, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0;
    H5Tclose(type);
    H5Dclose(set);
    if (!right) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "dataset \"%s\" must hold %s", name, H5Tget_class(memory_type) == H5T_INTEGER ? "integers" : "floats");
    }
    return done ? SJ_OK : SJ_FAIL(err, SJ_ERR_FORMAT, "dataset \"%s\" cannot be read: the file is damaged", name);
}

static sj_status read_variable_strings(hid_t set, hid_t type, const char *name, int64_t rows, char *out, size_t size, sj_error *err) {
    char **texts = calloc((size_t)rows + 1, sizeof *texts);
    if (texts == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "dataset \"%s\": no memory", name);
    }
    sj_status status = SJ_OK;
    if (H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts) < 0) {
        status = SJ_FAIL(err, SJ_ERR_FORMAT, "dataset \"%s\" cannot be read: the file is damaged", name);
    }
    for (int64_t i = 0; i < rows && status == SJ_OK; i++) {
        const char *text = texts[i] != NULL ? texts[i] : "";
        status = copy_string(text, strlen(text), out + (size_t)i * size, size, name, err);
    }
    for (int64_t i = 0; i < rows; i++) {
        H5free_memory(texts[i]);
    }
    free(texts);
    return status;
}

static sj_status read_fixed_strings(hid_t set, hid_t type, const char *name, int64_t rows, char *out, size_t size, sj_error *err) {
    const size_t length = H5Tget_size(type);
    char *texts = length < 65536 ? calloc((size_t)rows + 1, length) : NULL;
    if (texts == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "dataset \"%s\": no memory", name);
    }
    sj_status status = SJ_OK;
    if (H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts) < 0) {
        status = SJ_FAIL(err, SJ_ERR_FORMAT, "dataset \"%s\" cannot be read: the file is damaged", name);
    }
    for (int64_t i = 0; i < rows && status == SJ_OK; i++) {
        status = copy_string(texts + (size_t)i * length, length, out + (size_t)i * size, size, name, err);
    }
    free(texts);
    return status;
}

sj_status sj_h5_read_strings(hid_t place, const char *name, int64_t rows, char *out, size_t size, sj_error *err) {
    hid_t set = H5I_INVALID_HID, type = H5I_INVALID_HID;
    SJ_TRY(open_column(place, name, rows, 0, &set, &type, err));
    sj_status status;
    if (H5Tget_class(type) != H5T_STRING) {
        status = SJ_FAIL(err, SJ_ERR_FORMAT, "dataset \"%s\" must hold strings", name);
    } else if (H5Tis_variable_str(type) > 0) {
        status = read_variable_strings(set, type, name, rows, out, size, err);
    } else {
        status = read_fixed_strings(set, type, name, rows, out, size, err);
    }
    H5Tclose(type);
    H5Dclose(set);
    return status;
}

sj_status sj_h5_write_column(hid_t place, const char *name, hid_t file_type, hid_t memory_type, int64_t rows, int64_t columns, const void *data, sj_error *err) {
    errno = 0;
    const hsize_t dims[2] = {(hsize_t)rows, (hsize_t)columns};
    const hid_t space = H5Screate_simple(columns > 0 ? 2 : 1, dims, NULL);
    const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(properties, false);  // equal runs make equal files
    const hid_t set = H5Dcreate2(place, name, file_type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    const bool written = set >= 0 && H5Dwrite(set, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0;
    const bool closed = set >= 0 && H5Dclose(set) >= 0;
    H5Pclose(properties);
    H5Sclose(space);
    return written && closed ? SJ_OK : write_failed("dataset", name, err);
}

hid_t sj_h5_string_type(size_t size) {
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, size);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    return type;
}
