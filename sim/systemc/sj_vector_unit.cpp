// SPDX-License-Identifier: Apache-2.0
#include "sj_vector_unit.hpp"

#include "sj_arith.hpp"
#include "sj_traffic.hpp"

namespace sj {

VectorUnit::VectorUnit(const sc_core::sc_module_name &name) : Unit(name) {}

void VectorUnit::work() {
    const sj_job *job = run_->job;
    if (job->is_product) {
        return;
    }
    run_->counts.rng_sample = to_count(job->rng_samples);
    for (int64_t b = 0; b < job->block_count; ++b) {
        if (has_transfer(job, run_->variant.codec, b, false)) {
            loads_done->await(to_count(b + 1));
        }
        if (has_transfer(job, run_->variant.codec, b - 2, true)) {
            stores_done->await(to_count(b - 1));
        }
        const uint64_t cycles = to_count(ceil_div(job->blocks[b].vector_ops, run_->accel->vector_lanes));
        wait(cycles_to_time(cycles));
        run_->counts.vector_op += to_count(job->blocks[b].vector_ops);
        run_->busy_vector += cycles;
        run_->ends_at(run_->now());
        blocks_computed->reach(to_count(b + 1));
    }
}

}  // namespace sj
