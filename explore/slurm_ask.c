// SPDX-License-Identifier: Apache-2.0
// Asking a controller that may be away for a while.
#define _GNU_SOURCE  // strcasestr
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "sj_clock.h"
#include "slurm_internal.h"

#define PAUSE_MAX_SECONDS 30.0
#define SLICE_SECONDS 0.1

sj_slurm_verdict sj_slurm_judge(const sj_child *c) {
    static const char *const away[] = {"unable to contact", "unable to establish", "timed out", "zero bytes", "connection", "connect failure", "standby", "temporarily", "munge", "authentication"};
    if (c->exit_code == 0) {
        return SJ_SLURM_ANSWER;
    }
    for (size_t i = 0; i < sizeof away / sizeof *away; i++) {
        if (strcasestr(c->errors, away[i]) != NULL) {
            return SJ_SLURM_NO_ANSWER;
        }
    }
    return c->exit_code < 0 ? SJ_SLURM_NO_ANSWER : SJ_SLURM_REFUSAL;
}

// Past what a command puts before each line: "sbatch: error: ".
static const char *past_heads(const char *line) {
    static const char *const heads[] = {"sbatch: ", "squeue: ", "scancel: ", "scontrol: ", "error: ", "fatal: ", "slurm_load_jobs error: ", "slurm_load_ctl_conf error: "};
    for (size_t i = 0; i < sizeof heads / sizeof *heads;) {
        const size_t length = strlen(heads[i]);
        if (strncmp(line, heads[i], length) == 0) {
            line += length;
            i = 0;
        } else {
            i++;
        }
    }
    return line;
}

void sj_slurm_words(const sj_child *c, char *words, size_t size) {
    size_t used = 0;
    words[0] = '\0';
    for (const char *line = c->errors; *line != '\0';) {
        const size_t whole = strcspn(line, "\n");
        const char *text = past_heads(line);
        const size_t length = text < line + whole ? (size_t)(line + whole - text) : 0;
        for (size_t i = 0; i < length && used + 3 < size; i++) {
            used += i == 0 && used > 0 ? (size_t)snprintf(words + used, size - used, "; ") : 0;
            if (used + 1 < size) {
                words[used++] = iscntrl((unsigned char)text[i]) ? ' ' : text[i];
                words[used] = '\0';
            }
        }
        line += whole + (line[whole] == '\n');
    }
    if (c->late || (used == 0 && c->exit_code < 0)) {
        snprintf(words, size, "%s", c->late ? "it took too long and was killed" : "it was ended by a signal");
    } else if (used == 0) {
        snprintf(words, size, "it says nothing, and ends with %d", c->exit_code);
    }
}

sj_slurm_wait sj_slurm_wait_begin(const sj_slurm *s) { return (sj_slurm_wait){s, sj_monotonic_seconds() + s->patience_seconds, s->pause_seconds}; }

sj_status sj_slurm_wait_next(sj_slurm_wait *w, bool *over, sj_error *err) {
    double now = sj_monotonic_seconds();
    *over = now >= w->end;
    const double wake = now + w->pause < w->end ? now + w->pause : w->end;
    for (; now < wake; now = sj_monotonic_seconds()) {
        if (w->slurm->interrupted != NULL && w->slurm->interrupted(w->slurm->context)) {
            return SJ_FAIL(err, SJ_ERR_INTERRUPTED, "interrupted while the cluster's controller did not answer");
        }
        const double slice = wake - now < SLICE_SECONDS ? wake - now : SLICE_SECONDS;
        const struct timespec moment = {.tv_nsec = (long)(slice * 1e9)};
        (void)nanosleep(&moment, NULL);
    }
    w->pause = 2.0 * w->pause < PAUSE_MAX_SECONDS ? 2.0 * w->pause : PAUSE_MAX_SECONDS;
    return SJ_OK;
}

static sj_status fail_of(const sj_slurm *s, const char *name, sj_slurm_verdict verdict, const sj_child *c, sj_error *err) {
    char words[1024];
    if (verdict == SJ_SLURM_ANSWER) {
        const size_t length = strcspn(c->output, "\n");
        return SJ_FAIL(err, SJ_ERR_IO, "%s: its answer cannot be read; it begins with \"%.*s\"", name, length < 200 ? (int)length : 200, c->output);
    }
    sj_slurm_words(c, words, sizeof words);
    if (verdict == SJ_SLURM_REFUSAL) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "%s refuses: %s", name, words);
    }
    return SJ_FAIL(err, SJ_ERR_IO, "%s: no answer from the cluster's controller in %g s: %s", name, s->patience_seconds, words);
}

sj_status sj_slurm_ask(const sj_slurm *s, const char *const *argv, bool stubborn, sj_slurm_accept *accept, void *context, sj_child *out, sj_error *err) {
    sj_slurm_wait wait = sj_slurm_wait_begin(s);
    for (;;) {
        SJ_TRY(sj_child_run(s, argv, out, err));
        const sj_slurm_verdict verdict = sj_slurm_judge(out);
        if (accept != NULL ? accept(context, out) : verdict == SJ_SLURM_ANSWER) {
            return SJ_OK;
        }
        bool over = verdict == SJ_SLURM_REFUSAL && !stubborn;
        sj_status status = over ? SJ_OK : sj_slurm_wait_next(&wait, &over, err);
        if (status == SJ_OK && over) {
            status = fail_of(s, argv[0], verdict, out, err);
        }
        if (status != SJ_OK) {
            sj_child_free(out);
            return status;
        }
        sj_child_free(out);
    }
}
