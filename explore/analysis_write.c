// SPDX-License-Identifier: Apache-2.0
// Which writer for which format.
#include <errno.h>
#include <string.h>

#include "analysis_internal.h"

const char *const sj_analysis_format_names[SJ_ANALYSIS_FORMAT_COUNT + 1] = {"text", "json", "csv", "md", NULL};
const char *const sj_analysis_part_names[SJ_PART_COUNT + 1] = {"summary", "pareto", "sensitivity", "best", "points", NULL};

static int count_parts(const bool parts[SJ_PART_COUNT], sj_analysis_part *last) {
    int count = 0;
    for (int p = 0; p < SJ_PART_COUNT; p++) {
        if (parts[p]) {
            *last = (sj_analysis_part)p;
            count++;
        }
    }
    return count;
}

static sj_status write_format(FILE *f, const sj_analysis *a, const bool parts[SJ_PART_COUNT], sj_analysis_format format, int64_t top, sj_error *err) {
    sj_analysis_part part = SJ_PART_SUMMARY;
    const int count = count_parts(parts, &part);
    if (count == 0) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "no part of the results is asked for; there are summary, pareto, sensitivity, best and points");
    }
    if (format == SJ_ANALYSIS_CSV && count > 1) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "csv takes one part of the results, not %d; choose pareto, sensitivity, best or points", count);
    }
    if (format == SJ_ANALYSIS_CSV && part == SJ_PART_SUMMARY) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "the summary is no table, so csv does not take it; choose pareto, sensitivity, best or points");
    }
    switch (format) {
        case SJ_ANALYSIS_CSV: return sj_analysis_write_csv(f, a, part, err);
        case SJ_ANALYSIS_JSON: return sj_analysis_write_json(f, a, parts, err);
        default: return sj_analysis_write_people(f, a, parts, format == SJ_ANALYSIS_MD, top, err);
    }
}

sj_status sj_analysis_write(FILE *f, const sj_analysis *a, const bool parts[SJ_PART_COUNT], sj_analysis_format format, int64_t top, sj_error *err) {
    SJ_TRY(write_format(f, a, parts, format, top, err));
    errno = 0;
    if (fflush(f) != 0 || ferror(f) != 0) {
        return SJ_FAIL(err, SJ_ERR_IO, "cannot write the sweep's results%s%s", errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
    }
    return SJ_OK;
}
