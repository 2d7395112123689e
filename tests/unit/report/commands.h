// SPDX-License-Identifier: Apache-2.0
// Commands run inside of a test, each test in an empty folder of its own.
#ifndef COMMANDS_H
#define COMMANDS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "sj_cli.h"
#include "stand_ins.h"

extern sj_error err;

int enter(void **state);
int leave(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int entries(void);  // of the folder
// Runs a command given as words in one text; its stdout is what output() gives then.
sj_status run(sj_command command, const char *words);
char *output(void);
void works(sj_command command, const char *words);
json_t *json_of(sj_command command, const char *words);
// The status, a part of the message, and no file made.
void refused(sj_command command, const char *words, sj_status status, const char *message);

const json_t *dig(const json_t *o, const char *const *keys);
#define DIG(o, ...) dig(o, (const char *const[]){__VA_ARGS__, NULL})
#define COUNT(o, ...) ((long long)json_integer_value(DIG(o, __VA_ARGS__)))

// A trace of one convolution, an inference of 2 stored images of 6 x 6 x 8 and 16 filters of 3 x 3; inputs below a number between 0 and 1 are zero.
// 6 inputs are so small that quantising makes them zero.
void write_trace(const char *path, const char *method, float zero_below);

#endif
