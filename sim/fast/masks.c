// SPDX-License-Identifier: Apache-2.0
// Gathers an operand's bits for some u and k-steps into step layout.
#include <string.h>

#include "sj_fast_internal.h"

// The bits of the pixel that a tap sees from a position, or NULL in the padding.
static const uint64_t *pixel_bits(const sj_bits *bits, const sj_position *p, const sj_tap *tap) {
    const int64_t pixel = sj_fast_stored_pixel(bits->operand, p, tap);
    return pixel < 0 ? NULL : bits->rows + pixel * bits->row_stride;
}

typedef struct target {
    uint64_t *words;
    int64_t rows, step_words, k_tile, k0;
} target;

// Up to 64 bits of consecutive k that come from one word of the source and go into one word of the target.
typedef struct run {
    uint64_t *to;  // [rows]
    int64_t from_word, length;
    int from_shift, to_shift;
    uint64_t keep;
} run;

// The longest run that begins at k, of `left` bits at most, with its first bit at `from` of the source row.
static run run_at(const target *t, int64_t k, int64_t from, int64_t left) {
    const int64_t step = (k - t->k0) / t->k_tile, in_step = (k - t->k0) % t->k_tile;
    int64_t n = sj_fast_min(left, t->k_tile - in_step);
    n = sj_fast_min(n, 64 - in_step % 64);
    n = sj_fast_min(n, 64 - from % 64);
    return (run){.to = t->words + (step * t->step_words + in_step / 64) * t->rows,
                 .from_word = from / 64,
                 .length = n,
                 .from_shift = (int)(from % 64),
                 .to_shift = (int)(in_step % 64),
                 .keep = n == 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1};
}

static void put_run(const run *r, int64_t row, const uint64_t *source) {
    r->to[row] |= (source[r->from_word] >> r->from_shift & r->keep) << r->to_shift;
}

static void fetch_window(const sj_bits *bits, const target *t, int64_t u0, int64_t k1) {
    const sj_operand *o = bits->operand;
    const sj_position first = sj_fast_position(o, u0);
    for (int64_t k = t->k0; k < k1;) {
        const int64_t tap = k / o->channel_count, channel = k % o->channel_count;
        const run r = run_at(t, k, channel, sj_fast_min(o->channel_count - channel, k1 - k));
        sj_position p = first;
        for (int64_t row = 0; row < t->rows; row++, sj_fast_position_next(o, &p)) {
            const uint64_t *pixel = pixel_bits(bits, &p, &o->taps[tap]);
            if (pixel != NULL) {
                put_run(&r, row, pixel);
            }
        }
        k += r.length;
    }
}

static void fetch_weight(const sj_bits *bits, const target *t, int64_t u0, int64_t k1) {
    for (int64_t k = t->k0; k < k1;) {
        const run r = run_at(t, k, k, k1 - k);
        for (int64_t row = 0; row < t->rows; row++) {
            put_run(&r, row, bits->rows + (u0 + row) * bits->row_stride);
        }
        k += r.length;
    }
}

// 64 positions at most, seen through one tap: channels [c0,c1) become rows [row, ...) of one word each.
static void fetch_positions(const sj_bits *bits, const sj_tap *tap, sj_position p, int64_t n, int64_t c0, int64_t c1, uint64_t *to) {
    const uint64_t *pixel[64];
    for (int64_t j = 0; j < n; j++, sj_fast_position_next(bits->operand, &p)) {
        pixel[j] = pixel_bits(bits, &p, tap);
    }
    for (int64_t first = c0 / 64 * 64; first < c1; first += 64) {
        uint64_t block[64] = {0}, turned[64];
        for (int64_t j = 0; j < n; j++) {
            block[j] = pixel[j] != NULL ? pixel[j][first / 64] : 0;
        }
        bits->kernels->transpose(block, turned);
        for (int64_t c = first < c0 ? c0 : first; c < sj_fast_min(c1, first + 64); c++) {
            to[c - c0] = turned[c - first];
        }
    }
}

static void fetch_transposed(const sj_bits *bits, const target *t, int64_t u0, int64_t k1) {
    const sj_operand *o = bits->operand;
    for (int64_t k = t->k0; k < k1;) {
        const int64_t step = (k - t->k0) / t->k_tile, in_step = (k - t->k0) % t->k_tile;
        const int64_t n = sj_fast_min(64, sj_fast_min(t->k_tile - in_step, k1 - k));
        const sj_position p = sj_fast_position(o, k);
        uint64_t *to = t->words + (step * t->step_words + in_step / 64) * t->rows;
        for (int64_t row = 0; row < t->rows;) {
            const int64_t tap = (u0 + row) / o->channel_count, c0 = (u0 + row) % o->channel_count;
            const int64_t c1 = sj_fast_min(o->channel_count, c0 + t->rows - row);
            fetch_positions(bits, &o->taps[tap], p, n, c0, c1, to + row);
            row += c1 - c0;
        }
        k += n;
    }
}

static void fetch_all(const target *t, int64_t k1) {
    static const uint64_t ones = UINT64_MAX;
    for (int64_t k = t->k0; k < k1;) {
        const run r = run_at(t, k, 0, k1 - k);
        for (int64_t row = 0; row < t->rows; row++) {
            put_run(&r, row, &ones);
        }
        k += r.length;
    }
}

void sj_fast_fetch(const sj_bits *bits, int64_t k_tile, int64_t u0, int64_t rows, int64_t k0, int64_t k1, uint64_t *words) {
    const target t = {words, rows, sj_fast_ceil(k_tile, 64), k_tile, k0};
    memset(words, 0, (size_t)(sj_fast_ceil(k1 - k0, k_tile) * t.step_words * rows) * sizeof *words);
    if (bits->presence == SJ_PRESENCE_ALL) {
        fetch_all(&t, k1);
        return;
    }
    switch (bits->operand->kind) {
        case SJ_OPERAND_WINDOW: fetch_window(bits, &t, u0, k1); break;
        case SJ_OPERAND_WINDOW_T: fetch_transposed(bits, &t, u0, k1); break;
        case SJ_OPERAND_WEIGHT: fetch_weight(bits, &t, u0, k1); break;
    }
}
