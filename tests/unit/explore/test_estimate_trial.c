// SPDX-License-Identifier: Apache-2.0
// The comparison: nothing of a left-out run reaches what predicts it, the order of runs changes no bit, folds keep trainings and networks together, what is learnable is learnt. The model's file.
#include "estimate_fixture.h"
#include "sj_estimate_trial.h"
#include "sj_test_folder.h"

#include <unistd.h>

static const sj_trial_options by_training = {.folds = 4, .seed = 3, .target = SJ_PRE_PER_FLOP, .step = {10, 5, false, 0.01}};
static const sj_trial_options by_network = {.by_network = true, .folds = 4, .seed = 3, .target = SJ_PRE_PER_FLOP, .step = {10, 5, false, 0.01}};

static const sj_trial_options synthetic_by_network = {.by_network = true, .folds = 4, .seed = 3, .target = SJ_PRE_PER_SYNTHETIC, .step = {10, 5, false, 0.01}};
static const sj_trial_options synthetic = {.folds = 4, .seed = 3, .target = SJ_PRE_PER_SYNTHETIC, .step = {10, 5, false, 0.01}};

static sj_trial run(const sj_estimate_data *d, const sj_trial_options *o) {
    sj_trial t;
    assert_int_equal(sj_trial_run(d, o, &t, &err), SJ_OK);
    return t;
}

static void assert_same_bits(double a, double b) { assert_memory_equal(&a, &b, sizeof a); }

// All energies and times of the runs in `fold` are changed, from epoch `from` on.
static void disturb(sj_estimate_data *d, const sj_trial *t, int fold, int from, sj_random *r) {
    for (int i = 0; i < d->count; i++) {
        sj_estimate_run *run = &d->runs[i];
        if (t->fold[i] != fold) {
            continue;
        }
        run->energy_pj *= 0.2 + 5.0 * sj_random_unit(r);
        for (int e = from; e < run->epochs.count; e++) {
            run->epochs.energy_pj[e] *= 0.2 + 5.0 * sj_random_unit(r);
            run->epochs.seconds[e] *= 0.2 + 5.0 * sj_random_unit(r);
        }
    }
}

static void check_leakage(const sj_trial_options *o, sj_random *r) {
    sj_estimate_data d = fixture_data(sj_random_u64(r), 1, 4, 3, fixture_power_pj, fixture_cycles);
    const sj_trial before = run(&d, o);
    const int fold = (int)sj_random_below(r, (uint64_t)before.folds);
    bool others_moved = false;
    disturb(&d, &before, fold, 16, r);  // STEP measures 10 + 6 epochs at most
    const sj_trial after = run(&d, o);
    for (int i = 0; i < d.count; i++) {
        for (int e = 0; e < SJ_ESTIMATOR_COUNT; e++) {
            if (before.fold[i] == fold || e == SJ_ESTIMATOR_STEP || e == SJ_ESTIMATOR_LAST_EPOCH) {
                assert_same_bits(before.predicted[e][i], after.predicted[e][i]);
            }
        }
        others_moved = others_moved || before.predicted[SJ_ESTIMATOR_PRE][i] != after.predicted[SJ_ESTIMATOR_PRE][i];
        assert_int_equal(before.fold[i], after.fold[i]);
    }
    assert_true(others_moved);  // the disturbed runs do teach the other folds
    for (int i = 0; i < d.count; i++) {  // PRE and FLOPs see no epoch at all
        d.runs[i].energy_pj = before.truth[i];
        for (int e = 0; e < d.runs[i].epochs.count; e++) {
            d.runs[i].epochs.energy_pj[e] = sj_random_unit(r);
            d.runs[i].epochs.seconds[e] = sj_random_unit(r);
        }
    }
    const sj_trial blind = run(&d, o);
    for (int i = 0; i < d.count; i++) {
        assert_same_bits(before.predicted[SJ_ESTIMATOR_PRE][i], blind.predicted[SJ_ESTIMATOR_PRE][i]);
        assert_same_bits(before.predicted[SJ_ESTIMATOR_FLOPS][i], blind.predicted[SJ_ESTIMATOR_FLOPS][i]);
    }
    sj_trial all[] = {before, after, blind};
    for (int i = 0; i < 3; i++) {
        sj_trial_free(&all[i]);
    }
    sj_estimate_data_free(&d);
}

static void test_no_leakage(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(11));
    static const sj_trial_options *const options[] = {&by_training, &by_network, &synthetic, &synthetic_by_network};
    for (int round = 0; round < 8; round++) {
        check_leakage(options[round % 4], &r);
    }
    (void)state;
}

