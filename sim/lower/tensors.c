// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdio.h>

#include "lowering_internal.h"

void sj_lowering_release(sj_lowering *l) {
    for (int i = 0; i < l->job_count; i++) {
        sj_job_free(l->jobs[i]);
    }
    sj_tensor_free(&l->keep);
    l->job_count = l->view_count = 0;
    l->clock++;
}

// A held tensor as this unit sees it: the shape may change, the values are the store's.
static sj_status view(sj_lowering *l, int layer, const char *name, sj_tensor **out, sj_error *err) {
    if (l->view_count == TENSORS_MAX) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s: layer \"%s\" needs more than %d tensors", sj_trace_path(l->trace), l->net->layers[layer].name, TENSORS_MAX);
    }
    sj_view *v = &l->views[l->view_count];
    SJ_TRY(sj_lowering_hold(l, layer, name, &v->held, err));
    v->tensor = v->held->tensor;
    l->view_count++;
    *out = &v->tensor;
    return SJ_OK;
}

static sj_status wrong_shape(sj_lowering *l, int layer, const char *name, const char *expected, sj_error *err) {
    return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: step %lld, layer \"%s\": tensor \"%s\" has another shape than the layer table says; expected %s", sj_trace_path(l->trace),
                   (long long)sj_trace_get_step(l->trace, l->step)->number, l->net->layers[layer].name, name, expected);
}

// The stored shape may differ where a flatten stands between (H x W x C against 1 x 1 x HWC): the values are the same.
sj_status sj_lowering_tensor(sj_lowering *l, int layer, const char *name, sj_dims dims, const sj_tensor **out, sj_error *err) {
    sj_tensor *t = NULL;
    SJ_TRY(view(l, layer, name, &t, err));
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

void sj_lowering_input_name(const sj_layer_info *info, int index, char name[16]) {
    if (info->input_count > 1) {
        snprintf(name, 16, "x%d", index);
    } else {
        snprintf(name, 16, "x");
    }
}

sj_status sj_lowering_input(sj_lowering *l, int layer, int index, const sj_tensor **out, sj_error *err) {
    char name[16];
    sj_lowering_input_name(&l->net->layers[layer], index, name);
    return sj_lowering_tensor(l, layer, name, index == 0 ? l->net->layers[layer].in : sj_network_input_dims(l->net, layer, index), out, err);
}

sj_status sj_lowering_weights(sj_lowering *l, int layer, const sj_tensor **out, sj_error *err) {
    const sj_layer_info *info = &l->net->layers[layer];
    sj_tensor *t = NULL;
    SJ_TRY(view(l, layer, "w", &t, err));
    const int64_t channels = info->in.c / info->groups;
    if (sj_tensor_count(t) != info->out.c * info->kernel_h * info->kernel_w * channels || t->dims[0] != info->out.c) {
        char expected[128];
        snprintf(expected, sizeof expected, "%lld x %lld x %lld x %lld (KRSC)", (long long)info->out.c, (long long)info->kernel_h, (long long)info->kernel_w, (long long)channels);
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
    sj_tensor *t = &l->keep;
    SJ_TRY(sj_trace_read(l->trace, l->step, layer, "keep", SJ_TYPE_I32, t, err));
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
        sj_lowering_input_name(&l->net->layers[j], input, name);
        if (sj_trace_has(l->trace, l->step, j, name)) {
            return sj_lowering_tensor(l, j, name, dims, &out->tensor, err);
        }
    }
    return SJ_OK;
}

// The gradient of a layer's input is its producer's dy, unless the producer is a fork: then it is one branch of a sum, and its values are not stored.
sj_status sj_lowering_dx_plane(sj_lowering *l, int layer, int input, sj_plane *out, sj_error *err) {
    const sj_layer_info *info = &l->net->layers[layer];
    const int producer = info->inputs[input];
    const sj_dims dims = input == 0 ? info->in : sj_network_input_dims(l->net, layer, input);
    *out = (sj_plane){NULL, dims};
    const bool known = producer >= 0 && l->net->layers[producer].kind != SJ_KIND_FORK && l->consumer_count[producer] == 1;
    if (!known || !sj_trace_has(l->trace, l->step, producer, "dy")) {
        return SJ_OK;
    }
    return sj_lowering_tensor(l, producer, "dy", dims, &out->tensor, err);
}

static int64_t sum_channels(const int64_t *counts, int64_t channels, const sj_tensor *keep) {
    int64_t sum = 0;
    for (int64_t i = 0; i < (keep != NULL ? keep->dims[0] : channels); i++) {
        sum += counts[keep != NULL ? ((const int32_t *)keep->data)[i] : i];
    }
    return sum;
}

sj_share sj_lowering_share(const sj_lowering *l, const sj_tensor *t, const sj_tensor *keep) {
    const sj_held *h = NULL;
    for (int i = 0; i < l->view_count; i++) {
        h = t == &l->views[i].tensor ? l->views[i].held : h;
    }
    if (h == NULL || (keep != NULL && t->dims[3] != h->channels)) {
        return (sj_share){(double)NAN, (double)NAN, 0};
    }
    const int64_t kept = keep != NULL ? keep->dims[0] : h->channels;
    const double values = (double)(sj_tensor_count(&h->tensor) / h->channels * kept);
    const int64_t after = sum_channels(h->nonzeros, h->channels, keep);
    const int64_t before = h->before != NULL ? sum_channels(h->before, h->channels, keep) : after;
    return (sj_share){(double)after / values, (double)before / values, before - after};
}

sj_densities sj_lowering_densities(const sj_lowering *l, const sj_tensor *a, const sj_tensor *keep_a, const sj_tensor *b, const sj_tensor *keep_b, const sj_tensor *out) {
    const sj_share sa = sj_lowering_share(l, a, keep_a);
    const sj_share sb = sj_lowering_share(l, b, keep_b);
    return (sj_densities){sa.density, sb.density, sj_lowering_share(l, out, NULL).density, sa.before, sb.before, sa.quantised_zeros, sb.quantised_zeros};
}
