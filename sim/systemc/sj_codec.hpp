// SPDX-License-Identifier: Apache-2.0
// The codec between buffer and DRAM: how many bursts its groups of 512 values take (docs/timing.md section 6).
#ifndef SJ_CODEC_HPP
#define SJ_CODEC_HPP

#include <cstdint>
#include <vector>

#include "sj_counters.h"
#include "sj_job.h"

namespace sj {

constexpr int64_t kBurstBytes = 64;
constexpr int64_t kCodecGroup = 512;  // values

// A stream to which the codec applies.
bool stream_is_coded(const sj_stream &stream, sj_codec codec);

class Codec {
public:
    Codec(sj_codec codec, const sj_job *job);

    // Of group g of a coded stream: lines of plain values, and the bursts it takes in DRAM. Each group is looked at once.
    int64_t plain_lines(int stream, int64_t group) const;
    int64_t bursts(int stream, int64_t group);

private:
    int64_t group_values(const sj_stream &s, int64_t group) const;
    int64_t packed_bytes(const sj_stream &s, int64_t group) const;

    sj_codec codec_;
    const sj_job *job_;
    std::vector<std::vector<int16_t>> known_bursts_;  // [stream][group], -1: not looked at yet
};

}  // namespace sj
#endif
