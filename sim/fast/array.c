// SPDX-License-Identifier: Apache-2.0
// The array part: loads and works of every step. Tiles are independent of each other, so a window of blocks is computed in parallel and handed out block by block.
#include <omp.h>
#include <string.h>

#include "changes.h"
#include "room.h"

#define WINDOW_WORKS (INT64_C(1) << 20)  // works of a window of blocks, unless one block has more
#define STRIP_WORDS (INT64_C(1) << 15)   // of gathered A masks
#define SIDE_WORDS (INT64_C(1) << 21)    // of A masks that are gathered once for all blocks: 16 MB

// A step takes some 0.1 us; OpenMP's threads may look for more work for milliseconds after theirs is done, so that fewer steps are not worth waking them.
int64_t sj_fast_serial_steps = 32768;

typedef struct tile_task {
    int64_t block, m;  // a row of tiles: all column tiles of the block at A rows from m on
} tile_task;

typedef struct array_counts {
    uint64_t visited;    // (slot, step) pairs with an issue
    uint64_t a_values;   // present A values of all steps
    uint64_t b_vectors;  // k with any_a and any_b, of all steps
    uint64_t mask_words, lines, work, longest_work;
    uint64_t changes;    // within tiles
} array_counts;

typedef struct thread_scratch {
    uint64_t *words;    // gathered masks
    uint64_t *nonzero;  // those of nonzeros, where zeros are issued as well; else NULL
    sj_piece *pieces;
    uint32_t *count;    // [R]
    uint32_t *vectors;  // [column tiles of the job]
    sj_lines_scratch lines;
    sj_changes_scratch changes;
    array_counts counts;
} thread_scratch;

// One step of one row of tiles, whatever the column tile.
typedef struct a_terms {
    uint64_t any[4];     // step_words <= 4
    uint32_t amask, abus, abuf;
    uint64_t values, lines;
} a_terms;

struct sj_array {
    const sj_fast_run_info *run;
    const sj_fast_kernels *kernels;
    sj_mac_sums sums;           // of the instances met so far
    int64_t instance;           // at hand; -1: none
    bool *met;                  // [instance]
    sj_job view_job;            // the job with the operands of the instance at hand
    sj_fast_run_info view;
    uint64_t *any_b;
    sj_bits nonzero;            // of A
    sj_bits ones;               // of A on machines that issue zeros; else empty
    const sj_bits *present;     // the one of the two that is issued
    sj_lines lines;
    sj_lanes lanes;
    bool twice;                 // blocks come back to the same A rows and k, and their masks are small: they are gathered once
    uint64_t *side_words;       // [row tile][step][word][tile_rows], else NULL
    uint64_t *side_nonzero;     // as side_words, where zeros are issued as well
    a_terms *side_terms;        // [row tile][step]
    int64_t scratch_words;
    int threads;
    thread_scratch *scratch;
    // Constants of the machine: beats of a row's masks, of a step's flags and of a B vector; beats of a row's values by their number, [slots * k_tile]
    uint32_t mask_beats, flag_beats, vector_beats;
    uint32_t *value_beats;
    int64_t first, count;       // blocks of the window
    int64_t steps;              // of the window
    int64_t *step_first;        // [job's blocks] within the window
    int64_t *tile_first;        // [job's blocks] within the window
    int64_t task_count;
    tile_task *tasks;
    int64_t term_room, task_room;
    sj_step_terms *terms;       // [step]
    uint32_t *work;             // [step][R]
    sj_window_ends ends;
    uint64_t *classes;          // [lane words][R] of the latest issues before the window
    uint64_t joined_changes;    // between the tiles before it
};

static int64_t row_tiles(const sj_array *a, const sj_block *b) { return sj_fast_ceil(b->m1 - b->m0, a->run->tile_rows); }
static int64_t column_tiles(const sj_array *a, const sj_block *b) { return sj_fast_ceil(b->n1 - b->n0, a->run->accel->lanes); }
static int64_t block_steps(const sj_array *a, const sj_block *b) { return sj_fast_ceil(b->k1 - b->k0, a->run->accel->k_tile); }

