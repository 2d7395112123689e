// SPDX-License-Identifier: Apache-2.0
#include "sj_scalesim.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"

enum { CELLS_MAX = 16, CELL_MAX = 96, CONV_COLUMNS = 8, PRODUCT_COLUMNS = 4, ROWS_MAX = 4096 };

static const char *const conv_titles[CONV_COLUMNS] = {"Layer name", "IFMAP Height", "IFMAP Width", "Filter Height", "Filter Width", "Channels", "Num Filter", "Strides"};
static const char *const product_titles[PRODUCT_COLUMNS] = {"Layer", "M", "N", "K"};

typedef struct csv {
    const char *path;
    int line;
    char cells[CELLS_MAX][CELL_MAX];  // of the line, without blanks around
    int cell_count;                   // without empty ones at the end
    const char *const *titles;        // NULL until the header was read
    int columns;
    int *lines;                       // of each layer, for messages
    sj_network *net;
} csv;

#define CELL_FAIL(c, column, err, ...) (SJ_FAIL(err, SJ_ERR_FORMAT, __VA_ARGS__), sj_error_prefix(err, "%s:%d: column %d \"%s\"", (c)->path, (c)->line, (column) + 1, (c)->titles[column]))

static sj_status split(csv *c, const char *text, size_t length, sj_error *err) {
    c->cell_count = 0;
    const char *end = memchr(text, '#', length);
    end = end != NULL ? end : text + length;
    for (int i = 0;; i++) {
        const char *comma = memchr(text, ',', (size_t)(end - text)), *stop = comma != NULL ? comma : end;
        const char *first = text, *last = stop;
        while (first < last && isspace((unsigned char)*first)) {
            first++;
        }
        while (last > first && isspace((unsigned char)last[-1])) {
            last--;
        }
        if (last > first && i >= CELLS_MAX) {
            return SJ_FAIL(err, SJ_ERR_FORMAT, "%s:%d: more than %d columns", c->path, c->line, CELLS_MAX);
        }
        if (last - first >= CELL_MAX || memchr(first, '\0', (size_t)(last - first)) != NULL) {
            return SJ_FAIL(err, SJ_ERR_FORMAT, "%s:%d: column %d is no text of at most %d characters", c->path, c->line, i + 1, CELL_MAX - 1);
        }
        if (i < CELLS_MAX) {
            memcpy(c->cells[i], first, (size_t)(last - first));
            c->cells[i][last - first] = '\0';
        }
        c->cell_count = last > first ? i + 1 : c->cell_count;
        if (comma == NULL) {
            return SJ_OK;
        }
        text = comma + 1;
    }
}

static void plain_title(const char *text, char out[CELL_MAX]) {
    size_t length = 0;
    for (; *text != '\0'; text++) {
        if (isalnum((unsigned char)*text)) {
            out[length++] = (char)tolower((unsigned char)*text);
        }
    }
    length -= length > 1 && out[length - 1] == 's';
    out[length] = '\0';
}

// Letters and digits alone count, and no plural: "Num Filters", "num_filter" and "Num Filter" are one title.
static bool same_title(const char *a, const char *b) {
    char plain_a[CELL_MAX], plain_b[CELL_MAX];
    plain_title(a, plain_a);
    plain_title(b, plain_b);
    return strcmp(plain_a, plain_b) == 0;
}

// The first cell with content behind the columns that are read; -1: none.
static int first_extra(const csv *c) {
    for (int i = c->columns; i < c->cell_count; i++) {
        if (c->cells[i][0] != '\0') {
            return i;
        }
    }
    return -1;
}

static sj_status read_header(csv *c, sj_error *err) {
    const bool product = c->cell_count > 1 && same_title(c->cells[1], product_titles[1]);
    c->titles = product ? product_titles : conv_titles;
    c->columns = product ? PRODUCT_COLUMNS : CONV_COLUMNS;
    for (int i = 0; i < c->columns; i++) {
        const char *met = i < c->cell_count ? c->cells[i] : "";
        if (!same_title(met, c->titles[i]) && !(i == 0 && (same_title(met, "Layer") || same_title(met, "Layer name")))) {
            return SJ_FAIL(err, SJ_ERR_FORMAT, "%s:%d: column %d is titled \"%s\"; a topology's first line is \"Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides\" or \"Layer, M, N, K\"",
                           c->path, c->line, i + 1, met);
        }
    }
    const int extra = first_extra(c);
    return extra < 0 ? SJ_OK : SJ_FAIL(err, SJ_ERR_FORMAT, "%s:%d: column %d \"%s\" is unknown; only the first %d are read: cut the others off (cut -d, -f1-%d)", c->path, c->line, extra + 1, c->cells[extra], c->columns, c->columns);
}

static sj_status read_size(const csv *c, int column, int64_t *out, sj_error *err) {
    const char *text = c->cells[column];
    if (column >= c->cell_count || *text == '\0') {
        return CELL_FAIL(c, column, err, "it is empty; a whole number from 1 to %d is needed", INT32_MAX);
    }
    char *end;
    const long long value = strtoll(text, &end, 10);  // out of range: the nearest, which is refused too
    if (!isdigit((unsigned char)*text) || *end != '\0' || value < 1 || value > INT32_MAX) {
        return CELL_FAIL(c, column, err, "\"%s\"; a whole number from 1 to %d is needed", text, INT32_MAX);
    }
    *out = value;
    return SJ_OK;
}

