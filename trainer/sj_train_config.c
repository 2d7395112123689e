// SPDX-License-Identifier: Apache-2.0
#include "sj_train_config.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INT_MAX_CFG 1000000000

static const char *const method_names[] = {"plain", "eat", "ssprop", NULL};
static const char *const lr_schedules[] = {"constant", "exponential", NULL};
static const char *const ssprop_schedules[] = {"constant", "interleaved", NULL};
static const char *const reduces[] = {"mean", "sum", NULL};
static const char *const dtypes[] = {"bf16", "float32", NULL};
static const char *const module_names[] = {"input", "conv", "bn", "relu", "maxpool", "avgpool", "linear", NULL};
static const sj_kind module_kinds[] = {SJ_KIND_COUNT, SJ_KIND_CONV, SJ_KIND_BN, SJ_KIND_RELU, SJ_KIND_MAXPOOL, SJ_KIND_AVGPOOL, SJ_KIND_LINEAR};

const char *sj_method_name(sj_method method) { return method_names[method]; }

static void read_text(sj_config *c, const char *path, sj_need need, char *out, size_t size) {
    const char *text = sj_config_string(c, path, need, "");
    if (strlen(text) >= size) {
        sj_config_error(c, SJ_CFG_RANGE, path, "%zu characters; at most %zu are allowed", strlen(text), size - 1);
        text = "";
    }
    (void)snprintf(out, size, "%s", text);
}

static void read_data(sj_config *c, sj_train_config *t) {
    read_text(c, "data.name", SJ_REQUIRED, t->data_name, sizeof t->data_name);
    read_text(c, "data.dir", SJ_OPTIONAL, t->data_dir, sizeof t->data_dir);
    t->train_images = sj_config_int(c, "data.train_images", SJ_OPTIONAL, 0, 0, INT_MAX_CFG);
    t->test_images = sj_config_int(c, "data.test_images", SJ_OPTIONAL, 0, 0, INT_MAX_CFG);
    t->data_seed = (uint64_t)sj_config_int(c, "data.seed", SJ_OPTIONAL, 1, 0, INT64_MAX / 4);
    t->normalise = sj_config_bool(c, "data.normalise", SJ_OPTIONAL, true);
    t->flip = sj_config_bool(c, "data.flip", SJ_OPTIONAL, false);
    t->crop = sj_config_int(c, "data.crop", SJ_OPTIONAL, 0, 0, 16);
}

static void read_optimizer(sj_config *c, sj_train_config *t) {
    t->lr = sj_config_float(c, "optimizer.lr", SJ_REQUIRED, 0.1, 0.0, 1000.0);
    t->momentum = sj_config_float(c, "optimizer.momentum", SJ_REQUIRED, 0.9, 0.0, 1.0);
    t->weight_decay = sj_config_float(c, "optimizer.weight_decay", SJ_REQUIRED, 0.0, 0.0, 1.0);
    t->schedule = (sj_schedule)sj_config_enum(c, "optimizer.schedule", SJ_REQUIRED, SJ_SCHEDULE_CONSTANT, lr_schedules);
    const sj_need need = t->schedule == SJ_SCHEDULE_EXPONENTIAL ? SJ_REQUIRED : SJ_OPTIONAL;
    t->decay = sj_config_float(c, "optimizer.decay", need, 1.0, 1e-6, 1.0);
}

static void read_modules(sj_config *c, sj_eat *eat) {
    const bool given = sj_config_has(c, "method.kinds");
    const int count = given ? sj_config_length(c, "method.kinds", SJ_REQUIRED) : (int)(sizeof module_kinds / sizeof module_kinds[0]);
    for (int i = 0; i < count; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "method.kinds.[%d]", i);
        const int which = given ? sj_config_enum(c, path, SJ_REQUIRED, 0, module_names) : i;
        if (module_kinds[which] == SJ_KIND_COUNT) {
            eat->input = true;
        } else {
            eat->kinds[module_kinds[which]] = true;
        }
    }
    if (count == 0) {
        sj_config_error(c, SJ_CFG_RANGE, "method.kinds", "no kind; at least one of input, conv, bn, relu, maxpool, avgpool, linear is needed");
    }
}

