// SPDX-License-Identifier: Apache-2.0
// Is a timeline valid, do its slices nest and never overlap, and is the integral of its power the energy?
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "sj_bf16.h"
#include "sj_config.h"
#include "sj_file.h"
#include "sj_lower.h"
#include "sj_random.h"
#include "sj_timeline_file.h"

#define FILE_NAME "timeline.json"
#define THREADS 64
#define JOBS 6

static sj_error err;

#define OK(expr)                                    \
    do {                                            \
        if ((expr) != SJ_OK) {                      \
            fail_msg("%s: %s", #expr, err.message); \
        }                                           \
    } while (0)

static uint64_t test_seed(void) {
    const char *text = getenv("SJ_TEST_SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 4101u;
    printf("SJ_TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

static sj_accel accel_at(const char *clock) {
    sj_config *c;
    sj_accel accel;
    OK(sj_config_open(SJ_SOURCE_DIR "/configs/accel/edge16.cfg", &c, &err));
    OK(sj_config_override(c, clock, &err));
    sj_accel_read(c, &accel);
    OK(sj_config_finish(c, &err));
    sj_config_close(c);
    return accel;
}

static sj_prices random_prices(sj_random *r) {
    sj_prices p;
    memset(&p, 0, sizeof p);
    for (int i = 0; i < SJ_COUNTER_COUNT; i++) {
        for (int b = 0; b < SJ_BOUND_COUNT; b++) {
            p.pj[i][b] = 0.1 + sj_random_unit(r);
        }
    }
    return p;
}

// What the file must add up to.
typedef struct expected {
    uint64_t cycles;
    sj_energy energy;
    sj_timeline_summary sum;
} expected;

static void add_job(sj_timeline_file *f, const sj_accel *accel, const sj_prices *prices, sj_random *r, int number, expected *want) {
    const int64_t m = 1 + (int64_t)sj_random_below(r, 400), k = (int64_t)sj_random_below(r, 300), n = 1 + (int64_t)sj_random_below(r, 60);
    sj_bf16 *a = calloc((size_t)(m * k + 1), sizeof *a), *b = calloc((size_t)(k * n + 1), sizeof *b);
    for (int64_t i = 0; i < m * k; i++) {
        a[i] = sj_random_below(r, 3) == 0 ? 0x3f80 : 0;
    }
    for (int64_t i = 0; i < k * n; i++) {
        b[i] = 0x4000;
    }
    sj_job *job;
    OK(sj_lower_gemm(accel, m, k, n, a, b, false, &job, &err));
    sj_outcome out;
    memset(&out, 0, sizeof out);
    const sj_timeline_sink *sink = sj_timeline_file_begin_job(f, number % 3, 3);
    OK(sj_fast_run_timeline(accel, (sj_variant){SJ_MACHINE_SKIP, SJ_CODEC_RLE}, job, sink, &out, &err));
    OK(sj_timeline_file_end_job(f, &out, &err));
    want->cycles += out.cycles;
    const sj_energy e = sj_price(prices, &out.counts, SJ_TYPICAL);
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        want->energy.component_pj[c] += e.component_pj[c];
    }
    want->energy.total_pj += e.total_pj;
    sj_job_free(job);
    free(a);
    free(b);
}

static expected write_timeline(uint64_t seed, const char *clock, uint64_t slices_max) {
    expected want;
    memset(&want, 0, sizeof want);
    remove(FILE_NAME);  // a failed test's
    sj_random r = sj_random_seed(seed);
    const sj_accel accel = accel_at(clock);
    const sj_prices prices = random_prices(&r);
    const sj_timeline_head head = {"a \"machine\"", sj_accel_clock_khz(&accel), accel.rows, &prices, slices_max};
    sj_timeline_file *f;
    OK(sj_timeline_file_open(FILE_NAME, &head, &f, &err));
    for (int j = 0; j < JOBS; j++) {
        if (j % 3 == 0) {
            sj_timeline_file_begin_layer(f, j == 0 ? "odd\\\"\n" : "conv2", SJ_PHASE_GRAD_WEIGHT);
        }
        add_job(f, &accel, &prices, &r, j, &want);
        if (j % 3 == 2) {
            sj_timeline_file_end_layer(f);
        }
    }
    assert_false(sj_path_exists(FILE_NAME));
    OK(sj_timeline_file_close(f, &want.sum, &err));
    assert_int_equal(want.sum.cycles, want.cycles);
    assert_true(fabs(want.sum.energy_pj - want.energy.total_pj) <= 1e-12 * want.energy.total_pj);
    return want;
}

static const json_t *at(const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    if (v == NULL) {
        fail_msg("no key %s", key);
    }
    return v;
}

static json_t *load(void) {
    json_error_t where;
    json_t *root = json_load_file(FILE_NAME, JSON_REJECT_DUPLICATES, &where);
    if (root == NULL) {
        fail_msg("%d: %s", where.line, where.text);
    }
    remove(FILE_NAME);
    return root;
}

// Slices of a thread open and close in order; those of a unit never nest, jobs stand in layers. Returns how many there are.
static uint64_t check_slices(const json_t *events, double end_us) {
    double last[THREADS] = {0.0};
    int depth[THREADS] = {0};
    uint64_t count = 0;
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *e = json_array_get(events, i);
        const char kind = json_string_value(at(e, "ph"))[0];
        const int thread = (int)json_integer_value(at(e, "tid"));
        assert_true(thread > 0 && thread < THREADS);
        if (kind != 'B' && kind != 'E') {
            continue;
        }
        const double ts = json_number_value(at(e, "ts"));
        assert_true(ts >= last[thread] && ts <= end_us + 1e-9);
        last[thread] = ts;
        depth[thread] += kind == 'B' ? 1 : -1;
        assert_true(depth[thread] >= 0 && depth[thread] <= (thread == 1 ? 2 : 1));
        if (kind == 'B') {
            const char *name = json_string_value(at(e, "name"));
            assert_true(strncmp(name, "conv2 grad_weight", 17) == 0 || strncmp(name, "odd\\\"\n grad_weight", 18) == 0);
            count += thread != 1;
        }
    }
    for (int t = 0; t < THREADS; t++) {
        assert_int_equal(depth[t], 0);
    }
    return count;
}

// The integral of a counter from its first value to its last, which is 0.
static double integral(const json_t *events, const char *name, const char *key) {
    double sum = 0.0, since = 0.0, value = 0.0;
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *e = json_array_get(events, i);
        if (strcmp(json_string_value(at(e, "ph")), "C") == 0 && strcmp(json_string_value(at(e, "name")), name) == 0) {
            const double ts = json_number_value(at(e, "ts"));
            sum += value * (ts - since);
            since = ts;
            value = json_number_value(at(at(e, "args"), key));
            assert_true(value >= 0.0);
        }
    }
    assert_true(value == 0.0);
    return sum * 1e3;  // mW x us = 1000 pJ
}

static void check(const expected *want, double clock_mhz, uint64_t slices_max) {
    json_t *root = load();
    const json_t *events = at(root, "traceEvents"), *other = at(root, "otherData");
    const double end_us = (double)want->cycles / clock_mhz;
    const uint64_t drawn = check_slices(events, end_us);
    assert_true(drawn >= JOBS);
    assert_true(want->sum.joined == 0 ? drawn == want->sum.slices : drawn <= slices_max + 20u * JOBS);
    assert_int_equal(want->sum.joined, want->sum.slices > slices_max ? want->sum.slices - slices_max : 0);
    assert_int_equal(json_integer_value(at(other, "slices")), want->sum.slices);
    assert_int_equal(json_integer_value(at(other, "cycles")), want->cycles);
    assert_true(json_real_value(at(other, "energy_pj")) == want->sum.energy_pj);
    // Times stand there to the picosecond: with a clock whose period is a whole number of them the integral is exact but for the nine digits of the power.
    assert_true(fabs(integral(events, "power", "mW") - want->energy.total_pj) <= 1e-6 * want->energy.total_pj);
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        if (want->energy.component_pj[c] > 0.0) {
            assert_true(fabs(integral(events, "power, mW", sj_component_names[c]) - want->energy.component_pj[c]) <= 1e-6 * want->energy.component_pj[c]);
        }
    }
    json_decref(root);
}