// The features of runs that are left out set no mean and no deviation of those that predict others.
static void test_features_do_not_leak(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(12));
    sj_estimate_data d = fixture_data(sj_random_u64(&r), 1, 3, 4, fixture_power_pj, fixture_cycles);
    const sj_trial before = run(&d, &by_training);
    const int moved = (int)sj_random_below(&r, (uint64_t)d.count);
    d.runs[moved].features[SJ_FEATURE_batch] += 100.0;
    sj_trial after = run(&d, &by_training);
    for (int i = 0; i < d.count; i++) {
        if (before.fold[i] == before.fold[moved] && i != moved) {
            assert_same_bits(before.predicted[SJ_ESTIMATOR_PRE][i], after.predicted[SJ_ESTIMATOR_PRE][i]);
        }
    }
    sj_trial first = before;
    sj_trial_free(&first);
    sj_trial_free(&after);
    sj_estimate_data_free(&d);
    (void)state;
}

static void test_order_changes_no_bit(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(13));
    for (int round = 0; round < 4; round++) {
        const sj_trial_options *o = round % 2 == 0 ? &by_training : &by_network;
        const uint64_t seed = sj_random_u64(&r);
        sj_estimate_data a = fixture_data(seed, 1, 3, 3, fixture_power_pj, fixture_cycles), b = fixture_data(seed, sj_random_u64(&r), 3, 3, fixture_power_pj, fixture_cycles);
        sj_trial s = run(&a, o), t = run(&b, o);
        for (int e = 0; e < SJ_ESTIMATOR_COUNT; e++) {
            assert_memory_equal(s.predicted[e], t.predicted[e], (size_t)s.count * sizeof(double));
            assert_same_bits(s.errors[e].rmse, t.errors[e].rmse);
        }
        sj_trial_free(&s);
        sj_trial_free(&t);
        sj_estimate_data_free(&a);
        sj_estimate_data_free(&b);
    }
    (void)state;
}

static void test_folds_keep_groups(void **state) {
    sj_estimate_data d = fixture_data(21, 1, 3, 4, fixture_power_pj, fixture_cycles);
    sj_trial s = run(&d, &by_training), t = run(&d, &by_network);
    assert_true(s.folds == 4 && t.folds == 3);
    for (int i = 0; i < d.count; i++) {
        for (int j = 0; j < i; j++) {
            assert_true(d.runs[i].training != d.runs[j].training || s.fold[i] == s.fold[j]);
            assert_int_equal(d.runs[i].network_index == d.runs[j].network_index, t.fold[i] == t.fold[j]);
        }
    }
    sj_trial_free(&s);
    sj_trial_free(&t);
    sj_estimate_data_free(&d);
    (void)state;
}

// A product of powers is linear in what PRE sees: with many trainings its error is a small part of the FLOPs baseline's. Where energy is proportional to FLOPs, the baseline is exact, and PRE, being free to add nothing, almost.
static void test_what_is_learnable_is_learnt(void **state) {
    sj_estimate_data d = fixture_data(31, 1, 4, 10, fixture_power_pj, fixture_cycles);
    sj_trial t = run(&d, &by_training);
    print_message("power law: MAPE of PRE %g, of FLOPs %g\n", t.errors[SJ_ESTIMATOR_PRE].mape, t.errors[SJ_ESTIMATOR_FLOPS].mape);
    assert_true(t.errors[SJ_ESTIMATOR_PRE].mape < 0.2 * t.errors[SJ_ESTIMATOR_FLOPS].mape);
    sj_trial_free(&t);
    sj_estimate_data_free(&d);
    d = fixture_data(32, 1, 4, 10, fixture_flops_pj, fixture_cycles);
    t = run(&d, &by_network);
    assert_true(t.errors[SJ_ESTIMATOR_FLOPS].mape < 1e-12 && t.errors[SJ_ESTIMATOR_FLOPS].r2 > 1.0 - 1e-12);
    assert_true(t.errors[SJ_ESTIMATOR_PRE].mape < 0.01);
    sj_trial_free(&t);
    sj_estimate_data_free(&d);
    (void)state;
}

