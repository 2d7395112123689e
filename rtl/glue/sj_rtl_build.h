// SPDX-License-Identifier: Apache-2.0
// Verilated arrays that are made on demand, and waveforms. The machines that are shipped are built in; any other shape is Verilated and compiled when it is first
// used and kept in the user's cache: the folder skipjoule-arrays in $SJ_CACHE, else in $XDG_CACHE_HOME, else in $HOME/.cache (docs/rtl.md).
#ifndef SJ_RTL_BUILD_H
#define SJ_RTL_BUILD_H

#include <stdint.h>

#include "sj_error.h"

#ifdef __cplusplus
extern "C" {
#endif

// `say` is called with one line, without a newline, before an array is built that takes seconds: its shape and the time to expect. NULL (the default): silence.
// It may be called from any thread that runs sj_rtl_run, by one at a time.
void sj_rtl_set_progress(void (*say)(void *ctx, const char *line), void *ctx);

// The next sj_rtl_run of a product, in this thread, writes an FST waveform of the array: its ports and everything inside, for the job's cycles first..last (both included; last may lie
// beyond the job's end). Written to a temporary name and renamed to `path` when that run ends well; a run that fails leaves no file. Costs a model of its own, built on
// demand. SJ_ERR_RANGE where first > last; SJ_ERR_MEMORY. The path is copied.
sj_status sj_rtl_wave_open(const char *path, uint64_t first_cycle, uint64_t last_cycle, sj_error *err);
// Forgets a wave that no run has taken yet.
void sj_rtl_wave_cancel(void);

#ifdef __cplusplus
}
#endif
#endif
