// SPDX-License-Identifier: Apache-2.0
// One part of the analysis as CSV (RFC 4180), in base units, every digit.
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "analysis_internal.h"
#include "sj_csv.h"

// Behind a comma; what is no number is an empty field.
static void number(FILE *f, double v) {
    if (isfinite(v)) {
        fprintf(f, ",%.17g", v);
    } else {
        fputc(',', f);
    }
}

static void point_columns(FILE *f, const sj_analysis *a) {
    fputs("id", f);
    for (int i = 0; i < a->about->space->axis_count; i++) {
        fputc(',', f);
        sj_csv_field(f, a->about->space->axes[i].name);
    }
    for (int v = 0; v < SJ_SWEEP_VALUE_COUNT; v++) {
        fprintf(f, ",%s", sj_sweep_value_names[v]);
    }
    for (int i = 0; i < a->objective_count; i++) {
        fprintf(f, ",%s_over_best", sj_sweep_value_names[a->objectives[i]]);
    }
}

static void point_fields(FILE *f, const sj_analysis *a, int64_t row) {
    const sj_space *space = a->about->space;
    fprintf(f, "%" PRIu64, a->rows[row].id);
    for (int i = 0; i < space->axis_count; i++) {
        fputc(',', f);
        sj_csv_field(f, space->axes[i].labels[sj_axis_value_of(space, i, a->rows[row].id)]);
    }
    for (int v = 0; v < SJ_SWEEP_VALUE_COUNT; v++) {
        number(f, a->rows[row].values[v]);
    }
    for (int i = 0; i < a->objective_count; i++) {
        number(f, sj_analysis_over_best(a, row, i));
    }
}

static sj_status write_points(FILE *f, const sj_analysis *a, bool front, sj_error *err) {
    int64_t *order, count;
    SJ_TRY(sj_analysis_order(a, front, &order, &count, err));
    point_columns(f, a);
    fputs(front ? "\n" : ",front\n", f);
    for (int64_t i = 0; i < count; i++) {
        point_fields(f, a, order[i]);
        fputs(front ? "\n" : a->front[order[i]] ? ",1\n" : ",0\n", f);
    }
    free(order);
    return SJ_OK;
}

static void write_best(FILE *f, const sj_analysis *a) {
    fputs("objective,", f);
    point_columns(f, a);
    fputc('\n', f);
    for (int i = 0; i < a->objective_count && a->row_count > 0; i++) {
        fprintf(f, "%s,", sj_sweep_value_names[a->objectives[i]]);
        point_fields(f, a, a->best[i]);
        fputc('\n', f);
    }
}

static void write_sensitivity(FILE *f, const sj_analysis *a) {
    fputs("objective,unit,axis,scale,effect_ratio,share,value,points,mean\n", f);
    for (int i = 0; i < a->sensitivity_count && a->row_count > 0; i++) {
        const sj_sensitivity *s = &a->sensitivities[i];
        const sj_axis *axis = &a->about->space->axes[s->axis];
        for (int v = 0; v < axis->value_count; v++) {
            fprintf(f, "%s,%s,", sj_sweep_value_names[s->objective], sj_sweep_value_units[s->objective]);
            sj_csv_field(f, axis->name);
            fputs(s->plain ? ",plain" : ",log", f);
            number(f, s->effect);
            number(f, s->share);
            fputc(',', f);
            sj_csv_field(f, axis->labels[v]);
            fprintf(f, ",%" PRId64, s->counts[v]);
            number(f, s->means[v]);
            fputc('\n', f);
        }
    }
}

sj_status sj_analysis_write_csv(FILE *f, const sj_analysis *a, sj_analysis_part part, sj_error *err) {
    switch (part) {
        case SJ_PART_BEST: write_best(f, a); return SJ_OK;
        case SJ_PART_SENSITIVITY: write_sensitivity(f, a); return SJ_OK;
        default: return write_points(f, a, part == SJ_PART_PARETO, err);
    }
}
