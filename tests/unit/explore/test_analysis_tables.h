// SPDX-License-Identifier: Apache-2.0
// A report written, and its tables read back.
#ifndef TEST_ANALYSIS_TABLES_H
#define TEST_ANALYSIS_TABLES_H

#include "test_analysis_fixture.h"
#include "sj_test_tables.h"

static const bool every_part[SJ_PART_COUNT] = {true, true, true, true, true};

static inline char *written(const sj_analysis *a, const bool parts[SJ_PART_COUNT], sj_analysis_format format, int64_t top) {
    FILE *f = tmpfile();
    sj_error err;
    assert_non_null(f);
    if (sj_analysis_write(f, a, parts, format, top, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    return text_written(f);
}

static inline char *written_part(const sj_analysis *a, sj_analysis_part part, sj_analysis_format format, int64_t top) {
    bool parts[SJ_PART_COUNT] = {false};
    parts[part] = true;
    return written(a, parts, format, top);
}

static inline void assert_has_not(const char *text, const char *part) {
    if (strstr(text, part) != NULL) {
        fail_msg("\"%s\" is in:\n%s", part, text);
    }
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

#endif
