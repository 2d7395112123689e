// SPDX-License-Identifier: Apache-2.0
#include "sj_estimate_pairs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"

void sj_pairs_free(sj_pairs *p) {
    free(p->pairs);
    *p = (sj_pairs){0};
}

static bool same_set(const sj_estimate_run *a, const sj_estimate_run *b) { return strcmp(a->dataset, b->dataset) == 0; }

static bool same_pair(const sj_estimate_run *a, const sj_estimate_run *b) { return same_set(a, b) && strcmp(a->network, b->network) == 0 && a->parameters == b->parameters && a->machine == b->machine; }

static double best_f1(const sj_estimate_data *d, const sj_estimate_run *of) {
    double best = 0.0;
    for (int i = 0; i < d->count; i++) {
        best = same_set(&d->runs[i], of) ? fmax(best, d->runs[i].macro_f1) : best;
    }
    return best;
}

// The most that a training with the best F1 takes on any accelerator.
static double dearest_best(const sj_estimate_data *d, const sj_estimate_run *of, double best) {
    double most = 0.0;
    for (int i = 0; i < d->count; i++) {
        most = same_set(&d->runs[i], of) && d->runs[i].macro_f1 >= best ? fmax(most, d->runs[i].energy_pj) : most;
    }
    return most;
}

static void add(const sj_estimate_run *run, double best, sj_pairs *p) {
    int at = 0;
    while (at < p->count && !same_pair(p->pairs[at].run, run)) {
        at++;
    }
    sj_pair *pair = &p->pairs[at];
    if (at == p->count) {
        *pair = (sj_pair){.run = run, .best_f1 = best};
        p->count++;
    }
    pair->run = run->energy_pj < pair->run->energy_pj ? run : pair->run;
    pair->trainings++;
}

static int by_energy(const void *a, const void *b) {
    const sj_estimate_run *p = ((const sj_pair *)a)->run, *q = ((const sj_pair *)b)->run;
    const int order = strcmp(p->dataset, q->dataset);
    return order != 0 ? order : (p->energy_pj > q->energy_pj) - (p->energy_pj < q->energy_pj);
}

sj_status sj_pairs_find(const sj_estimate_data *d, double within, sj_pairs *p, sj_error *err) {
    void *memory;
    *p = (sj_pairs){0};
    for (int i = 0; i < d->count; i++) {
        if (isnan(d->runs[i].macro_f1)) {
            return SJ_FAIL(err, SJ_ERR_RANGE, "%s: it has no macro F1 (no metrics.csv beside its trace when it was integrated), by which pairs are chosen", d->runs[i].label);
        }
    }
    SJ_TRY(sj_alloc(&memory, (uint64_t)d->count, sizeof(sj_pair), "pairs", err));
    p->pairs = memory;
    for (int i = 0; i < d->count; i++) {
        const double best = best_f1(d, &d->runs[i]);
        if (d->runs[i].macro_f1 >= (1.0 - within) * best) {
            add(&d->runs[i], best, p);
        }
    }
    qsort(p->pairs, (size_t)p->count, sizeof *p->pairs, by_energy);
    for (int i = 0, first = 0; i < p->count; i++) {
        sj_pair *pair = &p->pairs[i];
        first = same_set(p->pairs[first].run, pair->run) ? first : i;
        pair->share = pair->run->energy_pj / p->pairs[first].run->energy_pj;
        pair->saved = 1.0 - pair->run->energy_pj / dearest_best(d, pair->run, pair->best_f1);
    }
    return SJ_OK;
}
