// SPDX-License-Identifier: Apache-2.0
// The reader. Each group has a function; keys come in the order of sj_train_config.h.
#include <stdio.h>
#include <string.h>

#include "sj_train_config_internal.h"

#define INT_MAX_CFG 1000000000

static void read_text(sj_config *c, const char *path, sj_need need, char *out, size_t size) {
    const char *text = sj_config_string(c, path, need, "");
    if (strlen(text) >= size) {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" has %zu characters; at most %zu are allowed", path, strlen(text), size - 1);
        text = "";
    }
    (void)snprintf(out, size, "%s", text);
}

bool sj_key_belongs(sj_config *c, const char *path, bool meaning, const char *owner) {
    if (!meaning && sj_config_has(c, path)) {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" has no meaning here; it belongs to %s", path, owner);
    }
    return meaning;
}

double sj_key_float(sj_config *c, const char *path, bool meaning, const char *owner, sj_need need, double fallback, double min, double max) {
    if (sj_key_belongs(c, path, meaning, owner)) {
        return sj_config_float(c, path, need, fallback, min, max);
    }
    (void)sj_config_float(c, path, SJ_OPTIONAL, 0.0, -1e300, 1e300);
    return 0.0;
}

int64_t sj_key_int(sj_config *c, const char *path, bool meaning, const char *owner, int64_t min, int64_t max) {
    if (sj_key_belongs(c, path, meaning, owner)) {
        return sj_config_int(c, path, SJ_REQUIRED, min, min, max);
    }
    (void)sj_config_int(c, path, SJ_OPTIONAL, 0, INT64_MIN, INT64_MAX);
    return 0;
}

double sj_key_below_one(sj_config *c, const char *path, bool meaning, const char *owner, sj_need need, double fallback) {
    const double value = sj_key_float(c, path, meaning, owner, need, fallback, 0.0, 1.0);
    if (value >= 1.0) {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" is 1; it must be at least 0 and below 1", path);
    }
    return value;
}

// Integers of an array into out; their number. Absent: one, the fallback.
static int read_ints(sj_config *c, const char *path, int most, int64_t fallback, int64_t min, int64_t max, int64_t *out) {
    int count = sj_config_list(c, path, SJ_OPTIONAL);
    if (!sj_config_has(c, path)) {
        out[0] = fallback;
        return 1;
    }
    for (int i = 0; i < count; i++) {
        char item[96];
        (void)snprintf(item, sizeof item, "%s.[%d]", path, i);
        const int64_t value = sj_config_int(c, item, SJ_REQUIRED, 0, min, max);
        out[i < most ? i : most - 1] = value;
    }
    if (count > most) {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" has %d numbers; at most %d are allowed", path, count, most);
        count = most;
    }
    return count;
}

static void read_data(sj_config *c, sj_train_config *t) {
    read_text(c, "data.name", SJ_REQUIRED, t->data_name, sizeof t->data_name);
    read_text(c, "data.dir", SJ_OPTIONAL, t->data_dir, sizeof t->data_dir);
    t->train_images = sj_config_int(c, "data.train_images", SJ_OPTIONAL, 0, 0, INT_MAX_CFG);
    t->test_images = sj_config_int(c, "data.test_images", SJ_OPTIONAL, 0, 0, INT_MAX_CFG);
    t->data_seed = (uint64_t)sj_config_int(c, "data.seed", SJ_OPTIONAL, 1, 0, INT64_MAX / 4);
    (void)sj_key_belongs(c, "data.seed", sj_train_draws_data(t), "data set \"glyphs\", which is drawn");
    t->normalise = sj_config_bool(c, "data.normalise", SJ_OPTIONAL, true);
    t->flip = sj_config_bool(c, "data.flip", SJ_OPTIONAL, false);
    t->crop = sj_config_int(c, "data.crop", SJ_OPTIONAL, 0, 0, 16);
    if (sj_config_has(c, "data.image")) {
        int64_t size[2] = {0, 0};
        const int sizes = read_ints(c, "data.image", 2, 0, 1, 1024, size);
        t->image_h = size[0];
        t->image_w = size[1];
        if (sizes == 0 || sizes == 1) {
            sj_config_error(c, SJ_CFG_RANGE, "data.image", "\"data.image\" has %d of two numbers; height and width are needed: [32, 32]", sizes);
        }
    }
}

static void read_compute(sj_config *c, sj_train_config *t) {
    t->bf16 = sj_config_enum(c, "compute.dtype", SJ_OPTIONAL, 0, sj_names_dtype) == 1;
    t->algorithm = (sj_algorithm)sj_config_enum(c, "compute.algorithm", SJ_OPTIONAL, SJ_ALGORITHM_AUTO, sj_names_algorithm);
}

