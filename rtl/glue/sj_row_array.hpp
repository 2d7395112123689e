// SPDX-License-Identifier: Apache-2.0
// sj_array put together from one Verilated sj_array_control and Rows instances of one Verilated sj_row: the same wires as rtl/sj_array.sv, so that a row is compiled once
// however many there are. tests/rtl/rows_equal_bench.cpp holds the two against each other.
//
// All that control tells the rows beside the strobes of the write ports stands in control's registers, and all that rows tell control beside the drained sums in theirs or
// behind those registers: a cycle needs control's decoders, the edge of both, and a second look at the rows only where control's registers changed.
#ifndef SJ_ROW_ARRAY_HPP
#define SJ_ROW_ARRAY_HPP

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include <verilated.h>

#include "sj_array.hpp"
#include "sj_ports.hpp"

namespace sj {

// In place of sj::FstWave where no waveform is written.
struct NoWave {
    static constexpr bool kOn = false;
};

template <class Control, class Row, int Rows, int Lanes, int Slots, int KTile, class Waveform = NoWave>
class RowArray final : public Array {
public:
    template <class... WaveArguments>
    explicit RowArray(bool gate, const WaveArguments &...wave) : wave_(wave...), control_((context_.traceEverOn(Waveform::kOn), &context_), "control") {
        for (std::size_t r = 0; r < kRows; r++) {
            rows_[r] = std::make_unique<Row>(&context_, ("row" + std::to_string(r)).c_str());
            row(r).gate_i = gate;
        }
        if constexpr (Waveform::kOn) {
            wave_.add(control_);
            for (auto &model : rows_) wave_.add(*model);
            wave_.open();
        }
        reset(0);
        edge();
        edge();
        reset(1);
        copy_out();
    }
    ~RowArray() override {
        Verilated::threadContextp(&context_);  // models take leave of the thread's context, which may be that of an array that is gone
        control_.final();
        for (auto &model : rows_) model->final();
        if constexpr (Waveform::kOn) wave_.close();
    }
    RowArray(const RowArray &) = delete;
    RowArray &operator=(const RowArray &) = delete;

    const Waveform &wave() const { return wave_; }
    const ArrayOut &out() const override { return out_; }

    void clock(const ArrayIn &in) override {
        set_masks_and_flags(in);
        set_b(in);
        set_control(in);
        control_.eval();
        strobe(in);
        if constexpr (Waveform::kOn) show();
        edge();
        if (control_changed()) tell_rows();
        hear_rows();
        copy_out();
    }

    ArrayCounts counts() const override {
        ArrayCounts c;
        for (const auto &model : rows_) {
            const auto &r = *model->rootp;
            c.mac_active += r.count_active_o;
            c.mac_zero += r.count_zero_o;
            c.mac_gated += r.count_gated_o;
            c.mac_idle += r.count_idle_o;
            c.mac_change += r.count_change_o;
            c.acc_read += r.count_acc_read_o;
            c.acc_write += r.count_acc_write_o;
            c.a_pad_read += r.count_issue_o;
            c.b_pad_read += r.count_issue_o;
            c.a_pad_write += r.count_a_write_o;
            c.b_pad_write += r.count_b_write_o;
            c.mask_scan += r.count_scan_o;
        }
        c.busy_work = control_.rootp->busy_work_o;
        return c;
    }

private:
    static constexpr std::size_t kRows = static_cast<std::size_t>(Rows);

    auto &row(std::size_t r) { return *rows_[r]->rootp; }
    auto &control() { return *control_.rootp; }

    void reset(unsigned char level) {
        control().rst_ni = level;
        for (std::size_t r = 0; r < kRows; r++) row(r).rst_ni = level;
        control_.eval();
        for (auto &model : rows_) model->eval();
        tell_rows();
        hear_rows();
    }

    void edge() {
        clock_edge(control_);
        for (auto &model : rows_) clock_edge(*model);
    }

    // Both halves of this cycle, everything settled.
    void show() {
        uint64_t cycle = 0;
        if (!wave_.wants(&cycle)) return;
        for (unsigned char level : {1, 0}) {
            control().clk_i = level;
            control_.eval();
            for (std::size_t r = 0; r < kRows; r++) {
                row(r).clk_i = level;
                rows_[r]->eval();
            }
            wave_.dump(2 * cycle + 1 - level);
        }
    }

