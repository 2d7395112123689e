// SPDX-License-Identifier: Apache-2.0
// A little network and complete steps of it, in a scratch folder that is gone after each test.
#ifndef SJ_TRACE_FIXTURE_H
#define SJ_TRACE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sj_random.h"
#include "sj_trace.h"

// input 4x4x3 -> conv (8, 3x3, padding 1) -> bn -> fork -> relu -> add(relu, fork) -> maxpool 2x2/2 -> flatten -> linear 5 (bias) -> softmax_ce
enum { CONV, BN, FORK, RELU, ADD, POOL, FLATTEN, LINEAR, LOSS, LAYER_COUNT };
enum { IMAGES = 2, BATCH = 16 };

extern sj_error err;

int fixture_enter(void **state);
int fixture_leave(void **state);
int fixture_entries(void);  // files in the folder

sj_network fixture_network(void);  // static layers, not to be freed
sj_trace_meta fixture_meta(void);
sj_step_info fixture_step(int64_t number, sj_mode mode);

sj_trace_writer *fixture_create(const char *path);
// Writes all that the step needs except `layer`'s tensor `left_out` (NULL: all).
void fixture_write_step(sj_trace_writer *w, int64_t number, sj_mode mode, int layer, const char *left_out);
// A whole trace: a train step 10 and an eval step 20.
void fixture_write(const char *path);

// Shape as the layer wants it, float32, about half of the values zero. Freed by sj_tensor_free.
sj_tensor fixture_tensor(int layer, const char *name, uint64_t seed);
uint64_t fixture_seed(void);  // SJ_TEST_SEED or a fixed one; printed

void assert_ok(sj_status status);
void assert_error(sj_status met, sj_status wanted, const char *message);

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, fixture_enter, fixture_leave)

#endif
