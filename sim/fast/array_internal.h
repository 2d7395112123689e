// SPDX-License-Identifier: Apache-2.0
// The array part, in two files: windows of blocks, their steps and counters (array.c), and what of the operands is made once for all blocks, or for later jobs as well (array_sides.c).
#ifndef SJ_FAST_ARRAY_INTERNAL_H
#define SJ_FAST_ARRAY_INTERNAL_H

#include "changes.h"
#include "shared.h"

typedef struct sj_tile_task {
    int64_t block, m;  // a row of tiles: all column tiles of the block at A rows from m on
} sj_tile_task;

typedef struct sj_array_counts {
    uint64_t visited;    // (slot, step) pairs with an issue
    uint64_t a_values;   // present A values of all steps
    uint64_t b_vectors;  // k with any_a and any_b, of all steps
    uint64_t mask_words, lines, work, longest_work;
    uint64_t changes;    // within tiles
} sj_array_counts;

typedef struct sj_array_scratch {
    uint64_t *words;    // gathered masks
    uint64_t *nonzero;  // those of nonzeros, where zeros are issued as well; else NULL
    sj_piece *pieces;
    uint32_t *count;    // [R]
    uint32_t *vectors;  // [column tiles of the job]
    sj_lines_scratch lines;
    sj_changes_scratch changes;
    sj_array_counts counts;
} sj_array_scratch;

// One step of one row of tiles, whatever the column tile.
typedef struct sj_a_terms {
    uint64_t any[4];     // step_words <= 4
    uint32_t amask, abus, abuf;
    uint64_t values, lines;
} sj_a_terms;

// A's masks, gathered once for all blocks.
typedef struct sj_side {
    uint64_t *words;       // [row tile][step][word][tile_rows]
    uint64_t *nonzero;     // the same, where zeros are issued as well; else NULL
    sj_a_terms *terms;        // [row tile][step]
} sj_side;

// What follows from the two operands, the lanes and the k-steps.
typedef struct sj_columns {
    sj_mac_sums sums;
    uint64_t *any_b;
    sj_lanes lanes;
} sj_columns;

// What all blocks of a job come to.
typedef struct sj_array_result {
    sj_mac_sums sums;
    sj_array_counts counts;     // changes: all of them
    sj_step_terms *terms;       // [step]
    uint32_t *work;             // [step][R]
    int64_t *step_first;        // [block]
} sj_array_result;

struct sj_array {
    const sj_fast_run_info *run;
    const sj_fast_kernels *kernels;
    const sj_array_result *known;  // an earlier job has left it: nothing else is made; else NULL
    sj_mac_sums sums;           // of the instances met so far
    int64_t instance;           // at hand; -1: none
    bool *met;                  // [instance]
    sj_job view_job;            // the job with the operands of the instance at hand
    sj_fast_run_info view;
    sj_columns *columns;
    bool columns_borrowed, side_borrowed;  // of what is shared
    sj_bits nonzero;            // of A
    sj_bits ones;               // of A on machines that issue zeros; else empty
    const sj_bits *present;     // the one of the two that is issued
    sj_lines lines;
    bool twice;                 // A's masks are gathered once: blocks, or later jobs, come back to the same A rows and k, and the masks are small
    sj_side *side;                 // NULL: not gathered, or not yet
    int64_t scratch_words;
    int threads;
    sj_array_scratch *scratch;
    // Constants of the machine: beats of a row's masks, of a step's flags and of a B vector; beats of a row's values by their number, [slots * k_tile]
    uint32_t mask_beats, flag_beats, vector_beats;
    uint32_t *value_beats;
    int64_t first, count;       // blocks of the window
    int64_t steps;              // of the window
    int64_t *step_first;        // [job's blocks] within the window
    int64_t *tile_first;        // [job's blocks] within the window
    int64_t task_count;
    sj_tile_task *tasks;
    int64_t term_room, task_room;
    sj_step_terms *terms;       // [step]
    uint32_t *work;             // [step][R]
    sj_window_ends ends;
    uint64_t *classes;          // [lane words][R] of the latest issues before the window
    uint64_t joined_changes;    // between the tiles before it
};

typedef struct sj_array_step {
    const sj_block *block;
    int64_t m, rows;     // A rows of the tile
    int64_t k0, k1;
    int64_t index;       // of the step within a tile
    const uint64_t *words, *nonzero;  // of A: issued where B has any; nonzero
} sj_array_step;

// ---- array.c
sj_a_terms sj_fast_terms_of_a(const sj_array *a, sj_array_scratch *t, const sj_array_step *s);

// ---- array_sides.c
// A's masks for rows from m on and k [k0,k1).
void sj_fast_fetch_masks(const sj_array *a, sj_piece *pieces, int64_t m, int64_t rows, int64_t k0, int64_t k1, uint64_t *words, uint64_t *nonzero);
static inline uint64_t *sj_fast_tile_words(const sj_array *a, uint64_t *words, int64_t m) { return words + m * a->run->step_total * a->run->step_words; }
// Whether later jobs may ask for the same again. Not for instances, which are many and small.
bool sj_fast_shares(const sj_fast_run_info *run);
// The columns of the instance at hand, of which there is one; or of any, made anew.
sj_status sj_fast_columns_find(sj_array *a, sj_error *err);
sj_status sj_fast_columns_count(sj_array *a, int64_t instance, sj_error *err);
void sj_fast_columns_free(void *thing);
// Masks and lines of A, from which its terms are taken, unless an earlier job has left these.
sj_status sj_fast_side_prepare(sj_array *a, int64_t instance, sj_error *err);
// Gathers A once for all blocks.
sj_status sj_fast_side_make(sj_array *a, sj_error *err);
void sj_fast_side_free(void *thing);
// The result that an earlier job of the same product and blocks has left, or NULL.
const sj_array_result *sj_fast_result_find(const sj_array *a);
// Leaves the array's terms and works, of all blocks at once, to later jobs; the array has them no more. counts: of all threads.
sj_status sj_fast_result_keep(sj_array *a, const sj_array_counts *counts, sj_error *err);

#endif
