// SPDX-License-Identifier: Apache-2.0
// A sweep on this machine: worker processes, each with traces, masks and a connection of its own, and this one, which tells how far they are.
#include <errno.h>
#include <omp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sj_clock.h"
#include "sj_file.h"
#include "sj_sweep_internal.h"

enum { WORKERS_MAX = 256, TEXT_MAX = 3000 };

// What a worker writes into its pipe: less than PIPE_BUF, so that it arrives whole.
typedef struct note {
    int64_t points;      // written since the last note
    int32_t finished;    // the last note of all
    int32_t status;
    char message[TEXT_MAX];
} note;

typedef struct hand {
    pid_t pid;
    int fd;              // -1: closed
    bool finished;       // has said so
    sj_status status;
} hand;

// ---- in the worker

typedef struct worker_side {
    int fd;
    sj_worker worker;
    double alive;  // last sign of life
} worker_side;

static void send(int fd, const note *n) {
    while (write(fd, n, sizeof *n) < 0 && errno == EINTR) {
    }
}

static void wrote(void *context, int64_t points) {
    const worker_side *side = context;
    note n = {.points = points};
    send(side->fd, &n);
}

// Between jobs: interrupted? And now and then a sign of life on what this process has claimed.
static bool is_stopped(void *context) {
    worker_side *side = context;
    sj_error ignored;
    const double at = sj_monotonic_seconds();
    if (at - side->alive > 60.0) {
        side->alive = at;
        (void)sj_store_alive(side->worker.store, &ignored);  // a lease that is not renewed costs a chunk done twice, not a result
    }
    return side->worker.sweep->request->stopped != NULL && side->worker.sweep->request->stopped();
}

static sj_status be_worker(sj_sweep *s, int fd, int workers, sj_error *err) {
    worker_side side = {.fd = fd, .worker = {.sweep = s, .wrote = wrote}, .alive = sj_monotonic_seconds()};
    side.worker.context = &side;
    const int threads = omp_get_num_procs() / workers;
    omp_set_num_threads(threads > 1 ? threads : 1);
    SJ_TRY(sj_store_open(s->store_path, &s->about, &side.worker.store, err));
    sj_status status = sj_store_begin_run(side.worker.store, s->request->command, err);
    status = status == SJ_OK ? sj_sweep_open_evaluator(s, is_stopped, &side, &side.worker.evaluator, err) : status;
    status = status == SJ_OK ? sj_work(&side.worker, err) : status;
    sj_error second;
    const sj_status ended = sj_store_end_run(side.worker.store, status == SJ_OK ? "done" : sj_status_name(status), status == SJ_OK ? err : &second);
    sj_evaluator_close(side.worker.evaluator);
    sj_store_close(side.worker.store);
    return status != SJ_OK ? status : ended;
}

static void worker_process(sj_sweep *s, int fd, int workers, pid_t parent) {
    static sj_error err;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    note n = {.finished = 1};
    if (getppid() == parent) {
        n.status = (int32_t)be_worker(s, fd, workers, &err);
    }
    snprintf(n.message, sizeof n.message, "%.*s", TEXT_MAX - 1, n.status != SJ_OK ? err.message : "");
    send(fd, &n);
    _exit(n.status == SJ_OK ? 0 : 1);
}

// ---- in the parent

typedef struct crew {
    sj_sweep *sweep;
    int count;
    hand hands[WORKERS_MAX];
    uint64_t own, before;   // points of this run; in the store when it began
    double started, looked, pause;
    bool dismissed;
    sj_store *store;        // to count points
    uint64_t counted;
    sj_status status;       // the first failure
    int deaths, last_signal;
    char message[TEXT_MAX];
} crew;

static sj_status hire(crew *c, int index, int workers, sj_error *err) {
    int ends[2];
    if (pipe(ends) != 0) {
        return SJ_FAIL(err, SJ_ERR_IO, "a worker's pipe: %s", strerror(errno));
    }
    const pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        close(ends[0]);
        for (int i = 0; i < index; i++) {
            close(c->hands[i].fd);
        }
        worker_process(c->sweep, ends[1], workers, parent);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return SJ_FAIL(err, SJ_ERR_MEMORY, "a worker cannot be started: %s", strerror(errno));
    }
    c->hands[index] = (hand){.pid = pid, .fd = ends[0]};
    c->count = index + 1;
    return SJ_OK;
}

// Once: a second signal would kill them in the middle of their last words.
static void dismiss(crew *c) {
    for (int i = 0; i < c->count; i++) {
        if (c->hands[i].fd >= 0 && !c->dismissed) {
            kill(c->hands[i].pid, SIGTERM);
        }
    }
}

static void fail(crew *c, sj_status status, const char *message) {
    if (c->status == SJ_OK) {
        c->status = status;
        snprintf(c->message, sizeof c->message, "%.*s", TEXT_MAX - 1, message);
    }
    dismiss(c);
    c->dismissed = true;
}

