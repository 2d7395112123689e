// SPDX-License-Identifier: Apache-2.0
#include "old_mapper.h"

#include "map_internal.h"

enum { SIZES_MAX = 64, BLOCK_OVERHEAD_BYTES = 2048 };

static int candidates(int64_t whole, int64_t unit, int64_t out[SIZES_MAX]) {
    int count = 0;
    int64_t v = sj_max64(sj_ceil_div(whole, unit), 1) * unit;
    for (;;) {
        out[count++] = v;
        const int64_t half = sj_ceil_div(sj_ceil_div(v, 2), unit) * unit;
        if (half >= v || count == SIZES_MAX) {
            return count;
        }
        v = half;
    }
}

static int64_t traffic(const sj_map_model *model, const sj_mapping *x, const sj_map_footprint *a, const sj_map_footprint *b) {
    const sj_job *job = model->job;
    const bool n_outer = x->order == SJ_ORDER_NM;
    const int64_t mb = sj_ceil_div(job->m, x->m), nb = sj_ceil_div(job->n, x->n), kb = sj_max64(sj_ceil_div(job->k, x->k), 1);
    const bool a_stays = kb == 1 && (!n_outer || mb == 1), b_stays = kb == 1 && (n_outer || nb == 1);
    const int64_t loads = a->bytes * (a_stays ? 1 : nb) + b->bytes * (b_stays ? 1 : mb);
    const int64_t last_m = job->m - (mb - 1) * x->m, last_n = job->n - (nb - 1) * x->n;
    const bool one_tile = x->m <= model->m_unit && x->n <= model->accel->lanes;
    const int64_t partials = one_tile ? 0 : (kb - 1) * job->m * job->n * 2 * 4;
    return loads + partials + a->first_bytes + b->first_bytes + last_m * last_n * job->out_bytes + mb * nb * kb * BLOCK_OVERHEAD_BYTES;
}

bool old_mapping(const sj_accel *accel, const sj_job *job, sj_mapping *out) {
    sj_map_model model;
    sj_map_model_make(accel, job, &model);
    int64_t ms[SIZES_MAX], ns[SIZES_MAX], ks[SIZES_MAX], best = -1;
    const int mc = candidates(job->m, model.m_unit, ms), nc = candidates(job->n, model.n_unit, ns), kc = candidates(job->k, model.k_unit, ks);
    for (int i = 0; i < kc * nc * mc * 2; i++) {
        const sj_mapping x = {ms[i / 2 % mc], ns[i / 2 / mc % nc], ks[i / 2 / mc / nc], (sj_order)(i % 2)};
        sj_map_footprint a, b;
        sj_map_footprint_of(accel, job, true, x.m, x.k, &a);
        sj_map_footprint_of(accel, job, false, x.n, x.k, &b);
        const int64_t cost = sj_map_fits(&model, &x, &a, &b) ? traffic(&model, &x, &a, &b) : -1;
        if (cost >= 0 && (best < 0 || cost < best)) {
            best = cost;
            *out = x;
        }
    }
    return best >= 0;
}
