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

    sc_core::sc_port<MilestoneIf> loads_done, stores_done;  // blocks up to the last one whose transfer is over
    sc_core::sc_port<MilestoneIf> blocks_fed;               // blocks whose last step is loaded into the array
    sc_core::sc_port<MilestoneIf> blocks_drained;
    sc_core::sc_port<MilestoneIf> blocks_computed;          // elementwise

private:
    void work() override;
    void transfer(int64_t block, bool is_store, Traffic *traffic);
    void await_turn(int64_t block, bool is_store);
    int64_t cycles_of(const Movement &movement, bool turns) const;
    void progress(int64_t cycles);
    void count(bool is_store, const Movement &movement);

    enum class Direction { none, read, write };
    Direction last_ = Direction::none;
};

}  // namespace sj
#endif
