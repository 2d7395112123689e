// SPDX-License-Identifier: Apache-2.0
// What the two halves of the difference of runs share; nobody else includes this.
#ifndef SJ_VIEW_DIFF_H
#define SJ_VIEW_DIFF_H

#include "views_internal.h"

typedef struct sj_diff {
    FILE *f;
    double threshold;
    int64_t differences;  // that there are, printed or not
    int64_t hidden;       // of these, those within the threshold
} sj_diff;

// A name that a user gave: control characters become blanks.
void sj_diff_name(FILE *f, const char *name);
// Variants, their totals and their layers, those whose energy changes most first.
sj_status sj_diff_stats(sj_diff *d, const sj_stats *a, const sj_stats *b, sj_error *err);
sj_status sj_diff_whole(sj_diff *d, const sj_whole_run *a, const sj_whole_run *b, sj_error *err);

#endif
