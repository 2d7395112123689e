// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <omp.h>
#include <string.h>

#include "sj_layers.h"
#include "sj_model.h"
#include "sj_ssprop.h"

static int64_t chunk_count(const sj_model *m) { return m->batch / m->chunk; }

// Adds up a chunk's sums in the order of the chunks; `stride` doubles a chunk.
static double ordered_sum(const sj_model *m, int64_t stride, int64_t at) {
    double sum = 0.0;
    for (int64_t c = 0; c < chunk_count(m); c++) {
        sum += m->chunk_sums[c * stride + at];
    }
    return sum;
}

// ssProp: scores, selection, and dy without the dropped channels.
static const float *select_channels(sj_model *m, sj_layer *l, double keep) {
    const int64_t channels = l->info->out.c, rows = m->chunk * l->info->out.h * l->info->out.w;
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t c = 0; c < chunk_count(m); c++) {
        sj_column_abs_sums(rows, channels, l->dy + c * rows * channels, m->chunk_sums + c * channels);
    }
    for (int64_t k = 0; k < channels; k++) {
        m->chunk_sums[k] = ordered_sum(m, channels, k) / (double)(rows * chunk_count(m));  // the score: mean |dy[:,k]|
    }
    l->kept_count = sj_ssprop_count(keep, channels);
    l->selected = true;
    sj_ssprop_select(channels, m->chunk_sums, l->kept_count, l->kept);
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t c = 0; c < chunk_count(m); c++) {
        sj_ssprop_mask(rows, channels, l->kept, l->dy + c * rows * channels, m->masked_dy + c * rows * channels);
    }
    return m->masked_dy;
}

static void reduce_dw(const sj_model *m, sj_param *w) {
    enum { BLOCK = 4096 };
    const int64_t blocks = (w->count + BLOCK - 1) / BLOCK;
#pragma omp parallel for schedule(static)
    for (int64_t b = 0; b < blocks; b++) {
        const int64_t begin = b * BLOCK, end = begin + BLOCK < w->count ? begin + BLOCK : w->count;
        memcpy(w->grad + begin, m->chunk_dw + begin, (size_t)(end - begin) * sizeof *w->grad);
        for (int64_t c = 1; c < chunk_count(m); c++) {
            for (int64_t i = begin; i < end; i++) {
                w->grad[i] += m->chunk_dw[c * w->count + i];
            }
        }
    }
}

static void bias_gradient(const sj_model *m, sj_layer *l, const float *dy) {
    const int64_t channels = l->info->out.c, rows = m->chunk * l->info->out.h * l->info->out.w;
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t c = 0; c < chunk_count(m); c++) {
        sj_column_sums(rows, channels, dy + c * rows * channels, m->chunk_sums + c * channels);
    }
    for (int64_t k = 0; k < channels; k++) {
        l->params[1].grad[k] = (float)ordered_sum(m, channels, k);
    }
}

static void clear_dropped(sj_layer *l) {
    const int64_t taps = l->params[0].count / l->info->out.c;
    for (int64_t k = 0; k < l->info->out.c; k++) {
        if (l->kept[k] == 0) {
            memset(l->params[0].grad + k * taps, 0, (size_t)taps * sizeof(float));
        }
    }
}

static sj_status product_backward(sj_model *m, int index, double keep, sj_error *err) {
    sj_layer *l = &m->layers[index];
    const float *x = sj_model_x(m, index, 0), *dy = l->dy;
    float *dx = l->info->needs_dx ? sj_model_dx(m, index, 0) : NULL;
    const int64_t in = m->chunk * sj_model_in_count(l), out = m->chunk * sj_model_out_count(l), weights = l->params[0].count;
    l->selected = false;
    l->kept_count = l->info->out.c;
    memset(l->kept, 1, (size_t)l->info->out.c);
    if (keep < 1.0 && l->info->kind == SJ_KIND_CONV) {
        dy = select_channels(m, l, keep);
    }
    int failure = 0;
#pragma omp parallel for schedule(dynamic, 1) reduction(max : failure)
    for (int64_t c = 0; c < chunk_count(m); c++) {
        const int lane = omp_get_thread_num();
        int status = sj_dnn_backward_weights(l->product, lane, x + c * in, dy + c * out, m->chunk_dw + c * weights);
        if (status == 0 && dx != NULL) {
            status = sj_dnn_backward_data(l->product, lane, dy + c * out, dx + c * in);
        }
        failure = status > failure ? status : failure;
    }
    if (failure != 0) {
        return sj_dnn_fail(failure, l->info->name, err);
    }
    reduce_dw(m, &l->params[0]);
    clear_dropped(l);
    if (l->info->has_bias) {
        bias_gradient(m, l, dy);
    }
    return SJ_OK;
}