static sj_status read_name(const csv *c, sj_layer_info *l, sj_error *err) {
    const char *name = c->cells[0];
    if (*name == '\0' || strlen(name) >= SJ_NAME_MAX || strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return CELL_FAIL(c, 0, err, "\"%s\"; a layer's name has 1 to %d characters, no \"/\", and is not \".\" or \"..\"", name, SJ_NAME_MAX - 1);
    }
    for (int i = 0; i < c->net->layer_count; i++) {
        if (strcmp(c->net->layers[i].name, name) == 0) {
            return CELL_FAIL(c, 0, err, "\"%s\" is the name of line %d too; each layer needs one of its own", name, c->lines[i]);
        }
    }
    memcpy(l->name, name, strlen(name) + 1);
    return SJ_OK;
}

static sj_status shape_conv(const csv *c, const int64_t *v, sj_layer_info *l, sj_error *err) {
    l->in = (sj_dims){v[1], v[2], v[5]};
    l->kernel_h = v[3];
    l->kernel_w = v[4];
    l->stride = v[7];
    for (int i = 0; i < 2; i++) {
        if (v[3 + i] > v[1 + i]) {
            return CELL_FAIL(c, 3 + i, err, "%" PRId64 "; it is larger than column %d \"%s\", %" PRId64 ", which includes the padding", v[3 + i], 2 + i, c->titles[1 + i], v[1 + i]);
        }
    }
    l->out = (sj_dims){(v[1] - v[3]) / v[7] + 1, (v[2] - v[4]) / v[7] + 1, v[6]};
    return SJ_OK;
}

static sj_status read_row(csv *c, sj_error *err) {
    const int extra = first_extra(c);
    if (extra >= 0) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s:%d: column %d: \"%s\"; a row has %d columns, a comment begins with '#'", c->path, c->line, extra + 1, c->cells[extra], c->columns);
    }
    if (c->net->layer_count == ROWS_MAX) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s:%d: more than %d layers", c->path, c->line, ROWS_MAX);
    }
    sj_layer_info l = {.kind = SJ_KIND_CONV, .input_count = 1, .inputs = {SJ_INPUT_OWN}, .kernel_h = 1, .kernel_w = 1, .stride = 1, .groups = 1, .needs_dx = true};
    int64_t v[CONV_COLUMNS] = {0};
    SJ_TRY(read_name(c, &l, err));
    for (int i = 1; i < c->columns; i++) {
        SJ_TRY(read_size(c, i, &v[i], err));
    }
    if (c->columns == CONV_COLUMNS) {
        SJ_TRY(shape_conv(c, v, &l, err));
    } else {
        l.in = (sj_dims){v[1], 1, v[3]};
        l.out = (sj_dims){v[1], 1, v[2]};
    }
    c->lines[c->net->layer_count] = c->line;
    c->net->layers[c->net->layer_count++] = l;
    return SJ_OK;
}

static sj_status read_lines(csv *c, const char *text, size_t bytes, sj_error *err) {
    for (const char *end = text + bytes; text < end;) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        stop = stop != NULL ? stop : end;
        c->line++;
        SJ_TRY(split(c, text, (size_t)(stop - text), err));
        if (c->cell_count > 0) {
            SJ_TRY(c->titles == NULL ? read_header(c, err) : read_row(c, err));
        }
        text = stop < end ? stop + 1 : end;
    }
    if (c->net->layer_count == 0) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: it has no layers; a topology is a line of titles and a line a layer", c->path);
    }
    return SJ_OK;
}

static void name_network(const char *path, sj_network *net) {
    const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path, *dot = strrchr(base, '.');
    size_t length = dot != NULL && dot > base ? (size_t)(dot - base) : strlen(base);
    length = length < SJ_NAME_MAX ? length : SJ_NAME_MAX - 1;
    memcpy(net->name, base, length);
}

sj_status sj_scalesim_read(const char *path, sj_network *out, sj_error *err) {
    memset(out, 0, sizeof *out);
    char *text;
    size_t bytes;
    SJ_TRY(sj_read_file(path, &text, &bytes, err));
    csv c = {.path = path, .net = out};
    name_network(path, out);
    void *layers, *lines = NULL;
    sj_status status = sj_alloc(&layers, ROWS_MAX, sizeof *out->layers, "the layer table", err);
    out->layers = status == SJ_OK ? layers : NULL;
    status = status == SJ_OK ? sj_alloc(&lines, ROWS_MAX, sizeof *c.lines, "the layer table", err) : status;
    c.lines = status == SJ_OK ? lines : NULL;
    const size_t mark = bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;  // of UTF-8, as spreadsheets write it
    status = status == SJ_OK ? read_lines(&c, text + mark, bytes - mark, err) : status;
    if (status == SJ_OK && sj_network_check(out, err) != SJ_OK) {
        status = sj_error_prefix(err, "%s", path);
    }
    free(c.lines);
    free(text);
    if (status != SJ_OK) {
        sj_network_free(out);
    }
    return status;
}
