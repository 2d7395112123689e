// SPDX-License-Identifier: Apache-2.0
// run.json brings a whole run back to the last bit, and what is not one is refused by file and key.
#include "stats_fixture.h"
#include "sj_whole_run.h"

#define EPOCHS 5
#define STATES 2
#define LAYERS_OF_RUN 4

static double any(sj_random *r) { return sj_random_unit(r) * pow(10.0, (double)sj_random_below(r, 30) - 5.0); }

static double any_or_none(sj_random *r) { return sj_random_below(r, 4) == 0 ? (double)NAN : any(r); }

static double share_or_none(sj_random *r) { return sj_random_below(r, 4) == 0 ? (double)NAN : sj_random_unit(r); }

// Parts whose sum is returned.
static double random_parts(sj_random *r, double *values, int count) {
    double sum = 0.0;
    for (int i = 0; i < count; i++) {
        values[i] = sj_random_below(r, 4) == 0 ? 0.0 : any(r);
        sum += values[i];
    }
    return sum;
}

static void scale(double *values, int count, double by) {
    for (int i = 0; i < count; i++) {
        values[i] *= by;
    }
}

// Its phases and its components sum to it.
static sj_run_sum random_sum(sj_random *r) {
    sj_run_sum s = {.dram_read_bytes = any(r), .dram_write_bytes = any(r)};
    s.energy_pj = random_parts(r, s.phase_pj, SJ_PHASE_COUNT);
    s.cycles = random_parts(r, s.phase_cycles, SJ_PHASE_COUNT);
    s.component_pj[0] = 1.0;
    scale(s.component_pj, SJ_COMPONENT_COUNT, s.energy_pj / (1.0 + random_parts(r, s.component_pj + 1, SJ_COMPONENT_COUNT - 1)));
    return s;
}

static void add_sum(sj_run_sum *to, const sj_run_sum *s) {
    double *const sums = (double *)(void *)to;
    const double *const values = (const double *)(const void *)s;
    for (size_t i = 0; i < sizeof *s / sizeof(double); i++) {
        sums[i] += values[i];
    }
}

static void *room(size_t count, size_t size) {
    void *memory = calloc(count, size);
    assert_non_null(memory);
    return memory;
}

static sj_run_variant random_variant(sj_random *r, sj_machine machine, sj_codec codec) {
    sj_run_variant v = {.variant = {machine, codec}, .epoch_count = EPOCHS, .layer_count = 3, .state_count = STATES};
    v.epochs = room(EPOCHS, sizeof *v.epochs);
    v.states = room(STATES, sizeof *v.states);
    v.layers = room(3, sizeof *v.layers);
    for (int i = 0; i < EPOCHS; i++) {
        v.epochs[i] = random_sum(r);
        add_sum(&v.states[i % STATES], &v.epochs[i]);
        add_sum(&v.total, &v.epochs[i]);
    }
    v.low_pj = sj_random_below(r, 4) == 0 ? (double)NAN : v.total.energy_pj * sj_random_unit(r);
    v.high_pj = sj_random_below(r, 4) == 0 ? (double)NAN : v.total.energy_pj * (1.0 + sj_random_unit(r));
    for (int i = 0; i < 3; i++) {
        snprintf(v.layers[i].name, sizeof v.layers[i].name, "layer, \"%d\"", i);
        strcpy(v.layers[i].kind, "conv");
        v.layers[i].phase = (sj_phase)sj_random_below(r, SJ_PHASE_COUNT);
        v.layers[i].energy_pj = v.total.energy_pj / 3.0;
        v.layers[i].cycles = v.total.cycles / 3.0;
        v.layers[i].component_pj[SJ_COMPONENT_dram] = v.layers[i].energy_pj;
    }
    v.error = (sj_run_error){.steps = 7, .mean = -any_or_none(r), .rms = any_or_none(r), .worst = any_or_none(r), .total = any_or_none(r)};
    for (int p = 0; p < SJ_PHASE_COUNT; p++) {
        v.error.phase_rms[p] = any_or_none(r);
    }
    return v;
}

