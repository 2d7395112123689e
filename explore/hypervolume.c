// SPDX-License-Identifier: Apache-2.0
// Hypervolume. Rows are turned into gains, reference - value: what is sought is the volume of the union of the boxes from 0 to the gains of a row.
//   1 objective   the largest gain
//   2             a sweep along the first
//   3             a sweep along the last over a staircase of the first two
//   more          a row after the other, with ascending last gain: what a row adds to those behind it is its own box without the boxes' parts inside it. In the last objective those
//                 reach at least as far, so that it drops out: one objective less, of the rows behind, each cut to this one (While, Bradstreet and Barone, IEEE Trans. Evol. Comp.
//                 16(1), 2012).
#define _GNU_SOURCE  // qsort_r
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pareto_internal.h"
#include "sj_file.h"

enum { OBJECTIVES_MAX = 8 };

typedef struct measure {
    double *cut[OBJECTIVES_MAX];  // [objectives] rows cut to another, of so many objectives
    double *steps;                // pairs of gains: the staircase of the sweep in three objectives, descending in the first and ascending in the second
} measure;

typedef struct gain_order {
    int objectives;
    double sign;  // 1: ascending in the last gain, -1: descending
} gain_order;

static int compare(const void *a, const void *b, void *context) {
    const gain_order *o = context;
    const double *p = a, *q = b;
    for (int i = o->objectives - 1; i >= 0; i--) {
        if (p[i] != q[i]) {
            return p[i] * o->sign < q[i] * o->sign ? -1 : 1;
        }
    }
    return 0;
}

static void sort(double *gains, int64_t count, int objectives, double sign) {
    gain_order by = {objectives, sign};
    qsort_r(gains, (size_t)count, (size_t)objectives * sizeof *gains, compare, &by);
}

static double of_one(const double *gains, int64_t count) {
    double most = 0.0;
    for (int64_t i = 0; i < count; i++) {
        most = fmax(most, gains[i]);
    }
    return most;
}

static double of_two(double *gains, int64_t count) {
    double area = 0.0, first = 0.0;
    sort(gains, count, 2, -1.0);
    for (int64_t i = 0; i < count; i++) {
        if (gains[2 * i] > first) {
            area += (gains[2 * i] - first) * gains[2 * i + 1];
            first = gains[2 * i];
        }
    }
    return area;
}

