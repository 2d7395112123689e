// SPDX-License-Identifier: Apache-2.0
// Typed getters over config_setting_t: libconfig's own lookups return success and 0 for a 64-bit value, and fail silently for 3 read as a float.
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_config_internal.h"

const char *sj_config_type_name(const config_setting_t *setting) {
    switch (config_setting_type(setting)) {
        case CONFIG_TYPE_GROUP: return "a group";
        case CONFIG_TYPE_INT:
        case CONFIG_TYPE_INT64: return "an integer";
        case CONFIG_TYPE_FLOAT: return "a float";
        case CONFIG_TYPE_STRING: return "a string";
        case CONFIG_TYPE_BOOL: return "a boolean";
        case CONFIG_TYPE_ARRAY: return "an array";
        case CONFIG_TYPE_LIST: return "a list";
        default: return "nothing";
    }
}

static void wrong_type(sj_config *c, const config_setting_t *setting, const char *path, const char *wanted) {
    sj_config_error(c, SJ_CFG_TYPE, path, "\"%s\" is %s; it must be %s", path, sj_config_type_name(setting), wanted);
}

// A missing key; where the whole group around it is missing, the group, once.
static void missing(sj_config *c, const char *path) {
    char outer[SJ_CONFIG_PATH_MAX];
    const char *dot = path;
    while ((dot = strchr(dot, '.')) != NULL) {
        const size_t length = (size_t)(dot - path);
        if (length >= sizeof outer) {
            break;
        }
        memcpy(outer, path, length);
        outer[length] = '\0';
        const config_setting_t *group = sj_config_lookup(c, outer);
        if (group != NULL && !config_setting_is_aggregate(group)) {
            return;  // is, or will be, reported as of the wrong type or unknown
        }
        if (group == NULL) {
            char sentence[SJ_CONFIG_PATH_MAX + 32];
            snprintf(sentence, sizeof sentence, "missing group \"%s\"", outer);
            for (int i = 0; i < c->problem_count; i++) {
                const char *told = strstr(c->problems[i].message, sentence);
                if (told != NULL && told[strlen(sentence)] == '\0') {
                    return;
                }
            }
            sj_config_error(c, SJ_CFG_MISSING, path, "%s", sentence);
            return;
        }
        dot++;
    }
    sj_config_error(c, SJ_CFG_MISSING, path, "missing key \"%s\"", path);
}

// Finds the setting. NULL, with a problem if it is required, when it is absent.
static config_setting_t *want(sj_config *c, const char *path, sj_need need) {
    config_setting_t *setting = sj_config_ask(c, path);
    if (setting == NULL && need == SJ_REQUIRED) {
        missing(c, path);
    }
    return setting;
}

static bool has_type(sj_config *c, config_setting_t *setting, const char *path, bool right, const char *wanted) {
    if (!right) {
        wrong_type(c, setting, path, wanted);
        sj_config_mark(setting);
    }
    return right;
}

bool sj_config_has(const sj_config *c, const char *path) { return sj_config_lookup(c, path) != NULL; }

static bool is_integer(const config_setting_t *setting) {
    return config_setting_type(setting) == CONFIG_TYPE_INT || config_setting_type(setting) == CONFIG_TYPE_INT64;
}

static int64_t integer_of(const config_setting_t *setting) {
    return config_setting_type(setting) == CONFIG_TYPE_INT ? config_setting_get_int(setting) : (int64_t)config_setting_get_int64(setting);
}

int64_t sj_config_int(sj_config *c, const char *path, sj_need need, int64_t fallback, int64_t min, int64_t max) {
    config_setting_t *setting = want(c, path, need);
    const int64_t dummy = need == SJ_OPTIONAL ? fallback : min;
    if (setting == NULL || !has_type(c, setting, path, is_integer(setting), "an integer")) {
        return dummy;
    }
    const int64_t value = integer_of(setting);
    if (value >= min && value <= max) {
        return value;
    }
    if (min == max) {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" is %" PRId64 "; only %" PRId64 " is supported", path, value, min);
    } else if (max == INT64_MAX) {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" is %" PRId64 "; it must be at least %" PRId64, path, value, min);
    } else if (min == INT64_MIN) {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" is %" PRId64 "; it must be at most %" PRId64, path, value, max);
    } else {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" is %" PRId64 "; it must be between %" PRId64 " and %" PRId64, path, value, min, max);
    }
    return dummy;
}

double sj_config_float(sj_config *c, const char *path, sj_need need, double fallback, double min, double max) {
    config_setting_t *setting = want(c, path, need);
    const double dummy = need == SJ_OPTIONAL ? fallback : min;
    if (setting == NULL) {
        return dummy;
    }
    const bool integer = is_integer(setting);
    if (!has_type(c, setting, path, integer || config_setting_type(setting) == CONFIG_TYPE_FLOAT, "a number")) {
        return dummy;
    }
    const double value = integer ? (double)integer_of(setting) : config_setting_get_float(setting);
    if (isfinite(value) && value >= min && value <= max) {
        return value;
    }
    const bool bounded_below = min > -1e300, bounded_above = max < 1e300;
    if (bounded_below && bounded_above) {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" is %.15g; it must be between %.15g and %.15g", path, value, min, max);
    } else if (bounded_below) {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" is %.15g; it must be a finite number of at least %.15g", path, value, min);
    } else if (bounded_above) {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" is %.15g; it must be a finite number of at most %.15g", path, value, max);
    } else {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" is %.15g; it must be a finite number", path, value);
    }
    return dummy;
}

