// SPDX-License-Identifier: Apache-2.0
// A sweep on a cluster: arrays of tasks, and behind each submission a job that collects their shards and submits again what is missing. So the sweep goes on without the process that began it.
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sj_clock.h"
#include "sj_file.h"
#include "sj_slurm.h"
#include "sj_sweep_internal.h"

enum { JOBS_MAX = 4096, WORDS_MAX = SJ_SWEEP_TRACES_MAX + 256 };

static const double look_seconds = 2.0, ask_seconds = 10.0;

static bool slurm_stopped(void *context) {
    const sj_sweep *s = context;
    return s->request->stopped != NULL && s->request->stopped();
}

static sj_slurm connection(sj_sweep *s) {
    sj_slurm slurm = SJ_SLURM_DEFAULTS;
    slurm.interrupted = slurm_stopped;
    slurm.context = s;
    return slurm;
}

static void log_line(const sj_sweep_cluster *c, const char *line) {
    if (c->log != NULL) {
        c->log(line);
    }
}

// ---- files of the sweep's folder: slurm/jobs (an id a line), slurm/complete, slurm/failed, slurm/cancelled

typedef struct job_list {
    int count;
    char ids[JOBS_MAX][SJ_SLURM_ID_MAX];
} job_list;

static sj_status read_jobs(const sj_sweep *s, job_list *jobs, sj_error *err) {
    char path[SJ_SWEEP_PATH_MAX], *text;
    size_t bytes;
    jobs->count = 0;
    SJ_TRY(sj_sweep_file(s, path, err, "slurm/jobs"));
    if (!sj_path_exists(path)) {
        return SJ_OK;
    }
    SJ_TRY(sj_read_file(path, &text, &bytes, err));
    for (char *line = text; *line != '\0' && jobs->count < JOBS_MAX;) {
        const size_t length = strcspn(line, "\n");
        snprintf(jobs->ids[jobs->count++], SJ_SLURM_ID_MAX, "%.*s", (int)length, line);
        line += length + (line[length] == '\n');
    }
    free(text);
    return SJ_OK;
}

static sj_status write_jobs(const sj_sweep *s, const job_list *jobs, sj_error *err) {
    char path[SJ_SWEEP_PATH_MAX];
    sj_atomic_file f;
    SJ_TRY(sj_sweep_file(s, path, err, "slurm/jobs"));
    SJ_TRY(sj_atomic_open(&f, path, err));
    for (int i = 0; i < jobs->count; i++) {
        fprintf(f.stream, "%s\n", jobs->ids[i]);
    }
    return sj_atomic_commit(&f, err);
}

static sj_status write_mark(const sj_sweep *s, const char *name, const char *text, sj_error *err) {
    char path[SJ_SWEEP_PATH_MAX];
    sj_atomic_file f;
    SJ_TRY(sj_sweep_file(s, path, err, "slurm/%s", name));
    SJ_TRY(sj_atomic_open(&f, path, err));
    fprintf(f.stream, "%s\n", text);
    return sj_atomic_commit(&f, err);
}

static sj_status has_mark(const sj_sweep *s, const char *name, bool *out, sj_error *err) {
    char path[SJ_SWEEP_PATH_MAX];
    SJ_TRY(sj_sweep_file(s, path, err, "slurm/%s", name));
    *out = sj_path_exists(path);
    return SJ_OK;
}

static sj_status remove_mark(const sj_sweep *s, const char *name, sj_error *err) {
    char path[SJ_SWEEP_PATH_MAX];
    SJ_TRY(sj_sweep_file(s, path, err, "slurm/%s", name));
    return unlink(path) == 0 || errno == ENOENT ? SJ_OK : SJ_FAIL(err, SJ_ERR_IO, "%s: cannot be removed: %s", path, strerror(errno));
}

static sj_status make_folders(const sj_sweep *s, sj_error *err) {
    static const char *const names[] = {"shards", "slurm", "slurm/log"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[SJ_SWEEP_PATH_MAX];
        SJ_TRY(sj_sweep_file(s, path, err, "%s", names[i]));
        if (mkdir(path, 0777) != 0 && errno != EEXIST) {
            return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot be made: %s", path, strerror(errno));
        }
    }
    return SJ_OK;
}

