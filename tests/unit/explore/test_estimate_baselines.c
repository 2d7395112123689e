// SPDX-License-Identifier: Apache-2.0
// Baselines are exact where energy is proportional to their quantity, and no worse than other constants anywhere.
#include "estimate_fixture.h"
#include "sj_estimate_baselines.h"

enum { MOST = 64 };

static double tdp_pj(const fixture_training *t, int machine, int e) { return fixture_cycles(t, machine, e) * (100.0 + 30.0 * machine); }

// 0.3 of 1, 2, 3 W and 0.3725 W/GB x 4.294967296 GB; cycles at 500 MHz are 2 ns.
static double green_law(const fixture_training *t, int machine, int e) { return fixture_cycles(t, machine, e) * 2e-9 * 1e12 * (0.3 * (1 + machine) + SJ_GREEN_W_PER_GB * 4.294967296); }

static double free_law(const fixture_training *t, int machine, int e) { return fixture_cycles(t, machine, e) * 2e-9 * 1e12 * (0.7 * (1 + machine) + 0.01 * 4.294967296); }

static double dram_law(const fixture_training *t, int machine, int e) { return fixture_cycles(t, machine, e) * 2e-9 * 1e12 * 0.05 * 4.294967296; }

typedef struct fixture_fit {
    sj_estimate_data d;
    double seconds[MOST];
    int rows[MOST], count;
    sj_baselines b;
} fixture_fit;

static void seconds_of(fixture_fit *f) {
    for (int i = 0; i < f->d.count; i++) {
        f->seconds[i] = 0.0;
        for (int e = 0; e < f->d.runs[i].epochs.count; e++) {
            f->seconds[i] += f->d.runs[i].epochs.seconds[e];
        }
    }
}

// Fitted on a random part of the runs, in which each machine is.
static void fit(fixture_fit *f, sj_random *r, double (*energy)(const fixture_training *, int, int)) {
    f->d = fixture_data(sj_random_u64(r), 1, 2, 5, energy, fixture_cycles);
    f->count = 0;
    seconds_of(f);
    for (int i = 0; i < f->d.count; i++) {
        if (f->d.runs[i].training == 0 || sj_random_below(r, 2) == 0) {
            f->rows[f->count++] = i;
        }
    }
    assert_int_equal(sj_baselines_fit(&f->d, f->seconds, f->rows, f->count, &f->b, &err), SJ_OK);
}

static void finish(fixture_fit *f) {
    sj_baselines_free(&f->b);
    sj_estimate_data_free(&f->d);
}

static void assert_exact(const fixture_fit *f, sj_baseline which, double tolerance) {
    for (int i = 0; i < f->d.count; i++) {
        assert_true(fabs(sj_baseline_predict(&f->b, which, &f->d.runs[i], f->seconds[i]) / f->d.runs[i].energy_pj - 1.0) <= tolerance);
    }
}

static void test_exact(void **state) {
    static fixture_fit f;
    sj_random r = sj_random_seed(sj_test_seed(9));
    for (int round = 0; round < 20; round++) {
        fit(&f, &r, fixture_flops_pj);
        assert_exact(&f, SJ_BASELINE_FLOPS, 1e-12);
        finish(&f);
        fit(&f, &r, tdp_pj);
        assert_exact(&f, SJ_BASELINE_TDP, 1e-12);
        finish(&f);
        fit(&f, &r, green_law);
        assert_exact(&f, SJ_BASELINE_GREEN, 1e-8);
        assert_exact(&f, SJ_BASELINE_GREEN_FREE, 1e-8);
        assert_exact(&f, SJ_BASELINE_TDP, 1e-12);  // a power of each accelerator's own says as much
        assert_true(fabs(f.b.utilisation - 0.3) <= 1e-6 && fabs(f.b.free_utilisation - 0.3) <= 1e-6 && fabs(f.b.free_w_per_gb - SJ_GREEN_W_PER_GB) <= 1e-6);
        finish(&f);
        fit(&f, &r, free_law);
        assert_exact(&f, SJ_BASELINE_GREEN_FREE, 1e-8);
        finish(&f);
        fit(&f, &r, dram_law);  // an end of the angle
        assert_exact(&f, SJ_BASELINE_GREEN_FREE, 1e-7);
        finish(&f);
    }
    (void)state;
}

static double squares(const fixture_fit *f, const sj_baselines *b, sj_baseline which) {
    double sum = 0.0;
    for (int i = 0; i < f->count; i++) {
        const sj_estimate_run *run = &f->d.runs[f->rows[i]];
        sum += pow(log(sj_baseline_predict(b, which, run, f->seconds[f->rows[i]]) / run->energy_pj), 2.0);
    }
    return sum;
}

static void test_no_constant_is_better(void **state) {
    static fixture_fit f;
    sj_random r = sj_random_seed(sj_test_seed(10));
    fit(&f, &r, fixture_power_pj);
    for (int round = 0; round < 300; round++) {
        sj_baselines b = f.b;
        double constants[2 * FIXTURE_MACHINES];
        b.pj_per_flop = constants;
        b.tdp_w = constants + FIXTURE_MACHINES;
        for (int m = 0; m < FIXTURE_MACHINES; m++) {
            b.pj_per_flop[m] = f.b.pj_per_flop[m] * (0.8 + 0.4 * sj_random_unit(&r));
            b.tdp_w[m] = f.b.tdp_w[m] * (0.8 + 0.4 * sj_random_unit(&r));
        }
        b.utilisation = exp(17.0 * sj_random_unit(&r) - 14.0);
        b.free_utilisation = f.b.free_utilisation * 2.0 * sj_random_unit(&r) + 1e-9;
        b.free_w_per_gb = f.b.free_w_per_gb * 2.0 * sj_random_unit(&r) + 0.01 * sj_random_unit(&r);
        for (int w = 0; w < SJ_BASELINE_COUNT; w++) {
            assert_true(squares(&f, &f.b, (sj_baseline)w) <= squares(&f, &b, (sj_baseline)w) + 1e-9);
        }
    }
    finish(&f);
    (void)state;
}

static void test_unseen_machine_takes_the_mean(void **state) {
    static fixture_fit f;
    f.d = fixture_data(5, 1, 2, 3, fixture_flops_pj, fixture_cycles);
    f.count = 0;
    seconds_of(&f);
    for (int i = 0; i < f.d.count; i++) {
        if (strcmp(f.d.runs[i].accel, "mobile") != 0) {
            f.rows[f.count++] = i;
        }
    }
    assert_int_equal(sj_baselines_fit(&f.d, f.seconds, f.rows, f.count, &f.b, &err), SJ_OK);
    const double both = sqrt(1.5 * 1.75);  // edge16 and edge256 in equal numbers
    for (int i = 0; i < f.d.count; i++) {
        const sj_estimate_run *run = &f.d.runs[i];
        const double constant = strcmp(run->accel, "mobile") == 0 ? both : strcmp(run->accel, "edge16") == 0 ? 1.5 : 1.75;
        assert_true(fabs(sj_baseline_predict(&f.b, SJ_BASELINE_FLOPS, run, f.seconds[i]) / (constant * run->flops) - 1.0) <= 1e-12);
    }
    finish(&f);
    (void)state;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exact), cmocka_unit_test(test_no_constant_is_better), cmocka_unit_test(test_unseen_machine_takes_the_mean)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
