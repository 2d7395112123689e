// SPDX-License-Identifier: Apache-2.0
// Do the figures of a run.json fit each other? The reader's part: what it finds wrong is its reader's miss.
#ifndef SJ_WHOLE_RUN_CHECK_H
#define SJ_WHOLE_RUN_CHECK_H

#include "json_read.h"
#include "sj_whole_run.h"

// Every energy, cycle and byte of a variant is finite and at least 0; phases, epochs, states and layers (where any are listed) each sum to their total to 1e-9 of it; low <= typical <= high.
// Components may be another version's, which `v` does not hold: sj_whole_run_near tells of their sum. name: "skip/bitmask".
void sj_whole_run_check(sj_json_reader *r, const char *name, const sj_run_variant *v);
// Is a sum its total, to 1e-9 of it?
bool sj_whole_run_near(double sum, double total);

#endif
