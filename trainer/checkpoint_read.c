// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdlib.h>

#include "checkpoint_internal.h"
#include "sj_file.h"

struct sj_checkpoint {
    char *path, *data;
    sj_checkpoint_header header;
    const sj_checkpoint_entry *table;
};

static sj_status check_header(const sj_checkpoint_header *h, size_t bytes, sj_error *err) {
    if (bytes < 16 || memcmp(h->magic, SJ_CHECKPOINT_MAGIC, sizeof h->magic) != 0) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "not a checkpoint of Skipjoule");
    }
    if (h->version != SJ_CHECKPOINT_VERSION) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "checkpoint version %" PRIu64 "; this program reads version %d", h->version, SJ_CHECKPOINT_VERSION);
    }
    if (bytes < sizeof *h || bytes < h->bytes) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "the file is truncated: %zu bytes are there", bytes);
    }
    if (bytes != h->bytes || bytes % 8 != 0) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "the file is damaged: it has %zu bytes, and its header says %" PRIu64, bytes, h->bytes);
    }
    return SJ_OK;
}

static sj_status check_hash(const char *data, const sj_checkpoint_header *h, sj_error *err) {
    const uint64_t hash = sj_checkpoint_hash_header(sj_checkpoint_hash_bytes(0, data + sizeof *h, (size_t)h->bytes - sizeof *h), h);
    if (hash != h->hash) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "the file is damaged: the hash of its content is %016" PRIx64 ", and its header says %016" PRIx64, hash, h->hash);
    }
    return SJ_OK;
}

// A file that somebody made with a right hash must not lead outside of it.
static sj_status check_table(const sj_checkpoint_header *h, const sj_checkpoint_entry *table, sj_error *err) {
    for (uint64_t i = 0; i < h->sections; i++) {
        const sj_checkpoint_entry *e = &table[i];
        if (memchr(e->name, '\0', sizeof e->name) == NULL || e->place % 8 != 0 || e->place < sizeof *h || e->place > h->table || e->bytes > h->table - e->place) {
            return SJ_FAIL(err, SJ_ERR_FORMAT, "the file is damaged: entry %" PRIu64 " of its table leads outside of the file", i);
        }
    }
    return SJ_OK;
}

static sj_status check(sj_checkpoint *c, size_t bytes, sj_error *err) {
    sj_checkpoint_header *h = &c->header;
    memcpy(h, c->data, bytes < sizeof *h ? bytes : sizeof *h);
    SJ_TRY(check_header(h, bytes, err));
    SJ_TRY(check_hash(c->data, h, err));
    if (h->table % 8 != 0 || h->table < sizeof *h || h->table > h->bytes || (h->bytes - h->table) / sizeof *c->table != h->sections || (h->bytes - h->table) % sizeof *c->table != 0) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "the file is damaged: its table does not fit");
    }
    c->table = (const void *)(c->data + h->table);
    return check_table(h, c->table, err);
}

sj_status sj_checkpoint_open(const char *path, sj_checkpoint **out, sj_error *err) {
    void *memory;
    size_t bytes;
    *out = NULL;
    SJ_TRY(sj_alloc(&memory, 1, sizeof(sj_checkpoint), path, err));
    sj_checkpoint *c = memory;
    sj_status status = sj_read_file(path, &c->data, &bytes, err);
    if (status == SJ_OK) {
        c->path = strdup(path);
        status = c->path != NULL ? check(c, bytes, err) : SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for its name");
        if (status != SJ_OK) {
            sj_error_prefix(err, "%s", path);
        }
    }
    if (status != SJ_OK) {
        sj_checkpoint_close(c);
        return status;
    }
    *out = c;
    return SJ_OK;
}

void sj_checkpoint_close(sj_checkpoint *c) {
    if (c == NULL) {
        return;
    }
    free(c->path);
    free(c->data);
    free(c);
}

static const sj_checkpoint_entry *find(const sj_checkpoint *c, const char *name) {
    for (uint64_t i = 0; i < c->header.sections; i++) {
        if (strcmp(c->table[i].name, name) == 0) {
            return &c->table[i];
        }
    }
    return NULL;
}

const char *sj_checkpoint_path(const sj_checkpoint *c) { return c->path; }

int64_t sj_checkpoint_count(const sj_checkpoint *c) { return (int64_t)c->header.sections; }

const char *sj_checkpoint_name(const sj_checkpoint *c, int64_t section) { return section >= 0 && section < sj_checkpoint_count(c) ? c->table[section].name : NULL; }

int64_t sj_checkpoint_size(const sj_checkpoint *c, const char *name) {
    const sj_checkpoint_entry *e = find(c, name);
    return e != NULL ? (int64_t)e->bytes : -1;
}

const void *sj_checkpoint_data(const sj_checkpoint *c, const char *name) {
    const sj_checkpoint_entry *e = find(c, name);
    return e != NULL ? c->data + e->place : NULL;
}

sj_status sj_checkpoint_get(const sj_checkpoint *c, const char *name, void *data, size_t bytes, sj_error *err) {
    const sj_checkpoint_entry *e = find(c, name);
    if (e == NULL) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: section \"%s\" of %zu bytes is missing", c->path, name, bytes);
    }
    if (e->bytes != bytes) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: section \"%s\" has %" PRIu64 " bytes; %zu are needed", c->path, name, e->bytes, bytes);
    }
    if (bytes > 0) {
        memcpy(data, c->data + e->place, bytes);
    }
    return SJ_OK;
}
