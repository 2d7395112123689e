// SPDX-License-Identifier: Apache-2.0
// Every pass of a product against plain loops in double precision, on random shapes, layouts, arithmetics and algorithms; the same bits at every number of lanes.
#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sj_bf16.h"
#include "sj_product.h"
#include "sj_random.h"

static uint64_t seed(uint64_t fallback) {
    const char *text = getenv("SJ_TEST_SEED");
    const uint64_t s = text != NULL ? strtoull(text, NULL, 10) : fallback;
    print_message("seed %llu (SJ_TEST_SEED)\n", (unsigned long long)s);
    return s;
}

static void ok(sj_status status, const sj_error *err) {
    if (status != SJ_OK) {
        fail_msg("%s: %s", sj_status_name(status), err->message);
    }
}

static int64_t between(sj_random *r, int64_t low, int64_t high) { return low + (int64_t)sj_random_below(r, (uint64_t)(high - low) + 1); }

// Sums to expect of each element, and of magnitudes: rounding errors are told against the latter.
typedef struct expected {
    double *sum, *magnitude;
    int64_t count;
} expected;

typedef struct tensors {
    float *x, *w, *bias, *dy;  // NHWC, KRSC
    expected y, dx, dw;
} tensors;

static expected make_expected(int64_t count) {
    return (expected){calloc((size_t)count, sizeof(double)), calloc((size_t)count, sizeof(double)), count};
}

static float *make_random(sj_random *r, int64_t count, bool bf16) {
    float *v = calloc((size_t)count, sizeof *v);
    for (int64_t i = 0; i < count; i++) {
        v[i] = (float)(2.0 * sj_random_unit(r) - 1.0);
        v[i] = bf16 ? sj_bf16_to_f32(sj_bf16_from_f32(v[i])) : v[i];
    }
    return v;
}

static void kernel_of(const sj_product_shape *s, int64_t *kernel_h, int64_t *kernel_w) {
    *kernel_h = s->linear ? s->in.dims.h : s->kernel_h;
    *kernel_w = s->linear ? s->in.dims.w : s->kernel_w;
}

static void add(const expected *e, int64_t i, double term) {
    e->sum[i] += term;
    e->magnitude[i] += fabs(term);
}

// A linear layer is a convolution whose kernel covers the image. One loop over every pair of the product does all three passes.
static void reference(const sj_product_shape *s, tensors *t) {
    const sj_dims in = s->in.dims, out = s->out.dims;
    int64_t kernel_h, kernel_w;
    kernel_of(s, &kernel_h, &kernel_w);
    const bool bf16 = s->arithmetic != SJ_ARITHMETIC_F32;
    for (int64_t e = 0; e < t->y.count; e++) {
        const int64_t k = e % out.c, q = e / out.c % out.w, p = e / (out.c * out.w) % out.h, n = e / (out.c * out.w * out.h);
        add(&t->y, e, s->has_bias ? (double)t->bias[k] : 0.0);
        for (int64_t tap = 0; tap < kernel_h * kernel_w; tap++) {
            const int64_t h = p * s->stride + tap / kernel_w - s->padding, w = q * s->stride + tap % kernel_w - s->padding;
            for (int64_t c = 0; c < in.c && h >= 0 && h < in.h && w >= 0 && w < in.w; c++) {
                const int64_t xi = ((n * in.h + h) * in.w + w) * in.c + c, wi = (k * kernel_h * kernel_w + tap) * in.c + c;
                const double weight = (double)(bf16 ? sj_bf16_to_f32(sj_bf16_from_f32(t->w[wi])) : t->w[wi]);
                add(&t->y, e, (double)t->x[xi] * weight);
                add(&t->dx, xi, (double)t->dy[e] * weight);
                add(&t->dw, wi, (double)t->dy[e] * (double)t->x[xi]);
            }
        }
    }
}

