// SPDX-License-Identifier: Apache-2.0
// What the commands need from main.c and from the simulators in C++: systemc answers as it should, rtl with one wrong bit in the last result.
#include <stdio.h>
#include <string.h>

#include "sj_cli.h"
#include "sj_counters.h"
#include "sj_rtl_build.h"
#include "stand_ins.h"

const char *const sj_version = "test";

int test_interrupt_after = -1;

bool sj_cli_interrupted(void) { return test_interrupt_after >= 0 && test_interrupt_after-- == 0; }

sj_status sj_systemc_run(const sj_accel *accel, sj_variant variant, const sj_job *job, sj_outcome *out, void *results, sj_error *err) {
    if (results != NULL) {
        SJ_TRY(sj_reference_product(job, results, err));
    }
    return sj_fast_run(accel, variant, job, out, err);
}

static void (*say)(void *ctx, const char *line);
static void *say_context;
static char wave[256];
static uint64_t wave_first, wave_last;

void sj_rtl_set_progress(void (*to)(void *ctx, const char *line), void *ctx) {
    say = to;
    say_context = ctx;
}

sj_status sj_rtl_wave_open(const char *path, uint64_t first, uint64_t last, sj_error *err) {
    snprintf(wave, sizeof wave, "%s", path);
    wave_first = first;
    wave_last = last;
    return SJ_OK;
}

void sj_rtl_wave_cancel(void) { wave[0] = '\0'; }

// What a wave of the real array would be of: a line of the job and the cycles.
static void write_wave(sj_variant variant, const sj_job *job) {
    FILE *f = wave[0] != '\0' ? fopen(wave, "w") : NULL;
    if (f != NULL) {
        fprintf(f, "%s %s %s %llu %llu\n", job->layer, sj_phase_name(job->phase), sj_machine_name(variant.machine), (unsigned long long)wave_first, (unsigned long long)wave_last);
        fclose(f);
        wave[0] = '\0';
    }
}

sj_status sj_rtl_run(const sj_accel *accel, sj_variant variant, const sj_job *job, sj_outcome *out, void *results, sj_error *err) {
    SJ_TRY(sj_systemc_run(accel, variant, job, out, results, err));
    if (say != NULL) {
        say(say_context, "Verilating");
    }
    write_wave(variant, job);
    if (results != NULL) {
        ((uint32_t *)results)[job->m * job->n - 1] ^= 1u;
    }
    return SJ_OK;
}
