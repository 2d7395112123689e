// SPDX-License-Identifier: Apache-2.0
// The DRAM channel: one in-order queue of loads and stores (docs/timing.md section 6).
#ifndef SJ_DRAM_CHANNEL_HPP
#define SJ_DRAM_CHANNEL_HPP

#include "sj_milestone.hpp"
#include "sj_traffic.hpp"
#include "sj_unit.hpp"

namespace sj {

class DramChannel : public Unit {
public:
    explicit DramChannel(const sc_core::sc_module_name &name);

    sc_core::sc_port<MilestoneIf> transfers_done;
    sc_core::sc_port<MilestoneIf> blocks_fed;     // blocks whose last step is loaded into the array
    sc_core::sc_port<MilestoneIf> drains_done;
    sc_core::sc_port<MilestoneIf> blocks_computed;  // elementwise

private:
    void work() override;
    void await_turn(const Transfer &transfer);
    int64_t cycles_of(const Movement &movement, bool turns) const;
    void progress(int64_t cycles);
    void count(const Transfer &transfer, const Movement &movement);
};

}  // namespace sj
#endif
