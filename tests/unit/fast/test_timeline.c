// SPDX-License-Identifier: Apache-2.0
// The timeline of random jobs: slices of a track in order and apart, their sums the outcome's, the outcome that of a run without a sink.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compare.h"
#include "random_job.h"
#include "sj_timeline.h"

#define CASES 400
#define ROWS_MAX 16

typedef struct tracks {
    uint64_t end[SJ_TRACK_COUNT][ROWS_MAX];   // of the last slice
    uint64_t sum[SJ_TRACK_COUNT];             // of durations
    int64_t index[SJ_TRACK_COUNT][ROWS_MAX];  // of the last slice
    uint64_t count[SJ_TRACK_COUNT], fills, last;
} tracks;

static void take(void *context, const sj_slice *s) {
    tracks *t = context;
    assert_true(s->track >= 0 && s->track < SJ_TRACK_COUNT && s->row >= 0 && s->row < ROWS_MAX && (s->track == SJ_TRACK_ROW || s->row == 0));
    assert_true(s->begin <= s->end && s->begin >= t->end[s->track][s->row]);
    if (s->track == SJ_TRACK_LOADER || s->track == SJ_TRACK_ROW || s->track == SJ_TRACK_VECTOR) {
        assert_true(s->index > t->index[s->track][s->row]);
        t->index[s->track][s->row] = s->index;
    }
    static const char *const names[SJ_TRACK_COUNT][2] = {{"load", "store"}, {"steps", "steps"}, {"work", "work"}, {"drain", "fill"}, {"pass", "pass"}};
    assert_true(strcmp(s->what, names[s->track][0]) == 0 || strcmp(s->what, names[s->track][1]) == 0);
    t->end[s->track][s->row] = s->end;
    t->sum[s->track] += s->end - s->begin;
    t->count[s->track]++;
    t->fills += strcmp(s->what, "fill") == 0;
    t->last = s->end > t->last ? s->end : t->last;
}

// Cycles of [begin,end) that a refresh takes do not count as busy: without windows the DRAM track's sum is exact.
static void check(const random_case *c, const tracks *t, const sj_outcome *out) {
    assert_true(t->last == out->cycles);
    assert_true(t->sum[SJ_TRACK_OBUS] == out->busy_drain);
    assert_true(t->sum[SJ_TRACK_DRAM] >= out->busy_dram);
    if (c->dram.refresh_window_ns == 0) {
        assert_true(t->sum[SJ_TRACK_DRAM] == out->busy_dram);
    }
    if (c->job.is_product) {
        assert_int_equal(t->count[SJ_TRACK_VECTOR], 0);
        assert_true(c->job.k == 0 || t->count[SJ_TRACK_LOADER] + t->fills == t->count[SJ_TRACK_OBUS]);
        assert_true(c->job.k > 0 || t->count[SJ_TRACK_LOADER] + t->count[SJ_TRACK_ROW] == 0);
    } else {
        assert_true(t->sum[SJ_TRACK_VECTOR] == out->busy_work);
        assert_int_equal(t->count[SJ_TRACK_VECTOR], c->job.block_count);
        assert_int_equal(t->count[SJ_TRACK_OBUS] + t->count[SJ_TRACK_ROW] + t->count[SJ_TRACK_LOADER], 0);
    }
}

static void slices_add_up(void **state) {
    (void)state;
    const char *text = getenv("SJ_TEST_SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 4711;
    print_message("SJ_TEST_SEED=%llu\n", (unsigned long long)seed);
    int refreshed = 0, filled = 0;
    for (uint64_t number = 0; number < CASES; number++) {
        sj_random rng = sj_random_stream(seed, number);
        random_case c;
        random_case_make(&c, &rng);
        c.dram.refresh_window_ns = number % 2 == 0 ? 0 : c.dram.refresh_window_ns;
        const sj_variant v = {(sj_machine)sj_random_below(&rng, 3), (sj_codec)sj_random_below(&rng, SJ_CODEC_COUNT)};
        tracks t;
        memset(&t, 0, sizeof t);
        memset(t.index, -1, sizeof t.index);
        const sj_timeline_sink sink = {take, &t};
        sj_outcome plain, out;
        sj_error err;
        assert_int_equal(sj_fast_run(&c.accel, v, &c.job, &plain, &err), SJ_OK);
        assert_int_equal(sj_fast_run_timeline(&c.accel, v, &c.job, &sink, &out, &err), SJ_OK);
        assert_int_equal(outcome_differences(&out, &plain), 0);
        check(&c, &t, &out);
        refreshed += t.sum[SJ_TRACK_DRAM] > out.busy_dram;
        filled += t.fills > 0;
        random_case_free(&c);
    }
    assert_true(refreshed > CASES / 50 && filled > CASES / 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(slices_add_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
