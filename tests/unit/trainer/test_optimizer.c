// SPDX-License-Identifier: Apache-2.0
// Optimizers against their formulas in double precision and against PyTorch; learning-rate schedules against values by hand and properties.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sj_optimizer.h"
#include "sj_random.h"

enum { VALUES = 257, STEPS = 100 };

static const struct {
    const char *name;
    sj_optimizer_config config;
    int states;
    double torch[4];  // PyTorch 1.13, one parameter from 1.0, gradients 0.5, -0.25, 0.125, 1.0, lr 0.1, in float64
} cases[] = {
    {"sgd", {.kind = SJ_OPTIMIZER_KIND_SGD, .weight_decay = 0.01}, 0, {0.949, 0.973051, 0.959577949, 0.858618371}},
    {"momentum", {.kind = SJ_OPTIMIZER_KIND_SGD, .momentum = 0.9, .weight_decay = 0.01}, 1, {0.949, 0.927151, 0.894059749, 0.763383563}},
    {"nesterov", {.kind = SJ_OPTIMIZER_KIND_SGD, .momentum = 0.9, .nesterov = true, .weight_decay = 0.01}, 1, {0.9031, 0.90757411, 0.864439208, 0.646042179}},
    {"adam", {.kind = SJ_OPTIMIZER_KIND_ADAM, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-3, .weight_decay = 0.01}, 2, {0.900195695, 0.876802183, 0.84354592, 0.773964719}},
};
enum { CASES = sizeof cases / sizeof cases[0] };

static void agrees_with_pytorch(void **state) {
    (void)state;
    static const float grads[4] = {0.5F, -0.25F, 0.125F, 1.0F};
    for (int i = 0; i < CASES; i++) {
        float value = 1.0F, first = 0.0F, second = 0.0F;
        float *const states[SJ_OPTIMIZER_STATES] = {cases[i].states > 0 ? &first : NULL, cases[i].states > 1 ? &second : NULL};
        assert_int_equal(sj_optimizer_state_count(&cases[i].config), cases[i].states);
        for (int64_t step = 1; step <= 4; step++) {
            sj_optimizer_apply(&cases[i].config, 0.1, cases[i].config.weight_decay, step, 1, &value, &grads[step - 1], states);
            if (fabs((double)value - cases[i].torch[step - 1]) > 1e-6) {
                fail_msg("%s, step %lld: %.9f, PyTorch has %.9f", cases[i].name, (long long)step, (double)value, cases[i].torch[step - 1]);
            }
        }
    }
}

// PyTorch's documented formulas, in double.
static void reference(const sj_optimizer_config *c, double lr, double decay, int64_t step, double *value, double grad, double *first, double *second) {
    const double g = grad + decay * *value;
    if (c->kind == SJ_OPTIMIZER_KIND_ADAM) {
        *first = c->beta1 * *first + (1.0 - c->beta1) * g;
        *second = c->beta2 * *second + (1.0 - c->beta2) * g * g;
        const double m_hat = *first / (1.0 - pow(c->beta1, (double)step)), v_hat = *second / (1.0 - pow(c->beta2, (double)step));
        *value -= lr * m_hat / (sqrt(v_hat) + c->eps);
        return;
    }
    if (!(c->momentum > 0.0)) {
        *value -= lr * g;
        return;
    }
    *first = step == 1 ? g : c->momentum * *first + g;
    *value -= lr * (c->nesterov ? g + c->momentum * *first : *first);
}