static void make_tensors(const sj_product_shape *s, int64_t images, sj_random *r, tensors *t) {
    const sj_dims in = s->in.dims, out = s->out.dims;
    int64_t kernel_h, kernel_w;
    kernel_of(s, &kernel_h, &kernel_w);
    const int64_t x = images * in.h * in.w * in.c, y = images * out.h * out.w * out.c, w = out.c * kernel_h * kernel_w * in.c;
    *t = (tensors){make_random(r, x, s->in.bf16), make_random(r, w, false), make_random(r, out.c, false), make_random(r, y, s->in.bf16), make_expected(y), make_expected(x), make_expected(w)};
    reference(s, t);
}

static void free_tensors(tensors *t) {
    void *const all[] = {t->x, t->w, t->bias, t->dy, t->y.sum, t->y.magnitude, t->dx.sum, t->dx.magnitude, t->dw.sum, t->dw.magnitude};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        free(all[i]);
    }
}

static const char *name_of(const sj_product_shape *s) {
    static char text[256];
    (void)snprintf(text, sizeof text, "%lldx%lldx%lld (block %lld) -> %lldx%lldx%lld (block %lld), kernel %lldx%lld stride %lld padding %lld, %lld images, linear %d, arithmetic %d, algorithm %d",
                   (long long)s->in.dims.h, (long long)s->in.dims.w, (long long)s->in.dims.c, (long long)s->in.block, (long long)s->out.dims.h, (long long)s->out.dims.w,
                   (long long)s->out.dims.c, (long long)s->out.block, (long long)s->kernel_h, (long long)s->kernel_w, (long long)s->stride, (long long)s->padding, (long long)s->images,
                   s->linear, (int)s->arithmetic, (int)s->algorithm);
    return text;
}

// tolerance is of the magnitudes; a result rounded to bfloat16 is off by half of its last place besides.
static void assert_close(const sj_product_shape *s, const char *what, const float *v, const expected *e, bool rounded) {
    const bool winograd = s->algorithm != SJ_ALGORITHM_DIRECT;
    for (int64_t i = 0; i < e->count; i++) {
        const double allowed = 1e-5 * e->magnitude[i] + (rounded ? fabs(e->sum[i]) * 0x1p-8 : 0.0) + (winograd ? 1e-5 : 0.0);
        if (!(fabs((double)v[i] - e->sum[i]) <= allowed)) {
            fail_msg("%s of %s: element %lld is %g, expected %g (+-%g)", what, name_of(s), (long long)i, (double)v[i], e->sum[i], allowed);
        }
    }
}

// What a run of chunks leaves: y, dx and dw in the caller's layouts, with a canary behind each.
typedef struct results {
    void *y, *dx;
    float *dw;
    int64_t y_bytes, dx_bytes, w_count;
} results;

enum { CANARY = 64, GARBAGE = 0x7f };

static void *garbage(int64_t bytes) {
    void *v = aligned_alloc(64, (size_t)((bytes + CANARY + 63) / 64 * 64));
    memset(v, GARBAGE, (size_t)(bytes + CANARY));
    return v;
}

static void assert_canary(const void *v, int64_t bytes, const char *what) {
    for (int64_t i = 0; i < CANARY; i++) {
        if (((const unsigned char *)v)[bytes + i] != GARBAGE) {
            fail_msg("%s: written behind its end", what);
        }
    }
}

static void *stored(const sj_layout *l, int64_t images, const float *nhwc) {
    void *v = garbage(images * sj_layout_bytes(l));
    sj_layout_from_nhwc(l, images, nhwc, v);
    return v;
}

