// SPDX-License-Identifier: Apache-2.0
// Optimizers and learning-rate schedules.
#ifndef SJ_OPTIMIZER_H
#define SJ_OPTIMIZER_H

#include <stdbool.h>
#include <stdint.h>

#define SJ_OPTIMIZER_STATES 2

typedef enum sj_optimizer_kind { SJ_OPTIMIZER_KIND_SGD, SJ_OPTIMIZER_KIND_ADAM } sj_optimizer_kind;

typedef struct sj_optimizer_config {
    sj_optimizer_kind kind;
    double momentum;       // sgd
    bool nesterov;         // sgd
    double beta1, beta2, eps;  // adam
    double weight_decay;   // added to the gradient (L2), in both, as PyTorch's SGD and Adam do
    bool decay_norm;       // also gamma, beta and biases; else weights alone
} sj_optimizer_config;

int sj_optimizer_state_count(const sj_optimizer_config *config);  // sgd with momentum 0: 0, else 1; adam 2

// One parameter array. sgd: v = momentum * v + g; value -= lr * (nesterov ? g + momentum * v : v), g = grad + decay * value. adam (Kingma and Ba, arXiv 1412.6980, algorithm 1):
// m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, value -= lr * (m / (1 - beta1^step)) / (sqrt(v / (1 - beta2^step)) + eps), step from 1. Starts no threads; element by element.
void sj_optimizer_apply(const sj_optimizer_config *config, double lr, double decay, int64_t step, int64_t count, float *value, const float *grad, float *const state[SJ_OPTIMIZER_STATES]);

typedef enum sj_schedule_kind { SJ_SCHEDULE_CONSTANT, SJ_SCHEDULE_EXPONENTIAL, SJ_SCHEDULE_STEP, SJ_SCHEDULE_COSINE } sj_schedule_kind;

#define SJ_MILESTONES_MAX 32
typedef struct sj_schedule {
    sj_schedule_kind kind;
    double lr;             // at the start
    double decay;          // exponential: lr * decay^epoch; step: times decay at each milestone
    int milestone_count;
    int64_t milestones[SJ_MILESTONES_MAX];  // step: epochs, ascending
    double final_lr;       // cosine: final + (lr - final) (1 + cos(pi t)) / 2, t = done / all, by iteration
    double warmup_epochs;  // of every kind: its rate times (iteration + 1) / (warm-up iterations, rounded) while that is below 1; 0: none
} sj_schedule;

// The learning rate of an iteration (from 0) of the whole run; `iterations` of the run, `per_epoch` of them an epoch.
double sj_schedule_lr(const sj_schedule *s, int64_t iteration, int64_t per_epoch, int64_t iterations);

#endif
