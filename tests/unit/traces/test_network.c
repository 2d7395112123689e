// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sj_trace.h"

static sj_error err;
static sj_layer_info layers[3];
static sj_network net;

static int make(void **state) {
    static const sj_layer_info good[3] = {
        {"conv", SJ_KIND_CONV, 1, {-1}, {7, 9, 4}, {4, 5, 6}, 3, 3, 2, 1, 2, false, false},
        {"relu", SJ_KIND_RELU, 1, {0}, {4, 5, 6}, {4, 5, 6}, 1, 1, 1, 0, 1, true, false},
        {"add", SJ_KIND_ADD, 2, {1, 0}, {4, 5, 6}, {4, 5, 6}, 1, 1, 1, 0, 1, true, false},
    };
    memcpy(layers, good, sizeof layers);
    net = (sj_network){"n", 3, layers};
    return 0;
}

static void assert_says(const char *message) {
    assert_int_equal(sj_network_check(&net, &err), SJ_ERR_FORMAT);
    assert_string_equal(err.message, message);
}

static void a_good_network_passes(void **state) { assert_int_equal(sj_network_check(&net, &err), SJ_OK); }

static void every_kind_has_a_name(void **state) {
    for (int i = 0; i < SJ_KIND_COUNT; i++) {
        sj_kind kind;
        assert_true(sj_kind_from_name(sj_kind_name((sj_kind)i), &kind));
        assert_int_equal(kind, i);
    }
    sj_kind kind;
    assert_false(sj_kind_from_name("convolution", &kind));
    assert_string_equal(sj_kind_name(SJ_KIND_SOFTMAX_CE), "softmax_ce");
}

static void an_empty_network_is_refused(void **state) {
    net.layer_count = 0;
    assert_says("network \"n\": it has no layers");
}

static void a_wrong_output_is_refused(void **state) {
    layers[0].out.h = 5;
    assert_says("network \"n\": layer \"conv\": its output is 5x5x6 (HxWxC), but kind conv with these inputs makes 4x5x6");
}

static void a_wrong_input_shape_is_refused(void **state) {
    layers[1].in.c = layers[1].out.c = 5;
    assert_says("network \"n\": layer \"relu\": input 0 is 4x5x6 (HxWxC), but the layer takes 4x5x5");
}

static void an_input_from_behind_is_refused(void **state) {
    layers[1].inputs[0] = 1;
    assert_says("network \"n\": layer \"relu\": input 0 is layer number 1; it must be -1 (the network's input), -2 (an input of its own) or a layer before number 1");
}

static void equal_names_are_refused(void **state) {
    strcpy(layers[2].name, "conv");
    assert_says("network \"n\": layers 0 and 2 are both named \"conv\"");
}

static void a_slash_in_a_name_is_refused(void **state) {
    strcpy(layers[2].name, "a/b");
    assert_says("network \"n\": layer 2: its name must have 1 to 63 characters, no \"/\", and not be \".\" or \"..\"");
}

static void groups_must_divide(void **state) {
    layers[0].groups = 3;
    assert_says("network \"n\": layer \"conv\": 3 groups do not divide 4 input and 6 output channels");
}

static void one_input_is_too_few_for_an_add(void **state) {
    layers[2].input_count = 1;
    assert_says("network \"n\": layer \"add\": a layer of kind add cannot have 1 inputs");
}

static void a_kernel_larger_than_its_input_is_refused(void **state) {
    layers[0].kernel_h = 9;  // 7 + 2 fits exactly: one row
    layers[0].out.h = 1;
    layers[1].in.h = layers[1].out.h = layers[2].in.h = layers[2].out.h = 1;
    assert_int_equal(sj_network_check(&net, &err), SJ_OK);
    layers[0].kernel_h = 10;
    assert_says("network \"n\": layer \"conv\": the kernel 10x3 is larger than the padded input");
}

static void sizes_that_overflow_are_refused(void **state) {
    layers[1].kind = SJ_KIND_OPAQUE;
    layers[1].out = (sj_dims){INT32_MAX, INT32_MAX, INT32_MAX};
    assert_int_equal(sj_network_check(&net, &err), SJ_ERR_FORMAT);
}

#define FRESH(test) cmocka_unit_test_setup(test, make)

int main(void) {
    const struct CMUnitTest tests[] = {
        FRESH(a_good_network_passes),           FRESH(every_kind_has_a_name),      FRESH(an_empty_network_is_refused),  FRESH(a_wrong_output_is_refused),
        FRESH(a_wrong_input_shape_is_refused),  FRESH(an_input_from_behind_is_refused), FRESH(equal_names_are_refused), FRESH(a_slash_in_a_name_is_refused),
        FRESH(groups_must_divide),              FRESH(one_input_is_too_few_for_an_add), FRESH(a_kernel_larger_than_its_input_is_refused),
        FRESH(sizes_that_overflow_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
