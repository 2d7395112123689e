// SPDX-License-Identifier: Apache-2.0
// The feeder: walks blocks, tiles and k-steps, sends masks two steps ahead and values one, hands steps over to the array (docs/timing.md section 3).
#ifndef SJ_LOADER_HPP
#define SJ_LOADER_HPP

#include <deque>

#include "sj_beats.hpp"
#include "sj_clocked_array.hpp"

namespace sj {

class Loader : public Unit, public ArrayDriverIf {
public:
    explicit Loader(const sc_core::sc_module_name &name);

    sc_core::sc_export<ArrayDriverIf> driver;
    sc_core::sc_port<ClockIf> clock;
    sc_core::sc_port<MilestoneIf> steps_done, loads_done, blocks_fed;

    uint64_t next_drive(uint64_t cycle) const override;
    void drive(uint64_t cycle, ArrayIn *in) override;
    void collect(const ArrayOut &out) override {}

private:
    void work() override;
    void feed_block(int64_t block, StepWalk *walk, StepMaker *maker);
    void look_ahead(int64_t block, StepWalk *walk, StepMaker *maker);
    void open_block(int64_t block);
    void load();
    void send(const Step *masks, const Step *values, int64_t cycles, bool commit);
    bool enters_flags_aside() const;
    void count_step(const Step &step);
    const Step *ahead(size_t steps) const { return steps < window_.size() ? &window_[steps] : nullptr; }

    std::deque<Step> window_;  // the step to be loaded and those of its block that follow, up to two
    BusA bus_a_;
    BusB bus_b_;
    const Step *loading_ = nullptr;     // set while its values travel
    uint64_t phase_begin_ = 0, phase_end_ = 0;
    bool commit_ = false;
};

}  // namespace sj
#endif
