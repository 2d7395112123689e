// SPDX-License-Identifier: Apache-2.0
#include "sj_dram_channel.hpp"

#include <algorithm>

#include "sj_arith.hpp"
#include "sj_buffer.hpp"

namespace sj {

DramChannel::DramChannel(const sc_core::sc_module_name &name) : Unit(name) {}

void DramChannel::work() {
    Traffic traffic(run_->accel, run_->variant, run_->job);
    const std::vector<Transfer> &queue = run_->plan.queue;
    for (size_t q = 0; q < queue.size(); ++q) {
        const Transfer &transfer = queue[q];
        const sj_block &block = run_->job->blocks[transfer.block];
        await_turn(transfer);
        const Movement movement = transfer.is_store ? traffic.move(block.store_first, block.store_count, true) : traffic.move(block.load_first, block.load_count, false);
        const int64_t cycles = cycles_of(movement, q > 0 && queue[q - 1].is_store != transfer.is_store);
        run_->busy_dram += to_count(cycles);
        count(transfer, movement);
        progress(cycles);
        run_->ends_at(run_->now());
        transfers_done->reach(q + 1);
    }
    if (!run_->job->array_only) {
        Buffer buffer(run_);
        for (int64_t b = 0; b < run_->job->block_count; ++b) {
            buffer.count(run_->job->blocks[b], false);
            buffer.count(run_->job->blocks[b], true);
        }
    }
}

void DramChannel::await_turn(const Transfer &transfer) {
    const sj_job *job = run_->job;
    const uint64_t block = to_count(transfer.block);
    if (!job->is_product) {
        blocks_computed->await(transfer.is_store ? block + 1 : block < 2 ? 0 : block - 1);
    } else if (transfer.is_store) {
        drains_done->await(to_count(run_->plan.blocks[to_size(transfer.block)].last_drain + 1));
    } else if (block >= 2 && job->k > 0) {
        blocks_fed->await(block - 1);
    }
}

// The mutation test builds this file with a longer turnaround and must see that the fidelities part.
#ifdef SJ_MUTATE_DRAM_TURNAROUND
constexpr int64_t kExtraTurnaroundTicks = 4;
#else
constexpr int64_t kExtraTurnaroundTicks = 0;
#endif

int64_t DramChannel::cycles_of(const Movement &movement, bool turns) const {
    const sj_dram_type *dram = run_->accel->dram;
    const int64_t ticks = movement.bursts * dram->burst_ticks + movement.misses * dram->miss_ticks + (turns ? dram->turnaround_ticks + kExtraTurnaroundTicks : 0);
    const int64_t transposer = movement.transposed_tiles > 0 ? (movement.transposed_tiles + 1) * run_->accel->k_tile : 0;
    return std::max({sj_accel_cycles_from_ticks(run_->accel, ticks), movement.codec_lines, transposer});
}

// Refresh windows [H + jI, H + jI + W) make no progress.
void DramChannel::progress(int64_t cycles) {
    const sj_dram_type *dram = run_->accel->dram;
    const int64_t interval = sj_accel_cycles_from_ns(run_->accel, dram->refresh_interval_ns);
    const int64_t window = sj_accel_cycles_from_ns(run_->accel, dram->refresh_window_ns);
    const int64_t first = interval / 2;
    while (cycles > 0) {
        const int64_t since = static_cast<int64_t>(run_->now()) - first;
        if (since >= 0 && since % interval < window) {
            wait(cycles_to_time(to_count(window - since % interval)));
            continue;
        }
        const int64_t until_window = since < 0 ? -since : interval - since % interval;
        const int64_t run = std::min(cycles, until_window);
        wait(cycles_to_time(to_count(run)));
        cycles -= run;
    }
}

void DramChannel::count(const Transfer &transfer, const Movement &movement) {
    sj_counters &counts = run_->counts;
    counts.dram_activate += to_count(movement.misses);
    (transfer.is_store ? counts.dram_write : counts.dram_read) += to_count(movement.bursts);
    (transfer.is_store ? counts.codec_encode : counts.codec_decode) += to_count(movement.codec_lines);
    counts.transpose += transfer.is_store ? 0 : to_count(movement.transposed_tiles);
}

}  // namespace sj
