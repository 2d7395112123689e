// SPDX-License-Identifier: Apache-2.0
// The German Traffic Sign Recognition Benchmark as its authors pack it: Final_Training/Images/00000 .. 00042/ with PPM images and GT-000nn.csv, Final_Test/Images/ with PPM images and
// GT-final_test.csv, which comes in an archive of its own and may lie in the data folder itself. A line: Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "sj_picture_list.h"

enum { CLASSES = 43, NUMBERS = 7 };
static const char header[] = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId";

typedef struct source {
    const char *folder;  // of the images
    const char *csv;
    int only;            // the one class that the file may hold; -1: any
} source;

// A decimal number from 0 to 99999999 up to `end`; -1 where it is none.
static int64_t number(const char *text, const char *end) {
    int64_t value = 0;
    if (text == end || end - text > 8) {
        return -1;
    }
    for (; text < end; text++) {
        if (*text < '0' || *text > '9') {
            return -1;
        }
        value = value * 10 + (*text - '0');
    }
    return value;
}

static bool split(const char *line, const char *end, const char **name_end, int64_t values[NUMBERS]) {
    const char *at = memchr(line, ';', (size_t)(end - line));
    *name_end = at;
    for (int i = 0; i < NUMBERS && at != NULL; i++) {
        const char *begin = at + 1, *stop = memchr(begin, ';', (size_t)(end - begin));
        if ((stop == NULL) != (i == NUMBERS - 1)) {
            return false;
        }
        values[i] = number(begin, stop != NULL ? stop : end);
        if (values[i] < 0) {
            return false;
        }
        at = stop;
    }
    return *name_end != NULL && *name_end > line && memchr(line, '/', (size_t)(*name_end - line)) == NULL;
}

static sj_status check_values(const source *s, int64_t row, const int64_t *v, sj_error *err) {
    if (v[2] >= v[4] || v[3] >= v[5] || v[4] > v[0] || v[5] > v[1]) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s:%lld: the region %lld;%lld;%lld;%lld does not lie within %lld x %lld pixels (or is empty)", s->csv, (long long)row, (long long)v[2],
                       (long long)v[3], (long long)v[4], (long long)v[5], (long long)v[0], (long long)v[1]);
    }
    if (s->only >= 0 && v[6] != s->only) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s:%lld: class %lld; this folder is of class %d", s->csv, (long long)row, (long long)v[6], s->only);
    }
    if (v[6] >= CLASSES) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s:%lld: class %lld; classes are 0 to %d", s->csv, (long long)row, (long long)v[6], CLASSES - 1);
    }
    return SJ_OK;
}

static sj_status take_line(const source *s, int64_t row, const char *line, const char *end, sj_picture_list *out, sj_error *err) {
    const char *name_end;
    int64_t v[NUMBERS];
    if (row == 1) {
        const bool right = (size_t)(end - line) == sizeof header - 1 && memcmp(line, header, sizeof header - 1) == 0;
        return right ? SJ_OK : SJ_FAIL(err, SJ_ERR_FORMAT, "%s: its first line is not \"%s\"", s->csv, header);
    }
    if (!split(line, end, &name_end, v)) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s:%lld: not a file name and %d numbers separated by semicolons: %.*s", s->csv, (long long)row, NUMBERS,
                       (int)(end - line > 100 ? 100 : end - line), line);
    }
    SJ_TRY(check_values(s, row, v, err));
    char path[4096];
    SJ_TRY(sj_path_make(path, err, "%s/%.*s", s->folder, (int)(name_end - line), line));
    return sj_picture_list_add(out, &(sj_listed){.path = path, .label = (uint16_t)v[6], .w = v[0], .h = v[1], .box = {v[2], v[3], v[4], v[5]}}, err);
}

static sj_status read_csv(const source *s, sj_picture_list *out, sj_error *err) {
    char *text;
    size_t bytes;
    SJ_TRY(sj_read_file(s->csv, &text, &bytes, err));
    const int64_t before = out->count;
    sj_status status = SJ_OK;
    const char *end = text + bytes;
    int64_t row = 0;
    for (const char *line = text; line < end && status == SJ_OK;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line)), *stop = newline != NULL ? newline : end;
        const char *next = stop + 1;
        stop -= stop > line && stop[-1] == '\r' ? 1 : 0;
        status = take_line(s, ++row, line, stop, out, err);
        line = next;
    }
    free(text);
    if (status == SJ_OK && out->count == before) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: it names no image", s->csv);
    }
    return status;
}

static sj_status list_training(const char *dir, sj_picture_list *out, sj_error *err) {
    for (int i = 0; i < CLASSES; i++) {
        char folder[4096], csv[4096];
        SJ_TRY(sj_path_make(folder, err, "%s/Final_Training/Images/%05d", dir, i));
        SJ_TRY(sj_path_make(csv, err, "%s/GT-%05d.csv", folder, i));
        SJ_TRY(read_csv(&(source){folder, csv, i}, out, err));
    }
    return sj_picture_list_take_turns(out, CLASSES, err);
}

static sj_status list_test(const char *dir, sj_picture_list *out, sj_error *err) {
    char folder[4096], csv[4096];
    SJ_TRY(sj_path_make(folder, err, "%s/Final_Test/Images", dir));
    SJ_TRY(sj_path_make(csv, err, "%s/" SJ_GTSRB_TEST, dir));
    if (!sj_path_exists(csv)) {
        SJ_TRY(sj_path_make(csv, err, "%s/" SJ_GTSRB_TEST, folder));
    }
    if (!sj_path_exists(csv)) {
        return SJ_FAIL(err, SJ_ERR_IO, "%s (or %s/" SJ_GTSRB_TEST "): cannot open: No such file or directory", csv, dir);
    }
    return read_csv(&(source){folder, csv, -1}, out, err);
}

sj_status sj_gtsrb_list(const char *dir, bool training, sj_picture_list *out, sj_error *err) { return training ? list_training(dir, out, err) : list_test(dir, out, err); }
