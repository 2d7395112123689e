// SPDX-License-Identifier: Apache-2.0
// What the feeder knows about a step before it sends it: masks, packed values, vectors, lines (docs/timing.md sections 1, 3, 4).
#ifndef SJ_STEP_HPP
#define SJ_STEP_HPP

#include <cstdint>
#include <map>
#include <memory>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "sj_addresses.hpp"
#include "sj_sequencer.hpp"
#include "sj_unit.hpp"

namespace sj {

// The A side of a step: one tile's rows over one k range.
struct StepA {
    std::vector<uint64_t> masks;       // [physical row][slot][word] present values
    std::vector<uint64_t> any;         // [word] k at which some A row is present
    std::vector<int64_t> row_begin;    // [Rv + 1] of each physical row's packed values
    std::vector<uint16_t> values;      // packed: slot after slot, k ascending
    std::vector<uint8_t> in_range;     // one a value
    std::vector<int64_t> rows_in_range;  // [k] A rows in range
    int64_t lines = 0;                 // of all groups that the step touches
    int64_t bank_lines = 0;            // of the busiest bank
    size_t bytes() const;
};

// The B side of a step: one lane group over one k range.
struct StepB {
    std::vector<uint64_t> any;         // [word] k at which some lane is present
    std::vector<uint16_t> values;      // [k][lane]; +0 where not in range
    std::vector<uint8_t> in_range;     // [k][lane]
    std::vector<int64_t> lanes_in_range;  // [k]
    size_t bytes() const;
};

struct Step {
    std::shared_ptr<const StepA> a;
    std::shared_ptr<const StepB> b;
    uint64_t number = 0;               // of the job
    StepDescriptor descriptor = {};
    int rows_taking_part = 0;          // Rv
    int64_t lanes_valid = 0, k_count = 0;
    std::vector<int> vectors;          // k that are sent: some A row and some lane present
    int64_t mask_beats = 0, value_beats = 0, line_cycles = 0, flag_beats = 0, vector_beats = 0;  // Amask, Abus, Abuf, Bflag, Bvec
};

// Makes the steps of a job. Both sides are kept for the tiles of an instance that share them, up to a bound.
class StepMaker {
public:
    explicit StepMaker(const Run *run);

    Step make(const StepPlace &place);

private:
    using Key = std::tuple<int64_t, int64_t, int64_t, int64_t>;
    struct GroupHash {
        size_t operator()(const Group &g) const;
    };

    void use_instance(int64_t instance);
    std::shared_ptr<const StepA> side_a(int64_t m0, int64_t m1, int64_t k0, int64_t k1);
    std::shared_ptr<const StepB> side_b(int64_t n0, int64_t n1, int64_t k0, int64_t k1);
    std::shared_ptr<StepA> make_a(int64_t m0, int64_t m1, int64_t k0, int64_t k1);
    std::shared_ptr<StepB> make_b(int64_t n0, int64_t n1, int64_t k0, int64_t k1);
    size_t pack_row(int64_t m, int64_t width, size_t count, uint64_t *mask, StepA *a);
    void count_lines(StepA *a);
    int64_t group_lines(const Group &group);
    int64_t group_present(const Group &group) const;
    void set_beats(Step *step) const;
    void remember(size_t bytes);

    const Run *run_;
    const bool skip_, issue_padding_;
    const int64_t value_bytes_;
    const unsigned nonzero_bits_;  // a value is zero where none of them is set
    const int64_t words_;
    uint64_t steps_made_ = 0;
    int64_t instance_ = -1;
    sj_operand a_ = {}, b_ = {};  // of the instance
    std::map<Key, std::shared_ptr<const StepA>> known_a_;
    std::map<Key, std::shared_ptr<const StepB>> known_b_;
    size_t known_bytes_ = 0;
    std::unordered_map<Group, int32_t, GroupHash> known_lines_;
    Addresses addresses_;
    std::vector<uint16_t> packed_;            // of the step that is being made
    std::vector<uint8_t> packed_in_range_;
};

}  // namespace sj
#endif
