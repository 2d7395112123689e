// SPDX-License-Identifier: Apache-2.0
// How much less energy one result takes than another, by three accounts, each with an interval of its own. docs/energy.md section 1.
#ifndef SJ_SAVING_H
#define SJ_SAVING_H

#include "sj_stats.h"

#ifdef __cplusplus
extern "C" {
#endif

// SJ_ACCOUNT_COMPLETION: everything, each machine for as long as it runs. SJ_ACCOUNT_DYNAMIC: without leakage and DRAM standby, which pass with time.
// SJ_ACCOUNT_THROUGHPUT: both stay powered for the time of `before`.
typedef enum sj_account { SJ_ACCOUNT_COMPLETION, SJ_ACCOUNT_DYNAMIC, SJ_ACCOUNT_THROUGHPUT, SJ_ACCOUNT_COUNT } sj_account;

// 1 - after / before. NAN where `before` has no energy; low and high are NAN where a file names no sources of error.
typedef struct sj_saving {
    double share, low, high;
} sj_saving;

// Each source of error, matched by its name, is moved to its low and its high end in both results at once; what that changes the saving by is added in quadrature, the
// changes downwards for `low`, those upwards for `high`.
sj_saving sj_saving_between(const sj_stats *before_run, const sj_stat *before, const sj_stats *after_run, const sj_stat *after, sj_account account);
bool sj_saving_sign_is_open(const sj_saving *s);  // the interval holds 0; false where there is none

// Energy that passes with time whether or not anything is done: leakage, DRAM standby and refresh, pJ.
double sj_standing_pj(const sj_energy *e);

// "19.3% (12.1, 24.0)", with a ? behind it where the sign is open; "19.3%" without an interval, "-" for NAN.
void sj_format_saving(char text[64], const sj_saving *s);

#ifdef __cplusplus
}
#endif
#endif
