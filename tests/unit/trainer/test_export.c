// SPDX-License-Identifier: Apache-2.0
// A trace with all images gives back what the trainer computed: x, w, dy and keep through plain products are its dW and dX.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper.h"
#include "sj_bf16.h"
#include "sj_export.h"

// bf16 has 8 significant bits: a factor is off by at most 2^-8 of itself, a product by 2^-7 (and 2^-16), so a sum of products by 2^-7 of the sum of their magnitudes.
#define BF16_BOUND (1.01 / 128.0)

static const char net[] =
    "name = \"n\"; layers = ({kind=\"conv\"; name=\"c1\"; out=6; kernel=3; padding=1;}, {kind=\"bn\"; name=\"b1\";}, {kind=\"relu\"; name=\"r1\";}, {kind=\"fork\"; name=\"f\";},"
    "{kind=\"conv\"; name=\"c2\"; out=10; kernel=3; padding=1; stride=2;}, {kind=\"bn\"; name=\"b2\";}, {kind=\"conv\"; name=\"s\"; from=[\"f\"]; out=10; kernel=1; stride=2; bias=true;},"
    "{kind=\"add\"; name=\"a\"; from=[\"b2\", \"s\"];}, {kind=\"relu\"; name=\"r2\";}, {kind=\"maxpool\"; name=\"p\"; kernel=2;}, {kind=\"flatten\"; name=\"v\";},"
    "{kind=\"linear\"; name=\"l\"; out_classes=true;}, {kind=\"softmax_ce\"; name=\"loss\";});";

enum { BATCH = 6 };

static sj_model *write_trace(const char *path, sj_type type, const sj_eat *eat, const int64_t *images, int64_t image_count, uint64_t seed) {
    static sj_error err;
    sj_model *m = test_model(net, (sj_dims){10, 8, 3}, 5, BATCH, seed);
    sj_forward_result result;
    double penalty;
    const sj_backward_options options = {.eat = eat, .lambda = 0.3, .keep = 0.5};
    const sj_forward_options forward = {0};
    const sj_trace_meta meta = {.producer = "test", .network = "n", .dataset = "noise", .method = "ssprop", .batch_size = BATCH, .images = image_count};
    const sj_step_info train = {.number = 0, .mode = SJ_MODE_TRAIN}, eval = {.number = 1, .mode = SJ_MODE_EVAL};
    sj_export e = {NULL, type, image_count, images, eat};
    test_ok(sj_trace_create(path, &meta, &m->net.network, &e.writer, &err), &err);
    test_ok(sj_model_forward(m, SJ_MODE_EVAL, BATCH, &forward, &result, &err), &err);
    test_ok(sj_export_step(&e, m, &eval, BATCH, &err), &err);
    test_ok(sj_model_forward(m, SJ_MODE_TRAIN, BATCH, &forward, &result, &err), &err);
    test_ok(sj_model_backward(m, &options, &penalty, &err), &err);
    test_ok(sj_export_step(&e, m, &train, BATCH, &err), &err);
    test_ok(sj_trace_commit(e.writer, &err), &err);
    return m;
}

static double *read_values(sj_trace *t, int layer, const char *name, int64_t *count) {
    static sj_error err;
    sj_tensor tensor;
    test_ok(sj_trace_read(t, 0, layer, name, SJ_TYPE_F32, &tensor, &err), &err);
    *count = sj_tensor_count(&tensor);
    double *out = calloc((size_t)*count, sizeof *out);
    for (int64_t i = 0; i < *count; i++) {
        out[i] = tensor.type == SJ_TYPE_BF16 ? (double)sj_bf16_to_f32(((const sj_bf16 *)tensor.data)[i]) : (double)((const float *)tensor.data)[i];
    }
    sj_tensor_free(&tensor);
    return out;
}

static void read_keep(sj_trace *t, int layer, int64_t channels, uint8_t *kept) {
    static sj_error err;
    memset(kept, 1, (size_t)channels);
    if (sj_trace_has(t, 0, layer, "keep")) {
        sj_tensor keep;
        test_ok(sj_trace_read(t, 0, layer, "keep", SJ_TYPE_I32, &keep, &err), &err);
        memset(kept, 0, (size_t)channels);
        for (int64_t i = 0; i < keep.dims[0]; i++) {
            kept[((const int32_t *)keep.data)[i]] = 1;
        }
        sj_tensor_free(&keep);
    }
}

typedef struct products {
    double *dw, *dx, *dw_size, *dx_size;  // size: the sum of the magnitudes
} products;

