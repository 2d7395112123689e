// SPDX-License-Identifier: Apache-2.0
// Children over value indexes.
#include "nsga2_internal.h"

enum { TRIES = 16 };  // to change a point until it is a new one

static uint64_t tournament(sj_nsga2 *n) {
    const sj_candidate *a = &n->population[sj_random_below(&n->random, (uint64_t)n->size)], *b = &n->population[sj_random_below(&n->random, (uint64_t)n->size)];
    const bool first = a->rank < b->rank || (a->rank == b->rank && a->crowding >= b->crowding);
    return n->met[first ? a->place : b->place].id;
}

// Another value of an axis, where there is one.
static int32_t any_other(sj_nsga2 *n, int axis, int32_t value) {
    const int32_t values = n->space->axes[axis].value_count;
    if (values == 1) {
        return value;
    }
    const int32_t other = (int32_t)sj_random_below(&n->random, (uint64_t)values - 1);
    return other < value ? other : other + 1;
}

// A value beside it; where the axis has no order, every other one is.
static int32_t beside(sj_nsga2 *n, int axis, int32_t value) {
    const int32_t values = n->space->axes[axis].value_count;
    if (!n->space->axes[axis].numeric || values == 1) {
        return any_other(n, axis, value);
    }
    const bool up = value == 0 || (value < values - 1 && sj_random_below(&n->random, 2) == 1);
    return up ? value + 1 : value - 1;
}

// must: change an axis at least.
static void mutate(sj_nsga2 *n, int32_t *index, bool must) {
    const int axes = n->space->axis_count;
    const double probability = n->options.mutation > 0.0 ? n->options.mutation : 1.0 / axes;
    for (int i = 0; i < axes; i++) {
        if (sj_random_unit(&n->random) < probability) {
            index[i] = any_other(n, i, index[i]);
            must = false;
        }
    }
    if (must) {
        const int i = (int)sj_random_below(&n->random, (uint64_t)axes);
        index[i] = any_other(n, i, index[i]);
    }
}

static bool is_new(const sj_nsga2 *n, const int32_t *index, uint64_t *id) {
    *id = sj_space_id(n->space, index);
    return !sj_id_map_get(&n->places, *id, NULL);
}

// A new point, one value away from one on the front of all; false where none is found.
static bool neighbour(sj_nsga2 *n, uint64_t *id) {
    int32_t index[SJ_AXES_MAX];
    for (int i = 0; i < TRIES; i++) {
        const int64_t place = n->front[sj_random_below(&n->random, (uint64_t)n->front_count)];
        const int axis = (int)sj_random_below(&n->random, (uint64_t)n->space->axis_count);
        sj_space_indexes(n->space, n->met[place].id, index);
        index[axis] = beside(n, axis, index[axis]);
        if (is_new(n, index, id)) {
            return true;
        }
    }
    return false;
}

// Uniform crossover: each axis is the one parent's or the other's.
static void cross(sj_nsga2 *n, int32_t *index) {
    int32_t other[SJ_AXES_MAX];
    sj_space_indexes(n->space, tournament(n), other);
    if (sj_random_unit(&n->random) >= n->options.crossover) {
        return;
    }
    for (int i = 0; i < n->space->axis_count; i++) {
        index[i] = sj_random_below(&n->random, 2) == 1 ? other[i] : index[i];
    }
}

uint64_t sj_nsga2_child(sj_nsga2 *n) {
    int32_t index[SJ_AXES_MAX];
    uint64_t id = 0;
    if (sj_random_unit(&n->random) < n->variant.neighbours && neighbour(n, &id)) {
        return id;
    }
    sj_space_indexes(n->space, tournament(n), index);
    cross(n, index);
    mutate(n, index, false);
    for (int i = 0; i < TRIES; i++) {
        if (is_new(n, index, &id)) {
            return id;
        }
        mutate(n, index, true);
    }
    if (n->variant.neighbours > 0.0 && neighbour(n, &id)) {
        return id;
    }
    return sj_strategy_unmet(&n->places, n->space, sj_strategy_below(&n->random, n->space->size));
}
