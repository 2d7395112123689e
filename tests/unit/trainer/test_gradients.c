// SPDX-License-Identifier: Apache-2.0
// Does every layer's backward pass give the derivative of what its forward pass computes? Central differences of a double-precision reference of the whole network.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "helper.h"
#include "sj_kernels.h"

static double derivative(sj_model *m, float *value, const sj_eat *eat, double lambda) {
    const float saved = *value, step = fmaxf(fabsf(saved), 0.1F) * 0x1.0p-15F;  // small, so that few kinks of ReLU and max pool lie within
    *value = saved + step;
    const double above = (double)*value, high = reference_loss(m, eat, lambda);
    *value = saved - step;
    const double below = (double)*value, low = reference_loss(m, eat, lambda);
    *value = saved;
    return (high - low) / (above - below);
}

// Compares up to 12 gradients of each parameter. Returns how many were compared.
static int compare_gradients(sj_model *m, const sj_eat *eat, double lambda, sj_random *r) {
    const sj_backward_options options = {.eat = eat, .lambda = lambda, .keep = 1.0};
    const double loss = test_forward(m, NULL), penalty = test_backward(m, &options);
    assert_true(fabs(loss + penalty - reference_loss(m, eat, lambda)) < 1e-4 * (1.0 + loss));
    int compared = 0, kinks = 0;
    for (int i = 0; i < m->layer_count; i++) {
        for (int j = 0; j < m->layers[i].param_count; j++) {
            const sj_param *p = &m->layers[i].params[j];
            double largest = 1e-3;
            for (int64_t k = 0; k < p->count; k++) {
                largest = fmax(largest, fabs((double)p->grad[k]));
            }
            for (int n = 0; n < 12; n++) {
                const int64_t k = test_between(r, 0, p->count - 1);
                const double expected = derivative(m, &p->value[k], eat, lambda);
                if (fabs((double)p->grad[k] - expected) > 1e-3 * largest) {
                    print_message("layer %s %s[%lld]: gradient %.9g, finite difference %.9g\n", m->layers[i].info->name, p->name, (long long)k, (double)p->grad[k], expected);
                    kinks++;
                }
                compared++;
            }
        }
    }
    assert_true(kinks * 50 <= compared);  // a step across a kink of ReLU or max pool is rare; a wrong gradient is not
    return compared;
}

static void window_text(sj_random *r, char *out, size_t size, int64_t largest) {
    const long long h = (long long)test_between(r, 1, largest), w = (long long)test_between(r, 1, largest);
    (void)snprintf(out, size, "kernel_h = %lld; kernel_w = %lld; stride = %lld; padding = %lld;", h, w, (long long)test_between(r, 1, 3),
                   (long long)test_between(r, 0, (h < w ? h : w) / 2));
}

// conv, bn, relu, max pool, average pool, flatten and linear with random windows over images that are not square.
static void chain_gradients(void **state) {
    (void)state;
    sj_random r = sj_random_seed(test_seed(1));
    for (int round = 0; round < 8; round++) {
        char a[128], b[128], c[128], d[128], text[2048];
        window_text(&r, a, sizeof a, 4);
        window_text(&r, b, sizeof b, 3);
        window_text(&r, c, sizeof c, 2);
        window_text(&r, d, sizeof d, 2);
        (void)snprintf(text, sizeof text,
                       "name = \"chain\"; layers = ({kind=\"conv\"; name=\"c1\"; out=%d; bias=true; %s}, {kind=\"bn\"; name=\"b1\";}, {kind=\"relu\"; name=\"r1\";},"
                       "{kind=\"maxpool\"; name=\"p1\"; %s}, {kind=\"conv\"; name=\"c2\"; out=%d; %s}, {kind=\"bn\"; name=\"b2\";}, {kind=\"relu\"; name=\"r2\";},"
                       "{kind=\"avgpool\"; name=\"p2\"; %s}, {kind=\"flatten\"; name=\"f\";}, {kind=\"linear\"; name=\"l1\"; out=7;}, {kind=\"relu\"; name=\"r3\";},"
                       "{kind=\"linear\"; name=\"l2\"; out_classes=true;}, {kind=\"softmax_ce\"; name=\"loss\";});",
                       (int)test_between(&r, 1, 20), a, b, (int)test_between(&r, 1, 18), c, d);
        const sj_dims input = {test_between(&r, 20, 26), test_between(&r, 18, 24), test_between(&r, 1, 4)};
        sj_model *m = test_model(text, input, 5, test_between(&r, 2, 9), sj_random_u64(&r));
        assert_true(compare_gradients(m, NULL, 0.0, &r) > 60);
        sj_model_free(m);
    }
}

