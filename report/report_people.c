// SPDX-License-Identifier: Apache-2.0
// A table's cells as people see them: one unit a column, and one for a value and its ends, a row for what is left out, a row of totals.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_internal.h"
#include "report_utf8.h"
#include "sj_units.h"

// What stands in a column that people see.
typedef struct shown {
    int column;     // of the table; -1: the labels of the rows below, where the first column has a total itself
    bool share;     // of the column's total
    sj_unit unit;
    double total;   // of all rows; NAN: none
} shown;

typedef struct maker {
    const sj_selected *s;
    sj_people *out;
    shown *columns;
    bool failed;
} maker;

// ---- Columns

static double magnitude_of(const sj_report_cell *cell) { return cell->kind == SJ_CELL_INTEGER ? (double)cell->integer : cell->kind == SJ_CELL_NUMBER ? fabs(cell->number) : 0.0; }

// The column whose unit a column takes: of "energy_low_pj" that is "energy_pj", where the table has it; else its own.
static int unit_column(const sj_report_table *t, int column) {
    static const char *const ends[] = {"_low", "_high", "_cumulative"};
    const sj_column *c = sj_table_column_at(t, column);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        const char *at = strstr(c->key, ends[i]);
        const size_t length = strlen(ends[i]);
        if (at == NULL || (at[length] != '\0' && at[length] != '_')) {
            continue;
        }
        for (int other = 0; other < sj_table_columns(t); other++) {
            const sj_column *o = sj_table_column_at(t, other);
            if (o->quantity == c->quantity && strncmp(o->key, c->key, (size_t)(at - c->key)) == 0 && strcmp(o->key + (at - c->key), at + length) == 0) {
                return other;
            }
        }
    }
    return column;
}

static bool is_empty(const sj_report_table *t, int column) {
    for (int64_t row = 0; row < sj_table_rows(t); row++) {
        if (sj_table_cell_at(t, row, column)->kind != SJ_CELL_NONE) {
            return false;
        }
    }
    return true;
}

// Magnitudes of a column's cells: the least that is not 0, and the largest; both 0 where there is none.
static void magnitudes(const sj_report_table *t, int column, double *least, double *largest) {
    *least = *largest = 0.0;
    for (int64_t row = 0; row < sj_table_rows(t); row++) {
        const double magnitude = magnitude_of(sj_table_cell_at(t, row, column));
        *least = magnitude > 0.0 && (*least == 0.0 || magnitude < *least) ? magnitude : *least;
        *largest = magnitude > *largest ? magnitude : *largest;
    }
}

static sj_unit unit_of(const sj_report_table *t, int column) {
    static const sj_scale scales[] = {[SJ_QUANTITY_SHARE] = SJ_SCALE_PER_CENT, [SJ_QUANTITY_ENERGY_PJ] = SJ_SCALE_ENERGY_PJ, [SJ_QUANTITY_SECONDS] = SJ_SCALE_SECONDS,
                                      [SJ_QUANTITY_BYTES] = SJ_SCALE_BYTES,    [SJ_QUANTITY_CYCLES] = SJ_SCALE_CYCLES,       [SJ_QUANTITY_OTHER] = SJ_SCALE_NONE};
    const sj_quantity quantity = sj_table_column_at(t, column)->quantity;
    if (quantity == SJ_QUANTITY_INTEGER) {
        return (sj_unit){.name = "", .size = 1.0, .grouped = true};
    }
    const int first = unit_column(t, column);
    double least, largest, first_least, first_largest;
    magnitudes(t, column, &least, &largest);
    magnitudes(t, first, &first_least, &first_largest);
    sj_unit unit = sj_unit_for_columns(scales[quantity], first_largest > 0.0 ? first_largest : largest, least, largest);
    if (first != column && unit.decimals != SJ_UNIT_FOUR_DIGITS) {  // and no fewer decimals
        const int decimals = sj_unit_for_column(scales[quantity], first_least, first_largest).decimals;
        unit.decimals = decimals > unit.decimals ? decimals : unit.decimals;
    }
    if (is_empty(t, column)) {
        unit.name = "";  // of nothing no unit is the right one
    }
    return unit;
}

static char *head_of(const sj_report_table *t, const shown *c) {
    if (c->column < 0 || c->share) {
        return strdup(c->share ? "share" : "");
    }
    const sj_column *column = sj_table_column_at(t, c->column);
    const char *unit = column->quantity == SJ_QUANTITY_OTHER ? column->unit : column->quantity == SJ_QUANTITY_SHARE ? "" : c->unit.name;
    const size_t bytes = strlen(column->title) + strlen(unit) + 4;
    char *plain = malloc(bytes);
    if (plain == NULL) {
        return NULL;
    }
    snprintf(plain, bytes, unit[0] != '\0' ? "%s (%s)" : "%s", column->title, unit);
    char *head = sj_utf8_printable(plain);
    free(plain);
    return head;
}

static void choose_columns(maker *m, bool labelled, bool shares) {
    const sj_report_table *t = m->s->table;
    int count = 0;
    if (labelled) {
        m->columns[count++] = (shown){.column = -1};
    }
    for (int c = 0; c < sj_table_columns(t); c++) {
        const bool total = sj_table_column_at(t, c)->total;
        const sj_report_cell sum = total ? sj_table_sum(t, c, NULL, m->s->count) : (sj_report_cell){.kind = SJ_CELL_NONE};
        m->columns[count++] = (shown){.column = c, .unit = unit_of(t, c), .total = sum.kind == SJ_CELL_INTEGER ? (double)sum.integer : sum.kind == SJ_CELL_NUMBER ? sum.number : (double)NAN};
        if (total && shares) {
            m->columns[count] = m->columns[count - 1];
            m->columns[count].share = true;
            m->columns[count++].unit = sj_unit_for_column(SJ_SCALE_PER_CENT, 1.0, 1.0);
        }
    }
    m->out->columns = count;
}

