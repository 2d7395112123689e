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

static sj_model *model(sj_optimizer_kind optimizer, uint64_t seed) {
    const sj_model_options options = {.batch = 4, .seed = seed, .optimizer = optimizer};
    return test_model_with(NETWORK(4), input, 3, &options);
}

static void step(sj_model *m, int64_t number) {
    const sj_optimizer_config config = {.kind = m->options.optimizer, .momentum = 0.9, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 1e-4, .decay_norm = true};
    (void)test_forward(m, NULL);
    (void)test_backward(m, NULL);
    sj_model_update(m, &config, 0.01, number);
}

static void assert_same_values(const float *a, const float *b, int64_t count) {
    assert_int_equal(a != NULL, b != NULL);
    if (a != NULL) {
        assert_memory_equal(a, b, (size_t)count * sizeof *a);
    }
}

static void assert_same(const sj_model *a, const sj_model *b) {
    for (int i = 0; i < a->layer_count; i++) {
        const sj_layer *x = &a->layers[i], *y = &b->layers[i];
        for (int j = 0; j < x->param_count; j++) {
            assert_same_values(x->params[j].value, y->params[j].value, x->params[j].count);
            for (int k = 0; k < SJ_OPTIMIZER_STATES; k++) {
                assert_same_values(x->params[j].state[k], y->params[j].state[k], x->params[j].count);
            }
        }
        assert_same_values(x->running_mean, y->running_mean, x->info->in.c);
        assert_same_values(x->running_variance, y->running_variance, x->info->in.c);
    }
}

// The model, and one section that is not its own.
static void save(const sj_model *m) {
    const int64_t position = 7;
    sj_checkpoint_writer *w;
    test_ok(sj_checkpoint_create("c.bin", &w, &err), &err);
    test_ok(sj_checkpoint_add(w, "position", &position, sizeof position, &err), &err);
    test_ok(sj_state_add_model(w, m, &err), &err);
    test_ok(sj_checkpoint_commit(w, &err), &err);
}

static void comes_back_and_goes_on_alike(sj_optimizer_kind optimizer, int64_t arrays) {
    sj_model *a = model(optimizer, 1), *b = model(optimizer, 2);
    sj_checkpoint *c;
    int64_t word;
    step(a, 1);
    step(a, 2);
    save(a);
    test_ok(sj_checkpoint_open("c.bin", &c, &err), &err);
    assert_int_equal(sj_checkpoint_count(c), 1 + arrays);
    test_ok(sj_state_get_model(c, b, &err), &err);
    assert_same(a, b);
    test_ok(sj_checkpoint_get(c, "position", &word, sizeof word, &err), &err);
    assert_int_equal(word, 7);
    sj_checkpoint_close(c);
    memcpy(b->input, a->input, (size_t)(a->batch * sj_layout_bytes(&a->input_layout)));
    memcpy(b->labels, a->labels, (size_t)a->batch * sizeof *a->labels);
    step(a, 3);
    step(b, 3);
    assert_same(a, b);
    sj_model_free(a);
    sj_model_free(b);
}

// Weights of two layers, a bias, gamma and beta; as many of each state; two running statistics.
static void with_sgd(void **state) { comes_back_and_goes_on_alike(SJ_OPTIMIZER_KIND_SGD, 2 * 5 + 2); }
static void with_adam(void **state) { comes_back_and_goes_on_alike(SJ_OPTIMIZER_KIND_ADAM, 3 * 5 + 2); }

static void a_checkpoint_of_another_optimizer_is_refused(void **state) {
    sj_model *sgd = model(SJ_OPTIMIZER_KIND_SGD, 1), *adam = model(SJ_OPTIMIZER_KIND_ADAM, 1);
    sj_checkpoint *c;
    save(adam);
    test_ok(sj_checkpoint_open("c.bin", &c, &err), &err);
    assert_int_equal(sj_state_get_model(c, sgd, &err), SJ_ERR_FORMAT);
    assert_string_equal(err.message, "c.bin: it holds 17 arrays of a model, and this network has 12: it was written for another network or optimizer");
    sj_checkpoint_close(c);
    save(sgd);
    test_ok(sj_checkpoint_open("c.bin", &c, &err), &err);
    assert_int_equal(sj_state_get_model(c, adam, &err), SJ_ERR_FORMAT);
    assert_string_equal(err.message, "c.bin: section \"model/c/w.state1\" of 288 bytes is missing");
    sj_checkpoint_close(c);
    sj_model_free(sgd);
    sj_model_free(adam);
}

static void a_checkpoint_of_another_network_is_refused_and_changes_nothing(void **state) {
    static const char with_more[] = "name = \"n\"; layers = ({ kind = \"conv\"; name = \"c\"; out = 4; kernel = 3; }, { kind = \"relu\"; name = \"r\"; }, { kind = \"flatten\"; name = \"f\"; }, "
                                    "{ kind = \"linear\"; name = \"l\"; out_classes = true; }, { kind = \"softmax_ce\"; name = \"loss\"; });";
    sj_model *a = test_model(NETWORK(4), input, 3, 4, 1), *wider = test_model(NETWORK(5), input, 3, 4, 2), *same = test_model(NETWORK(5), input, 3, 4, 2), *less = test_model(with_more, input, 3, 4, 2);
    sj_checkpoint *c;
    save(a);
    test_ok(sj_checkpoint_open("c.bin", &c, &err), &err);
    assert_int_equal(sj_state_get_model(c, wider, &err), SJ_ERR_FORMAT);
    assert_string_equal(err.message, "c.bin: section \"model/c/w\" has 288 bytes; 360 are needed");
    assert_same(wider, same);
    assert_int_equal(sj_state_get_model(c, less, &err), SJ_ERR_FORMAT);
    assert_string_equal(err.message, "c.bin: it holds 12 arrays of a model, and this network has 6: it was written for another network or optimizer");
    sj_checkpoint_close(c);
    save(less);
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
        cmocka_unit_test_setup_teardown(with_sgd, enter, leave),
        cmocka_unit_test_setup_teardown(with_adam, enter, leave),
        cmocka_unit_test_setup_teardown(a_checkpoint_of_another_optimizer_is_refused, enter, leave),
        cmocka_unit_test_setup_teardown(a_checkpoint_of_another_network_is_refused_and_changes_nothing, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
