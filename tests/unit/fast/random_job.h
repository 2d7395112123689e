// SPDX-License-Identifier: Apache-2.0
// Small random machines and jobs, wider than what the lowering makes: odd taps, dropped channels, repeated images, blocks in any legal order, any segments.
#ifndef SJ_TEST_RANDOM_JOB_H
#define SJ_TEST_RANDOM_JOB_H

#include "sj_job.h"
#include "sj_random.h"

typedef struct random_case {
    sj_dram_type dram;
    sj_accel accel;
    sj_job job;
    sj_tap a_taps[16], b_taps[16];
    int32_t a_channels[160], b_channels[160], u_list[64];
    void *a_values, *b_values;
    sj_stream streams[3];
    sj_block *blocks;
    sj_segment *segments;
} random_case;

void random_case_make(random_case *c, sj_random *rng);
void random_case_free(random_case *c);

#endif
