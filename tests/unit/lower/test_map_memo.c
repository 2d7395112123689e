// SPDX-License-Identifier: Apache-2.0
// Mappings found before: is what a memo says always what a search would say, for questions that differ in one number alone, too?
#include <stddef.h>

#include "map_cases.h"
#include "map_internal.h"

static sj_error err;

static sj_map_memo *make_memo(void) {
    sj_map_memo *memo = NULL;
    assert_int_equal(sj_map_memo_create(&memo, &err), SJ_OK);
    return memo;
}

// Some accelerators are too small for a tile, or for whole channel chunks of results.
static sj_accel some_accel(sj_random *r) {
    sj_accel a = sj_test_accel(r);
    if (sj_random_below(r, 3) == 0) {
        a.buffer_kib = sj_test_between(r, 1, 3);
    }
    return a;
}

// ---- One question

static void assert_same_choice(const sj_map_choice *x, const sj_map_choice *y) {
    assert_true(x->mapping.m == y->mapping.m && x->mapping.n == y->mapping.n && x->mapping.k == y->mapping.k && x->mapping.order == y->mapping.order);
    const sj_map_prediction *p = &x->predicted, *q = &y->predicted;
    assert_memory_equal(p, q, sizeof *p);
}

static bool differ(const sj_map_choice *x, const sj_map_choice *y) {
    return x->mapping.m != y->mapping.m || x->mapping.n != y->mapping.n || x->mapping.k != y->mapping.k || x->mapping.order != y->mapping.order ||
           memcmp(&x->predicted, &y->predicted, sizeof x->predicted) != 0;
}

// What the search says of a job, the memo left aside.
static sj_status fresh(const sj_accel *accel, const sj_job *job, sj_map_found *out) {
    sj_map_model model;
    sj_map_report report;
    bool found = false;
    sj_job bare = *job;
    bare.memo = NULL;
    sj_map_model_make(accel, &bare, &model);
    assert_int_equal(sj_map_search(&model, &out->choice, &found, &err), SJ_OK);
    out->is_plain = !found;
    const sj_status status = sj_map_explain(accel, &bare, &report, &err);
    out->choice = report.choices[0];
    return status;
}

// A job with a memo that may hold anything of other jobs: asked twice, it must be what the search says. Returns that.
static sj_status check(const sj_accel *accel, sj_job *job, sj_map_memo *memo, sj_map_found *wanted) {
    sj_error expected;
    const sj_status status = fresh(accel, job, wanted);
    expected = err;
    job->memo = memo;
    for (int again = 0; again < 2; again++) {
        int64_t cycles = -1;
        sj_map_found kept;
        assert_int_equal(sj_map_cost(accel, job, &cycles, &err), status);
        assert_int_equal(sj_map_memo_find(accel, job, &kept), status == SJ_OK);
        if (status == SJ_OK) {
            assert_int_equal(cycles, wanted->choice.predicted.cycles);
            assert_same_choice(&kept.choice, &wanted->choice);
            assert_int_equal(kept.is_plain, wanted->is_plain);
        } else {
            assert_string_equal(err.message, expected.message);
        }
    }
    return status;
}

// A job of its own, so that its numbers can be changed.
typedef struct changeable {
    sj_accel accel;
    sj_dram_type dram;
    sj_job job;
    sj_stream streams[3];
    sj_tap taps[2][64];
} changeable;

static void take(const sj_accel *accel, const sj_job *job, changeable *c) {
    c->accel = *accel;
    c->dram = *accel->dram;
    c->accel.dram = &c->dram;
    c->job = *job;
    memcpy(c->streams, job->streams, sizeof c->streams);
    c->job.streams = c->streams;
    sj_operand *const operands[] = {&c->job.a, &c->job.b};
    for (int i = 0; i < 2; i++) {
        assert_true(operands[i]->tap_count <= 64);
        if (operands[i]->tap_count > 0) {
            memcpy(c->taps[i], operands[i]->taps, (size_t)operands[i]->tap_count * sizeof c->taps[i][0]);
        }
        operands[i]->taps = c->taps[i];
    }
}

