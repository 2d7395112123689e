// SPDX-License-Identifier: Apache-2.0
// docs/timing.md section 6, byte by byte: what each transfer of a job's queue moves and how long it takes.
#ifndef SJ_TEST_ORACLE_TRANSFERS_HPP
#define SJ_TEST_ORACLE_TRANSFERS_HPP

#include <vector>

#include "sj_counters.h"

namespace test {

struct QueueEntry {
    int64_t block;
    bool is_store;
    int64_t cycles;  // D
};

// The queue in order; adds the transfers' counters (and busy_dram) to *out.
std::vector<QueueEntry> expected_queue(const sj_accel &accel, sj_variant variant, const sj_job &job, sj_outcome *out);
// The end of D cycles of progress from start on, cycle by cycle.
int64_t expected_end(const sj_accel &accel, int64_t start, int64_t cycles);

}  // namespace test
#endif
