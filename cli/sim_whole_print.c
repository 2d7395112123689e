// SPDX-License-Identifier: Apache-2.0
// A whole run for people: by epoch, by the method's states, by phase, and the totals of every variant.
#include <math.h>
#include <stdio.h>

#include "sj_cli.h"
#include "sj_sim.h"
#include "sj_table.h"

enum { SHOWN_MAX = 3 };

// The variants that the tables by epoch, state and phase show: the machines with the accelerator's own codec, or with the first codec that was run.
typedef struct shown {
    int count;
    const sj_run_variant *of[SHOWN_MAX];
    sj_energy_unit unit;
    double clock_mhz;
} shown;

static shown choose_shown(const sj_whole_run *w, sj_codec own) {
    shown s = {.clock_mhz = w->clock_mhz};
    for (int pass = 0; pass < 2 && s.count == 0; pass++) {
        const sj_codec codec = pass == 0 ? own : w->variants[0].variant.codec;
        for (int v = 0; v < w->variant_count && s.count < SHOWN_MAX; v++) {
            if (w->variants[v].variant.codec == codec) {
                s.of[s.count++] = &w->variants[v];
            }
        }
    }
    return s;
}

static double seconds_of(const shown *s, double cycles) { return cycles / (s->clock_mhz * 1e6); }

static void energy_heads(sj_table *t, const shown *s) {
    for (int i = 0; i < s->count; i++) {
        sj_table_cell(t, "%s, %s", sj_machine_name(s->of[i]->variant.machine), s->unit.name);
    }
    sj_table_cell(t, "time, %s", sj_machine_name(s->of[s->count - 1]->variant.machine));
}

static void energy_cells(sj_table *t, const shown *s, const double energies[SHOWN_MAX], double cycles) {
    char text[24];
    for (int i = 0; i < s->count; i++) {
        sj_format_energy(text, energies[i], s->unit);
        sj_table_cell(t, "%s", text);
    }
    sj_format_seconds(text, seconds_of(s, cycles));
    sj_table_cell(t, "%s", text);
}

static void number_cell(sj_table *t, const char *format, double v) {
    char text[48];
    snprintf(text, sizeof text, "%.*f", format[0] - '0', v);
    sj_table_cell(t, "%s", isnan(v) ? "-" : text);
}

static sj_status print_epochs(const sj_whole_run *w, shown *s, sj_error *err) {
    double largest = 0.0;
    for (int e = 0; e < w->epoch_count; e++) {
        largest = fmax(largest, s->of[0]->epochs[e].energy_pj);
    }
    s->unit = sj_energy_unit_for(largest);
    sj_table *t = sj_table_new(8 + s->count + 1, 1);
    static const char *const heads[] = {"epoch", "iterations", "traced", "loss", "accuracy", "x", "dy", "kept"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        sj_table_cell(t, "%s", heads[i]);
    }
    energy_heads(t, s);
    sj_table_rule(t);
    for (int e = 0; e < w->epoch_count; e++) {
        const sj_run_epoch *of = &w->epochs[e];
        double energies[SHOWN_MAX];
        for (int i = 0; i < s->count; i++) {
            energies[i] = s->of[i]->epochs[e].energy_pj;
        }
        sj_table_cell(t, "%lld%s", (long long)of->epoch, of->skipped ? " skipped" : "");
        sj_table_cell(t, "%lld", (long long)of->iterations);
        sj_table_cell(t, "%lld", (long long)of->traced);
        number_cell(t, "4", of->loss);
        number_cell(t, "4", of->test_accuracy);
        number_cell(t, "3", of->x_density);
        number_cell(t, "3", of->dy_density);
        number_cell(t, "3", of->kept_fraction);
        energy_cells(t, s, energies, s->of[s->count - 1]->epochs[e].cycles);
    }
    return sj_table_print(t, stdout, err);
}

