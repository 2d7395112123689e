// SPDX-License-Identifier: Apache-2.0
// Classes of iterations: what ssProp keeps, what GradSamp skips, what a trace leaves uncovered; and which steps are chosen of many.
#include "whole_run_fixture.h"

// Gradients follow the kept fraction, and densities.
static uint64_t kept_count(const void *context, int u, int v, int i, double x, double dy, double out, double kept) {
    (void)context, (void)v, (void)out;
    const double work = made_phases[u] == SJ_PHASE_GRAD_WEIGHT ? kept : 1.0;
    return (uint64_t)(1e10 * work * (1.0 + 0.01 * i) * (made_phases[u] == SJ_PHASE_UPDATE ? 1.0 : 1.0 + 0.5 * x + (made_phases[u] == SJ_PHASE_FORWARD ? 0.0 : 0.3 * dy)));
}

static void set_state(made_run *m, int64_t row, double kept, const char *state) {
    for (int i = 0; i < LAYERS; i += 2) {
        m->ledger.kept_fraction[row * LAYERS + i] = (float)kept;
    }
    snprintf(m->ledger.method_state[row], sizeof m->ledger.method_state[row], "%s", state);
}

static made_run *interleaved(sj_random *r) {
    made_run *m = made_rows(r, 160, 20);
    for (int64_t row = 0; row < 160; row++) {
        const bool sparse = m->ledger.epoch[row] % 2 == 1;
        set_state(m, row, sparse ? 0.25 : 1.0, sparse ? "ssprop keep=0.25" : "ssprop keep=1");
    }
    return m;
}

static void each_kept_fraction_is_a_class(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(170317));
    made_run *m = interleaved(&r);
    sj_whole_run w;
    for (int64_t row = 1; row < 160; row += 9) {
        made_step(m, &r, row, 0.05);
    }
    made_finish(m, &r, kept_count, NULL, 0.0, &w);
    assert_is_truth(m, &w, 1e-6);
    assert_int_equal(w.state_count, 2);
    assert_string_equal(w.states[0].name, "ssprop keep=1");
    assert_int_equal(w.states[1].iterations, 80);
    assert_true(w.states[0].traced + w.states[1].traced == m->step_count);
    assert_true(w.variants[0].states[1].phase_pj[SJ_PHASE_GRAD_WEIGHT] < 0.3 * w.variants[0].states[0].phase_pj[SJ_PHASE_GRAD_WEIGHT]);
    assert_true(fabs(w.epochs[1].kept_fraction - 0.25) < 1e-6 && w.epochs[1].state == 1);
    sj_whole_run_free(&w);
    made_free(m);
}

// A conv whose channels are dropped and a linear layer that stays whole: the mean kept fraction is not that of the MACs.
static void backward_macs_are_by_layer(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(170317));
    made_run *m = interleaved(&r);
    sj_whole_run w;
    m->net.layers[0].in = (sj_dims){4, 5, 3};
    m->net.layers[0].out = (sj_dims){4, 5, 8};
    m->net.layers[0].kernel_h = m->net.layers[0].kernel_w = 3;
    m->net.layers[0].groups = 1;
    m->net.layers[2].kind = SJ_KIND_LINEAR;
    m->net.layers[2].in = (sj_dims){1, 1, 160};
    m->net.layers[2].out = (sj_dims){1, 1, 10};
    for (int64_t row = 0; row < 160; row++) {
        m->ledger.kept_fraction[row * LAYERS + 2] = 1.0f;
    }
    m->ledger.kept_fraction[21 * LAYERS] = 0.5f;  // one iteration of epoch 1
    for (int64_t row = 1; row < 160; row += 5) {
        made_step(m, &r, row, 0.05);
    }
    made_finish(m, &r, kept_count, NULL, 0.0, &w);
    const double conv = 4 * 5 * 8 * 9 * 3, linear = 2 * 1600.0;  // conv1 needs no dx
    assert_true(fabs(w.epochs[0].backward_macs - (conv + linear)) < 1e-6);
    assert_true(fabs(w.epochs[1].backward_macs - ((19.0 * 0.25 + 0.5) / 20.0 * conv + linear)) < 1e-6);
    assert_true(fabs(w.epochs[3].backward_macs - (0.25 * conv + linear)) < 1e-6 && fabs(w.epochs[3].kept_fraction - 0.625) < 1e-6);
    sj_whole_run_free(&w);
    made_free(m);
}

