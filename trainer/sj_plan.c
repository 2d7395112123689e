// SPDX-License-Identifier: Apache-2.0
// What is stored, in which layout, what is fused, and who reads what.
#include <string.h>

#include "sj_engine.h"

static bool reads(const sj_layer_info *l, int from) {
    for (int j = 0; j < l->input_count; j++) {
        if (l->inputs[j] == from) {
            return true;
        }
    }
    return false;
}

// Do all readers of `from` (-1: of the input), also those behind layers that pass a tensor on as it lies, have one of the kinds in `ends`?
static bool ends_in(const sj_network *net, int from, uint32_t passes, uint32_t ends) {
    for (int i = from + 1; i < net->layer_count; i++) {
        const sj_layer_info *l = &net->layers[i];
        if (!reads(l, from) || (ends >> l->kind & 1U) != 0) {
            continue;
        }
        if ((passes >> l->kind & 1U) == 0 || !ends_in(net, i, passes, ends)) {
            return false;
        }
    }
    return true;
}

#define KIND(name) (1U << SJ_KIND_##name)

// A flattened tensor may keep its pixels apart where only linear layers care about places: batch norm would take its statistics over the wrong values, an add would meet another layout.
static bool flatten_passes(const sj_network *net, int layer, const sj_layout *in) {
    return in->dims.h * in->dims.w == 1 || ends_in(net, layer, KIND(FORK) | KIND(RELU) | KIND(DROPOUT) | KIND(FLATTEN), KIND(LINEAR));
}

int64_t sj_block_of(const sj_model *m, int64_t channels) {
    const int64_t block = m->options.block == 0 ? sj_cpu_block(m->options.native_bf16) : m->options.block;
    return block <= 0 ? channels : block;
}

// Few channels would be padded to a whole block: products read them plane by plane. Pools and adds want the layout of the others.
static void plan_input(sj_model *m) {
    const int64_t channels = m->input_dims.c, block = sj_block_of(m, channels);
    const bool planes = channels < block && ends_in(&m->net.network, -1, KIND(FORK) | KIND(RELU) | KIND(DROPOUT) | KIND(FLATTEN) | KIND(BN), KIND(CONV) | KIND(LINEAR));
    m->input_layout = (sj_layout){m->input_dims, planes ? 1 : block, m->options.bf16};
}

const sj_layout *sj_source_layout(const sj_model *m, int source) { return source < 0 ? &m->input_layout : &m->layers[source].layout; }

void *sj_source_at(const sj_model *m, int source, int64_t image) {
    return source < 0 ? sj_layout_at(&m->input_layout, m->input, image) : sj_layout_at(&m->layers[source].layout, m->engine->nodes[source].y, image);
}

bool sj_input_wants_gradient(const sj_model *m, int layer, int input) {
    const int from = m->layers[layer].info->inputs[input];
    return from >= 0 && m->engine->nodes[from].wants_gradient;
}

static sj_status find_readers(sj_model *m, sj_error *err) {
    for (int i = 0; i < m->layer_count; i++) {
        sj_node *n = &m->engine->nodes[i];
        const sj_layer_info *l = m->layers[i].info;
        n->reader = n->root = n->term = -1;
        n->fusion.add = -1;
        n->wants_gradient = (sj_learns(l->kind) || l->needs_dx) && l->kind != SJ_KIND_SOFTMAX_CE;
        if (l->groups != 1 && l->kind == SJ_KIND_CONV) {
            return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "layer %s: %lld groups; the trainer has one", l->name, (long long)l->groups);
        }
        for (int j = 0; j < l->input_count; j++) {
            sj_node *from = l->inputs[j] < 0 ? NULL : &m->engine->nodes[l->inputs[j]];
            if (from != NULL && from->reader < 0) {
                from->reader = i;
                from->reader_input = j;
            }
        }
    }
    return SJ_OK;
}

