// SPDX-License-Identifier: Apache-2.0
// MAC counts. Every A row meets every B column exactly once at each k, so the sums over (m,n,k) factor: at k, rows that have it times lanes that have it.
#include <string.h>

#include "room.h"
#include "sj_fast_internal.h"

typedef struct side {
    uint32_t *nonzero, *in_range;  // [k]: how many u of the whole operand
} side;

typedef struct columns {
    const sj_fast_run_info *run;
    const sj_fast_kernels *kernels;
    int64_t words;            // of K bits
    side a, b;
    uint32_t *tiles, *lanes;  // [k]: column tiles that have any_b, and their in-range lanes
    uint64_t *any;            // [column tile][words]
    uint64_t *inside;         // WINDOW_T B: [tap][words], positions that see a pixel
    uint64_t *piece;          // [words]
} columns;

static void add(uint32_t *to, const uint32_t *from, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        to[i] += from[i];
    }
}

// ---- an im2col operand whose k are (tap, channel)

// Nonzeros of each (pixel of an image, channel) over all images.
static sj_status count_images(const sj_operand *o, const sj_bits *bits, uint32_t **out, sj_error *err) {
    const int64_t words = o->source_h * o->source_w * bits->row_words;
    SJ_TRY(sj_fast_take_zeroed(out, (uint64_t)(64 * words), sizeof **out, "pixel counts", err));
    for (int64_t i = 0; i < o->stored_images; i++) {
        const int64_t repeats = o->images / o->stored_images + (i < o->images % o->stored_images ? 1 : 0);
        bits->kernels->add_weighted(bits->rows + i * words, words, (uint32_t)repeats, *out);
    }
    return SJ_OK;
}

// Each source line's sum over the pixels that a tap at dx sees: [source_h][channel_count].
static void sum_lines(const sj_operand *o, const uint32_t *pixels, int64_t pixel_cells, int64_t dx, uint32_t *lines) {
    const sj_span xs = sj_fast_inside(o->stride, dx, o->source_w, o->grid_w);
    memset(lines, 0, (size_t)(o->source_h * o->channel_count) * sizeof *lines);
    for (int64_t y = 0; y < o->source_h; y++) {
        for (int64_t x = xs.begin; x < xs.end; x++) {
            add(lines + y * o->channel_count, pixels + (y * o->source_w + x * o->stride + dx) * pixel_cells, o->channel_count);
        }
    }
}

static bool is_later_of_its_dx(const sj_operand *o, int64_t tap) {
    for (int64_t t = 0; t < tap; t++) {
        if (o->taps[t].dx == o->taps[tap].dx) {
            return true;
        }
    }
    return false;
}

static void count_window_tap(const sj_operand *o, int64_t tap, const uint32_t *lines, const side *s) {
    const sj_span ys = sj_fast_inside(o->stride, o->taps[tap].dy, o->source_h, o->grid_h), xs = sj_fast_inside(o->stride, o->taps[tap].dx, o->source_w, o->grid_w);
    const uint32_t seen = (uint32_t)(o->images * (ys.end - ys.begin) * (xs.end - xs.begin));
    for (int64_t c = 0; c < o->channel_count; c++) {
        s->in_range[tap * o->channel_count + c] = seen;
    }
    for (int64_t y = ys.begin; y < ys.end; y++) {
        add(s->nonzero + tap * o->channel_count, lines + (y * o->stride + o->taps[tap].dy) * o->channel_count, o->channel_count);
    }
}

static sj_status count_window(const sj_operand *o, const sj_bits *bits, const side *s, sj_error *err) {
    uint32_t *pixels = NULL, *lines = NULL;
    SJ_TRY(count_images(o, bits, &pixels, err));
    if (sj_fast_take_zeroed(&lines, (uint64_t)(o->source_h * o->channel_count), sizeof *lines, "line counts", err) != SJ_OK) {
        sj_fast_give_back(pixels);
        return err->status;
    }
    for (int64_t first = 0; first < o->tap_count; first++) {
        if (is_later_of_its_dx(o, first)) {
            continue;
        }
        sum_lines(o, pixels, bits->row_words * 64, o->taps[first].dx, lines);
        for (int64_t tap = first; tap < o->tap_count; tap++) {
            if (o->taps[tap].dx == o->taps[first].dx) {
                count_window_tap(o, tap, lines, s);
            }
        }
    }
    sj_fast_give_back(pixels);
    sj_fast_give_back(lines);
    return SJ_OK;
}

