// SPDX-License-Identifier: Apache-2.0
// The order in which a job's blocks, tiles and transfers are taken (docs/timing.md sections 1, 5, 6): the control program of the system's units.
#ifndef SJ_PLAN_HPP
#define SJ_PLAN_HPP

#include <cstdint>
#include <vector>

#include "sj_accel.h"
#include "sj_counters.h"
#include "sj_job.h"

namespace sj {

// One entry of a tile; usually one k range of one block, more where a single-tile block keeps its accumulators.
struct Visit {
    int64_t instance, m0, m1, n0, n1;
    int64_t first_block, last_block;
    int64_t k_end;
    int64_t previous;  // the visit (of its instance) whose partial sums it continues; -1: none
    bool is_final;     // its k range ends at K: it drains results
};

struct Transfer {
    int64_t block;
    bool is_store;
};

struct BlockPlan {
    int64_t first_visit;              // visit of its first tile
    int64_t first_drain, last_drain;  // visits that end in this block; -1: none
    int64_t load_end, store_end;      // transfers that must be over for ld(b), st(b) to have ended; 0: not in the queue
};

struct Plan {
    std::vector<Visit> visits;
    std::vector<std::vector<int64_t>> fills_behind;  // [drain] visits filled right after it, ascending
    std::vector<BlockPlan> blocks;
    std::vector<Transfer> queue;                     // DRAM, in order
};

sj_status make_plan(const sj_accel *accel, sj_variant variant, const sj_job *job, Plan *plan, sj_error *err);

}  // namespace sj
#endif
