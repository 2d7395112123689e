// SPDX-License-Identifier: Apache-2.0
// A hash table from everything that the mapper looks at to what it found: open addressing, at most half full. Keys are kept whole, so that two questions of one hash stay apart.
#include <stdlib.h>
#include <string.h>

#include "map_internal.h"
#include "sj_hash.h"

enum { KEY_MAX = 1024, SLOTS_FIRST = 256 };

typedef struct slot {
    uint64_t hash;
    int64_t count;   // words of the key
    int64_t *words;  // NULL: free
    sj_map_found found;
} slot;

struct sj_map_memo {
    int64_t used, room;  // room: a power of two, or 0
    slot *slots;
};

typedef struct question {
    uint64_t hash;
    int64_t count;
    bool too_long;
    int64_t words[KEY_MAX];
} question;

sj_status sj_map_memo_create(sj_map_memo **out, sj_error *err) {
    *out = calloc(1, sizeof **out);
    return *out != NULL ? SJ_OK : SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for mappings found before");
}

void sj_map_memo_clear(sj_map_memo *m) {
    for (int64_t i = 0; i < m->room; i++) {
        free(m->slots[i].words);
    }
    free(m->slots);
    *m = (sj_map_memo){0};
}

void sj_map_memo_free(sj_map_memo *m) {
    if (m != NULL) {
        sj_map_memo_clear(m);
        free(m);
    }
}

// ---- the question

static void put(question *q, int64_t value) {
    if (q->count == KEY_MAX) {
        q->too_long = true;
        return;
    }
    q->words[q->count++] = value;
    q->hash = sj_hash_number(q->hash, (uint64_t)value);
}

static void put_all(question *q, const int64_t *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        put(q, values[i]);
    }
}

static int64_t bits_of(double v) {
    int64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

// Places, never values: neither their address nor which channels were kept.
static void put_operand(question *q, const sj_operand *o) {
    const int64_t numbers[] = {(int64_t)o->kind, o->tap_count, o->channel_count, o->images, o->stored_images, o->grid_h, o->grid_w, o->stride, o->source_h, o->source_w, o->source_c, o->u_stride,
                               o->channel_stride, o->u_count};
    put_all(q, numbers, sizeof numbers / sizeof *numbers);
    for (int64_t t = 0; t < o->tap_count; t++) {
        const int64_t tap[] = {o->taps[t].dy, o->taps[t].dx};
        put_all(q, tap, 2);
    }
}

static void put_stream(question *q, const sj_stream *s) {
    const int64_t numbers[] = {(int64_t)s->kind, s->length, s->instance_length, s->value_bytes, s->coded, s->images, s->stored_images, s->source_h, s->source_w, s->source_c,
                               s->y0, s->y_step, s->y_count, s->x0, s->x_step, s->x_count, s->channel_count, s->k_tile};
    put_all(q, numbers, sizeof numbers / sizeof *numbers);
}

static void put_accel(question *q, const sj_accel *a) {
    const sj_dram_type *d = a->dram;
    const int64_t numbers[] = {(int64_t)a->dtype, bits_of(a->clock_mhz), a->rows, a->lanes, a->slots, a->k_tile, a->acc_banks, a->a_bytes, a->b_bytes, a->o_bytes, a->buffer_kib, a->line_bytes,
                               a->a_banks, a->dram_channels, a->vector_lanes, a->issue_padding, a->oracle, d->clock_khz, d->burst_ticks, d->miss_ticks, d->turnaround_ticks, d->page_bytes, d->banks,
                               d->refresh_interval_ns, d->refresh_window_ns};
    put_all(q, numbers, sizeof numbers / sizeof *numbers);
}

static void ask(const sj_accel *accel, const sj_job *job, question *q) {
    const int64_t numbers[] = {job->m, job->n, job->k, sj_job_instances(job), job->out_ops, job->out_bytes, bits_of(job->nominal_a), job->flags_per_lane};
    q->hash = SJ_HASH_START;
    q->count = 0;
    q->too_long = false;
    put_accel(q, accel);
    put_all(q, numbers, sizeof numbers / sizeof *numbers);
    put_operand(q, &job->a);
    put_operand(q, &job->b);
    for (int i = 0; i < 3; i++) {
        put_stream(q, &job->streams[i]);
    }
}

// ---- the table

static slot *place(const sj_map_memo *m, uint64_t hash, int64_t count, const int64_t *words) {
    for (uint64_t i = hash;; i++) {
        slot *s = &m->slots[i & (uint64_t)(m->room - 1)];
        if (s->words == NULL || (s->hash == hash && s->count == count && memcmp(s->words, words, (size_t)count * sizeof *words) == 0)) {
            return s;
        }
    }
}

static bool grow(sj_map_memo *m) {
    sj_map_memo larger = {.used = m->used, .room = m->room == 0 ? SLOTS_FIRST : 2 * m->room};
    larger.slots = calloc((size_t)larger.room, sizeof *larger.slots);
    if (larger.slots == NULL) {
        return false;
    }
    for (int64_t i = 0; i < m->room; i++) {
        const slot *s = &m->slots[i];
        if (s->words != NULL) {
            *place(&larger, s->hash, s->count, s->words) = *s;
        }
    }
    free(m->slots);
    *m = larger;
    return true;
}

bool sj_map_memo_find(const sj_accel *accel, const sj_job *job, sj_map_found *out) {
    question q;
    const sj_map_memo *m = job->memo;
    ask(accel, job, &q);
    if (m->room == 0 || q.too_long) {
        return false;
    }
    const slot *s = place(m, q.hash, q.count, q.words);
    *out = s->found;
    return s->words != NULL;
}

void sj_map_memo_keep(const sj_accel *accel, const sj_job *job, const sj_map_found *found) {
    question q;
    sj_map_memo *m = job->memo;
    ask(accel, job, &q);
    if (q.too_long || (2 * m->used >= m->room && !grow(m))) {
        return;
    }
    slot *s = place(m, q.hash, q.count, q.words);
    int64_t *words = s->words == NULL ? malloc((size_t)q.count * sizeof *words) : NULL;
    if (words != NULL) {
        memcpy(words, q.words, (size_t)q.count * sizeof *words);
        *s = (slot){q.hash, q.count, words, *found};
        m->used++;
    }
}
