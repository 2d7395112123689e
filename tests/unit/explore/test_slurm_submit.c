// SPDX-License-Identifier: Apache-2.0
// Submitting: what sbatch is called with, what is made of its answers, and that no job is submitted twice.
#include <unistd.h>

#include "sj_slurm.h"
#include "sj_test_slurm.h"

static const sj_slurm s = {.patience_seconds = 60.0, .pause_seconds = 0.01, .command_seconds = 30.0};
static const sj_slurm hasty = {.patience_seconds = 0.3, .pause_seconds = 0.05, .command_seconds = 30.0};
static const int64_t tasks[] = {2000, 2001, 2002, 2007};
static const char *const command[] = {"skipjoule", "sweep", SJ_SLURM_TASK, NULL};
static const sj_slurm_config defaults;
static char id[SJ_SLURM_ID_MAX];

static sj_slurm_job array_job(const sj_slurm_config *config) {
    return (sj_slurm_job){.name = "edge", .folder = ".", .script = "job.sh", .output = "log/%A_%a.txt", .argv = command, .tasks = tasks, .task_count = 4, .base = 2000, .config = config};
}

static void test_what_sbatch_is_called_with(void **state) {
    char *const options[] = {"--qos=low", "-c4"};
    sj_slurm_config config = {.partition = "short", .account = "arch", .time = "01:30:00", .memory_mib = 2048, .tasks_at_once = 3, .option_count = 2, .options = {options[0], options[1]}};
    sj_slurm_job job = array_job(&config);
    job.restarts = 2;
    job.dependency = "afterok:5";
    play("sbatch", 0, "echo 77");
    assert_int_equal(sj_slurm_submit(&s, &job, id, &err), SJ_OK);
    assert_string_equal(id, "77");
    char chdir_word[SJ_TEST_FOLDER_MAX + 16], script[SJ_TEST_FOLDER_MAX + 16];
    snprintf(chdir_word, sizeof chdir_word, "--chdir=%s", folder);
    snprintf(script, sizeof script, "%s/job.sh", folder);
    const char *const expected[] = {"--parsable",       "--open-mode=append", "--requeue",            "--job-name=edge.", "--partition=short", "--account=arch",       "--time=01:30:00",
                                    "--mem=2048M",      "--qos=low",          "-c4",                  "--dependency=afterok:5", "--array=0-2,7%3", chdir_word, "--output=log/%A_%a.txt", script};
    call_words w = words_of("sbatch", 1);
    assert_int_equal(w.count, sizeof expected / sizeof *expected);
    for (int i = 0; i < w.count; i++) {
        if (i == 3) {
            assert_int_equal(strncmp(w.at[i], expected[i], strlen(expected[i])), 0);
            assert_int_equal(strspn(w.at[i] + strlen(expected[i]), "0123456789abcdef"), 8);
        } else {
            assert_string_equal(w.at[i], expected[i]);
        }
    }
    free_words(&w);
    assert_int_equal(sj_test_entries(), 3);  // bin, fake, job.sh: nothing else is left
}

static void test_defaults_are_the_cluster_s(void **state) {
    sj_slurm_job job = array_job(&defaults);
    job.task_count = 0;
    play("sbatch", 0, "echo 78");
    assert_int_equal(sj_slurm_submit(&s, &job, id, &err), SJ_OK);
    static const char *const absent[] = {"--partition", "--account", "--time", "--mem", "--dependency", "--array", "--requeue"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        assert_false(has_head("sbatch", 1, absent[i]));
    }
    assert_true(has_word("sbatch", 1, "--no-requeue"));
    job = array_job(&defaults);
    assert_int_equal(sj_slurm_submit(&s, &job, id, &err), SJ_OK);
    assert_true(has_word("sbatch", 2, "--array=0-2,7"));
}

static void job_name(int call, char name[64]) {
    call_words w = words_of("sbatch", call);
    snprintf(name, 64, "%s", w.at[3]);
    free_words(&w);
}

static void test_no_two_submissions_have_one_name(void **state) {
    enum { COUNT = 20 };
    char names[COUNT][64];
    const sj_slurm_job job = array_job(&defaults);
    play("sbatch", 0, "echo 77");
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(sj_slurm_submit(&s, &job, id, &err), SJ_OK);
        job_name(i + 1, names[i]);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(names[i], names[j]);
        }
    }
}

