// SPDX-License-Identifier: Apache-2.0
// STEP: exact where epochs are constant or periodic, blind to epochs that it has not measured, detection.
#include "estimate_fixture.h"
#include "sj_estimate_step.h"

enum { MOST = 120 };

typedef struct epochs_fixture {
    double energy[MOST], seconds[MOST], kept[MOST];
    bool skipped[MOST];
    sj_epochs epochs;
} epochs_fixture;

static void make(epochs_fixture *f, int count) {
    memset(f, 0, sizeof *f);
    f->epochs = (sj_epochs){count, f->energy, f->seconds, f->kept, f->skipped};
    for (int e = 0; e < count; e++) {
        f->kept[e] = 1.0;
    }
}

static double total(const double *values, int count) {
    double sum = 0.0;
    for (int e = 0; e < count; e++) {
        sum += values[e];
    }
    return sum;
}

static sj_step_result predict(const epochs_fixture *f, const sj_step_options *o) {
    sj_step_result r;
    assert_int_equal(sj_step_predict("run", &f->epochs, o, &r, &err), SJ_OK);
    return r;
}

// What follows the warm-up repeats with the period; the run ends with whole windows. From 10 epochs on two periods of 5 are seen before the window.
static void test_exact_where_periodic(void **state) {
    static epochs_fixture f;
    sj_random r = sj_random_seed(sj_test_seed(4));
    for (int round = 0; round < 500; round++) {
        const int period = (int)sj_test_between(&r, 1, 5), start = (int)sj_test_between(&r, 10, 15), window = (int)sj_test_between(&r, 2, 8);
        const int whole = (window + period - 1) / period * period, count = start + whole * (int)sj_test_between(&r, 1, 5);
        const bool skips = sj_random_below(&r, 2) == 0;
        make(&f, count);
        for (int e = 0; e < count; e++) {
            const bool other = period > 1 && e % period == period - 1;
            f.skipped[e] = other && skips;
            f.kept[e] = other && !skips ? 0.2 : 1.0;
            f.energy[e] = e < start ? 1.0 + sj_random_unit(&r) : e < start + period ? 0.5 + sj_random_unit(&r) : f.energy[e - period];
            f.seconds[e] = 2.0 * f.energy[e];
        }
        const sj_step_result s = predict(&f, &(sj_step_options){.start = start, .window = window});
        assert_int_equal(s.period, period);
        assert_int_equal(s.window, whole);
        assert_int_equal(s.measured, start + whole);
        assert_true(fabs(s.energy_pj - total(f.energy, count)) <= 1e-12 * s.energy_pj);
        assert_true(fabs(s.seconds - total(f.seconds, count)) <= 1e-12 * s.seconds);
        assert_true(s.last_epoch_pj == f.energy[s.measured - 1]);
    }
    (void)state;
}

// By hand: 10 epochs of 1 to 10, s = 4, w = 2: 1 + 2 + 3 + 4 + (5 + 6) x 6 / 2 = 43.
static void test_by_hand(void **state) {
    static epochs_fixture f;
    make(&f, 10);
    for (int e = 0; e < 10; e++) {
        f.energy[e] = e + 1.0;
    }
    assert_true(predict(&f, &(sj_step_options){.start = 4, .window = 2}).energy_pj == 43.0);
    assert_true(predict(&f, &(sj_step_options){.start = 0, .window = 10}).energy_pj == 55.0);
    (void)state;
}

static void test_too_few_epochs(void **state) {
    static epochs_fixture f;
    sj_step_result r;
    make(&f, 15);
    const sj_step_options o = sj_step_defaults();
    assert_int_equal(sj_step_predict("run", &f.epochs, &o, &r, &err), SJ_OK);
    f.epochs.count = 14;
    assert_int_equal(sj_step_predict("run", &f.epochs, &o, &r, &err), SJ_ERR_RANGE);
    assert_non_null(strstr(err.message, "run: it has 14 epochs"));
    f.epochs.count = 15;  // every third epoch is skipped: 6 epochs of window, 16 measured
    for (int e = 2; e < 15; e += 3) {
        f.skipped[e] = true;
    }
    assert_int_equal(sj_step_predict("run", &f.epochs, &o, &r, &err), SJ_ERR_RANGE);
    assert_non_null(strstr(err.message, "repeats every 3"));
    f.epochs.count = 16;
    assert_int_equal(sj_step_predict("run", &f.epochs, &o, &r, &err), SJ_OK);
    (void)state;
}

