// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "naive_internal.h"

typedef struct step {
    int64_t block, visit, instance, m0, rows, n0, lanes, k0, k1;
    bool block_first, visit_first, visit_last;
    int64_t amask, abus, abuf, bflag, bvec;
    int64_t *work;  // [R]
    int64_t *end;   // [R]
    int64_t lend;
} step;

typedef struct visit {
    int64_t instance, m0, rows, n0, lanes, source;  // source: p(t), -1: not filled
    bool final;
    bool *slot_valid;  // by A row of the tile
    int64_t end_block;
    int64_t last_step;  // -1: none
    int64_t drain_end, fill_end;
} visit;

typedef struct model {
    const sj_accel *accel;
    sj_variant variant;
    const sj_job *job;
    sj_outcome *out;
    bool skip;
    uint8_t *a, *b;  // what each value is: [instance][m][k], [instance][n][k]
    step *steps;
    visit *visits;
    int64_t step_count, visit_count;
    bool (*was_active)[256];  // [R][lane] at the latest issue
} model;

// ---- presence of single values

enum { IN_RANGE = 1, NONZERO = 2 };

static uint8_t *look_at(const sj_operand *o, int64_t instances, int64_t u_count, int64_t k_count) {
    uint8_t *seen = calloc((size_t)(instances * u_count * k_count) + 1, 1);
    for (int64_t i = 0; i < instances; i++) {
        const int64_t repeated = o->instance_period > 0 ? i % o->instance_period : i;
        for (int64_t u = 0; u < u_count; u++) {
            for (int64_t k = 0; k < k_count; k++) {
                const int64_t offset = sj_operand_offset(o, u, k);
                uint8_t *cell = &seen[(i * u_count + u) * k_count + k];
                *cell = offset == SJ_PADDING ? 0 : sj_values_nonzero(&o->values, offset + repeated * o->instance_shift) ? IN_RANGE | NONZERO : IN_RANGE;
            }
        }
    }
    return seen;
}

static const uint8_t *a_of(const model *x, const step *s) { return x->a + s->instance * x->job->m * x->job->k; }
static const uint8_t *b_of(const model *x, const step *s) { return x->b + s->instance * x->job->n * x->job->k; }

static bool in_range(const model *x, const uint8_t *side, int64_t u, int64_t k) { return (side[u * x->job->k + k] & IN_RANGE) != 0; }
static bool nonzero(const model *x, const uint8_t *side, int64_t u, int64_t k) { return (side[u * x->job->k + k] & NONZERO) != 0; }

static bool present(const model *x, const uint8_t *side, int64_t u, int64_t k) {
    return x->skip ? nonzero(x, side, u, k) : x->accel->issue_padding || in_range(x, side, u, k);
}

static bool any_of(const model *x, const uint8_t *side, int64_t u0, int64_t count, int64_t k) {
    for (int64_t u = u0; u < u0 + count; u++) {
        if (present(x, side, u, k)) {
            return true;
        }
    }
    return false;
}

// ---- one step

static int64_t step_lines(const model *x, const step *s, int64_t *all) {
    typedef struct group {
        int64_t unit, chunk;
    } group;
    const sj_operand instance = sj_operand_instance(&x->job->a, s->instance), *a = &instance;
    group *seen = malloc((size_t)(s->rows * (s->k1 - s->k0)) * sizeof *seen);
    int64_t count = 0, largest = 0, banks[64] = {0};
    for (int64_t m = s->m0; m < s->m0 + s->rows; m++) {
        for (int64_t k = s->k0; k < s->k1; k++) {
            const sj_place p = sj_operand_place(a, m, k, x->accel->k_tile);
            bool known = p.offset == SJ_PADDING;
            for (int64_t i = 0; i < count && !known; i++) {
                known = seen[i].unit == p.unit && seen[i].chunk == p.chunk;
            }
            if (!known) {
                seen[count++] = (group){p.unit, p.chunk};
            }
        }
    }
    for (int64_t i = 0; i < count; i++) {
        const int64_t size = sj_operand_group_count(a, seen[i].unit, seen[i].chunk, x->accel->k_tile);
        int64_t values = 0;
        for (int64_t j = 0; j < size; j++) {
            const int64_t offset = sj_operand_group_offset(a, seen[i].unit, seen[i].chunk, x->accel->k_tile, j);
            values += !x->skip || sj_values_nonzero(&a->values, offset) ? 1 : 0;
        }
        const int64_t lines = ceil_div(sj_accel_value_bytes(x->accel) * values, x->accel->line_bytes);
        banks[seen[i].unit % x->accel->a_banks] += lines;
        *all += lines;
    }
    for (int b = 0; b < 64; b++) {
        largest = max_of(largest, banks[b]);
    }
    free(seen);
    return largest;
}

