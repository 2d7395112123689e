// SPDX-License-Identifier: Apache-2.0
// A store opened for another sweep says what differs; what may differ does not matter.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_fixture.h"

static sj_error err;
static char folder[SJ_TEST_FOLDER_MAX];
static fixture f;  // of the store; each test changes a copy's worth of it and opens again

static int enter_folder(void **state) {
    fixture_make(&f);
    sj_store *s = NULL;
    if (!sj_test_enter_folder(folder) || sj_store_create("a.db", &f.about, &s, &err) != SJ_OK) {
        return 1;
    }
    sj_store_close(s);
    return 0;
}

static int leave_folder(void **state) { return !sj_test_leave_folder(folder); }

static void assert_opens(void) {
    sj_store *s = NULL;
    if (sj_store_open("a.db", &f.about, &s, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    sj_store_close(s);
}

static void assert_differs(const char *message) {
    sj_store *s = (sj_store *)&f;
    assert_int_equal(sj_store_open("a.db", &f.about, &s, &err), SJ_ERR_CONFIG);
    assert_null(s);
    assert_string_equal(err.message, message);
}

#define OTHER(text) "a.db: the store is of another sweep: " text "; start a new sweep or put the old settings back"

static void what_may_differ(void **state) {
    assert_opens();
    f.about.name = "other";
    f.about.version = "9.9";
    f.about.config = "other";
    f.about.total = 7;
    f.about.objective_count = 1;
    f.about.objectives[0] = SJ_SWEEP_area_mm2;
    f.traces[1].path = "/elsewhere/trace1.h5";
    f.traces[1].describe = "other";
    assert_opens();
    sj_store *s = NULL;  // and is not written
    assert_int_equal(sj_store_open("a.db", &f.about, &s, &err), SJ_OK);
    assert_string_equal(sj_store_about(s)->name, "edge");
    assert_int_equal(sj_store_about(s)->total, 99);
    assert_int_equal(sj_store_about(s)->objective_count, 2);
    assert_string_equal(sj_store_about(s)->traces[1].path, "trace1.h5");
    sj_store_close(s);
}

static void traces(void **state) {
    f.about.identity = "fedcba9876543210";  // as it is where anything of it differs
    f.traces[1].path = "new/trace1.h5";
    (void)snprintf(f.traces[1].hash, sizeof f.traces[1].hash, "00000000000000ff");
    assert_differs("new/trace1.h5: its content has changed since the sweep began (hash 0000000000000abd, now 00000000000000ff); start a new sweep or put the old trace back");
    (void)snprintf(f.traces[1].hash, sizeof f.traces[1].hash, "0000000000000abc");
    (void)snprintf(f.traces[0].hash, sizeof f.traces[0].hash, "0000000000000abd");
    assert_differs(OTHER("its traces stand in another order: trace 1 is trace0.h5 there, trace0.h5 here"));
    (void)snprintf(f.traces[0].hash, sizeof f.traces[0].hash, "0000000000000abc");
    (void)snprintf(f.traces[1].hash, sizeof f.traces[1].hash, "0000000000000abd");
    f.traces[1].weight = 0.5;
    assert_differs(OTHER("the weight of trace new/trace1.h5 is 0.25 there, 0.5 here"));
    f.about.trace_count = 1;
    assert_differs(OTHER("2 traces there, 1 here"));
}

static void axes(void **state) {
    sj_axis *shape = &f.space.axes[1];
    f.about.identity = "fedcba9876543210";
    shape->values[2 * 6 + 1] = fixture_text(&f, "cell9-9");
    assert_differs(OTHER("value 7 of axis shape is cell6-1 there, cell9-9 here"));
    shape->value_count = 1;
    assert_differs(OTHER("axis shape has 7 values there, 1 here"));
    shape->paths[1] = fixture_text(&f, "dram.type");
    assert_differs(OTHER("axis shape sets path1.of1 there, dram.type here"));
    shape->path_count = 1;
    assert_differs(OTHER("axis shape sets 2 paths there, 1 here"));
    f.space.axes[0].name = fixture_text(&f, "rows");
    assert_differs(OTHER("axis 1 is array.rows there, rows here"));
    f.space.axis_count = 1;
    assert_differs(OTHER("3 axes there, 1 here"));
}

// Also where the identity is the same: the ids would mean other points.
static void axes_under_one_identity(void **state) {
    f.space.axes[2].values[0] = fixture_text(&f, "1e-9");
    assert_differs(OTHER("value 1 of axis batch is 0.5 there, 1e-9 here"));
}

static void anything_else(void **state) {
    f.about.identity = "fedcba9876543210";
    assert_differs(OTHER("its fixed settings, base files or constraints differ (identity 0123456789abcdef there, fedcba9876543210 here)"));
}

// A sweep that goes on may be another one in what no result depends on; that is what the next one reads.
static void a_resumed_sweep_says_what_it_is_now(void **state) {
    (void)state;
    sj_store *s = NULL;
    sj_store_counts before, after;
    sj_sweep_about next = f.about;
    next.name = "later";
    next.config = "strategy = 2;";
    next.total = 3;
    next.objective_count = 1;
    next.objectives[0] = SJ_SWEEP_edp_pj_s;
    for (int round = 0; round < 2; round++) {  // once more changes nothing
        assert_int_equal(sj_store_open("a.db", &next, &s, &err), SJ_OK);
        assert_int_equal(sj_store_count(s, &before, &err), SJ_OK);
        assert_int_equal(sj_store_renew(s, &next, &err), SJ_OK);
        sj_store_close(s);
    }
    assert_int_equal(sj_store_open("a.db", NULL, &s, &err), SJ_OK);  // its check value fits
    const sj_sweep_about *got = sj_store_about(s);
    assert_string_equal(got->name, "later");
    assert_string_equal(got->config, "strategy = 2;");
    assert_true(got->total == 3 && got->objective_count == 1 && got->objectives[0] == SJ_SWEEP_edp_pj_s);
    assert_string_equal(got->identity, f.about.identity);
    assert_int_equal(sj_store_count(s, &after, &err), SJ_OK);
    assert_true(before.points == after.points && before.valid == after.valid);
    sj_store_close(s);
}

enum { RENEWALS = 400 };

// Changes what the sweep is about, back and forth, until it is killed or has done so often enough.
static int renew_and_renew(void) {
    for (int i = 0; i < RENEWALS; i++) {
        sj_store *s = NULL;
        sj_sweep_about next = f.about;
        next.name = i % 2 == 0 ? "later" : "another";
        next.total = (uint64_t)(3 + i % 2);
        next.objective_count = 1 + i % 2;
        next.objectives[0] = SJ_SWEEP_edp_pj_s;
        next.objectives[1] = SJ_SWEEP_energy_pj;
        if (sj_store_open("a.db", &next, &s, &err) != SJ_OK || sj_store_renew(s, &next, &err) != SJ_OK) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
        sj_store_close(s);
    }
    return 0;
}

// Two processes resume one sweep: what one reads is of one moment, whatever the other writes meanwhile.
static void what_is_read_is_of_one_moment(void **state) {
    (void)state;
    int status = 0, opened = 0;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(renew_and_renew());
    }
    while (waitpid(child, &status, WNOHANG) == 0) {
        sj_store *s = NULL;
        if (sj_store_open("a.db", NULL, &s, &err) != SJ_OK) {
            (void)kill(child, SIGKILL);
            (void)waitpid(child, &status, 0);
            fail_msg("after %d times: %s", opened, err.message);
        }
        const sj_sweep_about *got = sj_store_about(s);
        const bool later = strcmp(got->name, "later") == 0, another = strcmp(got->name, "another") == 0;
        assert_true(!later || (got->total == 3 && got->objective_count == 1));
        assert_true(!another || (got->total == 4 && got->objective_count == 2));
        sj_store_close(s);
        opened++;
    }
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    print_message("opened %d times while %d renewals were written\n", opened, RENEWALS);
    assert_true(opened > 0);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void) {
    const struct CMUnitTest tests[] = {IN_FOLDER(what_may_differ), IN_FOLDER(traces), IN_FOLDER(axes), IN_FOLDER(axes_under_one_identity), IN_FOLDER(anything_else), IN_FOLDER(a_resumed_sweep_says_what_it_is_now), IN_FOLDER(what_is_read_is_of_one_moment)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
