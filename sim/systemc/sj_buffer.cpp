// SPDX-License-Identifier: Apache-2.0
#include "sj_buffer.hpp"

#include "sj_stream_walk.hpp"

namespace sj {

static constexpr size_t kKnownSegmentsMax = size_t{1} << 16;

Buffer::Buffer(Run *run)
    : run_(run), skip_(run->variant.machine == SJ_MACHINE_SKIP), line_(run->accel->line_bytes), a_(run->job->stream_count > 0 ? &run->job->streams[0] : nullptr) {}

void Buffer::count(const sj_block &block, bool is_store) {
    const sj_job *job = run_->job;
    const int first = is_store ? block.store_first : block.load_first, segments = is_store ? block.store_count : block.load_count;
    for (int s = first; s < first + segments; ++s) {
        const sj_segment &segment = job->segments[s];
        if (!job->is_product) {
            count_elementwise(segment);
        } else if (is_store) {
            run_->counts.buffer_read += to_count(ceil_div((segment.end - segment.begin) * job->streams[segment.stream].value_bytes, line_));
        } else {
            count_load(segment);
        }
    }
}

void Buffer::count_elementwise(const sj_segment &segment) {
    const uint64_t lines = to_count(ceil_div((segment.end - segment.begin) * run_->job->streams[segment.stream].value_bytes, line_));
    run_->counts.buffer_write += lines;
    run_->counts.buffer_read += lines;
}

// Values, and on skip the bits of the mask plane.
void Buffer::count_load(const sj_segment &segment) {
    const int64_t n = segment.end - segment.begin;
    if (segment.stream == 0) {
        run_->counts.buffer_write += to_count(lines_of_a(segment) + (skip_ ? ceil_div(ceil_div(n, 8), line_) : 0));
    } else if (segment.stream == 1) {
        const int64_t flags = run_->job->flags_per_lane ? n : ceil_div(n, run_->accel->lanes);
        run_->counts.buffer_write += to_count(ceil_div(n * run_->job->streams[1].value_bytes, line_) + (skip_ ? ceil_div(ceil_div(flags, 8), line_) : 0));
    }
}

int64_t Buffer::lines_of_a(const sj_segment &segment) {
    if (a_->kind != SJ_STREAM_ACTIVATION) {
        return ceil_div((segment.end - segment.begin) * a_->value_bytes, line_);
    }
    const auto key = std::make_tuple(segment.begin, segment.end, segment.transpose_width > 0);
    const auto found = known_lines_.find(key);
    if (found != known_lines_.end()) {
        return found->second;
    }
    if (known_lines_.size() == kKnownSegmentsMax) {
        known_lines_.clear();
    }
    const int64_t lines = segment.transpose_width > 0 ? lines_by_channel(segment) : lines_by_pixel(segment);
    known_lines_.emplace(key, lines);
    return lines;
}

// Groups (instance, chunk, pixel): a run is one.
int64_t Buffer::lines_by_pixel(const sj_segment &segment) const {
    int64_t lines = 0;
    for (int64_t v = segment.begin; v < segment.end;) {
        const StreamRun run = stream_run(*a_, v, segment.end);
        lines += ceil_div(a_->value_bytes * (skip_ ? count_nonzeros(a_->values, run) : run.end - run.begin), line_);
        v = run.end;
    }
    return lines;
}

// Groups (instance, chunk, channel, pixel div k_tile): those of a tile of k_tile pixels fill side by side.
int64_t Buffer::lines_by_channel(const sj_segment &segment) const {
    std::vector<int64_t> filled(to_size(a_->k_tile), 0);  // [channel of the chunk] values of the tile so far
    int64_t lines = 0;
    const auto end_tile = [&] {
        for (int64_t &values : filled) {
            lines += ceil_div(a_->value_bytes * values, line_);
            values = 0;
        }
    };
    StreamRun tile = {};
    for (int64_t v = segment.begin; v < segment.end;) {
        const StreamRun run = stream_run(*a_, v, segment.end);
        if (v > segment.begin && (run.instance != tile.instance || run.chunk != tile.chunk || run.pixel / a_->k_tile != tile.pixel / a_->k_tile)) {
            end_tile();
        }
        tile = run;
        for (; v < run.end; ++v) {
            filled[to_size(run.channel + v - run.begin)] += !skip_ || sj_values_nonzero(&a_->values, run.offset_of(v)) ? 1 : 0;
        }
    }
    end_tile();
    return lines;
}

}  // namespace sj
