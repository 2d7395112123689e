// SPDX-License-Identifier: Apache-2.0
#include "sj_csv.h"

#include <string.h>

void sj_csv_field(FILE *f, const char *text) {
    if (strpbrk(text, ",\"\r\n") == NULL) {
        fputs(text, f);
        return;
    }
    fputc('"', f);
    for (; *text != '\0'; text++) {
        if (*text == '"') {
            fputc('"', f);
        }
        fputc(*text, f);
    }
    fputc('"', f);
}