bool sj_config_bool(sj_config *c, const char *path, sj_need need, bool fallback) {
    config_setting_t *setting = want(c, path, need);
    if (setting == NULL || !has_type(c, setting, path, config_setting_type(setting) == CONFIG_TYPE_BOOL, "true or false")) {
        return need == SJ_OPTIONAL && fallback;
    }
    return config_setting_get_bool(setting) == CONFIG_TRUE;
}

static const char *get_string(sj_config *c, const char *path, sj_need need, const char *dummy, bool *found) {
    config_setting_t *setting = want(c, path, need);
    *found = setting != NULL && has_type(c, setting, path, config_setting_type(setting) == CONFIG_TYPE_STRING, "a string");
    return *found ? config_setting_get_string(setting) : dummy;
}

const char *sj_config_string(sj_config *c, const char *path, sj_need need, const char *fallback) {
    bool found;
    return get_string(c, path, need, need == SJ_OPTIONAL ? fallback : "", &found);
}

int sj_config_enum(sj_config *c, const char *path, sj_need need, int fallback, const char *const names[]) {
    const int dummy = need == SJ_OPTIONAL ? fallback : 0;
    bool found;
    const char *value = get_string(c, path, need, "", &found);
    char allowed[512] = "";
    size_t used = 0;
    int count = 0;
    for (; found && names[count] != NULL; count++) {
        if (strcmp(value, names[count]) == 0) {
            return count;
        }
        const int length = used < sizeof allowed ? snprintf(allowed + used, sizeof allowed - used, "%s\"%s\"", count > 0 ? ", " : "", names[count]) : 0;
        used += (size_t)length;
    }
    if (found) {
        const char *nearest = count > 1 ? sj_nearest_name(value, names, count) : NULL;
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" is \"%s\"; %s %s%s%s%s", path, value, count > 1 ? "allowed are" : "the only one allowed is", allowed, nearest != NULL ? "; did you mean \"" : "",
                        nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
    }
    return dummy;
}

int sj_config_length(sj_config *c, const char *path, sj_need need) {
    config_setting_t *setting = *path == '\0' ? config_root_setting(&c->tree) : want(c, path, need);
    if (setting == NULL || !has_type(c, setting, path, config_setting_is_aggregate(setting), "a list, an array or a group")) {
        return 0;
    }
    return config_setting_length(setting);
}

int sj_config_list(sj_config *c, const char *path, sj_need need) {
    config_setting_t *setting = want(c, path, need);
    if (setting == NULL) {
        return 0;
    }
    const int type = config_setting_type(setting);
    return has_type(c, setting, path, type == CONFIG_TYPE_LIST || type == CONFIG_TYPE_ARRAY, "a list") ? config_setting_length(setting) : -1;
}

bool sj_config_group(sj_config *c, const char *path) {
    config_setting_t *setting = sj_config_ask(c, path);
    return setting != NULL && has_type(c, setting, path, config_setting_is_group(setting), "a group");
}

sj_config_value sj_config_peek(const sj_config *c, const char *path) {
    const config_setting_t *setting = sj_config_lookup(c, path);
    if (setting == NULL) {
        return (sj_config_value){.type = SJ_PEEK_NOTHING};
    }
    if (is_integer(setting)) {
        return (sj_config_value){.type = SJ_PEEK_NUMBER, .number = (double)integer_of(setting)};
    }
    switch (config_setting_type(setting)) {
        case CONFIG_TYPE_FLOAT: return (sj_config_value){.type = SJ_PEEK_NUMBER, .number = config_setting_get_float(setting)};
        case CONFIG_TYPE_STRING: return (sj_config_value){.type = SJ_PEEK_TEXT, .text = config_setting_get_string(setting)};
        case CONFIG_TYPE_BOOL: return (sj_config_value){.type = SJ_PEEK_BOOL, .truth = config_setting_get_bool(setting) == CONFIG_TRUE};
        default: return (sj_config_value){.type = SJ_PEEK_AGGREGATE};
    }
}

bool sj_config_is_known(const sj_config *c, const char *path) {
    for (int i = 0; i < c->asked_count; i++) {
        if (strcmp(c->asked[i], path) == 0) {
            return true;
        }
    }
    return false;
}

const char *sj_config_nearest_known(const sj_config *c, const char *path) { return sj_nearest_name(path, (const char *const *)c->asked, c->asked_count); }

sj_config_scalar sj_config_scalar_at(sj_config *c, const char *path) {
    config_setting_t *setting = sj_config_ask(c, path);
    if (setting == NULL || !has_type(c, setting, path, !config_setting_is_aggregate(setting), "a number, a string, true or false")) {
        return SJ_CONFIG_NONE;
    }
    switch (config_setting_type(setting)) {
        case CONFIG_TYPE_FLOAT: return SJ_CONFIG_FLOAT;
        case CONFIG_TYPE_BOOL: return SJ_CONFIG_BOOL;
        case CONFIG_TYPE_STRING: return SJ_CONFIG_STRING;
        default: return SJ_CONFIG_INT;
    }
}

void sj_config_accept(sj_config *c, const char *path) {
    config_setting_t *setting = sj_config_ask(c, path);
    if (setting != NULL) {
        sj_config_mark(setting);
    }
}

void sj_config_no_memory(sj_config *c) { c->out_of_memory = true; }

const char *sj_config_child_name(const sj_config *c, const char *path, int i) {
    const config_setting_t *setting = sj_config_lookup(c, path);
    if (setting == NULL || i < 0 || !config_setting_is_aggregate(setting)) {
        return NULL;
    }
    const config_setting_t *element = config_setting_get_elem(setting, (unsigned)i);
    if (element == NULL) {
        return NULL;
    }
    const char *name = config_setting_name(element);
    return name != NULL ? name : "";
}
