// SPDX-License-Identifier: Apache-2.0
// Inside of a model (sj_model.h): what is fused, where values and gradients lie, and the order of work. Only the engine's own files include this
// (and its test).
//
// Values. A layer's output is stored by the layer itself, or is another's (fork, flatten), or is never stored: a batch norm or an add inside of a sum.
// Gradients. Every reader of a stored value writes its own part of the gradient, `dx` of that reader; the gradient of a value is the sum of its readers' parts (its slots) plus its own penalty.
// Nobody writes that sum back: sums add the parts up as they load them, other layers make it for their chunk in a lane's scratch.
#ifndef SJ_ENGINE_H
#define SJ_ENGINE_H

#include "sj_model.h"

enum { SJ_GATHERED_MAX = 4 };

typedef enum sj_role {
    SJ_ROLE_STORED,    // has a buffer of its own
    SJ_ROLE_ALIAS,     // its input's value and layout: fork; flatten where nobody minds that the pixels stay apart
    SJ_ROLE_INTERIOR,  // inside of a sum, never stored
    SJ_ROLE_LOSS
} sj_role;

typedef struct sj_slot {
    int layer, input;  // a reader: its dx[input]
} sj_slot;

typedef struct sj_fused_term {
    int bn;          // the batch norm's layer; -1: a term as it is
    int source;      // who stores x
    sj_slot dx;      // where its gradient goes
    bool needs_dx;
} sj_fused_term;

typedef struct sj_fusion {
    int term_count;  // 0: this layer is no sum's root
    sj_fused_term terms[SJ_TERMS_MAX];
    int add;         // the add inside or at the root; -1: none
    int gate;        // the term in whose dx the gradient behind the ReLU is kept for all terms; -1: each makes it anew
    bool relu;       // the root is a ReLU
} sj_fusion;

// A product for the kept channels alone, made when a number of them is first met.
typedef struct sj_gathered {
    int64_t count, last_used;
    sj_product *product;
    sj_layout layout;
} sj_gathered;

typedef struct sj_node {
    sj_role role;
    int source;             // who stores the value: itself, or whom an alias passes on; -1: the network's input
    int root;               // the sum this layer is part of; -1: none
    int term;               // of a batch norm: its term
    int reader, reader_input;  // the (first) reader; -1: none
    bool wants_gradient;    // this output's
    bool penalty_in_slot;   // its reader, a batch norm, adds this output's penalty
    int slot_count;
    sj_slot slots[SJ_TERMS_MAX];
    sj_fusion fusion;
    void *y, *dx[SJ_INPUTS_MAX];
    int64_t chunk;          // of a product, and of its chunks' sums
    sj_product *product;
    int64_t partial_values; // of a chunk's weight gradient
    sj_gathered gathered[SJ_GATHERED_MAX];
    float *scale, *shift, *inverse_std, *a_mean, *b_mean;  // bn; with the layout's padding
    double *sums;           // two vectors a chunk and channel
    uint8_t *mask;          // dropout
    sj_penalty penalty;     // of this output, in the last backward pass
    double *penalty_sums;   // a chunk
    int32_t *kept_list;
} sj_node;

typedef enum sj_op_kind {
    SJ_OP_PRODUCT, SJ_OP_MOMENTS, SJ_OP_SUM, SJ_OP_POOL, SJ_OP_DROPOUT, SJ_OP_UNFOLD, SJ_OP_LOSS, SJ_OP_COUNT_INPUT,
    SJ_OP_LOSS_BACK, SJ_OP_PRODUCT_SCORE, SJ_OP_PRODUCT_BACK, SJ_OP_SUM_GATE, SJ_OP_SUM_MOMENTS, SJ_OP_SUM_BACK, SJ_OP_POOL_BACK, SJ_OP_DROPOUT_BACK, SJ_OP_UNFOLD_BACK, SJ_OP_PENALTY, SJ_OP_KINDS
} sj_op_kind;

