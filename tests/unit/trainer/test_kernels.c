// SPDX-License-Identifier: Apache-2.0
// Fused sums, forward and backward, and sums over channels, against plain loops over NHWC in double precision.
#include "kernel_case.h"

typedef struct vectors {
    float *mean, *scale, *shift, *inverse_std, *a, *b;
} vectors;

static vectors make_vectors(sj_random *r, const sj_layout *l) {
    return (vectors){case_vector(r, l, 0.0F), case_vector(r, l, 1.0F), case_vector(r, l, 0.0F), case_vector(r, l, 2.0F), case_vector(r, l, 0.0F), case_vector(r, l, 0.0F)};
}

static void free_vectors(vectors *v) {
    float *const all[] = {v->mean, v->scale, v->shift, v->inverse_std, v->a, v->b};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        free(all[i]);
    }
}

static void forward_case(sj_random *r) {
    const sj_layout l = case_layout(r, 12);
    const int64_t images = case_between(r, 1, 4), count = case_count(&l, images);
    const int terms = sj_random_below(r, 2) == 0 ? (int)case_between(r, 1, 2) : (int)case_between(r, 1, SJ_TERMS_MAX);
    const bool relu = sj_random_below(r, 2) == 0, counted = sj_random_below(r, 2) == 0;
    sj_term term[SJ_TERMS_MAX] = {0};
    vectors v[SJ_TERMS_MAX];
    float *x[SJ_TERMS_MAX];
    void *data[SJ_TERMS_MAX];
    for (int t = 0; t < terms; t++) {
        data[t] = case_tensor(r, &l, images, 0.7, &x[t]);
        v[t] = make_vectors(r, &l);
        term[t].x = data[t];
        if (sj_random_below(r, 2) == 0) {
            term[t] = (sj_term){data[t], v[t].mean, v[t].scale, v[t].shift};
        }
    }
    // In single precision and in the order that the header gives: the same bits, so the same nonzeros.
    float *expected = case_floats(count);
    int64_t expected_counts[SJ_TERMS_MAX + 2] = {0}, counts[SJ_TERMS_MAX + 2];
    for (int64_t i = 0; i < count; i++) {
        const int64_t c = i % l.dims.c;
        float sum = 0.0F;
        for (int t = 0; t < terms; t++) {
            const float value = term[t].mean == NULL ? x[t][i] : term[t].scale[c] * (x[t][i] - term[t].mean[c]) + term[t].shift[c];
            expected_counts[t] += case_nonzero(value) ? 1 : 0;
            sum = t == 0 ? value : sum + value;
        }
        expected[i] = relu && sum <= 0.0F ? 0.0F : sum;
        expected_counts[terms] += case_nonzero(sum) ? 1 : 0;
        expected_counts[terms + 1] += case_nonzero(expected[i]) ? 1 : 0;
    }
    for (int i = 0; i < SJ_TERMS_MAX + 2; i++) {
        counts[i] = 1000 + i;  // added to
    }
    void *y = case_blank(&l, images), *same = case_store(&l, images, expected);
    sj_sum_forward(&l, images, term, terms, relu, y, counted ? counts : NULL);
    float *found = case_read(&l, images, y);
    assert_memory_equal(found, expected, (size_t)count * sizeof *found);
    for (int i = 0; i < terms + 2; i++) {
        assert_int_equal(counts[i] - 1000 - i, counted ? expected_counts[i] : 0);
    }
    for (int t = 0; t < terms; t++) {
        free(x[t]);
        free(data[t]);
        free_vectors(&v[t]);
    }
    free(found);
    free(expected);
    free(same);
    free(y);
}

static void forward_sums_terms(void **state) {
    (void)state;
    sj_random r = sj_random_seed(case_seed(11));
    for (int i = 0; i < 400; i++) {
        forward_case(&r);
    }
}

