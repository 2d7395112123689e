// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "analysis_internal.h"

struct sj_sheet {
    bool md, failed;
    int columns;
    bool left[SJ_SHEET_COLUMNS_MAX];
    int widths[SJ_SHEET_COLUMNS_MAX];
    int64_t count, capacity;
    char **cells;  // row by row, the head first; as they are printed
};

sj_sheet *sj_sheet_new(bool md) {
    sj_sheet *s = calloc(1, sizeof *s);
    if (s != NULL) {
        s->md = md;
    }
    return s;
}

static void sheet_free(sj_sheet *s) {
    if (s != NULL) {
        for (int64_t i = 0; i < s->count; i++) {
            free(s->cells[i]);
        }
        free(s->cells);
        free(s);
    }
}

// The longest way that a character is printed: "&amp;".
enum { PRINTED_MAX = 5 };

// Returns the end.
static char *print_char(char *out, char c, bool md) {
    const unsigned char u = (unsigned char)c;
    if (md && (c == '<' || c == '>' || c == '&')) {
        return stpcpy(out, c == '<' ? "&lt;" : c == '>' ? "&gt;" : "&amp;");
    }
    if (md && u >= 0x20 && strchr("\\|*`[]", c) != NULL) {
        *out++ = '\\';
    }
    *out++ = u < 0x20 || u == 0x7f ? ' ' : c;
    *out = '\0';
    return out;
}

void sj_say(FILE *f, bool md, const char *text) {
    for (; *text != '\0'; text++) {
        char out[PRINTED_MAX + 1];
        print_char(out, *text, md);
        fputs(out, f);
    }
}

static char *format_text(const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = length >= 0 ? malloc((size_t)length + 1) : NULL;
    if (text != NULL) {
        vsnprintf(text, (size_t)length + 1, format, args);
    }
    return text;
}

// Characters of UTF-8: bytes that begin one.
static int width_of(const char *text) {
    int width = 0;
    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static char *escaped(const char *text, bool md) {
    char *out = malloc(PRINTED_MAX * strlen(text) + 1);
    if (out != NULL) {
        char *end = out;
        for (; *text != '\0'; text++) {
            end = print_char(end, *text, md);
        }
        *end = '\0';
    }
    return out;
}

static void append(sj_sheet *s, int column, char *text) {
    if (s->count == s->capacity && !s->failed) {
        const int64_t capacity = s->capacity == 0 ? 256 : 2 * s->capacity;
        char **larger = realloc(s->cells, (size_t)capacity * sizeof *larger);
        s->failed = larger == NULL;
        s->cells = larger != NULL ? larger : s->cells;
        s->capacity = larger != NULL ? capacity : s->capacity;
    }
    char *cell = text != NULL && !s->failed ? escaped(text, s->md) : NULL;
    free(text);
    if (cell == NULL) {
        s->failed = true;
        return;
    }
    const int width = width_of(cell);
    s->widths[column] = width > s->widths[column] ? width : s->widths[column];
    s->cells[s->count++] = cell;
}

void sj_sheet_column(sj_sheet *s, bool left, const char *format, ...) {
    if (s == NULL || s->columns == SJ_SHEET_COLUMNS_MAX) {
        return;
    }
    va_list args;
    va_start(args, format);
    s->left[s->columns] = left;
    append(s, s->columns++, format_text(format, args));
    va_end(args);
}

void sj_sheet_cell(sj_sheet *s, const char *format, ...) {
    if (s == NULL || s->failed) {
        return;
    }
    va_list args;
    va_start(args, format);
    append(s, (int)(s->count % s->columns), format_text(format, args));
    va_end(args);
}

static void print_md_rule(const sj_sheet *s, FILE *f) {
    for (int c = 0; c < s->columns; c++) {
        fputs(s->left[c] ? "|---" : "|--:", f);
    }
    fputs("|\n", f);
}

static void print_text_rule(const sj_sheet *s, FILE *f) {
    int width = 2 * (s->columns - 1);
    for (int c = 0; c < s->columns; c++) {
        width += s->widths[c];
    }
    for (; width > 0; width--) {
        fputc('-', f);
    }
    fputc('\n', f);
}

// Blanks are held back until something follows them: no line ends in one.
static void print_text_row(const sj_sheet *s, char *const *row, FILE *f) {
    int blanks = 0;
    for (int c = 0; c < s->columns; c++) {
        const int rest = s->widths[c] - width_of(row[c]);
        blanks += s->left[c] ? 0 : rest;
        if (row[c][0] != '\0') {
            fprintf(f, "%*s%s", blanks, "", row[c]);
            blanks = 0;
        }
        blanks += 2 + (s->left[c] ? rest : 0);
    }
    fputc('\n', f);
}

static void print_md_row(const sj_sheet *s, char *const *row, FILE *f) {
    for (int c = 0; c < s->columns; c++) {
        fprintf(f, "| %s ", row[c]);
    }
    fputs("|\n", f);
}

sj_status sj_sheet_print(sj_sheet *s, FILE *f, sj_error *err) {
    if (s == NULL || s->failed) {
        sheet_free(s);
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for a table");
    }
    for (int64_t i = 0; i + s->columns <= s->count && s->columns > 0; i += s->columns) {
        (s->md ? print_md_row : print_text_row)(s, &s->cells[i], f);
        if (i == 0) {
            (s->md ? print_md_rule : print_text_rule)(s, f);
        }
    }
    sheet_free(s);
    return SJ_OK;
}