// ---- one step of one row of tiles

typedef struct step {
    const sj_block *block;
    int64_t m, rows;     // A rows of the tile
    int64_t k0, k1;
    int64_t index;       // of the step within a tile
    const uint64_t *words, *nonzero;  // of A: issued where B has any; nonzero
} step;

static a_terms terms_of_a(const sj_array *a, thread_scratch *t, const step *s) {
    static const uint64_t ones[4] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    const int64_t words = a->run->step_words, physical = a->run->accel->rows, part = sj_fast_min(physical, s->rows);
    a_terms out = {.amask = (uint32_t)part * a->mask_beats};
    for (int64_t w = 0; w < words; w++) {
        out.any[w] = a->kernels->any(s->words + w * s->rows, s->rows);
    }
    (void)a->kernels->deal(s->words, s->rows, ones, words, physical, t->count);
    for (int64_t r = 0; r < part; r++) {
        out.abus += a->value_beats[t->count[r]];
        out.values += t->count[r];
    }
    sj_fast_lines_count(&a->lines, &t->lines, s->m, s->rows, s->k0, s->k1, &out.abuf, &out.lines);
    return out;
}

static uint64_t changes_of_step(const sj_array *a, thread_scratch *t, const step *s, const uint64_t *any_b) {
    sj_changes_step masks = {.present = s->words, .nonzero = s->nonzero, .rows = s->rows, .k_step = sj_fast_div(s->k0, a->run->accel->k_tile)};
    masks.first_tile = sj_fast_div(s->block->n0, a->run->accel->lanes);
    masks.tile_count = column_tiles(a, s->block);
    masks.first_end = a->tile_first[s->block - a->run->job->blocks] + sj_fast_div(s->m - s->block->m0, a->run->tile_rows);
    masks.end_pitch = row_tiles(a, s->block);
    return sj_fast_changes_count(a->run, &a->lanes, &t->changes, &masks, any_b, &a->ends);
}

static void run_step(const sj_array *a, thread_scratch *t, const step *s, array_counts *counts) {
    const sj_accel *accel = a->run->accel;
    const a_terms own = a->twice ? (a_terms){0} : terms_of_a(a, t, s);
    const a_terms *at = a->twice ? &a->side_terms[sj_fast_div(s->m, a->run->tile_rows) * a->run->step_total + sj_fast_div(s->k0, accel->k_tile)] : &own;
    const int64_t steps = block_steps(a, s->block), pitch = row_tiles(a, s->block) * steps, tiles = column_tiles(a, s->block), words = a->run->step_words;
    const int64_t first = a->step_first[s->block - a->run->job->blocks] + sj_fast_div(s->m - s->block->m0, a->run->tile_rows) * steps + s->index;
    const uint64_t *any_b = a->any_b + (sj_fast_div(s->block->n0, accel->lanes) * a->run->step_total + sj_fast_div(s->k0, accel->k_tile)) * words;
    sj_fast_issues issues = {.a = s->words, .rows = s->rows, .words = words, .physical = accel->rows, .any = at->any};
    a->kernels->issue(&issues, any_b, a->run->step_total * words, tiles, a->work + first * accel->rows, pitch * accel->rows, t->vectors);
    for (int64_t n = 0; n < tiles; n++) {
        counts->b_vectors += t->vectors[n];
        a->terms[first + n * pitch] = (sj_step_terms){at->amask, at->abus, at->abuf, a->flag_beats, t->vectors[n] * a->vector_beats};
    }
    counts->changes += changes_of_step(a, t, s, any_b);
    counts->visited += issues.visited;
    counts->work += issues.work;
    counts->longest_work += issues.longest;
    counts->a_values += (uint64_t)tiles * at->values;
    counts->lines += (uint64_t)tiles * at->lines;
    counts->mask_words += (uint64_t)(tiles * s->rows + (a->run->job->flags_per_lane ? s->block->n1 - s->block->n0 : tiles));
}

