// SPDX-License-Identifier: Apache-2.0
// Configuration to text. libconfig's own writer prints floats with ten decimals, so that 1.0e-12 would come back as 0.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_config_internal.h"

static void write_string(FILE *f, const char *s) {
    fputc('"', f);
    for (; *s != '\0'; s++) {
        switch (*s) {
            case '"':
            case '\\': fprintf(f, "\\%c", *s); break;
            case '\n': fputs("\\n", f); break;
            case '\r': fputs("\\r", f); break;
            case '\t': fputs("\\t", f); break;
            case '\f': fputs("\\f", f); break;
            default:
                if ((unsigned char)*s < 0x20) {
                    fprintf(f, "\\x%02x", (unsigned char)*s);
                } else {
                    fputc(*s, f);
                }
        }
    }
    fputc('"', f);
}

void sj_config_float_text(double value, char out[SJ_CONFIG_FLOAT_MAX]) {
    char text[SJ_CONFIG_FLOAT_MAX - 2];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    const size_t mantissa = strcspn(text, "e");
    const bool has_point = memchr(text, '.', mantissa) != NULL;
    snprintf(out, SJ_CONFIG_FLOAT_MAX, "%.*s%s%s", (int)mantissa, text, has_point ? "" : ".0", text + mantissa);
}

char *sj_config_quote(const char *text) {
    char *out = NULL;
    size_t size;
    FILE *f = open_memstream(&out, &size);
    if (f == NULL) {
        return NULL;
    }
    write_string(f, text);
    const bool failed = ferror(f) != 0;
    if (fclose(f) != 0 || failed) {
        free(out);
        return NULL;
    }
    return out;
}

static void write_float(FILE *f, double value) {
    char text[SJ_CONFIG_FLOAT_MAX];
    sj_config_float_text(value, text);
    fputs(text, f);
}

static void write_scalar(FILE *f, const config_setting_t *s) {
    switch (config_setting_type(s)) {
        case CONFIG_TYPE_INT: fprintf(f, "%d", config_setting_get_int(s)); break;
        case CONFIG_TYPE_INT64: fprintf(f, "%lldL", config_setting_get_int64(s)); break;
        case CONFIG_TYPE_FLOAT: write_float(f, config_setting_get_float(s)); break;
        case CONFIG_TYPE_BOOL: fputs(config_setting_get_bool(s) == CONFIG_TRUE ? "true" : "false", f); break;
        case CONFIG_TYPE_STRING: write_string(f, config_setting_get_string(s)); break;
        default: break;
    }
}

static void write_setting(FILE *f, const config_setting_t *s, int depth);

static void write_members(FILE *f, const config_setting_t *group, int depth) {
    const int length = config_setting_length(group);
    for (int i = 0; i < length; i++) {
        const config_setting_t *member = config_setting_get_elem(group, (unsigned)i);
        fprintf(f, "%*s%s = ", 2 * depth, "", config_setting_name(member));
        write_setting(f, member, depth);
        fputs(";\n", f);
    }
}

static void write_setting(FILE *f, const config_setting_t *s, int depth) {
    if (!config_setting_is_aggregate(s)) {
        write_scalar(f, s);
        return;
    }
    if (config_setting_is_group(s)) {
        fputs("{\n", f);
        write_members(f, s, depth + 1);
        fprintf(f, "%*s}", 2 * depth, "");
        return;
    }
    const bool list = config_setting_is_list(s);
    const int length = config_setting_length(s);
    fputs(list ? "(" : "[", f);
    for (int i = 0; i < length; i++) {
        fputs(i > 0 ? ", " : "", f);
        write_setting(f, config_setting_get_elem(s, (unsigned)i), depth + 1);
    }
    fputs(list ? ")" : "]", f);
}

// One value as text, cut off where it is long; a group by the word alone.
static void value_text(const config_setting_t *s, char out[SJ_CONFIG_VALUE_MAX]) {
    char *text = NULL;
    size_t size;
    FILE *f = s != NULL && !config_setting_is_group(s) ? open_memstream(&text, &size) : NULL;
    if (f != NULL) {
        write_setting(f, s, 0);
        fclose(f);
    }
    snprintf(out, SJ_CONFIG_VALUE_MAX, "%s", text != NULL ? text : s != NULL ? "a group" : "");
    free(text);
}

static bool same_value(const config_setting_t *a, const config_setting_t *b) {
    char *texts[2] = {NULL, NULL};
    size_t size;
    for (int i = 0; i < 2; i++) {
        FILE *f = open_memstream(&texts[i], &size);
        if (f != NULL) {
            write_setting(f, i == 0 ? a : b, 0);
            fclose(f);
        }
    }
    const bool same = texts[0] != NULL && texts[1] != NULL && strcmp(texts[0], texts[1]) == 0;
    free(texts[0]);
    free(texts[1]);
    return same;
}

typedef struct change_taker {
    bool (*take)(void *context, const sj_config_change *change);
    void *context;
} change_taker;

// a or b may be NULL: the key is absent there. false: no more are wanted.
static bool hand_over(const config_setting_t *a, const config_setting_t *b, const change_taker *taker) {
    sj_config_change change;
    sj_config_setting_path(a != NULL ? a : b, change.path);
    value_text(a, change.a);
    value_text(b, change.b);
    return taker->take(taker->context, &change);
}

static bool find_changes(const config_setting_t *a, const config_setting_t *b, const change_taker *taker) {
    bool more = true;
    for (int i = 0; i < config_setting_length(a) && more; i++) {
        const config_setting_t *x = config_setting_get_elem(a, (unsigned)i), *y = config_setting_get_member(b, config_setting_name(x));
        if (y != NULL && config_setting_is_group(x) && config_setting_is_group(y)) {
            more = find_changes(x, y, taker);
        } else if (y == NULL || !same_value(x, y)) {
            more = hand_over(x, y, taker);
        }
    }
    for (int i = 0; i < config_setting_length(b) && more; i++) {
        const config_setting_t *y = config_setting_get_elem(b, (unsigned)i);
        if (config_setting_get_member(a, config_setting_name(y)) == NULL) {
            more = hand_over(NULL, y, taker);
        }
    }
    return more;
}

void sj_config_differences(const sj_config *a, const sj_config *b, bool (*take)(void *context, const sj_config_change *change), void *context) {
    find_changes(config_root_setting(&a->tree), config_root_setting(&b->tree), &(change_taker){take, context});
}

static bool keep_first(void *context, const sj_config_change *change) {
    *(sj_config_change *)context = *change;
    return false;
}

bool sj_config_difference(const sj_config *a, const sj_config *b, sj_config_change *out) {
    return !find_changes(config_root_setting(&a->tree), config_root_setting(&b->tree), &(change_taker){keep_first, out});
}

sj_status sj_config_text(const sj_config *c, char **out, sj_error *err) {
    size_t size;
    *out = NULL;
    FILE *f = open_memstream(out, &size);
    if (f == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for its text", c->path);
    }
    write_members(f, config_root_setting(&c->tree), 0);
    const int failed = ferror(f);
    if (fclose(f) != 0 || failed) {
        free(*out);
        *out = NULL;
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for its text", c->path);
    }
    return SJ_OK;
}
