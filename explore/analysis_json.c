// SPDX-License-Identifier: Apache-2.0
// The analysis as JSON. Lists are written element by element, a line each: a sweep of many points needs no tree of all of them.
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis_internal.h"

typedef struct writer {
    FILE *f;
    bool failed;           // no memory for an element
    const char *separator; // in front of the next one
} writer;

// 17 digits, as csv has.
static void element(writer *w, json_t *value) {
    fputs(w->separator, w->f);
    w->failed = w->failed || value == NULL || json_dumpf(value, w->f, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17)) != 0;
    json_decref(value);
    w->separator = ",\n  ";
}

static void member(writer *w, const char *key, json_t *value) {
    fprintf(w->f, "%s\"%s\": ", w->separator, key);
    w->separator = "";
    element(w, value);
    w->separator = ",\n ";
}

static void begin_list(writer *w, const char *key) {
    fprintf(w->f, "%s\"%s\": [", w->separator, key);
    w->separator = "\n  ";
}

static void end_list(writer *w) {
    fputs("]", w->f);
    w->separator = ",\n ";
}

static json_t *number(double v) { return isfinite(v) ? json_real(v) : json_null(); }

// JSON is UTF-8; a path need not be. Then what is no ASCII becomes a question mark.
static json_t *text(const char *t) {
    json_t *string = json_string(t);
    char *ascii = string == NULL ? strdup(t) : NULL;
    for (char *p = ascii; p != NULL && *p != '\0'; p++) {
        *p = (unsigned char)*p < 0x80 ? *p : '?';
    }
    string = ascii != NULL ? json_string(ascii) : string;
    free(ascii);
    return string;
}

static json_t *axis_value(const sj_axis *a, int v) {
    if (!a->numeric) {
        return text(a->labels[v]);
    }
    const bool whole = a->numbers[v] == floor(a->numbers[v]) && fabs(a->numbers[v]) <= 0x1p53;
    return whole ? json_integer((json_int_t)a->numbers[v]) : json_real(a->numbers[v]);
}

// Functions of jansson take an object or value that is NULL and fail: `made` says whether all went well.
static json_t *if_made(json_t *object, bool made) {
    if (!made) {
        json_decref(object);
    }
    return made ? object : NULL;
}

static bool set(json_t *object, const char *key, json_t *value) { return json_object_set_new(object, key, value) == 0; }

static json_t *axes_of(const sj_space *space, uint64_t id) {
    json_t *axes = json_object();
    bool made = axes != NULL;
    for (int i = 0; i < space->axis_count; i++) {
        json_t *name = text(space->axes[i].name);
        made = made && name != NULL && set(axes, json_string_value(name), axis_value(&space->axes[i], sj_axis_value_of(space, i, id)));
        json_decref(name);
    }
    return if_made(axes, made);
}

// objective, front: NULL where they do not belong to it.
static json_t *point(const sj_analysis *a, int64_t row, const char *objective, const bool *front) {
    json_t *o = json_object();
    bool made = o != NULL && (objective == NULL || set(o, "objective", text(objective)));
    made = made && set(o, "id", json_integer((json_int_t)a->rows[row].id)) && set(o, "axes", axes_of(a->about->space, a->rows[row].id));
    for (int v = 0; v < SJ_SWEEP_VALUE_COUNT; v++) {
        made = made && set(o, sj_sweep_value_names[v], number(a->rows[row].values[v]));
    }
    for (int i = 0; i < a->objective_count; i++) {
        char key[64];
        snprintf(key, sizeof key, "%s_over_best", sj_sweep_value_names[a->objectives[i]]);
        made = made && set(o, key, number(sj_analysis_over_best(a, row, i)));
    }
    made = made && (front == NULL || set(o, "front", json_boolean(*front)));
    return if_made(o, made);
}

static json_t *names_of(const sj_analysis *a) {
    json_t *names = json_array();
    bool made = names != NULL;
    for (int i = 0; i < a->objective_count; i++) {
        made = made && json_array_append_new(names, text(sj_sweep_value_names[a->objectives[i]])) == 0;
    }
    return if_made(names, made);
}

static json_t *texts_of(char *const *texts, int count) {
    json_t *list = json_array();
    bool made = list != NULL;
    for (int i = 0; i < count; i++) {
        made = made && json_array_append_new(list, text(texts[i])) == 0;
    }
    return if_made(list, made);
}

static json_t *values_of(const sj_axis *a) {
    json_t *values = json_array();
    bool made = values != NULL;
    for (int v = 0; v < a->value_count; v++) {
        made = made && json_array_append_new(values, axis_value(a, v)) == 0;
    }
    return if_made(values, made);
}