static void multiply(const sj_layer_info *l, const double *x, const double *w, const double *dy, const uint8_t *kept, products *o) {
    for (int64_t e = 0; e < BATCH * l->out.h * l->out.w * l->out.c; e++) {
        const int64_t k = e % l->out.c, q = e / l->out.c % l->out.w, p = e / (l->out.c * l->out.w) % l->out.h, n = e / (l->out.c * l->out.w * l->out.h);
        for (int64_t tap = 0; tap < l->kernel_h * l->kernel_w && kept[k] != 0; tap++) {
            const int64_t h = p * l->stride + tap / l->kernel_w - l->padding, v = q * l->stride + tap % l->kernel_w - l->padding;
            for (int64_t c = 0; c < l->in.c && h >= 0 && h < l->in.h && v >= 0 && v < l->in.w; c++) {
                const int64_t xi = ((n * l->in.h + h) * l->in.w + v) * l->in.c + c, wi = (k * l->kernel_h * l->kernel_w + tap) * l->in.c + c;
                o->dw[wi] += dy[e] * x[xi];
                o->dw_size[wi] += fabs(dy[e] * x[xi]);
                o->dx[xi] += dy[e] * w[wi];
                o->dx_size[xi] += fabs(dy[e] * w[wi]);
            }
        }
    }
}

static void assert_within(const char *what, const float *v, const double *expected, const double *size, int64_t count, double bound) {
    double largest = 0.0;
    for (int64_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs(expected[i]));
    }
    assert_true(largest > 0.0);
    for (int64_t i = 0; i < count; i++) {
        const double allowed = bound * (size != NULL ? size[i] : largest) + 1e-6 * largest;
        if (!(fabs((double)v[i] - expected[i]) <= allowed)) {
            fail_msg("%s[%lld]: the trainer has %g, the trace gives %g, allowed are %g", what, (long long)i, (double)v[i], expected[i], allowed);
        }
    }
}

static void check_layer(sj_trace *t, sj_model *m, int layer, sj_type type) {
    const sj_layer *l = &m->layers[layer];
    int64_t x_count, w_count, dy_count;
    double *x = read_values(t, layer, "x", &x_count), *w = read_values(t, layer, "w", &w_count), *dy = read_values(t, layer, "dy", &dy_count);
    uint8_t kept[64];
    read_keep(t, layer, l->info->out.c, kept);
    assert_true(type == SJ_TYPE_F32 || memcmp(kept, l->kept, (size_t)l->info->out.c) == 0);
    products o = {calloc((size_t)w_count, sizeof(double)), calloc((size_t)x_count, sizeof(double)), calloc((size_t)w_count, sizeof(double)), calloc((size_t)x_count, sizeof(double))};
    multiply(l->info, x, w, dy, kept, &o);
    const bool exact = type == SJ_TYPE_F32;
    const double bound = exact ? 1e-5 : BF16_BOUND;
    assert_within("dw", l->params[0].grad, o.dw, exact ? NULL : o.dw_size, w_count, bound);
    if (l->info->needs_dx) {
        const int from = l->info->inputs[0];
        const bool fork = m->layers[from].info->kind == SJ_KIND_FORK;
        float *dx = test_gradient(m, from, !fork ? -1 : layer == from + 1 ? 0 : 1);
        assert_within("dx", dx, o.dx, exact ? NULL : o.dx_size, x_count, bound);
        free(dx);
    }
    double *const all[] = {x, w, dy, o.dw, o.dx, o.dw_size, o.dx_size};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        free(all[i]);
    }
}

static void reproduces(sj_type type, uint64_t seed) {
    static sj_error err;
    char path[1024];
    const int64_t all[BATCH] = {0, 1, 2, 3, 4, 5};
    const char *dir = test_folder();
    (void)snprintf(path, sizeof path, "%s/trace.h5", dir);
    sj_model *m = write_trace(path, type, NULL, all, BATCH, seed);
    sj_trace *t;
    test_ok(sj_trace_open(path, &t, &err), &err);
    test_ok(sj_trace_check(t, &err), &err);
    assert_int_equal(sj_trace_step_count(t), 2);
    int products_checked = 0;
    for (int i = 0; i < m->layer_count; i++) {
        if (m->layers[i].kept != NULL) {
            check_layer(t, m, i, type);
            products_checked++;
        }
    }
    assert_int_equal(products_checked, 4);
    assert_true(sj_trace_has(t, 0, 4, "keep"));
    assert_false(sj_trace_has(t, 0, 11, "keep"));  // linear
    sj_trace_close(t);
    sj_model_free(m);
    (void)remove(path);
    (void)remove(dir);
}

static void float32_reproduces_the_gradients(void **state) {
    (void)state;
    reproduces(SJ_TYPE_F32, test_seed(7));
}

static void bf16_reproduces_them_within_its_bound(void **state) {
    (void)state;
    reproduces(SJ_TYPE_BF16, test_seed(8));
}

