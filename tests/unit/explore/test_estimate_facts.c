// SPDX-License-Identifier: Apache-2.0
// Facts of a small network and a machine by hand; through run.json and back.
#include "estimate_fixture.h"
#include "sj_estimate_facts.h"
#include "sj_test_folder.h"

#include <jansson.h>
#include <unistd.h>

static double price_sum(const sj_prices *p, const char *name) {
    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
        if (strcmp(sj_counter_table[i].name, name) == 0) {
            return p->pj[i][SJ_TYPICAL];
        }
    }
    fail_msg("no counter %s", name);
    return 0.0;
}

// 6 x 5 x 3 -> conv 3x3 stride 1 padding 1, 8 channels -> bn -> relu -> flatten -> linear to 10.
static sj_layer_info layers[] = {
    {.name = "conv", .kind = SJ_KIND_CONV, .input_count = 1, .inputs = {SJ_INPUT_NETWORK}, .in = {6, 5, 3}, .out = {6, 5, 8}, .kernel_h = 3, .kernel_w = 3, .stride = 1, .padding = 1, .groups = 1},
    {.name = "bn", .kind = SJ_KIND_BN, .input_count = 1, .inputs = {0}, .in = {6, 5, 8}, .out = {6, 5, 8}, .kernel_h = 1, .kernel_w = 1, .stride = 1, .groups = 1, .needs_dx = true},
    {.name = "relu", .kind = SJ_KIND_RELU, .input_count = 1, .inputs = {1}, .in = {6, 5, 8}, .out = {6, 5, 8}, .kernel_h = 1, .kernel_w = 1, .stride = 1, .groups = 1, .needs_dx = true},
    {.name = "flatten", .kind = SJ_KIND_FLATTEN, .input_count = 1, .inputs = {2}, .in = {6, 5, 8}, .out = {1, 1, 240}, .kernel_h = 1, .kernel_w = 1, .stride = 1, .groups = 1, .needs_dx = true},
    {.name = "fc", .kind = SJ_KIND_LINEAR, .input_count = 1, .inputs = {3}, .in = {1, 1, 240}, .out = {1, 1, 10}, .kernel_h = 1, .kernel_w = 1, .stride = 1, .groups = 1, .needs_dx = true, .has_bias = true}};

static void test_by_hand(void **state) {
    const sj_network net = {.name = "small", .layer_count = 5, .layers = layers};
    sj_random r = sj_random_seed(sj_test_seed(15));
    sj_accel a = sj_test_accel(&r);
    sj_prices prices = {0};
    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
        prices.pj[i][SJ_TYPICAL] = sj_random_unit(&r);
    }
    a.dram = sj_dram_find("ddr4-3200-4x16");
    const sj_run_facts f = sj_run_facts_of(&net, &a, (const sj_prices *const[]){NULL, NULL, &prices});
    const double conv = 6 * 5 * 8 * 9 * 3, linear = 2400.0;
    assert_true(f.known && f.forward_macs == conv + linear && f.grad_weight_macs == conv + linear && f.grad_input_macs == linear);
    assert_true(f.parameters == 8 * 27 + 16 + 2410 && f.activations == 3 * 240 + 240 + 10 && f.image_h == 6 && f.image_w == 5 && f.image_c == 3);
    assert_true(f.slots == a.slots && f.vector_lanes == a.vector_lanes && f.buffer_kib == a.buffer_kib && f.value_bytes == 2 && f.codec == a.codec);
    assert_string_equal(f.dram, "ddr4-3200-4x16");
    assert_true(f.dram_gib == 4.0 && fabs(f.dram_bytes_per_s / 25.6e9 - 1.0) < 1e-12);
    assert_true(isnan(f.idle_w[SJ_MACHINE_DENSE]) && isnan(f.peak_w[SJ_MACHINE_GATE]));
    // at 500 MHz 1 pJ a cycle is 0.5 mW; a refresh each 7.8 us is one in 3900 cycles; 25.6 GB/s are 0.8 bursts a cycle
    const double idle = 0.5e-3 * (price_sum(&prices, "leakage") + price_sum(&prices, "clock") + price_sum(&prices, "dram.background") + price_sum(&prices, "dram.refresh") / 3900.0);
    const double busy = 0.5e-3 * ((double)(a.rows * a.lanes) * price_sum(&prices, "mac.active") + (double)a.rows * (price_sum(&prices, "a_pad.read") + price_sum(&prices, "b_pad.read")) + 0.8 * price_sum(&prices, "dram.read"));
    assert_true(fabs(f.idle_w[SJ_MACHINE_SKIP] / idle - 1.0) < 1e-12 && fabs(f.peak_w[SJ_MACHINE_SKIP] / (idle + busy) - 1.0) < 1e-12);
    (void)state;
}

