// SPDX-License-Identifier: Apache-2.0
// y = relu(bn(x) + s), the loss a weighted sum of y and penalties on x, on bn's output and on y: moments, forward and backward against finite differences of the same in double precision.
#include "kernel_case.h"

typedef struct chain {
    sj_layout l;
    int64_t images, count;
    float *x, *s, *weight;
    void *x_data, *s_data, *dy;
    float *gamma, *beta;
    sj_penalty on_x, on_v, on_y;
} chain;

static const double EPS = 1e-3;

static double chain_loss(const chain *k, const double *x, const double *s, int64_t c) {
    const int64_t channels = k->l.dims.c;
    const double n = (double)(k->count / channels);
    double mean = 0.0, variance = 0.0, loss = 0.0;
    for (int64_t i = c; i < k->count; i += channels) {
        mean += x[i] / n;
    }
    for (int64_t i = c; i < k->count; i += channels) {
        variance += (x[i] - mean) * (x[i] - mean) / n;
    }
    for (int64_t i = c; i < k->count; i += channels) {
        const double v = (double)k->gamma[c] * (x[i] - mean) / sqrt(variance + EPS) + (double)k->beta[c], y = v + s[i] > 0.0 ? v + s[i] : 0.0;
        loss += (double)k->weight[i] * y + (double)k->on_x.scale * case_penalty(&k->on_x, x[i]) + (double)k->on_v.scale * case_penalty(&k->on_v, v) +
                (double)k->on_y.scale * case_penalty(&k->on_y, y);
    }
    return loss;
}

// dx and ds as the kernels compute them.
static void chain_gradients(const chain *k, float **dx, float **ds, double *penalty) {
    const sj_layout *l = &k->l;
    const int64_t channels = sj_layout_channels(l);
    double *sums = malloc((size_t)channels * 2 * sizeof *sums), *squares = sums + channels;
    float *mean = calloc((size_t)channels * 5, sizeof *mean), *scale = mean + channels, *inverse_std = scale + channels, *a = inverse_std + channels, *b = a + channels;
    void *y = case_blank(l, k->images), *out = case_blank(l, k->images);
    const double n = (double)(k->count / l->dims.c);
    assert_true(sums != NULL && mean != NULL);
    sj_channel_moments(l, k->images, k->x_data, sums, squares);
    for (int64_t c = 0; c < l->dims.c; c++) {
        mean[c] = (float)(sums[c] / n);
        inverse_std[c] = (float)(1.0 / sqrt(squares[c] / n - sums[c] / n * (sums[c] / n) + EPS));
        scale[c] = k->gamma[c] * inverse_std[c];
    }
    const sj_term terms[2] = {{k->x_data, mean, scale, k->beta}, {.x = k->s_data}};
    sj_sum_forward(l, k->images, terms, 2, true, y, NULL);
    *penalty = (double)k->on_x.scale * sj_penalty_sum(l, k->images, &k->on_x, k->x_data) + (double)k->on_v.scale * sj_penalty_sum_term(l, k->images, &k->on_v, &terms[0]) +
               (double)k->on_y.scale * sj_penalty_sum(l, k->images, &k->on_y, y);
    sj_sum_back back = {.dy = {k->dy}, .dy_count = 1, .y = y, .relu = true, .on_y = k->on_y, .on_v = k->on_v, .on_x = k->on_x, .term = terms[0], .inverse_std = inverse_std};
    sj_sum_backward_sums(l, k->images, &back, sums, squares);
    for (int64_t c = 0; c < l->dims.c; c++) {
        a[c] = (float)(sums[c] / n);
        b[c] = (float)(squares[c] / n);
    }
    sj_sum_backward(l, k->images, &back, a, b, out, NULL);
    *dx = case_read(l, k->images, out);
    back.term = terms[1];
    back.on_v = back.on_x = (sj_penalty){0};
    sj_sum_backward(l, k->images, &back, NULL, NULL, out, NULL);
    *ds = case_read(l, k->images, out);
    free(sums);
    free(mean);
    free(y);
    free(out);
}

static void check_value(const chain *k, double *values, const double *x, const double *s, int64_t i, double found, const char *what) {
    const double step = 1e-5, at = values[i];
    values[i] = at + step;
    const double above = chain_loss(k, x, s, i % k->l.dims.c);
    values[i] = at - step;
    const double below = chain_loss(k, x, s, i % k->l.dims.c);
    values[i] = at;
    case_near(found, (above - below) / (2.0 * step), 2e-3, what, i);
}

// Where a step might cross the bend of ReLU or of |x|.
static bool near_a_bend(const chain *k, const double *x, const double *s, int64_t c) {
    const int64_t channels = k->l.dims.c;
    const double n = (double)(k->count / channels);
    double mean = 0.0, square = 0.0;
    for (int64_t i = c; i < k->count; i += channels) {
        mean += x[i] / n;
        square += x[i] * x[i] / n;
    }
    for (int64_t i = c; i < k->count; i += channels) {
        const double v = (double)k->gamma[c] * (x[i] - mean) / sqrt(square - mean * mean + EPS) + (double)k->beta[c];
        if (fabs(v + s[i]) < 1e-3 || fabs(v) < 1e-3 || fabs(x[i]) < 1e-3) {
            return true;
        }
    }
    return false;
}

