// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "room.h"
#include "shared.h"

static bool within(int64_t begin, int64_t end, int64_t limit, int64_t grain) { return begin >= 0 && begin < end && end <= limit && begin % grain == 0; }

static bool on_grid(const sj_fast_run_info *run, const sj_block *b) {
    const sj_job *job = run->job;
    const bool k_right = job->k == 0 ? b->k0 == 0 && b->k1 == 0 : within(b->k0, b->k1, job->k, run->accel->k_tile);
    const bool instance_right = b->instance >= 0 && b->instance < sj_job_instances(job);
    return instance_right && k_right && within(b->m0, b->m1, job->m, run->tile_rows) && within(b->n0, b->n1, job->n, run->accel->lanes);
}

// covered: [instance], zeroed
static sj_status cover(const sj_fast_run_info *run, __int128 *covered, sj_error *err) {
    const sj_job *job = run->job;
    for (int64_t i = 0; i < job->block_count; i++) {
        const sj_block *b = &job->blocks[i];
        if (!on_grid(run, b)) {
            return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s %s: block %lld does not lie on whole tiles and k-steps of the product", job->layer, sj_phase_name(job->phase), (long long)i);
        }
        covered[b->instance] += (__int128)(b->m1 - b->m0) * (b->n1 - b->n0) * (b->k1 - b->k0);
    }
    for (int64_t i = 0; i < sj_job_instances(job); i++) {
        if (covered[i] != (__int128)job->m * job->n * job->k) {
            return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s %s: the blocks do not cover the product once", job->layer, sj_phase_name(job->phase));
        }
    }
    return SJ_OK;
}

// The blocks must cover every (instance,m,n,k) once: the MAC sums rely on it.
static sj_status check_blocks(const sj_fast_run_info *run, sj_error *err) {
    __int128 *covered = NULL;
    SJ_TRY(sj_fast_take_zeroed(&covered, (uint64_t)sj_job_instances(run->job), sizeof *covered, "instances", err));
    const sj_status status = cover(run, covered, err);
    sj_fast_give_back(covered);
    return status;
}

static sj_status check_product(const sj_fast_run_info *run, sj_error *err) {
    const sj_job *job = run->job;
    const __int128 one = (__int128)job->m * job->k * (job->n + run->accel->lanes), most = one * sj_job_instances(job);  // bounds every sum over (instance,m,n,k)
    if (job->m < 0 || job->n < 0 || job->k < 0 || one > INT64_MAX || most > INT64_MAX || job->m > UINT32_MAX || job->n > UINT32_MAX) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s %s: M = %lld, K = %lld, N = %lld times %lld is too large a product to count", job->layer, sj_phase_name(job->phase),
                       (long long)job->m, (long long)job->k, (long long)job->n, (long long)sj_job_instances(job));
    }
    if (job->a.kind == SJ_OPERAND_WEIGHT) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s %s: a weight stands on the A side", job->layer, sj_phase_name(job->phase));
    }
    return check_blocks(run, err);
}

static sj_status run_product(const sj_fast_run_info *run, sj_dram *dram, sj_outcome *out, sj_error *err) {
    SJ_TRY(check_product(run, err));
    sj_array *array = NULL;
    sj_visits visits;
    SJ_TRY(sj_fast_visits_make(run, &visits, err));
    sj_status status = sj_fast_array_make(run, &array, err);
    if (status == SJ_OK) {
        status = sj_fast_recursion(run, array, &visits, dram, out, err);
    }
    if (status == SJ_OK) {
        status = sj_fast_array_finish(array, out, err);
    }
    sj_fast_array_free(array);
    sj_fast_visits_free(&visits);
    return status;
}

static void count_time(const sj_fast_run_info *run, const sj_dram *dram, sj_outcome *out) {
    out->counts.dram_refresh = run->job->array_only ? 0 : sj_fast_dram_refreshes(dram, out->cycles);
    out->counts.dram_background = run->job->array_only ? 0 : out->cycles;
    out->counts.clock = out->counts.leakage = out->cycles;
}

static sj_status run_job(const sj_fast_run_info *run, sj_outcome *out, sj_error *err) {
    sj_dram dram;
    SJ_TRY(sj_fast_dram_make(run, &dram, out, err));
    const sj_status status = run->job->is_product ? run_product(run, &dram, out, err) : sj_fast_elementwise(run, &dram, out, err);
    if (status == SJ_OK) {
        count_time(run, &dram, out);
    }
    sj_fast_dram_free(&dram);
    return status;
}

sj_status sj_fast_run_with(const sj_accel *accel, sj_variant variant, const sj_job *job, const sj_timeline_sink *sink, sj_fast_shared *shared, sj_outcome *out, sj_error *err) {
    const bool skip = variant.machine == SJ_MACHINE_SKIP;
    const sj_fast_run_info run = {
        .accel = accel,
        .variant = variant,
        .job = job,
        .skip = skip,
        .present = skip ? SJ_PRESENCE_NONZERO : accel->issue_padding ? SJ_PRESENCE_ALL : SJ_PRESENCE_IN_RANGE,
        .value_bytes = sj_accel_value_bytes(accel),
        .tile_rows = accel->rows * accel->slots,
        .step_words = sj_fast_ceil(accel->k_tile, 64),
        .step_total = sj_fast_ceil(job->k, accel->k_tile),
        .sink = sink,
        .shared = shared,
    };
    memset(out, 0, sizeof *out);
    return run_job(&run, out, err);
}

sj_status sj_fast_run_timeline(const sj_accel *accel, sj_variant variant, const sj_job *job, const sj_timeline_sink *sink, sj_outcome *out, sj_error *err) {
    sj_fast_shared shared = {.bytes_max = UINT64_MAX};
    const sj_status status = sj_fast_run_with(accel, variant, job, sink, &shared, out, err);
    sj_fast_shared_clear(&shared);
    return status;
}

sj_status sj_fast_run(const sj_accel *accel, sj_variant variant, const sj_job *job, sj_outcome *out, sj_error *err) {
    return sj_fast_run_timeline(accel, variant, job, NULL, out, err);
}
