// SPDX-License-Identifier: Apache-2.0
// oneDNN against a plain C reference on random shapes, and: the same bits at every thread count.
#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper.h"

typedef struct tensors {
    int64_t x_count, w_count, y_count;
    float *x, *w, *bias, *y, *dy, *dx, *dw;
    double *y_ref, *dx_ref, *dw_ref;
} tensors;

static void make_tensors(const sj_dnn_shape *s, sj_random *r, tensors *t) {
    t->x_count = s->images * s->in_h * s->in_w * s->in_c;
    t->w_count = s->out_c * s->kernel_h * s->kernel_w * s->in_c;
    t->y_count = s->images * s->out_h * s->out_w * s->out_c;
    t->x = calloc((size_t)t->x_count, sizeof(float));
    t->dx = calloc((size_t)t->x_count, sizeof(float));
    t->w = calloc((size_t)t->w_count, sizeof(float));
    t->dw = calloc((size_t)t->w_count, sizeof(float));
    t->bias = calloc((size_t)s->out_c, sizeof(float));
    t->y = calloc((size_t)t->y_count, sizeof(float));
    t->dy = calloc((size_t)t->y_count, sizeof(float));
    t->y_ref = calloc((size_t)t->y_count, sizeof(double));
    t->dx_ref = calloc((size_t)t->x_count, sizeof(double));
    t->dw_ref = calloc((size_t)t->w_count, sizeof(double));
    test_fill(r, t->x, t->x_count);
    test_fill(r, t->w, t->w_count);
    test_fill(r, t->dy, t->y_count);
    if (s->has_bias) {
        test_fill(r, t->bias, s->out_c);
    }
}

static void free_tensors(tensors *t) {
    void *const all[] = {t->x, t->dx, t->w, t->dw, t->bias, t->y, t->dy, t->y_ref, t->dx_ref, t->dw_ref};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        free(all[i]);
    }
}

// One loop over every pair of the product does all three.
static void reference_products(const sj_dnn_shape *s, tensors *t) {
    for (int64_t e = 0; e < t->y_count; e++) {
        const int64_t k = e % s->out_c, q = e / s->out_c % s->out_w, p = e / (s->out_c * s->out_w) % s->out_h, n = e / (s->out_c * s->out_w * s->out_h);
        t->y_ref[e] = (double)t->bias[k];
        for (int64_t tap = 0; tap < s->kernel_h * s->kernel_w; tap++) {
            const int64_t h = p * s->stride + tap / s->kernel_w - s->padding, w = q * s->stride + tap % s->kernel_w - s->padding;
            for (int64_t c = 0; c < s->in_c && h >= 0 && h < s->in_h && w >= 0 && w < s->in_w; c++) {
                const int64_t xi = ((n * s->in_h + h) * s->in_w + w) * s->in_c + c, wi = (k * s->kernel_h * s->kernel_w + tap) * s->in_c + c;
                t->y_ref[e] += (double)t->x[xi] * (double)t->w[wi];
                t->dx_ref[xi] += (double)t->dy[e] * (double)t->w[wi];
                t->dw_ref[wi] += (double)t->dy[e] * (double)t->x[xi];
            }
        }
    }
}

static void assert_close(const char *what, const float *v, const double *expected, int64_t count) {
    double largest = 1e-30, worst = 0.0;
    for (int64_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs(expected[i]));
        worst = fmax(worst, fabs((double)v[i] - expected[i]));
    }
    if (!(worst <= 1e-5 * largest)) {
        fail_msg("%s: off by %g where the largest is %g", what, worst, largest);
    }
}

static sj_dnn_shape random_shape(sj_random *r, bool linear) {
    sj_dnn_shape s = {.images = test_between(r, 1, 8), .linear = linear, .has_bias = sj_random_below(r, 2) == 1, .kernel_h = 1, .kernel_w = 1, .stride = 1};
    s.in_c = test_between(r, 1, 40);
    s.out_c = test_between(r, 1, 40);
    s.in_h = s.in_w = s.out_h = s.out_w = 1;
    if (!linear) {
        s.kernel_h = test_between(r, 1, 5);
        s.kernel_w = test_between(r, 1, 5);
        s.stride = test_between(r, 1, 3);
        s.padding = test_between(r, 0, 2);
        s.in_h = test_between(r, s.kernel_h, 12);
        s.in_w = test_between(r, s.kernel_w, 12);
        s.out_h = (s.in_h + 2 * s.padding - s.kernel_h) / s.stride + 1;
        s.out_w = (s.in_w + 2 * s.padding - s.kernel_w) / s.stride + 1;
    }
    return s;
}