// ---- A gathered once for all blocks

static uint64_t *tile_words(const sj_array *a, uint64_t *side, int64_t m) { return side + m * a->run->step_total * a->run->step_words; }

// A's masks for rows from m on and k [k0,k1).
static void fetch_masks(const sj_array *a, sj_piece *pieces, int64_t m, int64_t rows, int64_t k0, int64_t k1, uint64_t *words, uint64_t *nonzero) {
    sj_fast_fetch(a->present, a->run->accel->k_tile, m, rows, k0, k1, pieces, words);
    if (nonzero != NULL) {
        sj_fast_fetch(&a->nonzero, a->run->accel->k_tile, m, rows, k0, k1, pieces, nonzero);
    }
}

static void gather_tile(const sj_array *a, thread_scratch *t, int64_t m) {
    const int64_t k_tile = a->run->accel->k_tile, rows = sj_fast_min(a->run->tile_rows, a->run->job->m - m), words = a->run->step_words;
    uint64_t *gathered = tile_words(a, a->side_words, m);
    fetch_masks(a, t->pieces, m, rows, 0, a->run->job->k, gathered, a->run->skip ? NULL : tile_words(a, a->side_nonzero, m));
    for (int64_t i = 0; i < a->run->step_total; i++) {
        const step s = {NULL, m, rows, i * k_tile, sj_fast_min((i + 1) * k_tile, a->run->job->k), i, gathered + i * words * rows, NULL};
        a->side_terms[m / a->run->tile_rows * a->run->step_total + i] = terms_of_a(a, t, &s);
    }
}

static sj_status gather_side(sj_array *a, sj_error *err) {
    const int64_t tiles = sj_fast_ceil(a->run->job->m, a->run->tile_rows), steps = tiles * a->run->step_total;
    SJ_TRY(sj_fast_take(&a->side_words, (uint64_t)(a->run->job->m * a->run->step_total * a->run->step_words), sizeof *a->side_words, "A masks", err));
    if (!a->run->skip) {
        SJ_TRY(sj_fast_take(&a->side_nonzero, (uint64_t)(a->run->job->m * a->run->step_total * a->run->step_words), sizeof *a->side_nonzero, "A masks", err));
    }
    SJ_TRY(sj_fast_take(&a->side_terms, (uint64_t)steps, sizeof *a->side_terms, "A terms", err));
#pragma omp parallel for schedule(dynamic) if (steps > sj_fast_serial_steps)
    for (int64_t tile = 0; tile < tiles; tile++) {
        gather_tile(a, &a->scratch[omp_get_thread_num()], tile * a->run->tile_rows);
    }
    return SJ_OK;
}

// Whether blocks share A rows and k, and all of them end at whole tiles and steps, as tiles of the whole job do.
static bool comes_back(const sj_fast_run_info *run) {
    const sj_job *job = run->job;
    int64_t volume = 0;
    for (int64_t i = 0; i < job->block_count; i++) {
        const sj_block *b = &job->blocks[i];
        const bool m_whole = b->m1 == job->m || b->m1 % run->tile_rows == 0, k_whole = b->k1 == job->k || b->k1 % run->accel->k_tile == 0;
        if (!m_whole || !k_whole) {
            return false;
        }
        volume += (b->m1 - b->m0) * (b->k1 - b->k0);
    }
    return volume > sj_job_instances(job) * job->m * job->k && job->m * run->step_total * run->step_words <= SIDE_WORDS;
}

static void add_counts(array_counts *to, const array_counts *from) {
    to->visited += from->visited;
    to->a_values += from->a_values;
    to->b_vectors += from->b_vectors;
    to->mask_words += from->mask_words;
    to->lines += from->lines;
    to->work += from->work;
    to->longest_work += from->longest_work;
    to->changes += from->changes;
}

