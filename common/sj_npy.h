// SPDX-License-Identifier: Apache-2.0
// Matrices in NumPy's .npy files: formats 1.0, 2.0 and 3.0, float32 ('<f4') and int8 ('|i1'), C and Fortran order, two dimensions.
// Format: a magic string, version, length of the header, and the header, a Python dictionary of descr, fortran_order and shape (NumPy's documentation of numpy.lib.format).
#ifndef SJ_NPY_H
#define SJ_NPY_H

#include <stdint.h>

#include "sj_error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum sj_npy_type { SJ_NPY_F32, SJ_NPY_I8, SJ_NPY_I32 } sj_npy_type;  // int32 is written, never read

typedef struct sj_npy {
    sj_npy_type type;
    int64_t rows, columns;  // each at least 0
    void *data;             // float or int8_t, row-major; owned
} sj_npy;

// Anything else is refused with the file's name and what was met. Values are as they stand: a caller looks for NaN.
sj_status sj_npy_read(const char *path, sj_npy *out, sj_error *err);
void sj_npy_free(sj_npy *m);  // frees data, zeroes

// Format 1.0, C order; whole or not at all.
sj_status sj_npy_write(const char *path, sj_npy_type type, int64_t rows, int64_t columns, const void *data, sj_error *err);

#ifdef __cplusplus
}
#endif
#endif
