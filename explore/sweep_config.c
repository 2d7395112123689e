// SPDX-License-Identifier: Apache-2.0
// The sweep file; keys come in the order of sj_sweep_config.h. What axes give to the sweep's own keys: sweep_config_axes.c.
#include "sweep_config_internal.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sj_accel.h"
#include "sj_job.h"

static void keep(sj_config *c, char **out, const char *text) {
    *out = strdup(text);
    if (*out == NULL) {
        sj_config_no_memory(c);
    }
}

// Texts end up in files of lines and in scripts.
static bool is_one_line(const char *text) {
    for (const char *p = text; *p != '\0'; p++) {
        if (iscntrl((unsigned char)*p)) {
            return false;
        }
    }
    return *text != '\0';
}

// NULL where it is absent, and after a problem.
static const char *read_line(sj_config *c, const char *path, sj_need need) {
    const char *text = sj_config_string(c, path, need, NULL);
    if (!sj_config_has(c, path) || sj_config_failed(c, path)) {
        return NULL;
    }
    if (!is_one_line(text)) {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" is empty or has control characters; one line of text is needed", path);
        return NULL;
    }
    return text;
}

static void keep_line(sj_config *c, const char *path, sj_need need, char **out) {
    const char *text = read_line(c, path, need);
    if (text != NULL) {
        keep(c, out, text);
    }
}

// Elements of the list at path, which may be left out; 0 where there are none, or after a problem.
static int read_count(sj_config *c, const char *path, int least, int most) {
    const int count = sj_config_list(c, path, SJ_OPTIONAL);
    if (count >= 0 && sj_config_has(c, path) && (count < least || count > most)) {
        sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" has %d elements; it must have between %d and %d", path, count, least, most);
        sj_config_accept(c, path);
        return 0;
    }
    return count > 0 ? count : 0;
}

static const char *element(const char *list, int i, char path[SJ_SWEEP_PATH_MAX]) {
    snprintf(path, SJ_SWEEP_PATH_MAX, "%s.[%d]", list, i);
    return path;
}

// Lines of a list, none of them twice.
static void read_lines(sj_config *c, const char *list, int least, int most, char **out, int *count) {
    const int length = read_count(c, list, least, most);
    for (int i = 0; i < length; i++) {
        char path[SJ_SWEEP_PATH_MAX];
        const char *text = read_line(c, element(list, i, path), SJ_REQUIRED);
        for (int j = 0; j < *count && text != NULL; j++) {
            if (strcmp(out[j], text) == 0) {
                sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" is \"%s\" again", path, text);
                text = NULL;
            }
        }
        if (text != NULL) {
            keep(c, &out[*count], text);
            *count += out[*count] != NULL;
        }
    }
}

static void read_name(sj_config *c, sj_sweep_config *out) {
    const char *name = read_line(c, "name", SJ_REQUIRED);
    if (name != NULL && strlen(name) >= sizeof out->name) {
        sj_config_error(c, SJ_CFG_RANGE, "name", "\"name\" has %zu characters; at most %zu are allowed", strlen(name), sizeof out->name - 1);
        name = NULL;
    }
    snprintf(out->name, sizeof out->name, "%s", name != NULL ? name : "");
}

