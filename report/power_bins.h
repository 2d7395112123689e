// SPDX-License-Identifier: Apache-2.0
// Energy over time in a bounded number of bins: their width doubles whenever the time outgrows them. Only the timeline uses this.
#ifndef SJ_POWER_BINS_H
#define SJ_POWER_BINS_H

#include "sj_price.h"
#include "sj_timeline.h"
#include "sj_timeline_file.h"

// What energy is spread over: the busy cycles of a track, or all cycles of the job.
enum { SJ_SPREAD_ALWAYS = SJ_TRACK_COUNT, SJ_SPREAD_COUNT };

typedef struct sj_power_bins {
    uint64_t width;                                                 // cycles a bin
    uint64_t busy[SJ_SPREAD_COUNT][SJ_TIMELINE_BINS_MAX];           // of the job at hand, all rows together
    double energy_pj[SJ_COMPONENT_COUNT][SJ_TIMELINE_BINS_MAX];
    bool met[SJ_COMPONENT_COUNT];                                   // has any energy
} sj_power_bins;

void sj_power_bins_start(sj_power_bins *p);
// [begin,end) in cycles from the file's start.
void sj_power_bins_busy(sj_power_bins *p, int spread, uint64_t begin, uint64_t end);
// The job at hand ran in [begin,end): its energy, counter by counter, goes to the busy cycles of the counter's unit (all cycles where that was never busy).
void sj_power_bins_job(sj_power_bins *p, const sj_prices *prices, const sj_outcome *outcome, uint64_t begin, uint64_t end);

#endif
