// SPDX-License-Identifier: Apache-2.0
// The mapper: block sizes and loop order by least DRAM traffic at uncompressed sizes, so that one mapping serves every method, machine and codec (docs/lowering.md, "Mapper").
#include <stdlib.h>

#include "lower_internal.h"

enum { SIZES_MAX = 64, BLOCK_OVERHEAD_BYTES = 2048 };  // a block's prologue is worth some 40 cycles of the DRAM bus

typedef struct sizes {
    int count;
    int64_t value[SIZES_MAX];
} sizes;

// whole, then halves rounded up to a multiple of unit, down to unit.
static sizes candidates(int64_t whole, int64_t unit) {
    sizes s = {0};
    int64_t v = sj_max64(sj_ceil_div(whole, unit), 1) * unit;
    while (s.count < SIZES_MAX) {
        s.value[s.count++] = v;
        const int64_t half = sj_ceil_div(sj_ceil_div(v, 2), unit) * unit;
        if (half >= v) {
            break;
        }
        v = half;
    }
    return s;
}

typedef struct footprint {
    int64_t total, largest, first;  // bytes over all blocks, of the largest, of the first
} footprint;

typedef struct adder {
    const sj_job *job;
    int64_t bytes;
} adder;

static sj_status add_bytes(void *context, sj_segment s, sj_error *err) {
    adder *a = context;
    a->bytes += (s.end - s.begin) * a->job->streams[s.stream].value_bytes;
    return SJ_OK;
}

typedef sj_status (*segments_of)(const sj_job *, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, sj_segment_sink, void *, sj_error *);

static sj_status measure(const sj_job *job, segments_of segments, int64_t u_all, int64_t u_block, int64_t k_block, int64_t k_tile, int64_t capacity, footprint *out,
                         sj_error *err) {
    *out = (footprint){0, 0, -1};
    for (int64_t u = 0; u < u_all; u += u_block) {
        for (int64_t k = 0; k < job->k; k += k_block) {
            adder a = {job, 0};
            SJ_TRY(segments(job, 0, u, sj_min64(u + u_block, u_all), k, sj_min64(k + k_block, job->k), k_tile, add_bytes, &a, err));
            out->total += a.bytes;
            out->largest = sj_max64(out->largest, a.bytes);
            out->first = out->first < 0 ? a.bytes : out->first;
            if (out->largest > capacity) {
                return SJ_OK;  // does not fit: the caller sees it from largest
            }
        }
    }
    out->first = sj_max64(out->first, 0);
    return SJ_OK;
}

typedef struct plan {
    int64_t m_block, n_block, k_block;
    bool n_outer;
    int64_t cost;
} plan;

// Bytes moved, to DRAM or as partial sums, plus what cannot overlap (first load, last store) plus the blocks' overhead.
static int64_t traffic(const sj_accel *accel, const sj_job *job, const plan *p, const footprint *a, const footprint *b) {
    const int64_t m_tile = accel->rows * accel->slots;
    const int64_t n_tile = accel->lanes;
    const int64_t mb = sj_ceil_div(job->m, p->m_block);
    const int64_t nb = sj_ceil_div(job->n, p->n_block);
    const int64_t kb = sj_max64(sj_ceil_div(job->k, p->k_block), 1);
    const bool a_stays = kb == 1 && (!p->n_outer || mb == 1);  // consecutive blocks share A
    const bool b_stays = kb == 1 && (p->n_outer || nb == 1);
    const int64_t loads = a->total * (a_stays ? 1 : nb) + b->total * (b_stays ? 1 : mb);
    const int64_t last_m = job->m - (mb - 1) * p->m_block;
    const int64_t last_n = job->n - (nb - 1) * p->n_block;
    const bool one_tile = p->m_block <= m_tile && p->n_block <= n_tile;  // keeps its accumulators
    const int64_t partials = one_tile ? 0 : (kb - 1) * job->m * job->n * 2 * 4;  // out to the O buffer and back
    return loads + partials + a->first + b->first + last_m * last_n * job->out_bytes + mb * nb * kb * BLOCK_OVERHEAD_BYTES;
}

