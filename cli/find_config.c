// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sj_cli.h"
#include "sj_config.h"

#define LIST_MAX 512

typedef struct names {
    char **all;
    int count;
} names;

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

static bool is_listed(const names *n, const char *name) {
    for (int i = 0; i < n->count; i++) {
        if (strcmp(n->all[i], name) == 0) {
            return true;
        }
    }
    return false;
}

// Takes over the name.
static bool add_name(names *n, char *name) {
    char **larger = name != NULL ? realloc(n->all, ((size_t)n->count + 1) * sizeof *larger) : NULL;
    if (larger == NULL) {
        free(name);
        return false;
    }
    n->all = larger;
    n->all[n->count++] = name;
    return true;
}

// Names of the .cfg files of a folder, added to those found before; false: no memory.
static bool list_names(const char *folder, names *n) {
    bool enough = true;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; enough && dir != NULL && (entry = readdir(dir)) != NULL;) {
        const size_t length = strlen(entry->d_name);
        if (length > 4 && strcmp(entry->d_name + length - 4, ".cfg") == 0) {
            entry->d_name[length - 4] = '\0';
            enough = is_listed(n, entry->d_name) || add_name(n, strdup(entry->d_name));
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return enough;
}

// Whole names as far as they fit, then how many more there are.
static void write_list(const names *n, char list[LIST_MAX]) {
    size_t used = 0;
    int i = 0;
    for (; i < n->count && used + strlen(n->all[i]) + sizeof ", and 2147483647 more" < LIST_MAX; i++) {
        used += (size_t)snprintf(list + used, LIST_MAX - used, "%s%s", i > 0 ? ", " : "", n->all[i]);
    }
    if (i < n->count) {
        snprintf(list + used, LIST_MAX - used, "%s%d more", i > 0 ? " and " : "", n->count - i);
    } else if (n->count == 0) {
        snprintf(list, LIST_MAX, "none");
    }
}

static sj_status not_found(const char *kind, const char *name, sj_error *err) {
    names n = {NULL, 0};
    char folder[4096], list[LIST_MAX] = "";
    const char *shares[3];
    bool enough = true;
    const int share_count = share_folders(shares);
    for (int i = 0; i < share_count && enough; i++) {
        if (kind_folder(folder, sizeof folder, shares[i], kind) < (int)sizeof folder) {
            enough = list_names(folder, &n);
        }
    }
    if (n.count > 0) {
        qsort(n.all, (size_t)n.count, sizeof *n.all, compare_names);
    }
    write_list(&n, list);
    struct stat info;
    const char *what = stat(name, &info) == 0 && S_ISDIR(info.st_mode) ? "a folder, not a file" : "no such file";
    const char *nearest = sj_nearest_name(name, (const char *const *)n.all, n.count);
    if (!enough) {
        SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for the list of shipped names", name);
    } else if (nearest != NULL) {
        SJ_FAIL(err, SJ_ERR_IO, "%s: %s, nor a shipped name; did you mean %s? (%s: %s)", name, what, nearest, kind, list);
    } else {
        SJ_FAIL(err, SJ_ERR_IO, "%s: %s, nor a shipped name (%s: %s)", name, what, kind, list);
    }
    for (int i = 0; i < n.count; i++) {
        free(n.all[i]);
    }
    free(n.all);
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
