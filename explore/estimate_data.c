// SPDX-License-Identifier: Apache-2.0
#include "sj_estimate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "sj_hash.h"

const char *const sj_feature_names[SJ_FEATURE_COUNT] = {
#define SJ_X(id, key, meaning) key,
    SJ_FEATURES(SJ_X)
#undef SJ_X
};

const char *const sj_feature_meanings[SJ_FEATURE_COUNT] = {
#define SJ_X(id, key, meaning) meaning,
    SJ_FEATURES(SJ_X)
#undef SJ_X
};

static void free_run(sj_estimate_run *r) {
    free(r->label);
    free(r->epochs.energy_pj);
    free(r->epochs.seconds);
    free(r->epochs.kept);
    free(r->epochs.skipped);
}

void sj_estimate_data_free(sj_estimate_data *d) {
    for (int i = 0; i < d->count; i++) {
        free_run(&d->runs[i]);
    }
    free(d->runs);
    memset(d, 0, sizeof *d);
}

// ---- identities

// Equal seeds give equal bits at any number of threads, so the losses name a training, whichever of its steps were traced and whatever it ran on.
static uint64_t training_key(const sj_whole_run *w) {
    uint64_t h = SJ_HASH_START;
    h = sj_hash_bytes(h, w->network, strlen(w->network) + 1);
    h = sj_hash_bytes(h, w->method, strlen(w->method) + 1);
    h = sj_hash_bytes(h, w->dataset, strlen(w->dataset) + 1);
    h = sj_hash_bytes(h, &w->batch, sizeof w->batch);
    for (int e = 0; e < w->epoch_count; e++) {
        h = sj_hash_bytes(h, &w->epochs[e].loss, sizeof w->epochs[e].loss);
    }
    return sj_whole_run_is_plan(w) ? sj_hash_bytes(h, w->provenance.input_hash, strlen(w->provenance.input_hash)) : h;  // a plan has no losses
}

static void machine_key(const sj_whole_run *w, char *out, size_t size) {
    const sj_run_facts *f = &w->facts;
    snprintf(out, size, "%s|%s|%d|%lldx%lldx%lld|%lld|%lld|%lld|%.17g|%s", w->accel, w->tech, w->quantised, (long long)w->rows, (long long)w->lanes, (long long)f->slots, (long long)f->vector_lanes,
             (long long)f->buffer_kib, (long long)f->value_bytes, w->clock_mhz, f->dram);
}

// ---- what is seen of a run

static sj_status take_epochs(sj_estimate_run *r, const sj_whole_run *w, const sj_run_variant *v, sj_error *err) {
    const uint64_t count = (uint64_t)w->epoch_count;
    void *memory[4] = {NULL};
    sj_status status = SJ_OK;
    for (int i = 0; i < 4 && status == SJ_OK; i++) {
        status = sj_alloc(&memory[i], count, i < 3 ? sizeof(double) : sizeof(bool), "a run's epochs", err);
    }
    r->epochs = (sj_epochs){w->epoch_count, memory[0], memory[1], memory[2], memory[3]};
    SJ_TRY(status);
    int64_t iterations = 0, traced = 0;
    for (int e = 0; e < w->epoch_count; e++) {
        const sj_run_epoch *epoch = &w->epochs[e];
        iterations += epoch->iterations;
        traced += epoch->traced;
        r->epochs.energy_pj[e] = v->epochs[e].energy_pj;
        r->epochs.seconds[e] = v->epochs[e].cycles / (w->clock_mhz * 1e6);
        r->epochs.skipped[e] = epoch->skipped;
        r->epochs.kept[e] = isnan(epoch->kept_fraction) ? 1.0 : epoch->kept_fraction;
        r->accuracy = isnan(epoch->test_accuracy) ? r->accuracy : epoch->test_accuracy;
        r->macro_f1 = isnan(epoch->macro_f1) ? r->macro_f1 : epoch->macro_f1;
        if (!(isfinite(r->epochs.energy_pj[e]) && r->epochs.energy_pj[e] >= 0.0 && isfinite(r->epochs.seconds[e]))) {
            return SJ_FAIL(err, SJ_ERR_NUMERIC, "%s: the energy of epoch %lld is %g pJ; a finite number of at least 0 is needed", r->label, (long long)epoch->epoch, r->epochs.energy_pj[e]);
        }
    }
    r->simulated = iterations > 0 ? (double)traced / (double)iterations : 0.0;
    return SJ_OK;
}

