// SPDX-License-Identifier: Apache-2.0
#include "random_job.h"

#include <stdlib.h>
#include <string.h>

static int64_t between(sj_random *r, int64_t low, int64_t high) { return low + (int64_t)sj_random_below(r, (uint64_t)(high - low + 1)); }
static bool chance(sj_random *r, double p) { return sj_random_unit(r) < p; }

static void random_accel(random_case *c, sj_random *r) {
    static const int64_t k_tiles[] = {8, 8, 16, 24, 64, 64, 72, 128, 136};
    c->dram = (sj_dram_type){"test", between(r, 100, 900) * 1000, between(r, 1, 5), between(r, 0, 50), between(r, 0, 20), 64 << between(r, 0, 7), between(r, 1, 4),
                             between(r, 300, 900), between(r, 0, 250), 16};
    c->accel = (sj_accel){.name = "random",
                          .dtype = chance(r, 0.5) ? SJ_DTYPE_BF16 : SJ_DTYPE_INT8,
                          .clock_mhz = (double)between(r, 100, 900),
                          .rows = between(r, 1, 6),
                          .lanes = between(r, 1, 9),
                          .slots = between(r, 1, 5),
                          .k_tile = k_tiles[between(r, 0, 8)],
                          .acc_banks = between(r, 1, 3),
                          .a_bytes = between(r, 1, 40),
                          .b_bytes = between(r, 1, 40),
                          .o_bytes = between(r, 1, 40),
                          .line_bytes = between(r, 1, 40),
                          .a_banks = between(r, 1, 5),
                          .dram = &c->dram,
                          .dram_channels = 1,
                          .vector_lanes = between(r, 1, 8),
                          .issue_padding = chance(r, 0.3)};
    if (chance(r, 0.1)) {  // shapes that have loops of their own
        c->accel.rows = 8 * between(r, 1, 2);
        c->accel.slots = chance(r, 0.5) ? 1 : 8;
    }
    if (chance(r, 0.15)) {  // several words of lanes, and counts about those at which a kernel takes another path
        c->accel.lanes = chance(r, 0.5) ? between(r, 10, 36) : between(r, 60, 140);
    }
    if (chance(r, 0.04)) {
        c->accel.rows = 1;
        c->accel.slots = between(r, 30, 130);
    }
}

// Zeros of every kind (also -0 and denormals) and finite values; density 0 and 1 included.
static void *random_values(sj_random *r, sj_dtype dtype, int64_t count) {
    static const double densities[] = {0.0, 0.03, 0.3, 0.8, 1.0};
    const double density = densities[between(r, 0, 4)];
    uint16_t *bf16 = malloc((size_t)count * sizeof *bf16 + 1);
    int8_t *int8 = (int8_t *)bf16;
    for (int64_t i = 0; i < count; i++) {
        const bool some = chance(r, density);
        if (dtype == SJ_DTYPE_INT8) {
            int8[i] = (int8_t)(some ? between(r, 1, 255) : 0);
        } else {
            bf16[i] = (uint16_t)(some ? between(r, 100, 150) << 7 | between(r, 0, 127) | between(r, 0, 1) << 15 : chance(r, 0.5) ? 0 : between(r, 0, 127) | between(r, 0, 1) << 15);
        }
    }
    return bf16;
}

// An ascending choice of `kept` of `all`, or NULL (identity) where all are kept.
static const int32_t *random_list(sj_random *r, int32_t *list, int64_t kept, int64_t all) {
    int64_t taken = 0;
    for (int64_t i = 0; i < all; i++) {
        if (between(r, 1, all - i) <= kept - taken) {
            list[taken++] = (int32_t)i;
        }
    }
    return kept == all && chance(r, 0.5) ? NULL : list;
}

// Where instances find their values. Returns how many values the last one that differs lies behind the first.
static int64_t random_instances(const random_case *c, sj_random *r, sj_operand *o) {
    const int64_t instances = sj_job_instances(&c->job);
    o->instance_shift = chance(r, 0.2) ? 0 : between(r, 1, 50);
    o->instance_period = chance(r, 0.5) ? 0 : between(r, 1, instances + 1);
    return o->instance_shift * (instances - 1);
}

