// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "naive_internal.h"

void naive_dram_open(naive_dram *d, const sj_accel *accel, sj_variant variant, const sj_job *job, sj_outcome *out) {
    *d = (naive_dram){accel, variant, job, out, NULL, -1, 0};
    d->open_row = malloc((size_t)accel->dram->banks * sizeof *d->open_row);
    for (int64_t b = 0; b < accel->dram->banks; b++) {
        d->open_row[b] = -1;
    }
}

void naive_dram_close(naive_dram *d) { free(d->open_row); }

typedef struct tally {
    int64_t bursts, misses, lines, tiles;
} tally;

static void burst(naive_dram *d, tally *t, int64_t address) {
    const int64_t page = address / d->accel->dram->page_bytes, bank = page % d->accel->dram->banks, row = page / d->accel->dram->banks;
    t->bursts++;
    if (d->open_row[bank] != row) {
        t->misses++;
        d->open_row[bank] = row;
    }
}

static void plain(naive_dram *d, tally *t, const sj_stream *s, const sj_segment *g, bool store) {
    const int64_t bytes = s->length * s->value_bytes, begin = g->begin * s->value_bytes, end = g->end * s->value_bytes;
    for (int64_t x = 0; x < bytes; x += 64) {
        const int64_t last = min_of(x + 63, bytes - 1);
        const bool moved = store ? last >= begin && last < end : x < end && last >= begin;
        if (moved) {
            burst(d, t, s->base + x);
        }
    }
}

static int64_t nonzeros(const sj_stream *s, int64_t begin, int64_t end) {
    int64_t z = 0;
    for (int64_t v = begin; v < end; v++) {
        z += sj_values_nonzero(sj_stream_values(s), sj_stream_offset(s, v)) ? 1 : 0;
    }
    return z;
}

// Run-length tokens of the values [begin,end): a zero is counted until 32 of them are a token or a nonzero takes them with it.
static int64_t rle_tokens(const sj_stream *s, int64_t begin, int64_t end) {
    int64_t tokens = 0, waiting = 0;
    for (int64_t v = begin; v < end; v++) {
        if (sj_values_nonzero(sj_stream_values(s), sj_stream_offset(s, v))) {
            tokens += 1 + waiting / 32;
            waiting = 0;
        } else {
            waiting++;
        }
    }
    return tokens;
}

static int64_t packed_bytes(const naive_dram *d, const sj_stream *s, int64_t begin, int64_t end) {
    if (d->variant.codec == SJ_CODEC_RLE) {
        return ceil_div(rle_tokens(s, begin, end) * (5 + 8 * s->value_bytes), 8);
    }
    return ceil_div(end - begin, 8) + nonzeros(s, begin, end) * s->value_bytes;
}

static bool group_moves(const sj_stream *s, int64_t g, const sj_segment *seg, bool store) {
    const int64_t first = g * 512, last = min_of(first + 511, s->length - 1);
    return store ? last >= seg->begin && last < seg->end : first < seg->end && last >= seg->begin;
}

static void coded(naive_dram *d, tally *t, const sj_stream *s, const sj_segment *seg, bool store) {
    const int64_t groups = ceil_div(s->length, 512);
    for (int64_t x = 0; x < groups; x += 64) {
        bool needed = false;
        for (int64_t g = x; g < min_of(x + 64, groups); g++) {
            needed = needed || group_moves(s, g, seg, store);
        }
        if (needed) {
            burst(d, t, s->table_base + x);
        }
    }
    for (int64_t g = 0; g < groups; g++) {
        if (group_moves(s, g, seg, store)) {
            const int64_t n = min_of(512, s->length - g * 512), packed = ceil_div(packed_bytes(d, s, g * 512, g * 512 + n), 64), whole = ceil_div(n * s->value_bytes, 64);
            for (int64_t i = 0; i < (packed < whole ? packed : whole); i++) {
                burst(d, t, s->base + 512 * s->value_bytes * g + 64 * i);
            }
            t->lines += whole;
        }
    }
}

// Lines of the line groups that values [begin,end) of the A stream fill, each from a line of its own on.
static int64_t group_lines(const naive_dram *d, const sj_stream *s, const sj_segment *seg) {
    typedef struct group {
        int64_t instance, chunk, channel, pixel, present;  // channel: -1 where it does not tell groups apart; pixel: or pixels' chunk
    } group;
    const int64_t one = s->instance_length > 0 ? s->instance_length : s->length, pixels = s->images * s->y_count * s->x_count;
    group *groups = malloc((size_t)(seg->end - seg->begin) * sizeof *groups);
    int64_t count = 0, lines = 0;
    for (int64_t v = seg->begin; v < seg->end; v++) {
        int64_t rest = v % one, chunk = 0, width = min_of(s->k_tile, s->channel_count);
        for (; rest >= pixels * width; chunk++) {
            rest -= pixels * width;
            width = min_of(s->k_tile, s->channel_count - (chunk + 1) * s->k_tile);
        }
        const bool transposed = seg->transpose_width > 0;
        const group at = {v / one, chunk, transposed ? rest % width : -1, transposed ? rest / width / d->accel->k_tile : rest / width, 0};
        int64_t g = count - 1;
        while (g >= 0 && (groups[g].instance != at.instance || groups[g].chunk != at.chunk || groups[g].channel != at.channel || groups[g].pixel != at.pixel)) {
            g--;
        }
        if (g < 0) {
            g = count++;
            groups[g] = at;
        }
        groups[g].present += d->variant.machine != SJ_MACHINE_SKIP || sj_values_nonzero(&s->values, sj_stream_offset(s, v)) ? 1 : 0;
    }
    for (int64_t g = 0; g < count; g++) {
        lines += ceil_div(s->value_bytes * groups[g].present, d->accel->line_bytes);
    }
    free(groups);
    return lines;
}

