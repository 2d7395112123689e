// SPDX-License-Identifier: Apache-2.0
// DRAM transfers (docs/timing.md section 6). What a transfer moves and its cycles of progress do not depend on when it runs, as the queue's order is fixed.

#include "room.h"
#include "shared.h"

#define BURST 64
#define GROUP_VALUES 512

typedef struct builder {
    const sj_fast_run_info *run;
    sj_outcome *out;
    uint64_t **bits;      // [stream] nonzero bits, NULL where nobody asks
    uint32_t **before;    // [stream][group of 512 values + 1] bursts of the groups before; NULL where it is not coded
    bool *borrowed;       // [stream] bits are not the builder's
    bool *borrowed_groups;  // [stream] nor `before`
    uint16_t of_values[SJ_FAST_GROUP_MAX + 1];  // product: lines of a group of stream 0
    int64_t page_begin, page_end;  // bytes of the page moved last: it is open
    int64_t *open_row;    // [bank], -1: closed
    bool any, was_store;  // an earlier transfer, and its direction
    uint64_t moved, misses, codec_lines, tiles;  // of the transfer at hand; moved: bursts
} builder;

static void move_bursts(builder *b, int64_t address, int64_t bursts) {
    const sj_dram_type *type = b->run->accel->dram;
    b->moved += (uint64_t)bursts;
    if (address >= b->page_begin && address + bursts * BURST <= b->page_end) {
        return;
    }
    while (bursts > 0) {
        const int64_t page = address / type->page_bytes, bank = page % type->banks, row = page / type->banks;
        const int64_t here = sj_fast_min(bursts, sj_fast_ceil((page + 1) * type->page_bytes - address, BURST));
        if (b->open_row[bank] != row) {
            b->open_row[bank] = row;
            b->misses++;
        }
        b->page_begin = page * type->page_bytes;
        b->page_end = b->page_begin + type->page_bytes;
        address += here * BURST;
        bursts -= here;
    }
}

static void move_plain(builder *b, const sj_stream *s, const sj_segment *seg, bool store) {
    const int64_t begin = seg->begin * s->value_bytes, end = seg->end * s->value_bytes;
    const int64_t first = begin / BURST;
    // A store leaves a burst that it does not finish to the next one, except at the stream's end.
    const int64_t last = store && seg->end < s->length ? end / BURST - 1 : (end - 1) / BURST;
    if (last >= first) {
        move_bursts(b, s->base + first * BURST, last - first + 1);
    }
}

static int64_t group_bursts(const builder *b, const uint64_t *bits, int64_t begin, int64_t end, int64_t value_bytes) {
    const int64_t n = end - begin, plain = sj_fast_ceil(n * value_bytes, BURST);
    const int64_t coded = b->run->variant.codec == SJ_CODEC_RLE ? sj_fast_ceil(sj_fast_rle_tokens(bits, begin, end) * (5 + 8 * value_bytes), 8)
                                                                : sj_fast_ceil(n, 8) + sj_fast_count_range(bits, begin, end) * value_bytes;
    return sj_fast_min(sj_fast_ceil(coded, BURST), plain);
}

// Groups [first,last] of a stream whose groups all have bursts and never straddle pages: page by page.
static void move_pages(builder *b, const sj_stream *s, const uint32_t *before, int64_t first, int64_t last) {
    const sj_dram_type *type = b->run->accel->dram;
    const int64_t slot = GROUP_VALUES * s->value_bytes, end = s->base + (last + 1) * slot;
    int64_t page = sj_fast_div(s->base + first * slot, type->page_bytes), row = sj_fast_div(page, type->banks), bank = page - row * type->banks;
    for (;; page++) {
        if (b->open_row[bank] != row) {
            b->open_row[bank] = row;
            b->misses++;
        }
        if ((page + 1) * type->page_bytes >= end) {
            break;
        }
        row += bank + 1 == type->banks;
        bank = bank + 1 == type->banks ? 0 : bank + 1;
    }
    b->page_begin = page * type->page_bytes;
    b->page_end = b->page_begin + type->page_bytes;
    b->moved += before[last + 1] - before[first];
}

