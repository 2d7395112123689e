// SPDX-License-Identifier: Apache-2.0
// Buffer lines of the A operand (docs/timing.md section 4): the distinct groups (unit, chunk) that a step touches, each read once and whole.
#include <stdlib.h>
#include <string.h>

#include "sj_fast_internal.h"
#include "sj_file.h"

#define GROUP_MAX 256  // k_tile at most

static int64_t lines_of(const sj_fast_run_info *run, int64_t values) { return sj_fast_ceil(run->value_bytes * values, run->accel->line_bytes); }

static int64_t batch_pixels(const sj_operand *o) { return o->images * o->source_h * o->source_w; }

// [stored pixel][chunk]
static void fill_window(const sj_fast_run_info *run, const sj_bits *nonzero, const sj_lines *lines) {
    const sj_operand *o = nonzero->operand;
    const int64_t pixels = o->stored_images * o->source_h * o->source_w, k_tile = run->accel->k_tile;
#pragma omp parallel for schedule(static) if (pixels * lines->chunks > 65536)
    for (int64_t pixel = 0; pixel < pixels; pixel++) {
        for (int64_t chunk = 0; chunk < lines->chunks; chunk++) {
            const int64_t end = sj_fast_min((chunk + 1) * k_tile, o->channel_count);
            const int64_t count = sj_fast_count_range(nonzero->rows + pixel * nonzero->row_stride, chunk * k_tile, end);
            lines->table[pixel * lines->chunks + chunk] = (uint16_t)lines_of(run, count);
        }
    }
}

// One chunk of pixels for every channel; counts has row_words * 64 cells.
static void fill_pixel_chunk(const sj_fast_run_info *run, const sj_bits *nonzero, int64_t chunk, uint32_t *counts, uint16_t *to) {
    const sj_operand *o = nonzero->operand;
    const int64_t plane = o->source_h * o->source_w, first = chunk * run->accel->k_tile;
    const int64_t rows = sj_fast_min(run->accel->k_tile, batch_pixels(o) - first);
    memset(counts, 0, (size_t)(nonzero->row_words * 64) * sizeof *counts);
    for (int64_t w = 0; w < nonzero->row_words; w++) {
        uint64_t column[GROUP_MAX];
        for (int64_t j = 0; j < rows; j++) {
            const int64_t pixel = (first + j) / plane % o->stored_images * plane + (first + j) % plane;
            column[j] = nonzero->rows[pixel * nonzero->row_stride + w];
        }
        sj_fast_count_columns(column, rows, 1, counts + 64 * w);
    }
    for (int64_t c = 0; c < o->channel_count; c++) {
        to[c] = (uint16_t)lines_of(run, counts[c]);
    }
}

// [chunk][channel]
static sj_status fill_transposed(const sj_fast_run_info *run, const sj_bits *nonzero, const sj_lines *lines, sj_error *err) {
    uint32_t *counts = NULL;
    SJ_TRY(sj_alloc((void **)&counts, (uint64_t)nonzero->row_words * 64, sizeof *counts, "line counts", err));
    for (int64_t chunk = 0; chunk < lines->chunks; chunk++) {
        fill_pixel_chunk(run, nonzero, chunk, counts, lines->table + chunk * nonzero->operand->channel_count);
    }
    free(counts);
    return SJ_OK;
}

sj_status sj_fast_lines_make(const sj_fast_run_info *run, const sj_bits *nonzero, sj_lines *out, sj_error *err) {
    const sj_operand *o = &run->job->a;
    const int64_t k_tile = run->accel->k_tile;
    const bool transposed = o->kind == SJ_OPERAND_WINDOW_T;
    const int64_t unit_values = transposed ? batch_pixels(o) : o->channel_count;
    *out = (sj_lines){.operand = o, .k_tile = k_tile, .banks = run->accel->a_banks, .whole = !run->skip, .chunks = sj_fast_ceil(unit_values, k_tile)};
    if (o->tap_count > 1 && transposed) {
        out->stamp_count = out->chunks * o->channel_count;
    } else if (o->tap_count > 1 && o->channel_count % k_tile != 0) {  // else a step lies within one tap
        out->stamp_count = batch_pixels(o) * out->chunks;
    }
    if (out->whole) {
        out->full = lines_of(run, k_tile);
        out->last = lines_of(run, unit_values - (out->chunks - 1) * k_tile);
        return SJ_OK;
    }
    const int64_t groups = out->chunks * (transposed ? o->channel_count : o->stored_images * o->source_h * o->source_w);
    SJ_TRY(sj_alloc((void **)&out->table, (uint64_t)groups, sizeof *out->table, "line counts", err));
    if (transposed) {
        return fill_transposed(run, nonzero, out, err);
    }
    fill_window(run, nonzero, out);
    return SJ_OK;
}

