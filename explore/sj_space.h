// SPDX-License-Identifier: Apache-2.0
// The space of a sweep: axes of finitely many values each. A point is one value of every axis; its id is the mixed-radix number of its value indexes, the first axis slowest:
// id = ((i0 * n1 + i1) * n2 + i2) ... So a point has one id in every strategy, run and shard, as long as the axes stay the same.
#ifndef SJ_SPACE_H
#define SJ_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "sj_config.h"
#include "sj_error.h"

enum { SJ_AXES_MAX = 32, SJ_AXIS_PATHS_MAX = 8, SJ_AXIS_VALUES_MAX = 100000 };

// An axis sets one path, or several together ("16x16": array.rows and array.lanes). Paths: any key of the accelerator file, "tech.KEY..." of the tech file (both as --set takes them), and of the sweep itself
// "accel" (the base file), "machine" (dense, gate, skip) and "batch" (images). Values stand as --set takes them: libconfig text, a bare word is a string.
typedef struct sj_axis {
    char *name;                       // the path, or the name that the file gives
    int path_count;
    char *paths[SJ_AXIS_PATHS_MAX];
    int value_count;
    char **values;                    // [value * path_count + path]
    char **labels;                    // [value] what people see: the value, or several joined with "x"
    bool numeric;                     // one path, and every value is a number: its order is that of the numbers, ascending
    double *numbers;                  // [value] where numeric, else NULL
} sj_axis;

typedef struct sj_space {
    int axis_count;
    sj_axis axes[SJ_AXES_MAX];
    uint64_t size;                    // the product of all value counts, below 2^63
} sj_space;

// Reads the list "axes" of a sweep file. Each element is a group of
//   path = "array.rows"  or  paths = ["array.rows", "array.lanes"] with name = "shape"
//   values = [4, 8, 16]  |  ["a", "b"]  |  ([4, 8], [8, 4]) with paths     in this order; for one path also
//   range = { from = 64; to = 512; step = 64; }                            to included where a step meets it; integers where all three are, else floats; step may be negative, not 0
//   powers_of_two = { from = 4; to = 64; }                                 each 2^n from..to, of which both ends must be powers of two
//   linear = { from = 0.1; to = 0.9; points = 5; }, logarithmic = { ... }  floats, both ends included, points >= 2
// Computed values are rounded to fifteen digits (0.1 + 2 * 0.1 is 0.3); integers lie within 2^53.
// Exactly one of values, range, powers_of_two, linear, logarithmic. Values of numeric axes are sorted ascending. Refused (each with its line): the same value twice, the same path in two axes, no axes,
// values of mixed types, a space of 2^63 points or more. What a path means is checked by whoever applies it. Errors are collected in c, as by every getter.
void sj_space_read(sj_config *c, sj_space *out);
void sj_space_free(sj_space *s);

// Value index of each axis.
void sj_space_indexes(const sj_space *s, uint64_t id, int32_t index[SJ_AXES_MAX]);
uint64_t sj_space_id(const sj_space *s, const int32_t index[SJ_AXES_MAX]);
int sj_space_find(const sj_space *s, const char *name_or_path);  // axis, -1: none

// "array.rows=16 dram.type=ddr4-3200-4x16": for messages. Cut at size.
void sj_space_describe(const sj_space *s, uint64_t id, char *text, size_t size);

#endif
