// SPDX-License-Identifier: Apache-2.0
#include "sj_step.hpp"

#include <algorithm>

#include "sj_arith.hpp"
#include "sj_stream_walk.hpp"

namespace sj {
namespace {

constexpr size_t kKnownBytesMax = size_t{64} << 20;
constexpr size_t kKnownLinesMax = size_t{1} << 16;

}  // namespace

size_t StepA::bytes() const {
    return sizeof *this + 8 * (masks.size() + any.size() + row_begin.size() + rows_in_range.size()) + 2 * values.size() + in_range.size();
}

size_t StepB::bytes() const { return sizeof *this + 8 * (any.size() + lanes_in_range.size()) + 2 * values.size() + in_range.size(); }

size_t StepMaker::GroupHash::operator()(const Group &g) const {
    const uint64_t mixed = (static_cast<uint64_t>(g.unit) * 0x9e3779b97f4a7c15ull) ^ (static_cast<uint64_t>(g.chunk) * 0xc2b2ae3d27d4eb4full);
    return static_cast<size_t>(mixed ^ (mixed >> 29));
}

StepMaker::StepMaker(const Run *run)
    : run_(run), skip_(run->variant.machine == SJ_MACHINE_SKIP), issue_padding_(!skip_ && run->accel->issue_padding),
      value_bytes_(sj_accel_value_bytes(run->accel)), nonzero_bits_(run->accel->dtype == SJ_DTYPE_BF16 ? 0x7f80u : 0xffu),
      words_(ceil_div(run->accel->k_tile, 64)) {}

Step StepMaker::make(const StepPlace &place) {
    const Visit &tile = place.visit;
    const int64_t k0 = place.k0, k1 = place.k1;
    use_instance(tile.instance);
    Step step;
    step.a = side_a(tile.m0, tile.m1, k0, k1);
    step.b = side_b(tile.n0, tile.n1, k0, k1);
    step.number = steps_made_++;
    step.descriptor = {place.visit_first, place.visit_last, place.visit_first && tile.previous >= 0, static_cast<int>(tile.m1 - tile.m0)};
    step.rows_taking_part = static_cast<int>(std::min(run_->accel->rows, tile.m1 - tile.m0));
    step.lanes_valid = tile.n1 - tile.n0;
    step.k_count = k1 - k0;
    for (int k = 0; k < step.k_count; ++k) {
        if (((step.a->any[to_size(k / 64)] & step.b->any[to_size(k / 64)]) >> (k % 64) & 1u) != 0) {
            step.vectors.push_back(k);
        }
    }
    set_beats(&step);
    return step;
}

// What is known of one instance says nothing of the next.
void StepMaker::use_instance(int64_t instance) {
    if (instance == instance_) {
        return;
    }
    instance_ = instance;
    a_ = sj_operand_instance(&run_->job->a, instance);
    b_ = sj_operand_instance(&run_->job->b, instance);
    known_a_.clear();
    known_b_.clear();
    known_lines_.clear();
    known_bytes_ = 0;
}

void StepMaker::set_beats(Step *step) const {
    const sj_accel *accel = run_->accel;
    if (skip_) {
        const int64_t flags = run_->job->flags_per_lane ? ceil_div(accel->k_tile * accel->lanes, 8) : ceil_div(accel->k_tile, 8);
        step->mask_beats = step->rows_taking_part * ceil_div(ceil_div(accel->slots * accel->k_tile, 8), accel->a_bytes);
        step->flag_beats = ceil_div(flags, accel->b_bytes);
    }
    for (size_t r = 0; r < static_cast<size_t>(step->rows_taking_part); ++r) {
        step->value_beats += ceil_div(value_bytes_ * (step->a->row_begin[r + 1] - step->a->row_begin[r]), accel->a_bytes);
    }
    step->line_cycles = step->a->bank_lines;
    step->vector_beats = static_cast<int64_t>(step->vectors.size()) * ceil_div(accel->lanes * value_bytes_, accel->b_bytes);
}

// ---- A

std::shared_ptr<const StepA> StepMaker::side_a(int64_t m0, int64_t m1, int64_t k0, int64_t k1) {
    const Key key{m0, m1, k0, k1};
    const auto found = known_a_.find(key);
    if (found != known_a_.end()) {
        return found->second;
    }
    const std::shared_ptr<const StepA> made = make_a(m0, m1, k0, k1);
    remember(made->bytes());
    known_a_.emplace(key, made);
    return made;
}

void StepMaker::remember(size_t bytes) {
    known_bytes_ += bytes;
    if (known_bytes_ > kKnownBytesMax) {
        known_a_.clear();
        known_b_.clear();
        known_bytes_ = bytes;
    }
}

std::shared_ptr<StepA> StepMaker::make_a(int64_t m0, int64_t m1, int64_t k0, int64_t k1) {
    const int64_t rows = run_->accel->rows, slots = run_->accel->slots;
    const int64_t taking_part = std::min(rows, m1 - m0);
    addresses_.generate_a(a_, run_->accel->k_tile, m0, m1, k0, k1);
    packed_.resize(to_size((m1 - m0) * (k1 - k0)));
    packed_in_range_.resize(packed_.size());
    auto a = std::make_shared<StepA>();
    a->masks.assign(to_size(taking_part * slots * words_), 0);
    a->any.assign(to_size(words_), 0);
    a->rows_in_range.assign(to_size(k1 - k0), 0);
    a->row_begin.push_back(0);
    size_t count = 0;
    for (int64_t r = 0; r < taking_part; ++r) {
        for (int64_t g = 0; g * rows + r < m1 - m0; ++g) {
            count = pack_row(m0 + g * rows + r, k1 - k0, count, &a->masks[to_size((r * slots + g) * words_)], a.get());
        }
        a->row_begin.push_back(static_cast<int64_t>(count));
    }
    a->values.assign(packed_.begin(), packed_.begin() + static_cast<std::ptrdiff_t>(count));
    a->in_range.assign(packed_in_range_.begin(), packed_in_range_.begin() + static_cast<std::ptrdiff_t>(count));
    count_lines(a.get());
    return a;
}

// Packs a row's present values behind the `count` that are packed; returns how many there are then. Without branches on the values: they are anything but regular.
size_t StepMaker::pack_row(int64_t m, int64_t width, size_t count, uint64_t *mask, StepA *a) {
    const int64_t *offsets = addresses_.of(m);
    const sj_values source = a_.values;
    const bool all = !skip_, padding = issue_padding_;
    const unsigned nonzero_bits = nonzero_bits_;
    uint16_t *values = packed_.data();
    uint8_t *ranges = packed_in_range_.data();
    int64_t *rows_in_range = a->rows_in_range.data();
    for (int64_t k = 0; k < width; ++k) {
        const bool in_range = offsets[k] != SJ_PADDING;
        const uint16_t value = in_range ? sj_values_bits(&source, offsets[k]) : uint16_t{0};
        const bool present = in_range ? all || (value & nonzero_bits) != 0 : padding;
        rows_in_range[k] += in_range ? 1 : 0;
        values[count] = value;
        ranges[count] = in_range ? 1 : 0;
        count += present ? 1 : 0;
        mask[k / 64] |= uint64_t{present} << (k % 64);
    }
    for (int64_t w = 0; w < words_; ++w) {
        a->any[to_size(w)] |= mask[w];
    }
    return count;
}

// Each touched group is read once and whole.
void StepMaker::count_lines(StepA *a) {
    std::vector<int64_t> bank(to_size(run_->accel->a_banks), 0);
    for (const Group &group : addresses_.groups()) {
        const int64_t lines = group_lines(group);
        bank[to_size(group.unit % run_->accel->a_banks)] += lines;
        a->lines += lines;
    }
    a->bank_lines = *std::max_element(bank.begin(), bank.end());
}

int64_t StepMaker::group_lines(const Group &group) {
    const auto found = known_lines_.find(group);
    if (found != known_lines_.end()) {
        return found->second;
    }
    const int64_t lines = ceil_div(value_bytes_ * group_present(group), run_->accel->line_bytes);
    if (known_lines_.size() >= kKnownLinesMax) {
        known_lines_.clear();
    }
    known_lines_.emplace(group, static_cast<int32_t>(lines));
    return lines;
}

int64_t StepMaker::group_present(const Group &group) const {
    const int64_t k_tile = run_->accel->k_tile;
    const int64_t count = sj_operand_group_count(&a_, group.unit, group.chunk, k_tile);
    if (!skip_) {
        return count;
    }
    if (a_.kind == SJ_OPERAND_WINDOW && a_.channels == nullptr) {
        return count_nonzeros(a_.values, sj_operand_group_offset(&a_, group.unit, group.chunk, k_tile, 0), count);
    }
    int64_t present = 0;
    for (int64_t j = 0; j < count; ++j) {
        present += sj_values_nonzero(&a_.values, sj_operand_group_offset(&a_, group.unit, group.chunk, k_tile, j)) ? 1 : 0;
    }
    return present;
}

// ---- B

std::shared_ptr<const StepB> StepMaker::side_b(int64_t n0, int64_t n1, int64_t k0, int64_t k1) {
    const Key key{n0, n1, k0, k1};
    const auto found = known_b_.find(key);
    if (found != known_b_.end()) {
        return found->second;
    }
    const std::shared_ptr<const StepB> made = make_b(n0, n1, k0, k1);
    remember(made->bytes());
    known_b_.emplace(key, made);
    return made;
}

std::shared_ptr<StepB> StepMaker::make_b(int64_t n0, int64_t n1, int64_t k0, int64_t k1) {
    const int64_t lanes = run_->accel->lanes, width = k1 - k0;
    addresses_.generate(b_, n0, n1, k0, k1);
    auto b = std::make_shared<StepB>();
    b->any.assign(to_size(words_), 0);
    b->values.assign(to_size(width * lanes), 0);
    b->in_range.assign(to_size(width * lanes), 0);
    b->lanes_in_range.assign(to_size(width), 0);
    for (int64_t n = n0; n < n1; ++n) {
        const int64_t *offsets = addresses_.of(n);
        for (int64_t k = 0; k < width; ++k) {
            const bool in_range = offsets[k] != SJ_PADDING;
            const uint16_t value = in_range ? sj_values_bits(&b_.values, offsets[k]) : uint16_t{0};
            const bool present = in_range ? !skip_ || (value & nonzero_bits_) != 0 : issue_padding_;
            b->values[to_size(k * lanes + n - n0)] = value;
            b->in_range[to_size(k * lanes + n - n0)] = in_range ? 1 : 0;
            b->lanes_in_range[to_size(k)] += in_range ? 1 : 0;
            b->any[to_size(k / 64)] |= uint64_t{present} << (k % 64);
        }
    }
    return b;
}

}  // namespace sj
