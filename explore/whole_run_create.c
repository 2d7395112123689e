// SPDX-License-Identifier: Apache-2.0
// A fit begins: steps find their rows, iterations are sorted by epoch and state.
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "whole_run_internal.h"

static sj_status allocate(sj_run_fit *f, sj_error *err) {
    const uint64_t rows = (uint64_t)f->o.ledger->rows, steps = (uint64_t)f->o.step_count + 1;
    const struct {
        void **to;
        uint64_t count;
        size_t size;
    } rooms[] = {{(void **)&f->steps, steps, sizeof *f->steps},
                 {(void **)&f->step_of_row, rows, sizeof *f->step_of_row},
                 {(void **)&f->epochs, rows, sizeof *f->epochs},
                 {(void **)&f->cells, rows, sizeof *f->cells},
                 {(void **)&f->cell_of_row, rows, sizeof *f->cell_of_row},
                 {(void **)&f->rows_by_cell, rows, sizeof *f->rows_by_cell},
                 {(void **)&f->mean_kept, rows, sizeof *f->mean_kept}};
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        SJ_TRY(sj_alloc(rooms[i].to, rooms[i].count, rooms[i].size, "the iterations of a run", err));
    }
    return SJ_OK;
}

static sj_status place_steps(sj_run_fit *f, sj_error *err) {
    void *memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)f->o.step_count + 1, sizeof(int64_t), "the steps of a run", err));
    int64_t *rows = memory;
    const sj_status status = sj_run_match(f->o.path, f->o.ledger, f->o.steps, f->o.step_count, rows, err);
    for (int64_t row = 0; row < f->o.ledger->rows; row++) {
        f->step_of_row[row] = -1;
        f->mean_kept[row] = sj_run_mean_kept(f->o.ledger, row);
    }
    for (int s = 0; s < f->o.step_count && status == SJ_OK; s++) {
        f->steps[s] = (run_step){.row = rows[s], .skipped = sj_step_is_skipped(&f->o.steps[s]), .state = -1, .class = -1};
        if (rows[s] >= 0) {
            f->step_of_row[rows[s]] = s;
            f->steps[s].state = f->states.state_of_row[rows[s]];
            f->steps[s].class = f->states.class_of_row[rows[s]];
        }
    }
    free(rows);
    return status;
}

// Cells of the epoch at hand stand at the end of the list.
static int cell_of(sj_run_fit *f, int epoch, int state) {
    for (int c = f->cell_count - 1; c >= 0 && f->cells[c].epoch == epoch; c--) {
        if (f->cells[c].state == state) {
            return c;
        }
    }
    f->cells[f->cell_count] = (run_cell){.epoch = epoch, .state = state};
    return f->cell_count++;
}

static void sort_rows(sj_run_fit *f) {
    const sj_ledger *l = f->o.ledger;
    for (int64_t row = 0; row < l->rows; row++) {
        if (f->epoch_count == 0 || f->epochs[f->epoch_count - 1] != l->epoch[row]) {
            f->epochs[f->epoch_count++] = l->epoch[row];
        }
        f->cell_of_row[row] = cell_of(f, f->epoch_count - 1, f->states.state_of_row[row]);
        f->cells[f->cell_of_row[row]].count++;
    }
    int64_t next = 0;
    for (int c = 0; c < f->cell_count; c++) {
        f->cells[c].first = next;
        next += f->cells[c].count;
        f->cells[c].count = 0;
    }
    for (int64_t row = 0; row < l->rows; row++) {
        run_cell *c = &f->cells[f->cell_of_row[row]];
        f->rows_by_cell[c->first + c->count++] = row;
    }
}

static sj_status make_sums(sj_run_fit *f, sj_error *err) {
    void *memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)f->cell_count * (uint64_t)f->o.variant_count, sizeof *f->sums, "the sums of a run", err));
    f->sums = memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)f->states.state_count * (uint64_t)f->o.variant_count, sizeof *f->simulated_pj, "the sums of a run", err));
    f->simulated_pj = memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)f->states.state_count * (uint64_t)f->o.variant_count, ((size_t)f->o.step_count + 1) * sizeof *f->given_pj, "the sums of a run", err));
    f->given_pj = memory;
    return SJ_OK;
}

static sj_status begin(sj_run_fit *f, sj_error *err) {
    if (f->o.ledger->rows == 0) {
        char unfinished[SJ_UNFINISHED_MAX];
        sj_trace_unfinished(f->o.path, unfinished);
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: it has no ledger, so that nothing tells which iterations the run had; a ledger comes with the end of a training%s", f->o.path, unfinished[0] != '\0' ? unfinished : ", or with a plan (train --plan)");
    }
    SJ_TRY(allocate(f, err));
    SJ_TRY(sj_run_states_find(f->o.ledger, &f->states, err));
    SJ_TRY(place_steps(f, err));
    sort_rows(f);
    SJ_TRY(make_sums(f, err));
    return sj_run_check_cover(f, err);
}

sj_status sj_run_fit_create(const sj_run_fit_options *options, sj_run_fit **out, sj_error *err) {
    void *memory;
    *out = NULL;
    SJ_TRY(sj_alloc(&memory, 1, sizeof(sj_run_fit), "a whole run", err));
    sj_run_fit *f = memory;
    f->o = *options;
    if (begin(f, err) != SJ_OK) {
        sj_run_fit_free(f);
        return err->status;
    }
    *out = f;
    return SJ_OK;
}

void sj_run_fit_free(sj_run_fit *f) {
    if (f == NULL) {
        return;
    }
    for (int s = 0; f->steps != NULL && s < f->o.step_count; s++) {
        free(f->steps[s].x);
        free(f->steps[s].counts);
    }
    void *const rooms[] = {f->steps, f->step_of_row, f->epochs, f->cells, f->cell_of_row, f->rows_by_cell, f->units, f->mean_kept, f->sums, f->simulated_pj, f->unit_counts, f->given_pj, f->left_out_pj, f->own_pj, f->left};
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        free(rooms[i]);
    }
    sj_run_states_free(&f->states);
    free(f);
}
