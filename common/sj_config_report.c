// SPDX-License-Identifier: Apache-2.0
// Collecting problems, finding keys that nobody asked for, and telling all of it at once.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_config_internal.h"

#define SENTENCE_MAX 1024

void sj_config_problem_at(sj_config *c, sj_config_error_class cls, const char *where, int line, const char *sentence) {
    if (c->problem_count == c->problem_capacity) {
        const int capacity = c->problem_capacity == 0 ? 16 : 2 * c->problem_capacity;
        sj_config_problem *larger = realloc(c->problems, (size_t)capacity * sizeof *larger);
        if (larger == NULL) {
            c->out_of_memory = true;
            return;
        }
        c->problems = larger;
        c->problem_capacity = capacity;
    }
    char message[SENTENCE_MAX + 512];
    if (line > 0 && strncmp(c->path, "--set ", 6) == 0) {
        snprintf(message, sizeof message, "%s: %s", c->path, sentence);  // its value is one line
    } else if (line > 0) {
        snprintf(message, sizeof message, "%s:%d: %s", c->path, line, sentence);
    } else {
        snprintf(message, sizeof message, "%s: %s", where, sentence);
    }
    for (int i = 0; i < c->problem_count; i++) {
        if (strcmp(c->problems[i].message, message) == 0) {
            return;  // two readers met the same
        }
    }
    char *copy = strdup(message);
    if (copy == NULL) {
        c->out_of_memory = true;
        return;
    }
    c->problems[c->problem_count] = (sj_config_problem){.cls = cls, .line = line, .order = c->problem_count, .message = copy};
    c->problem_count++;
}

void sj_config_syntax(sj_config *c, int line, const char *format, ...) {
    char sentence[SENTENCE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    sj_config_problem_at(c, SJ_CFG_SYNTAX, "--set", line, sentence);
}

static bool is_inside(const char *path, const char *outer) {
    const size_t length = strlen(outer);
    return strncmp(path, outer, length) == 0 && (path[length] == '\0' || path[length] == '.');
}

// The --set that gave this path its value, or made this group (which then has no line of the file), or NULL.
static const sj_config_override_entry *find_override(const sj_config *c, const char *path) {
    const config_setting_t *setting = sj_config_lookup(c, path);
    const bool made = setting != NULL && config_setting_source_line(setting) == 0;
    for (int i = c->override_count - 1; i >= 0; i--) {
        if (is_inside(path, c->overrides[i].path) || (made && is_inside(c->overrides[i].path, path))) {
            return &c->overrides[i];
        }
    }
    return NULL;
}

// Line of the setting, or of the nearest group around where it is missing; 1 for the file as a whole.
static int line_of(const sj_config *c, const char *path) {
    char outer[SJ_CONFIG_PATH_MAX];
    snprintf(outer, sizeof outer, "%s", path);
    for (;;) {
        const config_setting_t *setting = sj_config_lookup(c, outer);
        if (setting != NULL && config_setting_source_line(setting) > 0) {
            return (int)config_setting_source_line(setting);
        }
        char *dot = strrchr(outer, '.');
        if (dot == NULL) {
            return 1;
        }
        *dot = '\0';
    }
}

void sj_config_error(sj_config *c, sj_config_error_class cls, const char *path, const char *format, ...) {
    char sentence[SENTENCE_MAX], where[512] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    const sj_config_override_entry *override = find_override(c, path);
    if (override != NULL) {
        snprintf(where, sizeof where, "--set %s", override->assignment);
    }
    sj_config_problem_at(c, cls, where, override != NULL ? 0 : line_of(c, path), sentence);
}

bool sj_config_failed(const sj_config *c, const char *path) {
    char quoted[SJ_CONFIG_PATH_MAX + 2];
    snprintf(quoted, sizeof quoted, "\"%s\"", path);
    for (int i = 0; i < c->problem_count; i++) {
        if (strstr(c->problems[i].message, quoted) != NULL) {
            return true;
        }
    }
    return false;
}

// "layers.[3].name" and "layers.[0].name" are the same key to a reader.
static void without_indices(const char *path, char out[SJ_CONFIG_PATH_MAX]) {
    size_t used = 0;
    for (; *path != '\0' && used < SJ_CONFIG_PATH_MAX - 1; path++) {
        out[used++] = *path;
        if (*path == '[') {
            path += strcspn(path, "]") - 1;
        }
    }
    out[used] = '\0';
}

static const char *leaf_of(const char *path) {
    const char *dot = strrchr(path, '.');
    return dot != NULL ? dot + 1 : path;
}

// The step of `asked` that stands beside the last step of `path`: of the same group, a key or a group itself. NULL where there is none.
static char *step_beside(const char *asked, const char *path) {
    char x[SJ_CONFIG_PATH_MAX], y[SJ_CONFIG_PATH_MAX];
    without_indices(asked, x);
    without_indices(path, y);
    const size_t parent = (size_t)(leaf_of(y) - y);
    if (strncmp(x, y, parent) != 0) {
        return NULL;
    }
    return strndup(x + parent, strcspn(x + parent, ".["));
}

// A known key of that very name elsewhere, with its path; else the nearest known key or group beside it.
static const char *suggest(const sj_config *c, const char *path, char nearest[SJ_CONFIG_PATH_MAX]) {
    char **beside = calloc((size_t)c->asked_count + 1, sizeof *beside);
    const char *elsewhere = NULL;
    int count = 0;
    for (int i = 0; i < c->asked_count && beside != NULL; i++) {
        char *step = step_beside(c->asked[i], path);
        if (step != NULL && *step != '\0') {
            beside[count++] = step;
        } else {
            free(step);
        }
        if (strcmp(leaf_of(c->asked[i]), leaf_of(path)) == 0) {
            elsewhere = c->asked[i];
        }
    }
    const char *found = beside != NULL ? sj_nearest_name(leaf_of(path), (const char *const *)beside, count) : NULL;
    if (found != NULL) {
        snprintf(nearest, SJ_CONFIG_PATH_MAX, "%s", found);
    }
    for (int i = 0; i < count; i++) {
        free(beside[i]);
    }
    free(beside);
    return elsewhere != NULL ? elsewhere : found != NULL ? nearest : NULL;
}

// The keys and groups that readers asked for beside it, each once: ", name, name". Empty where there are none.
static void known_beside(const sj_config *c, const char *path, char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < c->asked_count; i++) {
        char *step = step_beside(c->asked[i], path), item[SJ_CONFIG_PATH_MAX + 4];
        if (step != NULL && *step != '\0') {
            snprintf(item, sizeof item, "%s\"%s\"", used > 0 ? ", " : "", step);
            const char *bare = used > 0 ? item + 2 : item;
            if (strstr(out, bare) == NULL && used + strlen(item) < size) {
                used += (size_t)snprintf(out + used, size - used, "%s", item);
            }
        }
        free(step);
    }
}

