// SPDX-License-Identifier: Apache-2.0
// Grid, random and Sobol points, and the group "strategy" of a sweep file.
#include <math.h>

#include "sj_test.h"
#include "strategy_internal.h"

static sj_error err;

static sj_space make_space(int axes, const int *values) {
    sj_space s = {.axis_count = axes, .size = 1};
    for (int i = 0; i < axes; i++) {
        s.axes[i].value_count = values[i];
        s.size *= (uint64_t)values[i];
    }
    return s;
}

static sj_strategy_options options_of(sj_strategy_kind kind, uint64_t points, uint64_t seed) {
    return (sj_strategy_options){.kind = kind, .points = points, .seed = seed, .population = 20, .crossover = 0.9, .objective_count = 2, .objectives = {SJ_SWEEP_energy_pj, SJ_SWEEP_cycles}};
}

// Asks for all points, by lots of random size; how many came.
static uint64_t ask_all(const sj_strategy_options *o, const sj_space *space, uint64_t *ids, sj_random *r) {
    sj_strategy *s = NULL;
    uint64_t total = 0;
    int64_t count = 0;
    assert_int_equal(sj_strategy_open(o, space, &s, &err), SJ_OK);
    assert_false(sj_strategy_needs_results(s));
    do {
        const int64_t max = sj_test_between(r, 1, 100);
        assert_int_equal(sj_strategy_ask(s, ids + total, max, &count, &err), SJ_OK);
        assert_in_range(count, 0, max);
        total += (uint64_t)count;
    } while (count > 0);
    assert_true(total == sj_strategy_total(s));
    sj_strategy_close(s);
    return total;
}

