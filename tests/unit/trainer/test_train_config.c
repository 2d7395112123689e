// SPDX-License-Identifier: Apache-2.0
// Training configurations: what is read, what the resolved text says, and what is refused and how.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sj_train_config.h"

static sj_error err;

// A valid file; `changes` go in as --set would, NULL at the end.
static const char base[] =
    "seed = 1; data = { name = \"glyphs\"; }; network = { model = \"cnn8\"; }; batch_size = 16; epochs = 4;"
    "optimizer = { lr = 1; momentum = 0.9; weight_decay = 5e-4; schedule = \"exponential\"; decay = 0.95; }; trace = { images = 2; };";

static void ok(sj_status status) {
    if (status != SJ_OK) {
        fail_msg("%s: %s", sj_status_name(status), err.message);
    }
}

static sj_status read_text(const char *text, const char *const *changes, sj_train_config *out) {
    sj_config *c;
    ok(sj_config_parse(text, "test.cfg", &c, &err));
    for (int i = 0; changes[i] != NULL; i++) {
        ok(sj_config_override(c, changes[i], &err));
    }
    const sj_status status = sj_train_config_read(c, out, &err);
    sj_config_close(c);
    return status;
}

#define EAT "method.eat={lambda=2.5;sigma=1e-4;reduce=\"sum\";warmup_epochs=1;}"
#define L1 "method.l1={lambda=2.5;reduce=\"mean\";warmup_epochs=0.5;}"
#define SSPROP "method.ssprop={keep=0.2;schedule=\"interleaved\";}"
#define GRADSAMP "method.gradsamp={schedule=\"periodic\";period=3;}"
#define ADAM "optimizer={name=\"adam\";lr=1e-3;weight_decay=0;schedule=\"constant\";}"
#define SGD "optimizer={lr=0.1;momentum=0.9;weight_decay=0;schedule=\"constant\";}"

static void defaults(void **state) {
    (void)state;
    static const char *const none[] = {NULL};
    sj_train_config c;
    ok(read_text(base, none, &c));
    assert_true(c.seed == 1 && c.batch_size == 16 && c.epochs == 4 && c.data_seed == 1 && c.normalise && !c.flip && c.crop == 0 && c.image_h == 0 && c.width == 0);
    assert_true(!c.bf16 && c.algorithm == SJ_ALGORITHM_AUTO && c.optimizer.kind == SJ_OPTIMIZER_KIND_SGD && c.optimizer.momentum == 0.9 && !c.optimizer.nesterov);
    assert_true(c.optimizer.weight_decay == 5e-4 && c.optimizer.decay_norm && c.schedule.lr == 1.0 && c.schedule.decay == 0.95 && c.schedule.warmup_epochs == 0.0 && c.label_smoothing == 0.0);
    assert_true(!c.eat_on && !c.ssprop.on && !c.gradsamp.on && c.evaluate_every == 1 && !c.asic_ratio && c.asic_batch == 512 && !c.inplace_relu);
    assert_true(c.trace_images == 2 && c.trace_type == SJ_TYPE_BF16 && c.trace_eval && c.trace_densities && c.traced_epoch_count == 1 && c.traced_epochs[0] == 3);
    assert_true(c.traced_iteration_count == 1 && c.traced_iterations[0] == -1 && c.checkpoint_minutes == 10.0 && c.checkpoint_each_epoch);
    static const char *const adam[] = {ADAM, NULL};
    ok(read_text(base, adam, &c));
    assert_true(c.optimizer.beta1 == 0.9 && c.optimizer.beta2 == 0.999 && c.optimizer.eps == 1e-8 && c.optimizer.momentum == 0.0);
}

