// SPDX-License-Identifier: Apache-2.0
// MAC counts. Every A row meets every B column exactly once at each k, so the sums over (m,n,k) factor: at k, rows that have it times lanes that have it.
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "sj_fast_internal.h"
#include "sj_file.h"

#define ROWS_MAX 256    // of one gather: sj_fast_count_columns' limit
#define STRIP_WORDS 64  // of one row, rounded down to whole steps (at least one)

static int64_t strip_steps(const sj_fast_run_info *run) { return STRIP_WORDS / run->step_words; }  // step_words <= 4

// Waking threads costs more than a small job.
static bool worth_threads(int64_t rows, int64_t k) { return rows * k > INT64_C(1) << 20; }

// ---- A: rows of the whole job at each k

typedef struct a_columns {
    uint32_t *nonzero, *in_range;  // [step_total * step_words * 64]
} a_columns;

static void count_rows_of(const sj_fast_run_info *run, const sj_bits *bits, int64_t row0, int64_t rows, int64_t step0, uint64_t *words, uint32_t *counts) {
    const int64_t k_tile = run->accel->k_tile, steps = sj_fast_min(strip_steps(run), run->step_total - step0);
    sj_fast_fetch(bits, k_tile, row0, rows, step0 * k_tile, sj_fast_min((step0 + steps) * k_tile, run->job->k), words);
    sj_fast_count_columns(words, rows, steps * run->step_words, counts + step0 * run->step_words * 64);
}

static sj_status count_rows(const sj_fast_run_info *run, const sj_bits *bits, uint32_t *counts, sj_error *err) {
    const int64_t cells = run->step_total * run->step_words * 64, strips = sj_fast_ceil(run->step_total, strip_steps(run));
    const int64_t tasks = sj_fast_ceil(run->job->m, ROWS_MAX) * strips;
    const int threads = omp_get_max_threads();
    uint32_t *own_counts = NULL;
    uint64_t *words = NULL;
    if (sj_alloc((void **)&own_counts, (uint64_t)(threads * cells), sizeof *own_counts, "column counts", err) == SJ_OK &&
        sj_alloc((void **)&words, (uint64_t)threads * ROWS_MAX * STRIP_WORDS, sizeof *words, "column masks", err) == SJ_OK) {
#pragma omp parallel if (worth_threads(run->job->m, run->job->k))
        {
            const int64_t thread = omp_get_thread_num();
            uint32_t *own = own_counts + thread * cells;
#pragma omp for schedule(dynamic)
            for (int64_t task = 0; task < tasks; task++) {
                const int64_t row0 = task / strips * ROWS_MAX;
                count_rows_of(run, bits, row0, sj_fast_min(ROWS_MAX, run->job->m - row0), task % strips * strip_steps(run), words + thread * ROWS_MAX * STRIP_WORDS, own);
            }
#pragma omp for schedule(static)
            for (int64_t i = 0; i < cells; i++) {
                for (int t = 0; t < threads; t++) {
                    counts[i] += own_counts[t * cells + i];
                }
            }
        }
    }
    const bool done = own_counts != NULL && words != NULL;
    free(own_counts);
    free(words);
    return done ? SJ_OK : err->status;
}

// ---- B: lanes of a column tile at each k

typedef struct b_sides {
    sj_bits nonzero, in_range, present;
} b_sides;

typedef struct b_scratch {
    uint64_t words[ROWS_MAX * STRIP_WORDS];
    uint32_t nonzero[STRIP_WORDS * 64], in_range[STRIP_WORDS * 64];
} b_scratch;

static void or_lanes(const uint64_t *words, int64_t lanes, int64_t count, uint64_t *any) {
    for (int64_t w = 0; w < count; w++) {
        for (int64_t lane = 0; lane < lanes; lane++) {
            any[w] |= words[w * lanes + lane];
        }
    }
}

static void add_cells(const sj_fast_run_info *run, const a_columns *a, int64_t first, int64_t cells, const b_scratch *b, const uint64_t *any, sj_mac_sums *sums) {
    for (int64_t i = 0; i < cells; i++) {
        const uint64_t nonzero = a->nonzero[first + i], in_range = a->in_range[first + i];
        sums->active += nonzero * b->nonzero[i];
        sums->total += in_range * b->in_range[i];
        if ((any[i / 64] >> (i % 64) & 1) != 0) {
            sums->issued += (run->skip ? nonzero : in_range) * b->in_range[i];
            sums->issues += run->skip ? nonzero : run->present == SJ_PRESENCE_ALL ? (uint64_t)run->job->m : in_range;
        }
    }
}

