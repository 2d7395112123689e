// SPDX-License-Identifier: Apache-2.0
#include "sj_gradsamp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sj_file.h"
#include "sj_random.h"

// Streams of the run's seed, far from the small numbers that the rest of the trainer takes.
#define STREAM_SKIP (UINT64_C(0x6753) << 48)
#define STREAM_SAMPLE (UINT64_C(0x6754) << 48)

enum { BLOCK = 4096 };  // values of one stream; even, and a part of the result's bits

typedef struct normal {
    double mean, deviation;
} normal;

sj_status sj_gradsamp_create(const sj_gradsamp_array *arrays, int array_count, sj_gradsamp_state *out, sj_error *err) {
    memset(out, 0, sizeof *out);
    for (int i = 0; i < array_count; i++) {
        out->count += arrays[i].count;
    }
    const uint64_t count = out->count > 0 ? (uint64_t)out->count : 1;
    sj_status status = sj_alloc((void **)&out->last, count, sizeof *out->last, "the parameters after the last epoch", err);
    if (status == SJ_OK) {
        status = sj_alloc((void **)&out->before, count, sizeof *out->before, "the parameters after the epoch before", err);
    }
    if (status != SJ_OK) {
        sj_gradsamp_free(out);
    }
    return status;
}

void sj_gradsamp_free(sj_gradsamp_state *s) {
    free(s->last);
    free(s->before);
    memset(s, 0, sizeof *s);
}

bool sj_gradsamp_skips(const sj_gradsamp *g, uint64_t seed, int64_t epoch, int64_t real_epochs) {
    if (!g->on || real_epochs < 2) {
        return false;
    }
    if (g->schedule == SJ_GRADSAMP_PERIODIC) {
        return (epoch + 1) % g->period == 0;
    }
    sj_random r = sj_random_stream(seed, STREAM_SKIP + (uint64_t)epoch);
    return sj_random_unit(&r) < g->probability;
}

void sj_gradsamp_record(sj_gradsamp_state *s, const sj_gradsamp_array *arrays, int array_count) {
    float *oldest = s->before;
    s->before = s->last;
    s->last = oldest;
    for (int i = 0; i < array_count; i++) {
        memcpy(oldest, arrays[i].value, (size_t)arrays[i].count * sizeof *oldest);
        oldest += arrays[i].count;
    }
}

static bool moves(const sj_gradsamp *g, const sj_gradsamp_array *a) { return !a->norm || g->norm == SJ_GRADSAMP_NORM_SAMPLE; }

// The normal distribution of the last step over the arrays first .. first + count - 1, of which `offset` values come before. Two passes: a deviation far below the mean keeps its digits.
static normal fit(const sj_gradsamp *g, const sj_gradsamp_state *s, const sj_gradsamp_array *arrays, int first, int count, int64_t offset) {
    double sum = 0.0, squares = 0.0;
    int64_t values = 0;
    for (int pass = 0; pass < 2; pass++) {
        const double mean = values > 0 ? sum / (double)values : 0.0;
        int64_t at = offset;
        for (int i = first; i < first + count; at += arrays[i++].count) {
            if (!moves(g, &arrays[i])) {
                continue;
            }
            for (int64_t j = at; j < at + arrays[i].count; j++) {
                const double step = (double)s->last[j] - (double)s->before[j];
                if (pass == 0) {
                    sum += step;
                } else {
                    squares += (step - mean) * (step - mean);
                }
            }
            values += pass == 0 ? arrays[i].count : 0;
        }
    }
    return values > 0 ? (normal){sum / (double)values, sqrt(squares / (double)values)} : (normal){0.0, 0.0};
}

// Box and Muller (1958): two uniform numbers give two independent normal ones.
static void add_normals(sj_random r, normal n, int64_t count, float *value) {
    const double turn = 6.28318530717958647692;
    for (int64_t i = 0; i < count; i += 2) {
        const double radius = n.deviation * sqrt(-2.0 * log(1.0 - sj_random_unit(&r)));  // of a number in (0, 1]
        const double angle = turn * sj_random_unit(&r);
        value[i] += (float)(n.mean + radius * cos(angle));
        if (i + 1 < count) {
            value[i + 1] += (float)(n.mean + radius * sin(angle));
        }
    }
}

// Each block of an array has a stream of its own, so that threads do not matter.
static void sample_array(const sj_gradsamp_array *a, normal n, uint64_t seed) {
    const int64_t blocks = (a->count + BLOCK - 1) / BLOCK;
#pragma omp parallel for schedule(static)
    for (int64_t b = 0; b < blocks; b++) {
        const int64_t first = b * BLOCK, rest = a->count - first;
        add_normals(sj_random_stream(seed, (uint64_t)b), n, rest < BLOCK ? rest : BLOCK, a->value + first);
    }
}

// Number of arrays from `first` on that share a distribution.
static int group_of(const sj_gradsamp *g, const sj_gradsamp_array *arrays, int array_count, int first) {
    if (g->fit == SJ_GRADSAMP_GLOBAL) {
        return array_count - first;
    }
    int count = 1;
    while (g->fit == SJ_GRADSAMP_LAYER && first + count < array_count && arrays[first + count].layer == arrays[first].layer) {
        count++;
    }
    return count;
}

void sj_gradsamp_sample(const sj_gradsamp *g, const sj_gradsamp_state *s, uint64_t seed, int64_t epoch, const sj_gradsamp_array *arrays, int array_count) {
    sj_random seeds = sj_random_stream(seed, STREAM_SAMPLE + (uint64_t)epoch);
    int64_t offset = 0;
    for (int first = 0; first < array_count;) {
        const int count = group_of(g, arrays, array_count, first);
        const normal n = fit(g, s, arrays, first, count, offset);
        for (int i = first; i < first + count; i++) {
            const uint64_t own = sj_random_u64(&seeds);
            if (moves(g, &arrays[i])) {
                sample_array(&arrays[i], n, own);
            }
            offset += arrays[i].count;
        }
        first += count;
    }
}
