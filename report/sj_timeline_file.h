// SPDX-License-Identifier: Apache-2.0
// The timeline of simulated jobs as a file that Perfetto and chrome://tracing open (trace event format, JSON): what each unit did when, and the power drawn. docs/timeline.md.
// Jobs stand one behind the other from time 0. The file is written as they come; only the power's bins are kept in memory.
#ifndef SJ_TIMELINE_FILE_H
#define SJ_TIMELINE_FILE_H

#include "sj_price.h"
#include "sj_timeline.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SJ_TIMELINE_SLICES_MAX 400000  // drawn one by one: a file of about 60 MB
#define SJ_TIMELINE_BINS_MAX 2048      // of the power; from half as many on, once the time is long enough

typedef struct sj_timeline_head {
    const char *machine;      // the process's name; borrowed
    int64_t clock_khz, rows;
    const sj_prices *prices;  // of the machine; borrowed until close
    uint64_t slices_max;      // slices drawn one by one; from then on a unit has one slice a job, from its first work to its last
} sj_timeline_head;

typedef struct sj_timeline_summary {
    uint64_t cycles, slices, joined;  // slices: met; joined: of these, drawn together
    double energy_pj;                 // typical; the integral of the power
} sj_timeline_summary;

typedef struct sj_timeline_file sj_timeline_file;

// Writes to a temporary name beside `path` until close. Caller: close or abandon.
sj_status sj_timeline_file_open(const char *path, const sj_timeline_head *head, sj_timeline_file **out, sj_error *err);
// A slice on the track of layers that holds those of its jobs. Layers do not nest. `layer` is borrowed until end_layer; bytes of it (and of the machine) that are no UTF-8 become U+FFFD.
void sj_timeline_file_begin_layer(sj_timeline_file *f, const char *layer, sj_phase phase);
void sj_timeline_file_end_layer(sj_timeline_file *f);
// Job `number` of `count` (from 0) of the layer. The sink is for sj_fast_run_timeline, once; then end_job with what that gave. After a failed run: abandon.
const sj_timeline_sink *sj_timeline_file_begin_job(sj_timeline_file *f, int number, int count);
sj_status sj_timeline_file_end_job(sj_timeline_file *f, const sj_outcome *outcome, sj_error *err);
// Writes the power, renames the file to its path and frees f, also on failure. summary may be NULL.
sj_status sj_timeline_file_close(sj_timeline_file *f, sj_timeline_summary *summary, sj_error *err);
void sj_timeline_file_abandon(sj_timeline_file *f);  // removes the temporary; NULL is allowed

#ifdef __cplusplus
}
#endif
#endif
