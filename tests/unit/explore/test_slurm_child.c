// SPDX-License-Identifier: Apache-2.0
// Child processes: what they print, how they end, what they are given.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "slurm_internal.h"
#include "sj_test_slurm.h"

static const sj_slurm quick = {.command_seconds = 30.0};
static const char *const record[] = {"record", "a b", "", NULL};

static void test_output_and_errors_are_kept_apart(void **state) {
    sj_child c;
    play("record", 1, "echo out; echo err >&2; exit 7");
    assert_int_equal(sj_child_run(&quick, record, &c, &err), SJ_OK);
    assert_string_equal(c.output, "out\n");
    assert_string_equal(c.errors, "err\n");
    assert_int_equal(c.exit_code, 7);
    assert_false(c.late);
    sj_child_free(&c);
    call_words w = words_of("record", 1);
    assert_int_equal(w.count, 2);
    assert_string_equal(w.at[0], "a b");
    assert_string_equal(w.at[1], "");
    free_words(&w);
    play("record", 2, "exit 0");
    assert_int_equal(sj_child_run(&quick, record, &c, &err), SJ_OK);
    assert_string_equal(c.output, "");
    assert_string_equal(c.errors, "");
    assert_int_equal(c.exit_code, 0);
    sj_child_free(&c);
}

// More than a pipe holds, on both: whoever reads one first to its end waits for ever.
static void test_much_on_both(void **state) {
    sj_child c;
    play("record", 0, "i=0; while [ $i -lt 4000 ]; do printf '%0100d\\n' $i; printf '%0100d\\n' $i >&2; i=$((i+1)); done");
    assert_int_equal(sj_child_run(&quick, record, &c, &err), SJ_OK);
    assert_int_equal(strlen(c.output), 4000 * 101);
    assert_string_equal(c.output, c.errors);
    assert_int_equal(strncmp(c.output + 3999 * 101 + 96, "3999\n", 5), 0);
    sj_child_free(&c);
}

static void test_ended_by_a_signal(void **state) {
    sj_child c;
    play("record", 0, "echo before; kill -TERM $$");
    assert_int_equal(sj_child_run(&quick, record, &c, &err), SJ_OK);
    assert_int_equal(c.exit_code, -1);
    assert_false(c.late);
    assert_string_equal(c.output, "before\n");
    sj_child_free(&c);
}

static pid_t read_pid(const char *path) {
    char *text = NULL;
    size_t bytes;
    assert_int_equal(sj_read_file(path, &text, &bytes, &err), SJ_OK);
    const pid_t pid = (pid_t)atoi(text);
    free(text);
    assert_true(pid > 1);
    return pid;
}

// Gone, or dead and waiting for whoever has to wait for it.
static bool has_ended(pid_t pid) {
    const struct timespec moment = {.tv_nsec = 10000000};
    for (int i = 0; i < 1000; i++) {
        char path[64], *text = NULL;
        size_t bytes;
        snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        if (kill(pid, 0) != 0 || sj_read_file(path, &text, &bytes, &err) != SJ_OK) {
            return true;
        }
        const char *name_end = strrchr(text, ')');
        const bool dead = name_end != NULL && strncmp(name_end, ") Z", 3) == 0;
        free(text);
        if (dead) {
            return true;
        }
        (void)nanosleep(&moment, NULL);
    }
    return false;
}

static void test_one_that_takes_too_long_is_killed_with_what_it_started(void **state) {
    sj_child c;
    const sj_slurm short_time = {.command_seconds = 0.5};
    play("record", 0, "sleep 600 & echo $! > inner; echo $$ > outer; echo begun; wait");
    assert_int_equal(sj_child_run(&short_time, record, &c, &err), SJ_OK);
    assert_true(c.late);
    assert_int_equal(c.exit_code, -1);
    assert_int_equal(sj_slurm_judge(&c), SJ_SLURM_NO_ANSWER);
    char words[64];
    sj_slurm_words(&c, words, sizeof words);
    assert_string_equal(words, "it took too long and was killed");
    sj_child_free(&c);
    assert_true(has_ended(read_pid("fake/outer")));
    assert_true(has_ended(read_pid("fake/inner")));
}

