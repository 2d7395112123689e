// SPDX-License-Identifier: Apache-2.0
// What a penalty adds to a training step, by hand: docs/lowering.md, "Penalties". EAT is 6 operations a value forward and 9 backward, L1 2 and 2; EAT on a ReLU or maximum behind another bearer 2 forward, 1 or 2 backward.
#include <limits.h>

#include "made_trace.h"

#define PLAIN 1, 1, 1, 0, 1
#define WINDOW 3, 3, 1, 1, 1
enum { BATCH = 3 };
#define ALL UINT_MAX

static sj_accel accel;
static sj_lowering *lowering;
static sj_trace *trace;

static void start(const sj_layer_info *layers, int count, sj_penalty_kind penalty, unsigned bearers, bool input_bears) {
    const sj_network net = {"little", count, (sj_layer_info *)(uintptr_t)layers};
    unsigned modules = 0;
    for (int i = 0; i < count; i++) {
        modules |= (sj_kind_is_module(layers[i].kind) ? 1U : 0U) << i;
    }
    accel = made_accel(SJ_DTYPE_BF16);
    trace = made_trace(&net, &(made_options){.seed = 1, .penalty = penalty, .bearers = bearers & modules, .input_bears = input_bears});
    made_ok(sj_lowering_open(trace, 0, &accel, &(sj_lower_options){.batch = BATCH, .fuse = true}, &lowering, &err));
}

static void stop(void) {
    sj_lowering_close(lowering);
    sj_trace_close(trace);
}

// The jobs of a layer in a phase; 0: there is no such unit.
static int jobs_of(int layer, sj_phase phase, sj_job *const **jobs) {
    for (int u = 0; u < sj_lowering_unit_count(lowering); u++) {
        const sj_unit *unit = sj_lowering_unit(lowering, u);
        if (unit->layer_index == layer && unit->phase == phase) {
            int count = 0;
            sj_densities ignored;
            made_ok(sj_lowering_jobs(lowering, u, jobs, &count, &ignored, &err));
            return count;
        }
    }
    return 0;
}

static int64_t out_ops(int layer) {
    sj_job *const *jobs = NULL;
    assert_int_equal(jobs_of(layer, SJ_PHASE_FORWARD, &jobs), 1);
    return jobs[0]->out_ops;
}

// The nth of `count` passes of a layer.
static void expect_pass(int layer, int nth, int count, int64_t loaded, int64_t stored, int64_t ops) {
    sj_job *const *jobs = NULL;
    assert_int_equal(jobs_of(layer, SJ_PHASE_ELEMENTWISE, &jobs), count);
    const made_traffic t = made_traffic_of(jobs[nth]);
    assert_false(jobs[nth]->is_product);
    assert_int_equal(t.loaded, loaded);
    assert_int_equal(t.stored, stored);
    assert_int_equal(jobs[nth]->vector_ops, ops);
}

static void expect_no_pass(int layer) {
    sj_job *const *jobs = NULL;
    assert_int_equal(jobs_of(layer, SJ_PHASE_ELEMENTWISE, &jobs), 0);
}

// ---- conv (bn, relu, pool behind it), linear, the input

enum { CONV, BN, RELU, POOL, FLATTEN, LINEAR, LOSS, NORMALISED };

static const sj_layer_info normalised[NORMALISED] = {
    {"conv", SJ_KIND_CONV, 1, {-1}, {6, 6, 4}, {6, 6, 8}, WINDOW, false, false},
    {"bn", SJ_KIND_BN, 1, {CONV}, {6, 6, 8}, {6, 6, 8}, PLAIN, true, false},
    {"relu", SJ_KIND_RELU, 1, {BN}, {6, 6, 8}, {6, 6, 8}, PLAIN, true, false},
    {"pool", SJ_KIND_MAXPOOL, 1, {RELU}, {6, 6, 8}, {3, 3, 8}, 2, 2, 2, 0, 1, true, false},
    {"flatten", SJ_KIND_FLATTEN, 1, {POOL}, {3, 3, 8}, {1, 1, 72}, PLAIN, true, false},
    {"linear", SJ_KIND_LINEAR, 1, {FLATTEN}, {1, 1, 72}, {1, 1, 3}, PLAIN, true, true},
    {"loss", SJ_KIND_SOFTMAX_CE, 1, {LINEAR}, {1, 1, 3}, {1, 1, 3}, PLAIN, true, false},
};

static const int64_t in = BATCH * 6 * 6 * 4, big = BATCH * 6 * 6 * 8, pooled = BATCH * 3 * 3 * 8, logits = BATCH * 3;

