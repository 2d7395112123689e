// SPDX-License-Identifier: Apache-2.0
// Axes and the sweep's other keys: values of accel, machine and batch are the sweep's own to check, and nothing may be set twice, for one of both would be without effect.
#include "sweep_config_internal.h"

#include <stdio.h>
#include <string.h>

typedef struct place {
    int axis, path;  // element of "axes", and of its "paths"; axis -1: none
    bool linked;
} place;

static bool is_text_at(sj_config *c, const char *path, const char *wanted) {
    const char *text = sj_config_has(c, path) ? sj_config_string(c, path, SJ_OPTIONAL, NULL) : NULL;
    return text != NULL && strcmp(text, wanted) == 0;
}

static place find_axis(sj_config *c, const char *wanted) {
    const int count = sj_config_list(c, "axes", SJ_OPTIONAL);
    for (int i = 0; i < count; i++) {
        char path[SJ_SWEEP_PATH_MAX];
        snprintf(path, sizeof path, "axes.[%d].path", i);
        if (is_text_at(c, path, wanted)) {
            return (place){i, 0, false};
        }
        for (int p = 0; p < SJ_AXIS_PATHS_MAX; p++) {
            snprintf(path, sizeof path, "axes.[%d].paths.[%d]", i, p);
            if (is_text_at(c, path, wanted)) {
                return (place){i, p, true};
            }
        }
    }
    return (place){-1, 0, false};
}

bool sj_sweep_axis_gives(sj_config *c, const char *path) { return find_axis(c, path).axis >= 0; }

typedef void (*check_value)(sj_config *c, const char *path, const void *context);

// Every value that stands in the file for the path at `at`, up to the first wrong one. Returns false where the axis has a rule in place of values.
static bool check_listed(sj_config *c, place at, check_value check, const void *context) {
    char path[SJ_SWEEP_PATH_MAX];
    snprintf(path, sizeof path, "axes.[%d].values", at.axis);
    if (!sj_config_has(c, path)) {
        return false;
    }
    const int count = sj_config_list(c, path, SJ_OPTIONAL);
    for (int i = 0; i < count; i++) {
        if (at.linked) {
            snprintf(path, sizeof path, "axes.[%d].values.[%d].[%d]", at.axis, i, at.path);
        } else {
            snprintf(path, sizeof path, "axes.[%d].values.[%d]", at.axis, i);
        }
        if (sj_config_has(c, path)) {
            check(c, path, context);
        }
        if (sj_config_failed(c, path)) {
            break;
        }
    }
    return true;
}

static void check_machine(sj_config *c, const char *path, const void *context) { (void)sj_config_enum(c, path, SJ_REQUIRED, 0, context); }

static void check_batch(sj_config *c, const char *path, const void *context) { (void)sj_config_int(c, path, SJ_REQUIRED, 1, 1, SJ_SWEEP_BATCH_MAX); }

static void check_accel(sj_config *c, const char *path, const void *context) {
    const char *text = sj_config_string(c, path, SJ_REQUIRED, "");
    if (*text == '\0' && !sj_config_failed(c, path)) {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" is empty; it must be an accelerator's file or name", path);
    }
}

static void refuse_numbers(sj_config *c, place at, const char *key) {
    char path[SJ_SWEEP_PATH_MAX];
    snprintf(path, sizeof path, "axes.[%d]", at.axis);
    if (!sj_config_failed(c, path)) {
        sj_config_error(c, SJ_CFG_TYPE, path, "\"%s\" sets %s to numbers; its values must be strings", path, key);
    }
}

