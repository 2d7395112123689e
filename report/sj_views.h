// SPDX-License-Identifier: Apache-2.0
// Tables of a report, built from runs: simulated steps and whole training runs, each table from those that fit it. docs/report.md says how to read them.
#ifndef SJ_VIEWS_H
#define SJ_VIEWS_H

#include "sj_compare.h"
#include "sj_report.h"
#include "sj_whole_run.h"

#ifdef __cplusplus
extern "C" {
#endif

// One RUN of a report: either simulated steps or a whole training run. All is borrowed.
typedef struct sj_view_run {
    const char *label;           // what its rows are called: unique (sj_view_labels); whatever a user named a folder
    const char *path;            // its folder, or the file in it
    const sj_compared *steps;    // NULL: a whole run
    const sj_whole_run *whole;   // NULL: steps
} sj_view_run;

typedef struct sj_view_options {
    double gco2_per_kwh;     // g CO2e a kWh; NAN: not given, and no table has emissions
    double target_accuracy;  // 0 to 1; NAN: not given
} sj_view_options;

// Folders' names, made unique by as much of their paths as is needed; a RUN that is given twice is "NAME (2)". Caller frees each and the array.
sj_status sj_view_labels(const char *const *paths, int count, char ***labels, sj_error *err);

// Adds every table that the runs give, the first run being the baseline, and notes that say which comparison is left out and why. Where a RUN holds several steps of one mode and batch, the tables by
// layer are of the last one with data, which a note says; the table "steps" has all.
//   summary           a row a result: what was run, and how well it was trained
//   machines          a row a variant: energy with its interval, time, power, silicon
//   comparison        savings against gating and against the first run
//   saving_sources    by what energy is saved: the codec, gating, skipping
//   savings           what skipping saves, by phase and account
//   layers            a row a layer, phase and variant
//   components        energy by layer, phase and component, without those that are 0
//   joules            the same summed over layers
//   density           of x and dy, by layer and step or epoch
//   roofline          each product's nonzero MACs a byte and a second, beneath the peaks of array and DRAM
//   accuracy_energy   of whole runs where there are any, else of a step
//   steps             totals of all steps, where a RUN has several
//   whole, epochs, states, target   of whole runs
//   config, provenance              the lines of config.cfg and tech.cfg, and where the results come from
// Energies of a folder with config.cfg and tech.cfg are priced anew, to find the intervals of savings by phase, which stats.json lacks; where that gives other energies than stats.json has (another
// version wrote it), or the files are not there, those intervals are none, and a note says so.
sj_status sj_views_add(sj_report *r, const sj_view_run *runs, int count, const sj_view_options *options, sj_error *err);

// All keys that sj_views_add may add, in its order, and what a table needs, for people whom it is missing to: "a whole run (sim --whole-run)".
typedef struct sj_view_key {
    const char *key, *needs;
} sj_view_key;
extern const sj_view_key sj_view_keys[];
extern const int sj_view_key_count;
enum { SJ_VIEW_KEYS_MAX = 32 };  // no fewer

// ---- Differences of two runs, for a code review.
typedef struct sj_diff_options {
    double threshold;  // relative changes of energies, densities and other doubles up to it are none; counts must be equal
} sj_diff_options;
// What differs, and nothing else: head, configuration keys, then totals, then layers by the largest change of energy. "no difference in what is compared" where all that is compared is equal, and what is not compared.
sj_status sj_view_diff(FILE *f, const sj_view_run *before, const sj_view_run *after, const sj_diff_options *options, sj_error *err);

#ifdef __cplusplus
}
#endif
#endif
