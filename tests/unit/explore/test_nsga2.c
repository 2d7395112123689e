// SPDX-License-Identifier: Apache-2.0
// NSGA-II: what it finds of the fronts of stand-ins whose whole grid is known, and what it must keep to.
#include "nsga2_internal.h"
#include "nsga2_standins.h"
#include "sj_pareto.h"
#include "sj_test.h"

enum { BUDGET = 410, SEEDS = 10, POPULATION = 20 };

static sj_error err;

// A stand-in's whole grid. Two measures of a front: the share of the grid's hypervolume below the grid's worst values; and, which is far stricter, that of the logarithms below
// the worst values of the true front.
typedef struct truth {
    const standin *of;
    sj_space space;
    int64_t valid;
    double worst[3], near[3];  // reference points; near: of logarithms
    double volume, near_volume;
} truth;

static double volume_of(const truth *t, const double *rows, int64_t count, bool near) {
    static double logs[GRID * 3];
    double volume = 0.0;
    for (int64_t i = 0; i < count * t->of->objectives; i++) {
        logs[i] = log(rows[i]);
    }
    assert_int_equal(sj_hypervolume(near ? logs : rows, count, t->of->objectives, near ? t->near : t->worst, &volume, &err), SJ_OK);
    return volume;
}

static truth look_at_all(const standin *of) {
    static double rows[GRID * 3];
    static bool front[GRID];
    const int objectives = of->objectives;
    truth t = {.of = of, .space = space_of(of), .near = {-HUGE_VAL, -HUGE_VAL, -HUGE_VAL}};
    assert_int_equal(t.space.size, GRID);
    for (uint64_t id = 0; id < GRID; id++) {
        int32_t index[SJ_AXES_MAX];
        double figures[3];
        sj_space_indexes(&t.space, id, index);
        if (of->evaluate(index, figures)) {
            memcpy(rows + t.valid++ * objectives, figures, (size_t)objectives * sizeof *rows);
        }
    }
    assert_int_equal(sj_pareto_front(rows, t.valid, objectives, front, &err), SJ_OK);
    for (int64_t i = 0; i < t.valid * objectives; i++) {
        t.worst[i % objectives] = fmax(t.worst[i % objectives], rows[i]);
        t.near[i % objectives] = front[i / objectives] ? fmax(t.near[i % objectives], log(rows[i] * 1.02)) : t.near[i % objectives];
    }
    t.volume = volume_of(&t, rows, t.valid, false);
    t.near_volume = volume_of(&t, rows, t.valid, true);
    return t;
}

static sj_strategy_options options_of(uint64_t points, uint64_t seed, int population, int objectives) {
    return (sj_strategy_options){.kind = SJ_STRATEGY_NSGA2, .points = points, .seed = seed, .population = population, .crossover = 0.9, .objective_count = objectives,
                                 .objectives = {SJ_SWEEP_energy_pj, SJ_SWEEP_cycles, SJ_SWEEP_area_mm2}};
}

static sj_point_result result_of(const standin *of, const sj_space *space, uint64_t id) {
    int32_t index[SJ_AXES_MAX];
    double figures[3];
    sj_point_result r = {.id = id};
    sj_space_indexes(space, id, index);
    r.valid = of->evaluate(index, figures);
    r.values[SJ_SWEEP_energy_pj] = figures[0];
    r.values[SJ_SWEEP_cycles] = figures[1];
    r.values[SJ_SWEEP_area_mm2] = figures[2];
    return r;
}

static int keep(const truth *t, const sj_point_result *r, double *row) {
    const double figures[3] = {r->values[SJ_SWEEP_energy_pj], r->values[SJ_SWEEP_cycles], r->values[SJ_SWEEP_area_mm2]};
    memcpy(row, figures, (size_t)t->of->objectives * sizeof *row);
    return r->valid;
}

