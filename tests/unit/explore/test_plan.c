// SPDX-License-Identifier: Apache-2.0
// Plans: every point once, those that share most side by side, in chunks that every process gets alike.
#include "sj_sweep_plan.h"

#include "sj_test.h"

static sj_error err;

enum { POINTS_MAX = 12000, WINDOW = 4096 };

// Paths by what machines with different values of them have in common, the least first; one rank a line. The last: prices alone.
enum { RANKS = 8, ALIKE = 8 };
static const char *const ranked[RANKS][ALIKE] = {
    {"accel", "dtype", "batch"}, {"array.k_tile"}, {"array.lanes"}, {"array.rows", "array.slots", "machine"}, {"bus.a_bytes", "bus.b_bytes", "buffer.line_bytes", "buffer.a_banks"},
    {"mapping.swap", "buffer.kib", "array.acc_banks", "vector.lanes", "bus.o_bytes", "clock_mhz", "dram.type"}, {"dram.codec"}, {"tech_file", "tech.wire.typical", "buffer.bank_kib", "array.rowss"},
};

typedef struct plan_space {
    sj_space space;
    int ranks[SJ_AXES_MAX];
} plan_space;

static const char *path_of_rank(sj_random *r, int rank) {
    int count = 0;
    while (count < ALIKE && ranked[rank][count] != NULL) {
        count++;
    }
    return ranked[rank][sj_random_below(r, (uint64_t)count)];
}

static void add_axis(plan_space *s, int values, const char *path, int rank) {
    sj_axis *a = &s->space.axes[s->space.axis_count];
    *a = (sj_axis){.name = (char *)(uintptr_t)path, .path_count = 1, .paths = {(char *)(uintptr_t)path}, .value_count = values};
    s->ranks[s->space.axis_count++] = rank;
    s->space.size = (s->space.size > 0 ? s->space.size : 1) * (uint64_t)values;
}

// An axis of several paths ranks with the lowest of them, wherever that stands.
static void link_path(plan_space *s, const char *path, int rank, bool first) {
    sj_axis *a = &s->space.axes[s->space.axis_count - 1];
    int *own = &s->ranks[s->space.axis_count - 1];
    a->paths[a->path_count++] = (char *)(uintptr_t)path;
    if (first) {
        char *last = a->paths[a->path_count - 1];
        a->paths[a->path_count - 1] = a->paths[0];
        a->paths[0] = last;
    }
    *own = rank < *own ? rank : *own;
}

