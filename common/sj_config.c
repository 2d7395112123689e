// SPDX-License-Identifier: Apache-2.0
// Opening, looking up, and reporting; the typed getters are in sj_config_get.c.
#include "sj_config_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"

static char asked_mark;  // its address is the hook of a setting that was asked for

sj_status sj_config_parse(const char *text, const char *name, sj_config **out, sj_error *err) {
    *out = NULL;
    sj_config *c = calloc(1, sizeof *c);
    if (c == NULL || (c->path = strdup(name)) == NULL) {
        free(c);
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory to read it", name);
    }
    config_init(&c->tree);
    int widened;
    char *wide = sj_config_scan(c, text, &widened);
    c->out_of_memory = c->out_of_memory || wide == NULL;
    bool failed = wide == NULL || c->problem_count > widened;
    const bool includes = failed && strstr(text, "@include") != NULL;  // libconfig would open other files
    if (!includes && wide != NULL && config_read_string(&c->tree, wide) != CONFIG_TRUE) {
        failed = true;
        // An L can also break an array of other integers: then the original tells whether there is another error.
        if (widened == 0 || config_read_string(&c->tree, text) != CONFIG_TRUE) {
            sj_config_syntax(c, config_error_line(&c->tree), "%s", config_error_text(&c->tree));
        }
    }
    free(wide);
    if (failed || c->out_of_memory) {
        const sj_status status = sj_config_fail(c, err);
        sj_config_close(c);
        return status;
    }
    *out = c;
    return SJ_OK;
}

sj_status sj_config_open(const char *path, sj_config **out, sj_error *err) {
    *out = NULL;
    char *text;
    size_t bytes;
    SJ_TRY(sj_read_file(path, &text, &bytes, err));
    const sj_status status = memchr(text, '\0', bytes) != NULL ? SJ_FAIL(err, SJ_ERR_CONFIG, "%s: not a configuration file: it holds a zero byte", path)
                                                               : sj_config_parse(text, path, out, err);
    free(text);
    return status;
}

void sj_config_close(sj_config *c) {
    if (c == NULL) {
        return;
    }
    config_destroy(&c->tree);
    for (int i = 0; i < c->problem_count; i++) {
        free(c->problems[i].message);
    }
    for (int i = 0; i < c->asked_count; i++) {
        free(c->asked[i]);
    }
    for (int i = 0; i < c->override_count; i++) {
        free(c->overrides[i].path);
        free(c->overrides[i].assignment);
    }
    free(c->problems);
    free(c->asked);
    free(c->overrides);
    free(c->path);
    free(c);
}

const char *sj_config_path(const sj_config *c) { return c->path; }

// One step of a path: a member's name, or "[3]". NULL when there is no such child.
static config_setting_t *child(config_setting_t *parent, const char *step, size_t length) {
    char name[SJ_CONFIG_PATH_MAX];
    if (length == 0 || length >= sizeof name || !config_setting_is_aggregate(parent)) {
        return NULL;
    }
    memcpy(name, step, length);
    name[length] = '\0';
    if (name[0] != '[') {
        return config_setting_is_group(parent) ? config_setting_get_member(parent, name) : NULL;
    }
    char *end;
    const unsigned long index = strtoul(name + 1, &end, 10);
    return end != name + 1 && strcmp(end, "]") == 0 && index < 0x7fffffffUL ? config_setting_get_elem(parent, (unsigned)index) : NULL;
}

config_setting_t *sj_config_lookup(const sj_config *c, const char *path) {
    config_setting_t *setting = config_root_setting(&c->tree);
    while (setting != NULL && *path != '\0') {
        const size_t length = strcspn(path, ".");
        setting = child(setting, path, length);
        path += length;
        path += *path == '.';
    }
    return setting;
}

static void remember(sj_config *c, const char *path) {
    if (c->asked_count == c->asked_capacity) {
        const int capacity = c->asked_capacity == 0 ? 64 : 2 * c->asked_capacity;
        char **larger = realloc(c->asked, (size_t)capacity * sizeof *larger);
        if (larger == NULL) {
            c->out_of_memory = true;
            return;
        }
        c->asked = larger;
        c->asked_capacity = capacity;
    }
    char *copy = strdup(path);
    if (copy == NULL) {
        c->out_of_memory = true;
        return;
    }
    c->asked[c->asked_count++] = copy;
}

config_setting_t *sj_config_ask(sj_config *c, const char *path) {
    remember(c, path);
    config_setting_t *found = sj_config_lookup(c, path);
    for (config_setting_t *s = found; s != NULL && !config_setting_is_root(s); s = config_setting_parent(s)) {
        config_setting_set_hook(s, &asked_mark);
    }
    return found;
}

void sj_config_mark(config_setting_t *setting) {
    config_setting_set_hook(setting, &asked_mark);
    const int length = config_setting_is_aggregate(setting) ? config_setting_length(setting) : 0;
    for (int i = 0; i < length; i++) {
        sj_config_mark(config_setting_get_elem(setting, (unsigned)i));
    }
}

void sj_config_setting_path(const config_setting_t *setting, char path[SJ_CONFIG_PATH_MAX]) {
    if (config_setting_is_root(setting)) {
        path[0] = '\0';
        return;
    }
    char parent[SJ_CONFIG_PATH_MAX];
    sj_config_setting_path(config_setting_parent(setting), parent);
    const char *dot = parent[0] != '\0' ? "." : "", *name = config_setting_name(setting);
    int length;
    if (name != NULL) {
        length = snprintf(path, SJ_CONFIG_PATH_MAX, "%s%s%s", parent, dot, name);
    } else {
        length = snprintf(path, SJ_CONFIG_PATH_MAX, "%s%s[%d]", parent, dot, config_setting_index(setting));
    }
    if (length >= SJ_CONFIG_PATH_MAX) {
        memcpy(path + SJ_CONFIG_PATH_MAX - 4, "...", 4);
    }
}
