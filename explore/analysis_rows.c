// SPDX-License-Identifier: Apache-2.0
// Rows in the order of people, and what is said of one.
#include <math.h>
#include <stdlib.h>

#include "analysis_internal.h"
#include "sj_file.h"

typedef struct keyed {
    const sj_analysis *a;
    int64_t row;
} keyed;

static int by_objectives(const void *x, const void *y) {
    const keyed *p = x, *q = y;
    const sj_analysis_row *u = &p->a->rows[p->row], *v = &q->a->rows[q->row];
    for (int i = 0; i < p->a->objective_count; i++) {
        const int value = p->a->objectives[i];
        if (u->values[value] != v->values[value]) {
            return u->values[value] < v->values[value] ? -1 : 1;
        }
    }
    return u->id < v->id ? -1 : u->id > v->id;
}

sj_status sj_analysis_order(const sj_analysis *a, bool front, int64_t **order, int64_t *count, sj_error *err) {
    keyed *keys = NULL;
    *order = NULL;
    *count = 0;
    SJ_TRY(sj_alloc((void **)&keys, (uint64_t)a->row_count + 1, sizeof *keys, "the order of points", err));
    for (int64_t i = 0; i < a->row_count; i++) {
        if (!front || a->front[i]) {
            keys[(*count)++] = (keyed){a, i};
        }
    }
    qsort(keys, (size_t)*count, sizeof *keys, by_objectives);
    const sj_status status = sj_alloc((void **)order, (uint64_t)*count + 1, sizeof **order, "the order of points", err);
    for (int64_t i = 0; i < *count && status == SJ_OK; i++) {
        (*order)[i] = keys[i].row;
    }
    free(keys);
    return status;
}

double sj_analysis_over_best(const sj_analysis *a, int64_t row, int objective) {
    const int value = a->objectives[objective];
    const double v = a->rows[row].values[value], best = a->rows[a->best[objective]].values[value];
    const double ratio = v == best ? 1.0 : v / best;
    return isfinite(ratio) ? ratio : (double)NAN;
}

int sj_axis_value_of(const sj_space *s, int axis, uint64_t id) {
    for (int later = s->axis_count - 1; later > axis; later--) {
        id /= (uint64_t)s->axes[later].value_count;
    }
    return (int)(id % (uint64_t)s->axes[axis].value_count);
}

int64_t sj_analysis_thin(int64_t *order, int64_t count, int64_t top) {
    if (top <= 0 || top >= count) {
        return count;
    }
    for (int64_t i = 1; i < top; i++) {
        order[i] = order[i * (count - 1) / (top - 1)];
    }
    return top;
}
