// SPDX-License-Identifier: Apache-2.0
// The queue as played-back commands show it: states of jobs, cancelling, limits.
#include "sj_slurm.h"
#include "sj_test_slurm.h"

static const sj_slurm s = {.patience_seconds = 60.0, .pause_seconds = 0.01, .command_seconds = 30.0};
static const sj_slurm hasty = {.patience_seconds = 0.3, .pause_seconds = 0.05, .command_seconds = 30.0};

static void assert_state(const sj_slurm_state *t, int64_t pending, int64_t running, int64_t completing, int64_t held, int64_t ended, int64_t failed) {
    assert_int_equal(t->pending, pending);
    assert_int_equal(t->running, running);
    assert_int_equal(t->completing, completing);
    assert_int_equal(t->held, held);
    assert_int_equal(t->ended, ended);
    assert_int_equal(t->failed, failed);
    assert_int_equal(t->gone, pending + running + completing == 0);
}

static void test_what_squeue_is_asked(void **state) {
    const char *const ids[] = {"12", "345"};
    sj_slurm_state t[2];
    assert_int_equal(sj_slurm_jobs(&s, ids, 2, t, &err), SJ_OK);
    call_words w = words_of("squeue", 1);
    assert_int_equal(w.count, 5);
    assert_string_equal(w.at[0], "--noheader");
    assert_string_equal(w.at[1], "--array");
    assert_string_equal(w.at[2], "--states=all");
    assert_string_equal(w.at[3], "--format=%F %T %r");
    assert_string_equal(w.at[4], "--jobs=12,345");
    free_words(&w);
    assert_true(t[0].gone && t[1].gone);  // an answer without a line
    assert_int_equal(sj_slurm_jobs(&s, ids, 0, t, &err), SJ_OK);
    assert_int_equal(calls("squeue"), 1);
}

// Lines in any order, of jobs asked for and of others, against counts made by hand.
static void test_random_queues(void **state) {
    static const struct {
        const char *line;
        int64_t pending, running, completing, held, ended, failed;
    } kinds[] = {
        {"PENDING Resources", 1, 0, 0, 0, 0, 0},   {"PENDING JobHeldUser", 1, 0, 0, 1, 0, 0},        {"PENDING DependencyNeverSatisfied", 1, 0, 0, 1, 0, 0}, {"PENDING Dependency", 1, 0, 0, 0, 0, 0},
        {"RUNNING None", 0, 1, 0, 0, 0, 0},        {"COMPLETING None", 0, 0, 1, 0, 0, 0},            {"CONFIGURING None", 0, 1, 0, 0, 0, 0},                 {"SUSPENDED None", 0, 1, 0, 0, 0, 0},
        {"COMPLETED None", 0, 0, 0, 0, 1, 0},      {"FAILED NonZeroExitCode", 0, 0, 0, 0, 1, 1},     {"NODE_FAIL NodeDown", 0, 0, 0, 0, 1, 1},               {"TIMEOUT TimeLimit", 0, 0, 0, 0, 1, 1},
        {"OUT_OF_MEMORY None", 0, 0, 0, 0, 1, 1},  {"CANCELLED None", 0, 0, 0, 0, 1, 1},             {"PREEMPTED None", 0, 0, 0, 0, 1, 1},                   {"REQUEUE_HOLD None", 1, 0, 0, 1, 0, 0},
        {"SPECIAL_EXIT None", 1, 0, 0, 1, 0, 0},   {"WHATEVER_COMES_NEXT None", 0, 1, 0, 0, 0, 0},   {"PENDING BeginTime", 1, 0, 0, 0, 0, 0},                {"PENDING launch failed requeued held", 1, 0, 0, 1, 0, 0},
    };
    enum { KINDS = (int)(sizeof kinds / sizeof *kinds), JOBS = 4 };
    static const char *const ids[JOBS] = {"1", "12", "121", "99999999"};
    sj_random r = sj_random_seed(sj_test_seed(21));
    for (int i = 0; i < 25; i++) {
        sj_slurm_state expected[JOBS] = {{0}}, got[JOBS];
        FILE *f = fopen("fake/squeue", "w");
        assert_non_null(f);
        fputs("cat <<'END'\n", f);
        for (int64_t lines = sj_test_between(&r, 0, 60); lines > 0; lines--) {
            const uint64_t job = sj_random_below(&r, JOBS + 1), kind = sj_random_below(&r, KINDS);
            fprintf(f, "%s %s\n", job < JOBS ? ids[job] : "2", kinds[kind].line);
            if (job < JOBS) {
                expected[job].pending += kinds[kind].pending;
                expected[job].running += kinds[kind].running;
                expected[job].completing += kinds[kind].completing;
                expected[job].held += kinds[kind].held;
                expected[job].ended += kinds[kind].ended;
                expected[job].failed += kinds[kind].failed;
            }
        }
        fputs("END\n", f);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(sj_slurm_jobs(&s, ids, JOBS, got, &err), SJ_OK);
        for (int j = 0; j < JOBS; j++) {
            assert_state(&got[j], expected[j].pending, expected[j].running, expected[j].completing, expected[j].held, expected[j].ended, expected[j].failed);
            assert_int_equal(got[j].why_held[0] != '\0', got[j].held > 0);
            assert_int_equal(got[j].why_failed[0] != '\0', got[j].failed > 0);
        }
    }
}

