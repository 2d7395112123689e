// SPDX-License-Identifier: Apache-2.0
#include "sj_sweep_plan.h"

#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "sj_hash.h"

enum { WINDOW = 4096 };  // points of a sampled strategy that are ordered together

struct sj_plan {
    const sj_space *space;
    sj_strategy *strategy;
    sj_strategy_kind kind;
    int64_t chunk;
    int order[SJ_AXES_MAX];     // axes, the slowest first
    uint64_t next;              // grid: the next position
    int64_t window_count, window_at;
    uint64_t window[WINDOW];    // positions
    int64_t told_missing;       // nsga2: points handed out and not told
};

// What machines share most, they should have in common for longest: tensors, then masks, then the array's geometry, then mappings; prices last.
static int rank_of(const char *path) {
    static const char *const ranks[][8] = {{"accel", "dtype", "batch"}, {"array.k_tile"}, {"array.lanes"}, {"array.rows", "array.slots", "machine"}, {"bus.a_bytes", "bus.b_bytes", "buffer.line_bytes", "buffer.a_banks"},
                                           {"mapping.swap", "buffer.kib", "array.acc_banks", "vector.lanes", "bus.o_bytes", "clock_mhz", "dram.type"}, {"dram.codec"}};
    enum { RANKS = sizeof ranks / sizeof ranks[0] };
    for (int r = 0; r < RANKS; r++) {
        for (int i = 0; i < 8 && ranks[r][i] != NULL; i++) {
            if (strcmp(ranks[r][i], path) == 0) {
                return r;
            }
        }
    }
    return RANKS;
}

static int axis_rank(const sj_axis *axis) {
    int rank = rank_of(axis->paths[0]);
    for (int p = 1; p < axis->path_count; p++) {
        const int other = rank_of(axis->paths[p]);
        rank = other < rank ? other : rank;
    }
    return rank;
}

static void order_axes(sj_plan *p) {
    for (int a = 0; a < p->space->axis_count; a++) {
        int at = a;
        for (; at > 0 && axis_rank(&p->space->axes[p->order[at - 1]]) > axis_rank(&p->space->axes[a]); at--) {
            p->order[at] = p->order[at - 1];
        }
        p->order[at] = a;
    }
}

static uint64_t position_of(const sj_plan *p, uint64_t id) {
    int32_t index[SJ_AXES_MAX];
    uint64_t position = 0;
    sj_space_indexes(p->space, id, index);
    for (int i = 0; i < p->space->axis_count; i++) {
        position = position * (uint64_t)p->space->axes[p->order[i]].value_count + (uint64_t)index[p->order[i]];
    }
    return position;
}

static uint64_t id_at(const sj_plan *p, uint64_t position) {
    int32_t index[SJ_AXES_MAX] = {0};
    for (int i = p->space->axis_count - 1; i >= 0; i--) {
        const uint64_t count = (uint64_t)p->space->axes[p->order[i]].value_count;
        index[p->order[i]] = (int32_t)(position % count);
        position /= count;
    }
    return sj_space_id(p->space, index);
}

sj_status sj_plan_open(const sj_strategy_options *options, const sj_space *space, int64_t chunk, sj_plan **out, sj_error *err) {
    void *memory;
    *out = NULL;
    SJ_TRY(sj_alloc(&memory, 1, sizeof(sj_plan), "a sweep's plan", err));
    sj_plan *p = memory;
    p->space = space;
    p->kind = options->kind;
    order_axes(p);
    if (sj_strategy_open(options, space, &p->strategy, err) != SJ_OK) {
        sj_plan_close(p);
        return err->status;
    }
    const uint64_t share = sj_strategy_total(p->strategy) / 16;
    p->chunk = chunk > 0 ? chunk : share < 1 ? 1 : share > SJ_CHUNK_MAX ? SJ_CHUNK_MAX : (int64_t)share;
    *out = p;
    return SJ_OK;
}

void sj_plan_close(sj_plan *p) {
    if (p != NULL) {
        sj_strategy_close(p->strategy);
        free(p);
    }
}

static int64_t next_of_grid(sj_plan *p, uint64_t *ids) {
    int64_t count = 0;
    for (; count < p->chunk && p->next < p->space->size; count++) {
        ids[count] = id_at(p, p->next++);
    }
    return count;
}

static int compare_positions(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static sj_status fill_window(sj_plan *p, sj_error *err) {
    SJ_TRY(sj_strategy_ask(p->strategy, p->window, WINDOW, &p->window_count, err));
    for (int64_t i = 0; i < p->window_count; i++) {
        p->window[i] = position_of(p, p->window[i]);
    }
    qsort(p->window, (size_t)p->window_count, sizeof p->window[0], compare_positions);
    p->window_at = 0;
    p->told_missing += sj_strategy_needs_results(p->strategy) ? p->window_count : 0;
    return SJ_OK;
}

sj_status sj_plan_next(sj_plan *p, uint64_t ids[SJ_CHUNK_MAX], int64_t *count, bool *waits, sj_error *err) {
    *count = 0;
    *waits = false;
    if (p->kind == SJ_STRATEGY_GRID) {
        *count = next_of_grid(p, ids);
        return SJ_OK;
    }
    if (p->window_at == p->window_count && p->told_missing > 0) {
        *waits = true;
        return SJ_OK;
    }
    if (p->window_at == p->window_count) {
        SJ_TRY(fill_window(p, err));
    }
    for (; *count < p->chunk && p->window_at < p->window_count; (*count)++) {
        ids[*count] = id_at(p, p->window[p->window_at++]);
    }
    return SJ_OK;
}

bool sj_plan_needs_results(const sj_plan *p) { return sj_strategy_needs_results(p->strategy); }

sj_status sj_plan_tell(sj_plan *p, const sj_point_result *result, sj_error *err) {
    SJ_TRY(sj_strategy_tell(p->strategy, result, err));
    p->told_missing--;
    return SJ_OK;
}

int64_t sj_chunk_number(const uint64_t *ids, int64_t count) {
    uint64_t hash = SJ_HASH_START;
    for (int64_t i = 0; i < count; i++) {
        hash = sj_hash_number(hash, ids[i]);
    }
    return (int64_t)(hash & INT64_MAX);
}
