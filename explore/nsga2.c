// SPDX-License-Identifier: Apache-2.0
// NSGA-II (Deb, Pratap, Agarwal, Meyarivan 2002): of a population and its children the best ones, by rank and then by crowding, are the next population; parents win tournaments
// of two, by the same; children are mixed of two parents and mutated. A point that is not valid is dominated by every valid one. As a point is a combination of value indexes,
// crossover is uniform and a mutated axis takes any other value.
// What differs from the paper:
//   No point twice. A child that was met is mutated on, up to 16 times; then it is a neighbour of the front, if 16 tries find a new one; then the next new point from a random one on.
//   sobol       The first generation, and those after it while nothing valid is known, are points of a shifted Sobol sequence.
//   neighbours  Half of the children are neighbours of the front of all points so far: one axis changed, to the next value where the axis is numeric. Points of a grid's front are
//               mostly each other's neighbours.
// What these are worth on twelve stand-ins of 4,096 points (tests/unit/explore/nsga2_standins.h) with 410 evaluations, a population of 20 and 100 seeds each: share of the whole
// grid's hypervolume below its worst values; and of that of the logarithms below the worst values of the true front, which is stricter.
//                              mean     worst     logarithms: mean
//   both                       0.9989   0.9904    0.9861
//   without sobol              0.9989   0.9847    0.9855
//   without neighbours         0.9979   0.9814    0.9654
//   without both               0.9977   0.9727    0.9632
// Populations of 12, 32 and 64 give a mean of 0.9989, 0.9988 and 0.9984, a worst one of 0.9852, 0.9871 and 0.9835. Small steps in mutation too, blending in crossover, selection
// among all points ever met, and thinning the last front one by one were tried and changed no mean by more than the seeds do. Three children of four as neighbours are a little
// better on these grids and worse on spaces of 10^9 points.
#include "nsga2.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "nsga2_internal.h"
#include "sj_file.h"

const sj_nsga2_variant sj_nsga2_usual = {.sobol = true, .neighbours = 0.5};
const sj_nsga2_variant sj_nsga2_plain = {.sobol = false, .neighbours = 0.0};

sj_status sj_nsga2_open(const sj_strategy_options *options, const sj_space *space, uint64_t total, const sj_nsga2_variant *variant, sj_nsga2 **out, sj_error *err) {
    void *room = NULL, *population = NULL;
    *out = NULL;
    SJ_TRY(sj_alloc(&room, 1, sizeof **out, "a population", err));
    sj_nsga2 *n = room;
    *n = (sj_nsga2){.options = *options, .variant = *variant, .space = space, .total = total, .random = sj_random_stream(options->seed, SJ_STREAM_EVOLUTION)};
    sj_status status = sj_alloc(&population, 2 * (uint64_t)options->population, sizeof *n->population, "a population", err);
    n->population = population;
    if (status == SJ_OK && variant->sobol) {
        status = sj_sobol_points_open(space, options->seed, &n->start, err);
    }
    if (status != SJ_OK) {
        sj_nsga2_close(n);
        return status;
    }
    *out = n;
    return SJ_OK;
}

void sj_nsga2_close(sj_nsga2 *n) {
    if (n != NULL) {
        sj_sobol_points_close(n->start);
        sj_id_map_free(&n->places);
        free(n->met);
        free(n->rows);
        free(n->population);
        free(n->front);
        free(n);
    }
}

static sj_status grow(sj_nsga2 *n, sj_error *err) {
    const int64_t room = n->room == 0 ? 256 : 2 * n->room;
    sj_met_point *met = realloc(n->met, (size_t)room * sizeof *met);
    n->met = met != NULL ? met : n->met;
    double *rows = realloc(n->rows, (size_t)room * (size_t)n->options.objective_count * sizeof *rows);
    n->rows = rows != NULL ? rows : n->rows;
    if (met == NULL || rows == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for the results of %" PRId64 " points", room);
    }
    n->room = room;
    return SJ_OK;
}

static sj_status add(sj_nsga2 *n, uint64_t id, sj_error *err) {
    if (n->count == n->room) {
        SJ_TRY(grow(n, err));
    }
    SJ_TRY(sj_id_map_put(&n->places, id, (uint64_t)n->count, err));
    n->met[n->count++] = (sj_met_point){.id = id};
    return SJ_OK;
}

static sj_status breed(sj_nsga2 *n, sj_error *err) {
    const uint64_t left = n->total - (uint64_t)n->count;
    const int64_t children = left < (uint64_t)n->options.population ? (int64_t)left : n->options.population;
    if (n->count > 0) {
        SJ_TRY(sj_nsga2_select(n, err));
    }
    n->born = n->count;
    const bool blind = n->front_count == 0;  // nothing valid yet: nothing to learn from
    for (int64_t i = 0; i < children; i++) {
        uint64_t id = 0;
        if (blind && n->variant.sobol) {
            SJ_TRY(sj_sobol_points_next(n->start, &id, err));
        } else if (blind) {
            id = sj_strategy_unmet(&n->places, n->space, sj_strategy_below(&n->random, n->space->size));
        } else {
            id = sj_nsga2_child(n);
        }
        SJ_TRY(add(n, id, err));
    }
    return SJ_OK;
}

sj_status sj_nsga2_ask(sj_nsga2 *n, uint64_t *ids, int64_t max, int64_t *count, sj_error *err) {
    *count = 0;
    if (n->handed == n->count) {
        if (n->told < n->handed) {
            return SJ_FAIL(err, SJ_ERR_INTERNAL, "nsga2 is asked for more points while %" PRId64 " of its last generation have no result yet", n->handed - n->told);
        }
        if ((uint64_t)n->count == n->total) {
            return SJ_OK;
        }
        SJ_TRY(breed(n, err));
    }
    for (; *count < max && n->handed < n->count; (*count)++) {
        ids[*count] = n->met[n->handed++].id;
    }
    return SJ_OK;
}

sj_status sj_nsga2_tell(sj_nsga2 *n, const sj_point_result *result, sj_error *err) {
    uint64_t place = 0;
    if (!sj_id_map_get(&n->places, result->id, &place) || (int64_t)place >= n->handed) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "nsga2 is told of point %" PRIu64 ", which it never asked for", result->id);
    }
    if (n->met[place].told) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "nsga2 is told of point %" PRIu64 " a second time", result->id);
    }
    double *row = n->rows + (int64_t)place * n->options.objective_count;
    for (int i = 0; i < n->options.objective_count; i++) {
        const int objective = n->options.objectives[i];
        row[i] = result->valid ? result->values[objective] : 0.0;
        if (!isfinite(row[i])) {
            return SJ_FAIL(err, SJ_ERR_NUMERIC, "point %" PRIu64 ": %s is %g; an objective must be a finite number", result->id, sj_sweep_value_names[objective], row[i]);
        }
    }
    n->met[place] = (sj_met_point){.id = result->id, .told = true, .valid = result->valid};
    n->told++;
    return SJ_OK;
}