static void run_chunks(const sj_product_shape *s, int64_t chunks, const tensors *t, int threads, results *out) {
    static sj_error err;
    sj_product *p;
    omp_set_num_threads(threads);
    ok(sj_product_create(s, &p, &err), &err);
    ok(sj_product_set_weights(p, t->w, &err), &err);
    const int64_t images = chunks * s->images, values = s->needs_dw ? sj_product_partial_values(p) : 0;
    *out = (results){.y_bytes = images * sj_layout_bytes(&s->out), .dx_bytes = images * sj_layout_bytes(&s->in), .w_count = t->dw.count};
    void *x = stored(&s->in, images, t->x), *dy = stored(&s->out, images, t->dy);
    out->y = garbage(out->y_bytes);
    out->dx = garbage(out->dx_bytes);
    out->dw = garbage(out->w_count * 4);
    float *partials = garbage(chunks * values * 4);
    int failed = 0;
#pragma omp parallel for num_threads(threads) schedule(static, 1) reduction(| : failed)
    for (int64_t c = 0; c < chunks; c++) {
        const int lane = omp_get_thread_num();
        const int64_t first = c * s->images;
        void *xc = sj_layout_at(&s->in, x, first), *yc = sj_layout_at(&s->out, out->y, first), *dyc = sj_layout_at(&s->out, dy, first), *dxc = sj_layout_at(&s->in, out->dx, first);
        failed |= s->forward ? sj_product_forward(p, lane, xc, s->has_bias ? t->bias : NULL, yc) : 0;
        failed |= s->needs_dx ? sj_product_backward_data(p, lane, dyc, dxc) : 0;
        failed |= s->needs_dw ? sj_product_backward_weights(p, lane, xc, dyc, partials + c * values) : 0;
    }
    assert_int_equal(failed, 0);
    if (s->needs_dw) {
        assert_canary(partials, chunks * values * 4, "partials");
        ok(sj_product_reduce_weights(p, partials, chunks, out->dw, &err), &err);
    }
    assert_true(sj_product_memory_bytes(p) > 0);
    sj_product_destroy(p);
    free(x);
    free(dy);
    free(partials);
}

static void free_results(results *r) {
    free(r->y);
    free(r->dx);
    free(r->dw);
}

// Channels beyond C are +0, and the canary lives.
static void assert_padding(const sj_layout *l, int64_t images, const void *data, const char *what) {
    assert_canary(data, images * sj_layout_bytes(l), what);
    const int64_t size = l->bf16 ? 2 : 4, pixels = sj_layout_pixels(l), blocks = sj_layout_blocks(l);
    for (int64_t i = 0; i < images * sj_layout_values(l); i++) {
        const int64_t channel = i / (pixels * l->block) % blocks * l->block + i % l->block;
        static const char zeros[4];
        if (channel >= l->dims.c && memcmp((const char *)data + i * size, zeros, (size_t)size) != 0) {
            fail_msg("%s: padding channel %lld is not 0", what, (long long)channel);
        }
    }
}

static void assert_activation(const sj_product_shape *s, const sj_layout *l, const char *what, const void *data, const expected *e, int64_t images) {
    float *nhwc = calloc((size_t)e->count, sizeof *nhwc);
    assert_padding(l, images, data, what);
    sj_layout_to_nhwc(l, images, data, nhwc);
    assert_close(s, what, nhwc, e, l->bf16);
    free(nhwc);
}

static void check(const sj_product_shape *s, int64_t chunks, int threads, sj_random *r) {
    tensors t;
    results out;
    const int64_t images = chunks * s->images;
    make_tensors(s, images, r, &t);
    run_chunks(s, chunks, &t, threads, &out);
    if (s->forward) {
        assert_activation(s, &s->out, "y", out.y, &t.y, images);
    } else {
        assert_int_equal(*(const unsigned char *)out.y, GARBAGE);
    }
    if (s->needs_dx) {
        assert_activation(s, &s->in, "dx", out.dx, &t.dx, images);
    } else {
        assert_int_equal(*(const unsigned char *)out.dx, GARBAGE);
    }
    if (s->needs_dw) {
        assert_canary(out.dw, out.w_count * 4, "dw");
        assert_close(s, "dw", out.dw, &t.dw, false);
    }
    free_results(&out);
    free_tensors(&t);
}

static sj_product_shape shape_of(sj_dims in, int64_t in_block, int64_t out_c, int64_t out_block, int64_t kernel, int64_t stride, int64_t padding, int64_t images) {
    const sj_dims out = {(in.h + 2 * padding - kernel) / stride + 1, (in.w + 2 * padding - kernel) / stride + 1, out_c};
    return (sj_product_shape){.images = images, .in = {in, in_block, false}, .out = {out, out_block, false}, .kernel_h = kernel, .kernel_w = kernel, .stride = stride, .padding = padding,
                              .forward = true, .needs_dx = true, .needs_dw = true};
}

