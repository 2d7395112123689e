// SPDX-License-Identifier: Apache-2.0
// The array as a C++ state machine, one clock edge a call: rows that sequence themselves, real sums (docs/timing.md sections 2, 9, 10).
#include <algorithm>
#include <cassert>
#include <cstring>
#include <deque>
#include <new>
#include <vector>

#include "sj_array.hpp"
#include "sj_bf16.h"

namespace sj {
namespace {

constexpr uint64_t kMaskBuffers = 4;
constexpr uint64_t kValueBuffers = 2;

size_t index_of(uint64_t v) { return static_cast<size_t>(v); }

// Inline: without -mpopcnt the compiler's builtin is a call into its library.
unsigned count_bits(uint64_t word) {
    word -= (word >> 1) & 0x5555555555555555ull;
    word = (word & 0x3333333333333333ull) + ((word >> 2) & 0x3333333333333333ull);
    word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0full;
    return static_cast<unsigned>((word * 0x0101010101010101ull) >> 56);
}

// bf16 products are exact in fp32; products and sums with exponent 0 become +0, so that -0 never stands in an accumulator.
struct Bf16Arithmetic {
    using Operand = float;
    using Sum = float;

    static bool nonzero(uint16_t bits) { return sj_bf16_nonzero(bits); }
    static float operand(uint16_t bits) { return nonzero(bits) ? sj_bf16_to_f32(bits) : 0.0f; }

    // sums[n] += a * b[n]; true when one left the fp32 range. Exponents are tested as integers: so the loop becomes vector code.
    static bool accumulate(float a, const float *__restrict b, float *__restrict sums, size_t lanes) {
        uint32_t overflow = 0;
        for (size_t n = 0; n < lanes; ++n) {
            const float product = sj_bits_f32(flushed(sj_f32_bits(a * b[n])));
            const uint32_t sum = flushed(sj_f32_bits(sums[n] + product));
            overflow |= (sum & kExponent) == kExponent ? 1u : 0u;
            sums[n] = sj_bits_f32(sum);
        }
        return overflow != 0;
    }

private:
    static constexpr uint32_t kExponent = 0x7f800000u;
    static uint32_t flushed(uint32_t bits) { return (bits & kExponent) == 0 ? 0 : bits; }
};

struct Int8Arithmetic {
    using Operand = int16_t;
    using Sum = uint32_t;

    static bool nonzero(uint16_t bits) { return (bits & 0xffu) != 0; }
    static int16_t operand(uint16_t bits) { return static_cast<int8_t>(static_cast<uint8_t>(bits)); }

    // A product fits 16 bits.
    static bool accumulate(int16_t a, const int16_t *__restrict b, uint32_t *__restrict sums, size_t lanes) {
        for (size_t n = 0; n < lanes; ++n) {
            sums[n] += static_cast<uint32_t>(static_cast<int32_t>(static_cast<int16_t>(a * b[n])));
        }
        return false;
    }
};

// A committed step that some row has not ended yet.
struct LiveStep {
    StepDescriptor descriptor = {};
    uint64_t visit = 0;
    size_t bank = 0;  // of the visit
    int rows = 0;     // physical rows that take part
    int pending = 0;  // of these, how many have not ended it
    uint64_t longest = 0;
};

struct Row {
    std::vector<uint64_t> masks;      // [mask buffer][slot][word]
    std::vector<uint16_t> values;     // [value buffer][packed]
    std::vector<uint8_t> in_range;    // [value buffer][packed]
    uint64_t step = 0;                // the step it works on or waits for
    bool working = false;
    uint64_t work = 0, left = 0;      // cycles of the step: all, still to come
    bool issues = false;              // false: an empty step, which costs one cycle
    size_t slot = 0, word = 0;
    bool slot_entered = false;
    uint64_t word_mask = 0, todo = 0; // the word's present values; of them, still to be issued
    size_t word_base = 0;             // pad index of the word's first value
    const uint64_t *step_masks = nullptr, *step_flags = nullptr;  // of the step
    size_t step_values = 0;           // of the step: where its packed values begin
    size_t cell = 0;                  // of the slot
    uint64_t active = 0;              // bit = lane, of the first 64: active at the row's last issue, in whatever step
    std::vector<uint64_t> active_further;  // [word - 1]: the lanes behind those
};

template <class Arithmetic>
class ModelArray final : public Array {
public:
    explicit ModelArray(const ArrayShape &shape)
        : rows_(static_cast<size_t>(shape.rows)), lanes_(static_cast<size_t>(shape.lanes)), slots_(static_cast<size_t>(shape.slots)),
          k_tile_(static_cast<size_t>(shape.k_tile)), banks_(static_cast<size_t>(shape.acc_banks)), words_((k_tile_ + 63) / 64), lane_words_((lanes_ + 63) / 64),
          skip_(shape.machine == SJ_MACHINE_SKIP), gate_(shape.machine != SJ_MACHINE_DENSE), row_(rows_), flags_(kMaskBuffers * words_, 0),
          b_(kValueBuffers * k_tile_ * lanes_), b_in_range_(kValueBuffers * k_tile_, 0), b_nonzero_(kValueBuffers * k_tile_, 0),
          b_nonzero_lanes_(kValueBuffers * k_tile_ * lane_words_, 0),
          sums_(banks_ * rows_ * slots_ * lanes_), valid_(banks_ * rows_ * slots_, 0), bank_filled_(banks_, 0), drained_row_(lanes_, 0) {
        for (Row &row : row_) {
            row.masks.assign(kMaskBuffers * slots_ * words_, 0);
            row.values.assign(kValueBuffers * slots_ * k_tile_, 0);
            row.in_range.assign(kValueBuffers * slots_ * k_tile_, 0);
            row.active_further.assign(lane_words_ - 1, 0);
        }
    }

