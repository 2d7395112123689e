// SPDX-License-Identifier: Apache-2.0
// A table of the page: what people see in the cells, the exact value of each number beside it.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "html_internal.h"
#include "report_utf8.h"

// A browser lays out a thousand rows at once; the CSV has all of them. A table without a chart is all that its section has to say.
enum { ROWS_MAX = 1000, ROWS_OPEN = 16, ROWS_OPEN_ALONE = 40 };

sj_status sj_html_text(FILE *f, const char *text, sj_error *err) {
    char *printable = sj_utf8_printable(text);
    if (printable == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for a text of %zu bytes", strlen(text));
    }
    for (const char *c = printable; *c != '\0'; c++) {
        switch (*c) {
            case '<': fputs("&lt;", f); break;
            case '>': fputs("&gt;", f); break;
            case '&': fputs("&amp;", f); break;
            case '"': fputs("&quot;", f); break;
            case '\'': fputs("&#39;", f); break;
            default: fputc(*c, f);
        }
    }
    free(printable);
    return SJ_OK;
}

bool sj_html_table_opens(const sj_report_table *t) {
    const bool answers = sj_table_chart(t) == NULL && strcmp(sj_table_key(t), "provenance") != 0;
    return sj_table_rows(t) <= (answers ? ROWS_OPEN_ALONE : ROWS_OPEN);
}

// ---- Which columns, and where

// What is looked for first stands right behind the names of the row, whichever table has it.
static const char *const leading[] = {"saving_vs_gate",  "saving_vs_gate_low",  "saving_vs_gate_high", "saving_vs_first", "saving_vs_first_low",
                                      "saving_vs_first_high", "accuracy", "reached"};

typedef struct columns {
    int *order, count;  // columns of people's table
    int extra;          // a column of labels before the first, where that has a total itself
} columns;

static bool is_leading(const char *key) {
    bool found = false;
    for (size_t i = 0; i < sizeof leading / sizeof *leading; i++) {
        found = found || strcmp(leading[i], key) == 0;
    }
    return found;
}

// Of a table with rows: no row has a value.
static bool is_empty(const sj_report_table *t, int column) {
    bool empty = sj_table_rows(t) > 0;
    for (int64_t row = 0; row < sj_table_rows(t) && empty; row++) {
        empty = sj_table_cell_at(t, row, column)->kind == SJ_CELL_NONE;
    }
    return empty;
}

// First the names that a row begins with, then what leads, then the others; empty ones are left out. Caller frees order.
static sj_status choose_columns(const sj_report_table *t, const sj_people *people, columns *out, sj_error *err) {
    const int extra = people->columns - sj_table_columns(t);
    int names = 0;
    *out = (columns){calloc((size_t)people->columns + 1, sizeof *out->order), 0, extra};
    if (out->order == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for a table's columns");
    }
    while (names < sj_table_columns(t) && sj_table_column_at(t, names)->quantity == SJ_QUANTITY_TEXT && !is_leading(sj_table_column_at(t, names)->key)) {
        names++;
    }
    for (int pass = 0; pass < 3; pass++) {
        for (int c = 0; c < people->columns; c++) {
            const int of = c - extra;
            const int when = of < names ? 0 : is_leading(sj_table_column_at(t, of)->key) ? 1 : 2;
            if (when == pass && (of < 0 || !is_empty(t, of))) {
                out->order[out->count++] = c;
            }
        }
    }
    return SJ_OK;
}

// ---- Cells

// "energy (uJ)" of a terminal is "energy, µJ" on the page: the unit apart from the title.
static sj_status write_head(FILE *f, const sj_column *column, const char *head, sj_error *err) {
    fputs(column->quantity == SJ_QUANTITY_TEXT ? "<th" : "<th class=\"number\"", f);
    if (column->key != NULL) {
        fprintf(f, " data-key=\"%s\"", column->key);
    }
    if (column->meaning != NULL) {
        fputs(" title=\"", f);
        SJ_TRY(sj_html_text(f, column->meaning, err));
        fputc('"', f);
    }
    fputs(" scope=\"col\">", f);
    const size_t length = strlen(head);
    const char *ends = length > 4 ? head + length - 4 : "";
    const bool micro = (column->quantity == SJ_QUANTITY_ENERGY_PJ && strcmp(ends, "(uJ)") == 0) || (column->quantity == SJ_QUANTITY_SECONDS && strcmp(ends, "(us)") == 0);
    if (!micro) {
        SJ_TRY(sj_html_text(f, head, err));
    } else {
        char *title = strndup(head, length - 3);
        if (title == NULL) {
            return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for a column's title");
        }
        const sj_status status = sj_html_text(f, title, err);
        free(title);
        SJ_TRY(status);
        fprintf(f, "\u00b5%s", ends + 2);
    }
    fputs("</th>", f);
    return SJ_OK;
}

static void write_exact(FILE *f, const sj_column *column, const sj_report_cell *cell) {
    char number[32];
    if (cell->kind == SJ_CELL_INTEGER) {
        snprintf(number, sizeof number, "%" PRIu64, cell->integer);
    } else {
        sj_exact_double(number, cell->number);
    }
    const char *unit = column->quantity == SJ_QUANTITY_OTHER || sj_column_unit(column) == NULL ? "" : sj_column_unit(column);
    fprintf(f, " data-value=\"%s\" title=\"%s%s%s\"", number, number, unit[0] != '\0' ? " " : "", unit);
}

