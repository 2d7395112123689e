// SPDX-License-Identifier: Apache-2.0
// Buffer lines of the A operand (docs/timing.md section 4): the distinct groups (unit, chunk) that a step touches, each read once and whole.
#include <string.h>

#include "room.h"
#include "sj_fast_internal.h"

#define GROUP_MAX SJ_FAST_GROUP_MAX

static int64_t lines_of(const sj_fast_run_info *run, int64_t values) { return sj_fast_ceil(run->value_bytes * values, run->accel->line_bytes); }

static int64_t batch_pixels(const sj_operand *o) { return o->images * o->source_h * o->source_w; }

static int64_t stored_pixels(const sj_operand *o) { return o->stored_images * o->source_h * o->source_w; }

// ---- WINDOW: lines of [stored pixel][chunk]

static void fill_chunk(const sj_fast_run_info *run, const sj_bits *nonzero, const sj_lines *lines, int64_t chunk) {
    const int64_t begin = chunk * run->accel->k_tile, end = sj_fast_min(begin + run->accel->k_tile, nonzero->operand->channel_count);
    const uint16_t whole = (uint16_t)lines_of(run, end - begin);
    for (int64_t pixel = 0; pixel < stored_pixels(nonzero->operand); pixel++) {
        const uint64_t *row = nonzero->rows + pixel * nonzero->row_stride;
        lines->table[pixel * lines->chunks + chunk] = run->skip ? (uint16_t)lines_of(run, sj_fast_count_range(row, begin, end)) : whole;
    }
}

static sj_status fill_window(const sj_fast_run_info *run, const sj_bits *nonzero, sj_lines *lines, sj_error *err) {
    const int64_t groups = stored_pixels(nonzero->operand) * lines->chunks;
    SJ_TRY(sj_fast_take(&lines->table, (uint64_t)groups, sizeof *lines->table, "line counts", err));
    if (!run->skip || run->accel->k_tile != 64) {
        for (int64_t chunk = 0; chunk < lines->chunks; chunk++) {
            fill_chunk(run, nonzero, lines, chunk);
        }
        return SJ_OK;
    }
    uint8_t counts[GROUP_MAX];  // a chunk is a word
    uint16_t of_values[65];
    for (int64_t n = 0; n <= 64; n++) {
        of_values[n] = (uint16_t)lines_of(run, n);
    }
    for (int64_t first = 0; first < groups; first += GROUP_MAX) {
        const int64_t n = sj_fast_min(GROUP_MAX, groups - first);
        nonzero->kernels->word_counts(nonzero->rows + first, n, counts);
        for (int64_t i = 0; i < n; i++) {
            lines->table[first + i] = of_values[counts[i]];
        }
    }
    return SJ_OK;
}

// ---- WINDOW_T: prefix[chunk][c] = lines of channels c - banks, c - 2*banks, ..., for c up to channel_count + banks

// Present values of each channel in pixels [first, first + n) of the batch; sums has row_words * 64 cells.
static void count_channels(const sj_bits *nonzero, int64_t first, int64_t n, uint16_t *sums) {
    const sj_operand *o = nonzero->operand;
    const int64_t stored = stored_pixels(o);
    memset(sums, 0, (size_t)(nonzero->row_words * 64) * sizeof *sums);
    for (int64_t from = first; from < first + n; from += 64) {
        const int64_t here = sj_fast_min(64, first + n - from);
        for (int64_t w = 0; w < nonzero->row_words; w++) {
            uint64_t block[64] = {0}, turned[64];
            uint8_t counts[64];
            int64_t pixel = from % stored;
            for (int64_t j = 0; j < here; j++) {
                block[j] = nonzero->rows[pixel * nonzero->row_stride + w];
                pixel = pixel + 1 == stored ? 0 : pixel + 1;
            }
            nonzero->kernels->transpose(block, turned);
            nonzero->kernels->word_counts(turned, 64, counts);
            for (int c = 0; c < 64; c++) {
                sums[64 * w + c] = (uint16_t)(sums[64 * w + c] + counts[c]);
            }
        }
    }
}

