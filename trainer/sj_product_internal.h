// SPDX-License-Identifier: Apache-2.0
// What the files of sj_product share. A pass is one oneDNN primitive with two activations and weights; an activation goes through up to two copies in the thread's scratch between the
// caller's layout and the primitive's: a conversion (bfloat16 <-> float, channel padding of a linear layer's output) and a oneDNN reorder.
#ifndef SJ_PRODUCT_INTERNAL_H
#define SJ_PRODUCT_INTERNAL_H

#include <oneapi/dnnl/dnnl.h>

#include "sj_product.h"
#include "sj_winograd.h"

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define SJ_WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define SJ_WIDE
#endif

#define DNN_TRY(expr)                                    \
    do {                                                 \
        const dnnl_status_t dnn_status_ = (expr);        \
        if (dnn_status_ != dnnl_success) {               \
            return dnn_status_;                          \
        }                                                \
    } while (0)

enum { PASS_FORWARD, PASS_DATA, PASS_WEIGHTS, PASS_COUNT };
enum { ROLE_X, ROLE_Y, ROLE_COUNT };

typedef struct sj_operand {
    bool converted;
    dnnl_primitive_t reorder;               // NULL where the caller's layout is the primitive's
    dnnl_memory_desc_t user, own;           // after conversion; of the primitive
    size_t converted_at, own_at;            // bytes into the scratch
} sj_operand;

typedef struct sj_pass {
    bool wanted, winograd;
    sj_winograd shape;                      // of a Winograd pass; PASS_DATA: as a forward pass over dy
    dnnl_primitive_desc_t hint, pd;         // hint: the forward pass that a backward one is described with
    dnnl_primitive_t primitive;
    sj_operand operand[ROLE_COUNT];
    dnnl_memory_desc_t w;                   // weights, or their gradient, in the primitive's layout
    size_t w_bytes;                         // oneDNN does not count a hole at the end
    void *storage;                          // of weights
    dnnl_memory_t weights;                  // FORWARD and DATA
    dnnl_primitive_t weights_reorder;       // from the user's layout; WEIGHTS: to it
    dnnl_memory_desc_t pad;
    size_t pad_at;                          // the primitive's (or Winograd's) scratch, bytes into ours
} sj_pass;

// oneDNN's memory objects are cheap handles, one set a lane; the data they point to is set at each call.
typedef struct sj_lane {
    dnnl_stream_t stream;
    dnnl_memory_t user[PASS_COUNT][ROLE_COUNT], own[PASS_COUNT][ROLE_COUNT], pad[PASS_COUNT], bias, partial, reorder_pad;
} sj_lane;

struct sj_product {
    sj_product_shape shape;
    dnnl_data_type_t type;                  // of the primitives' activations and weights
    dnnl_engine_t engine;
    dnnl_memory_desc_t user_w, bias;        // float, KRSC
    sj_pass pass[PASS_COUNT];
    size_t reorder_pad_at, reorder_pad_bytes, scratch_bytes;
    int lane_count;
    sj_lane *lanes;
};

static inline bool sj_pass_reads(int pass, int role) { return pass == PASS_WEIGHTS || (pass == PASS_FORWARD) == (role == ROLE_X); }

// Below this, starting threads for the weights costs more than it saves.
static inline bool sj_product_is_small(const sj_product *p) { return dnnl_memory_desc_get_size(&p->user_w) < ((size_t)1 << 20); }

// sj_product_make.c. Plans and makes all primitives for one thread. On failure what was made stays in p for sj_product_destroy.
dnnl_status_t sj_product_plan(sj_product *p);

// sj_product_scratch.c. `bytes` of the calling thread, 64-byte aligned, valid until its next call; NULL when memory runs out. Freed when the thread ends.
void *sj_product_scratch(size_t bytes);
// `images` images of the operand's layout: to what the primitive takes, and back. Padding channels of a linear layer's output are left out, and written 0.
void sj_product_load(const sj_product *p, int role, const void *data, void *converted);
void sj_product_store(const sj_product *p, int role, const void *converted, void *data);
// to = from, rounded to bfloat16.
void sj_product_round(const float *from, float *to, int64_t count);

#endif
