// SPDX-License-Identifier: Apache-2.0
// The fast model of docs/timing.md: masks of presence, per-step loads and works (array part), DRAM transfers, and the recursion that joins them.
// Bits of a step stand in `step_words` words, so that a step always begins at a word: "step layout".
#ifndef SJ_FAST_INTERNAL_H
#define SJ_FAST_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels.h"
#include "sj_accel.h"
#include "sj_counters.h"
#include "sj_error.h"
#include "sj_job.h"
#include "sj_timeline.h"

// Of numbers that are not negative: the short division is several times faster.
static inline int64_t sj_fast_div(int64_t a, int64_t b) { return (uint64_t)a <= UINT32_MAX && (uint64_t)b <= UINT32_MAX ? (int64_t)((uint32_t)a / (uint32_t)b) : a / b; }
static inline int64_t sj_fast_ceil(int64_t a, int64_t b) { return sj_fast_div(a + b - 1, b); }
static inline int64_t sj_fast_mod(int64_t a, int64_t b) { return a - sj_fast_div(a, b) * b; }
static inline int64_t sj_fast_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline uint64_t sj_fast_max(uint64_t a, uint64_t b) { return a > b ? a : b; }

typedef enum sj_presence {
    SJ_PRESENCE_NONZERO,   // in range and nonzero
    SJ_PRESENCE_IN_RANGE,
    SJ_PRESENCE_ALL        // padding too
} sj_presence;

typedef struct sj_fast_shared sj_fast_shared;

// Machine and job as the parts below need them.
typedef struct sj_fast_run_info {
    const sj_accel *accel;
    sj_variant variant;
    const sj_job *job;
    bool skip;
    sj_presence present;  // which k the machine issues
    int64_t value_bytes;
    int64_t tile_rows;   // R*G
    int64_t step_words;  // ceil(KT/64)
    int64_t step_total;  // ceil(K/KT)
    const sj_timeline_sink *sink;  // NULL: nobody asks
    sj_fast_shared *shared;
} sj_fast_run_info;

static inline void sj_fast_slice(const sj_timeline_sink *sink, sj_track track, int64_t row, const char *what, int64_t index, uint64_t begin, uint64_t end) {
    if (sink != NULL) {
        sink->slice(sink->context, &(sj_slice){track, row, what, index, begin, end});
    }
}

// ---- bits.c: packed presence bits of operands and streams

// A row of bits a stored source pixel (bit = channel), or, WEIGHT, a u (bit = k).
typedef struct sj_bits {
    const sj_operand *operand;
    sj_presence presence;
    int64_t row_bits, row_words;
    int64_t row_stride;  // words; 0 where every row is the same row of ones
    uint64_t *rows;
    bool borrowed;       // rows are shared
    const sj_fast_kernels *kernels;
} sj_bits;

// Nonzero bits out of what is shared, packed now where they are not yet there: an operand and the stream that brings it in read the same values. NULL: the caller's own. Freed like any other bits.
sj_status sj_fast_bits_share(sj_fast_shared *shared, const sj_operand *operand, sj_bits *out, sj_error *err);
// Those of one instance, whose plain operand is `view`; `operand` is the job's. Groups of channels are taken out of the whole tensor's masks.
sj_status sj_fast_bits_of_instance(sj_fast_shared *shared, const sj_operand *operand, int64_t instances, int64_t instance, const sj_operand *view, sj_bits *out, sj_error *err);

sj_status sj_fast_bits_make(const sj_operand *operand, sj_presence presence, sj_bits *out, sj_error *err);
void sj_fast_bits_free(sj_bits *bits);

// Nonzero bits of an ACTIVATION or WEIGHT stream, value v at bit v; caller frees, unless they are borrowed of what is shared, which may be NULL.
sj_status sj_fast_stream_bits(const sj_stream *stream, sj_fast_shared *shared, uint64_t **out, bool *borrowed, sj_error *err);
int64_t sj_fast_count_range(const uint64_t *bits, int64_t begin, int64_t end);
// Run-length tokens of the values [begin,end): a nonzero and the zeros before it, 32 zeros alone where they are more than 31. begin is a multiple of 64.
int64_t sj_fast_rle_tokens(const uint64_t *bits, int64_t begin, int64_t end);

