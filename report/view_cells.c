// SPDX-License-Identifier: Apache-2.0
// Cells that many tables have.
#include <math.h>
#include <string.h>

#include "views_internal.h"

void sj_view_columns(sj_report_table *t, const sj_column *columns, int count) {
    for (int i = 0; i < count; i++) {
        sj_table_column(t, columns[i]);
    }
}

void sj_view_text_or_none(sj_report_table *t, const char *text) {
    if (text[0] != '\0') {
        sj_table_text(t, text);
    } else {
        sj_table_none(t);
    }
}

void sj_view_variant(sj_report_table *t, sj_variant variant) {
    char name[24];
    sj_variant_name(variant, name);
    sj_table_text(t, name);
}

// A share of an energy that is infinitely larger, as that of a machine without time is at fixed throughput, is none.
static void share(sj_report_table *t, double v) { sj_table_number(t, isfinite(v) ? v : (double)NAN); }

void sj_view_saving(sj_report_table *t, const sj_saving *s) {
    share(t, s->share);
    share(t, s->low);
    share(t, s->high);
}

void sj_view_head(sj_report_table *t, const char *label, const char *mode) {
    sj_table_text(t, label);
    sj_table_text(t, mode);
}

void sj_view_batch(sj_report_table *t, int64_t batch) { sj_table_integer(t, (uint64_t)batch); }

void sj_view_interval(sj_report_table *t, const sj_stats *run, const sj_energy energy[SJ_BOUND_COUNT]) {
    const bool known = run->source_count > 0;  // else the ends are of another kind: all figures low, all high
    sj_table_number(t, energy[SJ_TYPICAL].total_pj);
    sj_table_number(t, known ? energy[SJ_LOW].total_pj : (double)NAN);
    sj_table_number(t, known ? energy[SJ_HIGH].total_pj : (double)NAN);
}

void sj_view_dram_bytes(sj_report_table *t, const sj_stat *s) {
    uint64_t bursts, bytes;
    if (__builtin_add_overflow(s->counts.dram_read, s->counts.dram_write, &bursts) || __builtin_mul_overflow(bursts, (uint64_t)64, &bytes)) {
        sj_table_number(t, ((double)s->counts.dram_read + (double)s->counts.dram_write) * 64.0);
    } else {
        sj_table_integer(t, bytes);
    }
}

static const char *selection_of(const sj_stats *s) { return s->selection; }
static const char *state_of(const sj_stats *s) { return s->method_state; }

// Is it told already, of the same RUN at another batch?
static bool is_told(const sj_views *v, int i, const char *(*what)(const sj_stats *s)) {
    for (int j = 0; j < i; j++) {
        if (v->results[j].run == v->results[i].run && strcmp(what(v->results[j].stats), what(v->results[i].stats)) == 0) {
            return true;
        }
    }
    return false;
}

void sj_view_note_parts(sj_report_table *t, const sj_views *v, bool steps, bool wholes) {
    for (int i = 0; steps && i < v->result_count; i++) {
        const sj_view_result *r = &v->results[i];
        if (r->stats->selection[0] != '\0' && !is_told(v, i, selection_of)) {
            sj_table_note(t, "%s: only %s, not the whole step.", r->run->label, r->stats->selection);
        }
    }
    for (int r = 0; wholes && r < v->run_count; r++) {
        if (v->runs[r].whole != NULL && v->runs[r].whole->selection[0] != '\0') {
            sj_table_note(t, "%s: only %s, not the whole training.", v->runs[r].label, v->runs[r].whole->selection);
        }
    }
}

void sj_view_note_states(sj_report_table *t, const sj_views *v) {
    for (int i = 0; i < v->result_count; i++) {
        const sj_view_result *r = &v->results[i];
        if (r->stats->method_state[0] != '\0' && !is_told(v, i, state_of)) {
            sj_table_note(t, "%s: the step is %s%s.", r->run->label, r->stats->method_state, sj_step_of_schedule(r->stats->method_state));
        }
    }
}