// A NaN must reach the loss, and a rectified -0 is +0.
static void relu_of_special_values(void **state) {
    (void)state;
    for (int bf16 = 0; bf16 < 2; bf16++) {
        const sj_layout l = {.dims = {1, 1, 20}, .block = 16, .bf16 = bf16 != 0};
        float v[20] = {-0.0F, NAN, INFINITY, -INFINITY, 1.0F, -1.0F};
        void *x = case_store(&l, 1, v), *y = case_blank(&l, 1);
        const sj_term t = {.x = x};
        sj_sum_forward(&l, 1, &t, 1, true, y, NULL);
        float *found = case_read(&l, 1, y);
        assert_true(sj_f32_bits(found[0]) == 0 && found[1] != found[1] && found[2] > 3e38F && sj_f32_bits(found[3]) == 0);
        assert_true(found[4] == 1.0F && sj_f32_bits(found[5]) == 0);
        free(found);
        free(x);
        free(y);
    }
}

// Every float rounds to bfloat16 as sj_bf16_from_f32 says: through a sum of one term, on all exponents and ties.
static void stores_round_as_one_value_does(void **state) {
    (void)state;
    enum { COUNT = 4099 };
    const sj_layout from = {.dims = {1, 1, COUNT}, .block = 1}, to = {.dims = {1, 1, COUNT}, .block = COUNT, .bf16 = true};
    sj_random r = sj_random_seed(case_seed(12));
    float *scale = case_floats(COUNT), *zero = calloc(COUNT, sizeof *zero);
    sj_bf16 *ones = malloc(COUNT * sizeof *ones), *y = malloc(COUNT * sizeof *y);
    assert_true(zero != NULL && ones != NULL && y != NULL);
    for (int i = 0; i < COUNT; i++) {
        const uint32_t bits = (uint32_t)sj_random_u64(&r);
        scale[i] = sj_bits_f32(i % 3 == 0 ? (bits & 0xffff0000U) | 0x8000U : i % 3 == 1 ? bits : bits & 0x80ffffffU);
        scale[i] = scale[i] != scale[i] ? 1.0F : scale[i];
        ones[i] = sj_bf16_from_f32(1.0F);
    }
    const sj_term t = {ones, zero, scale, zero};
    sj_sum_forward(&to, 1, &t, 1, false, y, NULL);
    int64_t nonzeros = 0;
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(y[i], sj_bf16_from_f32(scale[i]));
        nonzeros += sj_bf16_nonzero(y[i]) ? 1 : 0;
    }
    assert_int_equal(sj_count_floats(COUNT, scale), nonzeros);
    assert_int_equal(sj_count_stored(&from, 1, scale), nonzeros);
    assert_int_equal(sj_count_stored(&to, 1, y), nonzeros);
    free(scale);
    free(zero);
    free(ones);
    free(y);
}

typedef struct back_case {
    sj_layout l;
    int64_t images, count;
    float *dy[SJ_TERMS_MAX], *y, *x;
    sj_sum_back b;
    vectors v;
} back_case;

static back_case make_back(sj_random *r, bool normalised) {
    back_case k = {.l = case_layout(r, 12), .images = case_between(r, 1, 4), .v = {0}};
    k.count = case_count(&k.l, k.images);
    k.v = make_vectors(r, &k.l);
    k.b.dy_count = sj_random_below(r, 3) == 0 ? (int)case_between(r, 3, SJ_TERMS_MAX) : (int)case_between(r, 1, 2);
    for (int i = 0; i < k.b.dy_count; i++) {
        k.b.dy[i] = case_tensor(r, &k.l, k.images, 0.6, &k.dy[i]);
    }
    k.b.y = case_tensor(r, &k.l, k.images, 0.8, &k.y);
    k.b.term.x = case_tensor(r, &k.l, k.images, 0.9, &k.x);
    k.b.relu = sj_random_below(r, 2) == 0;
    const double chance = sj_random_below(r, 2) == 0 ? 0.0 : 0.5;
    k.b.on_y = case_random_penalty(r, chance);
    if (normalised) {
        k.b.term = (sj_term){k.b.term.x, k.v.mean, k.v.scale, k.v.shift};
        k.b.inverse_std = k.v.inverse_std;
        k.b.on_v = case_random_penalty(r, chance);
        k.b.on_x = case_random_penalty(r, chance);
    }
    return k;
}