    const ArrayOut &out() const override { return out_; }

    // What follows from the issues, their pairs and the active of them is not counted issue by issue.
    ArrayCounts counts() const override {
        ArrayCounts c = counts_;
        (gate_ ? c.mac_gated : c.mac_zero) = pairs_ - c.mac_active;
        c.mac_idle = lanes_ * c.a_pad_read - pairs_;
        c.b_pad_read = c.a_pad_read;
        return c;
    }

    void clock(const ArrayIn &in) override {
        out_.drain_valid = false;
        for (size_t r = 0; r < rows_; ++r) {
            work_row(r);
        }
        drain(in);
        fill(in);
        write_pads(in);
        retire_steps();
        commit(in);
        ++cycle_;
    }

private:
    // ---- rows
    void work_row(size_t r) {
        Row &row = row_[r];
        while (row.step < committed_ && static_cast<int>(r) >= live(row.step).rows) {
            ++row.step;  // takes no part
        }
        if (row.step == committed_) {
            return;
        }
        LiveStep &step = live(row.step);
        if (!row.working) {
            if (step.descriptor.visit_first && !bank_ready(step)) {
                return;
            }
            begin_step(row);
        }
        if (row.issues) {
            issue(r, row, step);
        }
        if (--row.left == 0) {
            end_step(row, step);
        }
    }

    bool bank_ready(const LiveStep &step) const {
        return step.visit < out_.drains_done + banks_ && (!step.descriptor.filled || bank_filled_[step.bank] != 0);
    }

    void begin_step(Row &row) {
        const uint64_t *masks = &row.masks[mask_base(row.step)];
        const uint64_t *flags = &flags_[index_of(row.step % kMaskBuffers) * words_];
        uint64_t issued = 0;
        for (size_t g = 0; g < slots_; ++g) {
            for (size_t w = 0; w < words_; ++w) {
                issued += count_bits(masks[g * words_ + w] & flags[w]);
            }
        }
        row.working = true;
        row.issues = issued > 0;
        row.work = row.left = std::max<uint64_t>(1, issued);
        row.slot = row.word = row.word_base = 0;
        row.slot_entered = false;
        row.step_masks = masks;
        row.step_flags = flags;
        row.step_values = index_of(row.step % kValueBuffers) * slots_ * k_tile_;
        row.word_mask = masks[0];
        row.todo = masks[0] & flags[0];
    }

