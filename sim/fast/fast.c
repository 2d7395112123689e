// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "sj_fast_internal.h"

static bool within(int64_t begin, int64_t end, int64_t limit, int64_t grain) { return begin >= 0 && begin < end && end <= limit && begin % grain == 0; }

// The blocks must cover every (m,n,k) once: the MAC sums rely on it.
static sj_status check_blocks(const sj_fast_run_info *run, sj_error *err) {
    const sj_job *job = run->job;
    __int128 covered = 0;
    for (int64_t i = 0; i < job->block_count; i++) {
        const sj_block *b = &job->blocks[i];
        const bool k_right = job->k == 0 ? b->k0 == 0 && b->k1 == 0 : within(b->k0, b->k1, job->k, run->accel->k_tile);
        const bool right = k_right && within(b->m0, b->m1, job->m, run->tile_rows) && within(b->n0, b->n1, job->n, run->accel->lanes);
        if (!right) {
            return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s %s: block %lld does not lie on whole tiles and k-steps of the product", job->layer, sj_phase_name(job->phase), (long long)i);
        }
        covered += (__int128)(b->m1 - b->m0) * (b->n1 - b->n0) * (b->k1 - b->k0);
    }
    if (covered != (__int128)job->m * job->n * job->k) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s %s: the blocks do not cover the product once", job->layer, sj_phase_name(job->phase));
    }
    return SJ_OK;
}

static sj_status check_product(const sj_fast_run_info *run, sj_error *err) {
    const sj_job *job = run->job;
    const __int128 most = (__int128)job->m * job->k * (job->n + run->accel->lanes);  // bounds every sum over (m,n,k)
    if (job->m < 0 || job->n < 0 || job->k < 0 || most > INT64_MAX || job->m > UINT32_MAX) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s %s: M = %lld, K = %lld, N = %lld is too large a product to count", job->layer, sj_phase_name(job->phase), (long long)job->m,
                       (long long)job->k, (long long)job->n);
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
        sj_fast_array_counts(array, out);
    }
    sj_fast_array_free(array);
    sj_fast_visits_free(&visits);
    return status;
}

static void count_time(const sj_fast_run_info *run, const sj_dram *dram, sj_outcome *out) {
    for (int64_t b = 0; b < run->job->block_count; b++) {
        out->counts.vector_op += (uint64_t)run->job->blocks[b].vector_ops;
    }
    out->counts.dram_refresh = run->job->array_only ? 0 : sj_fast_dram_refreshes(dram, out->cycles);
    out->counts.dram_background = run->job->array_only ? 0 : out->cycles;
    out->counts.clock = out->counts.leakage = out->cycles;
}

sj_status sj_fast_run(const sj_accel *accel, sj_variant variant, const sj_job *job, sj_outcome *out, sj_error *err) {
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
    };
    sj_dram dram;
    memset(out, 0, sizeof *out);
    SJ_TRY(sj_fast_dram_make(&run, &dram, out, err));
    const sj_status status = job->is_product ? run_product(&run, &dram, out, err) : sj_fast_elementwise(&run, &dram, out, err);
    if (status == SJ_OK) {
        count_time(&run, &dram, out);
    }
    sj_fast_dram_free(&dram);
    return status;
}
