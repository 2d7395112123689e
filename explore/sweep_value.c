// SPDX-License-Identifier: Apache-2.0
#include "sj_sweep_value.h"

#include <stddef.h>

#define SJ_X(id, unit, meaning) #id,
const char *const sj_sweep_value_names[SJ_SWEEP_VALUE_COUNT + 1] = {SJ_SWEEP_VALUES(SJ_X) NULL};
#undef SJ_X
#define SJ_X(id, unit, meaning) unit,
const char *const sj_sweep_value_units[SJ_SWEEP_VALUE_COUNT] = {SJ_SWEEP_VALUES(SJ_X)};
#undef SJ_X
#define SJ_X(id, unit, meaning) meaning,
const char *const sj_sweep_value_meanings[SJ_SWEEP_VALUE_COUNT] = {SJ_SWEEP_VALUES(SJ_X)};
#undef SJ_X