// ---- the queue

// Jobs of the sweep that wait or run, but that of this process, where it is one. held: tasks that wait for somebody to act. Jobs that are gone leave the list.
static sj_status look_at_queue(sj_sweep *s, job_list *jobs, bool *gone, int64_t *held, char why[64], sj_error *err) {
    const sj_slurm slurm = connection(s);
    const char *own = getenv("SLURM_JOB_ID"), *ids[JOBS_MAX];
    int left = 0;
    *gone = true;
    *held = 0;
    SJ_TRY(read_jobs(s, jobs, err));
    sj_slurm_state *states = calloc((size_t)jobs->count + 1, sizeof *states);
    if (states == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for the jobs' states");
    }
    for (int i = 0; i < jobs->count; i++) {
        ids[i] = jobs->ids[i];
    }
    const sj_status status = sj_slurm_jobs(&slurm, ids, jobs->count, states, err);
    for (int i = 0; i < jobs->count && status == SJ_OK; i++) {
        const bool mine = own != NULL && strncmp(jobs->ids[i], own, strcspn(jobs->ids[i], ";")) == 0 && own[strcspn(jobs->ids[i], ";")] == '\0';
        *gone = *gone && (mine || states[i].pending + states[i].running == 0);
        *held += states[i].held;
        if (states[i].held > 0) {
            memcpy(why, states[i].why_held, sizeof states[i].why_held);
        }
        if (!states[i].gone) {
            memmove(jobs->ids[left++], jobs->ids[i], SJ_SLURM_ID_MAX);
        }
    }
    jobs->count = status == SJ_OK ? left : jobs->count;
    free(states);
    return status;
}

// ---- submitting

typedef struct submission {
    sj_sweep *sweep;
    const sj_sweep_cluster *cluster;
    sj_slurm slurm;
    int64_t attempt;
    job_list jobs;
    int first;                       // of the jobs of this submission
    const char *argv[WORDS_MAX];
} submission;

static sj_status set_words(submission *b, const char *option, const char *value, sj_error *err) {
    int count = 0;
    b->argv[count++] = b->cluster->program;
    for (int i = 0; b->cluster->words[i] != NULL; i++) {
        if (count + 3 >= WORDS_MAX) {
            return SJ_FAIL(err, SJ_ERR_RANGE, "the command of a task has more than %d words", WORDS_MAX);
        }
        b->argv[count++] = b->cluster->words[i];
    }
    b->argv[count++] = option;
    b->argv[count++] = value;
    b->argv[count] = NULL;
    return SJ_OK;
}

// The job is noted before anything else is submitted, so that it can be cancelled.
static sj_status submit_one(submission *b, const sj_slurm_job *job, sj_error *err) {
    if (b->jobs.count == JOBS_MAX) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: more than %d jobs", b->sweep->request->dir, JOBS_MAX);
    }
    SJ_TRY(sj_slurm_submit(&b->slurm, job, b->jobs.ids[b->jobs.count], err));
    b->jobs.count++;
    return write_jobs(b->sweep, &b->jobs, err);
}

// A task ends with its node: what it leaves undone the collector submits again, at once, where Slurm would wait two minutes before it starts a task anew.
static sj_status submit_tasks(submission *b, const int64_t *tasks, int64_t count, sj_error *err) {
    char script[SJ_SWEEP_PATH_MAX];
    int64_t max_array = 0;
    SJ_TRY(sj_slurm_max_array(&b->slurm, &max_array, err));
    SJ_TRY(set_words(b, "--task", SJ_SLURM_TASK, err));
    for (int64_t at = 0, n; at < count; at += n) {
        sj_slurm_job job = {.name = b->sweep->config.name, .folder = b->sweep->request->dir, .script = script, .output = "slurm/log/%A_%a.txt", .argv = b->argv, .tasks = tasks + at,
                            .restarts = 0, .config = &b->sweep->config.slurm};
        n = sj_slurm_chunk(tasks + at, count - at, max_array, &job.base);
        job.task_count = n;
        SJ_TRY(sj_sweep_file(b->sweep, script, err, "slurm/tasks-%lld-%lld.sh", (long long)b->attempt, (long long)at));
        SJ_TRY(submit_one(b, &job, err));
    }
    return SJ_OK;
}

