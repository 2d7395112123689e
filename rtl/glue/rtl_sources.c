// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE  // readlink, strdup
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sj_file.h"
#include "sj_rtl_cache.h"
#include "sj_rtl_headers.h"

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

static sj_status list_files(const char *folder, const char *ending, char *names[FILES_MAX], int *count, sj_error *err) {
    sj_status status = SJ_OK;
    *count = 0;
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot be opened, and an array is made from its files: %s", folder, strerror(errno));
    }
    for (const struct dirent *entry; status == SJ_OK && (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.' || !ends_with(entry->d_name, ending)) {
            continue;
        }
        if (*count == FILES_MAX) {
            status = SJ_FAIL(err, SJ_ERR_RANGE, "%s: more than %d %s files; an array is made from at most that many", folder, FILES_MAX, ending);
        } else if ((names[*count] = strdup(entry->d_name)) == NULL) {
            status = SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for the names of its files", folder);
        } else {
            (*count)++;
        }
    }
    closedir(dir);
    if (status == SJ_OK && *count == 0) {
        status = SJ_FAIL(err, SJ_ERR_IO, "%s: no %s files, from which an array is made", folder, ending);
    }
    qsort(names, (size_t)*count, sizeof *names, compare_names);
    return status;
}

static sj_status hash_file(const char *folder, const char *name, uint64_t *hash, sj_error *err) {
    char path[SJ_RTL_PATH_MAX], *text = NULL;
    size_t bytes = 0;
    SJ_TRY(sj_rtl_path(path, err, "%s/%s", folder, name));
    SJ_TRY(sj_read_file(path, &text, &bytes, err));
    *hash = sj_rtl_hash(*hash, name, strlen(name) + 1);
    *hash = sj_rtl_hash(*hash, text, bytes);
    free(text);
    return SJ_OK;
}

// Adds the names and contents of a part's files.
static sj_status hash_part(const char *share, size_t part, uint64_t *hash, sj_error *err) {
    char folder[SJ_RTL_PATH_MAX], *names[FILES_MAX] = {NULL};
    int count;
    SJ_TRY(sj_rtl_path(folder, err, "%s/%s", share, parts[part].folder));
    sj_status status = list_files(folder, parts[part].ending, names, &count, err);
    for (int i = 0; i < count; i++) {
        if (status == SJ_OK) {
            status = hash_file(folder, names[i], hash, err);
        }
        free(names[i]);
    }
    return status;
}

static bool holds_rtl(const char *share) {
    char path[SJ_RTL_PATH_MAX];
    return snprintf(path, sizeof path, "%s/rtl/sj_row.sv", share) < (int)sizeof path && sj_path_exists(path);
}

// The share folder of the installation that the running program is part of, wherever that was moved to; empty where this cannot be known.
static void find_beside_program(char share[SJ_RTL_PATH_MAX]) {
    char program[SJ_RTL_PATH_MAX];
    sj_error ignored = {.status = SJ_OK};
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(program, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    if (slash == NULL || sj_rtl_path(share, &ignored, "%s/%s", program, SJ_SHARE_BESIDE) != SJ_OK) {
        share[0] = '\0';
    }
}

// $SJ_SHARE alone where it is set. An installed program takes what was installed with it; one in a build folder has no share folder beside it and takes the tree it was built from.
static sj_status find_share(char share[SJ_RTL_PATH_MAX], sj_error *err) {
    char beside[SJ_RTL_PATH_MAX];
    const char *own = getenv("SJ_SHARE");
    if (own != NULL && *own != '\0') {
        return holds_rtl(own) ? sj_rtl_path(share, err, "%s", own)
                              : SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "SJ_SHARE names %s, which does not hold the RTL sources (rtl/sj_row.sv); where it is set no other place is looked into", own);
    }
    find_beside_program(beside);
    const char *places[] = {beside, SJ_SOURCE_DIR, SJ_SHARE_DIR};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (*places[i] != '\0' && holds_rtl(places[i])) {
            return sj_rtl_path(share, err, "%s", places[i]);
        }
    }
    return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "the RTL sources (rtl/sj_row.sv) are in none of %s, %s, %s; SJ_SHARE names another folder", beside, SJ_SOURCE_DIR, SJ_SHARE_DIR);
}

sj_status sj_rtl_sources(char share[SJ_RTL_PATH_MAX], char hash[17], sj_error *err) {
    char headers[17];
    SJ_TRY(find_share(share, err));
    SJ_TRY(sj_rtl_hash_headers(share, headers, err));
    if (strcmp(headers, SJ_RTL_HEADERS_HASH) != 0) {
        return SJ_FAIL(err, SJ_ERR_UNSUPPORTED,
                       "the sources at %s are not those of this program: sim/systemc/sj_array.hpp, rtl/glue/sj_rtl.hpp or a header that they include differ (their hash is %s, the program's %s); "
                       "build the program again, or name its own sources with SJ_SHARE",
                       share, headers, SJ_RTL_HEADERS_HASH);
    }
    uint64_t h = sj_rtl_hash(SJ_RTL_HASH_START, SJ_RTL_RECIPE_HASH, sizeof SJ_RTL_RECIPE_HASH);
    for (size_t i = 0; i < PARTS; i++) {
        SJ_TRY(hash_part(share, i, &h, err));
    }
    snprintf(hash, 17, "%016llx", (unsigned long long)h);
    return SJ_OK;
}
