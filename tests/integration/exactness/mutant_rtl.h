// SPDX-License-Identifier: Apache-2.0
#ifndef MUTANT_RTL_H
#define MUTANT_RTL_H

#include "sj_counters.h"

#ifdef __cplusplus
extern "C" {
#endif

// The system around the array whose RTL has mutation 1, 2 or 3 (rtl/glue/sj_rtl.hpp).
sj_status exact_run_mutant_rtl(int mutation, const sj_accel *accel, sj_variant variant, const sj_job *job, sj_outcome *out, sj_error *err);
// Sets rows, lanes, slots, k_tile, acc_banks and dtype of the shape whose mutants are built.
void exact_mutant_shape(sj_accel *accel);

#ifdef __cplusplus
}
#endif
#endif