// Whatever comes behind the window changes nothing, also not the period; in detection neither.
static void test_blind_to_later_epochs(void **state) {
    static epochs_fixture f;
    sj_random r = sj_random_seed(sj_test_seed(5));
    for (int round = 0; round < 500; round++) {
        const int count = (int)sj_test_between(&r, 30, MOST);
        const sj_step_options o = {.start = sj_test_between(&r, 0, 15), .window = sj_test_between(&r, 1, 6), .detect = sj_random_below(&r, 2) == 0, .tolerance = 0.2};
        make(&f, count);
        for (int e = 0; e < count; e++) {
            f.energy[e] = 1.0 + 0.2 * sj_random_unit(&r) + 3.0 / (e + 1);
            f.seconds[e] = sj_random_unit(&r);
            f.skipped[e] = e % 4 == 3;
        }
        const sj_step_result before = predict(&f, &o);
        if (!before.stable) {
            continue;
        }
        for (int64_t e = before.measured; e < count; e++) {
            f.energy[e] = 100.0 * sj_random_unit(&r);
            f.seconds[e] = 100.0 * sj_random_unit(&r);
            f.skipped[e] = sj_random_below(&r, 2) == 0;
            f.kept[e] = sj_random_unit(&r);
        }
        const sj_step_result after = predict(&f, &o);
        assert_memory_equal(&before.energy_pj, &after.energy_pj, sizeof after.energy_pj);
        assert_memory_equal(&before.seconds, &after.seconds, sizeof after.seconds);
        assert_true(before.start == after.start && before.window == after.window && before.period == after.period);
    }
    (void)state;
}

static void test_random_skips_have_no_period(void **state) {
    static epochs_fixture f;
    make(&f, 40);
    const int skips[] = {3, 5, 6, 11, 14};
    for (size_t i = 0; i < sizeof skips / sizeof skips[0]; i++) {
        f.skipped[skips[i]] = true;
    }
    const sj_step_options o = sj_step_defaults();
    const sj_step_result s = predict(&f, &o);
    assert_int_equal(s.period, 0);
    assert_int_equal(s.window, 5);
    (void)state;
}

// A fall to a level at a random epoch: the start is found behind the fall, by no more than two windows; a run that falls on for ever has none.
static void test_detection(void **state) {
    static epochs_fixture f;
    sj_random r = sj_random_seed(sj_test_seed(6));
    for (int round = 0; round < 300; round++) {
        const int settle = (int)sj_test_between(&r, 0, 40), window = (int)sj_test_between(&r, 1, 6), count = settle + 4 * window + 1;
        make(&f, count);
        for (int e = 0; e < count; e++) {
            f.energy[e] = e < settle ? 1.0 + 0.2 * (settle - e) : 1.0;
        }
        const sj_step_options o = {.window = window, .detect = true, .tolerance = 1e-3};
        const sj_step_result s = predict(&f, &o);
        assert_true(s.stable);
        assert_int_equal(s.start, settle + window);
        assert_true(fabs(s.energy_pj - total(f.energy, count)) <= 1e-12 * s.energy_pj);
    }
    make(&f, 60);
    for (int e = 0; e < 60; e++) {
        f.energy[e] = pow(0.9, e);
    }
    assert_false(predict(&f, &(sj_step_options){.window = 5, .detect = true, .tolerance = 0.01}).stable);
    (void)state;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exact_where_periodic), cmocka_unit_test(test_by_hand),  cmocka_unit_test(test_too_few_epochs), cmocka_unit_test(test_blind_to_later_epochs),
                                       cmocka_unit_test(test_random_skips_have_no_period), cmocka_unit_test(test_detection)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