// ---- Every field that the mapper looks at

typedef enum field_type { NUMBER, LENGTH, EIGHTS, FEWER, SHARE, CLOCK, TRUTH, DTYPE, OPERAND, STREAM, SIGNED } field_type;
typedef struct field {
    const char *name;
    size_t offset;
    field_type type;
    bool matters;  // in some case the answer must differ, or this test sees nothing
} field;

#define FIELD(path, type, matters) {#path, offsetof(changeable, path), type, matters}
static const field fields[] = {
    FIELD(accel.dtype, DTYPE, true), FIELD(accel.clock_mhz, CLOCK, true), FIELD(accel.rows, NUMBER, true), FIELD(accel.lanes, NUMBER, true), FIELD(accel.slots, NUMBER, true),
    FIELD(accel.k_tile, EIGHTS, true), FIELD(accel.acc_banks, NUMBER, true), FIELD(accel.a_bytes, NUMBER, true), FIELD(accel.b_bytes, NUMBER, true), FIELD(accel.o_bytes, NUMBER, true),
    FIELD(accel.buffer_kib, NUMBER, true), FIELD(accel.line_bytes, NUMBER, true), FIELD(accel.a_banks, NUMBER, true), FIELD(accel.vector_lanes, NUMBER, true),
    FIELD(accel.dram_channels, NUMBER, false), FIELD(accel.issue_padding, TRUTH, false), FIELD(accel.oracle, TRUTH, false),
    FIELD(dram.clock_khz, NUMBER, true), FIELD(dram.burst_ticks, NUMBER, true), FIELD(dram.miss_ticks, NUMBER, true), FIELD(dram.turnaround_ticks, NUMBER, true), FIELD(dram.page_bytes, NUMBER, true),
    FIELD(dram.banks, NUMBER, false), FIELD(dram.refresh_interval_ns, NUMBER, true), FIELD(dram.refresh_window_ns, NUMBER, true),
    FIELD(job.m, NUMBER, true), FIELD(job.n, NUMBER, true), FIELD(job.k, FEWER, true), FIELD(job.instances, NUMBER, true), FIELD(job.out_ops, NUMBER, true), FIELD(job.out_bytes, NUMBER, true),
    FIELD(job.nominal_a, SHARE, true), FIELD(job.flags_per_lane, TRUTH, true),
    FIELD(job.a.kind, OPERAND, true), FIELD(job.a.tap_count, FEWER, true), FIELD(job.a.channel_count, NUMBER, true), FIELD(job.a.images, NUMBER, true), FIELD(job.a.stored_images, NUMBER, false),
    FIELD(job.a.grid_h, NUMBER, true), FIELD(job.a.grid_w, NUMBER, true), FIELD(job.a.stride, NUMBER, true), FIELD(job.a.source_h, NUMBER, true), FIELD(job.a.source_w, NUMBER, true),
    FIELD(job.a.source_c, NUMBER, false), FIELD(job.a.u_stride, NUMBER, false), FIELD(job.a.channel_stride, NUMBER, false), FIELD(job.a.u_count, NUMBER, false),
    FIELD(job.b.kind, OPERAND, true), FIELD(job.b.tap_count, FEWER, true), FIELD(job.b.channel_count, NUMBER, true), FIELD(job.b.images, NUMBER, true), FIELD(job.b.stored_images, NUMBER, false),
    FIELD(job.b.grid_h, NUMBER, true), FIELD(job.b.grid_w, NUMBER, true), FIELD(job.b.stride, NUMBER, true), FIELD(job.b.source_h, NUMBER, true), FIELD(job.b.source_w, NUMBER, true),
    FIELD(job.b.source_c, NUMBER, false), FIELD(job.b.u_stride, NUMBER, false), FIELD(job.b.channel_stride, NUMBER, false), FIELD(job.b.u_count, NUMBER, false),
    FIELD(taps[0][0].dy, SIGNED, true), FIELD(taps[0][0].dx, SIGNED, true), FIELD(taps[1][0].dy, SIGNED, true), FIELD(taps[1][0].dx, SIGNED, false),
    FIELD(streams[0].length, LENGTH, true), FIELD(streams[0].value_bytes, NUMBER, true), FIELD(streams[0].coded, TRUTH, true), FIELD(streams[0].kind, STREAM, false),
    FIELD(streams[1].length, LENGTH, true), FIELD(streams[1].value_bytes, NUMBER, true), FIELD(streams[1].coded, TRUTH, true), FIELD(streams[1].kind, STREAM, false),
    FIELD(streams[2].length, LENGTH, true), FIELD(streams[2].instance_length, NUMBER, true), FIELD(streams[2].value_bytes, NUMBER, true), FIELD(streams[2].kind, STREAM, true),
    FIELD(streams[2].coded, TRUTH, false),
};
enum { FIELDS = sizeof fields / sizeof *fields };