// ---- fills.c: lines that a load of an ACTIVATION stream 0 fills; bits: its nonzeros, NULL where every value is present
enum { SJ_FAST_GROUP_MAX = 256 };  // k_tile at most
// Lines of a group by its present values.
void sj_fast_lines_of_values(const sj_fast_run_info *run, const sj_stream *stream, uint16_t of_values[SJ_FAST_GROUP_MAX + 1]);
uint64_t sj_fast_segment_lines(const sj_fast_run_info *run, const sj_stream *stream, const uint64_t *bits, const uint16_t *of_values, const sj_segment *segment);

static inline void sj_fast_put_bits(uint64_t *to, int64_t at, uint64_t word, int64_t n) {
    const int shift = (int)(at % 64);
    to[at / 64] |= word << shift;
    if (shift + n > 64) {
        to[at / 64 + 1] |= word >> (64 - shift);
    }
}

static inline uint64_t sj_fast_get_bits(const uint64_t *from, int64_t at, int64_t n) {
    const int shift = (int)(at % 64);
    uint64_t word = from[at / 64] >> shift;
    if (shift + n > 64) {
        word |= from[at / 64 + 1] << (64 - shift);
    }
    return n == 64 ? word : word & ((UINT64_C(1) << n) - 1);
}

// ---- Positions of WINDOW kinds, in order

typedef struct sj_span {
    int64_t begin, end;  // begin <= end
} sj_span;

// Grid coordinates g whose source coordinate g * stride + offset lies within [0, source).
static inline sj_span sj_fast_inside(int64_t stride, int64_t offset, int64_t source, int64_t grid) {
    const int64_t begin = offset >= 0 ? 0 : sj_fast_div(stride - 1 - offset, stride), end = offset >= source ? 0 : sj_fast_min(sj_fast_div(source - 1 - offset, stride) + 1, grid);
    return (sj_span){begin < end ? begin : 0, begin < end ? end : 0};
}

typedef struct sj_position {
    int64_t image, stored, y, x;  // stored: the image it repeats
} sj_position;

static inline sj_position sj_fast_position(const sj_operand *o, int64_t p) {
    const int64_t line = sj_fast_div(p, o->grid_w), image = sj_fast_div(line, o->grid_h);
    return (sj_position){image, sj_fast_mod(image, o->stored_images), line - image * o->grid_h, p - line * o->grid_w};
}

static inline void sj_fast_position_next(const sj_operand *o, sj_position *p) {
    if (++p->x == o->grid_w) {
        p->x = 0;
        if (++p->y == o->grid_h) {
            p->y = 0;
            p->image++;
            p->stored = p->stored + 1 == o->stored_images ? 0 : p->stored + 1;
        }
    }
}

// A run of positions of one grid line that see pixels through a tap: position u0 + at sees `stored`, the next one the pixel `stride` further on, ...
typedef struct sj_piece {
    int64_t at, count;
    int64_t stored, unit;  // linear pixel among the stored images, and in the whole batch
} sj_piece;

// The pieces of positions [u0, u0 + n) through one tap, ascending; at most n.
int64_t sj_fast_pieces(const sj_operand *o, const sj_tap *tap, int64_t u0, int64_t n, sj_piece *pieces);

// ---- masks.c: operand bits gathered into step layout

// words[(step * step_words + w) * rows + row]: bits of u = u0 + row for the k-steps of [k0,k1). k0 is a multiple of k_tile.
// pieces: scratch for `rows` of them.
void sj_fast_fetch(const sj_bits *bits, int64_t k_tile, int64_t u0, int64_t rows, int64_t k0, int64_t k1, sj_piece *pieces, uint64_t *words);

// ---- columns.c: everything that follows from how many rows (lanes) are present at each k, without looking at tiles

typedef struct sj_mac_sums {
    uint64_t total;   // (m,k,n) in range on both sides
    uint64_t active;  // both nonzero
    uint64_t issued;  // issued (m,k) and in-range lane, A in range
    uint64_t issues;  // issued (m,k), summed over column tiles
} sj_mac_sums;

// any_b: [column tile][step_total * step_words]; caller frees. The operands are those of the run's job, the bits their nonzeros.
sj_status sj_fast_columns(const sj_fast_run_info *run, const sj_bits *a_nonzero, const sj_bits *b_nonzero, sj_mac_sums *sums, uint64_t **any_b, sj_error *err);

// ---- lines.c: buffer lines that a step reads

typedef struct sj_lines {
    const sj_operand *operand;
    int64_t k_tile, banks;
    int64_t chunks;         // of a unit
    uint16_t *table;        // WINDOW: lines of [stored pixel][chunk]
    uint32_t *prefix;       // WINDOW_T: [chunk][channel_count + banks], sums over the channels before of the same bank
    int64_t stamp_count;    // groups (WINDOW_T: chunks) that must be told apart within a step; 0: none can repeat
} sj_lines;

