// SPDX-License-Identifier: Apache-2.0
// The ledger's side: rows of steps, what steps leave uncovered, and what is told of epochs.
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sj_estimate_facts.h"
#include "sj_file.h"
#include "sj_synth.h"
#include "whole_run_internal.h"

// ---- rows of steps

static int compare_rows(const sj_ledger *l, int64_t row, const sj_step_info *step) {
    if (l->epoch[row] != step->epoch) {
        return l->epoch[row] < step->epoch ? -1 : 1;
    }
    return l->iteration[row] < step->iteration ? -1 : l->iteration[row] > step->iteration;
}

// A skipped epoch is one row, whichever of its iterations the step names.
static int64_t row_of(const sj_ledger *l, const sj_step_info *step) {
    int64_t low = 0, high = l->rows;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (compare_rows(l, middle, step) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < l->rows && compare_rows(l, low, step) == 0) {
        return low;
    }
    const bool skipped = sj_step_is_skipped(step);
    for (int64_t row = low > 0 ? low - 1 : 0; row <= low && row < l->rows; row++) {
        if (skipped && l->skipped[row] != 0 && l->epoch[row] == step->epoch) {
            return row;
        }
    }
    return -1;
}

static sj_status check_order(const char *path, const sj_ledger *l, sj_error *err) {
    for (int64_t row = 1; row < l->rows; row++) {
        const sj_step_info before = {.epoch = l->epoch[row - 1], .iteration = l->iteration[row - 1]};
        if (compare_rows(l, row, &before) <= 0) {
            return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: ledger: row %" PRId64 " (epoch %" PRId64 ", iteration %" PRId64 ") does not come after the row before it; iterations must ascend", path, row, l->epoch[row],
                           l->iteration[row]);
        }
    }
    return SJ_OK;
}

sj_status sj_run_match(const char *path, const sj_ledger *l, const sj_step_info *steps, int step_count, int64_t *row_of_step, sj_error *err) {
    SJ_TRY(check_order(path, l, err));
    for (int s = 0; s < step_count; s++) {
        row_of_step[s] = -1;
        if (steps[s].iteration < 0 && sj_step_is_skipped(&steps[s])) {
            continue;
        }
        row_of_step[s] = row_of(l, &steps[s]);
        if (row_of_step[s] < 0) {
            return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: step %" PRId64 " (epoch %" PRId64 ", iteration %" PRId64 ") has no row in the ledger", path, steps[s].number, steps[s].epoch, steps[s].iteration);
        }
        if ((l->skipped[row_of_step[s]] != 0) != sj_step_is_skipped(&steps[s])) {
            return SJ_FAIL(err, SJ_ERR_FORMAT, "%s: step %" PRId64 " and its row in the ledger do not agree whether the iteration was skipped", path, steps[s].number);
        }
    }
    return SJ_OK;
}

bool sj_run_needs_skipped(const sj_ledger *l, const sj_step_info *steps, int step_count) {
    for (int s = 0; s < step_count; s++) {
        if (sj_step_is_skipped(&steps[s])) {
            return false;
        }
    }
    for (int64_t row = 0; row < l->rows; row++) {
        if (l->skipped[row] != 0) {
            return true;
        }
    }
    return false;
}

double sj_run_mean_kept(const sj_ledger *l, int64_t row) { return sj_synth_mean_kept(l->kept_fraction + row * l->layers, l->layers); }

// ---- what the steps cover

static sj_status uncovered(const sj_run_fit *f, int64_t row, const char *what, sj_error *err) {
    const sj_ledger *l = f->o.ledger;
    return SJ_FAIL(err, SJ_ERR_RANGE,
                   "%s: no training step that is simulated is %s of \"%s\", as epoch %" PRId64 " is; train with trace.spread = N, which traces steps of each kind, or with that epoch among trace.epochs", f->o.path,
                   what, l->method_state[row][0] != '\0' ? l->method_state[row] : "plain", l->epoch[row]);
}

