// SPDX-License-Identifier: Apache-2.0
// The second half of a difference: variants, totals and layers. Counts are compared as integers; what differs by no more than the threshold is counted, and not printed.
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "sj_table.h"
#include "view_diff.h"

// A layer in a phase, or a total, of a step or a whole run.
typedef struct unit {
    const char *name, *phase;
    double energy_pj, low_pj, high_pj, cycles;  // ends: NAN where there are none
    const sj_stat *stat;  // NULL: of a whole run, which has no counts
} unit;

typedef struct unit_list {
    unit *units;
    int count;
    unit total;
    sj_variant variant;
} unit_list;

// ---- lines

static double relative(double before, double after) { return before == after ? 0.0 : fabs(after - before) / fmax(fabs(before), fabs(after)); }

// Whether a change is to be printed; counts it in any case.
static bool shows(sj_diff *d, bool differs, double before, double after) {
    const bool shown = differs && relative(before, after) > d->threshold;
    d->differences += differs;
    d->hidden += differs && !shown;
    return shown;
}

static void print_percent(FILE *f, double before, double after) {
    if (before != 0.0) {
        fprintf(f, " (%+.4g %%)", 100.0 * (after - before) / fabs(before));
    }
}

typedef struct line {
    sj_diff *d;
    const sj_variant *variant;
    const unit *of;
    bool begun;
} line;

// The name of a unit stands before its first figure alone.
static void begin(line *l) {
    char variant[24];
    if (!l->begun) {
        sj_variant_name(*l->variant, variant);
        fprintf(l->d->f, "  %s ", variant);
        sj_diff_name(l->d->f, l->of->name);
        fprintf(l->d->f, "%s%s\n", l->of->phase[0] != '\0' ? " " : "", l->of->phase);
        l->begun = true;
    }
}

static void count_line(line *l, const char *what, uint64_t before, uint64_t after) {
    if (shows(l->d, before != after, (double)before, (double)after)) {
        begin(l);
        fprintf(l->d->f, "    %s %" PRIu64 " -> %" PRIu64, what, before, after);
        print_percent(l->d->f, (double)before, (double)after);
        fputc('\n', l->d->f);
    }
}

static void real_line(line *l, const char *what, double before, double after) {
    const bool differs = !(before == after || (isnan(before) && isnan(after)));
    if (differs && (isnan(before) || isnan(after))) {
        l->d->differences++;
        begin(l);
        fprintf(l->d->f, "    %s %.6g -> %.6g\n", what, before, after);
    } else if (shows(l->d, differs, before, after)) {
        begin(l);
        fprintf(l->d->f, "    %s %.6g -> %.6g", what, before, after);
        print_percent(l->d->f, before, after);
        fputc('\n', l->d->f);
    }
}

// Cycles of a whole run are no counts, most being interpolated: told as whole ones.
static void run_cycles_line(line *l, double before, double after) {
    if (shows(l->d, before != after, before, after)) {
        begin(l);
        fprintf(l->d->f, "    cycles %.0f -> %.0f", before, after);
        print_percent(l->d->f, before, after);
        fputc('\n', l->d->f);
    }
}

static void energy_line(line *l, const char *what, double before, double after) {
    if (isnan(before) || isnan(after)) {
        real_line(l, what, before, after);
    } else if (shows(l->d, before != after, before, after)) {
        const sj_energy_unit u = sj_energy_unit_for(fmax(fabs(before), fabs(after)));
        begin(l);
        fprintf(l->d->f, "    %s %.6g -> %.6g %s, %+.4g", what, before / u.pj, after / u.pj, u.name, (after - before) / u.pj);
        print_percent(l->d->f, before, after);
        fputc('\n', l->d->f);
    }
}

static void stat_lines(line *l, const sj_stat *a, const sj_stat *b) {
    count_line(l, "cycles", a->cycles, b->cycles);
    for (int i = 0; i < SJ_LIMIT_COUNT; i++) {
        char what[32];
        snprintf(what, sizeof what, "busy.%s", sj_limit_names[i]);
        count_line(l, what, a->busy[i], b->busy[i]);
    }
    count_line(l, "macs.total", a->macs_total, b->macs_total);
    count_line(l, "macs.active", a->macs_active, b->macs_active);
    count_line(l, "macs.zero", a->macs_zero, b->macs_zero);
    count_line(l, "macs.gated", a->macs_gated, b->macs_gated);
    count_line(l, "macs.padding", a->macs_padding, b->macs_padding);
    count_line(l, "macs.skipped", a->macs_skipped, b->macs_skipped);
    count_line(l, "macs.uncompacted", a->macs_uncompacted, b->macs_uncompacted);
    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
        const size_t at = sj_counter_table[i].offset;
        const uint64_t before = *(const uint64_t *)((const char *)&a->counts + at), after = *(const uint64_t *)((const char *)&b->counts + at);
        if (before != a->cycles || after != b->cycles) {  // those that count cycles were told
            count_line(l, sj_counter_table[i].name, before, after);
        }
    }
    real_line(l, "density.a", a->density_a, b->density_a);
    real_line(l, "density.b", a->density_b, b->density_b);
    real_line(l, "density.out", a->density_out, b->density_out);
}

