// SPDX-License-Identifier: Apache-2.0
// One process at work: chunk after chunk, each claimed, simulated and written. Chunks that others hold are looked at again at the end.
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sj_file.h"
#include "sj_sweep_internal.h"

static const double lease_seconds = 600.0;

// ---- one chunk

typedef struct chunk {
    int64_t count, valid;
    sj_point_result results[SJ_CHUNK_MAX];   // the valid ones first
    sj_built *built;                         // [count] of the valid ones
    sj_eval_point *points;                   // [valid]
    sj_unit_result *units;                   // [count][unit total]
} chunk;

static void chunk_free(chunk *c) {
    free(c->built);
    free(c->points);
    free(c->units);
    free(c);
}

static sj_status chunk_make(const sj_worker *w, int64_t count, chunk **out, sj_error *err) {
    const bool keep = sj_sweep_get_config(w->sweep)->keep_layers;
    void *memory;
    SJ_TRY(sj_alloc(&memory, 1, sizeof(chunk), "points", err));
    chunk *c = *out = memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)count, sizeof *c->built, "points", err));
    c->built = memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)count, sizeof *c->points, "points", err));
    c->points = memory;
    if (keep) {
        SJ_TRY(sj_alloc(&memory, (uint64_t)(count * sj_evaluator_unit_total(w->evaluator)), sizeof *c->units, "points", err));
        c->units = memory;
    }
    return SJ_OK;
}

// An invalid point stands at the end of the results.
static sj_status build(sj_worker *w, uint64_t id, int64_t missing, chunk *c, sj_error *err) {
    sj_built *built = &c->built[c->valid];
    char reason[512];
    bool valid = false;
    SJ_TRY(sj_builder_make(sj_sweep_get_builder(w->sweep), id, built, &valid, reason, err));
    sj_point_result *r = &c->results[valid ? c->valid : missing - 1 - (c->count - c->valid)];
    memset(r, 0, sizeof *r);
    r->id = id;
    r->valid = valid;
    memcpy(r->reason, reason, sizeof r->reason);
    r->values[SJ_SWEEP_area_mm2] = built->point.area_mm2;
    if (valid) {
        c->points[c->valid] = built->point;
        c->points[c->valid].prices = &built->prices;
        r->units = c->units != NULL ? c->units + c->valid * sj_evaluator_unit_total(w->evaluator) : NULL;
        c->valid++;
    }
    c->count++;
    return SJ_OK;
}

static sj_status run_chunk(sj_worker *w, const uint64_t *ids, int64_t count, chunk *c, sj_error *err) {
    for (int64_t i = 0; i < count; i++) {
        SJ_TRY(build(w, ids[i], count, c, err));
    }
    if (c->valid > 0) {
        SJ_TRY(sj_evaluator_run(w->evaluator, c->points, c->valid, c->results, err));
    }
    return sj_store_put(w->store, c->results, count, err);
}

sj_status sj_work_on(sj_worker *w, const uint64_t *ids, int64_t count, sj_error *err) {
    bool done[SJ_CHUNK_MAX];
    uint64_t missing[SJ_CHUNK_MAX];
    int64_t missing_count = 0;
    SJ_TRY(sj_store_has(w->store, ids, count, done, err));
    for (int64_t i = 0; i < count; i++) {
        if (!done[i]) {
            missing[missing_count++] = ids[i];
        }
    }
    if (missing_count == 0) {
        return SJ_OK;
    }
    chunk *c = NULL;
    sj_status status = chunk_make(w, missing_count, &c, err);
    status = status == SJ_OK ? run_chunk(w, missing, missing_count, c, err) : status;
    if (c != NULL) {
        chunk_free(c);
    }
    if (status == SJ_OK && w->wrote != NULL) {
        w->wrote(w->context, missing_count);
    }
    return status;
}

// ---- chunks that others hold

typedef struct held {
    int64_t count;
    uint64_t ids[SJ_CHUNK_MAX];
    struct held *next;
} held;

static sj_status put_aside(held **list, const uint64_t *ids, int64_t count, sj_error *err) {
    void *memory;
    SJ_TRY(sj_alloc(&memory, 1, sizeof(held), "a chunk of another process", err));
    held *h = memory;
    h->count = count;
    memcpy(h->ids, ids, (size_t)count * sizeof *ids);
    h->next = *list;
    *list = h;
    return SJ_OK;
}

static void drop_all(held *list) {
    while (list != NULL) {
        held *next = list->next;
        free(list);
        list = next;
    }
}

