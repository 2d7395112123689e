// SPDX-License-Identifier: Apache-2.0
#include "sj_step.hpp"

#include <algorithm>

#include "sj_arith.hpp"

namespace sj {
namespace {

constexpr size_t kKnownBytesMax = size_t{64} << 20;
constexpr size_t kKnownLinesMax = size_t{1} << 21;

// Over a run of channels of one tap (and one line group), a window operand's element moves with the channel alone: one look-up serves the run.
int64_t channel_step(const sj_operand &o, int64_t first, int64_t channel) { return o.channels != nullptr ? o.channels[channel] - o.channels[first] : channel - first; }

void set_bit(uint64_t *words, int64_t k) { words[k / 64] |= uint64_t{1} << (k % 64); }

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
      value_bytes_(sj_accel_value_bytes(run->accel)), words_(ceil_div(run->accel->k_tile, 64)) {}

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
    auto a = std::make_shared<StepA>();
    a->masks.assign(to_size(taking_part * slots * words_), 0);
    a->any.assign(to_size(words_), 0);
    a->rows_in_range.assign(to_size(k1 - k0), 0);
    a->row_begin.push_back(0);
    touched_.clear();
    for (int64_t r = 0; r < taking_part; ++r) {
        for (int64_t g = 0; g * rows + r < m1 - m0; ++g) {
            pack_row(m0 + g * rows + r, &a->masks[to_size((r * slots + g) * words_)], k0, k1, a.get());
        }
        a->row_begin.push_back(static_cast<int64_t>(a->values.size()));
    }
    count_lines(a.get());
    return a;
}

void StepMaker::pack_row(int64_t m, uint64_t *mask, int64_t k0, int64_t k1, StepA *a) {
    const sj_operand &operand = a_;
    const int64_t k_tile = run_->accel->k_tile;
    for (int64_t k = k0; k < k1;) {
        const sj_place place = sj_operand_place(&operand, m, k, k_tile);
        const int64_t channel = operand.kind == SJ_OPERAND_WINDOW ? k % operand.channel_count : 0;
        int64_t run_end = k + 1;
        if (operand.kind == SJ_OPERAND_WINDOW) {
            run_end = k + std::min(operand.channel_count - channel, k_tile - channel % k_tile);
        }
        run_end = std::min(run_end, k1);
        if (place.offset != SJ_PADDING) {
            touch({place.unit, place.chunk});
        }
        for (int64_t x = k; x < run_end; ++x) {
            const int64_t offset = place.offset == SJ_PADDING || x == k ? place.offset : place.offset + channel_step(operand, channel, channel + x - k);
            pack_value(offset, x - k0, mask, a);
        }
        k = run_end;
    }
}

void StepMaker::touch(const Group &group) {
    if (touched_.empty() || !(touched_.back() == group)) {
        touched_.push_back(group);
    }
}

void StepMaker::pack_value(int64_t offset, int64_t k, uint64_t *mask, StepA *a) {
    const sj_values &values = a_.values;
    const bool in_range = offset != SJ_PADDING;
    a->rows_in_range[to_size(k)] += in_range ? 1 : 0;
    if (in_range ? !skip_ || sj_values_nonzero(&values, offset) : issue_padding_) {
        set_bit(mask, k);
        set_bit(a->any.data(), k);
        a->values.push_back(in_range ? sj_values_bits(&values, offset) : uint16_t{0});
        a->in_range.push_back(in_range ? 1 : 0);
    }
}

// Each touched group is read once and whole.
void StepMaker::count_lines(StepA *a) {
    std::sort(touched_.begin(), touched_.end());
    touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
    std::vector<int64_t> bank(to_size(run_->accel->a_banks), 0);
    for (const Group &group : touched_) {
        const int64_t lines = group_lines(group);
        bank[to_size(group.unit % run_->accel->a_banks)] += lines;
        a->lines += lines;
    }
    for (const int64_t lines : bank) {
        a->bank_lines = std::max(a->bank_lines, lines);
    }
}

int64_t StepMaker::group_lines(const Group &group) {
    const auto found = known_lines_.find(group);
    if (found != known_lines_.end()) {
        return found->second;
    }
    const sj_operand *operand = &a_;
    const int64_t k_tile = run_->accel->k_tile;
    const int64_t count = sj_operand_group_count(operand, group.unit, group.chunk, k_tile);
    int64_t present = count;
    if (skip_) {
        const bool is_run = operand->kind == SJ_OPERAND_WINDOW;
        int64_t offset = 0;
        present = 0;
        for (int64_t j = 0; j < count; ++j) {
            if (j == 0 || !is_run) {
                offset = sj_operand_group_offset(operand, group.unit, group.chunk, k_tile, j);
            }
            const int64_t element = is_run ? offset + channel_step(*operand, group.chunk * k_tile, group.chunk * k_tile + j) : offset;
            present += sj_values_nonzero(&operand->values, element) ? 1 : 0;
        }
    }
    const int64_t lines = ceil_div(value_bytes_ * present, run_->accel->line_bytes);
    if (known_lines_.size() >= kKnownLinesMax) {
        known_lines_.clear();
    }
    known_lines_.emplace(group, static_cast<int32_t>(lines));
    return lines;
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

void StepMaker::place_lane(int64_t offset, int64_t k, int64_t lane, StepB *b) const {
    const sj_values &values = b_.values;
    const bool in_range = offset != SJ_PADDING;
    if (in_range) {
        const size_t at = to_size(k * run_->accel->lanes + lane);
        b->values[at] = sj_values_bits(&values, offset);
        b->in_range[at] = 1;
        ++b->lanes_in_range[to_size(k)];
    }
    if (in_range ? !skip_ || sj_values_nonzero(&values, offset) : issue_padding_) {
        set_bit(b->any.data(), k);
    }
}

std::shared_ptr<StepB> StepMaker::make_b(int64_t n0, int64_t n1, int64_t k0, int64_t k1) const {
    const sj_operand *operand = &b_;
    const int64_t lanes = run_->accel->lanes;
    auto b = std::make_shared<StepB>();
    b->any.assign(to_size(words_), 0);
    b->values.assign(to_size((k1 - k0) * lanes), 0);
    b->in_range.assign(to_size((k1 - k0) * lanes), 0);
    b->lanes_in_range.assign(to_size(k1 - k0), 0);
    for (int64_t k = k0; k < k1; ++k) {
        int64_t offset = SJ_PADDING;
        int64_t channel = operand->channel_count;  // of the run's first lane; none yet
        int64_t run_begin = n0;
        for (int64_t n = n0; n < n1; ++n) {
            if (operand->kind != SJ_OPERAND_WINDOW_T || channel + n - run_begin >= operand->channel_count) {
                offset = sj_operand_offset(operand, n, k);
                channel = n % operand->channel_count;
                run_begin = n;
            }
            const int64_t element = offset == SJ_PADDING || n == run_begin ? offset : offset + channel_step(*operand, channel, channel + n - run_begin);
            place_lane(element, k - k0, n - n0, b.get());
        }
    }
    return b;
}

}  // namespace sj