// A key that was misspelt is not missing as well.
static void forget_missing(sj_config *c, const char *path, const char *nearest) {
    char key[2 * SJ_CONFIG_PATH_MAX], sentence[2 * SJ_CONFIG_PATH_MAX + 32];
    snprintf(key, sizeof key, "%.*s%s", (int)(leaf_of(path) - path), path, nearest);
    for (int i = 0; i < c->problem_count; i++) {
        for (int group = 0; group < 2 && c->problems[i].cls == SJ_CFG_MISSING; group++) {
            snprintf(sentence, sizeof sentence, ": missing %s \"%s\"", group ? "group" : "key", key);
            const char *told = strstr(c->problems[i].message, sentence);
            if (told != NULL && told[strlen(sentence)] == '\0') {
                free(c->problems[i].message);
                c->problems[i--] = c->problems[--c->problem_count];
                break;
            }
        }
    }
}

// Whether a reader asked for anything in the group, even if nothing it asked for was there.
static bool is_known_group(const sj_config *c, const char *path) {
    for (int i = 0; i < c->asked_count; i++) {
        if (is_inside(c->asked[i], path)) {
            return true;
        }
    }
    return false;
}

static void report_unasked(sj_config *c, const config_setting_t *setting) {
    char path[SJ_CONFIG_PATH_MAX];
    const bool asked = config_setting_is_root(setting) || config_setting_get_hook(setting) != NULL;
    if (!asked) {
        sj_config_setting_path(setting, path);
    }
    if (!asked && !is_known_group(c, path)) {
        char buffer[SJ_CONFIG_PATH_MAX];
        const char *nearest = suggest(c, path, buffer);
        if (nearest != NULL) {
            forget_missing(c, path, nearest);
            sj_config_error(c, SJ_CFG_UNKNOWN, path, "unknown key \"%s\"; did you mean \"%s\"?", path, nearest);
        } else {
            char known[SENTENCE_MAX / 2];
            known_beside(c, path, known, sizeof known);
            sj_config_error(c, SJ_CFG_UNKNOWN, path, "unknown key \"%s\"%s%s", path, known[0] != '\0' ? "; known here: " : "", known);
        }
        return;
    }
    if (!asked && !config_setting_is_aggregate(setting)) {
        sj_config_error(c, SJ_CFG_TYPE, path, "\"%s\" is %s; it must be a group", path, sj_config_type_name(setting));
        return;
    }
    const int length = config_setting_is_aggregate(setting) ? config_setting_length(setting) : 0;
    for (int i = 0; i < length; i++) {
        report_unasked(c, config_setting_get_elem(setting, (unsigned)i));
    }
}

static int compare_problems(const void *a, const void *b) {
    const sj_config_problem *x = a, *y = b;
    if (x->cls != y->cls) {
        return x->cls < y->cls ? -1 : 1;
    }
    if (x->line != y->line) {
        return x->line < y->line ? -1 : 1;
    }
    return x->order < y->order ? -1 : x->order > y->order;
}

sj_status sj_config_fail(sj_config *c, sj_error *err) {
    if (c->out_of_memory) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory to read it", c->path);
    }
    qsort(c->problems, (size_t)c->problem_count, sizeof *c->problems, compare_problems);
    char text[SJ_ERROR_MESSAGE_MAX - 64] = "";
    size_t used = 0;
    int told = 0;
    for (; told < c->problem_count; told++) {
        const size_t length = strlen(c->problems[told].message) + (told > 0);
        if (used + length >= sizeof text) {
            break;
        }
        strcat(strcat(text + used, told > 0 ? "\n" : ""), c->problems[told].message);
        used += length;
    }
    if (told < c->problem_count) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "%s\n(and %d more errors)", text, c->problem_count - told);
    }
    return SJ_FAIL(err, SJ_ERR_CONFIG, "%s", text);
}

sj_status sj_config_finish(sj_config *c, sj_error *err) {
    report_unasked(c, config_root_setting(&c->tree));
    return c->problem_count > 0 || c->out_of_memory ? sj_config_fail(c, err) : SJ_OK;
}