static int64_t other_number(sj_random *r, int64_t v) {
    const int64_t choices[] = {v + 1, v - 1, 2 * v, v / 2, 3 * v, v + sj_test_between(r, 1, 20)};
    const int64_t chosen = choices[sj_random_below(r, 6)];
    return chosen >= 1 ? chosen : v + 1;
}

static double other_share(sj_random *r, double v) { return v > 0.6 ? v / 2.0 : v + 0.1 + 0.2 * sj_random_unit(r); }

static void change(sj_random *r, changeable *c, const field *f) {
    void *at = (char *)c + f->offset;
    int64_t *number = at;
    switch (f->type) {
        case NUMBER: *number = other_number(r, *number); break;
        case LENGTH: *number *= 2000; break;  // past half a refresh interval
        case EIGHTS: *number = *number == 8 ? 16 : *number - 8; break;
        case FEWER: *number = *number > 1 ? sj_test_between(r, 1, *number - 1) : 1; break;
        case SIGNED: *number += sj_random_below(r, 2) == 0 ? 1 : -1; break;
        case SHARE: *(double *)at = other_share(r, *(double *)at); break;
        case CLOCK: *(double *)at *= 1.5; break;
        case TRUTH: *(bool *)at = !*(bool *)at; break;
        case DTYPE: *(sj_dtype *)at = *(sj_dtype *)at == SJ_DTYPE_BF16 ? SJ_DTYPE_INT8 : SJ_DTYPE_BF16; break;
        case OPERAND: *(sj_operand_kind *)at = (sj_operand_kind)((*(sj_operand_kind *)at + 1 + sj_random_below(r, 2)) % 3); break;
        case STREAM: *(sj_stream_kind *)at = (sj_stream_kind)((*(sj_stream_kind *)at + 1 + sj_random_below(r, 2)) % 3); break;
    }
}

// WEIGHT has no places: what a WINDOW needs of them must not be 0.
static bool is_meaningful(const changeable *c) {
    const sj_operand *const operands[] = {&c->job.a, &c->job.b};
    for (int i = 0; i < 2; i++) {
        const sj_operand *o = operands[i];
        if (o->kind != SJ_OPERAND_WEIGHT && (o->grid_h < 1 || o->grid_w < 1 || o->images < 1 || o->stride < 1 || o->source_h < 1 || o->source_w < 1 || o->channel_count < 1 || o->tap_count < 1)) {
            return false;
        }
    }
    return c->job.a.kind != SJ_OPERAND_WEIGHT;
}

static void check_fields(sj_random *r, const changeable *base, sj_map_memo *memo, int *differences) {
    changeable *c = malloc(sizeof *c);
    assert_non_null(c);
    sj_map_found wanted, other;
    take(&base->accel, &base->job, c);
    const sj_status status = check(&c->accel, &c->job, memo, &wanted);
    for (int f = 0; f < FIELDS; f++) {
        take(&base->accel, &base->job, c);
        change(r, c, &fields[f]);
        if (is_meaningful(c)) {
            const sj_status changed = check(&c->accel, &c->job, memo, &other);
            differences[f] += changed != status || (status == SJ_OK && differ(&other.choice, &wanted.choice));
        }
    }
    free(c);
}