static double some_pj(const fixture_training *t, int machine, int e) { return (double)t->batch + machine + e / 3.0; }

static sj_status reread(const sj_whole_run *w, sj_whole_run *back) {
    FILE *f = fopen("run.json", "w");
    assert_non_null(f);
    assert_int_equal(sj_whole_run_write_json(f, w, &err), SJ_OK);
    fclose(f);
    return sj_whole_run_read("run.json", back, &err);
}

static void test_through_run_json(void **state) {
    const fixture_training t = {.network = 1, .method = "plain", .batch = 32, .iterations = 4, .macs = 1e6 / 3.0, .parameters = 77.0, .f1 = 0.5, .epochs = 3, .seed = 1};
    char folder[SJ_TEST_FOLDER_MAX];
    sj_whole_run w = fixture_run(&t, 1, some_pj, fixture_cycles), back;
    assert_true(sj_test_enter_folder(folder));
    w.state_count = w.variants[0].state_count = 1;
    w.states = calloc(1, sizeof *w.states);
    w.variants[0].states = calloc(1, sizeof *w.variants[0].states);
    assert_true(w.states != NULL && w.variants[0].states != NULL);
    strcpy(w.states[0].name, "plain");
    fixture_fill_sums(&w.variants[0]);
    w.facts.idle_w[SJ_MACHINE_DENSE] = 1.0 / 7.0;
    w.facts.idle_w[SJ_MACHINE_GATE] = w.facts.peak_w[SJ_MACHINE_GATE] = (double)NAN;
    assert_int_equal(reread(&w, &back), SJ_OK);
    const sj_run_facts *a = &w.facts, *b = &back.facts;
    assert_true(b->known && a->forward_macs == b->forward_macs && a->grad_input_macs == b->grad_input_macs && a->grad_weight_macs == b->grad_weight_macs && a->parameters == b->parameters && a->activations == b->activations);
    assert_true(a->image_h == b->image_h && a->image_w == b->image_w && a->image_c == b->image_c && a->slots == b->slots && a->vector_lanes == b->vector_lanes && a->buffer_kib == b->buffer_kib);
    assert_true(a->value_bytes == b->value_bytes && a->codec == b->codec && a->dram_bytes_per_s == b->dram_bytes_per_s && a->dram_gib == b->dram_gib);
    assert_string_equal(a->dram, b->dram);
    assert_true(a->idle_w[0] == b->idle_w[0] && isnan(b->idle_w[1]) && a->idle_w[2] == b->idle_w[2] && a->peak_w[0] == b->peak_w[0] && isnan(b->peak_w[1]));
    sj_whole_run_free(&back);
    json_t *root = json_load_file("run.json", 0, NULL);  // a file of before one of them
    assert_int_equal(json_object_del(json_object_get(root, "facts"), "activations") + json_dump_file(root, "run.json", JSON_REAL_PRECISION(17)), 0);
    json_decref(root);
    assert_int_equal(sj_whole_run_read("run.json", &back, &err), SJ_OK);
    assert_false(back.facts.known);
    sj_whole_run_free(&back);
    w.facts.known = false;  // of before all
    assert_int_equal(reread(&w, &back), SJ_OK);
    assert_false(back.facts.known);
    sj_whole_run_free(&back);
    sj_whole_run_free(&w);
    assert_true(sj_test_leave_folder(folder));
    (void)state;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_hand), cmocka_unit_test(test_through_run_json)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