static void free_back(back_case *k) {
    for (int i = 0; i < k->b.dy_count; i++) {
        free((void *)(uintptr_t)k->b.dy[i]);
        free(k->dy[i]);
    }
    free((void *)(uintptr_t)k->b.y);
    free((void *)(uintptr_t)k->b.term.x);
    free(k->y);
    free(k->x);
    free_vectors(&k->v);
}

typedef struct back_values {
    double of_y, of_sum, of_term, centred, dx;
} back_values;

static back_values back_at(const back_case *k, int64_t i) {
    const int64_t c = i % k->l.dims.c;
    const sj_sum_back *b = &k->b;
    back_values o = {.of_y = case_penalty_slope(&b->on_y, (double)k->y[i])};
    for (int d = 0; d < b->dy_count; d++) {
        o.of_y += (double)k->dy[d][i];
    }
    o.of_sum = b->relu && !(k->y[i] > 0.0F) ? 0.0 : o.of_y;
    if (b->term.mean == NULL) {
        o.of_term = o.dx = o.of_sum;
        return o;
    }
    o.centred = (double)k->x[i] - (double)b->term.mean[c];
    o.of_term = o.of_sum + case_penalty_slope(&b->on_v, (double)b->term.scale[c] * o.centred + (double)b->term.shift[c]);
    o.dx = (double)b->term.scale[c] * (o.of_term - (double)k->v.a[c] - o.centred * (double)b->inverse_std[c] * (double)k->v.b[c]) + case_penalty_slope(&b->on_x, (double)k->x[i]);
    return o;
}

static void backward_case(sj_random *r) {
    back_case k = make_back(r, sj_random_below(r, 3) != 0);
    const bool counted = sj_random_below(r, 2) == 0;
    double *expected = malloc((size_t)k.count * 3 * sizeof *expected), *of_sum = expected + k.count, *of_term = of_sum + k.count;
    int64_t expected_counts[4] = {0}, counts[4] = {7, 7, 7, 7};
    assert_non_null(expected);
    for (int64_t i = 0; i < k.count; i++) {
        const back_values o = back_at(&k, i);
        expected[i] = o.dx;
        of_sum[i] = o.of_sum;
        of_term[i] = o.of_term;
        const double all[4] = {o.of_y, o.of_sum, o.of_term, o.dx};
        for (int j = 0; j < 4; j++) {
            expected_counts[j] += fabs(all[j]) > 1e-30 ? 1 : 0;
        }
    }
    void *dx = case_blank(&k.l, k.images);
    sj_sum_backward(&k.l, k.images, &k.b, k.v.a, k.v.b, dx, counted ? counts : NULL);
    case_equal(&k.l, k.images, dx, expected, 1e-4, "dx");  // EAT's slopes go up to some tens
    for (int j = 0; counted && j < 4; j++) {
        // Sums that cancel in one precision and not in the other are rare.
        assert_true(llabs((long long)(counts[j] - 7 - expected_counts[j])) <= k.count / 1000);
    }
    sj_sum_gradient(&k.l, k.images, &k.b, false, dx);
    case_equal(&k.l, k.images, dx, of_sum, 1e-4, "gradient of the sum");
    sj_sum_gradient(&k.l, k.images, &k.b, true, dx);
    case_equal(&k.l, k.images, dx, of_term, 1e-4, "gradient of the term");
    free(dx);
    free(expected);
    free_back(&k);
}

static void backward_of_a_term(void **state) {
    (void)state;
    sj_random r = sj_random_seed(case_seed(13));
    for (int i = 0; i < 400; i++) {
        backward_case(&r);
    }
}