static void count_macs(const model *x, const step *s, int64_t m, int64_t k, bool issued) {
    sj_counters *c = &x->out->counts;
    for (int64_t n = s->n0; n < s->n0 + s->lanes; n++) {
        const bool pair = in_range(x, a_of(x, s), m, k) && in_range(x, b_of(x, s), n, k);
        const bool both = nonzero(x, a_of(x, s), m, k) && nonzero(x, b_of(x, s), n, k);
        x->out->macs_total += pair ? 1 : 0;
        if (issued && pair) {
            *(both ? &c->mac_active : x->variant.machine == SJ_MACHINE_DENSE ? &c->mac_zero : &c->mac_gated) += 1;
        }
    }
}

// Of an issue, all lanes: one beyond N is not active.
static void count_changes(const model *x, const step *s, int64_t m, int64_t k) {
    bool *was = x->was_active[(m - s->m0) % x->accel->rows];
    for (int64_t lane = 0; lane < x->accel->lanes; lane++) {
        const bool active = lane < s->lanes && nonzero(x, a_of(x, s), m, k) && nonzero(x, b_of(x, s), s->n0 + lane, k);
        x->out->counts.mac_change += active != was[lane] ? 1 : 0;
        was[lane] = active;
    }
}

static void issue_row(const model *x, step *s, int64_t row) {
    sj_counters *c = &x->out->counts;
    const int64_t m = s->m0 + row;
    int64_t issues = 0;
    for (int64_t k = s->k0; k < s->k1; k++) {
        const bool issued = present(x, a_of(x, s), m, k) && any_of(x, b_of(x, s), s->n0, s->lanes, k);
        issues += issued ? 1 : 0;
        count_macs(x, s, m, k, issued);
        if (issued) {
            count_changes(x, s, m, k);
        }
    }
    s->work[row % x->accel->rows] += issues;
    c->a_pad_read += (uint64_t)issues;
    c->b_pad_read += (uint64_t)issues;
    if (issues > 0) {
        bool *valid = &x->visits[s->visit].slot_valid[row];
        c->acc_read += *valid ? 1 : 0;
        c->acc_write++;
        *valid = true;
    }
}

static void load_terms(const model *x, step *s) {
    const sj_accel *a = x->accel;
    const int64_t vb = sj_accel_value_bytes(a), part = min_of(a->rows, s->rows);
    sj_counters *c = &x->out->counts;
    int64_t values[256] = {0}, lines = 0, vectors = 0;
    for (int64_t row = 0; row < s->rows; row++) {
        for (int64_t k = s->k0; k < s->k1; k++) {
            values[row % a->rows] += present(x, a_of(x, s), s->m0 + row, k) ? 1 : 0;
        }
    }
    for (int64_t r = 0; r < part; r++) {
        s->abus += ceil_div(vb * values[r], a->a_bytes);
        c->a_pad_write += (uint64_t)values[r];
    }
    for (int64_t k = s->k0; k < s->k1; k++) {
        vectors += any_of(x, a_of(x, s), s->m0, s->rows, k) && any_of(x, b_of(x, s), s->n0, s->lanes, k) ? 1 : 0;
    }
    if (x->skip) {
        const int64_t flag_bits = x->job->flags_per_lane ? a->k_tile * a->lanes : a->k_tile;
        s->amask = part * ceil_div(ceil_div(a->slots * a->k_tile, 8), a->a_bytes);
        s->bflag = ceil_div(ceil_div(flag_bits, 8), a->b_bytes);
        c->mask_read += (uint64_t)(s->rows + (x->job->flags_per_lane ? s->lanes : 1));
        c->mask_write += (uint64_t)(s->rows + (x->job->flags_per_lane ? s->lanes : 1));
    }
    s->abuf = step_lines(x, s, &lines);
    s->bvec = vectors * ceil_div(a->lanes * vb, a->b_bytes);
    c->b_pad_write += (uint64_t)(a->rows * vectors);
    c->buffer_read += (uint64_t)(lines + vectors * ceil_div(a->lanes * vb, a->line_bytes));
    c->bus_a += (uint64_t)(s->amask + s->abus);
    c->bus_b += (uint64_t)(s->bflag + s->bvec);
    x->out->busy_a += (uint64_t)max_of(s->amask + s->abus, s->abuf);
    x->out->busy_b += (uint64_t)(s->bflag + s->bvec);
}

