// SPDX-License-Identifier: Apache-2.0
#ifndef SJ_TEST_NAIVE_INTERNAL_H
#define SJ_TEST_NAIVE_INTERNAL_H

#include "naive.h"

typedef struct naive_transfer {
    bool queued;
    int64_t cycles;
} naive_transfer;

typedef struct naive_dram {
    const sj_accel *accel;
    sj_variant variant;
    const sj_job *job;
    sj_outcome *out;
    int64_t *open_row;
    int last_direction;  // -1: none yet, 0 load, 1 store
    int64_t queue_end;
} naive_dram;

void naive_dram_open(naive_dram *d, const sj_accel *accel, sj_variant variant, const sj_job *job, sj_outcome *out);
void naive_dram_close(naive_dram *d);
// Runs the next transfer of the queue; returns its end.
int64_t naive_transfer_run(naive_dram *d, int first, int count, bool store, int64_t wait);
int64_t naive_refreshes(const naive_dram *d, int64_t cycles);

static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t min_of(int64_t a, int64_t b) { return a < b ? a : b; }

#endif
