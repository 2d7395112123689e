// SPDX-License-Identifier: Apache-2.0
// The mapper before the cost model, as a yardstick: whole dimensions and their halves, least bytes moved.
#ifndef SJ_TEST_OLD_MAPPER_H
#define SJ_TEST_OLD_MAPPER_H

#include "lower_internal.h"
#include "sj_map.h"

// False where nothing fits (A counted in lines, as the buffer keeps it). The job's operands and streams must be set.
bool old_mapping(const sj_accel *accel, const sj_job *job, sj_mapping *out);

#endif