static void add_term(sj_model *m, int root, int owner, int input) {
    sj_fusion *f = &m->engine->nodes[root].fusion;
    sj_fused_term *t = &f->terms[f->term_count];
    const int from = m->layers[owner].info->inputs[input];
    const bool bn = owner == root && m->layers[owner].info->kind == SJ_KIND_BN;
    if (!bn && from >= 0 && m->layers[from].info->kind == SJ_KIND_BN) {
        owner = from;  // a batch norm inside: its input is the term's x
        input = 0;
        m->engine->nodes[from].role = SJ_ROLE_INTERIOR;
    }
    const bool normalised = m->layers[owner].info->kind == SJ_KIND_BN;
    *t = (sj_fused_term){normalised ? owner : -1, sj_source_of(m, owner, input), {owner, input}, sj_input_wants_gradient(m, owner, input)};
    if (normalised) {
        m->engine->nodes[owner].root = root;
        m->engine->nodes[owner].term = f->term_count;
    }
    f->term_count++;
}

// Several passes over the gradient behind the ReLU: a term as it is has it as its own, else the last batch norm's dx holds it until its own pass.
static int find_gate(const sj_fusion *f) {
    int passes = 0, last = -1;
    for (int t = 0; t < f->term_count; t++) {
        passes += f->terms[t].bn >= 0 || f->terms[t].needs_dx ? 1 : 0;
        last = f->terms[t].needs_dx ? t : last;
    }
    for (int t = 0; t < f->term_count && passes > 1; t++) {
        if (f->terms[t].bn < 0 && f->terms[t].needs_dx) {
            return t;
        }
    }
    return passes > 1 ? last : -1;
}

// The sum that ends in this layer: a ReLU takes an add or a batch norm before it along, an add the batch norms before it.
static sj_status fuse(sj_model *m, int root, sj_error *err) {
    sj_fusion *f = &m->engine->nodes[root].fusion;
    const sj_layer_info *l = m->layers[root].info;
    int owner = root;
    f->relu = l->kind == SJ_KIND_RELU;
    if (f->relu && l->inputs[0] >= 0 && m->layers[l->inputs[0]].info->kind == SJ_KIND_ADD) {
        owner = l->inputs[0];
        m->engine->nodes[owner].role = SJ_ROLE_INTERIOR;
        m->engine->nodes[owner].root = root;
    }
    f->add = m->layers[owner].info->kind == SJ_KIND_ADD ? owner : -1;
    m->engine->nodes[root].root = root;
    for (int j = 0; j < m->layers[owner].info->input_count; j++) {
        add_term(m, root, owner, j);
    }
    f->gate = find_gate(f);
    m->layers[root].layout = *sj_source_layout(m, f->terms[0].source);
    for (int t = 0; t < f->term_count; t++) {
        const sj_layout *a = &m->layers[root].layout, *b = sj_source_layout(m, f->terms[t].source);
        if (a->block != b->block || a->dims.h != b->dims.h || a->dims.w != b->dims.w || a->dims.c != b->dims.c) {
            return SJ_FAIL(err, SJ_ERR_INTERNAL, "layer %s sums tensors of two layouts", l->name);
        }
        if (f->terms[t].bn >= 0) {
            m->layers[f->terms[t].bn].layout = *a;
        }
    }
    if (f->add >= 0) {
        m->layers[f->add].layout = m->layers[root].layout;
    }
    return SJ_OK;
}

static bool is_inside(const sj_model *m, int layer) {
    const sj_node *n = &m->engine->nodes[layer];
    const sj_kind kind = m->layers[layer].info->kind, reader = n->reader < 0 ? SJ_KIND_COUNT : m->layers[n->reader].info->kind;
    return kind == SJ_KIND_BN ? reader == SJ_KIND_RELU || reader == SJ_KIND_ADD : kind == SJ_KIND_ADD && reader == SJ_KIND_RELU;
}

