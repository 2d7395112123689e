// SPDX-License-Identifier: Apache-2.0
// The array part: loads and works of every step. Tiles are independent of each other, so a window of blocks is computed in parallel and handed out block by block.
#include "array_internal.h"

#include <omp.h>
#include <string.h>

#include "room.h"

#define WINDOW_WORKS (INT64_C(1) << 20)  // works of a window of blocks, unless one block has more
#define STRIP_WORDS (INT64_C(1) << 15)   // of gathered A masks
#define SIDE_WORDS (INT64_C(1) << 21)    // of A masks that are gathered once for all blocks: 16 MB

// A step takes some 0.1 us; OpenMP's threads may look for more work for milliseconds after theirs is done, so that fewer steps are not worth waking them.
int64_t sj_fast_serial_steps = 32768;

static int64_t row_tiles(const sj_array *a, const sj_block *b) { return sj_fast_ceil(b->m1 - b->m0, a->run->tile_rows); }
static int64_t column_tiles(const sj_array *a, const sj_block *b) { return sj_fast_ceil(b->n1 - b->n0, a->run->accel->lanes); }
static int64_t block_steps(const sj_array *a, const sj_block *b) { return sj_fast_ceil(b->k1 - b->k0, a->run->accel->k_tile); }

// ---- one step of one row of tiles