// It has ended; what it left behind has its pipes open.
static void test_one_that_leaves_a_process_behind_is_not_waited_for(void **state) {
    sj_child c;
    play("record", 0, "sleep 600 & echo $! > inner; echo done; exit 3");
    assert_int_equal(sj_child_run(&quick, record, &c, &err), SJ_OK);
    assert_int_equal(c.exit_code, 3);
    assert_false(c.late);
    assert_string_equal(c.output, "done\n");
    sj_child_free(&c);
    assert_int_equal(kill(read_pid("fake/inner"), SIGKILL), 0);
}

static void test_not_on_the_path(void **state) {
    sj_child c;
    const char *const argv[] = {"sj-no-such-program", NULL};
    assert_int_equal(sj_child_run(&quick, argv, &c, &err), SJ_ERR_UNSUPPORTED);
    assert_says("--launcher slurm: sj-no-such-program is not on the PATH; start the sweep where Slurm's commands are installed");
    assert_null(c.output);
    assert_int_equal(chmod("bin/record", 0644), 0);
    if (geteuid() != 0) {
        assert_int_equal(sj_child_run(&quick, record, &c, &err), SJ_ERR_UNSUPPORTED);
    }
}

static bool env_has(int call, const char *line) {
    char path[64], *text = NULL;
    size_t bytes;
    snprintf(path, sizeof path, "fake/record.%d.env", call);
    assert_int_equal(sj_read_file(path, &text, &bytes, &err), SJ_OK);
    const bool found = strstr(text, line) != NULL;
    free(text);
    return found;
}

static void test_settings_that_would_change_answers_are_left_out(void **state) {
    static const char *const out[] = {"SQUEUE_STATES", "SQUEUE_FORMAT", "SCANCEL_INTERACTIVE", "SBATCH_WAIT", "SBATCH_ARRAY_INX", "SLURM_BITSTR_LEN"}, *const in[] = {"SBATCH_ACCOUNT", "SLURM_CONF", "SBATCH_WAIT_ALL_NODES"};
    sj_child c;
    for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
        assert_int_equal(setenv(out[i], "sj-out", 1), 0);
    }
    for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
        assert_int_equal(setenv(in[i], "sj-in", 1), 0);
    }
    assert_int_equal(sj_child_run(&quick, record, &c, &err), SJ_OK);
    sj_child_free(&c);
    assert_false(env_has(1, "sj-out"));
    for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
        char line[64];
        snprintf(line, sizeof line, "%s=sj-in", in[i]);
        assert_true(env_has(1, line));
        unsetenv(in[i]);
    }
    for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
        unsetenv(out[i]);
    }
}

// A shell sets its own signals to rights: others show what they were given.
static uint64_t signals_of_a_child(const char *pattern) {
    const char *const argv[] = {"sed", "-n", pattern, "/proc/self/status", NULL};
    sj_child c;
    assert_int_equal(sj_child_run(&quick, argv, &c, &err), SJ_OK);
    char *rest = NULL;
    const uint64_t set = strtoull(c.output, &rest, 16);
    assert_string_equal(rest, "\n");
    sj_child_free(&c);
    return set & 0x7fffffffu;  // 32 and 33 are the C library's own
}

static void test_no_signal_is_held_back(void **state) {
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, &before), 0);
    void (*const pipe_before)(int) = signal(SIGPIPE, SIG_IGN);
    assert_int_equal(signals_of_a_child("s/^SigBlk:[[:space:]]*/0x/p"), 0);
    assert_int_equal(signals_of_a_child("s/^SigIgn:[[:space:]]*/0x/p"), 0);
    signal(SIGPIPE, pipe_before);
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
}

static void test_nothing_to_read(void **state) {
    const char *const argv[] = {"cat", NULL};
    sj_child c;
    assert_int_equal(sj_child_run(&quick, argv, &c, &err), SJ_OK);
    assert_string_equal(c.output, "");
    assert_int_equal(c.exit_code, 0);
    sj_child_free(&c);
}