// What the configuration hooks: by kind or by name, the input where it says so; in the training step alone.
static void penalties_say_who_bears_them(void **state) {
    (void)state;
    static sj_error err;
    char path[1024];
    const int64_t two[] = {1, 4};
    const char *dir = test_folder();
    (void)snprintf(path, sizeof path, "%s/trace.h5", dir);
    for (int trial = 0; trial < 3; trial++) {
        sj_eat eat = {.kind = trial == 1 ? SJ_EAT_L1 : SJ_EAT_SMOOTH, .lambda = 1.0, .sigma = 0.1, .input = trial == 0};
        eat.kinds[SJ_KIND_CONV] = eat.kinds[SJ_KIND_MAXPOOL] = true;
        if (trial == 1) {
            eat.module_count = 1;
            (void)snprintf(eat.modules[0], sizeof eat.modules[0], "b1");
        }
        sj_model *m = write_trace(path, SJ_TYPE_F32, trial < 2 ? &eat : NULL, two, 2, 9);
        sj_trace *t;
        test_ok(sj_trace_open(path, &t, &err), &err);
        test_ok(sj_trace_check(t, &err), &err);
        for (int step = 0; step < 2; step++) {
            for (int i = SJ_INPUT_NETWORK; i < m->layer_count; i++) {
                sj_penalty_kind met, wanted = SJ_PENALTY_NONE;
                const sj_kind kind = i < 0 ? SJ_KIND_OPAQUE : m->layers[i].info->kind;
                if (step == 0 && trial == 0 && (i < 0 || kind == SJ_KIND_CONV || kind == SJ_KIND_MAXPOOL)) {
                    wanted = SJ_PENALTY_EAT;
                } else if (step == 0 && trial == 1 && i == 1) {
                    wanted = SJ_PENALTY_L1;
                }
                test_ok(sj_trace_read_penalty(t, step, i, &met, &err), &err);
                assert_int_equal(met, wanted);
            }
        }
        sj_trace_close(t);
        sj_model_free(m);
    }
    (void)remove(path);
    (void)remove(dir);
}

// Two of six images: the right ones, with the whole batch's counts; equal tensors are links; EAT's term keeps gradients apart.
static void samples_and_links(void **state) {
    (void)state;
    static sj_error err;
    char path[1024];
    const int64_t two[] = {1, 4};
    const char *dir = test_folder();
    (void)snprintf(path, sizeof path, "%s/trace.h5", dir);
    for (int with_eat = 0; with_eat < 2; with_eat++) {
        sj_eat eat = {.lambda = 1.0, .sigma = 0.1};
        eat.kinds[SJ_KIND_BN] = true;
        sj_model *m = write_trace(path, SJ_TYPE_F32, with_eat ? &eat : NULL, two, 2, 9);
        sj_trace *t;
        sj_tensor x;
        test_ok(sj_trace_open(path, &t, &err), &err);
        test_ok(sj_trace_check(t, &err), &err);
        test_ok(sj_trace_read(t, 0, 2, "x", SJ_TYPE_F32, &x, &err), &err);
        const int64_t each = test_out_count(m, 1);
        float *bn = test_value(m, 1);
        assert_int_equal(x.full_count, BATCH * each);
        assert_memory_equal(x.data, bn + each, (size_t)each * sizeof(float));
        assert_memory_equal((const float *)x.data + each, bn + 4 * each, (size_t)each * sizeof(float));
        sj_tensor_free(&x);
        free(bn);
        const uint64_t fork_x = sj_trace_object_id(t, 0, 3, "x"), sum = sj_trace_object_id(t, 0, 7, "dy");
        assert_true(fork_x != 0 && fork_x == sj_trace_object_id(t, 0, 4, "x") && fork_x == sj_trace_object_id(t, 0, 6, "x"));
        assert_true(sum != 0 && sum == sj_trace_object_id(t, 0, 6, "dy"));  // the shortcut's gradient is the sum's
        assert_true((sum == sj_trace_object_id(t, 0, 5, "dy")) == (with_eat == 0));
        sj_trace_close(t);
        sj_model_free(m);
    }
    (void)remove(path);
    (void)remove(dir);
}

// One training step of a network, all images, opened again.
static sj_model *trace_step(const char *text, const char *path, sj_trace **t) {
    static sj_error err;
    const int64_t all[BATCH] = {0, 1, 2, 3, 4, 5};
    sj_model *m = test_model(text, (sj_dims){8, 8, 3}, 5, BATCH, 10);
    const sj_trace_meta meta = {.producer = "test", .network = "n", .dataset = "noise", .method = "plain", .batch_size = BATCH, .images = BATCH};
    const sj_step_info step = {.number = 0, .mode = SJ_MODE_TRAIN};
    sj_export e = {NULL, SJ_TYPE_F32, BATCH, all, NULL};
    test_ok(sj_trace_create(path, &meta, &m->net.network, &e.writer, &err), &err);
    (void)test_forward(m, NULL);
    (void)test_backward(m, NULL);
    test_ok(sj_export_step(&e, m, &step, BATCH, &err), &err);
    test_ok(sj_trace_commit(e.writer, &err), &err);
    test_ok(sj_trace_open(path, t, &err), &err);
    test_ok(sj_trace_check(*t, &err), &err);
    return m;
}

