// SPDX-License-Identifier: Apache-2.0
#include "sj_traffic.hpp"

#include <algorithm>

#include "sj_arith.hpp"
#include "sj_transposer.hpp"

namespace sj {

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

bool has_transfer(const sj_job *job, sj_codec codec, int64_t block, bool is_store) {
    if (job->array_only || block < 0 || block >= job->block_count) {
        return false;
    }
    const sj_block &b = job->blocks[block];
    const int first = is_store ? b.store_first : b.load_first, count = is_store ? b.store_count : b.load_count;
    for (int s = first; s < first + count; ++s) {
        const sj_segment &segment = job->segments[s];
        const sj_stream &stream = job->streams[segment.stream];
        const Span moved = stream_is_coded(stream, codec) ? segment_groups(stream, segment, is_store) : segment_bursts(stream, segment, is_store);
        if (!moved.empty()) {
            return true;
        }
    }
    return false;
}

Traffic::Traffic(const sj_accel *accel, sj_variant variant, const sj_job *job)
    : accel_(accel), variant_(variant), job_(job), codec_(variant.codec, job), open_row_(to_size(accel->dram->banks), -1) {}

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
        if (stream_is_coded(stream, variant_.codec)) {
            move_coded(segment, is_store, &movement);
        } else {
            move_plain(stream, segment, is_store, &movement);
        }
        movement.transposed_tiles += transposer_tiles(segment, accel_->k_tile);
    }
    return movement;
}

void Traffic::move_plain(const sj_stream &stream, const sj_segment &segment, bool is_store, Movement *movement) {
    const Span span = segment_bursts(stream, segment, is_store);
    for (int64_t j = span.first; j <= span.last; ++j) {
        burst(stream.base + j * kBurstBytes, movement);
    }
}

void Traffic::move_coded(const sj_segment &segment, bool is_store, Movement *movement) {
    const sj_stream &stream = job_->streams[segment.stream];
    const Span groups = segment_groups(stream, segment, is_store);
    if (groups.empty()) {
        return;
    }
    for (int64_t j = groups.first / kBurstBytes; j <= groups.last / kBurstBytes; ++j) {
        burst(stream.table_base + j * kBurstBytes, movement);
    }
    for (int64_t g = groups.first; g <= groups.last; ++g) {
        const int64_t first = stream.base + g * kCodecGroup * stream.value_bytes, bursts = codec_.bursts(segment.stream, g);
        for (int64_t j = 0; j < bursts; ++j) {
            burst(first + j * kBurstBytes, movement);
        }
        movement->codec_lines += codec_.plain_lines(segment.stream, g);
    }
}

}  // namespace sj
