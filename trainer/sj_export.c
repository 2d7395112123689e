// SPDX-License-Identifier: Apache-2.0
#include "sj_export.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "sj_random.h"

enum { SHARERS = SJ_INPUTS_MAX, PORTION = 8 };  // PORTION: images at a time

// A tensor of the step: the output of a layer (-1: the network's input), or the gradient of one; a fork's branch, or -1.
typedef struct tensor {
    bool gradient;
    int layer, branch;
} tensor;

// Where a value or gradient already stands in the step, so that it is linked and not written twice.
typedef struct place {
    int layer;  // -1: nowhere
    char name[16];
    tensor data;
} place;

typedef struct exporter {
    const sj_export *e;
    sj_model *m;
    int64_t images;     // of the batch
    place *values;      // [0] the network's input, [1 + i] the output of layer i
    place *gradients;   // SHARERS an add layer: what equals, or may equal, its output's gradient
    float *gathered;    // scratch: the stored images of one tensor
    float *portion[2];  // scratch: PORTION images of a tensor
} exporter;

void sj_export_choose(uint64_t seed, uint64_t stream, int64_t batch, int64_t count, int64_t *images) {
    sj_random r = sj_random_stream(seed, stream);
    int64_t chosen = 0;
    for (int64_t i = 0; i < batch && chosen < count; i++) {  // each with the chance that leaves enough for the rest
        if ((int64_t)sj_random_below(&r, (uint64_t)(batch - i)) < count - chosen) {
            images[chosen++] = i;
        }
    }
}

static sj_dims dims_of(const sj_model *m, int layer) { return layer < 0 ? m->input_dims : m->layers[layer].info->out; }

static sj_status read_portion(const exporter *x, tensor t, int64_t first, int64_t count, float *out, sj_error *err) {
    return t.gradient ? sj_model_gradient(x->m, t.layer, t.branch, first, count, out, err) : sj_model_value(x->m, t.layer, first, count, out, err);
}

static int64_t portion_from(const exporter *x, int64_t first) { return x->images - first < PORTION ? x->images - first : PORTION; }

static sj_status write_images(const exporter *x, int layer, const char *name, tensor data, sj_error *err) {
    const sj_dims dims = dims_of(x->m, data.layer);
    const int64_t each = sj_dims_count(dims), count = x->e->image_count;
    int64_t stored = 0, nonzero = 0;
    for (int64_t first = 0; first < x->images; first += PORTION) {
        const int64_t images = portion_from(x, first);
        SJ_TRY(read_portion(x, data, first, images, x->portion[0], err));
        nonzero += sj_count_floats(images * each, x->portion[0]);
        for (; stored < count && x->e->images[stored] < first + images; stored++) {
            memcpy(x->gathered + stored * each, x->portion[0] + (x->e->images[stored] - first) * each, (size_t)each * sizeof(float));
        }
    }
    const sj_tensor t = {SJ_TYPE_F32, 4, {count, dims.h, dims.w, dims.c}, x->gathered, 1.0F, nonzero, x->images * each};
    return sj_trace_write(x->e->writer, layer, name, &t, x->e->type, err);
}

// Bit for bit, over the whole batch.
static sj_status are_equal(const exporter *x, tensor a, tensor b, bool *equal, sj_error *err) {
    const int64_t each = sj_dims_count(dims_of(x->m, a.layer));
    *equal = each == sj_dims_count(dims_of(x->m, b.layer));
    for (int64_t first = 0; first < x->images && *equal; first += PORTION) {
        const int64_t images = portion_from(x, first);
        SJ_TRY(read_portion(x, a, first, images, x->portion[0], err));
        SJ_TRY(read_portion(x, b, first, images, x->portion[1], err));
        *equal = memcmp(x->portion[0], x->portion[1], (size_t)(images * each) * sizeof(float)) == 0;
    }
    return SJ_OK;
}

static sj_status write_vector(const exporter *x, int layer, const char *name, const float *data, int64_t count, sj_error *err) {
    const sj_tensor t = {SJ_TYPE_F32, 1, {count}, (void *)(uintptr_t)data, 1.0F, sj_count_floats(count, data), count};
    return sj_trace_write(x->e->writer, layer, name, &t, SJ_TYPE_F32, err);
}

