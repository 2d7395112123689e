// SPDX-License-Identifier: Apache-2.0
// Errors. Every function that can fail returns sj_status and fills the sj_error passed last (never NULL).
// A message is one sentence for the user: it names the file, key or data set, the value met and what is allowed.
// Libraries never print and never exit; only cli/ does.
#ifndef SJ_ERROR_H
#define SJ_ERROR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum sj_status {
    SJ_OK = 0,
    SJ_ERR_IO,           // a file or folder could not be opened, read, written or renamed
    SJ_ERR_EXISTS,       // an output exists and --force was not given
    SJ_ERR_FORMAT,       // a data file's content breaks its format
    SJ_ERR_CONFIG,       // a configuration file or --set value is wrong
    SJ_ERR_RANGE,        // a value is outside what is allowed, or a count would overflow
    SJ_ERR_UNSUPPORTED,  // a valid request that this build or this version does not do
    SJ_ERR_MEMORY,       // an allocation failed
    SJ_ERR_NUMERIC,      // NaN, infinity, or an fp32 overflow
    SJ_ERR_USAGE,        // a wrong call of a command
    SJ_ERR_INTERRUPTED,  // SIGINT or SIGTERM
    SJ_ERR_INTERNAL      // a broken invariant of Skipjoule itself
} sj_status;

#define SJ_ERROR_MESSAGE_MAX 4096

typedef struct sj_error {
    sj_status status;
    const char *file;  // source file that raised it
    int line;
    char message[SJ_ERROR_MESSAGE_MAX];
} sj_error;

// Fills err and returns status: `return SJ_FAIL(err, SJ_ERR_IO, "%s: cannot open: %s", path, strerror(errno));`
#define SJ_FAIL(err, status, ...) sj_error_set((err), (status), __FILE__, __LINE__, __VA_ARGS__)

// Returns from the calling function when expr is not SJ_OK.
#define SJ_TRY(expr)                                  \
    do {                                              \
        const sj_status sj_try_status_ = (expr);      \
        if (sj_try_status_ != SJ_OK) {                \
            return sj_try_status_;                    \
        }                                             \
    } while (0)

sj_status sj_error_set(sj_error *err, sj_status status, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

// Puts "prefix: " before the message that err already holds; returns err->status.
sj_status sj_error_prefix(sj_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Lower-case name of a status ("io", "config", ...), for logs.
const char *sj_status_name(sj_status status);

#ifdef __cplusplus
}
#endif
#endif
