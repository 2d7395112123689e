// SPDX-License-Identifier: Apache-2.0
// Limits on results: their names become, once, either a result's value or what an axis sets, by value of the axis.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis_internal.h"
#include "sj_config.h"
#include "sj_file.h"

static int value_named(const char *name) {
    for (int v = 0; v < SJ_SWEEP_VALUE_COUNT; v++) {
        if (strcmp(sj_sweep_value_names[v], name) == 0) {
            return v;
        }
    }
    return -1;
}

// The path of the axis that has this name; -1: it is the axis's own.
static int path_named(const sj_axis *a, const char *name) {
    for (int p = 0; p < a->path_count && strcmp(a->name, name) != 0; p++) {
        if (strcmp(a->paths[p], name) == 0) {
            return p;
        }
    }
    return -1;
}

// The string of a libconfig literal, into text: at least as long as the literal.
static void unquote(const char *literal, char *text) {
    const char *end = literal + strlen(literal) - 1;
    for (const char *p = literal + 1; p < end; p++) {
        static const char escapes[] = "nrtf", meant[] = "\n\r\t\f";
        if (*p != '\\' || p + 1 == end) {
            *text++ = *p;
            continue;
        }
        const char *escape = strchr(escapes, *++p);
        if (escape != NULL) {
            *text++ = meant[escape - escapes];
        } else if (*p == 'x' && p + 2 < end) {
            const char hex[3] = {p[1], p[2], '\0'};
            *text++ = (char)strtol(hex, NULL, 16);
            p += 2;
        } else {
            *text++ = *p;
        }
    }
    *text = '\0';
}

// What --set makes of a text: a number, true or false, a string, quoted or bare.
static sj_expr_value meaning_of(const char *text, char *string) {
    char *rest;
    const double number = strtod(text, &rest);
    if (rest != text && isfinite(number) && strspn(rest, "L") == strlen(rest)) {
        return (sj_expr_value){.type = SJ_EXPR_NUMBER, .number = number};
    }
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        return (sj_expr_value){.type = SJ_EXPR_BOOL, .truth = text[0] == 't'};
    }
    if (text[0] == '"' && text[1] != '\0') {
        unquote(text, string);
        return (sj_expr_value){.type = SJ_EXPR_TEXT, .text = string};
    }
    return (sj_expr_value){.type = SJ_EXPR_TEXT, .text = text};
}

// Texts of quoted values stand behind the values, in one piece of memory with them.
static sj_status read_axis(sj_limit_name *n, const sj_axis *a, sj_error *err) {
    const int path = path_named(a, n->name), column = path < 0 ? 0 : path;
    const bool label = path < 0 && a->path_count > 1;
    size_t bytes = 0;
    for (int v = 0; v < a->value_count; v++) {
        bytes += strlen(a->values[v * a->path_count + column]) + 1;
    }
    SJ_TRY(sj_alloc((void **)&n->by_value, (uint64_t)a->value_count * sizeof *n->by_value + bytes, 1, "an axis's values", err));
    char *string = (char *)&n->by_value[a->value_count];
    for (int v = 0; v < a->value_count; v++) {
        const char *text = a->values[v * a->path_count + column];
        n->by_value[v] = label ? (sj_expr_value){.type = SJ_EXPR_TEXT, .text = a->labels[v]} : meaning_of(text, string);
        string += strlen(text) + 1;
    }
    return SJ_OK;
}

static sj_status unknown_name(const sj_limits *l, const char *limit, const char *name, sj_error *err) {
    const char *names[SJ_AXES_MAX * (SJ_AXIS_PATHS_MAX + 1) + SJ_SWEEP_VALUE_COUNT];
    int count = 0;
    for (int v = 0; v < SJ_SWEEP_VALUE_COUNT; v++) {
        names[count++] = sj_sweep_value_names[v];
    }
    for (int i = 0; i < l->space->axis_count; i++) {
        const sj_axis *a = &l->space->axes[i];
        names[count++] = a->name;
        for (int p = 0; p < a->path_count; p++) {
            names[count++] = a->paths[p];
        }
    }
    const char *nearest = sj_nearest_name(name, names, count);
    const bool found = nearest != NULL;
    return SJ_FAIL(err, SJ_ERR_CONFIG, "limit \"%s\": \"%s\" is no axis of the sweep and no value of a point%s%s%s", limit, name, found ? "; did you mean \"" : "", found ? nearest : "", found ? "\"?" : "");
}

static sj_status add_name(sj_limits *l, const char *limit, const char *name, sj_error *err) {
    for (int i = 0; i < l->count; i++) {
        if (strcmp(l->names[i].name, name) == 0) {
            return SJ_OK;
        }
    }
    sj_limit_name *larger = realloc(l->names, (size_t)(l->count + 1) * sizeof *larger);
    if (larger == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for the names of limits");
    }
    l->names = larger;
    sj_limit_name *n = &l->names[l->count];
    *n = (sj_limit_name){.name = name, .value = value_named(name), .axis = sj_space_find(l->space, name)};
    if (n->value < 0 && n->axis < 0) {
        return unknown_name(l, limit, name, err);
    }
    if (n->value >= 0 && n->axis >= 0) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "limit \"%s\": \"%s\" is an axis of the sweep and a value of a point as well", limit, name);
    }
    l->count++;
    return n->axis >= 0 ? read_axis(n, &l->space->axes[n->axis], err) : SJ_OK;
}

sj_status sj_limits_open(sj_limits *l, sj_expr *const *limits, int limit_count, const sj_space *space, sj_error *err) {
    *l = (sj_limits){.space = space, .limit_count = limit_count, .limits = limits};
    for (int i = 0; i < limit_count; i++) {
        const char *name;
        for (int k = 0; (name = sj_expr_name(limits[i], k)) != NULL; k++) {
            SJ_TRY(add_name(l, sj_expr_text(limits[i]), name, err));
        }
    }
    return SJ_OK;
}

void sj_limits_close(sj_limits *l) {
    for (int i = 0; i < l->count; i++) {
        free(l->names[i].by_value);
    }
    free(l->names);
    *l = (sj_limits){0};
}

typedef struct at_point {
    const sj_limits *limits;
    const sj_point_result *point;
} at_point;

static sj_status look_up(void *context, const char *name, sj_expr_value *out, sj_error *err) {
    const at_point *at = context;
    for (int i = 0; i < at->limits->count; i++) {
        const sj_limit_name *n = &at->limits->names[i];
        if (strcmp(n->name, name) == 0) {
            *out = n->axis < 0 ? (sj_expr_value){.type = SJ_EXPR_NUMBER, .number = at->point->values[n->value]} : n->by_value[sj_axis_value_of(at->limits->space, n->axis, at->point->id)];
            return SJ_OK;
        }
    }
    return SJ_FAIL(err, SJ_ERR_INTERNAL, "\"%s\" was no name of the limit when it was opened", name);
}

sj_status sj_limits_hold(const sj_limits *l, const sj_point_result *point, bool *holds, sj_error *err) {
    at_point at = {l, point};
    *holds = true;
    for (int i = 0; i < l->limit_count && *holds; i++) {
        if (sj_expr_holds(l->limits[i], look_up, &at, holds, err) != SJ_OK) {
            char text[256];
            sj_space_describe(l->space, point->id, text, sizeof text);
            return sj_error_prefix(err, "limit at point %llu (%s)", (unsigned long long)point->id, text);
        }
    }
    return SJ_OK;
}
