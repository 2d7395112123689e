// SPDX-License-Identifier: Apache-2.0
#include "array_driver.hpp"

#include <algorithm>

namespace bench {

namespace {
constexpr int kMaxBeat = 128;
int below(sj_random *random, int bound) { return static_cast<int>(sj_random_below(random, static_cast<uint64_t>(bound))); }
}  // namespace

void Driver::expect(const char *what, uint64_t met, uint64_t wanted) {
    if (met != wanted && fault_.empty()) {
        fault_ = "cycle " + std::to_string(cycle_) + ": " + what + " is " + std::to_string(met) + ", must be " + std::to_string(wanted);
    }
}

void Driver::check() {
    uint64_t steps = 0, visits = 0, drains = 0;
    for (std::size_t i = 0; i < job_.steps.size() && job_.step_end(i) <= cycle_; i++) steps = i + 1;
    for (const Visit &v : job_.visits) {
        if (v.ready > cycle_) break;
        visits++;
    }
    for (const Visit &v : job_.visits) {
        if (v.drain_end > cycle_) break;
        drains++;
    }
    expect("steps_done", array_.out().steps_done, steps);
    expect("visits_done", array_.out().visits_done, visits);
    expect("drains_done", array_.out().drains_done, drains);
    expect("overflow", array_.out().overflow, 0);
    check_drain();
}

void Driver::check_drain() {
    const sj::ArrayOut &out = array_.out();
    const uint64_t since = cycle_ - drain_start_;
    const auto beats = static_cast<uint64_t>(drain_beats_);
    const bool wanted = drained_ > 0 && since > 0 && since % beats == 0 && since / beats <= static_cast<uint64_t>(job_.visits[drained_ - 1].rows);
    expect("drain_valid", out.drain_valid, wanted);
    if (!wanted || !fault_.empty()) return;
    const auto m = static_cast<int>(since / beats - 1);
    expect("drain_row_index", static_cast<uint64_t>(out.drain_row_index), static_cast<uint64_t>(m));
    for (int l = 0; l < job_.shape.lanes; l++) {
        expect("drained sum", out.drain_data[l], job_.visits[drained_ - 1].sums[job_.lane(m, l)]);
    }
}

void Driver::check_counts() {
    const sj::ArrayCounts met = array_.counts();
    expect("mac_active", met.mac_active, job_.counts.mac_active);
    expect("mac_zero", met.mac_zero, job_.counts.mac_zero);
    expect("mac_gated", met.mac_gated, job_.counts.mac_gated);
    expect("mac_idle", met.mac_idle, job_.counts.mac_idle);
    expect("mac_change", met.mac_change, job_.counts.mac_change);
    expect("acc_read", met.acc_read, job_.counts.acc_read);
    expect("acc_write", met.acc_write, job_.counts.acc_write);
    expect("a_pad_read", met.a_pad_read, job_.counts.a_pad_read);
    expect("a_pad_write", met.a_pad_write, job_.counts.a_pad_write);
    expect("b_pad_read", met.b_pad_read, job_.counts.b_pad_read);
    expect("b_pad_write", met.b_pad_write, job_.counts.b_pad_write);
    expect("mask_scan", met.mask_scan, job_.counts.mask_scan);
    expect("busy_work", met.busy_work, job_.counts.busy_work);
}

// Masks and flags: up to two steps ahead of the step that is being loaded, once the step four before has ended.
void Driver::send_masks(sj::ArrayIn *in) {
    if (masks_.empty() && masks_sent_ < job_.steps.size() && masks_sent_ <= loading_ + 2 && array_.out().steps_done + 4 > masks_sent_) {
        masks_.push_back({masks_sent_, -1});
        for (int r = 0; r < job_.taking_part(job_.steps[masks_sent_]); r++) {
            // A row without values may go without a mask.
            if (job_.has_values(job_.steps[masks_sent_], r) || chance()) masks_.push_back({masks_sent_, r});
        }
        masks_sent_++;
    }
    if (masks_.empty() || !chance()) return;
    const MaskWrite w = masks_.back();
    masks_.pop_back();
    const Step &s = job_.steps[w.step];
    const int words = (job_.shape.k_tile + 63) / 64;
    words_.assign(static_cast<std::size_t>(words * job_.shape.slots), 0);
    const auto set = [&](int slot, int k) { words_[static_cast<std::size_t>(slot * words + k / 64)] |= uint64_t{1} << (k % 64); };
    if (w.row < 0) {
        for (int k = 0; k < job_.shape.k_tile; k++) {
            if (s.any_b[static_cast<std::size_t>(k)]) set(0, k);
        }
        in->flag_write = true;
        in->flag_buffer = static_cast<int>(w.step % 4);
        in->flag = words_.data();
        return;
    }
    for (int slot = 0; slot < job_.shape.slots; slot++) {
        const int m = slot * job_.shape.rows + w.row;
        if (m >= job_.visits[static_cast<std::size_t>(s.visit)].rows) break;
        for (int k = 0; k < job_.shape.k_tile; k++) {
            if (job_.a(s, m, k).present) set(slot, k);
        }
    }
    in->mask_write = true;
    in->mask_row = w.row;
    in->mask_buffer = static_cast<int>(w.step % 4);
    in->mask = words_.data();
}

// Cuts the values of step i into beats.
void Driver::begin_loading(std::size_t i) {
    const Step &s = job_.steps[i];
    const Visit &v = job_.visits[static_cast<std::size_t>(s.visit)];
    for (int r = 0; r < job_.taking_part(s); r++) {
        AValues beat{r, 0, {}, {}};
        int offset = 0, size = 1 + below(random_, kMaxBeat);
        for (int m = r; m < v.rows; m += job_.shape.rows) {
            for (int k = 0; k < job_.shape.k_tile; k++) {
                const Value &value = job_.a(s, m, k);
                if (!value.present) continue;
                beat.data.push_back(value.bits);
                beat.in_range.push_back(value.in_range);
                offset++;
                if (static_cast<int>(beat.data.size()) == size) {
                    a_.push_back(beat);
                    beat = {r, offset, {}, {}};
                    size = 1 + below(random_, kMaxBeat);
                }
            }
        }
        if (!beat.data.empty()) a_.push_back(beat);
    }
    for (int k = 0; k < job_.shape.k_tile; k++) {
        if (s.any_a[static_cast<std::size_t>(k)] && s.any_b[static_cast<std::size_t>(k)]) b_.push_back({k, 0});
    }
    loading_begun_ = true;
}

void Driver::send_a(sj::ArrayIn *in) {
    if (a_.empty() || !chance()) return;
    static thread_local AValues sent;
    sent = a_.back();
    a_.pop_back();
    in->a_write = true;
    in->a_row = sent.row;
    in->a_buffer = static_cast<int>(loading_ % 2);
    in->a_offset = sent.offset;
    in->a_count = static_cast<int>(sent.data.size());
    in->a_data = sent.data.data();
    in->a_in_range = sent.in_range.data();
}

void Driver::send_b(sj::ArrayIn *in) {
    if (b_.empty() || !chance()) return;
    BVector &v = b_.back();
    const Step &s = job_.steps[loading_];
    in->b_write = true;
    in->b_buffer = static_cast<int>(loading_ % 2);
    in->b_k = v.k;
    in->b_lane = v.lane;
    in->b_count = 1 + below(random_, job_.shape.lanes - v.lane);
    in->b_data = &s.b[job_.lane(v.k, v.lane)];
    in->b_in_range = &s.b_in[job_.lane(v.k, v.lane)];
    v.lane += in->b_count;
    if (v.lane == job_.shape.lanes) b_.pop_back();
}

void Driver::commit(sj::ArrayIn *in) {
    const bool masks_there = masks_sent_ > loading_ && std::none_of(masks_.begin(), masks_.end(), [&](const MaskWrite &w) { return w.step == loading_; });
    if (!a_.empty() || !b_.empty() || !masks_there || !chance()) return;
    Step &s = job_.steps[loading_];
    const Visit &v = job_.visits[static_cast<std::size_t>(s.visit)];
    in->commit = true;
    in->step = {s.first, s.last, s.first && v.filled, v.rows};
    s.lend = cycle_ + 1;
    loading_++;
    loading_begun_ = false;
}

void Driver::drain(sj::ArrayIn *in) {
    if (drained_ >= job_.visits.size() || bus_free_ > cycle_) return;
    Visit &v = job_.visits[drained_];
    if ((v.ready > cycle_ && !job_.steps.empty()) || !chance()) return;
    drain_beats_ = 1 + below(random_, 3);
    drain_start_ = cycle_;
    in->drain_start = true;
    in->drain_rows = v.rows;
    in->drain_beats_per_row = drain_beats_;
    v.drain_end = bus_free_ = cycle_ + static_cast<uint64_t>(v.rows * drain_beats_);
    if (job_.steps.empty()) v.ready = kUnknown;
    drained_++;
}

void Driver::fill(sj::ArrayIn *in) {
    while (filling_ < job_.visits.size() && !job_.visits[filling_].filled) filling_++;
    if (filling_ >= job_.visits.size() || bus_free_ > cycle_) return;
    const auto banks = static_cast<std::size_t>(job_.shape.acc_banks);
    if ((filling_ >= banks && job_.visits[filling_ - banks].drain_end > cycle_) || !chance()) return;
    Visit &v = job_.visits[filling_];
    in->fill_write = true;
    in->fill_visit_bank = static_cast<int>(filling_ % banks);
    in->fill_row_index = fill_row_;
    in->fill_data = &v.fill[job_.lane(fill_row_, 0)];
    fill_row_++;
    if (fill_row_ < v.rows) return;
    in->fill_last = true;
    v.fill_end = cycle_ + 1;
    fill_row_ = 0;
    filling_++;
}

bool Driver::finished() const {
    return drained_ == job_.visits.size() && cycle_ > bus_free_ + 4;
}

std::string Driver::run() {
    const uint64_t limit = 2000000;
    while (!finished() && fault_.empty() && cycle_ < limit) {
        job_.resolve();
        check();
        sj::ArrayIn in;
        send_masks(&in);
        const bool buffers_free = array_.out().steps_done + 2 > loading_;
        if (!loading_begun_ && loading_ < job_.steps.size() && buffers_free) begin_loading(loading_);
        if (loading_begun_) {
            send_a(&in);
            send_b(&in);
            commit(&in);
        }
        if (sj_random_unit(random_) < 0.5) {
            drain(&in);
            if (!in.drain_start) fill(&in);
        } else {
            fill(&in);
            if (!in.fill_write) drain(&in);
        }
        array_.clock(in);
        cycle_++;
    }
    if (cycle_ >= limit) fault_ = "the array hangs";
    if (fault_.empty()) check_counts();
    return fault_;
}

}  // namespace bench
