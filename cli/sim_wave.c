// SPDX-License-Identifier: Apache-2.0
// --wave: which job of the run is recorded, and when.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sj_cli.h"
#include "sj_rtl_build.h"
#include "sj_sim.h"

// Before an array is built for it: the folder must be there and writable.
static sj_status check_folder(const char *path, sj_error *err) {
    char folder[4096];
    if (snprintf(folder, sizeof folder, "%s", path) >= (int)sizeof folder) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "--wave: the path is longer than %zu bytes", sizeof folder - 1);
    }
    char *slash = strrchr(folder, '/');
    if (slash != NULL) {
        slash[slash == folder ? 1 : 0] = '\0';
    }
    if (access(slash != NULL ? folder : ".", W_OK) != 0) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    }
    return SJ_OK;
}

sj_status sj_sim_wave_start(const sj_sim_options *o, const sj_machine_setup *setup, const sj_lowering *lowering, sj_sim_wave *w, sj_error *err) {
    *w = (sj_sim_wave){.wanted = o->wave != NULL};
    if (!w->wanted) {
        return SJ_OK;
    }
    w->accel = &setup->accel;
    SJ_TRY(sj_sim_choose_variant("--wave-variant", o->wave_variant, setup, &w->variant, err));
    SJ_TRY(sj_sim_check_part("--wave-layer", o, &o->wave_part, lowering, err));
    return check_folder(o->wave, err);
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
    sj_outcome outcome;
    SJ_TRY(sj_fast_run(w->accel, variant, job, &outcome, err));  // the same cycles, known at once
    if (o->wave_first >= outcome.cycles) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "--wave-cycles begins at %" PRIu64 ", but %s %s on %s takes %" PRIu64 " cycles; allowed: 0 to %" PRIu64, o->wave_first, unit->layer,
                       sj_phase_name(unit->phase), name, outcome.cycles, outcome.cycles - 1);
    }
    w->last = o->wave_last < outcome.cycles ? o->wave_last : outcome.cycles - 1;
    snprintf(w->what, sizeof w->what, "%s %s, job %d, on %s", unit->layer, sj_phase_name(unit->phase), number + 1, name);
    return sj_rtl_wave_open(o->wave, o->wave_first, w->last, err);
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
        return SJ_FAIL(err, SJ_ERR_RANGE, "--wave-job %" PRId64 ": the chosen layers have %" PRId64 " products; allowed: 1 to %" PRId64, o->wave_job, w->met, w->met);
    }
    if (!o->quiet) {
        fprintf(stderr, "%s: %s, cycles %" PRIu64 " to %" PRIu64 "\n", o->wave, w->what, o->wave_first, w->last);
    }
    return SJ_OK;
}
