// SPDX-License-Identifier: Apache-2.0
// libconfig 1.5 reads integers without L by atoi: 5000000000 becomes 705032704 without a word. So the text itself is looked through before it is used.
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sj_config_internal.h"

#define LITERAL_MAX 64

static bool starts_name(char ch) { return isalpha((unsigned char)ch) || ch == '*' || ch == '_'; }

static bool in_name(char ch) { return isalnum((unsigned char)ch) || ch == '*' || ch == '_' || ch == '-'; }

static bool starts_number(const char *p) {
    if (*p == '+' || *p == '-') {
        p++;
    }
    return isdigit((unsigned char)*p) || (*p == '.' && isdigit((unsigned char)p[1]));
}

static const char *skip_quoted(const char *p, int *line) {
    for (p++; *p != '\0' && *p != '"'; p++) {
        if (*p == '\\' && p[1] != '\0') {
            p++;
        }
        *line += *p == '\n';
    }
    return *p == '"' ? p + 1 : p;
}

// Behind the comment that starts at p; p itself when none does.
static const char *skip_comment(const char *p, int *line) {
    if (*p == '#' || (p[0] == '/' && p[1] == '/')) {
        return p + strcspn(p, "\n");
    }
    if (p[0] == '/' && p[1] == '*') {
        for (p += 2; *p != '\0' && !(p[0] == '*' && p[1] == '/'); p++) {
            *line += *p == '\n';
        }
        return *p != '\0' ? p + 2 : p;
    }
    return p;
}

// The text so far, with an L behind each literal that needed one.
typedef struct widening {
    char *text;
    size_t used;
    const char *copied;  // of the original: up to here
    int count;
} widening;

static void copy_up_to(widening *w, const char *p) {
    memcpy(w->text + w->used, w->copied, (size_t)(p - w->copied));
    w->used += (size_t)(p - w->copied);
    w->copied = p;
}

// A literal that ends before `behind`.
static void check_integer(sj_config *c, const char *literal, const char *behind, int line, widening *w) {
    const bool hex = literal[0] == '0' && (literal[1] == 'x' || literal[1] == 'X');
    char *end;
    errno = 0;
    const long long value = strtoll(literal, &end, hex ? 16 : 10);
    if (errno == ERANGE) {
        sj_config_syntax(c, line, "integer %s does not fit 64 bits with a sign (up to 9223372036854775807)", literal);
    } else if (*end != 'L' && (value > INT32_MAX || value < INT32_MIN)) {
        sj_config_syntax(c, line, "integer %s does not fit 32 bits; write %sL", literal, literal);
        copy_up_to(w, behind);
        w->text[w->used++] = 'L';
        w->count++;
    }
}

static const char *scan_number(sj_config *c, const char *p, int line, widening *w) {
    const char *begin = p;
    const bool hex = p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
    bool is_float = false;
    if (*p == '+' || *p == '-') {
        p++;
    }
    for (; isalnum((unsigned char)*p) || *p == '.'; p++) {
        const bool exponent = !hex && (*p == 'e' || *p == 'E');
        is_float = is_float || *p == '.' || exponent;
        if (exponent && (p[1] == '+' || p[1] == '-')) {
            p++;
        }
    }
    const size_t length = (size_t)(p - begin);
    if (!is_float && length < LITERAL_MAX) {
        char literal[LITERAL_MAX];
        memcpy(literal, begin, length);
        literal[length] = '\0';
        check_integer(c, literal, p, line, w);
    } else if (!is_float) {
        sj_config_syntax(c, line, "an integer of %zu digits does not fit 64 bits", length);
    }
    return p;
}

static void scan(sj_config *c, const char *text, widening *w) {
    int line = 1;
    for (const char *p = text; *p != '\0';) {
        const char *behind = skip_comment(p, &line);
        if (behind != p) {
            p = behind;
        } else if (*p == '"') {
            p = skip_quoted(p, &line);
        } else if (starts_name(*p)) {
            while (in_name(*p)) {
                p++;
            }
        } else if (starts_number(p)) {
            p = scan_number(c, p, line, w);
        } else {
            if (*p == '@') {
                sj_config_syntax(c, line, "@include is not supported; put the settings into this file");
            }
            line += *p == '\n';
            p++;
        }
    }
}

char *sj_config_scan(sj_config *c, const char *text, int *widened) {
    const size_t length = strlen(text);
    widening w = {.text = malloc(2 * length + 1), .copied = text};  // a literal that needs an L has more than one digit
    *widened = 0;
    if (w.text == NULL) {
        return NULL;
    }
    scan(c, text, &w);
    copy_up_to(&w, text + length);
    w.text[w.used] = '\0';
    *widened = w.count;
    return w.text;
}
