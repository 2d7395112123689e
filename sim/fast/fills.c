// SPDX-License-Identifier: Apache-2.0
// Buffer lines that a load of A fills (docs/timing.md section 9): each line group that the segment touches begins at a line of its own.
#include "sj_fast_internal.h"

#define STRIP 256        // pixels at a time

typedef struct filler {
    const sj_fast_run_info *run;
    const sj_fast_kernels *kernels;
    const sj_stream *stream;
    const uint64_t *bits;  // NULL: every value is present
    const uint16_t *lines; // [0 .. k_tile] of a group by its present values
} filler;

// Up to 64 values from stream value `at` on.
static uint64_t values_at(const filler *f, int64_t at, int64_t n) {
    return f->bits != NULL ? sj_fast_get_bits(f->bits, at, n) : n == 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

static uint64_t sum_lines(const filler *f, const uint8_t *counts, int64_t n) {
    uint64_t sum = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += f->lines[counts[i]];
    }
    return sum;
}

// ---- a group a pixel

// Values [begin,end) of one pixel, or a part of it.
static uint64_t part_lines(const filler *f, int64_t begin, int64_t end) { return f->lines[f->bits == NULL ? end - begin : sj_fast_count_range(f->bits, begin, end)]; }

// `pixels` whole pixels of `width` <= 64 channels from stream value `at` on.
static uint64_t narrow_lines(const filler *f, int64_t at, int64_t width, int64_t pixels) {
    uint64_t words[STRIP], sum = 0;
    uint8_t counts[STRIP];
    for (int64_t first = 0; first < pixels; first += STRIP) {
        const int64_t n = sj_fast_min(STRIP, pixels - first);
        const bool whole_words = width == 64 && at % 64 == 0;
        for (int64_t p = 0; p < n && !whole_words; p++) {
            words[p] = values_at(f, at + (first + p) * width, width);
        }
        f->kernels->word_counts(whole_words ? f->bits + at / 64 + first : words, n, counts);
        sum += sum_lines(f, counts, n);
    }
    return sum;
}

// Values [begin,end) of one (instance, chunk), which begins at stream value `base`.
static uint64_t plain_lines(const filler *f, int64_t base, int64_t width, int64_t begin, int64_t end) {
    const int64_t first = sj_fast_ceil(begin, width), last = end / width;  // whole pixels
    if (first > last) {
        return part_lines(f, base + begin, base + end);
    }
    uint64_t lines = first * width > begin ? part_lines(f, base + begin, base + first * width) : 0;
    lines += last * width < end ? part_lines(f, base + last * width, base + end) : 0;
    if (f->bits == NULL) {
        return lines + (uint64_t)(last - first) * f->lines[width];
    }
    if (width <= 64) {
        return lines + narrow_lines(f, base + first * width, width, last - first);
    }
    for (int64_t p = first; p < last; p++) {
        lines += part_lines(f, base + p * width, base + (p + 1) * width);
    }
    return lines;
}

// ---- a group a channel and k_tile pixels

// Channels [c0, c0 + n), n <= 64, of values [begin,end) of one group of pixels.
static uint64_t channel_lines(const filler *f, int64_t base, int64_t width, int64_t begin, int64_t end, int64_t c0, int64_t n) {
    const int64_t first = begin / width, last = (end - 1) / width;
    uint16_t sums[64] = {0};
    uint64_t lines = 0;
    for (int64_t from = first; from <= last; from += 64) {
        uint64_t block[64] = {0}, turned[64];
        uint8_t counts[64];
        for (int64_t p = from; p <= sj_fast_min(last, from + 63); p++) {
            // The first and the last pixel may be cut.
            const int64_t low = p * width + c0 < begin ? sj_fast_min(begin - p * width - c0, n) : 0, high = sj_fast_min(end - p * width - c0, n);
            block[p - from] = high > low ? values_at(f, base + p * width + c0 + low, high - low) << low : 0;
        }
        f->kernels->transpose(block, turned);
        f->kernels->word_counts(turned, n, counts);
        for (int64_t c = 0; c < n; c++) {
            sums[c] = (uint16_t)(sums[c] + counts[c]);
        }
    }
    for (int64_t c = 0; c < n; c++) {
        lines += f->lines[sums[c]];
    }
    return lines;
}

// Whole pixels of 64 channels from a word on, up to 64 of them.
static uint64_t word_lines(const filler *f, const uint64_t *pixels, int64_t n) {
    uint64_t block[64] = {0}, turned[64];
    uint8_t counts[64];
    for (int64_t p = 0; p < n && n < 64; p++) {
        block[p] = pixels[p];
    }
    f->kernels->transpose(n < 64 ? block : pixels, turned);
    f->kernels->word_counts(turned, 64, counts);
    return sum_lines(f, counts, 64);
}

static uint64_t transposed_lines(const filler *f, int64_t base, int64_t width, int64_t begin, int64_t end) {
    const int64_t group = width * f->run->accel->k_tile;
    uint64_t lines = 0;
    for (int64_t at = begin; at < end;) {
        const int64_t next = sj_fast_min((at / group + 1) * group, end);
        if (f->bits == NULL && next - at == group) {
            lines += (uint64_t)width * f->lines[f->run->accel->k_tile];
        } else if (f->bits != NULL && width == 64 && (base + at) % 64 == 0 && (next - at) % 64 == 0 && next - at <= 64 * 64) {
            lines += word_lines(f, f->bits + (base + at) / 64, (next - at) / 64);
        } else {
            for (int64_t c = 0; c < width; c += 64) {
                lines += channel_lines(f, base, width, at, next, c, sj_fast_min(64, width - c));
            }
        }
        at = next;
    }
    return lines;
}

void sj_fast_lines_of_values(const sj_fast_run_info *run, const sj_stream *stream, uint16_t of_values[SJ_FAST_GROUP_MAX + 1]) {
    for (int64_t n = 0; n <= SJ_FAST_GROUP_MAX; n++) {
        of_values[n] = (uint16_t)sj_fast_ceil(n * stream->value_bytes, run->accel->line_bytes);
    }
}

uint64_t sj_fast_segment_lines(const sj_fast_run_info *run, const sj_stream *stream, const uint64_t *bits, const uint16_t *of_values, const sj_segment *segment) {
    const filler f = {run, sj_fast_kernels_now(), stream, bits, of_values};
    const int64_t one = stream->instance_length > 0 ? stream->instance_length : stream->length, pixels = stream->images * stream->y_count * stream->x_count;
    uint64_t lines = 0;
    for (int64_t at = segment->begin; at < segment->end;) {
        const int64_t within = at % one, chunk = within / (pixels * stream->k_tile), first = chunk * pixels * stream->k_tile;
        const int64_t width = sj_fast_min(stream->k_tile, stream->channel_count - chunk * stream->k_tile);
        const int64_t base = at - within + first, end = sj_fast_min(first + pixels * width, segment->end - base + first);
        lines += (segment->transpose_width > 0 ? transposed_lines : plain_lines)(&f, base, width, within - first, end - first);
        at = base + end - first;
    }
    return lines;
}
