// SPDX-License-Identifier: Apache-2.0
// --wave: which job of the run is recorded, and when.
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sj_cli.h"
#include "sj_rtl_build.h"
#include "sj_sim.h"

// Verilator's writer maps its scratch files; where the disk is full, the next store into them is a bus error. Nobody can go on from there, but the files can go and the user can be told.
static struct {
    char temporary[4200], hierarchy[4208], message[4352];
    size_t length;
    struct sigaction before;
} full_disk;

static void on_full_disk(int number) {
    (void)number;
    unlink(full_disk.temporary);
    unlink(full_disk.hierarchy);
    if (write(STDERR_FILENO, full_disk.message, full_disk.length) < 0) {
        _exit(2);  // not even that
    }
    _exit(1);
}

static void watch_disk(const char *path) {
    snprintf(full_disk.temporary, sizeof full_disk.temporary, "%s.tmp-%ld", path, (long)getpid());
    snprintf(full_disk.hierarchy, sizeof full_disk.hierarchy, "%s.hier", full_disk.temporary);
    const int length = snprintf(full_disk.message, sizeof full_disk.message, "skipjoule: %s: cannot write the waveform: no room on the disk\n", path);
    full_disk.length = length < (int)sizeof full_disk.message ? (size_t)length : sizeof full_disk.message - 1;
    struct sigaction action = {.sa_handler = on_full_disk};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &full_disk.before);
}

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
    watch_disk(o->wave);
    return sj_rtl_wave_open(o->wave, o->wave_first, w->last, err);
}

sj_status sj_sim_wave_end(const sj_sim_options *o, sj_sim_wave *w, sj_status status, sj_error *err) {
    if (!w->wanted) {
        return status;
    }
    sj_rtl_wave_cancel();
    if (w->taken) {
        sigaction(SIGBUS, &full_disk.before, NULL);
    }
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
