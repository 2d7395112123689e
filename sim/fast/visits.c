// SPDX-License-Identifier: Apache-2.0
// Visits of tiles and the order of the O bus (docs/timing.md section 5), before any time is known.

#include "room.h"
#include "sj_fast_internal.h"

static bool one_tile(const sj_fast_run_info *run, const sj_block *b) { return b->m1 - b->m0 <= run->tile_rows && b->n1 - b->n0 <= run->accel->lanes; }

static bool same_outputs(const sj_block *a, const sj_block *b) { return a->m0 == b->m0 && a->m1 == b->m1 && a->n0 == b->n0 && a->n1 == b->n1; }

static bool goes_on(const sj_fast_run_info *run, const sj_block *before, const sj_block *b) {
    return before->instance == b->instance && one_tile(run, before) && same_outputs(before, b) && before->k1 == b->k0 && b->k0 > 0;
}

static int64_t block_tiles(const sj_fast_run_info *run, const sj_block *b) {
    return sj_fast_ceil(b->m1 - b->m0, run->tile_rows) * sj_fast_ceil(b->n1 - b->n0, run->accel->lanes);
}

static int64_t instance_tiles(const sj_fast_run_info *run) { return sj_fast_ceil(run->job->m, run->tile_rows) * sj_fast_ceil(run->job->n, run->accel->lanes); }

static void fill_behind(sj_visits *v, int64_t *tail, int64_t drain, int64_t visit) {
    if (v->fill_head[drain] < 0) {
        v->fill_head[drain] = visit;
    } else {
        v->fill_next[tail[drain]] = visit;
    }
    tail[drain] = visit;
}

// Numbers a block's visits from t on; last[instance][tile] is the last visit of a tile of the job.
static void number_block(const sj_fast_run_info *run, const sj_block *b, sj_visits *v, int64_t t, int64_t *last, int64_t *tail) {
    const int64_t column_tiles = sj_fast_ceil(run->job->n, run->accel->lanes), first = b->instance * instance_tiles(run);
    for (int64_t n = b->n0; n < b->n1; n += run->accel->lanes) {
        for (int64_t m = b->m0; m < b->m1; m += run->tile_rows, t++) {
            int64_t *latest = &last[first + m / run->tile_rows * column_tiles + n / run->accel->lanes];
            v->source[t] = b->k0 > 0 ? *latest : -1;
            if (v->source[t] >= 0) {
                const int64_t drain = (int64_t)sj_fast_max((uint64_t)v->source[t], t > run->accel->acc_banks ? (uint64_t)(t - run->accel->acc_banks) : 0);
                fill_behind(v, tail, drain, t);
            }
            *latest = t;
        }
    }
}

static sj_status allocate(const sj_fast_run_info *run, sj_visits *v, int64_t **last, int64_t **tail, sj_error *err) {
    const uint64_t tiles = (uint64_t)(sj_job_instances(run->job) * instance_tiles(run)), visits = (uint64_t)v->count;
    SJ_TRY(sj_fast_take_zeroed(&v->source, visits, sizeof *v->source, "visits", err));
    SJ_TRY(sj_fast_take_zeroed(&v->fill_head, visits, sizeof *v->fill_head, "visits", err));
    SJ_TRY(sj_fast_take_zeroed(&v->fill_next, visits, sizeof *v->fill_next, "visits", err));
    SJ_TRY(sj_fast_take_zeroed(tail, visits, sizeof **tail, "visits", err));
    SJ_TRY(sj_fast_take_zeroed(last, tiles, sizeof **last, "tiles", err));
    for (uint64_t t = 0; t < visits; t++) {
        v->fill_head[t] = v->fill_next[t] = -1;
    }
    for (uint64_t i = 0; i < tiles; i++) {
        (*last)[i] = -1;
    }
    return SJ_OK;
}

sj_status sj_fast_visits_make(const sj_fast_run_info *run, sj_visits *out, sj_error *err) {
    const sj_job *job = run->job;
    int64_t *last = NULL, *tail = NULL;
    *out = (sj_visits){0};
    SJ_TRY(sj_fast_take_zeroed(&out->continues, (uint64_t)job->block_count, sizeof *out->continues, "blocks", err));
    for (int64_t b = 0; b < job->block_count; b++) {
        out->continues[b] = b > 0 && goes_on(run, &job->blocks[b - 1], &job->blocks[b]);
        out->count += out->continues[b] ? 0 : block_tiles(run, &job->blocks[b]);
    }
    const sj_status status = allocate(run, out, &last, &tail, err);
    if (status == SJ_OK) {
        for (int64_t b = 0, t = 0; b < job->block_count; b++) {
            if (!out->continues[b]) {
                number_block(run, &job->blocks[b], out, t, last, tail);
                t += block_tiles(run, &job->blocks[b]);
            }
        }
    }
    sj_fast_give_back(last);
    sj_fast_give_back(tail);
    if (status != SJ_OK) {
        sj_fast_visits_free(out);
    }
    return status;
}

void sj_fast_visits_free(sj_visits *visits) {
    sj_fast_give_back(visits->continues);
    sj_fast_give_back(visits->source);
    sj_fast_give_back(visits->fill_head);
    sj_fast_give_back(visits->fill_next);
    *visits = (sj_visits){0};
}
