// SPDX-License-Identifier: Apache-2.0
#include "oracle_transfers.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace test {
namespace {

int64_t up(int64_t a, int64_t b) { return (a + b - 1) / b; }
uint64_t u(int64_t v) { return static_cast<uint64_t>(v); }

class Channel {
public:
    Channel(const sj_accel &accel, sj_variant variant, const sj_job &job, sj_outcome *out) : a_(accel), variant_(variant), job_(job), out_(out) {}

    std::vector<QueueEntry> run() {
        if (!job_.array_only) {
            add(0, false);
            add(1, false);
            for (int64_t b = 0; b < job_.block_count; ++b) {
                add(b + 2, false);
                add(b, true);
            }
        }
        return queue_;
    }

private:
    void add(int64_t b, bool is_store) {
        if (b >= job_.block_count) {
            return;
        }
        bursts_ = misses_ = lines_ = tiles_ = 0;
        const int first = is_store ? job_.blocks[b].store_first : job_.blocks[b].load_first;
        const int count = is_store ? job_.blocks[b].store_count : job_.blocks[b].load_count;
        for (int s = first; s < first + count; ++s) {
            move(job_.segments[s], is_store);
            count_buffer(job_.segments[s], is_store);
        }
        if (bursts_ == 0) {
            return;
        }
        int64_t ticks = bursts_ * a_.dram->burst_ticks + misses_ * a_.dram->miss_ticks;
        ticks += !queue_.empty() && queue_.back().is_store != is_store ? a_.dram->turnaround_ticks : 0;
        const int64_t cycles = std::max({sj_accel_cycles_from_ticks(&a_, ticks), lines_, tiles_ > 0 ? (tiles_ + 1) * a_.k_tile : 0});
        queue_.push_back({b, is_store, cycles});
        out_->busy_dram += u(cycles);
        out_->counts.dram_activate += u(misses_);
        (is_store ? out_->counts.dram_write : out_->counts.dram_read) += u(bursts_);
        (is_store ? out_->counts.codec_encode : out_->counts.codec_decode) += u(lines_);
        out_->counts.transpose += is_store ? 0 : u(tiles_);
    }

    // The pieces (of `unit` elements) of a line of `length` elements that a segment moves.
    static std::set<int64_t> pieces(int64_t begin, int64_t end, int64_t unit, int64_t length, bool is_store) {
        std::set<int64_t> moved;
        for (int64_t x = begin; x < end; ++x) {
            if (!is_store || x == length - 1 || x % unit == unit - 1) {
                moved.insert(x / unit);
            }
        }
        return moved;
    }

    void move(const sj_segment &g, bool is_store) {
        const sj_stream &s = job_.streams[g.stream];
        tiles_ += g.transpose_width > 0 ? up(up(g.end - g.begin, g.transpose_width), a_.k_tile) : 0;
        if (!s.coded || variant_.codec == SJ_CODEC_NONE) {
            for (const int64_t x : pieces(g.begin * s.value_bytes, g.end * s.value_bytes, 64, s.length * s.value_bytes, is_store)) {
                burst(s.base + 64 * x);
            }
            return;
        }
        const std::set<int64_t> groups = pieces(g.begin, g.end, 512, s.length, is_store);
        std::set<int64_t> table;
        for (const int64_t x : groups) {
            table.insert(x / 64);
        }
        for (const int64_t x : table) {
            burst(s.table_base + 64 * x);
        }
        for (const int64_t x : groups) {
            const int64_t n = std::min<int64_t>(512, s.length - 512 * x);
            const int64_t packed = up(variant_.codec == SJ_CODEC_RLE ? run_length_bytes(s, 512 * x, 512 * x + n) : up(n, 8) + nonzeros(s, 512 * x, 512 * x + n) * s.value_bytes, 64);
            const int64_t plain = up(n * s.value_bytes, 64);
            for (int64_t j = 0; j < (packed < plain ? packed : plain); ++j) {
                burst(s.base + 512 * s.value_bytes * x + 64 * j);
            }
            lines_ += plain;
        }
    }

    static bool nonzero(const sj_stream &s, int64_t v) { return sj_values_nonzero(sj_stream_values(&s), sj_stream_offset(&s, v)); }