static void fill_step(const model *x, step *s) {
    int64_t longest = 0;
    load_terms(x, s);
    for (int64_t row = 0; row < s->rows; row++) {
        issue_row(x, s, row);
    }
    for (int64_t r = 0; r < min_of(x->accel->rows, s->rows); r++) {
        s->work[r] = max_of(1, s->work[r]);
        longest = max_of(longest, s->work[r]);
        x->out->counts.mask_scan += x->skip ? (uint64_t)s->work[r] : 0;
    }
    x->out->busy_work += (uint64_t)longest;
}

// ---- all steps and visits of the job

static bool keeps(const model *x, int64_t b) {  // block b keeps its accumulators for b + 1
    if (b + 1 >= x->job->block_count) {
        return false;
    }
    const sj_block *p = &x->job->blocks[b], *q = p + 1;
    const bool single = p->m1 - p->m0 <= x->accel->rows * x->accel->slots && p->n1 - p->n0 <= x->accel->lanes;
    return single && p->instance == q->instance && p->m0 == q->m0 && p->m1 == q->m1 && p->n0 == q->n0 && p->n1 == q->n1 && q->k0 == p->k1 && q->k1 > q->k0;
}

static int64_t source_of(const model *x, int64_t instance, int64_t m0, int64_t n0, int64_t k0) {
    for (int64_t t = x->visit_count - 1; t >= 0 && k0 > 0; t--) {
        if (x->visits[t].instance == instance && x->visits[t].m0 == m0 && x->visits[t].n0 == n0) {
            return t;
        }
    }
    return -1;
}

static void add_tile(model *x, int64_t b, int64_t m, int64_t n, bool *block_first) {
    const sj_block *k = &x->job->blocks[b];
    const bool enters = b == 0 || !keeps(x, b - 1);
    const int64_t rows = min_of(x->accel->rows * x->accel->slots, k->m1 - m), lanes = min_of(x->accel->lanes, k->n1 - n);
    if (enters) {
        const int64_t source = source_of(x, k->instance, m, n, k->k0);
        visit *v = &x->visits[x->visit_count++];
        *v = (visit){.instance = k->instance, .m0 = m, .rows = rows, .n0 = n, .lanes = lanes, .source = source, .slot_valid = calloc((size_t)rows, sizeof(bool)), .last_step = -1};
        memset(v->slot_valid, source >= 0, (size_t)rows);
    }
    visit *v = &x->visits[x->visit_count - 1];
    v->final = k->k1 == x->job->k;
    v->end_block = b;
    for (int64_t k0 = k->k0; k0 < k->k1; k0 += x->accel->k_tile) {
        step *s = &x->steps[x->step_count];
        *s = (step){.block = b, .visit = x->visit_count - 1, .instance = k->instance, .m0 = m, .rows = rows, .n0 = n, .lanes = lanes, .k0 = k0};
        s->k1 = min_of(k0 + x->accel->k_tile, k->k1);
        s->block_first = *block_first;
        s->visit_first = enters && k0 == k->k0;
        s->visit_last = s->k1 == k->k1 && !keeps(x, b);
        s->work = calloc((size_t)x->accel->rows, sizeof *s->work);
        s->end = calloc((size_t)x->accel->rows, sizeof *s->end);
        *block_first = false;
        v->last_step = x->step_count++;
        fill_step(x, s);
    }
}

static void add_blocks(model *x) {
    int64_t tiles = 0, steps = 0;
    for (int64_t b = 0; b < x->job->block_count; b++) {
        const sj_block *k = &x->job->blocks[b];
        const int64_t here = ceil_div(k->m1 - k->m0, x->accel->rows * x->accel->slots) * ceil_div(k->n1 - k->n0, x->accel->lanes);
        tiles += here;
        steps += here * ceil_div(k->k1 - k->k0, x->accel->k_tile);
    }
    x->visits = calloc((size_t)tiles + 1, sizeof *x->visits);
    x->steps = calloc((size_t)steps + 1, sizeof *x->steps);
    for (int64_t b = 0; b < x->job->block_count; b++) {
        const sj_block *k = &x->job->blocks[b];
        bool first = true;
        for (int64_t n = k->n0; n < k->n1; n += x->accel->lanes) {
            for (int64_t m = k->m0; m < k->m1; m += x->accel->rows * x->accel->slots) {
                add_tile(x, b, m, n, &first);
            }
        }
    }
}

// ---- time

typedef struct clock_state {
    naive_dram dram;
    int64_t obus_free, cycles;
    int64_t *load_end, *store_end;
} clock_state;