// One kind of unit and layer after another: a plan for each row whose kept fraction differs from the row's before.
static sj_status check_kept(const sj_run_fit *f, const run_unit *unit, sj_error *err) {
    run_groups g;
    run_plan plan;
    SJ_TRY(sj_run_groups_build(f, unit, &g, err));
    sj_status status = SJ_OK;
    int last_class = -1;
    double last_kept = (double)NAN;
    for (int64_t row = 0; row < f->o.ledger->rows && status == SJ_OK; row++) {
        const int class = f->states.class_of_row[row];
        const double kept = sj_run_kept(f, unit, row);
        if (f->o.ledger->skipped[row] == 0 && (class != last_class || kept != last_kept)) {
            status = sj_run_plan_row(&g, class, kept, row, -1, &plan) ? SJ_OK : uncovered(f, row, "near the kept fraction", err);
            last_class = class;
            last_kept = kept;
        }
    }
    sj_run_groups_free(&g);
    return status;
}

static sj_status check_classes(const sj_run_fit *f, sj_error *err) {
    for (int64_t row = 0; row < f->o.ledger->rows; row++) {
        bool found = false;
        for (int s = 0; s < f->o.step_count && !found; s++) {
            found = f->o.ledger->skipped[row] != 0 ? f->steps[s].skipped : f->steps[s].class == f->states.class_of_row[row];
        }
        if (!found) {
            return uncovered(f, row, "in the state", err);
        }
        const int64_t again = row;  // rows of one class come in long runs
        while (row + 1 < f->o.ledger->rows && f->states.class_of_row[row + 1] == f->states.class_of_row[again] && f->o.ledger->skipped[row + 1] == f->o.ledger->skipped[again]) {
            row++;
        }
    }
    return SJ_OK;
}

sj_status sj_run_check_cover(const sj_run_fit *f, sj_error *err) {
    const sj_network *net = f->o.network;
    SJ_TRY(check_classes(f, err));
    SJ_TRY(check_kept(f, &(run_unit){.out_layer = -1, .phase = SJ_PHASE_ELEMENTWISE}, err));
    for (int i = 0; i < net->layer_count; i++) {
        if (net->layers[i].kind == SJ_KIND_CONV || net->layers[i].kind == SJ_KIND_LINEAR) {
            SJ_TRY(check_kept(f, &(run_unit){.layer = i, .out_layer = -1, .phase = SJ_PHASE_GRAD_WEIGHT}, err));
        }
    }
    return SJ_OK;
}

// ---- what is told

typedef struct mean {
    double sum;
    int64_t count;
} mean;

static void note(mean *m, double v) {
    m->sum += isnan(v) ? 0.0 : v;
    m->count += isnan(v) ? 0 : 1;
}

static double mean_of(const mean *m) { return m->count > 0 ? m->sum / (double)m->count : (double)NAN; }

// Of an image, with what each layer kept; layers without a kept fraction drop nothing.
static double backward_macs(const sj_run_fit *f, int64_t row) {
    double sum = 0.0;
    for (int i = 0; i < f->o.ledger->layers; i++) {
        const double kept = (double)f->o.ledger->kept_fraction[row * f->o.ledger->layers + i];
        sum += sj_layer_backward_macs(&f->o.network->layers[i]) * (isnan(kept) ? 1.0 : kept);
    }
    return sum;
}

