// SPDX-License-Identifier: Apache-2.0
// An array that is Verilated on demand takes seconds: a line on stderr says so.
#include <stdio.h>

#include "sj_machine.h"
#include "sj_rtl_build.h"

static void say(void *context, const char *line) {
    if (context != NULL) {
        sj_progress_clear(context);
    }
    fprintf(stderr, "%s\n", line);
}

void sj_cli_rtl_progress(bool quiet, sj_progress *bar) { sj_rtl_set_progress(quiet ? NULL : say, bar); }
