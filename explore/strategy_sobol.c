// SPDX-License-Identifier: Apache-2.0
// Points of a space from a Sobol sequence, each once.
#include <stdlib.h>

#include "sj_file.h"
#include "sobol.h"
#include "strategy_internal.h"

// So many draws in a row that meet known points say that little is left: the rest is then reached by walking on from a draw to the next unmet id. Without this the last points of
// a space could take forever: a sequence in many dimensions meets every box only after 2^t times as many points as there are boxes, t some tens.
enum { PATIENCE = 1000 };

struct sj_sobol_points {
    const sj_space *space;
    sj_sobol sequence;
    sj_id_map met;
};

sj_status sj_sobol_points_open(const sj_space *space, uint64_t seed, sj_sobol_points **out, sj_error *err) {
    uint64_t shift[SJ_AXES_MAX] = {0};
    for (int i = 0; i < space->axis_count && i < SJ_AXES_MAX; i++) {
        sj_random r = sj_random_stream(seed, SJ_STREAM_SHIFTS + (uint64_t)i);
        shift[i] = sj_random_u64(&r);
    }
    void *points = NULL;
    *out = NULL;
    SJ_TRY(sj_alloc(&points, 1, sizeof **out, "a Sobol sequence", err));
    sj_sobol_points *p = points;
    p->space = space;
    const sj_status status = sj_sobol_start(&p->sequence, space->axis_count, shift, err);
    if (status != SJ_OK) {
        free(p);
        return status;
    }
    *out = p;
    return SJ_OK;
}

void sj_sobol_points_close(sj_sobol_points *p) {
    if (p != NULL) {
        sj_id_map_free(&p->met);
        free(p);
    }
}

// The value of an axis is the part of [0, 1), cut in as many equal parts as it has values, that the fraction lies in.
static uint64_t draw(sj_sobol_points *p) {
    __extension__ typedef unsigned __int128 wide;
    uint64_t fractions[SJ_SOBOL_DIMENSIONS];
    int32_t index[SJ_AXES_MAX] = {0};
    sj_sobol_next(&p->sequence, fractions);
    for (int i = 0; i < p->space->axis_count; i++) {
        const uint64_t values = (uint64_t)p->space->axes[i].value_count;
        index[i] = (int32_t)(((wide)fractions[i] * values) >> 64);
    }
    return sj_space_id(p->space, index);
}

sj_status sj_sobol_points_next(sj_sobol_points *p, uint64_t *id, sj_error *err) {
    *id = draw(p);
    for (int tries = 1; tries < PATIENCE && sj_id_map_get(&p->met, *id, NULL); tries++) {
        *id = draw(p);
    }
    *id = sj_strategy_unmet(&p->met, p->space, *id);
    return sj_id_map_put(&p->met, *id, 0, err);
}
