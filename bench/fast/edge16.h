// SPDX-License-Identifier: Apache-2.0
#ifndef SJ_BENCH_EDGE16_H
#define SJ_BENCH_EDGE16_H

#include "sj_accel.h"

// The machine of configs/accel/edge16.cfg.
sj_status bench_edge16(sj_accel *out, sj_error *err);

#endif