static sj_status print_states(const sj_whole_run *w, shown *s, sj_error *err) {
    s->unit = sj_energy_unit_for(s->of[0]->total.energy_pj);
    sj_table *t = sj_table_new(3 + s->count + 1, 1);
    sj_table_cell(t, "state");
    sj_table_cell(t, "iterations");
    sj_table_cell(t, "traced");
    energy_heads(t, s);
    sj_table_rule(t);
    for (int i = 0; i < w->state_count; i++) {
        double energies[SHOWN_MAX];
        for (int v = 0; v < s->count; v++) {
            energies[v] = s->of[v]->states[i].energy_pj;
        }
        sj_table_cell(t, "%s", w->states[i].name);
        sj_table_cell(t, "%lld", (long long)w->states[i].iterations);
        sj_table_cell(t, "%lld", (long long)w->states[i].traced);
        energy_cells(t, s, energies, s->of[s->count - 1]->states[i].cycles);
    }
    return sj_table_print(t, stdout, err);
}

// A part of the work (--layer, --phase) need not have any in each phase.
static bool has_work(const shown *s, int phase) {
    bool any = false;
    for (int v = 0; v < s->count; v++) {
        any = any || s->of[v]->total.phase_pj[phase] > 0.0 || s->of[v]->total.phase_cycles[phase] > 0.0;
    }
    return any;
}

static sj_status print_phases(const shown *s, sj_error *err) {
    sj_table *t = sj_table_new(1 + s->count + 2, 1);
    sj_table_cell(t, "phase");
    energy_heads(t, s);
    sj_table_cell(t, "left out, rms");
    sj_table_rule(t);
    for (int p = 0; p < SJ_PHASE_COUNT; p++) {
        double energies[SHOWN_MAX];
        const sj_run_variant *last = s->of[s->count - 1];
        if (!has_work(s, p)) {
            continue;
        }
        for (int v = 0; v < s->count; v++) {
            energies[v] = s->of[v]->total.phase_pj[p];
        }
        sj_table_cell(t, "%s", sj_phase_name((sj_phase)p));
        energy_cells(t, s, energies, last->total.phase_cycles[p]);
        if (isnan(last->error.phase_rms[p])) {
            sj_table_cell(t, "-");
        } else {
            sj_table_cell(t, "%.2f%%", 100.0 * last->error.phase_rms[p]);
        }
    }
    return sj_table_print(t, stdout, err);
}

static void percent_cell(sj_table *t, double share) {
    if (isnan(share)) {
        sj_table_cell(t, "-");
    } else {
        sj_table_cell(t, "%.2f%%", 100.0 * share);
    }
}

static sj_status print_totals(const sj_sim_options *o, const sj_whole_run *w, const shown *s, sj_error *err) {
    const bool carbon = !isnan(o->gco2_per_kwh);
    sj_table *t = sj_table_new(8 + (carbon ? 1 : 0), 1);
    sj_table_cell(t, "machine/codec");
    sj_table_cell(t, "time");
    sj_table_cell(t, "energy, %s", s->unit.name);
    sj_table_cell(t, "low");
    sj_table_cell(t, "high");
    sj_table_cell(t, "kWh");
    sj_table_cell(t, "interpolation");
    sj_table_cell(t, "saved");
    if (carbon) {
        sj_table_cell(t, "g CO2e");
    }
    sj_table_rule(t);
    for (int i = 0; i < w->variant_count; i++) {
        const sj_run_variant *v = &w->variants[i], *gate = v->variant.machine == SJ_MACHINE_SKIP ? sj_whole_run_find(w, SJ_MACHINE_GATE, v->variant.codec) : NULL;
        const double energies[] = {v->total.energy_pj, v->low_pj, v->high_pj};
        char name[24], text[24];
        sj_variant_name(v->variant, name);
        sj_table_cell(t, "%s", name);
        sj_format_seconds(text, seconds_of(s, v->total.cycles));
        sj_table_cell(t, "%s", text);
        for (int e = 0; e < 3; e++) {
            sj_format_energy(text, energies[e], s->unit);
            sj_table_cell(t, "%s", text);
        }
        sj_table_cell(t, "%.4g", sj_kwh(v->total.energy_pj));
        percent_cell(t, v->error.total);
        percent_cell(t, gate != NULL ? 1.0 - v->total.energy_pj / gate->total.energy_pj : (double)NAN);
        if (carbon) {
            sj_table_cell(t, "%.4g", sj_kwh(v->total.energy_pj) * o->gco2_per_kwh);
        }
    }
    return sj_table_print(t, stdout, err);
}

