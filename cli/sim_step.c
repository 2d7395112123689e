// SPDX-License-Identifier: Apache-2.0
// One step of a trace on all variants: what `sim` does for each step it is asked for, and for each simulated step of a whole run.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_cli.h"
#include "sj_clock.h"
#include "sj_fidelity_run.h"
#include "sj_file.h"
#include "sj_progress.h"
#include "sj_sim.h"

// What a unit gives.
typedef struct unit_jobs {
    const sj_unit *unit;
    sj_job *const *jobs;
    int count;
    sj_densities densities;
} unit_jobs;

static void start_layer(sj_stat *s, const sj_unit *unit, const sj_densities *d, bool quantised) {
    snprintf(s->name, sizeof s->name, "%s", unit->layer);
    snprintf(s->kind, sizeof s->kind, "%s", sj_kind_name(unit->kind));
    s->phase = unit->phase;
    s->density_a = d->a;
    s->density_b = d->b;
    s->density_out = d->out;
    s->quantised = quantised;
    s->quantised_zeros_a = (uint64_t)d->quantised_zeros_a;
    s->quantised_zeros_b = (uint64_t)d->quantised_zeros_b;
    s->density_before_a = d->a_before;
    s->density_before_b = d->b_before;
}

static sj_status run_job(sj_sim_session *s, const unit_jobs *u, int job, sj_variant variant, sj_outcome *out, sj_error *err) {
    const bool drawn = sj_sim_timeline_has(s->timeline, u->unit, variant);
    const sj_fidelity fidelity = s->o->machine.fidelity;
    memset(out, 0, sizeof *out);
    SJ_TRY(sj_sim_wave_job(s->o, &s->wave, u->unit, variant, u->jobs[job], job, err));
    if (!drawn || fidelity != SJ_FIDELITY_FAST) {
        SJ_TRY(s->shared != NULL ? sj_fast_run_shared(&s->setup->accel, variant, u->jobs[job], s->shared, out, err)
                                 : sj_fidelity_run(fidelity, &s->setup->accel, variant, u->jobs[job], out, NULL, err));
    }
    if (!drawn) {
        return SJ_OK;
    }
    sj_outcome drawing;
    memset(&drawing, 0, sizeof drawing);
    SJ_TRY(sj_sim_timeline_job(s->timeline, u->jobs[job], job, u->count, &drawing, err));
    if (fidelity == SJ_FIDELITY_FAST) {
        *out = drawing;
        return SJ_OK;
    }
    return drawing.cycles == out->cycles ? SJ_OK
                                         : SJ_FAIL(err, SJ_ERR_INTERNAL, "%llu cycles at fast, %llu at %s", (unsigned long long)drawing.cycles, (unsigned long long)out->cycles,
                                                   sj_fidelity_names[fidelity]);
}

static sj_status run_jobs(sj_sim_session *s, const unit_jobs *u, sj_variant variant, sj_stat *layer, sj_error *err) {
    for (int j = 0; j < u->count; j++) {
        if (sj_cli_interrupted()) {
            return SJ_FAIL(err, SJ_ERR_INTERRUPTED, "interrupted");
        }
        sj_outcome outcome;
        if (run_job(s, u, j, variant, &outcome, err) != SJ_OK) {
            char name[24];
            sj_variant_name(variant, name);
            return sj_error_prefix(err, "layer %s, %s, on %s", u->unit->layer, sj_phase_name(u->unit->phase), name);
        }
        SJ_TRY(sj_stat_add(layer, &outcome, u->jobs[j]->is_product ? u->jobs[j]->uncompacted_macs : 0, err));
    }
    return SJ_OK;
}

// dense and gate issue alike and take the same cycles: a lane's zero is mac.zero on one and mac.gated on the other. Where much is simulated, one run serves both.
static bool is_like_before(const sj_sim_session *s, const sj_stats *run, int v) {
    const sj_variant *now = &run->variants[v].variant;
    return s->shared != NULL && v > 0 && now->machine == SJ_MACHINE_GATE && now[0].codec == run->variants[v - 1].variant.codec && run->variants[v - 1].variant.machine == SJ_MACHINE_DENSE;
}

static void as_gate(sj_stat *s) {
    s->counts.mac_gated = s->counts.mac_zero;
    s->macs_gated = s->macs_zero;
    s->counts.mac_zero = 0;
    s->macs_zero = 0;
}

