// SPDX-License-Identifier: Apache-2.0
// A child process, its output and its errors kept.
#define _GNU_SOURCE  // pipe2, environ
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sj_clock.h"
#include "sj_file.h"
#include "slurm_internal.h"

#define TICK_MS 20
#define OUTPUT_MAX ((size_t)256 << 20)

// A user's settings that would change what the commands answer (SQUEUE_STATES hides jobs, SCANCEL_INTERACTIVE asks back) or do (SBATCH_WAIT).
static bool is_unwanted(const char *variable) {
    static const char *const heads[] = {"SQUEUE_", "SCANCEL_", "SCONTROL_", "SBATCH_ARRAY_INX=", "SBATCH_WAIT=", "SLURM_BITSTR_LEN="};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        if (strncmp(variable, heads[i], strlen(heads[i])) == 0) {
            return true;
        }
    }
    return false;
}

static sj_status clean_environment(char ***out, sj_error *err) {
    uint64_t count = 0;
    while (environ[count] != NULL) {
        count++;
    }
    void *list = NULL;
    SJ_TRY(sj_alloc(&list, count + 1, sizeof(char *), "a child's environment", err));
    *out = list;
    for (uint64_t i = 0, kept = 0; i < count; i++) {
        if (!is_unwanted(environ[i])) {
            (*out)[kept++] = environ[i];
        }
    }
    return SJ_OK;
}

typedef struct stream {
    int fd;  // -1: at its end
    char *text;
    size_t used, capacity;
} stream;

// Reads what is there. false: no memory, or more than anyone would print.
static bool read_some(stream *s) {
    for (;;) {
        if (s->capacity - s->used < 2) {
            const size_t capacity = s->capacity == 0 ? 4096 : 2 * s->capacity;
            char *larger = capacity <= OUTPUT_MAX ? realloc(s->text, capacity) : NULL;
            if (larger == NULL) {
                return false;
            }
            s->text = larger;
            s->capacity = capacity;
        }
        const ssize_t got = read(s->fd, s->text + s->used, s->capacity - s->used - 1);
        if (got > 0) {
            s->used += (size_t)got;
        } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            close(s->fd);
            s->fd = -1;
            break;
        } else if (errno == EAGAIN) {
            break;
        }
    }
    s->text[s->used] = '\0';
    return true;
}

static bool read_both(stream streams[2]) {
    bool ok = true;
    for (int i = 0; i < 2; i++) {
        ok = (streams[i].fd < 0 || read_some(&streams[i])) && ok;
    }
    return ok;
}

// A group of its own: Ctrl-C is for us to act upon, not for a command that is about to tell a job's number.
static int spawn(pid_t *child, const char *const *argv, char **environment, const int ends[2]) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int why = posix_spawn_file_actions_init(&actions);
    if (why != 0) {
        return why;
    }
    why = posix_spawnattr_init(&attributes);
    if (why == 0) {
        why = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        why = why != 0 ? why : posix_spawn_file_actions_adddup2(&actions, ends[0], STDOUT_FILENO);
        why = why != 0 ? why : posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
        why = why != 0 ? why : posix_spawnattr_setsigmask(&attributes, &none);
        why = why != 0 ? why : posix_spawnattr_setsigdefault(&attributes, &all);
        why = why != 0 ? why : posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        why = why != 0 ? why : posix_spawnp(child, argv[0], &actions, &attributes, (char *const *)argv, environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return why;
}

// A pipe whose ends are no standard stream: where ours are closed, a child's would be moved onto themselves.
static int make_pipe(int ends[2]) {
    int low[2];
    if (pipe2(low, O_CLOEXEC) != 0) {
        return errno;
    }
    int why = 0;
    for (int i = 0; i < 2; i++) {
        ends[i] = fcntl(low[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        why = ends[i] < 0 ? errno : why;
        close(low[i]);
    }
    if (why != 0) {
        for (int i = 0; i < 2; i++) {
            if (ends[i] >= 0) {
                close(ends[i]);
            }
        }
        return why;
    }
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return 0;
}

static int start(pid_t *child, const char *const *argv, char **environment, stream streams[2]) {
    int ends[2][2], writers[2];
    int why = make_pipe(ends[0]);
    if (why != 0) {
        return why;
    }
    why = make_pipe(ends[1]);
    if (why == 0) {
        writers[0] = ends[0][1];
        writers[1] = ends[1][1];
        why = spawn(child, argv, environment, writers);
        close(ends[1][1]);
        if (why != 0) {
            close(ends[1][0]);
        }
    }
    close(ends[0][1]);
    if (why != 0) {
        close(ends[0][0]);
        return why;
    }
    streams[0].fd = ends[0][0];
    streams[1].fd = ends[1][0];
    return 0;
}

// Until it has ended, whoever else may hold its pipes open then. A child that nobody can wait for (SIGCHLD is ignored) counts as ended by a signal.
static sj_status follow(const sj_slurm *s, const char *name, pid_t child, stream streams[2], sj_child *out, sj_error *err) {
    const double end = sj_monotonic_seconds() + s->command_seconds;
    int state = -1;
    pid_t ended = 0;
    sj_status status = SJ_OK;
    while (ended == 0) {
        struct pollfd polled[2] = {{.fd = streams[0].fd, .events = POLLIN}, {.fd = streams[1].fd, .events = POLLIN}};
        (void)poll(polled, 2, TICK_MS);  // descriptors of -1 are passed over
        if (status == SJ_OK && !out->late) {
            if (!read_both(streams)) {
                status = SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for what it prints, more than %zu bytes", name, streams[0].used);
            } else if (s->interrupted != NULL && s->interrupted(s->context)) {
                status = SJ_FAIL(err, SJ_ERR_INTERRUPTED, "interrupted while %s was running", name);
            }
            out->late = sj_monotonic_seconds() > end;
            if (status != SJ_OK || out->late) {
                (void)kill(-child, SIGKILL);
            }
        }
        ended = waitpid(child, &state, WNOHANG);
        ended = ended < 0 && errno == EINTR ? 0 : ended;
    }
    if (status == SJ_OK && !read_both(streams)) {
        status = SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for what it prints, more than %zu bytes", name, streams[0].used);
    }
    out->exit_code = ended == child && WIFEXITED(state) ? WEXITSTATUS(state) : -1;
    return status;
}

sj_status sj_child_run(const sj_slurm *s, const char *const *argv, sj_child *out, sj_error *err) {
    *out = (sj_child){.exit_code = -1};
    char **environment = NULL;
    SJ_TRY(clean_environment(&environment, err));
    stream streams[2] = {{.fd = -1}, {.fd = -1}};
    pid_t child = -1;
    const int why = start(&child, argv, environment, streams);
    free(environment);
    if (why == ENOENT || why == EACCES) {
        return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "--launcher slurm: %s is not on the PATH; start the sweep where Slurm's commands are installed (a login node of the cluster), or without --launcher slurm", argv[0]);
    }
    if (why != 0) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot be started: %s", argv[0], strerror(why));
    }
    const sj_status status = follow(s, argv[0], child, streams, out, err);
    for (int i = 0; i < 2; i++) {
        if (streams[i].fd >= 0) {
            close(streams[i].fd);
        }
    }
    out->output = streams[0].text;
    out->errors = streams[1].text;
    if (status != SJ_OK) {
        sj_child_free(out);
    }
    return status;
}

void sj_child_free(sj_child *c) {
    free(c->output);
    free(c->errors);
    *c = (sj_child){.exit_code = -1};
}
