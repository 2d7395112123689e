// SPDX-License-Identifier: Apache-2.0
// Drives one sj_array that was Verilated whole: sets its ports from an sj::ArrayIn, gives it both clock edges, copies its registers out.
#ifndef WHOLE_ARRAY_HPP
#define WHOLE_ARRAY_HPP

#include <array>
#include <cstddef>
#include <cstring>
#include <numeric>
#include <stdexcept>

#include <verilated.h>

#include "sj_ports.hpp"
#include "sj_rtl.hpp"

namespace bench {

template <class Counters>
uint64_t sum_of(const Counters &rows) {
    return std::accumulate(std::begin(rows), std::end(rows), uint64_t{0});
}

template <class Model, int Lanes, int Slots, int KTile>
class WholeArray final : public sj::Array {
public:
    explicit WholeArray(bool gate) : model_(&context_) {
        model_.gate_i = gate;
        model_.rst_ni = 0;
        edge();
        edge();
        model_.rst_ni = 1;
        copy_out();
    }
    ~WholeArray() override {
        Verilated::threadContextp(&context_);
        model_.final();
    }
    WholeArray(const WholeArray &) = delete;
    WholeArray &operator=(const WholeArray &) = delete;

    const sj::ArrayOut &out() const override { return out_; }

    void clock(const sj::ArrayIn &in) override {
        set_mask_ports(in);
        set_value_ports(in);
        set_control(in);
        edge();
        copy_out();
    }

    sj::ArrayCounts counts() const override {
        sj::ArrayCounts c;
        c.mac_active = sum_of(model_.count_active_o);
        c.mac_zero = sum_of(model_.count_zero_o);
        c.mac_gated = sum_of(model_.count_gated_o);
        c.mac_idle = sum_of(model_.count_idle_o);
        c.mac_change = sum_of(model_.count_change_o);
        c.acc_read = sum_of(model_.count_acc_read_o);
        c.acc_write = sum_of(model_.count_acc_write_o);
        c.a_pad_read = c.b_pad_read = sum_of(model_.count_issue_o);
        c.a_pad_write = sum_of(model_.count_a_write_o);
        c.b_pad_write = sum_of(model_.count_b_write_o);
        c.mask_scan = sum_of(model_.count_scan_o);
        c.busy_work = model_.busy_work_o;
        return c;
    }

private:
    void edge() {
        model_.clk_i = 1;
        model_.eval();
        model_.clk_i = 0;
        model_.eval();
    }

    void set_mask_ports(const sj::ArrayIn &in) {
        model_.mask_we_i = in.mask_write;
        if (in.mask_write) {
            sj::set_number(model_.mask_row_i, in.mask_row);
            sj::set_number(model_.mask_buffer_i, in.mask_buffer);
            sj::set_masks<KTile>(model_.mask_i, Slots, in.mask);
        }
        model_.flag_we_i = in.flag_write;
        if (in.flag_write) {
            sj::set_number(model_.flag_buffer_i, in.flag_buffer);
            std::memcpy(sj::port_bytes(model_.flag_i), in.flag, KTile / 8);
        }
    }

    void set_value_ports(const sj::ArrayIn &in) {
        model_.a_we_i = in.a_write;
        if (in.a_write) {
            if (in.a_count > sj::kMaxABeat) throw std::length_error("a beat of A values is wider than the port of the Verilated array");
            sj::set_number(model_.a_row_i, in.a_row);
            sj::set_number(model_.a_buffer_i, in.a_buffer);
            sj::set_number(model_.a_offset_i, in.a_offset);
            sj::set_number(model_.a_count_i, in.a_count);
            sj::set_values(model_.a_data_i, 0, in.a_count, in.a_data);
            sj::set_bits(model_.a_in_range_i, 0, in.a_count, in.a_in_range);
        }
        model_.b_we_i = in.b_write;
        if (in.b_write) {
            sj::set_number(model_.b_buffer_i, in.b_buffer);
            sj::set_number(model_.b_k_i, in.b_k);
            sj::set_values(model_.b_data_i, in.b_lane, in.b_count, in.b_data);
            sj::set_bits(model_.b_lane_en_i, in.b_lane, in.b_count, nullptr);
            sj::set_bits(model_.b_in_range_i, in.b_lane, in.b_count, in.b_in_range);
        }
    }

    void set_control(const sj::ArrayIn &in) {
        model_.commit_i = in.commit;
        model_.visit_first_i = in.step.visit_first;
        model_.visit_last_i = in.step.visit_last;
        model_.filled_i = in.step.filled;
        sj::set_number(model_.rows_valid_i, in.step.rows_valid);
        model_.drain_start_i = in.drain_start;
        sj::set_number(model_.drain_rows_i, in.drain_rows);
        sj::set_number(model_.drain_beats_i, in.drain_beats_per_row);
        model_.fill_we_i = in.fill_write;
        model_.fill_last_i = in.fill_last;
        if (in.fill_write) {
            sj::set_number(model_.fill_bank_i, in.fill_visit_bank);
            sj::set_number(model_.fill_index_i, in.fill_row_index);
            std::memcpy(sj::port_bytes(model_.fill_sum_i), in.fill_data, sizeof(uint32_t) * Lanes);
        }
    }

    void copy_out() {
        out_.steps_done = model_.steps_done_o;
        out_.visits_done = model_.visits_done_o;
        out_.drains_done = model_.drains_done_o;
        out_.drain_valid = model_.drain_valid_o != 0;
        out_.overflow = model_.overflow_o != 0;
        out_.drain_data = drain_.data();
        if (out_.drain_valid) {
            out_.drain_row_index = static_cast<int>(model_.drain_index_o);
            std::memcpy(drain_.data(), sj::port_bytes(model_.drain_sum_o), sizeof(uint32_t) * Lanes);
        }
    }

    VerilatedContext context_;
    Model model_;
    sj::ArrayOut out_;
    std::array<uint32_t, static_cast<std::size_t>(Lanes)> drain_{};
};

}  // namespace bench
#endif
