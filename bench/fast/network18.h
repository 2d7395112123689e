// SPDX-License-Identifier: Apache-2.0
// The whole of a full-width ResNet18 on 32x32x3 images, as a trace's layer table.
#ifndef SJ_BENCH_NETWORK18_H
#define SJ_BENCH_NETWORK18_H

#include "sj_trace.h"

// Freed by sj_network_free.
void bench_network18_make(sj_network *net);

#endif
