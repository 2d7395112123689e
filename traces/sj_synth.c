// SPDX-License-Identifier: Apache-2.0
#include "sj_synth.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "synth_internal.h"

// Where an output of the step already stands, so that it is linked and not written twice.
typedef struct place {
    int layer;  // -1: nowhere yet
    char name[8];
} place;

typedef struct synth {
    const sj_network *net;
    const sj_synth_options *o;
    sj_trace_writer *writer;
    place *values;     // [1 + layer]: its output; [0]: the network's input
    int *gradients;    // of each layer: the layer that stores the gradient first; -1 for none yet
} synth;

static int64_t volume(sj_dims d) { return d.h * d.w * d.c; }

// A dataset of `rows` x (count / rows) values; `images`: its rows are images, whose counts stand for the batch in which they repeat in turn.
static sj_status write_random(const synth *s, int layer, const char *name, const sj_synth_recipe *r, const int64_t dims[4], bool images, sj_error *err) {
    const int64_t rows = dims[0], each = dims[1] * dims[2] * dims[3], batch = s->o->batch_size;
    void *data, *counts;
    SJ_TRY(sj_alloc(&data, (uint64_t)rows * (uint64_t)each, (size_t)sj_type_bytes(s->o->type), name, err));
    sj_status status = sj_alloc(&counts, (uint64_t)rows, sizeof(int64_t), name, err);
    if (status == SJ_OK) {
        int64_t *nonzero = counts;
        sj_synth_fill(r, s->o, rows * each, each, data, nonzero);
        sj_tensor t = {s->o->type, 4, {rows, dims[1], dims[2], dims[3]}, data, s->o->type == SJ_TYPE_I8 ? SJ_SYNTH_INT8_SCALE : 1.0F, 0, 0};
        t.full_count = (images ? batch : rows) * each;
        for (int64_t i = 0; i < rows; i++) {
            t.full_nonzero += nonzero[i] * (images ? batch / rows + (i < batch % rows) : 1);
        }
        status = sj_trace_write(s->writer, layer, name, &t, s->o->type, err);
        free(counts);
    }
    free(data);
    return status;
}

static sj_status write_images(const synth *s, int layer, const char *name, const sj_synth_recipe *r, sj_dims d, sj_error *err) {
    const int64_t dims[4] = {s->o->images, d.h, d.w, d.c};
    return write_random(s, layer, name, r, dims, true, err);
}

static sj_status write_inputs(synth *s, int layer, sj_error *err) {
    const sj_layer_info *l = &s->net->layers[layer];
    for (int i = 0; i < l->input_count; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, l->input_count > 1 ? "x%d" : "x", i);
        place own = {-1, ""}, *known = l->inputs[i] == SJ_INPUT_OWN ? &own : &s->values[1 + sj_synth_source(s->net, l->inputs[i])];
        if (known->layer >= 0) {
            SJ_TRY(sj_trace_link(s->writer, layer, name, known->layer, known->name, err));
            continue;
        }
        const sj_synth_recipe r = sj_synth_value(s->net, s->o, layer, i);
        SJ_TRY(write_images(s, layer, name, &r, sj_network_input_dims(s->net, layer, i), err));
        known->layer = layer;
        memcpy(known->name, name, sizeof name);
    }
    return SJ_OK;
}

static sj_status write_gradient(synth *s, int layer, sj_error *err) {
    const sj_layer_info *l = &s->net->layers[layer];
    const bool has_parameters = l->kind == SJ_KIND_CONV || l->kind == SJ_KIND_LINEAR || l->kind == SJ_KIND_BN;
    if (l->kind == SJ_KIND_SOFTMAX_CE || (!has_parameters && !l->needs_dx)) {
        return SJ_OK;
    }
    int *known = &s->gradients[sj_synth_gradient_source(s->net, s->o, layer)];
    if (*known >= 0) {
        return sj_trace_link(s->writer, layer, "dy", *known, "dy", err);
    }
    const sj_synth_recipe r = sj_synth_gradient(s->net, s->o, layer);
    if (r.mask_count > SJ_SYNTH_MASKS_MAX) {
        return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "layer \"%s\": its gradient comes through %d ReLUs with nothing but adds and forks between them; allowed: %d", l->name, r.mask_count, SJ_SYNTH_MASKS_MAX);
    }
    *known = layer;
    return write_images(s, layer, "dy", &r, l->out, err);
}

