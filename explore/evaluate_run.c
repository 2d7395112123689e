// SPDX-License-Identifier: Apache-2.0
// The two loops: units of a trace outside, machines inside.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evaluate_internal.h"
#include "sj_file.h"

// A point on the way to its result. Sums over traces are weighed; those of the trace at hand are whole numbers.
typedef struct eval_sum {
    const sj_eval_point *point;
    sj_point_result *result;
    eval_timing *timing;
    int64_t batch;       // images, of the trace at hand
    sj_stat stat;        // of the trace at hand, in the order of its units
    sj_energy energy;    // typical, weighed
    sj_spread spread;    // weighed
    double cycles, dram_bytes;
} eval_sum;

typedef struct batch {
    sj_evaluator *e;
    int64_t count, timing_count;
    eval_sum *sums;
    eval_sum **order;      // by timing
    eval_timing *timings;  // [timing_count] of the trace at hand, in order
} batch;

static int64_t batch_of(const eval_trace *t, const sj_eval_point *p) { return p->batch > 0 ? p->batch : t->batch; }

static bool is_the_machines(sj_status status) { return status == SJ_ERR_RANGE || status == SJ_ERR_UNSUPPORTED || status == SJ_ERR_CONFIG; }

static void refuse(eval_sum *s, const char *reason) {
    s->result->valid = false;
    snprintf(s->result->reason, sizeof s->result->reason, "%.*s", (int)sizeof s->result->reason - 1, reason);
}

static void refuse_timing(const batch *b, eval_timing *timing, const char *reason) {
    timing->failed = true;
    for (int64_t i = 0; i < b->count; i++) {
        if (b->sums[i].timing == timing) {
            refuse(&b->sums[i], reason);
        }
    }
}

// ---- which points are simulated together

static int compare_sums(const void *left, const void *right) {
    const eval_sum *a = *(eval_sum *const *)left, *b = *(eval_sum *const *)right;
    const int order = sj_eval_compare_timing(a->point, a->batch, b->point, b->batch);
    return order != 0 ? order : a < b ? -1 : a > b;
}

static void group_points(batch *b, const eval_trace *t) {
    int64_t valid = 0;
    for (int64_t i = 0; i < b->count; i++) {
        b->sums[i].timing = NULL;
        b->sums[i].batch = batch_of(t, b->sums[i].point);
        if (b->sums[i].result->valid) {
            b->order[valid++] = &b->sums[i];
        }
    }
    qsort(b->order, (size_t)valid, sizeof *b->order, compare_sums);
    b->timing_count = 0;
    for (int64_t i = 0; i < valid; i++) {
        const eval_sum *s = b->order[i];
        const eval_timing *last = b->timing_count > 0 ? &b->timings[b->timing_count - 1] : NULL;
        if (last == NULL || sj_eval_compare_timing(last->point, last->batch, s->point, s->batch) != 0) {
            b->timings[b->timing_count++] = (eval_timing){.point = s->point, .batch = s->batch};
        }
        b->order[i]->timing = &b->timings[b->timing_count - 1];
    }
}

// ---- one unit

// On a machine that issues zeros: a lane's zero is mac.zero on dense, mac.gated on gate. Everything else is the same.
static void as_dense(sj_stat *s) {
    s->counts.mac_zero = s->counts.mac_gated;
    s->macs_zero = s->macs_gated;
    s->counts.mac_gated = 0;
    s->macs_gated = 0;
}

static sj_status run_jobs(const batch *b, eval_timing *timing, sj_job *const *jobs, int count, sj_error *err) {
    const bool skip = timing->point->machine == SJ_MACHINE_SKIP;
    const sj_variant variant = {skip ? SJ_MACHINE_SKIP : SJ_MACHINE_GATE, timing->point->accel.codec};
    for (int j = 0; j < count; j++) {
        sj_outcome outcome;
        if (b->e->options.stopped != NULL && b->e->options.stopped(b->e->options.context)) {
            return SJ_FAIL(err, SJ_ERR_INTERRUPTED, "interrupted");
        }
        memset(&outcome, 0, sizeof outcome);
        SJ_TRY(sj_fast_run_shared(&timing->point->accel, variant, jobs[j], b->e->shared, &outcome, err));
        SJ_TRY(sj_stat_add(&timing->stat, &outcome, 0, err));
    }
    return SJ_OK;
}

