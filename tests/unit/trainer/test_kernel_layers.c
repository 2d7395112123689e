// SPDX-License-Identifier: Apache-2.0
// Pools, penalties, dropout, channels, counts against plain loops over NHWC.
#include "kernel_case.h"

typedef struct pool_case {
    sj_layer_info info;
    sj_layout in, out;
    int64_t images, in_count, out_count;
} pool_case;

static pool_case make_pool(sj_random *r) {
    pool_case k = {.in = case_layout(r, 11), .images = case_between(r, 1, 3)};
    k.info.kernel_h = case_between(r, 1, k.in.dims.h < 3 ? k.in.dims.h : 3);
    k.info.kernel_w = case_between(r, 1, k.in.dims.w < 3 ? k.in.dims.w : 3);
    k.info.stride = case_between(r, 1, 4);
    const int64_t least = k.info.kernel_h < k.info.kernel_w ? k.info.kernel_h : k.info.kernel_w;
    k.info.padding = case_between(r, 0, least - 1);
    if (sj_random_below(r, 4) == 0) {  // global
        k.info.kernel_h = k.in.dims.h;
        k.info.kernel_w = k.in.dims.w;
        k.info.padding = 0;
    }
    k.out = k.in;
    k.out.dims.h = (k.in.dims.h + 2 * k.info.padding - k.info.kernel_h) / k.info.stride + 1;
    k.out.dims.w = (k.in.dims.w + 2 * k.info.padding - k.info.kernel_w) / k.info.stride + 1;
    k.info.in = k.in.dims;
    k.info.out = k.out.dims;
    k.in_count = case_count(&k.in, k.images);
    k.out_count = case_count(&k.out, k.images);
    return k;
}

// Calls for every input of every window, in row order; out, in: places in NHWC.
typedef void visit(void *context, int64_t out, int64_t in, bool first);

static void each_tap(const pool_case *k, visit *each, void *context) {
    const sj_dims i = k->in.dims, o = k->out.dims;
    for (int64_t out = 0; out < k->out_count; out++) {
        const int64_t c = out % o.c, q = out / o.c % o.w, p = out / (o.c * o.w) % o.h, n = out / (o.c * o.w * o.h);
        bool first = true;
        for (int64_t tap = 0; tap < k->info.kernel_h * k->info.kernel_w; tap++) {
            const int64_t h = p * k->info.stride - k->info.padding + tap / k->info.kernel_w, w = q * k->info.stride - k->info.padding + tap % k->info.kernel_w;
            if (h >= 0 && h < i.h && w >= 0 && w < i.w) {
                each(context, out, ((n * i.h + h) * i.w + w) * i.c + c, first);
                first = false;
            }
        }
    }
}

typedef struct pool_values {
    const float *x, *dy;
    double *y, *dx;
    int64_t *at;
    double inverse;
} pool_values;

static void max_tap(void *context, int64_t out, int64_t in, bool first) {
    const pool_values *v = context;
    if (first || v->x[in] > v->x[v->at[out]]) {
        v->at[out] = in;
        v->y[out] = (double)v->x[in];
    }
}

static void avg_tap(void *context, int64_t out, int64_t in, bool first) {
    const pool_values *v = context;
    v->y[out] = (first ? 0.0 : v->y[out]) + (double)v->x[in] * v->inverse;
    v->dx[in] += (double)v->dy[out] * v->inverse;
}