static sj_status write_weights(const exporter *x, int layer, const sj_param *w, sj_error *err) {
    const sj_layer_info *l = x->m->layers[layer].info;
    const sj_tensor t = {SJ_TYPE_F32, 4, {l->out.c, l->kernel_h, l->kernel_w, l->in.c}, w->value, 1.0F, sj_count_floats(w->count, w->value), w->count};
    return sj_trace_write(x->e->writer, layer, "w", &t, x->e->type, err);
}

static sj_status write_ints(const exporter *x, int layer, const char *name, int32_t *data, int64_t count, sj_error *err) {
    const sj_tensor t = {SJ_TYPE_I32, 1, {count}, data, 1.0F, count, count};
    return sj_trace_write(x->e->writer, layer, name, &t, SJ_TYPE_I32, err);
}

// A fork passes its input on: what its readers store is its input.
static int source(const exporter *x, int from) {
    while (from >= 0 && x->m->layers[from].info->kind == SJ_KIND_FORK) {
        from = x->m->layers[from].info->inputs[0];
    }
    return from;
}

static sj_status write_inputs(const exporter *x, int layer, sj_error *err) {
    const sj_layer_info *l = x->m->layers[layer].info;
    for (int j = 0; j < l->input_count; j++) {
        char name[16];
        (void)snprintf(name, sizeof name, l->input_count > 1 ? "x%d" : "x", j);
        place *known = &x->values[1 + source(x, l->inputs[j])];
        if (known->layer >= 0) {
            SJ_TRY(sj_trace_link(x->e->writer, layer, name, known->layer, known->name, err));
            continue;
        }
        SJ_TRY(write_images(x, layer, name, (tensor){false, source(x, l->inputs[j]), -1}, err));
        known->layer = layer;
        (void)snprintf(known->name, sizeof known->name, "%s", name);
    }
    return SJ_OK;
}

// The nth (layer, input) that reads `layer`; -1 when there is none.
static int reader_of(const sj_model *m, int layer, int nth) {
    for (int i = layer + 1; i < m->layer_count; i++) {
        for (int j = 0; j < m->layers[i].info->input_count; j++) {
            if (m->layers[i].info->inputs[j] == layer && nth-- == 0) {
                return i;
            }
        }
    }
    return -1;
}

// `sum` is the add layer whose gradient this may be, or -1. EAT's term may have made them differ.
static sj_status write_gradient(const exporter *x, int layer, const char *name, tensor dy, int sum, sj_error *err) {
    const bool shared = sum >= 0 && x->m->layers[sum].info->kind == SJ_KIND_ADD;
    place *known = shared ? &x->gradients[sum * SHARERS] : NULL;
    int n = 0;
    for (; shared && n < SHARERS && known[n].layer >= 0; n++) {
        bool equal;
        SJ_TRY(are_equal(x, known[n].data, dy, &equal, err));
        if (equal) {
            return sj_trace_link(x->e->writer, layer, name, known[n].layer, known[n].name, err);
        }
    }
    SJ_TRY(write_images(x, layer, name, dy, err));
    if (shared && n < SHARERS) {
        known[n].layer = layer;
        known[n].data = dy;
        (void)snprintf(known[n].name, sizeof known[n].name, "%s", name);
    }
    return SJ_OK;
}

// Which branch of the fork `from` a layer reads with its first input.
static int branch_of(const sj_model *m, int from, int layer) {
    int branch = 0;
    while (reader_of(m, from, branch) != layer) {
        branch++;
    }
    return branch;
}

// A fork stores the gradient of each reader, dy0, dy1, ..., and their sum as dy.
static sj_status write_fork(const exporter *x, int layer, sj_error *err) {
    const int from = x->m->layers[layer].info->inputs[0];
    const bool nested = x->m->layers[from].info->kind == SJ_KIND_FORK;  // then the gradient is one of the upper one's branches
    for (int b = 0; reader_of(x->m, layer, b) >= 0; b++) {
        char name[16];
        (void)snprintf(name, sizeof name, "dy%d", b);
        SJ_TRY(write_gradient(x, layer, name, (tensor){true, layer, b}, reader_of(x->m, layer, b), err));
    }
    const tensor sum = {true, layer, -1}, above = {true, from, nested ? branch_of(x->m, from, layer) : -1};
    bool equal;
    SJ_TRY(are_equal(x, sum, above, &equal, err));
    if (!equal) {
        return write_images(x, layer, "dy", sum, err);
    }
    char name[16] = "dy";
    if (nested) {
        (void)snprintf(name, sizeof name, "dy%d", above.branch);
    }
    return sj_trace_link(x->e->writer, layer, "dy", from, name, err);
}

