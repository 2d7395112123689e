// SPDX-License-Identifier: Apache-2.0
#include "changes.h"

#include <string.h>

#include "room.h"

// ---- B by lanes

static int64_t tile_lanes(const sj_fast_run_info *run, int64_t tile) { return sj_fast_min(run->accel->lanes, run->job->n - tile * run->accel->lanes); }

// OR and AND over the lanes of each word of the steps; whether they differ anywhere.
static bool join_lanes(const sj_lanes *l, int64_t tile, int64_t lanes, const uint64_t *words) {
    bool apart = false;
    for (int64_t i = 0; i < l->steps * l->words; i++) {
        uint64_t any = 0, all = UINT64_MAX;
        for (int64_t lane = 0; lane < lanes; lane++) {
            any |= words[i * lanes + lane];
            all &= words[i * lanes + lane];
        }
        l->any[tile * l->steps * l->words + i] = any;
        l->all[tile * l->steps * l->words + i] = all;
        apart = apart || any != all;
    }
    return apart;
}

// The tiles' words stand at most one behind the other: of a tile whose lanes are alike nothing is kept.
static sj_status gather_lanes(const sj_fast_run_info *run, const sj_bits *b, sj_piece *pieces, sj_lanes *l, sj_error *err) {
    const int64_t tile_words = l->steps * l->words * run->accel->lanes;
    uint64_t *words = NULL;
    int64_t kept = 0, room = 0;
    SJ_TRY(sj_fast_take(&words, (uint64_t)tile_words, sizeof *words, "lane masks", err));
    for (int64_t tile = 0; tile < l->tiles; tile++) {
        const int64_t lanes = tile_lanes(run, tile);
        sj_fast_fetch(b, run->accel->k_tile, tile * run->accel->lanes, lanes, 0, run->job->k, pieces, words);
        if (!join_lanes(l, tile, lanes, words)) {
            l->first[tile] = -1;
            continue;
        }
        if (room == 0) {  // for this tile and all behind it
            room = (l->tiles - tile) * tile_words;
            if (sj_fast_take(&l->lane_words, (uint64_t)room, sizeof *l->lane_words, "lane masks", err) != SJ_OK) {
                sj_fast_give_back(words);
                return err->status;
            }
        }
        l->first[tile] = kept;
        memcpy(l->lane_words + kept, words, (size_t)(l->steps * l->words * lanes) * sizeof *words);
        kept += tile_words;
    }
    sj_fast_give_back(words);
    return SJ_OK;
}

static sj_status make_lanes(const sj_fast_run_info *run, const sj_bits *b_nonzero, sj_lanes *out, sj_error *err) {
    const uint64_t words = (uint64_t)(out->tiles * out->steps * out->words);
    sj_piece *pieces = NULL;
    SJ_TRY(sj_fast_take(&out->any, words, sizeof *out->any, "lane masks", err));
    SJ_TRY(sj_fast_take(&out->all, words, sizeof *out->all, "lane masks", err));
    SJ_TRY(sj_fast_take(&out->first, (uint64_t)out->tiles, sizeof *out->first, "lane masks", err));
    SJ_TRY(sj_fast_take(&pieces, (uint64_t)run->accel->lanes, sizeof *pieces, "lane masks", err));
    const sj_status status = gather_lanes(run, b_nonzero, pieces, out, err);
    sj_fast_give_back(pieces);
    return status;
}

sj_status sj_fast_lanes_make(const sj_fast_run_info *run, const sj_bits *b_nonzero, sj_lanes *out, sj_error *err) {
    *out = (sj_lanes){.tiles = sj_fast_ceil(run->job->n, run->accel->lanes), .steps = run->step_total, .words = run->step_words, .kernels = b_nonzero->kernels};
    const sj_status status = make_lanes(run, b_nonzero, out, err);
    if (status != SJ_OK) {
        sj_fast_lanes_free(out);
    }
    return status;
}

