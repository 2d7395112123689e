// SPDX-License-Identifier: Apache-2.0
// metrics.csv of a training run: what its epochs reached.
#ifndef SJ_METRICS_CSV_H
#define SJ_METRICS_CSV_H

#include <stdbool.h>
#include <stdint.h>

#include "sj_error.h"

typedef struct sj_metrics_row {
    int64_t epoch;
    double test_accuracy, macro_f1, asic_ratio;  // NAN: not tested, not counted
} sj_metrics_row;

typedef struct sj_metrics_csv {
    int64_t count;  // of epochs, at least 1
    sj_metrics_row *rows;
} sj_metrics_csv;

// SJ_ERR_FORMAT names file, line and column: also of a row that is torn, and of epochs that do not ascend. Files without the columns skipped or asic_ratio are older, and read. Caller: sj_metrics_csv_free.
sj_status sj_metrics_csv_read(const char *path, sj_metrics_csv *out, sj_error *err);
void sj_metrics_csv_free(sj_metrics_csv *m);

#define SJ_METRICS_PATH_MAX 4200
// The metrics.csv in the folder of a trace; false where there is none, or the path names no folder.
bool sj_metrics_csv_beside(const char *trace, char path[SJ_METRICS_PATH_MAX]);

#endif