static void random_window(random_case *c, sj_random *r, sj_operand *o, sj_operand_kind kind, sj_tap *taps, int32_t *channels, void **values) {
    o->kind = kind;
    o->tap_count = chance(r, 0.3) ? 1 : between(r, 1, 9);
    for (int64_t t = 0; t < o->tap_count; t++) {
        taps[t] = (sj_tap){.dy = between(r, -2, 2), .dx = between(r, -2, 2)};
    }
    o->taps = taps;
    o->stride = between(r, 1, 2);
    o->source_h = between(r, 1, 6);
    o->source_w = between(r, 1, 6);
    o->source_c = chance(r, 0.5) ? between(r, 1, 5) : between(r, 1, 40);
    if (chance(r, 0.15)) {  // whole words of channels
        o->source_c = 64 * between(r, 1, 2);
        o->tap_count = kind == SJ_OPERAND_WINDOW ? o->tap_count : 1;
    }
    o->channel_count = chance(r, 0.5) ? o->source_c : between(r, 1, o->source_c);
    o->channels = random_list(r, channels, o->channel_count, o->source_c);
    int64_t behind = random_instances(c, r, o);
    if (chance(r, 0.3)) {  // groups of channels
        o->channels = NULL;
        o->instance_shift = o->channel_count;
        o->instance_period = 0;
        o->source_c = o->channel_count * sj_job_instances(&c->job);
        behind = 0;
    }
    *values = random_values(r, c->accel.dtype, o->stored_images * o->source_h * o->source_w * o->source_c + behind);
    o->values = (sj_values){c->accel.dtype, *values};
}

static void random_grid(sj_random *r, sj_operand *o) {
    o->images = between(r, 1, 4);
    o->stored_images = between(r, 1, o->images);
    o->grid_h = between(r, 1, 5);
    o->grid_w = between(r, 1, 5);
}

static void random_weight(random_case *c, sj_random *r) {
    sj_operand *o = &c->job.b;
    const int64_t source_u = between(r, 1, 24), source_c = c->job.a.channel_count + between(r, 0, 3), taps = c->job.a.tap_count;
    const bool u_outer = chance(r, 0.5);
    o->kind = SJ_OPERAND_WEIGHT;
    o->tap_count = taps;
    o->taps = c->b_taps;
    o->channel_count = c->job.a.channel_count;
    o->channels = random_list(r, c->b_channels, o->channel_count, source_c);
    o->u_count = between(r, 1, source_u);
    o->u_list = random_list(r, c->u_list, o->u_count, source_u);
    o->u_stride = u_outer ? taps * source_c : 1;
    o->channel_stride = u_outer ? 1 : taps * source_u;
    for (int64_t t = 0; t < taps; t++) {
        c->b_taps[t].weight_offset = u_outer ? t * source_c : t * source_u;
    }
    const int64_t behind = random_instances(c, r, o);
    c->b_values = random_values(r, c->accel.dtype, taps * source_u * source_c + behind);
    o->values = (sj_values){c->accel.dtype, c->b_values};
}

static void random_operands(random_case *c, sj_random *r) {
    sj_job *j = &c->job;
    j->instances = chance(r, 0.5) ? between(r, 0, 1) : between(r, 2, 5);
    random_grid(r, &j->a);
    if (chance(r, 0.5)) {
        random_window(c, r, &j->a, SJ_OPERAND_WINDOW, c->a_taps, c->a_channels, &c->a_values);
        random_weight(c, r);
    } else {
        random_window(c, r, &j->a, SJ_OPERAND_WINDOW_T, c->a_taps, c->a_channels, &c->a_values);
        j->b.images = j->a.images;
        j->b.stored_images = between(r, 1, j->b.images);
        j->b.grid_h = j->a.grid_h;
        j->b.grid_w = j->a.grid_w;
        random_window(c, r, &j->b, SJ_OPERAND_WINDOW_T, c->b_taps, c->b_channels, &c->b_values);
        j->flags_per_lane = chance(r, 0.5);
    }
    if (chance(r, 0.05)) {  // K = 0: a phase without taps
        j->a.tap_count = j->b.tap_count = 0;
        if (j->a.kind == SJ_OPERAND_WINDOW_T) {
            j->a.kind = SJ_OPERAND_WINDOW;
            j->b = (sj_operand){.kind = SJ_OPERAND_WEIGHT, .values = j->a.values, .channel_count = j->a.channel_count, .u_count = between(r, 1, 20)};
        }
    }
    j->m = sj_operand_u_count(&j->a);
    j->n = sj_operand_u_count(&j->b);
    j->k = sj_operand_k_count(&j->a);
    j->out_bytes = chance(r, 0.5) ? 2 : 4;
    j->out_ops = chance(r, 0.4) ? 0 : chance(r, 0.5) ? between(r, 1, 3) : between(r, 1, 40);
}