static void expect_uncovered(const made_run *m, const char *state, const char *epoch) {
    sj_run_fit *fit;
    const sj_run_fit_options o = made_options(m);
    assert_int_equal(sj_run_fit_create(&o, &fit, &err), SJ_ERR_RANGE);
    assert_null(fit);
    const char *const words[] = {"made.h5", state, epoch, "trace.spread", "trace.epochs"};
    for (int i = 0; i < 5; i++) {
        if (strstr(err.message, words[i]) == NULL) {
            fail_msg("\"%s\" does not say %s", err.message, words[i]);
        }
    }
}

static void a_class_without_a_step_is_named(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(170317));
    made_run *m = interleaved(&r);
    for (int64_t row = 0; row < 160; row += 40) {
        made_step(m, &r, row, 0.0);  // dense ones
    }
    expect_uncovered(m, "\"ssprop keep=0.25\"", "epoch 1 ");
    m->step_count = 0;
    made_step(m, &r, 30, 0.0);  // a sparse one
    expect_uncovered(m, "\"ssprop keep=1\"", "epoch 0 ");
    for (int64_t row = 0; row < 160; row++) {  // words that no step has
        set_state(m, row, 0.25, row < 100 ? "ssprop keep=0.25" : "eat lambda=1 sigma=0.1 ssprop keep=0.25");
    }
    strcpy(m->steps[0].method_state, m->ledger.method_state[30]);
    expect_uncovered(m, "\"eat lambda=1 sigma=0.1 ssprop keep=0.25\"", "epoch 5 ");
    made_free(m);
}

// A schedule that moves: between two kept fractions the energies of both, which is exact where work is linear in it.
static void kept_fractions_between_are_blended(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(170317));
    made_run *m = made_rows(&r, 210, 10);
    sj_whole_run w;
    for (int64_t row = 0; row < 210; row++) {
        char text[64];
        const double kept = 1.0 - 0.04 * (double)(row / 10);
        snprintf(text, sizeof text, "ssprop keep=%g", kept);
        set_state(m, row, kept, text);
        for (int i = 0; i < LAYERS; i++) {
            m->ledger.x_density[row * LAYERS + i] = m->ledger.dy_density[row * LAYERS + i] = 0.5f;
        }
    }
    for (int64_t row = 5; row < 210; row += 50) {
        made_step(m, &r, row, 0.0);
    }
    made_finish(m, &r, kept_count, NULL, 0.0, &w);
    assert_is_truth(m, &w, 1e-5);
    assert_int_equal(w.state_count, 1);  // 21 values of keep are told as one range
    assert_string_equal(w.states[0].name, "ssprop keep=0.2..1");
    sj_whole_run_free(&w);
    m->step_count = 0;
    made_step(m, &r, 5, 0.0);
    made_step(m, &r, 105, 0.0);  // keep 0.6
    expect_uncovered(m, "\"ssprop keep=0.52\"", "epoch 12 ");  // 0.56 is near enough
    made_free(m);
}

static made_run *with_skips(sj_random *r) {
    made_run *m = made_rows(r, 100, 20);
    for (int64_t row = 0; row < 100; row++) {
        const bool skipped = row == 40 || row == 80;  // each an epoch of one row
        m->ledger.epoch[row] = row < 40 ? row / 20 : row == 40 ? 2 : row < 80 ? 3 : row == 80 ? 4 : 5;
        m->ledger.skipped[row] = skipped;
        set_state(m, row, 1.0, skipped ? "gradsamp skipped" : "gradsamp");
        for (int i = 0; skipped && i < LAYERS; i++) {
            m->ledger.x_density[row * LAYERS + i] = m->ledger.dy_density[row * LAYERS + i] = m->ledger.kept_fraction[row * LAYERS + i] = NAN;
        }
    }
    return m;
}

static void skipped_epochs_take_an_update(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(170317));
    for (int traced = 0; traced < 2; traced++) {
        made_run *m = with_skips(&r);
        sj_whole_run w;
        for (int64_t row = 2; row < 100; row += 9) {
            made_step(m, &r, row, 0.03);
        }
        assert_true(sj_run_needs_skipped(&m->ledger, m->steps, m->step_count));
        sj_run_fit *fit;
        const sj_run_fit_options o = made_options(m);
        assert_int_equal(sj_run_fit_create(&o, &fit, &err), SJ_ERR_RANGE);
        assert_non_null(strstr(err.message, "gradsamp skipped"));
        if (traced) {
            made_step(m, &r, 80, 0.0);
        } else {  // one that stands for them
            m->steps[m->step_count++] = (sj_step_info){.mode = SJ_MODE_TRAIN, .epoch = -1, .iteration = -1, .method_state = "gradsamp skipped"};
        }
        assert_false(sj_run_needs_skipped(&m->ledger, m->steps, m->step_count));
        made_finish(m, &r, kept_count, NULL, 0.0, &w);
        assert_is_truth(m, &w, 1e-6);
        assert_int_equal(w.epoch_count, 6);
        assert_true(w.epochs[2].skipped && w.epochs[2].iterations == 1 && isnan(w.epochs[2].loss) && w.epochs[2].traced == 0 && w.epochs[4].traced == traced);
        assert_true(w.variants[0].epochs[2].energy_pj > 0.0 && w.variants[0].epochs[2].energy_pj == w.variants[0].epochs[2].phase_pj[SJ_PHASE_UPDATE]);
        assert_int_equal(w.traced_steps, 11 + traced);
        sj_whole_run_free(&w);
        made_free(m);
    }
}

