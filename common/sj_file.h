// SPDX-License-Identifier: Apache-2.0
// Files that are whole or absent: written to a temporary name beside the target, then renamed.
#ifndef SJ_FILE_H
#define SJ_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sj_error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sj_atomic_file {
    FILE *stream;     // write here
    char *path;       // final name
    char *temporary;  // name until commit
} sj_atomic_file;

sj_status sj_atomic_open(sj_atomic_file *f, const char *path, sj_error *err);
// Flushes, checks for write errors (disk full), syncs and renames. On failure the temporary is removed.
sj_status sj_atomic_commit(sj_atomic_file *f, sj_error *err);
void sj_atomic_abandon(sj_atomic_file *f);  // closes and removes the temporary; safe after commit
// "path.tmp-<pid>": for writers with their own I/O (HDF5). Caller frees.
char *sj_temporary_name(const char *path);
// Removes what killed writers of this path left behind: "path.tmp-<pid>" of processes that are no more, and of this one (before it writes itself).
sj_status sj_remove_leftovers(const char *path, sj_error *err);
sj_status sj_rename_into_place(const char *temporary, const char *path, sj_error *err);

// A folder to write into: refused when it exists and is not empty, unless force.
sj_status sj_make_run_dir(const char *path, bool force, sj_error *err);
// One process at a time: until *fd is closed, or the process ends, however it ends. SJ_ERR_EXISTS where another one has it. A file system without locks gives none.
sj_status sj_lock_dir(const char *path, int *fd, sj_error *err);
// Several at a time, and none that has it for itself: the same with others that share. Processes that inherit *fd hold it too.
sj_status sj_share_dir(const char *path, int *fd, sj_error *err);
sj_status sj_read_file(const char *path, char **data, size_t *bytes, sj_error *err);  // adds a NUL behind; caller frees
bool sj_path_exists(const char *path);
sj_status sj_file_hash(const char *path, char hex[17], sj_error *err);  // FNV-1a 64 of the content

// malloc(count * size) with overflow and failure checked; zeroed.
sj_status sj_alloc(void **out, uint64_t count, size_t size, const char *what, sj_error *err);

#ifdef __cplusplus
}
#endif
#endif
