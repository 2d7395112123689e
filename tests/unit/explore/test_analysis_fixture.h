// SPDX-License-Identifier: Apache-2.0
// A sweep made by hand: axes, what it is about, and points.
#ifndef TEST_ANALYSIS_FIXTURE_H
#define TEST_ANALYSIS_FIXTURE_H

#include <math.h>

#include "analysis_internal.h"
#include "sj_test.h"

typedef struct sweep {
    sj_space space;
    sj_sweep_trace trace;
    sj_sweep_about about;
    sj_point_result *points;
    int64_t count;
} sweep;

static inline char *copy_of(const char *text) {
    char *copy = strdup(text);
    assert_non_null(copy);
    return copy;
}

// An axis of one path, whose values are these labels; numeric where all of them are numbers.
static inline void add_axis(sweep *s, const char *name, int count, const char *const *labels) {
    sj_axis *a = &s->space.axes[s->space.axis_count++];
    *a = (sj_axis){.name = copy_of(name), .path_count = 1, .value_count = count, .numeric = true};
    a->paths[0] = copy_of(name);
    a->values = calloc((size_t)count, sizeof *a->values);
    a->labels = calloc((size_t)count, sizeof *a->labels);
    a->numbers = calloc((size_t)count, sizeof *a->numbers);
    for (int v = 0; v < count; v++) {
        char *rest;
        a->numbers[v] = strtod(labels[v], &rest);
        a->numeric = a->numeric && *rest == '\0';
        a->labels[v] = copy_of(labels[v]);
        a->values[v] = copy_of(labels[v]);
    }
    if (!a->numeric) {
        free(a->numbers);
        a->numbers = NULL;
    }
    s->space.size = (s->space.size == 0 ? 1 : s->space.size) * (uint64_t)count;
}

static inline void add_numbers(sweep *s, const char *name, int count) {
    char texts[128][24];
    const char *labels[128];
    assert_true(count <= 128);
    for (int v = 0; v < count; v++) {
        snprintf(texts[v], sizeof texts[v], "%d", 4 * v + 4);
        labels[v] = texts[v];
    }
    add_axis(s, name, count, labels);
}

// Behind the axes: every point of the space, valid, all its values 1.
static inline void fill(sweep *s) {
    s->trace = (sj_sweep_trace){.path = "resnet18.h5", .hash = "0123456789abcdef", .weight = 2.0, .describe = "resnet18, plain on cifar10: train step 1171, batch 16"};
    s->about = (sj_sweep_about){.name = "sizes", .version = "0.1.0", .config = "", .identity = "feed", .space = &s->space, .trace_count = 1, .traces = &s->trace, .total = s->space.size};
    s->about.objective_count = 2;
    s->about.objectives[0] = SJ_SWEEP_energy_pj;
    s->about.objectives[1] = SJ_SWEEP_cycles;
    s->count = (int64_t)s->space.size;
    s->points = calloc((size_t)s->count, sizeof *s->points);
    assert_non_null(s->points);
    for (int64_t i = 0; i < s->count; i++) {
        s->points[i].id = (uint64_t)i;
        s->points[i].valid = true;
        for (int v = 0; v < SJ_SWEEP_VALUE_COUNT; v++) {
            s->points[i].values[v] = 1.0;
        }
    }
}

static inline void set_invalid(sj_point_result *p, const char *reason) {
    p->valid = false;
    snprintf(p->reason, sizeof p->reason, "%s", reason);
    memset(p->values, 0, sizeof p->values);
}

// Only every so many points, by chance: at least one.
static inline void sample(sweep *s, sj_random *r, double density) {
    int64_t kept = 0;
    for (int64_t i = 0; i < s->count; i++) {
        if (sj_random_unit(r) < density || (kept == 0 && i + 1 == s->count)) {
            s->points[kept++] = s->points[i];
        }
    }
    s->count = kept;
}

static inline void set_values(sweep *s, int value, const double *values) {
    for (int64_t i = 0; i < s->count; i++) {
        s->points[i].values[value] = values[i];
    }
}

static inline void sweep_free(sweep *s) {
    for (int i = 0; i < s->space.axis_count; i++) {
        sj_axis *a = &s->space.axes[i];
        for (int v = 0; v < a->value_count * a->path_count; v++) {
            free(a->values[v]);
        }
        for (int v = 0; v < a->value_count; v++) {
            free(a->labels[v]);
        }
        for (int p = 0; p < a->path_count; p++) {
            free(a->paths[p]);
        }
        free(a->values);
        free(a->labels);
        free(a->numbers);
        free(a->name);
    }
    free(s->points);
    *s = (sweep){0};
}

static inline void analyse_with(const sweep *s, const sj_analysis_options *options, sj_analysis *a) {
    sj_error err;
    if (sj_analyse_points(&s->about, s->points, s->count, options, a, &err) != SJ_OK) {
        fail_msg("%s", err.message);
    }
}

static inline void analyse(const sweep *s, sj_analysis *a) { analyse_with(s, &(sj_analysis_options){0}, a); }

// The one of an axis on an objective.
static inline const sj_sensitivity *sensitivity(const sj_analysis *a, int axis, int objective) {
    for (int i = 0; i < a->sensitivity_count; i++) {
        if (a->sensitivities[i].axis == axis && a->sensitivities[i].objective == objective) {
            return &a->sensitivities[i];
        }
    }
    fail_msg("no sensitivity of axis %d on %s", axis, sj_sweep_value_names[objective]);
    return NULL;
}

static inline void assert_near(double got, double wanted, double tolerance) {
    if (!(fabs(got - wanted) <= tolerance)) {
        fail_msg("%.17g, not %.17g within %g", got, wanted, tolerance);
    }
}

#endif
