// SPDX-License-Identifier: Apache-2.0
// A stream's values in order, a run at a time: where one look-up serves several values (docs/timing.md sections 6 and 9).
#ifndef SJ_STREAM_WALK_HPP
#define SJ_STREAM_WALK_HPP

#include <algorithm>

#include "sj_arith.hpp"
#include "sj_job.h"

namespace sj {

// Values that differ in their channel alone.
struct StreamRun {
    int64_t begin, end;                // values of the stream
    int64_t instance, chunk, pixel;    // ACTIVATION: of all of them
    int64_t channel;                   // ACTIVATION: of the first, in its chunk
    int64_t offset;                    // of the first value in the stream's values
    int64_t source_channel;            // of the first, counted after dropping
    int64_t stride;                    // elements from a channel to the next
    const int32_t *channels;           // as an operand's

    bool is_contiguous() const { return channels == nullptr && stride == 1; }
    int64_t offset_of(int64_t v) const {
        const int64_t c = source_channel + v - begin;
        return offset + stride * (channels != nullptr ? channels[c] - channels[source_channel] : v - begin);
    }
};

inline StreamRun activation_run(const sj_stream &s, int64_t instance, int64_t local) {
    const int64_t pixels = s.images * s.y_count * s.x_count;
    const int64_t chunk = local / (pixels * s.k_tile);
    const int64_t width = std::min(s.k_tile, s.channel_count - chunk * s.k_tile);
    const int64_t rest = local - chunk * pixels * s.k_tile;
    const int64_t channel = rest % width;
    return {0, width - channel, instance, chunk, rest / width, channel, 0, chunk * s.k_tile + channel, 1, s.channels};
}

inline StreamRun weight_run(const sj_stream &s, int64_t instance, int64_t local) {
    const sj_operand &o = *s.operand;
    const int64_t u_count = sj_operand_u_count(&o);
    const int64_t step = local / (u_count * s.k_tile);
    const int64_t width = std::min(s.k_tile, sj_operand_k_count(&o) - step * s.k_tile);
    const int64_t k = (local - step * u_count * s.k_tile) % width;
    const int64_t channel = (step * s.k_tile + k) % o.channel_count;
    return {0, std::min(width - k, o.channel_count - channel), instance, 0, 0, 0, 0, channel, o.channel_stride, o.channels};
}

// The run that value v begins, cut at `end`.
inline StreamRun stream_run(const sj_stream &s, int64_t v, int64_t end) {
    const int64_t one = s.instance_length > 0 ? s.instance_length : s.length;
    const int64_t instance = v / one;
    StreamRun run = s.kind == SJ_STREAM_WEIGHT ? weight_run(s, instance, v - instance * one) : activation_run(s, instance, v - instance * one);
    run.end = std::min(end, v + run.end);
    run.begin = v;
    run.offset = sj_stream_offset(&s, v);
    return run;
}

// Nonzeros among n values that stand side by side.
inline int64_t count_nonzeros(const sj_values &values, int64_t first, int64_t n) {
    int32_t count = 0;  // n is a few hundred at most; narrow counts make wide vectors
    if (values.dtype == SJ_DTYPE_BF16) {
        const sj_bf16 *v = static_cast<const sj_bf16 *>(values.data) + first;
        for (int64_t i = 0; i < n; ++i) {
            count += sj_bf16_nonzero(v[i]) ? 1 : 0;
        }
    } else {
        const int8_t *v = static_cast<const int8_t *>(values.data) + first;
        for (int64_t i = 0; i < n; ++i) {
            count += v[i] != 0 ? 1 : 0;
        }
    }
    return count;
}

inline int64_t count_nonzeros(const sj_values &values, const StreamRun &run) {
    if (run.is_contiguous()) {
        return count_nonzeros(values, run.offset, run.end - run.begin);
    }
    int64_t count = 0;
    for (int64_t v = run.begin; v < run.end; ++v) {
        count += sj_values_nonzero(&values, run.offset_of(v)) ? 1 : 0;
    }
    return count;
}

}  // namespace sj
#endif
