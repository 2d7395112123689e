// SPDX-License-Identifier: Apache-2.0
// Does O = A B over the lowered operands equal the convolution, its input gradient and its weight gradient, written as plain loops over the layer's own indices?
#include "sj_test_layer.h"

static float at_operand(const sj_operand *o, int64_t u, int64_t k) {
    const int64_t offset = sj_operand_offset(o, u, k);
    return offset == SJ_PADDING ? 0.0F : sj_bf16_to_f32(((const sj_bf16 *)o->values.data)[offset]);
}

static double product(const sj_job *job, int64_t m, int64_t n) {
    double sum = 0.0;
    for (int64_t k = 0; k < job->k; k++) {
        sum += (double)at_operand(&job->a, m, k) * (double)at_operand(&job->b, n, k);
    }
    return sum;
}

static double naive_forward(const sj_test_layer *t, int64_t image, int64_t oy, int64_t ox, int64_t co) {
    const sj_layer_info *l = &t->info;
    double sum = 0.0;
    for (int64_t r = 0; r < l->kernel_h; r++) {
        for (int64_t s = 0; s < l->kernel_w; s++) {
            const int64_t y = oy * l->stride + r - l->padding;
            const int64_t x = ox * l->stride + s - l->padding;
            for (int64_t c = 0; y >= 0 && y < l->in.h && x >= 0 && x < l->in.w && c < l->in.c; c++) {
                sum += (double)sj_test_at(&t->x, image % t->x.dims[0], y, x, c) * (double)sj_test_at(&t->w, co, r, s, c);
            }
        }
    }
    return sum;
}

static void check_forward(const sj_accel *accel, const sj_test_layer *t) {
    sj_error err = {0};
    sj_job *job = NULL;
    const sj_conv_case c = sj_test_layer_case(t);
    assert_int_equal(sj_lower_forward(accel, &c, &job, &err), SJ_OK);
    const int64_t ow = t->info.out.w, oh = t->info.out.h;
    for (int64_t m = 0; m < job->m; m++) {
        for (int64_t n = 0; n < job->n; n++) {
            assert_true(product(job, m, n) == naive_forward(t, m / ow / oh, m / ow % oh, m % ow, n));
        }
    }
    sj_job_free(job);
}

// Scatter form: every output gradient is pushed back through the kernel.
static double *naive_grad_input(const sj_test_layer *t) {
    const sj_layer_info *l = &t->info;
    double *dx = calloc((size_t)(t->batch * l->in.h * l->in.w * l->in.c), sizeof *dx);
    assert_non_null(dx);
    for (int64_t i = 0; i < t->batch * l->out.h * l->out.w * l->out.c; i++) {
        const int64_t co = i % l->out.c, ox = i / l->out.c % l->out.w, oy = i / l->out.c / l->out.w % l->out.h, image = i / l->out.c / l->out.w / l->out.h;
        for (int64_t tap = 0; sj_test_kept(t, co) && tap < l->kernel_h * l->kernel_w; tap++) {
            const int64_t y = oy * l->stride + tap / l->kernel_w - l->padding, x = ox * l->stride + tap % l->kernel_w - l->padding;
            for (int64_t c = 0; y >= 0 && y < l->in.h && x >= 0 && x < l->in.w && c < l->in.c; c++) {
                dx[((image * l->in.h + y) * l->in.w + x) * l->in.c + c] +=
                    (double)sj_test_at(&t->dy, image % t->dy.dims[0], oy, ox, co) * (double)sj_test_at(&t->w, co, tap / l->kernel_w, tap % l->kernel_w, c);
            }
        }
    }
    return dx;
}

static void check_grad_input(const sj_accel *accel, const sj_test_layer *t) {
    sj_error err = {0};
    sj_job **jobs = NULL;
    int count = 0;
    const sj_conv_case c = sj_test_layer_case(t);
    assert_int_equal(sj_lower_grad_input(accel, &c, &jobs, &count, &err), SJ_OK);
    double *expected = naive_grad_input(t);
    const sj_layer_info *l = &t->info;
    int64_t covered = 0;
    for (int phase = 0, j = 0; phase < l->stride * l->stride; phase++) {
        const int64_t py = phase / l->stride, px = phase % l->stride;
        if (py >= l->in.h || px >= l->in.w) {
            continue;
        }
        const sj_job *job = jobs[j++];
        for (int64_t m = 0; m < job->m; m++) {
            const int64_t x = m % job->a.grid_w * l->stride + px, y = m / job->a.grid_w % job->a.grid_h * l->stride + py, image = m / job->a.grid_w / job->a.grid_h;
            assert_true(x < l->in.w && y < l->in.h);
            for (int64_t n = 0; n < job->n; n++, covered++) {
                assert_true(product(job, m, n) == expected[((image * l->in.h + y) * l->in.w + x) * l->in.c + n]);
            }
        }
    }
    assert_int_equal(covered, t->batch * l->in.h * l->in.w * l->in.c);
    for (int j = 0; j < count; j++) {
        sj_job_free(jobs[j]);
    }
    free(jobs);
    free(expected);
}

