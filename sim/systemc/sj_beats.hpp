// SPDX-License-Identifier: Apache-2.0
// The A and B buses, a beat at a time. A deserialiser stands in front of the array: masks and flags are written with their last beat, a value with the beat that
// brings its last byte (docs/timing.md section 10).
#ifndef SJ_BEATS_HPP
#define SJ_BEATS_HPP

#include "sj_step.hpp"

namespace sj {

class BusA {
public:
    // Queues: masks of one step, then values of another; either may be null.
    void begin(const Run *run, const Step *masks, const Step *values);
    // One cycle. True when a beat was sent.
    bool beat(ArrayIn *in);
    bool empty() const { return mask_row_ == mask_rows_ && value_row_ == value_rows_; }

private:
    void mask_beat(ArrayIn *in);
    void value_beat(ArrayIn *in);
    void write_mask(const Step &step, int row, ArrayIn *in) const;
    void next_row_with_values();
    int64_t bytes_of_row() const;

    const Run *run_ = nullptr;
    const Step *masks_ = nullptr, *values_ = nullptr;
    int mask_row_ = 0, mask_rows_ = 0, value_row_ = 0, value_rows_ = 0;
    int64_t beat_ = 0;  // of the row
};

class BusB {
public:
    void begin(const Run *run, const Step *flags, const Step *vectors);
    bool beat(ArrayIn *in);
    bool empty() const { return flag_beats_left_ == 0 && vector_ == vectors_; }

private:
    void vector_beat(ArrayIn *in);

    const Run *run_ = nullptr;
    const Step *flags_ = nullptr, *values_ = nullptr;
    int64_t flag_beats_left_ = 0;
    size_t vector_ = 0, vectors_ = 0;
    int64_t beat_ = 0;  // of the vector
};

void write_flags(const Step &step, ArrayIn *in);

}  // namespace sj
#endif
