// SPDX-License-Identifier: Apache-2.0
// What the blocks of an operand move and need, without walking their segments: the blocks of a dimension repeat with the images they stand in, so that one period tells all.
#include "map_internal.h"

static int64_t gcd64(int64_t a, int64_t b) { return b == 0 ? a : gcd64(b, a % b); }

// Whole source rows that blocks of positions touch through taps whose dy lie in [low, high]; sums over all blocks.
typedef struct pixel_sums {
    int64_t low, high, step;          // the question; step: positions a block
    int64_t pixels, first, largest;   // source pixels
    int64_t full, empty;              // blocks that touch pixels, that touch none
    int64_t tiles, first_tiles;       // transposer tiles: pixels a KT, rounded up a block
    int64_t largest_lines, first_lines;  // transposed: lines of a channel
} pixel_sums;

typedef struct span {
    int64_t begin, end;
} span;

static span source_pixels(const sj_operand *o, int64_t p0, int64_t p1, int64_t low, int64_t high) {
    const int64_t first = p0 / o->grid_w, last = (p1 - 1) / o->grid_w;
    const int64_t first_image = first / o->grid_h, last_image = last / o->grid_h;
    const int64_t begin = first_image * o->source_h + sj_min64(sj_max64(first % o->grid_h * o->stride + low, 0), o->source_h);
    const int64_t end = last_image * o->source_h + sj_min64(sj_max64(last % o->grid_h * o->stride + high + 1, 0), o->source_h);
    return (span){begin * o->source_w, sj_max64(begin, end) * o->source_w};
}

// Lines that one channel's groups of KT pixels take for pixels [begin, end).
static int64_t channel_lines(const sj_accel *accel, span s) {
    const int64_t kt = accel->k_tile, vb = sj_accel_value_bytes(accel), line = accel->line_bytes;
    const int64_t first = s.begin / kt, last = (s.end - 1) / kt;
    if (first == last) {
        return sj_ceil_div((s.end - s.begin) * vb, line);
    }
    const int64_t head = (first + 1) * kt - s.begin, tail = s.end - last * kt;
    return sj_ceil_div(head * vb, line) + (last - first - 1) * sj_ceil_div(kt * vb, line) + sj_ceil_div(tail * vb, line);
}

static void add_block(const sj_accel *accel, const sj_operand *o, bool transposed, int64_t p0, int64_t p1, int64_t times, pixel_sums *sums) {
    const span s = source_pixels(o, p0, p1, sums->low, sums->high);
    const int64_t pixels = s.end - s.begin, tiles = sj_ceil_div(pixels, accel->k_tile);
    sums->pixels += pixels * times;
    sums->tiles += tiles * times;
    *(pixels > 0 ? &sums->full : &sums->empty) += times;
    sums->largest = sj_max64(sums->largest, pixels);
    if (p0 == 0) {
        sums->first = pixels;
        sums->first_tiles = tiles;
    }
    if (transposed && pixels > 0) {
        const int64_t lines = channel_lines(accel, s);
        sums->largest_lines = sj_max64(sums->largest_lines, lines);
        sums->first_lines = p0 == 0 ? lines : sums->first_lines;
    }
}

static void sum_pixels(const sj_accel *accel, const sj_operand *o, bool transposed, pixel_sums *sums) {
    const int64_t step = sums->step, plane = o->grid_h * o->grid_w, all = o->images * plane;
    int64_t period = plane / gcd64(step, plane);  // blocks after which the place in the image repeats
    if (transposed) {                             // and the place in the groups of KT pixels
        const int64_t shift = period * step / plane * o->source_h * o->source_w;
        period *= accel->k_tile / gcd64(accel->k_tile, shift);
    }
    const int64_t whole = all / step;             // blocks of full size
    for (int64_t i = 0; i < whole && i < period; i++) {
        add_block(accel, o, transposed, i * step, (i + 1) * step, (whole - 1 - i) / period + 1, sums);
    }
    if (whole * step < all) {
        add_block(accel, o, transposed, whole * step, all, 1, sums);
    }
}

// The few (low, high) of one operand, so that each is summed once.
typedef struct memo {
    int count;
    pixel_sums sums[32];
} memo;

static const pixel_sums *pixels_of(const sj_accel *accel, const sj_operand *o, bool transposed, int64_t low, int64_t high, int64_t step, memo *seen) {
    for (int i = 0; i < seen->count; i++) {
        if (seen->sums[i].low == low && seen->sums[i].high == high) {
            return &seen->sums[i];
        }
    }
    seen->count = seen->count < (int)(sizeof seen->sums / sizeof seen->sums[0]) ? seen->count + 1 : 1;
    pixel_sums *sums = &seen->sums[seen->count - 1];
    *sums = (pixel_sums){.low = low, .high = high, .step = step};
    sum_pixels(accel, o, transposed, sums);
    return sums;
}

