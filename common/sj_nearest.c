// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <string.h>

#include "sj_config.h"

#define WORD_MAX 128

static int smallest(int a, int b, int c) {
    const int ab = a < b ? a : b;
    return ab < c ? ab : c;
}

// Levenshtein's distance without regard to case, one row of the table at a time; words past WORD_MAX are far from everything.
static int edit_distance(const char *a, const char *b) {
    const size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length > WORD_MAX || b_length > WORD_MAX) {
        return WORD_MAX;
    }
    int row[WORD_MAX + 1];
    for (size_t j = 0; j <= b_length; j++) {
        row[j] = (int)j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= b_length; j++) {
            const int above = row[j];
            row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1])));
            diagonal = above;
        }
    }
    return row[b_length];
}

const char *sj_nearest_name(const char *word, const char *const *names, int count) {
    const char *nearest = NULL;
    int limit = 1 + (int)(strlen(word) / 3);
    for (int i = 0; i < count; i++) {
        const int distance = edit_distance(word, names[i]);
        if (distance < limit || (distance == limit && nearest == NULL)) {
            nearest = names[i];
            limit = distance;
        }
    }
    return nearest;
}
