// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stddef.h>

#include "sj_estimate_pre.h"

static double dot(const double *a, const double *b, int n) {
    double sum = 0.0;
    for (int i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

sj_status sj_cholesky_solve(double *a, int n, double *b, sj_error *err) {
    const size_t width = (size_t)n;
    for (int i = 0; i < n; i++) {
        double *row = a + (size_t)i * width;
        for (int j = 0; j < i; j++) {
            row[j] = (row[j] - dot(row, a + (size_t)j * width, j)) / a[(size_t)j * width + (size_t)j];
        }
        const double pivot = row[i] - dot(row, row, i);
        if (!(pivot > 0.0)) {
            return SJ_FAIL(err, SJ_ERR_NUMERIC, "kernel matrix of %d runs: pivot %d is %g, not above 0; a larger lambda is needed", n, i, pivot);
        }
        row[i] = sqrt(pivot);
        b[i] = (b[i] - dot(row, b, i)) / row[i];
    }
    for (int i = n - 1; i >= 0; i--) {
        b[i] /= a[(size_t)i * width + (size_t)i];
        for (int j = 0; j < i; j++) {
            b[j] -= a[(size_t)i * width + (size_t)j] * b[i];
        }
    }
    return SJ_OK;
}
