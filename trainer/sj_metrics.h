// SPDX-License-Identifier: Apache-2.0
// metrics.csv, and the numbers of an epoch.
#ifndef SJ_METRICS_H
#define SJ_METRICS_H

#include <stdio.h>

#include "sj_batch.h"
#include "sj_export.h"
#include "sj_train.h"

// An epoch of which nothing is known yet: all figures NAN.
sj_epoch_metrics sj_metrics_none(int64_t epoch);

// Loss, accuracy, macro F1 and, where asked for, asic_ratio over all test images.
sj_status sj_metrics_test(sj_model *m, const sj_dataset *data, const sj_train_config *config, sj_epoch_metrics *out, sj_error *err);

// The mean over the classes of F1 = 2 hits / (2 hits + false positives + false negatives); a class neither met nor predicted counts 0.
// confusion[label * classes + predicted].
double sj_macro_f1(int64_t classes, const int64_t *confusion);

// Sums over an epoch's iterations.
typedef struct sj_epoch_sums {
    double loss, penalty, x_density, dy_density, kept;
    int64_t iterations, images, correct;
} sj_epoch_sums;

void sj_metrics_add(sj_epoch_sums *sums, const sj_model *m, const sj_batch_density *d, const sj_forward_result *r, double penalty, bool linear);
void sj_metrics_finish(const sj_epoch_sums *sums, sj_epoch_metrics *out);

// A line an epoch; a figure that does not exist is an empty field.
void sj_metrics_header(FILE *f);
void sj_metrics_row(FILE *f, const sj_epoch_metrics *e);

#endif
