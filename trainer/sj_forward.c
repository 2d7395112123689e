// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <omp.h>

#include "sj_layers.h"
#include "sj_model.h"

static sj_status product_forward(const sj_model *m, int index, int64_t chunks, sj_error *err) {
    const sj_layer *l = &m->layers[index];
    const float *x = sj_model_x(m, index, 0), *bias = l->info->has_bias ? l->params[1].value : NULL;
    const int64_t in = m->chunk * sj_model_in_count(l), out = m->chunk * sj_model_out_count(l);
    SJ_TRY(sj_dnn_set_weights(l->product, l->params[0].value, err));
    int failure = 0;
#pragma omp parallel for schedule(dynamic, 1) reduction(max : failure)
    for (int64_t c = 0; c < chunks; c++) {
        const int status = sj_dnn_forward(l->product, omp_get_thread_num(), x + c * in, bias, l->y + c * out);
        failure = status > failure ? status : failure;
    }
    return failure == 0 ? SJ_OK : sj_dnn_fail(failure, l->info->name, err);
}

// The batch's mean and biased variance; the running ones follow (the variance unbiased).
static void bn_statistics(const sj_model *m, const sj_layer *l, const float *x, int64_t chunks) {
    const int64_t channels = l->info->in.c, pixels = m->chunk * l->info->in.h * l->info->in.w;
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t c = 0; c < chunks; c++) {
        double *sums = m->chunk_sums + c * 2 * channels;
        sj_bn_sums(pixels, channels, x + c * pixels * channels, sums, sums + channels);
    }
    const double count = (double)(chunks * pixels), momentum = m->net.bn_momentum;
    for (int64_t k = 0; k < channels; k++) {
        double sum = 0.0, square = 0.0;
        for (int64_t c = 0; c < chunks; c++) {
            sum += m->chunk_sums[c * 2 * channels + k];
            square += m->chunk_sums[c * 2 * channels + channels + k];
        }
        const double mean = sum / count, variance = fmax(square / count - mean * mean, 0.0);
        const double unbiased = count > 1.0 ? variance * count / (count - 1.0) : variance;
        l->mean[k] = (float)mean;
        l->variance[k] = isfinite(square) ? (float)variance : NAN;
        l->running_mean[k] = (float)((1.0 - momentum) * (double)l->running_mean[k] + momentum * mean);
        l->running_variance[k] = (float)((1.0 - momentum) * (double)l->running_variance[k] + momentum * unbiased);
    }
}

static void bn_forward(const sj_model *m, int index, sj_mode mode, int64_t chunks) {
    const sj_layer *l = &m->layers[index];
    const float *x = sj_model_x(m, index, 0), *gamma = l->params[0].value, *beta = l->params[1].value;
    const int64_t channels = l->info->in.c, pixels = m->chunk * l->info->in.h * l->info->in.w;
    if (mode == SJ_MODE_TRAIN) {
        bn_statistics(m, l, x, chunks);
    }
    float *scale = (float *)(void *)m->chunk_sums;  // the sums have served
    for (int64_t k = 0; k < channels; k++) {
        if (mode == SJ_MODE_EVAL) {
            l->mean[k] = l->running_mean[k];
            l->variance[k] = l->running_variance[k];
        }
        scale[k] = gamma[k] * (float)(1.0 / sqrt((double)l->variance[k] + m->net.bn_eps));
    }
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t c = 0; c < chunks; c++) {
        const int64_t at = c * pixels * channels;
        sj_bn_forward(pixels, channels, x + at, l->mean, scale, beta, l->y + at);
    }
}

static void plain_forward(const sj_model *m, int index, int64_t chunks) {
    const sj_layer *l = &m->layers[index];
    const float *x = sj_model_x(m, index, 0), *x1 = l->info->kind == SJ_KIND_ADD ? sj_model_x(m, index, 1) : NULL;
    const int64_t in = m->chunk * sj_model_in_count(l), out = m->chunk * sj_model_out_count(l);
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t c = 0; c < chunks; c++) {
        float *y = l->y + c * out;
        if (l->info->kind == SJ_KIND_RELU) {
            sj_relu_forward(out, x + c * in, y);
        } else if (l->info->kind == SJ_KIND_MAXPOOL) {
            sj_maxpool_forward(l->info, m->chunk, x + c * in, y);
        } else if (l->info->kind == SJ_KIND_AVGPOOL) {
            sj_avgpool_forward(l->info, m->chunk, x + c * in, y);
        } else {
            for (int64_t i = 0; i < out; i++) {
                y[i] = x[c * in + i] + x1[c * in + i];
            }
        }
    }
}

static sj_status layer_forward(const sj_model *m, int index, sj_mode mode, int64_t chunks, sj_error *err) {
    switch (m->layers[index].info->kind) {
        case SJ_KIND_CONV:
        case SJ_KIND_LINEAR:
            return product_forward(m, index, chunks, err);
        case SJ_KIND_BN:
            bn_forward(m, index, mode, chunks);
            return SJ_OK;
        case SJ_KIND_RELU:
        case SJ_KIND_MAXPOOL:
        case SJ_KIND_AVGPOOL:
        case SJ_KIND_ADD:
            plain_forward(m, index, chunks);
            return SJ_OK;
        case SJ_KIND_FORK:
        case SJ_KIND_FLATTEN:
            return SJ_OK;  // their y is their input
        default:
            return SJ_FAIL(err, SJ_ERR_INTERNAL, "layer %s: kind %s has no forward pass", m->layers[index].info->name, sj_kind_name(m->layers[index].info->kind));
    }
}

static sj_status find_culprit(const sj_model *m, int64_t images, double loss, sj_error *err) {
    for (int i = 0; i < m->layer_count; i++) {
        const int64_t count = images * sj_model_out_count(&m->layers[i]);
        for (int64_t j = 0; j < count; j++) {
            if (!isfinite(m->layers[i].y[j])) {
                return SJ_FAIL(err, SJ_ERR_NUMERIC, "the output of layer %s holds %g", m->layers[i].info->name, (double)m->layers[i].y[j]);
            }
        }
    }
    return SJ_FAIL(err, SJ_ERR_NUMERIC, "the loss is %g", loss);
}

sj_status sj_model_forward(sj_model *m, sj_mode mode, int64_t images, sj_forward_result *out, sj_error *err) {
    const int64_t chunks = (images + m->chunk - 1) / m->chunk;
    const int last = m->layer_count - 1;
    for (int i = 0; i < last; i++) {
        SJ_TRY(layer_forward(m, i, mode, chunks, err));
    }
    out->loss = sj_softmax_ce_forward(images, m->layers[last].info->in.c, sj_model_x(m, last, 0), m->labels, m->layers[last].y, &out->correct) / (double)images;
    return isfinite(out->loss) ? SJ_OK : find_culprit(m, images, out->loss, err);
}
