// SPDX-License-Identifier: Apache-2.0
// Joins the parts in time (docs/timing.md sections 2 to 6): steps in order, drains and fills on the O bus, transfers in the DRAM queue.

#include "room.h"
#include "sj_fast_internal.h"

#define PIPELINE 2

typedef struct state {
    const sj_fast_run_info *run;
    const sj_fast_kernels *kernels;
    const sj_visits *visits;
    sj_dram *dram;
    sj_outcome *out;
    uint64_t *end;           // [R] of the last step
    uint64_t *drain_end;     // [visit]
    uint64_t *fill_end;      // [visit]
    uint64_t *load_end, *store_end;  // [block]
    uint64_t lend;           // Lend of the last step
    uint64_t all_end[2];     // largest row end after the step before the last, and after the last
    uint64_t part_end;       // largest end of the last step's participating rows
    uint64_t obus_free;
    uint64_t loader_begin, *row_begin;  // timeline: of the visit at hand, [R]; NULL where nobody asks
} state;

static uint64_t max3(uint64_t a, uint64_t b, uint64_t c) { return sj_fast_max(a, sj_fast_max(b, c)); }

static uint64_t load_begin(const state *s, const sj_step_terms *now, const sj_step_terms *next, bool first, int64_t block) {
    const uint64_t free_at = sj_fast_max(s->lend, s->all_end[0]);
    if (!first) {
        return free_at;
    }
    return sj_fast_max(free_at, s->load_end[block]) + sj_fast_max(now->amask, now->bflag) + max3(next->amask, now->abuf, next->bflag);
}

// One step; `floor` is what the first step of a visit waits for.
static void run_step(state *s, uint64_t lbeg, const sj_step_terms term[3], const uint32_t *work, int64_t part, uint64_t floor) {
    const uint64_t a_side = (uint64_t)term[2].amask + term[0].abus, b_side = (uint64_t)term[2].bflag + term[0].bvec;
    s->lend = lbeg + sj_fast_max(max3(a_side, term[1].abuf, b_side), 1);
    s->part_end = s->kernels->advance(s->end, sj_fast_max(s->lend, floor), work, part);
    s->all_end[0] = s->all_end[1];
    s->all_end[1] = sj_fast_max(s->all_end[1], s->part_end);
}

static void count_step(sj_outcome *out, const sj_step_terms *t) {
    const uint64_t a = (uint64_t)t->amask + t->abus, b = (uint64_t)t->bflag + t->bvec;
    out->counts.bus_a += a;
    out->counts.bus_b += b;
    out->busy_a += sj_fast_max(a, t->abuf);
    out->busy_b += b;
}

typedef struct tile {
    int64_t rows, lanes;
} tile;

// The mutation test builds this file with a rounding left out and must see that the fidelities part.
#ifdef SJ_MUTATE_DRAIN_ROUNDING
static int64_t beats_a_row(int64_t bytes, int64_t bus_bytes) { return bytes / bus_bytes; }
#else
static int64_t beats_a_row(int64_t bytes, int64_t bus_bytes) { return sj_fast_ceil(bytes, bus_bytes); }
#endif

// `row_floor`: what else a row waits for, where it is more than its data beats.
static uint64_t bus_beats(const state *s, const tile *t, int64_t bytes, int64_t row_floor) {
    const uint64_t a_row = (uint64_t)beats_a_row(s->run->accel->lanes * bytes, s->run->accel->o_bytes), rows = (uint64_t)t->rows;
    const uint64_t beats = rows * sj_fast_max(a_row, (uint64_t)row_floor);
    s->out->counts.bus_o += rows * a_row;
    s->out->busy_drain += beats;
    return beats;
}

static uint64_t buffer_lines(const state *s, const tile *t, int64_t bytes) {
    return (uint64_t)(t->rows * sj_fast_ceil(t->lanes * bytes, s->run->accel->line_bytes));
}