static sj_status write_floats(const synth *s, int layer, const char *name, int number, int64_t count, float low, float high, sj_error *err) {
    void *memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)count, sizeof(float), name, err));
    float *v = memory;
    sj_random r = sj_random_stream(s->o->seed, sj_synth_stream(layer, SJ_SYNTH_PARAMETER, number));
    for (int64_t i = 0; i < count; i++) {
        v[i] = low + (high - low) * (float)sj_random_unit(&r);
    }
    const sj_tensor t = {.type = SJ_TYPE_F32, .rank = 1, .dims = {count}, .data = v, .scale = 1.0F};
    const sj_status status = sj_trace_write(s->writer, layer, name, &t, SJ_TYPE_F32, err);
    free(v);
    return status;
}

static sj_status write_bn(const synth *s, int layer, sj_error *err) {
    const int64_t channels = s->net->layers[layer].in.c;
    SJ_TRY(write_floats(s, layer, "gamma", 0, channels, 0.5F, 1.5F, err));
    SJ_TRY(write_floats(s, layer, "beta", 1, channels, -0.5F, 0.5F, err));
    SJ_TRY(write_floats(s, layer, "mean", 2, channels, -0.5F, 0.5F, err));
    SJ_TRY(write_floats(s, layer, "variance", 3, channels, 0.5F, 1.5F, err));
    return write_floats(s, layer, "eps", 4, 1, 1e-5F, 1e-5F, err);
}

static int compare_u64(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

// Each channel draws a number, the smallest are kept: a smaller share keeps a part of the same channels. Two equal numbers are decided by the channel.
static void choose_channels(uint64_t *drawn, uint64_t *sorted, int64_t channels, int64_t kept, sj_random r, int32_t *keep) {
    for (int64_t c = 0; c < channels; c++) {
        drawn[c] = sorted[c] = sj_random_u64(&r) << 32 | (uint64_t)c;
    }
    qsort(sorted, (size_t)channels, sizeof *sorted, compare_u64);
    int64_t count = 0;
    for (int64_t c = 0; c < channels; c++) {
        if (drawn[c] <= sorted[kept - 1]) {
            keep[count++] = (int32_t)c;
        }
    }
}

// NAN: all of them, and no `keep`.
static double kept_share(const sj_synth_options *o, int layer) { return o->layer_keep != NULL ? (double)o->layer_keep[layer] : o->channel_keep; }

// ssProp's own rounding of a share that somebody wants; a layer's is kept / channels of a run that was, in single precision.
static int64_t kept_channels(const sj_synth_options *o, int layer, int64_t channels) {
    const double share = kept_share(o, layer) * (double)channels;
    const int64_t kept = (int64_t)(o->layer_keep != NULL ? share + 0.5 : share);
    return kept > 1 ? kept : 1;
}

static sj_status write_keep(const synth *s, int layer, sj_error *err) {
    const int64_t channels = s->net->layers[layer].out.c, kept = kept_channels(s->o, layer, channels);
    void *draws, *memory;
    SJ_TRY(sj_alloc(&draws, 2 * (uint64_t)channels, sizeof(uint64_t), "keep", err));
    uint64_t *drawn = draws;
    sj_status status = sj_alloc(&memory, (uint64_t)kept, sizeof(int32_t), "keep", err);
    if (status == SJ_OK) {
        int32_t *keep = memory;
        choose_channels(drawn, drawn + channels, channels, kept, sj_random_stream(s->o->seed, sj_synth_stream(layer, SJ_SYNTH_KEEP, 0)), keep);
        const sj_tensor t = {.type = SJ_TYPE_I32, .rank = 1, .dims = {kept}, .data = keep, .scale = 1.0F, .full_nonzero = kept, .full_count = kept};
        status = sj_trace_write(s->writer, layer, "keep", &t, SJ_TYPE_I32, err);
        free(keep);
    }
    free(drawn);
    return status;
}

static sj_status write_product(const synth *s, int layer, sj_error *err) {
    const sj_layer_info *l = &s->net->layers[layer];
    const int64_t dims[4] = {l->out.c, l->kernel_h, l->kernel_w, l->in.c / l->groups};
    const sj_synth_recipe r = sj_synth_weights(s->o, layer);
    SJ_TRY(write_random(s, layer, "w", &r, dims, false, err));
    if (l->has_bias) {
        SJ_TRY(write_floats(s, layer, "bias", 0, l->out.c, -0.5F, 0.5F, err));
    }
    return s->o->mode == SJ_MODE_TRAIN && s->o->select && !isnan(kept_share(s->o, layer)) ? write_keep(s, layer, err) : SJ_OK;
}

static sj_status write_labels(const synth *s, int layer, sj_error *err) {
    const int64_t classes = volume(s->net->layers[layer].in);
    void *memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)s->o->images, sizeof(int32_t), "labels", err));
    int32_t *labels = memory;
    sj_random r = sj_random_stream(s->o->seed, sj_synth_stream(layer, SJ_SYNTH_LABEL, 0));
    for (int64_t i = 0; i < s->o->images; i++) {
        labels[i] = (int32_t)sj_random_below(&r, (uint64_t)classes);
    }
    const sj_tensor t = {.type = SJ_TYPE_I32, .rank = 1, .dims = {s->o->images}, .data = labels, .scale = 1.0F, .full_nonzero = s->o->images, .full_count = s->o->images};
    const sj_status status = sj_trace_write(s->writer, layer, "labels", &t, SJ_TYPE_I32, err);
    free(labels);
    return status;
}