// With a memo that holds the answer of a job, the job with one number changed gets its own answer.
static void every_field_is_part_of_the_question(void **state) {
    (void)state;
    sj_random r = sj_random_seed(sj_test_seed(32));
    int differences[FIELDS] = {0};
    for (int i = 0; i < 60; i++) {
        const sj_accel accel = some_accel(&r);
        sj_test_layer t = sj_test_layer_make(&r, 30, 8);
        map_jobs jobs = map_jobs_of_layer(&accel, &t);
        for (int j = 0; j < jobs.count; j++) {
            changeable base;
            sj_map_memo *memo = make_memo();
            jobs.job[j]->instances = sj_test_between(&r, 1, 3);
            jobs.job[j]->out_ops = sj_test_between(&r, 0, 8);
            take(&accel, jobs.job[j], &base);
            check_fields(&r, &base, memo, differences);
            sj_map_memo_free(memo);
        }
        map_jobs_free(&jobs);
        sj_test_layer_free(&t);
    }
    for (int f = 0; f < FIELDS; f++) {
        if (fields[f].matters && differences[f] == 0) {
            fail_msg("%s: no change of it changed a mapping", fields[f].name);
        }
        if (!fields[f].matters && differences[f] > 0) {
            fail_msg("%s changes mappings: it matters", fields[f].name);
        }
    }
}

// ---- What is remembered, and what is not

static const sj_map_found false_answer = {.choice = {.mapping = {8, 8, 8, SJ_ORDER_NM}, .predicted = {.cycles = 123456789}}};

static int64_t cost_of(const sj_accel *accel, const sj_job *job) {
    int64_t cycles = -1;
    assert_int_equal(sj_map_cost(accel, job, &cycles, &err), SJ_OK);
    return cycles;
}

typedef struct one_layer {
    sj_accel accel;
    sj_test_layer layer;
    map_jobs jobs;
} one_layer;

static void make_one(sj_random *r, one_layer *o) {
    do {
        o->accel = sj_test_accel(r);
        o->layer = sj_test_layer_make(r, 30, 8);
        o->jobs = map_jobs_of_layer(&o->accel, &o->layer);
        if (o->jobs.count >= 3 && o->jobs.job[0]->phase == SJ_PHASE_FORWARD && o->accel.rows * o->accel.slots > 1) {
            return;
        }
        map_jobs_free(&o->jobs);
        sj_test_layer_free(&o->layer);
    } while (true);
}

static void free_one(one_layer *o) {
    map_jobs_free(&o->jobs);
    sj_test_layer_free(&o->layer);
}

// A false answer that was kept is told again: no search is made. So names, values and addresses are no part of the question, nor what prices and codecs alone depend on.
static void what_was_kept_is_told(void **state) {
    (void)state;
    sj_random r = sj_random_seed(sj_test_seed(33));
    for (int round = 0; round < 20; round++) {
        one_layer o;
        changeable c;
        make_one(&r, &o);
        sj_map_memo *memo = make_memo();
        take(&o.accel, o.jobs.job[round % 3], &c);
        c.job.memo = memo;
        sj_map_memo_keep(&c.accel, &c.job, &false_answer);
        assert_int_equal(cost_of(&c.accel, &c.job), 123456789);
        snprintf(c.job.layer, sizeof c.job.layer, "another");
        snprintf(c.accel.name, sizeof c.accel.name, "another");
        snprintf(c.accel.tech, sizeof c.accel.tech, "another");
        c.job.phase = SJ_PHASE_FORWARD;
        c.job.a.values.data = c.job.b.values.data = NULL;
        c.job.a.channels = NULL;
        c.streams[0].base += 64;
        c.streams[2].table_base += 64;
        c.accel.bank_kib = 7;
        c.accel.codec = SJ_CODEC_RLE;
        c.accel.swap = SJ_SWAP_NEVER;
        assert_int_equal(cost_of(&c.accel, &c.job), 123456789);
        sj_map_memo_clear(memo);
        c.job.a.channels = o.jobs.job[round % 3]->a.channels;
        assert_int_not_equal(cost_of(&c.accel, &c.job), 123456789);
        free_one(&o);
        sj_map_memo_free(memo);
    }
}