static int ascending(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void assert_distinct_below(uint64_t *ids, uint64_t count, uint64_t size) {
    qsort(ids, count, sizeof *ids, ascending);
    for (uint64_t i = 0; i < count; i++) {
        assert_true(ids[i] < size && (i == 0 || ids[i] != ids[i - 1]));
    }
}

// Above this, chi-square of so many degrees of freedom comes once in ten thousand times (Wilson and Hilferty's cube).
static double most_likely(int degrees) {
    const double spread = 2.0 / (9.0 * degrees), root = 1.0 - spread + 3.72 * sqrt(spread);
    return degrees * root * root * root;
}

static double chi_square(const int64_t *counts, int cells, double expected) {
    double sum = 0.0;
    for (int i = 0; i < cells; i++) {
        sum += ((double)counts[i] - expected) * ((double)counts[i] - expected) / expected;
    }
    return sum;
}

static void test_grid(void **state) {
    const sj_space space = make_space(3, (const int[]){3, 1, 7});
    const sj_strategy_options o = options_of(SJ_STRATEGY_GRID, 0, 0);
    uint64_t ids[200];
    sj_random r = sj_random_seed(sj_test_seed(1));
    assert_int_equal(ask_all(&o, &space, ids, &r), 21);
    for (uint64_t i = 0; i < 21; i++) {
        assert_int_equal(ids[i], i);
    }
}

// Random and Sobol points are different, each of the space, as many as asked for or as there are; fewer points are the beginning of more.
static void test_points(void **state) {
    static uint64_t ids[3000], fewer[3000];
    sj_random r = sj_random_seed(sj_test_seed(2));
    for (int round = 0; round < 200; round++) {
        int values[4];
        for (int i = 0; i < 4; i++) {
            values[i] = (int)sj_test_between(&r, 1, 7);
        }
        const sj_space space = make_space((int)sj_test_between(&r, 1, 4), values);
        const sj_strategy_kind kind = round % 2 == 0 ? SJ_STRATEGY_RANDOM : SJ_STRATEGY_SOBOL;
        const uint64_t points = (uint64_t)sj_test_between(&r, 1, (int64_t)space.size + 5), some = (uint64_t)sj_test_between(&r, 1, (int64_t)points), seed = sj_random_u64(&r);
        const sj_strategy_options o = options_of(kind, points, seed), less = options_of(kind, some, seed);
        const uint64_t count = ask_all(&o, &space, ids, &r), few = ask_all(&less, &space, fewer, &r);
        assert_true(count == (points < space.size ? points : space.size) && few == (some < space.size ? some : space.size));
        assert_memory_equal(ids, fewer, few * sizeof *ids);
        assert_distinct_below(ids, count, space.size);
    }
}

static void test_seeds(void **state) {
    const sj_space space = make_space(3, (const int[]){100, 100, 100});
    sj_random r = sj_random_seed(sj_test_seed(3));
    for (sj_strategy_kind kind = SJ_STRATEGY_RANDOM; kind <= SJ_STRATEGY_SOBOL; kind++) {
        uint64_t a[150], b[150];
        const sj_strategy_options one = options_of(kind, 50, 1), two = options_of(kind, 50, 2);
        ask_all(&one, &space, a, &r);
        ask_all(&two, &space, b, &r);
        assert_memory_not_equal(a, b, 50 * sizeof *a);
    }
}

// Ordered pairs of the first and second point, and the last point of all, over many seeds: each as often.
static void test_random_is_uniform(void **state) {
    enum { SIZE = 6, ROUNDS = 30000 };
    const sj_space space = make_space(2, (const int[]){2, 3});
    const uint64_t seed = sj_test_seed(4);
    sj_random r = sj_random_seed(seed);
    int64_t pairs[SIZE * SIZE] = {0}, last[SIZE] = {0};
    for (uint64_t i = 0; i < ROUNDS; i++) {
        uint64_t ids[SIZE + 100];
        const sj_strategy_options o = options_of(SJ_STRATEGY_RANDOM, SIZE, seed + i);
        ask_all(&o, &space, ids, &r);
        pairs[ids[0] * SIZE + ids[1]]++;
        last[ids[SIZE - 1]]++;
    }
    double sum = 0.0;
    for (int a = 0; a < SIZE; a++) {
        assert_int_equal(pairs[a * SIZE + a], 0);
        pairs[a * SIZE + a] = ROUNDS / (SIZE * (SIZE - 1));  // what is expected elsewhere: adds nothing
    }
    sum = chi_square(pairs, SIZE * SIZE, (double)ROUNDS / (SIZE * (SIZE - 1)));
    assert_true(sum < most_likely(SIZE * (SIZE - 1) - 1));
    assert_true(chi_square(last, SIZE, (double)ROUNDS / SIZE) < most_likely(SIZE - 1));
}

// Bounds that do not divide 2^64: of 3 x 2^61, a multiplication alone gives numbers that leave 0 or 1 by 3 half as often again as those that leave 2.
static void test_below(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(5));
    int64_t counts[3] = {0};
    for (int i = 0; i < 30000; i++) {
        const uint64_t value = sj_strategy_below(&r, (uint64_t)3 << 61);
        assert_true(value < (uint64_t)3 << 61);
        counts[value % 3]++;
    }
    assert_true(chi_square(counts, 3, 10000.0) < most_likely(2));
    assert_int_equal(sj_strategy_below(&r, 1), 0);
}

// A million points of 10^12, and of nearly 2^63: different, and even along every axis.
static void test_large_spaces(void **state) {
    enum { POINTS = 1000000 };
    const int decimal[] = {10, 1000, 100000, 1000, 1}, huge[] = {99999, 99991, 99989, 9221, 1};
    uint64_t *ids = malloc((POINTS + 100) * sizeof *ids);
    assert_non_null(ids);
    sj_random r = sj_random_seed(sj_test_seed(6));
    for (int round = 0; round < 2; round++) {
        const sj_space space = make_space(5, round == 0 ? decimal : huge);
        const uint64_t part = space.size / 64 + 1;
        const sj_strategy_options o = options_of(SJ_STRATEGY_RANDOM, POINTS, sj_random_u64(&r));
        int64_t parts[64] = {0}, remainders[10] = {0};
        assert_int_equal(ask_all(&o, &space, ids, &r), POINTS);
        for (int i = 0; i < POINTS; i++) {
            parts[ids[i] / part]++;
            remainders[ids[i] % 10]++;
        }
        assert_true(chi_square(parts, 64, POINTS / 64.0) < most_likely(63));
        assert_true(chi_square(remainders, 10, POINTS / 10.0) < most_likely(9));
        assert_distinct_below(ids, POINTS, space.size);
    }
    free(ids);
}

