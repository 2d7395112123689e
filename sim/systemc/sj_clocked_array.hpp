// SPDX-License-Identifier: Apache-2.0
// The array under its clock: collects what the units drive in a cycle, clocks, and tells the units what changed.
#ifndef SJ_CLOCKED_ARRAY_HPP
#define SJ_CLOCKED_ARRAY_HPP

#include "sj_milestone.hpp"
#include "sj_unit.hpp"

namespace sj {

// A unit that drives the array's inputs.
class ArrayDriverIf : public virtual sc_core::sc_interface {
public:
    virtual bool drive(uint64_t cycle, ArrayIn *in) = 0;  // true while it has something to send in this or the next cycle
    virtual void collect(const ArrayOut &out) = 0;        // registers after the edge
};

class ClockIf : public virtual sc_core::sc_interface {
public:
    virtual void wake() = 0;  // a unit drives from this cycle on
};

class ClockedArray : public sc_core::sc_module, public ClockIf {
public:
    explicit ClockedArray(const sc_core::sc_module_name &name);

    sc_core::sc_export<ClockIf> clock;
    sc_core::sc_port<ArrayDriverIf, 2> drivers;
    sc_core::sc_port<MilestoneIf> steps_done, visits_done;

    void arm(Run *run);
    void wake() override;

private:
    void edge();
    bool changed(const ArrayOut &out);
    bool quiet(const ArrayOut &out) const;

    Run *run_ = nullptr;
    sc_core::sc_event edge_;
    uint64_t steps_ = 0, visits_ = 0, drains_ = 0;     // as of the last edge
    uint64_t steps_sent_ = 0, visits_sent_ = 0, drains_sent_ = 0;
    uint64_t still_cycles_ = 0, quiet_cycles_ = 0, still_limit_ = 0;
};

}  // namespace sj
#endif
