// SPDX-License-Identifier: Apache-2.0
#include <stddef.h>

#include "sj_counters.h"

const sj_counter_info sj_counter_table[SJ_COUNTER_COUNT] = {
#define SJ_X(id, name, unit, meaning) {name, unit, meaning, offsetof(sj_counters, id)},
    SJ_COUNTERS(SJ_X)
#undef SJ_X
};
