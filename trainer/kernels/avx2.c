// SPDX-License-Identifier: Apache-2.0
#include "table.h"

#ifdef SJ_KERNELS_X86
#define SJ_LANES 8
#define SJ_TABLE sj_kernels_avx2
#define SJ_TABLE_NAME "avx2"
#include "build.inc"
#endif
