// SPDX-License-Identifier: Apache-2.0
#include "sj_clocked_array.hpp"

#include <algorithm>

namespace sj {

// ---- ArrayWatch

void ArrayWatch::commit(const StepDescriptor &step) {
    if (step.visit_first) {
        ++visits_entered_;
        fills_wanted_ += step.filled ? 1u : 0u;
        fill_of_visit_ = step.filled ? fills_wanted_ : 0;
    }
    under_way_.push_back({visits_entered_ - 1, fill_of_visit_, step.visit_last});
}

void ArrayWatch::edge(const ArrayIn &in, const ArrayOut &out) {
    if (in.commit) {
        commit(in.step);
    }
    fills_ += in.fill_write && in.fill_last ? 1u : 0u;
    drains_ += in.drain_start ? 1u : 0u;
    for (; steps_ < out.steps_done && !under_way_.empty(); ++steps_) {
        visits_over_ += under_way_.front().visit_last ? 1u : 0u;
        under_way_.pop_front();
    }
}

bool ArrayWatch::may_change(const ArrayOut &out) const {
    if (out.drain_valid || out.drains_done != drains_ || out.visits_done != visits_over_) {
        return true;
    }
    for (const SentStep &step : under_way_) {
        if (is_open(step, out)) {
            return true;
        }
    }
    return false;
}

// ---- ClockedArray

ClockedArray::ClockedArray(const sc_core::sc_module_name &name) : sc_core::sc_module(name) {
    SC_HAS_PROCESS(ClockedArray);
    SC_METHOD(edges);
    sensitive << edge_;
    dont_initialize();
    clock.bind(*this);
}

void ClockedArray::arm(Run *run) {
    run_ = run;
    edge_.cancel();
    watch_ = ArrayWatch(run->accel->acc_banks);
    in_ = ArrayIn{};
    steps_ = visits_ = drains_ = 0;
    idle_edges_ = still_edges_ = 0;
    // At most three steps are under way and none works longer than all slots times k_tile: an array that could change and has not for that long never will.
    still_limit_ = std::max(4 * static_cast<uint64_t>(run->accel->slots * run->accel->k_tile) + 16, run->settle_edges);
}

void ClockedArray::wake() {
    const uint64_t now = run_->now(), first = next_drive(now);
    if (first != kNever) {
        edge_.notify(cycles_to_time(first - now) + half_cycle());
    }
}

uint64_t ClockedArray::next_drive(uint64_t cycle) const {
    uint64_t first = kNever;
    for (int i = 0; i < drivers.size(); ++i) {
        first = std::min(first, drivers[i]->next_drive(cycle));
    }
    return first;
}

uint64_t ClockedArray::next_edge(uint64_t cycle) const {
    if (idle_edges_ < run_->settle_edges && still_edges_ < still_limit_) {
        return cycle;
    }
    return next_drive(cycle);
}

// Runs the edges up to the next event of the simulation, one after the other without going back to its kernel: until then no unit can see or change anything.
void ClockedArray::edges() {
    const uint64_t here = run_->now();
    const sc_core::sc_time quiet = sc_core::sc_time_to_pending_activity(sc_core::sc_get_curr_simcontext());
    const uint64_t next_event = (sc_core::sc_time_stamp().value() + quiet.value()) / 2 - run_->start_cycle;
    uint64_t cycle = here;
    for (;;) {
        const bool somebody_wakes = edge(cycle, cycle - here);
        cycle = next_edge(cycle + 1);
        if (cycle == kNever) {
            return;
        }
        if (somebody_wakes || cycle >= next_event) {
            edge_.notify(cycles_to_time(cycle - here));
            return;
        }
    }
}

// One clock edge, `ahead` cycles after the kernel's time. True when a unit wakes in the next cycle.
bool ClockedArray::edge(uint64_t cycle, uint64_t ahead) {
    bool driven = false;
    for (int i = 0; i < drivers.size(); ++i) {
        if (drivers[i]->next_drive(cycle) == cycle) {
            drivers[i]->drive(cycle, &in_);
            driven = true;
        }
    }
    run_->array->clock(in_);
    const ArrayOut &out = run_->array->out();
    if (out.drain_valid) {
        for (int i = 0; i < drivers.size(); ++i) {
            drivers[i]->collect(out);
        }
    }
    watch_.edge(in_, out);
    if (in_.drain_start) {
        const uint64_t beats = static_cast<uint64_t>(in_.drain_rows) * static_cast<uint64_t>(in_.drain_beats_per_row);
        still_limit_ = std::max(still_limit_, beats + 16);
    }
    const bool changed = out.steps_done != steps_ || out.visits_done != visits_ || out.drains_done != drains_ || out.drain_valid;
    still_edges_ = changed || driven ? 0 : still_edges_ + 1;
    idle_edges_ = driven || watch_.may_change(out) ? 0 : idle_edges_ + 1;
    if (driven) {
        in_ = ArrayIn{};
    }
    return changed && announce(out, cycle, ahead);
}

bool ClockedArray::announce(const ArrayOut &out, uint64_t cycle, uint64_t ahead) {
    const sc_core::sc_time delay = cycles_to_time(ahead) + half_cycle();
    bool wakes = false;
    if (out.steps_done != steps_) {
        steps_ = out.steps_done;
        run_->ends_at(cycle + 1);
        wakes = steps_done->reach_after(steps_, delay) || wakes;
    }
    if (out.visits_done != visits_) {
        visits_ = out.visits_done;
        wakes = visits_done->reach_after(visits_, delay) || wakes;
    }
    drains_ = out.drains_done;
    return wakes;
}

}  // namespace sj
