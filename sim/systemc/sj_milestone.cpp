// SPDX-License-Identifier: Apache-2.0
#include "sj_milestone.hpp"

#include <algorithm>

namespace sj {

sc_core::sc_time cycles_to_time(uint64_t cycles) { return sc_core::sc_time::from_value(2 * cycles); }
sc_core::sc_time half_cycle() { return sc_core::sc_time::from_value(1); }

Milestone::Milestone(const char *name) : sc_core::sc_prim_channel(name) {}

void Milestone::await(uint64_t count) {
    while (count_ < count && !abandoned_) {
        wanted_ = std::min(wanted_, count);
        wait(changed_);
    }
    if (abandoned_) {
        throw Abandoned{};
    }
}

// Everyone who is woken says anew what it waits for.
bool Milestone::is_wanted(uint64_t count) {
    count_ = count;
    if (count < wanted_) {
        return false;
    }
    wanted_ = UINT64_MAX;
    return true;
}

void Milestone::reach(uint64_t count) {
    if (is_wanted(count)) {
        changed_.notify(sc_core::SC_ZERO_TIME);
    }
}

bool Milestone::reach_after(uint64_t count, const sc_core::sc_time &delay) {
    const bool wanted = is_wanted(count);
    if (wanted) {
        changed_.notify(delay);
    }
    return wanted;
}

void Milestone::reset() {
    count_ = 0;
    wanted_ = UINT64_MAX;
    abandoned_ = false;
}

void Milestone::abandon() {
    abandoned_ = true;
    changed_.notify(sc_core::SC_ZERO_TIME);
}

}  // namespace sj
