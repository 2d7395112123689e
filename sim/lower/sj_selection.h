// SPDX-License-Identifier: Apache-2.0
// What of a trace is simulated: which step, and which layers and phases of it. `option` stands in messages: "--step" of a command, "step" of a file.
#ifndef SJ_SELECTION_H
#define SJ_SELECTION_H

#include "sj_accel.h"
#include "sj_lower.h"
#include "sj_trace.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sj_selection {
    int layer_count;            // 0: all layers
    const char *const *layers;  // borrowed
    int phase;                  // an sj_phase; -1: all
} sj_selection;

bool sj_selection_has(const sj_selection *s, const sj_unit *unit);

// text: a step's number, "last-train" or "last-eval"; NULL: the last training step, where there is none the last inference. SJ_ERR_USAGE for another text, SJ_ERR_RANGE where the trace has no such step.
sj_status sj_selection_step(const char *option, const sj_trace *trace, const char *text, int *index, sj_error *err);
// Every name must be a layer of the network; SJ_ERR_USAGE with the nearest one.
sj_status sj_selection_check(const char *option, const char *const *layers, int count, const sj_trace *trace, sj_error *err);
// Pins of the mapping must name products of the network: every phase of every layer with products, as one accelerator file serves training steps and inferences.
sj_status sj_selection_check_pins(const sj_accel *accel, const sj_trace *trace, sj_error *err);

#ifdef __cplusplus
}
#endif
#endif
