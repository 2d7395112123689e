// SPDX-License-Identifier: Apache-2.0
// What is submitted: scripts run by a real sh, indexes of arrays read back.
#include <unistd.h>

#include "slurm_internal.h"
#include "sj_test_slurm.h"

// Any bytes but NUL, those that sh gives a meaning more often.
static void random_word(sj_random *r, char *word, size_t size) {
    static const char special[] = "'\"\\$`*?[]{}()<>|&;#~! \n\t=%";
    const size_t length = (size_t)sj_test_between(r, 0, (int64_t)size - 1);
    for (size_t i = 0; i < length; i++) {
        word[i] = sj_random_below(r, 2) == 0 ? special[sj_random_below(r, sizeof special - 1)] : (char)(unsigned char)sj_test_between(r, 1, 255);
    }
    word[length] = '\0';
}

static int run_script(const char *index, const char *restarted) {
    assert_int_equal(setenv("SLURM_ARRAY_TASK_ID", index, 1), 0);
    if (restarted != NULL) {
        assert_int_equal(setenv("SLURM_RESTART_COUNT", restarted, 1), 0);
    } else {
        unsetenv("SLURM_RESTART_COUNT");
    }
    return system("sh job.sh 2> stderr.txt");
}

static void test_words_reach_the_command(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(11));
    static const int64_t tasks[] = {5000};
    for (int i = 0; i < 40; i++) {
        char words[8][40];
        const char *argv[11] = {"record"};
        const int count = (int)sj_test_between(&r, 0, 8), place = (int)sj_test_between(&r, 0, count);
        int used = 1;
        for (int w = 0; w <= count; w++) {
            if (w == place) {
                argv[used++] = SJ_SLURM_TASK;
            }
            if (w < count) {
                random_word(&r, words[w], sizeof words[w]);
                argv[used++] = words[w];
            }
        }
        argv[used] = NULL;
        const sj_slurm_job job = {.script = "job.sh", .argv = argv, .tasks = tasks, .task_count = 1, .base = 4000};
        assert_int_equal(sj_slurm_write_script(&job, &err), SJ_OK);
        assert_int_equal(run_script("1000", NULL), 0);
        call_words got = words_of("record", i + 1);
        assert_int_equal(got.count, count + 1);
        for (int w = 1; w < used; w++) {
            assert_string_equal(got.at[w - 1], strcmp(argv[w], SJ_SLURM_TASK) == 0 ? "5000" : argv[w]);
        }
        free_words(&got);
    }
}

static void test_a_job_alone_has_no_task(void **state) {
    const char *const argv[] = {"record", SJ_SLURM_TASK, "a{task}", NULL};
    const sj_slurm_job job = {.script = "job.sh", .argv = argv};
    assert_int_equal(sj_slurm_write_script(&job, &err), SJ_OK);
    assert_int_equal(run_script("", NULL), 0);
    assert_true(has_word("record", 1, SJ_SLURM_TASK));
    assert_true(has_word("record", 1, "a{task}"));
}

static void test_the_command_s_exit_code_is_the_script_s(void **state) {
    const char *const argv[] = {"record", NULL};
    const sj_slurm_job job = {.script = "job.sh", .argv = argv};
    assert_int_equal(sj_slurm_write_script(&job, &err), SJ_OK);
    play("record", 0, "exit 43");
    assert_int_equal(WEXITSTATUS(run_script("", NULL)), 43);
}

static void test_restarts_end(void **state) {
    static const int64_t tasks[] = {7};
    const char *const argv[] = {"record", SJ_SLURM_TASK, NULL};
    sj_slurm_job job = {.script = "job.sh", .argv = argv, .tasks = tasks, .task_count = 1, .restarts = 3};
    assert_int_equal(sj_slurm_write_script(&job, &err), SJ_OK);
    assert_int_equal(run_script("7", NULL), 0);
    assert_int_equal(run_script("7", "3"), 0);
    assert_int_equal(calls("record"), 2);
    assert_int_equal(WEXITSTATUS(run_script("7", "4")), 75);
    assert_int_equal(calls("record"), 2);
    char *text = NULL;
    size_t bytes;
    assert_int_equal(sj_read_file("stderr.txt", &text, &bytes, &err), SJ_OK);
    assert_string_equal(text, "task 7: given up: Slurm has started it again 4 times; allowed: 3\n");
    free(text);
    job.restarts = 0;  // Slurm is told not to
    assert_int_equal(sj_slurm_write_script(&job, &err), SJ_OK);
    assert_int_equal(run_script("7", "4"), 0);
}

static void test_a_script_is_whole_or_absent(void **state) {
    const char *const argv[] = {"record", NULL};
    const sj_slurm_job job = {.script = "nowhere/job.sh", .argv = argv};
    assert_int_equal(sj_slurm_write_script(&job, &err), SJ_ERR_IO);
    assert_says("nowhere/job.sh");
    assert_int_equal(sj_test_entries(), 2);  // bin, fake
}

// ---- Indexes
// Reads "0-3,7" back; runs ascend and do not touch. Returns how many indexes.
static int64_t read_indexes(const char *text, int64_t *out, int64_t room) {
    int64_t count = 0, before = -2;
    while (*text != '\0' && *text != '%') {
        char *end;
        const int64_t first = strtoll(text, &end, 10);
        const int64_t last = *end == '-' ? strtoll(end + 1, &end, 10) : first;
        assert_true(first > before + 1 && last >= first);
        for (int64_t i = first; i <= last; i++) {
            assert_true(count < room);
            out[count++] = i;
        }
        before = last;
        assert_true(*end == '\0' || *end == ',' || *end == '%');
        text = end + (*end == ',');
    }
    return count;
}

