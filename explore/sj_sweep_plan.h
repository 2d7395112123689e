// SPDX-License-Identifier: Apache-2.0
// The order in which a sweep's points are worked on, in chunks: points that share most stand side by side, whatever the order of the axes in the file. Every process that asks gets the same chunks.
#ifndef SJ_SWEEP_PLAN_H
#define SJ_SWEEP_PLAN_H

#include "sj_strategy.h"

enum { SJ_CHUNK_MAX = 128 };

typedef struct sj_plan sj_plan;
// chunk: points a chunk, 1..SJ_CHUNK_MAX; 0: a sixteenth of all, at most SJ_CHUNK_MAX.
sj_status sj_plan_open(const sj_strategy_options *options, const sj_space *space, int64_t chunk, sj_plan **out, sj_error *err);
void sj_plan_close(sj_plan *p);
// The next chunk; *count 0: there are no more. nsga2: where a generation is handed out and not told, SJ_OK with *waits set and no points.
sj_status sj_plan_next(sj_plan *p, uint64_t ids[SJ_CHUNK_MAX], int64_t *count, bool *waits, sj_error *err);
bool sj_plan_needs_results(const sj_plan *p);
sj_status sj_plan_tell(sj_plan *p, const sj_point_result *result, sj_error *err);
// A number of the chunk's own, by its points.
int64_t sj_chunk_number(const uint64_t *ids, int64_t count);

#endif
