// SPDX-License-Identifier: Apache-2.0
// The array put together in C++ from Verilated rows (rtl/glue/sj_row_array.hpp) against sj_array Verilated whole: all outputs and all counters, in every cycle of random jobs.
#include <cstdio>
#include <memory>

#include "Vwhole.h"
#include "array_driver.hpp"
#include "bench.hpp"
#include "sj_rtl.hpp"
#include "whole_array.hpp"

namespace {

constexpr int kRows = 3, kLanes = 5, kSlots = 3, kKTile = 8, kBanks = 3;

// Both arrays, given the same inputs; the driver sees the outputs of the one in parts.
class Pair final : public sj::Array {
public:
    Pair(std::unique_ptr<sj::Array> parts, bench::Checker *checker) : parts_(std::move(parts)), whole_(true), checker_(*checker) {}

    const sj::ArrayOut &out() const override { return parts_->out(); }
    sj::ArrayCounts counts() const override { return parts_->counts(); }

    void clock(const sj::ArrayIn &in) override {
        parts_->clock(in);
        whole_.clock(in);
        cycle_++;
        const sj::ArrayOut &p = parts_->out(), &w = whole_.out();
        checker_.expect("steps_done", cycle_, p.steps_done, w.steps_done);
        checker_.expect("visits_done", cycle_, p.visits_done, w.visits_done);
        checker_.expect("drains_done", cycle_, p.drains_done, w.drains_done);
        checker_.expect("drain_valid", cycle_, p.drain_valid, w.drain_valid);
        checker_.expect("overflow", cycle_, p.overflow, w.overflow);
        if (p.drain_valid && w.drain_valid) {
            checker_.expect("drain_row_index", cycle_, static_cast<uint64_t>(p.drain_row_index), static_cast<uint64_t>(w.drain_row_index));
            for (int l = 0; l < kLanes; l++) checker_.expect("drained sum", cycle_, p.drain_data[l], w.drain_data[l]);
        }
        compare_counts(parts_->counts(), whole_.counts());
    }

private:
    void compare_counts(const sj::ArrayCounts &p, const sj::ArrayCounts &w) {
        static_assert(sizeof p % sizeof(uint64_t) == 0, "counters alone");
        const auto *left = reinterpret_cast<const uint64_t *>(&p), *right = reinterpret_cast<const uint64_t *>(&w);
        for (std::size_t i = 0; i < sizeof p / sizeof(uint64_t); i++) checker_.expect("a counter", cycle_, left[i], right[i]);
    }

    std::unique_ptr<sj::Array> parts_;
    bench::WholeArray<Vwhole, kLanes, kSlots, kKTile> whole_;
    bench::Checker &checker_;
    uint64_t cycle_ = 0;
};

}  // namespace

int main() {
    const uint64_t seed = bench::seed();
    bench::Checker checker;
    for (uint64_t i = 0; i < 100; i++) {
        sj_random random = sj_random_stream(seed, i);
        const sj::ArrayShape shape = {kRows, kLanes, kSlots, kKTile, kBanks, SJ_DTYPE_BF16, SJ_MACHINE_SKIP};
        sj_error err = {};
        auto parts = sj::make_verilated_array(shape, &err);
        if (!parts) {
            std::printf("%s\n", err.message);
            return 1;
        }
        Pair pair(std::move(parts), &checker);
        bench::Options o;
        o.visits = 1 + static_cast<int>(sj_random_below(&random, 8));
        o.density_a = sj_random_unit(&random);
        o.density_b = sj_random_unit(&random);
        bench::Job job(shape, o, &random);
        bench::Driver driver(&pair, &job, i % 2 ? 1.0 : 0.3, &random);
        const std::string fault = driver.run();
        if (!fault.empty()) std::printf("case %llu: %s\n", static_cast<unsigned long long>(i), fault.c_str());
        checker.expect("case without a fault", i, fault.empty(), 1);
    }
    return checker.result();
}
