// SPDX-License-Identifier: Apache-2.0
// The space of mappings and the least of them. docs/mapping.md says what is left out of the space, and why.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "map_internal.h"

enum { ALL_UP_TO = 48, AN_OCTAVE = 16, SIZES_MAX = ALL_UP_TO + 64 * (AN_OCTAVE + 1) };

typedef struct sizes {
    int count;
    int64_t value[SIZES_MAX];
} sizes;

static int64_t gcd64(int64_t a, int64_t b) { return b == 0 ? a : gcd64(b, a % b); }

static void add_size(sizes *s, int64_t units, int64_t unit, int64_t *last) {
    if (units > *last && s->count < SIZES_MAX) {
        s->value[s->count++] = units * unit;
        *last = units;
    }
}

// Block sizes of a dimension in ascending order: every multiple of unit up to ALL_UP_TO of them; above, for every sixteenth of an octave the most even size of a number of
// blocks, and the multiple of `align` below it.
static void make_sizes(int64_t whole, int64_t unit, int64_t align, sizes *s) {
    const int64_t units = sj_max64(sj_ceil_div(whole, unit), 1), step = align / gcd64(align, unit);
    int64_t last = 0;
    s->count = 0;
    while (last < units) {
        if (last < ALL_UP_TO) {
            add_size(s, last + 1, unit, &last);
            continue;
        }
        const int64_t next = sj_min64(last + sj_max64(last / AN_OCTAVE, 1), units);
        const int64_t even = sj_ceil_div(units, sj_ceil_div(units, next));
        const int64_t size = even > last ? even : next;
        add_size(s, size - size % step, unit, &last);
        add_size(s, size, unit, &last);
    }
}

static int64_t plane(const sj_operand *o) { return o->grid_h * o->grid_w; }

static void make_all_sizes(const sj_map_model *model, sizes out[3]) {
    const sj_job *job = model->job;
    const bool positions_in_m = job->a.kind == SJ_OPERAND_WINDOW;
    make_sizes(job->m, model->m_unit, positions_in_m ? plane(&job->a) : sj_max64(job->a.channel_count, 1), &out[0]);
    make_sizes(job->n, model->n_unit, job->b.kind == SJ_OPERAND_WEIGHT ? 1 : sj_max64(job->b.channel_count, 1), &out[1]);
    make_sizes(job->k, model->k_unit, positions_in_m ? sj_max64(job->a.channel_count, 1) : plane(&job->a), &out[2]);
}

typedef struct side {
    sizes size;
    sj_map_footprint need[SIZES_MAX];  // of size.value[i] at the k size at hand
    int fitting;                       // the first `fitting` sizes: later ones do not fit
} side;

// Footprints grow with the block of the first rows, so that the first that does not fit ends the list.
static void measure_side(const sj_map_model *model, bool is_a, int64_t k, side *s) {
    const int64_t room = is_a ? model->capacity.a : model->capacity.b;
    for (s->fitting = 0; s->fitting < s->size.count; s->fitting++) {
        sj_map_footprint_of(model->accel, model->job, is_a, s->size.value[s->fitting], k, &s->need[s->fitting]);
        if (s->need[s->fitting].first_need > room) {
            return;
        }
    }
}

typedef struct space {
    side m, n;
    sizes k;
} space;

static double visit_orders(const sj_map_model *model, const space *s, int mi, int ni, int64_t k, double limit, sj_map_visit visit, void *context) {
    const sj_job *job = model->job;
    sj_mapping mapping = {s->m.size.value[mi], s->n.size.value[ni], k, SJ_ORDER_MN};
    if (!sj_map_fits(model, &mapping, &s->m.need[mi], &s->n.need[ni])) {
        return limit;
    }
    const bool orders_differ = mapping.m < job->m && mapping.n < job->n && k >= job->k;
    for (int order = 0; order <= (int)orders_differ; order++) {
        mapping.order = (sj_order)order;
        if (sj_map_floor(model, &mapping, &s->m.need[mi], &s->n.need[ni]) <= limit) {
            sj_map_prediction predicted;
            sj_map_predict(model, &mapping, &s->m.need[mi], &s->n.need[ni], &predicted);
            limit = visit(context, &mapping, &predicted);
        }
    }
    return limit;
}

sj_status sj_map_enumerate(const sj_map_model *model, sj_map_visit visit, void *context, sj_error *err) {
    space *s = malloc(sizeof *s);
    if (s == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "out of memory for a mapping of %s", model->job->layer);
    }
    sizes all[3];
    make_all_sizes(model, all);
    s->m.size = all[0];
    s->n.size = all[1];
    s->k = all[2];
    double limit = INFINITY;
    // Larger blocks first: they come near the least early, and the floor cuts more.
    int ks = 0;
    for (; ks < s->k.count; ks++) {
        measure_side(model, true, s->k.value[ks], &s->m);
        measure_side(model, false, s->k.value[ks], &s->n);
        if (s->m.fitting == 0 || s->n.fitting == 0) {
            break;
        }
        for (int ni = s->n.fitting - 1; ni >= 0; ni--) {
            for (int mi = s->m.fitting - 1; mi >= 0; mi--) {
                limit = visit_orders(model, s, mi, ni, s->k.value[ks], limit, visit, context);
            }
        }
    }
    free(s);
    return SJ_OK;
}

// ---- The least: of all mappings within 0.5 % of the least cost, the one of fewest DRAM bytes, then fewest blocks, then the larger K, N, M, then m outer.

