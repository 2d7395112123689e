// SPDX-License-Identifier: Apache-2.0
// The analysis as text and Markdown: tables with units, and a sentence on what each figure means.
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "analysis_internal.h"

enum { MEANS_SHOWN = 8 };

static void heading(FILE *f, bool md) { fputs(md ? "### " : "", f); }

// Ends a heading or a table, so that md sees another paragraph.
static void paragraph(FILE *f, bool md) { fputs(md ? "\n\n" : "\n", f); }

static const char *objective_name(const sj_analysis *a, int objective) { return sj_sweep_value_names[a->objectives[objective]]; }

static void say_objectives(FILE *f, const sj_analysis *a) {
    for (int i = 0; i < a->objective_count; i++) {
        fprintf(f, "%s%s", i == 0 ? "" : i + 1 == a->objective_count ? " and " : ", ", objective_name(a, i));
    }
}

// ---- Points

typedef struct point_list {
    const int64_t *rows;
    int64_t count;
    bool by_objective;  // one row for each objective, which it names
} point_list;

static sj_unit unit_of(const sj_analysis *a, const point_list *l, int value) {
    double least = 0.0, largest = 0.0;
    for (int64_t i = 0; i < l->count; i++) {
        const double v = a->rows[l->rows[i]].values[value];
        least = v > 0.0 && (least == 0.0 || v < least) ? v : least;
        largest = fmax(largest, v);
    }
    return sj_value_unit_for(value, least, largest);
}

static void value_column(sj_sheet *s, int value, sj_unit unit) {
    sj_sheet_column(s, false, unit.name[0] != '\0' ? "%s (%s)" : "%s", sj_value_titles[value], unit.name);
}

static void point_cells(sj_sheet *s, const sj_analysis *a, int64_t row, const sj_unit units[SJ_SWEEP_VALUE_COUNT]) {
    const sj_space *space = a->about->space;
    sj_sheet_cell(s, "%" PRIu64, a->rows[row].id);
    for (int i = 0; i < space->axis_count; i++) {
        sj_sheet_cell(s, "%s", space->axes[i].labels[sj_axis_value_of(space, i, a->rows[row].id)]);
    }
    for (int i = 0; i < a->objective_count; i++) {
        char text[64];
        sj_unit_format(text, a->rows[row].values[a->objectives[i]], units[i]);
        sj_sheet_cell(s, "%s", text);
        const double ratio = sj_analysis_over_best(a, row, i);
        sj_sheet_cell(s, isnan(ratio) ? "-" : "%.3f", ratio);
    }
}

static sj_status write_points(FILE *f, const sj_analysis *a, bool md, const point_list *l, sj_error *err) {
    sj_unit units[SJ_SWEEP_VALUE_COUNT];
    sj_sheet *s = sj_sheet_new(md);
    if (l->by_objective) {
        sj_sheet_column(s, true, "least");
    }
    sj_sheet_column(s, false, "id");
    for (int i = 0; i < a->about->space->axis_count; i++) {
        sj_sheet_column(s, !a->about->space->axes[i].numeric, "%s", a->about->space->axes[i].name);
    }
    for (int i = 0; i < a->objective_count; i++) {
        units[i] = unit_of(a, l, a->objectives[i]);
        value_column(s, a->objectives[i], units[i]);
        sj_sheet_column(s, false, "x best");
    }
    for (int64_t i = 0; i < l->count; i++) {
        if (l->by_objective) {
            sj_sheet_cell(s, "%s", sj_value_titles[a->objectives[i]]);
        }
        point_cells(s, a, l->rows[i], units);
    }
    return sj_sheet_print(s, f, err);
}

static sj_status write_front(FILE *f, const sj_analysis *a, bool md, int64_t top, sj_error *err) {
    int64_t *order, count;
    SJ_TRY(sj_analysis_order(a, true, &order, &count, err));
    const int64_t shown = sj_analysis_thin(order, count, top);
    heading(f, md);
    fputs("Pareto front of ", f);
    say_objectives(f, a);
    fprintf(f, ": %" PRId64 " of %" PRId64 " points", count, a->row_count);
    if (shown < count) {
        fprintf(f, shown == 1 ? ", of which the first is shown; %" PRId64 " %s left out" : ", shown evenly along it; %" PRId64 " %s left out", count - shown, count - shown == 1 ? "is" : "are");
    }
    paragraph(f, md);
    const sj_status status = write_points(f, a, md, &(point_list){order, shown, false}, err);
    free(order);
    fprintf(f, "%sOf each of these no other point is as good in every objective and better in one. x best: over the least of all %" PRId64 " points%s.\n", md ? "\n" : "", a->row_count,
            a->limit_count > 0 ? " within the limits" : "");
    return status;
}