static void pools_case(sj_random *r) {
    const pool_case k = make_pool(r);
    float *x, *dy;
    void *x_data = case_tensor(r, &k.in, k.images, 0.5, &x), *dy_data = case_tensor(r, &k.out, k.images, 0.8, &dy);
    for (int64_t i = 0; i < k.in_count; i++) {
        x[i] = sj_random_below(r, 3) != 0 ? x[i] : (float)case_between(r, -1, 2) * 0.25F;  // equals are frequent
    }
    free(x_data);
    x_data = case_store(&k.in, k.images, x);
    void *y = case_blank(&k.out, k.images), *dx = case_blank(&k.in, k.images);
    pool_values v = {x, dy, calloc((size_t)k.out_count, 8), calloc((size_t)k.in_count, 8), calloc((size_t)k.out_count, 8), 1.0 / (double)(k.info.kernel_h * k.info.kernel_w)};
    assert_true(v.y != NULL && v.dx != NULL && v.at != NULL);
    each_tap(&k, max_tap, &v);
    for (int64_t i = 0; i < k.out_count; i++) {
        v.dx[v.at[i]] += (double)dy[i];
    }
    sj_pool_max_forward(&k.info, &k.in, &k.out, k.images, x_data, y);
    case_equal(&k.out, k.images, y, v.y, 0.0, "maximum");
    sj_pool_max_backward(&k.info, &k.in, &k.out, k.images, x_data, y, dy_data, dx);
    case_equal(&k.in, k.images, dx, v.dx, 1e-6, "dx of maximum");
    memset(v.dx, 0, (size_t)k.in_count * sizeof *v.dx);
    each_tap(&k, avg_tap, &v);
    sj_pool_avg_forward(&k.info, &k.in, &k.out, k.images, x_data, y);
    case_equal(&k.out, k.images, y, v.y, 1e-6, "average");
    sj_pool_avg_backward(&k.info, &k.in, &k.out, k.images, dy_data, dx);
    case_equal(&k.in, k.images, dx, v.dx, 1e-6, "dx of average");
    void *const all[] = {x, dy, x_data, dy_data, y, dx, v.y, v.dx, v.at};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        free(all[i]);
    }
}

static void pools(void **state) {
    (void)state;
    sj_random r = sj_random_seed(case_seed(31));
    for (int i = 0; i < 400; i++) {
        pools_case(&r);
    }
}

// A NaN anywhere in a window comes through.
static void maximum_keeps_nan(void **state) {
    (void)state;
    const sj_layer_info info = {.kernel_h = 2, .kernel_w = 2, .stride = 2};
    const sj_layout in = {.dims = {2, 2, 3}, .block = 16}, out = {.dims = {1, 1, 3}, .block = 16};
    for (int at = 0; at < 4; at++) {
        float v[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3};
        v[3 * at + 1] = NAN;
        void *x = case_store(&in, 1, v), *y = case_blank(&out, 1);
        sj_pool_max_forward(&info, &in, &out, 1, x, y);
        float *found = case_read(&out, 1, y);
        assert_true(found[1] != found[1] && found[0] == 7.0F && found[2] == 9.0F);
        free(found);
        free(x);
        free(y);
    }
}

static void penalties_case(sj_random *r) {
    const sj_layout l = case_layout(r, 9);
    const int64_t images = case_between(r, 1, 3), count = case_count(&l, images);
    const sj_penalty p = case_random_penalty(r, 0.9);
    float *x, *dx, *shift = case_vector(r, &l, 0.5F), *mean = case_vector(r, &l, 0.0F), *scale = case_vector(r, &l, 1.0F);
    void *x_data = case_tensor(r, &l, images, 0.7, &x), *dx_data = case_tensor(r, &l, images, 0.7, &dx);
    double *expected = malloc((size_t)count * sizeof *expected), sum = 0.0, term_sum = 0.0;
    assert_non_null(expected);
    for (int64_t i = 0; i < count; i++) {
        const int64_t c = i % l.dims.c;
        sum += case_penalty(&p, (double)x[i]);
        term_sum += case_penalty(&p, (double)(scale[c] * (x[i] - mean[c]) + shift[c]));
        expected[i] = (double)dx[i] + case_penalty_slope(&p, (double)x[i]);
    }
    const sj_term plain = {.x = x_data}, term = {x_data, mean, scale, shift};
    case_near(sj_penalty_sum(&l, images, &p, x_data), sum, 1e-6 * sum, "penalty", 0);
    case_near(sj_penalty_sum_term(&l, images, &p, &plain), sum, 1e-6 * sum, "penalty of a plain term", 0);
    case_near(sj_penalty_sum_term(&l, images, &p, &term), term_sum, 1e-6 * term_sum, "penalty of a term", 0);
    sj_penalty_add(&l, images, &p, x_data, dx_data);
    case_equal(&l, images, dx_data, expected, 1e-5, "dx with a penalty");
    void *const all[] = {x, dx, shift, mean, scale, x_data, dx_data, expected};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        free(all[i]);
    }
}

