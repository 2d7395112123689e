// SPDX-License-Identifier: Apache-2.0
// The analysis as the tables of a report, for its page.
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis_internal.h"
#include "sj_file.h"

enum { PARETO_POINTS_MAX = 20000, PARALLEL_POINTS_MAX = 2000, KEY_MAX = 64 };

// ---- columns

typedef char axis_key[KEY_MAX];

static bool is_taken(const axis_key *keys, int count, const char *key) {
    bool taken = strcmp(key, "__proto__") == 0 || strcmp(key, "point") == 0 || strcmp(key, "front") == 0 || strcmp(key, "objective") == 0;
    for (int v = 0; v < SJ_SWEEP_VALUE_COUNT && !taken; v++) {
        taken = strcmp(key, sj_sweep_value_names[v]) == 0;
    }
    for (int i = 0; i < count && !taken; i++) {
        taken = strcmp(key, keys[i]) == 0;
    }
    return taken;
}

// The axes' names as keys of columns: "array.rows" is array_rows. Unique, and none that another column has.
static void name_axes(const sj_space *space, axis_key keys[SJ_AXES_MAX]) {
    for (int i = 0; i < space->axis_count; i++) {
        char key[KEY_MAX - 8];
        size_t n = 0;
        for (const char *c = space->axes[i].name; *c != '\0' && n < sizeof key - 1; c++) {
            const bool plain = (unsigned char)*c < 0x80 && isalnum((unsigned char)*c);
            key[n++] = plain ? (char)tolower((unsigned char)*c) : '_';
        }
        key[n] = '\0';
        snprintf(keys[i], KEY_MAX, "%s", n > 0 ? key : "axis");
        for (int number = 2; is_taken((const axis_key *)keys, i, keys[i]); number++) {
            snprintf(keys[i], KEY_MAX, "%s_%d", n > 0 ? key : "axis", number);
        }
    }
}

static sj_column value_column(int value) {
    static const sj_quantity quantities[SJ_SWEEP_VALUE_COUNT] = {[SJ_SWEEP_energy_pj] = SJ_QUANTITY_ENERGY_PJ,  [SJ_SWEEP_energy_low_pj] = SJ_QUANTITY_ENERGY_PJ, [SJ_SWEEP_energy_high_pj] = SJ_QUANTITY_ENERGY_PJ,
                                                                 [SJ_SWEEP_cycles] = SJ_QUANTITY_CYCLES,        [SJ_SWEEP_seconds] = SJ_QUANTITY_SECONDS,         [SJ_SWEEP_area_mm2] = SJ_QUANTITY_OTHER,
                                                                 [SJ_SWEEP_edp_pj_s] = SJ_QUANTITY_OTHER,       [SJ_SWEEP_dram_bytes] = SJ_QUANTITY_BYTES};
    const char *unit = quantities[value] == SJ_QUANTITY_OTHER ? sj_sweep_value_units[value] : NULL;
    return (sj_column){sj_sweep_value_names[value], sj_value_titles[value], quantities[value], unit, sj_sweep_value_meanings[value], false};
}

// Sizes are counts: people see 16, not 16.00.
static bool is_whole(const sj_axis *axis) {
    bool whole = axis->numeric;
    for (int v = 0; v < axis->value_count && whole; v++) {
        whole = axis->numbers[v] >= 0.0 && axis->numbers[v] < 0x1p53 && floor(axis->numbers[v]) == axis->numbers[v];
    }
    return whole;
}

static void axis_columns(sj_report_table *t, const sj_space *space) {
    axis_key keys[SJ_AXES_MAX];
    name_axes(space, keys);
    for (int i = 0; i < space->axis_count; i++) {
        const sj_axis *axis = &space->axes[i];
        sj_table_column(t, (sj_column){keys[i], axis->name, is_whole(axis) ? SJ_QUANTITY_INTEGER : axis->numeric ? SJ_QUANTITY_NUMBER : SJ_QUANTITY_TEXT, NULL, "an axis of the sweep", false});
    }
}

static bool is_objective(const sj_analysis *a, int value) {
    bool found = false;
    for (int i = 0; i < a->objective_count; i++) {
        found = found || a->objectives[i] == value;
    }
    return found;
}

// The objectives in their order; then, where wanted, the other values.
static void value_columns(sj_report_table *t, const sj_analysis *a, bool others) {
    for (int i = 0; i < a->objective_count; i++) {
        sj_table_column(t, value_column(a->objectives[i]));
    }
    for (int v = 0; v < SJ_SWEEP_VALUE_COUNT && others; v++) {
        if (!is_objective(a, v)) {
            sj_table_column(t, value_column(v));
        }
    }
}

