// SPDX-License-Identifier: Apache-2.0
#include "table.h"

#ifdef SJ_KERNELS_X86
#define SJ_LANES 16
#define SJ_TABLE sj_kernels_avx512
#define SJ_TABLE_NAME "avx512"
#include "build.inc"
#endif