static void run_task(const sj_array *a, thread_scratch *t, const tile_task *task) {
    array_counts counts = {0};
    const sj_block *b = &a->run->job->blocks[task->block];
    const int64_t k_tile = a->run->accel->k_tile, rows = sj_fast_min(a->run->tile_rows, b->m1 - task->m), words = a->run->step_words;
    const int64_t strip = a->twice ? b->k1 - b->k0 : a->scratch_words / (rows * words) * k_tile;
    for (int64_t k0 = b->k0; k0 < b->k1; k0 += strip) {
        const int64_t k1 = sj_fast_min(k0 + strip, b->k1);
        const int64_t before = k0 / k_tile * words * rows;
        const uint64_t *gathered = a->twice ? tile_words(a, a->side_words, task->m) + before : t->words, *nonzero = gathered;
        if (!a->run->skip) {
            nonzero = a->twice ? tile_words(a, a->side_nonzero, task->m) + before : t->nonzero;
        }
        if (!a->twice) {
            fetch_masks(a, t->pieces, task->m, rows, k0, k1, t->words, t->nonzero);
        }
        for (int64_t k = k0; k < k1; k += k_tile) {
            const step s = {b, task->m, rows, k, sj_fast_min(k + k_tile, k1), (k - b->k0) / k_tile, gathered + (k - k0) / k_tile * words * rows, nonzero + (k - k0) / k_tile * words * rows};
            run_step(a, t, &s, &counts);
        }
    }
    add_counts(&t->counts, &counts);
}

// ---- windows of blocks

// Chooses the blocks from `first` on that fill a window, and its tasks.
static sj_status plan_window(sj_array *a, int64_t first, sj_error *err) {
    const sj_job *job = a->run->job;
    const int64_t room = sj_fast_ceil(WINDOW_WORKS, a->run->accel->rows);
    int64_t steps = 0, tasks = 0, tiles = 0, b = first;
    for (; b < job->block_count; b++) {
        const sj_block *block = &job->blocks[b];
        if (block->instance != job->blocks[first].instance) {
            break;
        }
        const int64_t more_tiles = row_tiles(a, block) * column_tiles(a, block), more = block_steps(a, block) * more_tiles;
        if (b > first && (steps + more > room || tiles + more_tiles > room)) {  // tiles count for themselves where K is 0
            break;
        }
        a->step_first[b] = steps;
        a->tile_first[b] = tiles;
        steps += more;
        tasks += row_tiles(a, block);
        tiles += more_tiles;
    }
    SJ_TRY(sj_fast_ends_make(a->run, tiles, &a->ends, err));
    a->first = first;
    a->count = b - first;
    a->steps = steps;
    if (steps > a->term_room) {
        sj_fast_give_back(a->terms);
        sj_fast_give_back(a->work);
        a->terms = NULL;
        a->work = NULL;
        a->term_room = 0;
        SJ_TRY(sj_fast_take(&a->terms, (uint64_t)steps, sizeof *a->terms, "step terms", err));
        SJ_TRY(sj_fast_take(&a->work, (uint64_t)(steps * a->run->accel->rows), sizeof *a->work, "step works", err));
        a->term_room = steps;
    }
    if (tasks > a->task_room) {
        sj_fast_give_back(a->tasks);
        a->task_room = 0;
        SJ_TRY(sj_fast_take(&a->tasks, (uint64_t)tasks, sizeof *a->tasks, "tiles", err));
        a->task_room = tasks;
    }
    a->task_count = 0;
    for (int64_t i = first; i < b; i++) {
        for (int64_t m = job->blocks[i].m0; m < job->blocks[i].m1; m += a->run->tile_rows) {
            a->tasks[a->task_count++] = (tile_task){i, m};
        }
    }
    return SJ_OK;
}