static void describe_epoch(const sj_run_fit *f, int epoch, int64_t first, int64_t end, sj_whole_run *out) {
    const sj_ledger *l = f->o.ledger;
    sj_run_epoch *e = &out->epochs[epoch];
    mean loss = {0.0, 0}, macs = {0.0, 0}, x = {0.0, 0}, dy = {0.0, 0}, kept = {0.0, 0};
    e->epoch = l->epoch[first];
    e->iterations = end - first;
    e->skipped = l->skipped[first] != 0;
    e->state = f->states.state_of_row[first];
    e->test_accuracy = e->macro_f1 = (double)NAN;
    for (int i = 0; i < l->layers; i++) {
        mean layer_x = {0.0, 0}, layer_dy = {0.0, 0};
        const bool product = f->o.network->layers[i].kind == SJ_KIND_CONV || f->o.network->layers[i].kind == SJ_KIND_LINEAR;
        for (int64_t row = first; row < end; row++) {
            note(&layer_x, (double)l->x_density[row * l->layers + i]);
            note(&layer_dy, (double)l->dy_density[row * l->layers + i]);
            note(&kept, (double)l->kept_fraction[row * l->layers + i]);
        }
        out->x_density[(size_t)epoch * (size_t)l->layers + (size_t)i] = (float)mean_of(&layer_x);
        out->dy_density[(size_t)epoch * (size_t)l->layers + (size_t)i] = (float)mean_of(&layer_dy);
        if (product) {
            note(&x, mean_of(&layer_x));
            note(&dy, mean_of(&layer_dy));
        }
    }
    for (int64_t row = first; row < end; row++) {
        note(&loss, l->skipped[row] != 0 ? (double)NAN : l->loss[row]);
        note(&macs, l->skipped[row] != 0 ? (double)NAN : backward_macs(f, row));
        e->traced += f->step_of_row[row] >= 0;
    }
    e->backward_macs = mean_of(&macs);
    e->loss = mean_of(&loss);
    e->x_density = mean_of(&x);
    e->dy_density = mean_of(&dy);
    e->kept_fraction = mean_of(&kept);
}

static void describe_states(const sj_run_fit *f, sj_whole_run *out) {
    out->state_count = f->states.state_count;
    for (int s = 0; s < out->state_count; s++) {
        memcpy(out->states[s].name, f->states.state_names[s], sizeof out->states[s].name);
    }
    for (int64_t row = 0; row < f->o.ledger->rows; row++) {
        out->states[f->states.state_of_row[row]].iterations++;
        out->states[f->states.state_of_row[row]].traced += f->step_of_row[row] >= 0;
    }
}

static sj_status allocate(const sj_run_fit *f, sj_whole_run *out, sj_error *err) {
    const uint64_t layers = (uint64_t)f->o.ledger->layers, densities = (uint64_t)f->epoch_count * layers + 1;
    const struct {
        void **to;
        uint64_t count;
        size_t size;
    } rooms[] = {{(void **)&out->epochs, (uint64_t)f->epoch_count, sizeof *out->epochs},
                 {(void **)&out->states, (uint64_t)f->states.state_count, sizeof *out->states},
                 {(void **)&out->layer_names, layers + 1, sizeof *out->layer_names},
                 {(void **)&out->x_density, densities, sizeof *out->x_density},
                 {(void **)&out->dy_density, densities, sizeof *out->dy_density}};
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        SJ_TRY(sj_alloc(rooms[i].to, rooms[i].count, rooms[i].size, "the results of a run", err));
    }
    return SJ_OK;
}

sj_status sj_run_ledger_describe(const sj_run_fit *f, sj_whole_run *out, sj_error *err) {
    const sj_ledger *l = f->o.ledger;
    SJ_TRY(allocate(f, out, err));
    out->iterations = l->rows;
    out->layer_count = l->layers;
    out->epoch_count = f->epoch_count;
    for (int i = 0; i < l->layers; i++) {
        memcpy(out->layer_names[i], f->o.network->layers[i].name, sizeof out->layer_names[i]);
    }
    int64_t first = 0;
    for (int e = 0; e < f->epoch_count; e++) {
        int64_t end = first;
        while (end < l->rows && l->epoch[end] == f->epochs[e]) {
            end++;
        }
        describe_epoch(f, e, first, end, out);
        out->traced_steps += out->epochs[e].traced;
        first = end;
    }
    describe_states(f, out);
    return SJ_OK;
}
