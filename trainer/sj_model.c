// SPDX-License-Identifier: Apache-2.0
// Building, updating and freeing a model.
#include "sj_model.h"

#include <stdlib.h>
#include <string.h>

#include "sj_engine.h"
#include "sj_file.h"

static sj_status create(const sj_net *net, sj_dims input, const sj_model_options *options, bool dry, sj_model **out, sj_error *err) {
    sj_model *m;
    SJ_TRY(sj_alloc((void **)&m, 1, sizeof *m, "the model", err));
    *out = m;
    m->net = *net;
    m->layer_count = net->network.layer_count;
    m->input_dims = input;
    m->options = *options;
    m->batch = options->batch;
    m->input_nonzero = -1;
    SJ_TRY(sj_alloc((void **)&m->engine, 1, sizeof *m->engine, "the model", err));
    m->engine->dry = dry;
    return sj_engine_build(m, err);
}

sj_status sj_model_create(sj_net *net, sj_dims input, const sj_model_options *options, sj_model **out, sj_error *err) {
    sj_model *m = NULL;
    const sj_status status = create(net, input, options, false, &m, err);
    *out = status == SJ_OK ? m : NULL;
    if (m == NULL) {
        sj_net_free(net);
    } else if (status != SJ_OK) {
        sj_model_free(m);
    }
    memset(net, 0, sizeof *net);
    return status;
}

static void free_node(sj_node *n) {
    void *const all[] = {n->y, n->scale, n->shift, n->inverse_std, n->a_mean, n->b_mean, n->sums, n->mask, n->penalty_sums, n->kept_list};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        free(all[i]);
    }
    for (int j = 0; j < SJ_INPUTS_MAX; j++) {
        free(n->dx[j]);
    }
    for (int g = 0; g < SJ_GATHERED_MAX; g++) {
        sj_product_destroy(n->gathered[g].product);
    }
    sj_product_destroy(n->product);
}

static void free_layer(sj_layer *l) {
    for (int i = 0; i < l->param_count; i++) {
        free(l->params[i].value);
        free(l->params[i].grad);
        for (int s = 0; s < SJ_OPTIMIZER_STATES; s++) {
            free(l->params[i].state[s]);
        }
    }
    free(l->mean);
    free(l->variance);
    free(l->running_mean);
    free(l->running_variance);
    free(l->kept);
}

static void free_engine(sj_engine *e, int layer_count) {
    for (int i = 0; i < layer_count && e->nodes != NULL; i++) {
        free_node(&e->nodes[i]);
    }
    for (int i = 0; i < 2 * e->lanes && e->scratch != NULL; i++) {
        free(e->scratch[i]);
    }
    void *const all[] = {e->nodes, e->scratch, e->parents, e->pixels, e->chunks, e->values, e->gradients, e->unsorted, e->forward.ops, e->backward.ops, e->partials,
                         e->gathered_weights, e->gathered_grad, e->losses, e->correct, e->probabilities, e->input_penalty_sums, e};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        free(all[i]);
    }
}

// All but the network.
static void free_parts(sj_model *m) {
    for (int i = 0; i < m->layer_count && m->layers != NULL; i++) {
        free_layer(&m->layers[i]);
    }
    if (m->engine != NULL) {
        free_engine(m->engine, m->layer_count);
    }
    free(m->layers);
    free(m->input);
    free(m->labels);
}

void sj_model_free(sj_model *m) {
    if (m != NULL) {
        free_parts(m);
        sj_net_free(&m->net);
        free(m);
    }
}

sj_status sj_model_foresee_bytes(const sj_net *net, sj_dims input, const sj_model_options *options, int64_t *bytes, sj_error *err) {
    sj_model *m = NULL;
    const sj_status status = create(net, input, options, true, &m, err);
    if (status == SJ_OK) {
        *bytes = m->engine->bytes;
    }
    if (m != NULL) {
        free_parts(m);
        free(m);
    }
    return status;
}

void sj_model_swap_input(sj_model *m, void **input, uint16_t **labels) {
    void *const old_input = m->input;
    uint16_t *const old_labels = m->labels;
    m->input = *input;
    m->labels = *labels;
    *input = old_input;
    *labels = old_labels;
}

void sj_model_update(sj_model *m, const sj_optimizer_config *optimizer, double lr, int64_t step) {
    enum { BLOCK = 65536 };
    for (int i = 0; i < m->layer_count; i++) {
        for (int j = 0; j < m->layers[i].param_count; j++) {
            const sj_param *p = &m->layers[i].params[j];
            const double decay = optimizer->decay_norm || strcmp(p->name, "w") == 0 ? optimizer->weight_decay : 0.0;
            const int64_t blocks = (p->count + BLOCK - 1) / BLOCK;
#pragma omp parallel for schedule(static) if (blocks > 1)
            for (int64_t b = 0; b < blocks; b++) {
                const int64_t at = b * BLOCK, count = p->count - at < BLOCK ? p->count - at : BLOCK;
                float *state[SJ_OPTIMIZER_STATES];
                for (int s = 0; s < SJ_OPTIMIZER_STATES; s++) {
                    state[s] = p->state[s] != NULL ? p->state[s] + at : NULL;
                }
                sj_optimizer_apply(optimizer, lr, decay, step, count, p->value + at, p->grad + at, state);
            }
        }
    }
}
