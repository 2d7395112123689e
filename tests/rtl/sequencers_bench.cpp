// SPDX-License-Identifier: Apache-2.0
// sj_select, sj_drain and sj_step_control: random work against plain loops over what docs/timing.md says, in every cycle.
#include <verilated.h>

#include <algorithm>
#include <array>
#include <vector>

#include "Vdrain.h"
#include "Vselect.h"
#include "Vstep_control.h"
#include "bench.hpp"

namespace {

bool flip(sj_random *random) { return sj_random_below(random, 2) != 0; }
unsigned below(sj_random *random, unsigned bound) { return static_cast<unsigned>(sj_random_below(random, bound)); }
uint16_t sparse(sj_random *random) { return static_cast<uint16_t>(below(random, 4) == 0 ? 0 : below(random, 4) == 0 ? 0xffff : sj_random_u64(random) & sj_random_u64(random)); }

void check_select(sj_random *random, bench::Checker &checker) {
    constexpr unsigned kSlots = 3, kKTile = 16;
    struct Issue {
        unsigned slot, k, rank;
        bool first, last;
    };
    VerilatedContext context;
    Vselect select(&context);
    select.rst_ni = 0;
    bench::edge(select);
    select.rst_ni = 1;
    for (uint64_t step = 0; step < 4000; step++) {
        const uint16_t any_b = sparse(random), masks[kSlots] = {sparse(random), sparse(random), sparse(random)};
        std::vector<Issue> issues;
        unsigned base[kSlots] = {}, has_work = 0;
        for (unsigned s = 0, count = 0; s < kSlots; s++) {
            base[s] = count;
            const std::size_t begin = issues.size();
            for (unsigned k = 0; k < kKTile; k++) {
                if (((masks[s] & any_b) >> k & 1) != 0) issues.push_back({s, k, count, issues.size() == begin, false});
                count += static_cast<unsigned>(masks[s] >> k & 1);
            }
            if (issues.size() > begin) {
                issues.back().last = true;
                has_work |= 1u << s;
            }
        }
        select.any_b_i = any_b;
        select.has_work_i = static_cast<uint8_t>(has_work);
        const std::size_t cycles = std::max<std::size_t>(issues.size(), 1);
        for (std::size_t c = 0; c < cycles;) {
            select.active_i = below(random, 4) != 0;
            select.eval();
            if (select.slot_o < kSlots) {
                select.mask_i = masks[select.slot_o];
                select.base_i = static_cast<uint8_t>(base[select.slot_o]);
            }
            select.eval();
            const bool issued = select.active_i && !issues.empty();
            checker.expect("issue", step, select.issue_o, issued);
            checker.expect("step_end", step, select.step_end_o, select.active_i && c + 1 == cycles);
            if (issued) {
                checker.expect("slot", step, select.slot_o, issues[c].slot);
                checker.expect("k", step, select.k_o, issues[c].k);
                checker.expect("rank", step, select.rank_o, issues[c].rank);
                checker.expect("first", step, select.first_o, issues[c].first);
                checker.expect("last", step, select.last_o, issues[c].last);
            }
            c += select.active_i;
            bench::edge(select);
        }
    }
}

void check_drain(sj_random *random, bench::Checker &checker) {
    constexpr unsigned kRows = 3, kSlots = 2, kBanks = 3;
    VerilatedContext context;
    Vdrain drain(&context);
    drain.rst_ni = 0;
    bench::edge(drain);
    drain.rst_ni = 1;
    unsigned rows = 0, beats = 0, beat = 0, total = 0;
    bool busy = false, read_before = false;
    unsigned index_before = 0;
    for (uint64_t cycle = 0; cycle < 20000; cycle++) {
        drain.start_i = !busy && flip(random);
        drain.rows_i = static_cast<uint8_t>(1 + below(random, kRows * kSlots));
        drain.beats_i = static_cast<uint16_t>(1 + below(random, 4));
        if (drain.start_i) {
            rows = drain.rows_i;
            beats = drain.beats_i;
            beat = 0;
            busy = true;
        }
        drain.eval();
        const unsigned index = busy ? beat / beats : 0;
        const bool read = busy && beat % beats == beats - 1, end = read && index == rows - 1;
        checker.expect("read", cycle, drain.read_o, read);
        checker.expect("end", cycle, drain.end_o, end);
        checker.expect("bank", cycle, drain.bank_o, total % kBanks);
        checker.expect("drains_done", cycle, drain.drains_done_o, total);
        checker.expect("valid", cycle, drain.valid_o, read_before);
        if (read_before) checker.expect("index", cycle, drain.index_o, index_before);
        if (read) {
            checker.expect("row", cycle, drain.row_o, index % kRows);
            checker.expect("slot", cycle, drain.slot_o, index / kRows);
        }
        read_before = read;
        index_before = index;
        beat++;
        if (end) {
            busy = false;
            total++;
        }
        bench::edge(drain);
    }
}

// Rows that work as docs/timing.md section 2 says, around sj_step_control.
class Steps {
public:
    Steps(sj_random *random, bench::Checker *checker) : control_(&context_), random_(random), checker_(*checker) {
        control_.rst_ni = 0;
        bench::edge(control_);
        control_.rst_ni = 1;
    }

