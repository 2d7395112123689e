// SPDX-License-Identifier: Apache-2.0
// EAT's modules and ssProp's schedulers and selections, by themselves.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sj_eat.h"
#include "sj_random.h"
#include "sj_ssprop.h"

static sj_error err;

static void near(double a, double b) {
    if (!(fabs(a - b) <= 1e-12)) {
        fail_msg("%.17g is not %.17g", a, b);
    }
}

static double by_epoch(const sj_ssprop *s, int64_t epoch, int64_t epochs) { return sj_ssprop_keep(s, epoch, epochs, 1000 * epoch + 7); }
static double by_iteration(const sj_ssprop *s, int64_t iteration) { return sj_ssprop_keep(s, iteration / 10, 100, iteration); }

static void schedulers_by_epoch(void **state) {
    (void)state;
    static const struct {
        sj_ssprop_schedule schedule;
        double expected[5];  // of five epochs, keep 0.2, second 0.6
    } cases[] = {{SJ_SSPROP_CONSTANT, {0.2, 0.2, 0.2, 0.2, 0.2}},
                 {SJ_SSPROP_LINEAR, {1.0, 0.8, 0.6, 0.4, 0.2}},
                 {SJ_SSPROP_COSINE, {1.0, 0.882842712474619, 0.6, 0.317157287525381, 0.2}},
                 {SJ_SSPROP_BAR, {0.2, 0.2, 0.2, 0.6, 0.6}},
                 {SJ_SSPROP_INTERLEAVED, {1.0, 0.2, 1.0, 0.2, 1.0}}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const sj_ssprop s = {.on = true, .keep = 0.2, .schedule = cases[i].schedule, .second_keep = 0.6}, off = {.keep = 0.2, .schedule = cases[i].schedule};
        for (int64_t epoch = 0; epoch < 5; epoch++) {
            near(by_epoch(&s, epoch, 5), cases[i].expected[epoch]);
            assert_true(by_epoch(&off, epoch, 5) == 1.0);
        }
    }
    const sj_ssprop bar = {.on = true, .keep = 0.2, .schedule = SJ_SSPROP_BAR, .second_keep = 0.6};
    near(by_epoch(&bar, 1, 4), 0.2);
    near(by_epoch(&bar, 2, 4), 0.6);
}

static void schedulers_by_iteration(void **state) {
    (void)state;
    sj_ssprop s = {.on = true, .keep = 0.4, .second_keep = 0.1, .by_iteration = true, .period = 4};
    static const double linear[] = {1.0, 0.8, 0.6, 0.4}, cosine[] = {1.0, 0.85, 0.55, 0.4}, bar[] = {0.4, 0.4, 0.1, 0.1};
    for (int64_t i = 0; i < 23; i++) {  // anew with each period, wherever the epochs end
        s.schedule = SJ_SSPROP_LINEAR;
        near(by_iteration(&s, i), linear[i % 4]);
        s.schedule = SJ_SSPROP_COSINE;
        near(by_iteration(&s, i), cosine[i % 4]);
        s.schedule = SJ_SSPROP_BAR;
        near(by_iteration(&s, i), bar[i % 4]);
        s.schedule = SJ_SSPROP_INTERLEAVED;
        near(by_iteration(&s, i), i % 2 == 0 ? 1.0 : 0.4);
        s.schedule = SJ_SSPROP_CONSTANT;
        near(by_iteration(&s, i), 0.4);
    }
}

// Range, end points, monotone; and the mean drop that the paper states for its own choice.
static void schedulers_properties(void **state) {
    (void)state;
    for (int64_t all = 1; all <= 40; all++) {
        for (int by = 0; by < 2; by++) {
            sj_ssprop s = {.on = true, .keep = 0.3, .second_keep = 0.9, .by_iteration = by == 1, .period = all};
            for (int schedule = SJ_SSPROP_LINEAR; schedule <= SJ_SSPROP_COSINE; schedule++) {
                s.schedule = (sj_ssprop_schedule)schedule;
                double previous = 2.0, sum = 0.0;
                for (int64_t n = 0; n < all; n++) {
                    const double keep = by == 1 ? by_iteration(&s, n) : by_epoch(&s, n, all);
                    assert_true(keep >= 0.3 && keep <= 1.0 && keep < previous);
                    previous = keep;
                    sum += keep;
                }
                assert_true(previous == 0.3);  // exactly
                if (all > 1) {
                    assert_true((by == 1 ? by_iteration(&s, 0) : by_epoch(&s, 0, all)) == 1.0);
                    near(sum / (double)all / 0.65, 1.0);  // both are symmetric around the middle
                }
            }
        }
    }
    const sj_ssprop paper = {.on = true, .keep = 0.2, .schedule = SJ_SSPROP_INTERLEAVED};
    double drop = 0.0;
    for (int64_t epoch = 0; epoch < 50; epoch++) {
        drop += (1.0 - by_epoch(&paper, epoch, 50)) / 50.0;
    }
    near(drop, 0.4);
}