static void bn_backward(sj_model *m, int index) {
    sj_layer *l = &m->layers[index];
    const float *x = sj_model_x(m, index, 0);
    float *dx = l->info->needs_dx ? sj_model_dx(m, index, 0) : NULL;
    const int64_t channels = l->info->in.c, pixels = m->chunk * l->info->in.h * l->info->in.w;
    const double count = (double)(pixels * chunk_count(m));
    float *inverse_std = m->masked_dy, *a = inverse_std + channels, *b = a + channels;  // scratch; three vectors always fit, see sj_model.c
    for (int64_t k = 0; k < channels; k++) {
        inverse_std[k] = (float)(1.0 / sqrt((double)l->variance[k] + m->net.bn_eps));
    }
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t c = 0; c < chunk_count(m); c++) {
        double *sums = m->chunk_sums + c * 2 * channels;
        const int64_t at = c * pixels * channels;
        sj_bn_backward_sums(pixels, channels, x + at, l->dy + at, l->mean, inverse_std, sums, sums + channels);
    }
    for (int64_t k = 0; k < channels; k++) {
        const double dy_sum = ordered_sum(m, 2 * channels, k), dy_x_sum = ordered_sum(m, 2 * channels, channels + k);
        l->params[0].grad[k] = (float)dy_x_sum;
        l->params[1].grad[k] = (float)dy_sum;
        a[k] = (float)(dy_sum / count);
        b[k] = (float)(dy_x_sum / count);
    }
    if (dx == NULL) {
        return;
    }
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t c = 0; c < chunk_count(m); c++) {
        const int64_t at = c * pixels * channels;
        sj_bn_backward(pixels, channels, x + at, l->dy + at, l->mean, inverse_std, l->params[0].value, a, b, dx + at);
    }
}

static void fork_backward(const sj_model *m, int index, int64_t begin, int64_t count) {
    const sj_layer *l = &m->layers[index];
    float *dx = sj_model_dx(m, index, 0);
    memcpy(dx + begin, l->branches[0] + begin, (size_t)count * sizeof *dx);
    for (int b = 1; b < l->branch_count; b++) {
        for (int64_t i = begin; i < begin + count; i++) {
            dx[i] += l->branches[b][i];
        }
    }
}

static void plain_backward(const sj_model *m, int index) {
    const sj_layer *l = &m->layers[index];
    const float *x = sj_model_x(m, index, 0);
    const int64_t in = m->chunk * sj_model_in_count(l), out = m->chunk * sj_model_out_count(l);
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t c = 0; c < chunk_count(m); c++) {
        if (l->info->kind == SJ_KIND_FORK) {
            fork_backward(m, index, c * in, in);
            continue;
        }
        for (int j = 0; j < l->info->input_count; j++) {
            float *dx = sj_model_dx(m, index, j);
            if (dx == NULL) {
                continue;
            }
            if (l->info->kind == SJ_KIND_RELU) {
                sj_relu_backward(out, x + c * in, l->dy + c * out, dx + c * in);
            } else if (l->info->kind == SJ_KIND_MAXPOOL) {
                sj_maxpool_backward(l->info, m->chunk, x + c * in, l->y + c * out, l->dy + c * out, dx + c * in);
            } else if (l->info->kind == SJ_KIND_AVGPOOL) {
                sj_avgpool_backward(l->info, m->chunk, l->dy + c * out, dx + c * in);
            } else {
                memcpy(dx + c * in, l->dy + c * out, (size_t)in * sizeof *dx);  // add, flatten
            }
        }
    }
}

// EAT's term of one module: returns s_k, and adds its gradient to dy where the module has one.
static double penalise(const sj_model *m, const float *y, float *dy, int64_t out, double sigma, double scale) {
    const int64_t count = m->chunk * out;
    const double each = scale / (double)(out * m->batch);
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t c = 0; c < chunk_count(m); c++) {
        m->chunk_sums[c] = sj_eat_penalty(count, sigma, y + c * count);
        if (dy != NULL) {
            sj_eat_gradient(count, sigma, each, y + c * count, dy + c * count);
        }
    }
    return ordered_sum(m, 1, 0) / (double)(out * m->batch);
}

static sj_status layer_backward(sj_model *m, int index, double keep, sj_error *err) {
    const sj_layer *l = &m->layers[index];
    if (l->product != NULL) {
        return product_backward(m, index, keep, err);
    }
    if (l->info->kind == SJ_KIND_BN) {
        bn_backward(m, index);
    } else if (l->info->needs_dx) {
        plain_backward(m, index);
    }
    return SJ_OK;
}

sj_status sj_model_backward(sj_model *m, const sj_backward_options *options, double *penalty, sj_error *err) {
    const int last = m->layer_count - 1;
    const sj_eat *eat = options->eat;
    const int modules = eat != NULL ? sj_eat_modules(eat, &m->net.network) : 0;
    const double scale = eat == NULL || modules == 0 ? 0.0 : eat->reduce == SJ_EAT_MEAN ? options->lambda / (double)modules : options->lambda;
    *penalty = eat != NULL && eat->input ? scale * penalise(m, m->input, NULL, sj_dims_count(m->input_dims), eat->sigma, 0.0) : 0.0;
    float *dx = sj_model_dx(m, last, 0);
    if (dx != NULL) {
        sj_softmax_ce_backward(m->batch, m->layers[last].info->in.c, m->layers[last].y, m->labels, m->batch, dx);
    }
    for (int i = last - 1; i >= 0; i--) {
        const sj_layer *l = &m->layers[i];
        if (eat != NULL && sj_eat_hooked(eat, &m->net.network, i)) {
            *penalty += scale * penalise(m, l->y, l->dy, sj_model_out_count(l), eat->sigma, scale);
        }
        SJ_TRY(layer_backward(m, i, options->keep, err));
    }
    return SJ_OK;
}
