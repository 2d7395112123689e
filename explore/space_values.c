// SPDX-License-Identifier: Apache-2.0
// Values of an axis: how each is kept, and those that stand in the file one by one.
#include "space_internal.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sj_axis_free(sj_axis *a) {
    for (int i = 0; i < a->value_count; i++) {
        for (int p = 0; p < a->path_count; p++) {
            free(a->values[i * a->path_count + p]);
        }
        free(a->labels[i]);
    }
    for (int p = 0; p < a->path_count; p++) {
        free(a->paths[p]);
    }
    free(a->values);
    free(a->labels);
    free(a->numbers);
    free(a->name);
    *a = (sj_axis){.name = NULL};
}

bool sj_axis_reserve(sj_config *c, sj_axis *a, int64_t count) {
    a->values = calloc((size_t)count * (size_t)a->path_count, sizeof *a->values);
    a->labels = calloc((size_t)count, sizeof *a->labels);
    a->numbers = calloc((size_t)count, sizeof *a->numbers);
    if (a->values == NULL || a->labels == NULL || a->numbers == NULL) {
        sj_config_no_memory(c);
        return false;
    }
    a->value_count = (int)count;
    return true;
}

bool sj_axis_put(sj_config *c, sj_axis *a, int value, int path, const char *text, const char *label) {
    char **slot = &a->values[value * a->path_count + path], **whole = &a->labels[value];
    const size_t before = *whole != NULL ? strlen(*whole) + 1 : 0, room = before + strlen(label) + 1;
    char *joined = realloc(*whole, room);
    if (joined != NULL) {
        *whole = joined;
        if (before > 0) {
            joined[before - 1] = 'x';
        }
        memcpy(joined + before, label, strlen(label) + 1);
    }
    *slot = strdup(text);
    if (joined == NULL || *slot == NULL) {
        sj_config_no_memory(c);
        return false;
    }
    return true;
}

bool sj_axis_put_int(sj_config *c, sj_axis *a, int value, int path, int64_t number) {
    char label[32], text[40];
    snprintf(label, sizeof label, "%" PRId64, number);
    snprintf(text, sizeof text, "%s%s", label, number > INT32_MAX || number < INT32_MIN ? "L" : "");
    a->numbers[value] = (double)number;
    return sj_axis_put(c, a, value, path, text, label);
}

bool sj_axis_put_float(sj_config *c, sj_axis *a, int value, int path, double number) {
    number += 0.0;  // -0.0 is 0.0: the same value must have the same text
    char text[SJ_CONFIG_FLOAT_MAX], label[SJ_CONFIG_FLOAT_MAX];
    sj_config_float_text(number, text);
    const char *idle = strstr(text, ".0");  // the point that a float's text must have says nothing to people
    const bool whole = idle != NULL && !isdigit((unsigned char)idle[2]);
    snprintf(label, sizeof label, "%.*s%s", whole ? (int)(idle - text) : (int)strlen(text), text, whole ? idle + 2 : "");
    a->numbers[value] = number;
    return sj_axis_put(c, a, value, path, text, label);
}

// What the scalars of one path of an axis have been so far.
typedef struct column {
    sj_config_scalar type;
    bool failed;  // and was told: one error an axis and path, however many values there are
} column;

static bool is_a_value(sj_config *c, const char *path, sj_config_scalar type, column *seen) {
    static const char *const names[] = {"nothing", "an integer", "a float", "true or false", "a string"};
    if (type != SJ_CONFIG_NONE && seen->type != SJ_CONFIG_NONE && type != seen->type && !seen->failed) {
        sj_config_error(c, SJ_CFG_TYPE, path, "\"%s\" is %s, and what stands before it %s; the values of a path must be of one type", path, names[type], names[seen->type]);
        return false;
    }
    seen->type = seen->type == SJ_CONFIG_NONE ? type : seen->type;
    return type != SJ_CONFIG_NONE && type == seen->type;
}