// As even as it can be: in the first 64 points of two axes of 8 values each pair stands once; in 16 of six axes of 4 values, each value of each axis 4 times.
static void test_sobol_is_even(void **state) {
    const sj_space square = make_space(2, (const int[]){8, 8}), wide = make_space(6, (const int[]){4, 4, 4, 4, 4, 4});
    sj_random r = sj_random_seed(sj_test_seed(7));
    for (int round = 0; round < 20; round++) {
        sj_sobol_points *p = NULL;
        bool met[64] = {false};
        uint64_t id = 0;
        assert_int_equal(sj_sobol_points_open(&square, sj_random_u64(&r), &p, &err), SJ_OK);
        for (int i = 0; i < 64; i++) {
            assert_int_equal(sj_sobol_points_next(p, &id, &err), SJ_OK);
            assert_false(met[id]);
            met[id] = true;
        }
        sj_sobol_points_close(p);
        uint64_t ids[200];
        int64_t counts[6][4] = {{0}};
        const sj_strategy_options o = options_of(SJ_STRATEGY_SOBOL, 16, sj_random_u64(&r));
        assert_int_equal(ask_all(&o, &wide, ids, &r), 16);
        for (int i = 0; i < 16; i++) {
            int32_t index[SJ_AXES_MAX];
            sj_space_indexes(&wide, ids[i], index);
            for (int axis = 0; axis < 6; axis++) {
                counts[axis][index[axis]]++;
            }
        }
        for (int i = 0; i < 24; i++) {
            assert_int_equal(counts[i / 4][i % 4], 4);
        }
    }
}

// The random shifts make the first point any point, as often as another.
static void test_sobol_starts_anywhere(void **state) {
    enum { ROUNDS = 3200 };
    const sj_space space = make_space(3, (const int[]){2, 4, 2});
    const uint64_t seed = sj_test_seed(9);
    int64_t counts[16] = {0};
    for (uint64_t i = 0; i < ROUNDS; i++) {
        sj_sobol_points *p = NULL;
        uint64_t id = 0;
        assert_int_equal(sj_sobol_points_open(&space, seed + i, &p, &err), SJ_OK);
        assert_int_equal(sj_sobol_points_next(p, &id, &err), SJ_OK);
        counts[id]++;
        sj_sobol_points_close(p);
    }
    assert_true(chi_square(counts, 16, ROUNDS / 16.0) < most_likely(15));
}

// Some boxes the sequence would meet only after very many draws: still no point twice, and all of them.
static void test_sobol_to_the_end(void **state) {
    static uint64_t ids[16807 + 100];
    int values[30];
    sj_random r = sj_random_seed(sj_test_seed(10));
    for (int i = 0; i < 30; i++) {
        values[i] = i < 25 ? 1 : 7;
    }
    const sj_space space = make_space(30, values);
    const sj_strategy_options o = options_of(SJ_STRATEGY_SOBOL, INT64_MAX, 1);
    assert_int_equal(ask_all(&o, &space, ids, &r), 16807);
    assert_distinct_below(ids, 16807, 16807);
}

// 32 axes of two values, all different in few points; 31 axes of one value and one of many, to the last point.
static void test_sobol_of_many_axes(void **state) {
    int two[SJ_AXES_MAX], one[SJ_AXES_MAX];
    static uint64_t ids[5200];
    sj_random r = sj_random_seed(sj_test_seed(8));
    for (int i = 0; i < SJ_AXES_MAX; i++) {
        two[i] = 2;
        one[i] = i == 20 ? 5003 : 1;
    }
    const sj_space binary = make_space(SJ_AXES_MAX, two), line = make_space(SJ_AXES_MAX, one);
    const sj_strategy_options some = options_of(SJ_STRATEGY_SOBOL, 5000, 1), all = options_of(SJ_STRATEGY_SOBOL, 1000000, 1);
    assert_int_equal(ask_all(&some, &binary, ids, &r), 5000);
    assert_distinct_below(ids, 5000, binary.size);
    assert_int_equal(ask_all(&all, &line, ids, &r), 5003);
    assert_distinct_below(ids, 5003, line.size);
}