static void write_summary(writer *w, const sj_analysis *a) {
    const sj_sweep_about *about = a->about;
    begin_list(w, "traces");
    for (int i = 0; i < about->trace_count; i++) {
        const sj_sweep_trace *t = &about->traces[i];
        element(w, json_pack("{s:o, s:o, s:f, s:o}", "path", text(t->path), "hash", text(t->hash), "weight", t->weight, "describe", text(t->describe)));
    }
    end_list(w);
    begin_list(w, "axes");
    for (int i = 0; i < about->space->axis_count; i++) {
        const sj_axis *axis = &about->space->axes[i];
        element(w, json_pack("{s:o, s:o, s:o}", "name", text(axis->name), "paths", texts_of(axis->paths, axis->path_count), "values", values_of(axis)));
    }
    end_list(w);
    begin_list(w, "invalid_reasons");
    for (int i = 0; i < a->reason_count; i++) {
        element(w, json_pack("{s:o, s:I}", "reason", text(a->reasons[i].text), "points", (json_int_t)a->reasons[i].points));
    }
    end_list(w);
}

static json_t *means_of(const sj_axis *axis, const sj_sensitivity *s) {
    char key[64];
    snprintf(key, sizeof key, "mean_%s", sj_sweep_value_names[s->objective]);
    json_t *list = json_array();
    bool made = list != NULL;
    for (int v = 0; v < axis->value_count; v++) {
        made = made && json_array_append_new(list, json_pack("{s:o, s:I, s:o}", "value", axis_value(axis, v), "points", (json_int_t)s->counts[v], key, number(s->means[v]))) == 0;
    }
    return if_made(list, made);
}

static void write_sensitivity(writer *w, const sj_analysis *a) {
    begin_list(w, sj_analysis_part_names[SJ_PART_SENSITIVITY]);
    for (int i = 0; i < a->sensitivity_count && a->row_count > 0; i++) {
        const sj_sensitivity *s = &a->sensitivities[i];
        const sj_axis *axis = &a->about->space->axes[s->axis];
        element(w, json_pack("{s:s, s:o, s:s, s:o, s:o, s:I, s:o}", "objective", sj_sweep_value_names[s->objective], "axis", text(axis->name), "scale", s->plain ? "plain" : "log", "effect_ratio",
                             number(s->effect), "share", number(s->share), "points", (json_int_t)s->points, "values", means_of(axis, s)));
    }
    end_list(w);
}

static void write_best(writer *w, const sj_analysis *a) {
    begin_list(w, sj_analysis_part_names[SJ_PART_BEST]);
    for (int i = 0; i < a->objective_count && a->row_count > 0; i++) {
        element(w, point(a, a->best[i], sj_sweep_value_names[a->objectives[i]], NULL));
    }
    end_list(w);
}

static sj_status write_points(writer *w, const sj_analysis *a, sj_analysis_part part, sj_error *err) {
    int64_t *order, count;
    SJ_TRY(sj_analysis_order(a, part == SJ_PART_PARETO, &order, &count, err));
    begin_list(w, sj_analysis_part_names[part]);
    for (int64_t i = 0; i < count && !w->failed; i++) {
        element(w, point(a, order[i], NULL, part == SJ_PART_POINTS ? &a->front[order[i]] : NULL));
    }
    end_list(w);
    free(order);
    return SJ_OK;
}

static void write_head(writer *w, const sj_analysis *a) {
    member(w, "format", text("skipjoule-sweep"));
    member(w, "version", json_integer(1));
    member(w, "name", text(a->about->name));
    member(w, "program_version", text(a->about->version));
    member(w, "identity", text(a->about->identity));
    member(w, "objectives", names_of(a));
    member(w, "limits", texts_of(a->limits, a->limit_count));
    member(w, "points_in_space", json_integer((json_int_t)a->about->space->size));
    member(w, "points_wanted", json_integer((json_int_t)a->about->total));
    member(w, "points_looked_at", json_integer((json_int_t)a->points));
    member(w, "points_valid", json_integer((json_int_t)a->valid));
    member(w, "points_within_limits", json_integer((json_int_t)a->within));
    member(w, "full_grid", json_boolean(a->full_grid));
}

sj_status sj_analysis_write_json(FILE *f, const sj_analysis *a, const bool parts[SJ_PART_COUNT], sj_error *err) {
    writer w = {.f = f, .separator = "{\n "};
    write_head(&w, a);
    if (parts[SJ_PART_SUMMARY]) {
        write_summary(&w, a);
    }
    if (parts[SJ_PART_PARETO]) {
        SJ_TRY(write_points(&w, a, SJ_PART_PARETO, err));
    }
    if (parts[SJ_PART_SENSITIVITY]) {
        write_sensitivity(&w, a);
    }
    if (parts[SJ_PART_BEST]) {
        write_best(&w, a);
    }
    if (parts[SJ_PART_POINTS]) {
        SJ_TRY(write_points(&w, a, SJ_PART_POINTS, err));
    }
    fputs("\n}\n", f);
    return w.failed && ferror(f) == 0 ? SJ_FAIL(err, SJ_ERR_MEMORY, "no memory to write the sweep's results as JSON") : SJ_OK;
}
