// SPDX-License-Identifier: Apache-2.0
// Shards: whole ones are taken over and stay as they are; what a killed writer left counts; damaged ones add nothing false.
#include "store_case.h"

#include <sys/stat.h>

#include "sj_file.h"

// A store with the points first .. first + count - 1, of one run.
static void make_store(const char *path, uint64_t first, int64_t count, const char *command) {
    sj_store *s = NULL;
    uint64_t ids[512];
    assert_true(count <= 512);
    for (int64_t i = 0; i < count; i++) {
        ids[i] = first + (uint64_t)i;
    }
    bool well = sj_store_create(path, &f.about, &s, &err) == SJ_OK && sj_store_begin_run(s, command, &err) == SJ_OK;
    well = well && fixture_put(&f, s, ids, count, true, &err) == SJ_OK && sj_store_end_run(s, "done", &err) == SJ_OK;
    if (!well) {
        fail_msg("%s", err.message);
    }
    sj_store_close(s);
}

static sj_status merge_into(const char *path, const char *shard, uint64_t *added) {
    sj_store *s = NULL;
    if (sj_store_open(path, &f.about, &s, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    const sj_status status = sj_store_merge(s, shard, added, &err);
    sj_error other;
    assert_int_equal(fixture_put(&f, s, (uint64_t[]){0}, 1, true, &other), SJ_OK);  // it goes on: point 0 is there already
    sj_store_close(s);
    return status;
}

static sj_status check_point(void *context, const sj_point_result *p, sj_error *e) {
    assert_stored(&f, context, p->id, true);
    return SJ_OK;
}

// All points are as they were put. How many there are.
static uint64_t count_true_points(const char *path) {
    sj_store *s = NULL;
    sj_store_counts counts;
    if (sj_store_open(path, NULL, &s, &err) != SJ_OK || sj_store_each(s, check_point, s, &err) != SJ_OK || sj_store_count(s, &counts, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    sj_store_close(s);
    return counts.points;
}

typedef struct content {
    char *bytes;
    size_t size;
} content;

static content read_whole(const char *path) {
    content c;
    assert_int_equal(sj_read_file(path, &c.bytes, &c.size, &err), SJ_OK);
    return c;
}

static void write_whole(const char *path, const char *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void assert_unchanged(const char *path, content before) {
    const content now = read_whole(path);
    assert_int_equal(now.size, before.size);
    assert_memory_equal(now.bytes, before.bytes, before.size);
    free(now.bytes);
}

static void shards_come_together_and_stay(void **state) {
    uint64_t added = 77;
    make_store("main.db", 0, 100, "main");
    make_store("one.db", 50, 100, "first shard");   // overlaps
    make_store("two.db", 400, 30, "second shard");  // stands alone
    const content one = read_whole("one.db"), two = read_whole("two.db");
    assert_int_equal(merge_into("main.db", "one.db", &added), SJ_OK);
    assert_int_equal(added, 50);
    assert_int_equal(merge_into("main.db", "two.db", NULL), SJ_OK);
    assert_int_equal(merge_into("main.db", "one.db", &added), SJ_OK);
    assert_int_equal(added, 0);
    assert_unchanged("one.db", one);
    assert_unchanged("two.db", two);
    assert_int_equal(sj_test_entries(), 3);
    assert_int_equal(count_true_points("main.db"), 180);
    assert_int_equal(query_number("main.db", "SELECT count(*) FROM runs"), 3);
    char text[128];
    static const char sql[] = "SELECT group_concat(command || ' ' || n, ', ') FROM (SELECT command, (SELECT count(*) FROM points WHERE points.run = runs.run) AS n FROM runs ORDER BY run)";
    query_sql("main.db", sql, text, sizeof text);
    assert_string_equal(text, "main 100, first shard 50, second shard 30");
    free(one.bytes);
    free(two.bytes);
}

// A run that went on after a first merge is brought up to date by the next, not doubled.
static void a_growing_shard_is_merged_again(void **state) {
    make_store("main.db", 0, 10, "main");
    sj_store *shard = NULL;
    uint64_t added = 0;
    assert_int_equal(sj_store_create("one.db", &f.about, &shard, &err), SJ_OK);
    assert_int_equal(sj_store_begin_run(shard, "shard", &err), SJ_OK);
    assert_int_equal(fixture_put(&f, shard, (uint64_t[]){20, 21}, 2, true, &err), SJ_OK);
    assert_int_equal(merge_into("main.db", "one.db", &added), SJ_OK);  // while it is open
    assert_int_equal(added, 2);
    assert_int_equal(fixture_put(&f, shard, (uint64_t[]){22}, 1, true, &err), SJ_OK);
    assert_int_equal(sj_store_end_run(shard, "done", &err), SJ_OK);
    assert_int_equal(merge_into("main.db", "one.db", &added), SJ_OK);
    assert_int_equal(added, 1);
    sj_store_close(shard);
    assert_int_equal(count_true_points("main.db"), 13);
    assert_int_equal(query_number("main.db", "SELECT count(*) FROM runs"), 2);
    assert_int_equal(query_number("main.db", "SELECT points FROM runs WHERE command = 'shard' AND outcome = 'done'"), 3);
}

static void assert_refused(const char *shard, sj_status status, const char *part) {
    uint64_t added = 77;
    assert_int_equal(merge_into("main.db", shard, &added), status);
    assert_message(&err, status, part);
    assert_int_equal(added, 77);
    assert_int_equal(count_true_points("main.db"), 20);
    assert_int_equal(query_number("main.db", "SELECT count(*) FROM runs"), 1);
}

static void what_is_no_shard_is_refused(void **state) {
    make_store("main.db", 0, 20, "main");
    const fixture same = f;
    (void)snprintf(f.traces[1].hash, sizeof f.traces[1].hash, "00000000000000ff");
    f.about.identity = "other";
    make_store("trace.db", 0, 5, "x");
    f.traces[1] = same.traces[1];
    f.traces[0].weight = 3;
    make_store("weight.db", 0, 5, "x");
    f.traces[0] = same.traces[0];
    f.space.axes[0].name = fixture_text(&f, "rows");
    make_store("axis.db", 0, 5, "x");
    f.space.axes[0] = same.space.axes[0];
    make_store("settings.db", 0, 5, "x");
    f.about.identity = same.about.identity;
    write_whole("text", "hello", 5);
    write_whole("empty", "", 0);
    assert_refused("trace.db", SJ_ERR_CONFIG, "trace.db: the shard is of another sweep than main.db: trace trace1.h5 has another content (hash 00000000000000ff there, 0000000000000abd here)");
    assert_refused("weight.db", SJ_ERR_CONFIG, "weight.db: the shard is of another sweep than main.db: the weight of trace trace0.h5 is 3 there, 1 here");
    assert_refused("axis.db", SJ_ERR_CONFIG, "axis 1 is rows there, array.rows here");
    assert_refused("settings.db", SJ_ERR_CONFIG, "(identity other there, 0123456789abcdef here)");
    assert_refused("main.db", SJ_ERR_CONFIG, "main.db: is the store itself");
    assert_refused("none.db", SJ_ERR_IO, "none.db: cannot open the store: No such file or directory");
    assert_refused("text", SJ_ERR_FORMAT, "text: no store of a sweep");
    assert_refused("empty", SJ_ERR_FORMAT, "empty: no store of a sweep");
    assert_int_equal(link("main.db", "alias.db"), 0);
    assert_refused("alias.db", SJ_ERR_CONFIG, "alias.db: is the store itself");
}

// One wrong row, of a kind that SQLite does not mind, is found before anything is kept of the shard.
static void a_single_wrong_value_spoils_the_shard(void **state) {
    static const char *const changes[] = {
        "UPDATE points SET cycles = 2 * cycles + 1 WHERE id = 329",
        "UPDATE points SET valid = 1 - valid WHERE id = 329",
        "UPDATE points SET id = 16000 WHERE id = 329",
        "UPDATE points SET id = 99999 WHERE id = 329",
        "UPDATE layers SET energy_pj = energy_pj * 1.0000001 WHERE point = (SELECT max(point) FROM layers) AND unit = 7",
        "DELETE FROM layers WHERE point = (SELECT max(point) FROM layers)",
        "DELETE FROM layers WHERE point = (SELECT max(point) FROM layers) AND unit = 3",
    };
    make_store("main.db", 0, 20, "main");
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        make_store("one.db", 10, 320, "shard");
        run_sql("one.db", changes[i]);
        assert_refused("one.db", SJ_ERR_FORMAT, "one.db: damaged: ");
        assert_int_equal(unlink("one.db"), 0);
    }
    make_store("one.db", 0, 5, "shard");  // also where the store has the point already
    run_sql("one.db", "UPDATE points SET cycles = 2 * cycles + 1 WHERE id = 3");
    assert_refused("one.db", SJ_ERR_FORMAT, "one.db: damaged: point 3 does not fit its check value");
}

enum { DAMAGES = 300 };

typedef enum damage { FLIP_BITS, TRUNCATE, ZERO_RANGE, SWAP_PAGES, DAMAGE_KINDS } damage;

static void damage_bytes(sj_random *r, content *c) {
    switch ((damage)sj_random_below(r, DAMAGE_KINDS)) {
        case TRUNCATE:
            c->size = sj_random_below(r, c->size);
            break;
        case ZERO_RANGE: {
            const size_t from = sj_random_below(r, c->size), length = sj_random_below(r, c->size - from) / (1 + sj_random_below(r, 50));
            memset(c->bytes + from, 0, length + 1);
            break;
        }
        case SWAP_PAGES: {
            const size_t pages = c->size / 4096, a = sj_random_below(r, pages), b = sj_random_below(r, pages);
            char page[4096];
            memcpy(page, c->bytes + a * 4096, 4096);
            memcpy(c->bytes + a * 4096, c->bytes + b * 4096, 4096);
            memcpy(c->bytes + b * 4096, page, 4096);
            break;
        }
        default:
            for (uint64_t flips = 1 + sj_random_below(r, 4); flips > 0; flips--) {
                c->bytes[sj_random_below(r, c->size)] ^= (char)(1 << sj_random_below(r, 8));
            }
    }
}

// Merges the damaged file `damaged` of the shard (the whole of it stands in `whole`) into a fresh copy of the store: either it fails and nothing is added, or all that is added is true.
static bool merge_damaged(sj_random *r, content main_file, const char *damaged, content whole) {
    content c = {malloc(whole.size), whole.size};
    assert_non_null(c.bytes);
    memcpy(c.bytes, whole.bytes, whole.size);
    damage_bytes(r, &c);
    write_whole(damaged, c.bytes, c.size);
    write_whole("main.db", main_file.bytes, main_file.size);
    free(c.bytes);
    uint64_t added = 0;
    const sj_status status = merge_into("main.db", "one.db", &added);
    const uint64_t points = count_true_points("main.db");
    if (status != SJ_OK) {
        assert_true(status == SJ_ERR_FORMAT || status == SJ_ERR_CONFIG);  // a bit of the hash or the identity makes it another sweep's
        assert_int_equal(points, 20);
        assert_int_equal(query_number("main.db", "SELECT count(*) FROM runs"), 1);
        return false;
    }
    assert_true(points == 20 + added && added <= 190);
    return true;
}

static void damaged_shards_add_nothing_false(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(21));
    make_store("main.db", 0, 20, "main");
    make_store("one.db", 10, 200, "shard");
    const content main_file = read_whole("main.db"), whole = read_whole("one.db");
    int merged = 0;
    for (int i = 0; i < DAMAGES; i++) {
        merged += merge_damaged(&r, main_file, "one.db", whole);
    }
    printf("%d of %d were merged all the same\n", merged, DAMAGES);
    assert_true(merged < DAMAGES / 2);
    free(main_file.bytes);
    free(whole.bytes);
}

// A shard whose writer is killed with all of its points in the write-ahead log; where `copied`, the file has them too (as after a checkpoint), so that a part of the log does not go with it.
static void leave_log(const char *path, uint64_t first, int64_t count, bool copied) {
    const pid_t child = fork();
    if (child == 0) {
        sj_store *s = NULL;
        bool well = sj_store_create(path, &f.about, &s, &err) == SJ_OK;
        if (well) {
            sj_store_close(s);
            well = sj_store_open(path, &f.about, &s, &err) == SJ_OK;
        }
        well = well && sqlite3_exec(s->db, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0", NULL, NULL, NULL) == SQLITE_OK;
        for (int64_t i = 0; i < count && well; i++) {
            const uint64_t id = first + (uint64_t)i;
            well = fixture_put(&f, s, &id, 1, true, &err) == SJ_OK;
        }
        well = well && (!copied || sqlite3_exec(s->db, "PRAGMA wal_checkpoint(PASSIVE)", NULL, NULL, NULL) == SQLITE_OK);
        (void)kill(getpid(), well ? SIGKILL : SIGABRT);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
}

static void a_killed_writers_log_is_merged(void **state) {
    uint64_t added = 0;
    leave_log("one.db", 10, 60, false);
    make_store("main.db", 0, 20, "main");
    assert_true(sj_path_exists("one.db-wal"));
    const content file = read_whole("one.db"), log = read_whole("one.db-wal");
    assert_int_equal(merge_into("main.db", "one.db", &added), SJ_OK);
    assert_int_equal(added, 50);
    assert_unchanged("one.db", file);
    assert_unchanged("one.db-wal", log);
    assert_int_equal(unlink("one.db-shm"), 0);  // its index is made anew where it is missing
    assert_int_equal(merge_into("main.db", "one.db", &added), SJ_OK);
    assert_int_equal(added, 0);
    assert_unchanged("one.db", file);
    assert_unchanged("one.db-wal", log);
    assert_int_equal(count_true_points("main.db"), 70);
    free(file.bytes);
    free(log.bytes);
}

static void damaged_logs_add_nothing_false(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(22));
    make_store("main.db", 0, 20, "main");
    const content main_file = read_whole("main.db");
    for (int copied = 0; copied < 2; copied++) {
        leave_log("one.db", 10, 60, copied == 1);
        const content file = read_whole("one.db"), log = read_whole("one.db-wal");
        int merged = 0;
        for (int i = 0; i < DAMAGES / 3; i++) {
            write_whole("one.db", file.bytes, file.size);
            (void)unlink("one.db-shm");
            merged += merge_damaged(&r, main_file, "one.db-wal", log);
        }
        printf("%d of %d were merged\n", merged, DAMAGES / 3);
        free(file.bytes);
        free(log.bytes);
        assert_true(unlink("one.db") == 0 && unlink("one.db-wal") == 0);
    }
    free(main_file.bytes);
}

// Killed while a rollback journal holds what half of the file had been: as after a kill between the writes of a large batch.
static void a_half_written_shard_is_taken_back_and_merged(void **state) {
    uint64_t added = 0;
    make_store("one.db", 10, 400, "shard");
    const pid_t child = fork();
    if (child == 0) {
        sj_store *s = NULL;
        bool well = sj_store_open_as("one.db", &f.about, SJ_STORE_ROLLBACK, &s, &err) == SJ_OK;
        static const char sql[] = "PRAGMA cache_size = 5; BEGIN IMMEDIATE; UPDATE layers SET cycles = cycles + 1; UPDATE points SET cycles = cycles + 1";
        well = well && sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK;
        (void)kill(getpid(), well ? SIGKILL : SIGABRT);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
    make_store("main.db", 0, 20, "main");
    sqlite3 *db = NULL;  // the journal is one that a reader cannot pass over
    assert_int_equal(sqlite3_open_v2("one.db", &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "SELECT count(*) FROM points", NULL, NULL, NULL), SQLITE_READONLY);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(merge_into("main.db", "one.db", &added), SJ_OK);
    assert_int_equal(added, 390);
    assert_int_equal(count_true_points("main.db"), 410);
    assert_int_equal(count_true_points("one.db"), 400);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(shards_come_together_and_stay),
        IN_FOLDER(a_growing_shard_is_merged_again),
        IN_FOLDER(what_is_no_shard_is_refused),
        IN_FOLDER(a_single_wrong_value_spoils_the_shard),
        IN_FOLDER(damaged_shards_add_nothing_false),
        IN_FOLDER(a_killed_writers_log_is_merged),
        IN_FOLDER(damaged_logs_add_nothing_false),
        IN_FOLDER(a_half_written_shard_is_taken_back_and_merged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
