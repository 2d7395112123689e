// SPDX-License-Identifier: Apache-2.0
// Whether two sweeps are the same, and if not, the first thing in which they differ. Names, objectives, totals and paths of traces may differ.
#include <string.h>

#include "store_internal.h"

#define DIFFERS(text, size, ...) ((void)snprintf((text), (size), __VA_ARGS__), SJ_OTHER_SWEEP)

static bool has_hash(const sj_sweep_about *about, const char *hash) {
    bool found = false;
    for (int t = 0; t < about->trace_count; t++) {
        found |= strcmp(about->traces[t].hash, hash) == 0;
    }
    return found;
}

static sj_store_difference compare_traces(const sj_sweep_about *there, const sj_sweep_about *here, int *trace, char *text, size_t size) {
    if (there->trace_count != here->trace_count) {
        return DIFFERS(text, size, "%d trace%s there, %d here", there->trace_count, there->trace_count == 1 ? "" : "s", here->trace_count);
    }
    for (int t = 0; t < there->trace_count; t++) {
        const sj_sweep_trace *a = &there->traces[t], *b = &here->traces[t];
        if (strcmp(a->hash, b->hash) != 0 && has_hash(there, b->hash) && has_hash(here, a->hash)) {
            return DIFFERS(text, size, "its traces stand in another order: trace %d is %s there, %s here", t + 1, a->path, b->path);
        }
        if (strcmp(a->hash, b->hash) != 0) {
            *trace = t;
            return SJ_OTHER_CONTENT;
        }
        if (a->weight < b->weight || a->weight > b->weight) {
            return DIFFERS(text, size, "the weight of trace %s is %g there, %g here", b->path, a->weight, b->weight);
        }
    }
    return SJ_SAME_SWEEP;
}

// The paths and values of one axis.
static sj_store_difference compare_axis(const sj_axis *a, const sj_axis *b, char *text, size_t size) {
    if (a->path_count != b->path_count) {
        return DIFFERS(text, size, "axis %s sets %d path%s there, %d here", a->name, a->path_count, a->path_count == 1 ? "" : "s", b->path_count);
    }
    for (int p = 0; p < a->path_count; p++) {
        if (strcmp(a->paths[p], b->paths[p]) != 0) {
            return DIFFERS(text, size, "axis %s sets %s there, %s here", a->name, a->paths[p], b->paths[p]);
        }
    }
    if (a->value_count != b->value_count) {
        return DIFFERS(text, size, "axis %s has %d value%s there, %d here", a->name, a->value_count, a->value_count == 1 ? "" : "s", b->value_count);
    }
    for (int64_t i = 0; i < (int64_t)a->value_count * a->path_count; i++) {
        if (strcmp(a->values[i], b->values[i]) != 0) {
            return DIFFERS(text, size, "value %lld of axis %s is %s there, %s here", (long long)(i / a->path_count + 1), a->name, a->values[i], b->values[i]);
        }
    }
    return SJ_SAME_SWEEP;
}

static sj_store_difference compare_axes(const sj_space *there, const sj_space *here, char *text, size_t size) {
    if (there->axis_count != here->axis_count) {
        return DIFFERS(text, size, "%d %s there, %d here", there->axis_count, there->axis_count == 1 ? "axis" : "axes", here->axis_count);
    }
    for (int i = 0; i < there->axis_count; i++) {
        if (strcmp(there->axes[i].name, here->axes[i].name) != 0) {
            return DIFFERS(text, size, "axis %d is %s there, %s here", i + 1, there->axes[i].name, here->axes[i].name);
        }
        const sj_store_difference difference = compare_axis(&there->axes[i], &here->axes[i], text, size);
        if (difference != SJ_SAME_SWEEP) {
            return difference;
        }
    }
    return SJ_SAME_SWEEP;
}

sj_store_difference sj_store_compare(const sj_sweep_about *there, const sj_sweep_about *here, int *trace, char *text, size_t size) {
    sj_store_difference difference = compare_traces(there, here, trace, text, size);
    difference = difference == SJ_SAME_SWEEP ? compare_axes(there->space, here->space, text, size) : difference;
    if (difference == SJ_SAME_SWEEP && strcmp(there->identity, here->identity) != 0) {
        return DIFFERS(text, size, "its fixed settings, base files or constraints differ (identity %s there, %s here)", there->identity, here->identity);
    }
    return difference;
}
