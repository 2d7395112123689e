// SPDX-License-Identifier: Apache-2.0
// --timeline: which variant and layers are drawn, and their jobs.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_cli.h"
#include "sj_file.h"
#include "sj_sim.h"
#include "sj_timeline.h"
#include "sj_timeline_file.h"

struct sj_sim_timeline {
    const sj_sim_options *o;
    const sj_machine_setup *setup;
    sj_variant variant;
    char machine[128];  // "edge16 skip/bitmask"
    sj_timeline_file *file;
};

sj_status sj_sim_timeline_open(const sj_sim_options *o, const sj_machine_setup *setup, const sj_lowering *lowering, sj_sim_timeline **out, sj_error *err) {
    *out = NULL;
    if (o->timeline == NULL) {
        return SJ_OK;
    }
    void *memory;
    sj_variant variant = {SJ_MACHINE_SKIP, SJ_CODEC_NONE};
    SJ_TRY(sj_sim_choose_variant("--timeline-variant", o->timeline_variant, setup, &variant, err));
    SJ_TRY(sj_sim_check_part("--timeline-layer", o, &o->timeline_part, lowering, err));
    SJ_TRY(sj_alloc(&memory, 1, sizeof(sj_sim_timeline), "the timeline", err));
    sj_sim_timeline *t = memory;
    char name[24];
    sj_variant_name(variant, name);
    *t = (sj_sim_timeline){.o = o, .setup = setup, .variant = variant};
    snprintf(t->machine, sizeof t->machine, "%s %s", setup->accel.name, name);
    const sj_timeline_head head = {t->machine, sj_accel_clock_khz(&setup->accel), setup->accel.rows, &setup->prices[variant.machine], SJ_TIMELINE_SLICES_MAX};
    const sj_status status = sj_timeline_file_open(o->timeline, &head, &t->file, err);
    if (status != SJ_OK) {
        free(t);
        return status;
    }
    *out = t;
    return SJ_OK;
}

bool sj_sim_timeline_has(const sj_sim_timeline *t, const sj_unit *unit, sj_variant variant) {
    return t != NULL && variant.machine == t->variant.machine && variant.codec == t->variant.codec && sj_sim_part_has(&t->o->timeline_part, unit);
}

void sj_sim_timeline_begin_layer(sj_sim_timeline *t, const sj_unit *unit) { sj_timeline_file_begin_layer(t->file, unit->layer, unit->phase); }

void sj_sim_timeline_end_layer(sj_sim_timeline *t) { sj_timeline_file_end_layer(t->file); }

sj_status sj_sim_timeline_job(sj_sim_timeline *t, const sj_job *job, int number, int count, sj_outcome *out, sj_error *err) {
    const sj_timeline_sink *sink = sj_timeline_file_begin_job(t->file, number, count);
    SJ_TRY(sj_fast_run_timeline(&t->setup->accel, t->variant, job, sink, out, err));
    return sj_timeline_file_end_job(t->file, out, err);
}

sj_status sj_sim_timeline_close(sj_sim_timeline *t, sj_status status, sj_error *err) {
    if (t == NULL) {
        return status;
    }
    sj_timeline_summary sum;
    if (status != SJ_OK) {
        sj_timeline_file_abandon(t->file);
    } else {
        status = sj_timeline_file_close(t->file, &sum, err);
        if (status == SJ_OK && !t->o->quiet) {
            fprintf(stderr, "%s: %s, %" PRIu64 " cycles, %" PRIu64 " slices%s", t->o->timeline, t->machine, sum.cycles, sum.slices, sum.joined == 0 ? "\n" : "");
            if (sum.joined > 0) {
                fprintf(stderr, ", the last %" PRIu64 " of them drawn together, one a unit and job; --timeline-layer shows more\n", sum.joined);
            }
        }
    }
    free(t);
    return status;
}