static const char *const varied[][8] = {
    {NULL},
    {"method={}", "seed=9223372036854775807L", "data.seed=3000000000L", "data.dir=\"a \\\"b\\\" \\\\c\"", "trace.dtype=float32", NULL},
    {EAT, "data.image=[30, 40]", "data.crop=4", "data.flip=true", "data.normalise=false", NULL},
    {EAT, "method.eat.kinds=[\"relu\", \"input\"]", "compute.dtype=bf16", "compute.algorithm=winograd", "network.width=8", NULL},
    {EAT, "method.eat.modules=[\"relu1\", \"input\", \"fc\"]", SSPROP, GRADSAMP, "trace.epochs=[0, 3]", "trace.iterations=[0, -2, 7]", "trace.densities=false", NULL},
    {L1, "evaluate={every=3;asic_ratio=true;asic_batch=64;inplace_relu=true;}", "checkpoint={minutes=0.5;each_epoch=false;}", NULL},
    {L1, SSPROP, GRADSAMP, "method.gradsamp.fit=global", "method.gradsamp.norm=keep", "method.gradsamp.momentum=reset", NULL},
    {"method.ssprop={keep=0.1;schedule=\"cosine\";by=\"iteration\";period=100;select=\"random\";mode=\"mask\";linear=true;}", ADAM, "optimizer.beta1=0.8", "optimizer.beta2=0.99",
     "optimizer.eps=1e-6", "trace.eval=false", NULL},
    {"method.ssprop={keep=0.3;schedule=\"bar\";second_keep=0.7;}", SGD, "optimizer.schedule=step", "optimizer.decay=0.1", "optimizer.milestones=[2, 30]", "optimizer.nesterov=true", NULL},
    {"method.gradsamp={schedule=\"random\";probability=0.25;fit=\"layer\";}", SGD, "optimizer.schedule=cosine", "optimizer.final_lr=1e-3", "optimizer.warmup_epochs=0.5",
     "optimizer.label_smoothing=0.1", "optimizer.decay_norm=false", NULL},
    {"method.ssprop={keep=0.3;schedule=\"constant\";}", "data.name=cifar10", NULL},
    {"trace.spread=12", NULL},
};
enum { VARIED = sizeof varied / sizeof varied[0] };

// Every value of every group reads back: the structures are equal byte by byte. And no two of these configurations are the same.
static void resolved_text_reads_back(void **state) {
    (void)state;
    static const char *const none[] = {NULL};
    static sj_train_config all[VARIED];
    for (int i = 0; i < VARIED; i++) {
        sj_train_config again;
        char *text;
        ok(read_text(base, varied[i], &all[i]));
        ok(sj_train_config_text(&all[i], &text, &err));
        ok(read_text(text, none, &again));
        if (memcmp(&all[i], &again, sizeof again) != 0) {
            fail_msg("configuration %d reads back as another one: %s", i, text);
        }
        free(text);
        for (int j = 0; j < i; j++) {
            assert_memory_not_equal(&all[i], &all[j], sizeof all[i]);
        }
    }
    assert_true(all[1].seed == INT64_MAX && all[1].data_seed == 3000000000u && strcmp(all[1].data_dir, "a \"b\" \\c") == 0 && all[1].trace_type == SJ_TYPE_F32);
    assert_true(all[2].image_h == 30 && all[2].image_w == 40 && all[2].eat.input && all[2].eat.kinds[SJ_KIND_BN] && !all[2].eat.kinds[SJ_KIND_ADD] && all[2].eat.reduce == SJ_EAT_SUM);
    assert_true(all[3].eat.input && all[3].eat.kinds[SJ_KIND_RELU] && !all[3].eat.kinds[SJ_KIND_CONV] && all[3].bf16 && all[3].algorithm == SJ_ALGORITHM_WINOGRAD);
    assert_true(all[4].eat.module_count == 3 && all[4].eat.input && !all[4].eat.kinds[SJ_KIND_RELU] && strcmp(all[4].eat.modules[2], "fc") == 0);
    assert_true(all[4].traced_epoch_count == 2 && all[4].traced_iteration_count == 3 && all[4].traced_iterations[1] == -2);
    assert_true(all[7].ssprop.by_iteration && all[7].ssprop.period == 100 && all[7].ssprop.random && all[7].ssprop.mask && all[7].ssprop.linear);
    assert_true(all[8].ssprop.second_keep == 0.7 && all[8].schedule.milestone_count == 2 && all[8].schedule.milestones[1] == 30 && all[8].optimizer.nesterov);
    assert_true(all[9].gradsamp.probability == 0.25 && all[9].gradsamp.fit == SJ_GRADSAMP_LAYER && all[9].schedule.final_lr == 1e-3 && !all[9].optimizer.decay_norm);
}