static sj_product_shape linear_of(sj_dims in, int64_t in_block, int64_t out_c, int64_t out_block, int64_t images) {
    return (sj_product_shape){.images = images, .in = {in, in_block, false}, .out = {{1, 1, out_c}, out_block, false}, .kernel_h = 1, .kernel_w = 1, .stride = 1, .linear = true,
                              .has_bias = true, .forward = true, .needs_dx = true, .needs_dw = true};
}

static void set_arithmetic(sj_product_shape *s, sj_arithmetic arithmetic) {
    s->arithmetic = arithmetic;
    s->in.bf16 = s->out.bf16 = arithmetic != SJ_ARITHMETIC_F32;
}

static int64_t random_block(sj_random *r, int64_t channels) {
    const int64_t blocks[] = {16, 16, 8, 1, channels, 4};
    return blocks[sj_random_below(r, sizeof blocks / sizeof blocks[0])];
}

static sj_product_shape random_shape(sj_random *r) {
    const int64_t in_c = between(r, 1, 40), out_c = between(r, 1, 40), images = between(r, 1, 5);
    const int64_t in_block = random_block(r, in_c), out_block = random_block(r, out_c);
    sj_product_shape s;
    if (sj_random_below(r, 4) == 0) {
        const sj_dims in = {between(r, 1, 5), between(r, 1, 5), in_c};
        s = linear_of(sj_random_below(r, 2) == 0 ? in : (sj_dims){1, 1, in_c}, in_block, out_c, out_block, images);
    } else {
        const int64_t kernel = 1 + 2 * between(r, 0, 2), stride = between(r, 1, 2), padding = between(r, 0, 2);
        s = shape_of((sj_dims){between(r, kernel, 11), between(r, kernel, 11), in_c}, in_block, out_c, out_block, kernel, stride, padding, images);
    }
    s.has_bias = sj_random_below(r, 2) == 0;
    set_arithmetic(&s, (sj_arithmetic)sj_random_below(r, 3));
    s.algorithm = (sj_algorithm)sj_random_below(r, 3);
    return s;
}

static void equals_reference(void **state) {
    (void)state;
    sj_random r = sj_random_seed(seed(11));
    for (int round = 0; round < 120; round++) {
        sj_product_shape s = random_shape(&r);
        check(&s, between(&r, 1, 3), 1 + round % 2, &r);
    }
}

// Shapes of real networks: first layers from NCHW, LeNet-5, projections, 10 classes, and what Winograd takes, odd sizes included.
static void equals_reference_on_layers(void **state) {
    (void)state;
    sj_random r = sj_random_seed(seed(12));
    const sj_product_shape shapes[] = {
        shape_of((sj_dims){32, 32, 3}, 1, 16, 16, 3, 1, 1, 2),   shape_of((sj_dims){32, 32, 1}, 1, 6, 16, 5, 1, 0, 2),  shape_of((sj_dims){14, 14, 6}, 16, 16, 16, 5, 1, 0, 4),
        linear_of((sj_dims){5, 5, 16}, 16, 120, 16, 3),          linear_of((sj_dims){1, 1, 120}, 16, 84, 16, 3),        linear_of((sj_dims){1, 1, 84}, 16, 10, 16, 3),
        linear_of((sj_dims){28, 28, 1}, 1, 64, 16, 3),           shape_of((sj_dims){16, 16, 16}, 16, 32, 16, 3, 2, 1, 2), shape_of((sj_dims){16, 16, 16}, 16, 32, 16, 1, 2, 0, 2),
        shape_of((sj_dims){16, 16, 32}, 16, 32, 16, 3, 1, 1, 2), shape_of((sj_dims){4, 4, 64}, 16, 64, 16, 3, 1, 1, 5),  shape_of((sj_dims){7, 9, 32}, 16, 64, 16, 3, 1, 1, 3),
        shape_of((sj_dims){6, 6, 32}, 16, 32, 16, 3, 1, 0, 3),   shape_of((sj_dims){8, 8, 8}, 16, 8, 16, 3, 1, 1, 3),    shape_of((sj_dims){8, 8, 8}, 8, 24, 8, 3, 1, 1, 3)};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        for (int variant = 0; variant < 4; variant++) {
            sj_product_shape s = shapes[i];
            set_arithmetic(&s, variant == 3 ? SJ_ARITHMETIC_BF16_ROUNDED : SJ_ARITHMETIC_F32);
            s.algorithm = variant == 0 ? SJ_ALGORITHM_DIRECT : variant == 1 ? SJ_ALGORITHM_WINOGRAD : SJ_ALGORITHM_AUTO;
            check(&s, 2, 2, &r);
        }
    }
}