// What is done with one chunk of images. Ops of one level need nothing of the whole batch from each other, so they follow one another chunk by chunk, while the chunk is in the cache.
typedef struct sj_op {
    sj_op_kind kind;
    int layer, term, level;
    int place;       // which op it is, whatever the plan: index of engine.chunks
    int64_t chunk;
    float *partials; // of a product's backward pass
} sj_op;

typedef struct sj_plan {
    int count;
    sj_op *ops;      // by level, then in an order in which makers go before users
} sj_plan;

// Where and at which level a tensor is made, while a plan is drawn up.
typedef struct sj_made {
    int level, place;
} sj_made;

typedef struct sj_engine {
    sj_node *nodes;
    int lanes;
    int places;
    int *parents;                // a place: union-find of places that share a chunk
    int64_t *pixels;             // a place: of its largest output
    int64_t *chunks;             // a place: images of a chunk
    sj_made *values, *gradients; // a layer's output; a layer's dx, SJ_INPUTS_MAX each
    sj_op *unsorted;
    sj_plan forward, backward;   // backward is made again in each pass: it depends on the options
    int64_t scratch_bytes;       // of one of a lane's two
    void **scratch;              // two a lane
    float *partials;             // weight gradients of the chunks of one run of ops
    int64_t partial_values;
    float *gathered_weights, *gathered_grad;
    double *losses;              // a chunk
    int64_t *correct;
    float *probabilities;
    double *input_penalty_sums;
    bool dry;                    // sizes are added up, nothing is allocated
    int64_t bytes;               // allocated, products' memory and scratch included
    int64_t product_scratch;     // bytes of a lane
    int64_t backward_clock;      // which gathered product was used last
    // of the pass that runs
    const sj_forward_options *forward_options;
    const sj_backward_options *backward_options;
    sj_mode mode;
    int64_t images;
    double label_smoothing;
} sj_engine;

// ---- sj_plan.c: fusion, layouts, readers.
sj_status sj_plan_nodes(sj_model *m, sj_error *err);
// The readers that write a part of the gradient of one branch of a fork, into out (SJ_TERMS_MAX); their number, -1 where there is no such branch.
int sj_branch_slots(const sj_model *m, int fork, int branch, sj_slot *out);
const sj_layout *sj_source_layout(const sj_model *m, int source);
void *sj_source_at(const sj_model *m, int source, int64_t image);
int64_t sj_block_of(const sj_model *m, int64_t channels);
static inline float sj_dropout_rate(const sj_model *m, int layer) { return m->net.dropout_p[layer]; }
static inline int sj_source_of(const sj_model *m, int layer, int input) {
    const int from = m->layers[layer].info->inputs[input];
    return from < 0 ? -1 : m->engine->nodes[from].source;
}
static inline bool sj_is_product(sj_kind kind) { return kind == SJ_KIND_CONV || kind == SJ_KIND_LINEAR; }
static inline bool sj_learns(sj_kind kind) { return sj_is_product(kind) || kind == SJ_KIND_BN; }
// Does anybody use the gradient of what layer's input reads?
bool sj_input_wants_gradient(const sj_model *m, int layer, int input);

// ---- sj_order.c: the order of work.
sj_status sj_order_create(sj_model *m, sj_error *err);  // the forward plan, and all chunk sizes, from the shapes alone
void sj_order_backward(sj_model *m, const sj_backward_options *options);
int64_t sj_order_chunk(const sj_model *m, sj_op_kind kind, int layer, int term);
// Which is the first op behind `first` that cannot run in the same loop.
int sj_order_run_end(const sj_plan *plan, int first);
// What an op does with one chunk in one thread (`lane`): 0, or what a product failed with.
typedef int (*sj_op_work)(sj_model *m, const sj_op *op, int lane, int64_t chunk);
// ops[begin, end) of a plan, which are of one level and chunk size, on `chunks` chunks; chunks side by side, ops of a chunk in their order. Errors: a product's, with its layer.
sj_status sj_order_run(sj_model *m, const sj_plan *plan, int begin, int end, int64_t chunks, sj_op_work work, sj_error *err);

