// SPDX-License-Identifier: Apache-2.0
// What a transfer moves: the bursts of its segments, one after the other through the open rows (docs/timing.md section 6).
#ifndef SJ_TRAFFIC_HPP
#define SJ_TRAFFIC_HPP

#include <cstdint>
#include <vector>

#include "sj_accel.h"
#include "sj_counters.h"
#include "sj_job.h"

namespace sj {

constexpr int64_t kBurstBytes = 64;
constexpr int64_t kCodecGroup = 512;

struct Span {
    int64_t first, last;  // inclusive; empty where last < first
    bool empty() const { return last < first; }
};

// A stream to which the variant's codec applies.
bool stream_is_coded(const sj_stream &stream, sj_codec codec);
// Bursts (relative to the stream's base) that a plain segment moves; codec groups that a coded one moves.
Span segment_bursts(const sj_stream &stream, const sj_segment &segment, bool is_store);
Span segment_groups(const sj_stream &stream, const sj_segment &segment, bool is_store);

struct Movement {
    int64_t bursts = 0, misses = 0;
    int64_t codec_lines = 0, transposed_tiles = 0;
};

// Bank state of one job's DRAM channel, and the sizes of its coded groups (each computed once).
class Traffic {
public:
    Traffic(const sj_accel *accel, sj_variant variant, const sj_job *job);

    Movement move(int segment_first, int segment_count, bool is_store);
    int64_t nonzeros(int stream, int64_t begin, int64_t end);

private:
    void burst(int64_t address, Movement *movement);
    void move_plain(const sj_stream &stream, const sj_segment &segment, bool is_store, Movement *movement);
    void move_coded(const sj_stream &stream, const sj_segment &segment, bool is_store, Movement *movement);
    int64_t group_nonzeros(int stream, int64_t group);

    const sj_accel *accel_;
    sj_codec codec_;
    const sj_job *job_;
    std::vector<int64_t> open_row_;                    // [bank], -1: closed
    std::vector<std::vector<int16_t>> group_nonzeros_; // [stream][group], -1: not counted yet
};

}  // namespace sj
#endif