static sj_whole_run random_whole_run(sj_random *r) {
    sj_whole_run w = {.accel = "edge16", .tech = "45nm", .fidelity = "fast", .network = "cnn8", .method = "eat+gradsamp", .dataset = "glyphs", .quantised = true, .penalty = SJ_PENALTY_WORK_CHARGED,
                      .batch = 64, .images = 8, .iterations = INT64_C(1) << 40, .traced_steps = 12, .clock_mhz = 500.5, .rows = 16, .lanes = 8, .epoch_count = EPOCHS, .state_count = STATES,
                      .variant_count = 2, .layer_count = LAYERS_OF_RUN};
    w.epochs = room(EPOCHS, sizeof *w.epochs);
    w.states = room(STATES, sizeof *w.states);
    w.layer_names = room(LAYERS_OF_RUN, sizeof *w.layer_names);
    w.x_density = room((size_t)EPOCHS * LAYERS_OF_RUN, sizeof *w.x_density);
    w.dy_density = room((size_t)EPOCHS * LAYERS_OF_RUN, sizeof *w.dy_density);
    for (int e = 0; e < EPOCHS; e++) {
        w.epochs[e] = (sj_run_epoch){e, 1 + e, e % 2, e == 3, any(r), share_or_none(r), share_or_none(r), share_or_none(r), share_or_none(r), share_or_none(r), e % STATES, any_or_none(r)};
    }
    strcpy(w.states[0].name, "plain");
    strcpy(w.states[1].name, "ssprop keep=0.2");
    w.states[1].iterations = 1034567890123;
    for (int i = 0; i < EPOCHS * LAYERS_OF_RUN; i++) {
        w.x_density[i] = (float)sj_random_unit(r);
        w.dy_density[i] = i % 3 == 0 ? NAN : (float)sj_random_unit(r);
    }
    for (int l = 0; l < LAYERS_OF_RUN; l++) {
        snprintf(w.layer_names[l], sizeof w.layer_names[l], "layer%d", l);
    }
    w.variants[0] = random_variant(r, SJ_MACHINE_DENSE, SJ_CODEC_NONE);
    w.variants[1] = random_variant(r, SJ_MACHINE_SKIP, SJ_CODEC_RLE);
    w.provenance = (sj_provenance){.wall_seconds = any(r), .has_seed = true, .seed = 5, .version = "0.1.0", .input = "/a/trace.h5"};
    return w;
}

static char *text_of(const sj_whole_run *w) {
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    OK(sj_whole_run_write_json(f, w, &err));
    fclose(f);
    return text;
}

