// SPDX-License-Identifier: Apache-2.0
// One strategy or another behind the same calls. Grid and random draws; Sobol points and evolution have files of their own.
#include <inttypes.h>
#include <stdlib.h>

#include "nsga2.h"
#include "sj_file.h"
#include "strategy_internal.h"

struct sj_strategy {
    sj_strategy_kind kind;
    const sj_space *space;
    uint64_t total, given;     // points handed out so far, of all but nsga2
    sj_random random;
    sj_id_map moved;           // random: what stands where in the shuffled list of ids, where that is not the id itself
    sj_sobol_points *sequence;
    sj_nsga2 *evolution;
};

static sj_status check_evolution(const sj_strategy_options *o, sj_error *err) {
    if (o->population < 4 || o->population > 10000 || o->population % 2 != 0) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "a population of %d; an even number from 4 to 10000 is needed", o->population);
    }
    if (!(o->crossover >= 0.0 && o->crossover <= 1.0) || !(o->mutation >= 0.0 && o->mutation <= 1.0)) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "crossover %g and mutation %g; both are probabilities from 0 to 1", o->crossover, o->mutation);
    }
    if (o->objective_count < 1 || o->objective_count > SJ_SWEEP_VALUE_COUNT) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "nsga2 with %d objectives; 1 to %d are allowed", o->objective_count, SJ_SWEEP_VALUE_COUNT);
    }
    for (int i = 0; i < o->objective_count; i++) {
        if (o->objectives[i] < 0 || o->objectives[i] >= SJ_SWEEP_VALUE_COUNT) {
            return SJ_FAIL(err, SJ_ERR_RANGE, "objective %d is value %d; values are numbered 0 to %d", i, o->objectives[i], SJ_SWEEP_VALUE_COUNT - 1);
        }
    }
    return SJ_OK;
}

static sj_status check(const sj_strategy_options *o, const sj_space *space, sj_error *err) {
    if ((unsigned)o->kind >= SJ_STRATEGY_COUNT) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "strategy %d; strategies are numbered 0 to %d", (int)o->kind, SJ_STRATEGY_COUNT - 1);
    }
    if (space->axis_count < 1 || space->axis_count > SJ_AXES_MAX || space->size < 1 || space->size > INT64_MAX) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "a space of %d axes and %" PRIu64 " points; 1 to %d axes and fewer than 2^63 points are allowed", space->axis_count, space->size, SJ_AXES_MAX);
    }
    if (o->kind != SJ_STRATEGY_GRID && o->points < 1) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s of 0 points; at least 1 is needed", sj_strategy_names[o->kind]);
    }
    return o->kind == SJ_STRATEGY_NSGA2 ? check_evolution(o, err) : SJ_OK;
}

sj_status sj_strategy_open(const sj_strategy_options *options, const sj_space *space, sj_strategy **out, sj_error *err) {
    void *room = NULL;
    *out = NULL;
    SJ_TRY(check(options, space, err));
    SJ_TRY(sj_alloc(&room, 1, sizeof **out, "a strategy", err));
    sj_strategy *s = room;
    *s = (sj_strategy){.kind = options->kind, .space = space, .total = space->size, .random = sj_random_stream(options->seed, SJ_STREAM_DRAWS)};
    if (s->kind != SJ_STRATEGY_GRID && options->points < s->total) {
        s->total = options->points;
    }
    sj_status status = SJ_OK;
    if (s->kind == SJ_STRATEGY_SOBOL) {
        status = sj_sobol_points_open(space, options->seed, &s->sequence, err);
    } else if (s->kind == SJ_STRATEGY_NSGA2) {
        status = sj_nsga2_open(options, space, s->total, &sj_nsga2_usual, &s->evolution, err);
    }
    if (status != SJ_OK) {
        sj_strategy_close(s);
        return status;
    }
    *out = s;
    return SJ_OK;
}

void sj_strategy_close(sj_strategy *s) {
    if (s != NULL) {
        sj_id_map_free(&s->moved);
        sj_sobol_points_close(s->sequence);
        sj_nsga2_close(s->evolution);
        free(s);
    }
}

// The list of all ids, shuffled as far as it is asked for (Fisher and Yates): its next place takes what stands at a random one of the places left. Only places whose content
// moved are kept.
static sj_status draw(sj_strategy *s, uint64_t *id, sj_error *err) {
    const uint64_t place = s->given, other = place + sj_strategy_below(&s->random, s->space->size - place);
    uint64_t here = place, there = other;
    (void)sj_id_map_get(&s->moved, place, &here);
    (void)sj_id_map_get(&s->moved, other, &there);
    *id = there;
    return other != place ? sj_id_map_put(&s->moved, other, here, err) : SJ_OK;
}

sj_status sj_strategy_ask(sj_strategy *s, uint64_t *ids, int64_t max, int64_t *count, sj_error *err) {
    if (s->kind == SJ_STRATEGY_NSGA2) {
        return sj_nsga2_ask(s->evolution, ids, max, count, err);
    }
    for (*count = 0; *count < max && s->given < s->total; (*count)++) {
        uint64_t *id = &ids[*count];
        *id = s->given;
        if (s->kind == SJ_STRATEGY_RANDOM) {
            SJ_TRY(draw(s, id, err));
        } else if (s->kind == SJ_STRATEGY_SOBOL) {
            SJ_TRY(sj_sobol_points_next(s->sequence, id, err));
        }
        s->given++;
    }
    return SJ_OK;
}

bool sj_strategy_needs_results(const sj_strategy *s) { return s->kind == SJ_STRATEGY_NSGA2; }

sj_status sj_strategy_tell(sj_strategy *s, const sj_point_result *result, sj_error *err) {
    if (s->kind != SJ_STRATEGY_NSGA2) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "strategy %s takes no results", sj_strategy_names[s->kind]);
    }
    return sj_nsga2_tell(s->evolution, result, err);
}

uint64_t sj_strategy_total(const sj_strategy *s) { return s->total; }
