// SPDX-License-Identifier: Apache-2.0
// Folds of a cross-validation that keep groups together: all runs of one training, or of one network.
#ifndef SJ_ESTIMATE_FOLDS_H
#define SJ_ESTIMATE_FOLDS_H

#include "sj_error.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// groups: [count] numbers from 0 to group_count - 1. Groups are shuffled (Fisher-Yates, SplitMix64 by seed) and dealt to the folds in turn: fold[i] is the fold in which i is tested. Groups that no run is of are left out.
// SJ_ERR_RANGE: fewer groups than folds, or fewer than two folds; `what` ("trainings") is what the message calls groups.
sj_status sj_folds_grouped(const int *groups, int count, int group_count, int folds, uint64_t seed, const char *what, int *fold, sj_error *err);
// A fold for each group that there is, in the order of their numbers; *folds how many. SJ_ERR_RANGE: one group alone.
sj_status sj_folds_leave_one(const int *groups, int count, int group_count, const char *what, int *fold, int *folds, sj_error *err);

#ifdef __cplusplus
}
#endif
#endif
