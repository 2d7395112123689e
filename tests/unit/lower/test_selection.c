// SPDX-License-Identifier: Apache-2.0
// Which step of a trace, which layers and phases of it: every way to name them, and every wrong one with what is there.
#include "sj_selection.h"
#include "sj_test.h"
#include "sj_test_folder.h"

static sj_error err;
static char folder[SJ_TEST_FOLDER_MAX];

static int enter(void **state) {
    (void)state;
    return sj_test_enter_folder(folder) ? 0 : -1;
}

static int leave(void **state) {
    (void)state;
    return sj_test_leave_folder(folder) ? 0 : -1;
}

static void ok(sj_status status) {
    if (status != SJ_OK) {
        fail_msg("%s", err.message);
    }
}

static void says(sj_status met, sj_status wanted, const char *message) {
    assert_int_equal(met, wanted);
    assert_string_equal(err.message, message);
}

// conv1 (whose input needs no gradient) -> relu1 -> conv2 -> flatten -> fc; steps in any order of modes. No tensors: nobody reads them.
static sj_trace *trace_of(const int64_t *numbers, const sj_mode *modes, int count) {
    const sj_layer_info conv = {.kind = SJ_KIND_CONV, .input_count = 1, .inputs = {SJ_INPUT_NETWORK}, .in = {4, 4, 8}, .out = {4, 4, 8}, .kernel_h = 1, .kernel_w = 1, .stride = 1, .groups = 1, .needs_dx = true};
    sj_layer_info layers[5] = {conv, conv, conv, conv, conv};
    static const char *const names[] = {"conv1", "relu1", "conv2", "flatten", "fc"};
    static const sj_kind kinds[] = {SJ_KIND_CONV, SJ_KIND_RELU, SJ_KIND_CONV, SJ_KIND_FLATTEN, SJ_KIND_LINEAR};
    for (int i = 0; i < 5; i++) {
        snprintf(layers[i].name, sizeof layers[i].name, "%s", names[i]);
        layers[i].kind = kinds[i];
        layers[i].inputs[0] = i - 1;
    }
    layers[0].inputs[0] = SJ_INPUT_NETWORK;
    layers[0].needs_dx = false;
    layers[3].out = layers[4].in = (sj_dims){1, 1, 128};
    layers[4].out = (sj_dims){1, 1, 10};
    const sj_network net = {.name = "little", .layer_count = 5, .layers = layers};
    const sj_trace_meta meta = {.producer = "test", .network = "little", .dataset = "none", .method = "plain", .batch_size = 4, .images = 1};
    sj_trace_writer *w = NULL;
    sj_trace *t = NULL;
    ok(sj_trace_create("t.h5", &meta, &net, &w, &err));
    for (int i = 0; i < count; i++) {
        const sj_step_info step = {.number = numbers[i], .mode = modes[i]};
        ok(sj_trace_begin_step(w, &step, &err));
    }
    ok(sj_trace_commit(w, &err));
    ok(sj_trace_open("t.h5", &t, &err));
    assert_int_equal(sj_trace_step_count(t), count);
    return t;
}

static void assert_step(const sj_trace *t, const char *text, int64_t number) {
    int index = -7;
    ok(sj_selection_step("--step", t, text, &index, &err));
    assert_in_range(index, 0, sj_trace_step_count(t) - 1);
    assert_int_equal(sj_trace_get_step(t, index)->number, number);
}

static void steps_are_found(void **state) {
    (void)state;
    static const int64_t numbers[] = {0, 3, 5, 10, 200};
    static const sj_mode modes[] = {SJ_MODE_EVAL, SJ_MODE_TRAIN, SJ_MODE_TRAIN, SJ_MODE_EVAL, SJ_MODE_EVAL};
    sj_trace *t = trace_of(numbers, modes, 5);
    assert_step(t, NULL, 5);
    assert_step(t, "last-train", 5);
    assert_step(t, "last-eval", 200);
    for (int i = 0; i < 5; i++) {
        char text[32];
        snprintf(text, sizeof text, "%lld", (long long)numbers[i]);
        assert_step(t, text, numbers[i]);
    }
    assert_step(t, "003", 3);
    sj_trace_close(t);
}