static bool has_penalty(const char *method) {
    bool found = false;
    for (const char *at = method; *at != '\0'; at += at[strcspn(at, "+")] == '+' ? strcspn(at, "+") + 1 : strcspn(at, "+")) {
        const size_t length = strcspn(at, "+");
        found = found || (length == 3 && strncmp(at, "eat", 3) == 0) || (length == 2 && strncmp(at, "l1", 2) == 0);
    }
    return found;
}

// MACs of an image's backward pass in an epoch; NAN where a run.json of before they were written says only that some channels were dropped, and not which layers'.
static double backward_macs(const sj_whole_run *w, int e) {
    const double kept = w->epochs[e].kept_fraction;
    return !isnan(w->epochs[e].backward_macs) ? w->epochs[e].backward_macs : isnan(kept) || kept == 1.0 ? w->facts.grad_input_macs + w->facts.grad_weight_macs : (double)NAN;
}

static bool has_facts(const sj_whole_run *w) {
    bool known = w->facts.known;
    for (int e = 0; e < w->epoch_count; e++) {
        known = known && (w->epochs[e].skipped || !isnan(backward_macs(w, e)));
    }
    return known;
}

// Sums over the epochs that process data. The schedule of kept channels and skipped epochs is part of a training's configuration: it is known before it.
static sj_status take_work(sj_estimate_run *r, const sj_whole_run *w, sj_error *err) {
    const sj_run_facts *f = &w->facts;
    double *x = r->features, kept = 0.0, backward = 0.0, real = 0.0;
    for (int e = 0; e < w->epoch_count; e++) {
        if (!w->epochs[e].skipped) {
            const double samples = (double)w->epochs[e].iterations * (double)w->batch;
            r->samples += samples;
            r->flops += 2.0 * samples * (f->forward_macs + backward_macs(w, e));
            backward += backward_macs(w, e);
            kept += r->epochs.kept[e];
            real += 1.0;
        }
    }
    if (real == 0.0 || !(r->flops > 0.0)) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: no epoch processes data, or the network has no products; estimators by FLOPs have nothing to go by", r->label);
    }
    const double backward_flops = 2.0 * backward / real;
    x[SJ_FEATURE_samples] = log2(r->samples / real);
    x[SJ_FEATURE_backward] = log2(1e-9 * backward_flops);
    x[SJ_FEATURE_reuse] = log2((2.0 * f->forward_macs + backward_flops) * (double)w->batch / f->parameters);
    x[SJ_FEATURE_kept] = kept / real;
    x[SJ_FEATURE_skipped] = 1.0 - real / (double)w->epoch_count;
    return SJ_OK;
}

static sj_status check_facts(const sj_estimate_run *r, sj_error *err) {
    for (int i = 0; i < SJ_FEATURE_COUNT; i++) {
        if (!isfinite(r->features[i])) {
            return SJ_FAIL(err, SJ_ERR_RANGE, "%s: the feature %s (%s) is %g; its quantity in \"facts\" must be above 0", r->label, sj_feature_names[i], sj_feature_meanings[i], r->features[i]);
        }
    }
    if (!(isfinite(r->peak_w) && r->peak_w > 0.0 && isfinite(r->dram_gb) && r->dram_gb > 0.0)) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: \"facts\" has a peak power of %g W and a DRAM of %g GB; both must be above 0", r->label, r->peak_w, r->dram_gb);
    }
    return SJ_OK;
}