static sj_status run_unit(sj_sim_session *s, const unit_jobs *u, sj_stats *run, int row, sj_error *err) {
    if (s->shared != NULL) {
        sj_fast_shared_clear(s->shared);  // the unit's tensors may stand where another's stood
    }
    for (int v = 0; v < run->variant_count; v++) {
        const sj_variant variant = run->variants[v].variant;
        sj_stat *layer = &run->variants[v].layers[row];
        const bool drawn = sj_sim_timeline_has(s->timeline, u->unit, variant);
        if (is_like_before(s, run, v)) {
            *layer = run->variants[v - 1].layers[row];
            as_gate(layer);
            sj_stat_price(layer, &s->setup->prices[variant.machine]);
            continue;
        }
        start_layer(layer, u->unit, &u->densities, s->o->quantise);
        if (drawn) {
            sj_sim_timeline_begin_layer(s->timeline, u->unit);
        }
        SJ_TRY(run_jobs(s, u, variant, layer, err));
        if (drawn) {
            sj_sim_timeline_end_layer(s->timeline);
        }
        sj_stat_price(layer, &s->setup->prices[variant.machine]);
    }
    return SJ_OK;
}

// Runs one unit, or explains it. `row` is its place among the chosen ones; *jobs counts its jobs.
static sj_status do_unit(sj_sim_session *s, sj_lowering *lowering, int index, sj_stats *run, int row, int *jobs, sj_error *err) {
    unit_jobs u = {.unit = sj_lowering_unit(lowering, index), .densities = sj_densities_none()};
    SJ_TRY(sj_lowering_jobs(lowering, index, &u.jobs, &u.count, &u.densities, err));
    *jobs = u.count;
    return s->o->explain_mapping ? sj_cli_explain_mapping(&s->setup->accel, u.unit->layer, u.unit->phase, u.jobs, u.count, err) : run_unit(s, &u, run, row, err);
}

static sj_status run_units(sj_sim_session *s, sj_lowering *lowering, sj_stats *run, sj_error *err) {
    sj_progress progress;
    sj_progress_start(&progress, "sim", run->variants[0].layer_count, s->o->quiet || s->o->explain_mapping || s->whole_run);
    sj_cli_rtl_progress(s->o->quiet, &progress);
    sj_status status = SJ_OK;
    int row = 0, jobs = 0;
    for (int u = 0; u < sj_lowering_unit_count(lowering) && status == SJ_OK; u++) {
        const sj_unit *unit = sj_lowering_unit(lowering, u);
        if (!sj_sim_is_chosen(s->o, unit)) {
            continue;
        }
        sj_progress_update(&progress, row, unit->layer);
        const double started = sj_monotonic_seconds();
        status = do_unit(s, lowering, u, run, row++, &jobs, err);
        if (s->o->verbose && status == SJ_OK) {
            sj_progress_clear(&progress);
            fprintf(stderr, "batch %lld  %s  %s  jobs %d  %.2f s\n", (long long)run->batch, unit->layer, sj_phase_name(unit->phase), jobs, sj_monotonic_seconds() - started);
        }
    }
    sj_progress_clear(&progress);
    sj_cli_rtl_progress(s->o->quiet, NULL);
    return status;
}

// "eat+ssprop" holds "eat".
static bool has_method(const char *methods, const char *name) {
    const size_t length = strlen(name);
    for (const char *at = methods; at != NULL; at = strchr(at, '+')) {
        at += at != methods ? 1 : 0;
        if (strncmp(at, name, length) == 0 && (at[length] == '\0' || at[length] == '+')) {
            return true;
        }
    }
    return false;
}

// The lowering charges a penalty to the outputs that the trace names. Older traces name none, and only the method tells that there was one.
static sj_status describe_penalty(const sj_trace *t, int step_index, sj_stats *run, sj_error *err) {
    const sj_step_info *step = sj_trace_get_step(t, step_index);
    if (step->mode != SJ_MODE_TRAIN || sj_step_is_skipped(step)) {
        return SJ_OK;
    }
    for (int layer = SJ_INPUT_NETWORK; layer < sj_trace_get_network(t)->layer_count; layer++) {
        sj_penalty_kind kind;
        SJ_TRY(sj_trace_read_penalty(t, step_index, layer, &kind, err));
        if (kind != SJ_PENALTY_NONE) {
            run->penalty = SJ_PENALTY_WORK_CHARGED;
            return SJ_OK;
        }
    }
    const char *methods = sj_trace_get_meta(t)->method;
    run->penalty = has_method(methods, "eat") || has_method(methods, "l1") ? SJ_PENALTY_WORK_LEFT_OUT : SJ_PENALTY_WORK_NONE;
    return SJ_OK;
}