    // Moves to the next word that still has something to issue.
    void advance(Row &row) {
        while (row.todo == 0) {
            row.word_base += count_bits(row.word_mask);
            if (++row.word == words_) {
                row.word = 0;
                row.slot_entered = false;
                ++row.slot;
                assert(row.slot < slots_);
            }
            row.word_mask = row.step_masks[row.slot * words_ + row.word];
            row.todo = row.word_mask & row.step_flags[row.word];
        }
    }

    void issue(size_t r, Row &row, const LiveStep &step) {
        advance(row);
        const uint64_t bit = row.todo & (~row.todo + 1);
        row.todo ^= bit;
        if (!row.slot_entered) {
            row.cell = cell_of(step.bank, r, row.slot);
            enter_slot(row.cell);
            row.slot_entered = true;
        }
        const size_t at = row.step_values + row.word_base + count_bits(row.word_mask & (bit - 1));
        const size_t vector = index_of(row.step % kValueBuffers) * k_tile_ + row.word * 64 + static_cast<size_t>(__builtin_ctzll(bit));
        const uint16_t a = row.values[at];
        if (accumulate(Arithmetic::operand(a), &b_[vector * lanes_], &sums_[row.cell * lanes_])) {
            out_.overflow = true;
        }
        count_issue(row, row.in_range[at] != 0, Arithmetic::nonzero(a), vector);
    }

    // A row of 16 lanes, the usual one, is code without a loop.
    bool accumulate(typename Arithmetic::Operand a, const typename Arithmetic::Operand *b, typename Arithmetic::Sum *sums) const {
        return lanes_ == 16 ? Arithmetic::accumulate(a, b, sums, 16) : Arithmetic::accumulate(a, b, sums, lanes_);
    }

    void enter_slot(size_t cell) {
        counts_.acc_read += valid_[cell];
        ++counts_.acc_write;
        if (valid_[cell] == 0) {
            std::fill_n(&sums_[cell * lanes_], lanes_, typename Arithmetic::Sum{});
            valid_[cell] = 1;
        }
    }

    void count_issue(Row &row, bool in_range, bool nonzero, size_t vector) {
        const uint64_t pairs = in_range ? b_in_range_[vector] : 0;
        const uint64_t active = in_range && nonzero ? b_nonzero_[vector] : 0;
        counts_.mac_active += active;
        pairs_ += pairs;
        counts_.mac_change += change_lanes(row, in_range && nonzero ? ~uint64_t{0} : 0, vector);
        ++counts_.a_pad_read;
    }

    // Lanes of a row that were active at its issue before and are not now, or the other way round. a_mask: all ones where A is in range and nonzero, else 0.
    uint64_t change_lanes(Row &row, uint64_t a_mask, size_t vector) const {
        const uint64_t changed = change_word(&row.active, b_nonzero_lanes_[vector] & a_mask);
        return lane_words_ == 1 ? changed : changed + change_further_lanes(row, a_mask, vector);
    }

    uint64_t change_further_lanes(Row &row, uint64_t a_mask, size_t vector) const {
        uint64_t changed = 0;
        for (size_t w = 1; w < lane_words_; ++w) {
            changed += change_word(&row.active_further[w - 1], b_nonzero_lanes_[lane_word(w, vector)] & a_mask);
        }
        return changed;
    }

    static uint64_t change_word(uint64_t *before, uint64_t now) {
        const uint64_t changed = *before ^ now;
        *before = now;
        return count_bits(changed);
    }

    void end_step(Row &row, LiveStep &step) {
        // A mask buffer that nobody writes for its next step reads as empty (padding-only rows on SKIP=0).
        std::fill_n(&row.masks[mask_base(row.step)], slots_ * words_, 0);
        step.longest = std::max(step.longest, row.work);
        --step.pending;
        counts_.mask_scan += skip_ ? row.work : 0;
        row.working = false;
        ++row.step;
    }

    // ---- steps and visits
    void commit(const ArrayIn &in) {
        if (!in.commit) {
            return;
        }
        assert(committed_ - out_.steps_done < kMaskBuffers);
        assert(in.step.rows_valid > 0);
        visits_entered_ += in.step.visit_first ? 1 : 0;
        LiveStep &step = live(committed_++);
        step.descriptor = in.step;
        step.visit = visits_entered_ - 1;
        step.bank = index_of(step.visit % banks_);
        step.rows = step.pending = std::min(static_cast<int>(rows_), in.step.rows_valid);
        step.longest = 0;
    }

