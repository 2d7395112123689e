// SPDX-License-Identifier: Apache-2.0
// Which entries of the tech file price which counter: each entry is changed in turn, and the prices are compared.
#include <stdio.h>
#include <string.h>

#include "sj_tech_keys.h"

typedef struct search {
    const sj_accel *accel;
    sj_machine machine;
    double typical_pj[SJ_COUNTER_COUNT];
    sj_price_entries *out;
} search;

static void note_changes(const search *s, const sj_tech_point *changed, const char *entry) {
    double pj[SJ_COUNTER_COUNT];
    sj_price_point(changed, s->accel, s->machine, pj);
    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
        if (pj[i] != s->typical_pj[i]) {
            char *list = s->out->of[i];
            const size_t used = strlen(list);
            (void)snprintf(list + used, SJ_ENTRIES_MAX - used, "%s%s", used > 0 ? ", " : "", entry);
        }
    }
}

sj_status sj_tech_price_entries(const sj_tech *t, const sj_accel *accel, sj_machine machine, sj_price_entries *out, sj_error *err) {
    const sj_tech_dram *dram;
    SJ_TRY(sj_tech_find_dram(t, accel, &dram, err));
    SJ_TRY(sj_stores_check(&t->sram, t->path, accel, machine, err));
    memset(out, 0, sizeof *out);
    const sj_tech_point typical = sj_tech_point_at(t, dram, SJ_TYPICAL);
    search s = {.accel = accel, .machine = machine, .out = out};
    sj_price_point(&typical, accel, machine, s.typical_pj);
    sj_tech_point changed = typical;
#define SJ_X(key, unit)                  \
    changed.key += 1.0;                  \
    note_changes(&s, &changed, #key);    \
    changed = typical;
    SJ_TECH_KEYS(SJ_X)
#undef SJ_X
#define SJ_X(key, unit)                          \
    changed.dram.key += 1.0;                     \
    note_changes(&s, &changed, "dram." #key);    \
    changed = typical;
    SJ_TECH_DRAM_KEYS(SJ_X)
#undef SJ_X
    return SJ_OK;
}
