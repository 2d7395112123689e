// SPDX-License-Identifier: Apache-2.0
// What each unit of the machine did when, for one job: from the fast model, whose times are those of every fidelity.
#ifndef SJ_TIMELINE_H
#define SJ_TIMELINE_H

#include "sj_counters.h"

#ifdef __cplusplus
extern "C" {
#endif

// Slices of one track (of one row, for SJ_TRACK_ROW) never overlap and come in ascending order of begin.
typedef enum sj_track {
    SJ_TRACK_DRAM,    // a transfer; index: block
    SJ_TRACK_LOADER,  // the steps of a visit: Lbeg of its first to Lend of its last; index: visit
    SJ_TRACK_ROW,     // the work of one physical row on a visit: beg of its first step to end of its last; index: visit
    SJ_TRACK_OBUS,    // a drain or a fill; index: visit
    SJ_TRACK_VECTOR,  // a block of an elementwise pass; index: block
    SJ_TRACK_COUNT
} sj_track;

typedef struct sj_slice {
    sj_track track;
    int64_t row;           // SJ_TRACK_ROW, else 0
    const char *what;      // "load", "store", "steps", "work", "drain", "fill", "pass": static storage
    int64_t index;
    uint64_t begin, end;   // core cycles from the job's start; begin <= end
} sj_slice;

typedef struct sj_timeline_sink {
    void (*slice)(void *context, const sj_slice *slice);
    void *context;
} sj_timeline_sink;

// sj_fast_run, and every slice handed to the sink. The outcome is that of sj_fast_run.
sj_status sj_fast_run_timeline(const sj_accel *accel, sj_variant variant, const sj_job *job, const sj_timeline_sink *sink, sj_outcome *out, sj_error *err);

#ifdef __cplusplus
}
#endif
#endif
