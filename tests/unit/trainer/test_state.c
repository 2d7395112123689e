// SPDX-License-Identifier: Apache-2.0
// A model through a checkpoint.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper.h"
#include "sj_state.h"
#include "sj_test_folder.h"

static sj_error err;
static char folder[SJ_TEST_FOLDER_MAX];

static int enter(void **state) { return !sj_test_enter_folder(folder); }
static int leave(void **state) { return !sj_test_leave_folder(folder); }

#define NETWORK(out)                                                                                                                                  \
    "name = \"n\"; layers = ({ kind = \"conv\"; name = \"c\"; out = " #out "; kernel = 3; }, { kind = \"bn\"; name = \"b\"; }, { kind = \"relu\"; name = \"r\"; }, " \
    "{ kind = \"flatten\"; name = \"f\"; }, { kind = \"linear\"; name = \"l\"; out_classes = true; }, { kind = \"softmax_ce\"; name = \"loss\"; });"

static const sj_dims input = {5, 5, 2};

static void step(sj_model *m) {
    const sj_optimizer_config sgd = {.kind = SJ_OPTIMIZER_KIND_SGD, .momentum = 0.9, .weight_decay = 1e-4, .decay_norm = true};
    (void)test_forward(m, NULL);
    (void)test_backward(m, NULL);
    sj_model_update(m, &sgd, 0.1, 1);
}

static void assert_same(const sj_model *a, const sj_model *b) {
    for (int i = 0; i < a->layer_count; i++) {
        const sj_layer *x = &a->layers[i], *y = &b->layers[i];
        for (int j = 0; j < x->param_count; j++) {
            assert_memory_equal(x->params[j].value, y->params[j].value, (size_t)x->params[j].count * sizeof(float));
            assert_memory_equal(x->params[j].state[0], y->params[j].state[0], (size_t)x->params[j].count * sizeof(float));
        }
        if (x->running_mean != NULL) {
            assert_memory_equal(x->running_mean, y->running_mean, (size_t)x->info->in.c * sizeof(float));
            assert_memory_equal(x->running_variance, y->running_variance, (size_t)x->info->in.c * sizeof(float));
        }
    }
}

static void a_model_comes_back_and_goes_on_alike(void **state) {
    sj_model *a = test_model(NETWORK(4), input, 3, 4, 1), *b = test_model(NETWORK(4), input, 3, 4, 2);
    sj_checkpoint *c;
    int64_t word;
    step(a);
    step(a);
    test_ok(sj_checkpoint_save_model("c.bin", a, 7, 8, 9, &err), &err);
    test_ok(sj_checkpoint_open("c.bin", &c, &err), &err);
    test_ok(sj_state_get_model(c, b, &err), &err);
    assert_same(a, b);
    test_ok(sj_checkpoint_get(c, "seed", &word, 8, &err), &err);
    assert_int_equal(word, 7);
    test_ok(sj_checkpoint_get(c, "epochs", &word, 8, &err), &err);
    assert_int_equal(word, 8);
    test_ok(sj_checkpoint_get(c, "iterations", &word, 8, &err), &err);
    assert_int_equal(word, 9);
    sj_checkpoint_close(c);
    memcpy(b->input, a->input, (size_t)(a->batch * sj_layout_bytes(&a->input_layout)));
    memcpy(b->labels, a->labels, (size_t)a->batch * sizeof *a->labels);
    step(a);
    step(b);
    assert_same(a, b);
    sj_model_free(a);
    sj_model_free(b);
}

static void a_checkpoint_of_another_network_is_refused_and_changes_nothing(void **state) {
    static const char with_more[] = "name = \"n\"; layers = ({ kind = \"conv\"; name = \"c\"; out = 4; kernel = 3; }, { kind = \"relu\"; name = \"r\"; }, { kind = \"flatten\"; name = \"f\"; }, "
                                    "{ kind = \"linear\"; name = \"l\"; out_classes = true; }, { kind = \"softmax_ce\"; name = \"loss\"; });";
    sj_model *a = test_model(NETWORK(4), input, 3, 4, 1), *wider = test_model(NETWORK(5), input, 3, 4, 2), *same = test_model(NETWORK(5), input, 3, 4, 2), *less = test_model(with_more, input, 3, 4, 2);
    sj_checkpoint *c;
    test_ok(sj_checkpoint_save_model("c.bin", a, 7, 8, 9, &err), &err);
    test_ok(sj_checkpoint_open("c.bin", &c, &err), &err);
    assert_int_equal(sj_state_get_model(c, wider, &err), SJ_ERR_FORMAT);
    assert_string_equal(err.message, "c.bin: section \"model/c/w\" has 288 bytes; 360 are needed");
    assert_same(wider, same);
    assert_int_equal(sj_state_get_model(c, less, &err), SJ_ERR_FORMAT);
    assert_string_equal(err.message, "c.bin: it holds 12 arrays of a model, and this network has 6: it was written for another network or optimizer");
    sj_checkpoint_close(c);
    test_ok(sj_checkpoint_save_model("c.bin", less, 7, 8, 9, &err), &err);
    test_ok(sj_checkpoint_open("c.bin", &c, &err), &err);
    assert_int_equal(sj_state_get_model(c, a, &err), SJ_ERR_FORMAT);
    assert_string_equal(err.message, "c.bin: section \"model/b/gamma\" of 16 bytes is missing");
    sj_checkpoint_close(c);
    sj_model_free(a);
    sj_model_free(wider);
    sj_model_free(same);
    sj_model_free(less);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_model_comes_back_and_goes_on_alike, enter, leave),
        cmocka_unit_test_setup_teardown(a_checkpoint_of_another_network_is_refused_and_changes_nothing, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
