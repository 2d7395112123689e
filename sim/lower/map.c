// SPDX-License-Identifier: Apache-2.0
// From a mapping to blocks and segments. The choice itself: map_search.c; docs/mapping.md.
#include <string.h>

#include "map_internal.h"

// Of one product: some 1.5 GiB of blocks, 4 GiB of segments.
#define BLOCKS_MAX (INT64_C(1) << 24)
#define SEGMENTS_MAX (INT64_C(1) << 27)

typedef struct builder {
    sj_job *job;
    bool counting;  // first pass: only sizes
    int64_t segments, blocks;
    int64_t raw_begin;
} builder;

static sj_status add_segment(void *context, sj_segment s, sj_error *err) {
    builder *b = context;
    if (b->segments == SEGMENTS_MAX) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s %s: block %lld of the mapping needs transfer %lld; allowed: %lld transfers a product", b->job->layer, sj_phase_name(b->job->phase),
                       (long long)b->blocks + 1, (long long)SEGMENTS_MAX + 1, (long long)SEGMENTS_MAX);
    }
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

static sj_status walk(const sj_accel *accel, builder *b, const sj_mapping *p, sj_error *err) {
    const sj_job *job = b->job;
    const int64_t mb = sj_ceil_div(job->m, p->m);
    const int64_t nb = sj_ceil_div(job->n, p->n);
    ranges r = {0};
    ranges previous = {0};
    bool first = true;
    for (int64_t i = 0; i < sj_job_instances(job) * mb * nb; i++) {
        const int64_t output = i % (mb * nb);
        const int64_t mi = p->order == SJ_ORDER_NM ? output % mb : output / nb;
        const int64_t ni = p->order == SJ_ORDER_NM ? output / mb : output % nb;
        for (int64_t k = 0; k == 0 || k < job->k; k += p->k) {
            r = (ranges){i / (mb * nb), mi * p->m, sj_min64((mi + 1) * p->m, job->m), ni * p->n, sj_min64((ni + 1) * p->n, job->n),
                         k, sj_min64(k + p->k, job->k)};
            SJ_TRY(add_block(accel, b, &r, first ? NULL : &previous, err));
            previous = r;
            first = false;
        }
    }
    return SJ_OK;
}

// Before any block is walked: their number is known from the sizes alone.
static sj_status check_blocks(const sj_job *job, const sj_mapping *p, sj_error *err) {
    const int64_t factors[] = {sj_ceil_div(job->m, p->m), sj_ceil_div(job->n, p->n), sj_max64(sj_ceil_div(job->k, p->k), 1)};
    int64_t count = sj_job_instances(job);
    for (int i = 0; i < 3; i++) {
        if (__builtin_mul_overflow(count, factors[i], &count)) {
            count = INT64_MAX;
        }
    }
    if (count > BLOCKS_MAX) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s %s: the mapping has %lld blocks; allowed: %lld a product", job->layer, sj_phase_name(job->phase), (long long)count, (long long)BLOCKS_MAX);
    }
    return SJ_OK;
}

static sj_status build(const sj_accel *accel, sj_job *job, const sj_mapping *p, sj_error *err) {
    SJ_TRY(check_blocks(job, p, err));
    builder b = {.job = job, .counting = true};
    SJ_TRY(walk(accel, &b, p, err));
    void *segments = NULL;
    void *blocks = NULL;
    SJ_TRY(sj_arena_take(sj_job_arena(job), b.segments, sizeof(sj_segment), &segments, err));
    SJ_TRY(sj_arena_take(sj_job_arena(job), b.blocks, sizeof(sj_block), &blocks, err));
    job->segments = segments;
    job->blocks = blocks;
    job->segment_count = b.segments;
    job->block_count = b.blocks;
    b = (builder){.job = job};
    return walk(accel, &b, p, err);
}

static int64_t round_up(int64_t v, int64_t unit) { return sj_ceil_div(sj_max64(v, 1), unit) * unit; }

// The pin, else the least of the search. *found false: nothing fits.
static sj_status choose(const sj_map_model *model, sj_map_choice *out, bool *pinned, bool *found, sj_error *err) {
    const sj_job *job = model->job;
    *pinned = false;
    *found = true;
    if (job->array_only) {
        const sj_map_footprint none = {0};
        out->mapping = (sj_mapping){round_up(job->m, model->m_unit), round_up(job->n, model->n_unit), round_up(job->k, model->k_unit), SJ_ORDER_MN};
        sj_map_predict(model, &out->mapping, &none, &none, &out->predicted);
        return SJ_OK;
    }
    const sj_pin *pin = sj_map_pin(model->accel, job->layer, job->phase);
    *pinned = pin != NULL;
    return pin != NULL ? sj_map_take_pin(model, pin, out, err) : sj_map_search(model, out, found, err);
}

// A product whose results leave plain because no block of whole channel chunks fits.
typedef struct plain_job {
    sj_job job;
    sj_stream streams[3];
} plain_job;