static void move_coded(builder *b, const sj_stream *s, const uint32_t *before, const sj_segment *seg, bool store) {
    const int64_t first = seg->begin / GROUP_VALUES;
    // A store moves the groups whose last value it holds; a group that began in an earlier store is moved whole.
    const int64_t last = store && seg->end < s->length ? seg->end / GROUP_VALUES - 1 : (seg->end - 1) / GROUP_VALUES;
    if (last < first) {
        return;
    }
    move_bursts(b, s->table_base + first / BURST * BURST, last / BURST - first / BURST + 1);
    const int64_t slot = GROUP_VALUES * s->value_bytes;
    if (b->run->variant.codec == SJ_CODEC_BITMASK && s->base % slot == 0 && b->run->accel->dram->page_bytes % slot == 0) {
        move_pages(b, s, before, first, last);
    } else {
        for (int64_t g = first; g <= last; g++) {
            move_bursts(b, s->base + g * slot, before[g + 1] - before[g]);
        }
    }
    const int64_t cut = (last + 1) * GROUP_VALUES > s->length ? s->length - last * GROUP_VALUES : GROUP_VALUES;  // values of the last group
    b->codec_lines += (uint64_t)((last - first) * GROUP_VALUES * s->value_bytes / BURST + sj_fast_ceil(cut * s->value_bytes, BURST));
}

static uint64_t lines_of(const builder *b, int64_t bytes) { return (uint64_t)sj_fast_ceil(bytes, b->run->accel->line_bytes); }

// Lines that a product's load writes into the buffer.
static uint64_t load_lines(const builder *b, const sj_segment *seg, int64_t value_bytes) {
    const int64_t n = seg->end - seg->begin, lanes = b->run->accel->lanes;
    if (seg->stream == 0) {
        const sj_stream *s = &b->run->job->streams[0];
        const uint64_t masks = b->run->skip ? lines_of(b, sj_fast_ceil(n, 8)) : 0;
        return masks + (s->kind == SJ_STREAM_ACTIVATION ? sj_fast_segment_lines(b->run, s, b->run->skip ? b->bits[0] : NULL, b->of_values, seg) : lines_of(b, n * value_bytes));
    }
    if (seg->stream == 1 && b->run->skip) {
        const int64_t flags = b->run->job->flags_per_lane ? n : sj_fast_ceil(n, lanes);
        return lines_of(b, n * value_bytes) + lines_of(b, sj_fast_ceil(flags, 8));
    }
    return seg->stream == 1 ? lines_of(b, n * value_bytes) : 0;
}

static void count_buffer(builder *b, const sj_segment *seg, int64_t value_bytes, bool store) {
    const uint64_t whole = lines_of(b, (seg->end - seg->begin) * value_bytes);
    sj_counters *c = &b->out->counts;
    if (!b->run->job->is_product) {
        c->buffer_read += whole;
        c->buffer_write += whole;
    } else if (store) {
        c->buffer_read += whole;
    } else {
        c->buffer_write += load_lines(b, seg, value_bytes);
    }
}

static bool is_coded(const sj_fast_run_info *run, const sj_stream *s) { return s->coded && run->variant.codec != SJ_CODEC_NONE; }

static void move_segment(builder *b, const sj_segment *seg, bool store) {
    const sj_stream *s = &b->run->job->streams[seg->stream];
    if (seg->end <= seg->begin) {
        return;
    }
    count_buffer(b, seg, s->value_bytes, store);
    if (is_coded(b->run, s)) {
        move_coded(b, s, b->before[seg->stream], seg, store);
    } else {
        move_plain(b, s, seg, store);
    }
    if (seg->transpose_width > 0 && !store) {
        b->tiles += (uint64_t)sj_fast_ceil(sj_fast_ceil(seg->end - seg->begin, seg->transpose_width), b->run->accel->k_tile);
    }
}

// The next transfer of the queue: segments [first, first + count).
static sj_transfer move_transfer(builder *b, int first, int count, bool store) {
    const sj_accel *accel = b->run->accel;
    const sj_dram_type *type = accel->dram;
    sj_counters *c = &b->out->counts;
    b->moved = b->misses = b->codec_lines = b->tiles = 0;
    for (int i = first; i < first + count; i++) {
        move_segment(b, &b->run->job->segments[i], store);
    }
    if (b->moved == 0) {
        return (sj_transfer){false, 0};
    }
    const int64_t turn = b->any && b->was_store != store ? type->turnaround_ticks : 0;
    const int64_t ticks = (int64_t)b->moved * type->burst_ticks + (int64_t)b->misses * type->miss_ticks + turn;
    const uint64_t transposer = b->tiles > 0 ? (b->tiles + 1) * (uint64_t)accel->k_tile : 0;
    const uint64_t cycles = sj_fast_max((uint64_t)sj_accel_cycles_from_ticks(accel, ticks), sj_fast_max(b->codec_lines, transposer));
    b->any = true;
    b->was_store = store;
    c->dram_activate += b->misses;
    *(store ? &c->dram_write : &c->dram_read) += b->moved;
    *(store ? &c->codec_encode : &c->codec_decode) += b->codec_lines;
    c->transpose += b->tiles;
    b->out->busy_dram += cycles;
    return (sj_transfer){true, cycles};
}

