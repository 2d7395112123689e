// SPDX-License-Identifier: Apache-2.0
// What a whole run would take if each of its steps were a synthetic one (explore/sj_synthetic_run.h): all that an estimator may know of it before it.
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sj_cli.h"
#include "sj_file.h"
#include "sj_sim.h"
#include "sj_synthetic_run.h"

typedef struct synthetic {
    const sj_sim_session *s;     // of the run
    const sj_ledger *ledger;
    char folder[4096], path[4200];
    float *layer_keep;           // [layer]
    sj_penalty_kind *penalties;  // [1 + layer]
    double *out;                 // [variant]
} synthetic;

static bool go_on(void *context, int layer) {
    (void)context;
    (void)layer;
    return !sj_cli_interrupted();
}

static sj_status make_folder(synthetic *y, sj_error *err) {
    const char *given = getenv("TMPDIR"), *base = given != NULL && *given != '\0' ? given : "/tmp";
    const int length = snprintf(y->folder, sizeof y->folder, "%s/skipjoule-XXXXXX", base);
    if (length >= (int)sizeof y->folder) {
        y->folder[0] = '\0';
        return SJ_FAIL(err, SJ_ERR_RANGE, "TMPDIR has %zu bytes; a folder in it would have too long a name", strlen(base));
    }
    if (mkdtemp(y->folder) == NULL) {
        y->folder[0] = '\0';
        return SJ_FAIL(err, SJ_ERR_IO, "%s, the folder for temporary files (TMPDIR names it): %s", base, strerror(errno));
    }
    snprintf(y->path, sizeof y->path, "%s/step.h5", y->folder);
    return SJ_OK;
}

static void add(synthetic *y, const sj_stats *run, double iterations) {
    for (int v = 0; v < run->variant_count; v++) {
        y->out[v] += iterations * run->variants[v].total.energy[SJ_TYPICAL].total_pj;
    }
}

// The step of the trace that stands at y->path; a skipped one runs on the same tensors.
static sj_status simulate(synthetic *y, sj_trace *t, double iterations, bool skipped, sj_error *err) {
    sj_sim_options options = *y->s->o;
    sj_sim_session s = *y->s;
    sj_stats run;
    memset(&run, 0, sizeof run);
    options.machine.fidelity = SJ_FIDELITY_FAST;  // all of them give the same
    options.trace = y->path;
    options.verbose = false;  // its lines are of the run's own steps
    s.o = &options;
    s.trace = t;
    const sj_status status = sj_sim_run_step(&s, 0, sj_trace_get_meta(t)->batch_size, skipped, &run, err);
    if (status == SJ_OK) {
        add(y, &run, iterations);
    }
    sj_stats_free(&run);
    return status;
}

// int8 where the run's operands are stored so: a machine of int8 takes no other, and bfloat16 has the zeros of float32.
static sj_type stored_type(const sj_trace *t) {
    const sj_network *net = sj_trace_get_network(t);
    sj_type type = SJ_TYPE_BF16;
    for (int s = 0; s < sj_trace_step_count(t); s++) {
        for (int i = 0; i < net->layer_count; i++) {
            if (sj_trace_type(t, s, i, "w", &type)) {
                return type == SJ_TYPE_I8 ? SJ_TYPE_I8 : SJ_TYPE_BF16;
            }
        }
    }
    return SJ_TYPE_BF16;
}

// *possible: the network can be made up.
static sj_status run_kind(synthetic *y, int64_t row, double iterations, double skipped, bool *possible, sj_error *err) {
    sj_synth_options o = sj_synthetic_options(y->ledger, sj_trace_get_meta(y->s->trace), row, y->layer_keep, y->penalties);
    sj_trace *t;
    o.type = stored_type(y->s->trace);
    o.go_on = go_on;
    sj_status status = sj_synth_write(y->path, "skipjoule", sj_trace_get_network(y->s->trace), &o, err);
    *possible = status != SJ_ERR_UNSUPPORTED;
    if (status != SJ_OK) {
        return *possible ? status : SJ_OK;
    }
    SJ_TRY(sj_trace_open(y->path, &t, err));
    status = simulate(y, t, iterations, false, err);
    status = status == SJ_OK && skipped > 0.0 ? simulate(y, t, skipped, true, err) : status;
    sj_trace_close(t);
    return status;
}

static sj_status run_kinds(synthetic *y, bool *possible, sj_error *err) {
    const sj_synthetic_mix mix = sj_synthetic_mix_of(y->ledger);
    const uint64_t layers = (uint64_t)sj_trace_get_network(y->s->trace)->layer_count;
    void *memory;
    bool skipped_done = mix.skipped == 0.0;
    *possible = false;
    SJ_TRY(sj_alloc(&memory, layers + 1, sizeof *y->layer_keep, "a synthetic step", err));
    y->layer_keep = memory;
    SJ_TRY(sj_alloc(&memory, layers + 1, sizeof *y->penalties, "a synthetic step", err));
    y->penalties = memory;
    SJ_TRY(sj_synthetic_penalties(y->s->trace, y->penalties, err));
    SJ_TRY(make_folder(y, err));
    for (int k = 0; k < SJ_SYNTH_KINDS; k++) {
        if (sj_synth_kinds_has(&mix.kinds, k)) {
            SJ_TRY(run_kind(y, mix.kinds.row[k], mix.iterations[k], skipped_done ? 0.0 : mix.skipped, possible, err));
            skipped_done = true;
            if (!*possible) {
                break;
            }
        }
    }
    return SJ_OK;
}

sj_status sj_sim_synthetic_run(const sj_sim_session *s, const sj_ledger *ledger, double *energy_pj, sj_error *err) {
    synthetic y = {.s = s, .ledger = ledger, .out = energy_pj};
    bool possible = false;
    memset(energy_pj, 0, (size_t)s->setup->variant_count * sizeof *energy_pj);
    const sj_status status = run_kinds(&y, &possible, err);
    for (int v = 0; v < s->setup->variant_count && !possible; v++) {
        energy_pj[v] = (double)NAN;
    }
    if (y.folder[0] != '\0') {
        unlink(y.path);
        rmdir(y.folder);
    }
    free(y.layer_keep);
    free(y.penalties);
    return status == SJ_OK || status == SJ_ERR_INTERRUPTED ? status : sj_error_prefix(err, "a synthetic step");
}
