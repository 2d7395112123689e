// SPDX-License-Identifier: Apache-2.0
#include "sj_clocked_array.hpp"

namespace sj {

// Edges without work before the clock rests: the array's registers have settled by then.
static constexpr uint64_t kSettleCycles = 4;

ClockedArray::ClockedArray(const sc_core::sc_module_name &name) : sc_core::sc_module(name) {
    SC_HAS_PROCESS(ClockedArray);
    SC_METHOD(edge);
    sensitive << edge_;
    dont_initialize();
    clock.bind(*this);
}

void ClockedArray::arm(Run *run) {
    run_ = run;
    edge_.cancel();
    steps_ = visits_ = drains_ = 0;
    steps_sent_ = visits_sent_ = drains_sent_ = 0;
    still_cycles_ = quiet_cycles_ = 0;
    // At most three steps are under way and none works longer than all slots times k_tile: an array in which nothing has ended for that long waits for a drain or
    // a fill, and keeps its state until somebody drives it.
    still_limit_ = 4 * static_cast<uint64_t>(run->accel->slots * run->accel->k_tile) + 16;
}

void ClockedArray::wake() {
    quiet_cycles_ = still_cycles_ = 0;
    edge_.notify(half_cycle());
}

void ClockedArray::edge() {
    const uint64_t cycle = run_->now();
    ArrayIn in;
    bool driven = false;
    for (int i = 0; i < drivers.size(); ++i) {
        driven = drivers[i]->drive(cycle, &in) || driven;
    }
    run_->array->clock(in);
    steps_sent_ += in.commit ? 1 : 0;
    visits_sent_ += in.commit && in.step.visit_last ? 1 : 0;
    drains_sent_ += in.drain_start ? 1 : 0;
    const ArrayOut &out = run_->array->out();
    for (int i = 0; i < drivers.size(); ++i) {
        drivers[i]->collect(out);
    }
    still_cycles_ = changed(out) || driven ? 0 : still_cycles_ + 1;
    quiet_cycles_ = quiet(out) && !driven ? quiet_cycles_ + 1 : 0;
    if (quiet_cycles_ < kSettleCycles && still_cycles_ < still_limit_) {
        edge_.notify(cycles_to_time(1));
    }
}

bool ClockedArray::changed(const ArrayOut &out) {
    const bool any = out.steps_done != steps_ || out.visits_done != visits_ || out.drains_done != drains_ || out.drain_valid;
    if (out.steps_done != steps_) {
        steps_ = out.steps_done;
        run_->ends_at(run_->now() + 1);
        steps_done->reach_next(steps_);
    }
    if (out.visits_done != visits_) {
        visits_ = out.visits_done;
        visits_done->reach_next(visits_);
    }
    drains_ = out.drains_done;
    return any;
}

bool ClockedArray::quiet(const ArrayOut &out) const {
    return out.steps_done == steps_sent_ && out.visits_done == visits_sent_ && out.drains_done == drains_sent_ && !out.drain_valid;
}

}  // namespace sj