static int64_t greatest_common_divisor(int64_t a, int64_t b) { return b == 0 ? a : greatest_common_divisor(b, a % b); }

typedef struct capacity {
    int64_t a, b, out;  // bytes of one half (ping or pong)
} capacity;

static capacity buffer_split(const sj_accel *accel) {
    const int64_t bytes = accel->buffer_kib * 1024;
    return (capacity){bytes / 4, bytes / 8, bytes / 8};
}

static void try_plan(const sj_accel *accel, const sj_job *job, const capacity *fit, plan p, const footprint *a, const footprint *b, plan *best) {
    const int64_t out_bytes = p.k_block < job->k ? 4 : job->out_bytes;
    const int64_t outputs = sj_min64(p.m_block, job->m) * sj_min64(p.n_block, job->n);
    if (a->largest > fit->a || b->largest > fit->b || outputs > fit->out / out_bytes) {
        return;
    }
    p.cost = traffic(accel, job, &p, a, b);
    if (best->cost < 0 || p.cost < best->cost) {
        *best = p;
    }
}

static sj_status search(const sj_accel *accel, const sj_job *job, int64_t n_unit, plan *best, sj_error *err) {
    const capacity fit = buffer_split(accel);
    const sizes ms = candidates(job->m, accel->rows * accel->slots);
    const sizes ns = candidates(job->n, n_unit);
    const sizes ks = candidates(job->k, accel->k_tile);
    *best = (plan){.cost = -1};
    for (int ki = 0; ki < ks.count; ki++) {
        footprint a[SIZES_MAX];
        for (int mi = 0; mi < ms.count; mi++) {
            SJ_TRY(measure(job, sj_segments_a, job->m, ms.value[mi], ks.value[ki], accel->k_tile, fit.a, &a[mi], err));
        }
        for (int ni = 0; ni < ns.count; ni++) {
            footprint b;
            SJ_TRY(measure(job, sj_segments_b, job->n, ns.value[ni], ks.value[ki], accel->k_tile, fit.b, &b, err));
            for (int mi = 0; mi < ms.count; mi++) {
                try_plan(accel, job, &fit, (plan){ms.value[mi], ns.value[ni], ks.value[ki], false, -1}, &a[mi], &b, best);
                try_plan(accel, job, &fit, (plan){ms.value[mi], ns.value[ni], ks.value[ki], true, -1}, &a[mi], &b, best);
            }
        }
    }
    return SJ_OK;
}

typedef struct builder {
    sj_job *job;
    int64_t segment_room, block_room;
    bool counting;  // first pass: only sizes
    int64_t segments, blocks;
    int64_t raw_begin;
} builder;

static sj_status add_segment(void *context, sj_segment s, sj_error *err) {
    builder *b = context;
    if (!b->counting) {
        b->job->segments[b->segments] = s;
    }
    b->segments++;
    return SJ_OK;
}

typedef struct ranges {
    int64_t instance, m0, m1, n0, n1, k0, k1;
} ranges;

static bool same_operand(const ranges *x, const ranges *y, bool a) {
    const bool same_k = x->instance == y->instance && x->k0 == y->k0 && x->k1 == y->k1;
    return same_k && (a ? x->m0 == y->m0 && x->m1 == y->m1 : x->n0 == y->n0 && x->n1 == y->n1);
}

static sj_status add_block(const sj_accel *accel, builder *b, const ranges *r, const ranges *previous, sj_error *err) {
    const sj_job *job = b->job;
    const int64_t load_first = b->segments;
    if (!job->array_only) {
        if (previous == NULL || !same_operand(r, previous, true)) {
            SJ_TRY(sj_segments_a(job, r->instance, r->m0, r->m1, r->k0, r->k1, accel->k_tile, add_segment, b, err));
        }
        if (previous == NULL || !same_operand(r, previous, false)) {
            SJ_TRY(sj_segments_b(job, r->instance, r->n0, r->n1, r->k0, r->k1, accel->k_tile, add_segment, b, err));
        }
    }
    const int64_t store_first = b->segments;
    if (!job->array_only && r->k1 == job->k) {
        SJ_TRY(sj_segments_out(job, r->instance, r->m0, r->m1, r->n0, r->n1, b->raw_begin, add_segment, b, err));
        b->raw_begin += (r->m1 - r->m0) * (r->n1 - r->n0);
    }
    if (!b->counting) {
        b->job->blocks[b->blocks] = (sj_block){.instance = r->instance, .m0 = r->m0, .m1 = r->m1, .n0 = r->n0, .n1 = r->n1, .k0 = r->k0, .k1 = r->k1,
                                               .load_first = (int)load_first, .load_count = (int)(store_first - load_first),
                                               .store_first = (int)store_first, .store_count = (int)(b->segments - store_first)};
    }
    b->blocks++;
    return SJ_OK;
}

