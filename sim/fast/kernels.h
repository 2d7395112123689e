// SPDX-License-Identifier: Apache-2.0
// The inner loops of the fast model, once in plain C (the reference) and once for each kind of processor that does better; one set is chosen at run time.
#ifndef SJ_FAST_KERNELS_H
#define SJ_FAST_KERNELS_H

#include <stdint.h>

// A step of a tile, and what its issues add up to.
typedef struct sj_fast_issues {
    const uint64_t *a;         // [words][rows] masks of its A rows
    int64_t rows, words, physical;
    const uint64_t *any;       // [words] OR of its rows
    uint64_t visited, work, longest;
} sj_fast_issues;

// A step of a tile and the classes of its issues: a lane is active, or it is not.
typedef struct sj_fast_classes {
    const uint64_t *present, *nonzero;  // [words][rows] of its A rows: issued where `any` is set; active where the lane's mask is, too
    int64_t rows, words, physical;
    const uint64_t *any;                // [words]
    const uint64_t *lanes;              // [words][lane_count] nonzeros of B
    int64_t lane_count;
} sj_fast_classes;

// What a step does to rows whose lanes are all alike. All ones or 0: the row has an issue; its first is active; its last is.
typedef struct sj_fast_rows {
    uint64_t *issued, *first, *last;  // [physical]
} sj_fast_rows;

typedef struct sj_fast_kernels {
    const char *name;
    // Bits of n values, 64 a word: exponent not 0 (bf16), value not 0 (int8). Bits behind the last value are 0.
    void (*pack_bf16)(const uint16_t *values, int64_t n, uint64_t *to);
    void (*pack_int8)(const int8_t *values, int64_t n, uint64_t *to);
    // to[i] bit j = from[j] bit i.
    void (*transpose)(const uint64_t from[64], uint64_t to[64]);
    uint64_t (*popcount)(const uint64_t *words, int64_t n);
    void (*word_counts)(const uint64_t *words, int64_t n, uint8_t *counts);
    // counts[64*i + j] += weight where bit j of word i is set.
    void (*add_weighted)(const uint64_t *words, int64_t n, uint32_t weight, uint32_t *counts);
    // For rows dealt to `physical` rows in turn: count[r] = the sum of popcounts of a & b of its rows, returns the rows with at least one bit. a: [words][rows], b: [words].
    uint64_t (*deal)(const uint64_t *a, int64_t rows, const uint64_t *b, int64_t words, int64_t physical, uint32_t *count);
    // Every count becomes 1 at least; adds their sum and their largest.
    void (*settle)(uint32_t *count, int64_t n, uint64_t *sum, uint64_t *largest);
    // The step against the masks b, b + b_pitch, ... of `tiles` column tiles: works of the physical rows (1 at least where a row takes part), and how many k both sides have.
    void (*issue)(sj_fast_issues *i, const uint64_t *b, int64_t b_pitch, int64_t tiles, uint32_t *work, int64_t work_pitch, uint32_t *vectors);
    // The OR of n words.
    uint64_t (*any)(const uint64_t *words, int64_t n);
    // end[r] = max(end[r], ready) + work[r]; returns the largest.
    uint64_t (*advance)(uint64_t *end, uint64_t ready, const uint32_t *work, int64_t n);
    // How often a lane of a physical row is active where it was not in its issue before, or the other way round: slots in turn, k ascending. last: [lane / 64][pitch], a word a physical row, bit = lane, classes of
    // the latest issues before the step, and then behind it.
    uint64_t (*changes)(const sj_fast_classes *c, uint64_t *last, int64_t pitch);
    // The same of one lane for all (lane_count is 1), behind each row's first issue. scratch: [rows * words].
    uint64_t (*row_changes)(const sj_fast_classes *c, sj_fast_rows *out, uint64_t *scratch);
    // Bit i of `to`: words[i] has one of the bits. Those behind the last word are 0.
    void (*test)(const uint64_t *words, int64_t n, uint64_t bits, uint64_t *to);
} sj_fast_kernels;

extern const sj_fast_kernels sj_fast_portable_kernels;

// The best set that this processor runs; sj_fast_use_kernels makes every later run take another one (tests, benchmarks; NULL: the best again).
const sj_fast_kernels *sj_fast_kernels_now(void);
void sj_fast_use_kernels(const sj_fast_kernels *kernels);
// Set number i that this processor runs, the portable one first; NULL behind the last.
const sj_fast_kernels *sj_fast_kernels_at(int i);

#endif