static void slices_nest_and_power_is_energy(void **state) {
    const uint64_t seed = test_seed();
    for (uint64_t round = 0; round < 4; round++) {
        const expected want = write_timeline(seed + round, "clock_mhz=500.0", UINT64_MAX);
        assert_true(want.cycles > SJ_TIMELINE_BINS_MAX);  // so that bins were joined
        check(&want, 500.0, UINT64_MAX);
    }
    const expected odd = write_timeline(seed, "clock_mhz=333.0", UINT64_MAX);
    check(&odd, 333.0, UINT64_MAX);
}

static void beyond_the_limit_slices_are_drawn_together(void **state) {
    const uint64_t seed = test_seed();
    const uint64_t all = write_timeline(seed, "clock_mhz=500.0", UINT64_MAX).sum.slices;
    const uint64_t limits[] = {0, 1, all / 2, all - 1, all, all + 1};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        const expected want = write_timeline(seed, "clock_mhz=500.0", limits[i]);
        assert_int_equal(want.sum.slices, all);
        check(&want, 500.0, limits[i]);
    }
}

#define FFFD "\xef\xbf\xbd"

// A name as it comes, and as a reader of the file must see it.
static void check_name(const char *given, const char *wanted) {
    sj_random r = sj_random_seed(1);
    const sj_prices prices = random_prices(&r);
    const sj_timeline_head head = {given, 500000, 16, &prices, 10};
    sj_timeline_file *f;
    OK(sj_timeline_file_open(FILE_NAME, &head, &f, &err));
    sj_timeline_file_begin_layer(f, given, SJ_PHASE_FORWARD);
    sj_timeline_file_end_layer(f);
    OK(sj_timeline_file_close(f, NULL, &err));
    json_t *root = load();
    assert_string_equal(json_string_value(at(at(root, "otherData"), "machine")), wanted);
    const json_t *events = at(root, "traceEvents");
    assert_string_equal(json_string_value(at(at(json_array_get(events, 0), "args"), "name")), wanted);
    char named[4096];
    snprintf(named, sizeof named, "%s forward", wanted);
    int slices = 0;
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *e = json_array_get(events, i);
        if (strcmp(json_string_value(at(e, "ph")), "B") == 0) {
            assert_string_equal(json_string_value(at(e, "name")), named);
            slices++;
        }
    }
    assert_int_equal(slices, 1);
    json_decref(root);
}

