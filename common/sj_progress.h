// SPDX-License-Identifier: Apache-2.0
// Progress on stderr: a bar, only on a terminal, drawn at most 6 times a second and gone when done. Silent everywhere else. For cli/ and its callbacks.
#ifndef SJ_PROGRESS_H
#define SJ_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sj_progress {
    const char *label;  // borrowed
    int64_t total;      // 0: unknown, the count alone is shown
    bool shown, colour, drawn;
    double started, last_drawn;  // seconds, monotonic
} sj_progress;

// quiet: nothing is ever drawn. NO_COLOR (any value but the empty one) leaves colours out.
void sj_progress_start(sj_progress *p, const char *label, int64_t total, bool quiet);
// `note` (may be NULL) stands behind the bar, e.g. "loss 0.412".
void sj_progress_update(sj_progress *p, int64_t done, const char *note);
// Removes the bar, so that the next line starts clean. Also before a log line in between.
void sj_progress_clear(sj_progress *p);

#ifdef __cplusplus
}
#endif
#endif
