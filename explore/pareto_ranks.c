// SPDX-License-Identifier: Apache-2.0
// Non-dominated sorting and crowding (Deb et al. 2002). The ranks are theirs; the way there is that of Zhang, Tian, Cheng and Jin (IEEE Trans. Evol. Comp. 19(2), 2015): rows in
// lexicographic order, each put behind the last front of which a member dominates it, found by halving, since whoever is dominated in a front is dominated in every one before
// it. No n^2 lists.
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "pareto_internal.h"
#include "sj_file.h"

typedef struct sorting {
    const double *rows;
    int objectives;
    int64_t *order, *newest, *before;  // newest[front]: its member of late; before[row]: the member that came before it in its front, -1: none
    int64_t fronts;
} sorting;

static bool dominated_in(const sorting *s, int64_t front, const double *row) {
    for (int64_t i = s->newest[front]; i >= 0; i = s->before[i]) {
        if (sj_dominates(s->rows + i * s->objectives, row, s->objectives)) {
            return true;
        }
    }
    return false;
}

static int64_t front_for(const sorting *s, const double *row) {
    int64_t low = 0, high = s->fronts;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (dominated_in(s, middle, row)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

sj_status sj_pareto_ranks(const double *rows, int64_t count, int objectives, int32_t *ranks, sj_error *err) {
    void *room = NULL;
    SJ_TRY(sj_rows_check(rows, objectives, NULL, count, err));
    if (count > INT32_MAX) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%" PRId64 " rows to be ranked; at most %d are allowed", count, INT32_MAX);
    }
    SJ_TRY(sj_alloc(&room, (uint64_t)count, 3 * sizeof(int64_t), "ranks of rows", err));
    sorting s = {.rows = rows, .objectives = objectives, .order = room, .newest = (int64_t *)room + count, .before = (int64_t *)room + 2 * count};
    sj_rows_order(rows, objectives, NULL, count, 0, s.order);
    for (int64_t i = 0; i < count; i++) {
        const int64_t row = s.order[i], front = front_for(&s, rows + row * objectives);
        if (front == s.fronts) {
            s.newest[s.fronts++] = -1;
        }
        s.before[row] = s.newest[front];
        s.newest[front] = row;
        ranks[row] = (int32_t)front;
    }
    free(room);
    return SJ_OK;
}

sj_status sj_crowding(const double *rows, int objectives, const int64_t *members, int64_t count, double *distance, sj_error *err) {
    void *room = NULL;
    SJ_TRY(sj_rows_check(rows, objectives, members, count, err));
    SJ_TRY(sj_alloc(&room, (uint64_t)count, sizeof(int64_t), "the order of a front", err));
    int64_t *order = room;
    for (int64_t i = 0; i < count; i++) {
        distance[i] = count <= 2 ? HUGE_VAL : 0.0;
    }
    for (int j = 0; j < objectives && count > 2; j++) {
        sj_rows_order(rows, objectives, members, count, j, order);
        const double least = rows[members[order[0]] * objectives + j], extent = rows[members[order[count - 1]] * objectives + j] - least;
        if (extent <= 0.0) {
            continue;  // all alike: it tells none from another
        }
        distance[order[0]] = distance[order[count - 1]] = HUGE_VAL;
        for (int64_t i = 1; i < count - 1; i++) {
            distance[order[i]] += (rows[members[order[i + 1]] * objectives + j] - rows[members[order[i - 1]] * objectives + j]) / extent;
        }
    }
    free(room);
    return SJ_OK;
}