// Both sides of each limit: the change is refused with a message that has both words, and the neighbour (NULL: none) is read.
static void refuses(void **state) {
    (void)state;
    static const struct {
        const char *with, *change, *word, *other, *neighbour;
    } cases[] = {
        {NULL, "epochs=0", "epochs", "between 1", "epochs=1"},
        {NULL, "epoch=3", "epoch", "did you mean \"epochs\"", NULL},
        {NULL, "batch_size=65537", "batch_size", "65536", "batch_size=65536"},
        {NULL, "trace.images=17", "trace.images", "batch_size", "trace.images=16"},
        {NULL, "trace.epochs=[4]", "trace.epochs", "between 0 and 3", "trace.epochs=[3]"},
        {NULL, "trace.epochs=[]", "trace.epochs", "is empty", "trace.epochs=[0]"},
        {NULL, "trace.epochs=[2, 0, 2]", "trace.epochs", "names 2 twice", "trace.epochs=[2, 0, 1]"},
        {NULL, "trace.iterations=[]", "trace.iterations", "is empty", NULL},
        {NULL, "trace.iterations=[-1, -1]", "trace.iterations", "names -1 twice", "trace.iterations=[-1, 1]"},
        {NULL, "trace.iterations=[0.5]", "trace.iterations", "an integer", "trace.iterations=[-5]"},
        {NULL, "data.image=[32]", "data.image", "height and width", "data.image=[1, 1024]"},
        {NULL, "data.image=[32, 1025]", "data.image", "1024", NULL},
        {NULL, "data.image=[32, 32, 3]", "data.image", "at most 2", NULL},
        {NULL, "data.crop=17", "data.crop", "16", "data.crop=16"},
        {NULL, "network.width=4097", "network.width", "4096", "network.width=4096"},
        {NULL, "compute.dtype=fp16", "compute.dtype", "\"bf16\"", "compute.dtype=f32"},
        {NULL, "compute.algorithm=winogard", "winogard", "did you mean \"winograd\"", "compute.algorithm=direct"},
        {NULL, "compute.type=bf16", "compute.type", "dtype", NULL},
        {NULL, "optimizer.momentum=1.0", "optimizer.momentum", "below 1", "optimizer.momentum=0.999"},
        {NULL, "optimizer.lr=-1.0", "optimizer.lr", "between 0 and 1000", "optimizer.lr=0.0"},
        {NULL, "optimizer.beta1=0.9", "optimizer.beta1", "adam", NULL},
        {NULL, "optimizer.milestones=[1]", "optimizer.milestones", "step", NULL},
        {NULL, "optimizer.final_lr=0.1", "optimizer.final_lr", "cosine", NULL},
        {NULL, "optimizer.label_smoothing=1.0", "label_smoothing", "below 1", "optimizer.label_smoothing=0.9"},
        {NULL, "optimizer.warmup_epochs=-1", "warmup_epochs", "between 0", "optimizer.warmup_epochs=2.5"},
        {SGD, "optimizer.decay=0.5", "optimizer.decay", "exponential", NULL},
        {"optimizer={lr=1;momentum=0;weight_decay=0;schedule=\"constant\";}", "optimizer.nesterov=true", "optimizer.nesterov", "momentum above 0", "optimizer.nesterov=false"},
        {ADAM, "optimizer.momentum=0.9", "optimizer.momentum", "sgd", NULL},
        {ADAM, "optimizer.nesterov=true", "optimizer.nesterov", "sgd", NULL},
        {ADAM, "optimizer.beta2=1.0", "optimizer.beta2", "below 1", "optimizer.beta2=0.0"},
        {ADAM, "optimizer.eps=0.0", "optimizer.eps", "1e-15", "optimizer.eps=1e-15"},
        {"optimizer={lr=1;momentum=0;weight_decay=0;schedule=\"step\";decay=0.1;}", "epochs=4", "optimizer.milestones", "missing", "optimizer.milestones=[1, 2]"},
        {"optimizer={lr=1;momentum=0;weight_decay=0;schedule=\"step\";decay=0.1;}", "optimizer.milestones=[2, 2]", "optimizer.milestones", "ascend", "optimizer.milestones=[2, 3]"},
        {"optimizer={lr=1;momentum=0;weight_decay=0;schedule=\"step\";decay=0.1;}", "optimizer.milestones=[0]", "optimizer.milestones", "between 1", "optimizer.milestones=[1]"},
        {"optimizer={lr=1;momentum=0;weight_decay=0;schedule=\"step\";decay=0.1;}", "optimizer.milestones=[]", "optimizer.milestones", "at least one", NULL},
        {"optimizer={lr=0.1;momentum=0;weight_decay=0;schedule=\"cosine\";}", "optimizer.final_lr=0.2", "optimizer.final_lr", "0.1", "optimizer.final_lr=0.1"},
        {NULL, "method.name=eat", "method.name", "group", NULL},
        {NULL, "method.ssprp={keep=0.5;}", "ssprp", "did you mean \"ssprop\"", NULL},
        {EAT, L1, "method.l1", "rivals", NULL},
        {EAT, "method.eat.sigma=0.0", "method.eat.sigma", "1e-12", "method.eat.sigma=1e-12"},
        {EAT, "method.eat.lamda=1.0", "method.eat.lamda", "did you mean \"lambda\"", "method.eat.lambda=1e6"},
        {EAT, "method.eat.reduce=max", "method.eat.reduce", "\"sum\"", "method.eat.reduce=mean"},
        {EAT, "method.eat.kinds=[]", "method.eat.kinds", "at least one", "method.eat.kinds=[\"conv\"]"},
        {EAT, "method.eat.kinds=[\"rellu\"]", "rellu", "did you mean \"relu\"", NULL},
        {EAT, "method.eat.modules=[]", "method.eat.modules", "1 to 128", "method.eat.modules=[\"x\"]"},
        {L1, "method.l1.sigma=0.1", "method.l1.sigma", "method.eat", NULL},
        {NULL, "method.eat={lambda=1.0;reduce=\"sum\";warmup_epochs=0;}", "method.eat.sigma", "missing", NULL},
        {NULL, "method.l1={reduce=\"sum\";warmup_epochs=0;}", "method.l1.lambda", "missing", NULL},
        {NULL, "method.ssprop={schedule=\"constant\";}", "method.ssprop.keep", "missing", NULL},
        {SSPROP, "method.ssprop.keep=0.0", "method.ssprop.keep", "between", "method.ssprop.keep=1.0"},
        {SSPROP, "method.ssprop.schedule=interleave", "interleave", "did you mean \"interleaved\"", "method.ssprop.schedule=linear"},
        {SSPROP, "method.ssprop.period=5", "method.ssprop.period", "iteration", "method.ssprop.by=iteration"},
        {SSPROP, "method.ssprop.second_keep=0.5", "method.ssprop.second_keep", "bar", NULL},
        {SSPROP, "method.ssprop.schedule=bar", "method.ssprop.second_keep", "missing", NULL},
        {"method.ssprop={keep=0.2;schedule=\"linear\";by=\"iteration\";}", "epochs=4", "method.ssprop.period", "missing", "method.ssprop.period=2"},
        {"method.ssprop={keep=0.2;schedule=\"linear\";by=\"iteration\";}", "method.ssprop.period=1", "method.ssprop.period", "between 2", NULL},
        {GRADSAMP, "method.gradsamp.period=1", "method.gradsamp.period", "between 2", "method.gradsamp.period=2"},
        {GRADSAMP, "method.gradsamp.probability=0.5", "method.gradsamp.probability", "random", NULL},
        {"method.gradsamp={schedule=\"random\";}", "epochs=4", "method.gradsamp.probability", "missing", "method.gradsamp.probability=0.0"},
        {"method.gradsamp={schedule=\"random\";}", "method.gradsamp.probability=1.0", "method.gradsamp.probability", "below 1", NULL},
        {NULL, "evaluate.every=0", "evaluate.every", "between 1", "evaluate.every=9"},
        {"evaluate.asic_ratio=true", "evaluate.asic_batch=0", "evaluate.asic_batch", "between 1", "evaluate.asic_batch=1"},
        {NULL, "evaluate.asic_batch=512", "evaluate.asic_batch", "belongs to asic_ratio = true", "evaluate.asic_ratio=false"},
        {"evaluate.asic_ratio=false", "evaluate.inplace_relu=false", "evaluate.inplace_relu", "belongs to asic_ratio = true", NULL},
        {"data.name=cifar10", "data.seed=1", "data.seed", "glyphs", "data.flip=true"},
        {"data.name=glyphs", "data.seed=-1", "data.seed", "between 0", "data.seed=2"},
        {"method.ssprop={keep=0.2;schedule=\"constant\";}", "method.ssprop.by=epoch", "method.ssprop.by", "interleaved", "method.ssprop.keep=0.3"},
        {NULL, "checkpoint.minutes=-1.0", "checkpoint.minutes", "between 0", "checkpoint.minutes=0.0"},
        {NULL, "checkpoint.each_epochs=true", "checkpoint.each_epochs", "did you mean \"each_epoch\"", "checkpoint.each_epoch=false"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sj_train_config c;
        const char *first = cases[i].with != NULL ? cases[i].with : "batch_size=16";
        const char *const bad[] = {first, cases[i].change, NULL}, *const good[] = {first, cases[i].neighbour, NULL};
        if (read_text(base, bad, &c) != SJ_ERR_CONFIG || strstr(err.message, cases[i].word) == NULL || strstr(err.message, cases[i].other) == NULL) {
            fail_msg("case %zu (%s): expected \"%s\" and \"%s\" in: %s", i, cases[i].change, cases[i].word, cases[i].other, err.message);
        }
        if (cases[i].neighbour != NULL && read_text(base, good, &c) != SJ_OK) {
            fail_msg("case %zu: %s is allowed: %s", i, cases[i].neighbour, err.message);
        }
    }
}

// Of kinds and modules one is allowed, whatever their order.
static void kinds_or_modules(void **state) {
    (void)state;
    static const char *const both[] = {EAT, "method.eat.kinds=[\"relu\"]", "method.eat.modules=[\"relu1\"]", NULL};
    sj_train_config c;
    assert_int_equal(read_text(base, both, &c), SJ_ERR_CONFIG);
    assert_non_null(strstr(err.message, "not both"));
    assert_null(strstr(err.message, "unknown"));
}

static void names_and_states(void **state) {
    (void)state;
    static const struct {
        const char *const changes[4];
        const char *name, *state;
    } cases[] = {
        {{NULL}, "plain", "plain"},
        {{EAT, NULL}, "eat", "eat lambda=1.5 sigma=0.0001"},
        {{L1, NULL}, "l1", "l1 lambda=1.5"},
        {{SSPROP, NULL}, "ssprop", "ssprop keep=0.25"},
        {{GRADSAMP, NULL}, "gradsamp", "gradsamp"},
        {{GRADSAMP, SSPROP, NULL}, "ssprop+gradsamp", "ssprop keep=0.25 gradsamp"},
        {{GRADSAMP, EAT, NULL}, "eat+gradsamp", "eat lambda=1.5 sigma=0.0001 gradsamp"},
        {{SSPROP, EAT, NULL}, "eat+ssprop", "eat lambda=1.5 sigma=0.0001 ssprop keep=0.25"},
        {{SSPROP, L1, NULL}, "l1+ssprop", "l1 lambda=1.5 ssprop keep=0.25"},
        {{GRADSAMP, L1, NULL}, "l1+gradsamp", "l1 lambda=1.5 gradsamp"},
        {{GRADSAMP, SSPROP, EAT, NULL}, "eat+ssprop+gradsamp", "eat lambda=1.5 sigma=0.0001 ssprop keep=0.25 gradsamp"},
        {{GRADSAMP, SSPROP, L1, NULL}, "l1+ssprop+gradsamp", "l1 lambda=1.5 ssprop keep=0.25 gradsamp"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sj_train_config c;
        char text[SJ_METHOD_STATE_MAX];
        ok(read_text(base, cases[i].changes, &c));
        assert_string_equal(sj_train_method_name(&c), cases[i].name);
        sj_train_method_state(&c, 1.5, 0.25, false, text);
        assert_string_equal(text, cases[i].state);
        sj_train_method_state(&c, 1.5, 0.25, true, text);
        const sj_step_info step = {.mode = SJ_MODE_TRAIN, .method_state = "gradsamp skipped"};
        assert_string_equal(text, step.method_state);
        assert_true(sj_step_is_skipped(&step));
        assert_true(strlen(cases[i].name) < SJ_NAME_MAX);
    }
    // The longest text there can be fits.
    static const char *const all[] = {EAT, SSPROP, GRADSAMP, NULL};
    sj_train_config c;
    char text[SJ_METHOD_STATE_MAX];
    ok(read_text(base, all, &c));
    c.eat.sigma = 1.23456e-12;
    sj_train_method_state(&c, 1.23456e-300, 1.23456e-6, false, text);
    assert_string_equal(text, "eat lambda=1.23456e-300 sigma=1.23456e-12 ssprop keep=1.23456e-06 gradsamp");
}

static void traced_and_evaluated(void **state) {
    (void)state;
    static const char *const changes[] = {"trace.epochs=[1, 3]", "trace.iterations=[0, -1, -3]", "evaluate.every=3", NULL};
    sj_train_config c;
    sj_network net = {.name = "none"};
    ok(read_text(base, changes, &c));
    for (int64_t epoch = 0; epoch < 4; epoch++) {
        for (int64_t i = 0; i < 10; i++) {
            assert_int_equal(sj_train_is_traced(&c, epoch, i, 10), epoch % 2 == 1 && (i == 0 || i == 9 || i == 7));
        }
        assert_int_equal(sj_train_is_evaluated(&c, epoch), epoch >= 2);  // the third, and the last
    }
    ok(sj_train_config_fits(&c, &net, 3, &err));
    assert_int_equal(sj_train_config_fits(&c, &net, 2, &err), SJ_ERR_CONFIG);
    assert_non_null(strstr(err.message, "trace.iterations: -3"));
    c.traced_iterations[2] = 2;
    assert_int_equal(sj_train_config_fits(&c, &net, 2, &err), SJ_ERR_CONFIG);
    assert_non_null(strstr(err.message, "-2 to 1"));
    ok(sj_train_config_fits(&c, &net, 3, &err));
}

static int64_t spread_of(const char *const *changes, int64_t per_epoch, int64_t **out) {
    sj_train_config c;
    int64_t count;
    ok(read_text(base, changes, &c));
    ok(sj_train_spread(&c, per_epoch, out, &count, &err));
    for (int64_t i = 1; i < count; i++) {
        assert_true((*out)[i] > (*out)[i - 1]);
    }
    assert_true(count == 0 || ((*out)[0] >= 0 && (*out)[count - 1] < c.epochs * per_epoch));
    return count;
}

// As many as were asked for, the first and the last of each state among them; all where there are fewer.
static void steps_are_spread_over_the_run(void **state) {
    (void)state;
    int64_t *of;
    static const char *const none[] = {NULL}, *const five[] = {"trace.spread=5", NULL}, *const all[] = {"trace.spread=1000", NULL};
    assert_int_equal(spread_of(none, 10, &of), 0);
    assert_null(of);
    assert_int_equal(spread_of(five, 10, &of), 5);  // base has 4 epochs
    static const int64_t evenly[] = {0, 10, 20, 29, 39};
    for (int i = 0; i < 5; i++) {
        assert_true(llabs(of[i] - evenly[i]) <= 1);
    }
    assert_true(of[0] == 0 && of[4] == 39);
    free(of);
    assert_int_equal(spread_of(all, 10, &of), 40);
    assert_int_equal(of[23], 23);
    free(of);
    static const char *const interleaved[] = {"method.ssprop={keep=0.3;schedule=\"interleaved\";}", "trace.spread=6", NULL};
    assert_int_equal(spread_of(interleaved, 10, &of), 6);
    int sparse = 0;
    for (int i = 0; i < 6; i++) {
        sparse += of[i] / 10 % 2 == 1;
    }
    assert_int_equal(sparse, 3);
    assert_true(of[0] == 0 && of[5] == 39);
    free(of);
    static const char *const moving[] = {"epochs=40", "method.ssprop={keep=0.3;schedule=\"linear\";}", "trace.spread=6", NULL};
    assert_int_equal(spread_of(moving, 3, &of), 6);
    assert_true(of[0] == 0 && of[5] == 119);
    free(of);
    static const char *const skips[] = {"epochs=6", "method.gradsamp={schedule=\"periodic\";period=3;}", "trace.spread=4", NULL};
    assert_int_equal(spread_of(skips, 10, &of), 5);  // and the first skipped epoch
    assert_true(of[0] == 0 && of[4] == 49);
    bool skipped = false;
    for (int i = 0; i < 5; i++) {
        skipped = skipped || of[i] == 20;
        assert_true(of[i] < 50 && (of[i] / 10 != 2 || of[i] == 20));
    }
    assert_true(skipped);
    free(of);
    static const char *const few[] = {"method.ssprop={keep=0.3;schedule=\"interleaved\";}", "trace.spread=3", NULL};
    sj_train_config c;
    int64_t count;
    ok(read_text(base, few, &c));
    assert_int_equal(sj_train_spread(&c, 10, &of, &count, &err), SJ_ERR_CONFIG);
    assert_non_null(strstr(err.message, "trace.spread: 3"));
    assert_non_null(strstr(err.message, "4 at least"));
}

static void spread_stands_alone(void **state) {
    (void)state;
    static const char *const beside[][4] = {{"trace.spread=4", "trace.epochs=[1]", NULL}, {"trace.spread=4", "trace.iterations=[1]", NULL}, {"trace.spread=1", NULL}};
    for (int i = 0; i < 3; i++) {
        sj_train_config c;
        assert_int_equal(read_text(base, beside[i], &c), SJ_ERR_CONFIG);
        assert_non_null(strstr(err.message, "trace.spread"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(defaults),         cmocka_unit_test(resolved_text_reads_back), cmocka_unit_test(refuses),
                                       cmocka_unit_test(kinds_or_modules), cmocka_unit_test(names_and_states),         cmocka_unit_test(traced_and_evaluated),
                                       cmocka_unit_test(steps_are_spread_over_the_run), cmocka_unit_test(spread_stands_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
