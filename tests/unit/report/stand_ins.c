// SPDX-License-Identifier: Apache-2.0
// What the commands need from main.c and from the simulators in C++: systemc answers as it should, rtl with one wrong bit in the last result.
#include <string.h>

#include "sj_cli.h"
#include "sj_counters.h"

const char *const sj_version = "test";

bool sj_cli_interrupted(void) { return false; }

sj_status sj_systemc_run(const sj_accel *accel, sj_variant variant, const sj_job *job, sj_outcome *out, void *results, sj_error *err) {
    if (results != NULL) {
        SJ_TRY(sj_reference_product(job, results, err));
    }
    return sj_fast_run(accel, variant, job, out, err);
}

sj_status sj_rtl_run(const sj_accel *accel, sj_variant variant, const sj_job *job, sj_outcome *out, void *results, sj_error *err) {
    SJ_TRY(sj_systemc_run(accel, variant, job, out, results, err));
    if (results != NULL) {
        ((uint32_t *)results)[job->m * job->n - 1] ^= 1u;
    }
    return SJ_OK;
}