// Winograd's own tiles, groups of tiles, panels of channels and pairs of output blocks: whole ones, several, and what is left over.
static void winograd_equals_reference(void **state) {
    (void)state;
    sj_random r = sj_random_seed(seed(17));
    const int64_t channels[] = {16, 37, 48, 80, 131};
    for (int round = 0; round < 24; round++) {
        const int64_t in_c = channels[sj_random_below(&r, 5)], out_c = channels[sj_random_below(&r, in_c > 48 ? 3 : 5)], padding = between(&r, 0, 2);
        const sj_dims in = {between(&r, 3, 10), between(&r, 3, 10), in_c};
        sj_product_shape s = shape_of(in, 16, out_c, 16, 3, 1, padding, between(&r, 1, round % 8 == 0 ? 20 : 3));
        s.algorithm = SJ_ALGORITHM_WINOGRAD;
        s.has_bias = sj_random_below(&r, 2) == 0;
        set_arithmetic(&s, round % 4 == 3 ? SJ_ARITHMETIC_BF16_ROUNDED : SJ_ARITHMETIC_F32);
        check(&s, between(&r, 1, 2), 2, &r);
    }
}

// In bfloat16 Winograd computes what it computes in float, and rounds that like sj_bf16_from_f32: ties, results too small for bfloat16, and NaN included.
static void winograd_rounds_what_it_computes(void **state) {
    (void)state;
    sj_random r = sj_random_seed(seed(18));
    sj_product_shape s = shape_of((sj_dims){9, 6, 32}, 16, 48, 16, 3, 1, 1, 2);
    s.algorithm = SJ_ALGORITHM_WINOGRAD;
    s.has_bias = true;
    for (int round = 0; round < 3; round++) {
        tensors t;
        results single, half;
        set_arithmetic(&s, SJ_ARITHMETIC_BF16_ROUNDED);
        make_tensors(&s, s.images, &r, &t);
        for (int64_t i = 0; i < t.dw.count; i++) {
            t.w[i] = sj_bf16_to_f32(sj_bf16_from_f32(t.w[i]));
        }
        for (int64_t k = 0; k < 48; k++) {
            t.bias[k] *= round == 0 ? 0x1p-130f : 1.0f;
        }
        for (int64_t i = 0; i < t.dx.count; i++) {
            t.x[i] *= round == 0 ? 0x1p-126f : 1.0f;  // most sums are denormal, some are not
            t.x[i] = sj_bf16_to_f32(sj_bf16_from_f32(t.x[i]));
        }
        t.x[17] = round == 1 ? NAN : t.x[17];
        t.bias[3] = round == 2 ? sj_bits_f32(0x7fffffffu) : t.bias[3];  // a NaN that rounding would carry beyond NaN
        run_chunks(&s, 1, &t, 1, &half);
        set_arithmetic(&s, SJ_ARITHMETIC_F32);
        run_chunks(&s, 1, &t, 1, &single);
        for (int64_t i = 0; i < half.y_bytes / 2; i++) {
            assert_int_equal(((const sj_bf16 *)half.y)[i], sj_bf16_from_f32(((const float *)single.y)[i]));
        }
        for (int64_t i = 0; i < half.dx_bytes / 2; i++) {
            assert_int_equal(((const sj_bf16 *)half.dx)[i], sj_bf16_from_f32(((const float *)single.dx)[i]));
        }
        assert_memory_equal(half.dw, single.dw, (size_t)half.w_count * 4);
        free_results(&half);
        free_results(&single);
        free_tensors(&t);
    }
}

