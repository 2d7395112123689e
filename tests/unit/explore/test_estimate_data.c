// SPDX-License-Identifier: Apache-2.0
// What estimators see of runs: features by hand, groups, refusals; pairs of networks and accelerators.
#include "estimate_fixture.h"
#include "sj_estimate_pairs.h"

static const fixture_training sparse = {.network = 1, .method = "eat+ssprop", .batch = 32, .iterations = 16, .macs = 1e6, .parameters = 4096.0, .f1 = 0.9, .epochs = 8, .seed = 3};

static double one_pj(const fixture_training *t, int machine, int e) {
    (void)t, (void)machine, (void)e;
    return 1.0;
}

static bool is_near(double a, double b) { return fabs(a - b) <= 1e-12 * (1.0 + fabs(b)); }

static void test_features_by_hand(void **state) {
    fixture_training t = sparse;
    t.method = "ssprop";  // epochs 1, 3, 5, 7 keep a quarter
    sj_estimate_data d = {0};
    fixture_add(&d, "a", &t, 2, one_pj, fixture_cycles);
    const sj_estimate_run *r = &d.runs[0];
    const double *x = r->features;
    assert_true(is_near(x[SJ_FEATURE_batch], 5.0) && is_near(x[SJ_FEATURE_samples], 9.0) && is_near(x[SJ_FEATURE_forward], log2(2e-3)));
    assert_true(is_near(x[SJ_FEATURE_backward], log2(2e-9 * 1.75e6 * 0.625)) && is_near(x[SJ_FEATURE_kept], 0.625) && is_near(x[SJ_FEATURE_parameters], 12.0));
    assert_true(is_near(x[SJ_FEATURE_activations], log2(3.0 * 4096.0)) && is_near(x[SJ_FEATURE_reuse], log2(2e6 * (1.0 + 1.75 * 0.625) * 32.0 / 4096.0)));
    assert_true(is_near(x[SJ_FEATURE_image], log2(360.0)) && x[SJ_FEATURE_skipped] == 0.0 && x[SJ_FEATURE_penalty] == 0.0);
    assert_true(is_near(x[SJ_FEATURE_rows], 5.0) && is_near(x[SJ_FEATURE_lanes], 5.0) && is_near(x[SJ_FEATURE_slots], 4.0) && is_near(x[SJ_FEATURE_buffer], 11.0));
    assert_true(is_near(x[SJ_FEATURE_vector_lanes], 6.0) && is_near(x[SJ_FEATURE_clock], log2(500.0)) && is_near(x[SJ_FEATURE_dram], log2(25.6)) && is_near(x[SJ_FEATURE_value], 1.0));
    assert_true(is_near(x[SJ_FEATURE_idle], -1.0));
    assert_true(is_near(r->samples, 8 * 512.0) && is_near(r->flops, 2.0 * 512.0 * 1e6 * (4 * 2.75 + 4 * (1.0 + 1.75 * 0.25))));
    assert_true(is_near(r->peak_w, 3.0) && is_near(r->dram_gb, 4.294967296) && r->energy_pj == 8.0 && is_near(r->macro_f1, 0.9) && isnan(r->accuracy));
    assert_true(is_near(r->simulated, 4.0 / (8 * 16)));
    sj_estimate_data_free(&d);
    sj_whole_run older = fixture_run(&t, 0, one_pj, fixture_cycles);  // without backward_macs, where layers may have dropped unlike shares
    for (int e = 0; e < older.epoch_count; e++) {
        older.epochs[e].backward_macs = (double)NAN;
    }
    assert_int_equal(sj_estimate_data_add(&d, "older", &older, &fixture_choice, &err), SJ_ERR_RANGE);
    assert_non_null(strstr(err.message, "backward_macs"));
    assert_int_equal(sj_estimate_data_add(&d, "older", &older, &(sj_estimate_choice){.any = true}, &err), SJ_OK);
    assert_false(d.runs[0].facts);
    sj_estimate_data_free(&d);
    sj_whole_run_free(&older);
    t.method = "gradsamp";  // of 8 epochs 2 and 5 are skipped
    fixture_add(&d, "a", &t, 0, one_pj, fixture_cycles);
    assert_true(is_near(d.runs[0].features[SJ_FEATURE_skipped], 0.25) && is_near(d.runs[0].samples, 6 * 512.0) && is_near(d.runs[0].features[SJ_FEATURE_samples], 9.0));
    sj_estimate_data_free(&d);
    static const char *const penalties[] = {"eat", "eat+ssprop", "ssprop+eat", "l1", "l1+gradsamp"}, *const none[] = {"plain", "ssprop", "gradsamp", "eatery", "heat"};
    for (int i = 0; i < 5; i++) {
        t.method = penalties[i];
        fixture_add(&d, "a", &t, 0, one_pj, fixture_cycles);
        t.method = none[i];
        fixture_add(&d, "a", &t, 0, one_pj, fixture_cycles);
        assert_true(d.runs[0].features[SJ_FEATURE_penalty] == 1.0 && d.runs[1].features[SJ_FEATURE_penalty] == 0.0);
        sj_estimate_data_free(&d);
    }
    (void)state;
}