// ---- Cells

static char *cell_text(const sj_report_table *t, const shown *c, const sj_report_cell *cell) {
    if (cell->kind == SJ_CELL_TEXT) {
        return sj_utf8_printable(cell->text);
    }
    char number[80] = "-";
    if (c->share) {
        const double part = cell->kind == SJ_CELL_INTEGER ? (double)cell->integer : cell->number;
        sj_unit_format(number, cell->kind == SJ_CELL_NONE || c->total == 0.0 ? (double)NAN : part / c->total, c->unit);
    } else if (cell->kind == SJ_CELL_INTEGER && c->unit.grouped) {
        sj_count_format(number, cell->integer);
    } else if (cell->kind != SJ_CELL_NONE) {
        sj_unit_format(number, cell->kind == SJ_CELL_INTEGER ? (double)cell->integer : cell->number, c->unit);
    }
    if ((c->share || sj_table_column_at(t, c->column)->quantity == SJ_QUANTITY_SHARE) && strcmp(number, "-") != 0) {
        strcat(number, " %");
    }
    return strdup(number);
}

static void put(maker *m, int64_t at, char *text) {
    m->out->cells[at] = text;
    m->failed = m->failed || text == NULL;
}

static void data_row(maker *m, int64_t row) {
    for (int c = 0; c < m->out->columns; c++) {
        const shown *column = &m->columns[c];
        put(m, row * m->out->columns + c, column->column < 0 ? strdup("") : cell_text(m->s->table, column, sj_table_cell_at(m->s->table, m->s->rows[row], column->column)));
    }
}

// A row of sums over rows that are shown elsewhere or not at all, under its label.
static void sum_row(maker *m, int64_t row, sj_people_row kind, const int64_t *rows, int64_t count) {
    char label[48] = "total";
    if (kind == SJ_ROW_MORE) {
        snprintf(label, sizeof label, "%lld more", (long long)count);
    }
    m->out->kinds[row] = kind;
    for (int c = 0; c < m->out->columns; c++) {
        const shown *column = &m->columns[c];
        const bool total = column->column >= 0 && sj_table_column_at(m->s->table, column->column)->total;
        const sj_report_cell sum = total ? sj_table_sum(m->s->table, column->column, rows, count) : (sj_report_cell){.kind = SJ_CELL_NONE};
        put(m, row * m->out->columns + c, total ? cell_text(m->s->table, column, &sum) : strdup(c == 0 ? label : ""));
    }
}

// ---- The table

static sj_status allocate(maker *m, int columns, int64_t rows, sj_error *err) {
    sj_people *p = m->out;
    const size_t cells = (size_t)rows * (size_t)columns;
    m->columns = calloc((size_t)columns + 1, sizeof *m->columns);
    p->left = calloc((size_t)columns + 1, sizeof *p->left);
    p->share = calloc((size_t)columns + 1, sizeof *p->share);
    p->heads = calloc((size_t)columns + 1, sizeof *p->heads);
    p->kinds = calloc((size_t)rows + 1, sizeof *p->kinds);
    p->cells = calloc(cells + 1, sizeof *p->cells);
    const bool all = m->columns != NULL && p->left != NULL && p->share != NULL && p->heads != NULL && p->kinds != NULL && p->cells != NULL;
    return all ? SJ_OK : SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for a report's table");
}

static void fill(maker *m, bool more, bool total) {
    const sj_selected *s = m->s;
    sj_people *p = m->out;
    for (int c = 0; c < p->columns; c++) {
        const shown *column = &m->columns[c];
        p->left[c] = column->column < 0 || sj_table_column_at(s->table, column->column)->quantity == SJ_QUANTITY_TEXT;
        p->share[c] = column->share;
        p->heads[c] = head_of(s->table, column);
        m->failed = m->failed || p->heads[c] == NULL;
    }
    for (int64_t i = 0; i < s->shown; i++) {
        data_row(m, i);
    }
    if (more) {
        sum_row(m, s->shown, SJ_ROW_MORE, s->rows + s->shown, s->count - s->shown);
    }
    if (total) {
        sum_row(m, s->shown + more, SJ_ROW_TOTAL, s->rows, s->count);
    }
}

sj_status sj_people_make(const sj_selected *s, bool shares, sj_people *out, sj_error *err) {
    const int columns = sj_table_columns(s->table);
    const bool more = s->shown < s->count, total = s->count > 0 && sj_table_has_totals(s->table);
    const bool labelled = (more || total) && sj_table_column_at(s->table, 0)->total;
    maker m = {.s = s, .out = out};
    *out = (sj_people){.rows = s->shown + more + total};
    sj_status status = allocate(&m, 2 * columns + 1, out->rows, err);
    if (status == SJ_OK) {
        choose_columns(&m, labelled, shares);
        fill(&m, more, total);
        status = m.failed ? SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for a report's table") : SJ_OK;
    }
    free(m.columns);
    if (status != SJ_OK) {
        sj_people_free(out);
    }
    return status;
}

void sj_people_free(sj_people *p) {
    for (int64_t i = 0; p->cells != NULL && i < p->rows * p->columns; i++) {
        free(p->cells[i]);
    }
    for (int c = 0; p->heads != NULL && c < p->columns; c++) {
        free(p->heads[c]);
    }
    free(p->cells);
    free(p->heads);
    free(p->left);
    free(p->share);
    free(p->kinds);
    *p = (sj_people){0};
}
