// SPDX-License-Identifier: Apache-2.0
#include "sj_table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sj_units.h"

typedef struct cell {
    char *text;
    int span;   // columns it covers; 0: the row is a rule
} cell;

struct sj_table {
    int columns, left;
    int *gaps, *widths;
    cell *cells;
    int count, capacity;
    bool failed;
};

sj_table *sj_table_new(int columns, int left_columns) {
    sj_table *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return NULL;
    }
    t->columns = columns;
    t->left = left_columns;
    t->gaps = calloc((size_t)columns, sizeof *t->gaps);
    t->widths = calloc((size_t)columns, sizeof *t->widths);
    t->failed = t->gaps == NULL || t->widths == NULL;
    return t;
}

void sj_table_free(sj_table *t) {
    if (t != NULL) {
        for (int i = 0; i < t->count; i++) {
            free(t->cells[i].text);
        }
        free(t->cells);
        free(t->gaps);
        free(t->widths);
        free(t);
    }
}

static void append(sj_table *t, char *text, int span) {
    if (t->count == t->capacity && !t->failed) {
        const int capacity = t->capacity == 0 ? 256 : 2 * t->capacity;
        cell *larger = realloc(t->cells, (size_t)capacity * sizeof *larger);
        t->failed = larger == NULL;
        t->cells = larger != NULL ? larger : t->cells;
        t->capacity = larger != NULL ? capacity : t->capacity;
    }
    if (t->failed || text == NULL) {
        t->failed = true;
        free(text);
        return;
    }
    t->cells[t->count++] = (cell){text, span};
}

void sj_table_cell(sj_table *t, const char *format, ...) {
    if (t == NULL) {
        return;
    }
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    append(t, strdup(text), 1);
}

void sj_table_span(sj_table *t, int columns, const char *text) {
    if (t != NULL) {
        append(t, strdup(text), columns);
    }
}

void sj_table_rule(sj_table *t) {
    if (t != NULL) {
        append(t, strdup(""), 0);
    }
}

void sj_table_gap(sj_table *t, int column) {
    if (t != NULL && !t->failed) {
        t->gaps[column] = 2;
    }
}

static int span_width(const sj_table *t, int column, int span) {
    int width = t->widths[column];
    for (int c = column + 1; c < column + span; c++) {
        width += 1 + t->gaps[c] + t->widths[c];
    }
    return width;
}

// Single cells first; a span that is still too long widens its last column.
static void measure(sj_table *t, bool spans) {
    for (int i = 0, column = 0; i < t->count; i++) {
        const cell *c = &t->cells[i];
        if (c->span == 0) {
            continue;
        }
        const int length = (int)strlen(c->text);
        if (c->span == 1 && t->widths[column] < length) {
            t->widths[column] = length;
        } else if (spans && c->span > 1 && span_width(t, column, c->span) < length) {
            t->widths[column + c->span - 1] += length - span_width(t, column, c->span);
        }
        column = (column + c->span) % t->columns;
    }
}

static void print_rule(const sj_table *t, FILE *f) {
    for (int i = span_width(t, 0, t->columns); i > 0; i--) {
        fputc('-', f);
    }
    fputc('\n', f);
}

// Blanks are held back until something follows them: no line ends in one.
static void print_cells(const sj_table *t, FILE *f) {
    int blanks = 0;
    for (int i = 0, column = 0; i < t->count; i++) {
        const cell *c = &t->cells[i];
        if (c->span == 0) {
            print_rule(t, f);
            continue;
        }
        const int width = span_width(t, column, c->span), rest = width - (int)strlen(c->text);
        const bool left = c->span > 1 || column < t->left;
        blanks += (column > 0 ? 1 + t->gaps[column] : 0) + (left ? 0 : rest);
        if (c->text[0] != '\0') {
            fprintf(f, "%*s%s", blanks, "", c->text);
            blanks = 0;
        }
        blanks += left ? rest : 0;
        column += c->span;
        if (column >= t->columns) {
            fputc('\n', f);
            column = 0;
            blanks = 0;
        }
    }
}

sj_status sj_table_print(sj_table *t, FILE *f, sj_error *err) {
    if (t == NULL || t->failed) {
        sj_table_free(t);
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for a table");
    }
    measure(t, false);
    measure(t, true);
    print_cells(t, f);
    sj_table_free(t);
    return SJ_OK;
}

static void three_digits(char text[24], double value, const char *suffix) {
    const int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    snprintf(text, 24, "%.*f%s", decimals, value, suffix);
}

void sj_format_count(char text[24], double count) {
    if (count < 999999.5) {
        snprintf(text, 24, "%.0f", count);
        return;
    }
    static const char *const suffixes[] = {"M", "G", "T", "P", "E"};
    double value = count / 1e6;
    int i = 0;
    for (; value >= 999.5 && i < 4; i++) {
        value /= 1e3;
    }
    three_digits(text, value, suffixes[i]);
}

sj_energy_unit sj_energy_unit_for(double largest_pj) {
    const sj_unit unit = sj_unit_for(SJ_SCALE_ENERGY_PJ, largest_pj);
    return (sj_energy_unit){unit.name, unit.size};
}

void sj_format_energy(char text[24], double pj, sj_energy_unit unit) { three_digits(text, pj / unit.pj, ""); }

void sj_format_seconds(char text[24], double seconds) {
    static const struct {
        const char *suffix;
        double seconds;
    } units[] = {{" s", 1.0}, {" ms", 1e-3}, {" us", 1e-6}, {" ns", 1e-9}};
    int i = 0;
    while (i < 3 && seconds < units[i].seconds) {
        i++;
    }
    three_digits(text, seconds / units[i].seconds, units[i].suffix);
}
