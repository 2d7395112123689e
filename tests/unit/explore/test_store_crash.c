// SPDX-License-Identifier: Apache-2.0
// Processes that are killed, that write at once, and disks that are full: what was put stays, whole, once.
#include "store_fixture.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>

#include "sj_file.h"

enum { BATCHES = 400, BATCH = 12, KILLS = 10 };

static sj_error err;
static char folder[SJ_TEST_FOLDER_MAX];
static fixture f;
static sj_store_mode store_mode;

static int enter_folder(void **state) {
    fixture_start(&f);
    fixture_axis(&f, "array.rows", 1, 50, true);
    fixture_axis(&f, "shape", 2, 100, false);
    fixture_trace(&f, 40, 1);
    fixture_trace(&f, 20, 1);
    store_mode = *state == NULL ? SJ_STORE_SHARED : SJ_STORE_ROLLBACK;
    return !sj_test_enter_folder(folder);
}

static int leave_folder(void **state) { return !sj_test_leave_folder(folder); }

static void pause_us(uint64_t microseconds) { (void)nanosleep(&(struct timespec){(time_t)(microseconds / 1000000), (long)(microseconds % 1000000) * 1000}, NULL); }

static void make_store(void) {
    sj_store *s = NULL;
    if (sj_store_create("a.db", &f.about, &s, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    sj_store_close(s);
}

// The points of a batch: all different, over all batches too, scattered over the space.
static void batch_ids(int64_t batch, uint64_t ids[BATCH]) {
    for (int64_t i = 0; i < BATCH; i++) {
        ids[i] = (uint64_t)(batch * BATCH + i) * 2741 % f.space.size;  // 2741 and 5000 have no common divisor
    }
}

// Puts batches from `first` on, acknowledging each with a byte; closes the store and opens it again every few.
static void put_batches(int64_t first, int out) {
    sj_store *s = NULL;
    bool well = sj_store_open_as("a.db", &f.about, store_mode, &s, &err) == SJ_OK;
    for (int64_t batch = first; batch < BATCHES && well; batch++) {
        uint64_t ids[BATCH];
        batch_ids(batch, ids);
        well = fixture_put(&f, s, ids, BATCH, batch % 3 != 0, &err) == SJ_OK && write(out, "x", 1) == 1;
        if (well && batch % 7 == 6) {
            sj_store_close(s);
            well = sj_store_open_as("a.db", &f.about, store_mode, &s, &err) == SJ_OK;
        }
    }
    if (!well) {
        (void)fprintf(stderr, "%s\n", err.message);
    }
    sj_store_close(s);
    _exit(well ? 0 : 1);
}

// The first `acknowledged` batches are there; the next one is there or not, but whole; nothing else is.
static void assert_batches(int64_t acknowledged) {
    sj_store *s = NULL;
    sj_store_counts counts;
    if (sj_store_open("a.db", NULL, &s, &err) != SJ_OK) {  // with a quick_check
        fail_msg("%s", err.message);
    }
    uint64_t ids[BATCH];
    for (int64_t batch = 0; batch < acknowledged; batch++) {
        batch_ids(batch, ids);
        for (int i = 0; i < BATCH; i++) {
            assert_stored(&f, s, ids[i], batch % 3 != 0);
        }
    }
    bool there[BATCH];
    batch_ids(acknowledged, ids);
    assert_int_equal(sj_store_has(s, ids, BATCH, there, &err), SJ_OK);
    for (int i = 1; i < BATCH; i++) {
        assert_int_equal(there[i], there[0]);
    }
    assert_int_equal(sj_store_count(s, &counts, &err), SJ_OK);
    assert_int_equal(counts.points, (acknowledged + (there[0] && acknowledged < BATCHES)) * BATCH);
    sj_store_close(s);
}

// One child from the batch `first` on, killed after some time unless it is 0 (then it ends by itself). The number of batches that are acknowledged then.
static int64_t run_child(int64_t first, uint64_t kill_after_us) {
    int acknowledge[2];
    assert_int_equal(pipe(acknowledge), 0);
    const pid_t child = fork();
    if (child == 0) {
        (void)close(acknowledge[0]);
        put_batches(first, acknowledge[1]);
    }
    (void)close(acknowledge[1]);
    if (kill_after_us > 0) {
        pause_us(kill_after_us);
        (void)kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
    }
    char bytes[64];
    for (ssize_t got; (got = read(acknowledge[0], bytes, sizeof bytes)) > 0;) {
        first += got;
    }
    (void)close(acknowledge[0]);
    if (kill_after_us == 0) {
        assert_child_well(child);
    }
    return first;
}

static void a_killed_writer_loses_nothing(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(11));
    make_store();
    int64_t acknowledged = 0;
    for (int kill_count = 0; kill_count < KILLS; kill_count++) {
        acknowledged = run_child(acknowledged, 1 + sj_random_below(&r, 120000));
        assert_batches(acknowledged);
    }
    assert_int_equal(run_child(acknowledged, 0), BATCHES);
    assert_batches(BATCHES);
    assert_int_equal(sj_test_entries(), 1);
}

static void a_killed_maker_leaves_no_half_made_store(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(12));
    int made = 0;
    for (int round = 0; round < 30; round++) {
        const pid_t child = fork();
        if (child == 0) {
            sj_store *s = NULL;
            _exit(sj_store_create("a.db", &f.about, &s, &err) == SJ_OK ? 0 : 1);
        }
        pause_us(sj_random_below(&r, 12000));
        (void)kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        if (sj_path_exists("a.db")) {
            made++;
            assert_batches(0);
            assert_int_equal(unlink("a.db"), 0);
            (void)unlink("a.db-journal");  // of the switch to WAL after the store was in place
            (void)unlink("a.db-wal");
            (void)unlink("a.db-shm");
        }
    }
    printf("%d of 30 were made before the kill\n", made);
    make_store();
    assert_int_equal(sj_test_entries(), 1);  // what the others left is gone
}

