// SPDX-License-Identifier: Apache-2.0
// Which tables, in which order of rows, and how many of them.
#include <stdlib.h>
#include <string.h>

#include "report_internal.h"
#include "sj_config.h"

// ---- Names

void sj_name_list(char text[SJ_NAME_LIST_MAX], const char *const *names, int count) {
    size_t at = (size_t)snprintf(text, SJ_NAME_LIST_MAX, "%s", count == 0 ? "none" : "");
    for (int i = 0; i < count && at < SJ_NAME_LIST_MAX; i++) {
        at += (size_t)snprintf(text + at, SJ_NAME_LIST_MAX - at, "%s%s", i > 0 ? ", " : "", names[i]);
    }
}

static sj_status no_such_table(const sj_report *r, const char *key, sj_error *err) {
    const int count = sj_report_table_count(r);
    const char **names = calloc((size_t)count + 1, sizeof *names);
    if (names == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for the names of a report's tables");
    }
    for (int i = 0; i < count; i++) {
        names[i] = sj_table_key(sj_report_table_at(r, i));
    }
    const char *nearest = sj_nearest_name(key, names, count);
    char list[SJ_NAME_LIST_MAX];
    sj_name_list(list, names, count);
    free(names);
    return nearest != NULL ? SJ_FAIL(err, SJ_ERR_USAGE, "the report has no table \"%s\"; did you mean \"%s\"? It has %s", key, nearest, list)
                           : SJ_FAIL(err, SJ_ERR_USAGE, "the report has no table \"%s\"; it has %s", key, list);
}

// Nearest over all columns of the selected tables.
static sj_status no_such_column(const sj_selection *s, const char *key, sj_error *err) {
    int count = 0;
    for (int i = 0; i < s->count; i++) {
        count += sj_table_columns(s->tables[i].table);
    }
    const char **names = calloc((size_t)count + 1, sizeof *names);
    if (names == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for the names of a report's columns");
    }
    for (int i = 0, at = 0; i < s->count; i++) {
        for (int c = 0; c < sj_table_columns(s->tables[i].table); c++) {
            names[at++] = sj_table_column_at(s->tables[i].table, c)->key;
        }
    }
    const char *nearest = sj_nearest_name(key, names, count);
    free(names);
    return nearest != NULL ? SJ_FAIL(err, SJ_ERR_USAGE, "cannot sort by \"%s\": no table that is shown has such a column; did you mean \"%s\"?", key, nearest)
                           : SJ_FAIL(err, SJ_ERR_USAGE, "cannot sort by \"%s\": no table that is shown has such a column", key);
}

// ---- Sorting

typedef struct sort_row {
    const sj_report_cell *cell;
    int64_t row;  // as built: equal cells keep that order
} sort_row;

static int by_number(const sj_report_cell *a, const sj_report_cell *b) {
    if (a->kind == SJ_CELL_INTEGER && b->kind == SJ_CELL_INTEGER) {
        return (a->integer > b->integer) - (a->integer < b->integer);
    }
    const double x = a->kind == SJ_CELL_INTEGER ? (double)a->integer : a->number, y = b->kind == SJ_CELL_INTEGER ? (double)b->integer : b->number;
    return (x > y) - (x < y);
}

static int compare(const sort_row *a, const sort_row *b, int direction) {
    const bool none_a = a->cell->kind == SJ_CELL_NONE, none_b = b->cell->kind == SJ_CELL_NONE;
    int order = none_a - none_b;
    if (!none_a && !none_b) {
        order = direction * (a->cell->kind == SJ_CELL_TEXT ? strcmp(a->cell->text, b->cell->text) : by_number(a->cell, b->cell));
    }
    return order != 0 ? order : (a->row > b->row) - (a->row < b->row);
}

static int rising(const void *a, const void *b) { return compare(a, b, 1); }
static int falling(const void *a, const void *b) { return compare(a, b, -1); }

static sj_status sort_table(sj_selected *s, int column, bool down, sj_error *err) {
    sort_row *sorted = calloc((size_t)s->count + 1, sizeof *sorted);
    if (sorted == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory to sort a report's table");
    }
    for (int64_t i = 0; i < s->count; i++) {
        sorted[i] = (sort_row){sj_table_cell_at(s->table, i, column), i};
    }
    qsort(sorted, (size_t)s->count, sizeof *sorted, down ? falling : rising);
    for (int64_t i = 0; i < s->count; i++) {
        s->rows[i] = sorted[i].row;
    }
    free(sorted);
    return SJ_OK;
}

static sj_status sort_tables(sj_selection *s, const char *sort, sj_error *err) {
    const bool down = sort[0] == '-';
    const char *key = sort + down;
    bool found = false;
    for (int i = 0; i < s->count; i++) {
        const int column = sj_table_column_find(s->tables[i].table, key);
        if (column >= 0) {
            found = true;
            SJ_TRY(sort_table(&s->tables[i], column, down, err));
        }
    }
    return found ? SJ_OK : no_such_column(s, key, err);
}

// ---- Selecting

static sj_status select_table(const sj_report_table *t, int64_t top, sj_selected *out, sj_error *err) {
    const int64_t count = sj_table_rows(t);
    *out = (sj_selected){.table = t, .rows = calloc((size_t)count + 1, sizeof *out->rows), .count = count, .shown = top > 0 && top < count ? top : count};
    if (out->rows == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for the rows of a report's table");
    }
    for (int64_t i = 0; i < count; i++) {
        out->rows[i] = i;
    }
    return SJ_OK;
}

static sj_status select_all(const sj_report *r, const sj_report_view *view, sj_selection *out, sj_error *err) {
    for (; out->count < (view->tables != NULL ? view->table_count : sj_report_table_count(r)); out->count++) {
        const int i = out->count;
        const sj_report_table *t = view->tables != NULL ? sj_report_find(r, view->tables[i]) : sj_report_table_at(r, i);
        if (t == NULL) {
            return no_such_table(r, view->tables[i], err);
        }
        for (int earlier = 0; earlier < i; earlier++) {
            if (out->tables[earlier].table == t) {
                return SJ_FAIL(err, SJ_ERR_USAGE, "the table \"%s\" is asked for twice", view->tables[i]);
            }
        }
        SJ_TRY(select_table(t, view->top, &out->tables[i], err));
    }
    return view->sort != NULL ? sort_tables(out, view->sort, err) : SJ_OK;
}

sj_status sj_report_select(const sj_report *r, const sj_report_view *view, sj_selection *out, sj_error *err) {
    static const sj_report_view everything = {0};
    view = view != NULL ? view : &everything;
    *out = (sj_selection){0};
    SJ_TRY(sj_report_check(r, err));
    if (view->top < 0) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "a report of the first %lld rows: it must be at least 1, or 0 for all", (long long)view->top);
    }
    if (view->width != 0 && view->width < SJ_REPORT_WIDTH_MIN) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "a report %d characters wide: it must be at least %d, or 0 for as wide as it takes", view->width, SJ_REPORT_WIDTH_MIN);
    }
    out->tables = calloc((size_t)(view->tables != NULL ? view->table_count : sj_report_table_count(r)) + 1, sizeof *out->tables);
    if (out->tables == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for a report's tables");
    }
    const sj_status status = select_all(r, view, out, err);
    if (status != SJ_OK) {
        sj_selection_free(out);
    }
    return status;
}

void sj_selection_free(sj_selection *s) {
    for (int i = 0; i < s->count; i++) {
        free(s->tables[i].rows);
    }
    free(s->tables);
    *s = (sj_selection){0};
}