    void cycle(uint64_t number) {
        check(number);
        const bool all_drained = drains_ >= ended_before_[1];
        drains_ += !all_drained && below(random_, 8) == 0;
        fills_ += fills_ < fills_wanted_ && below(random_, 8) == 0;
        work();
        commit();
        bench::edge(control_);
        control_.drains_done_i = drains_;  // registers elsewhere: seen after the edge
        control_.fills_done_i = fills_;
        ended_before_[1] = ended_before_[0];
        ended_before_[0] = ended_;
        settle();
        control_.commit_i = 0;
        control_.eval();
    }
    uint64_t steps_done() const { return done_; }

private:
    static constexpr unsigned kRows = 3, kSlots = 2, kBanks = 2;
    struct Step {
        bool first, last, filled;
        unsigned rows;
        uint64_t visit, fill;
        std::array<unsigned, kRows> work;
    };

    bool takes_part(const Step &s, unsigned r) const { return r < s.rows; }
    bool may_start(const Step &s) const { return !s.first || (s.visit < drains_ + kBanks && (!s.filled || fills_ >= s.fill)); }

    void check(uint64_t number) {
        checker_.expect("committed", number, control_.committed_o, steps_.size() % 4);
        checker_.expect("steps_done", number, control_.steps_done_o, done_);
        checker_.expect("visits_done", number, control_.visits_done_o, ended_before_[1]);
        checker_.expect("busy_work", number, control_.busy_work_o, busy_);
        for (std::size_t i = done_; i < steps_.size(); i++) {
            const std::size_t p = i % 2;
            unsigned rows = 0;
            for (unsigned r = 0; r < kRows; r++) rows |= static_cast<unsigned>(takes_part(steps_[i], r)) << r;
            checker_.expect("takes_part", number, control_.takes_part_o[p], rows);
            checker_.expect("bank", number, control_.bank_o[p], steps_[i].visit % kBanks);
            checker_.expect("may_start", number, (control_.may_start_o >> p) & 1, may_start(steps_[i]));
        }
    }

    // A cycle of every row; what changes is seen after the edge.
    void work() {
        unsigned ends = 0;
        for (unsigned r = 0; r < kRows; r++) {
            control_.row_step_i[r] = static_cast<uint8_t>(at_[r] % 4);
            moves_[r] = false;
            if (at_[r] >= steps_.size()) continue;
            const Step &s = steps_[at_[r]];
            if (!takes_part(s, r)) {
                moves_[r] = true;
            } else if (may_start(s)) {
                worked_[r]++;
                control_.row_work_i[r] = static_cast<uint8_t>(worked_[r]);
                moves_[r] = worked_[r] == s.work[r];
                ends |= static_cast<unsigned>(moves_[r]) << r;
            }
        }
        control_.row_step_end_i = static_cast<uint8_t>(ends);
    }

    void commit() {
        control_.commit_i = steps_.size() - done_ < 2 && flip(random_);
        if (!control_.commit_i) return;
        Step s = {};
        s.first = steps_.empty() || steps_.back().last;
        s.last = flip(random_);
        s.filled = s.first && below(random_, 3) == 0;
        s.rows = s.first ? 1 + below(random_, kRows * kSlots) : steps_.back().rows;
        s.visit = s.first ? visits_++ : steps_.back().visit;
        if (s.filled) s.fill = ++fills_wanted_;
        for (unsigned &w : s.work) w = 1 + below(random_, 6);
        control_.visit_first_i = s.first;
        control_.visit_last_i = s.last;
        control_.filled_i = s.filled;
        control_.rows_valid_i = static_cast<uint8_t>(s.rows);
        fresh_ = s;
    }

    void settle() {
        if (control_.commit_i) steps_.push_back(fresh_);
        for (unsigned r = 0; r < kRows; r++) {
            if (!moves_[r]) continue;
            at_[r]++;
            worked_[r] = 0;
        }
        for (; done_ < steps_.size(); done_++) {
            const Step &s = steps_[done_];
            unsigned longest = 0;
            bool all = true;
            for (unsigned r = 0; r < kRows && r < s.rows; r++) {
                all = all && at_[r] > done_;
                longest = std::max(longest, s.work[r]);
            }
            if (!all) break;
            busy_ += longest;
            ended_ += s.last;
        }
    }

    VerilatedContext context_;
    Vstep_control control_;
    sj_random *random_;
    bench::Checker &checker_;
    std::vector<Step> steps_;
    Step fresh_ = {};
    std::size_t done_ = 0;
    std::array<std::size_t, kRows> at_{};
    std::array<unsigned, kRows> worked_{};
    std::array<bool, kRows> moves_{};
    uint64_t visits_ = 0, fills_wanted_ = 0, drains_ = 0, fills_ = 0, busy_ = 0, ended_ = 0;
    uint64_t ended_before_[2] = {0, 0};  // visits ended one, two cycles ago
};

}  // namespace

int main() {
    sj_random random = sj_random_seed(bench::seed());
    bench::Checker checker;
    check_select(&random, checker);
    check_drain(&random, checker);
    Steps steps(&random, &checker);
    for (uint64_t cycle = 0; cycle < 20000; cycle++) steps.cycle(cycle);
    checker.expect("steps went by", 0, steps.steps_done() > 1000, 1);
    return checker.result();
}
