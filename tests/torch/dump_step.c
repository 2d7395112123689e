// SPDX-License-Identifier: Apache-2.0
// Training steps of a network on one random batch, written down for a comparison with another program.
// Usage: dump_step MODEL.cfg OUT_DIR [KEY=VALUE ...]     width, batch, seed, steps, images (stored in the trace; 0: the batch), algorithm (direct|auto|winograd), dtype (f32|bf16),
//        smoothing, lambda, sigma, reduce (mean|sum), l1 (0|1), keep, gather (0|1), optimizer (sgd|nesterov|adam), lr, decay
// Into OUT_DIR: trace.h5 (float32) of all steps, each before its update; of each parameter LAYER.NAME.grad.npy of the first step and LAYER.NAME.npy after all steps; LAYER.running_mean.npy and
// LAYER.running_variance.npy; step.txt with a line a quantity.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_export.h"
#include "sj_file.h"
#include "sj_npy.h"
#include "sj_random.h"

typedef struct settings {
    const char *model, *out;
    int64_t width, batch, seed, steps, images;
    sj_algorithm algorithm;
    bool bf16, gather, l1, sum;
    double smoothing, lambda, sigma, keep, lr, decay;
    const char *optimizer;
} settings;

static const char *value_of(const char *argument, const char *key) {
    const size_t length = strlen(key);
    return strncmp(argument, key, length) == 0 && argument[length] == '=' ? argument + length + 1 : NULL;
}

static bool read_setting(settings *s, const char *argument) {
    const char *v;
    const struct { const char *key; int64_t *to; } whole[] = {{"width", &s->width}, {"batch", &s->batch}, {"seed", &s->seed}, {"steps", &s->steps}, {"images", &s->images}};
    const struct { const char *key; double *to; } real[] = {{"smoothing", &s->smoothing}, {"lambda", &s->lambda}, {"sigma", &s->sigma}, {"keep", &s->keep}, {"lr", &s->lr}, {"decay", &s->decay}};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        if ((v = value_of(argument, whole[i].key)) != NULL) {
            *whole[i].to = strtoll(v, NULL, 10);
            return true;
        }
    }
    for (size_t i = 0; i < sizeof real / sizeof *real; i++) {
        if ((v = value_of(argument, real[i].key)) != NULL) {
            *real[i].to = strtod(v, NULL);
            return true;
        }
    }
    if ((v = value_of(argument, "algorithm")) != NULL) {
        if (strcmp(v, "auto") != 0 && strcmp(v, "winograd") != 0 && strcmp(v, "direct") != 0) {
            return false;
        }
        s->algorithm = strcmp(v, "auto") == 0 ? SJ_ALGORITHM_AUTO : strcmp(v, "winograd") == 0 ? SJ_ALGORITHM_WINOGRAD : SJ_ALGORITHM_DIRECT;
    } else if ((v = value_of(argument, "dtype")) != NULL) {
        if (strcmp(v, "bf16") != 0 && strcmp(v, "f32") != 0) {
            return false;
        }
        s->bf16 = strcmp(v, "bf16") == 0;
    } else if ((v = value_of(argument, "reduce")) != NULL) {
        s->sum = strcmp(v, "sum") == 0;
    } else if ((v = value_of(argument, "l1")) != NULL) {
        s->l1 = *v == '1';
    } else if ((v = value_of(argument, "gather")) != NULL) {
        s->gather = *v == '1';
    } else if ((v = value_of(argument, "optimizer")) != NULL) {
        s->optimizer = v;
    }
    return v != NULL;
}

static sj_optimizer_config optimizer_of(const settings *s) {
    const bool adam = strcmp(s->optimizer, "adam") == 0;
    return (sj_optimizer_config){.kind = adam ? SJ_OPTIMIZER_KIND_ADAM : SJ_OPTIMIZER_KIND_SGD, .momentum = 0.9, .nesterov = strcmp(s->optimizer, "nesterov") == 0,
                                 .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = s->decay, .decay_norm = true};
}

static sj_eat penalty_of(const settings *s) {
    sj_eat eat = {.kind = s->l1 ? SJ_EAT_L1 : SJ_EAT_SMOOTH, .lambda = s->lambda, .sigma = s->sigma, .reduce = s->sum ? SJ_EAT_SUM : SJ_EAT_MEAN, .input = true};
    for (int k = 0; k < SJ_KIND_COUNT; k++) {
        eat.kinds[k] = sj_kind_is_module((sj_kind)k);
    }
    return eat;
}