static int descriptors(void) {
    int count = 0;
    for (int fd = 0; fd < 256; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

static void test_descriptors_are_given_back(void **state) {
    sj_child c;
    const char *const none[] = {"sj-no-such-program", NULL};
    const int before = descriptors();
    for (int i = 0; i < 20; i++) {
        assert_int_equal(sj_child_run(&quick, record, &c, &err), SJ_OK);
        sj_child_free(&c);
        assert_int_equal(sj_child_run(&quick, none, &c, &err), SJ_ERR_UNSUPPORTED);
    }
    assert_int_equal(descriptors(), before);
}

// A program that was started without standard streams: the pipes must not become them.
static void test_our_own_streams_may_be_closed(void **state) {
    sj_child c;
    const int in = dup(STDIN_FILENO), out = dup(STDOUT_FILENO);
    assert_true(out >= 0);
    play("record", 0, "echo out; echo err >&2");
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    const sj_status status = sj_child_run(&quick, record, &c, &err);
    assert_int_equal(dup2(out, STDOUT_FILENO), STDOUT_FILENO);
    if (in >= 0) {
        assert_int_equal(dup2(in, STDIN_FILENO), STDIN_FILENO);
        close(in);
    }
    close(out);
    assert_int_equal(status, SJ_OK);
    assert_string_equal(c.output, "out\n");
    assert_string_equal(c.errors, "err\n");
    sj_child_free(&c);
}

static bool asked_often(void *context) { return ++*(int *)context > 3; }

static void test_interrupted(void **state) {
    sj_child c;
    int asked = 0;
    const sj_slurm s = {.command_seconds = 600.0, .interrupted = asked_often, .context = &asked};
    play("record", 0, "echo $$ > outer; sleep 600");
    assert_int_equal(sj_child_run(&s, record, &c, &err), SJ_ERR_INTERRUPTED);
    assert_says("record");
    assert_null(c.output);
}

static void check_words(const char *errors, size_t size, const char *expected) {
    char words[256], copy[256];
    snprintf(copy, sizeof copy, "%s", errors);
    const sj_child c = {.exit_code = 1, .errors = copy};
    sj_slurm_words(&c, words, size);
    assert_string_equal(words, expected);
}

static void test_words_of_errors(void **state) {
    check_words("sbatch: error: Batch job submission failed: Invalid account\n", 256, "Batch job submission failed: Invalid account");
    check_words("sbatch: error: one\n\nsbatch: two\nthree", 256, "one; two; three");
    check_words("a\tb\n", 256, "a b");
    check_words("", 256, "it says nothing, and ends with 1");
    check_words("sbatch: error: \n", 256, "it says nothing, and ends with 1");
    for (size_t size = 4; size < 30; size++) {
        char words[32];
        memset(words, 'x', sizeof words);
        char text[] = "sbatch: abcdef\nsbatch: ghijkl\n";
        const sj_child c = {.exit_code = 1, .errors = text};
        sj_slurm_words(&c, words, size);
        assert_true(strlen(words) < size);
        assert_int_equal(strncmp("abcdef; ghijkl", words, strlen(words)), 0);
        assert_int_equal(words[size], 'x');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_output_and_errors_are_kept_apart, enter_fakes, leave_fakes),
        cmocka_unit_test_setup_teardown(test_much_on_both, enter_fakes, leave_fakes),
        cmocka_unit_test_setup_teardown(test_ended_by_a_signal, enter_fakes, leave_fakes),
        cmocka_unit_test_setup_teardown(test_one_that_takes_too_long_is_killed_with_what_it_started, enter_fakes, leave_fakes),
        cmocka_unit_test_setup_teardown(test_one_that_leaves_a_process_behind_is_not_waited_for, enter_fakes, leave_fakes),
        cmocka_unit_test_setup_teardown(test_not_on_the_path, enter_fakes, leave_fakes),
        cmocka_unit_test_setup_teardown(test_settings_that_would_change_answers_are_left_out, enter_fakes, leave_fakes),
        cmocka_unit_test(test_no_signal_is_held_back),
        cmocka_unit_test(test_nothing_to_read),
        cmocka_unit_test_setup_teardown(test_descriptors_are_given_back, enter_fakes, leave_fakes),
        cmocka_unit_test_setup_teardown(test_our_own_streams_may_be_closed, enter_fakes, leave_fakes),
        cmocka_unit_test_setup_teardown(test_interrupted, enter_fakes, leave_fakes),
        cmocka_unit_test(test_words_of_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