// A row on the O bus; `results`: on its way out for good, through the vector unit.
static int64_t transfer_beats(const model *x, const visit *v, int64_t bytes, bool results) {
    const int64_t data = ceil_div(x->accel->lanes * bytes, x->accel->o_bytes), through = results ? ceil_div(x->accel->lanes * x->job->out_ops, x->accel->vector_lanes) : 0;
    x->out->counts.bus_o += (uint64_t)(v->rows * data);
    x->out->counts.vector_op += results ? (uint64_t)(x->job->out_ops * v->rows * v->lanes) : 0;
    x->out->busy_drain += (uint64_t)(v->rows * max_of(data, through));
    return v->rows * max_of(data, through);
}

static void run_fill(model *x, clock_state *t, visit *v) {
    v->fill_end = max_of(t->obus_free, x->visits[v->source].drain_end) + transfer_beats(x, v, 4, false);
    t->obus_free = v->fill_end;
    x->out->counts.acc_write += (uint64_t)v->rows;
    x->out->counts.buffer_read += (uint64_t)(v->rows * ceil_div(v->lanes * 4, x->accel->line_bytes));
}

static void run_drain(model *x, clock_state *t, int64_t index, bool block_first) {
    visit *v = &x->visits[index];
    const int64_t bytes = v->final ? x->job->out_bytes : 4;
    int64_t start = t->obus_free;
    if (v->last_step >= 0) {
        for (int64_t r = 0; r < min_of(x->accel->rows, v->rows); r++) {
            start = max_of(start, x->steps[v->last_step].end[r] + 2);
        }
    }
    if (block_first && v->end_block >= 2) {
        start = max_of(start, t->store_end[v->end_block - 2]);
    }
    v->drain_end = start + transfer_beats(x, v, bytes, v->final);
    t->obus_free = v->drain_end;
    t->cycles = max_of(t->cycles, v->drain_end);
    x->out->counts.buffer_write += (uint64_t)(v->rows * ceil_div(v->lanes * bytes, x->accel->line_bytes));
    for (int64_t row = 0; row < v->rows; row++) {
        x->out->counts.acc_read += v->slot_valid[row] ? 1 : 0;
    }
    for (int64_t f = index + 1; f < x->visit_count; f++) {  // fills that stand right behind this drain
        visit *filled = &x->visits[f];
        if (filled->source >= 0 && max_of(f - x->accel->acc_banks, filled->source) == index) {
            run_fill(x, t, filled);
        }
    }
}

static int64_t last_end(const model *x, int64_t i) {
    int64_t end = 0;
    for (int64_t r = 0; i >= 0 && r < x->accel->rows; r++) {
        end = max_of(end, x->steps[i].end[r]);
    }
    return end;
}

static const step *ahead(const model *x, int64_t i, int64_t by) {
    static const step none = {0};
    return i + by < x->step_count && x->steps[i + by].block == x->steps[i].block ? &x->steps[i + by] : &none;
}

static void run_step(model *x, clock_state *t, int64_t i) {
    step *s = &x->steps[i];
    const step *next = ahead(x, i, 1), *second = ahead(x, i, 2);
    const visit *v = &x->visits[s->visit];
    int64_t lbeg = max_of(i > 0 ? x->steps[i - 1].lend : 0, last_end(x, i - 2));
    if (s->block_first) {
        lbeg = max_of(lbeg, t->load_end[s->block]) + max_of(s->amask, s->bflag) + max_of(max_of(next->amask, s->abuf), next->bflag);
    }
    s->lend = lbeg + max_of(max_of(second->amask + s->abus, next->abuf), max_of(second->bflag + s->bvec, 1));
    for (int64_t r = 0; r < x->accel->rows; r++) {
        const int64_t before = i > 0 ? x->steps[i - 1].end[r] : 0;
        int64_t beg = max_of(before, s->lend);
        if (s->visit_first && s->visit >= x->accel->acc_banks) {
            beg = max_of(beg, x->visits[s->visit - x->accel->acc_banks].drain_end);
        }
        if (s->visit_first && v->source >= 0) {
            beg = max_of(beg, v->fill_end);
        }
        s->end[r] = r < min_of(x->accel->rows, s->rows) ? beg + s->work[r] : before;
        t->cycles = max_of(t->cycles, s->end[r]);
    }
}