// *taken: another process has it.
static sj_status try_chunk(sj_worker *w, const uint64_t *ids, int64_t count, bool *taken, sj_error *err) {
    const int64_t number = sj_chunk_number(ids, count);
    bool done[SJ_CHUNK_MAX], all = true;
    sj_claim claim;
    *taken = false;
    SJ_TRY(sj_store_has(w->store, ids, count, done, err));
    for (int64_t i = 0; i < count; i++) {
        all = all && done[i];
    }
    if (all) {
        return SJ_OK;
    }
    SJ_TRY(sj_store_claim(w->store, number, lease_seconds, &claim, err));
    *taken = claim == SJ_CLAIM_TAKEN;
    if (*taken) {
        return SJ_OK;
    }
    SJ_TRY(sj_work_on(w, ids, count, err));
    return claim == SJ_CLAIM_MINE ? sj_store_finish(w->store, number, err) : SJ_OK;
}

// Twice as long each time, up to a second.
static void pause_a_moment(int times) {
    const long milliseconds = times < 5 ? 50L << times : 1000;
    const struct timespec moment = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&moment, NULL);
}

static sj_status stopped(const sj_worker *w, sj_error *err) {
    const sj_sweep_request *r = w->sweep->request;
    return r->stopped != NULL && r->stopped() ? SJ_FAIL(err, SJ_ERR_INTERRUPTED, "interrupted") : SJ_OK;
}

// Until none is left: done by another, or taken over from one that died.
static sj_status wait_for_others(sj_worker *w, held **list, sj_error *err) {
    for (int idle = 0; *list != NULL;) {
        bool any = false;
        for (held **at = list; *at != NULL;) {
            bool taken = false;
            SJ_TRY(stopped(w, err));
            SJ_TRY(try_chunk(w, (*at)->ids, (*at)->count, &taken, err));
            if (taken) {
                at = &(*at)->next;
                continue;
            }
            held *gone = *at;
            *at = gone->next;
            free(gone);
            any = true;
        }
        idle = any ? 0 : idle + 1;
        if (!any) {
            pause_a_moment(idle);
        }
    }
    return SJ_OK;
}

// ---- all of them

// Points of a generation, so that their results can be told once all are there.
typedef struct generation {
    int64_t count, room;
    uint64_t *ids;
} generation;

static sj_status note(generation *g, const uint64_t *ids, int64_t count, sj_error *err) {
    if (g->count + count > g->room) {
        const int64_t room = 2 * (g->count + count);
        uint64_t *larger = realloc(g->ids, (size_t)room * sizeof *larger);
        if (larger == NULL) {
            return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for a generation");
        }
        g->ids = larger;
        g->room = room;
    }
    memcpy(g->ids + g->count, ids, (size_t)count * sizeof *ids);
    g->count += count;
    return SJ_OK;
}

static sj_status tell_all(sj_worker *w, sj_plan *plan, generation *g, sj_error *err) {
    for (int64_t i = 0; i < g->count; i++) {
        sj_point_result r = {0};
        bool found = false;
        SJ_TRY(sj_store_get(w->store, g->ids[i], &r, &found, err));
        if (!found) {
            return SJ_FAIL(err, SJ_ERR_INTERNAL, "point %llu of a generation has no result", (unsigned long long)g->ids[i]);
        }
        SJ_TRY(sj_plan_tell(plan, &r, err));
    }
    g->count = 0;
    return SJ_OK;
}

static sj_status walk(sj_worker *w, sj_plan *plan, held **others, generation *g, sj_error *err) {
    for (;;) {
        uint64_t ids[SJ_CHUNK_MAX];
        int64_t count = 0;
        bool waits = false, taken = false;
        SJ_TRY(stopped(w, err));
        SJ_TRY(sj_plan_next(plan, ids, &count, &waits, err));
        if (count == 0) {
            SJ_TRY(wait_for_others(w, others, err));
            if (!waits) {
                return SJ_OK;
            }
            SJ_TRY(tell_all(w, plan, g, err));
            continue;
        }
        SJ_TRY(try_chunk(w, ids, count, &taken, err));
        SJ_TRY(taken ? put_aside(others, ids, count, err) : SJ_OK);
        SJ_TRY(sj_plan_needs_results(plan) ? note(g, ids, count, err) : SJ_OK);
    }
}

// A generation is divided into eight, everything else into chunks by the plan: never by the number of workers, which may differ from process to process, and claims are for chunks.
static int64_t chunk_size(const sj_sweep_config *c) {
    if (c->strategy.kind != SJ_STRATEGY_NSGA2) {
        return 0;
    }
    const int64_t share = (c->strategy.population + 7) / 8;
    return share > SJ_CHUNK_MAX ? SJ_CHUNK_MAX : share;
}

sj_status sj_work(sj_worker *w, sj_error *err) {
    const sj_sweep_config *c = sj_sweep_get_config(w->sweep);
    sj_plan *plan;
    held *others = NULL;
    generation g = {0};
    SJ_TRY(sj_plan_open(&c->strategy, &c->space, chunk_size(c), &plan, err));
    const sj_status status = walk(w, plan, &others, &g, err);
    drop_all(others);
    free(g.ids);
    sj_plan_close(plan);
    return status;
}
