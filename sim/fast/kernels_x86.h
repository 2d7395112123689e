// SPDX-License-Identifier: Apache-2.0
#ifndef SJ_FAST_KERNELS_X86_H
#define SJ_FAST_KERNELS_X86_H

#include <stdbool.h>

#include "kernels.h"

// The portable kernel `changes` for the lanes from first_lane on.
uint64_t sj_fast_portable_changes(const sj_fast_classes *c, int64_t first_lane, uint64_t *last, int64_t pitch);

#if defined(__x86_64__) && defined(__GNUC__)
#define SJ_FAST_X86 1

extern const sj_fast_kernels sj_fast_avx2_kernels, sj_fast_avx512_kernels, sj_fast_avx512_popcnt_kernels;
bool sj_fast_has_avx2(void);
bool sj_fast_has_avx512(void);
bool sj_fast_has_avx512_popcnt(void);

#endif
#endif