// Half of the values pass.
static sj_status write_bits(const synth *s, int layer, sj_error *err) {
    const sj_dims d = s->net->layers[layer].out;
    const int64_t count = s->o->images * volume(d);
    void *memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)count, 1, "mask", err));
    uint8_t *bits = memory;
    sj_random r = sj_random_stream(s->o->seed, sj_synth_stream(layer, SJ_SYNTH_BITS, 0));
    for (int64_t i = 0; i < count; i++) {
        bits[i] = (uint8_t)(sj_random_u64(&r) >> 63);
    }
    const sj_tensor t = {.type = SJ_TYPE_U8, .rank = 4, .dims = {s->o->images, d.h, d.w, d.c}, .data = bits, .scale = 1.0F};
    const sj_status status = sj_trace_write(s->writer, layer, "mask", &t, SJ_TYPE_U8, err);
    free(bits);
    return status;
}

static sj_status write_layer(synth *s, int layer, sj_error *err) {
    const sj_kind kind = s->net->layers[layer].kind;
    const bool train = s->o->mode == SJ_MODE_TRAIN;
    SJ_TRY(write_inputs(s, layer, err));
    if (kind == SJ_KIND_CONV || kind == SJ_KIND_LINEAR) {
        SJ_TRY(write_product(s, layer, err));
    } else if (kind == SJ_KIND_BN) {
        SJ_TRY(write_bn(s, layer, err));
    } else if (kind == SJ_KIND_SOFTMAX_CE) {
        SJ_TRY(write_labels(s, layer, err));
    } else if (kind == SJ_KIND_DROPOUT && train) {
        SJ_TRY(write_bits(s, layer, err));
    }
    return train ? write_gradient(s, layer, err) : SJ_OK;
}

static sj_status write_penalties(const synth *s, sj_error *err) {
    const bool any = s->o->mode == SJ_MODE_TRAIN && s->o->penalties != NULL;
    for (int i = 0; any && i <= s->net->layer_count; i++) {
        SJ_TRY(sj_trace_write_penalty(s->writer, i > 0 ? i - 1 : SJ_INPUT_NETWORK, s->o->penalties[i], err));
    }
    return SJ_OK;
}

static sj_status write_step(synth *s, const sj_step_info *step, sj_error *err) {
    SJ_TRY(sj_trace_begin_step(s->writer, step, err));
    for (int i = 0; i < s->net->layer_count; i++) {
        if (s->o->go_on != NULL && !s->o->go_on(s->o->context, i)) {
            return SJ_FAIL(err, SJ_ERR_INTERRUPTED, "interrupted");
        }
        SJ_TRY(write_layer(s, i, err));
    }
    return write_penalties(s, err);
}

