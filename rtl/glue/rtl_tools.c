// SPDX-License-Identifier: Apache-2.0
// Verilator and a C++ compiler on PATH, and running them.
#define _GNU_SOURCE  // pipe2, O_CLOEXEC, posix_spawn_file_actions_addclosefrom_np
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sj_file.h"
#include "sj_rtl_cache.h"
#include "sj_rtl_headers.h"

#define COMMANDS_MAX 8

static bool find_program(const char *name, char path[SJ_RTL_PATH_MAX]) {
    const char *list = getenv("PATH");
    for (const char *begin = list; begin != NULL && *begin != '\0';) {
        const size_t length = strcspn(begin, ":");
        if (snprintf(path, SJ_RTL_PATH_MAX, "%.*s/%s", (int)length, begin, name) < SJ_RTL_PATH_MAX && access(path, X_OK) == 0) {
            return true;
        }
        begin += length + (begin[length] == ':');
    }
    path[0] = '\0';
    return false;
}

// What a child opens and closes: nothing to read, its output to the descriptor (3 or above), and no other of ours where the C library can close them all.
static int set_descriptors(posix_spawn_file_actions_t *actions, int output) {
    int why = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    why = why != 0 ? why : posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
    why = why != 0 ? why : posix_spawn_file_actions_adddup2(actions, output, STDERR_FILENO);
#ifdef __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 34)
    why = why != 0 ? why : posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
#endif
#endif
    return why;
}

// A child whose output goes to the file descriptor; -1 where there is none, and the output says why.
static pid_t start(const char *const *argv, int output) {
    posix_spawn_file_actions_t actions;
    pid_t child = -1;
    const int high = fcntl(output, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int why = high < 0 ? errno : posix_spawn_file_actions_init(&actions);
    if (why == 0) {
        why = set_descriptors(&actions, high);
        why = why != 0 ? why : posix_spawn(&child, argv[0], &actions, NULL, (char *const *)argv, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    if (high >= 0) {
        close(high);
    }
    if (why != 0) {
        dprintf(output, "%s: %s\n", argv[0], strerror(why));
        return -1;
    }
    return child;
}

static int wait_for(pid_t child) {
    int state = -1;
    while (child > 0 && waitpid(child, &state, 0) < 0 && errno == EINTR) {
    }
    return state;
}

// The first line that a program prints.
static bool first_line(const char *program, const char *option, const char *operand, char *line, size_t size) {
    const char *const argv[] = {program, option, operand, NULL};
    int ends[2];
    line[0] = '\0';
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return false;
    }
    const pid_t child = start(argv, ends[1]);
    close(ends[1]);
    FILE *stream = fdopen(ends[0], "r");
    const bool got = stream != NULL && fgets(line, (int)size, stream) != NULL && strchr(line, '\n') != NULL;
    while (stream != NULL && fgetc(stream) != EOF) {
    }
    if (stream != NULL) {
        fclose(stream);
    } else {
        close(ends[0]);
    }
    line[strcspn(line, "\n")] = '\0';
    return wait_for(child) == 0 && got;
}

static uint64_t hash_line(uint64_t h, const char *line) { return sj_rtl_hash(h, line, strlen(line) + 1); }

// Arrays are compiled for the processor at hand: these lines of the first one tell what it can do, by architecture.
static uint64_t hash_processor(void) {
    static const char *const heads[] = {"vendor_id", "cpu family", "model", "flags", "Features", "CPU ", "isa"};
    char line[8192];
    uint64_t h = SJ_RTL_HASH_START;
    FILE *f = fopen("/proc/cpuinfo", "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL && line[0] != '\n') {
        bool telling = false;
        for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
            telling = telling || strncmp(line, heads[i], strlen(heads[i])) == 0;
        }
        h = telling ? hash_line(h, line) : h;
    }
    if (f != NULL) {
        fclose(f);
    }
    return h;
}

void sj_rtl_find_tools(sj_rtl_tools *t) {
    static const char *const compilers[] = {"g++", "c++", "clang++"};
    char version[1024], compiler_version[1024];
    memset(t, 0, sizeof *t);
    snprintf(t->processor, sizeof t->processor, "%016llx", (unsigned long long)hash_processor());
    const bool verilator = find_program("verilator", t->verilator) && first_line(t->verilator, "--version", NULL, version, sizeof version) &&
                           first_line(t->verilator, "--getenv", "VERILATOR_ROOT", t->verilator_root, sizeof t->verilator_root);
    bool compiler = false;
    for (size_t i = 0; i < 3 && !compiler; i++) {
        compiler = find_program(compilers[i], t->compiler) && first_line(t->compiler, "--version", NULL, compiler_version, sizeof compiler_version);
    }
    t->complete = verilator && compiler;
    if (!t->complete) {
        snprintf(t->missing, sizeof t->missing, "%s%s%s", verilator ? "" : "Verilator (verilator)", verilator || compiler ? "" : " and ",
                 compiler ? "" : "a C++ compiler (g++, c++ or clang++)");
        return;
    }
    const uint64_t h = hash_line(hash_line(hash_line(SJ_RTL_HASH_START, SJ_RTL_RECIPE_HASH), version), compiler_version);
    snprintf(t->hash, sizeof t->hash, "%016llx", (unsigned long long)h);
}

bool sj_rtl_run_all(const sj_rtl_command *commands, int count, int *failed, bool *interrupted) {
    pid_t children[COMMANDS_MAX];
    *failed = -1;
    *interrupted = false;
    for (int i = 0; i < count; i++) {
        const int log = open(commands[i].log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        children[i] = log >= 0 ? start(commands[i].argv, log) : -1;
        if (log >= 0) {
            close(log);
        }
    }
    for (int i = 0; i < count; i++) {
        const int state = wait_for(children[i]);
        *interrupted = *interrupted || (WIFSIGNALED(state) && (WTERMSIG(state) == SIGINT || WTERMSIG(state) == SIGTERM));
        if (state != 0 && *failed < 0) {
            *failed = i;
        }
    }
    return *failed < 0;
}