static void axis_cells(sj_report_table *t, const sj_space *space, uint64_t id) {
    for (int i = 0; i < space->axis_count; i++) {
        const sj_axis *axis = &space->axes[i];
        const int value = sj_axis_value_of(space, i, id);
        if (is_whole(axis)) {
            sj_table_integer(t, (uint64_t)axis->numbers[value]);
        } else if (axis->numeric) {
            sj_table_number(t, axis->numbers[value]);
        } else {
            sj_table_text(t, axis->labels[value]);
        }
    }
}

static void value_cells(sj_report_table *t, const sj_analysis *a, int64_t row, bool others) {
    for (int i = 0; i < a->objective_count; i++) {
        sj_table_number(t, a->rows[row].values[a->objectives[i]]);
    }
    for (int v = 0; v < SJ_SWEEP_VALUE_COUNT && others; v++) {
        if (!is_objective(a, v)) {
            sj_table_number(t, a->rows[row].values[v]);
        }
    }
}

// ---- points

// The front first, then the others, each by the first objective; at most `most`, of which too many are thinned evenly, the others first.
static sj_status choose_points(const sj_analysis *a, int64_t most, int64_t **out, int64_t *count, sj_error *err) {
    int64_t *order = NULL, all = 0, front = 0;
    void *memory = NULL;
    *out = NULL;
    *count = 0;
    SJ_TRY(sj_analysis_order(a, false, &order, &all, err));
    const sj_status status = sj_alloc(&memory, (uint64_t)all + 1, sizeof(int64_t), "the points of a report", err);
    int64_t *chosen = memory;
    if (status == SJ_OK) {
        for (int pass = 0; pass < 2; pass++) {
            for (int64_t i = 0; i < all; i++) {
                if (a->front[order[i]] == (pass == 0)) {
                    chosen[(*count)++] = order[i];
                }
            }
            front = pass == 0 ? *count : front;
        }
        front = front > most ? sj_analysis_thin(chosen, front, most) : front;
        *count = front < most ? front + sj_analysis_thin(chosen + front, *count - front, most - front) : front;
        *out = chosen;
    }
    free(order);
    return status;
}

static sj_status add_points(sj_report *r, const sj_analysis *a, const char *key, const char *title, int64_t most, bool others, sj_error *err) {
    int64_t *rows = NULL, count = 0;
    SJ_TRY(choose_points(a, most, &rows, &count, err));
    sj_report_table *t = sj_report_add(r, key, title, key);
    sj_table_column(t, (sj_column){"point", "point", SJ_QUANTITY_INTEGER, NULL, "its number in the space of the sweep", false});
    sj_table_column(t, (sj_column){"front", "front", SJ_QUANTITY_INTEGER, NULL, "1: no other point is better in one objective and as good in all", false});
    axis_columns(t, a->about->space);
    value_columns(t, a, others);
    for (int64_t i = 0; i < count; i++) {
        sj_table_integer(t, a->rows[rows[i]].id);
        sj_table_integer(t, a->front[rows[i]] ? 1 : 0);
        axis_cells(t, a->about->space, a->rows[rows[i]].id);
        value_cells(t, a, rows[i], others);
    }
    if (count < a->row_count) {
        sj_table_note(t, "%" PRId64 " of %" PRId64 " points: the front first, then others, evenly by %s. All: --format csv --part points.", count, a->row_count, sj_sweep_value_names[a->objectives[0]]);
    }
    free(rows);
    return SJ_OK;
}

static void add_best(sj_report *r, const sj_analysis *a) {
    sj_report_table *t = sj_report_add(r, "best", "The least of each objective", NULL);
    sj_table_column(t, (sj_column){"objective", "least", SJ_QUANTITY_TEXT, NULL, NULL, false});
    sj_table_column(t, (sj_column){"point", "point", SJ_QUANTITY_INTEGER, NULL, "its number in the space of the sweep", false});
    axis_columns(t, a->about->space);
    value_columns(t, a, true);
    for (int i = 0; i < a->objective_count; i++) {
        sj_table_text(t, sj_sweep_value_names[a->objectives[i]]);
        sj_table_integer(t, a->rows[a->best[i]].id);
        axis_cells(t, a->about->space, a->rows[a->best[i]].id);
        value_cells(t, a, a->best[i], true);
    }
}

// ---- sensitivity