static sj_status write_all_points(FILE *f, const sj_analysis *a, bool md, int64_t top, sj_error *err) {
    int64_t *order, count;
    SJ_TRY(sj_analysis_order(a, false, &order, &count, err));
    const int64_t shown = top > 0 && top < count ? top : count;
    heading(f, md);
    fprintf(f, "Points%s by %s: %" PRId64, a->limit_count > 0 ? " within the limits" : "", objective_name(a, 0), count);
    if (shown < count) {
        fprintf(f, "; the first %" PRId64 " are shown, %" PRId64 " are left out", shown, count - shown);
    }
    paragraph(f, md);
    const sj_status status = write_points(f, a, md, &(point_list){order, shown, false}, err);
    free(order);
    return status;
}

static sj_status write_best(FILE *f, const sj_analysis *a, bool md, sj_error *err) {
    heading(f, md);
    fputs("Best point of each objective", f);
    paragraph(f, md);
    return write_points(f, a, md, &(point_list){a->best, a->objective_count, true}, err);
}

// ---- Sensitivities

static void mean_cells(sj_sheet *s, const sj_axis *axis, const sj_sensitivity *of, int value, sj_unit unit) {
    char text[64];
    const bool moves = of->least != of->most;
    sj_unit_format(text, moves ? of->means[value] : (double)NAN, unit);
    sj_sheet_cell(s, "%s", moves ? axis->labels[value] : "-");
    sj_sheet_cell(s, "%s", text);
}

// "4: 1.23; 8: 1.45".
static sj_status means_cell(sj_sheet *s, const sj_axis *axis, const sj_sensitivity *of, sj_unit unit, sj_error *err) {
    if (axis->value_count > MEANS_SHOWN) {
        sj_sheet_cell(s, "(%d values)", axis->value_count);
        return SJ_OK;
    }
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    for (int v = 0; f != NULL && v < axis->value_count; v++) {
        char mean[64];
        sj_unit_format(mean, of->means[v], unit);
        fprintf(f, "%s%s: %s", v > 0 ? "; " : "", axis->labels[v], mean);
    }
    const bool made = f != NULL && fclose(f) == 0;
    sj_sheet_cell(s, "%s", made ? text : "");
    free(text);
    return made ? SJ_OK : SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for an axis's means");
}

static sj_status axis_cells(sj_sheet *s, const sj_analysis *a, const sj_sensitivity *of, sj_unit unit, sj_error *err) {
    const sj_axis *axis = &a->about->space->axes[of->axis];
    sj_sheet_cell(s, "%s", axis->name);
    sj_sheet_cell(s, isfinite(of->effect) ? "%.3f" : "from 0", of->effect);
    sj_sheet_cell(s, "%.1f", 100.0 * of->share);
    mean_cells(s, axis, of, of->least, unit);
    mean_cells(s, axis, of, of->most, unit);
    return means_cell(s, axis, of, unit, err);
}

static sj_status write_axes(FILE *f, const sj_analysis *a, bool md, int objective, sj_unit unit, sj_error *err) {
    const int axes = a->about->space->axis_count;
    sj_sheet *s = sj_sheet_new(md);
    sj_sheet_column(s, true, "axis");
    sj_sheet_column(s, false, "effect (x)");
    sj_sheet_column(s, false, "share (%%)");
    for (int worst = 0; worst < 2; worst++) {
        sj_sheet_column(s, true, worst ? "worst value" : "best value");
        sj_sheet_column(s, false, unit.name[0] != '\0' ? "mean (%s)" : "mean", unit.name);
    }
    sj_sheet_column(s, true, "mean at each value");
    sj_status status = SJ_OK;
    for (int i = 0; i < axes && status == SJ_OK; i++) {
        status = axis_cells(s, a, &a->sensitivities[objective * axes + i], unit, err);
    }
    const sj_status printed = sj_sheet_print(s, f, err);
    return status != SJ_OK ? status : printed;
}

// The least and the largest, in the unit of the means.
static sj_unit write_range(FILE *f, const sj_analysis *a, int objective) {
    const double least = a->rows[a->best[objective]].values[a->objectives[objective]], largest = a->largest[objective];
    const sj_unit unit = sj_value_unit_for(a->objectives[objective], least, largest);
    char low[64], high[64];
    sj_unit_format(low, least, unit);
    sj_unit_format(high, largest, unit);
    const char *blank = unit.name[0] != '\0' ? " " : "";
    if (!sj_analysis_varies(a, objective)) {
        fprintf(f, "%s: %s%s%s at every point: no axis moves it", objective_name(a, objective), low, blank, unit.name);
    } else {
        fprintf(f, "%s: %s to %s%s%s", objective_name(a, objective), low, high, blank, unit.name);
        if (least > 0.0) {
            fprintf(f, ", %.3f x", largest / least);
        }
    }
    return unit;
}

