// SPDX-License-Identifier: Apache-2.0
#include "sj_estimate_folds.h"

#include <stdlib.h>

#include "sj_file.h"
#include "sj_random.h"

// Numbers the groups that there are from 0, in their order; -1: nobody is of it. Returns how many.
static int number_present(const int *groups, int count, int group_count, int *rank) {
    int present = 0;
    for (int g = 0; g < group_count; g++) {
        rank[g] = -1;
    }
    for (int i = 0; i < count; i++) {
        rank[groups[i]] = 0;
    }
    for (int g = 0; g < group_count; g++) {
        rank[g] = rank[g] == 0 ? present++ : -1;
    }
    return present;
}

static sj_status make_ranks(const int *groups, int count, int group_count, int **rank, int *present, sj_error *err) {
    void *memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)group_count + 1, 2 * sizeof(int), "folds", err));
    *rank = memory;
    *present = number_present(groups, count, group_count, *rank);
    return SJ_OK;
}

sj_status sj_folds_grouped(const int *groups, int count, int group_count, int folds, uint64_t seed, const char *what, int *fold, sj_error *err) {
    int *rank, present;
    SJ_TRY(make_ranks(groups, count, group_count, &rank, &present, err));
    if (folds < 2 || present < folds) {
        free(rank);
        return SJ_FAIL(err, SJ_ERR_RANGE, "%d folds of %d %s: at least 2 folds, and at least as many %s as folds are needed", folds, present, what, what);
    }
    int *shuffled = rank + group_count;  // the groups that there are, in random order
    sj_random random = sj_random_stream(seed, 0x666f6c64);
    for (int i = 0; i < present; i++) {  // inside-out shuffle
        const int j = (int)sj_random_below(&random, (uint64_t)i + 1);
        shuffled[i] = shuffled[j];
        shuffled[j] = i;
    }
    for (int i = 0; i < count; i++) {
        int at = 0;
        while (shuffled[at] != rank[groups[i]]) {
            at++;
        }
        fold[i] = at % folds;
    }
    free(rank);
    return SJ_OK;
}

sj_status sj_folds_leave_one(const int *groups, int count, int group_count, const char *what, int *fold, int *folds, sj_error *err) {
    int *rank;
    SJ_TRY(make_ranks(groups, count, group_count, &rank, folds, err));
    for (int i = 0; i < count; i++) {
        fold[i] = rank[groups[i]];
    }
    free(rank);
    return *folds >= 2 ? SJ_OK : SJ_FAIL(err, SJ_ERR_RANGE, "all runs are of one of the %s: to leave one out at least 2 are needed", what);
}
