// SPDX-License-Identifier: Apache-2.0
// The closed model of docs/timing.md that the mapper minimises: means, on the skip machine at the nominal density of A and on the dense machine, both without a codec. docs/mapping.md, "Cost".
// Doubles; the build forbids fused operations (cmake/Warnings.cmake), so that the choice is the same everywhere.
#include <math.h>

#include "map_internal.h"

enum { PIPELINE = 2, CYCLES_A_BURST = 1, BURST_BYTES = 64, GROUP_VALUES = 512 };

sj_map_capacity sj_map_capacity_of(const sj_accel *accel) {
    const int64_t bytes = accel->buffer_kib * 1024;
    return (sj_map_capacity){bytes / 4, bytes / 8, bytes / 8};
}

static double max2(double a, double b) { return a > b ? a : b; }
static double min2(double a, double b) { return a < b ? a : b; }
static double up(int64_t a, int64_t b) { return (double)sj_ceil_div(a, b); }

// Share of the places p of a grid whose p * stride + offset lies in [0, source).
static double valid_places(int64_t grid, int64_t stride, int64_t offset, int64_t source) {
    const int64_t first = offset >= 0 ? 0 : sj_ceil_div(-offset, stride);
    const int64_t end = source - offset <= 0 ? 0 : sj_min64(sj_ceil_div(source - offset, stride), grid);
    return (double)sj_max64(end - first, 0) / (double)grid;
}

static int64_t gcd64(int64_t a, int64_t b) { return b == 0 ? a : gcd64(b, a % b); }

typedef struct shares {
    double mean;     // of (m,k) of A whose address lies inside of the image
    double fullest;  // the same in the physical row that has most of them
} shares;

// Positions are dealt to the physical rows in turn. Where R and the image's width share a divisor of 3 or more, some row never meets the left or right border; where R and the
// image share 3 lines or more, some row never meets the upper or lower one.
static shares in_range_shares(const sj_accel *accel, const sj_operand *o) {
    const bool window = o->kind == SJ_OPERAND_WINDOW;
    const bool off_sides = window && gcd64(accel->rows, o->grid_w) >= 3, off_ends = window && gcd64(accel->rows, o->grid_w * o->grid_h) >= 3 * o->grid_w;
    shares sum = {0.0, 0.0};
    for (int64_t t = 0; t < o->tap_count; t++) {
        const double y = valid_places(o->grid_h, o->stride, o->taps[t].dy, o->source_h), x = valid_places(o->grid_w, o->stride, o->taps[t].dx, o->source_w);
        sum.mean += y * x;
        sum.fullest += (off_ends && y > 0.0 ? 1.0 : y) * (off_sides && x > 0.0 ? 1.0 : x);
    }
    const double taps = o->tap_count > 0 ? (double)o->tap_count : 1.0;
    return (shares){sum.mean / taps, sum.fullest / taps};
}

// Distinct source pixels that `positions` neighbouring positions see through `taps` neighbouring taps: the whole rows and columns they span, where that is fewer.
static double distinct_pixels(const sj_operand *o, double positions, double taps) {
    const double lines = ceil(positions / (double)o->grid_w), columns = min2(positions, (double)o->grid_w);
    const double kernel_w = max2(1.0, ceil(sqrt((double)o->tap_count))), wide = min2(taps, kernel_w), high = max2(1.0, ceil(taps / kernel_w));
    const double stride = (double)o->stride;
    const double spanned = min2((lines - 1.0) * stride + high, lines * high) * min2(min2((columns - 1.0) * stride + wide, columns * wide), (double)o->source_w);
    return min2(positions * taps, spanned);
}

// From the first to the last source pixel that `positions` neighbouring positions see through `taps` neighbouring taps.
static double spanned_pixels(const sj_operand *o, double positions, double taps) {
    const double lines = ceil(positions / (double)o->grid_w), columns = min2(positions, (double)o->grid_w), stride = (double)o->stride;
    const double high = max2(1.0, ceil(taps / max2(1.0, ceil(sqrt((double)o->tap_count)))));
    const double rows = min2((lines - 1.0) * stride + high, (double)(o->images * o->source_h));
    return (rows - 1.0) * (double)o->source_w + columns * stride;
}

// Mean lines of a group of n values, each nonzero with probability d: half a line is lost to rounding.
static double group_lines(const sj_accel *accel, double n, double d) {
    const double bytes = n * (double)sj_accel_value_bytes(accel), line = (double)accel->line_bytes;
    return min2(max2(bytes * d / line + (d < 1.0 ? 0.5 : 0.0), 1.0), ceil(bytes / line));
}