static void wrong_steps_are_told(void **state) {
    (void)state;
    static const int64_t numbers[] = {0, 3, 5};
    static const sj_mode modes[] = {SJ_MODE_TRAIN, SJ_MODE_TRAIN, SJ_MODE_TRAIN};
    static const char *const wrong[] = {"", "last", "last-trains", "Last-train", "3x", "-3", " 3", "3 ", "0x3", "3.0", "99999999999999999999", "all"};
    sj_trace *t = trace_of(numbers, modes, 3);
    int index;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char message[128];
        snprintf(message, sizeof message, "step %s: it must be a step's number, last-train or last-eval", wrong[i]);
        says(sj_selection_step("step", t, wrong[i], &index, &err), SJ_ERR_USAGE, message);
    }
    says(sj_selection_step("--step", t, "4", &index, &err), SJ_ERR_RANGE, "t.h5: no step 4; it has 0, 3, 5");
    says(sj_selection_step("--step", t, "last-eval", &index, &err), SJ_ERR_RANGE, "t.h5: it has no eval step");
    sj_trace_close(t);
}

static void the_default_is_the_last_training_step_else_the_last_inference(void **state) {
    (void)state;
    static const int64_t numbers[] = {1, 2};
    static const sj_mode evals[] = {SJ_MODE_EVAL, SJ_MODE_EVAL};
    sj_trace *t = trace_of(numbers, evals, 2);
    int index;
    assert_step(t, NULL, 2);
    says(sj_selection_step("--step", t, "last-train", &index, &err), SJ_ERR_RANGE, "t.h5: it has no train step");
    sj_trace_close(t);
    t = trace_of(numbers, evals, 0);
    says(sj_selection_step("--step", t, NULL, &index, &err), SJ_ERR_RANGE, "t.h5: it has no train or eval step");
    says(sj_selection_step("--step", t, "1", &index, &err), SJ_ERR_RANGE, "t.h5: no step 1; it has none");
    sj_trace_close(t);
}

// So many steps that their list is cut: the message stays whole, the steps are found.
static void many_steps_are_listed_as_far_as_they_fit(void **state) {
    (void)state;
    enum { STEPS = 300 };
    static int64_t numbers[STEPS];
    static sj_mode modes[STEPS];
    for (int i = 0; i < STEPS; i++) {
        numbers[i] = 1000 + 2 * i;
        modes[i] = i % 2 == 0 ? SJ_MODE_TRAIN : SJ_MODE_EVAL;
    }
    sj_trace *t = trace_of(numbers, modes, STEPS);
    int index;
    assert_step(t, "1598", 1598);
    assert_step(t, NULL, 1596);
    assert_int_equal(sj_selection_step("--step", t, "1001", &index, &err), SJ_ERR_RANGE);
    assert_non_null(strstr(err.message, "t.h5: no step 1001; it has 1000, 1002, 1004, "));
    assert_true(strlen(err.message) < 600);
    char *at = strstr(err.message, "it has ") + strlen("it has ");
    int listed = 0;
    for (bool more = true; more; listed++) {
        assert_int_equal(strtoll(at, &at, 10), numbers[listed]);
        more = *at == ',';
        at += more ? 2 : 0;
    }
    char rest[32];
    snprintf(rest, sizeof rest, " and %d more", STEPS - listed);
    assert_string_equal(at, rest);
    assert_true(listed > 50);
    sj_trace_close(t);
}

