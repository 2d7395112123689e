// SPDX-License-Identifier: Apache-2.0
// Products for the mapper's tests: all jobs of a random layer, and the jobs of a network's shapes whose tensors have no values at all.
#ifndef SJ_TEST_MAP_CASES_H
#define SJ_TEST_MAP_CASES_H

#include "sj_map.h"
#include "sj_test_layer.h"

enum { MAP_JOBS_MAX = 16 };

typedef struct map_jobs {
    int count;
    sj_job *job[MAP_JOBS_MAX];
} map_jobs;

static inline void map_jobs_free(map_jobs *j) {
    for (int i = 0; i < j->count; i++) {
        sj_job_free(j->job[i]);
    }
    j->count = 0;
}

// Forward, input gradient and weight gradient of a layer; products that the machine refuses are left out.
static inline map_jobs map_jobs_of(const sj_accel *accel, const sj_conv_case *layer, const sj_plane *output, const sj_plane *input) {
    map_jobs out = {0};
    sj_error err = {0};
    sj_conv_case c = *layer;
    c.result = *output;
    out.count += sj_lower_forward(accel, &c, &out.job[out.count], &err) == SJ_OK;
    c.result = *input;
    sj_job **phases = NULL;
    int count = 0;
    if (sj_lower_grad_input(accel, &c, &phases, &count, &err) == SJ_OK) {
        for (int i = 0; i < count; i++) {
            out.job[out.count++] = phases[i];
        }
        free(phases);
    }
    c.result = (sj_plane){NULL, layer->info->in};
    out.count += sj_lower_grad_weight(accel, &c, &out.job[out.count], &err) == SJ_OK;
    return out;
}

static inline map_jobs map_jobs_of_layer(const sj_accel *accel, const sj_test_layer *t) {
    const sj_conv_case c = sj_test_layer_case(t);
    return map_jobs_of(accel, &c, &(sj_plane){&t->dy, t->info.out}, &(sj_plane){&t->dx, t->info.in});
}

static inline sj_accel map_accel(const char *name) {
    char path[512];
    sj_error err = {0};
    sj_config *c = NULL;
    sj_accel accel;
    snprintf(path, sizeof path, "%s/configs/accel/%s.cfg", SJ_SOURCE_DIR, name);
    assert_int_equal(sj_config_open(path, &c, &err), SJ_OK);
    sj_accel_read(c, &accel);
    assert_int_equal(sj_config_finish(c, &err), SJ_OK);
    sj_config_close(c);
    return accel;
}

#endif
