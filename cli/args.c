// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sj_cli.h"
#include "sj_config.h"

#define OPTIONS_MAX 64

static const char *nearest_option(const char *name, const struct option *options) {
    const char *names[OPTIONS_MAX];
    int count = 0;
    for (; options[count].name != NULL && count < OPTIONS_MAX; count++) {
        names[count] = options[count].name;
    }
    return sj_nearest_name(name, names, count);
}

static bool is_long_option(const char *name, size_t length, const struct option *options) {
    for (; options->name != NULL; options++) {
        if (strlen(options->name) == length && strncmp(options->name, name, length) == 0) {
            return true;
        }
    }
    return false;
}

sj_status sj_cli_bad_option(const char *command, int argc, char **argv, const struct option *options, sj_error *err) {
    const char *text = optind > 0 && optind <= argc ? argv[optind - 1] : "";
    const bool is_long = strncmp(text, "--", 2) == 0 && text[2] != '\0';
    if (!is_long) {
        const bool known = optopt != 0 && strlen(text) == 2 && text[1] == optopt && optind >= argc;
        for (const struct option *o = options; known && o->name != NULL; o++) {
            if (o->val == optopt) {
                return SJ_FAIL(err, SJ_ERR_USAGE, "%s: option -%c needs a value; 'skipjoule %s -h' lists the options", command, optopt, command);
            }
        }
        return SJ_FAIL(err, SJ_ERR_USAGE, "%s: unknown option -%c; 'skipjoule %s -h' lists the options", command, optopt, command);
    }
    const char *name = text + 2;
    const size_t length = strcspn(name, "=");
    if (is_long_option(name, length, options)) {
        return name[length] == '=' ? SJ_FAIL(err, SJ_ERR_USAGE, "%s: option --%.*s takes no value", command, (int)length, name)
                                   : SJ_FAIL(err, SJ_ERR_USAGE, "%s: option --%s needs a value; 'skipjoule %s -h' lists the options", command, name, command);
    }
    char bare[64] = "";
    strncat(bare, name, length < sizeof bare - 1 ? length : sizeof bare - 1);
    const char *nearest = nearest_option(bare, options);
    if (nearest != NULL) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "%s: unknown option --%s; did you mean --%s? 'skipjoule %s -h' lists the options", command, bare, nearest, command);
    }
    return SJ_FAIL(err, SJ_ERR_USAGE, "%s: unknown option --%s; 'skipjoule %s -h' lists the options", command, bare, command);
}

sj_status sj_cli_int(const char *option, const char *text, long long min, long long max, long long *out, sj_error *err) {
    char *end;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    const bool whole = strspn(text, "+-0123456789") == strlen(text) && end != text && *end == '\0';
    if (!whole) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "%s %s: it must be a whole number", option, text);
    }
    if (errno == ERANGE || value < min || value > max) {
        return max == INT64_MAX ? SJ_FAIL(err, SJ_ERR_USAGE, "%s %s: it must be at least %lld and fit 64 bits", option, text, min)
                                : SJ_FAIL(err, SJ_ERR_USAGE, "%s %s: it must be between %lld and %lld", option, text, min, max);
    }
    *out = value;
    return SJ_OK;
}

sj_status sj_cli_float(const char *option, const char *text, double min, double max, double *out, sj_error *err) {
    char *end;
    const double value = strtod(text, &end);
    if (end == text || *end != '\0' || strpbrk(text, "xX \t\n") != NULL || !isfinite(value)) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "%s %s: it must be a number", option, text);
    }
    if (value < min || value > max) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "%s %s: it must be between %.15g and %.15g", option, text, min, max);
    }
    *out = value;
    return SJ_OK;
}

sj_status sj_cli_check_set(const char *text, sj_error *err) {
    const char *path = strncmp(text, "tech.", 5) == 0 ? text + 5 : text, *equals = strchr(path, '=');
    if (equals == NULL || equals == path || equals[1] == '\0') {
        return SJ_FAIL(err, SJ_ERR_USAGE, "--set %s: it must be PATH=VALUE: a key of the file, as a.b, and its new value", text);
    }
    return SJ_OK;
}

static sj_status take_name(const char *option, const char *word, const char *const *names, int name_count, int *indexes, int *count, sj_error *err) {
    int index = 0;
    while (index < name_count && strcmp(word, names[index]) != 0) {
        index++;
    }
    if (index == name_count) {
        const char *nearest = sj_nearest_name(word, names, name_count);
        return SJ_FAIL(err, SJ_ERR_USAGE, "%s: \"%s\" is not known%s%s%s; 'skipjoule report -h' lists what is", option, word, nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
                       nearest != NULL ? "?" : "");
    }
    for (int i = 0; i < *count; i++) {
        if (indexes[i] == index) {
            return SJ_FAIL(err, SJ_ERR_USAGE, "%s: \"%s\" stands there twice", option, word);
        }
    }
    indexes[(*count)++] = index;
    return SJ_OK;
}

sj_status sj_cli_names(const char *option, const char *list, const char *const *names, int name_count, int *indexes, int *count, sj_error *err) {
    *count = 0;
    for (const char *at = list;; at++) {
        char word[64] = "";
        const size_t length = strcspn(at, ",");
        strncat(word, at, length < sizeof word - 1 ? length : sizeof word - 1);
        SJ_TRY(take_name(option, word, names, name_count, indexes, count, err));
        at += length;
        if (*at == '\0') {
            return SJ_OK;
        }
    }
}