// Where a run is its synthetic steps times a constant of its accelerator, these are exact, and PRE by them; by sizes it is not. What is not used has no predictions.
static void test_synthetic_steps(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(15));
    sj_estimate_data d = fixture_data(33, 1, 4, 6, fixture_power_pj, fixture_cycles);
    for (int i = 0; i < d.count; i++) {  // a factor of the training that no feature tells
        const double factor = d.runs[i].energy_pj / (d.runs[i].machine + 1.0);
        d.runs[i].synthetic_pj = factor * 3.0;
    }
    for (int i = 0; i < d.count; i++) {
        sj_random own = sj_random_seed(d.runs[i].training_key);
        const double noise = exp(sj_random_unit(&own));
        d.runs[i].energy_pj *= noise;
        d.runs[i].synthetic_pj *= noise;
    }
    sj_trial t = run(&d, &synthetic);
    assert_true(t.errors[SJ_ESTIMATOR_SYNTHETIC_FITTED].mape < 1e-12);
    assert_true(t.errors[SJ_ESTIMATOR_PRE].mape < 0.02);
    assert_true(t.errors[SJ_ESTIMATOR_PRE_FEATURES].mape > 0.1);
    for (int i = 0; i < d.count; i++) {
        assert_same_bits(t.predicted[SJ_ESTIMATOR_SYNTHETIC][i], d.runs[i].synthetic_pj);
    }
    sj_trial plain = run(&d, &by_training);
    for (int i = 0; i < d.count; i++) {
        assert_same_bits(plain.predicted[SJ_ESTIMATOR_PRE][i], t.predicted[SJ_ESTIMATOR_PRE_FEATURES][i]);
    }
    const int moved = (int)sj_random_below(&r, (uint64_t)d.count);  // a run's synthetic steps are seen by its own prediction, and by those of other folds
    d.runs[moved].synthetic_pj *= 2.0;
    sj_trial after = run(&d, &synthetic);
    for (int i = 0; i < d.count; i++) {
        if (t.fold[i] == t.fold[moved]) {
            assert_true(i == moved ? fabs(after.predicted[SJ_ESTIMATOR_PRE][i] / t.predicted[SJ_ESTIMATOR_PRE][i] - 2.0) < 1e-12
                                   : after.predicted[SJ_ESTIMATOR_PRE][i] == t.predicted[SJ_ESTIMATOR_PRE][i] && after.predicted[SJ_ESTIMATOR_SYNTHETIC_FITTED][i] == t.predicted[SJ_ESTIMATOR_SYNTHETIC_FITTED][i]);
        }
    }
    for (int e = 0; e < SJ_ESTIMATOR_COUNT; e++) {
        const bool of_synthetic = e == SJ_ESTIMATOR_PRE_FEATURES || e == SJ_ESTIMATOR_SYNTHETIC || e == SJ_ESTIMATOR_SYNTHETIC_FITTED;
        assert_int_equal(sj_estimator_is_used((sj_estimator)e, SJ_PRE_PER_RUN), !of_synthetic);
        assert_true(sj_estimator_is_used((sj_estimator)e, SJ_PRE_PER_SYNTHETIC));
    }
    sj_trial *all[] = {&t, &plain, &after};
    for (int i = 0; i < 3; i++) {
        sj_trial_free(all[i]);
    }
    sj_estimate_data_free(&d);
    (void)state;
}

static void test_refusals(void **state) {
    sj_trial t;
    sj_trial_options o = by_training;
    sj_estimate_data d = fixture_data(41, 1, 1, 4, fixture_power_pj, fixture_cycles);
    assert_int_equal(sj_trial_run(&d, &by_network, &t, &err), SJ_ERR_RANGE);  // one network
    o.folds = 5;
    assert_int_equal(sj_trial_run(&d, &o, &t, &err), SJ_ERR_RANGE);
    o.folds = 4;
    o.step.start = 26;
    assert_int_equal(sj_trial_run(&d, &o, &t, &err), SJ_ERR_RANGE);  // 30 epochs
    sj_estimate_data_free(&d);
    d = fixture_data(42, 1, 1, 1, fixture_power_pj, fixture_cycles);
    assert_int_equal(sj_trial_run(&d, &by_training, &t, &err), SJ_ERR_RANGE);  // one training
    sj_estimate_data_free(&d);
    (void)state;
}

// ---- the model's file

static sj_pre_model trained(const sj_estimate_data *d) {
    const sj_pre_inner inner = {false, 5, 1};
    sj_pre_model m;
    int rows[512];
    for (int i = 0; i < d->count; i++) {
        rows[i] = i;
    }
    assert_int_equal(sj_pre_train(d, rows, d->count, SJ_PRE_PER_IMAGE, &inner, &m, &err), SJ_OK);
    strcpy(m.variant, "skip/bitmask");
    return m;
}

static void write_to(const char *path, const sj_pre_model *m) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(sj_pre_write(f, m, &err), SJ_OK);
    fclose(f);
}