void sj_fast_lanes_free(sj_lanes *lanes) {
    sj_fast_give_back(lanes->any);
    sj_fast_give_back(lanes->all);
    sj_fast_give_back(lanes->first);
    sj_fast_give_back(lanes->lane_words);
    *lanes = (sj_lanes){0};
}

sj_status sj_fast_changes_scratch_make(const sj_fast_run_info *run, sj_changes_scratch *out, sj_error *err) {
    uint64_t **const rows[] = {&out->rows.issued, &out->rows.first, &out->rows.last, &out->differ};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        SJ_TRY(sj_fast_take(rows[i], (uint64_t)run->accel->rows, sizeof **rows[i], "row classes", err));
    }
    return sj_fast_take(&out->words, (uint64_t)(run->tile_rows * run->step_words), sizeof *out->words, "row classes", err);
}

void sj_fast_changes_scratch_free(sj_changes_scratch *scratch) {
    void *const all[] = {scratch->rows.issued, scratch->rows.first, scratch->rows.last, scratch->differ, scratch->words};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        sj_fast_give_back(all[i]);
    }
}

// ---- the ends of a window's tiles

void sj_fast_ends_free(sj_window_ends *ends) {
    sj_fast_give_back(ends->all.settled);
    sj_fast_give_back(ends->all.issued);
    sj_fast_give_back(ends->all.first);
    sj_fast_give_back(ends->all.last);
    *ends = (sj_window_ends){0};
}

sj_status sj_fast_ends_make(const sj_fast_run_info *run, int64_t tiles, sj_window_ends *ends, sj_error *err) {
    const uint64_t rows = (uint64_t)(tiles * run->accel->rows), words = rows * (uint64_t)sj_fast_lane_words(run);
    sj_tile_ends *all = &ends->all;
    if (tiles > ends->room) {
        sj_fast_ends_free(ends);
        SJ_TRY(sj_fast_take(&all->settled, (uint64_t)tiles, sizeof *all->settled, "tiles", err));
        SJ_TRY(sj_fast_take(&all->issued, rows, sizeof *all->issued, "tiles", err));
        SJ_TRY(sj_fast_take(&all->first, words, sizeof *all->first, "tiles", err));
        SJ_TRY(sj_fast_take(&all->last, words, sizeof *all->last, "tiles", err));
        ends->room = tiles;
    }
    ends->tiles = tiles;
    memset(all->settled, 0, (size_t)tiles * sizeof *all->settled);
    memset(all->issued, 0, rows * sizeof *all->issued);
    return SJ_OK;
}

sj_tile_ends sj_fast_ends_of(const sj_fast_run_info *run, const sj_window_ends *ends, int64_t tile) {
    const int64_t rows = tile * run->accel->rows, words = rows * sj_fast_lane_words(run);
    return (sj_tile_ends){ends->all.settled + tile, ends->all.issued + rows, ends->all.first + words, ends->all.last + words};
}

// ---- lanes that see a step alike

static uint64_t lanes_of_word(int64_t lanes, int64_t w) { return lanes >= 64 * (w + 1) ? UINT64_MAX : lanes <= 64 * w ? 0 : (UINT64_C(1) << (lanes - 64 * w)) - 1; }

static bool same_words(const uint64_t *a, const uint64_t *b, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        if (a[i] != b[i]) {
            return false;
        }
    }
    return true;
}

static void join_masks(uint64_t *restrict to, const uint64_t *restrict from, uint64_t mask, int64_t n) {
    for (int64_t r = 0; r < n; r++) {
        to[r] |= from[r] & mask;
    }
}