// As many as asked for, the same for the same stream, and every channel as often as any other.
static void random_selection(void **state) {
    (void)state;
    enum { CHANNELS = 13, COUNT = 5, DRAWS = 20000 };
    const char *text = getenv("SJ_TEST_SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 44;
    print_message("seed %llu (SJ_TEST_SEED)\n", (unsigned long long)seed);
    uint8_t kept[CHANNELS], again[CHANNELS];
    int64_t hits[CHANNELS] = {0}, pairs = 0;
    for (uint64_t stream = 0; stream < DRAWS; stream++) {
        int count = 0;
        sj_ssprop_select_random(CHANNELS, COUNT, seed, stream, kept);
        sj_ssprop_select_random(CHANNELS, COUNT, seed, stream, again);
        assert_memory_equal(kept, again, CHANNELS);
        for (int c = 0; c < CHANNELS; c++) {
            assert_true(kept[c] <= 1);
            count += kept[c];
            hits[c] += kept[c];
        }
        assert_int_equal(count, COUNT);
        pairs += kept[0] != 0 && kept[CHANNELS - 1] != 0 ? 1 : 0;
    }
    const double p = (double)COUNT / CHANNELS, pair = p * (COUNT - 1) / (CHANNELS - 1);
    for (int c = 0; c < CHANNELS; c++) {
        if (fabs((double)hits[c] - p * DRAWS) > 5.0 * sqrt(DRAWS * p * (1.0 - p))) {
            fail_msg("channel %d: %lld of %d", c, (long long)hits[c], DRAWS);
        }
    }
    assert_true(fabs((double)pairs - pair * DRAWS) < 5.0 * sqrt(DRAWS * pair * (1.0 - pair)));
    sj_ssprop_select_random(CHANNELS, CHANNELS, seed, 1, kept);
    for (int c = 0; c < CHANNELS; c++) {
        assert_int_equal(kept[c], 1);
    }
}

static sj_layer_info network_layers[] = {{.name = "conv1", .kind = SJ_KIND_CONV}, {.name = "bn1", .kind = SJ_KIND_BN},     {.name = "relu1", .kind = SJ_KIND_RELU},
                                         {.name = "fork1", .kind = SJ_KIND_FORK}, {.name = "conv2", .kind = SJ_KIND_CONV}, {.name = "add1", .kind = SJ_KIND_ADD},
                                         {.name = "relu2", .kind = SJ_KIND_RELU}, {.name = "drop", .kind = SJ_KIND_DROPOUT}, {.name = "loss", .kind = SJ_KIND_SOFTMAX_CE}};
static const sj_network network = {.name = "n", .layer_count = sizeof network_layers / sizeof network_layers[0], .layers = network_layers};

// `hooked`: a letter for the input and each layer.
static void assert_hooks(const sj_eat *eat, const char *hooked) {
    int count = 0;
    for (int i = SJ_INPUT_NETWORK; i < network.layer_count; i++) {
        const bool expected = hooked[i + 1] == 'x';
        if (sj_eat_hooked(eat, &network, i) != expected) {
            fail_msg("layer %d of %s", i, hooked);
        }
        count += expected ? 1 : 0;
    }
    assert_int_equal(sj_eat_modules(eat, &network), count);
}

static void modules_by_kind_and_by_name(void **state) {
    (void)state;
    sj_eat eat = {.lambda = 1.0, .sigma = 0.1};
    assert_hooks(&eat, "..........");
    assert_int_equal(sj_eat_check(&eat, &network, "method.l1", &err), SJ_ERR_CONFIG);
    assert_non_null(strstr(err.message, "method.l1.kinds"));
    eat.kinds[SJ_KIND_RELU] = true;
    assert_hooks(&eat, "...x...x..");
    eat.input = true;
    assert_hooks(&eat, "x..x...x..");
    assert_int_equal(sj_eat_check(&eat, &network, "method.eat", &err), SJ_OK);
    eat = (sj_eat){.module_count = 2, .modules = {"relu2", "conv1"}};
    assert_hooks(&eat, ".x.....x..");
    assert_int_equal(sj_eat_check(&eat, &network, "method.eat", &err), SJ_OK);
    eat = (sj_eat){.module_count = 1, .modules = {"input"}, .input = true};  // which has no gradient
    assert_hooks(&eat, "x.........");
    assert_int_equal(sj_eat_check(&eat, &network, "method.eat", &err), SJ_ERR_CONFIG);
    assert_non_null(strstr(err.message, "method.eat.modules"));
    eat = (sj_eat){.input = true};
    eat.kinds[SJ_KIND_LINEAR] = true;  // the network has none
    assert_hooks(&eat, "x.........");
    assert_int_equal(sj_eat_check(&eat, &network, "method.l1", &err), SJ_ERR_CONFIG);
    assert_non_null(strstr(err.message, "method.l1.kinds"));
}

static void wrong_modules_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *name, *word;
    } cases[] = {{"relu3", "did you mean \"relu"}, {"inptu", "did you mean \"input\""}, {"add1", "no module"}, {"loss", "no module"},
                 {"drop", "no module"},           {"fork1", "no module"},               {"zzzzzzzz", "has no layer \"zzzzzzzz\""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sj_eat eat = {.module_count = 2, .modules = {"conv2"}};
        (void)snprintf(eat.modules[1], SJ_NAME_MAX, "%s", cases[i].name);
        assert_int_equal(sj_eat_check(&eat, &network, "method.eat", &err), SJ_ERR_CONFIG);
        if (strstr(err.message, cases[i].word) == NULL || strstr(err.message, "method.eat.modules") == NULL || strstr(err.message, cases[i].name) == NULL) {
            fail_msg("no \"%s\" in: %s", cases[i].word, err.message);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(schedulers_by_epoch), cmocka_unit_test(schedulers_by_iteration),     cmocka_unit_test(schedulers_properties),
                                       cmocka_unit_test(random_selection),    cmocka_unit_test(modules_by_kind_and_by_name), cmocka_unit_test(wrong_modules_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
