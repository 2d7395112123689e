// SPDX-License-Identifier: Apache-2.0
// Reasons of invalid points by kind: "array.rows * 64 = 1024 > 512" and the same with other numbers are one.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "analysis_internal.h"
#include "sj_file.h"
#include "sj_hash.h"

enum { KEY_MAX = sizeof((sj_point_result *)NULL)->reason };

static bool is_digit(char c) { return isdigit((unsigned char)c) != 0; }

// The end of the number that begins here; `p` itself where none does. A sign belongs to it only where nothing stands before that it could subtract from.
static const char *behind_number(const char *p, const char *begin) {
    const bool sign = (*p == '-' || *p == '+') && (p == begin || strchr(" (=,", p[-1]) != NULL);
    const char *q = sign ? p + 1 : p;
    if (!is_digit(*q)) {
        return p;
    }
    while (is_digit(*q) || (*q == '.' && is_digit(q[1]))) {
        q++;
    }
    if (*q == 'e' || *q == 'E') {
        const char *power = q[1] == '-' || q[1] == '+' ? q + 2 : q + 1;
        for (; is_digit(*power); power++) {
            q = power + 1;
        }
    }
    return q;
}

static void cut_numbers(const char *reason, char key[KEY_MAX]) {
    size_t length = 0;
    for (const char *p = reason; *p != '\0' && length + 1 < KEY_MAX;) {
        const char *end = behind_number(p, reason);
        key[length++] = end == p ? *p : '#';
        p = end == p ? p + 1 : end;
    }
    key[length] = '\0';
}

static size_t hash_of(const char *key) {
    const uint64_t h = sj_hash_bytes(SJ_HASH_START, key, strlen(key));
    return (size_t)(h ^ (h >> 32));
}

// The slot of the key, or the free one where it belongs.
static int *slot_of(const sj_reason_kinds *k, const char *key) {
    const size_t mask = (size_t)k->slot_count - 1;
    size_t i = hash_of(key) & mask;
    while (k->slots[i] != 0 && strcmp(k->keys[k->slots[i] - 1], key) != 0) {
        i = (i + 1) & mask;
    }
    return &k->slots[i];
}

// Room for one kind more, with half of the slots free.
static sj_status grow(sj_reason_kinds *k, sj_error *err) {
    if (k->count < k->capacity) {
        return SJ_OK;
    }
    const int capacity = k->capacity == 0 ? 64 : 2 * k->capacity;
    char **keys = realloc(k->keys, (size_t)capacity * sizeof *keys);
    k->keys = keys != NULL ? keys : k->keys;
    sj_invalid_reason *reasons = realloc(k->reasons, (size_t)capacity * sizeof *reasons);
    k->reasons = reasons != NULL ? reasons : k->reasons;
    int *slots = calloc((size_t)capacity * 2, sizeof *slots);
    if (keys == NULL || reasons == NULL || slots == NULL) {
        free(slots);
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for %d kinds of reasons", capacity);
    }
    free(k->slots);
    k->slots = slots;
    k->slot_count = 2 * capacity;
    k->capacity = capacity;
    for (int i = 0; i < k->count; i++) {
        *slot_of(k, k->keys[i]) = i + 1;
    }
    return SJ_OK;
}

sj_status sj_reasons_add(sj_reason_kinds *k, const char *reason, sj_error *err) {
    char key[KEY_MAX];
    cut_numbers(reason, key);
    SJ_TRY(grow(k, err));
    int *slot = slot_of(k, key);
    if (*slot == 0) {
        char *kept_key = strdup(key), *text = strdup(reason);
        if (kept_key == NULL || text == NULL) {
            free(kept_key);
            free(text);
            return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for the reasons of invalid points");
        }
        k->keys[k->count] = kept_key;
        k->reasons[k->count] = (sj_invalid_reason){text, 0};
        *slot = ++k->count;
    }
    k->reasons[*slot - 1].points++;
    return SJ_OK;
}

typedef struct ranked {
    sj_invalid_reason reason;
    int met;
} ranked;

static int by_points(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->reason.points != y->reason.points) {
        return x->reason.points > y->reason.points ? -1 : 1;
    }
    return x->met - y->met;
}

sj_status sj_reasons_finish(sj_reason_kinds *k, int *count, sj_invalid_reason **reasons, sj_error *err) {
    ranked *order = NULL;
    SJ_TRY(sj_alloc((void **)&order, (uint64_t)k->count + 1, sizeof *order, "the reasons of invalid points", err));
    for (int i = 0; i < k->count; i++) {
        order[i] = (ranked){k->reasons[i], i};
    }
    qsort(order, (size_t)k->count, sizeof *order, by_points);
    for (int i = 0; i < k->count; i++) {
        k->reasons[i] = order[i].reason;
        free(k->keys[i]);
    }
    free(order);
    *count = k->count;
    *reasons = k->reasons;
    k->reasons = NULL;
    k->count = 0;
    return SJ_OK;
}

void sj_reasons_free(sj_reason_kinds *k) {
    for (int i = 0; i < k->count; i++) {
        free(k->keys[i]);
        free(k->reasons[i].text);
    }
    free(k->keys);
    free(k->reasons);
    free(k->slots);
    *k = (sj_reason_kinds){0};
}
