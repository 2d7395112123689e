// SPDX-License-Identifier: Apache-2.0
// Which synthetic steps stand for a ledger's iterations, and how often each.
#include "sj_synthetic_run.h"
#include "whole_run_fixture.h"

static double mean_kept(const sj_ledger *l, int64_t row) {
    double sum = 0.0;
    for (int i = 0; i < LAYERS; i++) {
        sum += isnan(l->kept_fraction[row * LAYERS + i]) ? 0.0 : (double)l->kept_fraction[row * LAYERS + i];
    }
    return sum / 2.0;  // relu1 has none
}

static void keep(sj_ledger *l, int64_t row, float share) { l->kept_fraction[row * LAYERS] = l->kept_fraction[row * LAYERS + 2] = share; }

// Any law that is linear in the kept fraction below 1, with a step down from dense iterations, is summed up exactly.
static void sums_are_those_of_a_linear_law(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(41));
    for (int round = 0; round < 400; round++) {
        const int64_t rows = sj_test_between(&r, 1, 60);
        made_run *m = made_rows(&r, rows, 5);
        const int kind = (int)sj_random_below(&r, 4);  // all dense, two fractions, all sparse, any
        const double base = sj_random_unit(&r), slope = sj_random_unit(&r), step = sj_random_unit(&r);
        double truth = 0.0, skipped = 0.0;
        for (int64_t row = 0; row < rows; row++) {
            const float share = (float)(0.1 + 0.9 * sj_random_unit(&r));
            keep(&m->ledger, row, kind == 0 ? 1.0F : kind == 1 ? (row % 2 == 0 ? 1.0F : 0.25F) : kind == 2 || sj_random_below(&r, 3) > 0 ? share : 1.0F);
            m->ledger.skipped[row] = sj_random_below(&r, 4) == 0;
            skipped += m->ledger.skipped[row];
            const double kept = mean_kept(&m->ledger, row);
            truth += m->ledger.skipped[row] ? 0.0 : kept < 1.0 ? base + slope * kept : base + slope + step;
        }
        const sj_synthetic_mix p = sj_synthetic_mix_of(&m->ledger);
        double sum = 0.0, iterations = 0.0;
        int kinds = 0;
        for (int k = 0; k < SJ_SYNTH_KINDS; k++) {
            assert_true(sj_synth_kinds_has(&p.kinds, k) || p.iterations[k] == 0.0);
            if (sj_synth_kinds_has(&p.kinds, k)) {
                const int64_t row = p.kinds.row[k];
                assert_true(row >= 0 && row < rows && !m->ledger.skipped[row] && p.iterations[k] > 0.0);
                assert_int_equal(k == SJ_SYNTH_DENSE, mean_kept(&m->ledger, row) >= 1.0);
                sum += p.iterations[k] * (k == SJ_SYNTH_DENSE ? base + slope + step : base + slope * mean_kept(&m->ledger, row));
                iterations += p.iterations[k];
                kinds++;
            }
        }
        assert_true(p.skipped == skipped);
        assert_true(fabs(iterations + skipped - (double)rows) < 1e-9 && fabs(sum - truth) < 1e-9 * (1.0 + truth));
        assert_int_equal(kinds == 0, skipped == (double)rows);
        assert_true(kind > 0 || kinds < 2);
        assert_true(kind != 1 || kinds < 3);
        made_free(m);
    }
    (void)state;
}

static void a_step_is_made_as_its_row_says(void **state) {
    sj_random r = sj_random_seed(42);
    made_run *m = made_rows(&r, 3, 3);
    float share[LAYERS];
    sj_trace_meta meta = {.batch_size = 32, .images = 2, .optimizer = SJ_OPTIMIZER_ADAM};
    keep(&m->ledger, 1, 0.25F);
    sj_synth_options o = sj_synthetic_options(&m->ledger, &meta, 0, share, NULL);
    assert_true(!o.select && o.dy_follows && o.x == 0.5 && o.w == 1.0 && o.batch_size == 32 && o.images == 4 && o.optimizer == SJ_OPTIMIZER_ADAM && o.mode == SJ_MODE_TRAIN);
    o = sj_synthetic_options(&m->ledger, &meta, 1, share, NULL);
    assert_true(o.select && share[0] == 0.25F && isnan(share[1]) && share[2] == 0.25F);
    meta.images = 7;
    assert_int_equal(sj_synthetic_options(&m->ledger, &meta, 0, share, NULL).images, 7);
    meta.batch_size = 3;
    assert_int_equal(sj_synthetic_options(&m->ledger, &meta, 0, share, NULL).images, 3);
    made_free(m);
    (void)state;
}

// Of the first step that notes one, inferences and skipped steps left aside; none where no step does.
static void bearers_are_those_of_the_first_step_that_notes_one(void **state) {
    sj_layer_info layers[2] = {{"conv", SJ_KIND_CONV, 1, {SJ_INPUT_NETWORK}, {6, 6, 2}, {6, 6, 3}, 1, 1, 1, 0, 1, false, false}, {"relu", SJ_KIND_RELU, 1, {0}, {6, 6, 3}, {6, 6, 3}, 1, 1, 1, 0, 1, true, false}};
    const sj_network net = {"two", 2, layers};
    const sj_penalty_kind wanted[2][3] = {{SJ_PENALTY_EAT, SJ_PENALTY_NONE, SJ_PENALTY_L1}, {SJ_PENALTY_NONE}};
    for (int some = 0; some < 2; some++) {
        sj_synth_options o = sj_synth_untrained(4, 4, SJ_OPTIMIZER_SGD);
        const sj_trace_meta meta = {.producer = "test", .network = "two", .dataset = "random", .method = "eat", .batch_size = 4, .images = 4};
        sj_trace_writer *writer;
        sj_trace *t;
        sj_penalty_kind met[3] = {SJ_PENALTY_L1, SJ_PENALTY_L1, SJ_PENALTY_L1};
        OK(sj_trace_create("bearers.h5", &meta, &net, &writer, &err));
        o.mode = SJ_MODE_EVAL;
        OK(sj_synth_write_step(writer, &net, &o, &(sj_step_info){.number = 0, .mode = SJ_MODE_EVAL}, &err));
        o.mode = SJ_MODE_TRAIN;
        OK(sj_synth_write_step(writer, &net, &o, &(sj_step_info){.number = 1, .mode = SJ_MODE_TRAIN, .iteration = 1}, &err));
        o.penalties = wanted[some];
        OK(sj_synth_write_step(writer, &net, &o, &(sj_step_info){.number = 2, .mode = SJ_MODE_TRAIN, .iteration = 2}, &err));
        OK(sj_trace_commit(writer, &err));
        OK(sj_trace_open("bearers.h5", &t, &err));
        OK(sj_synthetic_penalties(t, met, &err));
        assert_memory_equal(met, wanted[some], sizeof met);
        sj_trace_close(t);
        remove("bearers.h5");
    }
    (void)state;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(sums_are_those_of_a_linear_law), cmocka_unit_test(a_step_is_made_as_its_row_says), cmocka_unit_test(bearers_are_those_of_the_first_step_that_notes_one)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
