// SPDX-License-Identifier: Apache-2.0
// asic_ratio against sums made by hand.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sj_asic_ratio.h"

static sj_error err;

enum { CONV, BN, RELU, POOL, FLATTEN, DROPOUT, FC, LOSS, LAYERS };

// 4x4x1 -> conv 2, 3x3 -> bn -> relu -> maxpool 2 -> flatten -> dropout -> linear 3 with bias -> loss
static sj_network chain(void) {
    static sj_layer_info layers[LAYERS] = {
        {"conv", SJ_KIND_CONV, 1, {-1}, {4, 4, 1}, {4, 4, 2}, 3, 3, 1, 1, 1, false, false},
        {"bn", SJ_KIND_BN, 1, {CONV}, {4, 4, 2}, {4, 4, 2}, 1, 1, 1, 0, 1, true, false},
        {"relu", SJ_KIND_RELU, 1, {BN}, {4, 4, 2}, {4, 4, 2}, 1, 1, 1, 0, 1, true, false},
        {"pool", SJ_KIND_MAXPOOL, 1, {RELU}, {4, 4, 2}, {2, 2, 2}, 2, 2, 2, 0, 1, true, false},
        {"flatten", SJ_KIND_FLATTEN, 1, {POOL}, {2, 2, 2}, {1, 1, 8}, 1, 1, 1, 0, 1, true, false},
        {"dropout", SJ_KIND_DROPOUT, 1, {FLATTEN}, {1, 1, 8}, {1, 1, 8}, 1, 1, 1, 0, 1, true, false},
        {"fc", SJ_KIND_LINEAR, 1, {DROPOUT}, {1, 1, 8}, {1, 1, 3}, 1, 1, 1, 0, 1, true, true},
        {"loss", SJ_KIND_SOFTMAX_CE, 1, {FC}, {1, 1, 3}, {1, 1, 3}, 1, 1, 1, 0, 1, true, false},
    };
    return (sj_network){"chain", LAYERS, layers};
}

// Two images. Flatten's and the loss's are never looked at.
static const int64_t y_nonzero[LAYERS] = {64, 60, 20, 10, -1, 10, 6, -1};
static const int64_t parameter_nonzero[LAYERS] = {17, 8, 0, 0, 0, 0, 25, 0};
enum { INPUT_NONZERO = 30 };

static void assert_sums(const sj_asic_sums *s, int64_t p, int64_t pn, int64_t i, int64_t in, int64_t o, int64_t on, int64_t c) {
    assert_int_equal(s->parameters, p);
    assert_int_equal(s->parameters_nonzero, pn);
    assert_int_equal(s->inputs, i);
    assert_int_equal(s->inputs_nonzero, in);
    assert_int_equal(s->outputs, o);
    assert_int_equal(s->outputs_nonzero, on);
    assert_int_equal(s->computations, c);
}

static sj_asic_sums sums_of(const sj_asic_options *o) {
    const sj_network net = chain();
    sj_asic_sums s = {0};
    sj_asic_add_parameters(&net, parameter_nonzero, &s);
    sj_asic_add_activations(&net, o, 2, y_nonzero, INPUT_NONZERO, &s);
    return s;
}

static void assert_close(double met, double wanted) {
    if (!(fabs(met - wanted) <= 1e-12 * fabs(wanted))) {
        fail_msg("%.17g instead of %.17g", met, wanted);
    }
}

// P: conv 18, bn 4 * 2 + 1, linear 24 + 3. I: 32, 64, 64, 64, 16, 16. O: 64, 64, 64, 16, 16, 6. C: 64 * 9, 4 * 64, 16 * 4, 24 * 2.
static void sums_by_hand(void **state) {
    const sj_asic_options plain = {512, false, false};
    const sj_asic_sums s = sums_of(&plain);
    assert_sums(&s, 54, 51, 256, 30 + 64 + 60 + 20 + 10 + 10, 230, 64 + 60 + 20 + 10 + 10 + 6, 576 + 256 + 64 + 48);
    assert_close(sj_asic_worst_pj(&s), 1056492.8);                                      // 1950 * 540 + 3.7 * 944
    assert_close(sj_asic_optimal_pj(&s), 1950.0 * 415.0 + 3492.8 * 9894.0 / 13824.0);  // (51 * 194) / (54 * 256)
}

static void a_relu_in_place_counts_its_input_after_it(void **state) {
    const sj_asic_options inplace = {512, true, false};
    const sj_asic_sums s = sums_of(&inplace);
    assert_sums(&s, 54, 51, 256, 30 + 64 + 20 + 20 + 10 + 10, 230, 170, 944);
}

static void the_normaliser_is_an_output(void **state) {
    const sj_asic_options input = {512, false, true};
    const sj_asic_sums s = sums_of(&input);
    assert_sums(&s, 54, 51, 256, 194, 230 + 32, 170 + 30, 944);
}

