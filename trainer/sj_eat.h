// SPDX-License-Identifier: Apache-2.0
// EAT, energy-aware training (arXiv 2307.00368): L = CE + lambda * reduce_k s_k, s_k = mean_j x_j^2 / (x_j^2 + sigma) over the output of module k, batch included:
// a smooth count of nonzeros. ds/dx = 2 sigma x / (x^2 + sigma)^2, scaled. L1, its rival: s_k = mean_j |x_j|, ds/dx = sign(x) (0 at 0), scaled.
#ifndef SJ_EAT_H
#define SJ_EAT_H

#include <stdbool.h>
#include <stdint.h>

#include "sj_trace.h"

#define SJ_EAT_MODULES_MAX 128

typedef enum sj_eat_kind { SJ_EAT_SMOOTH, SJ_EAT_L1 } sj_eat_kind;
typedef enum sj_eat_reduce { SJ_EAT_MEAN, SJ_EAT_SUM } sj_eat_reduce;

typedef struct sj_eat {
    sj_eat_kind kind;
    double lambda, sigma;          // L1 has no sigma
    sj_eat_reduce reduce;
    double warmup_epochs;          // lambda rises linearly from 0: full strength from the first step stops narrow networks
    bool kinds[SJ_KIND_COUNT];     // whose outputs are hooked, where no module is named
    bool input;                    // the input normaliser counts as a module, too (it has no gradient, but it is one of k)
    int module_count;              // above 0: these layers alone, and the input where `input` says so
    char modules[SJ_EAT_MODULES_MAX][SJ_NAME_MAX];
} sj_eat;

// Is the output of a layer hooked? layer SJ_INPUT_NETWORK: the input.
bool sj_eat_hooked(const sj_eat *eat, const sj_network *net, int layer);
// Number of hooked modules of a network.
int sj_eat_modules(const sj_eat *eat, const sj_network *net);
// Fails where a named layer is not in the network (naming the nearest) or is no module, or where no layer is hooked: the input has no gradient. `group`: "method.eat" or "method.l1", for the message.
sj_status sj_eat_check(const sj_eat *eat, const sj_network *net, const char *group, sj_error *err);

// lambda at a time given in epochs since the start of training.
double sj_eat_lambda(const sj_eat *eat, double epochs_done);

#endif
