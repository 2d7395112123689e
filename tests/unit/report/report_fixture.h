// SPDX-License-Identifier: Apache-2.0
// Reports of random tables, with what was put into them, and what is written of them.
#ifndef REPORT_FIXTURE_H
#define REPORT_FIXTURE_H

#include <math.h>

#include "report_internal.h"
#include "sj_test.h"
#include "sj_test_tables.h"

typedef sj_status (*report_writer)(FILE *f, const sj_report *r, const sj_report_view *view, sj_error *err);

// What the writer wrote; caller frees.
static inline char *written(report_writer write, const sj_report *r, const sj_report_view *view) {
    FILE *f = tmpfile();
    sj_error err = {0};
    assert_non_null(f);
    if (write(f, r, view, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
    return text_written(f);
}

// The message of a writer that must fail with this status, and must not have written anything.
static inline const char *refused(report_writer write, const sj_report *r, const sj_report_view *view, sj_status status) {
    static sj_error err;
    FILE *f = tmpfile();
    assert_non_null(f);
    err = (sj_error){0};
    assert_int_equal(write(f, r, view, &err), status);
    assert_int_equal(err.status, status);
    assert_int_equal(ftell(f), 0);
    fclose(f);
    return err.message;
}

// A number as people see it, "1,234.5" or "1.2e-05 %"; *half: half a unit of its last digit, by which a rounding is wrong at most.
static inline double read_shown(const char *shown, double *half) {
    char plain[64], *end;
    size_t length = 0;
    for (const char *p = shown; *p != '\0'; p++) {
        assert_true(length < sizeof plain - 1);
        plain[length] = *p;
        length += *p != ',';
    }
    plain[length] = '\0';
    const double v = strtod(plain, &end);
    assert_true(end > plain && (*end == '\0' || strcmp(end, " %") == 0));
    *end = '\0';
    const char *point = strchr(plain, '.'), *exponent = strchr(plain, 'e');
    const int decimals = point == NULL ? 0 : (int)((exponent != NULL ? exponent : end) - point - 1);
    *half = 0.5 * pow(10.0, (exponent != NULL ? atoi(exponent + 1) : 0) - decimals);
    return v;
}

// `shown` is a rounding of `exact`, and 0 for 0 alone.
static inline void assert_rounding(const char *shown, double exact) {
    double half;
    const double got = read_shown(shown, &half);
    if (fabs(got - exact) > half * (1.0 + 1e-9) + 1e-15 * fabs(exact) || (got == 0.0) != (exact == 0.0)) {
        fail_msg("%.17g was shown as %s", exact, shown);
    }
}

// ---- Random tables

enum { INPUT_COLUMNS_MAX = 14, INPUT_ROWS_MAX = 40 };
typedef struct input {
    sj_cell_kind kind;
    double number;
    uint64_t integer;
    char text[256];
} input;
typedef struct inputs {
    sj_report *report;
    sj_report_table *table;
    int columns, rows;
    sj_column specs[INPUT_COLUMNS_MAX];
    char keys[INPUT_COLUMNS_MAX][16], titles[INPUT_COLUMNS_MAX][256];
    input cells[INPUT_ROWS_MAX][INPUT_COLUMNS_MAX];
} inputs;

static const char *const nasty_texts[] = {"", "-", " ", "a,b", "say \"x\"", "two\nlines", "cr\r\nlf", "cr\ralone", "<script>alert(1)</script>", "</script>", "<!--", "a|b", "`code` *bold* _it_ [x](y)", "\\ &amp; & ~~$x$",
                                          "tab\there", "bell\a\x1b[31m", "unit\x1f" "end", "\x7f", "\xc2\x9b" "31m", "Gr\xc3\xbc\xc3\x9f" "e", "\xe7\xbd\x91\xe7\xbb\x9c", "e\xcc\x81", "\xf0\x9f\x98\x80", "\xe2\x80\xaeright",
                                          "=1+1", "null", "NaN", "  two  blanks  ", "\xef\xbf\xbd", "# head", "1. list", "- item"};
enum { NASTY_COUNT = sizeof nasty_texts / sizeof *nasty_texts };

static inline void random_text(sj_random *r, char text[256]) {
    text[0] = '\0';
    for (int64_t parts = sj_test_between(r, 1, 4); parts > 0; parts--) {
        strcat(text, nasty_texts[sj_random_below(r, NASTY_COUNT)]);
    }
    if (sj_random_below(r, 8) == 0) {
        for (int64_t i = sj_test_between(r, 1, 100); i > 0; i--) {
            strcat(text, "x");
        }
    }
}

// Any finite double: of all bit patterns, with few digits, whole, or 0.
static inline double random_double(sj_random *r) {
    for (;;) {
        const uint64_t bits = sj_random_u64(r);
        double v = 0.0;
        switch (sj_random_below(r, 6)) {
            case 0: memcpy(&v, &bits, sizeof v); break;
            case 1: v = (double)(int64_t)sj_random_below(r, 100000) / 1000.0; break;
            case 2: v = (double)(int64_t)(bits >> sj_random_below(r, 63)); break;
            case 3: v = ldexp(sj_random_unit(r), (int)sj_test_between(r, -1074, 1023)); break;
            case 4: v = sj_random_unit(r) * 1e9; break;
            default: v = bits & 1 ? 0.0 : -0.0;
        }
        if (isfinite(v)) {
            return v;
        }
    }
}

static inline uint64_t random_integer(sj_random *r) { return sj_random_u64(r) >> sj_test_between(r, 1, 63); }  // what JSON readers take

static inline input random_input(sj_random *r, sj_quantity quantity) {
    input in = {.kind = SJ_CELL_NONE};
    if (sj_random_below(r, 10) == 0) {
        return in;
    }
    if (quantity == SJ_QUANTITY_TEXT) {
        in.kind = SJ_CELL_TEXT;
        random_text(r, in.text);
    } else if (quantity == SJ_QUANTITY_INTEGER || ((quantity == SJ_QUANTITY_BYTES || quantity == SJ_QUANTITY_CYCLES) && sj_random_below(r, 2) == 0)) {
        in.kind = SJ_CELL_INTEGER;
        in.integer = random_integer(r);
    } else {
        in.kind = SJ_CELL_NUMBER;
        in.number = random_double(r);
    }
    return in;
}

static inline void add_input(sj_report_table *t, const input *in) {
    switch (in->kind) {
        case SJ_CELL_TEXT: sj_table_text(t, in->text); break;
        case SJ_CELL_INTEGER: sj_table_integer(t, in->integer); break;
        case SJ_CELL_NUMBER: sj_table_number(t, in->number); break;
        default: sj_table_none(t);
    }
}

// A report with one table "data" of random columns and cells.
static inline void random_inputs(sj_random *r, inputs *in) {
    char text[256];
    *in = (inputs){.columns = (int)sj_test_between(r, 1, INPUT_COLUMNS_MAX), .rows = (int)sj_test_between(r, 0, INPUT_ROWS_MAX)};
    random_text(r, text);
    in->report = sj_report_new(text);
    sj_report_note(in->report, "%s", text);
    in->table = sj_report_add(in->report, "data", text, NULL);
    sj_table_note(in->table, "%s %s", text, text);
    for (int c = 0; c < in->columns; c++) {
        const sj_quantity quantity = c == 0 && sj_random_below(r, 4) > 0 ? SJ_QUANTITY_TEXT : (sj_quantity)sj_random_below(r, SJ_QUANTITY_OTHER + 1);
        snprintf(in->keys[c], sizeof in->keys[c], "key_%d", c);
        random_text(r, in->titles[c]);
        in->specs[c] = (sj_column){.key = in->keys[c], .title = in->titles[c], .quantity = quantity, .unit = quantity == SJ_QUANTITY_OTHER ? "GMAC/s" : NULL,
                                   .total = quantity != SJ_QUANTITY_TEXT && quantity != SJ_QUANTITY_OTHER && sj_random_below(r, 4) == 0};
        sj_table_column(in->table, in->specs[c]);
    }
    for (int i = 0; i < in->rows; i++) {
        for (int c = 0; c < in->columns; c++) {
            in->cells[i][c] = random_input(r, in->specs[c].quantity);
            add_input(in->table, &in->cells[i][c]);
        }
    }
    assert_int_equal(sj_table_rows(in->table), in->rows);
}

#endif
