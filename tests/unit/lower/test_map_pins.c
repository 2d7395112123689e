// SPDX-License-Identifier: Apache-2.0
// mapping.pin: is it read with all its errors, is it what runs, are its limits the machine's, and does a pin that nothing uses fail?
#include "map_cases.h"
#include "map_internal.h"

static int pin_line;  // of the last text

// The shipped edge16 with a mapping.pin, read as a file would be; *status is what finishing says.
static sj_accel read_with(const char *pins, sj_status *status, sj_error *err) {
    char text[8192], path[512];
    snprintf(path, sizeof path, "%s/configs/accel/edge16.cfg", SJ_SOURCE_DIR);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t used = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[used] = '\0';
    char *mapping = strstr(text, "\nmapping");
    assert_non_null(mapping);
    pin_line = 4;  // the newline before "mapping", and two lines more
    for (const char *p = text; p < mapping; p++) {
        pin_line += *p == '\n';
    }
    snprintf(mapping, sizeof text - (size_t)(mapping - text), "\nmapping = {\n  swap = \"auto\";\n  pin = %s;\n};\n", pins);
    sj_config *c = NULL;
    sj_accel accel;
    assert_int_equal(sj_config_parse(text, "pinned.cfg", &c, err), SJ_OK);
    sj_accel_read(c, &accel);
    *status = sj_config_finish(c, err);
    sj_config_close(c);
    return accel;
}

#define PIN(layer, phase, sizes) "{ layer = \"" layer "\"; phase = \"" phase "\"; " sizes " }"

static void pins_are_read(void **state) {
    (void)state;
    sj_status status;
    sj_error err = {0};
    const sj_accel a = read_with("( " PIN("conv1", "forward", "m = 1024; n = 64; k = 576; order = \"nm\";") ", " PIN("*", "grad_weight", "m = 128; n = 16; k = 64; order = \"mn\"; swap = true;") " )",
                                 &status, &err);
    assert_int_equal(status, SJ_OK);
    assert_int_equal(a.pin_count, 2);
    assert_string_equal(a.pins[0].layer, "conv1");
    assert_int_equal(a.pins[0].m, 1024);
    assert_int_equal(a.pins[0].n, 64);
    assert_int_equal(a.pins[0].k, 576);
    assert_int_equal(a.pins[0].order, SJ_ORDER_NM);
    assert_int_equal(a.pins[0].swap, SJ_PIN_SWAP_OPEN);
    assert_int_equal(a.pins[1].swap, SJ_PIN_SWAP_YES);
    assert_ptr_equal(sj_map_pin(&a, "conv1", SJ_PHASE_FORWARD), &a.pins[0]);
    assert_null(sj_map_pin(&a, "conv2", SJ_PHASE_FORWARD));
    assert_null(sj_map_pin(&a, "conv1", SJ_PHASE_GRAD_INPUT));
    assert_ptr_equal(sj_map_pin(&a, "conv1", SJ_PHASE_GRAD_WEIGHT), &a.pins[1]);
    const sj_accel none = read_with("()", &status, &err);
    assert_int_equal(status, SJ_OK);
    assert_int_equal(none.pin_count, 0);
}

static void a_layers_own_pin_comes_before_that_of_all(void **state) {
    (void)state;
    sj_status status;
    sj_error err = {0};
    const sj_accel a = read_with("( " PIN("*", "forward", "m = 128; n = 16; k = 64; order = \"mn\";") ", " PIN("conv2", "forward", "m = 256; n = 16; k = 64; order = \"mn\";") " )", &status, &err);
    assert_int_equal(status, SJ_OK);
    assert_ptr_equal(sj_map_pin(&a, "conv2", SJ_PHASE_FORWARD), &a.pins[1]);
    assert_ptr_equal(sj_map_pin(&a, "conv1", SJ_PHASE_FORWARD), &a.pins[0]);
}

