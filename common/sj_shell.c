// SPDX-License-Identifier: Apache-2.0
#include "sj_shell.h"

void sj_shell_quote(FILE *f, const char *word) {
    fputc('\'', f);
    for (; *word != '\0'; word++) {
        fputs(*word == '\'' ? "'\\''" : (const char[]){*word, '\0'}, f);
    }
    fputc('\'', f);
}