// Numbers of a rule: ascending, so that the ends tell.
static void check_batch_rule(sj_config *c, place at, const sj_space *s) {
    const int found = sj_space_find(s, "batch");
    if (found < 0) {
        return;  // the axis has an error of its own
    }
    const sj_axis *a = &s->axes[found];
    const double first = a->numbers[0], last = a->numbers[a->value_count - 1];
    if (strchr(a->values[0], '.') != NULL || first < 1.0 || last > SJ_SWEEP_BATCH_MAX) {
        char path[SJ_SWEEP_PATH_MAX];
        snprintf(path, sizeof path, "axes.[%d]", at.axis);
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" sets batch to %s .. %s; it must be integers between 1 and %d", path, a->values[0], a->values[a->value_count - 1], SJ_SWEEP_BATCH_MAX);
    }
}

static void refuse_both(sj_config *c, const char *key, const char *axis_path) {
    const place at = find_axis(c, axis_path);
    if (at.axis >= 0 && sj_config_has(c, key)) {
        sj_config_error(c, SJ_CFG_RANGE, key, "\"%s\" is given, and axes.[%d] sets %s; only one of them can have an effect", key, at.axis, axis_path);
    }
}

// The path of a "PATH=VALUE"; false where it is none.
static bool path_of_set(const char *set, char path[SJ_CONFIG_PATH_MAX]) {
    const size_t length = strcspn(set, "=");
    if (length == 0 || length >= SJ_CONFIG_PATH_MAX || set[length] == '\0' || set[length + 1] == '\0') {
        return false;
    }
    memcpy(path, set, length);
    path[length] = '\0';
    return true;
}

static void check_set(sj_config *c, const sj_sweep_config *sweep, int i) {
    static const char *const own[] = {"accel", "machine", "batch"};
    char path[SJ_CONFIG_PATH_MAX], earlier[SJ_CONFIG_PATH_MAX];
    const char *set = sweep->sets[i];
    if (!path_of_set(set, path)) {
        sj_config_error(c, SJ_CFG_RANGE, "set", "\"set\" has \"%s\"; it must be PATH=VALUE, for example array.rows=8", set);
        return;
    }
    for (int k = 0; k < 3; k++) {
        if (strcmp(path, own[k]) == 0) {
            sj_config_error(c, SJ_CFG_RANGE, "set", "\"set\" has \"%s\"; \"%s\" is a key of the sweep itself", set, own[k]);
            return;
        }
    }
    const place at = find_axis(c, path);
    if (at.axis >= 0 || (sweep->tech != NULL && strcmp(path, "tech_file") == 0)) {
        char other[32] = "the key tech";
        if (at.axis >= 0) {
            snprintf(other, sizeof other, "axes.[%d]", at.axis);
        }
        sj_config_error(c, SJ_CFG_RANGE, "set", "\"set\" has \"%s\", and %s sets %s too; only one of them can have an effect", set, other, path);
    }
    for (int j = 0; j < i; j++) {
        if (path_of_set(sweep->sets[j], earlier) && strcmp(path, earlier) == 0) {
            sj_config_error(c, SJ_CFG_RANGE, "set", "\"set\" has \"%s\" and \"%s\"; only one of them can have an effect", sweep->sets[j], set);
            break;
        }
    }
}

void sj_sweep_check_axes(sj_config *c, const sj_sweep_config *sweep, const char *const machines[]) {
    const place accel = find_axis(c, "accel"), machine = find_axis(c, "machine"), batch = find_axis(c, "batch");
    if (accel.axis >= 0 && !check_listed(c, accel, check_accel, NULL)) {
        refuse_numbers(c, accel, "accel");
    }
    if (machine.axis >= 0 && !check_listed(c, machine, check_machine, machines)) {
        refuse_numbers(c, machine, "machine");
    }
    if (batch.axis >= 0 && !check_listed(c, batch, check_batch, NULL)) {
        check_batch_rule(c, batch, &sweep->space);
    }
    refuse_both(c, "accel", "accel");
    refuse_both(c, "machine", "machine");
    refuse_both(c, "batch", "batch");
    refuse_both(c, "tech", "tech_file");
    for (int i = 0; i < sweep->set_count; i++) {
        check_set(c, sweep, i);
    }
}