static sj_stream stream_of(const random_case *c, sj_random *r, const sj_operand *o) {
    sj_stream s = {.kind = SJ_STREAM_WEIGHT, .value_bytes = sj_accel_value_bytes(&c->accel), .coded = chance(r, 0.8), .k_tile = c->accel.k_tile, .operand = o};
    if (o->kind == SJ_OPERAND_WEIGHT) {
        s.length = sj_operand_u_count(o) * sj_operand_k_count(o);
        return s;
    }
    s.kind = SJ_STREAM_ACTIVATION;
    s.values = o->values;
    s.images = o->images;
    s.stored_images = o->stored_images;
    s.source_h = o->source_h;
    s.source_w = o->source_w;
    s.source_c = o->source_c;
    s.y0 = between(r, 0, s.source_h - 1);
    s.x0 = between(r, 0, s.source_w - 1);
    s.y_step = between(r, 1, 2);
    s.x_step = between(r, 1, 2);
    s.y_count = between(r, 1, (s.source_h - 1 - s.y0) / s.y_step + 1);
    s.x_count = between(r, 1, (s.source_w - 1 - s.x0) / s.x_step + 1);
    s.channel_count = o->channel_count;
    s.channels = o->channels;
    if (chance(r, 0.3)) {  // the whole plane
        s.y0 = s.x0 = 0;
        s.y_step = s.x_step = 1;
        s.y_count = s.source_h;
        s.x_count = s.source_w;
    }
    s.length = s.images * s.y_count * s.x_count * s.channel_count;
    return s;
}

// A stream of as many instances as the job's operand has values for, or of fewer.
static void repeat_stream(const random_case *c, sj_random *r, sj_stream *s, const sj_operand *o) {
    const int64_t instances = sj_job_instances(&c->job), some = chance(r, 0.7) ? instances : between(r, 1, instances);
    if (some == 1 && chance(r, 0.5)) {
        return;
    }
    s->instance_length = s->length;
    s->instance_shift = chance(r, 0.8) ? o->instance_shift : between(r, 0, o->instance_shift);
    s->instance_period = chance(r, 0.8) ? o->instance_period : between(r, 0, some);
    s->length *= some;
}

static void random_streams(random_case *c, sj_random *r) {
    c->job.streams = c->streams;
    c->job.stream_count = 3;
    c->streams[0] = stream_of(c, r, &c->job.a);
    c->streams[1] = stream_of(c, r, &c->job.b);
    c->streams[2] = stream_of(c, r, &c->job.a);
    for (int i = 0; i < 3; i++) {
        repeat_stream(c, r, &c->streams[i], i == 1 ? &c->job.b : &c->job.a);
    }
    if (chance(r, 0.5)) {
        c->streams[2] = (sj_stream){.kind = SJ_STREAM_RAW, .length = between(r, 1, 5000), .value_bytes = between(r, 1, 4)};
    }
    const int64_t apart = chance(r, 0.5) ? 64 : 65536;
    int64_t next = 0;
    for (int i = 0; i < 3; i++) {
        c->streams[i].base = next;
        c->streams[i].table_base = (next + c->streams[i].length * c->streams[i].value_bytes + 63) / 64 * 64;
        next = (c->streams[i].table_base + c->streams[i].length / 512 + apart) / apart * apart;
    }
}

static sj_segment random_segment(const random_case *c, sj_random *r, int stream) {
    const int64_t length = c->streams[stream].length;
    const int64_t begin = between(r, 0, length), end = chance(r, 0.3) ? length : between(r, begin, length);
    return (sj_segment){stream, begin, end, chance(r, 0.7) ? 0 : between(r, 1, 9)};
}