static void test_energies_are_no_features(void **state) {
    sj_estimate_data d = {0};
    fixture_add(&d, "a", &sparse, 1, one_pj, fixture_cycles);
    fixture_add(&d, "b", &sparse, 1, fixture_power_pj, fixture_flops_pj);
    assert_memory_equal(d.runs[0].features, d.runs[1].features, sizeof d.runs[0].features);
    assert_true(d.runs[0].flops == d.runs[1].flops && d.runs[0].energy_pj != d.runs[1].energy_pj);
    sj_estimate_data_free(&d);
    (void)state;
}

static void test_order_does_not_matter(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(8));
    for (int round = 0; round < 20; round++) {
        const uint64_t seed = sj_random_u64(&r);
        sj_estimate_data a = fixture_data(seed, 1, 3, 4, fixture_power_pj, fixture_cycles), b = fixture_data(seed, sj_random_u64(&r), 3, 4, fixture_power_pj, fixture_cycles);
        assert_true(a.count == 36 && a.training_count == 12 && a.network_count == 3 && a.machine_count == 3);
        for (int i = 0; i < a.count; i++) {
            assert_string_equal(a.runs[i].label, b.runs[i].label);
            assert_true(a.runs[i].training == b.runs[i].training && a.runs[i].network_index == b.runs[i].network_index && a.runs[i].machine == b.runs[i].machine);
            for (int j = 0; j < i; j++) {  // "training-machine"
                assert_int_equal(a.runs[i].training == a.runs[j].training, atoi(a.runs[i].label) == atoi(a.runs[j].label));
                assert_int_equal(a.runs[i].machine == a.runs[j].machine, strcmp(strchr(a.runs[i].label, '-'), strchr(a.runs[j].label, '-')) == 0);
            }
        }
        sj_estimate_data_free(&a);
        sj_estimate_data_free(&b);
    }
    (void)state;
}

static void refuse(sj_whole_run *w, const sj_estimate_choice *choice, const char *part) {
    sj_estimate_data d = {0};
    assert_int_equal(sj_estimate_data_add(&d, "the-run", w, choice, &err), strstr(part, "energy of epoch") != NULL ? SJ_ERR_NUMERIC : SJ_ERR_RANGE);
    assert_non_null(strstr(err.message, "the-run"));
    assert_non_null(strstr(err.message, part));
    assert_int_equal(d.count, 0);
    sj_estimate_data_free(&d);
    sj_whole_run_free(w);
}

static void test_refusals(void **state) {
    sj_whole_run w = fixture_run(&sparse, 0, one_pj, fixture_cycles);
    refuse(&w, &(sj_estimate_choice){.variant = {SJ_MACHINE_GATE, SJ_CODEC_NONE}}, "gate/none was not run on edge16; there are: skip/bitmask");
    w = fixture_run(&sparse, 0, one_pj, fixture_cycles);
    w.facts.codec = SJ_CODEC_RLE;
    refuse(&w, &fixture_choice, "skip/rle was not run");
    w = fixture_run(&sparse, 0, one_pj, fixture_cycles);
    w.facts.known = false;
    refuse(&w, &(sj_estimate_choice){.variant = {SJ_MACHINE_SKIP, SJ_CODEC_BITMASK}, .needs_facts = true}, "not all of the \"facts\"");
    w = fixture_run(&sparse, 0, one_pj, fixture_cycles);
    strcpy(w.selection, "layer conv1");
    refuse(&w, &fixture_choice, "layer conv1");
    w = fixture_run(&sparse, 0, one_pj, fixture_cycles);
    w.variants[0].epochs[3].energy_pj = (double)NAN;
    refuse(&w, &fixture_choice, "energy of epoch 3");
    w = fixture_run(&sparse, 0, one_pj, fixture_cycles);
    w.facts.buffer_kib = 0;
    refuse(&w, &fixture_choice, "log2_buffer_kib");
    w = fixture_run(&sparse, 0, one_pj, fixture_cycles);
    w.facts.peak_w[SJ_MACHINE_SKIP] = (double)NAN;
    refuse(&w, &fixture_choice, "peak power");
    w = fixture_run(&sparse, 0, one_pj, fixture_cycles);
    w.variants[0].total.energy_pj = 0.0;
    refuse(&w, &fixture_choice, "0 pJ");
    (void)state;
}

