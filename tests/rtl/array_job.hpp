// SPDX-License-Identifier: Apache-2.0
// A random stream of visits and steps for an array of any shape, with what it must give: cycles by the recursion of docs/timing.md section 2,
// counters by section 9, sums in plain float or int32 arithmetic. Written for the benches alone; shares nothing with the simulator.
#ifndef ARRAY_JOB_HPP
#define ARRAY_JOB_HPP

#include <cstdint>
#include <vector>

#include "sj_array.hpp"
#include "sj_random.h"

namespace bench {

constexpr uint64_t kUnknown = UINT64_MAX;

struct Value {
    uint16_t bits = 0;
    bool present = false;   // the machine issues it
    bool in_range = false;  // false and present: padding that is issued
};

struct Step {
    int visit = 0;
    bool first = false, last = false;
    std::vector<Value> a;       // [A row m][k]
    std::vector<uint16_t> b;    // [k][lane]
    std::vector<uint8_t> b_in;  // [k][lane]
    std::vector<uint8_t> any_b, any_a;
    std::vector<uint64_t> work, end;  // a physical row; end = kUnknown until it can be known
    uint64_t lend = kUnknown;
};

struct Visit {
    int rows = 0;  // A rows of the tile
    bool filled = false;
    std::vector<uint32_t> fill;   // [A row m][lane]
    std::vector<uint32_t> sums;   // [A row m][lane], as they must drain
    std::vector<uint8_t> valid;   // A row m: visited or filled
    uint64_t ready = kUnknown, fill_end = kUnknown, drain_end = kUnknown;
};

struct Options {
    int visits = 6;
    int max_steps = 4;   // of a visit; 0: none has steps (K = 0)
    double density_a = 0.5, density_b = 0.5;
    bool fills = true, padding = false;
};

class Job {
public:
    Job(const sj::ArrayShape &shape, const Options &options, sj_random *random);

    sj::ArrayShape shape;
    std::vector<Visit> visits;
    std::vector<Step> steps;
    sj::ArrayCounts counts;

    int taking_part(const Step &s) const;
    const Value &a(const Step &s, int m, int k) const { return s.a[static_cast<std::size_t>(m * shape.k_tile + k)]; }
    bool has_values(const Step &s, int row) const;  // a physical row has a present value in the step
    std::size_t lane(int row, int l) const { return static_cast<std::size_t>(row * shape.lanes + l); }

    // Ends of steps that follow from the cycles known so far; call it after lend, fill_end or drain_end of something became known.
    void resolve();
    // max_r end(r, i), and kUnknown until all are known.
    uint64_t step_end(std::size_t i) const;

private:
    void make_step(const Options &options, Step *s, sj_random *random) const;
    void compute(Step *s);
    void count_issue(const Step &s, int m, int k);
    void accumulate(const Step &s, Visit *v, int m, int k);
    uint16_t random_nonzero(sj_random *random) const;
    bool nonzero(uint16_t bits) const;

    std::vector<uint8_t> was_active_;  // [physical row][lane], at its issue before
};

}  // namespace bench
#endif
