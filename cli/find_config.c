// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sj_cli.h"
#include "sj_config.h"

#define NAMES_MAX 64

static bool is_file(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && !S_ISDIR(info.st_mode);
}

// The share folders in the order in which they are looked through.
static int share_folders(const char *folders[3]) {
    int count = 0;
    const char *own = getenv("SJ_SHARE");
    if (own != NULL && *own != '\0') {
        folders[count++] = own;
    }
    folders[count++] = SJ_SOURCE_DIR;
    folders[count++] = SJ_SHARE_DIR;
    return count;
}

static int kind_folder(char *out, size_t size, const char *share, const char *kind) {
    return snprintf(out, size, "%s/%s%s", share, strcmp(kind, "models") == 0 ? "" : "configs/", kind);
}

static int compare_names(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

// Names of the .cfg files of a folder, added to those found before.
static int list_names(const char *folder, char *names[NAMES_MAX], int count) {
    DIR *dir = opendir(folder);
    for (const struct dirent *entry; dir != NULL && count < NAMES_MAX && (entry = readdir(dir)) != NULL;) {
        const size_t length = strlen(entry->d_name);
        if (length <= 4 || strcmp(entry->d_name + length - 4, ".cfg") != 0) {
            continue;
        }
        char *name = strndup(entry->d_name, length - 4);
        bool known = name == NULL;
        for (int i = 0; i < count && !known; i++) {
            known = strcmp(names[i], name) == 0;
        }
        if (known) {
            free(name);
        } else {
            names[count++] = name;
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

static sj_status not_found(const char *kind, const char *name, sj_error *err) {
    char *names[NAMES_MAX], folder[4096], list[1024] = "";
    const char *shares[3];
    int count = 0;
    const int share_count = share_folders(shares);
    for (int i = 0; i < share_count; i++) {
        if (kind_folder(folder, sizeof folder, shares[i], kind) < (int)sizeof folder) {
            count = list_names(folder, names, count);
        }
    }
    qsort(names, (size_t)count, sizeof *names, compare_names);
    for (int i = 0; i < count; i++) {
        strncat(list, i > 0 ? ", " : "", sizeof list - strlen(list) - 1);
        strncat(list, names[i], sizeof list - strlen(list) - 1);
    }
    struct stat info;
    const char *what = stat(name, &info) == 0 && S_ISDIR(info.st_mode) ? "a folder, not a file" : "no such file";
    const char *nearest = sj_nearest_name(name, (const char *const *)names, count);
    if (nearest != NULL) {
        SJ_FAIL(err, SJ_ERR_IO, "%s: %s, nor a shipped name (%s: %s); did you mean %s?", name, what, kind, list, nearest);
    } else {
        SJ_FAIL(err, SJ_ERR_IO, "%s: %s, nor a shipped name (%s: %s)", name, what, kind, count > 0 ? list : "none");
    }
    for (int i = 0; i < count; i++) {
        free(names[i]);
    }
    return err->status;
}

sj_status sj_cli_find_config(const char *kind, const char *name, char **path, sj_error *err) {
    *path = NULL;
    char candidate[4096];
    const char *found = is_file(name) ? name : NULL, *shares[3];
    const int share_count = share_folders(shares);
    for (int i = 0; i < share_count && found == NULL && strchr(name, '/') == NULL; i++) {
        const int used = kind_folder(candidate, sizeof candidate, shares[i], kind);
        const size_t left = used < (int)sizeof candidate ? sizeof candidate - (size_t)used : 0;
        if (left > 0 && snprintf(candidate + used, left, "/%s.cfg", name) < (int)left && is_file(candidate)) {
            found = candidate;
        }
    }
    if (found == NULL) {
        return not_found(kind, name, err);
    }
    *path = strdup(found);
    return *path != NULL ? SJ_OK : SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for its path", name);
}
