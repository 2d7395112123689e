// SPDX-License-Identifier: Apache-2.0
// Dominance and fronts. Rows are sorted first: in lexicographic order a row is dominated by earlier ones only.
#define _GNU_SOURCE  // qsort_r
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pareto_internal.h"
#include "sj_file.h"

bool sj_dominates(const double *a, const double *b, int objectives) {
    bool better = false;
    for (int i = 0; i < objectives; i++) {
        if (a[i] > b[i]) {
            return false;
        }
        better |= a[i] < b[i];
    }
    return better;
}

sj_status sj_rows_check(const double *rows, int objectives, const int64_t *members, int64_t count, sj_error *err) {
    if (objectives < 1 || count < 0) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%" PRId64 " rows of %d objectives; at least 1 objective is needed, and no negative number of rows", count, objectives);
    }
    for (int64_t i = 0; i < count; i++) {
        const int64_t row = members != NULL ? members[i] : i;
        for (int j = 0; j < objectives; j++) {
            const double value = rows[row * objectives + j];
            if (!isfinite(value)) {
                return SJ_FAIL(err, SJ_ERR_NUMERIC, "objective %d of row %" PRId64 " is %g; it must be a finite number", j, row, value);
            }
        }
    }
    return SJ_OK;
}

typedef struct row_order {
    const double *rows;
    const int64_t *members;
    int objectives, first;
} row_order;

static int compare(const void *a, const void *b, void *context) {
    const row_order *o = context;
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    const double *p = o->rows + (o->members != NULL ? o->members[x] : x) * o->objectives;
    const double *q = o->rows + (o->members != NULL ? o->members[y] : y) * o->objectives;
    for (int i = 0; i < o->objectives; i++) {
        const int j = (o->first + i) % o->objectives;
        if (p[j] != q[j]) {
            return p[j] < q[j] ? -1 : 1;
        }
    }
    return x < y ? -1 : x > y;
}

void sj_rows_order(const double *rows, int objectives, const int64_t *members, int64_t count, int first, int64_t *order) {
    for (int64_t i = 0; i < count; i++) {
        order[i] = i;
    }
    row_order by = {rows, members, objectives, first};
    qsort_r(order, (size_t)count, sizeof *order, compare, &by);
}

static bool equal(const double *a, const double *b, int objectives) {
    for (int i = 0; i < objectives; i++) {
        if (a[i] != b[i]) {
            return false;
        }
    }
    return true;
}

// In what follows, an earlier row that is no worse in the objectives behind the first dominates, unless it is equal; and equal rows stand side by side, so that they share a verdict.

// One or two objectives: the least second one so far tells.
static void front_of_two(const double *rows, int objectives, const int64_t *order, int64_t count, bool *front) {
    double least = HUGE_VAL;
    for (int64_t i = 0; i < count; i++) {
        const double *row = rows + order[i] * objectives, second = objectives == 2 ? row[1] : 0.0;
        if (i > 0 && equal(row, rows + order[i - 1] * objectives, objectives)) {
            front[order[i]] = front[order[i - 1]];
            continue;
        }
        front[order[i]] = second < least;
        least = fmin(least, second);
    }
}

// The first step whose second objective is larger.
static int64_t first_above(const double *rows, const int64_t *steps, int64_t count, double second) {
    int64_t low = 0, high = count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (rows[3 * steps[middle] + 1] <= second) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

// Three: the front of the second and third objectives so far, with ascending second and descending third. It is mostly far shorter than the front of all three.
static void front_of_three(const double *rows, int64_t *order, int64_t count, bool *front) {
    int64_t steps = 0, last = -1;  // the steps stand, as rows, where the order's rows are done with
    for (int64_t i = 0; i < count; i++) {
        const int64_t row = order[i];
        const double second = rows[3 * row + 1], third = rows[3 * row + 2];
        if (last >= 0 && equal(rows + 3 * row, rows + 3 * last, 3)) {
            front[row] = front[last];
            continue;
        }
        last = row;
        const int64_t low = first_above(rows, order, steps, second);
        front[row] = low == 0 || rows[3 * order[low - 1] + 2] > third;
        if (!front[row]) {
            continue;
        }
        int64_t end = low;  // of the steps that it covers
        while (end < steps && rows[3 * order[end] + 2] >= third) {
            end++;
        }
        memmove(order + low + 1, order + end, (size_t)(steps - end) * sizeof *order);
        order[low] = row;
        steps += 1 - (end - low);
    }
}

// More: compares with the front so far, which stands where the order's rows are done with. Whoever dominated is asked earlier the next time: neighbours in the order are mostly
// dominated by the same.
static void front_of_many(const double *rows, int objectives, int64_t *order, int64_t count, bool *front) {
    int64_t size = 0;
    for (int64_t i = 0; i < count; i++) {
        const int64_t row = order[i];
        int64_t k = 0;
        while (k < size && !sj_dominates(rows + order[k] * objectives, rows + row * objectives, objectives)) {
            k++;
        }
        front[row] = k == size;
        if (k == size) {
            order[size++] = row;
        } else {
            const int64_t winner = order[k];
            order[k] = order[k / 2];
            order[k / 2] = winner;
        }
    }
}

sj_status sj_pareto_front(const double *rows, int64_t count, int objectives, bool *front, sj_error *err) {
    void *order = NULL;
    SJ_TRY(sj_rows_check(rows, objectives, NULL, count, err));
    SJ_TRY(sj_alloc(&order, (uint64_t)count, sizeof(int64_t), "the order of rows", err));
    sj_rows_order(rows, objectives, NULL, count, 0, order);
    if (objectives <= 2) {
        front_of_two(rows, objectives, order, count, front);
    } else if (objectives == 3) {
        front_of_three(rows, order, count, front);
    } else {
        front_of_many(rows, objectives, order, count, front);
    }
    free(order);
    return SJ_OK;
}