    void set_masks_and_flags(const ArrayIn &in) {
        auto &c = control();
        c.mask_we_i = in.mask_write;
        if (in.mask_write) {
            set_number(c.mask_row_i, in.mask_row);
            set_masks<KTile>(c.mask_i, Slots, in.mask);
            mask_buffer_ = static_cast<unsigned char>(in.mask_buffer);
        }
        if (in.flag_write || flag_written_) {
            for (std::size_t r = 0; r < kRows; r++) {
                row(r).flag_we_i = in.flag_write;
                if (in.flag_write) {
                    set_number(row(r).flag_buffer_i, in.flag_buffer);
                    std::memcpy(port_bytes(row(r).flag_i), in.flag, KTile / 8);
                }
            }
        }
        flag_written_ = in.flag_write;
    }

    void set_b(const ArrayIn &in) {
        auto &c = control();
        c.b_we_i = in.b_write;
        if (in.b_write) {
            set_values(c.b_data_i, in.b_lane, in.b_count, in.b_data);
            set_bits(b_lane_en_, in.b_lane, in.b_count, nullptr);
            set_bits(b_in_range_, in.b_lane, in.b_count, in.b_in_range);
        }
    }

    void set_control(const ArrayIn &in) {
        auto &c = control();
        c.a_we_i = in.a_write;
        if (in.a_write) set_number(c.a_row_i, in.a_row);
        c.fill_we_i = in.fill_write;
        c.fill_last_i = in.fill_last;
        if (in.fill_write) set_number(c.fill_index_i, in.fill_row_index);
        c.commit_i = in.commit;
        c.visit_first_i = in.step.visit_first;
        c.visit_last_i = in.step.visit_last;
        c.filled_i = in.step.filled;
        set_number(c.rows_valid_i, in.step.rows_valid);
        c.drain_start_i = in.drain_start;
        set_number(c.drain_rows_i, in.drain_rows);
        set_number(c.drain_beats_i, in.drain_beats_per_row);
    }

    // What control decoded, to the rows' write ports. A row's other inputs are read with a strobe alone.
    void strobe(const ArrayIn &in) {
        auto &c = control();
        const bool drain = port_any(c.row_drain_o);
        const bool any = in.mask_write || in.a_write || in.fill_write || drain || c.drain_end_o;
        if (!any && !strobed_ && !in.b_write && !b_written_) return;
        for (std::size_t r = 0; r < kRows; r++) {
            const int bit = static_cast<int>(r);
            auto &w = row(r);
            w.mask_we_i = port_bit(c.row_mask_we_o, bit);
            w.a_we_i = port_bit(c.row_a_we_o, bit);
            w.fill_i = port_bit(c.row_fill_o, bit);
            w.drain_i = port_bit(c.row_drain_o, bit);
            w.clear_i = c.drain_end_o;
            w.clear_bank_i = c.drain_bank_o;
            if (w.mask_we_i) {
                w.mask_buffer_i = mask_buffer_;
                copy_port(w.mask_i, c.mask_i);
                copy_port(w.mask_base_i, c.mask_base_o);
            }
            if (w.a_we_i) write_a(w, in);
            if (w.fill_i) {
                set_number(w.fill_bank_i, in.fill_visit_bank);
                w.fill_slot_i = c.fill_slot_o;
                std::memcpy(port_bytes(w.fill_sum_i), in.fill_data, sizeof(uint32_t) * Lanes);
            }
            if (w.drain_i) {
                w.drain_bank_i = c.drain_bank_o;
                w.drain_slot_i = c.drain_slot_o;
                rows_[r]->eval();
                copy_port(c.drain_sum_i, w.drain_sum_o);
            }
            w.b_we_i = in.b_write;
            if (in.b_write) write_b(w, in);
        }
        strobed_ = any;
        b_written_ = in.b_write;
    }

    template <class Port>
    static bool port_any(Port &port) {
        unsigned char any = 0;
        for (std::size_t i = 0; i < sizeof port; i++) any = static_cast<unsigned char>(any | port_bytes(port)[i]);
        return any != 0;
    }

