// SPDX-License-Identifier: Apache-2.0
// docs/timing.md as equations: all times start at 0 and are raised by the rules until nothing changes. Slow and plain; the oracle of small random jobs.
#ifndef SJ_TEST_ORACLE_HPP
#define SJ_TEST_ORACLE_HPP

#include "sj_counters.h"

namespace test {

// The outcome of a product.
sj_outcome expected_outcome(const sj_accel &accel, sj_variant variant, const sj_job &job);

}  // namespace test
#endif
