// SPDX-License-Identifier: Apache-2.0
// One table as CSV (RFC 4180, lines end in a line feed): the columns' keys, then the rows. A cell without a value is an empty field, an empty text is "".
#include <inttypes.h>
#include <stdlib.h>

#include "report_internal.h"
#include "sj_csv.h"

static void write_cell(FILE *f, const sj_report_cell *cell, bool alone) {
    char number[32];
    switch (cell->kind) {
        case SJ_CELL_INTEGER: fprintf(f, "%" PRIu64, cell->integer); return;
        case SJ_CELL_NUMBER:
            sj_exact_double(number, cell->number);
            fputs(number, f);
            return;
        case SJ_CELL_TEXT:
            if (cell->text[0] != '\0') {
                sj_csv_field(f, cell->text);
                return;
            }
            fputs("\"\"", f);
            return;
        default: fputs(alone ? "\"\"" : "", f);  // readers skip empty lines
    }
}

static void write_table(FILE *f, const sj_selected *s) {
    const int columns = sj_table_columns(s->table);
    for (int c = 0; c < columns; c++) {
        fprintf(f, "%s%s", c > 0 ? "," : "", sj_table_column_at(s->table, c)->key);
    }
    fputc('\n', f);
    for (int64_t i = 0; i < s->count; i++) {
        for (int c = 0; c < columns; c++) {
            fputs(c > 0 ? "," : "", f);
            write_cell(f, sj_table_cell_at(s->table, s->rows[i], c), columns == 1);
        }
        fputc('\n', f);
    }
}

static sj_status not_one(const sj_selection *s, sj_error *err) {
    const char **names = calloc((size_t)s->count + 1, sizeof *names);
    if (names == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for the names of a report's tables");
    }
    for (int i = 0; i < s->count; i++) {
        names[i] = sj_table_key(s->tables[i].table);
    }
    char list[SJ_NAME_LIST_MAX];
    sj_name_list(list, names, s->count);
    free(names);
    return s->count == 0 ? SJ_FAIL(err, SJ_ERR_USAGE, "CSV holds one table, and the report has none") : SJ_FAIL(err, SJ_ERR_USAGE, "CSV holds one table; choose one of %s", list);
}

sj_status sj_report_write_csv(FILE *f, const sj_report *r, const sj_report_view *view, sj_error *err) {
    sj_selection s;
    SJ_TRY(sj_report_select(r, view, &s, err));
    sj_status status = SJ_OK;
    if (s.count == 1) {
        write_table(f, &s.tables[0]);
        status = sj_report_written(f, err);
    } else {
        status = not_one(&s, err);
    }
    sj_selection_free(&s);
    return status;
}
