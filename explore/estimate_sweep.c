// SPDX-License-Identifier: Apache-2.0
#include "sj_estimate_sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sj_config.h"
#include "sj_hash.h"
#include "sj_random.h"

// A feature: a path of an axis as a number, or one value of an axis.
typedef struct column {
    int axis, path, value;  // value -1: the path's number
    bool logarithm;
} column;

typedef struct sweep_columns {
    const sj_space *space;
    int count;
    column columns[SJ_FEATURES_MAX];
} sweep_columns;

static bool number_at(const sj_axis *axis, int value, int path, double *out) {
    const char *text = axis->values[value * axis->path_count + path];
    char *end;
    *out = strtod(text, &end);
    return end != text && strspn(end, "L") == strlen(end) && isfinite(*out);
}

static sj_status add_column(sj_estimate_data *d, sweep_columns *c, column made, const char *format_a, const char *format_b, sj_error *err) {
    if (c->count == SJ_FEATURES_MAX) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "the sweep's axes make more than %d features", SJ_FEATURES_MAX);
    }
    if (snprintf(d->feature_names[c->count], SJ_FEATURE_NAME, "%s%s", format_a, format_b) >= SJ_FEATURE_NAME) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "the sweep's axis %s has a value of more than %d characters", c->space->axes[made.axis].name, SJ_FEATURE_NAME - 1);
    }
    c->columns[c->count++] = made;
    return SJ_OK;
}

static sj_status add_axis(sj_estimate_data *d, sweep_columns *c, int a, sj_error *err) {
    const sj_axis *axis = &c->space->axes[a];
    bool texts = false;
    for (int p = 0; p < axis->path_count; p++) {
        bool numbers = true, positive = true;
        double number;
        for (int v = 0; v < axis->value_count; v++) {
            numbers = numbers && number_at(axis, v, p, &number);
            positive = positive && numbers && number > 0.0;
        }
        texts = texts || !numbers;
        if (numbers) {
            SJ_TRY(add_column(d, c, (column){a, p, -1, positive}, positive ? "log2 " : "", axis->paths[p], err));
        }
    }
    for (int v = 0; texts && v < axis->value_count; v++) {
        char name[2 * SJ_FEATURE_NAME];
        snprintf(name, sizeof name, "%s=", axis->name);
        SJ_TRY(add_column(d, c, (column){a, 0, v, false}, name, axis->labels[v], err));
    }
    return SJ_OK;
}

static double value_of(const sweep_columns *c, int j, const int32_t *index) {
    const column *of = &c->columns[j];
    double number = 0.0;
    if (of->value >= 0) {
        return index[of->axis] == of->value ? 1.0 : 0.0;
    }
    (void)number_at(&c->space->axes[of->axis], index[of->axis], of->path, &number);
    return of->logarithm ? log2(number) : number;
}

typedef struct taker {
    sj_estimate_data *d;
    const sweep_columns *columns;
} taker;

static sj_status take_point(void *context, const sj_point_result *point, sj_error *err) {
    const taker *t = context;
    int32_t index[SJ_AXES_MAX];
    char label[1024];
    if (!point->valid) {
        return SJ_OK;
    }
    if (!(point->values[SJ_SWEEP_energy_pj] > 0.0)) {
        return SJ_FAIL(err, SJ_ERR_RANGE, "point %llu of the sweep takes %g pJ, not more than 0", (unsigned long long)point->id, point->values[SJ_SWEEP_energy_pj]);
    }
    SJ_TRY(sj_estimate_data_room(t->d, err));
    sj_space_describe(t->columns->space, point->id, label, sizeof label);
    sj_space_indexes(t->columns->space, point->id, index);
    sj_estimate_run r = {.label = strdup(label), .training_key = point->id, .training = t->d->count, .energy_pj = point->values[SJ_SWEEP_energy_pj], .accuracy = (double)NAN, .macro_f1 = (double)NAN,
                         .facts = true, .flops = 1.0, .samples = 1.0};
    if (r.label == NULL) {
        return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for a point's name");
    }
    for (int j = 0; j < t->columns->count; j++) {
        r.features[j] = value_of(t->columns, j, index);
    }
    t->d->runs[t->d->count++] = r;
    return SJ_OK;
}

