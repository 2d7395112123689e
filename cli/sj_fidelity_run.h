// SPDX-License-Identifier: Apache-2.0
// One job at the chosen fidelity. Inline, so that only the commands that simulate need the three simulators.
#ifndef SJ_FIDELITY_RUN_H
#define SJ_FIDELITY_RUN_H

#include "sj_counters.h"
#include "sj_machine.h"

// results may be NULL; `fast` gives none.
static inline sj_status sj_fidelity_run(sj_fidelity fidelity, const sj_accel *accel, sj_variant variant, const sj_job *job, sj_outcome *out, void *results, sj_error *err) {
    switch (fidelity) {
        case SJ_FIDELITY_SYSTEMC: return sj_systemc_run(accel, variant, job, out, results, err);
        case SJ_FIDELITY_RTL: return sj_rtl_run(accel, variant, job, out, results, err);
        default: return sj_fast_run(accel, variant, job, out, err);
    }
}

#endif