static sj_status take_facts(sj_estimate_run *r, const sj_whole_run *w, sj_machine machine, sj_error *err) {
    const sj_run_facts *f = &w->facts;
    double *x = r->features;
    SJ_TRY(take_work(r, w, err));
    x[SJ_FEATURE_batch] = log2((double)w->batch);
    x[SJ_FEATURE_forward] = log2(2e-9 * f->forward_macs);
    x[SJ_FEATURE_parameters] = log2(f->parameters);
    x[SJ_FEATURE_activations] = log2(f->activations);
    x[SJ_FEATURE_image] = log2((double)(f->image_h * f->image_w * f->image_c));
    x[SJ_FEATURE_penalty] = has_penalty(w->method) ? 1.0 : 0.0;
    x[SJ_FEATURE_rows] = log2((double)w->rows);
    x[SJ_FEATURE_lanes] = log2((double)w->lanes);
    x[SJ_FEATURE_slots] = log2((double)f->slots);
    x[SJ_FEATURE_vector_lanes] = log2((double)f->vector_lanes);
    x[SJ_FEATURE_buffer] = log2((double)f->buffer_kib);
    x[SJ_FEATURE_clock] = log2(w->clock_mhz);
    x[SJ_FEATURE_dram] = log2(1e-9 * f->dram_bytes_per_s);
    x[SJ_FEATURE_value] = log2((double)f->value_bytes);
    x[SJ_FEATURE_idle] = log2(f->idle_w[machine]);
    r->parameters = f->parameters;
    r->peak_w = f->peak_w[machine];
    r->dram_gb = f->dram_gib * 1.073741824;
    r->facts = true;
    return check_facts(r, err);
}

static sj_status no_variant(const char *label, const sj_whole_run *w, sj_variant wanted, sj_error *err) {
    char names[256] = "", name[24];
    for (int v = 0; v < w->variant_count; v++) {
        sj_variant_name(w->variants[v].variant, name);
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", v > 0 ? ", " : "", name);
    }
    sj_variant_name(wanted, name);
    return SJ_FAIL(err, SJ_ERR_RANGE, "%s: the variant %s was not run on %s; there are: %s", label, name, w->accel, names[0] != '\0' ? names : "none");
}

static sj_status take(sj_estimate_run *r, const sj_whole_run *w, const sj_estimate_choice *choice, sj_error *err) {
    if (sj_whole_run_is_plan(w) && !choice->takes_plans) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: nothing was trained there (its trace is a plan, of 'skipjoule train --plan'), so that estimates cannot be held against it; 'skipjoule estimate pre predict' alone takes it", r->label);
    }
    if (choice->any && !w->facts.known) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: its run.json does not say the accelerator's codec (it has not all of \"facts\"): integrate it anew with 'skipjoule sim --whole-run', or name a variant with --variant", r->label);
    }
    if (choice->needs_facts && !has_facts(w)) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: its run.json has not %s, which estimators before a run go by: integrate it anew with 'skipjoule sim --whole-run'", r->label,
                       w->facts.known ? "the \"backward_macs\" of epochs that drop channels" : "all of the \"facts\" of network and machine");
    }
    r->variant = choice->any ? (sj_variant){SJ_MACHINE_SKIP, w->facts.codec} : choice->variant;
    const sj_run_variant *v = sj_whole_run_find(w, r->variant.machine, r->variant.codec);
    if (v == NULL) {
        return no_variant(r->label, w, r->variant, err);
    }
    if (choice->needs_synthetic && !(v->synthetic_pj > 0.0)) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: its run.json has no \"energy_pj_synthetic\" (null: there are no synthetic tensors for its network), which PRE goes by: integrate it anew with 'skipjoule sim --whole-run', or use a model of another --target (flop, image, run)", r->label);
    }
    if (w->selection[0] != '\0') {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: it holds a part of the network alone (%s); estimators want all of it", r->label, w->selection);
    }
    if (w->epoch_count < 1 || v->epoch_count != w->epoch_count || !(isfinite(v->total.energy_pj) && v->total.energy_pj > 0.0)) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: it has %d epochs and %g pJ; at least one epoch and an energy above 0 are needed", r->label, w->epoch_count, v->total.energy_pj);
    }
    strcpy(r->network, w->network);
    strcpy(r->method, w->method);
    strcpy(r->dataset, w->dataset);
    strcpy(r->accel, w->accel);
    strcpy(r->tech, w->tech);
    r->training_key = training_key(w);
    machine_key(w, r->machine_key, sizeof r->machine_key);
    r->energy_pj = v->total.energy_pj;
    r->synthetic_pj = v->synthetic_pj;
    r->planned = sj_whole_run_is_plan(w);
    r->accuracy = r->macro_f1 = (double)NAN;
    r->penalty_left_out = w->penalty == SJ_PENALTY_WORK_LEFT_OUT;
    SJ_TRY(take_epochs(r, w, v, err));
    return has_facts(w) ? take_facts(r, w, r->variant.machine, err) : SJ_OK;
}

