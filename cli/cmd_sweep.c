// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sj_cli.h"
#include "sj_sweep_cli.h"

typedef struct watcher {
    sj_progress bar;
    bool started, quiet;
    uint64_t earlier;  // points that were there
} watcher;

// The bar and its remaining time are those of this run: what an earlier one left took no time.
static void watch(void *context, const sj_sweep_progress *p) {
    watcher *w = context;
    char text[96] = "";
    const uint64_t earlier = p->done - (p->own < p->done ? p->own : p->done);
    if (!w->started) {
        w->earlier = earlier;
        sj_progress_start(&w->bar, "sweep", (int64_t)(p->total > earlier ? p->total - earlier : 0), w->quiet);
        w->started = true;
    }
    const uint64_t now = p->done > w->earlier ? p->done - w->earlier : 0;
    if (now > 0 && p->seconds > 0.0) {
        snprintf(text, sizeof text, "%.3g points/s, %llu of %llu", (double)now / p->seconds, (unsigned long long)p->done, (unsigned long long)p->total);
    }
    sj_progress_update(&w->bar, (int64_t)now, text);
}

static int worker_count(const sj_sweep_options *o) {
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return o->workers > 0 ? o->workers : processors < 1 ? 1 : processors > 256 ? 256 : (int)processors;
}

static sj_status show(const sj_sweep_options *o, sj_error *err) {
    sj_sweep_view view = sj_sweep_view_default();
    view.format = o->json ? SJ_ANALYSIS_JSON : SJ_ANALYSIS_TEXT;
    view.top = o->top;
    const sj_status status = sj_sweep_print(o->dir, &view, err);
    sj_sweep_view_free(&view);
    return status;
}

static sj_status run_local(sj_sweep *s, const sj_sweep_options *o, watcher *w, sj_error *err) {
    SJ_TRY(o->resume ? sj_sweep_resume(s, err) : sj_sweep_begin(s, o->force, err));
    const sj_status status = sj_sweep_run(s, worker_count(o), err);
    if (w->started) {
        sj_progress_clear(&w->bar);
    }
    SJ_TRY(status);
    return show(o, err);
}

// ---- on a cluster

typedef struct words {
    char program[4096];
    char *whole[SJ_SWEEP_TRACES_MAX + 3];  // paths of the sweep file, the folder, the traces
    int whole_count;
    const char *all[SJ_SWEEP_TRACES_MAX + 256];
} words;

static void words_free(words *w) {
    for (int i = 0; i < w->whole_count; i++) {
        free(w->whole[i]);
    }
}

// Jobs run in the sweep's folder, so that paths must be whole.
static sj_status whole_path(words *w, const char *path, const char **out, sj_error *err) {
    char *full = realpath(path, NULL);
    if (full == NULL) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: its whole path cannot be found", path);
    }
    w->whole[w->whole_count++] = full;
    *out = full;
    return SJ_OK;
}

static sj_status find_words(words *w, const sj_sweep_options *o, const char *config, sj_error *err) {
    int count = 0;
    memset(w, 0, sizeof *w);
    const ssize_t length = readlink("/proc/self/exe", w->program, sizeof w->program - 1);
    if (length <= 0) {
        return SJ_FAIL(err, SJ_ERR_IO, "/proc/self/exe: the program's own path cannot be read");
    }
    w->all[count++] = "sweep";
    SJ_TRY(whole_path(w, config, &w->all[count++], err));
    for (int t = 0; t < o->trace_count; t++) {
        SJ_TRY(whole_path(w, o->traces[t], &w->all[count++], err));
    }
    w->all[count++] = "-o";
    SJ_TRY(whole_path(w, o->dir, &w->all[count++], err));
    for (int i = 0; i < o->set_count; i++) {
        w->all[count++] = "--set";
        w->all[count++] = o->sets[i];
    }
    w->all[count++] = "--directory";  // names in the sweep file may be relative to it
    SJ_TRY(whole_path(w, ".", &w->all[count++], err));
    w->all[count++] = "--launcher";
    w->all[count] = "slurm";
    return SJ_OK;
}

