// SPDX-License-Identifier: Apache-2.0
// One axis of a sweep file: its names, where its values come from, and their order.
#include "space_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The ways to give values, and behind them the other keys of an axis.
static const char *const keys[] = {"values", "range", "powers_of_two", "linear", "logarithmic", "name", "path", "paths"};
enum { SOURCE_VALUES = 0, SOURCE_COUNT = 5, KEY_COUNT = sizeof keys / sizeof *keys, NAME_LENGTH_MAX = 63 };

static const char *key_path(const char *base, const char *key, char path[SJ_SPACE_PATH_MAX]) {
    return sj_space_path(path, "%s.%s", base, key);
}

// Paths and names stand in --set, in files of results and in messages.
static bool is_plain(const char *text) {
    const size_t length = strlen(text);
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)text[i]) && strchr("_-*.[]", text[i]) == NULL) {
            return false;
        }
    }
    return length > 0;
}

// *out is set even after a problem, to go on with.
static bool take_name(sj_config *c, const char *key, int most, char **out) {
    const char *text = sj_config_string(c, key, SJ_REQUIRED, "");
    bool valid = !sj_config_failed(c, key);
    if (valid && (!is_plain(text) || strlen(text) > (size_t)most)) {
        sj_config_error(c, SJ_CFG_RANGE, key, "\"%s\" is \"%s\"; it must have 1 to %d letters, digits, or _ - * . [ ]", key, text, most);
        valid = false;
    }
    *out = strdup(text);
    if (*out == NULL) {
        sj_config_no_memory(c);
    }
    return valid && *out != NULL;
}

static bool take_path(sj_config *c, const char *key, sj_axis *a) {
    char **path = &a->paths[a->path_count++];
    if (!take_name(c, key, SJ_CONFIG_PATH_MAX - 1, path)) {
        return false;
    }
    for (int p = 0; p < a->path_count - 1; p++) {
        if (a->paths[p] != NULL && strcmp(a->paths[p], *path) == 0) {
            sj_config_error(c, SJ_CFG_RANGE, key, "\"%s\" is \"%s\" again; an axis sets a path once", key, *path);
            return false;
        }
    }
    return true;
}

static bool read_paths(sj_config *c, const char *key, sj_axis *a) {
    const int count = sj_config_list(c, key, SJ_REQUIRED);
    if (count < 0) {
        return false;
    }
    if (count < 2 || count > SJ_AXIS_PATHS_MAX) {
        sj_config_error(c, SJ_CFG_RANGE, key, "\"%s\" has %d paths; it must have between 2 and %d (one alone is \"path\")", key, count, SJ_AXIS_PATHS_MAX);
        sj_config_accept(c, key);
        return false;
    }
    bool all = true;
    for (int i = 0; i < count; i++) {
        char item[SJ_SPACE_PATH_MAX];
        sj_space_path(item, "%s.[%d]", key, i);
        all = take_path(c, item, a) && all;
    }
    return all;
}

// path, or paths and name.
static bool read_names(sj_config *c, const char *base, sj_axis *a) {
    char path[SJ_SPACE_PATH_MAX], paths[SJ_SPACE_PATH_MAX], name[SJ_SPACE_PATH_MAX];
    key_path(base, "path", path);
    key_path(base, "name", name);
    const bool linked = sj_config_has(c, key_path(base, "paths", paths));
    bool right = linked ? read_paths(c, paths, a) : take_path(c, path, a);
    if (linked && sj_config_has(c, path)) {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" has both path and paths; exactly one of them is needed", base);
        sj_config_accept(c, path);
        right = false;
    }
    if (linked || sj_config_has(c, name)) {
        return take_name(c, name, NAME_LENGTH_MAX, &a->name) && right;
    }
    a->name = a->paths[0] != NULL ? strdup(a->paths[0]) : NULL;
    if (a->name == NULL) {
        sj_config_no_memory(c);
    }
    return right && a->name != NULL;
}

// A key that no axis has is told as unknown; it may well be a misspelt one of those that are missing.
static bool has_unknown_key(const sj_config *c, const char *base) {
    const char *name;
    for (int i = 0; (name = sj_config_child_name(c, base, i)) != NULL; i++) {
        bool known = false;
        for (int k = 0; k < KEY_COUNT; k++) {
            known = known || strcmp(name, keys[k]) == 0;
        }
        if (!known) {
            return true;
        }
    }
    return false;
}

