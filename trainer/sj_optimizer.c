// SPDX-License-Identifier: Apache-2.0
#include "sj_optimizer.h"

#include <math.h>

int sj_optimizer_state_count(const sj_optimizer_config *config) {
    if (config->kind == SJ_OPTIMIZER_KIND_ADAM) {
        return 2;
    }
    return config->momentum > 0.0 ? 1 : 0;
}

static void apply_plain(float lr, float decay, int64_t count, float *restrict value, const float *restrict grad) {
    for (int64_t i = 0; i < count; i++) {
        value[i] -= lr * (grad[i] + decay * value[i]);
    }
}

static void apply_momentum(float lr, float decay, float momentum, int64_t count, float *restrict value, const float *restrict grad, float *restrict v) {
    for (int64_t i = 0; i < count; i++) {
        v[i] = momentum * v[i] + (grad[i] + decay * value[i]);
        value[i] -= lr * v[i];
    }
}

static void apply_nesterov(float lr, float decay, float momentum, int64_t count, float *restrict value, const float *restrict grad, float *restrict v) {
    for (int64_t i = 0; i < count; i++) {
        const float g = grad[i] + decay * value[i];
        v[i] = momentum * v[i] + g;
        value[i] -= lr * (g + momentum * v[i]);
    }
}

// The corrections 1 - beta^step are made in double and folded into the step size and a factor on v, once an array.
static void apply_adam(const sj_optimizer_config *c, double lr, float decay, int64_t step, int64_t count, float *restrict value, const float *restrict grad, float *restrict m, float *restrict v) {
    const float b1 = (float)c->beta1, b2 = (float)c->beta2, rest1 = (float)(1.0 - c->beta1), rest2 = (float)(1.0 - c->beta2), eps = (float)c->eps;
    const float size = (float)(lr / (1.0 - pow(c->beta1, (double)step))), correction = (float)(1.0 / (1.0 - pow(c->beta2, (double)step)));
    for (int64_t i = 0; i < count; i++) {
        const float g = grad[i] + decay * value[i];
        m[i] = b1 * m[i] + rest1 * g;
        v[i] = b2 * v[i] + rest2 * (g * g);
        value[i] -= size * m[i] / (sqrtf(v[i] * correction) + eps);
    }
}

void sj_optimizer_apply(const sj_optimizer_config *config, double lr, double decay, int64_t step, int64_t count, float *value, const float *grad, float *const state[SJ_OPTIMIZER_STATES]) {
    const float rate = (float)lr, shrink = (float)decay, momentum = (float)config->momentum;
    if (config->kind == SJ_OPTIMIZER_KIND_ADAM) {
        apply_adam(config, lr, shrink, step, count, value, grad, state[0], state[1]);
    } else if (sj_optimizer_state_count(config) == 0) {
        apply_plain(rate, shrink, count, value, grad);
    } else if (config->nesterov) {
        apply_nesterov(rate, shrink, momentum, count, value, grad, state[0]);
    } else {
        apply_momentum(rate, shrink, momentum, count, value, grad, state[0]);
    }
}

static double rate_without_warmup(const sj_schedule *s, int64_t iteration, int64_t epoch, int64_t iterations) {
    const double pi = 3.14159265358979323846;
    double rate = s->lr;
    switch (s->kind) {
        case SJ_SCHEDULE_EXPONENTIAL: return s->lr * pow(s->decay, (double)epoch);
        case SJ_SCHEDULE_COSINE: return s->final_lr + (s->lr - s->final_lr) * (0.5 + 0.5 * cos(pi * (double)iteration / (double)iterations));
        case SJ_SCHEDULE_STEP:
            for (int i = 0; i < s->milestone_count && s->milestones[i] <= epoch; i++) {
                rate *= s->decay;
            }
            return rate;
        default: return rate;
    }
}

double sj_schedule_lr(const sj_schedule *s, int64_t iteration, int64_t per_epoch, int64_t iterations) {
    const double rate = rate_without_warmup(s, iteration, iteration / per_epoch, iterations);
    const double warmup = round(s->warmup_epochs * (double)per_epoch), done = (double)iteration + 1.0;
    return done < warmup ? rate * done / warmup : rate;
}
