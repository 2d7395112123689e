// SPDX-License-Identifier: Apache-2.0
// The methods of a configuration: reading the group `method`, names, the state of a step, and what must fit the network.
#include <stdio.h>
#include <string.h>

#include "sj_train_config_internal.h"

static const char *key(char path[128], const char *group, const char *name) {
    (void)snprintf(path, 128, "%s.%s", group, name);
    return path;
}

static void read_kinds(sj_config *c, const char *group, sj_eat *eat) {
    char path[128], item[160];
    const bool given = sj_config_has(c, key(path, group, "kinds"));
    const int count = given ? sj_config_list(c, path, SJ_REQUIRED) : SJ_MODULE_KINDS;
    for (int i = 0; i < count; i++) {
        (void)snprintf(item, sizeof item, "%s.[%d]", path, i);
        const int which = given ? sj_config_enum(c, item, SJ_REQUIRED, 0, sj_names_module) : i;
        if (sj_module_kinds[which] == SJ_KIND_COUNT) {
            eat->input = true;
        } else {
            eat->kinds[sj_module_kinds[which]] = true;
        }
    }
    if (count == 0) {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" has no kind; at least one of input, conv, bn, relu, maxpool, avgpool, linear is needed", path);
    }
}

static void read_modules(sj_config *c, const char *group, sj_eat *eat) {
    char path[128], item[160];
    const int count = sj_config_list(c, key(path, group, "modules"), SJ_REQUIRED);
    for (int i = 0; i < count; i++) {
        (void)snprintf(item, sizeof item, "%s.[%d]", path, i);
        const char *name = sj_config_string(c, item, SJ_REQUIRED, "");
        if (strlen(name) >= SJ_NAME_MAX) {
            sj_config_error(c, SJ_CFG_RANGE, item, "\"%s\" has %zu characters; a layer's name has at most %d", item, strlen(name), SJ_NAME_MAX - 1);
        }
        eat->input |= strcmp(name, "input") == 0;
        (void)snprintf(eat->modules[i < SJ_EAT_MODULES_MAX ? i : 0], SJ_NAME_MAX, "%.*s", SJ_NAME_MAX - 1, name);
    }
    eat->module_count = count < 0 ? 0 : count < SJ_EAT_MODULES_MAX ? count : SJ_EAT_MODULES_MAX;
    if (count == 0 || count > SJ_EAT_MODULES_MAX) {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" has %d names; 1 to %d are allowed", path, count, SJ_EAT_MODULES_MAX);
    }
}

static void read_eat(sj_config *c, const char *group, sj_eat_kind kind, sj_eat *eat) {
    char path[128];
    eat->kind = kind;
    eat->lambda = sj_config_float(c, key(path, group, "lambda"), SJ_REQUIRED, 1.0, 0.0, 1e6);
    eat->sigma = sj_key_float(c, key(path, group, "sigma"), kind == SJ_EAT_SMOOTH, "method.eat", SJ_REQUIRED, 1e-4, 1e-12, 1e6);
    eat->reduce = (sj_eat_reduce)sj_config_enum(c, key(path, group, "reduce"), SJ_REQUIRED, SJ_EAT_MEAN, sj_names_reduce);
    eat->warmup_epochs = sj_config_float(c, key(path, group, "warmup_epochs"), SJ_REQUIRED, 0.0, 0.0, 1e6);
    const bool named = sj_config_has(c, key(path, group, "modules"));
    if (named && sj_config_has(c, key(path, group, "kinds"))) {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" stands beside \"%s.modules\"; modules are chosen by kind or by name, not both", path, group);
    }
    if (!named || sj_config_has(c, key(path, group, "kinds"))) {
        read_kinds(c, group, eat);
    }
    if (named) {
        read_modules(c, group, eat);
    }
}

static void read_ssprop(sj_config *c, sj_ssprop *s) {
    s->keep = sj_config_float(c, "method.ssprop.keep", SJ_REQUIRED, 1.0, 1e-6, 1.0);
    s->schedule = (sj_ssprop_schedule)sj_config_enum(c, "method.ssprop.schedule", SJ_REQUIRED, SJ_SSPROP_CONSTANT, sj_names_ssprop_schedule);
    s->by_iteration = sj_config_enum(c, "method.ssprop.by", SJ_OPTIONAL, 0, sj_names_by) == 1;
    (void)sj_key_belongs(c, "method.ssprop.by", s->schedule != SJ_SSPROP_CONSTANT, "a schedule that changes: \"linear\", \"cosine\", \"bar\" or \"interleaved\"");
    const bool bar = s->schedule == SJ_SSPROP_BAR, ramp = s->schedule == SJ_SSPROP_LINEAR || s->schedule == SJ_SSPROP_COSINE;
    s->period = sj_key_int(c, "method.ssprop.period", s->by_iteration && (bar || ramp), "by = \"iteration\" with schedule = \"linear\", \"cosine\" or \"bar\"", 2, 1000000000);
    s->second_keep = sj_key_float(c, "method.ssprop.second_keep", bar, "schedule = \"bar\"", SJ_REQUIRED, 1.0, 1e-6, 1.0);
    s->random = sj_config_enum(c, "method.ssprop.select", SJ_OPTIONAL, 0, sj_names_select) == 1;
    s->mask = sj_config_enum(c, "method.ssprop.mode", SJ_OPTIONAL, 0, sj_names_mode) == 1;
    s->linear = sj_config_bool(c, "method.ssprop.linear", SJ_OPTIONAL, false);
}