// Lines of the fullest bank in a step (section 4): taken as spread evenly.
static double step_lines(const sj_accel *accel, const sj_operand *o, double rows, double k, double d) {
    const double kt = (double)accel->k_tile, c = (double)o->channel_count;
    if (o->kind == SJ_OPERAND_WINDOW) {
        const double taps = min2(max2(1.0, k / c), (double)o->tap_count);
        const double pixels = distinct_pixels(o, rows, taps), chunks = max2(1.0, ceil(min2(k, c) / kt));
        return pixels * chunks * group_lines(accel, min2(c, kt), d) / (double)accel->a_banks;
    }
    const double taps = min2(max2(1.0, ceil(rows / c)), (double)o->tap_count), channels = min2(rows, c);
    const double groups = o->tap_count > 1 || o->stride > 1 ? spanned_pixels(o, k, taps) / kt + 0.5 : ceil(k / kt);
    return channels * groups * group_lines(accel, kt, d) / (double)accel->a_banks;
}

// How far the fullest of `part` rows stands above the mean: rows of `present` values, each nonzero with probability d.
static double row_spread(double present, double d, double part) { return part > 1.0 ? sqrt(present * d * (1.0 - d) * 2.0 * log(part)) : 0.0; }

// Rows run ahead of each other by up to two steps, so that a step loses a part of the spread; sums that come back wait for all rows of a visit, which loses the rest.
static const double lost_a_step = 0.15, lost_a_filled_visit = 0.8;

static sj_map_step step_of(const sj_accel *accel, const sj_job *job, int point, const shares *in_range, int64_t rows, int64_t k) {
    const bool skip = point == SJ_MAP_SKIP;
    const double d = skip ? sj_map_density(job) : 1.0, part = (double)sj_min64(rows, accel->rows);
    const int64_t slots = sj_ceil_div(rows, accel->rows), vb = sj_accel_value_bytes(accel);
    const double present = (double)(slots * k) * in_range->fullest;  // A values of the fullest row
    const double values = (double)(rows * k) * in_range->mean * d / part;  // nonzero, of a mean row
    const double amask = !skip ? 0.0 : part * up(sj_ceil_div(accel->slots * accel->k_tile, 8), accel->a_bytes);
    const double beats = values * (double)vb / (double)accel->a_bytes;
    const double abus = part * (d < 1.0 || in_range->mean < 1.0 ? beats + 0.5 : ceil(beats));
    const double bflag = !skip ? 0.0 : up(job->flags_per_lane ? sj_ceil_div(accel->k_tile * accel->lanes, 8) : sj_ceil_div(accel->k_tile, 8), accel->b_bytes);
    const double any_a = 1.0 - pow(1.0 - d, (double)rows);
    const double bvec = (double)k * any_a * up(accel->lanes * vb, accel->b_bytes);
    const double abuf = step_lines(accel, &job->a, (double)rows, (double)k, d);
    const double spread = row_spread(present, d, part);
    return (sj_map_step){.work = max2(1.0, present * d + lost_a_step * spread),
                         .spread = spread,
                         .load = max2(max2(amask + abus, abuf), max2(bflag + bvec, 1.0)),
                         .prologue = max2(amask, bflag) + max2(max2(amask, bflag), abuf)};
}

static double store_bytes_of(const sj_job *job) {
    const sj_stream *s = &job->streams[2];
    return (double)(s->instance_length > 0 ? s->instance_length : s->length / sj_job_instances(job)) * (double)s->value_bytes;
}

static double step_cycles(const sj_map_step *s) { return max2(s->work, s->load); }

static void make_dram(sj_map_model *model) {
    const sj_accel *accel = model->accel;
    const sj_dram_type *type = accel->dram;
    const double interval = (double)sj_accel_cycles_from_ns(accel, type->refresh_interval_ns), window = (double)sj_accel_cycles_from_ns(accel, type->refresh_window_ns);
    double tick = (double)sj_accel_clock_khz(accel) / (double)type->clock_khz;
    // The first window comes after half an interval: a job that is over by then meets none.
    const double once = ((double)(model->job->streams[0].length + model->job->streams[1].length) * (double)sj_accel_value_bytes(accel) + store_bytes_of(model->job)) / BURST_BYTES;
    if (model->array_floor[SJ_MAP_SKIP] + once * tick * (double)type->burst_ticks > interval / 2.0 && window < interval) {
        tick *= interval / (interval - window);
    }
    model->burst_cycles = tick * (double)type->burst_ticks;
    model->miss_cycles = tick * (double)type->miss_ticks;
    model->turn_cycles = model->job->array_only ? 0.0 : tick * (double)type->turnaround_ticks;
    model->store_bytes = model->job->array_only ? 0.0 : store_bytes_of(model->job);
}