// ---- an operand whose k are positions

static void set_bits(uint64_t *words, int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end;) {
        const int64_t n = sj_fast_min(64 - at % 64, end - at);
        words[at / 64] |= (n == 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1) << (at % 64);
        at += n;
    }
}

// Ones of each stored pixel's row.
static sj_status count_pixels(const sj_operand *o, const sj_bits *bits, uint32_t **out, sj_error *err) {
    const int64_t pixels = o->stored_images * o->source_h * o->source_w;
    uint8_t *ones = NULL;
    SJ_TRY(sj_fast_take_zeroed(out, (uint64_t)pixels, sizeof **out, "pixel counts", err));
    SJ_TRY(sj_fast_take(&ones, (uint64_t)(pixels * bits->row_words), sizeof *ones, "pixel counts", err));
    bits->kernels->word_counts(bits->rows, pixels * bits->row_words, ones);
    for (int64_t p = 0; p < pixels; p++) {
        for (int64_t w = 0; w < bits->row_words; w++) {
            (*out)[p] += ones[p * bits->row_words + w];
        }
    }
    sj_fast_give_back(ones);
    return SJ_OK;
}

// One tap: adds up what each position sees, and marks the positions that see a pixel in `inside` (NULL: nobody asks).
static void count_tap(const sj_operand *o, const sj_tap *tap, const uint32_t *pixels, const side *s, uint64_t *inside) {
    const sj_span ys = sj_fast_inside(o->stride, tap->dy, o->source_h, o->grid_h), xs = sj_fast_inside(o->stride, tap->dx, o->source_w, o->grid_w);
    for (int64_t y = ys.begin; y < ys.end; y++) {
        for (int64_t x = xs.begin; x < xs.end; x++) {
            s->in_range[y * o->grid_w + x] += (uint32_t)o->channel_count;  // of the first image, as of all
        }
    }
    for (int64_t image = 0; image < o->images; image++) {
        for (int64_t y = ys.begin; y < ys.end && xs.begin < xs.end; y++) {
            const int64_t k = (image * o->grid_h + y) * o->grid_w;
            const uint32_t *line = pixels + (image % o->stored_images * o->source_h + y * o->stride + tap->dy) * o->source_w;
            if (o->stride == 1) {
                add(s->nonzero + k + xs.begin, line + (xs.begin + tap->dx), xs.end - xs.begin);
            }
            for (int64_t x = xs.begin; x < xs.end && o->stride > 1; x++) {
                s->nonzero[k + x] += line[x * o->stride + tap->dx];
            }
            if (inside != NULL) {
                set_bits(inside, k + xs.begin, k + xs.end);
            }
        }
    }
}

static sj_status count_positions(const sj_operand *o, const sj_bits *bits, const side *s, uint64_t *inside, int64_t words, sj_error *err) {
    uint32_t *pixels = NULL;
    const sj_status status = count_pixels(o, bits, &pixels, err);
    for (int64_t tap = 0; tap < o->tap_count && status == SJ_OK; tap++) {
        count_tap(o, &o->taps[tap], pixels, s, inside != NULL ? inside + tap * words : NULL);
    }
    const int64_t plane = o->grid_h * o->grid_w;
    for (int64_t image = 1; image < o->images; image++) {
        memcpy(s->in_range + image * plane, s->in_range, (size_t)plane * sizeof *s->in_range);
    }
    sj_fast_give_back(pixels);
    return status;
}

// ---- B: which k any lane of a column tile has

static int64_t tile_lanes(const columns *c, int64_t tile) { return sj_fast_min(c->run->accel->lanes, c->run->job->n - tile * c->run->accel->lanes); }

