// SPDX-License-Identifier: Apache-2.0
#include <math.h>

#include "sj_quantise.h"
#include "sj_test.h"

static void zeros_have_scale_one(void **state) {
    (void)state;
    const float zeros[3] = {0.0f, -0.0f, 0.0f};
    assert_true(sj_quantise_scale(zeros, 3) == 1.0f);
    assert_int_equal(sj_quantise_int8(0.0f, 1.0f), 0);
}

static void ties_go_to_even(void **state) {
    (void)state;
    assert_int_equal(sj_quantise_int8(0.5f, 1.0f), 0);
    assert_int_equal(sj_quantise_int8(1.5f, 1.0f), 2);
    assert_int_equal(sj_quantise_int8(-2.5f, 1.0f), -2);
    assert_int_equal(sj_quantise_int8(0.51f, 1.0f), 1);
}

// Error at most half a step, sign kept, the largest magnitude at 127.
static void random_tensors(void **state) {
    (void)state;
    sj_random r = sj_random_seed(sj_test_seed(5));
    for (int round = 0; round < 200; round++) {
        float v[64];
        float largest = 0.0f;
        const float size = ldexpf(1.0f, (int)sj_test_between(&r, -100, 100));
        for (int i = 0; i < 64; i++) {
            v[i] = size * ((float)sj_test_between(&r, -1000000, 1000000) / 1000000.0f);
            largest = fmaxf(largest, fabsf(v[i]));
        }
        const float scale = sj_quantise_scale(v, 64);
        for (int i = 0; i < 64; i++) {
            const int q = sj_quantise_int8(v[i], scale);
            assert_true(fabs((double)q * (double)scale - (double)v[i]) <= 0.5000001 * (double)scale);
            assert_true(fabsf(v[i]) < largest || abs(q) == 127);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(zeros_have_scale_one), cmocka_unit_test(ties_go_to_even), cmocka_unit_test(random_tensors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
