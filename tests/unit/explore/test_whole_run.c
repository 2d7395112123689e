// SPDX-License-Identifier: Apache-2.0
// What is integrated exactly: energies that are linear in the densities, constant ones, runs whose every iteration was simulated; and how far off noise makes the rest.
#include "whole_run_fixture.h"

typedef struct line {
    double base[UNITS][VARIANTS][SJ_COUNTER_COUNT], x[UNITS][VARIANTS][SJ_COUNTER_COUNT], dy[UNITS][VARIANTS][SJ_COUNTER_COUNT], out[UNITS][VARIANTS][SJ_COUNTER_COUNT];
} line;

static line random_line(sj_random *r, bool constant) {
    line l;
    for (int u = 0; u < UNITS; u++) {
        for (int v = 0; v < VARIANTS; v++) {
            for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
                const bool flat = constant || made_phases[u] == SJ_PHASE_UPDATE;
                l.base[u][v][i] = 1e10 * (0.5 + sj_random_unit(r));
                l.x[u][v][i] = flat ? 0.0 : 1e10 * (sj_random_unit(r) - 0.2);
                l.dy[u][v][i] = flat || made_phases[u] == SJ_PHASE_FORWARD ? 0.0 : 1e10 * (sj_random_unit(r) - 0.2);
                l.out[u][v][i] = flat || made_phases[u] != SJ_PHASE_ELEMENTWISE ? 0.0 : 1e10 * (sj_random_unit(r) - 0.2);
            }
        }
    }
    return l;
}

static uint64_t line_count(const void *context, int u, int v, int i, double x, double dy, double out, double kept) {
    (void)kept;
    const line *l = context;
    return (uint64_t)(l->base[u][v][i] + l->x[u][v][i] * x + l->dy[u][v][i] * dy + l->out[u][v][i] * out);
}

// Steps at random rows. Features are held near those of the steps, so the other rows are brought there.
static void random_steps(made_run *m, sj_random *r, int count, double sampling) {
    bool taken[ROWS_MAX] = {false};
    for (int n = 0; n < count;) {
        const int64_t row = (int64_t)sj_random_below(r, (uint64_t)m->ledger.rows);
        if (!taken[row]) {
            taken[row] = true;
            made_step(m, r, row, sampling);
            n++;
        }
    }
}

static void hold(float *v, float low, float high) {
    const float width = high - low;
    *v = fminf(fmaxf(*v, low - 0.9f * width), high + 0.9f * width);
}

static void hold_rows(made_run *m) {
    for (int i = 0; i < LAYERS; i++) {
        float low_x = 2.0f, high_x = -1.0f, low_dy = 2.0f, high_dy = -1.0f;
        for (int s = 0; s < m->step_count; s++) {
            low_x = fminf(low_x, m->stored_x[s][i]);
            high_x = fmaxf(high_x, m->stored_x[s][i]);
            low_dy = fminf(low_dy, m->stored_dy[s][i]);
            high_dy = fmaxf(high_dy, m->stored_dy[s][i]);
        }
        for (int64_t row = 0; row < m->ledger.rows; row++) {
            hold(&m->ledger.x_density[row * LAYERS + i], low_x, high_x);
            hold(&m->ledger.dy_density[row * LAYERS + i], low_dy, high_dy);
        }
    }
}

static void linear_energies_are_exact(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(170317));
    for (int repeat = 0; repeat < 30; repeat++) {
        made_run *m = made_rows(&r, 200, 40);
        const line l = random_line(&r, false);
        sj_whole_run w;
        random_steps(m, &r, 7 + (int)sj_random_below(&r, 20), repeat % 2 == 0 ? 0.0 : 0.05);
        hold_rows(m);
        made_finish(m, &r, line_count, &l, 0.0, &w);
        assert_is_truth(m, &w, 2e-7);
        assert_true(w.variants[1].error.rms < 1e-5);
        assert_int_equal(w.traced_steps, m->step_count);
        sj_whole_run_free(&w);
        made_free(m);
    }
}

static void constant_energies_are_exact_whatever_the_steps(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(170317));
    for (int repeat = 0; repeat < 30; repeat++) {
        made_run *m = made_rows(&r, 100, 30);
        const line l = random_line(&r, true);
        sj_whole_run w;
        random_steps(m, &r, 1 + (int)sj_random_below(&r, 6), 0.1);
        made_finish(m, &r, line_count, &l, 0.0, &w);
        assert_is_truth(m, &w, 2e-7);
        assert_true(m->step_count >= 2 ? w.variants[0].error.total < 1e-5 : isnan(w.variants[0].error.total));
        assert_int_equal(w.epoch_count, 4);
        sj_whole_run_free(&w);
        made_free(m);
    }
}

static void a_run_that_was_simulated_whole_is_the_sum_of_its_steps(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(170317));
    made_run *m = made_rows(&r, 60, 20);
    const line l = random_line(&r, false);
    sj_whole_run w;
    for (int64_t row = 0; row < 60; row++) {
        made_step(m, &r, (row * 7) % 60, 0.3);  // in any order
    }
    made_finish(m, &r, line_count, &l, 0.1, &w);
    assert_is_truth(m, &w, 1e-12);
    assert_true(w.variants[0].error.total == 0.0);
    assert_true(w.variants[0].error.rms > 0.01);
    sj_whole_run_free(&w);
    made_free(m);
}

// Without densities the steps near by stand for an iteration: exact where counts follow time.
static uint64_t time_count(const void *context, int u, int v, int i, double x, double dy, double out, double kept) {
    (void)context, (void)u, (void)v, (void)i, (void)dy, (void)out, (void)kept;
    return (uint64_t)(1e10 * (1.0 + x));
}