static void a_step_without_a_row_is_refused(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(170317));
    made_run *m = made_rows(&r, 50, 10);
    sj_run_fit *fit;
    made_step(m, &r, 20, 0.0);
    const sj_run_fit_options o = made_options(m);
    m->steps[0].iteration = 50;
    assert_int_equal(sj_run_fit_create(&o, &fit, &err), SJ_ERR_FORMAT);
    assert_non_null(strstr(err.message, "step 0"));
    m->steps[0].iteration = 20;
    m->ledger.iteration[35] = 34;
    assert_int_equal(sj_run_fit_create(&o, &fit, &err), SJ_ERR_FORMAT);
    assert_non_null(strstr(err.message, "row 35"));
    m->ledger.iteration[35] = 35;
    m->ledger.rows = 0;
    assert_int_equal(sj_run_fit_create(&o, &fit, &err), SJ_ERR_FORMAT);
    assert_non_null(strstr(err.message, "no ledger"));
    made_free(m);
}

static void lambdas_of_a_warm_up_are_one_state(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(170317));
    made_run *m = made_rows(&r, 60, 10);
    sj_whole_run w;
    for (int64_t row = 0; row < 60; row++) {
        snprintf(m->ledger.method_state[row], sizeof m->ledger.method_state[row], "eat lambda=%g sigma=0.01", fmin((double)row / 20.0, 2.5));
    }
    made_step(m, &r, 1, 0.0);
    made_step(m, &r, 50, 0.0);
    made_finish(m, &r, kept_count, NULL, 0.0, &w);
    assert_int_equal(w.state_count, 1);
    assert_string_equal(w.states[0].name, "eat lambda=0..2.5 sigma=0.01");
    assert_int_equal(w.states[0].iterations, 60);
    sj_whole_run_free(&w);
    made_free(m);
}

static void steps_are_chosen_evenly(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(170317));
    made_run *m = interleaved(&r);
    for (int64_t row = 0; row < 160; row++) {
        made_step(m, &r, row, 0.0);
    }
    bool keep[STEPS_MAX];
    for (int wanted = 4; wanted <= 160; wanted += wanted < 140 ? 1 + wanted / 10 : 1) {
        OK(sj_run_fit_choose(&m->ledger, m->steps, m->step_count, wanted, keep, &err));
        int of[2] = {0, 0}, half[2] = {0, 0};
        for (int s = 0; s < m->step_count; s++) {
            of[s / 20 % 2] += keep[s];
            half[s / 80] += keep[s];
        }
        assert_int_equal(of[0] + of[1], wanted);
        assert_true(abs(of[0] - of[1]) <= 1);
        assert_true(abs(half[0] - half[1]) <= 2);
        assert_true(keep[0] && keep[159]);
    }
    assert_int_equal(sj_run_fit_choose(&m->ledger, m->steps, m->step_count, 3, keep, &err), SJ_ERR_RANGE);
    assert_non_null(strstr(err.message, "4 in all"));
    assert_int_equal(sj_run_fit_choose(&m->ledger, m->steps, m->step_count, 161, keep, &err), SJ_ERR_RANGE);
    assert_non_null(strstr(err.message, "161 steps are more than were traced, 160"));
    made_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kept_fraction_is_a_class),
        cmocka_unit_test(backward_macs_are_by_layer),
        cmocka_unit_test(a_class_without_a_step_is_named),
        cmocka_unit_test(kept_fractions_between_are_blended),
        cmocka_unit_test(skipped_epochs_take_an_update),
        cmocka_unit_test(a_step_without_a_row_is_refused),
        cmocka_unit_test(lambdas_of_a_warm_up_are_one_state),
        cmocka_unit_test(steps_are_chosen_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