static void bury(crew *c, hand *h) {
    int how = 0;
    close(h->fd);
    h->fd = -1;
    while (waitpid(h->pid, &how, 0) < 0 && errno == EINTR) {
    }
    if (!h->finished) {
        c->deaths++;
        c->last_signal = WIFSIGNALED(how) ? WTERMSIG(how) : 0;
    }
}

static void hear(crew *c, hand *h) {
    note n;
    const ssize_t bytes = read(h->fd, &n, sizeof n);
    if (bytes < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    }
    if (bytes != (ssize_t)sizeof n) {
        bury(c, h);
        return;
    }
    c->own += (uint64_t)n.points;
    if (n.finished) {
        h->finished = true;
        h->status = (sj_status)n.status;
        if (h->status == SJ_ERR_INTERRUPTED) {
            c->deaths++;  // somebody has stopped this one: the others go on
            c->last_signal = SIGTERM;
        } else if (h->status != SJ_OK) {
            fail(c, h->status, n.message);
        }
    }
}

static void tell(crew *c) {
    const sj_sweep_request *r = c->sweep->request;
    const double at = sj_monotonic_seconds();
    sj_store_counts counts;
    sj_error ignored;
    if (r->progress == NULL || c->store == NULL) {
        return;
    }
    // Of a large store counting takes a while: a twentieth of the time at most.
    if (at - c->looked > c->pause && sj_store_count(c->store, &counts, &ignored) == SJ_OK) {
        c->looked = sj_monotonic_seconds();
        c->pause = 20.0 * (c->looked - at) > 1.0 ? 20.0 * (c->looked - at) : 1.0;
        c->counted = counts.points;
    }
    const uint64_t known = c->before + c->own;
    const sj_sweep_progress p = {.done = c->counted > known ? c->counted : known, .total = c->sweep->about.total, .own = c->own, .seconds = at - c->started};
    r->progress(r->context, &p);
}

static int listen_once(crew *c) {
    struct pollfd fds[WORKERS_MAX];
    int index[WORKERS_MAX], open = 0;
    for (int i = 0; i < c->count; i++) {
        if (c->hands[i].fd >= 0) {
            index[open] = i;
            fds[open++] = (struct pollfd){.fd = c->hands[i].fd, .events = POLLIN};
        }
    }
    if (open > 0 && poll(fds, (nfds_t)open, 200) > 0) {
        for (int i = 0; i < open; i++) {
            if (fds[i].revents != 0) {
                hear(c, &c->hands[index[i]]);
            }
        }
    }
    return open;
}

static void supervise(crew *c) {
    const sj_sweep_request *r = c->sweep->request;
    bool told = false;
    while (listen_once(c) > 0) {
        if (!told && r->stopped != NULL && r->stopped()) {
            told = true;
            fail(c, SJ_ERR_INTERRUPTED, "interrupted: what is written is kept, --resume goes on");
        }
        tell(c);
    }
}

// Whether the strategy's points are all there is told by a worker that ended well: it waits for what others hold.
static sj_status judge(const crew *c, sj_error *err) {
    bool any = false;
    for (int i = 0; i < c->count; i++) {
        any = any || (c->hands[i].finished && c->hands[i].status == SJ_OK);
    }
    if (c->status != SJ_OK) {
        return SJ_FAIL(err, c->status, "%s", c->message);
    }
    if (any) {
        return SJ_OK;
    }
    return SJ_FAIL(err, SJ_ERR_INTERNAL, "%s: no worker is left: %d died, the last by signal %d; what they wrote is kept, --resume goes on", c->sweep->request->dir, c->count, c->last_signal);
}

sj_status sj_sweep_run(sj_sweep *s, int workers, sj_error *err) {
    crew c = {.sweep = s, .started = sj_monotonic_seconds()};
    sj_store_counts counts;
    if (workers < 1 || workers > WORKERS_MAX) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "%d worker processes; allowed: 1 to %d", workers, WORKERS_MAX);
    }
    SJ_TRY(sj_store_open(s->store_path, &s->about, &c.store, err));
    sj_status status = sj_store_count(c.store, &counts, err);
    sj_store_close(c.store);  // a connection must not be open across a fork
    c.store = NULL;
    SJ_TRY(status);
    c.before = c.counted = counts.points;
    fflush(NULL);
    for (int i = 0; i < workers && status == SJ_OK; i++) {
        status = hire(&c, i, workers, err);
    }
    status = status == SJ_OK ? sj_store_open(s->store_path, &s->about, &c.store, err) : status;
    if (status != SJ_OK) {
        fail(&c, status, err->message);
    }
    supervise(&c);
    status = judge(&c, err);
    sj_store_close(c.store);
    return status;
}
