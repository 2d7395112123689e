// SPDX-License-Identifier: Apache-2.0
#include "oracle.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <vector>

#include "oracle_transfers.hpp"

namespace test {
namespace {

int64_t up(int64_t a, int64_t b) { return (a + b - 1) / b; }
uint64_t u(int64_t v) { return static_cast<uint64_t>(v); }
size_t z(int64_t v) { return static_cast<size_t>(v); }

enum class Place : uint8_t { padding, zero, nonzero };
using Matrix = std::vector<Place>;

struct TileVisit {
    int64_t instance, m0, m1, n0, n1, k_end, last_block, from;
    bool filled;
    std::set<int64_t> valid;  // A rows whose slot is valid
};

struct KStep {
    int64_t block, visit;
    int64_t a_mask = 0, a_bus = 0, a_buf = 0, b_flag = 0, b_vec = 0;
    std::vector<int64_t> work;  // one a physical row that takes part
    bool block_first, visit_first;
};

class Oracle {
public:
    Oracle(const sj_accel &accel, sj_variant variant, const sj_job &job) : a_(accel), variant_(variant), machine_(variant.machine), job_(job), vb_(sj_accel_value_bytes(&accel)),
          was_active_(z(accel.rows), std::vector<bool>(z(accel.lanes), false)) {}

    sj_outcome run() {
        walk();
        count_bus();
        queue_ = expected_queue(a_, variant_, job_, &out_);
        solve();
        const int64_t interval = sj_accel_cycles_from_ns(&a_, a_.dram->refresh_interval_ns);
        for (int64_t window = interval / 2; !job_.array_only && u(window) < out_.cycles; window += interval) {
            ++out_.counts.dram_refresh;
        }
        for (const TileVisit &v : visits_) {
            out_.counts.acc_read += v.valid.size();
        }
        out_.counts.clock = out_.counts.leakage = out_.cycles;
        out_.counts.dram_background = job_.array_only ? 0 : out_.cycles;
        out_.macs_active = out_.counts.mac_active;
        out_.macs_zero = out_.counts.mac_zero;
        out_.macs_gated = out_.counts.mac_gated;
        out_.macs_skipped = out_.macs_total - out_.macs_active - out_.macs_zero - out_.macs_gated;
        out_.macs_padding = u(sj_job_instances(&job_) * job_.m * job_.n * job_.k) - out_.macs_total;
        return out_;
    }

private:
    bool skip() const { return machine_ == SJ_MACHINE_SKIP; }
    bool in_range(const Matrix &x, int64_t u, int64_t k) const { return x[z(u * job_.k + k)] != Place::padding; }
    bool nonzero(const Matrix &x, int64_t u, int64_t k) const { return x[z(u * job_.k + k)] == Place::nonzero; }
    bool present(const Matrix &x, int64_t u, int64_t k) const { return skip() ? nonzero(x, u, k) : a_.issue_padding || in_range(x, u, k); }

    Matrix look_at(const sj_operand &o, int64_t us) const {
        Matrix all;
        for (int64_t i = 0; i < us * job_.k; ++i) {
            const int64_t offset = sj_operand_offset(&o, i / job_.k, i % job_.k);
            all.push_back(offset == SJ_PADDING ? Place::padding : sj_values_nonzero(&o.values, offset) ? Place::nonzero : Place::zero);
        }
        return all;
    }

    void enter_instance(int64_t instance) {
        if (instance != instance_) {
            instance_ = instance;
            operand_a_ = sj_operand_instance(&job_.a, instance);
            places_a_ = look_at(operand_a_, job_.m);
            places_b_ = look_at(sj_operand_instance(&job_.b, instance), job_.n);
        }
    }

    bool one_tile(const sj_block &b) const { return b.m1 - b.m0 <= a_.rows * a_.slots && b.n1 - b.n0 <= a_.lanes; }