static void read_step(sj_config *c, sj_sweep_config *out) {
    static const char *const names[] = {"last-train", "last-eval"};
    if (sj_config_has(c, "step") && sj_config_scalar_at(c, "step") == SJ_CONFIG_INT) {
        char number[32];
        snprintf(number, sizeof number, "%" PRId64, sj_config_int(c, "step", SJ_REQUIRED, 0, 0, INT64_MAX));
        keep(c, &out->step, number);
        return;
    }
    const char *step = read_line(c, "step", SJ_OPTIONAL);
    if (step == NULL) {
        return;
    }
    const bool number = strspn(step, "0123456789") == strlen(step) && strlen(step) < 19;
    if (!number && strcmp(step, names[0]) != 0 && strcmp(step, names[1]) != 0) {
        const char *nearest = sj_nearest_name(step, names, 2);
        sj_config_error(c, SJ_CFG_RANGE, "step", "\"step\" is \"%s\"; allowed are a step's number, \"last-train\" and \"last-eval\"%s%s%s", step, nearest != NULL ? "; did you mean \"" : "",
                        nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
    }
    keep(c, &out->step, step);
}

static void read_phase(sj_config *c, sj_sweep_config *out) {
    const char *names[SJ_PHASE_COUNT + 1] = {NULL};
    for (int p = 0; p < SJ_PHASE_COUNT; p++) {
        names[p] = sj_phase_name((sj_phase)p);
    }
    const int phase = sj_config_enum(c, "phase", SJ_OPTIONAL, 0, names);
    if (sj_config_has(c, "phase")) {
        keep(c, &out->phase, names[phase]);
    }
}

static void read_weights(sj_config *c, sj_sweep_config *out) {
    out->weight_count = read_count(c, "weights", 1, SJ_SWEEP_TRACES_MAX);
    for (int i = 0; i < out->weight_count; i++) {
        char path[SJ_SWEEP_PATH_MAX];
        out->weights[i] = sj_config_float(c, element("weights", i, path), SJ_REQUIRED, 1.0, -HUGE_VAL, HUGE_VAL);
        if (!(out->weights[i] > 0.0) && !sj_config_failed(c, path)) {
            sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" is %.15g; a weight must be greater than 0", path, out->weights[i]);
        }
    }
}

static void read_constraints(sj_config *c, sj_sweep_config *out) {
    const int count = read_count(c, "constraints", 0, SJ_SWEEP_CONSTRAINTS_MAX);
    for (int i = 0; i < count; i++) {
        char path[SJ_SWEEP_PATH_MAX];
        const char *text = read_line(c, element("constraints", i, path), SJ_REQUIRED);
        if (text == NULL) {
            continue;
        }
        sj_error err;
        const sj_status status = sj_expr_parse(text, &out->constraints[out->constraint_count], &err);
        out->constraint_count += status == SJ_OK;
        if (status == SJ_ERR_MEMORY) {
            sj_config_no_memory(c);
        } else if (status != SJ_OK) {
            sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\": %s", path, err.message);
        }
    }
}

static void read_objectives(sj_config *c, sj_sweep_config *out) {
    const int count = read_count(c, "objectives", 1, SJ_SWEEP_VALUE_COUNT);
    for (int i = 0; i < count; i++) {
        char path[SJ_SWEEP_PATH_MAX];
        const int value = sj_config_enum(c, element("objectives", i, path), SJ_REQUIRED, 0, sj_sweep_value_names);
        bool again = false;
        for (int j = 0; j < out->objective_count; j++) {
            again = again || out->objectives[j] == value;
        }
        if (sj_config_failed(c, path)) {
            continue;
        }
        if (again) {
            sj_config_error(c, SJ_CFG_RANGE, path, "\"%s\" is \"%s\" again", path, sj_sweep_value_names[value]);
        } else {
            out->objectives[out->objective_count++] = value;
        }
    }
    if (!sj_config_has(c, "objectives")) {
        out->objectives[out->objective_count++] = SJ_SWEEP_energy_pj;
        out->objectives[out->objective_count++] = SJ_SWEEP_cycles;
    }
}

static void read_slurm(sj_config *c, sj_slurm_config *out) {
    out->given = sj_config_group(c, "slurm");
    keep_line(c, "slurm.partition", SJ_OPTIONAL, &out->partition);
    keep_line(c, "slurm.account", SJ_OPTIONAL, &out->account);
    const char *time = read_line(c, "slurm.time", SJ_OPTIONAL);
    if (time != NULL && (strspn(time, "0123456789:-") != strlen(time) || !isdigit((unsigned char)time[0]))) {
        sj_config_error(c, SJ_CFG_RANGE, "slurm.time", "\"slurm.time\" is \"%s\"; it must be as sbatch takes it: \"MINUTES\", \"HH:MM:SS\" or \"DAYS-HH:MM:SS\"", time);
    }
    keep(c, &out->time, time != NULL ? time : "01:00:00");
    out->memory_mib = sj_config_int(c, "slurm.memory_mib", SJ_OPTIONAL, 0, 1, INT64_C(1) << 30);
    out->points_per_task = sj_config_int(c, "slurm.points_per_task", SJ_OPTIONAL, 500, 1, 1000000000);
    out->tasks_at_once = sj_config_int(c, "slurm.tasks_at_once", SJ_OPTIONAL, 0, 0, 1000000);
    out->retries = sj_config_int(c, "slurm.retries", SJ_OPTIONAL, 3, 0, 100);
    read_lines(c, "slurm.options", 0, SJ_SLURM_OPTIONS_MAX, out->options, &out->option_count);
    for (int i = 0; i < out->option_count; i++) {
        if (out->options[i][0] != '-') {
            sj_config_error(c, SJ_CFG_RANGE, "slurm.options", "\"slurm.options\" has \"%s\"; an option of sbatch begins with \"-\"", out->options[i]);
        }
    }
}