static void test_ids(void **state) {
    static const struct {
        const char *lines, *id;
    } good[] = {{"echo 12", "12"}, {"echo '12;east'", "12;east"}, {"printf 12", "12"}, {"echo 'Thank you for your job.'; echo 12; echo 'Good bye (3)'", "12"}, {"echo 12; echo 'sbatch: a warning' >&2", "12"}};
    const sj_slurm_job job = array_job(&defaults);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        play("sbatch", 0, good[i].lines);
        assert_int_equal(sj_slurm_submit(&s, &job, id, &err), SJ_OK);
        assert_string_equal(id, good[i].id);
    }
    static const char *const bad[] = {"exit 0", "echo 'Submitted batch job 12'", "echo 12x", "echo '12;'", "echo 1234567890123456789", "echo ';12'"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        play("sbatch", 0, bad[i]);
        assert_int_equal(sj_slurm_submit(&hasty, &job, id, &err), SJ_ERR_IO);
        assert_says("sbatch did not submit the job \"edge\" in 0.3 s: it wrote no job id, but \"");
        assert_string_equal(id, "");
    }
}

static void test_refused(void **state) {
    const sj_slurm_job job = array_job(&defaults);
    play("sbatch", 0, "echo 'sbatch: error: Memory specification can not be satisfied' >&2; echo 'sbatch: error: Batch job submission failed: Requested node configuration is not available' >&2; exit 1");
    assert_int_equal(sj_slurm_submit(&s, &job, id, &err), SJ_ERR_CONFIG);
    assert_string_equal(err.message,
                        "sbatch refuses the job \"edge\": Memory specification can not be satisfied; Batch job submission failed: Requested node configuration is not available");
    assert_int_equal(calls("sbatch"), 1);
    assert_int_equal(calls("squeue"), 0);
    assert_false(sj_path_exists("job.sh"));  // nobody will run it
}

static void test_invalid_partition(void **state) {
    sj_slurm_config config = {.partition = "debgu"};
    const sj_slurm_job job = array_job(&config);
    play("sbatch", 0, "echo 'sbatch: error: invalid partition specified: debgu' >&2; echo 'sbatch: error: Batch job submission failed: Invalid partition name specified' >&2; exit 1");
    play("scontrol", 0, "echo 'PartitionName=debug AllowGroups=ALL Default=YES'; echo 'PartitionName=long AllowGroups=ALL'");
    assert_int_equal(sj_slurm_submit(&s, &job, id, &err), SJ_ERR_CONFIG);
    assert_string_equal(err.message, "slurm.partition: \"debgu\": sbatch refuses: invalid partition specified: debgu; Batch job submission failed: Invalid partition name specified; partitions of the cluster: debug, long; "
                                     "did you mean \"debug\"?");
    play("scontrol", 0, "exit 1");
    assert_int_equal(sj_slurm_submit(&s, &job, id, &err), SJ_ERR_CONFIG);
    assert_string_equal(err.message, "slurm.partition: \"debgu\": sbatch refuses: invalid partition specified: debgu; Batch job submission failed: Invalid partition name specified");
}

// ---- No clear answer
static const char timed_out[] = "echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2; exit 1\n";
// Lists the job of sbatch's call N, as Slurm does once it has it.
static const char lists_call[] = "name=$(tr '\\0' '\\n' < sbatch.%d.argv | sed -n 's/^--job-name=//p'); echo \"11 other\"; echo \"123 $name\"; echo \"14 $name.x\"; echo \"15 x$name\"\n";

static void test_submitted_although_nobody_said_so(void **state) {
    char lines[256];
    const sj_slurm_job job = array_job(&defaults);
    play("sbatch", 1, timed_out);
    snprintf(lines, sizeof lines, lists_call, 1);
    play("squeue", 0, lines);
    assert_int_equal(sj_slurm_submit(&s, &job, id, &err), SJ_OK);
    assert_string_equal(id, "123");
    assert_int_equal(calls("sbatch"), 1);
    char user[32];
    snprintf(user, sizeof user, "--user=%lu", (unsigned long)getuid());
    assert_true(has_word("squeue", 1, user) && has_word("squeue", 1, "--states=all") && has_word("squeue", 1, "--format=%F %j"));
}

static void test_it_arrives_between_two_looks(void **state) {
    char lines[256];
    const sj_slurm_job job = array_job(&defaults);
    play("sbatch", 1, timed_out);
    snprintf(lines, sizeof lines, lists_call, 1);
    play("squeue", 1, "echo '11 other'");
    play("squeue", 2, lines);
    assert_int_equal(sj_slurm_submit(&s, &job, id, &err), SJ_OK);
    assert_string_equal(id, "123");
    assert_int_equal(calls("sbatch"), 1);
}

