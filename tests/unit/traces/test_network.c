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

static void an_input_of_its_own_may_have_any_shape(void **state) {
    layers[1].inputs[0] = SJ_INPUT_OWN;
    layers[1].in = layers[1].out = (sj_dims){8, 3, 2};
    net.layer_count = 2;
    assert_int_equal(sj_network_check(&net, &err), SJ_OK);
    layers[1].inputs[0] = SJ_INPUT_OWN - 1;
    assert_says("network \"n\": layer \"relu\": input 0 is layer number -3; it must be -1 (the network's input), -2 (an input of its own) or a layer before number 1");
}

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

// x0 of 4 x 5 pixels and 6 channels times x1 of 3 x 2 pixels.
static void make_matmul(void) {
    layers[1] = (sj_layer_info){"right", SJ_KIND_OPAQUE, 1, {0}, {4, 5, 6}, {3, 2, 7}, 1, 1, 1, 0, 1, true, false};
    layers[2] = (sj_layer_info){"mm", SJ_KIND_MATMUL, 2, {0, 1}, {4, 5, 6}, {4, 5, 7}, 1, 1, 1, 0, 1, true, false};
}

static void a_matmul_multiplies_channels_by_pixels(void **state) {
    make_matmul();
    assert_int_equal(sj_network_check(&net, &err), SJ_OK);
    layers[2].inputs[1] = SJ_INPUT_OWN;
    assert_int_equal(sj_network_check(&net, &err), SJ_OK);
    const sj_dims own = sj_network_input_dims(&net, 2, 1);
    assert_true(own.h == 6 && own.w == 1 && own.c == 7);
}

static void a_matmul_of_other_shapes_is_refused(void **state) {
    make_matmul();
    layers[1].out.h = 4;
    assert_says("network \"n\": layer \"mm\": x0 is 4x5x6 (HxWxC) and x1 4x2x7: a matmul needs as many pixels (HxW) in x1 as channels in x0");
    make_matmul();
    layers[2].out.c = 6;
    assert_says("network \"n\": layer \"mm\": its output is 4x5x6 (HxWxC), but kind matmul with these inputs makes 4x5x7");
    make_matmul();
    layers[2].input_count = 3;
    assert_says("network \"n\": layer \"mm\": a layer of kind matmul cannot have 3 inputs");
}

static void a_skipped_step_is_told_by_its_method_state(void **state) {
    static const struct {
        const char *state;
        bool skipped;
    } cases[] = {{"gradsamp skipped", true}, {"gradsamp skipped p=2", true}, {"gradsamp skippedx", false}, {"gradsamp", false}, {"gradsamp real", false}, {"", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sj_step_info step = {.mode = SJ_MODE_TRAIN};
        strcpy(step.method_state, cases[i].state);
        assert_int_equal(sj_step_is_skipped(&step), cases[i].skipped);
        step.mode = SJ_MODE_EVAL;
        assert_false(sj_step_is_skipped(&step));
    }
}

#define FRESH(test) cmocka_unit_test_setup(test, make)

int main(void) {
    const struct CMUnitTest tests[] = {
        FRESH(a_good_network_passes), FRESH(an_input_of_its_own_may_have_any_shape), FRESH(every_kind_has_a_name),      FRESH(an_empty_network_is_refused),  FRESH(a_wrong_output_is_refused),
        FRESH(a_wrong_input_shape_is_refused),  FRESH(an_input_from_behind_is_refused), FRESH(equal_names_are_refused), FRESH(a_slash_in_a_name_is_refused),
        FRESH(groups_must_divide),              FRESH(one_input_is_too_few_for_an_add), FRESH(a_kernel_larger_than_its_input_is_refused),
        FRESH(sizes_that_overflow_are_refused), FRESH(a_matmul_multiplies_channels_by_pixels), FRESH(a_matmul_of_other_shapes_is_refused),
        FRESH(a_skipped_step_is_told_by_its_method_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
