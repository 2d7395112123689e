// SPDX-License-Identifier: Apache-2.0
#ifndef SJ_TRACE_SYNTH_H
#define SJ_TRACE_SYNTH_H

#include "sj_error.h"

// argv[0] = "synth".
sj_status sj_cli_trace_synth(int argc, char **argv, sj_error *err);

#endif
