// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_cli.h"
#include "sj_config.h"

const char *const sj_version = SJ_VERSION;

typedef struct command {
    const char *name;
    sj_command run;
    const char *summary;
} command;

static const command commands[] = {
    {"train", sj_cmd_train, "train a network, write metrics and the traces of its operands"},
    {"sim", sj_cmd_sim, "replay a trace on an accelerator: cycles, counters, energy"},
    {"gemm", sj_cmd_gemm, "one matrix product on an accelerator"},
    {"report", sj_cmd_report, "compare runs; the first is the baseline: tables, a page with charts, what differs"},
    {"sweep", sj_cmd_sweep, "simulate every machine of a design space: Pareto front, sensitivities, best points"},
    {"estimate", sj_cmd_estimate, "predict the energy of whole training runs from less, against full integration"},
    {"trace", sj_cmd_trace, "look into a trace, check it, or make one of random operands"},
    {"counters", sj_cmd_counters, "what each counter means and what prices it, on an accelerator"},
    {NULL, NULL, NULL},
};

#define COMMAND_COUNT ((int)(sizeof commands / sizeof commands[0]) - 1)

static volatile sig_atomic_t interrupted;

static void on_signal(int signal_number) {
    (void)signal_number;
    interrupted = 1;
}

bool sj_cli_interrupted(void) { return interrupted != 0; }

static void install_handlers(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = (int)SA_RESETHAND;  // a second signal ends the program at once
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGXFSZ, SIG_IGN);  // a file size limit then is a write error like a full disk
}

static void print_help(FILE *f) {
    fprintf(f, "usage: skipjoule COMMAND ...\n\n");
    for (int i = 0; i < COMMAND_COUNT; i++) {
        fprintf(f, "  %-8s %s\n", commands[i].name, commands[i].summary);
    }
    fprintf(f, "\n  -h, --help   this text; 'skipjoule COMMAND -h' tells of a command\n  --version    the version\n");
}

static const command *find_command(const char *name, sj_error *err) {
    const char *names[COMMAND_COUNT + 1];
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
        names[i] = commands[i].name;
    }
    const char *nearest = sj_nearest_name(name, names, COMMAND_COUNT);
    const char *what = name[0] == '-' ? "option" : "command";
    if (nearest != NULL) {
        SJ_FAIL(err, SJ_ERR_USAGE, "unknown %s \"%s\"; did you mean \"%s\"? 'skipjoule -h' lists the commands", what, name, nearest);
    } else {
        SJ_FAIL(err, SJ_ERR_USAGE, "unknown %s \"%s\"; 'skipjoule -h' lists the commands", what, name);
    }
    return NULL;
}

static sj_status run(int argc, char **argv, sj_error *err) {
    const char *name = argc > 1 ? argv[1] : NULL;
    if (name == NULL) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "no command given; 'skipjoule -h' lists the commands");
    }
    if (strcmp(name, "-h") == 0 || strcmp(name, "--help") == 0) {
        print_help(stdout);
        return SJ_OK;
    }
    if (strcmp(name, "--version") == 0) {
        printf("skipjoule %s\n", sj_version);
        return SJ_OK;
    }
    const command *c = find_command(name, err);
    return c != NULL ? c->run(argc - 1, argv + 1, err) : SJ_ERR_USAGE;
}

// Every line of the message with the program's name before it.
static void print_error(const char *message) {
    while (*message != '\0') {
        const int length = (int)strcspn(message, "\n");
        fprintf(stderr, "skipjoule: %.*s\n", length, message);
        message += length;
        message += *message == '\n';
    }
}

static int exit_code(sj_status status) {
    switch (status) {
        case SJ_OK: return 0;
        case SJ_ERR_USAGE: return 2;
        case SJ_ERR_INTERRUPTED: return 130;
        default: return 1;
    }
}

int main(int argc, char **argv) {
    install_handlers();
    static sj_error err;
    sj_status status = run(argc, argv, &err);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        const int cause = errno;
        if (status == SJ_OK) {
            status = SJ_FAIL(&err, SJ_ERR_IO, "standard output: cannot write: %s", strerror(cause));
        }
    }
    if (status != SJ_OK) {
        print_error(err.message);
    }
    return exit_code(status);
}
