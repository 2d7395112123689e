// SPDX-License-Identifier: Apache-2.0
#include "helper.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sj_test_folder.h"

uint64_t test_seed(uint64_t fallback) {
    const char *text = getenv("SJ_TEST_SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : fallback;
    print_message("seed %llu (SJ_TEST_SEED)\n", (unsigned long long)seed);
    return seed;
}

const char *test_folder(void) {
    static char path[SJ_TEST_FOLDER_MAX];
    assert_true(sj_test_make_folder(path));
    return path;
}

void test_write_file(const char *dir, const char *name, const void *data, size_t bytes) {
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, bytes, f), bytes);
    assert_int_equal(fclose(f), 0);
}

void test_ok(sj_status status, const sj_error *err) {
    if (status != SJ_OK) {
        fail_msg("%s: %s", sj_status_name(status), err->message);
    }
}

int64_t test_between(sj_random *r, int64_t low, int64_t high) { return low + (int64_t)sj_random_below(r, (uint64_t)(high - low) + 1); }

double test_normal(sj_random *r) {
    double sum = -6.0;
    for (int i = 0; i < 12; i++) {
        sum += sj_random_unit(r);
    }
    return sum;
}

void test_fill(sj_random *r, float *v, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        v[i] = (float)test_normal(r);
    }
}

static void fill_model(sj_model *m, int64_t classes, uint64_t seed) {
    const int64_t values = m->batch * sj_dims_count(m->input_dims);
    float *input = calloc((size_t)values, sizeof *input);
    sj_random r = sj_random_seed(seed);
    test_fill(&r, input, values);
    sj_layout_from_nhwc(&m->input_layout, m->batch, input, m->input);
    free(input);
    for (int64_t i = 0; i < m->batch; i++) {
        m->labels[i] = (uint16_t)sj_random_below(&r, (uint64_t)classes);
    }
    for (int i = 0; i < m->layer_count; i++) {
        for (int j = 0; j < m->layers[i].param_count; j++) {
            const sj_param *p = &m->layers[i].params[j];
            for (int64_t k = 0; k < p->count; k++) {  // gamma, beta and biases leave their special values
                p->value[k] += j == 1 || p->count == m->layers[i].info->in.c ? 0.3F * (float)test_normal(&r) : 0.0F;
            }
        }
    }
}

sj_model *test_model_with(const char *text, sj_dims input, int64_t classes, const sj_model_options *options) {
    static sj_error err;
    test_write_file(".", "net.cfg", text, strlen(text));
    sj_net net;
    sj_model *m;
    test_ok(sj_net_read("net.cfg", input, classes, 0, &net, &err), &err);
    test_ok(sj_model_create(&net, input, options, &m, &err), &err);
    (void)remove("net.cfg");
    fill_model(m, classes, options->seed);
    return m;
}

sj_model *test_model(const char *text, sj_dims input, int64_t classes, int64_t batch, uint64_t seed) {
    const sj_model_options options = {.batch = batch, .seed = seed};
    return test_model_with(text, input, classes, &options);
}

double test_forward(sj_model *m, const sj_forward_options *options) {
    static sj_error err;
    const sj_forward_options none = {0};
    sj_forward_result result;
    test_ok(sj_model_forward(m, SJ_MODE_TRAIN, m->batch, options != NULL ? options : &none, &result, &err), &err);
    return result.loss;
}

double test_backward(sj_model *m, const sj_backward_options *options) {
    static sj_error err;
    const sj_backward_options none = {.keep = 1.0};
    double penalty;
    test_ok(sj_model_backward(m, options != NULL ? options : &none, &penalty, &err), &err);
    return penalty;
}

float *test_value(sj_model *m, int layer) {
    float *out = calloc((size_t)(m->batch * test_out_count(m, layer)), sizeof *out);
    static sj_error err;
    test_ok(sj_model_value(m, layer, 0, m->batch, out, &err), &err);
    return out;
}

float *test_gradient(sj_model *m, int layer, int branch) {
    float *out = calloc((size_t)(m->batch * test_out_count(m, layer)), sizeof *out);
    static sj_error err;
    test_ok(sj_model_gradient(m, layer, branch, 0, m->batch, out, &err), &err);
    return out;
}

typedef struct reference {
    const sj_model *m;
    double **y;  // outputs of the layers
    double *input;
} reference;

static const double *ref_x(const reference *r, int layer, int j) {
    const int from = r->m->layers[layer].info->inputs[j];
    return from < 0 ? r->input : r->y[from];
}

static double ref_conv_at(const sj_layer *l, const double *x, int64_t n, int64_t p, int64_t q, int64_t k) {
    const sj_layer_info *i = l->info;
    double sum = i->has_bias ? (double)l->params[1].value[k] : 0.0;
    for (int64_t r = 0; r < i->kernel_h; r++) {
        for (int64_t s = 0; s < i->kernel_w; s++) {
            const int64_t h = p * i->stride + r - i->padding, w = q * i->stride + s - i->padding;
            for (int64_t c = 0; c < i->in.c && h >= 0 && h < i->in.h && w >= 0 && w < i->in.w; c++) {
                sum += x[((n * i->in.h + h) * i->in.w + w) * i->in.c + c] * (double)l->params[0].value[((k * i->kernel_h + r) * i->kernel_w + s) * i->in.c + c];
            }
        }
    }
    return sum;
}

