// SPDX-License-Identifier: Apache-2.0
#include "sj_whole_run.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sj_csv.h"
#include "sj_synth.h"

void sj_whole_run_free(sj_whole_run *w) {
    for (int v = 0; v < w->variant_count; v++) {
        free(w->variants[v].epochs);
        free(w->variants[v].layers);
        free(w->variants[v].states);
    }
    free(w->epochs);
    free(w->states);
    free(w->layer_names);
    free(w->x_density);
    free(w->dy_density);
    memset(w, 0, sizeof *w);
}

const sj_run_variant *sj_whole_run_find(const sj_whole_run *w, sj_machine machine, sj_codec codec) {
    for (int v = 0; v < w->variant_count; v++) {
        if (w->variants[v].variant.machine == machine && w->variants[v].variant.codec == codec) {
            return &w->variants[v];
        }
    }
    return NULL;
}

double sj_kwh(double energy_pj) { return energy_pj / 3.6e18; }

bool sj_whole_run_is_plan(const sj_whole_run *w) { return sj_synth_is_plan(w->method); }

bool sj_whole_run_is_tested(const sj_whole_run *w) {
    bool tested = false;
    for (int e = 0; e < w->epoch_count; e++) {
        tested = tested || !isnan(w->epochs[e].test_accuracy);
    }
    return tested;
}

int sj_whole_run_reaches(const sj_whole_run *w, double target) {
    for (int e = 0; e < w->epoch_count; e++) {
        if (w->epochs[e].test_accuracy >= target) {  // never of NAN
            return e;
        }
    }
    return -1;
}

// ---- epochs.csv

static void field(FILE *f, double v) {
    if (isnan(v)) {
        fputc(',', f);
    } else {
        fprintf(f, ",%.17g", v);
    }
}

static void csv_head(FILE *f) {
    fputs("epoch,machine,codec,state,iterations,traced,skipped,loss,test_accuracy,macro_f1,x_density,dy_density,kept_fraction,energy_pj,cycles,dram_read_bytes,dram_write_bytes", f);
    for (int p = 0; p < SJ_PHASE_COUNT; p++) {
        fprintf(f, ",energy_pj.%s,cycles.%s", sj_phase_name((sj_phase)p), sj_phase_name((sj_phase)p));
    }
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        fprintf(f, ",energy_pj.%s", sj_component_names[c]);
    }
    fputc('\n', f);
}

static void csv_epoch(FILE *f, const sj_whole_run *w, const sj_run_variant *v, int epoch) {
    const sj_run_epoch *e = &w->epochs[epoch];
    const sj_run_sum *s = &v->epochs[epoch];
    const double figures[] = {e->loss, e->test_accuracy, e->macro_f1, e->x_density, e->dy_density, e->kept_fraction, s->energy_pj, s->cycles, s->dram_read_bytes, s->dram_write_bytes};
    fprintf(f, "%" PRId64 ",%s,%s,", e->epoch, sj_machine_name(v->variant.machine), sj_codec_name(v->variant.codec));
    sj_csv_field(f, e->state < w->state_count ? w->states[e->state].name : "");
    fprintf(f, ",%" PRId64 ",%" PRId64 ",%d", e->iterations, e->traced, e->skipped ? 1 : 0);
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        field(f, figures[i]);
    }
    for (int p = 0; p < SJ_PHASE_COUNT; p++) {
        field(f, s->phase_pj[p]);
        field(f, s->phase_cycles[p]);
    }
    for (int c = 0; c < SJ_COMPONENT_COUNT; c++) {
        field(f, s->component_pj[c]);
    }
    fputc('\n', f);
}

void sj_whole_run_write_epochs(FILE *f, const sj_whole_run *w) {
    csv_head(f);
    for (int e = 0; e < w->epoch_count; e++) {
        for (int v = 0; v < w->variant_count; v++) {
            csv_epoch(f, w, &w->variants[v], e);
        }
    }
}
