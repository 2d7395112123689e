// SPDX-License-Identifier: Apache-2.0
// A seal behind the content of a file: magic, length and FNV-1a hash of what stands before it. Loaders of libraries and linkers do not look behind what the file's own tables name.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "sj_rtl_cache.h"

static const char magic[8] = "SJSEAL1";

typedef struct seal {
    char magic[8];
    uint64_t bytes, hash;
} seal;

static uint64_t hash_of(const char *data, size_t bytes) {
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < bytes; i++) {
        h = (h ^ (unsigned char)data[i]) * 0x100000001b3u;
    }
    return h;
}

sj_status sj_rtl_seal(const char *path, sj_error *err) {
    char *data = NULL;
    seal s = {.bytes = 0};
    size_t bytes = 0;
    SJ_TRY(sj_read_file(path, &data, &bytes, err));
    memcpy(s.magic, magic, sizeof magic);
    s.bytes = bytes;
    s.hash = hash_of(data, bytes);
    free(data);
    FILE *f = fopen(path, "ab");
    const bool written = f != NULL && fwrite(&s, sizeof s, 1, f) == 1;
    const bool closed = f != NULL && fclose(f) == 0;
    return written && closed ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
}

bool sj_rtl_is_sealed(const char *path) {
    sj_error ignored = {.status = SJ_OK};
    char *data = NULL;
    size_t bytes = 0;
    if (!sj_path_exists(path) || sj_read_file(path, &data, &bytes, &ignored) != SJ_OK) {
        return false;
    }
    seal s = {.bytes = 0};
    bool whole = bytes > sizeof s;
    if (whole) {
        memcpy(&s, data + bytes - sizeof s, sizeof s);
        whole = memcmp(s.magic, magic, sizeof magic) == 0 && s.bytes == bytes - sizeof s && s.hash == hash_of(data, bytes - sizeof s);
    }
    free(data);
    return whole;
}
