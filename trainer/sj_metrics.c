// SPDX-License-Identifier: Apache-2.0
#include "sj_metrics.h"

#include <math.h>
#include <stdlib.h>

#include "sj_asic_ratio.h"
#include "sj_file.h"
#include "sj_kernels.h"

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
static sj_status count_predictions(sj_model *m, int64_t images, int64_t classes, float *x, int64_t *confusion, sj_error *err) {
    SJ_TRY(sj_model_value(m, m->layers[m->layer_count - 1].info->inputs[0], 0, images, x, err));
    for (int64_t i = 0; i < images; i++) {
        int64_t best = 0;
        for (int64_t c = 1; c < classes; c++) {
            best = x[i * classes + c] > x[i * classes + best] ? c : best;
        }
        confusion[m->labels[i] * classes + best]++;
    }
    return SJ_OK;
}

typedef struct test {
    sj_model *m;
    const sj_dataset *data;
    const sj_train_config *config;
    int64_t *confusion, *y_nonzero, *parameter_nonzero;
    float *x;                // logits
    sj_asic_mean asic;
    double loss;
    int64_t correct;
} test;

static void count_parameters(const sj_model *m, int64_t *nonzero) {
    for (int i = 0; i < m->layer_count; i++) {
        const sj_layer *l = &m->layers[i];
        nonzero[i] = 0;
        for (int j = 0; j < l->param_count; j++) {
            nonzero[i] += sj_count_floats(l->params[j].count, l->params[j].value);
        }
        if (l->running_mean != NULL) {
            nonzero[i] += sj_count_floats(l->info->in.c, l->running_mean) + sj_count_floats(l->info->in.c, l->running_variance);
        }
    }
}

static sj_status test_batch(test *t, int64_t first, int64_t count, sj_error *err) {
    sj_model *m = t->m;
    const sj_forward_options options = {.count = t->config->asic_ratio};
    sj_forward_result r = {0};
    sj_batch_test_images(&m->input_layout, t->data, t->config->normalise, first, count, m->input, m->labels);
    SJ_TRY(sj_model_forward(m, SJ_MODE_EVAL, count, &options, &r, err));
    t->loss += r.loss * (double)count;
    t->correct += r.correct;
    SJ_TRY(count_predictions(m, count, t->data->classes, t->x, t->confusion, err));
    if (!t->config->asic_ratio) {
        return SJ_OK;
    }
    for (int i = 0; i < m->layer_count; i++) {
        t->y_nonzero[i] = m->layers[i].y_nonzero;
    }
    return sj_asic_add(&t->asic, &m->net.network, count, t->y_nonzero, m->input_nonzero, t->parameter_nonzero, err);
}

static sj_status test_all(test *t, sj_epoch_metrics *out, sj_error *err) {
    const int64_t total = t->data->test.count, classes = t->data->classes;
    const uint64_t layers = (uint64_t)t->m->layer_count;
    const sj_asic_options options = {t->config->asic_batch, t->config->inplace_relu, t->config->normalise};
    SJ_TRY(sj_alloc((void **)&t->confusion, (uint64_t)(classes * classes), sizeof *t->confusion, "the confusion matrix", err));
    SJ_TRY(sj_alloc((void **)&t->x, (uint64_t)(t->m->batch * classes), sizeof *t->x, "the confusion matrix", err));
    SJ_TRY(sj_alloc((void **)&t->y_nonzero, layers, sizeof *t->y_nonzero, "counts of nonzeros", err));
    SJ_TRY(sj_alloc((void **)&t->parameter_nonzero, layers, sizeof *t->parameter_nonzero, "counts of nonzeros", err));
    count_parameters(t->m, t->parameter_nonzero);
    t->asic = sj_asic_begin(&options);
    for (int64_t first = 0, count; first < total; first += count) {
        const int64_t room = t->config->asic_ratio ? sj_asic_room(&t->asic) : t->m->batch;
        count = total - first < t->m->batch ? total - first : t->m->batch;
        count = room < count ? room : count;
        SJ_TRY(test_batch(t, first, count, err));
    }
    out->test_loss = t->loss / (double)total;
    out->test_accuracy = (double)t->correct / (double)total;
    out->macro_f1 = sj_macro_f1(classes, t->confusion);
    out->asic_ratio = t->config->asic_ratio ? sj_asic_finish(&t->asic) : (double)NAN;
    return SJ_OK;
}

sj_status sj_metrics_test(sj_model *m, const sj_dataset *data, const sj_train_config *config, sj_epoch_metrics *out, sj_error *err) {
    test t = {.m = m, .data = data, .config = config};
    const sj_status status = test_all(&t, out, err);
    free(t.confusion);
    free(t.x);
    free(t.y_nonzero);
    free(t.parameter_nonzero);
    return status == SJ_OK ? SJ_OK : sj_error_prefix(err, "test images");
}

void sj_metrics_add(sj_epoch_sums *sums, const sj_model *m, const sj_batch_density *d, const sj_forward_result *r, double penalty, bool linear) {
    double x = 0.0, dy = 0.0, kept = 0.0;
    int products = 0, selectable = 0;
    for (int i = 0; i < m->layer_count; i++) {
        const sj_kind kind = m->layers[i].info->kind;
        if (kind == SJ_KIND_CONV || kind == SJ_KIND_LINEAR) {
            x += (double)d->x[i];
            dy += (double)d->dy[i];
            products++;
        }
        if (kind == SJ_KIND_CONV || (kind == SJ_KIND_LINEAR && linear)) {
            kept += (double)d->kept[i];
            selectable++;
        }
    }
    sums->x_density += products > 0 ? x / products : 0.0;
    sums->dy_density += products > 0 ? dy / products : 0.0;
    sums->kept += selectable > 0 ? kept / selectable : (double)NAN;
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

sj_epoch_metrics sj_metrics_none(int64_t epoch) {
    const double none = (double)NAN;
    return (sj_epoch_metrics){epoch, 0, none, none, none, none, none, none, none, none, none, none, none};
}

void sj_metrics_header(FILE *f) {
    (void)fprintf(f, "epoch,train_loss,train_accuracy,test_loss,test_accuracy,macro_f1,x_density,dy_density,lr,penalty,kept_fraction,asic_ratio,skipped\n");
}

void sj_metrics_row(FILE *f, const sj_epoch_metrics *e) {
    const double values[] = {e->train_loss, e->train_accuracy, e->test_loss, e->test_accuracy, e->macro_f1, e->x_density, e->dy_density, e->lr, e->penalty, e->kept_fraction, e->asic_ratio};
    (void)fprintf(f, "%lld", (long long)e->epoch);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        (void)fprintf(f, isnan(values[i]) ? "," : ",%.9g", values[i]);
    }
    (void)fprintf(f, ",%lld\n", (long long)e->skipped);
}
