// SPDX-License-Identifier: Apache-2.0
// What the space*.c files share; nobody else includes this.
#ifndef SJ_SPACE_INTERNAL_H
#define SJ_SPACE_INTERNAL_H

#include "sj_space.h"

#define SJ_SPACE_PATH_MAX 96  // "axes.[31].powers_of_two.from"
#define SJ_EXACT_INTEGER_MAX INT64_C(9007199254740992)  // 2^53: every whole number up to it is a double

// A path of the sweep file; every one of an axis fits.
const char *sj_space_path(char path[SJ_SPACE_PATH_MAX], const char *format, ...) __attribute__((format(printf, 2, 3)));

// Reads axes.[index] into *axis, which is empty. false after a problem: then it may lack values.
bool sj_axis_read(sj_config *c, int index, sj_axis *axis);
void sj_axis_free(sj_axis *axis);

// Room for `count` values of axis->path_count paths; false (and no memory told to c) without.
bool sj_axis_reserve(sj_config *c, sj_axis *axis, int64_t count);
// Sets the value of one path, paths ascending: its text for --set, and its part of the label.
bool sj_axis_put(sj_config *c, sj_axis *axis, int value, int path, const char *text, const char *label);
bool sj_axis_put_int(sj_config *c, sj_axis *axis, int value, int path, int64_t number);
bool sj_axis_put_float(sj_config *c, sj_axis *axis, int value, int path, double number);

// Reads the list `base`.values into an axis whose paths are known.
bool sj_axis_list(sj_config *c, const char *base, sj_axis *axis);
// Reads the group `base`.`key` (range, powers_of_two, linear or logarithmic) into an axis of one path.
bool sj_axis_generate(sj_config *c, const char *base, const char *key, sj_axis *axis);

#endif
