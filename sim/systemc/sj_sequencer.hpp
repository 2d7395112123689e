// SPDX-License-Identifier: Apache-2.0
// The order in which a job's tiles and k-steps are taken (docs/timing.md sections 1 and 5), one after the other: nothing here grows with the product but the tiles
// whose sums are not complete, which stand in the O buffer. Each unit that follows this order walks it on its own.
#ifndef SJ_SEQUENCER_HPP
#define SJ_SEQUENCER_HPP

#include <cstddef>
#include <cstdint>
#include <map>
#include <tuple>

#include "sj_accel.h"
#include "sj_job.h"

namespace sj {

// One entry of a tile; usually one k range of one block, more where a single-tile block keeps its accumulators.
struct Visit {
    int64_t number;
    int64_t instance, m0, m1, n0, n1;
    int64_t first_block, last_block;
    int64_t k_end;
    int64_t previous;                // the visit (of its instance) whose partial sums it continues; -1: none
    bool is_final;                   // its k range ends at K: it drains results
    bool opens_block, closes_block;  // its drain is the first, the last of last_block
};

class VisitWalk {
public:
    VisitWalk(const sj_accel *accel, const sj_job *job);
    bool next(Visit *visit);  // false: there are no more
    size_t tiles_in_progress() const { return open_.size(); }  // all that is remembered

private:
    struct OpenTile {
        int64_t visit, k_end;
    };

    int64_t last_joined_block() const;
    void set_previous(Visit *visit);
    void advance(const sj_block &block);

    const sj_accel *accel_;
    const sj_job *job_;
    int64_t count_ = 0;
    int64_t block_ = 0, m_ = 0, n_ = 0;  // of the next visit
    std::map<std::tuple<int64_t, int64_t, int64_t>, OpenTile> open_;  // instance, m0, n0: the last visit of a tile whose sums are not complete
};

struct StepPlace {
    Visit visit;
    int64_t block, k0, k1;
    bool visit_first, visit_last;
};

class StepWalk {
public:
    StepWalk(const sj_accel *accel, const sj_job *job);
    const StepPlace *peek() const { return over_ ? nullptr : &place_; }
    void pop();

private:
    void enter_block(int64_t block);
    void set_step(int64_t k0);

    const sj_accel *accel_;
    const sj_job *job_;
    VisitWalk visits_;
    StepPlace place_ = {};
    bool over_ = false;
};

// Blocks must bring every tile from k = 0 to K without a gap.
sj_status check_order(const sj_accel *accel, const sj_job *job, sj_error *err);

}  // namespace sj
#endif