void sj_fast_lines_free(sj_lines *lines) {
    free(lines->table);
    *lines = (sj_lines){0};
}

// A group that was not read in this step yet: adds its lines to its bank.
static void read_group(const sj_lines *l, sj_lines_scratch *scratch, int64_t group, int64_t table_group, int64_t unit, int64_t chunk) {
    if (l->stamp_count > 0) {
        if (scratch->stamp[group] == scratch->now) {
            return;
        }
        scratch->stamp[group] = scratch->now;
    }
    const int64_t lines = !l->whole ? l->table[table_group] : chunk == l->chunks - 1 ? l->last : l->full;
    const int64_t bank = unit <= UINT32_MAX ? (int64_t)((uint32_t)unit % (uint32_t)l->banks) : unit % l->banks;  // the short division is the faster one
    scratch->bank[bank] += (uint64_t)lines;
}

static void count_window(const sj_lines *l, sj_lines_scratch *scratch, int64_t m, int64_t rows, int64_t k0, int64_t k1) {
    const sj_operand *o = l->operand;
    for (int64_t k = k0; k < k1;) {
        const sj_tap *tap = &o->taps[k / o->channel_count];
        const int64_t channel = k % o->channel_count, n = sj_fast_min(o->channel_count - channel, k1 - k);
        const int64_t first = channel / l->k_tile, last = (channel + n - 1) / l->k_tile;
        sj_position p = sj_fast_position(o, m);
        for (int64_t row = 0; row < rows; row++, sj_fast_position_next(o, &p)) {
            const int64_t stored = sj_fast_stored_pixel(o, &p, tap), unit = sj_fast_batch_pixel(o, &p, stored);
            for (int64_t chunk = first; stored >= 0 && chunk <= last; chunk++) {
                read_group(l, scratch, unit * l->chunks + chunk, stored * l->chunks + chunk, unit, chunk);
            }
        }
        k += n;
    }
}

// Chunks of source pixels that a tap sees from positions [k0,k1), ascending (pixels ascend with positions); at most one a position.
static int64_t seen_chunks(const sj_lines *l, const sj_tap *tap, int64_t k0, int64_t k1, int64_t *chunks) {
    int64_t count = 0;
    sj_position p = sj_fast_position(l->operand, k0);
    for (int64_t k = k0; k < k1; k++, sj_fast_position_next(l->operand, &p)) {
        const int64_t stored = sj_fast_stored_pixel(l->operand, &p, tap);
        const int64_t chunk = sj_fast_batch_pixel(l->operand, &p, stored) / l->k_tile;
        if (stored >= 0 && (count == 0 || chunks[count - 1] != chunk)) {
            chunks[count++] = chunk;
        }
    }
    return count;
}

static void count_transposed(const sj_lines *l, sj_lines_scratch *scratch, int64_t m, int64_t rows, int64_t k0, int64_t k1) {
    const sj_operand *o = l->operand;
    for (int64_t row = 0; row < rows;) {
        const int64_t tap = (m + row) / o->channel_count, c0 = (m + row) % o->channel_count;
        const int64_t c1 = sj_fast_min(o->channel_count, c0 + rows - row);
        int64_t chunks[GROUP_MAX];
        const int64_t count = seen_chunks(l, &o->taps[tap], k0, k1, chunks);
        for (int64_t i = 0; i < count; i++) {
            for (int64_t c = c0; c < c1; c++) {
                const int64_t group = chunks[i] * o->channel_count + c;
                read_group(l, scratch, group, group, c, chunks[i]);
            }
        }
        row += c1 - c0;
    }
}

void sj_fast_lines_count(const sj_lines *lines, sj_lines_scratch *scratch, int64_t m, int64_t rows, int64_t k0, int64_t k1, uint32_t *largest, uint64_t *sum) {
    memset(scratch->bank, 0, (size_t)lines->banks * sizeof *scratch->bank);
    if (lines->stamp_count > 0 && ++scratch->now == 0) {
        memset(scratch->stamp, 0, (size_t)lines->stamp_count * sizeof *scratch->stamp);
        scratch->now = 1;
    }
    if (lines->operand->kind == SJ_OPERAND_WINDOW) {
        count_window(lines, scratch, m, rows, k0, k1);
    } else {
        count_transposed(lines, scratch, m, rows, k0, k1);
    }
    uint64_t most = 0, all = 0;
    for (int64_t bank = 0; bank < lines->banks; bank++) {
        most = sj_fast_max(most, scratch->bank[bank]);
        all += scratch->bank[bank];
    }
    *largest = (uint32_t)most;
    *sum = all;
}
