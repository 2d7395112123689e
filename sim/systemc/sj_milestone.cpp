// SPDX-License-Identifier: Apache-2.0
#include "sj_milestone.hpp"

namespace sj {

sc_core::sc_time cycles_to_time(uint64_t cycles) { return sc_core::sc_time::from_value(2 * cycles); }
sc_core::sc_time half_cycle() { return sc_core::sc_time::from_value(1); }

Milestone::Milestone(const char *name) : sc_core::sc_prim_channel(name) {}

void Milestone::await(uint64_t count) {
    while (count_ < count && !abandoned_) {
        wait(changed_);
    }
    if (abandoned_) {
        throw Abandoned{};
    }
}

void Milestone::reach(uint64_t count) {
    count_ = count;
    changed_.notify(sc_core::SC_ZERO_TIME);
}

void Milestone::reach_next(uint64_t count) {
    count_ = count;
    changed_.notify(half_cycle());
}

void Milestone::reset() {
    count_ = 0;
    abandoned_ = false;
}

void Milestone::abandon() {
    abandoned_ = true;
    changed_.notify(sc_core::SC_ZERO_TIME);
}

}  // namespace sj
