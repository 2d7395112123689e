// SPDX-License-Identifier: Apache-2.0
// Inside explore/store*.c and their tests only. The tables: store_schema.c.
#ifndef SJ_STORE_INTERNAL_H
#define SJ_STORE_INTERNAL_H

#include <sqlite3.h>
#include <sys/types.h>

#include "sj_sweep_store.h"

enum {
    SJ_STORE_VERSION = 1,               // PRAGMA user_version
    SJ_STORE_APPLICATION = 0x534a7377,  // PRAGMA application_id: "SJsw"
    SJ_STORE_UNITS_MAX = 1 << 20,       // of one trace: what a damaged count may not exceed
    SJ_STORE_PATIENCE_MS = 60000        // that a lock is waited for
};

// The columns of the values: ", energy_pj, energy_low_pj, ..." and the marks of as many parameters.
#define SJ_STORE_COMMA_NAME(id, unit, meaning) ", " #id
#define SJ_STORE_COMMA_MARK(id, unit, meaning) ", ?"
#define SJ_STORE_VALUE_NAMES SJ_SWEEP_VALUES(SJ_STORE_COMMA_NAME)
#define SJ_STORE_VALUE_MARKS SJ_SWEEP_VALUES(SJ_STORE_COMMA_MARK)
// Every column that sj_store_read_point reads, in its order.
#define SJ_STORE_POINT_COLUMNS "id, valid, reason" SJ_STORE_VALUE_NAMES ", layer_count, layer_check, checksum, run"

// Rows of layers that one statement writes: 20 take a third of the time of 20 statements.
#define SJ_STORE_LAYER "(?, ?, ?, ?, ?)"
#define SJ_STORE_5_LAYERS SJ_STORE_LAYER ", " SJ_STORE_LAYER ", " SJ_STORE_LAYER ", " SJ_STORE_LAYER ", " SJ_STORE_LAYER
#define SJ_STORE_20_LAYERS SJ_STORE_5_LAYERS ", " SJ_STORE_5_LAYERS ", " SJ_STORE_5_LAYERS ", " SJ_STORE_5_LAYERS
enum { SJ_STORE_LAYERS_AT_ONCE = 20 };

// Statements that are prepared once: X(name, SQL).
#define SJ_STORE_QUERIES(X)                                                                                                                              \
    X(BEGIN, "BEGIN IMMEDIATE")                                                                                                                          \
    X(COMMIT, "COMMIT")                                                                                                                                  \
    X(PUT_POINT, "INSERT INTO points(" SJ_STORE_POINT_COLUMNS ") VALUES(?, ?, ?" SJ_STORE_VALUE_MARKS ", ?, ?, ?, ?) ON CONFLICT(id) DO NOTHING")        \
    X(PUT_LAYER, "INSERT INTO layers(point, unit, cycles, energy_pj, dram_bytes) VALUES" SJ_STORE_LAYER)                                                 \
    X(PUT_LAYERS, "INSERT INTO layers(point, unit, cycles, energy_pj, dram_bytes) VALUES" SJ_STORE_20_LAYERS)                                            \
    X(HAS, "SELECT 1 FROM points WHERE id = ?")                                                                                                          \
    X(GET, "SELECT " SJ_STORE_POINT_COLUMNS " FROM points WHERE id = ?")                                                                                 \
    X(COUNT, "SELECT count(*), coalesce(sum(valid), 0) FROM points")                                                                                     \
    X(LAYERS, "SELECT unit, cycles, energy_pj, dram_bytes FROM layers WHERE point = ? ORDER BY unit")                                                    \
    X(CLAIM_READ, "SELECT state, host, pid, start, seen FROM claims WHERE chunk = ?")                                                                    \
    X(CLAIM_WRITE, "INSERT OR REPLACE INTO claims(chunk, state, host, pid, start, seen) VALUES(?, ?, ?, ?, ?, ?)")                                       \
    X(CLAIM_ALIVE, "UPDATE claims SET seen = ? WHERE state = 'taken' AND host = ? AND pid = ? AND start = ?")                                            \
    X(RUN_BEGIN, "INSERT INTO runs(uid, host, pid, version, command, began, points) VALUES(?, ?, ?, ?, ?, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 0)")    \
    X(RUN_POINTS, "UPDATE runs SET points = points + ? WHERE run = ?")                                                                                   \
    X(RUN_END, "UPDATE runs SET ended = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), outcome = ? WHERE run = ?")                                               \
    X(RUN_COPY, "INSERT INTO runs(uid, host, pid, version, command, began, ended, points, outcome) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(uid) DO " \
                "UPDATE SET ended = excluded.ended, points = excluded.points, outcome = excluded.outcome")                                               \
    X(RUN_FIND, "SELECT run FROM runs WHERE uid = ?")

typedef enum sj_store_query {
#define SJ_X(name, sql) SJ_QUERY_##name,
    SJ_STORE_QUERIES(SJ_X)
#undef SJ_X
    SJ_QUERY_COUNT_OF
} sj_store_query;

// A process, told from a later one of the same number.
typedef struct sj_store_owner {
    char host[256];
    int64_t pid;
    char start[96];  // boot id of the machine and start time of the process in clock ticks since then
} sj_store_owner;

typedef struct sj_store_piece sj_store_piece;

struct sj_store {
    sqlite3 *db;
    char *path;      // as given: for messages
    sqlite3_stmt *queries[SJ_QUERY_COUNT_OF];
    sj_store_piece *pieces;  // memory that `about` and `space` point into
    sj_sweep_about about;
    sj_space space;
    uint64_t strides[SJ_AXES_MAX];  // index of an axis: id / stride % value_count
    int64_t unit_count;             // of all traces
    char *program;                  // version of the program that opened it to write, else NULL
    sj_store_owner owner;
    int64_t run;                    // row of `runs` under way, 0: none
    bool sound;                     // a store, and whole: its journal may be put back when it is closed
    int patience_ms;
    pid_t opener;                   // SQLite's locks are this process's, not its children's
};