    template <class Root>
    void write_a(Root &w, const ArrayIn &in) {
        set_number(w.a_buffer_i, in.a_buffer);
        set_number(w.a_offset_i, in.a_offset);
        set_number(w.a_count_i, in.a_count);
        set_values(w.a_data_i, 0, in.a_count, in.a_data);
        set_bits(w.a_in_range_i, 0, in.a_count, in.a_in_range);
    }

    template <class Root>
    void write_b(Root &w, const ArrayIn &in) {
        set_number(w.b_buffer_i, in.b_buffer);
        set_number(w.b_k_i, in.b_k);
        copy_port(w.b_data_i, control().b_data_i);
        copy_port(w.b_lane_en_i, b_lane_en_);
        copy_port(w.b_in_range_i, b_in_range_);
        copy_port(w.b_nonzero_i, control().b_nonzero_o);
    }

    bool control_changed() {
        auto &c = control();
        const bool same = c.committed_o == committed_ && c.may_start_o == may_start_ && std::memcmp(&c.takes_part_o, &takes_part_, sizeof takes_part_) == 0 &&
                          std::memcmp(&c.bank_o, &bank_, sizeof bank_) == 0;
        return !same;
    }

    void tell_rows() {
        auto &c = control();
        committed_ = c.committed_o;
        may_start_ = c.may_start_o;
        std::memcpy(&takes_part_, &c.takes_part_o, sizeof takes_part_);
        std::memcpy(&bank_, &c.bank_o, sizeof bank_);
        for (std::size_t r = 0; r < kRows; r++) {
            const int bit = static_cast<int>(r);
            auto &w = row(r);
            w.committed_i = committed_;
            w.may_start_i = may_start_;
            w.takes_part_i = static_cast<unsigned char>(port_bit(c.takes_part_o[0], bit) | (port_bit(c.takes_part_o[1], bit) << 1));
            copy_port(w.bank_i, bank_);
            rows_[r]->eval();
        }
    }

    void hear_rows() {
        auto &c = control();
        uint64_t step_end[kRows / 64 + 1] = {}, infinite[kRows / 64 + 1] = {};
        for (std::size_t r = 0; r < kRows; r++) {
            auto &w = row(r);
            c.row_step_i[r] = w.step_o;
            c.row_work_i[r] = w.work_o;
            step_end[r / 64] |= static_cast<uint64_t>(w.step_end_o) << (r % 64);
            infinite[r / 64] |= static_cast<uint64_t>(w.infinite_o) << (r % 64);
        }
        std::memcpy(&c.row_step_end_i, step_end, sizeof c.row_step_end_i);
        std::memcpy(&c.row_infinite_i, infinite, sizeof c.row_infinite_i);
    }

    void copy_out() {
        auto &c = control();
        out_.steps_done = c.steps_done_o;
        out_.visits_done = c.visits_done_o;
        out_.drains_done = c.drains_done_o;
        out_.drain_valid = c.drain_valid_o != 0;
        out_.overflow = c.overflow_o != 0;
        out_.drain_data = drain_.data();
        if (out_.drain_valid) {
            out_.drain_row_index = static_cast<int>(c.drain_index_o);
            std::memcpy(drain_.data(), port_bytes(c.drain_sum_o), sizeof(uint32_t) * Lanes);
        }
    }

    using ControlRoot = std::remove_reference_t<decltype(*std::declval<Control>().rootp)>;
    using RowRoot = std::remove_reference_t<decltype(*std::declval<Row>().rootp)>;

    VerilatedContext context_;
    Waveform wave_;
    Control control_;
    std::array<std::unique_ptr<Row>, kRows> rows_;
    ArrayOut out_;
    std::array<uint32_t, static_cast<std::size_t>(Lanes)> drain_{};

    unsigned char mask_buffer_ = 0;
    bool flag_written_ = false, b_written_ = false, strobed_ = false;
    decltype(RowRoot::b_lane_en_i) b_lane_en_{};
    decltype(RowRoot::b_in_range_i) b_in_range_{};
    // What the rows were told last.
    decltype(ControlRoot::committed_o) committed_{};
    decltype(ControlRoot::may_start_o) may_start_{};
    decltype(ControlRoot::takes_part_o) takes_part_{};
    decltype(ControlRoot::bank_o) bank_{};
};

}  // namespace sj
#endif