static void make_plain(const sj_job *job, plain_job *out) {
    out->job = *job;
    out->job.streams = out->streams;
    for (int i = 0; i < 3; i++) {
        out->streams[i] = job->streams[i];
    }
    out->streams[2] = sj_stream_raw(sj_job_instances(job) * job->m * job->n, job->streams[2].value_bytes);
}

typedef struct outcome {
    sj_map_model model;  // of the job, or of `plain`
    sj_map_choice choice;
    bool pinned, is_plain;
    plain_job plain;
} outcome;

static sj_status decide(const sj_accel *accel, const sj_job *job, outcome *out, sj_error *err) {
    bool found = false;
    out->is_plain = false;
    sj_map_model_make(accel, job, &out->model);
    SJ_TRY(choose(&out->model, &out->choice, &out->pinned, &found, err));
    if (!found && job->streams[2].kind == SJ_STREAM_ACTIVATION) {
        out->is_plain = true;
        make_plain(job, &out->plain);
        sj_map_model_make(accel, &out->plain.job, &out->model);
        SJ_TRY(choose(&out->model, &out->choice, &out->pinned, &found, err));
    }
    if (!found) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s %s: not even one tile of %lld x %lld outputs over %lld of K fits buffer.kib = %lld", job->layer, sj_phase_name(job->phase),
                       (long long)(accel->rows * accel->slots), (long long)accel->lanes, (long long)accel->k_tile, (long long)accel->buffer_kib);
    }
    return SJ_OK;
}

static bool remembers(const sj_accel *accel, const sj_job *job) { return job->memo != NULL && !job->array_only && sj_map_pin(accel, job->layer, job->phase) == NULL; }

static sj_status decide_once(const sj_accel *accel, const sj_job *job, outcome *o, sj_error *err) {
    sj_map_found found;
    if (!remembers(accel, job)) {
        return decide(accel, job, o, err);
    }
    if (sj_map_memo_find(accel, job, &found)) {
        o->choice = found.choice;
        o->is_plain = found.is_plain;
        if (o->is_plain) {
            make_plain(job, &o->plain);
        }
        return SJ_OK;
    }
    SJ_TRY(decide(accel, job, o, err));
    sj_map_memo_keep(accel, job, &(sj_map_found){o->choice, o->is_plain});
    return SJ_OK;
}

sj_status sj_map_product(const sj_accel *accel, sj_job *job, sj_error *err) {
    outcome o;
    SJ_TRY(decide_once(accel, job, &o, err));
    if (o.is_plain) {
        job->streams[2] = o.plain.streams[2];
        sj_job_place_streams(job);
    }
    return build(accel, job, &o.choice.mapping, err);
}

sj_status sj_map_cost(const sj_accel *accel, const sj_job *job, int64_t *cycles, sj_error *err) {
    outcome o;
    SJ_TRY(decide_once(accel, job, &o, err));
    *cycles = o.choice.predicted.cycles;
    return SJ_OK;
}

// INT64_MAX where the product cannot be mapped: the other order is taken, or refused where it is mapped.
static sj_status cost_or_none(const sj_accel *accel, const sj_job *job, int64_t *cycles, sj_error *err) {
    const sj_status status = sj_map_cost(accel, job, cycles, err);
    if (status == SJ_ERR_RANGE) {
        *cycles = INT64_MAX;
        return SJ_OK;
    }
    return status;
}

sj_status sj_map_swap(const sj_accel *accel, const sj_job *plain, const sj_job *swapped, bool *swap, sj_error *err) {
    const sj_pin *pin = sj_map_pin(accel, plain->layer, plain->phase);
    if (pin != NULL && pin->swap != SJ_PIN_SWAP_OPEN) {
        *swap = pin->swap == SJ_PIN_SWAP_YES;
        return SJ_OK;
    }
    if (accel->swap != SJ_SWAP_AUTO) {
        *swap = accel->swap == SJ_SWAP_ALWAYS;
        return SJ_OK;
    }
    int64_t cycles[2];
    SJ_TRY(cost_or_none(accel, plain, &cycles[0], err));
    SJ_TRY(cost_or_none(accel, swapped, &cycles[1], err));
    const double near = 1.05 * (double)sj_min64(cycles[0], cycles[1]);
    const bool close = (double)cycles[0] <= near && (double)cycles[1] <= near;
    *swap = close ? sj_map_density(swapped) <= sj_map_density(plain) : cycles[1] < cycles[0];
    return SJ_OK;
}

sj_status sj_map_explain(const sj_accel *accel, const sj_job *job, sj_map_report *out, sj_error *err) {
    outcome o;
    SJ_TRY(decide(accel, job, &o, err));
    *out = (sj_map_report){.phase = job->phase, .m = job->m, .n = job->n, .k = job->k, .instances = sj_job_instances(job), .density_a = sj_map_density(job),
                           .pinned = o.pinned, .capacity = sj_map_capacity_of(accel), .tried = 1, .count = 1};
    memcpy(out->layer, job->layer, sizeof out->layer);
    out->choices[0] = o.choice;
    return job->array_only ? SJ_OK : sj_map_runners_up(&o.model, out, err);
}
