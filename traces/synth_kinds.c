// SPDX-License-Identifier: Apache-2.0
// Which synthetic steps stand for a run.
#include <math.h>

#include "sj_synth.h"

double sj_synth_mean_kept(const float *kept, int layers) {
    double sum = 0.0;
    int count = 0;
    for (int i = 0; i < layers; i++) {
        sum += isnan(kept[i]) ? 0.0 : (double)kept[i];
        count += isnan(kept[i]) ? 0 : 1;
    }
    return count > 0 ? sum / count : 1.0;
}

sj_synth_kinds sj_synth_kinds_none(void) { return (sj_synth_kinds){.row = {-1, -1, -1}, .kept = {1.0, -INFINITY, INFINITY}}; }

static void take(sj_synth_kinds *k, int kind, int64_t row, double kept) {
    k->row[kind] = row;
    k->kept[kind] = kept;
}

void sj_synth_kinds_add(sj_synth_kinds *k, int64_t row, double kept) {
    if (kept >= 1.0) {
        if (k->row[SJ_SYNTH_DENSE] < 0) {
            take(k, SJ_SYNTH_DENSE, row, 1.0);
        }
        return;
    }
    if (kept > k->kept[SJ_SYNTH_MOST]) {
        take(k, SJ_SYNTH_MOST, row, kept);
    }
    if (kept < k->kept[SJ_SYNTH_LEAST]) {
        take(k, SJ_SYNTH_LEAST, row, kept);
    }
}

bool sj_synth_kinds_has(const sj_synth_kinds *k, int kind) { return k->row[kind] >= 0 && !(kind == SJ_SYNTH_LEAST && k->kept[SJ_SYNTH_LEAST] == k->kept[SJ_SYNTH_MOST]); }

void sj_synth_kinds_share(const sj_synth_kinds *k, double kept, double share[SJ_SYNTH_KINDS]) {
    const double width = k->kept[SJ_SYNTH_MOST] - k->kept[SJ_SYNTH_LEAST];
    const double least = width > 0.0 ? (k->kept[SJ_SYNTH_MOST] - kept) / width : 0.0;
    share[SJ_SYNTH_DENSE] = kept >= 1.0 ? 1.0 : 0.0;
    share[SJ_SYNTH_LEAST] = kept >= 1.0 ? 0.0 : least;
    share[SJ_SYNTH_MOST] = kept >= 1.0 ? 0.0 : 1.0 - least;
}