static void log_on_stderr(const char *line) { fprintf(stderr, "%s\n", line); }

static sj_status launch(sj_sweep *s, const sj_sweep_options *o, const sj_sweep_cluster *c, sj_error *err) {
    sj_sweep_queued queued;
    SJ_TRY(sj_sweep_submit(s, c, o->collect > 0 ? o->collect : 0, &queued, err));
    return o->detach || o->collect >= 0 || queued.missing == 0 ? SJ_OK : sj_sweep_watch(s, c, err);
}

static sj_status run_cluster(sj_sweep *s, const sj_sweep_options *o, const char *config, watcher *w, sj_error *err) {
    int64_t jobs = 0;
    if (o->task >= 0) {
        return sj_sweep_run_task(s, o->task, err);
    }
    if (o->cancel) {
        SJ_TRY(sj_sweep_resume(s, err));
        SJ_TRY(sj_sweep_cancel(s, &jobs, err));
        fprintf(stderr, "%s: %lld jobs cancelled\n", o->dir, (long long)jobs);
        return SJ_OK;
    }
    SJ_TRY(o->collect < 0 ? sj_sweep_check_cluster(s, err) : SJ_OK);
    SJ_TRY(o->resume || o->collect >= 0 ? sj_sweep_resume(s, err) : sj_sweep_begin(s, o->force, err));
    words *n = calloc(1, sizeof *n);
    if (n == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for the command of a task");
    }
    sj_status status = find_words(n, o, config, err);
    const sj_sweep_cluster cluster = {.program = n->program, .words = n->all, .log = o->quiet ? NULL : log_on_stderr};
    status = status == SJ_OK ? launch(s, o, &cluster, err) : status;
    if (w->started) {
        sj_progress_clear(&w->bar);
    }
    words_free(n);
    free(n);
    SJ_TRY(status);
    return o->detach || o->collect >= 0 ? SJ_OK : show(o, err);
}

// The command as it was given, for provenance.
static void join_words(int argc, char **argv, char *text, size_t size) {
    size_t used = (size_t)snprintf(text, size, "skipjoule");
    for (int i = 0; i < argc && used < size; i++) {
        used += (size_t)snprintf(text + used, size - used, " %s", argv[i]);
    }
}

sj_status sj_cmd_sweep(int argc, char **argv, sj_error *err) {
    sj_sweep_options o;
    char command[4096], *config = NULL;
    join_words(argc, argv, command, sizeof command);  // before getopt sorts them
    SJ_TRY(sj_sweep_parse(argc, argv, &o, err));
    if (o.help) {
        fputs(sj_sweep_help, stdout);
        return SJ_OK;
    }
    if (o.directory != NULL && chdir(o.directory) != 0) {
        return SJ_FAIL(err, SJ_ERR_IO, "--directory %s: it cannot be entered", o.directory);
    }
    SJ_TRY(sj_cli_find_config("sweep", o.config, &config, err));
    watcher w = {.quiet = o.quiet};
    const sj_sweep_request request = {.config = config, .override_count = o.set_count, .overrides = o.sets, .trace_count = o.trace_count, .traces = (const char *const *)o.traces, .dir = o.dir,
                                      .version = sj_version, .command = command, .find = sj_cli_find_config, .stopped = sj_cli_interrupted, .progress = watch, .context = &w};
    sj_sweep *s;
    sj_status status = sj_sweep_open(&request, &s, err);
    if (status == SJ_OK) {
        status = o.launcher == SJ_LAUNCHER_SLURM ? run_cluster(s, &o, config, &w, err) : run_local(s, &o, &w, err);
        sj_sweep_close(s);
    }
    free(config);
    return status;
}
