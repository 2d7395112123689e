// SPDX-License-Identifier: Apache-2.0
// Which network on which accelerator: the question of arXiv 2307.05520. On each data set the trainings whose macro F1 is at least (1 - within) times that of the best one, and what each took on each accelerator.
#ifndef SJ_ESTIMATE_PAIRS_H
#define SJ_ESTIMATE_PAIRS_H

#include "sj_estimate.h"

#ifdef __cplusplus
extern "C" {
#endif

// A network (of one width: equal parameters) on an accelerator: its cheapest training among those that are good enough.
typedef struct sj_pair {
    const sj_estimate_run *run;  // that training; lives as long as the data
    double best_f1;              // on the data set
    double share;                // its energy / that of the data set's cheapest pair
    double saved;                // 1 - its energy / that of the training with the best F1 on the accelerator where that takes most: what choosing a pair is worth
    int trainings;               // of the network on the accelerator that are good enough
} sj_pair;

typedef struct sj_pairs {
    int count;
    sj_pair *pairs;  // by data set, then energy, ascending
} sj_pairs;

// SJ_ERR_RANGE: a run without macro F1.
sj_status sj_pairs_find(const sj_estimate_data *d, double within, sj_pairs *out, sj_error *err);
void sj_pairs_free(sj_pairs *p);

#ifdef __cplusplus
}
#endif
#endif
