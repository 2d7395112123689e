// SPDX-License-Identifier: Apache-2.0
// A report in memory: built call by call; the first fault is kept and told when it is written.
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "report_internal.h"
#include "report_utf8.h"

typedef struct texts {
    int count;
    char **all;
} texts;

struct sj_report_table {
    sj_report *report;
    char *key, *title, *chart;
    texts notes;
    int column_count;
    sj_column *columns;
    int64_t cell_count, cell_capacity;
    sj_report_cell *cells;  // row by row
};

struct sj_report {
    char *title;
    texts notes;
    int table_count;
    sj_report_table **tables;
    sj_error fault;         // the first; SJ_OK: none
};

// ---- Faults

#define FAULT(r, kind, ...)                                     \
    do {                                                        \
        if ((r)->fault.status == SJ_OK) {                       \
            (void)SJ_FAIL(&(r)->fault, (kind), __VA_ARGS__);    \
        }                                                       \
    } while (0)

static void no_memory(sj_report *r) { FAULT(r, SJ_ERR_MEMORY, "no memory for a report"); }

sj_status sj_report_check(const sj_report *r, sj_error *err) {
    if (r == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for a report");
    }
    if (r->fault.status != SJ_OK) {
        *err = r->fault;
        return err->status;
    }
    for (int i = 0; i < r->table_count; i++) {
        const sj_report_table *t = r->tables[i];
        if (t->column_count > 0 && t->cell_count % t->column_count != 0) {
            return SJ_FAIL(err, SJ_ERR_INTERNAL, "table \"%s\": its last row has %d of %d cells", t->key, (int)(t->cell_count % t->column_count), t->column_count);
        }
    }
    return SJ_OK;
}

sj_status sj_report_written(FILE *f, sj_error *err) { return ferror(f) ? SJ_FAIL(err, SJ_ERR_IO, "cannot write the report: %s", strerror(errno)) : SJ_OK; }

// ---- Building

// One more at the end of an array, zeroed; NULL without memory.
static void *grow(void *array, int count, size_t size) {
    char *larger = realloc(array, ((size_t)count + 1) * size);
    if (larger != NULL) {
        memset(larger + (size_t)count * size, 0, size);
    }
    return larger;
}

static char *copy(sj_report *r, const char *text) {
    char *out = sj_utf8_clean(text != NULL ? text : "");
    if (out == NULL) {
        no_memory(r);
    }
    return out;
}

static char *copy_or_null(sj_report *r, const char *text) { return text != NULL ? copy(r, text) : NULL; }

static void __attribute__((format(printf, 3, 0))) add_note(sj_report *r, texts *notes, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = length >= 0 ? malloc((size_t)length + 1) : NULL;
    char **larger = text != NULL ? grow(notes->all, notes->count, sizeof *larger) : NULL;
    if (larger == NULL) {
        free(text);
        no_memory(r);
        return;
    }
    vsnprintf(text, (size_t)length + 1, format, args);
    notes->all = larger;
    notes->all[notes->count] = copy(r, text);
    notes->count += notes->all[notes->count] != NULL;
    free(text);
}

