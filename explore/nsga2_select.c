// SPDX-License-Identifier: Apache-2.0
// Selection: by rank, then by crowding. Ties go to the point that was handed out earlier, so that the order of telling changes nothing.
#include <stdlib.h>
#include <string.h>

#include "nsga2_internal.h"
#include "sj_file.h"
#include "sj_pareto.h"

static int by_rank(const void *a, const void *b) {
    const sj_candidate *p = a, *q = b;
    if (p->rank != q->rank) {
        return p->rank < q->rank ? -1 : 1;
    }
    return p->place < q->place ? -1 : p->place > q->place;
}

static int by_worth(const void *a, const void *b) {
    const sj_candidate *p = a, *q = b;
    if (p->rank == q->rank && p->crowding != q->crowding) {
        return p->crowding > q->crowding ? -1 : 1;
    }
    return by_rank(a, b);
}

static void copy_row(const sj_nsga2 *n, int64_t place, double *row) {
    const int objectives = n->options.objective_count;
    memcpy(row, n->rows + place * objectives, (size_t)objectives * sizeof *row);
}

static sj_status rank(const sj_nsga2 *n, sj_candidate *pool, int64_t count, sj_error *err) {
    const int objectives = n->options.objective_count;
    void *room = NULL;
    SJ_TRY(sj_alloc(&room, (uint64_t)count, (size_t)objectives * sizeof(double) + sizeof(int32_t), "a selection", err));
    double *rows = room;
    int32_t *ranks = (int32_t *)(rows + count * objectives);
    int64_t valid = 0;
    for (int64_t i = 0; i < count; i++) {
        if (n->met[pool[i].place].valid) {
            copy_row(n, pool[i].place, rows + objectives * valid++);
        }
    }
    const sj_status status = sj_pareto_ranks(rows, valid, objectives, ranks, err);
    valid = 0;
    for (int64_t i = 0; i < count; i++) {
        pool[i].rank = status == SJ_OK && n->met[pool[i].place].valid ? ranks[valid++] : INT32_MAX;
        pool[i].crowding = 0.0;
    }
    free(room);
    return status;
}

// Of a pool in the order of ranks.
static sj_status crowd(const sj_nsga2 *n, sj_candidate *pool, int64_t count, sj_error *err) {
    void *room = NULL;
    SJ_TRY(sj_alloc(&room, (uint64_t)count, sizeof(int64_t) + sizeof(double), "a selection", err));
    int64_t *members = room;
    double *distance = (double *)(members + count);
    sj_status status = SJ_OK;
    for (int64_t i = 0, end = 0; i < count && pool[i].rank != INT32_MAX && status == SJ_OK; i = end) {
        for (end = i; end < count && pool[end].rank == pool[i].rank; end++) {
            members[end - i] = pool[end].place;
        }
        status = sj_crowding(n->rows, n->options.objective_count, members, end - i, distance, err);
        for (int64_t k = i; k < end && status == SJ_OK; k++) {
            pool[k].crowding = distance[k - i];
        }
    }
    free(room);
    return status;
}

// The front of all: of the front so far and the last generation, those that none of them dominates.
static sj_status advance(sj_nsga2 *n, sj_error *err) {
    const int objectives = n->options.objective_count;
    const int64_t most = n->front_count + n->count - n->born;
    void *room = NULL, *front = NULL;
    SJ_TRY(sj_alloc(&room, (uint64_t)most, (size_t)objectives * sizeof(double) + sizeof(bool), "a front", err));
    sj_status status = sj_alloc(&front, (uint64_t)most, sizeof *n->front, "a front", err);
    double *rows = room;
    bool *kept = (bool *)(rows + most * objectives);
    int64_t *places = front, count = 0;
    for (int64_t i = 0; i < most && status == SJ_OK; i++) {
        const int64_t place = i < n->front_count ? n->front[i] : n->born + i - n->front_count;
        if (n->met[place].valid) {
            copy_row(n, place, rows + count * objectives);
            places[count++] = place;
        }
    }
    status = status == SJ_OK ? sj_pareto_front(rows, count, objectives, kept, err) : status;
    if (status != SJ_OK) {
        free(room);
        free(front);
        return status;
    }
    n->front_count = 0;
    for (int64_t i = 0; i < count; i++) {
        places[n->front_count] = places[i];
        n->front_count += kept[i];
    }
    free(n->front);
    n->front = places;
    free(room);
    return SJ_OK;
}

sj_status sj_nsga2_select(sj_nsga2 *n, sj_error *err) {
    int64_t count = n->size;
    for (int64_t place = n->born; place < n->count; place++) {
        n->population[count++].place = place;
    }
    SJ_TRY(advance(n, err));
    SJ_TRY(rank(n, n->population, count, err));
    qsort(n->population, (size_t)count, sizeof *n->population, by_rank);
    SJ_TRY(crowd(n, n->population, count, err));
    qsort(n->population, (size_t)count, sizeof *n->population, by_worth);
    n->size = count < n->options.population ? count : n->options.population;
    return SJ_OK;
}
