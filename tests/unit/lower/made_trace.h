// SPDX-License-Identifier: Apache-2.0
// A trace of a little network with random operands, in a folder that goes away.
#ifndef SJ_MADE_TRACE_H
#define SJ_MADE_TRACE_H

#include "lowering_internal.h"
#include "sj_test.h"

extern sj_error err;

int made_enter(void **state);
int made_leave(void **state);

// What the tests vary; zeros are the plain case.
typedef struct made_options {
    sj_mode mode;
    sj_optimizer optimizer;
    sj_type store;           // of x, w, dy: bfloat16 (0), float32 or int8
    const char *method_state;
    int keep_layer;          // a layer with keep = {0}; 0: none
    int other_layer;         // this layer's w is stored as other_type; 0: none
    sj_type other_type;
    sj_penalty_kind penalty; // on the outputs of the layers in `bearers`, a bit a layer, and on the input
    unsigned bearers;
    bool input_bears;
    uint64_t seed;
} made_options;

enum { MADE_IMAGES = 2 };

// Writes /steps/1 of `net` into t.h5 and opens it.
sj_trace *made_trace(const sj_network *net, const made_options *o);
// int8 or bf16, otherwise one fixed small machine.
sj_accel made_accel(sj_dtype dtype);

// Bytes that a job moves, before any codec.
typedef struct made_traffic {
    int64_t loaded, stored;
} made_traffic;
made_traffic made_traffic_of(const sj_job *job);

void made_ok(sj_status status);
void made_says(sj_status met, sj_status wanted, const char *message);

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, made_enter, made_leave)

#endif