static void read_gradsamp(sj_config *c, sj_gradsamp *g) {
    g->schedule = (sj_gradsamp_schedule)sj_config_enum(c, "method.gradsamp.schedule", SJ_REQUIRED, SJ_GRADSAMP_PERIODIC, sj_names_gradsamp_schedule);
    const bool periodic = g->schedule == SJ_GRADSAMP_PERIODIC;
    g->period = sj_key_int(c, "method.gradsamp.period", periodic, "schedule = \"periodic\"", 2, 100000);
    g->probability = sj_key_below_one(c, "method.gradsamp.probability", !periodic, "schedule = \"random\"", SJ_REQUIRED, 0.0);
    g->fit = (sj_gradsamp_fit)sj_config_enum(c, "method.gradsamp.fit", SJ_OPTIONAL, SJ_GRADSAMP_TENSOR, sj_names_fit);
    g->norm = (sj_gradsamp_norm)sj_config_enum(c, "method.gradsamp.norm", SJ_OPTIONAL, SJ_GRADSAMP_NORM_SAMPLE, sj_names_norm);
    g->momentum = (sj_gradsamp_momentum)sj_config_enum(c, "method.gradsamp.momentum", SJ_OPTIONAL, SJ_GRADSAMP_MOMENTUM_KEEP, sj_names_momentum);
}

void sj_train_config_read_method(sj_config *c, sj_train_config *t) {
    (void)sj_config_group(c, "method");
    const bool eat = sj_config_group(c, "method.eat"), l1 = sj_config_group(c, "method.l1");
    t->eat_on = eat || l1;
    t->ssprop.on = sj_config_group(c, "method.ssprop");
    t->gradsamp.on = sj_config_group(c, "method.gradsamp");
    if (sj_config_has(c, "method.name")) {
        const char *name = sj_config_string(c, "method.name", SJ_OPTIONAL, "");
        sj_config_error(c, SJ_CFG_UNKNOWN, "method.name", "unknown key \"method.name\"; a method that is on is a group of its own, as method = { eat = { ... }; ssprop = { ... }; } (eat, l1, ssprop, "
                        "gradsamp), and no group is plain training; here it is \"%s\"", name);
    }
    if (eat && l1) {
        sj_config_error(c, SJ_CFG_RANGE, "method.l1", "\"method.l1\" stands beside \"method.eat\"; they are rivals, and one of them is allowed");
    }
    if (eat) {
        read_eat(c, "method.eat", SJ_EAT_SMOOTH, &t->eat);
    }
    if (l1) {
        read_eat(c, "method.l1", SJ_EAT_L1, &t->eat);
    }
    if (t->ssprop.on) {
        read_ssprop(c, &t->ssprop);
    }
    if (t->gradsamp.on) {
        read_gradsamp(c, &t->gradsamp);
    }
}

const char *sj_train_method_name(const sj_train_config *t) {
    static const char *const names[3][2][2] = {{{"plain", "gradsamp"}, {"ssprop", "ssprop+gradsamp"}},
                                               {{"eat", "eat+gradsamp"}, {"eat+ssprop", "eat+ssprop+gradsamp"}},
                                               {{"l1", "l1+gradsamp"}, {"l1+ssprop", "l1+ssprop+gradsamp"}}};
    const int penalty = !t->eat_on ? 0 : t->eat.kind == SJ_EAT_SMOOTH ? 1 : 2;
    return names[penalty][t->ssprop.on ? 1 : 0][t->gradsamp.on ? 1 : 0];
}