    // Called with the committed steps of before this edge: a step that is committed now cannot be over.
    void retire_steps() {
        while (!ready_at_.empty() && ready_at_.front() <= cycle_) {
            ready_at_.pop_front();
            ++out_.visits_done;
        }
        while (out_.steps_done < committed_ && live(out_.steps_done).pending == 0) {
            const LiveStep &step = live(out_.steps_done++);
            counts_.busy_work += step.longest;
            if (step.descriptor.visit_last) {
                ready_at_.push_back(cycle_ + kPipeline);
            }
        }
    }

    // ---- sums out and in
    void drain(const ArrayIn &in) {
        if (in.drain_start) {
            assert(drain_beats_left_ == 0 && out_.visits_done > out_.drains_done && in.drain_rows > 0 && in.drain_beats_per_row > 0);
            drain_rows_ = in.drain_rows;
            drain_beats_per_row_ = in.drain_beats_per_row;
            drain_beats_left_ = drain_rows_ * drain_beats_per_row_;
        }
        if (drain_beats_left_ == 0) {
            return;
        }
        if (--drain_beats_left_ % drain_beats_per_row_ == 0) {
            drain_row(static_cast<int>(drain_rows_ - 1 - drain_beats_left_ / drain_beats_per_row_));
        }
        if (drain_beats_left_ == 0) {
            const size_t bank = index_of(out_.drains_done % banks_);
            std::fill_n(&valid_[cell_of(bank, 0, 0)], rows_ * slots_, static_cast<uint8_t>(0));
            bank_filled_[bank] = 0;
            ++out_.drains_done;
        }
    }

    void drain_row(int m) {
        const size_t cell = cell_of_row(index_of(out_.drains_done % banks_), static_cast<size_t>(m));
        if (valid_[cell] != 0) {
            ++counts_.acc_read;
            std::memcpy(drained_row_.data(), &sums_[cell * lanes_], lanes_ * sizeof(uint32_t));
        } else {
            std::fill(drained_row_.begin(), drained_row_.end(), 0u);
        }
        out_.drain_valid = true;
        out_.drain_row_index = m;
        out_.drain_data = drained_row_.data();
    }

    void fill(const ArrayIn &in) {
        if (!in.fill_write) {
            return;
        }
        const size_t bank = static_cast<size_t>(in.fill_visit_bank);
        const size_t cell = cell_of_row(bank, static_cast<size_t>(in.fill_row_index));
        std::memcpy(&sums_[cell * lanes_], in.fill_data, lanes_ * sizeof(uint32_t));
        valid_[cell] = 1;
        ++counts_.acc_write;
        bank_filled_[bank] = in.fill_last ? 1 : 0;
    }

    // ---- pads
    void write_pads(const ArrayIn &in) {
        if (in.mask_write) {
            const size_t base = static_cast<size_t>(in.mask_buffer) * slots_ * words_;
            std::copy_n(in.mask, slots_ * words_, &row_[static_cast<size_t>(in.mask_row)].masks[base]);
        }
        if (in.flag_write) {
            std::copy_n(in.flag, words_, &flags_[static_cast<size_t>(in.flag_buffer) * words_]);
        }
        if (in.a_write) {
            write_a(in);
        }
        if (in.b_write) {
            write_b(in);
        }
    }

    void write_a(const ArrayIn &in) {
        Row &row = row_[static_cast<size_t>(in.a_row)];
        const size_t count = static_cast<size_t>(in.a_count);
        assert(static_cast<size_t>(in.a_offset) + count <= slots_ * k_tile_);
        const size_t at = static_cast<size_t>(in.a_buffer) * slots_ * k_tile_ + static_cast<size_t>(in.a_offset);
        std::copy_n(in.a_data, count, &row.values[at]);
        std::copy_n(in.a_in_range, count, &row.in_range[at]);
        counts_.a_pad_write += count;
    }