sj_a_terms sj_fast_terms_of_a(const sj_array *a, sj_array_scratch *t, const sj_array_step *s) {
    static const uint64_t ones[4] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    const int64_t words = a->run->step_words, physical = a->run->accel->rows, part = sj_fast_min(physical, s->rows);
    sj_a_terms out = {.amask = (uint32_t)part * a->mask_beats};
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

static uint64_t changes_of_step(const sj_array *a, sj_array_scratch *t, const sj_array_step *s, const uint64_t *any_b) {
    sj_changes_step masks = {.present = s->words, .nonzero = s->nonzero, .rows = s->rows, .k_step = sj_fast_div(s->k0, a->run->accel->k_tile)};
    masks.first_tile = sj_fast_div(s->block->n0, a->run->accel->lanes);
    masks.tile_count = column_tiles(a, s->block);
    masks.first_end = a->tile_first[s->block - a->run->job->blocks] + sj_fast_div(s->m - s->block->m0, a->run->tile_rows);
    masks.end_pitch = row_tiles(a, s->block);
    return sj_fast_changes_count(a->run, &a->columns->lanes, &t->changes, &masks, any_b, &a->ends);
}

static void run_step(const sj_array *a, sj_array_scratch *t, const sj_array_step *s, sj_array_counts *counts) {
    const sj_accel *accel = a->run->accel;
    const sj_a_terms own = a->twice ? (sj_a_terms){0} : sj_fast_terms_of_a(a, t, s);
    const sj_a_terms *at = a->twice ? &a->side->terms[sj_fast_div(s->m, a->run->tile_rows) * a->run->step_total + sj_fast_div(s->k0, accel->k_tile)] : &own;
    const int64_t steps = block_steps(a, s->block), pitch = row_tiles(a, s->block) * steps, tiles = column_tiles(a, s->block), words = a->run->step_words;
    const int64_t first = a->step_first[s->block - a->run->job->blocks] + sj_fast_div(s->m - s->block->m0, a->run->tile_rows) * steps + s->index;
    const uint64_t *any_b = a->columns->any_b + (sj_fast_div(s->block->n0, accel->lanes) * a->run->step_total + sj_fast_div(s->k0, accel->k_tile)) * words;
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

// ---- rows of tiles

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
    return job->k > 0 && (sj_fast_shares(run) || volume > sj_job_instances(job) * job->m * job->k) && job->m * run->step_total * run->step_words <= SIDE_WORDS;
}

static void add_counts(sj_array_counts *to, const sj_array_counts *from) {
    to->visited += from->visited;
    to->a_values += from->a_values;
    to->b_vectors += from->b_vectors;
    to->mask_words += from->mask_words;
    to->lines += from->lines;
    to->work += from->work;
    to->longest_work += from->longest_work;
    to->changes += from->changes;
}

static void run_task(const sj_array *a, sj_array_scratch *t, const sj_tile_task *task) {
    sj_array_counts counts = {0};
    const sj_block *b = &a->run->job->blocks[task->block];
    const int64_t k_tile = a->run->accel->k_tile, rows = sj_fast_min(a->run->tile_rows, b->m1 - task->m), words = a->run->step_words;
    const int64_t strip = a->twice ? b->k1 - b->k0 : a->scratch_words / (rows * words) * k_tile;
    for (int64_t k0 = b->k0; k0 < b->k1; k0 += strip) {
        const int64_t k1 = sj_fast_min(k0 + strip, b->k1);
        const int64_t before = k0 / k_tile * words * rows;
        const uint64_t *gathered = a->twice ? sj_fast_tile_words(a, a->side->words, task->m) + before : t->words, *nonzero = gathered;
        if (!a->run->skip) {
            nonzero = a->twice ? sj_fast_tile_words(a, a->side->nonzero, task->m) + before : t->nonzero;
        }
        if (!a->twice) {
            sj_fast_fetch_masks(a, t->pieces, task->m, rows, k0, k1, t->words, t->nonzero);
        }
        for (int64_t k = k0; k < k1; k += k_tile) {
            const sj_array_step s = {b, task->m, rows, k, sj_fast_min(k + k_tile, k1), (k - b->k0) / k_tile, gathered + (k - k0) / k_tile * words * rows, nonzero + (k - k0) / k_tile * words * rows};
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
            a->tasks[a->task_count++] = (sj_tile_task){i, m};
        }
    }
    return SJ_OK;
}

static void leave_instance(sj_array *a) {
    sj_fast_columns_free(a->columns_borrowed ? NULL : a->columns);
    sj_fast_side_free(a->side_borrowed ? NULL : a->side);
    a->columns = NULL;
    a->side = NULL;
    a->columns_borrowed = a->side_borrowed = false;
    sj_fast_bits_free(&a->nonzero);
    sj_fast_bits_free(&a->ones);
    sj_fast_lines_free(&a->lines);
    a->instance = -1;
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
    a->view_job.a = sj_operand_instance(&a->run->job->a, instance);
    a->view_job.b = sj_operand_instance(&a->run->job->b, instance);
    SJ_TRY(sj_job_instances(a->run->job) == 1 ? sj_fast_columns_find(a, err) : sj_fast_columns_count(a, instance, err));
    SJ_TRY(sj_fast_side_prepare(a, instance, err));
    a->instance = instance;
    if (!a->met[instance]) {
        const sj_mac_sums *sums = &a->columns->sums;
        a->met[instance] = true;
        a->sums.total += sums->total;
        a->sums.active += sums->active;
        a->sums.issued += sums->issued;
        a->sums.issues += sums->issues;
    }
    return SJ_OK;
}

sj_status sj_fast_array_block(sj_array *a, int64_t b, const sj_step_terms **terms, const uint32_t **work, sj_error *err) {
    if (a->known != NULL) {
        *terms = a->known->terms + a->known->step_first[b];
        *work = a->known->work + a->known->step_first[b] * a->run->accel->rows;
        return SJ_OK;
    }
    if (b < a->first || b >= a->first + a->count) {
        SJ_TRY(enter_instance(a, a->run->job->blocks[b].instance, err));
        SJ_TRY(a->twice && a->side == NULL ? sj_fast_side_make(a, err) : SJ_OK);
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
        sj_array_scratch *t = &a->scratch[i];
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
    (*out)->known = sj_fast_result_find(*out);
    if ((*out)->known == NULL && fill_array(*out, run, err) != SJ_OK) {
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
static void add_to_outcome(const sj_fast_run_info *run, const sj_mac_sums *sums, const sj_array_counts *all, sj_outcome *out) {
    sj_counters *c = &out->counts;
    mac_counts(run, sums, out);
    c->mac_change = all->changes;
    c->acc_read += all->visited;
    c->acc_write += all->visited;
    c->a_pad_write += all->a_values;
    c->a_pad_read += sums->issues;
    c->b_pad_read += sums->issues;
    c->b_pad_write += (uint64_t)run->accel->rows * all->b_vectors;
    if (run->skip) {
        c->mask_scan += all->work;
        c->mask_read += all->mask_words;
        c->mask_write += all->mask_words;
    }
    c->buffer_read += all->lines + all->b_vectors * (uint64_t)sj_fast_ceil(run->accel->lanes * run->value_bytes, run->accel->line_bytes);
    out->busy_work += all->longest_work;
}

sj_status sj_fast_array_finish(sj_array *a, sj_outcome *out, sj_error *err) {
    sj_array_counts all = {.changes = a->joined_changes};
    if (a->known != NULL) {
        add_to_outcome(a->run, &a->known->sums, &a->known->counts, out);
        return SJ_OK;
    }
    for (int i = 0; i < a->threads; i++) {
        add_counts(&all, &a->scratch[i].counts);
    }
    add_to_outcome(a->run, &a->sums, &all, out);
    const bool whole = a->first == 0 && a->count == a->run->job->block_count && a->count > 0;  // one window held all blocks
    return whole && sj_fast_shares(a->run) ? sj_fast_result_keep(a, &all, err) : SJ_OK;
}
