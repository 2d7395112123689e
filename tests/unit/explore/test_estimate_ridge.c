// SPDX-License-Identifier: Apache-2.0
// Kernel ridge regression: Cholesky against elimination with pivots, the fit against its formulas solved naively, cases that can be written down.
#include "estimate_fixture.h"
#include "sj_estimate_pre.h"

enum { MOST = 40 };

// Gauss with row pivots.
static void naive_solve(double *a, int n, double *b) {
    for (int c = 0; c < n; c++) {
        int pivot = c;
        for (int r = c + 1; r < n; r++) {
            pivot = fabs(a[r * n + c]) > fabs(a[pivot * n + c]) ? r : pivot;
        }
        for (int k = 0; k < n; k++) {
            const double t = a[c * n + k];
            a[c * n + k] = a[pivot * n + k];
            a[pivot * n + k] = t;
        }
        const double t = b[c];
        b[c] = b[pivot];
        b[pivot] = t;
        for (int r = 0; r < n; r++) {
            const double factor = r != c ? a[r * n + c] / a[c * n + c] : 0.0;
            for (int k = 0; k < n; k++) {
                a[r * n + k] -= factor * a[c * n + k];
            }
            b[r] -= factor * b[c];
        }
    }
    for (int c = 0; c < n; c++) {
        b[c] /= a[c * n + c];
    }
}

static void test_cholesky(void **state) {
    static double a[MOST * MOST], copy[MOST * MOST], root[MOST * MOST];
    sj_random r = sj_random_seed(sj_test_seed(1));
    for (int round = 0; round < 200; round++) {
        const int n = (int)sj_test_between(&r, 1, MOST);
        double b[MOST], expected[MOST], largest = 0.0;
        for (int i = 0; i < n * n; i++) {
            root[i] = 2.0 * sj_random_unit(&r) - 1.0;
        }
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                a[i * n + j] = i == j ? 0.5 : 0.0;
                for (int k = 0; k < n; k++) {
                    a[i * n + j] += root[i * n + k] * root[j * n + k];
                }
            }
            b[i] = expected[i] = 2.0 * sj_random_unit(&r) - 1.0;
        }
        memcpy(copy, a, sizeof copy);
        naive_solve(copy, n, expected);
        assert_int_equal(sj_cholesky_solve(a, n, b, &err), SJ_OK);
        for (int i = 0; i < n; i++) {
            largest = fmax(largest, fabs(expected[i]));
        }
        for (int i = 0; i < n; i++) {
            assert_true(fabs(b[i] - expected[i]) <= 1e-10 * (1.0 + largest));
        }
    }
    double indefinite[] = {1.0, 2.0, 2.0, 1.0}, b[] = {1.0, 1.0};
    assert_int_equal(sj_cholesky_solve(indefinite, 2, b, &err), SJ_ERR_NUMERIC);
    (void)state;
}

// All by the formulas of the header, solved naively.
static double naive_prediction(const sj_estimate_data *d, const int *rows, int n, double lambda, double gamma, const sj_estimate_run *run) {
    static double k[MOST * MOST];
    double y[MOST], mean_y = 0.0, z[MOST + 1][SJ_FEATURE_COUNT], result;
    int used = 0;
    for (int j = 0; j < SJ_FEATURE_COUNT; j++) {
        double mean = 0.0, variance = 0.0;
        bool constant = true;
        for (int i = 0; i < n; i++) {
            mean += d->runs[rows[i]].features[j] / n;
            constant = constant && d->runs[rows[i]].features[j] == d->runs[rows[0]].features[j];
        }
        for (int i = 0; i < n; i++) {
            variance += pow(d->runs[rows[i]].features[j] - mean, 2.0) / n;
        }
        for (int i = 0; i <= n; i++) {
            const double x = i < n ? d->runs[rows[i]].features[j] : run->features[j];
            z[i][j] = constant ? 0.0 : (x - mean) / sqrt(variance);
        }
        used += !constant;
    }
    for (int i = 0; i < n; i++) {
        y[i] = log(d->runs[rows[i]].energy_pj / d->runs[rows[i]].flops);
        mean_y += y[i] / n;
    }
    double kernels[MOST];
    for (int i = 0; i < n; i++) {
        for (int j = 0; j <= n; j++) {
            double distance = 0.0;
            for (int f = 0; f < SJ_FEATURE_COUNT; f++) {
                distance += pow(z[i][f] - z[j][f], 2.0);
            }
            const double value = exp(-gamma * distance / used);
            if (j < n) {
                k[i * n + j] = value + (i == j ? lambda : 0.0);
            } else {
                kernels[i] = value;
            }
        }
        y[i] -= mean_y;
    }
    naive_solve(k, n, y);
    result = mean_y;
    for (int i = 0; i < n; i++) {
        result += y[i] * kernels[i];
    }
    return run->flops * exp(result);
}

static void test_against_naive(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(2));
    for (int round = 0; round < 30; round++) {
        sj_estimate_data d = fixture_data(sj_random_u64(&r), 1, 3, 4, fixture_power_pj, fixture_cycles);
        const double lambda = pow(10.0, -4.0 * sj_random_unit(&r)), gamma = pow(10.0, 2.0 * sj_random_unit(&r) - 1.0);
        int rows[MOST], n = 0;
        for (int i = 0; i < d.count; i++) {
            if (sj_random_below(&r, 3) > 0 || i == 0) {
                rows[n++] = i;
            }
        }
        sj_pre_model m;
        assert_int_equal(sj_pre_fit(&d, rows, n, SJ_PRE_PER_FLOP, lambda, gamma, &m, &err), SJ_OK);
        for (int i = 0; i < d.count; i++) {
            const double ours = sj_pre_predict(&m, &d.runs[i]), naive = naive_prediction(&d, rows, n, lambda, gamma, &d.runs[i]);
            assert_true(fabs(ours - naive) <= 1e-7 * naive);
        }
        sj_pre_free(&m);
        sj_estimate_data_free(&d);
    }
    (void)state;
}

