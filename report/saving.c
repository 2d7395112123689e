// SPDX-License-Identifier: Apache-2.0
#include "sj_saving.h"

#include <math.h>
#include <string.h>

static const int standing_components[] = {SJ_COMPONENT_leakage, SJ_COMPONENT_dram_standby};
#define STANDING_COUNT ((int)(sizeof standing_components / sizeof standing_components[0]))

// An energy in two parts: what is done, and what passes with time.
typedef struct parts {
    double all_pj, standing_pj;
} parts;

double sj_standing_pj(const sj_energy *e) {
    double sum = 0.0;
    for (int i = 0; i < STANDING_COUNT; i++) {
        sum += e->component_pj[standing_components[i]];
    }
    return sum;
}

static parts typical_of(const sj_stat *s) { return (parts){s->energy[SJ_TYPICAL].total_pj, sj_standing_pj(&s->energy[SJ_TYPICAL])}; }

static int source_index(const sj_stats *run, const char *source) {
    for (int i = 0; i < run->source_count; i++) {
        if (strcmp(run->source_names[i], source) == 0) {
            return i;
        }
    }
    return -1;
}

// What the i-th source changes at an end.
static parts deviation_of(const sj_spread *s, int i, int end) {
    parts p = {0.0, 0.0};
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        p.all_pj += s->pj[i][c][end];
    }
    for (int k = 0; k < STANDING_COUNT; k++) {
        p.standing_pj += s->pj[i][standing_components[k]][end];
    }
    return p;
}

// With the named source at an end; as it is where the run has no such source.
static parts moved(sj_priced p, const char *source, int end) {
    parts sum = typical_of(p.stat);
    const int i = source_index(p.run, source);
    if (i >= 0) {
        const parts d = deviation_of(p.spread, i, end);
        sum.all_pj += d.all_pj;
        sum.standing_pj += d.standing_pj;
    }
    return sum;
}

// `stretch`: the time that the machine stays powered / the time that it runs.
static double by_account(parts p, double stretch, sj_account account) {
    switch (account) {
        case SJ_ACCOUNT_DYNAMIC: return p.all_pj - p.standing_pj;
        case SJ_ACCOUNT_THROUGHPUT: return p.all_pj + p.standing_pj * (stretch - 1.0);
        default: return p.all_pj;
    }
}

const char *const sj_account_names[SJ_ACCOUNT_COUNT] = {"completion", "dynamic", "fixed_throughput"};

sj_priced sj_priced_total(const sj_stats *run, const sj_stats_variant *v) { return (sj_priced){run, &v->total, &v->spread}; }

sj_account_energy sj_energy_by_account(sj_priced p, uint64_t reference_cycles, sj_account account) {
    const double stretch = p.stat->cycles > 0 ? (double)reference_cycles / (double)p.stat->cycles : 1.0;
    sj_account_energy e = {by_account(typical_of(p.stat), stretch, account), (double)NAN, (double)NAN};
    double squares[2] = {0.0, 0.0};
    for (int i = 0; i < p.run->source_count; i++) {
        for (int end = 0; end < 2; end++) {
            const double d = by_account(deviation_of(p.spread, i, end), stretch, account);
            squares[end] += d * d;
        }
    }
    if (p.run->source_count > 0) {
        e.low_pj = e.pj - sqrt(squares[0]);
        e.high_pj = e.pj + sqrt(squares[1]);
    }
    return e;
}

uint64_t sj_reference_cycles(const sj_stats *run, sj_codec codec) {
    uint64_t most = 0;
    for (int v = 0; v < run->variant_count; v++) {
        if (run->variants[v].variant.codec == codec && run->variants[v].total.cycles > most) {
            most = run->variants[v].total.cycles;
        }
    }
    return most;
}

typedef struct pair {
    sj_priced before, after;
    double before_stretch, after_stretch;  // to the longer of the two times
    double before_pj, share;               // typical
    sj_account account;
} pair;