static void print_target(double target, const sj_whole_run *w, const shown *s) {
    const int last = sj_whole_run_reaches(w, target);
    if (!sj_whole_run_is_tested(w)) {
        printf("\nWhether a test accuracy of %g was reached is not known: %s.\n", target, sj_whole_run_is_plan(w) ? "a plan has no accuracy" : "there is no metrics.csv beside the trace");
        return;
    }
    if (last < 0) {
        printf("\nA test accuracy of %g was not reached.\n", target);
        return;
    }
    printf("\nA test accuracy of %g was reached after epoch %lld (epochs count from 0):", target, (long long)w->epochs[last].epoch);
    for (int i = 0; i < s->count; i++) {
        double energy = 0.0, cycles = 0.0;
        char text[24], time[24];
        for (int e = 0; e <= last; e++) {
            energy += s->of[i]->epochs[e].energy_pj;
            cycles += s->of[i]->epochs[e].cycles;
        }
        sj_format_energy(text, energy, s->unit);
        sj_format_seconds(time, seconds_of(s, cycles));
        printf("%s %s %s %s in %s", i > 0 ? "," : "", sj_machine_name(s->of[i]->variant.machine), text, s->unit.name, time);
    }
    printf(".\n");
}

static void print_head(const sj_whole_run *w, const shown *s) {
    const char *codec = sj_codec_name(s->of[0]->variant.codec);
    printf("%s, %s on %s: a whole run of %lld iterations in %d epochs, batch %lld; %lld simulated from %lld stored images each%s%s%s\n", w->network, w->method, w->dataset, (long long)w->iterations,
           w->epoch_count, (long long)w->batch, (long long)w->traced_steps, (long long)w->images, w->selection[0] != '\0' ? ", only " : "", w->selection, w->quantised ? ", quantised" : "");
    printf("%s: %lld rows x %lld lanes at %g MHz, tech %s, fidelity %s; tables by epoch, state and phase with codec %s. x, dy, kept: densities and channels, means over convolutions and linear layers\n\n", w->accel, (long long)w->rows, (long long)w->lanes, w->clock_mhz, w->tech,
           w->fidelity, codec);
}

static void print_error(const sj_run_variant *v) {
    char name[24];
    sj_variant_name(v->variant, name);
    if (v->error.steps < 2) {
        printf("\nHow far off interpolation is cannot be told: fewer than two simulated steps can be left out and had from the others.\n");
        return;
    }
    printf("\nInterpolation: two standard errors of the run's energy. Of %s, %lld steps left out in turn were off by %.2f%% in the mean, %.2f%% rms, %.2f%% at worst.\n", name, (long long)v->error.steps,
           100.0 * v->error.mean, 100.0 * v->error.rms, 100.0 * v->error.worst);
}

sj_status sj_sim_print_whole_run(const sj_sim_options *o, const sj_machine_setup *setup, const sj_whole_run *w, sj_error *err) {
    shown s = choose_shown(w, setup->accel.codec);
    print_head(w, &s);
    SJ_TRY(print_epochs(w, &s, err));
    putchar('\n');
    SJ_TRY(print_states(w, &s, err));
    putchar('\n');
    SJ_TRY(print_phases(&s, err));
    putchar('\n');
    SJ_TRY(print_totals(o, w, &s, err));
    print_error(s.of[s.count - 1]);
    if (w->images < w->batch) {
        printf("Stored images are a sample, %lld of each batch of %lld, whose noise is not in it.\n", (long long)w->images, (long long)w->batch);
    }
    printf("Low and high: each source of error of the tech file at its ends, added in quadrature. Tests between epochs are not in it.\n");
    printf("Saved: by skipping, against gating at that codec; without intervals, so that a small saving's sign is open: the report of a single step (sim without --whole-run) tells whether it is certain.\n");
    if (sj_whole_run_is_plan(w)) {
        printf("A plan: %s.\n", sj_plan_note);
    }
    if (w->penalty == SJ_PENALTY_WORK_LEFT_OUT) {
        printf("A lower bound: %s.\n", sj_penalty_left_out);
    }
    if (!isnan(o->target_accuracy)) {
        print_target(o->target_accuracy, w, &s);
    }
    return SJ_OK;
}
