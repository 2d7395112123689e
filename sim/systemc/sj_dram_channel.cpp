// SPDX-License-Identifier: Apache-2.0
#include "sj_dram_channel.hpp"

#include <algorithm>

#include "sj_arith.hpp"
#include "sj_buffer.hpp"
#include "sj_transposer.hpp"

namespace sj {

DramChannel::DramChannel(const sc_core::sc_module_name &name) : Unit(name) {}

void DramChannel::work() {
    const sj_job *job = run_->job;
    if (job->array_only) {
        return;
    }
    Traffic traffic(run_->accel, run_->variant, job);
    last_ = Direction::none;
    transfer(0, false, &traffic);
    transfer(1, false, &traffic);
    for (int64_t b = 0; b < job->block_count; ++b) {
        transfer(b + 2, false, &traffic);
        transfer(b, true, &traffic);
    }
    Buffer buffer(run_);
    for (int64_t b = 0; b < job->block_count; ++b) {
        buffer.count(job->blocks[b], false);
        buffer.count(job->blocks[b], true);
    }
}

void DramChannel::transfer(int64_t block, bool is_store, Traffic *traffic) {
    if (!has_transfer(run_->job, run_->variant.codec, block, is_store)) {
        return;
    }
    await_turn(block, is_store);
    const sj_block &b = run_->job->blocks[block];
    const Movement movement = is_store ? traffic->move(b.store_first, b.store_count, true) : traffic->move(b.load_first, b.load_count, false);
    const Direction direction = is_store ? Direction::write : Direction::read;
    const int64_t cycles = cycles_of(movement, last_ != Direction::none && last_ != direction);
    last_ = direction;
    run_->busy_dram += to_count(cycles);
    count(is_store, movement);
    progress(cycles);
    run_->ends_at(run_->now());
    (is_store ? stores_done : loads_done)->reach(to_count(block + 1));
}

void DramChannel::await_turn(int64_t block, bool is_store) {
    const bool is_product = run_->job->is_product;
    if (is_store) {
        (is_product ? blocks_drained : blocks_computed)->await(to_count(block + 1));
    } else if (block >= 2 && !is_product) {
        blocks_computed->await(to_count(block - 1));
    } else if (block >= 2 && run_->job->k > 0) {
        blocks_fed->await(to_count(block - 1));
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
    return std::max({sj_accel_cycles_from_ticks(run_->accel, ticks), movement.codec_lines, transposer_cycles(movement.transposed_tiles, run_->accel->k_tile)});
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

void DramChannel::count(bool is_store, const Movement &movement) {
    sj_counters &counts = run_->counts;
    counts.dram_activate += to_count(movement.misses);
    (is_store ? counts.dram_write : counts.dram_read) += to_count(movement.bursts);
    (is_store ? counts.codec_encode : counts.codec_decode) += to_count(movement.codec_lines);
    counts.transpose += is_store ? 0 : to_count(movement.transposed_tiles);
}

}  // namespace sj
