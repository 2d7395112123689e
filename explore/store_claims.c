// SPDX-License-Identifier: Apache-2.0
// Chunks of work shared by processes. That a chunk is done twice costs time, no wrong result: a point is written once.
#define _GNU_SOURCE  // gethostname, clock_gettime
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store_internal.h"

static const char doing[] = "take a chunk of work";

// State and start time of a process: the third and the 22nd field of /proc/PID/stat; the second is in brackets and may hold anything.
static bool read_process(int64_t pid, char *state, unsigned long long *start) {
    char path[64], line[2048];
    (void)snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        return false;
    }
    const size_t length = fread(line, 1, sizeof line - 1, f);
    (void)fclose(f);
    line[length] = '\0';
    const char *rest = strrchr(line, ')');
    return rest != NULL && sscanf(rest + 1, " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu", state, start) == 2;
}

static void read_boot(char boot[64]) {
    boot[0] = '\0';
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");
    if (f != NULL) {
        if (fgets(boot, 64, f) == NULL) {
            boot[0] = '\0';
        }
        (void)fclose(f);
        boot[strcspn(boot, "\n")] = '\0';
    }
}

void sj_store_find_owner(sj_store_owner *out) {
    char boot[64], state = '?';
    unsigned long long start = 0;
    if (gethostname(out->host, sizeof out->host) != 0) {
        (void)snprintf(out->host, sizeof out->host, "unknown");
    }
    out->host[sizeof out->host - 1] = '\0';
    out->pid = (int64_t)getpid();
    read_boot(boot);
    (void)read_process(out->pid, &state, &start);
    (void)snprintf(out->start, sizeof out->start, "%s/%llu", boot, start);
}

// Whether the machine itself can tell: the process lived in the same boot of the same host. A zombie is dead: it waits only for its parent.
static bool is_dead(const sj_store_owner *me, const sj_store_owner *owner, bool *known) {
    const size_t boot = strcspn(me->start, "/");
    *known = strcmp(me->host, owner->host) == 0 && boot > 0 && strncmp(me->start, owner->start, boot + 1) == 0 && owner->pid > 0 && owner->pid <= INT32_MAX;
    if (!*known) {
        return false;
    }
    char state = '?', now[96];
    unsigned long long start = 0;
    if (!read_process(owner->pid, &state, &start)) {
        const bool gone = kill((pid_t)owner->pid, 0) != 0 && errno == ESRCH;
        *known = gone;  // else /proc hides it
        return gone;
    }
    (void)snprintf(now, sizeof now, "%.*s/%llu", (int)boot, me->start, start);
    return state == 'Z' || state == 'X' || strcmp(now, owner->start) != 0;
}

static double now_s(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

typedef struct claim_row {
    bool there, done;
    sj_store_owner owner;
    double seen;
} claim_row;

static sj_status read_claim(sj_store *s, int64_t chunk, claim_row *out, sj_error *err) {
    sqlite3_stmt *q = NULL;
    *out = (claim_row){0};
    SJ_TRY(sj_store_query_of(s, SJ_QUERY_CLAIM_READ, &q, err));
    sj_store_binder b = sj_store_bind(q);
    sj_store_bind_int(&b, chunk);
    SJ_TRY(b.code == SQLITE_OK ? sj_store_step(s, q, doing, &out->there, err) : sj_store_fail(s, b.code, doing, err));
    if (out->there) {
        const char *state = (const char *)sqlite3_column_text(q, 0), *host = (const char *)sqlite3_column_text(q, 1), *start = (const char *)sqlite3_column_text(q, 3);
        out->done = state != NULL && strcmp(state, "done") == 0;
        (void)snprintf(out->owner.host, sizeof out->owner.host, "%s", host != NULL ? host : "");
        out->owner.pid = sqlite3_column_int64(q, 2);
        (void)snprintf(out->owner.start, sizeof out->owner.start, "%s", start != NULL ? start : "");
        out->seen = sqlite3_column_double(q, 4);
    }
    (void)sqlite3_reset(q);
    return SJ_OK;
}

static sj_status write_claim(sj_store *s, int64_t chunk, const char *state, sj_error *err) {
    sqlite3_stmt *q = NULL;
    SJ_TRY(sj_store_query_of(s, SJ_QUERY_CLAIM_WRITE, &q, err));
    sj_store_binder b = sj_store_bind(q);
    sj_store_bind_int(&b, chunk);
    sj_store_bind_text(&b, state);
    sj_store_bind_text(&b, s->owner.host);
    sj_store_bind_int(&b, s->owner.pid);
    sj_store_bind_text(&b, s->owner.start);
    sj_store_bind_real(&b, now_s());
    return sj_store_run_bound(s, &b, doing, err);
}

static bool is_mine(const sj_store *s, const claim_row *c) {
    return c->owner.pid == s->owner.pid && strcmp(c->owner.host, s->owner.host) == 0 && strcmp(c->owner.start, s->owner.start) == 0;
}

// Taken by a process that no longer works on it.
static bool is_free(const sj_store *s, const claim_row *c, double lease_seconds) {
    bool known = false;
    const bool dead = is_dead(&s->owner, &c->owner, &known);
    const double age = now_s() - c->seen;
    return known ? dead : age > lease_seconds || age < -lease_seconds;  // a sign of life from the future: its clock, or ours, was set
}

static sj_status claim_within(sj_store *s, int64_t chunk, double lease_seconds, sj_claim *out, sj_error *err) {
    claim_row c;
    SJ_TRY(read_claim(s, chunk, &c, err));
    *out = c.done ? SJ_CLAIM_DONE : SJ_CLAIM_TAKEN;
    if (c.done || (c.there && !is_mine(s, &c) && !is_free(s, &c, lease_seconds))) {
        return SJ_OK;
    }
    *out = SJ_CLAIM_MINE;
    return write_claim(s, chunk, "taken", err);
}

sj_status sj_store_claim(sj_store *s, int64_t chunk, double lease_seconds, sj_claim *out, sj_error *err) {
    claim_row c;
    SJ_TRY(read_claim(s, chunk, &c, err));
    *out = c.done ? SJ_CLAIM_DONE : SJ_CLAIM_TAKEN;
    if (c.done || (c.there && !is_mine(s, &c) && !is_free(s, &c, lease_seconds))) {  // no lock is needed to see that
        return SJ_OK;
    }
    SJ_TRY(sj_store_begin(s, doing, err));
    return sj_store_end(s, claim_within(s, chunk, lease_seconds, out, err), doing, err);
}

sj_status sj_store_finish(sj_store *s, int64_t chunk, sj_error *err) {
    SJ_TRY(sj_store_begin(s, "finish a chunk of work", err));
    return sj_store_end(s, write_claim(s, chunk, "done", err), "finish a chunk of work", err);
}

static sj_status write_alive(sj_store *s, sj_error *err) {
    sqlite3_stmt *q = NULL;
    SJ_TRY(sj_store_query_of(s, SJ_QUERY_CLAIM_ALIVE, &q, err));
    sj_store_binder b = sj_store_bind(q);
    sj_store_bind_real(&b, now_s());
    sj_store_bind_text(&b, s->owner.host);
    sj_store_bind_int(&b, s->owner.pid);
    sj_store_bind_text(&b, s->owner.start);
    return sj_store_run_bound(s, &b, "give a sign of life", err);
}

sj_status sj_store_alive(sj_store *s, sj_error *err) {
    SJ_TRY(sj_store_begin(s, "give a sign of life", err));
    return sj_store_end(s, write_alive(s, err), "give a sign of life", err);
}
