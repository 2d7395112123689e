// SPDX-License-Identifier: Apache-2.0
// --wave: which job of the run is recorded, and when.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sj_cli.h"
#include "sj_rtl_build.h"
#include "sj_sim.h"

sj_status sj_sim_wave_start(const sj_sim_options *o, const sj_machine_setup *setup, const sj_lowering *lowering, sj_sim_wave *w, sj_error *err) {
    *w = (sj_sim_wave){.wanted = o->wave != NULL};
    if (!w->wanted) {
        return SJ_OK;
    }
    SJ_TRY(sj_sim_choose_variant("--wave-variant", o->wave_variant, setup, &w->variant, err));
    return sj_sim_check_part("--wave-layer", o, &o->wave_part, lowering, err);
}

sj_status sj_sim_wave_job(const sj_sim_options *o, sj_sim_wave *w, const sj_unit *unit, sj_variant variant, const sj_job *job, int number, sj_error *err) {
    if (!w->wanted || w->taken || !job->is_product || variant.machine != w->variant.machine || variant.codec != w->variant.codec || !sj_sim_part_has(&o->wave_part, unit)) {
        return SJ_OK;
    }
    if (++w->met < o->wave_job) {
        return SJ_OK;
    }
    char name[24];
    sj_variant_name(variant, name);
    w->taken = true;
    snprintf(w->what, sizeof w->what, "%s %s, job %d, on %s", unit->layer, sj_phase_name(unit->phase), number + 1, name);
    return sj_rtl_wave_open(o->wave, o->wave_first, o->wave_last, err);
}

sj_status sj_sim_wave_end(const sj_sim_options *o, sj_sim_wave *w, sj_status status, sj_error *err) {
    if (!w->wanted) {
        return status;
    }
    sj_rtl_wave_cancel();
    w->wanted = false;
    if (status != SJ_OK) {
        return status;
    }
    if (!w->taken) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "--wave-job %" PRId64 ": there are %" PRId64 " products", o->wave_job, w->met);
    }
    if (!o->quiet) {
        fprintf(stderr, "%s: %s, cycles %" PRIu64 " to %" PRIu64 "\n", o->wave, w->what, o->wave_first, o->wave_last);
    }
    return SJ_OK;
}