// Parameters that are not 1 and 0, and images and labels.
static sj_status fill(sj_model *m, const settings *s, sj_error *err) {
    sj_random r = sj_random_stream((uint64_t)s->seed, 77);
    for (int i = 0; i < m->layer_count; i++) {
        for (int j = 0; j < m->layers[i].param_count; j++) {
            sj_param *p = &m->layers[i].params[j];
            for (int64_t k = 0; k < p->count && strcmp(p->name, "w") != 0; k++) {
                p->value[k] += (float)(0.6 * sj_random_unit(&r) - 0.3);
            }
        }
    }
    const int64_t each = sj_dims_count(m->input_dims), classes = m->layers[m->layer_count - 1].info->in.c;
    float *images;
    SJ_TRY(sj_alloc((void **)&images, (uint64_t)(s->batch * each), sizeof *images, "images", err));
    for (int64_t i = 0; i < s->batch * each; i++) {
        images[i] = (float)(4.0 * sj_random_unit(&r) - 2.0);
    }
    sj_layout_from_nhwc(&m->input_layout, s->batch, images, m->input);
    free(images);
    for (int64_t i = 0; i < s->batch; i++) {
        m->labels[i] = (uint16_t)sj_random_below(&r, (uint64_t)classes);
    }
    return SJ_OK;
}

static sj_status write_array(const settings *s, const char *layer, const char *name, const char *tail, int64_t count, const float *values, sj_error *err) {
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s.%s%s.npy", s->out, layer, name, tail);
    return sj_npy_write(path, SJ_NPY_F32, 1, count, values, err);
}

static sj_status write_params(const settings *s, const sj_model *m, bool gradients, sj_error *err) {
    for (int i = 0; i < m->layer_count; i++) {
        const sj_layer *l = &m->layers[i];
        for (int j = 0; j < l->param_count; j++) {
            const sj_param *p = &l->params[j];
            SJ_TRY(write_array(s, l->info->name, p->name, gradients ? ".grad" : "", p->count, gradients ? p->grad : p->value, err));
        }
        if (!gradients && l->info->kind == SJ_KIND_BN) {
            SJ_TRY(write_array(s, l->info->name, "running_mean", "", l->info->in.c, l->running_mean, err));
            SJ_TRY(write_array(s, l->info->name, "running_variance", "", l->info->in.c, l->running_variance, err));
        }
    }
    return SJ_OK;
}

// The images that the trace stores, and its writer.
static sj_status open_trace(const settings *s, const sj_model *m, sj_export *out, sj_error *err) {
    char path[4096];
    int64_t *which;
    int32_t *narrow;
    sj_trace_meta meta = {.producer = "dump_step", .network = "test", .dataset = "random", .method = "plain", .seed = (uint64_t)s->seed, .batch_size = s->batch};
    meta.images = s->images > 0 ? s->images : s->batch;
    SJ_TRY(sj_alloc((void **)&which, (uint64_t)s->batch, sizeof *which, "images", err));
    SJ_TRY(sj_alloc((void **)&narrow, (uint64_t)s->batch, sizeof *narrow, "images", err));
    sj_export_choose((uint64_t)s->seed, 0, s->batch, meta.images, which);
    for (int64_t i = 0; i < meta.images; i++) {
        narrow[i] = (int32_t)which[i];
    }
    (void)snprintf(path, sizeof path, "%s/which.npy", s->out);
    const sj_status status = sj_npy_write(path, SJ_NPY_I32, 1, meta.images, narrow, err);
    free(narrow);
    *out = (sj_export){NULL, SJ_TYPE_F32, meta.images, which, NULL};
    SJ_TRY(status);
    (void)snprintf(path, sizeof path, "%s/trace.h5", s->out);
    return sj_trace_create(path, &meta, &m->net.network, &out->writer, err);
}

// The whole batch, for a program that stores other images of it.
static sj_status write_batch(const settings *s, sj_model *m, sj_error *err) {
    const int64_t each = sj_dims_count(m->input_dims);
    float *images, *labels;
    SJ_TRY(sj_alloc((void **)&images, (uint64_t)(s->batch * each), sizeof *images, "images", err));
    SJ_TRY(sj_alloc((void **)&labels, (uint64_t)s->batch, sizeof *labels, "labels", err));
    sj_layout_to_nhwc(&m->input_layout, s->batch, m->input, images);
    for (int64_t i = 0; i < s->batch; i++) {
        labels[i] = (float)m->labels[i];
    }
    sj_status status = write_array(s, "batch", "images", "", s->batch * each, images, err);
    status = status == SJ_OK ? write_array(s, "batch", "labels", "", s->batch, labels, err) : status;
    free(images);
    free(labels);
    return status;
}

