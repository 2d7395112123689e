// SPDX-License-Identifier: Apache-2.0
// Whole jobs lowered with a memo of mappings, and without: the same to the last transfer.

#include "map_cases.h"
#include "sj_map_memo.h"

static sj_error err;

static sj_map_memo *make_memo(void) {
    sj_map_memo *memo = NULL;
    assert_int_equal(sj_map_memo_create(&memo, &err), SJ_OK);
    return memo;
}

enum { PRODUCTS = 3 };
typedef struct lowered {
    sj_status status[PRODUCTS];
    sj_error err[PRODUCTS];
    int count[PRODUCTS];
    sj_job *jobs[PRODUCTS][MAP_JOBS_MAX];
} lowered;

static void lower(const sj_accel *accel, const sj_test_layer *t, const char *name, sj_map_memo *memo, lowered *out) {
    sj_conv_case c = sj_test_layer_case(t);
    c.layer = name;
    c.memo = memo;
    memset(out, 0, sizeof *out);
    c.result = (sj_plane){&t->dy, t->info.out};
    out->status[0] = sj_lower_forward(accel, &c, &out->jobs[0][0], &out->err[0]);
    out->count[0] = out->status[0] == SJ_OK;
    c.result = (sj_plane){&t->dx, t->info.in};
    sj_job **phases = NULL;
    out->status[1] = sj_lower_grad_input(accel, &c, &phases, &out->count[1], &out->err[1]);
    for (int i = 0; i < out->count[1] && out->status[1] == SJ_OK; i++) {
        out->jobs[1][i] = phases[i];
    }
    out->count[1] = out->status[1] == SJ_OK ? out->count[1] : 0;
    free(phases);
    c.result = (sj_plane){NULL, t->info.in};
    out->status[2] = sj_lower_grad_weight(accel, &c, &out->jobs[2][0], &out->err[2]);
    out->count[2] = out->status[2] == SJ_OK;
}

static void lowered_free(lowered *l) {
    for (int p = 0; p < PRODUCTS; p++) {
        for (int i = 0; i < l->count[p]; i++) {
            sj_job_free(l->jobs[p][i]);
        }
    }
}

static void assert_same_job(const sj_job *x, const sj_job *y) {
    assert_true(x->m == y->m && x->n == y->n && x->k == y->k && x->instances == y->instances && x->a.kind == y->a.kind && x->flags_per_lane == y->flags_per_lane);
    assert_int_equal(x->block_count, y->block_count);
    for (int64_t i = 0; i < x->block_count; i++) {
        const sj_block *p = &x->blocks[i], *q = &y->blocks[i];
        assert_true(p->instance == q->instance && p->m0 == q->m0 && p->m1 == q->m1 && p->n0 == q->n0 && p->n1 == q->n1 && p->k0 == q->k0 && p->k1 == q->k1);
        assert_true(p->load_first == q->load_first && p->load_count == q->load_count && p->store_first == q->store_first && p->store_count == q->store_count);
    }
    assert_int_equal(x->segment_count, y->segment_count);
    for (int64_t i = 0; i < x->segment_count; i++) {
        const sj_segment *p = &x->segments[i], *q = &y->segments[i];
        assert_true(p->stream == q->stream && p->begin == q->begin && p->end == q->end && p->transpose_width == q->transpose_width);
    }
    assert_int_equal(x->stream_count, y->stream_count);
    for (int64_t i = 0; i < x->stream_count; i++) {
        const sj_stream *p = &x->streams[i], *q = &y->streams[i];
        assert_true(p->kind == q->kind && p->length == q->length && p->value_bytes == q->value_bytes && p->base == q->base && p->table_base == q->table_base && p->coded == q->coded);
    }
}

static void assert_same(const lowered *x, const lowered *y) {
    for (int p = 0; p < PRODUCTS; p++) {
        assert_int_equal(x->status[p], y->status[p]);
        if (x->status[p] != SJ_OK) {
            assert_string_equal(x->err[p].message, y->err[p].message);
        }
        assert_int_equal(x->count[p], y->count[p]);
        for (int i = 0; i < x->count[p]; i++) {
            assert_same_job(x->jobs[p][i], y->jobs[p][i]);
        }
    }
}

typedef struct met {
    int plain, swapped, straight, refused, jobs;
} met;

static void note(const lowered *l, met *m) {
    for (int p = 0; p < PRODUCTS; p++) {
        m->refused += l->status[p] == SJ_ERR_RANGE;
        m->jobs += l->count[p];
    }
    m->plain += l->count[0] > 0 && l->jobs[0][0]->streams[2].kind == SJ_STREAM_RAW;
    m->swapped += l->count[2] > 0 && l->jobs[2][0]->a.tap_count > 1 && l->jobs[2][0]->a.kind == SJ_OPERAND_WINDOW_T;
    m->straight += l->count[2] > 0 && l->jobs[2][0]->a.kind == SJ_OPERAND_WINDOW_T && l->jobs[2][0]->a.tap_count == 1;
}

// Some accelerators are too small for a tile, or for whole channel chunks of results.
static sj_accel some_accel(sj_random *r) {
    sj_accel a = sj_test_accel(r);
    if (sj_random_below(r, 3) == 0) {
        a.buffer_kib = sj_test_between(r, 1, 3);
    }
    return a;
}

// One memo over many layers and machines, some of which come again: each lowering is that without a memo.
static void lowering_with_a_memo_is_lowering_without(void **state) {
    (void)state;
    enum { MACHINES = 8, LAYERS = 12 };
    sj_random r = sj_random_seed(sj_test_seed(31));
    sj_map_memo *memo = make_memo();
    met m = {0};
    for (int lot = 0; lot < 6; lot++) {
        sj_accel accels[MACHINES];
        sj_test_layer layers[LAYERS];
        for (int i = 0; i < MACHINES; i++) {
            accels[i] = some_accel(&r);
        }
        for (int i = 0; i < LAYERS; i++) {
            layers[i] = sj_test_layer_make(&r, 40, 10);
        }
        for (int i = 0; i < 60; i++) {
            const sj_accel *accel = &accels[sj_random_below(&r, MACHINES)];
            const sj_test_layer *t = &layers[sj_random_below(&r, LAYERS)];
            const char *name = sj_random_below(&r, 2) == 0 ? "conv1" : "conv2";
            lowered with, without;
            lower(accel, t, name, memo, &with);
            lower(accel, t, name, NULL, &without);
            assert_same(&with, &without);
            note(&with, &m);
            lowered_free(&with);
            lowered_free(&without);
            if (sj_random_below(&r, 200) == 0) {
                sj_map_memo_clear(memo);
            }
        }
        for (int i = 0; i < LAYERS; i++) {
            sj_test_layer_free(&layers[i]);
        }
    }
    printf("%d jobs; %d forward ones leave plain, %d weight gradients swapped, %d not; %d products refused\n", m.jobs, m.plain, m.swapped, m.straight, m.refused);
    assert_true(m.plain > 5 && m.swapped > 10 && m.straight > 10 && m.refused > 20);
    sj_map_memo_free(memo);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(lowering_with_a_memo_is_lowering_without)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