static sj_status walk(const sj_accel *accel, builder *b, const plan *p, sj_error *err) {
    const sj_job *job = b->job;
    const int64_t mb = sj_ceil_div(job->m, p->m_block);
    const int64_t nb = sj_ceil_div(job->n, p->n_block);
    ranges r = {0};
    ranges previous = {0};
    bool first = true;
    for (int64_t i = 0; i < sj_job_instances(job) * mb * nb; i++) {
        const int64_t output = i % (mb * nb);
        const int64_t mi = p->n_outer ? output % mb : output / nb;
        const int64_t ni = p->n_outer ? output / mb : output % nb;
        for (int64_t k = 0; k == 0 || k < job->k; k += p->k_block) {
            r = (ranges){i / (mb * nb), mi * p->m_block, sj_min64((mi + 1) * p->m_block, job->m), ni * p->n_block, sj_min64((ni + 1) * p->n_block, job->n),
                         k, sj_min64(k + p->k_block, job->k)};
            SJ_TRY(add_block(accel, b, &r, first ? NULL : &previous, err));
            previous = r;
            first = false;
        }
    }
    return SJ_OK;
}

static sj_status build(const sj_accel *accel, sj_job *job, const plan *p, sj_error *err) {
    builder b = {.job = job, .counting = true};
    SJ_TRY(walk(accel, &b, p, err));
    void *segments = NULL;
    void *blocks = NULL;
    if (b.segments > INT32_MAX) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s %s: the mapping needs %lld transfers; allowed: 2^31", job->layer, sj_phase_name(job->phase), (long long)b.segments);
    }
    SJ_TRY(sj_arena_take(sj_job_arena(job), b.segments, sizeof(sj_segment), &segments, err));
    SJ_TRY(sj_arena_take(sj_job_arena(job), b.blocks, sizeof(sj_block), &blocks, err));
    job->segments = segments;
    job->blocks = blocks;
    job->segment_count = b.segments;
    job->block_count = b.blocks;
    b = (builder){.job = job};
    return walk(accel, &b, p, err);
}

sj_status sj_map_product(const sj_accel *accel, sj_job *job, sj_error *err) {
    if (job->array_only) {
        const plan whole = {job->m, job->n, sj_max64(job->k, 1), false, 0};
        return build(accel, job, &whole, err);
    }
    const int64_t aligned = accel->lanes / greatest_common_divisor(accel->lanes, accel->k_tile) * accel->k_tile;  // so that a block stores whole channel chunks
    plan best;
    SJ_TRY(search(accel, job, job->streams[2].kind == SJ_STREAM_ACTIVATION ? aligned : accel->lanes, &best, err));
    if (best.cost < 0 && job->streams[2].kind == SJ_STREAM_ACTIVATION) {
        job->streams[2] = sj_stream_raw(job->m * job->n, job->out_bytes);  // no block of whole chunks fits: results leave plain
        sj_job_place_streams(job);
        SJ_TRY(search(accel, job, accel->lanes, &best, err));
    }
    if (best.cost < 0) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s %s: not even one tile of %lld x %lld outputs over %lld of K fits buffer.kib = %lld", job->layer, sj_phase_name(job->phase),
                       (long long)(accel->rows * accel->slots), (long long)accel->lanes, (long long)accel->k_tile, (long long)accel->buffer_kib);
    }
    return build(accel, job, &best, err);
}
