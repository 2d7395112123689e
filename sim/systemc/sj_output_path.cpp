// SPDX-License-Identifier: Apache-2.0
#include "sj_output_path.hpp"

#include <algorithm>
#include <cstring>

#include "sj_arith.hpp"
#include "sj_traffic.hpp"

namespace sj {

static constexpr int64_t kPartialBytes = 4;

OutputPath::OutputPath(const sc_core::sc_module_name &name) : Unit(name) { driver.bind(*this); }

void OutputPath::work() {
    activity_ = Activity::none;
    partials_.clear();
    visits_.clear();
    if (!run_->job->is_product) {
        return;
    }
    VisitWalk walk(run_->accel, run_->job);
    for (look_ahead(&walk); !visits_.empty(); look_ahead(&walk)) {
        const Visit visit = visits_.front();
        visits_.pop_front();
        drain(visit);
        fill_behind(visit);
    }
}

// A fill stands right behind drain max(t - AB, previous): the next AB visits show all that stand behind a drain.
void OutputPath::look_ahead(VisitWalk *walk) {
    const size_t wanted = to_size(run_->accel->acc_banks) + 1;
    for (Visit next; visits_.size() < wanted && walk->next(&next);) {
        visits_.push_back(next);
    }
}

void OutputPath::fill_behind(const Visit &drained) {
    for (const Visit &visit : visits_) {
        if (visit.previous >= 0 && std::max(visit.number - run_->accel->acc_banks, visit.previous) == drained.number) {
            fill(visit);
        }
    }
}

void OutputPath::drain(const Visit &visit) {
    const bool from_array = run_->job->k > 0;
    if (from_array) {
        visits_done->await(to_count(visit.number + 1));
    }
    const int64_t freed = visit.last_block - 2;
    if (visit.opens_block && has_transfer(run_->job, run_->variant.codec, freed, true)) {
        stores_done->await(to_count(freed + 1));
    }
    const int64_t bytes = visit.is_final ? run_->job->out_bytes : kPartialBytes;
    if (!from_array) {
        store_zeros(visit);
    } else if (!visit.is_final) {
        partials_[visit.number].assign(to_size((visit.m1 - visit.m0) * run_->accel->lanes), 0);
    }
    occupy_bus(from_array ? Activity::drain : Activity::none, visit, bytes, visit.is_final ? run_->job->out_ops : 0);
    if (from_array && run_->array->out().drains_done != to_count(visit.number + 1)) {
        run_->fail(SJ_ERR_INTERNAL, "the array did not end a drain with its last beat");
    }
    run_->counts.buffer_write += to_count((visit.m1 - visit.m0) * ceil_div((visit.n1 - visit.n0) * bytes, run_->accel->line_bytes));
    if (visit.closes_block) {
        blocks_drained->reach(to_count(visit.last_block + 1));
    }
}

void OutputPath::fill(const Visit &visit) {
    occupy_bus(Activity::fill, visit, kPartialBytes, 0);
    partials_.erase(visit.previous);
    run_->counts.buffer_read += to_count((visit.m1 - visit.m0) * ceil_div((visit.n1 - visit.n0) * kPartialBytes, run_->accel->line_bytes));
}

// `operations` of the vector unit on every value stretch the beats of a row.
void OutputPath::occupy_bus(Activity activity, const Visit &visit, int64_t value_bytes, int64_t operations) {
    const sj_accel *accel = run_->accel;
    visit_ = visit;
    rows_ = visit.m1 - visit.m0;
    const int64_t data_beats = ceil_div(accel->lanes * value_bytes, accel->o_bytes);
    beats_per_row_ = std::max(data_beats, ceil_div(accel->lanes * operations, accel->vector_lanes));
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

// A drain is started, and runs of itself; a fill gives a row with its last beat.
uint64_t OutputPath::next_drive(uint64_t cycle) const {
    if (activity_ == Activity::none || cycle >= end_) {
        return kNever;
    }
    if (activity_ == Activity::drain) {
        return cycle == begin_ ? cycle : kNever;
    }
    const uint64_t beats = to_count(beats_per_row_);
    return begin_ + (cycle - begin_) / beats * beats + beats - 1;
}

void OutputPath::drive(uint64_t cycle, ArrayIn *in) {
    if (activity_ == Activity::drain) {
        in->drain_start = true;
        in->drain_rows = static_cast<int>(rows_);
        in->drain_beats_per_row = static_cast<int>(beats_per_row_);
        return;
    }
    const int64_t row = static_cast<int64_t>(cycle - begin_) / beats_per_row_;
    in->fill_write = true;
    in->fill_last = row + 1 == rows_;
    in->fill_visit_bank = static_cast<int>(visit_.number % run_->accel->acc_banks);
    in->fill_row_index = static_cast<int>(row);
    in->fill_data = &partials_[visit_.previous][to_size(row * run_->accel->lanes)];
}

void OutputPath::collect(const ArrayOut &out) {
    if (activity_ != Activity::drain || out.drain_row_index >= rows_) {
        run_->fail(SJ_ERR_INTERNAL, "the array drained a row that the output path does not wait for");
        return;
    }
    store_row(out.drain_row_index, out.drain_data);
}

void OutputPath::store_row(int64_t m, const uint32_t *sums) {
    const size_t lanes = to_size(visit_.n1 - visit_.n0);
    if (!visit_.is_final) {
        std::copy_n(sums, lanes, &partials_[visit_.number][to_size(m * run_->accel->lanes)]);
    } else if (run_->results != nullptr) {
        const int64_t at = (visit_.instance * run_->job->m + visit_.m0 + m) * run_->job->n + visit_.n0;
        std::memcpy(static_cast<unsigned char *>(run_->results) + at * 4, sums, lanes * 4);
    }
}

void OutputPath::store_zeros(const Visit &visit) {
    const std::vector<uint32_t> zeros(to_size(run_->accel->lanes), 0);
    visit_ = visit;
    for (int64_t m = 0; m < visit.m1 - visit.m0; ++m) {
        store_row(m, zeros.data());
    }
}

}  // namespace sj
