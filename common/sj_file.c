// SPDX-License-Identifier: Apache-2.0
#include "sj_file.h"

#include <dirent.h>
#include <errno.h>
#include <sys/file.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sj_hash.h"

char *sj_temporary_name(const char *path) {
    const size_t size = strlen(path) + 32;
    char *name = malloc(size);
    if (name != NULL) {
        snprintf(name, size, "%s.tmp-%ld", path, (long)getpid());
    }
    return name;
}

sj_status sj_atomic_open(sj_atomic_file *f, const char *path, sj_error *err) {
    *f = (sj_atomic_file){NULL, strdup(path), sj_temporary_name(path)};
    if (f->path == NULL || f->temporary == NULL) {
        sj_atomic_abandon(f);
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for its name", path);
    }
    f->stream = fopen(f->temporary, "wb");
    if (f->stream == NULL) {
        const int cause = errno;
        sj_atomic_abandon(f);
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot write: %s", path, strerror(cause));
    }
    return SJ_OK;
}

sj_status sj_atomic_commit(sj_atomic_file *f, sj_error *err) {
    errno = 0;
    const bool earlier = ferror(f->stream) != 0;
    bool failed = fflush(f->stream) != 0 || earlier || fsync(fileno(f->stream)) != 0;
    int cause = errno;
    if (fclose(f->stream) != 0 && !failed) {
        failed = true;
        cause = errno;
    }
    f->stream = NULL;
    sj_status status = SJ_OK;
    if (failed) {
        status = SJ_FAIL(err, SJ_ERR_IO, "%s: cannot write: %s", f->path, cause != 0 ? strerror(cause) : "an earlier write failed");
    } else {
        status = sj_rename_into_place(f->temporary, f->path, err);
    }
    sj_atomic_abandon(f);  // after a rename there is nothing left to remove
    return status;
}

void sj_atomic_abandon(sj_atomic_file *f) {
    if (f->stream != NULL) {
        fclose(f->stream);
    }
    if (f->temporary != NULL) {
        unlink(f->temporary);
    }
    free(f->path);
    free(f->temporary);
    *f = (sj_atomic_file){NULL, NULL, NULL};
}

// The process number in "base.tmp-<pid>"; -1 for any other name.
static long leftover_of(const char *name, const char *base) {
    const size_t length = strlen(base);
    if (strncmp(name, base, length) != 0 || strncmp(name + length, ".tmp-", 5) != 0) {
        return -1;
    }
    const char *digits = name + length + 5;
    return strlen(digits) < 10 && digits[0] != '\0' && digits[strspn(digits, "0123456789")] == '\0' ? strtol(digits, NULL, 10) : -1;
}

sj_status sj_remove_leftovers(const char *path, sj_error *err) {
    const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
    char *folder = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    DIR *dir = folder != NULL ? opendir(folder) : NULL;
    sj_status status = dir != NULL ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "%s: cannot look for what was left of it: %s", path, strerror(errno));
    for (const struct dirent *entry; status == SJ_OK && (entry = readdir(dir)) != NULL;) {
        const long pid = leftover_of(entry->d_name, base);
        const bool dead = pid > 0 && (pid == (long)getpid() || (kill((pid_t)pid, 0) != 0 && errno == ESRCH));
        if (dead && unlinkat(dirfd(dir), entry->d_name, 0) != 0 && errno != ENOENT) {
            status = SJ_FAIL(err, SJ_ERR_IO, "%s/%s: cannot remove: %s", folder, entry->d_name, strerror(errno));
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    free(folder);
    return status;
}

sj_status sj_rename_into_place(const char *temporary, const char *path, sj_error *err) {
    if (rename(temporary, path) != 0) {
        const int cause = errno;
        unlink(temporary);
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot write: %s", path, strerror(cause));
    }
    return SJ_OK;
}

bool sj_path_exists(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0;
}

static bool is_empty_dir(DIR *dir) {
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            return false;
        }
    }
    return true;
}