// Which of them bear a penalty, as numbers to multiply with; f and b: operations a value. `shared`: of a ReLU or maximum right behind a bearer.
static void expect_normalised(int64_t f, int64_t b, bool shared, int64_t conv, int64_t bn, int64_t relu, int64_t pool, int64_t linear) {
    const bool relu_shares = shared && bn > 0, pool_shares = shared && relu > 0;
    const int64_t value = bn * f * big + relu * (relu_shares ? 2 : f) * big + pool * (pool_shares ? 2 : f) * pooled;
    const int64_t slope = bn * b * big + relu * (relu_shares ? 1 : b) * big + pool * (pool_shares ? 2 : b) * pooled;
    const int64_t again = relu + pool > 0 ? 3 * big : bn * 2 * big;  // bn, and relu where it or what is behind it bears
    const bool keeps = bn + relu + pool > 0;
    assert_int_equal(out_ops(CONV), 3 + conv * f);
    expect_pass(BN, 0, 3, 2 * big, 2 * pooled + pooled, 3 * big + 4 * pooled + value);
    expect_pass(BN, 1, 3, 2 * pooled + pooled + 2 * big, keeps ? 2 * big : 0, (5 + 1 + 1) * big + slope + again);
    expect_pass(BN, 2, 3, (keeps ? 2 * big : 2 * pooled + pooled) + 2 * big, 2 * big, 4 * big + (keeps ? 0 : 2 * big) + conv * b * big);
    assert_int_equal(out_ops(LINEAR), linear * f);
    expect_pass(LOSS, 0, 1, 2 * logits, 2 * logits, 5 * logits + linear * b * logits);
    expect_no_pass(LINEAR);
}

static void behind_a_batch_norm_nothing_more_is_read(void **state) {
    start(normalised, NORMALISED, SJ_PENALTY_NONE, 0, false);
    const int units = sj_lowering_unit_count(lowering);
    expect_normalised(0, 0, false, 0, 0, 0, 0, 0);
    stop();
    start(normalised, NORMALISED, SJ_PENALTY_EAT, ALL, false);
    expect_normalised(6, 9, true, 1, 1, 1, 1, 1);
    assert_int_equal(sj_lowering_unit_count(lowering), units);
    stop();
    start(normalised, NORMALISED, SJ_PENALTY_L1, ALL, false);
    expect_normalised(2, 2, false, 1, 1, 1, 1, 1);
    stop();
}

static void each_layer_of_a_chain_counts_its_own_output(void **state) {
    for (unsigned b = 0; b < 32; b++) {  // every choice of conv, bn, relu, pool and linear
        start(normalised, NORMALISED, SJ_PENALTY_EAT, (b & 15) | (b >> 4) << LINEAR, false);
        expect_normalised(6, 9, true, b & 1, b >> 1 & 1, b >> 2 & 1, b >> 3 & 1, b >> 4);
        stop();
    }
}

static void the_inputs_value_is_a_pass_of_its_own(void **state) {
    start(normalised, NORMALISED, SJ_PENALTY_EAT, 0, true);
    expect_normalised(0, 0, false, 0, 0, 0, 0, 0);
    expect_pass(CONV, 0, 1, 2 * in, 0, 6 * in);
    stop();
    start(normalised, NORMALISED, SJ_PENALTY_L1, 0, true);
    expect_pass(CONV, 0, 1, 2 * in, 0, 2 * in);
    stop();
}

// ---- without a batch norm: what the backward pass lacks, it reads

enum { CONV_A, RELU_A, POOL_A, CONV_B, FLATTEN_A, LINEAR_A, LINEAR_B, LOSS_A, BARE };

static const sj_layer_info bare[BARE] = {
    {"conv_a", SJ_KIND_CONV, 1, {-1}, {6, 6, 4}, {6, 6, 8}, WINDOW, false, false},
    {"relu", SJ_KIND_RELU, 1, {CONV_A}, {6, 6, 8}, {6, 6, 8}, PLAIN, true, false},
    {"pool", SJ_KIND_MAXPOOL, 1, {RELU_A}, {6, 6, 8}, {3, 3, 8}, 2, 2, 2, 0, 1, true, false},
    {"conv_b", SJ_KIND_CONV, 1, {POOL_A}, {3, 3, 8}, {3, 3, 8}, 3, 3, 1, 1, 4, true, false},
    {"flatten", SJ_KIND_FLATTEN, 1, {CONV_B}, {3, 3, 8}, {1, 1, 72}, PLAIN, true, false},
    {"linear_a", SJ_KIND_LINEAR, 1, {FLATTEN_A}, {1, 1, 72}, {1, 1, 5}, PLAIN, true, true},
    {"linear_b", SJ_KIND_LINEAR, 1, {LINEAR_A}, {1, 1, 5}, {1, 1, 3}, PLAIN, true, true},
    {"loss", SJ_KIND_SOFTMAX_CE, 1, {LINEAR_B}, {1, 1, 3}, {1, 1, 3}, PLAIN, true, false},
};

