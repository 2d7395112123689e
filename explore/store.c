// SPDX-License-Identifier: Apache-2.0
// Opening and closing of stores.
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "sj_file.h"
#include "store_internal.h"

// WAL keeps its index in memory that all openers map, which a file system shared by machines does not give them. These are local; any other is taken as shared.
static bool is_local(const char *path) {
    // ext, XFS, Btrfs, tmpfs, F2FS, overlay, ZFS, bcachefs, ramfs, ReiserFS, JFS
    static const uint32_t locals[] = {0xEF53, 0x58465342, 0x9123683E, 0x01021994, 0xF2F52010, 0x794C7630, 0x2FC12FC1, 0xCA451A4E, 0x858458F6, 0x52654973, 0x3153464A};
    struct statfs info;
    bool found = false;
    if (statfs(path, &info) == 0) {
        for (size_t i = 0; i < sizeof locals / sizeof *locals; i++) {
            found |= (uint32_t)info.f_type == locals[i];
        }
    }
    return found;
}

static sj_status make_handle(const char *path, sj_store **out, sj_error *err) {
    sj_store *s = calloc(1, sizeof *s);
    char *copy = strdup(path);
    if (s == NULL || copy == NULL) {
        free(s);
        free(copy);
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory to open it", path);
    }
    s->path = copy;
    s->patience_ms = SJ_STORE_PATIENCE_MS;
    s->opener = getpid();
    *out = s;
    return SJ_OK;
}

static sj_status connect_to(sj_store *s, const char *file, int flags, sj_error *err) {
    char *name = malloc(strlen(file) + 3);
    if (name == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for its name", s->path);
    }
    (void)snprintf(name, strlen(file) + 3, "%s%s", file[0] == '/' ? "" : "./", file);  // "file:..." and ":memory:" are names like any other
    int code = sqlite3_open_v2(name, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL);  // one thread at a time
    free(name);
    if (s->db == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory to open it", s->path);
    }
    (void)sqlite3_extended_result_codes(s->db, 1);
    code = code == SQLITE_OK ? sqlite3_busy_timeout(s->db, s->patience_ms) : code;
    if (code != SQLITE_OK) {
        return sj_store_fail(s, code, "open the store", err);
    }
    return sj_store_exec(s, "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF", "open the store", err);
}

// What a killed writer left half done in a rollback journal: SQLite takes it back for whoever opens the file to write.
static sj_status recover(const char *path, sj_error *err) {
    sj_store *s = NULL;
    SJ_TRY(make_handle(path, &s, err));
    sj_status status = connect_to(s, path, SQLITE_OPEN_READWRITE, err);
    status = status == SJ_OK ? sj_store_begin(s, "take back what a killed process left half written", err) : status;
    status = status == SJ_OK ? sj_store_exec(s, "ROLLBACK", "take back what a killed process left half written", err) : status;
    sj_store_close(s);
    return status;
}

static sj_status open_file(sj_store *s, sj_store_mode mode, sj_error *err) {
    struct stat info;
    if (stat(s->path, &info) == 0 && !S_ISREG(info.st_mode)) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: no store of a sweep: it is no regular file", s->path);
    }
    SJ_TRY(connect_to(s, s->path, mode == SJ_STORE_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE, err));
    if (mode == SJ_STORE_READ) {
        const int code = sqlite3_exec(s->db, "PRAGMA schema_version", NULL, NULL, NULL);
        if (code == SQLITE_READONLY_ROLLBACK || code == SQLITE_READONLY_RECOVERY) {
            return recover(s->path, err);
        }
    } else if (mode != SJ_STORE_AS_IS && sqlite3_db_readonly(s->db, "main") == 1) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot write to the store: the file may not be written to", s->path);
    }
    return SJ_OK;
}

static sj_status quick_check(sj_store *s, sj_error *err) {
    sqlite3_stmt *q = NULL;
    SJ_TRY(sj_store_prepare(s, "PRAGMA quick_check(1)", &q, err));
    bool row = false;
    sj_status status = sj_store_step(s, q, "check it", &row, err);
    const char *said = row ? (const char *)sqlite3_column_text(q, 0) : NULL;
    if (status == SJ_OK && (said == NULL || strcmp(said, "ok") != 0)) {
        char line[256];
        const size_t length = said != NULL ? strcspn(said, "\n") : 0;
        (void)snprintf(line, sizeof line, "%.*s", (int)(length < sizeof line ? length : sizeof line - 1), said != NULL ? said : "");
        status = SJ_FAIL(err, SJ_ERR_FORMAT, "%s: damaged: SQLite finds: %s", s->path, line);
    }
    (void)sqlite3_finalize(q);
    return status;
}

static sj_status recognise(sj_store *s, sj_error *err) {
    int64_t application = 0, version = 0;
    SJ_TRY(sj_store_number(s, "PRAGMA application_id", "open the store", &application, err));
    if (application != SJ_STORE_APPLICATION) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: no store of a sweep: it is another program's SQLite file, or empty", s->path);
    }
    SJ_TRY(sj_store_number(s, "PRAGMA user_version", "open the store", &version, err));
    if (version < 1 || version > SJ_STORE_VERSION) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: its tables are of version %lld; this program reads version %d", s->path, (long long)version, SJ_STORE_VERSION);
    }
    SJ_TRY(quick_check(s, err));
    return sj_store_read_about(s, err);
}

