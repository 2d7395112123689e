// SPDX-License-Identifier: Apache-2.0
#include "sj_picture_list.h"

#include <stdlib.h>
#include <string.h>

#include "sj_file.h"

sj_status sj_picture_list_add(sj_picture_list *list, const sj_listed *item, sj_error *err) {
    if (list->count == list->capacity) {
        const int64_t capacity = list->capacity > 0 ? 2 * list->capacity : 256;
        sj_listed *larger = realloc(list->items, (size_t)capacity * sizeof *larger);
        if (larger == NULL) {
            return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for a list of %lld images", item->path, (long long)capacity);
        }
        list->items = larger;
        list->capacity = capacity;
    }
    sj_listed *to = &list->items[list->count];
    *to = *item;
    to->path = strdup(item->path);
    if (to->path == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for its name", item->path);
    }
    list->count++;
    return SJ_OK;
}

void sj_picture_list_free(sj_picture_list *list) {
    for (int64_t i = 0; i < list->count; i++) {
        free(list->items[i].path);
    }
    free(list->items);
    memset(list, 0, sizeof *list);
}

typedef struct turn {
    int64_t round;  // how many of the same label come before
    int64_t label;
    sj_listed item;
} turn;

static int by_turn(const void *a, const void *b) {
    const turn *x = a, *y = b;
    const int64_t difference = x->round != y->round ? x->round - y->round : x->label - y->label;
    return (difference > 0) - (difference < 0);
}

sj_status sj_picture_list_take_turns(sj_picture_list *list, int64_t classes, sj_error *err) {
    int64_t *seen = NULL;
    turn *turns = NULL;
    sj_status status = sj_alloc((void **)&seen, (uint64_t)classes, sizeof *seen, "the classes of a data set", err);
    if (status == SJ_OK) {
        status = sj_alloc((void **)&turns, (uint64_t)list->count, sizeof *turns, "the order of a data set's files", err);
    }
    if (status == SJ_OK) {
        for (int64_t i = 0; i < list->count; i++) {
            turns[i] = (turn){seen[list->items[i].label]++, list->items[i].label, list->items[i]};
        }
        qsort(turns, (size_t)list->count, sizeof *turns, by_turn);  // no two are equal
        for (int64_t i = 0; i < list->count; i++) {
            list->items[i] = turns[i].item;
        }
    }
    free(turns);
    free(seen);
    return status;
}

static sj_status check_picture(const sj_listed *item, const sj_picture *p, bool resize, sj_dims dims, sj_error *err) {
    if (item->w > 0 && (p->w != item->w || p->h != item->h)) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: %lld x %lld pixels (width x height); its line in the CSV file says %lld x %lld", item->path, (long long)p->w, (long long)p->h,
                       (long long)item->w, (long long)item->h);
    }
    if (p->c != dims.c) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: %s; the first training image is %s, and all images of a data set must be of one kind", item->path, p->c == 1 ? "gray" : "in colour",
                       dims.c == 1 ? "gray" : "in colour");
    }
    if (!resize && (p->h != dims.h || p->w != dims.w)) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: %lld x %lld pixels (height x width); the first training image has %lld x %lld: data.image = [height, width] brings all images to one size",
                       item->path, (long long)p->h, (long long)p->w, (long long)dims.h, (long long)dims.w);
    }
    return SJ_OK;
}

static sj_status load_one(const sj_listed *item, sj_picture_reader *read, bool resize, sj_dims dims, uint8_t *out, sj_error *err) {
    sj_picture p;
    SJ_TRY(read(item->path, &p, err));
    sj_status status = check_picture(item, &p, resize, dims, err);
    if (status == SJ_OK && resize) {
        const sj_box whole = {0, 0, p.w, p.h};
        status = sj_picture_resize(&p, item->w > 0 ? item->box : whole, dims.h, dims.w, out, err);
    } else if (status == SJ_OK) {
        memcpy(out, p.pixels, (size_t)(dims.h * dims.w * dims.c));
    }
    sj_picture_free(&p);
    return status;
}

static sj_status find_dims(const sj_picture_list *list, sj_picture_reader *read, bool resize, sj_dims *dims, sj_error *err) {
    sj_picture p;
    SJ_TRY(read(list->items[0].path, &p, err));
    *dims = (sj_dims){resize ? dims->h : p.h, resize ? dims->w : p.w, p.c};
    sj_picture_free(&p);
    return SJ_OK;
}

sj_status sj_picture_list_load(const sj_picture_list *list, sj_picture_reader *read, int64_t limit, bool resize, sj_dims *dims, sj_images *out, sj_error *err) {
    memset(out, 0, sizeof *out);
    if (dims->c == 0) {
        SJ_TRY(find_dims(list, read, resize, dims, err));
    }
    out->count = limit > 0 && limit < list->count ? limit : list->count;
    const int64_t each = dims->h * dims->w * dims->c;
    SJ_TRY(sj_alloc((void **)&out->pixels, (uint64_t)out->count, (size_t)each, "the images of a data set", err));
    SJ_TRY(sj_alloc((void **)&out->labels, (uint64_t)out->count, sizeof *out->labels, "the labels of a data set", err));
    int64_t faulty = out->count;  // the first one so far; those behind it need not be read any more
#pragma omp parallel for schedule(dynamic, 16)
    for (int64_t i = 0; i < out->count; i++) {
        int64_t known;
        sj_error own;
#pragma omp atomic read
        known = faulty;
        out->labels[i] = list->items[i].label;
        if (i < known && load_one(&list->items[i], read, resize, *dims, out->pixels + i * each, &own) != SJ_OK) {
#pragma omp critical(sj_picture_list_fault)
            if (i < faulty) {
#pragma omp atomic write
                faulty = i;
                *err = own;
            }
        }
    }
    return faulty < out->count ? err->status : SJ_OK;
}
