// SPDX-License-Identifier: Apache-2.0
// What is no store, or no sound one; where no store may be made.
#include "store_case.h"

#include <sys/stat.h>

#include "sj_file.h"

static void write_bytes(const char *path, const char *bytes, size_t count) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static void assert_no_store(const char *path, sj_status status, const char *part) {
    sj_store *s = (sj_store *)&f;
    assert_int_equal(sj_store_open(path, NULL, &s, &err), status);
    assert_null(s);
    assert_message(&err, status, part);
    assert_int_equal(sj_store_open(path, &f.about, &s, &err), status);
    assert_message(&err, status, part);
}

static void files_that_are_no_stores_are_refused(void **state) {
    char zeros[8192] = {0};
    write_bytes("empty", "", 0);
    write_bytes("zeros", zeros, sizeof zeros);
    write_bytes("text", "this is a text and no store of a sweep at all, but it is long enough to have a head of one hundred bytes or so, and more", 119);
    assert_int_equal(mkdir("folder", 0777), 0);
    assert_int_equal(mkfifo("pipe", 0666), 0);
    FILE *other = fopen("other", "wb");
    assert_int_equal(fclose(other), 0);
    run_sql("other", "PRAGMA journal_mode = WAL; CREATE TABLE points(id); INSERT INTO points VALUES(1);");
    assert_no_store("none", SJ_ERR_IO, "none: cannot open the store: No such file or directory");
    assert_no_store("empty", SJ_ERR_FORMAT, "empty: no store of a sweep: it is another program's SQLite file, or empty");
    assert_no_store("zeros", SJ_ERR_FORMAT, "zeros: no store of a sweep: it is no SQLite file");
    assert_no_store("text", SJ_ERR_FORMAT, "text: no store of a sweep: it is no SQLite file");
    assert_no_store("folder", SJ_ERR_FORMAT, "folder: no store of a sweep: it is no regular file");
    assert_no_store("pipe", SJ_ERR_FORMAT, "pipe: no store of a sweep: it is no regular file");
    assert_no_store("other", SJ_ERR_FORMAT, "other: no store of a sweep: it is another program's SQLite file");
    char mode[16];
    query_sql("other", "PRAGMA journal_mode", mode, sizeof mode);
    assert_string_equal(mode, "wal");  // left as it was
    sj_store_close(made());
    run_sql("a.db", "PRAGMA user_version = 2");
    assert_no_store("a.db", SJ_ERR_FORMAT, "a.db: its tables are of version 2; this program reads version 1");
    run_sql("a.db", "PRAGMA user_version = 1; DROP TABLE units");
    assert_no_store("a.db", SJ_ERR_FORMAT, "no such table: units");
}

static void every_table_of_what_it_is_about_is_checked(void **state) {
    static const char *const changes[] = {
        "UPDATE about SET value = 'x' WHERE key = 'config'",
        "UPDATE about SET value = 3 WHERE key = 'total'",
        "DELETE FROM about WHERE key = 'name'",
        "DELETE FROM objectives WHERE objective = 1",
        "UPDATE objectives SET name = 'joy'",
        "UPDATE axes SET name = 'x' WHERE axis = 2",
        "UPDATE axes SET value_count = 0",
        "UPDATE axes SET value_count = 200000",
        "UPDATE axes SET path_count = 3",
        "DELETE FROM axes",
        "UPDATE axis_paths SET text = 'y' WHERE axis = 1",
        "UPDATE axis_values SET text = 'y' WHERE axis = 1 AND value = 3 AND path = 0",
        "DELETE FROM axis_values WHERE axis = 2 AND value = 199",
        "UPDATE axis_labels SET label = 'z' WHERE axis = 0 AND value = 11",
        "UPDATE axis_labels SET number = 9 WHERE axis = 0 AND value = 1",
        "UPDATE traces SET weight = 2 WHERE trace = 0",
        "UPDATE traces SET unit_count = 4 WHERE trace = 1",
        "UPDATE traces SET unit_count = -1",
        "DELETE FROM traces WHERE trace = 1",
        "UPDATE units SET phase = 'dx' WHERE unit = 7",
        "UPDATE axes SET numeric = 0 WHERE axis = 0",
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        sj_store_close(made());
        run_sql("a.db", changes[i]);
        assert_no_store("a.db", SJ_ERR_FORMAT, "a.db: damaged or changed by hand: ");
        assert_int_equal(unlink("a.db"), 0);
    }
}

