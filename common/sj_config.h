// SPDX-License-Identifier: Apache-2.0
// Typed reading of libconfig files. A reader asks for every key it knows; sj_config_finish() then reports *all* errors of the file at once,
// ordered: syntax, unknown key (with the nearest known one), wrong type, out of range, missing key; each with file and line.
//
// Use:  sj_config *c; SJ_TRY(sj_config_open("edge16.cfg", &c, err));
//       sj_config_override(c, "array.rows=8", err);                       // --set, before reading
//       rows = sj_config_int(c, "array.rows", SJ_REQUIRED, 0, 1, 4096);    // errors are collected, a valid dummy value is returned
//       ... status = sj_config_finish(c, err); sj_config_close(c);
//
// Getters return the default (or min) after an error, so that reading goes on; nothing may be done with the values until finish says SJ_OK.
// Paths are libconfig paths: "array.rows", "layers.[3].name".
#ifndef SJ_CONFIG_H
#define SJ_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "sj_error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sj_config sj_config;

typedef enum sj_need { SJ_REQUIRED, SJ_OPTIONAL } sj_need;

// Reads the file whole. A syntax error fails here; @include is refused. An integer literal that libconfig would wrap (outside of 32 bits, without L) is an error that
// sj_config_finish() tells with the others.
sj_status sj_config_open(const char *path, sj_config **out, sj_error *err);
// The same from text; `name` stands in messages instead of a path.
sj_status sj_config_parse(const char *text, const char *name, sj_config **out, sj_error *err);
void sj_config_close(sj_config *c);  // NULL is allowed

// Applies PATH=VALUE as libconfig text; a bare word is a string. Missing groups are made; the key itself is checked when it is read.
sj_status sj_config_override(sj_config *c, const char *assignment, sj_error *err);

const char *sj_config_path(const sj_config *c);

bool sj_config_has(const sj_config *c, const char *path);
int64_t sj_config_int(sj_config *c, const char *path, sj_need need, int64_t fallback, int64_t min, int64_t max);
double sj_config_float(sj_config *c, const char *path, sj_need need, double fallback, double min, double max);  // accepts 3 as 3.0
bool sj_config_bool(sj_config *c, const char *path, sj_need need, bool fallback);
// The pointer lives as long as c. `fallback` may be NULL with SJ_OPTIONAL.
const char *sj_config_string(sj_config *c, const char *path, sj_need need, const char *fallback);
// One of `names` (NULL-terminated); returns its index.
int sj_config_enum(sj_config *c, const char *path, sj_need need, int fallback, const char *const names[]);
// Length of a list, array or group at path; 0 when it is absent (an error with SJ_REQUIRED).
int sj_config_length(sj_config *c, const char *path, sj_need need);
// The same of a list or an array alone; -1 where something else stands there (a problem is kept).
int sj_config_list(sj_config *c, const char *path, sj_need need);
// Is there a group? A problem is kept where something else stands there.
bool sj_config_group(sj_config *c, const char *path);
// Was a problem kept that names this path? What depends on its value need not be checked, then.
bool sj_config_failed(const sj_config *c, const char *path);
// What stands at a path, of whatever type; the path does not become a known one by this.
typedef enum sj_config_peek_type { SJ_PEEK_NOTHING, SJ_PEEK_NUMBER, SJ_PEEK_TEXT, SJ_PEEK_BOOL, SJ_PEEK_AGGREGATE } sj_config_peek_type;
typedef struct sj_config_value {
    sj_config_peek_type type;
    double number;     // of integers, too: exact up to 2^53
    bool truth;
    const char *text;  // lives as long as c
} sj_config_value;
sj_config_value sj_config_peek(const sj_config *c, const char *path);
// Whether a reader has asked for the path, found or not; and the nearest of those it has asked for, or NULL.
bool sj_config_is_known(const sj_config *c, const char *path);
const char *sj_config_nearest_known(const sj_config *c, const char *path);
// Name of the i-th child of a group ("" for a list's). NULL when there is none.
const char *sj_config_child_name(const sj_config *c, const char *path, int i);

// What stands at a path whose value may be of several types. SJ_CONFIG_NONE: nothing, or a group, list or array, of which a problem is kept.
typedef enum sj_config_scalar { SJ_CONFIG_NONE, SJ_CONFIG_INT, SJ_CONFIG_FLOAT, SJ_CONFIG_BOOL, SJ_CONFIG_STRING } sj_config_scalar;
sj_config_scalar sj_config_scalar_at(sj_config *c, const char *path);
// What stands at path, and all within it, is known and not read: a key that is left out, or one that another problem makes useless.
void sj_config_accept(sj_config *c, const char *path);
// A reader has no memory for what it read: sj_config_finish() fails with SJ_ERR_MEMORY.
void sj_config_no_memory(sj_config *c);

// An error the reader itself found, with the line of `path`: class as in the ordering above.
typedef enum sj_config_error_class { SJ_CFG_SYNTAX, SJ_CFG_UNKNOWN, SJ_CFG_TYPE, SJ_CFG_RANGE, SJ_CFG_MISSING } sj_config_error_class;
void sj_config_error(sj_config *c, sj_config_error_class cls, const char *path, const char *format, ...) __attribute__((format(printf, 4, 5)));

// Every key that was never asked for is an unknown key. Fails with all collected errors, one a line.
sj_status sj_config_finish(sj_config *c, sj_error *err);

// The configuration as it stands (overrides applied), as libconfig text; caller frees.
sj_status sj_config_text(const sj_config *c, char **out, sj_error *err);

// A value as libconfig text that reads back as the same: any string, quoted (caller frees; NULL without memory), and any finite number, by the shortest decimal with the point of a float.
char *sj_config_quote(const char *text);
#define SJ_CONFIG_FLOAT_MAX 40
void sj_config_float_text(double value, char out[SJ_CONFIG_FLOAT_MAX]);

// The first key, in the order of a and then of b, whose value is not the same in both: its path, and both values as libconfig text ("" where it is absent, "a group" for a whole group).
// false where there is none. The order of keys does not matter.
#define SJ_CONFIG_PATH_MAX 256
#define SJ_CONFIG_VALUE_MAX 128
typedef struct sj_config_change {
    char path[SJ_CONFIG_PATH_MAX], a[SJ_CONFIG_VALUE_MAX], b[SJ_CONFIG_VALUE_MAX];
} sj_config_change;
bool sj_config_difference(const sj_config *a, const sj_config *b, sj_config_change *out);
// Every such key, in that order within each group; `take` says whether it wants more.
void sj_config_differences(const sj_config *a, const sj_config *b, bool (*take)(void *context, const sj_config_change *change), void *context);

// Nearest of `names` by edit distance, or NULL when none is near (distance > 1 + length/3).
const char *sj_nearest_name(const char *word, const char *const *names, int count);

#ifdef __cplusplus
}
#endif
#endif