    // Token by token.
    static int64_t run_length_bytes(const sj_stream &s, int64_t begin, int64_t end) {
        while (end > begin && !nonzero(s, end - 1)) {
            --end;
        }
        int64_t bits = 0;
        for (int64_t v = begin; v < end; ++v) {
            for (int zeros = 0; zeros < 31 && !nonzero(s, v); ++zeros) {
                ++v;
            }
            bits += 5 + 8 * s.value_bytes;
        }
        return up(bits, 8);
    }

    // Where a load of A puts each value: by place in the stream, outermost first.
    int64_t lines_of_a(const sj_segment &g) const {
        const sj_stream &s = job_.streams[0];
        const int64_t one = s.instance_length > 0 ? s.instance_length : s.length, pixels = s.images * s.y_count * s.x_count;
        std::map<std::array<int64_t, 4>, int64_t> groups;
        int64_t v = 0;
        for (int64_t instance = 0; instance < s.length / one; ++instance) {
            for (int64_t c0 = 0; c0 < s.channel_count; c0 += a_.k_tile) {
                for (int64_t p = 0; p < pixels; ++p) {
                    for (int64_t c = c0; c < std::min(s.channel_count, c0 + a_.k_tile); ++c, ++v) {
                        if (v >= g.begin && v < g.end) {
                            const bool present = variant_.machine != SJ_MACHINE_SKIP || nonzero(s, v);
                            groups[{instance, c0, g.transpose_width > 0 ? c : -1, g.transpose_width > 0 ? p / a_.k_tile : p}] += present ? 1 : 0;
                        }
                    }
                }
            }
        }
        int64_t lines = 0;
        for (const auto &group : groups) {
            lines += up(group.second * s.value_bytes, a_.line_bytes);
        }
        return lines;
    }

    static int64_t nonzeros(const sj_stream &s, int64_t begin, int64_t end) {
        int64_t count = 0;
        for (int64_t v = begin; v < end; ++v) {
            count += nonzero(s, v) ? 1 : 0;
        }
        return count;
    }

    void burst(int64_t address) {
        const int64_t page = address / a_.dram->page_bytes, bank = page % a_.dram->banks, row = page / a_.dram->banks;
        ++bursts_;
        if (open_.count(bank) == 0 || open_[bank] != row) {
            ++misses_;
            open_[bank] = row;
        }
    }

    void count_buffer(const sj_segment &g, bool is_store) {
        const sj_stream &s = job_.streams[g.stream];
        const int64_t n = g.end - g.begin, line = a_.line_bytes, plain = up(n * s.value_bytes, line);
        const bool skip = variant_.machine == SJ_MACHINE_SKIP;
        if (is_store) {
            out_->counts.buffer_read += u(plain);
        } else if (g.stream == 0) {
            out_->counts.buffer_write += u(lines_of_a(g) + (skip ? up(up(n, 8), line) : 0));
        } else if (g.stream == 1) {
            out_->counts.buffer_write += u(plain + (skip ? up(up(job_.flags_per_lane ? n : up(n, a_.lanes), 8), line) : 0));
        }
    }

    const sj_accel &a_;
    const sj_variant variant_;
    const sj_job &job_;
    sj_outcome *out_;
    std::vector<QueueEntry> queue_;
    std::map<int64_t, int64_t> open_;
    int64_t bursts_ = 0, misses_ = 0, lines_ = 0, tiles_ = 0;
};

}  // namespace

std::vector<QueueEntry> expected_queue(const sj_accel &accel, sj_variant variant, const sj_job &job, sj_outcome *out) { return Channel(accel, variant, job, out).run(); }

int64_t expected_end(const sj_accel &accel, int64_t start, int64_t cycles) {
    const int64_t interval = sj_accel_cycles_from_ns(&accel, accel.dram->refresh_interval_ns), window = sj_accel_cycles_from_ns(&accel, accel.dram->refresh_window_ns);
    int64_t c = start;
    while (cycles > 0) {
        const bool refresh = c >= interval / 2 && (c - interval / 2) % interval < window;
        cycles -= refresh ? 0 : 1;
        ++c;
    }
    return c;
}

}  // namespace test
