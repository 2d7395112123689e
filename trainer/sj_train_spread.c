// SPDX-License-Identifier: Apache-2.0
// trace.spread: which iterations are steps of the trace, so that all others can be interpolated from them.
#include <stdlib.h>

#include "sj_file.h"
#include "sj_train_config.h"

// Fractions kept are states of their own up to so many of them; more are a schedule that moves, and one state beside the dense one.
enum { STATES_MAX = 8, LEAST_OF_A_STATE = 2 };

typedef struct state {
    double keep;         // 1 is dense, 0 stands for any below 1
    int64_t iterations, wanted, met, taken;
} state;

typedef struct plan {
    const sj_train_config *config;
    int64_t per_epoch, total, given;
    bool together;       // all fractions below 1 are one state
    int state_count;
    state states[STATES_MAX + 2];
} plan;

static double keep_at(const plan *p, int64_t epoch, int64_t batch) {
    const double keep = sj_ssprop_keep(&p->config->ssprop, epoch, p->config->epochs, epoch * p->per_epoch + batch);
    return p->together && keep < 1.0 ? 0.0 : keep;
}

// NULL where there are more states than are told apart.
static state *state_of(plan *p, double keep) {
    for (int i = 0; i < p->state_count; i++) {
        if (p->states[i].keep == keep) {
            return &p->states[i];
        }
    }
    if (p->state_count == STATES_MAX + 1) {
        return NULL;
    }
    p->states[p->state_count] = (state){.keep = keep};
    return &p->states[p->state_count++];
}

// Calls for every iteration that sees data, and for the first of each epoch that is skipped; false ends it.
static bool each_iteration(plan *p, bool (*call)(plan *p, int64_t epoch, int64_t batch, bool skipped, void *context), void *context) {
    int64_t real = 0;
    for (int64_t epoch = 0; epoch < p->config->epochs; epoch++) {
        const bool skipped = sj_gradsamp_skips(&p->config->gradsamp, p->config->seed, epoch, real);
        real += skipped ? 0 : 1;
        for (int64_t batch = 0; batch < (skipped ? 1 : p->per_epoch); batch++) {
            if (!call(p, epoch, batch, skipped, context)) {
                return false;
            }
        }
    }
    return true;
}

static bool count_iteration(plan *p, int64_t epoch, int64_t batch, bool skipped, void *context) {
    (void)context;
    state *s = skipped ? NULL : state_of(p, keep_at(p, epoch, batch));
    if (s != NULL) {
        s->iterations++;
        p->total++;
    }
    return skipped || s != NULL;
}

// The first, the last and the others evenly between: the index of the n-th of a state.
static int64_t index_of(const state *s, int64_t n) { return s->wanted > 1 ? (n * (s->iterations - 1) + (s->wanted - 1) / 2) / (s->wanted - 1) : s->iterations / 2; }

typedef struct list {
    int64_t *of, count;
    bool has_skipped;
} list;

static bool take_iteration(plan *p, int64_t epoch, int64_t batch, bool skipped, void *context) {
    list *l = context;
    bool taken = skipped && !l->has_skipped;
    if (skipped) {
        l->has_skipped = true;
    } else {
        state *s = state_of(p, keep_at(p, epoch, batch));
        taken = s->taken < s->wanted && s->met == index_of(s, s->taken);
        s->taken += taken ? 1 : 0;
        s->met++;
    }
    if (taken) {
        l->of[l->count++] = epoch * p->per_epoch + batch;
    }
    return true;
}

// To each state its two, then one after another to the state that has most iterations for each of its steps.
static sj_status hand_out(plan *p, sj_error *err) {
    for (int i = 0; i < p->state_count; i++) {
        state *s = &p->states[i];
        s->wanted = s->iterations < LEAST_OF_A_STATE ? s->iterations : LEAST_OF_A_STATE;
        p->given += s->wanted;
    }
    if (p->config->trace_spread < p->given) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "trace.spread: %lld; this run needs %lld at least: two of each fraction of channels that method.ssprop keeps", (long long)p->config->trace_spread,
                       (long long)p->given);
    }
    for (; p->given < p->config->trace_spread && p->given < p->total; p->given++) {
        state *next = NULL;
        for (int i = 0; i < p->state_count; i++) {
            state *s = &p->states[i];
            const bool more = s->wanted < s->iterations;
            if (more && (next == NULL || (double)s->iterations * (double)(next->wanted + 1) > (double)next->iterations * (double)(s->wanted + 1))) {
                next = s;
            }
        }
        next->wanted++;
    }
    return SJ_OK;
}

sj_status sj_train_spread(const sj_train_config *config, int64_t per_epoch, int64_t **out, int64_t *count, sj_error *err) {
    *out = NULL;
    *count = 0;
    if (config->trace_spread == 0) {
        return SJ_OK;
    }
    plan p = {.config = config, .per_epoch = per_epoch};
    if (!each_iteration(&p, count_iteration, NULL)) {
        p = (plan){.config = config, .per_epoch = per_epoch, .together = true};
        (void)each_iteration(&p, count_iteration, NULL);
    }
    SJ_TRY(hand_out(&p, err));
    void *memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)p.given + 1, sizeof **out, "the steps of the trace", err));
    list l = {.of = memory};
    (void)each_iteration(&p, take_iteration, &l);
    *out = l.of;
    *count = l.count;
    return SJ_OK;
}
