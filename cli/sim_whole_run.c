// SPDX-License-Identifier: Apache-2.0
// --whole-run: every traced training step is simulated, and what the run's other iterations take is interpolated (explore/sj_whole_run_fit.h).
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_cli.h"
#include "sj_estimate_facts.h"
#include "sj_file.h"
#include "sj_metrics_csv.h"
#include "sj_sim.h"
#include "sj_whole_run_fit.h"

static const uint64_t shared_bytes_max = UINT64_C(64) << 20;  // of masks and what follows from them, of one unit at a time

// The steps that are simulated.
typedef struct steps {
    int count;
    sj_step_info *info;
    int *index;  // in the trace
} steps;

typedef struct whole {
    sj_sim_session *s;
    sj_ledger ledger;
    steps steps;
    sj_run_fit *fit;
    float *densities;        // [2][layer] of the step at hand
    uint64_t *object_ids;    // [2 * layer] tensors that were counted, and what they gave
    sj_whole_run run;
} whole;

// ---- which steps

static sj_status list_steps(whole *w, sj_error *err) {
    const sj_trace *t = w->s->trace;
    const uint64_t room = (uint64_t)sj_trace_step_count(t) + 1;  // and a skipped step that the trace need not have
    void *memory;
    SJ_TRY(sj_alloc(&memory, room, sizeof *w->steps.info, "the training steps", err));
    w->steps.info = memory;
    SJ_TRY(sj_alloc(&memory, room, sizeof *w->steps.index, "the training steps", err));
    w->steps.index = memory;
    for (int i = 0; i < sj_trace_step_count(t); i++) {
        if (sj_trace_get_step(t, i)->mode == SJ_MODE_TRAIN) {
            w->steps.info[w->steps.count] = *sj_trace_get_step(t, i);
            w->steps.index[w->steps.count++] = i;
        }
    }
    return w->steps.count > 0 ? SJ_OK : SJ_FAIL(err, SJ_ERR_RANGE, "%s: it has no training step, and a run's energy is that of its training steps", w->s->o->trace);
}

static sj_status keep_listed(whole *w, bool *keep, sj_error *err) {
    for (const char *at = w->s->o->anchors;; at++) {
        char text[32] = "";
        const size_t length = strcspn(at, ",");
        long long number = 0;
        if (length >= sizeof text) {
            return SJ_FAIL(err, SJ_ERR_USAGE, "--anchors: \"%.*s\" is not a step's number", (int)(length < 80 ? length : 80), at);
        }
        strncat(text, at, length);
        SJ_TRY(sj_cli_int("--anchors", text, 0, INT64_MAX, &number, err));
        int found = -1;
        for (int i = 0; i < w->steps.count; i++) {
            found = w->steps.info[i].number == number ? i : found;
        }
        if (found < 0) {
            return SJ_FAIL(err, SJ_ERR_RANGE, "--anchors: %s has no training step %lld", w->s->o->trace, number);
        }
        keep[found] = true;
        at += length;
        if (*at == '\0') {
            return SJ_OK;
        }
    }
}

// --anchors: a number of steps, or several steps' numbers.
static sj_status choose_steps(whole *w, sj_error *err) {
    const char *text = w->s->o->anchors;
    void *memory;
    if (text == NULL) {
        return SJ_OK;
    }
    SJ_TRY(sj_alloc(&memory, (uint64_t)w->steps.count, sizeof(bool), "the steps that are simulated", err));
    bool *keep = memory;
    sj_status status;
    if (strchr(text, ',') != NULL) {
        status = keep_listed(w, keep, err);
    } else {
        long long wanted = 0;
        status = sj_cli_int("--anchors", text, 2, INT32_MAX, &wanted, err);
        status = status == SJ_OK ? sj_run_fit_choose(&w->ledger, w->steps.info, w->steps.count, (int)wanted, keep, err) : status;
        status = status == SJ_ERR_RANGE ? sj_error_prefix(err, "--anchors") : status;
    }
    int kept = 0;
    for (int i = 0; i < w->steps.count && status == SJ_OK; i++) {
        if (keep[i]) {
            w->steps.info[kept] = w->steps.info[i];
            w->steps.index[kept++] = w->steps.index[i];
        }
    }
    w->steps.count = kept;
    free(keep);
    return status;
}

// What a skipped epoch takes follows from the network: any training step's will do.
static void add_skipped_step(whole *w) {
    if (sj_run_needs_skipped(&w->ledger, w->steps.info, w->steps.count)) {
        w->steps.info[w->steps.count] = (sj_step_info){.mode = SJ_MODE_TRAIN, .epoch = -1, .iteration = -1, .method_state = "gradsamp skipped"};
        w->steps.index[w->steps.count] = w->steps.index[0];
        w->steps.count++;
    }
}

// ---- densities of the stored images

