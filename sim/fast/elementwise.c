// SPDX-License-Identifier: Apache-2.0
// Elementwise passes on the vector unit (docs/timing.md section 7).
#include "sj_fast_internal.h"

sj_status sj_fast_elementwise(const sj_fast_run_info *run, sj_dram *dram, sj_outcome *out, sj_error *err) {
    (void)err;
    out->counts.rng_sample = (uint64_t)run->job->rng_samples;
    const sj_job *job = run->job;
    uint64_t load_end[3] = {0};   // of blocks b, b+1, b+2
    uint64_t store_end[2] = {0};  // of blocks b-2, b-1
    uint64_t vend = 0;
    for (int64_t b = 0; b < job->block_count && b < 2; b++) {
        load_end[b] = sj_fast_dram_load(dram, b, 0);
    }
    for (int64_t b = 0; b < job->block_count; b++) {
        const uint64_t cycles = (uint64_t)sj_fast_ceil(job->blocks[b].vector_ops, run->accel->vector_lanes);
        const uint64_t vbeg = sj_fast_max(vend, sj_fast_max(load_end[0], store_end[0]));
        vend = vbeg + cycles;
        sj_fast_slice(run->sink, SJ_TRACK_VECTOR, 0, "pass", b, vbeg, vend);
        out->busy_work += cycles;
        out->counts.vector_op += (uint64_t)job->blocks[b].vector_ops;
        load_end[2] = b + 2 < job->block_count ? sj_fast_dram_load(dram, b + 2, vend) : 0;
        store_end[0] = store_end[1];
        store_end[1] = sj_fast_dram_store(dram, b, vend);
        load_end[0] = load_end[1];
        load_end[1] = load_end[2];
    }
    out->cycles = sj_fast_max(vend, dram->queue_end);
    return SJ_OK;
}
