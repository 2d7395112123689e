// SPDX-License-Identifier: Apache-2.0
// mac.change of docs/timing.md section 9: how often a lane's class (active or not) is not that of its issue before.
// Tiles are worked on apart from each other: each notes the classes of its rows' first and last issues, and the joins between tiles are counted afterwards, in the order of work.
#ifndef SJ_FAST_CHANGES_H
#define SJ_FAST_CHANGES_H

#include "sj_fast_internal.h"

// B by lanes. Where the lanes of a column tile are nonzero at the same k in a step, one mask stands for all of them: dense weights, or padding that a whole tile sees.
typedef struct sj_lanes {
    int64_t tiles, steps, words;
    uint64_t *any, *all;   // [tile][step][words] OR and AND of its lanes' nonzeros
    int64_t *first;        // [tile] of its lanes' words; -1 where OR and AND are the same in all of its steps
    uint64_t *lane_words;  // a tile's: [step][words][lanes of the tile]
    const sj_fast_kernels *kernels;
} sj_lanes;

sj_status sj_fast_lanes_make(const sj_fast_run_info *run, const sj_bits *b_nonzero, sj_lanes *out, sj_error *err);
void sj_fast_lanes_free(sj_lanes *lanes);

// What a tile leaves behind. A class is a mask of lanes in ceil(C/64) words.
typedef struct sj_tile_ends {
    bool *settled;           // skip: the latest issues of all its rows were active in all of its lanes
    uint64_t *issued;        // [R] all ones where the row has had an issue
    uint64_t *first, *last;  // [lane words][R] class of its first and of its latest issue
} sj_tile_ends;

// Those of a window's tiles, in the order of work.
typedef struct sj_window_ends {
    int64_t tiles, room;
    sj_tile_ends all;
} sj_window_ends;

// Of tiles that have had no issue yet; *ends is all zero or of a window before.
sj_status sj_fast_ends_make(const sj_fast_run_info *run, int64_t tiles, sj_window_ends *ends, sj_error *err);
void sj_fast_ends_free(sj_window_ends *ends);
sj_tile_ends sj_fast_ends_of(const sj_fast_run_info *run, const sj_window_ends *ends, int64_t tile);

// A step of a row of tiles.
typedef struct sj_changes_step {
    const uint64_t *present, *nonzero;  // [words][rows] of A: issued where B has any; nonzero
    int64_t rows, k_step;
    int64_t first_tile, tile_count;     // column tiles of the job
    int64_t first_end, end_pitch;       // of the first tile in the window's ends, and from one to the next
    bool known;                         // the scratch's summary is that of the masks of B below
    uint64_t any[4], active[4];         // step_words <= 4
} sj_changes_step;

// A thread's own.
typedef struct sj_changes_scratch {
    sj_fast_rows rows;  // summary of a step that all lanes see alike
    uint64_t changes;   // of one lane of all rows, behind their first issues
    uint64_t *words;    // [tile rows * words]
    uint64_t *differ;   // [R]
} sj_changes_scratch;

sj_status sj_fast_changes_scratch_make(const sj_fast_run_info *run, sj_changes_scratch *out, sj_error *err);
void sj_fast_changes_scratch_free(sj_changes_scratch *scratch);

// Changes of the step within its tiles; any_b: [tile][steps][words] from the first tile's step on, the k that are issued of those present.
uint64_t sj_fast_changes_count(const sj_fast_run_info *run, const sj_lanes *lanes, sj_changes_scratch *scratch, sj_changes_step *step, const uint64_t *any_b, const sj_window_ends *ends);
// Changes from the rows' state before each tile to its first issues; the state becomes that behind the last. state: [lane words][R], zero at the start of a job. differ: scratch, [R].
uint64_t sj_fast_changes_join(const sj_fast_run_info *run, const sj_fast_kernels *kernels, const sj_window_ends *ends, uint64_t *state, uint64_t *differ);

static inline int64_t sj_fast_lane_words(const sj_fast_run_info *run) { return sj_fast_ceil(run->accel->lanes, 64); }

#endif
