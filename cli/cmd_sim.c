// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "sj_cli.h"
#include "sj_file.h"
#include "sj_sim.h"

#define RUNS_MAX 4096
#define EVAL_BATCH_SMALL 1
#define EVAL_BATCH_LARGE 128

typedef struct run_list {
    sj_stats *runs;
    int count;
} run_list;

static sj_status check_mode(const sj_sim_options *o, const sj_step_info *step, sj_error *err) {
    if (o->no_fuse && step->mode == SJ_MODE_TRAIN) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "--no-fuse: step %lld is a training step, which fuses nothing; it goes with an inference (--step last-eval)", (long long)step->number);
    }
    if ((o->timeline != NULL || o->wave != NULL) && step->mode == SJ_MODE_EVAL && o->batch == 0) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "%s shows one batch, but an inference is simulated at %d and %d; choose one with --batch", o->timeline != NULL ? "--timeline" : "--wave",
                       EVAL_BATCH_SMALL, EVAL_BATCH_LARGE);
    }
    return SJ_OK;
}

static sj_status run_batches(sj_sim_session *s, int step_index, run_list *list, sj_error *err) {
    const sj_step_info *step = sj_trace_get_step(s->trace, step_index);
    SJ_TRY(check_mode(s->o, step, err));
    int64_t batches[2] = {s->o->batch, 0};
    int count = 1;
    if (s->o->batch == 0 && step->mode == SJ_MODE_TRAIN) {
        batches[0] = sj_trace_get_meta(s->trace)->batch_size;
    } else if (s->o->batch == 0) {
        batches[0] = EVAL_BATCH_SMALL;
        batches[1] = EVAL_BATCH_LARGE;
        count = 2;
    }
    for (int b = 0; b < count; b++) {
        SJ_TRY(sj_sim_run_step(s, step_index, batches[b], false, &list->runs[list->count++], err));
    }
    return SJ_OK;
}

static sj_status run_steps(sj_sim_session *s, run_list *list, sj_error *err) {
    int first = 0, steps = sj_trace_step_count(s->trace);
    if (!s->o->all_steps) {
        SJ_TRY(sj_selection_step("--step", s->trace, s->o->step, &first, err));
        steps = 1;
    }
    if (steps == 0 || steps > RUNS_MAX) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "%s: %d steps; allowed: 1 to %d", s->o->trace, steps, RUNS_MAX);
    }
    void *memory;
    SJ_TRY(sj_alloc(&memory, 2 * (uint64_t)steps, sizeof(sj_stats), "the results", err));
    list->runs = memory;
    for (int i = 0; i < steps; i++) {
        SJ_TRY(run_batches(s, first + i, list, err));
    }
    return SJ_OK;
}

static sj_status print_runs(const sj_sim_options *o, const run_list *list, sj_error *err) {
    if (o->json) {
        return sj_stats_write_json(stdout, list->runs, list->count, err);
    }
    for (int i = 0; i < list->count; i++) {
        if (i > 0) {
            fputc('\n', stdout);
        }
        sj_sim_print_head(&list->runs[i]);
        SJ_TRY(sj_stats_print(stdout, &list->runs[i], err));
    }
    return SJ_OK;
}

// Before any work is done: outputs that cannot be, and a machine that cannot do what is asked.
static sj_status check_request(const sj_sim_options *o, const sj_accel *accel, sj_error *err) {
    if (o->run_dir != NULL) {
        SJ_TRY(sj_run_check(o->run_dir, o->force, err));
    }
    const char *const files[] = {o->timeline, o->wave};
    for (int i = 0; i < 2; i++) {
        if (files[i] != NULL && !o->force && sj_path_exists(files[i])) {
            return SJ_FAIL(err, SJ_ERR_EXISTS, "%s: it exists; --force replaces it", files[i]);
        }
    }
    if (o->quantise && accel->dtype != SJ_DTYPE_INT8) {
        return SJ_FAIL(err, SJ_ERR_USAGE, "--quantise: the accelerator \"%s\" has dtype \"bf16\"; it goes with an int8 machine (--set dtype=int8)", accel->name);
    }
    return SJ_OK;
}

static sj_status simulate(sj_sim_session *s, run_list *list, sj_error *err) {
    const sj_sim_options *o = s->o;
    SJ_TRY(check_request(o, &s->setup->accel, err));
    SJ_TRY(sj_trace_open(o->trace, &s->trace, err));
    SJ_TRY(sj_sim_check_layers(s->o, s->trace, err));
    SJ_TRY(sj_selection_check_pins(&s->setup->accel, s->trace, err));
    if (o->whole_run) {
        return sj_sim_whole_run(s, err);
    }
    SJ_TRY(run_steps(s, list, err));
    if (o->run_dir != NULL) {
        SJ_TRY(sj_run_write(o->run_dir, o->force, s->setup, list->runs, list->count, err));
    }
    return o->explain_mapping ? SJ_OK : print_runs(o, list, err);
}

sj_status sj_cmd_sim(int argc, char **argv, sj_error *err) {
    sj_sim_options o;
    SJ_TRY(sj_sim_parse(argc, argv, &o, err));
    if (o.help) {
        fputs(sj_sim_help, stdout);
        return SJ_OK;
    }
    sj_machine_setup setup;
    sj_sim_session s = {.o = &o, .setup = &setup};
    run_list list = {NULL, 0};
    sj_status status = sj_machine_open(&o.machine, "sim", &setup, err);
    status = status == SJ_OK ? simulate(&s, &list, err) : status;
    for (int i = 0; i < list.count; i++) {
        sj_stats_free(&list.runs[i]);
    }
    free(list.runs);
    sj_trace_close(s.trace);
    sj_machine_close(&setup);
    return status;
}
