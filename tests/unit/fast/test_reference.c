// SPDX-License-Identifier: Apache-2.0
// The reference product: against one sum at a time in exact arithmetic, and at the edges of fp32.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random_job.h"
#include "sj_counters.h"

static uint64_t seed_of_run(void) {
    const char *text = getenv("SJ_TEST_SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 77;
    print_message("SJ_TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

// A matrix product of row-major a (m x k) and b (k x n) without the lowering.
typedef struct gemm {
    sj_tap tap;
    sj_job job;
} gemm;

static void gemm_make(gemm *g, sj_dtype dtype, int64_t m, int64_t k, int64_t n, const void *a, const void *b) {
    memset(g, 0, sizeof *g);
    g->job = (sj_job){.layer = "gemm", .is_product = true, .m = m, .n = n, .k = k};
    g->job.a = (sj_operand){.kind = SJ_OPERAND_WINDOW, .values = {dtype, a}, .tap_count = 1, .taps = &g->tap, .channel_count = k, .images = m, .stored_images = m, .grid_h = 1,
                            .grid_w = 1, .stride = 1, .source_h = 1, .source_w = 1, .source_c = k};
    g->job.b = (sj_operand){.kind = SJ_OPERAND_WEIGHT, .values = {dtype, b}, .tap_count = 1, .taps = &g->tap, .channel_count = k, .u_stride = 1, .channel_stride = n, .u_count = n};
}

static float element(const sj_operand *o, int64_t u, int64_t k) {
    const int64_t offset = sj_operand_offset(o, u, k);
    if (offset == SJ_PADDING || !sj_values_nonzero(&o->values, offset)) {
        return 0.0f;
    }
    return o->values.dtype == SJ_DTYPE_BF16 ? sj_bf16_to_f32(((const sj_bf16 *)o->values.data)[offset]) : (float)((const int8_t *)o->values.data)[offset];
}

static float flush(double v) { return fabs(v) < 0x1p-126 ? 0.0f : (float)v; }

// One fp32 sum: the product and the sum of two floats are exact in double up to one rounding that the cast does (53 >= 2*24 + 2).
static float expected_sum(const sj_job *job, int64_t instance, int64_t m, int64_t n) {
    const sj_operand a = sj_operand_instance(&job->a, instance), b = sj_operand_instance(&job->b, instance);
    float sum = 0.0f;
    for (int64_t k = 0; k < job->k; k++) {
        const float product = flush((double)element(&a, m, k) * (double)element(&b, n, k));
        sum = (float)((double)sum + (double)product);
        sum = fabsf(sum) < 0x1p-126f ? 0.0f : sum;
    }
    return sum;
}

static void products_equal_single_sums(void **state) {
    (void)state;
    const uint64_t seed = seed_of_run();
    for (uint64_t number = 0; number < 200; number++) {
        sj_random rng = sj_random_stream(seed, number);
        random_case c;
        random_case_make(&c, &rng);
        c.job.is_product = true;
        const int64_t one = c.job.m * c.job.n, all = one * sj_job_instances(&c.job);
        uint32_t *results = malloc((size_t)all * sizeof *results);
        sj_error err;
        assert_int_equal(sj_reference_product(&c.job, results, &err), SJ_OK);
        for (int64_t i = 0; i < all; i++) {
            const float sum = expected_sum(&c.job, i / one, i % one / c.job.n, i % c.job.n);
            const uint32_t want = c.accel.dtype == SJ_DTYPE_BF16 ? sj_f32_bits(sum) : (uint32_t)(int32_t)sum;
            assert_int_equal(results[i], want);
        }
        free(results);
        random_case_free(&c);
    }
}

static sj_status one_sum(const sj_bf16 *a, const sj_bf16 *b, int64_t k, float *sum) {
    gemm g;
    sj_error err;
    gemm_make(&g, SJ_DTYPE_BF16, 1, k, 1, a, b);
    return sj_reference_product(&g.job, sum, &err);
}

static sj_bf16 bf(float v) { return sj_bf16_from_f32(v); }

static void small_products_and_sums_become_zero(void **state) {
    (void)state;
    float sum;
    // 2^-126 is the smallest normal: it stays; the largest product below it does not.
    assert_int_equal(one_sum((sj_bf16[]){bf(0x1p-63f)}, (sj_bf16[]){bf(0x1p-63f)}, 1, &sum), SJ_OK);
    assert_int_equal(sj_f32_bits(sum), sj_f32_bits(0x1p-126f));
    assert_int_equal(one_sum((sj_bf16[]){bf(0x1.fep-64f)}, (sj_bf16[]){bf(-0x1p-63f)}, 1, &sum), SJ_OK);
    assert_int_equal(sj_f32_bits(sum), 0);
    // 2^-126 * 1.5 - 2^-126 is a denormal sum: +0. The other way round as well.
    assert_int_equal(one_sum((sj_bf16[]){bf(0x1.8p-63f), bf(-0x1p-63f)}, (sj_bf16[]){bf(0x1p-63f), bf(0x1p-63f)}, 2, &sum), SJ_OK);
    assert_int_equal(sj_f32_bits(sum), 0);
    assert_int_equal(one_sum((sj_bf16[]){bf(-0x1.8p-63f), bf(0x1p-63f)}, (sj_bf16[]){bf(0x1p-63f), bf(0x1p-63f)}, 2, &sum), SJ_OK);
    assert_int_equal(sj_f32_bits(sum), 0);
    // A denormal operand is a zero.
    assert_int_equal(one_sum((sj_bf16[]){0x0040}, (sj_bf16[]){bf(0x1p100f)}, 1, &sum), SJ_OK);
    assert_int_equal(sj_f32_bits(sum), 0);
}

static void sums_round_to_even_in_order(void **state) {
    (void)state;
    float sum;
    const sj_bf16 one = bf(1.0f);
    assert_int_equal(one_sum((sj_bf16[]){bf(0x1p24f), one, one}, (sj_bf16[]){one, one, one}, 3, &sum), SJ_OK);
    assert_true(sum == 0x1p24f);  // each 1 alone is a tie that falls to even
    assert_int_equal(one_sum((sj_bf16[]){one, one, bf(0x1p24f)}, (sj_bf16[]){one, one, one}, 3, &sum), SJ_OK);
    assert_true(sum == 0x1p24f + 2.0f);
}

static void an_infinite_sum_is_an_error(void **state) {
    (void)state;
    float sum;
    const sj_bf16 big = bf(0x1.fep127f), one = bf(1.0f);
    assert_int_equal(one_sum((sj_bf16[]){big}, (sj_bf16[]){one}, 1, &sum), SJ_OK);
    assert_int_equal(one_sum((sj_bf16[]){big, big}, (sj_bf16[]){one, one}, 2, &sum), SJ_ERR_NUMERIC);
    assert_int_equal(one_sum((sj_bf16[]){big, big, bf(-0x1p127f)}, (sj_bf16[]){one, one, one}, 3, &sum), SJ_ERR_NUMERIC);  // even where it would come back
    assert_int_equal(one_sum((sj_bf16[]){big, big, bf(-0x1p127f)}, (sj_bf16[]){one, 0x8000, one}, 3, &sum), SJ_OK);
}

static void int8_wraps(void **state) {
    (void)state;
    const int64_t k = 140000;  // 140000 * 128 * 128 = 2293760000 >= 2^31
    int8_t *v = malloc((size_t)k);
    memset(v, -128, (size_t)k);
    gemm g;
    int32_t sum = 0;
    sj_error err;
    gemm_make(&g, SJ_DTYPE_INT8, 1, k, 1, v, v);
    assert_int_equal(sj_reference_product(&g.job, &sum, &err), SJ_OK);
    assert_int_equal(sum, (int32_t)(2293760000LL - (1LL << 32)));
    free(v);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_equal_single_sums), cmocka_unit_test(small_products_and_sums_become_zero), cmocka_unit_test(sums_round_to_even_in_order),
        cmocka_unit_test(an_infinite_sum_is_an_error), cmocka_unit_test(int8_wraps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