static void read_method(sj_config *c, sj_train_config *t) {
    t->method = (sj_method)sj_config_enum(c, "method.name", SJ_REQUIRED, SJ_METHOD_PLAIN, method_names);
    t->ssprop.keep = 1.0;
    if (t->method == SJ_METHOD_EAT) {
        t->eat.lambda = sj_config_float(c, "method.lambda", SJ_REQUIRED, 1.0, 0.0, 1e6);
        t->eat.sigma = sj_config_float(c, "method.sigma", SJ_REQUIRED, 1e-4, 1e-12, 1e6);
        t->eat.reduce = (sj_eat_reduce)sj_config_enum(c, "method.reduce", SJ_REQUIRED, SJ_EAT_MEAN, reduces);
        t->eat.warmup_epochs = sj_config_float(c, "method.warmup_epochs", SJ_REQUIRED, 0.0, 0.0, 1e6);
        read_modules(c, &t->eat);
    } else if (t->method == SJ_METHOD_SSPROP) {
        t->ssprop.keep = sj_config_float(c, "method.keep", SJ_REQUIRED, 1.0, 1e-6, 1.0);
        t->ssprop.schedule = (sj_ssprop_schedule)sj_config_enum(c, "method.schedule", SJ_REQUIRED, SJ_SSPROP_CONSTANT, ssprop_schedules);
    }
}

static void read_trace(sj_config *c, sj_train_config *t) {
    t->trace_images = sj_config_int(c, "trace.images", SJ_REQUIRED, 1, 1, 65536);
    if (t->trace_images > t->batch_size) {
        sj_config_error(c, SJ_CFG_RANGE, "trace.images", "%lld; allowed: 1 to batch_size (%lld)", (long long)t->trace_images, (long long)t->batch_size);
    }
    const bool f32 = sj_config_enum(c, "trace.dtype", SJ_OPTIONAL, 0, dtypes) == 1;
    t->trace_type = f32 ? SJ_TYPE_F32 : SJ_TYPE_BF16;
    t->trace_eval = sj_config_bool(c, "trace.eval", SJ_OPTIONAL, true);
    t->traced_epoch_count = 1;
    t->traced_epochs[0] = t->epochs - 1;
    if (!sj_config_has(c, "trace.epochs")) {
        return;
    }
    t->traced_epoch_count = sj_config_length(c, "trace.epochs", SJ_REQUIRED);
    if (t->traced_epoch_count > SJ_TRACED_EPOCHS_MAX) {
        sj_config_error(c, SJ_CFG_RANGE, "trace.epochs", "%d epochs; at most %d are allowed", t->traced_epoch_count, SJ_TRACED_EPOCHS_MAX);
        t->traced_epoch_count = SJ_TRACED_EPOCHS_MAX;
    }
    for (int i = 0; i < t->traced_epoch_count; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "trace.epochs.[%d]", i);
        t->traced_epochs[i] = sj_config_int(c, path, SJ_REQUIRED, 0, 0, t->epochs - 1);
    }
}

sj_status sj_train_config_read(sj_config *c, sj_train_config *out, sj_error *err) {
    memset(out, 0, sizeof *out);
    out->seed = (uint64_t)sj_config_int(c, "seed", SJ_REQUIRED, 1, 0, INT64_MAX);
    read_data(c, out);
    read_text(c, "network.model", SJ_REQUIRED, out->model, sizeof out->model);
    out->width = sj_config_int(c, "network.width", SJ_OPTIONAL, 0, 0, 4096);
    out->batch_size = sj_config_int(c, "batch_size", SJ_REQUIRED, 1, 1, 65536);
    out->epochs = sj_config_int(c, "epochs", SJ_REQUIRED, 1, 1, 100000);
    read_optimizer(c, out);
    read_method(c, out);
    read_trace(c, out);
    return sj_config_finish(c, err);
}