// Layers that read one tensor share it in the file: it is counted once.
static sj_status measure(whole *w, int step, int layer, const char *name, int place, sj_error *err) {
    sj_trace *t = w->s->trace;
    w->densities[place] = NAN;
    w->object_ids[place] = sj_trace_object_id(t, step, layer, name);
    if (w->object_ids[place] == 0) {
        return SJ_OK;
    }
    for (int i = place - 1; i >= 0; i--) {
        if (w->object_ids[i] == w->object_ids[place]) {
            w->densities[place] = w->densities[i];
            return SJ_OK;
        }
    }
    sj_tensor tensor;
    SJ_TRY(sj_trace_read(t, step, layer, name, SJ_TYPE_BF16, &tensor, err));
    w->densities[place] = (float)((double)sj_tensor_nonzero(&tensor) / (double)sj_tensor_count(&tensor));
    sj_tensor_free(&tensor);
    return SJ_OK;
}

static sj_status measure_step(whole *w, int step, sj_error *err) {
    const sj_network *net = sj_trace_get_network(w->s->trace);
    for (int i = 0; i < net->layer_count; i++) {
        SJ_TRY(measure(w, step, i, net->layers[i].input_count > 1 ? "x0" : "x", i, err));
    }
    for (int i = 0; i < net->layer_count; i++) {
        SJ_TRY(measure(w, step, i, "dy", net->layer_count + i, err));
    }
    return SJ_OK;
}

// ---- steps

static int layer_of(const sj_network *net, const char *name) {
    int i = 0;
    while (strcmp(net->layers[i].name, name) != 0) {
        i++;
    }
    return i;
}

static sj_status add_results(whole *w, int step, const sj_stats *run, sj_error *err) {
    const sj_network *net = sj_trace_get_network(w->s->trace);
    for (int v = 0; v < run->variant_count; v++) {
        for (int i = 0; i < run->variants[v].layer_count; i++) {
            const sj_stat *stat = &run->variants[v].layers[i];
            SJ_TRY(sj_run_fit_add(w->fit, step, v, layer_of(net, stat->name), stat, err));
        }
    }
    return SJ_OK;
}

// A penalty whose work the trace leaves out somewhere is left out of the run.
static void note_head(whole *w, const sj_stats *run) {
    sj_whole_run *r = &w->run;
    memcpy(r->accel, run->accel, sizeof r->accel);
    memcpy(r->tech, run->tech, sizeof r->tech);
    memcpy(r->fidelity, run->fidelity, sizeof r->fidelity);
    memcpy(r->network, run->network, sizeof r->network);
    memcpy(r->method, run->method, sizeof r->method);
    memcpy(r->dataset, run->dataset, sizeof r->dataset);
    memcpy(r->selection, run->selection, sizeof r->selection);
    r->quantised = run->quantised;
    r->penalty = run->penalty > r->penalty ? run->penalty : r->penalty;
    r->batch = run->batch;
    r->images = run->images;
    r->clock_mhz = run->clock_mhz;
    r->rows = run->rows;
    r->lanes = run->lanes;
    const double seconds = r->provenance.wall_seconds;
    r->provenance = run->provenance;
    r->provenance.wall_seconds += seconds;
}

static sj_status run_one(whole *w, int step, sj_error *err) {
    const sj_network *net = sj_trace_get_network(w->s->trace);
    sj_stats run;
    memset(&run, 0, sizeof run);
    const bool skipped = sj_step_is_skipped(&w->steps.info[step]);
    sj_status status = measure_step(w, w->steps.index[step], err);
    status = status == SJ_OK ? sj_run_fit_step(w->fit, step, w->densities, w->densities + net->layer_count, err) : status;
    status = status == SJ_OK ? sj_sim_run_step(w->s, w->steps.index[step], sj_trace_get_meta(w->s->trace)->batch_size, skipped, &run, err) : status;
    status = status == SJ_OK ? add_results(w, step, &run, err) : status;
    if (status == SJ_OK) {
        note_head(w, &run);
    } else if (status != SJ_ERR_INTERRUPTED) {
        status = sj_error_prefix(err, "step %lld", (long long)w->steps.info[step].number);
    }
    sj_stats_free(&run);
    return status;
}

static sj_status run_all(whole *w, sj_error *err) {
    sj_progress progress;
    sj_progress_start(&progress, "sim", w->steps.count, w->s->o->quiet);
    sj_status status = SJ_OK;
    for (int i = 0; i < w->steps.count && status == SJ_OK; i++) {
        char note[64];
        snprintf(note, sizeof note, "step %lld", (long long)w->steps.info[i].number);
        sj_progress_update(&progress, i, note);
        status = run_one(w, i, err);
    }
    sj_progress_clear(&progress);
    return status;
}

// ---- all of it

// A metrics.csv of another run has other epochs.
static sj_status take_metrics(whole *w, const char *path, const sj_metrics_csv *m, sj_error *err) {
    sj_run_epoch *epochs = w->run.epochs;
    if (m->count != w->run.epoch_count) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: it has %lld epochs, and the ledger of %s %d: it is of another run", path, (long long)m->count, w->s->o->trace, w->run.epoch_count);
    }
    for (int e = 0; e < w->run.epoch_count; e++) {
        if (m->rows[e].epoch != epochs[e].epoch) {
            return SJ_FAIL(err, SJ_ERR_FORMAT, "%s:%d: epoch %lld, where the ledger of %s has epoch %lld: it is of another run", path, e + 2, (long long)m->rows[e].epoch, w->s->o->trace,
                           (long long)epochs[e].epoch);
        }
        epochs[e].test_accuracy = m->rows[e].test_accuracy;
        epochs[e].macro_f1 = m->rows[e].macro_f1;
    }
    return SJ_OK;
}

