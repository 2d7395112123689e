// SPDX-License-Identifier: Apache-2.0
// A plan has the ledger that the training has: every iteration, skipped epoch, state and kept fraction, whatever the method and its schedule. Its steps are what the synthetic ones of such a row are.
// It refuses what the training refuses, and can be stopped.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sj_file.h"
#include "sj_random.h"
#include "sj_synth.h"
#include "sj_test_folder.h"
#include "sj_test_seed.h"
#include "sj_train.h"

static sj_error err;

static void ok(sj_status status) {
    if (status != SJ_OK) {
        fail_msg("%s: %s", sj_status_name(status), err.message);
    }
}

enum { SETS_MAX = 16 };

typedef struct sets {
    int count;
    char text[SETS_MAX][384];
} sets;

static void add(sets *s, const char *text) {
    assert_true(s->count < SETS_MAX);
    (void)snprintf(s->text[s->count++], sizeof s->text[0], "%s", text);
}

// second_keep: so near that narrow layers keep as many channels; or not.
static const char *draw_ssprop(sj_random *r, bool linear) {
    static char text[256], bar[64];
    static const char *const schedules[] = {"schedule=\"constant\"", "schedule=\"linear\"", "schedule=\"cosine\"", bar, "schedule=\"interleaved\"",
                                            "schedule=\"interleaved\";by=\"iteration\"", "schedule=\"linear\";by=\"iteration\";period=5", "schedule=\"cosine\";by=\"iteration\";period=7"};
    static const char *const modes[] = {"", "mode=\"mask\";"}, *const selects[] = {"", "select=\"random\";"};
    const double keep = 0.1 + 0.5 * sj_random_unit(r);
    (void)snprintf(bar, sizeof bar, "schedule=\"bar\";second_keep=%.2f", sj_random_below(r, 2) == 0 ? 0.75 : keep + 0.02);
    (void)snprintf(text, sizeof text, "ssprop={keep=%.2f;%s;linear=%s;%s%s};", keep, schedules[sj_random_below(r, 8)], linear ? "true" : "false", modes[sj_random_below(r, 2)], selects[sj_random_below(r, 2)]);
    return text;
}

static void draw_trace(sj_random *r, sets *s) {
    char text[256], spread[32] = "";
    if (sj_random_below(r, 3) == 0) {
        (void)snprintf(spread, sizeof spread, "spread=%d;", 2 + (int)sj_random_below(r, 7));
    }
    (void)snprintf(text, sizeof text, "trace={images=3;densities=false;eval=%s;%s}", sj_random_below(r, 2) == 0 ? "true" : "false", spread);
    add(s, text);
    add(s, sj_random_below(r, 4) == 0 ? "data.test_images=2" : "data.test_images=20");
}

// A small training of any method or several.
static void draw(sj_random *r, sets *s) {
    static const char *const networks[] = {"lenet5", "mlp", "cnn8", "resnet8"};
    static const char *const penalties[] = {"", "", "eat={lambda=0.5;sigma=1e-2;reduce=\"mean\";warmup_epochs=2.0;};", "eat={lambda=0.5;sigma=1e-2;reduce=\"mean\";warmup_epochs=0.0;kinds=[\"input\",\"relu\"];};",
                                            "l1={lambda=1e-3;reduce=\"mean\";warmup_epochs=0.0;kinds=[\"relu\",\"linear\"];};", "l1={lambda=1e-3;reduce=\"mean\";warmup_epochs=1.0;kinds=[\"input\",\"bn\",\"linear\"];};"};
    static const char *const skips[] = {"", "gradsamp={schedule=\"periodic\";period=3;};", "gradsamp={schedule=\"random\";probability=0.5;};"};
    const int network = (int)sj_random_below(r, 4);
    char text[384];
    *s = (sets){0};
    add(s, "data.train_images=50");
    add(s, "batch_size=16");
    add(s, "epochs=6");
    add(s, "evaluate.every=6");
    draw_trace(r, s);
    (void)snprintf(text, sizeof text, "seed=%d", (int)sj_random_below(r, 1000));
    add(s, text);
    (void)snprintf(text, sizeof text, "network={model=\"%s\";width=%d;}", networks[network], network == 1 ? 12 : 4);
    add(s, text);
    if (sj_random_below(r, 2) == 0) {
        add(s, "optimizer={name=\"adam\";lr=1e-3;weight_decay=0.0;schedule=\"constant\";}");
    }
    const char *ssprop = sj_random_below(r, 3) == 0 ? "" : draw_ssprop(r, network == 1 || sj_random_below(r, 2) == 0);
    const char *penalty = penalties[sj_random_below(r, 6)];
    (void)snprintf(text, sizeof text, "method={%s%s%s}", penalty, ssprop, skips[sj_random_below(r, 3)]);
    add(s, text);
}

