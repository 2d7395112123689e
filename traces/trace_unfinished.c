// SPDX-License-Identifier: Apache-2.0
// Folders of trainings that did not finish.
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sj_file.h"
#include "sj_trace.h"

enum { FOLDER_MAX = 4096 };

// The path itself where it is a folder, else the one it is in.
static bool folder_of(const char *path, char folder[FOLDER_MAX]) {
    struct stat info;
    const char *slash = strrchr(path, '/');
    const bool is_folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    const int written = is_folder ? snprintf(folder, FOLDER_MAX, "%s", path) : slash != NULL ? snprintf(folder, FOLDER_MAX, "%.*s", (int)(slash - path), path) : snprintf(folder, FOLDER_MAX, ".");
    return written > 0 && written < FOLDER_MAX;
}

static bool has(const char *folder, const char *name) {
    char path[FOLDER_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return sj_path_exists(path);
}

void sj_trace_unfinished(const char *path, char text[SJ_UNFINISHED_MAX]) {
    char folder[FOLDER_MAX];
    text[0] = '\0';
    if (folder_of(path, folder) && !has(folder, "trace.h5") && (has(folder, "checkpoint.bin") || has(folder, "trace.partial.h5"))) {
        snprintf(text, SJ_UNFINISHED_MAX, ": its training did not finish; 'skipjoule train %s/config.cfg --resume -o %s' goes on with it", folder, folder);
    }
}
