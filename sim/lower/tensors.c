// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdio.h>

#include "lowering_internal.h"

void sj_lowering_release(sj_lowering *l) {
    for (int i = 0; i < l->job_count; i++) {
        sj_job_free(l->jobs[i]);
    }
    for (int i = 0; i < l->tensor_count; i++) {
        sj_tensor_free(&l->tensors[i]);
    }
    l->job_count = l->tensor_count = 0;
}

static sj_status read_tensor(sj_lowering *l, int layer, const char *name, sj_type as, sj_tensor **out, sj_error *err) {
    if (l->tensor_count == TENSORS_MAX) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s: layer \"%s\" needs more than %d tensors", sj_trace_path(l->trace), l->net->layers[layer].name, TENSORS_MAX);
    }
    *out = &l->tensors[l->tensor_count];
    SJ_TRY(sj_trace_read(l->trace, l->step, layer, name, as, *out, err));
    l->tensor_count++;
    return SJ_OK;
}

static sj_status wrong_shape(sj_lowering *l, int layer, const char *name, const char *expected, sj_error *err) {
    return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: step %lld, layer \"%s\": tensor \"%s\" has another shape than the layer table says; expected %s", sj_trace_path(l->trace),
                   (long long)sj_trace_get_step(l->trace, l->step)->number, l->net->layers[layer].name, name, expected);
}

// The stored shape may differ where a flatten stands between (H x W x C against 1 x 1 x HWC): the values are the same.
sj_status sj_lowering_tensor(sj_lowering *l, int layer, const char *name, sj_dims dims, const sj_tensor **out, sj_error *err) {
    sj_tensor *t = NULL;
    SJ_TRY(read_tensor(l, layer, name, SJ_TYPE_BF16, &t, err));
    const int64_t images = sj_trace_get_meta(l->trace)->images;
    if (t->rank < 1 || t->dims[0] < 1 || t->dims[0] > images || sj_tensor_count(t) != t->dims[0] * dims.h * dims.w * dims.c) {
        char expected[128];
        snprintf(expected, sizeof expected, "up to %lld images of %lld x %lld x %lld", (long long)images, (long long)dims.h, (long long)dims.w, (long long)dims.c);
        return wrong_shape(l, layer, name, expected, err);
    }
    t->rank = 4;
    t->dims[1] = dims.h;
    t->dims[2] = dims.w;
    t->dims[3] = dims.c;
    *out = t;
    return SJ_OK;
}

static void input_name(const sj_layer_info *info, int index, char name[16]) {
    if (info->input_count > 1) {
        snprintf(name, 16, "x%d", index);
    } else {
        snprintf(name, 16, "x");
    }
}

sj_status sj_lowering_input(sj_lowering *l, int layer, int index, const sj_tensor **out, sj_error *err) {
    char name[16];
    input_name(&l->net->layers[layer], index, name);
    return sj_lowering_tensor(l, layer, name, l->net->layers[layer].in, out, err);
}

sj_status sj_lowering_weights(sj_lowering *l, int layer, const sj_tensor **out, sj_error *err) {
    const sj_layer_info *info = &l->net->layers[layer];
    sj_tensor *t = NULL;
    SJ_TRY(read_tensor(l, layer, "w", SJ_TYPE_BF16, &t, err));
    if (sj_tensor_count(t) != info->out.c * info->kernel_h * info->kernel_w * info->in.c || t->dims[0] != info->out.c) {
        char expected[128];
        snprintf(expected, sizeof expected, "%lld x %lld x %lld x %lld (KRSC)", (long long)info->out.c, (long long)info->kernel_h, (long long)info->kernel_w, (long long)info->in.c);
        return wrong_shape(l, layer, "w", expected, err);
    }
    *out = t;
    return SJ_OK;
}

sj_status sj_lowering_keep(sj_lowering *l, int layer, const sj_tensor **out, sj_error *err) {
    *out = NULL;
    if (!sj_trace_has(l->trace, l->step, layer, "keep")) {
        return SJ_OK;
    }
    sj_tensor *t = NULL;
    SJ_TRY(read_tensor(l, layer, "keep", SJ_TYPE_I32, &t, err));
    const int32_t *kept = t->data;
    const int64_t count = sj_tensor_count(t);
    for (int64_t i = 0; i < count; i++) {
        if (kept[i] < 0 || kept[i] >= l->net->layers[layer].out.c || (i > 0 && kept[i] <= kept[i - 1])) {
            return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: layer \"%s\": keep[%lld] = %d; allowed: ascending channels from 0 to %lld", sj_trace_path(l->trace), l->net->layers[layer].name,
                           (long long)i, kept[i], (long long)l->net->layers[layer].out.c - 1);
        }
    }
    if (count == 0) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: layer \"%s\": keep is empty; allowed: at least one channel", sj_trace_path(l->trace), l->net->layers[layer].name);
    }
    *out = t;
    return SJ_OK;
}

sj_status sj_lowering_dy(sj_lowering *l, int layer, const sj_tensor **out, sj_error *err) {
    return sj_lowering_tensor(l, layer, "dy", l->net->layers[layer].out, out, err);
}

sj_status sj_lowering_output_plane(sj_lowering *l, int layer, sj_plane *out, sj_error *err) {
    const sj_dims dims = l->net->layers[layer].out;
    *out = (sj_plane){NULL, dims};
    if (sj_trace_has(l->trace, l->step, layer, "y")) {
        return sj_lowering_tensor(l, layer, "y", dims, &out->tensor, err);
    }
    int input = 0;
    for (int nth = 0, j; (j = sj_lowering_consumer(l, layer, nth, &input)) >= 0; nth++) {
        char name[16];
        input_name(&l->net->layers[j], input, name);
        if (sj_trace_has(l->trace, l->step, j, name)) {
            return sj_lowering_tensor(l, j, name, dims, &out->tensor, err);
        }
    }
    return SJ_OK;
}

// The gradient of a layer's input is its producer's dy, unless the producer is a fork: then it is one branch of a sum, and its values are not stored.
sj_status sj_lowering_dx_plane(sj_lowering *l, int layer, sj_plane *out, sj_error *err) {
    const sj_layer_info *info = &l->net->layers[layer];
    const int producer = info->inputs[0];
    *out = (sj_plane){NULL, info->in};
    const bool known = producer >= 0 && l->net->layers[producer].kind != SJ_KIND_FORK && l->consumer_count[producer] == 1;
    if (!known || !sj_trace_has(l->trace, l->step, producer, "dy")) {
        return SJ_OK;
    }
    return sj_lowering_tensor(l, producer, "dy", info->in, &out->tensor, err);
}

static bool nonzero(const sj_tensor *t, int64_t i) {
    return t->type == SJ_TYPE_BF16 ? sj_bf16_nonzero(((const sj_bf16 *)t->data)[i]) : ((const int8_t *)t->data)[i] != 0;
}

double sj_tensor_density(const sj_tensor *t, const sj_tensor *keep) {
    if (t == NULL) {
        return (double)NAN;
    }
    const int64_t channels = t->rank == 4 ? t->dims[3] : 1;
    const int64_t kept = keep != NULL ? keep->dims[0] : channels;
    const int64_t pixels = sj_tensor_count(t) / channels;
    int64_t nonzeros = 0;
    for (int64_t p = 0; p < pixels; p++) {
        for (int64_t c = 0; c < kept; c++) {
            nonzeros += nonzero(t, p * channels + (keep != NULL ? ((const int32_t *)keep->data)[c] : c));
        }
    }
    return pixels * kept > 0 ? (double)nonzeros / (double)(pixels * kept) : (double)NAN;
}