static void test_file_round_trip(void **state) {
    char folder[SJ_TEST_FOLDER_MAX];
    sj_random r = sj_random_seed(sj_test_seed(14));
    assert_true(sj_test_enter_folder(folder));
    for (int round = 0; round < 5; round++) {
        sj_estimate_data d = fixture_data(sj_random_u64(&r), 1, 2, 4, fixture_power_pj, fixture_cycles);
        sj_pre_model m = trained(&d), back;
        write_to("model.json", &m);
        assert_int_equal(sj_pre_read("model.json", &back, &err), SJ_OK);
        assert_true(back.count == m.count && back.target == m.target && back.trainings == m.trainings && back.networks == m.networks && back.machines == m.machines);
        assert_string_equal(back.variant, m.variant);
        assert_same_bits(back.lambda, m.lambda);
        assert_same_bits(back.gamma, m.gamma);
        assert_same_bits(back.inner_rms, m.inner_rms);
        assert_memory_equal(back.z, m.z, (size_t)m.count * (SJ_FEATURE_COUNT + 1) * sizeof *m.z);
        for (int i = 0; i < d.count; i++) {
            assert_same_bits(sj_pre_predict(&m, &d.runs[i]), sj_pre_predict(&back, &d.runs[i]));
            assert_int_equal(sj_pre_outside(&back, &d.runs[i]), 0);
        }
        sj_pre_free(&m);
        sj_pre_free(&back);
        sj_estimate_data_free(&d);
    }
    assert_true(sj_test_leave_folder(folder));
    (void)state;
}

// Replaces the first `from` by `to`; the same length is not needed.
static void edit(const char *path, const char *from, const char *to) {
    static char text[1 << 20], out[1 << 20];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    const char *at = strstr(text, from);
    assert_non_null(at);
    snprintf(out, sizeof out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(out, f);
    fclose(f);
}

static void test_damaged_files(void **state) {
    static const char *const edits[][3] = {{"skipjoule-pre", "skipjoule-stats", "format"},   {"\"version\": 1", "\"version\": 2", "version"}, {"\"rbf\"", "\"cubic\"", "kernel"},
                                           {"\"image\"", "\"litre\"", "target"},           {"\"gamma\": ", "\"gamma\": -", "gamma"},           {"\"name\": \"log2_batch\"", "\"nome\": 1", "name"},
                                           {"\"alpha\": ", "\"alfa\": ", "alpha"},         {"\"deviation\": ", "\"deviation\": -1", "features"}, {"\"z\": [", "\"z\": [1.0, ", "\"z\""},
                                           {"{", "", "not JSON"}};
    char folder[SJ_TEST_FOLDER_MAX];
    assert_true(sj_test_enter_folder(folder));
    sj_estimate_data d = fixture_data(51, 1, 2, 4, fixture_power_pj, fixture_cycles);
    sj_pre_model m = trained(&d), back;
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        write_to("model.json", &m);
        edit("model.json", edits[i][0], edits[i][1]);
        assert_int_equal(sj_pre_read("model.json", &back, &err), SJ_ERR_FORMAT);
        if (strstr(err.message, "model.json") == NULL || strstr(err.message, edits[i][2]) == NULL) {
            fail_msg("%s -> %s: %s", edits[i][0], edits[i][1], err.message);
        }
    }
    assert_int_equal(sj_pre_read("absent.json", &back, &err), SJ_ERR_IO);
    write_to("model.json", &m);
    edit("model.json", "log2_batch", "log2_bath");
    assert_int_equal(sj_pre_read("model.json", &back, &err), SJ_OK);
    assert_int_equal(sj_pre_fits("model.json", &m, &d, &err), SJ_OK);
    assert_int_equal(sj_pre_fits("model.json", &back, &d, &err), SJ_ERR_RANGE);
    assert_non_null(strstr(err.message, "feature 0 is log2_bath"));
    back.features--;
    memcpy(back.names[0], m.names[0], sizeof m.names[0]);
    assert_int_equal(sj_pre_fits("model.json", &back, &d, &err), SJ_ERR_RANGE);
    sj_pre_free(&back);
    sj_pre_free(&m);
    sj_estimate_data_free(&d);
    assert_true(sj_test_leave_folder(folder));
    (void)state;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_leakage),        cmocka_unit_test(test_features_do_not_leak),        cmocka_unit_test(test_order_changes_no_bit),
                                       cmocka_unit_test(test_folds_keep_groups), cmocka_unit_test(test_what_is_learnable_is_learnt), cmocka_unit_test(test_synthetic_steps), cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_file_round_trip),   cmocka_unit_test(test_damaged_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
