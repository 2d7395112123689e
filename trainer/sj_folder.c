// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sj_file.h"
#include "sj_picture_list.h"

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static sj_status add_name(sj_folder *folder, const char *name) {
    if ((folder->count & (folder->count - 1)) == 0) {  // room for 1, 2, 4, ...
        char **larger = realloc(folder->names, (size_t)(folder->count > 0 ? 2 * folder->count : 1) * sizeof *larger);
        if (larger == NULL) {
            return SJ_ERR_MEMORY;
        }
        folder->names = larger;
    }
    folder->names[folder->count] = strdup(name);
    return folder->names[folder->count++] != NULL ? SJ_OK : SJ_ERR_MEMORY;
}

sj_status sj_folder_read(const char *path, sj_folder *out, sj_error *err) {
    memset(out, 0, sizeof *out);
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot read the folder: %s", path, strerror(errno));
    }
    sj_status status = SJ_OK;
    errno = 0;
    for (const struct dirent *entry = readdir(dir); entry != NULL && status == SJ_OK; entry = status == SJ_OK ? readdir(dir) : NULL) {
        status = entry->d_name[0] != '.' ? add_name(out, entry->d_name) : SJ_OK;
        errno = 0;
    }
    const int cause = errno;
    (void)closedir(dir);
    if (status != SJ_OK || cause != 0) {
        sj_folder_free(out);
        return status != SJ_OK ? SJ_FAIL(err, status, "%s: no memory for its list of files", path) : SJ_FAIL(err, SJ_ERR_IO, "%s: cannot read the folder: %s", path, strerror(cause));
    }
    if (out->count > 0) {
        qsort(out->names, (size_t)out->count, sizeof *out->names, by_bytes);
    }
    return SJ_OK;
}

void sj_folder_free(sj_folder *folder) {
    for (int64_t i = 0; i < folder->count; i++) {
        free(folder->names[i]);
    }
    free(folder->names);
    memset(folder, 0, sizeof *folder);
}

bool sj_is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

sj_status sj_path_make(char path[4096], sj_error *err, const char *format, ...) {
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(path, 4096, format, args);
    va_end(args);
    return length >= 0 && length < 4096 ? SJ_OK : SJ_FAIL(err, SJ_ERR_RANGE, "data folder: a path in it is longer than 4095 characters: %.200s...", path);
}

static uint64_t mix(uint64_t hash, const char *text, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3ULL;
    }
    return hash;
}

// Of every entry in order: its name with the NUL behind it, and the hash of what it holds.
static sj_status hash_folder(const char *path, char hex[17], sj_error *err) {
    sj_folder folder;
    SJ_TRY(sj_folder_read(path, &folder, err));
    uint64_t hash = 0xcbf29ce484222325ULL;
    sj_status status = SJ_OK;
    for (int64_t i = 0; i < folder.count && status == SJ_OK; i++) {
        char inner[4096], part[17];
        status = sj_path_make(inner, err, "%s/%s", path, folder.names[i]);
        if (status == SJ_OK) {
            status = sj_dataset_hash(inner, part, err);
        }
        if (status == SJ_OK) {
            hash = mix(mix(hash, folder.names[i], strlen(folder.names[i]) + 1), part, 16);
        }
    }
    sj_folder_free(&folder);
    (void)snprintf(hex, 17, "%016llx", (unsigned long long)hash);
    return status;
}

sj_status sj_dataset_hash(const char *path, char hex[17], sj_error *err) { return sj_is_folder(path) ? hash_folder(path, hex, err) : sj_file_hash(path, hex, err); }
