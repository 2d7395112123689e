// SPDX-License-Identifier: Apache-2.0
// Damages a copy of a trace, for the tests of wrong input.
// break_trace FILE delete PATH | nan PATH | attribute NAME VALUE [PATH] | kind LAYER KIND
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hdf5.h>

static int put_nan(hid_t file, const char *path) {
    const hid_t set = H5Dopen2(file, path, H5P_DEFAULT);
    const hid_t space = H5Dget_space(set);
    const hssize_t count = H5Sget_simple_extent_npoints(space);
    float *values = malloc((size_t)count * sizeof *values);
    int ok = count > 0 && values != NULL && H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0;
    if (ok) {
        values[count / 2] = NAN;
        ok = H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0;
    }
    free(values);
    H5Sclose(space);
    H5Dclose(set);
    return ok;
}

static int put_attribute(hid_t file, const char *path, const char *name, const char *value) {
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, strlen(value) + 1);
    if (H5Aexists_by_name(file, path, name, H5P_DEFAULT) > 0) {
        H5Adelete_by_name(file, path, name, H5P_DEFAULT);
    }
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t attribute = H5Acreate_by_name(file, path, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    const int ok = attribute >= 0 && H5Awrite(attribute, type, value) >= 0;
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
    return ok;
}

// A column of the layer table: `rows` texts of `width` bytes. The caller frees it and closes *set and *type.
static char *read_column(hid_t file, const char *path, hid_t *set, hid_t *type, size_t *rows, size_t *width) {
    *set = H5Dopen2(file, path, H5P_DEFAULT);
    *type = H5Dget_type(*set);
    const hid_t space = H5Dget_space(*set);
    *rows = (size_t)H5Sget_simple_extent_npoints(space);
    *width = H5Tget_size(*type);
    H5Sclose(space);
    char *texts = malloc(*rows * *width);
    if (texts != NULL && H5Dread(*set, *type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts) < 0) {
        free(texts);
        texts = NULL;
    }
    return texts;
}

static int put_kind(hid_t file, const char *layer, const char *kind) {
    hid_t sets[2], types[2];
    size_t rows[2], widths[2];
    char *names = read_column(file, "/network/name", &sets[0], &types[0], &rows[0], &widths[0]), *kinds = read_column(file, "/network/kind", &sets[1], &types[1], &rows[1], &widths[1]);
    int ok = 0;
    for (size_t i = 0; names != NULL && kinds != NULL && i < rows[0] && strlen(kind) <= widths[1]; i++) {
        if (strncmp(names + i * widths[0], layer, widths[0]) == 0) {
            memset(kinds + i * widths[1], 0, widths[1]);
            memcpy(kinds + i * widths[1], kind, strlen(kind));
            ok = H5Dwrite(sets[1], types[1], H5S_ALL, H5S_ALL, H5P_DEFAULT, kinds) >= 0;
        }
    }
    for (int i = 0; i < 2; i++) {
        H5Tclose(types[i]);
        H5Dclose(sets[i]);
    }
    free(names);
    free(kinds);
    return ok;
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: break_trace FILE delete PATH | nan PATH | attribute NAME VALUE [PATH] | kind LAYER KIND\n");
        return 2;
    }
    const hid_t file = H5Fopen(argv[1], H5F_ACC_RDWR, H5P_DEFAULT);
    if (file < 0) {
        return 1;
    }
    int ok = 0;
    if (strcmp(argv[2], "delete") == 0) {
        ok = H5Ldelete(file, argv[3], H5P_DEFAULT) >= 0;
    } else if (strcmp(argv[2], "nan") == 0) {
        ok = put_nan(file, argv[3]);
    } else if (strcmp(argv[2], "kind") == 0 && argc == 5) {
        ok = put_kind(file, argv[3], argv[4]);
    } else if (argc == 5 || argc == 6) {
        ok = put_attribute(file, argc == 6 ? argv[5] : "/", argv[3], argv[4]);
    }
    H5Fclose(file);
    return ok ? 0 : 1;
}