static double naive_grad_weight(const sj_test_layer *t, int64_t co, int64_t tap, int64_t c) {
    const sj_layer_info *l = &t->info;
    double sum = 0.0;
    for (int64_t i = 0; i < t->batch * l->out.h * l->out.w; i++) {
        const int64_t ox = i % l->out.w, oy = i / l->out.w % l->out.h, image = i / l->out.w / l->out.h;
        const int64_t y = oy * l->stride + tap / l->kernel_w - l->padding, x = ox * l->stride + tap % l->kernel_w - l->padding;
        if (y >= 0 && y < l->in.h && x >= 0 && x < l->in.w) {
            sum += (double)sj_test_at(&t->dy, image % t->dy.dims[0], oy, ox, co) * (double)sj_test_at(&t->x, image % t->x.dims[0], y, x, c);
        }
    }
    return sum;
}

static void check_grad_weight(const sj_accel *accel, const sj_test_layer *t) {
    sj_error err = {0};
    sj_job *job = NULL;
    const sj_conv_case c = sj_test_layer_case(t);
    assert_int_equal(sj_lower_grad_weight(accel, &c, &job, &err), SJ_OK);
    const bool swapped = job->a.values.data == t->x.data;
    const int64_t kept = t->has_keep ? t->keep.dims[0] : t->info.out.c;
    const int64_t taps_c = t->info.kernel_h * t->info.kernel_w * t->info.in.c;
    assert_int_equal(swapped ? job->n : job->m, kept);
    assert_int_equal(swapped ? job->m : job->n, taps_c);
    for (int64_t i = 0; i < kept; i++) {
        const int64_t co = t->has_keep ? ((const int32_t *)t->keep.data)[i] : i;
        for (int64_t j = 0; j < taps_c; j++) {
            assert_true(product(job, swapped ? j : i, swapped ? i : j) == naive_grad_weight(t, co, j / t->info.in.c, j % t->info.in.c));
        }
    }
    sj_job_free(job);
}

static void lowered_products_are_the_convolutions(void **state) {
    (void)state;
    sj_random r = sj_random_seed(sj_test_seed(7));
    for (int i = 0; i < 150; i++) {
        sj_accel accel = sj_test_accel(&r);
        accel.buffer_kib = 256;
        sj_test_layer t = sj_test_layer_make(&r, 9, 6);
        check_forward(&accel, &t);
        check_grad_input(&accel, &t);
        check_grad_weight(&accel, &t);
        sj_test_layer_free(&t);
    }
}

// An input gradient of stride * stride products, or as many as the input has pixels, 64 at most: refused before anything of that size is taken.
static void a_stride_of_too_many_products_is_refused(void **state) {
    (void)state;
    static const sj_bf16 zeros[9 * 9] = {0};
    static const struct { int64_t stride, size; int count; } cases[] = {{8, 9, 64}, {9, 8, 64}, {9, 9, -1}, {50000, 8, 64}, {50000, 9, -1}, {INT32_MAX, INT32_MAX, -1}};
    sj_random r = sj_random_seed(1);
    sj_accel accel = sj_test_accel(&r);
    accel.buffer_kib = 256;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const int64_t size = cases[i].size, reduced = (size - 1) / cases[i].stride + 1;
        const sj_layer_info info = {.name = "conv", .kind = SJ_KIND_CONV, .groups = 1, .needs_dx = true, .kernel_h = 1, .kernel_w = 1, .stride = cases[i].stride, .in = {size, size, 1}, .out = {reduced, reduced, 1}};
        sj_tensor dx = {.type = SJ_TYPE_BF16, .rank = 4, .dims = {1, size, size, 1}, .scale = 1.0F, .data = (void *)(uintptr_t)zeros}, dy = dx, w = dx;
        dy.dims[1] = dy.dims[2] = reduced;
        w.dims[1] = w.dims[2] = 1;
        const sj_conv_case c = {.layer = "conv", .info = &info, .batch = 1, .x = &dx, .w = &w, .dy = &dy, .result = {&dx, info.in}};
        sj_error err = {0};
        sj_job **jobs = NULL;
        int count = 0;
        const sj_status status = sj_lower_grad_input(&accel, &c, &jobs, &count, &err);
        assert_int_equal(status, cases[i].count < 0 ? SJ_ERR_RANGE : SJ_OK);
        assert_int_equal(count, cases[i].count < 0 ? 0 : cases[i].count);
        if (status != SJ_OK) {
            assert_null(jobs);
            assert_non_null(strstr(err.message, "conv grad_input: stride "));
            assert_non_null(strstr(err.message, "more than 64 products"));
        }
        for (int j = 0; j < count; j++) {
            sj_job_free(jobs[j]);
        }
        free(jobs);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(lowered_products_are_the_convolutions), cmocka_unit_test(a_stride_of_too_many_products_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