static void wrong_pins_are_told_with_their_line(void **state) {
    (void)state;
    static const struct {
        const char *pins, *told;
    } cases[] = {
        {"( { phase = \"forward\"; m = 128; n = 16; k = 64; order = \"mn\"; } )", "missing key \"mapping.pin.[0].layer\""},
        {"( " PIN("", "forward", "m = 128; n = 16; k = 64; order = \"mn\";") " )", "allowed: 1 to 63"},
        {"( " PIN("c", "foward", "m = 128; n = 16; k = 64; order = \"mn\";") " )", "did you mean \"forward\"?"},
        {"( " PIN("c", "update", "m = 128; n = 16; k = 64; order = \"mn\";") " )", "allowed are \"forward\", \"grad_input\", \"grad_weight\""},
        {"( " PIN("c", "forward", "m = 0; n = 16; k = 64; order = \"mn\";") " )", "\"mapping.pin.[0].m\" is 0"},
        {"( " PIN("c", "forward", "m = 128; n = 1.5; k = 64; order = \"mn\";") " )", "\"mapping.pin.[0].n\" is a float; it must be an integer"},
        {"( " PIN("c", "forward", "m = 128; n = 16; order = \"mn\";") " )", "missing key \"mapping.pin.[0].k\""},
        {"( " PIN("c", "forward", "m = 128; n = 16; k = 64; order = \"km\";") " )", "allowed are \"mn\", \"nm\""},
        {"( " PIN("c", "forward", "m = 128; n = 16; k = 64; ordr = \"mn\";") " )", "unknown key \"mapping.pin.[0].ordr\""},
        {"( " PIN("c", "forward", "m = 128; n = 16; k = 64; order = \"mn\"; swap = true;") " )", "allowed with phase \"grad_weight\" alone"},
        {"( " PIN("c", "forward", "m = 128; n = 16; k = 64; order = \"mn\";") ", " PIN("c", "forward", "m = 256; n = 16; k = 64; order = \"mn\";") " )", "both pin layer \"c\""},
        {"{ layer = \"c\"; }", "must be a list of groups"},
        {"3", "must be a list"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sj_status status;
        sj_error err = {0};
        (void)read_with(cases[i].pins, &status, &err);
        char where[64];
        snprintf(where, sizeof where, "pinned.cfg:%d: ", pin_line);
        if (status != SJ_ERR_CONFIG || strstr(err.message, cases[i].told) == NULL || strstr(err.message, where) == NULL) {
            fail_msg("%s: \"%s\" stands not at %s of: %s", cases[i].pins, cases[i].told, where, err.message);
        }
    }
}

static void more_pins_than_allowed_are_refused(void **state) {
    (void)state;
    char pins[(SJ_PINS_MAX + 1) * 40 + 16];
    for (int count = SJ_PINS_MAX; count <= SJ_PINS_MAX + 1; count++) {
        size_t used = (size_t)snprintf(pins, sizeof pins, "(");
        for (int i = 0; i < count; i++) {
            used += (size_t)snprintf(pins + used, sizeof pins - used, "%s{ }", i > 0 ? "," : "");
        }
        snprintf(pins + used, sizeof pins - used, ")");
        sj_status status;
        sj_error err = {0};
        (void)read_with(pins, &status, &err);
        assert_int_equal(status, SJ_ERR_CONFIG);
        assert_int_equal(strstr(err.message, "allowed: at most 128") != NULL, count > SJ_PINS_MAX);
    }
}

static sj_job *gemm(const sj_accel *accel, int64_t m, int64_t k, int64_t n, sj_status expected, sj_error *err) {
    static const sj_bf16 values[1] = {0};
    sj_job *job = NULL;
    assert_int_equal(sj_lower_gemm(accel, m, k, n, values, values, false, &job, err), expected);
    return job;
}

static sj_accel pinned_gemm(int64_t m, int64_t n, int64_t k, sj_order order) {
    sj_accel a = map_accel("edge16");
    a.pin_count = 1;
    a.pins[0] = (sj_pin){.layer = "gemm", .phase = SJ_PHASE_FORWARD, .m = m, .n = n, .k = k, .order = order};
    return a;
}

static void a_pin_is_what_runs_in_both_orders(void **state) {
    (void)state;
    for (int order = 0; order < 2; order++) {
        const sj_accel a = pinned_gemm(256, 32, 128, (sj_order)order);
        sj_error err = {0};
        sj_map_report report;
        sj_job *job = gemm(&a, 600, 200, 70, SJ_OK, &err);
        assert_int_equal(job->block_count, 3 * 3 * 2);
        assert_int_equal(job->blocks[0].m1, 256);
        assert_int_equal(job->blocks[0].n1, 32);
        assert_int_equal(job->blocks[0].k1, 128);
        assert_int_equal(job->blocks[1].k0, 128);
        assert_int_equal(job->blocks[2].m0, order == SJ_ORDER_NM ? 256 : 0);
        assert_int_equal(job->blocks[2].n0, order == SJ_ORDER_NM ? 0 : 32);
        assert_int_equal(sj_map_explain(&a, job, &report, &err), SJ_OK);
        assert_true(report.pinned);
        assert_int_equal(report.choices[0].mapping.m, 256);
        assert_true(report.count > 1);  // what the mapper would have taken, for comparison
        sj_job_free(job);
    }
}

static void expect_refused(int64_t m, int64_t n, int64_t k, const char *told) {
    const sj_accel a = pinned_gemm(m, n, k, SJ_ORDER_MN);
    sj_error err = {0};
    assert_null(gemm(&a, 4096, 4096, 4096, SJ_ERR_RANGE, &err));
    if (strstr(err.message, told) == NULL || strstr(err.message, "gemm forward") == NULL) {
        fail_msg("\"%s\" is not in: %s", told, err.message);
    }
}

static void expect_taken(int64_t m, int64_t n, int64_t k) {
    const sj_accel a = pinned_gemm(m, n, k, SJ_ORDER_MN);
    sj_error err = {0};
    sj_job_free(gemm(&a, 4096, 4096, 4096, SJ_OK, &err));
}

// edge16: 512 KiB: a half of A's part holds 128 KiB (1024 pixels of 64 channels), of B's and O's 64 KiB each.
static void pins_are_checked_on_both_sides_of_each_limit(void **state) {
    (void)state;
    expect_taken(128, 16, 64);
    expect_refused(127, 16, 64, "m = 127; allowed: multiples of 128");
    expect_refused(64, 16, 64, "m = 64; allowed: multiples of 128");
    expect_refused(128, 24, 64, "n = 24; allowed: multiples of 16");
    expect_refused(128, 16, 96, "k = 96; allowed: multiples of 64");
    expect_taken(1024, 16, 64);
    expect_refused(1152, 16, 64, "A of a block takes 147456 bytes; allowed: 131072 (buffer.kib = 512)");
    expect_taken(128, 128, 256);
    expect_refused(128, 144, 256, "B of a block takes 73728 bytes; allowed: 65536");
    expect_taken(128, 128, 64);
    expect_refused(256, 128, 64, "O of a block takes 131072 bytes; allowed: 65536");
    expect_taken(4096 / 32, 128, 64);
}

static void a_coded_result_needs_whole_chunks(void **state) {
    (void)state;
    sj_random r = sj_random_seed(3);
    sj_test_layer t = sj_test_layer_make(&r, 9, 6);
    sj_accel a = pinned_gemm(128, 16, 64, SJ_ORDER_MN);
    strcpy(a.pins[0].layer, "conv");
    sj_error err = {0};
    sj_job *job = NULL;
    sj_conv_case c = sj_test_layer_case(&t);
    c.result = (sj_plane){&t.dy, t.info.out};
    assert_int_equal(sj_lower_forward(&a, &c, &job, &err), SJ_ERR_RANGE);
    assert_non_null(strstr(err.message, "conv forward: n = 16; allowed: multiples of 64"));
    a.pins[0].n = 64;
    assert_int_equal(sj_lower_forward(&a, &c, &job, &err), SJ_OK);
    sj_job_free(job);
    sj_test_layer_free(&t);
}

// Which operand of a weight gradient is A: im2col(x) has the data of x.
static bool swapped(const sj_accel *a, const sj_test_layer *t, bool dense_gradient, bool dense_input) {
    sj_error err = {0};
    sj_job *job = NULL;
    sj_conv_case c = sj_test_layer_case(t);
    c.result = (sj_plane){NULL, t->info.in};
    c.dense_gradient = dense_gradient;
    c.dense_input = dense_input;
    assert_int_equal(sj_lower_grad_weight(a, &c, &job, &err), SJ_OK);
    const bool is_x = job->a.values.data == t->x.data;
    assert_true(job->nominal_a == ((is_x ? dense_input : dense_gradient) ? 1.0 : 0.5));
    sj_job_free(job);
    return is_x;
}

static void the_order_follows_the_pin_then_the_key_then_the_cost(void **state) {
    (void)state;
    sj_random r = sj_random_seed(5);
    sj_test_layer t = {.info = {.name = "conv", .kind = SJ_KIND_CONV, .input_count = 1, .groups = 1, .kernel_h = 3, .kernel_w = 3, .stride = 1, .padding = 1, .in = {8, 8, 32}, .out = {8, 8, 64}},
                       .batch = 4};
    t.x = sj_test_tensor(&r, 1, 8, 8, 32, 0.5);
    t.dy = sj_test_tensor(&r, 1, 8, 8, 64, 0.5);
    t.w = sj_test_tensor(&r, 64, 3, 3, 32, 1.0);
    sj_accel a = map_accel("edge16");
    assert_true(swapped(&a, &t, true, false));   // x has zeros to skip, dy none
    assert_false(swapped(&a, &t, false, true));  // the reverse
    a.swap = SJ_SWAP_NEVER;
    assert_false(swapped(&a, &t, true, false));
    a.swap = SJ_SWAP_ALWAYS;
    assert_true(swapped(&a, &t, false, true));
    a.pin_count = 1;
    a.pins[0] = (sj_pin){.layer = "*", .phase = SJ_PHASE_GRAD_WEIGHT, .m = 128, .n = 16, .k = 64, .swap = SJ_PIN_SWAP_NO};
    assert_false(swapped(&a, &t, false, true));
    a.swap = SJ_SWAP_NEVER;
    a.pins[0].swap = SJ_PIN_SWAP_YES;
    assert_true(swapped(&a, &t, false, true));
    a.pins[0].swap = SJ_PIN_SWAP_OPEN;
    assert_false(swapped(&a, &t, true, false));
    sj_test_layer_free(&t);
}

static void a_pin_that_nothing_uses_is_an_error(void **state) {
    (void)state;
    static const sj_map_product_name run[] = {{"conv1", SJ_PHASE_FORWARD}, {"conv2", SJ_PHASE_FORWARD}, {"conv2", SJ_PHASE_GRAD_WEIGHT}};
    sj_accel a = pinned_gemm(128, 16, 64, SJ_ORDER_MN);
    sj_error err = {0};
    assert_int_equal(sj_map_check_pins(&a, run, 3, &err), SJ_ERR_CONFIG);
    assert_non_null(strstr(err.message, "mapping.pin.[0]: this run has no product of a layer \"gemm\""));
    strcpy(a.pins[0].layer, "conv3");
    assert_int_equal(sj_map_check_pins(&a, run, 3, &err), SJ_ERR_CONFIG);
    assert_non_null(strstr(err.message, "did you mean \"conv"));
    strcpy(a.pins[0].layer, "conv2");
    assert_int_equal(sj_map_check_pins(&a, run, 3, &err), SJ_OK);
    a.pins[0].phase = SJ_PHASE_GRAD_INPUT;
    assert_int_equal(sj_map_check_pins(&a, run, 3, &err), SJ_ERR_CONFIG);
    assert_non_null(strstr(err.message, "no product of layer \"conv2\" in phase \"grad_input\""));
    strcpy(a.pins[0].layer, "*");
    assert_int_equal(sj_map_check_pins(&a, run, 3, &err), SJ_ERR_CONFIG);
    a.pins[0].phase = SJ_PHASE_GRAD_WEIGHT;
    assert_int_equal(sj_map_check_pins(&a, run, 3, &err), SJ_OK);
    a.pin_count = 0;
    assert_int_equal(sj_map_check_pins(&a, NULL, 0, &err), SJ_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(pins_are_read),
                                       cmocka_unit_test(a_layers_own_pin_comes_before_that_of_all),
                                       cmocka_unit_test(wrong_pins_are_told_with_their_line),
                                       cmocka_unit_test(more_pins_than_allowed_are_refused),
                                       cmocka_unit_test(a_pin_is_what_runs_in_both_orders),
                                       cmocka_unit_test(pins_are_checked_on_both_sides_of_each_limit),
                                       cmocka_unit_test(a_coded_result_needs_whole_chunks),
                                       cmocka_unit_test(the_order_follows_the_pin_then_the_key_then_the_cost),
                                       cmocka_unit_test(a_pin_that_nothing_uses_is_an_error)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
