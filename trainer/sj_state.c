// SPDX-License-Identifier: Apache-2.0
#include "sj_state.h"

#include <stdio.h>
#include <string.h>

#define SECTION_PREFIX "model/"

// What is done with each array of a model, in the model's order.
typedef sj_status (*visitor)(void *context, const char *section, float *values, int64_t count, sj_error *err);

static sj_status visit(visitor each, void *context, const sj_layer *l, const char *name, const char *suffix, float *values, int64_t count, sj_error *err) {
    char section[SJ_CHECKPOINT_NAME_MAX];
    (void)snprintf(section, sizeof section, SECTION_PREFIX "%s/%s%s", l->info->name, name, suffix);
    return values != NULL ? each(context, section, values, count, err) : SJ_OK;
}

static sj_status visit_model(const sj_model *m, visitor each, void *context, sj_error *err) {
    for (int i = 0; i < m->layer_count; i++) {
        const sj_layer *l = &m->layers[i];
        for (int j = 0; j < l->param_count; j++) {
            const sj_param *p = &l->params[j];
            SJ_TRY(visit(each, context, l, p->name, "", p->value, p->count, err));
            SJ_TRY(visit(each, context, l, p->name, ".state0", p->state[0], p->count, err));
            SJ_TRY(visit(each, context, l, p->name, ".state1", p->state[1], p->count, err));
        }
        SJ_TRY(visit(each, context, l, "running_mean", "", l->running_mean, l->info->in.c, err));
        SJ_TRY(visit(each, context, l, "running_variance", "", l->running_variance, l->info->in.c, err));
    }
    return SJ_OK;
}

static sj_status add(void *context, const char *section, float *values, int64_t count, sj_error *err) {
    return sj_checkpoint_add(context, section, values, (size_t)count * sizeof *values, err);
}

typedef struct reading {
    const sj_checkpoint *checkpoint;
    int64_t met;
} reading;

static sj_status look(void *context, const char *section, float *values, int64_t count, sj_error *err) {
    reading *r = context;
    const int64_t bytes = count * (int64_t)sizeof *values, there = sj_checkpoint_size(r->checkpoint, section);
    r->met++;
    // sj_checkpoint_get says what is wrong before it copies anything.
    return there == bytes ? SJ_OK : sj_checkpoint_get(r->checkpoint, section, values, (size_t)bytes, err);
}

static sj_status get(void *context, const char *section, float *values, int64_t count, sj_error *err) {
    return sj_checkpoint_get(((reading *)context)->checkpoint, section, values, (size_t)count * sizeof *values, err);
}

static sj_status check_rest(const sj_checkpoint *c, int64_t met, sj_error *err) {
    int64_t there = 0;
    for (int64_t i = 0; i < sj_checkpoint_count(c); i++) {
        there += strncmp(sj_checkpoint_name(c, i), SECTION_PREFIX, strlen(SECTION_PREFIX)) == 0;
    }
    return there == met ? SJ_OK
                        : SJ_FAIL(err, SJ_ERR_FORMAT, "%s: it holds %lld arrays of a model, and this network has %lld: it was written for another network or optimizer", sj_checkpoint_path(c),
                                  (long long)there, (long long)met);
}

sj_status sj_state_add_model(sj_checkpoint_writer *w, const sj_model *m, sj_error *err) { return visit_model(m, add, w, err); }

sj_status sj_state_get_model(const sj_checkpoint *c, sj_model *m, sj_error *err) {
    reading r = {c, 0};
    SJ_TRY(visit_model(m, look, &r, err));
    SJ_TRY(check_rest(c, r.met, err));
    return visit_model(m, get, &r, err);
}
