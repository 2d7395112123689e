// SPDX-License-Identifier: Apache-2.0
// Hash of the headers through which a program and the library of an array speak: a program must not load what was compiled from others. The program's own is taken when it is
// built, by headers_main.c.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "sj_rtl_cache.h"

#define NAMES_MAX 64
#define NAME_MAX_LENGTH 127

typedef struct header_list {
    char names[NAMES_MAX][NAME_MAX_LENGTH + 1];
    int count;
} header_list;

static const char *const folders[] = {"rtl/glue", "sim/systemc", "sim/lower", "sim/accel", "common"};
#define FOLDERS (sizeof folders / sizeof *folders)

sj_status sj_rtl_path(char path[SJ_RTL_PATH_MAX], sj_error *err, const char *format, ...) {
    va_list list;
    va_start(list, format);
    const int length = vsnprintf(path, SJ_RTL_PATH_MAX, format, list);
    va_end(list);
    if (length < 0 || length >= SJ_RTL_PATH_MAX) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%.200s...: this path has %d characters; at most %d are allowed", path, length, SJ_RTL_PATH_MAX - 1);
    }
    return SJ_OK;
}

uint64_t sj_rtl_hash(uint64_t h, const void *data, size_t bytes) {
    const unsigned char *at = data;
    for (size_t i = 0; i < bytes; i++) {
        h = (h ^ at[i]) * 0x100000001b3u;
    }
    return h;
}

static sj_status add_name(header_list *list, const char *name, sj_error *err) {
    for (int i = 0; i < list->count; i++) {
        if (strcmp(list->names[i], name) == 0) {
            return SJ_OK;
        }
    }
    if (list->count == NAMES_MAX) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s: more than %d headers go into an array", name, NAMES_MAX);
    }
    snprintf(list->names[list->count++], NAME_MAX_LENGTH + 1, "%s", name);
    return SJ_OK;
}

static sj_status find_header(const char *share, const char *name, char path[SJ_RTL_PATH_MAX], sj_error *err) {
    for (size_t i = 0; i < FOLDERS; i++) {
        SJ_TRY(sj_rtl_path(path, err, "%s/%s/%s", share, folders[i], name));
        if (sj_path_exists(path)) {
            return SJ_OK;
        }
    }
    return SJ_FAIL(err, SJ_ERR_IO, "%s: the header %s, from which an array is made, is in none of its folders", share, name);
}

// Adds what the text includes in quotes: headers of ours.
static sj_status add_included(const char *text, header_list *list, sj_error *err) {
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        char name[NAME_MAX_LENGTH + 1];
        line += *line == '\n';
        if (sscanf(line, "#include \"%127[^\"\n]\"", name) == 1) {
            SJ_TRY(add_name(list, name, err));
        }
    }
    return SJ_OK;
}

sj_status sj_rtl_hash_headers(const char *share, char hash[17], sj_error *err) {
    header_list list = {.names = {"sj_array.hpp", "sj_rtl.hpp"}, .count = 2};
    uint64_t h = SJ_RTL_HASH_START;
    for (int i = 0; i < list.count; i++) {
        char path[SJ_RTL_PATH_MAX], *text = NULL;
        size_t bytes = 0;
        SJ_TRY(find_header(share, list.names[i], path, err));
        SJ_TRY(sj_read_file(path, &text, &bytes, err));
        h = sj_rtl_hash(h, list.names[i], strlen(list.names[i]) + 1);
        h = sj_rtl_hash(h, text, bytes);
        const sj_status status = add_included(text, &list, err);
        free(text);
        SJ_TRY(status);
    }
    snprintf(hash, 17, "%016llx", (unsigned long long)h);
    return SJ_OK;
}