// Asks, tells, and asks again to the end; the figures of the valid points, and how many they are.
static int64_t search(const truth *t, const sj_nsga2_variant *variant, uint64_t seed, double *rows) {
    const sj_strategy_options o = options_of(BUDGET, seed, POPULATION, t->of->objectives);
    sj_nsga2 *n = NULL;
    int64_t count = 0, valid = 0, points = 0;
    uint64_t ids[64];
    assert_int_equal(sj_nsga2_open(&o, &t->space, BUDGET, variant, &n, &err), SJ_OK);
    do {
        assert_int_equal(sj_nsga2_ask(n, ids, 64, &count, &err), SJ_OK);
        for (int64_t i = 0; i < count; i++, points++) {
            const sj_point_result r = result_of(t->of, &t->space, ids[i]);
            assert_int_equal(sj_nsga2_tell(n, &r, &err), SJ_OK);
            valid += keep(t, &r, rows + valid * t->of->objectives);
        }
    } while (count > 0);
    sj_nsga2_close(n);
    assert_int_equal(points, BUDGET);
    return valid;
}

// The same of as many random points: what shows that the goal is none that anything reaches.
static int64_t draw(const truth *t, uint64_t seed, double *rows) {
    const sj_strategy_options o = {.kind = SJ_STRATEGY_RANDOM, .points = BUDGET, .seed = seed};
    sj_strategy *s = NULL;
    int64_t count = 0, valid = 0;
    uint64_t ids[BUDGET];
    assert_int_equal(sj_strategy_open(&o, &t->space, &s, &err), SJ_OK);
    assert_int_equal(sj_strategy_ask(s, ids, BUDGET, &count, &err), SJ_OK);
    sj_strategy_close(s);
    for (int64_t i = 0; i < count; i++) {
        const sj_point_result r = result_of(t->of, &t->space, ids[i]);
        valid += keep(t, &r, rows + valid * t->of->objectives);
    }
    return valid;
}

typedef struct score {
    double mean[2], worst[2];
} score;

// variant NULL: random points.
static score search_seeds(const truth *t, const sj_nsga2_variant *variant) {
    static double rows[(BUDGET + 1) * 3];
    score s = {.worst = {1.0, 1.0}};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const int64_t valid = variant != NULL ? search(t, variant, seed, rows) : draw(t, seed, rows);
        const double share[2] = {volume_of(t, rows, valid, false) / t->volume, volume_of(t, rows, valid, true) / t->near_volume};
        for (int i = 0; i < 2; i++) {
            s.mean[i] += share[i] / SEEDS;
            s.worst[i] = fmin(s.worst[i], share[i]);
        }
    }
    return s;
}

// A tenth of the grid finds 98 % of the hypervolume, with every seed.
static void test_a_tenth_is_enough(void **state) {
    for (int i = 0; i < STANDINS; i++) {
        const truth t = look_at_all(&standins[i]);
        const score s = search_seeds(&t, &sj_nsga2_usual);
        printf("%-26s %lld valid: mean %.4f, worst %.4f; by logarithms near the front: mean %.4f, worst %.4f\n", t.of->name, (long long)t.valid, s.mean[0], s.worst[0], s.mean[1], s.worst[1]);
        assert_true(s.worst[0] >= 0.98);
    }
}

// Neighbours are worth their while in the mean over all stand-ins and seeds; and random points reach less than the goal.
static void test_what_differences_are_worth(void **state) {
    enum { USUAL, UNSTARTED, ALONE, PLAIN, RANDOM, COUNT };
    static const char *const names[COUNT] = {"as it is", "random start", "no neighbours", "neither", "random points"};
    const sj_nsga2_variant unstarted = {.sobol = false, .neighbours = sj_nsga2_usual.neighbours}, alone = {.sobol = true, .neighbours = 0.0};
    const sj_nsga2_variant *const variants[COUNT] = {&sj_nsga2_usual, &unstarted, &alone, &sj_nsga2_plain, NULL};
    score all[COUNT];
    for (int v = 0; v < COUNT; v++) {
        all[v] = (score){.worst = {1.0, 1.0}};
        for (int i = 0; i < STANDINS; i++) {
            const truth t = look_at_all(&standins[i]);
            const score s = search_seeds(&t, variants[v]);
            for (int k = 0; k < 2; k++) {
                all[v].mean[k] += s.mean[k] / STANDINS;
                all[v].worst[k] = fmin(all[v].worst[k], s.worst[k]);
            }
        }
        printf("%-14s mean %.4f, worst %.4f; by logarithms near the front: mean %.4f, worst %.4f\n", names[v], all[v].mean[0], all[v].worst[0], all[v].mean[1], all[v].worst[1]);
    }
    for (int k = 0; k < 2; k++) {
        assert_true(all[ALONE].mean[k] < all[USUAL].mean[k] && all[PLAIN].mean[k] < all[USUAL].mean[k] && all[RANDOM].mean[k] < all[PLAIN].mean[k]);
    }
    assert_true(all[RANDOM].worst[0] < 0.98);
}

