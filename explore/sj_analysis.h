// SPDX-License-Identifier: Apache-2.0
// What a sweep's results say: the Pareto front, which axis moves which objective, the best point under limits.
#ifndef SJ_ANALYSIS_H
#define SJ_ANALYSIS_H

#include <stdio.h>

#include "sj_expr.h"
#include "sj_report.h"
#include "sj_sweep_store.h"

typedef enum sj_analysis_format { SJ_ANALYSIS_TEXT, SJ_ANALYSIS_JSON, SJ_ANALYSIS_CSV, SJ_ANALYSIS_MD, SJ_ANALYSIS_FORMAT_COUNT } sj_analysis_format;
extern const char *const sj_analysis_format_names[SJ_ANALYSIS_FORMAT_COUNT + 1];

// Parts of the report; csv takes one of them (summary is no table: refused).
typedef enum sj_analysis_part { SJ_PART_SUMMARY, SJ_PART_PARETO, SJ_PART_SENSITIVITY, SJ_PART_BEST, SJ_PART_POINTS, SJ_PART_COUNT } sj_analysis_part;
extern const char *const sj_analysis_part_names[SJ_PART_COUNT + 1];

// (On points that are no full grid: the terms of an additive model of the logarithms, by least squares over all axes together, in place of means.)
// Main effect of an axis on an objective, over the valid points within the limits: the geometric mean of the objective at each value of the axis, and
//   effect  = largest / smallest of those means (1: the axis does not matter)
//   share   = the axis's share of the variance of log(objective): between-group sum of squares over the total (eta squared). On a full grid without invalid points the shares of all axes sum to at most 1,
//             the rest being interactions; on other samples they may overlap, which the report says.
// An objective that is 0 at some point has no logarithm there: its means are arithmetic and its shares those of the variance of the plain values, for all axes alike (`plain`).
// Means that differ by no more than 1e-12 of themselves (plain: of the largest value) are equal: the effect is 1 and the share 0, so that what rounding leaves of equal results looks like nothing else.
typedef struct sj_sensitivity {
    int axis, objective;       // objective: index of sj_sweep_value_names
    bool plain;
    double effect, share;      // effect of a plain objective: INFINITY where a mean is 0 and another is not, 1 where all are
    int64_t points;            // that it rests on
    int least, most;           // values of the axis with the least and the largest mean, the first of equals; the same where the axis moves nothing; -1: no point
    double *means;             // [value of the axis]; NAN where no point has it
    int64_t *counts;           // [value of the axis]
} sj_sensitivity;

typedef struct sj_analysis_options {
    int objective_count;       // 0: the sweep's own
    int objectives[SJ_SWEEP_VALUE_COUNT];
    int limit_count;
    sj_expr *const *limits;    // over axes (by name or path), and the names of sj_sweep_value_names
} sj_analysis_options;

typedef struct sj_analysis_row {
    uint64_t id;
    double values[SJ_SWEEP_VALUE_COUNT];
} sj_analysis_row;

typedef struct sj_invalid_reason {
    char *text;                // of the first point of its kind
    uint64_t points;
} sj_invalid_reason;

typedef struct sj_analysis {
    const sj_sweep_about *about;       // borrowed of the store
    uint64_t points, valid, within;    // in the store; of those valid; of those within the limits
    int limit_count;
    char **limits;                     // their texts
    int objective_count;
    int objectives[SJ_SWEEP_VALUE_COUNT];
    int64_t row_count;                 // valid points within the limits, by ascending id
    sj_analysis_row *rows;
    bool *front;                       // [row] on the Pareto front of the objectives
    int64_t best[SJ_SWEEP_VALUE_COUNT];  // [objective of the list] row with the least; -1: there is no row. Ties: the least of the other objectives in their order, then the least id
    double largest[SJ_SWEEP_VALUE_COUNT];  // [objective of the list] of all rows; 0 where there is none
    int sensitivity_count;             // axes x objectives: those of the first objective first, by falling share, then falling effect, then the order of the axes
    sj_sensitivity *sensitivities;
    bool full_grid;                    // every point of the space is valid and within the limits
    int reason_count;                  // kinds of reasons of invalid points, most frequent first, then that met first; numbers within a reason are cut out to tell kinds apart
    sj_invalid_reason *reasons;
} sj_analysis;

// SJ_ERR_CONFIG: a limit names no axis and no value, or is neither true nor false; an objective stands twice. SJ_ERR_FORMAT: the store holds a point outside the space, or a valid one whose values are no numbers >= 0.
// The store must outlive the analysis. On failure *out is empty.
sj_status sj_analyse(sj_store *store, const sj_analysis_options *options, sj_analysis *out, sj_error *err);
void sj_analysis_free(sj_analysis *a);

// parts: those wanted, at least one (SJ_ERR_USAGE). Points stand by the first objective, then the others in their order, then the id, in every format.
//   text, md  tables with units; at most `top` points of the front, evenly along it with both ends (top 1: the first), and the first `top` of the points (0: all). How many are left out is said.
//   csv       one part (SJ_ERR_USAGE otherwise): pareto and points: id, an axis a column, every value of sj_sweep_value_names, OBJECTIVE_over_best of each objective; points also front (0, 1); best: objective, then as pareto;
//             sensitivity: a line each objective, axis and value of the axis
//   json      one object {"format": "skipjoule-sweep", "version": 1, "name": ..., PART: ...}; a number of csv and the same of json are one double
// csv and json hold all points, whatever `top` says. A ratio to a best of 0 is 1 for 0, and else left empty (csv), null (json), "-" (text, md).
sj_status sj_analysis_write(FILE *f, const sj_analysis *a, const bool parts[SJ_PART_COUNT], sj_analysis_format format, int64_t top, sj_error *err);

// The tables of a sweep's page: pareto (point, front, the axes, the objectives, the other values), parallel (the same of at most 2,000 points, without the other values), sensitivity, best. Columns of values
// have the keys of sj_sweep_value_names. Of very many points the front comes first, then others evenly, which a note says. Caller: sj_report_free. SJ_ERR_RANGE: there is no valid point within the limits.
sj_status sj_analysis_report(const sj_analysis *a, sj_report **out, sj_error *err);

#endif