static void make_steps(sj_map_model *model) {
    const sj_accel *accel = model->accel;
    const sj_job *job = model->job;
    const shares in_range = in_range_shares(accel, &job->a);
    const int64_t mt = sj_ceil_div(job->m, model->m_unit), kt = sj_ceil_div(job->k, model->k_unit), nt = sj_ceil_div(job->n, accel->lanes);
    const int64_t last_rows = job->m - (mt - 1) * model->m_unit, last_k = job->k - (kt - 1) * model->k_unit;
    for (int i = 0; i < 2 * SJ_MAP_POINTS; i++) {
        const int point = i / 2, last = i % 2;
        sj_map_step *step = model->step[point][last];
        const int64_t rows = last == 0 ? sj_min64(job->m, model->m_unit) : last_rows;
        step[0] = step_of(accel, job, point, &in_range, rows, model->k_unit);
        step[1] = step_of(accel, job, point, &in_range, rows, last_k);
        const double visit = (double)(kt - 1) * step_cycles(&step[0]) + step_cycles(&step[1]);
        model->array_floor[point] += visit * (double)(last == 0 ? mt - 1 : 1) * (double)(nt * model->instances);
    }
}

void sj_map_model_make(const sj_accel *accel, const sj_job *job, sj_map_model *out) {
    *out = (sj_map_model){.accel = accel, .job = job, .tile_rows = accel->rows * accel->slots, .instances = sj_job_instances(job)};
    const bool chunked = job->streams[2].kind == SJ_STREAM_ACTIVATION;  // a block stores whole channel chunks
    out->m_unit = out->tile_rows;
    out->n_unit = chunked ? accel->lanes / gcd64(accel->lanes, accel->k_tile) * accel->k_tile : accel->lanes;
    out->k_unit = accel->k_tile;
    out->capacity = sj_map_capacity_of(accel);
    if (job->k > 0) {
        make_steps(out);
    }
    make_dram(out);
}

bool sj_map_fits(const sj_map_model *model, const sj_mapping *mapping, const sj_map_footprint *a, const sj_map_footprint *b) {
    const sj_job *job = model->job;
    const int64_t out_bytes = mapping->k < job->k ? 4 : job->out_bytes;
    const int64_t m = sj_min64(mapping->m, job->m), n = sj_min64(mapping->n, job->n);
    return a->largest <= model->capacity.a && b->largest <= model->capacity.b && m <= model->capacity.out / out_bytes / n;
}

// ---- DRAM

// `edge`: bursts that a segment moves beyond its own bytes.
static double transfer_cycles(const sj_map_model *model, double bytes, double segments, double edge) {
    if (bytes <= 0.0) {
        return 0.0;
    }
    const double bursts = bytes / BURST_BYTES + edge * segments, misses = bytes / (double)model->accel->dram->page_bytes + segments;
    return bursts * model->burst_cycles + misses * model->miss_cycles;
}

// Without a codec half a burst at the ends. With one, the groups that a segment shares with its neighbours (taken as half full), a burst of the size table and its page. One mapping
// serves both: the mean.
static double segment_edge(const sj_map_model *model, const sj_stream *stream, int64_t grain) {
    const double plain = 0.5;
    if (!stream->coded || grain == 0) {
        return plain;
    }
    const double shared = (double)(GROUP_VALUES - gcd64(grain, GROUP_VALUES)) * (double)stream->value_bytes / BURST_BYTES;
    return 0.5 * (plain + 0.5 * shared + 1.0 + model->miss_cycles / model->burst_cycles);
}

static double transposer_cycles(const sj_map_model *model, double tiles) { return tiles > 0.0 ? (tiles + 1.0) * (double)model->accel->k_tile : 0.0; }

// A mean load of one operand's block, and of the job's first.
typedef struct load {
    double cycles, tiles, first_cycles, first_tiles, bytes;
} load;

