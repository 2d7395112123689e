// SPDX-License-Identifier: Apache-2.0
// Between the writers of a report: what stands in it, which of it is wanted and in what order, and texts as they are written.
#ifndef SJ_REPORT_INTERNAL_H
#define SJ_REPORT_INTERNAL_H

#include <stddef.h>

#include "sj_report.h"

#ifdef __cplusplus
extern "C" {
#endif

// ---- Reading a report (report_doc.c). All that is handed out is borrowed of the report. Every text is valid UTF-8: a byte that is none became U+FFFD when it was added.
typedef enum sj_cell_kind { SJ_CELL_NONE, SJ_CELL_TEXT, SJ_CELL_NUMBER, SJ_CELL_INTEGER } sj_cell_kind;
typedef struct sj_report_cell {
    sj_cell_kind kind;
    union {
        char *text;
        double number;     // finite
        uint64_t integer;
    };
} sj_report_cell;

// What building went wrong by: SJ_ERR_MEMORY (also where r is NULL), SJ_ERR_NUMERIC (an infinite number), SJ_ERR_INTERNAL (the caller's fault). Each writer asks this first; nothing below may be called otherwise.
sj_status sj_report_check(const sj_report *r, sj_error *err);
const char *sj_report_title(const sj_report *r);
int sj_report_note_count(const sj_report *r);
const char *sj_report_note_at(const sj_report *r, int index);
const char *sj_table_title(const sj_report_table *t);
const char *sj_table_chart(const sj_report_table *t);  // NULL: none
int sj_table_note_count(const sj_report_table *t);
const char *sj_table_note_at(const sj_report_table *t, int index);
int sj_table_columns(const sj_report_table *t);
const sj_column *sj_table_column_at(const sj_report_table *t, int column);
const sj_report_cell *sj_table_cell_at(const sj_report_table *t, int64_t row, int column);
int sj_table_column_find(const sj_report_table *t, const char *key);  // -1: there is none
bool sj_table_has_totals(const sj_report_table *t);
sj_status sj_report_written(FILE *f, sj_error *err);  // SJ_ERR_IO where writing failed so far
// The sum of a column's cells over `count` rows (NULL: the first ones as built). SJ_CELL_INTEGER where all are integers and the sum fits, else SJ_CELL_NUMBER; SJ_CELL_NONE where no cell has a number.
sj_report_cell sj_table_sum(const sj_report_table *t, int column, const int64_t *rows, int64_t count);

// ---- A view (report_select.c): what each writer goes through
typedef struct sj_selected {
    const sj_report_table *table;
    int64_t *rows;         // [count] all of the table's rows in the order that is wanted
    int64_t count, shown;  // shown: of them for people, the first ones
} sj_selected;
typedef struct sj_selection {
    int count;
    sj_selected *tables;
} sj_selection;
// Checks the report first (sj_report_check). view NULL: everything as built. SJ_ERR_USAGE: a table or a sort key that no table has (with the nearest one), a negative top, a width below SJ_REPORT_WIDTH_MIN that is not 0.
// On failure nothing is to be freed.
sj_status sj_report_select(const sj_report *r, const sj_report_view *view, sj_selection *out, sj_error *err);
void sj_selection_free(sj_selection *s);
enum { SJ_NAME_LIST_MAX = 1024 };
void sj_name_list(char text[SJ_NAME_LIST_MAX], const char *const *names, int count);  // "a, b"; cut where it is too long

// ---- Writing for people
void sj_md_text(FILE *f, const char *text);  // printable text, with the characters escaped that Markdown or HTML would take as signs

// ---- A selected table as people see it (report_people.c): the same cells in text and md. Texts are printable (sj_utf8_printable), without escapes and not shortened.
typedef enum sj_people_row { SJ_ROW_DATA, SJ_ROW_MORE, SJ_ROW_TOTAL } sj_people_row;
typedef struct sj_people {
    int columns;
    int64_t rows;          // without the heads
    bool *left;            // [column] texts: aligned left, and a name may be shortened
    bool *share;           // [column] shares of the column before, beside which they should stand
    char **heads;          // [column] "energy (mJ)"
    char **cells;          // [row * columns + column]
    sj_people_row *kinds;  // [row]
} sj_people;
sj_status sj_people_make(const sj_selected *s, bool shares, sj_people *out, sj_error *err);
void sj_people_free(sj_people *p);

// ---- Exact texts (report_json.c), as CSV, JSON and HTML hold them
// The shortest decimal that reads back as the same double: with 15, 16 or 17 digits, without zeros at the end. v is finite.
void sj_exact_double(char text[32], double v);
// With its quotes. "<" becomes \u003c, so that what is written may stand inside of an HTML page's <script>. NULL: null.
void sj_json_text(FILE *f, const char *text);
void sj_json_cell(FILE *f, const sj_report_cell *cell);
const char *sj_quantity_name(sj_quantity quantity);  // "text", "integer", "number", "share", "energy", "time", "bytes", "cycles", "other"
const char *sj_column_unit(const sj_column *column);  // of the exact value: "pJ", "s", "B", "cycles", what SJ_QUANTITY_OTHER names; NULL: none

#ifdef __cplusplus
}
#endif
#endif