static void makes_wanted_passes_only(void **state) {
    (void)state;
    sj_random r = sj_random_seed(seed(13));
    for (int wanted = 0; wanted < 16; wanted++) {
        sj_product_shape s = shape_of((sj_dims){8, 8, 32}, 16, 32, 16, 3, 1, 1, 3);
        s.forward = (wanted & 1) != 0;
        s.needs_dx = (wanted & 2) != 0;
        s.needs_dw = (wanted & 4) != 0;
        s.algorithm = (wanted & 8) != 0 ? SJ_ALGORITHM_WINOGRAD : SJ_ALGORITHM_DIRECT;
        check(&s, 2, 2, &r);
    }
}

static void same_bits_in_any_lanes(void **state) {
    (void)state;
    sj_random r = sj_random_seed(seed(14));
    const sj_product_shape shapes[] = {shape_of((sj_dims){8, 8, 64}, 16, 64, 16, 3, 1, 1, 4), shape_of((sj_dims){9, 9, 20}, 16, 36, 16, 3, 2, 1, 4), linear_of((sj_dims){4, 4, 32}, 16, 10, 16, 4),
                                       shape_of((sj_dims){8, 8, 12}, 12, 20, 20, 3, 1, 1, 4)};
    for (size_t i = 0; i < 3 * sizeof shapes / sizeof shapes[0]; i++) {
        sj_product_shape s = shapes[i / 3];
        set_arithmetic(&s, i % 3 == 2 ? SJ_ARITHMETIC_BF16_ROUNDED : SJ_ARITHMETIC_F32);
        s.algorithm = i % 3 == 0 ? SJ_ALGORITHM_DIRECT : SJ_ALGORITHM_WINOGRAD;
        tensors t;
        results one;
        make_tensors(&s, 5 * s.images, &r, &t);
        run_chunks(&s, 5, &t, 1, &one);
        for (int threads = 2; threads <= 4; threads++) {
            results many;
            run_chunks(&s, 5, &t, threads, &many);
            assert_memory_equal(one.y, many.y, (size_t)one.y_bytes);
            assert_memory_equal(one.dx, many.dx, (size_t)one.dx_bytes);
            assert_memory_equal(one.dw, many.dw, (size_t)one.w_count * 4);
            free_results(&many);
        }
        free_results(&one);
        free_tensors(&t);
    }
}

// Each partial alone, then all together: the sum is ((p0 + p1) + p2) + p3 in float, nothing else.
static void adds_partials_in_order(void **state) {
    (void)state;
    enum { COUNT = 4 };
    static sj_error err;
    sj_random r = sj_random_seed(seed(15));
    const sj_product_shape s = shape_of((sj_dims){6, 6, 40}, 16, 70, 16, 3, 1, 1, 2);
    sj_product *p;
    omp_set_num_threads(2);
    ok(sj_product_create(&s, &p, &err), &err);
    const int64_t values = sj_product_partial_values(p), w_count = 70 * 9 * 40;
    assert_true(values >= w_count);
    float *partials = garbage(COUNT * values * 4), *single = garbage(w_count * 4), *sum = garbage(w_count * 4), *dw = garbage(w_count * 4);
    for (int64_t i = 0; i < COUNT * values; i++) {
        partials[i] = (float)(sj_random_unit(&r) * pow(10.0, (double)between(&r, -4, 4)));
    }
    for (int64_t c = 0; c < COUNT; c++) {
        ok(sj_product_reduce_weights(p, partials + c * values, 1, single, &err), &err);
        for (int64_t i = 0; i < w_count; i++) {
            sum[i] = c == 0 ? single[i] : sum[i] + single[i];
        }
    }
    ok(sj_product_reduce_weights(p, partials, COUNT, dw, &err), &err);
    assert_memory_equal(dw, sum, w_count * 4);
    sj_product_destroy(p);
    free(partials);
    free(single);
    free(sum);
    free(dw);
}

// One pixel, one channel, y = x * w: what rounding does at the edges.
static sj_bf16 rounded_product(float x, float w) {
    static sj_error err;
    sj_product_shape s = shape_of((sj_dims){1, 1, 1}, 1, 1, 16, 1, 1, 0, 1);
    set_arithmetic(&s, SJ_ARITHMETIC_BF16_ROUNDED);
    s.needs_dx = s.needs_dw = false;
    sj_product *p;
    sj_bf16 in = sj_bf16_from_f32(x), *out = garbage(16 * (int64_t)sizeof *out);
    ok(sj_product_create(&s, &p, &err), &err);
    ok(sj_product_set_weights(p, &w, &err), &err);
    assert_int_equal(sj_product_forward(p, 0, &in, NULL, out), 0);
    const sj_bf16 y = out[0];
    free(out);
    sj_product_destroy(p);
    return y;
}