// "afterany:12:13": of the jobs of this submission; a cluster's name behind an id is no part of it.
static sj_status write_dependency(const submission *b, char **out, sj_error *err) {
    const size_t size = 16 + (size_t)(b->jobs.count - b->first) * SJ_SLURM_ID_MAX;
    size_t used = 0;
    *out = malloc(size);
    if (*out == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for a job's dependencies");
    }
    used = (size_t)snprintf(*out, size, "afterany");
    for (int i = b->first; i < b->jobs.count; i++) {
        used += (size_t)snprintf(*out + used, size - used, ":%.*s", (int)strcspn(b->jobs.ids[i], ";"), b->jobs.ids[i]);
    }
    return SJ_OK;
}

static sj_status submit_collector(submission *b, sj_error *err) {
    char script[SJ_SWEEP_PATH_MAX], next[32], name[80], *dependency;
    sj_slurm_config config = b->sweep->config.slurm;
    config.tasks_at_once = 0;
    snprintf(next, sizeof next, "%lld", (long long)b->attempt + 1);
    snprintf(name, sizeof name, "%s-collect", b->sweep->config.name);
    SJ_TRY(set_words(b, "--collect", next, err));
    SJ_TRY(sj_sweep_file(b->sweep, script, err, "slurm/collect-%lld.sh", (long long)b->attempt));
    SJ_TRY(write_dependency(b, &dependency, err));
    const sj_slurm_job job = {.name = name, .folder = b->sweep->request->dir, .script = script, .output = "slurm/log/collect-%j.txt", .argv = b->argv, .restarts = config.retries,
                              .dependency = dependency, .config = &config};
    const sj_status status = submit_one(b, &job, err);
    free(dependency);
    return status;
}

static sj_status too_often(const sj_sweep *s, const sj_sweep_merged *m, int64_t attempt, sj_error *err) {
    char text[1024];
    snprintf(text, sizeof text, "%s: %lld tasks were lost %lld times, the first is task %lld: slurm/log has what they said%s%.300s; --resume submits them again", s->request->dir,
             (long long)m->missing_count, (long long)attempt, (long long)m->missing[0], m->corrupt > 0 ? "; a shard was damaged: " : "", m->corrupt > 0 ? m->why_corrupt : "");
    SJ_TRY(write_mark(s, "failed", text, err));
    return SJ_FAIL(err, SJ_ERR_IO, "%s", text);
}

static sj_status submit_missing(sj_sweep *s, const sj_sweep_cluster *c, const sj_sweep_merged *m, int64_t attempt, int64_t *submitted, sj_error *err) {
    char line[1200];
    void *memory;
    SJ_TRY(sj_alloc(&memory, 1, sizeof(submission), "jobs", err));
    submission *b = memory;
    b->sweep = s;
    b->cluster = c;
    b->slurm = connection(s);
    b->attempt = attempt;
    bool gone = false;
    int64_t held = 0;
    char why[64] = "";
    sj_status status = look_at_queue(s, &b->jobs, &gone, &held, why, err);
    if (status == SJ_OK && !gone) {  // a job that was started again, or --resume while the sweep's jobs go on: they will collect
        log_line(c, "jobs of the sweep wait or run: nothing is submitted beside them");
        *submitted = 0;
        free(b);
        return SJ_OK;
    }
    b->first = b->jobs.count;
    status = status == SJ_OK ? submit_tasks(b, m->missing, m->missing_count, err) : status;
    status = status == SJ_OK ? submit_collector(b, err) : status;
    if (status == SJ_OK) {
        snprintf(line, sizeof line, "%s: %lld tasks submitted, attempt %lld, jobs %s to %s%s%.500s", s->config.name, (long long)m->missing_count, (long long)attempt + 1, b->jobs.ids[b->first],
                 b->jobs.ids[b->jobs.count - 1], m->corrupt > 0 ? "; damaged: " : "", m->corrupt > 0 ? m->why_corrupt : "");
        log_line(c, line);
    }
    free(b);
    return status;
}

