// SPDX-License-Identifier: Apache-2.0
// The banked buffer's side of DRAM transfers: lines written by loads, lines read by stores (docs/timing.md section 9).
#ifndef SJ_BUFFER_HPP
#define SJ_BUFFER_HPP

#include <cstdint>
#include <map>
#include <tuple>

#include "sj_unit.hpp"

namespace sj {

class Buffer {
public:
    explicit Buffer(Run *run);

    // Counts the segments of a block's load or store: whole, also where a store leaves a shared burst to the next one.
    void count(const sj_block &block, bool is_store);

private:
    void count_elementwise(const sj_segment &segment);
    void count_load(const sj_segment &segment);
    int64_t lines_of_a(const sj_segment &segment);
    int64_t lines_by_pixel(const sj_segment &segment) const;
    int64_t lines_by_channel(const sj_segment &segment) const;

    Run *run_;
    const bool skip_;
    const int64_t line_;
    const sj_stream *a_;  // stream 0; null: the job has none
    std::map<std::tuple<int64_t, int64_t, bool>, int64_t> known_lines_;  // begin, end, transposed: loads of A come back
};

}  // namespace sj
#endif
