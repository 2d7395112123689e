// SPDX-License-Identifier: Apache-2.0
// The head of the report for people: what was swept, and what became of the points.
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "analysis_internal.h"

enum { TRACES_SHOWN = 10, REASONS_SHOWN = 5, VALUES_SHOWN = 8 };

static void label(FILE *f, bool md, const char *name) { fprintf(f, md ? "- %s: " : "%-9s ", name); }

// A line of texts, ended by NULL.
static void line(FILE *f, bool md, const char *name, ...) {
    label(f, md, name);
    va_list args;
    va_start(args, name);
    for (const char *text = va_arg(args, const char *); text != NULL; text = va_arg(args, const char *)) {
        sj_say(f, md, text);
    }
    va_end(args);
    fputc('\n', f);
}

static void write_traces(FILE *f, const sj_sweep_about *about, bool md) {
    for (int i = 0; i < about->trace_count && i < TRACES_SHOWN; i++) {
        char weight[64];
        snprintf(weight, sizeof weight, ", weight %g: ", about->traces[i].weight);
        line(f, md, "trace", about->traces[i].path, weight, about->traces[i].describe, NULL);
    }
    if (about->trace_count > TRACES_SHOWN) {
        char more[64];
        snprintf(more, sizeof more, "and %d more", about->trace_count - TRACES_SHOWN);
        line(f, md, "trace", more, NULL);
    }
}

static void write_axes(FILE *f, const sj_space *space, bool md) {
    for (int i = 0; i < space->axis_count; i++) {
        const sj_axis *a = &space->axes[i];
        char count[64];
        snprintf(count, sizeof count, ": %d value%s: ", a->value_count, a->value_count == 1 ? "" : "s");
        label(f, md, "axis");
        sj_say(f, md, a->name);
        sj_say(f, md, count);
        const bool all = a->value_count <= VALUES_SHOWN;
        for (int v = 0; all && v < a->value_count; v++) {
            sj_say(f, md, v > 0 ? ", " : "");
            sj_say(f, md, a->labels[v]);
        }
        if (!all) {
            sj_say(f, md, a->labels[0]);
            sj_say(f, md, a->numeric ? " to " : " and others, the last ");
            sj_say(f, md, a->labels[a->value_count - 1]);
        }
        fputc('\n', f);
    }
}

static void write_reasons(FILE *f, const sj_analysis *a, bool md) {
    uint64_t rest = 0;
    for (int i = 0; i < a->reason_count; i++) {
        char count[64];
        sj_count_format(count, a->reasons[i].points);
        if (i < REASONS_SHOWN) {
            line(f, md, "reason", count, a->reasons[i].points == 1 ? " point: " : " points, the first: ", a->reasons[i].text[0] != '\0' ? a->reasons[i].text : "(none was kept)", NULL);
        } else {
            rest += a->reasons[i].points;
        }
    }
    if (rest > 0) {
        char count[64], kinds[64];
        sj_count_format(count, rest);
        sj_count_format(kinds, (uint64_t)(a->reason_count - REASONS_SHOWN));
        line(f, md, "reason", count, " points for ", kinds, a->reason_count - REASONS_SHOWN == 1 ? " other reason" : " other kinds of reasons", NULL);
    }
}

sj_status sj_analysis_write_summary(FILE *f, const sj_analysis *a, bool md, sj_error *err) {
    char setup[SJ_ANALYSIS_SETUP_MAX];
    SJ_TRY(sj_analysis_setup(a->about, setup, err));
    char points[64], wanted[64], space[64], valid[64], invalid[64], within[64];
    sj_count_format(points, a->points);
    sj_count_format(wanted, a->about->total);
    sj_count_format(space, a->about->space->size);
    sj_count_format(valid, a->valid);
    sj_count_format(invalid, a->points - a->valid);
    sj_count_format(within, a->within);
    fputs(md ? "## Sweep " : "sweep     ", f);
    sj_say(f, md, a->about->name);
    fputs(md ? "\n\n" : "\n", f);
    write_traces(f, a->about, md);
    line(f, md, "fixed", setup, NULL);
    write_axes(f, a->about->space, md);
    line(f, md, "points", points, " looked at of ", wanted, " wanted; the space has ", space, NULL);
    line(f, md, "valid", valid, NULL);
    line(f, md, "invalid", invalid, NULL);
    write_reasons(f, a, md);
    for (int i = 0; i < a->limit_count; i++) {
        line(f, md, "limit", a->limits[i], NULL);
    }
    if (a->limit_count > 0) {
        line(f, md, "within", within, " of ", valid, " valid points", NULL);
    }
    return SJ_OK;
}