sj_status sj_sweep_check_cluster(sj_sweep *s, sj_error *err) {
    const sj_slurm slurm = connection(s);
    int64_t tasks = 0, max_array = 0;
    SJ_TRY(sj_sweep_task_count(s, &tasks, err));
    return sj_slurm_max_array(&slurm, &max_array, err) == SJ_OK ? SJ_OK : sj_error_prefix(err, "--launcher slurm");
}

sj_status sj_sweep_submit(sj_sweep *s, const sj_sweep_cluster *c, int64_t attempt, sj_sweep_queued *out, sj_error *err) {
    sj_sweep_merged m;
    bool cancelled = false;
    *out = (sj_sweep_queued){0};
    SJ_TRY(make_folders(s, err));
    SJ_TRY(attempt == 0 ? remove_mark(s, "failed", err) : SJ_OK);
    SJ_TRY(attempt == 0 ? remove_mark(s, "cancelled", err) : has_mark(s, "cancelled", &cancelled, err));
    SJ_TRY(sj_sweep_merge(s, &m, err));
    sj_status status = SJ_OK;
    out->missing = m.missing_count;
    if (m.missing_count == 0) {
        status = write_mark(s, "complete", "all points are in results.sqlite", err);
    } else if (!cancelled && attempt > s->config.slurm.retries) {
        status = too_often(s, &m, attempt, err);
    } else if (!cancelled) {
        out->submitted = m.missing_count;
        status = remove_mark(s, "complete", err);
        status = status == SJ_OK ? submit_missing(s, c, &m, attempt, &out->submitted, err) : status;
    }
    free(m.missing);
    return status;
}

// ---- watching