static void any_of_weights(const columns *c, const sj_bits *bits) {
    for (int64_t n = 0; n < c->run->job->n; n++) {
        const uint64_t *row = bits->rows + n * bits->row_stride;
        uint64_t *any = c->any + n / c->run->accel->lanes * c->words;
        c->kernels->add_weighted(row, c->words, 1, c->b.nonzero);
        for (int64_t w = 0; w < c->words && c->run->skip; w++) {
            any[w] |= row[w];
        }
    }
}

// 64 positions through one tap: each channel's bits join its lane's tile.
static void any_of_positions(const columns *c, const sj_bits *bits, int64_t tap, int64_t word) {
    const sj_operand *o = bits->operand;
    sj_piece pieces[64];
    const int64_t lane0 = tap * o->channel_count, pitch = o->stride * bits->row_stride;
    const int64_t count = sj_fast_pieces(o, &o->taps[tap], 64 * word, sj_fast_min(64, c->run->job->k - 64 * word), pieces);
    for (int64_t w = 0; w < bits->row_words; w++) {
        uint64_t block[64] = {0}, turned[64];
        for (int64_t i = 0; i < count; i++) {
            const uint64_t *from = bits->rows + pieces[i].stored * bits->row_stride + w;
            for (int64_t j = 0; j < pieces[i].count; j++) {
                block[pieces[i].at + j] = from[j * pitch];
            }
        }
        c->kernels->transpose(block, turned);
        const int64_t channels = sj_fast_min(64, o->channel_count - 64 * w);
        for (int64_t at = 0; at < channels;) {
            const int64_t lane = lane0 + 64 * w + at, tile = lane / c->run->accel->lanes, here = sj_fast_min((tile + 1) * c->run->accel->lanes - lane, channels - at);
            c->any[tile * c->words + word] |= c->kernels->any(turned + at, here);
            at += here;
        }
    }
}

// A tile's lanes stand in one tap or in several; a lane counts where its own tap sees a pixel.
static void count_tile_lanes(const columns *c, int64_t tile) {
    const uint64_t *any = c->any + tile * c->words;
    const int64_t channels = c->run->job->b.channel_count, end = tile * c->run->accel->lanes + tile_lanes(c, tile);
    for (int64_t lane = tile * c->run->accel->lanes; lane < end;) {
        const int64_t tap = lane / channels, here = sj_fast_min((tap + 1) * channels, end) - lane;
        for (int64_t w = 0; w < c->words; w++) {
            c->piece[w] = any[w] & c->inside[tap * c->words + w];
        }
        c->kernels->add_weighted(c->piece, c->words, (uint32_t)here, c->lanes);
        lane += here;
    }
}

static void any_in_range(const columns *c, int64_t tile) {
    const int64_t channels = c->run->job->b.channel_count, first = tile * c->run->accel->lanes, last = first + tile_lanes(c, tile) - 1;
    for (int64_t tap = first / channels; tap <= last / channels; tap++) {
        for (int64_t w = 0; w < c->words; w++) {
            c->any[tile * c->words + w] |= c->inside[tap * c->words + w];
        }
    }
}

static sj_status count_b(columns *c, const sj_bits *bits, int64_t tiles, sj_error *err) {
    const sj_operand *o = bits->operand;
    const bool weight = o->kind == SJ_OPERAND_WEIGHT;
    if (weight) {
        any_of_weights(c, bits);
        for (int64_t k = 0; k < c->run->job->k; k++) {
            c->b.in_range[k] = (uint32_t)c->run->job->n;
        }
    } else {
        SJ_TRY(sj_fast_take_zeroed(&c->inside, (uint64_t)(o->tap_count * c->words), sizeof *c->inside, "position masks", err));
        SJ_TRY(count_positions(o, bits, &c->b, c->inside, c->words, err));
        for (int64_t i = 0; i < o->tap_count * c->words && c->run->skip; i++) {
            any_of_positions(c, bits, i / c->words, i % c->words);
        }
    }
    for (int64_t tile = 0; tile < tiles; tile++) {
        uint64_t *any = c->any + tile * c->words;
        if (!c->run->skip && (weight || c->run->present == SJ_PRESENCE_ALL)) {
            set_bits(any, 0, c->run->job->k);
        } else if (!c->run->skip) {
            any_in_range(c, tile);
        }
        c->kernels->add_weighted(any, c->words, 1, c->tiles);
        if (weight) {
            c->kernels->add_weighted(any, c->words, (uint32_t)tile_lanes(c, tile), c->lanes);
        } else {
            count_tile_lanes(c, tile);
        }
    }
    return SJ_OK;
}