typedef struct channel_block {
    int64_t low, high;      // dy of its taps
    int64_t chunks, width;  // channel chunks touched, and channels in them
    int64_t pixel_lines;    // lines of one pixel's groups
} channel_block;

// (tap, channel) indices [t0, t1): exact chunks within one tap, all of them otherwise, as sj_segments_a has it.
static channel_block channels_of(const sj_accel *accel, const sj_operand *o, int64_t t0, int64_t t1) {
    const int64_t kt = accel->k_tile, vb = sj_accel_value_bytes(accel), c = o->channel_count, first_tap = t0 / c, last_tap = (t1 - 1) / c;
    channel_block b = {.low = o->taps[first_tap].dy, .high = o->taps[first_tap].dy};
    for (int64_t t = first_tap + 1; t <= last_tap; t++) {
        b.low = sj_min64(b.low, o->taps[t].dy);
        b.high = sj_max64(b.high, o->taps[t].dy);
    }
    const bool one_tap = first_tap == last_tap;
    const int64_t begin = one_tap ? t0 % c / kt : 0, end = one_tap ? (t1 - 1) % c / kt + 1 : sj_ceil_div(c, kt);
    b.chunks = end - begin;
    b.width = sj_min64(end * kt, c) - begin * kt;
    const bool short_last = end * kt > c;
    b.pixel_lines = (b.chunks - short_last) * sj_ceil_div(kt * vb, accel->line_bytes) + (short_last ? sj_ceil_div((c - (end - 1) * kt) * vb, accel->line_bytes) : 0);
    return b;
}

// `amount`: pixels, or lines of a channel where transposed.
static int64_t buffer_bytes(const sj_accel *accel, const channel_block *b, bool is_a, bool transposed, int64_t amount) {
    if (!is_a) {
        return amount * b->width * sj_accel_value_bytes(accel);
    }
    return amount * (transposed ? b->width : b->pixel_lines) * accel->line_bytes;
}

static void window_footprint(const sj_accel *accel, const sj_operand *o, bool is_a, int64_t position_block, int64_t channel_step, sj_map_footprint *out) {
    const int64_t all = o->tap_count * o->channel_count, vb = sj_accel_value_bytes(accel);
    const bool transposed = is_a && o->kind == SJ_OPERAND_WINDOW_T;
    memo seen = {0};
    out->grain = o->source_w * gcd64(o->channel_count, accel->k_tile);
    for (int64_t t = 0; t < all; t += channel_step) {
        const channel_block b = channels_of(accel, o, t, sj_min64(t + channel_step, all));
        const pixel_sums *p = pixels_of(accel, o, transposed, b.low, b.high, position_block, &seen);
        out->bytes += p->pixels * b.width * vb;
        out->segments += p->full * b.chunks;
        out->tiles += transposed ? p->tiles * b.chunks : 0;
        out->blocks += p->full + p->empty;
        if (t == 0) {
            out->first_bytes = p->first * b.width * vb;
            out->first_segments = p->first > 0 ? b.chunks : 0;
            out->first_tiles = transposed ? p->first_tiles * b.chunks : 0;
            out->first_need = buffer_bytes(accel, &b, is_a, transposed, transposed ? p->first_lines : p->first);
        }
        out->largest = sj_max64(out->largest, buffer_bytes(accel, &b, is_a, transposed, transposed ? p->largest_lines : p->largest));
    }
}

static void weight_footprint(const sj_accel *accel, const sj_job *job, int64_t n_block, int64_t k_block, sj_map_footprint *out) {
    const int64_t vb = sj_accel_value_bytes(accel), n = sj_min64(n_block, job->n), k = sj_min64(k_block, job->k);
    const int64_t nb = sj_ceil_div(job->n, n_block), kb = sj_ceil_div(job->k, k_block);
    const bool whole_rows = nb == 1;
    out->bytes = job->n * job->k * vb;
    out->blocks = nb * kb;
    out->grain = whole_rows ? gcd64(job->k, k_block) * job->n : gcd64(job->k, accel->k_tile) * gcd64(job->n, n_block);
    out->segments = whole_rows ? kb : nb * sj_ceil_div(job->k, accel->k_tile);
    out->first_bytes = out->largest = out->first_need = n * k * vb;
    out->first_segments = whole_rows ? 1 : sj_ceil_div(k, accel->k_tile);
}

void sj_map_footprint_of(const sj_accel *accel, const sj_job *job, bool is_a, int64_t u_block, int64_t k_block, sj_map_footprint *out) {
    const sj_operand *o = is_a ? &job->a : &job->b;
    *out = (sj_map_footprint){0};
    if (job->k == 0) {
        return;
    }
    if (o->kind == SJ_OPERAND_WEIGHT) {
        weight_footprint(accel, job, u_block, k_block, out);
    } else if (o->kind == SJ_OPERAND_WINDOW) {
        window_footprint(accel, o, is_a, u_block, k_block, out);
    } else {
        window_footprint(accel, o, is_a, k_block, u_block, out);
    }
}
