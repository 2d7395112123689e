// SPDX-License-Identifier: Apache-2.0
#include "sj_output_path.hpp"

#include <algorithm>
#include <cstring>

#include "sj_arith.hpp"

namespace sj {

static constexpr int64_t kPartialBytes = 4;

OutputPath::OutputPath(const sc_core::sc_module_name &name) : Unit(name) { driver.bind(*this); }

void OutputPath::work() {
    activity_ = Activity::none;
    partials_.clear();
    for (size_t t = 0; t < run_->plan.visits.size(); ++t) {
        drain(static_cast<int64_t>(t));
        for (const int64_t filled : run_->plan.fills_behind[t]) {
            fill(filled);
        }
    }
}

void OutputPath::drain(int64_t t) {
    const Visit &visit = run_->plan.visits[to_size(t)];
    const int64_t block = visit.last_block;
    const bool from_array = run_->job->k > 0;
    if (from_array) {
        visits_done->await(to_count(t + 1));
    }
    if (block >= 2 && run_->plan.blocks[to_size(block)].first_drain == t) {
        transfers_done->await(to_count(run_->plan.blocks[to_size(block) - 2].store_end));
    }
    const int64_t bytes = visit.is_final ? run_->job->out_bytes : kPartialBytes;
    if (!from_array) {
        store_zeros(t);
    } else if (!visit.is_final) {
        partials_[t].assign(to_size((visit.m1 - visit.m0) * run_->accel->lanes), 0);
    }
    occupy_bus(from_array ? Activity::drain : Activity::none, t, bytes, visit.is_final ? run_->job->out_ops : 0);
    if (from_array && run_->array->out().drains_done != to_count(t + 1)) {
        run_->fail(SJ_ERR_INTERNAL, "the array did not end a drain with its last beat");
    }
    run_->counts.buffer_write += to_count((visit.m1 - visit.m0) * ceil_div((visit.n1 - visit.n0) * bytes, run_->accel->line_bytes));
    drains_done->reach(to_count(t + 1));
}

void OutputPath::fill(int64_t t) {
    const Visit &visit = run_->plan.visits[to_size(t)];
    occupy_bus(Activity::fill, t, kPartialBytes, 0);
    partials_.erase(visit.previous);
    run_->counts.buffer_read += to_count((visit.m1 - visit.m0) * ceil_div((visit.n1 - visit.n0) * kPartialBytes, run_->accel->line_bytes));
}

// `operations` of the vector unit on every value stretch the beats of a row.
void OutputPath::occupy_bus(Activity activity, int64_t t, int64_t value_bytes, int64_t operations) {
    const Visit &visit = run_->plan.visits[to_size(t)];
    visit_ = t;
    rows_ = visit.m1 - visit.m0;
    const int64_t data_beats = ceil_div(run_->accel->lanes * value_bytes, run_->accel->o_bytes);
    beats_per_row_ = std::max(data_beats, ceil_div(run_->accel->lanes * operations, run_->accel->vector_lanes));
    const uint64_t beats = to_count(rows_ * beats_per_row_);
    begin_ = run_->now();
    end_ = begin_ + beats;
    activity_ = activity;
    if (activity != Activity::none) {
        clock->wake();
    }
    wait(cycles_to_time(beats));
    activity_ = Activity::none;
    run_->counts.bus_o += to_count(rows_ * data_beats);
    run_->counts.vector_op += to_count(operations * rows_ * (visit.n1 - visit.n0));
    run_->busy_drain += beats;
    run_->ends_at(end_);
}

bool OutputPath::drive(uint64_t cycle, ArrayIn *in) {
    if (activity_ == Activity::none) {
        return false;
    }
    const int64_t beat = static_cast<int64_t>(cycle - begin_);
    if (activity_ == Activity::drain && beat == 0) {
        in->drain_start = true;
        in->drain_rows = static_cast<int>(rows_);
        in->drain_beats_per_row = static_cast<int>(beats_per_row_);
    }
    if (activity_ == Activity::fill && (beat + 1) % beats_per_row_ == 0) {
        const int64_t row = beat / beats_per_row_;
        const Visit &visit = run_->plan.visits[to_size(visit_)];
        in->fill_write = true;
        in->fill_last = row + 1 == rows_;
        in->fill_visit_bank = static_cast<int>(visit_ % run_->accel->acc_banks);
        in->fill_row_index = static_cast<int>(row);
        in->fill_data = &partials_[visit.previous][to_size(row * run_->accel->lanes)];
    }
    return true;
}

void OutputPath::collect(const ArrayOut &out) {
    if (out.drain_valid) {
        store_row(visit_, out.drain_row_index, out.drain_data);
    }
}

void OutputPath::store_row(int64_t t, int64_t m, const uint32_t *sums) {
    const Visit &visit = run_->plan.visits[to_size(t)];
    const size_t lanes = to_size(visit.n1 - visit.n0);
    if (!visit.is_final) {
        std::copy_n(sums, lanes, &partials_[t][to_size(m * run_->accel->lanes)]);
    } else if (run_->results != nullptr) {
        const int64_t at = (visit.instance * run_->job->m + visit.m0 + m) * run_->job->n + visit.n0;
        std::memcpy(static_cast<unsigned char *>(run_->results) + at * 4, sums, lanes * 4);
    }
}

void OutputPath::store_zeros(int64_t t) {
    const Visit &visit = run_->plan.visits[to_size(t)];
    const std::vector<uint32_t> zeros(to_size(run_->accel->lanes), 0);
    for (int64_t m = 0; m < visit.m1 - visit.m0; ++m) {
        store_row(t, m, zeros.data());
    }
}

}  // namespace sj
