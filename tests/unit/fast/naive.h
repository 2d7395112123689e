// SPDX-License-Identifier: Apache-2.0
// docs/timing.md written down literally: value by value, burst by burst, cycle by cycle. The oracle of sim/fast; for small jobs.
#ifndef SJ_TEST_NAIVE_H
#define SJ_TEST_NAIVE_H

#include "sj_counters.h"

void naive_run(const sj_accel *accel, sj_variant variant, const sj_job *job, sj_outcome *out);

#endif
