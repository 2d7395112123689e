// SPDX-License-Identifier: Apache-2.0
// Tables of CSV and md read back, as strictly as they can be. Included after cmocka.
#ifndef SJ_TEST_TABLES_H
#define SJ_TEST_TABLES_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// All that was written to a file, which is closed; caller frees.
static inline char *text_written(FILE *f) {
    const long bytes = ftell(f);
    char *text = calloc((size_t)bytes + 1, 1);
    assert_non_null(text);
    rewind(f);
    assert_int_equal(fread(text, 1, (size_t)bytes, f), bytes);
    fclose(f);
    assert_int_equal(strlen(text), bytes);
    return text;
}

static inline void assert_has(const char *text, const char *part) {
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", part, text);
    }
}

// fields[row * columns + column], the head first
typedef struct table {
    int columns, rows;
    char **fields;
} table;

static inline const char *field(const table *t, int row, int column) {
    assert_true(row < t->rows && column < t->columns);
    return t->fields[row * t->columns + column];
}

static inline int column(const table *t, const char *name) {
    for (int c = 0; c < t->columns; c++) {
        if (strcmp(field(t, 0, c), name) == 0) {
            return c;
        }
    }
    fail_msg("no column \"%s\"", name);
    return -1;
}

static inline void put(table *t, const char *text, size_t length) {
    t->fields = realloc(t->fields, (size_t)(t->rows + 1) * sizeof *t->fields);  // rows counts fields while it is read
    assert_non_null(t->fields);
    t->fields[t->rows++] = strndup(text, length);
}

static inline void end_row(table *t) {
    t->columns = t->columns == 0 ? t->rows : t->columns;
    assert_int_equal(t->rows % t->columns, 0);
}

// RFC 4180, as strict as it can be read.
static inline table read_csv(const char *text) {
    table t = {0};
    while (*text != '\0') {
        char *value = malloc(strlen(text) + 1);
        size_t length = 0;
        if (*text == '"') {
            for (text++; *text != '"' || text[1] == '"'; text++) {
                assert_true(*text != '\0');
                text += *text == '"';
                value[length++] = *text;
            }
            text++;
        } else {
            for (; strchr(",\n", *text) == NULL; text++) {
                assert_true(*text != '"' && *text != '\r');
                value[length++] = *text;
            }
        }
        put(&t, value, length);
        free(value);
        assert_true(*text == ',' || *text == '\n');
        if (*text++ == '\n') {
            end_row(&t);
        }
    }
    t.rows /= t.columns;
    return t;
}

// One character of md without its escape; returns what comes behind it.
static inline const char *read_md_char(const char *p, char *c) {
    static const struct {
        const char *text;
        char c;
    } entities[] = {{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}};
    for (int i = 0; i < 3; i++) {
        if (strncmp(p, entities[i].text, strlen(entities[i].text)) == 0) {
            *c = entities[i].c;
            return p + strlen(entities[i].text);
        }
    }
    p += *p == '\\';
    *c = *p;
    return p + 1;
}

// The n-th table of md, its escapes undone.
static inline table read_md(const char *text, int n) {
    table t = {0};
    bool inside = false;
    for (const char *line = text; *line != '\0';) {
        const char *end = strchr(line, '\n');
        assert_non_null(end);
        n -= line[0] == '|' && !inside;
        inside = line[0] == '|';
        if (inside && n == -1 && strncmp(line, "|--", 3) != 0) {
            assert_true(end[-1] == '|' && end[-2] == ' ');
            for (const char *p = line + 2; p < end;) {
                char value[1024];
                size_t length = 0;
                while (strncmp(p, " |", 2) != 0) {
                    assert_true(length < sizeof value);
                    p = read_md_char(p, &value[length++]);
                }
                put(&t, value, length);
                p += 3;
            }
            end_row(&t);
        }
        line = end + 1;
    }
    assert_true(t.columns > 0);
    t.rows /= t.columns;
    return t;
}

static inline void free_table(table *t) {
    for (int i = 0; i < t->rows * t->columns; i++) {
        free(t->fields[i]);
    }
    free(t->fields);
}

#endif
