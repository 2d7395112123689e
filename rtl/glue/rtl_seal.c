// SPDX-License-Identifier: Apache-2.0
// A seal behind the content of a file: magic, length and FNV-1a hash of what stands before it. Loaders of libraries and linkers do not look behind what the file's own tables name.
// It tells what was cut short; that nobody else wrote the file is for its owner and mode to tell.
#define _GNU_SOURCE  // O_CLOEXEC, O_NOFOLLOW
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sj_file.h"
#include "sj_rtl_cache.h"

static const char magic[8] = "SJSEAL1";

typedef struct seal {
    char magic[8];
    uint64_t bytes, hash;
} seal;

sj_status sj_rtl_seal(const char *path, sj_error *err) {
    char *data = NULL;
    seal s = {.bytes = 0};
    size_t bytes = 0;
    SJ_TRY(sj_read_file(path, &data, &bytes, err));
    memcpy(s.magic, magic, sizeof magic);
    s.bytes = bytes;
    s.hash = sj_rtl_hash(SJ_RTL_HASH_START, data, bytes);
    free(data);
    FILE *f = fopen(path, "abe");
    const bool written = f != NULL && fwrite(&s, sizeof s, 1, f) == 1 && fchmod(fileno(f), 0600) == 0;  // whatever the umask: see sj_rtl_check_owner
    const bool closed = f != NULL && fclose(f) == 0;
    return written && closed ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
}

sj_status sj_rtl_check_owner(int fd, const char *path, sj_error *err) {
    static const char remedy[] = "what others may have written is not loaded: remove it, or name another folder with SJ_CACHE";
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot be examined: %s", path, strerror(errno));
    }
    if (info.st_uid != geteuid()) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s belongs to user %lu, and user %lu runs this program; %s", path, (unsigned long)info.st_uid, (unsigned long)geteuid(), remedy);
    }
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s may be written by others than its owner (mode %03o); %s", path, (unsigned)(info.st_mode & 0777), remedy);
    }
    return SJ_OK;
}

// The content is hashed in pieces; a file that changes its length meanwhile is not whole.
static bool is_whole(int fd) {
    unsigned char piece[65536];
    struct stat info;
    seal s;
    uint64_t h = SJ_RTL_HASH_START;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size <= (off_t)sizeof s) {
        return false;
    }
    const off_t content = info.st_size - (off_t)sizeof s;
    for (off_t at = 0; at < content;) {
        const off_t left = content - at;
        const ssize_t got = pread(fd, piece, left < (off_t)sizeof piece ? (size_t)left : sizeof piece, at);
        if (got <= 0) {
            return false;
        }
        h = sj_rtl_hash(h, piece, (size_t)got);
        at += got;
    }
    return pread(fd, &s, sizeof s, content) == (ssize_t)sizeof s && memcmp(s.magic, magic, sizeof magic) == 0 && s.bytes == (uint64_t)content && s.hash == h;
}

sj_status sj_rtl_open_sealed(const char *path, int *fd, sj_error *err) {
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (*fd < 0) {
        return errno == ENOENT ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    }
    const sj_status status = sj_rtl_check_owner(*fd, path, err);
    if (status != SJ_OK || !is_whole(*fd)) {
        close(*fd);
        *fd = -1;
    }
    return status;
}