static sj_status write_keep(const exporter *x, int layer, sj_error *err) {
    const sj_layer *l = &x->m->layers[layer];
    int32_t *keep;
    SJ_TRY(sj_alloc((void **)&keep, (uint64_t)l->kept_count, sizeof *keep, l->info->name, err));
    int64_t count = 0;
    for (int64_t c = 0; c < l->info->out.c; c++) {
        if (l->kept[c] != 0) {
            keep[count++] = (int32_t)c;
        }
    }
    const sj_status status = write_ints(x, layer, "keep", keep, count, err);
    free(keep);
    return status;
}

// Which values dropout let pass.
static sj_status write_mask(const exporter *x, int layer, sj_error *err) {
    const sj_dims dims = x->m->layers[layer].info->out;
    const int64_t each = sj_dims_count(dims), count = x->e->image_count;
    uint8_t *mask;
    SJ_TRY(sj_alloc((void **)&mask, (uint64_t)(count * each), 1, x->m->layers[layer].info->name, err));
    for (int64_t i = 0; i < count; i++) {
        memcpy(mask + i * each, sj_model_mask(x->m, layer, x->e->images[i]), (size_t)each);
    }
    int64_t passed = 0;
    const uint8_t *all = sj_model_mask(x->m, layer, 0);
    for (int64_t i = 0; i < x->images * each; i++) {
        passed += all[i];
    }
    const sj_tensor t = {SJ_TYPE_U8, 4, {count, dims.h, dims.w, dims.c}, mask, 1.0F, passed, x->images * each};
    const sj_status status = sj_trace_write(x->e->writer, layer, "mask", &t, SJ_TYPE_U8, err);
    free(mask);
    return status;
}

static sj_status write_backward(const exporter *x, int layer, sj_error *err) {
    const sj_layer *l = &x->m->layers[layer];
    if (l->info->kind == SJ_KIND_FORK) {
        return l->info->needs_dx ? write_fork(x, layer, err) : SJ_OK;
    }
    if (l->info->kind != SJ_KIND_SOFTMAX_CE && (l->info->needs_dx || l->param_count > 0)) {
        const int sum = l->info->kind == SJ_KIND_ADD ? layer : reader_of(x->m, layer, 0);
        SJ_TRY(write_gradient(x, layer, "dy", (tensor){true, layer, -1}, sum, err));
    }
    if (l->info->kind == SJ_KIND_DROPOUT) {
        SJ_TRY(write_mask(x, layer, err));
    }
    return l->selected ? write_keep(x, layer, err) : SJ_OK;
}

static sj_status write_bn(const exporter *x, int layer, sj_error *err) {
    const sj_layer *l = &x->m->layers[layer];
    const float eps = (float)x->m->net.bn_eps;
    SJ_TRY(write_vector(x, layer, "mean", l->mean, l->info->in.c, err));
    SJ_TRY(write_vector(x, layer, "variance", l->variance, l->info->in.c, err));
    return write_vector(x, layer, "eps", &eps, 1, err);
}

static sj_status write_loss(const exporter *x, int layer, sj_error *err) {
    int32_t *labels;
    SJ_TRY(sj_alloc((void **)&labels, (uint64_t)x->e->image_count, sizeof *labels, "labels", err));
    for (int64_t i = 0; i < x->e->image_count; i++) {
        labels[i] = x->m->labels[x->e->images[i]];
    }
    const sj_status status = write_ints(x, layer, "labels", labels, x->e->image_count, err);
    free(labels);
    SJ_TRY(status);
    return write_images(x, layer, "y", (tensor){false, layer, -1}, err);
}

static sj_status write_layer(const exporter *x, int layer, sj_mode mode, sj_error *err) {
    const sj_layer *l = &x->m->layers[layer];
    SJ_TRY(write_inputs(x, layer, err));
    for (int i = 0; i < l->param_count; i++) {
        const sj_param *p = &l->params[i];
        SJ_TRY(strcmp(p->name, "w") == 0 ? write_weights(x, layer, p, err) : write_vector(x, layer, p->name, p->value, p->count, err));
    }
    if (l->info->kind == SJ_KIND_BN) {
        SJ_TRY(write_bn(x, layer, err));
    }
    if (l->info->kind == SJ_KIND_SOFTMAX_CE) {
        SJ_TRY(write_loss(x, layer, err));
    }
    return mode == SJ_MODE_TRAIN ? write_backward(x, layer, err) : SJ_OK;
}