static sj_status read_metrics(whole *w, sj_error *err) {
    char path[SJ_METRICS_PATH_MAX];
    sj_metrics_csv m;
    if (!sj_metrics_csv_beside(w->run.provenance.input, path)) {
        return SJ_OK;
    }
    SJ_TRY(sj_metrics_csv_read(path, &m, err));
    const sj_status status = take_metrics(w, path, &m, err);
    sj_metrics_csv_free(&m);
    return status;
}

static sj_status prepare(whole *w, sj_error *err) {
    const sj_sim_options *o = w->s->o;
    const uint64_t layers = (uint64_t)sj_trace_get_network(w->s->trace)->layer_count;
    void *memory;
    if (o->batch != 0 && o->batch != sj_trace_get_meta(w->s->trace)->batch_size) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "sim: --batch %lld: a whole run is that of the trace's batch size, %lld", (long long)o->batch, (long long)sj_trace_get_meta(w->s->trace)->batch_size);
    }
    SJ_TRY(sj_trace_read_ledger(w->s->trace, &w->ledger, err));
    SJ_TRY(list_steps(w, err));
    SJ_TRY(choose_steps(w, err));
    add_skipped_step(w);
    SJ_TRY(sj_alloc(&memory, 2 * layers + 1, sizeof *w->densities, "densities", err));
    w->densities = memory;
    SJ_TRY(sj_alloc(&memory, 2 * layers + 1, sizeof *w->object_ids, "densities", err));
    w->object_ids = memory;
    const sj_run_fit_options options = {.path = o->trace, .ledger = &w->ledger, .network = sj_trace_get_network(w->s->trace), .variant_count = w->s->setup->variant_count,
                                        .variants = w->s->setup->variants, .prices = w->s->setup->prices, .step_count = w->steps.count, .steps = w->steps.info};
    return sj_run_fit_create(&options, &w->fit, err);
}

static sj_status share_work(sj_sim_session *s, sj_error *err) {
    s->whole_run = true;
    SJ_TRY(sj_map_memo_create(&s->memo, err));
    return s->o->machine.fidelity == SJ_FIDELITY_FAST ? sj_fast_shared_create(shared_bytes_max, &s->shared, err) : SJ_OK;
}

// Of a plan the steps are synthetic themselves, and leaving one out says nothing about a training.
static void finish_variants(whole *w, const double *synthetic_pj) {
    const bool plan = sj_whole_run_is_plan(&w->run);
    for (int v = 0; v < w->run.variant_count; v++) {
        sj_run_variant *of = &w->run.variants[v];
        of->synthetic_pj = synthetic_pj[v];
        of->error.mean = plan ? (double)NAN : of->error.mean;
        of->error.rms = plan ? (double)NAN : of->error.rms;
        of->error.worst = plan ? (double)NAN : of->error.worst;
        of->error.total = plan ? (double)NAN : of->error.total;
    }
}

static sj_status run_whole(whole *w, sj_error *err) {
    const sj_sim_options *o = w->s->o;
    double synthetic_pj[SJ_VARIANTS_MAX];
    SJ_TRY(prepare(w, err));
    SJ_TRY(share_work(w->s, err));
    SJ_TRY(sj_sim_synthetic_run(w->s, &w->ledger, synthetic_pj, err));  // first: a full folder for temporary files should be found out before hours
    SJ_TRY(run_all(w, err));
    SJ_TRY(sj_run_fit_finish(w->fit, &w->run, err));
    SJ_TRY(read_metrics(w, err));
    const sj_prices *const prices[3] = {&w->s->setup->prices[0], &w->s->setup->prices[1], &w->s->setup->prices[2]};
    finish_variants(w, synthetic_pj);
    w->run.facts = sj_run_facts_of(sj_trace_get_network(w->s->trace), &w->s->setup->accel, prices);
    if (o->run_dir != NULL) {
        SJ_TRY(sj_run_write_whole(o->run_dir, o->force, w->s->setup, &w->run, err));
    }
    return o->json ? sj_whole_run_write_json(stdout, &w->run, err) : sj_sim_print_whole_run(o, w->s->setup, &w->run, err);
}

sj_status sj_sim_whole_run(sj_sim_session *s, sj_error *err) {
    whole w = {.s = s};
    const sj_status status = run_whole(&w, err);
    sj_fast_shared_free(s->shared);
    sj_map_memo_free(s->memo);
    s->shared = NULL;
    s->memo = NULL;
    sj_run_fit_free(w.fit);
    sj_ledger_free(&w.ledger);
    sj_whole_run_free(&w.run);
    free(w.steps.info);
    free(w.steps.index);
    free(w.densities);
    free(w.object_ids);
    return status;
}