static void expect_bare(int64_t conv, int64_t relu, int64_t pool) {
    const int64_t pool_value = relu > 0 ? 2 : 6, pool_slope = relu > 0 ? 2 : 9;
    const int64_t value = relu * 6 * big + pool * pool_value * pooled, slope = 9 * (conv * big + relu * big) + pool * pool_slope * pooled, again = relu * big;
    const int64_t x = conv + relu > 0 ? 2 * big : 0;
    assert_int_equal(out_ops(CONV_A), conv * 6);
    expect_pass(RELU_A, 0, 2, 2 * big, 2 * pooled + pooled, big + 4 * pooled + value);
    expect_pass(RELU_A, 1, 2, 2 * pooled + pooled + 2 * pooled + x, 2 * big, (1 + 1) * big + slope + again);
}

static void a_mask_needs_the_output_and_a_slope_may_need_the_input(void **state) {
    for (unsigned bearers = 0; bearers < 8; bearers++) {
        start(bare, BARE, SJ_PENALTY_EAT, bearers, false);
        expect_bare(bearers & 1, bearers >> 1 & 1, bearers >> 2 & 1);
        stop();
    }
}

static void where_a_product_writes_the_gradient_a_pass_adds_the_slope(void **state) {
    const int64_t hidden = BATCH * 5;
    start(bare, BARE, SJ_PENALTY_NONE, 0, false);
    expect_no_pass(CONV_B);
    expect_no_pass(LINEAR_A);
    stop();
    start(bare, BARE, SJ_PENALTY_EAT, ALL, true);
    assert_int_equal(out_ops(CONV_B), 6);  // groups or not
    expect_pass(CONV_A, 0, 1, 2 * in, 0, 6 * in);
    expect_pass(CONV_B, 0, 1, 2 * pooled + 2 * pooled, 2 * pooled, 9 * pooled);
    expect_pass(LINEAR_A, 0, 1, 2 * hidden + 2 * hidden, 2 * hidden, 9 * hidden);
    expect_pass(LOSS_A, 0, 1, 2 * logits, 2 * logits, (5 + 9) * logits);
    expect_no_pass(FLATTEN_A);
    stop();
}

// ---- a residual block: fork, add, a pool by itself

enum { CONV_C, FORK, CONV_D, BN_D, ADD, RELU_D, MEAN, LINEAR_D, LOSS_D, RESIDUAL };

static const sj_layer_info residual[RESIDUAL] = {
    {"conv_c", SJ_KIND_CONV, 1, {-1}, {6, 6, 4}, {6, 6, 8}, WINDOW, false, false},
    {"fork", SJ_KIND_FORK, 1, {CONV_C}, {6, 6, 8}, {6, 6, 8}, PLAIN, true, false},
    {"conv_d", SJ_KIND_CONV, 1, {FORK}, {6, 6, 8}, {6, 6, 8}, WINDOW, true, false},
    {"bn", SJ_KIND_BN, 1, {CONV_D}, {6, 6, 8}, {6, 6, 8}, PLAIN, true, false},
    {"add", SJ_KIND_ADD, 2, {BN_D, FORK}, {6, 6, 8}, {6, 6, 8}, PLAIN, true, false},
    {"relu", SJ_KIND_RELU, 1, {ADD}, {6, 6, 8}, {6, 6, 8}, PLAIN, true, false},
    {"mean", SJ_KIND_AVGPOOL, 1, {RELU_D}, {6, 6, 8}, {1, 1, 8}, 6, 6, 6, 0, 1, true, false},
    {"linear", SJ_KIND_LINEAR, 1, {MEAN}, {1, 1, 8}, {1, 1, 3}, PLAIN, true, true},
    {"loss", SJ_KIND_SOFTMAX_CE, 1, {LINEAR_D}, {1, 1, 3}, {1, 1, 3}, PLAIN, true, false},
};

static void expect_residual(int64_t on) {
    const int64_t f = 6 * on, b = 9 * on, means = BATCH * 8;
    assert_int_equal(out_ops(CONV_C), f);
    expect_pass(FORK, 0, 1, 2 * 2 * big + on * 2 * big, 2 * big, big + b * big);
    assert_int_equal(out_ops(CONV_D), 3 + f);
    expect_pass(BN_D, 0, 3, 2 * big, 2 * big, (2 + f) * big);
    expect_pass(BN_D, 1, 3, 4 * big, on * 2 * big, (5 + b + on * 2) * big);
    expect_pass(BN_D, 2, 3, 4 * big, 2 * big, (4 + b) * big);
    expect_pass(ADD, 0, 2, 4 * big, 2 * big, (1 + 1 + f) * big);  // a sum is no module, its relu is
    expect_pass(ADD, 1, 2, 4 * big, 2 * big, (1 + b) * big);
    expect_pass(MEAN, 0, 2, 2 * big, 2 * means, 36 * means + f * means);
    expect_pass(MEAN, 1, 2, 2 * means + on * 2 * means, 2 * big, big + b * means);
}