// The saving with a source at an end. NAN where the source leaves nothing of `before`, of which there would be no share.
static double share_at(const pair *p, const char *source, int end) {
    const double from = by_account(moved(p->before, source, end), p->before_stretch, p->account);
    return from > 1e-9 * p->before_pj ? 1.0 - by_account(moved(p->after, source, end), p->after_stretch, p->account) / from : (double)NAN;
}

// What all sources together change a figure by: sums of squares, downwards and upwards.
typedef struct reach {
    double down, up;
} reach;

static void add_changes(reach *r, const double change[2]) {
    const double lowest = fmin(0.0, fmin(change[0], change[1])), highest = fmax(0.0, fmax(change[0], change[1]));
    r->down += lowest * lowest;
    r->up += highest * highest;
}

typedef struct reaches {
    reach share, difference, before;
    bool unknown;
} reaches;

static void add_source(const pair *p, const char *source, reaches *r) {
    double share[2], difference[2], before[2];
    for (int end = 0; end < 2; end++) {
        const double from = by_account(moved(p->before, source, end), p->before_stretch, p->account), to = by_account(moved(p->after, source, end), p->after_stretch, p->account);
        share[end] = share_at(p, source, end) - p->share;
        before[end] = from - p->before_pj;
        difference[end] = from - to - p->before_pj * p->share;
        r->unknown = r->unknown || isnan(share[end]);
    }
    add_changes(&r->share, share);
    add_changes(&r->difference, difference);
    add_changes(&r->before, before);
}

// Which of the two takes more hangs on their difference alone, from which all that they share cancels; a share in quadrature may cross zero where the difference does not. It is held then.
static sj_saving hold_sign(const pair *p, const reaches *r) {
    const double difference = p->before_pj * p->share, most_before = p->before_pj + sqrt(r->before.up);
    const double least = difference - sqrt(r->difference.down), most = difference + sqrt(r->difference.up);
    sj_saving s = {p->share, p->share - sqrt(r->share.down), p->share + sqrt(r->share.up)};
    if (least >= 0.0) {
        s.low = fmax(s.low, least / most_before);
    }
    if (most <= 0.0) {
        s.high = fmin(s.high, most / most_before);
    }
    return s;
}

sj_saving sj_saving_between(sj_priced before, sj_priced after, sj_account account) {
    const double before_seconds = sj_stat_seconds(before.run, before.stat), after_seconds = sj_stat_seconds(after.run, after.stat), longer = fmax(before_seconds, after_seconds);
    pair p = {.before = before, .after = after, .before_stretch = longer / before_seconds, .after_stretch = longer / after_seconds, .account = account};
    p.before_pj = by_account(typical_of(before.stat), p.before_stretch, account);
    p.share = p.before_pj > 0.0 ? 1.0 - by_account(typical_of(after.stat), p.after_stretch, account) / p.before_pj : (double)NAN;
    if (isnan(p.share) || before.run->source_count == 0 || after.run->source_count == 0) {
        return (sj_saving){p.share, (double)NAN, (double)NAN};
    }
    reaches r;
    memset(&r, 0, sizeof r);
    for (int i = 0; i < before.run->source_count; i++) {
        add_source(&p, before.run->source_names[i], &r);
    }
    for (int i = 0; i < after.run->source_count; i++) {
        if (source_index(before.run, after.run->source_names[i]) < 0) {
            add_source(&p, after.run->source_names[i], &r);
        }
    }
    return r.unknown ? (sj_saving){p.share, (double)NAN, (double)NAN} : hold_sign(&p, &r);
}

bool sj_saving_sign_is_open(const sj_saving *s) { return s->low < s->high && s->low <= 0.0 && s->high >= 0.0; }

void sj_format_saving(char text[64], const sj_saving *s) {
    if (isnan(s->share)) {
        strcpy(text, "-");
    } else if (isnan(s->low)) {
        snprintf(text, 64, "%.1f%%", 100.0 * s->share);
    } else {
        snprintf(text, 64, "%.1f%% (%.1f, %.1f)%s", 100.0 * s->share, 100.0 * s->low, 100.0 * s->high, sj_saving_sign_is_open(s) ? " ?" : "");
    }
}