static void read_schedule(sj_config *c, sj_schedule *s) {
    s->lr = sj_config_float(c, "optimizer.lr", SJ_REQUIRED, 0.1, 0.0, 1000.0);
    s->kind = (sj_schedule_kind)sj_config_enum(c, "optimizer.schedule", SJ_REQUIRED, SJ_SCHEDULE_CONSTANT, sj_names_schedule);
    const bool step = s->kind == SJ_SCHEDULE_STEP, decays = step || s->kind == SJ_SCHEDULE_EXPONENTIAL;
    s->decay = sj_key_float(c, "optimizer.decay", decays, "schedule = \"exponential\" and \"step\"", SJ_REQUIRED, 1.0, 1e-6, 1.0);
    s->final_lr = sj_key_float(c, "optimizer.final_lr", s->kind == SJ_SCHEDULE_COSINE, "schedule = \"cosine\"", SJ_OPTIONAL, 0.0, 0.0, s->lr);
    s->warmup_epochs = sj_config_float(c, "optimizer.warmup_epochs", SJ_OPTIONAL, 0.0, 0.0, 1e5);
    const int length = sj_config_list(c, "optimizer.milestones", step ? SJ_REQUIRED : SJ_OPTIONAL);
    if (!sj_config_has(c, "optimizer.milestones")) {
        return;
    }
    s->milestone_count = read_ints(c, "optimizer.milestones", SJ_MILESTONES_MAX, 1, 1, 100000, s->milestones);
    if (!sj_key_belongs(c, "optimizer.milestones", step, "schedule = \"step\"")) {
        return;
    }
    if (length == 0) {
        sj_config_error(c, SJ_CFG_RANGE, "optimizer.milestones", "\"optimizer.milestones\" has no epoch; at least one is needed");
    }
    for (int i = 1; i < s->milestone_count; i++) {
        if (s->milestones[i] <= s->milestones[i - 1]) {
            sj_config_error(c, SJ_CFG_RANGE, "optimizer.milestones", "\"optimizer.milestones\" has %lld behind %lld; epochs must ascend", (long long)s->milestones[i],
                            (long long)s->milestones[i - 1]);
            break;
        }
    }
}

static void read_optimizer(sj_config *c, sj_train_config *t) {
    sj_optimizer_config *o = &t->optimizer;
    o->kind = (sj_optimizer_kind)sj_config_enum(c, "optimizer.name", SJ_OPTIONAL, SJ_OPTIMIZER_KIND_SGD, sj_names_optimizer);
    const bool adam = o->kind == SJ_OPTIMIZER_KIND_ADAM;
    o->momentum = sj_key_below_one(c, "optimizer.momentum", !adam, "name = \"sgd\"", SJ_REQUIRED, 0.9);
    const bool nesterov = sj_config_bool(c, "optimizer.nesterov", SJ_OPTIONAL, false);
    o->nesterov = sj_key_belongs(c, "optimizer.nesterov", !adam, "name = \"sgd\"") && nesterov;
    if (o->nesterov && !(o->momentum > 0.0)) {
        sj_config_error(c, SJ_CFG_RANGE, "optimizer.nesterov", "\"optimizer.nesterov\" is true; it needs a momentum above 0");
    }
    o->beta1 = sj_key_below_one(c, "optimizer.beta1", adam, "name = \"adam\"", SJ_OPTIONAL, 0.9);
    o->beta2 = sj_key_below_one(c, "optimizer.beta2", adam, "name = \"adam\"", SJ_OPTIONAL, 0.999);
    o->eps = sj_key_float(c, "optimizer.eps", adam, "name = \"adam\"", SJ_OPTIONAL, 1e-8, 1e-15, 1.0);
    o->weight_decay = sj_config_float(c, "optimizer.weight_decay", SJ_REQUIRED, 0.0, 0.0, 1.0);
    o->decay_norm = sj_config_bool(c, "optimizer.decay_norm", SJ_OPTIONAL, true);
    t->label_smoothing = sj_key_below_one(c, "optimizer.label_smoothing", true, NULL, SJ_OPTIONAL, 0.0);
    read_schedule(c, &t->schedule);
}

static void read_evaluate(sj_config *c, sj_train_config *t) {
    t->evaluate_every = sj_config_int(c, "evaluate.every", SJ_OPTIONAL, 1, 1, 100000);
    t->asic_ratio = sj_config_bool(c, "evaluate.asic_ratio", SJ_OPTIONAL, false);
    t->asic_batch = sj_config_int(c, "evaluate.asic_batch", SJ_OPTIONAL, 512, 1, 65536);
    t->inplace_relu = sj_config_bool(c, "evaluate.inplace_relu", SJ_OPTIONAL, false);
    (void)sj_key_belongs(c, "evaluate.asic_batch", t->asic_ratio, "asic_ratio = true");
    (void)sj_key_belongs(c, "evaluate.inplace_relu", t->asic_ratio, "asic_ratio = true");
}

