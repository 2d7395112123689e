// SPDX-License-Identifier: Apache-2.0
// What follows from the operands and the geometry alone: A's masks and terms by row of tiles, MAC sums and B's masks by column of tiles.
#include "array_internal.h"

#include <omp.h>

#include "room.h"

// ---- A gathered once

void sj_fast_fetch_masks(const sj_array *a, sj_piece *pieces, int64_t m, int64_t rows, int64_t k0, int64_t k1, uint64_t *words, uint64_t *nonzero) {
    sj_fast_fetch(a->present, a->run->accel->k_tile, m, rows, k0, k1, pieces, words);
    if (nonzero != NULL) {
        sj_fast_fetch(&a->nonzero, a->run->accel->k_tile, m, rows, k0, k1, pieces, nonzero);
    }
}

static void gather_tile(const sj_array *a, const sj_side *to, sj_array_scratch *t, int64_t m) {
    const int64_t k_tile = a->run->accel->k_tile, rows = sj_fast_min(a->run->tile_rows, a->run->job->m - m), words = a->run->step_words;
    uint64_t *gathered = sj_fast_tile_words(a, to->words, m);
    sj_fast_fetch_masks(a, t->pieces, m, rows, 0, a->run->job->k, gathered, a->run->skip ? NULL : sj_fast_tile_words(a, to->nonzero, m));
    for (int64_t i = 0; i < a->run->step_total; i++) {
        const sj_array_step s = {NULL, m, rows, i * k_tile, sj_fast_min((i + 1) * k_tile, a->run->job->k), i, gathered + i * words * rows, NULL};
        to->terms[m / a->run->tile_rows * a->run->step_total + i] = sj_fast_terms_of_a(a, t, &s);
    }
}

static uint64_t side_word_count(const sj_fast_run_info *run) { return (uint64_t)(run->job->m * run->step_total * run->step_words); }

static uint64_t side_step_count(const sj_fast_run_info *run) { return (uint64_t)(sj_fast_ceil(run->job->m, run->tile_rows) * run->step_total); }

void sj_fast_side_free(void *thing) {
    sj_side *s = thing;
    if (s != NULL) {
        sj_fast_give_back(s->words);
        sj_fast_give_back(s->nonzero);
        sj_fast_give_back(s->terms);
        sj_fast_give_back(s);
    }
}

bool sj_fast_shares(const sj_fast_run_info *run) { return run->shared != NULL && run->shared->lasting && sj_job_instances(run->job) == 1; }

static sj_status gather_side(sj_array *a, sj_error *err) {
    const int64_t tiles = sj_fast_ceil(a->run->job->m, a->run->tile_rows);
    SJ_TRY(sj_fast_take_zeroed(&a->side, 1, sizeof *a->side, "A masks", err));
    sj_side *to = a->side;
    SJ_TRY(sj_fast_take(&to->words, side_word_count(a->run), sizeof *to->words, "A masks", err));
    if (!a->run->skip) {
        SJ_TRY(sj_fast_take(&to->nonzero, side_word_count(a->run), sizeof *to->nonzero, "A masks", err));
    }
    SJ_TRY(sj_fast_take(&to->terms, side_step_count(a->run), sizeof *to->terms, "A terms", err));
#pragma omp parallel for schedule(dynamic) if (tiles * a->run->step_total > sj_fast_serial_steps)
    for (int64_t tile = 0; tile < tiles; tile++) {
        gather_tile(a, to, &a->scratch[omp_get_thread_num()], tile * a->run->tile_rows);
    }
    return SJ_OK;
}

// All that A's masks and terms follow from.
static sj_fast_key key_of_side(const sj_array *a) {
    const sj_accel *accel = a->run->accel;
    const int64_t numbers[] = {(int64_t)a->run->present, accel->rows, accel->slots, accel->k_tile, accel->a_bytes, accel->line_bytes, accel->a_banks, a->run->job->m, a->run->job->k, a->run->skip};
    sj_fast_key key = sj_fast_key_of(SJ_SHARED_SIDE);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        sj_fast_key_put(&key, numbers[i]);
    }
    sj_fast_key_operand(&key, &a->view_job.a);
    return key;
}

// Earlier jobs' side, where one left it.
static void find_side(sj_array *a) {
    if (a->twice && sj_fast_shares(a->run)) {
        sj_fast_key key = key_of_side(a);
        a->side = sj_fast_shared_find(a->run->shared, &key);
        a->side_borrowed = a->side != NULL;
        sj_fast_key_free(&key);
    }
}

sj_status sj_fast_side_make(sj_array *a, sj_error *err) {
    SJ_TRY(gather_side(a, err));
    if (!sj_fast_shares(a->run)) {
        return SJ_OK;
    }
    sj_fast_key key = key_of_side(a);
    a->side_borrowed = true;
    const uint64_t bytes = 8 * side_word_count(a->run) * (a->run->skip ? 1 : 2) + side_step_count(a->run) * sizeof *a->side->terms;
    return sj_fast_shared_keep(a->run->shared, &key, a->side, bytes, sj_fast_side_free, err);
}

// ---- columns

void sj_fast_columns_free(void *thing) {
    sj_columns *c = thing;
    if (c != NULL) {
        sj_fast_give_back(c->any_b);
        sj_fast_lanes_free(&c->lanes);
        sj_fast_give_back(c);
    }
}

static sj_status a_bits(sj_array *a, int64_t instance, sj_error *err) {
    return a->nonzero.rows != NULL ? SJ_OK : sj_fast_bits_of_instance(a->run->shared, &a->run->job->a, sj_job_instances(a->run->job), instance, &a->view_job.a, &a->nonzero, err);
}