// The shortest decimal that reads back as v.
static const char *number(double v, char buffer[40]) {
    for (int digits = 1; digits <= 17; digits++) {
        (void)snprintf(buffer, 40, "%.*g", digits, v);
        if (strtod(buffer, NULL) == v) {
            break;
        }
    }
    if (strcspn(buffer, ".e") == strlen(buffer)) {
        (void)strcat(buffer, ".0");
    }
    return buffer;
}

static void write_method(FILE *f, const sj_train_config *t) {
    char a[40], b[40], w[40];
    (void)fprintf(f, "method = { name = \"%s\";", method_names[t->method]);
    if (t->method == SJ_METHOD_EAT) {
        (void)fprintf(f, " lambda = %s; sigma = %s; reduce = \"%s\"; warmup_epochs = %s; kinds = [", number(t->eat.lambda, a), number(t->eat.sigma, b),
                      reduces[t->eat.reduce], number(t->eat.warmup_epochs, w));
        const char *separator = "";
        for (int i = 0; module_names[i] != NULL; i++) {
            if (module_kinds[i] == SJ_KIND_COUNT ? t->eat.input : t->eat.kinds[module_kinds[i]]) {
                (void)fprintf(f, "%s\"%s\"", separator, module_names[i]);
                separator = ", ";
            }
        }
        (void)fprintf(f, "];");
    } else if (t->method == SJ_METHOD_SSPROP) {
        (void)fprintf(f, " keep = %s; schedule = \"%s\";", number(t->ssprop.keep, a), ssprop_schedules[t->ssprop.schedule]);
    }
    (void)fprintf(f, " };\n");
}

// A string as libconfig reads it.
static void write_string(FILE *f, const char *key, const char *text) {
    (void)fprintf(f, " %s = \"", key);
    for (; *text != '\0'; text++) {
        (void)fprintf(f, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    }
    (void)fprintf(f, "\";");
}

static void write_all(FILE *f, const sj_train_config *t) {
    char a[40], b[40], c[40], d[40];
    (void)fprintf(f, "seed = %lluL;\n", (unsigned long long)t->seed);
    (void)fprintf(f, "data = {");
    write_string(f, "name", t->data_name);
    write_string(f, "dir", t->data_dir);
    (void)fprintf(f, " train_images = %lld; test_images = %lld; seed = %lluL; normalise = %s; flip = %s; crop = %lld; };\n", (long long)t->train_images,
                  (long long)t->test_images, (unsigned long long)t->data_seed, t->normalise ? "true" : "false", t->flip ? "true" : "false", (long long)t->crop);
    (void)fprintf(f, "network = {");
    write_string(f, "model", t->model);
    (void)fprintf(f, " width = %lld; };\nbatch_size = %lld;\nepochs = %lld;\n", (long long)t->width, (long long)t->batch_size, (long long)t->epochs);
    (void)fprintf(f, "optimizer = { lr = %s; momentum = %s; weight_decay = %s; schedule = \"%s\"; decay = %s; };\n", number(t->lr, a), number(t->momentum, b),
                  number(t->weight_decay, c), lr_schedules[t->schedule], number(t->decay, d));
    write_method(f, t);
    (void)fprintf(f, "trace = { images = %lld; dtype = \"%s\"; eval = %s; epochs = [", (long long)t->trace_images, t->trace_type == SJ_TYPE_F32 ? "float32" : "bf16",
                  t->trace_eval ? "true" : "false");
    for (int i = 0; i < t->traced_epoch_count; i++) {
        (void)fprintf(f, "%s%lld", i > 0 ? ", " : "", (long long)t->traced_epochs[i]);
    }
    (void)fprintf(f, "]; };\n");
}

sj_status sj_train_config_text(const sj_train_config *config, char **out, sj_error *err) {
    size_t bytes;
    *out = NULL;
    FILE *f = open_memstream(out, &bytes);
    if (f == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "out of memory for the resolved configuration");
    }
    write_all(f, config);
    return fclose(f) == 0 ? SJ_OK : SJ_FAIL(err, SJ_ERR_MEMORY, "out of memory for the resolved configuration");
}
