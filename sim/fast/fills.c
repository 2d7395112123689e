// SPDX-License-Identifier: Apache-2.0
// Buffer lines that a load of A fills (docs/timing.md section 9): each line group that the segment touches begins at a line of its own.
#include "sj_fast_internal.h"

typedef struct filler {
    const sj_fast_run_info *run;
    const sj_stream *stream;
    const uint64_t *bits;
    bool transposed;
} filler;

static int64_t present(const filler *f, int64_t begin, int64_t end) { return f->bits == NULL ? end - begin : sj_fast_count_range(f->bits, begin, end); }

static uint64_t lines_of(const filler *f, int64_t values) { return (uint64_t)sj_fast_lines_of(f->run, values * f->stream->value_bytes); }

// Whole and broken pixels of one (instance, chunk), `width` channels each; values [begin,end) of it stand from stream value `base` on.
static uint64_t plain_lines(const filler *f, int64_t base, int64_t width, int64_t begin, int64_t end) {
    uint64_t lines = 0;
    for (int64_t at = begin; at < end;) {
        const int64_t next = sj_fast_min((at / width + 1) * width, end);
        lines += lines_of(f, present(f, base + at, base + next));
        at = next;
    }
    return lines;
}

// KT pixels of one (instance, chunk), values [begin,end): a group a channel.
static uint64_t channel_lines(const filler *f, int64_t base, int64_t width, int64_t begin, int64_t end) {
    uint64_t lines = 0;
    for (int64_t j = 0; j < width; j++) {
        int64_t count = 0;
        for (int64_t at = begin + (j - begin % width + width) % width; at < end; at += width) {
            count += present(f, base + at, base + at + 1);
        }
        lines += lines_of(f, count);
    }
    return lines;
}

static uint64_t transposed_lines(const filler *f, int64_t base, int64_t width, int64_t begin, int64_t end) {
    const int64_t group = width * f->run->accel->k_tile;
    uint64_t lines = 0;
    for (int64_t at = begin; at < end;) {
        const int64_t next = sj_fast_min((at / group + 1) * group, end);
        lines += channel_lines(f, base, width, at, next);
        at = next;
    }
    return lines;
}

uint64_t sj_fast_segment_lines(const sj_fast_run_info *run, const sj_stream *stream, const uint64_t *bits, const sj_segment *segment) {
    const filler f = {run, stream, bits, segment->transpose_width > 0};
    const int64_t one = stream->instance_length > 0 ? stream->instance_length : stream->length, pixels = stream->images * stream->y_count * stream->x_count;
    uint64_t lines = 0;
    for (int64_t at = segment->begin; at < segment->end;) {
        const int64_t within = at % one, chunk = within / (pixels * stream->k_tile), first = chunk * pixels * stream->k_tile;
        const int64_t width = sj_fast_min(stream->k_tile, stream->channel_count - chunk * stream->k_tile);
        const int64_t base = at - within + first, end = sj_fast_min(first + pixels * width, segment->end - base + first);
        lines += (f.transposed ? transposed_lines : plain_lines)(&f, base, width, within - first, end - first);
        at = base + end - first;
    }
    return lines;
}
