// SPDX-License-Identifier: Apache-2.0
// How the units of the system wait for each other: counters that only grow, e.g. "blocks whose load is over".
//
// Time: a core cycle is two units of simulated time. Units decide and wait at even times, cycle c of the simulation at 2c; the clock edge that ends cycle c stands at
// 2c + 1. So whatever a unit decides in a cycle, in whatever order of delta cycles, the edge sees it, and what the edge changes is seen in the next cycle.
#ifndef SJ_MILESTONE_HPP
#define SJ_MILESTONE_HPP

#include <cstdint>
#include <systemc>

namespace sj {

sc_core::sc_time cycles_to_time(uint64_t cycles);
sc_core::sc_time half_cycle();

// Leaves a unit's work when a job is given up.
struct Abandoned {};

class MilestoneIf : public virtual sc_core::sc_interface {
public:
    virtual void await(uint64_t count) = 0;  // in a thread: returns in the cycle in which `count` is reached
    virtual void reach(uint64_t count) = 0;  // seen in this cycle
    // From a clock edge: seen `delay` later. True when somebody waits for it.
    virtual bool reach_after(uint64_t count, const sc_core::sc_time &delay) = 0;
};

class Milestone : public sc_core::sc_prim_channel, public MilestoneIf {
public:
    explicit Milestone(const char *name);

    void await(uint64_t count) override;
    void reach(uint64_t count) override;
    bool reach_after(uint64_t count, const sc_core::sc_time &delay) override;

    void reset();
    void abandon();  // everyone who waits or will wait throws Abandoned, until reset

private:
    bool is_wanted(uint64_t count);

    uint64_t count_ = 0;
    uint64_t wanted_ = UINT64_MAX;  // the least count that somebody waits for
    bool abandoned_ = false;
    sc_core::sc_event changed_;
};

}  // namespace sj
#endif