static double ref_pool_at(const sj_layer_info *i, const double *x, int64_t n, int64_t p, int64_t q, int64_t c) {
    double sum = 0.0, largest = -INFINITY;
    for (int64_t r = 0; r < i->kernel_h; r++) {
        for (int64_t s = 0; s < i->kernel_w; s++) {
            const int64_t h = p * i->stride + r - i->padding, w = q * i->stride + s - i->padding;
            if (h >= 0 && h < i->in.h && w >= 0 && w < i->in.w) {
                const double v = x[((n * i->in.h + h) * i->in.w + w) * i->in.c + c];
                sum += v;
                largest = fmax(largest, v);
            }
        }
    }
    return i->kind == SJ_KIND_MAXPOOL ? largest : sum / (double)(i->kernel_h * i->kernel_w);
}

static void ref_bn(const reference *r, int layer, double *y) {
    const sj_layer *l = &r->m->layers[layer];
    const double *x = ref_x(r, layer, 0);
    const int64_t channels = l->info->in.c, pixels = r->m->batch * l->info->in.h * l->info->in.w;
    for (int64_t c = 0; c < channels; c++) {
        double mean = 0.0, variance = 0.0;
        for (int64_t i = 0; i < pixels; i++) {
            mean += x[i * channels + c] / (double)pixels;
        }
        for (int64_t i = 0; i < pixels; i++) {
            variance += (x[i * channels + c] - mean) * (x[i * channels + c] - mean) / (double)pixels;
        }
        for (int64_t i = 0; i < pixels; i++) {
            y[i * channels + c] = (double)l->params[0].value[c] * (x[i * channels + c] - mean) / sqrt(variance + r->m->net.bn_eps) + (double)l->params[1].value[c];
        }
    }
}

static void ref_layer(const reference *r, int layer, double *y) {
    const sj_layer *l = &r->m->layers[layer];
    const sj_layer_info *i = l->info;
    const double *x = ref_x(r, layer, 0);
    const int64_t count = r->m->batch * test_out_count(r->m, layer), k = i->out.c, q = i->out.w, p = i->out.h;
    if (i->kind == SJ_KIND_BN) {
        ref_bn(r, layer, y);
        return;
    }
    for (int64_t e = 0; e < count; e++) {
        const int64_t n = e / (k * q * p);
        switch (i->kind) {
            case SJ_KIND_CONV:
            case SJ_KIND_LINEAR: y[e] = ref_conv_at(l, x, n, e / (k * q) % p, e / k % q, e % k); break;
            case SJ_KIND_MAXPOOL:
            case SJ_KIND_AVGPOOL: y[e] = ref_pool_at(i, x, n, e / (k * q) % p, e / k % q, e % k); break;
            case SJ_KIND_RELU: y[e] = x[e] > 0.0 ? x[e] : 0.0; break;
            case SJ_KIND_ADD: y[e] = x[e] + ref_x(r, layer, 1)[e]; break;
            default: y[e] = x[e]; break;
        }
    }
}

static double ref_cross_entropy(const sj_model *m, const double *x) {
    const int64_t classes = m->layers[m->layer_count - 1].info->in.c;
    double loss = 0.0;
    for (int64_t n = 0; n < m->batch; n++) {
        double sum = 0.0;
        for (int64_t c = 0; c < classes; c++) {
            sum += exp(x[n * classes + c]);
        }
        loss += log(sum) - x[n * classes + m->labels[n]];
    }
    return loss / (double)m->batch;
}

static double ref_sparsity(const double *x, int64_t count, double sigma) {
    double sum = 0.0;
    for (int64_t i = 0; i < count; i++) {
        sum += x[i] * x[i] / (x[i] * x[i] + sigma);
    }
    return sum / (double)count;
}

double reference_loss(sj_model *m, const sj_eat *eat, double lambda) {
    const int64_t input = m->batch * sj_dims_count(m->input_dims);
    reference r = {m, calloc((size_t)m->layer_count, sizeof(double *)), calloc((size_t)input, sizeof(double))};
    float *floats = test_value(m, -1);
    for (int64_t i = 0; i < input; i++) {
        r.input[i] = (double)floats[i];
    }
    free(floats);
    const int last = m->layer_count - 1;
    int modules = 0;
    double term = 0.0;
    if (eat != NULL && eat->input) {
        term += ref_sparsity(r.input, input, eat->sigma);
        modules++;
    }
    for (int i = 0; i < last; i++) {
        const int64_t count = m->batch * test_out_count(m, i);
        r.y[i] = calloc((size_t)count, sizeof(double));
        ref_layer(&r, i, r.y[i]);
        if (eat != NULL && sj_eat_hooked(eat, &m->net.network, i)) {
            term += ref_sparsity(r.y[i], count, eat->sigma);
            modules++;
        }
    }
    double loss = ref_cross_entropy(m, ref_x(&r, last, 0));
    if (modules > 0) {
        loss += lambda * (eat->reduce == SJ_EAT_MEAN ? term / modules : term);
    }
    for (int i = 0; i < last; i++) {
        free(r.y[i]);
    }
    free(r.y);
    free(r.input);
    return loss;
}