static load load_of(const sj_map_model *model, const sj_stream *stream, const sj_map_footprint *f) {
    const double blocks = f->blocks > 0 ? (double)f->blocks : 1.0, edge = segment_edge(model, stream, f->grain);
    return (load){.cycles = transfer_cycles(model, (double)f->bytes, (double)f->segments, edge) / blocks,
                  .tiles = (double)f->tiles / blocks,
                  .bytes = (double)f->bytes / blocks,
                  .first_cycles = transfer_cycles(model, (double)f->first_bytes, (double)f->first_segments, edge),
                  .first_tiles = (double)f->first_tiles};
}

// ---- Blocks

// The numbers of a mapping that its blocks share.
typedef struct plan {
    const sj_map_model *model;
    const sj_map_step (*step)[2];       // of the machine at hand
    int64_t mb, nb, kb;                 // blocks a dimension
    int64_t m_tiles[2], n_tiles[2];     // tiles of a whole block, of the last
    int64_t k_steps[2];
    bool last_tile_partial;
    load a, b;
    double store_cycles;                // of one output block, turnarounds included
    double result_beats[2], partial_beats[2];  // [last tile]: O bus cycles of a visit
} plan;

static double beats_of(const sj_accel *accel, int64_t rows, int64_t bytes, int64_t ops) {
    return (double)(rows * sj_max64(sj_ceil_div(accel->lanes * bytes, accel->o_bytes), sj_ceil_div(accel->lanes * ops, accel->vector_lanes)));
}

static void count_blocks(const sj_map_model *model, const sj_mapping *mapping, plan *p) {
    const sj_job *job = model->job;
    const int64_t lanes = model->accel->lanes;
    p->mb = sj_ceil_div(job->m, mapping->m);
    p->nb = sj_ceil_div(job->n, mapping->n);
    p->kb = sj_max64(sj_ceil_div(job->k, mapping->k), 1);
    p->m_tiles[0] = mapping->m / model->m_unit;
    p->m_tiles[1] = sj_ceil_div(job->m - (p->mb - 1) * mapping->m, model->m_unit);
    p->n_tiles[0] = mapping->n / lanes;
    p->n_tiles[1] = sj_ceil_div(job->n - (p->nb - 1) * mapping->n, lanes);
    p->k_steps[0] = mapping->k / model->k_unit;
    p->k_steps[1] = sj_ceil_div(job->k - (p->kb - 1) * mapping->k, model->k_unit);
}

static plan plan_of(const sj_map_model *model, const sj_mapping *mapping, const sj_map_footprint *a, const sj_map_footprint *b) {
    const sj_job *job = model->job;
    plan p = {.model = model, .a = load_of(model, &job->streams[0], a), .b = load_of(model, &job->streams[1], b)};
    count_blocks(model, mapping, &p);
    const double outputs = (double)(p.mb * p.nb);
    const double segments = job->streams[2].kind == SJ_STREAM_ACTIVATION ? up(mapping->n, model->accel->k_tile) : 1.0;
    p.store_cycles = transfer_cycles(model, model->store_bytes / outputs, segments, 0.5) + 2.0 * model->turn_cycles;
    const int64_t last_rows = job->m - (sj_ceil_div(job->m, model->m_unit) - 1) * model->m_unit;
    for (int i = 0; i < 2; i++) {
        const int64_t rows = i == 0 ? sj_min64(model->tile_rows, job->m) : last_rows;
        p.result_beats[i] = beats_of(model->accel, rows, job->out_bytes, job->out_ops);
        p.partial_beats[i] = beats_of(model->accel, rows, 4, 0);
    }
    return p;
}

// Cycles from a visit's first step to the next visit's: the load of a step runs beside the work of the step before.
static double visit_cycles(const sj_map_step step[2], int64_t steps, bool last_k) {
    const sj_map_step *first = &step[0], *last = &step[last_k ? 1 : 0];
    if (steps == 1) {
        return step_cycles(last);
    }
    return (double)(steps - 2) * step_cycles(first) + max2(first->work, last->load) + max2(last->work, first->load);
}

// A visit beside which the O bus has `beats` to move: with one accumulator bank it waits for them, with more they run beside another visit's work.
static double beside_bus(const plan *p, double visit, double beats) {
    const double bus = beats > 0.0 ? beats + PIPELINE : 0.0;
    return p->model->accel->acc_banks > 1 ? max2(visit, bus) : visit + bus;
}