static sj_status fill_transposed(const sj_fast_run_info *run, const sj_bits *nonzero, sj_lines *lines, sj_error *err) {
    const int64_t channels = nonzero->operand->channel_count, pitch = channels + lines->banks, k_tile = run->accel->k_tile;
    uint16_t *sums = NULL;
    SJ_TRY(sj_fast_take_zeroed(&lines->prefix, (uint64_t)(lines->chunks * pitch), sizeof *lines->prefix, "line counts", err));
    SJ_TRY(sj_fast_take(&sums, (uint64_t)nonzero->row_words * 64, sizeof *sums, "line counts", err));
    for (int64_t chunk = 0; chunk < lines->chunks; chunk++) {
        const int64_t first = chunk * k_tile, n = sj_fast_min(k_tile, batch_pixels(nonzero->operand) - first);
        uint32_t *prefix = lines->prefix + chunk * pitch;
        if (run->skip) {
            count_channels(nonzero, first, n, sums);
        }
        for (int64_t c = 0; c < channels; c++) {
            prefix[c + lines->banks] = prefix[c] + (uint32_t)lines_of(run, run->skip ? sums[c] : n);
        }
    }
    sj_fast_give_back(sums);
    return SJ_OK;
}

sj_status sj_fast_lines_make(const sj_fast_run_info *run, const sj_bits *nonzero, sj_lines *out, sj_error *err) {
    const sj_operand *o = &run->job->a;
    const int64_t k_tile = run->accel->k_tile;
    const bool transposed = o->kind == SJ_OPERAND_WINDOW_T;
    *out = (sj_lines){.operand = o, .k_tile = k_tile, .banks = run->accel->a_banks, .chunks = sj_fast_ceil(transposed ? batch_pixels(o) : o->channel_count, k_tile)};
    if (transposed) {
        out->stamp_count = out->chunks;
        return fill_transposed(run, nonzero, out, err);
    }
    if (o->tap_count > 1 && o->channel_count % k_tile != 0) {  // else a step lies within one tap and one chunk
        out->stamp_count = batch_pixels(o) * out->chunks;
    }
    return fill_window(run, nonzero, out, err);
}

void sj_fast_lines_free(sj_lines *lines) {
    sj_fast_give_back(lines->table);
    sj_fast_give_back(lines->prefix);
    *lines = (sj_lines){0};
}

// ---- one step

// One tap and one chunk: every row that sees a pixel reads a group of its own.
static void count_one_tap(const sj_lines *l, sj_lines_scratch *s, int64_t m, int64_t rows, int64_t k0) {
    const sj_operand *o = l->operand;
    const int64_t tap = k0 / o->channel_count, chunk = (k0 - tap * o->channel_count) / l->k_tile, turn = sj_fast_mod(o->stride, l->banks), pitch = o->stride * l->chunks;
    if (s->tap != tap || s->m != m || s->rows != rows) {
        s->piece_count = sj_fast_pieces(o, &o->taps[tap], m, rows, s->pieces);
        s->tap = tap;
        s->m = m;
        s->rows = rows;
    }
    for (int64_t i = 0; i < s->piece_count; i++) {
        const sj_piece *p = &s->pieces[i];
        const uint16_t *lines = l->table + p->stored * l->chunks + chunk;
        int64_t bank = sj_fast_mod(p->unit, l->banks);
        for (int64_t j = 0; j < p->count; j++, lines += pitch) {
            s->bank[bank] += *lines;
            bank += turn;
            bank -= bank >= l->banks ? l->banks : 0;
        }
    }
}

// A piece's groups [chunk] that were not read in this step yet.
static void read_piece(const sj_lines *l, sj_lines_scratch *s, const sj_piece *p, int64_t chunk) {
    for (int64_t j = 0; j < p->count; j++) {
        const int64_t step = j * l->operand->stride, unit = p->unit + step, group = unit * l->chunks + chunk;
        if (s->stamp[group] != s->now) {
            s->stamp[group] = s->now;
            s->bank[unit % l->banks] += l->table[(p->stored + step) * l->chunks + chunk];
        }
    }
}

static void count_taps(const sj_lines *l, sj_lines_scratch *s, int64_t m, int64_t rows, int64_t k0, int64_t k1) {
    const sj_operand *o = l->operand;
    for (int64_t k = k0; k < k1;) {
        const int64_t tap = k / o->channel_count, channel = k % o->channel_count, n = sj_fast_min(o->channel_count - channel, k1 - k);
        const int64_t count = sj_fast_pieces(o, &o->taps[tap], m, rows, s->pieces);
        for (int64_t i = 0; i < count; i++) {
            for (int64_t chunk = channel / l->k_tile; chunk <= (channel + n - 1) / l->k_tile; chunk++) {
                read_piece(l, s, &s->pieces[i], chunk);
            }
        }
        k += n;
    }
    s->tap = -1;
}