static const double tie = 1.005;

static int compare64(int64_t a, int64_t b) { return a < b ? -1 : a > b; }

// Beyond cost: negative where x is to be preferred.
static int prefer(const sj_map_choice *x, const sj_map_choice *y) {
    const int by[] = {compare64(x->predicted.dram_bytes, y->predicted.dram_bytes),
                      compare64(x->predicted.blocks, y->predicted.blocks),
                      compare64(y->mapping.k, x->mapping.k),
                      compare64(y->mapping.n, x->mapping.n),
                      compare64(y->mapping.m, x->mapping.m),
                      compare64((int64_t)x->mapping.order, (int64_t)y->mapping.order)};
    for (size_t i = 0; i < sizeof by / sizeof by[0]; i++) {
        if (by[i] != 0) {
            return by[i];
        }
    }
    return 0;
}

// Mappings that may still be the choice: none is beaten by another in both cost and preference.
typedef struct front {
    int64_t least;  // cost
    int count, room;
    sj_map_choice *kept;
    bool no_memory;
} front;

static double tie_limit(const front *f) { return tie * (double)f->least; }

static bool beaten(const sj_map_choice *x, const sj_map_choice *by) { return by->predicted.cost <= x->predicted.cost && prefer(by, x) < 0; }

static void drop_beaten(front *f, const sj_map_choice *by) {
    int kept = 0;
    for (int i = 0; i < f->count; i++) {
        if (!beaten(&f->kept[i], by) && (double)f->kept[i].predicted.cost <= tie_limit(f)) {
            f->kept[kept++] = f->kept[i];
        }
    }
    f->count = kept;
}

static bool keep(front *f, const sj_map_choice *x) {
    if (f->count == f->room) {
        const int room = f->room == 0 ? 8 : 2 * f->room;
        sj_map_choice *kept = realloc(f->kept, (size_t)room * sizeof *kept);
        if (kept == NULL) {
            return false;
        }
        f->kept = kept;
        f->room = room;
    }
    f->kept[f->count++] = *x;
    return true;
}

static double keep_least(void *context, const sj_mapping *mapping, const sj_map_prediction *predicted) {
    front *f = context;
    const sj_map_choice at_hand = {*mapping, *predicted};
    if (f->least >= 0 && (double)predicted->cost > tie_limit(f)) {
        return tie_limit(f);
    }
    for (int i = 0; i < f->count; i++) {
        if (beaten(&at_hand, &f->kept[i])) {
            return tie_limit(f);
        }
    }
    f->least = f->least < 0 ? predicted->cost : sj_min64(f->least, predicted->cost);
    drop_beaten(f, &at_hand);
    f->no_memory |= !keep(f, &at_hand);
    return tie_limit(f);
}

sj_status sj_map_search(const sj_map_model *model, sj_map_choice *out, bool *found, sj_error *err) {
    front f = {.least = -1};
    sj_status status = sj_map_enumerate(model, keep_least, &f, err);
    if (status == SJ_OK && f.no_memory) {
        status = SJ_FAIL(err, SJ_ERR_MEMORY, "out of memory for a mapping of %s", model->job->layer);
    }
    *found = f.count > 0;
    for (int i = 0; i < f.count; i++) {
        if (i == 0 || prefer(&f.kept[i], out) < 0) {
            *out = f.kept[i];
        }
    }
    free(f.kept);
    return status;
}

// ---- Runners-up

typedef struct kinds {
    const sj_job *job;
    int64_t tried;
    bool found[16];
    sj_map_choice best[16];
} kinds;

static int kind_of(const sj_job *job, const sj_mapping *x) {
    const bool m = x->m < job->m, n = x->n < job->n, k = x->k < job->k;
    return (m ? 1 : 0) | (n ? 2 : 0) | (k ? 4 : 0) | (m && n && !k && x->order == SJ_ORDER_NM ? 8 : 0);
}

static double keep_kinds(void *context, const sj_mapping *mapping, const sj_map_prediction *predicted) {
    kinds *all = context;
    const int kind = kind_of(all->job, mapping);
    const sj_map_choice at_hand = {*mapping, *predicted};
    const int64_t before = all->best[kind].predicted.cost;
    if (!all->found[kind] || predicted->cost < before || (predicted->cost == before && prefer(&at_hand, &all->best[kind]) < 0)) {
        all->best[kind] = at_hand;
        all->found[kind] = true;
    }
    all->tried++;
    return (double)INFINITY;
}

static int by_cost(const void *x, const void *y) {
    const sj_map_choice *a = x, *b = y;
    const int cost = compare64(a->predicted.cost, b->predicted.cost);
    return cost != 0 ? cost : prefer(a, b);
}

sj_status sj_map_runners_up(const sj_map_model *model, sj_map_report *out, sj_error *err) {
    kinds all = {.job = model->job};
    SJ_TRY(sj_map_enumerate(model, keep_kinds, &all, err));
    out->tried = all.tried;
    sj_map_choice others[16];
    int count = 0;
    for (int kind = 0; kind < 16; kind++) {
        if (all.found[kind] && (out->pinned || kind != kind_of(model->job, &out->choices[0].mapping))) {
            others[count++] = all.best[kind];
        }
    }
    qsort(others, (size_t)count, sizeof others[0], by_cost);
    for (int i = 0; i < count && out->count < SJ_MAP_CHOICES; i++) {
        out->choices[out->count++] = others[i];
    }
    return SJ_OK;
}