static sj_status time_unit(const batch *b, sj_lowering *lowering, const eval_unit *unit, eval_timing *timing, sj_error *err) {
    sj_job *const *jobs;
    int count = 0;
    sj_densities densities;
    memset(&timing->stat, 0, sizeof timing->stat);
    SJ_TRY(sj_lowering_set_accel(lowering, &timing->point->accel, err));
    SJ_TRY(sj_lowering_jobs(lowering, unit->index, &jobs, &count, &densities, err));
    return run_jobs(b, timing, jobs, count, err);
}

static sj_status price_unit(eval_sum *s, int64_t at, sj_error *err) {
    sj_stat stat = s->timing->stat;
    if (s->point->machine == SJ_MACHINE_DENSE) {
        as_dense(&stat);
    }
    stat.energy[SJ_TYPICAL] = sj_price(s->point->prices, &stat.counts, SJ_TYPICAL);
    if (s->result->units != NULL) {
        s->result->units[at] = (sj_unit_result){.cycles = stat.cycles, .dram_bytes = 64 * (stat.counts.dram_read + stat.counts.dram_write), .energy_pj = stat.energy[SJ_TYPICAL].total_pj};
    }
    return sj_stat_accumulate(&s->stat, &stat, err);
}

static sj_status run_unit(batch *b, sj_lowering *lowering, const eval_unit *unit, eval_timing *first, const eval_timing *end, sj_error *err) {
    for (eval_timing *t = first; t < end; t++) {
        if (t->failed) {
            continue;
        }
        const sj_status status = time_unit(b, lowering, unit, t, err);
        if (status != SJ_OK && !is_the_machines(status)) {
            return status == SJ_ERR_INTERRUPTED ? status : sj_error_prefix(err, "layer %s, %s", unit->unit.layer, sj_phase_name(unit->unit.phase));
        }
        if (status != SJ_OK) {
            refuse_timing(b, t, err->message);
        }
    }
    return SJ_OK;
}

static sj_status price_units(batch *b, int64_t at, const eval_timing *first, const eval_timing *end, sj_error *err) {
    for (int64_t i = 0; i < b->count; i++) {
        eval_sum *s = &b->sums[i];
        if (s->timing >= first && s->timing < end && !s->timing->failed) {
            SJ_TRY(price_unit(s, at, err));
        }
    }
    return SJ_OK;
}

// ---- one trace

static sj_status open_lowering(sj_evaluator *e, const eval_trace *t, const eval_timing *first, sj_error *err) {
    const sj_dtype dtype = first->point->accel.dtype;
    const sj_lower_options options = {.batch = first->batch, .fuse = e->options.fuse, .quantise = e->options.quantise && dtype == SJ_DTYPE_INT8, .memo = e->memo};
    if (e->lowering != NULL && e->lowering_of == t && e->lowering_batch == first->batch && e->lowering_dtype == dtype) {
        return SJ_OK;
    }
    sj_lowering_close(e->lowering);
    e->lowering = NULL;
    SJ_TRY(sj_lowering_open(t->trace, t->step, &first->point->accel, &options, &e->lowering, err));
    e->lowering_of = t;
    e->lowering_batch = first->batch;
    e->lowering_dtype = dtype;
    return SJ_OK;
}

// Machines of one data type and batch.
static sj_status run_group(batch *b, const eval_trace *t, int64_t unit_base, eval_timing *first, const eval_timing *end, sj_error *err) {
    sj_status status = open_lowering(b->e, t, first, err);
    if (is_the_machines(status)) {
        for (eval_timing *i = first; i < end; i++) {
            refuse_timing(b, i, err->message);
        }
        return SJ_OK;
    }
    for (int64_t u = 0; u < t->unit_count && status == SJ_OK; u++) {
        status = run_unit(b, b->e->lowering, &t->units[u], first, end, err);
        status = status == SJ_OK ? price_units(b, unit_base + u, first, end, err) : status;
        sj_fast_shared_clear(b->e->shared);
    }
    b->e->resting = first->point->accel;
    sj_error ignored;
    (void)sj_lowering_set_accel(b->e->lowering, &b->e->resting, &ignored);  // of the same data type
    return status;
}

static void refuse_wrong_pins(batch *b, const eval_trace *t) {
    for (int64_t i = 0; i < b->timing_count; i++) {
        sj_error wrong;
        if (sj_selection_check_pins(&b->timings[i].point->accel, t->trace, &wrong) != SJ_OK) {
            refuse_timing(b, &b->timings[i], wrong.message);
        }
    }
}