// Steps and drains of block b; returns the end of its last drain.
static int64_t run_block(model *x, clock_state *t, int64_t b, int64_t *lend) {
    bool first = true;
    int64_t drained = 0;
    for (int64_t i = 0; i < x->step_count; i++) {
        if (x->steps[i].block == b) {
            run_step(x, t, i);
            *lend = x->steps[i].lend;
            if (x->steps[i].visit_last) {
                run_drain(x, t, x->steps[i].visit, first);
                drained = x->visits[x->steps[i].visit].drain_end;
                first = false;
            }
        }
    }
    for (int64_t v = 0; v < x->visit_count && x->job->k == 0; v++) {
        if (x->visits[v].end_block == b) {
            run_drain(x, t, v, first);
            drained = x->visits[v].drain_end;
            first = false;
        }
    }
    return drained;
}

static void run_blocks(model *x, clock_state *t) {
    const sj_job *job = x->job;
    int64_t vend = 0;
    t->load_end = calloc((size_t)job->block_count + 2, sizeof *t->load_end);
    t->store_end = calloc((size_t)job->block_count + 2, sizeof *t->store_end);
    for (int64_t b = 0; b < job->block_count && b < 2; b++) {
        t->load_end[b] = naive_transfer_run(&t->dram, job->blocks[b].load_first, job->blocks[b].load_count, false, 0);
    }
    for (int64_t b = 0; b < job->block_count; b++) {
        const sj_block *k = &job->blocks[b];
        int64_t load_waits = 0, store_waits = 0;
        if (job->is_product) {
            store_waits = run_block(x, t, b, &load_waits);
        } else {
            vend = max_of(vend, max_of(t->load_end[b], b >= 2 ? t->store_end[b - 2] : 0)) + ceil_div(k->vector_ops, x->accel->vector_lanes);
            x->out->busy_work += (uint64_t)ceil_div(k->vector_ops, x->accel->vector_lanes);
            load_waits = store_waits = vend;
            t->cycles = max_of(t->cycles, vend);
        }
        if (b + 2 < job->block_count) {
            t->load_end[b + 2] = naive_transfer_run(&t->dram, job->blocks[b + 2].load_first, job->blocks[b + 2].load_count, false, load_waits);
        }
        t->store_end[b] = naive_transfer_run(&t->dram, k->store_first, k->store_count, true, store_waits);
        x->out->counts.vector_op += job->is_product ? 0 : (uint64_t)k->vector_ops;
    }
    t->cycles = max_of(t->cycles, t->dram.queue_end);
    free(t->load_end);
    free(t->store_end);
}

static void finish(const model *x, const clock_state *t) {
    sj_outcome *out = x->out;
    sj_counters *c = &out->counts;
    out->cycles = (uint64_t)t->cycles;
    const bool has_dram = !x->job->array_only;
    c->dram_refresh = has_dram ? (uint64_t)naive_refreshes(&t->dram, t->cycles) : 0;
    c->dram_background = has_dram ? out->cycles : 0;
    c->clock = c->leakage = out->cycles;
    c->mac_idle = (uint64_t)x->accel->lanes * c->a_pad_read - c->mac_active - c->mac_zero - c->mac_gated;
    out->macs_active = c->mac_active;
    out->macs_zero = c->mac_zero;
    out->macs_gated = c->mac_gated;
    out->macs_skipped = out->macs_total - c->mac_active - c->mac_zero - c->mac_gated;
    c->rng_sample = x->job->is_product ? 0 : (uint64_t)x->job->rng_samples;
    out->macs_padding = x->job->is_product ? (uint64_t)(sj_job_instances(x->job) * x->job->m * x->job->n * x->job->k) - out->macs_total : 0;
}

void naive_run(const sj_accel *accel, sj_variant variant, const sj_job *job, sj_outcome *out) {
    memset(out, 0, sizeof *out);
    model x = {.accel = accel, .variant = variant, .job = job, .out = out, .skip = variant.machine == SJ_MACHINE_SKIP};
    clock_state t = {0};
    x.was_active = calloc((size_t)accel->rows, sizeof *x.was_active);
    if (job->is_product) {
        x.a = look_at(&job->a, sj_job_instances(job), job->m, job->k);
        x.b = look_at(&job->b, sj_job_instances(job), job->n, job->k);
        add_blocks(&x);
    }
    naive_dram_open(&t.dram, accel, variant, job, out);
    run_blocks(&x, &t);
    finish(&x, &t);
    naive_dram_close(&t.dram);
    for (int64_t i = 0; i < x.step_count; i++) {
        free(x.steps[i].work);
        free(x.steps[i].end);
    }
    for (int64_t v = 0; v < x.visit_count; v++) {
        free(x.visits[v].slot_valid);
    }
    free(x.a);
    free(x.b);
    free(x.steps);
    free(x.visits);
    free(x.was_active);
}
