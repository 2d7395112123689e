// SPDX-License-Identifier: Apache-2.0
// A report for a terminal: no line is longer than it was asked for.
#include <stdlib.h>
#include <string.h>

#include "report_internal.h"
#include "report_utf8.h"

enum { GAP = 2 };  // blanks between columns

// ---- Sentences

// Broken at blanks; a word that is longer than a line is cut. width 0: one line.
static sj_status write_sentence(FILE *f, const char *text, int width, sj_error *err) {
    char *printable = sj_utf8_printable(text);
    if (printable == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for a report's text");
    }
    for (const char *at = printable + strspn(printable, " "); *at != '\0'; at += strspn(at, " ")) {
        int bytes = width > 0 ? sj_utf8_fitting(at, width) : (int)strlen(at);
        if (at[bytes] != '\0' && at[bytes] != ' ') {
            int blank = bytes;
            while (blank > 0 && at[blank] != ' ') {
                blank--;
            }
            bytes = blank > 0 ? blank : bytes;
        }
        int end = bytes;
        while (end > 0 && at[end - 1] == ' ') {
            end--;
        }
        fprintf(f, "%.*s\n", end, at);
        at += bytes;
    }
    free(printable);
    return SJ_OK;
}

// ---- Widths

typedef struct grid {
    const sj_people *p;
    int *cells, *natural, *widths;  // [column] its widest cell; with the head; as it is written
    int width, keys;                // of a line (0: unlimited); columns that each block repeats
} grid;

static int larger(int a, int b) { return a > b ? a : b; }
static int smaller(int a, int b) { return a < b ? a : b; }

static void measure(grid *g) {
    const sj_people *p = g->p;
    for (int64_t i = 0; i < p->rows * p->columns; i++) {
        const int c = (int)(i % p->columns);
        g->cells[c] = larger(g->cells[c], sj_utf8_width(p->cells[i]));
    }
    for (int c = 0; c < p->columns; c++) {
        g->natural[c] = g->widths[c] = larger(g->cells[c], sj_utf8_width(p->heads[c]));
    }
}

static int line_width(const grid *g) {
    int width = GAP * (g->p->columns - 1);
    for (int c = 0; c < g->p->columns; c++) {
        width += g->widths[c];
    }
    return width;
}

// Long names and heads give way, numbers never.
static void shorten(grid *g) {
    const int most = larger(12, g->width / 3);
    for (int c = 0; c < g->p->columns; c++) {
        g->widths[c] = g->p->left[c] ? smaller(g->natural[c], most) : larger(g->cells[c], smaller(g->natural[c], most));
    }
    for (int c = 0, rest = g->width - line_width(g); c < g->p->columns && rest > 0; c++) {
        const int more = smaller(rest, g->natural[c] - g->widths[c]);
        g->widths[c] += more;
        rest -= more;
    }
}

// The leading names up to two thirds of a line, else the first column alone, as far as the widest of the others leaves room for it. Only two columns of numbers of 14 digits and more in less than 55
// characters leave none.
static void choose_keys(grid *g) {
    const sj_people *p = g->p;
    int used = 0, widest = 0;
    for (g->keys = 0; g->keys < p->columns && p->left[g->keys] && used + g->widths[g->keys] <= 2 * g->width / 3; g->keys++) {
        used += g->widths[g->keys] + GAP;
    }
    for (int c = g->keys > 0 ? g->keys : 1; c < p->columns; c++) {
        widest = larger(widest, g->widths[c]);
    }
    if (g->keys > 1 && used + widest <= g->width) {
        return;
    }
    for (int c = 1; c < g->keys; c++) {
        widest = larger(widest, g->widths[c]);
    }
    const int room = g->width - GAP - widest;
    if (p->left[0]) {
        g->widths[0] = smaller(g->widths[0], room);
    }
    g->keys = g->widths[0] <= room;
}

// ---- Blocks

static void write_rule(FILE *f, int width) {
    for (; width > 0; width--) {
        fputc('-', f);
    }
    fputc('\n', f);
}

// Blanks are held back until something follows them: no line ends in one.
static sj_status write_cell(FILE *f, const char *text, int width, bool left, int *blanks, sj_error *err) {
    char *shown = sj_utf8_shorten(text, width);
    if (shown == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for a report's text");
    }
    const int rest = width - sj_utf8_width(shown);
    *blanks += left ? 0 : rest;
    if (shown[strspn(shown, " ")] != '\0') {
        int end = (int)strlen(shown);
        while (shown[end - 1] == ' ') {
            end--;
        }
        fprintf(f, "%*s%.*s", *blanks, "", end, shown);
        *blanks = (int)strlen(shown) - end;
    } else {
        *blanks += (int)strlen(shown);
    }
    *blanks += left ? rest : 0;
    free(shown);
    return SJ_OK;
}