static void read_all(sj_config *c, sj_sweep_config *out) {
    const char *const machines[] = {sj_machine_name(SJ_MACHINE_DENSE), sj_machine_name(SJ_MACHINE_GATE), sj_machine_name(SJ_MACHINE_SKIP), NULL};
    read_name(c, out);
    sj_space_read(c, &out->space);
    const bool accel = sj_sweep_axis_gives(c, "accel"), machine = sj_sweep_axis_gives(c, "machine"), batch = sj_sweep_axis_gives(c, "batch");
    keep_line(c, "accel", accel ? SJ_OPTIONAL : SJ_REQUIRED, &out->accel);
    keep_line(c, "tech", SJ_OPTIONAL, &out->tech);
    read_lines(c, "set", 0, SJ_SWEEP_SETS_MAX, out->sets, &out->set_count);
    const int chosen = sj_config_enum(c, "machine", SJ_OPTIONAL, SJ_MACHINE_SKIP, machines);
    if (!machine) {
        keep(c, &out->machine, machines[chosen]);
    }
    read_step(c, out);
    const int64_t images = sj_config_int(c, "batch", SJ_OPTIONAL, 0, 1, SJ_SWEEP_BATCH_MAX);
    out->batch = batch ? 0 : images;
    sj_sweep_check_axes(c, out, machines);
    read_lines(c, "layers", 1, SJ_SWEEP_LAYERS_MAX, out->layers, &out->layer_count);
    read_phase(c, out);
    out->fuse = sj_config_bool(c, "fuse", SJ_OPTIONAL, true);
    out->quantise = sj_config_bool(c, "quantise", SJ_OPTIONAL, false);
    read_weights(c, out);
    read_constraints(c, out);
    read_objectives(c, out);
    sj_strategy_read(c, &out->strategy);
    out->strategy.objective_count = out->objective_count;
    memcpy(out->strategy.objectives, out->objectives, sizeof out->objectives);
    out->keep_layers = sj_config_bool(c, "store.layers", SJ_OPTIONAL, true);
    read_slurm(c, &out->slurm);
}

sj_status sj_sweep_config_open(const char *path, const char *const *overrides, int override_count, sj_sweep_config *out, sj_error *err) {
    *out = (sj_sweep_config){.path = NULL};
    sj_config *c;
    SJ_TRY(sj_config_open(path, &c, err));
    sj_status status = SJ_OK;
    for (int i = 0; i < override_count && status == SJ_OK; i++) {
        status = sj_config_override(c, overrides[i], err);
    }
    if (status == SJ_OK) {
        keep(c, &out->path, path);
        read_all(c, out);
        status = sj_config_finish(c, err);
    }
    if (status == SJ_OK) {
        status = sj_config_text(c, &out->text, err);
    }
    sj_config_close(c);
    if (status != SJ_OK) {
        sj_sweep_config_close(out);
    }
    return status;
}

static void free_all(char **texts, int count) {
    for (int i = 0; i < count; i++) {
        free(texts[i]);
    }
}

void sj_sweep_config_close(sj_sweep_config *c) {
    char *const single[] = {c->path, c->text, c->accel, c->tech, c->machine, c->step, c->phase, c->slurm.partition, c->slurm.account, c->slurm.time};
    for (size_t i = 0; i < sizeof single / sizeof *single; i++) {
        free(single[i]);
    }
    free_all(c->sets, c->set_count);
    free_all(c->layers, c->layer_count);
    free_all(c->slurm.options, c->slurm.option_count);
    for (int i = 0; i < c->constraint_count; i++) {
        sj_expr_free(c->constraints[i]);
    }
    sj_space_free(&c->space);
    *c = (sj_sweep_config){.path = NULL};
}
