// SPDX-License-Identifier: Apache-2.0
// Names of runs: the shortest ends of their paths that differ.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "sj_views.h"

enum { RUNS_MAX = 1024 };

// One of a RUN's own files, by which it may be named; any other file has a name of its own.
static bool is_file_of_run(const char *name) { return strcmp(name, "stats.json") == 0 || strcmp(name, "run.json") == 0; }

// The folder of a RUN, whole and without "..", so that "." has a name; the path itself where it is none. NULL without memory.
static char *folder_of(const char *path) {
    char *full = realpath(path, NULL);
    full = full != NULL ? full : strdup(path);
    char *slash = full != NULL ? strrchr(full, '/') : NULL;
    if (slash != NULL && slash != full && is_file_of_run(slash + 1)) {
        *slash = '\0';
    }
    for (size_t n = full != NULL ? strlen(full) : 0; n > 1 && full[n - 1] == '/'; n--) {
        full[n - 1] = '\0';
    }
    return full;
}

// The last `parts` names of a path; all of it where it has fewer.
static const char *tail(const char *path, int parts) {
    const char *at = path + strlen(path);
    while (at > path && (at[-1] != '/' || --parts > 0)) {
        at--;
    }
    return at;
}

static bool is_shared(char *const *folders, int count, int i, int parts) {
    for (int j = 0; j < count; j++) {
        if (j != i && strcmp(tail(folders[j], parts), tail(folders[i], parts)) == 0) {
            return true;
        }
    }
    return false;
}

// What of a folder's path tells it from the others; all of it where another RUN is the same folder.
static const char *distinct_tail(char *const *folders, int count, int i) {
    int parts = 1;
    while (is_shared(folders, count, i, parts) && tail(folders[i], parts) != folders[i]) {
        parts++;
    }
    return tail(folders[i], parts);
}

static void free_all(char **texts, int count) {
    for (int i = 0; i < count && texts != NULL; i++) {
        free(texts[i]);
    }
    free(texts);
}

static bool is_taken(char *const *labels, int count, const char *text) {
    for (int i = 0; i < count; i++) {
        if (strcmp(labels[i], text) == 0) {
            return true;
        }
    }
    return false;
}

// Its name among the folders that are others; with a number behind it where an earlier RUN is called so, which is the same folder, or one that looks like it.
static char *label_of(char *const *folders, int count, char *const *earlier, int i) {
    char *others[RUNS_MAX];
    int other_count = 0, self = 0;
    for (int j = 0; j < count; j++) {
        if (j == i || strcmp(folders[j], folders[i]) != 0) {
            self = j == i ? other_count : self;
            others[other_count++] = folders[j];
        }
    }
    const char *name = distinct_tail(others, other_count, self);
    name = name[0] != '\0' ? name : folders[i];
    const size_t size = strlen(name) + 16;
    char *text = malloc(size);
    if (text != NULL) {
        snprintf(text, size, "%s", name);
        for (int number = 2; is_taken(earlier, i, text); number++) {
            snprintf(text, size, "%s (%d)", name, number);
        }
    }
    return text;
}

sj_status sj_view_labels(const char *const *paths, int count, char ***labels, sj_error *err) {
    void *folders_memory, *labels_memory = NULL;
    *labels = NULL;
    if (count > RUNS_MAX) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%d runs; allowed: up to %d in a report", count, RUNS_MAX);
    }
    SJ_TRY(sj_alloc(&folders_memory, (uint64_t)count + 1, sizeof(char *), "the names of the runs", err));
    char **folders = folders_memory;
    sj_status status = sj_alloc(&labels_memory, (uint64_t)count + 1, sizeof(char *), "the names of the runs", err);
    for (int i = 0; i < count && status == SJ_OK; i++) {
        folders[i] = folder_of(paths[i]);
        status = folders[i] != NULL ? SJ_OK : SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for its name", paths[i]);
    }
    char **made = labels_memory;
    for (int i = 0; i < count && status == SJ_OK; i++) {
        made[i] = label_of(folders, count, made, i);
        status = made[i] != NULL ? SJ_OK : SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for its name", paths[i]);
    }
    free_all(folders, count);
    if (status != SJ_OK) {
        free_all(made, count);
        return status;
    }
    *labels = made;
    return SJ_OK;
}
