// SPDX-License-Identifier: Apache-2.0
// Gathers an operand's bits for some u and k-steps into step layout.
#include <string.h>

#include "sj_fast_internal.h"

int64_t sj_fast_pieces(const sj_operand *o, const sj_tap *tap, int64_t u0, int64_t n, sj_piece *pieces) {
    const sj_span xs = sj_fast_inside(o->stride, tap->dx, o->source_w, o->grid_w);
    const int64_t plane = o->source_h * o->source_w;
    int64_t count = 0;
    sj_position p = sj_fast_position(o, u0);
    for (int64_t at = 0; at < n;) {
        const int64_t here = sj_fast_min(o->grid_w - p.x, n - at), y = p.y * o->stride + tap->dy;
        const int64_t begin = p.x > xs.begin ? p.x : xs.begin, end = sj_fast_min(p.x + here, xs.end);
        if (y >= 0 && y < o->source_h && begin < end) {
            const int64_t stored = p.stored * plane + y * o->source_w + begin * o->stride + tap->dx;
            pieces[count++] = (sj_piece){at + begin - p.x, end - begin, stored, stored + (p.image - p.stored) * plane};
        }
        at += here;
        p.x = o->grid_w - 1;
        sj_fast_position_next(o, &p);
    }
    return count;
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

// One run of a tap: the rows of each piece find their words `pitch` apart.
static void put_pieces(const sj_bits *bits, const run *r, const sj_piece *pieces, int64_t count, int64_t rows) {
    const int64_t pitch = bits->operand->stride * bits->row_stride;
    int64_t done = 0;
    for (int64_t i = 0; i < count; i++) {
        const uint64_t *from = bits->rows + pieces[i].stored * bits->row_stride + r->from_word;
        uint64_t *to = r->to + pieces[i].at;
        for (; r->keep == UINT64_MAX && done < pieces[i].at; done++) {
            r->to[done] = 0;
        }
        done = pieces[i].at + pieces[i].count;
        if (r->keep == UINT64_MAX) {
            for (int64_t j = 0; j < pieces[i].count; j++) {
                to[j] = from[j * pitch];
            }
        } else {
            for (int64_t j = 0; j < pieces[i].count; j++) {
                to[j] |= (from[j * pitch] >> r->from_shift & r->keep) << r->to_shift;
            }
        }
    }
    for (; r->keep == UINT64_MAX && done < rows; done++) {
        r->to[done] = 0;
    }
}

static void fetch_window(const sj_bits *bits, const target *t, int64_t u0, int64_t k1, sj_piece *pieces) {
    const sj_operand *o = bits->operand;
    int64_t seen = -1, count = 0;
    for (int64_t k = t->k0; k < k1;) {
        const int64_t tap = sj_fast_div(k, o->channel_count), channel = k - tap * o->channel_count;
        const run r = run_at(t, k, channel, sj_fast_min(o->channel_count - channel, k1 - k));
        if (tap != seen) {
            count = sj_fast_pieces(o, &o->taps[tap], u0, t->rows, pieces);
            seen = tap;
        }
        put_pieces(bits, &r, pieces, count, t->rows);
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

// 64 positions at most, seen through one tap: channels [c0,c1) become rows of one word each.
static void fetch_positions(const sj_bits *bits, const sj_piece *pieces, int64_t count, int64_t c0, int64_t c1, uint64_t *to) {
    const int64_t pitch = bits->operand->stride * bits->row_stride;
    for (int64_t first = c0 / 64 * 64; first < c1; first += 64) {
        uint64_t block[64] = {0}, turned[64];
        for (int64_t i = 0; i < count; i++) {
            const uint64_t *from = bits->rows + pieces[i].stored * bits->row_stride + first / 64;
            for (int64_t j = 0; j < pieces[i].count; j++) {
                block[pieces[i].at + j] = from[j * pitch];
            }
        }
        bits->kernels->transpose(block, turned);
        const int64_t begin = first < c0 ? c0 : first, end = sj_fast_min(c1, first + 64);
        memcpy(to + begin - c0, turned + begin - first, (size_t)(end - begin) * sizeof *to);
    }
}

static void fetch_transposed(const sj_bits *bits, const target *t, int64_t u0, int64_t k1) {
    const sj_operand *o = bits->operand;
    for (int64_t k = t->k0; k < k1;) {
        const int64_t step = (k - t->k0) / t->k_tile, in_step = (k - t->k0) % t->k_tile;
        const int64_t n = sj_fast_min(64, sj_fast_min(t->k_tile - in_step, k1 - k));
        uint64_t *to = t->words + (step * t->step_words + in_step / 64) * t->rows;
        sj_piece pieces[64];
        for (int64_t row = 0; row < t->rows;) {
            const int64_t tap = sj_fast_div(u0 + row, o->channel_count), c0 = (u0 + row) - tap * o->channel_count;
            const int64_t c1 = sj_fast_min(o->channel_count, c0 + t->rows - row);
            fetch_positions(bits, pieces, sj_fast_pieces(o, &o->taps[tap], k, n, pieces), c0, c1, to + row);
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

// Whether runs are whole words, each written once, zeros included.
static bool writes_every_word(const sj_bits *bits, int64_t k_tile, int64_t k_count) {
    const bool window = bits->operand->kind == SJ_OPERAND_WINDOW && bits->operand->channel_count % 64 == 0 && k_count % 64 == 0;
    return k_tile == 64 && bits->presence != SJ_PRESENCE_ALL && (window || bits->operand->kind == SJ_OPERAND_WINDOW_T);
}

void sj_fast_fetch(const sj_bits *bits, int64_t k_tile, int64_t u0, int64_t rows, int64_t k0, int64_t k1, sj_piece *pieces, uint64_t *words) {
    const target t = {words, rows, sj_fast_ceil(k_tile, 64), k_tile, k0};
    if (!writes_every_word(bits, k_tile, k1 - k0)) {
        memset(words, 0, (size_t)(sj_fast_ceil(k1 - k0, k_tile) * t.step_words * rows) * sizeof *words);
    }
    if (bits->presence == SJ_PRESENCE_ALL) {
        fetch_all(&t, k1);
        return;
    }
    switch (bits->operand->kind) {
        case SJ_OPERAND_WINDOW: fetch_window(bits, &t, u0, k1, pieces); break;
        case SJ_OPERAND_WINDOW_T: fetch_transposed(bits, &t, u0, k1); break;
        case SJ_OPERAND_WEIGHT: fetch_weight(bits, &t, u0, k1); break;
    }
}