    void walk() {
        std::map<std::array<int64_t, 3>, int64_t> last;
        for (int64_t b = 0; b < job_.block_count; ++b) {
            const sj_block &block = job_.blocks[b];
            const sj_block *before = b > 0 ? &job_.blocks[b - 1] : nullptr;
            const bool goes_on = before != nullptr && one_tile(*before) && one_tile(block) && before->m0 == block.m0 && before->n0 == block.n0 && before->k1 == block.k0 &&
                                 before->instance == block.instance && job_.k > 0;
            bool block_first = true;
            enter_instance(block.instance);
            for (int64_t n = block.n0; n < block.n1; n += a_.lanes) {
                for (int64_t m = block.m0; m < block.m1; m += a_.rows * a_.slots) {
                    if (!goes_on) {
                        const bool filled = block.k0 > 0;
                        visits_.push_back({block.instance, m, std::min(block.m1, m + a_.rows * a_.slots), n, std::min(block.n1, n + a_.lanes), 0, 0, filled ? last.at({block.instance, m, n}) : -1, filled, {}});
                        if (filled) {
                            for (int64_t row = 0; row < visits_.back().m1 - m; ++row) {
                                visits_.back().valid.insert(row);
                            }
                        }
                    }
                    const int64_t t = static_cast<int64_t>(visits_.size()) - 1;
                    last[{block.instance, m, n}] = t;
                    visits_.back().k_end = block.k1;
                    visits_.back().last_block = b;
                    for (int64_t k = block.k0; k < block.k1; k += a_.k_tile) {
                        steps_.push_back({b, t, 0, 0, 0, 0, 0, {}, block_first, !goes_on && k == block.k0});
                        block_first = false;
                        examine(&steps_.back(), &visits_.back(), k, std::min(block.k1, k + a_.k_tile));
                    }
                }
            }
        }
        for (size_t t = 0; t < visits_.size(); ++t) {
            if (visits_[t].filled) {
                filled_.push_back(t);
            }
        }
        last_step_.assign(visits_.size(), 0);
        for (size_t i = 0; i < steps_.size(); ++i) {
            last_step_[z(steps_[i].visit)] = i;
        }
    }

    void examine(KStep *s, TileVisit *v, int64_t k0, int64_t k1) {
        const int64_t rows = v->m1 - v->m0, lanes = v->n1 - v->n0, taking_part = std::min(a_.rows, rows);
        std::vector<bool> any_a(z(k1 - k0), false), any_b(z(k1 - k0), false);
        for (int64_t k = k0; k < k1; ++k) {
            for (int64_t n = v->n0; n < v->n1; ++n) {
                any_b[z(k - k0)] = any_b[z(k - k0)] || present(places_b_, n, k);
            }
        }
        s->work.assign(z(taking_part), 0);
        std::vector<int64_t> packed(z(taking_part), 0);
        for (int64_t m = 0; m < rows; ++m) {
            bool visited = false;
            for (int64_t k = k0; k < k1; ++k) {
                count_range(*v, v->m0 + m, k);
                if (!present(places_a_, v->m0 + m, k)) {
                    continue;
                }
                any_a[z(k - k0)] = true;
                ++packed[z(m % a_.rows)];
                ++out_.counts.a_pad_write;
                if (any_b[z(k - k0)]) {
                    visited = true;
                    ++s->work[z(m % a_.rows)];
                    count_issue(*v, v->m0 + m, k);
                }
            }
            if (visited) {
                out_.counts.acc_read += v->valid.count(m);
                ++out_.counts.acc_write;
                v->valid.insert(m);
            }
        }
        int64_t vectors = 0;
        for (size_t k = 0; k < any_a.size(); ++k) {
            vectors += any_a[k] && any_b[k] ? 1 : 0;
        }
        for (int64_t r = 0; r < taking_part; ++r) {
            s->work[z(r)] = std::max<int64_t>(1, s->work[z(r)]);
            s->a_bus += up(vb_ * packed[z(r)], a_.a_bytes);
            out_.counts.mask_scan += skip() ? u(s->work[z(r)]) : 0;
        }
        s->b_vec = vectors * up(a_.lanes * vb_, a_.b_bytes);
        if (skip()) {
            s->a_mask = taking_part * up(up(a_.slots * a_.k_tile, 8), a_.a_bytes);
            s->b_flag = up(up(a_.k_tile * (job_.flags_per_lane ? a_.lanes : 1), 8), a_.b_bytes);
            out_.counts.mask_read += u(rows + (job_.flags_per_lane ? lanes : 1));
        }
        out_.counts.mask_write = out_.counts.mask_read;
        out_.counts.b_pad_write += u(a_.rows * vectors);
        out_.counts.buffer_read += u(vectors * up(a_.lanes * vb_, a_.line_bytes));
        lines(s, *v, k0, k1);
        out_.busy_work += u(*std::max_element(s->work.begin(), s->work.end()));
        out_.busy_a += u(std::max(s->a_mask + s->a_bus, s->a_buf));
        out_.busy_b += u(s->b_flag + s->b_vec);
    }

