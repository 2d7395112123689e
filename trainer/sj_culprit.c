// SPDX-License-Identifier: Apache-2.0
// Who made a NaN or an infinity: the first layer of the forward pass whose output holds one, or the first parameter whose gradient does.
#include <math.h>
#include <stdlib.h>

#include "sj_engine.h"
#include "sj_file.h"

static sj_status find_in_value(sj_model *m, int layer, int64_t images, float *image, sj_error *err) {
    const int64_t each = sj_dims_count(m->layers[layer].info->out);
    for (int64_t i = 0; i < images; i++) {
        SJ_TRY(sj_model_value(m, layer, i, 1, image, err));
        for (int64_t j = 0; j < each; j++) {
            if (!isfinite(image[j])) {
                return SJ_FAIL(err, SJ_ERR_NUMERIC, "the output of layer %s holds %g", m->layers[layer].info->name, (double)image[j]);
            }
        }
    }
    return SJ_OK;
}

sj_status sj_culprit_value(sj_model *m, int64_t images, double loss, sj_error *err) {
    int64_t most = 1;
    for (int i = 0; i < m->layer_count; i++) {
        const int64_t each = sj_dims_count(m->layers[i].info->out);
        most = each > most ? each : most;
    }
    float *image;
    SJ_TRY(sj_alloc((void **)&image, (uint64_t)most, sizeof *image, "an image", err));
    sj_status status = SJ_OK;
    for (int i = 0; i < m->layer_count && status == SJ_OK; i++) {
        status = find_in_value(m, i, images, image, err);
    }
    free(image);
    return status != SJ_OK ? status : SJ_FAIL(err, SJ_ERR_NUMERIC, "the loss is %g", loss);
}

// A NaN or an infinity times 0 is NaN, and stays in a sum.
static bool all_finite(const float *v, int64_t count) {
    enum { LANES = 32 };
    float sums[LANES] = {0};
    const int64_t whole = count - count % LANES;
    for (int64_t i = 0; i < whole; i += LANES) {
        for (int64_t j = 0; j < LANES; j++) {
            sums[j] += v[i + j] * 0.0F;
        }
    }
    float all = 0.0F;
    for (int64_t i = whole; i < count; i++) {
        all += v[i] * 0.0F;
    }
    for (int j = 0; j < LANES; j++) {
        all += sums[j];
    }
    return all == 0.0F;
}

static sj_status gradient_fails(const sj_layer *l, const sj_param *p, sj_error *err) {
    int64_t i = 0;
    while (i < p->count - 1 && isfinite(p->grad[i])) {
        i++;
    }
    return SJ_FAIL(err, SJ_ERR_NUMERIC, "the gradient of %s of layer %s holds %g", p->name, l->info->name, (double)p->grad[i]);
}

sj_status sj_culprit_gradient(const sj_model *m, sj_error *err) {
    int culprit = m->layer_count;
#pragma omp parallel for schedule(dynamic, 1) reduction(min : culprit)
    for (int i = 0; i < m->layer_count; i++) {
        for (int j = 0; j < m->layers[i].param_count; j++) {
            const sj_param *p = &m->layers[i].params[j];
            culprit = !all_finite(p->grad, p->count) && i < culprit ? i : culprit;
        }
    }
    for (int j = 0; culprit < m->layer_count && j < m->layers[culprit].param_count; j++) {
        const sj_param *p = &m->layers[culprit].params[j];
        if (!all_finite(p->grad, p->count)) {
            return gradient_fails(&m->layers[culprit], p, err);
        }
    }
    return SJ_OK;
}
