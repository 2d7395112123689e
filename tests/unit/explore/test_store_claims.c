// SPDX-License-Identifier: Apache-2.0
// Chunks of work among living, dead and distant processes; the runs' rows.
#include "store_fixture.h"

static sj_error err;
static char folder[SJ_TEST_FOLDER_MAX];
static fixture f;
static sj_store *store;  // opened after the children are forked: SQLite's locks do not go along

static int enter_folder(void **state) {
    fixture_make(&f);
    if (!sj_test_enter_folder(folder) || sj_store_create("a.db", &f.about, &store, &err) != SJ_OK) {
        return 1;
    }
    sj_store_close(store);
    store = NULL;
    return 0;
}

static void open_store(void) { assert_int_equal(sj_store_open("a.db", &f.about, &store, &err), SJ_OK); }

static int leave_folder(void **state) {
    sj_store_close(store);
    return !sj_test_leave_folder(folder);
}

static sj_claim claim(int64_t chunk, double lease) {
    sj_claim got = SJ_CLAIM_TAKEN;
    if (store == NULL) {
        open_store();
    }
    if (sj_store_claim(store, chunk, lease, &got, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    return got;
}

// A child that claims a chunk and goes on living until its end of the pipe is closed.
static pid_t claim_in_child(int64_t chunk, int *hold) {
    int ready[2], keep[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(keep), 0);
    const pid_t child = fork();
    if (child == 0) {
        (void)close(keep[1]);
        sj_store *s = NULL;
        sj_claim got = SJ_CLAIM_TAKEN;
        char byte = 0;
        const bool well = sj_store_open("a.db", &f.about, &s, &err) == SJ_OK && sj_store_claim(s, chunk, 1e9, &got, &err) == SJ_OK && got == SJ_CLAIM_MINE;
        (void)!write(ready[1], "x", 1);
        (void)!read(keep[0], &byte, 1);
        _exit(well ? 0 : 1);
    }
    char byte = 0;
    (void)close(keep[0]);
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    *hold = keep[1];
    return child;
}

static void a_chunk_is_free_then_mine_then_done(void **state) {
    assert_int_equal(claim(0, 1), SJ_CLAIM_MINE);
    assert_int_equal(claim(0, 1), SJ_CLAIM_MINE);
    assert_int_equal(claim(1000000, 1), SJ_CLAIM_MINE);
    assert_int_equal(sj_store_finish(store, 0, &err), SJ_OK);
    assert_int_equal(claim(0, 1), SJ_CLAIM_DONE);
    assert_int_equal(sj_store_finish(store, 0, &err), SJ_OK);
    assert_int_equal(claim(1000000, 0), SJ_CLAIM_MINE);
    assert_int_equal(sj_store_finish(store, 5, &err), SJ_OK);  // never claimed: its points are written all the same
    assert_int_equal(claim(5, 0), SJ_CLAIM_DONE);
    assert_int_equal(query_number("a.db", "SELECT count(*) FROM claims"), 3);
}

static void a_living_owner_keeps_its_chunk_and_a_dead_one_loses_it(void **state) {
    int hold = -1;
    const pid_t child = claim_in_child(3, &hold);
    assert_int_equal(claim(3, 1e-9), SJ_CLAIM_TAKEN);  // on this machine life counts, not the lease
    assert_int_equal(claim(4, 1e-9), SJ_CLAIM_MINE);
    (void)close(hold);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(claim(3, 1e9), SJ_CLAIM_MINE);  // a zombie, whose number is still taken
    assert_child_well(child);
}

static void a_killed_owner_that_is_gone_loses_its_chunk(void **state) {
    int hold = -1;
    const pid_t child = claim_in_child(3, &hold);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    (void)close(hold);
    assert_int_equal(claim(3, 1e9), SJ_CLAIM_MINE);
}

static void a_finished_chunk_stays_done_when_its_owner_dies(void **state) {
    int hold = -1;
    const pid_t child = claim_in_child(3, &hold);
    open_store();
    assert_int_equal(sj_store_finish(store, 3, &err), SJ_OK);  // whoever wrote its points
    (void)close(hold);
    assert_child_well(child);
    assert_int_equal(claim(3, 0), SJ_CLAIM_DONE);
}

static void a_process_of_the_same_number_is_another_one(void **state) {
    assert_int_equal(claim(0, 1e9), SJ_CLAIM_MINE);
    char sql[256];
    (void)snprintf(sql, sizeof sql, "UPDATE claims SET pid = %ld, start = substr(start, 1, instr(start, '/')) || '1'", (long)getppid());  // the parent lives, and began later than tick 1
    run_sql("a.db", sql);
    assert_int_equal(claim(0, 1e9), SJ_CLAIM_MINE);
    (void)snprintf(sql, sizeof sql, "SELECT pid = %ld FROM claims", (long)getpid());
    assert_int_equal(query_number("a.db", sql), 1);
}

static void distant_owners_are_judged_by_their_last_sign_of_life(void **state) {
    static const char *const others[] = {"host = 'elsewhere'", "start = 'another-boot/12'"};
    for (int i = 0; i < 2; i++) {
        char sql[256];
        for (int shift = -1; shift <= 1; shift += 2) {  // a clock that runs behind, one that runs ahead
            assert_int_equal(claim(i, 1e9), SJ_CLAIM_MINE);
            (void)snprintf(sql, sizeof sql, "UPDATE claims SET %s, seen = seen + %d WHERE chunk = %d", others[i], 1000 * shift, i);
            run_sql("a.db", sql);
            assert_int_equal(claim(i, 2000), SJ_CLAIM_TAKEN);
            assert_int_equal(claim(i, 500), SJ_CLAIM_MINE);
        }
    }
}

static void a_sign_of_life_is_of_all_own_chunks_and_no_other(void **state) {
    for (int i = 0; i < 4; i++) {
        assert_int_equal(claim(i, 1e9), SJ_CLAIM_MINE);
    }
    assert_int_equal(sj_store_finish(store, 2, &err), SJ_OK);
    run_sql("a.db", "UPDATE claims SET seen = 5; UPDATE claims SET host = 'elsewhere' WHERE chunk = 3");
    assert_int_equal(sj_store_alive(store, &err), SJ_OK);
    char text[64];
    query_sql("a.db", "SELECT group_concat(chunk, ' ') FROM (SELECT chunk FROM claims WHERE seen <> 5 ORDER BY chunk)", text, sizeof text);
    assert_string_equal(text, "0 1");
    assert_int_equal(query_number("a.db", "SELECT count(*) FROM claims WHERE seen <> 5 AND abs(seen - strftime('%s', 'now')) < 100"), 2);
}

enum { WORKERS = 4, CHUNKS = 120 };

// Each worker claims all chunks, two of them in the same order, and writes a byte for each it was given. They wait for the end of `start` so that they meet.
static void work(uint64_t seed, int start, int out) {
    sj_random r = sj_random_seed(seed);
    int64_t order[CHUNKS];
    sj_store *s = NULL;
    char none = 0;
    bool well = sj_store_open("a.db", &f.about, &s, &err) == SJ_OK && read(start, &none, 1) == 0;
    for (int64_t i = 0; i < CHUNKS; i++) {
        const int64_t j = (int64_t)sj_random_below(&r, (uint64_t)i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (int i = 0; i < CHUNKS && well; i++) {
        sj_claim got = SJ_CLAIM_TAKEN;
        well = sj_store_claim(s, order[i], 1e9, &got, &err) == SJ_OK;
        const unsigned char byte = (unsigned char)order[i];
        if (got == SJ_CLAIM_MINE) {
            well = well && write(out, &byte, 1) == 1 && sj_store_finish(s, order[i], &err) == SJ_OK;
        }
    }
    sj_store_close(s);
    _exit(well ? 0 : 1);
}

static void every_chunk_goes_to_one_worker(void **state) {
    const uint64_t seed = sj_test_seed(5);
    int results[2], start[2];
    assert_int_equal(pipe(results), 0);
    assert_int_equal(pipe(start), 0);
    pid_t children[WORKERS];
    for (int w = 0; w < WORKERS; w++) {
        children[w] = fork();
        if (children[w] == 0) {
            (void)close(start[1]);
            work(seed + (uint64_t)(w / 2), start[0], results[1]);
        }
    }
    (void)close(results[1]);
    (void)close(start[0]);
    (void)close(start[1]);
    for (int w = 0; w < WORKERS; w++) {
        assert_child_well(children[w]);
    }
    int given[CHUNKS] = {0};
    unsigned char byte = 0;
    while (read(results[0], &byte, 1) == 1) {
        given[byte]++;
    }
    (void)close(results[0]);
    for (int i = 0; i < CHUNKS; i++) {
        assert_int_equal(given[i], 1);
        assert_int_equal(claim(i, 1), SJ_CLAIM_DONE);
    }
}

// The locks of an open store stay with the process that opened it: a child that goes on with it is refused, and its end does not touch the parent's store.
static void a_store_does_not_go_along_with_a_fork(void **state) {
    open_store();
    const pid_t child = fork();
    if (child == 0) {
        const bool refused = fixture_put(&f, store, (uint64_t[]){1}, 1, true, &err) == SJ_ERR_INTERNAL;
        sj_store_close(store);
        _exit(refused && strcmp(err.message, "a.db: cannot write results: the store was opened by the process that this one was forked from") == 0 ? 0 : 1);
    }
    assert_child_well(child);
    assert_int_equal(fixture_put(&f, store, (uint64_t[]){2}, 1, true, &err), SJ_OK);
    assert_stored(&f, store, 2, true);
}

static void runs_are_noted(void **state) {
    open_store();
    assert_int_equal(sj_store_end_run(store, "done", &err), SJ_ERR_INTERNAL);
    assert_int_equal(fixture_put(&f, store, (uint64_t[]){1}, 1, true, &err), SJ_OK);  // of no run
    assert_int_equal(sj_store_begin_run(store, "skipjoule sweep 'a b'", &err), SJ_OK);
    assert_int_equal(sj_store_begin_run(store, "again", &err), SJ_ERR_INTERNAL);
    assert_int_equal(fixture_put(&f, store, (uint64_t[]){1, 2, 3}, 3, true, &err), SJ_OK);
    assert_int_equal(fixture_put(&f, store, (uint64_t[]){3, 4}, 2, true, &err), SJ_OK);
    assert_int_equal(query_number("a.db", "SELECT points FROM runs WHERE ended IS NULL AND outcome IS NULL"), 3);
    assert_int_equal(sj_store_end_run(store, "done", &err), SJ_OK);
    assert_int_equal(sj_store_begin_run(store, "second", &err), SJ_OK);
    assert_int_equal(fixture_put(&f, store, (uint64_t[]){5}, 1, true, &err), SJ_OK);
    assert_int_equal(sj_store_end_run(store, "interrupted", &err), SJ_OK);
    char text[512], host[256], want[512];
    static const char sql[] = "SELECT host || '|' || pid || '|' || version || '|' || command || '|' || points || '|' || outcome || '|' || (ended >= began) FROM runs WHERE run = 1";
    query_sql("a.db", sql, text, sizeof text);
    assert_int_equal(gethostname(host, sizeof host), 0);
    (void)snprintf(want, sizeof want, "%s|%ld|0.1.0|skipjoule sweep 'a b'|3|done|1", host, (long)getpid());
    assert_string_equal(text, want);
    query_sql("a.db", "SELECT group_concat(coalesce(run, '-'), '') FROM (SELECT run FROM points ORDER BY id)", text, sizeof text);
    assert_string_equal(text, "-1112");
    query_sql("a.db", "SELECT outcome FROM runs WHERE run = 2", text, sizeof text);
    assert_string_equal(text, "interrupted");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_chunk_is_free_then_mine_then_done),
        IN_FOLDER(a_living_owner_keeps_its_chunk_and_a_dead_one_loses_it),
        IN_FOLDER(a_killed_owner_that_is_gone_loses_its_chunk),
        IN_FOLDER(a_finished_chunk_stays_done_when_its_owner_dies),
        IN_FOLDER(a_process_of_the_same_number_is_another_one),
        IN_FOLDER(distant_owners_are_judged_by_their_last_sign_of_life),
        IN_FOLDER(a_sign_of_life_is_of_all_own_chunks_and_no_other),
        IN_FOLDER(every_chunk_goes_to_one_worker),
        IN_FOLDER(a_store_does_not_go_along_with_a_fork),
        IN_FOLDER(runs_are_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