static sj_status configure(const sets *s, sj_train_config *out) {
    sj_config *c;
    ok(sj_config_open(SJ_SOURCE_DIR "/configs/train/glyphs-plain.cfg", &c, &err));
    for (int i = 0; i < s->count; i++) {
        ok(sj_config_override(c, s->text[i], &err));
    }
    const sj_status status = sj_train_config_read(c, out, &err);
    sj_config_close(c);
    return status;
}

typedef sj_status (*maker)(const sj_train_config *, const sj_train_options *, sj_train_result *, sj_error *);

static sj_status make_while(maker call, const sj_train_config *config, const char *dir, bool (*go_on)(void *), void *context, sj_train_result *result) {
    char model[2048];
    (void)snprintf(model, sizeof model, SJ_SOURCE_DIR "/models/%s.cfg", config->model);
    return call(config, &(sj_train_options){.model_path = model, .run_dir = dir, .version = "test", .go_on = go_on, .context = context}, result, &err);
}

static sj_status make(maker call, const sj_train_config *config, const char *dir, sj_train_result *result) { return make_while(call, config, dir, NULL, NULL, result); }

static void read_run(const char *dir, sj_trace **t, sj_ledger *l) {
    char path[SJ_TEST_FOLDER_MAX + 16];
    (void)snprintf(path, sizeof path, "%s/trace.h5", dir);
    ok(sj_trace_open(path, t, &err));
    ok(sj_trace_check(*t, &err));
    ok(sj_trace_read_ledger(*t, l, &err));
}

static void assert_same_ledger(const sj_ledger *a, const sj_ledger *b) {
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->layers, b->layers);
    for (int64_t i = 0; i < a->rows; i++) {
        assert_true(a->epoch[i] == b->epoch[i] && a->iteration[i] == b->iteration[i] && a->skipped[i] == b->skipped[i]);
        assert_string_equal(a->method_state[i], b->method_state[i]);
        for (int l = 0; l < a->layers; l++) {
            const float x = a->kept_fraction[i * a->layers + l], y = b->kept_fraction[i * b->layers + l];
            assert_true(x == y || (isnan(x) && isnan(y)));
        }
        assert_true(isnan(b->loss[i]));
    }
}

// Of the run's last training step and the plan's.
static void assert_same_bearers(const sj_trace *run, const sj_trace *plan) {
    for (int i = -1; i < sj_trace_get_network(run)->layer_count; i++) {
        sj_penalty_kind a, b;
        ok(sj_trace_read_penalty(run, 0, i < 0 ? SJ_INPUT_NETWORK : i, &a, &err));
        ok(sj_trace_read_penalty(plan, 0, i < 0 ? SJ_INPUT_NETWORK : i, &b, &err));
        assert_int_equal(a, b);
    }
}

static int64_t kept_in(sj_trace *t, int step, int layer) {
    sj_tensor v;
    if (!sj_trace_has(t, step, layer, "keep")) {
        return -1;
    }
    ok(sj_trace_read(t, step, layer, "keep", SJ_TYPE_F32, &v, &err));
    const int64_t kept = v.dims[0];
    sj_tensor_free(&v);
    return kept;
}

// Channels that an iteration keeps, of all layers.
static int64_t channels_of(const sj_network *net, const sj_ledger *l, int64_t row) {
    int64_t sum = 0;
    for (int i = 0; i < l->layers; i++) {
        const float share = l->kept_fraction[row * l->layers + i];
        sum += isnan(share) ? 0 : (int64_t)lround((double)share * (double)net->layers[i].out.c);
    }
    return sum;
}

// What steps must keep: all channels where a row does, and the most and the fewest of the rows that do not; each once. Returns their number and sum.
static int find_kinds(const sj_network *net, const sj_ledger *l, int64_t *sum) {
    int64_t all = 0, most = INT64_MIN, fewest = INT64_MAX;
    bool dense = false;
    for (int i = 0; i < net->layer_count; i++) {
        all += isnan(l->kept_fraction[i]) ? 0 : net->layers[i].out.c;  // row 0 is never skipped
    }
    for (int64_t row = 0; row < l->rows; row++) {
        const int64_t channels = channels_of(net, l, row);
        dense = dense || (!l->skipped[row] && channels == all);
        most = !l->skipped[row] && channels < all && channels > most ? channels : most;
        fewest = !l->skipped[row] && channels < fewest ? channels : fewest;
    }
    const bool sparse = most > INT64_MIN, both = sparse && fewest < most;
    *sum = (dense ? all : 0) + (sparse ? most : 0) + (both ? fewest : 0);
    return dense + sparse + both;
}