    void write_b(const ArrayIn &in) {
        const size_t vector = static_cast<size_t>(in.b_buffer) * k_tile_ + static_cast<size_t>(in.b_k);
        const size_t first = static_cast<size_t>(in.b_lane), count = static_cast<size_t>(in.b_count);
        assert(first + count <= lanes_);
        if (first == 0) {
            b_in_range_[vector] = b_nonzero_[vector] = 0;
            for (size_t w = 0; w < lane_words_; ++w) {
                b_nonzero_lanes_[lane_word(w, vector)] = 0;
            }
        }
        for (size_t n = 0; n < count; ++n) {
            const bool in_range = in.b_in_range[n] != 0;
            // Without a branch, which would often be mispredicted.
            const unsigned nonzero = static_cast<unsigned>(in_range) & static_cast<unsigned>(Arithmetic::nonzero(in.b_data[n]));
            const size_t lane = first + n;
            b_[vector * lanes_ + lane] = in_range ? Arithmetic::operand(in.b_data[n]) : typename Arithmetic::Operand{};
            b_in_range_[vector] += in_range ? 1u : 0u;
            b_nonzero_[vector] += nonzero;
            b_nonzero_lanes_[lane_word(lane / 64, vector)] |= uint64_t{nonzero} << (lane % 64);
        }
        counts_.b_pad_write += first + count == lanes_ ? rows_ : 0;
    }

    // ---- layout
    LiveStep &live(uint64_t step) { return live_[index_of(step % kMaskBuffers)]; }
    size_t mask_base(uint64_t step) const { return index_of(step % kMaskBuffers) * slots_ * words_; }
    size_t lane_word(size_t word, size_t vector) const { return word * kValueBuffers * k_tile_ + vector; }
    size_t cell_of(size_t bank, size_t row, size_t slot) const { return (bank * rows_ + row) * slots_ + slot; }
    size_t cell_of_row(size_t bank, size_t m) const { return cell_of(bank, m % rows_, m / rows_); }

    const size_t rows_, lanes_, slots_, k_tile_, banks_, words_, lane_words_;
    const bool skip_, gate_;
    std::vector<Row> row_;
    std::vector<uint64_t> flags_;                     // [mask buffer][word]
    std::vector<typename Arithmetic::Operand> b_;     // [value buffer][k][lane]; every row holds the same
    std::vector<uint32_t> b_in_range_, b_nonzero_;    // [value buffer][k]: lanes
    std::vector<uint64_t> b_nonzero_lanes_;           // [word][value buffer][k]: bit = lane, in range and nonzero
    std::vector<typename Arithmetic::Sum> sums_;      // [bank][row][slot][lane]
    std::vector<uint8_t> valid_;                      // [bank][row][slot]
    std::vector<uint8_t> bank_filled_;                // [bank]
    std::vector<uint32_t> drained_row_;
    LiveStep live_[kMaskBuffers];
    std::deque<uint64_t> ready_at_;                   // edges at which visits_done counts on
    uint64_t cycle_ = 0, committed_ = 0, visits_entered_ = 0;
    int64_t drain_rows_ = 0, drain_beats_per_row_ = 0, drain_beats_left_ = 0;
    ArrayOut out_;
    ArrayCounts counts_;
    uint64_t pairs_ = 0;                              // lane issues in range
};

}  // namespace

std::unique_ptr<Array> make_model_array(const ArrayShape &shape, sj_error *err) {
    if (shape.rows < 1 || shape.lanes < 1 || shape.slots < 1 || shape.acc_banks < 1 || shape.k_tile < 1 || shape.k_tile > kMaxKTile) {
        SJ_FAIL(err, SJ_ERR_RANGE, "array: %d rows, %d lanes, %d slots, %d accumulator banks and k_tile %d cannot be built: all at least 1, k_tile at most %d",
                shape.rows, shape.lanes, shape.slots, shape.acc_banks, shape.k_tile, kMaxKTile);
        return nullptr;
    }
    try {
        if (shape.dtype == SJ_DTYPE_BF16) {
            return std::make_unique<ModelArray<Bf16Arithmetic>>(shape);
        }
        return std::make_unique<ModelArray<Int8Arithmetic>>(shape);
    } catch (const std::bad_alloc &) {
        SJ_FAIL(err, SJ_ERR_MEMORY, "array: out of memory for %d rows of %d lanes and %d slots", shape.rows, shape.lanes, shape.slots);
        return nullptr;
    }
}

}  // namespace sj
