// SPDX-License-Identifier: Apache-2.0
#include "sj_progress.h"
#include "sj_clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INTERVAL_SECONDS (1.0 / 6.0)
#define BAR_WIDTH 24

void sj_progress_start(sj_progress *p, const char *label, int64_t total, bool quiet) {
    const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");
    const bool dumb = terminal == NULL || strcmp(terminal, "dumb") == 0;
    *p = (sj_progress){.label = label, .total = total, .shown = !quiet && !dumb && isatty(STDERR_FILENO) == 1, .colour = no_color == NULL || *no_color == '\0'};
    p->started = sj_monotonic_seconds();
}

void sj_progress_update(sj_progress *p, int64_t done, const char *note) {
    if (!p->shown) {
        return;
    }
    const double now = sj_monotonic_seconds();
    if (p->drawn && now - p->last_drawn < INTERVAL_SECONDS) {
        return;
    }
    p->drawn = true;
    p->last_drawn = now;
    const char *text = note != NULL ? note : "";
    if (p->total <= 0) {
        fprintf(stderr, "\r%s %" PRId64 "  %s\033[K", p->label, done, text);
    } else {
        const double share = done < 0 ? 0.0 : done > p->total ? 1.0 : (double)done / (double)p->total;
        char bar[BAR_WIDTH + 1];
        memset(bar, '.', BAR_WIDTH);
        memset(bar, '#', (size_t)(share * BAR_WIDTH));
        bar[BAR_WIDTH] = '\0';
        const double left = share > 0.01 ? (now - p->started) * (1.0 - share) / share : 0.0;
        fprintf(stderr, "\r%s %s[%s]%s %3.0f %%  %.0f s left  %s\033[K", p->label, p->colour ? "\033[36m" : "", bar, p->colour ? "\033[0m" : "", 100.0 * share, left, text);
    }
    fflush(stderr);
}

void sj_progress_clear(sj_progress *p) {
    if (p->drawn) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        p->drawn = false;
    }
}