static void test_not_submitted_is_tried_again(void **state) {
    const sj_slurm_job job = array_job(&defaults);
    play("sbatch", 1, timed_out);
    play("sbatch", 2, "kill -KILL $$");
    play("sbatch", 3, "exit 0");
    play("sbatch", 4, "echo 200");
    play("squeue", 1, "echo 'slurm_load_jobs error: Unable to contact slurm controller (connect failure)' >&2; exit 1");
    assert_int_equal(sj_slurm_submit(&s, &job, id, &err), SJ_OK);
    assert_string_equal(id, "200");
    assert_int_equal(calls("sbatch"), 4);
    assert_int_equal(calls("squeue"), 7);  // twice before each further try, and once in vain
    char first[64], last[64];
    job_name(1, first);
    job_name(4, last);
    assert_string_equal(first, last);
}

static void test_found_on_another_cluster(void **state) {
    sj_slurm_config config = {.option_count = 1, .options = {"--clusters=east"}};
    char lines[320] = "echo 'CLUSTER: east'\n";
    const sj_slurm_job job = array_job(&config);
    play("sbatch", 1, timed_out);
    snprintf(lines + strlen(lines), sizeof lines - strlen(lines), lists_call, 1);
    play("squeue", 0, lines);
    assert_int_equal(sj_slurm_submit(&s, &job, id, &err), SJ_OK);
    assert_string_equal(id, "123;east");
    assert_true(has_word("squeue", 1, "--clusters=east"));
}

static void test_a_controller_that_stays_away(void **state) {
    const sj_slurm_job job = array_job(&defaults);
    play("sbatch", 0, timed_out);
    play("squeue", 0, "echo 'slurm_load_jobs error: Unable to contact slurm controller (connect failure)' >&2; exit 1");
    assert_int_equal(sj_slurm_submit(&hasty, &job, id, &err), SJ_ERR_IO);
    assert_says("whether sbatch submitted it is not known (Batch job submission failed: Socket timed out on send/recv operation): squeue: no answer from the cluster's controller in 0.3 s: Unable to contact");
    assert_int_equal(calls("sbatch"), 1);
    play("squeue", 0, "exit 0");
    assert_int_equal(sj_slurm_submit(&hasty, &job, id, &err), SJ_ERR_IO);
    assert_says("sbatch did not submit the job \"edge\" in 0.3 s: Batch job submission failed: Socket timed out on send/recv operation");
}

static bool always(void *context) { return true; }

static void test_a_submission_is_not_interrupted_but_waiting_is(void **state) {
    const sj_slurm stopped = {.patience_seconds = 60.0, .pause_seconds = 10.0, .command_seconds = 30.0, .interrupted = always};
    const sj_slurm_job job = array_job(&defaults);
    play("sbatch", 1, "sleep 0.3; echo 5");
    assert_int_equal(sj_slurm_submit(&stopped, &job, id, &err), SJ_OK);
    assert_string_equal(id, "5");
    play("sbatch", 2, timed_out);
    assert_int_equal(sj_slurm_submit(&stopped, &job, id, &err), SJ_ERR_INTERRUPTED);
    assert_says("job \"edge.");
    assert_says("whether sbatch submitted it is not known");
    assert_string_equal(id, "");
}

// ---- What is refused before sbatch is called
static void test_options(void **state) {
    static char *const allowed[] = {"--qos=low", "--mem-per-cpu=2G", "--mem-bind=local", "--time-min=5", "--exclude=n1", "--export=NONE", "--nodelist=n2", "-c4", "-C intel", "-x", "--wait-all-nodes=1", "--gres=gpu:1",
                                    "--reservation=r", "--nice", "-H", "--hold", "--acctg-freq=0", "--cpus-per-task=2"};
    static char *const ours[] = {"--array=1", "--arr=1", "-a1", "--parsable", "--pars", "--wrap=true", "--wait", "-W", "--chdir=/", "-D/", "--output=x", "-ox", "--err=x", "--dependency=singleton", "-dsingleton",
                                 "--job-name=x", "-Jx", "--requeue", "--no-requeue", "--test-only", "--version", "-V", "-h", "--open-mode=truncate", "--input=x", "-i x", "-ex"};
    static char *const keys[] = {"--partition=p", "--part=p", "-pp", "--account=a", "-Aa", "--time=5", "-t5", "--mem=4G"};
    static char *const none[] = {"", "-", "--", "qos=low", "low"};
    sj_slurm_config config = {.option_count = 1};
    const sj_slurm_job job = array_job(&config);
    play("sbatch", 0, "echo 1");
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        config.options[0] = allowed[i];
        assert_int_equal(sj_slurm_submit(&s, &job, id, &err), SJ_OK);
        assert_true(has_word("sbatch", (int)i + 1, allowed[i]));
    }
    const int before = calls("sbatch");
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        config.options[0] = ours[i];
        assert_int_equal(sj_slurm_submit(&s, &job, id, &err), SJ_ERR_CONFIG);
        assert_says(ours[i]);
        assert_says("the sweep sets it itself");
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        config.options[0] = keys[i];
        assert_int_equal(sj_slurm_submit(&s, &job, id, &err), SJ_ERR_CONFIG);
        assert_says(keys[i]);
        assert_says("partition, account, time, memory_mib");
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        config.options[0] = none[i];
        assert_int_equal(sj_slurm_submit(&s, &job, id, &err), SJ_ERR_CONFIG);
        assert_says("is no option of sbatch");
    }
    assert_int_equal(calls("sbatch"), before);
}

