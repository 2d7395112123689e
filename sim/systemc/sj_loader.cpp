// SPDX-License-Identifier: Apache-2.0
#include "sj_loader.hpp"

#include <algorithm>

#include "sj_arith.hpp"
#include "sj_traffic.hpp"

namespace sj {

Loader::Loader(const sc_core::sc_module_name &name) : Unit(name) { driver.bind(*this); }

void Loader::work() {
    phase_begin_ = phase_end_ = 0;
    window_.clear();
    if (!run_->job->is_product) {
        return;
    }
    StepWalk walk(run_->accel, run_->job);
    StepMaker maker(run_);
    while (walk.peek() != nullptr) {
        const int64_t block = walk.peek()->block;
        feed_block(block, &walk, &maker);
        blocks_fed->reach(to_count(block + 1));
    }
}

void Loader::feed_block(int64_t block, StepWalk *walk, StepMaker *maker) {
    look_ahead(block, walk, maker);
    open_block(block);
    while (!window_.empty()) {
        load();
        count_step(window_.front());
        window_.pop_front();
        look_ahead(block, walk, maker);
    }
}

// Keeps three steps of the block in the window.
void Loader::look_ahead(int64_t block, StepWalk *walk, StepMaker *maker) {
    for (; window_.size() < 3 && walk->peek() != nullptr && walk->peek()->block == block; walk->pop()) {
        window_.push_back(maker->make(*walk->peek()));
    }
}

// A block's first steps: masks and lines that nothing could hide.
void Loader::open_block(int64_t block) {
    const Step *first = ahead(0), *second = ahead(1);
    steps_done->await(first->number > 1 ? first->number - 1 : 0);
    if (has_transfer(run_->job, run_->variant.codec, block, false)) {
        loads_done->await(to_count(block + 1));
    }
    send(first, nullptr, std::max(first->mask_beats, first->flag_beats), false);
    const int64_t second_masks = second != nullptr ? std::max(second->mask_beats, second->flag_beats) : 0;
    send(second, nullptr, std::max(second_masks, first->line_cycles), false);
}

void Loader::load() {
    const Step *step = ahead(0), *next = ahead(1), *after = ahead(2);
    steps_done->await(step->number > 1 ? step->number - 1 : 0);
    const int64_t bus_a = step->value_beats + (after != nullptr ? after->mask_beats : 0);
    const int64_t bus_b = step->vector_beats + (after != nullptr ? after->flag_beats : 0);
    const int64_t lines = next != nullptr ? next->line_cycles : 0;
    send(after, step, std::max({bus_a, bus_b, lines, int64_t{1}}), true);
}

void Loader::send(const Step *masks, const Step *values, int64_t cycles, bool commit) {
    if (cycles == 0) {
        return;
    }
    bus_a_.begin(run_, masks, values);
    bus_b_.begin(run_, masks, values);
    loading_ = values;
    commit_ = commit;
    phase_begin_ = run_->now();
    phase_end_ = phase_begin_ + to_count(cycles);
    clock->wake();
    wait(cycles_to_time(to_count(cycles)));
    if (!bus_a_.empty() || !bus_b_.empty()) {
        run_->fail(SJ_ERR_INTERNAL, "a load ended before its last beat");
    }
}

// Beats come first, the commit last; a load that waits for lines drives nothing in between.
uint64_t Loader::next_drive(uint64_t cycle) const {
    if (cycle >= phase_end_) {
        return kNever;
    }
    if (!bus_a_.empty() || !bus_b_.empty() || (cycle == phase_begin_ && enters_flags_aside())) {
        return cycle;
    }
    return commit_ ? phase_end_ - 1 : kNever;
}

// Dense and gate: flags enter on no bus.
bool Loader::enters_flags_aside() const { return loading_ != nullptr && loading_->flag_beats == 0; }

void Loader::drive(uint64_t cycle, ArrayIn *in) {
    run_->counts.bus_a += bus_a_.beat(in) ? 1u : 0u;
    run_->counts.bus_b += bus_b_.beat(in) ? 1u : 0u;
    if (cycle == phase_begin_ && enters_flags_aside()) {
        write_flags(*loading_, in);
    }
    if (commit_ && cycle + 1 == phase_end_) {
        in->commit = true;
        in->step = loading_->descriptor;
    }
}

void Loader::count_step(const Step &step) {
    const sj_accel *accel = run_->accel;
    sj_counters &counts = run_->counts;
    for (size_t k = 0; k < to_size(step.k_count); ++k) {
        run_->macs_total += to_count(step.a->rows_in_range[k] * step.b->lanes_in_range[k]);
    }
    if (run_->variant.machine == SJ_MACHINE_SKIP) {
        const int64_t words = step.descriptor.rows_valid + (run_->job->flags_per_lane ? step.lanes_valid : 1);
        counts.mask_read += to_count(words);
        counts.mask_write += to_count(words);
    }
    const int64_t vector_lines = ceil_div(accel->lanes * sj_accel_value_bytes(accel), accel->line_bytes);
    counts.buffer_read += to_count(step.a->lines + static_cast<int64_t>(step.vectors.size()) * vector_lines);
    run_->busy_a += to_count(std::max(step.mask_beats + step.value_beats, step.line_cycles));
    run_->busy_b += to_count(step.flag_beats + step.vector_beats);
}

}  // namespace sj
