// SPDX-License-Identifier: Apache-2.0
// `report -o FILE.html`: written to a temporary name, then renamed.
#include <errno.h>
#include <string.h>

#include "sj_file.h"
#include "sj_report_cli.h"

sj_status sj_report_check_page(const sj_report_options *o, sj_error *err) {
    static const char *const formats[] = {"json", "csv", "md", "txt"};
    const char *dot = strrchr(o->page, '.'), *slash = strrchr(o->page, '/');
    const char *end = dot != NULL && (slash == NULL || dot > slash) ? dot + 1 : "";
    for (int i = 0; i < 4; i++) {
        if (strcmp(end, formats[i]) == 0) {
            return SJ_FAIL(err, SJ_ERR_USAGE, "report: -o %s: -o writes a page, FILE.html; for this: --format %s > %s", o->page, i < 3 ? formats[i] : "text", o->page);
        }
    }
    if (strcmp(end, "html") != 0 || dot == o->page || dot[-1] == '/') {
        return SJ_FAIL(err, SJ_ERR_USAGE, "report: -o %s: -o writes a page; its name must end in .html (other formats: --format, on standard output)", o->page);
    }
    return !o->force && sj_path_exists(o->page) ? SJ_FAIL(err, SJ_ERR_EXISTS, "%s: it exists; --force replaces it", o->page) : SJ_OK;
}

sj_status sj_report_write_page(const sj_report_options *o, const sj_report *r, sj_error *err) {
    sj_atomic_file f;
    SJ_TRY(sj_atomic_open(&f, o->page, err));
    const sj_status status = sj_report_write_html(f.stream, r, err);
    if (status != SJ_OK) {
        const bool cannot_write = ferror(f.stream) != 0;
        const int cause = errno;
        sj_atomic_abandon(&f);
        return cannot_write ? SJ_FAIL(err, SJ_ERR_IO, "%s: cannot write: %s", o->page, strerror(cause)) : status;
    }
    SJ_TRY(sj_atomic_commit(&f, err));
    printf("%s: %d tables\n", o->page, sj_report_table_count(r));
    return SJ_OK;
}