static void forks_sums_and_pools(void **state) {
    start(residual, RESIDUAL, SJ_PENALTY_NONE, 0, false);
    expect_residual(0);
    stop();
    start(residual, RESIDUAL, SJ_PENALTY_EAT, ALL, false);
    expect_residual(1);
    expect_no_pass(CONV_C);
    stop();
}

// ---- other readers of the input

static void a_batch_norm_on_the_input_has_it_at_hand(void **state) {
    static const sj_layer_info layers[] = {
        {"bn", SJ_KIND_BN, 1, {-1}, {6, 6, 4}, {6, 6, 4}, PLAIN, false, false},
        {"flatten", SJ_KIND_FLATTEN, 1, {0}, {6, 6, 4}, {1, 1, 144}, PLAIN, true, false},
        {"linear", SJ_KIND_LINEAR, 1, {1}, {1, 1, 144}, {1, 1, 3}, PLAIN, true, true},
        {"loss", SJ_KIND_SOFTMAX_CE, 1, {2}, {1, 1, 3}, {1, 1, 3}, PLAIN, true, false},
    };
    start(layers, 4, SJ_PENALTY_EAT, ALL, true);
    expect_pass(0, 0, 2, 2 * in, 2 * in, (2 + 6 + 6) * in);
    expect_pass(0, 1, 2, 4 * in, 0, (5 + 2 + 9) * in);  // gamma and beta want it; nobody wants dx
    stop();
}

static void a_flatten_is_a_unit_for_the_inputs_sake_alone(void **state) {
    static const sj_layer_info layers[] = {
        {"flatten", SJ_KIND_FLATTEN, 1, {-1}, {6, 6, 4}, {1, 1, 144}, PLAIN, false, false},
        {"linear", SJ_KIND_LINEAR, 1, {0}, {1, 1, 144}, {1, 1, 3}, PLAIN, false, true},
        {"loss", SJ_KIND_SOFTMAX_CE, 1, {1}, {1, 1, 3}, {1, 1, 3}, PLAIN, true, false},
    };
    start(layers, 3, SJ_PENALTY_EAT, ALL, false);
    expect_no_pass(0);
    stop();
    start(layers, 3, SJ_PENALTY_EAT, ALL, true);
    expect_pass(0, 0, 1, 2 * in, 0, 6 * in);
    stop();
}

// A residual network's first layer: the input forks.
static void a_fork_of_the_input_has_a_pass_for_its_term(void **state) {
    static const sj_layer_info layers[] = {
        {"fork", SJ_KIND_FORK, 1, {-1}, {6, 6, 4}, {6, 6, 4}, PLAIN, false, false},
        {"conv", SJ_KIND_CONV, 1, {0}, {6, 6, 4}, {6, 6, 4}, WINDOW, false, false},
        {"add", SJ_KIND_ADD, 2, {1, 0}, {6, 6, 4}, {6, 6, 4}, PLAIN, true, false},
        {"flatten", SJ_KIND_FLATTEN, 1, {2}, {6, 6, 4}, {1, 1, 144}, PLAIN, true, false},
        {"linear", SJ_KIND_LINEAR, 1, {3}, {1, 1, 144}, {1, 1, 3}, PLAIN, true, true},
        {"loss", SJ_KIND_SOFTMAX_CE, 1, {4}, {1, 1, 3}, {1, 1, 3}, PLAIN, true, false},
    };
    start(layers, 6, SJ_PENALTY_EAT, 0, true);
    expect_pass(0, 0, 1, 2 * in, 0, 6 * in);
    stop();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(behind_a_batch_norm_nothing_more_is_read),
        IN_FOLDER(each_layer_of_a_chain_counts_its_own_output),
        IN_FOLDER(the_inputs_value_is_a_pass_of_its_own),
        IN_FOLDER(a_mask_needs_the_output_and_a_slope_may_need_the_input),
        IN_FOLDER(where_a_product_writes_the_gradient_a_pass_adds_the_slope),
        IN_FOLDER(forks_sums_and_pools),
        IN_FOLDER(a_batch_norm_on_the_input_has_it_at_hand),
        IN_FOLDER(a_fork_of_the_input_has_a_pass_for_its_term),
        IN_FOLDER(a_flatten_is_a_unit_for_the_inputs_sake_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