sj_status sj_estimate_data_room(sj_estimate_data *d, sj_error *err) {
    if (d->count == d->capacity) {
        const int capacity = d->capacity > 0 ? 2 * d->capacity : 16;
        sj_estimate_run *runs = realloc(d->runs, (size_t)capacity * sizeof *runs);
        if (runs == NULL) {
            return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for %d runs", capacity);
        }
        d->runs = runs;
        d->capacity = capacity;
    }
    return SJ_OK;
}

static void name_features(sj_estimate_data *d) {
    d->feature_count = SJ_FEATURE_COUNT;
    for (int j = 0; j < SJ_FEATURE_COUNT; j++) {
        snprintf(d->feature_names[j], sizeof d->feature_names[j], "%s", sj_feature_names[j]);
    }
}

sj_status sj_estimate_data_add(sj_estimate_data *d, const char *label, const sj_whole_run *w, const sj_estimate_choice *choice, sj_error *err) {
    SJ_TRY(sj_estimate_data_room(d, err));
    name_features(d);
    sj_estimate_run r = {.label = strdup(label)};
    const sj_status status = r.label != NULL ? take(&r, w, choice, err) : SJ_FAIL(err, SJ_ERR_MEMORY, "%s: no memory for its name", label);
    if (status != SJ_OK) {
        free_run(&r);
        return status;
    }
    d->runs[d->count++] = r;
    return SJ_OK;
}

// ---- order and numbers

static int by_identity(const void *a, const void *b) {
    const sj_estimate_run *p = a, *q = b;
    int order = strcmp(p->dataset, q->dataset);
    order = order != 0 ? order : strcmp(p->network, q->network);
    order = order != 0 ? order : strcmp(p->method, q->method);
    order = order != 0 ? order : (p->training_key > q->training_key) - (p->training_key < q->training_key);
    order = order != 0 ? order : strcmp(p->machine_key, q->machine_key);
    return order != 0 ? order : strcmp(p->label, q->label);
}

static bool same_training(const sj_estimate_run *a, const sj_estimate_run *b) { return a->training_key == b->training_key; }

static bool same_network(const sj_estimate_run *a, const sj_estimate_run *b) { return strcmp(a->network, b->network) == 0; }

static bool same_machine(const sj_estimate_run *a, const sj_estimate_run *b) { return strcmp(a->machine_key, b->machine_key) == 0; }

// Numbers in the order of first appearance; returns how many there are.
static int number(sj_estimate_data *d, bool (*same)(const sj_estimate_run *, const sj_estimate_run *), size_t offset) {
    int count = 0;
    for (int i = 0; i < d->count; i++) {
        int j = 0;
        while (j < i && !same(&d->runs[j], &d->runs[i])) {
            j++;
        }
        int *mine = (int *)(void *)((char *)&d->runs[i] + offset);
        *mine = j < i ? *(const int *)(const void *)((const char *)&d->runs[j] + offset) : count++;
    }
    return count;
}

sj_status sj_estimate_data_finish(sj_estimate_data *d, sj_error *err) {
    if (d->count > 1) {
        qsort(d->runs, (size_t)d->count, sizeof *d->runs, by_identity);
    }
    for (int i = 1; i < d->count; i++) {
        const sj_estimate_run *a = &d->runs[i - 1], *b = &d->runs[i];
        if (same_training(a, b) && same_machine(a, b)) {
            return SJ_FAIL(err, SJ_ERR_RANGE, "%s and %s are the same training on the same accelerator (%s): each run may be listed once", a->label, b->label, a->accel);
        }
    }
    d->training_count = number(d, same_training, offsetof(sj_estimate_run, training));
    d->network_count = number(d, same_network, offsetof(sj_estimate_run, network_index));
    d->machine_count = number(d, same_machine, offsetof(sj_estimate_run, machine));
    return SJ_OK;
}
