// SPDX-License-Identifier: Apache-2.0
// Calls of SQLite with our errors.
#define _GNU_SOURCE  // CLOCK_MONOTONIC, nanosleep
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store_internal.h"

static const char *const query_texts[SJ_QUERY_COUNT_OF] = {
#define SJ_X(name, sql) sql,
    SJ_STORE_QUERIES(SJ_X)
#undef SJ_X
};

static int last_errno(sqlite3_file *file) {
    int cause = 0;
    if (file != NULL && file->pMethods != NULL && file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &cause) != SQLITE_OK) {
        cause = 0;
    }
    return cause;
}

// SQLite's own note of errno is taken after its clean-up, which may have changed it; those of the two files are not.
static int find_cause(const sj_store *s) {
    sqlite3_file *file = NULL, *journal = NULL;
    (void)sqlite3_file_control(s->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    (void)sqlite3_file_control(s->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &journal);
    const int of_journal = last_errno(journal), of_file = last_errno(file);
    return of_journal != 0 ? of_journal : of_file != 0 ? of_file : sqlite3_system_errno(s->db);
}

static sj_status fail_by_system(const sj_store *s, int code, const char *doing, sj_error *err) {
    const int cause = find_cause(s);
    if (cause == ENOSPC || cause == EDQUOT || cause == EFBIG) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot %s: the disk is full (%s); what was written before is kept", s->path, doing, strerror(cause));
    }
    return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot %s: %s", s->path, doing, cause != 0 ? strerror(cause) : sqlite3_errstr(code));
}

sj_status sj_store_fail(const sj_store *s, int code, const char *doing, sj_error *err) {
    switch (code & 0xff) {
        case SQLITE_FULL:
            return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot %s: the disk is full (%s); what was written before is kept", s->path, doing, strerror(ENOSPC));
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_PROTOCOL:
            return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot %s: another process held its lock for %g s", s->path, doing, s->patience_ms / 1000.0);
        case SQLITE_READONLY:
            return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot %s: %s", s->path, doing,
                           code == SQLITE_READONLY_DBMOVED ? "the file was moved or removed meanwhile" : "the file or its folder may not be written to");
        case SQLITE_IOERR:
            if (code == SQLITE_IOERR_NOMEM) {
                return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: cannot %s: out of memory", s->path, doing);
            }
            return fail_by_system(s, code, doing, err);
        case SQLITE_CANTOPEN:
        case SQLITE_PERM:
        case SQLITE_AUTH:
            return fail_by_system(s, code, doing, err);
        case SQLITE_NOMEM:
            return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: cannot %s: out of memory", s->path, doing);
        case SQLITE_NOTADB:
            return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: no store of a sweep: it is no SQLite file", s->path);
        case SQLITE_CORRUPT:
            return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: damaged: cannot %s: %s", s->path, doing, sqlite3_errmsg(s->db));
        case SQLITE_MISUSE:
        case SQLITE_RANGE:
        case SQLITE_INTERNAL:
            return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s: cannot %s: %s", s->path, doing, sqlite3_errmsg(s->db));
        default:
            return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: damaged or changed by hand: cannot %s: %s", s->path, doing, sqlite3_errmsg(s->db));
    }
}

sj_status sj_store_exec(sj_store *s, const char *sql, const char *doing, sj_error *err) {
    const int code = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? SJ_OK : sj_store_fail(s, code, doing, err);
}

sj_status sj_store_prepare(sj_store *s, const char *sql, sqlite3_stmt **out, sj_error *err) {
    const int code = sqlite3_prepare_v2(s->db, sql, -1, out, NULL);
    return code == SQLITE_OK ? SJ_OK : sj_store_fail(s, code, "use its tables", err);
}

sj_status sj_store_query_of(sj_store *s, sj_store_query query, sqlite3_stmt **out, sj_error *err) {
    if (s->queries[query] == NULL) {
        const int code = sqlite3_prepare_v3(s->db, query_texts[query], -1, SQLITE_PREPARE_PERSISTENT, &s->queries[query], NULL);
        if (code != SQLITE_OK) {
            return sj_store_fail(s, code, "use its tables", err);
        }
    }
    *out = s->queries[query];
    (void)sqlite3_reset(*out);  // returns the failure of its last use, which was told then
    return SJ_OK;
}

