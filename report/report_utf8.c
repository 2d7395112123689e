// SPDX-License-Identifier: Apache-2.0
#include "report_utf8.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

// RFC 3629: no longer forms than needed, no surrogates, nothing past U+10FFFF.
uint32_t sj_utf8_next(const char *text, int *bytes) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *u = (const unsigned char *)text;
    const int length = u[0] < 0x80 ? 1 : u[0] >= 0xc2 && u[0] < 0xe0 ? 2 : u[0] >= 0xe0 && u[0] < 0xf0 ? 3 : u[0] >= 0xf0 && u[0] < 0xf5 ? 4 : 0;
    uint32_t c = length == 1 ? u[0] : u[0] & (0xffu >> (length + 1));
    *bytes = u[0] != 0;
    for (int i = 1; i < length; i++) {
        if ((u[i] & 0xc0) != 0x80) {
            return 0xfffd;
        }
        c = c << 6 | (u[i] & 0x3fu);
    }
    if (length == 0 || c < least[length] || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff) {
        return 0xfffd;
    }
    *bytes = length == 1 ? *bytes : length;
    return c;
}

// Each character as it is, or as `other` where it is not wanted.
static char *filtered(const char *text, bool (*wanted)(uint32_t c, int bytes), const char *other) {
    char *out = malloc(3 * strlen(text) + 1), *end = out;
    for (int bytes; out != NULL && *text != '\0'; text += bytes) {
        const uint32_t c = sj_utf8_next(text, &bytes);
        if (wanted(c, bytes)) {
            memcpy(end, text, (size_t)bytes);
            end += bytes;
        } else {
            end = stpcpy(end, other);
        }
    }
    if (out != NULL) {
        *end = '\0';
    }
    return out;
}

static bool is_valid(uint32_t c, int bytes) { return c != 0xfffd || bytes == 3; }

static bool is_printable(uint32_t c, int bytes) {
    const bool control = c < 0x20 || (c >= 0x7f && c < 0xa0), turns = (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
    return is_valid(c, bytes) && !control && !turns;
}

char *sj_utf8_clean(const char *text) { return filtered(text, is_valid, "\xef\xbf\xbd"); }
char *sj_utf8_printable(const char *text) { return filtered(text, is_printable, " "); }

typedef struct range {
    uint32_t first, last;
} range;

static bool within(uint32_t c, const range *ranges, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (c >= ranges[i].first && c <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

// Blocks of Unicode 15 as terminals show them. Terminals differ in the rest.
static int cells_of(uint32_t c) {
    static const range none[] = {{0x300, 0x36f}, {0x483, 0x489}, {0x591, 0x5bd}, {0x610, 0x61a}, {0x64b, 0x65f}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200f}, {0x2060, 0x2064}, {0x20d0, 0x20ff},
                                 {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0100, 0xe01ef}};
    static const range two[] = {{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0xa4cf}, {0xa960, 0xa97f}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6},
                                {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1faff}, {0x20000, 0x3fffd}};
    return c < 0x300 ? 1 : within(c, none, sizeof none / sizeof none[0]) ? 0 : within(c, two, sizeof two / sizeof two[0]) ? 2 : 1;
}

int sj_utf8_width(const char *text) {
    int width = 0;
    for (int bytes; *text != '\0'; text += bytes) {
        width += cells_of(sj_utf8_next(text, &bytes));
    }
    return width;
}

static int bytes_within(const char *text, int width) {
    int length = 0;
    for (int bytes; text[length] != '\0'; length += bytes) {
        width -= cells_of(sj_utf8_next(text + length, &bytes));
        if (width < 0) {
            break;
        }
    }
    return length;
}

int sj_utf8_fitting(const char *text, int width) {
    int one;
    (void)sj_utf8_next(text, &one);
    const int length = bytes_within(text, width);
    return length > one ? length : one;
}

char *sj_utf8_shorten(const char *text, int width) {
    int rest = sj_utf8_width(text);
    if (rest <= width) {
        return strdup(text);
    }
    const int tail_width = (width - 3) / 2, head_width = width - 3 - tail_width;
    const int head = bytes_within(text, head_width);
    const char *tail = text;
    for (int bytes; rest > tail_width; tail += bytes) {
        rest -= cells_of(sj_utf8_next(tail, &bytes));
    }
    // What combines with a character that is left out is left out too.
    for (int bytes; *tail != '\0' && cells_of(sj_utf8_next(tail, &bytes)) == 0; tail += bytes) {
    }
    char *out = malloc((size_t)head + 3 + strlen(tail) + 1);
    if (out != NULL) {
        memcpy(out, text, (size_t)head);
        strcpy(stpcpy(out + head, "..."), tail);
    }
    return out;
}