static sj_status plan_layer(sj_model *m, int i, sj_error *err) {
    sj_node *n = &m->engine->nodes[i];
    sj_layer *l = &m->layers[i];
    const sj_kind kind = l->info->kind;
    const int source = sj_source_of(m, i, 0);
    const sj_layout *in = sj_source_layout(m, source);
    n->source = i;
    n->role = SJ_ROLE_STORED;
    switch (kind) {
        case SJ_KIND_BN:
        case SJ_KIND_ADD:
        case SJ_KIND_RELU:
            return is_inside(m, i) ? SJ_OK : fuse(m, i, err);
        case SJ_KIND_FLATTEN:
        case SJ_KIND_FORK:
            if (kind == SJ_KIND_FORK || flatten_passes(&m->net.network, i, in)) {
                n->role = SJ_ROLE_ALIAS;
                n->source = source;
                l->layout = *in;
                return SJ_OK;
            }
            break;
        case SJ_KIND_DROPOUT:
            l->layout = *in;
            return SJ_OK;
        case SJ_KIND_SOFTMAX_CE:
            n->role = SJ_ROLE_LOSS;
            break;
        case SJ_KIND_CONV:
        case SJ_KIND_LINEAR:
        case SJ_KIND_MAXPOOL:
        case SJ_KIND_AVGPOOL:
            break;
        default:
            return SJ_FAIL(err, SJ_ERR_UNSUPPORTED, "layer %s: the trainer has no layers of kind %s", l->info->name, sj_kind_name(kind));
    }
    l->layout = (sj_layout){l->info->out, sj_block_of(m, l->info->out.c), m->options.bf16};
    return SJ_OK;
}

// The readers that write a part of the gradient of `layer`'s output: through forks and aliases.
static sj_status find_slots(const sj_model *m, int layer, sj_node *out, sj_error *err) {
    for (int i = layer + 1; i < m->layer_count; i++) {
        for (int j = 0; j < m->layers[i].info->input_count; j++) {
            if (m->layers[i].info->inputs[j] != layer) {
                continue;
            }
            if (m->engine->nodes[i].role == SJ_ROLE_ALIAS) {
                SJ_TRY(find_slots(m, i, out, err));
                continue;
            }
            if (out->slot_count == SJ_TERMS_MAX) {
                return SJ_FAIL(err, SJ_ERR_RANGE, "layer %s: more than %d readers of a fork", m->layers[layer].info->name, SJ_TERMS_MAX);
            }
            out->slots[out->slot_count++] = (sj_slot){i, j};
        }
    }
    return SJ_OK;
}

int sj_branch_slots(const sj_model *m, int fork, int branch, sj_slot *out) {
    for (int i = fork + 1; i < m->layer_count; i++) {
        for (int j = 0; j < m->layers[i].info->input_count; j++) {
            if (m->layers[i].info->inputs[j] != fork || branch-- != 0) {
                continue;
            }
            const sj_node *n = &m->engine->nodes[i];
            if (n->role != SJ_ROLE_ALIAS) {
                *out = (sj_slot){i, j};
                return 1;
            }
            memcpy(out, n->slots, sizeof n->slots);
            return n->slot_count;
        }
    }
    return -1;
}

sj_status sj_plan_nodes(sj_model *m, sj_error *err) {
    SJ_TRY(find_readers(m, err));
    plan_input(m);
    for (int i = 0; i < m->layer_count; i++) {
        SJ_TRY(plan_layer(m, i, err));
    }
    for (int i = 0; i < m->layer_count; i++) {
        sj_node *n = &m->engine->nodes[i];
        SJ_TRY(find_slots(m, i, n, err));
        // A batch norm that alone reads a layer adds that layer's penalty while it makes the gradient.
        n->penalty_in_slot = n->role == SJ_ROLE_STORED && n->root < 0 && n->reader >= 0 && m->layers[n->reader].info->kind == SJ_KIND_BN;
    }
    return SJ_OK;
}