static void penalties(void **state) {
    (void)state;
    sj_random r = sj_random_seed(case_seed(32));
    for (int i = 0; i < 300; i++) {
        penalties_case(&r);
    }
}

// 1e-5 relative wherever the result is a normal float, and never a NaN, for all finite x and the sigmas that are used.
static void eat_at_the_ends(void **state) {
    (void)state;
    static const float sigmas[] = {1e-8F, 1e-6F, 1e-4F, 1e-1F, 1.0F, 100.0F};
    const sj_layout l = {.dims = {1, 1, 1}, .block = 1};
    for (size_t s = 0; s < sizeof sigmas / sizeof sigmas[0]; s++) {
        for (int e = -120; e < 256; e++) {
            for (int sign = -1; sign <= 1; sign += 2) {
                const float x = (float)sign * ldexpf(1.2345F, e / 2);
                const sj_penalty p = {SJ_PENALTY_EAT, sigmas[s], 2.5F};
                float dx = 0.0F;
                sj_penalty_add(&l, 1, &p, &x, &dx);
                const double slope = case_penalty_slope(&p, (double)x), value = case_penalty(&p, (double)x);
                case_near((double)dx, slope, 1e-5 * fabs(slope) + 1e-37, "slope", e);
                case_near(sj_penalty_sum(&l, 1, &p, &x), value, 1e-6 * value + 1e-37, "penalty", e);
            }
        }
    }
    float zero = 0.0F, dx = 3.0F;
    for (int kind = SJ_PENALTY_EAT; kind <= SJ_PENALTY_L1; kind++) {
        const sj_penalty p = {(sj_penalty_kind)kind, 1e-6F, 1.0F};
        sj_penalty_add(&l, 1, &p, &zero, &dx);
        assert_true(dx == 3.0F && sj_penalty_sum(&l, 1, &p, &zero) == 0.0);
    }
}

static void dropout_case(sj_random *r) {
    const sj_layout l = case_layout(r, 6);
    const int64_t images = case_between(r, 1, 4), count = case_count(&l, images), of_image = count / images, first = case_between(r, 0, 100);
    const uint64_t seed = sj_random_u64(r);
    const float p = 0.1F * (float)case_between(r, 0, 9);
    uint8_t *mask = malloc((size_t)count * 2), *part = mask + count;
    float *x;
    void *data = case_tensor(r, &l, images, 0.8, &x), *y = case_blank(&l, images);
    double *expected = malloc((size_t)count * sizeof *expected);
    assert_true(mask != NULL && expected != NULL);
    sj_dropout_mask(&l, images, seed, first, p, mask);
    for (int64_t i = 0; i < images; i++) {
        sj_dropout_mask(&l, 1, seed, first + i, p, part);
        assert_memory_equal(part, mask + i * of_image, (size_t)of_image);
    }
    sj_layout other = l;
    other.block = l.block + 1;
    sj_dropout_mask(&other, images, seed, first, p, part);
    assert_memory_equal(part, mask, (size_t)count);
    for (int64_t i = 0; i < count; i++) {
        assert_true(mask[i] <= 1 && (mask[i] == 1 || p > 0.0F));
        expected[i] = mask[i] == 1 ? (double)x[i] / (1.0 - (double)p) : 0.0;
    }
    sj_dropout_apply(&l, images, mask, p, data, y);
    case_equal(&l, images, y, expected, 1e-6, "dropout");
    sj_dropout_apply(&l, images, mask, p, data, data);
    assert_memory_equal(data, y, (size_t)(images * sj_layout_bytes(&l)));
    free(mask);
    free(x);
    free(data);
    free(y);
    free(expected);
}

static void dropout(void **state) {
    (void)state;
    sj_random r = sj_random_seed(case_seed(33));
    for (int i = 0; i < 200; i++) {
        dropout_case(&r);
    }
    enum { COUNT = 999999 };
    const sj_layout l = {.dims = {1, 1, COUNT}, .block = 16};
    uint8_t *mask = malloc(COUNT);
    assert_non_null(mask);
    for (int tenth = 1; tenth < 10; tenth += 4) {
        const double p = 0.1 * tenth;
        sj_dropout_mask(&l, 1, 77, tenth, (float)p, mask);
        int64_t stays = 0, pairs = 0;
        for (int i = 0; i < COUNT; i++) {
            stays += mask[i];
            pairs += i > 0 ? mask[i] & mask[i - 1] : 0;
        }
        case_near((double)stays / COUNT, 1.0 - p, 5.0 * sqrt(p * (1.0 - p) / COUNT), "share that stays", tenth);
        case_near((double)pairs / COUNT, (1.0 - p) * (1.0 - p), 5.0 * sqrt(1.0 / COUNT), "share of pairs that stay", tenth);
    }
    free(mask);
}

