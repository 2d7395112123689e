// SPDX-License-Identifier: Apache-2.0
// GradSamp: what is sampled is normal with the fitted mean and deviation, for each kind of fit; which epochs are skipped; equal bits.
#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sj_gradsamp.h"
#include "sj_random.h"

enum { ARRAYS = 5, LARGEST = 60001 };

static sj_error err;

// Two arrays of layer 0, gamma and beta of layer 1, one of layer 2; sizes that are no multiple of anything.
static const int64_t counts[ARRAYS] = {60001, 20000, 30011, 30011, 40007};
static const int layers[ARRAYS] = {0, 0, 1, 1, 2};
static const bool norms[ARRAYS] = {false, false, true, true, false};

typedef struct network {
    sj_gradsamp_array arrays[ARRAYS];
    float *before[ARRAYS], *last[ARRAYS];  // what the last two real epochs left
    sj_gradsamp_state state;
    uint64_t seed;
} network;

static uint64_t test_seed(uint64_t fallback) {
    const char *text = getenv("SJ_TEST_SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : fallback;
    print_message("seed %llu (SJ_TEST_SEED)\n", (unsigned long long)seed);
    return seed;
}

// Steps that are not normal at all, another distribution each array: uniform around a mean. Two real epochs after one that must be forgotten.
static void make(network *n, uint64_t seed) {
    sj_random r = sj_random_seed(seed);
    memset(n, 0, sizeof *n);
    n->seed = seed;
    for (int i = 0; i < ARRAYS; i++) {
        n->arrays[i] = (sj_gradsamp_array){layers[i], norms[i], counts[i], calloc((size_t)counts[i], sizeof(float))};
        n->before[i] = calloc((size_t)counts[i], sizeof(float));
        n->last[i] = calloc((size_t)counts[i], sizeof(float));
    }
    assert_int_equal(sj_gradsamp_create(n->arrays, ARRAYS, &n->state, &err), SJ_OK);
    for (int epoch = 0; epoch < 3; epoch++) {
        for (int i = 0; i < ARRAYS; i++) {
            const double mean = 0.01 * (i + 1), width = 0.05 * (i + 1) * (i + 1);
            for (int64_t j = 0; j < counts[i]; j++) {
                float *v = &n->arrays[i].value[j];
                *v += epoch == 2 ? (float)(mean + width * (sj_random_unit(&r) - 0.5)) : (float)sj_random_unit(&r);
                (epoch == 1 ? n->before : n->last)[i][j] = *v;
            }
        }
        sj_gradsamp_record(&n->state, n->arrays, ARRAYS);
    }
}

static void destroy(network *n) {
    for (int i = 0; i < ARRAYS; i++) {
        free(n->arrays[i].value);
        free(n->before[i]);
        free(n->last[i]);
    }
    sj_gradsamp_free(&n->state);
}

// Sets all values to 0, samples, and leaves the eps in the values.
static void sample(network *n, const sj_gradsamp *g, uint64_t seed, int64_t epoch) {
    for (int i = 0; i < ARRAYS; i++) {
        memset(n->arrays[i].value, 0, (size_t)counts[i] * sizeof(float));
    }
    sj_gradsamp_sample(g, &n->state, seed, epoch, n->arrays, ARRAYS);
}

// Mean and population deviation of the steps of the arrays that `in` chooses.
static void moments(const network *n, const bool in[ARRAYS], double *mean, double *deviation) {
    double sum = 0.0, squares = 0.0;
    int64_t count = 0;
    for (int i = 0; i < ARRAYS; i++) {
        for (int64_t j = 0; in[i] && j < counts[i]; j++, count++) {
            sum += (double)n->last[i][j] - (double)n->before[i][j];
        }
    }
    *mean = sum / (double)count;
    for (int i = 0; i < ARRAYS; i++) {
        for (int64_t j = 0; in[i] && j < counts[i]; j++) {
            const double d = (double)n->last[i][j] - (double)n->before[i][j] - *mean;
            squares += d * d;
        }
    }
    *deviation = sqrt(squares / (double)count);
}

static int ascending(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

// Mean, deviation, neighbours and the whole distribution of one array's eps against a normal one. Bounds at five deviations of each estimate; Kolmogorov and Smirnov at a chance of 1e-5 (2.47).
static void assert_normal(const float *eps, int64_t count, double mean, double deviation) {
    double sum = 0.0, squares = 0.0, products = 0.0, distance = 0.0;
    const double root = sqrt((double)count);
    for (int64_t j = 0; j < count; j++) {
        const double z = ((double)eps[j] - mean) / deviation;
        sum += z;
        squares += z * z;
        products += j > 0 ? z * ((double)eps[j - 1] - mean) / deviation : 0.0;
    }
    if (fabs(sum) / root > 5.0 || fabs(sqrt(squares / (double)count) - 1.0) * root > 5.0 / sqrt(2.0) || fabs(products) / root > 5.0) {
        fail_msg("mean off by %g, deviation by a factor %g, neighbours correlate by %g", sum / (double)count, sqrt(squares / (double)count), products / (double)count);
    }
    float *sorted = malloc((size_t)count * sizeof *sorted);
    memcpy(sorted, eps, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, ascending);
    for (int64_t j = 0; j < count; j++) {
        const double p = 0.5 * erfc(-((double)sorted[j] - mean) / (deviation * sqrt(2.0)));
        distance = fmax(distance, fmax(fabs(p - (double)j / (double)count), fabs(p - (double)(j + 1) / (double)count)));
    }
    free(sorted);
    if (distance * root > 2.47) {
        fail_msg("Kolmogorov-Smirnov: %g", distance * root);
    }
}

static void eps_follow_the_fit(void **state) {
    (void)state;
    network n;
    make(&n, test_seed(41));
    for (int fit = SJ_GRADSAMP_TENSOR; fit <= SJ_GRADSAMP_GLOBAL; fit++) {
        for (int norm = SJ_GRADSAMP_NORM_KEEP; norm <= SJ_GRADSAMP_NORM_SAMPLE; norm++) {
            const sj_gradsamp g = {.on = true, .period = 2, .fit = (sj_gradsamp_fit)fit, .norm = (sj_gradsamp_norm)norm};
            sample(&n, &g, n.seed, 5);
            for (int i = 0; i < ARRAYS; i++) {
                const float *eps = n.arrays[i].value;
                if (norms[i] && norm == SJ_GRADSAMP_NORM_KEEP) {
                    for (int64_t j = 0; j < counts[i]; j++) {
                        assert_true(eps[j] == 0.0F);
                    }
                    continue;
                }
                bool in[ARRAYS];
                double mean, deviation;
                for (int k = 0; k < ARRAYS; k++) {
                    const bool moves = !norms[k] || norm == SJ_GRADSAMP_NORM_SAMPLE;
                    in[k] = moves && (fit == SJ_GRADSAMP_GLOBAL || (fit == SJ_GRADSAMP_LAYER ? layers[k] == layers[i] : k == i));
                }
                moments(&n, in, &mean, &deviation);
                assert_normal(eps, counts[i], mean, deviation);
            }
        }
    }
    destroy(&n);
}

// Two arrays of one layer, two epochs and two seeds have nothing in common; the same epoch gives the same again, at any number of threads, and is added to what is there.
static void depends_on_seed_and_epoch_alone(void **state) {
    (void)state;
    network n;
    make(&n, test_seed(42));
    const sj_gradsamp g = {.on = true, .period = 2, .fit = SJ_GRADSAMP_LAYER, .norm = SJ_GRADSAMP_NORM_SAMPLE};
    float *first = malloc(LARGEST * sizeof *first), *beside = malloc(LARGEST * sizeof *beside);
    omp_set_num_threads(1);
    sample(&n, &g, n.seed, 7);
    memcpy(first, n.arrays[0].value, (size_t)counts[0] * sizeof(float));
    memcpy(beside, n.arrays[1].value, (size_t)counts[1] * sizeof(float));
    omp_set_num_threads(2);
    sample(&n, &g, n.seed, 7);
    assert_memory_equal(first, n.arrays[0].value, (size_t)counts[0] * sizeof(float));
    assert_memory_equal(beside, n.arrays[1].value, (size_t)counts[1] * sizeof(float));
    const bool in[ARRAYS] = {true, true, false, false, false};
    double mean, deviation, other[3] = {0.0, 0.0, 0.0};
    moments(&n, in, &mean, &deviation);
    for (int64_t j = 0; j < counts[1]; j++) {
        other[0] += ((double)first[j] - mean) * ((double)beside[j] - mean) / (deviation * deviation);
    }
    for (int other_way = 1; other_way <= 2; other_way++) {
        sample(&n, &g, n.seed + (other_way == 1 ? 1 : 0), 7 + (other_way == 2 ? 1 : 0));
        for (int64_t j = 0; j < counts[0]; j++) {
            other[other_way] += ((double)first[j] - mean) * ((double)n.arrays[0].value[j] - mean) / (deviation * deviation);
        }
    }
    for (int i = 0; i < 3; i++) {
        const double bound = 5.0 * sqrt((double)counts[i == 0 ? 1 : 0]);
        if (fabs(other[i]) > bound) {
            fail_msg("pair %d: correlation %g above %g", i, other[i], bound);
        }
    }
    for (int64_t j = 0; j < counts[0]; j++) {
        n.arrays[0].value[j] = 2.0F;
    }
    sj_gradsamp_sample(&g, &n.state, n.seed, 7, n.arrays, ARRAYS);
    for (int64_t j = 0; j < counts[0]; j++) {
        assert_true(n.arrays[0].value[j] == 2.0F + first[j]);
    }
    free(first);
    free(beside);
    destroy(&n);
}

// A step that is the same everywhere is repeated exactly; the second of two skips in a row is fitted to the same real epochs.
static void constant_steps_are_repeated(void **state) {
    (void)state;
    float value[3] = {1.0F, 2.0F, 3.0F};
    const sj_gradsamp_array a = {0, false, 3, value};
    const sj_gradsamp g = {.on = true, .period = 2};
    sj_gradsamp_state s;
    assert_int_equal(sj_gradsamp_create(&a, 1, &s, &err), SJ_OK);
    sj_gradsamp_record(&s, &a, 1);
    for (int i = 0; i < 3; i++) {
        value[i] += 0.25F;
    }
    sj_gradsamp_record(&s, &a, 1);
    sj_gradsamp_sample(&g, &s, 1, 2, &a, 1);
    assert_true(value[0] == 1.5F && value[1] == 2.5F && value[2] == 3.5F);
    sj_gradsamp_sample(&g, &s, 1, 3, &a, 1);
    assert_true(value[0] == 1.75F && value[1] == 2.75F && value[2] == 3.75F);
    sj_gradsamp_record(&s, &a, 1);  // a real epoch that moved nothing: the step since the last real one
    sj_gradsamp_sample(&g, &s, 1, 5, &a, 1);
    assert_true(value[0] == 2.25F);
    sj_gradsamp_free(&s);
}

// As a run does it: which epochs of 12 are skipped.
static void skipped(const sj_gradsamp *g, uint64_t seed, char out[13]) {
    int64_t real = 0;
    for (int64_t epoch = 0; epoch < 12; epoch++) {
        const bool skip = sj_gradsamp_skips(g, seed, epoch, real);
        out[epoch] = skip ? 's' : '.';
        real += skip ? 0 : 1;
    }
    out[12] = '\0';
}

static void periods(void **state) {
    (void)state;
    static const char *const expected[] = {"...s.s.s.s.s", "..s..s..s..s", "...s...s...s", "....s....s.."};  // the first skip comes after two real epochs, also with period 2
    char text[13];
    for (int64_t period = 2; period <= 5; period++) {
        const sj_gradsamp g = {.on = true, .schedule = SJ_GRADSAMP_PERIODIC, .period = period};
        skipped(&g, (uint64_t)period, text);
        assert_string_equal(text, expected[period - 2]);
    }
    const sj_gradsamp off = {.period = 2};
    skipped(&off, 1, text);
    assert_string_equal(text, "............");
}

static void random_schedule(void **state) {
    (void)state;
    enum { EPOCHS = 40000 };
    static const double probabilities[] = {0.0, 0.1, 0.5, 0.9};
    const uint64_t seed = test_seed(43);
    for (int i = 0; i < 4; i++) {
        const double p = probabilities[i];
        const sj_gradsamp g = {.on = true, .schedule = SJ_GRADSAMP_RANDOM, .probability = p};
        int64_t count = 0, pairs = 0;
        bool previous = false;
        for (int64_t epoch = 0; epoch < EPOCHS; epoch++) {
            const bool skip = sj_gradsamp_skips(&g, seed, epoch, 2);
            assert_true(skip == sj_gradsamp_skips(&g, seed, epoch, 1000));
            assert_false(sj_gradsamp_skips(&g, seed, epoch, 1));
            count += skip ? 1 : 0;
            pairs += skip && previous ? 1 : 0;
            previous = skip;
        }
        const double off = fabs((double)count - p * EPOCHS), off_pairs = fabs((double)pairs - p * p * EPOCHS);
        if (off > 5.0 * sqrt(EPOCHS * p * (1.0 - p)) || off_pairs > 5.0 * sqrt(EPOCHS * p * p * (1.0 - p) * (1.0 + 3.0 * p)) + 1.0) {
            fail_msg("probability %g: %lld of %d epochs, %lld pairs", p, (long long)count, EPOCHS, (long long)pairs);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(eps_follow_the_fit), cmocka_unit_test(depends_on_seed_and_epoch_alone), cmocka_unit_test(constant_steps_are_repeated),
                                       cmocka_unit_test(periods), cmocka_unit_test(random_schedule)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