static void diff_unit(sj_diff *d, sj_variant variant, const unit *a, const unit *b) {
    line l = {d, &variant, a, false};
    energy_line(&l, "energy", a->energy_pj, b->energy_pj);
    if (!l.begun || a->phase[0] == '\0') {  // a layer's ends move with its energy: told where they alone do
        energy_line(&l, "energy.low", a->low_pj, b->low_pj);
        energy_line(&l, "energy.high", a->high_pj, b->high_pj);
    }
    if (a->stat != NULL && b->stat != NULL) {
        stat_lines(&l, a->stat, b->stat);
    } else {
        run_cycles_line(&l, a->cycles, b->cycles);
    }
}

// All totals in one view, before the figures of each; these count them.
static void overview(const sj_diff *d, const unit_list *a, const unit_list *b) {
    const unit *x = &a->total, *y = &b->total;
    char name[24];
    const bool energy = relative(x->energy_pj, y->energy_pj) > d->threshold, cycles = relative(x->cycles, y->cycles) > d->threshold;
    if (energy || cycles) {
        const sj_energy_unit u = sj_energy_unit_for(fmax(fabs(x->energy_pj), fabs(y->energy_pj)));
        sj_variant_name(a->variant, name);
        fprintf(d->f, "  %-13s", name);
        if (energy) {
            fprintf(d->f, " energy %.6g -> %.6g %s", x->energy_pj / u.pj, y->energy_pj / u.pj, u.name);
            print_percent(d->f, x->energy_pj, y->energy_pj);
        }
        if (cycles) {
            fprintf(d->f, "%s cycles %.0f -> %.0f", energy ? "," : "", x->cycles, y->cycles);
            print_percent(d->f, x->cycles, y->cycles);
        }
        fputc('\n', d->f);
    }
}

// ---- pairs of units

typedef struct unit_pair {
    int a, b;        // -1: only in the other
    double change;   // of energy, magnitude
} unit_pair;

static int by_change(const void *x, const void *y) {
    const unit_pair *p = x, *q = y;
    if (p->change != q->change) {
        return p->change > q->change ? -1 : 1;
    }
    return p->a != q->a ? (p->a < q->a ? -1 : 1) : p->b < q->b ? -1 : p->b > q->b;
}

static bool same_unit(const unit *a, const unit *b) { return strcmp(a->name, b->name) == 0 && strcmp(a->phase, b->phase) == 0; }

// The first unit of b that is like a's i-th and that no earlier one has; -1: none.
static int partner(const unit_list *a, const unit_list *b, int i, const bool *taken) {
    const int guess = i < b->count && !taken[i] && same_unit(&a->units[i], &b->units[i]) ? i : -1;
    for (int j = 0; guess < 0 && j < b->count; j++) {
        if (!taken[j] && same_unit(&a->units[i], &b->units[j])) {
            return j;
        }
    }
    return guess;
}

static int pair_up(const unit_list *a, const unit_list *b, unit_pair *pairs, bool *taken) {
    int count = 0;
    for (int i = 0; i < a->count; i++) {
        const int j = partner(a, b, i, taken);
        const double change = j >= 0 ? fabs(b->units[j].energy_pj - a->units[i].energy_pj) : fabs(a->units[i].energy_pj);
        if (j >= 0) {
            taken[j] = true;
        }
        pairs[count++] = (unit_pair){i, j, change};
    }
    for (int j = 0; j < b->count; j++) {
        if (!taken[j]) {
            pairs[count++] = (unit_pair){-1, j, fabs(b->units[j].energy_pj)};
        }
    }
    qsort(pairs, (size_t)count, sizeof *pairs, by_change);
    return count;
}

static void one_sided(sj_diff *d, sj_variant variant, const unit *u, const char *where) {
    line l = {d, &variant, u, false};
    const sj_energy_unit scale = sj_energy_unit_for(u->energy_pj);
    d->differences++;
    begin(&l);
    fprintf(d->f, "    only in the %s: energy %.6g %s\n", where, u->energy_pj / scale.pj, scale.name);
}

static sj_status diff_lists(sj_diff *d, const unit_list *a, const unit_list *b, sj_error *err) {
    void *pairs, *taken;
    SJ_TRY(sj_alloc(&pairs, (uint64_t)a->count + (uint64_t)b->count + 1, sizeof(unit_pair), "the layers of a difference", err));
    const sj_status status = sj_alloc(&taken, (uint64_t)b->count + 1, sizeof(bool), "the layers of a difference", err);
    if (status == SJ_OK) {
        const int count = pair_up(a, b, pairs, taken);
        diff_unit(d, a->variant, &a->total, &b->total);
        for (int i = 0; i < count; i++) {
            const unit_pair *p = (const unit_pair *)pairs + i;
            if (p->a >= 0 && p->b >= 0) {
                diff_unit(d, a->variant, &a->units[p->a], &b->units[p->b]);
            } else {
                one_sided(d, a->variant, p->a >= 0 ? &a->units[p->a] : &b->units[p->b], p->a >= 0 ? "first" : "second");
            }
        }
        free(taken);
    }
    free(pairs);
    return status;
}

