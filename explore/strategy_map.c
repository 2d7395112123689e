// SPDX-License-Identifier: Apache-2.0
// Open addressing with linear probing: 16 bytes a slot, at most half of the slots taken.
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "strategy_internal.h"

static const uint64_t free_slot = UINT64_MAX;

static uint64_t slot_of(const sj_id_map *m, uint64_t id) {
    sj_random r = sj_random_seed(id);
    uint64_t slot = sj_random_u64(&r) & (m->slots - 1);
    while (m->keys[slot] != id && m->keys[slot] != free_slot) {
        slot = (slot + 1) & (m->slots - 1);
    }
    return slot;
}

bool sj_id_map_get(const sj_id_map *m, uint64_t id, uint64_t *value) {
    const uint64_t slot = m->slots > 0 ? slot_of(m, id) : 0;
    if (m->slots == 0 || m->keys[slot] == free_slot) {
        return false;
    }
    if (value != NULL) {
        *value = m->values[slot];
    }
    return true;
}

static sj_status grow(sj_id_map *m, sj_error *err) {
    const uint64_t slots = m->slots == 0 ? 64 : 2 * m->slots;
    void *keys = NULL, *values = NULL;
    SJ_TRY(sj_alloc(&keys, slots, sizeof(uint64_t), "points that were met", err));
    const sj_status status = sj_alloc(&values, slots, sizeof(uint64_t), "points that were met", err);
    if (status != SJ_OK) {
        free(keys);
        return status;
    }
    memset(keys, 0xff, slots * sizeof(uint64_t));
    sj_id_map larger = {.keys = keys, .values = values, .slots = slots, .count = m->count};
    for (uint64_t i = 0; i < m->slots; i++) {
        if (m->keys[i] != free_slot) {
            const uint64_t slot = slot_of(&larger, m->keys[i]);
            larger.keys[slot] = m->keys[i];
            larger.values[slot] = m->values[i];
        }
    }
    sj_id_map_free(m);
    *m = larger;
    return SJ_OK;
}

sj_status sj_id_map_put(sj_id_map *m, uint64_t id, uint64_t value, sj_error *err) {
    if (2 * (m->count + 1) > m->slots) {
        SJ_TRY(grow(m, err));
    }
    const uint64_t slot = slot_of(m, id);
    m->count += m->keys[slot] == free_slot;
    m->keys[slot] = id;
    m->values[slot] = value;
    return SJ_OK;
}

void sj_id_map_free(sj_id_map *m) {
    free(m->keys);
    free(m->values);
    *m = (sj_id_map){0};
}

uint64_t sj_strategy_below(sj_random *r, uint64_t bound) {
    __extension__ typedef unsigned __int128 wide;
    const uint64_t surplus = (0 - bound) % bound;  // 2^64 mod bound: so many of the 2^64 numbers would make some results more frequent
    for (;;) {
        const wide product = (wide)sj_random_u64(r) * bound;
        if ((uint64_t)product >= surplus) {
            return (uint64_t)(product >> 64);
        }
    }
}

uint64_t sj_strategy_unmet(const sj_id_map *m, const sj_space *space, uint64_t id) {
    while (sj_id_map_get(m, id, NULL)) {
        id = id + 1 < space->size ? id + 1 : 0;
    }
    return id;
}
