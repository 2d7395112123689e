// SPDX-License-Identifier: Apache-2.0
#include "sj_synthetic_run.h"

#include <math.h>

#include "whole_run_internal.h"

sj_synthetic_mix sj_synthetic_mix_of(const sj_ledger *l) {
    sj_synthetic_mix p = {.kinds = sj_synth_kinds_none()};
    for (int64_t i = 0; i < l->rows; i++) {
        if (l->skipped[i]) {
            p.skipped += 1.0;
        } else {
            sj_synth_kinds_add(&p.kinds, i, sj_run_mean_kept(l, i));
        }
    }
    for (int64_t i = 0; i < l->rows; i++) {
        double share[SJ_SYNTH_KINDS];
        sj_synth_kinds_share(&p.kinds, sj_run_mean_kept(l, i), share);
        for (int k = 0; k < SJ_SYNTH_KINDS && !l->skipped[i]; k++) {
            p.iterations[k] += share[k];
        }
    }
    return p;
}

static bool keeps_less(const sj_ledger *l, int64_t row, int layer) {
    const float kept = l->kept_fraction[row * l->layers + layer];
    return !isnan(kept) && kept < 1.0F;
}

sj_synth_options sj_synthetic_options(const sj_ledger *l, const sj_trace_meta *meta, int64_t row, float *layer_keep, const sj_penalty_kind *penalties) {
    sj_synth_options o = sj_synth_untrained(meta->batch_size, meta->images, meta->optimizer);
    o.layer_keep = layer_keep;
    o.penalties = penalties;
    for (int i = 0; i < l->layers; i++) {
        const bool less = keeps_less(l, row, i);
        layer_keep[i] = less ? l->kept_fraction[row * l->layers + i] : NAN;
        o.select = o.select || less;
    }
    return o;
}

sj_status sj_synthetic_penalties(const sj_trace *t, sj_penalty_kind *penalties, sj_error *err) {
    const int layers = sj_trace_get_network(t)->layer_count;
    bool found = false;
    for (int i = 0; i <= layers; i++) {
        penalties[i] = SJ_PENALTY_NONE;
    }
    for (int s = 0; s < sj_trace_step_count(t) && !found; s++) {
        const sj_step_info *step = sj_trace_get_step(t, s);
        for (int i = 0; i <= layers && step->mode == SJ_MODE_TRAIN && !sj_step_is_skipped(step); i++) {
            SJ_TRY(sj_trace_read_penalty(t, s, i > 0 ? i - 1 : SJ_INPUT_NETWORK, &penalties[i], err));
            found = found || penalties[i] != SJ_PENALTY_NONE;
        }
    }
    return SJ_OK;
}
