// SPDX-License-Identifier: Apache-2.0
// The queue: what has become of jobs, ending them, limits.
#define _GNU_SOURCE  // strcasestr
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "slurm_internal.h"

// The jobs of one cluster among those asked for.
typedef struct batch {
    const char *const *ids;
    int count;
    sj_slurm_state *states;  // NULL: nobody asks
    const char *cluster;     // of ids[first], NULL for the own one
    char *list, *option;     // "12,13" and "--clusters=NAME"
} batch;

static const char *cluster_of(const char *id) {
    const char *mark = strchr(id, ';');
    return mark != NULL ? mark + 1 : NULL;
}

static bool same_cluster(const char *a, const char *b) { return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0; }

static sj_status check_ids(const char *const *ids, int count, sj_error *err) {
    for (int i = 0; i < count; i++) {
        const size_t digits = strspn(ids[i], "0123456789");
        if (digits == 0 || digits > 18 || (ids[i][digits] != '\0' && (ids[i][digits] != ';' || ids[i][digits + 1] == '\0'))) {
            return SJ_FAIL(err, SJ_ERR_INTERNAL, "\"%s\" is no job id of Slurm's; such are \"123\" and \"123;cluster\"", ids[i]);
        }
    }
    return SJ_OK;
}

static sj_status make_list(batch *b, sj_error *err) {
    size_t bytes = 0;
    FILE *f = open_memstream(&b->list, &bytes);
    if (f == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for a list of jobs");
    }
    for (int i = 0, written = 0; i < b->count; i++) {
        if (same_cluster(cluster_of(b->ids[i]), b->cluster)) {
            fprintf(f, "%s%.*s", written++ > 0 ? "," : "", (int)strcspn(b->ids[i], ";"), b->ids[i]);
        }
    }
    if (fclose(f) != 0 || (b->cluster != NULL && asprintf(&b->option, "--clusters=%s", b->cluster) < 0)) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for a list of jobs");
    }
    return SJ_OK;
}

typedef sj_status batch_work(const sj_slurm *s, batch *b, sj_error *err);

// Does the work once for each cluster.
static sj_status for_clusters(const sj_slurm *s, const char *const *ids, int count, sj_slurm_state *states, batch_work *work, sj_error *err) {
    SJ_TRY(check_ids(ids, count, err));
    for (int i = 0; i < count; i++) {
        bool seen = false;
        for (int j = 0; j < i; j++) {
            seen = seen || same_cluster(cluster_of(ids[i]), cluster_of(ids[j]));
        }
        if (seen) {
            continue;
        }
        batch b = {.ids = ids, .count = count, .states = states, .cluster = cluster_of(ids[i])};
        sj_status status = make_list(&b, err);
        status = status != SJ_OK ? status : work(s, &b, err);
        free(b.list);
        free(b.option);
        SJ_TRY(status);
    }
    return SJ_OK;
}

static void keep(char out[64], const char *word) {
    if (out[0] == '\0') {
        snprintf(out, 64, "%s", word);
    }
}

// Reasons that only somebody's act ends.
static bool is_held(const char *reason) {
    static const char *const reasons[] = {"DependencyNeverSatisfied", "BadConstraints",     "InvalidAccount",     "AccountNotAllowed", "InvalidQOS",
                                          "QOSNotAllowed",            "PartitionConfig",    "PartitionNodeLimit", "PartitionTimeLimit", "JobHoldMaxRequeue"};
    bool held = strcasestr(reason, "held") != NULL;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        held = held || strcmp(reason, reasons[i]) == 0;
    }
    return held;
}

