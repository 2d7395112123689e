// SPDX-License-Identifier: Apache-2.0
// The program's commands. Only cli/ prints to the user and exits. A command takes its own argv (argv[0] = its name), parses with getopt_long, prints results on
// stdout, logs on stderr, and returns a status; main.c prints err->message and turns the status into the exit code (usage 2, interrupted 130, other 1).
#ifndef SJ_CLI_H
#define SJ_CLI_H

#include <stdbool.h>

#include "sj_error.h"

typedef sj_status (*sj_command)(int argc, char **argv, sj_error *err);

sj_status sj_cmd_train(int argc, char **argv, sj_error *err);
sj_status sj_cmd_sim(int argc, char **argv, sj_error *err);
sj_status sj_cmd_gemm(int argc, char **argv, sj_error *err);
sj_status sj_cmd_report(int argc, char **argv, sj_error *err);
sj_status sj_cmd_counters(int argc, char **argv, sj_error *err);
sj_status sj_cmd_sweep(int argc, char **argv, sj_error *err);
sj_status sj_cmd_estimate(int argc, char **argv, sj_error *err);
sj_status sj_cmd_trace(int argc, char **argv, sj_error *err);

// For getopt_long's '?' and ':' returns (opterr = 0): names the option, and the nearest known one.
struct option;
sj_status sj_cli_bad_option(const char *command, int argc, char **argv, const struct option *options, sj_error *err);

// "--accel edge16": a path that exists, else configs/<kind>/<name>.cfg in $SJ_SHARE, the source tree or the install prefix. kind: "accel", "tech", "train", "models".
// The error names the shipped names and the nearest. Caller frees.
sj_status sj_cli_find_config(const char *kind, const char *name, char **path, sj_error *err);

// Whole decimal integer in [min, max], else a usage error naming option, value and range.
sj_status sj_cli_int(const char *option, const char *text, long long min, long long max, long long *out, sj_error *err);
sj_status sj_cli_float(const char *option, const char *text, double min, double max, double *out, sj_error *err);

// "a,b": the index of each word among the names, none twice. indexes: room for name_count.
sj_status sj_cli_names(const char *option, const char *list, const char *const *names, int name_count, int *indexes, int *count, sj_error *err);

extern const char *const sj_version;  // "0.1.0"

// Set by SIGINT and SIGTERM once main has installed the handlers.
// The form of a --set argument: PATH=VALUE, neither part empty.
sj_status sj_cli_check_set(const char *text, sj_error *err);
bool sj_cli_interrupted(void);

#endif