static sj_estimate_data two_runs(double first_pj, double second_pj) {
    sj_estimate_data d = {.count = 2, .feature_count = SJ_FEATURE_COUNT};
    d.runs = calloc(2, sizeof *d.runs);
    assert_non_null(d.runs);
    d.runs[0] = (sj_estimate_run){.energy_pj = first_pj, .flops = 1.0, .samples = 1.0, .facts = true, .training = 0};
    d.runs[1] = (sj_estimate_run){.energy_pj = second_pj, .flops = 1.0, .samples = 1.0, .facts = true, .training = 1};
    d.runs[1].features[SJ_FEATURE_batch] = 4.0;
    d.training_count = 2;
    d.network_count = d.machine_count = 1;
    return d;
}

// Two runs whose one feature differs: z = -1 and 1, k = exp(-4 gamma), y = -+ h: alpha = -+ h / (1 + lambda - k), and the prediction at the second is mean + h (1 - k) / (1 + lambda - k).
static void test_two_runs(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(3));
    const int rows[] = {0, 1};
    for (int round = 0; round < 100; round++) {
        const double low = 1.0 + sj_random_unit(&r), high = 5.0 + sj_random_unit(&r), lambda = sj_random_unit(&r) + 1e-3, gamma = sj_random_unit(&r) + 1e-3;
        sj_estimate_data d = two_runs(low, high);
        const double mean = 0.5 * (log(low) + log(high)), half = 0.5 * (log(high) - log(low)), k = exp(-4.0 * gamma);
        sj_pre_model m;
        assert_int_equal(sj_pre_fit(&d, rows, 2, SJ_PRE_PER_RUN, lambda, gamma, &m, &err), SJ_OK);
        assert_true(fabs(m.alpha[1] - half / (1.0 + lambda - k)) <= 1e-9 * fabs(m.alpha[1]));
        assert_true(fabs(sj_pre_predict(&m, &d.runs[1]) / exp(mean + half * (1.0 - k) / (1.0 + lambda - k)) - 1.0) <= 1e-12);
        assert_int_equal(sj_pre_outside(&m, &d.runs[1]), 0);
        sj_estimate_run far = d.runs[1];
        far.features[SJ_FEATURE_batch] = 1e4;  // the kernel is 0 there: the mean
        far.features[SJ_FEATURE_rows] = 1.0;   // constant in the fit: counts as outside, and changes nothing
        assert_true(fabs(sj_pre_predict(&m, &far) / exp(mean) - 1.0) <= 1e-12);
        assert_int_equal(sj_pre_outside(&m, &far), 2);
        sj_pre_free(&m);
        sj_estimate_data_free(&d);
    }
    (void)state;
}

// One run, or all features constant: the kernel says nothing, and the mean (geometric, of energies) is left.
static void test_nothing_to_learn(void **state) {
    sj_estimate_data d = two_runs(2.0, 8.0);
    const int rows[] = {1, 0};
    sj_pre_model m;
    assert_int_equal(sj_pre_fit(&d, rows, 1, SJ_PRE_PER_IMAGE, 0.1, 1.0, &m, &err), SJ_OK);
    assert_true(fabs(sj_pre_predict(&m, &d.runs[0]) - 8.0) <= 1e-12);
    sj_pre_free(&m);
    d.runs[1].features[SJ_FEATURE_batch] = 0.0;
    assert_int_equal(sj_pre_fit(&d, rows, 2, SJ_PRE_PER_IMAGE, 0.1, 1.0, &m, &err), SJ_OK);
    assert_true(fabs(sj_pre_predict(&m, &d.runs[0]) - 4.0) <= 1e-12);
    sj_pre_free(&m);
    sj_estimate_data_free(&d);
    (void)state;
}

// With little ridge the runs of the fit are met; with much of it the mean.
static void test_ends_of_lambda(void **state) {
    sj_estimate_data d = two_runs(2.0, 8.0);
    const int rows[] = {0, 1};
    sj_pre_model m;
    assert_int_equal(sj_pre_fit(&d, rows, 2, SJ_PRE_PER_RUN, 1e-12, 1.0, &m, &err), SJ_OK);
    assert_true(fabs(sj_pre_predict(&m, &d.runs[0]) - 2.0) <= 1e-9 && fabs(sj_pre_predict(&m, &d.runs[1]) - 8.0) <= 1e-9);
    sj_pre_free(&m);
    assert_int_equal(sj_pre_fit(&d, rows, 2, SJ_PRE_PER_RUN, 1e12, 1.0, &m, &err), SJ_OK);
    assert_true(fabs(sj_pre_predict(&m, &d.runs[0]) - 4.0) <= 1e-9);
    sj_pre_free(&m);
    sj_estimate_data_free(&d);
    (void)state;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cholesky), cmocka_unit_test(test_against_naive), cmocka_unit_test(test_two_runs), cmocka_unit_test(test_nothing_to_learn),
                                       cmocka_unit_test(test_ends_of_lambda)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
