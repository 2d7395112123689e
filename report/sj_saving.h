// SPDX-License-Identifier: Apache-2.0
// Energies by three accounts, and how much less one result takes than another by each; with their intervals. docs/energy.md section 1.
#ifndef SJ_SAVING_H
#define SJ_SAVING_H

#include "sj_stats.h"

#ifdef __cplusplus
extern "C" {
#endif

// SJ_ACCOUNT_COMPLETION: everything, each machine for as long as it runs. SJ_ACCOUNT_DYNAMIC: without leakage and DRAM standby, which pass with time.
// SJ_ACCOUNT_THROUGHPUT: everything, the machine staying powered for a given time (of a saving: for the time of the one that takes longer).
typedef enum sj_account { SJ_ACCOUNT_COMPLETION, SJ_ACCOUNT_DYNAMIC, SJ_ACCOUNT_THROUGHPUT, SJ_ACCOUNT_COUNT } sj_account;

// 1 - after / before. NAN where `before` has no energy; low and high are NAN where a file names no sources of error, and where a source could take all of the energy of `before` away.
typedef struct sj_saving {
    double share, low, high;
} sj_saving;

// A result with what its energy's errors come from.
typedef struct sj_priced {
    const sj_stats *run;
    const sj_stat *stat;
    const sj_spread *spread;
} sj_priced;
sj_priced sj_priced_total(const sj_stats *run, const sj_stats_variant *v);

// An energy, pJ; low and high are NAN where the run names no sources of error.
typedef struct sj_account_energy {
    double pj, low_pj, high_pj;
} sj_account_energy;

// `reference_cycles`: for how long the machine stays powered at fixed throughput; of no matter to the other accounts.
sj_account_energy sj_energy_by_account(sj_priced p, uint64_t reference_cycles, sj_account account);
// The reference of a variant: the cycles of the slowest variant of the run that has the same codec.
uint64_t sj_reference_cycles(const sj_stats *run, sj_codec codec);
extern const char *const sj_account_names[SJ_ACCOUNT_COUNT];  // "completion", "dynamic", "fixed_throughput"

// Each source of error, matched by its name, is moved to its low and its high end in both results at once; what that changes the saving by is added in quadrature, the
// changes downwards for `low`, those upwards for `high`. Where the two energies' difference, taken the same way, keeps its sign, the interval does not cross zero either.
sj_saving sj_saving_between(sj_priced before, sj_priced after, sj_account account);
bool sj_saving_sign_is_open(const sj_saving *s);  // the interval has a width and holds 0

// Energy that passes with time whether or not anything is done: leakage, DRAM standby and refresh, pJ.
double sj_standing_pj(const sj_energy *e);

// "19.3% (12.1, 24.0)", with a ? behind it where the sign is open; "19.3%" without an interval, "-" for NAN.
void sj_format_saving(char text[64], const sj_saving *s);

#ifdef __cplusplus
}
#endif
#endif