static void move_all(builder *b, sj_dram *dram) {
    const sj_job *job = b->run->job;
    for (int64_t i = -2; i < job->block_count; i++) {
        if (i + 2 < job->block_count) {
            const sj_block *ahead = &job->blocks[i + 2];
            dram->load[i + 2] = move_transfer(b, ahead->load_first, ahead->load_count, false);
        }
        if (i >= 0) {
            dram->store[i] = move_transfer(b, job->blocks[i].store_first, job->blocks[i].store_count, true);
        }
    }
}

static sj_status stream_bits(builder *b, int64_t stream, sj_error *err) {
    return b->bits[stream] != NULL ? SJ_OK : sj_fast_stream_bits(&b->run->job->streams[stream], b->run->shared, &b->bits[stream], &b->borrowed[stream], err);
}

static sj_status count_groups(builder *b, int64_t stream, sj_error *err) {
    const sj_stream *s = &b->run->job->streams[stream];
    uint32_t *before = NULL;
    SJ_TRY(stream_bits(b, stream, err));
    SJ_TRY(sj_fast_take_zeroed(&before, (uint64_t)sj_fast_ceil(s->length, GROUP_VALUES) + 1, sizeof *before, "codec groups", err));
    for (int64_t g = 0; g * GROUP_VALUES < s->length; g++) {
        before[g + 1] = before[g] + (uint32_t)group_bursts(b, b->bits[stream], g * GROUP_VALUES, sj_fast_min((g + 1) * GROUP_VALUES, s->length), s->value_bytes);
    }
    b->before[stream] = before;
    return SJ_OK;
}

static void release_groups(void *before) { sj_fast_give_back(before); }

static sj_status size_groups(builder *b, int64_t stream, sj_error *err) {
    const sj_stream *s = &b->run->job->streams[stream];
    sj_fast_shared *shared = b->run->shared;
    if (shared == NULL || !shared->lasting) {
        return count_groups(b, stream, err);
    }
    sj_fast_key key = sj_fast_key_of(SJ_SHARED_GROUPS);
    sj_fast_key_put(&key, (int64_t)b->run->variant.codec);
    sj_fast_key_stream(&key, s);
    b->before[stream] = sj_fast_shared_find(shared, &key);
    b->borrowed_groups[stream] = true;
    sj_status status = SJ_OK;
    if (b->before[stream] == NULL) {
        status = count_groups(b, stream, err);
        status = status == SJ_OK ? sj_fast_shared_keep(shared, &key, b->before[stream], 4 * ((uint64_t)sj_fast_ceil(s->length, GROUP_VALUES) + 1), release_groups, err) : status;
    }
    sj_fast_key_free(&key);
    return status;
}

// Bits of the streams whose nonzeros are asked for: coded ones, and A of a product on skip.
static sj_status pack_streams(builder *b, sj_error *err) {
    const sj_job *job = b->run->job;
    if (job->is_product && job->stream_count > 0 && job->streams[0].kind == SJ_STREAM_ACTIVATION && job->streams[0].k_tile != b->run->accel->k_tile) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s %s: stream A has chunks of %lld channels; the machine has %lld", job->layer, sj_phase_name(job->phase),
                       (long long)job->streams[0].k_tile, (long long)b->run->accel->k_tile);
    }
    if (job->is_product && job->stream_count > 0) {
        sj_fast_lines_of_values(b->run, &job->streams[0], b->of_values);
    }
    for (int64_t i = 0; i < job->segment_count; i++) {
        const int64_t stream = job->segments[i].stream;
        const bool by_lines = job->is_product && stream == 0 && b->run->skip && job->streams[0].kind == SJ_STREAM_ACTIVATION;
        SJ_TRY(by_lines ? stream_bits(b, stream, err) : SJ_OK);
        SJ_TRY(is_coded(b->run, &job->streams[stream]) && b->before[stream] == NULL ? size_groups(b, stream, err) : SJ_OK);
    }
    return SJ_OK;
}

static sj_status set_refresh(const sj_accel *accel, sj_dram *dram, sj_error *err) {
    dram->interval = (uint64_t)sj_accel_cycles_from_ns(accel, accel->dram->refresh_interval_ns);
    dram->window = (uint64_t)sj_accel_cycles_from_ns(accel, accel->dram->refresh_window_ns);
    dram->offset = dram->interval / 2;
    if (dram->window >= dram->interval) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: a refresh takes %llu of every %llu cycles at clock_mhz = %g: no cycle is left for transfers", accel->dram->name,
                       (unsigned long long)dram->window, (unsigned long long)dram->interval, accel->clock_mhz);
    }
    return SJ_OK;
}