static void refuse(const sj_strategy_options *o, const sj_space *space, const char *part) {
    sj_strategy *s = (sj_strategy *)&err;
    assert_int_equal(sj_strategy_open(o, space, &s, &err), SJ_ERR_RANGE);
    assert_null(s);
    assert_non_null(strstr(err.message, part));
}

static void test_refusals(void **state) {
    sj_space space = make_space(2, (const int[]){4, 4});
    sj_strategy_options o = options_of(SJ_STRATEGY_RANDOM, 0, 1);
    refuse(&o, &space, "random of 0 points");
    o = options_of(SJ_STRATEGY_COUNT, 1, 1);
    refuse(&o, &space, "strategies are numbered 0 to 3");
    space.axis_count = SJ_AXES_MAX + 1;
    o = options_of(SJ_STRATEGY_SOBOL, 1, 1);
    refuse(&o, &space, "33 axes");
    space.axis_count = 2;
    space.size = (uint64_t)1 << 63;
    refuse(&o, &space, "fewer than 2^63 points");
    space.size = 16;
    static const int populations[] = {2, 5, 10002};
    for (int i = 0; i < 3; i++) {
        o = options_of(SJ_STRATEGY_NSGA2, 10, 1);
        o.population = populations[i];
        refuse(&o, &space, "an even number from 4 to 10000");
    }
    o = options_of(SJ_STRATEGY_NSGA2, 10, 1);
    o.crossover = 1.5;
    refuse(&o, &space, "crossover 1.5");
    o.crossover = 0.5;
    o.mutation = (double)NAN;
    refuse(&o, &space, "mutation nan");
    o.mutation = 0.0;
    o.objective_count = 0;
    refuse(&o, &space, "nsga2 with 0 objectives; 1 to 8");
    o.objective_count = 2;
    o.objectives[1] = SJ_SWEEP_VALUE_COUNT;
    refuse(&o, &space, "objective 1 is value 8");
    sj_strategy *s = NULL;
    o = options_of(SJ_STRATEGY_GRID, 0, 1);
    assert_int_equal(sj_strategy_open(&o, &space, &s, &err), SJ_OK);
    assert_int_equal(sj_strategy_tell(s, &(sj_point_result){.id = 0}, &err), SJ_ERR_INTERNAL);
    sj_strategy_close(s);
    sj_strategy_close(NULL);
}

static sj_status read(const char *text, sj_strategy_options *out) {
    sj_config *c = NULL;
    err.message[0] = '\0';
    assert_int_equal(sj_config_parse(text, "sweep.cfg", &c, &err), SJ_OK);
    sj_strategy_read(c, out);
    const sj_status status = sj_config_finish(c, &err);
    sj_config_close(c);
    return status;
}

static void test_config(void **state) {
    sj_strategy_options o;
    assert_int_equal(read("", &o), SJ_OK);
    assert_int_equal(o.kind, SJ_STRATEGY_GRID);
    assert_int_equal(read("strategy = { kind = \"grid\"; };", &o), SJ_OK);
    assert_int_equal(o.kind, SJ_STRATEGY_GRID);
    assert_int_equal(read("strategy = { kind = \"sobol\"; points = 7; };", &o), SJ_OK);
    assert_true(o.kind == SJ_STRATEGY_SOBOL && o.points == 7 && o.seed == 1);
    assert_int_equal(read("strategy = { kind = \"random\"; points = 9223372036854775807L; seed = 0; };", &o), SJ_OK);
    assert_true(o.kind == SJ_STRATEGY_RANDOM && o.points == INT64_MAX && o.seed == 0);
    assert_int_equal(read("strategy = { kind = \"nsga2\"; points = 410; population = 4; };", &o), SJ_OK);
    assert_true(o.kind == SJ_STRATEGY_NSGA2 && o.points == 410 && o.seed == 1 && o.population == 4 && o.crossover == 0.9 && o.mutation == 0.0 && o.objective_count == 0);
    assert_int_equal(read("strategy = { kind = \"nsga2\"; points = 1; seed = 5; population = 10000; crossover = 1; mutation = 0.25; };", &o), SJ_OK);
    assert_true(o.seed == 5 && o.population == 10000 && o.crossover == 1.0 && o.mutation == 0.25);
}

