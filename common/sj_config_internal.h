// SPDX-License-Identifier: Apache-2.0
// What the sj_config_*.c files share; nobody else includes this.
#ifndef SJ_CONFIG_INTERNAL_H
#define SJ_CONFIG_INTERNAL_H

#include <libconfig.h>

#include "sj_config.h"

typedef struct sj_config_problem {
    sj_config_error_class cls;
    int line;   // 0: a --set value
    int order;  // of discovery
    char *message;
} sj_config_problem;

typedef struct sj_config_override_entry {
    char *path;
    char *assignment;
} sj_config_override_entry;

struct sj_config {
    config_t tree;  // a setting's hook is not NULL once it was asked for
    char *path;
    sj_config_problem *problems;
    int problem_count, problem_capacity;
    char **asked;  // every path that a reader asked for, found or not
    int asked_count, asked_capacity;
    sj_config_override_entry *overrides;
    int override_count;
    bool out_of_memory;
};

// The setting at a path; "" is the root. NULL when there is none.
config_setting_t *sj_config_lookup(const sj_config *c, const char *path);
// The same, remembering that the path is a known one.
config_setting_t *sj_config_ask(sj_config *c, const char *path);
// A setting and all within it count as asked for: a group that stands where a scalar should (or the reverse) must not make its members unknown keys as well.
void sj_config_mark(config_setting_t *setting);
// The path of a setting, built from the tree: looks through the lists around it, so nothing for every element of a long one.
void sj_config_setting_path(const config_setting_t *setting, char path[SJ_CONFIG_PATH_MAX]);
// "a group", "an integer", ...
const char *sj_config_type_name(const config_setting_t *setting);
// Keeps a problem; the sentence has no location yet. line 0: the location is `where` (a --set argument), else c->path and the line.
void sj_config_problem_at(sj_config *c, sj_config_error_class cls, const char *where, int line, const char *sentence);
void sj_config_syntax(sj_config *c, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
// Integer literals that libconfig would wrap, and @include, as problems of class syntax. Returns the text with an L behind each literal that lacks nothing else, so that reading
// can go on and find the file's other errors; *widened counts them. Caller frees; NULL without memory.
char *sj_config_scan(sj_config *c, const char *text, int *widened);
// All problems, ordered, as one error.
sj_status sj_config_fail(sj_config *c, sj_error *err);

#endif
