// SPDX-License-Identifier: Apache-2.0
#include "sj_export.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "sj_layers.h"
#include "sj_random.h"

// Where a value or gradient already stands in the step, so that it is linked and not written twice.
typedef struct place {
    int layer;  // -1: nowhere
    char name[16];
    const float *data;
} place;

enum { SHARERS = SJ_INPUTS_MAX };

typedef struct exporter {
    const sj_export *e;
    const sj_model *m;
    int64_t images;     // of the batch
    place *values;      // [0] the network's input, [1 + i] the output of layer i
    place *gradients;   // SHARERS an add layer: what equals, or may equal, its output's gradient
    float *gathered;    // scratch: the stored images of one tensor
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

static int64_t count_batch(int64_t images, int64_t each, const float *data) {
    int64_t total = 0;
#pragma omp parallel for schedule(static) reduction(+ : total)
    for (int64_t i = 0; i < images; i++) {
        total += sj_count_nonzero(each, data + i * each);
    }
    return total;
}

static sj_status write_images(const exporter *x, int layer, const char *name, const float *data, sj_dims dims, sj_error *err) {
    const int64_t each = sj_dims_count(dims), count = x->e->image_count;
    for (int64_t i = 0; i < count; i++) {
        memcpy(x->gathered + i * each, data + x->e->images[i] * each, (size_t)each * sizeof *data);
    }
    const sj_tensor t = {SJ_TYPE_F32, 4, {count, dims.h, dims.w, dims.c}, x->gathered, 1.0F, count_batch(x->images, each, data), x->images * each};
    return sj_trace_write(x->e->writer, layer, name, &t, x->e->type, err);
}

static sj_status write_vector(const exporter *x, int layer, const char *name, const float *data, int64_t count, sj_error *err) {
    const sj_tensor t = {SJ_TYPE_F32, 1, {count}, (void *)(uintptr_t)data, 1.0F, sj_count_nonzero(count, data), count};
    return sj_trace_write(x->e->writer, layer, name, &t, SJ_TYPE_F32, err);
}

static sj_status write_weights(const exporter *x, int layer, const sj_param *w, sj_error *err) {
    const sj_layer_info *l = x->m->layers[layer].info;
    const sj_tensor t = {SJ_TYPE_F32, 4, {l->out.c, l->kernel_h, l->kernel_w, l->in.c}, w->value, 1.0F, sj_count_nonzero(w->count, w->value), w->count};
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
        SJ_TRY(write_images(x, layer, name, sj_model_x(x->m, layer, j), l->in, err));
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
static sj_status write_gradient(const exporter *x, int layer, const char *name, const float *dy, int sum, sj_error *err) {
    const sj_dims dims = x->m->layers[layer].info->out;
    const bool shared = sum >= 0 && x->m->layers[sum].info->kind == SJ_KIND_ADD;
    place *known = shared ? &x->gradients[sum * SHARERS] : NULL;
    int n = 0;
    for (; shared && n < SHARERS && known[n].layer >= 0; n++) {
        if (memcmp(known[n].data, dy, (size_t)(x->images * sj_dims_count(dims)) * sizeof *dy) == 0) {
            return sj_trace_link(x->e->writer, layer, name, known[n].layer, known[n].name, err);
        }
    }
    SJ_TRY(write_images(x, layer, name, dy, dims, err));
    if (shared && n < SHARERS) {
        known[n].layer = layer;
        known[n].data = dy;
        (void)snprintf(known[n].name, sizeof known[n].name, "%s", name);
    }
    return SJ_OK;
}

// A fork stores the gradient of each reader, dy0, dy1, ..., and their sum as dy.
static sj_status write_fork(const exporter *x, int layer, sj_error *err) {
    const sj_layer *l = &x->m->layers[layer];
    const int64_t count = x->images * sj_model_out_count(l);
    float *sum;
    SJ_TRY(sj_alloc((void **)&sum, (uint64_t)count, sizeof *sum, l->info->name, err));
    sj_status status = SJ_OK;
    for (int b = 0; b < l->branch_count && status == SJ_OK; b++) {
        char name[16];
        (void)snprintf(name, sizeof name, "dy%d", b);
        status = write_gradient(x, layer, name, l->branches[b], reader_of(x->m, layer, b), err);
        for (int64_t i = 0; i < count; i++) {
            sum[i] = b == 0 ? l->branches[b][i] : sum[i] + l->branches[b][i];
        }
    }
    const int from = l->info->inputs[0];
    if (status == SJ_OK && memcmp(sum, sj_model_dx(x->m, layer, 0), (size_t)count * sizeof *sum) == 0) {
        char above[16] = "dy";
        if (x->m->layers[from].info->kind == SJ_KIND_FORK) {  // a fork of a fork: the gradient is one of the upper one's branches
            (void)snprintf(above, sizeof above, "dy%d", l->branch_of[0]);
        }
        status = sj_trace_link(x->e->writer, layer, "dy", from, above, err);
    } else if (status == SJ_OK) {
        status = write_images(x, layer, "dy", sum, l->info->out, err);
    }
    free(sum);
    return status;
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

static sj_status write_backward(const exporter *x, int layer, sj_error *err) {
    const sj_layer *l = &x->m->layers[layer];
    if (l->info->kind == SJ_KIND_FORK) {
        return l->info->needs_dx ? write_fork(x, layer, err) : SJ_OK;
    }
    if (l->dy != NULL) {
        SJ_TRY(write_gradient(x, layer, "dy", l->dy, l->info->kind == SJ_KIND_ADD ? layer : reader_of(x->m, layer, 0), err));
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
    return write_images(x, layer, "y", x->m->layers[layer].y, x->m->layers[layer].info->out, err);
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

static int64_t largest_image(const sj_model *m) {
    int64_t largest = sj_dims_count(m->input_dims);
    for (int i = 0; i < m->layer_count; i++) {
        const int64_t out = sj_model_out_count(&m->layers[i]);
        largest = out > largest ? out : largest;
    }
    return largest;
}

static sj_status write_step(exporter *x, const sj_step_info *step, sj_error *err) {
    const uint64_t places = (uint64_t)x->m->layer_count + 1;
    SJ_TRY(sj_alloc((void **)&x->values, places, sizeof *x->values, "the export", err));
    SJ_TRY(sj_alloc((void **)&x->gradients, places * SHARERS, sizeof *x->gradients, "the export", err));
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
    return SJ_OK;
}

sj_status sj_export_step(const sj_export *e, const sj_model *m, const sj_step_info *step, int64_t images, sj_error *err) {
    exporter x = {.e = e, .m = m, .images = images};
    const sj_status status = write_step(&x, step, err);
    free(x.values);
    free(x.gradients);
    free(x.gathered);
    return status;
}

// All counts of a batch in one parallel region: row 0 the input, then y and dy of each layer; a column a chunk, so that no two threads share a count.
static void count_chunk(const sj_model *m, int64_t chunk, int64_t columns, int64_t *counts) {
    const int64_t input = m->chunk * sj_dims_count(m->input_dims);
    counts[chunk] = sj_count_nonzero(input, m->input + chunk * input);
    for (int i = 0; i < m->layer_count; i++) {
        const sj_layer *l = &m->layers[i];
        const int64_t each = m->chunk * sj_model_out_count(l);
        int64_t *row = counts + (1 + 2 * (int64_t)i) * columns;
        row[chunk] = l->owns_y ? sj_count_nonzero(each, l->y + chunk * each) : 0;
        row[columns + chunk] = l->dy != NULL ? sj_count_nonzero(each, l->dy + chunk * each) : 0;
    }
}

static float density_of(const int64_t *row, int64_t columns, int64_t values) {
    int64_t nonzero = 0;
    for (int64_t c = 0; c < columns; c++) {
        nonzero += row[c];
    }
    return (float)((double)nonzero / (double)values);
}

sj_status sj_measure_density(const sj_model *m, const sj_batch_density *out, sj_error *err) {
    const int64_t columns = m->batch / m->chunk;
    int64_t *counts;
    SJ_TRY(sj_alloc((void **)&counts, (uint64_t)((2 * (int64_t)m->layer_count + 1) * columns), sizeof *counts, "densities", err));
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t c = 0; c < columns; c++) {
        count_chunk(m, c, columns, counts);
    }
    const float input = density_of(counts, columns, m->batch * sj_dims_count(m->input_dims));
    float *y = out->kept;  // until the end: the density of each layer's output
    for (int i = 0; i < m->layer_count; i++) {
        const sj_layer *l = &m->layers[i];
        const int from = l->info->inputs[0];
        const int64_t values = m->batch * sj_model_out_count(l), *row = counts + (1 + 2 * (int64_t)i) * columns;
        out->x[i] = from < 0 ? input : y[from];
        y[i] = l->owns_y ? density_of(row, columns, values) : out->x[i];
        out->dy[i] = l->dy != NULL ? density_of(row + columns, columns, values) : NAN;
    }
    for (int i = 0; i < m->layer_count; i++) {
        const sj_layer *l = &m->layers[i];
        out->kept[i] = l->info->kind == SJ_KIND_CONV ? (float)l->kept_count / (float)l->info->out.c : NAN;
    }
    free(counts);
    return SJ_OK;
}
