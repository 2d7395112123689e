// SPDX-License-Identifier: Apache-2.0
#include "array_job.hpp"

#include <algorithm>

#include "sj_bf16.h"

namespace bench {

namespace {

bool chance(sj_random *random, double p) { return sj_random_unit(random) < p; }
int below(sj_random *random, int bound) { return static_cast<int>(sj_random_below(random, static_cast<uint64_t>(bound))); }

uint32_t flushed(float v) {
    const uint32_t bits = sj_f32_bits(v);
    return (bits & 0x7f800000u) == 0 ? 0u : bits;
}

uint32_t multiply_add(sj_dtype dtype, uint32_t sum, uint16_t a, uint16_t b) {
    if (dtype == SJ_DTYPE_INT8) {
        const int product = static_cast<int8_t>(a & 0xff) * static_cast<int8_t>(b & 0xff);
        return sum + static_cast<uint32_t>(product);
    }
    const float product = sj_bits_f32(flushed(sj_bf16_to_f32(a) * sj_bf16_to_f32(b)));
    return flushed(sj_bits_f32(sum) + product);
}

}  // namespace

uint16_t Job::random_nonzero(sj_random *random) const {
    if (shape.dtype == SJ_DTYPE_INT8) return static_cast<uint16_t>(1 + below(random, 255));
    return static_cast<uint16_t>((below(random, 2) << 15) | ((90 + below(random, 70)) << 7) | below(random, 128));
}

bool Job::nonzero(uint16_t bits) const { return shape.dtype == SJ_DTYPE_INT8 ? (bits & 0xff) != 0 : sj_bf16_nonzero(bits); }

int Job::taking_part(const Step &s) const { return std::min(shape.rows, visits[static_cast<std::size_t>(s.visit)].rows); }

bool Job::has_values(const Step &s, int row) const {
    for (int m = row; m < visits[static_cast<std::size_t>(s.visit)].rows; m += shape.rows) {
        for (int k = 0; k < shape.k_tile; k++) {
            if (a(s, m, k).present) return true;
        }
    }
    return false;
}

void Job::make_step(const Options &o, Step *s, sj_random *random) const {
    const Visit &v = visits[static_cast<std::size_t>(s->visit)];
    const bool skip = shape.machine == SJ_MACHINE_SKIP;
    const int k_count = chance(random, 0.7) ? shape.k_tile : 1 + below(random, shape.k_tile);
    const int lanes = chance(random, 0.7) ? shape.lanes : 1 + below(random, shape.lanes);
    const double padding = chance(random, 0.5) ? 0.0 : 0.3;
    const auto kt = static_cast<std::size_t>(shape.k_tile);
    s->a.resize(static_cast<std::size_t>(v.rows) * kt);
    s->b.resize(kt * static_cast<std::size_t>(shape.lanes));
    s->b_in.resize(s->b.size());
    s->any_a.resize(kt);
    s->any_b.resize(kt);
    for (int k = 0; k < k_count; k++) {
        const auto ku = static_cast<std::size_t>(k);
        for (int l = 0; l < lanes; l++) {
            const std::size_t place = lane(k, l);
            s->b_in[place] = !chance(random, padding);
            s->b[place] = s->b_in[place] && chance(random, o.density_b) ? random_nonzero(random) : uint16_t{0};
            if (skip ? nonzero(s->b[place]) : s->b_in[place] || o.padding) s->any_b[ku] = 1;
        }
        for (int m = 0; m < v.rows; m++) {
            Value &value = s->a[static_cast<std::size_t>(m) * kt + ku];
            value.in_range = !chance(random, padding);
            if (value.in_range && chance(random, o.density_a)) value.bits = random_nonzero(random);
            value.present = skip ? nonzero(value.bits) : value.in_range || o.padding;
            if (value.present) s->any_a[ku] = 1;
        }
    }
}

void Job::count_issue(const Step &s, int m, int k) {
    const Value &value = a(s, m, k);
    uint64_t active = 0, zero = 0;
    for (int l = 0; l < shape.lanes; l++) {
        const std::size_t place = lane(k, l);
        const bool in_range = value.in_range && s.b_in[place];
        const bool is_active = in_range && nonzero(value.bits) && nonzero(s.b[place]);
        uint8_t &was_active = was_active_[lane(m % shape.rows, l)];
        counts.mac_change += is_active != (was_active != 0);
        was_active = is_active;
        active += is_active;
        zero += in_range && !is_active;
    }
    counts.mac_active += active;
    (shape.machine == SJ_MACHINE_DENSE ? counts.mac_zero : counts.mac_gated) += zero;
    counts.mac_idle += static_cast<uint64_t>(shape.lanes) - active - zero;
    counts.a_pad_read++;
    counts.b_pad_read++;
}

void Job::accumulate(const Step &s, Visit *v, int m, int k) {
    for (int l = 0; l < shape.lanes; l++) {
        const std::size_t place = lane(k, l);
        if (!s.b_in[place]) continue;
        uint32_t &sum = v->sums[lane(m, l)];
        sum = multiply_add(shape.dtype, sum, a(s, m, k).bits, s.b[place]);
    }
}

void Job::compute(Step *s) {
    Visit &v = visits[static_cast<std::size_t>(s->visit)];
    s->work.assign(static_cast<std::size_t>(shape.rows), 0);
    s->end.assign(static_cast<std::size_t>(shape.rows), kUnknown);
    for (int m = 0; m < v.rows; m++) {
        uint64_t issued = 0;
        for (int k = 0; k < shape.k_tile; k++) {
            if (a(*s, m, k).present) counts.a_pad_write++;
            if (!a(*s, m, k).present || !s->any_b[static_cast<std::size_t>(k)]) continue;
            issued++;
            count_issue(*s, m, k);
            accumulate(*s, &v, m, k);
        }
        if (issued > 0) {
            counts.acc_write++;
            counts.acc_read += v.valid[static_cast<std::size_t>(m)];
            v.valid[static_cast<std::size_t>(m)] = 1;
        }
        s->work[static_cast<std::size_t>(m % shape.rows)] += issued;
    }
    uint64_t longest = 0;
    for (int r = 0; r < taking_part(*s); r++) {
        uint64_t &work = s->work[static_cast<std::size_t>(r)];
        work = std::max<uint64_t>(1, work);
        longest = std::max(longest, work);
        if (shape.machine == SJ_MACHINE_SKIP) counts.mask_scan += work;
    }
    counts.busy_work += longest;
    for (int k = 0; k < shape.k_tile; k++) {
        if (s->any_a[static_cast<std::size_t>(k)] && s->any_b[static_cast<std::size_t>(k)]) counts.b_pad_write += static_cast<uint64_t>(shape.rows);
    }
}

Job::Job(const sj::ArrayShape &array_shape, const Options &o, sj_random *random) : shape(array_shape), was_active_(static_cast<std::size_t>(shape.rows * shape.lanes), 0) {
    for (int t = 0; t < o.visits; t++) {
        Visit v;
        v.rows = chance(random, 0.5) ? shape.rows * shape.slots : 1 + below(random, shape.rows * shape.slots);
        v.filled = o.fills && o.max_steps > 0 && chance(random, 0.3);
        v.sums.assign(static_cast<std::size_t>(v.rows * shape.lanes), 0);
        v.valid.assign(static_cast<std::size_t>(v.rows), v.filled);
        if (v.filled) {
            for (uint32_t &sum : v.sums) sum = shape.dtype == SJ_DTYPE_BF16 ? static_cast<uint32_t>(random_nonzero(random)) << 16 : static_cast<uint32_t>(sj_random_u64(random));
            v.fill = v.sums;
            counts.acc_write += static_cast<uint64_t>(v.rows);
        }
        visits.push_back(v);
        const int step_count = o.max_steps > 0 ? 1 + below(random, o.max_steps) : 0;
        for (int i = 0; i < step_count; i++) {
            Step s;
            s.visit = t;
            s.first = i == 0;
            s.last = i == step_count - 1;
            make_step(o, &s, random);
            compute(&s);
            steps.push_back(s);
        }
        for (uint8_t valid : visits.back().valid) counts.acc_read += valid;  // drained
    }
}

uint64_t Job::step_end(std::size_t i) const {
    uint64_t latest = 0;
    for (uint64_t end : steps[i].end) {
        if (end == kUnknown) return kUnknown;
        latest = std::max(latest, end);
    }
    return latest;
}

void Job::resolve() {
    for (std::size_t i = 0; i < steps.size(); i++) {
        Step &s = steps[i];
        if (s.lend == kUnknown) return;
        Visit &v = visits[static_cast<std::size_t>(s.visit)];
        uint64_t gate = s.lend;  // kUnknown wins every max
        if (s.first && s.visit >= shape.acc_banks) gate = std::max(gate, visits[static_cast<std::size_t>(s.visit - shape.acc_banks)].drain_end);
        if (s.first && v.filled) gate = std::max(gate, v.fill_end);
        uint64_t latest = 0;
        for (int r = 0; r < shape.rows; r++) {
            const auto row = static_cast<std::size_t>(r);
            const uint64_t before = i == 0 ? 0 : steps[i - 1].end[row];
            const uint64_t begin = std::max(before, gate);
            if (r >= taking_part(s)) {
                s.end[row] = before;
                continue;
            }
            s.end[row] = begin == kUnknown ? kUnknown : begin + s.work[row];
            latest = std::max(latest, s.end[row]);
        }
        if (s.last && latest != kUnknown) v.ready = latest + sj::kPipeline;
    }
}

}  // namespace bench