static int chain_case(sj_random *r) {
    chain k = {.l = case_layout(r, 5), .images = case_between(r, 2, 3)};
    k.l.bf16 = false;
    k.count = case_count(&k.l, k.images);
    k.x_data = case_tensor(r, &k.l, k.images, 1.0, &k.x);
    k.s_data = case_tensor(r, &k.l, k.images, 1.0, &k.s);
    k.dy = case_tensor(r, &k.l, k.images, 1.0, &k.weight);
    k.gamma = case_vector(r, &k.l, 1.0F);
    k.beta = case_vector(r, &k.l, 0.0F);
    k.on_x = case_random_penalty(r, 0.5);
    k.on_v = case_random_penalty(r, 0.5);
    k.on_y = case_random_penalty(r, 0.5);
    k.on_x.sigma = k.on_v.sigma = k.on_y.sigma = 0.5F;
    double *x = malloc((size_t)k.count * 2 * sizeof *x), *s = x + k.count, penalty, expected = 0.0;
    assert_non_null(x);
    for (int64_t i = 0; i < k.count; i++) {
        x[i] = (double)k.x[i];
        s[i] = (double)k.s[i];
    }
    float *dx, *ds;
    chain_gradients(&k, &dx, &ds, &penalty);
    int checked = 0;
    for (int tries = 0; tries < 20; tries++) {
        const int64_t i = case_between(r, 0, k.count - 1);
        if (!near_a_bend(&k, x, s, i % k.l.dims.c)) {
            check_value(&k, x, x, s, i, (double)dx[i], "dx");
            check_value(&k, s, x, s, i, (double)ds[i], "ds");
            checked++;
        }
    }
    memset(k.weight, 0, (size_t)k.count * sizeof *k.weight);  // what is left of the loss is the penalties
    for (int64_t c = 0; c < k.l.dims.c; c++) {
        expected += chain_loss(&k, x, s, c);
    }
    case_near(penalty, expected, 1e-4 * (1.0 + expected), "penalty", 0);
    void *const all[] = {dx, ds, x, k.x, k.s, k.weight, k.x_data, k.s_data, k.dy, k.gamma, k.beta};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        free(all[i]);
    }
    return checked;
}

static void gradients_equal_finite_differences(void **state) {
    (void)state;
    sj_random r = sj_random_seed(case_seed(21));
    int checked = 0;
    for (int i = 0; i < 150; i++) {
        checked += chain_case(&r);
    }
    assert_true(checked > 300);
}

// Cross entropy with smoothing, its gradient, and what happens where exponentials vanish.
static void softmax_case(sj_random *r, double spread) {
    sj_layout l = case_layout(r, 2);
    l.dims.c = case_between(r, 2, 40);
    l.bf16 = false;
    const int64_t images = case_between(r, 1, 5), classes = l.dims.h * l.dims.w * l.dims.c, batch = images + case_between(r, 0, 3);
    const double smoothing = sj_random_below(r, 2) == 0 ? 0.0 : 0.1;
    float *x = case_floats(images * classes), *p = case_floats(images * classes);
    uint16_t labels[5];
    double expected = 0.0;
    int64_t correct = -1, expected_correct = 0;
    for (int64_t i = 0; i < images * classes; i++) {
        x[i] = (float)(spread * (double)case_value(r));
    }
    if (images > 1) {
        x[1] = x[0] = 2.0F * (float)spread;  // the first of equals is the one
    }
    void *data = case_store(&l, images, x), *dx = case_blank(&l, images);
    double *dx_expected = malloc((size_t)(images * classes) * sizeof *dx_expected);
    assert_non_null(dx_expected);
    for (int64_t i = 0; i < images; i++) {
        const float *v = x + i * classes;
        labels[i] = (uint16_t)case_between(r, 0, classes - 1);
        int64_t top = 0;
        double sum = 0.0;
        for (int64_t c = 0; c < classes; c++) {
            top = v[c] > v[top] ? c : top;
        }
        for (int64_t c = 0; c < classes; c++) {
            sum += exp((double)v[c] - (double)v[top]);
        }
        for (int64_t c = 0; c < classes; c++) {
            const double target = (c == labels[i] ? 1.0 - smoothing : 0.0) + smoothing / (double)classes, log_p = (double)v[c] - (double)v[top] - log(sum);
            expected -= target * log_p;
            dx_expected[i * classes + c] = (exp(log_p) - target) / (double)batch;
        }
        expected_correct += top == labels[i] ? 1 : 0;
    }
    case_near(sj_softmax_forward(&l, images, data, labels, smoothing, p, &correct), expected, 1e-11 * (1.0 + expected), "loss", 0);
    assert_int_equal(correct, expected_correct);
    sj_softmax_backward(&l, images, p, labels, smoothing, batch, dx);
    case_equal(&l, images, dx, dx_expected, 1e-7, "dx of softmax");
    free(x);
    free(p);
    free(data);
    free(dx);
    free(dx_expected);
}

static void softmax_with_smoothing(void **state) {
    (void)state;
    sj_random r = sj_random_seed(case_seed(22));
    for (int i = 0; i < 200; i++) {
        softmax_case(&r, i % 4 == 3 ? 500.0 : 3.0);
    }
}

static void softmax_of_what_is_not_finite(void **state) {
    (void)state;
    const sj_layout l = {.dims = {1, 1, 3}, .block = 16};
    const float values[3][3] = {{1.0F, NAN, 2.0F}, {INFINITY, 0.0F, 0.0F}, {NAN, 0.0F, 0.0F}};
    for (int i = 0; i < 3; i++) {
        float v[3], p[3];
        memcpy(v, values[i], sizeof v);
        void *x = case_blank(&l, 1);
        sj_layout_from_nhwc(&l, 1, v, x);
        const uint16_t label = 2;
        int64_t correct;
        const double loss = sj_softmax_forward(&l, 1, x, &label, 0.0, p, &correct);
        assert_false(fabs(loss) <= 1e300);
        free(x);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_equal_finite_differences),
        cmocka_unit_test(softmax_with_smoothing),
        cmocka_unit_test(softmax_of_what_is_not_finite),
    };
    return cmocka_run_group_tests_name("kernel chain", tests, NULL, NULL);
}