// On skip an issue meets lanes that are all nonzero: what remains is whether a row has one.
static void summarise_skip(const sj_fast_run_info *run, const sj_changes_step *s, const uint64_t *any, sj_changes_scratch *t) {
    const int64_t physical = run->accel->rows;
    memset(t->rows.issued, 0, (size_t)physical * sizeof *t->rows.issued);
    for (int64_t w = 0; w < run->step_words; w++) {
        for (int64_t m = 0; m < s->rows; m += physical) {
            join_masks(t->rows.issued, s->present + w * s->rows + m, any[w], sj_fast_min(physical, s->rows - m));
        }
    }
    for (int64_t r = 0; r < physical; r++) {
        t->rows.issued[r] = t->rows.issued[r] != 0 ? UINT64_MAX : 0;
        t->rows.first[r] = t->rows.last[r] = t->rows.issued[r];
    }
    t->changes = 0;
}

// Whether the lanes of a tile have one mask in the step whose words begin at `at`.
static bool alike(const sj_lanes *l, int64_t tile, int64_t at) { return l->first[tile] < 0 || same_words(l->any + at, l->all + at, l->words); }

// The last column tile's summary stands for the next where its masks are the same, as they are on a dense weight.
static void summarise(const sj_fast_run_info *run, const sj_fast_kernels *kernels, sj_changes_step *s, const uint64_t *any, const uint64_t *active, sj_changes_scratch *t) {
    if (s->known && same_words(s->any, any, run->step_words) && same_words(s->active, active, run->step_words)) {
        return;
    }
    memcpy(s->any, any, (size_t)run->step_words * sizeof *any);
    memcpy(s->active, active, (size_t)run->step_words * sizeof *any);
    s->known = true;
    if (run->skip) {
        summarise_skip(run, s, any, t);
        return;
    }
    const sj_fast_classes c = {.present = s->present, .nonzero = s->nonzero, .rows = s->rows, .words = run->step_words, .physical = run->accel->rows, .any = any, .lanes = active, .lane_count = 1};
    t->changes = kernels->row_changes(&c, &t->rows, t->words);
}

static uint64_t apply_word(const sj_fast_rows *rows, int64_t n, uint64_t valid, const uint64_t *restrict issued, uint64_t *restrict first, uint64_t *restrict last, uint64_t *restrict differ, const sj_fast_kernels *kernels) {
    for (int64_t r = 0; r < n; r++) {
        const uint64_t now = rows->issued[r], begins = rows->first[r] & valid;
        differ[r] = (last[r] ^ begins) & now & issued[r];
        first[r] = (first[r] & issued[r]) | (begins & now & ~issued[r]);
        last[r] = (last[r] & ~now) | (rows->last[r] & valid & now);
    }
    return kernels->popcount(differ, n);
}

static uint64_t apply_summary(const sj_fast_run_info *run, const sj_fast_kernels *kernels, sj_changes_scratch *t, int64_t row_count, int64_t lanes, const sj_tile_ends *ends) {
    const int64_t physical = run->accel->rows;
    uint64_t changes = (uint64_t)lanes * t->changes, open = 0;
    for (int64_t w = 0; w < sj_fast_lane_words(run); w++) {
        const uint64_t valid = lanes_of_word(lanes, w);
        changes += apply_word(&t->rows, row_count, valid, ends->issued, ends->first + w * physical, ends->last + w * physical, t->differ, kernels);
        for (int64_t r = 0; r < row_count; r++) {
            open |= ends->last[w * physical + r] ^ valid;
        }
    }
    for (int64_t r = 0; r < row_count; r++) {
        ends->issued[r] |= t->rows.issued[r];
        open |= ~ends->issued[r];
    }
    *ends->settled = run->skip && open == 0;
    return changes;
}

// ---- lanes apart

