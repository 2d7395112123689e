// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "sj_rtl_cache.h"

#define FILES_MAX 128

// Folders whose files of these endings go into an array. Those of all but rtl are headers, which sj_array.hpp includes.
static const struct {
    const char *folder, *ending;
} parts[] = {{"rtl", ".sv"}, {"rtl", ".f"}, {"rtl/glue", ".hpp"}, {"rtl/glue", "sj_rtl_library.cpp"}, {"sim/systemc", "sj_array.hpp"}, {"sim/lower", ".h"}, {"sim/accel", ".h"}, {"common", ".h"}};
#define PARTS (sizeof parts / sizeof *parts)

static bool ends_with(const char *name, const char *ending) {
    const size_t length = strlen(name), tail = strlen(ending);
    return length >= tail && strcmp(name + length - tail, ending) == 0;
}

static int compare_names(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static int list_files(const char *folder, const char *ending, char *names[FILES_MAX]) {
    int count = 0;
    DIR *dir = opendir(folder);
    for (const struct dirent *entry; dir != NULL && count < FILES_MAX && (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] != '.' && ends_with(entry->d_name, ending)) {
            names[count] = strdup(entry->d_name);
            count += names[count] != NULL;
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    qsort(names, (size_t)count, sizeof *names, compare_names);
    return count;
}

static uint64_t hash_text(uint64_t h, const char *text, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        h = (h ^ (unsigned char)text[i]) * 0x100000001b3u;
    }
    return h;
}

// Adds the names and contents of a part's files.
static sj_status hash_part(const char *share, size_t part, uint64_t *hash, sj_error *err) {
    char folder[SJ_RTL_PATH_MAX], path[SJ_RTL_PATH_MAX], *names[FILES_MAX];
    sj_rtl_path(folder, "%s/%s", share, parts[part].folder);
    const int count = list_files(folder, parts[part].ending, names);
    sj_status status = SJ_OK;
    for (int i = 0; i < count; i++) {
        char *text = NULL;
        size_t bytes = 0;
        sj_rtl_path(path, "%s/%s", folder, names[i]);
        if (status == SJ_OK) {
            status = sj_read_file(path, &text, &bytes, err);
        }
        if (status == SJ_OK) {
            *hash = hash_text(*hash, names[i], strlen(names[i]) + 1);
            *hash = hash_text(*hash, text, bytes);
        }
        free(text);
        free(names[i]);
    }
    if (status == SJ_OK && count == 0) {
        status = SJ_FAIL(err, SJ_ERR_IO, "%s: no %s files, from which an array is made", folder, parts[part].ending);
    }
    return status;
}

static bool holds_rtl(const char *share) {
    char path[SJ_RTL_PATH_MAX];
    return snprintf(path, sizeof path, "%s/rtl/sj_row.sv", share) < (int)sizeof path && sj_path_exists(path);
}

sj_status sj_rtl_sources(char share[SJ_RTL_PATH_MAX], char hash[17], sj_error *err) {
    const char *own = getenv("SJ_SHARE");
    const char *places[] = {own != NULL && *own != '\0' ? own : SJ_SOURCE_DIR, SJ_SOURCE_DIR, SJ_SHARE_DIR};
    const char *found = NULL;
    for (size_t i = 0; i < 3 && found == NULL; i++) {
        found = holds_rtl(places[i]) ? places[i] : NULL;
    }
    if (found == NULL) {
        return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "the RTL sources (rtl/sj_row.sv) are in none of %s (SJ_SHARE), %s, %s", own != NULL ? own : "", SJ_SOURCE_DIR, SJ_SHARE_DIR);
    }
    sj_rtl_path(share, "%s", found);
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < PARTS; i++) {
        SJ_TRY(hash_part(share, i, &h, err));
    }
    snprintf(hash, 17, "%016llx", (unsigned long long)h);
    return SJ_OK;
}