static sj_status run_steps(const settings *s, sj_model *m, const sj_export *e, FILE *out, sj_error *err) {
    const sj_eat eat = penalty_of(s);
    const sj_optimizer_config optimizer = optimizer_of(s);
    const sj_forward_options forward = {.label_smoothing = s->smoothing, .count = true};
    const sj_backward_options backward = {.eat = s->lambda > 0.0 ? &eat : NULL, .lambda = s->lambda, .keep = s->keep, .count = true};
    for (int64_t number = 0; number < s->steps; number++) {
        sj_forward_result result;
        double penalty = 0.0;
        SJ_TRY(sj_model_forward(m, SJ_MODE_TRAIN, s->batch, &forward, &result, err));
        SJ_TRY(sj_model_backward(m, &backward, &penalty, err));
        (void)fprintf(out, "loss %.17g\npenalty %.17g\ncorrect %" PRId64 "\n", result.loss, penalty, result.correct);
        const sj_step_info step = {.number = number, .mode = SJ_MODE_TRAIN, .iteration = number, .loss = result.loss};
        SJ_TRY(sj_export_step(e, m, &step, s->batch, err));
        SJ_TRY(number == 0 ? write_params(s, m, true, err) : SJ_OK);
        sj_model_update(m, &optimizer, s->lr, number + 1);
    }
    return write_params(s, m, false, err);
}

static sj_status run(const settings *s, sj_model *m, FILE *out, sj_error *err) {
    sj_export e = {NULL, SJ_TYPE_F32, 0, NULL, NULL};
    SJ_TRY(fill(m, s, err));
    SJ_TRY(write_batch(s, m, err));
    sj_status status = open_trace(s, m, &e, err);
    status = status == SJ_OK ? run_steps(s, m, &e, out, err) : status;
    if (status == SJ_OK) {
        status = sj_trace_commit(e.writer, err);
    } else {
        sj_trace_abandon(e.writer);
    }
    free((void *)(uintptr_t)e.images);
    return status;
}

static sj_status dump(const settings *s, sj_error *err) {
    sj_net net;
    sj_model *m = NULL;
    SJ_TRY(sj_net_read(s->model, (sj_dims){0, 0, 0}, 0, s->width, &net, err));
    sj_dims input = {0, 0, 0};
    for (int i = 0; i < net.network.layer_count && input.h == 0; i++) {
        if (net.network.layers[i].inputs[0] == SJ_INPUT_NETWORK) {
            input = net.network.layers[i].in;
        }
    }
    const sj_model_options options = {.batch = s->batch, .seed = (uint64_t)s->seed, .bf16 = s->bf16, .native_bf16 = sj_cpu_has_bf16(), .algorithm = s->algorithm,
                                      .optimizer = optimizer_of(s).kind, .gather = s->gather};
    SJ_TRY(sj_model_create(&net, input, &options, &m, err));
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/step.txt", s->out);
    FILE *out = fopen(path, "w");
    sj_status status = out != NULL ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "%s: cannot write", path);
    status = status == SJ_OK ? run(s, m, out, err) : status;
    if (out != NULL && fclose(out) != 0 && status == SJ_OK) {
        status = SJ_FAIL(err, SJ_ERR_IO, "%s: cannot write", path);
    }
    sj_model_free(m);
    return status;
}

int main(int argc, char **argv) {
    settings s = {.width = 0, .batch = 8, .seed = 1, .steps = 1, .sigma = 1e-2, .keep = 1.0, .lr = 0.05, .decay = 0.0, .optimizer = "sgd"};
    static sj_error err;
    if (argc < 3) {
        (void)fprintf(stderr, "usage: dump_step MODEL.cfg OUT_DIR [KEY=VALUE ...]\n");
        return 2;
    }
    s.model = argv[1];
    s.out = argv[2];
    for (int i = 3; i < argc; i++) {
        if (!read_setting(&s, argv[i])) {
            (void)fprintf(stderr, "dump_step: unknown setting \"%s\"\n", argv[i]);
            return 2;
        }
    }
    if (dump(&s, &err) != SJ_OK) {
        (void)fprintf(stderr, "dump_step: %s\n", err.message);
        return 1;
    }
    return 0;
}
