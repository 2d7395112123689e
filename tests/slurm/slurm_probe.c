// SPDX-License-Identifier: Apache-2.0
// sj_slurm.h from a shell.
//   slurm_probe max
//   slurm_probe submit NAME FOLDER SCRIPT OUTPUT RESTARTS TASKS|- [after=DEPENDENCY] [partition=NAME] [at_once=N] [option=WORD] -- COMMAND...     TASKS: 0,3,17. Ids, one a line
//   slurm_probe jobs ID...         a line each: ID pending running completing held ended failed gone why_failed
//   slurm_probe cancel ID...
// SJ_PROBE_PATIENCE: seconds (30).
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_slurm.h"

enum { TASKS_MAX = 10000, JOBS_MAX = 64 };

static int fail(const sj_error *err) {
    fprintf(stderr, "%s: %s\n", sj_status_name(err->status), err->message);
    return 1;
}

static int64_t read_tasks(char *text, int64_t tasks[TASKS_MAX]) {
    int64_t count = 0;
    char *mark = NULL;
    for (char *word = strtok_r(text, ",", &mark); word != NULL && count < TASKS_MAX && strcmp(text, "-") != 0; word = strtok_r(NULL, ",", &mark)) {
        tasks[count++] = strtoll(word, NULL, 10);
    }
    return count;
}

static void read_extra(char *word, sj_slurm_job *job, sj_slurm_config *config) {
    char *value = strchr(word, '=') + 1;
    if (strncmp(word, "after=", 6) == 0) {
        job->dependency = value;
    } else if (strncmp(word, "partition=", 10) == 0) {
        config->partition = value;
    } else if (strncmp(word, "at_once=", 8) == 0) {
        config->tasks_at_once = strtoll(value, NULL, 10);
    } else if (config->option_count < SJ_SLURM_OPTIONS_MAX) {
        config->options[config->option_count++] = value;
    }
}

// As many arrays as the tasks need.
static int submit(const sj_slurm *s, int count, char **words, sj_error *err) {
    static int64_t tasks[TASKS_MAX];
    sj_slurm_config config = {.time = NULL};
    sj_slurm_job job = {.name = words[0], .folder = words[1], .script = words[2], .output = words[3], .restarts = strtoll(words[4], NULL, 10), .config = &config};
    const int64_t all = read_tasks(words[5], tasks);
    int i = 6;
    for (; i < count && strcmp(words[i], "--") != 0; i++) {
        read_extra(words[i], &job, &config);
    }
    job.argv = (const char *const *)(words + i + 1);
    int64_t max_array = 1, done = 0;
    if (sj_slurm_max_array(s, &max_array, err) != SJ_OK) {
        return fail(err);
    }
    do {
        char id[SJ_SLURM_ID_MAX];
        job.tasks = tasks + done;
        job.task_count = sj_slurm_chunk(job.tasks, all - done, max_array, &job.base);
        if (sj_slurm_submit(s, &job, id, err) != SJ_OK) {
            return fail(err);
        }
        printf("%s\n", id);
        done += job.task_count;
    } while (done < all);
    return 0;
}

static int jobs(const sj_slurm *s, int count, char **ids, sj_error *err) {
    sj_slurm_state states[JOBS_MAX];
    if (count > JOBS_MAX || sj_slurm_jobs(s, (const char *const *)ids, count, states, err) != SJ_OK) {
        return fail(err);
    }
    for (int i = 0; i < count; i++) {
        const sj_slurm_state *t = &states[i];
        printf("%s %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %s %s\n", ids[i], t->pending, t->running, t->completing, t->held, t->ended, t->failed, t->gone ? "gone" : "there",
               t->why_failed[0] != '\0' ? t->why_failed : "-");
    }
    return 0;
}

int main(int argc, char **argv) {
    const char *patience = getenv("SJ_PROBE_PATIENCE");
    const sj_slurm s = {.patience_seconds = patience != NULL ? strtod(patience, NULL) : 30.0, .pause_seconds = 0.25, .command_seconds = 30.0};
    sj_error err = {.status = SJ_OK};
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "max") == 0) {
        int64_t max_array = 0;
        if (sj_slurm_max_array(&s, &max_array, &err) != SJ_OK) {
            return fail(&err);
        }
        printf("%" PRId64 "\n", max_array);
        return 0;
    }
    if (strcmp(what, "submit") == 0 && argc > 9) {
        return submit(&s, argc - 2, argv + 2, &err);
    }
    if (strcmp(what, "jobs") == 0 && argc > 2) {
        return jobs(&s, argc - 2, argv + 2, &err);
    }
    if (strcmp(what, "cancel") == 0 && argc > 2) {
        return sj_slurm_cancel(&s, (const char *const *)argv + 2, argc - 2, &err) == SJ_OK ? 0 : fail(&err);
    }
    fprintf(stderr, "slurm_probe: unknown call\n");
    return 2;
}