static const sj_column sensitivity_columns[] = {
    {"axis", "axis", SJ_QUANTITY_TEXT, NULL, NULL, false},
    {"objective", "objective", SJ_QUANTITY_TEXT, NULL, NULL, false},
    {"share", "share of the variance", SJ_QUANTITY_SHARE, NULL, "of the objective's logarithm over all points; the rest is of other axes and of interactions", false},
    {"effect", "effect", SJ_QUANTITY_NUMBER, NULL, "largest over smallest mean over the axis's values; 1: it does not matter", false},
    {"least", "least at", SJ_QUANTITY_TEXT, NULL, "value of the axis with the least mean", false},
    {"most", "most at", SJ_QUANTITY_TEXT, NULL, "value of the axis with the largest mean", false},
    {"points", "points", SJ_QUANTITY_INTEGER, NULL, "that it rests on", false},
};

static void add_sensitivity(sj_report *r, const sj_analysis *a) {
    sj_report_table *t = sj_report_add(r, "sensitivity", "What each axis does to each objective", "sensitivity");
    bool plain = false;
    for (size_t i = 0; i < sizeof sensitivity_columns / sizeof sensitivity_columns[0]; i++) {
        sj_table_column(t, sensitivity_columns[i]);
    }
    for (int i = 0; i < a->sensitivity_count; i++) {
        const sj_sensitivity *s = &a->sensitivities[i];
        const sj_axis *axis = &a->about->space->axes[s->axis];
        sj_table_text(t, axis->name);
        sj_table_text(t, sj_sweep_value_names[s->objective]);
        sj_table_number(t, s->share);
        sj_table_number(t, isfinite(s->effect) ? s->effect : (double)NAN);
        sj_table_text(t, s->least >= 0 ? axis->labels[s->least] : "");
        sj_table_text(t, s->most >= 0 ? axis->labels[s->most] : "");
        sj_table_integer(t, (uint64_t)s->points);
        plain = plain || s->plain;
    }
    for (int i = 0; i < a->objective_count; i++) {
        const double share = sj_analysis_interactions(a, i);
        if (!isnan(share)) {
            sj_table_note(t, "Interactions of axes: %.1f %% of the variance of %s.", 100.0 * share, sj_sweep_value_names[a->objectives[i]]);
        }
    }
    if (!a->full_grid) {
        sj_table_note(t, "Not every point of the space is here: the shares of axes may overlap.");
    }
    if (plain) {
        sj_table_note(t, "An objective that is 0 somewhere is taken as it is, not by its logarithm.");
    }
}

// ---- all of it

static sj_status notes(sj_report *r, const sj_analysis *a, uint64_t front, sj_error *err) {
    char setup[SJ_ANALYSIS_SETUP_MAX];
    SJ_TRY(sj_analysis_setup(a->about, setup, err));
    sj_report_note(r, "Fixed: %s.", setup);
    sj_report_note(r, "%" PRIu64 " points of a space of %" PRIu64 ": %" PRIu64 " valid, %" PRIu64 " of these within the limits, %" PRIu64 " on the front.", a->points, a->about->space->size, a->valid, a->within, front);
    for (int i = 0; i < a->limit_count; i++) {
        sj_report_note(r, "Limit: %s.", a->limits[i]);
    }
    for (int i = 0; i < a->reason_count && i < 5; i++) {
        sj_report_note(r, "%" PRIu64 " not valid: %s", a->reasons[i].points, a->reasons[i].text);
    }
    for (int t = 0; t < a->about->trace_count; t++) {
        sj_report_note(r, "Trace: %s: %s.", a->about->traces[t].path, a->about->traces[t].describe);
    }
    return SJ_OK;
}

sj_status sj_analysis_report(const sj_analysis *a, sj_report **out, sj_error *err) {
    char title[256];
    uint64_t front = 0;
    for (int64_t i = 0; i < a->row_count; i++) {
        front += a->front[i];
    }
    snprintf(title, sizeof title, "Sweep %.200s", a->about->name);
    sj_report *r = sj_report_new(title);
    sj_status status = notes(r, a, front, err);
    status = status != SJ_OK ? status : a->row_count > 0 ? SJ_OK : SJ_FAIL(err, SJ_ERR_RANGE, "the sweep has no valid point within the limits to make a page of");
    status = status == SJ_OK ? add_points(r, a, "pareto", "Points and their Pareto front", PARETO_POINTS_MAX, true, err) : status;
    status = status == SJ_OK ? add_points(r, a, "parallel", "Axes and objectives in parallel", PARALLEL_POINTS_MAX, false, err) : status;
    if (status != SJ_OK) {
        sj_report_free(r);
        return status;
    }
    add_sensitivity(r, a);
    add_best(r, a);
    *out = r;
    return SJ_OK;
}
