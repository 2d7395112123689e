// SPDX-License-Identifier: Apache-2.0
// What a transfer moves: the bursts of its segments, one after the other through the open rows (docs/timing.md section 6).
#ifndef SJ_TRAFFIC_HPP
#define SJ_TRAFFIC_HPP

#include <cstdint>
#include <vector>

#include "sj_accel.h"
#include "sj_codec.hpp"

namespace sj {

struct Span {
    int64_t first, last;  // inclusive; empty where last < first
    bool empty() const { return last < first; }
};

// Bursts (relative to the stream's base) that a plain segment moves; codec groups that a coded one moves.
Span segment_bursts(const sj_stream &stream, const sj_segment &segment, bool is_store);
Span segment_groups(const sj_stream &stream, const sj_segment &segment, bool is_store);

// ld(b), or st(b), stands in the queue: it moves something.
bool has_transfer(const sj_job *job, sj_codec codec, int64_t block, bool is_store);

struct Movement {
    int64_t bursts = 0, misses = 0;
    int64_t codec_lines = 0, transposed_tiles = 0;
};

// Bank state of one job's DRAM channel.
class Traffic {
public:
    Traffic(const sj_accel *accel, sj_variant variant, const sj_job *job);

    Movement move(int segment_first, int segment_count, bool is_store);

private:
    void burst(int64_t address, Movement *movement);
    void move_plain(const sj_stream &stream, const sj_segment &segment, bool is_store, Movement *movement);
    void move_coded(const sj_segment &segment, bool is_store, Movement *movement);

    const sj_accel *accel_;
    sj_variant variant_;
    const sj_job *job_;
    Codec codec_;
    std::vector<int64_t> open_row_;  // [bank], -1: closed
};

}  // namespace sj
#endif