    void count_range(const TileVisit &v, int64_t m, int64_t k) {
        for (int64_t n = v.n0; n < v.n1; ++n) {
            out_.macs_total += in_range(places_a_, m, k) && in_range(places_b_, n, k) ? 1u : 0u;
        }
    }

    void count_issue(const TileVisit &v, int64_t m, int64_t k) {
        ++out_.counts.a_pad_read;
        ++out_.counts.b_pad_read;
        out_.counts.mac_idle += u(a_.lanes);
        for (int64_t n = v.n0; n < v.n1; ++n) {
            if (in_range(places_a_, m, k) && in_range(places_b_, n, k)) {
                --out_.counts.mac_idle;
                const bool active = nonzero(places_a_, m, k) && nonzero(places_b_, n, k);
                ++(active ? out_.counts.mac_active : machine_ == SJ_MACHINE_DENSE ? out_.counts.mac_zero : out_.counts.mac_gated);
            }
        }
        count_changes(v, m, k);
    }

    // The walk takes A rows and k in ascending order, and so the slots of each physical row in theirs.
    void count_changes(const TileVisit &v, int64_t m, int64_t k) {
        std::vector<bool> &was_active = was_active_[z((m - v.m0) % a_.rows)];
        for (int64_t lane = 0; lane < a_.lanes; ++lane) {
            const int64_t n = v.n0 + lane;
            const bool active = n < v.n1 && nonzero(places_a_, m, k) && nonzero(places_b_, n, k);
            out_.counts.mac_change += active != was_active[z(lane)] ? 1u : 0u;
            was_active[z(lane)] = active;
        }
    }

    void lines(KStep *s, const TileVisit &v, int64_t k0, int64_t k1) {
        std::set<std::pair<int64_t, int64_t>> groups;
        for (int64_t m = v.m0; m < v.m1; ++m) {
            for (int64_t k = k0; k < k1; ++k) {
                const sj_place p = sj_operand_place(&operand_a_, m, k, a_.k_tile);
                if (p.offset != SJ_PADDING) {
                    groups.insert({p.unit, p.chunk});
                }
            }
        }
        std::map<int64_t, int64_t> bank;
        for (const auto &g : groups) {
            const int64_t n = sj_operand_group_count(&operand_a_, g.first, g.second, a_.k_tile);
            int64_t kept = 0;
            for (int64_t j = 0; j < n; ++j) {
                kept += !skip() || sj_values_nonzero(&operand_a_.values, sj_operand_group_offset(&operand_a_, g.first, g.second, a_.k_tile, j)) ? 1 : 0;
            }
            bank[g.first % a_.a_banks] += up(kept * vb_, a_.line_bytes);
            out_.counts.buffer_read += u(up(kept * vb_, a_.line_bytes));
        }
        for (const auto &b : bank) {
            s->a_buf = std::max(s->a_buf, b.second);
        }
    }