static void leave_instance(sj_array *a) {
    sj_fast_give_back(a->any_b);
    a->any_b = NULL;
    sj_fast_bits_free(&a->nonzero);
    sj_fast_bits_free(&a->ones);
    sj_fast_lines_free(&a->lines);
    sj_fast_lanes_free(&a->lanes);
    sj_fast_give_back(a->side_words);
    sj_fast_give_back(a->side_nonzero);
    sj_fast_give_back(a->side_terms);
    a->side_words = NULL;
    a->side_nonzero = NULL;
    a->side_terms = NULL;
    a->instance = -1;
}

static sj_status count_macs(sj_array *a, int64_t instance, sj_mac_sums *sums, sj_error *err) {
    sj_bits b = {0};
    SJ_TRY(sj_fast_bits_of_instance(a->run->store, &a->run->job->a, sj_job_instances(a->run->job), instance, &a->view_job.a, &a->nonzero, err));
    sj_status status = sj_fast_bits_of_instance(a->run->store, &a->run->job->b, sj_job_instances(a->run->job), instance, &a->view_job.b, &b, err);
    if (status == SJ_OK) {
        status = sj_fast_columns(&a->view, &a->nonzero, &b, sums, &a->any_b, err);
    }
    if (status == SJ_OK) {
        status = sj_fast_lanes_make(&a->view, &b, &a->lanes, err);
    }
    sj_fast_bits_free(&b);
    return status;
}

static sj_status enter_instance(sj_array *a, int64_t instance, sj_error *err) {
    if (instance == a->instance) {
        return SJ_OK;
    }
    leave_instance(a);
    if (a->run->job->k == 0) {  // nothing to count, nothing to load
        a->instance = instance;
        return SJ_OK;
    }
    sj_mac_sums sums;
    a->view_job.a = sj_operand_instance(&a->run->job->a, instance);
    a->view_job.b = sj_operand_instance(&a->run->job->b, instance);
    SJ_TRY(count_macs(a, instance, &sums, err));
    a->present = a->run->skip ? &a->nonzero : &a->ones;
    SJ_TRY(a->run->skip ? SJ_OK : sj_fast_bits_make(&a->view_job.a, a->run->present, &a->ones, err));
    SJ_TRY(sj_fast_lines_make(&a->view, &a->nonzero, &a->lines, err));
    a->instance = instance;
    if (!a->met[instance]) {
        a->met[instance] = true;
        a->sums.total += sums.total;
        a->sums.active += sums.active;
        a->sums.issued += sums.issued;
        a->sums.issues += sums.issues;
    }
    return SJ_OK;
}

sj_status sj_fast_array_block(sj_array *a, int64_t b, const sj_step_terms **terms, const uint32_t **work, sj_error *err) {
    if (b < a->first || b >= a->first + a->count) {
        SJ_TRY(enter_instance(a, a->run->job->blocks[b].instance, err));
        SJ_TRY(a->twice && a->side_terms == NULL ? gather_side(a, err) : SJ_OK);
        SJ_TRY(plan_window(a, b, err));
#pragma omp parallel for schedule(dynamic) if (a->steps > sj_fast_serial_steps)
        for (int64_t i = 0; i < a->task_count; i++) {
            run_task(a, &a->scratch[omp_get_thread_num()], &a->tasks[i]);
        }
        a->joined_changes += sj_fast_changes_join(a->run, a->kernels, &a->ends, a->classes, a->scratch[0].changes.differ);
    }
    *terms = a->terms + a->step_first[b];
    *work = a->work + a->step_first[b] * a->run->accel->rows;
    return SJ_OK;
}

// ---- life

static int threads_wanted(const sj_array *a) {
    int64_t steps = 0;
    for (int64_t i = 0; i < a->run->job->block_count; i++) {
        const sj_block *b = &a->run->job->blocks[i];
        steps += row_tiles(a, b) * column_tiles(a, b) * block_steps(a, b);
    }
    return steps > sj_fast_serial_steps ? omp_get_max_threads() : 1;
}

