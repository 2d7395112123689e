// SPDX-License-Identifier: Apache-2.0
// A table of text: cells row by row, columns as wide as their widest cell. Only report/ and cli/ use it.
#ifndef SJ_TABLE_H
#define SJ_TABLE_H

#include <stdio.h>

#include "sj_error.h"

typedef struct sj_table sj_table;

// The first left_columns columns are aligned left, the others right. NULL without memory, which all functions take; sj_table_print then fails.
sj_table *sj_table_new(int columns, int left_columns);
void sj_table_free(sj_table *t);
void sj_table_cell(sj_table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sj_table_span(sj_table *t, int columns, const char *text);  // one cell over several columns, aligned left
void sj_table_rule(sj_table *t);                                 // a line across, between rows
void sj_table_gap(sj_table *t, int column);                      // two more blanks before this column
sj_status sj_table_print(sj_table *t, FILE *f, sj_error *err);   // also frees t

// A count in at most 6 characters: 123456, 1.23M, 45.6G.
void sj_format_count(char text[24], double count);

// The unit in which a table's largest energy has 1 to 999 units: pJ to GJ.
typedef struct sj_energy_unit {
    const char *name;
    double pj;
} sj_energy_unit;
sj_energy_unit sj_energy_unit_for(double largest_pj);
void sj_format_energy(char text[24], double pj, sj_energy_unit unit);  // three digits or the whole part
void sj_format_seconds(char text[24], double seconds);                 // with unit

#endif