// Steps stand in rows of their own, in their order, and keep what these say. Returns their number.
static int assert_steps_are_rows(sj_trace *t, const sj_ledger *l) {
    const sj_network *net = sj_trace_get_network(t);
    const int steps = sj_trace_step_count(t);
    int64_t wanted, before = -1, sum = 0;
    assert_int_equal(steps, find_kinds(net, l, &wanted));
    for (int s = 0; s < steps; s++) {
        const sj_step_info *step = sj_trace_get_step(t, s);
        int64_t row = 0;
        while (row < l->rows && l->iteration[row] != step->iteration) {
            row++;
        }
        assert_true(row < l->rows && row > before && step->epoch == l->epoch[row] && !l->skipped[row]);
        assert_string_equal(step->method_state, l->method_state[row]);
        assert_true(isnan(step->loss) && step->number == s);
        before = row;
        sum += channels_of(net, l, row);
        for (int i = 0; i < net->layer_count; i++) {
            const float share = l->kept_fraction[row * l->layers + i];
            assert_int_equal(kept_in(t, s, i), share < 1.0F ? (int64_t)lround((double)share * (double)net->layers[i].out.c) : -1);
        }
    }
    assert_int_equal(sum, wanted);
    return steps;
}

// A training's and its plan's.
static void assert_same(const char *trained_dir, const char *planned_dir) {
    sj_trace *run, *plan;
    sj_ledger a, b;
    read_run(trained_dir, &run, &a);
    read_run(planned_dir, &plan, &b);
    const sj_trace_meta *r = sj_trace_get_meta(run), *p = sj_trace_get_meta(plan);
    assert_same_ledger(&a, &b);
    assert_same_bearers(run, plan);
    (void)assert_steps_are_rows(plan, &b);
    assert_true(r->optimizer == p->optimizer && r->batch_size == p->batch_size && r->seed == p->seed && p->images == SJ_SYNTH_UNTRAINED_IMAGES);
    assert_string_equal(r->network, p->network);
    assert_string_equal(r->dataset, p->dataset);
    assert_true(sj_synth_is_plan(p->method) && !sj_synth_is_plan(r->method));
    assert_string_equal(p->method + strlen(SJ_SYNTH_PLAN), r->method);
    sj_ledger_free(&a);
    sj_ledger_free(&b);
    sj_trace_close(run);
    sj_trace_close(plan);
}

// Is it refused? Then by both, with the same words.
static bool compare(const sj_train_config *c) {
    char dir[2][SJ_TEST_FOLDER_MAX], said[SJ_ERROR_MESSAGE_MAX];
    sj_train_result trained, planned;
    assert_true(sj_test_make_folder(dir[0]) && sj_test_make_folder(dir[1]));
    const sj_status status = make(sj_train_run, c, dir[0], &trained);
    (void)snprintf(said, sizeof said, "%s", status == SJ_OK ? "" : err.message);
    assert_int_equal(make(sj_train_plan, c, dir[1], &planned), status);
    if (status == SJ_OK) {
        assert_same(dir[0], dir[1]);
        assert_true(trained.parameters == planned.parameters && trained.iterations == planned.iterations && trained.skipped_epochs == planned.skipped_epochs && trained.width == planned.width &&
                    trained.train_images == planned.train_images && trained.test_images == planned.test_images);
    } else {
        assert_int_equal(status, SJ_ERR_CONFIG);
        assert_string_equal(err.message, said);
    }
    assert_true(sj_test_remove_folder(dir[0]));
    assert_true(status == SJ_OK ? sj_test_remove_folder(dir[1]) : rmdir(dir[1]) == 0);  // a refused plan leaves nothing
    return status != SJ_OK;
}

static void a_plan_is_the_runs_ledger(void **state) {
    enum { ROUNDS = 24 };
    sj_random r = sj_random_seed(sj_test_seed(51));
    int refused = 0;
    for (int round = 0; round < ROUNDS; round++) {
        sets s;
        sj_train_config c;
        draw(&r, &s);
        ok(configure(&s, &c));
        refused += compare(&c);
    }
    print_message("%d of %d trainings were refused\n", refused, ROUNDS);
    assert_true(refused <= ROUNDS * 2 / 3);
    (void)state;
}

static const char *const tiny[] = {"data={name=\"glyphs\";train_images=50;test_images=2;}", "network={model=\"lenet5\";width=4;}", "batch_size=16", "epochs=4", "trace={images=2;densities=false;eval=true;}"};