// The folders above the last step of the path.
static sj_status make_parents(const char *path, sj_error *err) {
    char *outer = strdup(path);
    if (outer == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for its name", path);
    }
    sj_status status = SJ_OK;
    for (char *slash = strchr(outer + (*outer == '/'), '/'); slash != NULL && status == SJ_OK; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(outer, 0777) != 0 && errno != EEXIST) {
            status = SJ_FAIL(err, SJ_ERR_IO, "%s: cannot make the folder: %s", outer, strerror(errno));
        }
        *slash = '/';
    }
    free(outer);
    return status;
}

sj_status sj_make_run_dir(const char *path, bool force, sj_error *err) {
    SJ_TRY(make_parents(path, err));
    if (mkdir(path, 0777) == 0) {
        return SJ_OK;
    }
    if (errno != EEXIST) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot make the folder: %s", path, strerror(errno));
    }
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return SJ_FAIL(err, errno == ENOTDIR ? SJ_ERR_EXISTS : SJ_ERR_IO, "%s: cannot use it as a folder: %s", path, strerror(errno));
    }
    const bool empty = is_empty_dir(dir);
    closedir(dir);
    if (!empty && !force) {
        return SJ_FAIL(err, SJ_ERR_EXISTS, "%s: the folder exists and is not empty; give another one, or --force", path);
    }
    return SJ_OK;
}

static sj_status lock_dir(const char *path, int how, const char *others, int *fd, sj_error *err) {
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot open the folder: %s", path, strerror(errno));
    }
    if (flock(*fd, how | LOCK_NB) == 0 || errno != EWOULDBLOCK) {
        return SJ_OK;
    }
    close(*fd);
    *fd = -1;
    return SJ_FAIL(err, SJ_ERR_EXISTS, "%s: %s", path, others);
}

sj_status sj_lock_dir(const char *path, int *fd, sj_error *err) {
    return lock_dir(path, LOCK_EX, "another process is writing this run; give another folder, or wait for its end", fd, err);
}

sj_status sj_share_dir(const char *path, int *fd, sj_error *err) { return lock_dir(path, LOCK_SH, "another process is about to begin there anew; wait for it", fd, err); }

sj_status sj_read_file(const char *path, char **data, size_t *bytes, sj_error *err) {
    *data = NULL;
    *bytes = 0;
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    }
    size_t capacity = 65536, used = 0;
    char *text = malloc(capacity);
    while (text != NULL) {
        used += fread(text + used, 1, capacity - used - 1, f);
        if (used < capacity - 1) {
            break;
        }
        char *larger = realloc(text, capacity *= 2);
        if (larger == NULL) {
            free(text);
        }
        text = larger;
    }
    const int cause = ferror(f) ? errno : 0;
    fclose(f);
    if (text == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory to read it", path);
    }
    if (cause != 0) {
        free(text);
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot read: %s", path, strerror(cause));
    }
    text[used] = '\0';
    *data = text;
    *bytes = used;
    return SJ_OK;
}

sj_status sj_file_hash(const char *path, char hex[17], sj_error *err) {
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    }
    uint64_t hash = SJ_HASH_START;
    unsigned char part[65536];
    size_t got;
    while ((got = fread(part, 1, sizeof part, f)) > 0) {
        hash = sj_hash_bytes(hash, part, got);
    }
    const int cause = ferror(f) ? errno : 0;
    fclose(f);
    if (cause != 0) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot read: %s", path, strerror(cause));
    }
    snprintf(hex, 17, "%016" PRIx64, hash);
    return SJ_OK;
}

sj_status sj_alloc(void **out, uint64_t count, size_t size, const char *what, sj_error *err) {
    *out = NULL;
    if (size != 0 && count > (uint64_t)PTRDIFF_MAX / size) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: %" PRIu64 " elements of %zu bytes are more than memory can address", what, count, size);
    }
    const size_t bytes = (size_t)count * size;
    *out = calloc(1, bytes > 0 ? bytes : 1);
    if (*out == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for %zu bytes", what, bytes);
    }
    return SJ_OK;
}