// 100 steps with gradients that depend on the values; decay is the call's, not the configuration's.
static void agrees_with_double_precision(void **state) {
    (void)state;
    const char *text = getenv("SJ_TEST_SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 7;
    print_message("seed %llu (SJ_TEST_SEED)\n", (unsigned long long)seed);
    static const double decays[] = {0.0, 0.02};
    for (int i = 0; i < CASES; i++) {
        for (int d = 0; d < 2; d++) {
            static float value[VALUES], grad[VALUES], first[VALUES], second[VALUES];
            static double value64[VALUES], first64[VALUES], second64[VALUES];
            float *const states[SJ_OPTIMIZER_STATES] = {cases[i].states > 0 ? first : NULL, cases[i].states > 1 ? second : NULL};
            sj_random r = sj_random_seed(seed);
            double worst = 0.0;
            for (int j = 0; j < VALUES; j++) {
                value[j] = (float)(2.0 * sj_random_unit(&r) - 1.0);
                value64[j] = (double)value[j];
                first[j] = second[j] = 0.0F;
                first64[j] = second64[j] = 0.0;
            }
            for (int64_t step = 1; step <= STEPS; step++) {
                const double lr = 0.05 / (1.0 + 0.01 * (double)step);
                for (int j = 0; j < VALUES; j++) {
                    const double noise = sj_random_unit(&r) - 0.5;
                    grad[j] = (float)(value64[j] - 0.3 + noise);
                    reference(&cases[i].config, lr, decays[d], step, &value64[j], (double)grad[j], &first64[j], &second64[j]);
                }
                sj_optimizer_apply(&cases[i].config, lr, decays[d], step, VALUES, value, grad, states);
            }
            for (int j = 0; j < VALUES; j++) {
                worst = fmax(worst, fabs((double)value[j] - value64[j]));
            }
            if (!(worst < 2e-5)) {  // of values near 0.3 that moved a hundred times
                fail_msg("%s, decay %g: off by %g", cases[i].name, decays[d], worst);
            }
        }
    }
}

static double rate(const sj_schedule *s, int64_t iteration) { return sj_schedule_lr(s, iteration, 10, 100); }

static void near(double a, double b) {
    if (!(fabs(a - b) <= 1e-12)) {
        fail_msg("%.17g is not %.17g", a, b);
    }
}

// Ten epochs of ten iterations.
static void schedules_by_hand(void **state) {
    (void)state;
    const sj_schedule constant = {.kind = SJ_SCHEDULE_CONSTANT, .lr = 0.4}, exponential = {.kind = SJ_SCHEDULE_EXPONENTIAL, .lr = 0.4, .decay = 0.5},
                      step = {.kind = SJ_SCHEDULE_STEP, .lr = 0.4, .decay = 0.1, .milestone_count = 2, .milestones = {3, 7}},
                      cosine = {.kind = SJ_SCHEDULE_COSINE, .lr = 0.4, .final_lr = 0.1};
    near(rate(&constant, 0), 0.4);
    near(rate(&constant, 99), 0.4);
    near(rate(&exponential, 9), 0.4);
    near(rate(&exponential, 10), 0.2);
    near(rate(&exponential, 39), 0.05);
    near(rate(&step, 29), 0.4);
    near(rate(&step, 30), 0.04);
    near(rate(&step, 69), 0.04);
    near(rate(&step, 70), 0.004);
    near(rate(&step, 99), 0.004);
    near(rate(&cosine, 0), 0.4);
    near(rate(&cosine, 50), 0.25);
    near(rate(&cosine, 25), 0.25 + 0.15 * sqrt(0.5));
    near(rate(&cosine, 99), 0.1 + 0.15 * (1.0 - cos(0.01 * acos(-1.0))));
}

static void schedules_fall(void **state) {
    (void)state;
    for (int kind = SJ_SCHEDULE_CONSTANT; kind <= SJ_SCHEDULE_COSINE; kind++) {
        sj_schedule s = {.kind = (sj_schedule_kind)kind, .lr = 0.4, .decay = 0.5, .milestone_count = 1, .milestones = {2}, .final_lr = 0.01};
        for (int64_t i = 1; i < 100; i++) {
            assert_true(rate(&s, i) <= rate(&s, i - 1));
            assert_true(rate(&s, i) > 0.0);
            if (kind == SJ_SCHEDULE_COSINE) {
                assert_true(rate(&s, i) < rate(&s, i - 1) && rate(&s, i) > s.final_lr);
            } else if (i % 10 != 0) {
                assert_true(rate(&s, i) == rate(&s, i - 1));  // by epoch
            }
        }
        assert_true((rate(&s, 99) < rate(&s, 0)) == (kind != SJ_SCHEDULE_CONSTANT));
        // Warm-up: a growing share of the same rate, then the same.
        sj_schedule warm = s;
        warm.warmup_epochs = 2.5;
        for (int64_t i = 0; i < 100; i++) {
            near(rate(&warm, i), rate(&s, i) * (i < 24 ? (double)(i + 1) / 25.0 : 1.0));
        }
        warm.warmup_epochs = 0.04;  // less than an iteration
        near(rate(&warm, 0), rate(&s, 0));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_pytorch), cmocka_unit_test(agrees_with_double_precision), cmocka_unit_test(schedules_by_hand),
                                       cmocka_unit_test(schedules_fall)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
