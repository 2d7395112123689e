// SPDX-License-Identifier: Apache-2.0
#include "sj_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

sj_status sj_error_set(sj_error *err, sj_status status, const char *file, int line, const char *format, ...) {
    char message[SJ_ERROR_MESSAGE_MAX];  // the arguments may point into err->message
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    memcpy(err->message, message, sizeof message);
    err->status = status;
    err->file = file;
    err->line = line;
    return status;
}

sj_status sj_error_prefix(sj_error *err, const char *format, ...) {
    char message[SJ_ERROR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    strncat(message, ": ", sizeof message - strlen(message) - 1);
    strncat(message, err->message, sizeof message - strlen(message) - 1);
    memcpy(err->message, message, sizeof message);
    return err->status;
}

const char *sj_status_name(sj_status status) {
    switch (status) {
        case SJ_OK: return "ok";
        case SJ_ERR_IO: return "io";
        case SJ_ERR_EXISTS: return "exists";
        case SJ_ERR_FORMAT: return "format";
        case SJ_ERR_CONFIG: return "config";
        case SJ_ERR_RANGE: return "range";
        case SJ_ERR_UNSUPPORTED: return "unsupported";
        case SJ_ERR_MEMORY: return "memory";
        case SJ_ERR_NUMERIC: return "numeric";
        case SJ_ERR_USAGE: return "usage";
        case SJ_ERR_INTERRUPTED: return "interrupted";
        case SJ_ERR_INTERNAL: return "internal";
    }
    return "unknown";
}