// A thread's own.
typedef struct sj_lines_scratch {
    uint32_t *stamp;        // [stamp_count] step that met it last
    uint32_t now;
    int32_t *had_from;      // WINDOW_T: [chunk] first channel that the step has read; all behind it are read as well
    uint64_t *bank;         // [banks]
    sj_piece *pieces;       // [rows] of the tap and rows below, -1: of none
    int64_t piece_count, tap, m, rows;
} sj_lines_scratch;

sj_status sj_fast_lines_scratch_make(const sj_lines *lines, int64_t rows, sj_lines_scratch *out, sj_error *err);
void sj_fast_lines_scratch_free(sj_lines_scratch *scratch);
sj_status sj_fast_lines_make(const sj_fast_run_info *run, const sj_bits *nonzero, sj_lines *out, sj_error *err);
void sj_fast_lines_free(sj_lines *lines);
// Lines read for A rows [m, m + rows) and k [k0,k1): the largest bank, and the sum of all.
void sj_fast_lines_count(const sj_lines *lines, sj_lines_scratch *scratch, int64_t m, int64_t rows, int64_t k0, int64_t k1, uint32_t *largest, uint64_t *sum);

// ---- array.c: terms of each step of a window of blocks

typedef struct sj_step_terms {
    uint32_t amask, abus, abuf, bflag, bvec;
} sj_step_terms;

typedef struct sj_array sj_array;

// Windows of at most so many steps are worked on by one thread; tests set it lower.
extern int64_t sj_fast_serial_steps;

sj_status sj_fast_array_make(const sj_fast_run_info *run, sj_array **out, sj_error *err);
void sj_fast_array_free(sj_array *array);
// The steps of block b, in order, and their works [step][R]. Blocks are asked for in ascending order; the pointers live until the next call.
sj_status sj_fast_array_block(sj_array *array, int64_t b, const sj_step_terms **terms, const uint32_t **work, sj_error *err);
// After the last block: adds the array's counters, and leaves to later jobs what they may ask for. Terms and works live no longer.
sj_status sj_fast_array_finish(sj_array *array, sj_outcome *out, sj_error *err);

// ---- visits.c

typedef struct sj_visits {
    int64_t count;
    bool *continues;     // [block]: goes on with the visit of the block before
    int64_t *source;     // [visit] p(t), -1 where the visit is not filled
    int64_t *fill_head;  // [visit] first visit whose fill stands right behind this visit's drain, -1: none
    int64_t *fill_next;  // [visit] next in that list, ascending
} sj_visits;

sj_status sj_fast_visits_make(const sj_fast_run_info *run, sj_visits *out, sj_error *err);
void sj_fast_visits_free(sj_visits *visits);

// ---- dram.c

typedef struct sj_transfer {
    bool queued;      // false: no bytes, does not stand in the queue
    uint64_t cycles;  // of progress
} sj_transfer;

typedef struct sj_dram {
    sj_transfer *load, *store;  // [block]
    uint64_t interval, window, offset;  // refresh, core cycles: I, W, H
    uint64_t queue_end;         // end of the last transfer that was run
    const sj_timeline_sink *sink;
} sj_dram;

// Cycles of progress of every transfer; adds DRAM, codec, transposer and buffer counters of all segments.
sj_status sj_fast_dram_make(const sj_fast_run_info *run, sj_dram *out, sj_outcome *counts, sj_error *err);
void sj_fast_dram_free(sj_dram *dram);
// Runs block b's load or store, the next transfer of the queue; returns its end, 0 where it is not queued.
uint64_t sj_fast_dram_load(sj_dram *dram, int64_t b, uint64_t ready);
uint64_t sj_fast_dram_store(sj_dram *dram, int64_t b, uint64_t ready);
uint64_t sj_fast_dram_refreshes(const sj_dram *dram, uint64_t cycles);

// ---- recursion.c, elementwise.c

sj_status sj_fast_recursion(const sj_fast_run_info *run, sj_array *array, const sj_visits *visits, sj_dram *dram, sj_outcome *out, sj_error *err);
// A job with what is shared; sink may be NULL.
sj_status sj_fast_run_with(const sj_accel *accel, sj_variant variant, const sj_job *job, const sj_timeline_sink *sink, sj_fast_shared *shared, sj_outcome *out, sj_error *err);

sj_status sj_fast_elementwise(const sj_fast_run_info *run, sj_dram *dram, sj_outcome *out, sj_error *err);

#endif