typedef struct puzzle {
    sj_space space;
    uint64_t key;
    double valid;  // part of its points
} puzzle;

static puzzle make_puzzle(sj_random *r) {
    puzzle p = {.space = {.axis_count = (int)sj_test_between(r, 1, 5), .size = 1}, .key = sj_random_u64(r), .valid = sj_random_unit(r) * 1.2};
    for (int i = 0; i < p.space.axis_count; i++) {
        p.space.axes[i].value_count = (int)sj_test_between(r, 1, 6);
        p.space.axes[i].numeric = sj_random_below(r, 2) == 1;
        p.space.size *= (uint64_t)p.space.axes[i].value_count;
    }
    return p;
}

// Small whole numbers: many points are equal.
static sj_point_result solve(const puzzle *p, uint64_t id) {
    sj_random r = sj_random_stream(p->key, id);
    sj_point_result result = {.id = id, .valid = sj_random_unit(&r) < p->valid};
    for (int i = 0; i < SJ_SWEEP_VALUE_COUNT; i++) {
        result.values[i] = (double)sj_test_between(&r, 0, 9);
    }
    return result;
}

static sj_strategy_options random_options(sj_random *r, const puzzle *p) {
    sj_strategy_options o = options_of((uint64_t)sj_test_between(r, 1, (int64_t)p->space.size + 10), sj_random_u64(r), 2 * (int)sj_test_between(r, 2, 20), (int)sj_test_between(r, 1, 3));
    o.crossover = sj_random_unit(r);
    o.mutation = sj_random_below(r, 2) == 1 ? sj_random_unit(r) : 0.0;
    return o;
}

static uint64_t run_in_order(const puzzle *p, const sj_strategy_options *o, uint64_t *ids) {
    sj_strategy *s = NULL;
    int64_t count = 0;
    uint64_t total = 0;
    assert_int_equal(sj_strategy_open(o, &p->space, &s, &err), SJ_OK);
    assert_true(sj_strategy_needs_results(s));
    do {
        assert_int_equal(sj_strategy_ask(s, ids + total, 1000000, &count, &err), SJ_OK);
        assert_true(count <= o->population);
        for (int64_t i = 0; i < count; i++) {
            const sj_point_result r = solve(p, ids[total++]);
            assert_int_equal(sj_strategy_tell(s, &r, &err), SJ_OK);
        }
    } while (count > 0);
    assert_true(total == sj_strategy_total(s));
    sj_strategy_close(s);
    return total;
}

// The same by lots of any size, of which some are told before the generation is handed out, in any order.
static uint64_t run_in_disorder(const puzzle *p, const sj_strategy_options *o, uint64_t *ids, sj_random *r) {
    sj_strategy *s = NULL;
    int64_t count = 0;
    uint64_t total = 0, open[64], waiting = 0;
    assert_int_equal(sj_strategy_open(o, &p->space, &s, &err), SJ_OK);
    for (;;) {
        const sj_status status = sj_strategy_ask(s, ids + total, sj_test_between(r, 1, 7), &count, &err);
        assert_true(status == SJ_OK || (status == SJ_ERR_INTERNAL && waiting > 0 && count == 0));
        for (int64_t i = 0; i < count; i++) {
            open[waiting++] = ids[total++];
        }
        if (status == SJ_OK && count == 0) {
            break;
        }
        for (int64_t tells = sj_test_between(r, status == SJ_OK ? 0 : 1, 4); tells > 0 && waiting > 0; tells--) {
            const uint64_t which = sj_random_below(r, waiting);
            const sj_point_result result = solve(p, open[which]);
            open[which] = open[--waiting];
            assert_int_equal(sj_strategy_tell(s, &result, &err), SJ_OK);
        }
    }
    sj_strategy_close(s);
    return total;
}