sj_status sj_fast_columns_count(sj_array *a, int64_t instance, sj_error *err) {
    sj_bits b = {0};
    SJ_TRY(a_bits(a, instance, err));
    SJ_TRY(sj_fast_take_zeroed(&a->columns, 1, sizeof *a->columns, "column tiles", err));
    sj_status status = sj_fast_bits_of_instance(a->run->shared, &a->run->job->b, sj_job_instances(a->run->job), instance, &a->view_job.b, &b, err);
    if (status == SJ_OK) {
        status = sj_fast_columns(&a->view, &a->nonzero, &b, &a->columns->sums, &a->columns->any_b, err);
    }
    if (status == SJ_OK) {
        status = sj_fast_lanes_make(&a->view, &b, &a->columns->lanes, err);
    }
    sj_fast_bits_free(&b);
    return status;
}

static uint64_t bytes_of_columns(const sj_columns *c) {
    const uint64_t tile = (uint64_t)(c->lanes.steps * c->lanes.words), lanes = c->lanes.lane_words != NULL ? 256 : 0;  // at most
    return 8 * (uint64_t)c->lanes.tiles * tile * (3 + lanes);
}

sj_status sj_fast_columns_find(sj_array *a, sj_error *err) {
    if (!sj_fast_shares(a->run)) {
        return sj_fast_columns_count(a, 0, err);
    }
    const int64_t numbers[] = {(int64_t)a->run->present, a->run->skip, a->run->accel->lanes, a->run->accel->k_tile, a->run->job->m, a->run->job->n, a->run->job->k};
    sj_fast_key key = sj_fast_key_of(SJ_SHARED_COLUMNS);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        sj_fast_key_put(&key, numbers[i]);
    }
    sj_fast_key_operand(&key, &a->view_job.a);
    sj_fast_key_operand(&key, &a->view_job.b);
    a->columns = sj_fast_shared_find(a->run->shared, &key);
    a->columns_borrowed = a->columns != NULL;
    sj_status status = SJ_OK;
    if (a->columns == NULL) {
        status = sj_fast_columns_count(a, 0, err);
        a->columns_borrowed = status == SJ_OK;
        status = status == SJ_OK ? sj_fast_shared_keep(a->run->shared, &key, a->columns, bytes_of_columns(a->columns), sj_fast_columns_free, err) : status;
    }
    sj_fast_key_free(&key);
    return status;
}

sj_status sj_fast_side_prepare(sj_array *a, int64_t instance, sj_error *err) {
    find_side(a);
    if (a->side != NULL) {
        return SJ_OK;
    }
    SJ_TRY(a_bits(a, instance, err));
    a->present = a->run->skip ? &a->nonzero : &a->ones;
    SJ_TRY(a->run->skip ? SJ_OK : sj_fast_bits_make(&a->view_job.a, a->run->present, &a->ones, err));
    return sj_fast_lines_make(&a->view, &a->nonzero, &a->lines, err);
}

// ---- results

static sj_fast_key key_of_result(const sj_array *a) {
    const sj_accel *accel = a->run->accel;
    const sj_job *job = a->run->job;
    const int64_t numbers[] = {(int64_t)a->run->present, a->run->skip, accel->rows, accel->lanes, accel->slots, accel->k_tile, accel->a_bytes, accel->b_bytes, accel->line_bytes, accel->a_banks,
                               job->m, job->n, job->k, job->flags_per_lane, job->block_count};
    sj_fast_key key = sj_fast_key_of(SJ_SHARED_ARRAY);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        sj_fast_key_put(&key, numbers[i]);
    }
    sj_fast_key_operand(&key, &job->a);
    sj_fast_key_operand(&key, &job->b);
    for (int64_t i = 0; i < job->block_count; i++) {
        const sj_block *b = &job->blocks[i];
        const int64_t place[] = {b->m0, b->m1, b->n0, b->n1, b->k0, b->k1};
        for (size_t j = 0; j < sizeof place / sizeof *place; j++) {
            sj_fast_key_put(&key, place[j]);
        }
    }
    return key;
}

const sj_array_result *sj_fast_result_find(const sj_array *a) {
    if (!sj_fast_shares(a->run)) {
        return NULL;
    }
    sj_fast_key key = key_of_result(a);
    const sj_array_result *known = sj_fast_shared_find(a->run->shared, &key);
    sj_fast_key_free(&key);
    return known;
}

static void result_free(void *thing) {
    sj_array_result *r = thing;
    sj_fast_give_back(r->terms);
    sj_fast_give_back(r->work);
    sj_fast_give_back(r->step_first);
    sj_fast_give_back(r);
}

sj_status sj_fast_result_keep(sj_array *a, const sj_array_counts *counts, sj_error *err) {
    sj_array_result *r = NULL;
    SJ_TRY(sj_fast_take_zeroed(&r, 1, sizeof *r, "what jobs share", err));
    *r = (sj_array_result){.sums = a->sums, .counts = *counts, .terms = a->terms, .work = a->work, .step_first = a->step_first};
    a->terms = NULL;
    a->work = NULL;
    a->step_first = NULL;
    sj_fast_key key = key_of_result(a);
    const uint64_t bytes = (uint64_t)a->term_room * (sizeof *r->terms + (uint64_t)a->run->accel->rows * sizeof *r->work) + 8 * (uint64_t)(a->run->job->block_count + key.count);
    return sj_fast_shared_keep(a->run->shared, &key, r, bytes, result_free, err);
}