static void test_why(void **state) {
    const char *const ids[] = {"7"};
    sj_slurm_state t;
    play("squeue", 0, "echo '7 PENDING launch failed requeued held'; echo '7 COMPLETED None'; echo '7 NODE_FAIL NodeDown'; echo '7 TIMEOUT TimeLimit'");
    assert_int_equal(sj_slurm_jobs(&s, ids, 1, &t, &err), SJ_OK);
    assert_string_equal(t.why_held, "launch failed requeued held");
    assert_string_equal(t.why_failed, "NODE_FAIL");
    assert_false(t.gone);
}

static void test_a_job_that_is_not_known_is_gone(void **state) {
    const char *const ids[] = {"7"};
    sj_slurm_state t;
    play("squeue", 0, "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1");
    assert_int_equal(sj_slurm_jobs(&s, ids, 1, &t, &err), SJ_OK);
    assert_state(&t, 0, 0, 0, 0, 0, 0);
    assert_int_equal(calls("squeue"), 1);
}

// Which one is not known is not said: the others may be running.
static void test_one_of_several_that_is_not_known(void **state) {
    const char *const ids[] = {"7", "8", "9"};
    sj_slurm_state t[3];
    play("squeue", 0, "case \"$*\" in *=8) echo '8 RUNNING None';; *=9) echo '9 COMPLETED None';; *) echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1;; esac");
    assert_int_equal(sj_slurm_jobs(&s, ids, 3, t, &err), SJ_OK);
    assert_state(&t[0], 0, 0, 0, 0, 0, 0);
    assert_state(&t[1], 0, 1, 0, 0, 0, 0);
    assert_state(&t[2], 0, 0, 0, 0, 1, 0);
    assert_int_equal(calls("squeue"), 4);
}

static void test_clusters_are_asked_each(void **state) {
    const char *const ids[] = {"7;east", "7", "8;east", "7;west"};
    sj_slurm_state t[4];
    play("squeue", 0, "case \"$*\" in *clusters=east) printf 'CLUSTER: east\\n7 RUNNING None\\n8 PENDING None\\n';; *clusters=west) printf 'CLUSTER: west\\n7 COMPLETING None\\n';; *) echo '7 COMPLETED None';; esac");
    assert_int_equal(sj_slurm_jobs(&s, ids, 4, t, &err), SJ_OK);
    assert_int_equal(calls("squeue"), 3);
    assert_true(has_word("squeue", 1, "--jobs=7,8") && has_word("squeue", 1, "--clusters=east"));
    assert_true(has_word("squeue", 2, "--jobs=7") && !has_head("squeue", 2, "--clusters"));
    assert_state(&t[0], 0, 1, 0, 0, 0, 0);
    assert_state(&t[1], 0, 0, 0, 0, 1, 0);
    assert_state(&t[2], 1, 0, 0, 0, 0, 0);
    assert_state(&t[3], 0, 0, 1, 0, 0, 0);
}

static void test_an_answer_that_cannot_be_read_is_none(void **state) {
    static const char *const garbage[] = {"echo 'Welcome to the cluster'", "echo '7 RUNNING None'; echo 'x 7'", "echo 7", "printf '7 running None\\n'", "echo '7_3 RUNNING None'", "echo 'CLUSTER: east'", "printf '\\001\\377\\n'"};
    const char *const ids[] = {"7"};
    sj_slurm_state t;
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        play("squeue", 0, garbage[i]);
        assert_int_equal(sj_slurm_jobs(&hasty, ids, 1, &t, &err), SJ_ERR_IO);
        assert_says("squeue: its answer cannot be read; it begins with \"");
    }
    const int before = calls("squeue");
    play("squeue", before + 1, garbage[0]);
    play("squeue", before + 2, garbage[1]);
    play("squeue", 0, "echo '7 RUNNING None'");
    assert_int_equal(sj_slurm_jobs(&s, ids, 1, &t, &err), SJ_OK);
    assert_state(&t, 0, 1, 0, 0, 0, 0);  // nothing of the lines that were read before the garbage
    assert_int_equal(calls("squeue"), before + 3);
}