static sj_status fill_dram(builder *b, sj_dram *dram, sj_error *err) {
    const uint64_t blocks = (uint64_t)b->run->job->block_count;
    const int64_t banks = b->run->accel->dram->banks;
    SJ_TRY(set_refresh(b->run->accel, dram, err));
    SJ_TRY(sj_fast_take_zeroed(&dram->load, blocks, sizeof *dram->load, "loads", err));
    SJ_TRY(sj_fast_take_zeroed(&dram->store, blocks, sizeof *dram->store, "stores", err));
    SJ_TRY(sj_fast_take_zeroed(&b->bits, (uint64_t)b->run->job->stream_count, sizeof *b->bits, "stream masks", err));
    SJ_TRY(sj_fast_take_zeroed(&b->before, (uint64_t)b->run->job->stream_count, sizeof *b->before, "stream masks", err));
    SJ_TRY(sj_fast_take_zeroed(&b->borrowed, (uint64_t)b->run->job->stream_count, sizeof *b->borrowed, "stream masks", err));
    SJ_TRY(sj_fast_take_zeroed(&b->borrowed_groups, (uint64_t)b->run->job->stream_count, sizeof *b->borrowed_groups, "stream masks", err));
    SJ_TRY(sj_fast_take_zeroed(&b->open_row, (uint64_t)banks, sizeof *b->open_row, "DRAM banks", err));
    for (int64_t bank = 0; bank < banks; bank++) {
        b->open_row[bank] = -1;
    }
    SJ_TRY(pack_streams(b, err));
    move_all(b, dram);
    return SJ_OK;
}

sj_status sj_fast_dram_make(const sj_fast_run_info *run, sj_dram *out, sj_outcome *counts, sj_error *err) {
    builder b = {.run = run, .out = counts};
    *out = (sj_dram){.sink = run->sink};
    const sj_status status = fill_dram(&b, out, err);
    for (int64_t i = 0; b.borrowed_groups != NULL && i < run->job->stream_count; i++) {
        sj_fast_give_back(b.borrowed[i] ? NULL : b.bits[i]);
        sj_fast_give_back(b.borrowed_groups[i] ? NULL : b.before[i]);
    }
    sj_fast_give_back(b.bits);
    sj_fast_give_back(b.before);
    sj_fast_give_back(b.borrowed);
    sj_fast_give_back(b.borrowed_groups);
    sj_fast_give_back(b.open_row);
    if (status != SJ_OK) {
        sj_fast_dram_free(out);
    }
    return status;
}

void sj_fast_dram_free(sj_dram *dram) {
    sj_fast_give_back(dram->load);
    sj_fast_give_back(dram->store);
    *dram = (sj_dram){0};
}

// The cycle after the last of `cycles` cycles of progress from `start` on, refresh windows left out.
static uint64_t progress_end(const sj_dram *d, uint64_t start, uint64_t cycles) {
    uint64_t at = start;
    while (true) {
        // Window that holds `at`, or the next one.
        const uint64_t j = at < d->offset + d->window ? 0 : (at - d->offset - d->window) / d->interval + 1;
        const uint64_t begin = d->offset + j * d->interval;
        const uint64_t free_cycles = at < begin ? begin - at : 0;
        if (cycles <= free_cycles) {
            return at + cycles;
        }
        cycles -= free_cycles;
        at = begin + d->window;
    }
}

static uint64_t run_transfer(sj_dram *dram, const sj_transfer *transfer, uint64_t ready, const char *what, int64_t b) {
    if (!transfer->queued) {
        return 0;
    }
    const uint64_t start = sj_fast_max(dram->queue_end, ready);
    dram->queue_end = progress_end(dram, start, transfer->cycles);
    sj_fast_slice(dram->sink, SJ_TRACK_DRAM, 0, what, b, start, dram->queue_end);
    return dram->queue_end;
}

uint64_t sj_fast_dram_load(sj_dram *dram, int64_t b, uint64_t ready) { return run_transfer(dram, &dram->load[b], ready, "load", b); }

uint64_t sj_fast_dram_store(sj_dram *dram, int64_t b, uint64_t ready) { return run_transfer(dram, &dram->store[b], ready, "store", b); }

uint64_t sj_fast_dram_refreshes(const sj_dram *dram, uint64_t cycles) {
    return cycles <= dram->offset ? 0 : (cycles - dram->offset - 1) / dram->interval + 1;
}
