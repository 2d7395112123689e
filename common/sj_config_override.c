// SPDX-License-Identifier: Apache-2.0
// --set PATH=VALUE.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_config_internal.h"

static bool is_bare_word(const char *text) {
    const size_t length = strlen(text);
    return length > 0 && strcspn(text, "\"\\{}()[];=,\n") == length;
}

// The value as the only setting "value" of a configuration of its own.
static sj_status parse_value(const char *assignment, const char *value, sj_config **out, sj_error *err) {
    char name[512];
    snprintf(name, sizeof name, "--set %s", assignment);
    const size_t size = strlen(value) + 16;
    char *text = malloc(size);
    if (text == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory", name);
    }
    snprintf(text, size, "value = %s;", value);
    sj_status status = sj_config_parse(text, name, out, err);
    const bool too_large = status != SJ_OK && strstr(err->message, "does not fit") != NULL;
    if (status != SJ_OK && !too_large && is_bare_word(value)) {
        snprintf(text, size, "value = \"%s\";", value);
        status = sj_config_parse(text, name, out, err);
    }
    free(text);
    SJ_TRY(status);
    if ((*out)->problem_count > 0) {
        status = sj_config_fail(*out, err);
        sj_config_close(*out);
        *out = NULL;
        return status;
    }
    if (config_setting_length(config_root_setting(&(*out)->tree)) != 1) {
        sj_config_close(*out);
        *out = NULL;
        return SJ_FAIL(err, SJ_ERR_CONFIG, "%s: more than one value", name);
    }
    return SJ_OK;
}

static bool copy_scalar(config_setting_t *to, const config_setting_t *from) {
    switch (config_setting_type(from)) {
        case CONFIG_TYPE_INT: return config_setting_set_int(to, config_setting_get_int(from)) == CONFIG_TRUE;
        case CONFIG_TYPE_INT64: return config_setting_set_int64(to, config_setting_get_int64(from)) == CONFIG_TRUE;
        case CONFIG_TYPE_FLOAT: return config_setting_set_float(to, config_setting_get_float(from)) == CONFIG_TRUE;
        case CONFIG_TYPE_BOOL: return config_setting_set_bool(to, config_setting_get_bool(from)) == CONFIG_TRUE;
        case CONFIG_TYPE_STRING: return config_setting_set_string(to, config_setting_get_string(from)) == CONFIG_TRUE;
        default: return false;
    }
}

static bool copy_into(config_setting_t *parent, const char *name, const config_setting_t *from) {
    config_setting_t *to = config_setting_add(parent, name, config_setting_type(from));
    if (to == NULL) {
        return false;
    }
    config_setting_set_format(to, config_setting_get_format(from));
    if (!config_setting_is_aggregate(from)) {
        return copy_scalar(to, from);
    }
    const int length = config_setting_length(from);
    for (int i = 0; i < length; i++) {
        const config_setting_t *element = config_setting_get_elem(from, (unsigned)i);
        if (!copy_into(to, config_setting_name(element), element)) {
            return false;
        }
    }
    return true;
}

// The group that holds the path's last step; missing groups are made.
static config_setting_t *parent_of(sj_config *c, const char *path) {
    config_setting_t *parent = config_root_setting(&c->tree);
    char outer[SJ_CONFIG_PATH_MAX];
    for (const char *dot = strchr(path, '.'); dot != NULL && parent != NULL; dot = strchr(dot + 1, '.')) {
        const size_t length = (size_t)(dot - path);
        memcpy(outer, path, length);
        outer[length] = '\0';
        config_setting_t *next = sj_config_lookup(c, outer);
        const char *step = strrchr(outer, '.') != NULL ? strrchr(outer, '.') + 1 : outer;
        parent = next != NULL ? next : config_setting_is_group(parent) ? config_setting_add(parent, step, CONFIG_TYPE_GROUP) : NULL;
    }
    return parent;
}

static sj_status apply(sj_config *c, const char *path, const char *assignment, const config_setting_t *value, sj_error *err) {
    config_setting_t *old = sj_config_lookup(c, path);
    if (old != NULL && config_setting_type(old) == config_setting_type(value) && copy_scalar(old, value)) {
        return SJ_OK;
    }
    config_setting_t *parent = parent_of(c, path);
    const char *leaf = strrchr(path, '.') != NULL ? strrchr(path, '.') + 1 : path;
    if (parent == NULL || !config_setting_is_group(parent)) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "--set %s: \"%s\" is not a key of a group, nor an element of the value's type", assignment, path);
    }
    if (old != NULL) {
        config_setting_remove(parent, leaf);
    }
    if (!copy_into(parent, leaf, value)) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "--set %s: \"%s\" is not a valid key", assignment, path);
    }
    return SJ_OK;
}

static sj_status keep(sj_config *c, const char *path, const char *assignment, sj_error *err) {
    sj_config_override_entry *larger = realloc(c->overrides, ((size_t)c->override_count + 1) * sizeof *larger);
    if (larger == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "--set %s: no memory", assignment);
    }
    c->overrides = larger;
    sj_config_override_entry entry = {strdup(path), strdup(assignment)};
    if (entry.path == NULL || entry.assignment == NULL) {
        free(entry.path);
        free(entry.assignment);
        return SJ_FAIL(err, SJ_ERR_MEMORY, "--set %s: no memory", assignment);
    }
    c->overrides[c->override_count++] = entry;
    return SJ_OK;
}

sj_status sj_config_override(sj_config *c, const char *assignment, sj_error *err) {
    const char *equals = strchr(assignment, '=');
    const size_t length = equals != NULL ? (size_t)(equals - assignment) : 0;
    if (length == 0 || equals[1] == '\0' || length >= SJ_CONFIG_PATH_MAX) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "--set %s: it must be PATH=VALUE, for example array.rows=8", assignment);
    }
    char path[SJ_CONFIG_PATH_MAX];
    memcpy(path, assignment, length);
    path[length] = '\0';
    sj_config *value;
    SJ_TRY(parse_value(assignment, equals + 1, &value, err));
    const sj_status status = apply(c, path, assignment, sj_config_lookup(value, "value"), err);
    sj_config_close(value);
    SJ_TRY(status);
    return keep(c, path, assignment, err);
}