static sj_status describe(const sj_sim_session *s, int step_index, int64_t batch, sj_stats *run, sj_error *err) {
    const sj_step_info *step = sj_trace_get_step(s->trace, step_index);
    const sj_trace_meta *meta = sj_trace_get_meta(s->trace);
    snprintf(run->mode, sizeof run->mode, "%s", step->mode == SJ_MODE_TRAIN ? "train" : "eval");
    memcpy(run->network, meta->network, sizeof run->network);
    memcpy(run->method, meta->method, sizeof run->method);
    memcpy(run->dataset, meta->dataset, sizeof run->dataset);
    if (strcmp(step->method_state, meta->method) != 0) {
        memcpy(run->method_state, step->method_state, sizeof run->method_state);
    }
    run->step = step->number;
    run->images = meta->images;
    run->batch = batch;
    run->no_fuse = s->o->no_fuse;
    run->quantised = s->o->quantise;
    sj_sim_describe_selection(s->o, run->selection, sizeof run->selection);
    run->provenance.has_seed = meta->seed <= INT64_MAX;
    run->provenance.seed = (int64_t)(meta->seed & INT64_MAX);
    char *full = realpath(s->o->trace, NULL);
    const int length = snprintf(run->provenance.input, sizeof run->provenance.input, "%s", full != NULL ? full : s->o->trace);
    free(full);
    if (length >= (int)sizeof run->provenance.input) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: its whole path has %d bytes; allowed: %zu", s->o->trace, length, sizeof run->provenance.input - 1);
    }
    return describe_penalty(s->trace, step_index, run, err);
}

// What stands above the table of a run, or above its explained mappings.
void sj_sim_print_head(const sj_stats *run) {
    printf("%s, %s on %s: %s step %lld%s%s%s, batch %lld from %lld stored images%s%s%s%s\n", run->network, run->method, run->dataset, run->mode, (long long)run->step,
           run->method_state[0] != '\0' ? " (" : "", run->method_state, run->method_state[0] != '\0' ? ")" : "", (long long)run->batch, (long long)run->images, run->selection[0] != '\0' ? ", only " : "", run->selection, run->no_fuse ? ", not fused" : "", run->quantised ? ", quantised" : "");
    printf("%s: %lld rows x %lld lanes at %g MHz, tech %s, fidelity %s\n\n", run->accel, (long long)run->rows, (long long)run->lanes, run->clock_mhz, run->tech, run->fidelity);
}

static sj_status run_lowered(sj_sim_session *s, sj_lowering *lowering, sj_stats *run, sj_error *err) {
    if (s->o->explain_mapping) {
        sj_sim_print_head(run);
    }
    SJ_TRY(sj_sim_wave_start(s->o, s->setup, lowering, &s->wave, err));
    SJ_TRY(sj_sim_timeline_open(s->o, s->setup, lowering, &s->timeline, err));
    sj_status status = sj_sim_wave_end(s->o, &s->wave, run_units(s, lowering, run, err), err);
    status = sj_sim_timeline_close(s->timeline, status, err);
    s->timeline = NULL;
    SJ_TRY(status);
    return sj_stats_total(run, err);
}

// The trace's hash, once.
static sj_status hash_input(sj_sim_session *s, sj_stats *run, sj_error *err) {
    if (s->input_hash[0] == '\0') {
        SJ_TRY(sj_file_hash(s->o->trace, s->input_hash, err));
    }
    memcpy(run->provenance.input_hash, s->input_hash, sizeof s->input_hash);
    return SJ_OK;
}

sj_status sj_sim_run_step(sj_sim_session *s, int step_index, int64_t batch, bool skipped, sj_stats *run, sj_error *err) {
    const double started = sj_monotonic_seconds();
    const sj_lower_options options = {.batch = batch, .fuse = !s->o->no_fuse, .quantise = s->o->quantise, .skipped = skipped, .memo = s->memo};
    sj_lowering *lowering;
    int layers = 0;
    SJ_TRY(sj_lowering_open(s->trace, step_index, &s->setup->accel, &options, &lowering, err));
    sj_status status = sj_sim_count_chosen(s->o, lowering, &layers, err);
    if (status == SJ_ERR_RANGE && s->whole_run && (skipped || sj_step_is_skipped(sj_trace_get_step(s->trace, step_index)))) {
        status = SJ_OK;  // of a whole run's skipped step a selection may leave nothing
    }
    status = status == SJ_OK ? sj_machine_start_run(s->setup, &s->o->machine, layers, run, err) : status;
    if (status == SJ_OK) {
        status = describe(s, step_index, batch, run, err);
        status = status == SJ_OK ? hash_input(s, run, err) : status;
    }
    status = status == SJ_OK ? run_lowered(s, lowering, run, err) : status;
    run->provenance.wall_seconds = sj_monotonic_seconds() - started;
    sj_lowering_close(lowering);
    return status;
}