static void write_interactions(FILE *f, const sj_analysis *a, bool md, int objective) {
    const double share = sj_analysis_interactions(a, objective);
    if (!isnan(share)) {
        fprintf(f, "%sInteractions of axes: %.1f %%.\n", md ? "\n" : "", 100.0 * share);
    }
}

static void write_sensitivity_notes(FILE *f, const sj_analysis *a, bool md) {
    bool plain = false;
    for (int i = 0; i < a->sensitivity_count; i++) {
        plain = plain || a->sensitivities[i].plain;
    }
    fprintf(f, "\nMean: the geometric mean of the points that have the value%s. Effect: the largest of an axis's means over the least. Share: the part of the variance of the objective's logarithm that lies between the axis's values "
               "(sum of squares between them over the total).%s",
            a->full_grid ? "" : ", adjusted for the other axes",
            md ? "\n\n" : "\n");
    if (a->full_grid) {
        fputs("The points are the whole grid: the shares of an objective sum to at most 100 %, and the rest is interactions of axes.\n", f);
    } else {
        char within[64], space[64];
        sj_count_format(within, a->within);
        sj_count_format(space, a->about->space->size);
        fprintf(f, "The points are no full grid (%s of %s): the axes' values are met beside different others. So an axis's means are the terms of an additive model of the logarithm, by least squares over all axes together; what no such model tells apart (and what axes do together) stays with them, and shares may overlap.\n", within, space);
    }
    if (plain) {
        fprintf(f, "%sAn objective that is 0 at some point has no logarithm there: its means are arithmetic, and its shares are of the variance of the plain values.\n", md ? "\n" : "");
    }
}

static sj_status write_sensitivity(FILE *f, const sj_analysis *a, bool md, sj_error *err) {
    for (int o = 0; o < a->objective_count; o++) {
        fputs(o > 0 ? "\n" : "", f);
        heading(f, md);
        fputs("Sensitivity of ", f);
        const sj_unit unit = write_range(f, a, o);
        paragraph(f, md);
        SJ_TRY(write_axes(f, a, md, o, unit, err));
        write_interactions(f, a, md, o);
    }
    write_sensitivity_notes(f, a, md);
    return SJ_OK;
}

// ---- The report

static void write_nothing(FILE *f, const sj_analysis *a, bool md) {
    char count[64];
    if (a->points == 0) {
        fputs("No point has been looked at yet", f);
    } else if (a->valid == 0) {
        sj_count_format(count, a->points);
        fprintf(f, "None of the %s points is valid (most often: ", count);
        sj_say(f, md, a->reasons[0].text[0] != '\0' ? a->reasons[0].text : "no reason was kept");
        fputs(")", f);
    } else {
        sj_count_format(count, a->valid);
        fprintf(f, "None of the %s valid points is within the limits", count);
    }
    fputs(": there is no front, no sensitivity and no best point.\n", f);
}

static sj_status write_part(FILE *f, const sj_analysis *a, sj_analysis_part part, bool md, int64_t top, sj_error *err) {
    switch (part) {
        case SJ_PART_PARETO: return write_front(f, a, md, top, err);
        case SJ_PART_SENSITIVITY: return write_sensitivity(f, a, md, err);
        case SJ_PART_BEST: return write_best(f, a, md, err);
        case SJ_PART_POINTS: return write_all_points(f, a, md, top, err);
        default: return sj_analysis_write_summary(f, a, md, err);
    }
}

sj_status sj_analysis_write_people(FILE *f, const sj_analysis *a, const bool parts[SJ_PART_COUNT], bool md, int64_t top, sj_error *err) {
    bool begun = false;
    for (int part = 0; part < SJ_PART_COUNT; part++) {
        if (!parts[part]) {
            continue;
        }
        fputs(begun ? "\n" : "", f);
        begun = true;
        if (part != SJ_PART_SUMMARY && a->row_count == 0) {
            write_nothing(f, a, md);  // once, for all that are left
            return SJ_OK;
        }
        SJ_TRY(write_part(f, a, (sj_analysis_part)part, md, top, err));
    }
    return SJ_OK;
}
