// SPDX-License-Identifier: Apache-2.0
// EAT, energy-aware training (arXiv 2307.00368): L = CE + lambda * reduce_k s_k, s_k = mean_j x_j^2 / (x_j^2 + sigma) over the output of module k, batch included:
// a smooth count of nonzeros. ds/dx = 2 sigma x / (x^2 + sigma)^2, scaled.
#ifndef SJ_EAT_H
#define SJ_EAT_H

#include <stdbool.h>
#include <stdint.h>

#include "sj_trace.h"

typedef enum sj_eat_reduce { SJ_EAT_MEAN, SJ_EAT_SUM } sj_eat_reduce;

typedef struct sj_eat {
    double lambda, sigma;
    sj_eat_reduce reduce;
    double warmup_epochs;          // lambda rises linearly from 0: full strength from the first step stops narrow networks
    bool kinds[SJ_KIND_COUNT];     // whose outputs are hooked
    bool input;                    // the input normaliser counts as a module, too (it has no gradient, but it is one of k)
} sj_eat;

// Number of hooked modules of a network.
int sj_eat_modules(const sj_eat *eat, const sj_network *net);

// lambda at a time given in epochs since the start of training.
double sj_eat_lambda(const sj_eat *eat, double epochs_done);

// sum of x^2 / (x^2 + sigma)
double sj_eat_penalty(int64_t count, double sigma, const float *x);
// dx += scale * 2 sigma x / (x^2 + sigma)^2
void sj_eat_gradient(int64_t count, double sigma, double scale, const float *x, float *dx);

#endif