static void rounds_like_bf16(void **state) {
    (void)state;
    assert_int_equal(rounded_product(1.0f, 1.0f + 0x1p-8f), 0x3f80);             // a tie: to even
    assert_int_equal(rounded_product(1.0f, 1.0f + 0x1p-8f + 0x1p-20f), 0x3f81);
    assert_int_equal(rounded_product(1.0f + 0x1p-7f, 1.0f + 0x1p-7f), 0x3f82);   // of the result
    assert_int_equal(rounded_product(0x1p-100f, 0x1p-26f), sj_bf16_from_f32(0x1p-126f));
    assert_int_equal(rounded_product(-0x1p-100f, 0x1p-27f), 0);                   // a denormal result
    assert_int_equal(rounded_product(0x1p100f, 0x1p-127f), 0);                    // a denormal weight
    assert_int_equal(rounded_product(-0x1p100f, 0x1p100f), 0xff80);
    assert_true((rounded_product(INFINITY, 0.0f) & 0x7fff) > 0x7f80);             // NaN stays NaN
}

static void refuses_what_does_not_fit(void **state) {
    (void)state;
    static sj_error err;
    sj_product *p;
    sj_product_shape s = shape_of((sj_dims){8, 8, 4}, 16, 4, 16, 3, 1, 1, 2);
    ok(sj_product_create(&s, &p, &err), &err);
    sj_product_destroy(p);
    s.out.dims.h = 7;
    assert_int_equal(sj_product_create(&s, &p, &err), SJ_ERR_INTERNAL);
    assert_null(p);
    s.out.dims.h = 8;
    s.out.bf16 = true;  // one bfloat16, one float
    assert_int_equal(sj_product_create(&s, &p, &err), SJ_ERR_INTERNAL);
    sj_product_destroy(NULL);
}

static void layouts_place_values(void **state) {
    (void)state;
    sj_random r = sj_random_seed(seed(16));
    for (int round = 0; round < 40; round++) {
        const sj_dims d = {between(&r, 1, 4), between(&r, 1, 4), between(&r, 1, 40)};
        const sj_layout l = {d, random_block(&r, d.c), sj_random_below(&r, 2) == 0};
        const int64_t count = 3 * d.h * d.w * d.c, size = l.bf16 ? 2 : 4;
        float *v = make_random(&r, count, l.bf16), *back = calloc((size_t)count, sizeof *back);
        void *data = stored(&l, 3, v);
        assert_padding(&l, 3, data, "layout");
        sj_layout_to_nhwc(&l, 3, data, back);
        assert_memory_equal(v, back, (size_t)count * 4);
        const int64_t n = between(&r, 0, 2), h = between(&r, 0, d.h - 1), w = between(&r, 0, d.w - 1), c = between(&r, 0, d.c - 1);
        const int64_t at = (((n * sj_layout_blocks(&l) + c / l.block) * d.h + h) * d.w + w) * l.block + c % l.block;
        const float value = v[((n * d.h + h) * d.w + w) * d.c + c];
        const sj_bf16 half = sj_bf16_from_f32(value);
        assert_memory_equal((char *)data + at * size, l.bf16 ? (const void *)&half : (const void *)&value, (size_t)size);
        free(v);
        free(back);
        free(data);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(layouts_place_values),     cmocka_unit_test(equals_reference),       cmocka_unit_test(equals_reference_on_layers),
                                       cmocka_unit_test(winograd_equals_reference), cmocka_unit_test(winograd_rounds_what_it_computes), cmocka_unit_test(makes_wanted_passes_only), cmocka_unit_test(same_bits_in_any_lanes), cmocka_unit_test(adds_partials_in_order),
                                       cmocka_unit_test(rounds_like_bf16),         cmocka_unit_test(refuses_what_does_not_fit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