    int64_t drain_bytes(const TileVisit &v) const { return v.k_end == job_.k ? job_.out_bytes : 4; }
    int64_t data_beats(const TileVisit &v, int64_t bytes) const { return (v.m1 - v.m0) * up(a_.lanes * bytes, a_.o_bytes); }
    int64_t drain_beats(const TileVisit &v) const {
        const int64_t data = data_beats(v, drain_bytes(v));
        return v.k_end == job_.k ? std::max(data, (v.m1 - v.m0) * up(a_.lanes * job_.out_ops, a_.vector_lanes)) : data;
    }

    void count_bus() {
        for (const KStep &s : steps_) {
            out_.counts.bus_a += u(s.a_mask + s.a_bus);
            out_.counts.bus_b += u(s.b_flag + s.b_vec);
        }
        for (const TileVisit &v : visits_) {
            const int64_t rows = v.m1 - v.m0, lanes = v.n1 - v.n0;
            const int64_t fill_beats = v.filled ? data_beats(v, 4) : 0;
            out_.busy_drain += u(drain_beats(v) + fill_beats);
            out_.counts.bus_o += u(data_beats(v, drain_bytes(v)) + fill_beats);
            out_.counts.vector_op += v.k_end == job_.k ? u(job_.out_ops * rows * lanes) : 0;
            out_.counts.buffer_write += u(rows * up(lanes * drain_bytes(v), a_.line_bytes));
            out_.counts.buffer_read += v.filled ? u(rows * up(lanes * 4, a_.line_bytes)) : 0;
            out_.counts.acc_write += v.filled ? u(rows) : 0;
        }
    }

    // A term of step i of the block of step `of`; 0 beyond its end.
    int64_t term(size_t of, size_t i, int64_t KStep::*what) const { return i < steps_.size() && steps_[i].block == steps_[of].block ? steps_[i].*what : 0; }

    void solve() {
        load_end_.assign(steps_.size(), 0);
        end_.assign(steps_.size(), std::vector<int64_t>(z(a_.rows), 0));
        drain_end_.assign(visits_.size(), 0);
        fill_end_.assign(visits_.size(), 0);
        transfer_end_.assign(queue_.size(), 0);
        do {
            changed_ = false;
            for (size_t i = 0; i < steps_.size(); ++i) {
                solve_load(i);
                solve_rows(i);
            }
            solve_output_bus();
            solve_queue();
        } while (changed_);
        for (const int64_t e : transfer_end_) {
            out_.cycles = std::max(out_.cycles, u(e));
        }
        for (const int64_t e : drain_end_) {
            out_.cycles = std::max(out_.cycles, u(e));
        }
    }

    void raise(int64_t *time, int64_t to) {
        if (to > *time) {
            *time = to;
            changed_ = true;
        }
    }

    int64_t all_rows_end(size_t i) const { return *std::max_element(end_[i].begin(), end_[i].end()); }

    void solve_load(size_t i) {
        int64_t begin = std::max<int64_t>(i >= 1 ? load_end_[i - 1] : 0, i >= 2 ? all_rows_end(i - 2) : 0);
        if (steps_[i].block_first) {
            begin = std::max(begin, end_of(steps_[i].block, false));
            begin += std::max(steps_[i].a_mask, steps_[i].b_flag);
            begin += std::max({term(i, i + 1, &KStep::a_mask), steps_[i].a_buf, term(i, i + 1, &KStep::b_flag)});
        }
        const int64_t load = std::max({term(i, i + 2, &KStep::a_mask) + steps_[i].a_bus, term(i, i + 1, &KStep::a_buf), term(i, i + 2, &KStep::b_flag) + steps_[i].b_vec, int64_t{1}});
        raise(&load_end_[i], begin + load);
    }