static sj_status make_scratch(sj_array *a, sj_error *err) {
    const int64_t rows = sj_fast_min(a->run->tile_rows, a->run->job->m);
    a->scratch_words = (int64_t)sj_fast_max((uint64_t)STRIP_WORDS, (uint64_t)(rows * a->run->step_words));
    a->threads = threads_wanted(a);
    SJ_TRY(sj_fast_take_zeroed(&a->scratch, (uint64_t)a->threads, sizeof *a->scratch, "thread scratch", err));
    for (int i = 0; i < a->threads; i++) {
        thread_scratch *t = &a->scratch[i];
        SJ_TRY(sj_fast_take(&t->words, (uint64_t)a->scratch_words, sizeof *t->words, "gathered masks", err));
        SJ_TRY(a->run->skip ? SJ_OK : sj_fast_take(&t->nonzero, (uint64_t)a->scratch_words, sizeof *t->nonzero, "gathered masks", err));
        SJ_TRY(sj_fast_changes_scratch_make(a->run, &t->changes, err));
        SJ_TRY(sj_fast_take(&t->count, (uint64_t)a->run->accel->rows, sizeof *t->count, "row counts", err));
        SJ_TRY(sj_fast_take(&t->vectors, (uint64_t)sj_fast_ceil(a->run->job->n, a->run->accel->lanes), sizeof *t->vectors, "column tiles", err));
        SJ_TRY(sj_fast_take(&t->pieces, (uint64_t)rows, sizeof *t->pieces, "gathered runs", err));
        SJ_TRY(sj_fast_lines_scratch_make(&a->lines, rows, &t->lines, err));
    }
    return SJ_OK;
}

static sj_status set_constants(sj_array *a, sj_error *err) {
    const sj_accel *accel = a->run->accel;
    const int64_t vb = a->run->value_bytes, values = accel->slots * accel->k_tile, flags = accel->k_tile * (a->run->job->flags_per_lane ? accel->lanes : 1);
    a->mask_beats = a->run->skip ? (uint32_t)sj_fast_ceil(sj_fast_ceil(values, 8), accel->a_bytes) : 0;
    a->flag_beats = a->run->skip ? (uint32_t)sj_fast_ceil(sj_fast_ceil(flags, 8), accel->b_bytes) : 0;
    a->vector_beats = (uint32_t)sj_fast_ceil(accel->lanes * vb, accel->b_bytes);
    SJ_TRY(sj_fast_take_zeroed(&a->value_beats, (uint64_t)values + 1, sizeof *a->value_beats, "beats", err));
    for (int64_t n = 0; n <= values; n++) {
        a->value_beats[n] = (uint32_t)sj_fast_ceil(n * vb, accel->a_bytes);
    }
    return SJ_OK;
}

static sj_status fill_array(sj_array *a, const sj_fast_run_info *run, sj_error *err) {
    a->view_job = *run->job;
    a->view = *run;
    a->view.job = &a->view_job;
    a->twice = comes_back(run);
    SJ_TRY(set_constants(a, err));
    SJ_TRY(sj_fast_take_zeroed(&a->met, (uint64_t)sj_job_instances(run->job), sizeof *a->met, "instances", err));
    if (run->job->block_count > 0) {
        SJ_TRY(enter_instance(a, run->job->blocks[0].instance, err));  // what the scratch must hold is the same for every instance
    }
    SJ_TRY(sj_fast_take_zeroed(&a->classes, (uint64_t)(run->accel->rows * sj_fast_lane_words(run)), sizeof *a->classes, "row classes", err));
    SJ_TRY(sj_fast_take_zeroed(&a->tile_first, (uint64_t)run->job->block_count, sizeof *a->tile_first, "blocks", err));
    SJ_TRY(sj_fast_take_zeroed(&a->step_first, (uint64_t)run->job->block_count, sizeof *a->step_first, "blocks", err));
    return make_scratch(a, err);
}