static void buffer_lines(naive_dram *d, const sj_stream *s, const sj_segment *seg, bool store) {
    const int64_t n = seg->end - seg->begin, line = d->accel->line_bytes, vb = s->value_bytes;
    const bool skip = d->variant.machine == SJ_MACHINE_SKIP;
    sj_counters *c = &d->out->counts;
    if (!d->job->is_product) {
        c->buffer_read += (uint64_t)ceil_div(n * vb, line);
        c->buffer_write += (uint64_t)ceil_div(n * vb, line);
    } else if (store) {
        c->buffer_read += (uint64_t)ceil_div(n * vb, line);
    } else if (seg->stream == 0) {
        c->buffer_write += (uint64_t)(s->kind == SJ_STREAM_ACTIVATION ? group_lines(d, s, seg) : ceil_div(n * vb, line));
        c->buffer_write += skip ? (uint64_t)ceil_div(ceil_div(n, 8), line) : 0;
    } else if (seg->stream == 1 && skip) {
        const int64_t f = d->job->flags_per_lane ? n : ceil_div(n, d->accel->lanes);
        c->buffer_write += (uint64_t)(ceil_div(n * vb, line) + ceil_div(ceil_div(f, 8), line));
    } else {
        c->buffer_write += (uint64_t)ceil_div(n * vb, line);
    }
}

static bool refreshing(const naive_dram *d, int64_t c) {
    const int64_t interval = sj_accel_cycles_from_ns(d->accel, d->accel->dram->refresh_interval_ns), window = sj_accel_cycles_from_ns(d->accel, d->accel->dram->refresh_window_ns);
    const int64_t half = interval / 2;
    return c >= half && (c - half) % interval < window;
}

int64_t naive_refreshes(const naive_dram *d, int64_t cycles) {
    const int64_t interval = sj_accel_cycles_from_ns(d->accel, d->accel->dram->refresh_interval_ns);
    int64_t count = 0;
    for (int64_t j = 0; interval / 2 + j * interval < cycles; j++) {
        count++;
    }
    return count;
}

static int64_t end_of(const naive_dram *d, int64_t start, int64_t cycles) {
    int64_t c = start;
    for (; cycles > 0; c++) {
        cycles -= refreshing(d, c) ? 0 : 1;
    }
    return c;
}

int64_t naive_transfer_run(naive_dram *d, int first, int count, bool store, int64_t wait) {
    tally t = {0};
    for (int i = first; i < first + count; i++) {
        const sj_segment *seg = &d->job->segments[i];
        const sj_stream *s = &d->job->streams[seg->stream];
        if (seg->end > seg->begin) {
            buffer_lines(d, s, seg, store);
            (s->coded && d->variant.codec != SJ_CODEC_NONE ? coded : plain)(d, &t, s, seg, store);
            for (int64_t left = seg->end - seg->begin; seg->transpose_width > 0 && left > 0; left -= seg->transpose_width * d->accel->k_tile) {
                t.tiles++;
            }
        }
    }
    if (t.bursts == 0) {
        return 0;
    }
    const sj_dram_type *type = d->accel->dram;
    int64_t ticks = t.bursts * type->burst_ticks + t.misses * type->miss_ticks;
    if (d->last_direction >= 0 && d->last_direction != (store ? 1 : 0)) {
        ticks += type->turnaround_ticks;
    }
    d->last_direction = store ? 1 : 0;
    const int64_t transposer = t.tiles > 0 ? (t.tiles + 1) * d->accel->k_tile : 0;
    const int64_t cycles = max_of(max_of(sj_accel_cycles_from_ticks(d->accel, ticks), t.lines), transposer);
    sj_counters *c = &d->out->counts;
    c->dram_activate += (uint64_t)t.misses;
    *(store ? &c->dram_write : &c->dram_read) += (uint64_t)t.bursts;
    *(store ? &c->codec_encode : &c->codec_decode) += (uint64_t)t.lines;
    c->transpose += (uint64_t)t.tiles;
    d->out->busy_dram += (uint64_t)cycles;
    d->queue_end = end_of(d, max_of(d->queue_end, wait), cycles);
    return d->queue_end;
}