// A fork that reads a fork: the trace is whole, and the lower one's gradient is the upper one's branch.
static void forks_may_nest(void **state) {
    (void)state;
    static const char nested[] =
        "name = \"n\"; layers = ({kind=\"conv\"; name=\"c\"; out=4; kernel=3;}, {kind=\"fork\"; name=\"f0\";}, {kind=\"fork\"; name=\"f1\";}, {kind=\"relu\"; name=\"r\";},"
        "{kind=\"add\"; name=\"a0\"; from=[\"r\", \"f1\"];}, {kind=\"add\"; name=\"a1\"; from=[\"a0\", \"f0\"];}, {kind=\"avgpool\"; name=\"p\"; global=true;},"
        "{kind=\"linear\"; name=\"l\"; out_classes=true;}, {kind=\"softmax_ce\"; name=\"loss\";});";
    char path[1024];
    const char *dir = test_folder();
    (void)snprintf(path, sizeof path, "%s/trace.h5", dir);
    sj_trace *t;
    sj_model *m = trace_step(nested, path, &t);
    const uint64_t upper = sj_trace_object_id(t, 0, 1, "dy0"), lower = sj_trace_object_id(t, 0, 2, "dy");
    assert_true(upper != 0 && upper == lower);
    assert_true(sj_trace_object_id(t, 0, 1, "dy") == sj_trace_object_id(t, 0, 0, "dy"));
    sj_trace_close(t);
    sj_model_free(m);
    (void)remove(path);
    (void)remove(dir);
}

static void dropout_stores_its_mask(void **state) {
    (void)state;
    static const char net_with_dropout[] =
        "name = \"n\"; layers = ({kind=\"conv\"; name=\"c\"; out=4; kernel=3;}, {kind=\"flatten\"; name=\"v\";}, {kind=\"dropout\"; name=\"d\"; p=0.25;},"
        "{kind=\"linear\"; name=\"l\"; out_classes=true;}, {kind=\"softmax_ce\"; name=\"loss\";});";
    static sj_error err;
    char path[1024];
    const char *dir = test_folder();
    (void)snprintf(path, sizeof path, "%s/trace.h5", dir);
    sj_trace *t;
    sj_model *m = trace_step(net_with_dropout, path, &t);
    sj_tensor mask;
    test_ok(sj_trace_read(t, 0, 2, "mask", SJ_TYPE_U8, &mask, &err), &err);
    const int64_t count = BATCH * test_out_count(m, 2);
    const uint8_t *bits = mask.data;
    float *x = test_value(m, 1), *y = test_value(m, 2), *dy = test_gradient(m, 2, -1), *dx = test_gradient(m, 1, -1);
    int64_t passed = 0;
    for (int64_t i = 0; i < count; i++) {
        const float factor = bits[i] != 0 ? 1.0F / 0.75F : 0.0F;
        assert_true(y[i] == x[i] * factor && dx[i] == dy[i] * factor);
        passed += bits[i];
    }
    assert_int_equal(sj_tensor_count(&mask), count);
    assert_int_equal(mask.full_nonzero, passed);
    assert_in_range(passed, count * 6 / 10, count * 9 / 10);
    float *const all[] = {x, y, dy, dx};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        free(all[i]);
    }
    sj_tensor_free(&mask);
    sj_trace_close(t);
    sj_model_free(m);
    (void)remove(path);
    (void)remove(dir);
}

static void chooses_each_image_once(void **state) {
    (void)state;
    int64_t images[8], times[20] = {0};
    for (uint64_t stream = 0; stream < 200; stream++) {
        sj_export_choose(3, stream, 20, 8, images);
        for (int i = 0; i < 8; i++) {
            assert_true(images[i] >= 0 && images[i] < 20 && (i == 0 || images[i] > images[i - 1]));
            times[images[i]]++;
        }
    }
    for (int i = 0; i < 20; i++) {
        assert_in_range(times[i], 45, 115);  // 80 expected
    }
    sj_export_choose(3, 0, 8, 8, images);
    assert_true(images[0] == 0 && images[7] == 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(float32_reproduces_the_gradients), cmocka_unit_test(bf16_reproduces_them_within_its_bound),
                                       cmocka_unit_test(samples_and_links), cmocka_unit_test(penalties_say_who_bears_them), cmocka_unit_test(forks_may_nest), cmocka_unit_test(dropout_stores_its_mask), cmocka_unit_test(chooses_each_image_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