// Thousands of questions: each has its own answer, before and after the table grows; what is kept first stays.
static void the_table_keeps_questions_apart(void **state) {
    (void)state;
    enum { QUESTIONS = 3000 };
    sj_random r = sj_random_seed(sj_test_seed(34));
    one_layer o;
    make_one(&r, &o);
    sj_map_memo *memo = make_memo();
    sj_job *job = o.jobs.job[0];
    sj_map_found found;
    job->memo = memo;
    assert_false(sj_map_memo_find(&o.accel, job, &found));
    for (int64_t i = 1; i <= QUESTIONS; i++) {
        job->m = i;
        found = false_answer;
        found.choice.predicted.cycles = i;
        found.is_plain = i % 3 == 0;
        assert_false(sj_map_memo_find(&o.accel, job, &(sj_map_found){.is_plain = false}));
        sj_map_memo_keep(&o.accel, job, &found);
        found.choice.predicted.cycles = -i;
        sj_map_memo_keep(&o.accel, job, &found);
    }
    for (int64_t i = QUESTIONS + 1; i-- > 1;) {
        job->m = i;
        assert_true(sj_map_memo_find(&o.accel, job, &found));
        assert_int_equal(found.choice.predicted.cycles, i);
        assert_int_equal(found.is_plain, i % 3 == 0);
    }
    job->m = QUESTIONS + 1;
    assert_false(sj_map_memo_find(&o.accel, job, &found));
    sj_map_memo_clear(memo);
    job->m = 1;
    assert_false(sj_map_memo_find(&o.accel, job, &found));
    free_one(&o);
    sj_map_memo_free(memo);
    sj_map_memo_free(NULL);
}

// A pin is what runs, whatever was kept; nor is it told to layers without one.
static void pins_are_neither_asked_for_nor_kept(void **state) {
    (void)state;
    sj_random r = sj_random_seed(sj_test_seed(35));
    int other = 0;
    for (int round = 0; round < 30; round++) {
        one_layer o;
        make_one(&r, &o);
        sj_map_memo *memo = make_memo();
        sj_job *job = o.jobs.job[0];
        sj_map_report report, pinned_report;
        sj_map_found found;
        assert_int_equal(sj_map_explain(&o.accel, job, &report, &err), SJ_OK);
        const sj_map_choice *pinned = &report.choices[report.count - 1];
        sj_accel with_pin = o.accel;
        with_pin.pin_count = 1;
        with_pin.pins[0] = (sj_pin){.layer = "conv", .phase = SJ_PHASE_FORWARD, .m = pinned->mapping.m, .n = pinned->mapping.n, .k = pinned->mapping.k, .order = pinned->mapping.order};
        assert_int_equal(sj_map_explain(&with_pin, job, &pinned_report, &err), SJ_OK);
        job->memo = memo;
        assert_int_equal(cost_of(&with_pin, job), pinned_report.choices[0].predicted.cycles);
        assert_false(sj_map_memo_find(&o.accel, job, &found));
        assert_int_equal(cost_of(&o.accel, job), report.choices[0].predicted.cycles);
        assert_int_equal(cost_of(&with_pin, job), pinned_report.choices[0].predicted.cycles);
        other += pinned_report.choices[0].predicted.cycles != report.choices[0].predicted.cycles;
        with_pin.pins[0].phase = SJ_PHASE_GRAD_WEIGHT;  // of another product: nothing to do with this one
        assert_int_equal(cost_of(&with_pin, job), report.choices[0].predicted.cycles);
        with_pin.pins[0].phase = SJ_PHASE_FORWARD;
        with_pin.pins[0].m++;
        int64_t cycles;
        assert_int_equal(sj_map_cost(&with_pin, job, &cycles, &err), SJ_ERR_RANGE);
        assert_non_null(strstr(err.message, "mapping.pin: conv forward: m = "));
        free_one(&o);
        sj_map_memo_free(memo);
    }
    assert_true(other > 5);
}