static void test_config_refusals(void **state) {
    static const struct {
        const char *text, *message;
    } wrong[] = {
        {"\nstrategy = 3;", "sweep.cfg:2: \"strategy\" is an integer; it must be a group"},
        {"strategy = { };", "sweep.cfg:1: missing key \"strategy.kind\""},
        {"strategy = {\nkind = \"nsga\"; };", "sweep.cfg:2: \"strategy.kind\" is \"nsga\"; allowed are \"grid\", \"random\", \"sobol\", \"nsga2\"; did you mean \"nsga2\"?"},
        {"strategy = { kind = \"random\"; };", "missing key \"strategy.points\""},
        {"strategy = { kind = \"nsga2\"; points = 3; };", "missing key \"strategy.population\""},
        {"strategy = { kind = \"sobol\"; points = 0; };", "\"strategy.points\" is 0; it must be at least 1"},
        {"strategy = { kind = \"sobol\"; points = 1; seed = -1; };", "\"strategy.seed\" is -1; it must be at least 0"},
        {"strategy = { kind = \"grid\";\npoints = 5; };", "sweep.cfg:2: \"strategy.points\" has no meaning here; it belongs to kind = \"random\", \"sobol\" and \"nsga2\""},
        {"strategy = { kind = \"grid\";\nseed = 5; };", "sweep.cfg:2: \"strategy.seed\" has no meaning here"},
        {"strategy = { kind = \"random\"; points = 3;\npopulation = 5; };", "sweep.cfg:2: \"strategy.population\" has no meaning here; it belongs to kind = \"nsga2\""},
        {"strategy = { kind = \"random\"; points = 3;\ncrossover = 0.5; };", "sweep.cfg:2: \"strategy.crossover\" has no meaning here"},
        {"strategy = { kind = \"sobol\"; points = 3;\nmutation = 0.5; };", "sweep.cfg:2: \"strategy.mutation\" has no meaning here"},
        {"strategy = { kind = \"nsga2\"; points = 3; population = 2; };", "\"strategy.population\" is 2; it must be between 4 and 10000"},
        {"strategy = { kind = \"nsga2\"; points = 3; population = 10001; };", "\"strategy.population\" is 10001; it must be between 4 and 10000"},
        {"strategy = { kind = \"nsga2\"; points = 3;\npopulation = 7; };", "sweep.cfg:2: \"strategy.population\" is 7; it must be even"},
        {"strategy = { kind = \"nsga2\"; points = 3; population = 4; crossover = 1.1; };", "\"strategy.crossover\" is 1.1; it must be between 0 and 1"},
        {"strategy = { kind = \"nsga2\"; points = 3; population = 4; mutation = -0.1; };", "\"strategy.mutation\" is -0.1; it must be between 0 and 1"},
        {"strategy = { kind = \"nsga2\"; points = 3; population = 4; mutations = 0.1; };", "mutation"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        sj_strategy_options o;
        assert_int_equal(read(wrong[i].text, &o), SJ_ERR_CONFIG);
        if (strstr(err.message, wrong[i].message) == NULL || strchr(err.message, '\n') != NULL) {
            fail_msg("%s\n  gives: %s", wrong[i].text, err.message);  // the sentence, and no other
        }
    }
    sj_strategy_options o;
    assert_int_equal(read("strategy = { kind = \"nothing\"; points = 5; population = 7; };", &o), SJ_ERR_CONFIG);
    assert_null(strstr(err.message, "has no meaning"));  // of what kind it is, is not known
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grid),  cmocka_unit_test(test_points),       cmocka_unit_test(test_seeds),         cmocka_unit_test(test_random_is_uniform),
        cmocka_unit_test(test_below), cmocka_unit_test(test_large_spaces), cmocka_unit_test(test_sobol_is_even), cmocka_unit_test(test_sobol_of_many_axes),
        cmocka_unit_test(test_sobol_starts_anywhere), cmocka_unit_test(test_sobol_to_the_end), cmocka_unit_test(test_refusals), cmocka_unit_test(test_config), cmocka_unit_test(test_config_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
