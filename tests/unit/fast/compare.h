// SPDX-License-Identifier: Apache-2.0
#ifndef SJ_TEST_COMPARE_H
#define SJ_TEST_COMPARE_H

#include "sj_counters.h"

// Prints every field that differs; returns how many.
int outcome_differences(const sj_outcome *got, const sj_outcome *want);

#endif
