// SPDX-License-Identifier: Apache-2.0
// Points become rows, rows a front and a best of each objective.
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis_internal.h"
#include "sj_file.h"
#include "sj_pareto.h"

static sj_status choose_objectives(const sj_sweep_about *about, const sj_analysis_options *options, sj_analysis *out, sj_error *err) {
    const bool own = options->objective_count == 0;
    const int *objectives = own ? about->objectives : options->objectives;
    out->objective_count = own ? about->objective_count : options->objective_count;
    if (out->objective_count < 1 || out->objective_count > SJ_SWEEP_VALUE_COUNT) {
        return SJ_FAIL(err, SJ_ERR_CONFIG, "%d objectives: a sweep is looked at by 1 to %d", out->objective_count, SJ_SWEEP_VALUE_COUNT);
    }
    for (int i = 0; i < out->objective_count; i++) {
        if (objectives[i] < 0 || objectives[i] >= SJ_SWEEP_VALUE_COUNT) {
            return SJ_FAIL(err, SJ_ERR_INTERNAL, "objective %d: there are values 0 to %d", objectives[i], SJ_SWEEP_VALUE_COUNT - 1);
        }
        for (int k = 0; k < i; k++) {
            if (objectives[k] == objectives[i]) {
                return SJ_FAIL(err, SJ_ERR_CONFIG, "objective %s is given twice", sj_sweep_value_names[objectives[i]]);
            }
        }
        out->objectives[i] = objectives[i];
    }
    return SJ_OK;
}

static sj_status keep_limits(const sj_analysis_options *options, sj_analysis *out, sj_error *err) {
    SJ_TRY(sj_alloc((void **)&out->limits, (uint64_t)options->limit_count + 1, sizeof *out->limits, "the limits' texts", err));
    out->limit_count = options->limit_count;
    for (int i = 0; i < options->limit_count; i++) {
        out->limits[i] = strdup(sj_expr_text(options->limits[i]));
        if (out->limits[i] == NULL) {
            return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for the limits' texts");
        }
    }
    return SJ_OK;
}

sj_status sj_analysis_begin(sj_analysis_builder *b, const sj_sweep_about *about, const sj_analysis_options *options, sj_analysis *out, sj_error *err) {
    *b = (sj_analysis_builder){.out = out};
    *out = (sj_analysis){.about = about};
    SJ_TRY(choose_objectives(about, options, out, err));
    SJ_TRY(sj_limits_open(&b->limits, options->limits, options->limit_count, about->space, err));
    return keep_limits(options, out, err);
}

static sj_status check_point(const sj_analysis_builder *b, const sj_point_result *p, sj_error *err) {
    const uint64_t size = b->out->about->space->size;
    if (p->id >= size) {
        return SJ_FAIL(err, SJ_ERR_FORMAT, "point %" PRIu64 ": the space has points 0 to %" PRIu64, p->id, size - 1);
    }
    if (p->id < b->next_id) {
        return SJ_FAIL(err, SJ_ERR_INTERNAL, "point %" PRIu64 " follows point %" PRIu64 ": an analysis takes points by ascending id", p->id, b->next_id - 1);
    }
    for (int v = 0; v < SJ_SWEEP_VALUE_COUNT && p->valid; v++) {
        if (!isfinite(p->values[v]) || p->values[v] < 0.0) {
            return SJ_FAIL(err, SJ_ERR_FORMAT, "point %" PRIu64 ": %s is %g: a valid point's values are numbers >= 0", p->id, sj_sweep_value_names[v], p->values[v]);
        }
    }
    return SJ_OK;
}

static sj_status add_row(sj_analysis_builder *b, const sj_point_result *p, sj_error *err) {
    sj_analysis *a = b->out;
    if (a->row_count == b->capacity) {
        const int64_t capacity = b->capacity == 0 ? 1024 : 2 * b->capacity;
        sj_analysis_row *larger = realloc(a->rows, (size_t)capacity * sizeof *larger);
        if (larger == NULL) {
            return SJ_FAIL(err, SJ_ERR_MEMORY, "no memory for %" PRId64 " points", capacity);
        }
        a->rows = larger;
        b->capacity = capacity;
    }
    sj_analysis_row *row = &a->rows[a->row_count++];
    row->id = p->id;
    memcpy(row->values, p->values, sizeof row->values);
    return SJ_OK;
}