// Which of the first SOURCE_COUNT keys the axis has; NULL after a problem.
static const char *choose_source(sj_config *c, const char *base) {
    char path[SJ_SPACE_PATH_MAX];
    const char *chosen = NULL;
    int count = 0;
    for (int k = 0; k < SOURCE_COUNT; k++) {
        if (sj_config_has(c, key_path(base, keys[k], path))) {
            chosen = keys[k];
            count++;
        }
    }
    const bool linked = sj_config_has(c, key_path(base, "paths", path)), fits = count == 1 && (!linked || chosen == keys[SOURCE_VALUES]);
    if (count == 0 && !has_unknown_key(c, base)) {
        sj_config_error(c, SJ_CFG_MISSING, base, "\"%s\" has no values: one of values, range, powers_of_two, linear, logarithmic is needed", base);
    } else if (count > 1) {
        sj_config_error(c, SJ_CFG_RANGE, base, "\"%s\" has %d of values, range, powers_of_two, linear, logarithmic; exactly one is needed", base, count);
    } else if (count == 1 && !fits) {
        sj_config_error(c, SJ_CFG_RANGE, base, "\"%s\" has paths with %s, which gives one number at a time; paths need values", base, chosen);
    }
    for (int k = 0; k < SOURCE_COUNT && !fits; k++) {
        sj_config_accept(c, key_path(base, keys[k], path));
    }
    return fits ? chosen : NULL;
}

typedef struct entry {
    double number;
    char **texts, *label;  // texts: of all paths
    int path_count, index;
} entry;

static int compare_texts(const entry *x, const entry *y) {
    for (int p = 0; p < x->path_count; p++) {
        const int order = strcmp(x->texts[p], y->texts[p]);
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

static int by_number(const void *a, const void *b) {
    const entry *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number ? 1 : x->index - y->index;
}

static int by_text(const void *a, const void *b) {
    const int order = compare_texts(a, b);
    return order != 0 ? order : ((const entry *)a)->index - ((const entry *)b)->index;
}

// The values in the order of `sorted`.
static bool rearrange(sj_config *c, sj_axis *a, const entry *sorted) {
    char **values = calloc((size_t)a->value_count, sizeof *values);
    if (values == NULL) {
        sj_config_no_memory(c);
        return false;
    }
    for (int i = 0; i < a->value_count; i++) {
        values[i] = sorted[i].texts[0];
        a->labels[i] = sorted[i].label;
        a->numbers[i] = sorted[i].number;
    }
    free(a->values);
    a->values = values;
    return true;
}

// Sorts a numeric axis; refuses a value that stands twice.
static bool put_in_order(sj_config *c, const char *base, sj_axis *a, bool listed) {
    entry *entries = calloc((size_t)a->value_count, sizeof *entries);
    if (entries == NULL) {
        sj_config_no_memory(c);
        return false;
    }
    for (int i = 0; i < a->value_count; i++) {
        entries[i] = (entry){a->numbers[i], &a->values[i * a->path_count], a->labels[i], a->path_count, i};
    }
    qsort(entries, (size_t)a->value_count, sizeof *entries, a->numeric ? by_number : by_text);
    bool distinct = true;
    for (int i = 1; i < a->value_count && distinct; i++) {
        const int first = entries[i - 1].index, second = entries[i].index;
        distinct = compare_texts(&entries[i - 1], &entries[i]) != 0;
        if (!distinct && listed) {
            char path[SJ_SPACE_PATH_MAX];
            sj_space_path(path, "%s.values.[%d]", base, second);
            sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" is %s, as \"%s.values.[%d]\" is; a value may stand once", path, entries[i].label, base, first);
        } else if (!distinct) {
            sj_config_error(c, SJ_CFG_RANGE, base, "\"%s\" gives %s twice; its ends are the same, or its steps too small", base, entries[i].label);
        }
    }
    const bool ordered = distinct && (!a->numeric || rearrange(c, a, entries));
    free(entries);
    return ordered;
}

bool sj_axis_read(sj_config *c, int index, sj_axis *a) {
    char base[SJ_SPACE_PATH_MAX], path[SJ_SPACE_PATH_MAX];
    sj_space_path(base, "axes.[%d]", index);
    if (!sj_config_group(c, base)) {
        return false;
    }
    for (int k = 0; k < KEY_COUNT; k++) {
        if (!sj_config_has(c, key_path(base, keys[k], path))) {
            sj_config_accept(c, path);  // to be named when another key is unknown
        }
    }
    const bool named = read_names(c, base, a);
    const char *source = choose_source(c, base);
    if (source == NULL) {
        return false;
    }
    if (a->path_count == 0) {
        sj_config_accept(c, key_path(base, source, path));  // there is no telling what a value should be
        return false;
    }
    const bool listed = source == keys[SOURCE_VALUES];
    const bool right = listed ? sj_axis_list(c, base, a) : sj_axis_generate(c, base, source, a);
    if (!right || !put_in_order(c, base, a, listed)) {
        return false;
    }
    if (!a->numeric) {
        free(a->numbers);
        a->numbers = NULL;
    }
    return named;
}