// Different points of the space, as many as asked for or as there are, whatever is valid; the same with the same seed, however they are asked for and told.
static void test_points(void **state) {
    enum { ROOM = 7776 + 1000 };
    static uint64_t ids[ROOM], again[ROOM];
    sj_random r = sj_random_seed(sj_test_seed(1));
    for (int round = 0; round < 150; round++) {
        const puzzle p = make_puzzle(&r);
        const sj_strategy_options o = random_options(&r, &p);
        static bool met[ROOM];
        memset(met, 0, sizeof met);
        const uint64_t total = run_in_order(&p, &o, ids);
        assert_true(total == (o.points < p.space.size ? o.points : p.space.size));
        for (uint64_t i = 0; i < total; i++) {
            assert_true(ids[i] < p.space.size && !met[ids[i]]);
            met[ids[i]] = true;
        }
        assert_true(run_in_disorder(&p, &o, again, &r) == total);
        assert_memory_equal(ids, again, total * sizeof *ids);
    }
}

static bool dominates(const sj_nsga2 *n, int64_t a, int64_t b) {
    const int objectives = n->options.objective_count;
    return n->met[a].valid && n->met[b].valid && sj_dominates(n->rows + a * objectives, n->rows + b * objectives, objectives);
}

// The pool of the last selection: different points, of which none left out, behind the population, is better than any of it; ranks as non-dominated sorting gives them.
static void assert_population(const sj_nsga2 *n, int64_t pool) {
    assert_int_equal(n->size, pool < n->options.population ? pool : n->options.population);
    for (int64_t i = 0; i < pool; i++) {
        const sj_candidate *c = &n->population[i];
        bool beaten = false, next = false;
        assert_int_equal(c->rank == INT32_MAX, !n->met[c->place].valid);
        for (int64_t k = 0; k < pool; k++) {
            const sj_candidate *d = &n->population[k];
            const bool beats = dominates(n, d->place, c->place);
            assert_true(k == i || c->place != d->place);
            assert_false(i < n->size && k >= n->size && (d->rank < c->rank || (d->rank == c->rank && d->crowding > c->crowding)));
            assert_false(beats && d->rank >= c->rank);
            beaten |= beats;
            next |= beats && d->rank == c->rank - 1;
        }
        assert_true(c->rank == INT32_MAX || (beaten == (c->rank > 0) && next == (c->rank > 0)));
    }
}

static void assert_front(const sj_nsga2 *n, int64_t met) {
    int64_t best = 0;
    for (int64_t i = 0; i < met; i++) {
        bool beaten = !n->met[i].valid, listed = false;
        for (int64_t k = 0; k < met && !beaten; k++) {
            beaten = dominates(n, k, i);
        }
        for (int64_t k = 0; k < n->front_count; k++) {
            listed |= n->front[k] == i;
        }
        assert_int_equal(listed, !beaten);
        best += !beaten;
    }
    assert_int_equal(best, n->front_count);
}

static void test_selection(void **state) {
    sj_random r = sj_random_seed(sj_test_seed(2));
    for (int round = 0; round < 60; round++) {
        const puzzle p = make_puzzle(&r);
        const sj_strategy_options o = random_options(&r, &p);
        sj_nsga2 *n = NULL;
        uint64_t ids[64];
        int64_t count = 0;
        assert_int_equal(sj_nsga2_open(&o, &p.space, o.points < p.space.size ? o.points : p.space.size, &sj_nsga2_usual, &n, &err), SJ_OK);
        do {
            const int64_t met = n->count, pool = n->size + met - n->born;
            assert_int_equal(sj_nsga2_ask(n, ids, 64, &count, &err), SJ_OK);
            if (met > 0 && count > 0) {
                assert_population(n, pool);
                assert_front(n, met);
            }
            for (int64_t i = 0; i < count; i++) {
                const sj_point_result result = solve(&p, ids[i]);
                assert_int_equal(sj_nsga2_tell(n, &result, &err), SJ_OK);
            }
        } while (count > 0);
        sj_nsga2_close(n);
    }
}

// What a second generation is made of, told by coordinates: two axes so long that hardly two points share one.
typedef struct descent {
    int64_t copied[2];  // children with one coordinate of a point of the better half, or of the other half
    int64_t mixed, new;  // with the coordinates of two points; with none of any
} descent;

