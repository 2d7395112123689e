// SPDX-License-Identifier: Apache-2.0
#include "sj_codec.hpp"

#include <algorithm>

#include "sj_stream_walk.hpp"

namespace sj {
namespace {

constexpr int64_t kRunBits = 5;
constexpr int64_t kLongestRun = 31;  // zeros that one token carries before its value

// What a group holds, value after value.
struct GroupCount {
    int64_t nonzeros = 0, tokens = 0;
    int64_t zeros = 0;  // since the last nonzero

    void take(bool nonzero) {
        if (!nonzero) {
            ++zeros;
            return;
        }
        ++nonzeros;
        tokens += 1 + zeros / (kLongestRun + 1);  // a token of 31 zeros and an explicit zero covers 32 values
        zeros = 0;
    }
};

GroupCount count_group(const sj_stream &s, int64_t begin, int64_t end) {
    const sj_values *values = sj_stream_values(&s);
    GroupCount count;
    for (int64_t v = begin; v < end;) {
        const StreamRun run = stream_run(s, v, end);
        for (; v < run.end; ++v) {
            count.take(sj_values_nonzero(values, run.offset_of(v)));
        }
    }
    return count;
}

}  // namespace

bool stream_is_coded(const sj_stream &stream, sj_codec codec) { return stream.coded && codec != SJ_CODEC_NONE; }

Codec::Codec(sj_codec codec, const sj_job *job) : codec_(codec), job_(job), known_bursts_(to_size(job->stream_count)) {}

int64_t Codec::group_values(const sj_stream &s, int64_t group) const { return std::min(kCodecGroup, s.length - group * kCodecGroup); }

int64_t Codec::plain_lines(int stream, int64_t group) const {
    const sj_stream &s = job_->streams[stream];
    return ceil_div(group_values(s, group) * s.value_bytes, kBurstBytes);
}

int64_t Codec::packed_bytes(const sj_stream &s, int64_t group) const {
    const int64_t values = group_values(s, group);
    const GroupCount count = count_group(s, group * kCodecGroup, group * kCodecGroup + values);
    if (codec_ == SJ_CODEC_RLE) {
        return ceil_div(count.tokens * (kRunBits + 8 * s.value_bytes), 8);
    }
    return ceil_div(values, 8) + count.nonzeros * s.value_bytes;
}

int64_t Codec::bursts(int stream, int64_t group) {
    const sj_stream &s = job_->streams[stream];
    std::vector<int16_t> &known = known_bursts_[to_size(stream)];
    if (known.empty()) {
        known.assign(to_size(ceil_div(s.length, kCodecGroup)), -1);
    }
    int16_t &bursts = known[to_size(group)];
    if (bursts < 0) {
        bursts = static_cast<int16_t>(std::min(plain_lines(stream, group), ceil_div(packed_bytes(s, group), kBurstBytes)));
    }
    return bursts;
}

}  // namespace sj
