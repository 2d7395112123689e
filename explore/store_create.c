// SPDX-License-Identifier: Apache-2.0
// A new store is made whole under a temporary name and put in place by a call that fails where the name is taken: of several makers one succeeds, and nobody meets a half-made store.
#define _GNU_SOURCE  // renameat2
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sj_file.h"
#include "store_internal.h"

static sj_status refuse_existing(const char *path, sj_error *err) {
    if (sj_path_exists(path)) {
        return SJ_FAIL(err, SJ_ERR_EXISTS, "%s: there is one already", path);
    }
    static const char *const endings[] = {"-wal", "-journal"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char *name = malloc(strlen(path) + 16);
        if (name == NULL) {
            return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for its name", path);
        }
        (void)snprintf(name, strlen(path) + 16, "%s%s", path, endings[i]);
        const bool left = sj_path_exists(name) && !sj_path_exists(path);
        free(name);
        if (left) {  // SQLite would play it into the new file
            return SJ_FAIL(err, SJ_ERR_EXISTS, "%s%s: belongs to a store that is no longer there; put that one back beside it, or remove it", path, endings[i]);
        }
    }
    return SJ_OK;
}

// So that the new name outlives a power failure. A file system that cannot do so does without.
static void sync_folder(const char *path) {
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    const int fd = folder != NULL ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
    free(folder);
}

static sj_status place(const char *temporary, const char *path, sj_error *err) {
    bool placed = link(temporary, path) == 0;
    if (!placed && (errno == EPERM || errno == ENOSYS || errno == EOPNOTSUPP || errno == EMLINK)) {  // a file system without hard links
        placed = renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0;
    }
    if (!placed && errno == EEXIST) {
        return SJ_FAIL(err, SJ_ERR_EXISTS, "%s: there is one already", path);
    }
    if (!placed) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot make the store: %s", path, strerror(errno));
    }
    sync_folder(path);
    return SJ_OK;
}

sj_status sj_store_create(const char *path, const sj_sweep_about *about, sj_store **out, sj_error *err) {
    *out = NULL;
    SJ_TRY(refuse_existing(path, err));
    SJ_TRY(sj_remove_leftovers(path, err));
    char *temporary = sj_temporary_name(path);
    if (temporary == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for its name", path);
    }
    sj_status status = sj_store_make_file(path, temporary, about, err);
    status = status == SJ_OK ? place(temporary, path, err) : status;
    (void)unlink(temporary);
    free(temporary);
    return status == SJ_OK ? sj_store_open(path, about, out, err) : status;
}