static int64_t count_shards(const sj_sweep *s) {
    char folder[SJ_SWEEP_PATH_MAX];
    sj_error ignored;
    int64_t count = 0;
    DIR *dir = sj_sweep_file(s, folder, &ignored, "shards") == SJ_OK ? opendir(folder) : NULL;
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        const size_t length = strlen(entry->d_name);
        count += length > 7 && strcmp(entry->d_name + length - 7, ".sqlite") == 0;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

// How far it is, without opening a large store again and again: that is done where shards went into it.
typedef struct watch {
    double started;
    uint64_t stored, before;
    int64_t shards;  // seen last; -1: not yet looked
    bool told_held;
} watch;

static sj_status count_stored(const sj_sweep *s, uint64_t *points, sj_error *err) {
    sj_store *store;
    sj_store_counts counts;
    SJ_TRY(sj_store_open(s->store_path, NULL, &store, err));
    const sj_status status = sj_store_count(store, &counts, err);
    sj_store_close(store);
    *points = status == SJ_OK ? counts.points : 0;
    return status;
}

// Points in the store, and those of the shards that wait for their merge (the last one may have fewer).
static sj_status tell(sj_sweep *s, watch *w, sj_error *err) {
    const sj_sweep_request *r = s->request;
    const int64_t shards = count_shards(s);
    const bool first = w->shards < 0;
    if (first || shards < w->shards) {
        SJ_TRY(count_stored(s, &w->stored, err));
    }
    w->shards = shards;
    uint64_t done = w->stored + (uint64_t)shards * (uint64_t)s->config.slurm.points_per_task;
    done = done < s->about.total ? done : s->about.total;
    w->before = first ? done : w->before;
    if (r->progress != NULL) {
        const sj_sweep_progress p = {.done = done, .total = s->about.total, .own = done - (done < w->before ? done : w->before), .seconds = sj_monotonic_seconds() - w->started};
        r->progress(r->context, &p);
    }
    return SJ_OK;
}

static sj_status read_failure(const sj_sweep *s, sj_error *err) {
    char path[SJ_SWEEP_PATH_MAX], *text;
    size_t bytes;
    SJ_TRY(sj_sweep_file(s, path, err, "slurm/failed"));
    SJ_TRY(sj_read_file(path, &text, &bytes, err));
    text[strcspn(text, "\n")] = '\0';
    SJ_FAIL(err, SJ_ERR_IO, "%s", text);
    free(text);
    return err->status;
}

sj_status sj_sweep_cancel(sj_sweep *s, int64_t *count, sj_error *err) {
    void *memory;
    SJ_TRY(sj_alloc(&memory, 1, sizeof(job_list), "jobs", err));
    job_list *jobs = memory;
    const char *ids[JOBS_MAX];
    sj_slurm slurm = connection(s);
    slurm.interrupted = NULL;  // an interrupt is what asks for this
    sj_status status = read_jobs(s, jobs, err);
    for (int i = 0; i < jobs->count; i++) {
        ids[i] = jobs->ids[i];
    }
    *count = jobs->count;
    status = status == SJ_OK && jobs->count > 0 ? write_mark(s, "cancelled", "its jobs were cancelled", err) : status;  // before they are: no collector, no watcher submits again
    status = status == SJ_OK && jobs->count > 0 ? sj_slurm_cancel(&slurm, ids, jobs->count, err) : status;
    free(jobs);
    return status;
}

static sj_status interrupted(sj_sweep *s, sj_error *err) {
    int64_t jobs = 0;
    SJ_TRY(sj_sweep_cancel(s, &jobs, err));
    return SJ_FAIL(err, SJ_ERR_INTERRUPTED, "interrupted: the sweep's jobs are cancelled; --resume goes on with it");
}

// What no job will collect any more is submitted again from here. A collector may submit between the two looks: then the list of jobs has grown.
static sj_status rescue_with(sj_sweep *s, const sj_sweep_cluster *c, watch *w, job_list jobs[2], int64_t *attempt, sj_error *err) {
    bool complete = false, failed = false, gone = false;
    int64_t held = 0;
    char why[64] = "", line[160];
    sj_sweep_queued queued;
    SJ_TRY(read_jobs(s, &jobs[0], err));
    const int before = jobs[0].count;
    SJ_TRY(look_at_queue(s, &jobs[0], &gone, &held, why, err));
    SJ_TRY(read_jobs(s, &jobs[1], err));
    if (held > 0 && !w->told_held) {
        snprintf(line, sizeof line, "%lld tasks are held and will not start by themselves: %s", (long long)held, why);
        log_line(c, line);
        w->told_held = true;
    }
    SJ_TRY(has_mark(s, "complete", &complete, err));
    SJ_TRY(has_mark(s, "failed", &failed, err));
    if (!gone || complete || failed || jobs[1].count != before) {
        return SJ_OK;
    }
    log_line(c, "no job of the sweep is in the queue any more, and points are missing: they are submitted again");
    return sj_sweep_submit(s, c, ++*attempt, &queued, err);
}

static sj_status rescue(sj_sweep *s, const sj_sweep_cluster *c, watch *w, int64_t *attempt, sj_error *err) {
    void *memory;
    SJ_TRY(sj_alloc(&memory, 2, sizeof(job_list), "jobs", err));
    const sj_status status = rescue_with(s, c, w, memory, attempt, err);
    free(memory);
    return status;
}

sj_status sj_sweep_watch(sj_sweep *s, const sj_sweep_cluster *c, sj_error *err) {
    watch w = {.started = sj_monotonic_seconds(), .shards = -1};
    double asked = w.started;
    int64_t attempt = 0;
    for (;;) {
        bool complete = false, failed = false, cancelled = false;
        SJ_TRY(has_mark(s, "complete", &complete, err));
        SJ_TRY(has_mark(s, "failed", &failed, err));
        SJ_TRY(has_mark(s, "cancelled", &cancelled, err));
        if (complete || failed) {
            return complete ? SJ_OK : read_failure(s, err);
        }
        if (cancelled) {
            return SJ_FAIL(err, SJ_ERR_INTERRUPTED, "%s: its jobs were cancelled; --resume goes on with it", s->request->dir);
        }
        SJ_TRY(tell(s, &w, err));
        if (slurm_stopped(s)) {
            return interrupted(s, err);
        }
        if (sj_monotonic_seconds() - asked > ask_seconds) {
            const sj_status status = rescue(s, c, &w, &attempt, err);
            if (status == SJ_ERR_INTERRUPTED) {
                return interrupted(s, err);
            }
            SJ_TRY(status);
            asked = sj_monotonic_seconds();
        }
        const struct timespec moment = {(time_t)look_seconds, 0};
        nanosleep(&moment, NULL);
    }
}