// conv -> fork -> relu1 -> conv (1x1, stride 2); the fork's other reader, an average pool, and both into an add, a relu behind: sums and forks are no modules.
static void a_residual_block(void **state) {
    static sj_layer_info layers[] = {
        {"conv1", SJ_KIND_CONV, 1, {-1}, {4, 4, 3}, {4, 4, 3}, 1, 1, 1, 0, 1, false, false},
        {"fork", SJ_KIND_FORK, 1, {0}, {4, 4, 3}, {4, 4, 3}, 1, 1, 1, 0, 1, true, false},
        {"relu1", SJ_KIND_RELU, 1, {1}, {4, 4, 3}, {4, 4, 3}, 1, 1, 1, 0, 1, true, false},
        {"conv2", SJ_KIND_CONV, 1, {2}, {4, 4, 3}, {2, 2, 3}, 1, 1, 2, 0, 1, true, true},
        {"pool", SJ_KIND_AVGPOOL, 1, {1}, {4, 4, 3}, {2, 2, 3}, 2, 2, 2, 0, 1, true, false},
        {"add", SJ_KIND_ADD, 2, {3, 4}, {2, 2, 3}, {2, 2, 3}, 1, 1, 1, 0, 1, true, false},
        {"relu2", SJ_KIND_RELU, 1, {5}, {2, 2, 3}, {2, 2, 3}, 1, 1, 1, 0, 1, true, false},
        {"loss", SJ_KIND_SOFTMAX_CE, 1, {6}, {2, 2, 3}, {2, 2, 3}, 1, 1, 1, 0, 1, true, false},
    };
    const sj_network net = {"block", 8, layers};
    const int64_t y[8] = {40, -1, 21, 12, 11, 10, 7, -1}, p[8] = {9, 0, 0, 12, 0, 0, 0, 0};
    const sj_asic_options plain = {512, false, false};
    sj_asic_sums s = {0};
    sj_asic_add_parameters(&net, p, &s);
    sj_asic_add_activations(&net, &plain, 1, y, 47, &s);
    // I: 48 * 4 + 12 (relu2); I*: 47, relu1 and pool read conv1's 40, conv2 21, relu2 the sum's 10. O: 48, 48, 12, 12, 12. C: 48 * 3, 12 * 3, 12 * 4.
    assert_sums(&s, 9 + 12, 21, 204, 47 + 40 + 21 + 40 + 10, 132, 40 + 21 + 12 + 11 + 7, 144 + 36 + 48);
}

// An average over the whole image computes as much as an adaptive pool: its inputs.
static void a_global_average(void **state) {
    const sj_layer_info pool = {"pool", SJ_KIND_AVGPOOL, 1, {0}, {7, 5, 6}, {1, 1, 6}, 7, 5, 1, 0, 1, true, false};
    assert_int_equal(sj_asic_computations(&pool, 3), 3 * 7 * 5 * 6);
}

// Batches of 4 from passes of 2, 2 and 2: the second batch is not full and counts like the first.
static void the_mean_is_over_batches(void **state) {
    const sj_network net = chain();
    const sj_asic_options o = {4, false, false};
    sj_asic_mean m = sj_asic_begin(&o);
    assert_int_equal(sj_asic_room(&m), 4);
    for (int pass = 0; pass < 3; pass++) {
        assert_int_equal(sj_asic_add(&m, &net, 2, y_nonzero, INPUT_NONZERO, parameter_nonzero, &err), SJ_OK);
        assert_int_equal(sj_asic_room(&m), pass == 1 ? 4 : 2);
    }
    const double full = (1950.0 * (51 + 2 * 194 + 2 * 170) + 3.7 * 2 * 944 * 9894.0 / 13824.0) / (1950.0 * (54 + 2 * 256 + 2 * 230) + 3.7 * 2 * 944);
    const double part = (1950.0 * 415.0 + 3492.8 * 9894.0 / 13824.0) / 1056492.8;
    assert_close(sj_asic_finish(&m), (full + part) / 2.0);
    assert_true(fabs(full - part) > 1e-3);
}

static void without_images_there_is_no_ratio(void **state) {
    const sj_asic_options o = {4, false, false};
    sj_asic_mean m = sj_asic_begin(&o);
    assert_true(isnan(sj_asic_finish(&m)));
}

static void a_pass_across_batches_and_missing_counts_are_refused(void **state) {
    const sj_network net = chain();
    const sj_asic_options o = {3, false, false};
    sj_asic_mean m = sj_asic_begin(&o);
    int64_t y[LAYERS];
    memcpy(y, y_nonzero, sizeof y);
    assert_int_equal(sj_asic_add(&m, &net, 2, y, INPUT_NONZERO, parameter_nonzero, &err), SJ_OK);
    assert_int_equal(sj_asic_add(&m, &net, 2, y, INPUT_NONZERO, parameter_nonzero, &err), SJ_ERR_INTERNAL);
    assert_string_equal(err.message, "asic_ratio: a forward pass of 2 images, where the batch takes 1 to 1 more");
    y[BN] = -1;
    assert_int_equal(sj_asic_add(&m, &net, 1, y, INPUT_NONZERO, parameter_nonzero, &err), SJ_ERR_INTERNAL);
    assert_string_equal(err.message, "asic_ratio: layer \"conv\": 64 nonzero outputs were counted, of 32");
    y[CONV] = 32;
    assert_int_equal(sj_asic_add(&m, &net, 1, y, INPUT_NONZERO, parameter_nonzero, &err), SJ_ERR_INTERNAL);
    assert_string_equal(err.message, "asic_ratio: layer \"bn\": -1 nonzero outputs were counted, of 32");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_by_hand),
        cmocka_unit_test(a_relu_in_place_counts_its_input_after_it),
        cmocka_unit_test(the_normaliser_is_an_output),
        cmocka_unit_test(a_residual_block),
        cmocka_unit_test(a_global_average),
        cmocka_unit_test(the_mean_is_over_batches),
        cmocka_unit_test(without_images_there_is_no_ratio),
        cmocka_unit_test(a_pass_across_batches_and_missing_counts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
