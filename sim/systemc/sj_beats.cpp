// SPDX-License-Identifier: Apache-2.0
#include "sj_beats.hpp"

#include <algorithm>

#include "sj_arith.hpp"

namespace sj {
namespace {

int mask_buffer(const Step &step) { return static_cast<int>(step.number % 4); }
int value_buffer(const Step &step) { return static_cast<int>(step.number % 2); }

// Values that have arrived whole after `beats` beats.
int64_t whole_values(int64_t beats, int64_t bus_bytes, int64_t value_bytes, int64_t values) { return std::min(values, beats * bus_bytes / value_bytes); }

}  // namespace

// ---- A bus

void BusA::begin(const Run *run, const Step *masks, const Step *values) {
    run_ = run;
    masks_ = masks;
    values_ = values;
    mask_row_ = value_row_ = 0;
    mask_rows_ = masks != nullptr && masks->mask_beats > 0 ? masks->rows_taking_part : 0;
    value_rows_ = values != nullptr ? values->rows_taking_part : 0;
    beat_ = 0;
    next_row_with_values();
}

bool BusA::beat(ArrayIn *in) {
    if (mask_row_ < mask_rows_) {
        mask_beat(in);
        return true;
    }
    if (value_row_ < value_rows_) {
        value_beat(in);
        return true;
    }
    return false;
}

void BusA::mask_beat(ArrayIn *in) {
    if (++beat_ == masks_->mask_beats / mask_rows_) {
        write_mask(*masks_, mask_row_++, in);
        beat_ = 0;
    }
}

void BusA::write_mask(const Step &step, int row, ArrayIn *in) const {
    const int64_t words = run_->accel->slots * ceil_div(run_->accel->k_tile, 64);
    in->mask_write = true;
    in->mask_row = row;
    in->mask_buffer = mask_buffer(step);
    in->mask = &step.a->masks[to_size(row * words)];
}

int64_t BusA::bytes_of_row() const {
    const std::vector<int64_t> &begin = values_->a->row_begin;
    return (begin[static_cast<size_t>(value_row_) + 1] - begin[static_cast<size_t>(value_row_)]) * sj_accel_value_bytes(run_->accel);
}

void BusA::next_row_with_values() {
    while (value_row_ < value_rows_ && bytes_of_row() == 0) {
        ++value_row_;
    }
}

void BusA::value_beat(ArrayIn *in) {
    const int64_t value_bytes = sj_accel_value_bytes(run_->accel), bus = run_->accel->a_bytes;
    const int64_t bytes = bytes_of_row(), values = bytes / value_bytes;
    // Dense and gate: the row's in-range k enter through the mask port with its first beat, on no bus.
    if (beat_ == 0 && values_->mask_beats == 0) {
        write_mask(*values_, value_row_, in);
    }
    const int64_t first = whole_values(beat_, bus, value_bytes, values);
    const int64_t last = whole_values(++beat_, bus, value_bytes, values);
    if (last > first) {
        const size_t at = to_size(values_->a->row_begin[static_cast<size_t>(value_row_)] + first);
        in->a_write = true;
        in->a_row = value_row_;
        in->a_buffer = value_buffer(*values_);
        in->a_offset = static_cast<int>(first);
        in->a_count = static_cast<int>(last - first);
        in->a_data = &values_->a->values[at];
        in->a_in_range = &values_->a->in_range[at];
    }
    if (beat_ == ceil_div(bytes, bus)) {
        beat_ = 0;
        ++value_row_;
        next_row_with_values();
    }
}

// ---- B bus

void BusB::begin(const Run *run, const Step *flags, const Step *vectors) {
    run_ = run;
    flags_ = flags;
    values_ = vectors;
    flag_beats_left_ = flags != nullptr ? flags->flag_beats : 0;
    vector_ = 0;
    vectors_ = vectors != nullptr ? vectors->vectors.size() : 0;
    beat_ = 0;
}

void write_flags(const Step &step, ArrayIn *in) {
    in->flag_write = true;
    in->flag_buffer = mask_buffer(step);
    in->flag = step.b->any.data();
}

bool BusB::beat(ArrayIn *in) {
    if (flag_beats_left_ > 0) {
        if (--flag_beats_left_ == 0) {
            write_flags(*flags_, in);
        }
        return true;
    }
    if (vector_ < vectors_) {
        vector_beat(in);
        return true;
    }
    return false;
}

void BusB::vector_beat(ArrayIn *in) {
    const int64_t value_bytes = sj_accel_value_bytes(run_->accel), bus = run_->accel->b_bytes, lanes = run_->accel->lanes;
    const int k = values_->vectors[vector_];
    const int64_t first = whole_values(beat_, bus, value_bytes, lanes);
    const int64_t last = whole_values(++beat_, bus, value_bytes, lanes);
    if (last > first) {
        const size_t at = to_size(k * lanes + first);
        in->b_write = true;
        in->b_buffer = value_buffer(*values_);
        in->b_k = k;
        in->b_lane = static_cast<int>(first);
        in->b_count = static_cast<int>(last - first);
        in->b_data = &values_->b->values[at];
        in->b_in_range = &values_->b->in_range[at];
    }
    if (beat_ == ceil_div(lanes * value_bytes, bus)) {
        beat_ = 0;
        ++vector_;
    }
}

}  // namespace sj
