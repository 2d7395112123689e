// SPDX-License-Identifier: Apache-2.0
#include "compare.h"

#include <stdio.h>

int outcome_differences(const sj_outcome *got, const sj_outcome *want) {
    int count = 0;
#define COMPARE(field)                                                                                                            \
    if (got->field != want->field) {                                                                                              \
        printf("%s: %llu, expected %llu\n", #field, (unsigned long long)got->field, (unsigned long long)want->field);      \
        count++;                                                                                                                  \
    }
    COMPARE(cycles)
    COMPARE(macs_total)
    COMPARE(macs_active)
    COMPARE(macs_zero)
    COMPARE(macs_gated)
    COMPARE(macs_skipped)
    COMPARE(macs_padding)
    COMPARE(busy_work)
    COMPARE(busy_a)
    COMPARE(busy_b)
    COMPARE(busy_drain)
    COMPARE(busy_dram)
#define SJ_X(id, name, unit, meaning) COMPARE(counts.id)
    SJ_COUNTERS(SJ_X)
#undef SJ_X
    return count;
}