// ---- store_sql.c
// The sentence for a failed call of SQLite: "PATH: cannot DOING: why".
sj_status sj_store_fail(const sj_store *s, int code, const char *doing, sj_error *err);
sj_status sj_store_exec(sj_store *s, const char *sql, const char *doing, sj_error *err);
sj_status sj_store_prepare(sj_store *s, const char *sql, sqlite3_stmt **out, sj_error *err);  // caller: sqlite3_finalize
sj_status sj_store_query_of(sj_store *s, sj_store_query query, sqlite3_stmt **out, sj_error *err);  // borrowed, reset
// One step; the statement is reset once there is no further row. Whoever stops before that resets it: an open one keeps its locks.
sj_status sj_store_step(sj_store *s, sqlite3_stmt *q, const char *doing, bool *row, sj_error *err);
sj_status sj_store_run(sj_store *s, sqlite3_stmt *q, const char *doing, sj_error *err);  // a statement without rows
// The only number of the first row of a query.
sj_status sj_store_number(sj_store *s, const char *sql, const char *doing, int64_t *out, sj_error *err);
// A transaction that may write, begun at once so that it needs no upgrade; end commits where status is SJ_OK, else it takes all back and returns status.
sj_status sj_store_begin(sj_store *s, const char *doing, sj_error *err);
sj_status sj_store_end(sj_store *s, sj_status status, const char *doing, sj_error *err);

// Binds parameters one after the other; `code` holds the first failure.
typedef struct sj_store_binder {
    sqlite3_stmt *q;
    int next, code;
} sj_store_binder;
static inline sj_store_binder sj_store_bind(sqlite3_stmt *q) { return (sj_store_binder){q, 1, SQLITE_OK}; }
void sj_store_bind_int(sj_store_binder *b, int64_t value);
void sj_store_bind_real(sj_store_binder *b, double value);
void sj_store_bind_text(sj_store_binder *b, const char *text);  // NULL: SQL's NULL; must live until the statement is reset
sj_status sj_store_run_bound(sj_store *s, const sj_store_binder *b, const char *doing, sj_error *err);

// ---- store_check.c: FNV-1a 64 over numbers in little-endian bytes
#define SJ_STORE_CHECK_START 0xcbf29ce484222325ull
uint64_t sj_check_number(uint64_t check, uint64_t value);
uint64_t sj_check_real(uint64_t check, double value);
uint64_t sj_check_text(uint64_t check, const char *text);
uint64_t sj_check_units(const sj_unit_result *units, int64_t count);
uint64_t sj_check_point(const sj_point_result *point, int64_t layer_count, uint64_t layer_check);
uint64_t sj_check_about(const sj_sweep_about *about);

// ---- store_schema.c
sj_status sj_store_make_tables(sj_store *s, const sj_sweep_about *about, sj_error *err);

// ---- store_about.c, store_about_read.c
sj_status sj_store_write_about(sj_store *s, const sj_sweep_about *about, sj_error *err);
sj_status sj_store_write_objectives(sj_store *s, const sj_sweep_about *about, sqlite3_stmt *q, sj_error *err);  // q: INSERT INTO objectives, prepared
sj_status sj_store_read_about(sj_store *s, sj_error *err);
void sj_store_free_about(sj_store *s);
const char *sj_store_label(const sj_store *s, uint64_t id, int axis);

// ---- store_identity.c
typedef enum sj_store_difference { SJ_SAME_SWEEP, SJ_OTHER_CONTENT, SJ_OTHER_SWEEP } sj_store_difference;
// The first difference between what a store is about and a sweep; OTHER_CONTENT: of trace *trace, else `text` says it ("the axis array.rows has ... there, ... here").
sj_store_difference sj_store_compare(const sj_sweep_about *there, const sj_sweep_about *here, int *trace, char *text, size_t size);

// ---- store.c
typedef enum sj_store_mode {
    SJ_STORE_SHARED,    // WAL where the file system is a local one, else a rollback journal
    SJ_STORE_ROLLBACK,  // a rollback journal in any case
    SJ_STORE_AS_IS,     // the journal stays as it is; written to if the file can be
    SJ_STORE_READ       // never written to
} sj_store_mode;
sj_status sj_store_open_as(const char *path, const sj_sweep_about *about, sj_store_mode mode, sj_store **out, sj_error *err);
sj_status sj_store_make_file(const char *path, const char *file, const sj_sweep_about *about, sj_error *err);  // a whole store in `file`; messages name `path`

// ---- store_points.c
typedef struct sj_store_row {
    sj_point_result point;
    int64_t layer_count, run;  // run 0: none
    uint64_t layer_check;
} sj_store_row;
// The row that q stands on, of SJ_STORE_POINT_COLUMNS. SJ_ERR_FORMAT: its check value does not fit.
sj_status sj_store_read_point(const sj_store *s, sqlite3_stmt *q, sj_store_row *out, sj_error *err);
sj_status sj_store_read_layers(sj_store *s, const sj_store_row *row, sj_unit_result *units, sj_error *err);  // units: row->layer_count
sj_status sj_store_write_point(sj_store *s, const sj_point_result *point, int64_t run, bool *added, sj_error *err);  // within a transaction

// ---- store_claims.c
void sj_store_find_owner(sj_store_owner *out);

#endif