static double *channel_doubles(const sj_layout *l, double value) {
    double *v = malloc((size_t)sj_layout_channels(l) * sizeof *v);
    assert_non_null(v);
    for (int64_t c = 0; c < sj_layout_channels(l); c++) {
        v[c] = value;
    }
    return v;
}

// Within 2e-6 of the sum of magnitudes (and `slack` a value where values themselves are differences), and 0 in the padding.
static void sums_near(const sj_layout *l, int64_t count, const double *found, const double *values, double slack, const char *what) {
    double *sums = channel_doubles(l, 0.0), *magnitudes = channel_doubles(l, 0.0);
    for (int64_t i = 0; i < count; i++) {
        sums[i % l->dims.c] += values[i];
        magnitudes[i % l->dims.c] += fabs(values[i]);
    }
    for (int64_t c = 0; c < sj_layout_channels(l); c++) {
        const double n = c < l->dims.c ? sqrt((double)(count / l->dims.c)) : 0.0;
        case_near(found[c], sums[c], 2e-6 * magnitudes[c] + slack * n, what, c);
    }
    free(sums);
    free(magnitudes);
}

static void backward_sums_of_a_term(void **state) {
    (void)state;
    sj_random r = sj_random_seed(case_seed(14));
    for (int i = 0; i < 300; i++) {
        back_case k = make_back(&r, true);
        double *g = malloc((size_t)k.count * 2 * sizeof *g), *gx = g + k.count, *g_sums = channel_doubles(&k.l, 5.0), *gx_sums = channel_doubles(&k.l, 5.0);
        assert_non_null(g);
        for (int64_t e = 0; e < k.count; e++) {
            const back_values o = back_at(&k, e);
            g[e] = o.of_term;
            gx[e] = o.of_term * o.centred * (double)k.v.inverse_std[e % k.l.dims.c];
        }
        sj_sum_backward_sums(&k.l, k.images, &k.b, g_sums, gx_sums);
        sums_near(&k.l, k.count, g_sums, g, 2e-6, "sum of g");
        sums_near(&k.l, k.count, gx_sums, gx, 2e-6, "sum of g xhat");
        free(g);
        free(g_sums);
        free(gx_sums);
        free_back(&k);
    }
}

static void sums_over_channels(void **state) {
    (void)state;
    sj_random r = sj_random_seed(case_seed(15));
    for (int i = 0; i < 300; i++) {
        const sj_layout l = case_layout(&r, i % 10 == 0 ? 40 : 12);
        const int64_t images = case_between(&r, 1, 4), count = case_count(&l, images);
        float *x;
        void *data = case_tensor(&r, &l, images, 0.7, &x);
        double *values = malloc((size_t)count * 3 * sizeof *values), *squares = values + count, *magnitudes = squares + count;
        double *sums = channel_doubles(&l, 5.0), *square_sums = channel_doubles(&l, 5.0);
        assert_non_null(values);
        for (int64_t e = 0; e < count; e++) {
            values[e] = (double)x[e];
            squares[e] = values[e] * values[e];
            magnitudes[e] = fabs(values[e]);
        }
        sj_channel_moments(&l, images, data, sums, square_sums);
        sums_near(&l, count, sums, values, 0.0, "sum");
        sums_near(&l, count, square_sums, squares, 0.0, "sum of squares");
        sj_channel_sums(&l, images, data, sums);
        sums_near(&l, count, sums, values, 0.0, "sum");
        sj_channel_abs_sums(&l, images, data, sums);
        sums_near(&l, count, sums, magnitudes, 0.0, "sum of magnitudes");
        free(x);
        free(data);
        free(values);
        free(sums);
        free(square_sums);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_sums_terms),        cmocka_unit_test(relu_of_special_values),  cmocka_unit_test(stores_round_as_one_value_does),
        cmocka_unit_test(backward_of_a_term),        cmocka_unit_test(backward_sums_of_a_term), cmocka_unit_test(sums_over_channels),
    };
    return cmocka_run_group_tests_name("kernels", tests, NULL, NULL);
}
