// SPDX-License-Identifier: Apache-2.0
// Writing.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "checkpoint_internal.h"
#include "sj_file.h"

struct sj_checkpoint_writer {
    sj_atomic_file file;
    uint64_t bytes, hash;  // written so far; of everything behind the header
    int64_t count, capacity;
    sj_checkpoint_entry *table;
};

static sj_status put(sj_checkpoint_writer *w, const void *data, size_t bytes, sj_error *err) {
    errno = 0;
    if (bytes > 0 && fwrite(data, 1, bytes, w->file.stream) != bytes) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot write: %s", w->file.path, strerror(errno));
    }
    w->bytes += bytes;
    return SJ_OK;
}

// With zeros behind, up to a multiple of 8.
static sj_status put_padded(sj_checkpoint_writer *w, const void *data, size_t bytes, sj_error *err) {
    const size_t padding = sj_checkpoint_padding(bytes), whole = bytes - bytes % 8;
    unsigned char last[8] = {0};
    if (bytes % 8 != 0) {
        memcpy(last, (const char *)data + whole, bytes % 8);
    }
    w->hash = sj_checkpoint_hash_bytes(w->hash, data, whole);
    w->hash = sj_checkpoint_hash_bytes(w->hash, last, padding > 0 ? 8 : 0);
    SJ_TRY(put(w, data, whole, err));
    return put(w, last, padding > 0 ? 8 : 0, err);
}

sj_status sj_checkpoint_create(const char *path, sj_checkpoint_writer **out, sj_error *err) {
    static const sj_checkpoint_header empty;
    void *memory;
    *out = NULL;
    SJ_TRY(sj_alloc(&memory, 1, sizeof(sj_checkpoint_writer), path, err));
    sj_checkpoint_writer *w = memory;
    sj_status status = sj_atomic_open(&w->file, path, err);
    if (status == SJ_OK) {
        status = put(w, &empty, sizeof empty, err);
    }
    if (status != SJ_OK) {
        sj_checkpoint_abandon(w);
        return status;
    }
    *out = w;
    return SJ_OK;
}

static sj_status check_name(const sj_checkpoint_writer *w, const char *name, sj_error *err) {
    if (name[0] == '\0' || strlen(name) >= SJ_CHECKPOINT_NAME_MAX) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s: section \"%s\": a name has 1 to %d bytes", w->file.path, name, SJ_CHECKPOINT_NAME_MAX - 1);
    }
    for (int64_t i = 0; i < w->count; i++) {
        if (strcmp(w->table[i].name, name) == 0) {
            return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s: section \"%s\" was written before", w->file.path, name);
        }
    }
    return SJ_OK;
}

sj_status sj_checkpoint_add(sj_checkpoint_writer *w, const char *name, const void *data, size_t bytes, sj_error *err) {
    SJ_TRY(check_name(w, name, err));
    if (w->count == w->capacity) {
        const int64_t capacity = w->capacity == 0 ? 64 : 2 * w->capacity;
        sj_checkpoint_entry *larger = realloc(w->table, (size_t)capacity * sizeof *larger);
        if (larger == NULL) {
            return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for its table", w->file.path);
        }
        w->table = larger;
        w->capacity = capacity;
    }
    sj_checkpoint_entry *entry = &w->table[w->count];
    *entry = (sj_checkpoint_entry){.place = w->bytes, .bytes = bytes};
    memcpy(entry->name, name, strlen(name));
    SJ_TRY(put_padded(w, data, bytes, err));
    w->count++;
    return SJ_OK;
}

static sj_status finish(sj_checkpoint_writer *w, sj_error *err) {
    sj_checkpoint_header h = {.magic = SJ_CHECKPOINT_MAGIC, .version = SJ_CHECKPOINT_VERSION, .table = w->bytes, .sections = (uint64_t)w->count};
    SJ_TRY(put_padded(w, w->table, (size_t)w->count * sizeof *w->table, err));
    h.bytes = w->bytes;
    h.hash = sj_checkpoint_hash_header(w->hash, &h);
    errno = 0;
    if (fseek(w->file.stream, 0, SEEK_SET) != 0) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot write: %s", w->file.path, strerror(errno));
    }
    SJ_TRY(put(w, &h, sizeof h, err));
    return sj_atomic_commit(&w->file, err);
}

sj_status sj_checkpoint_commit(sj_checkpoint_writer *w, sj_error *err) {
    const sj_status status = finish(w, err);
    sj_checkpoint_abandon(w);
    return status;
}

void sj_checkpoint_abandon(sj_checkpoint_writer *w) {
    if (w == NULL) {
        return;
    }
    sj_atomic_abandon(&w->file);
    free(w->table);
    free(w);
}