// Row r's first issue, if it has one in this step.
static void note_first(const sj_fast_kernels *kernels, const sj_fast_classes *c, int64_t r, int64_t lane_words, const sj_tile_ends *ends) {
    uint64_t class[4];
    for (int64_t m = r; m < c->rows; m += c->physical) {
        for (int64_t w = 0; w < c->words; w++) {
            const uint64_t issued = c->present[w * c->rows + m] & c->any[w];
            if (issued == 0) {
                continue;
            }
            memset(class, 0, sizeof class);
            kernels->test(c->lanes + w * c->lane_count, c->lane_count, issued & (~issued + 1) & c->nonzero[w * c->rows + m], class);
            for (int64_t i = 0; i < lane_words; i++) {
                ends->first[i * c->physical + r] = ends->last[i * c->physical + r] = class[i];  // the latest as well, so that it is no change
            }
            ends->issued[r] = UINT64_MAX;
            return;
        }
    }
}

static uint64_t count_apart(const sj_fast_kernels *kernels, const sj_fast_classes *c, int64_t lane_words, const sj_tile_ends *ends) {
    for (int64_t r = 0; r < sj_fast_min(c->physical, c->rows); r++) {
        if (ends->issued[r] == 0) {
            note_first(kernels, c, r, lane_words, ends);
        }
    }
    *ends->settled = false;
    return kernels->changes(c, ends->last, c->physical);
}

static uint64_t count_tile(const sj_fast_run_info *run, const sj_lanes *lanes, sj_changes_scratch *scratch, sj_changes_step *step, int64_t tile, const uint64_t *any, const sj_tile_ends *ends) {
    const int64_t lane_count = tile_lanes(run, tile), at = (tile * lanes->steps + step->k_step) * lanes->words;
    if (alike(lanes, tile, at)) {
        summarise(run, lanes->kernels, step, any, lanes->any + at, scratch);
        return apply_summary(run, lanes->kernels, scratch, sj_fast_min(run->accel->rows, step->rows), lane_count, ends);
    }
    const sj_fast_classes c = {.present = step->present, .nonzero = step->nonzero, .rows = step->rows, .words = lanes->words, .physical = run->accel->rows, .any = any,
                               .lanes = lanes->lane_words + lanes->first[tile] + step->k_step * lanes->words * lane_count, .lane_count = lane_count};
    return count_apart(lanes->kernels, &c, sj_fast_lane_words(run), ends);
}

uint64_t sj_fast_changes_count(const sj_fast_run_info *run, const sj_lanes *lanes, sj_changes_scratch *scratch, sj_changes_step *step, const uint64_t *any_b, const sj_window_ends *ends) {
    uint64_t changes = 0;
    step->known = false;
    for (int64_t n = 0; n < step->tile_count; n++) {
        const int64_t tile = step->first_tile + n, end = step->first_end + n * step->end_pitch;
        if (ends->all.settled[end] && alike(lanes, tile, (tile * lanes->steps + step->k_step) * lanes->words)) {
            continue;  // lanes that are all active stay so
        }
        const sj_tile_ends e = sj_fast_ends_of(run, ends, end);
        changes += count_tile(run, lanes, scratch, step, tile, any_b + n * lanes->steps * lanes->words, &e);
    }
    return changes;
}

static void join_word(int64_t rows, const uint64_t *restrict issued, const uint64_t *restrict first, const uint64_t *restrict last, uint64_t *restrict state, uint64_t *restrict differ) {
    for (int64_t r = 0; r < rows; r++) {
        differ[r] = (state[r] ^ first[r]) & issued[r];
        state[r] = (state[r] & ~issued[r]) | (last[r] & issued[r]);
    }
}

uint64_t sj_fast_changes_join(const sj_fast_run_info *run, const sj_fast_kernels *kernels, const sj_window_ends *ends, uint64_t *state, uint64_t *differ) {
    const int64_t rows = run->accel->rows;
    uint64_t changes = 0;
    for (int64_t tile = 0; tile < ends->tiles; tile++) {
        const sj_tile_ends e = sj_fast_ends_of(run, ends, tile);
        for (int64_t w = 0; w < sj_fast_lane_words(run); w++) {
            join_word(rows, e.issued, e.first + w * rows, e.last + w * rows, state + w * rows, differ);
            changes += kernels->popcount(differ, rows);
        }
    }
    return changes;
}
