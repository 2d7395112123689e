// SPDX-License-Identifier: Apache-2.0
// A report written, and its tables read back.
#ifndef TEST_ANALYSIS_TABLES_H
#define TEST_ANALYSIS_TABLES_H

#include "test_analysis_fixture.h"

static const bool every_part[SJ_PART_COUNT] = {true, true, true, true, true};

static inline char *written(const sj_analysis *a, const bool parts[SJ_PART_COUNT], sj_analysis_format format, int64_t top) {
    FILE *f = tmpfile();
    sj_error err;
    assert_non_null(f);
    if (sj_analysis_write(f, a, parts, format, top, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    const long bytes = ftell(f);
    char *text = calloc((size_t)bytes + 1, 1);
    assert_non_null(text);
    rewind(f);
    assert_int_equal(fread(text, 1, (size_t)bytes, f), bytes);
    fclose(f);
    return text;
}

static inline char *written_part(const sj_analysis *a, sj_analysis_part part, sj_analysis_format format, int64_t top) {
    bool parts[SJ_PART_COUNT] = {false};
    parts[part] = true;
    return written(a, parts, format, top);
}

static inline void assert_has(const char *text, const char *part) {
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", part, text);
    }
}

static inline void assert_has_not(const char *text, const char *part) {
    if (strstr(text, part) != NULL) {
        fail_msg("\"%s\" is in:\n%s", part, text);
    }
}

// ---- Tables read back: fields[row * columns + column], the head first

typedef struct table {
    int columns, rows;
    char **fields;
} table;

static const char *field(const table *t, int row, int column) {
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
                for (; strncmp(p, " |", 2) != 0; p++) {
                    p += *p == '\\';
                    value[length++] = *p;
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

// The table under the n-th rule of text; its columns stand two blanks or more apart, and its cells hold no two blanks.
static inline table read_text(const char *text, int n) {
    table t = {0};
    const char *line = text, *before = text, *head = NULL;
    while (*line != '\0') {
        const char *end = strchr(line, '\n');
        const bool rule = line[0] == '-', inside = head != NULL;
        if (inside && (end == line || strncmp(line, "Of each", 7) == 0 || strncmp(line, "Interactions", 12) == 0)) {
            break;
        }
        if (rule && n-- == 0) {
            head = before;
            line = head;
            continue;
        }
        if (inside && !rule) {
            assert_true(end[-1] != ' ');
            for (const char *p = line + strspn(line, " "); p < end;) {
                const char *stop = p;
                for (; stop < end && strncmp(stop, "  ", 2) != 0; stop++) {
                }
                put(&t, p, (size_t)(stop - p));
                p = stop + strspn(stop, " ");
            }
            end_row(&t);
        }
        before = line;
        line = end + 1;
        n = inside && rule ? -1 : n;
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