sj_status sj_fast_array_make(const sj_fast_run_info *run, sj_array **out, sj_error *err) {
    SJ_TRY(sj_fast_take_zeroed(out, 1, sizeof **out, "array model", err));
    (*out)->run = run;
    (*out)->kernels = sj_fast_kernels_now();
    (*out)->instance = -1;
    if (fill_array(*out, run, err) != SJ_OK) {
        sj_fast_array_free(*out);
        *out = NULL;
        return err->status;
    }
    return SJ_OK;
}

void sj_fast_array_free(sj_array *a) {
    if (a == NULL) {
        return;
    }
    for (int i = 0; a->scratch != NULL && i < a->threads; i++) {
        sj_fast_give_back(a->scratch[i].words);
        sj_fast_give_back(a->scratch[i].nonzero);
        sj_fast_changes_scratch_free(&a->scratch[i].changes);
        sj_fast_give_back(a->scratch[i].count);
        sj_fast_give_back(a->scratch[i].vectors);
        sj_fast_give_back(a->scratch[i].pieces);
        sj_fast_lines_scratch_free(&a->scratch[i].lines);
    }
    sj_fast_give_back(a->scratch);
    leave_instance(a);
    sj_fast_give_back(a->met);
    sj_fast_give_back(a->value_beats);
    sj_fast_give_back(a->step_first);
    sj_fast_give_back(a->tile_first);
    sj_fast_ends_free(&a->ends);
    sj_fast_give_back(a->classes);
    sj_fast_give_back(a->tasks);
    sj_fast_give_back(a->terms);
    sj_fast_give_back(a->work);
    sj_fast_give_back(a);
}

// ---- counters

static void mac_counts(const sj_fast_run_info *run, const sj_mac_sums *sums, sj_outcome *out) {
    sj_counters *c = &out->counts;
    const uint64_t held = sums->issued - sums->active;
    c->mac_active = sums->active;
    c->mac_zero = run->variant.machine == SJ_MACHINE_DENSE ? held : 0;
    c->mac_gated = held - c->mac_zero;
    c->mac_idle = (uint64_t)run->accel->lanes * sums->issues - sums->issued;
    out->macs_total = sums->total;
    out->macs_active = c->mac_active;
    out->macs_zero = c->mac_zero;
    out->macs_gated = c->mac_gated;
    out->macs_skipped = sums->total - sums->issued;
    out->macs_padding = (uint64_t)(sj_job_instances(run->job) * run->job->m * run->job->n * run->job->k) - sums->total;
}

// acc.read equals acc.write: a visit that visits a slot v > 0 times reads it v - 1 times and once more to drain it; a filled row is one more of each.
// The filled rows' share is the recursion's.
void sj_fast_array_counts(const sj_array *a, sj_outcome *out) {
    const sj_fast_run_info *run = a->run;
    array_counts all = {0};
    for (int i = 0; i < a->threads; i++) {
        add_counts(&all, &a->scratch[i].counts);
    }
    sj_counters *c = &out->counts;
    mac_counts(run, &a->sums, out);
    c->mac_change = all.changes + a->joined_changes;
    c->acc_read += all.visited;
    c->acc_write += all.visited;
    c->a_pad_write += all.a_values;
    c->a_pad_read += a->sums.issues;
    c->b_pad_read += a->sums.issues;
    c->b_pad_write += (uint64_t)run->accel->rows * all.b_vectors;
    if (run->skip) {
        c->mask_scan += all.work;
        c->mask_read += all.mask_words;
        c->mask_write += all.mask_words;
    }
    c->buffer_read += all.lines + all.b_vectors * (uint64_t)sj_fast_ceil(run->accel->lanes * run->value_bytes, run->accel->line_bytes);
    out->busy_work += all.longest_work;
}
