// SPDX-License-Identifier: Apache-2.0
// The shipped 45 nm file with one place changed: is it refused, with the line of that place? For tests of how tech files are read.
#ifndef EDITED_TECH_H
#define EDITED_TECH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sj_file.h"
#include "sj_price.h"

static const char tech_path[] = SJ_SOURCE_DIR "/configs/tech/45nm.cfg";
static sj_error err;

// Opens the shipped file with its first `from` replaced by `to`; its line is left in *line, the message in err.
static sj_status open_edited(const char *from, const char *to, int *line) {
    char *text;
    size_t bytes;
    assert_int_equal(sj_read_file(tech_path, &text, &bytes, &err), SJ_OK);
    const char *at = strstr(text, from);
    assert_non_null(at);
    *line = 1;
    for (const char *p = text; p < at; p++) {
        *line += *p == '\n';
    }
    FILE *f = fopen("edited.cfg", "w");
    assert_non_null(f);
    fwrite(text, 1, (size_t)(at - text), f);
    fputs(to, f);
    fputs(at + strlen(from), f);
    fclose(f);
    free(text);
    sj_tech *t = NULL;
    err.message[0] = '\0';
    const sj_status status = sj_tech_open("edited.cfg", NULL, 0, &t, &err);
    assert_true((status == SJ_OK) == (t != NULL));
    sj_tech_close(t);
    remove("edited.cfg");
    return status;
}

static void assert_refused(const char *from, const char *to, const char *const *words) {
    char where[64];
    int line;
    assert_int_equal(open_edited(from, to, &line), SJ_ERR_CONFIG);
    snprintf(where, sizeof where, "edited.cfg:%d", line);
    if (strstr(err.message, where) == NULL) {
        fail_msg("no %s in: %s", where, err.message);
    }
    for (; *words != NULL; words++) {
        if (strstr(err.message, *words) == NULL) {
            fail_msg("no %s in: %s", *words, err.message);
        }
    }
}

#define REFUSED(from, to, ...) assert_refused(from, to, (const char *const[]){__VA_ARGS__, NULL})

#endif