static sj_status pass_by(void *context, const sj_point_result *p, sj_error *e) { return SJ_OK; }

static void assert_change_is_found(const char *sql, bool in_layers) {
    sj_store *s = made();
    sj_point_result p;
    sj_unit_result units[8];
    uint64_t id = 0;
    do {
        fixture_result(&f, id++, true, units, &p);
    } while (!p.valid);
    assert_int_equal(sj_store_put(s, &p, 1, &err), SJ_OK);
    sj_store_close(s);
    run_sql("a.db", sql);
    s = opened(&f.about);
    bool found = false;
    char part[64];
    (void)snprintf(part, sizeof part, in_layers ? "a.db: damaged: the layers of point %d do not" : "a.db: damaged: point %d does not fit", (int)p.id);
    assert_int_equal(sj_store_get(s, p.id, &p, &found, &err), in_layers ? SJ_OK : SJ_ERR_FORMAT);
    if (!in_layers) {
        assert_message(&err, SJ_ERR_FORMAT, part);
        assert_int_equal(sj_store_each(s, pass_by, NULL, &err), SJ_ERR_FORMAT);
        assert_message(&err, SJ_ERR_FORMAT, part);
    }
    assert_int_equal(sj_store_units(s, p.id, units, 8, &err), SJ_ERR_FORMAT);
    assert_message(&err, SJ_ERR_FORMAT, part);
    sj_store_close(s);
    assert_int_equal(unlink("a.db"), 0);
}

static void changed_rows_are_found(void **state) {
    for (int v = 0; v < SJ_SWEEP_VALUE_COUNT; v++) {
        char sql[96];
        (void)snprintf(sql, sizeof sql, "UPDATE points SET %s = %s + 1e-3 + %s * 1e-15", sj_sweep_value_names[v], sj_sweep_value_names[v], sj_sweep_value_names[v]);
        assert_change_is_found(sql, false);
    }
    assert_change_is_found("UPDATE points SET valid = 0", false);
    assert_change_is_found("UPDATE points SET reason = 'x'", false);
    assert_change_is_found("UPDATE points SET layer_count = 0", false);
    assert_change_is_found("UPDATE points SET layer_check = layer_check - 1", false);
    assert_change_is_found("UPDATE points SET checksum = 0", false);
    assert_change_is_found("UPDATE layers SET cycles = cycles / 2 + 1 WHERE unit = 7", true);
    assert_change_is_found("UPDATE layers SET dram_bytes = dram_bytes + 1 WHERE unit = 0", true);
    assert_change_is_found("UPDATE layers SET energy_pj = -energy_pj WHERE unit = 3", true);
    assert_change_is_found("DELETE FROM layers WHERE unit = 7", true);
    assert_change_is_found("DELETE FROM layers WHERE unit = 0", true);
    assert_change_is_found("INSERT INTO layers SELECT point, 8, 1, 1, 1 FROM layers WHERE unit = 0", true);
}

// Of no table does it matter that nobody has read it yet.
static void a_broken_page_is_found_at_once(void **state) {
    sj_store *s = made();
    uint64_t ids[100];
    for (uint64_t i = 0; i < 100; i++) {
        ids[i] = i;
    }
    assert_int_equal(sj_store_begin_run(s, "test", &err), SJ_OK);
    assert_int_equal(fixture_put(&f, s, ids, 100, true, &err), SJ_OK);
    sj_store_close(s);
    char *bytes = NULL;
    size_t size = 0;
    assert_int_equal(sj_read_file("a.db", &bytes, &size, &err), SJ_OK);
    assert_true(size > 10 * 4096);
    for (size_t page = 0; page < size; page += 4096) {
        char whole[4096];
        memcpy(whole, bytes + page, sizeof whole);
        memset(bytes + page, 0, sizeof whole);
        write_bytes("b.db", bytes, size);
        memcpy(bytes + page, whole, sizeof whole);
        assert_no_store("b.db", SJ_ERR_FORMAT, "b.db: ");
    }
    free(bytes);
}