static void layers_and_phases_are_chosen(void **state) {
    (void)state;
    static const char *const two[] = {"conv1", "fc"}, *const names[] = {"conv1", "conv2", "fc", "conv", "conv11"};
    for (int phase = -1; phase < SJ_PHASE_COUNT; phase++) {
        for (int count = 0; count <= 2; count++) {
            const sj_selection s = {.layer_count = count, .layers = two, .phase = phase};
            for (int l = 0; l < 5; l++) {
                for (int p = 0; p < SJ_PHASE_COUNT; p++) {
                    const sj_unit unit = {.layer = names[l], .phase = (sj_phase)p};
                    const bool named = count == 0 || l == 0 || (count == 2 && l == 2);
                    assert_int_equal(sj_selection_has(&s, &unit), named && (phase < 0 || phase == p));
                }
            }
        }
    }
}

static void unknown_layers_are_told_with_the_nearest(void **state) {
    (void)state;
    static const int64_t number = 1;
    static const sj_mode mode = SJ_MODE_TRAIN;
    static const char *const all[] = {"conv1", "relu1", "conv2", "flatten", "fc"}, *const near[] = {"fc", "conv3"}, *const far[] = {"something-else"};
    sj_trace *t = trace_of(&number, &mode, 1);
    ok(sj_selection_check("--layer", all, 5, t, &err));
    ok(sj_selection_check("--layer", near, 1, t, &err));
    ok(sj_selection_check("--layer", NULL, 0, t, &err));
    says(sj_selection_check("--layer", near, 2, t, &err), SJ_ERR_USAGE, "--layer conv3: the network little has no such layer; did you mean conv1?");
    says(sj_selection_check("layers", far, 1, t, &err), SJ_ERR_USAGE, "layers something-else: the network little has no such layer");
    sj_trace_close(t);
}

static sj_accel with_pin(const char *layer, sj_phase phase) {
    sj_accel a = {.pin_count = 1, .pins = {{.phase = (int)phase, .m = 1, .n = 1, .k = 1}}};
    snprintf(a.pins[0].layer, sizeof a.pins[0].layer, "%s", layer);
    return a;
}

// Forward and weight gradient of every layer with products, and the input's gradient where it is needed, whatever the step has.
static void pins_name_products(void **state) {
    (void)state;
    static const int64_t number = 1;
    static const sj_mode mode = SJ_MODE_EVAL;
    static const char *const layers[] = {"conv1", "conv2", "fc", "*", "relu1", "flatten", "conv3"};
    sj_trace *t = trace_of(&number, &mode, 1);
    for (int l = 0; l < 7; l++) {
        for (int p = SJ_PHASE_FORWARD; p <= SJ_PHASE_GRAD_WEIGHT; p++) {
            const sj_accel a = with_pin(layers[l], (sj_phase)p);
            const bool allowed = l < 4 && !(l == 0 && p == SJ_PHASE_GRAD_INPUT);
            assert_int_equal(sj_selection_check_pins(&a, t, &err), allowed ? SJ_OK : SJ_ERR_CONFIG);
        }
    }
    const sj_accel missing = with_pin("conv3", SJ_PHASE_FORWARD), no_gradient = with_pin("conv1", SJ_PHASE_GRAD_INPUT), none = {0};
    says(sj_selection_check_pins(&missing, t, &err), SJ_ERR_CONFIG, "mapping.pin.[0]: this run has no product of a layer \"conv3\"; did you mean \"conv1\"?");
    says(sj_selection_check_pins(&no_gradient, t, &err), SJ_ERR_CONFIG, "mapping.pin.[0]: this run has no product of layer \"conv1\" in phase \"grad_input\"");
    ok(sj_selection_check_pins(&none, t, &err));
    sj_trace_close(t);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(steps_are_found),
        IN_FOLDER(wrong_steps_are_told),
        IN_FOLDER(the_default_is_the_last_training_step_else_the_last_inference),
        IN_FOLDER(many_steps_are_listed_as_far_as_they_fit),
        cmocka_unit_test(layers_and_phases_are_chosen),
        IN_FOLDER(unknown_layers_are_told_with_the_nearest),
        IN_FOLDER(pins_name_products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