static const char residual[] =
    "name = \"residual\"; width = 6; layers = ({kind=\"conv\"; name=\"c1\"; out_width=1; kernel=3; padding=1;}, {kind=\"fork\"; name=\"f\";},"
    "{kind=\"conv\"; name=\"c2\"; out_width=2; kernel=3; padding=1; stride=2;}, {kind=\"bn\"; name=\"b2\";},"
    "{kind=\"conv\"; name=\"short\"; from=[\"f\"]; out_width=2; kernel=1; stride=2;}, {kind=\"add\"; name=\"a\"; from=[\"b2\", \"short\"];}, {kind=\"relu\"; name=\"r\";},"
    "{kind=\"fork\"; name=\"g\";}, {kind=\"conv\"; name=\"c3\"; out_width=2; kernel=3; padding=1;}, {kind=\"add\"; name=\"a2\"; from=[\"c3\", \"g\"];},"
    "{kind=\"avgpool\"; name=\"p\"; global=true;}, {kind=\"linear\"; name=\"l\"; out_classes=true;}, {kind=\"softmax_ce\"; name=\"loss\";});";

static void residual_gradients(void **state) {
    (void)state;
    sj_random r = sj_random_seed(test_seed(2));
    sj_model *m = test_model(residual, (sj_dims){8, 6, 3}, 4, 6, sj_random_u64(&r));
    assert_true(compare_gradients(m, NULL, 0.0, &r) > 60);
    sj_model_free(m);
}

static void eat_gradients(void **state) {
    (void)state;
    sj_random r = sj_random_seed(test_seed(3));
    for (int reduce = 0; reduce < 2; reduce++) {
        sj_eat eat = {.lambda = 1.0, .sigma = 0.2, .reduce = (sj_eat_reduce)reduce, .input = reduce == 0};
        eat.kinds[SJ_KIND_CONV] = eat.kinds[SJ_KIND_BN] = eat.kinds[SJ_KIND_RELU] = eat.kinds[SJ_KIND_AVGPOOL] = eat.kinds[SJ_KIND_LINEAR] = true;
        sj_model *m = test_model(residual, (sj_dims){8, 6, 3}, 4, 6, sj_random_u64(&r));
        assert_true(compare_gradients(m, &eat, 0.7, &r) > 60);
        sj_model_free(m);
    }
}

static void eat_is_its_formula(void **state) {
    (void)state;
    const float x[] = {0.0F, 1.0F, -2.0F, 0.01F, 3e-5F, -7.0F, 0.5F, 0.25F, -0.125F, 1e-3F};
    enum { COUNT = sizeof x / sizeof x[0] };
    const double sigma = 1e-2;
    double penalty = 0.0;
    float dx[COUNT] = {0};
    const sj_layout l = {{1, 1, COUNT}, 1, false};
    const sj_penalty p = {SJ_PENALTY_EAT, (float)sigma, 3.0F};
    sj_penalty_add(&l, 1, &p, x, dx);
    for (int i = 0; i < COUNT; i++) {
        const double v = (double)x[i], root = v * v + sigma, expected = 3.0 * 2.0 * sigma * v / (root * root);
        penalty += v * v / root;
        assert_true(fabs((double)dx[i] - expected) <= 1e-6 * fabs(expected));
    }
    assert_true(fabs(sj_penalty_sum(&l, 1, &p, x) - penalty) < 1e-6);
    assert_true(dx[0] == 0.0F);  // no gradient at a zero
    const sj_eat eat = {.lambda = 4.0, .warmup_epochs = 2.0};
    assert_true(sj_eat_lambda(&eat, 0.0) == 0.0 && sj_eat_lambda(&eat, 0.5) == 1.0 && sj_eat_lambda(&eat, 2.0) == 4.0 && sj_eat_lambda(&eat, 9.0) == 4.0);
}

static void first_maximum_wins(void **state) {
    (void)state;
    const sj_layer_info l = {.kind = SJ_KIND_MAXPOOL, .in = {2, 3, 1}, .out = {1, 2, 1}, .kernel_h = 2, .kernel_w = 2, .stride = 1};
    const float x[] = {0.0F, 5.0F, 1.0F, 5.0F, 0.0F, 5.0F}, dy[] = {10.0F, 100.0F}, expected[] = {0.0F, 110.0F, 0.0F, 0.0F, 0.0F, 0.0F};
    float y[2], dx[6];
    const sj_layout in = {l.in, 1, false}, out = {l.out, 1, false};
    sj_pool_max_forward(&l, &in, &out, 1, x, y);
    assert_true(y[0] == 5.0F && y[1] == 5.0F);
    sj_pool_max_backward(&l, &in, &out, 1, x, y, dy, dx);
    assert_memory_equal(dx, expected, sizeof dx);
}

static void nonzero_is_after_rounding(void **state) {
    (void)state;
    const float v[] = {0.0F, -0.0F, 1e-40F, 0x1.0p-126F, 0x1.fep-127F, 0x1.fcp-127F, -3.0F};  // the fifth rounds up to 2^-126, the sixth stays below
    const int64_t expected[] = {0, 0, 0, 1, 1, 0, 1};
    for (int i = 0; i < 7; i++) {
        assert_int_equal(sj_count_floats(1, &v[i]), expected[i]);
    }
    assert_int_equal(sj_count_floats(7, v), 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(chain_gradients),   cmocka_unit_test(residual_gradients), cmocka_unit_test(eat_gradients),
                                       cmocka_unit_test(eat_is_its_formula), cmocka_unit_test(first_maximum_wins), cmocka_unit_test(nonzero_is_after_rounding)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