enum { FAMILIES = 20 };

static void trace_child(descent *d, const sj_nsga2 *n, const sj_space *space, uint64_t id) {
    int32_t index[SJ_AXES_MAX], parent[SJ_AXES_MAX];
    int64_t from[2] = {-1, -1};
    sj_space_indexes(space, id, index);
    for (int64_t i = 0; i < n->size; i++) {
        sj_space_indexes(space, n->met[n->population[i].place].id, parent);
        for (int axis = 0; axis < 2; axis++) {
            from[axis] = parent[axis] == index[axis] ? i : from[axis];
        }
    }
    if (from[0] >= 0 && from[1] >= 0) {
        d->mixed++;
    } else if (from[0] >= 0 || from[1] >= 0) {
        d->copied[(from[0] >= 0 ? from[0] : from[1]) >= n->size / 2]++;
    } else {
        d->new++;
    }
}

// slope: cycles are slope x energy. 1: of any two points one dominates; -1: none does.
static descent breed_families(double crossover, double mutation, double slope) {
    const sj_space space = {.axis_count = 2, .size = 100000ull * 100000ull, .axes = {{.value_count = 100000, .numeric = true}, {.value_count = 100000, .numeric = true}}};
    descent d = {.mixed = 0};
    for (uint64_t seed = 1; seed <= FAMILIES; seed++) {
        sj_strategy_options o = options_of(2 * POPULATION, seed, POPULATION, 2);
        sj_nsga2 *n = NULL;
        uint64_t ids[POPULATION];
        int64_t count = 0;
        o.crossover = crossover;
        o.mutation = mutation;
        assert_int_equal(sj_nsga2_open(&o, &space, 2 * POPULATION, &sj_nsga2_plain, &n, &err), SJ_OK);
        assert_int_equal(sj_nsga2_ask(n, ids, POPULATION, &count, &err), SJ_OK);
        for (int64_t i = 0; i < count; i++) {
            const double energy = (double)(ids[i] % 99991);
            const sj_point_result r = {.id = ids[i], .valid = true, .values = {[SJ_SWEEP_energy_pj] = energy, [SJ_SWEEP_cycles] = slope * energy}};
            assert_int_equal(sj_nsga2_tell(n, &r, &err), SJ_OK);
        }
        assert_int_equal(sj_nsga2_ask(n, ids, POPULATION, &count, &err), SJ_OK);
        for (int64_t i = 0; i < count; i++) {
            trace_child(&d, n, &space, ids[i]);
        }
        sj_nsga2_close(n);
    }
    return d;
}

// Tournaments of two let the better half have three children of four, by rank and by crowding; crossover mixes two parents in half of its cases; mutation changes every axis, or
// the one that it must.
static void test_children(void **state) {
    const int64_t all = FAMILIES * POPULATION;
    for (int i = 0; i < 2; i++) {
        const descent copies = breed_families(0.0, 1e-9, i == 0 ? 1.0 : -1.0);
        assert_in_range(copies.copied[0], all * 68 / 100, all * 82 / 100);
        assert_in_range(copies.copied[1], all * 18 / 100, all * 32 / 100);
    }
    const descent mixed = breed_families(1.0, 1e-9, 1.0), sometimes = breed_families(0.5, 1e-9, 1.0), mutated = breed_families(1.0, 1.0, 1.0), usual = breed_families(0.0, 0.0, 1.0);
    assert_in_range(mixed.mixed, all * 40 / 100, all * 55 / 100);
    assert_in_range(sometimes.mixed, all * 17 / 100, all * 30 / 100);
    assert_true(mutated.new >= all * 98 / 100);
    assert_in_range(usual.new, all * 17 / 100, all * 33 / 100);  // each of two axes with probability 1/2
}

// As long as nothing is valid there is nothing to learn from: a Sobol sequence goes on.
static void test_none_is_valid(void **state) {
    const puzzle p = {.space = space_of(&standins[0]), .key = 1, .valid = 0.0};
    const sj_strategy_options o = options_of(100, 3, 20, 2), sobol = {.kind = SJ_STRATEGY_SOBOL, .points = 100, .seed = 3};
    uint64_t ids[100], expected[100];
    int64_t count = 0;
    sj_strategy *s = NULL;
    assert_int_equal(run_in_order(&p, &o, ids), 100);
    assert_int_equal(sj_strategy_open(&sobol, &p.space, &s, &err), SJ_OK);
    assert_int_equal(sj_strategy_ask(s, expected, 100, &count, &err), SJ_OK);
    sj_strategy_close(s);
    assert_memory_equal(ids, expected, sizeof ids);
}