// What stands at a path of the sweep's file, and below it.
static uint64_t hash_value(uint64_t h, const sj_config *c, const char *path) {
    const sj_config_value v = sj_config_peek(c, path);
    h = sj_hash_bytes(h, path, strlen(path) + 1);
    h = sj_hash_bytes(h, &v.type, sizeof v.type);
    switch (v.type) {
        case SJ_PEEK_NUMBER: return sj_hash_bytes(h, &v.number, sizeof v.number);
        case SJ_PEEK_BOOL: return sj_hash_bytes(h, v.truth ? "1" : "0", 1);
        case SJ_PEEK_TEXT: return sj_hash_bytes(h, v.text, strlen(v.text) + 1);
        default: break;
    }
    for (int i = 0; v.type == SJ_PEEK_AGGREGATE && sj_config_child_name(c, path, i) != NULL; i++) {
        char item[64];
        snprintf(item, sizeof item, "%s.[%d]", path, i);
        h = hash_value(h, c, item);
    }
    return h;
}

// What the sweep holds fixed, where it is no axis.
static sj_status hash_fixed(const sj_sweep_about *about, uint64_t *h, sj_error *err) {
    static const char *const keys[] = {"accel", "tech", "set", "machine", "step", "batch", "layers", "phase", "fuse", "quantise"};
    sj_config *c;
    SJ_TRY(sj_config_parse(about->config, "the sweep's file", &c, err));
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        *h = sj_space_find(about->space, keys[i]) >= 0 ? *h : hash_value(*h, c, keys[i]);
    }
    sj_config_close(c);
    return SJ_OK;
}

// The order in which traces are listed is left out.
static sj_status name_workload(sj_estimate_data *d, const sj_sweep_about *about, sj_error *err) {
    uint64_t traces = 0, h = SJ_HASH_START;
    for (int i = 0; i < about->trace_count; i++) {
        const sj_sweep_trace *t = &about->traces[i];
        uint64_t one = sj_hash_bytes(SJ_HASH_START, t->hash, strlen(t->hash));
        one = sj_hash_bytes(one, t->describe, strlen(t->describe) + 1);
        traces += sj_hash_bytes(one, &t->weight, sizeof t->weight);
    }
    h = sj_hash_bytes(h, &traces, sizeof traces);
    SJ_TRY(hash_fixed(about, &h, err));
    snprintf(d->workload, sizeof d->workload, "%016llx", (unsigned long long)h);
    return SJ_OK;
}

sj_status sj_estimate_data_add_sweep(sj_estimate_data *d, sj_store *store, sj_error *err) {
    sweep_columns c = {.space = sj_store_about(store)->space};
    for (int a = 0; a < c.space->axis_count; a++) {
        SJ_TRY(add_axis(d, &c, a, err));
    }
    d->feature_count = c.count;
    SJ_TRY(name_workload(d, sj_store_about(store), err));
    SJ_TRY(sj_store_each(store, take_point, &(taker){d, &c}, err));
    d->training_count = d->count;
    d->network_count = d->machine_count = 1;
    return d->count > 0 ? SJ_OK : SJ_FAIL(err, SJ_ERR_RANGE, "%s: it has no valid point", sj_store_path(store));
}

int sj_estimate_sample(const sj_estimate_data *d, int wanted, uint64_t seed, bool *chosen, int *rows) {
    sj_random r = sj_random_stream(seed, 0x73616d70);
    int left = wanted, count = 0;
    for (int i = 0; i < d->count; i++) {  // each of the runs that are left is as likely as any other
        chosen[i] = sj_random_below(&r, (uint64_t)(d->count - i)) < (uint64_t)left;
        if (chosen[i]) {
            rows[count++] = i;
            left--;
        }
    }
    return count;
}