static sj_status check(const sj_network *net, const sj_synth_options *o, sj_error *err) {
    const double shares[] = {o->x, o->w, o->dy, o->channel_keep};
    static const char *const names[] = {"x", "w", "dy", "channel_keep"};
    for (int i = 0; i < (o->select && o->layer_keep == NULL ? 4 : 3); i++) {
        if (!(shares[i] >= 0.0 && shares[i] <= 1.0)) {
            return SJ_FAIL(err, SJ_ERR_RANGE, "a share of %g for %s; it must lie between 0 and 1", shares[i], names[i]);
        }
    }
    if (o->images < 1 || o->batch_size < o->images || o->batch_size > INT32_MAX) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%" PRId64 " stored images of a batch of %" PRId64 "; at least 1 image, and a batch of at least as many and at most %d, are needed", o->images,
                       o->batch_size, INT32_MAX);
    }
    for (int i = 0; i < net->layer_count; i++) {
        const sj_kind kind = net->layers[i].kind;
        const double kept = o->select ? kept_share(o, i) : 1.0;
        if (kept < 0.0 || kept > 1.0) {  // never of NAN
            return SJ_FAIL(err, SJ_ERR_RANGE, "layer \"%s\": a share of %g for its kept channels; it must lie between 0 and 1", net->layers[i].name, kept);
        }
        if (kind == SJ_KIND_OPAQUE) {
            return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "network \"%s\": layer \"%s\": there are no synthetic tensors for kind %s", net->name, net->layers[i].name, sj_kind_name(kind));
        }
    }
    return sj_network_check(net, err);
}

static sj_status make_places(synth *s, sj_error *err) {
    const uint64_t count = (uint64_t)s->net->layer_count + 1;
    void *memory;
    SJ_TRY(sj_alloc(&memory, count, sizeof *s->values, "the layers' places", err));
    s->values = memory;
    SJ_TRY(sj_alloc(&memory, count, sizeof *s->gradients, "the layers' places", err));
    s->gradients = memory;
    for (uint64_t i = 0; i < count; i++) {
        s->values[i].layer = s->gradients[i] = -1;
    }
    return SJ_OK;
}

sj_synth_options sj_synth_untrained(int64_t batch_size, int64_t images, sj_optimizer optimizer) {
    const int64_t wanted = images > SJ_SYNTH_UNTRAINED_IMAGES ? images : SJ_SYNTH_UNTRAINED_IMAGES;
    return (sj_synth_options){.x = SJ_SYNTH_UNTRAINED_X, .w = 1.0, .dy = 1.0, .dy_follows = true, .optimizer = optimizer, .batch_size = batch_size, .images = wanted < batch_size ? wanted : batch_size, .seed = 1,
                              .type = SJ_TYPE_BF16, .mode = SJ_MODE_TRAIN};
}

bool sj_synth_is_plan(const char *method) { return strncmp(method, SJ_SYNTH_PLAN, sizeof SJ_SYNTH_PLAN - 1) == 0; }

sj_status sj_synth_write_step(sj_trace_writer *writer, const sj_network *net, const sj_synth_options *options, const sj_step_info *step, sj_error *err) {
    synth s = {.net = net, .o = options, .writer = writer};
    SJ_TRY(check(net, options, err));
    sj_status status = make_places(&s, err);
    status = status == SJ_OK ? write_step(&s, step, err) : status;
    free(s.values);
    free(s.gradients);
    return status;
}

static sj_step_info describe(const sj_synth_options *o) {
    sj_step_info step = {.mode = o->mode};
    int used = snprintf(step.method_state, sizeof step.method_state, "synthetic x=%g w=%g", o->x, o->w);
    if (o->mode == SJ_MODE_TRAIN) {
        used += o->dy_follows ? snprintf(step.method_state + used, sizeof step.method_state - (size_t)used, " dy=network")
                              : snprintf(step.method_state + used, sizeof step.method_state - (size_t)used, " dy=%g", o->dy);
    }
    if (o->mode == SJ_MODE_TRAIN && o->select) {
        (void)(o->layer_keep != NULL ? snprintf(step.method_state + used, sizeof step.method_state - (size_t)used, " keep by layer")
                                     : snprintf(step.method_state + used, sizeof step.method_state - (size_t)used, " keep=%g", o->channel_keep));
    }
    return step;
}

sj_status sj_synth_write(const char *path, const char *producer, const sj_network *net, const sj_synth_options *options, sj_error *err) {
    SJ_TRY(check(net, options, err));
    sj_trace_meta meta = {.dataset = "random", .method = "synthetic", .seed = options->seed, .batch_size = options->batch_size, .images = options->images, .optimizer = options->optimizer};
    const sj_step_info step = describe(options);
    sj_trace_writer *writer;
    (void)snprintf(meta.producer, sizeof meta.producer, "%s", producer);
    memcpy(meta.network, net->name, sizeof meta.network);
    SJ_TRY(sj_trace_create(path, &meta, net, &writer, err));
    const sj_status status = sj_synth_write_step(writer, net, options, &step, err);
    if (status != SJ_OK) {
        sj_trace_abandon(writer);
        return status;
    }
    return sj_trace_commit(writer, err);
}