    void solve_rows(size_t i) {
        for (size_t r = 0; r < z(a_.rows); ++r) {
            int64_t begin = i >= 1 ? end_[i - 1][r] : 0;
            if (r >= steps_[i].work.size()) {
                raise(&end_[i][r], begin);
                continue;
            }
            begin = std::max(begin, load_end_[i]);
            const int64_t t = steps_[i].visit;
            if (steps_[i].visit_first) {
                begin = std::max(begin, t >= a_.acc_banks ? drain_end_[z(t - a_.acc_banks)] : 0);
                begin = std::max(begin, visits_[z(t)].filled ? fill_end_[z(t)] : 0);
            }
            raise(&end_[i][r], begin + steps_[i].work[r]);
        }
    }

    void solve_output_bus() {
        int64_t bus_free = 0;
        for (size_t t = 0; t < visits_.size(); ++t) {
            int64_t start = bus_free;
            if (t == 0 || visits_[t - 1].last_block != visits_[t].last_block) {
                start = std::max(start, end_of(visits_[t].last_block - 2, true));
            }
            const size_t i = last_step_[t];
            for (size_t r = 0; job_.k > 0 && r < steps_[i].work.size(); ++r) {
                start = std::max(start, end_[i][r] + 2);
            }
            bus_free = start + drain_beats(visits_[t]);
            raise(&drain_end_[t], bus_free);
            for (const size_t f : filled_) {
                if (std::max(static_cast<int64_t>(f) - a_.acc_banks, visits_[f].from) == static_cast<int64_t>(t)) {
                    bus_free = std::max(bus_free, drain_end_[z(visits_[f].from)]) + data_beats(visits_[f], 4);
                    raise(&fill_end_[f], bus_free);
                }
            }
        }
    }

    // ld_end, st_end of a block; 0 where the transfer does not stand in the queue.
    int64_t end_of(int64_t block, bool is_store) const {
        for (size_t q = 0; q < queue_.size(); ++q) {
            if (queue_[q].block == block && queue_[q].is_store == is_store) {
                return transfer_end_[q];
            }
        }
        return 0;
    }

    void solve_queue() {
        for (size_t q = 0; q < queue_.size(); ++q) {
            int64_t start = q > 0 ? transfer_end_[q - 1] : 0;
            for (size_t i = 0; !queue_[q].is_store && i < steps_.size(); ++i) {
                start = std::max(start, steps_[i].block == queue_[q].block - 2 ? load_end_[i] : 0);
            }
            for (size_t t = 0; queue_[q].is_store && t < visits_.size(); ++t) {
                start = std::max(start, visits_[t].last_block == queue_[q].block ? drain_end_[t] : 0);
            }
            raise(&transfer_end_[q], expected_end(a_, start, queue_[q].cycles));
        }
    }

    const sj_accel &a_;
    const sj_variant variant_;
    const sj_machine machine_;
    const sj_job &job_;
    const int64_t vb_;
    std::vector<std::vector<bool>> was_active_;  // [physical row][lane], at its issue before in the job
    int64_t instance_ = -1;  // of the block
    sj_operand operand_a_ = {};
    Matrix places_a_, places_b_;  // [u][k]
    std::vector<TileVisit> visits_;
    std::vector<KStep> steps_;
    std::vector<size_t> last_step_;  // of each visit
    std::vector<size_t> filled_;     // visits, ascending
    std::vector<QueueEntry> queue_;
    std::vector<int64_t> load_end_, drain_end_, fill_end_, transfer_end_;
    std::vector<std::vector<int64_t>> end_;
    bool changed_ = false;
    sj_outcome out_ = {};
};

}  // namespace

sj_outcome expected_outcome(const sj_accel &accel, sj_variant variant, const sj_job &job) { return Oracle(accel, variant, job).run(); }

}  // namespace test
