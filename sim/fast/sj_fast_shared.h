// SPDX-License-Identifier: Apache-2.0
// What jobs over the same tensors share when many machines are simulated: presence masks, coded groups of streams, and, for one geometry of the array, masks by column and by row of tiles.
// Nothing of it changes a result: sj_fast_run of each job alone gives the same outcome, bit for bit.
#ifndef SJ_FAST_SHARED_H
#define SJ_FAST_SHARED_H

#include "sj_accel.h"
#include "sj_counters.h"
#include "sj_error.h"
#include "sj_job.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sj_fast_shared sj_fast_shared;

// Keeps at most about bytes_max; what was used longest ago goes first. One job at a time may run with it.
sj_status sj_fast_shared_create(uint64_t bytes_max, sj_fast_shared **out, sj_error *err);
// Before any value of a tensor that jobs have read moves or changes.
void sj_fast_shared_clear(sj_fast_shared *s);
void sj_fast_shared_free(sj_fast_shared *s);  // NULL is allowed

// sj_fast_run, with what earlier jobs left.
sj_status sj_fast_run_shared(const sj_accel *accel, sj_variant variant, const sj_job *job, sj_fast_shared *shared, sj_outcome *out, sj_error *err);

#ifdef __cplusplus
}
#endif
#endif
