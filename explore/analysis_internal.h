// SPDX-License-Identifier: Apache-2.0
// Between the parts of the analysis: points are added one by one, then the figures are computed, then written.
#ifndef SJ_ANALYSIS_INTERNAL_H
#define SJ_ANALYSIS_INTERNAL_H

#include <stdio.h>

#include "sj_analysis.h"
#include "sj_units.h"

// ---- Limits (analysis_limits.c)
typedef struct sj_limit_name {
    const char *name;         // borrowed of the expression
    int value, axis;          // one of them is -1
    sj_expr_value *by_value;  // [value of the axis] what it sets under this name
} sj_limit_name;
typedef struct sj_limits {
    const sj_space *space;
    int limit_count;
    sj_expr *const *limits;
    int count;
    sj_limit_name *names;     // of all limits
} sj_limits;
// SJ_ERR_CONFIG: a name is no axis, no path of one and no value (the message has the nearest one), or both. To be closed after a failure too.
sj_status sj_limits_open(sj_limits *l, sj_expr *const *limits, int limit_count, const sj_space *space, sj_error *err);
void sj_limits_close(sj_limits *l);
sj_status sj_limits_hold(const sj_limits *l, const sj_point_result *point, bool *holds, sj_error *err);

// ---- Reasons of invalid points (analysis_reasons.c)
typedef struct sj_reason_kinds {
    int count, capacity;
    char **keys;                 // [kind] the reason without its numbers
    sj_invalid_reason *reasons;  // [kind]
    int slot_count;              // a power of two
    int *slots;                  // open addressing by the key's hash: kind + 1, 0 free
} sj_reason_kinds;
sj_status sj_reasons_add(sj_reason_kinds *k, const char *reason, sj_error *err);
// Hands the reasons over, most frequent first; what is left of *k goes to sj_reasons_free.
sj_status sj_reasons_finish(sj_reason_kinds *k, int *count, sj_invalid_reason **reasons, sj_error *err);
void sj_reasons_free(sj_reason_kinds *k);

// ---- Points become an analysis (analysis.c)
typedef struct sj_analysis_builder {
    sj_analysis *out;
    sj_limits limits;
    int64_t capacity;
    uint64_t next_id;            // the least that may follow
    sj_reason_kinds kinds;
} sj_analysis_builder;
sj_status sj_analysis_begin(sj_analysis_builder *b, const sj_sweep_about *about, const sj_analysis_options *options, sj_analysis *out, sj_error *err);
sj_status sj_analysis_add(void *builder, const sj_point_result *point, sj_error *err);  // by ascending id
// added: what the adding came to. Frees the builder; on failure *out too.
sj_status sj_analysis_end(sj_analysis_builder *b, sj_status added, sj_error *err);
sj_status sj_analyse_points(const sj_sweep_about *about, const sj_point_result *points, int64_t count, const sj_analysis_options *options, sj_analysis *out, sj_error *err);

// ---- Sensitivities (analysis_sensitivity.c), of an analysis whose rows and objectives stand
sj_status sj_sensitivities(sj_analysis *a, sj_error *err);
// The values of an objective of the list (its index there) differ by more than rounding.
bool sj_analysis_varies(const sj_analysis *a, int objective);
// What the axes' shares of such an objective leave: a share of its variance, >= 0. NAN where that says nothing: the points are no full grid, or the objective does not vary.
double sj_analysis_interactions(const sj_analysis *a, int objective);

// ---- What was held fixed (analysis_setup.c): "machine skip; codec bitmask; accelerator edge16". SJ_ERR_CONFIG: the store's copy of the sweep's file is none.
#define SJ_ANALYSIS_SETUP_MAX 512
sj_status sj_analysis_setup(const sj_sweep_about *about, char text[SJ_ANALYSIS_SETUP_MAX], sj_error *err);

// ---- What all writers ask (analysis_rows.c)
// Rows by the first objective, then the others, then the id; `front`: those on the front alone. Caller frees *order.
sj_status sj_analysis_order(const sj_analysis *a, bool front, int64_t **order, int64_t *count, sj_error *err);
// A row's objective of the list over the least; NAN where that is 0 and the row's is not.
double sj_analysis_over_best(const sj_analysis *a, int64_t row, int objective);
int sj_axis_value_of(const sj_space *s, int axis, uint64_t id);
// Cuts a list of `count` rows down to at most `top` (0: all), evenly with both ends. Returns what is left.
int64_t sj_analysis_thin(int64_t *order, int64_t count, int64_t top);

// ---- A value's unit for people, one a column (analysis_unit.c); sj_unit_format shows a value in it
extern const char *const sj_value_titles[SJ_SWEEP_VALUE_COUNT];  // "energy", "cycles", ...: without a unit
// The unit in which `largest` has 1 to 1023 units, if there is one, with so many decimals that `least` (the least that is not 0) has four digits that count.
sj_unit sj_value_unit_for(int value, double least, double largest);

// ---- Text and tables for people (analysis_sheet.c). Whatever is printed: control characters become blanks, and in md the characters that md or HTML would take as signs are escaped.
// sj_table aligns its first columns left and all others right; here both stand mixed, and md needs the same cells.
enum { SJ_SHEET_COLUMNS_MAX = 3 + SJ_AXES_MAX + 2 * SJ_SWEEP_VALUE_COUNT };
typedef struct sj_sheet sj_sheet;
sj_sheet *sj_sheet_new(bool md);  // NULL without memory, which all functions take; sj_sheet_print then fails
void sj_sheet_column(sj_sheet *s, bool left, const char *format, ...) __attribute__((format(printf, 3, 4)));  // all columns, before the first cell
void sj_sheet_cell(sj_sheet *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
sj_status sj_sheet_print(sj_sheet *s, FILE *f, sj_error *err);  // also frees s
void sj_say(FILE *f, bool md, const char *text);

// ---- Writers
sj_status sj_analysis_write_people(FILE *f, const sj_analysis *a, const bool parts[SJ_PART_COUNT], bool md, int64_t top, sj_error *err);  // text or md
sj_status sj_analysis_write_summary(FILE *f, const sj_analysis *a, bool md, sj_error *err);
sj_status sj_analysis_write_csv(FILE *f, const sj_analysis *a, sj_analysis_part part, sj_error *err);
sj_status sj_analysis_write_json(FILE *f, const sj_analysis *a, const bool parts[SJ_PART_COUNT], sj_error *err);

#endif
