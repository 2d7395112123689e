// SPDX-License-Identifier: Apache-2.0
// The list of axes, ids and names; one axis is read in space_axis.c.
#include "space_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *sj_space_path(char path[SJ_SPACE_PATH_MAX], const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(path, SJ_SPACE_PATH_MAX, format, args);
    va_end(args);
    return path;
}

static const char *name_of(const sj_axis *a, int i) { return i < 0 ? a->name : a->paths[i]; }

// The first path or name that both have: a name must mean one axis in messages and constraints, and a path be set once.
static const char *shared_name(const sj_axis *a, const sj_axis *b) {
    for (int i = -1; i < a->path_count; i++) {
        for (int j = -1; j < b->path_count; j++) {
            if (strcmp(name_of(a, i), name_of(b, j)) == 0) {
                return name_of(a, i);
            }
        }
    }
    return NULL;
}

static void refuse_shared_names(sj_config *c, const sj_space *s, const int element[SJ_AXES_MAX]) {
    for (int i = 1; i < s->axis_count; i++) {
        for (int j = 0; j < i; j++) {
            const char *shared = shared_name(&s->axes[i], &s->axes[j]);
            if (shared != NULL) {
                char path[SJ_SPACE_PATH_MAX];
                sj_space_path(path, "axes.[%d]", element[i]);
                sj_config_error(c, SJ_CFG_RANGE, path, "\"axes.[%d]\" and \"axes.[%d]\" both have \"%s\"; one axis may set a path, and have a name", element[j], element[i], shared);
                break;
            }
        }
    }
}

static void set_size(sj_config *c, sj_space *s) {
    s->size = s->axis_count > 0;
    for (int i = 0; i < s->axis_count; i++) {
        uint64_t larger;
        if (__builtin_mul_overflow(s->size, (uint64_t)s->axes[i].value_count, &larger) || larger > (uint64_t)INT64_MAX) {
            sj_config_error(c, SJ_CFG_RANGE, "axes", "\"axes\" make a space of 2^63 points or more; fewer axes or values are needed");
            s->size = 0;
            return;
        }
        s->size = larger;
    }
}

void sj_space_read(sj_config *c, sj_space *out) {
    *out = (sj_space){.axis_count = 0};
    const int count = sj_config_list(c, "axes", SJ_REQUIRED);
    if (count == 0 && sj_config_has(c, "axes")) {
        sj_config_error(c, SJ_CFG_RANGE, "axes", "\"axes\" is empty; at least one axis is needed");
    }
    if (count > SJ_AXES_MAX) {
        sj_config_error(c, SJ_CFG_RANGE, "axes", "\"axes\" has %d axes; at most %d are allowed", count, SJ_AXES_MAX);
    }
    int element[SJ_AXES_MAX];
    for (int i = 0; i < count; i++) {
        sj_axis axis = {.name = NULL};
        if (!sj_axis_read(c, i, &axis) || out->axis_count == SJ_AXES_MAX) {
            sj_axis_free(&axis);  // those past the limit are read as well, for their own errors
            continue;
        }
        element[out->axis_count] = i;
        out->axes[out->axis_count++] = axis;
    }
    refuse_shared_names(c, out, element);
    set_size(c, out);
}

void sj_space_free(sj_space *s) {
    for (int i = 0; i < s->axis_count; i++) {
        sj_axis_free(&s->axes[i]);
    }
    *s = (sj_space){.axis_count = 0};
}

void sj_space_indexes(const sj_space *s, uint64_t id, int32_t index[SJ_AXES_MAX]) {
    for (int i = s->axis_count - 1; i >= 0; i--) {
        const uint64_t values = (uint64_t)s->axes[i].value_count;
        index[i] = (int32_t)(id % values);
        id /= values;
    }
}

uint64_t sj_space_id(const sj_space *s, const int32_t index[SJ_AXES_MAX]) {
    uint64_t id = 0;
    for (int i = 0; i < s->axis_count; i++) {
        id = id * (uint64_t)s->axes[i].value_count + (uint64_t)index[i];
    }
    return id;
}

int sj_space_find(const sj_space *s, const char *name_or_path) {
    for (int i = 0; i < s->axis_count; i++) {
        for (int j = -1; j < s->axes[i].path_count; j++) {
            if (strcmp(name_of(&s->axes[i], j), name_or_path) == 0) {
                return i;
            }
        }
    }
    return -1;
}

void sj_space_describe(const sj_space *s, uint64_t id, char *text, size_t size) {
    int32_t index[SJ_AXES_MAX];
    sj_space_indexes(s, id, index);
    size_t used = 0;
    if (size > 0) {
        text[0] = '\0';
    }
    for (int i = 0; i < s->axis_count && used < size; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s%s=%s", i > 0 ? " " : "", s->axes[i].name, s->axes[i].labels[index[i]]);
    }
}
