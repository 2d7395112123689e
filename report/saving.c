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

// With the named source at an end; as it is where the run has no such source.
static parts moved(const sj_stats *run, const sj_stat *s, const char *source, int end) {
    parts p = typical_of(s);
    for (int i = 0; i < run->source_count; i++) {
        if (strcmp(run->source_names[i], source) == 0) {
            for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
                p.all_pj += s->spread.pj[i][c][end];
            }
            for (int k = 0; k < STANDING_COUNT; k++) {
                p.standing_pj += s->spread.pj[i][standing_components[k]][end];
            }
        }
    }
    return p;
}

// `stretch`: cycles before / cycles after.
static double share_of(parts before, parts after, double stretch, sj_account account) {
    double from = before.all_pj, to = after.all_pj;
    if (account == SJ_ACCOUNT_DYNAMIC) {
        from -= before.standing_pj;
        to -= after.standing_pj;
    } else if (account == SJ_ACCOUNT_THROUGHPUT) {
        to += after.standing_pj * (stretch - 1.0);
    }
    return from > 0.0 ? 1.0 - to / from : (double)NAN;
}

typedef struct pair {
    const sj_stats *before_run, *after_run;
    const sj_stat *before, *after;
    double stretch, share;
    sj_account account;
} pair;

static void add_source(const pair *p, const char *source, double *down, double *up) {
    double lowest = 0.0, highest = 0.0;
    for (int end = 0; end < 2; end++) {
        const double change = share_of(moved(p->before_run, p->before, source, end), moved(p->after_run, p->after, source, end), p->stretch, p->account) - p->share;
        lowest = fmin(lowest, change);
        highest = fmax(highest, change);
    }
    *down += lowest * lowest;
    *up += highest * highest;
}

static bool has_source(const sj_stats *run, const char *source) {
    for (int i = 0; i < run->source_count; i++) {
        if (strcmp(run->source_names[i], source) == 0) {
            return true;
        }
    }
    return false;
}

sj_saving sj_saving_between(const sj_stats *before_run, const sj_stat *before, const sj_stats *after_run, const sj_stat *after, sj_account account) {
    pair p = {before_run, after_run, before, after, after->cycles > 0 ? (double)before->cycles / (double)after->cycles : (double)NAN, 0.0, account};
    p.share = share_of(typical_of(before), typical_of(after), p.stretch, account);
    if (isnan(p.share) || before_run->source_count == 0 || after_run->source_count == 0) {
        return (sj_saving){p.share, (double)NAN, (double)NAN};
    }
    double down = 0.0, up = 0.0;
    for (int i = 0; i < before_run->source_count; i++) {
        add_source(&p, before_run->source_names[i], &down, &up);
    }
    for (int i = 0; i < after_run->source_count; i++) {
        if (!has_source(before_run, after_run->source_names[i])) {
            add_source(&p, after_run->source_names[i], &down, &up);
        }
    }
    return (sj_saving){p.share, p.share - sqrt(down), p.share + sqrt(up)};
}

bool sj_saving_sign_is_open(const sj_saving *s) { return s->low <= 0.0 && s->high >= 0.0; }

void sj_format_saving(char text[64], const sj_saving *s) {
    if (isnan(s->share)) {
        strcpy(text, "-");
    } else if (isnan(s->low)) {
        snprintf(text, 64, "%.1f%%", 100.0 * s->share);
    } else {
        snprintf(text, 64, "%.1f%% (%.1f, %.1f)%s", 100.0 * s->share, 100.0 * s->low, 100.0 * s->high, sj_saving_sign_is_open(s) ? " ?" : "");
    }
}