static void count_lanes(const sj_fast_run_info *run, const b_sides *b, const a_columns *a, int64_t tile, int64_t step0, b_scratch *scratch, uint64_t *any_b, sj_mac_sums *sums) {
    const int64_t k_tile = run->accel->k_tile, n0 = tile * run->accel->lanes, lanes = sj_fast_min(run->accel->lanes, run->job->n - n0);
    const int64_t steps = sj_fast_min(strip_steps(run), run->step_total - step0), words = steps * run->step_words;
    const int64_t k0 = step0 * k_tile, k1 = sj_fast_min((step0 + steps) * k_tile, run->job->k);
    uint64_t *any = any_b + (tile * run->step_total + step0) * run->step_words;
    memset(scratch->nonzero, 0, sizeof scratch->nonzero);
    memset(scratch->in_range, 0, sizeof scratch->in_range);
    sj_fast_fetch(&b->nonzero, k_tile, n0, lanes, k0, k1, scratch->words);
    sj_fast_count_columns(scratch->words, lanes, words, scratch->nonzero);
    if (run->present == SJ_PRESENCE_NONZERO) {
        or_lanes(scratch->words, lanes, words, any);
    }
    sj_fast_fetch(&b->in_range, k_tile, n0, lanes, k0, k1, scratch->words);
    sj_fast_count_columns(scratch->words, lanes, words, scratch->in_range);
    if (run->present != SJ_PRESENCE_NONZERO) {
        sj_fast_fetch(&b->present, k_tile, n0, lanes, k0, k1, scratch->words);
        or_lanes(scratch->words, lanes, words, any);
    }
    add_cells(run, a, step0 * run->step_words * 64, words * 64, scratch, any, sums);
}

static void count_all_lanes(const sj_fast_run_info *run, const b_sides *b, const a_columns *a, b_scratch *scratch, uint64_t *any_b, sj_mac_sums *sums) {
    const int64_t strips = sj_fast_ceil(run->step_total, strip_steps(run)), tasks = sj_fast_ceil(run->job->n, run->accel->lanes) * strips;
    uint64_t total = 0, active = 0, issued = 0, issues = 0;
#pragma omp parallel for schedule(dynamic) reduction(+ : total, active, issued, issues) if (worth_threads(run->job->n, run->job->k))
    for (int64_t task = 0; task < tasks; task++) {
        sj_mac_sums own = {0};
        count_lanes(run, b, a, task / strips, task % strips * strip_steps(run), scratch + omp_get_thread_num(), any_b, &own);
        total += own.total;
        active += own.active;
        issued += own.issued;
        issues += own.issues;
    }
    *sums = (sj_mac_sums){total, active, issued, issues};
}

static sj_status make_sides(const sj_fast_run_info *run, b_sides *b, sj_error *err) {
    SJ_TRY(sj_fast_bits_make(&run->job->b, SJ_PRESENCE_NONZERO, &b->nonzero, err));
    SJ_TRY(sj_fast_bits_make(&run->job->b, SJ_PRESENCE_IN_RANGE, &b->in_range, err));
    return sj_fast_bits_make(&run->job->b, run->present == SJ_PRESENCE_ALL ? SJ_PRESENCE_ALL : SJ_PRESENCE_IN_RANGE, &b->present, err);
}

static sj_status count_a_side(const sj_fast_run_info *run, a_columns *a, sj_error *err) {
    const uint64_t cells = (uint64_t)(run->step_total * run->step_words * 64);
    SJ_TRY(sj_alloc((void **)&a->nonzero, cells, sizeof *a->nonzero, "column counts", err));
    SJ_TRY(sj_alloc((void **)&a->in_range, cells, sizeof *a->in_range, "column counts", err));
    for (int side = 0; side < 2; side++) {
        sj_bits bits;
        sj_status status = sj_fast_bits_make(&run->job->a, side == 0 ? SJ_PRESENCE_NONZERO : SJ_PRESENCE_IN_RANGE, &bits, err);
        if (status == SJ_OK) {
            status = count_rows(run, &bits, side == 0 ? a->nonzero : a->in_range, err);
        }
        sj_fast_bits_free(&bits);
        SJ_TRY(status);
    }
    return SJ_OK;
}

static sj_status run_columns(const sj_fast_run_info *run, a_columns *a, b_sides *b, b_scratch **scratch, uint64_t **any_b, sj_mac_sums *sums, sj_error *err) {
    const int64_t tiles = sj_fast_ceil(run->job->n, run->accel->lanes);
    SJ_TRY(count_a_side(run, a, err));
    SJ_TRY(make_sides(run, b, err));
    SJ_TRY(sj_alloc((void **)scratch, (uint64_t)omp_get_max_threads(), sizeof **scratch, "column masks", err));
    SJ_TRY(sj_alloc((void **)any_b, (uint64_t)(tiles * run->step_total * run->step_words), sizeof **any_b, "column tile masks", err));
    count_all_lanes(run, b, a, *scratch, *any_b, sums);
    return SJ_OK;
}

sj_status sj_fast_columns(const sj_fast_run_info *run, sj_mac_sums *sums, uint64_t **any_b, sj_error *err) {
    a_columns a = {0};
    b_sides b = {0};
    b_scratch *scratch = NULL;
    *any_b = NULL;
    const sj_status status = run_columns(run, &a, &b, &scratch, any_b, sums, err);
    free(a.nonzero);
    free(a.in_range);
    sj_fast_bits_free(&b.nonzero);
    sj_fast_bits_free(&b.in_range);
    sj_fast_bits_free(&b.present);
    free(scratch);
    if (status != SJ_OK) {
        free(*any_b);
        *any_b = NULL;
    }
    return status;
}