static void equals_reference(void **state) {
    (void)state;
    static sj_error err;
    sj_random r = sj_random_seed(test_seed(4));
    for (int round = 0; round < 60; round++) {
        const sj_dnn_shape s = random_shape(&r, round % 4 == 3);
        tensors t;
        sj_dnn_product *p;
        make_tensors(&s, &r, &t);
        reference_products(&s, &t);
        test_ok(sj_dnn_create(&s, true, &p, &err), &err);
        test_ok(sj_dnn_set_weights(p, t.w, &err), &err);
        assert_int_equal(sj_dnn_forward(p, 0, t.x, t.bias, t.y), 0);
        assert_int_equal(sj_dnn_backward_data(p, 0, t.dy, t.dx), 0);
        assert_int_equal(sj_dnn_backward_weights(p, 0, t.x, t.dy, t.dw), 0);
        assert_close("y", t.y, t.y_ref, t.y_count);
        assert_close("dx", t.dx, t.dx_ref, t.x_count);
        assert_close("dw", t.dw, t.dw_ref, t.w_count);
        sj_dnn_destroy(p);
        free_tensors(&t);
    }
}

static const char small[] =
    "name = \"small\"; layers = ({kind=\"conv\"; name=\"c1\"; out=16; kernel=3; padding=1; bias=true;}, {kind=\"bn\"; name=\"b1\";}, {kind=\"relu\"; name=\"r1\";},"
    "{kind=\"maxpool\"; name=\"p1\"; kernel=2;}, {kind=\"fork\"; name=\"f\";}, {kind=\"conv\"; name=\"c2\"; out=16; kernel=3; padding=1;}, {kind=\"bn\"; name=\"b2\";},"
    "{kind=\"add\"; name=\"a\"; from=[\"b2\", \"f\"];}, {kind=\"relu\"; name=\"r2\";}, {kind=\"conv\"; name=\"c3\"; out=32; kernel=3; stride=2;},"
    "{kind=\"avgpool\"; name=\"p2\"; global=true;}, {kind=\"linear\"; name=\"l\"; out_classes=true;}, {kind=\"softmax_ce\"; name=\"loss\";});";

// A few steps with ssProp and EAT on; returns the model.
static sj_model *train_few(int threads, uint64_t seed) {
    static sj_error err;
    omp_set_num_threads(threads);
    sj_model *m = test_model(small, (sj_dims){12, 10, 3}, 10, 48, seed);
    sj_eat eat = {.lambda = 0.5, .sigma = 0.05};
    eat.kinds[SJ_KIND_RELU] = eat.kinds[SJ_KIND_BN] = true;
    for (int step = 0; step < 4; step++) {
        const sj_backward_options options = {&eat, 0.5, step % 2 == 0 ? 1.0 : 0.3};
        sj_forward_result result;
        double penalty;
        test_ok(sj_model_forward(m, SJ_MODE_TRAIN, m->batch, &result, &err), &err);
        test_ok(sj_model_backward(m, &options, &penalty, &err), &err);
        sj_model_update(m, 0.05, 0.9, 1e-3);
    }
    return m;
}

static void same_bits_at_any_thread_count(void **state) {
    (void)state;
    const uint64_t seed = test_seed(5);
    sj_model *one = train_few(1, seed);
    for (int threads = 2; threads <= 5; threads++) {
        sj_model *many = train_few(threads, seed);
        for (int i = 0; i < one->layer_count; i++) {
            for (int j = 0; j < one->layers[i].param_count; j++) {
                const size_t bytes = (size_t)one->layers[i].params[j].count * sizeof(float);
                assert_memory_equal(one->layers[i].params[j].value, many->layers[i].params[j].value, bytes);
                assert_memory_equal(one->layers[i].params[j].grad, many->layers[i].params[j].grad, bytes);
            }
        }
        sj_model_free(many);
    }
    sj_model *other = train_few(2, seed + 1);
    assert_memory_not_equal(one->layers[0].params[0].value, other->layers[0].params[0].value, 64);
    sj_model_free(other);
    sj_model_free(one);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_reference), cmocka_unit_test(same_bits_at_any_thread_count)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
