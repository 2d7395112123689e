// SPDX-License-Identifier: Apache-2.0
// The array under its clock: collects what the units drive in a cycle, clocks, and tells the units what changed. The clock rests while nothing can happen.
#ifndef SJ_CLOCKED_ARRAY_HPP
#define SJ_CLOCKED_ARRAY_HPP

#include <deque>

#include "sj_milestone.hpp"
#include "sj_unit.hpp"

namespace sj {

constexpr uint64_t kNever = UINT64_MAX;

// A unit that drives the array's inputs.
class ArrayDriverIf : public virtual sc_core::sc_interface {
public:
    virtual uint64_t next_drive(uint64_t cycle) const = 0;  // the first cycle from `cycle` on in which it drives something; kNever
    virtual void drive(uint64_t cycle, ArrayIn *in) = 0;
    virtual void collect(const ArrayOut &out) = 0;          // registers after the edge
};

class ClockIf : public virtual sc_core::sc_interface {
public:
    virtual void wake() = 0;  // a unit has something to drive, from this cycle on
};

// What the array was given and what it has made of it: whether it can change of itself (sj_array.hpp, "Protocol").
class ArrayWatch {
public:
    explicit ArrayWatch(int64_t acc_banks) : banks_(static_cast<uint64_t>(acc_banks)) {}
    void edge(const ArrayIn &in, const ArrayOut &out);
    // A row may be at work, a visit's last sums are on their way, or a drain runs. Otherwise every row waits for a bank to be drained or filled, or for a commit.
    bool may_change(const ArrayOut &out) const;

private:
    struct SentStep {
        uint64_t visit, fill;  // fill: number of fills that must be over before the visit's rows begin
        bool visit_last;
    };

    void commit(const StepDescriptor &step);
    bool is_open(const SentStep &step, const ArrayOut &out) const { return step.visit < out.drains_done + banks_ && step.fill <= fills_; }

    uint64_t banks_;
    std::deque<SentStep> under_way_;  // committed, not ended by all rows
    uint64_t steps_ = 0;              // ended
    uint64_t visits_entered_ = 0, visits_over_ = 0, fills_wanted_ = 0, fills_ = 0, drains_ = 0;
    uint64_t fill_of_visit_ = 0;
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
    void edges();
    bool edge(uint64_t cycle, uint64_t ahead);
    bool announce(const ArrayOut &out, uint64_t cycle, uint64_t ahead);
    uint64_t next_drive(uint64_t cycle) const;
    uint64_t next_edge(uint64_t cycle) const;

    Run *run_ = nullptr;
    sc_core::sc_event edge_;
    ArrayWatch watch_{1};
    ArrayIn in_;
    uint64_t steps_ = 0, visits_ = 0, drains_ = 0;  // as of the last edge
    uint64_t idle_edges_ = 0;                       // since something was driven or could change
    uint64_t still_edges_ = 0, still_limit_ = 0;    // since something was driven or did change
};

}  // namespace sj
#endif