// One point of 64 is valid, in a corner: it is found, and then its like.
static bool run_corner(const int32_t *i, double figures[3]) {
    run_array(i, figures);
    return i[0] >= 2 && i[1] >= 2 && i[2] >= 2 && i[3] >= 2 && i[4] >= 2 && i[5] >= 2;
}

static void test_few_are_valid(void **state) {
    static double rows[(BUDGET + 1) * 3];
    const standin corner = {"corner", 6, {4, 4, 4, 4, 4, 4}, 1u << 4, 2, run_corner};
    const truth t = look_at_all(&corner);
    assert_int_equal(t.valid, 64);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const int64_t valid = search(&t, &sj_nsga2_usual, seed, rows);
        assert_true(valid >= 32);  // of random points, 6
    }
}

static void test_refusals(void **state) {
    const sj_space space = space_of(&standins[0]);
    const sj_strategy_options o = options_of(100, 1, 4, 2);
    sj_strategy *s = NULL;
    uint64_t ids[8];
    int64_t count = 0;
    assert_int_equal(sj_strategy_open(&o, &space, &s, &err), SJ_OK);
    assert_int_equal(sj_strategy_tell(s, &(sj_point_result){.id = 5}, &err), SJ_ERR_INTERNAL);
    assert_non_null(strstr(err.message, "point 5, which it never asked for"));
    assert_int_equal(sj_strategy_ask(s, ids, 3, &count, &err), SJ_OK);
    assert_int_equal(count, 3);
    sj_point_result r = result_of(&standins[0], &space, ids[0]);
    r.values[SJ_SWEEP_area_mm2] = (double)NAN;  // no objective
    assert_int_equal(sj_strategy_tell(s, &r, &err), SJ_OK);
    assert_int_equal(sj_strategy_tell(s, &r, &err), SJ_ERR_INTERNAL);
    assert_non_null(strstr(err.message, "a second time"));
    r = result_of(&standins[0], &space, ids[1]);
    r.values[SJ_SWEEP_cycles] = (double)NAN;
    assert_int_equal(sj_strategy_tell(s, &r, &err), SJ_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "cycles is nan"));
    r.values[SJ_SWEEP_cycles] = HUGE_VAL;
    assert_int_equal(sj_strategy_tell(s, &r, &err), SJ_ERR_NUMERIC);
    r.valid = false;  // then nobody looks at it
    assert_int_equal(sj_strategy_tell(s, &r, &err), SJ_OK);
    sj_strategy *other = NULL;
    uint64_t same[8];
    assert_int_equal(sj_strategy_open(&o, &space, &other, &err), SJ_OK);
    assert_int_equal(sj_strategy_ask(other, same, 8, &count, &err), SJ_OK);
    sj_strategy_close(other);
    assert_int_equal(count, 4);
    r = result_of(&standins[0], &space, same[3]);
    assert_int_equal(sj_strategy_tell(s, &r, &err), SJ_ERR_INTERNAL);  // of the generation, but not handed out yet
    assert_int_equal(sj_strategy_ask(s, ids + 3, 8, &count, &err), SJ_OK);  // the rest of the generation
    assert_int_equal(count, 1);
    assert_memory_equal(ids, same, 4 * sizeof *ids);
    assert_int_equal(sj_strategy_ask(s, ids, 8, &count, &err), SJ_ERR_INTERNAL);
    assert_non_null(strstr(err.message, "while 2 of its last generation have no result yet"));
    assert_int_equal(count, 0);
    sj_strategy_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_tenth_is_enough), cmocka_unit_test(test_what_differences_are_worth), cmocka_unit_test(test_points),
        cmocka_unit_test(test_selection),         cmocka_unit_test(test_children),                   cmocka_unit_test(test_none_is_valid),
        cmocka_unit_test(test_few_are_valid),     cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