static void without_densities_time_tells(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(170317));
    made_run *m = made_rows(&r, 101, 50);
    sj_whole_run w;
    for (int64_t row = 0; row < 101; row++) {
        for (int i = 0; i < LAYERS; i++) {
            m->ledger.x_density[row * LAYERS + i] = (float)row / 256.0f;
        }
    }
    for (int64_t row = 0; row <= 100; row += 20) {
        made_step(m, &r, row, 0.0);
    }
    double truth = 0.0;
    for (int64_t row = 0; row <= 100; row++) {
        truth += (double)time_count(NULL, 0, 0, 0, (double)m->ledger.x_density[row * LAYERS], 0.0, 0.0, 0.0);
        for (int i = 0; i < LAYERS; i++) {
            m->ledger.x_density[row * LAYERS + i] = m->ledger.dy_density[row * LAYERS + i] = NAN;
        }
    }
    made_finish(m, &r, time_count, NULL, 0.0, &w);  // its own truth is nonsense here: rows have no densities
    assert_true(fabs(w.variants[0].total.cycles / (UNITS * truth) - 1.0) < 1e-6);
    assert_true(isnan(w.epochs[0].x_density) && isnan(w.x_density[0]));
    assert_adds_up(&w);
    sj_whole_run_free(&w);
    made_free(m);
}

// What the ledger does not have changes no iteration, so steps that are left out must not be had by it either.
static void leaving_out_knows_no_more_than_the_ledger(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(170317));
    for (int known = 0; known < 2; known++) {
        made_run *m = made_rows(&r, 40, 10);
        sj_whole_run w;
        for (int64_t row = 0; row < 40; row++) {
            made_step(m, &r, row, 0.0);
        }
        for (int i = 0; i < 40 * LAYERS && !known; i++) {
            m->ledger.x_density[i] = m->ledger.dy_density[i] = NAN;
        }
        made_finish(m, &r, time_count, NULL, 0.0, &w);
        assert_int_equal(w.variants[0].error.steps, 38);
        if (known ? !(w.variants[0].error.phase_rms[SJ_PHASE_FORWARD] < 1e-5) : !(w.variants[0].error.phase_rms[SJ_PHASE_FORWARD] > 0.02)) {
            fail_msg("densities %s: rms %g", known ? "known" : "unknown", w.variants[0].error.phase_rms[SJ_PHASE_FORWARD]);
        }
        sj_whole_run_free(&w);
        made_free(m);
    }
}

// Where steps lie among `rows` iterations.
typedef enum layout { EVENLY, AT_BOTH_ENDS, AT_THE_BEGINNING, ANYWHERE } layout;

static void lay_steps(made_run *m, sj_random *r, layout how, int64_t rows) {
    int64_t row = 0;
    for (int n = 0; n < 12; n++) {
        const int64_t any = row + (n > 0) + (int64_t)sj_random_below(r, (uint64_t)(2 * (rows - row) / (13 - n) - 1));
        row = how == EVENLY ? n * (rows - 1) / 11 : how == AT_BOTH_ENDS ? (n < 6 ? n : rows - 12 + n) : how == AT_THE_BEGINNING ? n : any < rows - 12 + n ? any : rows - 12 + n;
        made_step(m, r, row, 0.05);
    }
}

// Noise of a few per cent on every iteration: no bias, and the error is where the estimate says in most cases, without being everywhere.
static void noise_is_estimated(layout how) {
    sj_random r = sj_random_seed(sj_test_seed(170317));
    enum { CASES = 200 };
    int within = 0;
    double sum = 0.0, squares = 0.0, estimates = 0.0;
    for (int repeat = 0; repeat < CASES; repeat++) {
        made_run *m = made_rows(&r, 300, 60);
        const line l = random_line(&r, false);
        sj_whole_run w;
        lay_steps(m, &r, how, 300);
        made_finish(m, &r, line_count, &l, 0.03, &w);
        const double off = w.variants[1].total.energy_pj / m->truth_pj[1] - 1.0, estimate = w.variants[1].error.total;
        assert_adds_up(&w);
        within += fabs(off) <= estimate;
        sum += off;
        squares += off * off;
        estimates += estimate;
        sj_whole_run_free(&w);
        made_free(m);
    }
    const double mean = sum / CASES, rms = sqrt(squares / CASES);
    printf("%d of %d within the estimate; mean error %.4f%%, rms %.4f%%, mean estimate %.4f%%\n", within, CASES, 100.0 * mean, 100.0 * rms, 100.0 * estimates / CASES);
    assert_true(within >= 180);
    assert_true(fabs(mean) < 4.0 * rms / sqrt(CASES));
    assert_true(estimates / CASES > 2.0 * rms && estimates / CASES < 4.0 * rms);
}

static void noise_is_estimated_from_even_steps(void **state) { noise_is_estimated(EVENLY); }
static void noise_is_estimated_from_steps_at_both_ends(void **state) { noise_is_estimated(AT_BOTH_ENDS); }
static void noise_is_estimated_from_the_first_steps(void **state) { noise_is_estimated(AT_THE_BEGINNING); }
static void noise_is_estimated_from_steps_anywhere(void **state) { noise_is_estimated(ANYWHERE); }

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_energies_are_exact),
        cmocka_unit_test(constant_energies_are_exact_whatever_the_steps),
        cmocka_unit_test(a_run_that_was_simulated_whole_is_the_sum_of_its_steps),
        cmocka_unit_test(without_densities_time_tells),
        cmocka_unit_test(leaving_out_knows_no_more_than_the_ledger),
        cmocka_unit_test(noise_is_estimated_from_even_steps),
        cmocka_unit_test(noise_is_estimated_from_steps_at_both_ends),
        cmocka_unit_test(noise_is_estimated_from_the_first_steps),
        cmocka_unit_test(noise_is_estimated_from_steps_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