// Chunks of source pixels that the pieces touch, ascending; at most one a position.
static int64_t seen_chunks(const sj_lines *l, const sj_piece *pieces, int64_t count, int64_t *chunks) {
    int64_t found = 0, last = -1;
    for (int64_t i = 0; i < count; i++) {
        const int64_t end = pieces[i].unit + (pieces[i].count - 1) * l->operand->stride;
        for (int64_t unit = pieces[i].unit; unit <= end;) {
            const int64_t chunk = sj_fast_div(unit, l->k_tile), next = (chunk + 1) * l->k_tile;
            if (chunk != last) {
                chunks[found++] = last = chunk;
            }
            unit += l->operand->stride == 1 ? next - unit : sj_fast_div(next - unit + l->operand->stride - 1, l->operand->stride) * l->operand->stride;
        }
    }
    return found;
}

// Lines of channels [c0,c1) of one chunk by bank, as differences of prefixes.
static void add_channels(const sj_lines *l, sj_lines_scratch *s, int64_t chunk, int64_t c0, int64_t c1) {
    const uint32_t *prefix = l->prefix + chunk * (l->operand->channel_count + l->banks);
    int64_t end = sj_fast_mod(c1, l->banks), begin = sj_fast_mod(c0, l->banks);
    for (int64_t j = 0; j < l->banks; j++) {
        s->bank[end] += prefix[c1 + j];
        s->bank[begin] -= prefix[c0 + j];
        end = end + 1 == l->banks ? 0 : end + 1;
        begin = begin + 1 == l->banks ? 0 : begin + 1;
    }
}

// The rows are channels [c0,end) of a tap, all channels of further taps, and channels [0,c1) of a last one. So what a chunk has had read is always its channels from some one on.
static void count_transposed(const sj_lines *l, sj_lines_scratch *s, int64_t m, int64_t rows, int64_t k0, int64_t k1) {
    const sj_operand *o = l->operand;
    for (int64_t row = 0; row < rows;) {
        const int64_t tap = (m + row) / o->channel_count, c0 = m + row - tap * o->channel_count, c1 = sj_fast_min(o->channel_count, c0 + rows - row);
        sj_piece pieces[GROUP_MAX];
        int64_t chunks[GROUP_MAX];
        const int64_t count = seen_chunks(l, pieces, sj_fast_pieces(o, &o->taps[tap], k0, k1 - k0, pieces), chunks);
        for (int64_t i = 0; i < count; i++) {
            const int64_t had = s->stamp[chunks[i]] == s->now ? s->had_from[chunks[i]] : o->channel_count;
            if (c0 < had) {
                add_channels(l, s, chunks[i], c0, sj_fast_min(c1, had));
            }
            s->stamp[chunks[i]] = s->now;
            s->had_from[chunks[i]] = (int32_t)sj_fast_min(c0, had);
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
    if (lines->operand->kind == SJ_OPERAND_WINDOW_T) {
        count_transposed(lines, scratch, m, rows, k0, k1);
    } else if (lines->stamp_count > 0) {
        count_taps(lines, scratch, m, rows, k0, k1);
    } else {
        count_one_tap(lines, scratch, m, rows, k0);
    }
    uint64_t most = 0, all = 0;
    for (int64_t bank = 0; bank < lines->banks; bank++) {
        most = sj_fast_max(most, scratch->bank[bank]);
        all += scratch->bank[bank];
    }
    *largest = (uint32_t)most;
    *sum = all;
}

sj_status sj_fast_lines_scratch_make(const sj_lines *lines, int64_t rows, sj_lines_scratch *out, sj_error *err) {
    *out = (sj_lines_scratch){.tap = -1};
    SJ_TRY(sj_fast_take_zeroed(&out->stamp, (uint64_t)lines->stamp_count, sizeof *out->stamp, "line groups", err));
    SJ_TRY(sj_fast_take_zeroed(&out->had_from, lines->prefix != NULL ? (uint64_t)lines->stamp_count : 0, sizeof *out->had_from, "line groups", err));
    SJ_TRY(sj_fast_take(&out->pieces, (uint64_t)rows, sizeof *out->pieces, "line runs", err));
    return sj_fast_take_zeroed(&out->bank, (uint64_t)lines->banks, sizeof *out->bank, "line banks", err);
}

void sj_fast_lines_scratch_free(sj_lines_scratch *scratch) {
    sj_fast_give_back(scratch->stamp);
    sj_fast_give_back(scratch->had_from);
    sj_fast_give_back(scratch->pieces);
    sj_fast_give_back(scratch->bank);
    *scratch = (sj_lines_scratch){0};
}