// ---- sj_sums.c
void sj_bn_vectors(sj_model *m, int bn);                         // scale, shift and inverse_std from mean, variance, gamma and beta
void sj_bn_statistics(sj_model *m, int bn, int64_t chunks);      // mean and variance from the chunks' sums; the running ones follow
void sj_sum_terms(const sj_model *m, int root, int64_t first, sj_term terms[SJ_TERMS_MAX]);  // from image `first` on
void sj_sum_run(sj_model *m, int root, int64_t first, int64_t images);
// The backward pass of a term as sj_kernels.h wants it, from what the readers of the sum gave.
void sj_sum_back_of(const sj_model *m, int root, int term, int64_t first, sj_sum_back *out);
void sj_sum_back_run(sj_model *m, const sj_op *op, int lane, int64_t chunk);  // SUM_GATE, SUM_MOMENTS, SUM_BACK
void sj_bn_gradients(sj_model *m, int bn, int64_t chunks);
void sj_count_add(int64_t *count, int64_t more);                 // from any thread

// ---- sj_backward.c
void *sj_dx_at(const sj_model *m, sj_slot slot, int64_t first);  // NULL where nobody wants it
// The gradient of a stored output for the images, in one tensor: a slot itself, or made in `scratch`. And without the output's own penalty: the sum of `slots`.
const void *sj_gradient_at(const sj_model *m, int layer, int64_t first, int64_t images, void *scratch);
const void *sj_slots_at(const sj_model *m, const sj_layout *l, const sj_slot *slots, int count, int64_t first, int64_t images, void *scratch);

// ---- sj_penalties.c
void sj_penalties_set(sj_model *m, const sj_backward_options *o);
void sj_penalty_chunk(const sj_model *m, const sj_op *op, int64_t chunk, int64_t first);
double sj_penalties_value(const sj_model *m, const sj_backward_options *o);  // after the backward pass

// ---- sj_select.c: ssProp.
bool sj_selects(const sj_model *m, const sj_backward_options *options, int layer);
sj_status sj_select_start(sj_model *m, const sj_backward_options *options, sj_error *err);
void sj_select_score(sj_model *m, int layer, int lane, int64_t chunk, int64_t images);
sj_status sj_select_by_score(sj_model *m, int layer, int64_t chunks, sj_error *err);
sj_gathered *sj_select_gathered(const sj_model *m, int layer);  // NULL where all channels are multiplied
// dy of the product that is multiplied: masked or gathered in the lane's scratch, or dy.
const void *sj_select_apply(sj_model *m, int layer, int lane, int64_t images, const void *dy);
sj_status sj_select_reduce(sj_model *m, int layer, float *partials, int64_t count, sj_error *err);

// ---- sj_culprit.c: who made a NaN or an infinity.
sj_status sj_culprit_value(sj_model *m, int64_t images, double loss, sj_error *err);
sj_status sj_culprit_gradient(const sj_model *m, sj_error *err);

// ---- sj_build.c
sj_status sj_engine_build(sj_model *m, sj_error *err);  // what m->net, batch and options ask for
// 64-byte aligned, zeroed; in a dry run counted alone.
sj_status sj_engine_grow(sj_engine *e, float **values, int64_t *count, int64_t needed, sj_error *err);
// Threads of a parallel region: not more than there are lanes.
int sj_engine_threads(const sj_model *m);
static inline int64_t sj_line_floats(int64_t count) { return (count + 15) / 16 * 16; }  // a multiple of a cache line
// A layer's product for the channels of `out` alone, or, NULL, its own.
sj_status sj_model_product(sj_model *m, int layer, const sj_layout *out, sj_product **product, sj_error *err);
sj_status sj_engine_alloc(sj_engine *e, void **out, int64_t count, size_t size, const char *what, sj_error *err);

#endif
