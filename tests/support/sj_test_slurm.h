// SPDX-License-Identifier: Apache-2.0
// Slurm's commands played back: programs of their names, first on the PATH, that keep how they were called and do what the test says.
#ifndef SJ_TEST_SLURM_H
#define SJ_TEST_SLURM_H

#include <sys/stat.h>

#include "sj_file.h"
#include "sj_test.h"
#include "sj_test_folder.h"

static sj_error err;
static char folder[SJ_TEST_FOLDER_MAX];
static char *path_before;

static inline void write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

// Kept of call N of sbatch: fake/sbatch.N.argv, its words, a NUL behind each; fake/sbatch.N.env. Done: fake/sbatch.N where it is there, else fake/sbatch, lines of sh.
static const char fake_program[] =
    "#!/bin/sh\n"
    "name=${0##*/}\n"
    "cd \"${0%/*}/../fake\" || exit 99\n"
    "n=$(($(cat \"$name.calls\" 2> /dev/null || echo 0) + 1))\n"
    "echo $n > \"$name.calls\"\n"
    "printf '%s\\0' \"$@\" > \"$name.$n.argv\"\n"
    "env > \"$name.$n.env\"\n"
    "if [ -f \"$name.$n\" ]; then . \"./$name.$n\"; elif [ -f \"$name\" ]; then . \"./$name\"; fi\n";

static inline void make_fake(const char *name) {
    char path[64];
    snprintf(path, sizeof path, "bin/%s", name);
    write_file(path, fake_program);
    assert_int_equal(chmod(path, 0755), 0);
}

static inline int enter_fakes(void **state) {
    static const char *const names[] = {"sbatch", "squeue", "scancel", "scontrol", "record"};
    if (!sj_test_enter_folder(folder) || mkdir("bin", 0755) != 0 || mkdir("fake", 0755) != 0) {
        return 1;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        make_fake(names[i]);
    }
    char path[8192];
    path_before = strdup(getenv("PATH"));
    return path_before == NULL || snprintf(path, sizeof path, "%s/bin:%s", folder, path_before) >= (int)sizeof path || setenv("PATH", path, 1) != 0;
}

static inline int leave_fakes(void **state) {
    const bool ok = setenv("PATH", path_before, 1) == 0 && sj_test_leave_folder(folder);
    free(path_before);
    return !ok;
}

// What the call does; 0: every call that has nothing of its own.
static inline void play(const char *name, int call, const char *lines) {
    char path[64];
    if (call > 0) {
        snprintf(path, sizeof path, "fake/%s.%d", name, call);
    } else {
        snprintf(path, sizeof path, "fake/%s", name);
    }
    write_file(path, lines);
}

static inline int calls(const char *name) {
    char path[64], *text = NULL;
    size_t bytes;
    snprintf(path, sizeof path, "fake/%s.calls", name);
    if (!sj_path_exists(path)) {
        return 0;
    }
    assert_int_equal(sj_read_file(path, &text, &bytes, &err), SJ_OK);
    const int count = atoi(text);
    free(text);
    return count;
}

// The words of a call, without the program's name; the last is NULL. Freed by free_words.
#define WORDS_OF_CALL_MAX 128
typedef struct call_words {
    char *data;
    const char *at[WORDS_OF_CALL_MAX];
    int count;
} call_words;

static inline call_words words_of(const char *name, int call) {
    call_words w = {.count = 0};
    char path[64];
    size_t bytes;
    snprintf(path, sizeof path, "fake/%s.%d.argv", name, call);
    assert_int_equal(sj_read_file(path, &w.data, &bytes, &err), SJ_OK);
    for (size_t i = 0; i < bytes; i += strlen(w.data + i) + 1) {
        assert_true(w.count < WORDS_OF_CALL_MAX - 1);
        w.at[w.count++] = w.data + i;
    }
    return w;
}

static inline void free_words(call_words *w) { free(w->data); }

static inline bool has_word(const char *name, int call, const char *word) {
    call_words w = words_of(name, call);
    bool found = false;
    for (int i = 0; i < w.count; i++) {
        found = found || strcmp(w.at[i], word) == 0;
    }
    free_words(&w);
    return found;
}

static inline bool has_head(const char *name, int call, const char *head) {
    call_words w = words_of(name, call);
    bool found = false;
    for (int i = 0; i < w.count; i++) {
        found = found || strncmp(w.at[i], head, strlen(head)) == 0;
    }
    free_words(&w);
    return found;
}

static inline void assert_says(const char *part) {
    if (strstr(err.message, part) == NULL) {
        fail_msg("\"%s\" does not hold \"%s\"", err.message, part);
    }
}

#endif
