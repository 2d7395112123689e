// SPDX-License-Identifier: Apache-2.0
// A run that is planned: its ledger as the configuration has it, and synthetic steps in place of trained ones.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "sj_run.h"
#include "sj_synth.h"

typedef struct plan {
    sj_run run;
    sj_net net;
    sj_train_result *result;
    sj_trace_meta meta;
    float *kept, *none;            // [layer]
    sj_penalty_kind *penalties;    // [1 + layer]
    sj_synth_kinds kinds;          // rows are iterations
    double keep[SJ_SYNTH_KINDS];   // of the step of each kind
    sj_step_info steps[SJ_SYNTH_KINDS];
} plan;

static bool may_go_on(const plan *p) {
    const sj_train_options *o = p->run.options;
    return o->go_on == NULL || o->go_on(o->context);
}

static bool before_layer(void *context, int layer) {
    (void)layer;
    return may_go_on(context);
}

// p->kept, as a training has it (sj_measure_density).
static void keep_channels(plan *p, double keep) {
    for (int i = 0; i < p->net.network.layer_count; i++) {
        const sj_layer_info *l = &p->net.network.layers[i];
        const bool product = l->kind == SJ_KIND_CONV || l->kind == SJ_KIND_LINEAR, selected = keep < 1.0 && (l->kind == SJ_KIND_CONV || p->run.config->ssprop.linear);
        const int64_t count = selected ? sj_ssprop_count(keep, l->out.c) : l->out.c;
        p->kept[i] = product ? (float)count / (float)l->out.c : NAN;
    }
}

// The row becomes the step of its kind where it is the first that stands for it.
static void note_step(plan *p, const sj_ledger_row *row, double keep) {
    sj_synth_kinds_add(&p->kinds, row->iteration, sj_synth_mean_kept(p->kept, p->net.network.layer_count));
    for (int k = 0; k < SJ_SYNTH_KINDS; k++) {
        if (p->kinds.row[k] == row->iteration) {
            p->steps[k] = (sj_step_info){.mode = SJ_MODE_TRAIN, .epoch = row->epoch, .iteration = row->iteration, .loss = row->loss};
            memcpy(p->steps[k].method_state, row->method_state, sizeof row->method_state);
            p->keep[k] = keep;
        }
    }
}

static sj_status add_row(plan *p, int64_t epoch, int64_t batch, bool skipped, sj_error *err) {
    const sj_train_config *c = p->run.config;
    const int64_t iteration = epoch * p->run.per_epoch + batch;
    const double keep = skipped ? 1.0 : sj_ssprop_keep(&c->ssprop, epoch, c->epochs, iteration);
    const double lambda = c->eat_on ? sj_eat_lambda(&c->eat, (double)iteration / (double)p->run.per_epoch) : 0.0;
    sj_ledger_row row = {.epoch = epoch, .iteration = iteration, .skipped = skipped, .loss = (double)NAN, .x_density = p->none, .dy_density = p->none, .kept_fraction = skipped ? p->none : p->kept};
    keep_channels(p, keep);
    sj_train_method_state(c, lambda, keep, skipped, row.method_state);
    if (!skipped) {
        note_step(p, &row, keep);
    }
    return sj_trace_ledger(p->run.trace, &row, err);
}

static sj_status write_ledger(plan *p, sj_error *err) {
    const sj_train_config *c = p->run.config;
    int64_t real = 0;
    for (int64_t epoch = 0; epoch < c->epochs; epoch++) {
        const bool skipped = sj_gradsamp_skips(&c->gradsamp, c->seed, epoch, real);
        for (int64_t batch = 0; batch < (skipped ? 1 : p->run.per_epoch); batch++) {
            if (!may_go_on(p)) {
                return SJ_ERR_INTERRUPTED;
            }
            SJ_TRY(add_row(p, epoch, batch, skipped, err));
        }
        real += skipped ? 0 : 1;
    }
    p->result->iterations = real * p->run.per_epoch;
    p->result->skipped_epochs = c->epochs - real;
    return SJ_OK;
}

static void note_penalties(plan *p) {
    for (int i = SJ_INPUT_NETWORK; i < p->net.network.layer_count; i++) {
        const bool bears = p->run.config->eat_on && sj_eat_hooked(&p->run.config->eat, &p->net.network, i);
        p->penalties[i == SJ_INPUT_NETWORK ? 0 : 1 + i] = !bears ? SJ_PENALTY_NONE : p->run.config->eat.kind == SJ_EAT_L1 ? SJ_PENALTY_L1 : SJ_PENALTY_EAT;
    }
}

static sj_synth_options step_options(plan *p) {
    const sj_train_config *c = p->run.config;
    sj_synth_options o = sj_synth_untrained(c->batch_size, c->trace_images, p->meta.optimizer);
    o.layer_keep = p->kept;
    o.penalties = p->penalties;
    o.go_on = before_layer;
    o.context = p;
    return o;
}

// The next step in the run's order behind `after`; SJ_SYNTH_KINDS: there is none.
static int next_kind(const plan *p, int64_t after) {
    int next = SJ_SYNTH_KINDS;
    for (int k = 0; k < SJ_SYNTH_KINDS; k++) {
        const bool behind = sj_synth_kinds_has(&p->kinds, k) && p->kinds.row[k] > after;
        next = behind && (next == SJ_SYNTH_KINDS || p->kinds.row[k] < p->kinds.row[next]) ? k : next;
    }
    return next;
}

