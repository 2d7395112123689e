// SPDX-License-Identifier: Apache-2.0
// Vectors of 16 bytes: what every processor that this runs on has.
#define SJ_LANES 4
#define SJ_TABLE sj_kernels_portable
#define SJ_TABLE_NAME "portable"
#include "build.inc"