static void count_task(sj_slurm_state *t, const char *state, const char *reason) {
    static const char *const ended[] = {"COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "DEADLINE", "OUT_OF_MEMORY", "REVOKED", "LAUNCH_FAILED", "RECONFIG_FAIL"};
    for (size_t i = 0; i < sizeof ended / sizeof *ended; i++) {
        if (strcmp(state, ended[i]) == 0) {
            t->ended++;
            if (i > 0) {
                t->failed++;
                keep(t->why_failed, state);
            }
            return;
        }
    }
    const bool hold = strcmp(state, "REQUEUE_HOLD") == 0 || strcmp(state, "SPECIAL_EXIT") == 0;
    if (hold || strcmp(state, "PENDING") == 0 || strcmp(state, "REQUEUED") == 0) {
        t->pending++;
        if (hold || is_held(reason)) {
            t->held++;
            keep(t->why_held, hold ? state : reason);
        }
    } else if (strcmp(state, "COMPLETING") == 0) {
        t->completing++;
    } else {
        t->running++;
    }
}

// "12 PENDING Resources". false: no such line.
static bool count_line(batch *b, char *line) {
    char *mark = NULL, *number = strtok_r(line, " ", &mark), *state = strtok_r(NULL, " ", &mark);
    if (number == NULL || state == NULL || number[strspn(number, "0123456789")] != '\0' || state[strspn(state, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_")] != '\0') {
        return false;
    }
    for (int i = 0; i < b->count; i++) {
        const size_t digits = strcspn(b->ids[i], ";");
        if (same_cluster(cluster_of(b->ids[i]), b->cluster) && strlen(number) == digits && strncmp(number, b->ids[i], digits) == 0) {
            count_task(&b->states[i], state, mark != NULL ? mark : "");
        }
    }
    return true;
}

// Of several clusters, squeue writes "CLUSTER: name" first.
static bool count_lines(batch *b, const char *text) {
    bool good = true;
    char *copy = strdup(text), *mark = NULL;
    for (char *line = copy != NULL ? strtok_r(copy, "\n", &mark) : NULL; line != NULL && good; line = strtok_r(NULL, "\n", &mark)) {
        good = (b->cluster != NULL && strncmp(line, "CLUSTER: ", 9) == 0) || line[strspn(line, " ")] == '\0' || count_line(b, line);
    }
    free(copy);
    return good && copy != NULL;
}

static bool accept_states(void *context, const sj_child *c) {
    batch *b = context;
    for (int i = 0; i < b->count; i++) {
        if (same_cluster(cluster_of(b->ids[i]), b->cluster)) {
            b->states[i] = (sj_slurm_state){0};
        }
    }
    if (c->exit_code != 0) {
        return sj_slurm_judge(c) == SJ_SLURM_REFUSAL && strcasestr(c->errors, "invalid job id") != NULL;
    }
    return count_lines(b, c->output);
}

// One job that is not known is told apart by its message; where several were asked for, each is asked for alone then: one of them may well run.
static sj_status ask_each(const sj_slurm *s, const batch *b, sj_error *err);

static sj_status ask_states(const sj_slurm *s, batch *b, sj_error *err) {
    char *jobs = NULL;
    if (asprintf(&jobs, "--jobs=%s", b->list) < 0) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for a list of jobs");
    }
    const char *const argv[] = {"squeue", "--noheader", "--array", "--states=all", "--format=%F %T %r", jobs, b->option, NULL};
    sj_child child;
    const sj_status status = sj_slurm_ask(s, argv, true, accept_states, b, &child, err);
    free(jobs);
    SJ_TRY(status);
    const bool unknown = child.exit_code != 0;
    sj_child_free(&child);
    return unknown && strchr(b->list, ',') != NULL ? ask_each(s, b, err) : SJ_OK;
}

static sj_status ask_each(const sj_slurm *s, const batch *b, sj_error *err) {
    for (int i = 0; i < b->count; i++) {
        if (same_cluster(cluster_of(b->ids[i]), b->cluster)) {
            batch one = {.ids = b->ids + i, .count = 1, .states = b->states + i, .cluster = b->cluster};
            sj_status status = make_list(&one, err);
            status = status != SJ_OK ? status : ask_states(s, &one, err);
            free(one.list);
            free(one.option);
            SJ_TRY(status);
        }
    }
    return SJ_OK;
}

sj_status sj_slurm_jobs(const sj_slurm *s, const char *const *ids, int count, sj_slurm_state *states, sj_error *err) {
    SJ_TRY(for_clusters(s, ids, count, states, ask_states, err));
    for (int i = 0; i < count; i++) {
        states[i].gone = states[i].pending + states[i].running + states[i].completing == 0;
    }
    return SJ_OK;
}

// scancel of jobs that have ended may say so and fail: all that it says must be of this kind.
static bool accept_cancel(void *context, const sj_child *c) {
    (void)context;
    if (c->exit_code == 0) {
        return true;
    }
    int lines = 0;
    for (const char *line = c->errors; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
        char text[256];
        const size_t length = strcspn(line, "\n");
        snprintf(text, sizeof text, "%.*s", length < 255 ? (int)length : 255, line);
        if (strcasestr(text, "invalid job id") == NULL && strcasestr(text, "already complet") == NULL) {
            return false;
        }
        lines++;
    }
    return lines > 0;
}

static sj_status cancel_batch(const sj_slurm *s, batch *b, sj_error *err) {
    void *words = NULL;
    SJ_TRY(sj_alloc(&words, (uint64_t)b->count + 3, sizeof(char *), "a list of jobs", err));
    const char **argv = words;
    int used = 0;
    argv[used++] = "scancel";
    if (b->option != NULL) {
        argv[used++] = b->option;
    }
    char *mark = NULL;
    for (char *id = strtok_r(b->list, ",", &mark); id != NULL; id = strtok_r(NULL, ",", &mark)) {
        argv[used++] = id;
    }
    sj_child child;
    const sj_status status = sj_slurm_ask(s, argv, true, accept_cancel, NULL, &child, err);
    free(words);
    if (status == SJ_OK) {
        sj_child_free(&child);
    }
    return status;
}

sj_status sj_slurm_cancel(const sj_slurm *s, const char *const *ids, int count, sj_error *err) { return for_clusters(s, ids, count, NULL, cancel_batch, err); }

// "NAME   = value" at the begin of a line, or NAME=value within; -1 where it is not there.
static int64_t number_behind(const char *text, const char *name) {
    const char *at = strstr(text, name);
    if (at == NULL) {
        return -1;
    }
    at += strlen(name);
    at += strspn(at, " ");
    if (*at != '=') {
        return -1;
    }
    at += 1 + strspn(at + 1, " ");
    return isdigit((unsigned char)*at) ? strtoll(at, NULL, 10) : -1;
}

static bool accept_limits(void *context, const sj_child *c) {
    int64_t *max_array = context;
    *max_array = c->exit_code == 0 ? number_behind(c->output, "MaxArraySize") : -1;
    const int64_t tasks = c->exit_code == 0 ? number_behind(c->output, "max_array_tasks") : -1;
    if (*max_array >= 0 && tasks >= 0 && tasks < *max_array) {
        *max_array = tasks;
    }
    return *max_array >= 0;
}

sj_status sj_slurm_max_array(const sj_slurm *s, int64_t *max_array, sj_error *err) {
    const char *const argv[] = {"scontrol", "show", "config", NULL};
    sj_child child;
    SJ_TRY(sj_slurm_ask(s, argv, false, accept_limits, max_array, &child, err));
    sj_child_free(&child);
    if (*max_array == 0) {
        return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "--launcher slurm: this cluster has no job arrays (MaxArraySize or max_array_tasks is 0 in scontrol show config), and a sweep is submitted as such");
    }
    return SJ_OK;
}