static void test_a_controller_that_is_away_is_asked_again(void **state) {
    static const char *const away[] = {"Unable to contact slurm controller (connect failure)", "Socket timed out on send/recv operation", "Zero Bytes were transmitted or received", "Slurm backup controller in standby mode"};
    const char *const ids[] = {"7"};
    sj_slurm_state t;
    for (int i = 0; i < 4; i++) {
        char lines[128];
        snprintf(lines, sizeof lines, "echo 'slurm_load_jobs error: %s' >&2; exit 1", away[i]);
        play("squeue", i + 1, lines);
    }
    play("squeue", 5, "echo '7 RUNNING None'; kill -TERM $$");
    play("squeue", 6, "echo '7 RUNNING None'");
    assert_int_equal(sj_slurm_jobs(&s, ids, 1, &t, &err), SJ_OK);
    assert_state(&t, 0, 1, 0, 0, 0, 0);
    assert_int_equal(calls("squeue"), 6);
    play("squeue", 0, "echo 'slurm_load_jobs error: Unable to contact slurm controller (connect failure)' >&2; exit 1");
    assert_int_equal(sj_slurm_jobs(&hasty, ids, 1, &t, &err), SJ_ERR_IO);
    assert_string_equal(err.message, "squeue: no answer from the cluster's controller in 0.3 s: Unable to contact slurm controller (connect failure)");
    assert_true(calls("squeue") > 7);
    const int before = calls("squeue");
    const sj_slurm once = {.command_seconds = 30.0};
    assert_int_equal(sj_slurm_jobs(&once, ids, 1, &t, &err), SJ_ERR_IO);
    assert_int_equal(calls("squeue"), before + 1);
}

static bool asked_often(void *context) { return ++*(int *)context > 5; }

static void test_waiting_can_be_interrupted(void **state) {
    const char *const ids[] = {"7"};
    sj_slurm_state t;
    int asked = 0;
    const sj_slurm waiting = {.patience_seconds = 3600.0, .pause_seconds = 600.0, .command_seconds = 30.0, .interrupted = asked_often, .context = &asked};
    play("squeue", 0, "echo 'slurm_load_jobs error: Socket timed out on send/recv operation' >&2; exit 1");
    assert_int_equal(sj_slurm_jobs(&waiting, ids, 1, &t, &err), SJ_ERR_INTERRUPTED);
    assert_says("interrupted while");
}

static void test_what_is_no_job_id(void **state) {
    static const char *const wrong[] = {"", "x", "12;", "12_3", "1234567890123456789", "-1", " 12", "12,13"};
    sj_slurm_state t;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(sj_slurm_jobs(&s, &wrong[i], 1, &t, &err), SJ_ERR_INTERNAL);
        assert_int_equal(sj_slurm_cancel(&s, &wrong[i], 1, &err), SJ_ERR_INTERNAL);
    }
    assert_int_equal(calls("squeue") + calls("scancel"), 0);
}

// ---- Cancelling
static void test_cancel(void **state) {
    const char *const ids[] = {"7", "8;east", "9"};
    assert_int_equal(sj_slurm_cancel(&s, ids, 3, &err), SJ_OK);
    assert_int_equal(calls("scancel"), 2);
    call_words w = words_of("scancel", 1);
    assert_int_equal(w.count, 2);
    assert_string_equal(w.at[0], "7");
    assert_string_equal(w.at[1], "9");
    free_words(&w);
    w = words_of("scancel", 2);
    assert_int_equal(w.count, 2);
    assert_string_equal(w.at[0], "--clusters=east");
    assert_string_equal(w.at[1], "8");
    free_words(&w);
}