static void an_existing_file_is_no_place_for_a_new_store(void **state) {
    sj_store *s = NULL;
    write_bytes("file", "x", 1);
    assert_int_equal(mkdir("folder", 0777), 0);
    assert_int_equal(symlink("nowhere", "link"), 0);
    static const char *const names[] = {"file", "folder", "link"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sj_store_create(names[i], &f.about, &s, &err), SJ_ERR_EXISTS);
        assert_message(&err, SJ_ERR_EXISTS, ": there is one already");
        assert_null(s);
    }
    write_bytes("a.db-wal", "x", 1);
    assert_int_equal(sj_store_create("a.db", &f.about, &s, &err), SJ_ERR_EXISTS);
    assert_message(&err, SJ_ERR_EXISTS, "a.db-wal: belongs to a store that is no longer there");
    assert_int_equal(unlink("a.db-wal"), 0);
    write_bytes("a.db-journal", "x", 1);
    assert_int_equal(sj_store_create("a.db", &f.about, &s, &err), SJ_ERR_EXISTS);
    assert_int_equal(unlink("a.db-journal"), 0);
    assert_int_equal(sj_store_create("none/a.db", &f.about, &s, &err), SJ_ERR_IO);
    assert_message(&err, SJ_ERR_IO, "none/a.db: ");
    f.about.total = (uint64_t)INT64_MAX + 1;
    assert_int_equal(sj_store_create("a.db", &f.about, &s, &err), SJ_ERR_RANGE);
    f.about.total = INT64_MAX;
    assert_int_equal(sj_test_entries(), 3);  // no half-made one, no temporary
    sj_store_close(made());
    static const char *const odd[] = {"file:x?mode=memory", ":memory:", "a b%20'\".db"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sj_store_create(odd[i], &f.about, &s, &err), SJ_OK);
        sj_store_close(s);
        assert_true(sj_path_exists(odd[i]));
    }
}

static void of_several_makers_one_succeeds(void **state) {
    for (int round = 0; round < 5; round++) {
        int start[2];
        assert_int_equal(pipe(start), 0);
        pid_t children[6];
        for (int c = 0; c < 6; c++) {
            children[c] = fork();
            if (children[c] == 0) {
                char byte = 0;
                (void)close(start[1]);
                sj_store *s = NULL;
                const bool told = read(start[0], &byte, 1) == 0;  // all are let go when the parent closes its end
                const sj_status status = told ? sj_store_create("a.db", &f.about, &s, &err) : SJ_ERR_INTERNAL;
                sj_store_close(s);
                _exit(status == SJ_OK ? 10 : status == SJ_ERR_EXISTS ? 11 : 12);
            }
        }
        (void)close(start[0]);
        (void)close(start[1]);
        int made_count = 0;
        for (int c = 0; c < 6; c++) {
            int state_of = 0;
            assert_int_equal(waitpid(children[c], &state_of, 0), children[c]);
            assert_true(WIFEXITED(state_of) && (WEXITSTATUS(state_of) == 10 || WEXITSTATUS(state_of) == 11));
            made_count += WEXITSTATUS(state_of) == 10;
        }
        assert_int_equal(made_count, 1);
        sj_store_close(opened(&f.about));
        assert_int_equal(sj_test_entries(), 1);
        assert_int_equal(unlink("a.db"), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(files_that_are_no_stores_are_refused),
        IN_FOLDER(every_table_of_what_it_is_about_is_checked),
        IN_FOLDER(changed_rows_are_found),
        IN_FOLDER(a_broken_page_is_found_at_once),
        IN_FOLDER(an_existing_file_is_no_place_for_a_new_store),
        IN_FOLDER(of_several_makers_one_succeeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