// Some ranks, one axis each, in any order; some axes of several paths of later ranks. repeated: ranks may come again.
static plan_space random_space(sj_random *r, int axes, int values_max, bool repeated) {
    plan_space s = {0};
    int order[RANKS];
    for (int i = 0; i < RANKS; i++) {
        const int j = (int)sj_random_below(r, (uint64_t)i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (int i = 0; i < axes; i++) {
        const int rank = repeated ? (int)sj_random_below(r, RANKS) : order[i];
        add_axis(&s, (int)sj_test_between(r, 1, values_max), path_of_rank(r, rank), rank);
        for (int more = (int)sj_random_below(r, 3); more > 0; more--) {
            const int other = (int)sj_test_between(r, rank, RANKS - 1);
            link_path(&s, path_of_rank(r, other), other, sj_random_below(r, 2) == 0);
        }
    }
    return s;
}

static const plan_space *sorting;

// Axes of lower rank decide first; among those of one rank the earlier.
static int by_rank(const void *a, const void *b) {
    int32_t x[SJ_AXES_MAX], y[SJ_AXES_MAX];
    sj_space_indexes(&sorting->space, *(const uint64_t *)a, x);
    sj_space_indexes(&sorting->space, *(const uint64_t *)b, y);
    for (int rank = 0; rank < RANKS; rank++) {
        for (int i = 0; i < sorting->space.axis_count; i++) {
            if (sorting->ranks[i] == rank && x[i] != y[i]) {
                return x[i] < y[i] ? -1 : 1;
            }
        }
    }
    return 0;
}

static void sort_by_rank(const plan_space *s, uint64_t *ids, uint64_t count) {
    sorting = s;
    qsort(ids, count, sizeof *ids, by_rank);
}

typedef struct walked {
    uint64_t count, ids[POINTS_MAX];
    int64_t chunks, largest, first;  // sizes
} walked;

// The whole of a plan that needs no results.
static void walk(const sj_strategy_options *o, const sj_space *space, int64_t chunk, walked *w) {
    sj_plan *p = NULL;
    int64_t count = 0;
    assert_int_equal(sj_plan_open(o, space, chunk, &p, &err), SJ_OK);
    assert_false(sj_plan_needs_results(p));
    memset(w, 0, sizeof *w);
    do {
        uint64_t ids[SJ_CHUNK_MAX + 1];
        bool waits = true;
        ids[SJ_CHUNK_MAX] = 77;
        assert_int_equal(sj_plan_next(p, ids, &count, &waits, &err), SJ_OK);
        assert_false(waits);
        assert_in_range(count, 0, SJ_CHUNK_MAX);
        assert_true(ids[SJ_CHUNK_MAX] == 77 && w->count + (uint64_t)count <= POINTS_MAX);
        memcpy(w->ids + w->count, ids, (size_t)count * sizeof *ids);
        w->count += (uint64_t)count;
        w->chunks += count > 0;
        w->first = w->chunks == 1 && count > 0 ? count : w->first;
        w->largest = count > w->largest ? count : w->largest;
    } while (count > 0);
    bool waits = true;
    uint64_t ids[SJ_CHUNK_MAX];
    assert_int_equal(sj_plan_next(p, ids, &count, &waits, &err), SJ_OK);  // the end stays
    assert_true(count == 0 && !waits);
    sj_plan_close(p);
}

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t share_of(uint64_t total) { return total / 16 < 1 ? 1 : total / 16 > SJ_CHUNK_MAX ? SJ_CHUNK_MAX : (int64_t)(total / 16); }

static walked one, two;
static uint64_t wanted[POINTS_MAX];

// Every id once, those that share most side by side; whole chunks of the size asked for, and what is left.
static void a_grid_has_every_point_once_in_the_order_of_what_is_shared(void **state) {
    (void)state;
    const sj_strategy_options grid = {.kind = SJ_STRATEGY_GRID};
    sj_random r = sj_random_seed(sj_test_seed(41));
    for (int round = 0; round < 300; round++) {
        const plan_space s = random_space(&r, (int)sj_test_between(&r, 1, 6), 4, round % 3 == 0);
        const int64_t asked = round % 4 == 0 ? 0 : sj_test_between(&r, 1, SJ_CHUNK_MAX), size = asked > 0 ? asked : share_of(s.space.size);
        walk(&grid, &s.space, asked, &one);
        assert_true(one.count == s.space.size);
        for (uint64_t i = 0; i < s.space.size; i++) {
            wanted[i] = i;
        }
        sort_by_rank(&s, wanted, s.space.size);
        assert_memory_equal(one.ids, wanted, s.space.size * sizeof *wanted);
        assert_int_equal(one.chunks, ((int64_t)s.space.size + size - 1) / size);
        assert_int_equal(one.first, size < (int64_t)s.space.size ? size : (int64_t)s.space.size);
        assert_int_equal(one.largest, one.first);
        walk(&grid, &s.space, asked, &two);
        assert_memory_equal(&one, &two, sizeof one);
    }
}

// The machines come in the same order, wherever their axes stand in the file.
static void the_order_of_the_axes_does_not_matter(void **state) {
    (void)state;
    const sj_strategy_options grid = {.kind = SJ_STRATEGY_GRID};
    sj_random r = sj_random_seed(sj_test_seed(42));
    for (int round = 0; round < 100; round++) {
        const plan_space s = random_space(&r, (int)sj_test_between(&r, 2, 6), 4, false);
        plan_space moved = {.space = {.axis_count = s.space.axis_count, .size = s.space.size}};
        int place[SJ_AXES_MAX];
        for (int i = 0; i < s.space.axis_count; i++) {
            const int j = (int)sj_random_below(&r, (uint64_t)i + 1);
            place[i] = place[j];
            place[j] = i;
        }
        for (int i = 0; i < s.space.axis_count; i++) {
            moved.space.axes[place[i]] = s.space.axes[i];
        }
        walk(&grid, &s.space, 7, &one);
        walk(&grid, &moved.space, 7, &two);
        for (uint64_t n = 0; n < s.space.size; n++) {
            int32_t x[SJ_AXES_MAX], y[SJ_AXES_MAX];
            sj_space_indexes(&s.space, one.ids[n], x);
            sj_space_indexes(&moved.space, two.ids[n], y);
            for (int i = 0; i < s.space.axis_count; i++) {
                assert_int_equal(x[i], y[place[i]]);
            }
        }
    }
}

static void asked_of_the_strategy(const sj_strategy_options *o, const sj_space *space, uint64_t *count) {
    sj_strategy *s = NULL;
    int64_t got = 0;
    assert_int_equal(sj_strategy_open(o, space, &s, &err), SJ_OK);
    *count = 0;
    do {
        assert_int_equal(sj_strategy_ask(s, wanted + *count, POINTS_MAX - (int64_t)*count, &got, &err), SJ_OK);
        *count += (uint64_t)got;
    } while (got > 0);
    sj_strategy_close(s);
}

// The strategy's points, none left out and none twice; ordered together as far as they are asked for together.
static void check_sampled(sj_random *r, sj_strategy_kind kind, const plan_space *s, uint64_t points) {
    const sj_strategy_options o = {.kind = kind, .points = points, .seed = sj_random_u64(r)};
    const int64_t asked = sj_random_below(r, 3) == 0 ? 0 : sj_test_between(r, 1, SJ_CHUNK_MAX);
    uint64_t count;
    asked_of_the_strategy(&o, &s->space, &count);
    walk(&o, &s->space, asked, &one);
    assert_true(one.count == count);
    assert_int_equal(one.largest, smaller(asked > 0 ? asked : share_of(count), (int64_t)count));
    for (uint64_t begin = 0; begin < count; begin += WINDOW) {
        sort_by_rank(s, wanted + begin, count - begin < WINDOW ? count - begin : WINDOW);
    }
    assert_memory_equal(one.ids, wanted, count * sizeof *wanted);
    walk(&o, &s->space, asked, &two);
    assert_memory_equal(&one, &two, sizeof one);
}

static void random_and_sobol_points_are_the_strategys(void **state) {
    (void)state;
    sj_random r = sj_random_seed(sj_test_seed(43));
    for (int round = 0; round < 200; round++) {
        const plan_space s = random_space(&r, (int)sj_test_between(&r, 1, 6), 5, round % 3 == 0);
        check_sampled(&r, round % 2 == 0 ? SJ_STRATEGY_RANDOM : SJ_STRATEGY_SOBOL, &s, (uint64_t)sj_test_between(&r, 1, smaller((int64_t)s.space.size + 3, 3000)));
    }
    plan_space large = {0};
    add_axis(&large, 1000, "dram.codec", 6);
    add_axis(&large, 1000, "batch", 0);
    check_sampled(&r, SJ_STRATEGY_RANDOM, &large, 10000);
    check_sampled(&r, SJ_STRATEGY_SOBOL, &large, WINDOW + 1);
}

// ---- nsga2

static sj_point_result result_of(uint64_t id) {
    sj_random r = sj_random_seed(id + 12345);
    sj_point_result p = {.id = id, .valid = sj_random_below(&r, 5) > 0};
    for (int v = 0; v < SJ_SWEEP_VALUE_COUNT && p.valid; v++) {
        p.values[v] = sj_random_unit(&r);
    }
    return p;
}

static void shuffle(sj_random *r, uint64_t *ids, uint64_t count) {
    for (uint64_t i = count; i > 1; i--) {
        const uint64_t j = sj_random_below(r, i), id = ids[j];
        ids[j] = ids[i - 1];
        ids[i - 1] = id;
    }
}

// All of a generation's chunks, until the plan waits or ends.
static uint64_t take_generation(sj_plan *p, int64_t chunk, uint64_t *ids, bool *waits) {
    uint64_t total = 0;
    int64_t count = 0;
    do {
        assert_int_equal(sj_plan_next(p, ids + total, &count, waits, &err), SJ_OK);
        assert_true(count <= chunk && (!*waits || count == 0));
        total += (uint64_t)count;
        assert_true(total + SJ_CHUNK_MAX <= POINTS_MAX);
    } while (count > 0);
    return total;
}

static void assert_waits(sj_plan *p) {
    uint64_t ids[SJ_CHUNK_MAX];
    int64_t count = 99;
    bool waits = false;
    assert_int_equal(sj_plan_next(p, ids, &count, &waits, &err), SJ_OK);
    assert_true(waits && count == 0);
}

// Told in any order; as long as one is missing the plan waits.
static void tell_generation(sj_random *r, sj_plan *p, uint64_t *ids, uint64_t count) {
    shuffle(r, ids, count);
    for (uint64_t i = 0; i < count; i++) {
        const sj_point_result result = result_of(ids[i]);
        if (i == 0 || i + 1 == count || sj_random_below(r, 8) == 0) {
            assert_waits(p);
        }
        assert_int_equal(sj_plan_tell(p, &result, &err), SJ_OK);
    }
}

static int ascending(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

// What the strategy itself asks for next, told already.
static uint64_t next_of_strategy(sj_strategy *s, int64_t max) {
    int64_t count = 0;
    assert_int_equal(sj_strategy_ask(s, wanted, max, &count, &err), SJ_OK);
    for (int64_t i = 0; i < count; i++) {
        const sj_point_result result = result_of(wanted[i]);
        assert_int_equal(sj_strategy_tell(s, &result, &err), SJ_OK);
    }
    return (uint64_t)count;
}

// Two plans, told in different orders, and the strategy: the same generations.
static void check_evolution(sj_random *r, const plan_space *s, const sj_strategy_options *o) {
    const int64_t chunk = sj_test_between(r, 1, SJ_CHUNK_MAX);
    sj_plan *plans[2];
    sj_strategy *strategy = NULL;
    uint64_t total = 0;
    bool waits[2] = {true, true};
    assert_int_equal(sj_strategy_open(o, &s->space, &strategy, &err), SJ_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sj_plan_open(o, &s->space, chunk, &plans[i], &err), SJ_OK);
        assert_true(sj_plan_needs_results(plans[i]));
    }
    while (waits[0]) {
        const uint64_t count = take_generation(plans[0], chunk, one.ids, &waits[0]);
        assert_true(take_generation(plans[1], chunk, two.ids, &waits[1]) == count);
        assert_memory_equal(one.ids, two.ids, count * sizeof *one.ids);
        assert_int_equal(waits[0], waits[1]);
        assert_int_equal(waits[0], count > 0);
        assert_true(next_of_strategy(strategy, WINDOW) == count);
        sort_by_rank(s, wanted, count);
        assert_memory_equal(one.ids, wanted, count * sizeof *wanted);
        for (int i = 0; i < 2 && count > 0; i++) {
            tell_generation(r, plans[i], i == 0 ? one.ids : two.ids, count);
        }
        total += count;
    }
    assert_true(total > 0 && total <= o->points && total <= s->space.size);
    sj_strategy_close(strategy);
    sj_plan_close(plans[0]);
    sj_plan_close(plans[1]);
}

static void nsga2_waits_for_its_results(void **state) {
    (void)state;
    sj_random r = sj_random_seed(sj_test_seed(44));
    for (int round = 0; round < 40; round++) {
        const plan_space s = random_space(&r, (int)sj_test_between(&r, 2, 6), 6, true);
        const sj_strategy_options o = {.kind = SJ_STRATEGY_NSGA2, .points = (uint64_t)sj_test_between(&r, 1, 200), .seed = sj_random_u64(&r), .population = 2 * (int)sj_test_between(&r, 2, 30), .crossover = 0.9,
                                       .objective_count = 2, .objectives = {SJ_SWEEP_energy_pj, SJ_SWEEP_cycles}};
        check_evolution(&r, &s, &o);
    }
}

// A generation of more points than are ordered together comes in parts.
static void a_large_generation_comes_in_parts(void **state) {
    (void)state;
    sj_random r = sj_random_seed(sj_test_seed(45));
    plan_space s = {0};
    add_axis(&s, 300, "clock_mhz", 5);
    add_axis(&s, 300, "array.rows", 3);
    const sj_strategy_options o = {.kind = SJ_STRATEGY_NSGA2, .points = 5000, .seed = 5, .population = 5000, .crossover = 0.9, .objective_count = 1, .objectives = {SJ_SWEEP_energy_pj}};
    check_evolution(&r, &s, &o);
}

static bool is_among(const uint64_t *ids, int count, uint64_t id) {
    for (int i = 0; i < count; i++) {
        if (ids[i] == id) {
            return true;
        }
    }
    return false;
}

// A result that nobody asked for is refused and counts for none.
static void a_wrong_result_does_not_end_the_waiting(void **state) {
    (void)state;
    plan_space s = {0};
    add_axis(&s, 50, "array.rows", 3);
    add_axis(&s, 50, "array.slots", 3);
    const sj_strategy_options o = {.kind = SJ_STRATEGY_NSGA2, .points = 8, .seed = 3, .population = 8, .crossover = 0.9, .objective_count = 1, .objectives = {SJ_SWEEP_energy_pj}};
    sj_plan *p = NULL;
    bool waits;
    assert_int_equal(sj_plan_open(&o, &s.space, 5, &p, &err), SJ_OK);
    assert_int_equal(take_generation(p, 5, one.ids, &waits), 8);
    assert_true(waits);
    for (int i = 0; i < 7; i++) {
        const sj_point_result result = result_of(one.ids[i]);
        assert_int_equal(sj_plan_tell(p, &result, &err), SJ_OK);
    }
    uint64_t other = 0;
    while (is_among(one.ids, 8, other)) {
        other++;
    }
    const sj_point_result result = result_of(other);
    assert_int_not_equal(sj_plan_tell(p, &result, &err), SJ_OK);
    assert_waits(p);
    sj_plan_close(p);
}

static void a_plan_of_no_strategy_is_refused(void **state) {
    (void)state;
    plan_space s = {0};
    add_axis(&s, 5, "array.rows", 3);
    const sj_strategy_options o = {.kind = SJ_STRATEGY_RANDOM, .points = 0};
    sj_plan *p = (sj_plan *)&s;
    assert_int_equal(sj_plan_open(&o, &s.space, 5, &p, &err), SJ_ERR_RANGE);
    assert_null(p);
    sj_plan_close(p);
}

// ---- numbers of chunks

// Single points, beginnings of one chunk, neighbours, random ones: all different, none negative, the same when asked again.
static void chunks_have_numbers_of_their_own(void **state) {
    (void)state;
    enum { CHUNKS = 20000 };
    static uint64_t numbers[CHUNKS];
    sj_random r = sj_random_seed(sj_test_seed(46));
    uint64_t ids[SJ_CHUNK_MAX];
    for (int i = 0; i < CHUNKS; i++) {
        int64_t count = 1;
        ids[0] = (uint64_t)i;
        if (i % 4 == 1) {  // a run of ids, as a grid has it
            count = 100;
            for (int64_t n = 0; n < count; n++) {
                ids[n] = (uint64_t)(i * 100 + n);
            }
        } else if (i % 4 >= 2) {
            count = i % 4 == 2 ? sj_test_between(&r, 2, SJ_CHUNK_MAX) : 2 + i / 4 % (SJ_CHUNK_MAX - 1);
            for (int64_t n = 0; n < count; n++) {
                ids[n] = sj_random_below(&r, INT64_MAX);
            }
            ids[count - 1] = (uint64_t)i;  // so that no two are the same
        }
        const int64_t number = sj_chunk_number(ids, count);
        assert_true(number >= 0);
        assert_true(sj_chunk_number(ids, count) == number);
        numbers[i] = (uint64_t)number;
    }
    qsort(numbers, CHUNKS, sizeof *numbers, ascending);
    for (int i = 1; i < CHUNKS; i++) {
        assert_true(numbers[i] != numbers[i - 1]);
    }
}

// Chunks that differ in one point, or in how many they have.
static void a_point_changes_the_number(void **state) {
    (void)state;
    sj_random r = sj_random_seed(sj_test_seed(47));
    for (int round = 0; round < 2000; round++) {
        uint64_t ids[SJ_CHUNK_MAX];
        const int64_t count = sj_test_between(&r, 1, SJ_CHUNK_MAX), at = sj_test_between(&r, 0, count - 1);
        for (int64_t i = 0; i < count; i++) {
            ids[i] = sj_random_below(&r, 100000);
        }
        const int64_t number = sj_chunk_number(ids, count);
        assert_true(count == 1 || sj_chunk_number(ids, count - 1) != number);
        ids[at] ^= UINT64_C(1) << sj_random_below(&r, 63);
        assert_true(sj_chunk_number(ids, count) != number);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grid_has_every_point_once_in_the_order_of_what_is_shared),
        cmocka_unit_test(the_order_of_the_axes_does_not_matter),
        cmocka_unit_test(random_and_sobol_points_are_the_strategys),
        cmocka_unit_test(nsga2_waits_for_its_results),
        cmocka_unit_test(a_large_generation_comes_in_parts),
        cmocka_unit_test(a_wrong_result_does_not_end_the_waiting),
        cmocka_unit_test(a_plan_of_no_strategy_is_refused),
        cmocka_unit_test(chunks_have_numbers_of_their_own),
        cmocka_unit_test(a_point_changes_the_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