static bool put_text(sj_config *c, sj_axis *a, int value, int p, const char *string) {
    char *quoted = sj_config_quote(string);
    if (quoted == NULL) {
        sj_config_no_memory(c);
        return false;
    }
    const bool kept = sj_axis_put(c, a, value, p, quoted, string);
    free(quoted);
    return kept;
}

static bool put_integer(sj_config *c, const char *path, sj_axis *a, int value, int p, bool told) {
    const int64_t number = sj_config_int(c, path, SJ_REQUIRED, 0, INT64_MIN, INT64_MAX);
    if (number > SJ_EXACT_INTEGER_MAX || number < -SJ_EXACT_INTEGER_MAX) {
        if (!told) {
            sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" is %" PRId64 "; it must be between -2^53 and 2^53", path, number);
        }
        return false;
    }
    return sj_axis_put_int(c, a, value, p, number);
}

static void read_scalar(sj_config *c, const char *path, sj_axis *a, int value, int p, column *seen) {
    const sj_config_scalar type = sj_config_scalar_at(c, path);
    bool kept = is_a_value(c, path, type, seen);
    if (kept) {
        switch (type) {
            case SJ_CONFIG_INT: kept = put_integer(c, path, a, value, p, seen->failed); break;
            case SJ_CONFIG_FLOAT: {
                const double number = sj_config_float(c, path, SJ_REQUIRED, 0.0, -HUGE_VAL, HUGE_VAL);
                kept = !sj_config_failed(c, path) && sj_axis_put_float(c, a, value, p, number);
                break;
            }
            case SJ_CONFIG_BOOL: {
                const char *word = sj_config_bool(c, path, SJ_REQUIRED, false) ? "true" : "false";
                kept = sj_axis_put(c, a, value, p, word, word);
                break;
            }
            default: kept = put_text(c, a, value, p, sj_config_string(c, path, SJ_REQUIRED, "")); break;
        }
    }
    seen->failed = seen->failed || !kept;
}

// One value of an axis of several paths: a list of as many.
static bool read_tuple(sj_config *c, const char *path, sj_axis *a, int value, column seen[]) {
    const int count = sj_config_list(c, path, SJ_REQUIRED);
    if (count != a->path_count) {
        if (count >= 0) {
            sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" has %d values; there are %d paths", path, count, a->path_count);
        }
        sj_config_accept(c, path);
        return false;
    }
    for (int p = 0; p < count; p++) {
        char item[SJ_SPACE_PATH_MAX];
        sj_space_path(item, "%s.[%d]", path, p);
        read_scalar(c, item, a, value, p, &seen[p]);
    }
    return true;
}

bool sj_axis_list(sj_config *c, const char *base, sj_axis *a) {
    char path[SJ_SPACE_PATH_MAX];
    sj_space_path(path, "%s.values", base);
    const int count = sj_config_list(c, path, SJ_REQUIRED);
    if (count < 0) {
        return false;
    }
    if (count == 0 || count > SJ_AXIS_VALUES_MAX) {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" has %d values; it must have between 1 and %d", path, count, SJ_AXIS_VALUES_MAX);
        sj_config_accept(c, path);
        return false;
    }
    column seen[SJ_AXIS_PATHS_MAX] = {{SJ_CONFIG_NONE, false}};
    bool whole = sj_axis_reserve(c, a, count);
    for (int i = 0; i < a->value_count; i++) {
        sj_space_path(path, "%s.values.[%d]", base, i);
        if (a->path_count > 1) {
            whole = read_tuple(c, path, a, i, seen) && whole;
        } else {
            read_scalar(c, path, a, i, 0, &seen[0]);
        }
    }
    for (int p = 0; p < a->path_count; p++) {
        whole = whole && !seen[p].failed;
    }
    a->numeric = a->path_count == 1 && (seen[0].type == SJ_CONFIG_INT || seen[0].type == SJ_CONFIG_FLOAT);
    return whole;
}
