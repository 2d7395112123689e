// SPDX-License-Identifier: Apache-2.0
#include "sj_codec.hpp"

#include <algorithm>

#include "sj_stream_walk.hpp"

namespace sj {
namespace {

constexpr int64_t kRunBits = 5;
constexpr int64_t kLongestRun = 31;  // zeros that one token carries before its value

int64_t nonzeros_of(const sj_stream &s, int64_t begin, int64_t end) {
    int64_t count = 0;
    for (int64_t v = begin; v < end;) {
        const StreamRun run = stream_run(s, v, end);
        count += count_nonzeros(*sj_stream_values(&s), run);
        v = run.end;
    }
    return count;
}

// A token of 31 zeros and an explicit zero covers 32 values. Without branches: which values are zero is anything but regular.
int64_t tokens_of(const sj_stream &s, int64_t begin, int64_t end) {
    const sj_values *values = sj_stream_values(&s);
    int64_t tokens = 0, zeros = 0;  // zeros since the last nonzero
    for (int64_t v = begin; v < end;) {
        const StreamRun run = stream_run(s, v, end);
        for (; v < run.end; ++v) {
            const bool nonzero = sj_values_nonzero(values, run.offset_of(v));
            tokens += nonzero ? 1 + zeros / (kLongestRun + 1) : 0;
            zeros = nonzero ? 0 : zeros + 1;
        }
    }
    return tokens;
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
    const int64_t begin = group * kCodecGroup, end = begin + values;
    if (codec_ == SJ_CODEC_RLE) {
        return ceil_div(tokens_of(s, begin, end) * (kRunBits + 8 * s.value_bytes), 8);
    }
    return ceil_div(values, 8) + nonzeros_of(s, begin, end) * s.value_bytes;
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