// Which outputs bear the penalty, also while its warm-up holds lambda at 0: the work is the same.
static sj_status write_penalties(const exporter *x, const sj_step_info *step, sj_error *err) {
    const sj_eat *eat = x->e->eat;
    for (int i = SJ_INPUT_NETWORK; eat != NULL && step->mode == SJ_MODE_TRAIN && i < x->m->layer_count; i++) {
        if (sj_eat_hooked(eat, &x->m->net.network, i)) {
            SJ_TRY(sj_trace_write_penalty(x->e->writer, i, eat->kind == SJ_EAT_L1 ? SJ_PENALTY_L1 : SJ_PENALTY_EAT, err));
        }
    }
    return SJ_OK;
}

static int64_t largest_image(const sj_model *m) {
    int64_t largest = sj_dims_count(m->input_dims);
    for (int i = 0; i < m->layer_count; i++) {
        const int64_t out = sj_dims_count(m->layers[i].info->out);
        largest = out > largest ? out : largest;
    }
    return largest;
}

static sj_status write_step(exporter *x, const sj_step_info *step, sj_error *err) {
    const uint64_t places = (uint64_t)x->m->layer_count + 1;
    SJ_TRY(sj_alloc((void **)&x->values, places, sizeof *x->values, "the export", err));
    SJ_TRY(sj_alloc((void **)&x->gradients, places * SHARERS, sizeof *x->gradients, "the export", err));
    for (int i = 0; i < 2; i++) {
        SJ_TRY(sj_alloc((void **)&x->portion[i], (uint64_t)(PORTION * largest_image(x->m)), sizeof(float), "the export", err));
    }
    SJ_TRY(sj_alloc((void **)&x->gathered, (uint64_t)(x->e->image_count * largest_image(x->m)), sizeof(float), "the export", err));
    for (uint64_t i = 0; i < places; i++) {
        x->values[i].layer = -1;
    }
    for (uint64_t i = 0; i < places * SHARERS; i++) {
        x->gradients[i].layer = -1;
    }
    SJ_TRY(sj_trace_begin_step(x->e->writer, step, err));
    for (int i = 0; i < x->m->layer_count; i++) {
        SJ_TRY(write_layer(x, i, step->mode, err));
    }
    return write_penalties(x, step, err);
}

sj_status sj_export_skipped(const sj_export *e, sj_model *m, const sj_step_info *step, sj_error *err) {
    const exporter x = {.e = e, .m = m};
    SJ_TRY(sj_trace_begin_step(e->writer, step, err));
    for (int i = 0; i < m->layer_count; i++) {
        const sj_kind kind = m->layers[i].info->kind;
        if (kind == SJ_KIND_CONV || kind == SJ_KIND_LINEAR) {
            SJ_TRY(write_weights(&x, i, &m->layers[i].params[0], err));
        }
    }
    return SJ_OK;
}

sj_status sj_export_step(const sj_export *e, sj_model *m, const sj_step_info *step, int64_t images, sj_error *err) {
    exporter x = {.e = e, .m = m, .images = images};
    const sj_status status = write_step(&x, step, err);
    free(x.values);
    free(x.gradients);
    free(x.gathered);
    free(x.portion[0]);
    free(x.portion[1]);
    return status;
}

static float density_of(int64_t nonzero, int64_t values) { return nonzero < 0 ? NAN : (float)((double)nonzero / (double)values); }

void sj_measure_density(const sj_model *m, const sj_batch_density *out) {
    for (int i = 0; i < m->layer_count; i++) {
        const sj_layer *l = &m->layers[i];
        const int from = l->info->inputs[0];
        const sj_dims in = dims_of(m, from);
        out->x[i] = density_of(from < 0 ? m->input_nonzero : m->layers[from].y_nonzero, m->batch * sj_dims_count(in));
        out->dy[i] = density_of(l->dy_nonzero, m->batch * sj_dims_count(l->info->out));
        out->kept[i] = l->kept != NULL ? (float)l->kept_count / (float)l->info->out.c : NAN;
    }
}
