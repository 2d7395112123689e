// SPDX-License-Identifier: Apache-2.0
#include "sj_traffic.hpp"

#include <algorithm>

#include "sj_arith.hpp"

namespace sj {

bool stream_is_coded(const sj_stream &stream, sj_codec codec) { return stream.coded && codec == SJ_CODEC_BITMASK; }

// Index of the first unit (of `unit` bytes or values) whose last element, clipped to the stream's end, is at or after `at`.
static int64_t first_ending_at(int64_t at, int64_t unit, int64_t length) {
    return at >= length ? ceil_div(length, unit) : at / unit;
}

static Span pieces(int64_t begin, int64_t end, int64_t unit, int64_t length, bool is_store) {
    if (begin >= end) {
        return {0, -1};
    }
    if (is_store) {
        return {first_ending_at(begin, unit, length), first_ending_at(end, unit, length) - 1};
    }
    return {begin / unit, (end - 1) / unit};
}

Span segment_bursts(const sj_stream &stream, const sj_segment &segment, bool is_store) {
    const int64_t vb = stream.value_bytes;
    return pieces(segment.begin * vb, segment.end * vb, kBurstBytes, stream.length * vb, is_store);
}

Span segment_groups(const sj_stream &stream, const sj_segment &segment, bool is_store) {
    return pieces(segment.begin, segment.end, kCodecGroup, stream.length, is_store);
}

Traffic::Traffic(const sj_accel *accel, sj_variant variant, const sj_job *job)
    : accel_(accel), codec_(variant.codec), job_(job), open_row_(to_size(accel->dram->banks), -1), group_nonzeros_(to_size(job->stream_count)) {}

void Traffic::burst(int64_t address, Movement *movement) {
    const int64_t page = address / accel_->dram->page_bytes;
    const int64_t bank = page % accel_->dram->banks, row = page / accel_->dram->banks;
    ++movement->bursts;
    if (open_row_[to_size(bank)] != row) {
        open_row_[to_size(bank)] = row;
        ++movement->misses;
    }
}

Movement Traffic::move(int segment_first, int segment_count, bool is_store) {
    Movement movement;
    for (int s = segment_first; s < segment_first + segment_count; ++s) {
        const sj_segment &segment = job_->segments[s];
        const sj_stream &stream = job_->streams[segment.stream];
        if (stream_is_coded(stream, codec_)) {
            move_coded(stream, segment, is_store, &movement);
        } else {
            move_plain(stream, segment, is_store, &movement);
        }
        if (segment.transpose_width > 0) {
            const int64_t rows = ceil_div(segment.end - segment.begin, segment.transpose_width);
            movement.transposed_tiles += ceil_div(rows, accel_->k_tile);
        }
    }
    return movement;
}

void Traffic::move_plain(const sj_stream &stream, const sj_segment &segment, bool is_store, Movement *movement) {
    const Span span = segment_bursts(stream, segment, is_store);
    for (int64_t j = span.first; j <= span.last; ++j) {
        burst(stream.base + j * kBurstBytes, movement);
    }
}

void Traffic::move_coded(const sj_stream &stream, const sj_segment &segment, bool is_store, Movement *movement) {
    const Span groups = segment_groups(stream, segment, is_store);
    if (groups.empty()) {
        return;
    }
    for (int64_t j = groups.first / kBurstBytes; j <= groups.last / kBurstBytes; ++j) {
        burst(stream.table_base + j * kBurstBytes, movement);
    }
    const int64_t vb = stream.value_bytes;
    for (int64_t g = groups.first; g <= groups.last; ++g) {
        const int64_t values = std::min(kCodecGroup, stream.length - g * kCodecGroup);
        const int64_t plain = ceil_div(values * vb, kBurstBytes);
        const int64_t packed = ceil_div(ceil_div(values, 8) + group_nonzeros(segment.stream, g) * vb, kBurstBytes);
        for (int64_t j = 0; j < std::min(plain, packed); ++j) {
            burst(stream.base + g * kCodecGroup * vb + j * kBurstBytes, movement);
        }
        movement->codec_lines += plain;
    }
}

// How many values from v on differ in their channel alone: one look-up serves them.
static int64_t channel_run(const sj_stream &s, int64_t v, int64_t *channel) {
    if (s.kind != SJ_STREAM_ACTIVATION) {
        return 1;
    }
    const int64_t chunk_values = s.images * s.y_count * s.x_count * s.k_tile;
    const int64_t chunk = v / chunk_values;
    const int64_t width = std::min(s.k_tile, s.channel_count - chunk * s.k_tile);
    const int64_t at = (v - chunk * chunk_values) % width;
    *channel = chunk * s.k_tile + at;
    return width - at;
}

static int64_t count_nonzeros(const sj_stream &stream, int64_t begin, int64_t end) {
    const sj_values *values = sj_stream_values(&stream);
    int64_t count = 0;
    for (int64_t v = begin; v < end;) {
        int64_t channel = 0;
        const int64_t run_end = std::min(end, v + channel_run(stream, v, &channel));
        const int64_t first = sj_stream_offset(&stream, v);
        for (int64_t x = 0; x < run_end - v; ++x) {
            const int64_t step = stream.channels != nullptr && x > 0 ? stream.channels[channel + x] - stream.channels[channel] : x;
            count += sj_values_nonzero(values, first + step) ? 1 : 0;
        }
        v = run_end;
    }
    return count;
}

int64_t Traffic::group_nonzeros(int stream, int64_t group) {
    const sj_stream &s = job_->streams[stream];
    std::vector<int16_t> &known = group_nonzeros_[to_size(stream)];
    if (known.empty()) {
        known.assign(to_size(ceil_div(s.length, kCodecGroup)), -1);
    }
    int16_t &count = known[to_size(group)];
    if (count < 0) {
        count = static_cast<int16_t>(count_nonzeros(s, group * kCodecGroup, std::min(s.length, (group + 1) * kCodecGroup)));
    }
    return count;
}

// Whole groups from the table, the ends value by value.
int64_t Traffic::nonzeros(int stream, int64_t begin, int64_t end) {
    const sj_stream &s = job_->streams[stream];
    int64_t count = 0;
    int64_t at = begin;
    while (at < end) {
        const int64_t group = at / kCodecGroup;
        const int64_t group_end = std::min(s.length, (group + 1) * kCodecGroup);
        if (at == group * kCodecGroup && group_end <= end) {
            count += group_nonzeros(stream, group);
            at = group_end;
        } else {
            const int64_t stop = std::min(end, group_end);
            count += count_nonzeros(s, at, stop);
            at = stop;
        }
    }
    return count;
}

}  // namespace sj