// Fills that stand right behind the drain of visit q. A filled visit has the outputs of its source, but not that of visit q.
static void run_fills(state *s, int64_t q, const tile *shapes) {
    for (int64_t t = s->visits->fill_head[q]; t >= 0; t = s->visits->fill_next[t]) {
        const tile *shape = &shapes[t];
        const uint64_t start = sj_fast_max(s->obus_free, s->drain_end[s->visits->source[t]]);
        s->fill_end[t] = s->obus_free = start + bus_beats(s, shape, 4, 0);
        sj_fast_slice(s->run->sink, SJ_TRACK_OBUS, 0, "fill", t, start, s->obus_free);
        s->out->counts.buffer_read += buffer_lines(s, shape, 4);
        s->out->counts.acc_read += (uint64_t)shape->rows;
        s->out->counts.acc_write += (uint64_t)shape->rows;
    }
}

static void run_drain(state *s, int64_t t, const tile *shapes, bool final, uint64_t work_end, uint64_t store_end) {
    // Results pass the vector unit on their way out.
    const int64_t bytes = final ? s->run->job->out_bytes : 4, ops = final ? s->run->job->out_ops : 0;
    const uint64_t start = max3(work_end, s->obus_free, store_end);
    s->drain_end[t] = s->obus_free = start + bus_beats(s, &shapes[t], bytes, sj_fast_ceil(s->run->accel->lanes * ops, s->run->accel->vector_lanes));
    sj_fast_slice(s->run->sink, SJ_TRACK_OBUS, 0, "drain", t, start, s->obus_free);
    s->out->counts.vector_op += (uint64_t)(ops * shapes[t].rows * shapes[t].lanes);
    s->out->counts.buffer_write += buffer_lines(s, &shapes[t], bytes);
    run_fills(s, t, shapes);
}

static uint64_t visit_floor(const state *s, int64_t t) {
    const int64_t banks = s->run->accel->acc_banks;
    return sj_fast_max(t >= banks ? s->drain_end[t - banks] : 0, s->visits->source[t] >= 0 ? s->fill_end[t] : 0);
}

// Timeline of a visit: what its first step began, and after its last step.
static void note_visit(state *s, uint64_t lbeg, const uint32_t *work, int64_t part) {
    s->loader_begin = lbeg;
    for (int64_t r = 0; r < part; r++) {
        s->row_begin[r] = s->end[r] - work[r];
    }
}

static void hand_out_visit(const state *s, int64_t t, int64_t part) {
    sj_fast_slice(s->run->sink, SJ_TRACK_LOADER, 0, "steps", t, s->loader_begin, s->lend);
    for (int64_t r = 0; r < part; r++) {
        sj_fast_slice(s->run->sink, SJ_TRACK_ROW, r, "work", t, s->row_begin[r], s->end[r]);
    }
}

// A block's steps and drains; `visit` is its first visit. Returns whether the accumulators are kept for the next block.
static bool run_block(state *s, int64_t b, int64_t visit, const tile *shapes, const sj_step_terms *terms, const uint32_t *work) {
    const sj_job *job = s->run->job;
    const sj_block *block = &job->blocks[b];
    const int64_t steps = sj_fast_ceil(block->k1 - block->k0, s->run->accel->k_tile);
    const int64_t tiles = sj_fast_ceil(block->m1 - block->m0, s->run->tile_rows) * sj_fast_ceil(block->n1 - block->n0, s->run->accel->lanes);
    const bool kept = b + 1 < job->block_count && s->visits->continues[b + 1];
    static const sj_step_terms none = {0};
    for (int64_t i = 0; i < tiles; i++) {
        const int64_t t = visit + i, part = sj_fast_min(s->run->accel->rows, shapes[t].rows);
        for (int64_t step = 0; step < steps; step++) {
            const int64_t at = i * steps + step, left = tiles * steps - at;
            const sj_step_terms term[3] = {terms[at], left > 1 ? terms[at + 1] : none, left > 2 ? terms[at + 2] : none};
            const bool enters = step == 0 && !s->visits->continues[b];
            const uint64_t lbeg = load_begin(s, &term[0], &term[1], at == 0, b);
            run_step(s, lbeg, term, work + at * s->run->accel->rows, part, enters ? visit_floor(s, t) : 0);
            if (enters && s->row_begin != NULL) {
                note_visit(s, lbeg, work + at * s->run->accel->rows, part);
            }
            count_step(s->out, &term[0]);
        }
        if (!kept && steps > 0 && s->row_begin != NULL) {
            hand_out_visit(s, t, part);
        }
        if (!kept) {
            const uint64_t work_end = steps > 0 ? s->part_end + PIPELINE : 0, store_end = i == 0 && b >= 2 ? s->store_end[b - 2] : 0;
            run_drain(s, t, shapes, block->k1 == job->k, work_end, store_end);
        }
    }
    return kept;
}