static void test_as_many_options_as_a_config_holds(void **state) {
    sj_slurm_config config = {.partition = "p", .account = "a", .time = "1", .memory_mib = 1, .option_count = SJ_SLURM_OPTIONS_MAX};
    for (int i = 0; i < SJ_SLURM_OPTIONS_MAX; i++) {
        config.options[i] = "--qos=low";
    }
    sj_slurm_job job = array_job(&config);
    job.dependency = "afterok:5";
    play("sbatch", 0, "echo 1");
    assert_int_equal(sj_slurm_submit(&s, &job, id, &err), SJ_OK);
    call_words w = words_of("sbatch", 1);
    assert_int_equal(w.count, 13 + SJ_SLURM_OPTIONS_MAX);
    free_words(&w);
}

static void test_folders(void **state) {
    sj_slurm_job job = array_job(&defaults);
    play("sbatch", 0, "echo 1");
    job.folder = "nowhere";
    assert_int_equal(sj_slurm_submit(&s, &job, id, &err), SJ_ERR_IO);
    assert_says("nowhere: cannot be the folder of a job: No such file");
    static const char *const marked[] = {"50%", "a\\b"}, *const fine[] = {"a b", "it's", "\"q\"", "$x", "-x"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(mkdir(marked[i], 0755), 0);
        job.folder = marked[i];
        assert_int_equal(sj_slurm_submit(&s, &job, id, &err), SJ_ERR_UNSUPPORTED);
        assert_says(marked[i]);
        assert_says("has neither % nor a backslash");
    }
    assert_int_equal(calls("sbatch"), 0);
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        char script[64], word[SJ_TEST_FOLDER_MAX + 64];
        assert_int_equal(mkdir(fine[i], 0755), 0);
        snprintf(script, sizeof script, "%s/-job.sh", fine[i]);
        job.folder = fine[i];
        job.script = script;
        assert_int_equal(sj_slurm_submit(&s, &job, id, &err), SJ_OK);
        snprintf(word, sizeof word, "--chdir=%s/%s", folder, fine[i]);
        assert_true(has_word("sbatch", (int)i + 1, word));
        snprintf(word, sizeof word, "%s/%s", folder, script);
        assert_true(has_word("sbatch", (int)i + 1, word));
    }
}

static void test_without_sbatch(void **state) {
    const sj_slurm_job job = array_job(&defaults);
    assert_int_equal(setenv("PATH", "/nowhere", 1), 0);
    assert_int_equal(sj_slurm_submit(&s, &job, id, &err), SJ_ERR_UNSUPPORTED);
    assert_says("--launcher slurm: sbatch is not on the PATH; ");
    assert_false(sj_path_exists("job.sh"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_fakes, leave_fakes)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_what_sbatch_is_called_with),
        TEST(test_defaults_are_the_cluster_s),
        TEST(test_no_two_submissions_have_one_name),
        TEST(test_ids),
        TEST(test_refused),
        TEST(test_invalid_partition),
        TEST(test_submitted_although_nobody_said_so),
        TEST(test_it_arrives_between_two_looks),
        TEST(test_not_submitted_is_tried_again),
        TEST(test_found_on_another_cluster),
        TEST(test_a_controller_that_stays_away),
        TEST(test_a_submission_is_not_interrupted_but_waiting_is),
        TEST(test_options),
        TEST(test_as_many_options_as_a_config_holds),
        TEST(test_folders),
        TEST(test_without_sbatch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