// Without facts STEP still has what it needs, on a variant that is named.
static void test_without_facts(void **state) {
    sj_whole_run w = fixture_run(&sparse, 0, one_pj, fixture_cycles);
    sj_estimate_data d = {0};
    w.facts.known = false;
    assert_int_equal(sj_estimate_data_add(&d, "a", &w, &(sj_estimate_choice){.variant = {SJ_MACHINE_SKIP, SJ_CODEC_BITMASK}}, &err), SJ_OK);
    assert_true(!d.runs[0].facts && d.runs[0].epochs.count == 8);
    sj_estimate_data_free(&d);
    sj_whole_run_free(&w);
    (void)state;
}

static void test_listed_twice(void **state) {
    sj_estimate_data d = {0};
    fixture_training other = sparse;
    fixture_add(&d, "first", &sparse, 0, one_pj, fixture_cycles);
    fixture_add(&d, "second", &sparse, 1, one_pj, fixture_cycles);
    other.seed++;
    fixture_add(&d, "third", &other, 0, one_pj, fixture_cycles);
    assert_int_equal(sj_estimate_data_finish(&d, &err), SJ_OK);
    assert_int_equal(d.training_count, 2);
    fixture_add(&d, "fourth", &sparse, 1, fixture_power_pj, fixture_cycles);  // as integrated anew
    assert_int_equal(sj_estimate_data_finish(&d, &err), SJ_ERR_RANGE);
    assert_true(strstr(err.message, "second") != NULL && strstr(err.message, "fourth") != NULL);
    sj_estimate_data_free(&d);
    (void)state;
}

// ---- pairs

static double parameters_pj(const fixture_training *t, int machine, int e) {
    (void)e;
    return t->parameters * (3.0 - machine);
}

static void test_pairs(void **state) {
    // F1 0.9 is the best; within 2 % is 0.882. The small network's better training is not its cheaper one.
    const fixture_training big = {.network = 0, .method = "plain", .batch = 16, .iterations = 4, .macs = 1e6, .parameters = 100.0, .f1 = 0.90, .epochs = 4, .seed = 1};
    fixture_training small = big, small_too = big, bad = big;
    sj_estimate_data d = {0};
    sj_pairs p;
    small.network = small_too.network = 1;
    small.parameters = small_too.parameters = 10.0;
    small.f1 = 0.885;
    small_too.f1 = 0.8819;  // just out
    small.seed = 2;
    small_too.seed = 3;
    bad.network = 2;
    bad.parameters = 1.0;
    bad.f1 = 0.5;
    bad.seed = 4;
    fixture_add(&d, "big-0", &big, 0, parameters_pj, fixture_cycles);
    fixture_add(&d, "big-1", &big, 1, parameters_pj, fixture_cycles);
    fixture_add(&d, "small-0", &small, 0, parameters_pj, fixture_cycles);
    fixture_add(&d, "too-0", &small_too, 0, one_pj, fixture_cycles);
    fixture_add(&d, "bad-0", &bad, 0, parameters_pj, fixture_cycles);
    assert_int_equal(sj_estimate_data_finish(&d, &err), SJ_OK);
    assert_int_equal(sj_pairs_find(&d, 0.02, &p, &err), SJ_OK);
    assert_int_equal(p.count, 3);
    assert_string_equal(p.pairs[0].run->label, "small-0");
    assert_string_equal(p.pairs[1].run->label, "big-1");
    assert_string_equal(p.pairs[2].run->label, "big-0");
    assert_true(p.pairs[0].trainings == 1 && is_near(p.pairs[0].share, 1.0) && is_near(p.pairs[1].share, 800.0 / 120.0) && is_near(p.pairs[0].saved, 0.9) && is_near(p.pairs[2].saved, 0.0));
    sj_pairs_free(&p);
    assert_int_equal(sj_pairs_find(&d, 0.021, &p, &err), SJ_OK);  // 0.8811: one more, and the cheaper
    assert_int_equal(p.count, 3);
    assert_string_equal(p.pairs[0].run->label, "too-0");
    assert_int_equal(p.pairs[0].trainings, 2);
    sj_pairs_free(&p);
    assert_int_equal(sj_pairs_find(&d, 1.0, &p, &err), SJ_OK);
    assert_int_equal(p.count, 4);
    sj_pairs_free(&p);
    d.runs[0].macro_f1 = (double)NAN;
    assert_int_equal(sj_pairs_find(&d, 0.02, &p, &err), SJ_ERR_RANGE);
    sj_estimate_data_free(&d);
    (void)state;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_features_by_hand), cmocka_unit_test(test_energies_are_no_features), cmocka_unit_test(test_order_does_not_matter), cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_without_facts), cmocka_unit_test(test_listed_twice), cmocka_unit_test(test_pairs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