static sj_status check_identity(const sj_store *s, const sj_sweep_about *about, sj_error *err) {
    char text[2048];
    int trace = 0;
    switch (sj_store_compare(&s->about, about, &trace, text, sizeof text)) {
        case SJ_SAME_SWEEP:
            return SJ_OK;
        case SJ_OTHER_CONTENT:
            return SJ_FAIL(err, SJ_ERR_CONFIG, "%s: its content has changed since the sweep began (hash %s, now %s); start a new sweep or put the old trace back", about->traces[trace].path,
                           s->about.traces[trace].hash, about->traces[trace].hash);
        default:
            return SJ_FAIL(err, SJ_ERR_CONFIG, "%s: the store is of another sweep: %s; start a new sweep or put the old settings back", s->path, text);
    }
}

// Whoever holds the file in the other mode at this moment keeps it: both are safe, and all see the same one.
static sj_status set_journal(sj_store *s, sj_store_mode mode, sj_error *err) {
    const bool wal = mode == SJ_STORE_SHARED && is_local(s->path);
    const int code = sqlite3_exec(s->db, wal ? "PRAGMA journal_mode = WAL" : "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
    if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY && (code & 0xff) != SQLITE_LOCKED) {
        return sj_store_fail(s, code, "set its journal", err);
    }
    sqlite3_stmt *q = NULL;
    SJ_TRY(sj_store_prepare(s, "PRAGMA journal_mode", &q, err));
    bool row = false;
    const sj_status status = sj_store_step(s, q, "set its journal", &row, err);
    const bool is_wal = row && strcmp((const char *)sqlite3_column_text(q, 0), "wal") == 0;
    (void)sqlite3_finalize(q);
    SJ_TRY(status);
    if (is_wal && !wal && mode == SJ_STORE_SHARED) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: another process holds the store with a write-ahead log, which is not safe on this file system; end that process first", s->path);
    }
    // NORMAL never breaks a file in WAL mode; a power failure may then take the last batches, never a killed process.
    return sj_store_exec(s, is_wal ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL", "set its journal", err);
}

static sj_status take_into_use(sj_store *s, const sj_sweep_about *about, sj_store_mode mode, sj_error *err) {
    SJ_TRY(open_file(s, mode, err));
    SJ_TRY(recognise(s, err));
    SJ_TRY(sj_store_exec(s, "PRAGMA cache_size = -32768", "open the store", err));  // KiB: batches of scattered points touch many pages
    s->sound = true;
    if (about != NULL) {
        SJ_TRY(check_identity(s, about, err));
        s->program = strdup(about->version);
        if (s->program == NULL) {
            return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory to open it", s->path);
        }
    }
    sj_store_find_owner(&s->owner);
    return mode == SJ_STORE_SHARED || mode == SJ_STORE_ROLLBACK ? set_journal(s, mode, err) : SJ_OK;
}

sj_status sj_store_open_as(const char *path, const sj_sweep_about *about, sj_store_mode mode, sj_store **out, sj_error *err) {
    *out = NULL;
    sj_store *s = NULL;
    SJ_TRY(make_handle(path, &s, err));
    const sj_status status = take_into_use(s, about, mode, err);
    if (status == SJ_OK) {
        *out = s;
    } else {
        sj_store_close(s);
    }
    return status;
}

sj_status sj_store_open(const char *path, const sj_sweep_about *about, sj_store **out, sj_error *err) {
    return sj_store_open_as(path, about, about != NULL ? SJ_STORE_SHARED : SJ_STORE_AS_IS, out, err);
}

static void disconnect(sj_store *s) {
    for (int q = 0; q < SJ_QUERY_COUNT_OF; q++) {
        (void)sqlite3_finalize(s->queries[q]);
    }
    if (s->sound && sqlite3_db_readonly(s->db, "main") == 0) {  // the last one leaves a single file; refused while others hold it
        (void)sqlite3_busy_timeout(s->db, 0);
        (void)sqlite3_exec(s->db, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
    }
    (void)sqlite3_close(s->db);
}

void sj_store_close(sj_store *s) {
    if (s == NULL) {
        return;
    }
    if (s->opener == getpid()) {  // in a forked child the connection is still its parent's
        disconnect(s);
    }
    sj_store_free_about(s);
    free(s->program);
    free(s->path);
    free(s);
}

const char *sj_store_path(const sj_store *s) { return s->path; }

const sj_sweep_about *sj_store_about(const sj_store *s) { return &s->about; }

sj_status sj_store_make_file(const char *path, const char *file, const sj_sweep_about *about, sj_error *err) {
    sj_store *s = NULL;
    SJ_TRY(make_handle(path, &s, err));
    sj_status status = connect_to(s, file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
    status = status == SJ_OK ? sj_store_exec(s, "PRAGMA journal_mode = MEMORY", "make the store", err) : status;  // a half-made file is thrown away
    status = status == SJ_OK ? sj_store_begin(s, "make the store", err) : status;
    if (status == SJ_OK) {
        status = sj_store_make_tables(s, about, err);
        status = status == SJ_OK ? sj_store_write_about(s, about, err) : status;
        status = sj_store_end(s, status, "make the store", err);
    }
    sj_store_close(s);
    return status;
}