static void read_tiny(const char *const *more, sj_train_config *c) {
    sets s = {0};
    for (size_t i = 0; i < sizeof tiny / sizeof tiny[0]; i++) {
        add(&s, tiny[i]);
    }
    for (; *more != NULL; more++) {
        add(&s, *more);
    }
    ok(configure(&s, c));
}

static void a_plan_refuses_what_the_training_refuses(void **state) {
#define INTERLEAVED "method={ssprop={keep=0.2;schedule=\"interleaved\";};}"
    static const struct {
        const char *more[3];
        bool refused;
    } cases[] = {{{"epochs=2"}, false},
                 {{"batch_size=50"}, false},
                 {{"batch_size=51"}, true},
                 {{"trace.images=3"}, true},
                 {{"trace.images=3", "trace.eval=false"}, false},
                 {{INTERLEAVED, "trace={images=2;eval=true;spread=4;}"}, false},
                 {{INTERLEAVED, "trace={images=2;eval=true;spread=3;}"}, true},
                 {{INTERLEAVED, "epochs=1"}, true},
                 {{"trace={images=2;eval=true;iterations=[2];}"}, false},
                 {{"trace={images=2;eval=true;iterations=[3];}"}, true},
                 {{"method={gradsamp={schedule=\"periodic\";period=2;};}", "epochs=2"}, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sj_train_config c;
        read_tiny(cases[i].more, &c);
        assert_int_equal(compare(&c), cases[i].refused);
    }
    (void)state;
}

// lenet5 of 4 and 11 channels: 0.5 and 0.52 keep 2 and 5 of them, 0.55 keeps 2 and 6.
static void shares_that_keep_as_many_are_one_step(void **state) {
    static const struct {
        const char *method;
        int steps;
    } cases[] = {{"method={ssprop={keep=0.5;schedule=\"bar\";second_keep=0.52;};}", 1}, {"method={ssprop={keep=0.5;schedule=\"bar\";second_keep=0.55;};}", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char dir[SJ_TEST_FOLDER_MAX];
        sj_train_config c;
        sj_train_result result;
        sj_trace *t;
        sj_ledger l;
        read_tiny((const char *const[]){cases[i].method, NULL}, &c);
        assert_true(sj_test_make_folder(dir));
        ok(make(sj_train_plan, &c, dir, &result));
        read_run(dir, &t, &l);
        assert_int_equal(assert_steps_are_rows(t, &l), cases[i].steps);
        sj_ledger_free(&l);
        sj_trace_close(t);
        assert_true(sj_test_remove_folder(dir));
    }
    (void)state;
}

static bool count_down(void *context) {
    int *left = context;
    return (*left)-- > 0;
}

// At whatever point: nothing is there afterwards, and a plan that was there is as it was.
static void a_plan_can_be_stopped(void **state) {
    enum { ROWS = 12, POINTS_MAX = 200 };
    char dir[2][SJ_TEST_FOLDER_MAX], path[SJ_TEST_FOLDER_MAX + 16], before[17], after[17];
    sj_train_config c;
    sj_train_result result;
    int points = 0;
    sj_status status;
    read_tiny((const char *const[]){"method={ssprop={keep=0.5;schedule=\"interleaved\";};}", NULL}, &c);
    assert_true(sj_test_make_folder(dir[0]) && sj_test_make_folder(dir[1]));
    ok(make(sj_train_plan, &c, dir[0], &result));
    (void)snprintf(path, sizeof path, "%s/trace.h5", dir[0]);
    ok(sj_file_hash(path, before, &err));
    do {
        for (int i = 0; i < 2; i++) {
            int left = points;
            status = make_while(sj_train_plan, &c, dir[i], count_down, &left, &result);
            assert_true(status == SJ_OK || status == SJ_ERR_INTERRUPTED);
            ok(sj_file_hash(path, after, &err));
            assert_string_equal(before, after);
        }
        assert_true(status == SJ_OK || (rmdir(dir[1]) == 0 && mkdir(dir[1], 0700) == 0));
        points++;
    } while (status != SJ_OK && points < POINTS_MAX);
    assert_int_equal(status, SJ_OK);
    assert_int_equal(points - 1, ROWS + 2 * 13);  // the layers of two steps
    assert_true(unlink(path) == 0 && rmdir(dir[0]) == 0 && sj_test_remove_folder(dir[1]));
    (void)state;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_plan_is_the_runs_ledger), cmocka_unit_test(a_plan_refuses_what_the_training_refuses), cmocka_unit_test(shares_that_keep_as_many_are_one_step),
                                       cmocka_unit_test(a_plan_can_be_stopped)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