sj_status sj_store_step(sj_store *s, sqlite3_stmt *q, const char *doing, bool *row, sj_error *err) {
    const int code = sqlite3_step(q);
    *row = code == SQLITE_ROW;
    if (*row) {
        return SJ_OK;
    }
    const sj_status status = code == SQLITE_DONE ? SJ_OK : sj_store_fail(s, code, doing, err);
    (void)sqlite3_reset(q);
    return status;
}

sj_status sj_store_run(sj_store *s, sqlite3_stmt *q, const char *doing, sj_error *err) {
    bool row = false;
    SJ_TRY(sj_store_step(s, q, doing, &row, err));
    (void)sqlite3_reset(q);
    return SJ_OK;
}

sj_status sj_store_number(sj_store *s, const char *sql, const char *doing, int64_t *out, sj_error *err) {
    sqlite3_stmt *q = NULL;
    const int code = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
    if (code != SQLITE_OK) {
        return sj_store_fail(s, code, doing, err);
    }
    bool row = false;
    const sj_status status = sj_store_step(s, q, doing, &row, err);
    *out = row ? sqlite3_column_int64(q, 0) : 0;
    (void)sqlite3_finalize(q);
    return status;
}

static int64_t now_ms(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// SQLite waits for most locks itself; where waiting could not help the holder of an older snapshot, or while another process recovers the file after a crash, it returns at once: tried
// again until the patience is over.
sj_status sj_store_begin(sj_store *s, const char *doing, sj_error *err) {
    sqlite3_stmt *q = NULL;
    if (s->opener != getpid()) {  // SQLite would break the locks of both
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s: cannot %s: the store was opened by the process that this one was forked from", s->path, doing);
    }
    SJ_TRY(sj_store_query_of(s, SJ_QUERY_BEGIN, &q, err));
    const int64_t deadline = now_ms() + s->patience_ms;
    int code = sqlite3_step(q);
    while ((code & 0xff) == SQLITE_BUSY && now_ms() < deadline) {
        (void)sqlite3_reset(q);
        (void)nanosleep(&(struct timespec){0, 5000000}, NULL);
        code = sqlite3_step(q);
    }
    const sj_status status = code == SQLITE_DONE ? SJ_OK : sj_store_fail(s, code, doing, err);
    (void)sqlite3_reset(q);
    return status;
}

sj_status sj_store_end(sj_store *s, sj_status status, const char *doing, sj_error *err) {
    if (status == SJ_OK) {
        sqlite3_stmt *q = NULL;
        status = sj_store_query_of(s, SJ_QUERY_COMMIT, &q, err);
        status = status == SJ_OK ? sj_store_run(s, q, doing, err) : status;
    }
    if (sqlite3_get_autocommit(s->db) == 0) {  // still open: SQLite itself takes a transaction back after some failures
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return status;
}

void sj_store_bind_int(sj_store_binder *b, int64_t value) {
    const int code = sqlite3_bind_int64(b->q, b->next++, value);
    b->code = b->code == SQLITE_OK ? code : b->code;
}

void sj_store_bind_real(sj_store_binder *b, double value) {
    const int code = sqlite3_bind_double(b->q, b->next++, value);
    b->code = b->code == SQLITE_OK ? code : b->code;
}

void sj_store_bind_text(sj_store_binder *b, const char *text) {
    const int code = text != NULL ? sqlite3_bind_text(b->q, b->next++, text, -1, SQLITE_STATIC) : sqlite3_bind_null(b->q, b->next++);
    b->code = b->code == SQLITE_OK ? code : b->code;
}

sj_status sj_store_run_bound(sj_store *s, const sj_store_binder *b, const char *doing, sj_error *err) {
    return b->code == SQLITE_OK ? sj_store_run(s, b->q, doing, err) : sj_store_fail(s, b->code, doing, err);
}