// ---- together

static void sum_up(const columns *c, sj_mac_sums *sums) {
    *sums = (sj_mac_sums){0};
    for (int64_t k = 0; k < c->run->job->k; k++) {
        const uint64_t nonzero = c->a.nonzero[k], in_range = c->a.in_range[k];
        sums->active += nonzero * c->b.nonzero[k];
        sums->total += in_range * c->b.in_range[k];
        sums->issued += (c->run->skip ? nonzero : in_range) * c->lanes[k];
        sums->issues += (c->run->skip ? nonzero : c->run->present == SJ_PRESENCE_ALL ? (uint64_t)c->run->job->m : in_range) * c->tiles[k];
    }
}

// From K bits in a row to step layout.
static void lay_out(const columns *c, int64_t tiles, uint64_t *any_b) {
    const int64_t k_tile = c->run->accel->k_tile;
    for (int64_t tile = 0; tile < tiles; tile++) {
        const uint64_t *from = c->any + tile * c->words;
        for (int64_t step = 0; step < c->run->step_total; step++) {
            uint64_t *to = any_b + (tile * c->run->step_total + step) * c->run->step_words;
            const int64_t k0 = step * k_tile, n = sj_fast_min(k_tile, c->run->job->k - k0);
            for (int64_t j = 0; j < n; j += 64) {
                to[j / 64] = sj_fast_get_bits(from, k0 + j, sj_fast_min(64, n - j));
            }
        }
    }
}

static sj_status run_columns(columns *c, const sj_bits *a, const sj_bits *b, sj_mac_sums *sums, uint64_t **any_b, sj_error *err) {
    const int64_t tiles = sj_fast_ceil(c->run->job->n, c->run->accel->lanes);
    uint32_t **const counts[] = {&c->a.nonzero, &c->a.in_range, &c->b.nonzero, &c->b.in_range, &c->tiles, &c->lanes};
    for (int i = 0; i < 6; i++) {
        SJ_TRY(sj_fast_take_zeroed(counts[i], (uint64_t)(64 * c->words), sizeof **counts[i], "counts by k", err));
    }
    SJ_TRY(sj_fast_take_zeroed(&c->any, (uint64_t)(tiles * c->words), sizeof *c->any, "column tile masks", err));
    SJ_TRY(sj_fast_take(&c->piece, (uint64_t)c->words, sizeof *c->piece, "column tile masks", err));
    SJ_TRY(sj_fast_take_zeroed(any_b, (uint64_t)(tiles * c->run->step_total * c->run->step_words), sizeof **any_b, "column tile masks", err));
    if (a->operand->kind == SJ_OPERAND_WINDOW) {
        SJ_TRY(count_window(a->operand, a, &c->a, err));
    } else {
        SJ_TRY(count_positions(a->operand, a, &c->a, NULL, c->words, err));
    }
    SJ_TRY(count_b(c, b, tiles, err));
    sum_up(c, sums);
    lay_out(c, tiles, *any_b);
    return SJ_OK;
}

sj_status sj_fast_columns(const sj_fast_run_info *run, const sj_bits *a_nonzero, const sj_bits *b_nonzero, sj_mac_sums *sums, uint64_t **any_b, sj_error *err) {
    columns c = {.run = run, .kernels = a_nonzero->kernels, .words = sj_fast_ceil(run->job->k, 64)};
    *any_b = NULL;
    const sj_status status = run_columns(&c, a_nonzero, b_nonzero, sums, any_b, err);
    void *const all[] = {c.a.nonzero, c.a.in_range, c.b.nonzero, c.b.in_range, c.tiles, c.lanes, c.any, c.inside, c.piece};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        sj_fast_give_back(all[i]);
    }
    if (status != SJ_OK) {
        sj_fast_give_back(*any_b);
        *any_b = NULL;
    }
    return status;
}
