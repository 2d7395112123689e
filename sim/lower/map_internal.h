// SPDX-License-Identifier: Apache-2.0
// Inside the mapper: footprints of an operand under a blocking, the closed model of a job's cycles, the search. docs/mapping.md gives the formulas their reasons.
#ifndef SJ_MAP_INTERNAL_H
#define SJ_MAP_INTERNAL_H

#include "lower_internal.h"
#include "sj_map.h"
#include "sj_map_memo.h"

// ---- map_footprint.c

// What the blocks of one operand need: sums over its (u block, k block) grid of one instance, at uncompressed size.
typedef struct sj_map_footprint {
    int64_t bytes;         // loaded from DRAM when each block is loaded once
    int64_t segments;
    int64_t grain;         // values: every segment begins and ends at a multiple
    int64_t tiles;         // through the transposer
    int64_t blocks;
    int64_t first_bytes;   // of the first block
    int64_t first_segments, first_tiles;
    int64_t first_need;    // buffer bytes of the first block: grows with both block sizes
    int64_t largest;       // buffer bytes of the largest block; A: lines * line_bytes
} sj_map_footprint;

// u_block, k_block: multiples of the operand's units. `is_a`: counted in lines, and transposed where the operand is.
void sj_map_footprint_of(const sj_accel *accel, const sj_job *job, bool is_a, int64_t u_block, int64_t k_block, sj_map_footprint *out);

// ---- map_model.c

// The nominal density of A.
static inline double sj_map_density(const sj_job *job) { return job->nominal_a > 0.0 ? job->nominal_a : 0.5; }

// The machines whose cycles are predicted: skip at the job's nominal density of A, and dense.
enum { SJ_MAP_SKIP, SJ_MAP_DENSE, SJ_MAP_POINTS };

// What one k-step of a tile takes, in cycles (means).
typedef struct sj_map_step {
    double work, load, prologue;
    double spread;  // how far the fullest row stands above the mean
} sj_map_step;

typedef struct sj_map_model {
    const sj_accel *accel;
    const sj_job *job;
    int64_t tile_rows;              // R*G
    int64_t m_unit, n_unit, k_unit; // block sizes are multiples of these
    int64_t instances;
    sj_map_capacity capacity;
    double burst_cycles, miss_cycles, turn_cycles;  // core cycles, refresh included
    double store_bytes;             // of one instance
    sj_map_step step[SJ_MAP_POINTS][2][2];  // [last tile][last step]
    double array_floor[SJ_MAP_POINTS];      // cycles of all instances' steps: no mapping takes less
} sj_map_model;

void sj_map_model_make(const sj_accel *accel, const sj_job *job, sj_map_model *out);
bool sj_map_fits(const sj_map_model *model, const sj_mapping *mapping, const sj_map_footprint *a, const sj_map_footprint *b);
// The cost is no less than this: what cuts the search.
double sj_map_floor(const sj_map_model *model, const sj_mapping *mapping, const sj_map_footprint *a, const sj_map_footprint *b);
void sj_map_predict(const sj_map_model *model, const sj_mapping *mapping, const sj_map_footprint *a, const sj_map_footprint *b, sj_map_prediction *out);

// ---- map_search.c

// Calls `visit` for every mapping of the pruned space that fits; `visit` returns the highest cost that a further mapping may have (the search leaves out what cannot stay below).
typedef double (*sj_map_visit)(void *context, const sj_mapping *mapping, const sj_map_prediction *predicted);
sj_status sj_map_enumerate(const sj_map_model *model, sj_map_visit visit, void *context, sj_error *err);
// The mapping of least cost (ties as docs/mapping.md says); *found false where nothing fits.
sj_status sj_map_search(const sj_map_model *model, sj_map_choice *out, bool *found, sj_error *err);
// Fills choices[1..] of a report whose choices[0] and pinned stand.
sj_status sj_map_runners_up(const sj_map_model *model, sj_map_report *out, sj_error *err);

// ---- map_memo.c

// What the search said, for a job with a memo and an accelerator without a pin for it.
typedef struct sj_map_found {
    sj_map_choice choice;
    bool is_plain;  // results leave plain
} sj_map_found;
bool sj_map_memo_find(const sj_accel *accel, const sj_job *job, sj_map_found *out);
// Where there is no memory for it, it is found anew next time.
void sj_map_memo_keep(const sj_accel *accel, const sj_job *job, const sj_map_found *found);

// ---- map_pin.c

sj_status sj_map_take_pin(const sj_map_model *model, const sj_pin *pin, sj_map_choice *out, sj_error *err);

#endif