// The key columns, then those from first to before end.
static sj_status write_row(FILE *f, const grid *g, char *const *cells, int first, int end, sj_error *err) {
    int blanks = 0;
    for (int c = 0; c < end; c++) {
        if (c < g->keys || c >= first) {
            SJ_TRY(write_cell(f, cells[c], g->widths[c], g->p->left[c], &blanks, err));
            blanks += GAP;
        }
    }
    fputc('\n', f);
    return SJ_OK;
}

// Sums that have no column in this block are not written; that rows are left out is told in the first one.
static bool stands_in(const grid *g, int64_t row, int first, int end) {
    const sj_people *p = g->p;
    if (p->kinds[row] == SJ_ROW_DATA || (p->kinds[row] == SJ_ROW_MORE && first == g->keys)) {
        return true;
    }
    for (int c = first > 0 ? first : 1; c < end; c++) {
        if (p->cells[row * p->columns + c][0] != '\0') {
            return true;
        }
    }
    return false;
}

static sj_status write_block(FILE *f, const grid *g, int first, int end, int width, sj_error *err) {
    const sj_people *p = g->p;
    SJ_TRY(write_row(f, g, p->heads, first, end, err));
    write_rule(f, width);
    for (int64_t i = 0; i < p->rows; i++) {
        if (stands_in(g, i, first, end)) {
            if (p->kinds[i] == SJ_ROW_TOTAL) {
                write_rule(f, width);
            }
            SJ_TRY(write_row(f, g, &p->cells[i * p->columns], first, end, err));
        }
    }
    return SJ_OK;
}

// Where the block ends that begins with column `first`: before the first column that does not fit, or before the one whose share it is.
static int end_of_block(const grid *g, int first, int width) {
    const sj_people *p = g->p;
    int end = first + 1;
    for (; end < p->columns && (g->width == 0 || width + GAP + g->widths[end] <= g->width); end++) {
        width += GAP + g->widths[end];
    }
    return end < p->columns && p->share[end] && end - 1 > first ? end - 1 : end;
}

static sj_status write_blocks(FILE *f, const grid *g, sj_error *err) {
    int key_width = 0;
    for (int c = 0; c < g->keys; c++) {
        key_width += g->widths[c] + GAP;
    }
    for (int first = g->keys, end; first < g->p->columns; first = end) {
        end = end_of_block(g, first, key_width + g->widths[first]);
        int width = key_width + g->widths[first];
        for (int c = first + 1; c < end; c++) {
            width += GAP + g->widths[c];
        }
        fputs(first > g->keys ? "\n" : "", f);
        SJ_TRY(write_block(f, g, first, end, width, err));
    }
    return SJ_OK;
}

static sj_status write_grid(FILE *f, grid *g, sj_error *err) {
    measure(g);
    if (g->width > 0 && line_width(g) > g->width) {
        shorten(g);
        if (line_width(g) > g->width) {
            choose_keys(g);
        }
    }
    return write_blocks(f, g, err);
}

static sj_status write_people(FILE *f, const sj_people *p, int width, sj_error *err) {
    int *widths = calloc(3 * (size_t)p->columns, sizeof *widths);
    if (widths == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for a report's table");
    }
    grid g = {.p = p, .cells = widths, .natural = widths + p->columns, .widths = widths + 2 * p->columns, .width = width};
    const sj_status status = write_grid(f, &g, err);
    free(widths);
    return status;
}

// ---- The report

static sj_status write_table(FILE *f, const sj_selected *s, const sj_report_view *view, sj_error *err) {
    const sj_report_table *t = s->table;
    SJ_TRY(write_sentence(f, sj_table_title(t), view->width, err));
    if (sj_table_columns(t) > 0) {
        sj_people p;
        SJ_TRY(sj_people_make(s, view->shares, &p, err));
        const sj_status status = write_people(f, &p, view->width, err);
        sj_people_free(&p);
        SJ_TRY(status);
    }
    for (int i = 0; i < sj_table_note_count(t); i++) {
        SJ_TRY(write_sentence(f, sj_table_note_at(t, i), view->width, err));
    }
    return SJ_OK;
}

static sj_status write_all(FILE *f, const sj_report *r, const sj_selection *s, const sj_report_view *view, sj_error *err) {
    SJ_TRY(write_sentence(f, sj_report_title(r), view->width, err));
    for (int i = 0; i < sj_report_note_count(r); i++) {
        SJ_TRY(write_sentence(f, sj_report_note_at(r, i), view->width, err));
    }
    for (int i = 0; i < s->count; i++) {
        fputc('\n', f);
        SJ_TRY(write_table(f, &s->tables[i], view, err));
    }
    return sj_report_written(f, err);
}

sj_status sj_report_write_text(FILE *f, const sj_report *r, const sj_report_view *view, sj_error *err) {
    static const sj_report_view everything = {0};
    sj_selection s;
    SJ_TRY(sj_report_select(r, view, &s, err));
    const sj_status status = write_all(f, r, &s, view != NULL ? view : &everything, err);
    sj_selection_free(&s);
    return status;
}