static sj_status write_cell(FILE *f, const sj_column *column, const sj_report_cell *cell, const char *text, sj_error *err) {
    fputs("<td", f);
    if (column->quantity != SJ_QUANTITY_TEXT) {
        fputs(" class=\"number\"", f);
        if (cell != NULL && cell->kind != SJ_CELL_NONE) {
            write_exact(f, column, cell);
        }
    } else if (strlen(text) > 40) {
        fputs(" class=\"long\"", f);
    }
    fputc('>', f);
    if (cell == NULL || cell->kind != SJ_CELL_NONE) {
        SJ_TRY(sj_html_text(f, text, err));
    } else {
        fputs("\u2013", f);
    }
    fputs("</td>", f);
    return SJ_OK;
}

// ---- The table

static sj_status write_foot(FILE *f, const sj_report_table *t, const sj_people *people, int64_t row, const columns *shown, sj_error *err) {
    fputs("<tfoot><tr>", f);
    for (int i = 0; i < shown->count; i++) {
        const int c = shown->order[i];
        const sj_column label = {.quantity = SJ_QUANTITY_TEXT};
        const sj_column *column = c < shown->extra ? &label : sj_table_column_at(t, c - shown->extra);
        const sj_report_cell sum = c >= shown->extra && column->total ? sj_table_sum(t, c - shown->extra, NULL, sj_table_rows(t)) : (sj_report_cell){.kind = SJ_CELL_NONE};
        SJ_TRY(write_cell(f, column, sum.kind != SJ_CELL_NONE ? &sum : NULL, people->cells[row * people->columns + c], err));
    }
    fputs("</tr></tfoot>\n", f);
    return SJ_OK;
}

static sj_status write_heads(FILE *f, const sj_report_table *t, const sj_people *people, const columns *shown, sj_error *err) {
    fputs("<thead><tr>", f);
    for (int i = 0; i < shown->count; i++) {
        const int c = shown->order[i];
        const sj_column label = {.quantity = SJ_QUANTITY_TEXT};
        SJ_TRY(write_head(f, c < shown->extra ? &label : sj_table_column_at(t, c - shown->extra), people->heads[c], err));
    }
    fputs("</tr></thead>\n<tbody>\n", f);
    return SJ_OK;
}

static sj_status write_rows(FILE *f, const sj_selected *s, const sj_people *people, const columns *shown, sj_error *err) {
    const sj_report_table *t = s->table;
    SJ_TRY(write_heads(f, t, people, shown, err));
    for (int64_t row = 0; row < people->rows && people->kinds[row] == SJ_ROW_DATA; row++) {
        fputs("<tr>", f);
        for (int i = 0; i < shown->count; i++) {
            const int c = shown->order[i], of = c - shown->extra;
            const sj_column label = {.quantity = SJ_QUANTITY_TEXT};
            SJ_TRY(write_cell(f, of < 0 ? &label : sj_table_column_at(t, of), of < 0 ? NULL : sj_table_cell_at(t, s->rows[row], of), people->cells[row * people->columns + c], err));
        }
        fputs("</tr>\n", f);
    }
    fputs("</tbody>\n", f);
    if (people->rows > 0 && people->kinds[people->rows - 1] == SJ_ROW_TOTAL) {
        SJ_TRY(write_foot(f, t, people, people->rows - 1, shown, err));
    }
    return SJ_OK;
}

// "Table: 18 rows; not shown, being empty: asic_ratio".
static sj_status write_summary(FILE *f, const sj_report_table *t, sj_error *err) {
    const int64_t rows = sj_table_rows(t);
    int empty = 0;
    fprintf(f, "<summary>Table: %" PRId64 " row%s", rows, rows == 1 ? "" : "s");
    if (rows > ROWS_MAX) {
        fprintf(f, ", the first %d of them here, all in the CSV", ROWS_MAX);
    }
    for (int c = 0; c < sj_table_columns(t); c++) {
        if (is_empty(t, c)) {
            fputs(empty++ == 0 ? "; not shown, being empty: " : "; ", f);
            SJ_TRY(sj_html_text(f, sj_table_column_at(t, c)->title, err));
        }
    }
    fputs("</summary>", f);
    return SJ_OK;
}

sj_status sj_html_table(FILE *f, const sj_selected *s, sj_error *err) {
    sj_people people;
    columns shown;
    sj_selected first = *s;
    first.shown = s->shown < ROWS_MAX ? s->shown : ROWS_MAX;
    SJ_TRY(sj_people_make(&first, false, &people, err));
    sj_status status = choose_columns(s->table, &people, &shown, err);
    if (status == SJ_OK) {
        fprintf(f, "<details%s data-rows=\"%" PRId64 "\">", sj_html_table_opens(s->table) ? " open" : "", sj_table_rows(s->table));
        status = write_summary(f, s->table, err);
        fputs("<div class=\"scroll\"><table>\n", f);
        status = status != SJ_OK ? status : write_rows(f, s, &people, &shown, err);
        fputs("</table></div></details>\n", f);
    }
    free(shown.order);
    sj_people_free(&people);
    return status;
}