static sj_status write_steps(plan *p, sj_error *err) {
    sj_synth_options o = step_options(p);
    int64_t number = 0;
    for (int k = next_kind(p, -1); k < SJ_SYNTH_KINDS; k = next_kind(p, p->kinds.row[k])) {
        p->steps[k].number = number++;
        o.select = k != SJ_SYNTH_DENSE;
        keep_channels(p, p->keep[k]);
        for (int l = 0; l < p->net.network.layer_count; l++) {
            p->kept[l] = p->kept[l] < 1.0F ? p->kept[l] : NAN;
        }
        SJ_TRY(sj_synth_write_step(p->run.trace, &p->net.network, &o, &p->steps[k], err));
    }
    return SJ_OK;
}

static sj_status write_trace(plan *p, sj_error *err) {
    char path[SJ_RUN_PATH_MAX];
    p->meta = sj_run_trace_meta(&p->run, &p->net.network);
    p->meta.images = step_options(p).images;
    (void)snprintf(p->meta.method, sizeof p->meta.method, SJ_SYNTH_PLAN "%s", sj_train_method_name(p->run.config));
    SJ_TRY(sj_run_remove_leftovers(&p->run, err));
    SJ_TRY(sj_trace_create(sj_run_path(&p->run, "trace.h5", path), &p->meta, &p->net.network, &p->run.trace, err));
    SJ_TRY(write_ledger(p, err));
    SJ_TRY(write_steps(p, err));
    sj_trace_writer *trace = p->run.trace;
    p->run.trace = NULL;
    return sj_trace_commit(trace, err);
}

static sj_status make_room(plan *p, sj_error *err) {
    const uint64_t layers = (uint64_t)p->net.network.layer_count;
    void *memory;
    SJ_TRY(sj_alloc(&memory, 2 * layers, sizeof *p->kept, "a plan", err));
    p->kept = memory;
    p->none = p->kept + layers;
    SJ_TRY(sj_alloc(&memory, layers + 1, sizeof *p->penalties, "a plan", err));
    p->penalties = memory;
    for (uint64_t i = 0; i < layers; i++) {
        p->none[i] = NAN;
    }
    return SJ_OK;
}

static int64_t parameters_of(const sj_network *net) {
    int64_t sum = 0;
    for (int i = 0; i < net->layer_count; i++) {
        const sj_layer_info *l = &net->layers[i];
        const bool product = l->kind == SJ_KIND_CONV || l->kind == SJ_KIND_LINEAR;
        sum += product ? l->out.c * l->kernel_h * l->kernel_w * (l->in.c / l->groups) + (l->has_bias ? l->out.c : 0) : l->kind == SJ_KIND_BN ? 2 * l->out.c : 0;
    }
    return sum;
}

static bool is_plan(const char *path) {
    sj_trace *t;
    sj_error ignored;  // whatever keeps it from being read, it is not known to be a plan's
    if (sj_trace_open(path, &t, &ignored) != SJ_OK) {
        return false;
    }
    const bool is = sj_synth_is_plan(sj_trace_get_meta(t)->method);
    sj_trace_close(t);
    return is;
}

// A plan takes the place of a plan alone: other files would pass for the plan's, or would be lost.
static sj_status check_folder(const sj_run *r, sj_error *err) {
    static const struct {
        const char *name, *of;
    } others[] = {{"checkpoint.bin", "a training"}, {"metrics.csv", "a training"}, {SJ_RUN_PARTIAL, "a training"}, {"run.json", "a simulated run"}, {"stats.json", "a simulated run"}};
    static const char *const beside[] = {"config.cfg", "provenance.json"};
    char path[SJ_RUN_PATH_MAX];
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (sj_path_exists(sj_run_path(r, others[i].name, path))) {
            return SJ_FAIL(err, SJ_ERR_EXISTS, "%s exists: the folder holds %s, whose place a plan does not take; give another one", path, others[i].of);
        }
    }
    if (sj_path_exists(sj_run_path(r, "trace.h5", path))) {
        return is_plan(path) ? SJ_OK : SJ_FAIL(err, SJ_ERR_EXISTS, "%s exists and is not the trace of a plan, which alone a plan takes the place of; give another folder", path);
    }
    for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
        if (sj_path_exists(sj_run_path(r, beside[i], path))) {
            return SJ_FAIL(err, SJ_ERR_EXISTS, "%s exists, and no plan's trace.h5 beside it: a plan takes the place of a plan alone; give another folder", path);
        }
    }
    return SJ_OK;
}

static sj_status make(plan *p, sj_error *err) {
    SJ_TRY(check_folder(&p->run, err));
    SJ_TRY(sj_run_load_data(&p->run, err));
    SJ_TRY(sj_run_read_net(&p->run, &p->net, err));
    SJ_TRY(make_room(p, err));
    note_penalties(p);
    SJ_TRY(write_trace(p, err));
    p->result->parameters = parameters_of(&p->net.network);
    p->result->width = p->net.width;
    p->result->train_images = p->run.data.train.count;
    p->result->test_images = p->run.data.test.count;
    return SJ_OK;
}

sj_status sj_train_plan(const sj_train_config *config, const sj_train_options *options, sj_train_result *result, sj_error *err) {
    plan p = {.result = result, .kinds = sj_synth_kinds_none()};
    SJ_TRY(sj_run_start(&p.run, config, options, result, err));
    const sj_status status = make(&p, err);
    sj_run_free(&p.run);
    sj_net_free(&p.net);
    free(p.kept);
    free(p.penalties);
    return status == SJ_ERR_INTERRUPTED ? SJ_FAIL(err, status, "the plan was interrupted; nothing was written") : status;
}