static void names_of_any_bytes_are_valid_json(void **state) {
    static const char *const kept[] = {"", "conv1", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "Schicht \xc3\xa4 \"\\\n\x01"};
    static const char *const broken[][2] = {{"a\x80z", "a" FFFD "z"}, {"\xff\xfe", FFFD FFFD}, {"\xc3", FFFD}, {"\xc3(", FFFD "("}, {"\xc1\xbf", FFFD FFFD}, {"\xe2\x82", FFFD FFFD},
                                            {"\xe0\x9f\xbf", FFFD FFFD FFFD}, {"\xed\xa0\x80", FFFD FFFD FFFD}, {"\xf0\x8f\xbf\xbf", FFFD FFFD FFFD FFFD},
                                            {"\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD}, {"\xf5\x80\x80\x80", FFFD FFFD FFFD FFFD}};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        check_name(kept[i], kept[i]);
    }
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        check_name(broken[i][0], broken[i][1]);
    }
    char longest[1001] = "";
    memset(longest, 'n', sizeof longest - 1);
    check_name(longest, longest);
}

static void nothing_stays_of_an_abandoned_or_impossible_file(void **state) {
    sj_random r = sj_random_seed(1);
    const sj_prices prices = random_prices(&r);
    const sj_timeline_head head = {"m", 500000, 16, &prices, 10};
    sj_timeline_file *f;
    OK(sj_timeline_file_open("gone.json", &head, &f, &err));
    sj_timeline_file_begin_layer(f, "conv1", SJ_PHASE_FORWARD);
    sj_timeline_file_abandon(f);
    char *temporary = sj_temporary_name("gone.json");
    assert_false(sj_path_exists("gone.json") || sj_path_exists(temporary));
    free(temporary);
    sj_timeline_file_abandon(NULL);
    assert_int_equal(sj_timeline_file_open("absent/gone.json", &head, &f, &err), SJ_ERR_IO);
    assert_non_null(strstr(err.message, "absent/gone.json"));
    assert_null(f);
    OK(sj_timeline_file_open("empty.json", &head, &f, &err));  // without a job: valid, no power
    OK(sj_timeline_file_close(f, NULL, &err));
    json_t *root = json_load_file("empty.json", 0, NULL);
    assert_non_null(root);
    json_decref(root);
    remove("empty.json");
}

static void a_full_disk_is_an_error(void **state) {
    sj_random r = sj_random_seed(1);
    const sj_prices prices = random_prices(&r);
    const sj_timeline_head head = {"m", 500000, 16, &prices, 10};
    sj_timeline_file *f;
    if (!sj_path_exists("/dev/full") || symlink("/dev/full", "full.json") != 0) {
        skip();
    }
    char *temporary = sj_temporary_name("f.json");
    assert_int_equal(rename("full.json", temporary), 0);  // the temporary file is the full device
    OK(sj_timeline_file_open("f.json", &head, &f, &err));
    assert_int_equal(sj_timeline_file_close(f, NULL, &err), SJ_ERR_IO);
    assert_false(sj_path_exists("f.json") || sj_path_exists(temporary));
    free(temporary);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_nest_and_power_is_energy),
        cmocka_unit_test(beyond_the_limit_slices_are_drawn_together),
        cmocka_unit_test(names_of_any_bytes_are_valid_json),
        cmocka_unit_test(nothing_stays_of_an_abandoned_or_impossible_file),
        cmocka_unit_test(a_full_disk_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