static void save(const char *text) {
    FILE *f = fopen("run.json", "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static bool same(const void *a, const void *b, size_t bytes) { return memcmp(a, b, bytes) == 0; }

static bool same_number(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

static void a_whole_run_comes_back_to_the_last_bit(void **state) {
    sj_random r = sj_random_seed(test_seed());
    for (int repeat = 0; repeat < 20; repeat++) {
        sj_whole_run w = random_whole_run(&r), back;
        char *text = text_of(&w);
        save(text);
        OK(sj_whole_run_read("run.json", &back, &err));
        char *again = text_of(&back);
        assert_string_equal(text, again);  // NAN is not equal to itself, but its null is
        assert_true(back.penalty == w.penalty && back.quantised && back.iterations == w.iterations && back.rows == 16 && back.clock_mhz == w.clock_mhz);
        for (int i = 0; i < EPOCHS * LAYERS_OF_RUN; i++) {
            assert_true(w.x_density[i] == back.x_density[i] && (w.dy_density[i] == back.dy_density[i] || (isnan(w.dy_density[i]) && isnan(back.dy_density[i]))));
        }
        for (int v = 0; v < 2; v++) {
            const sj_run_variant *a = &w.variants[v], *b = sj_whole_run_find(&back, a->variant.machine, a->variant.codec);
            assert_non_null(b);
            assert_true(same(&a->total, &b->total, sizeof a->total) && same(a->epochs, b->epochs, EPOCHS * sizeof *a->epochs) && same(a->states, b->states, STATES * sizeof *a->states));
            assert_true(same(a->layers, b->layers, 3 * sizeof *a->layers));
            assert_true(same_number(a->low_pj, b->low_pj) && same_number(a->error.total, b->error.total) && same_number(a->error.phase_rms[1], b->error.phase_rms[1]));
        }
        assert_null(sj_whole_run_find(&back, SJ_MACHINE_GATE, SJ_CODEC_NONE));
        free(text);
        free(again);
        sj_whole_run_free(&w);
        sj_whole_run_free(&back);
    }
    remove("run.json");
}

static void a_missing_or_wrong_key_is_named(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_whole_run w = random_whole_run(&r), back;
    char *text = text_of(&w);
    static const char *const keys[] = {"format", "version", "accel", "tech", "clock_mhz", "array", "batch", "images", "iterations", "traced_steps", "epochs", "states", "density", "variants", "provenance"};
    for (size_t i = 0; i < 2 * sizeof keys / sizeof keys[0]; i++) {
        json_t *root = json_loads(text, 0, NULL);
        const char *key = keys[i / 2];
        assert_int_equal(i % 2 == 0 ? json_object_del(root, key) : json_object_set_new(root, key, json_true()), 0);
        char *broken = json_dumps(root, 0);
        save(broken);
        free(broken);
        json_decref(root);
        assert_int_equal(sj_whole_run_read("run.json", &back, &err), SJ_ERR_FORMAT);
        assert_non_null(strstr(err.message, key));
        assert_non_null(strstr(err.message, "run.json"));
    }
    static const char *const lists[] = {"epochs", "states"};  // of a variant: one too few
    for (int i = 0; i < 2; i++) {
        json_t *root = json_loads(text, 0, NULL), *list = json_object_get(json_object_get(json_object_get(root, "variants"), "skip/rle"), lists[i]);
        assert_int_equal(json_array_remove(list, 0), 0);
        char *broken = json_dumps(root, 0);
        save(broken);
        free(broken);
        json_decref(root);
        assert_int_equal(sj_whole_run_read("run.json", &back, &err), SJ_ERR_FORMAT);
        assert_non_null(strstr(err.message, lists[i]));
    }
    remove("run.json");
    free(text);
    sj_whole_run_free(&w);
}

// One figure of a whole run made wrong.
typedef struct wrong {
    const char *place[5];  // keys and "0" for the first of a list, from the variant on
    double times, plus;
    const char *named;
} wrong;

static json_t *step_into(json_t *o, const char *key) { return json_is_array(o) ? json_array_get(o, 0) : json_object_get(o, key); }

static void figures_that_do_not_fit_are_refused(void **state) {
    static const wrong cases[] = {{{"total", "energy_pj"}, 10.0, 0.0, "component_pj"},
                                  {{"total", "energy_pj"}, 0.0, -5.0, "energy_pj"},
                                  {{"total", "cycles"}, 1.00000001, 0.0, "variants.skip/rle.total.phase_cycles"},
                                  {{"total", "phase_pj", "forward"}, 1.0, 1e300, "variants.skip/rle.total.phase_pj"},
                                  {{"total", "phase_pj", "update"}, -1.0, -1.0, "variants.skip/rle.total.phase_pj"},
                                  {{"total", "component_pj", "mac"}, 1.00000001, 1e30, "component_pj"},
                                  {{"total", "component_pj", "mac"}, 0.0, -1e-30, "component_pj"},
                                  {{"total", "dram_bytes", "read"}, -1.0, -1.0, "variants.skip/rle.total.dram_bytes.read"},
                                  {{"energy_pj_low"}, 0.0, 1e300, "variants.skip/rle.energy_pj_low"},
                                  {{"energy_pj_low"}, 0.0, -1.0, "variants.skip/rle.energy_pj_low"},
                                  {{"energy_pj_high"}, 0.0, 1e-9, "variants.skip/rle.energy_pj_high"},
                                  {{"epochs", "0", "dram_bytes", "write"}, 0.0, -1.0, "variants.skip/rle.epochs[0].dram_bytes.write"},
                                  {{"epochs", "0", "phase_cycles", "forward"}, 1.0, 1e300, "variants.skip/rle.epochs[0].phase_cycles"},
                                  {{"states", "0", "energy_pj"}, 3.0, 1.0, "component_pj"},
                                  {{"layers", "0", "cycles"}, 2.0, 1.0, "variants.skip/rle.layers"}};
    sj_random r = sj_random_seed(test_seed());
    sj_whole_run w = random_whole_run(&r), back;
    char *text = text_of(&w);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const wrong *c = &cases[i];
        json_t *root = json_loads(text, 0, NULL), *at = json_object_get(json_object_get(root, "variants"), "skip/rle");
        int last = 0;
        while (c->place[last + 1] != NULL) {
            at = step_into(at, c->place[last++]);
        }
        const double before = json_number_value(json_object_get(at, c->place[last]));
        assert_int_equal(json_object_set_new(at, c->place[last], json_real(before * c->times + c->plus)), 0);
        char *broken = json_dumps(root, JSON_REAL_PRECISION(17));
        save(broken);
        free(broken);
        json_decref(root);
        assert_int_equal(sj_whole_run_read("run.json", &back, &err), SJ_ERR_FORMAT);
        if (strstr(err.message, c->named) == NULL) {
            fail_msg("case %d: %s", (int)i, err.message);
        }
    }
    remove("run.json");
    free(text);
    sj_whole_run_free(&w);
}

static void sizes_and_shares_are_held_in_range(void **state) {
    static const struct {
        const char *list, *key;  // list NULL: a key of the run
        double value;
    } cases[] = {{NULL, "iterations", 0x1p40 + 1.0}, {NULL, "batch", 0x1p31 + 1.0}, {NULL, "traced_steps", 0x1p40 + 1.0}, {"epochs", "iterations", 1e15}, {"epochs", "traced", 4.0}, {"epochs", "epoch", 1.0},
                 {"epochs", "test_accuracy", 1.5}, {"epochs", "macro_f1", -0.1}, {"epochs", "kept_fraction", 2.0}, {"states", "traced", 1e13}};
    sj_random r = sj_random_seed(test_seed());
    sj_whole_run w = random_whole_run(&r), back;
    char *text = text_of(&w);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *root = json_loads(text, 0, NULL), *at = cases[i].list != NULL ? json_array_get(json_object_get(root, cases[i].list), cases[i].list[0] == 'e' ? 2 : 0) : root;
        const double v = cases[i].value;
        assert_int_equal(json_object_set_new(at, cases[i].key, v == floor(v) ? json_integer((json_int_t)v) : json_real(v)), 0);
        char *broken = json_dumps(root, 0);
        save(broken);
        free(broken);
        json_decref(root);
        assert_int_equal(sj_whole_run_read("run.json", &back, &err), SJ_ERR_FORMAT);
        char key[64];
        snprintf(key, sizeof key, "key \"%s\"", cases[i].key);
        if (strstr(err.message, key) == NULL) {
            fail_msg("case %d: %s", (int)i, err.message);
        }
    }
    remove("run.json");
    free(text);
    sj_whole_run_free(&w);
}

// Another version's component is a part of the sum.
static void a_component_of_another_version_counts(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_whole_run w = random_whole_run(&r), back;
    char *text = text_of(&w);
    for (int whole = 0; whole < 2; whole++) {
        json_t *root = json_loads(text, 0, NULL), *parts = json_object_get(json_object_get(json_object_get(json_object_get(root, "variants"), "skip/rle"), "total"), "component_pj");
        const double all = w.variants[1].total.energy_pj;
        assert_int_equal(json_object_clear(parts) + json_object_set_new(parts, "mac", json_real(0.5 * all)) + json_object_set_new(parts, "photons", json_real(whole ? 0.5 * all : 0.4 * all)), 0);
        char *other = json_dumps(root, JSON_REAL_PRECISION(17));
        save(other);
        free(other);
        json_decref(root);
        assert_int_equal(sj_whole_run_read("run.json", &back, &err), whole ? SJ_OK : SJ_ERR_FORMAT);
        if (whole) {
            sj_whole_run_free(&back);
        }
    }
    remove("run.json");
    free(text);
    sj_whole_run_free(&w);
}

static void epochs_csv_has_a_line_an_epoch_and_variant(void **state) {
    sj_random r = sj_random_seed(test_seed());
    sj_whole_run w = random_whole_run(&r);
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    sj_whole_run_write_epochs(f, &w);
    fclose(f);
    int lines = 0, commas = -1, line_commas = 0;
    for (const char *c = text; *c != '\0'; c++) {
        line_commas += *c == ',';
        if (*c == '\n') {
            assert_true(commas < 0 || commas == line_commas);
            commas = line_commas;
            line_commas = 0;
            lines++;
        }
    }
    assert_int_equal(lines, 1 + 2 * EPOCHS);
    assert_non_null(strstr(text, "4,skip,rle,plain,5,0,0,"));
    free(text);
    sj_whole_run_free(&w);
}

static void the_first_epoch_that_reaches_the_accuracy(void **state) {
    sj_run_epoch epochs[] = {{.test_accuracy = (double)NAN}, {.test_accuracy = 0.5}, {.test_accuracy = 0.75}, {.test_accuracy = 0.7}};
    const sj_whole_run w = {.epoch_count = 4, .epochs = epochs};
    assert_int_equal(sj_whole_run_reaches(&w, 0.0), 1);
    assert_int_equal(sj_whole_run_reaches(&w, 0.5), 1);
    assert_int_equal(sj_whole_run_reaches(&w, 0.50001), 2);
    assert_int_equal(sj_whole_run_reaches(&w, 0.76), -1);
    const sj_whole_run untested = {.epoch_count = 1, .epochs = epochs};
    assert_true(sj_whole_run_is_tested(&w) && !sj_whole_run_is_tested(&untested));
    assert_true(fabs(sj_kwh(7.2e18) - 2.0) < 1e-15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_run_comes_back_to_the_last_bit),
        cmocka_unit_test(a_missing_or_wrong_key_is_named),
        cmocka_unit_test(figures_that_do_not_fit_are_refused),
        cmocka_unit_test(sizes_and_shares_are_held_in_range),
        cmocka_unit_test(a_component_of_another_version_counts),
        cmocka_unit_test(epochs_csv_has_a_line_an_epoch_and_variant),
        cmocka_unit_test(the_first_epoch_that_reaches_the_accuracy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