static void array_only_jobs_are_not_remembered(void **state) {
    (void)state;
    sj_random r = sj_random_seed(sj_test_seed(36));
    one_layer o;
    make_one(&r, &o);
    sj_map_memo *memo = make_memo();
    sj_job job = *o.jobs.job[0];
    sj_map_report report;
    sj_map_found found;
    job.array_only = true;
    assert_int_equal(sj_map_explain(&o.accel, &job, &report, &err), SJ_OK);
    job.memo = memo;
    assert_int_equal(cost_of(&o.accel, &job), report.choices[0].predicted.cycles);
    assert_false(sj_map_memo_find(&o.accel, &job, &found));
    sj_map_memo_keep(&o.accel, &job, &false_answer);
    assert_int_equal(cost_of(&o.accel, &job), report.choices[0].predicted.cycles);
    free_one(&o);
    sj_map_memo_free(memo);
}

// More taps than a question has room for: searched each time, so that jobs which differ behind that room stay apart.
static void questions_that_are_too_long_are_searched(void **state) {
    (void)state;
    enum { KERNEL = 24, SIZE = 28 };
    const sj_accel accel = map_accel("edge16");
    sj_layer_info info = {.name = "conv", .kind = SJ_KIND_CONV, .input_count = 1, .groups = 1, .needs_dx = true, .kernel_h = KERNEL, .kernel_w = KERNEL, .stride = 1, .in = {SIZE, SIZE, 3}, .out = {5, 5, 7}};
    sj_tensor x = {.type = SJ_TYPE_BF16, .rank = 4, .dims = {1, SIZE, SIZE, 3}, .scale = 1.0F}, w = x, dy = x;  // no values: the mapper does not look at them
    w = (sj_tensor){.type = SJ_TYPE_BF16, .rank = 4, .dims = {7, KERNEL, KERNEL, 3}, .scale = 1.0F};
    dy = (sj_tensor){.type = SJ_TYPE_BF16, .rank = 4, .dims = {1, 5, 5, 7}, .scale = 1.0F};
    sj_map_memo *memo = make_memo();
    const sj_conv_case c = {.layer = "conv", .info = &info, .batch = 1, .x = &x, .w = &w, .dy = &dy, .result = {&dy, info.out}, .memo = memo};
    sj_job *job = NULL;
    sj_map_found found, wanted[2];
    assert_int_equal(sj_lower_forward(&accel, &c, &job, &err), SJ_OK);
    assert_true(job->a.tap_count == KERNEL * KERNEL);
    for (int i = 0; i < 2; i++) {
        int64_t cycles = -1;
        assert_int_equal(fresh(&accel, job, &wanted[i]), SJ_OK);
        job->memo = memo;
        assert_int_equal(sj_map_cost(&accel, job, &cycles, &err), SJ_OK);
        assert_int_equal(cycles, wanted[i].choice.predicted.cycles);
        sj_map_memo_keep(&accel, job, &false_answer);
        assert_false(sj_map_memo_find(&accel, job, &found));
        job->streams[2].value_bytes *= 8;
    }
    assert_true(wanted[0].choice.predicted.cycles != wanted[1].choice.predicted.cycles);
    sj_job_free(job);
    sj_map_memo_free(memo);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_part_of_the_question), cmocka_unit_test(what_was_kept_is_told),
        cmocka_unit_test(the_table_keeps_questions_apart),          cmocka_unit_test(pins_are_neither_asked_for_nor_kept), cmocka_unit_test(array_only_jobs_are_not_remembered),
        cmocka_unit_test(questions_that_are_too_long_are_searched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