// The last epoch that sees data: a skipped one has nothing to trace but weights.
static int64_t last_real_epoch(const sj_train_config *t) {
    int64_t last = 0, real = 0;
    for (int64_t epoch = 0; epoch < t->epochs; epoch++) {
        if (!sj_gradsamp_skips(&t->gradsamp, t->seed, epoch, real)) {
            last = epoch;
            real++;
        }
    }
    return last;
}

// Which epochs or iterations are traced: at least one, none named twice.
static int read_traced(sj_config *c, const char *path, int most, int64_t fallback, int64_t min, int64_t max, int64_t *out) {
    const int count = read_ints(c, path, most, fallback, min, max, out);
    if (count == 0) {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" is empty; at least one number is needed, and without the key it is the last", path);
    }
    for (int i = 1; i < count; i++) {
        for (int j = 0; j < i; j++) {
            if (out[i] == out[j]) {
                sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" names %lld twice", path, (long long)out[i]);
                return count;
            }
        }
    }
    return count;
}

// In place of the two lists, of which neither may stand beside it.
static void read_spread(sj_config *c, sj_train_config *t) {
    static const char *const lists[] = {"trace.epochs", "trace.iterations"};
    t->trace_spread = sj_config_int(c, "trace.spread", SJ_REQUIRED, 2, 2, INT_MAX_CFG);
    for (int i = 0; i < 2; i++) {
        if (sj_config_has(c, lists[i])) {
            sj_config_error(c, SJ_CFG_RANGE, lists[i], "\"%s\" and \"trace.spread\" exclude each other: one names the steps of the trace, the other spreads them over the run", lists[i]);
        }
    }
    t->traced_epoch_count = t->traced_iteration_count = 0;
    memset(t->traced_epochs, 0, sizeof t->traced_epochs);
    memset(t->traced_iterations, 0, sizeof t->traced_iterations);
}

static void read_trace(sj_config *c, sj_train_config *t) {
    t->trace_images = sj_config_int(c, "trace.images", SJ_REQUIRED, 1, 1, 65536);
    if (t->trace_images > t->batch_size && !sj_config_failed(c, "batch_size")) {
        sj_config_error(c, SJ_CFG_RANGE, "trace.images", "\"trace.images\" is %lld; it must be between 1 and batch_size (%lld)", (long long)t->trace_images, (long long)t->batch_size);
    }
    t->trace_type = sj_config_enum(c, "trace.dtype", SJ_OPTIONAL, 0, sj_names_trace_dtype) == 1 ? SJ_TYPE_F32 : SJ_TYPE_BF16;
    t->trace_eval = sj_config_bool(c, "trace.eval", SJ_OPTIONAL, true);
    t->traced_epoch_count = read_traced(c, "trace.epochs", SJ_TRACED_EPOCHS_MAX, last_real_epoch(t), 0, t->epochs - 1, t->traced_epochs);
    t->traced_iteration_count = read_traced(c, "trace.iterations", SJ_TRACED_ITERATIONS_MAX, -1, -INT_MAX_CFG, INT_MAX_CFG, t->traced_iterations);
    if (sj_config_has(c, "trace.spread")) {
        read_spread(c, t);
    }
    t->trace_densities = sj_config_bool(c, "trace.densities", SJ_OPTIONAL, true);
}

static void read_checkpoint(sj_config *c, sj_train_config *t) {
    t->checkpoint_minutes = sj_config_float(c, "checkpoint.minutes", SJ_OPTIONAL, 10.0, 0.0, 1e6);
    t->checkpoint_each_epoch = sj_config_bool(c, "checkpoint.each_epoch", SJ_OPTIONAL, true);
}

sj_status sj_train_config_read(sj_config *c, sj_train_config *out, sj_error *err) {
    memset(out, 0, sizeof *out);
    out->seed = (uint64_t)sj_config_int(c, "seed", SJ_REQUIRED, 1, 0, INT64_MAX);
    read_data(c, out);
    read_text(c, "network.model", SJ_REQUIRED, out->model, sizeof out->model);
    out->width = sj_config_int(c, "network.width", SJ_OPTIONAL, 0, 0, 4096);
    read_compute(c, out);
    out->batch_size = sj_config_int(c, "batch_size", SJ_REQUIRED, 1, 1, 65536);
    out->epochs = sj_config_int(c, "epochs", SJ_REQUIRED, 1, 1, 100000);
    read_optimizer(c, out);
    sj_train_config_read_method(c, out);
    read_evaluate(c, out);
    read_trace(c, out);
    read_checkpoint(c, out);
    return sj_config_finish(c, err);
}