static void test_cancel_of_what_is_gone(void **state) {
    const char *const ids[] = {"7", "8"};
    play("scancel", 1, "echo 'scancel: error: Kill job error on job id 7: Invalid job id specified' >&2; echo 'scancel: error: Kill job error on job id 8: Job/step already completing or completed' >&2; exit 1");
    assert_int_equal(sj_slurm_cancel(&s, ids, 2, &err), SJ_OK);
    assert_int_equal(calls("scancel"), 1);
    play("scancel", 2, "echo 'scancel: error: Kill job error on job id 7: Invalid job id specified' >&2; echo 'scancel: error: Kill job error on job id 8: Unable to contact slurm controller' >&2; exit 1");
    assert_int_equal(sj_slurm_cancel(&s, ids, 2, &err), SJ_OK);
    assert_int_equal(calls("scancel"), 3);
    play("scancel", 0, "echo 'scancel: error: Kill job error on job id 7: Access/permission denied' >&2; exit 1");
    assert_int_equal(sj_slurm_cancel(&hasty, ids, 2, &err), SJ_ERR_CONFIG);
    assert_string_equal(err.message, "scancel refuses: Kill job error on job id 7: Access/permission denied");
    play("scancel", 0, "exit 1");
    assert_int_equal(sj_slurm_cancel(&hasty, ids, 2, &err), SJ_ERR_CONFIG);
    assert_string_equal(err.message, "scancel refuses: it says nothing, and ends with 1");
}

// ---- Limits
static void check_max(const char *lines, int64_t expected) {
    int64_t max_array = -1;
    play("scontrol", 0, lines);
    assert_int_equal(sj_slurm_max_array(&s, &max_array, &err), SJ_OK);
    assert_int_equal(max_array, expected);
}

static void test_max_array(void **state) {
    check_max("printf 'Configuration data as of 2026\\nMaxArraySize            = 1001\\nMaxJobCount             = 10000\\nSchedulerParameters     = (null)\\n'", 1001);
    check_max("printf 'MaxArraySize            = 1001\\nSchedulerParameters     = bf_interval=3,max_array_tasks=20,x=1\\n'", 20);
    check_max("printf 'MaxArraySize            = 1001\\nSchedulerParameters     = max_array_tasks=5000\\n'", 1001);
    check_max("printf 'MaxArraySize=4000001\\n'", 4000001);
    assert_true(has_word("scontrol", 1, "show") && has_word("scontrol", 1, "config"));
}

static void test_max_array_without_arrays(void **state) {
    int64_t max_array = -1;
    play("scontrol", 0, "echo 'MaxArraySize            = 0'");
    assert_int_equal(sj_slurm_max_array(&s, &max_array, &err), SJ_ERR_UNSUPPORTED);
    assert_says("this cluster has no job arrays");
    play("scontrol", 0, "echo 'MaxArraySize = 1001'; echo 'SchedulerParameters = max_array_tasks=0'");
    assert_int_equal(sj_slurm_max_array(&s, &max_array, &err), SJ_ERR_UNSUPPORTED);
}

static void test_max_array_refused_or_not_read(void **state) {
    int64_t max_array = -1;
    play("scontrol", 1, "echo 'scontrol: fatal: Unable to process configuration file' >&2; exit 1");
    assert_int_equal(sj_slurm_max_array(&s, &max_array, &err), SJ_ERR_CONFIG);
    assert_string_equal(err.message, "scontrol refuses: Unable to process configuration file");
    assert_int_equal(calls("scontrol"), 1);
    play("scontrol", 0, "echo 'MaxArraySize = many'");
    assert_int_equal(sj_slurm_max_array(&hasty, &max_array, &err), SJ_ERR_IO);
    assert_says("\"MaxArraySize = many\"");
}

static void test_without_slurm(void **state) {
    const char *const ids[] = {"7"};
    sj_slurm_state t;
    int64_t max_array;
    assert_int_equal(setenv("PATH", "/nowhere", 1), 0);
    assert_int_equal(sj_slurm_jobs(&s, ids, 1, &t, &err), SJ_ERR_UNSUPPORTED);
    assert_says("--launcher slurm: squeue is not on the PATH");
    assert_int_equal(sj_slurm_cancel(&s, ids, 1, &err), SJ_ERR_UNSUPPORTED);
    assert_says("scancel is not on the PATH");
    assert_int_equal(sj_slurm_max_array(&s, &max_array, &err), SJ_ERR_UNSUPPORTED);
    assert_says("scontrol is not on the PATH");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_fakes, leave_fakes)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_what_squeue_is_asked),
        TEST(test_random_queues),
        TEST(test_why),
        TEST(test_a_job_that_is_not_known_is_gone),
        TEST(test_one_of_several_that_is_not_known),
        TEST(test_clusters_are_asked_each),
        TEST(test_an_answer_that_cannot_be_read_is_none),
        TEST(test_a_controller_that_is_away_is_asked_again),
        TEST(test_waiting_can_be_interrupted),
        TEST(test_what_is_no_job_id),
        TEST(test_cancel),
        TEST(test_cancel_of_what_is_gone),
        TEST(test_max_array),
        TEST(test_max_array_without_arrays),
        TEST(test_max_array_refused_or_not_read),
        TEST(test_without_slurm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