// Spreads are linear in the counts, so that those of traces add up, weighed: the same figures are wrong in all of them together.
static void add_trace(eval_sum *s, double weight) {
    sj_spread spread;
    sj_price_spread(s->point->prices, &s->stat.counts, &spread);
    for (int source = 0; source < s->point->prices->source_count; source++) {
        for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
            for (int end = 0; end < 2; end++) {
                s->spread.pj[source][c][end] += weight * spread.pj[source][c][end];
            }
        }
    }
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        s->energy.component_pj[c] += weight * s->stat.energy[SJ_TYPICAL].component_pj[c];
    }
    s->energy.total_pj += weight * s->stat.energy[SJ_TYPICAL].total_pj;
    s->cycles += weight * (double)s->stat.cycles;
    s->dram_bytes += weight * 64.0 * (double)(s->stat.counts.dram_read + s->stat.counts.dram_write);
    memset(&s->stat, 0, sizeof s->stat);
}

static sj_status run_trace(batch *b, int trace, int64_t unit_base, sj_error *err) {
    const eval_trace *t = &b->e->traces[trace];
    group_points(b, t);
    refuse_wrong_pins(b, t);
    for (int64_t first = 0, end; first < b->timing_count; first = end) {
        const eval_timing *lead = &b->timings[first];
        for (end = first + 1; end < b->timing_count && b->timings[end].batch == lead->batch && b->timings[end].point->accel.dtype == lead->point->accel.dtype;) {
            end++;
        }
        SJ_TRY(run_group(b, t, unit_base, &b->timings[first], &b->timings[end], err));
    }
    for (int64_t i = 0; i < b->count; i++) {
        if (b->sums[i].result->valid) {
            add_trace(&b->sums[i], b->e->options.weights[trace]);
        }
    }
    return SJ_OK;
}

// ---- all of it

static void finish(const sj_evaluator *e, eval_sum *s) {
    sj_point_result *r = s->result;
    memset(r->values, 0, sizeof r->values);
    r->values[SJ_SWEEP_area_mm2] = s->point->area_mm2;
    r->unit_count = 0;
    if (!r->valid) {
        return;
    }
    r->unit_count = r->units != NULL ? sj_evaluator_unit_total(e) : 0;
    r->values[SJ_SWEEP_energy_pj] = s->energy.total_pj;
    r->values[SJ_SWEEP_energy_low_pj] = sj_energy_end(&s->energy, &s->spread, SJ_LOW).total_pj;
    r->values[SJ_SWEEP_energy_high_pj] = sj_energy_end(&s->energy, &s->spread, SJ_HIGH).total_pj;
    r->values[SJ_SWEEP_cycles] = s->cycles;
    r->values[SJ_SWEEP_seconds] = s->cycles / (s->point->accel.clock_mhz * 1e6);
    r->values[SJ_SWEEP_edp_pj_s] = s->energy.total_pj * r->values[SJ_SWEEP_seconds];
    r->values[SJ_SWEEP_dram_bytes] = s->dram_bytes;
}

static sj_status start(batch *b, const sj_eval_point *points, sj_point_result *results, sj_error *err) {
    const uint64_t count = (uint64_t)b->count;
    void *memory;
    SJ_TRY(sj_alloc(&memory, count, sizeof *b->sums, "points", err));
    b->sums = memory;
    SJ_TRY(sj_alloc(&memory, count, sizeof *b->order, "points", err));
    b->order = memory;
    SJ_TRY(sj_alloc(&memory, count, sizeof *b->timings, "points", err));
    b->timings = memory;
    for (int64_t i = 0; i < b->count; i++) {
        b->sums[i].point = &points[i];
        b->sums[i].result = &results[i];
        results[i].valid = true;
        results[i].reason[0] = '\0';
    }
    return SJ_OK;
}

sj_status sj_evaluator_run(sj_evaluator *e, const sj_eval_point *points, int64_t count, sj_point_result *results, sj_error *err) {
    batch b = {.e = e, .count = count};
    sj_status status = start(&b, points, results, err);
    int64_t unit_base = 0;
    for (int t = 0; t < e->options.trace_count && status == SJ_OK; t++) {
        status = run_trace(&b, t, unit_base, err);
        unit_base += e->traces[t].unit_count;
    }
    for (int64_t i = 0; i < count && status == SJ_OK; i++) {
        finish(e, &b.sums[i]);
    }
    sj_fast_shared_clear(e->shared);
    sj_map_memo_clear(e->memo);
    free(b.sums);
    free(b.order);
    free(b.timings);
    return status;
}