enum { WRITERS = 3, PUTS = 40 };

// Half of the points are this writer's own, half are everyone's.
static uint64_t shared_id(int writer, int64_t i) { return i % 2 == 0 ? (uint64_t)i * 3 % 1000 : (uint64_t)(1000 + writer * 1000 + i); }

static void put_among_others(int writer) {
    sj_store *s = NULL;
    bool well = sj_store_open_as("a.db", &f.about, store_mode, &s, &err) == SJ_OK && sj_store_begin_run(s, "test", &err) == SJ_OK;
    for (int64_t i = 0; i < PUTS && well; i++) {
        uint64_t ids[5];
        for (int64_t k = 0; k < 5; k++) {
            ids[k] = shared_id(writer, i * 5 + k);
        }
        well = fixture_put(&f, s, ids, 5, true, &err) == SJ_OK;
    }
    well = well && sj_store_end_run(s, "done", &err) == SJ_OK;
    if (!well) {
        (void)fprintf(stderr, "%s\n", err.message);
    }
    sj_store_close(s);
    _exit(well ? 0 : 1);
}

static sj_status check_point(void *context, const sj_point_result *p, sj_error *e) {
    sj_point_result want;
    fixture_result(&f, p->id, false, NULL, &want);
    assert_same_point(p, &want);
    assert_stored(&f, context, p->id, true);
    return SJ_OK;
}

static void several_processes_write_at_once(void **state) {
    static bool there[5000];
    int64_t distinct = 0;
    pid_t children[WRITERS];
    make_store();
    memset(there, 0, sizeof there);
    for (int w = 0; w < WRITERS; w++) {
        children[w] = fork();
        if (children[w] == 0) {
            put_among_others(w);
        }
    }
    sj_store *s = NULL;
    for (int look = 0; look < 5; look++) {  // a reader meanwhile
        assert_int_equal(sj_store_open("a.db", NULL, &s, &err), SJ_OK);
        assert_int_equal(sj_store_each(s, check_point, s, &err), SJ_OK);
        sj_store_close(s);
    }
    for (int w = 0; w < WRITERS; w++) {
        assert_child_well(children[w]);
    }
    assert_int_equal(sj_store_open("a.db", &f.about, &s, &err), SJ_OK);
    for (int w = 0; w < WRITERS; w++) {
        for (int64_t i = 0; i < PUTS * 5; i++) {
            const uint64_t id = shared_id(w, i);
            distinct += !there[id];
            there[id] = true;
            assert_stored(&f, s, id, true);
        }
    }
    sj_store_counts counts;
    assert_int_equal(sj_store_count(s, &counts, &err), SJ_OK);
    assert_int_equal(counts.points, distinct);
    sj_store_close(s);
    assert_int_equal(query_number("a.db", "SELECT sum(points) FROM runs"), distinct);  // each is one run's
    assert_int_equal(query_number("a.db", "SELECT count(*) FROM runs WHERE points = (SELECT count(*) FROM points WHERE points.run = runs.run)"), WRITERS);
}

static bool has_batches(sj_store *s, int64_t batches) {
    bool well = true;
    for (int64_t batch = 0; batch < batches && well; batch++) {
        uint64_t ids[BATCH];
        bool there[BATCH];
        batch_ids(batch, ids);
        well = sj_store_has(s, ids, BATCH, there, &err) == SJ_OK;
        for (int i = 0; i < BATCH; i++) {
            well = well && there[i];
        }
    }
    return well;
}

