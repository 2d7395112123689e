// SPDX-License-Identifier: Apache-2.0
// One field of a CSV line (RFC 4180): quoted where it holds a comma, a quote or a line end. No separator is written.
#ifndef SJ_CSV_H
#define SJ_CSV_H

#include <stdio.h>

void sj_csv_field(FILE *f, const char *text);

#endif