static bool is_key(const char *key) { return key != NULL && key[0] != '\0' && key[strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0'; }

sj_report *sj_report_new(const char *title) {
    sj_report *r = calloc(1, sizeof *r);
    if (r != NULL) {
        r->title = copy(r, title);
    }
    return r;
}

void sj_report_note(sj_report *r, const char *format, ...) {
    if (r != NULL) {
        va_list args;
        va_start(args, format);
        add_note(r, &r->notes, format, args);
        va_end(args);
    }
}

sj_report_table *sj_report_add(sj_report *r, const char *key, const char *title, const char *chart) {
    if (r == NULL) {
        return NULL;
    }
    if (!is_key(key) || sj_report_find(r, key) != NULL) {
        FAULT(r, SJ_ERR_INTERNAL, "a report's table has the key \"%s\", which %s", key != NULL ? key : "", is_key(key) ? "another one has already" : "is none: [a-z0-9_]+");
    }
    sj_report_table **larger = grow(r->tables, r->table_count, sizeof *larger), *t = calloc(1, sizeof *t);
    r->tables = larger != NULL ? larger : r->tables;
    if (larger == NULL || t == NULL) {
        free(t);
        no_memory(r);
        return NULL;
    }
    *t = (sj_report_table){.report = r, .key = copy(r, key), .title = copy(r, title), .chart = copy_or_null(r, chart)};
    if (t->key == NULL) {  // sj_report_find compares it
        free(t->title);
        free(t->chart);
        free(t);
        return NULL;
    }
    r->tables[r->table_count++] = t;
    return t;
}

void sj_table_note(sj_report_table *t, const char *format, ...) {
    if (t != NULL) {
        va_list args;
        va_start(args, format);
        add_note(t->report, &t->notes, format, args);
        va_end(args);
    }
}

// What is wrong with a column; NULL: nothing.
static const char *column_fault(const sj_report_table *t, const sj_column *c) {
    return t->cell_count > 0                                             ? "comes after the first cell"
           : !is_key(c->key)                                             ? "has no key of [a-z0-9_]+"
           : sj_table_column_find(t, c->key) >= 0                        ? "stands there twice"
           : c->quantity < 0 || c->quantity > SJ_QUANTITY_OTHER          ? "has no quantity that there is"
           : (c->unit != NULL) != (c->quantity == SJ_QUANTITY_OTHER)     ? "must name a unit where its quantity is \"other\", and there alone"
           : c->total && c->quantity == SJ_QUANTITY_TEXT                 ? "is text and has no total"
                                                                         : NULL;
}

void sj_table_column(sj_report_table *t, sj_column column) {
    if (t == NULL) {
        return;
    }
    sj_report *r = t->report;
    const char *fault = column_fault(t, &column);
    if (fault != NULL) {
        FAULT(r, SJ_ERR_INTERNAL, "table \"%s\": column \"%s\" %s", t->key, column.key != NULL ? column.key : "", fault);
        return;
    }
    sj_column *larger = grow(t->columns, t->column_count, sizeof *larger);
    if (larger == NULL) {
        no_memory(r);
        return;
    }
    t->columns = larger;
    column.key = copy(r, column.key);
    column.title = copy(r, column.title);
    column.unit = copy_or_null(r, column.unit);
    column.meaning = copy_or_null(r, column.meaning);
    t->columns[t->column_count++] = column;
}

// Cycles and bytes are counts where they were counted and doubles where they were calculated.
static bool takes(sj_quantity quantity, sj_cell_kind kind) {
    switch (kind) {
        case SJ_CELL_TEXT: return quantity == SJ_QUANTITY_TEXT;
        case SJ_CELL_INTEGER: return quantity == SJ_QUANTITY_INTEGER || quantity == SJ_QUANTITY_BYTES || quantity == SJ_QUANTITY_CYCLES;
        case SJ_CELL_NUMBER: return quantity != SJ_QUANTITY_TEXT && quantity != SJ_QUANTITY_INTEGER;
        default: return true;
    }
}

static void add_cell(sj_report_table *t, sj_report_cell cell) {
    static const char *const kinds[] = {[SJ_CELL_NONE] = "none", [SJ_CELL_TEXT] = "a text", [SJ_CELL_NUMBER] = "a number", [SJ_CELL_INTEGER] = "an integer"};
    sj_report *r = t->report;
    if (r->fault.status != SJ_OK) {
        return;
    }
    if (t->column_count == 0) {
        FAULT(r, SJ_ERR_INTERNAL, "table \"%s\": a cell comes before the first column", t->key);
        return;
    }
    const sj_column *column = &t->columns[t->cell_count % t->column_count];
    if (!takes(column->quantity, cell.kind)) {
        FAULT(r, SJ_ERR_INTERNAL, "table \"%s\": column \"%s\" of quantity \"%s\" does not take %s", t->key, column->key, sj_quantity_name(column->quantity), kinds[cell.kind]);
        return;
    }
    if (t->cell_count == t->cell_capacity) {
        const int64_t capacity = t->cell_capacity == 0 ? 64 : 2 * t->cell_capacity;
        sj_report_cell *larger = realloc(t->cells, (size_t)capacity * sizeof *larger);
        if (larger == NULL) {
            no_memory(r);
            return;
        }
        t->cells = larger;
        t->cell_capacity = capacity;
    }
    if (cell.kind == SJ_CELL_TEXT && (cell.text = copy(r, cell.text)) == NULL) {
        return;
    }
    t->cells[t->cell_count++] = cell;
}

void sj_table_text(sj_report_table *t, const char *text) {
    if (t != NULL) {
        add_cell(t, (sj_report_cell){.kind = SJ_CELL_TEXT, .text = (char *)text});  // copied there
    }
}

void sj_table_number(sj_report_table *t, double value) {
    if (t == NULL) {
        return;
    }
    if (isinf(value)) {
        const char *key = t->column_count > 0 ? t->columns[t->cell_count % t->column_count].key : "";
        FAULT(t->report, SJ_ERR_NUMERIC, "table \"%s\": a value of column \"%s\" is infinite", t->key, key);
        return;
    }
    add_cell(t, isnan(value) ? (sj_report_cell){.kind = SJ_CELL_NONE} : (sj_report_cell){.kind = SJ_CELL_NUMBER, .number = value});
}

void sj_table_integer(sj_report_table *t, uint64_t value) {
    if (t != NULL) {
        add_cell(t, (sj_report_cell){.kind = SJ_CELL_INTEGER, .integer = value});
    }
}

void sj_table_none(sj_report_table *t) {
    if (t != NULL) {
        add_cell(t, (sj_report_cell){.kind = SJ_CELL_NONE});
    }
}

// ---- Freeing

static void free_texts(texts *t) {
    for (int i = 0; i < t->count; i++) {
        free(t->all[i]);
    }
    free(t->all);
}

static void free_table(sj_report_table *t) {
    for (int64_t i = 0; i < t->cell_count; i++) {
        if (t->cells[i].kind == SJ_CELL_TEXT) {
            free(t->cells[i].text);
        }
    }
    free(t->cells);
    for (int i = 0; i < t->column_count; i++) {
        free((char *)t->columns[i].key);
        free((char *)t->columns[i].title);
        free((char *)t->columns[i].unit);
        free((char *)t->columns[i].meaning);
    }
    free(t->columns);
    free_texts(&t->notes);
    free(t->key);
    free(t->title);
    free(t->chart);
    free(t);
}

void sj_report_free(sj_report *r) {
    if (r != NULL) {
        for (int i = 0; i < r->table_count; i++) {
            free_table(r->tables[i]);
        }
        free(r->tables);
        free_texts(&r->notes);
        free(r->title);
        free(r);
    }
}

// ---- Reading

int sj_report_table_count(const sj_report *r) { return r != NULL ? r->table_count : 0; }
const sj_report_table *sj_report_table_at(const sj_report *r, int index) { return r->tables[index]; }

const sj_report_table *sj_report_find(const sj_report *r, const char *key) {
    for (int i = 0; i < sj_report_table_count(r); i++) {
        if (strcmp(r->tables[i]->key, key) == 0) {
            return r->tables[i];
        }
    }
    return NULL;
}

const char *sj_report_title(const sj_report *r) { return r->title; }
int sj_report_note_count(const sj_report *r) { return r->notes.count; }
const char *sj_report_note_at(const sj_report *r, int index) { return r->notes.all[index]; }
const char *sj_table_key(const sj_report_table *t) { return t->key; }
const char *sj_table_title(const sj_report_table *t) { return t->title; }
const char *sj_table_chart(const sj_report_table *t) { return t->chart; }
int sj_table_note_count(const sj_report_table *t) { return t->notes.count; }
const char *sj_table_note_at(const sj_report_table *t, int index) { return t->notes.all[index]; }
int sj_table_columns(const sj_report_table *t) { return t->column_count; }
const sj_column *sj_table_column_at(const sj_report_table *t, int column) { return &t->columns[column]; }
int64_t sj_table_rows(const sj_report_table *t) { return t != NULL && t->column_count > 0 ? t->cell_count / t->column_count : 0; }
const sj_report_cell *sj_table_cell_at(const sj_report_table *t, int64_t row, int column) { return &t->cells[row * t->column_count + column]; }

int sj_table_column_find(const sj_report_table *t, const char *key) {
    for (int c = 0; c < t->column_count; c++) {
        if (t->columns[c].key != NULL && strcmp(t->columns[c].key, key) == 0) {
            return c;
        }
    }
    return -1;
}

bool sj_table_has_totals(const sj_report_table *t) {
    for (int c = 0; c < t->column_count; c++) {
        if (t->columns[c].total) {
            return true;
        }
    }
    return false;
}

sj_report_cell sj_table_sum(const sj_report_table *t, int column, const int64_t *rows, int64_t count) {
    uint64_t integers = 0;
    double sum = 0.0;
    bool whole = true;
    int64_t numbers = 0;
    for (int64_t i = 0; i < count; i++) {
        const sj_report_cell *cell = sj_table_cell_at(t, rows != NULL ? rows[i] : i, column);
        if (cell->kind == SJ_CELL_INTEGER || cell->kind == SJ_CELL_NUMBER) {
            numbers++;
            sum += cell->kind == SJ_CELL_INTEGER ? (double)cell->integer : cell->number;
            whole = whole && cell->kind == SJ_CELL_INTEGER && !__builtin_add_overflow(integers, cell->integer, &integers);
        }
    }
    return numbers == 0 ? (sj_report_cell){.kind = SJ_CELL_NONE}
           : whole      ? (sj_report_cell){.kind = SJ_CELL_INTEGER, .integer = integers}
                        : (sj_report_cell){.kind = SJ_CELL_NUMBER, .number = sum};
}