static void channels_case(sj_random *r) {
    const sj_layout in = case_layout(r, 8);
    const int64_t images = case_between(r, 1, 3), count = case_count(&in, images), channels = in.dims.c;
    sj_layout out = in;
    uint8_t kept[100];
    int32_t list[100];
    out.dims.c = 0;
    for (int64_t c = 0; c < channels; c++) {
        kept[c] = sj_random_below(r, 3) == 0 || (c == channels - 1 && out.dims.c == 0) ? 1 : 0;
        if (kept[c] == 1) {
            list[out.dims.c++] = (int32_t)c;
        }
    }
    out.block = in.block == channels ? out.dims.c : in.block;
    float *v;
    void *data = case_tensor(r, &in, images, 0.8, &v), *gathered = case_blank(&out, images), *masked = case_blank(&in, images);
    sj_gather_channels(&in, &out, images, list, data, gathered);
    sj_mask_channels(&in, images, kept, data, masked);
    float *g = case_read(&out, images, gathered), *m = case_read(&in, images, masked);
    for (int64_t i = 0; i < case_count(&out, images); i++) {
        assert_true(g[i] == v[i / out.dims.c * channels + list[i % out.dims.c]]);
    }
    for (int64_t i = 0; i < count; i++) {
        assert_true(m[i] == (kept[i % channels] == 1 ? v[i] : 0.0F));
    }
    sj_mask_channels(&in, images, kept, data, data);
    assert_memory_equal(data, masked, (size_t)(images * sj_layout_bytes(&in)));
    free(v);
    free(g);
    free(m);
    free(data);
    free(gathered);
    free(masked);
}

static void channels_gathered_and_masked(void **state) {
    (void)state;
    sj_random r = sj_random_seed(case_seed(34));
    for (int i = 0; i < 300; i++) {
        channels_case(&r);
    }
}

static void added_and_counted_case(sj_random *r) {
    const sj_layout l = case_layout(r, 8);
    const int64_t images = case_between(r, 1, 3), count = case_count(&l, images);
    const int tensors = (int)case_between(r, 1, l.bf16 ? SJ_TERMS_MAX : 2 * SJ_TERMS_MAX + 3);
    const void *data[2 * SJ_TERMS_MAX + 3];
    double *expected = calloc((size_t)count, sizeof *expected);
    int64_t nonzeros = 0;
    assert_non_null(expected);
    for (int t = 0; t < tensors; t++) {
        float *v;
        data[t] = case_tensor(r, &l, images, 0.5, &v);
        for (int64_t i = 0; i < count; i++) {
            expected[i] += (double)v[i];
            nonzeros += t == 0 && case_nonzero(v[i]) ? 1 : 0;
        }
        free(v);
    }
    assert_int_equal(sj_count_stored(&l, images, data[0]), nonzeros);
    void *out = (void *)(uintptr_t)data[0];
    sj_add_tensors(&l, images, data, tensors, out);
    case_equal(&l, images, out, expected, 1e-5, "sum of tensors");
    for (int t = 0; t < tensors; t++) {
        free((void *)(uintptr_t)data[t]);
    }
    free(expected);
}

static void added_and_counted(void **state) {
    (void)state;
    sj_random r = sj_random_seed(case_seed(35));
    for (int i = 0; i < 300; i++) {
        added_and_counted_case(&r);
    }
    assert_int_equal(sj_count_floats(0, NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pools),   cmocka_unit_test(maximum_keeps_nan),           cmocka_unit_test(penalties),
        cmocka_unit_test(eat_at_the_ends), cmocka_unit_test(dropout), cmocka_unit_test(channels_gathered_and_masked), cmocka_unit_test(added_and_counted),
    };
    return cmocka_run_group_tests_name("kernel layers", tests, NULL, NULL);
}