sj_status sj_analysis_add(void *builder, const sj_point_result *p, sj_error *err) {
    sj_analysis_builder *b = builder;
    SJ_TRY(check_point(b, p, err));
    b->next_id = p->id + 1;
    b->out->points++;
    if (!p->valid) {
        return sj_reasons_add(&b->kinds, p->reason, err);
    }
    b->out->valid++;
    bool holds = false;
    SJ_TRY(sj_limits_hold(&b->limits, p, &holds, err));
    if (!holds) {
        return SJ_OK;
    }
    b->out->within++;
    return add_row(b, p, err);
}

// Is row x before row y by the objective `first` of the list, then the others, then the id?
static bool is_better(const sj_analysis *a, int64_t x, int64_t y, int first) {
    const double *u = a->rows[x].values, *v = a->rows[y].values;
    const int value = a->objectives[first];
    if (u[value] != v[value]) {
        return u[value] < v[value];
    }
    for (int i = 0; i < a->objective_count; i++) {
        const int other = a->objectives[i];
        if (u[other] != v[other]) {
            return u[other] < v[other];
        }
    }
    return a->rows[x].id < a->rows[y].id;
}

static void find_best(sj_analysis *a) {
    for (int i = 0; i < a->objective_count; i++) {
        a->best[i] = a->row_count > 0 ? 0 : -1;
        for (int64_t row = 0; row < a->row_count; row++) {
            a->best[i] = is_better(a, row, a->best[i], i) ? row : a->best[i];
            a->largest[i] = fmax(a->largest[i], a->rows[row].values[a->objectives[i]]);
        }
    }
}

static sj_status find_front(sj_analysis *a, sj_error *err) {
    const size_t wide = (size_t)a->objective_count;
    SJ_TRY(sj_alloc((void **)&a->front, (uint64_t)a->row_count + 1, sizeof *a->front, "the Pareto front", err));
    if (a->row_count == 0) {
        return SJ_OK;
    }
    double *vectors = NULL;
    SJ_TRY(sj_alloc((void **)&vectors, (uint64_t)a->row_count, wide * sizeof *vectors, "the points' objectives", err));
    for (int64_t row = 0; row < a->row_count; row++) {
        for (int i = 0; i < a->objective_count; i++) {
            vectors[(size_t)row * wide + (size_t)i] = a->rows[row].values[a->objectives[i]];
        }
    }
    const sj_status status = sj_pareto_front(vectors, a->row_count, a->objective_count, a->front, err);
    free(vectors);
    return status;
}

static sj_status compute(sj_analysis_builder *b, sj_error *err) {
    sj_analysis *a = b->out;
    SJ_TRY(sj_reasons_finish(&b->kinds, &a->reason_count, &a->reasons, err));
    a->full_grid = a->within == a->about->space->size;
    find_best(a);
    SJ_TRY(find_front(a, err));
    return sj_sensitivities(a, err);
}

sj_status sj_analysis_end(sj_analysis_builder *b, sj_status added, sj_error *err) {
    const sj_status status = added == SJ_OK ? compute(b, err) : added;
    sj_reasons_free(&b->kinds);
    sj_limits_close(&b->limits);
    if (status != SJ_OK) {
        sj_analysis_free(b->out);
    }
    return status;
}

sj_status sj_analyse_points(const sj_sweep_about *about, const sj_point_result *points, int64_t count, const sj_analysis_options *options, sj_analysis *out, sj_error *err) {
    sj_analysis_builder b;
    sj_status status = sj_analysis_begin(&b, about, options, out, err);
    for (int64_t i = 0; i < count && status == SJ_OK; i++) {
        status = sj_analysis_add(&b, &points[i], err);
    }
    return sj_analysis_end(&b, status, err);
}

sj_status sj_analyse(sj_store *store, const sj_analysis_options *options, sj_analysis *out, sj_error *err) {
    sj_analysis_builder b;
    sj_status status = sj_analysis_begin(&b, sj_store_about(store), options, out, err);
    if (status == SJ_OK) {
        status = sj_store_each(store, sj_analysis_add, &b, err);
    }
    return sj_analysis_end(&b, status, err);
}

void sj_analysis_free(sj_analysis *a) {
    for (int i = 0; i < a->limit_count; i++) {
        free(a->limits[i]);
    }
    for (int i = 0; i < a->reason_count; i++) {
        free(a->reasons[i].text);
    }
    for (int i = 0; i < a->sensitivity_count; i++) {
        free(a->sensitivities[i].means);
        free(a->sensitivities[i].counts);
    }
    free(a->limits);
    free(a->reasons);
    free(a->sensitivities);
    free(a->rows);
    free(a->front);
    *a = (sj_analysis){0};
}