// The tiles of one column of a block, of whose m tiles the last may be lower: its shorter visit then hides a whole tile's drain and fill (two banks).
static double column_cycles(const plan *p, double m_tiles, bool last_m, const double visit[2], const double bus[2]) {
    if (!last_m) {
        return m_tiles * beside_bus(p, visit[0], bus[0]);
    }
    if (m_tiles < 2.0 || p->model->accel->acc_banks != 2) {
        return (m_tiles - 1.0) * beside_bus(p, visit[0], bus[0]) + beside_bus(p, visit[1], bus[1]);
    }
    return (m_tiles - 1.0) * beside_bus(p, visit[0], bus[m_tiles == 2.0 ? 1 : 0]) + beside_bus(p, visit[1], bus[0]);
}

// Array cycles of one block. last_m, last_n, last_k: the last block of its dimension; first_k: no fills.
static double block_cycles(const plan *p, bool last_m, bool last_n, bool first_k, bool last_k) {
    const sj_map_model *model = p->model;
    const bool one_tile = p->m_tiles[last_m] * p->n_tiles[last_n] == 1;  // keeps its accumulators
    double visit[2] = {0.0, 0.0}, bus[2];
    for (int i = 0; i < 2; i++) {  // whole tiles, the product's last
        const double drain = last_k ? p->result_beats[i] : one_tile ? 0.0 : p->partial_beats[i];
        const bool filled = !first_k && !one_tile;
        bus[i] = drain + (filled ? p->partial_beats[i] : 0.0);
        visit[i] = model->job->k > 0 ? visit_cycles(p->step[i], p->k_steps[last_k], last_k) : 0.0;
        visit[i] += filled ? lost_a_filled_visit * p->step[i][0].spread : 0.0;
    }
    const double columns = (double)p->n_tiles[last_n], m_tiles = (double)p->m_tiles[last_m];
    const double tiles = columns * column_cycles(p, m_tiles, last_m, visit, bus);
    if (model->job->k == 0) {
        return tiles;
    }
    // Where a lower tile stands between whole ones, its short work hides less of the load behind it. And what the block before does not hide of the prologue.
    const bool begins_last = last_k && p->k_steps[1] == 1;
    const sj_map_step *high = &p->step[0][begins_last], *low = &p->step[1][begins_last];
    const double high_work = p->step[0][last_k].work, low_work = p->step[1][last_k].work, before = last_m ? low_work : high_work;
    const double uneven = last_m && m_tiles > 1.0 ? max2(low_work, high->load) + max2(high_work, low->load) - max2(low_work, low->load) - max2(high_work, high->load) : 0.0;
    return tiles + columns * uneven + max2(before, high->prologue + high->load) - max2(before, high->load);
}

typedef struct totals {
    double cycles, array, dram, load_bytes;
} totals;

// `count` blocks of one kind: the array works on one while the queue moves another's data.
static void add_blocks(const plan *p, double count, double array, bool loads_a, bool loads_b, bool stores, totals *t) {
    if (count <= 0.0) {
        return;
    }
    const double bus = (loads_a ? p->a.cycles : 0.0) + (loads_b ? p->b.cycles : 0.0);
    const double loads = max2(bus, loads_a ? transposer_cycles(p->model, p->a.tiles) : 0.0), dram = loads + (stores ? p->store_cycles : 0.0);
    t->cycles += count * max2(array, dram);
    t->array += count * array;
    t->dram += count * dram;
    t->load_bytes += count * ((loads_a ? p->a.bytes : 0.0) + (loads_b ? p->b.bytes : 0.0));
}

// All blocks of `count` output blocks of one kind. K in one block: what is loaded depends on the neighbours; split: every block loads both.
static void add_outputs(const plan *p, double count, bool last_m, bool last_n, bool loads_a, bool loads_b, totals *t) {
    if (count <= 0.0) {
        return;
    }
    if (p->kb == 1) {
        add_blocks(p, count, block_cycles(p, last_m, last_n, true, true), loads_a, loads_b, true, t);
        return;
    }
    add_blocks(p, count, block_cycles(p, last_m, last_n, true, false), true, true, false, t);
    if (p->kb > 2) {
        add_blocks(p, count * (double)(p->kb - 2), block_cycles(p, last_m, last_n, false, false), true, true, false, t);
    }
    add_blocks(p, count, block_cycles(p, last_m, last_n, false, true), true, true, true, t);
}