// ---- variants

typedef struct variant_lists {
    unit_list lists[SJ_VARIANTS_MAX];
    int count;
} variant_lists;

static sj_status next_list(variant_lists *all, sj_variant variant, unit total, int layer_count, unit_list **out, sj_error *err) {
    void *memory;
    SJ_TRY(sj_alloc(&memory, (uint64_t)layer_count + 1, sizeof(unit), "the layers of a difference", err));
    *out = &all->lists[all->count++];
    **out = (unit_list){memory, layer_count, total, variant};
    return SJ_OK;
}

static unit unit_of_stat(const char *name, const char *phase, const sj_stat *s) {
    return (unit){name, phase, s->energy[SJ_TYPICAL].total_pj, s->energy[SJ_LOW].total_pj, s->energy[SJ_HIGH].total_pj, (double)s->cycles, s};
}

static sj_status lists_of_stats(const sj_stats *run, variant_lists *all, sj_error *err) {
    for (int k = 0; k < run->variant_count; k++) {
        const sj_stats_variant *v = &run->variants[k];
        unit_list *l;
        SJ_TRY(next_list(all, v->variant, unit_of_stat("total", "", &v->total), v->layer_count, &l, err));
        for (int i = 0; i < v->layer_count; i++) {
            const sj_stat *s = &v->layers[i];
            l->units[i] = unit_of_stat(s->name, sj_phase_name(s->phase), s);
        }
    }
    return SJ_OK;
}

static sj_status lists_of_whole(const sj_whole_run *run, variant_lists *all, sj_error *err) {
    for (int k = 0; k < run->variant_count; k++) {
        const sj_run_variant *v = &run->variants[k];
        unit_list *l;
        SJ_TRY(next_list(all, v->variant, (unit){"total", "", v->total.energy_pj, v->low_pj, v->high_pj, v->total.cycles, NULL}, v->layer_count, &l, err));
        for (int i = 0; i < v->layer_count; i++) {
            l->units[i] = (unit){v->layers[i].name, sj_phase_name(v->layers[i].phase), v->layers[i].energy_pj, (double)NAN, (double)NAN, v->layers[i].cycles, NULL};
        }
    }
    return SJ_OK;
}

static const unit_list *find_list(const variant_lists *all, sj_variant variant) {
    for (int i = 0; i < all->count; i++) {
        if (all->lists[i].variant.machine == variant.machine && all->lists[i].variant.codec == variant.codec) {
            return &all->lists[i];
        }
    }
    return NULL;
}

static void tell_lacking(sj_diff *d, const variant_lists *all, const variant_lists *other, const char *where) {
    for (int i = 0; i < all->count; i++) {
        if (find_list(other, all->lists[i].variant) == NULL) {
            char name[24];
            sj_variant_name(all->lists[i].variant, name);
            fprintf(d->f, "  %s: only in the %s\n", name, where);
            d->differences++;
        }
    }
}

// Frees both.
static sj_status diff_variants(sj_diff *d, sj_status made, variant_lists *a, variant_lists *b, sj_error *err) {
    sj_status status = made;
    for (int i = 0; i < a->count && made == SJ_OK; i++) {
        const unit_list *other = find_list(b, a->lists[i].variant);
        if (other != NULL) {
            overview(d, &a->lists[i], other);
        }
    }
    for (int i = 0; i < a->count && status == SJ_OK; i++) {
        const unit_list *other = find_list(b, a->lists[i].variant);
        status = other != NULL ? diff_lists(d, &a->lists[i], other, err) : SJ_OK;
    }
    if (status == SJ_OK) {
        tell_lacking(d, a, b, "first");
        tell_lacking(d, b, a, "second");
    }
    for (int i = 0; i < SJ_VARIANTS_MAX; i++) {
        free(a->lists[i].units);
        free(b->lists[i].units);
    }
    return status;
}

sj_status sj_diff_stats(sj_diff *d, const sj_stats *a, const sj_stats *b, sj_error *err) {
    variant_lists first = {.count = 0}, second = {.count = 0};
    sj_status status = lists_of_stats(a, &first, err);
    status = status == SJ_OK ? lists_of_stats(b, &second, err) : status;
    return diff_variants(d, status, &first, &second, err);
}

sj_status sj_diff_whole(sj_diff *d, const sj_whole_run *a, const sj_whole_run *b, sj_error *err) {
    variant_lists first = {.count = 0}, second = {.count = 0};
    sj_status status = lists_of_whole(a, &first, err);
    status = status == SJ_OK ? lists_of_whole(b, &second, err) : status;
    return diff_variants(d, status, &first, &second, err);
}
