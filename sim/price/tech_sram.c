// SPDX-License-Identifier: Apache-2.0
// Reading a tech file's table of SRAM arrays: sram = { source, columns, rows }.
#include <stdio.h>
#include <string.h>

#include "sj_config.h"
#include "sj_tech_keys.h"

// What each number of a row is, with its unit: the file says the same in `columns`, so that no other order is read by mistake.
static const char *const columns[] = {"width bit", "capacity B", "read pJ", "write pJ", "leakage mW", "area mm2", "cycle ns"};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

static void read_columns(sj_config *c) {
    char path[64];
    const int given = sj_config_list(c, "sram.columns", SJ_REQUIRED);
    if (given >= 0 && given != COLUMNS && sj_config_has(c, "sram.columns")) {
        sj_config_error(c, SJ_CFG_RANGE, "sram.columns", "sram.columns: %d entries; required: %d, \"%s\" to \"%s\"", given, COLUMNS, columns[0], columns[COLUMNS - 1]);
    }
    for (int i = 0; i < given; i++) {
        snprintf(path, sizeof path, "sram.columns.[%d]", i);
        const char *text = sj_config_string(c, path, SJ_REQUIRED, "");
        if (i < COLUMNS && strcmp(text, columns[i]) != 0 && !sj_config_failed(c, path)) {
            sj_config_error(c, SJ_CFG_RANGE, path, "%s: \"%s\"; required: \"%s\"", path, text, columns[i]);
        }
    }
}

// Numbers of one row, in the order of `columns`. false where one was refused.
static bool read_row(sj_config *c, int row, sj_sram_array *out) {
    char path[64];
    snprintf(path, sizeof path, "sram.rows.[%d]", row);
    const int given = sj_config_list(c, path, SJ_REQUIRED);
    if (given >= 0 && given != COLUMNS) {
        sj_config_error(c, SJ_CFG_RANGE, path, "%s: %d numbers; required: %d, as sram.columns says", path, given, COLUMNS);
    }
    double at[COLUMNS] = {0.0};
    bool right = given == COLUMNS;
    for (int i = 0; i < given; i++) {
        snprintf(path, sizeof path, "sram.rows.[%d].[%d]", row, i);
        const double number = sj_config_float(c, path, SJ_REQUIRED, 1.0, 1e-12, 1e12);
        right = right && !sj_config_failed(c, path);
        if (i < COLUMNS) {
            at[i] = number;
        }
    }
    *out = (sj_sram_array){at[0], at[1], at[2], at[3], at[4], at[5], at[6]};
    return right;
}

static bool follows(const sj_sram_array *a, const sj_sram_array *b) {
    return b->width_bits > a->width_bits || (b->width_bits == a->width_bits && b->capacity_bytes > a->capacity_bytes);
}

// Where each width begins. Two rows of a width make a line; one alone makes none.
static void index_widths(sj_config *c, sj_sram *s) {
    for (int r = 0; r < s->row_count; r++) {
        if (r == 0 || s->rows[r].width_bits != s->rows[r - 1].width_bits) {
            if (s->width_count == SJ_SRAM_WIDTHS_MAX) {
                sj_config_error(c, SJ_CFG_RANGE, "sram.rows", "sram.rows: more than %d widths", SJ_SRAM_WIDTHS_MAX);
                return;
            }
            s->first_row[s->width_count++] = r;
        }
    }
    s->first_row[s->width_count] = s->row_count;
    for (int w = 0; w < s->width_count; w++) {
        if (s->first_row[w + 1] - s->first_row[w] < 2) {
            char path[64];
            snprintf(path, sizeof path, "sram.rows.[%d]", s->first_row[w]);
            sj_config_error(c, SJ_CFG_RANGE, path, "%s: the only row of %g bits; required: two capacities or more of each width", path, s->rows[s->first_row[w]].width_bits);
        }
    }
}

void sj_tech_read_sram(sj_config *c, sj_sram *s) {
    memset(s, 0, sizeof *s);
    if (!sj_config_group(c, "sram")) {
        (void)sj_config_length(c, "sram", SJ_REQUIRED);
        return;
    }
    const char *source = sj_config_string(c, "sram.source", SJ_REQUIRED, "-");
    if (strspn(source, " \t") == strlen(source)) {
        sj_config_error(c, SJ_CFG_RANGE, "sram.source", "sram.source: empty; write where the numbers come from");
    }
    read_columns(c);
    const int rows = sj_config_list(c, "sram.rows", SJ_REQUIRED);
    if (sj_config_has(c, "sram.rows") && rows >= 0 && (rows < 2 || rows > SJ_SRAM_ROWS_MAX)) {
        sj_config_error(c, SJ_CFG_RANGE, "sram.rows", "sram.rows: %d rows; allowed: 2 to %d", rows, SJ_SRAM_ROWS_MAX);
    }
    bool right = true;
    for (int r = 0; r < rows && r < SJ_SRAM_ROWS_MAX; r++) {
        right = read_row(c, r, &s->rows[r]) && right;
        if (right && r > 0 && !follows(&s->rows[r - 1], &s->rows[r])) {
            char path[64];
            snprintf(path, sizeof path, "sram.rows.[%d]", r);
            sj_config_error(c, SJ_CFG_RANGE, path, "%s: %g bits, %g B behind %g bits, %g B; required: rows by width, then by capacity, both rising", path, s->rows[r].width_bits, s->rows[r].capacity_bytes,
                            s->rows[r - 1].width_bits, s->rows[r - 1].capacity_bytes);
            right = false;
        }
        s->row_count = r + 1;
    }
    if (right) {
        index_widths(c, s);
    }
}