// Puts (x, y) into the staircase; the area that it adds. Steps it covers go.
static double climb(double *steps, int64_t *count, double x, double y) {
    int64_t low = 0, high = *count;
    while (low < high) {  // the first step with a lesser x, or as large a one
        const int64_t middle = low + (high - low) / 2;
        if (steps[2 * middle] > x) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const double below = low > 0 ? steps[2 * low - 1] : 0.0;  // y of the step before, which reaches farther in x
    if (below >= y || (low < *count && steps[2 * low] == x && steps[2 * low + 1] >= y)) {
        return 0.0;
    }
    double added = 0.0, floor = below;
    int64_t end = low;
    for (; end < *count && steps[2 * end + 1] <= y; end++) {
        added += (x - steps[2 * end]) * (steps[2 * end + 1] - floor);
        floor = steps[2 * end + 1];
    }
    added += (x - (end < *count ? steps[2 * end] : 0.0)) * (y - floor);
    memmove(steps + 2 * low + 2, steps + 2 * end, (size_t)(*count - end) * 2 * sizeof *steps);
    steps[2 * low] = x;
    steps[2 * low + 1] = y;
    *count += 1 - (end - low);
    return added;
}

static double of_three(const measure *m, double *gains, int64_t count) {
    double volume = 0.0, area = 0.0;
    int64_t steps = 0;
    sort(gains, count, 3, -1.0);
    for (int64_t i = 0; i < count; i++) {
        area += climb(m->steps, &steps, gains[3 * i], gains[3 * i + 1]);
        volume += area * (gains[3 * i + 2] - (i + 1 < count ? gains[3 * i + 5] : 0.0));
    }
    return volume;
}

static bool covers(const double *a, const double *b, int objectives) {
    for (int i = 0; i < objectives; i++) {
        if (a[i] < b[i]) {
            return false;
        }
    }
    return true;
}

// Leaves the rows that no other one covers, of equal ones the first; their number.
static int64_t keep_front(double *gains, int64_t count, int objectives) {
    const size_t n = (size_t)objectives;
    int64_t kept = 0;
    for (int64_t i = 0; i < count; i++) {
        const double *row = gains + i * objectives;
        int64_t k = 0, left = 0;
        while (k < kept && !covers(gains + k * objectives, row, objectives)) {
            k++;
        }
        if (k < kept) {
            continue;
        }
        for (k = 0; k < kept; k++) {
            if (!covers(row, gains + k * objectives, objectives)) {
                memmove(gains + left++ * objectives, gains + k * objectives, n * sizeof *gains);
            }
        }
        memmove(gains + left * objectives, row, n * sizeof *gains);
        kept = left + 1;
    }
    return kept;
}

static double of(const measure *m, double *gains, int64_t count, int objectives);

static double of_many(const measure *m, double *gains, int64_t count, int objectives) {
    const int inner = objectives - 1;
    double volume = 0.0;
    count = keep_front(gains, count, objectives);
    sort(gains, count, objectives, 1.0);
    for (int64_t k = 0; k < count; k++) {
        const double *row = gains + k * objectives;
        double own = 1.0, *cut = m->cut[inner];
        for (int i = 0; i < inner; i++) {
            own *= row[i];
        }
        for (int64_t j = k + 1; j < count; j++) {
            for (int i = 0; i < inner; i++) {
                cut[(j - k - 1) * inner + i] = fmin(row[i], gains[j * objectives + i]);
            }
        }
        volume += row[inner] * (own - of(m, cut, count - k - 1, inner));
    }
    return volume;
}

static double of(const measure *m, double *gains, int64_t count, int objectives) {
    switch (objectives) {
    case 1: return of_one(gains, count);
    case 2: return of_two(gains, count);
    case 3: return of_three(m, gains, count);
    default: return of_many(m, gains, count, objectives);
    }
}

// Gains of the rows that are below the reference everywhere; their number.
static int64_t gain(const double *rows, int64_t count, int objectives, const double *reference, double *gains) {
    int64_t kept = 0;
    for (int64_t i = 0; i < count; i++) {
        bool below = true;
        for (int j = 0; j < objectives; j++) {
            gains[kept * objectives + j] = reference[j] - rows[i * objectives + j];
            below &= rows[i * objectives + j] < reference[j];
        }
        kept += below;
    }
    return kept;
}

sj_status sj_hypervolume(const double *rows, int64_t count, int objectives, const double *reference, double *volume, sj_error *err) {
    void *room = NULL;
    if (objectives > OBJECTIVES_MAX) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "a hypervolume of %d objectives; 1 to %d are allowed", objectives, OBJECTIVES_MAX);
    }
    SJ_TRY(sj_rows_check(rows, objectives, NULL, count, err));
    for (int j = 0; j < objectives; j++) {
        if (!isfinite(reference[j])) {
            return SJ_FAIL(err, SJ_ERR_NUMERIC, "objective %d of the reference point is %g; it must be a finite number", j, reference[j]);
        }
    }
    const int64_t width = objectives * (objectives + 1) / 2 + 2;  // the gains themselves, their cuts of every lesser number of objectives, and steps
    SJ_TRY(sj_alloc(&room, (uint64_t)count + 1, (size_t)width * sizeof(double), "gains of rows", err));
    double *gains = room, *free_room = gains + (count + 1) * objectives;
    measure m = {.steps = NULL};
    for (int i = objectives - 1; i >= 1; i--) {
        m.cut[i] = free_room;
        free_room += (count + 1) * i;
    }
    m.steps = free_room;
    *volume = of(&m, gains, gain(rows, count, objectives, reference, gains), objectives);
    free(room);
    if (!isfinite(*volume)) {
        return SJ_FAIL(err, SJ_ERR_NUMERIC, "the hypervolume of %" PRId64 " rows is larger than a double holds", count);
    }
    return SJ_OK;
}