static bool set_file_limit(rlim_t bytes) {
    struct rlimit limit;
    (void)signal(SIGXFSZ, SIG_IGN);
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0) {
        return false;
    }
    limit.rlim_cur = bytes;
    return setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

// Puts until the disk is full, says so, and goes on once there is room. The number of batches goes to the parent.
static void fill_disk(rlim_t bytes, int out) {
    sj_store *s = NULL;
    int64_t batch = 0;
    sj_status status = sj_store_open_as("a.db", &f.about, store_mode, &s, &err);
    bool well = status == SJ_OK && set_file_limit(bytes);
    uint64_t ids[BATCH];
    for (; well && batch < BATCHES; batch++) {
        batch_ids(batch, ids);
        status = fixture_put(&f, s, ids, BATCH, batch % 3 != 0, &err);
        if (status != SJ_OK) {
            break;
        }
    }
    sj_store_counts counts;
    well = well && status == SJ_ERR_IO && strstr(err.message, "a.db: cannot write results: the disk is full (") == err.message;
    well = well && sj_store_count(s, &counts, &err) == SJ_OK && counts.points == (uint64_t)batch * BATCH;
    well = well && has_batches(s, batch) && fixture_put(&f, s, ids, BATCH, batch % 3 != 0, &err) == SJ_ERR_IO;  // still full
    well = well && set_file_limit(RLIM_INFINITY) && fixture_put(&f, s, ids, BATCH, batch % 3 != 0, &err) == SJ_OK;
    batch++;
    if (!well) {
        (void)fprintf(stderr, "%s\n", err.message);
    }
    well = write(out, &batch, sizeof batch) == (ssize_t)sizeof batch && well;
    if (bytes % 2 == 0) {  // some leave without a close
        sj_store_close(s);
    }
    _exit(well ? 0 : 1);
}

static void a_full_disk_keeps_what_was_put(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(13));
    for (int round = 0; round < 6; round++) {
        int told[2];
        int64_t batches = 0;
        make_store();
        assert_int_equal(pipe(told), 0);
        const rlim_t bytes = (rlim_t)sj_test_between(&r, 150000, 1500000);
        const pid_t child = fork();
        if (child == 0) {
            fill_disk(bytes, told[1]);
        }
        assert_child_well(child);
        assert_int_equal(read(told[0], &batches, sizeof batches), sizeof batches);
        (void)close(told[0]);
        (void)close(told[1]);
        assert_true(batches > 1);
        assert_batches(batches);
        assert_int_equal(sj_test_entries(), 1);
        assert_int_equal(unlink("a.db"), 0);
    }
}

static void a_full_disk_leaves_no_new_store(void **state) {
    for (rlim_t bytes = 0; bytes < 90000; bytes += 10000) {
        const pid_t child = fork();
        if (child == 0) {
            sj_store *s = NULL;
            const bool failed = set_file_limit(bytes) && sj_store_create("a.db", &f.about, &s, &err) == SJ_ERR_IO;
            const bool told = failed && strstr(err.message, "a.db: cannot make the store: the disk is full (") == err.message;
            _exit(told ? 0 : bytes >= 60000 && s != NULL ? 2 : 1);
        }
        int how = 0;
        assert_int_equal(waitpid(child, &how, 0), child);
        assert_true(WIFEXITED(how) && (WEXITSTATUS(how) == 0 || WEXITSTATUS(how) == 2));
        assert_int_equal(sj_path_exists("a.db"), WEXITSTATUS(how) == 2);
        assert_true(WEXITSTATUS(how) == 2 || sj_test_entries() == 0);
        if (WEXITSTATUS(how) == 2) {
            assert_batches(0);
            assert_int_equal(unlink("a.db"), 0);
        }
    }
}

static int other_mode;
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)
#define IN_ROLLBACK(test) {#test " (rollback journal)", test, enter_folder, leave_folder, &other_mode}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_killed_writer_loses_nothing),
        IN_ROLLBACK(a_killed_writer_loses_nothing),
        IN_FOLDER(a_killed_maker_leaves_no_half_made_store),
        IN_FOLDER(several_processes_write_at_once),
        IN_ROLLBACK(several_processes_write_at_once),
        IN_FOLDER(a_full_disk_keeps_what_was_put),
        IN_ROLLBACK(a_full_disk_keeps_what_was_put),
        IN_FOLDER(a_full_disk_leaves_no_new_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