static int64_t random_tasks(sj_random *r, int64_t *tasks, int64_t room, double density, int64_t first) {
    int64_t count = 0;
    for (int64_t i = first; count < room; i++) {
        if (sj_random_unit(r) < density) {
            tasks[count++] = i;
        }
        if (sj_random_below(r, (uint64_t)room) == 0) {
            break;
        }
    }
    return count;
}

static void test_indexes_read_back(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(12));
    static int64_t tasks[500], got[500];
    for (int i = 0; i < 500; i++) {
        const int64_t base = sj_test_between(&r, 0, 3) == 0 ? 0 : sj_test_between(&r, 0, INT64_C(1) << 40), at_once = sj_test_between(&r, 0, 9);
        const int64_t count = random_tasks(&r, tasks, 500, sj_random_unit(&r) + 0.01, base);
        char *text = NULL, limit[24] = "";
        assert_int_equal(sj_slurm_indexes(tasks, count, base, at_once, &text, &err), SJ_OK);
        assert_int_equal(read_indexes(text, got, 500), count);
        for (int64_t k = 0; k < count; k++) {
            assert_int_equal(got[k] + base, tasks[k]);
        }
        if (at_once > 0) {
            snprintf(limit, sizeof limit, "%%%d", (int)at_once);
        }
        const char *mark = strchr(text, '%');
        assert_string_equal(mark != NULL ? mark : "", limit);
        free(text);
    }
}

static void test_indexes_as_slurm_writes_them(void **state) {
    static const int64_t tasks[] = {0, 1, 2, 3, 7, 9, 10, 11, 12};
    char *text = NULL;
    assert_int_equal(sj_slurm_indexes(tasks, 9, 0, 5, &text, &err), SJ_OK);
    assert_string_equal(text, "0-3,7,9-12%5");
    free(text);
    assert_int_equal(sj_slurm_indexes(tasks + 5, 2, 9, 0, &text, &err), SJ_OK);
    assert_string_equal(text, "0-1");
    free(text);
}

static void test_tasks_that_do_not_ascend_are_refused(void **state) {
    static const int64_t twice[] = {3, 4, 4}, down[] = {3, 2}, below[] = {3, 4};
    char *text = NULL;
    assert_int_equal(sj_slurm_indexes(twice, 3, 0, 0, &text, &err), SJ_ERR_INTERNAL);
    assert_says("number 4 at place 2");
    assert_int_equal(sj_slurm_indexes(down, 2, 0, 0, &text, &err), SJ_ERR_INTERNAL);
    assert_says("number 2 at place 1");
    assert_int_equal(sj_slurm_indexes(below, 2, 4, 0, &text, &err), SJ_ERR_INTERNAL);
    assert_says("ascend from 4 on");
    assert_null(text);
}

// Chunks, one after the other, hold every task once; each is within an array's limits, and the next task would not be.
static void check_chunks(const int64_t *tasks, int64_t count, int64_t max_array) {
    for (int64_t done = 0; done < count;) {
        int64_t base = -1;
        const int64_t taken = sj_slurm_chunk(tasks + done, count - done, max_array, &base);
        assert_true(taken > 0 && taken <= max_array && taken <= count - done);
        assert_int_equal(base % max_array, 0);
        assert_true(base <= tasks[done] && tasks[done + taken - 1] - base < max_array);
        char *text = NULL;
        assert_int_equal(sj_slurm_indexes(tasks + done, taken, base, INT64_MAX, &text, &err), SJ_OK);
        assert_true(strlen(text) + strlen("--array=") < 131072);
        if (done + taken < count) {
            assert_true(tasks[done + taken] - base >= max_array || strlen(text) > 90000);
        }
        free(text);
        done += taken;
    }
}

static void test_chunks_hold_all_tasks(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(13));
    static int64_t tasks[3000];
    for (int i = 0; i < 300; i++) {
        const int64_t count = random_tasks(&r, tasks, 3000, sj_random_unit(&r) + 0.01, sj_test_between(&r, 0, 2000));
        check_chunks(tasks, count, sj_test_between(&r, 1, 1500));
    }
    int64_t base = -1;
    assert_int_equal(sj_slurm_chunk(tasks, 0, 10, &base), 0);
    assert_int_equal(base, 0);
}

static void test_a_scattered_array_fits_a_command(void **state) {
    enum { COUNT = 100000 };
    int64_t *tasks = malloc(COUNT * sizeof *tasks);
    assert_non_null(tasks);
    for (int64_t i = 0; i < COUNT; i++) {
        tasks[i] = 3000000 + 2 * i;
    }
    check_chunks(tasks, COUNT, 4000001);
    for (int64_t i = 0; i < COUNT; i++) {
        tasks[i] = i;
    }
    int64_t base;
    assert_int_equal(sj_slurm_chunk(tasks, COUNT, 4000001, &base), COUNT);
    free(tasks);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_words_reach_the_command, enter_fakes, leave_fakes),
        cmocka_unit_test_setup_teardown(test_a_job_alone_has_no_task, enter_fakes, leave_fakes),
        cmocka_unit_test_setup_teardown(test_the_command_s_exit_code_is_the_script_s, enter_fakes, leave_fakes),
        cmocka_unit_test_setup_teardown(test_restarts_end, enter_fakes, leave_fakes),
        cmocka_unit_test_setup_teardown(test_a_script_is_whole_or_absent, enter_fakes, leave_fakes),
        cmocka_unit_test(test_indexes_read_back),
        cmocka_unit_test(test_indexes_as_slurm_writes_them),
        cmocka_unit_test(test_tasks_that_do_not_ascend_are_refused),
        cmocka_unit_test(test_chunks_hold_all_tasks),
        cmocka_unit_test(test_a_scattered_array_fits_a_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