void sj_train_method_state(const sj_train_config *t, double lambda, double keep, bool skipped, char out[SJ_METHOD_STATE_MAX]) {
    size_t used = 0;
    out[0] = '\0';
    if (skipped) {
        (void)snprintf(out, SJ_METHOD_STATE_MAX, "gradsamp skipped");
        return;
    }
    if (t->eat_on && t->eat.kind == SJ_EAT_SMOOTH) {
        used += (size_t)snprintf(out + used, SJ_METHOD_STATE_MAX - used, "eat lambda=%.6g sigma=%.6g", lambda, t->eat.sigma);
    } else if (t->eat_on) {
        used += (size_t)snprintf(out + used, SJ_METHOD_STATE_MAX - used, "l1 lambda=%.6g", lambda);
    }
    if (t->ssprop.on) {
        used += (size_t)snprintf(out + used, SJ_METHOD_STATE_MAX - used, "%sssprop keep=%.6g", used > 0 ? " " : "", keep);
    }
    if (t->gradsamp.on) {
        used += (size_t)snprintf(out + used, SJ_METHOD_STATE_MAX - used, "%sgradsamp", used > 0 ? " " : "");
    }
    if (used == 0) {
        (void)snprintf(out, SJ_METHOD_STATE_MAX, "plain");
    }
}

static int64_t iteration_of(int64_t listed, int64_t per_epoch) { return listed < 0 ? per_epoch + listed : listed; }

static int count_kind(const sj_network *net, sj_kind kind) {
    int count = 0;
    for (int i = 0; i < net->layer_count; i++) {
        count += net->layers[i].kind == kind;
    }
    return count;
}

// A method that would do nothing under this network or in so few epochs would stand in the results by name alone.
static sj_status check_effect(const sj_train_config *t, const sj_network *net, sj_error *err) {
    if (t->ssprop.on && count_kind(net, SJ_KIND_CONV) == 0 && (!t->ssprop.linear || count_kind(net, SJ_KIND_LINEAR) == 0)) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "method.ssprop: network %s has no convolution to select channels of%s", net->name,
                       count_kind(net, SJ_KIND_LINEAR) > 0 ? "; linear = true selects on linear layers" : "");
    }
    int64_t real = 0, sparse = 0;
    for (int64_t epoch = 0; epoch < t->epochs; epoch++) {
        const bool trained = !sj_gradsamp_skips(&t->gradsamp, t->seed, epoch, real);
        real += trained;
        sparse += trained && sj_ssprop_keep(&t->ssprop, epoch, t->epochs, 0) < 1.0;
    }
    if (t->ssprop.on && !t->ssprop.by_iteration && sparse == 0 && t->ssprop.keep < 1.0) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "method.ssprop: its schedule by epoch selects channels in none of the %lld trained epochs%s", (long long)real,
                       real < t->epochs ? ", for those in which it would are skipped by method.gradsamp" : "");
    }
    if (t->gradsamp.on && real == t->epochs && !(t->gradsamp.schedule == SJ_GRADSAMP_RANDOM && t->gradsamp.probability == 0.0)) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "method.gradsamp: none of %lld epochs is skipped; a first skip comes after two trained epochs%s", (long long)t->epochs,
                       t->gradsamp.schedule == SJ_GRADSAMP_PERIODIC ? ", at each epoch whose number from 1 is a multiple of method.gradsamp.period" : "");
    }
    return SJ_OK;
}

sj_status sj_train_config_fits(const sj_train_config *t, const sj_network *net, int64_t per_epoch, sj_error *err) {
    if (t->eat_on) {
        SJ_TRY(sj_eat_check(&t->eat, net, t->eat.kind == SJ_EAT_SMOOTH ? "method.eat" : "method.l1", err));
    }
    SJ_TRY(check_effect(t, net, err));
    for (int i = 0; i < t->traced_iteration_count; i++) {
        const int64_t at = iteration_of(t->traced_iterations[i], per_epoch);
        if (at < 0 || at >= per_epoch) {
            return SJ_FAIL(err, SJ_ERR_CONFIG, "trace.iterations: %lld; an epoch has %lld iterations: %lld to %lld are allowed", (long long)t->traced_iterations[i], (long long)per_epoch,
                           (long long)-per_epoch, (long long)per_epoch - 1);
        }
    }
    return SJ_OK;
}

bool sj_train_is_traced(const sj_train_config *t, int64_t epoch, int64_t iteration, int64_t per_epoch) {
    bool epochs = false, iterations = false;
    for (int i = 0; i < t->traced_epoch_count; i++) {
        epochs |= t->traced_epochs[i] == epoch;
    }
    for (int i = 0; i < t->traced_iteration_count; i++) {
        iterations |= iteration_of(t->traced_iterations[i], per_epoch) == iteration;
    }
    return epochs && iterations;
}

bool sj_train_is_evaluated(const sj_train_config *t, int64_t epoch) { return (epoch + 1) % t->evaluate_every == 0 || epoch == t->epochs - 1; }
