// SPDX-License-Identifier: Apache-2.0
// The O bus: drains visits in order, keeps partial sums and fills them back (docs/timing.md section 5).
#ifndef SJ_OUTPUT_PATH_HPP
#define SJ_OUTPUT_PATH_HPP

#include <deque>
#include <unordered_map>
#include <vector>

#include "sj_clocked_array.hpp"
#include "sj_sequencer.hpp"

namespace sj {

class OutputPath : public Unit, public ArrayDriverIf {
public:
    explicit OutputPath(const sc_core::sc_module_name &name);

    sc_core::sc_export<ArrayDriverIf> driver;
    sc_core::sc_port<ClockIf> clock;
    sc_core::sc_port<MilestoneIf> visits_done, stores_done, blocks_drained;

    uint64_t next_drive(uint64_t cycle) const override;
    void drive(uint64_t cycle, ArrayIn *in) override;
    void collect(const ArrayOut &out) override;

private:
    enum class Activity { none, drain, fill };

    void work() override;
    void look_ahead(VisitWalk *walk);
    void fill_behind(const Visit &drained);
    void drain(const Visit &visit);
    void fill(const Visit &visit);
    void occupy_bus(Activity activity, const Visit &visit, int64_t value_bytes, int64_t operations);
    void store_row(int64_t m, const uint32_t *sums);
    void store_zeros(const Visit &visit);

    std::deque<Visit> visits_;             // still to be drained, as far as is known
    Activity activity_ = Activity::none;
    Visit visit_ = {};                     // of the activity
    int64_t rows_ = 0, beats_per_row_ = 0;
    uint64_t begin_ = 0, end_ = 0;
    std::unordered_map<int64_t, std::vector<uint32_t>> partials_;  // [visit] -> [row][lane]
};

}  // namespace sj
#endif