static void random_segments(random_case *c, sj_random *r, sj_block *b, bool stores) {
    sj_job *j = &c->job;
    b->load_first = (int)j->segment_count;
    b->load_count = (int)between(r, 0, 3);
    for (int i = 0; i < b->load_count; i++) {
        c->segments[j->segment_count++] = random_segment(c, r, (int)between(r, 0, j->is_product ? 1 : 2));
    }
    b->store_first = (int)j->segment_count;
    b->store_count = stores ? (int)between(r, 0, 2) : 0;
    for (int i = 0; i < b->store_count; i++) {
        c->segments[j->segment_count] = random_segment(c, r, 2);
        c->segments[j->segment_count++].transpose_width = 0;
    }
}

// Block sizes and the order of the loops are free, instances outermost or innermost; k ascends for each output in any order.
static void random_blocks(random_case *c, sj_random *r) {
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    sj_job *j = &c->job;
    const bool instances_inside = chance(r, 0.3);
    const int64_t all[3] = {j->m, j->n, j->k}, unit[3] = {c->accel.rows * c->accel.slots, c->accel.lanes, c->accel.k_tile};
    int64_t size[3], count[3];
    for (int d = 0; d < 3; d++) {
        const int64_t units = (all[d] + unit[d] - 1) / unit[d];
        size[d] = unit[d] * (j->array_only ? units + 1 : between(r, 1, units + 1));
        count[d] = all[d] == 0 ? 1 : (all[d] + size[d] - 1) / size[d];
    }
    const int *order = orders[between(r, 0, 5)];
    const int64_t one = count[0] * count[1] * count[2];
    j->block_count = one * sj_job_instances(j);
    j->blocks = c->blocks = calloc((size_t)j->block_count, sizeof *c->blocks);
    j->segments = c->segments = calloc((size_t)j->block_count * 5, sizeof *c->segments);
    for (int64_t b = 0; b < j->block_count; b++) {
        const int64_t instance = instances_inside ? b % sj_job_instances(j) : b / one, within = instances_inside ? b / sj_job_instances(j) : b % one;
        int64_t at[3], from[3], to[3];
        at[order[2]] = within % count[order[2]];
        at[order[1]] = within / count[order[2]] % count[order[1]];
        at[order[0]] = within / count[order[2]] / count[order[1]];
        for (int d = 0; d < 3; d++) {
            from[d] = at[d] * size[d];
            to[d] = from[d] + size[d] < all[d] ? from[d] + size[d] : all[d];
        }
        j->blocks[b] = (sj_block){.m0 = from[0], .m1 = to[0], .n0 = from[1], .n1 = to[1], .k0 = from[2], .k1 = to[2], .instance = instance};
        if (!j->array_only) {
            random_segments(c, r, &j->blocks[b], to[2] == j->k);
        }
    }
}

static void random_passes(random_case *c, sj_random *r) {
    sj_job *j = &c->job;
    j->block_count = between(r, 0, 12);
    j->rng_samples = chance(r, 0.5) ? 0 : between(r, 1, 1000000);
    j->blocks = c->blocks = calloc((size_t)j->block_count + 1, sizeof *c->blocks);
    j->segments = c->segments = calloc((size_t)j->block_count * 5 + 1, sizeof *c->segments);
    for (int64_t b = 0; b < j->block_count; b++) {
        j->blocks[b].vector_ops = chance(r, 0.2) ? 0 : between(r, 1, 3000);
        j->vector_ops += j->blocks[b].vector_ops;
        random_segments(c, r, &j->blocks[b], true);
    }
}

void random_case_make(random_case *c, sj_random *rng) {
    memset(c, 0, sizeof *c);
    random_accel(c, rng);
    strcpy(c->job.layer, "random");
    random_operands(c, rng);
    random_streams(c, rng);
    c->job.is_product = chance(rng, 0.9);
    c->job.array_only = c->job.is_product && chance(rng, 0.2);
    if (c->job.is_product) {
        random_blocks(c, rng);
    } else {
        random_passes(c, rng);
    }
}

void random_case_free(random_case *c) {
    free(c->a_values);
    free(c->b_values);
    free(c->blocks);
    free(c->segments);
}
