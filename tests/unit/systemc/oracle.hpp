// SPDX-License-Identifier: Apache-2.0
// docs/timing.md as equations: all times start at 0 and are raised by the rules until nothing changes. Slow and plain; the oracle of small random jobs.
#ifndef SJ_TEST_ORACLE_HPP
#define SJ_TEST_ORACLE_HPP

#include "sj_counters.h"

namespace test {

// Fills the product's cycles, MACs, busy figures and every counter but those of the transfers (dram.*, codec.*, transpose, and their part of buffer.*). Products only, array_only.
sj_outcome expected_outcome(const sj_accel &accel, sj_machine machine, const sj_job &job);

}  // namespace test
#endif
