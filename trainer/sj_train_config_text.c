// SPDX-License-Identifier: Apache-2.0
// The writer: a configuration with every value that is in force.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_train_config_internal.h"

// key = value; a number as the shortest decimal that reads back as it.
static void put_float(FILE *f, const char *key, double v) {
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, v);
        const bool needless = strchr(text, 'e') != NULL && v >= 1.0 && v < 1e15;  // 1e+01 for 10
        if (strtod(text, NULL) == v && !needless) {
            break;
        }
    }
    (void)fprintf(f, " %s = %s%s;", key, text, strcspn(text, ".e") == strlen(text) ? ".0" : "");
}

// With an L where libconfig would wrap it.
static void put_int(FILE *f, const char *key, int64_t v) { (void)fprintf(f, " %s = %lld%s;", key, (long long)v, v > INT32_MAX || v < INT32_MIN ? "L" : ""); }
static void put_bool(FILE *f, const char *key, bool v) { (void)fprintf(f, " %s = %s;", key, v ? "true" : "false"); }

static void put_string(FILE *f, const char *key, const char *text) {
    (void)fprintf(f, " %s = \"", key);
    for (; *text != '\0'; text++) {
        (void)fprintf(f, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    }
    (void)fprintf(f, "\";");
}

static void put_ints(FILE *f, const char *key, int count, const int64_t *v) {
    (void)fprintf(f, " %s = [", key);
    for (int i = 0; i < count; i++) {
        (void)fprintf(f, "%s%lld", i > 0 ? ", " : "", (long long)v[i]);
    }
    (void)fprintf(f, "];");
}

static void put_modules(FILE *f, const sj_eat *eat) {
    const char *separator = "";
    (void)fprintf(f, eat->module_count > 0 ? " modules = [" : " kinds = [");
    for (int i = 0; i < eat->module_count; i++) {
        (void)fprintf(f, "%s\"%s\"", i > 0 ? ", " : "", eat->modules[i]);
    }
    for (int i = 0; i < SJ_MODULE_KINDS && eat->module_count == 0; i++) {
        if (sj_module_kinds[i] == SJ_KIND_COUNT ? eat->input : eat->kinds[sj_module_kinds[i]]) {
            (void)fprintf(f, "%s\"%s\"", separator, sj_names_module[i]);
            separator = ", ";
        }
    }
    (void)fprintf(f, "];");
}

static void put_eat(FILE *f, const sj_eat *eat) {
    (void)fprintf(f, "  %s = {", eat->kind == SJ_EAT_L1 ? "l1" : "eat");
    put_float(f, "lambda", eat->lambda);
    if (eat->kind == SJ_EAT_SMOOTH) {
        put_float(f, "sigma", eat->sigma);
    }
    put_string(f, "reduce", sj_names_reduce[eat->reduce]);
    put_float(f, "warmup_epochs", eat->warmup_epochs);
    put_modules(f, eat);
    (void)fprintf(f, " };\n");
}

static void put_ssprop(FILE *f, const sj_ssprop *s) {
    (void)fprintf(f, "  ssprop = {");
    put_float(f, "keep", s->keep);
    put_string(f, "schedule", sj_names_ssprop_schedule[s->schedule]);
    if (s->schedule != SJ_SSPROP_CONSTANT) {
        put_string(f, "by", sj_names_by[s->by_iteration ? 1 : 0]);
    }
    if (s->period > 0) {
        put_int(f, "period", s->period);
    }
    if (s->schedule == SJ_SSPROP_BAR) {
        put_float(f, "second_keep", s->second_keep);
    }
    put_string(f, "select", sj_names_select[s->random ? 1 : 0]);
    put_string(f, "mode", sj_names_mode[s->mask ? 1 : 0]);
    put_bool(f, "linear", s->linear);
    (void)fprintf(f, " };\n");
}

static void put_gradsamp(FILE *f, const sj_gradsamp *g) {
    (void)fprintf(f, "  gradsamp = {");
    put_string(f, "schedule", sj_names_gradsamp_schedule[g->schedule]);
    if (g->schedule == SJ_GRADSAMP_PERIODIC) {
        put_int(f, "period", g->period);
    } else {
        put_float(f, "probability", g->probability);
    }
    put_string(f, "fit", sj_names_fit[g->fit]);
    put_string(f, "norm", sj_names_norm[g->norm]);
    put_string(f, "momentum", sj_names_momentum[g->momentum]);
    (void)fprintf(f, " };\n");
}

static void put_method(FILE *f, const sj_train_config *t) {
    (void)fprintf(f, "method = {\n");
    if (t->eat_on) {
        put_eat(f, &t->eat);
    }
    if (t->ssprop.on) {
        put_ssprop(f, &t->ssprop);
    }
    if (t->gradsamp.on) {
        put_gradsamp(f, &t->gradsamp);
    }
    (void)fprintf(f, "};\n");
}

static void put_optimizer(FILE *f, const sj_train_config *t) {
    const sj_optimizer_config *o = &t->optimizer;
    const sj_schedule *s = &t->schedule;
    (void)fprintf(f, "optimizer = {");
    put_string(f, "name", sj_names_optimizer[o->kind]);
    put_float(f, "lr", s->lr);
    if (o->kind == SJ_OPTIMIZER_KIND_SGD) {
        put_float(f, "momentum", o->momentum);
        put_bool(f, "nesterov", o->nesterov);
    } else {
        put_float(f, "beta1", o->beta1);
        put_float(f, "beta2", o->beta2);
        put_float(f, "eps", o->eps);
    }
    put_float(f, "weight_decay", o->weight_decay);
    put_bool(f, "decay_norm", o->decay_norm);
    put_string(f, "schedule", sj_names_schedule[s->kind]);
    if (s->kind == SJ_SCHEDULE_EXPONENTIAL || s->kind == SJ_SCHEDULE_STEP) {
        put_float(f, "decay", s->decay);
    }
    if (s->kind == SJ_SCHEDULE_STEP) {
        put_ints(f, "milestones", s->milestone_count, s->milestones);
    }
    if (s->kind == SJ_SCHEDULE_COSINE) {
        put_float(f, "final_lr", s->final_lr);
    }
    put_float(f, "warmup_epochs", s->warmup_epochs);
    put_float(f, "label_smoothing", t->label_smoothing);
    (void)fprintf(f, " };\n");
}

static void put_data(FILE *f, const sj_train_config *t) {
    const int64_t image[2] = {t->image_h, t->image_w};
    (void)fprintf(f, "data = {");
    put_string(f, "name", t->data_name);
    put_string(f, "dir", t->data_dir);
    put_int(f, "train_images", t->train_images);
    put_int(f, "test_images", t->test_images);
    if (sj_train_draws_data(t)) {
        put_int(f, "seed", (int64_t)t->data_seed);
    }
    put_bool(f, "normalise", t->normalise);
    put_bool(f, "flip", t->flip);
    put_int(f, "crop", t->crop);
    if (t->image_h > 0) {
        put_ints(f, "image", 2, image);
    }
    (void)fprintf(f, " };\nnetwork = {");
    put_string(f, "model", t->model);
    put_int(f, "width", t->width);
    (void)fprintf(f, " };\n");
}

static void put_outputs(FILE *f, const sj_train_config *t) {
    (void)fprintf(f, "evaluate = {");
    put_int(f, "every", t->evaluate_every);
    put_bool(f, "asic_ratio", t->asic_ratio);
    if (t->asic_ratio) {
        put_int(f, "asic_batch", t->asic_batch);
        put_bool(f, "inplace_relu", t->inplace_relu);
    }
    (void)fprintf(f, " };\ntrace = {");
    put_int(f, "images", t->trace_images);
    put_string(f, "dtype", sj_names_trace_dtype[t->trace_type == SJ_TYPE_F32 ? 1 : 0]);
    put_bool(f, "eval", t->trace_eval);
    if (t->trace_spread > 0) {
        put_int(f, "spread", t->trace_spread);
    } else {
        put_ints(f, "epochs", t->traced_epoch_count, t->traced_epochs);
        put_ints(f, "iterations", t->traced_iteration_count, t->traced_iterations);
    }
    put_bool(f, "densities", t->trace_densities);
    (void)fprintf(f, " };\ncheckpoint = {");
    put_float(f, "minutes", t->checkpoint_minutes);
    put_bool(f, "each_epoch", t->checkpoint_each_epoch);
    (void)fprintf(f, " };\n");
}

sj_status sj_train_config_text(const sj_train_config *t, char **out, sj_error *err) {
    size_t bytes;
    *out = NULL;
    FILE *f = open_memstream(out, &bytes);
    if (f == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "out of memory for the resolved configuration");
    }
    (void)fprintf(f, "seed = %lluL;\n", (unsigned long long)t->seed);
    put_data(f, t);
    (void)fprintf(f, "compute = { dtype = \"%s\"; algorithm = \"%s\"; };\nbatch_size = %lld;\nepochs = %lld;\n", sj_names_dtype[t->bf16 ? 1 : 0], sj_names_algorithm[t->algorithm],
                  (long long)t->batch_size, (long long)t->epochs);
    put_optimizer(f, t);
    put_method(f, t);
    put_outputs(f, t);
    if (fclose(f) != 0) {
        free(*out);
        *out = NULL;
        return SJ_FAIL(err, SJ_ERR_MEMORY, "out of memory for the resolved configuration");
    }
    return SJ_OK;
}
