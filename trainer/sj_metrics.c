// SPDX-License-Identifier: Apache-2.0
#include "sj_metrics.h"

#include <stdlib.h>

#include "sj_file.h"

double sj_macro_f1(int64_t classes, const int64_t *confusion) {
    double sum = 0.0;
    for (int64_t c = 0; c < classes; c++) {
        int64_t labelled = 0, predicted = 0;
        for (int64_t k = 0; k < classes; k++) {
            labelled += confusion[c * classes + k];
            predicted += confusion[k * classes + c];
        }
        sum += labelled + predicted > 0 ? 2.0 * (double)confusion[c * classes + c] / (double)(labelled + predicted) : 0.0;
    }
    return sum / (double)classes;
}

// softmax keeps the order of its inputs, but rounds: predictions are taken from the inputs.
static void count_predictions(sj_model *m, int64_t images, int64_t classes, float *x, int64_t *confusion) {
    (void)sj_model_value(m, m->layers[m->layer_count - 1].info->inputs[0], 0, images, x);
    for (int64_t i = 0; i < images; i++) {
        int64_t best = 0;
        for (int64_t c = 1; c < classes; c++) {
            best = x[i * classes + c] > x[i * classes + best] ? c : best;
        }
        confusion[m->labels[i] * classes + best]++;
    }
}

sj_status sj_metrics_test(sj_model *m, const sj_dataset *data, const sj_train_config *config, sj_epoch_metrics *out, sj_error *err) {
    const int64_t total = data->test.count, classes = data->classes;
    int64_t *confusion, correct = 0;
    double loss = 0.0;
    float *x = NULL;
    SJ_TRY(sj_alloc((void **)&confusion, (uint64_t)(classes * classes), sizeof *confusion, "the confusion matrix", err));
    sj_status status = sj_alloc((void **)&x, (uint64_t)(m->batch * classes), sizeof *x, "the confusion matrix", err);
    const sj_forward_options options = {0};
    for (int64_t first = 0; first < total && status == SJ_OK; first += m->batch) {
        const int64_t count = total - first < m->batch ? total - first : m->batch;
        sj_forward_result r = {0};
        sj_batch_fill(m, data, config, false, 0, NULL, first, count);
        status = sj_model_forward(m, SJ_MODE_EVAL, count, &options, &r, err);
        loss += r.loss * (double)count;
        correct += r.correct;
        count_predictions(m, count, classes, x, confusion);
    }
    out->test_loss = loss / (double)total;
    out->test_accuracy = (double)correct / (double)total;
    out->macro_f1 = sj_macro_f1(classes, confusion);
    free(x);
    free(confusion);
    return status == SJ_OK ? SJ_OK : sj_error_prefix(err, "test images");
}

void sj_metrics_add(sj_epoch_sums *sums, const sj_model *m, const sj_batch_density *d, const sj_forward_result *r, double penalty) {
    double x = 0.0, dy = 0.0, kept = 0.0;
    int products = 0, convolutions = 0;
    for (int i = 0; i < m->layer_count; i++) {
        const sj_kind kind = m->layers[i].info->kind;
        if (kind == SJ_KIND_CONV || kind == SJ_KIND_LINEAR) {
            x += (double)d->x[i];
            dy += (double)d->dy[i];
            products++;
        }
        if (kind == SJ_KIND_CONV) {
            kept += (double)d->kept[i];
            convolutions++;
        }
    }
    sums->x_density += products > 0 ? x / products : 0.0;
    sums->dy_density += products > 0 ? dy / products : 0.0;
    sums->kept += convolutions > 0 ? kept / convolutions : 1.0;
    sums->loss += r->loss;
    sums->penalty += penalty;
    sums->correct += r->correct;
    sums->images += m->batch;
    sums->iterations++;
}

void sj_metrics_finish(const sj_epoch_sums *sums, sj_epoch_metrics *out) {
    const double n = (double)sums->iterations;
    out->train_loss = sums->loss / n;
    out->train_accuracy = (double)sums->correct / (double)sums->images;
    out->x_density = sums->x_density / n;
    out->dy_density = sums->dy_density / n;
    out->kept_fraction = sums->kept / n;
    out->penalty = sums->penalty / n;
}

void sj_metrics_header(FILE *f) {
    (void)fprintf(f, "epoch,train_loss,train_accuracy,test_loss,test_accuracy,macro_f1,x_density,dy_density,lr,penalty,kept_fraction\n");
}

void sj_metrics_row(FILE *f, const sj_epoch_metrics *e) {
    (void)fprintf(f, "%lld,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g\n", (long long)e->epoch, e->train_loss, e->train_accuracy, e->test_loss, e->test_accuracy,
                  e->macro_f1, e->x_density, e->dy_density, e->lr, e->penalty, e->kept_fraction);
}