// One instance. The outer operand is loaded where the outer dimension moves on, the inner one with every block. A dimension of one block counts as the outer one.
static totals instance_totals(const plan *p, sj_order order) {
    totals t = {0};
    const bool m_outer = p->mb == 1 || (p->nb > 1 && order == SJ_ORDER_MN);
    const int64_t outer = m_outer ? p->mb : p->nb, inner = m_outer ? p->nb : p->mb;
    for (int lo = 0; lo < 2; lo++) {
        const double rows = lo == 1 ? 1.0 : (double)(outer - 1);
        for (int part = 0; part < 3; part++) {  // of the inner loop: its first block, those between, its last
            const double columns = part == 0 ? 1.0 : part == 1 ? (double)sj_max64(inner - 2, 0) : inner > 1 ? 1.0 : 0.0;
            const bool last_inner = part == 2 || inner == 1;
            add_outputs(p, rows * columns, m_outer ? lo == 1 : last_inner, m_outer ? last_inner : lo == 1, !m_outer || part == 0, m_outer || part == 0, &t);
        }
    }
    return t;
}

// What the sum over blocks, each with its own load and store beside it, has too much: beside a block run the load of the next and the store of the one before, so that the first has no
// store and the last no load.
static double not_beside(const plan *p) {
    const double first = block_cycles(p, p->mb == 1, p->nb == 1, true, p->kb == 1), last = block_cycles(p, p->mb == 1, p->nb == 1, p->kb == 1, true);
    const double loads = max2(p->a.cycles + p->b.cycles, transposer_cycles(p->model, p->a.tiles)), both = max2(last, loads + p->store_cycles);
    if (p->mb * p->nb * p->model->instances == 1 || p->kb > 1) {
        return both - last;
    }
    return 2.0 * both - max2(first, loads) - max2(last, p->store_cycles);
}

static double loads_floor(const sj_map_model *model, const sj_mapping *mapping, const sj_map_footprint *a, const sj_map_footprint *b) {
    const sj_job *job = model->job;
    const int64_t mb = sj_ceil_div(job->m, mapping->m), nb = sj_ceil_div(job->n, mapping->n);
    const bool split = mapping->k < job->k, m_outer = mb == 1 || (nb > 1 && mapping->order == SJ_ORDER_MN);
    const double bytes = (double)a->bytes * (double)(split || !m_outer ? nb : 1) + (double)b->bytes * (double)(split || m_outer ? mb : 1);
    return (double)model->instances * bytes / BURST_BYTES * model->burst_cycles;
}

double sj_map_floor(const sj_map_model *model, const sj_mapping *mapping, const sj_map_footprint *a, const sj_map_footprint *b) {
    const double loads = loads_floor(model, mapping, a, b);
    return max2(model->array_floor[SJ_MAP_SKIP], loads) + max2(model->array_floor[SJ_MAP_DENSE], loads);
}

// A product of more than 2^60 cycles has more blocks than are allowed; until that is told, sums must not overflow.
static int64_t whole(double v) { return v < 0x1p60 ? (int64_t)llround(v) : INT64_C(1) << 60; }

void sj_map_predict(const sj_map_model *model, const sj_mapping *mapping, const sj_map_footprint *a, const sj_map_footprint *b, sj_map_prediction *out) {
    plan p = plan_of(model, mapping, a, b);
    const double instances = (double)model->instances, loads = loads_floor(model, mapping, a, b);
    const double first_load = max2(p.a.first_cycles + p.b.first_cycles, transposer_cycles(model, p.a.first_tiles));
    const double exposed = first_load + p.result_beats[1] + PIPELINE + p.store_cycles;
    for (int point = SJ_MAP_POINTS - 1; point >= 0; point--) {  // skip last: the parts told are its own
        p.step = model->step[point];
        const totals t = instance_totals(&p, mapping->order);
        const double cycles = max2(instances * t.cycles - not_beside(&p) + exposed, max2(model->array_floor[point], loads));
        *(point == SJ_MAP_SKIP ? &out->cycles : &out->dense_cycles) = whole(cycles);
        out->array_cycles = whole(instances * t.array);
        out->dram_cycles = whole(instances * t.dram);
        out->dram_bytes = whole(instances * (t.load_bytes + model->store_bytes));
    }
    out->cost = out->cycles + out->dense_cycles + 2 * CYCLES_A_BURST * (out->dram_bytes / BURST_BYTES);
    out->exposed_cycles = whole(exposed);
    out->blocks = whole((double)p.mb * (double)p.nb * (double)p.kb * instances);
    out->footprint = (sj_map_capacity){a->largest, b->largest, sj_min64(mapping->m, model->job->m) * sj_min64(mapping->n, model->job->n) * (p.kb > 1 ? 4 : model->job->out_bytes)};
}