static void shape_visits(const sj_fast_run_info *run, const sj_visits *visits, tile *shapes) {
    int64_t t = 0;
    for (int64_t b = 0; b < run->job->block_count; b++) {
        const sj_block *block = &run->job->blocks[b];
        for (int64_t n = block->n0; n < block->n1 && !visits->continues[b]; n += run->accel->lanes) {
            for (int64_t m = block->m0; m < block->m1; m += run->tile_rows) {
                shapes[t++] = (tile){sj_fast_min(run->tile_rows, block->m1 - m), sj_fast_min(run->accel->lanes, block->n1 - n)};
            }
        }
    }
}

static sj_status run_blocks(state *s, sj_array *array, const tile *shapes, sj_error *err) {
    const int64_t blocks = s->run->job->block_count;
    int64_t visit = 0;
    for (int64_t b = 0; b < blocks && b < 2; b++) {
        s->load_end[b] = sj_fast_dram_load(s->dram, b, 0);
    }
    for (int64_t b = 0; b < blocks; b++) {
        const sj_step_terms *terms = NULL;
        const uint32_t *work = NULL;
        const sj_block *block = &s->run->job->blocks[b];
        SJ_TRY(sj_fast_array_block(array, b, &terms, &work, err));
        const bool kept = run_block(s, b, visit, shapes, terms, work);
        if (!kept) {
            visit += sj_fast_ceil(block->m1 - block->m0, s->run->tile_rows) * sj_fast_ceil(block->n1 - block->n0, s->run->accel->lanes);
        }
        if (b + 2 < blocks) {
            s->load_end[b + 2] = sj_fast_dram_load(s->dram, b + 2, block->k1 > block->k0 ? s->lend : 0);
        }
        s->store_end[b] = sj_fast_dram_store(s->dram, b, kept ? 0 : s->drain_end[visit - 1]);
    }
    return SJ_OK;
}

static sj_status allocate(state *s, const sj_visits *visits, tile **shapes, sj_error *err) {
    const uint64_t blocks = (uint64_t)s->run->job->block_count, count = (uint64_t)visits->count;
    SJ_TRY(sj_fast_take_zeroed(&s->end, (uint64_t)s->run->accel->rows, sizeof *s->end, "row ends", err));
    if (s->run->sink != NULL) {
        SJ_TRY(sj_fast_take_zeroed(&s->row_begin, (uint64_t)s->run->accel->rows, sizeof *s->row_begin, "row begins", err));
    }
    SJ_TRY(sj_fast_take_zeroed(&s->drain_end, count, sizeof *s->drain_end, "drains", err));
    SJ_TRY(sj_fast_take_zeroed(&s->fill_end, count, sizeof *s->fill_end, "fills", err));
    SJ_TRY(sj_fast_take_zeroed(&s->load_end, blocks, sizeof *s->load_end, "loads", err));
    SJ_TRY(sj_fast_take_zeroed(&s->store_end, blocks, sizeof *s->store_end, "stores", err));
    return sj_fast_take_zeroed(shapes, count, sizeof **shapes, "visits", err);
}

sj_status sj_fast_recursion(const sj_fast_run_info *run, sj_array *array, const sj_visits *visits, sj_dram *dram, sj_outcome *out, sj_error *err) {
    state s = {.run = run, .kernels = sj_fast_kernels_now(), .visits = visits, .dram = dram, .out = out};
    tile *shapes = NULL;
    sj_status status = allocate(&s, visits, &shapes, err);
    if (status == SJ_OK) {
        shape_visits(run, visits, shapes);
        status = run_blocks(&s, array, shapes, err);
    }
    // The O bus and the DRAM queue are in order: their last end is their largest.
    out->cycles = max3(s.obus_free, dram->queue_end, s.all_end[1]);
    sj_fast_give_back(s.end);
    sj_fast_give_back(s.row_begin);
    sj_fast_give_back(s.drain_end);
    sj_fast_give_back(s.fill_end);
    sj_fast_give_back(s.load_end);
    sj_fast_give_back(s.store_end);
    sj_fast_give_back(shapes);
    return status;
}
