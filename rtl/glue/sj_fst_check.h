// SPDX-License-Identifier: Apache-2.0
// Whether a waveform got onto the disk whole: the FST writer does not tell of failed writes.
#ifndef SJ_FST_CHECK_H
#define SJ_FST_CHECK_H

#include "sj_error.h"

#ifdef __cplusplus
extern "C" {
#endif

// Walks the blocks of an FST file. IO, naming `name` (what the user calls it), where the file cannot be read; where its blocks do not fill it exactly, one is unfinished or is a
// hole that was never written; or where header, geometry, hierarchy or a block of value changes that the header counts is missing.
sj_status sj_fst_check(const char *path, const char *name, sj_error *err);

#ifdef __cplusplus
}
#endif
#endif
